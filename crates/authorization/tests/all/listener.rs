//! The page that is opened, the listener that waits for the answer, and the time between them.

use crate::support::*;
use authorization::problems::*;
use authorization::*;
use base64::Engine;
use practice::authority::Iss;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use url::Url;

fn follow() -> Browser {
    Browser::that(|answer| async move { drop(visit(&answer).await) })
}

fn query(page: &Url) -> BTreeMap<String, String> {
    page.query_pairs().into_owned().collect()
}

fn redirect_of(page: &Url) -> Url {
    Url::parse(&query(page)["redirect_uri"]).unwrap()
}

/// Starts a sign-in that waits, and gives the page that a person would see.
async fn waiting(world: &World) -> (Url, Controls, tokio::task::JoinHandle<Result<Grant, ledger::Problem>>) {
    let (tell, told) = tokio::sync::oneshot::channel();
    let tell = Mutex::new(Some(tell));
    let hear = move |event| {
        if let SignInEvent::Waiting { page, .. } = event {
            drop(tell.lock().unwrap().take().unwrap().send(page));
        }
    };
    let (request, controls) = (world.request(&OLD), Controls::new());
    let used = controls.clone();
    let task = tokio::spawn(async move { authorize(request, &Asleep, &hear, &used).await });
    (told.await.unwrap(), controls, task)
}

/// What the provider sends the browser back to.
async fn answer_to(page: &Url) -> Url {
    let answer = client().get(page.clone()).send().await.unwrap();
    Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap()
}

async fn is_closed(address: &Url) -> bool {
    tokio::net::TcpStream::connect(("127.0.0.1", address.port().unwrap())).await.is_err()
}

// Check 1.
#[tokio::test]
async fn ten_thousand_sign_ins_share_neither_state_nor_challenge() {
    let world = World::new().await;
    let mut seen = HashSet::new();
    for _ in 0..10_000 {
        let mut request = world.request(&OLD);
        // Without a listener: this is about the page only.
        request.endpoints.redirect = Redirect::Paste { address: Some(Url::parse("https://bakery.example/done").unwrap()) };
        let page = Arc::new(Mutex::new(None));
        let (heard, controls) = (page.clone(), Controls::new());
        let stop = controls.clone();
        let hear = move |event| {
            if let SignInEvent::Waiting { page, .. } = event {
                *heard.lock().unwrap() = Some(page);
                stop.cancel();
            }
        };
        assert_eq!(authorize(request, &Asleep, &hear, &controls).await.err().unwrap().code, E_SIGN_IN_CANCELLED);
        let asked = query(page.lock().unwrap().as_ref().unwrap());
        let decoded = |name: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&asked[name]).unwrap().len();
        assert_eq!((decoded("state"), decoded("code_challenge")), (32, 32));
        assert_eq!(asked["code_challenge_method"], "S256");
        assert!(seen.insert(asked["state"].clone()) && seen.insert(asked["code_challenge"].clone()));
    }
    assert_eq!(seen.len(), 20_000);
}

// Check 1, 2.
#[tokio::test]
async fn the_verifier_is_sent_with_the_code_and_fits_the_challenge_of_the_page() {
    let world = World::new().await;
    let browser = follow();
    authorize(world.request(&OLD), &browser, &|_| {}, &Controls::new()).await.unwrap();
    let page = browser.opened.lock().unwrap().clone().unwrap();
    let verifier = world.fake.seen.lock().unwrap().exchange_bodies[0]["code_verifier"].as_str().unwrap().to_string();
    assert!((43..=128).contains(&verifier.len()));
    assert!(verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)), "unreserved only");
    let challenge = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
    assert_eq!(query(&page)["code_challenge"], challenge);
}

// Check 4.
#[tokio::test]
async fn a_page_that_is_not_safe_to_open_is_never_shown_nor_opened() {
    struct Never;
    impl OpenPage for Never {
        fn open<'a>(&'a self, page: &'a Url) -> std::pin::Pin<Box<dyn Future<Output = Result<(), ledger::Problem>> + Send + 'a>> {
            panic!("{page} was opened")
        }
    }
    let world = World::new().await;
    for page in [
        "http://connect.squareup.com/oauth2/authorize",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "ftp://127.0.0.1/oauth2/authorize",
        "https://person:word@connect.squareup.com/oauth2/authorize",
        "https://connect.squareup.com@evil.example/oauth2/authorize",
    ] {
        let mut request = world.request(&OLD);
        request.endpoints.authorize = Some(Url::parse(page).unwrap());
        let problem = authorize(request, &Never, &|event| panic!("{event:?}"), &Controls::new()).await.err().unwrap();
        assert!(problem.code == E_PROVIDER || problem.code == E_SIGN_IN_PROVIDER, "{page}: {problem}");
    }
}

