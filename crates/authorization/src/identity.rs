//! Which company does this access belong to, and what may it do? Asked of the provider, never believed from a
//! redirect.
//!
//! Three sources must agree on the company: the token answer, the token status and the identity probe. The
//! probe is a GET; nothing here writes at the provider. How the answers are laid out is in the provider's file.

use crate::endpoints::{Endpoints, same_origin};
use crate::exchange::{Failure, TokenAnswer, not_sent_or_lost, read_body, wait};
use crate::grant::Tenant;
use crate::problems::{E_SIGN_IN_OTHER_COMPANY, unusable};
use crate::provider::{AuthorizationHeader, CompanyPlace, Credential, Provider};
use ledger::Problem;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

pub(crate) struct Known {
    /// Every company that the access reaches; one, except where the provider's file says that there can be several.
    pub tenants: Vec<Tenant>,
    pub permissions: Vec<String>,
}

/// What the identity is asked with.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub client_id: &'a str,
    pub permissions: &'a [String],
    /// The company that a redirect named. Nobody signed it: the answer must name the same one.
    pub company: Option<&'a str>,
}

pub(crate) async fn ask(provider: &Provider, endpoints: &Endpoints, answer: &TokenAnswer, asked: Asked<'_>) -> Result<Known, Problem> {
    let fail = |failure: Failure| failure.problem(provider);
    let title = &provider.title;
    let mut ids: Vec<String> = answer.tenant_id.iter().cloned().collect();
    ids.extend(asked.company.map(str::to_string));

    // Absent scopes in the answer mean "as asked" (RFC 6749 §5.1), unless the status tells better.
    let mut permissions = answer.scopes.clone().unwrap_or_else(|| asked.permissions.to_vec());
    if let (Some(status), Some(address)) = (&provider.status, &endpoints.status) {
        let http = endpoints.client()?;
        let request = signed(provider, http.post(address.clone()), &answer.tokens.access);
        let Told::Json(told) = fetch(request).await.map_err(fail)? else {
            return Err(unusable(title, "It refused to tell what the access that it had just given may do."));
        };
        let scopes = told.pointer(&status.scopes).and_then(Value::as_array);
        let Some(scopes) = scopes else {
            return Err(unusable(title, "It did not tell which permissions it gave."));
        };
        permissions = scopes.iter().filter_map(Value::as_str).map(str::to_string).collect();
        if told.pointer(&status.client).and_then(Value::as_str).is_some_and(|told| told != asked.client_id) {
            return Err(unusable(title, "The access that it gave belongs to another application."));
        }
        ids.extend(text(&told, &status.tenant));
    }

    let identity = &provider.identity;
    let named = asked.company.map(|id| Tenant { id: id.to_string(), name: String::new() });
    let told = get(provider, endpoints, &answer.tokens.access, &identity.path, named.as_ref()).await?;
    let told = match told {
        Told::Json(told) => Some(told),
        // Without the permission the name stays unknown; the id is known from the other two sources.
        // A company that only a redirect claimed is no company until the provider itself has named it.
        Told::Refused | Told::Forbidden if asked.company.is_none() && identity.permission.as_ref().is_some_and(|needed| !permissions.contains(needed)) => None,
        // A key that a person made is the first thing to look at; trying again later would not help.
        Told::Refused | Told::Forbidden if matches!(provider.credential, Credential::ApiKey(_)) => return Err(crate::key::not_taken(provider)),
        Told::Refused | Told::Forbidden => return Err(unusable(title, "It refused to tell which company the access belongs to.")),
    };
    let no_company = || unusable(title, "It did not tell which company the access belongs to.");
    if let (Some(list), Some(told)) = (&identity.list, &told) {
        let all = told.pointer(list).and_then(Value::as_array).ok_or_else(no_company)?;
        let tenants: Option<Vec<Tenant>> = all.iter().map(|one| Some(Tenant { id: text(one, &identity.id)?, name: text(one, &identity.name).unwrap_or_default() })).collect();
        // One without an id could be any company, so none of them can be told apart from it.
        let tenants = tenants.filter(|all| !all.is_empty()).ok_or_else(no_company)?;
        if ids.iter().any(|id| tenants.iter().all(|tenant| tenant.id != *id)) {
            return Err(unusable(title, "It named different companies for the same access."));
        }
        return Ok(Known { tenants, permissions });
    }
    ids.extend(told.as_ref().and_then(|told| text(told, &identity.id)));
    let name = told.as_ref().and_then(|told| text(told, &identity.name)).unwrap_or_default();
    let Some(id) = ids.first().cloned() else {
        return Err(no_company());
    };
    if ids.iter().any(|other| *other != id) {
        return Err(unusable(title, "It named different companies for the same access."));
    }
    Ok(Known { tenants: vec![Tenant { id, name }], permissions })
}

