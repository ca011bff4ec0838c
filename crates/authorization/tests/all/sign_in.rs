//! Signing in: every right and wrong turn of one flow.

use practice::authority::CLIENT;
use crate::support::*;
use authorization::problems::*;
use authorization::*;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use url::Url;

fn follow() -> Browser {
    Browser::that(|answer| async move { drop(visit(&answer).await) })
}

async fn is_closed(address: &Url) -> bool {
    tokio::net::TcpStream::connect(("127.0.0.1", address.port().unwrap()))
        .await
        .is_err()
}

fn redirect_of(page: &Url) -> Url {
    let (_, redirect) = page.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap();
    Url::parse(&redirect).unwrap()
}

// Check 8.
#[tokio::test]
async fn a_sign_in_ends_with_the_company_its_permissions_and_no_open_port() {
    let world = World::new().await;
    let events = Arc::new(Mutex::new(Vec::new()));
    let heard = events.clone();
    let browser = follow();
    let grant = authorize(
        world.request(&NEW),
        &browser,
        &move |event| heard.lock().unwrap().push(event),
        &Controls::new(),
    )
    .await
    .unwrap();
    let facts = grant.facts();
    assert_eq!(
        facts.tenant,
        Tenant {
            id: "MLHARBOUR".into(),
            name: "Harbour Street Bakery".into()
        }
    );
    assert_eq!(facts.permissions, NEW);
    assert!(!facts.is_limited());
    assert_eq!(facts.environment, Environment::Practice);
    let days = |t: Option<jiff::Timestamp>| t.unwrap().duration_since((world.clock())()).as_hours() / 24;
    assert_eq!((days(facts.access_expires), days(facts.refresh_expires)), (30, 90));
    browser.done().await;
    let page = browser.opened.lock().unwrap().clone().unwrap();
    assert!(is_closed(&redirect_of(&page)).await);
    assert_eq!(redirect_of(&page).path(), "/callback/square", "a path of its own for each provider");
    {
        let seen = world.fake.seen.lock().unwrap();
        assert_eq!(seen.exchanges, 1);
        let body = &seen.exchange_bodies[0];
        assert_eq!(body["grant_type"], "authorization_code");
        assert_eq!(body["redirect_uri"], redirect_of(&page).as_str());
        assert!(!page.as_str().contains(body["code_verifier"].as_str().unwrap()));
    }
    let events = events.lock().unwrap();
    assert!(matches!(
        events[0],
        SignInEvent::Waiting {
            paste: false,
            seconds: 30,
            ..
        }
    ));
    assert!(matches!(events.last().unwrap(), SignInEvent::AskingWhichCompany));
}

// Check 14.
#[tokio::test]
async fn a_refused_consent_is_told_as_such_and_changes_nothing() {
    let world = World::new().await;
    world.connected().await;
    let before = world.vault.describe("conn").await.unwrap();
    world.fake.rule(|rules| rules.deny = Some("access_denied".into()));
    let problem = authorize(world.request(&NEW), &follow(), &|_| {}, &Controls::new())
        .await
        .err()
        .unwrap();
    assert_eq!(problem.code, E_SIGN_IN_REFUSED);
    assert_eq!(problem.touched, ledger::Touched::Nothing);
    assert_eq!(world.vault.describe("conn").await.unwrap(), before);
    world.fake.rule(|rules| rules.deny = Some("<script>alert(1)</script>".into()));
    let problem = authorize(world.request(&NEW), &follow(), &|_| {}, &Controls::new())
        .await
        .err()
        .unwrap();
    assert_eq!(problem.code, E_SIGN_IN_PROVIDER);
    assert!(!problem.to_string().contains("script") && !problem.to_string().contains("user_denied"));
}

// Check 30.
#[tokio::test]
async fn another_company_changes_nothing_and_both_are_named() {
    let world = World::new().await;
    let signer = world.connected().await;
    let before = world.vault.describe("conn").await.unwrap();
    world.fake.rule(|rules| rules.merchant = ("MLOTHER".into(), "Quay Coffee".into()));
    let mut request = world.request(&NEW);
    request.expect_tenant = Some(before[0].tenant.clone());
    let problem = authorize(request, &follow(), &|_| {}, &Controls::new()).await.err().unwrap();
    assert_eq!(problem.code, E_SIGN_IN_OTHER_COMPANY);
    assert_eq!(problem.touched, ledger::Touched::Nothing);
    let text = problem.to_string();
    assert!(
        text.contains("Harbour Street Bakery") && text.contains("Quay Coffee") && text.contains("MLHARBOUR") && text.contains("MLOTHER")
    );
    assert_eq!(world.vault.describe("conn").await.unwrap(), before);
    // The second fence: even a caller that forgot to name the company cannot save it.
    let grant = world.grant(&NEW).await;
    assert_eq!(world.vault.save("conn", grant).await.unwrap_err().code, E_SIGN_IN_OTHER_COMPANY);
    assert_eq!(world.vault.describe("conn").await.unwrap(), before);
    assert_eq!(
        signer.send(world.payments()).await.unwrap().status(),
        200,
        "the old access still works"
    );
}

