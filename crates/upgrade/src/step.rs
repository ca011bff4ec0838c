//! One event, one step: what may happen in which state, and what follows.
//!
//! A refused event changes nothing. Stop and roll back outrank everything that is queued. Every event and mode is
//! matched by name, so that a new one cannot be forgotten here.

use crate::check::Moment;
use crate::due::next_effect;
use crate::effect::{Effect, EffectId, Finding, Notice, Outcome, Written};
use crate::event::{Binds, Event};
use crate::outcome::{self, Judged};
use crate::plan::{Person, PersonRole, Plan};
use crate::refusal::{
    E_EFFECT_NOT_DUE, E_EFFECT_UNKNOWN, E_FINISHED, E_JOURNAL_IMPOSSIBLE, E_NO_PLAN, E_OWNER, E_SIGNOFF_ROLE, E_SIGNOFF_SAME_PERSON,
    E_SIGNOFF_STALE, StoredProblem, not_now,
};
use crate::rollback;
use crate::slice::SliceName;
use crate::stage::{Gate, Mode, Owner, PauseReason, RollBack, Side, Stage, Then};
use crate::state::{InFlight, SignOff, State};
use jiff::Timestamp;
use jiff::civil::Date;
use ledger::{Problem, Touched};

/// What one event led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub state: State,
    /// What became due (at most one that needs an intent), then what people are told.
    pub effects: Vec<Effect>,
}

/// Starts of the program without completing an effect after which it no longer goes on by itself.
pub(crate) const RESTARTS: u32 = 3;

/// Takes one event. Errors: the codes of `refusal.rs`, `E-MONEY-…`; the state before stays valid.
pub fn step(state: &State, event: &Event) -> Result<Step, Problem> {
    let mut next = state.clone();
    next.events += 1;
    take(&mut next, event)?;
    rollback::settle(&mut next);
    let due = if next_effect(state) == next_effect(&next) {
        None
    } else {
        next_effect(&next)
    };
    let effects = due
        .into_iter()
        .chain(notices(state, &next).into_iter().map(|notice| Effect::Notify { notice }))
        .collect();
    Ok(Step { state: next, effects })
}

/// The state that these events lead to. Errors: `E-JOURNAL-IMPOSSIBLE` for a journal that could not have been written.
pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<State, Problem> {
    fold_on(State::default(), events)
}

/// As [`fold`], from the state that the events before these have led to.
pub fn fold_on<'a>(state: State, events: impl IntoIterator<Item = &'a Event>) -> Result<State, Problem> {
    let mut state = state;
    for event in events {
        state = step(&state, event).map(|step| step.state).map_err(|refusal| {
            Problem::new(
                E_JOURNAL_IMPOSSIBLE,
                format!(
                    "The journal of this upgrade holds a record that cannot follow from those before it (number {}).",
                    state.events + 1
                ),
                format!("Its kind is \"{}\", its time {}.", event.kind(), event.at()),
                "Verify the log. Nothing is carried out from a journal that contradicts itself.",
            )
            .beside(refusal)
        })?;
    }
    Ok(state)
}

fn take(state: &mut State, event: &Event) -> Result<(), Problem> {
    if let Event::PlanMade { plan, at } = event {
        return plan_made(state, plan, *at);
    }
    let plan = state.plan.clone().ok_or_else(no_plan)?;
    match event {
        Event::PlanMade { .. } => Ok(()),
        Event::SignedOff { gate, by, binds, at } => signed_off(state, &plan, *gate, by, binds, *at),
        Event::IntentRecorded { effect_id, effect, at } => intent(state, effect_id, effect, *at),
        Event::EffectDone { effect_id, outcome, at } => effect_done(state, &plan, effect_id, outcome, *at),
        Event::EffectInDoubt { effect_id, why, at } => in_doubt(state, &plan, effect_id, why, *at),
        Event::EffectResolved {
            effect_id,
            finding,
            by: _,
            at,
        } => resolved(state, &plan, effect_id, finding, *at),
        Event::PauseRequested { by, reason, at: _ } => pause(state, by, reason),
        Event::ResumeRequested { by: _, at } => resume(state, &plan, *at),
        Event::RollBackRequested { by, reason, at: _ } => roll_back(state, by, reason),
        Event::RepeatRequested {
            from,
            by: _,
            reason: _,
            at,
        } => repeat(state, &plan, *from, *at),
        Event::WatchDay { date, checks, at } => watch_day(state, &plan, *date, checks, *at),
        Event::BooksWritten {
            stream,
            by,
            written,
            at: _,
        } => books_written(state, stream, *by, *written),
        Event::Restarted { at: _ } => {
            restarted(state, &plan);
            Ok(())
        }
    }
}

