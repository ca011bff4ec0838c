//! Where a provider is reached, and the HTTP client that reaches it.
//!
//! Production and sandbox addresses come from the provider's file; the practice company gives its own on this
//! computer. Plain http is allowed for loopback hosts only. The client never follows a redirect: a token must
//! not travel to an address that an answer chose.

use crate::problems::E_PROVIDER;
use ledger::Problem;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use url::{Host, Url};

/// How long connecting may take, and a whole request.
const CONNECT_SECONDS: u64 = 10;
const REQUEST_SECONDS: u64 = 30;

/// Live money, the provider's test world, or the practice company on this computer. They are never mixed:
/// the environment is part of what a sealed row is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    Production,
    Sandbox,
    Practice,
}

impl Environment {
    pub fn name(self) -> &'static str {
        match self {
            Environment::Production => "production",
            Environment::Sandbox => "sandbox",
            Environment::Practice => "practice",
        }
    }

    pub fn from_name(name: &str) -> Option<Environment> {
        [Environment::Production, Environment::Sandbox, Environment::Practice]
            .into_iter()
            .find(|e| e.name() == name)
    }
}

/// Which spelling of "this computer" the provider accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoopbackHost {
    /// `http://127.0.0.1:PORT`, what RFC 8252 asks for.
    Address,
    /// `http://localhost:PORT`, where a provider insists on the name.
    Localhost,
}

/// How the browser's answer comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redirect {
    /// A listener on this computer for the time of the sign-in; the address may also be pasted.
    /// `ports` are those registered with the provider, tried in order; empty = any port will do.
    Loopback { host: LoopbackHost, ports: Vec<u16> },
    /// The provider accepts only https pages: the person pastes the address of the page they end on.
    /// `address` is the page registered with the provider; a sign-in cannot start without one.
    Paste { address: Option<Url> },
}

impl Redirect {
    /// What a person registers with their application for the provider of this short name; empty for a page of their own.
    pub fn addresses(&self, provider: &str) -> Vec<String> {
        let path = callback_path(provider);
        match self {
            Redirect::Loopback { host, ports } => {
                let host = match host {
                    LoopbackHost::Address => "127.0.0.1",
                    LoopbackHost::Localhost => "localhost",
                };
                match ports.as_slice() {
                    [] => vec![format!("http://{host}{path}")],
                    ports => ports.iter().map(|port| format!("http://{host}:{port}{path}")).collect(),
                }
            }
            Redirect::Paste { .. } => Vec::new(),
        }
    }
}

/// One path per provider: an answer of one cannot be taken for another's.
pub(crate) fn callback_path(provider: &str) -> String {
    format!("/callback/{provider}")
}

/// One environment of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    pub environment: Environment,
    /// The page to sign in on; `None` for keys.
    pub authorize: Option<Url>,
    /// `None` for keys that are not exchanged.
    pub token: Option<Url>,
    pub status: Option<Url>,
    pub revoke: Option<Url>,
    /// What the provider calls itself in every redirect (`iss`), where it is known to; then no answer without it is taken.
    pub issuer: Option<String>,
    /// Requests are signed for this scheme, host and port only.
    pub api_base: Url,
    /// The only hosts that anything of this environment is sent to. Every address above is on one of them.
    pub hosts: Vec<String>,
    /// The one that is used: the first of `redirects`, unless the caller chose another. Without meaning for keys.
    pub redirect: Redirect,
    /// All that the provider takes, the best first; empty for keys.
    pub redirects: Vec<Redirect>,
    /// Further fixed parameters of the authorization page.
    pub extra: Vec<(String, String)>,
    /// Parameters that every request to the API carries here (a test mode).
    pub api_query: Vec<(String, String)>,
    /// How keys of this environment begin; empty where that is not known.
    pub key_prefixes: Vec<String>,
    /// Where an answer tells live money from test money.
    pub livemode: Option<Livemode>,
    /// The provider's regions, where it has several. The addresses above are those of the first.
    pub data_centers: Vec<DataCenter>,
}

/// A field that says whether access is for live money. Another value than this means the wrong environment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Livemode {
    /// What to GET.
    pub path: String,
    /// JSON pointer to the field in its answer.
    pub pointer: String,
    pub value: bool,
}

/// A region of a provider with hosts of its own. Which one a company lives in is learned from a redirect that
/// nobody signs, so a region is taken from this list or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataCenter {
    pub name: String,
    /// Scheme and host of the sign-in and token addresses.
    pub accounts: Url,
    pub api_base: Url,
}

