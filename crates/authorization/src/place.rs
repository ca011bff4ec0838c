//! Choosing where the installation's key is kept: the keychain, a passphrase vault, or this session's memory.
//!
//! A move takes the key itself: what is sealed with it stays as it is. The key is written to the new place, read back, and only
//! then does the choice change; only after that is the old place erased. Choosing "this session only" moves nothing and erases
//! nothing: what was sealed before waits in its place. It must never erase the last copy of a key, and never change the
//! place because a keychain did not answer: that is a person's choice. A further place is a field of [`Places`].

use crate::keychain::{KeptWhere, Keychain, KeychainStatus};
use crate::passphrase::{Passphrase, PassphraseState, PassphraseVault};
use crate::place_rows::{self, MovedKey};
use crate::problems::{E_KEYCHAIN_ABSENT, E_KEYCHAIN_KEY_LOST, expired};
use crate::provider::Provider;
use crate::vault::{Sealing, Vault, VaultSetup, guard, kept_key, put};
use ledger::{Problem, Touched};
use sqlx::SqlitePool;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The three places of an installation. Making it touches none of them.
#[derive(Clone)]
pub struct Places {
    pub keychain: Keychain,
    pub passphrase: PassphraseVault,
    in_vault: Keychain,
    session: Keychain,
}

impl Places {
    pub fn new(keychain: Keychain, passphrase: PassphraseVault) -> Places {
        let in_vault = passphrase.keychain();
        Places {
            keychain,
            passphrase,
            in_vault,
            session: Keychain::session_only(),
        }
    }

    fn at(&self, kept: KeptWhere) -> Keychain {
        match kept {
            KeptWhere::Keychain => self.keychain.clone(),
            KeptWhere::Passphrase => self.in_vault.clone(),
            KeptWhere::SessionOnly => self.session.clone(),
        }
    }
}

/// What happens to keys at the place before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// They move; if one cannot be read, nothing is changed.
    Nothing,
    /// They stay where they are, for a place that cannot be opened any more; connections sealed with them wait for a sign-in.
    Keys,
}

/// Asks the person for the passphrase when something needs it. `None` = nobody answered.
pub trait AskPassphrase: Send + Sync {
    fn ask<'a>(&'a self) -> Pin<Box<dyn Future<Output = Result<Option<Passphrase>, Problem>> + Send + 'a>>;
}

impl Vault {
    /// Opens a vault at the place that was chosen. Touches no keychain and no passphrase file.
    /// Errors: `E-CREDENTIAL-STORE`, `E-CREDENTIAL-UNREADABLE`.
    pub async fn open_where_chosen(pool: SqlitePool, places: Places, setup: VaultSetup) -> Result<Vault, Problem> {
        let place = places.at(place_rows::chosen(&pool).await?);
        Ok(Vault::with(pool, place, Some(places), setup))
    }

    /// For practice: where the keychain does not answer when it is first needed, this session's memory takes its place.
    pub fn falling_back_to_session(self) -> Vault {
        self.inner.may_fall_back.store(true, Ordering::SeqCst);
        self
    }

    /// Who is asked when a locked passphrase vault is met.
    pub fn ask_with(&self, asks: Arc<dyn AskPassphrase>) {
        *guard(&self.inner.asks) = Some(asks);
    }

    pub fn kept_where(&self) -> KeptWhere {
        self.place().kept_where()
    }

    /// The passphrase vault of this installation, where there may be one.
    pub fn passphrase(&self) -> Option<&PassphraseVault> {
        self.inner.places.as_ref().map(|places| &places.passphrase)
    }

    /// Another program may have chosen another place meanwhile; and practice goes without a keychain that does not answer.
    pub(crate) async fn follow_choice(&self) {
        if self.inner.may_fall_back.load(Ordering::SeqCst) {
            let available = match self.place().status().await {
                KeychainStatus::Available => true,
                KeychainStatus::Locked
                | KeychainStatus::Absent(_)
                | KeychainStatus::Silent(_)
                | KeychainStatus::Refusing(_)
                | KeychainStatus::SessionOnly
                | KeychainStatus::Passphrase(_) => false,
            };
            if self.inner.may_fall_back.swap(false, Ordering::SeqCst) && !available {
                *guard(&self.inner.place) = Keychain::session_only();
            }
        }
        let Some(places) = &self.inner.places else { return };
        // A store that cannot be read says so at the next statement; the place stays until then.
        if let Ok(chosen) = place_rows::chosen(&self.inner.pool).await
            && chosen != self.kept_where()
        {
            *guard(&self.inner.place) = places.at(chosen);
        }
    }

    pub(crate) async fn open_passphrase_by_asking(&self) -> Result<(), Problem> {
        let asks = guard(&self.inner.asks).clone();
        let (KeptWhere::Passphrase, Some(vault), Some(asks)) = (self.kept_where(), self.passphrase(), asks) else {
            return Ok(());
        };
        if vault.state() != PassphraseState::Locked {
            return Ok(());
        }
        match asks.ask().await? {
            Some(passphrase) => vault.open(passphrase).await,
            None => Ok(()),
        }
    }

