//! What the token endpoint may answer, and what each answer must come to: the access that is there is never given up
//! for an answer that says nothing about it, and never replaced by one that is not whole.

use practice::authority::OnRefresh;
use crate::support::*;
use authorization::problems::*;
use authorization::*;
use base64::Engine;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Access that is over and can only be used after a renewal.
pub async fn over() -> (World, Signer) {
    let world = World::new().await;
    let signer = world.connected().await;
    world.days_pass(40);
    (world, signer)
}

pub fn shape(world: &World, change: impl Fn(&mut Value) + Send + Sync + 'static) {
    world.fake.rule(|rules| rules.shape = Some(Arc::new(change)));
}

fn answers(world: &World, status: u16, headers: &[(&'static str, &str)], body: impl Into<Vec<u8>>) {
    let headers = headers.iter().map(|(name, value)| (*name, value.to_string())).collect();
    let body = body.into();
    world.fake.rule(|rules| rules.renewal_answer = Some((status, headers, body)));
}

pub fn follow() -> Browser {
    Browser::that(|answer| async move { drop(visit(&answer).await) })
}

// Check 41.
#[tokio::test]
async fn a_wish_to_wait_is_honoured_to_the_second_and_says_nothing_about_the_access() {
    let json = ("content-type", "application/json");
    for (status, headers, pause) in [
        (429, vec![json, ("retry-after", "7")], 7),
        (
            429,
            vec![json, ("retry-after", "Wed, 21 Oct 2026 07:30:00 GMT"), ("date", "Wed, 21 Oct 2026 07:28:00 GMT")],
            120,
        ),
        (429, vec![json], 30),
        (429, vec![json, ("retry-after", "soon")], 30),
        (429, vec![json, ("retry-after", "-5")], 30),
        // Xero's daily limit asks for hours; longer than a day is not believed.
        (429, vec![json, ("retry-after", "36000")], 36_000),
        (429, vec![json, ("retry-after", "99999999999")], 86_400),
        (500, vec![json], 30),
        (502, vec![("content-type", "text/html")], 30),
        (503, vec![json, ("retry-after", "5")], 5),
        (200, vec![("content-type", "text/html")], 30),
    ] {
        let (world, signer) = over().await;
        answers(&world, status, &headers, "<h1>invalid_grant</h1>");
        let what = format!("{status} {headers:?}");
        assert_eq!(signer.send(world.payments()).await.unwrap_err().code, E_SIGN_IN_NETWORK, "{what}");
        world.seconds_pass(pause - 1);
        assert_eq!(signer.send(world.payments()).await.unwrap_err().code, E_SIGN_IN_NETWORK, "{what}");
        assert_eq!(world.fake.refreshes(), 1, "{what}: asked again before the time");
        assert_eq!(world.described().await.state, CredentialState::Active, "{what}");
        world.fake.rule(|rules| rules.renewal_answer = None);
        world.seconds_pass(1);
        assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200, "{what}");
        assert_eq!(world.fake.refreshes(), 2, "{what}");
    }
}

// Check 41.
#[tokio::test]
async fn each_refusal_means_what_it_says_and_no_other_does() {
    for (status, error, code, state) in [
        (400, "invalid_grant", E_SIGN_IN_EXPIRED, CredentialState::NeedsReauth),
        (401, "invalid_client", E_SIGN_IN_APP, CredentialState::Active),
        (400, "unauthorized_client", E_SIGN_IN_APP, CredentialState::Active),
        (400, "invalid_request", E_SIGN_IN_PROVIDER, CredentialState::Active),
        (400, "slow_down", E_SIGN_IN_PROVIDER, CredentialState::Active),
        (403, "forbidden", E_SIGN_IN_PROVIDER, CredentialState::Active),
    ] {
        let (world, signer) = over().await;
        answers(&world, status, &[("content-type", "application/json")], json!({"error": error}).to_string());
        assert_eq!(signer.send(world.payments()).await.unwrap_err().code, code, "{status} {error}");
        assert_eq!(world.described().await.state, state, "{status} {error}");
        world.fake.rule(|rules| rules.renewal_answer = None);
        world.seconds_pass(61);
        let healed = signer.send(world.payments()).await.is_ok_and(|answer| answer.status() == 200);
        assert_eq!(healed, state == CredentialState::Active, "{status} {error}");
        assert_eq!(world.fake.refreshes(), 1 + usize::from(healed), "{status} {error}");
    }
}

// Check 25, 41.
#[tokio::test]
async fn a_provider_that_cannot_be_reached_for_a_renewal_is_asked_again_later() {
    let world = World::new().await;
    world.connected().await;
    world.days_pass(40);
    let mut endpoints = world.endpoints.clone();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    endpoints.token = Some(url::Url::parse(&format!("http://{free}/oauth2/token")).unwrap());
    let lost = world.vault.signer("conn", Which::Current, &world.provider, &endpoints).await.unwrap();
    assert_eq!(lost.send(world.payments()).await.unwrap_err().code, E_SIGN_IN_NETWORK);
    let mark: Option<String> = sqlx::query_scalar("SELECT refresh_started FROM credential").fetch_one(&world.pool).await.unwrap();
    assert_eq!(mark, None, "nothing left, so nothing can have been lost");
    world.seconds_pass(5);
    assert_eq!(world.signer().await.send(world.payments()).await.unwrap().status(), 200);
}

// Check 25.
#[tokio::test]
async fn a_redirect_of_the_token_endpoint_is_never_followed() {
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = format!("http://{}/oauth2/token", elsewhere.local_addr().unwrap());
    for status in [301, 302, 303, 307, 308] {
        let (world, signer) = over().await;
        answers(&world, status, &[("location", &there), ("content-type", "application/json")], "{}");
        assert_eq!(signer.send(world.payments()).await.unwrap_err().code, E_SIGN_IN_NETWORK, "{status}");
        assert_eq!(world.described().await.state, CredentialState::Active, "{status}");
    }
    // Whoever had followed one would stand in the queue now.
    elsewhere.into_std().unwrap().accept().expect_err("somebody followed the redirect");
}

/// 200,000 spaces, compressed.
const SPACES: &str = "H4sIAAAAAAACA+3BMQEAAADCoCrrn9IM/kABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAK8BMWFiEEANAwA=";

// Check 25.
#[tokio::test]
async fn an_answer_that_unpacks_to_too_much_is_cut_off() {
    let member = base64::engine::general_purpose::STANDARD.decode(SPACES).unwrap();
    let bomb = member.repeat(1_000);
    assert!(bomb.len() < 300_000, "small on the way, 200 MB unpacked");
    for body in [member, bomb] {
        let (world, signer) = over().await;
        answers(&world, 200, &[("content-type", "application/json"), ("content-encoding", "gzip")], body);
        let problem = signer.send(world.payments()).await.unwrap_err();
        assert_eq!(problem.code, E_SIGN_IN_PROVIDER);
        assert!(problem.why[0].contains("far too long"), "{problem}");
        assert_eq!(world.described().await.state, CredentialState::Active);
    }
}

// Check 25.
#[tokio::test]
async fn success_with_an_error_in_it_is_no_success_and_every_kind_of_success_is_one() {
    let (world, signer) = over().await;
    let before = world.described().await;
    for body in [r#"{"error":"invalid_code"}"#, r#"{"error":"invalid_grant","access_token":null}"#, "[]", "null", "{}"] {
        answers(&world, 200, &[("content-type", "application/json")], body);
        assert_eq!(signer.send(world.payments()).await.unwrap_err().code, E_SIGN_IN_PROVIDER, "{body}");
        let after = world.described().await;
        assert_eq!((after.renewed_at, after.state), (before.renewed_at, CredentialState::Active), "{body}");
        world.seconds_pass(301);
    }
    let body = r#"{"access_token":"CANARY-created","token_type":"Bearer","refresh_token":"CANARY-next"}"#;
    answers(&world, 201, &[("content-type", "application/json")], body);
    drop(signer.apply(world.payments()).await.unwrap());
    assert_eq!(world.described().await.renewed_at, (world.clock())());
}

/// A certificate for 127.0.0.1 that nobody vouches for, and its key.
const CERTIFICATE: &str = "MIIBjDCCATOgAwIBAgIUa3H1JCEsERZoed7mWfVHRKuMQqIwCgYIKoZIzj0EAwIwFDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyMzE1MDg0OFoYDzIxMjYxMDMwMTUwODQ4WjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARQFZaBIx1VezouwQq+N6BT3iwUuDYkAGW2+k4vAJfT3soefo6tY9yNiOGPiNJBEz2dL6+FKSGKfWowEb8GoUN3o2EwXzAdBgNVHQ4EFgQU9+PYdJ+ZOcyLW+Aqflc0qfnyQAEwHwYDVR0jBBgwFoAU9+PYdJ+ZOcyLW+Aqflc0qfnyQAEwDwYDVR0RBAgwBocEfwAAATAMBgNVHRMBAf8EAjAAMAoGCCqGSM49BAMCA0cAMEQCIFIKRY3uvoYwFwHJKEhz9EvlyILaJHiPG5zaPvDOt+XQAiAIczOu17cRcGjV2MgeyEWhN3XTS1MeYahGwbKwu1bOQQ==";
const ITS_KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqo9InFk2hqCf3fpKr5K6gU8uXU3b9VVZrQvsdMSEDm2hRANCAARQFZaBIx1VezouwQq+N6BT3iwUuDYkAGW2+k4vAJfT3soefo6tY9yNiOGPiNJBEz2dL6+FKSGKfWowEb8GoUN3";

// Check 25.
#[tokio::test]
async fn a_token_endpoint_with_a_certificate_that_nobody_vouches_for_gets_no_token() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let decode = |text: &str| base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    let certificate = rustls::pki_types::CertificateDer::from(decode(CERTIFICATE));
    let key = rustls::pki_types::PrivateKeyDer::try_from(decode(ITS_KEY)).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}/oauth2/token", listener.local_addr().unwrap());
    let (knocks, heard) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (knocked, listened) = (knocks.clone(), heard.clone());
    std::thread::spawn(move || {
        let config = Arc::new(config);
        for stream in listener.incoming() {
            knocked.fetch_add(1, Ordering::SeqCst);
            let mut tls = rustls::StreamOwned::new(rustls::ServerConnection::new(config.clone()).unwrap(), stream.unwrap());
            let mut bytes = [0; 4096];
            if let Ok(read @ 1..) = tls.read(&mut bytes) {
                listened.fetch_add(read, Ordering::SeqCst);
                let _ = tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                tls.conn.send_close_notify();
                let _ = tls.flush();
            }
        }
    });

    // Once with everything on this computer, where no certificate counts, and once as with a real provider.
    for revoke in ["http://127.0.0.1:1/oauth2/revoke", "https://connect.squareup.com/oauth2/revoke"] {
        let world = World::new().await;
        world.connected().await;
        world.days_pass(40);
        let mut endpoints = world.endpoints.clone();
        endpoints.token = Some(url::Url::parse(&address).unwrap());
        endpoints.revoke = Some(url::Url::parse(revoke).unwrap());
        let signer = world.vault.signer("conn", Which::Current, &world.provider, &endpoints).await.unwrap();
        let before = knocks.load(Ordering::SeqCst);
        assert_eq!(signer.send(world.payments()).await.unwrap_err().code, E_SIGN_IN_NETWORK, "{revoke}");
        assert!(knocks.load(Ordering::SeqCst) > before, "{revoke}: it was the certificate, not the way");
        assert_eq!(heard.load(Ordering::SeqCst), 0, "{revoke}: not one byte of the request");
        assert_eq!(world.described().await.state, CredentialState::Active);
    }
    // Whoever trusts it is served, so the server is not what failed.
    let root = reqwest::Certificate::from_der(&decode(CERTIFICATE)).unwrap();
    let trusting = reqwest::Client::builder().no_proxy().tls_certs_only([root]).build().unwrap();
    assert_eq!(trusting.post(&address).body("x").send().await.unwrap().status(), 200);
    assert!(heard.load(Ordering::SeqCst) > 0);
}

