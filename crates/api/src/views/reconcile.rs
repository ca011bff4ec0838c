//! Reconcile: per account and day what the processor says, what the books say, and what no rule explains.

use super::common::{MoneyView, ProblemView};
use super::holds::{AnsweredView, HeldView};
use super::upgrade::{VerdictView, WatchDayView};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ReconcileView {
    pub company: String,
    pub company_name: String,
    pub zone: String,
    pub from_day: Option<String>,
    pub to_day: Option<String>,
    pub verdict: VerdictView,
    pub remainder: Option<MoneyView>,
    pub doubled: u32,
    pub lost: u32,
    pub checked: u32,
    pub rows: Vec<ReconcileRowView>,
    pub payouts: Vec<TieOutView>,
    pub held: Vec<HeldView>,
    /// Held movements that a person has answered, newest first.
    pub answered: Vec<AnsweredView>,
    /// The watch period, for the chart; empty without one.
    pub watch: Vec<WatchDayView>,
    pub when: Option<String>,
    pub problem: Option<ProblemView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ReconcileRowView {
    pub day: String,
    pub account: String,
    pub role: String,
    pub processor: Option<MoneyView>,
    pub books: MoneyView,
    pub difference: MoneyView,
    /// What explains the difference, or the lines on both sides.
    pub lines: Vec<ReconcileLineView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ReconcileLineView {
    pub title: String,
    pub processor: Option<MoneyView>,
    pub books: Option<MoneyView>,
    pub explained_by: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct TieOutView {
    pub day: String,
    pub masked_id: String,
    pub amount: MoneyView,
    pub fee: MoneyView,
    pub sum_of_entries: MoneyView,
    pub difference: MoneyView,
    pub movements: u32,
    pub in_books: bool,
    pub returned: bool,
}
