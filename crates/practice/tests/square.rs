//! The read API over HTTP: what it tells adds up, shows nothing early, and fails as asked.

mod common;

use std::collections::BTreeSet;

use common::{ALL, NEW_VERSION, OLD, OLD_VERSION, Reader, SINCE, balance_by_records, cents, serve_small};
use jiff::{SignedDuration, Timestamp};
use practice::{Consent, Faults, RetryAfter, ServeOptions, Story, World, serve};
use serde_json::{Value, json};

#[tokio::test]
async fn the_records_read_over_http_add_up_to_the_true_balance_at_any_moment() {
    let served = serve_small(Story::AllGoesWell).await;
    let reader = Reader::new(&served, ALL, NEW_VERSION).await;
    let until = served.world().until();
    for days in [-250, -120, -31, 0, 1, 2, 8, 26] {
        served.set_now(until + SignedDuration::from_hours(24 * days));
        assert_eq!(
            balance_by_records(&reader).await,
            served.totals().balance_cents,
            "{days} days from the upgrade"
        );
    }
}

#[tokio::test]
async fn the_entries_of_every_payout_add_up_to_its_amount_and_fee() {
    let served = serve_small(Story::AllGoesWell).await;
    let reader = Reader::new(&served, ALL, NEW_VERSION).await;
    served.set_now(served.world().until() + SignedDuration::from_hours(24 * 3));
    let payouts = reader.all(&format!("/v2/payouts?{SINCE}"), "payouts").await;
    assert!(payouts.len() > 60);
    let mut kinds = BTreeSet::new();
    for payout in &payouts {
        let id = payout["id"].as_str().expect("an id");
        let entries = reader.all(&format!("/v2/payouts/{id}/payout-entries"), "payout_entries").await;
        let net: i64 = entries.iter().map(|entry| cents(&entry["net_amount_money"])).sum();
        let fees: i64 = payout["payout_fee"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|fee| cents(&fee["amount_money"]))
            .sum();
        assert_eq!(net, cents(&payout["amount_money"]) + fees, "payout {id}");
        kinds.extend(entries.iter().map(|entry| entry["type"].as_str().unwrap_or_default().to_owned()));
    }
    for kind in [
        "CHARGE",
        "REFUND",
        "FEE",
        "ADJUSTMENT",
        "OPEN_DISPUTE",
        "DISPUTE",
        "RETURNED_PAYOUT",
    ] {
        assert!(kinds.contains(kind), "no {kind} entry; there are {kinds:?}");
    }
    let of = |label: &str| {
        payouts
            .iter()
            .find(|payout| payout["id"] == served.world().specials()[label])
            .expect("a payout")
    };
    assert_eq!(of("payout-returned")["status"], "FAILED");
    assert_eq!(of("payout-instant")["payout_fee"][0]["type"], "TRANSFER_FEE");
}

#[tokio::test]
async fn an_order_says_what_its_payment_was_made_of() {
    let served = serve_small(Story::AllGoesWell).await;
    let reader = Reader::new(&served, ALL, NEW_VERSION).await;
    let payments = reader.all(&format!("/v2/payments?{SINCE}"), "payments").await;
    let (mut tax, mut tips) = (0, 0);
    for batch in payments.chunks(100) {
        let ids: Vec<&Value> = batch.iter().map(|payment| &payment["order_id"]).collect();
        let (status, answer) = reader.post("/v2/orders/batch-retrieve", json!({ "order_ids": ids })).await;
        assert_eq!(status, 200);
        let orders = answer["orders"].as_array().expect("orders");
        for (payment, order) in batch.iter().zip(orders) {
            assert_eq!(order["id"], payment["order_id"]);
            assert_eq!(cents(&order["total_money"]), cents(&payment["total_money"]));
            let lines: i64 = order["line_items"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|line| cents(&line["total_money"]))
                .sum();
            assert_eq!(lines + cents(&order["total_tip_money"]), cents(&order["total_money"]));
            if payment["status"] == "COMPLETED" {
                tax += cents(&order["total_tax_money"]);
                tips += cents(&payment["tip_money"]);
            }
        }
    }
    let totals = served.totals();
    assert_eq!((tax, tips), (totals.tax_cents, totals.tip_cents));
    let id = &served.world().specials()["gift-card-sold"];
    let payment = payments
        .iter()
        .find(|payment| payment["id"] == *id)
        .expect("the gift card's payment");
    let (_, order) = reader
        .get(&format!("/v2/orders/{}", payment["order_id"].as_str().unwrap_or_default()))
        .await;
    assert_eq!(order["order"]["line_items"][0]["item_type"], "GIFT_CARD");
}

