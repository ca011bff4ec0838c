//! The entry key: the name of a movement that never changes, which makes posting idempotent.
//!
//! It never contains the version of the content. It is compared as a whole and never taken apart:
//! ids are not guessed from prefixes.

use crate::problem::{Code, Problem};
use serde::{Deserialize, Serialize};
use std::fmt;

pub const E_KEY: Code = Code("E-ENTRY-KEY");
pub const CODES: &[Code] = &[E_KEY];

/// Longest key in bytes; GnuCash's slot text would hold more, other apps' fields do not.
pub const LONGEST_KEY: usize = 200;

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntryKey(String);

impl EntryKey {
    /// Errors: `E-ENTRY-KEY` when empty, too long, or with spaces or control characters.
    pub fn new(text: impl Into<String>) -> Result<EntryKey, Problem> {
        let text = text.into();
        let bad = text.is_empty() || text.len() > LONGEST_KEY || text.chars().any(|c| c.is_whitespace() || c.is_control());
        if bad {
            return Err(Problem::new(
                E_KEY,
                "A movement's key cannot be used.",
                format!("A key has 1 to {LONGEST_KEY} bytes and no spaces; this one has {} bytes.", text.len()),
                "Correct the key rule of the connector package.",
            ));
        }
        Ok(EntryKey(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EntryKey {
    type Error = String;
    fn try_from(text: String) -> Result<EntryKey, String> {
        EntryKey::new(text).map_err(|p| p.why.join(" "))
    }
}

impl From<EntryKey> for String {
    fn from(key: EntryKey) -> String {
        key.0
    }
}

impl fmt::Display for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