// Check 4.
#[tokio::test]
async fn quotes_percent_signs_and_ampersands_reach_the_provider_as_they_were() {
    let world = World::new().await;
    let strange = r#"a&b=c%20"d'$(e)`f`;g|h <i>"#;
    let (tell, told) = std::sync::mpsc::channel();
    let controls = Controls::new();
    let stop = controls.clone();
    let hear = move |event| {
        if let SignInEvent::Waiting { page, .. } = event {
            tell.send(page).unwrap();
            stop.cancel();
        }
    };
    let mut request = world.request(&OLD);
    request.client_id = strange.into();
    drop(authorize(request, &Asleep, &hear, &controls).await);
    let page = told.recv().unwrap();
    assert_eq!(query(&page)["client_id"], strange);
    // As it goes to the desktop's launcher: nothing that a shell or Windows would take for its own, but "&".
    assert!(page.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/?&=%._-+*~".contains(&byte)), "{page}");
}

// Check 6.
#[tokio::test]
async fn from_another_address_of_this_computer_the_listener_is_refused() {
    // Nothing is sent: this only asks the system which address it would use.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let outward = socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr()).map(|address| address.ip());
    let Some(address) = outward.ok().filter(|ip| !ip.is_loopback() && !ip.is_unspecified()) else {
        println!("this computer has no address but its own loopback; /proc/net/tcp is looked at elsewhere");
        return;
    };
    let world = World::new().await;
    let (page, controls, task) = waiting(&world).await;
    let port = redirect_of(&page).port().unwrap();
    // What listens everywhere can be reached there, so a refusal means something.
    let everywhere = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    tokio::net::TcpStream::connect((address, everywhere.local_addr().unwrap().port())).await.unwrap();
    let refused = tokio::net::TcpStream::connect((address, port)).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(!is_closed(&redirect_of(&page)).await);
    controls.cancel();
    assert_eq!(task.await.unwrap().err().unwrap().code, E_SIGN_IN_CANCELLED);
}

// Check 8, 14.
#[tokio::test]
async fn every_error_of_the_standard_ends_the_sign_in_with_its_name_and_the_port_closed() {
    for (error, code, named) in [
        ("access_denied", E_SIGN_IN_REFUSED, "Deny"),
        ("invalid_request", E_SIGN_IN_PROVIDER, "invalid_request"),
        ("unauthorized_client", E_SIGN_IN_PROVIDER, "unauthorized_client"),
        ("unsupported_response_type", E_SIGN_IN_PROVIDER, "unsupported_response_type"),
        ("invalid_scope", E_SIGN_IN_PROVIDER, "invalid_scope"),
        ("server_error", E_SIGN_IN_PROVIDER, "server_error"),
        ("temporarily_unavailable", E_SIGN_IN_PROVIDER, "temporarily_unavailable"),
        ("CANARY_error", E_SIGN_IN_PROVIDER, "an error of its own"),
    ] {
        let world = World::new().await;
        let signer = world.connected().await;
        let before = world.vault.describe("conn").await.unwrap();
        world.fake.rule(|rules| rules.deny = Some(error.into()));
        let browser = follow();
        let problem = authorize(world.request(&NEW), &browser, &|_| {}, &Controls::new()).await.err().unwrap();
        browser.done().await;
        assert_eq!(problem.code, code, "{error}");
        assert!(problem.why[0].contains(named), "{error}: {problem}");
        assert!(!problem.to_string().contains("CANARY"), "{problem}");
        let page = browser.opened.lock().unwrap().clone().unwrap();
        assert!(is_closed(&redirect_of(&page)).await, "{error}");
        assert_eq!(world.vault.describe("conn").await.unwrap(), before, "{error}");
        assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200, "{error}");
        assert_eq!(world.fake.seen.lock().unwrap().exchanges, 1, "{error}: only the first sign-in");
    }
}

