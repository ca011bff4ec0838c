//! The key of a place, which opens at once and still opens when every key file is lost.
//!
//! Secret: no Debug, no Clone, no Serialize, never in an argument or environment. What a person keeps of it is in `kit/`,
//! what they remember in `passphrase.rs`.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ledger::Problem;
use rustic_core::repofile::MasterKey;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::problems;

/// restic's master key as JSON has exactly this many characters.
pub const KEY_CHARACTERS: usize = 128;
/// The same as bytes: 32 to encrypt, 16 and 16 to authenticate.
pub const KEY_BYTES: usize = 64;

/// Opens a place. Keep it in the sealed store only.
pub struct RepositoryKey(SecretString);

impl RepositoryKey {
    /// From the sealed store. Errors: `E-BACKUP-KEY` when it has not a key's form.
    pub fn from_stored(json: SecretString) -> Result<RepositoryKey, Problem> {
        let sound = json.expose_secret().len() == KEY_CHARACTERS && parts(json.expose_secret()).is_some();
        if sound {
            Ok(RepositoryKey(json))
        } else {
            Err(problems::key("It does not have the form of a key; it was cut off or changed."))
        }
    }

    /// For the sealed store and the worker's pipe, nowhere else.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    pub(crate) fn copied(&self) -> Result<RepositoryKey, Problem> {
        RepositoryKey::from_stored(SecretString::from(self.expose().to_owned()))
    }

    /// Its 64 bytes. Errors: `E-BACKUP-KEY`, which a key that was made here never has.
    pub(crate) fn bytes(&self) -> Result<Zeroizing<Vec<u8>>, Problem> {
        parts(self.expose()).ok_or_else(|| problems::key("It does not have the form of a key."))
    }

    /// From its 64 bytes. Errors: `E-BACKUP-KEY` for any other number of them.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<RepositoryKey, Problem> {
        if bytes.len() != KEY_BYTES {
            return Err(problems::key("It does not have the length of a key."));
        }
        let part = |range: std::ops::Range<usize>| Zeroizing::new(BASE64_STANDARD.encode(&bytes[range]));
        let (encrypt, k, r) = (part(0..32), part(32..48), part(48..KEY_BYTES));
        let json = format!("{{\"mac\":{{\"k\":\"{}\",\"r\":\"{}\"}},\"encrypt\":\"{}\"}}", *k, *r, *encrypt);
        RepositoryKey::from_stored(SecretString::from(json))
    }
}

/// `None` for what is no key, or has parts of other lengths.
fn parts(json: &str) -> Option<Zeroizing<Vec<u8>>> {
    let key: MasterKey = serde_json::from_str(json).ok()?;
    if (key.encrypt.len(), key.mac.k.len(), key.mac.r.len()) != (32, 16, 16) {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_BYTES));
    for part in [key.encrypt, key.mac.k, key.mac.r].map(Zeroizing::new) {
        bytes.extend_from_slice(&part);
    }
    Some(bytes)
}
