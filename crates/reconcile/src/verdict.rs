//! The money verdict: before, after, explained, remainder — per account and day, to the cent and to the line.
//!
//! Never nets a remainder of one account-day against another, and never against a count.

use crate::baseline::{Baseline, BookLine, DayTotal};
use jiff::civil::Date;
use ledger::{AccountId, Currency, Money, Problem};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A change of one account on one day that a rule or an action accounts for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    pub account: AccountId,
    pub date: Date,
    /// Change of the sum.
    pub amount: Money,
    /// Change of the number of lines.
    pub count: i64,
    /// The rule's id, or the name of the action that was journaled.
    pub rule: String,
}

/// What is known about one movement of the processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The movement in words, for the finding.
    pub movement: String,
    /// Entries of the books that carry it, under any of its keys.
    pub entries: u64,
    /// Why it may have none.
    pub otherwise: Option<Otherwise>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Otherwise {
    /// Linked to an entry that a person typed.
    Aliased,
    Held,
    Excluded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Agreement {
    Agrees,
    Differs,
}

/// One account-day that changed, or was said to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoneyRow {
    pub account: AccountId,
    pub date: Date,
    pub before: DayTotal,
    pub after: DayTotal,
    pub explained: Money,
    pub explained_count: i64,
    /// After, less before, less explained.
    pub remainder: Money,
    pub remainder_count: i64,
    pub rules: BTreeSet<String>,
}

/// An account whose stated balance moved by something other than what is explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceRow {
    pub account: AccountId,
    pub before: Option<Money>,
    pub after: Option<Money>,
    pub explained: Money,
    pub remainder: Money,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoneyVerdict {
    pub agreement: Agreement,
    /// Sum of the sizes of all remainders in the books' currency.
    pub unexplained: Money,
    /// The same in other currencies, where not zero.
    pub unexplained_other: Vec<Money>,
    /// Lines too many or too few, added up without netting.
    pub unexplained_lines: u64,
    pub doubled: u64,
    pub lost: u64,
    /// Movements doubled or lost, in words.
    pub findings: Vec<String>,
    pub rows: Vec<MoneyRow>,
    pub balances: Vec<BalanceRow>,
    pub account_days: u64,
    pub movements: u64,
}

impl MoneyVerdict {
    /// The rows with a remainder.
    pub fn unexplained_rows(&self) -> impl Iterator<Item = &MoneyRow> {
        self.rows.iter().filter(|row| !row.remainder.is_zero() || row.remainder_count != 0)
    }

    /// "0.00 USD unexplained, 0 doubled, 0 lost"
    pub fn sentence(&self) -> String {
        let others: String = self.unexplained_other.iter().map(|money| format!(" and {money}")).collect();
        format!(
            "{}{others} unexplained, {} doubled, {} lost",
            self.unexplained, self.doubled, self.lost
        )
    }
}

/// The change that these lines make: taken out once for `removed`, put in once for `posted`. For explaining what was
/// converted, from the journal and not from the books.
/// Errors: `E-MONEY-MIXED`, `E-MONEY-OVERFLOW`.
pub fn explained_by(rule: &str, removed: &[BookLine], posted: &[BookLine]) -> Result<Vec<Explained>, Problem> {
    let mut changes: BTreeMap<(AccountId, Date), (Money, i64)> = BTreeMap::new();
    for (lines, sign) in [(removed, -1_i64), (posted, 1)] {
        for line in lines {
            let change = changes
                .entry((line.account.clone(), line.date))
                .or_insert((Money::zero(line.amount.currency), 0));
            change.0 = if sign < 0 {
                change.0.minus(line.amount)?
            } else {
                change.0.plus(line.amount)?
            };
            change.1 += sign;
        }
    }
    Ok(changes
        .into_iter()
        .filter(|(_, (amount, count))| !amount.is_zero() || *count != 0)
        .map(|((account, date), (amount, count))| Explained {
            account,
            date,
            amount,
            count,
            rule: rule.to_string(),
        })
        .collect())
}

