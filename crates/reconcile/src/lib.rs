//! Does the money agree? Shadow differences, baseline and verdict, payout tie-out, matching of typed deposits.
//!
//! PURE: no clock, disk, network, randomness or async; all data comes in as arguments. It never decides that a difference
//! is small enough: a remainder is zero or it is not. A new kind of comparison is one file here.

pub mod baseline;
pub mod shadow;
#[cfg(test)]
mod tests;
pub mod tie_out;
pub mod typed;
pub mod verdict;

pub use baseline::{Baseline, BookLine, DayTotal};
pub use shadow::{
    Aliases, Class, ClassCounts, DatedLine, DifferenceRow, ExpectedKind, ExpectedRule, PostedMovement, ProposedMovement, Record, Shadow,
    Why, shadow,
};
pub use tie_out::{ClearingPosting, Settlement, TieFinding, TieOut, TieRow, tie_out};
pub use typed::{Match, Matched, TypedDeposit, match_typed};
pub use verdict::{Agreement, BalanceRow, Explained, MoneyRow, MoneyVerdict, Otherwise, Sighting, explained_by, verdict};

use ledger::Code;

/// Every error code this crate raises, for the error museum.
pub fn codes() -> impl Iterator<Item = Code> {
    shadow::CODES.iter().copied()
}
