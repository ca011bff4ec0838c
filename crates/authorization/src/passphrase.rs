//! The passphrase vault: the third place for the installation's key, for computers without a keychain that could be used.
//!
//! One file beside the store holds what a keychain would hold, sealed with a key that Argon2id stretches from a passphrase.
//! The stretched key lives in memory for one run; the passphrase itself only while it is being checked. Every reading and
//! writing looks at the file anew: when another program has changed the passphrase meanwhile, this one is locked again
//! instead of writing the old one back. It must never overwrite a file that it cannot open, and never say which part of
//! a passphrase was wrong. A further form of the file is a new number in `file.rs`.

mod file;
mod stretch;

use crate::keychain::{KeptWhere, KeyStore, Keychain, KeychainStatus, StoreError};
use crate::problems::{E_PASSPHRASE_NEEDED, E_PASSPHRASE_UNFIT, E_PASSPHRASE_VAULT, E_PASSPHRASE_WRONG};
use crate::seal::MasterKey;
use file::{Bag, Trouble, VaultFile};
use ledger::Problem;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use zeroize::Zeroizing;

/// In characters. Whoever copies the file can try passphrases for as long as he likes, so a short one protects nothing.
pub const PASSPHRASE_MIN: usize = 12;
/// In bytes.
const PASSPHRASE_MAX: usize = 1024;
/// A new one must be more than one sign repeated.
const DIFFERENT_SIGNS_MIN: usize = 5;

/// A passphrase on its way to the vault. It shows nothing, is not written anywhere, and is zeroized when dropped.
pub struct Passphrase(SecretString);

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(hidden)")
    }
}

impl<'de> Deserialize<'de> for Passphrase {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Passphrase, D::Error> {
        String::deserialize(deserializer).map(|text| Passphrase(SecretString::from(text)))
    }
}

impl Passphrase {
    pub fn entered(text: SecretString) -> Passphrase {
        Passphrase(text)
    }

    pub fn is_same_as(&self, other: &Passphrase) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }

    fn bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }

    /// `E-PASSPHRASE-UNFIT` for one that a new vault should not have.
    fn fit_for_new(&self) -> Result<(), Problem> {
        let text = self.0.expose_secret();
        let mut signs: Vec<char> = text.chars().collect();
        signs.sort_unstable();
        signs.dedup();
        let why = match () {
            () if text.trim().is_empty() => "It is empty.".to_string(),
            () if text.chars().count() < PASSPHRASE_MIN => format!("It is shorter than {PASSPHRASE_MIN} characters."),
            () if text.len() > PASSPHRASE_MAX => format!("It is longer than {PASSPHRASE_MAX} bytes."),
            () if signs.len() < DIFFERENT_SIGNS_MIN => "It repeats the same few signs.".to_string(),
            () if text.chars().any(char::is_control) => "It contains a line break or another sign that cannot be typed again.".to_string(),
            () => return Ok(()),
        };
        Err(Problem::new(
            E_PASSPHRASE_UNFIT,
            "This passphrase is not taken.",
            why,
            format!("Choose at least {PASSPHRASE_MIN} characters; four or five words that do not belong together are good and can be remembered."),
        ))
    }

    /// One that cannot be right is not worth stretching.
    fn can_be_right(&self) -> bool {
        !self.bytes().is_empty() && self.bytes().len() <= PASSPHRASE_MAX
    }
}

/// How a passphrase vault is at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PassphraseState {
    /// None was set up.
    NotSetUp,
    /// It is there and asks for its passphrase.
    Locked,
    /// Open for this run.
    Open,
    /// The file is there and cannot be used; the reason in words.
    Damaged(String),
}

/// One passphrase vault file. Cheap to clone; all clones are open or locked together.
#[derive(Clone)]
pub struct PassphraseVault {
    inner: Arc<Inner>,
}

struct Inner {
    file: VaultFile,
    open: Mutex<Option<Opened>>,
}

/// The stretched key, and the salt that it was stretched with: another salt in the file means another passphrase.
struct Opened {
    key: MasterKey,
    salt: String,
}

impl PassphraseVault {
    /// Touches nothing.
    pub fn at(file: PathBuf, installation_id: &str) -> PassphraseVault {
        let file = VaultFile::at(file, installation_id);
        PassphraseVault {
            inner: Arc::new(Inner { file, open: Mutex::new(None) }),
        }
    }

