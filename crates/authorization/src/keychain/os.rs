//! The operating system's own store through `keyring`: Secret Service on Linux and BSD, Keychain on macOS,
//! Credential Manager on Windows. Only the Linux path is exercised by tests; the other two are `keyring`'s
//! defaults, untested here.
//!
//! `keyring` sets its store up once per process, so a failure there would last until restart. On Linux the
//! store is therefore built anew when the first attempt failed or the connection broke: a keyring daemon that
//! starts later is found.

use super::{KeyStore, KeychainStatus, StoreError};
use keyring_core::api::CredentialStore;
use keyring_core::{Entry, Error};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The name under which the entry stands in a keyring program.
const SERVICE: &str = "changeover";

#[derive(Default)]
pub struct OsStore {
    store: Option<Arc<CredentialStore>>,
}

impl OsStore {
    fn entry(&mut self, name: &str) -> Result<Entry, StoreError> {
        if self.store.is_none() {
            self.store = Some(connect()?);
        }
        let Some(store) = &self.store else {
            return Err(StoreError::Absent("not connected".into()));
        };
        build(store.as_ref(), name).map_err(|error| sort(&error))
    }

    /// A broken connection is made anew once; every other outcome stands.
    fn with<T>(&mut self, name: &str, act: impl Fn(&Entry) -> keyring_core::Result<T>) -> Result<T, StoreError> {
        match act(&self.entry(name)?) {
            Ok(done) => Ok(done),
            Err(Error::PlatformFailure(_)) => {
                self.store = None;
                let entry = self.entry(name)?;
                act(&entry).map_err(|error| {
                    self.store = None;
                    sort(&error)
                })
            }
            Err(error) => Err(sort(&error)),
        }
    }
}

impl KeyStore for OsStore {
    fn read(&mut self, name: &str) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.with(name, Entry::get_secret).map(Zeroizing::new)
    }

    fn write(&mut self, name: &str, secret: &[u8]) -> Result<(), StoreError> {
        self.with(name, |entry| entry.set_secret(secret))
    }

    fn erase(&mut self, name: &str) -> Result<(), StoreError> {
        self.with(name, Entry::delete_credential)
    }

    fn status(&mut self) -> KeychainStatus {
        status(self)
    }
}

/// Never puts bytes that the keychain returned into the reason.
fn sort(error: &Error) -> StoreError {
    match error {
        Error::NoEntry => StoreError::NoEntry,
        Error::NoStorageAccess(cause) => no_access(cause.as_ref()),
        Error::PlatformFailure(cause) => StoreError::Absent(cause.to_string()),
        Error::NoDefaultStore => StoreError::Absent("no keychain was found".into()),
        Error::BadEncoding(_) => StoreError::Unfit("it is not text, and this keychain keeps only text".into()),
        Error::BadDataFormat(_, _) => StoreError::Failed("the entry is malformed".into()),
        Error::BadStoreFormat(_) => StoreError::Failed("the keychain itself is malformed".into()),
        Error::TooLong(field, limit) => StoreError::Unfit(format!("{field} is longer than {limit}")),
        Error::Invalid(field, why) => StoreError::Unfit(format!("{field}: {why}")),
        Error::Ambiguous(entries) => StoreError::Failed(format!("{} entries have the same name", entries.len())),
        Error::NotSupportedByStore(what) => StoreError::Failed(format!("not supported: {what}")),
        // The list of errors is open-ended; an unknown one is a failure, never "no entry".
        _ => StoreError::Failed("an unknown kind of error".into()),
    }
}

#[cfg(all(unix, not(any(target_os = "macos", target_os = "ios", target_os = "android"))))]
mod here {
    use super::*;
    use secret_service::EncryptionType;
    use secret_service::blocking::SecretService;

    pub fn connect() -> Result<Arc<CredentialStore>, StoreError> {
        if keyring::Entry::store_status().is_ok()
            && let Some(store) = keyring_core::get_default_store()
            && alive()
        {
            return Ok(store);
        }
        match zbus_secret_service_keyring_store::Store::new() {
            Ok(store) => Ok(store),
            Err(error) => Err(sort(&error)),
        }
    }

    /// Whether the session bus is there at all: the shared store may hold a connection that has since broken.
    fn alive() -> bool {
        SecretService::connect(EncryptionType::Plain).is_ok()
    }

    pub fn build(store: &CredentialStore, name: &str) -> keyring_core::Result<Entry> {
        store.build(SERVICE, name, None)
    }

    /// A daemon without any collection is not "locked": unlocking would not help.
    pub fn no_access(cause: &(dyn std::error::Error + 'static)) -> StoreError {
        match cause.downcast_ref::<secret_service::Error>() {
            Some(secret_service::Error::NoResult) => StoreError::Absent("the keyring program has no keyring yet".into()),
            Some(_) | None => StoreError::Locked,
        }
    }

    /// Asks the Secret Service directly, because reading an entry could open a prompt.
    pub fn status(_: &mut OsStore) -> KeychainStatus {
        let service = match SecretService::connect(EncryptionType::Plain) {
            Ok(service) => service,
            Err(error) => return KeychainStatus::Absent(error.to_string()),
        };
        let locked = service.get_default_collection().and_then(|collection| collection.is_locked());
        match locked {
            Ok(false) => KeychainStatus::Available,
            Ok(true) => KeychainStatus::Locked,
            Err(secret_service::Error::NoResult) => KeychainStatus::Absent("the keyring program has no keyring yet".into()),
            Err(error) => KeychainStatus::Absent(error.to_string()),
        }
    }
}

#[cfg(not(all(unix, not(any(target_os = "macos", target_os = "ios", target_os = "android")))))]
mod here {
    use super::*;

    pub fn connect() -> Result<Arc<CredentialStore>, StoreError> {
        if let Err(error) = keyring::Entry::store_status() {
            return Err(sort(error));
        }
        keyring_core::get_default_store().ok_or_else(|| StoreError::Absent("no keychain was found".into()))
    }

    /// On Windows entries roam between computers unless told otherwise, and two computers would share one key.
    #[cfg(target_os = "windows")]
    pub fn build(store: &CredentialStore, name: &str) -> keyring_core::Result<Entry> {
        store.build(SERVICE, name, Some(&std::collections::HashMap::from([("persistence", "Local")])))
    }

    #[cfg(not(target_os = "windows"))]
    pub fn build(store: &CredentialStore, name: &str) -> keyring_core::Result<Entry> {
        store.build(SERVICE, name, None)
    }

    pub fn no_access(_: &(dyn std::error::Error + 'static)) -> StoreError {
        StoreError::Locked
    }

    pub fn status(store: &mut OsStore) -> KeychainStatus {
        match store.read("status") {
            Ok(_) | Err(StoreError::NoEntry) => KeychainStatus::Available,
            Err(StoreError::Locked) => KeychainStatus::Locked,
            Err(StoreError::Absent(reason)) => KeychainStatus::Absent(reason),
            Err(StoreError::Failed(reason) | StoreError::Unfit(reason)) => KeychainStatus::Refusing(reason),
            Err(StoreError::PassphraseNeeded(state)) => KeychainStatus::Passphrase(state),
        }
    }
}

use here::{build, connect, no_access, status};
