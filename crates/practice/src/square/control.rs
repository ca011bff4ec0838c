//! Steering a running practice Square from another process: clock, faults, what was asked, the truth, stop.
//!
//! Every request needs the run's own control token, so that a web page that guesses the port can do nothing.
//! A new thing to steer is one more route here and one method of `Control`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::answers::{error, invalid, json as answer_json};
use super::state::{Square, Stats};
use crate::faults::Faults;

pub const CONTROL_HEADER: &str = "x-practice-control";

#[derive(Debug, Serialize, Deserialize)]
struct Clock {
    now: Timestamp,
}

pub fn router(square: Arc<Square>, stop: watch::Sender<bool>) -> Router {
    Router::new()
        .route("/_practice/clock", get(clock).post(set_clock))
        .route("/_practice/faults", get(faults).post(set_faults))
        .route("/_practice/stats", get(stats))
        .route("/_practice/truth", get(truth))
        .route("/_practice/end-sign-ins", post(end))
        .route("/_practice/stop", post(stop_now))
        .layer(Extension(Arc::new(stop)))
        .with_state(square)
}

// The refusal is the answer itself; it is made once and sent.
#[allow(clippy::result_large_err)]
fn allowed(square: &Square, headers: &HeaderMap) -> Result<(), Response> {
    square.touch();
    match headers.get(CONTROL_HEADER).and_then(|value| value.to_str().ok()) {
        Some(token) if token == square.control_token => Ok(()),
        Some(_) | None => Err(error(
            StatusCode::FORBIDDEN,
            "AUTHENTICATION_ERROR",
            "FORBIDDEN",
            "The control token is missing or wrong.",
        )),
    }
}

fn written<T: Serialize>(value: &T) -> Response {
    match serde_json::to_value(value) {
        Ok(value) => answer_json(StatusCode::OK, &value),
        Err(problem) => error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "API_ERROR",
            "INTERNAL_SERVER_ERROR",
            &problem.to_string(),
        ),
    }
}

async fn clock(State(square): State<Arc<Square>>, headers: HeaderMap) -> Result<Response, Response> {
    allowed(&square, &headers)?;
    Ok(written(&Clock { now: square.now() }))
}

async fn set_clock(
    State(square): State<Arc<Square>>,
    headers: HeaderMap,
    clock: Result<Json<Clock>, JsonRejection>,
) -> Result<Response, Response> {
    allowed(&square, &headers)?;
    let Json(clock) = clock.map_err(|problem| invalid("INVALID_TIME", &problem.body_text()))?;
    square.set_now(clock.now);
    Ok(written(&clock))
}

async fn faults(State(square): State<Arc<Square>>, headers: HeaderMap) -> Result<Response, Response> {
    allowed(&square, &headers)?;
    Ok(written(&square.faults()))
}

async fn set_faults(
    State(square): State<Arc<Square>>,
    headers: HeaderMap,
    faults: Result<Json<Faults>, JsonRejection>,
) -> Result<Response, Response> {
    allowed(&square, &headers)?;
    let Json(faults) = faults.map_err(|problem| invalid("INVALID_VALUE", &problem.body_text()))?;
    square.change_faults(|old| *old = faults);
    Ok(written(&square.faults()))
}

async fn stats(State(square): State<Arc<Square>>, headers: HeaderMap) -> Result<Response, Response> {
    allowed(&square, &headers)?;
    Ok(written(&square.stats()))
}

async fn truth(State(square): State<Arc<Square>>, headers: HeaderMap) -> Result<Response, Response> {
    allowed(&square, &headers)?;
    Ok(written(&square.world().totals_at(square.now())))
}

pub fn end_sign_ins(square: &Square) -> std::io::Result<()> {
    let mut grants = square.grants();
    grants.end_all();
    square.keep_grants(&grants)
}

async fn end(State(square): State<Arc<Square>>, headers: HeaderMap) -> Result<Response, Response> {
    allowed(&square, &headers)?;
    end_sign_ins(&square).map_err(|problem| {
        error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "API_ERROR",
            "INTERNAL_SERVER_ERROR",
            &problem.to_string(),
        )
    })?;
    Ok(written(&json!({})))
}

async fn stop_now(
    State(square): State<Arc<Square>>,
    Extension(stop): Extension<Arc<watch::Sender<bool>>>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    allowed(&square, &headers)?;
    let _ = stop.send(true);
    Ok(written(&json!({})))
}

/// Steers a practice Square that runs in another process.
pub struct Control {
    base_url: String,
    token: String,
    client: reqwest::Client,
}

impl Control {
    pub fn new(base_url: &str, control_token: &str) -> Result<Control, String> {
        Ok(Control {
            base_url: base_url.trim_end_matches('/').to_owned(),
            token: control_token.to_owned(),
            client: crate::consent::browser()?,
        })
    }

    async fn ask<T: DeserializeOwned>(&self, what: &str, body: Option<Value>) -> Result<T, String> {
        let address = format!("{}/_practice/{what}", self.base_url);
        let request = match body {
            Some(body) => self.client.post(address).json(&body),
            None => self.client.get(address),
        };
        let response = request
            .header(CONTROL_HEADER, &self.token)
            .send()
            .await
            .map_err(|problem| format!("The practice Square does not answer: {problem}"))?;
        let status = response.status();
        if !status.is_success() {
            return Err(format!("The practice Square refused \"{what}\" with status {status}."));
        }
        response
            .json()
            .await
            .map_err(|problem| format!("The practice Square's answer to \"{what}\" cannot be read: {problem}"))
    }

    pub async fn now(&self) -> Result<Timestamp, String> {
        self.ask::<Clock>("clock", None).await.map(|clock| clock.now)
    }

    pub async fn set_now(&self, now: Timestamp) -> Result<(), String> {
        self.ask::<Clock>("clock", Some(json!({ "now": now }))).await.map(|_| ())
    }

    pub async fn faults(&self) -> Result<Faults, String> {
        self.ask("faults", None).await
    }

    pub async fn set_faults(&self, faults: &Faults) -> Result<(), String> {
        let body = serde_json::to_value(faults).map_err(|problem| problem.to_string())?;
        self.ask::<Faults>("faults", Some(body)).await.map(|_| ())
    }

    pub async fn stats(&self) -> Result<Stats, String> {
        self.ask("stats", None).await
    }

    /// The truth as the other process shows it now, as plain JSON of `Totals`.
    pub async fn truth(&self) -> Result<Value, String> {
        self.ask("truth", None).await
    }

    pub async fn end_sign_ins(&self) -> Result<(), String> {
        self.ask::<Value>("end-sign-ins", Some(json!({}))).await.map(|_| ())
    }

    pub async fn stop(&self) -> Result<(), String> {
        self.ask::<Value>("stop", Some(json!({}))).await.map(|_| ())
    }
}
