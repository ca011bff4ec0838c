//! What a person reads about an upgrade, in English: for the terminal, the log and error texts.
//!
//! Full sentences, the number and the day first. The window has its own message files.

use crate::effect::Effect;
use crate::plan::{PersonRole, Plan};
use crate::refusal::StoredProblem;
use crate::slice::SliceName;
use crate::stage::{Gate, Mode, PauseReason, Stage, Then};
use crate::state::{State, StopHere};
use ledger::Problem;

pub fn role(role: PersonRole) -> &'static str {
    match role {
        PersonRole::Owner => "owner",
        PersonRole::Bookkeeper => "bookkeeper",
        PersonRole::Accountant => "accountant",
    }
}

impl Stage {
    /// The stepper's word for the stage.
    pub fn title(self) -> String {
        match self {
            Stage::Draft => "Take stock".into(),
            Stage::Planned => "Plan".into(),
            Stage::Preflight => "Ready?".into(),
            Stage::BackedUp => "Backup".into(),
            Stage::RestoreVerified => "Restore proved".into(),
            Stage::Rehearsed => "Rehearsal".into(),
            Stage::Reauthorized => "Reconnect".into(),
            Stage::Shadowed => "Shadow run".into(),
            Stage::Canary => "Canary".into(),
            Stage::Wave(number) => format!("Wave {number}"),
            Stage::CutOver => "Cut over".into(),
            Stage::Validated => "Validate".into(),
            Stage::Reconciled => "Reconcile".into(),
            Stage::Watching => "Watch".into(),
            Stage::Finished => "Finish".into(),
        }
    }

    /// The same, with what the plan says about it: "Canary · 12 payments, 1,204.10 USD".
    pub fn title_in(self, plan: &Plan) -> String {
        let share = match self {
            Stage::Canary => plan.slice(SliceName::Canary),
            Stage::Wave(number) => plan.slice(SliceName::Wave(number)),
            Stage::Watching => return format!("Watch · {} days", plan.watch_days),
            Stage::Draft
            | Stage::Planned
            | Stage::Preflight
            | Stage::BackedUp
            | Stage::RestoreVerified
            | Stage::Rehearsed
            | Stage::Reauthorized
            | Stage::Shadowed
            | Stage::CutOver
            | Stage::Validated
            | Stage::Reconciled
            | Stage::Finished => None,
        };
        let title = match self {
            Stage::Wave(1) if plan.waves() == 2 => "First half".to_string(),
            Stage::Wave(2) if plan.waves() == 2 => "The rest".to_string(),
            Stage::Draft
            | Stage::Planned
            | Stage::Preflight
            | Stage::BackedUp
            | Stage::RestoreVerified
            | Stage::Rehearsed
            | Stage::Reauthorized
            | Stage::Shadowed
            | Stage::Canary
            | Stage::Wave(_)
            | Stage::CutOver
            | Stage::Validated
            | Stage::Reconciled
            | Stage::Watching
            | Stage::Finished => self.title(),
        };
        match share {
            None => title,
            Some(share) => {
                let day = share.day.map(|day| format!(" of {day}")).unwrap_or_default();
                format!("{title} · {}{day}, {}", counted(share.count, "movement"), share.amount)
            }
        }
    }
}

/// A short clause: "paused", "waiting for a yes".
pub fn mode(mode: &Mode) -> &'static str {
    match mode {
        Mode::Running => "running",
        Mode::Waiting { .. } => "waiting for a yes",
        Mode::Paused { .. } => "paused",
        Mode::Halted { .. } => "halted by a check",
        Mode::Resolving { .. } => "finding out what happened",
        Mode::RollingBack { .. } => "rolling back",
        Mode::RolledBack => "rolled back",
        Mode::Frozen { .. } => "stuck while rolling back",
        Mode::Finished => "finished",
    }
}

