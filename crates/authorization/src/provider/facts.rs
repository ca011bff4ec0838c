//! The facts that a provider's file can state, as types.
//!
//! Data only: nothing here reads a file, asks a provider or decides anything. Every enum is closed, so that a word
//! which this program does not know refuses the file. A new fact is a field here, its counterpart in `file.rs`, its
//! check in `check.rs` and a row in `docs/provider-files.md`.

use crate::problems::shown;
use jiff::SignedDuration;
use jiff::civil::Date;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// How one gets access, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// Browser sign-in with PKCE and no client secret.
    OauthPkce,
    /// Browser sign-in with a developer app of the user's own: client id and secret.
    OauthOwnApp,
    /// A key that the user makes at the provider.
    ApiKey,
    /// A client id and secret of the user's own which are exchanged for short-lived access, without a browser.
    ClientCredentials,
}

impl CredentialKind {
    pub fn name(self) -> &'static str {
        match self {
            CredentialKind::OauthPkce => "oauth_pkce",
            CredentialKind::OauthOwnApp => "oauth_own_app",
            CredentialKind::ApiKey => "api_key",
            CredentialKind::ClientCredentials => "client_credentials",
        }
    }
}

/// How one gets access, with what that kind needs.
#[derive(Debug, Clone)]
pub enum Credential {
    OauthPkce(SignInFacts),
    OauthOwnApp(SignInFacts),
    ApiKey(KeyFacts),
    ClientCredentials { token: TokenFacts, key: KeyFacts },
}

/// A sign-in in the browser.
#[derive(Debug, Clone)]
pub struct SignInFacts {
    pub token: TokenFacts,
    pub pkce: Pkce,
    /// How long the code of the redirect can be exchanged; `None` where nobody documents it.
    pub code_life: Option<Life>,
    pub scopes: ScopeList,
    pub refresh: Refresh,
}

/// The token endpoint.
#[derive(Debug, Clone)]
pub struct TokenFacts {
    pub request: TokenRequest,
    pub client_auth: ClientAuth,
    pub expiry: Expiry,
    /// As documented; used where an answer does not tell. `None` exactly for [`Expiry::None`].
    pub access_life: Option<Life>,
    /// Refusals can arrive with status 200.
    pub errors_with_success: bool,
    /// Error codes which mean that this sign-in is over.
    pub refused: Vec<String>,
    /// Error codes which mean that the application itself is not known.
    pub app_refused: Vec<String>,
}

/// A key that a person makes and enters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFacts {
    /// What the provider calls it: "restricted key".
    pub called: String,
    /// Keys that are not taken although the provider would accept them.
    pub refused: Vec<RefusedKey>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusedKey {
    pub prefix: String,
    pub why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenRequest {
    Json,
    Form,
}

/// How the token request proves the application. There is no secret where there is nothing to keep it from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// Only the client id is sent.
    NoSecret,
    /// `Authorization: Basic`.
    Basic,
    /// `client_id` and `client_secret` in the body.
    Body,
}

/// How the answer tells when access ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expiry {
    /// `expires_at` and `refresh_token_expires_at` as instants.
    Absolute,
    /// `expires_in` and a field of the refresh token's own, in seconds.
    Seconds,
    /// Access has no end.
    None,
}

/// The method is always S256; "plain" is not a value on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pkce {
    /// Sent, and the provider is known to check it.
    Required,
    /// Sent as a further defence, and not relied on.
    Sent,
    None,
}

/// How several permissions are written into one parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeList {
    Space,
    Comma,
    /// Permissions are not asked for at all.
    None,
}