pub(crate) fn no_plan() -> Problem {
    Problem::new(
        E_NO_PLAN,
        "There is no plan yet.",
        "An upgrade begins with its plan.",
        "Make the plan first.",
    )
}

pub(crate) fn owner_conflict(stream: &str, why: String) -> Problem {
    Problem::new(
        E_OWNER,
        format!("Payments of the stream \"{stream}\" cannot be posted by this connector now."),
        why,
        "Wait until the upgrade has handed the stream over, or roll it back.",
    )
}

pub(crate) fn owns(state: &State, stream: &str, by: Side) -> Result<(), Problem> {
    match state.owners.get(stream) {
        Some(owner) if owner.writer() == Some(by) => Ok(()),
        Some(Owner::Old) => Err(owner_conflict(stream, "The old connector owns it.".into())),
        Some(Owner::New) => Err(owner_conflict(stream, "The new connector owns it.".into())),
        Some(Owner::Fenced) => Err(owner_conflict(stream, "It is fenced: nobody posts until it is handed over.".into())),
        None => Err(owner_conflict(stream, "The plan does not name this stream.".into())),
    }
}

fn plan_made(state: &mut State, plan: &Plan, at: Timestamp) -> Result<(), Problem> {
    let fresh = state.stage == Stage::Draft || (state.stage == Stage::Planned && state.mode == Mode::Waiting { gate: Gate::Start });
    if !fresh {
        return Err(not_now("Making a new plan", "This upgrade has already started with its plan."));
    }
    plan.checked()?;
    state.owners = plan.streams.iter().map(|stream| (stream.clone(), Owner::Old)).collect();
    state.plan = Some(plan.clone());
    state.stage = Stage::Planned;
    state.completed.insert(Stage::Planned, at);
    state.mode = Mode::Waiting { gate: Gate::Start };
    // Whoever signed an earlier plan did not sign this one.
    state.sign_offs.clear();
    Ok(())
}

fn signed_off(state: &mut State, plan: &Plan, gate: Gate, by: &Person, binds: &Binds, at: Timestamp) -> Result<(), Problem> {
    if state.gate() != Some(gate) {
        return Err(not_now("This sign-off", "The upgrade is not waiting for it."));
    }
    let now = state.binds().ok_or_else(no_plan)?;
    if *binds != now {
        return Err(stale(binds, &now));
    }
    let rule = plan.gate_rule(gate);
    let needed = if plan.single_person { 1 } else { rule.people };
    // What somebody signed before the state changed is void.
    state.sign_offs.retain(|sign_off| sign_off.gate != gate || sign_off.binds == now);
    if state
        .sign_offs
        .iter()
        .any(|sign_off| sign_off.gate == gate && sign_off.by.name == by.name)
    {
        return Err(Problem::new(
            E_SIGNOFF_SAME_PERSON,
            format!("{} has already signed here.", by.name),
            format!("This step needs {needed} different people."),
            "Ask the other person to sign.",
        ));
    }
    let qualifies = |role: PersonRole| role == rule.role || role == PersonRole::Owner;
    let mut given: Vec<PersonRole> = state
        .sign_offs
        .iter()
        .filter(|sign_off| sign_off.gate == gate)
        .map(|sign_off| sign_off.by.role)
        .collect();
    given.push(by.role);
    let count = u32::try_from(given.len()).unwrap_or(u32::MAX);
    if count >= needed && !given.iter().any(|role| qualifies(*role)) {
        return Err(Problem::new(
            E_SIGNOFF_ROLE,
            format!("{} cannot give this yes.", by.name),
            format!("The plan asks for the {} here.", crate::words::role(rule.role)),
            "Ask that person to sign, or make a plan that names somebody else.",
        ));
    }
    state.sign_offs.push(SignOff {
        gate,
        by: by.clone(),
        binds: now,
        at,
        single: needed < rule.people,
    });
    if count >= needed
        && let Some(next) = state.stage.next(plan.waves())
    {
        outcome::enter(state, next, at);
    }
    Ok(())
}

