//! The state of one upgrade: the fold of its events.
//!
//! Read by everybody, changed by `step` only. Everything a view shows about an upgrade comes from here.

use crate::check::CheckResult;
use crate::effect::{Effect, EffectId, VerifiedRollbackPoint, Written};
use crate::event::Binds;
use crate::plan::{Person, Plan, digest};
use crate::refusal::{StoredProblem, not_now};
use crate::slice::SliceName;
use crate::stage::{Gate, Mode, Owner, Side, Stage};
use jiff::Timestamp;
use jiff::civil::Date;
use ledger::{Currency, Money, Problem};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub plan: Option<Plan>,
    /// The last stage completed.
    pub stage: Stage,
    /// The stage under way; None while waiting at a gate and at the ends.
    pub doing: Option<StageWork>,
    pub mode: Mode,
    pub owners: BTreeMap<String, Owner>,
    /// The one effect under way.
    pub in_flight: Option<InFlight>,
    /// The effect of which it is not known whether it happened. There is never more than one.
    pub in_doubt: Option<InDoubt>,
    pub rollback_point: Option<VerifiedRollbackPoint>,
    /// What the books hold of each share.
    pub written: BTreeMap<SliceName, Written>,
    /// Shares for which a write was at least begun; a rollback undoes all of these.
    pub attempted: BTreeSet<SliceName>,
    /// The latest results of each stage; Finished holds those asked before finishing.
    pub checks: BTreeMap<Stage, Vec<CheckResult>>,
    pub rollback_checks: Vec<CheckResult>,
    pub rollback_facts: BTreeMap<String, String>,
    /// What each stage reported.
    pub facts: BTreeMap<Stage, BTreeMap<String, String>>,
    pub completed: BTreeMap<Stage, Timestamp>,
    pub sign_offs: Vec<SignOff>,
    pub watch: Option<Watch>,
    /// The new connector's own access exists.
    pub new_access: bool,
    /// The old access was revoked, after Finished.
    pub retired: bool,
    /// Starts of the program since an effect was last completed.
    pub restarts: u32,
    /// Problems met on the way, oldest first; nothing is ever taken out.
    pub problems: Vec<StoredProblem>,
    pub used_ids: BTreeSet<EffectId>,
    /// Events folded so far. Order in the journal, not the clock, says what is younger.
    pub events: u64,
    /// Event number of the last write to the books that may have happened.
    pub last_write: Option<u64>,
    /// Event number at which the rollback point was begun.
    pub rollback_point_begun: Option<u64>,
}

