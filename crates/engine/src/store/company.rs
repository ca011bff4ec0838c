//! Companies and their connections, as stored.

use super::{failed, from_json, parsed, to_json};
use jiff::Timestamp;
use jiff::civil::Date;
use ledger::{Currency, Problem, RoleMap};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqlitePool};
use std::path::PathBuf;

/// One business whose books Changeover looks after.
#[derive(Debug, Clone, PartialEq)]
pub struct Company {
    pub id: String,
    pub name: String,
    pub books_path: PathBuf,
    /// IANA name of the business's time zone: "America/New_York".
    pub zone: String,
    pub currency: Currency,
    /// Nothing is written on or before this date.
    pub closed_through: Option<Date>,
    pub practice: bool,
    pub created_at: Timestamp,
}

/// One company's link between a processor account and the books.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    pub id: String,
    pub company_id: String,
    pub provider: String,
    pub environment: String,
    /// `base` replaces the provider's own addresses (practice only, loopback only); `redirect` is the person's own page.
    pub endpoints: Option<serde_json::Value>,
    pub client_id: String,
    pub tenant_id: Option<String>,
    pub tenant_name: Option<String>,
    pub connector: String,
    /// The connector version that is settled; during an upgrade the one being replaced.
    pub version: String,
    pub roles: RoleMap,
    /// Movements before this instant are not looked at.
    pub sync_from: Timestamp,
    pub synced_at: Option<Timestamp>,
}

fn company(row: &SqliteRow) -> Result<Company, Problem> {
    let closed: Option<String> = row.get("closed_through");
    Ok(Company {
        id: row.get("id"),
        name: row.get("name"),
        books_path: PathBuf::from(row.get::<String, _>("books_path")),
        zone: row.get("zone"),
        currency: Currency::of(row.get("currency"))?,
        closed_through: closed.map(|text| parsed("date", &text)).transpose()?,
        practice: row.get::<i64, _>("practice") != 0,
        created_at: parsed("instant", row.get("created_at"))?,
    })
}

fn connection(row: &SqliteRow) -> Result<Connection, Problem> {
    let endpoints: Option<String> = row.get("endpoints");
    let synced: Option<String> = row.get("synced_at");
    Ok(Connection {
        id: row.get("id"),
        company_id: row.get("company_id"),
        provider: row.get("provider"),
        environment: row.get("environment"),
        endpoints: endpoints.map(|text| from_json("address set", text.as_bytes())).transpose()?,
        client_id: row.get("client_id"),
        tenant_id: row.get("tenant_id"),
        tenant_name: row.get("tenant_name"),
        connector: row.get("connector"),
        version: row.get("version"),
        roles: from_json("role map", row.get::<String, _>("roles").as_bytes())?,
        sync_from: parsed("instant", row.get("sync_from"))?,
        synced_at: synced.map(|text| parsed("instant", &text)).transpose()?,
    })
}

pub async fn insert(pool: &SqlitePool, c: &Company) -> Result<(), Problem> {
    sqlx::query("INSERT INTO company (id, name, books_app, books_path, zone, currency, closed_through, practice, created_at) VALUES ($1,$2,'gnucash-sqlite',$3,$4,$5,$6,$7,$8)")
        .bind(&c.id)
        .bind(&c.name)
        .bind(c.books_path.to_string_lossy().into_owned())
        .bind(&c.zone)
        .bind(c.currency.code())
        .bind(c.closed_through.map(|d| d.to_string()))
        .bind(i64::from(c.practice))
        .bind(c.created_at.to_string())
        .execute(pool)
        .await
        .map(|_| ())
        .map_err(|e| failed("add a company", &e))
}

pub async fn all(pool: &SqlitePool) -> Result<Vec<Company>, Problem> {
    let rows = sqlx::query("SELECT * FROM company ORDER BY name, id").fetch_all(pool).await.map_err(|e| failed("read companies", &e))?;
    rows.iter().map(company).collect()
}

pub async fn get(pool: &SqlitePool, id: &str) -> Result<Option<Company>, Problem> {
    let row = sqlx::query("SELECT * FROM company WHERE id = $1").bind(id).fetch_optional(pool).await.map_err(|e| failed("read a company", &e))?;
    row.as_ref().map(company).transpose()
}

pub async fn set_books_path(pool: &SqlitePool, id: &str, path: &std::path::Path) -> Result<(), Problem> {
    sqlx::query("UPDATE company SET books_path = $2 WHERE id = $1")
        .bind(id)
        .bind(path.to_string_lossy().into_owned())
        .execute(pool)
        .await
        .map(|_| ())
        .map_err(|e| failed("change a company's books", &e))
}

