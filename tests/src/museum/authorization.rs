//! Errors of signing in and of keeping access: the practice Square, keychains that misbehave, and what a
//! person does wrong.

use super::harbour::{WORLD, answering, nobody};
use super::{OrPanic, child, waiting};
use crate::errors::Exhibit;
use crate::shelf::Shelf;
use authorization::keychain::{KeyStore, StoreError};
use authorization::{
    Clock, Controls, EndAt, Endpoints, Environment, Keychain, KeychainStatus, OpenPage, Passphrase, PassphraseVault, Provider, Redirect, SignIn, SignInEvent, Signer, Tenant,
    Vault, VaultSetup, Which, authorize, migrate, providers, require_permissions,
};
use ledger::Problem;
use practice::{Consent, ServeOptions, Served, Story};
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use std::fs::File;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;
use url::Url;
use zeroize::Zeroizing;

pub const PROVOKE: &[fn() -> Exhibit] = &[
    provider,
    permission_missing,
    permission_unknown,
    refused,
    timed_out,
    cancelled,
    other_company,
    state,
    address,
    expired,
    provider_answer,
    app,
    network,
    port,
    keychain_locked,
    keychain_absent,
    keychain_key_lost,
    keychain_timeout,
    keychain_unfit,
    passphrase_needed,
    passphrase_wrong,
    passphrase_unfit,
    passphrase_vault,
    credential_none,
    credential_busy,
    credential_not_saved,
    credential_unreadable,
    credential_store,
    credential_host,
];

const SQUARE: &str = include_str!("../../../catalog/providers/square.toml");
const CONNECTION: &str = "square-1";
const NEEDED: [&str; 3] = ["MERCHANT_PROFILE_READ", "PAYMENTS_READ", "PAYOUTS_READ"];
/// Beyond the life of an access and within that of its renewal.
const FORTY_DAYS: i64 = 40 * 86_400;
/// More than any process here may open.
const MOST_FILES: usize = 1_000;

/// A practice Square, a store, and a clock that moves when told.
struct Desk {
    home: TempDir,
    served: Served,
    pool: SqlitePool,
    provider: Provider,
    endpoints: Endpoints,
    seconds: Arc<AtomicI64>,
    shelf: Shelf,
    vault: Vault,
}

fn square() -> Provider {
    providers().or_panic().into_iter().find(|provider| provider.name == "square").expect("it is built in")
}

fn names(permissions: &[&str]) -> Vec<String> {
    permissions.iter().map(|name| (*name).to_string()).collect()
}

async fn desk() -> Desk {
    let home = crate::home::fresh();
    let mut options = ServeOptions::new(Story::AllGoesWell, WORLD.until());
    options.redirect_path = "/callback/square".into();
    let served = practice::serve(WORLD.clone(), options).await.expect("a free port");
    let provider = square();
    let endpoints = provider.practice_endpoints(&Url::parse(&served.base_url).expect("an address")).or_panic();
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(home.path().join("store.sqlite")).create_if_missing(true))
        .await
        .expect("a new store");
    migrate(&pool).await.or_panic();
    let seconds = Arc::new(AtomicI64::new(WORLD.until().as_second()));
    let shelf = Shelf::default();
    let vault = open_vault(&pool, Keychain::with_store(shelf.clone(), Duration::from_secs(20)), home.path().join("locks"), &seconds);
    Desk { home, served, pool, provider, endpoints, seconds, shelf, vault }
}

fn clock(seconds: &Arc<AtomicI64>) -> Clock {
    let seconds = seconds.clone();
    Arc::new(move || jiff::Timestamp::from_second(seconds.load(Ordering::SeqCst)).expect("an instant"))
}

fn open_vault(pool: &SqlitePool, keychain: Keychain, locks: std::path::PathBuf, seconds: &Arc<AtomicI64>) -> Vault {
    Vault::open(pool.clone(), keychain, VaultSetup { installation_id: "installation-1".into(), locks, clock: clock(seconds) })
}

impl Desk {
    fn request(&self) -> SignIn {
        SignIn {
            provider: self.provider.clone(),
            endpoints: self.endpoints.clone(),
            client_id: self.served.client_id.clone(),
            permissions: names(&NEEDED),
            expect_tenant: None,
            timeout: Duration::from_secs(30),
            clock: clock(&self.seconds),
        }
    }

    /// Another program on the same store, with its own keychain.
    fn vault_with(&self, keychain: Keychain) -> Vault {
        open_vault(&self.pool, keychain, self.home.path().join("locks"), &self.seconds)
    }

