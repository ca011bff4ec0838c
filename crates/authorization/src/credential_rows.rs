//! The tables of this crate in the engine's store, and every statement that touches them.
//!
//! Rows hold public facts in the clear and one sealed blob. Rows are never deleted: a retired one keeps its
//! facts and loses its blob. Changing tokens is one statement that names the rotation it replaces, so that a
//! late writer changes nothing. A new column is a new numbered step in [`migrate`].

use crate::endpoints::Environment;
use crate::grant::{GrantFacts, Tenant};
use crate::keychain::KeptWhere;
use crate::place_rows;
use crate::problems::{E_CREDENTIAL_STORE, E_CREDENTIAL_UNREADABLE, shown, store};
use jiff::Timestamp;
use ledger::Problem;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqlitePool};

const SCHEMA_VERSION: i64 = 4;

const STEP_1: &[&str] = &[
    "CREATE TABLE credential_key (
        key_id TEXT PRIMARY KEY,
        number INTEGER NOT NULL,
        kept TEXT NOT NULL,
        canary BLOB NOT NULL,
        created TEXT NOT NULL,
        lost INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE credential (
        connection_id TEXT NOT NULL,
        generation INTEGER NOT NULL,
        provider TEXT NOT NULL,
        environment TEXT NOT NULL,
        kind TEXT NOT NULL,
        client_id TEXT NOT NULL,
        tenant_id TEXT NOT NULL,
        tenant_name TEXT NOT NULL,
        permissions TEXT NOT NULL,
        missing TEXT NOT NULL,
        access_expires TEXT,
        refresh_expires TEXT,
        obtained TEXT NOT NULL,
        key_id TEXT NOT NULL REFERENCES credential_key (key_id),
        rotation INTEGER NOT NULL,
        sealed BLOB NOT NULL,
        state TEXT NOT NULL,
        reason TEXT,
        refresh_started TEXT,
        retry_after TEXT,
        created TEXT NOT NULL,
        last_used TEXT,
        PRIMARY KEY (connection_id, generation))",
];

/// Secrets of developer applications.
const STEP_2: &[&str] = &["CREATE TABLE credential_app (
        provider TEXT NOT NULL,
        environment TEXT NOT NULL,
        client_id TEXT NOT NULL,
        key_id TEXT NOT NULL REFERENCES credential_key (key_id),
        sealed BLOB NOT NULL,
        kept TEXT NOT NULL,
        PRIMARY KEY (provider, environment, client_id))"];

/// The region that a company lives in, where a provider has several.
const STEP_4: &[&str] = &["ALTER TABLE credential ADD COLUMN data_center TEXT"];

const STEPS: &[&[&str]] = &[STEP_1, STEP_2, crate::place_rows::STEP, STEP_4];

/// What a stored access is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialState {
    /// The one that is used.
    Active,
    /// An older one that still works and waits to be retired, or to be reinstated by a rollback.
    Superseded,
    /// Put away: its secret is erased here.
    Retired,
    /// Only a person can renew it. Its access may still work until it runs out.
    NeedsReauth,
}

