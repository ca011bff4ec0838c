//! Adding a company: what is in the picked books file, and which account plays which role, with reasons.

use super::common::{MoneyView, ProblemView};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CompanyAddView {
    pub path: String,
    pub file_name: String,
    pub proposed_name: String,
    pub accounting_app: String,
    pub books_version: String,
    pub currency: String,
    pub proposed_zone: String,
    /// The first day of this year, from which payments are fetched unless the person chooses another.
    pub proposed_sync_from: String,
    /// This computer is set up with an application id, so that the person need not have one.
    pub client_id_set_up: bool,
    pub entries: u32,
    pub first_day: Option<String>,
    pub last_day: Option<String>,
    pub accounts: Vec<BooksAccountRowView>,
    pub roles: Vec<RoleProposalView>,
    pub providers: Vec<ProviderChoiceView>,
    /// These books are looked after already, without an account; one can join them.
    pub protected: bool,
    /// Every failed check at once, worst first. With one, the company cannot be added.
    pub problems: Vec<ProblemView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct BooksAccountRowView {
    pub id: String,
    /// Full name, such as `Assets:Current Assets:Checking`.
    pub name: String,
    pub account_kind: String,
    pub placeholder: bool,
    pub balance: MoneyView,
    pub entries: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RoleProposalView {
    pub role: String,
    /// Which connector versions need it; empty means optional.
    pub needed_by: Vec<String>,
    /// The proposed account's id.
    pub account: Option<String>,
    pub reasons: Vec<String>,
    pub sure: bool,
    /// Ids of accounts whose kind fits the role.
    pub fitting: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProviderChoiceView {
    pub provider: String,
    pub name: String,
    /// Versions of the connector, oldest first.
    pub versions: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CompanyAddedView {
    pub company: String,
    pub name: String,
    /// None: the books are protected, and nothing is connected yet.
    pub connection: Option<String>,
}

/// What a file or folder dialog gave. None: the person closed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PickedView {
    pub path: Option<String>,
}
