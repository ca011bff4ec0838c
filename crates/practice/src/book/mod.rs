//! The bakery's GnuCash book, written by us so that GnuCash opens it like one of its own.
//!
//! It never touches a file that exists. All of the book is written in one transaction; a failed one leaves no file.
//! A new account or habit goes into `typed`; GnuCash's tables are in `schema`.

mod schema;
mod typed;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::Serialize;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use crate::world::World;
use crate::world::calendar::{local_day, plus_days};
use crate::world::chance::Chance;
use typed::{ACCOUNTS, TypedEntry, year};

/// GnuCash counts cents for dollars.
const CENTS: i64 = 100;
const FEATURE: &str = "ISO-8601 formatted date strings in SQLite3 databases.";
const FEATURE_WORDS: &str = "Use ISO formatted date-time strings in SQLite3 databases (requires at least GnuCash 2.6.20)";
const NO_TIME: &str = "1970-01-01 00:00:00";

/// What was written, for whoever connects it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BookSummary {
    pub path: PathBuf,
    pub currency: String,
    /// Account paths such as `Assets:Clearing:Square`, with their guids.
    pub accounts: BTreeMap<String, String>,
    /// Suggested accounts for the connector's roles: role name to guid.
    pub roles: BTreeMap<String, String>,
    /// Balances in cents by account path, debit positive.
    pub balances: BTreeMap<String, i64>,
    pub entries: usize,
    /// The last day of the typed entries.
    pub last_day: Date,
}

/// Writes a new book with the chart of accounts of a bakery and a year of typed entries, nothing of Square's.
///
/// Refuses when the file exists already; on any other failure the unfinished file is removed.
pub async fn create_book(path: &Path, world: &World) -> Result<BookSummary, String> {
    // Taking the name first, and only if it is free, so that no existing book can be overwritten.
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|problem| format!("The practice book {} cannot be made: {problem}", path.display()))?;
    match write(path, world).await {
        Ok(summary) => Ok(summary),
        Err(problem) => {
            let removed = match std::fs::remove_file(path) {
                Ok(()) => String::new(),
                Err(second) => format!(" The unfinished file stays behind: {second}"),
            };
            Err(format!(
                "The practice book {} cannot be written: {problem}.{removed}",
                path.display()
            ))
        }
    }
}

async fn write(path: &Path, world: &World) -> Result<BookSummary, sqlx::Error> {
    // GnuCash keeps its books in the classic journal mode; a left-over -wal file would be a surprise to it.
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Delete)
        .connect()
        .await?;
    let mut transaction = connection.begin().await?;
    let summary = fill(&mut transaction, path, world).await?;
    transaction.commit().await?;
    connection.close().await?;
    Ok(summary)
}

async fn fill(db: &mut SqliteConnection, path: &Path, world: &World) -> Result<BookSummary, sqlx::Error> {
    for statement in schema::STATEMENTS {
        sqlx::query(*statement).execute(&mut *db).await?;
    }
    for (table, version) in schema::VERSIONS {
        sqlx::query("INSERT INTO versions VALUES (?, ?)")
            .bind(table)
            .bind(version)
            .execute(&mut *db)
            .await?;
    }
    let mut chance = Chance::new(world.seed).branch("book");
    let currency = chance.hex(32);
    sqlx::query("INSERT INTO commodities VALUES (?, 'CURRENCY', 'USD', 'US Dollar', '840', 100, 1, 'currency', '')")
        .bind(&currency)
        .execute(&mut *db)
        .await?;
    let accounts = write_accounts(db, &mut chance, &currency).await?;
    let last = local_day(world.zone(), world.until());
    let entries = year(&mut chance.branch("typed"), world.first_day(), last);
    for entry in &entries {
        write_entry(db, &mut chance, &currency, &accounts, entry).await?;
    }
    let mut balances: BTreeMap<String, i64> = accounts.keys().map(|path| (path.clone(), 0)).collect();
    for line in entries.iter().flat_map(|entry| &entry.lines) {
        *balances.entry(line.account.to_owned()).or_default() += line.cents;
    }
    let role = |account: &typed::TypedAccount| Some((account.role?.to_owned(), accounts.get(account.path)?.clone()));
    Ok(BookSummary {
        path: path.to_owned(),
        currency: world.currency().to_owned(),
        roles: ACCOUNTS.iter().filter_map(role).collect(),
        accounts,
        balances,
        entries: entries.len(),
        last_day: plus_days(last, -1),
    })
}

