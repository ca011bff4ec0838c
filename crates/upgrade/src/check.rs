//! A check's verdict in numbers, and when which check has to have run.
//!
//! A check passes only if it ran to its end on the present state. Missing counts as inconclusive.

pub use crate::checks::CheckId;
use crate::stage::Stage;
use ledger::Money;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    NotApplicable,
    /// It could not be found out. Never treated as a pass: it pauses.
    Inconclusive,
    /// Halts the upgrade.
    Fail,
}

/// How many things were looked at, and how many of them were wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub looked_at: u64,
    pub expected: u64,
    pub wrong: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    pub id: CheckId,
    pub verdict: Verdict,
    /// What was found, in words with its numbers: "12 of 12", "0 doubled".
    pub found: String,
    pub expected: String,
    /// The difference in money, where the question is one of money.
    pub difference: Option<Money>,
    pub counts: Counts,
    /// Every finding, worst first, each with its account, day and amount; at most [`CheckResult::DETAILS`].
    pub details: Vec<String>,
}

impl CheckResult {
    /// Longest list of details kept; the rest is counted in one last line.
    pub const DETAILS: usize = 50;

    /// The question in plain words.
    pub fn title(&self) -> &'static str {
        self.id.title()
    }

    pub fn new(id: CheckId, verdict: Verdict, found: impl Into<String>, expected: impl Into<String>) -> CheckResult {
        CheckResult {
            id,
            verdict,
            found: found.into(),
            expected: expected.into(),
            difference: None,
            counts: Counts::default(),
            details: Vec::new(),
        }
    }

    /// It could not be found out, and why.
    pub fn inconclusive(id: CheckId, why: impl Into<String>) -> CheckResult {
        CheckResult::new(id, Verdict::Inconclusive, why, id.question())
    }

    pub fn not_applicable(id: CheckId, why: impl Into<String>) -> CheckResult {
        CheckResult::new(id, Verdict::NotApplicable, why, id.question())
    }

    pub fn counting(mut self, looked_at: u64, expected: u64, wrong: u64) -> CheckResult {
        self.counts = Counts {
            looked_at,
            expected,
            wrong,
        };
        self
    }

    pub fn differing_by(mut self, difference: Money) -> CheckResult {
        self.difference = Some(difference);
        self
    }

    pub fn detailing(mut self, details: Vec<String>) -> CheckResult {
        let more = details.len().saturating_sub(CheckResult::DETAILS);
        self.details = details;
        self.details.truncate(CheckResult::DETAILS);
        if more > 0 {
            self.details.push(format!("… and {more} more"));
        }
        self
    }
}

/// When a check is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "when", content = "stage")]
pub enum Moment {
    /// Before the first effect of the stage.
    Before(Stage),
    /// By the effect that completes the stage; for Watching on every day of it.
    After(Stage),
    /// At the end of a rollback.
    RolledBack,
}

/// A check that the plan demands. Without its result the stage is not completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PlannedCheck {
    pub moment: Moment,
    pub check: CheckId,
}
