//! Keychains with limits and keychains that misbehave: what a person is told, within the deadline, with nothing lost.

use crate::support::*;
use authorization::keychain::{KeyStore, StoreError};
use authorization::problems::*;
use authorization::*;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// What a system's keychain takes.
#[derive(Clone, Copy, Debug)]
enum Limits {
    /// CRED_MAX_CREDENTIAL_BLOB_SIZE, CRED_MAX_GENERIC_TARGET_NAME_LENGTH, CRED_MAX_USERNAME_LENGTH; text is stored as UTF-16.
    Windows,
    /// Text only.
    KWallet,
}

const WINDOWS_BLOB_BYTES: usize = 2560;
const WINDOWS_TARGET_CHARACTERS: usize = 32_767;
const WINDOWS_USER_CHARACTERS: usize = 513;

#[derive(Clone)]
struct Limited {
    limits: Limits,
    held: Arc<Mutex<HashMap<String, Vec<u8>>>>,
}

impl Limited {
    fn new(limits: Limits) -> Limited {
        Limited { limits, held: Arc::default() }
    }

    fn takes(&self, name: &str, secret: &[u8]) -> Result<(), StoreError> {
        match self.limits {
            Limits::Windows => {
                let size = std::str::from_utf8(secret).map_or(secret.len(), |text| text.encode_utf16().count() * 2);
                if size > WINDOWS_BLOB_BYTES {
                    return Err(StoreError::Unfit(format!("secret is longer than {WINDOWS_BLOB_BYTES}")));
                }
                let target = format!("{name}.changeover");
                if name.encode_utf16().count() > WINDOWS_USER_CHARACTERS || target.encode_utf16().count() > WINDOWS_TARGET_CHARACTERS {
                    return Err(StoreError::Unfit(format!("user is longer than {WINDOWS_USER_CHARACTERS}")));
                }
                Ok(())
            }
            Limits::KWallet => std::str::from_utf8(secret).map(drop).map_err(|_| StoreError::Unfit("it is not text".into())),
        }
    }
}

impl KeyStore for Limited {
    fn read(&mut self, name: &str) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.held.lock().unwrap().get(name).cloned().map(Zeroizing::new).ok_or(StoreError::NoEntry)
    }

    fn write(&mut self, name: &str, secret: &[u8]) -> Result<(), StoreError> {
        self.takes(name, secret)?;
        self.held.lock().unwrap().insert(name.into(), secret.to_vec());
        Ok(())
    }

    fn erase(&mut self, name: &str) -> Result<(), StoreError> {
        self.held.lock().unwrap().remove(name).map(drop).ok_or(StoreError::NoEntry)
    }

    fn status(&mut self) -> KeychainStatus {
        KeychainStatus::Available
    }
}

#[test]
fn the_test_keychains_refuse_what_the_real_ones_refuse() {
    let windows = Limited::new(Limits::Windows);
    let kwallet = Limited::new(Limits::KWallet);
    for (length, fits) in [(1280, true), (1281, false)] {
        assert_eq!(windows.takes("name", "x".repeat(length).as_bytes()).is_ok(), fits, "{length} characters");
        assert!(kwallet.takes("name", "x".repeat(length).as_bytes()).is_ok());
    }
    for (length, fits) in [(2560, true), (2561, false)] {
        assert_eq!(windows.takes("name", &vec![0xFF; length]).is_ok(), fits, "{length} bytes");
        assert!(kwallet.takes("name", &vec![0xFF; length]).is_err());
    }
    assert!(windows.takes(&"n".repeat(514), b"x").is_err());
}

#[tokio::test]
async fn the_master_key_fits_into_every_keychain_and_survives_a_restart() {
    for limits in [Limits::Windows, Limits::KWallet] {
        let store = Limited::new(limits);
        let world = World::with_keychain(Keychain::with_store(store.clone(), Duration::from_secs(20))).await;
        let signer = world.connected().await;
        assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200, "{limits:?}");
        let restarted = world.another_vault().await;
        let signer = restarted.signer("conn", Which::Current, &world.provider, &world.endpoints).await.unwrap();
        assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200, "{limits:?}");
        assert_eq!(store.held.lock().unwrap().len(), 1);
    }
}

