//! The real HTTP client against a real TLS server: which certificates it takes, and what is told and kept when it takes none.
//!
//! In the crate itself, and in its tests only, because the client trusts what the computer trusts and nothing else: neither a provider's file nor
//! a setting can add a certificate, and no function of the program can. [`led`] exists in tests alone; it says where a made-up name leads
//! and which made-up authority is trusted, in this thread. The next way of being wrong is one more row in the table below.

use crate::*;
use ledger::{Problem, Retry, Touched};
use practice::authority::{Authority, CLIENT, Certificate, Door, HOST, Hitch, How, Profile, READ};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use url::Url;

thread_local! {
    static LED: RefCell<Option<(SocketAddr, Option<String>)>> = const { RefCell::new(None) };
}

/// What a test of this thread wants of the client.
pub(crate) fn led(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    LED.with_borrow(|led| match led {
        None => builder,
        Some((address, trust)) => {
            let builder = builder.no_proxy().resolve(HOST, *address);
            match trust {
                None => builder,
                Some(pem) => builder.tls_certs_merge([reqwest::Certificate::from_pem(pem.as_bytes()).unwrap()]),
            }
        }
    })
}

fn file() -> &'static str {
    include_str!("../../../catalog/providers/square.toml")
}

struct World {
    provider: Provider,
    now: Arc<AtomicI64>,
    vault: Vault,
    _home: tempfile::TempDir,
}

impl World {
    async fn new() -> World {
        let home = tempfile::tempdir().unwrap();
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(home.path().join("store.db")).create_if_missing(true);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        migrate(&pool).await.unwrap();
        let now = Arc::new(AtomicI64::new(1_790_000_000));
        let clock = clock(&now);
        let setup = VaultSetup { installation_id: "installation-1".into(), locks: home.path().join("locks"), clock };
        World { provider: Provider::parse("square", file()).unwrap(), now, vault: Vault::open(pool, Keychain::session_only(), setup), _home: home }
    }

    async fn server(&self, certificate: Certificate) -> Authority {
        let now = self.now.clone();
        let clock = Arc::new(move || now.load(Ordering::SeqCst));
        Authority::start_tls(Profile::read(file(), "production").unwrap(), clock, certificate).await.unwrap()
    }

    /// Production's paths at this server; from now on its name leads there.
    fn at(&self, server: &Authority, trusted: bool) -> Endpoints {
        let address = SocketAddr::from(([127, 0, 0, 1], server.base.port().unwrap()));
        LED.set(Some((address, server.trust.clone().filter(|_| trusted))));
        let mut here = self.provider.endpoints(Environment::Production).unwrap();
        for url in [&mut here.authorize, &mut here.token, &mut here.status, &mut here.revoke].into_iter().flatten().chain([&mut here.api_base]) {
            let path = url.path().to_string();
            *url = server.base.clone();
            url.set_path(&path);
        }
        here.hosts = vec![HOST.into()];
        here.redirect = Redirect::Loopback { host: LoopbackHost::Address, ports: Vec::new() };
        assert!(!here.all_loopback(), "the client must be the one for providers, not the one for practice");
        here
    }

    async fn sign_in(&self, endpoints: &Endpoints) -> Result<Grant, Problem> {
        let request = SignIn {
            provider: self.provider.clone(),
            endpoints: endpoints.clone(),
            client_id: CLIENT.into(),
            permissions: vec!["MERCHANT_PROFILE_READ".into(), "PAYMENTS_READ".into()],
            expect_tenant: None,
            timeout: Duration::from_secs(20),
            clock: clock(&self.now),
        };
        authorize(request, &Careless, &|_| {}, &Controls::new()).await
    }
}

fn clock(now: &Arc<AtomicI64>) -> Clock {
    let now = now.clone();
    Arc::new(move || jiff::Timestamp::from_second(now.load(Ordering::SeqCst)).unwrap())
}

/// A person whose browser asks nothing about certificates, so that the code arrives whatever the server shows.
struct Careless;

impl OpenPage for Careless {
    fn open<'a>(&'a self, page: &'a Url) -> Pin<Box<dyn Future<Output = Result<(), Problem>> + Send + 'a>> {
        let address = LED.with_borrow(|led| led.as_ref().unwrap().0);
        let page = page.clone();
        tokio::spawn(async move {
            let _ = rustls::crypto::ring::default_provider().install_default();
            let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
            let browser = builder.resolve(HOST, address).tls_danger_accept_invalid_certs(true).build().unwrap();
            let answer = browser.get(page).send().await.unwrap();
            let back = answer.headers()["location"].to_str().unwrap().to_string();
            browser.get(back).send().await.unwrap();
        });
        Box::pin(async { Ok(()) })
    }
}

// Check 25.
#[tokio::test]
async fn over_tls_access_is_given_renewed_and_used_where_the_certificate_is_trusted() {
    let world = World::new().await;
    let server = world.server(Certificate::Good).await;
    let here = world.at(&server, true);
    let grant = world.sign_in(&here).await.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(grant.facts().tenant.id, "MLHARBOUR");
    world.vault.save("conn", grant).await.unwrap();
    let signer = world.vault.signer("conn", Which::Current, &world.provider, &here).await.unwrap();
    world.now.fetch_add(8 * 86_400, Ordering::SeqCst);
    let answer = signer.send(here.client().unwrap().get(here.api_base.join(READ).unwrap())).await.unwrap();
    assert_eq!((answer.status().as_u16(), server.refreshes()), (200, 1));
    assert!(server.wrong().is_empty(), "{:?}", server.wrong());
}

