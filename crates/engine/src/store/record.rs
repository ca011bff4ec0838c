//! Raw records as the processor sent them, compressed, one row per content.

use super::{failed, parsed};
use connector::RowName;
use jiff::Timestamp;
use ledger::Problem;
use sha2::{Digest, Sha256};
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection, SqlitePool};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Rows per statement: seven values each stay far below SQLite's limit.
const ROWS_AT_ONCE: usize = 500;
const PACKING_LEVEL: i32 = 3;

/// Keeps what is new; the same content a second time is recognised and not stored again.
/// Returns how many rows were new.
pub async fn keep(pool: &SqlitePool, connection: &str, version: &str, records: &[connector::Record], now: Timestamp) -> Result<u64, Problem> {
    if records.is_empty() {
        return Ok(0);
    }
    let mut new = 0;
    // One context for all: making one costs more than packing a record.
    let cannot = |e: &std::io::Error| crate::home::cannot_use(std::path::Path::new("memory"), e);
    let mut pack = zstd::bulk::Compressor::new(PACKING_LEVEL).map_err(|e| cannot(&e))?;
    let mut tx = journal::begin(pool).await?;
    for chunk in records.chunks(ROWS_AT_ONCE) {
        let mut rows = Vec::with_capacity(chunk.len());
        for record in chunk {
            let text = super::to_json(&record.body)?;
            let digest = hex::encode(&Sha256::digest(text.as_bytes())[..16]);
            rows.push((record, digest, pack.compress(text.as_bytes()).map_err(|e| cannot(&e))?));
        }
        let mut insert: QueryBuilder<Sqlite> =
            QueryBuilder::new("INSERT INTO record (connection_id, version, stream, id, digest, instant, updated, parent, body, received_at) ");
        insert.push_values(rows, |mut row, (record, digest, body)| {
            row.push_bind(connection)
                .push_bind(version)
                .push_bind(&record.stream)
                .push_bind(&record.id)
                .push_bind(digest)
                .push_bind(record.instant.to_string())
                .push_bind(record.updated.to_string())
                .push_bind(record.parent.clone())
                .push_bind(body)
                .push_bind(now.to_string());
        });
        insert.push(" ON CONFLICT DO NOTHING");
        new += insert.build().execute(&mut *tx).await.map_err(|e| failed("keep records", &e))?.rows_affected();
    }
    tx.commit().await.map_err(|e| failed("keep records", &e))?;
    Ok(new)
}

/// Which content of every record is the newest, and how far arrivals were looked at. Holds names only, no bodies.
#[derive(Default)]
pub struct Arrivals {
    newest: HashMap<RowName, Newest>,
    received_through: Option<Timestamp>,
}

struct Newest {
    digest: String,
    updated: Timestamp,
    received: Timestamp,
}

impl Arrivals {
    /// The names whose content is new since the last time, in the order in which they were received.
    /// Rows of the last instant are seen again, because more may have come within it; that changes nothing.
    pub async fn catch_up(&mut self, pool: &SqlitePool, connection: &str, version: &str) -> Result<Vec<RowName>, Problem> {
        let rows = sqlx::query(
            "SELECT stream, id, digest, updated, received_at FROM record WHERE connection_id = $1 AND version = $2 AND received_at >= $3 ORDER BY received_at, stream, id, updated",
        )
        .bind(connection)
        .bind(version)
        .bind(self.received_through.map_or(String::new(), |t| t.to_string()))
        .fetch_all(pool)
        .await
        .map_err(|e| failed("read records", &e))?;
        let mut fresh = Vec::new();
        let mut seen = HashSet::new();
        for row in &rows {
            let updated: Timestamp = parsed("instant", row.get("updated"))?;
            let received: Timestamp = parsed("instant", row.get("received_at"))?;
            let name: RowName = (row.get("stream"), row.get("id"));
            let digest: String = row.get("digest");
            self.received_through = self.received_through.max(Some(received));
            // Orders carry no reliable "updated"; then the one received last counts.
            let known = self.newest.get(&name);
            if known.is_some_and(|known| known.digest == digest || (updated, received) < (known.updated, known.received)) {
                continue;
            }
            self.newest.insert(name.clone(), Newest { digest, updated, received });
            if seen.insert(name.clone()) {
                fresh.push(name);
            }
        }
        Ok(fresh)
    }

