//! The JSON of Square's records, field for field as in Square's own published samples.
//!
//! Each function writes one record as it looks at one instant; nothing later may leak into it.
//! Payouts and their entries write money with `currency_code`, all other records with `currency`, as Square does.
//! A new field is one line in the function of its record.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::calendar::{plus_seconds, written, written_to_seconds};
use super::chance::Chance;
use super::menu::BasketLine;
use super::plan::{CardFace, Course, Decision, Dispute, Refund, Returned, Sale, Tender};

/// Who and where: what every record repeats.
#[derive(Debug, Clone)]
pub struct Place {
    pub merchant_id: String,
    pub location_id: String,
    pub name: String,
    pub currency: String,
    pub zone: String,
    pub opened: Timestamp,
}

impl Place {
    fn money(&self, cents: i64) -> Value {
        json!({ "amount": cents, "currency": self.currency })
    }

    fn payout_money(&self, cents: i64) -> Value {
        json!({ "amount": cents, "currency_code": self.currency })
    }
}

fn card(face: &CardFace) -> Value {
    json!({
        "bin": face.bin,
        "card_brand": face.brand,
        "card_type": face.kind,
        "exp_month": face.exp_month,
        "exp_year": face.exp_year,
        "fingerprint": face.fingerprint,
        "last_4": face.last_4,
        "prepaid_type": "NOT_PREPAID",
    })
}

/// The status words of a payment and of its card at an instant.
fn payment_status(sale: &Sale, at: Timestamp) -> (&'static str, &'static str) {
    match sale.course {
        Course::Completed => ("COMPLETED", "CAPTURED"),
        Course::Failed => ("FAILED", "FAILED"),
        Course::Canceled(when) if at >= when => ("CANCELED", "VOIDED"),
        Course::CapturedLater(when) if at >= when => ("COMPLETED", "CAPTURED"),
        Course::Canceled(_) | Course::CapturedLater(_) => ("APPROVED", "AUTHORIZED"),
    }
}

fn card_details(sale: &Sale, face: &CardFace, card_status: &str, status: &str, chance: &mut Chance) -> Value {
    let authorized = plus_seconds(sale.created, 0);
    let mut timeline = Map::new();
    match card_status {
        "CAPTURED" => {
            timeline.insert("authorized_at".into(), json!(written(authorized)));
            let captured = match sale.course {
                Course::CapturedLater(at) => at,
                Course::Completed | Course::Failed | Course::Canceled(_) => plus_seconds(sale.created, 1),
            };
            timeline.insert("captured_at".into(), json!(written(captured)));
        }
        "VOIDED" => {
            timeline.insert("authorized_at".into(), json!(written(authorized)));
            if let Course::Canceled(at) = sale.course {
                timeline.insert("voided_at".into(), json!(written(at)));
            }
        }
        "AUTHORIZED" => {
            timeline.insert("authorized_at".into(), json!(written(authorized)));
        }
        _ => {}
    }
    let entry = match (&sale.tender, sale.online) {
        (Tender::GiftCard(_), _) => "SWIPED",
        (_, true) => "KEYED",
        (_, false) => *chance.pick(&["EMV", "CONTACTLESS", "CONTACTLESS", "SWIPED"]),
    };
    let mut details = json!({
        "auth_result_code": chance.letters(6),
        "avs_status": if sale.online { "AVS_ACCEPTED" } else { "AVS_NOT_CHECKED" },
        "card": card(face),
        "card_payment_timeline": timeline,
        "cvv_status": if sale.online { "CVV_ACCEPTED" } else { "CVV_NOT_CHECKED" },
        "entry_method": entry,
        "statement_description": "SQ *HARBOUR STREET BAKERY",
        "status": card_status,
    });
    if status == "FAILED" {
        details["errors"] = json!([{
            "category": "PAYMENT_METHOD_ERROR",
            "code": "GENERIC_DECLINE",
            "detail": "Authorization error: 'GENERIC_DECLINE'",
        }]);
    }
    details
}

