//! What becomes of records: the posting rules of the built-in packages, row by row.

mod made;

use connector::{HoldReason, Mapped, Record};
use ledger::Role;
use made::*;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

fn roles(rows: &[(Role, i64)]) -> BTreeMap<Role, i64> {
    rows.iter().copied().collect()
}

#[test]
fn version_1_posts_a_payment_and_its_fee_as_one_net_line() {
    let mapped = mapped("1", &card("p_1", "2026-01-05T17:00:00.000Z", 10_000, Some(320)));
    assert_eq!(
        lines(&mapped, "square-1:payment:p_1"),
        roles(&[(Role::Clearing, 10_000), (Role::Sales, -10_000)])
    );
    assert_eq!(
        lines(&mapped, "square-1:fee:p_1:INITIAL:2026-01-05T17:00:00.000Z"),
        roles(&[(Role::Clearing, -320), (Role::Sales, 320)])
    );
    let mut map = ledger::RoleMap::default();
    for role in [Role::Clearing, Role::Sales] {
        map.bind(role, ledger::AccountId(role.name().into()));
    }
    let entries = mapped.drafts[0].entries(&map, |_| false).unwrap();
    assert_eq!(entries.len(), 1);
    let net: Vec<(String, i64)> = entries[0]
        .lines
        .iter()
        .map(|line| (line.account.0.clone(), line.amount.minor))
        .collect();
    assert_eq!(net, [("clearing".to_string(), 9_680), ("sales".to_string(), -9_680)]);
}

#[test]
fn version_2_posts_gross_with_tax_tip_gift_card_and_fee_apart() {
    let payment = Payment {
        id: "p_2",
        at: "2026-01-05T17:00:00.000Z",
        total: 8_650,
        tip: 750,
        fee: Some(160),
    };
    let mapped = mapped("2", &[record("payments", payment.body()), payment.order(400, 2_500)]);
    let wanted = [
        (Role::Clearing, 8_650),
        (Role::Sales, -5_000),
        (Role::Tax, -400),
        (Role::Tips, -750),
        (Role::GiftCards, -2_500),
    ];
    assert_eq!(lines(&mapped, "square:payment:p_2"), roles(&wanted));
    assert_eq!(
        lines(&mapped, "square:fee:p_2:INITIAL:2026-01-05T17:00:00.000Z"),
        roles(&[(Role::Fees, 160), (Role::Clearing, -160)])
    );
}

#[test]
fn a_late_fee_is_a_part_of_its_own_with_its_own_instant() {
    let mut records = card("p_3", "2026-01-05T17:00:00.000Z", 10_000, None);
    let before = mapped("2", &records);
    records[0].body["processing_fee"] = json!([
        { "type": "INITIAL", "amount_money": usd(320), "effective_at": "2026-01-06T19:00:00.000Z" },
        { "type": "ADJUSTMENT", "amount_money": usd(-25), "effective_at": "2026-01-20T19:00:00.000Z" },
    ]);
    let after = mapped("2", &records);
    assert_eq!(keys(&before), ["square:payment:p_3"]);
    let new: Vec<String> = keys(&after).into_iter().filter(|key| !keys(&before).contains(key)).collect();
    assert_eq!(
        new,
        [
            "square:fee:p_3:INITIAL:2026-01-06T19:00:00.000Z",
            "square:fee:p_3:ADJUSTMENT:2026-01-20T19:00:00.000Z"
        ]
    );
    assert_eq!(lines(&before, "square:payment:p_3"), lines(&after, "square:payment:p_3"));
    // The first fee belongs to its payment's day, the correction to its own.
    assert_eq!(date(&after, &new[0]), "2026-01-05");
    assert_eq!(date(&after, &new[1]), "2026-01-20");
    assert_eq!(lines(&after, &new[1]), roles(&[(Role::Fees, -25), (Role::Clearing, 25)]));
}

#[test]
fn the_key_of_a_fee_does_not_depend_on_how_its_time_is_spelled() {
    let spelled = |at: &str| {
        let mut records = card("p_4", "2026-01-05T17:00:00.000Z", 10_000, None);
        records[0].body["processing_fee"] = json!([{ "type": "INITIAL", "amount_money": usd(320), "effective_at": at }]);
        keys(&mapped("2", &records))
    };
    assert_eq!(spelled("2026-01-05T17:00:00.000Z"), spelled("2026-01-05T17:00:00Z"));
    assert_eq!(spelled("2026-01-05T17:00:00.000Z"), spelled("2026-01-05T12:00:00-05:00"));
}

