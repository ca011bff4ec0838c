//! What other programs and web pages on this computer may try at the listener while it is open.

use crate::support::*;
use authorization::*;
use std::sync::{Arc, Mutex};
use url::Url;

/// Runs a sign-in whose "browser" does `act` with the address of the answer; it must still succeed.
async fn withstands<F: Future<Output = ()> + Send + 'static>(act: impl Fn(Url) -> F + Send + Sync + 'static) -> Vec<SignInEvent> {
    let world = World::new().await;
    let events = Arc::new(Mutex::new(Vec::new()));
    let heard = events.clone();
    let browser = Browser::that(act);
    let grant = authorize(
        world.request(&OLD),
        &browser,
        &move |event| heard.lock().unwrap().push(event),
        &Controls::new(),
    )
    .await;
    browser.done().await;
    assert_eq!(grant.unwrap_or_else(|p| panic!("{p}")).facts().tenant.id, "MLHARBOUR");
    assert_eq!(world.fake.seen.lock().unwrap().exchanges, 1);
    std::mem::take(&mut *events.lock().unwrap())
}

fn with(address: &Url, change: impl Fn(&mut Vec<(String, String)>)) -> Url {
    let mut pairs: Vec<(String, String)> = address.query_pairs().into_owned().collect();
    change(&mut pairs);
    let mut changed = address.clone();
    changed.query_pairs_mut().clear().extend_pairs(pairs);
    changed
}

fn target(address: &Url) -> String {
    format!("{}?{}", address.path(), address.query().unwrap())
}

fn host(address: &Url) -> String {
    format!("127.0.0.1:{}", address.port().unwrap())
}

// Check 12, 13, 21.
#[tokio::test]
async fn a_wrong_state_does_not_end_the_sign_in() {
    let events = withstands(|answer| async move {
        for _ in 0..20 {
            let forged = with(&answer, |pairs| {
                pairs
                    .iter_mut()
                    .filter(|(n, _)| n == "state")
                    .for_each(|(_, v)| *v = "forged".into())
            });
            assert_eq!(visit(&forged).await.0, 400);
        }
        for bad in [
            with(&answer, |pairs| pairs.retain(|(n, _)| n != "state")),
            with(&answer, |pairs| pairs.retain(|(n, _)| n != "code")),
            with(&answer, |pairs| pairs.push(("state".into(), "again".into()))),
            with(&answer, |pairs| pairs.push(("error".into(), "access_denied".into()))),
            with(&answer, |pairs| pairs.push(("iss".into(), "https://evil.example".into()))),
        ] {
            assert_eq!(visit(&bad).await.0, 400, "{bad}");
        }
        assert_eq!(visit(&answer).await.0, 200);
    })
    .await;
    assert!(events.iter().any(|event| matches!(event, SignInEvent::StrangeAnswer(_))));
}

// Check 12.
#[tokio::test]
async fn however_many_wrong_states_come_they_are_counted_and_waved_off_and_the_right_one_is_taken_at_once() {
    const FORGED: usize = 400;
    let statuses = Arc::new(Mutex::new(Vec::new()));
    let told = statuses.clone();
    let events = withstands(move |answer| {
        let told = told.clone();
        async move {
            let forged = with(&answer, |pairs| pairs.iter_mut().filter(|(n, _)| n == "state").for_each(|(_, v)| *v = "forged".into()));
            for _ in 0..FORGED {
                let status = visit(&forged).await.0;
                told.lock().unwrap().push(status);
            }
            assert_eq!(visit(&answer).await.0, 200, "whoever shouts does not shut out the right answer");
        }
    })
    .await;
    let statuses = statuses.lock().unwrap();
    let many = statuses.iter().filter(|status| **status == 429).count();
    assert_eq!(statuses.iter().filter(|status| **status == 400).count() + many, FORGED);
    assert!(many > 0, "none was waved off");
    let counted: Vec<u32> = events.iter().filter_map(|event| if let SignInEvent::StrangeAnswer(count) = event { Some(*count) } else { None }).collect();
    assert!(!counted.is_empty() && counted.is_sorted() && counted.len() < FORGED / 4, "told a few times, not each time: {counted:?}");
}

// Check 9.
#[tokio::test]
async fn a_second_answer_has_no_effect() {
    withstands(|answer| async move {
        assert_eq!(visit(&answer).await.0, 200);
        // The port is closing or closed; whichever it is, the answer is not taken again.
        if let Ok(again) = client().get(answer.clone()).send().await {
            assert_eq!(again.status().as_u16(), 410);
        }
    })
    .await;
    withstands(|answer| async move {
        let one = |answer: Url| async move { client().get(answer).send().await.map(|a| a.status().as_u16()).unwrap_or(0) };
        let (a, b) = tokio::join!(one(answer.clone()), one(answer.clone()));
        assert_eq!([a, b].iter().filter(|status| **status == 200).count(), 1, "{a} {b}");
    })
    .await;
}