fn stale(signed: &Binds, now: &Binds) -> Problem {
    let parts = [
        ("the plan", signed.plan_hash != now.plan_hash),
        ("where the upgrade stands", signed.state_hash != now.state_hash),
        ("the results of the checks", signed.check_results_hash != now.check_results_hash),
        ("what can no longer be undone", signed.residue_hash != now.residue_hash),
    ];
    let changed: Vec<&str> = parts.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect();
    Problem::new(
        E_SIGNOFF_STALE,
        "This yes was given to something that has changed since.",
        format!("Changed: {}.", changed.join(", ")),
        "Read the page again and sign what it shows now.",
    )
}

fn intent(state: &mut State, effect_id: &EffectId, effect: &Effect, at: Timestamp) -> Result<(), Problem> {
    if !effect.needs_intent() || next_effect(state).as_ref() != Some(effect) {
        return Err(Problem::new(
            E_EFFECT_NOT_DUE,
            "This step is not due.",
            match next_effect(state) {
                Some(due) => format!("Asked for: {}. Due is: {}.", crate::words::effect(effect), crate::words::effect(&due)),
                None => format!("Asked for: {}. Nothing is due while {}.", crate::words::effect(effect), crate::words::mode(&state.mode)),
            },
            "Ask the upgrade what is due, and do that.",
        ));
    }
    if !state.used_ids.insert(effect_id.clone()) {
        return Err(unknown_effect(effect_id, "The same name was used for an earlier step."));
    }
    match effect {
        // From the moment we mean to switch a connector off, nobody posts.
        Effect::Fence { stream } => outcome::become_owner(state, stream, Owner::Fenced)?,
        Effect::ApplySlice { .. } | Effect::Drain | Effect::UndoSlice { .. } => {
            state.last_write = Some(state.events);
            state.attempted.extend(outcome::slice_written(effect));
        }
        Effect::RunPreflight
        | Effect::TakeBackup
        | Effect::ProveRestore
        | Effect::Rehearse
        | Effect::AskToReauthorize { .. }
        | Effect::RunShadow
        | Effect::RunChecks { .. }
        | Effect::TakeRollbackPoint { .. }
        | Effect::GiveTo { .. }
        | Effect::Validate
        | Effect::Reconcile
        | Effect::BeginWatch { .. }
        | Effect::RetireOld
        | Effect::RestoreOwner { .. }
        | Effect::VerifyRollback
        | Effect::DropNewAccess
        | Effect::Resolve { .. }
        | Effect::Notify { .. } => {}
    }
    state.in_flight = Some(InFlight {
        effect_id: effect_id.clone(),
        effect: effect.clone(),
        since: at,
        begun: state.events,
    });
    Ok(())
}

fn unknown_effect(effect_id: &EffectId, why: &str) -> Problem {
    Problem::new(
        E_EFFECT_UNKNOWN,
        format!("The step named \"{}\" is not under way.", effect_id.0),
        why,
        "This is a fault in Changeover; verify the log before going on.",
    )
}

