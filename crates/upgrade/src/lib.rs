//! The whole life of an upgrade as one state machine: plan, stages, checks, sign-offs, rollback.
//!
//! PURE: no clock, disk, network, randomness or async. Ids and times arrive inside events; what is to be
//! done leaves as effects that somebody else carries out. State is the fold of the journal's events.
//! The way through: [`step`] takes the state and one event; [`next_effect`] says what is due in a state,
//! so that a restart only has to fold the journal and ask again.
//! A new check is one file in `checks/` and one row in its list; a new stage is one variant in `stage.rs`,
//! and the compiler then names every place that must know it.

pub mod check;
pub mod checks;
mod due;
pub mod effect;
pub mod event;
mod outcome;
pub mod plan;
pub mod refusal;
mod rollback;
pub mod slice;
pub mod stage;
pub mod state;
mod step;
#[cfg(test)]
mod tests;
pub mod words;

pub use check::{CheckId, CheckResult, Counts, Moment, PlannedCheck, Verdict};
pub use checks::{catalog, default_checks};
pub use due::next_effect;
pub use effect::{Effect, EffectId, Finding, Gained, Notice, Outcome, Report, VerifiedRollbackPoint, Written};
pub use event::{Binds, Event};
pub use plan::{Drift, ExpectedChange, GateRule, Irreversible, Person, PersonRole, Plan};
pub use refusal::{StoredProblem, codes};
pub use slice::{Candidate, RecordRef, Slice, SliceName, slices};
pub use stage::{Gate, Mode, Owner, PauseReason, RollBack, Side, Stage, Then};
pub use state::{InDoubt, InFlight, SignOff, StageWork, State, StopHere, Watch};
pub use step::{Step, fold, fold_on, step};
