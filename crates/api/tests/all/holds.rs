//! A held payment through the table of commands: looked at, answered, listed as answered, taken back.

use crate::support::Bench;
use connector::Record;
use engine::store::record;
use serde_json::{Value, json};

/// A practice company with one payment of a kind that its connector does not know. Gives company and list.
async fn holding() -> (Bench, String, Value) {
    let (bench, company, connection) = Bench::practising("all-goes-well").await;
    let engine = bench.app.practice_engine().await.unwrap();
    let now = engine.now();
    let body = json!({
        "id": "EXT0001", "status": "COMPLETED", "source_type": "EXTERNAL", "created_at": now, "updated_at": now, "location_id": "L1",
        "amount_money": {"amount": 1850, "currency": "USD"}, "total_money": {"amount": 1850, "currency": "USD"},
    });
    let payment = Record {
        stream: "payments".into(),
        id: "EXT0001".into(),
        instant: now,
        updated: now,
        parent: None,
        body,
    };
    assert_eq!(record::keep(&engine.pool, &connection, "1", &[payment], now).await.unwrap(), 1);
    let job = bench.ask("sync_now", json!({"company": company})).await;
    assert_eq!(bench.ended(&job).await["state"], "done");
    let view = whole(&bench, &company).await;
    assert_eq!(view["held"].as_array().unwrap().len(), 1, "{view:#}");
    (bench, company, view)
}

async fn whole(bench: &Bench, company: &str) -> Value {
    bench
        .ask("reconcile_view", json!({"company": company, "from_day": null, "to_day": null}))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_payment_is_looked_at_left_out_with_a_reason_and_taken_back() {
    let (bench, company, view) = holding().await;
    let held = &view["held"][0];
    assert_eq!(held["may"], json!(["link", "post", "exclude", "seen"]));
    let of = json!({"company": company, "hold": held["id"]});
    let one = bench.ask("hold_view", of.clone()).await;
    assert_eq!(
        (one["needs_lines"].clone(), one["entries"].clone(), one["candidates"].clone()),
        (json!(true), json!([]), json!([])),
        "{one:#}"
    );
    assert!(
        one["accounts"].as_array().unwrap().iter().any(|a| a["id"] == one["clearing"]),
        "{one:#}"
    );

    let answer = |answer: &str, more: Value| {
        let mut args = json!({"company": company, "hold": held["id"], "answer": answer});
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        args
    };
    assert_eq!(bench.refused("hold_resolve", answer("exclude", json!({}))).await, "E-HOLD-REASON");
    assert_eq!(bench.refused("hold_resolve", answer("link", json!({}))).await, "E-HOLD-CANDIDATE");
    assert_eq!(bench.refused("hold_resolve", answer("post", json!({}))).await, "E-HOLD-LINES");
    let unread = json!({"lines": [{"account": one["clearing"], "minor": "18.50"}]});
    assert_eq!(bench.refused("hold_resolve", answer("post", unread)).await, "E-COMMAND-ARGUMENTS");

    let after = bench
        .ask("hold_resolve", answer("exclude", json!({"reason": "A test of the terminal"})))
        .await;
    assert_eq!(after["held"], json!([]), "{after:#}");
    let answered = &after["answered"][0];
    assert_eq!(
        (
            answered["answer"].clone(),
            answered["words"].clone(),
            answered["by"].clone(),
            answered["may_undo"].clone()
        ),
        (json!("exclude"), json!("A test of the terminal"), json!("Test owner"), json!(true))
    );
    let need = |today: &Value| today["needs"].as_array().unwrap().iter().any(|n| n["need"]["kind"] == "held");
    assert!(!need(&bench.ask("today_view", json!({"company": company})).await));
    assert_eq!(bench.refused("hold_view", of.clone()).await, "E-HOLD-ANSWER");

    let back = bench.ask("hold_resolve", answer("undo", json!({}))).await;
    assert_eq!(
        (back["held"][0]["id"].clone(), back["answered"].clone()),
        (held["id"].clone(), json!([]))
    );
    assert!(need(&bench.ask("today_view", json!({"company": company})).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_payment_is_posted_to_the_accounts_that_a_person_chose_and_the_books_agree() {
    let (bench, company, view) = holding().await;
    let hold = view["held"][0]["id"].clone();
    let one = bench.ask("hold_view", json!({"company": company, "hold": hold})).await;
    let income = one["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|a| a["name"].as_str().unwrap().starts_with("Income"))
        .unwrap();
    let lines = json!([{"account": one["clearing"], "minor": "1850"}, {"account": income["id"], "minor": "-1850"}]);
    let post = json!({"company": company, "hold": hold, "answer": "post", "lines": lines});
    let after = bench.ask("hold_resolve", post.clone()).await;
    assert_eq!(
        (after["held"].clone(), after["remainder"]["minor"].clone()),
        (json!([]), json!("0")),
        "{after:#}"
    );
    assert_eq!((after["doubled"].clone(), after["lost"].clone()), (json!(0), json!(0)));
    // The same answer again changes nothing and is no error; another one is.
    let again = bench.ask("hold_resolve", post).await;
    assert_eq!(again["rows"], after["rows"]);
    let out = json!({"company": company, "hold": hold, "answer": "exclude", "reason": "Changed my mind"});
    assert_eq!(bench.refused("hold_resolve", out).await, "E-HOLD-ANSWER");
    let undo = json!({"company": company, "hold": hold, "answer": "undo"});
    assert_eq!(bench.refused("hold_resolve", undo).await, "E-HOLD-ANSWER");
}
