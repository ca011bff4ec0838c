//! Gathers what the checks ask for: what changed since the baseline, by whose doing, and what remains.
//!
//! "Explained" comes from our own intents (what we meant to write) and from people's own entries; the books are
//! read afresh. Whatever neither explains is the remainder, and is never smoothed over.

use super::Undertaking;
use super::baseline::{Baseline, EntryThen};
use crate::changes::{Intent, TakenOut};
use crate::engine::Engine;
use crate::holding;
use crate::store::movement::{self, ChangeState, KeyState, Known};
use crate::store::unpacked;
use crate::sync::Read;
use books::BookEntry;
use ledger::{Draft, EntryKey, Money, Problem, Role};
use reconcile::{BookLine, ClearingPosting, Explained, MoneyVerdict, Otherwise, Settlement, Sighting, TieOut};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError};

/// Everything that the checks after a stage are asked about, read at one moment.
pub struct Seen {
    pub now: Baseline,
    pub entries: Arc<Vec<BookEntry>>,
    pub known: Arc<Known>,
    pub verdict: MoneyVerdict,
    pub tie_out: TieOut,
    /// Clearing account: what the books say, and what the processor's movements say.
    pub clearing_books: Money,
    pub clearing_processor: Money,
    /// Entries that a person added, changed or removed since the baseline.
    pub by_people: u64,
    pub sightings: Vec<Sighting>,
}

/// Reads the books and judges the money against the baseline.
pub async fn look(engine: &Engine, u: &Undertaking, baseline: &Baseline, read: &Read) -> Result<Seen, Problem> {
    let book = engine.books(&u.company).await?;
    let entries = engine.entries_of(&u.company).await?;
    let now = super::baseline::of(book.as_ref(), &entries, 0, engine.now()).await?;
    let known = engine.known(&u.connection.id).await?;
    let (ours, touched) = explained_by_us(engine, u, baseline).await?;
    let (theirs, by_people) = explained_by_people(baseline, &now, &touched)?;
    let explained: Vec<Explained> = ours.into_iter().chain(theirs).collect();
    let holds = movement::holds(&engine.pool, &u.connection.id, &u.to).await?;
    let sightings = sightings(u, read, &known, &entries, &holds);
    let verdict = reconcile::verdict(&baseline.totals(), &now.totals(), &explained, &sightings, u.company.currency)?;
    let tie_out = tie_out(u, read, &known, &entries)?;
    let (clearing_books, clearing_processor) = clearing(u, read, &known, &entries)?;
    Ok(Seen { now, entries, known, verdict, tie_out, clearing_books, clearing_processor, by_people, sightings })
}

/// The lines that one change meant to write and to take out, and the entries it took out or put back.
pub struct ChangeLines {
    pub posted: Vec<BookLine>,
    pub removed: Vec<BookLine>,
    pub touched: Vec<String>,
}

/// What our own changes since the baseline account for, and the ids of entries they took out or put back.
async fn explained_by_us(engine: &Engine, u: &Undertaking, baseline: &Baseline) -> Result<(Vec<Explained>, BTreeSet<String>), Problem> {
    let mut explained = Vec::new();
    let mut touched = BTreeSet::new();
    for head in movement::change_heads(&engine.pool, &u.connection.id, ChangeState::Done).await? {
        if head.position <= baseline.position {
            continue;
        }
        let remembered = engine.memory.lines.lock().unwrap_or_else(PoisonError::into_inner).get(&head.id).cloned();
        let lines = match remembered {
            Some(lines) => lines,
            None => {
                let intent: Intent = unpacked("change", &movement::change_intent(&engine.pool, &head.id).await?)?;
                let lines = Arc::new(ChangeLines {
                    posted: intent.post.iter().map(|p| &p.entry).chain(intent.restore.iter().map(|t| &t.entry)).flat_map(lines_of).collect(),
                    removed: intent.remove.iter().map(|t| &t.entry).flat_map(lines_of).collect(),
                    touched: intent.remove.iter().chain(&intent.restore).map(|t: &TakenOut| t.entry_id.clone()).collect(),
                });
                engine.memory.lines.lock().unwrap_or_else(PoisonError::into_inner).insert(head.id.clone(), lines.clone());
                lines
            }
        };
        touched.extend(lines.touched.iter().cloned());
        explained.extend(reconcile::explained_by(&head.purpose, &lines.removed, &lines.posted)?);
    }
    Ok((explained, touched))
}

fn lines_of(entry: &ledger::Entry) -> Vec<BookLine> {
    entry.lines.iter().map(|line| BookLine { account: line.account.clone(), date: entry.date, amount: line.amount }).collect()
}

fn lines_then(then: &EntryThen) -> Vec<BookLine> {
    then.lines.iter().map(|(account, amount)| BookLine { account: account.clone(), date: then.date, amount: *amount }).collect()
}

/// What people did to entries that are not ours to touch: added, changed, removed.
fn explained_by_people(baseline: &Baseline, now: &Baseline, touched: &BTreeSet<String>) -> Result<(Vec<Explained>, u64), Problem> {
    let mut explained = Vec::new();
    let mut count = 0;
    for (id, then) in baseline.entries.iter().filter(|(id, _)| !touched.contains(*id)) {
        match now.entries.get(id) {
            Some(same) if same.print == then.print => {}
            Some(changed) => {
                count += 1;
                explained.extend(reconcile::explained_by("changed by a person", &lines_then(then), &lines_then(changed))?);
            }
            None => {
                count += 1;
                explained.extend(reconcile::explained_by("removed by a person", &lines_then(then), &[])?);
            }
        }
    }
    for (_, new) in now.entries.iter().filter(|(id, _)| !baseline.entries.contains_key(*id) && !touched.contains(*id)) {
        if new.ours {
            // Ours is explained by our own intents, or it is not explained at all.
            continue;
        }
        count += 1;
        explained.extend(reconcile::explained_by("typed by a person", &[], &lines_then(new))?);
    }
    Ok((explained, count))
}

