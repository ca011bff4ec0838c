//! Backups of a company: staged from consistent copies, copied, read back, restored, and proved.
//!
//! A backup holds the book, the connector set-up, mappings, identity map, raw records and the log; never a
//! secret. Nothing here calls a backup good before its three marks are there.

use crate::engine::Engine;
use crate::progress::Watcher;
use crate::store::company::Company;
use crate::store::movement::{Identity, Known, KnownEntry};
use crate::store::{self, failed, parsed, record};
use crate::upgrading::baseline;
use backup::{About, Backups, Cancel, FileRole, Manifest, Place, RecoveryKit, RepositoryKey, Staging, Total, VerifiedBackup, Wanted, Worker};
use jiff::Timestamp;
use ledger::{Code, Problem};
use secrecy::SecretString;
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::Row;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

pub const E_BACKUP_NONE: Code = Code("E-BACKUP-NONE");
pub const E_BACKUP_TOTALS: Code = Code("E-BACKUP-TOTALS");
pub const CODES: &[Code] = &[E_BACKUP_NONE, E_BACKUP_TOTALS];

/// Name of the book inside a backup.
const BOOK_FOLDER: &str = "book";
/// The log's newest checkpoint inside a backup.
const CHECKPOINT_FILE: &str = "log-checkpoint.txt";
/// The set-up inside a backup; it names the business's time zone.
pub const SET_UP_FILE: &str = "connector-set-up.json";
pub const KEY_NAME: &str = "backup-place-key";

/// One backup as the catalogue knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct BackupRow {
    pub id: String,
    pub company_id: String,
    pub snapshot: String,
    pub place: PathBuf,
    pub label: String,
    pub copied_at: Timestamp,
    pub checked_at: Option<Timestamp>,
    pub restored_at: Option<Timestamp>,
    pub files: u64,
    pub bytes: u64,
    pub entries: u64,
    pub journal_seq: u64,
    pub manifest: Manifest,
    pub upgrade_id: Option<String>,
}

/// Where a restored backup was opened, and what it held.
#[derive(Debug, Clone)]
pub struct RestoredCopy {
    pub dir: PathBuf,
    pub book: PathBuf,
    pub entries: u64,
    pub accounts: u64,
    pub files: u64,
    pub bytes: u64,
}

fn backup_row(row: &sqlx::sqlite::SqliteRow) -> Result<BackupRow, Problem> {
    let instant = |name: &str| -> Result<Option<Timestamp>, Problem> {
        let text: Option<String> = row.get(name);
        text.map(|t| parsed("instant", &t)).transpose()
    };
    let count = |name: &str| -> Result<u64, Problem> { u64::try_from(row.get::<i64, _>(name)).map_err(|_| store::unknown("count", name)) };
    Ok(BackupRow {
        id: row.get("id"),
        company_id: row.get("company_id"),
        snapshot: row.get("snapshot"),
        place: PathBuf::from(row.get::<String, _>("place")),
        label: row.get("label"),
        copied_at: parsed("instant", row.get("copied_at"))?,
        checked_at: instant("checked_at")?,
        restored_at: instant("restored_at")?,
        files: count("files")?,
        bytes: count("bytes")?,
        entries: count("entries")?,
        journal_seq: count("journal_seq")?,
        manifest: store::from_json("backup's list of files", row.get::<String, _>("manifest").as_bytes())?,
        upgrade_id: row.get("upgrade_id"),
    })
}

impl Engine {
    fn place(&self) -> Result<Place, Problem> {
        Place::folder(std::fs::canonicalize(self.home.backups()).map_err(|e| crate::home::cannot_use(&self.home.backups(), &e))?)
    }

    pub(crate) fn worker(&self) -> Backups {
        Backups::new(Worker::new(self.worker.clone()))
    }

