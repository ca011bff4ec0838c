//! What GnuCash itself says about a book, and what stands in the file's rows.
//!
//! The judge is GnuCash's own engine (its Python bindings, `oracle/gnucash_oracle.py`), never our
//! reader. Rows are compared as sorted text, so that two books are equal only if every entry, split
//! and slot is, guids included.

use crate::program;
use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{Column, ConnectOptions, Row, TypeInfo, ValueRef};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Debian's Python: the one that has GnuCash's bindings, whatever else is first in PATH.
const PYTHON: &str = "/usr/bin/python3";

/// GnuCash opens even a large book in seconds.
const GNUCASH_DEADLINE: Duration = Duration::from_secs(120);

/// A book as GnuCash's engine sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Books {
    /// Full account name to balance, exact: "numerator/denominator CURRENCY".
    pub balances: BTreeMap<String, String>,
    pub transactions: u64,
    pub splits: u64,
    /// Accounts that GnuCash makes when something does not balance. Empty in a healthy book.
    pub repairs: Vec<String>,
    /// Transactions that do not balance. Empty in a healthy book.
    pub unbalanced: Vec<String>,
}

/// "7256737/100 USD" and "145134740/2000 USD" are one amount; another currency is another amount.
pub fn same_amount(one: Option<&str>, other: Option<&str>) -> bool {
    let parts = |text: &str| -> Option<(i128, i128, String)> {
        let (number, currency) = text.split_once(' ')?;
        let (top, bottom) = number.split_once('/')?;
        Some((top.parse().ok()?, bottom.parse().ok()?, currency.to_string()))
    };
    match (one.and_then(parts), other.and_then(parts)) {
        (Some((a, b, here)), Some((c, d, there))) => here == there && a * d == c * b,
        (Some(_) | None, Some(_) | None) => false,
    }
}

/// Is GnuCash's engine installed? Under CI it must be.
pub fn has_gnucash() -> bool {
    let found = Command::new(PYTHON).args(["-c", "import gnucash"]).output().is_ok_and(|out| out.status.success());
    if !found {
        assert!(std::env::var_os("CI").is_none(), "python3-gnucash is not installed, and CI needs it");
        println!("skipped: python3-gnucash is not installed");
    }
    found
}

/// Opens the book in GnuCash's engine, read-only. Fails the test when GnuCash refuses it.
#[track_caller]
pub fn gnucash(book: &Path) -> Books {
    let ran = python("gnucash_oracle.py", &[book]);
    assert_eq!(ran.code, Some(0), "GnuCash does not open {}:\n{}\n{}", book.display(), ran.stdout, ran.stderr);
    let json = ran.json();
    let texts = |name: &str| -> Vec<String> {
        let list = json[name].as_array().unwrap_or_else(|| panic!("no {name} in {json}"));
        list.iter().filter_map(Value::as_str).map(String::from).collect()
    };
    let number = |name: &str| json[name].as_u64().unwrap_or_else(|| panic!("no {name} in {json}"));
    let balances = json["balances"].as_object().expect("balances");
    Books {
        balances: balances.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_string())).collect(),
        transactions: number("transactions"),
        splits: number("splits"),
        repairs: texts("repairs"),
        unbalanced: texts("unbalanced"),
    }
}

/// Runs one of the committed Python scripts of `tests/oracle`.
#[track_caller]
pub fn python(script: &str, arguments: &[&Path]) -> program::Ran {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("oracle").join(script);
    program::start(Command::new(PYTHON).arg("-B").arg(file).args(arguments)).finish(GNUCASH_DEADLINE)
}

/// Tables whose rows make up the entries of a GnuCash SQLite book.
const ENTRY_TABLES: &[&str] = &["transactions", "splits", "slots", "accounts", "commodities"];

/// Every row of the tables that hold entries, as sorted text without the rows' running numbers.
pub fn rows(book: &Path) -> Vec<String> {
    // A thread of its own: the journeys call this from inside their own runtime.
    std::thread::scope(|scope| scope.spawn(|| rows_here(book)).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn rows_here(book: &Path) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(book).read_only(true);
        let mut connection = options.connect().await.unwrap_or_else(|error| panic!("{}: {error}", book.display()));
        let mut rows = Vec::new();
        for table in ENTRY_TABLES {
            let statement = sqlx::AssertSqlSafe(format!("SELECT * FROM {table}"));
            let found = sqlx::query(statement).fetch_all(&mut connection).await.unwrap_or_else(|error| panic!("{table}: {error}"));
            rows.extend(found.iter().map(|row| shown(table, row)));
        }
        rows.sort();
        rows
    })
}

/// "table column=value …"; `id` is a running number of the slots table and says nothing.
fn shown(table: &str, row: &SqliteRow) -> String {
    let mut text = table.to_string();
    for column in row.columns().iter().filter(|column| column.name() != "id") {
        let at = column.ordinal();
        let value = row.try_get_raw(at).expect("a column");
        let kind = value.type_info().name().to_string();
        let value = if value.is_null() {
            "NULL".to_string()
        } else {
            match kind.as_str() {
                "INTEGER" => row.get_unchecked::<i64, _>(at).to_string(),
                "REAL" => row.get_unchecked::<f64, _>(at).to_string(),
                "BLOB" => hex::encode(row.get_unchecked::<Vec<u8>, _>(at)),
                "TEXT" | "DATETIME" | "DATE" | "TIME" => row.get_unchecked::<String, _>(at),
                other => panic!("{table}.{} holds {other}", column.name()),
            }
        };
        text.push_str(&format!(" {}={value}", column.name()));
    }
    text
}

/// Fails the test, naming the first rows that differ, unless both books hold the same rows.
#[track_caller]
pub fn same_rows(expected: &Path, found: &Path) {
    same(&rows(expected), &rows(found));
}

/// As [`same_rows`], for rows read earlier.
#[track_caller]
pub fn same(expected: &[String], found: &[String]) {
    let (missing, extra) = (only_in(expected, found), only_in(found, expected));
    let some = |rows: &[String]| rows.iter().take(10).cloned().collect::<Vec<_>>().join("\n  ");
    assert!(
        missing.is_empty() && extra.is_empty(),
        "the books differ\n{} rows are gone:\n  {}\n{} rows are new:\n  {}",
        missing.len(),
        some(&missing),
        extra.len(),
        some(&extra)
    );
}

/// Rows of one sorted list that the other lacks, with their multiplicity.
fn only_in(these: &[String], those: &[String]) -> Vec<String> {
    let mut others: BTreeMap<&String, usize> = BTreeMap::new();
    for row in those {
        *others.entry(row).or_default() += 1;
    }
    let mut left = Vec::new();
    for row in these {
        match others.get_mut(row) {
            Some(count) if *count > 0 => *count -= 1,
            Some(_) | None => left.push(row.clone()),
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_compared_as_fractions_of_one_currency() {
        assert!(same_amount(Some("1/2 USD"), Some("50/100 USD")));
        for other in [Some("1/2 EUR"), Some("51/100 USD"), Some("half"), None] {
            assert!(!same_amount(Some("1/2 USD"), other));
        }
        assert!(!same_amount(None, None));
    }

    #[test]
    fn a_row_that_stands_twice_on_one_side_only_is_a_difference() {
        let (one, two) = (vec!["a".to_string()], vec!["a".to_string(), "a".to_string()]);
        assert!(only_in(&one, &two).is_empty());
        assert_eq!(only_in(&two, &one), ["a"]);
    }
}