impl CredentialState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            CredentialState::Active => "active",
            CredentialState::Superseded => "superseded",
            CredentialState::Retired => "retired",
            CredentialState::NeedsReauth => "needs_reauth",
        }
    }

    fn from_name(name: &str) -> Option<CredentialState> {
        use CredentialState::*;
        [Active, Superseded, Retired, NeedsReauth]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

/// Makes or updates this crate's tables. `E-CREDENTIAL-STORE` for a store that a newer Changeover wrote.
pub async fn migrate(pool: &SqlitePool) -> Result<(), Problem> {
    let failed = |error: sqlx::Error| store("prepare the place for sign-ins", &error);
    let mut step = pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    sqlx::query("CREATE TABLE IF NOT EXISTS credential_schema (version INTEGER NOT NULL)")
        .execute(&mut *step)
        .await
        .map_err(failed)?;
    let version: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM credential_schema")
        .fetch_one(&mut *step)
        .await
        .map_err(failed)?;
    match version.unwrap_or(0) {
        SCHEMA_VERSION => {}
        older @ 0..SCHEMA_VERSION => {
            let steps: Vec<&'static str> = STEPS.iter().skip(usize::try_from(older).unwrap_or(0)).flat_map(|step| step.iter().copied()).collect();
            for statement in steps {
                sqlx::query(statement).execute(&mut *step).await.map_err(failed)?;
            }
            sqlx::query("INSERT INTO credential_schema (version) VALUES ($1)")
                .bind(SCHEMA_VERSION)
                .execute(&mut *step)
                .await
                .map_err(failed)?;
        }
        newer => {
            return Err(Problem::new(
                E_CREDENTIAL_STORE,
                "The stored sign-ins were written by a newer Changeover.",
                format!("Their form is version {newer}; this program knows version {SCHEMA_VERSION}."),
                "Use the newer Changeover, or a home folder of its own for this one.",
            ));
        }
    }
    step.commit().await.map_err(failed)
}

pub(crate) struct KeyRow {
    pub key_id: String,
    pub number: i64,
    pub canary: Vec<u8>,
}

pub(crate) struct Row {
    pub connection_id: String,
    pub generation: u32,
    pub facts: GrantFacts,
    pub kind: String,
    pub key_id: String,
    pub key_kept: KeptWhere,
    pub key_lost: bool,
    pub rotation: i64,
    pub sealed: Vec<u8>,
    pub state: CredentialState,
    pub reason: Option<String>,
    pub obtained: Timestamp,
    pub refresh_started: Option<Timestamp>,
    pub retry_after: Option<Timestamp>,
    pub last_used: Option<Timestamp>,
}

impl Row {
    /// What the blob of this row is bound to; see [`bound_to`].
    pub fn bound_to(&self) -> Vec<u8> {
        bound_to(&self.connection_id, self.generation, &self.facts, &self.key_id, self.rotation)
    }
}

/// Connection, company, provider, environment, generation, rotation, and the region if there is one: a blob opens in its own place only.
pub(crate) fn bound_to(connection: &str, generation: u32, facts: &GrantFacts, key_id: &str, rotation: i64) -> Vec<u8> {
    let (generation, rotation) = (generation.to_string(), rotation.to_string());
    let mut parts = vec![
        connection,
        &facts.provider,
        facts.environment.name(),
        &facts.client_id,
        &facts.tenant.id,
        key_id,
        &generation,
        &rotation,
    ];
    // Whoever can change the row must not be able to send its tokens to another region's hosts.
    parts.extend(facts.data_center.as_deref());
    crate::seal::bound(&parts)
}

fn unreadable(what: &str) -> Problem {
    Problem::new(
        E_CREDENTIAL_UNREADABLE,
        "A stored sign-in cannot be read.",
        format!("Its {what} holds something that this version of Changeover does not know."),
        "Use the version of Changeover that wrote it, or sign in again for this connection.",
    )
}

fn instant(text: Option<String>, what: &str) -> Result<Option<Timestamp>, Problem> {
    text.map(|text| text.parse().map_err(|_| unreadable(what))).transpose()
}

fn read(row: &SqliteRow) -> Result<Row, Problem> {
    let text = |name: &str| row.try_get::<String, _>(name).map_err(|_| unreadable(name));
    let maybe = |name: &str| row.try_get::<Option<String>, _>(name).map_err(|_| unreadable(name));
    let names = |name: &str| -> Result<Vec<String>, Problem> { serde_json::from_str(&text(name)?).map_err(|_| unreadable(name)) };
    let needed = |name: &str| instant(Some(text(name)?), name)?.ok_or_else(|| unreadable(name));
    let generation: i64 = row.try_get("generation").map_err(|_| unreadable("generation"))?;
    Ok(Row {
        connection_id: text("connection_id")?,
        generation: u32::try_from(generation).map_err(|_| unreadable("generation"))?,
        facts: GrantFacts {
            provider: text("provider")?,
            environment: Environment::from_name(&text("environment")?).ok_or_else(|| unreadable("environment"))?,
            client_id: text("client_id")?,
            tenant: Tenant {
                id: text("tenant_id")?,
                name: text("tenant_name")?,
            },
            data_center: maybe("data_center")?,
            permissions: names("permissions")?,
            missing: names("missing")?,
            access_expires: instant(maybe("access_expires")?, "access_expires")?,
            refresh_expires: instant(maybe("refresh_expires")?, "refresh_expires")?,
            granted_at: needed("created")?,
        },
        kind: text("kind")?,
        key_id: text("key_id")?,
        key_kept: KeptWhere::from_name(&text("key_kept")?).ok_or_else(|| unreadable("key_kept"))?,
        key_lost: row.try_get::<i64, _>("key_lost").map_err(|_| unreadable("key_lost"))? != 0,
        rotation: row.try_get("rotation").map_err(|_| unreadable("rotation"))?,
        sealed: row.try_get("sealed").map_err(|_| unreadable("sealed"))?,
        state: CredentialState::from_name(&text("state")?).ok_or_else(|| unreadable("state"))?,
        reason: maybe("reason")?,
        obtained: needed("obtained")?,
        refresh_started: instant(maybe("refresh_started")?, "refresh_started")?,
        retry_after: instant(maybe("retry_after")?, "retry_after")?,
        last_used: instant(maybe("last_used")?, "last_used")?,
    })
}

/// All rows of a connection, oldest generation first; of all connections for `None`.
pub(crate) async fn list(pool: &SqlitePool, connection: Option<&str>) -> Result<Vec<Row>, Problem> {
    let rows = sqlx::query(
        "SELECT credential.*, credential_key.kept AS key_kept, credential_key.lost AS key_lost
         FROM credential JOIN credential_key ON credential_key.key_id = credential.key_id
         WHERE $1 IS NULL OR connection_id = $1 ORDER BY connection_id, generation",
    )
    .bind(connection)
    .fetch_all(pool)
    .await
    .map_err(|e| store("read a sign-in", &e))?;
    rows.iter().map(read).collect()
}

pub(crate) async fn load(pool: &SqlitePool, connection: &str, generation: u32) -> Result<Row, Problem> {
    let row = sqlx::query(
        "SELECT credential.*, credential_key.kept AS key_kept, credential_key.lost AS key_lost
         FROM credential JOIN credential_key ON credential_key.key_id = credential.key_id
         WHERE connection_id = $1 AND generation = $2",
    )
    .bind(connection)
    .bind(i64::from(generation))
    .fetch_optional(pool)
    .await
    .map_err(|e| store("read a sign-in", &e))?;
    match row {
        Some(row) => read(&row),
        None => Err(crate::problems::none(
            connection,
            format!("Sign-in number {generation} of it does not exist."),
        )),
    }
}

/// The sealed half of a new row, made once its generation is known.
pub(crate) struct NewRow<'a> {
    pub connection: &'a str,
    pub kind: &'a str,
    pub facts: &'a GrantFacts,
    pub key_id: &'a str,
}