const WRONG: [(Certificate, bool, &str); 4] = [
    (Certificate::Good, false, "comes from nobody whom this computer trusts"),
    (Certificate::SelfSigned, true, "comes from nobody whom this computer trusts"),
    (Certificate::OtherName, true, "is for another name"),
    (Certificate::Expired, true, "is over"),
];

// Check 25.
#[tokio::test]
async fn a_certificate_that_is_unknown_self_signed_for_another_name_or_over_gets_neither_code_nor_verifier() {
    for (certificate, trusted, says) in WRONG {
        let world = World::new().await;
        let server = world.server(certificate).await;
        let here = world.at(&server, trusted);
        let problem = world.sign_in(&here).await.err().unwrap_or_else(|| panic!("{certificate:?} was taken"));
        assert_eq!((problem.code.0, problem.touched), ("E-SIGN-IN-NETWORK", Touched::Nothing), "{problem}");
        assert!(problem.why[0].contains(says), "{certificate:?}: {problem}");
        assert!(matches!(problem.retry, Retry::Later { .. }));
        assert!(!problem.to_string().contains("CANARY") && !problem.to_string().contains(HOST), "{problem}");
        assert_eq!(server.seen.lock().unwrap().exchanges, 0, "{certificate:?}: the code was sent");
        assert!(world.vault.describe("conn").await.unwrap().is_empty());
    }
}

// Check 25, 41.
#[tokio::test]
async fn a_server_that_steps_in_with_a_wrong_certificate_gets_no_refresh_token_and_the_access_stays() {
    for (certificate, trusted, says) in WRONG {
        let world = World::new().await;
        let honest = world.server(Certificate::Good).await;
        let grant = world.sign_in(&world.at(&honest, true)).await.unwrap();
        world.vault.save("conn", grant).await.unwrap();
        world.now.fetch_add(31 * 86_400, Ordering::SeqCst);

        let impostor = world.server(certificate).await;
        let there = world.at(&impostor, trusted);
        let signer = world.vault.signer("conn", Which::Current, &world.provider, &there).await.unwrap();
        let request = || there.client().unwrap().get(there.api_base.join(READ).unwrap());
        let problem = signer.send(request()).await.err().unwrap();
        assert_eq!((problem.code.0, problem.touched), ("E-SIGN-IN-NETWORK", Touched::Nothing));
        assert!(problem.why[0].contains(says), "{certificate:?}: {problem}");
        assert_eq!((impostor.refreshes(), impostor.seen.lock().unwrap().api_calls), (0, 0), "{certificate:?}");
        assert_eq!(world.vault.describe("conn").await.unwrap()[0].state, CredentialState::Active, "{certificate:?}: nothing was given up");

        // Back on an honest network the same access is renewed as if nothing had been.
        world.now.fetch_add(300, Ordering::SeqCst);
        let here = world.at(&honest, true);
        let signer = world.vault.signer("conn", Which::Current, &world.provider, &here).await.unwrap();
        let answer = signer.send(here.client().unwrap().get(here.api_base.join(READ).unwrap())).await.unwrap();
        assert_eq!((answer.status().as_u16(), honest.seen.lock().unwrap().reuses), (200, 0));
    }
}

// Check 25.
#[tokio::test]
async fn a_request_with_access_says_as_clearly_that_a_certificate_was_not_proved() {
    let world = World::new().await;
    let honest = world.server(Certificate::Good).await;
    let grant = world.sign_in(&world.at(&honest, true)).await.unwrap();
    world.vault.save("conn", grant).await.unwrap();
    let impostor = world.server(Certificate::OtherName).await;
    let there = world.at(&impostor, true);
    let signer = world.vault.signer("conn", Which::Current, &world.provider, &there).await.unwrap();
    let problem = signer.send(there.client().unwrap().get(there.api_base.join(READ).unwrap())).await.err().unwrap();
    assert!(problem.code.0 == "E-SIGN-IN-NETWORK" && problem.why[0].contains("is for another name"), "{problem}");
    assert_eq!(impostor.seen.lock().unwrap().api_calls, 0);
}

// Check 25.
#[tokio::test]
async fn a_token_endpoint_that_sends_us_elsewhere_is_not_followed_over_tls_either() {
    let world = World::new().await;
    let server = world.server(Certificate::Good).await;
    let here = world.at(&server, true);
    let now = world.now.clone();
    let trap = Authority::start(Profile::read(file(), "production").unwrap(), Arc::new(move || now.load(Ordering::SeqCst))).await.unwrap();
    let same = server.base.join("/practice/elsewhere").unwrap().to_string();
    for status in [301, 302, 303, 307, 308] {
        for to in [trap.base.join("oauth2/token").unwrap().to_string(), same.clone()] {
            server.rule(|rules| rules.hitches = vec![Hitch { door: Door::Token, how: How::Redirect(status, to) }]);
            let problem = world.sign_in(&here).await.err().unwrap();
            assert_eq!((problem.code.0, problem.touched), ("E-SIGN-IN-NETWORK", Touched::Nothing), "{problem}");
            assert!(problem.why[0].contains(&status.to_string()), "{problem}");
        }
    }
    let (trap, seen) = (trap.seen.lock().unwrap(), server.seen.lock().unwrap());
    assert_eq!((trap.exchanges, trap.strays.len(), seen.exchanges, seen.strays.len()), (0, 0, 0, 0));
}
