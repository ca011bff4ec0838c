//! Restoring into a folder: everything, or a part. Of a damaged backup everything that is good comes back, and the rest is named.
//!
//! Whole and undamaged is proved, as a proof is. A part is compared with its own hashes only. A book that is lost is told together with the
//! newest older backup that has a good one, tried for real.

use super::parts::{Part, what_is_lost, what_it_is};
use crate::backups::{self, BackupRow, BookTotals, RestoredCopy};
use crate::engine::Engine;
use crate::home::{E_DISK_FULL, cannot_use, free_bytes};
use crate::progress::Watcher;
use crate::reading_back::{Opener, opened, chosen};
use crate::store::company::Company;
use backup::{Backups, FileRole, Lost, Manifest, Place, RepositoryKey, Restored};
use jiff::Timestamp;
use ledger::Problem;
use std::path::{Path, PathBuf};

/// So many older backups are tried for a good book.
const MOST_TRIED: usize = 12;

/// A file that did not come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostFile {
    pub path: String,
    /// "the book", "the log".
    pub what: &'static str,
    pub why: String,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Brought {
    pub part: Part,
    pub dir: PathBuf,
    /// The full id of the backup in its place.
    pub snapshot: String,
    pub manifest: Option<Manifest>,
    pub files: u64,
    pub bytes: u64,
    pub lost: Vec<LostFile>,
    /// The book that came back: opened, every total compared with the backup's list and equal.
    pub book: Option<(RestoredCopy, BookTotals)>,
    /// An older backup whose book is good, where this one's is lost.
    pub older: Option<OlderBook>,
}

/// An older backup whose book came back right when it was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OlderBook {
    pub id: String,
    pub taken: Timestamp,
}

impl Brought {
    pub fn is_whole(&self) -> bool {
        self.part.is_everything() && self.lost.is_empty()
    }

    pub fn book_is_lost(&self) -> bool {
        self.lost.iter().any(|lost| lost.what == "the book")
    }

    /// Itself, or the problem that names every file that is lost; the others stay restored. Errors: `E-BACKUP-DAMAGED`.
    pub fn undamaged(self) -> Result<Brought, Problem> {
        if self.lost.is_empty() {
            return Ok(self);
        }
        let next = match (&self.older, self.book_is_lost()) {
            (Some(older), _) => format!("The backup {} of {} has a good book: restore that one.", older.id, older.taken),
            (None, true) => "No older backup of this place has a good book. Try the backups in another place.".to_string(),
            (None, false) => "What was restored is good and can be used. Take a new backup, and look after the disk that holds this one.".to_string(),
        };
        let count = self.lost.len();
        let what = format!(
            "This backup is damaged: {} could not be restored. The other {} are in \"{}\".",
            if count == 1 { "one file".to_string() } else { format!("{count} files") },
            self.files,
            self.dir.display()
        );
        let mut lines = self.lost.iter().map(|lost| format!("Lost: {} ({}). {}", lost.what, lost.path, lost.why));
        let problem = Problem::new(backup::problems::E_DAMAGED, what, lines.next().unwrap_or_default(), next);
        let shown: Vec<String> = lines.by_ref().take(books::MOST_FINDINGS_SHOWN).collect();
        let more = lines.count();
        let problem = shown.into_iter().fold(problem, Problem::because);
        Err(if more > 0 { problem.because(format!("… and {more} more.")) } else { problem })
    }
}

