//! The practice Square's sign-in page and token endpoint: authorization code with PKCE S256, rotating refresh tokens.
//!
//! Answers have Square's shapes (`expires_at`, not `expires_in`); errors carry both Square's `errors` list and the
//! standard's `error`, because Square's documentation shows either. It must never redirect to anything but the registered
//! loopback address. A new way to sign in is one more `grant_type` arm in `token`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use url::Url;

use crate::square::answers::{cut, json as answer_json, page, unauthorized};
use crate::square::grants::{Asked, CLIENT_ID, Code, PERMISSIONS, Pair, Refusal};
use crate::square::state::Square;
use crate::world::calendar::written_to_seconds;
use crate::wire::{bearer, only, pairs, secret};
use crate::world::{OTHER_COMPANY, OTHER_MERCHANT};

/// More unanswered requests than this are never kept.
const ASKED_KEPT: usize = 256;

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// Registered is `http://127.0.0.1:{any port}/{path}`, to the letter but for the port.
fn registered(redirect_uri: &str, path: &str) -> bool {
    let Some(rest) = redirect_uri.strip_prefix("http://127.0.0.1:") else {
        return false;
    };
    let Some(port) = rest.strip_suffix(path) else { return false };
    !port.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit()) && Url::parse(redirect_uri).is_ok()
}

fn send_on(redirect_uri: &str, values: &[(&str, &str)]) -> Response {
    let Ok(mut address) = Url::parse(redirect_uri) else {
        return refuse_page("The address to return to cannot be read.");
    };
    address.query_pairs_mut().extend_pairs(values);
    let mut response = page(StatusCode::FOUND, String::new());
    if let Ok(value) = HeaderValue::from_str(address.as_str()) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

fn refuse_page(why: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Practice Square</title>{STYLE}\
         <main><p class=\"band\">Practice — no real money</p><h1>This sign-in cannot go on</h1><p>{}</p></main></html>",
        escape(why)
    );
    page(StatusCode::BAD_REQUEST, html)
}

pub async fn authorize(State(square): State<Arc<Square>>, RawQuery(query): RawQuery) -> Response {
    square.touch();
    square.count(|stats| *stats.requests_by_path.entry("/oauth2/authorize".into()).or_default() += 1);
    let query = pairs(query.unwrap_or_default().as_bytes());
    if only(&query, "client_id").as_deref() != Some(CLIENT_ID) {
        return refuse_page("The application is not known.");
    }
    // Until the redirect address is known to be ours, nobody is sent anywhere.
    let Some(redirect_uri) = only(&query, "redirect_uri").filter(|uri| registered(uri, &square.redirect_path)) else {
        return refuse_page("The redirect address is not the registered one.");
    };
    let Some(state) = only(&query, "state") else {
        return send_on(
            &redirect_uri,
            &[("error", "invalid_request"), ("error_description", "state is missing")],
        );
    };
    let fail = |error: &str, words: &str| send_on(&redirect_uri, &[("error", error), ("error_description", words), ("state", &state)]);
    if only(&query, "response_type").as_deref() != Some("code") {
        return fail("unsupported_response_type", "response_type must be code");
    }
    let challenge = only(&query, "code_challenge").filter(|challenge| challenge.len() == 43);
    let (Some(challenge), Some("S256")) = (challenge, only(&query, "code_challenge_method").as_deref()) else {
        return fail("invalid_request", "a code challenge with S256 is required");
    };
    let scopes: Vec<String> = only(&query, "scope")
        .unwrap_or_default()
        .split([' ', '+'])
        .filter(|s| !s.is_empty())
        .map(str::to_owned)
        .collect();
    let known = |scope: &String| PERMISSIONS.iter().any(|(name, _)| name == scope);
    if scopes.is_empty() || !scopes.iter().all(known) {
        return fail("invalid_scope", "a permission is missing or not known");
    }
    let Ok(request) = secret("ask_") else {
        return fail("server_error", "no randomness");
    };
    if let Err(problem) = square.note_secrets(&[("state", &state), ("request", &request)]) {
        return refuse_page(&format!("The practice Square cannot write down its secrets: {problem}"));
    }
    let html = consent_page(&square, &request, &scopes);
    let mut grants = square.grants();
    if grants.asked.len() >= ASKED_KEPT {
        grants.asked.clear();
    }
    grants.asked.insert(
        request,
        Asked {
            redirect_uri,
            scopes,
            state,
            challenge,
        },
    );
    page(StatusCode::OK, html)
}

