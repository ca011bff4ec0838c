//! Converting one share of the movements: the old connector's entries out, the new connector's in, at once.
//!
//! An old entry is only taken out when it is exactly as Changeover posted it, no line of it is reconciled,
//! its day is open, and everything it covers belongs to the new connector; otherwise it stays, is listed,
//! and its movement counts as posted under its old name. The same code runs in the rehearsal on copies.

use super::Undertaking;
use crate::changes::{self, Intent, PlannedEntry};
use crate::engine::Engine;
use crate::holding;
use crate::postings::{self, Route};
use crate::progress::Watcher;
use crate::store::company::Connection;
use crate::store::movement::{self, KeyState, Known};
use crate::sync::Read;
use books::{BookEntry, EntryId};
use jiff::Timestamp;
use ledger::{Draft, EntryKey, Money, Problem};
use std::collections::{BTreeMap, BTreeSet};
use upgrade::{Plan, RecordRef, SliceName, Written};

/// Why an old entry stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Stay {
    pub stream: String,
    pub record: String,
    pub reason: String,
}

/// What converting a share would do.
#[derive(Debug, Clone, Default)]
pub struct SlicePlan {
    /// Ids of the old entries that go out.
    pub out: BTreeSet<String>,
    pub post: Vec<PlannedEntry>,
    pub stays: Vec<Stay>,
    pub records: u64,
    /// Size of the movements: what goes through the clearing account, in minor units.
    pub minor: i64,
}

/// The old and new form of one record, for converting and for comparing.
pub struct Pair<'a> {
    pub draft: &'a Draft,
    /// Old entries in the books that hold this record's movements.
    pub old: BTreeSet<String>,
    /// Keys about which a person decided: typed, linked, left out, or posted to accounts of their choice.
    pub linked: u64,
    /// Entries that the new connector would post instead.
    pub new: Vec<PlannedEntry>,
    pub holds: Vec<movement::Hold>,
}

/// Puts each draft of the new connector beside what the old one posted. Drafts that lie wholly before the
/// boundary, and those already converted, are left out.
pub fn pairs<'a>(u: &Undertaking, read: &'a Read, known: &Known) -> Result<Vec<Pair<'a>>, Problem> {
    let mut pairs = Vec::new();
    for draft in &read.mapped.drafts {
        if !draft.parts.iter().any(|part| postings::is_new(part.instant, u.new_from)) {
            continue;
        }
        let mut old = BTreeSet::new();
        let mut linked = 0;
        let mut left_out = false;
        let mut converted = 0;
        for part in &draft.parts {
            match known.holder(&part.key) {
                Some(holder) if holding::standing::decided(holder) => {
                    linked += 1;
                    left_out |= holder.state == KeyState::Excluded;
                }
                Some(holder) if holder.version == u.to => converted += 1,
                Some(holder) => {
                    old.insert(holder.entry_id.clone());
                }
                None => {}
            }
        }
        if converted > 0 && old.is_empty() && draft.parts.iter().all(|part| known.holder(&part.key).is_some()) {
            continue;
        }
        let one = std::slice::from_ref(draft);
        let replaced = |key: &EntryKey| known.holder(key).is_some_and(|holder| !old.contains(&holder.entry_id));
        let planned = postings::plan(one, &u.to, known, &u.connection.roles, u.company.closed_through, replaced, |_, part| {
            match postings::is_new(part.instant, u.new_from) {
                // A person left the record out; what came of it since waits for a person, too.
                true if left_out => Route::Hold(holding::AFTER_ANSWER, "A person left this record out before this part of it happened.".to_string()),
                true => Route::Mine,
                false => Route::Elsewhere,
            }
        })?;
        pairs.push(Pair { draft, old, linked, new: planned.entries, holds: planned.holds });
    }
    Ok(pairs)
}

