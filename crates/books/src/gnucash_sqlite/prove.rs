//! What must be true of the changed copy before it may become the books, and of the books afterwards.
//!
//! Asked through a fresh connection, from the file and not from what the writer believes. A new condition is one
//! more function that adds to the findings.

use super::rows::Leaving;
use super::{files, permit, read, schema, write};
use crate::book::*;
use crate::problems::*;
use ledger::{AccountId, Entry, Money, Problem};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Compares the copy with the live books and with what was meant. Errors: `E-BOOKS-READBACK` with every finding.
pub(super) async fn copy(live: &Path, copy: &Path, change: &ChangeSet, removed: &[Leaving]) -> Result<Vec<Posted>, Problem> {
    let mut db = schema::read_only(copy).await?;
    let mut findings = schema::integrity(&mut db).await?;
    findings.extend(strangers(&mut db, live, change, removed).await?);
    findings.extend(balanced(&mut db, change).await?);
    let posted = meant(&mut db, change, removed, &mut findings).await?;
    files::close(db).await?;
    if findings.is_empty() {
        return Ok(posted);
    }
    Err(with_findings(
        E_BOOKS_READBACK,
        "The changed copy of the books is not what was meant.",
        findings,
        "The books were left as they are. Try again; if it happens again, check the disk and report this.",
    ))
}

/// Reads everything back from the live books after the swap.
pub(super) async fn live(path: &Path, change: &ChangeSet, removed: &[Leaving]) -> Result<(), Problem> {
    let mut db = schema::read_only(path).await?;
    let mut findings = Vec::new();
    meant(&mut db, change, removed, &mut findings).await?;
    files::close(db).await?;
    if findings.is_empty() {
        return Ok(());
    }
    Err(with_findings(
        E_BOOKS_READBACK,
        "The books were changed, but do not read back as meant.",
        findings,
        "Do not post again. Another program may have changed the book at the same moment; compare it with the kept earlier book.",
    ))
}

/// Nobody else's rows changed: outside the entries of the change, both files hold the same rows in every table.
async fn strangers(db: &mut SqliteConnection, live: &Path, change: &ChangeSet, removed: &[Leaving]) -> Result<Vec<String>, Problem> {
    let doing = "comparing the copy with the books";
    sqlx::query("ATTACH DATABASE ?1 AS before")
        .bind(read_only_address(live))
        .execute(&mut *db)
        .await
        .doing(doing)?;
    let ours: BTreeSet<String> = change
        .post
        .iter()
        .map(|entry| write::guid(&entry.key, "tx"))
        .chain(change.restore.iter().map(|entry| entry.id.0.clone()))
        .chain(removed.iter().map(|entry| entry.id.0.clone()))
        .collect();
    let ours: Vec<&str> = ours.iter().map(String::as_str).collect();
    sqlx::query("CREATE TEMP TABLE ours (guid TEXT PRIMARY KEY) WITHOUT ROWID")
        .execute(&mut *db)
        .await
        .doing(doing)?;
    sqlx::query("INSERT INTO temp.ours SELECT value FROM json_each(?1)")
        .bind(read::json_list(&ours))
        .execute(&mut *db)
        .await
        .doing(doing)?;
    sqlx::query("CREATE TEMP TABLE our_object (guid TEXT PRIMARY KEY) WITHOUT ROWID")
        .execute(&mut *db)
        .await
        .doing(doing)?;
    for file in ["main", "before"] {
        let sql = format!(
            "INSERT OR IGNORE INTO temp.our_object
             WITH RECURSIVE object(guid) AS (
                 SELECT guid FROM temp.ours
                 UNION SELECT s.guid FROM {file}.splits s JOIN temp.ours o ON o.guid = s.tx_guid
                 UNION SELECT k.guid_val FROM {file}.slots k JOIN object ON k.obj_guid = object.guid WHERE k.slot_type IN (8, 9) AND k.guid_val IS NOT NULL)
             SELECT guid FROM object"
        );
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *db).await.doing(doing)?;
    }
    let tables =
        |file: &str| format!("SELECT name FROM {file}.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name");
    let now: Vec<String> = sqlx::query_scalar(AssertSqlSafe(tables("main")))
        .fetch_all(&mut *db)
        .await
        .doing(doing)?;
    let before: Vec<String> = sqlx::query_scalar(AssertSqlSafe(tables("before")))
        .fetch_all(&mut *db)
        .await
        .doing(doing)?;
    if now != before {
        return Ok(vec!["The copy does not have the same tables as the books.".into()]);
    }
    let mut findings = Vec::new();
    for table in &now {
        let untouched = match table.as_str() {
            "transactions" => "WHERE guid NOT IN (SELECT guid FROM temp.ours)",
            "splits" => "WHERE tx_guid NOT IN (SELECT guid FROM temp.ours)",
            "slots" => "WHERE obj_guid NOT IN (SELECT guid FROM temp.our_object)",
            _ => "",
        };
        let name = table.replace('"', "\"\"");
        let rows = |file: &str| format!("SELECT * FROM {file}.\"{name}\" {untouched}");
        if same(&mut *db, table, untouched).await? {
            continue;
        }
        for (one, other, what) in [("main", "before", "new or changed"), ("before", "main", "lost or changed")] {
            let sql = format!("SELECT count(*) FROM ({} EXCEPT {})", rows(one), rows(other));
            let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *db).await.doing(doing)?;
            if count != 0 {
                findings.push(format!(
                    "{count} rows of the table \"{table}\" that do not belong to this change are {what}."
                ));
            }
        }
    }
    Ok(findings)
}