async fn write_accounts(db: &mut SqliteConnection, chance: &mut Chance, currency: &str) -> Result<BTreeMap<String, String>, sqlx::Error> {
    let (book, root, template) = (chance.hex(32), chance.hex(32), chance.hex(32));
    sqlx::query("INSERT INTO books VALUES (?, ?, ?)")
        .bind(&book)
        .bind(&root)
        .bind(&template)
        .execute(&mut *db)
        .await?;
    let frame = chance.hex(32);
    write_slot(db, &book, "features", 9, None, Some(&frame), None).await?;
    write_slot(db, &frame, &format!("features/{FEATURE}"), 4, Some(FEATURE_WORDS), None, None).await?;
    sqlx::query("INSERT INTO accounts VALUES (?, 'Root Account', 'ROOT', NULL, 0, 0, NULL, '', '', 0, 0)")
        .bind(&root)
        .execute(&mut *db)
        .await?;
    let mut guids: BTreeMap<String, String> = BTreeMap::new();
    for account in ACCOUNTS {
        let guid = chance.hex(32);
        let (parent, name) = match account.path.rsplit_once(':') {
            Some((parent, name)) => (guids.get(parent).unwrap_or(&root), name),
            None => (&root, account.path),
        };
        sqlx::query("INSERT INTO accounts VALUES (?, ?, ?, ?, 100, 0, ?, '', ?, 0, ?)")
            .bind(&guid)
            .bind(name)
            .bind(account.kind)
            .bind(currency)
            .bind(parent)
            .bind(account.description)
            .bind(account.placeholder)
            .execute(&mut *db)
            .await?;
        if account.placeholder {
            write_slot(db, &guid, "placeholder", 4, Some("true"), None, None).await?;
        }
        guids.insert(account.path.to_owned(), guid);
    }
    Ok(guids)
}

async fn write_entry(
    db: &mut SqliteConnection,
    chance: &mut Chance,
    currency: &str,
    accounts: &BTreeMap<String, String>,
    entry: &TypedEntry,
) -> Result<(), sqlx::Error> {
    let guid = chance.hex(32);
    // GnuCash keeps the day twice: here as 10:59 UTC, which is that day almost everywhere, and as the slot below.
    sqlx::query("INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?)")
        .bind(&guid)
        .bind(currency)
        .bind(&entry.number)
        .bind(format!("{} 10:59:00", entry.day))
        .bind(format!(
            "{} 21:{:02}:{:02}",
            entry.day,
            chance.between(0, 59),
            chance.between(0, 59)
        ))
        .bind(&entry.description)
        .execute(&mut *db)
        .await?;
    let compact = entry.day.to_string().replace('-', "");
    write_slot(db, &guid, "date-posted", 10, None, None, Some(&compact)).await?;
    if let Some(notes) = entry.notes {
        write_slot(db, &guid, "notes", 4, Some(notes), None, None).await?;
    }
    for line in &entry.lines {
        let account = accounts.get(line.account).ok_or_else(|| sqlx::Error::RowNotFound)?;
        let reconciled = if line.state == "y" {
            format!("{} 10:59:00", plus_days(entry.day.last_of_month(), 3))
        } else {
            NO_TIME.to_owned()
        };
        sqlx::query("INSERT INTO splits VALUES (?, ?, ?, ?, '', ?, ?, ?, ?, ?, ?, NULL)")
            .bind(chance.hex(32))
            .bind(&guid)
            .bind(account)
            .bind(line.memo)
            .bind(line.state)
            .bind(reconciled)
            .bind(line.cents)
            .bind(CENTS)
            .bind(line.cents)
            .bind(CENTS)
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

async fn write_slot(
    db: &mut SqliteConnection,
    object: &str,
    name: &str,
    kind: i64,
    text: Option<&str>,
    guid: Option<&str>,
    day: Option<&str>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO slots (obj_guid, name, slot_type, int64_val, string_val, double_val, timespec_val, guid_val, \
         numeric_val_num, numeric_val_denom, gdate_val) VALUES (?, ?, ?, 0, ?, NULL, ?, ?, 0, 1, ?)",
    )
    .bind(object)
    .bind(name)
    .bind(kind)
    .bind(text)
    .bind(NO_TIME)
    .bind(guid)
    .bind(day)
    .execute(&mut *db)
    .await?;
    Ok(())
}