/// Renewing access with a refresh token.
#[derive(Debug, Clone)]
pub struct Refresh {
    pub life: RefreshLife,
    /// However often it is renewed, a person must sign in again after this time.
    pub cap: Option<Life>,
    pub rotation: Rotation,
    /// How long a used refresh token still works; `None` = not at all, as far as is known.
    pub grace: Option<Life>,
    /// Where the answer tells the refresh token's life in seconds.
    pub expires_field: Option<ExpiresField>,
    /// Renew this long before the access ends.
    pub renew_before_end: Life,
    /// Renew when the access is this old, even if it would live longer.
    pub renew_at_least_every: Option<Life>,
    /// Tell a person this long before only a person can renew it.
    pub warn_before_end: Option<Life>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshLife {
    Ends { after: Life, since: Since },
    UntilRevoked,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Since {
    Issue,
    LastUse,
}

/// The fields of a token answer that are read for it; a name that is not read must not seem to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpiresField {
    RefreshTokenExpiresIn,
    XRefreshTokenExpiresIn,
}

/// Whether a renewal returns a new refresh token in place of the one that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    Always,
    /// The newest one that was returned must be kept; it may be the same.
    Sometimes,
    Never,
    Unknown,
}

/// A time that a provider states, written as "30 minutes".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Life(u32);

impl Life {
    pub fn seconds(self) -> u32 {
        self.0
    }

    pub fn duration(self) -> SignedDuration {
        SignedDuration::from_secs(i64::from(self.0))
    }
}

/// Units of a [`Life`], largest first. A year is counted as 365 days, so that a warning comes early and not late.
const UNITS: &[(&str, u32)] = &[
    ("year", 365 * 86_400),
    ("day", 86_400),
    ("hour", 3600),
    ("minute", 60),
    ("second", 1),
];

impl TryFrom<String> for Life {
    type Error = String;

    fn try_from(text: String) -> Result<Life, String> {
        let read = || {
            let (count, unit) = text.split_once(' ')?;
            let unit = unit.strip_suffix('s').unwrap_or(unit);
            let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
            let count: u32 = count.parse().ok()?;
            count.checked_mul(*seconds).filter(|life| *life > 0).map(Life)
        };
        read().ok_or_else(|| format!("\"{}\" is not a time like \"30 minutes\"", shown(&text)))
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, seconds) = UNITS.iter().find(|(_, s)| self.0.is_multiple_of(*s)).unwrap_or(&("second", 1));
        let count = self.0 / seconds;
        write!(f, "{count} {name}{}", if count == 1 { "" } else { "s" })
    }
}

/// A day, or a month where the provider names no day; written "2027-09-30" or "2027-09".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct When {
    /// The day; the first one of the month where only that is known, so that a warning comes early.
    pub day: Date,
    pub day_is_known: bool,
}

impl TryFrom<String> for When {
    type Error = String;

    fn try_from(text: String) -> Result<When, String> {
        let (full, day_is_known) = match text.len() {
            7 => (format!("{text}-01"), false),
            _ => (text.clone(), true),
        };
        full.parse()
            .map(|day| When { day, day_is_known })
            .map_err(|_| format!("\"{}\" is neither a day like 2027-09-30 nor a month like 2027-09", shown(&text)))
    }
}

/// How requests to the API are made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    pub authorization: AuthorizationHeader,
    /// Headers that every request must carry.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Where a request says which company it is for; `None` where the access says it.
    pub company: Option<CompanyPlace>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorizationHeader {
    /// `Bearer TOKEN`.
    Bearer,
    /// `Basic`, with the key as the user name and an empty password.
    Basic,
    /// `Zoho-oauthtoken TOKEN`.
    ZohoOauthtoken,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompanyPlace {
    Header(String),
    Query(String),
    /// Part of the path, as `{company}`.
    Path,
}

/// Where the provider says which company a token belongs to. `list`, `id` and `name` are JSON pointers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// May hold `{company}`, for the id that a redirect named and that is to be proved.
    pub path: String,
    /// The list of companies that one access reaches ("" = the answer itself); `None` where it reaches one.
    /// With a list, `id` and `name` are read in each of its elements.
    pub list: Option<String>,
    pub id: String,
    pub name: String,
    /// Without this permission the probe is refused, and the company's name stays unknown.
    pub permission: Option<String>,
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

/// A parameter that the redirect carries beside code and state. Nobody signs it, so it is never believed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedirectParameter {
    pub name: String,
    /// What it claims.
    pub says: String,
    pub verify: Verify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    /// The identity probe for this company must succeed and name the same id.
    Identity,
    /// It must be one of the environment's data centres, to the letter.
    DataCenter,
    /// It is not used.
    Ignored,
}

