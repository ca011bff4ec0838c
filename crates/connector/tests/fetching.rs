//! Reading from a small server on loopback that behaves, misbehaves, and counts.

mod made;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use connector::{BoxFuture, HttpProcessor, PageRequest, PageSeen, RateBudget, Record, Sign, Verb, Wait, Window, fetch};
use jiff::Timestamp;
use ledger::{Problem, Retry};
use made::*;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the server saw of one request.
#[derive(Debug, Clone)]
struct Seen {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: String,
}

impl Seen {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

type Answer = Box<dyn Fn(&Seen, usize) -> Response + Send + Sync>;

struct Server {
    address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

#[derive(Clone)]
struct Desk {
    seen: Arc<Mutex<Vec<Seen>>>,
    answer: Arc<Answer>,
}

async fn desk(State(desk): State<Desk>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let query = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    let seen = Seen {
        method: parts.method.to_string(),
        path: parts.uri.path().to_string(),
        query,
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    let count = {
        let mut all = desk.seen.lock().unwrap();
        all.push(seen.clone());
        all.len()
    };
    (desk.answer)(&seen, count)
}

/// Serves on a free port of this machine; `answer` gets the request and its number from 1.
async fn serve(answer: impl Fn(&Seen, usize) -> Response + Send + Sync + 'static) -> Server {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let desk_state = Desk {
        seen: Arc::clone(&seen),
        answer: Arc::new(Box::new(answer)),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(desk).with_state(desk_state)).await });
    Server { address, seen }
}

impl Server {
    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// Signs with a password that changes when renewed.
#[derive(Default)]
struct Badge {
    renewals: AtomicUsize,
    worth_renewing: bool,
}

impl Sign for Badge {
    fn sign<'a>(&'a self, request: RequestBuilder) -> BoxFuture<'a, Result<RequestBuilder, Problem>> {
        let number = self.renewals.load(Ordering::SeqCst);
        Box::pin(async move { Ok(request.bearer_auth(format!("secret-{number}"))) })
    }

    fn renew<'a>(&'a self) -> BoxFuture<'a, Result<bool, Problem>> {
        self.renewals.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(self.worth_renewing) })
    }
}

/// Waits for nothing and remembers how long it should have waited.
#[derive(Default)]
struct Patience(Mutex<Vec<Duration>>);

impl Wait for Patience {
    fn wait<'a>(&'a self, time: Duration) -> BoxFuture<'a, ()> {
        self.0.lock().unwrap().push(time);
        Box::pin(async {})
    }

    fn now(&self) -> Timestamp {
        "2026-01-05T12:00:00Z".parse().unwrap()
    }
}

struct Reader {
    http: HttpProcessor,
    badge: Arc<Badge>,
    patience: Arc<Patience>,
}

fn reader(server: &Server) -> Reader {
    reader_with(server, true, 0)
}

fn reader_with(server: &Server, worth_renewing: bool, per_second: u32) -> Reader {
    // A second call in one process reports that a provider is there already, which is what is wanted.
    drop(rustls::crypto::ring::default_provider().install_default());
    let badge = Arc::new(Badge {
        renewals: AtomicUsize::new(0),
        worth_renewing,
    });
    let patience = Arc::new(Patience::default());
    let http = HttpProcessor::with_wait(
        &server.address,
        Arc::clone(&badge) as Arc<dyn Sign>,
        RateBudget { per_second },
        Arc::clone(&patience) as Arc<dyn Wait>,
    );
    Reader {
        http: http.unwrap(),
        badge,
        patience,
    }
}

impl Reader {
    fn waits(&self) -> Vec<f64> {
        self.patience.0.lock().unwrap().iter().map(Duration::as_secs_f64).collect()
    }
}

fn january() -> Window {
    Window {
        since: "2026-01-01T00:00:00Z".parse().unwrap(),
        until: "2026-02-01T00:00:00Z".parse().unwrap(),
    }
}

