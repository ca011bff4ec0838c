//! Where this installation keeps its secrets: opening the vault at the chosen place, and changing the choice.
//!
//! The choice itself and the moving of keys are `authorization`'s; here it is put into the log, without anything secret.
//! It must never open a keychain or ask for a passphrase when the program starts. A further place is
//! one more of `authorization::Places`.

use crate::engine::Engine;
use crate::home::Home;
use authorization::{Clock, KeptWhere, Keychain, Leaving, Passphrase, PassphraseState, PassphraseVault, Places, Vault, VaultSetup};
use ledger::Problem;
use serde_json::json;

/// The passphrase vault's file in the installation's folder. No backup holds it.
pub const VAULT_FILE: &str = "passphrase-vault.json";

/// Opens the vault at the place that was chosen. Touches no keychain and no passphrase.
pub(crate) async fn open_where_chosen(pool: &sqlx::SqlitePool, keychain: Keychain, home: &Home, installation: &str, clock: Clock) -> Result<Vault, Problem> {
    let setup = VaultSetup { installation_id: installation.to_string(), locks: home.dir().join("locks"), clock };
    let places = Places::new(keychain, PassphraseVault::at(home.dir().join(VAULT_FILE), installation));
    Vault::open_where_chosen(pool.clone(), places, setup).await
}

impl Engine {
    /// Chooses where secrets are kept and takes the key there. A passphrase opens the vault, or sets it up where there is none.
    /// Returns a problem of erasing at the old place, beside the done change. Errors: those of `Vault::choose` and of the passphrase, with
    /// nothing changed.
    pub async fn choose_place(&self, to: KeptWhere, leaving: Leaving, passphrase: Option<Passphrase>) -> Result<Option<Problem>, Problem> {
        if let (KeptWhere::Passphrase, Some(vault), Some(passphrase)) = (to, self.vault.passphrase(), passphrase) {
            match vault.state() {
                PassphraseState::NotSetUp => vault.set_up(passphrase).await?,
                PassphraseState::Locked | PassphraseState::Open | PassphraseState::Damaged(_) => vault.open(passphrase).await?,
            }
        }
        let from = self.vault.kept_where();
        let left = self.vault.choose(to, leaving).await?;
        if from != to {
            let body = json!({ "from": from.name(), "to": to.name(), "keys_moved": leaving == Leaving::Nothing && to != KeptWhere::SessionOnly });
            self.journal(None, "secrets.place", body).await?;
        }
        Ok(left)
    }
}
