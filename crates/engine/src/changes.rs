//! One atomic change of the books, by the effect protocol: intent durable, act, read back, outcome durable.
//!
//! It must never post without a durable intent, and never start a new change while an older one is in
//! doubt. After a crash the books themselves say whether the change happened: they are replaced as a
//! whole file, so either every key of the intent is there or none is; anything else stops.

use crate::books_port::Books;
use crate::crash;
use crate::engine::Engine;
use crate::progress::Watcher;
use crate::store::company::{Company, Connection};
use crate::store::movement::{self, ChangeState, Identity, KnownEntry, StoredChange};
use crate::store::{failed, packed, unpacked};
use books::{ChangeSet, EntryId, RemovedEntry, Removal};
use ledger::{Code, Entry, EntryKey, Problem, Touched};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

pub const E_CHANGE_TORN: Code = Code("E-CHANGE-TORN");
pub const E_CHANGE_MISSING: Code = Code("E-CHANGE-MISSING");
pub const CODES: &[Code] = &[E_CHANGE_TORN, E_CHANGE_MISSING];

/// One key that an entry will hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedKey {
    pub key: EntryKey,
    pub content: String,
    pub stream: String,
    pub record: String,
    pub instant: jiff::Timestamp,
}

/// An entry to be posted, with what the identity map will say of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedEntry {
    pub entry: Entry,
    pub version: String,
    pub keys: Vec<PlannedKey>,
}

/// An entry that Changeover posted and will take out: what is known of it, and its rows as they are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TakenOut {
    pub entry_id: String,
    pub key: EntryKey,
    pub version: String,
    pub change_id: String,
    pub print: String,
    pub entry: Entry,
    pub keys: Vec<PlannedKey>,
    pub rows: RemovedEntry,
}

/// What shall happen to the books at once.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Intent {
    pub post: Vec<PlannedEntry>,
    pub remove: Vec<TakenOut>,
    pub restore: Vec<TakenOut>,
}

impl Intent {
    pub fn is_empty(&self) -> bool {
        self.post.is_empty() && self.remove.is_empty() && self.restore.is_empty()
    }
}

/// How one change ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    pub change_id: String,
    pub posted: u64,
    pub removed: u64,
    pub restored: u64,
}

/// Everything needed to take known entries out and to put them back verbatim one day.
pub async fn take_out(book: &dyn Books, known: &movement::Known, entry_ids: &BTreeSet<String>) -> Result<Vec<TakenOut>, Problem> {
    let ids: Vec<EntryId> = entry_ids.iter().map(|id| EntryId(id.clone())).collect();
    let rows = book.capture(&ids).await?;
    let mut keys_of: BTreeMap<&str, Vec<PlannedKey>> = BTreeMap::new();
    for identity in known.identities.values() {
        keys_of.entry(identity.entry_id.as_str()).or_default().push(PlannedKey {
            key: identity.key.clone(),
            content: identity.content.clone(),
            stream: identity.stream.clone(),
            record: identity.record.clone(),
            instant: identity.instant,
        });
    }
    let mut taken = Vec::with_capacity(ids.len());
    for (id, rows) in entry_ids.iter().zip(rows) {
        let entry = known.entries.get(id).ok_or_else(|| {
            Problem::new(
                E_CHANGE_MISSING,
                "An entry that should be taken out is not one that Changeover posted.",
                format!("The store has no entry with the id {id}."),
                "Nothing was changed. Verify the log, then restore the store from a backup.",
            )
        })?;
        taken.push(TakenOut {
            entry_id: id.clone(),
            key: entry.key.clone(),
            version: entry.version.clone(),
            change_id: entry.change_id.clone(),
            print: entry.print.clone(),
            entry: entry.entry.clone(),
            keys: keys_of.remove(id.as_str()).unwrap_or_default(),
            rows,
        });
    }
    Ok(taken)
}

