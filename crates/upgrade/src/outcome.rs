//! What an outcome does to the state: proofs, owners, shares, checks, and whether the stage goes on.
//!
//! An outcome without its proof is refused. Nothing here looks at who asked for what (that is `step.rs`).

use crate::check::{CheckId, CheckResult, Moment, Verdict};
use crate::due::{moment_of, script};
use crate::effect::{Effect, Finding, Gained, Outcome, Report, Written};
use crate::plan::Plan;
use crate::refusal::{E_EFFECT_PROOF, E_ROLLBACK_NOT_EQUAL, StoredProblem};
use crate::rollback;
use crate::slice::SliceName;
use crate::stage::{Mode, Owner, PauseReason, Stage, Then};
use crate::state::{InDoubt, InFlight, StageWork, State, Watch};
use jiff::{Span, Timestamp};
use ledger::{Problem, Touched};

/// What a set of results comes to, against what the plan demands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    Good,
    Failed(Vec<CheckId>),
    Inconclusive(Vec<CheckId>),
}

/// Fail outranks inconclusive; a demanded check without a result is inconclusive.
pub(crate) fn judge(plan: &Plan, moment: Option<Moment>, results: &[CheckResult]) -> Judged {
    let with = |wanted: Verdict| -> Vec<CheckId> {
        let mut ids: Vec<CheckId> = results
            .iter()
            .filter(|result| result.verdict == wanted)
            .map(|result| result.id)
            .collect();
        ids.sort();
        ids.dedup();
        ids
    };
    let failed = with(Verdict::Fail);
    if !failed.is_empty() {
        return Judged::Failed(failed);
    }
    let mut unclear = with(Verdict::Inconclusive);
    let demanded = plan
        .checks
        .iter()
        .filter(|planned| Some(planned.moment) == moment)
        .map(|planned| planned.check);
    unclear.extend(demanded.filter(|check| results.iter().all(|result| result.id != *check)));
    if unclear.is_empty() {
        return Judged::Good;
    }
    unclear.sort();
    unclear.dedup();
    Judged::Inconclusive(unclear)
}

/// Takes the outcome of the effect that was under way. Errors: `E-EFFECT-PROOF`; the state is then to be thrown away.
pub(crate) fn take(state: &mut State, plan: &Plan, flight: &InFlight, outcome: &Outcome, at: Timestamp) -> Result<(), Problem> {
    match outcome {
        Outcome::Done { report } => done(state, plan, flight, report, at),
        Outcome::Failed { problem, left } => failed(state, flight, problem, *left),
        Outcome::Stopped { left } => {
            leave(state, &flight.effect, *left)?;
            if state.mode == Mode::Running {
                state.mode = Mode::Paused {
                    reason: PauseReason::Stopped,
                };
            }
            Ok(())
        }
    }
}

/// What was found out about the effect in doubt. The mode that follows is already in place.
pub(crate) fn found(state: &mut State, plan: &Plan, flight: &InFlight, finding: &Finding, at: Timestamp) -> Result<(), Problem> {
    match finding {
        Finding::Done { report } => done(state, plan, flight, report, at),
        Finding::Partly { left } => leave(state, &flight.effect, Some(*left)),
        Finding::Absent | Finding::Unknown { .. } => Ok(()),
    }
}

fn done(state: &mut State, plan: &Plan, flight: &InFlight, report: &Report, at: Timestamp) -> Result<(), Problem> {
    let judged = judge(plan, moment_of(&flight.effect), &report.checks);
    gain(state, flight, report, judged == Judged::Good)?;
    state.restarts = 0;
    if let Mode::RollingBack { .. } = state.mode {
        keep_rollback_report(state, &flight.effect, report);
        if rollback::belongs(&flight.effect) {
            match judged {
                Judged::Good => rollback::succeeded(state, &flight.effect),
                Judged::Failed(ids) | Judged::Inconclusive(ids) => rollback::failed(state, &flight.effect, not_equal(&ids, &report.checks)),
            }
        }
        return Ok(());
    }
    keep_report(state, report);
    match judged {
        Judged::Good => advance(state, plan, &flight.effect, at),
        Judged::Failed(checks) => state.mode = Mode::Halted { checks },
        Judged::Inconclusive(checks) if state.mode == Mode::Running => {
            state.mode = Mode::Paused {
                reason: PauseReason::Inconclusive { checks },
            };
        }
        // Somebody paused meanwhile: their reason stays, and the effect is due again when they resume.
        Judged::Inconclusive(_) => {}
    }
    Ok(())
}

