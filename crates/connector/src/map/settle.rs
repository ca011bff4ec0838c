//! Payouts beside their entries: does what arrived equal what the processor says it is made of?
//!
//! It only compares and lists; it must never correct an amount. Which entries stand for which parts is said by
//! the package (`settles`).

use super::one::{Drafted, Records};
use super::{Business, Settlement};
use crate::package::{Package, Settles};
use crate::record::Record;
use crate::rules::{Cash, Names, data_money};
use jiff::Timestamp;
use ledger::{EntryKey, Money, Part, Role};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What one entry of a payout says, told once when it is read.
pub(super) struct Told {
    pub id: String,
    pub updated: Timestamp,
    /// None: it cannot be read, so nobody knows the payout's sum.
    net: Option<Money>,
    stands_for: Vec<Stand>,
}

/// A movement that an entry stands for.
struct Stand {
    /// Place among the package's `members`.
    member: usize,
    record: String,
    /// Where one record has several parts: by how much the right one changes the processor's balance.
    moves: Option<i64>,
}

/// Entries by the payout they belong to, in the order in which they came.
pub(super) type Entries = BTreeMap<String, Vec<Told>>;

/// The streams whose rows are entries of payouts, with what says how to read them.
pub(super) fn entry_streams(package: &Package) -> impl Iterator<Item = (&str, &Settles)> {
    package
        .streams
        .iter()
        .filter_map(|stream| stream.reader.as_ref()?.settles.as_ref())
        .map(|settles| (settles.entries.as_str(), settles))
}

pub(super) fn tell(settles: &Settles, entry: &Record, records: &Records, business: &Business) -> Told {
    let Some(Ok(row)) = records.row(&settles.entries, &entry.id) else {
        return Told {
            id: entry.id.clone(),
            updated: entry.updated,
            net: None,
            stands_for: Vec::new(),
        };
    };
    let zero = data_money(Cash::ZERO);
    let mut names = Names::default();
    names.set("e", row);
    names.set("zero", &zero);
    let net = settles.net.cash(&names).ok().filter(|cash| cash.currency.is_none_or(|own| own == business.currency));
    let mut stands_for = Vec::new();
    for (at, member) in settles.members.iter().enumerate() {
        if member.when.truth(&names) != Ok(true) {
            continue;
        }
        let Ok(record) = member.record.text(&names) else { continue };
        let moves = member.moves.as_ref().and_then(|rule| rule.cash(&names).ok()).map(|cash| cash.minor);
        stands_for.push(Stand { member: at, record, moves });
    }
    Told {
        id: entry.id.clone(),
        updated: entry.updated,
        net: net.map(|cash| cash.money(business.currency)),
        stands_for,
    }
}

pub(super) fn settlements(package: &Package, drafted: &[&Drafted], entries: &HashMap<String, Entries>, business: &Business) -> Vec<Settlement> {
    let by_record: HashMap<(&str, &str), &Drafted> = drafted
        .iter()
        .map(|it| ((it.draft.stream.as_str(), it.draft.record.as_str()), *it))
        .collect();
    let mut settlements = Vec::new();
    for stream in &package.streams {
        let Some(settles) = stream.reader.as_ref().and_then(|reader| reader.settles.as_ref()) else {
            continue;
        };
        let entries = entries.get(&settles.entries);
        for drafted in drafted.iter().filter(|it| it.draft.stream == stream.name) {
            let own = entries
                .and_then(|entries| entries.get(&drafted.draft.record))
                .map(Vec::as_slice)
                .unwrap_or_default();
            settlements.extend(settlement(settles, drafted, own, &by_record, business));
        }
    }
    settlements
}

fn settlement(
    settles: &Settles,
    drafted: &Drafted,
    entries: &[Told],
    by_record: &HashMap<(&str, &str), &Drafted>,
    business: &Business,
) -> Option<Settlement> {
    let (amount, fee) = drafted.settles?;
    let at = drafted.part_names.iter().position(|name| *name == settles.part)?;
    let part = &drafted.draft.parts[at];
    let mut sum = Some(Money::zero(business.currency));
    let mut members: Vec<EntryKey> = Vec::new();
    let mut seen: HashSet<EntryKey> = HashSet::new();
    for told in entries {
        sum = sum.zip(told.net).and_then(|(sum, net)| sum.plus(net).ok());
        for key in settled(settles, told, by_record) {
            if seen.insert(key.clone()) {
                members.push(key.clone());
            }
        }
    }
    let amount = amount.money(business.currency);
    let fee = fee.money(business.currency);
    let whole = amount.plus(fee).ok();
    Some(Settlement {
        record: drafted.draft.record.clone(),
        key: part.key.clone(),
        date: part.date,
        amount,
        fee,
        entries_sum: sum.unwrap_or(Money::zero(business.currency)),
        members,
        // An entry that cannot be read means that nobody knows the sum: that is no agreement.
        agrees: sum.is_some() && sum == whole,
    })
}

/// The keys that one entry stands for.
fn settled<'d>(settles: &Settles, told: &Told, by_record: &HashMap<(&str, &str), &'d Drafted>) -> Vec<&'d EntryKey> {
    let mut keys = Vec::new();
    for stand in &told.stands_for {
        let Some(member) = settles.members.get(stand.member) else { continue };
        let Some(drafted) = by_record.get(&(member.stream.as_str(), stand.record.as_str())) else {
            continue;
        };
        for (part, name) in drafted.draft.parts.iter().zip(&drafted.part_names) {
            if member.parts.contains(name) && stand.moves.is_none_or(|moves| moves == on_clearing(part)) {
                keys.push(&part.key);
            }
        }
    }
    keys
}

/// By how much a part changes the processor's balance, in minor units.
fn on_clearing(part: &Part) -> i64 {
    part.lines
        .iter()
        .filter(|line| line.role == Role::Clearing)
        .map(|line| line.amount.minor)
        .sum()
}
