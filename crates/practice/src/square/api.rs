//! The read API of the practice Square: which path answers what, and which permission it needs.
//!
//! Nothing here changes the bakery. Order of the questions is Square's: token, version, permission, parameters.
//! A new endpoint is one row in `route` and one arm in `answer_endpoint`.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{Method, StatusCode};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::answers::{error, invalid, json, json_text, not_found, unauthorized};
use super::grants::Grant;
use super::lists::{Page, Parameters, Question, answer};
use super::state::Square;
use crate::world::{OTHER_COMPANY, OTHER_MERCHANT, Place, Record, shapes};

/// The versions this Square still speaks, oldest first; connector 1 uses the first, connector 2 the last.
pub const VERSIONS: &[&str] = &["2022-09-21", "2023-10-18", "2024-10-17", "2025-01-23", "2025-08-20"];
const NEWEST: &str = "2025-08-20";
const LIST_MOST: usize = 100;
/// Disputes have no `limit`; a small page makes readers follow the cursor.
const DISPUTES_PAGE: usize = 3;
const ORDERS_MOST: usize = 1_000;
const BATCH_MOST: usize = 100;
/// Lists that name no beginning go back this far.
const USUAL_REACH: SignedDuration = SignedDuration::from_hours(365 * 24);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    Merchants,
    Merchant(String),
    Locations,
    Payments,
    Payment(String),
    Refunds,
    Refund(String),
    Payouts,
    Payout(String),
    PayoutEntries(String),
    OrdersBatch,
    OrdersSearch,
    Order(String),
    Disputes,
    Dispute(String),
}

pub fn route(method: &Method, path: &str) -> Option<Endpoint> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let id = |text: &&str| (*text).to_owned();
    match (method.as_str(), parts.as_slice()) {
        ("GET", ["v2", "merchants"]) => Some(Endpoint::Merchants),
        ("GET", ["v2", "merchants", merchant]) => Some(Endpoint::Merchant(id(merchant))),
        ("GET", ["v2", "locations"]) => Some(Endpoint::Locations),
        ("GET", ["v2", "payments"]) => Some(Endpoint::Payments),
        ("GET", ["v2", "payments", payment]) => Some(Endpoint::Payment(id(payment))),
        ("GET", ["v2", "refunds"]) => Some(Endpoint::Refunds),
        ("GET", ["v2", "refunds", refund]) => Some(Endpoint::Refund(id(refund))),
        ("GET", ["v2", "payouts"]) => Some(Endpoint::Payouts),
        ("GET", ["v2", "payouts", payout]) => Some(Endpoint::Payout(id(payout))),
        ("GET", ["v2", "payouts", payout, "payout-entries"]) => Some(Endpoint::PayoutEntries(id(payout))),
        ("POST", ["v2", "orders", "batch-retrieve"]) => Some(Endpoint::OrdersBatch),
        ("POST", ["v2", "orders", "search"]) => Some(Endpoint::OrdersSearch),
        ("GET", ["v2", "orders", order]) => Some(Endpoint::Order(id(order))),
        ("GET", ["v2", "disputes"]) => Some(Endpoint::Disputes),
        ("GET", ["v2", "disputes", dispute]) => Some(Endpoint::Dispute(id(dispute))),
        _ => None,
    }
}