// Check 28, 33.
#[tokio::test]
async fn fewer_permissions_are_saved_as_limited_and_named() {
    let world = World::new().await;
    world
        .fake
        .rule(|rules| rules.granted = Some(vec!["MERCHANT_PROFILE_READ".into(), "PAYMENTS_READ".into()]));
    let grant = world.grant(&OLD).await;
    assert!(grant.facts().is_limited());
    assert_eq!(grant.facts().missing, ["PAYOUTS_READ"]);
    world.vault.save("conn", grant).await.unwrap();
    let needed: Vec<String> = OLD.iter().map(|p| p.to_string()).collect();
    let problem = world
        .vault
        .require("conn", Which::Current, &world.provider, &needed)
        .await
        .unwrap_err();
    assert_eq!(problem.code, E_PERMISSION_MISSING);
    assert!(problem.why[0].starts_with("PAYOUTS_READ: Read the transfers"));
    assert_eq!(world.described().await.missing, ["PAYOUTS_READ"]);
}

#[tokio::test]
async fn without_the_profile_permission_the_company_is_still_compared_by_its_id() {
    let world = World::new().await;
    world.fake.rule(|rules| rules.granted = Some(vec!["PAYMENTS_READ".into()]));
    let grant = world.grant(&OLD).await;
    assert_eq!(
        grant.facts().tenant,
        Tenant {
            id: "MLHARBOUR".into(),
            name: String::new()
        }
    );
    let mut request = world.request(&OLD);
    request.expect_tenant = Some(Tenant {
        id: "MLSOMEONE".into(),
        name: "Someone".into(),
    });
    assert_eq!(
        authorize(request, &follow(), &|_| {}, &Controls::new()).await.err().unwrap().code,
        E_SIGN_IN_OTHER_COMPANY
    );
}

// Check 23, 30.
#[tokio::test]
async fn a_provider_that_contradicts_itself_about_the_company_is_not_believed() {
    let world = World::new().await;
    world
        .fake
        .rule(|rules| rules.probe_merchant = Some(("MLOTHER".into(), "Quay Coffee".into())));
    let problem = authorize(world.request(&OLD), &follow(), &|_| {}, &Controls::new())
        .await
        .err()
        .unwrap();
    assert_eq!(problem.code, E_SIGN_IN_PROVIDER);
}

