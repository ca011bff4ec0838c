//! Signing in and using access: the engine's side of `authorization`.
//!
//! Access belongs to a connection and a connector version, so that the old connector keeps its own until
//! the upgrade is finished. No function here returns or sees a token.

use crate::engine::Engine;
use crate::home::Home;
use crate::store::company::{self, Company, Connection};
use crate::store;
use authorization::{
    Clock, Controls, Described, Endpoints, Environment, Grant, GrantFacts, KeyEntry, Keychain, OpenPage, Provider, Redirect, SecretString, SignIn, SignInEvent,
    Signer, Tenant, Vault, VaultSetup, Which,
};
use connector::{BoxFuture, HttpProcessor, Package, Processor, RateBudget, Sign};
use jiff::{SignedDuration, Timestamp};
use ledger::Problem;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// How long a person has for one sign-in.
pub const SIGN_IN_SECONDS: u64 = 600;
/// How long a person has to make a key at the provider and enter it.
pub const KEY_SECONDS: u64 = 3600;
/// Entries that wait to be proved; a person enters one at a time.
const ENTRIES_MAX: usize = 2;

/// What a person enters where access is not given in the browser. Held in memory until it is proved and sealed.
pub struct Entered {
    /// The id that belongs to the secret; None where there is only a key, or the id is known.
    pub client_id: Option<String>,
    pub secret: SecretString,
}

/// Opens the vault of an installation. Touches no keychain.
pub async fn open_vault(pool: &sqlx::SqlitePool, keychain: Keychain, home: &Home, installation: &str, clock: Clock) -> Result<Vault, Problem> {
    let setup = VaultSetup { installation_id: installation.to_string(), locks: home.dir().join("locks"), clock };
    Ok(Vault::open(pool.clone(), keychain, setup))
}

/// A sign-in under way, as the window shows it.
#[derive(Clone)]
pub struct Flow {
    pub connection: String,
    pub permissions: Vec<String>,
    pub started: Timestamp,
    pub deadline: Timestamp,
    pub page: Option<String>,
    pub browser_opened: bool,
    pub paste: bool,
    pub answered: bool,
    /// The browser could not be opened; the address has to be opened by hand.
    pub browser_problem: Option<Problem>,
    /// Why the address that was pasted last could not be used; the sign-in goes on.
    pub paste_refused: Option<Problem>,
    /// Access is given by a key, or an id with its secret, and not in the browser.
    pub entry: bool,
    /// It is waited for now: the keychain that will seal it has answered.
    pub entry_ready: bool,
    /// What was entered is being proved at the provider.
    pub proving: bool,
    /// Why what was entered last could not be used; the sign-in goes on.
    pub entry_refused: Option<Problem>,
    pub ended: Option<Result<GrantFacts, Problem>>,
    controls: Controls,
    entries: mpsc::Sender<Entered>,
}

/// Where sign-ins under way can be seen, cancelled, and given a pasted address. Cheap to clone.
#[derive(Clone)]
pub struct SignInDesk {
    browser: Arc<dyn OpenPage>,
    flows: Arc<Mutex<BTreeMap<String, Flow>>>,
    changed: Arc<dyn Fn() + Send + Sync>,
    /// Nobody is there to open the address by hand, so a browser that fails ends the sign-in.
    unattended: bool,
}

impl SignInDesk {
    pub fn new(browser: Arc<dyn OpenPage>, changed: impl Fn() + Send + Sync + 'static) -> SignInDesk {
        SignInDesk { browser, flows: Arc::default(), changed: Arc::new(changed), unattended: false }
    }

