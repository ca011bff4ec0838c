//! The three kinds of access besides a sign-in without a secret: an application of one's own, a key, and client credentials.
//!
//! The providers are the real files, moved to a server on this computer; what the server answers follows those files.

use authorization::problems::*;
use authorization::*;
use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use jiff::Timestamp;
use ledger::Problem;
use secrecy::SecretString;
use serde_json::json;
use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use url::Url;

const APP: &str = "my-own-app";
const APP_SECRET: &str = "CANARY-app-secret-8d1f";

struct Rules {
    /// Keys that are good, with what they may read.
    keys: HashMap<&'static str, BTreeSet<&'static str>>,
    live: bool,
    account: &'static str,
    /// Companies of one sign-in.
    tenants: Vec<(&'static str, &'static str)>,
    realm: Option<&'static str>,
    secret: &'static str,
    tokens: u32,
    seen: Vec<(String, String, String)>,
}

type Fake = Arc<Mutex<Rules>>;

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}")))
}

async fn answer(State(fake): State<Fake>, uri: Uri, RawQuery(query): RawQuery, headers: HeaderMap, body: Bytes) -> Response {
    let auth = headers.get(header::AUTHORIZATION).and_then(|h| h.to_str().ok()).unwrap_or_default().to_string();
    let tenant = headers.get("xero-tenant-id").and_then(|h| h.to_str().ok()).unwrap_or_default().to_string();
    let mut rules = fake.lock().unwrap();
    rules.seen.push((uri.path().to_string(), auth.clone(), tenant));
    let form: HashMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    let query: HashMap<String, String> = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    let no = |status: StatusCode, error: &str| (status, Json(json!({"error": error}))).into_response();
    let bearer = auth.strip_prefix("Bearer ").unwrap_or_default().to_string();
    match uri.path() {
        // A page on which somebody says yes at once.
        "/connect/oauth2" | "/identity/connect/authorize" => {
            let mut back = Url::parse(&query["redirect_uri"]).unwrap();
            back.query_pairs_mut().append_pair("code", "CODE").append_pair("state", &query["state"]);
            if let Some(realm) = rules.realm {
                back.query_pairs_mut().append_pair("realmId", realm);
            }
            (StatusCode::FOUND, [(header::LOCATION, back.to_string())]).into_response()
        }
        "/oauth2/v1/tokens/bearer" | "/v1/oauth2/token" if auth != basic(APP, rules.secret) => no(StatusCode::UNAUTHORIZED, "invalid_client"),
        "/oauth2/v1/tokens/bearer" | "/v1/oauth2/token" | "/connect/token" => {
            let grant = form["grant_type"].as_str();
            let good = match grant {
                "authorization_code" => form["code"] == "CODE" && form.contains_key("code_verifier"),
                "refresh_token" => form["refresh_token"] == format!("CANARY-refresh-{}", rules.tokens),
                "client_credentials" => true,
                _ => false,
            };
            if !good {
                return no(StatusCode::BAD_REQUEST, "invalid_grant");
            }
            rules.tokens += 1;
            let mut told = json!({"access_token": format!("CANARY-access-{}", rules.tokens), "token_type": "Bearer", "expires_in": 3600});
            if grant != "client_credentials" {
                told["refresh_token"] = json!(format!("CANARY-refresh-{}", rules.tokens));
            }
            Json(told).into_response()
        }
        path if bearer == format!("CANARY-access-{}", rules.tokens) => match path {
            "/connections" => Json(json!(rules.tenants.iter().map(|(id, name)| json!({"tenantId": id, "tenantName": name})).collect::<Vec<_>>())).into_response(),
            "/v3/company/4620/companyinfo/4620" => Json(json!({"CompanyInfo": {"Id": "4620", "CompanyName": "Harbour Street Bakery"}})).into_response(),
            "/v1/identity/openidconnect/userinfo" => Json(json!({"payer_id": rules.account, "name": "Harbour Street Bakery"})).into_response(),
            "/v1/reporting/balances" => Json(json!({"balances": []})).into_response(),
            "/api/thing" => Json(json!({})).into_response(),
            _ => no(StatusCode::NOT_FOUND, "nothing here"),
        },
        path => {
            let Some(may) = rules.keys.get(bearer.as_str()) else { return no(StatusCode::UNAUTHORIZED, "invalid key") };
            match path {
                "/v1/balance" => Json(json!({"livemode": rules.live})).into_response(),
                "/v1/account" => Json(json!({"id": rules.account, "settings": {"dashboard": {"display_name": "Harbour Street Bakery"}}})).into_response(),
                other if may.contains(other) => Json(json!({"data": []})).into_response(),
                _ => no(StatusCode::FORBIDDEN, "may not"),
            }
        }
    }
}

