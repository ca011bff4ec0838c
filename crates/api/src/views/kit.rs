//! The recovery kit: whether one was written, and whether somebody showed that it was kept.

use super::access::SecretText;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum KitState {
    Missing,
    /// Nobody has shown yet that it was kept, so no backup counts.
    Written { at: String, file: String, fingerprint: Option<String> },
    /// `newer` is the file of one that was written since and is not confirmed.
    Confirmed { at: String, newer: Option<String> },
}

impl KitState {
    /// Whether backups count.
    pub fn counts(&self) -> bool {
        matches!(self, KitState::Confirmed { .. })
    }
}

/// The answer after the kit was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RecoveryKitView {
    pub file: String,
    /// A short check text of the key, so that a person can tell two kits apart. Not the key.
    pub fingerprint: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct RecoveryKitArgs {
    pub company: String,
    /// The file to write: a page to print where its name ends in ".pdf", else a text.
    pub path: String,
    /// The one from before was lost: nothing counts until the new one is confirmed, and then the codes from before end.
    pub lost: bool,
}

/// The last group of the kit's code, as the person reads it from the page.
#[derive(Debug, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct KitGroupArgs {
    pub company: String,
    pub group: SecretText,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct KitFileArgs {
    pub company: String,
    /// The kit's file, read back.
    pub path: String,
}
