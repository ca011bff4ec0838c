//! Held movements: the list, one of them with everything needed to answer it, and what was answered.
//!
//! A provider's ids never appear here; a hold has a name of its own. A new answer is one variant of [`HoldAnswer`].

use super::common::MoneyView;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A movement that was not posted, with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HeldView {
    pub id: String,
    pub day: String,
    /// What it is, in words: "Payment", "Refund".
    pub title: String,
    pub amount: Option<MoneyView>,
    pub code: String,
    pub reason: String,
    pub since: String,
    /// Answers that can be given now.
    pub may: Vec<HoldAnswer>,
}

/// What a person may decide about a held movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum HoldAnswer {
    /// The entry that is already in the books is this movement.
    Link,
    /// Post it: as the rules say, or to the accounts that the person chose.
    Post,
    /// It does not belong into these books.
    Exclude,
    /// Looked at; it stays held.
    Seen,
    /// Take a link or an exclusion back.
    Undo,
}

/// One held movement with everything needed to answer it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HoldView {
    pub held: HeldView,
    pub currency: String,
    /// Answers that cannot be given, with the reason in words.
    pub refused: Vec<HoldRefusalView>,
    /// Entries of the books that it may be, the best first.
    pub candidates: Vec<HoldCandidateView>,
    /// What posting would write. Empty where the rules do not know the accounts, or posting is refused.
    pub entries: Vec<HoldEntryView>,
    /// The person has to choose the accounts.
    pub needs_lines: bool,
    /// Accounts to choose from.
    pub accounts: Vec<HoldAccountView>,
    /// The account proposed for the money's side, where one is known.
    pub clearing: Option<String>,
    /// Payments inside a payout that a link would settle with it.
    pub members: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HoldRefusalView {
    pub answer: HoldAnswer,
    pub why: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HoldCandidateView {
    pub entry: String,
    pub day: String,
    pub description: String,
    pub account: String,
    pub amount: MoneyView,
    /// Why it fits, in full sentences.
    pub reasons: Vec<String>,
    /// It stands for the payments in the payout as well.
    pub takes_members: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HoldEntryView {
    pub day: String,
    pub description: String,
    pub lines: Vec<HoldLineView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HoldLineView {
    pub account: String,
    pub amount: MoneyView,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HoldAccountView {
    pub id: String,
    pub name: String,
}

/// A held movement that a person has answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AnsweredView {
    /// The hold's own name.
    pub id: String,
    pub day: String,
    pub title: String,
    pub amount: Option<MoneyView>,
    pub answer: HoldAnswer,
    /// The reason for leaving it out, or the description of the entry it was linked to.
    pub words: String,
    pub by: String,
    pub at: String,
    pub may_undo: bool,
}