/// Whether a table holds the same rows in both files, found out by its primary key: much quicker than comparing sets. False when
/// it has no such key, or when anything differs; the slow way then says how much.
async fn same(db: &mut SqliteConnection, table: &str, untouched: &str) -> Result<bool, Problem> {
    let doing = "comparing the copy with the books";
    let name = table.replace('"', "\"\"");
    let columns: Vec<(String, i64)> = sqlx::query_as("SELECT name, pk FROM pragma_table_info(?1, 'main')")
        .bind(table)
        .fetch_all(&mut *db)
        .await
        .doing(doing)?;
    let quoted = |column: &str| format!("\"{}\"", column.replace('"', "\"\""));
    let primary: Vec<String> = columns.iter().filter(|(_, key)| *key > 0).map(|(column, _)| quoted(column)).collect();
    let [primary] = primary.as_slice() else { return Ok(false) };
    let equal: Vec<String> = columns.iter().map(|(column, _)| format!("a.{0} IS b.{0}", quoted(column))).collect();
    let equal = equal.join(" AND ");
    // Copying keeps the order of rows, so most often their running numbers are the same, which is quicker still. Either way: as
    // many rows, and each row of the one is, in every column, the row of the other with the same key.
    for key in ["rowid", primary.as_str()] {
        let sql = format!(
            "SELECT (SELECT count(*) FROM main.\"{name}\" {untouched}) = (SELECT count(*) FROM before.\"{name}\" {untouched})
                AND NOT EXISTS (SELECT 1 FROM (SELECT *, {key} AS by_key FROM main.\"{name}\" {untouched}) a
                                LEFT JOIN before.\"{name}\" b ON a.by_key = b.{key} WHERE a.by_key IS NULL OR NOT ({equal}))"
        );
        // A table without running numbers refuses the first question; then the second decides.
        let same: Result<i64, _> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *db).await;
        match (same, key) {
            (Ok(1), _) => return Ok(true),
            (Ok(_), _) | (Err(_), "rowid") => {}
            (Err(fault), _) => return Err(fault).doing(doing),
        }
    }
    Ok(false)
}

/// SQLite's way to name a file that must not be written.
fn read_only_address(path: &Path) -> String {
    let mut address = String::from("file:");
    for byte in path.to_string_lossy().bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' | b':' => address.push(char::from(byte)),
            other => address.push_str(&format!("%{other:02X}")),
        }
    }
    address + "?mode=ro"
}