    /// Chooses the place of the keys, and takes them there. For the passphrase vault it must be open (or set up) before. Choosing
    /// the present place only erases what an earlier move left behind. Returns a problem of the erasing beside the done move.
    /// Errors: `E-KEYCHAIN-*`, `E-PASSPHRASE-*` of either place, with nothing changed.
    pub async fn choose(&self, to: KeptWhere, leaving: Leaving) -> Result<Option<Problem>, Problem> {
        let Some(places) = &self.inner.places else {
            return Err(Problem::new(
                E_KEYCHAIN_ABSENT,
                "Where these secrets are kept cannot be chosen.",
                "The practice company uses the keychain where it answers, and this session's memory where it does not.",
                "Choose the place for the real installation instead.",
            ));
        };
        let mut slot = self.inner.key.lock().await;
        let _held = self.hold_keys().await?;
        self.follow_choice().await;
        let from = self.kept_where();
        if from != to {
            let moved = match (to, leaving) {
                // Nothing moves into memory: ending the program would then end every access.
                (KeptWhere::SessionOnly, _) | (_, Leaving::Keys) => Vec::new(),
                (KeptWhere::Keychain | KeptWhere::Passphrase, Leaving::Nothing) => self.copied(places, from, to, slot.as_deref()).await?,
            };
            place_rows::choose(&self.inner.pool, from, to, &moved).await?;
            *guard(&self.inner.place) = places.at(to);
            *slot = None;
            guard(&self.inner.open).clear();
            guard(&self.inner.older).clear();
        }
        self.tidied(places).await
    }

    /// Every key of a place, written to another and read back there.
    async fn copied(&self, places: &Places, from: KeptWhere, to: KeptWhere, in_use: Option<&Sealing>) -> Result<Vec<MovedKey>, Problem> {
        let mut moved = Vec::new();
        for row in place_rows::keys(&self.inner.pool, from).await? {
            let old_entry = self.entry_name(row.number);
            let key = match kept_key(&places.at(from), &old_entry, &row).await? {
                Some(key) => key,
                // Another session's memory, or one that has ended: there is nothing here to take along.
                None if from == KeptWhere::SessionOnly && in_use.is_none_or(|used| used.id != row.key_id) => continue,
                None => {
                    return Err(Problem::new(
                        E_KEYCHAIN_KEY_LOST,
                        "The key to your sign-ins cannot be moved: it is not where it was kept.",
                        "Its old place has no such entry, or holds another key.",
                        "Bring the old keyring back; or choose the new place without the old key, and sign in again for each connection.",
                    ));
                }
            };
            let number = match place_rows::number_is_taken(&self.inner.pool, to, row.number).await? {
                false => row.number,
                true => crate::credential_rows::last_key_number(&self.inner.pool).await? + 1 + moved.len() as i64,
            };
            let new_entry = self.entry_name(number);
            put(&places.at(to), &new_entry, &key).await?;
            moved.push(MovedKey { key_id: row.key_id, number, old_entry, new_entry });
        }
        Ok(moved)
    }

    /// Erases what moves left behind, wherever that place answers.
    async fn tidied(&self, places: &Places) -> Result<Option<Problem>, Problem> {
        let mut left = None;
        for (kept, entry) in place_rows::leftovers(&self.inner.pool).await? {
            match places.at(kept).erase(&entry).await {
                Ok(()) => place_rows::erased(&self.inner.pool, kept, &entry).await?,
                Err(problem) => left = Some(problem.touching(Touched::SettingsOnly)),
            }
        }
        Ok(left)
    }

    /// Whether an old place still holds a copy of a key that moved.
    pub async fn has_leftovers(&self) -> Result<bool, Problem> {
        place_rows::leftovers(&self.inner.pool).await.map(|left| !left.is_empty())
    }

    /// What to say when the key of a row is not at the present place.
    pub(crate) fn sealed_elsewhere(&self, sealed_in: KeptWhere, provider: &Provider) -> Problem {
        match (sealed_in, self.kept_where()) {
            (KeptWhere::SessionOnly, KeptWhere::Keychain | KeptWhere::SessionOnly | KeptWhere::Passphrase) => expired(
                &provider.title,
                "It was kept for an earlier session only, and that session is over.",
            ),
            (KeptWhere::Keychain, KeptWhere::Keychain) | (KeptWhere::Passphrase, KeptWhere::Passphrase) => {
                expired(&provider.title, "The key that sealed it is gone, so it cannot be read any more.")
            }
            (KeptWhere::Keychain, KeptWhere::SessionOnly | KeptWhere::Passphrase) => Problem::new(
                E_KEYCHAIN_ABSENT,
                "This sign-in is sealed with a key in the keychain, and secrets are kept in another place now.",
                "The keychain is not used while another place is chosen.",
                "Choose the keychain again as the place for secrets, or sign in again for this connection.",
            ),
            (KeptWhere::Passphrase, KeptWhere::Keychain | KeptWhere::SessionOnly) => Problem::new(
                E_KEYCHAIN_ABSENT,
                "This sign-in is sealed with a key in the passphrase vault, and secrets are kept in another place now.",
                "The passphrase vault is not used while another place is chosen.",
                "Choose the passphrase vault again as the place for secrets, or sign in again for this connection.",
            ),
        }
    }
}