    /// For practice and tests, where a script stands for the person at the browser.
    pub fn unattended(browser: Arc<dyn OpenPage>) -> SignInDesk {
        SignInDesk { unattended: true, ..SignInDesk::new(browser, || {}) }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Flow>> {
        self.flows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest sign-in of a connection, under way or ended.
    pub fn flow(&self, connection: &str) -> Option<Flow> {
        self.lock().get(connection).cloned()
    }

    /// True when a sign-in was under way and is now being cancelled.
    pub fn cancel(&self, connection: &str) -> bool {
        match self.flow(connection) {
            Some(flow) if flow.ended.is_none() => {
                flow.controls.cancel();
                true
            }
            Some(_) | None => false,
        }
    }

    /// Forgets an ended sign-in, so that the panel closes.
    pub fn clear(&self, connection: &str) {
        let ended = self.flow(connection).is_some_and(|flow| flow.ended.is_some());
        if ended {
            self.lock().remove(connection);
        }
    }

    /// Hands over the address of the page on which the person ended. What an earlier one was refused for is forgotten.
    pub fn paste(&self, connection: &str, address: String) -> bool {
        match self.lock().get_mut(connection) {
            Some(flow) if flow.ended.is_none() => {
                flow.paste_refused = None;
                flow.controls.paste(address)
            }
            Some(_) | None => false,
        }
    }

    /// Hands over a key, or an id with its secret. False when no sign-in waits for one.
    pub fn enter(&self, connection: &str, entered: Entered) -> bool {
        match self.lock().get_mut(connection) {
            Some(flow) if flow.ended.is_none() && flow.entry_ready => {
                flow.entry_refused = None;
                let taken = flow.entries.try_send(entered).is_ok();
                flow.proving |= taken;
                taken
            }
            Some(_) | None => false,
        }
    }

    fn change(&self, connection: &str, change: impl FnOnce(&mut Flow)) {
        if let Some(flow) = self.lock().get_mut(connection) {
            change(flow);
        }
        (self.changed)();
    }
}

/// Shows the events of a sign-in in the browser on the desk.
fn shown_on(desk: &SignInDesk, connection: &str) -> impl Fn(SignInEvent) + Send + Sync + use<> {
    let (shown, id) = (desk.clone(), connection.to_string());
    move |event| {
        shown.change(&id, |flow| match event {
            SignInEvent::Waiting { page, paste, .. } => {
                flow.page = Some(page.to_string());
                flow.paste = paste;
            }
            SignInEvent::BrowserOpened => flow.browser_opened = true,
            SignInEvent::BrowserNotOpened(problem) => {
                flow.browser_problem = Some(problem);
                if shown.unattended {
                    flow.controls.cancel();
                }
            }
            SignInEvent::Answered => flow.answered = true,
            SignInEvent::PasteRefused(problem) => flow.paste_refused = Some(problem),
            SignInEvent::AskingWhichCompany | SignInEvent::StrangeAnswer(_) => {}
        });
    }
}

/// Signs a connector's requests with sealed access.
struct SignWith(Signer);

impl Sign for SignWith {
    fn sign<'a>(&'a self, request: reqwest::RequestBuilder) -> BoxFuture<'a, Result<reqwest::RequestBuilder, Problem>> {
        Box::pin(self.0.apply(request))
    }
    fn renew<'a>(&'a self) -> BoxFuture<'a, Result<bool, Problem>> {
        Box::pin(async move { self.0.on_unauthorized().await.map(|()| true) })
    }
}

impl Engine {
    /// The provider's facts. Errors: `E-PROVIDER` for a name that is not in the catalogue.
    pub fn provider(&self, name: &str) -> Result<Provider, Problem> {
        authorization::providers()?.into_iter().find(|p| p.name == name).ok_or_else(|| {
            Problem::new(
                authorization::problems::E_PROVIDER,
                format!("The provider \"{name}\" is not in the catalogue."),
                "This copy of Changeover does not know how to sign in there.",
                "Choose a provider that is listed, or install a newer Changeover.",
            )
        })
    }

    /// The addresses a connection uses: the provider's own, or those of the practice company.
    pub fn endpoints(&self, connection: &Connection) -> Result<(Provider, Endpoints), Problem> {
        let provider = self.provider(&connection.provider)?;
        let environment = Environment::from_name(&connection.environment).ok_or_else(|| store::unknown("environment", &connection.environment))?;
        let mut endpoints = match (environment, &connection.endpoints) {
            (Environment::Practice, Some(addresses)) => {
                let base = addresses.get("base").and_then(|b| b.as_str()).unwrap_or_default();
                let base = url::Url::parse(base).map_err(|_| store::unknown("practice address", base))?;
                provider.practice_endpoints(&base)?
            }
            (Environment::Practice | Environment::Production | Environment::Sandbox, _) => provider.endpoints(environment)?,
        };
        if let (Redirect::Paste { address }, Some(page)) = (&mut endpoints.redirect, crate::accounts::own_page(connection)) {
            *address = Some(url::Url::parse(page).map_err(|_| store::unknown("redirect address", page))?);
        }
        Ok((provider, endpoints))
    }

