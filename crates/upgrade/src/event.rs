//! The events that the journal keeps about an upgrade, and their stored form.
//!
//! An unknown format or kind is refused by name, never skipped. A new kind is one variant and one row in `KINDS`.

use crate::check::CheckResult;
use crate::effect::{Effect, EffectId, Finding, Outcome, Written};
use crate::plan::{Person, Plan};
use crate::refusal::{E_EVENT_FORMAT, E_EVENT_UNKNOWN, StoredProblem};
use crate::stage::{Gate, Side, Stage};
use jiff::Timestamp;
use jiff::civil::Date;
use ledger::{Problem, Retry};
use serde::{Deserialize, Serialize};

/// What a sign-off is bound to; any change of one of these voids it. Hashes are SHA-256 in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binds {
    pub plan_hash: String,
    pub state_hash: String,
    pub check_results_hash: String,
    pub residue_hash: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body", rename_all = "snake_case")]
pub enum Event {
    /// A plan, or a better one while the upgrade has not started.
    PlanMade {
        plan: Box<Plan>,
        at: Timestamp,
    },
    /// A yes at a gate. `Gate::Start` starts the upgrade.
    SignedOff {
        gate: Gate,
        by: Person,
        binds: Binds,
        at: Timestamp,
    },
    /// Written before the first byte of the effect leaves.
    IntentRecorded {
        effect_id: EffectId,
        effect: Effect,
        at: Timestamp,
    },
    /// Written before anything depends on it.
    EffectDone {
        effect_id: EffectId,
        outcome: Outcome,
        at: Timestamp,
    },
    /// No answer came: it may or may not have happened.
    EffectInDoubt {
        effect_id: EffectId,
        why: StoredProblem,
        at: Timestamp,
    },
    /// `by` when a person answered.
    EffectResolved {
        effect_id: EffectId,
        finding: Finding,
        by: Option<Person>,
        at: Timestamp,
    },
    PauseRequested {
        by: Person,
        reason: String,
        at: Timestamp,
    },
    ResumeRequested {
        by: Person,
        at: Timestamp,
    },
    RollBackRequested {
        by: Person,
        reason: String,
        at: Timestamp,
    },
    /// Run again from this stage, as long as nothing has been written.
    RepeatRequested {
        from: Stage,
        by: Person,
        reason: String,
        at: Timestamp,
    },
    /// One day of the watch, reconciled.
    WatchDay {
        date: Date,
        checks: Vec<CheckResult>,
        at: Timestamp,
    },
    /// Day-to-day posting by a connector while the upgrade is open. Refused unless that side owns the stream.
    BooksWritten {
        stream: String,
        by: Side,
        written: Written,
        at: Timestamp,
    },
    /// The program started anew and read the journal.
    Restarted {
        at: Timestamp,
    },
}

/// The only stored format so far.
pub const FORMAT: u32 = 1;

/// Every kind this version can read.
pub const KINDS: &[&str] = &[
    "plan_made",
    "signed_off",
    "intent_recorded",
    "effect_done",
    "effect_in_doubt",
    "effect_resolved",
    "pause_requested",
    "resume_requested",
    "roll_back_requested",
    "repeat_requested",
    "watch_day",
    "books_written",
    "restarted",
];

impl Event {
    /// The stored kind, for the journal's own column.
    pub fn kind(&self) -> &'static str {
        match self {
            Event::PlanMade { .. } => "plan_made",
            Event::SignedOff { .. } => "signed_off",
            Event::IntentRecorded { .. } => "intent_recorded",
            Event::EffectDone { .. } => "effect_done",
            Event::EffectInDoubt { .. } => "effect_in_doubt",
            Event::EffectResolved { .. } => "effect_resolved",
            Event::PauseRequested { .. } => "pause_requested",
            Event::ResumeRequested { .. } => "resume_requested",
            Event::RollBackRequested { .. } => "roll_back_requested",
            Event::RepeatRequested { .. } => "repeat_requested",
            Event::WatchDay { .. } => "watch_day",
            Event::BooksWritten { .. } => "books_written",
            Event::Restarted { .. } => "restarted",
        }
    }

    pub fn at(&self) -> Timestamp {
        match self {
            Event::PlanMade { at, .. }
            | Event::SignedOff { at, .. }
            | Event::IntentRecorded { at, .. }
            | Event::EffectDone { at, .. }
            | Event::EffectInDoubt { at, .. }
            | Event::EffectResolved { at, .. }
            | Event::PauseRequested { at, .. }
            | Event::ResumeRequested { at, .. }
            | Event::RollBackRequested { at, .. }
            | Event::RepeatRequested { at, .. }
            | Event::WatchDay { at, .. }
            | Event::BooksWritten { at, .. }
            | Event::Restarted { at } => *at,
        }
    }

    /// The stored form: `{"format":1,"kind":"…","body":{…}}`.
    /// Errors: `E-EVENT-FORMAT` (an event that cannot be written as JSON; none known).
    pub fn to_stored(&self) -> Result<serde_json::Value, Problem> {
        let mut value = serde_json::to_value(self).map_err(|error| unreadable(format!("It cannot be written: {error}.")))?;
        match value.as_object_mut() {
            Some(object) => {
                object.insert("format".into(), FORMAT.into());
                Ok(value)
            }
            None => Err(unreadable("It is not a JSON object.".into())),
        }
    }

    /// Reads what [`Event::to_stored`] wrote. Errors: `E-EVENT-FORMAT`, `E-EVENT-UNKNOWN`.
    pub fn from_stored(stored: &serde_json::Value) -> Result<Event, Problem> {
        let format = stored.get("format").and_then(serde_json::Value::as_u64);
        if format != Some(u64::from(FORMAT)) {
            let found = stored.get("format").map_or("none".to_string(), |found| found.to_string());
            return Err(unreadable(format!("Its format is {found}; this version reads format {FORMAT}.")));
        }
        let kind = stored.get("kind").and_then(serde_json::Value::as_str).unwrap_or("");
        if !KINDS.contains(&kind) {
            return Err(Problem::new(
                E_EVENT_UNKNOWN,
                format!("The upgrade's journal holds a record of the unknown kind \"{kind}\"."),
                "It was probably written by a newer version of Changeover; leaving it out could repeat or lose a step.",
                "Open this upgrade with the version of Changeover that wrote it, or a newer one.",
            )
            .retrying(Retry::AfterFix));
        }
        let mut plain = stored.clone();
        if let Some(object) = plain.as_object_mut() {
            object.remove("format");
        }
        serde_json::from_value(plain).map_err(|error| unreadable(format!("A record of kind \"{kind}\" says: {error}.")))
    }
}

fn unreadable(why: String) -> Problem {
    Problem::new(
        E_EVENT_FORMAT,
        "A record of the upgrade's journal cannot be read.",
        why,
        "Verify the log; if it is whole, open this upgrade with the version of Changeover that wrote it.",
    )
    .retrying(Retry::AfterFix)
}
