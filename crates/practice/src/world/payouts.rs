//! Square pays out what it holds: which movements go into which payout, to the cent.
//!
//! Every movement is settled at most once, and a payout's entries always add up to its amount and fee.
//! A new kind of entry is one arm in `entry_of`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::calendar::plus_seconds;
use super::chance::Chance;
use super::menu::half_up;
use super::movement::{Movement, MovementKind};
use super::record::Record;
use super::shapes::{EntryFace, PayoutFace, Place, payout, payout_entry};

/// When Square intends to pay out.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// Movements known before this instant go in.
    pub closes: Timestamp,
    pub created: Timestamp,
    pub arrival: Date,
    /// When the bank confirms; a returned one comes back then.
    pub confirmed: Timestamp,
    pub instant: bool,
    pub returned: bool,
    pub label: Option<&'static str>,
}

pub struct Settled {
    pub payouts: Vec<Record>,
    pub entries: BTreeMap<String, Vec<Record>>,
    pub movements: Vec<Movement>,
    pub labels: Vec<(&'static str, String)>,
}

/// What an instant payout costs: 1.75 %.
fn transfer_fee(net: i64) -> i64 {
    half_up(net * 175, 10_000)
}

pub fn settle(place: &Place, mut chance: Chance, movements: &[Movement], settlements: &[Settlement]) -> Settled {
    let mut waiting: Vec<Movement> = movements.iter().filter(|movement| movement.balance_cents != 0).cloned().collect();
    waiting.sort_by(|a, b| {
        a.known_at
            .cmp(&b.known_at)
            .then_with(|| a.id.cmp(&b.id))
            .then_with(|| a.kind.cmp(&b.kind))
    });
    let mut done = Settled {
        payouts: Vec::new(),
        entries: BTreeMap::new(),
        movements: Vec::new(),
        labels: Vec::new(),
    };
    let bank = format!("bact:{}", chance.letters(20));
    let debit_card = format!("ccof:{}", chance.letters(20));
    let mut number = 100_000 + chance.between(0, 50_000);
    let mut labels_owed: Vec<Settlement> = Vec::new();
    for settlement in settlements {
        let (ready, later): (Vec<Movement>, Vec<Movement>) =
            waiting.into_iter().partition(|movement| movement.known_at < settlement.closes);
        waiting = later;
        let net: i64 = ready.iter().map(|movement| movement.balance_cents).sum();
        if net <= 0 {
            waiting.extend(ready);
            if settlement.label.is_some() {
                labels_owed.push(settlement.clone());
            }
            continue;
        }
        // A special turn that fell on a day without a payout happens to the next one that exists.
        let owed = if settlement.label.is_none() { labels_owed.pop() } else { None };
        let turn = owed.as_ref().unwrap_or(settlement);
        let fee = if turn.instant { transfer_fee(net) } else { 0 };
        let id = format!("po_{}", chance.uuid());
        number += chance.between(1, 9);
        let end_to_end_id = format!("L21{number:08}");
        let face = PayoutFace {
            id: &id,
            end_to_end_id: &end_to_end_id,
            cents: net - fee,
            fee,
            instant: turn.instant,
            arrival: settlement.arrival,
            created: settlement.created,
            destination: if turn.instant { &debit_card } else { &bank },
        };
        let mut record = Record::new(id.clone(), settlement.created, end_to_end_id.clone());
        let first = if turn.instant { "PAID" } else { "SENT" };
        record.add_state(settlement.created, first, &payout(place, &face, first, settlement.created, 1));
        let last = if turn.returned { "FAILED" } else { "PAID" };
        if last != first {
            record.add_state(settlement.confirmed, last, &payout(place, &face, last, settlement.confirmed, 2));
        }
        done.movements.push(Movement::new(
            MovementKind::Payout,
            &id,
            settlement.created,
            face.cents,
            -face.cents,
        ));
        if fee > 0 {
            done.movements
                .push(Movement::new(MovementKind::PayoutFee, &id, settlement.created, fee, -fee));
        }
        if turn.returned {
            let back = Movement::new(MovementKind::PayoutReturned, &id, settlement.confirmed, face.cents, face.cents);
            done.movements.push(back.clone());
            waiting.push(back);
        }
        if let Some(label) = turn.label {
            done.labels.push((label, id.clone()));
        }
        let entries = entries_of(place, &mut chance, &id, settlement.created, &ready);
        done.entries.insert(id, entries);
        done.payouts.push(record);
    }
    done
}

fn entries_of(place: &Place, chance: &mut Chance, payout_id: &str, created: Timestamp, ready: &[Movement]) -> Vec<Record> {
    let charged: BTreeSet<&str> = ready
        .iter()
        .filter(|m| m.kind == MovementKind::Sale)
        .map(|movement| movement.id.as_str())
        .collect();
    let first_fees: BTreeMap<&str, i64> = ready
        .iter()
        .filter(|movement| movement.kind == MovementKind::InitialFee)
        .map(|movement| (movement.id.as_str(), movement.amount_cents))
        .collect();
    let mut entries = Vec::new();
    for movement in ready {
        // A first fee that is settled together with its payment is the fee of that entry.
        if movement.kind == MovementKind::InitialFee && charged.contains(movement.id.as_str()) {
            continue;
        }
        let first_fee = first_fees.get(movement.id.as_str()).copied().unwrap_or_default();
        let (kind, gross, fee, details) = entry_of(movement, first_fee);
        let id = format!("poe_{}", chance.letters(27));
        let face = EntryFace {
            id: &id,
            payout_id,
            kind,
            gross,
            fee,
            at: movement.known_at,
            details,
        };
        let value = payout_entry(place, face);
        let mut record = Record::new(id, created, payout_id.to_owned());
        record.add_state(created, kind, &value);
        entries.push(record);
    }
    entries
}

type EntryParts = (&'static str, i64, i64, Option<(&'static str, Value)>);