/// The company that is meant among those that one access reaches: the one from before, or the only one. The first of several is
/// returned when the one from before is not among them, so that the caller can name what was given instead.
pub(crate) fn choose(provider: &Provider, reached: &[Tenant], expected: Option<&Tenant>) -> Result<Tenant, Problem> {
    let first = reached.first().ok_or_else(|| unusable(&provider.title, "It did not tell which company the access belongs to."))?;
    match expected {
        Some(expected) => Ok(reached.iter().find(|one| one.id == expected.id).unwrap_or(first).clone()),
        None if reached.len() == 1 => Ok(first.clone()),
        None => {
            let names: Vec<String> = reached.iter().take(NAMES_MAX).map(Tenant::shown).collect();
            Err(Problem::new(
                E_SIGN_IN_OTHER_COMPANY,
                format!("This sign-in to {} reaches {} companies, and only one can be meant.", provider.title, reached.len()),
                format!("It reaches {}.", names.join(", ")),
                format!("Sign in again and tick only the one company on {}'s page. Nothing was stored.", provider.title),
            ))
        }
    }
}

/// Companies that are named in one sentence.
const NAMES_MAX: usize = 5;

/// A request with the access in the form that the provider takes.
pub(crate) fn signed(provider: &Provider, request: reqwest::RequestBuilder, access: &SecretString) -> reqwest::RequestBuilder {
    let mut request = match provider.api.authorization {
        AuthorizationHeader::Bearer => request.bearer_auth(access.expose_secret()),
        AuthorizationHeader::Basic => request.basic_auth(access.expose_secret(), Some("")),
        AuthorizationHeader::ZohoOauthtoken => {
            let value = reqwest::header::HeaderValue::from_str(&format!("Zoho-oauthtoken {}", access.expose_secret()));
            match value {
                Ok(mut value) => {
                    value.set_sensitive(true);
                    request.header(reqwest::header::AUTHORIZATION, value)
                }
                // What cannot be a header goes unsigned, and the provider refuses it.
                Err(_) => request,
            }
        }
    };
    for (name, value) in &provider.api.headers {
        request = request.header(name.as_str(), value.as_str());
    }
    request
}

/// A GET below the provider's API, for the company where the provider wants it said.
pub(crate) async fn get(provider: &Provider, endpoints: &Endpoints, access: &SecretString, path: &str, company: Option<&Tenant>) -> Result<Told, Problem> {
    let malformed = || unusable(&provider.title, "The address that tells which company it is cannot be formed.");
    let path = match company {
        Some(company) => path.replace("{company}", &percent(&company.id)),
        None => path.to_string(),
    };
    let mut url = endpoints.api_base.join(&path).ok().filter(|url| same_origin(url, &endpoints.api_base)).ok_or_else(malformed)?;
    if path.contains("{company}") {
        return Err(malformed());
    }
    let mut headers: Vec<(&str, &str)> = Vec::new();
    if let (Some(place), Some(company)) = (&provider.api.company, company) {
        match place {
            CompanyPlace::Header(name) => headers.push((name, &company.id)),
            CompanyPlace::Query(name) => {
                url.query_pairs_mut().append_pair(name, &company.id);
            }
            CompanyPlace::Path => {}
        }
    }
    for (name, value) in &endpoints.api_query {
        url.query_pairs_mut().append_pair(name, value);
    }
    let mut request = signed(provider, endpoints.client()?.get(url), access).header("accept", "application/json");
    for (name, value) in provider.identity.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).chain(headers) {
        request = request.header(name, value);
    }
    fetch(request).await.map_err(|failure| failure.problem(provider))
}

/// An id as one part of a path: it must not add parts of its own.
fn percent(id: &str) -> String {
    id.bytes().map(|byte| if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Some providers write ids as numbers; as text they are the same id.
fn text(told: &Value, pointer: &str) -> Option<String> {
    match told.pointer(pointer)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        Value::String(_) | Value::Number(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

pub(crate) enum Told {
    Json(Value),
    /// 401: the access itself is not taken.
    Refused,
    /// 403: the access is taken, and may not do this.
    Forbidden,
}

async fn fetch(request: reqwest::RequestBuilder) -> Result<Told, Failure> {
    let answer = request.send().await.map_err(|error| not_sent_or_lost(&error))?;
    let status = answer.status().as_u16();
    let after_seconds = wait(answer.headers());
    match status {
        200..=299 => {
            let body = read_body(answer).await?;
            serde_json::from_slice(&body)
                .map(Told::Json)
                .map_err(|_| Failure::NotAnAnswer { status })
        }
        401 => Ok(Told::Refused),
        403 => Ok(Told::Forbidden),
        429 => Err(Failure::Busy { after_seconds }),
        500..=599 => Err(Failure::Lost { after_seconds }),
        _ => Err(Failure::OtherError),
    }
}