// Check 26, 39.
#[tokio::test]
async fn a_code_is_not_sent_again_when_the_answer_breaks_off() {
    let world = World::new().await;
    shape(&world, |_| std::panic::resume_unwind(Box::new(())));
    let problem = authorize(world.request(&OLD), &follow(), &|_| {}, &Controls::new()).await.err().unwrap();
    assert_eq!(problem.code, E_SIGN_IN_NETWORK);
    assert_eq!(world.fake.seen.lock().unwrap().exchanges, 1);
    world.fake.rule(|rules| rules.shape = None);
    assert_eq!(world.grant(&OLD).await.facts().tenant.id, "MLHARBOUR", "another sign-in has another code");
    assert_eq!(world.fake.seen.lock().unwrap().exchanges, 2);
}

// Check 27.
#[tokio::test]
async fn access_that_is_not_a_bearer_token_is_not_used() {
    for kind in [json!("DPoP"), json!("mac"), json!(""), Value::Null] {
        let world = World::new().await;
        let told = kind.clone();
        shape(&world, move |answer| answer["token_type"] = told.clone());
        let problem = authorize(world.request(&OLD), &follow(), &|_| {}, &Controls::new()).await.err().unwrap();
        assert_eq!(problem.code, E_SIGN_IN_PROVIDER, "{kind}");
    }
    let world = World::new().await;
    shape(&world, |answer| answer["token_type"] = json!("BEARER"));
    assert_eq!(world.connected().await.send(world.payments()).await.unwrap().status(), 200, "its spelling does not matter");
}