/// Adds the next generation and supersedes the one before, in one transaction. Refuses another company.
pub(crate) async fn add(
    pool: &SqlitePool,
    new: NewRow<'_>,
    seal: impl FnOnce(u32) -> Result<Vec<u8>, Problem>,
    other_company: impl FnOnce(&Tenant) -> Problem,
) -> Result<u32, Problem> {
    let failed = |error: sqlx::Error| store("save a sign-in", &error);
    let mut change = pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    let before: Option<(i64, String, String, String, String)> = sqlx::query_as(
        "SELECT generation, provider, environment, tenant_id, tenant_name FROM credential
         WHERE connection_id = $1 ORDER BY generation DESC LIMIT 1",
    )
    .bind(new.connection)
    .fetch_optional(&mut *change)
    .await
    .map_err(failed)?;
    if let Some((_, provider, environment, tenant_id, tenant_name)) = &before
        && (*provider != new.facts.provider || environment != new.facts.environment.name() || *tenant_id != new.facts.tenant.id)
    {
        return Err(other_company(&Tenant {
            id: tenant_id.clone(),
            name: tenant_name.clone(),
        }));
    }
    let number = before.map_or(0, |(generation, ..)| generation) + 1;
    let generation = u32::try_from(number).map_err(|_| unreadable("generation"))?;
    let sealed = seal(generation)?;
    sqlx::query("UPDATE credential SET state = 'superseded' WHERE connection_id = $1 AND state = 'active'")
        .bind(new.connection)
        .execute(&mut *change)
        .await
        .map_err(failed)?;
    let facts = new.facts;
    let names = |list: &[String]| serde_json::Value::from(list.to_vec()).to_string();
    sqlx::query(
        "INSERT INTO credential (connection_id, generation, provider, environment, kind, client_id, tenant_id, tenant_name,
            permissions, missing, access_expires, refresh_expires, obtained, key_id, rotation, sealed, state, created, data_center)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, $15, 'active', $13, $16)",
    )
    .bind(new.connection)
    .bind(number)
    .bind(&facts.provider)
    .bind(facts.environment.name())
    .bind(new.kind)
    .bind(&facts.client_id)
    .bind(&facts.tenant.id)
    .bind(&facts.tenant.name)
    .bind(names(&facts.permissions))
    .bind(names(&facts.missing))
    .bind(facts.access_expires.map(|t| t.to_string()))
    .bind(facts.refresh_expires.map(|t| t.to_string()))
    .bind(facts.granted_at.to_string())
    .bind(new.key_id)
    .bind(sealed)
    .bind(&facts.data_center)
    .execute(&mut *change)
    .await
    .map_err(failed)?;
    change.commit().await.map_err(failed)?;
    Ok(generation)
}