// Check 25, 26, 27, 47.
#[tokio::test]
async fn an_unusable_token_answer_is_told_without_repeating_it() {
    let world = World::new().await;
    let good = r#"{"access_token":"CANARY-x","token_type":"bearer"}"#;
    for (status, kind, body, expected) in [
        (
            200,
            "text/html",
            "<html>CANARY-portal invalid_grant</html>".to_string(),
            E_SIGN_IN_NETWORK,
        ),
        (200, "application/json", "CANARY-not-json".to_string(), E_SIGN_IN_PROVIDER),
        (200, "application/json", String::new(), E_SIGN_IN_PROVIDER),
        (200, "application/json", good.replace("bearer", "dpop"), E_SIGN_IN_PROVIDER),
        (
            200,
            "application/json",
            r#"{"access_token":"","token_type":"bearer"}"#.into(),
            E_SIGN_IN_PROVIDER,
        ),
        (
            200,
            "application/json",
            good.replace('}', r#","expires_at":"CANARY-soon"}"#),
            E_SIGN_IN_PROVIDER,
        ),
        (
            200,
            "application/json",
            format!("{{\"access_token\":\"{}\"}}", "CANARY".repeat(20_000)),
            E_SIGN_IN_PROVIDER,
        ),
        (302, "application/json", "{}".into(), E_SIGN_IN_NETWORK),
        (400, "application/json", r#"{"error":"CANARY-odd"}"#.into(), E_SIGN_IN_PROVIDER),
        (
            400,
            "application/json",
            r#"{"error":"invalid_grant","error_description":"CANARY"}"#.into(),
            E_SIGN_IN_PROVIDER,
        ),
        (401, "application/json", r#"{"error":"invalid_client"}"#.into(), E_SIGN_IN_APP),
        (429, "application/json", "{}".into(), E_SIGN_IN_NETWORK),
        (503, "text/html", "CANARY down".into(), E_SIGN_IN_NETWORK),
    ] {
        world.fake.rule(|rules| rules.token_answer = Some((status, kind, body.clone())));
        let problem = authorize(world.request(&OLD), &follow(), &|_| {}, &Controls::new())
            .await
            .err()
            .unwrap();
        assert_eq!(problem.code, expected, "{status} {kind} {body:.60}: {problem}");
        assert!(!format!("{problem:?}{problem}").contains("CANARY"), "{problem:?}");
    }
    assert_eq!(world.fake.seen.lock().unwrap().exchanges, 13, "a code is never sent twice");
}

// Check 8, 17.
#[tokio::test]
async fn nobody_answering_ends_at_the_deadline_with_the_port_closed() {
    let world = World::new().await;
    let mut request = world.request(&OLD);
    request.timeout = Duration::from_millis(30);
    let page = Arc::new(Mutex::new(None));
    let heard = page.clone();
    let hear = move |event| {
        if let SignInEvent::Waiting { page, .. } = event {
            *heard.lock().unwrap() = Some(page);
        }
    };
    let problem = authorize(request, &Asleep, &hear, &Controls::new()).await.err().unwrap();
    assert_eq!(problem.code, E_SIGN_IN_TIMED_OUT);
    let page = page.lock().unwrap().clone().unwrap();
    assert!(is_closed(&redirect_of(&page)).await);
}

// Check 8, 17.
#[tokio::test]
async fn cancelling_closes_the_port_and_changes_nothing() {
    let world = World::new().await;
    let controls = Controls::new();
    let stop = controls.clone();
    let page = Arc::new(Mutex::new(None));
    let heard = page.clone();
    let hear = move |event| {
        if let SignInEvent::Waiting { page, .. } = event {
            *heard.lock().unwrap() = Some(page);
            stop.cancel();
        }
    };
    let problem = authorize(world.request(&OLD), &Asleep, &hear, &controls).await.err().unwrap();
    assert_eq!(problem.code, E_SIGN_IN_CANCELLED);
    let page = page.lock().unwrap().clone().unwrap();
    assert!(is_closed(&redirect_of(&page)).await);
    assert!(world.vault.describe_all().await.unwrap().is_empty());
}

// Check 8.
#[tokio::test]
async fn a_dropped_sign_in_closes_its_port() {
    let world = World::new().await;
    let (tell, told) = tokio::sync::oneshot::channel();
    let tell = Mutex::new(Some(tell));
    let hear = move |event| {
        if let SignInEvent::Waiting { page, .. } = event {
            drop(tell.lock().unwrap().take().unwrap().send(page));
        }
    };
    let request = world.request(&OLD);
    let task = tokio::spawn(async move { authorize(request, &Asleep, &hear, &Controls::new()).await.is_ok() });
    let page = told.await.unwrap();
    assert!(!is_closed(&redirect_of(&page)).await, "it listens while it waits");
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert!(is_closed(&redirect_of(&page)).await);
}

/// A browser that brings the answer to the paste box instead.
fn pasting(controls: &Controls, before: Vec<String>) -> Browser {
    let controls = controls.clone();
    Browser::that(move |answer| {
        let (controls, before) = (controls.clone(), before.clone());
        async move {
            for strange in before {
                assert!(controls.paste(strange));
            }
            assert!(controls.paste(format!("  {answer}\n")));
        }
    })
}

#[tokio::test]
async fn the_address_can_be_pasted_and_a_wrong_one_does_not_end_the_sign_in() {
    let world = World::new().await;
    for redirect in [
        Redirect::Loopback {
            host: LoopbackHost::Localhost,
            ports: Vec::new(),
        },
        Redirect::Paste {
            address: Some(Url::parse("https://bakery.example/done").unwrap()),
        },
    ] {
        let controls = Controls::new();
        let mut request = world.request(&OLD);
        request.endpoints.redirect = redirect;
        let refused = Arc::new(Mutex::new(Vec::new()));
        let heard = refused.clone();
        let hear = move |event| {
            if let SignInEvent::PasteRefused(problem) = event {
                heard.lock().unwrap().push(problem.code);
            }
        };
        let strange = vec![
            "not an address".into(),
            "https://bakery.example/done?code=CANARY&state=other".into(),
            "https://evil.example/done?code=a&state=b".into(),
        ];
        let grant = authorize(request, &pasting(&controls, strange), &hear, &controls).await.unwrap();
        assert_eq!(grant.facts().tenant.id, "MLHARBOUR");
        assert_eq!(refused.lock().unwrap().len(), 3);
    }
    assert_eq!(
        world.fake.seen.lock().unwrap().exchange_bodies[1]["redirect_uri"],
        "https://bakery.example/done"
    );
}

#[tokio::test]
async fn a_provider_without_loopback_needs_a_registered_page() {
    let world = World::new().await;
    let mut request = world.request(&OLD);
    request.endpoints.redirect = world.provider.endpoints(Environment::Production).unwrap().redirect;
    let problem = authorize(request, &Asleep, &|_| {}, &Controls::new()).await.err().unwrap();
    assert_eq!(problem.code, E_SIGN_IN_ADDRESS);
}

#[tokio::test]
async fn an_unreachable_provider_is_a_network_problem() {
    let world = World::new().await;
    let browser = follow();
    let mut request = world.request(&OLD);
    // A port that was just free: nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    request.endpoints.token = Some(Url::parse(&format!("http://{free}/oauth2/token")).unwrap());
    let problem = authorize(request, &browser, &|_| {}, &Controls::new()).await.err().unwrap();
    assert_eq!(problem.code, E_SIGN_IN_NETWORK);
    assert!(!problem.to_string().contains(CLIENT));
}

// Check 18.
#[tokio::test]
async fn a_browser_that_cannot_be_opened_leaves_the_address_to_the_person() {
    struct NoBrowser;
    impl OpenPage for NoBrowser {
        fn open<'a>(&'a self, _: &'a Url) -> std::pin::Pin<Box<dyn Future<Output = Result<(), ledger::Problem>> + Send + 'a>> {
            Box::pin(async {
                Err(ledger::Problem::new(
                    E_SIGN_IN_ADDRESS,
                    "No browser.",
                    "There is none.",
                    "Open the address by hand.",
                ))
            })
        }
    }
    let world = World::new().await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let hear = move |event| {
        if let SignInEvent::Waiting { page, .. } = event {
            tell.send(page).unwrap();
        }
    };
    let by_hand = async {
        let page = told.recv().await.unwrap();
        follow().open(&page).await.unwrap();
    };
    let controls = Controls::new();
    let request = world.request(&OLD);
    let (grant, ()) = tokio::join!(authorize(request, &NoBrowser, &hear, &controls), by_hand);
    assert_eq!(grant.unwrap_or_else(|p| panic!("{p}")).facts().tenant.id, "MLHARBOUR");
}

// Check 7.
#[tokio::test]
async fn registered_ports_are_tried_in_order_and_all_of_them_taken_is_said() {
    let world = World::new().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let first = taken.local_addr().unwrap().port();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ports = |ports: Vec<u16>| Redirect::Loopback {
        host: LoopbackHost::Address,
        ports,
    };
    let browser = follow();
    let mut request = world.request(&OLD);
    request.endpoints.redirect = ports(vec![first, free]);
    authorize(request, &browser, &|_| {}, &Controls::new()).await.unwrap();
    let page = browser.opened.lock().unwrap().clone().unwrap();
    assert_eq!(redirect_of(&page).as_str(), format!("http://127.0.0.1:{free}/callback/square"));

    let mut request = world.request(&OLD);
    request.endpoints.redirect = ports(vec![first]);
    let problem = authorize(request, &Asleep, &|_| {}, &Controls::new()).await.err().unwrap();
    assert_eq!(problem.code, E_SIGN_IN_PORT);
    assert!(problem.why[0].contains(&first.to_string()), "{problem}");
}

#[tokio::test]
async fn a_provider_that_cannot_be_signed_in_to_yet_is_refused_before_the_browser_opens() {
    let world = World::new().await;
    // By a key, by the id and secret of an application, and by a redirect that names a region where none is listed.
    let not_by_browser = ["stripe", "gocardless", "mollie", "paypal", "zoho-books"];
    for provider in providers().unwrap().into_iter().filter(|p| not_by_browser.contains(&p.name.as_str())) {
        for environment in provider.environments() {
            let mut endpoints = provider.endpoints(environment).unwrap();
            endpoints.data_centers.clear();
            let request = SignIn {
                endpoints,
                provider: provider.clone(),
                client_id: CLIENT.into(),
                permissions: Vec::new(),
                expect_tenant: None,
                timeout: Duration::from_secs(30),
                clock: world.clock(),
            };
            let nothing = |event| panic!("{}: {event:?}", provider.name);
            let problem = authorize(request, &Asleep, &nothing, &Controls::new()).await.err().unwrap();
            assert_eq!(problem.code, E_PROVIDER, "{problem}");
            assert!(problem.what.contains("cannot connect to it yet"), "{problem}");
            assert!(!problem.why[0].is_empty() && !problem.next.is_empty(), "{problem}");
        }
    }
}
