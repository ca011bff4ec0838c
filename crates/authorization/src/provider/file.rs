//! The shape of a provider's file, before anything in it was compared.
//!
//! Separate from the facts so that those are free to change. What belongs to one kind of credential only is optional
//! here; `check.rs` says what is missing or stands where it has no meaning. Unknown fields are refused everywhere.

use super::facts::*;
use crate::endpoints::{Livemode, LoopbackHost};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub name: Spanned<String>,
    pub title: Spanned<String>,
    pub checked: Spanned<String>,
    pub without_sandbox: Option<Spanned<String>>,
    pub without_permissions: Option<Spanned<String>>,
    pub credential: Spanned<CredentialFile>,
    pub environment: Vec<Spanned<EnvironmentFile>>,
    pub refresh: Option<Spanned<RefreshFile>>,
    pub key: Option<Spanned<KeyFile>>,
    pub api: Spanned<Api>,
    pub revocation: Spanned<RevocationFile>,
    pub identity: Spanned<Identity>,
    pub status: Option<Spanned<Status>>,
    pub limits: Spanned<Limits>,
    pub guide: Spanned<Guide>,
    #[serde(default)]
    pub redirect_parameter: Vec<Spanned<RedirectParameter>>,
    #[serde(default)]
    pub permission: Vec<Spanned<Permission>>,
    #[serde(default)]
    pub retiring: Vec<Spanned<RetiringPermission>>,
    #[serde(default)]
    pub deadline: Vec<Spanned<Deadline>>,
    #[serde(default)]
    pub unverified: Vec<Spanned<Unverified>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialFile {
    pub kind: CredentialKind,
    pub pkce: Option<Spanned<Pkce>>,
    pub client_auth: Option<Spanned<ClientAuth>>,
    pub token_request: Option<Spanned<TokenRequest>>,
    pub expiry: Option<Spanned<Expiry>>,
    pub access_life: Option<Spanned<Life>>,
    pub code_life: Option<Spanned<Life>>,
    pub scopes: Option<Spanned<ScopeList>>,
    pub errors_with_success: Option<Spanned<bool>>,
    pub refused: Option<Spanned<Vec<String>>>,
    pub app_refused: Option<Spanned<Vec<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EnvironmentFile {
    pub name: Spanned<String>,
    pub authorize: Option<Spanned<String>>,
    pub token: Option<Spanned<String>>,
    pub status: Option<Spanned<String>>,
    pub revoke: Option<Spanned<String>>,
    pub iss: Option<Spanned<String>>,
    pub api_base: Spanned<String>,
    pub hosts: Spanned<Vec<String>>,
    #[serde(default)]
    pub redirects: Vec<Spanned<RedirectFile>>,
    #[serde(default)]
    pub extra: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    pub api_query: BTreeMap<String, String>,
    #[serde(default)]
    pub key_prefixes: Vec<String>,
    pub livemode: Option<Spanned<Livemode>>,
    #[serde(default)]
    pub data_center: Vec<Spanned<DataCenterFile>>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum RedirectFile {
    Loopback {
        host: LoopbackHost,
        #[serde(default)]
        ports: Vec<u16>,
    },
    // With braces: without them serde would overlook further fields.
    Paste {},
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DataCenterFile {
    pub name: Spanned<String>,
    pub accounts: Spanned<String>,
    pub api_base: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshFile {
    /// A time, "until revoked" or "unknown".
    pub life: Spanned<String>,
    pub since: Option<Since>,
    pub cap: Option<Life>,
    pub rotation: Rotation,
    pub grace: Option<Life>,
    pub expires_field: Option<ExpiresField>,
    pub renew_before_end: Life,
    pub renew_at_least_every: Option<Life>,
    pub warn_before_end: Option<Life>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyFile {
    pub called: String,
    #[serde(default)]
    pub refused: Vec<RefusedKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RevocationFile {
    pub kind: RevocationKind,
    pub ends: Ends,
    pub why: String,
    pub page: String,
    pub page_says: String,
}
