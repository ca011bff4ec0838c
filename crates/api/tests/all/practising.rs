//! Signing in again at the practice company: while it is still being made, and with a browser that does not open.

use crate::support::Bench;
use api::{E_WINDOW_BROWSER, OpenPage};
use engine::progress::Watcher;
use jiff::{SignedDuration, Timestamp};
use ledger::Problem;
use serde_json::{Value, json};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use url::Url;

/// Asks until the sign-in is done; fails with the view that shows a problem.
async fn done(bench: &Bench, of: &Value) -> Value {
    loop {
        let view = bench.ask("reconnect_view", of.clone()).await;
        assert_eq!(view["problem"], json!(null), "{view:#}");
        if view["step"] == "done" {
            return view;
        }
        tokio::task::yield_now().await;
    }
}

/// A desktop whose browser does not open.
struct NoBrowser;

impl OpenPage for NoBrowser {
    fn open<'a>(&'a self, _: &'a Url) -> Pin<Box<dyn Future<Output = Result<(), Problem>> + Send + 'a>> {
        Box::pin(async {
            Err(Problem::new(
                E_WINDOW_BROWSER,
                "The browser could not be opened.",
                "There is none here.",
                "Open the address by hand.",
            ))
        })
    }
}

/// The window shows the company as soon as it is there; a person may reconnect before its year is posted. That must not
/// start other practice servers, which would end with the making while the person is still on their page.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_sign_in_begun_while_the_practice_company_is_being_made_can_be_answered_after_it() {
    let bench = Bench::empty_with(Arc::new(NoBrowser)).await;
    let (tell, mut posting) = tokio::sync::mpsc::unbounded_channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let (first, wait) = (AtomicBool::new(true), Mutex::new(wait));
    // The making stands still in the middle of posting until it is let go.
    let watcher = Watcher::new(move |progress| {
        if progress.unit == "entries" && first.swap(false, Ordering::SeqCst) {
            tell.send(()).expect("the test waits");
            // Either let go, or the test has failed: then it need not wait any longer.
            let _ = wait.lock().expect("nobody panics with it").recv();
        }
    });
    let maker = bench.app.clone();
    let making = tokio::spawn(async move { maker.practice_make(7, "all-goes-well", Some(60), &watcher).await });
    posting.recv().await.expect("the year is posted");

    let company = bench.ask("app_view", json!({})).await["companies"][0]["id"].clone();
    let connection = bench.ask("accounts_view", json!({"company": company})).await["connections"][0]["id"].clone();
    let of = json!({"company": company, "connection": connection});
    let begun = bench
        .ask(
            "reconnect_start",
            json!({"company": company, "connection": connection, "open_browser": true}),
        )
        .await;
    drop(go_on);
    making.await.unwrap().unwrap();

    practice::consent(begun["address"].as_str().unwrap(), practice::Consent::Allow)
        .await
        .unwrap();
    done(&bench, &of).await;
    let job = bench.ask("sync_now", json!({"company": company})).await;
    assert_eq!(bench.ended(&job).await["state"], "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_by_hand_says_why_a_pasted_address_is_refused_and_goes_on_until_the_right_one() {
    let (bench, company, connection) = Bench::practising_with(Arc::new(NoBrowser)).await;
    let of = json!({"company": company, "connection": connection});
    let paste = |address: &str| json!({"company": company, "connection": connection, "address": address});
    let before = Timestamp::now();
    bench
        .ask(
            "reconnect_start",
            json!({"company": company, "connection": connection, "open_browser": true}),
        )
        .await;
    let view = loop {
        let view = bench.ask("reconnect_view", of.clone()).await;
        if view["browser_problem"] != json!(null) {
            break view;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(
        (view["step"].clone(), view["browser_problem"]["code"].clone()),
        (json!("browser"), json!("E-WINDOW-BROWSER"))
    );

    // The person's minutes pass on the wall, although the practice clock stands still in another year.
    let instant = |name: &str| view[name].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert!(instant("started") >= before && instant("started") <= Timestamp::now(), "{view:#}");
    assert_eq!(
        instant("deadline").duration_since(instant("started")),
        SignedDuration::from_secs(600)
    );

    let refused = bench.ask("reconnect_paste", paste("https://connect.squareup.com/elsewhere")).await;
    assert_eq!(
        (refused["step"].clone(), refused["problem"].clone()),
        (json!("browser"), json!(null)),
        "the sign-in goes on"
    );
    assert_eq!(refused["paste_problem"]["code"], "E-SIGN-IN-ADDRESS", "{refused:#}");

    let page = Url::parse(view["address"].as_str().unwrap()).unwrap();
    let sent = |name: &str| page.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    let mut other = Url::parse(&sent("redirect_uri")).unwrap();
    other
        .query_pairs_mut()
        .append_pair("code", "x")
        .append_pair("state", "another sign-in's");
    let refused = bench.ask("reconnect_paste", paste(other.as_str())).await;
    assert_eq!(
        refused["paste_problem"]["code"], "E-SIGN-IN-STATE",
        "the newer refusal stands there: {refused:#}"
    );

    practice::consent(page.as_str(), practice::Consent::Allow).await.unwrap();
    let view = done(&bench, &of).await;
    assert_eq!(
        (view["paste_problem"].clone(), view["browser_problem"].clone()),
        (json!(null), json!(null))
    );
}