/// A person whose browser goes where it is sent.
struct Follows;

impl OpenPage for Follows {
    fn open<'a>(&'a self, page: &'a Url) -> Pin<Box<dyn Future<Output = Result<(), Problem>> + Send + 'a>> {
        let page = page.clone();
        tokio::spawn(async move {
            let http = client();
            let back = http.get(page).send().await.unwrap();
            let back = back.headers()[header::LOCATION].to_str().unwrap().to_string();
            let _ = http.get(back).send().await;
        });
        Box::pin(async { Ok(()) })
    }
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap()
}

struct World {
    fake: Fake,
    base: Url,
    now: Arc<AtomicI64>,
    vault: Vault,
    pool: sqlx::SqlitePool,
    _home: tempfile::TempDir,
}

impl World {
    async fn new() -> World {
        let all = BTreeSet::from(["/v1/balance_transactions", "/v1/charges", "/v1/disputes", "/v1/payouts"]);
        let fewer = BTreeSet::from(["/v1/balance_transactions", "/v1/charges"]);
        let fake: Fake = Arc::new(Mutex::new(Rules {
            keys: HashMap::from([("rk_live_GOOD", all.clone()), ("rk_live_NEWER", all), ("rk_live_FEWER", fewer)]),
            live: true,
            account: "acct_1",
            tenants: vec![("t-1", "Harbour Street Bakery")],
            realm: Some("4620"),
            secret: APP_SECRET,
            tokens: 0,
            seen: Vec::new(),
        }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let app = Router::new().fallback(answer).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let home = tempfile::tempdir().unwrap();
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(home.path().join("store.db")).create_if_missing(true);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        migrate(&pool).await.unwrap();
        let now = Arc::new(AtomicI64::new(1_790_000_000));
        let setup = VaultSetup { installation_id: "installation-1".into(), locks: home.path().join("locks"), clock: clock(&now) };
        let vault = Vault::open(pool.clone(), Keychain::session_only(), setup);
        World { fake, base, now, vault, pool, _home: home }
    }

    fn rules<T>(&self, change: impl FnOnce(&mut Rules) -> T) -> T {
        change(&mut self.fake.lock().unwrap())
    }

    fn at(&self, name: &str) -> (Provider, Endpoints) {
        let provider = providers().unwrap().into_iter().find(|p| p.name == name).unwrap();
        let endpoints = provider.practice_endpoints(&self.base).unwrap();
        (provider, endpoints)
    }

    fn entry(&self, name: &str, expect: Option<Tenant>) -> KeyEntry {
        let (provider, endpoints) = self.at(name);
        let permissions = provider.permissions.iter().map(|p| p.name.clone()).collect();
        KeyEntry { provider, endpoints, client_id: APP.into(), permissions, expect_tenant: expect, clock: clock(&self.now) }
    }

    fn sign_in(&self, name: &str, expect: Option<Tenant>) -> SignIn {
        let (provider, endpoints) = self.at(name);
        let permissions = provider.permissions.iter().take(1).map(|p| p.name.clone()).collect();
        SignIn { provider, endpoints, client_id: APP.into(), permissions, expect_tenant: expect, timeout: Duration::from_secs(20), clock: clock(&self.now) }
    }

    async fn signer(&self, name: &str) -> Signer {
        let (provider, endpoints) = self.at(name);
        self.vault.signer("conn", Which::Current, &provider, &endpoints).await.unwrap()
    }

    fn thing(&self) -> reqwest::RequestBuilder {
        client().get(self.base.join("/api/thing").unwrap())
    }
}

fn clock(now: &Arc<AtomicI64>) -> Clock {
    let now = now.clone();
    Arc::new(move || Timestamp::from_second(now.load(Ordering::SeqCst)).unwrap())
}

fn key(text: &str) -> SecretString {
    SecretString::from(text)
}

fn company(id: &str) -> Tenant {
    Tenant { id: id.into(), name: "Harbour Street Bakery".into() }
}

/// What went wrong; a grant has no Debug on purpose.
fn problem(result: Result<Grant, Problem>) -> Problem {
    match result {
        Ok(_) => panic!("it was accepted"),
        Err(problem) => problem,
    }
}

#[tokio::test]
async fn a_key_proves_its_company_and_each_permission_before_it_is_kept() {
    let world = World::new().await;
    let grant = accept_key(world.entry("stripe", None), key("  rk_live_GOOD\n")).await.unwrap();
    assert_eq!(grant.facts().tenant, company("acct_1"));
    assert!(grant.facts().missing.is_empty(), "{:?}", grant.facts().missing);
    assert_eq!(grant.facts().access_expires, None);
    world.vault.save("conn", grant).await.unwrap();
    assert_eq!(world.vault.describe("conn").await.unwrap()[0].kind, "api_key");

    let grant = accept_key(world.entry("stripe", Some(company("acct_1"))), key("rk_live_FEWER")).await.unwrap();
    assert_eq!(grant.facts().missing, ["disputes_read", "payouts_read"], "each is named by the request that it failed");
    assert!(grant.facts().is_limited());
}

// Check 32.
#[tokio::test]
async fn a_key_of_the_wrong_kind_world_or_company_changes_nothing() {
    let world = World::new().await;
    let told = |text: &'static str| accept_key(world.entry("stripe", Some(company("acct_1"))), key(text));
    let standard = problem(told("sk_live_ANY").await);
    assert_eq!(standard.code, E_SIGN_IN_REFUSED);
    assert!(standard.why[0].contains("may do everything"), "{standard}");
    assert!(world.rules(|r| r.seen.is_empty()), "a key of the wrong kind was sent");

    let test_key = problem(told("rk_test_GOOD").await);
    assert!(test_key.why[0].contains("test world"), "{test_key}");
    let strange = problem(told("hello").await);
    assert!(strange.why[0].contains("begins with rk_live_"), "{strange}");
    let blank = problem(told("rk_live_ GOOD").await);
    assert!(blank.why[0].contains("blanks"), "{blank}");
    assert!(world.rules(|r| r.seen.is_empty()));

    let unknown = problem(told("rk_live_REMOVED").await);
    assert_eq!(unknown.code, E_SIGN_IN_REFUSED);
    assert!(!format!("{unknown:?}").contains("REMOVED"), "the key is in the text: {unknown:?}");
    world.rules(|r| r.live = false);
    let wrong_world = problem(told("rk_live_GOOD").await);
    assert!(wrong_world.what.contains("test world"), "{wrong_world}");
    world.rules(|r| (r.live, r.account) = (true, "acct_other"));
    let other = problem(told("rk_live_GOOD").await);
    assert_eq!(other.code, E_SIGN_IN_OTHER_COMPANY);
    assert!(other.why[0].contains("acct_1") && other.why[0].contains("acct_other"), "{other}");
    assert!(world.vault.describe("conn").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_key_is_replaced_without_a_gap_and_a_removed_one_is_told_once() {
    let world = World::new().await;
    let first = accept_key(world.entry("stripe", None), key("rk_live_GOOD")).await.unwrap();
    world.vault.save("conn", first).await.unwrap();
    let old = world.signer("stripe").await;
    let second = accept_key(world.entry("stripe", Some(company("acct_1"))), key("rk_live_NEWER")).await.unwrap();
    world.vault.save("conn", second).await.unwrap();
    let balance = || client().get(world.base.join("/v1/balance").unwrap());
    assert!(old.send(balance()).await.unwrap().status().is_success(), "the old key works until it is retired");
    assert!(world.signer("stripe").await.send(balance()).await.unwrap().status().is_success());

    world.rules(|r| r.keys.remove("rk_live_NEWER"));
    let signer = world.signer("stripe").await;
    let ended = signer.send(balance()).await.unwrap_err();
    assert_eq!(ended.code, E_SIGN_IN_EXPIRED);
    assert!(ended.why[0].contains("restricted key"), "{ended}");
    let asked = world.rules(|r| r.seen.len());
    assert_eq!(signer.send(balance()).await.unwrap_err().code, E_SIGN_IN_EXPIRED);
    assert_eq!(world.rules(|r| r.seen.len()), asked, "a key that is known to be over is not sent again");
}

#[tokio::test]
async fn client_credentials_are_asked_for_anew_before_they_end_and_the_secret_is_sealed() {
    let world = World::new().await;
    let wrong = problem(accept_key(world.entry("paypal", None), key("CANARY-wrong-secret")).await);
    assert_eq!(wrong.code, E_SIGN_IN_APP);
    let grant = accept_key(world.entry("paypal", None), key(APP_SECRET)).await.unwrap();
    assert_eq!(grant.facts().tenant, company("acct_1"));
    assert!(grant.facts().missing.is_empty());
    world.vault.save("conn", grant).await.unwrap();
    let signer = world.signer("paypal").await;
    for expected in [1, 1, 2] {
        assert!(signer.send(world.thing()).await.unwrap().status().is_success());
        assert_eq!(world.rules(|r| r.tokens), expected);
        if expected == 1 {
            world.now.fetch_add(1800 - 30, Ordering::SeqCst);
        }
    }
    // The secret was replaced at the provider: the access that is left works on, then a person is needed.
    world.rules(|r| r.secret = "another");
    world.now.fetch_add(4000, Ordering::SeqCst);
    let refused = signer.send(world.thing()).await.unwrap_err();
    assert!(!refused.to_string().contains("CANARY"), "{refused}");
    let rows: Vec<(Vec<u8>, Vec<u8>)> = sqlx::query_as("SELECT sealed, sealed FROM credential_app").fetch_all(&world.pool).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert!(!rows[0].0.windows(6).any(|w| w == b"CANARY"), "the secret lies in the store as it is");
}

// Check 23.
#[tokio::test]
async fn an_application_of_ones_own_proves_itself_and_the_company_of_a_redirect_is_proved() {
    let world = World::new().await;
    let (provider, endpoints) = world.at("quickbooks");
    let go = |secret: Option<AppSecret>, expect: Option<Tenant>| {
        let request = world.sign_in("quickbooks", expect);
        async move { authorize_as(request, secret, &Follows, &|_| {}, &Controls::new()).await }
    };
    assert_eq!(problem(go(None, None).await).code, E_SIGN_IN_APP);
    assert!(world.rules(|r| r.seen.is_empty()), "the browser was opened without a secret");
    assert_eq!(world.vault.app_secret(&provider, endpoints.environment, APP).await.err().unwrap().code, E_SIGN_IN_APP);

    let entered = AppSecret::entered(&provider, &key(&format!(" {APP_SECRET} "))).unwrap();
    world.vault.keep_app(&provider, endpoints.environment, APP, &entered).await.unwrap();
    let kept = || async { world.vault.app_secret(&provider, endpoints.environment, APP).await.unwrap() };
    let grant = go(kept().await, None).await.unwrap();
    assert_eq!(grant.facts().tenant, company("4620"));
    world.vault.save("conn", grant).await.unwrap();
    assert_eq!(world.vault.describe("conn").await.unwrap()[0].kind, "oauth_own_app");

    // Renewed with the secret, and rotated.
    let signer = world.signer("quickbooks").await;
    world.now.fetch_add(3590, Ordering::SeqCst);
    assert!(signer.send(world.thing()).await.unwrap().status().is_success());
    assert_eq!(world.rules(|r| r.tokens), 2);

    // A redirect that names another company is not believed, and one that names none is refused.
    world.rules(|r| r.realm = Some("9999"));
    let forged = problem(go(kept().await, Some(company("4620"))).await);
    assert!([E_SIGN_IN_PROVIDER, E_SIGN_IN_OTHER_COMPANY].contains(&forged.code), "{forged}");
    world.rules(|r| r.realm = None);
    assert_eq!(problem(go(kept().await, Some(company("4620"))).await).code, E_SIGN_IN_PROVIDER);
    assert_eq!(world.vault.describe("conn").await.unwrap().len(), 1, "the access from before stands alone");

    assert!(world.vault.forget_app(&provider, endpoints.environment, APP).await.unwrap());
    assert!(!world.vault.has_app(&provider, endpoints.environment, APP).await.unwrap());
}

// Check 31.
#[tokio::test]
async fn of_several_companies_that_one_sign_in_reaches_the_right_one_is_taken_or_none() {
    let world = World::new().await;
    let go = |expect: Option<Tenant>| {
        let mut request = world.sign_in("xero", expect);
        request.endpoints.redirect = Redirect::Loopback { host: LoopbackHost::Address, ports: Vec::new() };
        async move { authorize(request, &Follows, &|_| {}, &Controls::new()).await }
    };
    let grant = go(None).await.unwrap();
    assert_eq!(grant.facts().tenant, company("t-1"));
    world.vault.save("conn", grant).await.unwrap();

    world.rules(|r| r.tenants = vec![("t-2", "Quay Tea Room"), ("t-1", "Harbour Street Bakery")]);
    let several = problem(go(None).await);
    assert_eq!(several.code, E_SIGN_IN_OTHER_COMPANY);
    assert!(several.why[0].contains("Quay Tea Room") && several.why[0].contains("Harbour Street Bakery"), "{several}");
    assert_eq!(go(Some(company("t-1"))).await.unwrap().facts().tenant.id, "t-1");

    // The expected one was not ticked.
    world.rules(|r| r.tenants = vec![("t-2", "Quay Tea Room")]);
    let other = problem(go(Some(company("t-1"))).await);
    assert_eq!(other.code, E_SIGN_IN_OTHER_COMPANY);
    assert!(other.why[0].contains("Quay Tea Room"), "{other}");

    // Requests say for which company they are.
    world.rules(|r| r.tenants = vec![("t-1", "Harbour Street Bakery")]);
    let again = go(Some(company("t-1"))).await.unwrap();
    world.vault.save("conn", again).await.unwrap();
    world.signer("xero").await.send(world.thing()).await.unwrap();
    assert_eq!(world.rules(|r| r.seen.last().unwrap().2.clone()), "t-1");
}
