//! What every command does: one file per screen, each answering from the engine and nothing else.
//!
//! It must never hold a rule of the upgrade, of posting or of reconciling, nor invent a number: what is not
//! known is absent. A new command is one row in `commands.rs`, one line in the list below and one function.

mod access;
mod accounts;
mod app;
mod backups;
mod calendar;
mod companies;
mod differences;
mod holds;
mod jobs;
mod kit;
mod log;
pub(crate) mod memory;
mod plan;
mod practice;
mod reconcile;
mod reconnect;
mod restore;
mod schedule;
mod secrets;
mod settings;
mod shared;
mod today;
mod upgrade;
mod upgrade_run;
mod words;

use crate::app::App;
use crate::contract::Commands;
use crate::views::*;
use ledger::Code;

pub use schedule::due_backups;
pub use shared::{E_BUSY, E_CHECK_FAILED};

pub const CODES: &[Code] = &[E_BUSY, E_CHECK_FAILED];

macro_rules! answered_by {
    ($( $module:ident :: $name:ident ($args:ty) -> $answer:ty; )*) => {
        impl Commands for App {
            $(
                async fn $name(&self, args: $args) -> Result<$answer, ProblemView> {
                    $module::$name(self, args).await.map_err(ProblemView::from)
                }
            )*
        }
    };
}

answered_by! {
    app::app_view (NoArgs) -> AppView;
    app::company_select (CompanyArgs) -> AppView;
    today::today_view (CompanyArgs) -> TodayView;
    accounts::accounts_view (CompanyArgs) -> AccountsView;
    reconnect::reconnect_start (ReconnectStartArgs) -> ReconnectView;
    reconnect::reconnect_view (ConnectionArgs) -> ReconnectView;
    reconnect::reconnect_cancel (ConnectionArgs) -> AccountsView;
    reconnect::reconnect_paste (ReconnectPasteArgs) -> ReconnectView;
    accounts::disconnect (ConnectionArgs) -> AccountsView;
    access::account_add (AccountAddArgs) -> AccountsView;
    access::account_remove (ConnectionArgs) -> AccountsView;
    access::account_application (AccountApplicationArgs) -> ReconnectView;
    access::account_key (AccountKeyArgs) -> ReconnectView;
    calendar::calendar_view (CalendarArgs) -> CalendarView;
    calendar::calendar_export (CalendarExportArgs) -> CalendarExportView;
    calendar::calendar_due (NoArgs) -> CalendarDueView;
    calendar::calendar_told (CalendarToldArgs) -> DoneView;
    upgrade::upgrade_view (CompanyArgs) -> UpgradeView;
    plan::upgrade_plan (UpgradePlanArgs) -> UpgradeView;
    upgrade::upgrade_start (UpgradePlanArgs) -> UpgradeView;
    upgrade::upgrade_approve (UpgradeApproveArgs) -> UpgradeView;
    upgrade::upgrade_pause (UpgradeArgs) -> UpgradeView;
    upgrade::upgrade_resume (UpgradeArgs) -> UpgradeView;
    upgrade::upgrade_stop (UpgradeArgs) -> UpgradeView;
    upgrade::upgrade_rollback (UpgradeArgs) -> UpgradeView;
    upgrade::upgrade_next_day (UpgradeArgs) -> UpgradeView;
    upgrade::upgrade_dismiss (UpgradeArgs) -> UpgradeView;
    upgrade::upgrade_finish (UpgradeArgs) -> UpgradeView;
    differences::differences_view (DifferencesArgs) -> DifferencesView;
    backups::backups_view (CompanyArgs) -> BackupsView;
    backups::backup_now (CompanyArgs) -> JobView;
    backups::backup_verify (BackupArgs) -> JobView;
    restore::restore_moments (RestoreMomentsArgs) -> RestoreMomentsView;
    restore::restore_preview (RestorePreviewArgs) -> RestoreView;
    restore::restore_start (RestoreStartArgs) -> RestoreView;
    restore::restore_undo (CompanyArgs) -> RestoreMomentsView;
    schedule::backup_schedule_set (ScheduleSetArgs) -> BackupsView;
    schedule::backup_timer (ScheduleTimerArgs) -> BackupsView;
    kit::recovery_kit (RecoveryKitArgs) -> RecoveryKitView;
    kit::kit_confirm_group (KitGroupArgs) -> BackupsView;
    kit::kit_confirm_file (KitFileArgs) -> BackupsView;
    reconcile::reconcile_view (ReconcileArgs) -> ReconcileView;
    holds::hold_view (HoldArgs) -> HoldView;
    holds::hold_resolve (HoldResolveArgs) -> ReconcileView;
    jobs::sync_now (CompanyArgs) -> JobView;
    log::log_view (LogArgs) -> LogView;
    log::log_verify (NoArgs) -> LogView;
    practice::practice_view (NoArgs) -> PracticeView;
    practice::practice_new (PracticeNewArgs) -> JobView;
    companies::books_inspect (PathArgs) -> CompanyAddView;
    companies::company_add (CompanyAddArgs) -> CompanyAddedView;
    companies::company_protect (CompanyProtectArgs) -> CompanyAddedView;
    settings::settings_view (NoArgs) -> SettingsView;
    secrets::secrets_view (NoArgs) -> SecretsView;
    secrets::secrets_choose (SecretsChooseArgs) -> SecretsView;
    secrets::secrets_open (SecretsOpenArgs) -> SecretsView;
    secrets::secrets_change_passphrase (SecretsChangeArgs) -> SecretsView;
    jobs::job_view (JobArgs) -> JobView;
    jobs::job_cancel (JobArgs) -> JobView;
}
