//! Differences of the shadow run and of every later stage: old connector on the left, new on the right.

use super::common::MoneyView;
use super::upgrade::DifferenceCountsView;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DifferencesView {
    pub upgrade: String,
    pub provider: String,
    pub from: String,
    pub to: String,
    pub zone: String,
    pub filter: DifferenceFilter,
    /// Counted from 0.
    pub page: u32,
    pub pages: u32,
    pub counts: DifferenceCountsView,
    pub rows: Vec<DifferenceView>,
    /// Sum of what no rule explains.
    pub remainder: Option<MoneyView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceFilter {
    All,
    Expected,
    Unexplained,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DifferenceView {
    pub key: String,
    pub day: String,
    /// "Payment of 100.00 USD, Order 1042"
    pub title: String,
    pub class: DifferenceClass,
    /// The title of the expected change, or the finding in words.
    pub reason: Option<String>,
    pub old: Vec<DifferenceLineView>,
    pub new: Vec<DifferenceLineView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceClass {
    Same,
    Expected,
    Unexplained,
    /// The new connector has nothing where the old one had an entry.
    Missing,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DifferenceLineView {
    pub account: String,
    pub amount: MoneyView,
}