fn places() -> Vec<Record> {
    vec![record("locations", json!({ "id": "L1", "created_at": "2020-01-01T00:00:00Z" }))]
}

fn page(rows: &str, records: &[Value], cursor: Option<&str>) -> Response {
    let mut body = json!({ rows: records });
    if let Some(cursor) = cursor {
        body["cursor"] = json!(cursor);
    }
    axum::Json(body).into_response()
}

fn disputed(id: &str) -> Value {
    let at = "2026-01-05T17:00:00.000Z";
    json!({ "id": id, "state": "PROCESSING", "created_at": at, "updated_at": at, "amount_money": usd(100) })
}

fn status(status: u16) -> Response {
    (
        StatusCode::from_u16(status).unwrap(),
        axum::Json(json!({ "errors": [{ "category": "API_ERROR", "code": "X", "detail": "secret detail" }] })),
    )
        .into_response()
}

async fn disputes(desk: &Reader) -> Result<Vec<String>, Problem> {
    let fetched = fetch(square("2"), "disputes", january(), &[], &desk.http, &mut |_| {}).await?;
    Ok(fetched.records.into_iter().map(|record| record.id).collect())
}

#[tokio::test]
async fn pages_are_followed_to_the_end_and_reported_one_by_one() {
    let server = serve(|seen, _| match seen.parameter("cursor") {
        None => page("disputes", &[disputed("d_1"), disputed("d_2")], Some("second")),
        Some("second") => page("disputes", &[disputed("d_3")], Some("third")),
        Some(_) => page("disputes", &[], None),
    })
    .await;
    let desk = reader(&server);
    let mut pages: Vec<PageSeen> = Vec::new();
    let fetched = fetch(square("2"), "disputes", january(), &[], &desk.http, &mut |page| pages.push(page))
        .await
        .unwrap();
    assert_eq!(
        fetched.records.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(),
        ["d_1", "d_2", "d_3"]
    );
    assert_eq!((fetched.pages, fetched.requests), (3, 3));
    assert_eq!(
        pages.iter().map(|page| (page.pages, page.rows)).collect::<Vec<_>>(),
        [(1, 2), (2, 1), (3, 0)]
    );
    for seen in server.seen() {
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("GET", "/v2/disputes"));
        assert_eq!(seen.headers["square-version"], "2025-08-20");
        assert_eq!(seen.headers[header::AUTHORIZATION], "Bearer secret-0");
    }
}

#[tokio::test]
async fn an_absent_list_is_an_empty_one() {
    let server = serve(|_, _| axum::Json(json!({})).into_response()).await;
    assert!(disputes(&reader(&server)).await.unwrap().is_empty());
}

