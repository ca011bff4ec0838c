//! Properties that hold for whatever the processor sends.

mod made;

use connector::{Mapped, Mapping, Record};
use made::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const STATES: &[&str] = &[
    "COMPLETED",
    "COMPLETED",
    "COMPLETED",
    "APPROVED",
    "FAILED",
    "CANCELED",
    "PENDING",
    "SURPRISE",
];
const SOURCES: &[&str] = &["CARD", "CARD", "CASH", "WALLET", "EXTERNAL"];
const BRANDS: &[&str] = &["VISA", "SQUARE_GIFT_CARD"];
const FEES: &[&str] = &["INITIAL", "ADJUSTMENT", "SURPRISE"];
const CURRENCIES: &[&str] = &["USD", "USD", "USD", "USD", "EUR", "XTS"];
const DISPUTES: &[&str] = &[
    "EVIDENCE_REQUIRED",
    "PROCESSING",
    "WON",
    "LOST",
    "ACCEPTED",
    "INQUIRY_CLOSED",
    "SURPRISE",
];
const PAYOUTS: &[&str] = &["SENT", "PAID", "FAILED", "SURPRISE"];
const ENTRIES: &[&str] = &[
    "CHARGE",
    "REFUND",
    "FEE",
    "ADJUSTMENT",
    "DISPUTE",
    "OPEN_DISPUTE",
    "RETURNED_PAYOUT",
    "SQUARE_CAPITAL_PAYMENT",
];

fn pick(from: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(from)
}

fn instant() -> impl Strategy<Value = String> {
    (0_i64..365 * 24 * 60).prop_map(|minute| {
        let start: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        (start + jiff::SignedDuration::from_mins(minute)).to_string()
    })
}

prop_compose! {
    fn payment()(
        number in 0_u32..40, at in instant(), status in pick(STATES), source in pick(SOURCES), brand in pick(BRANDS), currency in pick(CURRENCIES),
        amount in -50_i64..20_000, tip in 0_i64..500, tax in 0_i64..700, cards in prop::sample::select(vec![0_i64, 0, 2_500]),
        fees in prop::collection::vec((pick(FEES), -30_i64..400, instant()), 0..3), order in any::<bool>(), broken in 0_u32..12,
    ) -> Vec<Record> {
        let money = |minor: i64| json!({ "amount": minor, "currency": currency });
        let id = format!("p_{number}");
        let fees: Vec<Value> = fees.into_iter()
            .map(|(kind, minor, at)| json!({ "type": kind, "amount_money": money(minor), "effective_at": at })).collect();
        let mut body = json!({
            "id": id, "status": status, "source_type": source, "created_at": at, "updated_at": at, "order_id": format!("o_{number}"),
            "amount_money": money(amount), "tip_money": money(tip), "total_money": money(amount + tip),
            "card_details": { "card": { "card_brand": brand } }, "processing_fee": fees,
        });
        match broken {
            0 => { body.as_object_mut().unwrap().remove("total_money"); }
            1 => { body["processing_fee"] = json!("none"); }
            2 => { body["total_money"]["amount"] = json!(1.5); }
            3 => { body.as_object_mut().unwrap().remove("order_id"); }
            _ => {}
        }
        let mut records = vec![record("payments", body)];
        if order {
            records.push(record("orders", json!({
                "id": format!("o_{number}"), "created_at": at, "updated_at": at, "total_money": money(amount + tip), "total_tax_money": money(tax),
                "total_tip_money": money(tip), "line_items": [{ "item_type": "GIFT_CARD", "total_money": money(cards) }],
            })));
        }
        records
    }
}

prop_compose! {
    fn others()(
        number in 0_u32..40, at in instant(), later in instant(), amount in -100_i64..9_000, fee in 0_i64..60,
        dispute_state in pick(DISPUTES), payout_state in pick(PAYOUTS), kind in pick(ENTRIES), detailed in any::<bool>(),
    ) -> Vec<Record> {
        let details = if detailed { json!({ "payment_id": "p_1", "refund_id": "r_1", "dispute_id": "d_1" }) } else { json!({}) };
        let name = format!("type_{}_details", if kind == "ADJUSTMENT" { "other_adjustment".to_string() } else { kind.to_lowercase() });
        vec![
            refund(&format!("r_{number}"), &at, amount, fee),
            dispute(&format!("d_{number}"), &at, &later, dispute_state, amount),
            payout(&format!("po_{number}"), &at, payout_state, amount, fee),
            entry(&format!("poe_{number}"), "po_1", kind, amount - fee, fee, (&name, details)),
        ]
    }
}

fn everything() -> impl Strategy<Value = Vec<Record>> {
    (prop::collection::vec(payment(), 0..12), prop::collection::vec(others(), 0..8))
        .prop_map(|(payments, others)| payments.into_iter().chain(others).flatten().collect())
}