/// Answers as scripted: (reads, writes).
struct Scripted {
    write: Result<(), StoreError>,
    pause: Duration,
    held: Option<Vec<u8>>,
    /// Operations after which it is gone.
    vanishes_after: Option<usize>,
    done: usize,
}

impl Scripted {
    fn new(write: Result<(), StoreError>) -> Scripted {
        Scripted { write, pause: Duration::ZERO, held: None, vanishes_after: None, done: 0 }
    }

    fn step(&mut self) -> Result<(), StoreError> {
        let until = Instant::now() + self.pause;
        while Instant::now() < until {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        self.done += 1;
        match self.vanishes_after {
            Some(after) if self.done > after => Err(StoreError::Absent("the session bus is gone".into())),
            Some(_) | None => Ok(()),
        }
    }
}

impl KeyStore for Scripted {
    fn read(&mut self, _: &str) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.step()?;
        self.held.clone().map(Zeroizing::new).ok_or(StoreError::NoEntry)
    }

    fn write(&mut self, _: &str, secret: &[u8]) -> Result<(), StoreError> {
        self.step()?;
        self.write.clone()?;
        self.held = Some(secret.to_vec());
        Ok(())
    }

    fn erase(&mut self, _: &str) -> Result<(), StoreError> {
        self.step()
    }

    fn status(&mut self) -> KeychainStatus {
        KeychainStatus::Available
    }
}

async fn world_with(store: Scripted, deadline: Duration) -> World {
    World::with_keychain(Keychain::with_store(store, deadline)).await
}

#[tokio::test]
async fn a_refusing_keychain_is_told_by_name_and_shown_as_refusing_until_it_works() {
    for (says, code) in [
        (StoreError::Unfit("secret is longer than 16".into()), E_KEYCHAIN_UNFIT),
        (StoreError::Failed("the disk of the keyring is full".into()), E_KEYCHAIN_ABSENT),
    ] {
        let world = world_with(Scripted::new(Err(says)), Duration::from_secs(5)).await;
        let problem = world.vault.unlock().await.unwrap_err();
        assert_eq!(problem.code, code);
        assert!(problem.why[0].contains("longer than 16") || problem.why[0].contains("full"));
        assert!(matches!(world.vault.keychain_status().await, KeychainStatus::Refusing(_)));
        assert_eq!(world.vault.save("conn", world.grant(&OLD).await).await.unwrap_err().code, code);
    }
}

#[tokio::test]
async fn a_keychain_that_lies_is_found_out_at_once() {
    let shelf = Shelf::default();
    shelf.feel(Mood::Forgetful);
    let world = World::with_keychain(Keychain::with_store(shelf.clone(), Duration::from_secs(5))).await;
    assert_eq!(world.vault.unlock().await.unwrap_err().code, E_KEYCHAIN_ABSENT);
    assert!(matches!(world.vault.keychain_status().await, KeychainStatus::Refusing(_)));
    shelf.feel(Mood::Fine);
    world.vault.unlock().await.unwrap();
    assert_eq!(world.vault.keychain_status().await, KeychainStatus::Available);
}

#[tokio::test]
async fn a_keychain_that_vanishes_at_any_step_leaves_nothing_half_done() {
    // read, write, read back: the first key's three steps.
    for after in 0..3 {
        let store = Scripted { vanishes_after: Some(after), ..Scripted::new(Ok(())) };
        let world = world_with(store, Duration::from_secs(5)).await;
        assert_eq!(world.vault.unlock().await.unwrap_err().code, E_KEYCHAIN_ABSENT, "after {after}");
        let keys: i64 = sqlx::query_scalar("SELECT count(*) FROM credential_key").fetch_one(&world.pool).await.unwrap();
        assert_eq!(keys, 0, "no mark of a key that was not kept");
    }
    let store = Scripted { vanishes_after: Some(3), ..Scripted::new(Ok(())) };
    world_with(store, Duration::from_secs(5)).await.vault.unlock().await.unwrap();
}

