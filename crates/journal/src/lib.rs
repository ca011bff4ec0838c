//! The append-only, hash-chained record of every intent and outcome, and its verifier.
//!
//! State is the fold of this log, so a read error here is never "no row", a row is never changed,
//! and an entry that does not fit the chain stops the app. Tamper-EVIDENT, not tamper-proof: only back
//! to the last checkpoint that left the computer. No secret may be put into an entry.
//! `canonical.rs` is the exact text that is hashed, `store.rs` appends and reads, `checkpoint.rs`, `signing.rs` and
//! `merkle.rs` sign and compare, `verify.rs` judges. A new kind of damage is one `Broken` reason there.

pub mod canonical;
pub mod chain;
pub mod checkpoint;
pub mod merkle;
pub mod problems;
pub mod signing;
pub mod store;
pub mod verify;

pub use chain::{Draft, Entry, Sealed};
pub use checkpoint::{Checkpoint, PublicKey, Signer};
pub use problems::CODES;
pub use store::{Filter, Head, Journal, begin, migrate};
pub use verify::{Flaw, SignedTo, Verdict, verify, verify_against, verify_file, verify_file_against};

/// Every error code this crate raises, for the error museum.
pub fn codes() -> impl Iterator<Item = ledger::Code> {
    CODES.iter().copied()
}