/// Ending access at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationFacts {
    pub kind: RevocationKind,
    /// Whether a request can end it, with what this kind of credential holds.
    pub possible: bool,
    pub ends: Ends,
    /// What can or cannot be ended, in a sentence.
    pub why: String,
    /// Where a person can end it.
    pub page: String,
    pub page_says: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationKind {
    /// The token is posted to the revocation address (RFC 7009).
    Rfc7009,
    /// A DELETE on the revocation address.
    Delete,
    /// There is an address, and it asks for a secret that this kind of credential does not have.
    NeedsSecret,
    /// No request ends it.
    None,
}

/// What ends with it. Where it is the whole grant, an older token must not be ended while a newer one is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// Everything that was ever given to this application for this company.
    Grant,
    Token,
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Our own pace, at or below what is published.
    pub requests_per_second: u32,
    /// Our own number of requests at a time.
    pub parallel: u32,
    /// What the provider, or somebody who knows it, says. Empty: no number is known.
    #[serde(default)]
    pub quota: Vec<Quota>,
    #[serde(default)]
    pub concurrent: Vec<Concurrent>,
    pub busy: Busy,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    pub requests: u32,
    pub per: Period,
    /// Per whom it is counted, in words: "company".
    pub of: String,
    /// The only requests that it counts, in words, where it is not all of them.
    pub only: Option<String>,
    pub source: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concurrent {
    pub requests: u32,
    pub of: String,
    pub source: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Second,
    Minute,
    Hour,
    Day,
}

impl Period {
    pub fn seconds(self) -> u32 {
        match self {
            Period::Second => 1,
            Period::Minute => 60,
            Period::Hour => 3600,
            Period::Day => 86_400,
        }
    }
}

/// Whether a refusal for too many requests says how long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Busy {
    /// It carries `Retry-After`.
    RetryAfter,
    /// It does not.
    Silent,
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    pub name: String,
    /// One sentence: what Changeover does with it.
    #[serde(rename = "for")]
    pub purpose: String,
    /// What the provider's page calls it, for keys that a person makes.
    pub shown_as: Option<String>,
    /// A request that succeeds only with this permission.
    pub probe: Option<Probe>,
    /// Why there is no such request.
    pub no_probe: Option<String>,
}

/// A request that reads; probing must never change anything at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    pub method: ProbeMethod,
    /// Path and query below the API's address.
    pub path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ProbeMethod {
    Get,
}

/// An older, broad permission that gives what several present ones give. It is never asked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetiringPermission {
    pub name: String,
    /// The present permissions that it contains.
    pub covers: Vec<String>,
    /// When it stops; `None` where no day is announced.
    pub on: Option<When>,
    pub why: String,
    pub source: String,
}

/// How a person makes what is entered here: an app of their own, or a key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guide {
    pub page: String,
    /// Numbered where they are shown.
    pub steps: Vec<String>,
    /// Putting a new key or secret in the place of the old one without a gap.
    pub replace: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadline {
    pub what: String,
    pub on: Option<When>,
    pub source: String,
}

/// An unconfirmed fact, and why it counts as unconfirmed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unverified {
    pub fact: String,
    pub source: String,
    /// The ends that it puts in doubt, if any; the calendar says so beside their day.
    pub about: Option<About>,
}

/// What an unconfirmed fact puts in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// When a sign-in or key ends.
    SignInEnd,
    /// Which permissions are retired, and when.
    Retiring,
}