fn bins(mapped: &Mapped) -> BTreeMap<(String, String), usize> {
    let mut bins = BTreeMap::new();
    let drafts = mapped.drafts.iter().map(|it| (it.stream.clone(), it.record.clone()));
    let held = mapped.held.iter().map(|it| (it.stream.clone(), it.record.clone()));
    let excluded = mapped.excluded.iter().map(|it| (it.stream.clone(), it.record.clone()));
    for name in drafts.chain(held).chain(excluded) {
        *bins.entry(name).or_default() += 1;
    }
    bins
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn every_record_of_a_posting_stream_ends_in_exactly_one_bin(records in everything()) {
        for version in ["1", "2"] {
            let posting: BTreeSet<&str> = square(version).streams().iter().filter(|it| it.posts()).map(|it| it.name()).collect();
            let given: BTreeSet<(String, String)> = records.iter().filter(|it| posting.contains(it.stream.as_str()))
                .map(|it| (it.stream.clone(), it.id.clone())).collect();
            let mapped = mapped(version, &records);
            let bins = bins(&mapped);
            prop_assert!(bins.values().all(|count| *count == 1));
            prop_assert_eq!(bins.into_keys().collect::<BTreeSet<_>>(), given);
            prop_assert!(mapped.held.iter().all(|held| !held.reason.is_empty()));
        }
    }

    #[test]
    fn mapping_as_records_arrive_gives_what_mapping_all_at_once_gives(records in everything(), turns in prop::collection::vec(1_usize..7, 1..40)) {
        for version in ["1", "2"] {
            let package = square(version);
            let mut mapping = Mapping::default();
            let mut stored: Vec<Record> = Vec::new();
            let mut rest = records.as_slice();
            let mut turns = turns.iter().cycle();
            while !rest.is_empty() {
                let (fresh, later) = rest.split_at((*turns.next().unwrap()).min(rest.len()));
                rest = later;
                // As the store keeps them: the newest content of each.
                let mut names: Vec<(String, String)> = Vec::new();
                for record in fresh {
                    match stored.iter_mut().find(|it| (&it.stream, &it.id) == (&record.stream, &record.id)) {
                        Some(old) if old.updated > record.updated => continue,
                        Some(old) => *old = record.clone(),
                        None => stored.push(record.clone()),
                    }
                    let name = (record.stream.clone(), record.id.clone());
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
                let of = |names: &mut dyn Iterator<Item = &(String, String)>| -> Vec<Record> {
                    names.filter_map(|name| stored.iter().find(|it| (&it.stream, &it.id) == (&name.0, &name.1)).cloned()).collect()
                };
                let fresh = of(&mut names.iter());
                let others = of(&mut mapping.wants(package, &fresh).iter());
                mapping.take(package, &fresh, &others, &bakery()).unwrap();
                let known = &records[..records.len() - rest.len()];
                let (grown, at_once) = (mapping.mapped(package, &bakery()).unwrap(), made::mapped(version, known));
                prop_assert_eq!(grown.drafts, at_once.drafts);
                prop_assert_eq!(grown.held, at_once.held);
                prop_assert_eq!(grown.excluded, at_once.excluded);
                prop_assert_eq!(grown.aliases, at_once.aliases);
                prop_assert_eq!(grown.settlements, at_once.settlements);
            }
        }
    }

    #[test]
    fn every_part_balances_and_keys_are_unique_and_the_same_in_a_second_run(records in everything()) {
        for version in ["1", "2"] {
            let mapped = mapped(version, &records);
            for part in mapped.drafts.iter().flat_map(|draft| &draft.parts) {
                prop_assert_eq!(part.lines.iter().map(|line| line.amount.minor).sum::<i64>(), 0);
                prop_assert!(!part.lines.is_empty());
            }
            let keys_now = keys(&mapped);
            prop_assert_eq!(keys_now.iter().collect::<BTreeSet<_>>().len(), keys_now.len());
            prop_assert_eq!(made::mapped(version, &records), mapped);
            let turned: Vec<Record> = records.iter().rev().cloned().collect();
            // The newer of two states wins whatever their order, unless they are equally new.
            let ids: BTreeSet<(&str, &str)> = records.iter().map(|it| (it.stream.as_str(), it.id.as_str())).collect();
            if ids.len() == records.len() {
                prop_assert_eq!(keys(&made::mapped(version, &turned)).into_iter().collect::<BTreeSet<_>>(), keys_now.into_iter().collect::<BTreeSet<_>>());
            }
        }
    }

    #[test]
    fn what_both_versions_post_is_aliased_and_moves_the_same_money(records in everything()) {
        let (old, new) = (mapped("1", &records), mapped("2", &records));
        let drafted: BTreeSet<(String, String)> = new.drafts.iter().map(|it| (it.stream.clone(), it.record.clone())).collect();
        let known: BTreeSet<String> = new.aliases.iter().map(|alias| alias.old.to_string()).collect();
        for draft in &old.drafts {
            if drafted.contains(&(draft.stream.clone(), draft.record.clone())) {
                for part in &draft.parts {
                    prop_assert!(known.contains(part.key.as_str()), "{} has no alias", part.key);
                }
            }
        }
    }
}
