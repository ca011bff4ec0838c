//! Mapping that keeps up: what was mapped stays mapped; only what is new, or is read together with something new,
//! is mapped again.
//!
//! It must give the very result of mapping everything at once (a property test holds that), and it must never
//! keep a record's body: a year of them is far larger than what they come to.

use super::one::{self, Bin, Drafted, Records};
use super::settle::{self, Entries};
use super::{Business, Held, HoldReason, Mapped, rules_broke_off, whole};
use crate::package::Package;
use crate::record::Record;
use crate::rules::on_large_stack;
use jiff::Timestamp;
use ledger::{Draft, EntryKey, Money, Problem};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Stream and id of a stored row.
pub type RowName = (String, String);

/// What one package version makes of the records it was given so far.
#[derive(Default)]
pub struct Mapping {
    /// Per stream, the ids in the order in which they first came.
    order: HashMap<String, Vec<String>>,
    kept: HashMap<RowName, Kept>,
    /// A row, and the records that were read together with it.
    beside: HashMap<RowName, BTreeSet<RowName>>,
    entries: HashMap<String, Entries>,
}

struct Kept {
    updated: Timestamp,
    instant: Timestamp,
    amount: Option<Money>,
    joins: Vec<RowName>,
    bin: Bin,
}

impl Mapping {
    /// The rows that must be at hand when `fresh` is taken in: those it is read together with, and the records that
    /// were read together with an earlier state of it, with theirs.
    pub fn wants(&self, package: &Package, fresh: &[Record]) -> BTreeSet<RowName> {
        let given: HashSet<(&str, &str)> = fresh.iter().map(|record| (record.stream.as_str(), record.id.as_str())).collect();
        let mut wanted: BTreeSet<RowName> = BTreeSet::new();
        for record in fresh {
            if let Some(reader) = reader_of(package, &record.stream) {
                wanted.extend(one::joins(reader, record));
            }
            for name in self.beside.get(&name_of(record)).into_iter().flatten() {
                wanted.insert(name.clone());
                wanted.extend(self.kept.get(name).into_iter().flat_map(|kept| kept.joins.iter().cloned()));
            }
        }
        wanted.retain(|(stream, id)| !given.contains(&(stream.as_str(), id.as_str())));
        wanted
    }

    /// Takes in `fresh` records, read together with `others` (the rows that [`Mapping::wants`] named, as far as they
    /// are stored), each in its newest state. Of a record given twice the newer state counts.
    /// Errors: `E-MAP-RULES`; then nothing was taken in.
    pub fn take(&mut self, package: &Package, fresh: &[Record], others: &[Record], business: &Business) -> Result<(), Problem> {
        let taken = on_large_stack(|| self.taken(package, fresh, others, business)).ok_or_else(|| rules_broke_off(package))?;
        for (stream, parent, entry) in taken.entries {
            let own = self.entries.entry(stream).or_default().entry(parent).or_default();
            match own.iter_mut().find(|old| old.id == entry.id) {
                Some(old) if old.updated > entry.updated => {}
                Some(old) => *old = entry,
                None => own.push(entry),
            }
        }
        for (name, kept) in taken.bins {
            for join in &kept.joins {
                self.beside.entry(join.clone()).or_default().insert(name.clone());
            }
            if !self.kept.contains_key(&name) {
                self.order.entry(name.0.clone()).or_default().push(name.1.clone());
            }
            self.kept.insert(name, kept);
        }
        Ok(())
    }

