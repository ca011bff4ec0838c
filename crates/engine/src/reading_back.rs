//! Reading a backup back and looking into its list, without restoring it.
//!
//! Reading back is mark two: everything that was written comes back equal. It is never called a proof, which only a
//! restored and opened book is (`backups.rs`). A backup that turns out to be unfit loses the marks it had.

use crate::backups::{self, BackupRow, E_BACKUP_NONE};
use crate::engine::Engine;
use crate::progress::Watcher;
use crate::store::company::Company;
use crate::store::failed;
use backup::{Backups, Entered, Manifest, Passphrase, Place, RepositoryKey, Worker};
use ledger::Problem;
use serde_json::json;
use std::path::{Path, PathBuf};

/// What was read back of a backup and found equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadBack {
    pub files: u64,
    pub bytes: u64,
}

impl Engine {
    /// Reads one backup back: every pack of its place and every file of its own list, compared. Nothing is restored, so this
    /// is mark two again, not a proof. One that turns out to be damaged or incomplete loses its marks.
    /// Errors: those of `backup`.
    pub async fn check_backup(&self, company: &Company, row: &BackupRow, watcher: &Watcher) -> Result<ReadBack, Problem> {
        let (place, key) = self.place_key().await?;
        let worker = self.cancellable(watcher);
        let report = watcher.clone();
        let read = tokio::task::block_in_place(|| {
            let copied = worker.confirm(&place, &key, &row.snapshot)?;
            if *copied.manifest() != row.manifest {
                return Err(backup::problems::mismatch(&["The list of files in the backup is not the one that was noted when it was taken.".to_string()]));
            }
            worker.check(&place, &key, &row.snapshot, &mut |p| report.report("Reading the backup back", p.done_bytes, p.total_bytes, "bytes"))
        });
        let scope = row.upgrade_id.as_deref().or(Some(&company.id));
        match read {
            Ok(checked) => {
                sqlx::query("UPDATE backup SET checked_at = $2 WHERE id = $1")
                    .bind(&row.id)
                    .bind(self.now().to_string())
                    .execute(&self.pool)
                    .await
                    .map_err(|e| failed("note that a backup was read back", &e))?;
                self.journal(scope, "backup.checked", json!({"backup": row.id, "files": checked.files(), "bytes": checked.bytes()})).await?;
                Ok(ReadBack { files: checked.files(), bytes: checked.bytes() })
            }
            Err(problem) if backup::problems::UNFIT.contains(&problem.code) => {
                self.note_unfit(company, row, &problem).await?;
                Err(problem)
            }
            Err(problem) => Err(problem),
        }
    }

    /// A backup that turned out to be damaged or incomplete loses its marks, and the log says so.
    pub(crate) async fn note_unfit(&self, company: &Company, row: &BackupRow, problem: &Problem) -> Result<(), Problem> {
        sqlx::query("UPDATE backup SET checked_at = NULL, restored_at = NULL WHERE id = $1")
            .bind(&row.id)
            .execute(&self.pool)
            .await
            .map_err(|e| failed("note that a backup is damaged", &e))?;
        let scope = row.upgrade_id.as_deref().or(Some(&company.id));
        self.journal(scope, "backup.unfit", json!({"backup": row.id, "code": problem.code.0})).await.map(drop)
    }

    /// What a backup says it holds, read from the backup itself: its list of files and totals. Quick; nothing is compared.
    pub async fn backup_list(&self, row: &BackupRow) -> Result<Manifest, Problem> {
        let (place, key) = self.place_key().await?;
        tokio::task::block_in_place(|| self.worker().preview(&place, &key, &row.snapshot))
    }
}

