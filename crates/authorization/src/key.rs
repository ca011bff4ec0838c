//! Access by a key that a person makes at the provider, or by the id and secret of their own application, without a browser.
//!
//! The key proves itself before anything is kept: the right environment, the same company as before, and each
//! permission by a request that reads and works only with it. The access from before stays as it is meanwhile.
//! It must never send a key to another host than the provider's, and never repeat one in a text.

use crate::app::AppSecret;
use crate::endpoints::{Endpoints, Environment};
use crate::exchange::{self, App, TokenAnswer};
use crate::grant::{Grant, GrantFacts, Tenant, Tokens};
use crate::identity::{self, Asked};
use crate::problems::{E_SIGN_IN_REFUSED, unusable};
use crate::provider::{Credential, KeyFacts, Permission, Provider};
use crate::sign_in::other_company;
use crate::Clock;
use ledger::Problem;
use secrecy::{ExposeSecret, SecretString};

/// The longest key that is taken.
const KEY_MAX: usize = 4096;

/// Where a key is for, and what it must be able to do.
#[derive(Clone)]
pub struct KeyEntry {
    pub provider: Provider,
    pub endpoints: Endpoints,
    /// The id of the person's own application; empty where there is only a key.
    pub client_id: String,
    pub permissions: Vec<String>,
    /// The company that the connection already belongs to. `None` only for a new connection.
    pub expect_tenant: Option<Tenant>,
    pub clock: Clock,
}

/// Proves a key, or the secret of an application, and turns it into a grant. Nothing is stored.
///
/// Errors: `E-SIGN-IN-REFUSED` for a key of the wrong kind or environment or one that the provider does not take,
/// `E-SIGN-IN-OTHER-COMPANY`, `E-SIGN-IN-APP`, `E-SIGN-IN-NETWORK`, `E-SIGN-IN-PROVIDER`, `E-PROVIDER`.
pub async fn accept_key(entry: KeyEntry, secret: SecretString) -> Result<Grant, Problem> {
    entry.endpoints.check()?;
    entry.provider.check_permissions(&entry.permissions)?;
    let (answer, app) = match &entry.provider.credential {
        Credential::ApiKey(facts) => (taken(&entry, facts, &secret)?, None),
        Credential::ClientCredentials { .. } => {
            let app = AppSecret::entered(&entry.provider, &secret)?;
            let with = App { id: &entry.client_id, secret: Some(&app.0) };
            let answer = exchange::client_credentials(&entry.provider, &entry.endpoints, with, (entry.clock)())
                .await
                .map_err(|failure| failure.problem(&entry.provider))?;
            (answer, Some(app))
        }
        Credential::OauthPkce(_) | Credential::OauthOwnApp(_) => {
            return Err(entry.provider.not_yet("Access is given there by signing in, not by a key."));
        }
    };
    right_world(&entry, &answer.tokens.access).await?;
    let asked = Asked { client_id: &entry.client_id, permissions: &entry.permissions, company: None };
    let known = identity::ask(&entry.provider, &entry.endpoints, &answer, asked).await?;
    let tenant = identity::choose(&entry.provider, &known.tenants, entry.expect_tenant.as_ref())?;
    if let Some(expected) = &entry.expect_tenant
        && expected.id != tenant.id
    {
        return Err(other_company(&entry.provider, expected, &tenant));
    }
    let mut granted = Vec::new();
    for name in &entry.permissions {
        let Some(permission) = entry.provider.permission(name) else { continue };
        if may(&entry, &answer, &tenant, permission, &known.permissions).await? {
            granted.push(name.clone());
        }
    }
    let missing = entry.permissions.iter().filter(|name| !granted.contains(name)).cloned().collect();
    let facts = GrantFacts {
        provider: entry.provider.name.clone(),
        environment: entry.endpoints.environment,
        client_id: entry.client_id.clone(),
        tenant,
        data_center: None,
        permissions: granted,
        missing,
        access_expires: answer.access_expires,
        refresh_expires: None,
        granted_at: (entry.clock)(),
    };
    Ok(Grant { tokens: answer.tokens, facts, kind: entry.provider.kind(), app })
}

