//! The journal's named problems. None of them may quote an entry's body: bodies hold amounts and names.

use ledger::{Code, Problem, Retry};

pub const E_READ: Code = Code("E-JOURNAL-READ");
pub const E_WRITE: Code = Code("E-JOURNAL-WRITE");
pub const E_BUSY: Code = Code("E-JOURNAL-BUSY");
pub const E_BROKEN: Code = Code("E-JOURNAL-BROKEN");
pub const E_FORM: Code = Code("E-JOURNAL-FORM");
pub const E_OTHER: Code = Code("E-JOURNAL-OTHER");
pub const E_ENTRY: Code = Code("E-JOURNAL-ENTRY");
pub const E_KEY: Code = Code("E-JOURNAL-KEY");

pub const CODES: &[Code] = &[E_READ, E_WRITE, E_BUSY, E_BROKEN, E_FORM, E_OTHER, E_ENTRY, E_KEY];

/// Seconds after which a locked log is worth another try.
const BUSY_AGAIN_SECONDS: u64 = 2;

/// SQLite's primary result codes for "another connection is writing".
const SQLITE_BUSY: i64 = 5;
const SQLITE_LOCKED: i64 = 6;

fn is_busy(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(error) => match error.code().map(|code| code.parse::<i64>()) {
            // The low byte of an extended result code is the primary one.
            Some(Ok(code)) => matches!(code & 0xff, SQLITE_BUSY | SQLITE_LOCKED),
            Some(Err(_)) | None => false,
        },
        // Not a decision about meaning: everything else is simply not "busy".
        other => {
            let _not_busy = other;
            false
        }
    }
}

/// The database's own words, without the library's around them.
fn said(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(said) => format!("The database says: {}.", said.message()),
        None => format!("The database says: {error}."),
    }
}

pub(crate) fn reading(error: sqlx::Error) -> Problem {
    if is_busy(&error) {
        return busy(error);
    }
    Problem::new(
        E_READ,
        "The deployment log could not be read.",
        said(&error),
        "Check that the disk is attached and healthy and that the folder of Changeover can be read, then start Changeover again.",
    )
}

pub(crate) fn writing(error: sqlx::Error) -> Problem {
    if is_busy(&error) {
        return busy(error);
    }
    Problem::new(
        E_WRITE,
        "The deployment log could not be written, so the step was not begun.",
        said(&error),
        "Check that the disk has free space and can be written, then try again.",
    )
}

fn busy(error: sqlx::Error) -> Problem {
    Problem::new(
        E_BUSY,
        "The deployment log is being written by another Changeover window or program.",
        said(&error),
        "Close the other one, or try again in a moment.",
    )
    .retrying(Retry::Later {
        after_seconds: BUSY_AGAIN_SECONDS,
    })
}

pub(crate) fn broken(seq: u64, why: impl Into<String>) -> Problem {
    Problem::new(
        E_BROKEN,
        format!("The deployment log is damaged at entry {seq}, so Changeover has stopped."),
        why,
        "Do not repair the file. Keep a copy of it, restore the latest backup, and compare with the last checkpoint you printed or mailed.",
    )
    .retrying(Retry::Never)
}

pub(crate) fn form(why: impl Into<String>) -> Problem {
    Problem::new(
        E_FORM,
        "The deployment log was written in a form that this version of Changeover does not know.",
        why,
        "Start the version of Changeover that wrote it, or install a newer one.",
    )
    .retrying(Retry::Never)
}

pub(crate) fn entry(why: impl Into<String>) -> Problem {
    Problem::new(
        E_ENTRY,
        "A log entry could not be recorded, so the step was not begun.",
        why,
        "This is a fault of Changeover, not of your books. Please report it with the code above.",
    )
    .retrying(Retry::Never)
}
