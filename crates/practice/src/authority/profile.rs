//! What one provider's server is like, read from its file in `catalog/providers`.
//!
//! The file says how a request must look, how an answer is spelled, how tokens rotate, how access is ended and where the
//! company stands; nothing of that is written a second time here. What no file can say is in [`Beyond`], by the
//! provider's name. It must never guess: a file without what its kind needs is refused. A new provider is one more file; a
//! new fact of a file is one field here.

use serde::Deserialize;
use std::collections::BTreeMap;
use url::Url;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    OauthPkce,
    OauthOwnApp,
    ApiKey,
    ClientCredentials,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pkce {
    Required,
    Sent,
    #[default]
    None,
}

/// How a token request carries its fields; the other form is refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    Json,
    #[default]
    Form,
}

/// How the application proves itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    #[default]
    NoSecret,
    Basic,
    Body,
}

/// How an answer tells when access ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expiry {
    /// `expires_at`, an instant.
    Absolute,
    /// `expires_in`, seconds.
    Seconds,
    #[default]
    None,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scopes {
    Space,
    Comma,
    #[default]
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    Always,
    Sometimes,
    Never,
    Unknown,
}

/// How a request ends access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revocation {
    Rfc7009,
    Delete,
    NeedsSecret,
    None,
}

/// What ends with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// Everything that the application was given for this company.
    Grant,
    Token,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Header {
    Bearer,
    Basic,
    ZohoOauthtoken,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompanyPlace {
    Header(String),
    Query(String),
    Path,
}

/// What a parameter of the redirect claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    Identity,
    DataCenter,
    Ignored,
}

#[derive(Debug, Clone, Deserialize)]
struct Credential {
    kind: Kind,
    #[serde(default)]
    pkce: Pkce,
    #[serde(default)]
    client_auth: ClientAuth,
    #[serde(default)]
    token_request: Body,
    #[serde(default)]
    expiry: Expiry,
    access_life: Option<String>,
    code_life: Option<String>,
    #[serde(default)]
    scopes: Scopes,
}