/// A payment as it looks at `at`. Returns its status word too.
pub fn payment(place: &Place, sale: &Sale, at: Timestamp) -> (&'static str, Value) {
    let (status, card_status) = payment_status(sale, at);
    // The odd bits must be the same in every state of one payment, the version token in none.
    let mut chance = Chance::new(sale.salt);
    let mut value = json!({
        "amount_money": place.money(sale.amount()),
        "application_details": {
            "application_id": "sq0ids-practiceBakeryTillAndShop",
            "square_product": if sale.online { "ECOMMERCE_API" } else { "SQUARE_POS" },
        },
        "created_at": written(sale.created),
        "employee_id": sale.team_member,
        "id": sale.id,
        "location_id": place.location_id,
        "order_id": sale.order_id,
        "receipt_number": &sale.id[..4],
        "receipt_url": format!("https://squareup.com/receipt/preview/{}", sale.id),
        "status": status,
        "team_member_id": sale.team_member,
        "total_money": place.money(sale.total()),
        "updated_at": written(at),
        "version_token": Chance::new(sale.salt).branch(&written(at)).letters(45),
    });
    if sale.tip > 0 {
        value["tip_money"] = place.money(sale.tip);
    }
    if let Some(note) = sale.note {
        value["note"] = json!(note);
    }
    match &sale.tender {
        Tender::Card(face) | Tender::GiftCard(face) => {
            value["source_type"] = json!("CARD");
            if status != "FAILED" {
                value["approved_money"] = place.money(sale.total());
            }
            value["card_details"] = card_details(sale, face, card_status, status, &mut chance);
            value["delay_action"] = json!("CANCEL");
            value["delay_duration"] = json!("PT168H");
            value["delayed_until"] = json!(written(plus_seconds(sale.created, 168 * 3600)));
        }
        Tender::Cash { handed_over } => {
            value["source_type"] = json!("CASH");
            value["approved_money"] = place.money(sale.total());
            value["cash_details"] = json!({
                "buyer_supplied_money": place.money(*handed_over),
                "change_back_money": place.money(handed_over - sale.total()),
            });
        }
    }
    let fees: Vec<Value> = sale
        .fees
        .iter()
        .filter(|fee| fee.known <= at)
        .map(|fee| {
            json!({
                "amount_money": place.money(fee.cents),
                "effective_at": written(fee.effective),
                "type": fee.kind.name(),
            })
        })
        .collect();
    if !fees.is_empty() {
        value["processing_fee"] = Value::Array(fees);
    }
    let done: Vec<&Refund> = sale.refunds.iter().filter(|refund| refund.completed <= at).collect();
    if !done.is_empty() {
        value["refunded_money"] = place.money(done.iter().map(|refund| refund.cents).sum());
        value["refund_ids"] = done.iter().map(|refund| json!(refund.id)).collect();
    }
    (status, value)
}

/// A refund as it looks at `at`.
pub fn refund(place: &Place, sale: &Sale, refund: &Refund, at: Timestamp) -> (&'static str, Value) {
    let status = if at >= refund.completed { "COMPLETED" } else { "PENDING" };
    let mut value = json!({
        "amount_money": place.money(refund.cents),
        "created_at": written(refund.created),
        "id": refund.id,
        "location_id": place.location_id,
        "payment_id": sale.id,
        "reason": refund.reason,
        "status": status,
        "updated_at": written(at),
    });
    if let Some(order_id) = &refund.order_id {
        value["order_id"] = json!(order_id);
    }
    if status == "COMPLETED" && refund.fee_back > 0 {
        let first = sale.fees.first().map_or(refund.created, |fee| fee.effective);
        value["processing_fee"] = json!([{
            "amount_money": place.money(-refund.fee_back),
            "effective_at": written(first),
            "type": "INITIAL",
        }]);
    }
    (status, value)
}