/// New tokens for a row, sealed already.
pub(crate) struct Renewed {
    pub rotation: i64,
    pub sealed: Vec<u8>,
    pub access_expires: Option<Timestamp>,
    pub refresh_expires: Option<Timestamp>,
    pub obtained: Timestamp,
}

/// Writes renewed tokens if the row still has the rotation before; `false` if somebody else was first.
pub(crate) async fn replace_tokens(pool: &SqlitePool, row: (&str, u32), renewed: &Renewed) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE credential SET sealed = $1, rotation = $2, access_expires = $3, refresh_expires = coalesce($4, refresh_expires), obtained = $5,
            refresh_started = NULL, retry_after = NULL
         WHERE connection_id = $6 AND generation = $7 AND rotation = $8 AND state <> 'retired'",
    )
    .bind(&renewed.sealed)
    .bind(renewed.rotation)
    .bind(renewed.access_expires.map(|t| t.to_string()))
    .bind(renewed.refresh_expires.map(|t| t.to_string()))
    .bind(renewed.obtained.to_string())
    .bind(row.0)
    .bind(i64::from(row.1))
    .bind(renewed.rotation - 1)
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The write-ahead mark: a renewal is about to leave. `None` clears it.
pub(crate) async fn mark_started(pool: &SqlitePool, row: &Row, at: Option<Timestamp>) -> Result<(), Problem> {
    set(
        pool,
        row,
        "UPDATE credential SET refresh_started = $1 WHERE connection_id = $2 AND generation = $3 AND rotation = $4",
        at,
    )
    .await
}

pub(crate) async fn mark_retry_after(pool: &SqlitePool, row: &Row, at: Timestamp) -> Result<(), Problem> {
    set(
        pool,
        row,
        "UPDATE credential SET retry_after = $1 WHERE connection_id = $2 AND generation = $3 AND rotation = $4",
        Some(at),
    )
    .await
}

