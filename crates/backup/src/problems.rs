//! The named problems of backups. Texts name files and folders, never a key, a passphrase or a file's content.

use ledger::{Code, Problem, Retry};
use std::path::Path;

pub const E_INCOMPLETE: Code = Code("E-BACKUP-INCOMPLETE");
pub const E_MISMATCH: Code = Code("E-BACKUP-MISMATCH");
pub const E_DAMAGED: Code = Code("E-BACKUP-DAMAGED");
pub const E_STRAY: Code = Code("E-BACKUP-STRAY");
pub const E_KEY: Code = Code("E-BACKUP-KEY");
pub const E_KIT: Code = Code("E-BACKUP-KIT");
pub const E_PASSPHRASE_UNFIT: Code = Code("E-BACKUP-PASSPHRASE-UNFIT");
pub const E_LAST_WAY: Code = Code("E-BACKUP-LAST-WAY");
pub const E_PLACE_MISSING: Code = Code("E-BACKUP-PLACE-MISSING");
pub const E_PLACE_USED: Code = Code("E-BACKUP-PLACE-USED");
pub const E_PLACE: Code = Code("E-BACKUP-PLACE");
pub const E_DISK_FULL: Code = Code("E-BACKUP-DISK-FULL");
pub const E_WORKER: Code = Code("E-BACKUP-WORKER");
pub const E_CANCELLED: Code = Code("E-BACKUP-CANCELLED");
pub const E_NOT_EMPTY: Code = Code("E-BACKUP-NOT-EMPTY");
pub const E_HISTORY: Code = Code("E-BACKUP-HISTORY");
pub const E_BUSY: Code = Code("E-BACKUP-BUSY");
pub const E_UNKNOWN: Code = Code("E-BACKUP-UNKNOWN");
pub const E_STAGING: Code = Code("E-BACKUP-STAGING");
pub const E_ENGINE: Code = Code("E-BACKUP-ENGINE");

pub const CODES: &[Code] = &[
    E_INCOMPLETE,
    E_MISMATCH,
    E_DAMAGED,
    E_STRAY,
    E_KEY,
    E_KIT,
    E_PASSPHRASE_UNFIT,
    E_LAST_WAY,
    E_PLACE_MISSING,
    E_PLACE_USED,
    E_PLACE,
    E_DISK_FULL,
    E_WORKER,
    E_CANCELLED,
    E_NOT_EMPTY,
    E_HISTORY,
    E_BUSY,
    E_UNKNOWN,
    E_STAGING,
    E_ENGINE,
];

/// What a backup is told with when it cannot be relied on any more, whatever the place's state.
pub const UNFIT: &[Code] = &[E_INCOMPLETE, E_MISMATCH, E_DAMAGED, E_UNKNOWN];

/// So many findings are listed one by one; the rest is counted.
const MOST_LISTED: usize = 20;
/// Seconds after which a place in use is worth another try.
const BUSY_AGAIN_SECONDS: u64 = 30;

/// Puts findings into `why`, worst (first) on top, and says how many more there are.
pub(crate) fn list(mut problem: Problem, findings: &[String]) -> Problem {
    for finding in findings.iter().take(MOST_LISTED) {
        problem = problem.because(finding.clone());
    }
    if findings.len() > MOST_LISTED {
        problem = problem.because(format!("… and {} more.", findings.len() - MOST_LISTED));
    }
    problem
}

pub(crate) fn incomplete(findings: &[String]) -> Problem {
    list(
        Problem::new(
            E_INCOMPLETE,
            "The backup is not complete, so it does not count.",
            format!("Parts that could not be saved: {}.", findings.len()),
            "Close other programs that use these files and check that they can be read, then back up again.",
        ),
        findings,
    )
}

/// A backup does not equal what it was made from.
pub fn mismatch(findings: &[String]) -> Problem {
    list(
        Problem::new(
            E_MISMATCH,
            "The backup does not match its source, so it does not count.",
            format!("Differences found: {}.", findings.len()),
            "Close other programs that edit these files, then back up again. If it happens again, use another disk.",
        ),
        findings,
    )
}

pub(crate) fn damaged(what: &str, findings: &[String]) -> Problem {
    list(
        Problem::new(
            E_DAMAGED,
            what,
            "The disk with the backups returned something else than was written there.",
            "Keep this place as it is, make a new place on another disk and back up there now.",
        ),
        findings,
    )
}