    /// The records of these names as they are now; a name that nothing is stored under is left out.
    pub async fn bodies<'n>(&self, pool: &SqlitePool, connection: &str, version: &str, names: impl IntoIterator<Item = &'n RowName>) -> Result<Vec<connector::Record>, Problem> {
        self.stored(pool, connection, version, names).await?.into_iter().map(Stored::record).collect()
    }

    async fn stored<'n>(&self, pool: &SqlitePool, connection: &str, version: &str, names: impl IntoIterator<Item = &'n RowName>) -> Result<Vec<Stored>, Problem> {
        let mut by_stream: BTreeMap<&str, Vec<&RowName>> = BTreeMap::new();
        for name in names {
            by_stream.entry(name.0.as_str()).or_default().push(name);
        }
        // One context for all rows: making one costs more than unpacking a record.
        let mut unpack = zstd::bulk::Decompressor::new().map_err(|e| crate::home::cannot_use(std::path::Path::new("memory"), &e))?;
        let mut records = Vec::new();
        for (stream, names) in by_stream {
            for chunk in names.chunks(ROWS_AT_ONCE) {
                let mut select: QueryBuilder<Sqlite> = QueryBuilder::new("SELECT id, digest, instant, updated, parent, body FROM record WHERE connection_id = ");
                select.push_bind(connection).push(" AND version = ").push_bind(version).push(" AND stream = ").push_bind(stream).push(" AND id IN (");
                let mut list = select.separated(",");
                for name in chunk {
                    list.push_bind(&name.1);
                }
                select.push(")");
                let rows = select.build().fetch_all(pool).await.map_err(|e| failed("read records", &e))?;
                let mut found: HashMap<String, Stored> = HashMap::with_capacity(chunk.len());
                for row in &rows {
                    let id: String = row.get("id");
                    let name = (stream.to_string(), id);
                    if self.newest.get(&name).is_none_or(|newest| newest.digest != row.get::<&str, _>("digest")) {
                        continue;
                    }
                    let text = unpack.decompress(row.get::<&[u8], _>("body"), size_of_packed(row.get("body"))).map_err(|e| super::unknown("record", &format!("damaged ({e})")))?;
                    let (stream, id) = name;
                    let text = String::from_utf8(text).map_err(|e| super::unknown("record", &format!("damaged ({e})")))?;
                    let stored = Stored {
                        stream,
                        id: id.clone(),
                        instant: parsed("instant", row.get("instant"))?,
                        updated: parsed("instant", row.get("updated"))?,
                        parent: row.get("parent"),
                        text,
                    };
                    found.insert(id, stored);
                }
                // In the order of the names, so that the same records always map in the same order.
                records.extend(chunk.iter().filter_map(|name| found.remove(&name.1)));
            }
        }
        Ok(records)
    }
}

/// How large a packed record is when unpacked; what does not say so gets all the room a record may have.
fn size_of_packed(body: &[u8]) -> usize {
    let said = zstd::zstd_safe::get_frame_content_size(body).ok().flatten();
    said.and_then(|size| usize::try_from(size).ok()).map_or(LARGEST_RECORD_BYTES, |size| size.min(LARGEST_RECORD_BYTES))
}

/// A record with its body still as text.
struct Stored {
    stream: String,
    id: String,
    instant: Timestamp,
    updated: Timestamp,
    parent: Option<String>,
    text: String,
}

impl Stored {
    fn record(self) -> Result<connector::Record, Problem> {
        let body = super::from_json("record", self.text.as_bytes())?;
        Ok(connector::Record { stream: self.stream, id: self.id, instant: self.instant, updated: self.updated, parent: self.parent, body })
    }

    /// The record as one line of JSON, its body word for word.
    fn line(&self) -> Result<String, Problem> {
        let head = super::to_json(&Head { stream: &self.stream, id: &self.id, instant: self.instant, updated: self.updated, parent: self.parent.as_deref() })?;
        // The head is an object with fields, so its last character is the brace that the body goes before.
        Ok(format!("{},\"body\":{}}}", head.trim_end_matches('}'), self.text))
    }
}

#[derive(serde::Serialize)]
struct Head<'r> {
    stream: &'r str,
    id: &'r str,
    instant: Timestamp,
    updated: Timestamp,
    parent: Option<&'r str>,
}

/// A record is one object of a processor; the largest seen are orders with hundreds of lines.
const LARGEST_RECORD_BYTES: usize = 16 * 1024 * 1024;

/// The newest content of every record that one connector version has read, each as one line of JSON, some at a time: a year of them
/// is large.
pub async fn each_newest(
    pool: &SqlitePool,
    connection: &str,
    version: &str,
    mut take: impl FnMut(Vec<String>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut arrivals = Arrivals::default();
    let names = arrivals.catch_up(pool, connection, version).await?;
    for chunk in names.chunks(ROWS_AT_ONCE) {
        take(arrivals.stored(pool, connection, version, chunk).await?.iter().map(Stored::line).collect::<Result<_, _>>()?)?;
    }
    Ok(())
}

/// How many rows one connector version has stored. Rows are only ever added, so this tells whether anything is new.
pub async fn count(pool: &SqlitePool, connection: &str, version: &str) -> Result<u64, Problem> {
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM record WHERE connection_id = $1 AND version = $2")
        .bind(connection)
        .bind(version)
        .fetch_one(pool)
        .await
        .map_err(|e| failed("count records", &e))?;
    u64::try_from(count).map_err(|_| super::unknown("count", "negative"))
}

pub async fn cursor(pool: &SqlitePool, connection: &str, version: &str, stream: &str) -> Result<Option<Timestamp>, Problem> {
    let text: Option<String> = sqlx::query_scalar("SELECT through FROM cursor WHERE connection_id=$1 AND version=$2 AND stream=$3")
        .bind(connection)
        .bind(version)
        .bind(stream)
        .fetch_optional(pool)
        .await
        .map_err(|e| failed("read a cursor", &e))?;
    text.map(|t| parsed("instant", &t)).transpose()
}

/// Moves the cursor. Only after the records up to it are kept: state is never ahead of data.
pub async fn set_cursor(tx: &mut SqliteConnection, connection: &str, version: &str, stream: &str, through: Timestamp) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO cursor (connection_id, version, stream, through) VALUES ($1,$2,$3,$4) \
         ON CONFLICT (connection_id, version, stream) DO UPDATE SET through = excluded.through",
    )
    .bind(connection)
    .bind(version)
    .bind(stream)
    .bind(through.to_string())
    .execute(tx)
    .await
    .map(|_| ())
    .map_err(|e| failed("move a cursor", &e))
}
