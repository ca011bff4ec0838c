//! Where secrets are kept, and the passphrase of the vault. A passphrase comes in with [`SecretText`] and never goes out.

use super::access::SecretText;
use super::app::KeychainView;
use super::common::ProblemView;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SecretsPlace {
    Keychain,
    Passphrase,
    SessionOnly,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SecretsView {
    pub place: SecretsPlace,
    /// How that place is.
    pub state: KeychainView,
    /// A passphrase vault exists, so its passphrase is known to somebody.
    pub vault_exists: bool,
    /// Characters that a new passphrase needs at least.
    pub shortest: u32,
    /// Earlier places that still hold a copy of the key.
    pub old_copy_remains: bool,
    /// What could not be erased at the place before; the change itself is done.
    pub left: Option<ProblemView>,
}

#[derive(Debug, Clone, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct SecretsChooseArgs {
    pub place: SecretsPlace,
    /// Opens the vault, or sets it up where there is none.
    pub passphrase: Option<SecretText>,
    /// The present place cannot be opened any more: its key stays there, and what it sealed waits for a new sign-in.
    pub leave_old_key: bool,
}

#[derive(Debug, Clone, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct SecretsOpenArgs {
    pub passphrase: SecretText,
}

#[derive(Debug, Clone, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct SecretsChangeArgs {
    pub old: SecretText,
    pub new: SecretText,
}
