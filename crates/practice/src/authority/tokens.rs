//! Giving, renewing and ending access: codes, refresh tokens and their families.
//!
//! A family is everything that grew out of one consent. Whether a used refresh token still works, ends its family or is only refused is in the
//! rules; how a request must look is in the provider's file. A refusal must never say more than RFC 6749's word for it. A further way of
//! asking for access is one more arm in `token`.

use super::pages::Waiting;
use super::profile::{Body, ClientAuth, Ends, Expiry, Kind, Revocation};
use super::{Asked, At, Door, OnRefresh, PkceRule, Shared, refused};
use crate::square::answers::{captive_portal, json, json_text};
use crate::wire::{self, basic, challenge_of, lock, text};
use axum::body::Body as HttpBody;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

pub(super) type Fields = BTreeMap<String, String>;

/// The grant types of the device flow: the standard's, and Zoho's own.
const DEVICE_GRANTS: [&str; 2] = ["urn:ietf:params:oauth:grant-type:device_code", "device_token"];
/// Without another word of the file access lives so long.
const ACCESS_SECONDS: i64 = 3_600;

pub(super) struct Code {
    /// What the page was asked with.
    pub asked: Fields,
    pub at: i64,
}

pub(super) struct Family {
    dead: bool,
    pub companies: Vec<(String, String)>,
    pub scopes: Vec<String>,
    renewals: usize,
}

struct Refresh {
    family: usize,
    used: Option<i64>,
    ends: Option<i64>,
}

#[derive(Default)]
pub(super) struct Store {
    pub codes: HashMap<String, Code>,
    /// Family, and when it ends.
    access: HashMap<String, (usize, Option<i64>)>,
    refresh: HashMap<String, Refresh>,
    pub families: Vec<Family>,
    pub waiting: HashMap<String, Waiting>,
}

impl Store {
    pub fn forget_access(&mut self) {
        self.access.clear();
    }

    pub fn living(&self) -> usize {
        self.families.iter().filter(|family| !family.dead).count()
    }

    pub fn family_of(&self, access: &str, now: i64) -> Option<&Family> {
        let (family, ends) = self.access.get(access)?;
        let family = self.families.get(*family)?;
        (!family.dead && ends.is_none_or(|ends| now < ends)).then_some(family)
    }
}

/// The body's fields, in the form that the provider takes and in no other.
pub(super) fn fields(shared: &Shared, asked: &Asked) -> Result<Fields, Box<Response>> {
    let kind = text(&asked.headers, header::CONTENT_TYPE).unwrap_or_default();
    match lock(&shared.rules).body {
        Body::Json if kind == "application/json" => {
            serde_json::from_slice::<Fields>(&asked.body).map_err(|_| "the body is no JSON object of texts".to_string())
        }
        Body::Form if kind == "application/x-www-form-urlencoded" => {
            let pairs = wire::pairs(&asked.body);
            let fields: Fields = pairs.iter().cloned().collect();
            match fields.len() == pairs.len() {
                true => Ok(fields),
                false => Err("a field stands twice".to_string()),
            }
        }
        Body::Json => Err("this provider takes JSON only".to_string()),
        Body::Form => Err("this provider takes a form only".to_string()),
    }
    .map_err(|what| shared.wrong_request(what))
}

/// The application proves itself as the file says; a secret in another place is a fault of its own.
fn proved(shared: &Shared, asked: &Asked, fields: &Fields, needs_secret: bool) -> Result<(), Box<Response>> {
    let (id, secret) = lock(&shared.rules).client.clone();
    let field = |name: &str| fields.get(name).map(String::as_str);
    let proof = text(&asked.headers, header::AUTHORIZATION);
    let good = match shared.profile.client_auth {
        ClientAuth::NoSecret if !needs_secret => {
            if field("client_secret").is_some() || proof.is_some() {
                return Err(shared.wrong_request("a secret was sent where there is none"));
            }
            field("client_id") == Some(&id)
        }
        ClientAuth::Basic => {
            if field("client_secret").is_some() {
                return Err(shared.wrong_request("the secret belongs into the header"));
            }
            proof == Some(&basic(&id, &secret))
        }
        ClientAuth::Body | ClientAuth::NoSecret => {
            if proof.is_some() {
                return Err(shared.wrong_request("the secret belongs into the body"));
            }
            field("client_id") == Some(&id) && field("client_secret") == Some(&secret)
        }
    };
    if good { Ok(()) } else { Err(refused(StatusCode::UNAUTHORIZED, "invalid_client")) }
}