const STYLE: &str = "<style>\
:root{color-scheme:light dark}body{margin:0;font:16px/1.5 system-ui,sans-serif;background:#f4f2ee;color:#1d1b18}\
main{max-width:30rem;margin:6vh auto;background:#fff;border:1px solid #ddd6ca;border-radius:12px;padding:1.5rem 2rem 2rem}\
.band{background:#7a4b00;color:#fff;margin:-1.5rem -2rem 1.5rem;padding:.5rem 2rem;border-radius:12px 12px 0 0;font-size:.875rem}\
h1{font-size:1.375rem;margin:0 0 .5rem}fieldset{border:1px solid #ddd6ca;border-radius:8px;margin:1rem 0;padding:.5rem 1rem}\
legend{font-weight:600;padding:0 .25rem}label{display:block;padding:.25rem 0}small{color:#6b645a}\
button{font:inherit;padding:.6rem 1.4rem;border-radius:8px;border:1px solid #8d8578;background:transparent;color:inherit;cursor:pointer}\
button.allow{background:#0b5d3b;border-color:#0b5d3b;color:#fff}button:focus-visible{outline:3px solid #3b82f6;outline-offset:2px}\
.row{display:flex;gap:.75rem;margin-top:1rem}\
@media(prefers-color-scheme:dark){body{background:#1b1916;color:#f1ede6}main{background:#26231f;border-color:#443f37}fieldset{border-color:#443f37}small{color:#b3aa9c}}\
</style>";

fn consent_page(square: &Square, request: &str, scopes: &[String]) -> String {
    let world = square.world();
    let company = |id: &str, name: &str, checked: &str| {
        format!(
            "<label><input type=\"radio\" name=\"company\" value=\"{}\"{checked}> {} <small>{}</small></label>",
            escape(id),
            escape(name),
            escape(id)
        )
    };
    let permissions: String = scopes
        .iter()
        .map(|scope| {
            let words = PERMISSIONS
                .iter()
                .find(|(name, _)| name == scope)
                .map_or(scope.as_str(), |(_, words)| words);
            format!(
                "<label><input type=\"checkbox\" name=\"permission\" value=\"{}\" checked> {}</label>",
                escape(scope),
                escape(words)
            )
        })
        .collect();
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Practice Square: allow Changeover?</title>{STYLE}</head><body><main>\
         <p class=\"band\">Practice Square — no real company, no real money</p>\
         <h1>Changeover asks to read from {name}</h1>\
         <p>It can look at the things ticked below. It can change nothing and move no money.</p>\
         <form method=\"post\" action=\"/oauth2/authorize\">\
         <input type=\"hidden\" name=\"request\" value=\"{request}\">\
         <fieldset><legend>Signed in as</legend>{own}{other}</fieldset>\
         <fieldset><legend>Permissions</legend>{permissions}</fieldset>\
         <div class=\"row\"><button class=\"allow\" id=\"allow\" type=\"submit\" name=\"answer\" value=\"allow\">Allow</button>\
         <button id=\"deny\" type=\"submit\" name=\"answer\" value=\"deny\">Deny</button></div></form></main></body></html>",
        name = escape(world.name()),
        own = company(world.merchant_id(), world.name(), " checked"),
        other = company(OTHER_MERCHANT, OTHER_COMPANY, ""),
    )
}

/// What the person pressed, after what the story makes of it. Faults spare the very first sign-in, or no practice could begin.
fn story_changes(square: &Square, again: bool, allow: bool, merchant: String, permissions: Vec<String>) -> (bool, String, Vec<String>) {
    if !again || !allow {
        return (allow, merchant, permissions);
    }
    square.change_faults(|faults| {
        let next = |times: &mut u32| {
            let now = *times > 0;
            *times = times.saturating_sub(u32::from(now));
            now
        };
        if next(&mut faults.refuse_consent_times) {
            return (false, merchant, permissions);
        }
        let merchant = if next(&mut faults.wrong_company_times) {
            OTHER_MERCHANT.to_owned()
        } else {
            merchant
        };
        let mut permissions = permissions;
        if next(&mut faults.fewer_permissions_times) {
            permissions.pop();
        }
        (true, merchant, permissions)
    })
}

