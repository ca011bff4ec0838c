//! What the page and the terminal send with a command.

use super::differences::DifferenceFilter;
use super::log::LogFilter;
use super::holds::HoldAnswer;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct NoArgs {}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct CompanyArgs {
    pub company: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct ConnectionArgs {
    pub company: String,
    pub connection: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct ReconnectStartArgs {
    pub company: String,
    pub connection: String,
    /// False: show what will be asked and why. True: open the browser.
    pub open_browser: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct ReconnectPasteArgs {
    pub company: String,
    pub connection: String,
    /// The whole address from the browser's address line.
    pub address: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct UpgradePlanArgs {
    pub company: String,
    pub connection: String,
    pub to: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct UpgradeArgs {
    pub company: String,
    pub upgrade: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct UpgradeApproveArgs {
    pub company: String,
    pub upgrade: String,
    /// Who says yes: the gate's `who`.
    pub who: String,
    /// The gate's digest: the yes holds for exactly this state.
    pub digest: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct DifferencesArgs {
    pub company: String,
    pub upgrade: String,
    pub filter: DifferenceFilter,
    pub page: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct BackupArgs {
    pub company: String,
    pub backup: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct RestorePreviewArgs {
    /// None on a fresh computer.
    pub company: Option<String>,
    /// None: the newest one.
    pub backup: Option<String>,
    /// On a fresh computer: the folder of the repository and the file of the recovery kit.
    pub place: Option<String>,
    pub recovery_key_file: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct RestoreStartArgs {
    pub company: Option<String>,
    pub backup: String,
    pub place: Option<String>,
    pub recovery_key_file: Option<String>,
    /// The folder to restore into, empty or not there yet. None: in place of the present book.
    pub target: Option<String>,
    /// Nothing: everything. Else "book", "settings", or the paths of files. Only into a folder.
    pub only: Vec<String>,
    /// In place: put the settings back too.
    pub settings: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct RestoreMomentsArgs {
    /// None on a fresh computer.
    pub company: Option<String>,
    /// On a fresh computer: the folder of the backups and the file of the recovery kit.
    pub place: Option<String>,
    pub recovery_key_file: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct ReconcileArgs {
    pub company: String,
    /// `YYYY-MM-DD`; None: the whole period that was checked.
    pub from_day: Option<String>,
    pub to_day: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct HoldArgs {
    pub company: String,
    pub hold: String,
}

/// What each answer needs stands beside it; the others stay empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct HoldResolveArgs {
    pub company: String,
    pub hold: String,
    pub answer: HoldAnswer,
    /// For `link`: the candidate's entry.
    #[serde(default)]
    pub entry: Option<String>,
    /// For `exclude`: why it does not belong into these books.
    #[serde(default)]
    pub reason: Option<String>,
    /// For `post` where the connector's rules do not know the accounts.
    #[serde(default)]
    pub lines: Vec<HoldLineArgs>,
}

/// One account and the amount on it, in minor units as text. Positive = debit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct HoldLineArgs {
    pub account: String,
    pub minor: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct LogArgs {
    pub company: Option<String>,
    pub filter: LogFilter,
    pub search: String,
    pub page: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct PracticeNewArgs {
    pub story: String,
    /// Up to 64 bits, as text.
    pub seed: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct PathArgs {
    pub path: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct CompanyProtectArgs {
    pub name: String,
    pub books: String,
    pub zone: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct CompanyAddArgs {
    pub name: String,
    pub books: String,
    pub zone: String,
    pub provider: String,
    pub connector_version: String,
    pub roles: Vec<RoleChoice>,
    /// The id of the person's own application at the provider; None: the one that this computer is set up with.
    #[serde(default)]
    pub client_id: Option<String>,
    /// `YYYY-MM-DD`: payments from this day on are fetched; None: from the first day of this year.
    #[serde(default)]
    pub sync_from: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct RoleChoice {
    pub role: String,
    /// The account's id.
    pub account: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct JobArgs {
    pub job: String,
}

/// A notification of the system, in the page's language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct NotifyArgs {
    pub title: String,
    pub text: String,
}