/// What a person has on a computer that has nothing else.
#[derive(Clone, Copy)]
pub enum Opener<'a> {
    /// A kit in any form: its page, its text, its code or words, what its QR code says.
    Kit(&'a [u8]),
    Passphrase(&'a Passphrase),
}

/// A place opened with what a person has; a wrong one says so before anything else is read. Errors: `E-BACKUP-KEY`, `-KIT`.
pub(crate) fn opened(worker: &Path, place: &Path, with: Opener<'_>) -> Result<(Backups, Place, RepositoryKey), Problem> {
    let worker = Backups::new(Worker::new(worker.to_path_buf()));
    let found = || Place::folder(std::fs::canonicalize(place).map_err(|e| crate::home::cannot_use(place, &e))?);
    let (place, key) = match with {
        // A slip of the pen is told before anything is looked for.
        Opener::Kit(bytes) => {
            let entered = Entered::read(bytes)?;
            let place = found()?;
            let key = worker.unlock_with_kit(&place, entered)?;
            (place, key)
        }
        Opener::Passphrase(passphrase) => {
            let place = found()?;
            let (key, _) = worker.unlock_with_passphrase(&place, passphrase)?;
            (place, key)
        }
    };
    Ok((worker, place, key))
}

/// The backups of a place, opened with a kit. Newest first.
pub fn list_with_kit(worker: &Path, place: &Path, with: Opener<'_>) -> Result<Vec<backup::Snapshot>, Problem> {
    let (worker, place, key) = opened(worker, place, with)?;
    let mut all = worker.list(&place, &key)?;
    all.sort_by(|a, b| (b.at, &b.id).cmp(&(a.at, &a.id)));
    Ok(all)
}

/// The backup with this id, or the newest of the place. Errors: `E-BACKUP-NONE`.
pub(crate) fn chosen(worker: &Backups, place: &Place, key: &RepositoryKey, snapshot: Option<&str>) -> Result<String, Problem> {
    if let Some(id) = snapshot {
        return Ok(id.to_string());
    }
    let mut all = worker.list(place, key)?;
    all.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    all.last().map(|s| s.id.clone()).ok_or_else(|| {
        Problem::new(
            E_BACKUP_NONE,
            "This place holds no backup.",
            "Its list is empty.",
            "Check that it is the folder named on the recovery kit.",
        )
    })
}

/// What a backup says it holds, and its full id, with nothing but the place and the kit. Quick; nothing is compared.
pub fn list_of_backup_with_kit(worker: &Path, place: &Path, with: Opener<'_>, snapshot: Option<&str>) -> Result<(Manifest, String), Problem> {
    let (worker, place, key) = opened(worker, place, with)?;
    let id = chosen(&worker, &place, &key, snapshot)?;
    Ok((worker.preview(&place, &key, &id)?, id))
}

/// Brings book and set-up of a backup into `to`, for a look with nothing but the place and the kit.
/// Gives the backup's list and the path of the book.
pub fn fetch_with_kit(worker: &Path, place: &Path, with: Opener<'_>, snapshot: &str, to: &Path) -> Result<(Manifest, PathBuf), Problem> {
    let (worker, place, key) = opened(worker, place, with)?;
    let book = backups::book_in(&worker.preview(&place, &key, snapshot)?)?;
    let to = std::path::absolute(to).map_err(|e| crate::home::cannot_use(to, &e))?;
    let manifest = worker.fetch(&place, &key, snapshot, &[book.clone(), backups::SET_UP_FILE.to_string()], &to)?;
    Ok((manifest, to.join(book)))
}

/// Restores a backup on a computer that has nothing but the place and the kit. Errors: `E-BACKUP-…`.
pub fn restore_with_kit(
    worker: &Path,
    place: &Path,
    with: Opener<'_>,
    snapshot: Option<&str>,
    to: &Path,
    watcher: &Watcher,
) -> Result<(backup::Restored, String), Problem> {
    let (worker, place, key) = opened(worker, place, with)?;
    let id = chosen(&worker, &place, &key, snapshot)?;
    let report = watcher.clone();
    let to = std::path::absolute(to).map_err(|e| crate::home::cannot_use(to, &e))?;
    let restored = worker.restore(&place, &key, &id, &to, &mut |p| report.report("Restoring", p.done_bytes, p.total_bytes, "bytes"))?;
    Ok((restored, id))
}
