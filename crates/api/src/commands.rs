//! The one table of commands. Window, terminal, permissions and palette all expand from it.
//!
//! Each row: name, what is sent, what comes back, whether it reads or writes, whom it asks (`engine` or `host`:
//! the shell itself, for file dialogs), and the words of the palette. This file must stay free of `use`: the window's
//! build script includes it to name its commands. A new command is one row here, one method in
//! `handlers/`, and one `allow-…` line in `src-tauri/capabilities/main.json` (a test compares).

/// Hands every row of the table to the macro named by `$then`, which must accept
/// `$( $name:ident ($args:ty) -> $answer:ty, $effect:ident, $words:literal; )*`.
#[macro_export]
macro_rules! engine_commands {
    ($then:ident) => {
        $then! {
            app_view (NoArgs) -> AppView, reads, "Show the companies";
            company_select (CompanyArgs) -> AppView, writes, "Switch company";
            today_view (CompanyArgs) -> TodayView, reads, "Go to Today";
            accounts_view (CompanyArgs) -> AccountsView, reads, "Go to Accounts";
            reconnect_start (ReconnectStartArgs) -> ReconnectView, writes, "Reconnect an account";
            reconnect_view (ConnectionArgs) -> ReconnectView, reads, "Show the reconnect";
            reconnect_cancel (ConnectionArgs) -> AccountsView, writes, "Cancel the reconnect";
            reconnect_paste (ReconnectPasteArgs) -> ReconnectView, writes, "Paste the address from the browser";
            disconnect (ConnectionArgs) -> AccountsView, writes, "Disconnect an account";
            account_add (AccountAddArgs) -> AccountsView, writes, "Add an account";
            account_remove (ConnectionArgs) -> AccountsView, writes, "Remove an account";
            account_application (AccountApplicationArgs) -> ReconnectView, writes, "Set up your own application";
            account_key (AccountKeyArgs) -> ReconnectView, writes, "Enter a key";
            calendar_view (CalendarArgs) -> CalendarView, reads, "Show what ends, and when";
            calendar_export (CalendarExportArgs) -> CalendarExportView, writes, "Write what ends into a calendar file";
            calendar_due (NoArgs) -> CalendarDueView, reads, "Look what has to be told now";
            calendar_told (CalendarToldArgs) -> DoneView, writes, "Remember that an end was told";
            upgrade_view (CompanyArgs) -> UpgradeView, reads, "Go to Upgrades";
            upgrade_plan (UpgradePlanArgs) -> UpgradeView, reads, "Plan an upgrade";
            upgrade_start (UpgradePlanArgs) -> UpgradeView, writes, "Start the upgrade";
            upgrade_approve (UpgradeApproveArgs) -> UpgradeView, writes, "Approve the next stage";
            upgrade_pause (UpgradeArgs) -> UpgradeView, writes, "Pause the upgrade";
            upgrade_resume (UpgradeArgs) -> UpgradeView, writes, "Go on with the upgrade";
            upgrade_stop (UpgradeArgs) -> UpgradeView, writes, "Stop the upgrade here";
            upgrade_rollback (UpgradeArgs) -> UpgradeView, writes, "Roll the upgrade back";
            upgrade_next_day (UpgradeArgs) -> UpgradeView, writes, "Let a practice day pass";
            upgrade_dismiss (UpgradeArgs) -> UpgradeView, writes, "Close the page of an upgrade that was rolled back";
            upgrade_finish (UpgradeArgs) -> UpgradeView, writes, "Finish the upgrade";
            differences_view (DifferencesArgs) -> DifferencesView, reads, "Show what changes";
            backups_view (CompanyArgs) -> BackupsView, reads, "Go to Backups";
            backup_now (CompanyArgs) -> JobView, writes, "Back up now";
            backup_verify (BackupArgs) -> JobView, writes, "Prove a backup by restoring it";
            backup_schedule_set (ScheduleSetArgs) -> BackupsView, writes, "Change when backups are taken";
            backup_timer (ScheduleTimerArgs) -> BackupsView, writes, "Let backups be taken with the window closed";
            restore_moments (RestoreMomentsArgs) -> RestoreMomentsView, reads, "Pick a moment to restore";
            restore_preview (RestorePreviewArgs) -> RestoreView, reads, "Look inside a backup";
            restore_start (RestoreStartArgs) -> RestoreView, writes, "Restore a backup";
            restore_undo (CompanyArgs) -> RestoreMomentsView, writes, "Take the last restore back";
            recovery_kit (RecoveryKitArgs) -> RecoveryKitView, writes, "Write the recovery kit";
            kit_confirm_group (KitGroupArgs) -> BackupsView, writes, "Show that the recovery kit was kept";
            kit_confirm_file (KitFileArgs) -> BackupsView, writes, "Read the recovery kit back";
            reconcile_view (ReconcileArgs) -> ReconcileView, reads, "Go to Reconcile";
            hold_view (HoldArgs) -> HoldView, reads, "Look at a held payment";
            hold_resolve (HoldResolveArgs) -> ReconcileView, writes, "Decide about a held payment";
            sync_now (CompanyArgs) -> JobView, writes, "Fetch and post new payments";
            log_view (LogArgs) -> LogView, reads, "Go to the log";
            log_verify (NoArgs) -> LogView, reads, "Check the log for changes";
            practice_view (NoArgs) -> PracticeView, reads, "Go to Practice";
            practice_new (PracticeNewArgs) -> JobView, writes, "Make a practice company";
            books_inspect (PathArgs) -> CompanyAddView, reads, "Look at a books file";
            company_add (CompanyAddArgs) -> CompanyAddedView, writes, "Add a company";
            company_protect (CompanyProtectArgs) -> CompanyAddedView, writes, "Protect books";
            settings_view (NoArgs) -> SettingsView, reads, "Go to Settings";
            secrets_view (NoArgs) -> SecretsView, reads, "Show where secrets are kept";
            secrets_choose (SecretsChooseArgs) -> SecretsView, writes, "Choose where secrets are kept";
            secrets_open (SecretsOpenArgs) -> SecretsView, writes, "Open the passphrase vault";
            secrets_change_passphrase (SecretsChangeArgs) -> SecretsView, writes, "Change the passphrase";
            job_view (JobArgs) -> JobView, reads, "Show running work";
            job_cancel (JobArgs) -> JobView, writes, "Cancel running work";
        }
    };
}

