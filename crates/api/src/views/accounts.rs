//! Accounts: every sign-in with its permissions and its end, and the four steps of a reconnect.
//!
//! Ids of the provider are masked (`MLH0…QK2`); a token never comes near this file.

use super::access::{EntryKind, EntryView, KeepableView};
use super::common::{EnvironmentView, PermissionView, ProblemView};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AccountsView {
    pub company: String,
    pub company_name: String,
    pub now: String,
    pub zone: String,
    pub connections: Vec<ConnectionView>,
    pub books: BooksAccountView,
    /// Providers whose access can be kept and watched although no connector reads them yet.
    pub can_keep: Vec<KeepableView>,
    /// A reconnect that is under way, so that the panel opens by itself.
    pub reconnecting: Option<String>,
    /// What became of the access that was just given up; only in the answer to that.
    pub gave_up: Option<GaveUpView>,
}

/// What was done with an access, and what remains for the person to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct GaveUpView {
    pub provider_name: String,
    pub ended_at_provider: bool,
    /// Why it was not ended there.
    pub why: String,
    /// Where a person can end it, in words and as an address.
    pub page_says: String,
    pub page: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ConnectionView {
    pub id: String,
    pub provider: String,
    pub provider_name: String,
    /// The name that the provider gives for the company that signed in.
    pub company_at_provider: Option<String>,
    pub masked_id: Option<String>,
    pub environment: EnvironmentView,
    /// Only its access is kept and watched; no connector reads its payments.
    pub access_only: bool,
    /// How access is given there.
    pub kind: EntryKind,
    pub permissions: Vec<PermissionView>,
    pub permissions_granted: u32,
    pub permissions_needed: u32,
    /// When the access token ends; refreshed by itself as long as `sign_in_ends` has not come.
    pub access_ends: Option<String>,
    /// When a person must sign in again. None: no end.
    pub sign_in_ends: Option<String>,
    pub last_used: Option<String>,
    /// "the computer's keychain", in the engine's words.
    pub kept_where: String,
    pub state: ConnectionState,
    pub connector: String,
    pub connector_newest: String,
    pub last_sync: Option<String>,
    /// While an upgrade runs, the access before the reconnect is kept until it is finished.
    pub old_access_kept: bool,
    pub problem: Option<ProblemView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    NeverConnected,
    Connected,
    EndsSoon,
    Ended,
    TakenBack,
    PermissionMissing,
    Disconnected,
    /// The sealed access cannot be opened now (keychain locked or gone).
    Unreadable,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct BooksAccountView {
    pub accounting_app: String,
    pub file: String,
    pub folder: String,
    pub version: String,
    pub currency: String,
    pub state: BooksState,
    pub problem: Option<ProblemView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum BooksState {
    Free,
    OpenElsewhere,
    Missing,
    Trouble,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ReconnectView {
    pub company: String,
    pub connection: String,
    pub provider: String,
    pub provider_name: String,
    pub step: ReconnectStep,
    /// The application or key that is needed, how it is made, and whether it is there.
    pub entry: EntryView,
    /// What was entered is being proved at the provider.
    pub proving: bool,
    pub permissions: Vec<PermissionView>,
    /// The provider's page, for a browser that did not open by itself. Holds no secret.
    pub address: Option<String>,
    pub browser_opened: bool,
    pub started: Option<String>,
    pub deadline: Option<String>,
    pub expected_company: Option<String>,
    pub found_company: Option<String>,
    pub found_masked_id: Option<String>,
    /// Why the browser did not open by itself; the sign-in goes on waiting.
    pub browser_problem: Option<ProblemView>,
    /// Why the pasted address could not be used; the sign-in goes on waiting.
    pub paste_problem: Option<ProblemView>,
    /// First sign-in: there is no earlier company to compare with.
    pub first_time: bool,
    pub old_access_kept: bool,
    pub problem: Option<ProblemView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ReconnectStep {
    /// What will be asked and why; nothing has been opened.
    Why,
    /// The browser is open, we wait.
    Browser,
    /// The answer has come and is being compared with the company before.
    SameCompany,
    Done,
}