fn order_line(place: &Place, line: &BasketLine, tax_uid: &str, discount_uid: &str, chance: &mut Chance) -> Value {
    let mut value = json!({
        "base_price_money": place.money(line.price),
        "gross_sales_money": place.money(line.gross()),
        "item_type": if line.gift_card { "GIFT_CARD" } else if line.name == "Custom amount" { "CUSTOM_AMOUNT" } else { "ITEM" },
        "name": line.name,
        "quantity": line.quantity.to_string(),
        "total_discount_money": place.money(line.discount),
        "total_money": place.money(line.total()),
        "total_service_charge_money": place.money(0),
        "total_tax_money": place.money(line.tax),
        "uid": line.uid,
        "variation_total_price_money": place.money(line.gross()),
    });
    if line.discount > 0 {
        value["applied_discounts"] = json!([{
            "applied_money": place.money(line.discount),
            "discount_uid": discount_uid,
            "uid": chance.letters(22),
        }]);
    }
    if line.tax > 0 {
        value["applied_taxes"] = json!([{
            "applied_money": place.money(line.tax),
            "tax_uid": tax_uid,
            "uid": chance.letters(22),
        }]);
    }
    value
}

fn amounts(place: &Place, total: i64, tax: i64, tip: i64, discount: i64) -> Value {
    json!({
        "discount_money": place.money(discount),
        "service_charge_money": place.money(0),
        "tax_money": place.money(tax),
        "tip_money": place.money(tip),
        "total_money": place.money(total),
    })
}

/// The order behind a payment.
pub fn order(place: &Place, sale: &Sale, at: Timestamp) -> (&'static str, Value) {
    let mut chance = Chance::new(sale.salt).branch("order");
    let (tax_uid, discount_uid) = (chance.letters(22), chance.letters(22));
    let (payment_status, card_status) = payment_status(sale, at);
    let state = match payment_status {
        "COMPLETED" => "COMPLETED",
        "CANCELED" => "CANCELED",
        _ => "OPEN",
    };
    let basket = &sale.basket;
    let lines: Vec<Value> = basket
        .lines
        .iter()
        .map(|line| order_line(place, line, &tax_uid, &discount_uid, &mut chance))
        .collect();
    let mut value = json!({
        "created_at": written(sale.created),
        "id": sale.order_id,
        "line_items": lines,
        "location_id": place.location_id,
        "net_amounts": amounts(place, sale.total(), basket.tax(), sale.tip, basket.discount()),
        "source": { "name": if sale.online { "Square Online" } else { "Point of Sale" } },
        "state": state,
        "total_discount_money": place.money(basket.discount()),
        "total_money": place.money(sale.total()),
        "total_service_charge_money": place.money(0),
        "total_tax_money": place.money(basket.tax()),
        "total_tip_money": place.money(sale.tip),
        "updated_at": written(at),
        "version": if at > sale.shown { 5 } else { 4 },
    });
    if basket.discount() > 0 {
        value["discounts"] = json!([{
            "applied_money": place.money(basket.discount()),
            "name": "Neighbour discount",
            "percentage": basket.discount_per_cent.to_string(),
            "scope": "ORDER",
            "type": "FIXED_PERCENTAGE",
            "uid": discount_uid,
        }]);
    }
    if basket.tax() > 0 {
        value["taxes"] = json!([{
            "applied_money": place.money(basket.tax()),
            "name": "NYC sales tax",
            "percentage": "8.875",
            "scope": "LINE_ITEM",
            "type": "ADDITIVE",
            "uid": tax_uid,
        }]);
    }
    if state == "COMPLETED" {
        value["closed_at"] = json!(written(at));
    }
    if payment_status != "FAILED" {
        let mut tender = json!({
            "amount_money": place.money(sale.total()),
            "created_at": written(sale.created),
            "id": sale.id,
            "location_id": place.location_id,
            "transaction_id": sale.order_id,
            "type": match sale.tender { Tender::Card(_) => "CARD", Tender::Cash { .. } => "CASH", Tender::GiftCard(_) => "SQUARE_GIFT_CARD" },
        });
        if sale.tip > 0 {
            tender["tip_money"] = place.money(sale.tip);
        }
        if let Some(face) = sale.card() {
            tender["card_details"] = json!({ "card": card(face), "status": card_status });
        }
        value["tenders"] = json!([tender]);
    }
    (state, value)
}

