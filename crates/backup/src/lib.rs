//! Backups that are proved: copied, read back, restored and compared, or not called a backup.
//!
//! The engine is rustic_core (pinned) behind guards, in a child process, in restic's format, so that a
//! customer can restore with a program that we did not write. Nothing here deletes or prunes, opens a live
//! book (the caller stages a consistent copy), or reports success on the engine's word alone.
//! `manifest.rs` says what is in a backup, `worker/` is the child, `host.rs` starts it, `proof.rs` makes the only
//! type that an upgrade accepts. `key.rs`, `kit/` and `passphrase.rs` are what opens a place. A new kind of place is a strict backend beside `worker/folder.rs`.

pub mod host;
pub mod key;
pub mod kit;
pub mod manifest;
pub mod passphrase;
pub mod place;
pub mod problems;
pub mod proof;
mod wire;
mod worker;

pub use host::{Backups, Cancel, Checked, Copied, Phase, Progress, Restored, Snapshot, WORKER_ARGUMENT, Wanted, Way, WayKind, Worker};
pub use key::RepositoryKey;
pub use kit::{Entered, RecoveryKit};
pub use manifest::{About, FileRole, Manifest, ManifestFile, Staging, Total};
pub use passphrase::{Passphrase, Strength};
pub use place::Place;
pub use problems::CODES;
pub use proof::{VerifiedBackup, prove};
pub use wire::{Lost, Summary};
pub use worker::worker_main;

/// Every error code this crate raises, for the error museum.
pub fn codes() -> impl Iterator<Item = ledger::Code> {
    CODES.iter().copied()
}
