//! Accounts beside those that a connector reads: adding one for its access alone, setting up the application or key it is reached with.
//!
//! Access to a provider whose payments no connector reads yet is kept, watched and renewed like any other; nothing is fetched
//! or posted for it. It must never hold a secret longer than it takes to seal it, and never change which company an account belongs to.

use crate::companies::read_client_id;
use crate::engine::Engine;
use crate::store::company::{self, Company, Connection, ConnectionChange};
use authorization::{AppSecret, Environment, Provider, Redirect, Revocation, SecretString};
use connector::{ACCESS_ONLY, Package};
use ledger::problem::Code;
use ledger::{Problem, RoleMap};
use serde_json::json;
use url::Url;

pub const E_ACCOUNT_THERE: Code = Code("E-ACCOUNT-THERE");
pub const E_ACCOUNT_READ: Code = Code("E-ACCOUNT-READ");
pub const E_ACCOUNT_PRACTICE: Code = Code("E-ACCOUNT-PRACTICE");
pub const CODES: &[Code] = &[E_ACCOUNT_THERE, E_ACCOUNT_READ, E_ACCOUNT_PRACTICE];

/// Where a connection keeps the page that the person registered as the redirect address.
const OWN_PAGE: &str = "redirect";

/// What a provider asks for before access can be given, and how much of it is there.
#[derive(Debug, Clone)]
pub struct Setup {
    /// A key, or an id with a secret: entered, not signed in for.
    pub entered: bool,
    /// The id of the person's own application is needed.
    pub wants_client_id: bool,
    /// Its secret is needed as well.
    pub wants_secret: bool,
    /// A secret of this application is sealed here already.
    pub has_secret: bool,
    /// The redirect addresses to register with the application, the best first; empty where none is.
    pub register: Vec<String>,
    /// The provider sends the browser only to an https page of the person's own, which is to be given.
    pub wants_page: bool,
    pub own_page: Option<String>,
}

impl Setup {
    /// Whether a sign-in in the browser can begin.
    pub fn is_complete(&self, connection: &Connection) -> bool {
        !self.entered
            && !(self.wants_client_id && connection.client_id.is_empty())
            && !(self.wants_secret && !self.has_secret)
            && !(self.wants_page && self.own_page.is_none())
    }
}

/// What a person enters about their own application.
pub struct Application {
    pub client_id: String,
    /// None keeps the secret that is there.
    pub secret: Option<SecretString>,
    /// The https page that is registered as redirect address, where the provider takes nothing else.
    pub own_page: Option<String>,
}

/// Packages for the providers that no connector of the catalogue reads.
pub(crate) fn access_only_packages(catalog: &connector::Catalog) -> Result<Vec<Package>, Problem> {
    let providers = authorization::providers()?;
    let unread = providers.into_iter().filter(|provider| catalog.connectors().all(|package| package.provider() != provider.name));
    Ok(unread
        .map(|provider| {
            // What each is for stands in the provider's file already; there is no connector that would need it for more.
            let permissions: Vec<(String, String)> = provider.permissions.iter().map(|p| (p.name.clone(), String::new())).collect();
            Package::access_only(&provider.name, &provider.title, permissions)
        })
        .collect())
}

/// The person's own redirect page, as stored.
pub(crate) fn own_page(connection: &Connection) -> Option<&str> {
    connection.endpoints.as_ref()?.get(OWN_PAGE)?.as_str()
}

impl Connection {
    /// Whether only its access is kept, and no connector reads it.
    pub fn is_access_only(&self) -> bool {
        self.connector == ACCESS_ONLY
    }
}

impl Engine {
    /// Every account of a company, those included that are kept for their access alone.
    pub async fn accounts(&self, company: &Company) -> Result<Vec<Connection>, Problem> {
        company::connections(&self.pool, &company.id).await
    }

    /// Providers whose access can be kept for a company although no connector reads them: those not connected yet. None in practice, where
    /// nothing is real.
    pub async fn can_keep_access(&self, company: &Company) -> Result<Vec<Provider>, Problem> {
        if self.is_practice() {
            return Ok(Vec::new());
        }
        let taken = self.accounts(company).await?;
        let mut providers = authorization::providers()?;
        providers.retain(|provider| self.catalog.connectors().all(|package| package.provider() != provider.name));
        providers.retain(|provider| {
            let environments = provider.environments().filter(|environment| *environment != Environment::Practice);
            let connectable = |environment| provider.endpoints(environment).is_ok_and(|endpoints| provider.can_connect(&endpoints).is_ok());
            environments.into_iter().any(|environment| connectable(environment) && !has(&taken, provider, environment))
        });
        Ok(providers)
    }