fn entry_of(movement: &Movement, first_fee: i64) -> EntryParts {
    let payment = || json!({ "payment_id": movement.payment_id });
    let dispute = || json!({ "dispute_id": movement.id, "payment_id": movement.payment_id });
    match movement.kind {
        MovementKind::Sale => ("CHARGE", movement.amount_cents, first_fee, Some(("type_charge_details", payment()))),
        MovementKind::InitialFee => ("FEE", -movement.amount_cents, 0, Some(("type_fee_details", payment()))),
        MovementKind::FeeAdjustment => (
            "ADJUSTMENT",
            -movement.amount_cents,
            0,
            Some(("type_other_adjustment_details", payment())),
        ),
        MovementKind::Refund => {
            let details = json!({ "payment_id": movement.payment_id, "refund_id": movement.id });
            (
                "REFUND",
                -movement.amount_cents,
                -movement.fee_back_cents,
                Some(("type_refund_details", details)),
            )
        }
        MovementKind::DisputeOpened => (
            "OPEN_DISPUTE",
            movement.balance_cents,
            0,
            Some(("type_open_dispute_details", dispute())),
        ),
        MovementKind::DisputeWon | MovementKind::DisputeLost => {
            ("DISPUTE", movement.balance_cents, 0, Some(("type_dispute_details", dispute())))
        }
        MovementKind::PayoutReturned => ("RETURNED_PAYOUT", movement.balance_cents, 0, None),
        // These never wait to be paid out: they have no balance of their own or are payouts themselves.
        MovementKind::CashSale | MovementKind::GiftCardRedemption | MovementKind::Payout | MovementKind::PayoutFee => {
            ("OTHER", movement.balance_cents, 0, None)
        }
    }
}

/// The instant the bank usually confirms: the evening of the arrival day.
pub fn usual_confirmation(created: Timestamp) -> Timestamp {
    plus_seconds(created, 13 * 3600 + 1_872)
}