// Check 10, 11, 22.
#[tokio::test]
async fn wrong_paths_methods_hosts_and_scripts_are_turned_away() {
    withstands(|answer| async move {
        let (target, host) = (target(&answer), host(&answer));
        let ask = |line: String, headers: String| {
            let answer = answer.clone();
            async move { raw(&answer, format!("{line}\r\n{headers}Connection: close\r\n\r\n").as_bytes()).await }
        };
        let starts = |text: String, status: &str| assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{status}: {text:.200}");
        starts(ask("GET /favicon.ico HTTP/1.1".into(), format!("Host: {host}\r\n")).await, "404");
        starts(
            ask(
                format!("GET /callback/xero?{} HTTP/1.1", answer.query().unwrap()),
                format!("Host: {host}\r\n"),
            )
            .await,
            "404",
        );
        starts(
            ask(
                format!("GET {target}/ HTTP/1.1").replace("/callback/square?", "/callback/square/?"),
                format!("Host: {host}\r\n"),
            )
            .await,
            "404",
        );
        for method in ["HEAD", "POST", "PUT", "OPTIONS", "DELETE"] {
            starts(
                ask(
                    format!("{method} {target} HTTP/1.1"),
                    format!("Host: {host}\r\nContent-Length: 0\r\n"),
                )
                .await,
                "405",
            );
        }
        for evil in ["evil.example", "127.0.0.1", "127.0.0.1.evil.example:80", "localhost:1"] {
            starts(ask(format!("GET {target} HTTP/1.1"), format!("Host: {evil}\r\n")).await, "421");
        }
        starts(
            ask(format!("GET {target} HTTP/1.1"), format!("Host: {host}\r\nHost: evil.example\r\n")).await,
            "421",
        );
        starts(
            ask(format!("GET http://{host}{target} HTTP/1.1"), format!("Host: {host}\r\n")).await,
            "421",
        );
        starts(
            ask(
                format!("GET {target} HTTP/1.1"),
                format!("Host: {host}\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n"),
            )
            .await,
            "403",
        );
        starts(
            ask(
                format!("GET {target} HTTP/1.1"),
                format!("Host: {host}\r\nSec-Purpose: prefetch\r\n"),
            )
            .await,
            "403",
        );
        let navigated = format!("Host: {host}\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Site: cross-site\r\n");
        starts(ask(format!("GET {target} HTTP/1.1"), navigated).await, "200");
    })
    .await;
}

// Check 10.
#[tokio::test]
async fn garbage_floods_and_endless_requests_neither_end_the_sign_in_nor_get_far() {
    withstands(|answer| async move {
        for garbage in [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
            b"GET /callback/square\r\n\r\n".to_vec(),
            b"\r\n\r\n\r\n".to_vec(),
            format!(
                "GET {}%0d%0aSet-Cookie:x HTTP/1.1\r\nHost: {}\r\n\r\n",
                target(&answer).replace("state=", "stat="),
                host(&answer)
            )
            .into_bytes(),
            format!("GET /{} HTTP/1.1\r\nHost: {}\r\n\r\n", "a".repeat(1_000_000), host(&answer)).into_bytes(),
            format!("GET / HTTP/1.1\r\nHost: {}\r\n{}", host(&answer), "X: y\r\n".repeat(50_000)).into_bytes(),
        ] {
            let told = raw(&answer, &garbage).await;
            assert!(!told.starts_with("HTTP/1.1 200"), "{told:.100}");
        }
        // Idle and slow connections, below the number of places.
        let mut idle = Vec::new();
        for _ in 0..20 {
            let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", answer.port().unwrap())).await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut stream, b"G").await.unwrap();
            idle.push(stream);
        }
        for _ in 0..500 {
            assert_eq!(visit(&answer.join("/nothing").unwrap()).await.0, 404);
        }
        assert_eq!(visit(&answer).await.0, 200);
    })
    .await;
}

// Check 10.
#[tokio::test]
async fn more_idle_connections_than_places_only_delay_the_answer() {
    let world = World::new().await;
    let browser = Browser::that(|answer| async move {
        let mut idle = Vec::new();
        for _ in 0..120 {
            idle.push(tokio::net::TcpStream::connect(("127.0.0.1", answer.port().unwrap())).await.unwrap());
        }
        // Hostile connections give up their places when they close; the answer then gets through.
        let visiting = tokio::spawn(async move { visit(&answer).await.0 });
        drop(idle);
        assert_eq!(visiting.await.unwrap(), 200);
    });
    authorize(world.request(&OLD), &browser, &|_| {}, &Controls::new())
        .await
        .unwrap_or_else(|p| panic!("{p}"));
    browser.done().await;
}

// Check 15.
#[tokio::test]
async fn the_reply_page_is_constant_and_runs_nothing_from_outside() {
    withstands(|answer| async move {
        let plain = visit(&with(&answer, |pairs| pairs.retain(|(n, _)| n != "state"))).await;
        let hostile = visit(&with(&answer, |pairs| {
            pairs.retain(|(n, _)| n == "code");
            for name in ["error", "error_description", "error_uri", "x"] {
                pairs.push((name.into(), "<script>alert('CANARY')</script>\u{202E}&quot;javascript:".into()));
            }
        }))
        .await;
        assert_eq!(plain.1, hostile.1);
        let (status, body, headers) = visit(&answer).await;
        assert_eq!(status, 200);
        assert!(!body.contains("CANARY") && !hostile.1.contains("CANARY"));
        assert_eq!(headers["content-type"], "text/html; charset=utf-8");
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'sha256-") && !policy.contains("unsafe"),
            "{policy}"
        );
    })
    .await;
}

// Check 6.
#[tokio::test]
async fn the_listener_is_on_loopback_only() {
    withstands(|answer| async move {
        let port = answer.port().unwrap();
        let listening = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
        let ours: Vec<&str> = listening
            .lines()
            .filter(|line| line.contains(&format!(":{port:04X} 00000000:0000 0A")))
            .collect();
        if cfg!(target_os = "linux") {
            assert_eq!(ours.len(), 1);
            assert!(ours[0].contains(&format!("0100007F:{port:04X}")), "{ours:?}");
        }
        assert_eq!(visit(&answer).await.0, 200);
    })
    .await;
}
