//! The walk of one change: lock, copy, permit, write, prove, sync, keep, re-check, swap, read back.
//!
//! Until the swap the live books are untouched and every file made here is removed on failure. From the swap on
//! the books are the new ones, whole. A crash leaves one of the two, never something between. The live name is
//! replaced by one rename, so it never vanishes.

use super::lock::{self, WriteLock};
use super::permit::{self, Situation};
use super::rows::Leaving;
use super::{GnuCashSqlite, files, prove, rows, schema, whole, write};
use crate::book::*;
use crate::problems::*;
use ledger::{Problem, Touched};
use sqlx::sqlite::SqliteConnection;
use std::io;
use std::path::{Path, PathBuf};

/// What the caller wants to hear, and the plug that tests may pull.
struct Watch<'a> {
    progress: &'a mut (dyn FnMut(Progress) + Send),
    after: &'a mut (dyn FnMut(Step) -> io::Result<()> + Send),
    total: u64,
    done: u64,
}

impl Watch<'_> {
    fn reached(&mut self, step: Step) -> Result<(), Problem> {
        (self.progress)(Progress {
            step,
            done: self.done,
            total: self.total,
        });
        (self.after)(step).doing("changing them")
    }

    fn wrote(&mut self, done: u64) {
        self.done = done;
        (self.progress)(Progress {
            step: Step::Permitted,
            done,
            total: self.total,
        });
    }
}

pub(super) async fn apply(
    books: &GnuCashSqlite,
    change: &ChangeSet,
    progress: &mut (dyn FnMut(Progress) + Send),
    after: &mut (dyn FnMut(Step) -> io::Result<()> + Send),
) -> Result<Applied, Problem> {
    let path = files::resolve(books.path())?;
    let total = (change.remove.len() + change.restore.len() + change.post.len()) as u64;
    let mut watch = Watch {
        progress,
        after,
        total,
        done: 0,
    };

    let _lock = WriteLock::take(&path)?;
    files::clean_up(&path)?;
    let before = ready(&path, change.expect.as_ref()).await?;
    if change.is_empty() {
        return Ok(Applied {
            posted: Vec::new(),
            removed: Vec::new(),
            restored: Vec::new(),
            after: before.clone(),
            before,
            kept: None,
        });
    }
    watch.reached(Step::Locked)?;

    let copy = files::partial(&path);
    let mut made = Made {
        copy: Some(copy.clone()),
        kept: None,
    };
    let outcome = until_swap(books, &path, &copy, change, &before, &mut made, &mut watch).await;
    let (posted, removed) = match outcome {
        Ok(done) => done,
        Err(problem) => return Err(made.remove(problem)),
    };

    match after_swap(&path, change, &removed, &mut watch).await {
        Ok(after) => Ok(Applied {
            posted,
            removed: removed.into_iter().map(|entry| entry.id).collect(),
            restored: change.restore.iter().map(|entry| entry.id.clone()).collect(),
            before,
            after,
            kept: made.kept,
        }),
        Err(problem) => Err(match &made.kept {
            Some(kept) => problem
                .touching(Touched::Books)
                .because(format!("The books as they were before are in {}.", kept.display())),
            None => problem.touching(Touched::Books),
        }),
    }
}

/// Files that must be gone if the change fails before the swap.
struct Made {
    copy: Option<PathBuf>,
    kept: Option<PathBuf>,
}

impl Made {
    fn remove(self, problem: Problem) -> Problem {
        self.copy
            .into_iter()
            .chain(self.kept)
            .fold(problem, |problem, path| files::remove_after(problem, &path))
    }
}

/// Nobody else is writing, the books are known, whole and those that were expected.
pub(super) async fn ready(path: &Path, expect: Option<&Fingerprint>) -> Result<Fingerprint, Problem> {
    lock::check_side_files(path)?;
    files::check_header(path)?;
    let mut db = schema::read_only(path).await?;
    schema::check(&mut db).await?;
    if let Some(holder) = lock::holder(&mut db, path).await? {
        return Err(lock::open_elsewhere(&holder));
    }
    // Whatever is written between this look and the swap changes the fingerprint, which is compared again then.
    let fingerprint = files::fingerprint(path).await?;
    whole::check(&mut db, path, &fingerprint).await?;
    files::close(db).await?;
    match expect {
        Some(expected) if *expected != fingerprint => Err(Problem::new(
            E_BOOKS_CHANGED,
            "The books changed since this was planned.",
            format!("They were expected to be {}, they are {}.", short(expected), short(&fingerprint)),
            "Look at the books again and plan anew.",
        )),
        Some(_) | None => Ok(fingerprint),
    }
}

/// Enough of a fingerprint for a person to compare.
fn short(fingerprint: &Fingerprint) -> &str {
    fingerprint.0.get(..12).unwrap_or(&fingerprint.0)
}

