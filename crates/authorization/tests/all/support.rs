//! Shared arrangements: a world with a clock, the practice authorization server, a store and a vault; browsers made of code; and
//! keychains that misbehave.

use authorization::keychain::{KeyStore, StoreError};
use authorization::*;
use ledger::Problem;
use practice::authority::{Authority, CLIENT, Profile, READ};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use std::collections::HashMap;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;
use zeroize::Zeroizing;

pub const OLD: [&str; 3] = ["MERCHANT_PROFILE_READ", "PAYMENTS_READ", "PAYOUTS_READ"];
pub const NEW: [&str; 5] = [
    "MERCHANT_PROFILE_READ",
    "PAYMENTS_READ",
    "PAYOUTS_READ",
    "ORDERS_READ",
    "DISPUTES_READ",
];
const START: i64 = 1_790_000_000;

pub struct World {
    pub fake: Arc<Authority>,
    pub now: Arc<AtomicI64>,
    pub home: tempfile::TempDir,
    pub pool: SqlitePool,
    pub keychain: Keychain,
    pub vault: Vault,
    pub provider: Provider,
    pub endpoints: Endpoints,
}

/// The server is Square as its file describes it.
pub fn square() -> Profile {
    Profile::read(include_str!("../../../../catalog/providers/square.toml"), "production").unwrap()
}

pub fn seconds(now: &Arc<AtomicI64>) -> practice::authority::Clock {
    let now = now.clone();
    Arc::new(move || now.load(Ordering::SeqCst))
}

pub async fn store_at(path: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .pragma("secure_delete", "ON")
        .busy_timeout(Duration::from_secs(20));
    let pool = SqlitePool::connect_with(options).await.unwrap();
    migrate(&pool).await.unwrap();
    pool
}

/// For tests that are about what happens on this computer.
pub fn here_only() -> EndAt {
    EndAt::HereOnly("It was not asked.".into())
}

impl World {
    pub async fn new() -> World {
        World::with_keychain(Keychain::with_store(Shelf::default(), Duration::from_secs(20))).await
    }

    pub async fn with_keychain(keychain: Keychain) -> World {
        let now = Arc::new(AtomicI64::new(START));
        let fake = Arc::new(Authority::start(square(), seconds(&now)).await.unwrap());
        let home = tempfile::tempdir().unwrap();
        let pool = store_at(&home.path().join("store.db")).await;
        let provider = providers().unwrap().remove(0);
        let endpoints = provider.practice_endpoints(&fake.base).unwrap();
        let vault = open_vault(&home, &now, pool.clone(), keychain.clone());
        World {
            fake,
            now,
            home,
            pool,
            keychain,
            vault,
            provider,
            endpoints,
        }
    }

    /// Another program on the same home folder.
    pub async fn another_vault(&self) -> Vault {
        let pool = store_at(&self.home.path().join("store.db")).await;
        open_vault(&self.home, &self.now, pool, self.keychain.clone())
    }

    /// Another program that keeps its lock files elsewhere.
    pub async fn vault_without_our_lock(&self) -> Vault {
        let setup = VaultSetup {
            installation_id: "installation-1".into(),
            locks: self.home.path().join("elsewhere"),
            clock: self.clock(),
        };
        Vault::open(store_at(&self.home.path().join("store.db")).await, self.keychain.clone(), setup)
    }

    pub fn clock(&self) -> Clock {
        clock(&self.now)
    }

    pub fn days_pass(&self, days: i64) {
        self.now.fetch_add(days * 86_400, Ordering::SeqCst);
    }

    pub fn seconds_pass(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn request(&self, permissions: &[&str]) -> SignIn {
        SignIn {
            provider: self.provider.clone(),
            endpoints: self.endpoints.clone(),
            client_id: CLIENT.into(),
            permissions: permissions.iter().map(|p| p.to_string()).collect(),
            expect_tenant: None,
            timeout: Duration::from_secs(30),
            clock: self.clock(),
        }
    }

    pub async fn grant(&self, permissions: &[&str]) -> Grant {
        let browser = Browser::that(|answer| async move { drop(visit(&answer).await) });
        authorize(self.request(permissions), &browser, &|_| {}, &Controls::new())
            .await
            .unwrap()
    }

    /// Signs in and keeps it: the state most tests start from.
    pub async fn connected(&self) -> Signer {
        let grant = self.grant(&OLD).await;
        self.vault.save("conn", grant).await.unwrap();
        self.signer().await
    }

    pub async fn signer(&self) -> Signer {
        self.vault
            .signer("conn", Which::Current, &self.provider, &self.endpoints)
            .await
            .unwrap()
    }

    pub fn payments(&self) -> reqwest::RequestBuilder {
        client().get(self.fake.base.join(READ).unwrap())
    }

    pub async fn described(&self) -> Described {
        self.vault.describe("conn").await.unwrap().pop().unwrap()
    }
}

fn open_vault(home: &tempfile::TempDir, now: &Arc<AtomicI64>, pool: SqlitePool, keychain: Keychain) -> Vault {
    Vault::open(
        pool,
        keychain,
        VaultSetup {
            installation_id: "installation-1".into(),
            locks: home.path().join("locks"),
            clock: clock(now),
        },
    )
}

pub fn clock(now: &Arc<AtomicI64>) -> Clock {
    let now = now.clone();
    Arc::new(move || jiff::Timestamp::from_second(now.load(Ordering::SeqCst)).unwrap())
}

pub fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .tls_certs_only(std::iter::empty())
        .build()
        .unwrap()
}

