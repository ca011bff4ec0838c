//! Which tables a GnuCash book has, which versions of them were checked, and how to open the file.
//!
//! The rows of `KNOWN` were read from books that GnuCash 4.13 wrote. A row that differs means that
//! the meaning of a table may have changed: the book is refused, never guessed at.

use crate::problems::*;
use ledger::Problem;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Table versions that were checked against the real program.
const KNOWN: &[(&str, i64)] = &[
    ("Gnucash-Resave", 19920),
    ("accounts", 1),
    ("billterms", 2),
    ("books", 1),
    ("budget_amounts", 1),
    ("budgets", 1),
    ("commodities", 1),
    ("customers", 2),
    ("employees", 2),
    ("entries", 4),
    ("invoices", 4),
    ("jobs", 1),
    ("lots", 2),
    ("orders", 1),
    ("prices", 3),
    ("recurrences", 2),
    ("schedxactions", 1),
    ("slots", 4),
    ("splits", 5),
    ("taxtable_entries", 3),
    ("taxtables", 2),
    ("transactions", 4),
    ("vendors", 1),
];

/// The row that names the program itself: 4_000_013 is 4.13.
const PROGRAM: &str = "Gnucash";
const KNOWN_PROGRAMS: std::ops::RangeInclusive<i64> = 4_000_000..=4_999_999;

/// Tables without which a file is no GnuCash book at all.
const TELLTALE: &[&str] = &[
    "gnclock",
    "versions",
    "books",
    "commodities",
    "accounts",
    "transactions",
    "splits",
    "slots",
];

/// How long to wait for another program that is in the middle of a write.
const BUSY_WAIT: Duration = Duration::from_secs(3);

/// Rows that SQLite's thread may be ahead of the reader: with the usual fifty, a question about a year is a thousand waits for each other.
const ROWS_AHEAD: usize = 1024;

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(BUSY_WAIT)
        .foreign_keys(false)
        .disable_statement_logging()
        .row_buffer_size(ROWS_AHEAD)
}

/// A connection that cannot write to the file.
pub(super) async fn read_only(path: &Path) -> Result<SqliteConnection, Problem> {
    let mut db = options(path).read_only(true).connect().await.doing("opening them")?;
    // Temporary tables hold the ids a question is about; they must not reach the disk.
    // With SQLite's own 2 MB most questions about a year would read every page several times.
    for pragma in ["PRAGMA temp_store = MEMORY", "PRAGMA cache_size = -16384"] {
        sqlx::query(pragma).execute(&mut db).await.doing("opening them")?;
    }
    Ok(db)
}

/// A connection to a private copy. Losing power here costs nothing but the copy, so it does not wait for the disk.
pub(super) async fn private_copy(path: &Path) -> Result<SqliteConnection, Problem> {
    let doing = "opening the working copy";
    let mut db = options(path).connect().await.doing(doing)?;
    for pragma in [
        "PRAGMA temp_store = MEMORY",
        "PRAGMA journal_mode = MEMORY",
        "PRAGMA synchronous = OFF",
        "PRAGMA cache_size = -8192",
    ] {
        sqlx::query(pragma).execute(&mut db).await.doing(doing)?;
    }
    Ok(db)
}

/// A connection to the live file that is used for its lock only.
pub(super) async fn for_locking(path: &Path) -> Result<SqliteConnection, Problem> {
    options(path).connect().await.doing("locking them")
}

/// Is it a GnuCash book of a known version? All mismatching rows are listed at once.
pub(super) async fn check(db: &mut SqliteConnection) -> Result<(), Problem> {
    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'")
        .fetch_all(&mut *db)
        .await
        .doing("listing their tables")?;
    let absent: Vec<&str> = TELLTALE
        .iter()
        .copied()
        .filter(|table| !tables.iter().any(|t| t == table))
        .collect();
    if !absent.is_empty() {
        return Err(Problem::new(
            E_BOOKS_NOT_GNUCASH,
            "This file is a database, but not a GnuCash book.",
            format!("It lacks the tables {}.", absent.join(", ")),
            "Choose the file that GnuCash opens.",
        ));
    }
    let found = versions(db).await?;
    let mut odd: Vec<String> = Vec::new();
    for (table, known) in KNOWN {
        match found.get(*table) {
            Some(version) if version == known => {}
            Some(version) => odd.push(format!("\"{table}\" is of version {version}; version {known} is known.")),
            None => odd.push(format!("\"{table}\" is missing; version {known} is known.")),
        }
    }
    match found.get(PROGRAM) {
        Some(version) if KNOWN_PROGRAMS.contains(version) => {}
        Some(version) => odd.push(format!(
            "The book was written by GnuCash {}; 4.x is known.",
            program_version(*version)
        )),
        None => odd.push("The book does not say which GnuCash wrote it.".into()),
    }
    for (table, version) in &found {
        if table != PROGRAM && !KNOWN.iter().any(|(known, _)| known == table) {
            odd.push(format!("\"{table}\" (version {version}) is not known."));
        }
    }
    if odd.is_empty() {
        return Ok(());
    }
    Err(with_findings(
        E_BOOKS_VERSION,
        "The book was written by a version of GnuCash that Changeover does not know.",
        odd,
        "Use a GnuCash 4 book, or wait for a Changeover that knows this version. Reading on could misread amounts.",
    ))
}

