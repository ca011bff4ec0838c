//! What the server does, as data that can be changed at any moment, and what it has seen.
//!
//! | Area | Modes | Here |
//! |---|---|---|
//! | Rotation | rotates, used tokens only refused | `on_refresh: Rotate`, `reuse_kills: false` |
//! | | reuse ends the whole family | `reuse_kills: true` |
//! | | grace of N seconds | `grace_seconds` |
//! | | never rotates | `KeepRefreshToken`, `SameRefreshToken`; sometimes: `RotateEverySecond` |
//! | | the answer is lost after the rotation | `RotateThenCut`, `RotateThenGatewayError` |
//! | Transport | delay | `delay_ms` |
//! | | 429 with seconds, a date or nothing; 5xx, HTML, 200 with an error, redirects, cuts | `hitches` |
//! | Authorization | `iss` on, off, wrong | `iss` |
//! | | PKCE enforced, ignored | `pkce` |
//! | | fewer permissions; another company; several companies | `granted`; `merchant`, `probe_merchant`; `also` |
//! | Shape | JSON body only; instants or seconds | `body`; `expiry` |
//! | Revocation | RFC 7009, DELETE, a secret is needed | `revocation`, `revocation_needs_secret` |
//! | Device flow | RFC 8628 | `device` |
//!
//! TLS is chosen when the server starts. All of it is plain data, but for what only a test in the same program can do (the fields
//! that are skipped). Nothing here may hold a token. A new mode is one field, one row above and one question in `tokens`, `pages` or `reading`.

use super::profile::{Body, ClientAuth, Ends, Expiry, Kind, Pkce, Profile, Revocation, Rotation};
use crate::faults::RetryAfter;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Notify;

/// The application's id; the same everywhere.
pub const CLIENT: &str = "sq0idp-practice";
/// The application's secret, where a provider gives one.
pub const CLIENT_SECRET: &str = "CANARY-application-secret-5b1e77";
/// The end of the key that is good from the start, after the provider's own beginning.
pub const KEY_END: &str = "CANARY-key-c0ffee15900d";

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub enum OnRefresh {
    Rotate,
    /// Every second renewal returns the same refresh token again.
    RotateEverySecond,
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

/// What the redirect says about who answers (RFC 9207).
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Iss {
    Off,
    /// This server's own address, without a path.
    On,
    Wrong(String),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PkceRule {
    Enforced,
    Ignored,
}

/// Which of the server's doors.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Door {
    Token,
    Status,
    Revoke,
    Api,
}

/// What answers in the place of the server.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// An empty JSON object with this status, and when to come back.
    Status(u16, RetryAfter),
    /// A page of HTML with this status.
    Html(u16),
    /// Status 200, and in the body an error of this name.
    ErrorWithSuccess(String),
    /// This status, and this address to go to.
    Redirect(u16, String),
    /// The first half of an answer, then nothing.
    Cut,
}

/// One answer of a door that is not the server's own. Each is used once; nothing is issued or used up behind it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Hitch {
    pub door: Door,
    pub how: How,
}

/// The device flow's numbers, in seconds of the server's clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct Device {
    pub interval: i64,
    pub expires_in: i64,
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

#[derive(Clone, Debug)]
pub struct Stop {
    pub at: At,
    pub reached: Arc<Notify>,
}

/// An answer word for word: status, headers, body.
pub type Answered = (u16, Vec<(&'static str, String)>, Vec<u8>);
/// Changes what a token answer says.
pub type Shape = Arc<dyn Fn(&mut Value) + Send + Sync>;

/// How the server behaves now.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// The application that is known, and its secret.
    pub client: (String, String),
    /// Id and name of the company.
    pub merchant: (String, String),
    /// Further companies that the same access reaches.
    pub also: Vec<(String, String)>,
    /// The error with which the page ends instead of a sign-in.
    pub deny: Option<String>,
    /// The permissions that are given, whatever was asked for.
    pub granted: Option<Vec<String>>,
    pub on_refresh: OnRefresh,
    /// How long access lives, in seconds, where it is not as in the file.
    pub access_seconds: Option<i64>,
    /// What the identity probe says, where it is not the access's own company.
    pub probe_merchant: Option<(String, String)>,
    pub refuse_all_access: bool,
    /// Whether a used refresh token ends the whole family, or is only refused.
    pub reuse_kills: bool,
    /// For so long after its use a refresh token still works.
    pub grace_seconds: i64,
    /// Every answer comes so much later.
    pub delay_ms: u64,
    /// A renewal takes so much longer before it does anything.
    pub dwell_ms: u64,
    pub hitches: Vec<Hitch>,
    pub iss: Iss,
    pub pkce: PkceRule,
    pub body: Body,
    pub expiry: Expiry,
    pub revocation: Revocation,
    /// What ends with it.
    pub ends: Ends,
    /// Ending access takes the application's secret, also where the file's kind of application has none.
    pub revocation_needs_secret: bool,
    pub device: Option<Device>,
    /// Keys that are good, each with the permissions it has.
    pub keys: BTreeMap<String, BTreeSet<String>>,
    /// Whether keys are for real money; `None` = as the environment is.
    pub live: Option<bool>,
    /// What the redirect back carries beside code and state; takes the place of what the file says it carries.
    pub redirect_extra: Vec<(String, String)>,
    /// The answer to every exchange of a code, when it should be strange: status, content type, body.
    #[serde(skip)]
    pub token_answer: Option<(u16, &'static str, String)>,
    /// The answer to every renewal, when it should be strange. Nothing is rotated.
    #[serde(skip)]
    pub renewal_answer: Option<Answered>,
    /// The next renewal waits here until the gate is opened.
    #[serde(skip)]
    pub gate: Option<Arc<Notify>>,
    #[serde(skip)]
    pub stop: Option<Stop>,
    /// What is changed in every token answer before it leaves.
    #[serde(skip)]
    pub shape: Option<Shape>,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            client: (CLIENT.into(), CLIENT_SECRET.into()),
            merchant: ("MLHARBOUR".into(), "Harbour Street Bakery".into()),
            also: Vec::new(),
            deny: None,
            granted: None,
            on_refresh: OnRefresh::Rotate,
            access_seconds: None,
            probe_merchant: None,
            refuse_all_access: false,
            reuse_kills: true,
            grace_seconds: 0,
            delay_ms: 0,
            dwell_ms: 0,
            hitches: Vec::new(),
            iss: Iss::Off,
            pkce: PkceRule::Enforced,
            body: Body::Form,
            expiry: Expiry::Seconds,
            revocation: Revocation::None,
            ends: Ends::Unknown,
            revocation_needs_secret: false,
            device: None,
            keys: BTreeMap::new(),
            live: None,
            redirect_extra: Vec::new(),
            token_answer: None,
            renewal_answer: None,
            gate: None,
            stop: None,
            shape: None,
        }
    }
}

