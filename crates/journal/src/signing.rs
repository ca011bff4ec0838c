//! Which keys sign this log's checkpoints, and from which entry on: the log itself says so.
//!
//! A key is named by an entry of its own before it signs, and its first checkpoint covers exactly that entry. A key
//! can therefore never vouch for entries from before its time: with today's key nobody signs last year anew, and a
//! named key without its first checkpoint is found. It must never hold a secret: an entry has the public half only.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::checkpoint::PublicKey;

/// The kind of the entry that names a key.
pub const KEY_MADE: &str = "log.key_made";

/// The body of that entry; `kept` says in one word where the secret half is.
pub fn body(key: PublicKey, kept: &str) -> Value {
    json!({"key": STANDARD.encode(key.to_bytes()), "kept": kept, "fingerprint": key.fingerprint()})
}

/// The key that an entry names; none when it names none that can be used.
pub fn named(kind: &str, body: &Value) -> Option<PublicKey> {
    if kind != KEY_MADE {
        return None;
    }
    let bytes = STANDARD.decode(body.get("key")?.as_str()?).ok()?;
    PublicKey::from_bytes(&<[u8; 32]>::try_from(bytes).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Signer;

    #[test]
    fn an_entry_names_its_key_and_no_other_kind_does() {
        let key = Signer::from_secret(&[5; 32]).public_key();
        assert_eq!(named(KEY_MADE, &body(key, "keychain")), Some(key));
        assert_eq!(named("backup.taken", &body(key, "keychain")), None);
        assert_eq!(named(KEY_MADE, &json!({"key": "AAAA"})), None);
        assert_eq!(named(KEY_MADE, &json!({})), None);
    }
}
