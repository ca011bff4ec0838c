//! What the books are: accounts with their paths, the main currency, locks, closed periods, size.
//!
//! Accounts of scheduled templates are no accounts of the company and are left out everywhere.

use super::{GnuCashSqlite, lock, read, schema};
use crate::book::Description;
use crate::problems::*;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use ledger::{Account, AccountId, AccountKind, Currency, Problem};
use sqlx::sqlite::SqliteConnection;
use std::collections::{BTreeMap, BTreeSet};

/// An account as the adapter needs it: what everybody sees, and GnuCash's own columns.
#[derive(Debug, Clone)]
pub(super) struct BookAccount {
    pub account: Account,
    pub commodity: String,
    /// Smallest fraction of the commodity as GnuCash stores it.
    pub fraction: i64,
    /// Smallest fraction in which the account counts.
    pub scu: i64,
}

pub(super) type Accounts = BTreeMap<AccountId, BookAccount>;

/// An account path deeper than this is a circle.
const DEEPEST: usize = 64;

type AccountRow = (
    String,
    String,
    String,
    Option<String>,
    i64,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<i64>,
);

/// Every account under the book's top account, the top account itself left out.
pub(super) async fn accounts(db: &mut SqliteConnection) -> Result<Accounts, Problem> {
    let doing = "reading their accounts";
    let root: String = sqlx::query_scalar("SELECT root_account_guid FROM books")
        .fetch_one(&mut *db)
        .await
        .doing(doing)?;
    let rows: Vec<AccountRow> = sqlx::query_as(
        "SELECT a.guid, a.name, a.account_type, a.commodity_guid, a.commodity_scu, a.parent_guid, a.hidden, a.placeholder,
                c.namespace, c.mnemonic, c.fraction
         FROM accounts a LEFT JOIN commodities c ON c.guid = a.commodity_guid ORDER BY a.rowid",
    )
    .fetch_all(db)
    .await
    .doing(doing)?;
    let parents: BTreeMap<&str, (&str, Option<&str>)> = rows
        .iter()
        .map(|row| (row.0.as_str(), (row.1.as_str(), row.5.as_deref())))
        .collect();
    let mut accounts = Accounts::new();
    for (guid, _, kind, commodity, scu, _, hidden, placeholder, namespace, mnemonic, fraction) in &rows {
        let Some(full_name) = path_of(guid, &root, &parents) else {
            continue;
        };
        let currency = match (namespace.as_deref(), mnemonic) {
            (Some("CURRENCY"), Some(code)) => Currency::of(code).ok(),
            _ => None,
        };
        let id = AccountId(guid.clone());
        let account = Account {
            id: id.clone(),
            full_name,
            kind: kind_of(kind),
            currency,
            placeholder: placeholder.unwrap_or(0) != 0,
            hidden: hidden.unwrap_or(0) != 0,
        };
        accounts.insert(
            id,
            BookAccount {
                account,
                commodity: commodity.clone().unwrap_or_default(),
                fraction: fraction.unwrap_or(0),
                scu: *scu,
            },
        );
    }
    Ok(accounts)
}

/// "Assets:Bank", or None for the top account and for what does not hang below it.
fn path_of(guid: &str, root: &str, parents: &BTreeMap<&str, (&str, Option<&str>)>) -> Option<String> {
    let mut names = Vec::new();
    let mut at = guid;
    while at != root {
        let (name, parent) = parents.get(at)?;
        names.push(*name);
        if names.len() > DEEPEST {
            return None;
        }
        at = (*parent)?;
    }
    names.reverse();
    if names.is_empty() { None } else { Some(names.join(":")) }
}

/// GnuCash's account types. Whatever is not a plain account of money must never receive entries.
fn kind_of(text: &str) -> AccountKind {
    match text {
        "ASSET" => AccountKind::Asset,
        "BANK" => AccountKind::Bank,
        "CASH" => AccountKind::Cash,
        "RECEIVABLE" => AccountKind::Receivable,
        "LIABILITY" => AccountKind::Liability,
        "CREDIT" => AccountKind::CreditCard,
        "PAYABLE" => AccountKind::Payable,
        "INCOME" => AccountKind::Income,
        "EXPENSE" => AccountKind::Expense,
        "EQUITY" => AccountKind::Equity,
        _ => AccountKind::Other,
    }
}