#[tokio::test]
async fn payments_are_asked_for_by_place_and_by_change_with_a_look_back() {
    let server = serve(|seen, _| {
        let id = format!("p_{}", seen.parameter("location_id").unwrap());
        page(
            "payments",
            &[card(Box::leak(id.into_boxed_str()), "2026-01-05T17:00:00.000Z", 100, None)[0]
                .body
                .clone()],
            None,
        )
    })
    .await;
    let mut places = places();
    places.push(record("locations", json!({ "id": "L2", "created_at": "2020-01-01T00:00:00Z" })));
    let desk = reader(&server);
    let fetched = fetch(square("2"), "payments", january(), &places, &desk.http, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(
        fetched.records.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(),
        ["p_L1", "p_L2"]
    );
    assert_eq!(fetched.records[1].parent.as_deref(), Some("L2"));
    let asked = &server.seen()[0];
    assert_eq!(asked.parameter("updated_at_begin_time"), Some("2025-12-31T00:00:00Z"));
    assert_eq!(asked.parameter("updated_at_end_time"), Some("2026-02-01T00:00:00Z"));
    assert_eq!(asked.parameter("begin_time"), Some("2024-01-01T00:00:00Z"));
    assert_eq!((asked.parameter("end_time"), asked.parameter("limit")), (None, Some("100")));
    assert_eq!(
        (asked.parameter("sort_field"), asked.parameter("sort_order")),
        (Some("UPDATED_AT"), Some("ASC"))
    );
    let problem = fetch(square("2"), "payments", january(), &[], &desk.http, &mut |_| {})
        .await
        .unwrap_err();
    assert_eq!(problem.code.0, "E-FETCH-PARENTS");
}

#[tokio::test]
async fn entries_are_read_for_each_payout_and_an_id_cannot_become_a_path() {
    let server = serve(|seen, count| match (seen.path.as_str(), seen.parameter("cursor")) {
        ("/v2/payouts/po_1/payout-entries", None) => page(
            "payout_entries",
            &[entry("poe_1", "po_1", "CHARGE", 1, 0, ("x", json!(1))).body],
            Some("more"),
        ),
        ("/v2/payouts/po_1/payout-entries", Some(_)) => page(
            "payout_entries",
            &[entry("poe_2", "po_1", "CHARGE", 1, 0, ("x", json!(1))).body],
            None,
        ),
        _ => page(
            "payout_entries",
            &[entry(&format!("poe_{count}"), "po_?", "CHARGE", 1, 0, ("x", json!(1))).body],
            None,
        ),
    })
    .await;
    let parents = [
        payout("po_1", "2026-01-05T00:00:00Z", "PAID", 1, 0),
        payout("../orders?a b", "2026-01-05T00:00:00Z", "PAID", 1, 0),
    ];
    let desk = reader(&server);
    let fetched = fetch(square("2"), "payout_entries", january(), &parents, &desk.http, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(fetched.records.len(), 3);
    assert_eq!(fetched.records[0].parent.as_deref(), Some("po_1"));
    assert_eq!(server.seen()[2].path, "/v2/payouts/..%2Forders%3Fa%20b/payout-entries");
    assert!(
        fetch(square("2"), "payout_entries", january(), &[], &desk.http, &mut |_| {})
            .await
            .unwrap()
            .records
            .is_empty()
    );
}

#[tokio::test]
async fn orders_are_searched_in_bundles_of_a_hundred_and_each_only_once() {
    let server = serve(|seen, _| {
        let asked: Value = serde_json::from_str(&seen.body).unwrap();
        let at = "2026-01-05T17:00:00.000Z";
        let rows: Vec<Value> = asked["order_ids"]
            .as_array()
            .unwrap()
            .iter()
            .map(|id| json!({ "id": id, "created_at": at, "updated_at": at }))
            .collect();
        page("orders", &rows, None)
    })
    .await;
    let mut parents: Vec<Record> = Vec::new();
    for number in 0..150 {
        let at = "2026-01-05T17:00:00.000Z";
        for stream in ["payments", "refunds"] {
            parents.push(record(
                stream,
                json!({ "id": format!("x_{number}"), "created_at": at, "order_id": format!("o_{number}") }),
            ));
        }
        parents.push(record(
            "disputes",
            json!({ "id": "d", "created_at": at, "order_id": "not an order of these" }),
        ));
    }
    let desk = reader(&server);
    let fetched = fetch(square("2"), "orders", january(), &parents, &desk.http, &mut |_| {})
        .await
        .unwrap();
    assert_eq!((fetched.records.len(), fetched.requests), (150, 2));
    let asked = server.seen();
    assert!(
        asked
            .iter()
            .all(|seen| seen.method == "POST" && seen.path == "/v2/orders/batch-retrieve")
    );
    let first: Value = serde_json::from_str(&asked[0].body).unwrap();
    assert_eq!(first["order_ids"].as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn a_page_that_comes_twice_changes_nothing_and_the_newest_state_is_kept() {
    let server = serve(|_, count| match count {
        1 => page("disputes", &[disputed("d_1"), disputed("d_2")], Some("a")),
        2 => page("disputes", &[disputed("d_1"), disputed("d_2")], Some("b")),
        _ => {
            let mut newer = disputed("d_1");
            newer["state"] = json!("WON");
            newer["updated_at"] = json!("2026-01-09T17:00:00.000Z");
            let mut older = disputed("d_2");
            older["state"] = json!("EVIDENCE_REQUIRED");
            older["updated_at"] = json!("2026-01-01T17:00:00.000Z");
            page("disputes", &[newer, older], None)
        }
    })
    .await;
    let desk = reader(&server);
    let fetched = fetch(square("2"), "disputes", january(), &[], &desk.http, &mut |_| {})
        .await
        .unwrap();
    let states: Vec<&str> = fetched.records.iter().map(|it| it.body["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["WON", "PROCESSING"]);
}

#[tokio::test]
async fn a_cursor_that_comes_back_stops_the_reading() {
    let server = serve(|_, _| page("disputes", &[disputed("d_1")], Some("again"))).await;
    let problem = disputes(&reader(&server)).await.unwrap_err();
    assert_eq!(problem.code.0, "E-FETCH-LOOP");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn pages_without_an_end_stop_at_the_limit() {
    struct Endless(AtomicUsize);
    impl connector::Processor for Endless {
        fn get<'a>(&'a self, _: &'a PageRequest) -> BoxFuture<'a, Result<connector::PageResponse, Problem>> {
            let number = self.0.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                Ok(connector::PageResponse {
                    body: json!({ "disputes": [], "cursor": format!("c{number}") }),
                })
            })
        }
    }
    let endless = Endless(AtomicUsize::new(0));
    let problem = fetch(square("2"), "disputes", january(), &[], &endless, &mut |_| {})
        .await
        .unwrap_err();
    assert_eq!(problem.code.0, "E-FETCH-PAGES");
    assert_eq!(endless.0.load(Ordering::SeqCst), connector::LARGEST_STREAM_PAGES);
}

#[tokio::test]
async fn too_many_requests_are_answered_with_the_patience_asked_for() {
    let server = serve(|_, count| match count {
        1 => ([(header::RETRY_AFTER, "7")], status(429)).into_response(),
        2 => ([(header::RETRY_AFTER, "Mon, 05 Jan 2026 12:00:30 GMT")], status(429)).into_response(),
        3 => status(429),
        _ => page("disputes", &[disputed("d_1")], None),
    })
    .await;
    let desk = reader(&server);
    assert_eq!(disputes(&desk).await.unwrap(), ["d_1"]);
    assert_eq!(desk.waits(), [7.0, 30.0, 2.0]);
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_told_to_the_person() {
    let server = serve(|_, _| ([(header::RETRY_AFTER, "3600")], status(429)).into_response()).await;
    let desk = reader(&server);
    let problem = disputes(&desk).await.unwrap_err();
    assert_eq!(
        (problem.code.0, problem.retry),
        ("E-FETCH-BUSY", Retry::Later { after_seconds: 3600 })
    );
    assert!(desk.waits().is_empty());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_fault_at_the_processor_is_tried_again_with_growing_pauses_and_then_named() {
    let server = serve(|_, _| status(503)).await;
    let desk = reader(&server);
    let problem = disputes(&desk).await.unwrap_err();
    assert_eq!(problem.code.0, "E-FETCH-AWAY");
    assert_eq!(desk.waits(), [0.5, 1.0, 2.0, 4.0, 8.0]);
    assert_eq!(server.seen().len(), 6);
    assert!(!problem.to_string().contains("secret"), "{problem}");
}

/// Half of an answer, and then the line is cut.
fn cut() -> Response {
    struct Half(Option<Bytes>);
    impl futures_core::Stream for Half {
        type Item = Result<Bytes, std::io::Error>;
        fn poll_next(mut self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<Option<Self::Item>> {
            std::task::Poll::Ready(Some(self.0.take().ok_or_else(|| std::io::Error::other("cut"))))
        }
    }
    Response::new(Body::from_stream(Half(Some(Bytes::from_static(b"{\"disputes\":[")))))
}

#[tokio::test]
async fn a_connection_that_is_cut_is_tried_again() {
    let server = serve(|_, count| {
        if count < 3 {
            cut()
        } else {
            page("disputes", &[disputed("d_1")], None)
        }
    })
    .await;
    let desk = reader(&server);
    assert_eq!(disputes(&desk).await.unwrap(), ["d_1"]);
    assert_eq!(desk.waits(), [0.5, 1.0]);
}

#[tokio::test]
async fn nobody_there_is_named_as_such() {
    let server = Server {
        address: "http://127.0.0.1:1".into(),
        seen: Arc::default(),
    };
    let problem = disputes(&reader(&server)).await.unwrap_err();
    assert_eq!(problem.code.0, "E-FETCH-OFFLINE");
}

#[tokio::test]
async fn a_log_in_page_of_a_network_is_not_taken_for_data() {
    let server = serve(|_, _| axum::response::Html("<!doctype html><title>Welcome</title>").into_response()).await;
    let problem = disputes(&reader(&server)).await.unwrap_err();
    assert_eq!(problem.code.0, "E-FETCH-NOT-JSON");
    assert!(
        problem.why[0].contains("a web page") && !problem.to_string().contains("Welcome"),
        "{problem}"
    );
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = serve(|_, _| (StatusCode::FOUND, [(header::LOCATION, "https://example.org/")]).into_response()).await;
    assert_eq!(disputes(&reader(&server)).await.unwrap_err().code.0, "E-FETCH-REDIRECT");
}

#[tokio::test]
async fn an_expired_sign_in_is_renewed_once() {
    let server = serve(|seen, _| {
        if seen.headers[header::AUTHORIZATION] == "Bearer secret-0" {
            status(401)
        } else {
            page("disputes", &[disputed("d_1")], None)
        }
    })
    .await;
    let desk = reader(&server);
    assert_eq!(disputes(&desk).await.unwrap(), ["d_1"]);
    assert_eq!(desk.badge.renewals.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_sign_in_that_is_gone_is_not_tried_for_ever() {
    let server = serve(|_, _| status(401)).await;
    for worth_renewing in [true, false] {
        let desk = reader_with(&server, worth_renewing, 0);
        let problem = disputes(&desk).await.unwrap_err();
        assert_eq!(problem.code.0, "E-FETCH-SIGN-IN");
        assert_eq!(desk.badge.renewals.load(Ordering::SeqCst), 1);
        assert!(!problem.to_string().contains("secret"), "{problem}");
    }
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn other_answers_are_named_and_not_repeated() {
    for (answer, code) in [(403, "E-FETCH-PERMISSION"), (400, "E-FETCH-REFUSED"), (404, "E-FETCH-REFUSED")] {
        let server = serve(move |_, _| status(answer)).await;
        assert_eq!(disputes(&reader(&server)).await.unwrap_err().code.0, code);
        assert_eq!(server.seen().len(), 1);
    }
    for (body, code) in [
        (json!({ "disputes": "none" }), "E-FETCH-SHAPE"),
        (json!([]), "E-FETCH-SHAPE"),
        (json!({ "errors": [{ "code": "X" }] }), "E-FETCH-SHAPE"),
        (json!({ "disputes": [{ "state": "WON" }] }), "E-FETCH-ROW"),
        (
            json!({ "disputes": [{ "id": "d_1", "created_at": "yesterday", "updated_at": "2026-01-05T17:00:00Z" }] }),
            "E-FETCH-ROW",
        ),
    ] {
        let text = body.clone();
        let server = serve(move |_, _| axum::Json(text.clone()).into_response()).await;
        assert_eq!(disputes(&reader(&server)).await.unwrap_err().code.0, code, "{body}");
    }
}

#[tokio::test]
async fn an_answer_without_an_end_is_cut_off() {
    let server = serve(|_, _| {
        let mut text = vec![b' '; connector::LARGEST_PAGE_BYTES];
        text.extend_from_slice(b"{}");
        Response::new(Body::from(text))
    })
    .await;
    assert_eq!(disputes(&reader(&server)).await.unwrap_err().code.0, "E-FETCH-TOO-LARGE");
}

#[tokio::test]
async fn requests_keep_their_distance() {
    let server = serve(|_, count| page("disputes", &[], (count < 4).then(|| format!("c{count}")).as_deref())).await;
    let desk = reader_with(&server, true, 2);
    disputes(&desk).await.unwrap();
    let waits = desk.waits();
    assert_eq!(waits.len(), 3, "{waits:?}");
    assert!(waits.windows(2).all(|pair| pair[0] < pair[1]), "{waits:?}");
}

#[tokio::test]
async fn waiting_ends_when_the_reading_is_dropped() {
    struct Forever;
    impl Wait for Forever {
        fn wait<'a>(&'a self, _: Duration) -> BoxFuture<'a, ()> {
            Box::pin(std::future::pending())
        }
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
    }
    drop(rustls::crypto::ring::default_provider().install_default());
    let server = serve(|_, _| status(503)).await;
    let http = HttpProcessor::with_wait(
        &server.address,
        Arc::new(Badge::default()),
        RateBudget { per_second: 0 },
        Arc::new(Forever),
    )
    .unwrap();
    let reading = fetch(square("2"), "disputes", january(), &[], &http, &mut |_| {})
        .await_for_a_moment(&server)
        .await;
    assert!(reading, "the reading was still waiting, and could be dropped");
}

/// Polls a future until the server has seen its request, then drops it.
trait AwaitForAMoment: Future + Sized {
    fn await_for_a_moment(self, server: &Server) -> impl Future<Output = bool> {
        let seen = Arc::clone(&server.seen);
        async move {
            let asked = async move {
                while seen.lock().unwrap().is_empty() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! { _ = self => false, () = asked => true }
        }
    }
}

impl<F: Future> AwaitForAMoment for F {}

#[test]
fn only_safe_addresses_are_asked() {
    drop(rustls::crypto::ring::default_provider().install_default());
    for (address, good) in [
        ("https://connect.squareup.com", true),
        ("http://127.0.0.1:8080", true),
        ("http://connect.squareup.com", false),
        ("ftp://127.0.0.1", false),
        ("connect.squareup.com", false),
    ] {
        let made = HttpProcessor::new(address, Arc::new(Badge::default()), RateBudget { per_second: 10 });
        assert_eq!(made.is_ok(), good, "{address}");
    }
}

#[tokio::test]
async fn a_request_says_what_it_is() {
    struct Look(Mutex<Vec<(Verb, String)>>);
    impl connector::Processor for Look {
        fn get<'a>(&'a self, request: &'a PageRequest) -> BoxFuture<'a, Result<connector::PageResponse, Problem>> {
            self.0.lock().unwrap().push((request.verb(), request.fingerprint()));
            Box::pin(async { Ok(connector::PageResponse { body: json!({}) }) })
        }
    }
    let look = Look(Mutex::default());
    let parents = card("p_1", "2026-01-05T17:00:00.000Z", 100, None);
    for stream in ["disputes", "orders"] {
        fetch(square("2"), stream, january(), &parents, &look, &mut |_| {}).await.unwrap();
    }
    let seen = look.0.into_inner().unwrap();
    assert_eq!(seen[0], (Verb::Get, "GET /v2/disputes? ".to_string()));
    assert_eq!(
        seen[1],
        (
            Verb::Search,
            "SEARCH /v2/orders/batch-retrieve? {\"order_ids\":[\"o_p_1\"]}".to_string()
        )
    );
}

#[tokio::test]
async fn a_list_that_the_connector_does_not_have_is_refused() {
    let server = serve(|_, _| status(500)).await;
    let problem = fetch(square("1"), "disputes", january(), &[], &reader(&server).http, &mut |_| {})
        .await
        .unwrap_err();
    assert!(server.seen().is_empty());
    assert_eq!(problem.code.0, "E-FETCH-STREAM");
}