/// Counts a renewal for as long as it is under way.
struct UnderWay(Arc<Shared>);

impl UnderWay {
    fn begin(shared: &Arc<Shared>) -> UnderWay {
        let mut seen = lock(&shared.seen);
        seen.refreshes += 1;
        seen.renewing += 1;
        seen.renewing_most = seen.renewing_most.max(seen.renewing);
        UnderWay(shared.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        lock(&self.0.seen).renewing -= 1;
    }
}

pub(super) async fn token(shared: &Arc<Shared>, asked: &Asked) -> Result<Response, Box<Response>> {
    let fields = fields(shared, asked)?;
    let profile = &shared.profile;
    let grant = fields.get("grant_type").map(String::as_str).unwrap_or_default();
    if grant == "authorization_code" {
        let mut seen = lock(&shared.seen);
        seen.exchanges += 1;
        seen.exchange_bodies.push(json!(fields));
        seen.secrets.extend(fields.get("code_verifier").cloned());
    }
    match grant {
        "authorization_code" if profile.signs_in() => {
            proved(shared, asked, &fields, false)?;
            exchange(shared, &fields)
        }
        "refresh_token" if profile.renewing.is_some() => {
            let under_way = UnderWay::begin(shared);
            proved(shared, asked, &fields, false)?;
            let gate = lock(&shared.rules).gate.take();
            if let Some(gate) = gate {
                gate.notified().await;
            }
            let dwell = lock(&shared.rules).dwell_ms;
            if dwell > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(dwell)).await;
            }
            shared.stop(At::Arrived).await;
            let before = lock(&shared.seen).rotations;
            let answer = renew(shared, &fields);
            if lock(&shared.seen).rotations > before {
                shared.stop(At::Rotated).await;
            }
            drop(under_way);
            answer
        }
        "client_credentials" if profile.kind == Kind::ClientCredentials => {
            proved(shared, asked, &fields, false)?;
            let given = profile.permissions();
            let family = family(shared, given);
            Ok(json(StatusCode::OK, &give(shared, family, false)?))
        }
        other if DEVICE_GRANTS.contains(&other) && lock(&shared.rules).device.is_some() => {
            proved(shared, asked, &fields, false)?;
            let scopes = super::pages::polled(shared, &fields)?;
            let family = family(shared, scopes);
            Ok(json(StatusCode::OK, &give(shared, family, true)?))
        }
        other => Err(shared.wrong_request(format!("the grant type \"{other}\" is not this provider's"))),
    }
}

fn family(shared: &Shared, scopes: Vec<String>) -> usize {
    let companies = lock(&shared.rules).companies();
    let mut store = lock(&shared.store);
    store.families.push(Family { dead: false, companies, scopes, renewals: 0 });
    store.families.len() - 1
}

fn exchange(shared: &Shared, fields: &Fields) -> Result<Response, Box<Response>> {
    if let Some((status, kind, body)) = lock(&shared.rules).token_answer.clone() {
        return Ok(word_for_word(status, &[("content-type", kind.to_string())], body.into_bytes()));
    }
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let bad = || refused(StatusCode::BAD_REQUEST, "invalid_grant");
    let code = lock(&shared.store).codes.remove(field("code")).ok_or_else(bad)?;
    if shared.profile.code_seconds.is_some_and(|life| shared.now() - code.at > life) || code.asked.get("redirect_uri").map(String::as_str) != Some(field("redirect_uri")) {
        return Err(bad());
    }
    let enforced = lock(&shared.rules).pkce == PkceRule::Enforced;
    let challenge = code.asked.get("code_challenge");
    if challenge.is_some() != fields.contains_key("code_verifier") {
        return Err(shared.wrong_request("a verifier goes with a challenge, and only with one"));
    }
    if enforced && challenge != Some(&challenge_of(field("code_verifier"))) {
        return Err(bad());
    }
    let granted = lock(&shared.rules).granted.clone();
    let family = family(shared, granted.unwrap_or_else(|| super::pages::scopes(&shared.profile, code.asked.get("scope"))));
    Ok(json(StatusCode::OK, &give(shared, family, true)?))
}

