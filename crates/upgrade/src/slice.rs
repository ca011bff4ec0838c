//! The shares in which existing entries are converted: canary, waves, arrivals, and what follows the cut-over.
//!
//! Decided once, from the records known when the plan is made, deterministically: the same records in any
//! order give the same shares. Never decides by processing time, only by the movement's own instant.

use jiff::Timestamp;
use jiff::civil::Date;
use ledger::{Currency, Money, Problem};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Which share of the movements. The order is the order of writing; undoing goes backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SliceName {
    Canary,
    /// Waves count from 1.
    Wave(u32),
    /// What the old connector still posted between the plan and the cut-over; converted while fenced.
    Arrivals,
    /// What the new connector posted day by day since the cut-over.
    AfterCutOver,
}

impl SliceName {
    pub fn name(self) -> String {
        match self {
            SliceName::Canary => "canary".into(),
            SliceName::Wave(number) => format!("wave_{number}"),
            SliceName::Arrivals => "arrivals".into(),
            SliceName::AfterCutOver => "after_cut_over".into(),
        }
    }
}

impl fmt::Display for SliceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl TryFrom<String> for SliceName {
    type Error = String;
    fn try_from(text: String) -> Result<SliceName, String> {
        if let Some(number) = text
            .strip_prefix("wave_")
            .and_then(|number| number.parse::<u32>().ok())
            .filter(|number| *number > 0)
        {
            return Ok(SliceName::Wave(number));
        }
        [SliceName::Canary, SliceName::Arrivals, SliceName::AfterCutOver]
            .into_iter()
            .find(|slice| slice.name() == text)
            .ok_or_else(|| format!("\"{text}\" is not a share of the upgrade"))
    }
}

impl From<SliceName> for String {
    fn from(slice: SliceName) -> String {
        slice.name()
    }
}

/// A record of the processor, by stream and id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordRef {
    pub stream: String,
    pub record: String,
}

/// One record that the plan shares out: posted by the old connector, at or after the plan's `new_from`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    pub record: RecordRef,
    /// What kind of movement, for choosing a telling canary: "card payment", "refund", "payout" …
    pub kind: String,
    pub instant: Timestamp,
    /// Posting date in the business's time zone.
    pub date: Date,
    /// The movement's size (positive), for showing.
    pub amount: Money,
}

/// One share as planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    pub name: SliceName,
    /// Movements in this share when the plan was made.
    pub count: u64,
    pub amount: Money,
    /// First instant of the share.
    pub from: Timestamp,
    /// The share ends before this instant; None for the last one, which is open.
    pub to: Option<Timestamp>,
    /// The canary's day.
    pub day: Option<Date>,
    /// The canary's records by name; waves go by instant.
    pub records: Vec<RecordRef>,
}

/// Days, counted back from the latest one with movements, among which the canary's day is chosen.
pub const RECENT_DAYS: usize = 14;

/// Shares out the records at or after `new_from`: a canary of one recent quiet day with as many kinds as possible, then
/// `waves` equal parts by instant, oldest first. Records of one instant stay together.
/// Errors: `E-MONEY-MIXED`, `E-MONEY-OVERFLOW`.
pub fn slices(
    candidates: &[Candidate],
    new_from: Timestamp,
    canary_size: usize,
    waves: u32,
    currency: Currency,
) -> Result<Vec<Slice>, Problem> {
    let mut all: Vec<&Candidate> = candidates.iter().filter(|candidate| candidate.instant >= new_from).collect();
    all.sort_by(|a, b| (a.instant, &a.record).cmp(&(b.instant, &b.record)));
    all.dedup_by(|a, b| a.record == b.record);
    let day = canary_day(&all, canary_size);
    let chosen = canary_records(&all, day, canary_size);
    let (canary, rest): (Vec<&Candidate>, Vec<&Candidate>) = all.into_iter().partition(|candidate| chosen.contains(&candidate.record));
    let from = canary.first().map_or(new_from, |first| first.instant);
    let mut shares = vec![Slice {
        name: SliceName::Canary,
        count: canary.len() as u64,
        amount: total(&canary, currency)?,
        from,
        to: None,
        day,
        records: canary.iter().map(|candidate| candidate.record.clone()).collect(),
    }];
    let mut from = new_from;
    for number in 1..=waves {
        // Only the last share is open: it takes whatever still arrives before the cut-over.
        let to = (number < waves).then(|| boundary(&rest, number, waves).unwrap_or(from).max(from));
        let members: Vec<&Candidate> = rest
            .iter()
            .copied()
            .filter(|candidate| candidate.instant >= from && to.is_none_or(|to| candidate.instant < to))
            .collect();
        let amount = total(&members, currency)?;
        shares.push(Slice {
            name: SliceName::Wave(number),
            count: members.len() as u64,
            amount,
            from,
            to,
            day: None,
            records: Vec::new(),
        });
        from = to.unwrap_or(from);
    }
    Ok(shares)
}

fn boundary(rest: &[&Candidate], number: u32, waves: u32) -> Option<Timestamp> {
    let at = rest.len() as u64 * u64::from(number) / u64::from(waves.max(1));
    rest.get(usize::try_from(at).ok()?).map(|candidate| candidate.instant)
}

fn total(candidates: &[&Candidate], currency: Currency) -> Result<Money, Problem> {
    Money::sum(currency, candidates.iter().map(|candidate| candidate.amount))
}

/// Most kinds first, then the day whose number of movements comes closest to the canary's, then the latest.
fn canary_day(all: &[&Candidate], size: usize) -> Option<Date> {
    let mut days: BTreeMap<Date, (BTreeSet<&str>, usize)> = BTreeMap::new();
    for candidate in all {
        let (kinds, count) = days.entry(candidate.date).or_default();
        kinds.insert(&candidate.kind);
        *count += 1;
    }
    days.into_iter()
        .rev()
        .take(RECENT_DAYS)
        .max_by_key(|(date, (kinds, count))| (kinds.len(), std::cmp::Reverse(count.abs_diff(size)), *date))
        .map(|(date, _)| date)
}

/// One of every kind, then the earliest others.
fn canary_records(all: &[&Candidate], day: Option<Date>, size: usize) -> BTreeSet<RecordRef> {
    let of_day: Vec<&&Candidate> = all.iter().filter(|candidate| Some(candidate.date) == day).collect();
    let mut kinds: BTreeSet<&str> = BTreeSet::new();
    let (firsts, others): (Vec<&&Candidate>, Vec<&&Candidate>) = of_day.into_iter().partition(|candidate| kinds.insert(&candidate.kind));
    firsts
        .into_iter()
        .chain(others)
        .take(size)
        .map(|candidate| candidate.record.clone())
        .collect()
}