/// What converting the share `wanted` would do. `book` entries are looked up by id once for the whole share.
pub async fn plan_slice(engine: &Engine, u: &Undertaking, read: &Read, known: &Known, wanted: impl Fn(&Draft) -> bool) -> Result<SlicePlan, Problem> {
    let chosen: Vec<Pair> = pairs(u, read, known)?.into_iter().filter(|pair| wanted(pair.draft)).collect();
    let ids: Vec<EntryId> = chosen.iter().flat_map(|pair| &pair.old).map(|id| EntryId(id.clone())).collect();
    let book = engine.books(&u.company).await?;
    let in_books: BTreeMap<String, BookEntry> = book.entries_by_id(&ids).await?.into_iter().map(|e| (e.id.0.clone(), e)).collect();
    let closed = u.company.closed_through;
    let mut keys_of: BTreeMap<&str, Vec<&movement::Identity>> = BTreeMap::new();
    for identity in known.identities.values() {
        keys_of.entry(identity.entry_id.as_str()).or_default().push(identity);
    }
    let mut plan = SlicePlan::default();
    for pair in chosen {
        let reason = pair.old.iter().find_map(|id| stays(id, known, &in_books, closed, &keys_of, u.new_from)).or_else(|| held_reason(&pair));
        if let Some(reason) = reason {
            plan.stays.push(Stay { stream: pair.draft.stream.clone(), record: pair.draft.record.clone(), reason });
            continue;
        }
        if pair.old.is_empty() && pair.new.is_empty() {
            continue;
        }
        plan.records += 1;
        plan.minor += pair.new.iter().map(|p| size(&p.entry)).sum::<i64>();
        plan.out.extend(pair.old);
        plan.post.extend(pair.new);
    }
    Ok(plan)
}

fn held_reason(pair: &Pair) -> Option<String> {
    // Only a hold that leaves a hole matters when an old entry would go out.
    if pair.linked > 0 && pair.old.is_empty() && pair.new.is_empty() {
        return Some("A person decided about it: it is in the books by an entry of theirs, or was left out.".to_string());
    }
    let hold = pair.holds.first()?;
    (!pair.old.is_empty()).then(|| hold.reason.clone())
}

fn stays(
    id: &str,
    known: &Known,
    in_books: &BTreeMap<String, BookEntry>,
    closed: Option<jiff::civil::Date>,
    keys_of: &BTreeMap<&str, Vec<&movement::Identity>>,
    new_from: Timestamp,
) -> Option<String> {
    let Some(entry) = known.entries.get(id) else { return Some("Changeover's store does not know the entry.".into()) };
    let Some(book) = in_books.get(id) else { return Some(format!("A person has deleted the entry of {} since it was posted.", entry.entry.date)) };
    if book.print.0 != entry.print {
        return Some(format!("A person has changed the entry of {} (\"{}\") since it was posted.", book.date, book.description));
    }
    if book.lines.iter().any(|line| line.reconcile.is_final()) {
        return Some(format!("The entry of {} is reconciled with a bank statement.", book.date));
    }
    if closed.is_some_and(|closed| book.date <= closed) {
        return Some(format!("Its day {} lies in a period that is closed in the books.", book.date));
    }
    let early = keys_of.get(id).into_iter().flatten().any(|identity| !postings::is_new(identity.instant, new_from));
    early.then(|| "A part of it happened before the new connector takes over.".to_string())
}

/// Size of an entry as shown to people: its debits, in minor units.
pub fn size(entry: &ledger::Entry) -> i64 {
    entry.lines.iter().map(|line| line.amount.minor.max(0)).sum()
}

/// Whether a draft belongs to a share of the plan.
pub fn in_slice(plan: &Plan, name: SliceName, draft: &Draft) -> bool {
    let Some(instant) = draft.parts.iter().map(|p| p.instant).find(|i| *i >= plan.new_from) else { return false };
    let record = RecordRef { stream: draft.stream.clone(), record: draft.record.clone() };
    plan.slice_of(&record, instant) == Some(name)
}

