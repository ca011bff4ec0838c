//! What every view is made of: money, moods, problems, notes.
//!
//! It must never hold a secret or a float. Add a type here only when two screens need it.

use ledger::{Money, Problem, Retry, Touched};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// An amount as the page receives it. `minor` is text, so that no reader squeezes it through a float.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MoneyView {
    pub minor: String,
    pub currency: String,
    pub digits: u8,
}

impl From<Money> for MoneyView {
    fn from(money: Money) -> Self {
        MoneyView { minor: money.minor.to_string(), currency: money.currency.code().to_owned(), digits: money.currency.digits() }
    }
}

/// How a thing is doing. The page always shows it as icon, word and colour together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Mood {
    Good,
    Attention,
    Stop,
    Information,
    Plain,
}

/// Whether the connection speaks to the real provider or to a practice one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentView {
    Production,
    Sandbox,
    Practice,
}

/// What had been changed when a problem arose; the page says it first, in the reader's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum TouchedView {
    Nothing,
    SettingsOnly,
    Books,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RetryView {
    Never,
    Later { after_seconds: u32 },
    AfterFix,
}

/// The four-part error. `touched` comes first on the page; `what`, `why` and `next` are the engine's sentences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProblemView {
    pub code: String,
    pub touched: TouchedView,
    pub touched_sentence: String,
    pub what: String,
    pub why: Vec<String>,
    pub next: String,
    pub retry: RetryView,
    pub also: Vec<ProblemView>,
}

impl From<Problem> for ProblemView {
    fn from(problem: Problem) -> Self {
        ProblemView {
            code: problem.code.0.to_owned(),
            touched: match problem.touched {
                Touched::Nothing => TouchedView::Nothing,
                Touched::SettingsOnly => TouchedView::SettingsOnly,
                Touched::Books => TouchedView::Books,
                Touched::Unknown => TouchedView::Unknown,
            },
            touched_sentence: problem.touched.sentence().to_owned(),
            what: problem.what,
            why: problem.why,
            next: problem.next,
            retry: match problem.retry {
                Retry::Never => RetryView::Never,
                Retry::Later { after_seconds } => RetryView::Later { after_seconds: u32::try_from(after_seconds).unwrap_or(u32::MAX) },
                Retry::AfterFix => RetryView::AfterFix,
            },
            also: problem.also.into_iter().map(ProblemView::from).collect(),
        }
    }
}

/// A short fact beside a stage, a check or a step. The page has the words in every language; `Words` is for what
/// only the engine can say. Instants are RFC 3339, days are `YYYY-MM-DD`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NoteView {
    ApprovedBy { who: String },
    Copies { count: u32, bytes: String },
    EntriesEqual { count: u32 },
    RolledBackToo { seconds: u32 },
    SameCompany { new_permissions: u32 },
    Unexplained { count: u32 },
    Payments { count: u32, from_day: Option<String>, to_day: Option<String> },
    Entries { count: u32 },
    OfTotal { done: u32, total: u32 },
    Doubled { count: u32 },
    Missing { count: u32 },
    Difference { amount: MoneyView },
    Expected { count: u32 },
    At { at: String },
    Days { day: u32, of: u32 },
    DaysLong { count: u32 },
    Words { text: String },
}

/// One permission: the provider's own name, and what it lets Changeover do in plain words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PermissionView {
    pub permission: String,
    /// "Read payouts"
    pub words: String,
    /// "so that deposits match your bank"
    pub why: String,
    pub state: PermissionState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum PermissionState {
    /// Granted and needed.
    Granted,
    /// Needed and not granted yet.
    Missing,
    /// Granted, no longer needed.
    NoLongerNeeded,
}

/// The plain answer of a command that has nothing to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DoneView {
    pub done: bool,
}
