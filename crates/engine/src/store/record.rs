//! Raw records as the processor sent them, compressed, one row per content.

use super::{failed, packed, parsed};
use jiff::Timestamp;
use ledger::Problem;
use sha2::{Digest, Sha256};
use sqlx::{QueryBuilder, Row, Sqlite, SqlitePool};
use std::collections::BTreeMap;

/// Rows per statement: seven values each stay far below SQLite's limit.
const ROWS_AT_ONCE: usize = 500;

/// Keeps what is new; the same content a second time is recognised and not stored again.
/// Returns how many rows were new.
pub async fn keep(pool: &SqlitePool, connection: &str, version: &str, records: &[connector::Record], now: Timestamp) -> Result<u64, Problem> {
    let mut new = 0;
    let mut tx = journal::begin(pool).await?;
    for chunk in records.chunks(ROWS_AT_ONCE) {
        let mut rows = Vec::with_capacity(chunk.len());
        for record in chunk {
            let text = super::to_json(&record.body)?;
            let digest = hex::encode(&Sha256::digest(text.as_bytes())[..16]);
            rows.push((record, digest, packed(&record.body)?));
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

/// Every record that one connector version has read, newest content each, and where reading stopped.
///
/// Grows by what was received since: a year of records is unpacked once, not every day.
#[derive(Default)]
pub struct Newest {
    records: Vec<connector::Record>,
    /// (stream, id) → place in `records`, and when that content was received.
    places: BTreeMap<(String, String), (usize, Timestamp)>,
    received_through: Option<Timestamp>,
    rows: u64,
}

impl Newest {
    /// Rows seen so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    pub fn records(&self) -> &[connector::Record] {
        &self.records
    }

    /// Reads what was received at or after the last time; rows of that very instant are seen again, which changes nothing.
    pub async fn catch_up(&mut self, pool: &SqlitePool, connection: &str, version: &str) -> Result<(), Problem> {
        let rows = sqlx::query(
            "SELECT stream, id, instant, updated, parent, body, received_at FROM record WHERE connection_id = $1 AND version = $2 AND received_at >= $3",
        )
        .bind(connection)
        .bind(version)
        .bind(self.received_through.map_or(String::new(), |t| t.to_string()))
        .fetch_all(pool)
        .await
        .map_err(|e| failed("read records", &e))?;
        // One context for all rows: making one costs more than unpacking a record.
        let mut unpack = zstd::bulk::Decompressor::new().map_err(|e| crate::home::cannot_use(std::path::Path::new("memory"), &e))?;
        for row in &rows {
            let updated: Timestamp = parsed("instant", row.get("updated"))?;
            let received: Timestamp = parsed("instant", row.get("received_at"))?;
            let key: (String, String) = (row.get("stream"), row.get("id"));
            self.received_through = self.received_through.max(Some(received));
            // Orders carry no reliable "updated"; then the one received last counts.
            let place = self.places.get(&key).copied();
            if place.is_some_and(|(at, then)| (updated, received) < (self.records[at].updated, then)) {
                continue;
            }
            let body: Vec<u8> = row.get("body");
            let text = unpack.decompress(&body, LARGEST_RECORD_BYTES).map_err(|e| super::unknown("record", &format!("damaged ({e})")))?;
            let record = connector::Record {
                stream: key.0.clone(),
                id: key.1.clone(),
                instant: parsed("instant", row.get("instant"))?,
                updated,
                parent: row.get("parent"),
                body: super::from_json("record", &text)?,
            };
            match place {
                Some((at, _)) => {
                    self.records[at] = record;
                    self.places.insert(key, (at, received));
                }
                None => {
                    self.places.insert(key, (self.records.len(), received));
                    self.records.push(record);
                }
            }
        }
        self.rows = count(pool, connection, version).await?;
        Ok(())
    }
}

/// A record is one object of a processor; the largest seen are orders with hundreds of lines.
const LARGEST_RECORD_BYTES: usize = 16 * 1024 * 1024;

/// The newest content of every record that one connector version has read.
pub async fn newest(pool: &SqlitePool, connection: &str, version: &str) -> Result<Vec<connector::Record>, Problem> {
    let mut newest = Newest::default();
    newest.catch_up(pool, connection, version).await?;
    Ok(newest.records)
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
pub async fn set_cursor(pool: &SqlitePool, connection: &str, version: &str, stream: &str, through: Timestamp) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO cursor (connection_id, version, stream, through) VALUES ($1,$2,$3,$4) \
         ON CONFLICT (connection_id, version, stream) DO UPDATE SET through = excluded.through",
    )
    .bind(connection)
    .bind(version)
    .bind(stream)
    .bind(through.to_string())
    .execute(pool)
    .await
    .map(|_| ())
    .map_err(|e| failed("move a cursor", &e))
}