/// The stored word for changes of a share.
pub fn purpose(name: SliceName) -> String {
    format!("slice:{}", name.name())
}

/// Converts what `slice_plan` says, as one atomic change.
pub async fn convert(engine: &Engine, u: &Undertaking, name: SliceName, slice_plan: SlicePlan, known: &Known, watcher: &Watcher) -> Result<Written, Problem> {
    let book = engine.books(&u.company).await?;
    let remove = changes::take_out(book.as_ref(), known, &slice_plan.out).await?;
    drop(book);
    let written = Written {
        movements: slice_plan.records,
        entries_posted: slice_plan.post.len() as u64,
        entries_removed: remove.len() as u64,
        amount: Money::new(slice_plan.minor, u.company.currency),
    };
    let intent = Intent { post: slice_plan.post, remove, restore: Vec::new() };
    engine.change_books(&u.company, &u.connection, Some(&u.id), &purpose(name), intent, watcher).await?;
    Ok(written)
}

/// What the way back of an upgrade did to the books, over all shares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Undone {
    pub taken_out: u64,
    pub put_back: u64,
}

impl Engine {
    /// Counts what was taken out and put back when the upgrade was rolled back; only changes that are done count.
    pub async fn undone(&self, connection: &Connection, upgrade: &str) -> Result<Undone, Problem> {
        let mut undone = Undone::default();
        for head in movement::change_heads(&self.pool, &connection.id, movement::ChangeState::Done).await? {
            if head.upgrade_id.as_deref() == Some(upgrade) && head.purpose.starts_with(changes::UNDO) {
                let intent: Intent = crate::store::unpacked("change", &movement::change_intent(&self.pool, &head.id).await?)?;
                undone.taken_out += intent.remove.len() as u64;
                undone.put_back += intent.restore.len() as u64;
            }
        }
        Ok(undone)
    }
}

/// Takes out what the new connector posted in a share and puts the old entries back as they were.
/// Entries that a person has changed meanwhile stop it: nothing of theirs is overwritten.
pub async fn undo(engine: &Engine, u: &Undertaking, name: SliceName, watcher: &Watcher) -> Result<Written, Problem> {
    let known = engine.known(&u.connection.id).await?;
    let mut out = BTreeSet::new();
    // By id: a share that was converted, undone and converted again has taken the same entries out twice.
    let mut back: BTreeMap<String, changes::TakenOut> = BTreeMap::new();
    for change in movement::change_heads(&engine.pool, &u.connection.id, movement::ChangeState::Done).await? {
        if change.upgrade_id.as_deref() != Some(&u.id) || change.purpose != purpose(name) {
            continue;
        }
        out.extend(known.entries.values().filter(|e| e.change_id == change.id).map(|e| e.entry_id.clone()));
        let intent: Intent = crate::store::unpacked("change", &movement::change_intent(&engine.pool, &change.id).await?)?;
        // Already back (an earlier rollback was interrupted after this share): nothing to restore twice.
        back.extend(intent.remove.into_iter().filter(|taken| !known.entries.contains_key(&taken.entry_id)).map(|taken| (taken.entry_id.clone(), taken)));
    }
    let minor = out.iter().filter_map(|id| known.entries.get(id)).map(|e| size(&e.entry)).sum();
    let book = engine.books(&u.company).await?;
    let remove = changes::take_out(book.as_ref(), &known, &out).await?;
    // Changing the books reads both anew.
    drop((book, known));
    let written = Written {
        movements: 0,
        entries_posted: remove.len() as u64,
        entries_removed: back.len() as u64,
        amount: Money::new(minor, u.company.currency),
    };
    let intent = Intent { post: Vec::new(), remove, restore: back.into_values().collect() };
    engine.change_books(&u.company, &u.connection, Some(&u.id), &format!("{}{}", changes::UNDO, name.name()), intent, watcher).await?;
    Ok(written)
}
