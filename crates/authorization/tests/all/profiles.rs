//! Every provider that ships, in each of its environments, from its catalogue file alone: access is given, renewed, used and ended
//! against a server that was made from the same file and refuses whatever the file does not say.
//!
//! The addresses are the file's own, moved to this computer. A new provider is tested here without a line of code.

use crate::support::*;
use authorization::problems::*;
use authorization::provider::{CompanyPlace, Credential, RevocationKind};
use authorization::*;
use practice::authority::{Authority, CLIENT, CLIENT_SECRET, Ends, Profile, READ, Revocation};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use url::Url;

/// A provider beside its server, and a vault on an empty home.
pub struct Beside {
    pub provider: Provider,
    pub endpoints: Endpoints,
    pub server: Authority,
    pub now: Arc<AtomicI64>,
    pub vault: Vault,
    pub pool: sqlx::SqlitePool,
    _home: tempfile::TempDir,
}

/// The file's own paths on this computer. What the person registers is a page of their own, or any port.
fn moved(mut here: Endpoints, base: &Url) -> Endpoints {
    let to = |url: &mut Url| {
        let (path, query) = (url.path().to_string(), url.query().map(str::to_string));
        *url = base.clone();
        url.set_path(&path);
        url.set_query(query.as_deref());
    };
    for url in [&mut here.authorize, &mut here.token, &mut here.status, &mut here.revoke].into_iter().flatten() {
        to(url);
    }
    to(&mut here.api_base);
    // The first region is this server; the others are where nobody listens.
    for (number, center) in here.data_centers.iter_mut().enumerate() {
        let there = if number == 0 { base.clone() } else { Url::parse(&format!("http://127.0.0.1:{number}/")).unwrap() };
        (center.accounts, center.api_base) = (there.clone(), there);
    }
    here.hosts = vec![base.host_str().unwrap().to_string()];
    here.redirect = match here.redirect {
        Redirect::Loopback { host, .. } => Redirect::Loopback { host, ports: Vec::new() },
        Redirect::Paste { .. } => Redirect::Paste { address: Some(Url::parse("https://bakery.example/done").unwrap()) },
    };
    here
}

