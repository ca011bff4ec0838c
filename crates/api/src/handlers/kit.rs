//! The recovery kit: writing it, and showing that it was kept. The key never comes to the page.

use super::backups::backups_view;
use super::shared::{At, reach};
use crate::app::App;
use crate::views::*;
use engine::ways_in::{KitStanding, read_kit_file};
use ledger::Problem;
use std::path::Path;

pub(super) async fn standing(at: &At) -> Result<KitState, Problem> {
    Ok(match at.engine.kit_standing().await? {
        KitStanding::Missing => KitState::Missing,
        KitStanding::Written(note) => KitState::Written { at: note.at, file: note.file, fingerprint: note.fingerprint },
        KitStanding::Confirmed { confirmation, newer } => KitState::Confirmed { at: confirmation.at.to_string(), newer: newer.map(|note| note.file) },
    })
}

/// Writes a recovery kit to the file that the person chose.
pub async fn recovery_kit(app: &App, args: RecoveryKitArgs) -> Result<RecoveryKitView, Problem> {
    let at = reach(app, &args.company).await?;
    let path = Path::new(&args.path);
    let fingerprint = match args.lost {
        true => at.engine.renew_recovery_kit(path).await?,
        false => at.engine.write_recovery_kit(path).await?,
    };
    app.changed();
    Ok(RecoveryKitView { file: args.path, fingerprint })
}

pub async fn kit_confirm_group(app: &App, args: KitGroupArgs) -> Result<BackupsView, Problem> {
    let at = reach(app, &args.company).await?;
    at.engine.confirm_kit_by_last_group(&args.group.take()).await?;
    app.changed();
    backups_view(app, CompanyArgs { company: args.company }).await
}

pub async fn kit_confirm_file(app: &App, args: KitFileArgs) -> Result<BackupsView, Problem> {
    let at = reach(app, &args.company).await?;
    at.engine.confirm_kit_by_reading(&read_kit_file(Path::new(&args.path))?).await?;
    app.changed();
    backups_view(app, CompanyArgs { company: args.company }).await
}
