//! Restoring: what a backup holds and how today differs, whole or in part, into a new folder or in place, and back again.
//!
//! `comparing` and `consistent` are pure; `looking` reads the two states that are compared; `parts` says what is wanted and what it is
//! called; `bringing` restores into a folder and tells what a damaged backup lost; `in_place` replaces the live book and takes that back.
//! It must never write over a live book but through `in_place`, and never call a part that came back a proof of the rest.

pub mod bringing;
pub mod comparing;
pub mod consistent;
pub mod in_place;
pub mod looking;
pub mod parts;
pub mod stored;

use ledger::Code;

pub const CODES: &[Code] = &[parts::E_RESTORE_PART, in_place::E_RESTORE_UPGRADE, in_place::E_RESTORE_UNDO];