/// The provider refused this very access: whatever its expiry said, it is over.
pub(crate) async fn mark_access_over(pool: &SqlitePool, row: &Row, at: Timestamp) -> Result<(), Problem> {
    set(
        pool,
        row,
        "UPDATE credential SET access_expires = $1 WHERE connection_id = $2 AND generation = $3 AND rotation = $4",
        Some(at),
    )
    .await
}

pub(crate) async fn mark_used(pool: &SqlitePool, row: &Row, at: Timestamp) -> Result<(), Problem> {
    set(
        pool,
        row,
        "UPDATE credential SET last_used = $1 WHERE connection_id = $2 AND generation = $3 AND rotation = $4",
        Some(at),
    )
    .await
}

async fn set(pool: &SqlitePool, row: &Row, statement: &'static str, at: Option<Timestamp>) -> Result<(), Problem> {
    sqlx::query(statement)
        .bind(at.map(|t| t.to_string()))
        .bind(&row.connection_id)
        .bind(i64::from(row.generation))
        .bind(row.rotation)
        .execute(pool)
        .await
        .map(drop)
        .map_err(|e| store("note the state of a sign-in", &e))
}

/// Only a person can renew this one. Changes nothing if the tokens were renewed meanwhile.
pub(crate) async fn mark_needs_reauth(pool: &SqlitePool, row: &Row, reason: &str) -> Result<(), Problem> {
    sqlx::query(
        "UPDATE credential SET state = 'needs_reauth', reason = $1, refresh_started = NULL, retry_after = NULL
         WHERE connection_id = $2 AND generation = $3 AND rotation = $4 AND state <> 'retired'",
    )
    .bind(reason)
    .bind(&row.connection_id)
    .bind(i64::from(row.generation))
    .bind(row.rotation)
    .execute(pool)
    .await
    .map(drop)
    .map_err(|e| store("note that a sign-in has ended", &e))
}

/// Erases the secret and keeps the facts. Says how many rows that was.
pub(crate) async fn retire(pool: &SqlitePool, connection: &str, generation: Option<u32>) -> Result<u64, Problem> {
    let mut db = place_rows::overwriting(pool).await?;
    let done = sqlx::query(
        "UPDATE credential SET state = 'retired', sealed = x'', refresh_started = NULL, retry_after = NULL
         WHERE connection_id = $1 AND ($2 IS NULL OR generation = $2) AND state <> 'retired'",
    )
    .bind(connection)
    .bind(generation.map(i64::from))
    .execute(&mut *db)
    .await
    .map(|done| done.rows_affected())
    .map_err(|e| store("retire a sign-in", &e))?;
    place_rows::emptied(&mut db).await?;
    Ok(done)
}

/// Makes an older generation the current one again, and the present current one superseded.
pub(crate) async fn reinstate(pool: &SqlitePool, connection: &str, generation: u32) -> Result<(), Problem> {
    let failed = |error: sqlx::Error| store("go back to an earlier sign-in", &error);
    let mut change = pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    sqlx::query("UPDATE credential SET state = 'superseded' WHERE connection_id = $1 AND generation <> $2 AND state = 'active'")
        .bind(connection)
        .bind(i64::from(generation))
        .execute(&mut *change)
        .await
        .map_err(failed)?;
    let done = sqlx::query(
        "UPDATE credential SET state = 'active' WHERE connection_id = $1 AND generation = $2 AND state IN ('superseded', 'active')",
    )
    .bind(connection)
    .bind(i64::from(generation))
    .execute(&mut *change)
    .await
    .map_err(failed)?;
    if done.rows_affected() != 1 {
        let why = format!(
            "Sign-in number {generation} of \"{}\" is retired, ended or does not exist.",
            shown(connection)
        );
        return Err(crate::problems::none(connection, why));
    }
    change.commit().await.map_err(failed)
}