/// One sentence for the head of the page: why it stands, and what moves it on.
pub fn mode_sentence(mode: &Mode) -> String {
    match mode {
        Mode::Running => "The upgrade is running.".into(),
        Mode::Waiting { gate: _ } => "The upgrade waits for a yes.".into(),
        Mode::Paused { reason } => pause_sentence(reason),
        Mode::Halted { checks } => {
            let names: Vec<String> = checks.iter().map(|check| format!("\"{}\"", check.title())).collect();
            format!(
                "Halted: {} did not pass. Mend the cause and check again, or roll back.",
                names.join(", ")
            )
        }
        Mode::Resolving { then } => match then {
            Then::GoOn => "Finding out whether the last step happened; then the upgrade goes on.".into(),
            Then::Pause { .. } => "Finding out whether the last step happened; then the upgrade waits for you.".into(),
            Then::RollBack { .. } => "Finding out whether the last step happened; then the upgrade is rolled back.".into(),
        },
        Mode::RollingBack { work } => format!("Rolling back, as {} asked: {}.", work.by.name, work.reason),
        Mode::RolledBack => "Rolled back. The books are as they were.".into(),
        Mode::Frozen { problem, .. } => format!("Rolling back does not get on. A person is needed: {}", problem.what),
        Mode::Finished => "Finished.".into(),
    }
}

fn pause_sentence(reason: &PauseReason) -> String {
    let problem_line = |problem: &StoredProblem| format!("Paused: {} {}", problem.what, problem.next);
    match reason {
        PauseReason::Asked { by, reason } if reason.is_empty() => format!("Paused by {}.", by.name),
        PauseReason::Asked { by, reason } => format!("Paused by {}: {reason}.", by.name),
        PauseReason::Inconclusive { checks } => {
            let names: Vec<String> = checks.iter().map(|check| format!("\"{}\"", check.title())).collect();
            format!("Paused: it could not be found out about {}. Go on to ask again.", names.join(", "))
        }
        PauseReason::Problem { problem } => problem_line(problem),
        PauseReason::Restarted => {
            "Paused: the program ended while the books were being changed. What happened is known now; go on or roll back.".into()
        }
        PauseReason::RestartedOften { times } => {
            format!("Paused: the program ended {times} times without getting on. Go on, or roll back.")
        }
        PauseReason::Stopped => "Paused: the step stopped at a safe point before its end. Go on to continue it.".into(),
    }
}

/// What is being done, for a progress line.
pub fn effect(effect: &Effect) -> String {
    match effect {
        Effect::RunPreflight => "Checking whether everything is ready".into(),
        Effect::TakeBackup => "Taking a backup".into(),
        Effect::ProveRestore => "Restoring the backup into an empty folder and comparing totals".into(),
        Effect::Rehearse => "Rehearsing the whole upgrade on the restored copy, going back included".into(),
        Effect::AskToReauthorize { permissions } => {
            format!("Asking for {} in the browser", counted(permissions.len() as u64, "permission"))
        }
        Effect::RunShadow => "Comparing what both connectors would post".into(),
        Effect::RunChecks { .. } => "Running the checks".into(),
        Effect::TakeRollbackPoint { .. } => "Taking a rollback point and proving it".into(),
        Effect::ApplySlice { slice } => format!("Posting the {}", slice_words(*slice)),
        Effect::Fence { stream } => format!("Fencing off {stream}"),
        Effect::Drain => "Converting what arrived in the meantime".into(),
        Effect::GiveTo { stream, owner } => match owner {
            crate::stage::Owner::New => format!("Handing {stream} to the new connector"),
            crate::stage::Owner::Old => format!("Handing {stream} to the old connector"),
            crate::stage::Owner::Fenced => format!("Fencing off {stream}"),
        },
        Effect::Validate => "Validating".into(),
        Effect::Reconcile => "Reconciling to the cent".into(),
        Effect::BeginWatch { days } => format!("Beginning to watch for {days} days"),
        Effect::RetireOld => "Retiring the old access".into(),
        Effect::UndoSlice { slice } => format!("Taking back the {}", slice_words(*slice)),
        Effect::RestoreOwner { stream } => format!("Handing {stream} back to the old connector"),
        Effect::VerifyRollback => "Proving that the books are as they were".into(),
        Effect::DropNewAccess => "Giving the new access back".into(),
        Effect::Resolve { .. } => "Finding out whether the last step happened".into(),
        Effect::Notify { .. } => "Telling people".into(),
    }
}