    /// The place's key, making place and key at the first call. In a practice home the kit is written beside it.
    pub(crate) async fn place_key(&self) -> Result<(Place, RepositoryKey), Problem> {
        let place = self.place()?;
        if let Some(sealed) = store::setting(&self.pool, KEY_NAME).await? {
            match self.vault.open_named(KEY_NAME, &sealed).await {
                Ok(key) => return Ok((place, RepositoryKey::from_stored(key)?)),
                // A practice session without a keychain ended: the practice kit lies in the practice home.
                Err(problem) => match self.practice_kit()? {
                    Some(kit) => return Ok((place, kit.into_key())),
                    None => return Err(problem),
                },
            }
        }
        let worker = self.worker();
        let at = place.clone();
        let (key, kit, way) = tokio::task::block_in_place(move || worker.create_place_with_way(&at))?;
        let secret = SecretString::from(key.expose().to_owned());
        let sealed = self.vault.seal_named(KEY_NAME, &secret).await?;
        store::set_setting(&self.pool, KEY_NAME, &sealed).await?;
        self.journal(None, "backup.place_made", json!({"place": place.path().display().to_string()})).await?;
        if self.is_practice() {
            // Asks for the key of the place again, which is there by now.
            Box::pin(self.keep_practice_kit(kit, &way, &self.practice_kit_file())).await?;
        }
        Ok((place, key))
    }

    /// Makes the place for backups, if there is none yet.
    pub async fn make_place(&self) -> Result<(), Problem> {
        self.place_key().await.map(drop)
    }

    /// Only in practice: a kit for real books is written where its owner says, never beside the backups.
    fn practice_kit_file(&self) -> PathBuf {
        self.home.dir().join("practice-recovery-kit.txt")
    }

