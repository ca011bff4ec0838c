//! Backups: what was taken, how far each is proved, where they lie; taking and proving.
//!
//! A mark is shown only where the engine noted that it was earned.

use super::shared::{At, at, must_be_free, stage_name, start};
use crate::app::App;
use crate::views::*;
use ::upgrade::Stage;
use engine::backups::BackupRow;
use engine::restoring::in_place;
use engine::schedule::Why;
use engine::store::upgrade as stored;
use ledger::Problem;

const WORKS: &[Work] = &[Work::Backup, Work::VerifyBackup, Work::Restore];

/// The label of a backup that a person asked for.
pub const BY_HAND: &str = "by hand";

pub async fn backups_view(app: &App, args: CompanyArgs) -> Result<BackupsView, Problem> {
    let at = at(app, &args.company).await?;
    let all = at.engine.backups(&at.company).await?;
    let mut backups = Vec::with_capacity(all.len());
    for row in &all {
        backups.push(backup_view(&at, row).await?);
    }
    let ended = WORKS
        .iter()
        .filter_map(|work| app.jobs().latest(Some(&at.company.id), *work))
        .max_by(|a, b| a.started.cmp(&b.started));
    Ok(BackupsView {
        company: at.company.id.clone(),
        company_name: at.company.name.clone(),
        now: at.now().to_string(),
        zone: at.company.zone.clone(),
        backups,
        places: vec![place(&at, &all)],
        schedule: super::schedule::schedule(app, &at).await?,
        kit: super::kit::standing(&at).await?,
        job: app.jobs().running(&at.company.id, WORKS),
        problem: ended.and_then(|job| job.problem),
    })
}

async fn backup_view(at: &At, row: &BackupRow) -> Result<BackupView, Problem> {
    let upgrade = match &row.upgrade_id {
        Some(id) => stored::get(&at.engine.pool, id).await?,
        None => None,
    };
    let mark = |done: bool| if done { MarkView::Done } else { MarkView::NotYet };
    Ok(BackupView {
        id: row.id.clone(),
        taken: row.copied_at.to_string(),
        reason: reason(at, row, upgrade.as_ref()).await,
        copied: MarkView::Done,
        checked: mark(row.checked_at.is_some()),
        restore_tested: mark(row.restored_at.is_some()),
        bytes: row.bytes.to_string(),
        added_bytes: None,
        place: row.place.display().to_string(),
        entries: Some(super::shared::small(row.entries)),
        pinned_by: upgrade.filter(|upgrade| upgrade.open).map(|upgrade| upgrade.id),
        problem: None,
    })
}

pub(super) async fn reason(at: &At, row: &BackupRow, upgrade: Option<&stored::UpgradeRow>) -> BackupReason {
    let before: Option<Stage> = row.label.strip_prefix("before ").and_then(|name| name.parse().ok());
    match (before, upgrade) {
        (Some(stage), _) => BackupReason::BeforeStage { stage: stage_name(stage) },
        (None, Some(upgrade)) => {
            let connection = at.engine.connection(&at.company, Some(&upgrade.connection_id)).await;
            BackupReason::BeforeUpgrade {
                provider: connection.map_or_else(|_| String::new(), |c| at.provider_title(&c)),
                from: upgrade.from_version.clone(),
                to: upgrade.to_version.clone(),
            }
        }
        (None, None) if row.label == Why::Daily.label() => BackupReason::Daily,
        (None, None) if [in_place::SAFETY, in_place::SAFETY_OF_UNDO].contains(&row.label.as_str()) => BackupReason::BeforeRestore,
        (None, None) if row.label == Why::Changed.label() => BackupReason::AfterChange,
        (None, None) => BackupReason::ByHand,
    }
}

fn place(at: &At, all: &[BackupRow]) -> PlaceView {
    let path = at.engine.home.backups();
    let reachable = path.is_dir();
    PlaceView {
        id: "home".to_string(),
        name: "This computer".to_string(),
        kind: PlaceKind::Folder,
        path: path.display().to_string(),
        reachable,
        // It lies in Changeover's own folder: a lost disk takes books and backups at once.
        away_from_computer: false,
        free_bytes: engine::home::free_bytes(&path).map(|bytes| bytes.to_string()),
        checked: all.iter().filter_map(|row| row.checked_at).max().map(|t| t.to_string()),
        problem: None,
    }
}

/// Takes a backup and reads it back; marks one and two.
pub async fn backup_now(app: &App, args: CompanyArgs) -> Result<JobView, Problem> {
    let at = at(app, &args.company).await?;
    must_be_free(app, &at.company)?;
    let company = at.company.clone();
    Ok(start(app, &company, Work::Backup, move |watcher| async move {
        at.engine.take_backup(&at.company, BY_HAND, None, &watcher).await.map(|_| ())
    }))
}

/// Restores a backup into a working folder, opens the books and compares every total; mark three.
pub async fn backup_verify(app: &App, args: BackupArgs) -> Result<JobView, Problem> {
    let at = at(app, &args.company).await?;
    must_be_free(app, &at.company)?;
    let row = at.engine.backup(&at.company, Some(&args.backup)).await?;
    let company = at.company.clone();
    Ok(start(app, &company, Work::VerifyBackup, move |watcher| async move {
        let to = at.engine.home.work_folder(&format!("proving-{}", row.id))?;
        let proved = at.engine.prove_backup(&at.company, &row, &to, &watcher).await;
        std::fs::remove_dir_all(&to).map_err(|e| engine::home::cannot_use(&to, &e))?;
        proved.map(|_| ())
    }))
}