impl Endpoints {
    /// Every address is https, or http on a loopback host; all findings at once (`E-PROVIDER`).
    pub fn check(&self) -> Result<(), Problem> {
        let mut findings = Vec::new();
        let addresses = [
            ("authorize", self.authorize.as_ref()),
            ("token", self.token.as_ref()),
            ("status", self.status.as_ref()),
            ("revoke", self.revoke.as_ref()),
            ("api_base", Some(&self.api_base)),
        ];
        for (name, url) in addresses {
            if let Some(why) = url.and_then(unsafe_address) {
                findings.push(format!("{name}: {why}"));
            }
        }
        if let Redirect::Paste { address: Some(address) } = &self.redirect
            && address.scheme() != "https"
        {
            findings.push("redirect: a page that is not on this computer must be https".to_string());
        }
        let Some(first) = findings.first().cloned() else { return Ok(()) };
        let mut problem = Problem::new(
            E_PROVIDER,
            "The provider's addresses cannot be used.",
            first,
            "Use https addresses; http is allowed on this computer (127.0.0.1, [::1], localhost) only.",
        );
        problem.why = findings;
        Err(problem)
    }

    /// Whether everything is on this computer, as for the practice company.
    pub(crate) fn all_loopback(&self) -> bool {
        [&self.authorize, &self.token, &self.status, &self.revoke]
            .into_iter()
            .flatten()
            .chain([&self.api_base])
            .all(is_loopback)
    }

    /// Whether something of this environment may be sent to this address at all.
    pub fn allows(&self, url: &Url) -> bool {
        unsafe_address(url).is_none() && url.host_str().is_some_and(|host| self.hosts.iter().any(|known| known == host))
    }

    /// The data centre whose accounts server a redirect named. Compared letter by letter, with or without the last slash: what only
    /// means the same to a reader of addresses (capitals, a port that goes without saying, blanks) is none of them.
    pub fn data_center(&self, accounts_server: &str) -> Option<&DataCenter> {
        let is = |known: &Url| known.as_str() == accounts_server || known.as_str().strip_suffix('/') == Some(accounts_server);
        self.data_centers.iter().find(|center| is(&center.accounts))
    }

    /// These addresses in the region that access belongs to, by the region's name. `None` when it is not among them, or none is named where
    /// there are several: a region is never guessed.
    pub(crate) fn in_region(&self, name: Option<&str>) -> Option<Endpoints> {
        match name {
            None => self.data_centers.is_empty().then(|| self.clone()),
            Some(name) => self.data_centers.iter().find(|center| center.name == name).map(|center| self.at(center)),
        }
    }

    /// The same environment in another of its data centres: the same paths on that region's hosts.
    pub fn at(&self, center: &DataCenter) -> Endpoints {
        let moved = |url: &Option<Url>| {
            url.as_ref().map(|url| {
                let mut there = center.accounts.clone();
                there.set_path(url.path());
                there.set_query(url.query());
                there
            })
        };
        Endpoints {
            authorize: moved(&self.authorize),
            token: moved(&self.token),
            status: moved(&self.status),
            revoke: moved(&self.revoke),
            api_base: center.api_base.clone(),
            ..self.clone()
        }
    }

    pub(crate) fn client(&self) -> Result<reqwest::Client, Problem> {
        // A second installation is refused and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(CONNECT_SECONDS))
            .timeout(Duration::from_secs(REQUEST_SECONDS))
            .user_agent(concat!("Changeover/", env!("CARGO_PKG_VERSION")));
        if self.all_loopback() {
            // No proxy stands between us and ourselves, and a container without certificates can still practise.
            builder = builder.no_proxy().tls_certs_only(std::iter::empty());
        }
        #[cfg(test)]
        let builder = crate::over_tls::led(builder);
        builder.build().map_err(|error| {
            Problem::new(
                crate::problems::E_SIGN_IN_NETWORK,
                "Secure connections cannot be set up on this computer.",
                format!("The TLS library reported: {error}."),
                "Install the system's certificates (on Debian: the package ca-certificates) and try again.",
            )
        })
    }
}

pub(crate) fn unsafe_address(url: &Url) -> Option<&'static str> {
    if !url.username().is_empty() || url.password().is_some() {
        return Some("an address with a user name in it is refused");
    }
    match url.scheme() {
        "https" if url.host().is_some() => None,
        "http" if is_loopback(url) => None,
        _ => Some("neither https nor http on this computer"),
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

/// Same scheme, host and port.
pub(crate) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host() == b.host() && a.port_or_known_default() == b.port_or_known_default()
}
