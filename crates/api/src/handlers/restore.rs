//! Restore: the moments to choose from, what is in a backup and how today differs, then whole or in part into an empty folder, or in place.
//!
//! Into a folder it never writes over anything. In place only the engine replaces the book, after a safety backup. On a fresh computer the
//! place and the recovery kit are all there is.

use super::memory::Restoring;
use super::shared::{At, at, must_be_free, small, start};
use crate::app::App;
use crate::views::*;
use engine::backups::{self, BackupRow};
use engine::previewing::{self, Inside};
use engine::progress::Watcher;
use engine::reading_back::{self, Opener};
use engine::restoring::bringing::{self, Brought};
use engine::restoring::comparing::{Became, Counts, Differences, EntrySide};
use engine::restoring::in_place::{PutBack, Undoable};
use engine::restoring::parts::{Part, what_it_is};
use engine::store::upgrade as stored;
use ledger::{Money, Problem};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// So many files of a backup are offered one by one.
const FILES_OFFERED: usize = 500;

/// Place and kit as a person named them on a fresh computer.
struct Kit {
    place: PathBuf,
    text: engine::ways_in::KitBytes,
}

fn read_kit(place: Option<&String>, file: Option<&String>) -> Result<Kit, Problem> {
    let (Some(place), Some(file)) = (place, file) else {
        return Err(Problem::new(
            backups::E_BACKUP_NONE,
            "It is not known where the backup is.",
            "Without a company, the folder with the backups and the file of the recovery kit are needed.",
            "Choose both, then look again.",
        ));
    };
    let text = engine::ways_in::read_kit_file(Path::new(file))?;
    Ok(Kit {
        place: PathBuf::from(place),
        text,
    })
}

pub async fn restore_preview(app: &App, args: RestorePreviewArgs) -> Result<RestoreView, Problem> {
    let Some(company) = &args.company else {
        return preview_with_kit(app, &args).await;
    };
    let at = at(app, company).await?;
    let row = at.engine.backup(&at.company, args.backup.as_deref()).await?;
    if let Some(under_way) = under_way(app, &row.id) {
        return Ok(under_way);
    }
    preview(app, &at, &row).await
}

/// A restore of this backup that runs or has just ended here.
fn under_way(app: &App, backup: &str) -> Option<RestoreView> {
    let restoring = app.inner.memory.restore(backup)?;
    let mut view = restoring.view;
    if let RestoreState::Working { job } = &mut view.state {
        *job = app.jobs().view(&restoring.job).ok()?;
    }
    Some(view)
}

async fn preview(app: &App, at: &At, row: &BackupRow) -> Result<RestoreView, Problem> {
    let stamp = super::reconcile::books_stamp(at);
    let looked = match app.inner.memory.preview(&row.id, &stamp) {
        Some(known) => known,
        None => {
            let looked = std::sync::Arc::new(at.engine.look_inside(&at.company, row, &Watcher::silent()).await?);
            app.inner.memory.keep_preview(&row.id, stamp, looked.clone());
            looked
        }
    };
    let (inside, differences) = looked.as_ref();
    Ok(RestoreView {
        company: Some(at.company.id.clone()),
        backup: row.id.clone(),
        taken: row.copied_at.to_string(),
        zone: at.company.zone.clone(),
        company_name: at.company.name.clone(),
        inside: inside_view(inside),
        against_today: differences.as_ref().ok().map(since_view),
        not_compared: differences.as_ref().err().cloned().map(Into::into),
        files: files_view(&row.manifest),
        not_in_place: at.engine.may_replace(&at.company).await.err().map(Into::into),
        target: None,
        state: RestoreState::Preview,
    })
}

fn files_view(manifest: &backup::Manifest) -> Vec<InsideFileView> {
    let view = |file: &backup::ManifestFile| InsideFileView { path: file.path.clone(), what: what_it_is(file).to_string(), bytes: file.size.to_string() };
    manifest.files.iter().take(FILES_OFFERED).map(view).collect()
}

fn became(became: Became) -> BecameView {
    match became {
        Became::Added => BecameView::Added,
        Became::Changed => BecameView::Changed,
        Became::Gone => BecameView::Gone,
    }
}

fn counts(counts: Counts) -> CountsView {
    CountsView { added: small(counts.added), changed: small(counts.changed), gone: small(counts.gone) }
}

