//! Putting the book of a backup in place of the live one, and taking that back.
//!
//! The order is the promise: a safety backup that was read back and proved; the restored book in a folder of its own, proved; the intent
//! in store and log; one rename; then everything that is known of the books' movements made to fit the book that is there now. At every
//! moment the book is the old one or the new one. It must never replace a book that somebody has open, never while an upgrade is under way,
//! and never bring a secret back: there is none in a backup.

use super::consistent::{Consistent, consistent};
use super::looking::{self, State};
use super::stored::{self, ConnectionOf, Facts, RestoreRow, RestoreStage, SettingsOf};
use crate::backups::{self, BackupRow};
use crate::crash;
use crate::engine::Engine;
use crate::home::{E_DISK_FULL, cannot_use, free_bytes};
use crate::progress::Watcher;
use crate::store::answer::{self, AnswerState, Answered};
use crate::store::company::{self, Company, Connection, ConnectionChange};
use crate::store::upgrade as upgrades;
use crate::store::{failed, movement};
use backup::FileRole;
use books::{Fingerprint, Step};
use jiff::{SignedDuration, Timestamp};
use ledger::{Code, EntryKey, Problem, Retry, Touched};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub const E_RESTORE_UPGRADE: Code = Code("E-RESTORE-UPGRADE");
pub const E_RESTORE_UNDO: Code = Code("E-RESTORE-UNDO");
/// Label of the backup that is taken before a book is put in place.
pub const SAFETY: &str = "before a restore";
/// Label of the backup that is taken before a restore is taken back.
pub const SAFETY_OF_UNDO: &str = "before taking a restore back";
/// So long a restore can be taken back in one step; its safety backup is listed for longer.
pub const UNDO_DAYS: i64 = 30;
/// Room that is left free beside books and copies.
const ROOM_BESIDES_BYTES: u64 = 64 << 20;
const STORED_BESIDE: &str = "restores";
const THEN: &str = "then";
const BEFORE: &str = "before";

/// What a restore in place did.
#[derive(Debug, Clone, PartialEq)]
pub struct PutBack {
    pub id: String,
    pub at: Timestamp,
    pub book: PathBuf,
    pub entries: u64,
    pub accounts: u64,
    /// The backup of the books as they were directly before.
    pub safety: String,
    /// The book as it was, beside the live one.
    pub kept: Option<PathBuf>,
    /// Payments that were posted and are not in the book now: the next fetch looks at them again.
    pub again: u64,
    pub unlinked: u64,
    pub stay_out: u64,
    /// The settings were put back too.
    pub settings: bool,
    /// What a person has to know beside that.
    pub notes: Vec<String>,
    /// Until when it can be taken back in one step; none where it took one back itself.
    pub undo_until: Option<Timestamp>,
}

/// A restore that can be taken back.
#[derive(Debug, Clone, PartialEq)]
pub struct Undoable {
    pub id: String,
    pub at: Timestamp,
    pub until: Timestamp,
    pub safety: String,
}

/// What shall be put in place.
struct Swap<'a> {
    backup_id: &'a str,
    safety_id: String,
    book: &'a Path,
    /// A folder with the lists of known movements that belong to the book.
    maps: &'a Path,
    settings: Option<SettingsOf>,
    undoes: Option<RestoreRow>,
}

impl Engine {
    /// Puts the book of a backup in place of the company's, with its settings where that is wanted.
    ///
    /// Errors: `E-SYNC-BUSY`, `E-RESTORE-UPGRADE`, `E-BOOKS-OPEN`, `E-DISK-FULL`, those of backups and of the books. Unless the problem says
    /// otherwise the books are as they were.
    pub async fn restore_in_place(&self, company: &Company, row: &BackupRow, settings: bool, watcher: &Watcher) -> Result<PutBack, Problem> {
        let _lock = self.lock_company(company)?;
        self.ready_to_replace(company, row.manifest.bytes_in_files()).await?;
        let work = self.home.work_folder(&format!("restore-{}", self.ids.new_id("r")))?;
        let done = self.in_place(company, row, settings, &work, watcher).await;
        std::fs::remove_dir_all(&work).map_err(|e| cannot_use(&work, &e))?;
        done
    }