pub async fn decide(State(square): State<Arc<Square>>, body: Bytes) -> Response {
    square.touch();
    let form = pairs(&body);
    let mut grants = square.grants();
    let Some(asked) = only(&form, "request").and_then(|request| grants.asked.remove(&request)) else {
        return refuse_page("This sign-in was already answered, or never asked for.");
    };
    let allow = match only(&form, "answer").as_deref() {
        Some("allow") => true,
        Some("deny") => false,
        Some(_) | None => return refuse_page("The answer is neither Allow nor Deny."),
    };
    let own = square.world().merchant_id().to_owned();
    let merchant = match only(&form, "company") {
        Some(company) if company == OTHER_MERCHANT || company == own => company,
        Some(_) => return refuse_page("The company is not known."),
        None => own,
    };
    let ticked = |scope: &&String| form.iter().any(|(name, value)| name == "permission" && value == *scope);
    let permissions: Vec<String> = asked.scopes.iter().filter(ticked).cloned().collect();
    let (allow, merchant, permissions) = story_changes(&square, grants.any(), allow, merchant, permissions);
    if !allow || permissions.is_empty() {
        square.count(|stats| stats.consents_refused += 1);
        let values = [
            ("error", "access_denied"),
            ("error_description", "user_denied"),
            ("state", asked.state.as_str()),
        ];
        return send_on(&asked.redirect_uri, &values);
    }
    let Ok(code) = secret("sq0cgp-") else {
        return refuse_page("The practice Square has run out of randomness.");
    };
    if let Err(problem) = square.note_secrets(&[("code", &code)]) {
        return refuse_page(&format!("The practice Square cannot write down its secrets: {problem}"));
    }
    let now = square.now();
    let (redirect_uri, state) = (asked.redirect_uri.clone(), asked.state.clone());
    grants.keep_code(
        &code,
        Code {
            asked,
            granted: permissions,
            merchant_id: merchant,
            issued: now,
            used_for: None,
        },
    );
    square.count(|stats| stats.consents_allowed += 1);
    send_on(&redirect_uri, &[("code", &code), ("response_type", "code"), ("state", &state)])
}

fn refusal(status: StatusCode, error: &str, category: &str, code: &str, words: &str) -> Response {
    let value = json!({
        "error": error,
        "error_description": words,
        "errors": [{ "category": category, "code": code, "detail": words }],
    });
    answer_json(status, &value)
}

/// JSON is Square's way; the standard's form is understood too.
fn token_fields(headers: &HeaderMap, body: &[u8]) -> Option<Value> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    if kind.starts_with("application/x-www-form-urlencoded") {
        return Some(Value::Object(
            pairs(body).into_iter().map(|(name, value)| (name, json!(value))).collect(),
        ));
    }
    serde_json::from_slice::<Value>(body).ok().filter(Value::is_object)
}

