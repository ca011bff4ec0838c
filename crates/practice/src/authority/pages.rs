//! What a person's browser sees: the page to sign in on, and the one on which a device's code is entered.
//!
//! Nobody has to press anything: the page sends the browser back at once, as the rules say. It must never send anybody to an address that is
//! neither https nor this computer. A further parameter of a redirect is one arm in `claimed`.

use super::profile::{Claim, Pkce, Profile, Scopes};
use super::tokens::{Code, Fields};
use super::{Asked, Iss, PkceRule, Shared, refused};
use crate::square::answers::{json, page};
use crate::wire::{lock, only};
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use serde_json::json;
use url::Url;

/// Where a device asks for a code, as at Zoho.
pub(super) const DEVICE_CODE: &str = "/oauth/v3/device/code";
/// Where its person enters it: `?user_code=…&answer=allow` or `deny`.
pub(super) const DEVICE: &str = "/practice/device";

/// What `slow_down` adds, for good (RFC 8628, 3.5).
const SLOWER: i64 = 5;

/// A device whose person has not come yet.
pub(super) struct Waiting {
    user_code: String,
    scopes: Vec<String>,
    ends: i64,
    interval: i64,
    polled: Option<i64>,
    answer: Option<bool>,
}

/// The permissions of a request, in the provider's way of writing several.
pub(super) fn scopes(profile: &Profile, asked: Option<&String>) -> Vec<String> {
    let between = match profile.scopes {
        Scopes::Space => ' ',
        Scopes::Comma => ',',
        Scopes::None => return Vec::new(),
    };
    asked.map(String::as_str).unwrap_or_default().split(between).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// What is wrong with the page's parameters, as the file sees it.
fn unlike_the_file(shared: &Shared, asked: &Fields) -> Option<String> {
    let profile = &shared.profile;
    let field = |name: &str| asked.get(name).map(String::as_str);
    if field("response_type") != Some("code") {
        return Some("the response type is not a code".into());
    }
    if field("state").is_none_or(|state| state.len() < 22) {
        return Some("the state is missing or too short".into());
    }
    if let Some((name, _)) = profile.extra.iter().find(|(name, value)| field(name) != Some(value)) {
        return Some(format!("the parameter {name} of the file is missing"));
    }
    let challenged = field("code_challenge").is_some_and(|challenge| challenge.len() == 43) && field("code_challenge_method") == Some("S256");
    match profile.pkce {
        Pkce::Required | Pkce::Sent if !challenged => return Some("a challenge with S256 belongs to the request".into()),
        Pkce::None if field("code_challenge").is_some() => return Some("no challenge belongs to the request".into()),
        Pkce::Required | Pkce::Sent | Pkce::None => {}
    }
    match profile.scopes {
        Scopes::None => field("scope").map(|_| "permissions are not asked for here".into()),
        Scopes::Space | Scopes::Comma => {
            let known = profile.permissions();
            let strange = scopes(profile, asked.get("scope")).into_iter().find(|one| !known.contains(one));
            strange.map(|one| format!("the permission \"{one}\" is not in the file"))
        }
    }
}

pub(super) fn authorize(shared: &Shared, asked: &Asked) -> Result<Response, Box<Response>> {
    if asked.method != Method::GET {
        return Err(shared.wrong_request("the page is opened with GET"));
    }
    let rules = lock(&shared.rules).clone();
    let fields: Fields = asked.query.iter().cloned().collect();
    if fields.len() != asked.query.len() {
        return Err(shared.wrong_request("a parameter of the page stands twice"));
    }
    if fields.get("client_id") != Some(&rules.client.0) {
        return Err(shared.wrong_request("the application is not known"));
    }
    // Until the address is known to be harmless, nobody is sent anywhere.
    let back = fields.get("redirect_uri").and_then(|uri| Url::parse(uri).ok());
    let harmless = |url: &Url| url.scheme() == "https" || matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let Some(mut back) = back.filter(harmless) else {
        return Err(shared.wrong_request("the address to return to is neither https nor this computer"));
    };
    if let Some(what) = unlike_the_file(shared, &fields) {
        return Err(shared.wrong_request(what));
    }
    let issued_by = match &rules.iss {
        Iss::Off => None,
        Iss::On => Some(shared.base.as_str().trim_end_matches('/').to_owned()),
        Iss::Wrong(other) => Some(other.clone()),
    };
    match &rules.deny {
        Some(error) => {
            back.query_pairs_mut().append_pair("error", error).append_pair("error_description", "user_denied");
        }
        None => {
            if rules.pkce == PkceRule::Enforced && !fields.contains_key("code_challenge") {
                return Err(shared.wrong_request("a challenge is demanded here"));
            }
            let code = shared.secret("code")?;
            lock(&shared.store).codes.insert(code.clone(), Code { asked: fields.clone(), at: shared.now() });
            back.query_pairs_mut().append_pair("code", &code).append_pair("response_type", "code");
            for claim in &shared.profile.claims {
                if !rules.redirect_extra.iter().any(|(name, _)| *name == claim.name) {
                    back.query_pairs_mut().append_pair(&claim.name, &claimed(shared, claim.verify, &rules.merchant.0));
                }
            }
        }
    }
    if let Some(state) = fields.get("state") {
        back.query_pairs_mut().append_pair("state", state);
    }
    if let Some(issuer) = issued_by {
        back.query_pairs_mut().append_pair("iss", &issuer);
    }
    for (name, value) in &rules.redirect_extra {
        back.query_pairs_mut().append_pair(name, value);
    }
    let mut response = page(StatusCode::FOUND, String::new());
    super::put(&mut response, header::LOCATION, back.as_str());
    Ok(response)
}

fn claimed(shared: &Shared, claim: Claim, company: &str) -> String {
    match claim {
        Claim::Identity => company.to_owned(),
        Claim::DataCenter => shared.base.as_str().trim_end_matches('/').to_owned(),
        Claim::Ignored => "us".to_owned(),
    }
}

/// RFC 8628, 3.1 and 3.2.
pub(super) fn device_code(shared: &Shared, asked: &Asked) -> Result<Response, Box<Response>> {
    let Some(device) = lock(&shared.rules).device else { return Err(refused(StatusCode::NOT_FOUND, "not_found")) };
    let fields = super::tokens::fields(shared, asked)?;
    if asked.method != Method::POST || fields.get("client_id") != Some(&lock(&shared.rules).client.0) {
        return Err(refused(StatusCode::UNAUTHORIZED, "invalid_client"));
    }
    let (code, long) = (shared.secret("device")?, shared.secret("user")?);
    let user_code: String = long.chars().rev().filter(char::is_ascii_alphanumeric).take(8).collect::<String>().to_ascii_uppercase();
    let address = shared.base.join(DEVICE).map(String::from).unwrap_or_default();
    let told = json!({
        "device_code": code, "user_code": user_code, "verification_uri": address,
        "verification_uri_complete": format!("{address}?user_code={user_code}"), "expires_in": device.expires_in, "interval": device.interval,
    });
    let waiting = Waiting {
        user_code,
        scopes: scopes(&shared.profile, fields.get("scope")),
        ends: shared.now() + device.expires_in,
        interval: device.interval,
        polled: None,
        answer: None,
    };
    lock(&shared.store).waiting.insert(code, waiting);
    Ok(json(StatusCode::OK, &told))
}

/// The person's answer.
pub(super) fn device(shared: &Shared, asked: &Asked) -> Result<Response, Box<Response>> {
    let allow = match only(&asked.query, "answer").as_deref() {
        Some("allow") => true,
        Some("deny") => false,
        Some(_) | None => return Err(refused(StatusCode::BAD_REQUEST, "invalid_request")),
    };
    let entered = only(&asked.query, "user_code");
    let mut store = lock(&shared.store);
    match store.waiting.values_mut().find(|waiting| Some(&waiting.user_code) == entered.as_ref()) {
        Some(waiting) => {
            waiting.answer = Some(allow);
            Ok(page(StatusCode::OK, "<!doctype html><title>Device</title><p>You can go back to your device.</p>".into()))
        }
        None => Err(refused(StatusCode::NOT_FOUND, "not_found")),
    }
}

/// One poll of a device: the permissions that were given, or RFC 8628's word for why not yet.
pub(super) fn polled(shared: &Shared, fields: &Fields) -> Result<Vec<String>, Box<Response>> {
    let bad = |error: &str| refused(StatusCode::BAD_REQUEST, error);
    let code = fields.get("device_code").or_else(|| fields.get("code")).map(String::as_str).unwrap_or_default();
    let now = shared.now();
    let mut store = lock(&shared.store);
    let Some(waiting) = store.waiting.get_mut(code) else { return Err(bad("invalid_grant")) };
    if now >= waiting.ends {
        store.waiting.remove(code);
        return Err(bad("expired_token"));
    }
    let soon = waiting.polled.replace(now).is_some_and(|before| now - before < waiting.interval);
    if soon {
        waiting.interval += SLOWER;
        return Err(bad("slow_down"));
    }
    match waiting.answer {
        None => Err(bad("authorization_pending")),
        Some(allowed) => {
            let scopes = waiting.scopes.clone();
            store.waiting.remove(code);
            if allowed { Ok(scopes) } else { Err(bad("access_denied")) }
        }
    }
}