fn flight_of(state: &mut State, effect_id: &EffectId) -> Result<InFlight, Problem> {
    match state.in_flight.take() {
        Some(flight) if flight.effect_id == *effect_id => Ok(flight),
        Some(flight) => Err(unknown_effect(effect_id, &format!("Under way is \"{}\".", flight.effect_id.0))),
        None => Err(unknown_effect(effect_id, "Nothing is under way.")),
    }
}

fn effect_done(state: &mut State, plan: &Plan, effect_id: &EffectId, outcome: &Outcome, at: Timestamp) -> Result<(), Problem> {
    let flight = flight_of(state, effect_id)?;
    outcome::take(state, plan, &flight, outcome, at)
}

fn in_doubt(state: &mut State, plan: &Plan, effect_id: &EffectId, why: &StoredProblem, at: Timestamp) -> Result<(), Problem> {
    let flight = flight_of(state, effect_id)?;
    if flight.effect.repeatable() {
        // Reading again hurts nobody: it is a failure like any other.
        let outcome = Outcome::Failed {
            problem: StoredProblem {
                touched: Touched::Nothing,
                ..why.clone()
            },
            left: None,
        };
        return outcome::take(state, plan, &flight, &outcome, at);
    }
    state.problems.push(why.clone());
    outcome::doubt(state, &flight);
    Ok(())
}

fn resolved(state: &mut State, plan: &Plan, effect_id: &EffectId, finding: &Finding, at: Timestamp) -> Result<(), Problem> {
    let Some(doubt) = state.in_doubt.as_mut().filter(|doubt| doubt.effect_id == *effect_id) else {
        return Err(unknown_effect(effect_id, "It is not in doubt."));
    };
    if let Finding::Unknown { why } = finding {
        doubt.held = Some(why.clone());
        return Ok(());
    }
    let flight = InFlight {
        effect_id: doubt.effect_id.clone(),
        effect: doubt.effect.clone(),
        since: doubt.since,
        begun: doubt.begun,
    };
    state.in_doubt = None;
    if let Mode::Resolving { then } = state.mode.clone() {
        state.mode = match then {
            Then::GoOn => Mode::Running,
            Then::Pause { reason } => Mode::Paused { reason },
            Then::RollBack { work } => Mode::RollingBack { work },
        };
    }
    outcome::found(state, plan, &flight, finding, at)
}

fn pause(state: &mut State, by: &Person, reason: &str) -> Result<(), Problem> {
    let asked = PauseReason::Asked {
        by: by.clone(),
        reason: reason.to_string(),
    };
    match &mut state.mode {
        Mode::Running | Mode::Waiting { .. } => {
            state.mode = Mode::Paused { reason: asked };
            Ok(())
        }
        Mode::Resolving { then } => match then {
            Then::GoOn => {
                *then = Then::Pause { reason: asked };
                Ok(())
            }
            Then::Pause { .. } => Err(not_now("Pausing", "The upgrade pauses by itself once it knows what happened.")),
            Then::RollBack { .. } => Err(not_now("Pausing", "The upgrade is going back; that is the way to safety.")),
        },
        Mode::RollingBack { .. } => Err(not_now("Pausing", "The upgrade is going back; that is the way to safety.")),
        Mode::Paused { .. } | Mode::Halted { .. } | Mode::Frozen { .. } => Err(not_now("Pausing", "The upgrade already stands still.")),
        Mode::RolledBack | Mode::Finished => Err(not_now("Pausing", "The upgrade is over.")),
    }
}