    async fn in_place(&self, company: &Company, row: &BackupRow, settings: bool, work: &Path, watcher: &Watcher) -> Result<PutBack, Problem> {
        // What is to come back is proved before anything else is done: an unfit backup costs nothing then.
        watcher.report("Restoring the book into a folder of its own", 0, None, "bytes");
        let then = self.fetch_for_look(row, &work.join("backup")).await?;
        let book = then.dir.join(backups::book_in(&then.manifest)?);
        self.check_cancelled(watcher)?;
        watcher.report("Opening the restored book and adding everything up", 0, None, "entries");
        backups::compare_totals(&then.manifest, &backups::totals_of(&book).await?)?;
        let wanted = if settings { Some(self.settings_then(company, &then).await?) } else { None };
        self.check_cancelled(watcher)?;
        let safety = self.safety_backup(company, SAFETY, watcher).await?;
        let swap = Swap { backup_id: &row.id, safety_id: safety.id, book: &book, maps: &then.dir, settings: wanted, undoes: None };
        self.swap(company, swap, watcher).await
    }

    /// The newest restore in place, if it can still be taken back. Errors: `E-STORE…`.
    pub async fn undoable(&self, company: &Company) -> Result<Option<Undoable>, Problem> {
        let newest = stored::of_company(&self.pool, &company.id).await?.into_iter().find(|row| row.stage != RestoreStage::Absent);
        Ok(newest.filter(|row| row.stage == RestoreStage::Done && row.undoes.is_none()).and_then(|row| {
            let until = until(row.at);
            (self.now() <= until).then_some(Undoable { id: row.id, at: row.at, until, safety: row.safety_id })
        }))
    }

    /// Brings back the state from before the newest restore in place. Errors: `E-RESTORE-UNDO` where there is none that can be taken back,
    /// and as [`Engine::restore_in_place`].
    pub async fn undo_restore(&self, company: &Company, watcher: &Watcher) -> Result<PutBack, Problem> {
        let _lock = self.lock_company(company)?;
        self.settle_restore(company).await?;
        let Some(undoable) = self.undoable(company).await? else { return Err(self.no_undo(company).await?) };
        let row = stored::of_company(&self.pool, &company.id)
            .await?
            .into_iter()
            .find(|row| row.id == undoable.id)
            .ok_or_else(|| crate::store::unknown("restore", &undoable.id))?;
        let from = self.backup(company, Some(&row.safety_id)).await?;
        self.ready_to_replace(company, from.manifest.bytes_in_files()).await?;
        let work = self.home.work_folder(&format!("restore-{}", self.ids.new_id("r")))?;
        let done = self.undo(company, row, &from, &work, watcher).await;
        std::fs::remove_dir_all(&work).map_err(|e| cannot_use(&work, &e))?;
        done
    }

    async fn undo(&self, company: &Company, row: RestoreRow, from: &BackupRow, work: &Path, watcher: &Watcher) -> Result<PutBack, Problem> {
        let kept = self.kept_as_it_was(&row).await;
        let book = match kept {
            Some(kept) => kept,
            None => {
                watcher.report("Restoring the safety backup", 0, None, "bytes");
                let then = self.fetch_for_look(from, &work.join("backup")).await?;
                let book = then.dir.join(backups::book_in(&then.manifest)?);
                backups::compare_totals(&then.manifest, &backups::totals_of(&book).await?)?;
                book
            }
        };
        self.check_cancelled(watcher)?;
        let safety = self.safety_backup(company, SAFETY_OF_UNDO, watcher).await?;
        // It may be thinned out with the other earlier books while the new one is made.
        let own = work.join("book");
        std::fs::copy(&book, &own).map_err(|e| cannot_use(&own, &e))?;
        let maps = self.beside(&row.id).join(BEFORE);
        let settings = row.facts.settings.as_ref().map(|_| row.facts.settings_before.clone());
        let backup_id = row.safety_id.clone();
        let swap = Swap { backup_id: &backup_id, safety_id: safety.id, book: &own, maps: &maps, settings, undoes: Some(row) };
        self.swap(company, swap, watcher).await
    }

    /// The book from before, if it still lies beside the live one as it was.
    async fn kept_as_it_was(&self, row: &RestoreRow) -> Option<PathBuf> {
        let kept = row.facts.kept.clone()?;
        let found = crate::books_port::open(&kept).await.ok()?.fingerprint().await.ok()?;
        (found == row.facts.before).then_some(kept)
    }