#[test]
fn cash_and_gift_cards_do_not_touch_the_processor_balance() {
    let cash = Payment {
        id: "p_cash",
        at: "2026-01-05T17:00:00.000Z",
        total: 2_000,
        tip: 0,
        fee: None,
    };
    let mut body = cash.body();
    body["source_type"] = json!("CASH");
    let records = vec![record("payments", body), cash.order(100, 0)];
    assert_eq!(
        lines(&mapped("1", &records), "square-1:payment:p_cash"),
        roles(&[(Role::Cash, 2_000), (Role::Sales, -2_000)])
    );
    assert_eq!(
        lines(&mapped("2", &records), "square:payment:p_cash"),
        roles(&[(Role::Cash, 2_000), (Role::Sales, -1_900), (Role::Tax, -100)])
    );

    let card = Payment {
        id: "p_gc",
        at: "2026-01-05T17:00:00.000Z",
        total: 3_000,
        tip: 300,
        fee: None,
    };
    let mut body = card.body();
    body["card_details"]["card"]["card_brand"] = json!("SQUARE_GIFT_CARD");
    let records = vec![record("payments", body), card.order(200, 0)];
    let old = mapped("1", &records);
    assert_eq!((old.drafts.len(), old.excluded[0].rule.as_str()), (0, "gift-card-redeemed"));
    let wanted = [
        (Role::GiftCards, 3_000),
        (Role::Sales, -2_500),
        (Role::Tax, -200),
        (Role::Tips, -300),
    ];
    let new = mapped("2", &records);
    assert_eq!(lines(&new, "square:payment:p_gc"), roles(&wanted));
    assert!(new.aliases.is_empty(), "version 1 never posted it");
}

#[test]
fn a_split_bill_shares_the_order_s_tax_to_the_cent() {
    let order = json!({
        "id": "o_split", "created_at": "2026-01-05T17:00:00.000Z", "updated_at": "2026-01-05T17:00:00.000Z",
        "total_money": usd(10_100), "total_tax_money": usd(101), "total_tip_money": usd(100),
        "tenders": [
            { "id": "p_a", "amount_money": usd(3_333) }, { "id": "p_b", "amount_money": usd(3_434), "tip_money": usd(100) },
            { "id": "p_c", "amount_money": usd(3_333) },
        ],
    });
    let mut records = vec![record("orders", order)];
    for (id, total, tip) in [("p_a", 3_333, 0), ("p_b", 3_434, 100), ("p_c", 3_333, 0)] {
        let mut body = Payment {
            id,
            at: "2026-01-05T17:00:00.000Z",
            total,
            tip,
            fee: None,
        }
        .body();
        body["order_id"] = json!("o_split");
        records.push(record("payments", body));
    }
    let mapped = mapped("2", &records);
    let tax: Vec<i64> = ["p_a", "p_b", "p_c"]
        .iter()
        .map(|id| -lines(&mapped, &format!("square:payment:{id}"))[&Role::Tax])
        .collect();
    assert_eq!(tax, [33, 34, 34]);
    assert_eq!(tax.iter().sum::<i64>(), 101);
}

#[test]
fn a_refund_returns_tax_as_its_order_says_and_the_fee_under_its_own_key() {
    let mut with_order = refund("r_1", "2026-01-10T17:00:00.000Z", 1_090, 34);
    with_order.body["order_id"] = json!("o_r_1");
    let order = record(
        "orders",
        json!({ "id": "o_r_1", "created_at": "2026-01-10T17:00:00.000Z", "updated_at": "2026-01-10T17:00:00.000Z",
                "total_money": usd(0), "return_amounts": { "tax_money": usd(90), "total_money": usd(1_090) } }),
    );
    let records = [with_order.clone(), order];
    let new = mapped("2", &records);
    assert_eq!(
        lines(&new, "square:refund:r_1"),
        roles(&[(Role::Refunds, 1_000), (Role::Tax, 90), (Role::Clearing, -1_090)])
    );
    let fee = "refund_fee:r_1:INITIAL:2026-01-01T12:00:00.000Z";
    assert_eq!(
        lines(&new, &format!("square:{fee}")),
        roles(&[(Role::Fees, -34), (Role::Clearing, 34)])
    );
    assert_eq!(date(&new, &format!("square:{fee}")), "2026-01-10");
    let old = mapped("1", &records);
    assert_eq!(
        lines(&old, "square-1:refund:r_1"),
        roles(&[(Role::Sales, 1_090), (Role::Clearing, -1_090)])
    );
    assert_eq!(
        lines(&old, &format!("square-1:{fee}")),
        roles(&[(Role::Sales, -34), (Role::Clearing, 34)])
    );

    let without = mapped("2", &[refund("r_2", "2026-01-10T17:00:00.000Z", 555, 0)]);
    assert_eq!(
        lines(&without, "square:refund:r_2"),
        roles(&[(Role::Refunds, 555), (Role::Clearing, -555)])
    );
    let unread = mapped("2", &[with_order]);
    assert_eq!(unread.held[0].reason_code, HoldReason::NotReadYet);
}

