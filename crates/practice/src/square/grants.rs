//! Who may read what: applications, sign-ins, codes and tokens of the practice Square.
//!
//! Only hashes of tokens are kept, also on disk, so that a practice folder holds no secret either. Lifetimes are counted on
//! the practice clock. A new kind of token is one more map here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::wire::{challenge_of, secret};

pub const CLIENT_ID: &str = "practice-changeover";
pub const CODE_LIFE: SignedDuration = SignedDuration::from_mins(5);
pub const ACCESS_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);
pub const REFRESH_LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Every permission the practice Square knows, in a bookkeeper's words.
pub const PERMISSIONS: &[(&str, &str)] = &[
    ("MERCHANT_PROFILE_READ", "See the company's name and its places"),
    ("PAYMENTS_READ", "See payments, their fees and refunds"),
    ("PAYOUTS_READ", "See payouts to the bank and what they consist of"),
    ("ORDERS_READ", "See what was sold: articles, taxes, tips and gift cards"),
    ("DISPUTES_READ", "See payments that customers dispute with their bank"),
];

/// An authorization request that waits for the person's answer.
#[derive(Debug, Clone)]
pub struct Asked {
    pub redirect_uri: String,
    pub scopes: Vec<String>,
    pub state: String,
    pub challenge: String,
}