    fn practice_kit(&self) -> Result<Option<RecoveryKit>, Problem> {
        if !self.is_practice() {
            return Ok(None);
        }
        match std::fs::read_to_string(self.practice_kit_file()) {
            Ok(text) => RecoveryKit::parse(&text).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Backups of a company, newest first.
    pub async fn backups(&self, company: &Company) -> Result<Vec<BackupRow>, Problem> {
        let rows = sqlx::query("SELECT * FROM backup WHERE company_id = $1 ORDER BY copied_at DESC, journal_seq DESC, id DESC")
            .bind(&company.id)
            .fetch_all(&self.pool)
            .await
            .map_err(|e| failed("read backups", &e))?;
        rows.iter().map(backup_row).collect()
    }

    /// The backup with this id, or the newest. Errors: `E-BACKUP-NONE`.
    pub async fn backup(&self, company: &Company, id: Option<&str>) -> Result<BackupRow, Problem> {
        let all = self.backups(company).await?;
        let found = match id {
            Some(id) => all.iter().find(|b| b.id == id || b.snapshot.starts_with(id)),
            None => all.first(),
        };
        found.cloned().ok_or_else(|| {
            Problem::new(
                E_BACKUP_NONE,
                format!("There is no such backup of \"{}\".", company.name),
                format!("{} backups are known.", all.len()),
                "List the backups and choose one, or take one now.",
            )
        })
    }

    /// Copies and reads back: marks one and two. The books are staged from a consistent copy.
    pub async fn take_backup(&self, company: &Company, label: &str, upgrade_id: Option<&str>, watcher: &Watcher) -> Result<BackupRow, Problem> {
        let (place, key) = self.place_key().await?;
        let staging_dir = self.home.work_folder(&format!("staging-{}", self.ids.new_id("s")))?;
        let signed = self.sign_log().await?;
        let journal_seq = self.journal.head().await?.map_or(0, |h| h.seq);
        let staging = self.stage(company, &staging_dir, journal_seq, signed).await?;
        let known: Vec<String> =
            sqlx::query_scalar("SELECT snapshot FROM backup").fetch_all(&self.pool).await.map_err(|e| failed("read backups", &e))?;
        crate::crash::point("backup.staged");
        let wanted = Wanted { label: company.name.clone(), tags: vec![label.replace(',', " ")], known };
        let worker = self.cancellable(watcher);
        let report = watcher.clone();
        let (copied, checked) = tokio::task::block_in_place(|| {
            let copied = worker.take(&place, &key, &staging, &wanted, &mut |p| report.report("Copying into the backup", p.done_bytes, p.total_bytes, "bytes"))?;
            crate::crash::point("backup.copied");
            let checked = worker.check(&place, &key, copied.id(), &mut |p| report.report("Reading the backup back", p.done_bytes, p.total_bytes, "bytes"))?;
            Ok::<_, Problem>((copied, checked))
        })?;
        let manifest = copied.manifest().clone();
        let row = BackupRow {
            id: self.ids.new_id("backup"),
            company_id: company.id.clone(),
            snapshot: copied.id().to_string(),
            place: place.path().to_path_buf(),
            label: label.to_string(),
            copied_at: self.now(),
            checked_at: Some(self.now()),
            restored_at: None,
            files: checked.files(),
            bytes: manifest.bytes_in_files(),
            entries: manifest.about.counts.get("entries").copied().unwrap_or(0),
            journal_seq,
            manifest,
            upgrade_id: upgrade_id.map(str::to_string),
        };
        self.insert_backup(&row).await?;
        self.journal(
            upgrade_id.or(Some(&company.id)),
            "backup.taken",
            json!({"backup": row.id, "snapshot": row.snapshot, "files": row.files, "bytes": row.bytes, "entries": row.entries, "label": label}),
        )
        .await?;
        // The staged copy is not needed any more; a leftover is removed with the next one.
        std::fs::remove_dir_all(&staging_dir).map_err(|e| crate::home::cannot_use(&staging_dir, &e))?;
        Ok(row)
    }

    pub(crate) fn cancellable(&self, watcher: &Watcher) -> Backups {
        let cancel = Cancel::default();
        let handle = cancel.clone();
        let watched = watcher.clone();
        // Ends with the watcher: a cancel kills the child, which is safe at any moment.
        watcher.on_cancel(move || handle.cancel());
        if watched.is_cancelled() {
            cancel.cancel();
        }
        self.worker().cancelled_by(&cancel)
    }

    /// Restores into an empty folder, opens the books and recomputes every total: mark three.
    pub async fn prove_backup(&self, company: &Company, row: &BackupRow, to: &Path, watcher: &Watcher) -> Result<(VerifiedBackup, RestoredCopy), Problem> {
        let (place, key) = self.place_key().await?;
        let worker = self.cancellable(watcher);
        let report = watcher.clone();
        let (copied, checked, restored) = tokio::task::block_in_place(|| {
            let copied = worker.confirm(&place, &key, &row.snapshot)?;
            let checked = worker.check(&place, &key, &row.snapshot, &mut |_| {})?;
            let restored = worker.restore(&place, &key, &row.snapshot, to, &mut |p| report.report("Restoring into an empty folder", p.done_bytes, p.total_bytes, "bytes"))?;
            Ok::<_, Problem>((copied, checked, restored))
        })?;
        let opened = open_restored(to, restored.manifest()).await?;
        let totals = opened.1;
        let verified = backup::prove(copied, checked, restored, &|_, manifest| compare_totals(manifest, &totals))?;
        sqlx::query("UPDATE backup SET restored_at = $2, checked_at = $2 WHERE id = $1")
            .bind(&row.id)
            .bind(self.now().to_string())
            .execute(&self.pool)
            .await
            .map_err(|e| failed("note a proof", &e))?;
        self.journal(
            row.upgrade_id.as_deref().or(Some(&company.id)),
            "backup.proved",
            json!({"backup": row.id, "entries": opened.0.entries, "accounts": opened.0.accounts, "files": opened.0.files}),
        )
        .await?;
        Ok((verified, opened.0))
    }

    async fn insert_backup(&self, row: &BackupRow) -> Result<(), Problem> {
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        sqlx::query(
            "INSERT INTO backup (id, company_id, snapshot, place, label, copied_at, checked_at, restored_at, files, bytes, entries, journal_seq, manifest, upgrade_id) \
             VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)",
        )
        .bind(&row.id)
        .bind(&row.company_id)
        .bind(&row.snapshot)
        .bind(row.place.to_string_lossy().into_owned())
        .bind(&row.label)
        .bind(row.copied_at.to_string())
        .bind(row.checked_at.map(|t| t.to_string()))
        .bind(row.restored_at.map(|t| t.to_string()))
        .bind(number(row.files))
        .bind(number(row.bytes))
        .bind(number(row.entries))
        .bind(number(row.journal_seq))
        .bind(store::to_json(&row.manifest)?)
        .bind(&row.upgrade_id)
        .execute(&self.pool)
        .await
        .map(|_| ())
        .map_err(|e| failed("note a backup", &e))
    }

    /// Puts everything that belongs to a company into `dir`, ready to be copied.
    pub(crate) async fn stage(&self, company: &Company, dir: &Path, journal_seq: u64, signed: Option<journal::Checkpoint>) -> Result<Staging, Problem> {
        let book = self.books(company).await?;
        let mut files: Vec<(String, FileRole)> = Vec::new();
        let book_dir = dir.join(BOOK_FOLDER);
        std::fs::create_dir_all(&book_dir).map_err(|e| crate::home::cannot_use(&book_dir, &e))?;
        let copy = book.snapshot_to(&book_dir).await?;
        let name = copy.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        files.push((format!("{BOOK_FOLDER}/{name}"), FileRole::Book));
        // Totals are read from the copy: a live book could change between copying and counting.
        let totals = totals_of(&copy).await?;

        let connections = self.accounts(company).await?;
        let mut counts = BTreeMap::from([("entries".to_string(), totals.entries), ("connections".to_string(), connections.len() as u64)]);
        let setup: Vec<serde_json::Value> = connections
            .iter()
            .map(|c| {
                json!({"id": c.id, "provider": c.provider, "environment": c.environment, "client_id": c.client_id, "tenant_id": c.tenant_id,
                       "tenant_name": c.tenant_name, "connector": c.connector, "version": c.version, "sync_from": c.sync_from})
            })
            .collect();
        let company_json = json!({"id": company.id, "name": company.name, "zone": company.zone, "currency": company.currency.code(),
                                  "closed_through": company.closed_through.map(|d| d.to_string()), "books_file": name, "practice": company.practice});
        write_json(dir, SET_UP_FILE, &json!({"company": company_json, "connections": setup}))?;
        files.push((SET_UP_FILE.into(), FileRole::ConnectorSetup));
        let roles: BTreeMap<&str, &ledger::RoleMap> = connections.iter().map(|c| (c.id.as_str(), &c.roles)).collect();
        write_json(dir, "account-roles.json", &roles)?;
        files.push(("account-roles.json".into(), FileRole::Mappings));
        write_json(dir, "settings.json", &json!({"installation": self.installation, "journal_position": journal_seq}))?;
        files.push(("settings.json".into(), FileRole::Settings));

        for connection in &connections {
            let known = self.known(&connection.id).await?;
            counts.insert("keys".into(), counts.get("keys").copied().unwrap_or(0) + known.identities.len() as u64);
            let file = format!("identity-map-{}.json", connection.id);
            write_json(dir, &file, &identity_map(&known))?;
            files.push((file, FileRole::IdentityMap));
            for package in self.catalog.connectors().filter(|p| p.name() == connection.connector) {
                if record::count(&self.pool, &connection.id, package.version()).await? == 0 {
                    continue;
                }
                let file = format!("records-{}-{}.jsonl", connection.id, package.version());
                let path = dir.join(&file);
                let cannot = |e: &std::io::Error| crate::home::cannot_use(&path, e);
                let mut out = std::io::BufWriter::new(std::fs::File::create(&path).map_err(|e| cannot(&e))?);
                let mut written = 0;
                record::each_newest(&self.pool, &connection.id, package.version(), |lines| {
                    written += lines.len() as u64;
                    lines.iter().try_for_each(|line| writeln!(out, "{line}").map_err(|e| cannot(&e)))
                })
                .await?;
                out.flush().map_err(|e| cannot(&e))?;
                counts.insert("records".into(), counts.get("records").copied().unwrap_or(0) + written);
                files.push((file, FileRole::RawRecords));
            }
        }
        let mut log = String::new();
        let mut after = 0;
        loop {
            let page = self.journal.entries(&journal::Filter::default(), after, journal::store::LARGEST_PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            for entry in &page {
                log.push_str(&store::to_json(&json!({"seq": entry.seq, "scope": entry.scope, "kind": entry.kind, "body": entry.body, "actor": entry.actor,
                                                 "at": entry.at, "prev": hex::encode(entry.prev), "hash": hex::encode(entry.hash)}))?);
                log.push('\n');
            }
        }
        write_text(dir, "log.jsonl", &log)?;
        files.push(("log.jsonl".into(), FileRole::Journal));
        if let Some(signed) = signed {
            // A copy of the checkpoint that leaves the store: what `log verify --checkpoint` compares with.
            write_text(dir, CHECKPOINT_FILE, &signed.note)?;
            files.push((CHECKPOINT_FILE.into(), FileRole::Other));
        }
        let about = About {
            at: self.now(),
            company_id: company.id.clone(),
            company_name: company.name.clone(),
            made_by: format!("changeover {}", env!("CARGO_PKG_VERSION")),
            totals: totals.totals,
            per_day_digest: Some(totals.digest),
            counts,
            missing: Vec::new(),
        };
        Staging::build(dir, about, files)
    }
}

/// Totals of a book file, as a manifest states them.
#[derive(Debug, Clone)]
pub struct BookTotals {
    pub entries: u64,
    pub accounts: u64,
    pub totals: Vec<Total>,
    pub digest: String,
}

/// Opens a book file and adds everything up, per account and per day.
pub async fn totals_of(path: &Path) -> Result<BookTotals, Problem> {
    let book = crate::books_port::open(path).await?;
    let description = book.describe().await?;
    let now = baseline::take(book.as_ref(), 0, Timestamp::UNIX_EPOCH).await?;
    let mut lines: BTreeMap<&ledger::AccountId, u64> = BTreeMap::new();
    let mut hash = Sha256::new();
    for day in &now.days {
        *lines.entry(&day.account).or_insert(0) += day.count;
        hash.update(format!("{}|{}|{}|{}\n", day.account, day.date, day.count, day.sum.plain()));
    }
    let totals = description
        .accounts
        .iter()
        .filter_map(|account| {
            let balance = now.balances.get(&account.id)?;
            Some(Total {
                account: account.id.0.clone(),
                name: account.full_name.clone(),
                currency: balance.currency.code().to_string(),
                entries: lines.get(&account.id).copied().unwrap_or(0),
                balance_minor: balance.minor,
            })
        })
        .collect();
    Ok(BookTotals { entries: description.entries, accounts: description.accounts.len() as u64, totals, digest: hex::encode(hash.finalize()) })
}

fn no_books() -> Problem {
    Problem::new(
        E_BACKUP_TOTALS,
        "The restored backup holds no books.",
        "Its list of files names none.",
        "Choose another backup; this one cannot bring the books back.",
    )
}

/// Whether a path inside a backup is where the book lies.
pub(crate) fn is_book_path(path: &str) -> bool {
    path.strip_prefix(BOOK_FOLDER).is_some_and(|rest| rest.starts_with('/'))
}

/// The path of the book inside a backup. Errors: `E-BACKUP-TOTALS` when its list names none.
pub(crate) fn book_in(manifest: &Manifest) -> Result<String, Problem> {
    let book = manifest.files.iter().find(|f| f.role == FileRole::Book);
    book.map(|file| file.path.clone()).ok_or_else(no_books)
}

/// Opens the book of a restored backup and recomputes its totals.
pub async fn open_restored(dir: &Path, manifest: Option<&Manifest>) -> Result<(RestoredCopy, BookTotals), Problem> {
    let manifest = manifest.ok_or_else(no_books)?;
    let book = dir.join(book_in(manifest)?);
    let totals = totals_of(&book).await?;
    let copy = RestoredCopy {
        dir: dir.to_path_buf(),
        book,
        entries: totals.entries,
        accounts: totals.accounts,
        files: manifest.files.len() as u64,
        bytes: manifest.bytes_in_files(),
    };
    Ok((copy, totals))
}

/// "1,204.10 USD"; the bare number where the currency is not known here.
fn balance(total: &Total) -> String {
    match ledger::Currency::of(&total.currency) {
        Ok(currency) => ledger::Money::new(total.balance_minor, currency).to_string(),
        Err(_) => format!("{} (smallest units of {})", total.balance_minor, total.currency),
    }
}

/// Every total of the manifest against those of the restored books, all differences at once.
pub fn compare_totals(manifest: &Manifest, found: &BookTotals) -> Result<(), Problem> {
    let mut differences = Vec::new();
    for said in &manifest.about.totals {
        match found.totals.iter().find(|t| t.account == said.account) {
            Some(same) if same == said => {}
            Some(other) => differences.push(format!(
                "{}: {} lines and {} in the backup's list, {} lines and {} in the restored books.",
                said.name, said.entries, balance(said), other.entries, balance(other)
            )),
            None => differences.push(format!("{}: the account is missing in the restored books.", said.name)),
        }
    }
    if manifest.about.per_day_digest.as_deref() != Some(found.digest.as_str()) {
        differences.push("The totals per account and day are not those of the backup's list.".to_string());
    }
    let mut differences = differences.into_iter();
    let Some(first) = differences.next() else { return Ok(()) };
    let problem = Problem::new(
        E_BACKUP_TOTALS,
        "The restored books do not have the totals that were backed up.",
        first,
        "Do not rely on this backup. Take a new one and prove it.",
    );
    Err(differences.fold(problem, Problem::because))
}

fn write_json<T: serde::Serialize>(dir: &Path, file: &str, value: &T) -> Result<(), Problem> {
    let path = dir.join(file);
    let cannot = |e: &std::io::Error| crate::home::cannot_use(&path, e);
    let mut out = std::io::BufWriter::new(std::fs::File::create(&path).map_err(|e| cannot(&e))?);
    serde_json::to_writer(&mut out, value).map_err(|e| cannot(&e.into()))?;
    out.flush().map_err(|e| cannot(&e))
}

/// The identity map as a backup holds it.
#[derive(serde::Serialize)]
struct IdentityMap<'k> {
    keys: Vec<KeyLine<'k>>,
    entries: Vec<EntryLine<'k>>,
    older_keys: &'k BTreeMap<ledger::EntryKey, Vec<ledger::EntryKey>>,
}

#[derive(serde::Serialize)]
struct KeyLine<'k> {
    key: &'k ledger::EntryKey,
    state: &'static str,
    entry: &'k str,
    version: &'k str,
    content: &'k str,
    stream: &'k str,
    record: &'k str,
    instant: Timestamp,
}

#[derive(serde::Serialize)]
struct EntryLine<'k> {
    entry: &'k str,
    key: &'k ledger::EntryKey,
    version: &'k str,
    change: &'k str,
    print: &'k str,
    body: &'k ledger::Entry,
}