impl Engine {
    /// Carries out one change of a company's books.
    ///
    /// Errors: those of the books (untouched then), `E-STORE`; when the outcome could not be written
    /// although the books changed, the change stays in doubt and is settled by [`Engine::settle_changes`].
    pub async fn change_books(
        &self,
        company: &Company,
        connection: &Connection,
        upgrade_id: Option<&str>,
        purpose: &str,
        mut intent: Intent,
        watcher: &Watcher,
    ) -> Result<Changed, Problem> {
        if intent.is_empty() {
            return Ok(Changed::default());
        }
        let book = self.books(company).await?;
        let mut change = StoredChange {
            id: self.ids.new_id("change"),
            connection_id: connection.id.clone(),
            upgrade_id: upgrade_id.map(str::to_string),
            purpose: purpose.to_string(),
            state: ChangeState::Intent,
            intent: packed(&intent)?,
            applied: None,
            position: 0,
        };
        let set = change_set(&mut intent, company, Some(book.fingerprint().await?), self.now());

        let mut tx = journal::begin(&self.pool).await?;
        change.position = self.journal_in(
            &mut tx,
            upgrade_id.or(Some(&company.id)),
            "books.intent",
            json!({
                "change": change.id, "purpose": purpose, "company": company.id,
                "post": intent.post.len(), "remove": intent.remove.len(), "restore": intent.restore.len(),
                "digest": hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&change.intent)),
            }),
        )
        .await?;
        movement::insert_change(&mut tx, &change, self.now()).await?;
        tx.commit().await.map_err(|e| failed("note an intent", &e))?;
        crash::point("books.intent-written");

        let title = purpose_title(purpose).to_string();
        let report = watcher.clone();
        let applied = book.apply(&set, &move |done, total| report.report(title.clone(), done, Some(total), "entries")).await;
        crash::point("books.swapped");
        let applied = match applied {
            Ok(applied) => applied,
            Err(problem) => {
                // The books say that nothing was written only when the problem says so; otherwise stay in doubt.
                if problem.touched == Touched::Nothing {
                    self.mark_absent(company, &change, upgrade_id, &problem.code.to_string()).await?;
                }
                return Err(problem);
            }
        };
        let prints: BTreeMap<EntryKey, (String, String)> = applied.posted.iter().map(|p| (p.key.clone(), (p.id.0.clone(), p.print.0.clone()))).collect();
        self.settle_done(company, connection, &change, &intent, &prints, upgrade_id).await?;
        crash::point("books.outcome-written");
        let gone: BTreeSet<EntryId> = set.remove.iter().map(|removal| removal.id.clone()).collect();
        self.entries_after(company, book.as_ref(), &gone, &applied).await;
        Ok(Changed {
            change_id: change.id,
            posted: intent.post.len() as u64,
            removed: intent.remove.len() as u64,
            restored: intent.restore.len() as u64,
        })
    }

    async fn mark_absent(&self, company: &Company, change: &StoredChange, upgrade_id: Option<&str>, reason: &str) -> Result<(), Problem> {
        let mut tx = journal::begin(&self.pool).await?;
        movement::settle_change(&mut tx, &change.id, ChangeState::Absent, None).await?;
        self.journal_in(&mut tx, upgrade_id.or(Some(&company.id)), "books.outcome", json!({"change": change.id, "outcome": "absent", "reason": reason})).await?;
        tx.commit().await.map_err(|e| failed("note an outcome", &e))
    }

    async fn settle_done(
        &self,
        company: &Company,
        connection: &Connection,
        change: &StoredChange,
        intent: &Intent,
        posted: &BTreeMap<EntryKey, (String, String)>,
        upgrade_id: Option<&str>,
    ) -> Result<(), Problem> {
        let mut entries = Vec::new();
        let mut identities = Vec::new();
        for planned in &intent.post {
            let (entry_id, print) = posted.get(&planned.entry.key).ok_or_else(|| torn(change, &planned.entry.key))?;
            entries.push(KnownEntry {
                entry_id: entry_id.clone(),
                key: planned.entry.key.clone(),
                version: planned.version.clone(),
                change_id: change.id.clone(),
                print: print.clone(),
                entry: planned.entry.clone(),
            });
            identities.extend(planned.keys.iter().map(|key| identity(key, entry_id, &planned.version)));
        }
        for taken in &intent.restore {
            entries.push(KnownEntry {
                entry_id: taken.entry_id.clone(),
                key: taken.key.clone(),
                version: taken.version.clone(),
                change_id: taken.change_id.clone(),
                print: taken.print.clone(),
                entry: taken.entry.clone(),
            });
            identities.extend(taken.keys.iter().map(|key| identity(key, &taken.entry_id, &taken.version)));
        }
        let gone: Vec<String> = intent.remove.iter().map(|taken| taken.entry_id.clone()).collect();

        let mut tx = journal::begin(&self.pool).await?;
        let before = movement::known_changes(&mut tx, &connection.id).await?;
        movement::drop_entries(&mut tx, &connection.id, &gone).await?;
        movement::put_entries(&mut tx, &connection.id, &entries).await?;
        movement::put_identities(&mut tx, &connection.id, &identities).await?;
        let after = movement::known_changes(&mut tx, &connection.id).await?;
        movement::settle_change(&mut tx, &change.id, ChangeState::Done, None).await?;
        self.journal_in(
            &mut tx,
            upgrade_id.or(Some(&company.id)),
            "books.outcome",
            json!({"change": change.id, "outcome": "done", "posted": intent.post.len(), "removed": gone.len(), "restored": intent.restore.len()}),
        )
        .await?;
        tx.commit().await.map_err(|e| failed("note an outcome", &e))?;
        self.learn(&connection.id, before, after, |known| known.change(&gone, entries, identities));
        Ok(())
    }

    /// Finds out what became of changes whose outcome is not known. Returns how many were settled.
    ///
    /// Errors: `E-CHANGE-TORN` when the books hold part of a change only, which our own writing cannot
    /// produce: then nothing more is written until a person has looked.
    pub async fn settle_changes(&self, company: &Company, connection: &Connection) -> Result<u64, Problem> {
        // A book that was replaced as a whole comes first: what is known has to fit it before anything is looked for in it.
        self.settle_restore(company).await?;
        let open = movement::changes(&self.pool, &connection.id, Some(ChangeState::Intent)).await?;
        if open.is_empty() {
            return Ok(0);
        }
        let book = self.books(company).await?;
        for change in &open {
            let intent: Intent = unpacked("change", &change.intent)?;
            let upgrade_id = change.upgrade_id.as_deref();
            match find_out(book.as_ref(), &intent).await? {
                Found::All(posted) => self.settle_done(company, connection, change, &intent, &posted, upgrade_id).await?,
                Found::None => self.mark_absent(company, change, upgrade_id, "after-restart").await?,
                Found::Part(key) => return Err(torn(change, &key)),
            }
        }
        Ok(open.len() as u64)
    }
}

