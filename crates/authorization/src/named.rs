//! Sealing other secrets of the installation (the key of a backup place) with the same master key.
//!
//! The caller keeps the sealed text; its name is bound into it, so that one cannot be taken for another.
//! It must never return a secret of a provider: those have [`crate::Vault::signer`].

use crate::problems::{E_CREDENTIAL_UNREADABLE, E_KEYCHAIN_KEY_LOST};
use crate::seal;
use crate::vault::Vault;
use ledger::Problem;
use secrecy::{ExposeSecret, SecretString};

impl Vault {
    /// Sealed text of a secret, safe to store anywhere. Errors: `E-KEYCHAIN-*`.
    pub async fn seal_named(&self, name: &str, secret: &SecretString) -> Result<String, Problem> {
        let sealing = self.sealing().await?;
        let place = seal::bound(&["named", name, &sealing.id]);
        let blob = sealing
            .key
            .seal(secret.expose_secret().as_bytes(), &place)
            .map_err(|e| unreadable(name, &e.to_string()))?;
        Ok(format!("{}:{}", sealing.id, hex::encode(blob)))
    }

    /// The secret of a sealed text. Errors: `E-KEYCHAIN-KEY-LOST` when the key that sealed it is gone (a session
    /// that ended, another computer), `E-CREDENTIAL-UNREADABLE` when the text was changed.
    pub async fn open_named(&self, name: &str, sealed: &str) -> Result<SecretString, Problem> {
        let (key_id, blob) = sealed
            .split_once(':')
            .ok_or_else(|| unreadable(name, "It does not have the form of a sealed text."))?;
        let Some(sealing) = self.sealing_of(key_id).await? else {
            return Err(Problem::new(
                E_KEYCHAIN_KEY_LOST,
                format!("The secret \"{name}\" cannot be opened."),
                "The key that sealed it is not in this computer's keychain; it belonged to another session or computer.",
                "Use the recovery kit, which holds what is needed.",
            ));
        };
        let blob = hex::decode(blob).map_err(|_| unreadable(name, "It was cut off or changed."))?;
        let place = seal::bound(&["named", name, key_id]);
        let plain = sealing
            .key
            .open(&blob, &place)
            .map_err(|_| unreadable(name, "It was changed, or belongs to another name."))?;
        let text = std::str::from_utf8(&plain).map_err(|_| unreadable(name, "It is not text."))?;
        Ok(SecretString::from(text.to_owned()))
    }
}

fn unreadable(name: &str, why: &str) -> Problem {
    Problem::new(
        E_CREDENTIAL_UNREADABLE,
        format!("The secret \"{name}\" cannot be used."),
        why,
        "Use the recovery kit, which holds what is needed.",
    )
}