#[tokio::test]
async fn a_record_shows_nothing_before_its_time() {
    let served = serve_small(Story::AllGoesWell).await;
    let reader = Reader::new(&served, ALL, NEW_VERSION).await;
    let id = served.world().specials()["late-fee-across-upgrade"].clone();
    let (_, before) = reader.get(&format!("/v2/payments/{id}")).await;
    assert!(before["payment"].get("processing_fee").is_none());
    served.set_now(served.world().until() + SignedDuration::from_hours(24));
    let (_, after) = reader.get(&format!("/v2/payments/{id}")).await;
    assert_eq!(after["payment"]["processing_fee"][0]["type"], "INITIAL");
    let updated = |value: &Value| {
        value["payment"]["updated_at"]
            .as_str()
            .and_then(|text| text.parse::<Timestamp>().ok())
    };
    assert!(updated(&after) > updated(&before));

    let dispute = served.world().specials()["dispute-opened-after-upgrade"].clone();
    assert_eq!(reader.get(&format!("/v2/disputes/{dispute}")).await.0, 404);
    served.set_now(served.world().until() + SignedDuration::from_hours(24 * 12));
    assert_eq!(
        reader.get(&format!("/v2/disputes/{dispute}")).await.1["dispute"]["state"],
        "EVIDENCE_REQUIRED"
    );

    let refund = served.world().specials()["refund-pending-across-upgrade"].clone();
    served.set_now(served.world().until());
    assert_eq!(reader.get(&format!("/v2/refunds/{refund}")).await.1["refund"]["status"], "PENDING");
    served.set_now(served.world().until() + SignedDuration::from_hours(24 * 5));
    assert_eq!(
        reader.get(&format!("/v2/refunds/{refund}")).await.1["refund"]["status"],
        "COMPLETED"
    );
}

#[tokio::test]
async fn what_was_updated_since_then_can_be_asked_for() {
    let served = serve_small(Story::AllGoesWell).await;
    let reader = Reader::new(&served, ALL, NEW_VERSION).await;
    let until = served.world().until();
    served.set_now(until + SignedDuration::from_hours(24));
    let since = (until + SignedDuration::from_secs(1)).to_string();
    let path = format!("/v2/payments?{SINCE}&updated_at_begin_time={since}&sort_field=UPDATED_AT&sort_order=ASC");
    let updated = reader.all(&path, "payments").await;
    let id = &served.world().specials()["late-fee-across-upgrade"];
    assert!(
        updated.iter().any(|payment| payment["id"] == *id),
        "the payment whose fee came late is not among them"
    );
    let times: Vec<&str> = updated
        .iter()
        .map(|payment| payment["updated_at"].as_str().unwrap_or_default())
        .collect();
    assert!(times.is_sorted());
    assert!(times.iter().all(|time| time.parse::<Timestamp>().is_ok_and(|time| time > until)));
}

#[tokio::test]
async fn a_permission_that_was_not_given_is_refused() {
    let served = serve_small(Story::AllGoesWell).await;
    let reader = Reader::new(&served, OLD, OLD_VERSION).await;
    for (path, expected) in [
        ("/v2/merchants/me", 200),
        ("/v2/locations", 200),
        ("/v2/payments", 200),
        ("/v2/refunds", 200),
        ("/v2/payouts", 200),
        ("/v2/disputes", 403),
        ("/v2/orders/x", 403),
        ("/v2/customers", 404),
    ] {
        let (status, answer) = reader.get(path).await;
        assert_eq!(status, expected, "{path}: {answer}");
        if status == 403 {
            assert_eq!(answer["errors"][0]["code"], "INSUFFICIENT_SCOPES");
        }
    }
    let stats = served.stats();
    assert_eq!(stats.forbidden, 2);
    assert_eq!(stats.reads_by_version[OLD_VERSION], 5);
    assert!(!stats.reads_by_permission.contains_key("DISPUTES_READ"));
}