#[test]
fn disputes_hold_the_money_until_they_are_decided() {
    let (opened, decided) = ("2026-01-05T17:00:00.000Z", "2026-02-09T17:00:00.000Z");
    let records = [
        dispute("d_open", opened, opened, "EVIDENCE_REQUIRED", 2_500),
        dispute("d_won", opened, decided, "WON", 1_000),
        dispute("d_lost", opened, decided, "LOST", 700),
        dispute("d_given_up", opened, decided, "ACCEPTED", 300),
        dispute("d_asked", opened, opened, "INQUIRY_PROCESSING", 400),
    ];
    let mapped = mapped("2", &records);
    assert_eq!(
        lines(&mapped, "square:dispute:d_open:opened"),
        roles(&[(Role::Held, 2_500), (Role::Clearing, -2_500)])
    );
    assert_eq!(
        lines(&mapped, "square:dispute:d_won:won"),
        roles(&[(Role::Clearing, 1_000), (Role::Held, -1_000)])
    );
    assert_eq!(
        lines(&mapped, "square:dispute:d_lost:lost"),
        roles(&[(Role::Losses, 700), (Role::Held, -700)])
    );
    assert_eq!(
        lines(&mapped, "square:dispute:d_given_up:lost"),
        roles(&[(Role::Losses, 300), (Role::Held, -300)])
    );
    assert_eq!(date(&mapped, "square:dispute:d_won:opened"), "2026-01-05");
    assert_eq!(date(&mapped, "square:dispute:d_won:won"), "2026-02-09");
    assert_eq!(mapped.excluded[0].rule, "inquiry");
}

#[test]
fn payouts_with_a_fee_or_returned_by_the_bank_are_posted_by_both_versions() {
    let mut returned = payout("po_2", "2026-01-12T11:00:00Z", "FAILED", 5_000, 0);
    returned.body["updated_at"] = json!("2026-01-14T15:00:00.000Z");
    let records = [payout("po_1", "2026-01-12T11:00:00Z", "PAID", 6_259, 95), returned];
    let old = mapped("1", &records);
    assert_eq!(
        lines(&old, "square-1:deposit:L2po_1"),
        roles(&[(Role::Bank, 6_259), (Role::Clearing, -6_354), (Role::Sales, 95)])
    );
    assert_eq!(
        lines(&old, "square-1:deposit:L2po_2:returned"),
        roles(&[(Role::Clearing, 5_000), (Role::Bank, -5_000)])
    );
    let new = mapped("2", &records);
    assert_eq!(
        lines(&new, "square:payout:po_1"),
        roles(&[(Role::Bank, 6_259), (Role::Clearing, -6_259)])
    );
    assert_eq!(
        lines(&new, "square:payout:po_1:fee"),
        roles(&[(Role::Fees, 95), (Role::Clearing, -95)])
    );
    assert_eq!(
        lines(&new, "square:payout:po_2:returned"),
        roles(&[(Role::Clearing, 5_000), (Role::Bank, -5_000)])
    );
    assert_eq!(date(&new, "square:payout:po_2:returned"), "2026-01-14");
}