/// Compares the books before and after. `currency` is the books' own.
/// Errors: `E-MONEY-MIXED` for an account that changed its currency, `E-MONEY-OVERFLOW`.
pub fn verdict(
    before: &Baseline,
    after: &Baseline,
    explained: &[Explained],
    sightings: &[Sighting],
    currency: Currency,
) -> Result<MoneyVerdict, Problem> {
    let changes = sum_explained(explained)?;
    let (rows, account_days) = money_rows(before, after, &changes)?;
    let balances = balance_rows(before, after, &changes)?;
    let mut sums: BTreeMap<Currency, Money> = BTreeMap::from([(currency, Money::zero(currency))]);
    for row in &rows {
        let size = size(row.remainder)?;
        let sum = sums.entry(size.currency).or_insert(Money::zero(size.currency));
        *sum = sum.plus(size)?;
    }
    let unexplained = sums.remove(&currency).unwrap_or(Money::zero(currency));
    let unexplained_other: Vec<Money> = sums.into_values().filter(|sum| !sum.is_zero()).collect();
    let unexplained_lines = rows.iter().map(|row| row.remainder_count.unsigned_abs()).sum();
    let doubled: Vec<String> = sightings
        .iter()
        .filter(|s| s.entries > 1)
        .map(|s| format!("{} is in the books {} times.", s.movement, s.entries))
        .collect();
    let lost: Vec<String> = sightings
        .iter()
        .filter(|s| s.entries == 0 && s.otherwise.is_none())
        .map(|s| format!("{} is neither in the books nor held nor excluded.", s.movement))
        .collect();
    let agrees = unexplained.is_zero()
        && unexplained_other.is_empty()
        && unexplained_lines == 0
        && doubled.is_empty()
        && lost.is_empty()
        && balances.is_empty();
    Ok(MoneyVerdict {
        agreement: if agrees { Agreement::Agrees } else { Agreement::Differs },
        unexplained,
        unexplained_other,
        unexplained_lines,
        doubled: doubled.len() as u64,
        lost: lost.len() as u64,
        findings: doubled.into_iter().chain(lost).collect(),
        rows,
        balances,
        account_days,
        movements: sightings.len() as u64,
    })
}

struct Change {
    amount: Money,
    count: i64,
    rules: BTreeSet<String>,
}

type Changes = BTreeMap<(AccountId, Date), Change>;

fn sum_explained(explained: &[Explained]) -> Result<Changes, Problem> {
    let mut changes: Changes = BTreeMap::new();
    for item in explained {
        let change = changes.entry((item.account.clone(), item.date)).or_insert_with(|| Change {
            amount: Money::zero(item.amount.currency),
            count: 0,
            rules: BTreeSet::new(),
        });
        change.amount = change.amount.plus(item.amount)?;
        change.count += item.count;
        change.rules.insert(item.rule.clone());
    }
    Ok(changes)
}

fn money_rows(before: &Baseline, after: &Baseline, changes: &Changes) -> Result<(Vec<MoneyRow>, u64), Problem> {
    let days = |baseline: &Baseline| -> Vec<(AccountId, Date)> {
        baseline
            .days
            .iter()
            .flat_map(|(account, days)| days.keys().map(|date| (account.clone(), *date)))
            .collect()
    };
    let all: BTreeSet<(AccountId, Date)> = days(before).into_iter().chain(days(after)).chain(changes.keys().cloned()).collect();
    let compared = all.len() as u64;
    let mut rows = Vec::new();
    for (account, date) in all {
        let (was, is) = (before.on(&account, date), after.on(&account, date));
        let change = changes.get(&(account.clone(), date));
        if was == is && change.is_none() {
            continue;
        }
        let currency = was
            .or(is)
            .map(|total| total.sum.currency)
            .or(change.map(|change| change.amount.currency));
        let Some(currency) = currency else { continue };
        let nothing = DayTotal {
            count: 0,
            sum: Money::zero(currency),
        };
        let (was, is) = (was.unwrap_or(nothing), is.unwrap_or(nothing));
        let said = change.map_or(Money::zero(currency), |change| change.amount);
        let said_count = change.map_or(0, |change| change.count);
        rows.push(MoneyRow {
            before: was,
            after: is,
            explained: said,
            explained_count: said_count,
            remainder: is.sum.minus(was.sum)?.minus(said)?,
            remainder_count: count(is.count) - count(was.count) - said_count,
            rules: change.map(|change| change.rules.clone()).unwrap_or_default(),
            account,
            date,
        });
    }
    Ok((rows, compared))
}

fn balance_rows(before: &Baseline, after: &Baseline, changes: &Changes) -> Result<Vec<BalanceRow>, Problem> {
    let accounts: BTreeSet<&AccountId> = before.balances.keys().chain(after.balances.keys()).collect();
    let mut rows = Vec::new();
    for account in accounts {
        let (was, is) = (before.balances.get(account).copied(), after.balances.get(account).copied());
        let Some(currency) = was.or(is).map(|money| money.currency) else {
            continue;
        };
        let zero = Money::zero(currency);
        let said = Money::sum(
            currency,
            changes
                .iter()
                .filter(|((changed, _), _)| changed == account)
                .map(|(_, change)| change.amount),
        )?;
        let remainder = is.unwrap_or(zero).minus(was.unwrap_or(zero))?.minus(said)?;
        if !remainder.is_zero() {
            rows.push(BalanceRow {
                account: account.clone(),
                before: was,
                after: is,
                explained: said,
                remainder,
            });
        }
    }
    Ok(rows)
}

/// No books hold that many lines; saturating keeps a difference visible instead of wrapping it.
fn count(lines: u64) -> i64 {
    i64::try_from(lines).unwrap_or(i64::MAX)
}

fn size(money: Money) -> Result<Money, Problem> {
    if money.minor < 0 { money.negated() } else { Ok(money) }
}
