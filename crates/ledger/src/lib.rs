//! Money, accounts, journal entries and entry keys: the words every other crate speaks.
//!
//! PURE: no clock, disk, network, randomness or async. Time, ids and data come in as arguments.
//! It must never know a processor, an accounting app or a file format. A new account role is one
//! row in `role.rs`; a currency with an unusual number of digits is one row in `money.rs`.

pub mod account;
pub mod entry;
pub mod key;
pub mod money;
pub mod problem;
pub mod role;

pub use account::{Account, AccountId, AccountKind};
pub use entry::{Draft, Entry, Line, Part, RoleLine};
pub use key::EntryKey;
pub use money::{Currency, Money};
pub use problem::{Code, Problem, Retry, Touched};
pub use role::{Role, RoleMap};

/// Every error code this crate raises, for the error museum.
pub fn codes() -> impl Iterator<Item = Code> {
    money::CODES.iter().chain(key::CODES).chain(entry::CODES).copied()
}