    /// Its handle as a place for keys. Reading from a locked one asks nobody: it says that the passphrase is needed.
    pub fn keychain(&self) -> Keychain {
        Keychain::with_store(self.clone(), crate::keychain::DEADLINE)
    }

    fn opened(&self) -> MutexGuard<'_, Option<Opened>> {
        self.inner.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn state(&self) -> PassphraseState {
        let stored = match self.inner.file.read() {
            Ok(stored) => stored,
            Err(Trouble::Missing) => return PassphraseState::NotSetUp,
            Err(Trouble::Unusable(why)) => return PassphraseState::Damaged(why),
        };
        match &*self.opened() {
            Some(opened) if opened.salt == stored.salt() => PassphraseState::Open,
            Some(_) | None => PassphraseState::Locked,
        }
    }

    /// Forgets the stretched key of this run.
    pub fn lock(&self) {
        *self.opened() = None;
    }

    /// Sets up an empty vault and opens it. Errors: `E-PASSPHRASE-UNFIT`; `E-PASSPHRASE-VAULT` when there is one already, whatever
    /// its condition, or the file cannot be written. An existing file is never touched.
    pub async fn set_up(&self, passphrase: Passphrase) -> Result<(), Problem> {
        passphrase.fit_for_new()?;
        self.working(move |vault| {
            let _held = vault.inner.file.hold().map_err(unusable)?;
            match vault.inner.file.read() {
                Err(Trouble::Missing) => {}
                Ok(_) => return Err(unusable(Trouble::Unusable("there is a passphrase vault already".into()))),
                Err(trouble) => return Err(unusable(trouble)),
            }
            vault.write_anew(&Bag::default(), &passphrase)
        })
        .await
    }

    /// Opens it for this run. Errors: `E-PASSPHRASE-WRONG`, `E-PASSPHRASE-NEEDED` when none was set up, `E-PASSPHRASE-VAULT`
    /// when the file is damaged. Nothing is changed in any case.
    pub async fn open(&self, passphrase: Passphrase) -> Result<(), Problem> {
        self.working(move |vault| {
            let (opened, _) = vault.try_passphrase(&passphrase)?;
            *vault.opened() = Some(opened);
            Ok(())
        })
        .await
    }

    /// Seals the same keys with another passphrase; rows sealed with those keys stay as they are. Written beside and renamed:
    /// whenever the program ends, either the old or the new passphrase opens the file. Errors: those of [`PassphraseVault::open`] for the old one,
    /// `E-PASSPHRASE-UNFIT` for the new one.
    pub async fn change(&self, old: Passphrase, new: Passphrase) -> Result<(), Problem> {
        new.fit_for_new()?;
        self.working(move |vault| {
            let _held = vault.inner.file.hold().map_err(unusable)?;
            let (_, bag) = vault.try_passphrase(&old)?;
            vault.write_anew(&bag, &new)
        })
        .await
    }

