//! Looking inside a backup before anything is restored for good: what it holds, and how it differs from today.
//!
//! Only the backup's book is brought into a working folder, compared with its hash, opened, looked at and removed again; the
//! live books are only read. It is a look, not a proof: no mark is earned here, and the rest of the backup is not read.

use crate::backups::{self, BackupRow, BookTotals};
use crate::engine::Engine;
use crate::progress::Watcher;
use crate::restoring::comparing::Differences;
use crate::store::company::Company;
use backup::{FileRole, Manifest};
use jiff::civil::Date;
use ledger::Problem;
use std::path::Path;

/// What a backup holds, from its own list of files and its restored books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    pub books_file: String,
    pub entries: u64,
    pub accounts: u64,
    pub first: Option<Date>,
    pub last: Option<Date>,
    pub records: u64,
    pub connections: u64,
    pub bytes: u64,
}

/// What the book of a restored backup holds.
pub async fn inside(manifest: &Manifest, book: &Path) -> Result<Inside, Problem> {
    let description = crate::books_port::open(book).await?.describe().await?;
    let count = |name: &str| manifest.about.counts.get(name).copied().unwrap_or(0);
    let file = manifest
        .files
        .iter()
        .find(|f| f.role == FileRole::Book)
        .map(|f| f.path.clone())
        .unwrap_or_default();
    Ok(Inside {
        books_file: file.rsplit('/').next().unwrap_or_default().to_string(),
        entries: description.entries,
        accounts: description.accounts.len() as u64,
        first: description.first,
        last: description.last,
        records: count("records"),
        connections: count("connections"),
        bytes: manifest.bytes_in_files(),
    })
}

impl Engine {
    /// Brings book and set-up of a backup into a working folder, looks, compares with today, and removes it again.
    /// Today's side is a problem of its own where the present books cannot be read: that is when a backup is needed most.
    pub async fn look_inside(&self, company: &Company, row: &BackupRow, watcher: &Watcher) -> Result<(Inside, Result<Differences, Problem>), Problem> {
        let dir = self.home.work_folder(&format!("preview-{}", self.ids.new_id("p")))?;
        let looked = self.look_in(company, row, &dir, watcher).await;
        std::fs::remove_dir_all(&dir).map_err(|e| crate::home::cannot_use(&dir, &e))?;
        looked
    }

    async fn look_in(&self, company: &Company, row: &BackupRow, dir: &Path, watcher: &Watcher) -> Result<(Inside, Result<Differences, Problem>), Problem> {
        let then = self.fetch_for_look(row, dir).await?;
        let inside = inside(&then.manifest, &dir.join(backups::book_in(&then.manifest)?)).await?;
        Ok((inside, self.differences(company, &then, watcher).await))
    }
}

/// The totals of a manifest against those found, counted: how many accounts are equal, of how many.
pub fn accounts_equal(manifest: &Manifest, found: &BookTotals) -> (u64, u64) {
    let equal = manifest
        .about
        .totals
        .iter()
        .filter(|said| found.totals.iter().any(|t| t == *said))
        .count();
    (equal as u64, manifest.about.totals.len() as u64)
}

/// Recomputes the totals of a restored folder and compares them with its list. Errors: `E-BACKUP-TOTALS`.
pub async fn prove_restored(dir: &Path, manifest: Option<&Manifest>) -> Result<(backups::RestoredCopy, u64, u64), Problem> {
    let (copy, totals) = backups::open_restored(dir, manifest).await?;
    let Some(manifest) = manifest else { return Ok((copy, 0, 0)) };
    backups::compare_totals(manifest, &totals)?;
    let (equal, all) = accounts_equal(manifest, &totals);
    Ok((copy, equal, all))
}
