//! The frame around every screen: which companies there are, which is shown, what state the keychain is in.

use super::common::{EnvironmentView, Mood, ProblemView};
use super::job::JobView;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AppView {
    pub version: String,
    /// True until there is a company; the page then shows the three ways in.
    pub first_run: bool,
    pub companies: Vec<CompanyView>,
    /// The id of the company that the window shows.
    pub current: Option<String>,
    pub keychain: KeychainView,
    /// Set while the shown company is a practice company: the whole window then wears the practice band.
    pub practice_band: Option<PracticeBandView>,
    /// Set when recovery after a crash or a damaged store needs a person before anything else.
    pub problem: Option<ProblemView>,
    /// Work that runs for the shown company, for the strip at the foot.
    pub jobs: Vec<JobView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CompanyView {
    pub id: String,
    pub name: String,
    pub accounting_app: String,
    pub books_file: String,
    pub currency: String,
    /// IANA name, such as `America/New_York`.
    pub zone: String,
    pub environment: EnvironmentView,
    /// Worst state among its needs.
    pub mood: Mood,
    /// How many things need a person.
    pub needs: u32,
    pub connections: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum KeychainView {
    /// Secrets live in the computer's keychain.
    Keychain { name: String },
    /// The keychain is there but locked.
    Locked { name: String },
    /// Chosen, or practice where there is no keychain: kept until Changeover closes.
    SessionOnly { why: String },
    /// There is no keychain that could be used.
    Absent { why: String },
    /// It did not answer in time.
    Silent { name: String, seconds: u32 },
    /// It answers, and refused what it was asked.
    Refusing { name: String, why: String },
    /// In a file sealed with a passphrase, open for this run.
    Passphrase,
    /// The same, waiting for its passphrase.
    PassphraseLocked,
    /// The same was chosen, and none is set up.
    PassphraseNotSetUp,
    /// Its file cannot be used.
    PassphraseDamaged { why: String },
    /// Not looked at yet: a slow keychain shows like this until it answers.
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PracticeBandView {
    pub story: String,
    /// The practice clock, RFC 3339.
    pub now: String,
}
