//! What access is good for: the token status, the company's name, the request that proves each permission, and one more to try.
//!
//! Every answer is laid out as the provider's file points at it. A request without the headers, the company or the fixed parameters of the
//! file is refused. Nothing here changes anything. A further kind of answer is one arm in `read`.

use super::profile::{CompanyPlace, Header, Kind};
use super::{Asked, At, Shared, refused};
use crate::square::answers::json;
use crate::wire::{self, bearer, lock, only, text};
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;

/// A request that every good access may make, at every provider.
pub const READ: &str = "/practice/read";

/// Puts a value where a JSON pointer points; a number in the pointer is a place in a list.
fn place(at: &mut Value, pointer: &str, value: Value) {
    let mut at = at;
    for part in pointer.split('/').skip(1) {
        at = match part.parse::<usize>() {
            Ok(index) => {
                if !at.is_array() {
                    *at = json!([]);
                }
                let Some(list) = at.as_array_mut() else { return };
                list.resize(list.len().max(index + 1), Value::Null);
                &mut list[index]
            }
            Err(_) => {
                if !at.is_object() {
                    *at = json!({});
                }
                &mut at[part.replace("~1", "/").replace("~0", "~")]
            }
        };
    }
    *at = value;
}

/// What a good access or key may do, and for which companies.
struct May {
    companies: Vec<(String, String)>,
    scopes: Vec<String>,
}

fn may(shared: &Shared, asked: &Asked) -> Option<May> {
    let rules = lock(&shared.rules);
    if rules.refuse_all_access {
        return None;
    }
    let proof = text(&asked.headers, header::AUTHORIZATION)?;
    let given = match shared.profile.api.authorization {
        Header::Bearer => bearer(&asked.headers)?.to_owned(),
        Header::ZohoOauthtoken => proof.strip_prefix("Zoho-oauthtoken ")?.to_owned(),
        Header::Basic => rules.keys.keys().find(|key| wire::basic(key, "") == proof)?.clone(),
    };
    match shared.profile.kind {
        Kind::ApiKey => rules.keys.get(&given).map(|scopes| May { companies: rules.companies(), scopes: scopes.iter().cloned().collect() }),
        Kind::OauthPkce | Kind::OauthOwnApp | Kind::ClientCredentials => {
            let store = lock(&shared.store);
            store.family_of(&given, shared.now()).map(|family| May { companies: family.companies.clone(), scopes: family.scopes.clone() })
        }
    }
}

fn unauthorized() -> Box<Response> {
    refused(StatusCode::UNAUTHORIZED, "UNAUTHORIZED")
}

pub(super) fn status(shared: &Shared, asked: &Asked) -> Result<Response, Box<Response>> {
    let may = may(shared, asked).ok_or_else(unauthorized)?;
    let Some(layout) = &shared.profile.status else { return Err(refused(StatusCode::NOT_FOUND, "not_found")) };
    let mut told = json!({"expires_at": "2030-01-01T00:00:00Z"});
    place(&mut told, &layout.scopes, json!(may.scopes));
    place(&mut told, &layout.tenant, json!(may.companies[0].0));
    place(&mut told, &layout.client, json!(lock(&shared.rules).client.0));
    Ok(json(StatusCode::OK, &told))
}

/// The file's path with its query, and whether this request is for it.
fn is_for(asked: &Asked, path: &str) -> bool {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    asked.path == path && wire::pairs(query.as_bytes()).into_iter().all(|(name, value)| only(&asked.query, &name) == Some(value))
}

pub(super) async fn read(shared: &Arc<Shared>, asked: &Asked) -> Result<Response, Box<Response>> {
    let profile = &shared.profile;
    if asked.path == READ {
        lock(&shared.seen).api_calls += 1;
        shared.stop(At::Used).await;
        let may = may(shared, asked).ok_or_else(unauthorized)?;
        if let Some(CompanyPlace::Header(name)) = &profile.api.company {
            let named = text(&asked.headers, name.as_str());
            if !may.companies.iter().any(|(id, _)| Some(id.as_str()) == named) {
                return Err(shared.wrong_request("the request does not say for which company it is"));
            }
        }
        return Ok(json(StatusCode::OK, &json!({"payments": []})));
    }
    let company = |id: &str| profile.identity.path.replace("{company}", id);
    let for_identity = match profile.identity.path.contains("{company}") {
        true => asked.path.starts_with(profile.identity.path.split("{company}").next().unwrap_or_default()),
        false => is_for(asked, &profile.identity.path),
    };
    let probes: Vec<&str> = profile.permissions.iter().filter(|one| one.probe.as_ref().is_some_and(|probe| is_for(asked, &probe.path))).map(|one| one.name.as_str()).collect();
    let for_livemode = profile.livemode.as_ref().filter(|mark| is_for(asked, &mark.path));
    if !for_identity && probes.is_empty() && for_livemode.is_none() {
        lock(&shared.seen).strays.push(asked.path.clone());
        return Err(refused(StatusCode::NOT_FOUND, "not_found"));
    }
    if asked.method != Method::GET {
        return Err(shared.wrong_request("only reading is allowed here"));
    }
    let may = may(shared, asked).ok_or_else(unauthorized)?;
    let headers = profile.api.headers.iter().chain(profile.identity.headers.iter().filter(|_| for_identity));
    for (name, value) in headers {
        if text(&asked.headers, name.as_str()) != Some(value) {
            return Err(shared.wrong_request(format!("the header {name} of the file is missing")));
        }
    }
    for (name, value) in &profile.api_query {
        if only(&asked.query, name).as_ref() != Some(value) {
            return Err(shared.wrong_request(format!("the parameter {name} of this environment is missing")));
        }
    }
    if let Some(mark) = for_livemode {
        let mut told = json!({});
        place(&mut told, &mark.pointer, json!(lock(&shared.rules).live.unwrap_or(mark.value)));
        return Ok(json(StatusCode::OK, &told));
    }
    if for_identity {
        return identity(shared, asked, &may, &company);
    }
    match probes.iter().any(|name| may.scopes.iter().any(|scope| scope == name)) {
        true => Ok(json(StatusCode::OK, &json!({"data": []}))),
        false => Err(refused(StatusCode::FORBIDDEN, "this access may not")),
    }
}

fn identity(shared: &Shared, asked: &Asked, may: &May, company: &dyn Fn(&str) -> String) -> Result<Response, Box<Response>> {
    let layout = &shared.profile.identity;
    // Where permissions are not asked for, the access may do everything.
    let allowed = |needed: &String| may.scopes.contains(needed);
    if layout.permission.as_ref().is_some_and(|needed| !allowed(needed)) {
        return Err(refused(StatusCode::FORBIDDEN, "this access may not"));
    }
    let mut companies = may.companies.clone();
    if let Some(other) = lock(&shared.rules).probe_merchant.clone() {
        companies = vec![other];
    }
    if layout.path.contains("{company}") && !may.companies.iter().any(|(id, _)| asked.path == company(id)) {
        return Err(refused(StatusCode::FORBIDDEN, "another company"));
    }
    let one = |(id, name): &(String, String)| {
        let mut told = json!({});
        place(&mut told, &layout.id, json!(id));
        place(&mut told, &layout.name, json!(name));
        told
    };
    let told = match &layout.list {
        None => one(&companies[0]),
        Some(pointer) => {
            let mut told = json!({});
            place(&mut told, pointer, Value::Array(companies.iter().map(one).collect()));
            told
        }
    };
    Ok(json(StatusCode::OK, &told))
}
