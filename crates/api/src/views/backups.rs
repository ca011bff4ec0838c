//! Backups and restore. A recovery key never crosses to the page: the kit is written to a file that the person chose.

use super::common::ProblemView;
use super::job::JobView;
use super::restoring::{InsideFileView, LostView, OlderView, PutInPlaceView, SinceView};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct BackupsView {
    pub company: String,
    pub company_name: String,
    pub now: String,
    pub zone: String,
    /// Newest first.
    pub backups: Vec<BackupView>,
    pub places: Vec<PlaceView>,
    pub schedule: super::schedule::ScheduleView,
    pub kit: super::kit::KitState,
    pub job: Option<JobView>,
    pub problem: Option<ProblemView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct BackupView {
    pub id: String,
    pub taken: String,
    pub reason: BackupReason,
    /// The three marks.
    pub copied: MarkView,
    pub checked: MarkView,
    pub restore_tested: MarkView,
    /// Bytes as text.
    pub bytes: String,
    pub added_bytes: Option<String>,
    pub place: String,
    pub entries: Option<u32>,
    /// Kept until the upgrade that uses it as its rollback point is finished.
    pub pinned_by: Option<String>,
    pub problem: Option<ProblemView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BackupReason {
    ByHand,
    Daily,
    /// Within the hour after the books changed.
    AfterChange,
    Monthly,
    BeforeUpgrade { provider: String, from: String, to: String },
    BeforeRestore,
    BeforeStage { stage: super::upgrade::StageName },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum MarkView {
    Done,
    NotYet,
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PlaceView {
    pub id: String,
    pub name: String,
    pub kind: PlaceKind,
    pub path: String,
    pub reachable: bool,
    pub away_from_computer: bool,
    pub free_bytes: Option<String>,
    pub checked: Option<String>,
    pub problem: Option<ProblemView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum PlaceKind {
    Folder,
    Sftp,
    S3,
    Webdav,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RestoreView {
    pub company: Option<String>,
    pub backup: String,
    pub taken: String,
    pub zone: String,
    pub company_name: String,
    pub inside: InsideView,
    /// None on a fresh computer: there are no books to compare with.
    pub against_today: Option<SinceView>,
    /// Why today could not be compared: the present books cannot be read.
    pub not_compared: Option<ProblemView>,
    /// The files of the backup, for choosing one; the first of many.
    pub files: Vec<InsideFileView>,
    /// Why its book cannot be put in place now; None where it can. Never possible on a fresh computer.
    pub not_in_place: Option<ProblemView>,
    pub target: Option<String>,
    pub state: RestoreState,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct InsideView {
    pub books_file: String,
    pub entries: u32,
    pub accounts: u32,
    pub first_day: Option<String>,
    pub last_day: Option<String>,
    pub raw_records: u32,
    pub connections: u32,
    pub bytes: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RestoreState {
    Preview,
    Working { job: JobView },
    Done { proof: RestoreProofView },
    Failed { problem: ProblemView },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RestoreProofView {
    /// The restored book, or the folder where there is none in what was restored.
    pub file: String,
    /// Everything, or a part: then nothing is proved of the rest.
    pub whole: bool,
    /// The book was opened and every total compared.
    pub book: bool,
    pub files: u32,
    pub bytes: String,
    pub entries: u32,
    pub accounts_equal: u32,
    pub accounts: u32,
    pub lost: Vec<LostView>,
    pub older: Option<OlderView>,
    pub in_place: Option<PutInPlaceView>,
    pub seconds: u32,
}
