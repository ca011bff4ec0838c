//! What the engine asks of any accounting app, and how GnuCash answers.
//!
//! The engine never names an app outside this file: a further app is one more `impl Books` here.

use async_trait::async_trait;
use books::{Applied, BookEntry, ChangeSet, Description, EntryId, Fingerprint, GnuCashSqlite, Period, RemovedEntry, Replaced, Step};
use jiff::Timestamp;
use jiff::civil::Date;
use ledger::{AccountId, EntryKey, Money, Problem};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A count and a sum.
pub type DayTotals = BTreeMap<(AccountId, Date), (u64, Money)>;

/// One company's books in some accounting app.
#[async_trait]
pub trait Books: Send + Sync {
    async fn describe(&self) -> Result<Description, Problem>;
    /// A consistent copy; never the live file's bytes.
    async fn snapshot_to(&self, dir: &Path) -> Result<PathBuf, Problem>;
    async fn entries(&self, period: Period) -> Result<Vec<BookEntry>, Problem>;
    async fn entries_by_id(&self, ids: &[EntryId]) -> Result<Vec<BookEntry>, Problem>;
    async fn find(&self, keys: &[EntryKey]) -> Result<BTreeMap<EntryKey, EntryId>, Problem>;
    async fn all_keys(&self) -> Result<BTreeMap<EntryKey, EntryId>, Problem>;
    async fn balances(&self, at: Option<Date>) -> Result<BTreeMap<AccountId, Money>, Problem>;
    /// Count and sum per day of these accounts, for baselines.
    async fn daily(&self, accounts: &[AccountId]) -> Result<DayTotals, Problem>;
    async fn fingerprint(&self) -> Result<Fingerprint, Problem>;
    /// Everything about these entries, so that they can be put back as they were.
    async fn capture(&self, ids: &[EntryId]) -> Result<Vec<RemovedEntry>, Problem>;
    /// One atomic change: all of it, read back and equal, or none of it.
    async fn apply(&self, change: &ChangeSet, report: &(dyn Fn(u64, u64) + Send + Sync)) -> Result<Applied, Problem>;
    /// Whether they could be changed now: nobody has them open, and they are whole.
    async fn free(&self) -> Result<Fingerprint, Problem>;
    /// Puts the whole book at `with` in place of these books, which keep a name of their own beside it.
    async fn replace(&self, with: &Path, now: Timestamp, reached: &mut (dyn FnMut(Step) + Send)) -> Result<Replaced, Problem>;
    /// Earlier books beside the live ones, oldest first.
    fn kept(&self) -> Result<Vec<PathBuf>, Problem>;
    /// Removes what an interrupted change left beside the books. Never the books.
    fn clean_up(&self) -> Result<(), Problem>;
}

#[async_trait]
impl Books for GnuCashSqlite {
    async fn describe(&self) -> Result<Description, Problem> {
        GnuCashSqlite::describe(self).await
    }
    async fn snapshot_to(&self, dir: &Path) -> Result<PathBuf, Problem> {
        GnuCashSqlite::snapshot_to(self, dir).await
    }
    async fn entries(&self, period: Period) -> Result<Vec<BookEntry>, Problem> {
        GnuCashSqlite::entries(self, period).await
    }
    async fn entries_by_id(&self, ids: &[EntryId]) -> Result<Vec<BookEntry>, Problem> {
        GnuCashSqlite::entries_by_id(self, ids).await
    }
    async fn find(&self, keys: &[EntryKey]) -> Result<BTreeMap<EntryKey, EntryId>, Problem> {
        GnuCashSqlite::find(self, keys).await
    }
    async fn all_keys(&self) -> Result<BTreeMap<EntryKey, EntryId>, Problem> {
        GnuCashSqlite::all_keys(self).await
    }
    async fn balances(&self, at: Option<Date>) -> Result<BTreeMap<AccountId, Money>, Problem> {
        GnuCashSqlite::balances(self, at).await
    }
    async fn daily(&self, accounts: &[AccountId]) -> Result<DayTotals, Problem> {
        GnuCashSqlite::daily(self, accounts).await
    }
    async fn fingerprint(&self) -> Result<Fingerprint, Problem> {
        GnuCashSqlite::fingerprint(self).await
    }
    async fn capture(&self, ids: &[EntryId]) -> Result<Vec<RemovedEntry>, Problem> {
        GnuCashSqlite::capture(self, ids).await
    }
    async fn apply(&self, change: &ChangeSet, report: &(dyn Fn(u64, u64) + Send + Sync)) -> Result<Applied, Problem> {
        let applied = GnuCashSqlite::apply(self, change, &mut |progress| {
            if progress.step >= Step::Swapped {
                crate::crash::point("books.after-swap-step");
            }
            report(progress.done, progress.total);
        })
        .await?;
        // A handful of earlier files is enough to look back; the backups hold the rest.
        self.prune_kept(EARLIER_BOOKS_KEPT)?;
        Ok(applied)
    }
    async fn free(&self) -> Result<Fingerprint, Problem> {
        GnuCashSqlite::free(self).await
    }
    async fn replace(&self, with: &Path, now: Timestamp, reached: &mut (dyn FnMut(Step) + Send)) -> Result<Replaced, Problem> {
        GnuCashSqlite::replace(self, with, now, &mut |step| {
            reached(step);
            Ok(())
        })
        .await
    }
    fn kept(&self) -> Result<Vec<PathBuf>, Problem> {
        GnuCashSqlite::kept(self)
    }
    fn clean_up(&self) -> Result<(), Problem> {
        GnuCashSqlite::clean_up_partials(self.path()).map(drop)
    }
}

/// How many earlier files stay beside the books after each change.
const EARLIER_BOOKS_KEPT: usize = 5;

/// Opens the books at `path`. Errors: those of the app's own opening, nothing touched.
pub async fn open(path: &Path) -> Result<Box<dyn Books>, Problem> {
    Ok(Box::new(GnuCashSqlite::open(path).await?))
}
