//! GnuCash books in SQLite form, read and changed without GnuCash.
//!
//! Every call opens the file anew, because a change swaps the file and GnuCash may have rewritten it.
//! Reading takes no lock of GnuCash's. Writing never happens in the live file: `apply.rs` is the walk,
//! `permit.rs` says what is refused, `prove.rs` what must be true of the copy before it is swapped in.
//! Facts about GnuCash's tables are in `schema.rs`; a newer GnuCash is one more row there, after its
//! tables were compared.

mod apply;
mod describe;
mod files;
mod lock;
mod permit;
mod prove;
mod read;
mod replace;
mod rows;
mod schema;
mod totals;
mod whole;
mod write;

use crate::book::*;
use crate::problems::*;
use jiff::civil::Date;
use ledger::{AccountId, EntryKey, Money, Problem};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A GnuCash book in SQLite form.
#[derive(Debug, Clone)]
pub struct GnuCashSqlite {
    path: PathBuf,
    closed_through: Option<Date>,
}

impl GnuCashSqlite {
    /// Looks at the whole file once. Read-only, takes no lock.
    ///
    /// Errors: `E-BOOKS-MISSING`, `E-BOOKS-NOT-GNUCASH`, `E-BOOKS-DAMAGED`, `E-BOOKS-VERSION`, `E-BOOKS-DISK`.
    pub async fn open(path: &Path) -> Result<GnuCashSqlite, Problem> {
        let path = files::resolve(path)?;
        files::check_header(&path)?;
        let bytes = files::fingerprint(&path).await?;
        let mut db = schema::read_only(&path).await?;
        schema::check(&mut db).await?;
        whole::check(&mut db, &path, &bytes).await?;
        Ok(GnuCashSqlite {
            path,
            closed_through: None,
        })
    }