fn resume(state: &mut State, plan: &Plan, at: Timestamp) -> Result<(), Problem> {
    match state.mode.clone() {
        Mode::Paused { .. } | Mode::Halted { .. } => {
            state.restarts = 0;
            outcome::go_on(state, plan, at);
            Ok(())
        }
        Mode::Resolving { then } => {
            let held = state.in_doubt.as_mut().and_then(|doubt| doubt.held.take());
            match then {
                Then::Pause { .. } => {
                    state.mode = Mode::Resolving { then: Then::GoOn };
                    Ok(())
                }
                Then::GoOn | Then::RollBack { .. } if held.is_some() => Ok(()),
                Then::GoOn | Then::RollBack { .. } => Err(not_now("Going on", "It is still being found out what happened.")),
            }
        }
        Mode::Frozen { problem: _, work } => {
            state.mode = Mode::RollingBack {
                work: RollBack { failures: 0, ..work },
            };
            Ok(())
        }
        Mode::Running | Mode::RollingBack { .. } => Err(not_now("Going on", "The upgrade is already moving.")),
        Mode::Waiting { .. } => Err(not_now("Going on", "A person has to say yes first.")),
        Mode::RolledBack | Mode::Finished => Err(not_now("Going on", "The upgrade is over.")),
    }
}

fn roll_back(state: &mut State, by: &Person, reason: &str) -> Result<(), Problem> {
    if state.stage == Stage::Finished {
        return Err(Problem::new(
            E_FINISHED,
            "This upgrade can no longer be rolled back.",
            "It was finished, and finishing was the only step that cannot be undone.",
            "To return to the old version, plan an upgrade to it; your backups are kept.",
        ));
    }
    let work = rollback::begin(state, by.clone(), reason.to_string());
    match state.mode.clone() {
        Mode::Running | Mode::Waiting { .. } | Mode::Paused { .. } | Mode::Halted { .. } => {
            state.mode = Mode::RollingBack { work };
            Ok(())
        }
        Mode::Frozen { problem: _, work: before } => {
            state.mode = Mode::RollingBack {
                work: RollBack { failures: 0, ..before },
            };
            Ok(())
        }
        Mode::Resolving { then } => match then {
            Then::GoOn | Then::Pause { .. } => {
                state.mode = Mode::Resolving {
                    then: Then::RollBack { work },
                };
                Ok(())
            }
            Then::RollBack { .. } => Err(not_now(
                "Rolling back",
                "It is already decided; first it is found out what happened.",
            )),
        },
        Mode::RollingBack { .. } => Err(not_now("Rolling back", "The upgrade is already going back.")),
        Mode::RolledBack | Mode::Finished => Err(not_now("Rolling back", "The upgrade is over.")),
    }
}

fn repeat(state: &mut State, plan: &Plan, from: Stage, at: Timestamp) -> Result<(), Problem> {
    let what = "Running earlier stages again";
    let untouched = state.attempted.is_empty() && state.owners.values().all(|owner| *owner == Owner::Old);
    if !untouched {
        return Err(not_now(what, "The books have been written to; roll back instead."));
    }
    if state.in_flight.is_some() || state.in_doubt.is_some() {
        return Err(not_now(what, "A step is under way; pause first."));
    }
    let reached = state.doing.as_ref().map_or(state.stage, |work| work.stage);
    if !(Stage::Preflight..=Stage::Shadowed).contains(&from) || from > reached {
        return Err(not_now(what, "Only stages that were reached and write nothing can be run again."));
    }
    match &state.mode {
        Mode::Running | Mode::Waiting { .. } | Mode::Paused { .. } | Mode::Halted { .. } => {}
        Mode::Resolving { .. } | Mode::RollingBack { .. } | Mode::RolledBack | Mode::Frozen { .. } | Mode::Finished => {
            return Err(not_now(what, "The upgrade is going back or is over."));
        }
    }
    let before = Stage::all(plan.waves())
        .into_iter()
        .take_while(|stage| *stage < from)
        .last()
        .unwrap_or(Stage::Planned);
    state.stage = before;
    state.checks.retain(|stage, _| *stage < from);
    state.facts.retain(|stage, _| *stage < from);
    state.completed.retain(|stage, _| *stage < from);
    state.sign_offs.retain(|sign_off| sign_off.gate == Gate::Start);
    state.rollback_point = None;
    state.rollback_point_begun = None;
    outcome::enter(state, from, at);
    Ok(())
}