fn since_view(all: &Differences) -> SinceView {
    let side = |side: &EntrySide| EntrySideView {
        day: side.date.to_string(),
        description: side.description.clone(),
        amount: side.amount.into(),
        accounts: side.lines.iter().map(|(account, _)| account.clone()).collect(),
    };
    let sums = |sums: &[Money]| sums.iter().map(|money| (*money).into()).collect();
    SinceView {
        accounts_count: counts(all.accounts.counts),
        accounts: all
            .accounts
            .shown
            .iter()
            .map(|account| AccountSinceView {
                account: account.account.0.clone(),
                became: became(account.became),
                name: account.name().to_string(),
                name_then: account.name_then.clone().filter(|_| account.is_renamed()),
                then: account.balance_then.map(Into::into),
                today: account.balance_now.map(Into::into),
                difference: account.difference.map(Into::into),
            })
            .collect(),
        entries_count: counts(all.entries.counts),
        entries: all
            .entries
            .shown
            .iter()
            .map(|entry| EntrySinceView {
                entry: entry.id.clone(),
                became: became(entry.became),
                then: entry.then.as_ref().map(side),
                today: entry.now.as_ref().map(side),
            })
            .collect(),
        added: sums(&all.added),
        gone: sums(&all.gone),
        settings: all
            .settings
            .iter()
            .map(|setting| SettingSinceView { what: setting.what.clone(), became: became(setting.became), then: setting.then.clone(), today: setting.now.clone() })
            .collect(),
        files_count: counts(all.files.counts),
        files: all.files.shown.iter().map(|file| FileSinceView { path: file.path.clone(), what: file.what.clone(), became: became(file.became) }).collect(),
    }
}

fn inside_view(inside: &Inside) -> InsideView {
    InsideView {
        books_file: inside.books_file.clone(),
        entries: small(inside.entries),
        accounts: small(inside.accounts),
        first_day: inside.first.map(|day| day.to_string()),
        last_day: inside.last.map(|day| day.to_string()),
        raw_records: small(inside.records),
        connections: small(inside.connections),
        bytes: inside.bytes.to_string(),
    }
}

/// On a fresh computer: the book alone is brought into a working folder, opened, looked at, removed again.
async fn preview_with_kit(app: &App, args: &RestorePreviewArgs) -> Result<RestoreView, Problem> {
    let kit = read_kit(args.place.as_ref(), args.recovery_key_file.as_ref())?;
    let engine = app.real().clone();
    let id = match &args.backup {
        Some(id) => id.clone(),
        None => newest(&engine.worker, &kit)?,
    };
    if let Some(under_way) = under_way(app, &id) {
        return Ok(under_way);
    }
    let dir = engine.home.work_folder(&format!("preview-{}", engine.ids.new_id("p")))?;
    let looked = look_with_kit(&engine.worker, &kit, &id, &dir).await;
    std::fs::remove_dir_all(&dir).map_err(|e| engine::home::cannot_use(&dir, &e))?;
    looked
}

fn newest(worker: &Path, kit: &Kit) -> Result<String, Problem> {
    let all = tokio::task::block_in_place(|| reading_back::list_with_kit(worker, &kit.place, Opener::Kit(&kit.text)))?;
    all.into_iter().next().map(|snapshot| snapshot.id).ok_or_else(|| {
        Problem::new(
            backups::E_BACKUP_NONE,
            "This place holds no backup.",
            "Its list is empty.",
            "Check that it is the folder named on the recovery kit.",
        )
    })
}

async fn look_with_kit(worker: &Path, kit: &Kit, id: &str, dir: &Path) -> Result<RestoreView, Problem> {
    let (manifest, book) = tokio::task::block_in_place(|| reading_back::fetch_with_kit(worker, &kit.place, Opener::Kit(&kit.text), id, dir))?;
    let inside = previewing::inside(&manifest, &book).await?;
    // The set-up inside names the business's time zone; without it days are shown in UTC.
    let zone = std::fs::read(dir.join(backups::SET_UP_FILE))
        .ok()
        .and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok())
        .and_then(|setup| setup.pointer("/company/zone").and_then(|zone| zone.as_str()).map(str::to_string))
        .unwrap_or_else(|| "UTC".to_string());
    Ok(RestoreView {
        company: None,
        backup: id.to_string(),
        taken: manifest.about.at.to_string(),
        zone,
        company_name: manifest.about.company_name.clone(),
        inside: inside_view(&inside),
        against_today: None,
        not_compared: None,
        files: files_view(&manifest),
        not_in_place: None,
        target: None,
        state: RestoreState::Preview,
    })
}