impl Endpoint {
    /// The path with ids left out, for counting.
    pub fn pattern(&self) -> &'static str {
        match self {
            Endpoint::Merchants => "/v2/merchants",
            Endpoint::Merchant(_) => "/v2/merchants/{id}",
            Endpoint::Locations => "/v2/locations",
            Endpoint::Payments => "/v2/payments",
            Endpoint::Payment(_) => "/v2/payments/{id}",
            Endpoint::Refunds => "/v2/refunds",
            Endpoint::Refund(_) => "/v2/refunds/{id}",
            Endpoint::Payouts => "/v2/payouts",
            Endpoint::Payout(_) => "/v2/payouts/{id}",
            Endpoint::PayoutEntries(_) => "/v2/payouts/{id}/payout-entries",
            Endpoint::OrdersBatch => "/v2/orders/batch-retrieve",
            Endpoint::OrdersSearch => "/v2/orders/search",
            Endpoint::Order(_) => "/v2/orders/{id}",
            Endpoint::Disputes => "/v2/disputes",
            Endpoint::Dispute(_) => "/v2/disputes/{id}",
        }
    }

    pub fn permission(&self) -> &'static str {
        match self {
            Endpoint::Merchants | Endpoint::Merchant(_) | Endpoint::Locations => "MERCHANT_PROFILE_READ",
            Endpoint::Payments | Endpoint::Payment(_) | Endpoint::Refunds | Endpoint::Refund(_) => "PAYMENTS_READ",
            Endpoint::Payouts | Endpoint::Payout(_) | Endpoint::PayoutEntries(_) => "PAYOUTS_READ",
            Endpoint::OrdersBatch | Endpoint::OrdersSearch | Endpoint::Order(_) => "ORDERS_READ",
            Endpoint::Disputes | Endpoint::Dispute(_) => "DISPUTES_READ",
        }
    }
}

/// One request, stripped of HTTP.
pub struct Asked<'a> {
    pub endpoint: &'a Endpoint,
    pub path: &'a str,
    pub parameters: Parameters,
    pub body: &'a [u8],
    pub version: Option<&'a str>,
    pub bearer: Option<&'a str>,
    /// The page before is to be given once more.
    pub repeat: bool,
}

pub fn respond(square: &Square, asked: &Asked<'_>) -> Response {
    let now = square.now();
    let Some(bearer) = asked.bearer else {
        return unauthorized("UNAUTHORIZED");
    };
    let (access, grant) = match square.grants().check(bearer, now) {
        Ok(found) => found,
        Err(code) => return unauthorized(code),
    };
    let version = match asked.version {
        None => return invalid("INVALID_SQUARE_VERSION_FORMAT", "The header Square-Version is missing."),
        Some(version) => match VERSIONS.iter().find(|known| **known == version) {
            Some(known) => *known,
            None => return invalid("INVALID_SQUARE_VERSION_FORMAT", "The header Square-Version names no known version."),
        },
    };
    if !access.scopes.contains(asked.endpoint.permission()) {
        let detail = format!(
            "The merchant has not given your application sufficient permissions: {}.",
            asked.endpoint.permission()
        );
        return error(StatusCode::FORBIDDEN, "AUTHENTICATION_ERROR", "INSUFFICIENT_SCOPES", &detail);
    }
    square.count(|stats| {
        *stats.reads_by_permission.entry(asked.endpoint.permission().to_owned()).or_default() += 1;
        *stats.reads_by_version.entry(version.to_owned()).or_default() += 1;
    });
    let mut response = answer_endpoint(square, asked, &grant, version, now);
    if let Ok(value) = version.parse() {
        response.headers_mut().insert("square-version", value);
    }
    response
}

fn other_place(square: &Square) -> Place {
    let mut place = square.world().place.clone();
    place.merchant_id = OTHER_MERCHANT.to_owned();
    place.name = OTHER_COMPANY.to_owned();
    place.location_id = "L0THERBAGEL00".to_owned();
    place
}

