//! A keychain made of memory that a test shares between several starts of the program, as a computer's own keychain is.
//!
//! It notes what it was asked, and answers at once unless it was told to hang. It must never be wrong: keychains that are have their own
//! stores where they are tested.

use authorization::keychain::{KeyStore, StoreError};
use authorization::{Keychain, KeychainStatus};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

#[derive(Clone, Default)]
pub struct Shelf {
    held: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    asked: Arc<Mutex<Vec<&'static str>>>,
    hangs: Arc<AtomicBool>,
}

impl Shelf {
    pub fn keychain(&self) -> Keychain {
        Keychain::with_store(self.clone(), Duration::from_secs(20))
    }

    /// Everything it was asked since it was last looked, in order.
    pub fn asked(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on it does not come back from any request until it is told otherwise, like one that waits for a person.
    pub fn hang(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::SeqCst);
    }

    /// Everything it held is gone, as after a reset of the keychain.
    pub fn lose(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn note(&self, what: &'static str) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(what);
        while self.hangs.load(Ordering::SeqCst) {
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }
}

impl KeyStore for Shelf {
    fn read(&mut self, name: &str) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.note("read");
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(name).cloned().map(Zeroizing::new).ok_or(StoreError::NoEntry)
    }

    fn write(&mut self, name: &str, secret: &[u8]) -> Result<(), StoreError> {
        self.note("write");
        self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(name.into(), secret.to_vec());
        Ok(())
    }

    fn erase(&mut self, name: &str) -> Result<(), StoreError> {
        self.note("erase");
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(name).map(drop).ok_or(StoreError::NoEntry)
    }

    fn status(&mut self) -> KeychainStatus {
        self.note("status");
        KeychainStatus::Available
    }
}
