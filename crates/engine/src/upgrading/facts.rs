//! Turns what was gathered into the facts that the pure checks are asked about. Decides nothing.

use super::baseline::Baseline;
use super::rehearsal::Rehearsed;
use super::verifying::Seen;
use super::{Undertaking, slices};
use crate::engine::Engine;
use crate::store::movement;
use crate::sync::Owner as Posting;
use books::BookEntry;
use ledger::{Entry, Line, Problem};
use reconcile::{Shadow, TieFinding};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use upgrade::checks::{Accounted, BooksLock, Drill, Held, Otherwise, Payouts, Probe, Rehearsal, ShadowResult, Totals};
use upgrade::{CheckId, CheckResult, Stage, checks};

/// Every movement and where it went, in the words of the checks.
pub fn accounted(seen: &Seen, held: &[movement::Hold]) -> Vec<Accounted> {
    let reason = held.first().map_or("It waits for a person.".to_string(), |h| h.reason.clone());
    seen.sightings
        .iter()
        .map(|sighting| Accounted {
            movement: sighting.movement.clone(),
            entries: sighting.entries,
            otherwise: sighting.otherwise.map(|otherwise| match otherwise {
                reconcile::Otherwise::Aliased => Otherwise::Linked,
                reconcile::Otherwise::Held => Otherwise::Held { reason: reason.clone() },
                reconcile::Otherwise::Excluded => Otherwise::Excluded { rule: "it comes to nothing, or a person left it out".to_string() },
            }),
        })
        .collect()
}

/// The tie-out of payouts in the words of the check.
pub fn payouts(seen: &Seen) -> Payouts {
    let findings = seen
        .tie_out
        .rows
        .iter()
        .filter(|row| row.finding != TieFinding::Agrees)
        .map(|row| {
            let what = match row.finding {
                TieFinding::Agrees => "agrees",
                TieFinding::Missing => "is not in the books",
                TieFinding::Doubled => "is in the books twice",
                TieFinding::Differs => "differs",
                TieFinding::Composition => "does not add up from its own entries",
                TieFinding::Unknown => "is not known to the processor",
            };
            format!("The payout of {} {what}: {} at the processor, {} in the books.", row.date, row.processor, row.books)
        })
        .collect();
    Payouts { looked_at: seen.tie_out.rows.len() as u64, agreeing: seen.tie_out.agreeing, findings }
}

/// Totals of a set of books; the fingerprint is over every account and day.
pub fn totals(baseline: &Baseline) -> Totals {
    let mut hash = Sha256::new();
    for day in &baseline.days {
        hash.update(format!("{}|{}|{}|{}\n", day.account, day.date, day.count, day.sum.plain()));
    }
    Totals {
        entries: baseline.entries.len() as u64,
        lines: baseline.days.iter().map(|d| d.count).sum(),
        balances: baseline.balances.clone(),
        fingerprint: hex::encode(hash.finalize()),
    }
}

/// Whether GnuCash has the books open.
pub async fn lock(engine: &Engine, u: &Undertaking) -> Result<BooksLock, Problem> {
    let description = engine.books(&u.company).await?.describe().await?;
    Ok(match description.lock {
        None => BooksLock::Free,
        Some(holder) => BooksLock::Open { by: holder.to_string() },
    })
}

/// An entry as the books hold it, in the form in which it was posted.
pub fn read_back(entry: &BookEntry) -> Option<Entry> {
    let key = entry.keys.first()?.clone();
    Some(Entry {
        key_account: entry.lines.first()?.account.clone(),
        covers: entry.keys.clone(),
        date: entry.date,
        description: entry.description.clone(),
        reference: entry.reference.clone(),
        lines: entry.lines.iter().map(|l| Line { account: l.account.clone(), amount: l.amount, memo: l.memo.clone() }).collect(),
        key,
    })
}

/// Every entry the new connector has posted in this upgrade, and the same as the books hold them.
pub fn posted_and_read(u: &Undertaking, seen: &Seen) -> (Vec<Entry>, Vec<Entry>) {
    let posted: Vec<Entry> = seen.known.entries.values().filter(|e| e.version == u.to).map(|e| e.entry.clone()).collect();
    let ids: BTreeSet<&str> = seen.known.entries.values().filter(|e| e.version == u.to).map(|e| e.entry_id.as_str()).collect();
    let read = seen.entries.iter().filter(|e| ids.contains(e.id.0.as_str())).filter_map(read_back).collect();
    (posted, read)
}