/// The key as it is used: without blanks, of a kind that is taken, and of this environment as far as its beginning tells.
fn taken(entry: &KeyEntry, facts: &KeyFacts, secret: &SecretString) -> Result<TokenAnswer, Problem> {
    let provider = &entry.provider;
    let key = secret.expose_secret().trim();
    let refused = |why: String| {
        Problem::new(
            E_SIGN_IN_REFUSED,
            format!("This {} cannot be used.", facts.called),
            why,
            format!("Make a {} as the steps say, and enter it here.", facts.called),
        )
    };
    if key.is_empty() || key.len() > KEY_MAX || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(refused("It is empty, or contains blanks or signs that no key has; perhaps more than the key was copied.".into()));
    }
    if let Some(kind) = facts.refused.iter().find(|kind| key.starts_with(&kind.prefix)) {
        return Err(refused(kind.why.clone()));
    }
    let prefixes = &entry.endpoints.key_prefixes;
    if !prefixes.is_empty() && !prefixes.iter().any(|prefix| key.starts_with(prefix)) {
        let mut others = provider.environments().filter_map(|other| provider.endpoints(other).ok());
        let of_another = others.find(|other| other.key_prefixes.iter().any(|prefix| key.starts_with(prefix)));
        return Err(refused(match of_another {
            Some(other) => format!("It is a key for {}, and this connection is for {}.", world(other.environment), world(entry.endpoints.environment)),
            None => format!("A {} of {} begins with {}.", facts.called, provider.title, prefixes.join(" or ")),
        }));
    }
    Ok(TokenAnswer {
        tokens: Tokens { access: SecretString::from(key), refresh: None },
        access_expires: None,
        refresh_expires: None,
        tenant_id: None,
        scopes: None,
    })
}

fn world(environment: Environment) -> &'static str {
    match environment {
        Environment::Production => "real money",
        Environment::Sandbox => "the provider's test world",
        Environment::Practice => "practice",
    }
}

/// Where the provider says by itself whether access is for real money, it must be the connection's kind.
async fn right_world(entry: &KeyEntry, access: &SecretString) -> Result<(), Problem> {
    let Some(mark) = &entry.endpoints.livemode else { return Ok(()) };
    let title = &entry.provider.title;
    let told = identity::get(&entry.provider, &entry.endpoints, access, &mark.path, None).await?;
    let identity::Told::Json(told) = told else {
        return Err(not_taken(&entry.provider));
    };
    match told.pointer(&mark.pointer).and_then(serde_json::Value::as_bool) {
        Some(live) if live == mark.value => Ok(()),
        Some(live) => Err(Problem::new(
            E_SIGN_IN_REFUSED,
            format!("This access to {title} is for {}.", world(if live { Environment::Production } else { Environment::Sandbox })),
            format!("The connection is for {}, and the two are never mixed.", world(entry.endpoints.environment)),
            format!("Switch {title}'s page to the right one and make the key there."),
        )),
        None => Err(unusable(title, "It did not tell whether the access is for real money.")),
    }
}

pub(crate) fn not_taken(provider: &Provider) -> Problem {
    let called = provider.key().map_or("access", |key| key.called.as_str());
    Problem::new(
        E_SIGN_IN_REFUSED,
        format!("{} does not take this {called}.", provider.title),
        "It answered that the key is not valid, or may not even tell whose it is.",
        "Check that the whole key was copied and that it was not removed, or make a new one as the steps say.",
    )
}

/// Whether the access may do something, proved by the request that needs it.
async fn may(entry: &KeyEntry, answer: &TokenAnswer, tenant: &Tenant, permission: &Permission, told: &[String]) -> Result<bool, Problem> {
    let provider = &entry.provider;
    let Some(probe) = &permission.probe else {
        // Nothing can prove it; what the provider said of the access is all there is, and silence is no consent.
        return Ok(answer.scopes.is_some() && provider.is_granted(told, &permission.name));
    };
    match identity::get(provider, &entry.endpoints, &answer.tokens.access, &probe.path, Some(tenant)).await? {
        identity::Told::Json(_) => Ok(true),
        identity::Told::Forbidden => Ok(false),
        identity::Told::Refused => Err(not_taken(provider)),
    }
}