/// What the effect itself brings about. `good` = its checks pass.
fn gain(state: &mut State, flight: &InFlight, report: &Report, good: bool) -> Result<(), Problem> {
    let missing = |proof: &str| {
        Err(Problem::new(
            E_EFFECT_PROOF,
            "A completed step came without its proof.",
            format!("The step \"{}\" must report {proof}.", crate::words::effect(&flight.effect)),
            "This is a fault in Changeover. Nothing depends on the step yet; start the program again.",
        )
        .touching(if flight.effect.writes_books() {
            Touched::Unknown
        } else {
            Touched::Nothing
        }))
    };
    match &flight.effect {
        Effect::TakeRollbackPoint { .. } => match &report.gained {
            Gained::RollbackPoint { point } if good => {
                state.rollback_point = Some(point.clone());
                state.rollback_point_begun = Some(flight.begun);
            }
            Gained::RollbackPoint { .. } => {}
            Gained::Nothing | Gained::Written { .. } | Gained::NewAccess { .. } | Gained::WatchFrom { .. } if good => {
                return missing("a restored and verified rollback point");
            }
            Gained::Nothing | Gained::Written { .. } | Gained::NewAccess { .. } | Gained::WatchFrom { .. } => {}
        },
        Effect::ApplySlice { .. } | Effect::Drain => match &report.gained {
            Gained::Written { written } => leave(state, &flight.effect, Some(*written))?,
            Gained::Nothing | Gained::RollbackPoint { .. } | Gained::NewAccess { .. } | Gained::WatchFrom { .. } => {
                return missing("what it wrote to the books");
            }
        },
        Effect::AskToReauthorize { .. } => match &report.gained {
            Gained::NewAccess { .. } => state.new_access |= good,
            Gained::Nothing | Gained::RollbackPoint { .. } | Gained::Written { .. } | Gained::WatchFrom { .. } if good => {
                return missing("the access it gained");
            }
            Gained::Nothing | Gained::RollbackPoint { .. } | Gained::Written { .. } | Gained::WatchFrom { .. } => {}
        },
        Effect::BeginWatch { days } => match &report.gained {
            Gained::WatchFrom { date } => {
                let until = date
                    .checked_add(Span::new().days(i64::from(*days)))
                    .or_else(|_| missing("a day that exists").map(|()| *date))?;
                state.watch = Some(Watch {
                    from: *date,
                    until,
                    days: Default::default(),
                });
            }
            Gained::Nothing | Gained::RollbackPoint { .. } | Gained::Written { .. } | Gained::NewAccess { .. } => {
                return missing("the first day of the watch");
            }
        },
        Effect::GiveTo { stream, owner } if good => become_owner(state, stream, *owner)?,
        Effect::RestoreOwner { stream } if good => become_owner(state, stream, Owner::Old)?,
        Effect::UndoSlice { slice } => {
            state.last_write = Some(state.events);
            if good {
                state.attempted.remove(slice);
                state.written.remove(slice);
            }
        }
        Effect::DropNewAccess => state.new_access &= !good,
        Effect::RetireOld => state.retired |= good,
        Effect::GiveTo { .. }
        | Effect::RestoreOwner { .. }
        | Effect::Fence { .. }
        | Effect::RunPreflight
        | Effect::TakeBackup
        | Effect::ProveRestore
        | Effect::Rehearse
        | Effect::RunShadow
        | Effect::RunChecks { .. }
        | Effect::Validate
        | Effect::Reconcile
        | Effect::VerifyRollback
        | Effect::Resolve { .. }
        | Effect::Notify { .. } => {}
    }
    Ok(())
}

/// Moves a stream by a legal step, or leaves it where it already is.
pub(crate) fn become_owner(state: &mut State, stream: &str, next: Owner) -> Result<(), Problem> {
    match state.owners.get_mut(stream) {
        Some(owner) if *owner == next => Ok(()),
        Some(owner) if owner.may_become(next) => {
            *owner = next;
            Ok(())
        }
        Some(owner) => Err(crate::step::owner_conflict(
            stream,
            format!("It is {} and cannot go {} directly.", whose(*owner), where_to(next)),
        )),
        None => Err(crate::step::owner_conflict(stream, "The plan does not name this stream.".into())),
    }
}