/// The comparison of the shadow run in the words of the check.
pub fn shadow(shadow: &Shadow) -> ShadowResult {
    let findings = shadow
        .rows
        .iter()
        .filter_map(|row| {
            let why = match &row.class {
                reconcile::Class::Same | reconcile::Class::Expected { .. } => return None,
                reconcile::Class::Unexplained { why } => match why {
                    reconcile::Why::Dropped => "the new connector leaves it out",
                    reconcile::Why::Added => "the old connector did not post it, and no announced change covers it",
                    reconcile::Why::MovedDay => "the same amounts on another day",
                    reconcile::Why::Amounts => "an account differs that no announced change covers",
                    reconcile::Why::NotKept => "what must stay equal does not",
                },
            };
            Some(format!("{} \"{}\" ({}): {why}; {} unexplained.", row.date, row.label, row.record.stream, row.remainder))
        })
        .collect();
    ShadowResult { same: shadow.counts.same, expected: shadow.counts.expected, unexplained: shadow.counts.unexplained, amount: shadow.unexplained, findings }
}

/// The rollbacks of a rehearsal, stage by stage.
pub fn drills(rehearsed: &Rehearsed) -> Vec<Drill> {
    rehearsed
        .drills
        .iter()
        .map(|drill| Drill {
            stage: drill.stage,
            equal: drill.not_as_before.is_empty(),
            finding: drill.not_as_before.first().cloned().unwrap_or_default(),
        })
        .collect()
}

/// When the rehearsal ran, over how many records of which kinds.
pub fn rehearsal(rehearsed: &Rehearsed) -> Rehearsal {
    Rehearsal { at: rehearsed.at, records: rehearsed.candidates, kinds: rehearsed.kinds.clone() }
}

/// Holds in the words of the check.
pub fn held(holds: &[movement::Hold], currency: ledger::Currency, reviewed: &BTreeMap<String, String>) -> Vec<Held> {
    holds
        .iter()
        .map(|hold| Held {
            movement: match hold.minor {
                Some(minor) => format!("{} of {}, {}", hold.stream, hold.instant, ledger::Money::new(minor, currency)),
                None => format!("{} of {}", hold.stream, hold.instant),
            },
            reason: hold.reason.clone(),
            reviewed_by: reviewed.get(&hold_name(hold)).cloned(),
        })
        .collect()
}

/// Name of a hold for a review: the same finding about the same record.
pub fn hold_name(hold: &movement::Hold) -> String {
    format!("{}|{}|{}", hold.stream, hold.record, hold.reason_code)
}

/// Asks both connectors whether they would post now: the answer comes from the very code that posts.
pub async fn probes(engine: &Engine, u: &Undertaking, streams: &[String]) -> Result<Vec<Probe>, Problem> {
    let connection = engine.connection(&u.company, Some(&u.connection.id)).await?;
    let (owner, _) = engine.owner(&connection).await?;
    let (old, new) = match owner {
        Posting::Settled => (true, false),
        Posting::Fenced => (false, false),
        Posting::New => (false, true),
    };
    Ok(streams.iter().map(|stream| Probe { stream: stream.clone(), old_posts: Some(old), new_posts: Some(new) }).collect())
}

/// What a share would do, for the checks before it: dates to be written, entries to be kept, obstacles.
pub fn before_write(u: &Undertaking, plan: &slices::SlicePlan, kept: u64, lock: &BooksLock, in_doubt: &[String]) -> Vec<CheckResult> {
    let dates: Vec<jiff::civil::Date> = plan.post.iter().map(|p| p.entry.date).collect();
    vec![
        checks::books_not_open(lock),
        match dates.is_empty() {
            true => CheckResult::not_applicable(CheckId::PeriodOpen, "nothing will be posted"),
            false => checks::period_open(u.company.closed_through, &dates),
        },
        checks::old_can_represent(plan.out.len() as u64, kept, &[]),
        checks::no_in_doubt(in_doubt),
    ]
}

/// The stages of a plan that write.
pub fn writing_stages(waves: u32) -> Vec<Stage> {
    Stage::all(waves).into_iter().filter(|stage| stage.writes()).collect()
}
