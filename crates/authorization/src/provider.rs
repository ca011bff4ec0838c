//! A provider as data: read from `catalog/providers/<name>.toml` and checked completely before use.
//!
//! It holds no behaviour that depends on a provider's name. An unknown field, kind or environment refuses the
//! file with file, line and reason; nothing is guessed. The next provider is one file and one line in
//! [`providers`].

use crate::endpoints::{Endpoints, Environment, LoopbackHost, Redirect, unsafe_address};
use crate::problems::{E_PERMISSION_UNKNOWN, E_PROVIDER, shown};
use ledger::Problem;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;
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
    pub kind: CredentialKind,
    pub token_request: TokenRequest,
    pub expiry: Expiry,
    pub refresh: Refresh,
    pub revocation: RevocationFacts,
    pub identity: Identity,
    pub status: Option<Status>,
    pub limits: Limits,
    pub permissions: Vec<Permission>,
    pub deadlines: Vec<Fact>,
    /// What was never confirmed; shown to people beside everything else.
    pub unverified: Vec<Fact>,
    environments: Vec<Endpoints>,
}

/// How one gets access. Own developer apps and API keys are the next two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// Authorization code with PKCE S256 and no client secret.
    OauthPkce,
}

impl CredentialKind {
    pub fn name(self) -> &'static str {
        match self {
            CredentialKind::OauthPkce => "oauth_pkce",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenRequest {
    Json,
    Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expiry {
    /// `expires_at` and `refresh_token_expires_at` as instants.
    Absolute,
    /// `expires_in` and `refresh_token_expires_in` in seconds.
    Seconds,
}

/// Only S256; "plain" is not a value on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Pkce {
    S256,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    pub access_life_days: u32,
    pub refresh_life_days: u32,
    /// Renew when the access is this old, even if it would live longer.
    pub ahead_days: u32,
    pub rotates: bool,
    /// How long a used refresh token still works; 0 = not at all.
    pub grace_seconds: u32,
    pub refused: Vec<String>,
    pub app_refused: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevocationFacts {
    pub possible: bool,
    pub why: String,
    pub page: String,
    pub page_says: String,
}

/// Where the provider says which company a token belongs to. `id` and `name` are JSON pointers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    pub path: String,
    pub id: String,
    pub name: String,
    /// Without this permission the probe is refused, and the company's name stays unknown.
    pub permission: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// What the token status endpoint tells, as JSON pointers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    pub scopes: String,
    pub tenant: String,
    pub client: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub requests_per_second: u32,
    pub parallel: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    pub name: String,
    /// One sentence: what Changeover does with it.
    #[serde(rename = "for")]
    pub purpose: String,
}

/// A deadline or an unconfirmed fact, and where it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub text: String,
    pub source: String,
}

// The file's own shape; separate so that the types above are free to change.

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Spanned<String>,
    title: String,
    checked: Spanned<String>,
    credential: CredentialFile,
    environment: Vec<Spanned<EnvironmentFile>>,
    refresh: Spanned<Refresh>,
    revocation: Spanned<RevocationFacts>,
    identity: Spanned<Identity>,
    status: Option<Spanned<Status>>,
    limits: Spanned<Limits>,
    permission: Vec<Spanned<Permission>>,
    #[serde(default)]
    deadline: Vec<DeadlineFile>,
    #[serde(default)]
    unverified: Vec<UnverifiedFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CredentialFile {
    kind: CredentialKind,
    #[serde(rename = "pkce")]
    _pkce: Pkce,
    token_request: TokenRequest,
    expiry: Expiry,
    code_life_seconds: Spanned<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvironmentFile {
    name: Spanned<String>,
    authorize: Spanned<String>,
    token: Spanned<String>,
    status: Option<Spanned<String>>,
    api_base: Spanned<String>,
    redirect: RedirectFile,
    #[serde(default)]
    extra: BTreeMap<String, Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum RedirectFile {
    Loopback { host: LoopbackHost },
    Paste,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeadlineFile {
    what: String,
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnverifiedFile {
    fact: String,
    source: String,
}

/// Parameters that belong to the protocol; a file may not set or replace them.
const RESERVED: &[&str] = &[
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
];

/// Collects findings with their lines.
struct Findings<'a> {
    file: &'a str,
    text: &'a str,
    list: Vec<String>,
}

impl Findings<'_> {
    fn at(&mut self, offset: usize, why: impl std::fmt::Display) {
        let line = line_of(self.text, offset);
        self.list.push(format!("{}:{line}: {why}", self.file));
    }

    fn url(&mut self, given: &Spanned<String>) -> Option<Url> {
        match Url::parse(given.get_ref()) {
            Err(error) => {
                self.at(
                    given.span().start,
                    format!("\"{}\" is not an address: {error}", shown(given.get_ref())),
                );
                None
            }
            Ok(url) => match unsafe_address(&url) {
                Some(why) => {
                    self.at(given.span().start, format!("\"{}\": {why}", shown(given.get_ref())));
                    None
                }
                None => Some(url),
            },
        }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
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
        let read: File = toml::from_str(text).map_err(|error: toml::de::Error| {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            refused(vec![format!("{file}:{line}: {}", error.message())], file)
        })?;
        let mut findings = Findings {
            file,
            text,
            list: Vec::new(),
        };
        let provider = read.checked(&mut findings);
        if findings.list.is_empty()
            && let Some(provider) = provider
        {
            return Ok(provider);
        }
        Err(refused(findings.list, file))
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
                        self.environments
                            .iter()
                            .map(|e| e.environment.name())
                            .collect::<Vec<_>>()
                            .join(", ")
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
        here.authorize = moved(&here.authorize);
        here.token = moved(&here.token);
        here.status = here.status.as_ref().map(moved);
        here.api_base = moved(&here.api_base);
        here.redirect = Redirect::Loopback {
            host: LoopbackHost::Address,
        };
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
        match self.permission(name) {
            Some(permission) => format!("{}: {}", permission.name, permission.purpose),
            None => shown(name),
        }
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
}

impl File {
    fn checked(self, findings: &mut Findings<'_>) -> Option<Provider> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.get_ref().is_empty() || !self.name.get_ref().chars().all(plain) {
            findings.at(self.name.span().start, "name: lower-case letters, digits and hyphens only");
        }
        let checked = self.checked.get_ref().parse::<jiff::civil::Date>();
        if checked.is_err() {
            findings.at(self.checked.span().start, "checked: not a date like 2026-11-23");
        }
        if *self.credential.code_life_seconds.get_ref() == 0 {
            findings.at(self.credential.code_life_seconds.span().start, "code_life_seconds: must be above 0");
        }
        let environments = environments(self.environment, findings);
        rules(
            &self.refresh,
            &self.revocation,
            &self.identity,
            self.status.as_ref(),
            &self.limits,
            findings,
        );
        let identity_permission = self.identity.get_ref().permission.clone();
        let mut permissions: Vec<Permission> = Vec::new();
        for permission in self.permission {
            let at = permission.span().start;
            let permission = permission.into_inner();
            if permissions.iter().any(|p| p.name == permission.name) {
                findings.at(at, format!("the permission {} stands here twice", permission.name));
            }
            if permission.purpose.trim().is_empty() {
                findings.at(at, format!("the permission {} says not what it is for", permission.name));
            }
            permissions.push(permission);
        }
        if !permissions.iter().any(|p| p.name == identity_permission) {
            findings.at(
                self.identity.span().start,
                format!("identity.permission {identity_permission} is not among the permissions"),
            );
        }
        Some(Provider {
            name: self.name.into_inner(),
            title: self.title,
            checked: checked.ok()?,
            kind: self.credential.kind,
            token_request: self.credential.token_request,
            expiry: self.credential.expiry,
            refresh: self.refresh.into_inner(),
            revocation: self.revocation.into_inner(),
            identity: self.identity.into_inner(),
            status: self.status.map(Spanned::into_inner),
            limits: self.limits.into_inner(),
            permissions,
            deadlines: self
                .deadline
                .into_iter()
                .map(|d| Fact {
                    text: d.what,
                    source: d.source,
                })
                .collect(),
            unverified: self
                .unverified
                .into_iter()
                .map(|u| Fact {
                    text: u.fact,
                    source: u.source,
                })
                .collect(),
            environments,
        })
    }
}

fn environments(files: Vec<Spanned<EnvironmentFile>>, findings: &mut Findings<'_>) -> Vec<Endpoints> {
    let mut list: Vec<Endpoints> = Vec::new();
    if files.is_empty() {
        findings.at(0, "no environment");
    }
    for file in files {
        let at = file.span().start;
        let file = file.into_inner();
        let environment = match Environment::from_name(file.name.get_ref()) {
            Some(environment @ (Environment::Production | Environment::Sandbox)) => Some(environment),
            Some(Environment::Practice) | None => {
                findings.at(file.name.span().start, "environment: production or sandbox");
                None
            }
        };
        if environment.is_some_and(|e| list.iter().any(|known| known.environment == e)) {
            findings.at(at, format!("the environment {} stands here twice", file.name.get_ref()));
        }
        for (name, value) in &file.extra {
            if RESERVED.contains(&name.as_str()) {
                findings.at(
                    value.span().start,
                    format!("extra: {name} belongs to the protocol and cannot be set"),
                );
            }
        }
        let status = match &file.status {
            Some(given) => findings.url(given).map(Some),
            None => Some(None),
        };
        let urls = (
            findings.url(&file.authorize),
            findings.url(&file.token),
            status,
            findings.url(&file.api_base),
        );
        if let (Some(environment), (Some(authorize), Some(token), Some(status), Some(api_base))) = (environment, urls) {
            let redirect = match file.redirect {
                RedirectFile::Loopback { host } => Redirect::Loopback { host },
                RedirectFile::Paste => Redirect::Paste { address: None },
            };
            let extra = file.extra.into_iter().map(|(name, value)| (name, value.into_inner())).collect();
            list.push(Endpoints {
                environment,
                authorize,
                token,
                status,
                api_base,
                redirect,
                extra,
            });
        }
    }
    list
}

fn rules(
    refresh: &Spanned<Refresh>,
    revocation: &Spanned<RevocationFacts>,
    identity: &Spanned<Identity>,
    status: Option<&Spanned<Status>>,
    limits: &Spanned<Limits>,
    findings: &mut Findings<'_>,
) {
    let r = refresh.get_ref();
    if r.refused.is_empty() {
        findings.at(
            refresh.span().start,
            "refresh.refused: at least one code, or an ended sign-in can never be told from a fault",
        );
    }
    if r.ahead_days == 0 || r.ahead_days > r.access_life_days.max(1) {
        findings.at(refresh.span().start, "refresh.ahead_days: between 1 and access_life_days");
    }
    if Url::parse(&revocation.get_ref().page)
        .ok()
        .is_none_or(|page| page.scheme() != "https")
    {
        findings.at(revocation.span().start, "revocation.page: an https address");
    }
    let pointers = [
        ("identity.path", &identity.get_ref().path),
        ("identity.id", &identity.get_ref().id),
        ("identity.name", &identity.get_ref().name),
    ];
    for (name, value) in pointers {
        if !value.starts_with('/') {
            findings.at(identity.span().start, format!("{name}: begins with /"));
        }
    }
    if let Some(status) = status {
        let s = status.get_ref();
        for (name, value) in [("scopes", &s.scopes), ("tenant", &s.tenant), ("client", &s.client)] {
            if !value.starts_with('/') {
                findings.at(status.span().start, format!("status.{name}: begins with /"));
            }
        }
    }
    if limits.get_ref().requests_per_second == 0 || limits.get_ref().parallel == 0 {
        findings.at(limits.span().start, "limits: must be above 0");
    }
}

/// The providers that ship with Changeover. A test holds that each of them passes its checks.
pub fn providers() -> Result<Vec<Provider>, Problem> {
    const FILES: &[(&str, &str)] = &[(
        "catalog/providers/square.toml",
        include_str!("../../../catalog/providers/square.toml"),
    )];
    FILES.iter().map(|(file, text)| Provider::parse(file, text)).collect()
}
