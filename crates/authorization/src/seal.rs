//! Sealing secrets for the store: XChaCha20-Poly1305 with the installation's master key.
//!
//! The associated data binds a blob to its row, so that a blob moved to another connection, company or
//! generation does not open. Plain text lives in zeroized buffers only. A new field of the payload is an
//! optional field of [`Payload`] with a higher `v`.

use crate::grant::Tokens;
use chacha20poly1305::aead::{Aead, KeyInit, Payload as AeadPayload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

pub(crate) const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const PAYLOAD_VERSION: u32 = 1;

/// The installation's key. No Debug, no Clone.
pub(crate) struct MasterKey([u8; KEY_BYTES]);

impl Drop for MasterKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The blob does not belong here, was changed, or was sealed with another key. Which of them cannot be told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DoesNotOpen;

impl MasterKey {
    /// From the operating system's random source; an error of that source is passed on.
    pub fn random() -> Result<MasterKey, getrandom::Error> {
        let mut bytes = [0u8; KEY_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(MasterKey(bytes))
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<MasterKey> {
        <[u8; KEY_BYTES]>::try_from(bytes).ok().map(MasterKey)
    }

    pub fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    pub fn seal(&self, plain: &[u8], bound_to: &[u8]) -> Result<Vec<u8>, getrandom::Error> {
        let mut nonce = [0u8; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        let cipher = XChaCha20Poly1305::new(Key::from_slice(&self.0));
        let sealed = cipher.encrypt(XNonce::from_slice(&nonce), AeadPayload { msg: plain, aad: bound_to });
        // Encryption fails only for texts of many gigabytes.
        let sealed = sealed.map_err(|_| getrandom::Error::UNEXPECTED)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    pub fn open(&self, blob: &[u8], bound_to: &[u8]) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        let (nonce, sealed) = blob.split_at_checked(NONCE_BYTES).ok_or(DoesNotOpen)?;
        let cipher = XChaCha20Poly1305::new(Key::from_slice(&self.0));
        cipher
            .decrypt(
                XNonce::from_slice(nonce),
                AeadPayload {
                    msg: sealed,
                    aad: bound_to,
                },
            )
            .map(Zeroizing::new)
            .map_err(|_| DoesNotOpen)
    }
}

/// Length-prefixed, so that ("ab","c") and ("a","bc") differ.
pub(crate) fn bound(fields: &[&str]) -> Vec<u8> {
    let mut out = b"changeover-credential-1".to_vec();
    for field in fields {
        out.extend_from_slice(&(field.len() as u64).to_le_bytes());
        out.extend_from_slice(field.as_bytes());
    }
    out
}

#[derive(Serialize, Deserialize)]
struct Payload {
    v: u32,
    access: String,
    refresh: Option<String>,
}

impl Drop for Payload {
    fn drop(&mut self) {
        self.access.zeroize();
        if let Some(refresh) = &mut self.refresh {
            refresh.zeroize();
        }
    }
}

pub(crate) fn seal_tokens(key: &MasterKey, tokens: &Tokens, bound_to: &[u8]) -> Result<Vec<u8>, getrandom::Error> {
    let payload = Payload {
        v: PAYLOAD_VERSION,
        access: tokens.access.expose_secret().to_string(),
        refresh: tokens.refresh.as_ref().map(|r| r.expose_secret().to_string()),
    };
    // Growing a buffer would leave copies behind; tokens are at most about a kilobyte each.
    let mut plain = Zeroizing::new(Vec::with_capacity(16 * 1024));
    serde_json::to_writer(&mut *plain, &payload).map_err(|_| getrandom::Error::UNEXPECTED)?;
    key.seal(&plain, bound_to)
}

pub(crate) fn open_tokens(key: &MasterKey, blob: &[u8], bound_to: &[u8]) -> Result<Tokens, DoesNotOpen> {
    let plain = key.open(blob, bound_to)?;
    let mut payload: Payload = serde_json::from_slice(&plain).map_err(|_| DoesNotOpen)?;
    if payload.v != PAYLOAD_VERSION {
        return Err(DoesNotOpen);
    }
    let access = SecretString::from(std::mem::take(&mut payload.access));
    let refresh = payload.refresh.take().map(SecretString::from);
    Ok(Tokens { access, refresh })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        Tokens {
            access: "access-canary".into(),
            refresh: Some("refresh-canary".into()),
        }
    }

    #[test]
    fn a_sealed_row_opens_only_for_its_own_place_and_key() {
        let key = MasterKey::random().unwrap();
        let here = bound(&["c1", "square", "1"]);
        let blob = seal_tokens(&key, &tokens(), &here).unwrap();
        let open = open_tokens(&key, &blob, &here).ok().unwrap();
        assert_eq!(open.access.expose_secret(), "access-canary");
        assert_eq!(open.refresh.unwrap().expose_secret(), "refresh-canary");
        for elsewhere in [
            bound(&["c2", "square", "1"]),
            bound(&["c1", "square", "2"]),
            bound(&["c1s", "quare", "1"]),
            vec![],
        ] {
            assert!(open_tokens(&key, &blob, &elsewhere).is_err());
        }
        assert!(open_tokens(&MasterKey::random().unwrap(), &blob, &here).is_err());
        for at in 0..blob.len() {
            let mut changed = blob.clone();
            changed[at] ^= 1;
            assert!(open_tokens(&key, &changed, &here).is_err(), "byte {at}");
        }
        assert!(open_tokens(&key, &blob[..10], &here).is_err());
    }

    #[test]
    fn the_same_secret_sealed_twice_looks_different() {
        let key = MasterKey::random().unwrap();
        assert_ne!(key.seal(b"x", b"").unwrap(), key.seal(b"x", b"").unwrap());
    }
}
