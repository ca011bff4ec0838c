//! The JSON has the shape of Square's own published samples. Skipped, with a line, where the samples are not at hand.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use common::{ALL, NEW_VERSION, Reader, SINCE, serve_small};
use practice::Story;
use serde_json::Value;

/// Types by key path; list positions are left out.
fn types(value: &Value, path: &str, found: &mut BTreeMap<String, BTreeSet<&'static str>>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "fraction",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    found.entry(path.to_owned()).or_default().insert(kind);
    match value {
        Value::Array(items) => items.iter().for_each(|item| types(item, &format!("{path}[]"), found)),
        Value::Object(fields) => fields.iter().for_each(|(key, item)| types(item, &format!("{path}.{key}"), found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn sample(name: &str) -> Option<Value> {
    let folder = std::env::var("CHANGEOVER_SAMPLES").unwrap_or_else(|_| {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../../shared/samples")
            .to_string_lossy()
            .into_owned()
    });
    let text = std::fs::read_to_string(Path::new(&folder).join("square").join(name)).ok()?;
    serde_json::from_str(&text).ok()
}

#[tokio::test]
async fn every_field_has_the_type_of_squares_sample_and_no_field_of_the_sample_is_missing() {
    if sample("list-payments.json").is_none() {
        println!("skipped: Square's samples are not at hand");
        return;
    }
    let served = serve_small(Story::AllGoesWell).await;
    let reader = Reader::new(&served, ALL, NEW_VERSION).await;
    let orders = {
        let body = serde_json::json!({ "location_ids": [served.world().location_id()], "limit": 500 });
        reader.post("/v2/orders/search", body).await.1["orders"].clone()
    };
    let payouts = reader.all(&format!("/v2/payouts?{SINCE}"), "payouts").await;
    let mut entries = Vec::new();
    for payout in &payouts {
        let id = payout["id"].as_str().unwrap_or_default();
        entries.extend(reader.all(&format!("/v2/payouts/{id}/payout-entries"), "payout_entries").await);
    }
    let status = reader
        .client
        .post(format!("{}/oauth2/token/status", served.base_url))
        .bearer_auth(&reader.token);
    let status: Value = status.send().await.expect("an answer").json().await.expect("JSON");
    let order_entries = {
        let body = serde_json::json!({ "location_ids": [served.world().location_id()], "limit": 5, "return_entries": true });
        reader.post("/v2/orders/search", body).await.1["order_entries"].clone()
    };
    let cases: Vec<(&str, &str, Value)> = vec![
        (
            "list-payments.json",
            "payments",
            reader.all(&format!("/v2/payments?{SINCE}"), "payments").await.into(),
        ),
        (
            "list-refunds.json",
            "refunds",
            reader.all(&format!("/v2/refunds?{SINCE}"), "refunds").await.into(),
        ),
        ("list-payouts.json", "payouts", payouts.into()),
        ("list-payout-entries.json", "payout_entries", entries.into()),
        (
            "list-disputes.json",
            "disputes",
            reader.all("/v2/disputes", "disputes").await.into(),
        ),
        (
            "list-merchants.json",
            "merchant",
            reader.get("/v2/merchants").await.1["merchant"].clone(),
        ),
        (
            "list-locations.json",
            "locations",
            reader.get("/v2/locations").await.1["locations"].clone(),
        ),
        ("retrieve-order.json", "order", orders),
        ("search-orders.json", "order_entries", order_entries),
        ("token-status.json", "", status),
    ];
    let mut wrong = Vec::new();
    for (file, name, ours) in cases {
        let theirs = sample(file).expect("a sample");
        let theirs = match (name, &theirs[name]) {
            ("", _) => theirs.clone(),
            (_, Value::Array(list)) => Value::Array(list.clone()),
            (_, one) => Value::Array(vec![one.clone()]),
        };
        assert!(
            name.is_empty() || ours.as_array().is_some_and(|list| !list.is_empty()),
            "{file}: nothing of ours"
        );
        let (mut mine, mut given) = (BTreeMap::new(), BTreeMap::new());
        types(&ours, "", &mut mine);
        types(&theirs, "", &mut given);
        for (path, kinds) in &given {
            match mine.get(path) {
                None => wrong.push(format!("{file}: {path} is missing")),
                Some(own) if !own.is_subset(kinds) => wrong.push(format!("{file}: {path} is {own:?}, Square writes {kinds:?}")),
                Some(_) => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