fn whose(owner: Owner) -> &'static str {
    match owner {
        Owner::Old => "with the old connector",
        Owner::Fenced => "closed to both connectors",
        Owner::New => "with the new connector",
    }
}

fn where_to(owner: Owner) -> &'static str {
    match owner {
        Owner::Old => "to the old connector",
        Owner::Fenced => "out of both connectors' hands",
        Owner::New => "to the new connector",
    }
}

/// Counts what an effect wrote. `AfterCutOver` is counted by `BooksWritten`.
fn leave(state: &mut State, effect: &Effect, left: Option<Written>) -> Result<(), Problem> {
    let Some(left) = left else { return Ok(()) };
    let slice = match slice_written(effect) {
        Some(slice) => slice,
        // A share partly undone stays attempted as a whole: it is undone again, what is gone is skipped.
        None if matches!(effect, Effect::UndoSlice { .. }) => return Ok(()),
        None => {
            return Err(Problem::new(
                E_EFFECT_PROOF,
                "A step that writes nothing reports that it wrote to the books.",
                format!("The step is: {}.", crate::words::effect(effect)),
                "This is a fault in Changeover. Verify the log and the books before anything else.",
            )
            .touching(Touched::Unknown));
        }
    };
    add_written(state, slice, left)
}

pub(crate) fn add_written(state: &mut State, slice: SliceName, more: Written) -> Result<(), Problem> {
    state.attempted.insert(slice);
    state.last_write = Some(state.events);
    let sum = match state.written.get(&slice) {
        None => more,
        Some(before) => Written {
            movements: before.movements.saturating_add(more.movements),
            entries_posted: before.entries_posted.saturating_add(more.entries_posted),
            entries_removed: before.entries_removed.saturating_add(more.entries_removed),
            amount: before.amount.plus(more.amount)?,
        },
    };
    state.written.insert(slice, sum);
    Ok(())
}

/// The share that an effect fills.
pub(crate) fn slice_written(effect: &Effect) -> Option<SliceName> {
    match effect {
        Effect::ApplySlice { slice } => Some(*slice),
        Effect::Drain => Some(SliceName::Arrivals),
        Effect::RunPreflight
        | Effect::TakeBackup
        | Effect::ProveRestore
        | Effect::Rehearse
        | Effect::AskToReauthorize { .. }
        | Effect::RunShadow
        | Effect::RunChecks { .. }
        | Effect::TakeRollbackPoint { .. }
        | Effect::Fence { .. }
        | Effect::GiveTo { .. }
        | Effect::Validate
        | Effect::Reconcile
        | Effect::BeginWatch { .. }
        | Effect::RetireOld
        | Effect::UndoSlice { .. }
        | Effect::RestoreOwner { .. }
        | Effect::VerifyRollback
        | Effect::DropNewAccess
        | Effect::Resolve { .. }
        | Effect::Notify { .. } => None,
    }
}

fn failed(state: &mut State, flight: &InFlight, problem: &StoredProblem, left: Option<Written>) -> Result<(), Problem> {
    let fills = slice_written(&flight.effect).is_some();
    let unknown = match problem.touched {
        Touched::Unknown => true,
        Touched::Books => fills && left.is_none(),
        Touched::Nothing | Touched::SettingsOnly => false,
    };
    if unknown && !flight.effect.repeatable() {
        state.problems.push(problem.clone());
        doubt(state, flight);
        return Ok(());
    }
    leave(state, &flight.effect, left)?;
    if matches!(state.mode, Mode::RollingBack { .. }) {
        if rollback::belongs(&flight.effect) {
            rollback::failed(state, &flight.effect, problem.clone());
        } else {
            state.problems.push(problem.clone());
        }
        return Ok(());
    }
    state.problems.push(problem.clone());
    if state.mode == Mode::Running {
        state.mode = Mode::Paused {
            reason: PauseReason::Problem { problem: problem.clone() },
        };
    }
    Ok(())
}

