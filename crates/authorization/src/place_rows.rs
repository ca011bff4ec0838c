//! Which place was chosen for keys, the statements that move keys between places, and erasing that leaves no bytes behind.
//!
//! The choice stands beside the keys' marks and changes in the same transaction as they do, so that no crash leaves a key
//! in one place and the choice at another. What could not be erased at the old place is noted until it is.

use crate::credential_rows::KeyRow;
use crate::keychain::KeptWhere;
use crate::problems::{E_CREDENTIAL_UNREADABLE, store};
use ledger::Problem;
use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqliteConnection, SqlitePool};

pub(crate) const STEP: &[&str] = &[
    "CREATE TABLE credential_place (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), kept TEXT NOT NULL)",
    "CREATE TABLE credential_leftover (kept TEXT NOT NULL, entry TEXT NOT NULL, PRIMARY KEY (kept, entry))",
];

/// The place that was chosen for this installation's key; the keychain where nobody chose. Touches no keychain.
/// Errors: `E-CREDENTIAL-STORE`; `E-CREDENTIAL-UNREADABLE` for a place that this version does not know.
pub async fn chosen(pool: &SqlitePool) -> Result<KeptWhere, Problem> {
    let name: Option<String> = sqlx::query_scalar("SELECT kept FROM credential_place")
        .fetch_optional(pool)
        .await
        .map_err(|e| store("read where secrets are kept", &e))?;
    let Some(name) = name else { return Ok(KeptWhere::Keychain) };
    KeptWhere::from_name(&name).ok_or_else(|| {
        Problem::new(
            E_CREDENTIAL_UNREADABLE,
            "It cannot be read where secrets are kept.",
            "The stored choice is one that this version of Changeover does not know.",
            "Use the version of Changeover that wrote it.",
        )
    })
}

/// Keys of a place that are not lost, the newest first.
pub(crate) async fn keys(pool: &SqlitePool, kept: KeptWhere) -> Result<Vec<KeyRow>, Problem> {
    let rows: Vec<(String, i64, Vec<u8>)> = sqlx::query_as("SELECT key_id, number, canary FROM credential_key WHERE kept = $1 AND lost = 0 ORDER BY number DESC")
        .bind(kept.name())
        .fetch_all(pool)
        .await
        .map_err(|e| store("look for the keys' marks", &e))?;
    Ok(rows.into_iter().map(|(key_id, number, canary)| KeyRow { key_id, number, canary }).collect())
}

pub(crate) async fn number_is_taken(pool: &SqlitePool, kept: KeptWhere, number: i64) -> Result<bool, Problem> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM credential_key WHERE kept = $1 AND number = $2")
        .bind(kept.name())
        .bind(number)
        .fetch_one(pool)
        .await
        .map_err(|e| store("look for the keys' marks", &e))?;
    Ok(count > 0)
}

/// A key that stands in its new place already.
pub(crate) struct MovedKey {
    pub key_id: String,
    pub number: i64,
    pub old_entry: String,
    pub new_entry: String,
}

/// The choice and the moved keys, in one transaction.
pub(crate) async fn choose(pool: &SqlitePool, from: KeptWhere, to: KeptWhere, moved: &[MovedKey]) -> Result<(), Problem> {
    let failed = |error: sqlx::Error| store("keep where secrets are kept", &error);
    let mut change = pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    sqlx::query("INSERT INTO credential_place (only_one, kept) VALUES (1, $1) ON CONFLICT (only_one) DO UPDATE SET kept = excluded.kept")
        .bind(to.name())
        .execute(&mut *change)
        .await
        .map_err(failed)?;
    for key in moved {
        sqlx::query("UPDATE credential_key SET kept = $1, number = $2 WHERE key_id = $3")
            .bind(to.name())
            .bind(key.number)
            .bind(&key.key_id)
            .execute(&mut *change)
            .await
            .map_err(failed)?;
        note_leftover(&mut change, from, &key.old_entry).await.map_err(failed)?;
        // It stands there on purpose again.
        forget_leftover(&mut change, to, &key.new_entry).await.map_err(failed)?;
    }
    change.commit().await.map_err(failed)
}

async fn note_leftover(db: &mut SqliteConnection, kept: KeptWhere, entry: &str) -> Result<(), sqlx::Error> {
    let insert = sqlx::query("INSERT OR IGNORE INTO credential_leftover (kept, entry) VALUES ($1, $2)");
    insert.bind(kept.name()).bind(entry).execute(db).await.map(drop)
}

async fn forget_leftover(db: &mut SqliteConnection, kept: KeptWhere, entry: &str) -> Result<(), sqlx::Error> {
    let delete = sqlx::query("DELETE FROM credential_leftover WHERE kept = $1 AND entry = $2");
    delete.bind(kept.name()).bind(entry).execute(db).await.map(drop)
}

/// Entries that still wait to be erased at a place that is used no more.
pub(crate) async fn leftovers(pool: &SqlitePool) -> Result<Vec<(KeptWhere, String)>, Problem> {
    let rows: Vec<(String, String)> = sqlx::query_as("SELECT kept, entry FROM credential_leftover ORDER BY kept, entry")
        .fetch_all(pool)
        .await
        .map_err(|e| store("look for what is still to be erased", &e))?;
    Ok(rows.into_iter().filter_map(|(kept, entry)| Some((KeptWhere::from_name(&kept)?, entry))).collect())
}

pub(crate) async fn erased(pool: &SqlitePool, kept: KeptWhere, entry: &str) -> Result<(), Problem> {
    let failed = |error: sqlx::Error| store("note what was erased", &error);
    let mut db = pool.acquire().await.map_err(failed)?;
    forget_leftover(&mut db, kept, entry).await.map_err(failed)
}

/// A connection that overwrites what it erases. Otherwise SQLite only marks the bytes as free.
pub(crate) async fn overwriting(pool: &SqlitePool) -> Result<PoolConnection<Sqlite>, Problem> {
    let failed = |error: sqlx::Error| store("erase a secret", &error);
    let mut db = pool.acquire().await.map_err(failed)?;
    sqlx::query("PRAGMA secure_delete = ON").execute(&mut *db).await.map_err(failed)?;
    Ok(db)
}

/// Empties the write-ahead log, which still holds the page as it was. Where another program reads at this moment it stays
/// until that one has ended and the log is emptied the next time; the row itself is erased in any case.
pub(crate) async fn emptied(db: &mut SqliteConnection) -> Result<(), Problem> {
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(db).await.map(drop).map_err(|e| store("empty the write-ahead log after erasing a secret", &e))
}