/// What the books themselves have closed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Closing {
    /// Last day that "Close Book" closed.
    pub through: Option<Date>,
    /// GnuCash's "red line": entries older than this many days are read-only.
    pub read_only_after_days: Option<u32>,
}

impl Closing {
    /// The last day on which nothing may be touched.
    pub(super) fn at(&self, now: Timestamp, also: [Option<Date>; 2]) -> Option<Date> {
        let today = now.to_zoned(TimeZone::UTC).date();
        let red_line = self
            .read_only_after_days
            .and_then(|days| today.checked_sub(i64::from(days).saturating_add(1).days()).ok());
        [self.through, red_line, also[0], also[1]].into_iter().flatten().max()
    }
}

/// Where GnuCash keeps the book option, section "Accounts". The value is a number of days, 0 = off.
const RED_LINE: &str = "options/Accounts/Day Threshold for Read-Only Transactions (red line)";

pub(super) async fn closing(db: &mut SqliteConnection) -> Result<Closing, Problem> {
    let doing = "reading what they have closed";
    let sql = format!(
        "SELECT max({}) FROM transactions t JOIN slots k ON k.obj_guid = t.guid AND k.name = 'book_closing' AND k.int64_val <> 0",
        read::DAY
    );
    let through: Option<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .fetch_one(&mut *db)
        .await
        .doing(doing)?;
    let days: Option<f64> = sqlx::query_scalar(
        "SELECT CAST(CASE slot_type WHEN 2 THEN double_val ELSE int64_val END AS REAL) FROM slots WHERE name = ?1 LIMIT 1",
    )
    .bind(RED_LINE)
    .fetch_optional(db)
    .await
    .doing(doing)?
    .flatten();
    Ok(Closing {
        through: through.map(|day| read::date(&day)).transpose()?,
        // A count of days, not money: truncated like GnuCash does.
        read_only_after_days: days.filter(|days| *days >= 1.0).map(|days| days.min(f64::from(u32::MAX)) as u32),
    })
}

pub(super) async fn describe(books: &GnuCashSqlite) -> Result<Description, Problem> {
    let mut db = schema::read_only(books.path()).await?;
    schema::check(&mut db).await?;
    let accounts: Vec<Account> = accounts(&mut db).await?.into_values().map(|a| a.account).collect();
    let currency = main_currency(&accounts)?;
    let closing = closing(&mut db).await?;
    let sql = format!(
        "SELECT count(*), min({day}), max({day}) FROM transactions t WHERE {own}",
        day = read::DAY,
        own = read::OWN
    );
    let (entries, first, last): (i64, Option<String>, Option<String>) = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .fetch_one(&mut db)
        .await
        .doing("counting their entries")?;
    Ok(Description {
        app: "GnuCash".into(),
        app_version: schema::written_by(&mut db).await?,
        path: books.path().to_path_buf(),
        currency,
        accounts,
        lock: lock::holder(&mut db, books.path()).await?,
        closed_through: closing.through.max(books.closed_through),
        read_only_after_days: closing.read_only_after_days,
        entries: u64::try_from(entries).unwrap_or(0),
        first: first.map(|day| read::date(&day)).transpose()?,
        last: last.map(|day| read::date(&day)).transpose()?,
        size_bytes: std::fs::metadata(books.path()).doing("asking for their size")?.len(),
    })
}

fn main_currency(accounts: &[Account]) -> Result<Currency, Problem> {
    let mut uses: BTreeMap<Currency, usize> = BTreeMap::new();
    for currency in accounts.iter().filter_map(|account| account.currency) {
        *uses.entry(currency).or_default() += 1;
    }
    let most = uses.values().copied().max();
    // Of equals the first by code, so that the answer never changes by chance.
    let candidates: BTreeSet<Currency> = uses
        .iter()
        .filter(|(_, count)| Some(**count) == most)
        .map(|(currency, _)| *currency)
        .collect();
    candidates.into_iter().next().ok_or_else(|| {
        Problem::new(
            E_BOOKS_CURRENCY,
            "The book has no account in a currency that Changeover knows.",
            format!("It has {} accounts.", accounts.len()),
            "Choose a book with accounts, or ask for its currency to be added.",
        )
    })
}