/// The status and the whole text of a GET, as a browser would send it.
pub async fn visit(address: &Url) -> (u16, String, reqwest::header::HeaderMap) {
    let answer = client().get(address.clone()).send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    (status, answer.text().await.unwrap(), headers)
}

/// Sends raw bytes and reads until the other side closes.
pub async fn raw(address: &Url, bytes: &[u8]) -> String {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", address.port().unwrap()))
        .await
        .unwrap();
    // The other side may close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut back = Vec::new();
    let _ = stream.read_to_end(&mut back).await;
    String::from_utf8_lossy(&back).into_owned()
}

type Then = Box<dyn Fn(Url) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Opens the page at the provider and hands the address of the answer to a closure, in a task of its own.
pub struct Browser {
    then: Arc<Then>,
    pub task: Arc<Mutex<Option<tokio::task::JoinHandle<()>>>>,
    pub opened: Arc<Mutex<Option<Url>>>,
}

impl Browser {
    pub fn that<F: Future<Output = ()> + Send + 'static>(then: impl Fn(Url) -> F + Send + Sync + 'static) -> Browser {
        Browser {
            then: Arc::new(Box::new(move |url| Box::pin(then(url)))),
            task: Arc::default(),
            opened: Arc::default(),
        }
    }

    /// What the closure did must not have panicked.
    pub async fn done(&self) {
        let task = self.task.lock().unwrap().take().unwrap();
        task.await.unwrap();
    }
}

impl OpenPage for Browser {
    fn open<'a>(&'a self, page: &'a Url) -> Pin<Box<dyn Future<Output = Result<(), Problem>> + Send + 'a>> {
        *self.opened.lock().unwrap() = Some(page.clone());
        let (page, then) = (page.clone(), self.then.clone());
        let task = tokio::spawn(async move {
            let answer = client().get(page).send().await.unwrap();
            let location = answer.headers()["location"].to_str().unwrap().to_string();
            then(Url::parse(&location).unwrap()).await;
        });
        *self.task.lock().unwrap() = Some(task);
        Box::pin(async { Ok(()) })
    }
}

/// A person who never does anything.
pub struct Asleep;

impl OpenPage for Asleep {
    fn open<'a>(&'a self, _: &'a Url) -> Pin<Box<dyn Future<Output = Result<(), Problem>> + Send + 'a>> {
        Box::pin(async { Ok(()) })
    }
}

/// A keychain whose content outlives its handles and whose mood can be changed.
#[derive(Clone, Default)]
pub struct Shelf {
    pub held: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    pub mood: Arc<Mutex<Mood>>,
    pub reads: Arc<AtomicI64>,
}

#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub enum Mood {
    #[default]
    Fine,
    Locked,
    Absent,
    /// Says "no entry" to everything, as a daemon without a collection does.
    Vanished,
    /// Promises to write and does not.
    Forgetful,
    /// Does not answer until the mood changes.
    Hanging,
    /// Reads well, and does not come back from writing until the mood changes.
    HangingOnWrite,
}

impl Shelf {
    pub fn feel(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn mood(&self) -> Result<Mood, StoreError> {
        loop {
            let mood = self.mood.lock().unwrap().clone();
            match mood {
                Mood::Locked => return Err(StoreError::Locked),
                Mood::Absent => return Err(StoreError::Absent("no session bus".into())),
                Mood::Hanging => std::thread::park_timeout(Duration::from_millis(5)),
                Mood::Fine | Mood::Vanished | Mood::Forgetful | Mood::HangingOnWrite => return Ok(mood),
            }
        }
    }
}

impl KeyStore for Shelf {
    fn read(&mut self, name: &str) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let mood = self.mood()?;
        self.reads.fetch_add(1, Ordering::SeqCst);
        match mood {
            Mood::Vanished => Err(StoreError::NoEntry),
            _ => self
                .held
                .lock()
                .unwrap()
                .get(name)
                .cloned()
                .map(Zeroizing::new)
                .ok_or(StoreError::NoEntry),
        }
    }

    fn write(&mut self, name: &str, secret: &[u8]) -> Result<(), StoreError> {
        while self.mood()? == Mood::HangingOnWrite {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        if self.mood()? != Mood::Forgetful {
            // Windows holds 2,560 bytes, or half as many characters, and KWallet only text.
            assert!(std::str::from_utf8(secret).unwrap().encode_utf16().count() * 2 <= 2560);
            self.held.lock().unwrap().insert(name.into(), secret.to_vec());
        }
        Ok(())
    }

    fn erase(&mut self, name: &str) -> Result<(), StoreError> {
        self.mood()?;
        self.held.lock().unwrap().remove(name).map(drop).ok_or(StoreError::NoEntry)
    }

    fn status(&mut self) -> KeychainStatus {
        match self.mood() {
            Ok(_) => KeychainStatus::Available,
            Err(StoreError::Locked) => KeychainStatus::Locked,
            Err(other) => KeychainStatus::Absent(format!("{other:?}")),
        }
    }
}
