//! Stages, modes, owners and gates: where an upgrade stands.
//!
//! Never decides anything about events (that is `step.rs`). A new stage is one variant here.

use crate::check::CheckId;
use crate::plan::Person;
use crate::refusal::StoredProblem;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The last stage that was completed. Order is the order of the upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Stage {
    Draft,
    Planned,
    Preflight,
    BackedUp,
    RestoreVerified,
    Rehearsed,
    Reauthorized,
    Shadowed,
    Canary,
    /// Waves count from 1.
    Wave(u32),
    CutOver,
    Validated,
    Reconciled,
    /// The billing cycle of daily reconciliation is over.
    Watching,
    Finished,
}

impl Stage {
    /// The stored name: "backed_up", "wave_2".
    pub fn name(self) -> String {
        match self {
            Stage::Draft => "draft".into(),
            Stage::Planned => "planned".into(),
            Stage::Preflight => "preflight".into(),
            Stage::BackedUp => "backed_up".into(),
            Stage::RestoreVerified => "restore_verified".into(),
            Stage::Rehearsed => "rehearsed".into(),
            Stage::Reauthorized => "reauthorized".into(),
            Stage::Shadowed => "shadowed".into(),
            Stage::Canary => "canary".into(),
            Stage::Wave(number) => format!("wave_{number}"),
            Stage::CutOver => "cut_over".into(),
            Stage::Validated => "validated".into(),
            Stage::Reconciled => "reconciled".into(),
            Stage::Watching => "watching".into(),
            Stage::Finished => "finished".into(),
        }
    }

    /// The stage after this one in a plan with so many waves; None after Finished.
    pub fn next(self, waves: u32) -> Option<Stage> {
        match self {
            Stage::Draft => Some(Stage::Planned),
            Stage::Planned => Some(Stage::Preflight),
            Stage::Preflight => Some(Stage::BackedUp),
            Stage::BackedUp => Some(Stage::RestoreVerified),
            Stage::RestoreVerified => Some(Stage::Rehearsed),
            Stage::Rehearsed => Some(Stage::Reauthorized),
            Stage::Reauthorized => Some(Stage::Shadowed),
            Stage::Shadowed => Some(Stage::Canary),
            Stage::Canary if waves > 0 => Some(Stage::Wave(1)),
            Stage::Canary => Some(Stage::CutOver),
            Stage::Wave(number) if number < waves => Some(Stage::Wave(number + 1)),
            Stage::Wave(_) => Some(Stage::CutOver),
            Stage::CutOver => Some(Stage::Validated),
            Stage::Validated => Some(Stage::Reconciled),
            Stage::Reconciled => Some(Stage::Watching),
            Stage::Watching => Some(Stage::Finished),
            Stage::Finished => None,
        }
    }

    /// Every stage of a plan with so many waves, in order, Draft first.
    pub fn all(waves: u32) -> Vec<Stage> {
        std::iter::successors(Some(Stage::Draft), |stage| stage.next(waves)).collect()
    }

    /// True for the stages that write to the books.
    pub fn writes(self) -> bool {
        match self {
            Stage::Canary | Stage::Wave(_) | Stage::CutOver => true,
            Stage::Draft
            | Stage::Planned
            | Stage::Preflight
            | Stage::BackedUp
            | Stage::RestoreVerified
            | Stage::Rehearsed
            | Stage::Reauthorized
            | Stage::Shadowed
            | Stage::Validated
            | Stage::Reconciled
            | Stage::Watching
            | Stage::Finished => false,
        }
    }