    fn taken(&self, package: &Package, fresh: &[Record], others: &[Record], business: &Business) -> Taken {
        let records = Records::index(package, fresh.iter().chain(others));
        let mut again: HashSet<&RowName> = HashSet::new();
        let mut new: HashSet<(&str, &str)> = HashSet::new();
        for record in fresh {
            new.insert((record.stream.as_str(), record.id.as_str()));
            again.extend(self.beside.get(&name_of(record)).into_iter().flatten());
        }
        let mut taken = Taken::default();
        for stream in &package.streams {
            let Some(reader) = &stream.reader else { continue };
            for record in records.of(&stream.name) {
                let name = name_of(record);
                let is_new = new.contains(&(record.stream.as_str(), record.id.as_str()));
                let older = self.kept.get(&name).is_some_and(|kept| kept.updated > record.updated);
                if older || !(is_new || again.contains(&name)) {
                    continue;
                }
                let kept = Kept {
                    updated: record.updated,
                    instant: record.instant,
                    amount: one::amount_of(stream, record, business),
                    joins: one::joins(reader, record),
                    bin: one::bin(stream, reader, record, &records, business),
                };
                taken.bins.push((name, kept));
            }
        }
        for (stream, settles) in settle::entry_streams(package) {
            for record in records.of(stream).iter().filter(|record| new.contains(&(record.stream.as_str(), record.id.as_str()))) {
                let parent = record.parent.clone().unwrap_or_default();
                taken.entries.push((stream.to_string(), parent, settle::tell(settles, record, &records, business)));
            }
        }
        taken
    }

    /// Everything taken in so far, one bin for each record.
    /// Errors: `E-MAP-LOST` when a record would end in no bin or in two (a fault of Changeover).
    pub fn mapped(&self, package: &Package, business: &Business) -> Result<Mapped, Problem> {
        let mut mapped = Mapped::default();
        let mut drafted: Vec<&Drafted> = Vec::with_capacity(self.kept.len());
        let mut keys: HashSet<&EntryKey> = HashSet::new();
        let mut given = 0;
        for stream in package.streams.iter().filter(|stream| stream.reader.is_some()) {
            for id in self.order.get(&stream.name).into_iter().flatten() {
                let Some(kept) = self.kept.get(&(stream.name.clone(), id.clone())) else { continue };
                given += 1;
                match &kept.bin {
                    Bin::Held(held) => mapped.held.push(held.clone()),
                    Bin::Excluded(excluded) => mapped.excluded.push(excluded.clone()),
                    Bin::Drafted(new) => match take_keys(&new.draft, &mut keys) {
                        true => drafted.push(new),
                        false => mapped.held.push(key_twice(&new.draft, kept)),
                    },
                }
            }
        }
        mapped.settlements = settle::settlements(package, &drafted, &self.entries, business);
        for drafted in drafted {
            mapped.aliases.extend(drafted.aliases.iter().cloned());
            mapped.drafts.push(drafted.draft.clone());
        }
        whole(package, given, &mapped)?;
        Ok(mapped)
    }
}

#[derive(Default)]
struct Taken {
    bins: Vec<(RowName, Kept)>,
    /// Stream, parent, entry.
    entries: Vec<(String, String, settle::Told)>,
}

fn name_of(record: &Record) -> RowName {
    (record.stream.clone(), record.id.clone())
}

fn reader_of<'p>(package: &'p Package, stream: &str) -> Option<&'p crate::package::Reader> {
    package.streams.iter().find(|it| it.name == stream)?.reader.as_ref()
}

/// Claims the draft's keys; false, and claims nothing, when one is taken.
fn take_keys<'d>(draft: &'d Draft, keys: &mut HashSet<&'d EntryKey>) -> bool {
    let own: HashSet<&EntryKey> = draft.parts.iter().map(|part| &part.key).collect();
    if own.len() < draft.parts.len() || own.iter().any(|key| keys.contains(*key)) {
        return false;
    }
    keys.extend(own);
    true
}

fn key_twice(draft: &Draft, kept: &Kept) -> Held {
    Held {
        stream: draft.stream.clone(),
        record: draft.record.clone(),
        keys: draft.parts.iter().map(|part| part.key.clone()).collect(),
        instant: kept.instant,
        amount: kept.amount,
        reason_code: HoldReason::KeyTwice,
        reason: "Two movements have the same entry key, so posting this one could double or lose the other.".into(),
    }
}