#[tokio::test]
async fn a_version_that_is_missing_or_unknown_is_refused() {
    let served = serve_small(Story::AllGoesWell).await;
    let mut reader = Reader::new(&served, OLD, "2019-01-01").await;
    assert_eq!(reader.get("/v2/payments").await.0, 400);
    let missing = reader
        .client
        .get(format!("{}/v2/payments", served.base_url))
        .bearer_auth(&reader.token);
    assert_eq!(missing.send().await.expect("an answer").status().as_u16(), 400);
    reader.version = NEW_VERSION;
    assert_eq!(reader.get("/v2/payments").await.0, 200);
}

#[tokio::test]
async fn a_cursor_is_stable_bound_to_its_question_and_short_lived() {
    let served = serve_small(Story::AllGoesWell).await;
    let reader = Reader::new(&served, ALL, NEW_VERSION).await;
    let (_, first) = reader.get(&format!("/v2/payments?{SINCE}&limit=10")).await;
    let cursor = first["cursor"].as_str().expect("a cursor").to_owned();
    let next = format!("/v2/payments?{SINCE}&limit=10&cursor={cursor}");
    let (_, second) = reader.get(&next).await;
    // New payments arrive between two pages; the second page stays what it was.
    served.set_now(served.now() + SignedDuration::from_secs(240));
    let (_, again) = reader.get(&next).await;
    assert_eq!(second["payments"], again["payments"]);
    let ids = |page: &Value| -> BTreeSet<String> {
        page["payments"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|payment| payment["id"].to_string())
            .collect()
    };
    assert!(ids(&first).is_disjoint(&ids(&second)));
    let (status, other) = reader.get(&format!("/v2/payments?{SINCE}&limit=11&cursor={cursor}")).await;
    assert_eq!((status, other["errors"][0]["code"].as_str()), (400, Some("INVALID_CURSOR")));
    served.set_now(served.now() + SignedDuration::from_secs(120));
    assert_eq!(reader.get(&next).await.0, 400, "more than five minutes old");
}

#[tokio::test]
async fn the_new_version_misses_some_refunds_in_that_story_and_the_old_one_none() {
    let served = serve_small(Story::ConnectorDropsRefunds).await;
    let mut reader = Reader::new(&served, ALL, OLD_VERSION).await;
    let path = format!("/v2/refunds?{SINCE}");
    let old = reader.all(&path, "refunds").await.len();
    assert_eq!(old as u64, served.totals().records["refunds"]);
    reader.version = NEW_VERSION;
    let new = reader.all(&path, "refunds").await.len();
    assert!(new < old && new > 0, "{new} of {old}");
    served.set_faults(Faults::none());
    assert_eq!(reader.all(&path, "refunds").await.len(), old);
}

#[tokio::test]
async fn every_fault_on_request_comes_as_often_as_asked() {
    let served = serve_small(Story::AllGoesWell).await;
    let reader = Reader::new(&served, ALL, NEW_VERSION).await;
    served.set_faults(Faults {
        rate_limit_every: 1,
        retry_after: RetryAfter::Seconds(3),
        ..Faults::none()
    });
    let limited = reader.raw("/v2/payments").await.expect("an answer");
    assert_eq!(limited.status().as_u16(), 429);
    assert_eq!(limited.headers()["retry-after"], "3");
    served.set_faults(Faults {
        rate_limit_every: 1,
        retry_after: RetryAfter::Date(3),
        ..Faults::none()
    });
    let limited = reader.raw("/v2/payments").await.expect("an answer");
    assert!(limited.headers()["retry-after"].to_str().is_ok_and(|date| date.ends_with(" GMT")));
    served.set_faults(Faults {
        server_error_every: 1,
        ..Faults::none()
    });
    assert_eq!(reader.get("/v2/payments").await.0, 500);
    served.set_faults(Faults {
        captive_portal_every: 1,
        ..Faults::none()
    });
    let portal = reader.raw("/v2/payments").await.expect("an answer");
    assert!(portal.text().await.is_ok_and(|text| text.starts_with("<!doctype html>")));
    served.set_faults(Faults {
        cut_every: 1,
        ..Faults::none()
    });
    let cut = reader.raw("/v2/payments").await.expect("an answer begins");
    assert!(cut.text().await.is_err(), "the answer breaks off");
    served.set_faults(Faults {
        server_error_every: 3,
        ..Faults::none()
    });
    let mut failed = 0;
    for _ in 0..9 {
        failed += u32::from(reader.get("/v2/locations").await.0 == 500);
    }
    assert_eq!(failed, 3);
    let stats = served.stats();
    assert_eq!(
        (stats.rate_limited, stats.server_errors, stats.cut, stats.captive_portals),
        (2, 4, 1, 1)
    );
}

