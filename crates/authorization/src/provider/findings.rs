//! What is wrong with a provider's file, each with its line, and the checks that every part of it shares.
//!
//! A finding names what stands there and why it is refused; it never repairs anything and never ends the search.

use super::facts::CredentialKind;
use crate::endpoints::unsafe_address;
use crate::problems::shown;
use std::collections::BTreeMap;
use std::fmt::Display;
use toml::Spanned;
use url::Url;

/// Headers that a file may not set: they carry the access, or say where a request goes.
const RESERVED_HEADERS: &[&str] = &["authorization", "cookie", "host", "content-length", "transfer-encoding"];

/// Collects findings with their lines.
pub(super) struct Findings<'a> {
    pub file: &'a str,
    pub text: &'a str,
    pub list: Vec<String>,
}

impl Findings<'_> {
    pub fn at(&mut self, offset: usize, why: impl Display) {
        let line = line_of(self.text, offset);
        self.list.push(format!("{}:{line}: {why}", self.file));
    }

    pub fn url(&mut self, given: &Spanned<String>) -> Option<Url> {
        let text = shown(given.get_ref());
        let (found, url) = match Url::parse(given.get_ref()) {
            Err(error) => (Some(format!("\"{text}\" is not an address: {error}")), None),
            Ok(url) => (unsafe_address(&url).map(|why| format!("\"{text}\": {why}")), Some(url)),
        };
        match found {
            Some(why) => {
                self.at(given.span().start, why);
                None
            }
            None => url,
        }
    }

    /// `Some(None)` when there is none, `None` when it is wrong.
    pub fn optional_url(&mut self, given: &Option<Spanned<String>>) -> Option<Option<Url>> {
        match given {
            Some(given) => self.url(given).map(Some),
            None => Some(None),
        }
    }

    pub fn page(&mut self, at: usize, name: &str, given: &str) {
        if Url::parse(given).ok().is_none_or(|page| page.scheme() != "https") {
            self.at(at, format!("{name}: an https address"));
        }
    }

    pub fn said(&mut self, at: usize, name: &str, given: &str) {
        if given.trim().is_empty() {
            self.at(at, format!("{name}: says nothing"));
        }
    }

    pub fn pointer(&mut self, at: usize, name: &str, given: &str) {
        if !given.starts_with('/') {
            self.at(at, format!("{name}: begins with /"));
        }
    }

    /// A path below the API's address. "//name" would be another host.
    pub fn path(&mut self, at: usize, name: &str, given: &str) {
        if !given.starts_with('/') || given.starts_with("//") || given.contains('\\') || given.contains(char::is_whitespace) {
            self.at(at, format!("{name}: a path that begins with one /"));
        }
    }

    pub fn headers(&mut self, at: usize, name: &str, headers: &BTreeMap<String, String>) {
        for header in headers.keys() {
            let plain = !header.is_empty() && header.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            if !plain || RESERVED_HEADERS.iter().any(|reserved| header.eq_ignore_ascii_case(reserved)) {
                self.at(at, format!("{name}: the header \"{}\" cannot be set", shown(header)));
            }
        }
    }

    /// What a kind of credential needs.
    pub fn needed<T>(&mut self, at: usize, kind: CredentialKind, name: &str, given: Option<T>) -> Option<T> {
        if given.is_none() {
            self.at(at, format!("{name}: {} needs it", kind.name()));
        }
        given
    }

    /// What a kind of credential has no use for.
    pub fn unused<T>(&mut self, kind: CredentialKind, name: &str, given: &Option<Spanned<T>>) {
        if let Some(given) = given {
            self.at(given.span().start, format!("{name}: has no meaning for {}", kind.name()));
        }
    }
}

pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
}