/// Commands that only the shell can answer: dialogs of the operating system. The terminal has no use for them.
#[macro_export]
macro_rules! host_commands {
    ($then:ident) => {
        $then! {
            books_pick (NoArgs) -> PickedView, reads, "Choose a books file";
            folder_pick (NoArgs) -> PickedView, reads, "Choose a folder";
            kit_pick (NoArgs) -> PickedView, reads, "Choose the recovery kit's file";
            kit_save_as (NoArgs) -> PickedView, reads, "Choose where the recovery kit is written";
            calendar_save_as (NoArgs) -> PickedView, reads, "Choose where the calendar file is written";
            notify (NotifyArgs) -> DoneView, reads, "Tell the person that long work has ended";
            window_ready (NoArgs) -> DoneView, reads, "Say that the window shows";
        }
    };
}

/// One row of the table without its types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub name: &'static str,
    pub writes: bool,
    pub words: &'static str,
}

macro_rules! rows {
    ($( $name:ident ($args:ty) -> $answer:ty, $effect:ident, $words:literal; )*) => {
        &[ $( Row { name: stringify!($name), writes: is_write(stringify!($effect)), words: $words }, )* ]
    };
}

/// `writes` or `reads`; anything else in the table does not compile.
const fn is_write(effect: &str) -> bool {
    match effect.as_bytes() {
        b"writes" => true,
        b"reads" => false,
        _ => panic!("a command either reads or writes"),
    }
}

pub const ENGINE: &[Row] = engine_commands!(rows);
pub const HOST: &[Row] = host_commands!(rows);

/// Every command's name, in table order: the window's permission list.
pub fn names() -> Vec<&'static str> {
    ENGINE.iter().chain(HOST).map(|row| row.name).collect()
}