pub async fn token(State(square): State<Arc<Square>>, headers: HeaderMap, body: Bytes) -> Response {
    square.touch();
    square.count(|stats| *stats.requests_by_path.entry("/oauth2/token".into()).or_default() += 1);
    let bad = |words: &str| {
        refusal(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "INVALID_REQUEST_ERROR",
            "BAD_REQUEST",
            words,
        )
    };
    let Some(fields) = token_fields(&headers, &body) else {
        return bad("The body is neither JSON nor a form.");
    };
    let field = |name: &str| fields[name].as_str().filter(|text| !text.is_empty());
    if field("client_id") != Some(CLIENT_ID) {
        let words = "The application is not known.";
        return refusal(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "AUTHENTICATION_ERROR",
            "UNAUTHORIZED",
            words,
        );
    }
    let now = square.now();
    let mut grants = square.grants();
    let result = match field("grant_type") {
        Some("authorization_code") => match (field("code"), field("code_verifier")) {
            (Some(code), Some(verifier)) => grants.redeem(code, verifier, field("redirect_uri"), now),
            (None, _) => return bad("`code` is missing."),
            (Some(_), None) => return bad("`code_verifier` is missing."),
        },
        Some("refresh_token") => match field("refresh_token") {
            Some(refresh) => {
                let narrowed = fields["scopes"]
                    .as_array()
                    .map(|scopes| scopes.iter().filter_map(Value::as_str).map(str::to_owned).collect());
                grants.refresh(refresh, narrowed, now)
            }
            None => return bad("`refresh_token` is missing."),
        },
        Some(_) | None => {
            let words = "`grant_type` must be authorization_code or refresh_token.";
            return refusal(
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                "INVALID_REQUEST_ERROR",
                "BAD_REQUEST",
                words,
            );
        }
    };
    let mut secrets = Vec::new();
    for (kind, name) in [("code", "code"), ("verifier", "code_verifier"), ("refresh-token", "refresh_token"), ("client-secret", "client_secret")] {
        secrets.extend(field(name).map(|secret| (kind, secret)));
    }
    if let Ok(pair) = &result {
        secrets.extend([("access-token", pair.access.as_str()), ("refresh-token", pair.refresh.as_str())]);
    }
    let kept = square.keep_grants(&grants).and_then(|()| square.note_secrets(&secrets));
    drop(grants);
    if let Err(problem) = kept {
        let words = format!("The practice Square cannot write down its sign-ins: {problem}");
        return refusal(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            "API_ERROR",
            "INTERNAL_SERVER_ERROR",
            &words,
        );
    }
    match result {
        Ok(pair) => given(&square, &pair, field("grant_type") == Some("refresh_token")),
        Err(refused) => {
            square.count(|stats| match refused {
                Refusal::ReusedRefresh => stats.tokens_reused += 1,
                Refusal::ReusedCode => stats.codes_reused += 1,
                Refusal::UnknownCode
                | Refusal::ExpiredCode
                | Refusal::WrongVerifier
                | Refusal::WrongRedirect
                | Refusal::UnknownRefresh
                | Refusal::ExpiredRefresh
                | Refusal::Ended
                | Refusal::ScopeNotGranted => {}
            });
            let error = if refused == Refusal::ScopeNotGranted {
                "invalid_scope"
            } else {
                "invalid_grant"
            };
            refusal(
                StatusCode::BAD_REQUEST,
                error,
                "AUTHENTICATION_ERROR",
                "UNAUTHORIZED",
                refused.words(),
            )
        }
    }
}

fn given(square: &Square, pair: &Pair, refreshed: bool) -> Response {
    square.count(|stats| {
        if refreshed {
            stats.tokens_refreshed += 1
        } else {
            stats.tokens_issued += 1
        }
    });
    let value = json!({
        "access_token": pair.access,
        "expires_at": written_to_seconds(pair.access_expires),
        "merchant_id": pair.merchant_id,
        "refresh_token": pair.refresh,
        "refresh_token_expires_at": written_to_seconds(pair.refresh_expires),
        "short_lived": false,
        "token_type": "bearer",
    });
    let lose = square.change_faults(|faults| {
        let lose = faults.lose_token_answers > 0;
        faults.lose_token_answers = faults.lose_token_answers.saturating_sub(1);
        lose
    });
    if lose {
        cut(value.to_string().as_bytes())
    } else {
        answer_json(StatusCode::OK, &value)
    }
}

pub async fn token_status(State(square): State<Arc<Square>>, headers: HeaderMap) -> Response {
    square.touch();
    square.count(|stats| *stats.requests_by_path.entry("/oauth2/token/status".into()).or_default() += 1);
    let Some(token) = bearer(&headers) else {
        return unauthorized("UNAUTHORIZED");
    };
    let checked = square.grants().check(token, square.now());
    match checked {
        Err(code) => unauthorized(code),
        Ok((access, grant)) => {
            let value = json!({
                "client_id": CLIENT_ID,
                "expires_at": written_to_seconds(access.expires),
                "merchant_id": grant.merchant_id,
                "scopes": access.scopes,
            });
            answer_json(StatusCode::OK, &value)
        }
    }
}

/// Revoking needs the application's secret, which an application on somebody's computer does not have.
pub async fn revoke(State(square): State<Arc<Square>>) -> Response {
    square.touch();
    square.count(|stats| *stats.requests_by_path.entry("/oauth2/revoke".into()).or_default() += 1);
    let words = "This request needs the application secret.";
    refusal(
        StatusCode::UNAUTHORIZED,
        "invalid_client",
        "AUTHENTICATION_ERROR",
        "UNAUTHORIZED",
        words,
    )
}
