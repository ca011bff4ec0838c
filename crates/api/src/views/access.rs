//! What a person enters to give access: an account added for its access alone, the application of their own, a key.
//!
//! Secrets come in with [`SecretText`] and never go out: it has no `Serialize`, and its `Debug` shows nothing.

use super::common::{EnvironmentView, ProblemView};
use authorization::SecretString;
use serde::{Deserialize, Serialize};
use std::fmt;
use ts_rs::TS;

/// A secret on its way in. It can be read from the page's message and cannot be written to one.
#[derive(Clone, TS)]
#[ts(type = "string")]
pub struct SecretText(SecretString);

impl SecretText {
    pub fn new(text: String) -> SecretText {
        SecretText(SecretString::from(text))
    }

    pub fn take(self) -> SecretString {
        self.0
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<SecretText, D::Error> {
        String::deserialize(deserializer).map(SecretText::new)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

/// A provider whose access can be kept although no connector reads its payments yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct KeepableView {
    pub provider: String,
    pub name: String,
    pub kind: EntryKind,
    pub environments: Vec<EnvironmentView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// Signed in to in the browser, by an application whose id alone is known.
    Application,
    /// Signed in to in the browser, by an application of the person's own: id and secret.
    ApplicationWithSecret,
    /// A key that the person makes at the provider.
    Key,
    /// An id and a secret of the person's own which need no browser.
    IdAndSecret,
}

/// How a provider's application or key is made and entered; what is there already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct EntryView {
    pub kind: EntryKind,
    /// What the provider calls it: "restricted key".
    pub called: String,
    /// The provider's page on which it is made.
    pub page: String,
    pub steps: Vec<String>,
    /// How to put a new one in the place of the old one without a gap.
    pub replace: Vec<String>,
    /// The redirect addresses to register with the application.
    pub register: Vec<String>,
    /// The provider sends the browser to an https page of the person's own only.
    pub wants_page: bool,
    pub own_page: Option<String>,
    /// The application's public id.
    pub client_id: Option<String>,
    pub has_secret: bool,
    /// Everything that the next step needs is there; for keys always false, because a key is never kept to be entered again.
    pub complete: bool,
    /// Why what was entered last could not be used.
    pub problem: Option<ProblemView>,
    /// Facts about this provider that nobody has confirmed.
    pub unverified: Vec<UnverifiedView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct UnverifiedView {
    pub fact: String,
    /// Why it counts as unconfirmed.
    pub source: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct AccountAddArgs {
    pub company: String,
    pub provider: String,
    pub environment: EnvironmentView,
}

#[derive(Debug, Clone, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct AccountApplicationArgs {
    pub company: String,
    pub connection: String,
    pub client_id: String,
    /// None keeps the secret that is there.
    pub secret: Option<SecretText>,
    pub own_page: Option<String>,
}

#[derive(Debug, Clone, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct AccountKeyArgs {
    pub company: String,
    pub connection: String,
    /// The id that belongs to the secret, where there is one.
    pub client_id: Option<String>,
    pub secret: SecretText,
}