impl Engine {
    /// Restores a backup, or a part of it, into a folder that is empty or not there yet. A whole one that is good is proved by it and
    /// marked so. A damaged one gives [`Brought::lost`] and loses its marks.
    ///
    /// Errors: `E-RESTORE-PART`, `E-DISK-FULL`, those of backups and of the books.
    pub async fn bring_back(&self, company: &Company, row: &BackupRow, part: &Part, to: &Path, watcher: &Watcher) -> Result<Brought, Problem> {
        let to = std::path::absolute(to).map_err(|e| cannot_use(to, &e))?;
        room(&to, part.files(&row.manifest)?.iter().map(|file| file.size).sum())?;
        if !part.is_everything() {
            let (place, key) = self.place_key().await?;
            let worker = self.cancellable(watcher);
            let manifest = tokio::task::block_in_place(|| fetch_part(&worker, &place, &key, &row.snapshot, part, &to, watcher))?;
            return part_of(part, &row.snapshot, manifest, to).await;
        }
        match self.prove_backup(company, row, &to, watcher).await {
            Ok((_, copy)) => {
                let totals = backups::totals_of(&copy.book).await?;
                Ok(Brought {
                    part: part.clone(),
                    dir: to,
                    snapshot: row.snapshot.clone(),
                    manifest: Some(row.manifest.clone()),
                    files: copy.files,
                    bytes: copy.bytes,
                    lost: Vec::new(),
                    book: Some((copy, totals)),
                    older: None,
                })
            }
            // It was read back before anything was written, so the folder is still free for what is good.
            Err(problem) if backup::problems::UNFIT.contains(&problem.code) && is_empty(&to) => {
                self.note_unfit(company, row, &problem).await?;
                let (place, key) = self.place_key().await?;
                let worker = self.cancellable(watcher);
                let restored = tokio::task::block_in_place(|| restore_all(&worker, &place, &key, &row.snapshot, &to, watcher))?;
                // Damaged where a restore does not look: nothing is lost, but a proof it is not.
                if restored.lost().is_empty() {
                    return Err(problem);
                }
                let mut brought = what_came(restored, &row.snapshot, Some(&row.manifest)).await?;
                if brought.book_is_lost() {
                    let older: Vec<BackupRow> = self.backups(company).await?.into_iter().filter(|other| other.copied_at < row.copied_at).collect();
                    let candidates = older.iter().map(|other| (other.id.clone(), other.snapshot.clone(), other.copied_at)).collect();
                    let dir = self.home.work_folder(&format!("older-{}", self.ids.new_id("o")))?;
                    brought.older = tokio::task::block_in_place(|| older_book(&worker, &place, &key, candidates, &dir));
                    std::fs::remove_dir_all(&dir).map_err(|e| cannot_use(&dir, &e))?;
                }
                Ok(brought)
            }
            Err(problem) => Err(problem),
        }
    }
}

/// The same on a computer that has nothing but the place and the kit. `work` is a folder of its own for what is tried on the way.
pub async fn bring_back_with_kit(
    worker: &Path,
    place: &Path,
    with: Opener<'_>,
    snapshot: Option<&str>,
    part: &Part,
    to: &Path,
    watcher: &Watcher,
) -> Result<Brought, Problem> {
    let to = std::path::absolute(to).map_err(|e| cannot_use(to, &e))?;
    enum Came {
        Part(Manifest),
        All(Restored, Option<OlderBook>),
    }
    let (id, came) = tokio::task::block_in_place(|| {
        let (worker, place, key) = opened(worker, place, with)?;
        let cancel = backup::Cancel::default();
        let handle = cancel.clone();
        watcher.on_cancel(move || handle.cancel());
        let worker = worker.cancelled_by(&cancel);
        let id = chosen(&worker, &place, &key, snapshot)?;
        if !part.is_everything() {
            return Ok((id.clone(), Came::Part(fetch_part(&worker, &place, &key, &id, part, &to, watcher)?)));
        }
        let all = worker.list(&place, &key)?;
        let this = all.iter().find(|one| one.id.starts_with(&id));
        if let Some(summary) = this.and_then(|one| one.summary.as_ref()) {
            room(&to, summary.bytes)?;
        }
        let restored = restore_all(&worker, &place, &key, &id, &to, watcher)?;
        let book_is_lost = restored.lost().iter().any(|lost| what_is_lost(restored.manifest(), &lost.path) == "the book");
        let older = match this.filter(|_| book_is_lost) {
            Some(this) => {
                let company = this.summary.as_ref().map(|s| s.company_id.clone());
                let mut older: Vec<_> = all.iter().filter(|o| o.at < this.at && o.summary.as_ref().map(|s| s.company_id.clone()) == company).collect();
                older.sort_by(|a, b| (b.at, &b.id).cmp(&(a.at, &a.id)));
                let candidates = older.iter().map(|o| (o.id.clone(), o.id.clone(), o.at)).collect();
                // Beside what is restored, and gone again afterwards: nothing else of this computer is used.
                let dir = to.with_file_name(format!(".{}-older", to.file_name().unwrap_or_default().to_string_lossy()));
                let found = older_book(&worker, &place, &key, candidates, &dir);
                if dir.exists() {
                    std::fs::remove_dir_all(&dir).map_err(|e| cannot_use(&dir, &e))?;
                }
                found
            }
            None => None,
        };
        Ok::<_, Problem>((id, Came::All(restored, older)))
    })?;
    match came {
        Came::Part(manifest) => part_of(part, &id, manifest, to).await,
        Came::All(restored, older) => {
            let mut brought = what_came(restored, &id, None).await?;
            brought.older = older;
            Ok(brought)
        }
    }
}

fn restore_all(worker: &Backups, place: &Place, key: &RepositoryKey, id: &str, to: &Path, watcher: &Watcher) -> Result<Restored, Problem> {
    let report = watcher.clone();
    worker.restore(place, key, id, to, &mut |p| report.report("Restoring", p.done_bytes, p.total_bytes, "bytes"))
}

