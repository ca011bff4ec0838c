//! The practice authorization server by itself: every provider's file makes a server, and each mode does what its name says.
//!
//! Asked with a plain HTTP client, as a program that knows nothing of the rest would. What our own sign-in makes of the answers is tested
//! in the crate `authorization`.

use practice::RetryAfter;
use practice::authority::*;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

const START: i64 = 1_790_000_000;
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const BACK: &str = "http://127.0.0.1:9/back";

fn file(name: &str) -> String {
    std::fs::read_to_string(format!("{}/../../catalog/providers/{name}.toml", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

struct Asking {
    server: Authority,
    http: reqwest::Client,
    now: Arc<AtomicI64>,
}

/// Where Square's file has its addresses.
const TOKEN: &str = "/oauth2/token";

impl Asking {
    async fn new(name: &str) -> Asking {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let now = Arc::new(AtomicI64::new(START));
        let clock = now.clone();
        let server = Authority::start(Profile::read(&file(name), "production").unwrap(), Arc::new(move || clock.load(Ordering::SeqCst))).await.unwrap();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        Asking { server, http, now }
    }

    async fn square() -> Asking {
        Asking::new("square").await
    }

    fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    async fn page(&self, changes: &[(&str, &str)]) -> Response {
        let mut fields = BTreeMap::from([
            ("client_id", CLIENT),
            ("response_type", "code"),
            ("redirect_uri", BACK),
            ("state", "a-state-that-is-long-enough"),
            ("scope", "PAYMENTS_READ MERCHANT_PROFILE_READ"),
            ("session", "false"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]);
        fields.extend(changes.iter().copied());
        fields.retain(|_, value| !value.is_empty());
        self.http.get(self.server.base.join("/oauth2/authorize").unwrap()).query(&fields).send().await.unwrap()
    }

    async fn back(&self, changes: &[(&str, &str)]) -> BTreeMap<String, String> {
        let answer = self.page(changes).await;
        assert_eq!(answer.status(), StatusCode::FOUND, "{:?}", self.server.wrong());
        url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap().query_pairs().into_owned().collect()
    }

    async fn post(&self, fields: Value) -> Response {
        self.http.post(self.server.base.join(TOKEN).unwrap()).json(&fields).send().await.unwrap()
    }

    async fn exchange(&self, code: &str, verifier: &str) -> Response {
        self.post(json!({"grant_type": "authorization_code", "client_id": CLIENT, "code": code, "code_verifier": verifier, "redirect_uri": BACK})).await
    }

    async fn signed_in(&self) -> Value {
        let code = self.back(&[]).await["code"].clone();
        self.exchange(&code, VERIFIER).await.json().await.unwrap()
    }

    async fn renew(&self, refresh: &Value) -> Response {
        self.post(json!({"grant_type": "refresh_token", "client_id": CLIENT, "refresh_token": refresh})).await
    }

    async fn works(&self, access: &Value) -> bool {
        let answer = self.http.get(self.server.base.join(READ).unwrap()).bearer_auth(access.as_str().unwrap()).send().await.unwrap();
        answer.status() == StatusCode::OK
    }
}

async fn error(answer: Response) -> String {
    assert!(answer.status().is_client_error(), "{}", answer.status());
    answer.json::<Value>().await.unwrap()["error"].as_str().unwrap().to_owned()
}

#[test]
fn every_providers_file_makes_a_server_for_each_of_its_environments() {
    let folder = format!("{}/../../catalog/providers", env!("CARGO_MANIFEST_DIR"));
    let mut made = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for environment in ["production", "sandbox"] {
            match Profile::read(&text, environment) {
                Ok(profile) => made.push(format!("{} {environment}", profile.name)),
                Err(why) => assert!(environment == "sandbox" && why.contains("no environment"), "{why}"),
            }
        }
    }
    assert_eq!(made.iter().filter(|name| name.ends_with("production")).count(), 11, "{made:?}");
    assert_eq!(made.len(), 18, "{made:?}");
    assert!(Profile::read("name = 3", "production").is_err());
}

#[tokio::test]
async fn tokens_rotate_and_a_used_one_is_refused_ends_the_family_or_has_grace() {
    for (kills, grace, after, first_again, second) in [(false, 0, 0, false, true), (true, 0, 0, false, false), (true, 60, 60, true, true), (true, 60, 61, false, false)] {
        let asking = Asking::square().await;
        asking.server.rule(|rules| (rules.reuse_kills, rules.grace_seconds) = (kills, grace));
        let first = asking.signed_in().await;
        let renewed: Value = asking.renew(&first["refresh_token"]).await.json().await.unwrap();
        assert_ne!(renewed["refresh_token"], first["refresh_token"]);
        asking.pass(after);
        let again = asking.renew(&first["refresh_token"]).await.status().is_success();
        assert_eq!(again, first_again, "{kills} {grace} {after}");
        assert_eq!(asking.renew(&renewed["refresh_token"]).await.status().is_success(), second, "{kills} {grace} {after}");
        assert_eq!(asking.works(&renewed["access_token"]).await, second);
    }
}

#[tokio::test]
async fn a_server_that_never_rotates_keeps_the_token_good_and_a_lost_answer_has_rotated_it() {
    let asking = Asking::square().await;
    let first = asking.signed_in().await;
    for (mode, told) in [(OnRefresh::KeepRefreshToken, Value::Null), (OnRefresh::SameRefreshToken, first["refresh_token"].clone())] {
        asking.server.rule(|rules| rules.on_refresh = mode);
        let renewed: Value = asking.renew(&first["refresh_token"]).await.json().await.unwrap();
        assert_eq!(renewed.get("refresh_token").cloned().unwrap_or_default(), told);
    }
    asking.server.rule(|rules| rules.on_refresh = OnRefresh::RotateEverySecond);
    let third: Value = asking.renew(&first["refresh_token"]).await.json().await.unwrap();
    let fourth: Value = asking.renew(&third["refresh_token"]).await.json().await.unwrap();
    assert!((third["refresh_token"] != first["refresh_token"]) || (fourth["refresh_token"] != third["refresh_token"]));
    assert!((third["refresh_token"] == first["refresh_token"]) || (fourth["refresh_token"] == third["refresh_token"]));

    asking.server.rule(|rules| rules.on_refresh = OnRefresh::RotateThenCut);
    let post = asking.http.post(asking.server.base.join(TOKEN).unwrap());
    let lost = post.json(&json!({"grant_type": "refresh_token", "client_id": CLIENT, "refresh_token": fourth["refresh_token"]})).send().await;
    assert!(lost.is_err());
    asking.server.rule(|rules| rules.on_refresh = OnRefresh::Rotate);
    assert_eq!(error(asking.renew(&fourth["refresh_token"]).await).await, "invalid_grant", "it was used up all the same");
}

#[tokio::test]
async fn an_answer_can_be_late_busy_broken_a_page_an_error_with_success_or_another_address() {
    let asking = Asking::square().await;
    let first = asking.signed_in().await;
    let hitches = [
        How::Status(429, RetryAfter::Seconds(7)),
        How::Status(429, RetryAfter::Date(120)),
        How::Status(503, RetryAfter::Absent),
        How::Html(502),
        How::Html(200),
        How::ErrorWithSuccess("Access Denied".into()),
        How::Redirect(307, "http://127.0.0.1:1/".into()),
        How::Cut,
    ];
    asking.server.rule(|rules| rules.hitches = hitches.into_iter().map(|how| Hitch { door: Door::Token, how }).collect());
    let head = |answer: &Response, name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let mut told = Vec::new();
    for _ in 0..4 {
        let answer = asking.renew(&first["refresh_token"]).await;
        told.push((answer.status().as_u16(), head(&answer, "retry-after"), head(&answer, "content-type").unwrap()));
    }
    let json = "application/json".to_string();
    // 1,790,000,000 is this instant; the date lies two minutes after the answer's own.
    let date = Some("Mon, 21 Sep 2026 14:15:20 GMT".to_string());
    assert_eq!(told[0], (429, Some("7".into()), json.clone()));
    assert_eq!(told[1], (429, date, json.clone()));
    assert_eq!(told[2], (503, None, json));
    assert_eq!((told[3].0, told[3].2.starts_with("text/html")), (502, true));
    let portal = asking.renew(&first["refresh_token"]).await;
    assert_eq!((portal.status().as_u16(), head(&portal, "content-type").unwrap().starts_with("text/html")), (200, true));
    let denied = asking.renew(&first["refresh_token"]).await;
    assert_eq!(denied.status(), StatusCode::OK);
    assert_eq!(denied.json::<Value>().await.unwrap()["error"], "Access Denied");
    let elsewhere = asking.renew(&first["refresh_token"]).await;
    assert_eq!((elsewhere.status().as_u16(), head(&elsewhere, "location")), (307, Some("http://127.0.0.1:1/".into())));
    assert!(asking.renew(&first["refresh_token"]).await.bytes().await.is_err());
    assert_eq!(asking.server.refreshes(), 0, "behind a hitch nothing happens");
    asking.server.rule(|rules| rules.delay_ms = 30);
    let begun = std::time::Instant::now();
    assert!(asking.renew(&first["refresh_token"]).await.status().is_success());
    assert!(begun.elapsed().as_millis() >= 30);
}

#[tokio::test]
async fn the_redirect_names_its_issuer_rightly_wrongly_or_not_at_all() {
    let asking = Asking::square().await;
    assert!(!asking.back(&[]).await.contains_key("iss"));
    asking.server.rule(|rules| rules.iss = Iss::On);
    assert_eq!(asking.back(&[]).await["iss"], asking.server.base.as_str().trim_end_matches('/'));
    asking.server.rule(|rules| rules.iss = Iss::Wrong("https://evil.example".into()));
    assert_eq!(asking.back(&[]).await["iss"], "https://evil.example");
    asking.server.rule(|rules| rules.deny = Some("access_denied".into()));
    assert_eq!(asking.back(&[]).await["error"], "access_denied");
}

#[tokio::test]
async fn pkce_is_enforced_or_ignored_and_a_code_works_once_in_its_time_and_place() {
    let asking = Asking::square().await;
    let code = || async { asking.back(&[]).await["code"].clone() };
    let other = "A".repeat(43);
    assert_eq!(error(asking.exchange(&code().await, &other).await).await, "invalid_grant");
    let good = code().await;
    assert!(asking.exchange(&good, VERIFIER).await.status().is_success());
    assert_eq!(error(asking.exchange(&good, VERIFIER).await).await, "invalid_grant", "a code works once");
    let late = code().await;
    asking.pass(301);
    assert_eq!(error(asking.exchange(&late, VERIFIER).await).await, "invalid_grant");
    asking.server.rule(|rules| rules.pkce = PkceRule::Ignored);
    assert!(asking.exchange(&code().await, &other).await.status().is_success());
    assert!(asking.server.wrong().is_empty(), "{:?}", asking.server.wrong());
}

#[tokio::test]
async fn what_is_not_as_the_file_says_is_refused_and_written_down() {
    let asking = Asking::square().await;
    for changes in [
        [("client_id", "another")],
        [("redirect_uri", "http://evil.example/")],
        [("redirect_uri", "file:///etc/passwd")],
        [("state", "short")],
        [("response_type", "token")],
        [("session", "")],
        [("code_challenge", "")],
        [("code_challenge_method", "plain")],
        [("scope", "EVERYTHING")],
    ] {
        assert_eq!(asking.page(&changes).await.status(), StatusCode::BAD_REQUEST, "{changes:?}");
    }
    assert_eq!(asking.server.wrong().len(), 9);
    let form = asking.http.post(asking.server.base.join(TOKEN).unwrap()).form(&[("grant_type", "refresh_token"), ("client_id", CLIENT)]).send().await.unwrap();
    assert_eq!(error(form).await, "invalid_request");
    assert_eq!(error(asking.post(json!({"grant_type": "password", "client_id": CLIENT})).await).await, "invalid_request");
    let secret = json!({"grant_type": "refresh_token", "client_id": CLIENT, "client_secret": CLIENT_SECRET, "refresh_token": "x"});
    assert_eq!(error(asking.post(secret).await).await, "invalid_request");
    assert_eq!(asking.server.wrong().len(), 12, "{:?}", asking.server.wrong());
    // JSON only is Square's way; the other way round is a rule.
    asking.server.rule(|rules| rules.body = Body::Form);
    assert_eq!(error(asking.renew(&json!("x")).await).await, "invalid_request");
}

#[tokio::test]
async fn fewer_permissions_other_companies_and_both_spellings_of_an_end() {
    let asking = Asking::square().await;
    asking.server.rule(|rules| {
        rules.granted = Some(vec!["PAYMENTS_READ".into()]);
        rules.merchant = ("ML2".into(), "Quay Tea Room".into());
    });
    let told = asking.signed_in().await;
    assert_eq!(told["merchant_id"], "ML2");
    assert!(told["expires_at"].as_str().unwrap().starts_with("2026-10-") && told.get("expires_in").is_none(), "{told}");
    let status = asking.http.post(asking.server.base.join("/oauth2/token/status").unwrap()).bearer_auth(told["access_token"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(status.json::<Value>().await.unwrap()["scopes"], json!(["PAYMENTS_READ"]));
    asking.server.rule(|rules| rules.expiry = Expiry::Seconds);
    let told = asking.signed_in().await;
    assert!(told["expires_in"] == 30 * 86_400 && told.get("expires_at").is_none(), "{told}");
    asking.pass(30 * 86_400);
    assert!(!asking.works(&told["access_token"]).await, "access ends when it said");
}

#[tokio::test]
async fn access_is_ended_by_a_post_a_delete_or_only_with_the_secret() {
    for (kind, method, secret) in
        [(Revocation::Rfc7009, Method::POST, false), (Revocation::Delete, Method::DELETE, false), (Revocation::NeedsSecret, Method::POST, true)]
    {
        let asking = Asking::square().await;
        asking.server.rule(|rules| (rules.revocation, rules.revocation_needs_secret) = (kind, secret));
        let told = asking.signed_in().await;
        let end = |method: Method, fields: Value| asking.http.request(method, asking.server.base.join("/oauth2/revoke").unwrap()).json(&fields).send();
        let without = json!({"client_id": CLIENT, "token": told["refresh_token"]});
        let with = json!({"client_id": CLIENT, "client_secret": CLIENT_SECRET, "token": told["refresh_token"]});
        let other = if method == Method::POST { Method::DELETE } else { Method::POST };
        assert_eq!(end(other, without.clone()).await.unwrap().status(), StatusCode::BAD_REQUEST);
        if secret {
            assert_eq!(error(end(method.clone(), without.clone()).await.unwrap()).await, "invalid_client");
        }
        assert!(asking.works(&told["access_token"]).await, "nothing ended yet");
        assert!(end(method.clone(), if secret { with } else { without }).await.unwrap().status().is_success());
        assert!(!asking.works(&told["access_token"]).await, "{kind:?}");
        let unknown = json!({"client_id": CLIENT, "client_secret": CLIENT_SECRET, "token": "never given"});
        if secret {
            assert!(end(method, unknown).await.unwrap().status().is_success(), "an unknown token counts as ended");
        }
    }
}

#[tokio::test]
async fn a_device_waits_slows_down_and_is_allowed_refused_or_too_late() {
    let asking = Asking::new("zoho-books").await;
    asking.server.rule(|rules| rules.device = Some(Device { interval: 5, expires_in: 300 }));
    let form = |path: &str, fields: Vec<(&'static str, String)>| asking.http.post(asking.server.base.join(path).unwrap()).form(&fields).send();
    let begin = || async {
        let scope = "ZohoBooks.settings.READ,ZohoBooks.banking.READ".to_string();
        form("/oauth/v3/device/code", vec![("client_id", CLIENT.into()), ("scope", scope)]).await.unwrap().json::<Value>().await.unwrap()
    };
    let poll = |told: &Value| {
        let code = told["device_code"].as_str().unwrap().to_owned();
        let kind = "urn:ietf:params:oauth:grant-type:device_code".to_string();
        form("/oauth/v2/token", vec![("grant_type", kind), ("client_id", CLIENT.into()), ("client_secret", CLIENT_SECRET.into()), ("device_code", code)])
    };
    let answer = |told: &Value, answer: &str| {
        let mut page = url::Url::parse(told["verification_uri_complete"].as_str().unwrap()).unwrap();
        page.query_pairs_mut().append_pair("answer", answer);
        asking.http.get(page).send()
    };
    let told = begin().await;
    assert_eq!((told["interval"].as_i64(), told["expires_in"].as_i64()), (Some(5), Some(300)));
    assert_eq!(told["user_code"].as_str().unwrap().len(), 8);
    assert_eq!(error(poll(&told).await.unwrap()).await, "authorization_pending");
    assert_eq!(error(poll(&told).await.unwrap()).await, "slow_down");
    asking.pass(6);
    assert_eq!(error(poll(&told).await.unwrap()).await, "slow_down", "five seconds more, for good");
    asking.pass(20);
    assert!(answer(&told, "allow").await.unwrap().status().is_success());
    let given: Value = poll(&told).await.unwrap().json().await.unwrap();
    assert!(given["access_token"].is_string() && given["refresh_token"].is_string(), "{given}");
    assert_eq!(error(poll(&told).await.unwrap()).await, "invalid_grant", "a device code works once");

    let told = begin().await;
    answer(&told, "deny").await.unwrap();
    assert_eq!(error(poll(&told).await.unwrap()).await, "access_denied");
    let told = begin().await;
    asking.pass(300);
    assert_eq!(error(poll(&told).await.unwrap()).await, "expired_token");
    let without = Asking::new("zoho-books").await;
    let path = without.server.base.join("/oauth/v3/device/code").unwrap();
    assert_eq!(without.http.post(path).form(&[("client_id", CLIENT)]).send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_server_ends_when_it_is_dropped() {
    let asking = Asking::square().await;
    let port = asking.server.base.port().unwrap();
    tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    drop(asking);
    tokio::task::yield_now().await;
    let refused = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
    assert!(refused.is_err());
}

#[test]
fn the_program_says_where_it_is_takes_rules_and_ends_with_its_input() {
    let file = format!("{}/../../catalog/providers/xero.toml", env!("CARGO_MANIFEST_DIR"));
    for tls in [false, true] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_practice-authorization-server"));
        program.args([file.as_str(), "--rules", r#"{"also": [["t-2", "Quay Tea Room"]]}"#]);
        if tls {
            program.args(["--tls", "good"]);
        }
        let mut program = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
        let mut line = move || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
        let said = line();
        let base = url::Url::parse(said["base"].as_str().unwrap()).unwrap();
        assert_eq!(base.scheme(), if tls { "https" } else { "http" });
        assert_eq!(said["trust"].as_str().is_some_and(|pem| pem.contains("BEGIN CERTIFICATE")), tls);
        std::net::TcpStream::connect(("127.0.0.1", base.port().unwrap())).unwrap();
        let mut input = program.stdin.take().unwrap();
        writeln!(input, r#"{{"on_refresh": "KeepRefreshToken", "hitches": [{{"door": "token", "how": {{"status": [503, {{"seconds": 3}}]}}}}]}}"#).unwrap();
        assert_eq!(line(), json!({"ok": true}));
        writeln!(input, r#"{{"no_such_rule": 1}}"#).unwrap();
        assert!(line()["error"].as_str().unwrap().contains("no_such_rule"));
        drop(input);
        assert!(program.wait().unwrap().success());
    }
    let refused = Command::new(env!("CARGO_BIN_EXE_practice-authorization-server")).arg("--tls").stdin(Stdio::null()).output().unwrap();
    assert!(!refused.status.success() && refused.stdout.is_empty());
}