#[test]
fn what_nobody_knows_is_held_in_words_and_never_dropped() {
    let mut status = card("p_status", "2026-01-05T17:00:00.000Z", 100, None);
    status[0].body["status"] = json!("REFLECTED");
    let mut source = card("p_source", "2026-01-05T17:00:00.000Z", 100, None);
    source[0].body["source_type"] = json!("EXTERNAL");
    let mut fee = card("p_fee", "2026-01-05T17:00:00.000Z", 100, Some(3));
    fee[0].body["processing_fee"][0]["type"] = json!("SURPRISE");
    let mut euros = card("p_euro", "2026-01-05T17:00:00.000Z", 100, None);
    euros[0].body["amount_money"] = json!({ "amount": 100, "currency": "EUR" });
    euros[0].body["total_money"] = json!({ "amount": 100, "currency": "EUR" });
    euros[0].body.as_object_mut().unwrap().remove("order_id");
    let mut unknown_money = card("p_xts", "2026-01-05T17:00:00.000Z", 100, None);
    unknown_money[0].body["total_money"] = json!({ "amount": 100, "currency": "XTS" });
    let mut broken = card("p_broken", "2026-01-05T17:00:00.000Z", 100, None);
    broken[0].body.as_object_mut().unwrap().remove("total_money");
    let mut fraction = card("p_fraction", "2026-01-05T17:00:00.000Z", 100, None);
    fraction[0].body["total_money"]["amount"] = json!(100.5);
    let orderless = card("p_unread", "2026-01-05T17:00:00.000Z", 100, None);
    let other_order = Payment {
        id: "p_other",
        at: "2026-01-05T17:00:00.000Z",
        total: 100,
        tip: 0,
        fee: None,
    };
    let mut other = other_order.order(0, 0);
    other.body["total_money"] = usd(900);
    other.body["tenders"] = json!([]);
    let records: Vec<Record> = [
        status,
        source,
        fee,
        euros,
        unknown_money,
        broken,
        fraction,
        vec![orderless[0].clone()],
    ]
    .into_iter()
    .flatten()
    .chain([record("payments", other_order.body()), other])
    .chain([
        dispute("d_x", "2026-01-05T17:00:00.000Z", "2026-01-05T17:00:00.000Z", "PARTLY_WON", 5),
        payout("po_x", "2026-01-05T17:00:00Z", "THINKING", 5, 0),
        entry(
            "poe_cap",
            "po_x",
            "SQUARE_CAPITAL_PAYMENT",
            -5_000,
            0,
            ("type_other_details", json!({})),
        ),
        entry("poe_adj", "po_x", "ADJUSTMENT", -10, 0, ("type_other_details", json!({}))),
    ])
    .collect();
    let mapped = mapped("2", &records);
    let found: BTreeMap<&str, HoldReason> = mapped.held.iter().map(|held| (held.record.as_str(), held.reason_code)).collect();
    let wanted = BTreeMap::from([
        ("p_status", HoldReason::UnknownKind),
        ("p_source", HoldReason::UnknownKind),
        ("p_fee", HoldReason::NotAsExpected),
        ("p_euro", HoldReason::OtherCurrency),
        ("p_xts", HoldReason::Unreadable),
        ("p_broken", HoldReason::Unreadable),
        ("p_fraction", HoldReason::Unreadable),
        ("p_unread", HoldReason::NotReadYet),
        ("p_other", HoldReason::NotAsExpected),
        ("d_x", HoldReason::UnknownKind),
        ("po_x", HoldReason::UnknownKind),
        ("poe_cap", HoldReason::UnknownKind),
        ("poe_adj", HoldReason::UnknownKind),
    ]);
    assert_eq!(found, wanted);
    assert!(mapped.drafts.is_empty() && mapped.excluded.is_empty());
    let unread = mapped.held.iter().find(|held| held.record == "p_unread").unwrap();
    assert_eq!(unread.reason, "Its order was not read yet.");
    assert_eq!(
        unread.keys.iter().map(|key| key.as_str()).collect::<Vec<_>>(),
        ["square:payment:p_unread"]
    );
    assert_eq!(unread.amount.unwrap().to_string(), "1.00 USD");
    let euro = mapped.held.iter().find(|held| held.record == "p_euro").unwrap();
    assert!(euro.reason.contains("EUR") && euro.reason.contains("USD"), "{}", euro.reason);
}

#[test]
fn what_moves_no_money_is_excluded_by_a_named_rule() {
    let of = |status: &str| {
        let mut records = card("p_1", "2026-01-05T17:00:00.000Z", 100, None);
        records[0].body["status"] = json!(status);
        mapped("2", &records)
    };
    for (status, rule) in [
        ("APPROVED", "not-yet"),
        ("PENDING", "not-yet"),
        ("FAILED", "nothing-paid"),
        ("CANCELED", "nothing-paid"),
    ] {
        let mapped = of(status);
        assert_eq!((mapped.drafts.len(), mapped.held.len()), (0, 0), "{status}");
        assert_eq!(mapped.excluded[0].rule, rule);
    }
    let mut free = card("p_free", "2026-01-05T17:00:00.000Z", 0, None);
    free[1].body["line_items"] = json!([]);
    assert_eq!(
        mapped("2", &free).excluded[0].reason,
        "It comes to 0.00, so there is nothing to post."
    );
}