pub async fn restore_start(app: &App, args: RestoreStartArgs) -> Result<RestoreView, Problem> {
    let part = Part::of(&args.only);
    let target = args.target.as_ref().map(|target| empty_folder(Path::new(target))).transpose()?;
    let Some(company) = &args.company else {
        let Some(target) = target else { return Err(no_folder()) };
        return start_with_kit(app, &args, part, target).await;
    };
    let at = at(app, company).await?;
    must_be_free(app, &at.company)?;
    let row = at.engine.backup(&at.company, Some(&args.backup)).await?;
    let mut view = preview(app, &at, &row).await?;
    view.target = target.as_ref().map(|target| target.display().to_string());
    let (id, notes, company, settings) = (row.id.clone(), app.clone(), at.company.clone(), args.settings);
    let job = start(app, &company, Work::Restore, move |watcher| async move {
        let began = Instant::now();
        let result = match &target {
            Some(target) => at.engine.bring_back(&at.company, &row, &part, target, &watcher).await.map(|brought| proof(&brought, began)),
            None => at.engine.restore_in_place(&at.company, &row, settings, &watcher).await.map(|put| put_proof(&put, &row, began)),
        };
        finish(&notes, &row.id, result)
    });
    Ok(keep(app, &id, view, job))
}

fn no_folder() -> Problem {
    Problem::new(
        engine::home::E_HOME,
        "There is no folder to restore into.",
        "On a computer without these books there is nothing to put a book in place of.",
        "Choose an empty folder or the name of a new one.",
    )
}

/// The backups to choose from. On a fresh computer those of the place, opened with the kit.
pub async fn restore_moments(app: &App, args: RestoreMomentsArgs) -> Result<RestoreMomentsView, Problem> {
    let Some(company) = &args.company else { return moments_with_kit(app, &args) };
    let at = at(app, company).await?;
    moments(app, &at).await
}

async fn moments(app: &App, at: &At) -> Result<RestoreMomentsView, Problem> {
    let mut moments = Vec::new();
    for row in &at.engine.backups(&at.company).await? {
        let upgrade = match &row.upgrade_id {
            Some(id) => stored::get(&at.engine.pool, id).await?,
            None => None,
        };
        moments.push(MomentView {
            id: row.id.clone(),
            taken: row.copied_at.to_string(),
            company_name: Some(at.company.name.clone()),
            reason: Some(super::backups::reason(at, row, upgrade.as_ref()).await),
            label: row.label.clone(),
            bytes: row.bytes.to_string(),
            files: small(row.files),
            entries: Some(small(row.entries)),
            restore_tested: Some(if row.restored_at.is_some() { MarkView::Done } else { MarkView::NotYet }),
        });
    }
    let ended = app.jobs().latest(Some(&at.company.id), Work::Restore);
    Ok(RestoreMomentsView {
        company: Some(at.company.id.clone()),
        zone: at.company.zone.clone(),
        moments,
        undo: at.engine.undoable(&at.company).await?.map(|undoable| undo_view(&undoable)),
        job: app.jobs().running(&at.company.id, &[Work::Restore]),
        problem: ended.and_then(|job| job.problem),
    })
}

fn moments_with_kit(app: &App, args: &RestoreMomentsArgs) -> Result<RestoreMomentsView, Problem> {
    let kit = read_kit(args.place.as_ref(), args.recovery_key_file.as_ref())?;
    let all = tokio::task::block_in_place(|| reading_back::list_with_kit(&app.real().worker, &kit.place, Opener::Kit(&kit.text)))?;
    let moment = |one: backup::Snapshot| {
        let summary = one.summary.as_ref();
        MomentView {
            taken: summary.map_or(one.at, |s| s.at).to_string(),
            company_name: summary.map(|s| s.company_name.clone()),
            reason: None,
            label: if one.tags.is_empty() { one.label.clone() } else { one.tags.join(", ") },
            bytes: summary.map_or_else(|| "0".to_string(), |s| s.bytes.to_string()),
            files: small(summary.map_or(0, |s| s.files)),
            entries: None,
            restore_tested: None,
            id: one.id,
        }
    };
    Ok(RestoreMomentsView { company: None, zone: "UTC".to_string(), moments: all.into_iter().map(moment).collect(), undo: None, job: None, problem: None })
}

fn undo_view(undoable: &Undoable) -> UndoView {
    UndoView { at: undoable.at.to_string(), until: undoable.until.to_string(), safety_backup: undoable.safety.clone() }
}

/// Takes the last restore in place back, as a job.
pub async fn restore_undo(app: &App, args: CompanyArgs) -> Result<RestoreMomentsView, Problem> {
    let at = at(app, &args.company).await?;
    must_be_free(app, &at.company)?;
    let mut view = moments(app, &at).await?;
    let company = at.company.clone();
    view.problem = None;
    view.job = Some(start(app, &company, Work::Restore, move |watcher| async move { at.engine.undo_restore(&at.company, &watcher).await.map(drop) }));
    Ok(view)
}