    /// Signs in and keeps the access.
    async fn connected(&self) -> Signer {
        let grant = sign_in(self.request(), Consent::Allow).await.or_panic();
        self.vault.save(CONNECTION, grant).await.or_panic();
        self.signer(&self.vault).await.or_panic()
    }

    async fn signer(&self, vault: &Vault) -> Result<Signer, Problem> {
        vault.signer(CONNECTION, Which::Current, &self.provider, &self.endpoints).await
    }

    fn payments(&self) -> reqwest::RequestBuilder {
        client().get(format!("{}/v2/payments", self.served.base_url))
    }

    fn later(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }
}

fn client() -> reqwest::Client {
    // A second call reports that a provider is there already, which is what is wanted.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

/// Somebody who answers the page, or nobody.
struct Person(Option<Consent>);

impl OpenPage for Person {
    fn open<'a>(&'a self, page: &'a Url) -> Pin<Box<dyn Future<Output = Result<(), Problem>> + Send + 'a>> {
        Box::pin(async move {
            if let Some(consent) = &self.0 {
                practice::consent(page.as_str(), consent.clone()).await.expect("the page takes the answer");
            }
            Ok(())
        })
    }
}

async fn sign_in(request: SignIn, consent: Consent) -> Result<authorization::Grant, Problem> {
    authorize(request, &Person(Some(consent)), &|_| {}, &Controls::new()).await
}

fn exhibit<T>(result: Result<T, Problem>) -> Exhibit {
    match result {
        Ok(_) => panic!("this should have been refused"),
        Err(problem) => Exhibit::of(problem),
    }
}

/// A keychain that says the same to everything.
struct Says(StoreError);

impl KeyStore for Says {
    fn read(&mut self, _: &str) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        Err(self.0.clone())
    }

    fn write(&mut self, _: &str, _: &[u8]) -> Result<(), StoreError> {
        Err(self.0.clone())
    }

    fn erase(&mut self, _: &str) -> Result<(), StoreError> {
        Err(self.0.clone())
    }

    fn status(&mut self) -> KeychainStatus {
        KeychainStatus::Available
    }
}

/// A keychain that has room for nothing of ours.
struct TakesNothing;

impl KeyStore for TakesNothing {
    fn read(&mut self, _: &str) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        Err(StoreError::NoEntry)
    }

    fn write(&mut self, _: &str, _: &[u8]) -> Result<(), StoreError> {
        Err(StoreError::Unfit("the secret is longer than 16".into()))
    }

    fn erase(&mut self, _: &str) -> Result<(), StoreError> {
        Err(StoreError::NoEntry)
    }

    fn status(&mut self) -> KeychainStatus {
        KeychainStatus::Available
    }
}

/// A keychain whose question nobody answers before `_until` is dropped.
struct Asks(std::sync::mpsc::Receiver<()>);

impl KeyStore for Asks {
    fn read(&mut self, _: &str) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        // Ends with the other half, which is never sent through.
        match self.0.recv() {
            Ok(()) | Err(_) => Err(StoreError::Locked),
        }
    }

    fn write(&mut self, _: &str, _: &[u8]) -> Result<(), StoreError> {
        Err(StoreError::Locked)
    }

    fn erase(&mut self, _: &str) -> Result<(), StoreError> {
        Err(StoreError::Locked)
    }

    fn status(&mut self) -> KeychainStatus {
        KeychainStatus::Locked
    }
}

fn provider() -> Exhibit {
    let bad = SQUARE.replace("checked = \"2026-11-23\"", "checked = \"lately\"").replacen(
        "https://connect.squareup.com/oauth2/token\"",
        "http://connect.squareup.com/oauth2/token\"",
        1,
    );
    exhibit(Provider::parse("providers/square.toml", &bad))
}

fn permission_missing() -> Exhibit {
    exhibit(require_permissions(&square(), &names(&NEEDED), &names(&["PAYMENTS_READ", "ORDERS_READ", "DISPUTES_READ"])))
}

fn permission_unknown() -> Exhibit {
    exhibit(square().check_permissions(&names(&["PAYMENTS_READ", "PAYMENTS_WRITE"])))
}

fn refused() -> Exhibit {
    waiting(async {
        let desk = desk().await;
        exhibit(sign_in(desk.request(), Consent::Deny).await)
    })
}

fn timed_out() -> Exhibit {
    waiting(async {
        let desk = desk().await;
        let request = SignIn { timeout: Duration::from_secs(2), ..desk.request() };
        exhibit(authorize(request, &Person(None), &|_| {}, &Controls::new()).await)
    })
}

fn cancelled() -> Exhibit {
    waiting(async {
        let desk = desk().await;
        let controls = Controls::new();
        controls.cancel();
        exhibit(authorize(desk.request(), &Person(None), &|_| {}, &controls).await)
    })
}