fn answer_endpoint(square: &Square, asked: &Asked<'_>, grant: &Grant, version: &str, now: Timestamp) -> Response {
    let world = square.world();
    // The other company exists, and has sold nothing yet.
    let own = grant.merchant_id == world.place.merchant_id;
    let place = if own { world.place.clone() } else { other_place(square) };
    let ours = |records: &'static str| if own { Some(records) } else { None };
    let records = |name: &'static str| -> &[Record] {
        match ours(name) {
            Some("payments") => &world.payments,
            Some("refunds") => &world.refunds,
            Some("payouts") => &world.payouts,
            Some("disputes") => &world.disputes,
            Some("orders") => &world.orders,
            Some(_) | None => &[],
        }
    };
    match asked.endpoint {
        Endpoint::Merchants => json(StatusCode::OK, &json!({ "merchant": [shapes::merchant(&place)] })),
        Endpoint::Merchant(id) if id == "me" || *id == place.merchant_id => {
            json(StatusCode::OK, &json!({ "merchant": shapes::merchant(&place) }))
        }
        Endpoint::Merchant(_) => not_found("The merchant"),
        Endpoint::Locations => json(StatusCode::OK, &json!({ "locations": [shapes::location(&place)] })),
        Endpoint::Payments => list(square, asked, &place, "payments", records("payments"), now, |_| false),
        Endpoint::Payment(id) => one(records("payments"), id, "payment", now),
        Endpoint::Refunds => {
            let every = square.faults().drop_refunds_every as usize;
            let dropping = every > 0 && version == NEWEST;
            list(square, asked, &place, "refunds", records("refunds"), now, |index| {
                dropping && index % every == every - 1
            })
        }
        Endpoint::Refund(id) => one(records("refunds"), id, "refund", now),
        Endpoint::Payouts => list(square, asked, &place, "payouts", records("payouts"), now, |_| false),
        Endpoint::Payout(id) => one(records("payouts"), id, "payout", now),
        Endpoint::PayoutEntries(id) => {
            let known = records("payouts").iter().any(|payout| payout.id == *id && payout.at(now).is_some());
            if !known {
                return not_found("The payout");
            }
            let entries = world.entries.get(id).map(Vec::as_slice).unwrap_or_default();
            list(square, asked, &place, "payout_entries", entries, now, |_| false)
        }
        Endpoint::OrdersBatch => orders_batch(asked, records("orders"), now),
        Endpoint::OrdersSearch => orders_search(square, asked, &place, records("orders"), now),
        Endpoint::Order(id) => one(records("orders"), id, "order", now),
        Endpoint::Disputes => list(square, asked, &place, "disputes", records("disputes"), now, |_| false),
        Endpoint::Dispute(id) => one(records("disputes"), id, "dispute", now),
    }
}

fn one(records: &[Record], id: &str, name: &str, now: Timestamp) -> Response {
    match records.iter().find(|record| record.id == id).and_then(|record| record.at(now)) {
        Some(state) => json_text(StatusCode::OK, format!("{{\"{name}\":{}}}", state.text)),
        None => not_found(&format!("The {name}")),
    }
}

fn list(
    square: &Square,
    asked: &Asked<'_>,
    place: &Place,
    name: &str,
    records: &[Record],
    now: Timestamp,
    hidden: impl Fn(usize) -> bool,
) -> Response {
    let dispute_page = name == "disputes";
    let most = if dispute_page { DISPUTES_PAGE } else { LIST_MOST };
    let mut question = match Question::read(asked.path, &asked.parameters, most) {
        Ok(question) => question,
        Err(detail) => return invalid("INVALID_VALUE", &detail),
    };
    if !dispute_page && name != "payout_entries" && question.created.0.is_none() {
        question.created.0 = Some(now - USUAL_REACH);
    }
    if name == "payouts" {
        // Square's payouts cannot be asked for by their last change; a reader who tries gets them all.
        question.updated = (None, None);
    }
    let elsewhere = asked
        .parameters
        .get("location_id")
        .is_some_and(|location| *location != place.location_id);
    let records = if elsewhere { &[] } else { records };
    let mut cursors = square.cursors();
    match answer(records, &question, now, &mut cursors, asked.repeat, |index, _| hidden(index)) {
        Ok(page) => json_text(StatusCode::OK, page.text(name)),
        Err(detail) => invalid("INVALID_CURSOR", &detail),
    }
}

// The refusal is the answer itself; it is made once and sent.
#[allow(clippy::result_large_err)]
fn body_object(body: &[u8]) -> Result<Value, Response> {
    match serde_json::from_slice::<Value>(body) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) | Err(_) => Err(invalid("BAD_REQUEST", "The body is not a JSON object.")),
    }
}

