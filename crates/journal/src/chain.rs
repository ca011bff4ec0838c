//! One entry of the log: what is hashed, and how entries hang together.
//!
//! `hash = SHA-256(0x00 ‖ canonical JSON of the entry)`, which is at once the chain's link and RFC 6962's leaf.
//! The entry names its installation and its place, so an entry cannot be moved or borrowed.
//! A field added later needs a new `FORM`; old entries keep the form they were written in.

use jiff::Timestamp;
use ledger::Problem;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::canonical::canonical;
use crate::problems;

/// The form of entries written now.
pub const FORM: i64 = 1;
/// A body beyond this belongs beside the log, with its hash in it.
pub const LARGEST_BODY_BYTES: usize = 8 * 1024 * 1024;
/// Longest kind, scope, actor, in bytes.
pub const LONGEST_NAME_BYTES: usize = 200;

pub type Hash = [u8; 32];

/// What the first entry stands on.
pub const START: Hash = [0; 32];

/// An entry to be appended. `scope` is the upgrade or company it belongs to.
#[derive(Debug, Clone)]
pub struct Draft {
    pub scope: Option<String>,
    pub kind: String,
    pub body: Value,
    pub actor: String,
    pub at: Timestamp,
}

/// The receipt of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// Dense, from 1.
    pub seq: u64,
    pub hash: Hash,
}

/// An entry as kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub seq: u64,
    pub scope: Option<String>,
    pub kind: String,
    pub body: Value,
    pub actor: String,
    pub at: Timestamp,
    pub prev: Hash,
    pub hash: Hash,
}

/// The bytes of one entry before they are parsed; `at` is text so that its exact form is covered.
pub(crate) struct Text<'a> {
    pub installation: &'a str,
    pub seq: u64,
    pub scope: Option<&'a str>,
    pub kind: &'a str,
    pub body: &'a Value,
    pub actor: &'a str,
    pub at: &'a str,
    pub prev: &'a str,
}

impl Text<'_> {
    pub(crate) fn canonical(&self) -> Result<String, Problem> {
        canonical(&json!({
            "form": FORM,
            "installation": self.installation,
            "seq": self.seq,
            "scope": self.scope,
            "kind": self.kind,
            "body": self.body,
            "actor": self.actor,
            "at": self.at,
            "prev": self.prev,
        }))
    }

    pub(crate) fn hash(&self) -> Result<Hash, Problem> {
        Ok(leaf_hash(self.canonical()?.as_bytes()))
    }
}

/// RFC 6962 §2.1: the hash of a leaf.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0x00]).chain_update(entry).finalize().into()
}

/// Lower-case hex of exactly 32 bytes, or nothing: an upper-case letter is a changed byte.
pub(crate) fn hash_of_hex(text: &str) -> Option<Hash> {
    let mut hash = START;
    match hex::decode_to_slice(text, &mut hash) {
        Ok(()) if hex::encode(hash) == text => Some(hash),
        Ok(()) | Err(_) => None,
    }
}

pub(crate) fn check_draft(draft: &Draft) -> Result<(), Problem> {
    let scope = draft.scope.iter().map(|scope| ("scope", scope.as_str()));
    for (name, text) in [("kind", draft.kind.as_str()), ("actor", draft.actor.as_str())]
        .into_iter()
        .chain(scope)
    {
        if text.is_empty() || text.len() > LONGEST_NAME_BYTES || text.chars().any(char::is_control) {
            return Err(problems::entry(format!(
                "The entry's {name} must have 1 to {LONGEST_NAME_BYTES} bytes and no control characters."
            )));
        }
    }
    Ok(())
}
