//! Signing the deployment log: the installation's own key, made when it is first needed, and a checkpoint at every
//! change of stage, at the end of an upgrade, and with every backup.
//!
//! The secret half is sealed like every other secret of the installation. Where no keychain answers nothing is signed
//! and work goes on: the log is then a chain only, and `log verify` says how far signatures reach. In a practice session without
//! a keychain the key ends with the process, and the next one names its own. It must never let the keychain decide
//! whether an upgrade goes on; a log that is broken still stops it.

use crate::engine::Engine;
use crate::store;
use authorization::{KeptWhere, KeychainStatus, PassphraseState};
use journal::{Checkpoint, Signer};
use ledger::Problem;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

/// The sealed secret's name.
pub const KEY_NAME: &str = "log-signing-key";

impl Engine {
    /// A checkpoint of the log as it is, signed where the key is at hand. None where there is nothing to put down:
    /// an empty log, or one whose key is not at hand now. Errors: those of the log.
    pub async fn sign_log(&self) -> Result<Option<Checkpoint>, Problem> {
        self.ready_to_sign().await?;
        self.journal.checkpoint().await
    }

    /// Whether this process signs the log. Asks nobody anything: a locked keychain is "no".
    pub async fn ready_to_sign(&self) -> Result<bool, Problem> {
        let _one_at_a_time = self.memory.signing.lock().await;
        if self.journal.signing_key().is_some() {
            return Ok(true);
        }
        match self.vault.keychain_status().await {
            KeychainStatus::Available | KeychainStatus::SessionOnly => {}
            KeychainStatus::Passphrase(PassphraseState::Open) => {}
            KeychainStatus::Locked
            | KeychainStatus::Absent(_)
            | KeychainStatus::Silent(_)
            | KeychainStatus::Refusing(_)
            | KeychainStatus::Passphrase(PassphraseState::NotSetUp | PassphraseState::Locked | PassphraseState::Damaged(_)) => return Ok(false),
        }
        // A keychain that fails now costs a signature, not the upgrade.
        let (Ok(kept), Ok(signer)) = (self.vault.unlock().await, self.signer().await) else {
            return Ok(false);
        };
        let kept = match kept {
            KeptWhere::Keychain => "keychain",
            KeptWhere::SessionOnly => "session_only",
            KeptWhere::Passphrase => "passphrase",
        };
        self.journal.sign_with(signer, kept, &self.actor, self.now()).await?;
        Ok(true)
    }

    /// The key that was kept, or a new one in its place when that one was sealed by a keychain that is gone.
    async fn signer(&self) -> Result<Signer, Problem> {
        if let Some(sealed) = store::setting(&self.pool, KEY_NAME).await?
            && let Ok(text) = self.vault.open_named(KEY_NAME, &sealed).await
        {
            let mut secret = Zeroizing::new([0_u8; 32]);
            if hex::decode_to_slice(text.expose_secret(), secret.as_mut_slice()).is_ok() {
                return Ok(Signer::from_secret(&secret));
            }
        }
        let mut secret = Zeroizing::new([0_u8; 32]);
        getrandom::fill(secret.as_mut_slice())
            .map_err(|e| crate::home::cannot_use(std::path::Path::new("the system's random numbers"), &std::io::Error::other(e.to_string())))?;
        let sealed = self.vault.seal_named(KEY_NAME, &SecretString::from(hex::encode(*secret))).await?;
        store::set_setting(&self.pool, KEY_NAME, &sealed).await?;
        Ok(Signer::from_secret(&secret))
    }
}