#[tokio::test]
async fn a_slow_keychain_works_within_the_deadline_and_ends_with_words_beyond_it() {
    let slow = |pause, deadline| async move {
        let world = world_with(Scripted { pause, ..Scripted::new(Ok(())) }, deadline).await;
        let begun = Instant::now();
        (world.vault.unlock().await.map_err(|problem| problem.code), begun.elapsed())
    };
    assert_eq!(slow(Duration::from_millis(120), Duration::from_secs(20)).await.0, Ok(KeptWhere::Keychain));
    let (answer, took) = slow(Duration::from_secs(30), Duration::from_millis(200)).await;
    assert_eq!(answer, Err(E_KEYCHAIN_TIMEOUT));
    assert!(took < Duration::from_secs(10), "{took:?}");
}

/// Its status does not come, although nothing is under way.
struct Mute(std::sync::mpsc::Receiver<()>);

impl KeyStore for Mute {
    fn read(&mut self, _: &str) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        Err(StoreError::NoEntry)
    }

    fn write(&mut self, _: &str, _: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }

    fn erase(&mut self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    fn status(&mut self) -> KeychainStatus {
        // Ends with the test.
        let _ = self.0.recv();
        KeychainStatus::Available
    }
}

#[tokio::test]
async fn a_keychain_that_does_not_say_how_it_is_shows_as_silent() {
    let (_until, mute) = std::sync::mpsc::channel();
    let keychain = Keychain::with_store(Mute(mute), Duration::from_millis(100));
    assert_eq!(keychain.status().await, KeychainStatus::Silent(0));
}

#[tokio::test]
async fn practice_takes_memory_when_the_keychain_does_not_answer_and_is_not_asked_before() {
    let shelf = Shelf::default();
    shelf.feel(Mood::Absent);
    let world = World::with_keychain(Keychain::with_store(shelf.clone(), Duration::from_secs(5))).await;
    let practice = world.another_vault().await.falling_back_to_session();
    assert_eq!(practice.kept_where(), KeptWhere::Keychain, "not looked at yet");
    assert_eq!(practice.unlock().await.unwrap(), KeptWhere::SessionOnly);
    assert_eq!(practice.keychain_status().await, KeychainStatus::SessionOnly);
    shelf.feel(Mood::Fine);
    assert_eq!(world.another_vault().await.falling_back_to_session().unlock().await.unwrap(), KeptWhere::Keychain);
}

#[tokio::test]
async fn an_application_secret_whose_key_is_lost_says_enter_it_again() {
    let shelf = Shelf::default();
    let world = World::with_keychain(Keychain::with_store(shelf.clone(), Duration::from_secs(5))).await;
    // A provider that asks applications for a secret.
    let provider = providers().unwrap().into_iter().find(|provider| AppSecret::entered(provider, &"a-secret".into()).is_ok() && needs_secret(provider));
    let Some(provider) = provider else { panic!("the catalogue has a provider whose applications have a secret") };
    let secret = AppSecret::entered(&provider, &"app-secret-canary".into()).unwrap();
    world.vault.keep_app(&provider, Environment::Production, "app", &secret).await.unwrap();
    assert!(world.vault.app_secret(&provider, Environment::Production, "app").await.unwrap().is_some());
    shelf.held.lock().unwrap().clear();
    let restarted = world.another_vault().await;
    restarted.start_over().await.unwrap();
    let problem = restarted.app_secret(&provider, Environment::Production, "app").await.err().unwrap();
    assert_eq!(problem.code, E_SIGN_IN_EXPIRED);
    assert!(problem.why[0].contains("enter the secret again"));
    restarted.keep_app(&provider, Environment::Production, "app", &secret).await.unwrap();
    assert!(restarted.app_secret(&provider, Environment::Production, "app").await.unwrap().is_some());
}

fn needs_secret(provider: &Provider) -> bool {
    provider.token().is_some_and(|token| token.client_auth != provider::ClientAuth::NoSecret)
}
