//! The baseline: what the books say per account and day, sums and counts, before anything is changed.
//!
//! Counts stand beside sums because two wrongs may cancel in a sum.

use jiff::Timestamp;
use jiff::civil::Date;
use ledger::{AccountId, Money, Problem};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One line of an entry of the books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookLine {
    pub account: AccountId,
    pub date: Date,
    pub amount: Money,
}

/// Sum and number of the lines of one account on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayTotal {
    pub count: u64,
    pub sum: Money,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    pub taken_at: Timestamp,
    pub days: BTreeMap<AccountId, BTreeMap<Date, DayTotal>>,
    /// As the accounting app states them; compared on their own, so that a line we do not see is not missed.
    pub balances: BTreeMap<AccountId, Money>,
}

impl Baseline {
    /// Adds up the lines; the balances are those of the lines until [`Baseline::stating`] replaces them.
    /// Errors: `E-MONEY-MIXED` for an account with two currencies, `E-MONEY-OVERFLOW`.
    pub fn of(taken_at: Timestamp, lines: impl IntoIterator<Item = BookLine>) -> Result<Baseline, Problem> {
        let mut days: BTreeMap<AccountId, BTreeMap<Date, DayTotal>> = BTreeMap::new();
        let mut balances: BTreeMap<AccountId, Money> = BTreeMap::new();
        for line in lines {
            let zero = Money::zero(line.amount.currency);
            let total = days
                .entry(line.account.clone())
                .or_default()
                .entry(line.date)
                .or_insert(DayTotal { count: 0, sum: zero });
            total.count += 1;
            total.sum = total.sum.plus(line.amount)?;
            let balance = balances.entry(line.account).or_insert(zero);
            *balance = balance.plus(line.amount)?;
        }
        Ok(Baseline { taken_at, days, balances })
    }

    /// Takes the balances that the accounting app itself states.
    pub fn stating(mut self, balances: BTreeMap<AccountId, Money>) -> Baseline {
        self.balances = balances;
        self
    }

    pub fn on(&self, account: &AccountId, date: Date) -> Option<DayTotal> {
        self.days.get(account).and_then(|days| days.get(&date)).copied()
    }

    /// Lines of all accounts and days.
    pub fn lines(&self) -> u64 {
        self.days.values().flat_map(|days| days.values()).map(|total| total.count).sum()
    }

    /// Account-days held.
    pub fn account_days(&self) -> u64 {
        self.days.values().map(|days| days.len() as u64).sum()
    }
}