async fn until_swap(
    books: &GnuCashSqlite,
    path: &Path,
    copy: &Path,
    change: &ChangeSet,
    before: &Fingerprint,
    made: &mut Made,
    watch: &mut Watch<'_>,
) -> Result<(Vec<Posted>, Vec<Leaving>), Problem> {
    enough_room(path, std::fs::metadata(path).doing("asking how much room there is")?.len())?;
    let mut live = schema::read_only(path).await?;
    files::copy(&mut live, copy).await?;
    files::close(live).await?;
    same_access(path, copy)?;
    watch.reached(Step::Copied)?;

    let mut db = schema::private_copy(copy).await?;
    let situation = Situation::look(&mut db, change, books.closed_through).await?;
    if let Some(problem) = permit::refusal(&permit::obstacles(change, &situation)) {
        return Err(problem);
    }
    watch.reached(Step::Permitted)?;

    let removed = write_all(&mut db, change, &situation, watch).await?;
    files::close(db).await?;
    watch.reached(Step::Written)?;

    let posted = prove::copy(path, copy, change, &removed).await?;
    watch.reached(Step::Checked)?;

    files::sync_file(copy)?;
    watch.reached(Step::Synced)?;

    made.kept = Some(files::keep(path, change.now)?);
    files::sync_folder(files::folder_of(path))?;
    watch.reached(Step::Kept)?;

    let guard = Guard::take(path, before).await?;
    watch.reached(Step::Rechecked)?;
    let bytes = files::fingerprint(copy).await?;
    std::fs::rename(copy, path).doing("putting the changed books in place")?;
    whole::remember(bytes);
    made.copy = None;
    guard.let_go().await;
    Ok((posted, removed))
}

/// One SQL transaction: out, back, new.
async fn write_all(
    db: &mut SqliteConnection,
    change: &ChangeSet,
    situation: &Situation,
    watch: &mut Watch<'_>,
) -> Result<Vec<Leaving>, Problem> {
    let doing = "writing the change";
    sqlx::query("BEGIN").execute(&mut *db).await.doing(doing)?;
    let leaving: Vec<Leaving> = change
        .remove
        .iter()
        .filter_map(|removal| situation.present.get(&removal.id))
        .map(|entry| Leaving { id: entry.id.clone(), date: entry.date, description: entry.description.clone() })
        .collect();
    rows::take_out(db, &leaving).await?;
    watch.wrote(leaving.len() as u64);
    rows::put_back(db, &change.restore).await?;
    let already = (leaving.len() + change.restore.len()) as u64;
    watch.wrote(already);
    write::post(db, &change.post, &situation.accounts, change.now, &mut |posted| {
        watch.wrote(already + posted)
    })
    .await?;
    sqlx::query("COMMIT").execute(&mut *db).await.doing(doing)?;
    Ok(leaving)
}

async fn after_swap(path: &Path, change: &ChangeSet, removed: &[Leaving], watch: &mut Watch<'_>) -> Result<Fingerprint, Problem> {
    watch.reached(Step::Swapped)?;
    files::sync_folder(files::folder_of(path))?;
    watch.reached(Step::FolderSynced)?;
    prove::live(path, change, removed).await?;
    let after = files::fingerprint(path).await?;
    watch.reached(Step::ReadBack)?;
    Ok(after)
}

/// The copy, its growth and SQLite's own temporary needs.
const ROOM_FACTOR: u64 = 2;
const ROOM_BESIDES_BYTES: u64 = 8 << 20;

/// Errors: `E-BOOKS-DISK` when a file of `size` bytes does not fit beside the book.
pub(super) fn enough_room(path: &Path, size: u64) -> Result<(), Problem> {
    let doing = "asking how much room there is";
    let needed = size.saturating_mul(ROOM_FACTOR).saturating_add(ROOM_BESIDES_BYTES);
    let free = fs4::available_space(files::folder_of(path)).doing(doing)?;
    if free >= needed {
        return Ok(());
    }
    Err(Problem::new(
        E_BOOKS_DISK,
        "There is not enough room on the disk that holds the books.",
        format!("A change needs {} KiB for a moment; {} KiB are free.", needed / 1024, free / 1024),
        "Make room on that disk, then try again.",
    ))
}

/// The new file may be read and written by the same people as the old one.
pub(super) fn same_access(path: &Path, copy: &Path) -> Result<(), Problem> {
    let doing = "copying their access rights";
    let rights = std::fs::metadata(path).doing(doing)?.permissions();
    std::fs::set_permissions(copy, rights).doing(doing)
}

/// Holds SQLite's write lock on the live file from the last look to the swap, so that GnuCash cannot open it between.
///
/// The order matters. Closing any other handle of the file would drop the lock on Unix, so the bytes are read before
/// it is taken, and `data_version` tells whether anybody wrote in between.
pub(super) struct Guard {
    db: SqliteConnection,
}

impl Guard {
    pub(super) async fn take(path: &Path, before: &Fingerprint) -> Result<Guard, Problem> {
        let doing = "looking at them once more before the swap";
        let changed = || {
            Problem::new(
                E_BOOKS_CHANGED,
                "The books changed while the change was being prepared.",
                "Another program wrote to the file.",
                "Close other programs that use the book, then try again.",
            )
        };
        lock::check_side_files(path)?;
        let mut db = schema::for_locking(path).await?;
        if let Some(holder) = lock::holder(&mut db, path).await? {
            return Err(lock::open_elsewhere(&holder));
        }
        let version = files::data_version(&mut db).await?;
        if files::fingerprint(path).await? != *before {
            return Err(changed());
        }
        sqlx::query("BEGIN IMMEDIATE").execute(&mut db).await.doing(doing)?;
        if files::data_version(&mut db).await? != version {
            return Err(changed());
        }
        Ok(Guard { db })
    }

    /// The lock lies on the earlier file, which has only its kept name now; nothing was written to it.
    pub(super) async fn let_go(mut self) {
        // Failing to say so changes nothing: closing the connection lets go as well.
        let _ = sqlx::query("ROLLBACK").execute(&mut self.db).await;
        let _ = files::close(self.db).await;
    }
}
