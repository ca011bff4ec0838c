//! The rehearsal: every share converted and everything rolled back again, on restored copies only.
//!
//! A second engine is opened on a copy of the store whose company points at the restored book. It has no
//! access of its own (its secrets live in this process's memory and are empty), so nothing it does can reach
//! the processor, and nothing in it knows the path of the live book.

use super::baseline::{self, Baseline};
use super::{Undertaking, slices};
use crate::engine::{Engine, Opening, SecretsIn};
use crate::progress::Watcher;
use crate::store::company;
use crate::store::movement::Known;
use crate::sync::Read;
use jiff::Timestamp;
use ledger::Problem;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use upgrade::{Plan, SliceName, Stage};

/// Going back from one stage, tried on the copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillDone {
    pub stage: Stage,
    /// Entries or balances that were not as before. Empty = equal.
    pub not_as_before: Vec<String>,
}

/// What a rehearsal found out. Kept as a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsed {
    pub at: Timestamp,
    /// Records of the plan's shares when it ran, and their kinds.
    pub candidates: u64,
    pub kinds: BTreeSet<String>,
    pub records: u64,
    pub posted: u64,
    pub removed: u64,
    /// Records that stay in their old form, with the reason; the first few.
    pub stays: Vec<slices::Stay>,
    pub stay_count: u64,
    /// Held because the new connector has not read what it needs yet, or does not understand it.
    pub held: u64,
    pub doubled: u64,
    pub drills: Vec<DrillDone>,
    pub milliseconds: u64,
}

/// Name under which the newest rehearsal is kept.
pub const FACT: &str = "rehearsal";

/// Opens an engine on copies. `book` is the restored book; the store is copied consistently.
pub async fn sandbox(engine: &Engine, u: &Undertaking, dir: &Path, book: &Path) -> Result<(Engine, Undertaking), Problem> {
    std::fs::create_dir_all(dir).map_err(|e| crate::home::cannot_use(dir, &e))?;
    let copy = dir.join("changeover.sqlite");
    // VACUUM INTO refuses an existing file and reads one consistent state.
    sqlx::query("VACUUM INTO $1").bind(copy.to_string_lossy().into_owned()).execute(&engine.pool).await.map_err(|e| crate::store::failed("copy the store for the rehearsal", &e))?;
    let sandbox = Engine::open(Opening {
        home: dir.to_path_buf(),
        secrets: SecretsIn::Session,
        worker: Some(engine.worker.clone()),
        actor: "rehearsal".to_string(),
    })
    .await?;
    company::set_books_path(&sandbox.pool, &u.company.id, book).await?;
    let mut inner = u.clone();
    inner.company = sandbox.company(&u.company.id).await?;
    Ok((sandbox, inner))
}