/// Every new entry balances as stored, in the fractions of its currency and its accounts.
async fn balanced(db: &mut SqliteConnection, change: &ChangeSet) -> Result<Vec<String>, Problem> {
    let ids: Vec<String> = change.post.iter().map(|entry| write::guid(&entry.key, "tx")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let rows: Vec<(String, String, i64, i64)> = sqlx::query_as(
        "SELECT t.description, substr(t.post_date, 1, 10), sum(s.value_num),
                sum(s.value_denom <> c.fraction OR s.quantity_denom <> a.commodity_scu OR t.currency_guid <> a.commodity_guid
                    OR a.account_type = 'ROOT' OR s.value_num * s.quantity_denom <> s.quantity_num * s.value_denom)
         FROM transactions t JOIN splits s ON s.tx_guid = t.guid JOIN accounts a ON a.guid = s.account_guid JOIN commodities c ON c.guid = t.currency_guid
         WHERE t.guid IN (SELECT value FROM json_each(?1)) GROUP BY t.guid",
    )
    .bind(read::json_list(&ids))
    .fetch_all(db)
    .await
    .doing("checking that the new entries balance")?;
    let mut findings = Vec::new();
    if rows.len() != ids.len() {
        findings.push(format!("{} entries were to be posted, {} are in the copy.", ids.len(), rows.len()));
    }
    for (description, day, off, odd) in rows {
        if off != 0 || odd != 0 {
            findings.push(format!(
                "\"{description}\" of {day} is off by {off} and has {odd} lines in a wrong fraction or currency."
            ));
        }
    }
    Ok(findings)
}

/// Reads every entry of the change back and compares it with what was meant.
async fn meant(
    db: &mut SqliteConnection,
    change: &ChangeSet,
    removed: &[Leaving],
    findings: &mut Vec<String>,
) -> Result<Vec<Posted>, Problem> {
    let ids: Vec<EntryId> = change
        .post
        .iter()
        .map(|entry| EntryId(write::guid(&entry.key, "tx")))
        .chain(change.restore.iter().map(|entry| entry.id.clone()))
        .chain(removed.iter().map(|entry| entry.id.clone()))
        .collect();
    read::want_ids(db, &ids).await?;
    let found: BTreeMap<EntryId, BookEntry> = read::wanted(db).await?.into_iter().map(|entry| (entry.id.clone(), entry)).collect();
    let mut posted = Vec::with_capacity(change.post.len());
    let mut present: BTreeSet<&EntryId> = BTreeSet::new();
    for (entry, id) in change.post.iter().zip(&ids) {
        present.insert(id);
        match found.get(id) {
            Some(book) => {
                findings.extend(differences(entry, book));
                posted.push(Posted {
                    key: entry.key.clone(),
                    covers: entry.covers.clone(),
                    id: id.clone(),
                    print: book.print.clone(),
                });
            }
            None => findings.push(format!("{} is not in the books.", permit::entry_name(entry))),
        }
    }
    for entry in &change.restore {
        present.insert(&entry.id);
        match found.get(&entry.id) {
            Some(book) if book.print == entry.print => {}
            Some(_) => findings.push(format!(
                "\"{}\" of {} was put back, but differs from what was taken out.",
                entry.description, entry.date
            )),
            None => findings.push(format!("\"{}\" of {} was not put back.", entry.description, entry.date)),
        }
    }
    for entry in removed {
        if !present.contains(&entry.id) && found.contains_key(&entry.id) {
            findings.push(format!("\"{}\" of {} is still in the books.", entry.description, entry.date));
        }
    }
    Ok(posted)
}

fn differences(entry: &Entry, book: &BookEntry) -> Vec<String> {
    let name = permit::entry_name(entry);
    let mut found = Vec::new();
    let mut compare = |what: &str, meant: String, is: String| {
        if meant != is {
            found.push(format!("{name}: {what} was meant to be \"{meant}\", the books have \"{is}\"."));
        }
    };
    compare("the day", entry.date.to_string(), book.date.to_string());
    compare("the text", entry.description.clone(), book.description.clone());
    compare("the reference", entry.reference.clone(), book.reference.clone());
    compare("the list of movements", list(&entry.covers), list(&book.keys));
    let mut lines: Vec<(&AccountId, Money, Option<Money>, &str)> = entry
        .lines
        .iter()
        .map(|l| (&l.account, l.amount, Some(l.amount), l.memo.as_str()))
        .collect();
    let mut held: Vec<(&AccountId, Money, Option<Money>, &str)> = book
        .lines
        .iter()
        .map(|l| (&l.account, l.amount, l.quantity.money(), l.memo.as_str()))
        .collect();
    lines.sort_by(|a, b| (a.0, a.1.minor, a.3).cmp(&(b.0, b.1.minor, b.3)));
    held.sort_by(|a, b| (a.0, a.1.minor, a.3).cmp(&(b.0, b.1.minor, b.3)));
    let words = |lines: &[(&AccountId, Money, Option<Money>, &str)]| {
        let one = |(account, amount, quantity, memo): &(&AccountId, Money, Option<Money>, &str)| match quantity {
            Some(held) if held == amount => format!("{amount} in {account} {memo}").trim_end().to_string(),
            Some(held) => format!("{amount} ({held} there) in {account} {memo}").trim_end().to_string(),
            None => format!("{amount} (no such amount there) in {account} {memo}").trim_end().to_string(),
        };
        lines.iter().map(one).collect::<Vec<_>>().join("; ")
    };
    compare("the list of lines", words(&lines), words(&held));
    found
}

fn list(keys: &[ledger::EntryKey]) -> String {
    keys.iter().map(ledger::EntryKey::as_str).collect::<Vec<_>>().join(" ")
}
