//! What the restore wizard shows beside the backup itself: the moments to choose from, what differs from today, what came back.

use super::backups::{BackupReason, MarkView};
use super::common::{MoneyView, ProblemView};
use super::job::JobView;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The backups to choose from: those of a company, or those of a place on a fresh computer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RestoreMomentsView {
    pub company: Option<String>,
    /// In which days are shown; UTC on a fresh computer.
    pub zone: String,
    /// Newest first.
    pub moments: Vec<MomentView>,
    /// The last restore in place, while it can be taken back.
    pub undo: Option<UndoView>,
    pub job: Option<JobView>,
    pub problem: Option<ProblemView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MomentView {
    pub id: String,
    pub taken: String,
    /// None: another program put it here.
    pub company_name: Option<String>,
    /// None on a fresh computer, where only its label is known.
    pub reason: Option<BackupReason>,
    pub label: String,
    pub bytes: String,
    pub files: u32,
    pub entries: Option<u32>,
    /// None on a fresh computer: whether it was ever proved is noted on the computer that took it.
    pub restore_tested: Option<MarkView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct UndoView {
    pub at: String,
    pub until: String,
    /// The backup of the book as it was before.
    pub safety_backup: String,
}

/// What became of a thing between the backup and today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum BecameView {
    Added,
    Changed,
    Gone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CountsView {
    pub added: u32,
    pub changed: u32,
    pub gone: u32,
}

/// How today differs from a backup. Counts and sums are of everything; the lists are bounded, the newest entries first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SinceView {
    pub accounts_count: CountsView,
    pub accounts: Vec<AccountSinceView>,
    pub entries_count: CountsView,
    pub entries: Vec<EntrySinceView>,
    /// Sums of all entries added, and of all that are gone, one per currency.
    pub added: Vec<MoneyView>,
    pub gone: Vec<MoneyView>,
    pub settings: Vec<SettingSinceView>,
    pub files_count: CountsView,
    pub files: Vec<FileSinceView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AccountSinceView {
    pub account: String,
    pub became: BecameView,
    pub name: String,
    /// The name in the backup where it is another one.
    pub name_then: Option<String>,
    pub then: Option<MoneyView>,
    pub today: Option<MoneyView>,
    pub difference: Option<MoneyView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct EntrySinceView {
    pub entry: String,
    pub became: BecameView,
    pub then: Option<EntrySideView>,
    pub today: Option<EntrySideView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct EntrySideView {
    pub day: String,
    pub description: String,
    pub amount: MoneyView,
    pub accounts: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SettingSinceView {
    pub what: String,
    pub became: BecameView,
    pub then: Option<String>,
    pub today: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FileSinceView {
    pub path: String,
    pub what: String,
    pub became: BecameView,
}

/// A file inside a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct InsideFileView {
    pub path: String,
    pub what: String,
    pub bytes: String,
}

/// A file that a damaged backup could not give back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LostView {
    pub path: String,
    pub what: String,
    pub why: String,
}

/// An older backup whose book is good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OlderView {
    pub backup: String,
    pub taken: String,
}

/// What a restore in place means for the payments posted since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PutInPlaceView {
    /// The backup of the book as it was directly before.
    pub safety_backup: String,
    /// Payments that the next fetch looks at again.
    pub again: u32,
    pub unlinked: u32,
    pub settings: bool,
    pub notes: Vec<String>,
    pub undo: Option<UndoView>,
}