fn orders_batch(asked: &Asked<'_>, orders: &[Record], now: Timestamp) -> Response {
    let body = match body_object(asked.body) {
        Ok(body) => body,
        Err(response) => return response,
    };
    let Some(ids) = body["order_ids"].as_array() else {
        return invalid("MISSING_REQUIRED_PARAMETER", "`order_ids` is missing.");
    };
    if ids.is_empty() || ids.len() > BATCH_MOST {
        return invalid("INVALID_VALUE", &format!("`order_ids` must have 1 to {BATCH_MOST} ids."));
    }
    let wanted: BTreeSet<&str> = ids.iter().filter_map(Value::as_str).collect();
    // Orders that are not there are left out, as Square does.
    let texts: BTreeMap<&str, &str> = orders
        .iter()
        .filter(|order| wanted.contains(order.id.as_str()))
        .filter_map(|order| order.at(now).map(|state| (order.id.as_str(), &*state.text)))
        .collect();
    let found: Vec<&str> = ids
        .iter()
        .filter_map(Value::as_str)
        .filter_map(|id| texts.get(id).copied())
        .collect();
    json_text(
        StatusCode::OK,
        Page {
            records: found,
            cursor: None,
        }
        .text("orders"),
    )
}

fn orders_search(square: &Square, asked: &Asked<'_>, place: &Place, orders: &[Record], now: Timestamp) -> Response {
    let body = match body_object(asked.body) {
        Ok(body) => body,
        Err(response) => return response,
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut parameters = Parameters::new();
    let filter = &body["query"]["filter"];
    for (kind, begin, end) in [
        ("created_at", "begin_time", "end_time"),
        ("updated_at", "updated_at_begin_time", "updated_at_end_time"),
    ] {
        let range = &filter["date_time_filter"][kind];
        for (key, name) in [("start_at", begin), ("end_at", end)] {
            if let Some(value) = text(&range[key]) {
                parameters.insert(name.to_owned(), value);
            }
        }
    }
    for (key, name) in [("sort_field", "sort_field"), ("sort_order", "sort_order")] {
        if let Some(value) = text(&body["query"]["sort"][key]) {
            parameters.insert(name.to_owned(), value);
        }
    }
    if let Some(states) = filter["state_filter"]["states"].as_array() {
        let states: Vec<&str> = states.iter().filter_map(Value::as_str).collect();
        parameters.insert("states".to_owned(), states.join(","));
    }
    if let Some(limit) = body["limit"].as_u64() {
        parameters.insert("limit".to_owned(), limit.to_string());
    }
    if let Some(cursor) = text(&body["cursor"]) {
        parameters.insert("cursor".to_owned(), cursor);
    }
    let Some(locations) = body["location_ids"].as_array() else {
        return invalid("MISSING_REQUIRED_PARAMETER", "`location_ids` is missing.");
    };
    let here = locations
        .iter()
        .any(|location| location.as_str() == Some(place.location_id.as_str()));
    let orders = if here { orders } else { &[] };
    let question = match Question::read(asked.path, &parameters, ORDERS_MOST) {
        Ok(question) => question,
        Err(detail) => return invalid("INVALID_VALUE", &detail),
    };
    let mut cursors = square.cursors();
    match answer(orders, &question, now, &mut cursors, asked.repeat, |_, _| false) {
        Err(detail) => invalid("INVALID_CURSOR", &detail),
        Ok(page) if body["return_entries"] == json!(true) => {
            let entries: Vec<String> = page.records.iter().map(|order| order_entry(order)).collect();
            let short = Page {
                records: entries.iter().map(String::as_str).collect(),
                cursor: page.cursor,
            };
            json_text(StatusCode::OK, short.text("order_entries"))
        }
        Ok(page) => json_text(StatusCode::OK, page.text("orders")),
    }
}

fn order_entry(order: &str) -> String {
    let order: Value = serde_json::from_str(order).unwrap_or(Value::Null);
    json!({ "location_id": order["location_id"], "order_id": order["id"], "version": order["version"] }).to_string()
}
