//! The world itself: repeatable, complete, and adding up. New special cases get their label into `REQUIRED`.

use jiff::civil::date;
use practice::world::calendar::local_day;
use practice::{MovementKind, World};

const REQUIRED: &[&str] = &[
    "refund-partial-with-tax",
    "refund-late-whole-fee-returned",
    "refund-late-fee-kept",
    "refund-pending-then-completed",
    "refund-pending-across-upgrade",
    "refund-after-upgrade",
    "late-initial-fee",
    "late-fee-across-upgrade",
    "fee-adjusted-up",
    "fee-adjusted-down",
    "fee-adjusted-after-upgrade",
    "dispute-lost",
    "dispute-won",
    "dispute-accepted",
    "dispute-open-at-upgrade",
    "dispute-still-open",
    "payment-failed",
    "payment-canceled",
    "payment-captured-later",
    "payment-in-cash",
    "gift-card-sold",
    "gift-card-redeemed",
    "payout-returned",
    "payout-returned-after-upgrade",
    "payout-instant",
    "clocks-back-2025-second-half-past-one",
    "clocks-forward-2026-after",
    "clocks-back-2026-second-half-past-one",
    "payment-just-before-midnight-month-end",
    "payment-just-after-midnight-month-end",
];

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let first = World::small(11, 200).written_out();
    assert!(first == World::small(11, 200).written_out());
    assert!(first != World::small(12, 200).written_out());
}

#[test]
fn a_year_of_the_bakery_has_about_three_thousand_payments_and_goes_on_after_the_upgrade() {
    let world = World::bakery(7);
    let totals = world.totals();
    let payments = totals.records["payments"];
    assert!((2_700..=3_400).contains(&payments), "{payments} payments");
    let more = world.totals_at(world.ends()).records["payments"] - payments;
    assert!((350..=700).contains(&more), "{more} payments after the upgrade");
    for kind in [
        MovementKind::Sale,
        MovementKind::CashSale,
        MovementKind::GiftCardRedemption,
        MovementKind::InitialFee,
        MovementKind::FeeAdjustment,
        MovementKind::Refund,
        MovementKind::DisputeOpened,
        MovementKind::DisputeWon,
        MovementKind::DisputeLost,
        MovementKind::Payout,
        MovementKind::PayoutFee,
        MovementKind::PayoutReturned,
    ] {
        assert!(totals.of(kind).count > 0, "no {kind:?} before the upgrade");
    }
    assert!(totals.held_cents > 0, "disputes are open at the upgrade");
    assert!(totals.balance_cents > 0, "Square holds money at the upgrade");
    assert!(world.totals_at(world.ends()).balance_cents > 0);
}

#[test]
fn every_kind_of_world_has_every_special_case() {
    for world in [World::bakery(1), World::small(1, 60), World::small(99, 400)] {
        for label in REQUIRED {
            assert!(world.specials().contains_key(*label), "{label} is missing");
        }
    }
}

#[test]
fn a_special_day_is_the_local_day_of_the_bakery() {
    let world = World::small(3, 60);
    let instant = |label: &str| {
        let id = &world.specials()[label];
        world.movements().iter().find(|movement| movement.id == *id).expect(label).instant
    };
    for (label, expected) in [
        ("clocks-back-2025-before", date(2025, 11, 2)),
        ("clocks-back-2025-last-minute-of-the-long-day", date(2025, 11, 2)),
        ("clocks-back-2026-second-half-past-one", date(2026, 11, 1)),
        ("clocks-forward-2026-after", date(2026, 3, 8)),
        ("clocks-forward-2026-last-minute-of-the-short-day", date(2026, 3, 8)),
    ] {
        assert_eq!(local_day(world.zone(), instant(label)), expected, "{label}");
    }
    let (first, second) = (
        instant("clocks-back-2025-first-half-past-one"),
        instant("clocks-back-2025-second-half-past-one"),
    );
    let apart = second.duration_since(first).as_secs();
    assert!((3_598..=3_602).contains(&apart), "the hour that comes twice: {apart} s");
    let (before, after) = (
        instant("payment-just-before-midnight-month-end"),
        instant("payment-just-after-midnight-month-end"),
    );
    assert!(after.duration_since(before).as_secs() < 60);
    assert_ne!(local_day(world.zone(), before).month(), local_day(world.zone(), after).month());
}

#[test]
fn payouts_match_the_deposits_that_were_typed_by_hand_to_the_cent() {
    let mut deposits: Vec<(jiff::civil::Date, i64)> = vec![
        (date(2026, 1, 7), 793_481),
        (date(2026, 1, 14), 582_572),
        (date(2026, 1, 15), 1_200),
        (date(2026, 1, 15), 87),
        (date(2026, 1, 17), 1),
    ];
    let world = World::matching_deposits(5, &deposits, "Main Street Cafe", "MLCAFE00000001", "America/New_York");
    let mut made: Vec<(jiff::civil::Date, i64)> = world
        .movements()
        .iter()
        .filter(|movement| movement.kind == MovementKind::Payout)
        .map(|movement| (local_day(world.zone(), movement.known_at), movement.amount_cents))
        .collect();
    let after = made.split_off(deposits.len());
    made.sort();
    deposits.sort();
    assert_eq!(made, deposits);
    assert!(after.len() > 50, "the company goes on after the last deposit");
    assert!(world.totals().of(MovementKind::Refund).count > 0);
    assert_eq!(world.name(), "Main Street Cafe");
    assert_eq!(world.merchant_id(), "MLCAFE00000001");
}