/// Puts the effect in doubt; the present mode becomes what follows once it is resolved.
pub(crate) fn doubt(state: &mut State, flight: &InFlight) {
    state.in_doubt = Some(InDoubt {
        effect_id: flight.effect_id.clone(),
        effect: flight.effect.clone(),
        since: flight.since,
        begun: flight.begun,
        held: None,
    });
    let then = match state.mode.clone() {
        Mode::Running => Then::GoOn,
        Mode::Paused { reason } => Then::Pause { reason },
        Mode::RollingBack { work } => Then::RollBack { work },
        Mode::Resolving { then } => then,
        // Nothing is under way in these; if it ever were, a person looks first.
        Mode::Waiting { .. } | Mode::Halted { .. } | Mode::RolledBack | Mode::Frozen { .. } | Mode::Finished => Then::Pause {
            reason: PauseReason::Restarted,
        },
    };
    state.mode = Mode::Resolving { then };
}

fn keep_report(state: &mut State, report: &Report) {
    let stage = state.doing.as_ref().map_or(state.stage, |work| work.stage);
    keep_checks(state.checks.entry(stage).or_default(), &report.checks);
    state.facts.entry(stage).or_default().extend(report.facts.clone());
}

/// The latest results replace earlier ones of the same checks.
pub(crate) fn keep_checks(kept: &mut Vec<CheckResult>, new: &[CheckResult]) {
    kept.retain(|old| new.iter().all(|result| result.id != old.id));
    kept.extend(new.iter().cloned());
}

fn keep_rollback_report(state: &mut State, effect: &Effect, report: &Report) {
    if rollback::belongs(effect) {
        keep_checks(&mut state.rollback_checks, &report.checks);
        state.rollback_facts.extend(report.facts.clone());
    }
}

fn not_equal(ids: &[CheckId], results: &[CheckResult]) -> StoredProblem {
    let mut whys = ids.iter().map(|id| match results.iter().find(|result| result.id == *id) {
        Some(result) => format!("{}: found {}, expected {}.", id.title(), result.found, result.expected),
        None => format!("{}: it was not asked.", id.title()),
    });
    let first = whys.next().unwrap_or_default();
    let problem = Problem::new(
        E_ROLLBACK_NOT_EQUAL,
        "After going back the books are not yet proved equal to what they were.",
        first,
        "Changeover tries again by itself; if it keeps failing, restore the rollback point.",
    )
    .touching(Touched::Books);
    StoredProblem::from(whys.fold(problem, Problem::because))
}

/// The effect is done and good: go to the next one, or complete the stage.
fn advance(state: &mut State, plan: &Plan, effect: &Effect, at: Timestamp) {
    if state.stage == Stage::Finished {
        if state.retired {
            state.mode = Mode::Finished;
        }
        return;
    }
    let Some(work) = &mut state.doing else { return };
    let effects = script(plan, work.stage);
    let index = usize::try_from(work.at_effect).unwrap_or(usize::MAX);
    // A rollback point taken again in between is not a step of its own.
    if effects.get(index) == Some(effect) {
        work.at_effect += 1;
    }
    let over = usize::try_from(work.at_effect).unwrap_or(usize::MAX) >= effects.len();
    if over && work.stage != Stage::Watching {
        complete(state, plan, at);
    }
}

/// The stage under way is completed.
pub(crate) fn complete(state: &mut State, plan: &Plan, at: Timestamp) {
    let Some(work) = state.doing.take() else { return };
    state.stage = work.stage;
    state.completed.insert(work.stage, at);
    if state.mode == Mode::Running {
        go_on(state, plan, at);
    }
}

/// Between stages: begin the next one, or wait at its gate.
pub(crate) fn go_on(state: &mut State, plan: &Plan, at: Timestamp) {
    state.mode = Mode::Running;
    if state.stage == Stage::Finished || state.doing.is_some() {
        return;
    }
    let Some(next) = state.stage.next(plan.waves()) else { return };
    match next.gate() {
        Some(gate) => state.mode = Mode::Waiting { gate },
        None => enter(state, next, at),
    }
}

pub(crate) fn enter(state: &mut State, stage: Stage, at: Timestamp) {
    state.mode = Mode::Running;
    state.doing = Some(StageWork {
        stage,
        at_effect: 0,
        began: at,
    });
}