pub(super) async fn versions(db: &mut SqliteConnection) -> Result<BTreeMap<String, i64>, Problem> {
    let rows: Vec<(String, i64)> = sqlx::query_as("SELECT table_name, table_version FROM versions")
        .fetch_all(db)
        .await
        .doing("reading their version")?;
    Ok(rows.into_iter().collect())
}

/// 4_000_013 as "4.13".
pub(super) fn program_version(number: i64) -> String {
    format!("{}.{}", number / 1_000_000, number % 1_000_000)
}

pub(super) async fn written_by(db: &mut SqliteConnection) -> Result<String, Problem> {
    Ok(versions(db)
        .await?
        .get(PROGRAM)
        .map(|number| program_version(*number))
        .unwrap_or_default())
}

/// Is the file whole? Everything found is listed at once.
pub(super) async fn check_whole(db: &mut SqliteConnection) -> Result<(), Problem> {
    let mut found = integrity(db).await?;
    if found.is_empty() {
        for (question, sentence) in CONTRADICTIONS {
            let count: i64 = sqlx::query_scalar(AssertSqlSafe(*question))
                .fetch_one(&mut *db)
                .await
                .doing("checking that they are whole")?;
            if count != 0 {
                found.push(sentence.replace("{}", &count.to_string()));
            }
        }
    }
    if found.is_empty() { Ok(()) } else { Err(damaged(found)) }
}

/// SQLite's own findings; empty means whole.
pub(super) async fn integrity(db: &mut SqliteConnection) -> Result<Vec<String>, Problem> {
    let rows: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_all(db)
        .await
        .doing("checking that they are whole")?;
    Ok(if rows == ["ok"] {
        Vec::new()
    } else {
        rows.into_iter().map(|row| format!("SQLite finds: {row}.")).collect()
    })
}

/// Each counts contradictions; 0 is good. A book that GnuCash was still creating fails the first two.
const CONTRADICTIONS: &[(&str, &str)] = &[
    (
        "SELECT abs((SELECT count(*) FROM books) - 1)",
        "A GnuCash file holds exactly one book; this one is off by {}. It may never have been saved to the end.",
    ),
    (
        "SELECT count(*) FROM books WHERE root_account_guid NOT IN (SELECT guid FROM accounts WHERE account_type = 'ROOT')",
        "The book's top account is missing ({} book).",
    ),
    (
        "SELECT count(*) FROM accounts WHERE account_type <> 'ROOT' AND (parent_guid IS NULL OR (parent_guid NOT IN (SELECT guid FROM accounts) AND parent_guid NOT IN (SELECT root_template_guid FROM books)))",
        "{} accounts hang from an account that does not exist.",
    ),
    (
        "SELECT count(*) FROM accounts WHERE account_type <> 'ROOT' AND parent_guid NOT IN (SELECT root_template_guid FROM books) AND (commodity_guid IS NULL OR commodity_guid NOT IN (SELECT guid FROM commodities))",
        "{} accounts are in a currency or commodity that does not exist.",
    ),
    (
        "SELECT count(*) FROM splits JOIN transactions ON transactions.guid = splits.tx_guid WHERE account_guid NOT IN (SELECT guid FROM accounts)",
        "{} lines belong to an account that does not exist.",
    ),
    (
        "SELECT count(*) FROM transactions WHERE currency_guid NOT IN (SELECT guid FROM commodities)",
        "{} entries are in a currency that does not exist.",
    ),
    (
        "SELECT count(*) FROM splits WHERE value_denom <= 0 OR quantity_denom <= 0",
        "{} lines have an amount that is no number.",
    ),
];