#[test]
fn days_are_those_of_the_business_on_the_days_when_clocks_change() {
    for (at, day) in [
        ("2026-03-08T04:59:59.999Z", "2026-03-07"),
        ("2026-03-08T05:00:00.000Z", "2026-03-08"),
        ("2026-03-08T06:59:59.000Z", "2026-03-08"),
        ("2026-03-08T07:00:00.000Z", "2026-03-08"),
        ("2026-03-09T03:59:59.000Z", "2026-03-08"),
        ("2026-03-09T04:00:00.000Z", "2026-03-09"),
        ("2026-11-01T03:59:59.000Z", "2026-10-31"),
        ("2026-11-01T05:30:00.000Z", "2026-11-01"),
        ("2026-11-01T06:30:00.000Z", "2026-11-01"),
        ("2026-11-02T04:59:59.000Z", "2026-11-01"),
        ("2026-11-02T05:00:00.000Z", "2026-11-02"),
    ] {
        for version in ["1", "2"] {
            let mapped = mapped(version, &card("p_1", at, 100, None));
            assert_eq!(mapped.drafts[0].parts[0].date.to_string(), day, "{at} in version {version}");
        }
    }
}

#[test]
fn a_payout_agrees_only_with_entries_that_add_up_to_it() {
    let mut records = card("p_1", "2026-01-10T17:00:00.000Z", 100, Some(19));
    records.push(refund("r_1", "2026-01-10T18:00:00.000Z", 50, 2));
    records.push(payout("po_1", "2026-01-11T17:00:00Z", "PAID", 33, 0));
    records.push(entry(
        "poe_1",
        "po_1",
        "CHARGE",
        81,
        19,
        ("type_charge_details", json!({ "payment_id": "p_1" })),
    ));
    let half = mapped("2", &records);
    assert!(!half.settlements[0].agrees);
    records.push(entry(
        "poe_2",
        "po_1",
        "REFUND",
        -48,
        -2,
        ("type_refund_details", json!({ "payment_id": "p_1", "refund_id": "r_1" })),
    ));
    for (version, key) in [("1", "square-1:deposit:L2po_1"), ("2", "square:payout:po_1")] {
        let mapped = mapped(version, &records);
        let settlement = &mapped.settlements[0];
        assert!(settlement.agrees, "{settlement:?}");
        assert_eq!(
            (
                settlement.key.as_str(),
                settlement.entries_sum.minor,
                settlement.date.to_string().as_str()
            ),
            (key, 33, "2026-01-11")
        );
        assert_eq!(
            settlement.members.len(),
            4,
            "sale, fee, refund, returned fee: {:?}",
            settlement.members
        );
        assert!(mapped.held.is_empty() && mapped.excluded.len() == 2);
    }
}

#[test]
fn two_corrections_of_one_fee_belong_each_to_its_own_payout() {
    let mut records = card("p_1", "2026-01-05T17:00:00.000Z", 10_000, Some(320));
    for (minor, at) in [(25, "2026-01-09T17:00:00.000Z"), (-9, "2026-01-14T17:00:00.000Z")] {
        let fee = json!({ "type": "ADJUSTMENT", "amount_money": usd(minor), "effective_at": at });
        records[0].body["processing_fee"].as_array_mut().unwrap().push(fee);
    }
    for (payout_id, net) in [("po_1", -25), ("po_2", 9)] {
        records.push(payout(payout_id, "2026-01-15T17:00:00Z", "PAID", net, 0));
        let details = ("type_other_adjustment_details", json!({ "payment_id": "p_1" }));
        records.push(entry(&format!("poe_{payout_id}"), payout_id, "ADJUSTMENT", net, 0, details));
    }
    let mapped = mapped("2", &records);
    let members: Vec<Vec<&str>> = mapped
        .settlements
        .iter()
        .map(|it| it.members.iter().map(|key| key.as_str()).collect())
        .collect();
    assert_eq!(
        members,
        [
            ["square:fee:p_1:ADJUSTMENT:2026-01-09T17:00:00.000Z"],
            ["square:fee:p_1:ADJUSTMENT:2026-01-14T17:00:00.000Z"]
        ]
    );
}

