//! What is due in a state. A pure function of the state, so that a restart needs no memory of its own.
//!
//! Nothing is due while an effect is under way, while paused, waiting, halted or frozen.

use crate::check::Moment;
use crate::effect::Effect;
use crate::plan::Plan;
use crate::rollback;
use crate::slice::SliceName;
use crate::stage::{Mode, Owner, Stage};
use crate::state::State;

/// The effects of a stage, in order. A stage is completed when all of them are.
pub(crate) fn script(plan: &Plan, stage: Stage) -> Vec<Effect> {
    match stage {
        Stage::Draft | Stage::Planned => Vec::new(),
        Stage::Preflight => vec![Effect::RunPreflight],
        Stage::BackedUp => vec![Effect::TakeBackup],
        Stage::RestoreVerified => vec![Effect::ProveRestore],
        Stage::Rehearsed => vec![Effect::Rehearse],
        Stage::Reauthorized => vec![Effect::AskToReauthorize {
            permissions: plan.permissions.clone(),
        }],
        Stage::Shadowed => vec![Effect::RunShadow],
        Stage::Canary => share(stage, SliceName::Canary),
        Stage::Wave(number) => share(stage, SliceName::Wave(number)),
        Stage::CutOver => cut_over(plan),
        Stage::Validated => vec![Effect::Validate],
        Stage::Reconciled => vec![Effect::Reconcile],
        Stage::Watching => vec![Effect::BeginWatch { days: plan.watch_days }],
        Stage::Finished => vec![Effect::RunChecks {
            moment: Moment::Before(Stage::Finished),
        }],
    }
}

fn share(stage: Stage, slice: SliceName) -> Vec<Effect> {
    vec![
        Effect::RunChecks {
            moment: Moment::Before(stage),
        },
        Effect::TakeRollbackPoint { before: stage },
        Effect::ApplySlice { slice },
        Effect::RunChecks {
            moment: Moment::After(stage),
        },
    ]
}

fn cut_over(plan: &Plan) -> Vec<Effect> {
    let mut effects = vec![
        Effect::RunChecks {
            moment: Moment::Before(Stage::CutOver),
        },
        Effect::TakeRollbackPoint { before: Stage::CutOver },
    ];
    effects.extend(plan.streams.iter().map(|stream| Effect::Fence { stream: stream.clone() }));
    effects.push(Effect::Drain);
    effects.extend(plan.streams.iter().map(|stream| Effect::GiveTo {
        stream: stream.clone(),
        owner: Owner::New,
    }));
    effects.push(Effect::RunChecks {
        moment: Moment::After(Stage::CutOver),
    });
    effects
}

/// What to do next, or None when nothing may be done or something is still under way.
pub fn next_effect(state: &State) -> Option<Effect> {
    let plan = state.plan.as_ref()?;
    if state.in_flight.is_some() {
        return None;
    }
    match &state.mode {
        Mode::Running if state.stage == Stage::Finished => (!state.retired).then_some(Effect::RetireOld),
        Mode::Running => forward(state, plan),
        Mode::Resolving { .. } => state
            .in_doubt
            .as_ref()
            .filter(|doubt| doubt.held.is_none())
            .map(|doubt| Effect::Resolve {
                effect_id: doubt.effect_id.clone(),
            }),
        Mode::RollingBack { work } => rollback::due(state, work),
        Mode::Waiting { .. } | Mode::Paused { .. } | Mode::Halted { .. } | Mode::RolledBack | Mode::Frozen { .. } | Mode::Finished => None,
    }
}

fn forward(state: &State, plan: &Plan) -> Option<Effect> {
    let work = state.doing.as_ref()?;
    let effect = script(plan, work.stage).into_iter().nth(usize::try_from(work.at_effect).ok()?)?;
    // No write without a rollback point that is younger than every earlier write, whatever happened since it was taken.
    if effect.writes_books() && state.fresh_rollback_point().is_none() {
        return Some(Effect::TakeRollbackPoint { before: work.stage });
    }
    Some(effect)
}

/// The moment whose checks an effect has to bring.
pub(crate) fn moment_of(effect: &Effect) -> Option<Moment> {
    match effect {
        Effect::RunPreflight => Some(Moment::After(Stage::Preflight)),
        Effect::TakeBackup => Some(Moment::After(Stage::BackedUp)),
        Effect::ProveRestore => Some(Moment::After(Stage::RestoreVerified)),
        Effect::Rehearse => Some(Moment::After(Stage::Rehearsed)),
        Effect::AskToReauthorize { .. } => Some(Moment::After(Stage::Reauthorized)),
        Effect::RunShadow => Some(Moment::After(Stage::Shadowed)),
        Effect::RunChecks { moment } => Some(*moment),
        Effect::Validate => Some(Moment::After(Stage::Validated)),
        Effect::Reconcile => Some(Moment::After(Stage::Reconciled)),
        Effect::VerifyRollback => Some(Moment::RolledBack),
        Effect::TakeRollbackPoint { .. }
        | Effect::ApplySlice { .. }
        | Effect::Fence { .. }
        | Effect::Drain
        | Effect::GiveTo { .. }
        | Effect::BeginWatch { .. }
        | Effect::RetireOld
        | Effect::UndoSlice { .. }
        | Effect::RestoreOwner { .. }
        | Effect::DropNewAccess
        | Effect::Resolve { .. }
        | Effect::Notify { .. } => None,
    }
}