enum Found {
    All(BTreeMap<EntryKey, (String, String)>),
    None,
    Part(EntryKey),
}

async fn find_out(book: &dyn Books, intent: &Intent) -> Result<Found, Problem> {
    let keys: Vec<EntryKey> = intent.post.iter().map(|p| p.entry.key.clone()).collect();
    let found = book.find(&keys).await?;
    let there: BTreeSet<String> =
        book.entries_by_id(&intent.restore.iter().chain(&intent.remove).map(|t| EntryId(t.entry_id.clone())).collect::<Vec<_>>()).await?.into_iter().map(|e| e.id.0).collect();
    let missing_post = keys.iter().find(|key| !found.contains_key(key));
    let restored = intent.restore.iter().filter(|t| there.contains(&t.entry_id)).count();
    let still_there = intent.remove.iter().filter(|t| there.contains(&t.entry_id)).count();

    let happened = missing_post.is_none() && restored == intent.restore.len() && still_there == 0;
    let absent = found.is_empty() && restored == 0 && still_there == intent.remove.len();
    if happened && !intent.is_empty() {
        let ids: Vec<EntryId> = found.values().cloned().collect();
        let prints: BTreeMap<String, String> = book.entries_by_id(&ids).await?.into_iter().map(|e| (e.id.0, e.print.0)).collect();
        let posted = found.into_iter().filter_map(|(key, id)| prints.get(&id.0).map(|print| (key, (id.0.clone(), print.clone())))).collect();
        return Ok(Found::All(posted));
    }
    if absent {
        return Ok(Found::None);
    }
    let witness = missing_post.or_else(|| intent.restore.first().map(|t| &t.key)).or_else(|| intent.remove.first().map(|t| &t.key));
    match witness.or(keys.first()) {
        Some(key) => Ok(Found::Part(key.clone())),
        None => Ok(Found::None),
    }
}

fn torn(change: &StoredChange, key: &EntryKey) -> Problem {
    Problem::new(
        E_CHANGE_TORN,
        "A change of the books is there only in part.",
        format!("Of change {} (\"{}\") the entry with the key {key} is not as it must be; Changeover replaces the file as a whole, so somebody else changed it.", change.id, change.purpose),
        "Nothing more is written. Compare with the copy kept beside the books, or restore the last backup.",
    )
    .touching(Touched::Unknown)
}

fn identity(key: &PlannedKey, entry_id: &str, version: &str) -> Identity {
    Identity {
        key: key.key.clone(),
        state: movement::KeyState::Posted,
        entry_id: entry_id.to_string(),
        version: version.to_string(),
        content: key.content.clone(),
        stream: key.stream.clone(),
        record: key.record.clone(),
        instant: key.instant,
    }
}

/// The books' form of an intent. The rows to put back move over, for they are the largest part; what is kept for later stands in the packed form.
fn change_set(intent: &mut Intent, company: &Company, expect: Option<books::Fingerprint>, now: jiff::Timestamp) -> ChangeSet {
    ChangeSet {
        remove: intent.remove.iter().map(|t| Removal { id: EntryId(t.entry_id.clone()), print: books::Print(t.print.clone()) }).collect(),
        post: intent.post.iter().map(|p| p.entry.clone()).collect(),
        restore: intent
            .restore
            .iter_mut()
            .map(|t| {
                let rows = std::mem::take(&mut t.rows.rows);
                books::RemovedEntry { rows, ..t.rows.clone() }
            })
            .collect(),
        closed_through: company.closed_through,
        expect,
        now,
    }
}

/// How the stored word of a change begins that takes a share of an upgrade back.
pub const UNDO: &str = "undo:";

/// The words a person reads while a change is carried out. `purpose` is a stored word.
pub fn purpose_title(purpose: &str) -> &'static str {
    match purpose {
        "sync" => "Posting new payments",
        crate::holding::PURPOSE => "Posting a held payment",
        "drain" => "Handing the last payments over",
        word if word.starts_with(UNDO) => "Going back: putting the earlier entries back",
        _ => "Moving payments to the new connector",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn going_back_is_never_called_moving_to_the_new_connector() {
        for name in [upgrade::SliceName::Canary, upgrade::SliceName::Wave(1)] {
            let (forth, back) = (crate::upgrading::slices::purpose(name), format!("{UNDO}{}", name.name()));
            assert_eq!(purpose_title(&forth), "Moving payments to the new connector");
            assert!(purpose_title(&back).starts_with("Going back"), "{back}");
        }
    }
}