    /// Adds an account for its access alone. `at` is a server on this computer that stands for the provider, for practice and tests.
    /// Errors: `E-PROVIDER` (also for one that cannot be connected yet), `E-ACCOUNT-THERE`, `E-ACCOUNT-READ` for one that a connector reads, and
    /// `E-ACCOUNT-PRACTICE` for a real one in practice.
    pub async fn add_account(&self, company: &Company, provider: &str, environment: Environment, at: Option<&Url>) -> Result<Connection, Problem> {
        let provider = self.provider(provider)?;
        if at.is_none() && self.is_practice() {
            return Err(Problem::new(
                E_ACCOUNT_PRACTICE,
                format!("{} was not added: this is the practice company.", provider.title),
                "Nothing in practice is real, and a real access does not belong there.",
                "Add it to one of your own companies.",
            ));
        }
        let endpoints = match at {
            Some(base) => provider.practice_endpoints(base)?,
            None => provider.endpoints(environment)?,
        };
        provider.can_connect(&endpoints)?;
        // Whoever reads payments through a connector signs in for that connector.
        if self.catalog.connector(ACCESS_ONLY, &provider.name).is_none() {
            return Err(Problem::new(
                E_ACCOUNT_READ,
                format!("{} is not kept for its access alone.", provider.title),
                "A connector reads its payments into the books, and the sign-in belongs to that connector.",
                "Add it as the account of a company, together with the company's books.",
            ));
        }
        if has(&self.accounts(company).await?, &provider, environment) {
            return Err(Problem::new(
                E_ACCOUNT_THERE,
                format!("{} is an account of \"{}\" already.", provider.title, company.name),
                format!("Its access for {} is kept here.", environment.name()),
                "Reconnect that account, or remove it first.",
            ));
        }
        let connection = Connection {
            id: self.ids.new_id("connection"),
            company_id: company.id.clone(),
            provider: provider.name.clone(),
            environment: environment.name().to_string(),
            endpoints: at.map(|base| json!({"base": base.as_str()})),
            client_id: String::new(),
            tenant_id: None,
            tenant_name: None,
            connector: ACCESS_ONLY.to_string(),
            version: provider.name.clone(),
            roles: RoleMap::default(),
            sync_from: self.now(),
            synced_at: None,
        };
        company::insert_connection(&self.pool, &connection, self.now()).await?;
        self.journal(Some(&company.id), "access.added", json!({"connection": connection.id, "provider": provider.name, "environment": connection.environment}))
            .await?;
        Ok(connection)
    }

    /// Removes an account that was kept for its access alone; its access is given up first. Says what remains to be done at the provider.
    /// Errors: `E-ACCOUNT-READ` for one that a connector reads: its records and postings belong to the books' history.
    pub async fn remove_account(&self, company: &Company, connection: &Connection) -> Result<Revocation, Problem> {
        if !connection.is_access_only() {
            return Err(Problem::new(
                E_ACCOUNT_READ,
                format!("{} cannot be removed from \"{}\".", self.provider(&connection.provider)?.title, company.name),
                "A connector has read and posted its payments; the books' history belongs to it.",
                "Disconnect it instead: its access is erased, and everything else stays.",
            ));
        }
        let revocation = self.disconnect(company, connection).await?;
        company::delete_connection(&self.pool, &connection.id).await?;
        self.journal(Some(&company.id), "access.removed", json!({"connection": connection.id, "provider": connection.provider})).await?;
        Ok(revocation)
    }

    /// What has to be entered before this account's access can be given. Asks no keychain.
    pub async fn setup(&self, connection: &Connection) -> Result<Setup, Problem> {
        let (provider, endpoints) = self.endpoints(connection)?;
        let entered = provider.sign_in().is_none();
        let wants_secret = provider.needs_app_secret();
        let has_secret = wants_secret
            && !connection.client_id.is_empty()
            && self.vault.has_app(&provider, endpoints.environment, &connection.client_id).await?;
        let register = match entered {
            true => Vec::new(),
            false => endpoints.redirects.iter().flat_map(|redirect| redirect.addresses(&provider.name)).collect(),
        };
        Ok(Setup {
            entered,
            wants_client_id: provider.token().is_some(),
            wants_secret,
            has_secret,
            register,
            wants_page: !entered && matches!(endpoints.redirect, Redirect::Paste { .. }),
            own_page: own_page(connection).map(str::to_string),
        })
    }