fn fetch_part(worker: &Backups, place: &Place, key: &RepositoryKey, id: &str, part: &Part, to: &Path, watcher: &Watcher) -> Result<Manifest, Problem> {
    let listed = worker.preview(place, key, id)?;
    let files = part.files(&listed)?;
    room(to, files.iter().map(|file| file.size).sum())?;
    let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
    let report = watcher.clone();
    let fetched = worker.fetch_watched(place, key, id, &paths, to, &mut |p| report.report("Restoring", p.done_bytes, p.total_bytes, "bytes"));
    fetched.map_err(|problem| match problem.code == backup::problems::E_DAMAGED {
        true => {
            let named = files.iter().map(|file| format!("Wanted: {} ({}).", what_it_is(file), file.path));
            let mut told = named.fold(problem, Problem::because);
            told.what = "This backup is damaged where the wanted part is; it did not come back whole.".to_string();
            told.next = "Restore everything that is good of this backup, or the part from an older one.".to_string();
            told
        }
        false => problem,
    })
}

async fn part_of(part: &Part, snapshot: &str, manifest: Manifest, dir: PathBuf) -> Result<Brought, Problem> {
    let files = part.files(&manifest)?;
    let (count, bytes, with_book) = (files.len() as u64, files.iter().map(|f| f.size).sum(), files.iter().any(|f| f.role == FileRole::Book));
    let book = match with_book {
        true => {
            let (copy, totals) = backups::open_restored(&dir, Some(&manifest)).await?;
            backups::compare_totals(&manifest, &totals)?;
            Some((copy, totals))
        }
        false => None,
    };
    Ok(Brought { part: part.clone(), dir, snapshot: snapshot.to_string(), files: count, bytes, lost: Vec::new(), book, older: None, manifest: Some(manifest) })
}

async fn what_came(restored: Restored, snapshot: &str, noted: Option<&Manifest>) -> Result<Brought, Problem> {
    let manifest = restored.manifest().or(noted).cloned();
    let lost: Vec<LostFile> = restored
        .lost()
        .iter()
        .map(|Lost { path, why }| LostFile { path: path.clone(), what: what_is_lost(manifest.as_ref(), path), why: why.clone() })
        .collect();
    let mut brought = Brought {
        part: Part::Everything,
        dir: restored.dir().to_path_buf(),
        snapshot: snapshot.to_string(),
        files: restored.files(),
        bytes: restored.bytes(),
        lost,
        book: None,
        older: None,
        manifest,
    };
    let vouched = restored.manifest();
    if !brought.book_is_lost() && vouched.is_some() {
        let (copy, totals) = backups::open_restored(&brought.dir, vouched).await?;
        if let Some(manifest) = vouched {
            backups::compare_totals(manifest, &totals)?;
        }
        brought.book = Some((copy, totals));
    }
    Ok(brought)
}

/// The newest of these backups whose book comes back right, tried one after the other.
fn older_book(worker: &Backups, place: &Place, key: &RepositoryKey, candidates: Vec<(String, String, Timestamp)>, dir: &Path) -> Option<OlderBook> {
    for (id, snapshot, taken) in candidates.into_iter().take(MOST_TRIED) {
        let tried = dir.join(&snapshot);
        let good = std::fs::create_dir_all(dir).is_ok()
            && worker
                .preview(place, key, &snapshot)
                .and_then(|manifest| backups::book_in(&manifest))
                .and_then(|book| worker.fetch(place, key, &snapshot, &[book], &tried))
                .is_ok();
        // What was only tried does not stay; a leftover lies in a folder that the caller removes.
        let _ = std::fs::remove_dir_all(&tried);
        if good {
            return Some(OlderBook { id, taken });
        }
    }
    None
}

fn is_empty(dir: &Path) -> bool {
    match std::fs::read_dir(dir) {
        Ok(mut items) => items.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// Errors: `E-DISK-FULL` before anything is written, when it could not fit.
fn room(to: &Path, needed: u64) -> Result<(), Problem> {
    let existing = to.ancestors().find(|dir| dir.is_dir()).unwrap_or(Path::new("/"));
    match free_bytes(existing) {
        Some(free) if free < needed => Err(Problem::new(
            E_DISK_FULL,
            format!("There is not enough room on the disk that holds \"{}\".", existing.display()),
            format!("The files need {} MB; {} MB are free.", needed.div_ceil(1_000_000), free / 1_000_000),
            "Free some space, or choose a folder on another disk.",
        )),
        Some(_) | None => Ok(()),
    }
}