// Check 16.
#[tokio::test]
async fn the_reply_page_takes_the_code_out_of_the_history_and_its_policy_lets_it() {
    let world = World::new().await;
    let (page, _controls, task) = waiting(&world).await;
    let answer = answer_to(&page).await;
    let code = query(&answer)["code"].clone();
    let (status, body, headers) = visit(&answer).await;
    assert_eq!(status, 200);
    let script = body.split("<script>").nth(1).unwrap().split("</script>").next().unwrap();
    assert_eq!(script, "history.replaceState(null,\"\",\"/\")", "the address bar shows no code any more");
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(script));
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains(&format!("script-src 'sha256-{hash}';")), "a browser runs exactly this script: {policy}");
    assert!(!body.contains(&code) && !body.contains(&query(&answer)["state"]));
    assert!(headers.get("location").is_none() && headers.get("refresh").is_none());
    task.await.unwrap().unwrap();
}

// Check 10.
#[tokio::test]
async fn requests_that_come_a_byte_at_a_time_or_in_pieces_do_not_keep_the_answer_out() {
    let world = World::new().await;
    let (page, _controls, task) = waiting(&world).await;
    let answer = answer_to(&page).await;
    let port = answer.port().unwrap();
    let mut slow = Vec::new();
    for _ in 0..30 {
        slow.push(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    }
    let request = format!("GET {} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n", answer.path());
    for byte in request.bytes() {
        for stream in &mut slow {
            let _ = stream.write_all(&[byte]).await;
        }
        assert_eq!(visit(&answer.join("/nothing").unwrap()).await.0, 404);
    }
    // A body in pieces, whose end never comes; and lines that would be two requests for a careless reader.
    let chunked = format!(
        "POST {} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nffffffff\r\n",
        answer.path()
    );
    let mut endless = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    endless.write_all(chunked.as_bytes()).await.unwrap();
    let smuggled = format!(
        "GET {}?code=a&state=b\r\nSet-Cookie: x=y HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n",
        answer.path()
    );
    let told = raw(&answer, smuggled.as_bytes()).await;
    assert!(!told.contains("Set-Cookie") && !told.starts_with("HTTP/1.1 200"), "{told}");
    assert_eq!(visit(&answer).await.0, 200);
    assert_eq!(task.await.unwrap().unwrap().facts().tenant.id, "MLHARBOUR");
}

// Check 17, 22.
#[tokio::test]
async fn an_answer_of_an_earlier_or_another_sign_in_is_refused_by_the_one_that_runs() {
    let world = World::new().await;
    let (old, stop, first) = waiting(&world).await;
    let late = answer_to(&old).await;
    stop.cancel();
    assert_eq!(first.await.unwrap().err().unwrap().code, E_SIGN_IN_CANCELLED);
    assert!(is_closed(&late).await, "the old door is shut");

    // Two at once, as for two providers: what belongs to one is nothing to the other.
    let (page, controls, task) = waiting(&world).await;
    let (other, stop, second) = waiting(&world).await;
    assert_ne!(redirect_of(&page).port(), redirect_of(&other).port());
    let (right, foreign) = (answer_to(&page).await, answer_to(&other).await);
    for stray in [&late, &foreign] {
        let mut moved = right.clone();
        moved.set_query(stray.query());
        assert_eq!(visit(&moved).await.0, 400);
        assert!(controls.paste(moved.to_string()));
    }
    let mut elsewhere = right.clone();
    elsewhere.set_path("/callback/xero");
    assert_eq!(visit(&elsewhere).await.0, 404);
    assert_eq!(visit(&right).await.0, 200);
    task.await.unwrap().unwrap();
    assert_eq!(world.fake.seen.lock().unwrap().exchanges, 1);
    stop.cancel();
    assert!(second.await.unwrap().is_err());
}

// Check 12, 17.
#[tokio::test]
async fn a_browser_that_was_closed_without_finishing_leaves_nothing_behind_after_the_deadline() {
    let world = World::new().await;
    let before = world.another_vault().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (tell, told) = tokio::sync::oneshot::channel();
    let tell = Mutex::new(Some(tell));
    let hear = move |event| {
        if let SignInEvent::Waiting { page, seconds, .. } = event {
            drop(tell.lock().unwrap().take().unwrap().send((page, seconds)));
        }
    };
    let mut request = world.request(&OLD);
    request.timeout = Duration::from_secs(2);
    request.endpoints.redirect = Redirect::Loopback { host: LoopbackHost::Address, ports: vec![port] };
    let task = tokio::spawn(async move { authorize(request, &Asleep, &hear, &Controls::new()).await });
    let (page, seconds) = told.await.unwrap();
    assert_eq!(seconds, 2, "the person is told how long it waits");
    let answer = answer_to(&page).await;
    let mut forged = answer.clone();
    forged.query_pairs_mut().clear().append_pair("code", "x").append_pair("state", "forged");
    for _ in 0..3 {
        assert_eq!(visit(&forged).await.0, 400);
    }
    let over = task.await.unwrap().err().unwrap();
    assert_eq!((over.code, over.touched), (E_SIGN_IN_TIMED_OUT, ledger::Touched::Nothing));
    assert!(over.why.iter().any(|why| why.starts_with("3 answers came that belonged to another sign-in")), "{over}");
    // The port is free, the late answer goes nowhere, the code was never used, and the next sign-in takes the same port.
    assert!(is_closed(&answer).await);
    assert_eq!(world.fake.seen.lock().unwrap().exchanges, 0);
    assert!(before.describe("conn").await.unwrap().is_empty());
    let mut again = world.request(&OLD);
    again.endpoints.redirect = Redirect::Loopback { host: LoopbackHost::Address, ports: vec![port] };
    let browser = follow();
    authorize(again, &browser, &|_| {}, &Controls::new()).await.unwrap();
    assert_eq!(redirect_of(browser.opened.lock().unwrap().as_ref().unwrap()).port(), Some(port));
}

// Check 17.
#[tokio::test]
async fn starting_again_while_one_waits_takes_its_port_over_and_its_late_answer_ends_nothing() {
    let world = World::new().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let start = || {
        let (tell, told) = tokio::sync::oneshot::channel();
        let tell = Mutex::new(Some(tell));
        let hear = move |event| {
            if let SignInEvent::Waiting { page, .. } = event {
                drop(tell.lock().unwrap().take().unwrap().send(page));
            }
        };
        let mut request = world.request(&OLD);
        request.endpoints.redirect = Redirect::Loopback { host: LoopbackHost::Address, ports: vec![port] };
        let controls = Controls::new();
        let used = controls.clone();
        (tokio::spawn(async move { authorize(request, &Asleep, &hear, &used).await }), controls, told)
    };
    let (first, stop, told) = start();
    let late = answer_to(&told.await.unwrap()).await;
    stop.cancel();
    assert_eq!(first.await.unwrap().err().unwrap().code, E_SIGN_IN_CANCELLED);
    let (second, _controls, told) = start();
    let page = told.await.unwrap();
    assert_eq!(redirect_of(&page).port(), Some(port), "the same registered port");
    assert_eq!(visit(&late).await.0, 400, "the answer of the one before");
    assert_eq!(visit(&answer_to(&page).await).await.0, 200);
    assert_eq!(second.await.unwrap().unwrap().facts().tenant.id, "MLHARBOUR");
    assert_eq!(world.fake.seen.lock().unwrap().exchanges, 1, "only the second one's code was used");
}

// Check 20.
#[tokio::test]
async fn a_computer_that_slept_during_the_sign_in_counts_from_when_it_woke() {
    for seconds in [9 * 3600, -2 * 3600] {
        let world = World::new().await;
        let (page, _controls, task) = waiting(&world).await;
        world.seconds_pass(seconds);
        let answer = answer_to(&page).await;
        assert_eq!(visit(&answer).await.0, 200);
        let grant = task.await.unwrap().unwrap();
        assert_eq!(grant.facts().granted_at, (world.clock())());
        let left = grant.facts().access_expires.unwrap().duration_since((world.clock())());
        assert_eq!(left.as_hours(), 30 * 24, "{seconds}");
        world.vault.save("conn", grant).await.unwrap();
        assert_eq!(world.signer().await.send(world.payments()).await.unwrap().status(), 200);
        assert_eq!(world.fake.refreshes(), 0);
    }
    // Asleep between the page's answer and the exchange: the code is over by then, which is said, and nothing is kept.
    let world = World::new().await;
    let (page, _controls, task) = waiting(&world).await;
    let answer = answer_to(&page).await;
    world.seconds_pass(9 * 3600);
    assert_eq!(visit(&answer).await.0, 200);
    let over = task.await.unwrap().err().unwrap();
    assert_eq!(over.code, E_SIGN_IN_PROVIDER);
    assert!(over.why[0].contains("works once and for a few minutes"), "{over}");
    assert_eq!(world.fake.seen.lock().unwrap().exchanges, 1, "a code is not tried again");
}

// Check 21.
#[tokio::test]
async fn an_issuer_in_the_answer_is_the_providers_own_or_the_answer_is_not_taken() {
    let world = World::new().await;
    let base = world.fake.base.clone();
    let (host, port) = ("127.0.0.1", base.port().unwrap());
    world.fake.rule(|rules| rules.redirect_extra = vec![("iss".into(), base.to_string())]);
    world.grant(&OLD).await;
    for foreign in [
        "https://evil.example".to_string(),
        format!("https://{host}:{port}"),
        format!("http://{host}:{}", port ^ 1),
        format!("http://{host}.evil.example:{port}"),
        format!("http://localhost:{port}"),
        format!("http://{host}:{port}@evil.example"),
        format!("//{host}:{port}"),
        "null".to_string(),
    ] {
        world.fake.rule(|rules| rules.redirect_extra = vec![("iss".into(), foreign.clone())]);
        let (page, controls, task) = waiting(&world).await;
        assert_eq!(visit(&answer_to(&page).await).await.0, 400, "{foreign}");
        controls.cancel();
        assert_eq!(task.await.unwrap().err().unwrap().code, E_SIGN_IN_CANCELLED);
    }
    assert_eq!(world.fake.seen.lock().unwrap().exchanges, 1);
}

// Check 21.
#[tokio::test]
async fn a_provider_that_always_names_itself_must_do_so_to_the_letter_also_when_it_refuses() {
    let world = World::new().await;
    let own = world.fake.base.as_str().trim_end_matches('/').to_string();
    let stated = |rule: Iss, deny: Option<&str>| {
        let deny = deny.map(str::to_string);
        world.fake.rule(|rules| (rules.iss, rules.deny) = (rule, deny));
        let mut request = world.request(&OLD);
        request.endpoints.issuer = Some(own.clone());
        request.timeout = Duration::from_secs(1);
        async move { authorize(request, &follow(), &|_| {}, &Controls::new()).await }
    };
    assert_eq!(stated(Iss::On, None).await.unwrap().facts().tenant.id, "MLHARBOUR");
    assert_eq!(stated(Iss::On, Some("access_denied")).await.err().unwrap().code, E_SIGN_IN_REFUSED);
    let exchanged = world.fake.seen.lock().unwrap().exchanges;
    for wrong in [Iss::Off, Iss::Wrong(format!("{own}/")), Iss::Wrong(own.to_uppercase()), Iss::Wrong("https://evil.example".into())] {
        assert_eq!(stated(wrong.clone(), None).await.err().unwrap().code, E_SIGN_IN_TIMED_OUT, "{wrong:?}");
    }
    assert_eq!(stated(Iss::Off, Some("access_denied")).await.err().unwrap().code, E_SIGN_IN_TIMED_OUT, "nor is a refusal of somebody else's taken");
    assert_eq!(world.fake.seen.lock().unwrap().exchanges, exchanged);
}

// Check 7, 17.
#[tokio::test]
async fn every_sign_in_has_a_port_of_its_own_and_says_how_long_it_waits() {
    let world = World::new().await;
    let mut ports = HashSet::new();
    let mut all = Vec::new();
    for _ in 0..20 {
        let (page, controls, task) = waiting(&world).await;
        assert!(ports.insert(redirect_of(&page).port().unwrap()), "two doors at one port");
        all.push((page, controls, task));
    }
    for (page, controls, task) in all {
        controls.cancel();
        assert!(task.await.unwrap().is_err());
        assert!(is_closed(&redirect_of(&page)).await);
    }
    assert_eq!(TIME_TO_SIGN_IN, Duration::from_secs(600));
}