fn other_company() -> Exhibit {
    waiting(async {
        let desk = desk().await;
        let expected = Tenant { id: practice::world::BAKERY_MERCHANT.into(), name: practice::world::BAKERY.into() };
        let request = SignIn { expect_tenant: Some(expected), ..desk.request() };
        exhibit(sign_in(request, Consent::OtherMerchant).await)
    })
}

/// What is pasted belongs to another sign-in; this problem is told on the way and does not end it.
fn state() -> Exhibit {
    waiting(async {
        let desk = desk().await;
        let controls = Controls::new();
        let mut request = desk.request();
        request.endpoints.redirect = Redirect::Paste { address: Some(Url::parse("https://bakery.example/done").expect("an address")) };
        let (told, stop) = (Mutex::new(None), controls.clone());
        let hear = |event| match event {
            SignInEvent::Waiting { .. } => {
                assert!(stop.paste("https://bakery.example/done?code=sq0cgp-1&state=of-another-day".into()));
            }
            SignInEvent::PasteRefused(problem) => {
                *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
                stop.cancel();
            }
            SignInEvent::BrowserOpened
            | SignInEvent::BrowserNotOpened(_)
            | SignInEvent::StrangeAnswer(_)
            | SignInEvent::Answered
            | SignInEvent::AskingWhichCompany => {}
        };
        let ended = authorize(request, &Person(None), &hear, &controls).await;
        assert!(ended.is_err(), "it was cancelled");
        Exhibit::of(told.into_inner().unwrap_or_else(PoisonError::into_inner).expect("the paste was refused"))
    })
}

fn address() -> Exhibit {
    waiting(async {
        let desk = desk().await;
        let mut request = desk.request();
        request.endpoints.redirect = desk.provider.endpoints(Environment::Production).or_panic().redirect;
        exhibit(authorize(request, &Person(None), &|_| {}, &Controls::new()).await)
    })
}

fn expired() -> Exhibit {
    waiting(async {
        let desk = desk().await;
        let signer = desk.connected().await;
        desk.served.end_sign_ins().expect("no file to keep them in");
        desk.later(FORTY_DAYS);
        exhibit(signer.send(desk.payments()).await)
    })
}

/// Signs in where the token endpoint gives this answer.
fn token_answer(head: &str, body: &str) -> Exhibit {
    waiting(async {
        let desk = desk().await;
        let mut request = desk.request();
        let head = format!("{head}\r\ncontent-type: application/json");
        request.endpoints.token = Some(Url::parse(&answering(&head, body.into()).await).expect("an address"));
        exhibit(sign_in(request, Consent::Allow).await)
    })
}