fn slice_words(slice: SliceName) -> String {
    match slice {
        SliceName::Canary => "canary".into(),
        SliceName::Wave(number) => format!("movements of wave {number}"),
        SliceName::Arrivals => "movements that arrived in the meantime".into(),
        SliceName::AfterCutOver => "movements since the cut-over".into(),
    }
}

/// What a person is asked at a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateText {
    /// "Go on to the canary?"
    pub question: String,
    /// What will follow, in numbers.
    pub follows: String,
    /// What happens when they stop instead.
    pub if_you_stop: String,
    /// What cannot be undone from here on; empty when everything can.
    pub irreversible: Vec<String>,
    /// "Needs a yes from: the owner"
    pub signers: String,
}

/// Errors: `E-UPGRADE-NO-PLAN`, `E-MONEY-OVERFLOW`.
pub fn gate(state: &State, gate: Gate) -> Result<GateText, Problem> {
    let plan = state.plan.as_ref().ok_or_else(crate::step::no_plan)?;
    let share = |name: SliceName| {
        plan.slice(name)
            .map(|slice| format!("{}, {}", counted(slice.count, "movement"), slice.amount))
    };
    let later = plan
        .slices
        .iter()
        .filter(|slice| slice.name != SliceName::Canary)
        .map(|slice| slice.count)
        .sum::<u64>();
    let (question, follows) = match gate {
        Gate::Start => (
            "Start with this plan?".to_string(),
            "First come checks, a backup, its proof and a rehearsal on a copy. Nothing is written to the books before you say yes again."
                .to_string(),
        ),
        Gate::BeforeCanary => (
            "Post the canary?".to_string(),
            format!(
                "The new connector posts {} in the place of the old entries.",
                share(SliceName::Canary).unwrap_or_else(|| "the first movements".into())
            ),
        ),
        Gate::AfterCanary => (
            "Go on to the first wave?".to_string(),
            format!(
                "{} will follow in {}.",
                counted(later, "movement"),
                counted(u64::from(plan.waves()), "wave")
            ),
        ),
        Gate::BeforeCutOver => (
            "Cut over?".to_string(),
            format!(
                "The old connector is switched off for {} and the new one takes over. It can still be undone.",
                counted(plan.streams.len() as u64, "stream")
            ),
        ),
        Gate::BeforeFinish => (
            "Finish?".to_string(),
            "The old access is retired. This is the only step that cannot be undone.".to_string(),
        ),
    };
    let rule = plan.gate_rule(gate);
    let needed = if plan.single_person { 1 } else { rule.people };
    let signers = match needed {
        1 => format!("Needs a yes from: the {}", role(rule.role)),
        more => format!("Needs a yes from {more} people, one of them the {}", role(rule.role)),
    };
    Ok(GateText {
        question,
        follows,
        if_you_stop: state.stop_here()?.sentence(),
        irreversible: plan
            .irreversible
            .iter()
            .filter(|item| item.gate <= gate)
            .map(|item| item.text.clone())
            .collect(),
        signers,
    })
}

impl StopHere {
    /// "If you stop here: 12 entries are removed, 12 old ones are put back, nothing else changes."
    pub fn sentence(&self) -> String {
        match (self.entries, self.put_back) {
            (0, 0) => "If you stop here: nothing was written, nothing changes.".into(),
            (entries, 0) => format!(
                "If you stop here: {} ({}) are removed, nothing else changes.",
                counted_entries(entries),
                self.amount
            ),
            (entries, back) => format!(
                "If you stop here: {} ({}) are removed, {} of the old connector put back, nothing else changes.",
                counted_entries(entries),
                self.amount,
                counted_entries(back)
            ),
        }
    }
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}

fn counted_entries(count: u64) -> String {
    if count == 1 { "1 entry".into() } else { format!("{count} entries") }
}