// Check 28.
#[tokio::test]
async fn permissions_that_an_answer_does_not_name_are_those_that_were_asked_for() {
    let world = World::new().await;
    let mut request = world.request(&OLD);
    request.endpoints.status = None;
    let grant = authorize(request, &follow(), &|_| {}, &Controls::new()).await.unwrap();
    assert_eq!(grant.facts().permissions, OLD);
    assert!(!grant.facts().is_limited());

    shape(&world, |answer| answer["scope"] = json!("MERCHANT_PROFILE_READ PAYMENTS_READ"));
    let mut request = world.request(&OLD);
    request.endpoints.status = None;
    let grant = authorize(request, &follow(), &|_| {}, &Controls::new()).await.unwrap();
    assert_eq!((grant.facts().permissions.len(), grant.facts().missing.clone()), (2, vec!["PAYOUTS_READ".to_string()]));
}

/// Square's file, but with seconds instead of instants, and a short life.
pub fn in_seconds() -> Provider {
    let text = include_str!("../../../../catalog/providers/square.toml");
    let text = text.replace("expiry = \"absolute\"", "expiry = \"seconds\"").replace("access_life = \"30 days\"", "access_life = \"300 seconds\"");
    let text = text.replace("renew_before_end = \"5 minutes\"", "renew_before_end = \"60 seconds\"");
    let text = text.replace("renew_at_least_every = \"7 days\"", "");
    Provider::parse("square.toml", &text).unwrap_or_else(|problem| panic!("{problem}"))
}