    async fn no_undo(&self, company: &Company) -> Result<Problem, Problem> {
        let newest = stored::of_company(&self.pool, &company.id).await?.into_iter().find(|row| row.stage != RestoreStage::Absent);
        let why = match newest {
            None => "Nothing was ever restored in place here.".to_string(),
            Some(row) if row.stage == RestoreStage::Undone || row.undoes.is_some() => "The newest restore was taken back already; that goes once.".to_string(),
            Some(row) => format!("It was possible until {}.", until(row.at)),
        };
        Ok(Problem::new(
            E_RESTORE_UNDO,
            format!("There is no restore of \"{}\" that can be taken back.", company.name),
            why,
            "Choose the backup that was taken before the restore from the list and restore that one.",
        ))
    }

    /// Whether the book could be put in place now. Reads only. Errors: `E-RESTORE-UPGRADE`, `E-BOOKS-OPEN`, those of the books.
    pub async fn may_replace(&self, company: &Company) -> Result<(), Problem> {
        for connection in &self.accounts(company).await? {
            if let Some(open) = upgrades::open_of(&self.pool, &connection.id).await? {
                return Err(Problem::new(
                    E_RESTORE_UPGRADE,
                    "The book cannot be replaced while an upgrade is under way.",
                    format!("The upgrade {} from version {} to {} compares the book with how it was when it began.", open.id, open.from_version, open.to_version),
                    "Finish the upgrade or roll it back first. A backup can be restored into a new folder at any time.",
                )
                .retrying(Retry::Never));
            }
        }
        match self.books(company).await {
            Ok(book) => book.free().await.map(drop),
            Err(problem) => Err(unsaved(problem)),
        }
    }

    /// Nothing is under way that a replaced book would break, nobody has it open, and there is room for what is made on the way.
    async fn ready_to_replace(&self, company: &Company, coming_bytes: u64) -> Result<(), Problem> {
        for connection in &self.accounts(company).await? {
            self.settle_changes(company, connection).await?;
            self.settle_answers(company, connection).await?;
        }
        self.may_replace(company).await?;
        let size = std::fs::metadata(&company.books_path).map_err(|e| cannot_use(&company.books_path, &e))?.len();
        let folder = company.books_path.parent().unwrap_or(Path::new(".")).to_path_buf();
        // Beside the book: the copy that is swapped in. In the work folder: what is restored, and the safety backup with its proof.
        for (dir, needed) in [(folder, size.max(coming_bytes)), (self.home.work(), coming_bytes.saturating_add(size.saturating_mul(3)))] {
            let needed = needed.saturating_add(ROOM_BESIDES_BYTES);
            if let Some(free) = free_bytes(&dir).filter(|free| *free < needed) {
                return Err(Problem::new(
                    E_DISK_FULL,
                    format!("There is not enough room on the disk that holds \"{}\".", dir.display()),
                    format!("Restoring needs about {} MB there for a while; {} MB are free.", needed.div_ceil(1_000_000), free / 1_000_000),
                    "Free some space, then try again.",
                ));
            }
        }
        Ok(())
    }

    /// A backup of the books as they are, copied, read back, restored and proved; without it nothing is replaced.
    async fn safety_backup(&self, company: &Company, label: &str, watcher: &Watcher) -> Result<BackupRow, Problem> {
        let row = self.take_backup(company, label, None, watcher).await?;
        let folder = self.home.work_folder(&format!("proof-{}", row.id))?;
        let proved = self.prove_backup(company, &row, &folder, watcher).await;
        std::fs::remove_dir_all(&folder).map_err(|e| cannot_use(&folder, &e))?;
        proved?;
        crash::point("restore.safety-proved");
        Ok(row)
    }

    /// The settings of a backup as far as they can be put back. Errors: `E-CONNECTOR-UNKNOWN`, `E-STORE-UNKNOWN`.
    async fn settings_then(&self, company: &Company, then: &State) -> Result<SettingsOf, Problem> {
        let read = |role| -> Result<serde_json::Value, Problem> {
            let files = then.manifest.files.iter().find(|file| file.role == role);
            let file = files.ok_or_else(|| crate::store::unknown("settings of a backup", "none"))?;
            let path = then.dir.join(&file.path);
            let bytes = std::fs::read(&path).map_err(|e| cannot_use(&path, &e))?;
            crate::store::from_json("settings of a backup", &bytes)
        };
        let setup = read(FileRole::ConnectorSetup)?;
        let roles: BTreeMap<String, ledger::RoleMap> =
            serde_json::from_value(read(FileRole::Mappings)?).map_err(|e| crate::store::unknown("account roles of a backup", &e.to_string()))?;
        let text = |value: Option<&serde_json::Value>| value.and_then(serde_json::Value::as_str).unwrap_or_default().to_string();
        let zone = text(setup.pointer("/company/zone"));
        jiff::tz::TimeZone::get(&zone).map_err(|_| crate::store::unknown("time zone of a backup", &zone))?;
        let closed = text(setup.pointer("/company/closed_through"));
        let closed_through = if closed.is_empty() { None } else { Some(crate::store::parsed("date", &closed)?) };
        let mut connections = Vec::new();
        let today = self.accounts(company).await?;
        for connection in setup.get("connections").and_then(serde_json::Value::as_array).into_iter().flatten() {
            let part = |name: &str| text(connection.get(name));
            // One that is not connected any more has no access to be used with: it is named, not made up.
            let Some(there) = today.iter().find(|c| c.id == part("id")) else { continue };
            if !there.is_access_only() {
                self.package(&part("connector"), &part("version"))?;
            }
            connections.push(ConnectionOf {
                roles: roles.get(&there.id).cloned().unwrap_or_else(|| there.roles.clone()),
                id: part("id"),
                connector: part("connector"),
                version: part("version"),
            });
        }
        Ok(SettingsOf { zone, closed_through, connections })
    }

