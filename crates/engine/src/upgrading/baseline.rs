//! The numbers from before: every entry's print, and counts and sums per account and day.
//!
//! Taken once, directly before the first backup, from the same file. Never recomputed later.

use crate::books_port::Books;
use books::{BookEntry, Period};
use jiff::Timestamp;
use jiff::civil::Date;
use ledger::{AccountId, Money, Problem};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Count and sum of one account on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountDay {
    pub account: AccountId,
    pub date: Date,
    pub count: u64,
    pub sum: Money,
}

/// One entry as it was: enough to see later that a person changed or removed it, and what that did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryThen {
    pub print: String,
    pub date: Date,
    pub lines: Vec<(AccountId, Money)>,
    /// It carries an entry key of Changeover.
    pub ours: bool,
}

/// The books as they were. Stored as a fact of the upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    pub taken_at: Timestamp,
    /// Journal position at which it was taken; later changes explain later differences.
    pub position: u64,
    pub fingerprint: String,
    pub entries: BTreeMap<String, EntryThen>,
    pub days: Vec<AccountDay>,
    pub balances: BTreeMap<AccountId, Money>,
}

/// Name under which the baseline is kept.
pub const FACT: &str = "baseline";

/// Reads the books as they are now.
pub async fn take(book: &dyn Books, position: u64, now: Timestamp) -> Result<Baseline, Problem> {
    let entries = book.entries(Period::ALL).await?;
    of(book, &entries, position, now).await
}

/// As [`take`], where the entries were read already.
pub async fn of(book: &dyn Books, entries: &[BookEntry], position: u64, now: Timestamp) -> Result<Baseline, Problem> {
    let fingerprint = book.fingerprint().await?.0;
    let (days, balances) = match added_up(entries)? {
        Some(sums) => {
            let known: BTreeMap<AccountId, Money> =
                book.describe().await?.accounts.into_iter().filter_map(|a| Some((a.id, Money::zero(a.currency?)))).collect();
            (sums.days, known.into_iter().chain(sums.balances).collect())
        }
        // An account in shares or another unit: the books say what is wrong with it, or add it up in its own way.
        None => {
            let accounts: Vec<AccountId> = book.describe().await?.accounts.into_iter().map(|a| a.id).collect();
            let days = book.daily(&accounts).await?.into_iter().map(|((account, date), (count, sum))| AccountDay { account, date, count, sum }).collect();
            (days, book.balances(None).await?)
        }
    };
    let entries = entries.iter().map(|e| (e.id.0.clone(), then(e))).collect();
    Ok(Baseline { taken_at: now, position, fingerprint, entries, days, balances })
}

struct Sums {
    days: Vec<AccountDay>,
    balances: BTreeMap<AccountId, Money>,
}

/// Counts and sums of entries in each account's own currency; None when a line is not in a currency.
fn added_up(entries: &[BookEntry]) -> Result<Option<Sums>, Problem> {
    let mut days: BTreeMap<(&AccountId, Date), (u64, Money)> = BTreeMap::new();
    let mut balances: BTreeMap<AccountId, Money> = BTreeMap::new();
    for entry in entries {
        for line in &entry.lines {
            let Some(amount) = line.quantity.money() else { return Ok(None) };
            let day = days.entry((&line.account, entry.date)).or_insert((0, Money::zero(amount.currency)));
            *day = (day.0 + 1, day.1.plus(amount)?);
            match balances.get_mut(&line.account) {
                Some(balance) => *balance = balance.plus(amount)?,
                None => {
                    balances.insert(line.account.clone(), amount);
                }
            }
        }
    }
    let days = days.into_iter().map(|((account, date), (count, sum))| AccountDay { account: account.clone(), date, count, sum }).collect();
    Ok(Some(Sums { days, balances }))
}

/// An entry in the form in which it is compared. Amounts are those of the account, as totals are.
pub fn then(entry: &BookEntry) -> EntryThen {
    EntryThen {
        print: entry.print.0.clone(),
        date: entry.date,
        lines: entry.lines.iter().map(|line| (line.account.clone(), line.quantity.money().unwrap_or(line.amount))).collect(),
        ours: !entry.keys.is_empty(),
    }
}

impl Baseline {
    /// In the form in which the pure reconciliation compares.
    pub fn totals(&self) -> reconcile::Baseline {
        let mut days: BTreeMap<AccountId, BTreeMap<Date, reconcile::DayTotal>> = BTreeMap::new();
        for day in &self.days {
            days.entry(day.account.clone()).or_default().insert(day.date, reconcile::DayTotal { count: day.count, sum: day.sum });
        }
        reconcile::Baseline { taken_at: self.taken_at, days, balances: self.balances.clone() }
    }
}
