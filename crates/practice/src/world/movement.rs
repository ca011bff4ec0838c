//! Every change of money at the practice Square account, and its totals: the truth that tests compare with.
//!
//! Derived from the plans only, never from the JSON, so that a wrong shape cannot make a wrong truth.
//! A new kind of movement is one variant of `MovementKind` and one row in `movements_of_sale` or its neighbours.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::plan::{Decision, Dispute, FeeKind, Sale, Tender};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MovementKind {
    /// A card payment.
    Sale,
    CashSale,
    GiftCardRedemption,
    InitialFee,
    FeeAdjustment,
    Refund,
    DisputeOpened,
    DisputeWon,
    DisputeLost,
    Payout,
    PayoutFee,
    PayoutReturned,
}

/// One movement. All amounts are cents; only `balance_cents` is signed by its effect on the Square balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Movement {
    pub kind: MovementKind,
    /// The payment, refund, dispute or payout it belongs to.
    pub id: String,
    /// The payment behind a fee, refund or dispute; otherwise as `id`.
    pub payment_id: String,
    /// From when Square shows it.
    pub known_at: Timestamp,
    /// The instant its posting date is taken from: the payment's own for a first fee.
    pub instant: Timestamp,
    pub balance_cents: i64,
    /// The amount in its plain sense: the payment's total, the fee (a reduced fee is negative), the amount refunded, paid out, disputed.
    pub amount_cents: i64,
    pub tax_cents: i64,
    pub tip_cents: i64,
    /// The gift cards sold in it.
    pub gift_card_cents: i64,
    /// For refunds: the fee that came back, positive.
    pub fee_back_cents: i64,
}

impl Movement {
    pub(crate) fn new(kind: MovementKind, id: &str, known_at: Timestamp, amount_cents: i64, balance_cents: i64) -> Movement {
        Movement {
            kind,
            id: id.to_owned(),
            payment_id: id.to_owned(),
            known_at,
            instant: known_at,
            balance_cents,
            amount_cents,
            tax_cents: 0,
            tip_cents: 0,
            gift_card_cents: 0,
            fee_back_cents: 0,
        }
    }
}

pub(crate) fn movements_of_sale(sale: &Sale) -> Vec<Movement> {
    let Some(settled) = sale.settled() else { return Vec::new() };
    let total = sale.total();
    let (kind, balance) = match sale.tender {
        Tender::Card(_) => (MovementKind::Sale, total),
        Tender::Cash { .. } => (MovementKind::CashSale, 0),
        Tender::GiftCard(_) => (MovementKind::GiftCardRedemption, 0),
    };
    let mut own = Movement::new(kind, &sale.id, settled, total, balance);
    own.instant = sale.created;
    own.tax_cents = sale.basket.tax();
    own.tip_cents = sale.tip;
    own.gift_card_cents = sale.basket.gift_cards();
    let mut movements = vec![own];
    for fee in &sale.fees {
        let (kind, instant) = match fee.kind {
            FeeKind::Initial => (MovementKind::InitialFee, sale.created),
            FeeKind::Adjustment => (MovementKind::FeeAdjustment, fee.effective),
        };
        let mut movement = Movement::new(kind, &sale.id, fee.known, fee.cents, -fee.cents);
        movement.instant = instant;
        movements.push(movement);
    }
    for refund in &sale.refunds {
        let mut movement = Movement::new(
            MovementKind::Refund,
            &refund.id,
            refund.completed,
            refund.cents,
            refund.fee_back - refund.cents,
        );
        movement.instant = refund.created;
        movement.payment_id = sale.id.clone();
        movement.tax_cents = refund.tax(&sale.basket);
        movement.fee_back_cents = refund.fee_back;
        movements.push(movement);
    }
    movements
}

pub(crate) fn movements_of_dispute(dispute: &Dispute) -> Vec<Movement> {
    let mut movements = vec![Movement::new(
        MovementKind::DisputeOpened,
        &dispute.id,
        dispute.opened,
        dispute.cents,
        -dispute.cents,
    )];
    match dispute.decision {
        Decision::Won(at) => {
            movements.push(Movement::new(
                MovementKind::DisputeWon,
                &dispute.id,
                at,
                dispute.cents,
                dispute.cents,
            ));
        }
        Decision::Lost(at) | Decision::Accepted(at) => {
            movements.push(Movement::new(MovementKind::DisputeLost, &dispute.id, at, dispute.cents, 0));
        }
        Decision::Open => {}
    }
    for movement in &mut movements {
        movement.payment_id = dispute.payment_id.clone();
    }
    movements
}

/// How many, and how much, of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sum {
    pub count: u64,
    pub cents: i64,
}

/// The truth at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Totals {
    pub at: Timestamp,
    pub by_kind: BTreeMap<MovementKind, Sum>,
    /// What Square holds for the bakery.
    pub balance_cents: i64,
    pub tax_cents: i64,
    pub tip_cents: i64,
    pub gift_cards_sold_cents: i64,
    pub fee_back_cents: i64,
    /// Tax given back with refunds, where the return order says so.
    pub refunded_tax_cents: i64,
    /// Held in disputes that are still open.
    pub held_cents: i64,
    /// Records shown, by kind: payments, refunds, orders, payouts, disputes.
    pub records: BTreeMap<String, u64>,
    /// Ids of the special cases by label; a case is listed whether or not it is shown yet.
    pub specials: BTreeMap<String, String>,
}

impl Totals {
    pub fn of(&self, kind: MovementKind) -> Sum {
        self.by_kind.get(&kind).copied().unwrap_or_default()
    }
}

pub(crate) fn add_up(movements: &[Movement], at: Timestamp) -> Totals {
    let mut totals = Totals {
        at,
        by_kind: BTreeMap::new(),
        balance_cents: 0,
        tax_cents: 0,
        tip_cents: 0,
        gift_cards_sold_cents: 0,
        fee_back_cents: 0,
        refunded_tax_cents: 0,
        held_cents: 0,
        records: BTreeMap::new(),
        specials: BTreeMap::new(),
    };
    for movement in movements.iter().filter(|movement| movement.known_at <= at) {
        let sum = totals.by_kind.entry(movement.kind).or_default();
        sum.count += 1;
        sum.cents += movement.amount_cents;
        totals.balance_cents += movement.balance_cents;
        totals.fee_back_cents += movement.fee_back_cents;
        match movement.kind {
            MovementKind::Sale | MovementKind::CashSale | MovementKind::GiftCardRedemption => {
                totals.tax_cents += movement.tax_cents;
                totals.tip_cents += movement.tip_cents;
                totals.gift_cards_sold_cents += movement.gift_card_cents;
            }
            MovementKind::Refund => totals.refunded_tax_cents += movement.tax_cents,
            MovementKind::DisputeOpened => totals.held_cents += movement.amount_cents,
            MovementKind::DisputeWon | MovementKind::DisputeLost => totals.held_cents -= movement.amount_cents,
            MovementKind::InitialFee
            | MovementKind::FeeAdjustment
            | MovementKind::Payout
            | MovementKind::PayoutFee
            | MovementKind::PayoutReturned => {}
        }
    }
    totals
}