    fn beside(&self, restore: &str) -> PathBuf {
        self.home.dir().join(STORED_BESIDE).join(restore)
    }

    /// Intent, rename, outcome.
    async fn swap(&self, company: &Company, swap: Swap<'_>, watcher: &Watcher) -> Result<PutBack, Problem> {
        self.check_cancelled(watcher)?;
        watcher.report("Putting the restored book in place", 0, None, "entries");
        let connections = self.accounts(company).await?;
        let book = self.books(company).await?;
        let settings_before = SettingsOf {
            zone: company.zone.clone(),
            closed_through: company.closed_through,
            connections: connections
                .iter()
                .map(|c| ConnectionOf { id: c.id.clone(), connector: c.connector.clone(), version: c.version.clone(), roles: c.roles.clone() })
                .collect(),
        };
        let mut row = RestoreRow {
            id: self.ids.new_id("restore"),
            company_id: company.id.clone(),
            backup_id: swap.backup_id.to_string(),
            safety_id: swap.safety_id,
            undoes: swap.undoes.as_ref().map(|undone| undone.id.clone()),
            stage: RestoreStage::Intent,
            position: 0,
            at: self.now(),
            facts: Facts {
                before: book.fingerprint().await?,
                after: crate::books_port::open(swap.book).await?.fingerprint().await?,
                kept: None,
                settings: swap.settings,
                settings_before,
                answers: Vec::new(),
                again: 0,
                unlinked: 0,
                stay_out: 0,
            },
        };
        self.keep_maps(&row.id, &connections, swap.maps).await?;
        let mut tx = journal::begin(&self.pool).await?;
        let body = json!({"restore": row.id, "backup": row.backup_id, "safety": row.safety_id, "undoes": row.undoes, "settings": row.facts.settings.is_some(),
                          "before": row.facts.before, "after": row.facts.after});
        row.position = self.journal_in(&mut tx, Some(&company.id), "backup.restore_begun", body).await?;
        stored::insert(&mut tx, &row).await?;
        tx.commit().await.map_err(|e| failed("note a restore", &e))?;
        crash::point("restore.intent-written");
        let replaced = book.replace(swap.book, self.now(), &mut |step| crash::point(point(step))).await;
        match replaced {
            Ok(replaced) => row.facts.kept = Some(replaced.kept),
            Err(problem) => {
                if problem.touched == Touched::Nothing {
                    self.restore_absent(company, &row, problem.code.0).await?;
                }
                return Err(problem);
            }
        }
        self.finish_restore(company, row).await
    }

    /// The lists of known movements that belong to the book that comes and to the one that goes, until nothing has to be taken back.
    async fn keep_maps(&self, restore: &str, connections: &[Connection], then: &Path) -> Result<(), Problem> {
        let dir = self.beside(restore);
        for sub in [THEN, BEFORE] {
            std::fs::create_dir_all(dir.join(sub)).map_err(|e| cannot_use(&dir, &e))?;
        }
        for connection in connections {
            let name = stored::map_name(&connection.id);
            backups::write_known(&dir.join(BEFORE), &name, self.known(&connection.id).await?.as_ref())?;
            let (from, to) = (then.join(&name), dir.join(THEN).join(&name));
            match std::fs::copy(&from, &to) {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(cannot_use(&to, &error)),
            }
        }
        Ok(())
    }

