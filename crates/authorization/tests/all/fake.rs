//! A small Square-like authorization server: PKCE S256, exact redirect, single-use rotating refresh tokens with
//! reuse detection, token status, the merchant probe and one API call. Behaviour is changed through [`Rules`].

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use url::Url;

pub const CLIENT: &str = "sq0idp-practice";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnRefresh {
    Rotate,
    /// Rotates, then cuts the connection.
    RotateThenCut,
    /// Rotates, then a gateway answers for it.
    RotateThenGatewayError,
    /// A network's log-in page with status 200.
    Portal,
    Busy,
    /// Rotates and says that it is another company's.
    OtherMerchant,
    ForgotTheApp,
    /// Returns new access without a new refresh token and keeps the old one good.
    KeepRefreshToken,
    /// Returns the same refresh token again, and it stays good.
    SameRefreshToken,
    /// The person ended the access in the provider's own settings, or its time was up.
    Ended,
}

/// An instant at which the server stands still for good, so that whoever waits for it can be killed there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum At {
    /// The renewal has arrived and nothing was done.
    Arrived,
    /// New tokens were made and the old one is used up; not one byte of the answer has left.
    Rotated,
    /// The new access is used for a request.
    Used,
}

#[derive(Clone)]
pub struct Stop {
    pub at: At,
    pub reached: Arc<tokio::sync::Notify>,
}