/// Time zone and closed period, as a restore puts them back.
pub async fn set_zone_and_closing(tx: &mut sqlx::SqliteConnection, id: &str, zone: &str, closed_through: Option<Date>) -> Result<(), Problem> {
    sqlx::query("UPDATE company SET zone = $2, closed_through = $3 WHERE id = $1")
        .bind(id)
        .bind(zone)
        .bind(closed_through.map(|d| d.to_string()))
        .execute(tx)
        .await
        .map(|_| ())
        .map_err(|e| failed("change a company's settings", &e))
}

pub async fn insert_connection(pool: &SqlitePool, c: &Connection, now: Timestamp) -> Result<(), Problem> {
    let endpoints = c.endpoints.as_ref().map(to_json).transpose()?;
    sqlx::query(
        "INSERT INTO connection (id, company_id, provider, environment, endpoints, client_id, tenant_id, tenant_name, connector, version, roles, sync_from, synced_at, created_at) \
         VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)",
    )
    .bind(&c.id)
    .bind(&c.company_id)
    .bind(&c.provider)
    .bind(&c.environment)
    .bind(endpoints)
    .bind(&c.client_id)
    .bind(&c.tenant_id)
    .bind(&c.tenant_name)
    .bind(&c.connector)
    .bind(&c.version)
    .bind(to_json(&c.roles)?)
    .bind(c.sync_from.to_string())
    .bind(c.synced_at.map(|t| t.to_string()))
    .bind(now.to_string())
    .execute(pool)
    .await
    .map(|_| ())
    .map_err(|e| failed("add a connection", &e))
}

pub async fn connections(pool: &SqlitePool, company_id: &str) -> Result<Vec<Connection>, Problem> {
    let rows = sqlx::query("SELECT * FROM connection WHERE company_id = $1 ORDER BY created_at, id")
        .bind(company_id)
        .fetch_all(pool)
        .await
        .map_err(|e| failed("read connections", &e))?;
    rows.iter().map(connection).collect()
}

pub async fn get_connection(pool: &SqlitePool, id: &str) -> Result<Option<Connection>, Problem> {
    let row = sqlx::query("SELECT * FROM connection WHERE id = $1").bind(id).fetch_optional(pool).await.map_err(|e| failed("read a connection", &e))?;
    row.as_ref().map(connection).transpose()
}

/// Forgets a connection that never read or posted anything. Errors: `E-STORE`.
pub async fn delete_connection(pool: &SqlitePool, id: &str) -> Result<(), Problem> {
    let query = sqlx::query("DELETE FROM connection WHERE id = $1").bind(id);
    query.execute(pool).await.map(|_| ()).map_err(|e| failed("remove an account", &e))
}

/// One thing about a connection that can change. Each is written by itself: two at once, a synchronisation and a sign-in, must not
/// write back what the other has just changed.
#[derive(Debug, Clone, Copy)]
pub enum ConnectionChange<'a> {
    /// Where the practice servers are.
    Endpoints(&'a serde_json::Value),
    /// The person's own application at the provider.
    ClientId(&'a str),
    /// The company at the provider.
    Tenant { id: &'a str, name: &'a str },
    /// The settled connector version.
    Version(&'a str),
    Roles(&'a RoleMap),
    SyncedAt(Timestamp),
}

/// Errors: `E-STORE`.
pub async fn change_connection(executor: impl sqlx::SqliteExecutor<'_>, id: &str, change: ConnectionChange<'_>) -> Result<(), Problem> {
    let query = match change {
        ConnectionChange::Endpoints(endpoints) => sqlx::query("UPDATE connection SET endpoints=$2 WHERE id=$1").bind(id).bind(to_json(endpoints)?),
        ConnectionChange::ClientId(client) => sqlx::query("UPDATE connection SET client_id=$2 WHERE id=$1").bind(id).bind(client),
        ConnectionChange::Tenant { id: tenant, name } => {
            sqlx::query("UPDATE connection SET tenant_id=$2, tenant_name=$3 WHERE id=$1").bind(id).bind(tenant).bind(name)
        }
        ConnectionChange::Version(version) => sqlx::query("UPDATE connection SET version=$2 WHERE id=$1").bind(id).bind(version),
        ConnectionChange::Roles(roles) => sqlx::query("UPDATE connection SET roles=$2 WHERE id=$1").bind(id).bind(to_json(roles)?),
        ConnectionChange::SyncedAt(at) => sqlx::query("UPDATE connection SET synced_at=$2 WHERE id=$1").bind(id).bind(at.to_string()),
    };
    query.execute(executor).await.map(|_| ()).map_err(|e| failed("change a connection", &e))
}
