//! Held movements answered through the built program: posted once for ever, linked and left out without a byte of
//! the book, each answer twice, two at once, and after a kill. GnuCash and the file's rows judge.

use changeover_tests::bakery::Bakery;
use changeover_tests::{oracle, program, typed};
use engine::progress::Watcher;
use engine::store::{movement, record};
use jiff::SignedDuration;
use ledger::Role;
use serde_json::Value;
use std::ffi::OsStr;
use upgrade::{Gate, Mode};

/// Everything that one version has read, newest content each.
async fn received(bakery: &Bakery, version: &str) -> Vec<connector::Record> {
    let (pool, connection) = (&bakery.engine.pool, &bakery.connection.id);
    let mut arrivals = record::Arrivals::default();
    let names = arrivals.catch_up(pool, connection, version).await.unwrap();
    arrivals.bodies(pool, connection, version, &names).await.unwrap()
}

/// A payment of a kind that neither version knows, received as the processor would send it.
async fn unknown_payment(bakery: &Bakery, version: &str, id: &str, minor: i64) {
    let known = received(bakery, version).await;
    let model = known
        .iter()
        .find(|r| r.stream == "payments" && r.body["status"] == "COMPLETED" && r.body["source_type"] == "CARD")
        .unwrap();
    let mut payment = model.clone();
    let now = bakery.engine.now();
    payment.id = id.to_string();
    (payment.instant, payment.updated) = (now, now);
    payment.body["id"] = id.into();
    payment.body["source_type"] = "EXTERNAL".into();
    for field in ["created_at", "updated_at"] {
        payment.body[field] = now.to_string().into();
    }
    for field in ["amount_money", "total_money"] {
        payment.body[field]["amount"] = minor.into();
    }
    let fields = payment.body.as_object_mut().unwrap();
    for gone in ["tip_money", "processing_fee", "order_id"] {
        fields.remove(gone);
    }
    assert_eq!(
        record::keep(&bakery.engine.pool, &bakery.connection.id, version, &[payment], now)
            .await
            .unwrap(),
        1
    );
}

async fn sync(bakery: &Bakery) -> engine::sync::Synced {
    let connection = bakery.engine.connection(&bakery.company, None).await.unwrap();
    bakery
        .engine
        .sync(&bakery.company, &connection, &Watcher::silent())
        .await
        .unwrap_or_else(|problem| panic!("{problem}"))
}

/// The built program on the practice home.
fn holds(bakery: &Bakery, arguments: &[&str]) -> program::Ran {
    program::run(bakery.home.path(), ["--json", "holds"].iter().chain(arguments).map(OsStr::new))
}

fn dying(bakery: &Bakery, point: &str, arguments: &[&str]) -> program::Ran {
    let mut command = program::command(bakery.home.path(), ["--json", "holds"].iter().chain(arguments).map(OsStr::new));
    program::start(command.env("CHANGEOVER_DIE_AT", point)).finish(program::DEADLINE)
}

fn list(bakery: &Bakery) -> Value {
    holds(bakery, &["list"]).expect(0).json()
}

/// The name of the only held movement of so many cents.
fn held(bakery: &Bakery, amount: &str) -> String {
    let list = list(bakery);
    let found: Vec<&Value> = list["held"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["amount"] == amount)
        .collect();
    assert_eq!(found.len(), 1, "{list:#}");
    found[0]["id"].as_str().unwrap().to_string()
}

#[track_caller]
fn refused(ran: program::Ran, code: &str) {
    let ran = ran.expect(1);
    assert!(ran.stderr.contains(code), "{}", ran.stderr);
}

struct Names {
    clearing: String,
    sales: String,
    bank: String,
    full: std::collections::BTreeMap<String, String>,
}

async fn names(bakery: &Bakery) -> Names {
    let id = |role: Role| bakery.connection.roles.get(role).unwrap().0.clone();
    let full = bakery
        .engine
        .account_names(&bakery.company)
        .await
        .unwrap()
        .into_iter()
        .map(|(id, name)| (id.0, name))
        .collect();
    Names {
        clearing: id(Role::Clearing),
        sales: id(Role::Sales),
        bank: id(Role::Bank),
        full,
    }
}

/// "--line" arguments for an entry over so much.
fn lines(names: &Names, amount: &str) -> Vec<String> {
    let line = |account: &str, amount: &str| ["--line".to_string(), format!("{}={amount}", names.full[account])];
    [line(&names.clearing, amount), line(&names.sales, &format!("-{amount}"))].concat()
}