    /// Stretching takes a noticeable part of a second of pure work; it must not hold up other tasks.
    async fn working<T: Send + 'static>(&self, work: impl FnOnce(&PassphraseVault) -> Result<T, Problem> + Send + 'static) -> Result<T, Problem> {
        let vault = self.clone();
        match tokio::task::spawn_blocking(move || work(&vault)).await {
            Ok(done) => done,
            Err(_) => Err(unusable(Trouble::Unusable("the work on it was broken off".into()))),
        }
    }

    fn try_passphrase(&self, passphrase: &Passphrase) -> Result<(Opened, Bag), Problem> {
        let stored = self.inner.file.read().map_err(unusable)?;
        let wrong = || {
            Problem::new(
                E_PASSPHRASE_WRONG,
                "This is not the passphrase of this vault.",
                "What it keeps does not open with it. The file itself is whole.",
                "Check the keyboard's language and the caps-lock key, and enter it again. If it is forgotten, choose another place for secrets and sign in again for each connection.",
            )
        };
        if !passphrase.can_be_right() {
            return Err(wrong());
        }
        let key = stored.stretched(passphrase.bytes()).map_err(unusable)?;
        let bag = stored.open(&key).map_err(|_| wrong())?;
        let salt = stored.salt().to_string();
        Ok((Opened { key, salt }, bag))
    }

    /// With a new salt and today's parameters.
    fn write_anew(&self, bag: &Bag, passphrase: &Passphrase) -> Result<(), Problem> {
        let stretching = stretch::Stretching::today().map_err(crate::vault::no_randomness)?;
        let key = stretching.stretch(passphrase.bytes()).map_err(|why| unusable(Trouble::Unusable(why)))?;
        let salt = stretching.salt.clone();
        self.inner.file.write(&key, stretching, bag).map_err(unusable)?;
        *self.opened() = Some(Opened { key, salt });
        Ok(())
    }

    /// Reads the file and, if this run's key still fits it, lets `act` see what it keeps; writes when `act` says so.
    fn with_bag<T>(&self, act: impl FnOnce(&mut Bag) -> Result<(T, bool), StoreError>) -> Result<T, StoreError> {
        let said = |trouble: Trouble| match trouble {
            Trouble::Missing => StoreError::PassphraseNeeded(PassphraseState::NotSetUp),
            Trouble::Unusable(why) => StoreError::PassphraseNeeded(PassphraseState::Damaged(why)),
        };
        let _held = self.inner.file.hold().map_err(said)?;
        let stored = self.inner.file.read().map_err(said)?;
        let slot = self.opened();
        let Some(opened) = slot.as_ref().filter(|opened| opened.salt == stored.salt()) else {
            return Err(StoreError::PassphraseNeeded(PassphraseState::Locked));
        };
        let damaged = |_| said(Trouble::Unusable("what it keeps was changed from outside".into()));
        let mut bag = stored.open(&opened.key).map_err(damaged)?;
        let (answer, changed) = act(&mut bag)?;
        if changed && bag.is_empty() {
            // Its last key moved to another place: whoever comes back chooses a new passphrase.
            self.inner.file.remove().map_err(said)?;
        } else if changed {
            self.inner.file.write(&opened.key, stored.stretching(), &bag).map_err(said)?;
        }
        Ok(answer)
    }
}

impl KeyStore for PassphraseVault {
    fn read(&mut self, name: &str) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.with_bag(|bag| Ok((bag.get(name).ok_or(StoreError::NoEntry)?, false)))
    }

    fn write(&mut self, name: &str, secret: &[u8]) -> Result<(), StoreError> {
        self.with_bag(|bag| {
            bag.put(name, secret).map_err(StoreError::Unfit)?;
            Ok(((), true))
        })
    }

    fn erase(&mut self, name: &str) -> Result<(), StoreError> {
        self.with_bag(|bag| if bag.take(name) { Ok(((), true)) } else { Err(StoreError::NoEntry) })
    }

    fn status(&mut self) -> KeychainStatus {
        KeychainStatus::Passphrase(self.state())
    }

    fn kept_where(&self) -> KeptWhere {
        KeptWhere::Passphrase
    }
}

/// What a request meets at a vault that is not open.
pub(crate) fn needed(state: PassphraseState) -> Problem {
    match state {
        PassphraseState::NotSetUp => Problem::new(
            E_PASSPHRASE_NEEDED,
            "There is no passphrase vault yet.",
            "Secrets are to be kept in one, and nobody has chosen its passphrase.",
            "Choose a passphrase in a terminal with `changeover vault choose passphrase`.",
        ),
        PassphraseState::Locked | PassphraseState::Open => Problem::new(
            E_PASSPHRASE_NEEDED,
            "The passphrase vault is locked.",
            "It keeps the key to your sign-ins, and it is opened anew at each start.",
            "Open it in the window under Settings, or enter the passphrase at the terminal when it asks. A program that nobody watches gives it as the first line of its input, with --passphrase-stdin.",
        ),
        PassphraseState::Damaged(why) => unusable(Trouble::Unusable(why)),
    }
}

fn unusable(trouble: Trouble) -> Problem {
    match trouble {
        Trouble::Missing => needed(PassphraseState::NotSetUp),
        Trouble::Unusable(why) => Problem::new(
            E_PASSPHRASE_VAULT,
            "The passphrase vault cannot be used.",
            format!("Reason: {why}."),
            "Nothing was overwritten. If a copy of the file exists, put it back; otherwise choose another place for secrets and sign in again for each connection.",
        ),
    }
}