#[tokio::test]
async fn pages_that_come_twice_lose_nothing() {
    let served = serve_small(Story::AllGoesWell).await;
    let reader = Reader::new(&served, ALL, NEW_VERSION).await;
    let path = format!("/v2/payments?{SINCE}&limit=40");
    let honest = reader.all(&path, "payments").await;
    served.set_faults(Faults {
        duplicate_page_every: 2,
        ..Faults::none()
    });
    let doubled = reader.all(&path, "payments").await;
    assert!(doubled.len() > honest.len());
    let ids = |records: &[Value]| -> BTreeSet<String> { records.iter().map(|record| record["id"].to_string()).collect() };
    assert_eq!(ids(&doubled), ids(&honest));
    assert!(served.stats().repeated_pages > 0);
}

#[tokio::test]
async fn the_other_company_is_another_merchant_without_sales() {
    let served = serve_small(Story::AllGoesWell).await;
    let tokens = common::sign_in(&served, ALL, Consent::OtherMerchant).await;
    assert_ne!(tokens["merchant_id"], served.world().merchant_id());
    let token = tokens["access_token"].as_str().expect("a token").to_owned();
    let reader = Reader {
        client: common::client(),
        base_url: served.base_url.clone(),
        token,
        version: NEW_VERSION,
    };
    let (_, merchants) = reader.get("/v2/merchants").await;
    assert_eq!(merchants["merchant"][0]["business_name"], "Harbor Street Bagels");
    assert_eq!(reader.get("/v2/payments").await.1, json!({}), "Square leaves an empty list out");
}

#[tokio::test]
async fn another_process_steers_with_the_control_token_only() {
    let served = serve_small(Story::AllGoesWell).await;
    let control = practice::Control::new(&served.base_url, &served.control_token).expect("a control");
    let later = served.world().until() + SignedDuration::from_hours(48);
    control.set_now(later).await.expect("the clock is set");
    assert_eq!(served.now(), later);
    let faults = Faults {
        delay_ms: 1,
        ..Faults::none()
    };
    control.set_faults(&faults).await.expect("the faults are set");
    assert_eq!(served.faults(), faults);
    assert_eq!(control.stats().await.expect("stats"), served.stats());
    let truth = control.truth().await.expect("the truth");
    assert_eq!(truth["balance_cents"], served.totals().balance_cents);
    let stranger = practice::Control::new(&served.base_url, "guessed").expect("a control");
    assert!(stranger.set_now(later).await.is_err());
}

#[tokio::test]
async fn it_stops_when_told_when_dropped_and_when_nobody_asks() {
    let served = serve_small(Story::AllGoesWell).await;
    let address = format!("{}/v2/locations", served.base_url);
    served.shutdown().await;
    assert!(
        common::client()
            .get(&address)
            .send()
            .await
            .is_err_and(|problem| problem.is_connect())
    );

    let world = World::small(7, 30);
    let now = world.until();
    let mut options = ServeOptions::new(Story::AllGoesWell, now);
    options.idle_stop = Some(std::time::Duration::from_millis(1));
    let mut served = serve(world, options).await.expect("it starts");
    let address = format!("{}/v2/locations", served.base_url);
    served.stopped().await;
    assert!(
        common::client()
            .get(&address)
            .send()
            .await
            .is_err_and(|problem| problem.is_connect())
    );
}