#[derive(Debug, Clone)]
pub struct Code {
    pub asked: Asked,
    pub granted: Vec<String>,
    pub merchant_id: String,
    pub issued: Timestamp,
    pub used_for: Option<u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Grant {
    pub merchant_id: String,
    pub scopes: BTreeSet<String>,
    /// A reused code or refresh token ends everything that came from the same sign-in.
    pub ended: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Access {
    pub grant: u64,
    pub scopes: BTreeSet<String>,
    pub expires: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refresh {
    pub grant: u64,
    pub expires: Timestamp,
    pub used: bool,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Grants {
    grants: BTreeMap<u64, Grant>,
    access: BTreeMap<String, Access>,
    refresh: BTreeMap<String, Refresh>,
    #[serde(skip)]
    pub asked: BTreeMap<String, Asked>,
    #[serde(skip)]
    codes: BTreeMap<String, Code>,
}

/// A fresh pair of tokens, to be sent once and forgotten.
pub struct Pair {
    pub access: String,
    pub access_expires: Timestamp,
    pub refresh: String,
    pub refresh_expires: Timestamp,
    pub merchant_id: String,
}

/// Why a token was not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    UnknownCode,
    ExpiredCode,
    ReusedCode,
    WrongVerifier,
    WrongRedirect,
    UnknownRefresh,
    ExpiredRefresh,
    ReusedRefresh,
    Ended,
    ScopeNotGranted,
}

impl Refusal {
    pub fn words(self) -> &'static str {
        match self {
            Refusal::UnknownCode => "The authorization code is not known.",
            Refusal::ExpiredCode => "The authorization code has expired.",
            Refusal::ReusedCode => "The authorization code was already used.",
            Refusal::WrongVerifier => "The code verifier does not match the code challenge.",
            Refusal::WrongRedirect => "The redirect URI is not the one of the authorization request.",
            Refusal::UnknownRefresh => "The refresh token is not known.",
            Refusal::ExpiredRefresh => "The refresh token has expired.",
            Refusal::ReusedRefresh => "The refresh token was already used; the whole sign-in has been ended.",
            Refusal::Ended => "The sign-in has been ended.",
            Refusal::ScopeNotGranted => "A scope was asked for that was not granted.",
        }
    }
}

fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

impl Grants {
    pub fn load(path: &Path) -> std::io::Result<Grants> {
        match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(std::io::Error::other),
            Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => Ok(Grants::default()),
            Err(problem) => Err(problem),
        }
    }

    pub fn save(&self, path: &Path) -> std::io::Result<()> {
        let beside = path.with_extension("new");
        std::fs::write(&beside, serde_json::to_vec(self).map_err(std::io::Error::other)?)?;
        std::fs::rename(&beside, path)
    }

    /// Whether somebody has signed in before.
    pub fn any(&self) -> bool {
        !self.grants.is_empty()
    }

    pub fn end_all(&mut self) {
        for grant in self.grants.values_mut() {
            grant.ended = true;
        }
    }

    pub fn keep_code(&mut self, code: &str, kept: Code) {
        self.codes.insert(hash(code), kept);
    }

    pub fn redeem(&mut self, code: &str, verifier: &str, redirect_uri: Option<&str>, now: Timestamp) -> Result<Pair, Refusal> {
        let key = hash(code);
        let kept = self.codes.get(&key).cloned().ok_or(Refusal::UnknownCode)?;
        if let Some(grant) = kept.used_for {
            if let Some(grant) = self.grants.get_mut(&grant) {
                grant.ended = true;
            }
            return Err(Refusal::ReusedCode);
        }
        if now.duration_since(kept.issued) > CODE_LIFE {
            return Err(Refusal::ExpiredCode);
        }
        if redirect_uri.is_some_and(|redirect| redirect != kept.asked.redirect_uri) {
            return Err(Refusal::WrongRedirect);
        }
        // One try only: a wrong verifier is somebody else's code.
        let id = self.grants.len() as u64 + 1;
        if let Some(kept) = self.codes.get_mut(&key) {
            kept.used_for = Some(id);
        }
        if challenge_of(verifier) != kept.asked.challenge {
            return Err(Refusal::WrongVerifier);
        }
        let scopes: BTreeSet<String> = kept.granted.iter().cloned().collect();
        self.grants.insert(
            id,
            Grant {
                merchant_id: kept.merchant_id,
                scopes: scopes.clone(),
                ended: false,
            },
        );
        self.issue(id, scopes, now)
    }

    pub fn refresh(&mut self, token: &str, narrowed: Option<Vec<String>>, now: Timestamp) -> Result<Pair, Refusal> {
        let key = hash(token);
        let kept = self.refresh.get(&key).cloned().ok_or(Refusal::UnknownRefresh)?;
        let grant = self.grants.get_mut(&kept.grant).ok_or(Refusal::UnknownRefresh)?;
        if kept.used {
            grant.ended = true;
            return Err(Refusal::ReusedRefresh);
        }
        if grant.ended {
            return Err(Refusal::Ended);
        }
        if now > kept.expires {
            return Err(Refusal::ExpiredRefresh);
        }
        let scopes: BTreeSet<String> = match narrowed {
            Some(narrowed) => narrowed.into_iter().collect(),
            None => grant.scopes.clone(),
        };
        if !scopes.is_subset(&grant.scopes) {
            return Err(Refusal::ScopeNotGranted);
        }
        if let Some(kept) = self.refresh.get_mut(&key) {
            kept.used = true;
        }
        self.issue(kept.grant, scopes, now)
    }

    fn issue(&mut self, grant: u64, scopes: BTreeSet<String>, now: Timestamp) -> Result<Pair, Refusal> {
        let make = |prefix: &str| secret(prefix).map_err(|_| Refusal::Ended);
        let (access, refresh) = (make("EAAA")?, make("EQAA")?);
        let (access_expires, refresh_expires) = (now + ACCESS_LIFE, now + REFRESH_LIFE);
        self.access.insert(
            hash(&access),
            Access {
                grant,
                scopes,
                expires: access_expires,
            },
        );
        self.refresh.insert(
            hash(&refresh),
            Refresh {
                grant,
                expires: refresh_expires,
                used: false,
            },
        );
        let merchant_id = self.grants.get(&grant).map(|grant| grant.merchant_id.clone()).unwrap_or_default();
        Ok(Pair {
            access,
            access_expires,
            refresh,
            refresh_expires,
            merchant_id,
        })
    }

    /// What an access token is good for, or the Square code of why it is good for nothing.
    pub fn check(&self, token: &str, now: Timestamp) -> Result<(Access, Grant), &'static str> {
        let access = self.access.get(&hash(token)).ok_or("UNAUTHORIZED")?;
        let grant = self.grants.get(&access.grant).ok_or("UNAUTHORIZED")?;
        if grant.ended {
            return Err("ACCESS_TOKEN_REVOKED");
        }
        if now >= access.expires {
            return Err("ACCESS_TOKEN_EXPIRED");
        }
        Ok((access.clone(), grant.clone()))
    }
}