/// The return order behind a refund, when the till knew what came back.
pub fn return_order(place: &Place, sale: &Sale, refund: &Refund) -> Option<Value> {
    let order_id = refund.order_id.as_ref()?;
    let mut chance = Chance::new(sale.salt).branch(order_id);
    let lines: Vec<&BasketLine> = match refund.returned {
        Returned::Whole => sale.basket.lines.iter().collect(),
        Returned::Line(index) => vec![&sale.basket.lines[index]],
        Returned::Amount => Vec::new(),
    };
    let tip = match refund.returned {
        Returned::Whole => sale.tip,
        Returned::Line(_) | Returned::Amount => 0,
    };
    let discount: i64 = lines.iter().map(|line| line.discount).sum();
    let tax = refund.tax(&sale.basket);
    let mut items: Vec<Value> = lines
        .iter()
        .map(|line| {
            json!({
                "base_price_money": place.money(line.price),
                "gross_return_money": place.money(line.gross()),
                "item_type": if line.gift_card { "GIFT_CARD" } else { "ITEM" },
                "name": line.name,
                "quantity": line.quantity.to_string(),
                "source_line_item_uid": line.uid,
                "total_discount_money": place.money(line.discount),
                "total_money": place.money(line.total()),
                "total_tax_money": place.money(line.tax),
                "uid": chance.letters(22),
                "variation_total_price_money": place.money(line.gross()),
            })
        })
        .collect();
    if items.is_empty() {
        items.push(json!({
            "base_price_money": place.money(refund.cents),
            "gross_return_money": place.money(refund.cents),
            "item_type": "CUSTOM_AMOUNT",
            "quantity": "1",
            "total_discount_money": place.money(0),
            "total_money": place.money(refund.cents),
            "total_tax_money": place.money(0),
            "uid": chance.letters(22),
            "variation_total_price_money": place.money(refund.cents),
        }));
    }
    let returned = amounts(place, refund.cents, tax, tip, discount);
    Some(json!({
        "closed_at": written(refund.created),
        "created_at": written(refund.created),
        "id": order_id,
        "location_id": place.location_id,
        "net_amounts": amounts(place, -refund.cents, -tax, -tip, -discount),
        "refunds": [{
            "amount_money": place.money(refund.cents),
            "created_at": written(refund.created),
            "id": refund.id,
            "location_id": place.location_id,
            "reason": refund.reason,
            "status": "APPROVED",
            "tender_id": sale.id,
            "transaction_id": order_id,
        }],
        "return_amounts": returned,
        "returns": [{
            "return_amounts": returned,
            "return_line_items": items,
            "source_order_id": sale.order_id,
            "uid": chance.letters(22),
        }],
        "source": { "name": "Point of Sale" },
        "state": "COMPLETED",
        "total_discount_money": place.money(0),
        "total_money": place.money(0),
        "total_service_charge_money": place.money(0),
        "total_tax_money": place.money(0),
        "total_tip_money": place.money(0),
        "updated_at": written(refund.created),
        "version": 3,
    }))
}

/// A dispute as it looks at `at`; `version` counts its states from one.
pub fn dispute(place: &Place, dispute: &Dispute, at: Timestamp, version: i64) -> (&'static str, Value) {
    let state = match dispute.decision {
        Decision::Won(when) if at >= when => "WON",
        Decision::Lost(when) if at >= when => "LOST",
        Decision::Accepted(when) if at >= when => "ACCEPTED",
        Decision::Won(_) | Decision::Lost(_) | Decision::Accepted(_) | Decision::Open => match dispute.processing {
            Some(when) if at >= when => "PROCESSING",
            Some(_) | None => "EVIDENCE_REQUIRED",
        },
    };
    let reported = &written(dispute.opened)[..10];
    let due = &written(plus_seconds(dispute.opened, 14 * 86_400))[..10];
    let value = json!({
        "amount_money": place.money(dispute.cents),
        "brand_dispute_id": dispute.brand_id,
        "card_brand": dispute.brand,
        "created_at": written(dispute.opened),
        "disputed_payment": { "payment_id": dispute.payment_id },
        "due_at": format!("{due}T00:00:00.000Z"),
        "id": dispute.id,
        "location_id": place.location_id,
        "reason": dispute.reason,
        "reported_at": format!("{reported}T00:00:00.000Z"),
        "state": state,
        "updated_at": written(at),
        "version": version,
    });
    (state, value)
}