/// Every movement the new connector knows, with how often it is in the books and why it may not be.
pub fn sightings(u: &Undertaking, read: &Read, known: &Known, entries: &[BookEntry], holds: &[movement::Hold]) -> Vec<Sighting> {
    let mut holders: BTreeMap<&EntryKey, u64> = BTreeMap::new();
    for entry in entries {
        for key in &entry.keys {
            *holders.entry(key).or_insert(0) += 1;
        }
    }
    let held: BTreeSet<&str> = read.mapped.held.iter().map(|h| h.record.as_str()).chain(holds.iter().map(|h| h.record.as_str())).collect();
    let mut sightings = Vec::new();
    for draft in &read.mapped.drafts {
        for part in draft.parts.iter().filter(|p| p.instant >= u.connection.sync_from) {
            let keys = std::iter::once(&part.key).chain(known.old_of.get(&part.key).into_iter().flatten());
            let count: u64 = keys.filter_map(|key| holders.get(key)).sum();
            let otherwise = match known.holder(&part.key) {
                Some(holder) if holder.state == KeyState::Linked => Some(Otherwise::Aliased),
                Some(holder) if holder.state == KeyState::Excluded => Some(Otherwise::Excluded),
                Some(_) | None if held.contains(draft.record.as_str()) => Some(Otherwise::Held),
                // Lines that come to nothing are not posted; nothing of theirs can be lost.
                Some(_) | None if part.lines.iter().all(|line| line.amount.is_zero()) => Some(Otherwise::Excluded),
                Some(_) | None => None,
            };
            sightings.push(Sighting { movement: format!("{} \"{}\" of {}", part.what, draft.description, part.date), entries: count, otherwise });
        }
    }
    sightings
}

fn tie_out(u: &Undertaking, read: &Read, known: &Known, entries: &[BookEntry]) -> Result<TieOut, Problem> {
    let Some(clearing) = u.connection.roles.get(Role::Clearing) else {
        return reconcile::tie_out(&[], &[], u.company.currency);
    };
    let by_id: BTreeMap<&str, &BookEntry> = entries.iter().map(|e| (e.id.0.as_str(), e)).collect();
    let mut settlements = Vec::new();
    let mut postings = Vec::new();
    let by_key: HashMap<&EntryKey, &Draft> = read.mapped.drafts.iter().flat_map(|d| d.parts.iter().map(move |p| (&p.key, d.as_ref()))).collect();
    for settlement in read.mapped.settlements.iter() {
        let Some(draft) = by_key.get(&settlement.key) else { continue };
        let holders: BTreeSet<&str> = draft.parts.iter().filter_map(|p| known.holder(&p.key)).map(|i| i.entry_id.as_str()).collect();
        let linked = draft.parts.iter().filter_map(|p| known.holder(&p.key)).any(holding::standing::decided);
        if linked || draft.parts.iter().all(|p| p.instant < u.connection.sync_from) {
            continue;
        }
        let returned = draft.parts.iter().flat_map(|p| &p.lines).filter(|l| l.role == Role::Clearing && l.amount.minor > 0).count() > 0 && settlement.amount.minor > 0;
        settlements.push(Settlement {
            id: settlement.key.to_string(),
            date: settlement.date,
            amount: settlement.amount,
            fee: settlement.fee,
            returned,
            composed_of: Some(settlement.entries_sum),
        });
        for entry in holders.iter().filter_map(|id| by_id.get(id)) {
            for line in entry.lines.iter().filter(|l| l.account == *clearing) {
                postings.push(ClearingPosting { settlement: settlement.key.to_string(), date: entry.date, amount: line.amount });
            }
        }
    }
    reconcile::tie_out(&settlements, &postings, u.company.currency)
}

/// The clearing account by our entries in the books, against the sum of what the processor reported. Entries
/// that people typed into the account are left out on both sides; linked movements are in neither.
fn clearing(u: &Undertaking, read: &Read, known: &Known, entries: &[BookEntry]) -> Result<(Money, Money), Problem> {
    let currency = u.company.currency;
    let Some(account) = u.connection.roles.get(Role::Clearing) else { return Ok((Money::zero(currency), Money::zero(currency))) };
    let books = Money::sum(
        currency,
        entries.iter().filter(|e| known.entries.contains_key(&e.id.0)).flat_map(|e| &e.lines).filter(|l: &&books::BookLine| l.account == *account).map(|l| l.amount),
    )?;
    let processor = Money::sum(
        currency,
        read.mapped
            .drafts
            .iter()
            .flat_map(|d| &d.parts)
            .filter(|p| p.instant >= u.connection.sync_from && known.holder(&p.key).is_none_or(|h| !holding::standing::decided(h)))
            .flat_map(|p| &p.lines)
            .filter(|l| l.role == Role::Clearing)
            .map(|l| l.amount)
            // Where no rule knew the movement, what the person who posted it said stands in its place.
            .chain(holding::standing::said(known).flat_map(|e| &e.entry.lines).filter(|l| l.account == *account).map(|l| l.amount)),
    )?;
    Ok((books, processor))
}
