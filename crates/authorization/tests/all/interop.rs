//! Interoperation with a provider that is not ours: `oidc-provider`, a certified OpenID provider, started from `tests/provider`.
//!
//! Sign-in with PKCE, renewal with rotation, what a used-up refresh token does, and ending access at the provider. Where its packages are not
//! installed (`npm ci` in `tests/provider`, which `cargo xtask test` does) each test says so in a printed line and ends.

use crate::support::*;
use authorization::problems::{E_SIGN_IN_EXPIRED, E_SIGN_IN_PROVIDER};
use authorization::*;
use ledger::Problem;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use url::Url;

const FILE: &str = r#"name = "openid"
title = "OpenID"
checked = "2026-11-23"
without_sandbox = "It is a test's own."

[credential]
kind = "oauth_pkce"
pkce = "required"
token_request = "form"
expiry = "seconds"
access_life = "3600 seconds"
code_life = "1 minutes"
scopes = "space"
refused = ["invalid_grant"]
app_refused = ["invalid_client", "unauthorized_client"]

[[environment]]
name = "production"
authorize = "https://openid.example/auth"
token = "https://openid.example/token"
revoke = "https://openid.example/token/revocation"
api_base = "https://openid.example/"
hosts = ["openid.example"]
redirects = [{ kind = "loopback", host = "address" }]

[refresh]
life = "30 days"
since = "issue"
rotation = "always"
renew_before_end = "5 minutes"
warn_before_end = "1 days"

[api]
authorization = "bearer"

[revocation]
kind = "rfc7009"
ends = "grant"
why = "Access can be ended by a request."
page = "https://openid.example/"
page_says = "On its own page remove the application."

[identity]
path = "/me"
id = "/sub"
name = "/sub"

[limits]
requests_per_second = 10
parallel = 4
busy = "unknown"

[guide]
page = "https://openid.example/"
steps = ["Nothing has to be done."]
replace = ["Sign in again."]

[[permission]]
name = "openid"
for = "Say who signed in."
"#;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/provider")
}

/// The provider's process, ended with the test.
struct OpenId {
    child: Child,
    base: Url,
    told: Arc<Mutex<Vec<Value>>>,
}

impl Drop for OpenId {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl OpenId {
    /// None, with a printed line, where it is not installed.
    fn start(arguments: &[&str]) -> Option<OpenId> {
        if !folder().join("node_modules/oidc-provider").is_dir() {
            println!("skipped: oidc-provider is not installed in tests/provider");
            return None;
        }
        let mut child = Command::new("node")
            .arg("server.mjs")
            .args(arguments)
            .current_dir(folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it was asked for")).lines();
        let first = lines.next().expect("it listens").expect("text");
        let first: Value = serde_json::from_str(&first).expect("JSON");
        let told: Arc<Mutex<Vec<Value>>> = Arc::default();
        let heard = told.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                heard.lock().unwrap().push(serde_json::from_str(&line).unwrap_or(Value::String(line)));
            }
        });
        let base = first["base"].as_str().expect("its address").parse().expect("an address");
        Some(OpenId { child, base, told })
    }

    /// How often it told of this; it tells a moment after it has answered.
    async fn told_of(&self, event: &str) -> usize {
        tokio::time::sleep(Duration::from_millis(150)).await;
        self.told.lock().unwrap().iter().filter(|one| one["event"] == event).count()
    }
}

/// A browser with cookies that follows where it is sent, until it has visited the address that Changeover listens on.
struct Cookies;

impl OpenPage for Cookies {
    fn open<'a>(&'a self, page: &'a Url) -> Pin<Box<dyn Future<Output = Result<(), Problem>> + Send + 'a>> {
        let mut address = page.clone();
        let home = page.origin();
        tokio::spawn(async move {
            let mut jar: BTreeMap<String, String> = BTreeMap::new();
            for _ in 0..12 {
                let cookies: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
                let answer = client().get(address.clone()).header("cookie", cookies.join("; ")).send().await.unwrap();
                for cookie in answer.headers().get_all("set-cookie") {
                    if let Some((name, value)) = cookie.to_str().unwrap().split(';').next().and_then(|pair| pair.split_once('=')) {
                        jar.insert(name.to_string(), value.to_string());
                    }
                }
                let Some(next) = answer.headers().get("location").map(|next| address.join(next.to_str().unwrap()).unwrap()) else { return };
                address = next;
                if address.origin() != home {
                    visit(&address).await;
                    return;
                }
            }
            panic!("sent in circles");
        });
        Box::pin(async { Ok(()) })
    }
}