/// A payout in one of its states.
pub struct PayoutFace<'a> {
    pub id: &'a str,
    pub end_to_end_id: &'a str,
    pub cents: i64,
    pub fee: i64,
    pub instant: bool,
    pub arrival: Date,
    pub created: Timestamp,
    pub destination: &'a str,
}

pub fn payout(place: &Place, face: &PayoutFace<'_>, status: &str, at: Timestamp, version: i64) -> Value {
    let updated = if version == 1 { written_to_seconds(at) } else { written(at) };
    let mut value = json!({
        "amount_money": place.payout_money(face.cents),
        "arrival_date": face.arrival.to_string(),
        "created_at": written_to_seconds(face.created),
        "destination": {
            "id": face.destination,
            "type": if face.instant { "CARD" } else { "BANK_ACCOUNT" },
        },
        "end_to_end_id": face.end_to_end_id,
        "id": face.id,
        "location_id": place.location_id,
        "status": status,
        "type": if face.instant { "SIMPLE" } else { "BATCH" },
        "updated_at": updated,
        "version": version,
    });
    if face.fee > 0 {
        value["payout_fee"] = json!([{
            "amount_money": place.payout_money(face.fee),
            "effective_at": written_to_seconds(face.created),
            "type": "TRANSFER_FEE",
        }]);
    }
    value
}

/// One entry of a payout. `details` is the pair of Square's details key and its object, where the type has one.
pub struct EntryFace<'a> {
    pub id: &'a str,
    pub payout_id: &'a str,
    pub kind: &'a str,
    pub gross: i64,
    pub fee: i64,
    pub at: Timestamp,
    pub details: Option<(&'static str, Value)>,
}

pub fn payout_entry(place: &Place, face: EntryFace<'_>) -> Value {
    let mut value = json!({
        "effective_at": written_to_seconds(face.at),
        "fee_amount_money": place.payout_money(face.fee),
        "gross_amount_money": place.payout_money(face.gross),
        "id": face.id,
        "net_amount_money": place.payout_money(face.gross - face.fee),
        "payout_id": face.payout_id,
        "type": face.kind,
    });
    if let Some((key, details)) = face.details {
        value[key] = details;
    }
    value
}

pub fn merchant(place: &Place) -> Value {
    json!({
        "business_name": place.name,
        "country": "US",
        "created_at": written(place.opened),
        "currency": place.currency,
        "id": place.merchant_id,
        "language_code": "en-US",
        "main_location_id": place.location_id,
        "status": "ACTIVE",
    })
}

pub fn location(place: &Place) -> Value {
    json!({
        "address": {
            "address_line_1": "14 Harbour Street",
            "administrative_district_level_1": "NY",
            "country": "US",
            "locality": "New York",
            "postal_code": "10004",
        },
        "business_name": place.name,
        "capabilities": ["CREDIT_CARD_PROCESSING"],
        "coordinates": { "latitude": 40.7033, "longitude": -74.0170 },
        "country": "US",
        "created_at": written_to_seconds(place.opened),
        "currency": place.currency,
        "description": "Shop and bakehouse",
        "id": place.location_id,
        "language_code": "en-US",
        "mcc": "5462",
        "merchant_id": place.merchant_id,
        "name": place.name,
        "phone_number": "+1 212-555-0142",
        "status": "ACTIVE",
        "timezone": place.zone,
        "type": "PHYSICAL",
    })
}