/// An answer word for word: status, headers, body.
pub type Answered = (u16, Vec<(&'static str, String)>, Vec<u8>);
/// Changes what a token answer says.
pub type Shape = Arc<dyn Fn(&mut Value) + Send + Sync>;

pub struct Rules {
    pub merchant: (String, String),
    pub deny: Option<String>,
    pub granted: Option<Vec<String>>,
    pub on_refresh: OnRefresh,
    /// The token answer itself, when it should be strange: status, content type, body.
    pub token_answer: Option<(u16, &'static str, String)>,
    pub access_days: i64,
    pub probe_merchant: Option<(String, String)>,
    pub refuse_all_access: bool,
    /// Whether a used refresh token ends the whole family, or is only refused.
    pub reuse_kills: bool,
    /// The next renewal waits here until the gate is opened.
    pub gate: Option<Arc<tokio::sync::Notify>>,
    /// For so long after its use a refresh token still works.
    pub grace_seconds: i64,
    pub stop: Option<Stop>,
    /// The answer to every renewal, when it should be strange. Nothing is rotated.
    pub renewal_answer: Option<Answered>,
    /// What is changed in every token answer before it leaves.
    pub shape: Option<Shape>,
    /// What the redirect back carries beside code and state.
    pub redirect_extra: Vec<(String, String)>,
    /// Statuses, with their `Retry-After`, of the next answers to a request that ends access; after them it is ended.
    pub on_revoke: Vec<(u16, Option<&'static str>)>,
    /// How long a renewal takes at least.
    pub dwell: std::time::Duration,
}

#[derive(Default)]
pub struct Seen {
    pub refreshes: usize,
    pub reuses: usize,
    /// Times that tokens were replaced; a reuse within the grace replaces them too.
    pub rotations: usize,
    /// Renewals under way now, and the most there ever were.
    pub renewing: usize,
    pub renewing_most: usize,
    pub exchanges: usize,
    pub exchange_bodies: Vec<Value>,
    pub api_calls: usize,
    /// Bodies of the requests that asked to end access.
    pub revocations: Vec<Value>,
    /// Addresses that were asked for and are not there; ending access is among them.
    pub strays: Vec<String>,
    /// Every secret that ever left this server or came to it.
    pub secrets: Vec<String>,
}

struct Family {
    dead: bool,
    merchant: (String, String),
    scopes: Vec<String>,
}

#[derive(Default)]
struct Store {
    codes: HashMap<String, BTreeMap<String, String>>,
    access: HashMap<String, usize>,
    /// Family, and when it was used.
    refresh: HashMap<String, (usize, Option<i64>)>,
    families: Vec<Family>,
}

pub struct Fake {
    pub base: Url,
    pub rules: Mutex<Rules>,
    pub seen: Mutex<Seen>,
    store: Mutex<Store>,
    now: Arc<std::sync::atomic::AtomicI64>,
}

fn secret(kind: &str) -> String {
    let mut bytes = [0u8; 24];
    getrandom::fill(&mut bytes).unwrap();
    format!("CANARY-{kind}-{}", hex::encode(bytes))
}

impl Fake {
    pub async fn start(now: Arc<std::sync::atomic::AtomicI64>) -> Arc<Fake> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let rules = Rules {
            merchant: ("MLHARBOUR".into(), "Harbour Street Bakery".into()),
            deny: None,
            granted: None,
            on_refresh: OnRefresh::Rotate,
            token_answer: None,
            access_days: 30,
            probe_merchant: None,
            refuse_all_access: false,
            reuse_kills: true,
            gate: None,
            grace_seconds: 0,
            stop: None,
            renewal_answer: None,
            shape: None,
            redirect_extra: Vec::new(),
            on_revoke: Vec::new(),
            dwell: std::time::Duration::ZERO,
        };
        let fake = Arc::new(Fake {
            base,
            rules: Mutex::new(rules),
            seen: Mutex::default(),
            store: Mutex::default(),
            now,
        });
        let app = Router::new()
            .route("/oauth2/authorize", get(authorize))
            .route("/oauth2/token", post(token))
            .route("/oauth2/token/status", post(status))
            .route("/revoke", post(revoke))
            .route("/v2/merchants/me", get(merchant))
            .route("/v2/payments", get(payments))
            .fallback(stray)
            .with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        fake
    }

    pub fn rule(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.rules.lock().unwrap());
    }

    /// Every access token given so far stops working; refresh tokens stay good.
    pub fn forget_access(&self) {
        self.store.lock().unwrap().access.clear();
    }

    pub fn refreshes(&self) -> usize {
        self.seen.lock().unwrap().refreshes
    }

    fn now(&self) -> i64 {
        self.now.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// Stands still for good if that was asked for; whoever waits here goes away with their connection.
    async fn stop(&self, at: At) {
        let stop = {
            let mut rules = self.rules.lock().unwrap();
            match &rules.stop {
                Some(stop) if stop.at == at => rules.stop.take(),
                _ => None,
            }
        };
        if let Some(stop) = stop {
            stop.reached.notify_one();
            std::future::pending::<()>().await;
        }
    }

    fn give(&self, family: usize) -> Value {
        let (access, refresh) = (secret("access"), secret("refresh"));
        let days = self.rules.lock().unwrap().access_days;
        let mut store = self.store.lock().unwrap();
        store.access.insert(access.clone(), family);
        store.refresh.insert(refresh.clone(), (family, None));
        self.seen.lock().unwrap().secrets.extend([access.clone(), refresh.clone()]);
        let at = |days: i64| {
            jiff::Timestamp::from_second(self.now() + days * 86_400)
                .unwrap()
                .to_string()
        };
        let mut told = json!({
            "access_token": access, "token_type": "bearer", "expires_at": at(days), "merchant_id": store.families[family].merchant.0,
            "refresh_token": refresh, "short_lived": false, "refresh_token_expires_at": at(90),
        });
        drop(store);
        let shape = self.rules.lock().unwrap().shape.clone();
        if let Some(shape) = shape {
            shape(&mut told);
        }
        told
    }

    fn family_of(&self, headers: &HeaderMap) -> Option<usize> {
        if self.rules.lock().unwrap().refuse_all_access {
            return None;
        }
        let bearer = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
        let store = self.store.lock().unwrap();
        store.access.get(bearer).copied().filter(|family| !store.families[*family].dead)
    }
}

fn answer(status: u16, kind: &str, body: impl Into<Body>) -> Response {
    Response::builder()
        .status(status)
        .header("content-type", kind)
        .body(body.into())
        .unwrap()
}

fn refusal(error: &str) -> Response {
    answer(
        400,
        "application/json",
        json!({"error": error, "error_description": "CANARY-description <script>"}).to_string(),
    )
}

async fn authorize(State(fake): State<Arc<Fake>>, RawQuery(query): RawQuery) -> Response {
    let asked: BTreeMap<String, String> = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    assert_eq!(asked["client_id"], CLIENT);
    assert_eq!(asked["response_type"], "code");
    assert_eq!(asked["code_challenge_method"], "S256");
    let mut back = Url::parse(&asked["redirect_uri"]).unwrap();
    let rules = fake.rules.lock().unwrap();
    match &rules.deny {
        Some(error) => {
            back.query_pairs_mut()
                .append_pair("error", error)
                .append_pair("error_description", "user_denied");
        }
        None => {
            let code = secret("code");
            fake.seen.lock().unwrap().secrets.push(code.clone());
            fake.store.lock().unwrap().codes.insert(code.clone(), asked.clone());
            back.query_pairs_mut()
                .append_pair("code", &code)
                .append_pair("response_type", "code");
        }
    }
    back.query_pairs_mut().append_pair("state", &asked["state"]);
    for (name, value) in &rules.redirect_extra {
        back.query_pairs_mut().append_pair(name, value);
    }
    Response::builder()
        .status(StatusCode::FOUND)
        .header("location", back.as_str())
        .body(Body::empty())
        .unwrap()
}

async fn token(State(fake): State<Arc<Fake>>, headers: HeaderMap, body: Bytes) -> Response {
    assert_eq!(headers["content-type"], "application/json", "Square takes JSON");
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["client_id"], CLIENT);
    assert!(body.get("client_secret").is_none());
    match body["grant_type"].as_str().unwrap() {
        "authorization_code" => exchange(&fake, &body),
        "refresh_token" => {
            let under_way = UnderWay::begin(&fake);
            let (gate, dwell) = {
                let mut rules = fake.rules.lock().unwrap();
                (rules.gate.take(), rules.dwell)
            };
            if let Some(gate) = gate {
                gate.notified().await;
            }
            if !dwell.is_zero() {
                tokio::time::sleep(dwell).await;
            }
            fake.stop(At::Arrived).await;
            let before = fake.seen.lock().unwrap().rotations;
            let answer = refresh(&fake, &body);
            if fake.seen.lock().unwrap().rotations > before {
                fake.stop(At::Rotated).await;
            }
            drop(under_way);
            answer
        }
        other => panic!("{other}"),
    }
}

/// RFC 7009: one token and what it goes with; an unknown one counts as ended.
async fn revoke(State(fake): State<Arc<Fake>>, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["client_id"], CLIENT);
    fake.seen.lock().unwrap().revocations.push(body.clone());
    let refused = {
        let mut rules = fake.rules.lock().unwrap();
        (!rules.on_revoke.is_empty()).then(|| rules.on_revoke.remove(0))
    };
    if let Some((status, retry_after)) = refused {
        let mut response = answer(status, "application/json", "{}");
        if let Some(seconds) = retry_after {
            response.headers_mut().insert("retry-after", seconds.parse().unwrap());
        }
        return response;
    }
    let mut store = fake.store.lock().unwrap();
    let family = store.refresh.get(body["token"].as_str().unwrap()).map(|(family, _)| *family);
    if let Some(family) = family {
        store.families[family].dead = true;
    }
    answer(200, "application/json", "")
}

/// Counts a renewal for as long as it is under way.
struct UnderWay(Arc<Fake>);

impl UnderWay {
    fn begin(fake: &Arc<Fake>) -> UnderWay {
        let mut seen = fake.seen.lock().unwrap();
        seen.refreshes += 1;
        seen.renewing += 1;
        seen.renewing_most = seen.renewing_most.max(seen.renewing);
        UnderWay(fake.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.seen.lock().unwrap().renewing -= 1;
    }
}

fn exchange(fake: &Fake, body: &Value) -> Response {
    {
        let mut seen = fake.seen.lock().unwrap();
        seen.exchanges += 1;
        seen.exchange_bodies.push(body.clone());
        seen.secrets.push(body["code_verifier"].as_str().unwrap().to_string());
    }
    if let Some((status, kind, text)) = &fake.rules.lock().unwrap().token_answer {
        return answer(*status, kind, text.clone());
    }
    let Some(asked) = fake.store.lock().unwrap().codes.remove(body["code"].as_str().unwrap()) else {
        return refusal("invalid_grant");
    };
    let digest = Sha256::digest(body["code_verifier"].as_str().unwrap());
    let challenge = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest);
    if challenge != asked["code_challenge"] || body["redirect_uri"] != asked["redirect_uri"].as_str() {
        return refusal("invalid_grant");
    }
    let family = {
        let rules = fake.rules.lock().unwrap();
        let scopes = rules
            .granted
            .clone()
            .unwrap_or_else(|| asked["scope"].split(' ').map(str::to_string).collect());
        let mut store = fake.store.lock().unwrap();
        store.families.push(Family {
            dead: false,
            merchant: rules.merchant.clone(),
            scopes,
        });
        store.families.len() - 1
    };
    answer(200, "application/json; charset=utf-8", fake.give(family).to_string())
}

fn refresh(fake: &Fake, body: &Value) -> Response {
    if let Some((status, headers, body)) = fake.rules.lock().unwrap().renewal_answer.clone() {
        let mut told = Response::builder().status(status);
        for (name, value) in headers {
            told = told.header(name, value);
        }
        return told.body(Body::from(body)).unwrap();
    }
    let mode = fake.rules.lock().unwrap().on_refresh;
    match mode {
        OnRefresh::Portal => return answer(200, "text/html", "<html>Welcome to the hotel. Please log in: invalid_grant</html>"),
        OnRefresh::Busy => {
            return Response::builder()
                .status(429)
                .header("retry-after", "120")
                .header("content-type", "application/json")
                .body(Body::from("{}"))
                .unwrap();
        }
        OnRefresh::ForgotTheApp => return refusal("invalid_client"),
        OnRefresh::Ended => return refusal("invalid_grant"),
        OnRefresh::Rotate
        | OnRefresh::RotateThenCut
        | OnRefresh::RotateThenGatewayError
        | OnRefresh::OtherMerchant
        | OnRefresh::KeepRefreshToken
        | OnRefresh::SameRefreshToken => {}
    }
    let keeps = matches!(mode, OnRefresh::KeepRefreshToken | OnRefresh::SameRefreshToken);
    let given = body["refresh_token"].as_str().unwrap();
    let family = {
        let mut store = fake.store.lock().unwrap();
        let Some((family, used)) = store.refresh.get(given).copied() else {
            return refusal("invalid_grant");
        };
        let (now, grace) = (fake.now(), fake.rules.lock().unwrap().grace_seconds);
        if used.is_some_and(|at| grace == 0 || now - at > grace) {
            // Reuse detection: the whole family dies, as RFC 9700 asks.
            fake.seen.lock().unwrap().reuses += 1;
            if !fake.rules.lock().unwrap().reuse_kills {
                return refusal("invalid_grant");
            }
            store.families[family].dead = true;
        }
        if store.families[family].dead {
            return refusal("invalid_grant");
        }
        let used = (!keeps).then(|| used.unwrap_or(now));
        store.refresh.insert(given.to_string(), (family, used));
        family
    };
    fake.seen.lock().unwrap().rotations += 1;
    let old = given;
    let mut given = fake.give(family);
    match mode {
        OnRefresh::RotateThenCut => std::panic::resume_unwind(Box::new(())),
        OnRefresh::RotateThenGatewayError => return answer(502, "text/html", "<h1>502 Bad Gateway</h1>"),
        OnRefresh::OtherMerchant => given["merchant_id"] = json!("MLOTHER"),
        OnRefresh::KeepRefreshToken => drop(given.as_object_mut().unwrap().remove("refresh_token")),
        OnRefresh::SameRefreshToken => given["refresh_token"] = json!(old),
        OnRefresh::Rotate | OnRefresh::Portal | OnRefresh::Busy | OnRefresh::ForgotTheApp | OnRefresh::Ended => {}
    }
    answer(200, "application/json", given.to_string())
}

async fn status(State(fake): State<Arc<Fake>>, headers: HeaderMap) -> Response {
    let Some(family) = fake.family_of(&headers) else {
        return refusal("UNAUTHORIZED");
    };
    let store = fake.store.lock().unwrap();
    let family = &store.families[family];
    let told =
        json!({"scopes": family.scopes, "expires_at": "2030-01-01T00:00:00Z", "client_id": CLIENT, "merchant_id": family.merchant.0});
    answer(200, "application/json", told.to_string())
}

async fn merchant(State(fake): State<Arc<Fake>>, headers: HeaderMap) -> Response {
    let Some(family) = fake.family_of(&headers) else {
        return answer(401, "application/json", "{}");
    };
    assert!(headers.contains_key("square-version"));
    let store = fake.store.lock().unwrap();
    let family = &store.families[family];
    if !family.scopes.iter().any(|s| s == "MERCHANT_PROFILE_READ") {
        return answer(403, "application/json", "{}");
    }
    let (id, name) = fake
        .rules
        .lock()
        .unwrap()
        .probe_merchant
        .clone()
        .unwrap_or_else(|| family.merchant.clone());
    answer(
        200,
        "application/json",
        json!({"merchant": {"id": id, "business_name": name}}).to_string(),
    )
}

async fn payments(State(fake): State<Arc<Fake>>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    fake.seen.lock().unwrap().api_calls += 1;
    fake.stop(At::Used).await;
    match fake.family_of(&headers) {
        Some(_) => (StatusCode::OK, Json(json!({"payments": []}))),
        None => (StatusCode::UNAUTHORIZED, Json(json!({}))),
    }
}

async fn stray(State(fake): State<Arc<Fake>>, address: axum::http::Uri) -> StatusCode {
    fake.seen.lock().unwrap().strays.push(address.to_string());
    StatusCode::NOT_FOUND
}
