//! Going back: which effects, in which order, and what happens when they fail.
//!
//! First nobody posts, then the shares are undone backwards, then the old connector owns its streams again, then the
//! books are proved equal to the baseline. Undoes every share for which a write was so much as begun.

use crate::effect::Effect;
use crate::plan::Person;
use crate::refusal::StoredProblem;
use crate::stage::{Mode, Owner, RollBack};
use crate::state::State;

/// Failed attempts of one step after which a person is needed.
pub(crate) const ATTEMPTS: u32 = 3;

/// True for effects that only a rollback asks for. `Fence` belongs to both directions.
pub(crate) fn belongs(effect: &Effect) -> bool {
    match effect {
        Effect::Fence { .. } | Effect::UndoSlice { .. } | Effect::RestoreOwner { .. } | Effect::VerifyRollback | Effect::DropNewAccess => {
            true
        }
        Effect::RunPreflight
        | Effect::TakeBackup
        | Effect::ProveRestore
        | Effect::Rehearse
        | Effect::AskToReauthorize { .. }
        | Effect::RunShadow
        | Effect::RunChecks { .. }
        | Effect::TakeRollbackPoint { .. }
        | Effect::ApplySlice { .. }
        | Effect::Drain
        | Effect::GiveTo { .. }
        | Effect::Validate
        | Effect::Reconcile
        | Effect::BeginWatch { .. }
        | Effect::RetireOld
        | Effect::Resolve { .. }
        | Effect::Notify { .. } => false,
    }
}

pub(crate) fn begin(state: &State, by: Person, reason: String) -> RollBack {
    let untouched = state.attempted.is_empty() && state.owners.values().all(|owner| *owner == Owner::Old);
    RollBack {
        by,
        reason,
        failures: 0,
        first_problem: None,
        verified: untouched,
    }
}

pub(crate) fn due(state: &State, work: &RollBack) -> Option<Effect> {
    let stream_where = |wanted: fn(Owner) -> bool| {
        state
            .owners
            .iter()
            .find(|(_, owner)| wanted(**owner))
            .map(|(stream, _)| stream.clone())
    };
    if let Some(stream) = stream_where(|owner| owner == Owner::New) {
        return Some(Effect::Fence { stream });
    }
    if let Some(slice) = state.attempted.last() {
        return Some(Effect::UndoSlice { slice: *slice });
    }
    if let Some(stream) = stream_where(|owner| owner != Owner::Old) {
        return Some(Effect::RestoreOwner { stream });
    }
    if !work.verified {
        return Some(Effect::VerifyRollback);
    }
    // Three refusals to revoke an access must not hold the books hostage: it is then listed as a problem.
    (state.new_access && work.failures < ATTEMPTS).then_some(Effect::DropNewAccess)
}

/// Ends the rollback when nothing is left to do.
pub(crate) fn settle(state: &mut State) {
    if let Mode::RollingBack { work } = &state.mode
        && state.in_flight.is_none()
        && due(state, work).is_none()
    {
        state.mode = Mode::RolledBack;
    }
}

/// One step of the rollback failed. The first problem is kept for good.
pub(crate) fn failed(state: &mut State, effect: &Effect, problem: StoredProblem) {
    state.problems.push(problem.clone());
    let Mode::RollingBack { work } = &mut state.mode else { return };
    work.failures += 1;
    let first = work.first_problem.get_or_insert(problem).clone();
    if work.failures >= ATTEMPTS && *effect != Effect::DropNewAccess {
        state.mode = Mode::Frozen {
            problem: first,
            work: work.clone(),
        };
    }
}

/// One step of the rollback succeeded; the next one has its own attempts.
pub(crate) fn succeeded(state: &mut State, effect: &Effect) {
    if let Mode::RollingBack { work } = &mut state.mode {
        work.failures = 0;
        work.verified |= *effect == Effect::VerifyRollback;
    }
}
