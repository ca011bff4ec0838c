//! What was loaded once and is used again: known movements, the baseline, the entries of the books.
//!
//! Each is kept with a stamp that changes whenever the thing itself does, by whatever program, and is loaded anew then. It must
//! never be the only copy of anything, and never be used on the strength of time that has passed. A further
//! thing to remember is one field of [`Remembered`] and one function here.

use crate::engine::Engine;
use crate::store::company::Company;
use crate::store::movement::{self, Known};
use crate::store::{failed, unpacked, upgrade as stored};
use crate::upgrading::baseline::{self, Baseline};
use crate::books_port::Books;
use books::{Applied, BookEntry, EntryId, Fingerprint, Period};
use ledger::Problem;
use sha2::{Digest, Sha256};
use upgrade::State;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Stamped<S, T> = Mutex<BTreeMap<String, (S, Arc<T>)>>;

/// Values with the stamp under which they are true.
#[derive(Default)]
pub(crate) struct Remembered {
    /// Connection → count of changes, what is known.
    known: Stamped<i64, Known>,
    /// Upgrade → digest of the stored form, the baseline.
    baselines: Stamped<[u8; 32], Baseline>,
    /// Upgrade → position of the last record of the log that was folded, and the state it led to.
    folds: Mutex<BTreeMap<String, (u64, State)>>,
    /// Only of the books looked at last: entries are the largest thing there is.
    entries: Mutex<Option<(PathBuf, Fingerprint, Arc<Vec<BookEntry>>)>>,
}

impl Remembered {
    pub(crate) fn folded(&self, upgrade_id: &str) -> Option<(u64, State)> {
        held(&self.folds).get(upgrade_id).cloned()
    }

    pub(crate) fn fold_is(&self, upgrade_id: &str, through: u64, state: &State) {
        held(&self.folds).insert(upgrade_id.to_string(), (through, state.clone()));
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whoever panicked while holding it left a whole value: values are only ever replaced.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// Everything known about a connection's movements. Errors: `E-STORE…`.
    pub async fn known(&self, connection: &str) -> Result<Arc<Known>, Problem> {
        let mut tx = self.pool.begin().await.map_err(|e| failed("read the identity map", &e))?;
        let stamp = movement::known_changes(&mut tx, connection).await?;
        if let Some((then, known)) = held(&self.memory.remembered.known).get(connection)
            && *then == stamp
        {
            return Ok(known.clone());
        }
        let known = Arc::new(movement::load_known(&mut tx, connection).await?);
        held(&self.memory.remembered.known).insert(connection.to_string(), (stamp, known.clone()));
        Ok(known)
    }

    /// Makes in memory the change that was just committed, so that it need not be read back. `before` and `after` are the counts of changes inside
    /// the transaction; when something else is remembered, it is forgotten instead.
    pub(crate) fn learn(&self, connection: &str, before: i64, after: i64, change: impl FnOnce(&mut Known)) {
        let mut all = held(&self.memory.remembered.known);
        match all.get_mut(connection) {
            Some((stamp, known)) if *stamp == before => {
                change(Arc::make_mut(known));
                *stamp = after;
            }
            Some(_) => {
                all.remove(connection);
            }
            None => {}
        }
    }

    /// The numbers from before an upgrade; None before they were taken. Errors: `E-STORE…`.
    pub(crate) async fn baseline_of(&self, upgrade_id: &str) -> Result<Option<Arc<Baseline>>, Problem> {
        let Some(body) = stored::fact_body(&self.pool, upgrade_id, baseline::FACT).await? else { return Ok(None) };
        let stamp: [u8; 32] = Sha256::digest(&body).into();
        if let Some((then, baseline)) = held(&self.memory.remembered.baselines).get(upgrade_id)
            && *then == stamp
        {
            return Ok(Some(baseline.clone()));
        }
        let baseline: Arc<Baseline> = Arc::new(unpacked("fact of an upgrade", &body)?);
        held(&self.memory.remembered.baselines).insert(upgrade_id.to_string(), (stamp, baseline.clone()));
        Ok(Some(baseline))
    }

    /// After a change of the books: what was read before it, with the entries that it took out left out, and those that it put in read from the
    /// books. The change itself proved, row by row, that nothing else differs between the two files.
    pub(crate) async fn entries_after(&self, company: &Company, book: &dyn Books, gone: &BTreeSet<EntryId>, applied: &Applied) {
        let before = held(&self.memory.remembered.entries).take();
        let Some((path, fingerprint, entries)) = before else { return };
        if path != company.books_path || fingerprint != applied.before {
            return;
        }
        let new: Vec<EntryId> = applied.posted.iter().map(|posted| posted.id.clone()).chain(applied.restored.iter().cloned()).collect();
        let mut after: Vec<BookEntry> = Arc::unwrap_or_clone(entries);
        after.retain(|entry| !gone.contains(&entry.id));
        // Whatever goes wrong here is met again, and told, by the next full reading.
        let Ok(read) = book.entries_by_id(&new).await else { return };
        after.extend(read);
        after.sort_by(|a, b| (a.date, &a.id).cmp(&(b.date, &b.id)));
        // Had the file changed meanwhile, its fingerprint would be another one at the next look.
        *held(&self.memory.remembered.entries) = Some((path, applied.after.clone(), Arc::new(after)));
    }

    /// Gives back the memory that the entries of the books take.
    pub(crate) fn forget_entries(&self) {
        *held(&self.memory.remembered.entries) = None;
    }

    /// Every entry of a company's books. Errors: those of the books.
    pub(crate) async fn entries_of(&self, company: &Company) -> Result<Arc<Vec<BookEntry>>, Problem> {
        let book = self.books(company).await?;
        let before = book.fingerprint().await?;
        if let Some((path, fingerprint, entries)) = &*held(&self.memory.remembered.entries)
            && *path == company.books_path
            && *fingerprint == before
        {
            return Ok(entries.clone());
        }
        // They are of another state or another book: two whole books need not be held at once.
        self.forget_entries();
        let entries = Arc::new(book.entries(Period::ALL).await?);
        // Only what was the same before and after the reading belongs to that fingerprint.
        if book.fingerprint().await? == before {
            *held(&self.memory.remembered.entries) = Some((company.books_path.clone(), before, entries.clone()));
        }
        Ok(entries)
    }
}
