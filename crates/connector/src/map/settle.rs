//! Payouts beside their entries: does what arrived equal what the processor says it is made of?
//!
//! It only compares and lists; it must never correct an amount. Which entries stand for which parts is said by
//! the package (`settles`).

use super::one::{Drafted, Records};
use super::{Business, Settlement};
use crate::package::{Package, Settles};
use crate::record::Record;
use crate::rules::{Cash, Names, data_money};
use ledger::{EntryKey, Money, Part, Role};
use std::collections::{BTreeMap, HashMap, HashSet};

pub(super) fn settlements(package: &Package, drafted: &[Drafted], records: &Records, business: &Business) -> Vec<Settlement> {
    let by_record: HashMap<(&str, &str), &Drafted> = drafted
        .iter()
        .map(|it| ((it.draft.stream.as_str(), it.draft.record.as_str()), it))
        .collect();
    let mut settlements = Vec::new();
    for stream in &package.streams {
        let Some(settles) = stream.reader.as_ref().and_then(|reader| reader.settles.as_ref()) else {
            continue;
        };
        let entries = by_parent(records.of(&settles.entries));
        for drafted in drafted.iter().filter(|it| it.draft.stream == stream.name) {
            let own = entries.get(drafted.draft.record.as_str()).map(Vec::as_slice).unwrap_or_default();
            settlements.extend(settlement(settles, drafted, own, records, &by_record, business));
        }
    }
    settlements
}

fn by_parent<'r>(entries: &[&'r Record]) -> BTreeMap<&'r str, Vec<&'r Record>> {
    let mut by_parent: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for entry in entries {
        by_parent
            .entry(entry.parent.as_deref().unwrap_or_default())
            .or_default()
            .push(entry);
    }
    by_parent
}

fn settlement(
    settles: &Settles,
    drafted: &Drafted,
    entries: &[&Record],
    records: &Records,
    by_record: &HashMap<(&str, &str), &Drafted>,
    business: &Business,
) -> Option<Settlement> {
    let (amount, fee) = drafted.settles?;
    let at = drafted.part_names.iter().position(|name| *name == settles.part)?;
    let part = &drafted.draft.parts[at];
    let mut sum = Some(Money::zero(business.currency));
    let mut members: Vec<EntryKey> = Vec::new();
    let mut seen: HashSet<EntryKey> = HashSet::new();
    let zero = data_money(Cash::ZERO);
    for entry in entries {
        let Some(Ok(row)) = records.row(&settles.entries, &entry.id) else {
            sum = None;
            continue;
        };
        let mut names = Names::default();
        names.set("e", row);
        names.set("zero", &zero);
        let net = settles
            .net
            .cash(&names)
            .ok()
            .filter(|cash| cash.currency.is_none_or(|own| own == business.currency));
        sum = sum.zip(net).and_then(|(sum, net)| sum.plus(net.money(business.currency)).ok());
        for key in settled(settles, &names, by_record) {
            if seen.insert(key.clone()) {
                members.push(key);
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
fn settled(settles: &Settles, names: &Names, by_record: &HashMap<(&str, &str), &Drafted>) -> Vec<EntryKey> {
    let mut keys = Vec::new();
    for member in settles.members.iter().filter(|member| member.when.truth(names) == Ok(true)) {
        let Ok(record) = member.record.text(names) else { continue };
        let Some(drafted) = by_record.get(&(member.stream.as_str(), record.as_str())) else {
            continue;
        };
        let moves = member.moves.as_ref().and_then(|rule| rule.cash(names).ok()).map(|cash| cash.minor);
        for (part, name) in drafted.draft.parts.iter().zip(&drafted.part_names) {
            if member.parts.contains(name) && moves.is_none_or(|moves| moves == on_clearing(part)) {
                keys.push(part.key.clone());
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
