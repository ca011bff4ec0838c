//! A keychain made of memory that a test shares between several starts of the program, as a computer's own keychain is.
//!
//! It must never be slow, locked or wrong: keychains that are have their own stores where they are tested.

use authorization::keychain::{KeyStore, StoreError};
use authorization::{Keychain, KeychainStatus};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

#[derive(Clone, Default)]
pub struct Shelf(pub Arc<Mutex<HashMap<String, Vec<u8>>>>);

impl Shelf {
    pub fn keychain(&self) -> Keychain {
        Keychain::with_store(self.clone(), Duration::from_secs(20))
    }
}

impl KeyStore for Shelf {
    fn read(&mut self, name: &str) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(name).cloned().map(Zeroizing::new).ok_or(StoreError::NoEntry)
    }

    fn write(&mut self, name: &str, secret: &[u8]) -> Result<(), StoreError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.into(), secret.to_vec());
        Ok(())
    }

    fn erase(&mut self, name: &str) -> Result<(), StoreError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name).map(drop).ok_or(StoreError::NoEntry)
    }

    fn status(&mut self) -> KeychainStatus {
        KeychainStatus::Available
    }
}
