//! A provider as data: read from `catalog/providers/<name>.toml` and checked completely before use.
//!
//! It holds no behaviour that depends on a provider's name. An unknown field, kind or environment refuses the
//! file with file, line and reason; nothing is guessed. `facts` says what can be stated, `file` how a file is laid
//! out, `check` and `environments` what is refused. The next provider is one file and one line in [`providers`].

mod check;
mod environments;
mod facts;
mod file;
mod findings;

pub use facts::*;

use crate::endpoints::{Endpoints, Environment, LoopbackHost, Redirect};
use crate::problems::{E_PERMISSION_UNKNOWN, E_PROVIDER, shown};
use findings::{Findings, line_of};
use ledger::Problem;
use std::sync::OnceLock;
use url::Url;

/// A provider that passed all checks.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Short name, also the last part of the callback path: one path per provider is the defence against
    /// answers of one provider being taken for another's.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The day on which the facts were last compared with the provider's own pages.
    pub checked: jiff::civil::Date,
    pub credential: Credential,
    pub api: Api,
    pub identity: Identity,
    pub status: Option<Status>,
    /// What a redirect carries beside code and state. Nobody signs it.
    pub parameters: Vec<RedirectParameter>,
    pub revocation: RevocationFacts,
    pub limits: Limits,
    /// What may be asked for, each with what it is for.
    pub permissions: Vec<Permission>,
    /// Why there are no permissions to choose from.
    pub without_permissions: Option<String>,
    /// Older permissions that still count where they were given, and are never asked for.
    pub retiring: Vec<RetiringPermission>,
    /// How a person makes the app or key.
    pub guide: Guide,
    /// Why there is no sandbox, or what stands in its place.
    pub without_sandbox: Option<String>,
    pub deadlines: Vec<Deadline>,
    /// What was never confirmed; shown to people beside everything else.
    pub unverified: Vec<Unverified>,
    environments: Vec<Endpoints>,
}

fn refused(list: Vec<String>, file: &str) -> Problem {
    let mut problem = Problem::new(
        E_PROVIDER,
        format!("The provider file \"{file}\" cannot be used."),
        String::new(),
        "Correct the lines named above; the other providers are not affected.",
    );
    problem.why = list;
    problem
}

impl Provider {
    /// Reads and checks a provider's file. Errors: `E-PROVIDER`, one reason per finding as `file:line: why`.
    pub fn parse(file: &str, text: &str) -> Result<Provider, Problem> {
        let read: file::File = toml::from_str(text).map_err(|error: toml::de::Error| {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            refused(vec![format!("{file}:{line}: {}", error.message())], file)
        })?;
        let mut findings = Findings {
            file,
            text,
            list: Vec::new(),
        };
        let provider = check::checked(read, &mut findings);
        if findings.list.is_empty()
            && let Some(provider) = provider
        {
            return Ok(provider);
        }
        Err(refused(findings.list, file))
    }

    pub fn kind(&self) -> CredentialKind {
        match &self.credential {
            Credential::OauthPkce(_) => CredentialKind::OauthPkce,
            Credential::OauthOwnApp(_) => CredentialKind::OauthOwnApp,
            Credential::ApiKey(_) => CredentialKind::ApiKey,
            Credential::ClientCredentials { .. } => CredentialKind::ClientCredentials,
        }
    }

    /// Whether this program can act on everything that the file states about giving access. `E-PROVIDER` otherwise.
    pub fn can_connect(&self, endpoints: &Endpoints) -> Result<(), Problem> {
        if self.parameters.iter().any(|p| p.verify == Verify::DataCenter) == endpoints.data_centers.is_empty() {
            return Err(self.not_yet("The region that a company lives in is named by its redirect and compared with a list, and one of the two is missing here."));
        }
        Ok(())
    }

    /// Whether token requests prove the person's own application with its secret.
    pub fn needs_app_secret(&self) -> bool {
        crate::app::is_needed(self)
    }

    /// The facts of a sign-in in the browser; `None` for keys.
    pub fn sign_in(&self) -> Option<&SignInFacts> {
        match &self.credential {
            Credential::OauthPkce(facts) | Credential::OauthOwnApp(facts) => Some(facts),
            Credential::ApiKey(_) | Credential::ClientCredentials { .. } => None,
        }
    }

    /// The token endpoint's facts; `None` for keys that are used as they are.
    pub fn token(&self) -> Option<&TokenFacts> {
        match &self.credential {
            Credential::OauthPkce(facts) | Credential::OauthOwnApp(facts) => Some(&facts.token),
            Credential::ClientCredentials { token, .. } => Some(token),
            Credential::ApiKey(_) => None,
        }
    }

    /// How access is renewed; `None` where there is no refresh token.
    pub fn refresh(&self) -> Option<&Refresh> {
        self.sign_in().map(|facts| &facts.refresh)
    }

    /// What a person makes and enters; `None` where they sign in.
    pub fn key(&self) -> Option<&KeyFacts> {
        match &self.credential {
            Credential::ApiKey(key) | Credential::ClientCredentials { key, .. } => Some(key),
            Credential::OauthPkce(_) | Credential::OauthOwnApp(_) => None,
        }
    }