/// An answer word for word.
fn word_for_word(status: u16, headers: &[(&str, String)], body: Vec<u8>) -> Response {
    let mut told = Response::builder().status(status);
    for (name, value) in headers {
        told = told.header(*name, value);
    }
    told.body(HttpBody::from(body)).unwrap_or_else(|_| *refused(StatusCode::INTERNAL_SERVER_ERROR, "server_error"))
}

fn give(shared: &Shared, family: usize, renewable: bool) -> Result<Value, Box<Response>> {
    let profile = &shared.profile;
    let (access, refresh) = (shared.secret("access")?, shared.secret("refresh")?);
    let rules = lock(&shared.rules).clone();
    let (now, renewing) = (shared.now(), profile.renewing.as_ref().filter(|_| renewable));
    let life = rules.access_seconds.or(profile.access_seconds);
    let refresh_life = renewing.and_then(|renewing| renewing.life_seconds);
    let at = |seconds: i64| jiff::Timestamp::from_second(now + seconds).map(|when| when.to_string()).unwrap_or_default();
    let mut told = json!({"access_token": access, "token_type": "bearer"});
    let mut lives = life;
    match rules.expiry {
        Expiry::Absolute => {
            let life = life.unwrap_or(ACCESS_SECONDS);
            lives = Some(life);
            told["expires_at"] = json!(at(life));
            if let Some(life) = refresh_life {
                told["refresh_token_expires_at"] = json!(at(life));
            }
        }
        Expiry::Seconds => {
            let life = life.unwrap_or(ACCESS_SECONDS);
            lives = Some(life);
            told["expires_in"] = json!(life);
        }
        Expiry::None => {}
    }
    if let (Some(field), Some(life)) = (renewing.and_then(|renewing| renewing.life_field.as_deref()), refresh_life) {
        told[field] = json!(life);
    }
    let mut store = lock(&shared.store);
    store.access.insert(access, (family, lives.map(|life| now + life)));
    if renewing.is_some() {
        told["refresh_token"] = json!(refresh);
        store.refresh.insert(refresh, Refresh { family, used: None, ends: refresh_life.map(|life| now + life) });
    }
    if let Some(field) = profile.beyond.company_field {
        told[field] = json!(store.families[family].companies[0].0);
    }
    for (field, value) in profile.beyond.fixed {
        told[*field] = json!(value);
    }
    if profile.status.is_none() && rules.granted.is_some() {
        told["scope"] = json!(store.families[family].scopes.join(" "));
    }
    drop(store);
    if let Some(shape) = rules.shape {
        shape(&mut told);
    }
    Ok(told)
}

