//! Payouts tie out: what the processor says it paid, against what the clearing account says left.
//!
//! Every payout and every posting is listed on its own; differences are never netted between payouts.

use jiff::civil::Date;
use ledger::{Currency, Money, Problem};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One payout as the processor states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    pub id: String,
    pub date: Date,
    /// What reaches the bank (negative when the processor takes money).
    pub amount: Money,
    /// What the processor charges for paying out.
    pub fee: Money,
    /// The bank sent it back: over its whole life it comes to nothing, but for its fee.
    pub returned: bool,
    /// Sum of the net amounts of its payout entries, where they were read to the end.
    pub composed_of: Option<Money>,
}

/// A line of the clearing account that belongs to a payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClearingPosting {
    pub settlement: String,
    pub date: Date,
    /// As in the books: money that leaves is negative.
    pub amount: Money,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TieFinding {
    Agrees,
    /// Nothing in the books.
    Missing,
    /// The books hold twice what the processor says.
    Doubled,
    Differs,
    /// The books agree, but the payout's own entries do not add up to it.
    Composition,
    /// The books name a payout that the processor does not.
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TieRow {
    pub settlement: String,
    pub date: Date,
    /// What the processor says left the clearing account.
    pub processor: Money,
    /// What the books say left it.
    pub books: Money,
    /// Books less processor.
    pub difference: Money,
    /// Payout entries less payout and fee; None where they were not read.
    pub composition: Option<Money>,
    pub finding: TieFinding,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TieOut {
    pub rows: Vec<TieRow>,
    pub agreeing: u64,
    /// Sizes of all differences added up.
    pub difference: Money,
}

impl TieOut {
    pub fn agrees(&self) -> bool {
        self.agreeing == self.rows.len() as u64
    }
}

/// Errors: `E-MONEY-MIXED`, `E-MONEY-OVERFLOW`.
pub fn tie_out(settlements: &[Settlement], postings: &[ClearingPosting], currency: Currency) -> Result<TieOut, Problem> {
    let mut books: BTreeMap<&str, (Money, u64, Date)> = BTreeMap::new();
    for posting in postings {
        let (sum, count, _) = books.entry(&posting.settlement).or_insert((Money::zero(currency), 0, posting.date));
        *sum = sum.minus(posting.amount)?;
        *count += 1;
    }
    let mut rows = Vec::new();
    for settlement in settlements {
        let found = books.remove(settlement.id.as_str()).map(|(sum, _, _)| sum);
        rows.push(row(settlement, found, currency)?);
    }
    for (id, (sum, _, date)) in books {
        let processor = Money::zero(currency);
        rows.push(TieRow {
            settlement: id.to_string(),
            date,
            processor,
            books: sum,
            difference: sum,
            composition: None,
            finding: TieFinding::Unknown,
        });
    }
    rows.sort_by(|a, b| (a.date, &a.settlement).cmp(&(b.date, &b.settlement)));
    let agreeing = rows.iter().filter(|row| row.finding == TieFinding::Agrees).count() as u64;
    let mut difference = Money::zero(currency);
    for row in &rows {
        difference = if row.difference.minor < 0 {
            difference.minus(row.difference)?
        } else {
            difference.plus(row.difference)?
        };
    }
    Ok(TieOut {
        rows,
        agreeing,
        difference,
    })
}

fn row(settlement: &Settlement, found: Option<Money>, currency: Currency) -> Result<TieRow, Problem> {
    let paid = settlement.amount.plus(settlement.fee)?;
    let processor = if settlement.returned { settlement.fee } else { paid };
    let books = found.unwrap_or(Money::zero(currency));
    let difference = books.minus(processor)?;
    let composition = settlement.composed_of.map(|sum| sum.minus(paid)).transpose()?;
    let finding = if found.is_none() && !processor.is_zero() {
        TieFinding::Missing
    } else if difference.is_zero() {
        if composition.is_some_and(|off| !off.is_zero()) {
            TieFinding::Composition
        } else {
            TieFinding::Agrees
        }
    } else if difference == processor {
        TieFinding::Doubled
    } else {
        TieFinding::Differs
    };
    Ok(TieRow {
        settlement: settlement.id.clone(),
        date: settlement.date,
        processor,
        books,
        difference,
        composition,
        finding,
    })
}