fn watch_day(state: &mut State, plan: &Plan, date: Date, checks: &[crate::check::CheckResult], at: Timestamp) -> Result<(), Problem> {
    let watching = state.doing.as_ref().is_some_and(|work| work.stage == Stage::Watching) && state.in_flight.is_none();
    let (true, Mode::Running, Some(watch)) = (watching, state.mode.clone(), state.watch.as_mut()) else {
        return Err(not_now("Recording a day of the watch", "The upgrade is not watching."));
    };
    let last = watch.days.keys().next_back().copied().unwrap_or(watch.from);
    if date < last {
        return Err(not_now(
            "Recording a day of the watch",
            format!("{date} lies before {last}, which is already recorded."),
        ));
    }
    let judged = outcome::judge(plan, Some(Moment::After(Stage::Watching)), checks);
    outcome::keep_checks(state.checks.entry(Stage::Watching).or_default(), checks);
    match judged {
        Judged::Failed(checks) => state.mode = Mode::Halted { checks },
        Judged::Inconclusive(checks) => {
            state.mode = Mode::Paused {
                reason: PauseReason::Inconclusive { checks },
            }
        }
        Judged::Good => {
            watch.days.insert(date, u32::try_from(checks.len()).unwrap_or(u32::MAX));
            if date >= watch.until {
                outcome::complete(state, plan, at);
            }
        }
    }
    Ok(())
}

fn books_written(state: &mut State, stream: &str, by: Side, written: Written) -> Result<(), Problem> {
    if state.is_over() {
        return Err(not_now("Recording entries with this upgrade", "The upgrade is over."));
    }
    owns(state, stream, by)?;
    state.last_write = Some(state.events);
    match by {
        Side::Old => Ok(()),
        Side::New => outcome::add_written(state, SliceName::AfterCutOver, written),
    }
}

fn restarted(state: &mut State, plan: &Plan) {
    state.restarts = state.restarts.saturating_add(1);
    let flight = state.in_flight.take();
    let person_first = state.doing.as_ref().is_some_and(|work| work.stage.writes()) && !plan.unattended;
    if state.mode == Mode::Running {
        if state.restarts >= RESTARTS {
            state.mode = Mode::Paused {
                reason: PauseReason::RestartedOften { times: state.restarts },
            };
        } else if person_first {
            state.mode = Mode::Paused {
                reason: PauseReason::Restarted,
            };
        }
    }
    if let Some(flight) = flight.filter(|flight| !flight.effect.repeatable()) {
        outcome::doubt(state, &flight);
    }
}

/// What people are told about the way from one state to the next.
fn notices(before: &State, after: &State) -> Vec<Notice> {
    let mut notices = Vec::new();
    notices.extend((after.stage > before.stage && after.stage > Stage::Planned).then_some(Notice::StageCompleted { stage: after.stage }));
    let held = |state: &State| {
        state
            .in_doubt
            .as_ref()
            .and_then(|doubt| doubt.held.as_ref().map(|_| doubt.effect_id.clone()))
    };
    if let Some(effect_id) = held(after).filter(|_| held(before).is_none()) {
        notices.push(Notice::NeedsAnswer { effect_id });
    }
    if before.mode != after.mode {
        notices.extend(match (&before.mode, &after.mode) {
            (Mode::RollingBack { .. }, Mode::RollingBack { .. }) => None,
            (_, Mode::Running) => None,
            (_, Mode::Waiting { gate }) => Some(Notice::NeedsSignOff { gate: *gate }),
            (_, Mode::Paused { .. }) => Some(Notice::Paused),
            (_, Mode::Halted { .. }) => Some(Notice::Halted),
            (_, Mode::Resolving { .. }) => None,
            (_, Mode::RollingBack { .. }) => Some(Notice::RollBackBegan),
            (_, Mode::RolledBack) => Some(Notice::RolledBack),
            (_, Mode::Frozen { .. }) => Some(Notice::Frozen),
            (_, Mode::Finished) => Some(Notice::Finished),
        });
    }
    notices
}