fn renew(shared: &Shared, fields: &Fields) -> Result<Response, Box<Response>> {
    let rules = lock(&shared.rules).clone();
    if let Some((status, headers, body)) = rules.renewal_answer {
        return Ok(word_for_word(status, &headers, body));
    }
    let over = || refused(StatusCode::BAD_REQUEST, "invalid_grant");
    match rules.on_refresh {
        OnRefresh::Portal => return Ok(captive_portal()),
        OnRefresh::Busy => return Ok(word_for_word(429, &[("retry-after", "120".into()), ("content-type", "application/json".into())], b"{}".to_vec())),
        OnRefresh::ForgotTheApp => return Err(refused(StatusCode::BAD_REQUEST, "invalid_client")),
        OnRefresh::Ended => return Err(over()),
        OnRefresh::Rotate
        | OnRefresh::RotateEverySecond
        | OnRefresh::RotateThenCut
        | OnRefresh::RotateThenGatewayError
        | OnRefresh::OtherMerchant
        | OnRefresh::KeepRefreshToken
        | OnRefresh::SameRefreshToken => {}
    }
    let old = fields.get("refresh_token").map(String::as_str).unwrap_or_default();
    let (family, keeps) = {
        let mut store = lock(&shared.store);
        let Store { refresh, families, .. } = &mut *store;
        let Some(kept) = refresh.get_mut(old) else { return Err(over()) };
        let family = &mut families[kept.family];
        let now = shared.now();
        if kept.used.is_some_and(|at| rules.grace_seconds == 0 || now - at > rules.grace_seconds) {
            // Reuse detection: the whole family dies, as RFC 9700 asks.
            lock(&shared.seen).reuses += 1;
            if !rules.reuse_kills {
                return Err(over());
            }
            family.dead = true;
        }
        if family.dead || kept.ends.is_some_and(|ends| now >= ends) {
            return Err(over());
        }
        family.renewals += 1;
        let keeps = match rules.on_refresh {
            OnRefresh::KeepRefreshToken | OnRefresh::SameRefreshToken => true,
            OnRefresh::RotateEverySecond => family.renewals.is_multiple_of(2),
            _ => false,
        };
        if !keeps {
            kept.used = Some(kept.used.unwrap_or(now));
        }
        (kept.family, keeps)
    };
    lock(&shared.seen).rotations += 1;
    let mut given = give(shared, family, true)?;
    match rules.on_refresh {
        // Without a word, as when a cable is pulled: the task ends and its connection with it.
        OnRefresh::RotateThenCut => std::panic::resume_unwind(Box::new(())),
        OnRefresh::RotateThenGatewayError => return Ok(super::html(502, "<h1>502 Bad Gateway</h1>")),
        OnRefresh::OtherMerchant => given["merchant_id"] = json!("MLOTHER"),
        OnRefresh::KeepRefreshToken => drop(given.as_object_mut().and_then(|given| given.remove("refresh_token"))),
        OnRefresh::SameRefreshToken | OnRefresh::RotateEverySecond if keeps => given["refresh_token"] = json!(old),
        _ => {}
    }
    Ok(json(StatusCode::OK, &given))
}

/// RFC 7009, or what the provider has in its place: one token and what it goes with; an unknown one counts as ended.
pub(super) fn revoke(shared: &Shared, asked: &Asked) -> Result<Response, Box<Response>> {
    let (kind, ends, needs_secret) = {
        let rules = lock(&shared.rules);
        (rules.revocation, rules.ends, rules.revocation_needs_secret)
    };
    let fields = fields(shared, asked)?;
    lock(&shared.seen).revocations.push(json!(fields));
    let method = match kind {
        Revocation::Rfc7009 | Revocation::NeedsSecret => Method::POST,
        Revocation::Delete => Method::DELETE,
        Revocation::None => return Err(refused(StatusCode::NOT_FOUND, "not_found")),
    };
    if asked.method != method {
        return Err(shared.wrong_request(format!("access is ended with {method} here")));
    }
    proved(shared, asked, &fields, needs_secret)?;
    if let Some(hitch) = shared.hitch(Door::Revoke) {
        return Ok(hitch);
    }
    let token = fields.get("token").map(String::as_str).unwrap_or_default();
    if token.is_empty() {
        return Err(shared.wrong_request("no token was named"));
    }
    let mut store = lock(&shared.store);
    let family = store.refresh.get(token).map(|kept| kept.family).or_else(|| store.access.get(token).map(|(family, _)| *family));
    if let Some(family) = family {
        let company = store.families[family].companies[0].0.clone();
        let grant = ends == Ends::Grant;
        for (number, other) in store.families.iter_mut().enumerate() {
            other.dead |= number == family || grant && other.companies[0].0 == company;
        }
    }
    Ok(json_text(StatusCode::OK, String::new()))
}