fn key_line(i: &Identity) -> KeyLine<'_> {
    KeyLine { key: &i.key, state: i.state.word(), entry: &i.entry_id, version: &i.version, content: &i.content, stream: &i.stream, record: &i.record, instant: i.instant }
}

fn entry_line(e: &KnownEntry) -> EntryLine<'_> {
    EntryLine { entry: &e.entry_id, key: &e.key, version: &e.version, change: &e.change_id, print: &e.print, body: &e.entry }
}

fn identity_map(known: &Known) -> IdentityMap<'_> {
    IdentityMap {
        keys: known.identities.values().map(key_line).collect(),
        entries: known.entries.values().map(entry_line).collect(),
        older_keys: &known.old_of,
    }
}

/// Writes the identity map as a backup holds it.
pub(crate) fn write_known(dir: &Path, file: &str, known: &Known) -> Result<(), Problem> {
    write_json(dir, file, &identity_map(known))
}

fn write_text(dir: &Path, file: &str, text: &str) -> Result<(), Problem> {
    let path = dir.join(file);
    std::fs::write(&path, text).map_err(|e| crate::home::cannot_use(&path, &e))
}

/// The newest backup that was restored and proved.
pub async fn newest_proved(engine: &Engine, company: &Company) -> Result<Option<BackupRow>, Problem> {
    Ok(engine.backups(company).await?.into_iter().find(|b| b.restored_at.is_some()))
}
