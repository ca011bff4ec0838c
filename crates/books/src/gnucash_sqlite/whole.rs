//! Which bytes this process has already read through and found whole.
//!
//! A book is opened many times a day and looked through from end to end each time; the same bytes give the same answer. What is
//! remembered is the SHA-256 of the content and nothing else: never a time, a size or a name, which a file can keep while it changes.
//! Nothing here goes to disk, and a finding is never remembered, only its absence.

use super::{files, schema};
use crate::book::Fingerprint;
use ledger::Problem;
use sqlx::sqlite::SqliteConnection;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Several books with their copies; each costs a hundred bytes.
const MOST: usize = 256;

static WHOLE: Mutex<VecDeque<Fingerprint>> = Mutex::new(VecDeque::new());

pub(super) fn known(bytes: &Fingerprint) -> bool {
    WHOLE.lock().unwrap_or_else(PoisonError::into_inner).contains(bytes)
}

pub(super) fn remember(bytes: Fingerprint) {
    let mut all = WHOLE.lock().unwrap_or_else(PoisonError::into_inner);
    if all.contains(&bytes) {
        return;
    }
    if all.len() == MOST {
        all.pop_front();
    }
    all.push_back(bytes);
}

/// Reads the books at `path` through `db`, unless these very bytes were found whole before. `before` is their fingerprint from before `db`
/// was opened; only what has it still after the look is remembered, because only that was surely what was read.
/// Errors: `E-BOOKS-DAMAGED` with everything found, `E-BOOKS-DISK`.
pub(super) async fn check(db: &mut SqliteConnection, path: &Path, before: &Fingerprint) -> Result<(), Problem> {
    if known(before) {
        return Ok(());
    }
    schema::check_whole(db).await?;
    if files::fingerprint(path).await? == *before {
        remember(before.clone());
    }
    Ok(())
}
