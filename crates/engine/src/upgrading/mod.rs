//! Carrying out an upgrade: the pure machine says what is due, this module does it and reports back.
//!
//! It must never skip the journal (`runner.rs` writes intent and outcome around every effect), decide a
//! verdict itself (the checks are `upgrade::checks`), or hold a writing handle in shadow and rehearsal. A new
//! effect is one arm in `effects.rs` and one file here.

pub mod baseline;
pub mod effects;
pub mod facts;
pub mod planning;
pub mod rehearsal;
pub mod resolving;
pub mod rollback;
pub mod runner;
pub mod shadow;
pub mod slices;
pub mod switching;
pub mod verifying;
pub mod watch;

use crate::store::company::{Company, Connection};
use jiff::Timestamp;
use ledger::Code;

pub const E_UPGRADE_UNKNOWN: Code = Code("E-UPGRADE-UNKNOWN");
pub const E_UPGRADE_OPEN: Code = Code("E-UPGRADE-OPEN");
pub const E_UPGRADE_NONE: Code = Code("E-UPGRADE-NONE");
pub const E_UPGRADE_FACT: Code = Code("E-UPGRADE-FACT");
pub const CODES: &[Code] = &[E_UPGRADE_UNKNOWN, E_UPGRADE_OPEN, E_UPGRADE_NONE, E_UPGRADE_FACT];

/// The parts of an upgrade that its effects need, loaded once per effect.
#[derive(Debug, Clone)]
pub struct Undertaking {
    pub id: String,
    pub company: Company,
    pub connection: Connection,
    pub from: String,
    pub to: String,
    /// From this instant on movements get the new connector's form.
    pub new_from: Timestamp,
}
