//! A reader of the practice Square for tests: signs in like a program and reads every page.
//!
//! Written against HTTP only, apart from the servers' own code, so that both cannot be wrong in the same way.
#![allow(dead_code)]

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use practice::{CLIENT_ID, Consent, ServeOptions, Served, Story, World, consent, serve};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

pub const OLD: &[&str] = &["MERCHANT_PROFILE_READ", "PAYMENTS_READ", "PAYOUTS_READ"];
pub const ALL: &[&str] = &[
    "MERCHANT_PROFILE_READ",
    "PAYMENTS_READ",
    "PAYOUTS_READ",
    "ORDERS_READ",
    "DISPUTES_READ",
];
pub const OLD_VERSION: &str = "2022-09-21";
pub const NEW_VERSION: &str = "2025-08-20";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

pub fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("a client")
}

pub async fn serve_small(story: Story) -> Served {
    let world = World::small(7, 240);
    let now = world.until();
    serve(world, ServeOptions::new(story, now))
        .await
        .expect("the practice Square starts")
}

pub fn authorize_url(served: &Served, redirect: &str, scopes: &[&str]) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER.as_bytes()));
    let mut url = url::Url::parse(&format!("{}/oauth2/authorize", served.base_url)).expect("an address");
    url.query_pairs_mut()
        .append_pair("client_id", CLIENT_ID)
        .append_pair("response_type", "code")
        .append_pair("redirect_uri", redirect)
        .append_pair("scope", &scopes.join(" "))
        .append_pair("state", "the state")
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256");
    url.to_string()
}

/// Listens once, lets the scripted browser answer, and returns what came back on the redirect.
pub async fn ask(served: &Served, scopes: &[&str], answer: Consent) -> (String, BTreeMap<String, String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let redirect = format!("http://127.0.0.1:{}/callback", listener.local_addr().expect("an address").port());
    let url = authorize_url(served, &redirect, scopes);
    let listen = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut text = Vec::new();
        let mut chunk = [0u8; 2048];
        while !text.windows(4).any(|end| end == b"\r\n\r\n") {
            let read = stream.read(&mut chunk).await.expect("a request");
            text.extend_from_slice(&chunk[..read]);
        }
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
            .await
            .expect("an answer");
        let line = String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned();
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let url = url::Url::parse(&format!("http://127.0.0.1{path}")).expect("a callback");
        url.query_pairs().into_owned().collect()
    };
    let (answered, came_back) = tokio::join!(consent(&url, answer), listen);
    answered.expect("the browser gets through");
    (redirect, came_back)
}

pub async fn post(served: &Served, path: &str, body: Value) -> (u16, Value) {
    let response = client()
        .post(format!("{}{path}", served.base_url))
        .json(&body)
        .send()
        .await
        .expect("an answer");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

pub async fn redeem(served: &Served, code: &str, verifier: &str) -> (u16, Value) {
    let body = json!({ "client_id": CLIENT_ID, "grant_type": "authorization_code", "code": code, "code_verifier": verifier });
    post(served, "/oauth2/token", body).await
}

pub async fn refresh(served: &Served, token: &str) -> (u16, Value) {
    let body = json!({ "client_id": CLIENT_ID, "grant_type": "refresh_token", "refresh_token": token });
    post(served, "/oauth2/token", body).await
}

pub async fn sign_in(served: &Served, scopes: &[&str], answer: Consent) -> Value {
    let (_, back) = ask(served, scopes, answer).await;
    assert_eq!(back["state"], "the state");
    let (status, tokens) = redeem(served, &back["code"], VERIFIER).await;
    assert_eq!(status, 200, "{tokens}");
    tokens
}

pub struct Reader {
    pub client: reqwest::Client,
    pub base_url: String,
    pub token: String,
    pub version: &'static str,
}

impl Reader {
    pub async fn new(served: &Served, scopes: &[&str], version: &'static str) -> Reader {
        let tokens = sign_in(served, scopes, Consent::Allow).await;
        let token = tokens["access_token"].as_str().expect("a token").to_owned();
        Reader {
            client: client(),
            base_url: served.base_url.clone(),
            token,
            version,
        }
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        let response = self.raw(path).await.expect("an answer");
        let status = response.status().as_u16();
        (status, response.json().await.expect("JSON"))
    }

    pub async fn raw(&self, path: &str) -> Result<reqwest::Response, reqwest::Error> {
        self.client
            .get(format!("{}{path}", self.base_url))
            .bearer_auth(&self.token)
            .header("Square-Version", self.version)
            .send()
            .await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let request = self.client.post(format!("{}{path}", self.base_url)).bearer_auth(&self.token);
        let response = request
            .header("Square-Version", self.version)
            .json(&body)
            .send()
            .await
            .expect("an answer");
        (response.status().as_u16(), response.json().await.expect("JSON"))
    }

    /// Every record of a list, following the cursor.
    pub async fn all(&self, path: &str, name: &str) -> Vec<Value> {
        let mut records = Vec::new();
        let mut cursor = String::new();
        loop {
            let joint = if path.contains('?') { '&' } else { '?' };
            let page = if cursor.is_empty() {
                path.to_owned()
            } else {
                format!("{path}{joint}cursor={cursor}")
            };
            let (status, value) = self.get(&page).await;
            assert_eq!(status, 200, "{page}: {value}");
            records.extend(value[name].as_array().cloned().unwrap_or_default());
            match value["cursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => return records,
            }
        }
    }
}

/// Lists reach back one year unless told; tests read everything.
pub const SINCE: &str = "begin_time=2020-01-01T00:00:00Z";

pub fn cents(money: &Value) -> i64 {
    money["amount"].as_i64().unwrap_or_default()
}

/// The Square balance from nothing but the records.
pub async fn balance_by_records(reader: &Reader) -> i64 {
    let mut balance = 0;
    for payment in reader.all(&format!("/v2/payments?{SINCE}"), "payments").await {
        let gift_card = payment["card_details"]["card"]["card_brand"] == "SQUARE_GIFT_CARD";
        if payment["status"] != "COMPLETED" || payment["source_type"] != "CARD" || gift_card {
            continue;
        }
        let fees = payment["processing_fee"].as_array().cloned().unwrap_or_default();
        balance += cents(&payment["total_money"]) - fees.iter().map(|fee| cents(&fee["amount_money"])).sum::<i64>();
    }
    for refund in reader.all(&format!("/v2/refunds?{SINCE}"), "refunds").await {
        if refund["status"] == "COMPLETED" {
            let fees = refund["processing_fee"].as_array().cloned().unwrap_or_default();
            balance -= cents(&refund["amount_money"]) + fees.iter().map(|fee| cents(&fee["amount_money"])).sum::<i64>();
        }
    }
    for dispute in reader.all("/v2/disputes", "disputes").await {
        if dispute["state"] != "WON" {
            balance -= cents(&dispute["amount_money"]);
        }
    }
    for payout in reader.all(&format!("/v2/payouts?{SINCE}"), "payouts").await {
        let fees: i64 = payout["payout_fee"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|fee| cents(&fee["amount_money"]))
            .sum();
        balance -= fees;
        if payout["status"] != "FAILED" {
            balance -= cents(&payout["amount_money"]);
        }
    }
    balance
}
