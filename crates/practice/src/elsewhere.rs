//! Providers beside the simulated Square, as far as giving access goes: one that is reached by a key (shaped like Stripe), one that is
//! reached by an application of the person's own with a secret (shaped like QuickBooks Online).
//!
//! Paths and fields follow the files in `catalog/providers`, which say themselves what was never tried against the live services. It
//! listens on loopback only, stops when dropped, and hands out pretend secrets that it remembers, so that a test can look for them.
//! A further provider is one more arm in `answer`.

use crate::wire::{basic, lock};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use url::form_urlencoded;

/// Who answers, and what is good there.
#[derive(Debug, Clone, Default)]
pub struct Elsewhere {
    /// The company's id and name at the provider. The id of the application's provider is a number.
    pub company: (String, String),
    /// Keys that are good, each with the paths it may read.
    pub keys: BTreeMap<String, BTreeSet<String>>,
    /// Whether keys are for real money.
    pub live: bool,
    /// The application's id and secret.
    pub application: (String, String),
}

#[derive(Default)]
struct Inner {
    now: Elsewhere,
    codes: u32,
    tokens: u32,
    issued: Vec<String>,
    asked: Vec<String>,
}

type Shared = Arc<Mutex<Inner>>;

/// A running server; it stops when dropped.
pub struct ElsewhereServed {
    pub base_url: String,
    inner: Shared,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for ElsewhereServed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ElsewhereServed {
    /// Changes who answers and what is good from now on.
    pub fn change(&self, change: impl FnOnce(&mut Elsewhere)) {
        change(&mut lock(&self.inner).now);
    }

    /// Every token and code that was handed out.
    pub fn issued(&self) -> Vec<String> {
        lock(&self.inner).issued.clone()
    }

    /// The paths that were asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.inner).asked.clone()
    }
}

/// Starts the server on a free port of this computer.
pub async fn serve_elsewhere(elsewhere: Elsewhere) -> Result<ElsewhereServed, std::io::Error> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let base_url = format!("http://{}", listener.local_addr()?);
    let inner: Shared = Arc::new(Mutex::new(Inner { now: elsewhere, ..Inner::default() }));
    let app = Router::new().fallback(answer).with_state(inner.clone());
    let task = tokio::spawn(async move {
        let _ = axum::serve(listener, app).await;
    });
    Ok(ElsewhereServed { base_url, inner, task })
}

fn no(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({"error": error}))).into_response()
}

async fn answer(State(shared): State<Shared>, uri: Uri, RawQuery(query): RawQuery, headers: HeaderMap, body: Bytes) -> Response {
    let mut inner = lock(&shared);
    let path = uri.path().to_string();
    inner.asked.push(path.clone());
    let proof = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default().to_string();
    let fields = |text: &[u8]| form_urlencoded::parse(text).into_owned().collect::<BTreeMap<String, String>>();
    match path.as_str() {
        "/connect/oauth2" => consent(&mut inner, &fields(query.unwrap_or_default().as_bytes())),
        "/oauth2/v1/tokens/bearer" => token(&mut inner, &proof, &fields(&body)),
        _ => read(&inner, &path, proof.strip_prefix("Bearer ").unwrap_or_default()),
    }
}

/// A page on which somebody says yes at once.
fn consent(inner: &mut Inner, asked: &BTreeMap<String, String>) -> Response {
    let (Some(back), Some(state)) = (asked.get("redirect_uri"), asked.get("state")) else {
        return no(StatusCode::BAD_REQUEST, "invalid_request");
    };
    if asked.get("client_id") != Some(&inner.now.application.0) {
        return no(StatusCode::BAD_REQUEST, "unauthorized_client");
    }
    let Ok(mut back) = url::Url::parse(back) else { return no(StatusCode::BAD_REQUEST, "invalid_redirect_uri") };
    inner.codes += 1;
    let code = format!("practice-code-elsewhere-{}-{:08x}", inner.codes, inner.codes.wrapping_mul(2_654_435_761));
    back.query_pairs_mut().append_pair("code", &code).append_pair("state", state).append_pair("realmId", &inner.now.company.0);
    inner.issued.push(code);
    (StatusCode::FOUND, [(header::LOCATION, back.to_string())]).into_response()
}

fn token(inner: &mut Inner, proof: &str, form: &BTreeMap<String, String>) -> Response {
    let (id, secret) = &inner.now.application;
    if proof != basic(id, secret) {
        return no(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let good = match field("grant_type") {
        "authorization_code" => inner.issued.last().is_some_and(|code| code == field("code")),
        "refresh_token" => field("refresh_token") == refresh_token(inner.tokens),
        _ => false,
    };
    if !good {
        return no(StatusCode::BAD_REQUEST, "invalid_grant");
    }
    inner.tokens += 1;
    let (access, refresh) = (access_token(inner.tokens), refresh_token(inner.tokens));
    inner.issued.extend([access.clone(), refresh.clone()]);
    Json(json!({"access_token": access, "refresh_token": refresh, "token_type": "bearer", "expires_in": 3600, "x_refresh_token_expires_in": 8_640_000})).into_response()
}

fn access_token(number: u32) -> String {
    format!("practice-access-elsewhere-{number}-{:08x}", number.wrapping_mul(2_246_822_519))
}

fn refresh_token(number: u32) -> String {
    format!("practice-refresh-elsewhere-{number}-{:08x}", number.wrapping_mul(3_266_489_917))
}

fn read(inner: &Inner, path: &str, bearer: &str) -> Response {
    let (id, name) = &inner.now.company;
    if inner.tokens > 0 && bearer == access_token(inner.tokens) {
        return match path == format!("/v3/company/{id}/companyinfo/{id}") {
            true => Json(json!({"CompanyInfo": {"Id": id, "CompanyName": name}})).into_response(),
            false => no(StatusCode::FORBIDDEN, "another company"),
        };
    }
    let Some(may) = inner.now.keys.get(bearer) else { return no(StatusCode::UNAUTHORIZED, "invalid key") };
    match path {
        "/v1/balance" => Json(json!({"livemode": inner.now.live})).into_response(),
        "/v1/account" => Json(json!({"id": id, "settings": {"dashboard": {"display_name": name}}})).into_response(),
        other if may.contains(other) => Json(json!({"data": []})).into_response(),
        _ => no(StatusCode::FORBIDDEN, "this key may not"),
    }
}