impl Beside {
    pub async fn new(name: &str, environment: Environment) -> Beside {
        let text = std::fs::read_to_string(format!("{}/../../catalog/providers/{name}.toml", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let provider = Provider::parse(name, &text).unwrap();
        let now = Arc::new(AtomicI64::new(1_790_000_000));
        let server = Authority::start(Profile::read(&text, environment.name()).unwrap(), seconds(&now)).await.unwrap();
        let endpoints = moved(provider.endpoints(environment).unwrap(), &server.base);
        let home = tempfile::tempdir().unwrap();
        let pool = store_at(&home.path().join("store.db")).await;
        let setup = VaultSetup { installation_id: "installation-1".into(), locks: home.path().join("locks"), clock: clock(&now) };
        let vault = Vault::open(pool.clone(), Keychain::session_only(), setup);
        Beside { provider, endpoints, server, now, vault, pool, _home: home }
    }

    fn what(&self) -> String {
        format!("{} {}", self.provider.name, self.endpoints.environment.name())
    }

    fn permissions(&self) -> Vec<String> {
        self.provider.permissions.iter().map(|permission| permission.name.clone()).collect()
    }

    pub async fn sign_in(&self, expect_tenant: Option<Tenant>) -> Result<Grant, ledger::Problem> {
        let (provider, environment) = (&self.provider, self.endpoints.environment);
        if provider.needs_app_secret() {
            let entered = AppSecret::entered(provider, &SecretString::from(CLIENT_SECRET)).unwrap();
            self.vault.keep_app(provider, environment, CLIENT, &entered).await?;
        }
        let secret = self.vault.app_secret(provider, environment, CLIENT).await?;
        let controls = Controls::new();
        let (pastes, hands) = (matches!(self.endpoints.redirect, Redirect::Paste { .. }), controls.clone());
        let browser = Browser::that(move |answer| {
            let hands = hands.clone();
            async move {
                match pastes {
                    true => assert!(hands.paste(answer.to_string())),
                    false => assert_eq!(visit(&answer).await.0, 200),
                }
            }
        });
        let request = SignIn {
            provider: provider.clone(),
            endpoints: self.endpoints.clone(),
            client_id: CLIENT.into(),
            permissions: self.permissions(),
            expect_tenant,
            timeout: Duration::from_secs(20),
            clock: clock(&self.now),
        };
        let grant = authorize_as(request, secret, &browser, &|_| {}, &controls).await;
        if grant.is_ok() {
            browser.done().await;
        }
        grant
    }

    async fn key(&self, secret: &str) -> Result<Grant, ledger::Problem> {
        let entry = KeyEntry {
            provider: self.provider.clone(),
            endpoints: self.endpoints.clone(),
            client_id: CLIENT.into(),
            permissions: self.permissions(),
            expect_tenant: None,
            clock: clock(&self.now),
        };
        accept_key(entry, SecretString::from(secret)).await
    }

    pub async fn signer(&self) -> Signer {
        self.vault.signer("conn", Which::Current, &self.provider, &self.endpoints).await.unwrap()
    }

    async fn reads(&self, signer: &Signer) -> u16 {
        let request = client().get(self.endpoints.api_base.join(READ).unwrap());
        signer.send(request).await.unwrap_or_else(|problem| panic!("{}: {problem}", self.what())).status().as_u16()
    }

    /// Time passes until access is due to be renewed, while it still works.
    pub fn until_due(&self) {
        let life = i64::from(self.provider.token().unwrap().access_life.unwrap().seconds());
        let ahead = self.provider.refresh().map_or(60, |refresh| i64::from(refresh.renew_before_end.seconds()));
        self.now.fetch_add(life - ahead + 1, Ordering::SeqCst);
    }

    /// The server's memory of the whole: everything was asked as the file says.
    pub fn nothing_was_wrong(&self) {
        let seen = self.server.seen.lock().unwrap();
        assert!(seen.wrong.is_empty() && seen.strays.is_empty(), "{}: {:?} {:?}", self.what(), seen.wrong, seen.strays);
        assert_eq!(seen.reuses, 0, "{}", self.what());
    }
}

async fn all() -> Vec<Beside> {
    let mut all = Vec::new();
    for provider in providers().unwrap() {
        for environment in provider.environments() {
            all.push(Beside::new(&provider.name, environment).await);
        }
    }
    assert_eq!(all.len(), 18, "eleven providers, and the test worlds of seven");
    all
}

pub fn company() -> Tenant {
    Tenant { id: "MLHARBOUR".into(), name: "Harbour Street Bakery".into() }
}

// Check 2, 27, 40.
#[tokio::test]
async fn every_provider_that_one_signs_in_to_gives_renews_and_names_the_company_as_its_file_says() {
    let mut signed_in = 0;
    for beside in all().await.into_iter().filter(|beside| beside.provider.sign_in().is_some()) {
        let what = beside.what();
        let grant = beside.sign_in(None).await.unwrap_or_else(|problem| panic!("{what}: {problem}"));
        assert_eq!(grant.facts().tenant, company(), "{what}");
        assert!(grant.facts().missing.is_empty(), "{what}: {:?}", grant.facts().missing);
        let now = (clock(&beside.now))();
        let life = beside.provider.token().unwrap().access_life.unwrap();
        assert_eq!(grant.facts().access_expires.unwrap().duration_since(now), life.duration(), "{what}");
        beside.vault.save("conn", grant).await.unwrap();
        let signer = beside.signer().await;
        assert_eq!(beside.reads(&signer).await, 200, "{what}");
        assert_eq!(beside.server.refreshes(), 0, "{what}: nothing was due");
        for round in 1..=4 {
            beside.until_due();
            assert_eq!(beside.reads(&signer).await, 200, "{what}");
            assert_eq!(beside.server.refreshes(), round, "{what}");
        }
        // Where the provider forgot the access, it is renewed at once, and signing in again finds the same company.
        beside.server.forget_access();
        assert_eq!(beside.reads(&signer).await, 200, "{what}");
        assert_eq!(beside.sign_in(Some(company())).await.unwrap().facts().tenant, company(), "{what}");
        beside.nothing_was_wrong();
        signed_in += 1;
    }
    assert_eq!(signed_in, 10, "seven providers, and the test worlds of three");
}

// Check 30, 31.
#[tokio::test]
async fn every_provider_refuses_another_company_and_takes_the_right_one_of_several() {
    for beside in all().await.into_iter().filter(|beside| beside.provider.sign_in().is_some()) {
        let what = beside.what();
        beside.vault.save("conn", beside.sign_in(None).await.unwrap()).await.unwrap();
        let before = format!("{:?}", beside.vault.describe("conn").await.unwrap());
        beside.server.rule(|rules| rules.merchant = ("ML2".into(), "Quay Tea Room".into()));
        let other = beside.sign_in(Some(company())).await.err().unwrap_or_else(|| panic!("{what} took another company"));
        assert_eq!(other.code, E_SIGN_IN_OTHER_COMPANY, "{what}: {other}");
        assert!(other.why[0].contains("Harbour Street Bakery") && other.why[0].contains("Quay Tea Room"), "{what}: {other}");
        assert_eq!(other.touched, ledger::Touched::Nothing);
        assert_eq!(format!("{:?}", beside.vault.describe("conn").await.unwrap()), before, "{what}");
        if beside.provider.identity.list.is_some() {
            beside.server.rule(|rules| rules.also = vec![("MLHARBOUR".into(), "Harbour Street Bakery".into())]);
            assert_eq!(beside.sign_in(Some(company())).await.unwrap().facts().tenant, company(), "{what}");
            let several = beside.sign_in(None).await.err().unwrap();
            assert_eq!(several.code, E_SIGN_IN_OTHER_COMPANY, "{what}");
        }
        beside.nothing_was_wrong();
    }
}

// Check 45.
#[tokio::test]
async fn every_provider_ends_access_where_its_file_says_that_a_request_can() {
    let mut asked = Vec::new();
    for beside in all().await.into_iter().filter(|beside| beside.provider.sign_in().is_some()) {
        let what = beside.what();
        beside.vault.save("conn", beside.sign_in(None).await.unwrap()).await.unwrap();
        let at = EndAt::Provider(Box::new(beside.endpoints.clone()));
        let done = beside.vault.disconnect("conn", &beside.provider, at).await.unwrap();
        assert_eq!(done.erased, 1, "{what}");
        let possible = beside.provider.revocation.possible;
        assert_eq!(done.ended_at_provider, possible, "{what}: {}", done.why);
        assert_eq!(beside.server.seen.lock().unwrap().revocations.len(), usize::from(possible), "{what}");
        assert_eq!(beside.server.living(), usize::from(!possible), "{what}: what the server still honours");
        if possible {
            asked.push(beside.provider.name.clone());
        } else {
            assert_eq!(done.why, beside.provider.revocation.why, "{what}");
        }
        beside.nothing_was_wrong();
    }
    asked.dedup();
    assert_eq!(asked, ["xero", "quickbooks", "freshbooks", "zoho-books", "sage"]);
}

// Check 45.
#[tokio::test]
async fn a_provider_that_wants_a_delete_is_asked_with_one_and_a_post_there_would_be_told() {
    for (ours, theirs, ends) in [(RevocationKind::Delete, Revocation::Delete, true), (RevocationKind::Rfc7009, Revocation::Delete, false)] {
        let mut beside = Beside::new("sage", Environment::Production).await;
        beside.provider.revocation.kind = ours;
        beside.server.rule(|rules| (rules.revocation, rules.ends) = (theirs, Ends::Token));
        beside.vault.save("conn", beside.sign_in(None).await.unwrap()).await.unwrap();
        let at = EndAt::Provider(Box::new(beside.endpoints.clone()));
        let done = beside.vault.disconnect("conn", &beside.provider, at).await.unwrap();
        assert_eq!((done.erased, done.ended_at_provider), (1, ends), "{}", done.why);
        assert_eq!(beside.server.living(), usize::from(!ends));
        assert_eq!(beside.server.wrong().is_empty(), ends);
    }
}

// Check 32.
#[tokio::test]
async fn every_provider_that_one_reaches_by_a_key_proves_it_and_says_when_it_is_removed() {
    let mut keys = 0;
    for beside in all().await.into_iter().filter(|beside| matches!(beside.provider.credential, Credential::ApiKey(_))) {
        let what = beside.what();
        let key = beside.server.key();
        let grant = beside.key(&key).await.unwrap_or_else(|problem| panic!("{what}: {problem}"));
        assert_eq!(grant.facts().tenant, company(), "{what}");
        assert!(grant.facts().missing.is_empty(), "{what}: {:?}", grant.facts().missing);
        beside.vault.save("conn", grant).await.unwrap();
        let signer = beside.signer().await;
        assert_eq!(beside.reads(&signer).await, 200, "{what}");

        // Each permission is missed by its own request.
        for missing in beside.permissions().into_iter().filter(|name| beside.provider.identity.permission.as_ref() != Some(name)) {
            let probed = beside.provider.permission(&missing).unwrap().probe.as_ref().unwrap().path.clone();
            if probed == beside.provider.identity.path {
                continue;
            }
            beside.server.rule(|rules| assert!(rules.keys.get_mut(&key).unwrap().remove(&missing)));
            assert_eq!(beside.key(&key).await.unwrap().facts().missing, std::slice::from_ref(&missing), "{what}");
            beside.server.rule(|rules| assert!(rules.keys.get_mut(&key).unwrap().insert(missing.clone())));
        }
        if let Some(mark) = &beside.endpoints.livemode {
            beside.server.rule(|rules| rules.live = Some(!mark.value));
            assert_eq!(beside.key(&key).await.err().unwrap().code, E_SIGN_IN_REFUSED, "{what}: the wrong world");
            beside.server.rule(|rules| rules.live = None);
        }
        let done = beside.vault.retire("conn", 1, &beside.provider, EndAt::Provider(Box::new(beside.endpoints.clone()))).await;
        assert!(done.is_err() || !done.unwrap().ended_at_provider, "{what}: no request ends a key");
        beside.server.rule(|rules| rules.keys.clear());
        assert_eq!(beside.key(&key).await.err().unwrap().code, E_SIGN_IN_REFUSED, "{what}: a key that was removed");
        beside.nothing_was_wrong();
        keys += 1;
    }
    assert_eq!(keys, 6, "Stripe, GoCardless and Mollie, live and test");
}

// Check 34, 42.
#[tokio::test]
async fn access_for_an_application_itself_is_asked_for_anew_in_both_worlds() {
    let mut worlds = 0;
    for beside in all().await.into_iter().filter(|beside| matches!(beside.provider.credential, Credential::ClientCredentials { .. })) {
        let what = beside.what();
        assert_eq!(beside.key("CANARY-another-secret").await.err().unwrap().code, E_SIGN_IN_APP, "{what}");
        let grant = beside.key(CLIENT_SECRET).await.unwrap_or_else(|problem| panic!("{what}: {problem}"));
        assert_eq!(grant.facts().tenant, company(), "{what}");
        assert!(grant.facts().missing.is_empty(), "{what}");
        beside.vault.save("conn", grant).await.unwrap();
        let signer = beside.signer().await;
        assert_eq!(beside.reads(&signer).await, 200, "{what}");
        let given = beside.server.living();
        beside.until_due();
        assert_eq!(beside.reads(&signer).await, 200, "{what}");
        assert_eq!(beside.server.living(), given + 1, "{what}: asked for anew before it ends");
        beside.nothing_was_wrong();
        worlds += 1;
    }
    assert_eq!(worlds, 2);
}

#[tokio::test]
async fn every_request_says_which_company_it_is_for_where_a_header_says_it() {
    let mut named = 0;
    for beside in all().await.into_iter().filter(|beside| matches!(beside.provider.api.company, Some(CompanyPlace::Header(_)))) {
        beside.vault.save("conn", beside.sign_in(None).await.unwrap()).await.unwrap();
        let signer = beside.signer().await;
        assert_eq!(beside.reads(&signer).await, 200);
        beside.nothing_was_wrong();
        // The same request without the header is refused there, so the answer above means something.
        let bare = signer.apply(client().get(beside.endpoints.api_base.join(READ).unwrap())).await.unwrap();
        let (http, request) = bare.build_split();
        let mut request = request.unwrap();
        let Some(CompanyPlace::Header(name)) = &beside.provider.api.company else { continue };
        assert!(request.headers_mut().remove(name.as_str()).is_some());
        assert_eq!(http.execute(request).await.unwrap().status().as_u16(), 400);
        named += 1;
    }
    assert_eq!(named, 2, "Xero and Sage");
}
