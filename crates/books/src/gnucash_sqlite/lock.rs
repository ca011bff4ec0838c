//! Who may write: GnuCash's own locks, and Changeover's lock against a second Changeover.
//!
//! GnuCash's locks are only ever read. A stale one needs a person's answer; it is never removed here.

use super::files::beside;
use crate::book::LockHolder;
use crate::problems::*;
use jiff::Timestamp;
use ledger::{Problem, Retry};
use sqlx::sqlite::SqliteConnection;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

/// GnuCash's lock: the row that it keeps while a book is open, or the lock file of its XML form.
pub(super) async fn holder(db: &mut SqliteConnection, path: &Path) -> Result<Option<LockHolder>, Problem> {
    let row: Option<(Option<String>, Option<i64>)> = sqlx::query_as("SELECT Hostname, PID FROM gnclock LIMIT 1")
        .fetch_optional(db)
        .await
        .doing("asking who has them open")?;
    if let Some((host, pid)) = row {
        return Ok(Some(LockHolder {
            host: host.unwrap_or_default(),
            pid,
            since: None,
        }));
    }
    Ok(lock_file(path))
}

fn lock_file(path: &Path) -> Option<LockHolder> {
    let about = std::fs::symlink_metadata(beside(path, "", ".LCK")).ok()?;
    let since = about.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
    Some(LockHolder {
        host: String::new(),
        pid: None,
        since,
    })
}

pub(super) fn open_elsewhere(holder: &LockHolder) -> Problem {
    Problem::new(
        E_BOOKS_OPEN,
        "GnuCash has the book open.",
        match holder.since {
            Some(since) => format!("{holder} has locked it since {since}. GnuCash would not see new entries and could overwrite them."),
            None => format!("{holder} has locked it. GnuCash would not see new entries and could overwrite them."),
        },
        "Close the book in GnuCash, then try again. If GnuCash is not running, open the book there once, choose \"Open Anyway\", and close it.",
    )
}

/// No unfinished write of another program may lie beside the book: swapping the file under it would mix the two.
pub(super) fn check_side_files(path: &Path) -> Result<(), Problem> {
    for suffix in ["-wal", "-journal"] {
        let side = beside(path, "", suffix);
        if std::fs::metadata(&side).is_ok_and(|about| about.len() > 0) {
            return Err(Problem::new(
                E_BOOKS_OPEN,
                "Another program is writing to the book.",
                format!("An unfinished SQLite write lies beside it: {}.", side.display()),
                "Close other programs that use the book, then try again.",
            )
            .retrying(Retry::Later { after_seconds: 5 }));
        }
    }
    Ok(())
}

/// Changeover's own lock. The system lets go of it when the process ends, however it ends.
pub(super) struct WriteLock {
    path: PathBuf,
    file: File,
}

/// A lock file may be removed by its last holder between our opening and locking it.
const MOST_TRIES: usize = 8;

impl WriteLock {
    /// Errors: `E-BOOKS-OPEN` when another Changeover is writing (try again later), `E-BOOKS-DISK`.
    pub(super) fn take(book: &Path) -> Result<WriteLock, Problem> {
        let doing = "taking Changeover's lock on them";
        let path = beside(book, ".", ".changeover-lock");
        for _ in 0..MOST_TRIES {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .doing(doing)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(Problem::new(
                        E_BOOKS_OPEN,
                        "Another Changeover is writing to the book.",
                        format!("It holds the lock {}.", path.display()),
                        "Wait until it is done, then try again.",
                    )
                    .retrying(Retry::Later { after_seconds: 2 }));
                }
                Err(TryLockError::Error(error)) => return Err(disk_problem(doing, &error)),
            }
            if is_same_file(&file, &path) {
                return Ok(WriteLock { path, file });
            }
        }
        Err(Problem::new(
            E_BOOKS_OPEN,
            "Another Changeover is writing to the book.",
            "Its lock changed hands several times in a row.",
            "Wait a moment, then try again.",
        )
        .retrying(Retry::Later { after_seconds: 2 }))
    }
}

impl Drop for WriteLock {
    fn drop(&mut self) {
        // Removed while still held, so that a waiting process notices that its lock file is gone. Failing to remove
        // it does no harm: the lock is the open file, not its name.
        if is_same_file(&self.file, &self.path) {
            let _ = std::fs::remove_file(&self.path);
        }
        let _ = self.file.unlock();
    }
}

#[cfg(unix)]
fn is_same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(a), Ok(b)) => a.dev() == b.dev() && a.ino() == b.ino(),
        _ => false,
    }
}

/// Elsewhere an open file cannot be removed, so the name and the file always agree.
#[cfg(not(unix))]
fn is_same_file(_file: &File, path: &Path) -> bool {
    path.exists()
}
