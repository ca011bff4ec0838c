//! The books: a company's data in an accounting app, read and changed as a whole.
//!
//! One accounting app is one module here (`gnucash_sqlite` so far); the words every app shares are in
//! `book.rs`, the codes in `problems.rs`, the matching of accounts to roles in `roles.rs`.
//! This crate must never know a processor, a connector or a sign-in, never ask the clock (time comes in
//! with the change), and never write into a live file: it writes a checked copy and swaps it in.

mod book;
pub mod gnucash_sqlite;
mod problems;
mod roles;

pub use book::*;
pub use gnucash_sqlite::GnuCashSqlite;
pub use problems::*;
pub use roles::{Confidence, RoleProposal, propose_roles, validate_roles};

/// Every error code this crate raises, for the error museum.
pub fn codes() -> impl Iterator<Item = ledger::Code> {
    problems::CODES.iter().copied()
}
