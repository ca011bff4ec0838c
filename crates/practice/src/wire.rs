//! What every server here needs to read requests and make secrets: parameters, proofs, random words.
//!
//! Small functions without state. Nothing here may know a provider or decide anything. A further one is added when two
//! servers need it, not before.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use std::sync::{Mutex, MutexGuard, PoisonError};
use url::form_urlencoded;

pub type Pairs = Vec<(String, String)>;

/// The parameters of a query or of a form, in order.
pub fn pairs(text: &[u8]) -> Pairs {
    form_urlencoded::parse(text).into_owned().collect()
}

/// The only value of a name; a name that comes twice is as bad as one that is missing.
pub fn only(pairs: &Pairs, name: &str) -> Option<String> {
    let mut found = pairs.iter().filter(|(key, _)| key == name);
    match (found.next(), found.next()) {
        (Some((_, value)), None) if !value.is_empty() => Some(value.clone()),
        (Some(_), None) | (Some(_), Some(_)) | (None, _) => None,
    }
}

/// The text of a header, if it is text.
pub fn text(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    text(headers, header::AUTHORIZATION)?.strip_prefix("Bearer ")
}

/// The `Authorization` of an id and a secret.
pub fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// A secret from the operating system, never from the practice company's seed. Errors when the system gives no randomness.
pub fn secret(prefix: &str) -> std::io::Result<String> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(|problem| std::io::Error::other(problem.to_string()))?;
    Ok(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// RFC 7636, S256.
pub fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

/// A panic elsewhere does not make what it held unreadable.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