    /// Lists of restores that nobody can take back any more. A folder that cannot be removed is met again at the next restore.
    async fn tidy_beside(&self, company: &Company, newest: &RestoreRow) -> Result<(), Problem> {
        for row in stored::of_company(&self.pool, &company.id).await? {
            if row.id != newest.id || newest.undoes.is_some() {
                let _ = std::fs::remove_dir_all(self.beside(&row.id));
            }
        }
        Ok(())
    }

    async fn restore_absent(&self, company: &Company, row: &RestoreRow, why: &str) -> Result<(), Problem> {
        let mut tx = journal::begin(&self.pool).await?;
        stored::settle(&mut tx, &row.id, RestoreStage::Absent, &row.facts).await?;
        self.journal_in(&mut tx, Some(&company.id), "backup.restore_absent", json!({"restore": row.id, "why": why})).await?;
        tx.commit().await.map_err(|e| failed("note what became of a restore", &e))
    }

    /// Finds out what became of a restore that a process left behind. The book itself says it: it is the new one, or the old one lies beside
    /// it under another name. Errors: those of the books and the store; nobody writes to the books then.
    pub(crate) async fn settle_restore(&self, company: &Company) -> Result<(), Problem> {
        for mut row in stored::of_company(&self.pool, &company.id).await?.into_iter().filter(|row| row.stage == RestoreStage::Intent) {
            match self.replaced(company, &row.facts.before).await? {
                Some(kept) => {
                    row.facts.kept = Some(kept);
                    self.finish_restore(company, row).await?;
                }
                None => self.restore_absent(company, &row, "after-restart").await?,
            }
        }
        Ok(())
    }

    /// Where the earlier book lies, if the live one is not it any more.
    async fn replaced(&self, company: &Company, before: &Fingerprint) -> Result<Option<PathBuf>, Problem> {
        let book = self.books(company).await?;
        // A kept name on the live file itself is a leftover from before the rename.
        book.clean_up()?;
        if book.fingerprint().await? == *before {
            return Ok(None);
        }
        for kept in book.kept()?.into_iter().rev() {
            if crate::books_port::open(&kept).await?.fingerprint().await? == *before {
                return Ok(Some(kept));
            }
        }
        Ok(None)
    }