/// The key in use for this kind of place, if one was ever made and is not lost.
pub(crate) async fn key(pool: &SqlitePool, kept: KeptWhere) -> Result<Option<KeyRow>, Problem> {
    let row: Option<(String, i64, Vec<u8>)> =
        sqlx::query_as("SELECT key_id, number, canary FROM credential_key WHERE kept = $1 AND lost = 0 ORDER BY number DESC LIMIT 1")
            .bind(kept.name())
            .fetch_optional(pool)
            .await
            .map_err(|e| store("look for the key's mark", &e))?;
    Ok(row.map(|(key_id, number, canary)| KeyRow { key_id, number, canary }))
}

/// Over all places: a key keeps its number when it moves to another one.
pub(crate) async fn last_key_number(pool: &SqlitePool) -> Result<i64, Problem> {
    let number: Option<i64> = sqlx::query_scalar("SELECT max(number) FROM credential_key")
        .fetch_one(pool)
        .await
        .map_err(|e| store("look for the key's mark", &e))?;
    Ok(number.unwrap_or(0))
}

pub(crate) async fn add_key(pool: &SqlitePool, row: &KeyRow, kept: KeptWhere, now: Timestamp) -> Result<(), Problem> {
    sqlx::query("INSERT INTO credential_key (key_id, number, kept, canary, created) VALUES ($1, $2, $3, $4, $5)")
        .bind(&row.key_id)
        .bind(row.number)
        .bind(kept.name())
        .bind(&row.canary)
        .bind(now.to_string())
        .execute(pool)
        .await
        .map(drop)
        .map_err(|e| store("keep the key's mark", &e))
}

/// The sealed secret of an application.
pub(crate) struct AppRow {
    pub key_id: String,
    pub sealed: Vec<u8>,
}

/// Provider, environment and the application's id.
type AppName<'a> = (&'a str, Environment, &'a str);

pub(crate) async fn put_app(pool: &SqlitePool, name: AppName<'_>, row: &AppRow, now: Timestamp) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO credential_app (provider, environment, client_id, key_id, sealed, kept) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (provider, environment, client_id) DO UPDATE SET key_id = excluded.key_id, sealed = excluded.sealed, kept = excluded.kept",
    )
    .bind(name.0)
    .bind(name.1.name())
    .bind(name.2)
    .bind(&row.key_id)
    .bind(&row.sealed)
    .bind(now.to_string())
    .execute(pool)
    .await
    .map(drop)
    .map_err(|e| store("keep the secret of an application", &e))
}

pub(crate) async fn app(pool: &SqlitePool, name: AppName<'_>) -> Result<Option<AppRow>, Problem> {
    let row: Option<(String, Vec<u8>)> =
        sqlx::query_as("SELECT key_id, sealed FROM credential_app WHERE provider = $1 AND environment = $2 AND client_id = $3")
            .bind(name.0)
            .bind(name.1.name())
            .bind(name.2)
            .fetch_optional(pool)
            .await
            .map_err(|e| store("read the secret of an application", &e))?;
    Ok(row.map(|(key_id, sealed)| AppRow { key_id, sealed }))
}

pub(crate) async fn drop_app(pool: &SqlitePool, name: AppName<'_>) -> Result<bool, Problem> {
    let mut db = place_rows::overwriting(pool).await?;
    let done = sqlx::query("DELETE FROM credential_app WHERE provider = $1 AND environment = $2 AND client_id = $3")
        .bind(name.0)
        .bind(name.1.name())
        .bind(name.2)
        .execute(&mut *db)
        .await
        .map(|done| done.rows_affected() > 0)
        .map_err(|e| store("erase the secret of an application", &e))?;
    place_rows::emptied(&mut db).await?;
    Ok(done)
}

/// From now on rows sealed with it need a sign-in. Their blobs stay, in case the key is found again.
pub(crate) async fn mark_key_lost(pool: &SqlitePool, key_id: &str) -> Result<(), Problem> {
    sqlx::query("UPDATE credential_key SET lost = 1 WHERE key_id = $1")
        .bind(key_id)
        .execute(pool)
        .await
        .map(drop)
        .map_err(|e| store("note that the key is lost", &e))
}
