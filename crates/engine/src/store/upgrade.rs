//! Upgrades and their large facts, as stored. The state itself is the fold of the journal.

use super::{failed, packed, parsed, unpacked};
use jiff::Timestamp;
use ledger::Problem;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, SqlitePool};

/// The row by which an upgrade is found.
#[derive(Debug, Clone, PartialEq)]
pub struct UpgradeRow {
    pub id: String,
    pub company_id: String,
    pub connection_id: String,
    pub from_version: String,
    pub to_version: String,
    pub started_at: Timestamp,
    pub open: bool,
}

fn upgrade(row: &SqliteRow) -> Result<UpgradeRow, Problem> {
    Ok(UpgradeRow {
        id: row.get("id"),
        company_id: row.get("company_id"),
        connection_id: row.get("connection_id"),
        from_version: row.get("from_version"),
        to_version: row.get("to_version"),
        started_at: parsed("instant", row.get("started_at"))?,
        open: row.get::<i64, _>("open") != 0,
    })
}

pub async fn insert(tx: &mut SqliteConnection, u: &UpgradeRow) -> Result<(), Problem> {
    sqlx::query("INSERT INTO upgrade (id, company_id, connection_id, from_version, to_version, started_at, open) VALUES ($1,$2,$3,$4,$5,$6,$7)")
        .bind(&u.id)
        .bind(&u.company_id)
        .bind(&u.connection_id)
        .bind(&u.from_version)
        .bind(&u.to_version)
        .bind(u.started_at.to_string())
        .bind(i64::from(u.open))
        .execute(tx)
        .await
        .map(|_| ())
        .map_err(|e| failed("add an upgrade", &e))
}

pub async fn close(tx: &mut SqliteConnection, id: &str) -> Result<(), Problem> {
    sqlx::query("UPDATE upgrade SET open = 0 WHERE id = $1").bind(id).execute(tx).await.map(|_| ()).map_err(|e| failed("close an upgrade", &e))
}

pub async fn get(pool: &SqlitePool, id: &str) -> Result<Option<UpgradeRow>, Problem> {
    let row = sqlx::query("SELECT * FROM upgrade WHERE id = $1").bind(id).fetch_optional(pool).await.map_err(|e| failed("read an upgrade", &e))?;
    row.as_ref().map(upgrade).transpose()
}

/// Upgrades of a company, newest first.
pub async fn of_company(pool: &SqlitePool, company_id: &str) -> Result<Vec<UpgradeRow>, Problem> {
    let rows = sqlx::query("SELECT * FROM upgrade WHERE company_id = $1 ORDER BY started_at DESC, id")
        .bind(company_id)
        .fetch_all(pool)
        .await
        .map_err(|e| failed("read upgrades", &e))?;
    rows.iter().map(upgrade).collect()
}

/// The open upgrade of a connection, if any.
pub async fn open_of(pool: &SqlitePool, connection_id: &str) -> Result<Option<UpgradeRow>, Problem> {
    let row = sqlx::query("SELECT * FROM upgrade WHERE connection_id = $1 AND open = 1").bind(connection_id).fetch_optional(pool).await.map_err(|e| failed("read upgrades", &e))?;
    row.as_ref().map(upgrade).transpose()
}

/// Keeps a large fact under a name, replacing an older one.
pub async fn keep_fact<T: serde::Serialize>(pool: &SqlitePool, upgrade_id: &str, name: &str, fact: &T) -> Result<(), Problem> {
    sqlx::query("INSERT INTO upgrade_fact (upgrade_id, name, body) VALUES ($1,$2,$3) ON CONFLICT (upgrade_id, name) DO UPDATE SET body = excluded.body")
        .bind(upgrade_id)
        .bind(name)
        .bind(packed(fact)?)
        .execute(pool)
        .await
        .map(|_| ())
        .map_err(|e| failed("keep a fact of the upgrade", &e))
}

/// A fact as it is stored.
pub async fn fact_body(pool: &SqlitePool, upgrade_id: &str, name: &str) -> Result<Option<Vec<u8>>, Problem> {
    sqlx::query_scalar("SELECT body FROM upgrade_fact WHERE upgrade_id = $1 AND name = $2")
        .bind(upgrade_id)
        .bind(name)
        .fetch_optional(pool)
        .await
        .map_err(|e| failed("read a fact of the upgrade", &e))
}

pub async fn fact<T: serde::de::DeserializeOwned>(pool: &SqlitePool, upgrade_id: &str, name: &str) -> Result<Option<T>, Problem> {
    fact_body(pool, upgrade_id, name).await?.map(|bytes| unpacked("fact of an upgrade", &bytes)).transpose()
}

/// Sets who may post each stream of a connection. An empty owner list means: no upgrade under way.
pub async fn set_owner(tx: &mut SqliteConnection, connection_id: &str, stream: &str, owner: &str) -> Result<(), Problem> {
    sqlx::query("INSERT INTO stream_owner (connection_id, stream, owner) VALUES ($1,$2,$3) ON CONFLICT (connection_id, stream) DO UPDATE SET owner = excluded.owner")
        .bind(connection_id)
        .bind(stream)
        .bind(owner)
        .execute(tx)
        .await
        .map(|_| ())
        .map_err(|e| failed("set who owns a stream", &e))
}

pub async fn owners(pool: &SqlitePool, connection_id: &str) -> Result<Vec<(String, String)>, Problem> {
    let rows = sqlx::query("SELECT stream, owner FROM stream_owner WHERE connection_id = $1 ORDER BY stream").bind(connection_id).fetch_all(pool).await.map_err(|e| failed("read who owns the streams", &e))?;
    Ok(rows.iter().map(|row| (row.get("stream"), row.get("owner"))).collect())
}

pub async fn clear_owners(tx: &mut SqliteConnection, connection_id: &str) -> Result<(), Problem> {
    sqlx::query("DELETE FROM stream_owner WHERE connection_id = $1").bind(connection_id).execute(tx).await.map(|_| ()).map_err(|e| failed("clear who owns the streams", &e))
}
