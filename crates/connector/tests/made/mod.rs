//! Records made for tests, in Square's shapes.
#![allow(dead_code, reason = "each test file uses its own part of these")]

use connector::{Business, Catalog, Mapped, Package, Record, map};
use jiff::tz::TimeZone;
use ledger::{Currency, Role};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

pub static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::builtin().expect("the catalog is without a fault"));

pub fn square(version: &str) -> &'static Package {
    CATALOG.connector("square", version).expect("the catalog has it")
}

pub fn bakery() -> Business {
    Business {
        zone: TimeZone::get("America/New_York").expect("a known zone"),
        currency: Currency::of("USD").expect("a known currency"),
    }
}

pub fn usd(minor: i64) -> Value {
    json!({ "amount": minor, "currency": "USD" })
}

pub fn payout_usd(minor: i64) -> Value {
    json!({ "amount": minor, "currency_code": "USD" })
}

/// A record as `fetch` would make it.
pub fn record(stream: &str, body: Value) -> Record {
    let time = |name: &str| body.get(name).and_then(Value::as_str).and_then(|text| text.parse().ok());
    let created = time("created_at").or(time("effective_at")).unwrap_or_default();
    Record {
        stream: stream.into(),
        id: body["id"].as_str().expect("made records have an id").into(),
        instant: created,
        updated: time("updated_at").unwrap_or(created),
        parent: body.get("payout_id").and_then(Value::as_str).map(str::to_string),
        body,
    }
}

pub struct Payment {
    pub id: &'static str,
    pub at: &'static str,
    pub total: i64,
    pub tip: i64,
    pub fee: Option<i64>,
}

impl Payment {
    pub fn body(&self) -> Value {
        let mut body = json!({
            "id": self.id, "status": "COMPLETED", "source_type": "CARD", "created_at": self.at, "updated_at": self.at,
            "order_id": format!("o_{}", self.id), "receipt_number": &self.id[..self.id.len().min(4)], "location_id": "L1",
            "amount_money": usd(self.total - self.tip), "total_money": usd(self.total),
            "card_details": { "card": { "card_brand": "VISA", "last_4": "1111" }, "status": "CAPTURED" },
        });
        if self.tip > 0 {
            body["tip_money"] = usd(self.tip);
        }
        if let Some(fee) = self.fee {
            body["processing_fee"] = json!([{ "type": "INITIAL", "amount_money": usd(fee), "effective_at": self.at }]);
        }
        body
    }

    pub fn order(&self, tax: i64, cards: i64) -> Record {
        let at = self.at;
        record(
            "orders",
            json!({
                "id": format!("o_{}", self.id), "created_at": at, "updated_at": at, "total_money": usd(self.total), "total_tax_money": usd(tax),
                "total_tip_money": usd(self.tip),
                "line_items": [
                    { "item_type": "ITEM", "total_money": usd(self.total - self.tip - cards) },
                    { "item_type": "GIFT_CARD", "total_money": usd(cards) },
                ],
                "tenders": [{ "id": self.id, "amount_money": usd(self.total), "tip_money": usd(self.tip) }],
            }),
        )
    }
}

/// A card payment with its order.
pub fn card(id: &'static str, at: &'static str, total: i64, fee: Option<i64>) -> Vec<Record> {
    let payment = Payment {
        id,
        at,
        total,
        tip: 0,
        fee,
    };
    vec![record("payments", payment.body()), payment.order(0, 0)]
}

pub fn refund(id: &str, at: &str, amount: i64, fee_back: i64) -> Record {
    let mut body = json!({
        "id": id, "status": "COMPLETED", "created_at": at, "updated_at": at, "payment_id": "p_1", "amount_money": usd(amount),
    });
    if fee_back != 0 {
        body["processing_fee"] = json!([{ "type": "INITIAL", "amount_money": usd(-fee_back), "effective_at": "2026-01-01T12:00:00.000Z" }]);
    }
    record("refunds", body)
}

pub fn payout(id: &str, at: &str, status: &str, amount: i64, fee: i64) -> Record {
    let mut body = json!({
        "id": id, "status": status, "created_at": at, "updated_at": at, "amount_money": payout_usd(amount), "end_to_end_id": format!("L2{id}"),
    });
    if fee != 0 {
        body["payout_fee"] = json!([{ "type": "TRANSFER_FEE", "amount_money": payout_usd(fee), "effective_at": at }]);
    }
    record("payouts", body)
}

pub fn entry(id: &str, payout: &str, kind: &str, net: i64, fee: i64, details: (&str, Value)) -> Record {
    let mut body = json!({
        "id": id, "payout_id": payout, "type": kind, "effective_at": "2026-01-11T12:00:00Z", "gross_amount_money": payout_usd(net + fee),
        "fee_amount_money": payout_usd(fee), "net_amount_money": payout_usd(net),
    });
    body[details.0] = details.1;
    record("payout_entries", body)
}

pub fn dispute(id: &str, opened: &str, updated: &str, state: &str, amount: i64) -> Record {
    record(
        "disputes",
        json!({ "id": id, "state": state, "created_at": opened, "updated_at": updated, "amount_money": usd(amount) }),
    )
}

pub fn mapped(version: &str, records: &[Record]) -> Mapped {
    map(square(version), records, &bakery()).expect("mapping works")
}

/// Sums per role of one key's part, as "role amount".
pub fn lines(mapped: &Mapped, key: &str) -> BTreeMap<Role, i64> {
    let part = mapped
        .drafts
        .iter()
        .flat_map(|draft| &draft.parts)
        .find(|part| part.key.as_str() == key);
    let part = part.unwrap_or_else(|| panic!("no part {key}; held: {:?}", mapped.held));
    part.lines.iter().map(|line| (line.role, line.amount.minor)).collect()
}

pub fn date(mapped: &Mapped, key: &str) -> String {
    let part = mapped
        .drafts
        .iter()
        .flat_map(|draft| &draft.parts)
        .find(|part| part.key.as_str() == key);
    part.unwrap_or_else(|| panic!("no part {key}")).date.to_string()
}

pub fn keys(mapped: &Mapped) -> Vec<String> {
    mapped
        .drafts
        .iter()
        .flat_map(|draft| &draft.parts)
        .map(|part| part.key.to_string())
        .collect()
}