    /// Production, and sandbox where there is one.
    pub fn environments(&self) -> impl Iterator<Item = Environment> + '_ {
        self.environments.iter().map(|e| e.environment)
    }

    /// The addresses of one environment; `E-PROVIDER` if this provider has no such environment.
    pub fn endpoints(&self, environment: Environment) -> Result<Endpoints, Problem> {
        self.environments
            .iter()
            .find(|e| e.environment == environment)
            .cloned()
            .ok_or_else(|| {
                Problem::new(
                    E_PROVIDER,
                    format!("{} has no environment \"{}\".", self.title, environment.name()),
                    format!(
                        "Known are: {}.",
                        self.environments().map(Environment::name).collect::<Vec<_>>().join(", ")
                    ),
                    "Choose one of these, or give the addresses of the practice company.",
                )
            })
    }

    /// The first environment's paths on the practice company's server. `E-PROVIDER` unless `base` is on this computer.
    pub fn practice_endpoints(&self, base: &Url) -> Result<Endpoints, Problem> {
        let moved = |url: &Url| {
            let mut here = base.clone();
            here.set_path(url.path());
            here.set_query(None);
            here
        };
        let mut here = match self.environments.first() {
            Some(first) => first.clone(),
            None => return self.endpoints(Environment::Production),
        };
        here.environment = Environment::Practice;
        here.authorize = here.authorize.as_ref().map(moved);
        here.token = here.token.as_ref().map(moved);
        here.status = here.status.as_ref().map(moved);
        here.revoke = here.revoke.as_ref().map(moved);
        here.api_base = moved(&here.api_base);
        here.hosts = base.host_str().map(str::to_string).into_iter().collect();
        here.redirect = Redirect::Loopback {
            host: LoopbackHost::Address,
            ports: Vec::new(),
        };
        here.redirects = vec![here.redirect.clone()];
        here.data_centers = Vec::new();
        here.issuer = None;
        if !here.all_loopback() {
            return Err(Problem::new(
                E_PROVIDER,
                "The practice company must run on this computer.",
                format!("\"{}\" is another computer.", shown(base.as_str())),
                "Give an address that begins with http://127.0.0.1.",
            ));
        }
        here.check()?;
        Ok(here)
    }

    pub fn permission(&self, name: &str) -> Option<&Permission> {
        self.permissions.iter().find(|p| p.name == name)
    }

    /// "PAYOUTS_READ: Read the transfers …", also for a permission that the file does not know.
    pub fn explain(&self, name: &str) -> String {
        match (self.permission(name), self.retiring.iter().find(|old| old.name == name)) {
            (Some(permission), _) => format!("{}: {}", permission.name, permission.purpose),
            (None, Some(old)) => format!("{}: {}", old.name, old.why),
            (None, None) => shown(name),
        }
    }

    /// Whether what was granted contains what is needed, by its own name or inside a broader permission that is being
    /// retired.
    pub fn is_granted(&self, granted: &[String], needed: &str) -> bool {
        let broad = |old: &&RetiringPermission| old.covers.iter().any(|covered| covered == needed);
        granted.iter().any(|name| name == needed) || self.retiring.iter().filter(broad).any(|old| granted.contains(&old.name))
    }

    /// Every asked permission is one that the file explains (`E-PERMISSION-UNKNOWN` otherwise): nobody should be
    /// asked for something that Changeover cannot explain.
    pub fn check_permissions(&self, asked: &[String]) -> Result<(), Problem> {
        let unknown: Vec<String> = asked
            .iter()
            .filter(|name| self.permission(name).is_none())
            .map(|name| format!("\"{}\" is not in its file.", shown(name)))
            .collect();
        let Some(first) = unknown.first().cloned() else { return Ok(()) };
        let mut problem = Problem::new(
            E_PERMISSION_UNKNOWN,
            format!(
                "Changeover does not know what a permission of {} is for, so it does not ask for it.",
                self.title
            ),
            first,
            format!(
                "Describe it in catalog/providers/{}.toml, or correct the connector package.",
                self.name
            ),
        );
        problem.why = unknown;
        Err(problem)
    }

    /// The person stopped before access was given.
    pub fn sign_in_cancelled(&self) -> Problem {
        crate::sign_in::cancelled(self)
    }

    /// Nobody finished within `timeout`.
    pub fn sign_in_timed_out(&self, timeout: std::time::Duration) -> Problem {
        crate::sign_in::timed_out(self, timeout, 0)
    }

    /// Something that the file states and this program cannot act on yet. Never a pretended success.
    pub(crate) fn not_yet(&self, what: &str) -> Problem {
        Problem::new(
            E_PROVIDER,
            format!("Changeover knows {} but cannot connect to it yet.", self.title),
            what,
            "Connect another provider, or look for a newer version of Changeover.",
        )
        .retrying(ledger::Retry::Never)
    }
}

/// The providers that ship with Changeover. A test holds that each of them passes its checks.
pub fn providers() -> Result<Vec<Provider>, Problem> {
    macro_rules! shipped {
        ($($name:literal),+ $(,)?) => {
            &[$((
                concat!("catalog/providers/", $name, ".toml"),
                include_str!(concat!("../../../catalog/providers/", $name, ".toml")),
            )),+]
        };
    }
    const FILES: &[(&str, &str)] = shipped![
        "square",
        "stripe",
        "paypal",
        "gocardless",
        "mollie",
        "xero",
        "quickbooks",
        "freshbooks",
        "zoho-books",
        "sage",
        "freeagent",
    ];
    // They are part of the program and cannot change while it runs.
    static READ: OnceLock<Result<Vec<Provider>, Problem>> = OnceLock::new();
    READ.get_or_init(|| FILES.iter().map(|(file, text)| Provider::parse(file, text)).collect())
        .clone()
}