fn provider_answer() -> Exhibit {
    token_answer("200 OK", r#"{"token_type":"bearer"}"#)
}

fn app() -> Exhibit {
    token_answer("400 Bad Request", r#"{"error":"invalid_client"}"#)
}

fn network() -> Exhibit {
    waiting(async {
        let desk = desk().await;
        let mut request = desk.request();
        request.endpoints.token = Some(Url::parse(&nobody()).expect("an address"));
        exhibit(sign_in(request, Consent::Allow).await)
    })
}

/// The system gives a process that has too much open no further port.
fn port() -> Exhibit {
    let folder = crate::home::fresh();
    Exhibit::of(child::provoke("no-port-left", "ulimit -n 64", folder.path()))
}

/// Runs in the museum's child, which may open few files.
pub fn no_port_left(folder: &Path) -> Problem {
    waiting(async {
        let provider = square();
        let request = SignIn {
            endpoints: provider.practice_endpoints(&Url::parse("http://127.0.0.1:9/").expect("an address")).or_panic(),
            provider,
            client_id: practice::CLIENT_ID.into(),
            permissions: names(&NEEDED),
            expect_tenant: None,
            timeout: Duration::from_secs(1),
            clock: authorization::system_clock(),
        };
        let open: Vec<File> = (0..MOST_FILES).map_while(|_| File::open(folder).ok()).collect();
        assert!(open.len() < MOST_FILES, "the limit was not met");
        match authorize(request, &Person(None), &|_| {}, &Controls::new()).await {
            Ok(_) => panic!("a port was given"),
            Err(problem) => problem,
        }
    })
}

/// What unlocking says with a keychain that says this.
fn unlocked(says: StoreError) -> Exhibit {
    waiting(async {
        let desk = desk().await;
        exhibit(desk.vault_with(Keychain::with_store(Says(says), Duration::from_secs(20))).unlock().await)
    })
}

fn keychain_locked() -> Exhibit {
    unlocked(StoreError::Locked)
}

fn keychain_absent() -> Exhibit {
    unlocked(StoreError::Absent("no session bus".into()))
}

fn keychain_key_lost() -> Exhibit {
    waiting(async {
        let desk = desk().await;
        desk.vault.unlock().await.or_panic();
        desk.shelf.lose();
        exhibit(desk.vault_with(Keychain::with_store(desk.shelf.clone(), Duration::from_secs(20))).unlock().await)
    })
}

fn keychain_timeout() -> Exhibit {
    waiting(async {
        let desk = desk().await;
        let (_until, asked) = std::sync::mpsc::channel();
        exhibit(desk.vault_with(Keychain::with_store(Asks(asked), Duration::from_secs(2))).unlock().await)
    })
}

fn keychain_unfit() -> Exhibit {
    waiting(async {
        let desk = desk().await;
        exhibit(desk.vault_with(Keychain::with_store(TakesNothing, Duration::from_secs(20))).unlock().await)
    })
}

/// A passphrase vault that was set up, in a folder of its own, and a program that starts after that.
async fn passphrase_vault_at(folder: &std::path::Path) -> PassphraseVault {
    let file = folder.join("passphrase-vault.json");
    PassphraseVault::at(file.clone(), "installation-1").set_up(words("harbour lantern seventeen geese")).await.or_panic();
    PassphraseVault::at(file, "installation-1")
}

fn words(text: &str) -> Passphrase {
    Passphrase::entered(text.to_string().into())
}

fn passphrase_needed() -> Exhibit {
    waiting(async {
        let desk = desk().await;
        let vault = passphrase_vault_at(desk.home.path()).await;
        exhibit(desk.vault_with(vault.keychain()).unlock().await)
    })
}

fn passphrase_wrong() -> Exhibit {
    waiting(async {
        let desk = desk().await;
        exhibit(passphrase_vault_at(desk.home.path()).await.open(words("harbour lantern seventeen ducks")).await)
    })
}

fn passphrase_unfit() -> Exhibit {
    waiting(async {
        let desk = desk().await;
        let vault = PassphraseVault::at(desk.home.path().join("passphrase-vault.json"), "installation-1");
        exhibit(vault.set_up(words("too short")).await)
    })
}

fn passphrase_vault() -> Exhibit {
    waiting(async {
        let desk = desk().await;
        let vault = passphrase_vault_at(desk.home.path()).await;
        std::fs::write(desk.home.path().join("passphrase-vault.json"), "{").expect("it is ours");
        exhibit(vault.open(words("harbour lantern seventeen geese")).await)
    })
}

fn credential_none() -> Exhibit {
    waiting(async {
        let desk = desk().await;
        exhibit(desk.signer(&desk.vault).await)
    })
}

/// The folder of the locks cannot be used. That another program holds one for a minute would take a minute.
fn credential_busy() -> Exhibit {
    waiting(async {
        let desk = desk().await;
        std::fs::write(desk.home.path().join("locks"), "").expect("it is ours");
        exhibit(desk.vault.retire(CONNECTION, 1, &desk.provider, EndAt::HereOnly(String::new())).await).replacing(desk.home.path().to_string_lossy(), "<folder>")
    })
}

fn credential_not_saved() -> Exhibit {
    waiting(async {
        let desk = desk().await;
        let signer = desk.connected().await;
        let full = "CREATE TRIGGER full BEFORE UPDATE OF sealed ON credential BEGIN SELECT raise(FAIL, 'database or disk is full'); END";
        sqlx::query(full).execute(&desk.pool).await.expect("it is ours");
        desk.later(FORTY_DAYS);
        exhibit(signer.send(desk.payments()).await)
    })
}

fn credential_unreadable() -> Exhibit {
    waiting(async {
        let desk = desk().await;
        drop(desk.connected().await);
        sqlx::query("UPDATE credential SET client_id = 'sq0idp-of-another'").execute(&desk.pool).await.expect("it is ours");
        let another = desk.vault_with(Keychain::with_store(desk.shelf.clone(), Duration::from_secs(20)));
        exhibit(desk.signer(&another).await.or_panic().send(desk.payments()).await)
    })
}

fn credential_store() -> Exhibit {
    waiting(async {
        let desk = desk().await;
        sqlx::query("UPDATE credential_schema SET version = 99").execute(&desk.pool).await.expect("it is ours");
        exhibit(migrate(&desk.pool).await)
    })
}

fn credential_host() -> Exhibit {
    waiting(async {
        let desk = desk().await;
        let signer = desk.connected().await;
        exhibit(signer.send(client().get("https://squareup.example.org/v2/payments")).await)
    })
}
