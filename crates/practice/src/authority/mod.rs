//! One authorization server for every provider in `catalog/providers`, with every mode in which such a server can behave.
//!
//! Beside the practice Square and [`crate::elsewhere`], which are companies for a person to look at and to learn with, this is the server
//! for tests: what it expects and answers follows from a provider's file ([`Profile`]), and what goes wrong from [`Rules`]. It runs in a
//! test's own process or as the program `practice-authorization-server`. It listens on loopback only, stops when dropped, and every secret
//! it makes bears the word CANARY, so that leaks can be searched for. It must never accept a request that is not what the file says:
//! such a request is refused and written down in [`Seen::wrong`]. `profile` reads files, `rules` names the modes, `pages` is what a browser
//! sees, `tokens` gives and ends access, `reading` answers with it, `tls` makes certificates. A new mode begins in `rules`.

mod pages;
mod profile;
mod reading;
mod rules;
mod tls;
mod tokens;

pub use profile::{Body, Claim, ClientAuth, CompanyPlace, Ends, Expiry, Header, Kind, Pkce, Profile, Renewing, Revocation, Rotation, Scopes};
pub use reading::READ;
pub use rules::{
    Answered, At, CLIENT, CLIENT_SECRET, Device, Door, Hitch, How, Iss, KEY_END, OnRefresh, PkceRule, Rules, Seen, Shape, Stop,
};
pub use tls::{Certificate, HOST};

use crate::square::answers::{captive_portal, cut, json, json_text};
use crate::faults::RetryAfter;
use crate::wire::{self, Pairs, lock};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use serde_json::json;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use url::Url;

