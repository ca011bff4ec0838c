//! Records to drafts: each record is drafted, held with a reason, or excluded by a named rule. Nothing else.
//!
//! It must never guess: a joined row that was not read, a field that is missing, another currency, an amount that
//! does not add up: the record is held, in words. It posts nothing and knows no account. The reading of one
//! record is in `map/one.rs`, payouts against their entries in `map/settle.rs`, what was mapped already in
//! `map/kept.rs`; a new reason to hold is a variant of [`HoldReason`].

mod kept;
mod one;
mod settle;

use crate::package::Package;
use crate::record::Record;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use ledger::{Code, Currency, Draft, EntryKey, Money, Problem};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

pub use kept::{Mapping, RowName};

pub const E_MAP_LOST: Code = Code("E-MAP-LOST");
pub const E_MAP_RULES: Code = Code("E-MAP-RULES");
pub(crate) const CODES: &[Code] = &[E_MAP_LOST, E_MAP_RULES];

/// What mapping must know of the business.
#[derive(Debug, Clone)]
pub struct Business {
    /// Posting dates are days in this zone.
    pub zone: TimeZone,
    /// The books' currency; movements in another are held.
    pub currency: Currency,
}

/// Why a record is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldReason {
    /// No rule knows this kind, type or state.
    UnknownKind,
    /// A row it must be read together with was not read yet.
    NotReadYet,
    /// In another currency than the books.
    OtherCurrency,
    /// A field is missing or has an unexpected form.
    Unreadable,
    /// Something that the rule takes for granted is not so.
    NotAsExpected,
    /// Its lines do not add up to zero.
    Unbalanced,
    /// Another movement has the same entry key.
    KeyTwice,
}

impl HoldReason {
    pub fn name(self) -> &'static str {
        match self {
            HoldReason::UnknownKind => "unknown-kind",
            HoldReason::NotReadYet => "not-read-yet",
            HoldReason::OtherCurrency => "other-currency",
            HoldReason::Unreadable => "unreadable",
            HoldReason::NotAsExpected => "not-as-expected",
            HoldReason::Unbalanced => "unbalanced",
            HoldReason::KeyTwice => "key-twice",
        }
    }
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A record that is not posted, and waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub stream: String,
    pub record: String,
    /// The keys its parts would have, as far as they are known.
    pub keys: Vec<EntryKey>,
    pub instant: Timestamp,
    pub amount: Option<Money>,
    pub reason_code: HoldReason,
    /// In plain words.
    pub reason: String,
}

/// A record that moves nothing in these books, by a named rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    pub stream: String,
    pub record: String,
    pub rule: String,
    pub reason: String,
}

/// The same movement under an older version's key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Alias {
    pub old: EntryKey,
    pub new: EntryKey,
    /// Identity class, A to E.
    pub class: char,
    /// The field the two share, in words.
    pub via: String,
}

/// A payout beside the sum of its entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    pub record: String,
    /// Key of the part that posts it.
    pub key: EntryKey,
    pub date: Date,
    pub amount: Money,
    pub fee: Money,
    pub entries_sum: Money,
    /// Keys of the movements it settles, as far as their records are among those mapped.
    pub members: Vec<EntryKey>,
    /// Its entries add up to amount and fee.
    pub agrees: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapped {
    /// Shared with the [`Mapping`] they come from.
    pub drafts: Vec<Arc<Draft>>,
    pub held: Vec<Held>,
    pub excluded: Vec<Excluded>,
    pub aliases: Vec<Alias>,
    pub settlements: Vec<Settlement>,
}

/// Maps records of any of the package's streams. Of a record given twice the newer state counts; records of
/// streams that this package does not read are left alone; rows of look-up streams only serve others.
///
/// Errors: `E-MAP-LOST` when a record would end in no bin or in two (a fault of Changeover), `E-MAP-RULES`.
pub fn map(package: &Package, records: &[Record], business: &Business) -> Result<Mapped, Problem> {
    let mut mapping = Mapping::default();
    mapping.take(package, records, &[], business)?;
    mapping.mapped(package, business)
}

fn rules_broke_off(package: &Package) -> Problem {
    Problem::new(
        E_MAP_RULES,
        format!("The records could not be mapped with the connector {} {}.", package.name, package.version),
        "The evaluation of its rules broke off.",
        "Report this with the connector's name and version. The records are kept.",
    )
}

/// The promise of this module, checked every time: one bin for each record.
fn whole(package: &Package, given: usize, mapped: &Mapped) -> Result<(), Problem> {
    let mut bins: HashMap<(&str, &str), usize> = HashMap::with_capacity(given);
    let drafts = mapped.drafts.iter().map(|it| (it.stream.as_str(), it.record.as_str()));
    let held = mapped.held.iter().map(|it| (it.stream.as_str(), it.record.as_str()));
    let excluded = mapped.excluded.iter().map(|it| (it.stream.as_str(), it.record.as_str()));
    for name in drafts.chain(held).chain(excluded) {
        *bins.entry(name).or_default() += 1;
    }
    let twice = bins.values().filter(|count| **count > 1).count();
    if twice == 0 && bins.len() == given {
        return Ok(());
    }
    Err(Problem::new(
        E_MAP_LOST,
        format!("The records could not be mapped with the connector {} {}.", package.name, package.version),
        format!("{given} records came in, {} came out, {twice} of them more than once.", bins.len()),
        "Report this; it is a fault of Changeover. The records are kept.",
    ))
}