impl Rules {
    /// How the provider behaves according to its file.
    pub fn of(profile: &Profile) -> Rules {
        let (on_refresh, grace_seconds) = match &profile.renewing {
            None => (OnRefresh::Rotate, 0),
            Some(renewing) => {
                let how = match renewing.rotation {
                    Rotation::Always | Rotation::Unknown => OnRefresh::Rotate,
                    Rotation::Sometimes => OnRefresh::RotateEverySecond,
                    Rotation::Never => OnRefresh::KeepRefreshToken,
                };
                (how, renewing.grace_seconds)
            }
        };
        let all: BTreeSet<String> = profile.permissions.iter().map(|permission| permission.name.clone()).collect();
        let begins = profile.key_prefixes.first().cloned().unwrap_or_default();
        let keys = match profile.kind {
            Kind::ApiKey => BTreeMap::from([(format!("{begins}{KEY_END}"), all)]),
            Kind::OauthPkce | Kind::OauthOwnApp | Kind::ClientCredentials => BTreeMap::new(),
        };
        Rules {
            on_refresh,
            grace_seconds,
            pkce: match profile.pkce {
                Pkce::Required => PkceRule::Enforced,
                Pkce::Sent | Pkce::None => PkceRule::Ignored,
            },
            body: profile.body,
            expiry: profile.expiry,
            revocation: profile.revocation,
            ends: profile.ends,
            revocation_needs_secret: profile.client_auth != ClientAuth::NoSecret || profile.revocation == Revocation::NeedsSecret,
            keys,
            ..Rules::default()
        }
    }

    /// The rules of the file with the fields of a JSON object in their place; errors name the field.
    pub fn changed(profile: &Profile, json: &str) -> Result<Rules, String> {
        let mut rules = Rules::of(profile);
        let given: serde_json::Map<String, Value> = serde_json::from_str(json).map_err(|problem| problem.to_string())?;
        let read: Rules = serde_json::from_value(Value::Object(given.clone())).map_err(|problem| problem.to_string())?;
        macro_rules! take {
            ($($field:ident),+ $(,)?) => { $(if given.contains_key(stringify!($field)) { rules.$field = read.$field; })+ };
        }
        take!(
            client, merchant, also, deny, granted, on_refresh, access_seconds, probe_merchant, refuse_all_access, reuse_kills, grace_seconds, delay_ms, dwell_ms,
            hitches, iss, pkce, body, expiry, revocation, ends, revocation_needs_secret, device, keys, live, redirect_extra,
        );
        Ok(rules)
    }

    /// The first hitch that waits at a door; it is used up.
    pub(super) fn hitch(&mut self, door: Door) -> Option<How> {
        let at = self.hitches.iter().position(|hitch| hitch.door == door)?;
        Some(self.hitches.remove(at).how)
    }

    pub(super) fn companies(&self) -> Vec<(String, String)> {
        std::iter::once(&self.merchant).chain(&self.also).cloned().collect()
    }
}

/// What came to the server.
#[derive(Debug, Default)]
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
    /// The `Host` and the path of every request, in order.
    pub asked: Vec<(String, String)>,
    /// Addresses that were asked for and are not there.
    pub strays: Vec<String>,
    /// Requests that are not what the provider's file says, each with what is wrong. Nothing secret.
    pub wrong: Vec<String>,
    /// Every secret that ever left this server or came to it.
    pub secrets: Vec<String>,
}