    /// The same books with a closing date that a person set in Changeover; the later of this and the
    /// books' own closing date counts.
    pub fn closing(mut self, closed_through: Option<Date>) -> GnuCashSqlite {
        self.closed_through = closed_through;
        self
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the books are. Errors: as [`GnuCashSqlite::open`], `E-BOOKS-CURRENCY` when no account has a currency we know.
    pub async fn describe(&self) -> Result<Description, Problem> {
        describe::describe(self).await
    }

    /// Every entry of the period, by date and then id. Scheduled templates are no entries.
    ///
    /// Errors: `E-BOOKS-CURRENCY` for an amount that does not fit its currency exactly, `E-BOOKS-DAMAGED`, `E-BOOKS-DISK`.
    pub async fn entries(&self, period: Period) -> Result<Vec<BookEntry>, Problem> {
        let mut db = schema::read_only(&self.path).await?;
        read::want_period(&mut db, period).await?;
        read::wanted(&mut db).await
    }

    /// Those of `ids` that the books hold, by date and then id. Errors: as [`GnuCashSqlite::entries`].
    pub async fn entries_by_id(&self, ids: &[EntryId]) -> Result<Vec<BookEntry>, Problem> {
        let mut db = schema::read_only(&self.path).await?;
        read::want_ids(&mut db, ids).await?;
        read::wanted(&mut db).await
    }

    /// Everything about these entries word for word, so that they can be put back as they are. In the order of
    /// `ids`. Errors: `E-BOOKS-CHANGED` naming each one that the books do not hold, and as [`GnuCashSqlite::entries`].
    pub async fn capture(&self, ids: &[EntryId]) -> Result<Vec<RemovedEntry>, Problem> {
        let mut db = schema::read_only(&self.path).await?;
        read::want_ids(&mut db, ids).await?;
        let entries = read::wanted(&mut db).await?;
        let mut copies: BTreeMap<EntryId, RemovedEntry> =
            rows::copied(&mut db, &entries).await?.into_iter().map(|entry| (entry.id.clone(), entry)).collect();
        let gone: Vec<String> =
            ids.iter().filter(|id| !copies.contains_key(*id)).map(|id| format!("The entry {id} is no longer in the books.")).collect();
        let mut gone = gone.into_iter();
        if let Some(first) = gone.next() {
            let problem = Problem::new(
                E_BOOKS_CHANGED,
                "Entries that Changeover posted are no longer in the books.",
                first,
                "Somebody deleted them. Look at the list, then decide whether to go on without them.",
            );
            return Err(gone.fold(problem, Problem::because));
        }
        Ok(ids.iter().filter_map(|id| copies.remove(id)).collect())
    }

    /// Where each of `keys` is; keys that the books do not hold are absent.
    pub async fn find(&self, keys: &[EntryKey]) -> Result<BTreeMap<EntryKey, EntryId>, Problem> {
        let all = self.all_keys().await?;
        Ok(keys
            .iter()
            .filter_map(|key| all.get(key).map(|id| (key.clone(), id.clone())))
            .collect())
    }

    /// Every entry key in the books: online ids of lines, and our own list on entries that cover several.
    pub async fn all_keys(&self) -> Result<BTreeMap<EntryKey, EntryId>, Problem> {
        let mut db = schema::read_only(&self.path).await?;
        Ok(read::one_each(read::keys(&mut db).await?))
    }

    /// Balance of every account that holds a currency we know, in that currency, `at` included.
    pub async fn balances(&self, at: Option<Date>) -> Result<BTreeMap<AccountId, Money>, Problem> {
        let mut db = schema::read_only(&self.path).await?;
        totals::balances(&mut db, at).await
    }

    /// Number of lines and their total per account and day, for baselines.
    pub async fn daily(&self, accounts: &[AccountId]) -> Result<BTreeMap<(AccountId, Date), (u64, Money)>, Problem> {
        let mut db = schema::read_only(&self.path).await?;
        totals::daily(&mut db, accounts).await
    }

    /// The exact bytes, unfinished writes beside the file included. Errors: `E-BOOKS-MISSING`, `E-BOOKS-DISK`.
    pub async fn fingerprint(&self) -> Result<Fingerprint, Problem> {
        files::fingerprint(&self.path).await
    }

    /// Writes a consistent copy named like the book into `dir`, checks it, and returns its path. Works while
    /// GnuCash has the book open; the copy carries no lock. Errors: `E-BOOKS-DISK`, `E-BOOKS-CHANGED`,
    /// `E-BOOKS-DAMAGED`, `E-BOOKS-READBACK`; nothing is left in `dir` then.
    pub async fn snapshot_to(&self, dir: &Path) -> Result<PathBuf, Problem> {
        files::snapshot(&self.path, dir).await
    }

    /// What of this change the books would refuse, entry by entry; empty when [`GnuCashSqlite::apply`]
    /// may go on. Reads only.
    pub async fn obstacles(&self, change: &ChangeSet) -> Result<Vec<Obstacle>, Problem> {
        let mut db = schema::read_only(&self.path).await?;
        let situation = permit::Situation::look(&mut db, change, self.closed_through).await?;
        Ok(permit::obstacles(change, &situation))
    }

    /// Carries out one change, whole or not at all, and reads it back.
    ///
    /// Errors: every `E-BOOKS-…` code and `E-ENTRY-UNBALANCED`. `touched` is `Nothing` unless the new file was
    /// already swapped in; then it is `Books`, and `find` tells what is there.
    pub async fn apply(&self, change: &ChangeSet, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<Applied, Problem> {
        self.apply_watched(change, progress, &mut |_| Ok(())).await
    }

    /// As [`GnuCashSqlite::apply`]; `after` is called after each step and may fail it, for tests that pull the plug.
    pub async fn apply_watched(
        &self,
        change: &ChangeSet,
        progress: &mut (dyn FnMut(Progress) + Send),
        after: &mut (dyn FnMut(Step) -> std::io::Result<()> + Send),
    ) -> Result<Applied, Problem> {
        apply::apply(self, change, progress, after).await
    }

    /// Whether the book could be changed now: nobody has it open, and it is whole. Reads only.
    /// Errors: `E-BOOKS-OPEN` naming who has it open, `E-BOOKS-DAMAGED`, `E-BOOKS-MISSING`.
    pub async fn free(&self) -> Result<Fingerprint, Problem> {
        apply::ready(&self.path, None).await
    }

    /// Puts the whole book `with` in place of this one, which keeps a name of its own beside it. `with` stays where it is.
    /// The live name is the old book or the new one at every moment; `after` is called after each step and may fail it.
    ///
    /// Errors: as [`GnuCashSqlite::apply`]. `touched` is `Nothing` unless the new book was already put in place.
    pub async fn replace(
        &self,
        with: &Path,
        now: jiff::Timestamp,
        after: &mut (dyn FnMut(Step) -> std::io::Result<()> + Send),
    ) -> Result<Replaced, Problem> {
        replace::replace(&self.path, with, now, after).await
    }

    /// Removes what a crash in the middle of a change left beside the book. Returns what was removed. Never the book.
    /// Errors: `E-BOOKS-OPEN` while another Changeover writes, `E-BOOKS-DISK`.
    pub fn clean_up_partials(path: &Path) -> Result<Vec<PathBuf>, Problem> {
        let path = files::resolve(path)?;
        let _lock = lock::WriteLock::take(&path)?;
        files::clean_up(&path)
    }

    /// The earlier books that changes kept, oldest first.
    pub fn kept(&self) -> Result<Vec<PathBuf>, Problem> {
        files::kept(&self.path)
    }

    /// Removes all but the newest `keep` kept books. Returns what was removed.
    pub fn prune_kept(&self, keep: usize) -> Result<Vec<PathBuf>, Problem> {
        let mut kept = files::kept(&self.path)?;
        kept.truncate(kept.len().saturating_sub(keep));
        for path in &kept {
            std::fs::remove_file(path).doing("removing earlier books")?;
        }
        Ok(kept)
    }
}
