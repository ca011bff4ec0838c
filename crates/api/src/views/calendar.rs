//! What ends, and when: one list for a company, or for all of them.
//!
//! The page says the kinds in its own languages; texts of the catalogue are given as they stand there.

use super::common::{Mood, ProblemView};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct CalendarArgs {
    /// None: all companies.
    pub company: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct CalendarExportArgs {
    /// None: all companies.
    pub company: Option<String>,
    /// The file to write.
    pub path: String,
}

/// What was told, as `calendar_due` named it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct CalendarToldArgs {
    pub company: String,
    pub row: String,
    pub end: String,
    pub threshold: EndsThreshold,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CalendarView {
    /// None: all companies.
    pub company: Option<String>,
    pub company_name: Option<String>,
    pub now: String,
    /// Of the one company; None for all, where each row has its own.
    pub zone: Option<String>,
    /// Past ones that still matter first, then by time, without a day last.
    pub rows: Vec<EndsView>,
    /// Companies whose ends could not be gathered.
    pub problems: Vec<ProblemView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct EndsView {
    pub id: String,
    pub company: String,
    pub company_name: String,
    pub zone: String,
    pub connection: String,
    pub provider: String,
    /// The connector version whose sign-in it is, where an upgrade keeps two.
    pub for_version: Option<String>,
    pub what: EndsWhat,
    pub when: EndsWhen,
    /// `YYYY-MM-DD` in the business's zone; None without a known day.
    pub day: Option<String>,
    /// Days of the calendar in the business's zone; negative when it has passed.
    pub days_left: Option<i32>,
    pub standing: EndsStanding,
    pub mood: Mood,
    pub sure: EndsSure,
    pub act: EndsAct,
    pub source: Option<String>,
    pub notes: Vec<EndsNote>,
    /// `YYYY-MM-DD`: when the provider's facts were last compared with its own pages.
    pub checked: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EndsWhat {
    /// Its end moves with every use.
    SignInRenews,
    SignInFixed,
    /// Only a person can renew it.
    SignInOver { reason: Option<String> },
    Key { called: String },
    Cap { days: u32 },
    Permission { name: String, why: String },
    ApiVersion { version: String, connector: String },
    Connector { from: String, to: String, title: String, text: String },
    Announced { text: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EndsWhen {
    /// RFC 3339.
    At { at: String },
    /// A whole day in the business's zone.
    Day,
    /// A month whose day nobody has named: `day` is its first.
    Month,
    Over,
    NoKnownEnd,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum EndsStanding {
    Ended,
    Soon,
    Later,
    Undated,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EndsSure {
    Said,
    WorkedOut,
    Unverified { why: Option<String> },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EndsAct {
    Reconnect,
    PlanUpgrade { to: String },
    GoOn { to: String },
    RenewsItself,
    Read,
    Nothing,
}

/// What the provider says about it without naming a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct EndsNote {
    pub text: String,
    pub source: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CalendarExportView {
    /// None: no row has a day, so no file was written.
    pub file: Option<String>,
    pub events: u32,
    /// Rows that are not in the file, because they have no day.
    pub without_day: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum EndsThreshold {
    TwoWeeks,
    ThreeDays,
    Ended,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CalendarDueView {
    /// Gravest first.
    pub due: Vec<DueView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DueView {
    pub ends: EndsView,
    pub threshold: EndsThreshold,
    /// What `calendar_told` takes back.
    pub end: String,
}
