//! Square's way of answering: lists, errors, and the pages that replace them when something goes wrong.
//!
//! Errors always have Square's `errors` list. A new error is one call of `error` with Square's own category and code.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::faults::RetryAfter;

pub fn json_text(status: StatusCode, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub fn json(status: StatusCode, value: &Value) -> Response {
    json_text(status, value.to_string())
}

pub fn error(status: StatusCode, category: &str, code: &str, detail: &str) -> Response {
    json(
        status,
        &json!({ "errors": [{ "category": category, "code": code, "detail": detail }] }),
    )
}

pub fn invalid(code: &str, detail: &str) -> Response {
    error(StatusCode::BAD_REQUEST, "INVALID_REQUEST_ERROR", code, detail)
}

pub fn unauthorized(code: &str) -> Response {
    let detail = match code {
        "ACCESS_TOKEN_EXPIRED" => "The access token has expired.",
        "ACCESS_TOKEN_REVOKED" => "The access token has been revoked.",
        _ => "This request could not be authorized.",
    };
    error(StatusCode::UNAUTHORIZED, "AUTHENTICATION_ERROR", code, detail)
}

pub fn not_found(what: &str) -> Response {
    error(
        StatusCode::NOT_FOUND,
        "INVALID_REQUEST_ERROR",
        "NOT_FOUND",
        &format!("{what} was not found."),
    )
}

pub fn rate_limited(retry_after: RetryAfter) -> Response {
    let mut response = error(
        StatusCode::TOO_MANY_REQUESTS,
        "RATE_LIMIT_ERROR",
        "RATE_LIMITED",
        "Too many requests. Please retry later.",
    );
    let value = match retry_after {
        RetryAfter::Seconds(seconds) => Some(seconds.to_string()),
        RetryAfter::Date(seconds) => {
            // Rounded up to the second, or a client that obeys would come a moment early.
            let when = Timestamp::now() + SignedDuration::from_secs(i64::from(seconds) + 1);
            Some(when.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
        }
        RetryAfter::Absent => None,
    };
    if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

/// A page with nothing active in it; forms may post here and be sent on to a listener on loopback.
pub fn page(status: StatusCode, html: String) -> Response {
    const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; \
                          form-action 'self' http://127.0.0.1:*";
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub fn captive_portal() -> Response {
    let html = "<!doctype html><title>Welcome</title><p>Welcome to the guest network. Please accept the terms to go on.</p>";
    page(StatusCode::OK, html.to_owned())
}

/// The first half of an answer, then nothing: the connection breaks.
pub fn cut(answer: &[u8]) -> Response {
    let half = Bytes::copy_from_slice(&answer[..answer.len() / 2]);
    let mut response = Response::new(Body::from_stream(Broken {
        half: Some(half),
        sent: false,
    }));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

struct Broken {
    half: Option<Bytes>,
    sent: bool,
}

impl futures_core::Stream for Broken {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(half)));
        }
        if !self.sent {
            // One turn of waiting lets the first half out; otherwise the reader would see nothing at all.
            self.sent = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(std::io::Error::other("the practice line was cut"))))
    }
}
