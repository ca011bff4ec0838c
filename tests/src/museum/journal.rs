//! Errors of the log: a file that cannot be read or written, that is busy, damaged, or another's.

use super::waiting;
use crate::errors::Exhibit;
use journal::{Draft, Journal, PublicKey, begin, migrate};
use ledger::Problem;
use serde_json::json;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

pub const PROVOKE: &[fn() -> Exhibit] = &[unreadable, unwritable, busy, broken, newer_form, anothers, bad_entry, bad_key];

fn draft(kind: &str) -> Draft {
    Draft {
        scope: Some("u-1".into()),
        kind: kind.into(),
        body: json!({ "entries": 12 }),
        actor: "the owner".into(),
        at: "2026-11-02T09:00:00Z".parse().expect("an instant"),
    }
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(file).create_if_missing(true).busy_timeout(Duration::ZERO)
}

async fn pool(options: SqliteConnectOptions) -> SqlitePool {
    SqlitePoolOptions::new().max_connections(1).connect_with(options).await.expect("the file opens")
}

/// A log with one entry in a folder of its own.
async fn log() -> (TempDir, SqlitePool, Journal) {
    let folder = crate::home::fresh();
    let pool = pool(options(&folder.path().join("log.sqlite"))).await;
    migrate(&pool).await.expect("a new log");
    let journal = Journal::open(pool.clone(), "practice-1").await.expect("a new log");
    journal.append(draft("practice_made")).await.expect("one entry");
    (folder, pool, journal)
}

async fn tamper(pool: &SqlitePool, statements: &[&'static str]) {
    for statement in statements {
        sqlx::query(*statement).execute(pool).await.expect("the file is ours to damage");
    }
}

fn exhibit<T>(result: Result<T, Problem>) -> Exhibit {
    match result {
        Ok(_) => panic!("this should have been refused"),
        Err(problem) => Exhibit::of(problem),
    }
}

fn unreadable() -> Exhibit {
    waiting(async {
        let (_folder, pool, journal) = log().await;
        tamper(&pool, &["DROP TABLE journal"]).await;
        exhibit(journal.head().await)
    })
}

fn unwritable() -> Exhibit {
    waiting(async {
        let (folder, ours, _journal) = log().await;
        ours.close().await;
        let read_only = pool(options(&folder.path().join("log.sqlite")).read_only(true)).await;
        let journal = Journal::open(read_only, "practice-1").await.expect("it may be read");
        exhibit(journal.append(draft("backup_taken")).await)
    })
}

fn busy() -> Exhibit {
    waiting(async {
        let (folder, _ours, journal) = log().await;
        let other = pool(options(&folder.path().join("log.sqlite"))).await;
        let _writing = begin(&other).await.expect("nobody else writes");
        exhibit(journal.append(draft("backup_taken")).await)
    })
}

fn broken() -> Exhibit {
    waiting(async {
        let (_folder, pool, journal) = log().await;
        tamper(&pool, &["DROP TRIGGER journal_no_update", "UPDATE journal SET body = '{\"entries\":11}'"]).await;
        exhibit(journal.append(draft("backup_taken")).await)
    })
}

fn newer_form() -> Exhibit {
    waiting(async {
        let (_folder, pool, _journal) = log().await;
        tamper(&pool, &["DROP TRIGGER journal_identity_no_update", "UPDATE journal_identity SET form = 2"]).await;
        exhibit(Journal::open(pool, "practice-1").await)
    })
}

fn anothers() -> Exhibit {
    waiting(async {
        let (_folder, pool, _journal) = log().await;
        exhibit(Journal::open(pool, "practice-2").await)
    })
}

fn bad_entry() -> Exhibit {
    waiting(async {
        let (_folder, _pool, journal) = log().await;
        exhibit(journal.append(draft("")).await)
    })
}

fn bad_key() -> Exhibit {
    // Not a point of the curve.
    let mut bytes = [0_u8; 32];
    bytes[0] = 2;
    exhibit(PublicKey::from_bytes(&bytes))
}