    pub(crate) fn access_name(connection: &Connection, version: &str) -> String {
        format!("access:{}:{version}", connection.id)
    }

    /// The stored access that a connector version uses; None before its first sign-in.
    pub async fn access_generation(&self, connection: &Connection, version: &str) -> Result<Option<u32>, Problem> {
        let text = store::setting(&self.pool, &Self::access_name(connection, version)).await?;
        text.filter(|t| !t.is_empty()).map(|t| store::parsed("access number", &t)).transpose()
    }

    /// What is known of the access a version uses, without any secret.
    pub async fn access(&self, connection: &Connection, version: &str) -> Result<Option<Described>, Problem> {
        let Some(generation) = self.access_generation(connection, version).await? else { return Ok(None) };
        Ok(self.vault.describe(&connection.id).await?.into_iter().find(|d| d.generation == generation))
    }

    async fn which(&self, connection: &Connection, version: &str) -> Result<Which, Problem> {
        Ok(match self.access_generation(connection, version).await? {
            Some(generation) => Which::Generation(generation),
            None => Which::Current,
        })
    }

    /// What a connector version reads the processor through. Read-only by type.
    /// Errors: `E-CREDENTIAL-…`, `E-SIGN-IN-EXPIRED`, `E-KEYCHAIN-…`.
    pub async fn processor(&self, _company: &Company, connection: &Connection, package: &Package) -> Result<Box<dyn Processor>, Problem> {
        let (provider, endpoints) = self.endpoints(connection)?;
        let which = self.which(connection, package.version()).await?;
        let needed: Vec<String> = package.permissions().iter().map(|p| p.permission.clone()).collect();
        self.vault.require(&connection.id, which, &provider, &needed).await?;
        let signer = self.vault.signer(&connection.id, which, &provider, &endpoints).await?;
        let rate = match endpoints.environment {
            // The practice server sets its own limits; waiting for ours would only make practice slow.
            Environment::Practice => RateBudget { per_second: 0 },
            Environment::Production | Environment::Sandbox => RateBudget { per_second: provider.limits.requests_per_second },
        };
        Ok(Box::new(HttpProcessor::new(endpoints.api_base.as_str(), Arc::new(SignWith(signer)), rate)?))
    }

    /// Signs in for a connector version, in the person's browser or by what the person enters, and keeps the access beside the
    /// older one.
    ///
    /// Another company than before, a refusal, a time-out or a cancel changes nothing. Fewer permissions than
    /// asked are kept as "limited"; whoever needs more is told by [`Engine::processor`].
    pub async fn sign_in(&self, company: &Company, connection: &Connection, version: &str, desk: &SignInDesk) -> Result<GrantFacts, Problem> {
        let result = self.sign_in_shown(company, connection, version, desk).await;
        desk.change(&connection.id, |flow| flow.ended = Some(result.clone()));
        let told = match &result {
            Ok(facts) => json!({"connection": connection.id, "access_only": connection.is_access_only(), "version": version, "company": facts.tenant.name, "permissions": facts.permissions, "missing": facts.missing}),
            Err(problem) => json!({"connection": connection.id, "access_only": connection.is_access_only(), "version": version, "refused": problem.code.to_string()}),
        };
        self.journal(Some(&company.id), "sign_in.ended", told).await?;
        result
    }