// Check 29.
#[tokio::test]
async fn a_clock_that_is_ten_minutes_off_does_no_harm_even_to_access_of_five_minutes() {
    for seconds in [-600, 600] {
        let mut world = World::new().await;
        world.provider = in_seconds();
        shape(&world, |answer| answer["expires_in"] = json!(300));
        let signer = world.connected().await;
        world.seconds_pass(seconds);
        if seconds < 0 {
            // By the clock here it is still good; the provider knows better.
            world.fake.forget_access();
        }
        for _ in 0..3 {
            assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200, "{seconds}");
        }
        assert_eq!((world.fake.refreshes(), world.fake.seen.lock().unwrap().reuses), (1, 0), "{seconds}");
    }
}

// Check 40.
#[tokio::test]
async fn the_same_refresh_token_given_again_is_as_good_as_a_new_one() {
    let world = World::new().await;
    let signer = world.connected().await;
    for (round, mode) in [
        OnRefresh::SameRefreshToken,
        OnRefresh::SameRefreshToken,
        OnRefresh::KeepRefreshToken,
        OnRefresh::Rotate,
        OnRefresh::SameRefreshToken,
        OnRefresh::Rotate,
    ]
    .into_iter()
    .enumerate()
    {
        world.fake.rule(|rules| rules.on_refresh = mode);
        world.days_pass(8);
        assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200, "{mode:?}");
        assert_eq!(world.fake.refreshes(), round + 1, "{mode:?}");
    }
    assert_eq!(world.fake.seen.lock().unwrap().reuses, 0);
}

// Check 45.
#[tokio::test]
async fn access_that_was_ended_elsewhere_is_noticed_and_said_once_and_for_all() {
    let world = World::new().await;
    let signer = world.connected().await;
    world.fake.forget_access();
    world.fake.rule(|rules| rules.on_refresh = OnRefresh::Ended);
    for _ in 0..4 {
        let problem = signer.send(world.payments()).await.unwrap_err();
        assert_eq!(problem.code, E_SIGN_IN_EXPIRED);
        assert!(problem.why[0].contains("ended in Square's own settings"), "{problem}");
    }
    assert_eq!(world.fake.refreshes(), 1);
    assert_eq!(world.described().await.state, CredentialState::NeedsReauth);
}

// Check 43.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_connections_that_are_due_at_once_are_each_renewed_once_and_none_is_lost() {
    let world = Arc::new(World::new().await);
    for number in 0..50 {
        world.vault.save(&format!("conn-{number}"), world.grant(&OLD).await).await.unwrap();
    }
    world.days_pass(40);
    let tasks: Vec<_> = (0..100)
        .map(|number| {
            let world = world.clone();
            tokio::spawn(async move {
                let connection = format!("conn-{}", number % 50);
                let signer = world.vault.signer(&connection, Which::Current, &world.provider, &world.endpoints).await.unwrap();
                signer.send(world.payments()).await.unwrap().status().as_u16()
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), 200);
    }
    let seen = world.fake.seen.lock().unwrap();
    assert_eq!((seen.refreshes, seen.reuses), (50, 0));
}
