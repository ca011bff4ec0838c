//! Restore: what is in a backup, how it differs from today's books, and putting it into an empty folder.
//!
//! It never writes over books: the folder must be empty. On a fresh computer the place and the recovery kit are
//! all there is.

use super::memory::Restoring;
use super::shared::{At, at, must_be_free, small, start};
use crate::app::App;
use crate::views::*;
use engine::backups::{self, BackupRow};
use engine::previewing::{self, Inside};
use engine::reading_back::{self, Opener};
use engine::progress::Watcher;
use ledger::Problem;
use std::path::{Path, PathBuf};
use std::time::Instant;

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
            let looked = std::sync::Arc::new(at.engine.look_inside(&at.company, row).await?);
            app.inner.memory.keep_preview(&row.id, stamp, looked.clone());
            looked
        }
    };
    let (inside, against) = looked.as_ref();
    Ok(RestoreView {
        company: Some(at.company.id.clone()),
        backup: row.id.clone(),
        taken: row.copied_at.to_string(),
        zone: at.company.zone.clone(),
        company_name: at.company.name.clone(),
        inside: inside_view(inside),
        against_today: Some(AgainstTodayView {
            entries_only_today: small(against.only_today),
            entries_only_in_backup: small(against.only_in_backup),
            accounts: against
                .accounts
                .iter()
                .map(|(account, was, is)| {
                    Ok(AccountDifferenceView {
                        account: account.clone(),
                        in_backup: (*was).into(),
                        today: (*is).into(),
                        difference: is.minus(*was)?.into(),
                    })
                })
                .collect::<Result<Vec<_>, Problem>>()?,
        }),
        target: None,
        state: RestoreState::Preview,
    })
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
        target: None,
        state: RestoreState::Preview,
    })
}

pub async fn restore_start(app: &App, args: RestoreStartArgs) -> Result<RestoreView, Problem> {
    let target = empty_folder(Path::new(&args.target))?;
    let Some(company) = &args.company else {
        return start_with_kit(app, &args, target).await;
    };
    let at = at(app, company).await?;
    must_be_free(app, &at.company)?;
    let row = at.engine.backup(&at.company, Some(&args.backup)).await?;
    let mut view = preview(app, &at, &row).await?;
    view.target = Some(target.display().to_string());
    let (id, notes, company) = (row.id.clone(), app.clone(), at.company.clone());
    let job = start(app, &company, Work::Restore, move |watcher| async move {
        let began = Instant::now();
        let result = restore_company(&at, &row, &target, &watcher, began).await;
        finish(&notes, &row.id, result)
    });
    Ok(keep(app, &id, view, job))
}

async fn restore_company(at: &At, row: &BackupRow, target: &Path, watcher: &Watcher, began: Instant) -> Result<RestoreProofView, Problem> {
    let (_, copy) = at.engine.prove_backup(&at.company, row, target, watcher).await?;
    let totals = backups::totals_of(&copy.book).await?;
    let (equal, all) = previewing::accounts_equal(&row.manifest, &totals);
    Ok(proof(&copy, equal, all, began))
}

fn proof(copy: &backups::RestoredCopy, equal: u64, all: u64, began: Instant) -> RestoreProofView {
    RestoreProofView {
        file: copy.book.display().to_string(),
        entries: small(copy.entries),
        accounts_equal: small(equal),
        accounts: small(all),
        // The present books are not touched by restoring into an empty folder.
        safety_backup: None,
        seconds: small(began.elapsed().as_secs()),
    }
}

async fn start_with_kit(app: &App, args: &RestoreStartArgs, target: PathBuf) -> Result<RestoreView, Problem> {
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
        let result = restore_fresh(&worker, &kit, &ended, &target, &watcher, began).await;
        finish(&notes, &ended, result)
    });
    Ok(keep(app, &id, view, job))
}

async fn restore_fresh(
    worker: &Path,
    kit: &Kit,
    id: &str,
    target: &Path,
    watcher: &Watcher,
    began: Instant,
) -> Result<RestoreProofView, Problem> {
    let (restored, _) =
        tokio::task::block_in_place(|| reading_back::restore_with_kit(worker, &kit.place, Opener::Kit(&kit.text), Some(id), target, watcher))?;
    let restored = restored.whole()?;
    watcher.report("Opening the restored books and adding everything up", 0, None, "entries");
    let (copy, equal, all) = previewing::prove_restored(target, restored.manifest()).await?;
    Ok(proof(&copy, equal, all, began))
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
