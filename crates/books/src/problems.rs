//! The codes of this crate, and the one translation from disk and database errors to four-part problems.
//!
//! A new code is one constant and one row in `CODES`. Nothing here decides by the text of a message:
//! only by SQLite's result codes and the operating system's error kinds.

use ledger::{Code, Problem, Retry};
use std::io;

/// There is no file where the books should be.
pub const E_BOOKS_MISSING: Code = Code("E-BOOKS-MISSING");
/// The file is something else than a GnuCash book in SQLite form.
pub const E_BOOKS_NOT_GNUCASH: Code = Code("E-BOOKS-NOT-GNUCASH");
/// The book is incomplete or contradicts itself.
pub const E_BOOKS_DAMAGED: Code = Code("E-BOOKS-DAMAGED");
/// The book was written by a version of GnuCash whose tables were never checked.
pub const E_BOOKS_VERSION: Code = Code("E-BOOKS-VERSION");
/// GnuCash or another program has the book open.
pub const E_BOOKS_OPEN: Code = Code("E-BOOKS-OPEN");
/// The book is not the one that the change was planned for.
pub const E_BOOKS_CHANGED: Code = Code("E-BOOKS-CHANGED");
/// The entry's date lies in a period that the books have closed.
pub const E_BOOKS_CLOSED_PERIOD: Code = Code("E-BOOKS-CLOSED-PERIOD");
/// A person changed, reconciled or linked the entry after it was posted.
pub const E_BOOKS_EDITED: Code = Code("E-BOOKS-EDITED");
/// The books already hold an entry under this key.
pub const E_BOOKS_KEY_TAKEN: Code = Code("E-BOOKS-KEY-TAKEN");
/// An amount cannot be held exactly in the account's own currency.
pub const E_BOOKS_CURRENCY: Code = Code("E-BOOKS-CURRENCY");
/// The account is missing or must not receive entries.
pub const E_BOOKS_ACCOUNT: Code = Code("E-BOOKS-ACCOUNT");
/// The chosen accounts do not fit their roles.
pub const E_BOOKS_ROLES: Code = Code("E-BOOKS-ROLES");
/// The disk is full, or could not be read or written.
pub const E_BOOKS_DISK: Code = Code("E-BOOKS-DISK");
/// What is in the books is not what was meant.
pub const E_BOOKS_READBACK: Code = Code("E-BOOKS-READBACK");

/// Worst first: when one change is refused for several reasons, the first of these names the problem.
pub const CODES: &[Code] = &[
    E_BOOKS_MISSING,
    E_BOOKS_NOT_GNUCASH,
    E_BOOKS_DAMAGED,
    E_BOOKS_VERSION,
    E_BOOKS_OPEN,
    E_BOOKS_CHANGED,
    E_BOOKS_EDITED,
    E_BOOKS_CLOSED_PERIOD,
    E_BOOKS_KEY_TAKEN,
    E_BOOKS_ACCOUNT,
    E_BOOKS_ROLES,
    E_BOOKS_CURRENCY,
    E_BOOKS_DISK,
    E_BOOKS_READBACK,
];

/// At most this many findings of one kind are written out; the rest is counted.
pub const MOST_FINDINGS_SHOWN: usize = 20;

/// Shortens a list of findings so that a problem stays readable.
pub(crate) fn capped(mut findings: Vec<String>) -> Vec<String> {
    if findings.len() > MOST_FINDINGS_SHOWN {
        let more = findings.len() - MOST_FINDINGS_SHOWN;
        findings.truncate(MOST_FINDINGS_SHOWN);
        findings.push(format!("… and {more} more of the same kind."));
    }
    findings
}

/// A problem with several reasons. `findings` must not be empty.
pub(crate) fn with_findings(code: Code, what: impl Into<String>, findings: Vec<String>, next: impl Into<String>) -> Problem {
    let mut problem = Problem::new(code, what, String::new(), next);
    problem.why = capped(findings);
    problem
}

/// Puts what was being done to a disk or database error.
pub(crate) trait Doing<T> {
    /// `doing` completes "The books could not be used while …".
    fn doing(self, doing: &str) -> Result<T, Problem>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, doing: &str) -> Result<T, Problem> {
        self.map_err(|error| database_problem(doing, &error))
    }
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &str) -> Result<T, Problem> {
        self.map_err(|error| disk_problem(doing, &error))
    }
}

pub(crate) fn disk_problem(doing: &str, error: &io::Error) -> Problem {
    let next = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "Make room on the disk that holds the books, then try again."
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "Allow this user to write in the folder that holds the books, then try again."
        }
        _ => "Check the disk that holds the books, then try again.",
    };
    Problem::new(
        E_BOOKS_DISK,
        format!("The books could not be used: the disk failed while {doing}."),
        format!("The system says: {error}."),
        next,
    )
}

/// SQLite's result code (with its extension, such as 776), if the error came from SQLite.
pub(crate) fn sqlite_code(error: &sqlx::Error) -> Option<u32> {
    error.as_database_error().and_then(|e| e.code()).and_then(|code| code.parse().ok())
}

/// A rolled-back write is needed before the file can be read: somebody was stopped in the middle.
const SQLITE_READONLY_ROLLBACK: u32 = 776;

pub(crate) fn database_problem(doing: &str, error: &sqlx::Error) -> Problem {
    if let sqlx::Error::Io(io) = error {
        return disk_problem(doing, io);
    }
    let why = match error.as_database_error() {
        Some(e) => format!("SQLite says: {}.", e.message()),
        None => format!("Reading it failed: {error}."),
    };
    let code = sqlite_code(error);
    if code == Some(SQLITE_READONLY_ROLLBACK) {
        return half_written();
    }
    match code.map(|code| code & 0xff) {
        // BUSY, LOCKED
        Some(5 | 6) => Problem::new(
            E_BOOKS_OPEN,
            format!("Another program is using the books while {doing}."),
            why,
            "Close other programs that use the books, then try again.",
        )
        .retrying(Retry::Later { after_seconds: 5 }),
        // READONLY, IOERR, FULL, CANTOPEN
        Some(8 | 10 | 13 | 14) => Problem::new(
            E_BOOKS_DISK,
            format!("The books could not be used: the disk failed while {doing}."),
            why,
            "Make room on the disk that holds the books and check that it can be written, then try again.",
        ),
        // NOTADB
        Some(26) => Problem::new(
            E_BOOKS_NOT_GNUCASH,
            "This file is not a GnuCash book in SQLite form.",
            why,
            "Choose another file, or save the book in GnuCash with the data format \"sqlite3\".",
        ),
        Some(_) | None => damaged(vec![format!("While {doing}: {why}")]),
    }
}

pub(crate) fn damaged(findings: Vec<String>) -> Problem {
    with_findings(
        E_BOOKS_DAMAGED,
        "The book is damaged.",
        findings,
        "Open the book in GnuCash and run Actions > Check & Repair, or restore a backup, then try again.",
    )
}

pub(crate) fn half_written() -> Problem {
    Problem::new(
        E_BOOKS_DAMAGED,
        "The book is half-written.",
        "A program was stopped while it was writing: an unfinished SQLite journal lies beside the book.",
        "Open the book once in GnuCash and close it, which finishes or undoes the interrupted write, then try again.",
    )
}