pub(crate) fn stray(file: &str, why: &str) -> Problem {
    Problem::new(
        E_STRAY,
        format!("The place for backups holds a file that cannot be right: {file}."),
        why,
        "Move that one file to another folder (do not delete it), then try again. It is what an interrupted copy or upload leaves behind.",
    )
}

/// What was entered does not open the place.
pub fn key(why: &str) -> Problem {
    Problem::new(
        E_KEY,
        "This recovery key does not open this place.",
        why,
        "Take the recovery kit that was printed for this place. The place is named on it.",
    )
}

/// What was typed is not the last group of the kit with this fingerprint.
pub fn other_group(fingerprint: &str) -> Problem {
    Problem::new(
        E_KIT,
        "That is not the last group of the recovery kit that was written last.",
        format!("The kit is not confirmed. It is the one with the check {fingerprint}."),
        "Look at the eighth group of the recovery code on that page and type its five letters and digits.",
    )
}

pub(crate) fn passphrase_unfit(why: &str) -> Problem {
    Problem::new(
        E_PASSPHRASE_UNFIT,
        "This passphrase is not taken.",
        why,
        "Choose at least 12 characters; four or five words that do not belong together are good and can be remembered.",
    )
}

/// A way in stays because no other one would open the place.
pub fn last_way(why: &str) -> Problem {
    Problem::new(
        E_LAST_WAY,
        "This way into the backups was not removed, because without it nobody could open them on another computer.",
        why,
        "Make another way in first: write a recovery kit and confirm it, or choose a passphrase.",
    )
}

pub(crate) fn place_missing(folder: &Path, why: &str) -> Problem {
    Problem::new(
        E_PLACE_MISSING,
        format!("There are no backups at {}.", folder.display()),
        why,
        "Attach the disk, check the folder's name, or choose the folder in which the backups were made.",
    )
}

pub(crate) fn disk_full(at: &str) -> Problem {
    Problem::new(
        E_DISK_FULL,
        "The disk is full. Backups made earlier are unharmed.",
        format!("No more could be written at {at}."),
        "Free some space or use a larger disk, then try again.",
    )
}

pub(crate) fn busy(folder: &Path) -> Problem {
    Problem::new(
        E_BUSY,
        "Another backup is being written to this place.",
        format!("{} is locked by another Changeover window or program.", folder.display()),
        "Wait until it has finished, then try again.",
    )
    .retrying(Retry::Later {
        after_seconds: BUSY_AGAIN_SECONDS,
    })
}

pub(crate) fn place(folder: &Path, why: impl Into<String>) -> Problem {
    Problem::new(
        E_PLACE,
        format!("The place for backups at \"{}\" could not be used.", folder.display()),
        why,
        "Check that the disk is attached and that you may read and write this folder, then try again.",
    )
}

pub(crate) fn not_empty(folder: &Path, why: impl Into<String>) -> Problem {
    Problem::new(
        E_NOT_EMPTY,
        format!("The folder {} is not empty, so nothing was put there.", folder.display()),
        why,
        "Choose a new, empty folder. Changeover never restores over existing files.",
    )
}

pub(crate) fn unknown(id: &str) -> Problem {
    Problem::new(
        E_UNKNOWN,
        "This backup is not in this place.",
        format!("No backup has the id {id}."),
        "List the backups of this place and choose one of them.",
    )
}

pub(crate) fn staging(why: impl Into<String>) -> Problem {
    Problem::new(
        E_STAGING,
        "The files for the backup could not be prepared, so no backup was begun.",
        why,
        "Check that the disk has free space and that Changeover's folder can be written, then try again.",
    )
}

pub(crate) fn worker(why: impl Into<String>) -> Problem {
    Problem::new(
        E_WORKER,
        "The part of Changeover that handles backups stopped before it was done. Backups made earlier are unharmed.",
        why,
        "Try again. If it happens again, check the disk and the free memory.",
    )
    .retrying(Retry::Later { after_seconds: 1 })
}

pub(crate) fn cancelled() -> Problem {
    Problem::new(
        E_CANCELLED,
        "The work on the backup was stopped as you asked. Backups made earlier are unharmed.",
        "It was cancelled before it was done.",
        "Start it again when it suits you.",
    )
}

pub(crate) fn history(missing: &[String]) -> Problem {
    list(
        Problem::new(
            E_HISTORY,
            "Backups that were made here earlier are gone, so nothing was written.",
            format!("Earlier backups that are not in this place any more: {}.", missing.len()),
            "Check that this is the right disk and folder. If the old backups were lost, make a new place; leave this one as it is.",
        ),
        missing,
    )
}