/// The stage under way and how far it got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageWork {
    pub stage: Stage,
    /// Index of the next effect in the stage's list.
    pub at_effect: u32,
    pub began: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InFlight {
    pub effect_id: EffectId,
    pub effect: Effect,
    pub since: Timestamp,
    /// Event number of its intent.
    pub begun: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InDoubt {
    pub effect_id: EffectId,
    pub effect: Effect,
    pub since: Timestamp,
    /// Event number of its intent.
    pub begun: u64,
    /// Looking did not tell; a person has to answer.
    pub held: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignOff {
    pub gate: Gate,
    pub by: Person,
    pub binds: Binds,
    pub at: Timestamp,
    /// One person signed where the rule would ask for more.
    pub single: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    pub from: Date,
    /// The first day on which the watch may end.
    pub until: Date,
    /// Each day reconciled, with its number of passed checks.
    pub days: BTreeMap<Date, u32>,
}

/// What going back from here would do to the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopHere {
    /// Entries of the new connector that are removed.
    pub entries: u64,
    /// Entries of the old connector that are put back.
    pub put_back: u64,
    pub amount: Money,
}

impl Default for State {
    fn default() -> State {
        State {
            plan: None,
            stage: Stage::Draft,
            doing: None,
            mode: Mode::Running,
            owners: BTreeMap::new(),
            in_flight: None,
            in_doubt: None,
            rollback_point: None,
            written: BTreeMap::new(),
            attempted: BTreeSet::new(),
            checks: BTreeMap::new(),
            rollback_checks: Vec::new(),
            rollback_facts: BTreeMap::new(),
            facts: BTreeMap::new(),
            completed: BTreeMap::new(),
            sign_offs: Vec::new(),
            watch: None,
            new_access: false,
            retired: false,
            restarts: 0,
            problems: Vec::new(),
            used_ids: BTreeSet::new(),
            events: 0,
            last_write: None,
            rollback_point_begun: None,
        }
    }
}

impl State {
    /// The gate at which the upgrade waits.
    pub fn gate(&self) -> Option<Gate> {
        match &self.mode {
            Mode::Waiting { gate } => Some(*gate),
            Mode::Running
            | Mode::Paused { .. }
            | Mode::Halted { .. }
            | Mode::Resolving { .. }
            | Mode::RollingBack { .. }
            | Mode::RolledBack
            | Mode::Frozen { .. }
            | Mode::Finished => None,
        }
    }

    /// Who may post a stream's new arrivals now; None while it is fenced. A stream that the upgrade does not
    /// know has no writer either.
    pub fn writer(&self, stream: &str) -> Option<Side> {
        self.owners.get(stream).and_then(|owner| owner.writer())
    }

    /// Whether day-to-day posting of this stream by this connector may begin now.
    /// Errors: `E-OWNER-CONFLICT` (not the owner, or fenced), `E-UPGRADE-NOT-NOW` (a write is in doubt or under way,
    /// or the upgrade is going back).
    pub fn may_post(&self, stream: &str, by: Side) -> Result<(), Problem> {
        crate::step::owns(self, stream, by)?;
        let why = if self.in_doubt.is_some() {
            "It is still being found out whether an earlier write happened."
        } else if self.in_flight.as_ref().is_some_and(|flight| !flight.effect.repeatable()) {
            "The upgrade is changing the books at this moment."
        } else if matches!(self.mode, Mode::RollingBack { .. } | Mode::Frozen { .. }) {
            "The upgrade is being rolled back."
        } else {
            return Ok(());
        };
        Err(not_now("Posting new payments", why))
    }

    /// True when the effect under way should stop at its next safe point, because somebody paused or rolled back.
    pub fn must_stop(&self) -> bool {
        let Some(flight) = &self.in_flight else { return false };
        match &self.mode {
            Mode::Running | Mode::Resolving { .. } => false,
            Mode::RollingBack { .. } => !crate::rollback::belongs(&flight.effect),
            Mode::Waiting { .. } | Mode::Paused { .. } | Mode::Halted { .. } | Mode::RolledBack | Mode::Frozen { .. } | Mode::Finished => {
                true
            }
        }
    }

    /// True when nothing will happen any more.
    pub fn is_over(&self) -> bool {
        matches!(self.mode, Mode::RolledBack | Mode::Finished)
    }

    /// True as long as going back is possible.
    pub fn can_roll_back(&self) -> bool {
        self.plan.is_some() && self.stage != Stage::Finished && !matches!(self.mode, Mode::RolledBack)
    }

    /// A rollback point that is younger than every write.
    pub fn fresh_rollback_point(&self) -> Option<&VerifiedRollbackPoint> {
        let begun = self.rollback_point_begun?;
        self.rollback_point
            .as_ref()
            .filter(|_| self.last_write.is_none_or(|write| begun > write))
    }

    /// What a sign-off given now would be bound to; None without a plan.
    pub fn binds(&self) -> Option<Binds> {
        let plan = self.plan.as_ref()?;
        // Day-to-day arrivals go on while somebody reads; they are not what is signed.
        let shares: Vec<(&SliceName, &Written)> = self
            .written
            .iter()
            .filter(|(slice, _)| **slice != SliceName::AfterCutOver)
            .collect();
        let attempted: Vec<&SliceName> = self.attempted.iter().filter(|slice| **slice != SliceName::AfterCutOver).collect();
        Some(Binds {
            plan_hash: plan.plan_hash(),
            state_hash: digest(&(
                &self.stage,
                &self.owners,
                &shares,
                &attempted,
                &self.in_doubt,
                &self.watch,
                &self.completed,
            )),
            check_results_hash: digest(&self.checks),
            residue_hash: digest(&(&plan.irreversible, &shares)),
        })
    }

    /// What going back from here would do. Errors: `E-UPGRADE-NO-PLAN`, `E-MONEY-OVERFLOW`.
    pub fn stop_here(&self) -> Result<StopHere, Problem> {
        let currency: Currency = self.plan.as_ref().ok_or_else(crate::step::no_plan)?.currency;
        let mut all = StopHere {
            entries: 0,
            put_back: 0,
            amount: Money::zero(currency),
        };
        for written in self.written.values() {
            all.entries = all.entries.saturating_add(written.entries_posted);
            all.put_back = all.put_back.saturating_add(written.entries_removed);
            all.amount = all.amount.plus(written.amount)?;
        }
        Ok(all)
    }
}