/// Converts the shares in their order, then goes back share by share. After each step back the books must be what they
/// were before that share, so going back is proved from every stage.
pub async fn rehearse(engine: &Engine, u: &Undertaking, plan: &Plan, read: &Read, dir: &Path, book: &Path, watcher: &Watcher) -> Result<Rehearsed, Problem> {
    let began = std::time::Instant::now();
    let (sandbox, inner) = sandbox(engine, u, dir, book).await?;
    // They are read anew when the real books are looked at again; until then the copy's entries take their place.
    engine.forget_entries();
    let candidates = engine.candidates(&u.company, &u.connection, plan.new_from).await?;
    let shares: Vec<(Stage, SliceName)> = plan
        .slices
        .iter()
        .map(|slice| match slice.name {
            SliceName::Canary => (Stage::Canary, slice.name),
            SliceName::Wave(number) => (Stage::Wave(number), slice.name),
            SliceName::Arrivals | SliceName::AfterCutOver => (Stage::CutOver, slice.name),
        })
        .chain([(Stage::CutOver, SliceName::Arrivals)])
        .collect();
    let mut done = Rehearsed {
        at: engine.now(),
        candidates: candidates.len() as u64,
        kinds: candidates.into_iter().map(|c| c.kind).collect(),
        records: 0,
        posted: 0,
        removed: 0,
        stays: Vec::new(),
        stay_count: 0,
        held: read.mapped.held.len() as u64,
        doubled: 0,
        drills: Vec::new(),
        milliseconds: 0,
    };
    let steps = shares.len() as u64 * 2;
    let mut befores: Vec<Baseline> = Vec::with_capacity(shares.len());
    for (at, (_, name)) in shares.iter().enumerate() {
        engine.check_cancelled(watcher)?;
        watcher.report("Rehearsing on the restored copy", at as u64, Some(steps), "steps");
        befores.push(now(&sandbox, &inner).await?);
        let known = sandbox.known(&inner.connection.id).await?;
        let slice = plan_share(&sandbox, &inner, plan, read, &known, *name).await?;
        done.records += slice.records;
        done.stay_count = slice.stays.len() as u64;
        done.stays = slice.stays.iter().take(20).cloned().collect();
        let written = slices::convert(&sandbox, &inner, *name, slice, &known, &Watcher::silent()).await?;
        done.posted += written.entries_posted;
        done.removed += written.entries_removed;
    }
    done.doubled = doubled(&sandbox, &inner).await?;
    // Each is let go as soon as it was compared: a rehearsal holds a book several times over as it is.
    while let Some(before) = befores.pop() {
        let at = befores.len();
        let (stage, name) = &shares[at];
        engine.check_cancelled(watcher)?;
        watcher.report("Rehearsing the way back", steps - at as u64, Some(steps), "steps");
        slices::undo(&sandbox, &inner, *name, &Watcher::silent()).await?;
        let after = match at {
            // At the very end nothing remembered counts: the whole book is read anew.
            0 => {
                sandbox.forget_entries();
                baseline::take(sandbox.books(&inner.company).await?.as_ref(), 0, sandbox.now()).await?
            }
            _ => now(&sandbox, &inner).await?,
        };
        done.drills.push(DrillDone { stage: *stage, not_as_before: differences(&before, &after) });
    }
    done.milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    sandbox.pool.close().await;
    Ok(done)
}

async fn now(sandbox: &Engine, inner: &Undertaking) -> Result<Baseline, Problem> {
    let entries = sandbox.entries_of(&inner.company).await?;
    baseline::of(sandbox.books(&inner.company).await?.as_ref(), &entries, 0, sandbox.now()).await
}

/// What converting a share would do now; "arrivals" is everything not converted yet.
pub async fn plan_share(engine: &Engine, u: &Undertaking, plan: &Plan, read: &Read, known: &Known, name: SliceName) -> Result<slices::SlicePlan, Problem> {
    slices::plan_slice(engine, u, read, known, |draft| match name {
        SliceName::Arrivals => true,
        SliceName::Canary | SliceName::Wave(_) | SliceName::AfterCutOver => slices::in_slice(plan, name, draft),
    })
    .await
}

/// Movements of the copy that are there twice: one key on two entries, or a new key beside its old one.
async fn doubled(engine: &Engine, u: &Undertaking) -> Result<u64, Problem> {
    let entries = engine.entries_of(&u.company).await?;
    let known = engine.known(&u.connection.id).await?;
    let mut holders: BTreeMap<&ledger::EntryKey, u64> = BTreeMap::new();
    for key in entries.iter().flat_map(|e| &e.keys) {
        *holders.entry(key).or_insert(0) += 1;
    }
    let twice = holders.values().filter(|count| **count > 1).count();
    let beside = holders.keys().filter(|key| known.old_of.get(**key).is_some_and(|old| old.iter().any(|o| holders.contains_key(o)))).count();
    Ok((twice + beside) as u64)
}

/// What differs between two states of the books, entry by entry and balance by balance, in words.
pub fn differences(before: &Baseline, after: &Baseline) -> Vec<String> {
    let mut found = Vec::new();
    for (id, then) in &before.entries {
        match after.entries.get(id) {
            Some(now) if now.print == then.print => {}
            Some(_) => found.push(format!("The entry of {} ({id}) is not as it was.", then.date)),
            None => found.push(format!("The entry of {} ({id}) is missing.", then.date)),
        }
    }
    for (id, now) in after.entries.iter().filter(|(id, _)| !before.entries.contains_key(*id)) {
        found.push(format!("The entry of {} ({id}) was not there before.", now.date));
    }
    for (account, was) in &before.balances {
        let is = after.balances.get(account);
        if is != Some(was) {
            found.push(format!("The balance of account {account} was {was} and is {}.", is.map_or("missing".to_string(), ToString::to_string)));
        }
    }
    found
}