/// A world whose provider is the real one.
async fn world(openid: &OpenId) -> World {
    let mut world = World::new().await;
    world.provider = Provider::parse("openid.toml", FILE).unwrap_or_else(|problem| panic!("{problem}"));
    world.endpoints = world.provider.practice_endpoints(&openid.base).unwrap();
    world
}

async fn signed_in(world: &World) -> Result<Grant, Problem> {
    let request = SignIn { client_id: "changeover".into(), timeout: Duration::from_secs(10), ..world.request(&["openid"]) };
    authorize(request, &Cookies, &|_| {}, &Controls::new()).await
}

async fn who(world: &World, vault: &Vault) -> Result<String, Problem> {
    let signer = vault.signer("conn", Which::Current, &world.provider, &world.endpoints).await?;
    let answer = signer.send(client().get(world.endpoints.api_base.join("me").unwrap())).await?;
    assert_eq!(answer.status().as_u16(), 200);
    Ok(answer.text().await.unwrap())
}

// Check 1, 40.
#[tokio::test]
async fn a_certified_provider_gives_access_with_pkce_and_each_renewal_rotates() {
    for arguments in [&[][..], &["--par-offered"]] {
        let Some(openid) = OpenId::start(arguments) else { return };
        let world = world(&openid).await;
        let grant = signed_in(&world).await.unwrap_or_else(|problem| panic!("{problem} {:?}", openid.told.lock().unwrap()));
        assert_eq!(grant.facts().tenant.id, "harbour-street");
        world.vault.save("conn", grant).await.unwrap();
        assert!(who(&world, &world.vault).await.unwrap().contains("harbour-street"));
        for renewal in 1..=3 {
            world.seconds_pass(3_600);
            assert!(who(&world, &world.vault).await.unwrap().contains("harbour-street"));
            assert_eq!(openid.told_of("grant.success").await, 1 + renewal, "each renewal is one request");
        }
        assert_eq!((openid.told_of("grant.error").await, openid.told_of("grant.revoked").await), (0, 0));
    }
}

// The store is put back from yesterday; its refresh token was used up since.
// Check 41.
#[tokio::test]
async fn a_restored_older_store_is_told_to_sign_in_again_once_and_never_loops() {
    let Some(openid) = OpenId::start(&[]) else { return };
    let world = world(&openid).await;
    world.vault.save("conn", signed_in(&world).await.unwrap()).await.unwrap();
    sqlx::query("VACUUM INTO $1").bind(world.home.path().join("yesterday.db").display().to_string()).execute(&world.pool).await.unwrap();
    world.seconds_pass(3_600);
    who(&world, &world.vault).await.unwrap();

    let setup = VaultSetup { installation_id: "installation-1".into(), locks: world.home.path().join("elsewhere"), clock: world.clock() };
    let restored = Vault::open(store_at(&world.home.path().join("yesterday.db")).await, world.keychain.clone(), setup);
    assert_eq!(who(&world, &restored).await.unwrap_err().code, E_SIGN_IN_EXPIRED);
    let refused = openid.told_of("grant.error").await;
    assert!(refused >= 1 && openid.told_of("grant.revoked").await >= 1, "a used-up token ends the whole grant there");
    for _ in 0..5 {
        assert_eq!(who(&world, &restored).await.unwrap_err().code, E_SIGN_IN_EXPIRED);
    }
    assert_eq!(openid.told_of("grant.error").await, refused, "it is not asked again and again");
    // A new sign-in makes it whole.
    restored.save("conn", signed_in(&world).await.unwrap()).await.unwrap();
    assert!(who(&world, &restored).await.unwrap().contains("harbour-street"));
}

// Check 45.
#[tokio::test]
async fn disconnecting_ends_the_grant_at_a_certified_provider() {
    let Some(openid) = OpenId::start(&[]) else { return };
    let world = world(&openid).await;
    world.vault.save("conn", signed_in(&world).await.unwrap()).await.unwrap();
    let done = world.vault.disconnect("conn", &world.provider, EndAt::Provider(Box::new(world.endpoints.clone()))).await.unwrap();
    assert!(done.ended_at_provider, "{}", done.why);
    assert!(openid.told_of("grant.revoked").await >= 1, "{:?}", openid.told.lock().unwrap());
}

/// None of the shipped providers asks for it; one that did would be refused clearly, and nothing is kept.
#[tokio::test]
async fn a_provider_that_demands_pushed_requests_refuses_clearly() {
    let Some(openid) = OpenId::start(&["--par-required"]) else { return };
    let world = world(&openid).await;
    let refused = signed_in(&world).await.err().expect("it is refused");
    assert!(refused.code == E_SIGN_IN_PROVIDER && refused.to_string().contains("invalid_request"), "{refused}");
    assert!(openid.told_of("authorization.error").await >= 1);
}
