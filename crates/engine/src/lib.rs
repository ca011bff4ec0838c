//! Carries out what the pure crates decide: keeps the store, talks to processors and books through
//! ports, writes the journal before and after every effect, and recovers after a crash.
//!
//! It must never decide by itself whether an upgrade goes on (that is `upgrade::step`) nor what a record
//! means (that is the connector package). A new effect is one arm in `upgrading/effects.rs` with its own
//! file; a new port is one trait in `ports.rs`.

pub mod accounts;
pub mod agreement;
pub mod backups;
pub mod books_port;
pub mod calendar;
pub mod changes;
pub mod companies;
pub mod crash;
pub mod engine;
mod giving_up;
pub mod holding;
pub mod home;
pub mod keeping;
pub mod knowing;
pub mod linking;
pub mod ports;
pub mod postings;
pub mod previewing;
pub mod progress;
pub mod reading_back;
pub mod reconciling;
pub mod restoring;
pub mod schedule;
pub mod sign_in;
pub mod signing;
pub mod store;
pub mod sync;
pub mod upgrading;
pub mod viewing;
pub mod ways_in;

pub use engine::Engine;
pub use home::Home;

use ledger::Code;

/// Every error code this crate raises, for the error museum.
pub fn codes() -> impl Iterator<Item = Code> {
    home::CODES
        .iter()
        .chain(store::CODES)
        .chain(companies::CODES)
        .chain(accounts::CODES)
        .chain(changes::CODES)
        .chain(sync::CODES)
        .chain(holding::CODES)
        .chain(backups::CODES)
        .chain(restoring::CODES)
        .chain(upgrading::CODES)
        .chain(schedule::timer::CODES)
        .chain(ways_in::CODES)
        .copied()
}
