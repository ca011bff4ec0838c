//! Raw records as the processor sent them, compressed, one row per content.

use super::{failed, packed, parsed, unpacked};
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
    let mut tx = pool.begin().await.map_err(|e| failed("keep records", &e))?;
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

/// The newest content of every record that one connector version has read.
pub async fn newest(pool: &SqlitePool, connection: &str, version: &str) -> Result<Vec<connector::Record>, Problem> {
    let rows = sqlx::query("SELECT stream, id, instant, updated, parent, body, received_at FROM record WHERE connection_id = $1 AND version = $2")
        .bind(connection)
        .bind(version)
        .fetch_all(pool)
        .await
        .map_err(|e| failed("read records", &e))?;
    let mut newest: BTreeMap<(String, String), (Timestamp, Timestamp, usize)> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        let updated: Timestamp = parsed("instant", row.get("updated"))?;
        let received: Timestamp = parsed("instant", row.get("received_at"))?;
        let key = (row.get("stream"), row.get("id"));
        // Orders carry no reliable "updated"; then the one received last counts.
        let is_newer = newest.get(&key).is_none_or(|(u, r, _)| (updated, received) >= (*u, *r));
        if is_newer {
            newest.insert(key, (updated, received, at));
        }
    }
    let mut records = Vec::with_capacity(newest.len());
    for ((stream, id), (updated, _, at)) in newest {
        let row = &rows[at];
        records.push(connector::Record {
            stream,
            id,
            instant: parsed("instant", row.get("instant"))?,
            updated,
            parent: row.get("parent"),
            body: unpacked("record", row.get("body"))?,
        });
    }
    Ok(records)
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
