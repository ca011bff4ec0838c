//! A year of a busy small shop at once: 3,000 payments with orders, 250 payouts, 6,000 payout entries.

mod made;

use connector::Record;
use made::*;
use serde_json::json;
use std::time::Instant;

fn year() -> Vec<Record> {
    let mut records = Vec::new();
    let start: jiff::Timestamp = "2025-11-01T12:00:00Z".parse().unwrap();
    for number in 0..3_000 {
        let id: &'static str = Box::leak(format!("p_{number}").into_boxed_str());
        let at: &'static str = Box::leak((start + jiff::SignedDuration::from_mins(170 * number)).to_string().into_boxed_str());
        let payment = Payment {
            id,
            at,
            total: 1_000 + number,
            tip: number % 7 * 10,
            fee: Some(30 + number % 40),
        };
        records.extend([record("payments", payment.body()), payment.order(number % 90, 0)]);
    }
    for number in 0..250 {
        let payout_id = format!("po_{number}");
        records.push(payout(&payout_id, "2026-03-01T11:00:00Z", "PAID", 24 * 100, 0));
        for line in 0..24 {
            let id = format!("poe_{number}_{line}");
            let details = json!({ "payment_id": format!("p_{}", (number * 24 + line) % 3_000) });
            records.push(entry(&id, &payout_id, "CHARGE", 100, 3, ("type_charge_details", details)));
        }
    }
    records
}

#[test]
fn a_year_is_mapped_in_one_go() {
    let records = year();
    for version in ["1", "2"] {
        let before = Instant::now();
        let mapped = mapped(version, &records);
        println!(
            "version {version}: {} records in {} ms",
            records.len(),
            before.elapsed().as_millis()
        );
        assert_eq!((mapped.drafts.len(), mapped.excluded.len(), mapped.held.len()), (3_250, 6_000, 0));
        assert!(
            mapped
                .settlements
                .iter()
                .all(|settlement| settlement.agrees && settlement.members.len() == 48)
        );
    }
}