/// The server's clock: seconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// A running server; it stops when dropped.
pub struct Authority {
    shared: Arc<Shared>,
    /// The certificate of the authority that signed the server's own, as PEM; `None` without TLS.
    pub trust: Option<String>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Authority {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Deref for Authority {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

/// What the server knows, for whoever started it.
pub struct Shared {
    pub base: Url,
    pub profile: Profile,
    pub rules: Mutex<Rules>,
    pub seen: Mutex<Seen>,
    store: Mutex<tokens::Store>,
    clock: Clock,
}

/// One request.
struct Asked {
    method: Method,
    path: String,
    query: Pairs,
    headers: HeaderMap,
    body: Bytes,
}

impl Authority {
    /// Starts on a free port of this computer, without TLS. Errors when no port can be had.
    pub async fn start(profile: Profile, clock: Clock) -> std::io::Result<Authority> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let base = format!("http://{}/", listener.local_addr()?);
        let (shared, app) = made(profile, &base, clock)?;
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Ok(Authority { shared, trust: None, task })
    }

    /// Starts with TLS and a certificate of this kind. The base address bears the name [`HOST`], which a test must lead to 127.0.0.1 itself.
    /// Errors when no port can be had or the certificate cannot be made.
    pub async fn start_tls(profile: Profile, clock: Clock, certificate: Certificate) -> std::io::Result<Authority> {
        let tcp = TcpListener::bind(("127.0.0.1", 0)).await?;
        let base = format!("https://{HOST}:{}/", tcp.local_addr()?.port());
        let (shared, app) = made(profile, &base, clock)?;
        let (listener, trust) = tls::listener(tcp, certificate)?;
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Ok(Authority { shared, trust: Some(trust), task })
    }
}

fn made(profile: Profile, base: &str, clock: Clock) -> std::io::Result<(Arc<Shared>, Router)> {
    let shared = Arc::new(Shared {
        base: Url::parse(base).map_err(std::io::Error::other)?,
        rules: Mutex::new(Rules::of(&profile)),
        profile,
        seen: Mutex::default(),
        store: Mutex::default(),
        clock,
    });
    let app = Router::new().fallback(answer).with_state(shared.clone());
    Ok((shared, app))
}

impl Shared {
    /// Changes how the server behaves from now on.
    pub fn rule(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut lock(&self.rules));
    }

    /// Every access token given so far stops working; refresh tokens stay good.
    pub fn forget_access(&self) {
        lock(&self.store).forget_access();
    }

    /// How many renewals were asked for.
    pub fn refreshes(&self) -> usize {
        lock(&self.seen).refreshes
    }

    /// How many sign-ins that were given are not ended.
    pub fn living(&self) -> usize {
        lock(&self.store).living()
    }

    /// What was asked that is not as the provider's file says.
    pub fn wrong(&self) -> Vec<String> {
        lock(&self.seen).wrong.clone()
    }

    /// The key that is good from the start.
    pub fn key(&self) -> String {
        format!("{}{KEY_END}", self.profile.key_prefixes.first().map(String::as_str).unwrap_or_default())
    }

    fn now(&self) -> i64 {
        (self.clock)()
    }

    /// A secret that is remembered, so that a test can look for it.
    fn secret(&self, kind: &str) -> Result<String, Box<Response>> {
        let made = wire::secret(&format!("CANARY-{kind}-")).map_err(|problem| refused(StatusCode::INTERNAL_SERVER_ERROR, &problem.to_string()))?;
        lock(&self.seen).secrets.push(made.clone());
        Ok(made)
    }

    /// Refuses what the provider's file does not allow, and writes it down.
    fn wrong_request(&self, what: impl Into<String>) -> Box<Response> {
        lock(&self.seen).wrong.push(what.into());
        refused(StatusCode::BAD_REQUEST, "invalid_request")
    }

    /// Stands still for good if that was asked for; whoever waits here goes away with their connection.
    async fn stop(&self, at: At) {
        let stop = {
            let mut rules = lock(&self.rules);
            match &rules.stop {
                Some(stop) if stop.at == at => rules.stop.take(),
                Some(_) | None => None,
            }
        };
        if let Some(stop) = stop {
            stop.reached.notify_one();
            std::future::pending::<()>().await;
        }
    }

    fn hitch(&self, door: Door) -> Option<Response> {
        let how = lock(&self.rules).hitch(door)?;
        Some(match how {
            How::Status(status, retry_after) => {
                let mut response = json_text(known(status), "{}".into());
                let after = match retry_after {
                    RetryAfter::Seconds(seconds) => Some(seconds.to_string()),
                    RetryAfter::Date(seconds) => Some(date(self.now() + i64::from(seconds))),
                    RetryAfter::Absent => None,
                };
                // The server's own clock, so that "now" and "come back" are on the same one.
                put(&mut response, header::DATE, &date(self.now()));
                if let Some(after) = after {
                    put(&mut response, header::RETRY_AFTER, &after);
                }
                response
            }
            How::Html(200) => captive_portal(),
            How::Html(status) => html(status, "<!doctype html><h1>Bad gateway</h1><p>invalid_grant</p>"),
            How::ErrorWithSuccess(error) => json(StatusCode::OK, &json!({"error": error})),
            How::Redirect(status, to) => {
                let mut response = json_text(known(status), "{}".into());
                put(&mut response, header::LOCATION, &to);
                response
            }
            How::Cut => cut(br#"{"access_token": "CANARY-half", "token_type": "bearer"}"#),
        })
    }
}

fn known(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn put(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map(|when| when.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()).unwrap_or_default()
}

fn html(status: u16, text: &str) -> Response {
    crate::square::answers::page(known(status), text.to_owned())
}

/// A refusal as RFC 6749 spells it, with a description that nobody may repeat.
fn refused(status: StatusCode, error: &str) -> Box<Response> {
    Box::new(json(status, &json!({"error": error, "error_description": "CANARY-description <script>"})))
}

async fn answer(State(shared): State<Arc<Shared>>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let asked = Asked { method, path: uri.path().to_owned(), query: wire::pairs(uri.query().unwrap_or_default().as_bytes()), headers, body };
    let host = wire::text(&asked.headers, header::HOST).unwrap_or_default().to_owned();
    lock(&shared.seen).asked.push((host, asked.path.clone()));
    let delay = lock(&shared.rules).delay_ms;
    if delay > 0 {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    let path = Some(asked.path.as_str());
    let profile = &shared.profile;
    let told = match () {
        () if path == profile.authorize.as_deref() => pages::authorize(&shared, &asked),
        () if path == profile.token.as_deref() && asked.method == Method::POST => match shared.hitch(Door::Token) {
            Some(hitch) => Ok(hitch),
            None => tokens::token(&shared, &asked).await,
        },
        () if path == profile.revoke.as_deref() => tokens::revoke(&shared, &asked),
        () if path == profile.status_path.as_deref() && asked.method == Method::POST => match shared.hitch(Door::Status) {
            Some(hitch) => Ok(hitch),
            None => reading::status(&shared, &asked),
        },
        () if path == Some(pages::DEVICE) => pages::device(&shared, &asked),
        () if path == Some(pages::DEVICE_CODE) => pages::device_code(&shared, &asked),
        () => match shared.hitch(Door::Api) {
            Some(hitch) => Ok(hitch),
            None => reading::read(&shared, &asked).await,
        },
    };
    match told {
        Ok(response) => response,
        Err(response) => *response,
    }
}
