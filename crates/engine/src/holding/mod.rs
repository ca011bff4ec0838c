//! Held movements and the answers of a person: link, post, exclude, and taking an answer back.
//!
//! It must never answer by itself, change an entry that a person typed, or let a movement be posted a second time: every
//! answer is written to the log first, claims the movement's own key, and survives the end of the process. A new answer
//! is one variant of `store::answer::Answered`, one of [`Decision`], and their arms here.

mod answering;
mod candidates;
mod finding;
pub mod standing;

pub use candidates::Candidate;
pub use finding::HeldMovement;

use crate::store::answer::AnswerRow;
use crate::store::movement::Hold;
use ledger::{AccountId, Code};
use sha2::{Digest, Sha256};

/// The movement is not held, or this answer cannot be given to it.
pub const E_HOLD_ANSWER: Code = Code("E-HOLD-ANSWER");
/// The chosen entry cannot be the movement.
pub const E_HOLD_CANDIDATE: Code = Code("E-HOLD-CANDIDATE");
/// The accounts and amounts chosen for a movement do not make an entry of it.
pub const E_HOLD_LINES: Code = Code("E-HOLD-LINES");
/// Leaving a movement out needs a reason.
pub const E_HOLD_REASON: Code = Code("E-HOLD-REASON");
pub const CODES: &[Code] = &[E_HOLD_ANSWER, E_HOLD_CANDIDATE, E_HOLD_LINES, E_HOLD_REASON];

/// Posted before, and the processor has changed the record since.
pub const CHANGED: &str = "changed-after-posting";
/// A later part of a record that a person linked or left out.
pub const AFTER_ANSWER: &str = "after-your-answer";

/// The stored word for changes of the books that carry out an answer.
pub const PURPOSE: &str = "answer";

/// What a person decides about one held movement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is in the books already: the candidate's entry.
    Link { entry: String },
    /// Post it: as proposed, or with these lines where the connector's rules do not know it.
    Post { lines: Vec<ChosenLine> },
    /// Never post it, because of this.
    Exclude { reason: String },
}

/// One line of an entry that a person makes up for a movement. Positive = debit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenLine {
    pub account: AccountId,
    pub minor: i64,
}

/// What became of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    pub row: AnswerRow,
    /// It had been given before; nothing was done now.
    pub already: bool,
}

/// A name for a held movement that people can type and that tells nothing of the processor's ids. The same for the
/// same finding about the same record, for ever.
pub fn hold_id(connection: &str, hold: &Hold) -> String {
    let mut hash = Sha256::new();
    for part in [connection, &hold.stream, &hold.record, &hold.reason_code] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    format!("hold-{}", hex::encode(&hash.finalize()[..6]))
}
