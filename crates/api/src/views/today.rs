//! Today: what needs a person, how money reaches the books, and whether backup, books and watch are well.

use super::common::{Mood, MoneyView, ProblemView};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct TodayView {
    pub company: String,
    pub company_name: String,
    /// Now, RFC 3339 (the practice clock in a practice company).
    pub now: String,
    pub zone: String,
    /// Nearest deadline first.
    pub needs: Vec<NeedView>,
    pub flows: Vec<FlowView>,
    pub backup: BackupTile,
    pub agreement: AgreementTile,
    pub watch: WatchTile,
}

/// One thing that needs a person, with the mood and the deadline that order the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct NeedView {
    pub mood: Mood,
    /// RFC 3339.
    pub deadline: Option<String>,
    pub days_left: Option<i32>,
    pub need: Need,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Need {
    /// No processor is connected yet.
    Connect,
    /// The sign-in ends, was taken back or lacks a permission. `missing` holds plain words.
    Reconnect { connection: String, provider: String, missing: Vec<String>, ended: bool },
    UpgradeReady { connection: String, provider: String, from: String, to: String, new_permissions: u32, quiet_time: Option<String> },
    UpgradeWaits { upgrade: String, provider: String, from: String, to: String, for_whom: String },
    UpgradePaused { upgrade: String, provider: String, from: String, to: String, why: String },
    UpgradeHalted { upgrade: String, provider: String, problem: ProblemView },
    /// Movements that were not posted and wait for a person.
    Held { count: u32, amount: Option<MoneyView> },
    BackupMissing,
    /// The last backup was taken but not proved by a restore.
    BackupUnproved { taken: String },
    /// The last backup that was due could not be taken; `newest` is the last good one.
    BackupMissed { at: String, newest: Option<String>, problem: ProblemView },
    RecoveryKitMissing,
    KeychainLocked { name: String },
    BooksTrouble { problem: ProblemView },
    WatchDay { upgrade: String, provider: String, day: u32, of: u32 },
    UpgradeCanFinish { upgrade: String, provider: String, from: String, to: String },
    /// Something of the calendar that is within its notice time and that no other need says.
    Ends { ends: Box<super::calendar::EndsView> },
}

/// One row of the map: processor → connector → clearing account → bank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FlowView {
    pub connection: String,
    pub provider: String,
    pub last_payment: Option<String>,
    pub connector: String,
    pub owner: StreamOwner,
    pub clearing_account: String,
    /// Received by the processor, not yet paid out.
    pub to_pay_out: MoneyView,
    pub bank_account: String,
    pub last_payout: Option<String>,
    pub last_payout_amount: Option<MoneyView>,
}

/// Who may write new arrivals. Never two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum StreamOwner {
    Old,
    Fenced,
    New,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum BackupTile {
    None,
    Taken { taken: String, copies: u32, places: Vec<String> },
    Proved { taken: String, proved: String, copies: u32, places: Vec<String>, entries: u32 },
    Failed { taken: String, problem: ProblemView },
}

/// The newest comparison, of a state that has changed since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LastComparedView {
    pub when: String,
    pub agrees: bool,
    pub remainder: MoneyView,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum AgreementTile {
    /// There is nothing to compare yet: no payment was ever fetched.
    NotChecked,
    /// The present state was not compared yet. It is being compared now, or as soon as the work under way has ended.
    /// `last` is what an earlier state gave; it says nothing about the present one.
    Comparing { last: Option<LastComparedView> },
    Agrees { remainder: MoneyView, until_day: String, providers: Vec<String> },
    Differs { remainder: MoneyView, until_day: String, providers: Vec<String>, accounts: u32 },
    Failed { problem: ProblemView },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum WatchTile {
    /// No upgrade is being watched. `last_sync` is when payments were last fetched.
    None { last_sync: Option<String>, posted: u32 },
    Watching { upgrade: String, provider: String, version: String, day: u32, of: u32, checked: u32, surprises: u32 },
    Running { upgrade: String, provider: String, from: String, to: String, stage: super::upgrade::StageName },
}