    /// Keeps what a person entered about their own application; the secret is sealed. The access from before stays as it is.
    /// Errors: `E-CLIENT-ID`, `E-SIGN-IN-APP`, `E-SIGN-IN-ADDRESS`, `E-KEYCHAIN-*`.
    pub async fn keep_application(&self, company: &Company, connection: &Connection, application: Application) -> Result<Connection, Problem> {
        let (provider, endpoints) = self.endpoints(connection)?;
        if provider.sign_in().is_none() {
            return Err(Problem::new(
                authorization::problems::E_SIGN_IN_APP,
                format!("{} is not signed in to through an application.", provider.title),
                match provider.token() {
                    Some(_) => "Its id and secret are entered together, when the account is connected.",
                    None => "It takes a key.",
                },
                "Connect the account, and enter it there.",
            ));
        }
        let client_id = read_client_id(&application.client_id)?;
        if client_id.is_empty() {
            return Err(no_client_id(&provider));
        }
        let page = application.own_page.as_deref().map(|page| https_page(&provider, page)).transpose()?;
        let setup = self.setup(&Connection { client_id: client_id.clone(), ..connection.clone() }).await?;
        match &application.secret {
            Some(secret) if setup.wants_secret => {
                let secret = AppSecret::entered(&provider, secret)?;
                self.vault.keep_app(&provider, endpoints.environment, &client_id, &secret).await?;
            }
            Some(_) => {
                return Err(Problem::new(
                    authorization::problems::E_SIGN_IN_APP,
                    format!("{} is signed in to without a secret.", provider.title),
                    "A secret was entered. It was not kept.",
                    "Enter the application's id alone. If the secret was shown to anybody, make a new one at the provider.",
                ));
            }
            None if setup.wants_secret && !setup.has_secret => {
                return Err(Problem::new(
                    authorization::problems::E_SIGN_IN_APP,
                    format!("The secret of your application at {} is not kept here.", provider.title),
                    format!("{} gives access only to an application that proves itself with its secret.", provider.title),
                    "Enter the application's id and secret once; they are sealed with the key in this computer's keychain.",
                ));
            }
            None => {}
        }
        if let Some(page) = page {
            let mut addresses = connection.endpoints.clone().unwrap_or_else(|| json!({}));
            addresses[OWN_PAGE] = json!(page.as_str());
            company::change_connection(&self.pool, &connection.id, ConnectionChange::Endpoints(&addresses)).await?;
        }
        company::change_connection(&self.pool, &connection.id, ConnectionChange::ClientId(&client_id)).await?;
        self.journal(Some(&company.id), "access.application", json!({"connection": connection.id, "provider": provider.name, "client_id": client_id, "secret_sealed": application.secret.is_some()}))
            .await?;
        self.connection(company, Some(&connection.id)).await
    }
}

fn has(accounts: &[Connection], provider: &Provider, environment: Environment) -> bool {
    accounts.iter().any(|account| account.provider == provider.name && account.environment == environment.name())
}

/// No application id, where a sign-in needs one.
pub(crate) fn no_client_id(provider: &Provider) -> Problem {
    Problem::new(
        authorization::problems::E_SIGN_IN_APP,
        format!("{} gives access only to an application that it knows.", provider.title),
        "The id of your own application there was not entered.",
        "Register an application as the steps say, and enter its id once.",
    )
}

fn https_page(provider: &Provider, text: &str) -> Result<Url, Problem> {
    Url::parse(text.trim())
        .ok()
        .filter(|page| page.scheme() == "https" && page.host().is_some() && page.username().is_empty() && page.password().is_none() && page.fragment().is_none())
        .ok_or_else(|| {
            Problem::new(
                authorization::problems::E_SIGN_IN_ADDRESS,
                "The redirect address cannot be used.",
                format!("{} sends the browser only to a whole https address, such as the page of your own website that you registered there.", provider.title),
                "Enter it as it stands with your application at the provider, letter by letter.",
            )
        })
}