fn proof(brought: &Brought, began: Instant) -> RestoreProofView {
    let both = brought.book.as_ref().zip(brought.manifest.as_ref());
    let (equal, all) = both.map_or((0, 0), |((_, totals), manifest)| previewing::accounts_equal(manifest, totals));
    let book = brought.book.as_ref().map(|(copy, _)| copy);
    RestoreProofView {
        file: book.map_or_else(|| brought.dir.display().to_string(), |copy| copy.book.display().to_string()),
        whole: brought.is_whole(),
        book: book.is_some(),
        files: small(brought.files),
        bytes: brought.bytes.to_string(),
        entries: small(book.map_or(0, |copy| copy.entries)),
        accounts_equal: small(equal),
        accounts: small(all),
        lost: brought.lost.iter().map(|lost| LostView { path: lost.path.clone(), what: lost.what.to_string(), why: lost.why.clone() }).collect(),
        older: brought.older.as_ref().map(|older| OlderView { backup: older.id.clone(), taken: older.taken.to_string() }),
        in_place: None,
        seconds: small(began.elapsed().as_secs()),
    }
}

fn put_proof(put: &PutBack, row: &BackupRow, began: Instant) -> RestoreProofView {
    let accounts = small(row.manifest.about.totals.len() as u64);
    RestoreProofView {
        file: put.book.display().to_string(),
        whole: false,
        book: true,
        files: 1,
        bytes: row.manifest.files.iter().filter(|f| f.role == backup::FileRole::Book).map(|f| f.size).sum::<u64>().to_string(),
        entries: small(put.entries),
        // Every total was equal, or the book would not be in place.
        accounts_equal: accounts,
        accounts,
        lost: Vec::new(),
        older: None,
        in_place: Some(PutInPlaceView {
            safety_backup: put.safety.clone(),
            again: small(put.again),
            unlinked: small(put.unlinked),
            settings: put.settings,
            notes: put.notes.clone(),
            undo: put.undo_until.map(|until| UndoView { at: put.at.to_string(), until: until.to_string(), safety_backup: put.safety.clone() }),
        }),
        seconds: small(began.elapsed().as_secs()),
    }
}

async fn start_with_kit(app: &App, args: &RestoreStartArgs, part: Part, target: PathBuf) -> Result<RestoreView, Problem> {
    let mut view = preview_with_kit(
        app,
        &RestorePreviewArgs {
            company: None,
            backup: Some(args.backup.clone()),
            place: args.place.clone(),
            recovery_key_file: args.recovery_key_file.clone(),
        },
    )
    .await?;
    let kit = read_kit(args.place.as_ref(), args.recovery_key_file.as_ref())?;
    view.target = Some(target.display().to_string());
    let (id, notes, worker) = (args.backup.clone(), app.clone(), app.real().worker.clone());
    let ended = id.clone();
    let job = app.jobs().start(None, Work::Restore, move |watcher| async move {
        let began = Instant::now();
        let result = bringing::bring_back_with_kit(&worker, &kit.place, Opener::Kit(&kit.text), Some(&ended), &part, &target, &watcher).await.map(|brought| proof(&brought, began));
        finish(&notes, &ended, result)
    });
    Ok(keep(app, &id, view, job))
}

fn keep(app: &App, id: &str, mut view: RestoreView, job: JobView) -> RestoreView {
    view.state = RestoreState::Working { job: job.clone() };
    app.inner.memory.keep_restore(
        id,
        Restoring {
            job: job.id,
            view: view.clone(),
            since: Instant::now(),
        },
    );
    view
}

fn finish(app: &App, id: &str, result: Result<RestoreProofView, Problem>) -> Result<(), Problem> {
    let (state, result) = match result {
        Ok(proof) => (RestoreState::Done { proof }, Ok(())),
        Err(problem) => (
            RestoreState::Failed {
                problem: problem.clone().into(),
            },
            Err(problem),
        ),
    };
    app.inner.memory.end_restore(id, |view| view.state = state);
    result
}

/// The folder to restore into, made where it is missing. Errors: `E-HOME` for one that holds something.
fn empty_folder(target: &Path) -> Result<PathBuf, Problem> {
    std::fs::create_dir_all(target).map_err(|e| engine::home::cannot_use(target, &e))?;
    let mut inside = std::fs::read_dir(target).map_err(|e| engine::home::cannot_use(target, &e))?;
    if inside.next().is_some() {
        return Err(Problem::new(
            engine::home::E_HOME,
            format!("\"{}\" is not empty.", target.display()),
            "A backup is only restored into an empty folder, so that nothing can be written over.",
            "Choose an empty folder or the name of a new one.",
        ));
    }
    std::fs::canonicalize(target).map_err(|e| engine::home::cannot_use(target, &e))
}