    /// The gate in front of this stage, if any.
    pub fn gate(self) -> Option<Gate> {
        match self {
            Stage::Preflight => Some(Gate::Start),
            Stage::Canary => Some(Gate::BeforeCanary),
            Stage::Wave(1) => Some(Gate::AfterCanary),
            Stage::CutOver => Some(Gate::BeforeCutOver),
            Stage::Finished => Some(Gate::BeforeFinish),
            Stage::Draft
            | Stage::Planned
            | Stage::BackedUp
            | Stage::RestoreVerified
            | Stage::Rehearsed
            | Stage::Reauthorized
            | Stage::Shadowed
            | Stage::Wave(_)
            | Stage::Validated
            | Stage::Reconciled
            | Stage::Watching => None,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl FromStr for Stage {
    type Err = String;
    fn from_str(text: &str) -> Result<Stage, String> {
        if let Some(number) = text
            .strip_prefix("wave_")
            .and_then(|number| number.parse::<u32>().ok())
            .filter(|number| *number > 0)
        {
            return Ok(Stage::Wave(number));
        }
        Stage::all(0)
            .into_iter()
            .find(|stage| stage.name() == text)
            .ok_or_else(|| format!("\"{text}\" is not a stage"))
    }
}

impl TryFrom<String> for Stage {
    type Error = String;
    fn try_from(text: String) -> Result<Stage, String> {
        text.parse()
    }
}

impl From<Stage> for String {
    fn from(stage: Stage) -> String {
        stage.name()
    }
}

/// Who may post the new arrivals of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    Old,
    /// Nobody may post.
    Fenced,
    New,
}

impl Owner {
    /// A stream never goes from one writer to the other without having been fenced.
    pub fn may_become(self, next: Owner) -> bool {
        match (self, next) {
            (Owner::Old, Owner::Fenced) | (Owner::Fenced, Owner::New) | (Owner::Fenced, Owner::Old) | (Owner::New, Owner::Fenced) => true,
            (Owner::Old, Owner::Old | Owner::New) | (Owner::Fenced, Owner::Fenced) | (Owner::New, Owner::New | Owner::Old) => false,
        }
    }

    pub fn writer(self) -> Option<Side> {
        match self {
            Owner::Old => Some(Side::Old),
            Owner::Fenced => None,
            Owner::New => Some(Side::New),
        }
    }
}

/// One of the two connectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Old,
    New,
}

/// A question that a person answers before the upgrade goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Start with this plan.
    Start,
    /// After the shadow run, before the first write.
    BeforeCanary,
    /// After the canary, before the larger shares.
    AfterCanary,
    BeforeCutOver,
    /// Before the only step that cannot be undone.
    BeforeFinish,
}

impl Gate {
    pub const ALL: &'static [Gate] = &[
        Gate::Start,
        Gate::BeforeCanary,
        Gate::AfterCanary,
        Gate::BeforeCutOver,
        Gate::BeforeFinish,
    ];
}

/// Whether the upgrade moves, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum Mode {
    Running,
    /// Waiting for a person's sign-off.
    Waiting {
        gate: Gate,
    },
    /// No effect begins until somebody resumes.
    Paused {
        reason: PauseReason,
    },
    /// A check failed. Mend the cause and resume (the check runs again), or roll back.
    Halted {
        checks: Vec<CheckId>,
    },
    /// It is being found out whether an effect happened; nothing else begins before that is known.
    Resolving {
        then: Then,
    },
    RollingBack {
        work: RollBack,
    },
    RolledBack,
    /// Going back failed repeatedly: a person is needed. The first problem is kept.
    Frozen {
        problem: StoredProblem,
        work: RollBack,
    },
    /// Everything is done, cleaning up included.
    Finished,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum PauseReason {
    Asked {
        by: Person,
        reason: String,
    },
    /// Checks that did not run to their end, or were missing.
    Inconclusive {
        checks: Vec<CheckId>,
    },
    /// An effect failed; the problem says what was touched.
    Problem {
        problem: StoredProblem,
    },
    /// The program ended in a stage that writes; a person looks first.
    Restarted,
    /// The program ended several times without completing anything.
    RestartedOften {
        times: u32,
    },
    /// The effect stopped half-way on its own account, for example because the program was closed.
    Stopped,
}

/// What follows once every effect in doubt is resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "then", rename_all = "snake_case")]
pub enum Then {
    GoOn,
    Pause { reason: PauseReason },
    RollBack { work: RollBack },
}

/// A rollback under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollBack {
    pub by: Person,
    pub reason: String,
    /// Failed attempts of the present step.
    pub failures: u32,
    /// The problem that came first; later ones never take its place.
    pub first_problem: Option<StoredProblem>,
    /// Set once the books were proved equal to the baseline.
    pub verified: bool,
}