#[derive(Debug, Clone, Deserialize)]
struct Environment {
    name: String,
    authorize: Option<String>,
    token: Option<String>,
    status: Option<String>,
    revoke: Option<String>,
    #[serde(default)]
    extra: BTreeMap<String, String>,
    #[serde(default)]
    api_query: BTreeMap<String, String>,
    #[serde(default)]
    key_prefixes: Vec<String>,
    livemode: Option<Livemode>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Livemode {
    pub path: String,
    pub pointer: String,
    pub value: bool,
}

#[derive(Debug, Clone, Deserialize)]
struct Refresh {
    life: String,
    rotation: Rotation,
    grace: Option<String>,
    expires_field: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Api {
    pub authorization: Header,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub company: Option<CompanyPlace>,
}

#[derive(Debug, Clone, Deserialize)]
struct RevocationFile {
    kind: Revocation,
    ends: Ends,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Identity {
    pub path: String,
    pub list: Option<String>,
    pub id: String,
    pub name: String,
    pub permission: Option<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Status {
    pub scopes: String,
    pub tenant: String,
    pub client: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Permission {
    pub name: String,
    pub probe: Option<Probe>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Probe {
    pub path: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct RedirectParameter {
    pub name: String,
    pub verify: Claim,
}

#[derive(Deserialize)]
struct File {
    name: String,
    credential: Credential,
    environment: Vec<Environment>,
    refresh: Option<Refresh>,
    api: Api,
    revocation: RevocationFile,
    identity: Identity,
    status: Option<Status>,
    #[serde(default)]
    redirect_parameter: Vec<RedirectParameter>,
    #[serde(default)]
    permission: Vec<Permission>,
}

/// What a token answer carries that no field of the file states.
#[derive(Debug, Clone, Default)]
pub(super) struct Beyond {
    /// The field of a token answer that names the company.
    pub company_field: Option<&'static str>,
    /// Fields that are always the same.
    pub fixed: &'static [(&'static str, bool)],
}

fn beyond(name: &str) -> Beyond {
    match name {
        "square" => Beyond { company_field: Some("merchant_id"), fixed: &[("short_lived", false)] },
        _ => Beyond::default(),
    }
}

/// Renewing, in seconds.
#[derive(Debug, Clone)]
pub struct Renewing {
    pub rotation: Rotation,
    /// For so long after its use a refresh token still works; 0 is not at all.
    pub grace_seconds: i64,
    /// `None` = until it is ended.
    pub life_seconds: Option<i64>,
    /// The field of an answer that tells the life.
    pub life_field: Option<String>,
}

/// One environment of one provider, as its server sees it.
#[derive(Debug, Clone)]
pub struct Profile {
    pub name: String,
    pub environment: String,
    pub kind: Kind,
    pub pkce: Pkce,
    pub body: Body,
    pub client_auth: ClientAuth,
    pub expiry: Expiry,
    pub access_seconds: Option<i64>,
    /// How long a code can be exchanged; `None` where the file names no time.
    pub code_seconds: Option<i64>,
    pub scopes: Scopes,
    pub renewing: Option<Renewing>,
    pub revocation: Revocation,
    pub ends: Ends,
    /// Paths on this server, as on the real one.
    pub(super) authorize: Option<String>,
    pub(super) token: Option<String>,
    pub(super) status_path: Option<String>,
    pub(super) revoke: Option<String>,
    pub(super) extra: BTreeMap<String, String>,
    pub(super) api: Api,
    pub(super) api_query: BTreeMap<String, String>,
    pub(super) key_prefixes: Vec<String>,
    pub(super) livemode: Option<Livemode>,
    pub(super) identity: Identity,
    pub(super) status: Option<Status>,
    pub(super) permissions: Vec<Permission>,
    pub(super) claims: Vec<RedirectParameter>,
    pub(super) beyond: Beyond,
}

/// "30 minutes" as seconds, as the files write times.
fn seconds(text: &str) -> Result<i64, String> {
    let read = || {
        let (count, unit) = text.split_once(' ')?;
        let unit = match unit.strip_suffix('s').unwrap_or(unit) {
            "second" => 1,
            "minute" => 60,
            "hour" => 3_600,
            "day" => 86_400,
            "year" => 365 * 86_400,
            _ => return None,
        };
        count.parse::<i64>().ok()?.checked_mul(unit)
    };
    read().ok_or_else(|| format!("\"{text}\" is no time"))
}

fn maybe_seconds(text: &Option<String>) -> Result<Option<i64>, String> {
    text.as_deref().map(seconds).transpose()
}

fn path(address: &Option<String>) -> Result<Option<String>, String> {
    let read = |address: &String| Url::parse(address).map(|url| url.path().to_owned()).map_err(|problem| format!("{address}: {problem}"));
    address.as_ref().map(read).transpose()
}

impl Profile {
    /// Reads the text of a provider's file, for its environment `production` or `sandbox`.
    ///
    /// Errors, as one sentence: the file cannot be read, has no such environment, or lacks what its kind needs.
    pub fn read(text: &str, environment: &str) -> Result<Profile, String> {
        let file: File = toml::from_str(text).map_err(|problem| format!("The provider's file cannot be read: {problem}"))?;
        let File { name, credential, environment: all, refresh, api, revocation, identity, status, redirect_parameter, permission } = file;
        let here = all.into_iter().find(|one| one.name == environment).ok_or_else(|| format!("{name} has no environment \"{environment}\"."))?;
        let signs_in = matches!(credential.kind, Kind::OauthPkce | Kind::OauthOwnApp);
        if signs_in && (here.authorize.is_none() || refresh.is_none()) || (credential.kind != Kind::ApiKey && here.token.is_none()) {
            return Err(format!("The file of {name} lacks an address or the renewal that its kind needs."));
        }
        let renewing = match refresh {
            None => None,
            Some(refresh) => Some(Renewing {
                rotation: refresh.rotation,
                grace_seconds: maybe_seconds(&refresh.grace)?.unwrap_or(0),
                life_seconds: match refresh.life.as_str() {
                    "until revoked" | "unknown" => None,
                    life => Some(seconds(life)?),
                },
                life_field: refresh.expires_field,
            }),
        };
        Ok(Profile {
            kind: credential.kind,
            pkce: credential.pkce,
            body: credential.token_request,
            client_auth: credential.client_auth,
            expiry: credential.expiry,
            access_seconds: maybe_seconds(&credential.access_life)?,
            code_seconds: maybe_seconds(&credential.code_life)?,
            scopes: credential.scopes,
            renewing,
            revocation: revocation.kind,
            ends: revocation.ends,
            authorize: path(&here.authorize)?,
            token: path(&here.token)?,
            status_path: path(&here.status)?,
            revoke: path(&here.revoke)?,
            extra: here.extra,
            api,
            api_query: here.api_query,
            key_prefixes: here.key_prefixes,
            livemode: here.livemode,
            identity,
            status,
            permissions: permission,
            claims: redirect_parameter,
            beyond: beyond(&name),
            environment: here.name,
            name,
        })
    }

    /// The names of all permissions that the file explains.
    pub fn permissions(&self) -> Vec<String> {
        self.permissions.iter().map(|permission| permission.name.clone()).collect()
    }

    /// Whether a person signs in on a page.
    pub fn signs_in(&self) -> bool {
        match self.kind {
            Kind::OauthPkce | Kind::OauthOwnApp => true,
            Kind::ApiKey | Kind::ClientCredentials => false,
        }
    }
}
