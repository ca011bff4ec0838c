//! What the machine asks to be done, and what comes back.
//!
//! One effect at a time: its intent is recorded, it is carried out, its outcome is recorded. Never carries
//! money or entries themselves, only names, counts and proofs.

use crate::check::{CheckResult, Moment};
use crate::refusal::StoredProblem;
use crate::slice::SliceName;
use crate::stage::{Gate, Owner, Stage};
use jiff::Timestamp;
use jiff::civil::Date;
use ledger::Money;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name of one effect, given by whoever records its intent; never used twice in one upgrade.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EffectId(pub String);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Read-only probes.
    RunPreflight,
    TakeBackup,
    /// Restore the backup into an empty folder, open it, recompute the totals.
    ProveRestore,
    /// The whole path on the restored copy with recorded records, rollback included.
    Rehearse,
    AskToReauthorize {
        permissions: Vec<String>,
    },
    /// The new connector computes; nothing is posted.
    RunShadow,
    RunChecks {
        moment: Moment,
    },
    /// A verified backup plus the journal position, directly before a write.
    TakeRollbackPoint {
        before: Stage,
    },
    ApplySlice {
        slice: SliceName,
    },
    /// Switch the old connector off for this stream and prove it off.
    Fence {
        stream: String,
    },
    /// Convert what the old connector posted since the plan. Everything is fenced meanwhile.
    Drain,
    GiveTo {
        stream: String,
        owner: Owner,
    },
    Validate,
    Reconcile,
    BeginWatch {
        days: u32,
    },
    /// After Finished: revoke the old access. The only effect that cannot be undone.
    RetireOld,
    /// Remove what the new connector posted in this share and put the old entries back verbatim.
    UndoSlice {
        slice: SliceName,
    },
    RestoreOwner {
        stream: String,
    },
    /// Balances and entries equal the baseline.
    VerifyRollback,
    /// Revoke the access that was granted for the new connector; the old one stays.
    DropNewAccess,
    /// Find out whether an effect happened. Reads only; answered by `EffectResolved`, without an intent.
    Resolve {
        effect_id: EffectId,
    },
    /// Tell people. Without intent or outcome; nothing depends on it.
    Notify {
        notice: Notice,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum Notice {
    StageCompleted { stage: Stage },
    NeedsSignOff { gate: Gate },
    Paused,
    Halted,
    NeedsAnswer { effect_id: EffectId },
    RollBackBegan,
    RolledBack,
    Frozen,
    Finished,
}

impl Effect {
    /// True when the books may be changed by it.
    pub fn writes_books(&self) -> bool {
        match self {
            Effect::ApplySlice { .. } | Effect::Drain | Effect::UndoSlice { .. } => true,
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
            | Effect::RestoreOwner { .. }
            | Effect::VerifyRollback
            | Effect::DropNewAccess
            | Effect::Resolve { .. }
            | Effect::Notify { .. } => false,
        }
    }

    /// True when an interrupted one may simply be done again: it reads, or writes only to our own store.
    /// The others are looked up before anything else happens.
    pub fn repeatable(&self) -> bool {
        match self {
            Effect::RunPreflight
            | Effect::TakeBackup
            | Effect::ProveRestore
            | Effect::Rehearse
            | Effect::AskToReauthorize { .. }
            | Effect::RunShadow
            | Effect::RunChecks { .. }
            | Effect::TakeRollbackPoint { .. }
            | Effect::Validate
            | Effect::Reconcile
            | Effect::BeginWatch { .. }
            | Effect::VerifyRollback
            | Effect::Resolve { .. }
            | Effect::Notify { .. } => true,
            Effect::ApplySlice { .. }
            | Effect::Fence { .. }
            | Effect::Drain
            | Effect::GiveTo { .. }
            | Effect::RetireOld
            | Effect::UndoSlice { .. }
            | Effect::RestoreOwner { .. }
            | Effect::DropNewAccess => false,
        }
    }

    /// True for every effect that has to be announced by `IntentRecorded`.
    pub fn needs_intent(&self) -> bool {
        !matches!(self, Effect::Resolve { .. } | Effect::Notify { .. })
    }
}

/// A backup that was restored and proved, and the journal position it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedRollbackPoint {
    pub id: String,
    /// The snapshot's id in the backup repository.
    pub backup: String,
    pub journal_position: u64,
    pub taken_at: Timestamp,
    pub verified_at: Timestamp,
}

/// What one effect wrote to the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    pub movements: u64,
    /// Entries of the new connector now in the books.
    pub entries_posted: u64,
    /// Entries of the old connector taken out; kept to be put back verbatim.
    pub entries_removed: u64,
    /// Size of the movements, as shown to people.
    pub amount: Money,
}

/// The proof that a completed effect brings with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "gained", rename_all = "snake_case")]
pub enum Gained {
    Nothing,
    /// By `TakeRollbackPoint`.
    RollbackPoint {
        point: VerifiedRollbackPoint,
    },
    /// By `ApplySlice` and `Drain`: what this run of the effect wrote (not what earlier runs did).
    Written {
        written: Written,
    },
    /// By `AskToReauthorize`: the new access is stored and proved.
    NewAccess {
        company: String,
        permissions: Vec<String>,
    },
    /// By `BeginWatch`: the first day, in the business's time zone.
    WatchFrom {
        date: Date,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub checks: Vec<CheckResult>,
    /// Anything worth showing or comparing later: "duration_ms", "records", "backup".
    pub facts: BTreeMap<String, String>,
    pub gained: Gained,
}

impl Report {
    pub fn plain() -> Report {
        Report {
            checks: Vec::new(),
            facts: BTreeMap::new(),
            gained: Gained::Nothing,
        }
    }

    pub fn of_checks(checks: Vec<CheckResult>) -> Report {
        Report { checks, ..Report::plain() }
    }

    pub fn gaining(mut self, gained: Gained) -> Report {
        self.gained = gained;
        self
    }

    pub fn fact(mut self, name: impl Into<String>, value: impl Into<String>) -> Report {
        self.facts.insert(name.into(), value.into());
        self
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It ran to its end. Whether that is good is for its checks to say.
    Done { report: Report },
    /// It did not run to its end. `left` is what it nevertheless wrote to the books. A problem that touched
    /// `Unknown` makes the effect one in doubt.
    Failed { problem: StoredProblem, left: Option<Written> },
    /// It stopped on request at a safe point.
    Stopped { left: Option<Written> },
}

/// What was found out about an effect in doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// It happened, wholly.
    Done { report: Report },
    /// A part of it happened; it will be taken up again.
    Partly { left: Written },
    /// It did not happen.
    Absent,
    /// Not to be found out by looking; a person has to answer.
    Unknown { why: String },
}
