//! The deployment log as people read it, page by page, with the verdict on its chain.

use super::common::MoneyView;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LogView {
    pub zone: String,
    pub filter: LogFilter,
    /// Free text that every shown entry contains.
    pub search: String,
    pub page: u32,
    pub pages: u32,
    pub total: u32,
    /// Newest first.
    pub entries: Vec<LogEntryView>,
    pub chain: ChainView,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum LogFilter {
    All,
    Upgrade,
    Books,
    SignIn,
    Backup,
    Sync,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LogEntryView {
    pub sequence: u32,
    pub at: String,
    pub area: LogFilter,
    pub words: String,
    pub who: Option<String>,
    pub amount: Option<MoneyView>,
    /// First characters of the record's hash.
    pub hash: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LogLineView {
    pub at: String,
    pub words: String,
}

/// How far checked signatures reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SignedView {
    pub record: u32,
    /// When that record was written.
    pub at: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ChainView {
    NotChecked { records: u32 },
    Good { records: u32, checked: String, signed: Option<SignedView> },
    Broken { records: u32, first_bad: u32, finding: String },
}
