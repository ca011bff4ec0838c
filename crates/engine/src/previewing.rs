//! Looking inside a backup before anything is restored for good: what it holds, and how it differs from today.
//!
//! Only the backup's book is brought into a working folder, compared with its hash, opened, looked at and removed again; the
//! live books are only read. It is a look, not a proof: no mark is earned here, and the rest of the backup is not read.

use crate::backups::{self, BackupRow, BookTotals};
use crate::engine::Engine;
use crate::store::company::Company;
use crate::upgrading::baseline;
use backup::{FileRole, Manifest};
use jiff::Timestamp;
use jiff::civil::Date;
use ledger::{AccountId, Money, Problem};
use std::collections::BTreeMap;
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

/// The backup's books beside today's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgainstToday {
    pub only_today: u64,
    pub only_in_backup: u64,
    /// Account name, balance in the backup, balance today; only those that differ.
    pub accounts: Vec<(String, Money, Money)>,
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
    /// Brings the book of a backup into a working folder, looks, and removes it again.
    pub async fn look_inside(&self, company: &Company, row: &BackupRow) -> Result<(Inside, AgainstToday), Problem> {
        let dir = self.home.work_folder(&format!("preview-{}", self.ids.new_id("p")))?;
        let looked = self.look_in(company, row, &dir).await;
        std::fs::remove_dir_all(&dir).map_err(|e| crate::home::cannot_use(&dir, &e))?;
        looked
    }

    async fn look_in(&self, company: &Company, row: &BackupRow, dir: &Path) -> Result<(Inside, AgainstToday), Problem> {
        let (manifest, copy) = self.fetch_book(row, dir).await?;
        let inside = inside(&manifest, &copy).await?;
        let then = baseline::take(crate::books_port::open(&copy).await?.as_ref(), 0, Timestamp::UNIX_EPOCH).await?;
        let book = self.books(company).await?;
        let now = baseline::take(book.as_ref(), 0, Timestamp::UNIX_EPOCH).await?;
        let names: BTreeMap<AccountId, String> = book.describe().await?.accounts.into_iter().map(|a| (a.id, a.full_name)).collect();
        let mut accounts = Vec::new();
        let ids: std::collections::BTreeSet<&AccountId> = then.balances.keys().chain(now.balances.keys()).collect();
        for id in ids {
            let currency = then
                .balances
                .get(id)
                .or(now.balances.get(id))
                .map_or(company.currency, |m| m.currency);
            let zero = Money::zero(currency);
            let (was, is) = (
                then.balances.get(id).copied().unwrap_or(zero),
                now.balances.get(id).copied().unwrap_or(zero),
            );
            if was != is {
                accounts.push((names.get(id).cloned().unwrap_or_else(|| id.to_string()), was, is));
            }
        }
        let only = |here: &baseline::Baseline, there: &baseline::Baseline| {
            here.entries
                .iter()
                .filter(|(id, entry)| there.entries.get(*id).is_none_or(|other| other.print != entry.print))
                .count() as u64
        };
        Ok((
            inside,
            AgainstToday {
                only_today: only(&now, &then),
                only_in_backup: only(&then, &now),
                accounts,
            },
        ))
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
