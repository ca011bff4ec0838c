//! Long work as the page shows it: counts, rate, time left, and whether it can be cancelled.

use super::common::ProblemView;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct JobView {
    pub id: String,
    pub company: Option<String>,
    pub work: Work,
    pub state: JobState,
    /// What it does at this moment, in the engine's words.
    pub now_doing: Option<String>,
    pub unit: JobUnit,
    /// In `unit`; a count of bytes is past the four thousand million of 32 bits.
    #[ts(type = "number")]
    pub done: u64,
    #[ts(type = "number | null")]
    pub total: Option<u64>,
    /// Over the last seconds of what it does now.
    #[ts(type = "number | null")]
    pub per_second: Option<u64>,
    pub seconds_left: Option<u32>,
    pub cancellable: bool,
    pub started: String,
    pub problem: Option<ProblemView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    MakePractice,
    Sync,
    Backup,
    VerifyBackup,
    Restore,
    Upgrade,
    RollBack,
    VerifyLog,
    Reconcile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    Running,
    Done,
    Cancelled,
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum JobUnit {
    Payments,
    Records,
    Entries,
    Bytes,
    Steps,
}