#[test]
fn two_movements_with_one_key_are_not_both_posted() {
    let twice = [
        refund("r_1", "2026-01-10T17:00:00.000Z", 100, 0),
        refund("r_1", "2026-01-10T17:00:00.000Z", 100, 0),
    ];
    assert_eq!(mapped("2", &twice).drafts.len(), 1, "one record given twice is one record");
    let mut records = card("p_1", "2026-01-05T17:00:00.000Z", 100, Some(3));
    records[0].body["processing_fee"] = json!([
        { "type": "INITIAL", "amount_money": usd(3), "effective_at": "2026-01-05T17:00:00.000Z" },
        { "type": "INITIAL", "amount_money": usd(3), "effective_at": "2026-01-05T17:00:00.000Z" },
    ]);
    let mapped = mapped("2", &records);
    assert_eq!(mapped.held[0].reason_code, HoldReason::KeyTwice);
    assert!(mapped.drafts.is_empty() && mapped.aliases.is_empty());
}

#[test]
fn of_a_record_given_twice_the_newer_state_counts() {
    let mut older = card("p_1", "2026-01-05T17:00:00.000Z", 100, None);
    older[0].body["status"] = json!("APPROVED");
    let mut newer = card("p_1", "2026-01-05T17:00:00.000Z", 100, None);
    newer[0].updated = "2026-01-05T18:00:00Z".parse().unwrap();
    let both: Vec<Record> = newer.into_iter().chain(older).collect();
    assert_eq!(keys(&mapped("2", &both)), ["square:payment:p_1"]);
}

/// One of each kind of record that version 1 can post.
fn everything() -> Vec<Record> {
    let mut records = card("p_1", "2026-01-05T17:00:00.000Z", 10_000, Some(320));
    records[0].body["processing_fee"].as_array_mut().unwrap().push(json!(
        { "type": "ADJUSTMENT", "amount_money": usd(10), "effective_at": "2026-01-09T17:00:00.000Z" }
    ));
    let mut cash = card("p_2", "2026-01-05T17:00:00.000Z", 2_000, None);
    cash[0].body["source_type"] = json!("CASH");
    records.extend(cash);
    records.push(refund("r_1", "2026-01-10T17:00:00.000Z", 555, 34));
    let mut late = refund("r_2", "2026-01-10T17:00:00.000Z", 555, 34);
    late.body["processing_fee"][0]["type"] = json!("ADJUSTMENT");
    records.push(late);
    let mut to_cash = refund("r_3", "2026-01-10T17:00:00.000Z", 200, 0);
    to_cash.body["destination_type"] = json!("CASH");
    records.push(to_cash);
    records.push(payout("po_1", "2026-01-12T11:00:00Z", "FAILED", 6_259, 95));
    records
}

#[test]
fn version_2_knows_every_key_that_version_1_posted() {
    let records = everything();
    let (old, new) = (mapped("1", &records), mapped("2", &records));
    let posted: BTreeSet<String> = keys(&old).into_iter().collect();
    let known: BTreeSet<String> = new.aliases.iter().map(|alias| alias.old.to_string()).collect();
    assert_eq!(posted, known);
    assert_eq!(posted.len(), 11, "one of each part that version 1 has: {posted:?}");
    let own: BTreeSet<String> = keys(&new).into_iter().collect();
    assert!(new.aliases.iter().all(|alias| own.contains(alias.new.as_str())));
    for alias in &new.aliases {
        let wanted = if alias.old.as_str().contains(":deposit:") { 'B' } else { 'A' };
        assert_eq!(alias.class, wanted, "{alias:?}");
    }
}

#[test]
fn clearing_cash_and_bank_are_the_same_under_both_versions() {
    let sums = |mapped: &Mapped| {
        let mut sums: BTreeMap<(Role, String), i64> = BTreeMap::new();
        for part in mapped.drafts.iter().flat_map(|draft| &draft.parts) {
            for line in part
                .lines
                .iter()
                .filter(|line| matches!(line.role, Role::Clearing | Role::Cash | Role::Bank))
            {
                *sums.entry((line.role, part.date.to_string())).or_default() += line.amount.minor;
            }
        }
        sums
    };
    let records = everything();
    assert_eq!(sums(&mapped("1", &records)), sums(&mapped("2", &records)));
}
