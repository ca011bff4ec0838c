//! The installation's store: one SQLite file, opened with write-ahead logging and full durability.
//!
//! Holds projections that the journal explains. A stored word this version does not know is an error,
//! never a default: `E-STORE-UNKNOWN`. A new table is a numbered migration and one file here.

pub mod answer;
pub mod company;
pub mod movement;
pub mod record;
pub mod upgrade;

use ledger::{Code, Problem, Retry};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::path::Path;
use std::time::Duration;

pub const E_STORE: Code = Code("E-STORE");
pub const E_STORE_UNKNOWN: Code = Code("E-STORE-UNKNOWN");
pub const E_STORE_VERSION: Code = Code("E-STORE-VERSION");
pub const CODES: &[Code] = &[E_STORE, E_STORE_UNKNOWN, E_STORE_VERSION];

/// How long a second process (window beside terminal) waits for the store.
const BUSY_SECONDS: u64 = 30;

/// Rows that SQLite's thread may be ahead of the reader.
const ROWS_AHEAD: usize = 1024;

/// Opens the store and brings it to this version's tables.
/// Errors: `E-STORE`, and `E-STORE-VERSION` when a newer Changeover has written it.
pub async fn open(path: &Path) -> Result<SqlitePool, Problem> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(BUSY_SECONDS))
        .row_buffer_size(ROWS_AHEAD)
        .foreign_keys(true)
        // What is erased or replaced is overwritten: sealed secrets leave no copies in free pages.
        .pragma("secure_delete", "ON");
    let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await.map_err(|e| failed("open it", &e))?;
    sqlx::migrate!("./migrations").run(&pool).await.map_err(|e| match e {
        sqlx::migrate::MigrateError::VersionMissing(_) | sqlx::migrate::MigrateError::VersionMismatch(_) | sqlx::migrate::MigrateError::VersionTooNew(..) => {
            Problem::new(
                E_STORE_VERSION,
                "This folder was written by another version of Changeover.",
                "Its tables are not those that this version knows, and guessing could lose something.",
                "Start the newest Changeover you have on this folder.",
            )
        }
        other => Problem::new(
            E_STORE,
            "Changeover's own store could not be prepared.",
            other.to_string(),
            "Check that the disk has room and the folder can be written to, then start again.",
        ),
    })?;
    Ok(pool)
}

/// The database's own words, without the library's around them.
fn said(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(said) => said.message().to_string(),
        None => error.to_string(),
    }
}

/// A failed statement. The text of SQLite's error holds no values, only names.
pub fn failed(doing: &str, error: &sqlx::Error) -> Problem {
    Problem::new(
        E_STORE,
        "Changeover's own store could not be used.",
        format!("While trying to {doing}: {}.", said(error)),
        "Check that the disk has room and no other program holds the folder, then try again.",
    )
    .retrying(Retry::Later { after_seconds: 5 })
}

/// A stored word or value that this version does not understand.
pub fn unknown(what: &str, value: &str) -> Problem {
    Problem::new(
        E_STORE_UNKNOWN,
        format!("The store holds something that this version does not know: {what}, \"{value}\"."),
        "It was written by a newer Changeover, or the file was changed from outside.",
        "Start the newest Changeover you have on this folder; if this is the newest, restore the folder from a backup.",
    )
    .retrying(Retry::Never)
}

/// Reads stored text with a parser; what cannot be read is named, never replaced.
pub fn parsed<T: std::str::FromStr>(what: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| unknown(what, text))
}

/// Reads stored JSON.
pub fn from_json<T: serde::de::DeserializeOwned>(what: &str, text: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(text).map_err(|e| unknown(what, &format!("unreadable ({e})")))
}

/// Writes JSON; our own types always can be written.
pub fn to_json<T: serde::Serialize>(value: &T) -> Result<String, Problem> {
    serde_json::to_string(value).map_err(|e| unknown("value to be written", &e.to_string()))
}

/// Compressed bytes of a value, for large bodies.
pub fn packed<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, Problem> {
    let full = |e: &std::io::Error| crate::home::cannot_use(Path::new("memory"), e);
    // Written through: the text of a large body never lies in memory as a whole.
    let mut packing = zstd::Encoder::new(Vec::new(), 3).map_err(|e| full(&e))?;
    serde_json::to_writer(&mut packing, value).map_err(|e| unknown("value to be written", &e.to_string()))?;
    packing.finish().map_err(|e| full(&e))
}

/// The value of compressed bytes.
pub fn unpacked<T: serde::de::DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, Problem> {
    let text = zstd::decode_all(bytes).map_err(|e| unknown(what, &format!("damaged ({e})")))?;
    from_json(what, &text)
}

/// Named settings of the installation.
pub async fn setting(pool: &SqlitePool, name: &str) -> Result<Option<String>, Problem> {
    sqlx::query_scalar("SELECT value FROM setting WHERE name = $1").bind(name).fetch_optional(pool).await.map_err(|e| failed("read a setting", &e))
}

pub async fn set_setting(pool: &SqlitePool, name: &str, value: &str) -> Result<(), Problem> {
    sqlx::query("INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
        .bind(name)
        .bind(value)
        .execute(pool)
        .await
        .map(|_| ())
        .map_err(|e| failed("write a setting", &e))
}