    /// Makes everything that is known fit the book that is in place now, and writes the outcome, all at once.
    async fn finish_restore(&self, company: &Company, mut row: RestoreRow) -> Result<PutBack, Problem> {
        crash::point("restore.swapped");
        self.forget_entries();
        let book = self.books(company).await?;
        let silent = Watcher::silent();
        let outline = looking::outline(book.as_ref(), &silent).await?;
        let now: BTreeSet<String> = outline.marks.into_iter().map(|mark| mark.id).collect();
        let before: BTreeSet<String> = match &row.facts.kept {
            Some(kept) => looking::outline(crate::books_port::open(kept).await?.as_ref(), &silent).await?.marks.into_iter().map(|mark| mark.id).collect(),
            None => BTreeSet::new(),
        };
        let connections = self.accounts(company).await?;
        let mut fits: Vec<(&Connection, Consistent)> = Vec::new();
        for connection in &connections {
            let then = stored::known_then(&self.beside(&row.id).join(THEN), &connection.id)?;
            fits.push((connection, consistent(&then, self.known(&connection.id).await?.as_ref(), &now, &before)));
        }
        let undone = match &row.undoes {
            Some(id) => stored::of_company(&self.pool, &company.id).await?.into_iter().find(|other| other.id == *id),
            None => None,
        };
        let mut tx = journal::begin(&self.pool).await?;
        for (connection, fit) in &fits {
            movement::forget(&mut tx, &connection.id, &fit.forget_keys, &fit.forget_entries).await?;
            movement::put_entries(&mut tx, &connection.id, &fit.put_entries).await?;
            movement::put_identities(&mut tx, &connection.id, &fit.put_identities).await?;
            row.facts.again += fit.again;
            row.facts.unlinked += fit.unlinked;
            row.facts.stay_out += fit.stay_out;
            let posted_now: BTreeSet<&EntryKey> = fit.put_identities.iter().map(|identity| &identity.key).collect();
            for given in answer::standing(&self.pool, &connection.id).await? {
                let entry_gone = given.entry_id.as_ref().is_some_and(|entry| !now.contains(entry) && before.contains(entry));
                let (ends, held_again) = match (given.state, given.answer) {
                    (AnswerState::Done, Answered::Linked | Answered::Posted) => (entry_gone, entry_gone),
                    (AnswerState::Done, Answered::Excluded) => (given.keys.iter().any(|key| posted_now.contains(&key.key)), false),
                    (AnswerState::Intent | AnswerState::Absent | AnswerState::Undone, _) => (false, false),
                };
                if ends {
                    answer::set_state(&mut tx, &given.id, AnswerState::Undone, None).await?;
                    row.facts.answers.push(given.id.clone());
                }
                if held_again {
                    answer::put_hold(&mut tx, &connection.id, &given.version, &given.hold).await?;
                }
            }
            if let Some(undone) = &undone {
                for given in answer::last_undone(&self.pool, &connection.id).await?.into_iter().filter(|given| undone.facts.answers.contains(&given.id)) {
                    answer::set_state(&mut tx, &given.id, AnswerState::Done, None).await?;
                    answer::drop_hold(&mut tx, &connection.id, &given.hold).await?;
                }
            }
        }
        if let Some(settings) = &row.facts.settings {
            company::set_zone_and_closing(&mut tx, &company.id, &settings.zone, settings.closed_through).await?;
            for one in &settings.connections {
                company::change_connection(&mut *tx, &one.id, ConnectionChange::Version(&one.version)).await?;
                company::change_connection(&mut *tx, &one.id, ConnectionChange::Roles(&one.roles)).await?;
            }
        }
        stored::settle(&mut tx, &row.id, RestoreStage::Done, &row.facts).await?;
        let mut kind = "backup.restored_in_place";
        if let Some(undone) = &undone {
            stored::settle(&mut tx, &undone.id, RestoreStage::Undone, &undone.facts).await?;
            kind = "backup.restore_undone";
        }
        let entries = now.len() as u64;
        let body = json!({"restore": row.id, "backup": row.backup_id, "safety": row.safety_id, "entries": entries, "again": row.facts.again,
                          "unlinked": row.facts.unlinked, "stay_out": row.facts.stay_out, "settings": row.facts.settings.is_some()});
        self.journal_in(&mut tx, Some(&company.id), kind, body).await?;
        tx.commit().await.map_err(|e| failed("note what became of a restore", &e))?;
        crash::point("restore.outcome-written");
        self.tidy_beside(company, &row).await?;
        let roles = match &row.facts.settings {
            Some(settings) => settings.connections.iter().map(|one| (one.id.clone(), one.roles.clone())).collect(),
            None => connections.iter().map(|c| (c.id.clone(), c.roles.clone())).collect::<Vec<_>>(),
        };
        let mut notes = Vec::new();
        for (connection, roles) in roles {
            for (role, account) in roles.0.iter().filter(|(_, account)| !outline.accounts.iter().any(|there| there.id == **account)) {
                notes.push(format!("The account for {} of {connection} is not in this book ({account}); choose another before the next fetch.", role.title().to_lowercase()));
            }
        }
        Ok(PutBack {
            undo_until: row.undoes.is_none().then(|| until(row.at)),
            id: row.id,
            at: row.at,
            book: company.books_path.clone(),
            entries,
            accounts: outline.accounts.len() as u64,
            safety: row.safety_id,
            kept: row.facts.kept,
            again: row.facts.again,
            unlinked: row.facts.unlinked,
            stay_out: row.facts.stay_out,
            settings: row.facts.settings.is_some(),
            notes,
        })
    }
}

/// A present book that cannot be opened can have no safety backup, so nothing takes its place; the way around it is said.
fn unsaved(mut problem: Problem) -> Problem {
    if [books::E_BOOKS_MISSING, books::E_BOOKS_DAMAGED, books::E_BOOKS_NOT_GNUCASH].contains(&problem.code) {
        problem.next = "Restore the backup into a new folder and put the book from there in its place; what lies there now has no safety backup.".to_string();
    }
    problem
}

fn until(at: Timestamp) -> Timestamp {
    at.checked_add(SignedDuration::from_hours(24 * UNDO_DAYS)).unwrap_or(at)
}

/// The crash sweeps' names for the steps of the swap.
fn point(step: Step) -> &'static str {
    match step {
        Step::Locked => "restore.locked",
        Step::Copied | Step::Permitted | Step::Written => "restore.copied",
        Step::Checked => "restore.checked",
        Step::Synced => "restore.synced",
        Step::Kept => "restore.kept",
        Step::Rechecked => "restore.rechecked",
        Step::Swapped => "restore.renamed",
        Step::FolderSynced => "restore.folder-synced",
        Step::ReadBack => "restore.read-back",
    }
}
