//! Every code that the state machine raises, and the stored form of a problem.
//!
//! A refused event changes nothing: the caller keeps the state it had.

use ledger::{Code, Problem, Retry, Touched};
use serde::{Deserialize, Serialize};

/// The event makes no sense in the present state.
pub const E_NOT_NOW: Code = Code("E-UPGRADE-NOT-NOW");
pub const E_NO_PLAN: Code = Code("E-UPGRADE-NO-PLAN");
/// After Finished nothing can be undone any more.
pub const E_FINISHED: Code = Code("E-UPGRADE-FINISHED");
pub const E_PLAN_INVALID: Code = Code("E-PLAN-INVALID");
/// An intent for something that is not due.
pub const E_EFFECT_NOT_DUE: Code = Code("E-EFFECT-NOT-DUE");
/// An outcome for an effect that is not under way, or an id used twice.
pub const E_EFFECT_UNKNOWN: Code = Code("E-EFFECT-UNKNOWN");
/// An outcome that lacks the proof its effect must bring.
pub const E_EFFECT_PROOF: Code = Code("E-EFFECT-PROOF");
/// What the person read is no longer what would happen.
pub const E_SIGNOFF_STALE: Code = Code("E-SIGNOFF-STALE");
pub const E_SIGNOFF_ROLE: Code = Code("E-SIGNOFF-ROLE");
pub const E_SIGNOFF_SAME_PERSON: Code = Code("E-SIGNOFF-SAME-PERSON");
/// A connector that does not own the stream wants to post.
pub const E_OWNER: Code = Code("E-OWNER-CONFLICT");
/// After a rollback the books are not proved equal to the baseline.
pub const E_ROLLBACK_NOT_EQUAL: Code = Code("E-ROLLBACK-NOT-EQUAL");
pub const E_EVENT_UNKNOWN: Code = Code("E-EVENT-UNKNOWN");
pub const E_EVENT_FORMAT: Code = Code("E-EVENT-FORMAT");
/// The journal holds an event that could never have been accepted.
pub const E_JOURNAL_IMPOSSIBLE: Code = Code("E-JOURNAL-IMPOSSIBLE");

pub const CODES: &[Code] = &[
    E_NOT_NOW,
    E_NO_PLAN,
    E_FINISHED,
    E_PLAN_INVALID,
    E_EFFECT_NOT_DUE,
    E_EFFECT_UNKNOWN,
    E_EFFECT_PROOF,
    E_SIGNOFF_STALE,
    E_SIGNOFF_ROLE,
    E_SIGNOFF_SAME_PERSON,
    E_OWNER,
    E_ROLLBACK_NOT_EQUAL,
    E_EVENT_UNKNOWN,
    E_EVENT_FORMAT,
    E_JOURNAL_IMPOSSIBLE,
];

/// Every error code this crate raises, for the error museum.
pub fn codes() -> impl Iterator<Item = Code> {
    CODES.iter().copied()
}

/// A problem as the journal keeps it: the same four parts, the code as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredProblem {
    pub code: String,
    pub touched: Touched,
    pub what: String,
    pub why: Vec<String>,
    pub next: String,
    pub retry: Retry,
    pub also: Vec<StoredProblem>,
}

impl From<&Problem> for StoredProblem {
    fn from(problem: &Problem) -> StoredProblem {
        StoredProblem {
            code: problem.code.0.to_string(),
            touched: problem.touched,
            what: problem.what.clone(),
            why: problem.why.clone(),
            next: problem.next.clone(),
            retry: problem.retry,
            also: problem.also.iter().map(StoredProblem::from).collect(),
        }
    }
}

impl From<Problem> for StoredProblem {
    fn from(problem: Problem) -> StoredProblem {
        StoredProblem::from(&problem)
    }
}

pub(crate) fn not_now(what: &str, why: impl Into<String>) -> Problem {
    Problem::new(
        E_NOT_NOW,
        format!("{what} is not possible now."),
        why,
        "Look at where the upgrade stands, then choose again.",
    )
}