    async fn sign_in_shown(&self, company: &Company, connection: &Connection, version: &str, desk: &SignInDesk) -> Result<GrantFacts, Problem> {
        let package = self.package(&connection.connector, version)?;
        let permissions: Vec<String> = package.permissions().iter().map(|p| p.permission.clone()).collect();
        let (provider, endpoints) = self.endpoints(connection)?;
        let controls = Controls::new();
        let (entries, entered) = mpsc::channel(ENTRIES_MAX);
        let entry = provider.sign_in().is_none();
        let seconds = if entry { KEY_SECONDS } else { SIGN_IN_SECONDS };
        // A person's minutes pass on the wall, also where the practice clock stands still.
        let started = Timestamp::now();
        let flow = Flow {
            connection: connection.id.clone(),
            permissions: permissions.clone(),
            started,
            deadline: started.checked_add(SignedDuration::from_secs(seconds as i64)).unwrap_or(started),
            page: None,
            browser_opened: false,
            paste: false,
            answered: false,
            browser_problem: None,
            paste_refused: None,
            entry,
            entry_ready: false,
            proving: false,
            entry_refused: None,
            ended: None,
            controls: controls.clone(),
            entries,
        };
        desk.lock().insert(connection.id.clone(), flow);
        (desk.changed)();
        self.journal(Some(&company.id), "sign_in.started", json!({"connection": connection.id, "access_only": connection.is_access_only(), "version": version, "permissions": permissions})).await?;
        // Locked or absent keychains are told before the person goes to the browser or enters anything, not after.
        self.vault.unlock().await?;
        desk.change(&connection.id, |flow| flow.entry_ready = entry);
        let expect_tenant = connection.tenant_id.as_ref().map(|id| Tenant { id: id.clone(), name: connection.tenant_name.clone().unwrap_or_default() });
        let clock = self.now();
        let timeout = Duration::from_secs(seconds);
        // The practice clock does not move during a sign-in.
        let clock: Clock = Arc::new(move || clock);
        let client_id = connection.client_id.clone();
        let grant = if entry {
            let wanted = KeyEntry { provider, endpoints, client_id, permissions, expect_tenant, clock };
            self.entered(wanted, entered, timeout, desk, &connection.id, &controls).await?
        } else {
            if client_id.is_empty() {
                return Err(crate::accounts::no_client_id(&provider));
            }
            let secret = self.vault.app_secret(&provider, endpoints.environment, &client_id).await?;
            let request = SignIn { provider, endpoints, client_id, permissions, expect_tenant, timeout, clock };
            let grant = authorization::authorize_as(request, secret, desk.browser.as_ref(), &shown_on(desk, &connection.id), &controls).await;
            match (grant, desk.flow(&connection.id).and_then(|flow| flow.browser_problem)) {
                (Err(_), Some(browser)) if desk.unattended => return Err(browser),
                (grant, _) => grant?,
            }
        };
        self.keep(connection, version, grant).await
    }

    /// Waits for a key, proves it, and says why when it is refused, until one is good or the person gives up.
    async fn entered(
        &self,
        mut wanted: KeyEntry,
        mut entries: mpsc::Receiver<Entered>,
        timeout: Duration,
        desk: &SignInDesk,
        connection: &str,
        controls: &Controls,
    ) -> Result<Grant, Problem> {
        let provider = wanted.provider.clone();
        let waiting = async {
            while let Some(entered) = entries.recv().await {
                if let Some(id) = entered.client_id {
                    wanted.client_id = crate::companies::read_client_id(&id)?;
                }
                let proved = match wanted.client_id.is_empty() && provider.needs_app_secret() {
                    true => Err(crate::accounts::no_client_id(&provider)),
                    false => authorization::accept_key(wanted.clone(), entered.secret).await,
                };
                match proved {
                    Ok(grant) => return Ok(grant),
                    // The wrong company is an end, as it is in the browser: nothing that is typed next would be an answer to it.
                    Err(problem) if problem.code == authorization::problems::E_SIGN_IN_OTHER_COMPANY => return Err(problem),
                    Err(problem) => desk.change(connection, |flow| {
                        flow.proving = false;
                        flow.entry_refused = Some(problem);
                    }),
                }
            }
            Err(provider.sign_in_cancelled())
        };
        tokio::select! {
            biased;
            () = controls.until_cancelled() => Err(provider.sign_in_cancelled()),
            () = tokio::time::sleep(timeout) => Err(provider.sign_in_timed_out(timeout)),
            grant = waiting => grant,
        }
    }

    /// Seals a grant, and lets the version use it from now on.
    async fn keep(&self, connection: &Connection, version: &str, grant: Grant) -> Result<GrantFacts, Problem> {
        let facts = grant.facts().clone();
        let generation = self.vault.save(&connection.id, grant).await?;
        store::set_setting(&self.pool, &Self::access_name(connection, version), &generation.to_string()).await?;
        if connection.tenant_id.is_none() {
            let tenant = company::ConnectionChange::Tenant { id: &facts.tenant.id, name: &facts.tenant.name };
            company::change_connection(&self.pool, &connection.id, tenant).await?;
        }
        if connection.client_id != facts.client_id {
            company::change_connection(&self.pool, &connection.id, company::ConnectionChange::ClientId(&facts.client_id)).await?;
        }
        Ok(facts)
    }
}