fn with<'a>(first: &[&'a str], more: &'a [String]) -> Vec<&'a str> {
    first.iter().copied().chain(more.iter().map(String::as_str)).collect()
}

async fn keys_in_book(bakery: &Bakery) -> Vec<String> {
    let entries = bakery
        .engine
        .books(&bakery.company)
        .await
        .unwrap()
        .entries(books::Period::ALL)
        .await
        .unwrap();
    entries.iter().flat_map(|e| &e.keys).map(ToString::to_string).collect()
}

async fn nothing_is_there_twice(bakery: &Bakery) {
    let mut keys = keys_in_book(bakery).await;
    let all = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), all, "no key stands in the books twice");
}

async fn agrees(bakery: &Bakery) -> Value {
    let ran = program::run(bakery.home.path(), ["--json", "reconcile", "show"]).expect(0);
    let shown = ran.json();
    assert_eq!(shown["agrees"], true, "{shown:#}");
    shown
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_payment_is_posted_once_whoever_asks_and_how_often() {
    let bakery = Bakery::open("all-goes-well").await;
    let names = names(&bakery).await;
    unknown_payment(&bakery, "1", "EXT0001", 1850).await;
    assert_eq!(sync(&bakery).await.held, 1);
    let id = held(&bakery, "18.50");
    let before = oracle::rows(&bakery.book());
    let counted = oracle::has_gnucash().then(|| oracle::gnucash(&bakery.book()));

    // Without accounts, out of balance, of another amount, to an account that is not there: refused, not a byte written.
    refused(holds(&bakery, &["post", &id]), "E-HOLD-LINES");
    let uneven = format!("{}=18.00", names.full[&names.clearing]);
    refused(
        holds(
            &bakery,
            &[
                "post",
                &id,
                "--line",
                &uneven,
                "--line",
                &format!("{}=-18.50", names.full[&names.sales]),
            ],
        ),
        "E-HOLD-LINES",
    );
    refused(holds(&bakery, &with(&["post", &id], &lines(&names, "19.00"))), "E-HOLD-LINES");
    refused(
        holds(
            &bakery,
            &["post", &id, "--line", "Assets:Nowhere=18.50", "--line", "Income:Nothing=-18.50"],
        ),
        "E-HOLD-LINES",
    );
    oracle::same(&before, &oracle::rows(&bakery.book()));

    let wanted = lines(&names, "18.50");
    let post = with(&["--json", "holds", "post", &id], &wanted);
    let both = [0, 1].map(|_| program::start(&mut program::command(bakery.home.path(), &post)));
    let ran = both.map(|running| running.finish(program::DEADLINE));
    let done: Vec<Value> = ran.iter().filter(|ran| ran.code == Some(0)).map(program::Ran::json).collect();
    assert!(!done.is_empty(), "{ran:?}");
    assert_eq!(done.iter().filter(|answer| answer["already"] == false).count(), 1, "{done:?}");
    for busy in ran.iter().filter(|ran| ran.code != Some(0)) {
        assert!(busy.stderr.contains("E-SYNC-BUSY"), "{busy:?}");
    }
    let again = holds(&bakery, &with(&["post", &id], &wanted)).expect(0).json();
    assert_eq!(again["already"], true, "{again:#}");
    refused(holds(&bakery, &["exclude", &id, "--reason", "Changed my mind"]), "E-HOLD-ANSWER");
    refused(holds(&bakery, &["undo", &id]), "E-HOLD-ANSWER");

    assert_eq!(
        (sync(&bakery).await.posted, list(&bakery)["held"].as_array().unwrap().len()),
        (0, 0)
    );
    nothing_is_there_twice(&bakery).await;
    assert_eq!(keys_in_book(&bakery).await.iter().filter(|key| key.contains("EXT0001")).count(), 1);
    if let Some(was) = counted {
        let is = oracle::gnucash(&bakery.book());
        assert_eq!((is.transactions, is.splits), (was.transactions + 1, was.splits + 2));
        assert_eq!((is.repairs.len(), is.unbalanced.len()), (0, 0), "{:?}", is.repairs);
        let moved: Vec<&String> = is
            .balances
            .iter()
            .filter(|(name, balance)| was.balances.get(*name) != Some(*balance))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(moved.len(), 2, "the clearing account and sales, and no other: {moved:?}");
    }
    let shown = agrees(&bakery).await;
    assert_eq!(shown["answered"][0]["answer"], "posted", "{shown:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_linked_to_a_typed_entry_writes_nothing_into_the_book_and_can_be_taken_back() {
    let bakery = Bakery::open("all-goes-well").await;
    let names = names(&bakery).await;
    for id in ["EXT0001", "EXT0002"] {
        unknown_payment(&bakery, "1", id, if id == "EXT0001" { 1850 } else { 1851 }).await;
    }
    assert_eq!(sync(&bakery).await.held, 2);
    let id = held(&bakery, "18.50");
    let day = bakery
        .engine
        .now()
        .to_zoned(jiff::tz::TimeZone::get(&bakery.company.zone).unwrap())
        .date();
    let (one, far) = ("a".repeat(32), "b".repeat(32));
    typed::entry(
        &bakery.book(),
        &one,
        &day.to_string(),
        "Card terminal, typed by Ann",
        (&names.bank, &names.sales),
        1850,
    )
    .await;
    let long_ago = day.checked_sub(jiff::Span::new().days(40)).unwrap();
    typed::entry(
        &bakery.book(),
        &far,
        &long_ago.to_string(),
        "The same amount, long ago",
        (&names.bank, &names.sales),
        1850,
    )
    .await;
    let before = oracle::rows(&bakery.book());

    let shown = holds(&bakery, &["show", &id]).expect(0).json();
    let offered = shown["candidates"].as_array().unwrap();
    assert_eq!(offered.len(), 1, "an entry of another month, and ours, are not offered: {shown:#}");
    assert_eq!(offered[0]["entry"], one.as_str());
    assert!(offered[0]["reasons"].as_array().unwrap().len() >= 3, "{shown:#}");
    refused(holds(&bakery, &["link", &id, "--entry", &far]), "E-HOLD-CANDIDATE");
    let ours = movement::known(&bakery.engine.pool, &bakery.connection.id)
        .await
        .unwrap()
        .entries
        .keys()
        .next()
        .cloned()
        .unwrap();
    refused(holds(&bakery, &["link", &id, "--entry", &ours]), "E-HOLD-CANDIDATE");

    let linked = holds(&bakery, &["link", &id, "--entry", &one, "--by", "Ann"]).expect(0).json();
    assert_eq!((&linked["already"], &linked["by"]), (&false.into(), &"Ann".into()), "{linked:#}");
    assert_eq!(holds(&bakery, &["link", &id, "--entry", &one]).expect(0).json()["already"], true);
    // The entry is spoken for; another movement cannot be it as well.
    let other = held(&bakery, "18.51");
    refused(holds(&bakery, &["link", &other, "--entry", &one]), "E-HOLD-CANDIDATE");
    assert_eq!(sync(&bakery).await.posted, 0);
    let shown = agrees(&bakery).await;
    assert_eq!(
        (shown["answered"][0]["answer"].clone(), shown["answered"][0]["amount_minor"].clone()),
        ("linked".into(), 1850.into()),
        "{shown:#}"
    );
    assert_eq!(shown["held"][0]["amount_minor"], 1851, "what is held keeps its amount: {shown:#}");

    assert_eq!(holds(&bakery, &["undo", &id]).expect(0).json()["already"], false);
    assert_eq!(holds(&bakery, &["undo", &id]).expect(0).json()["already"], true);
    assert_eq!(held(&bakery, "18.50"), id, "held again, under the same name");
    assert_eq!((sync(&bakery).await.held, held(&bakery, "18.50")), (2, id));
    oracle::same(&before, &oracle::rows(&bakery.book()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_left_out_needs_a_reason_writes_nothing_and_stays_out_until_it_is_taken_back() {
    let bakery = Bakery::open("all-goes-well").await;
    unknown_payment(&bakery, "1", "EXT0001", 1850).await;
    assert_eq!(sync(&bakery).await.held, 1);
    let id = held(&bakery, "18.50");
    let before = oracle::rows(&bakery.book());
    refused(holds(&bakery, &["exclude", &id, "--reason", "  "]), "E-HOLD-REASON");
    assert_eq!(list(&bakery)["answered"].as_array().unwrap().len(), 0);

    let out = holds(&bakery, &["exclude", &id, "--reason", "A test of the new terminal", "--by", "Ann"])
        .expect(0)
        .json();
    assert_eq!(out["already"], false, "{out:#}");
    assert_eq!(
        holds(&bakery, &["exclude", &id, "--reason", "A test"]).expect(0).json()["already"],
        true
    );
    let synced = sync(&bakery).await;
    assert_eq!((synced.posted, synced.held), (0, 0));
    let shown = agrees(&bakery).await;
    assert_eq!(
        (shown["answered"][0]["answer"].clone(), shown["answered"][0]["reason"].clone()),
        ("excluded".into(), "A test of the new terminal".into())
    );
    let log = program::run(bakery.home.path(), ["log", "show"]).expect(0).stdout;
    assert!(
        log.contains("Ann left a held payment out for good: A test of the new terminal"),
        "{log}"
    );

    assert_eq!(holds(&bakery, &["undo", &id]).expect(0).json()["already"], false);
    assert_eq!(held(&bakery, "18.50"), id);
    oracle::same(&before, &oracle::rows(&bakery.book()));
    program::run(bakery.home.path(), ["log", "verify"]).expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_survives_a_kill_at_every_point_and_is_carried_out_once() {
    let bakery = Bakery::open("all-goes-well").await;
    let names = names(&bakery).await;
    let points = [
        "answer.intent-written",
        "books.intent-written",
        "books.swapped",
        "books.outcome-written",
        "answer.outcome-written",
    ];
    for (at, point) in points.iter().enumerate() {
        let record = format!("EXTK{at:03}");
        let minor = 2000 + i64::try_from(at).unwrap();
        unknown_payment(&bakery, "1", &record, minor).await;
        sync(&bakery).await;
        let amount = format!("{}.{:02}", minor / 100, minor % 100);
        let id = held(&bakery, &amount);
        let wanted = lines(&names, &amount);
        let post = with(&["post", &id], &wanted);
        let died = dying(&bakery, point, &post);
        assert_eq!(died.code, None, "{point}: {died:?}");
        // Whoever comes next settles it first; asking again posts it, or says that it is posted.
        let after = holds(&bakery, &post).expect(0).json();
        assert_eq!(after["state"], "done", "{point}: {after:#}");
        assert_eq!(sync(&bakery).await.posted, 0, "{point}");
        assert_eq!(
            keys_in_book(&bakery).await.iter().filter(|key| key.contains(&record)).count(),
            1,
            "{point}"
        );
    }
    let before = oracle::rows(&bakery.book());
    for (at, point) in ["answer.intent-written", "answer.outcome-written"].iter().enumerate() {
        let minor = 3000 + i64::try_from(at).unwrap();
        unknown_payment(&bakery, "1", &format!("EXTX{at:03}"), minor).await;
        sync(&bakery).await;
        let id = held(&bakery, &format!("{}.{:02}", minor / 100, minor % 100));
        let exclude = ["exclude", &id, "--reason", "A test"];
        assert_eq!(dying(&bakery, point, &exclude).code, None, "{point}");
        // What was decided is carried out by the next run, asked again or not.
        assert_eq!(sync(&bakery).await.held, 0, "{point}");
        assert_eq!(holds(&bakery, &exclude).expect(0).json()["already"], true, "{point}");
        let undo = ["undo", id.as_str()];
        assert_eq!(dying(&bakery, "answer.undone", &undo).code, None);
        assert_eq!(holds(&bakery, &undo).expect(0).json()["already"], true);
        holds(&bakery, &exclude).expect(0);
    }
    oracle::same(&before, &oracle::rows(&bakery.book()));
    nothing_is_there_twice(&bakery).await;
    agrees(&bakery).await;
    program::run(bakery.home.path(), ["log", "verify"]).expect(0);
    if oracle::has_gnucash() {
        let books = oracle::gnucash(&bakery.book());
        assert_eq!((books.repairs.len(), books.unbalanced.len()), (0, 0), "{:?}", books.repairs);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_movement_of_a_closed_period_is_posted_as_proposed_once_the_period_is_open_again() {
    let bakery = Bakery::open("all-goes-well").await;
    let later = bakery.engine.now().checked_add(SignedDuration::from_hours(24 * 9)).unwrap();
    bakery.app.practice_now(later).await.unwrap();
    close(&bakery, Some("2099-01-01")).await;
    let synced = sync_fresh(&bakery).await;
    assert!(synced.held > 1 && synced.posted == 0, "{synced:?}");
    let first = list(&bakery)["held"][0].clone();
    let id = first["id"].as_str().unwrap();
    let before = oracle::rows(&bakery.book());
    refused(holds(&bakery, &["post", id]), "E-HOLD-ANSWER");
    oracle::same(&before, &oracle::rows(&bakery.book()));

    close(&bakery, None).await;
    let counted = oracle::has_gnucash().then(|| oracle::gnucash(&bakery.book()));
    refused(holds(&bakery, &["post", id, "--line", "Income:Sales=1.00"]), "E-HOLD-LINES");
    assert_eq!(holds(&bakery, &["post", id]).expect(0).json()["already"], false);
    assert_eq!(holds(&bakery, &["post", id]).expect(0).json()["already"], true);
    if let Some(was) = counted {
        assert_eq!(oracle::gnucash(&bakery.book()).transactions, was.transactions + 1);
    }
    assert!(sync_fresh(&bakery).await.posted > 0, "the others are posted by rule");
    nothing_is_there_twice(&bakery).await;
    let whole = oracle::rows(&bakery.book());

    // The same weeks without a closed period lead to the very same book.
    let undisturbed = Bakery::open("all-goes-well").await;
    undisturbed.app.practice_now(later).await.unwrap();
    sync_fresh(&undisturbed).await;
    oracle::same(&oracle::rows(&undisturbed.book()), &whole);
}

async fn close(bakery: &Bakery, through: Option<&str>) {
    sqlx::query("UPDATE company SET closed_through = $1")
        .bind(through)
        .execute(&bakery.engine.pool)
        .await
        .unwrap();
}

/// As [`sync`], with the company as it is stored now.
async fn sync_fresh(bakery: &Bakery) -> engine::sync::Synced {
    let company = bakery.engine.company(&bakery.company.id).await.unwrap();
    let connection = bakery.engine.connection(&company, None).await.unwrap();
    bakery
        .engine
        .sync(&company, &connection, &Watcher::silent())
        .await
        .unwrap_or_else(|problem| panic!("{problem}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_from_before_an_upgrade_hold_through_all_of_it() {
    let bakery = Bakery::open("all-goes-well").await;
    let names = names(&bakery).await;
    unknown_payment(&bakery, "1", "EXTPOST", 1850).await;
    unknown_payment(&bakery, "1", "EXTOUT", 1900).await;
    sync(&bakery).await;
    holds(&bakery, &with(&["post", &held(&bakery, "18.50")], &lines(&names, "18.50"))).expect(0);
    holds(&bakery, &["exclude", &held(&bakery, "19.00"), "--reason", "A test"]).expect(0);
    // The new version reads both, and knows what the old one did not: a card payment like any other.
    let upgrade = bakery.plan().await;
    for (id, minor) in [("EXTPOST", 1850), ("EXTOUT", 1900)] {
        known_to_the_new(&bakery, id, minor).await;
    }
    let ended = bakery.run_through(&upgrade).await;
    assert_eq!(ended.state.mode, Mode::Finished, "{:?} {:?}", ended.state.mode, ended.state.checks);
    assert_eq!(ended.verdict.as_deref(), Some("0.00 USD unexplained, 0 doubled, 0 lost"));
    let keys = keys_in_book(&bakery).await;
    assert_eq!(keys.iter().filter(|key| key.contains("EXTPOST")).count(), 1, "{keys:?}");
    assert!(!keys.iter().any(|key| key.contains("EXTOUT")), "what a person left out stays out");
    nothing_is_there_twice(&bakery).await;
    agrees(&bakery).await;
}

/// The payment as the new version reads it, of a kind that its rules know.
async fn known_to_the_new(bakery: &Bakery, id: &str, minor: i64) {
    let read = received(bakery, "1").await;
    let mut payment = read.iter().find(|r| r.id == id).unwrap().clone();
    payment.body["source_type"] = "CARD".into();
    payment.body["total_money"]["amount"] = minor.into();
    assert_eq!(
        record::keep(&bakery.engine.pool, &bakery.connection.id, "2", &[payment], bakery.engine.now())
            .await
            .unwrap(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_takes_a_posted_answer_out_and_keeps_what_was_left_out() {
    let bakery = Bakery::open("all-goes-well").await;
    let before = bakery.book_copy("before.gnucash");
    let names = names(&bakery).await;
    let upgrade = bakery.plan().await;
    bakery.run_to(&upgrade, Gate::BeforeCutOver).await;
    bakery.engine.approve(&upgrade, bakery.owner(), None).await.unwrap();
    bakery.engine.run_upgrade(&upgrade, &bakery.around()).await.unwrap();
    unknown_payment(&bakery, "2", "EXTPOST", 1850).await;
    unknown_payment(&bakery, "2", "EXTOUT", 1900).await;
    assert_eq!(sync(&bakery).await.held, 2);
    holds(&bakery, &with(&["post", &held(&bakery, "18.50")], &lines(&names, "18.50"))).expect(0);
    let out = held(&bakery, "19.00");
    holds(&bakery, &["exclude", &out, "--reason", "A test"]).expect(0);
    assert_eq!(keys_in_book(&bakery).await.iter().filter(|key| key.contains("EXTPOST")).count(), 1);
    // The old version has read both as card payments like any other.
    for id in ["EXTPOST", "EXTOUT"] {
        let read = received(&bakery, "2").await;
        let mut payment = read.iter().find(|r| r.id == id).unwrap().clone();
        payment.body["source_type"] = "CARD".into();
        record::keep(&bakery.engine.pool, &bakery.connection.id, "1", &[payment], bakery.engine.now())
            .await
            .unwrap();
    }

    let state = bakery.roll_back(&upgrade).await;
    assert_eq!(state.mode, Mode::RolledBack, "{:?} {:?}", state.rollback_checks, state.problems);
    oracle::same_rows(&before, &bakery.book());
    // The old connector decides anew about what the answer had posted, and keeps out what was left out.
    assert!(sync(&bakery).await.posted > 0);
    let keys = keys_in_book(&bakery).await;
    assert_eq!(
        keys.iter().filter(|key| key.contains("EXTPOST")).count(),
        1,
        "posted by the old connector's rule, once"
    );
    assert!(!keys.iter().any(|key| key.contains("EXTOUT")), "{keys:?}");
    let answered = list(&bakery)["answered"].clone();
    assert_eq!(
        answered.as_array().unwrap().iter().map(|a| a["answer"].clone()).collect::<Vec<_>>(),
        ["excluded"],
        "{answered:#}"
    );
    let log = program::run(bakery.home.path(), ["log", "show", "--limit", "400"]).expect(0).stdout;
    assert!(
        log.contains("A held payment is no longer posted: the upgrade was rolled back"),
        "{log}"
    );
    // And taking the exclusion back lets the old connector post it.
    holds(&bakery, &["undo", &out]).expect(0);
    sync(&bakery).await;
    assert_eq!(keys_in_book(&bakery).await.iter().filter(|key| key.contains("EXTOUT")).count(), 1);
    nothing_is_there_twice(&bakery).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payout_that_fits_two_typed_deposits_is_linked_with_its_payments_to_the_one_that_a_person_names() {
    let bakery = Bakery::open("all-goes-well").await;
    let names = names(&bakery).await;
    let later = bakery.engine.now().checked_add(SignedDuration::from_hours(24 * 45)).unwrap();
    bakery.app.practice_now(later).await.unwrap();
    // Read, and held as a whole, so that the coming payouts are known before they are posted.
    close(&bakery, Some("2099-01-01")).await;
    sync_fresh(&bakery).await;
    let all = list(&bakery);
    close(&bakery, None).await;
    // What reaches the bank may be less than the payout, because a fast one costs a fee; some only come back from the bank.
    let on_bank = |one: &Value| -> i64 {
        let shown = holds(&bakery, &["show", one["id"].as_str().unwrap()]).expect(0).json();
        if shown["members"] == 0 {
            return 0;
        }
        let lines = shown["entries"][0]["lines"].as_array().unwrap();
        let bank = lines
            .iter()
            .find(|line| line["account"] == names.full[&names.bank].as_str())
            .unwrap();
        bank["amount"].as_str().unwrap().replace('.', "").parse().unwrap()
    };
    let payouts = all["held"].as_array().unwrap().iter().filter(|one| one["title"] == "Payouts");
    let (payout, minor) = payouts.map(|one| (one, on_bank(one))).find(|(_, minor)| *minor > 0).unwrap();
    let amount = payout["amount"].as_str().unwrap();
    let (one, other) = ("a".repeat(32), "b".repeat(32));
    for guid in [&one, &other] {
        typed::entry(
            &bakery.book(),
            guid,
            payout["day"].as_str().unwrap(),
            "Square, typed by Ann",
            (&names.bank, &names.sales),
            minor,
        )
        .await;
    }
    let synced = sync_fresh(&bakery).await;
    assert!(synced.held > 1, "the payout waits, and so do the payments in it: {synced:?}");
    let id = held_payout(&bakery, amount);
    let shown = holds(&bakery, &["show", &id]).expect(0).json();
    assert_eq!(shown["candidates"].as_array().unwrap().len(), 2, "{shown:#}");
    let before = oracle::rows(&bakery.book());
    holds(&bakery, &["link", &id, "--entry", &other]).expect(0);
    let after = sync_fresh(&bakery).await;
    assert_eq!((after.posted, after.held), (0, 0), "its payments are in that entry, too: {after:?}");
    oracle::same(&before, &oracle::rows(&bakery.book()));
    agrees(&bakery).await;
    // Taken back, all of it waits again.
    holds(&bakery, &["undo", &id]).expect(0);
    let again = sync_fresh(&bakery).await;
    assert_eq!((again.posted, again.held), (0, synced.held));
}

fn held_payout(bakery: &Bakery, amount: &str) -> String {
    let list = list(bakery);
    let found = list["held"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["title"] == "Payouts" && one["amount"] == amount);
    found.unwrap_or_else(|| panic!("{list:#}"))["id"].as_str().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_posted_in_another_currency_or_while_an_upgrade_is_at_work() {
    let bakery = Bakery::open("all-goes-well").await;
    let names = names(&bakery).await;
    unknown_payment(&bakery, "1", "EXT0001", 1850).await;
    let mut euros = received(&bakery, "1").await.into_iter().find(|r| r.id == "EXT0001").unwrap();
    euros.id = "EUR0001".into();
    euros.body["id"] = "EUR0001".into();
    euros.body["source_type"] = "CARD".into();
    for field in ["amount_money", "total_money"] {
        euros.body[field]["currency"] = "EUR".into();
        euros.body[field]["amount"] = 700.into();
    }
    record::keep(&bakery.engine.pool, &bakery.connection.id, "1", &[euros], bakery.engine.now())
        .await
        .unwrap();
    assert_eq!(sync(&bakery).await.held, 2);
    let foreign = list(&bakery)["held"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["code"] == "other-currency")
        .cloned()
        .unwrap();
    let foreign = foreign["id"].as_str().unwrap();
    let before = oracle::rows(&bakery.book());
    refused(holds(&bakery, &with(&["post", foreign], &lines(&names, "7.00"))), "E-HOLD-ANSWER");
    holds(&bakery, &["exclude", foreign, "--reason", "Booked in the other company"]).expect(0);

    let id = held(&bakery, "18.50");
    let post = lines(&names, "18.50");
    let post = with(&["post", &id], &post);
    let upgrade = bakery.plan().await;
    bakery.run_to(&upgrade, Gate::BeforeCanary).await;
    for (stream, owner) in [("payments", "fenced"), ("refunds", "fenced"), ("payouts", "fenced")] {
        let fence = "INSERT INTO stream_owner (connection_id, stream, owner) VALUES ($1, $2, $3) ON CONFLICT (connection_id, stream) DO UPDATE SET owner = excluded.owner";
        sqlx::query(fence)
            .bind(&bakery.connection.id)
            .bind(stream)
            .bind(owner)
            .execute(&bakery.engine.pool)
            .await
            .unwrap();
    }
    refused(holds(&bakery, &post), "E-HOLD-ANSWER");
    sqlx::query("DELETE FROM stream_owner").execute(&bakery.engine.pool).await.unwrap();
    // A step was begun and its process ended: until that is looked into, nobody answers.
    let state = bakery.engine.approve(&upgrade, bakery.owner(), None).await.unwrap();
    let effect = upgrade::next_effect(&state).unwrap();
    let begun = upgrade::Event::IntentRecorded {
        effect_id: upgrade::EffectId("effect-of-a-dead-process".into()),
        effect,
        at: bakery.engine.now(),
    };
    bakery.engine.record(&upgrade, begun).await.unwrap();
    for answer in [post.clone(), vec!["exclude", &id, "--reason", "A test"], vec!["undo", foreign]] {
        let ran = holds(&bakery, &answer).expect(1);
        assert!(
            ran.stderr.contains("E-HOLD-ANSWER") || ran.stderr.contains("E-UPGRADE-NOT-NOW"),
            "{answer:?}: {}",
            ran.stderr
        );
    }
    oracle::same(&before, &oracle::rows(&bakery.book()));
}
