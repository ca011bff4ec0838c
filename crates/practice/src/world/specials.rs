//! The unusual turns, each with a label so that a test or a story can name it.
//!
//! Days are counted from the first day as a share of the time up to the upgrade, so that every practice company has
//! all of them. A new special case is one function call in `deal`.

use jiff::Timestamp;
use jiff::civil::{Date, Weekday, date, time};

use super::build::Builder;
use super::calendar::{business_day, days_between, local_day, plus_days, plus_seconds, second_instant};
use super::menu::{certain_basket, custom_basket, gift_card_basket, usual_basket};
use super::payouts::{Settlement, usual_confirmation};
use super::plan::{Course, Decision, Dispute, Fee, FeeKind, Returned, Tender};

/// The first day, the day of the upgrade and its instant.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub first: Date,
    pub upgrade: Date,
    pub until: Timestamp,
}

impl Span {
    /// A day this many thousandths of the way from the first day to the upgrade, never a Sunday.
    fn day(self, thousandths: i64) -> Date {
        let day = plus_days(self.first, days_between(self.first, self.upgrade) * thousandths / 1000);
        if day.weekday() == Weekday::Sunday { plus_days(day, 1) } else { day }
    }

    fn after(self, days: i64) -> Date {
        plus_days(self.upgrade, days)
    }
}

pub fn deal(builder: &mut Builder, span: Span) {
    refunds(builder, span);
    fees(builder, span);
    disputes(builder, span);
    other_payments(builder, span);
    around_midnight(builder, span);
    around_clock_changes(builder, span);
    around_the_upgrade(builder, span);
}

fn sale(builder: &mut Builder, label: &str, at: Timestamp, tip: i64) -> usize {
    let basket = certain_basket(&mut builder.chance);
    builder.special_sale(label, at, basket, tip)
}

fn refund(builder: &mut Builder, label: &str, sale: usize, at: Timestamp, returned: Returned, cents: Option<i64>, fee_back: bool) -> usize {
    let id = builder.refund(sale, at, returned, cents, fee_back);
    builder.label(label, &id);
    builder.sales[sale].refunds.len() - 1
}

fn refunds(builder: &mut Builder, span: Span) {
    let at = builder.local(span.day(60), 9, 12);
    let partial = sale(builder, "payment-partly-refunded", at, 0);
    refund(
        builder,
        "refund-partial-with-tax",
        partial,
        plus_seconds(at, 7_000),
        Returned::Line(0),
        None,
        true,
    );

    let at = builder.local(span.day(110), 10, 2);
    let twice = sale(builder, "payment-refunded-twice", at, 0);
    refund(
        builder,
        "refund-first-of-two",
        twice,
        plus_seconds(at, 5_000),
        Returned::Line(1),
        None,
        false,
    );
    refund(
        builder,
        "refund-second-of-two",
        twice,
        plus_seconds(at, 86_400 * 3),
        Returned::Line(0),
        None,
        true,
    );

    let at = builder.local(span.day(200), 12, 40);
    let late = sale(builder, "payment-refunded-late", at, 1_200);
    let when = builder.local(plus_days(local_day(&builder.zone, at), 41), 11, 5);
    refund(builder, "refund-late-whole-fee-returned", late, when, Returned::Whole, None, true);

    let at = builder.local(span.day(320), 8, 31);
    let late = sale(builder, "payment-refunded-late-fee-kept", at, 0);
    let when = builder.local(plus_days(local_day(&builder.zone, at), 35), 15, 45);
    refund(builder, "refund-late-fee-kept", late, when, Returned::Whole, None, false);

    let at = builder.local(span.day(410), 13, 3);
    let apology = sale(builder, "payment-with-apology", at, 800);
    refund(
        builder,
        "refund-amount-only",
        apology,
        plus_seconds(at, 40_000),
        Returned::Amount,
        Some(700),
        false,
    );

    let at = builder.local(span.day(505), 9, 50);
    let slow = sale(builder, "payment-with-pending-refund", at, 0);
    let which = refund(
        builder,
        "refund-pending-then-completed",
        slow,
        plus_seconds(at, 3_600),
        Returned::Line(0),
        None,
        true,
    );
    let plan = &mut builder.sales[slow].refunds[which];
    plan.completed = plus_seconds(plan.created, 3 * 86_400 + 4_000);

    // Sold before midnight, given back after it: two different posting days.
    let at = builder.local(span.day(560), 23, 41);
    let late_evening = sale(builder, "payment-refunded-across-midnight", at, 0);
    refund(
        builder,
        "refund-across-midnight",
        late_evening,
        plus_seconds(at, 2_400),
        Returned::Whole,
        None,
        true,
    );
}

fn late_fee(builder: &mut Builder, sale: usize, after_seconds: i64) {
    let plan = &mut builder.sales[sale];
    let known = plus_seconds(plan.shown, after_seconds);
    for fee in &mut plan.fees {
        fee.known = known;
        fee.effective = plus_seconds(super::build::whole_second(known), -600);
    }
}

fn adjust(builder: &mut Builder, sale: usize, cents: i64, after_seconds: i64) {
    let plan = &mut builder.sales[sale];
    let known = plus_seconds(plan.shown, after_seconds);
    let effective = plus_seconds(super::build::whole_second(known), -900);
    plan.fees.push(Fee {
        kind: FeeKind::Adjustment,
        cents,
        effective,
        known,
    });
}

fn fees(builder: &mut Builder, span: Span) {
    for (label, thousandths, after) in [
        ("late-initial-fee", 140, 18 * 3600),
        ("late-initial-fee-next-evening", 470, 31 * 3600),
        ("late-initial-fee-after-three-days", 780, 75 * 3600),
    ] {
        let at = builder.local(span.day(thousandths), 14, 20);
        let index = sale(builder, label, at, 600);
        late_fee(builder, index, after);
    }
    for (label, thousandths, cents, after) in [
        ("fee-adjusted-up", 240, 13, 5 * 86_400),
        ("fee-adjusted-down", 350, -21, 2 * 86_400),
        ("fee-adjusted-across-midnight", 620, 17, 10 * 3600 + 1500),
    ] {
        let at = builder.local(span.day(thousandths), 15, 10);
        let index = sale(builder, label, at, 0);
        adjust(builder, index, cents, after);
    }
    let at = builder.local(span.day(690), 11, 11);
    let twice = sale(builder, "fee-adjusted-twice", at, 0);
    adjust(builder, twice, 25, 86_400);
    adjust(builder, twice, -9, 6 * 86_400);
}

fn dispute(builder: &mut Builder, label: &str, sold: Timestamp, opened: Timestamp, decision: Decision) {
    let index = sale(builder, &format!("payment-{label}"), sold, 0);
    let (payment_id, cents) = (builder.sales[index].id.clone(), builder.sales[index].total());
    let brand = builder.sales[index].card().map_or("VISA", |face| face.brand);
    let plan = Dispute {
        id: builder.chance.letters(21),
        brand_id: builder.chance.between(100_000_000_000, 999_999_999_999).to_string(),
        payment_id,
        brand,
        cents,
        reason: builder
            .chance
            .word(&["NO_KNOWLEDGE", "NOT_AS_DESCRIBED", "NOT_RECEIVED", "DUPLICATE"]),
        opened,
        processing: match decision {
            Decision::Won(_) | Decision::Lost(_) => Some(plus_seconds(opened, 4 * 86_400)),
            Decision::Accepted(_) | Decision::Open => None,
        },
        decision,
    };
    builder.label(label, &plan.id);
    builder.disputes.push(plan);
}

fn disputes(builder: &mut Builder, span: Span) {
    let at = |builder: &Builder, day: Date, hour: i8| builder.local(day, hour, 27);
    let days = |day: Date, more: i64| plus_days(day, more);
    let day = span.day(100);
    let (sold, opened, decided) = (at(builder, day, 10), at(builder, days(day, 16), 12), at(builder, days(day, 49), 9));
    dispute(builder, "dispute-lost", sold, opened, Decision::Lost(decided));
    let day = span.day(300);
    let (sold, opened, decided) = (at(builder, day, 11), at(builder, days(day, 9), 13), at(builder, days(day, 40), 14));
    dispute(builder, "dispute-won", sold, opened, Decision::Won(decided));
    let day = span.day(540);
    let (sold, opened, decided) = (at(builder, day, 8), at(builder, days(day, 21), 16), at(builder, days(day, 23), 17));
    dispute(builder, "dispute-accepted", sold, opened, Decision::Accepted(decided));
    // Open when the upgrade begins, decided during the watch.
    let (sold, opened, decided) = (
        at(builder, span.after(-30), 9),
        at(builder, span.after(-11), 15),
        at(builder, span.after(24), 10),
    );
    dispute(builder, "dispute-open-at-upgrade", sold, opened, Decision::Won(decided));
    let (sold, opened) = (at(builder, span.after(-20), 13), at(builder, span.after(-5), 11));
    dispute(builder, "dispute-still-open", sold, opened, Decision::Open);
    // Sold under the old connector, disputed under the new one.
    let (sold, opened, decided) = (
        at(builder, span.after(-25), 12),
        at(builder, span.after(9), 14),
        at(builder, span.after(45), 10),
    );
    dispute(builder, "dispute-opened-after-upgrade", sold, opened, Decision::Lost(decided));
}

fn other_payments(builder: &mut Builder, span: Span) {
    let at = builder.local(span.day(75), 9, 33);
    let failed = sale(builder, "payment-failed", at, 0);
    builder.fail(failed);

    let at = builder.local(span.day(155), 10, 44);
    let index = sale(builder, "payment-canceled", at, 0);
    let plan = &mut builder.sales[index];
    plan.course = Course::Canceled(plus_seconds(plan.shown, 1_900));
    plan.fees.clear();

    let at = builder.local(span.day(265), 9, 5);
    let index = sale(builder, "payment-captured-later", at, 0);
    let plan = &mut builder.sales[index];
    let captured = plus_seconds(plan.shown, 3 * 3600);
    plan.course = Course::CapturedLater(captured);
    for fee in &mut plan.fees {
        fee.known = captured;
        fee.effective = plus_seconds(super::build::whole_second(captured), 7_200);
    }

    let at = builder.local(span.day(290), 12, 15);
    let basket = gift_card_basket(&mut builder.chance, 5_000, false);
    builder.special_sale("gift-card-sold", at, basket, 0);
    let basket = gift_card_basket(&mut builder.chance, 2_500, true);
    builder.special_sale("gift-card-sold-with-a-loaf", plus_seconds(at, 700), basket, 0);
    let face = builder.gift_card();
    let basket = usual_basket(&mut builder.chance);
    let later = builder.local(span.day(330), 12, 51);
    let plan = builder.sale(later, Tender::GiftCard(face), basket, 0);
    builder.label("gift-card-redeemed", &plan.id);
    builder.add(plan);
    let face = builder.gift_card();
    let basket = certain_basket(&mut builder.chance);
    let plan = builder.sale(plus_seconds(later, 500), Tender::GiftCard(face), basket, 900);
    builder.label("gift-card-redeemed-with-tax-and-tip", &plan.id);
    builder.add(plan);

    let basket = certain_basket(&mut builder.chance);
    let index = builder.cash_customer(builder.local(span.day(380), 16, 8), basket);
    let id = builder.sales[index].id.clone();
    builder.label("payment-in-cash", &id);

    // So small that the fee is larger than a tenth of it.
    let basket = custom_basket(&mut builder.chance, 100);
    let at = builder.local(span.day(430), 10, 1);
    builder.special_sale("payment-of-one-dollar", at, basket, 0);

    let at = builder.local(span.day(455), 18, 30);
    let index = sale(builder, "payment-with-tip-and-note", at, 2_240);
    builder.sales[index].note = Some("Birthday order, candles included — “Zoë & Ömer”");
}

fn around_midnight(builder: &mut Builder, span: Span) {
    let month_end = {
        let day = span.day(250);
        plus_days(day.last_of_month(), 0)
    };
    for (label, day) in [
        ("month-end", month_end),
        ("midweek", span.day(660)),
        ("before-upgrade", span.after(-3)),
    ] {
        let midnight = builder.midnight(plus_days(day, 1));
        for (side, seconds) in [("before", -20), ("after", 20)] {
            let index = sale(
                builder,
                &format!("payment-just-{side}-midnight-{label}"),
                plus_seconds(midnight, seconds),
                0,
            );
            builder.sales[index].online = true;
        }
    }
}

/// The hours that exist twice or not at all. Only those changes that lie between the first day and the upgrade.
fn around_clock_changes(builder: &mut Builder, span: Span) {
    for day in [date(2025, 11, 2), date(2026, 11, 1)] {
        if day < span.first || day >= span.upgrade {
            continue;
        }
        let zone = builder.zone.clone();
        let year = day.year();
        let moments = [
            ("before", builder.local(day, 0, 30)),
            ("first-half-past-one", builder.local(day, 1, 30)),
            ("second-half-past-one", second_instant(&zone, day, time(1, 30, 0, 0))),
            ("after", builder.local(day, 2, 30)),
            ("last-minute-of-the-long-day", builder.local(day, 23, 59)),
        ];
        for (moment, at) in moments {
            let index = sale(builder, &format!("clocks-back-{year}-{moment}"), at, 0);
            builder.sales[index].online = true;
        }
    }
    let day = date(2026, 3, 8);
    if day >= span.first && day < span.upgrade {
        let moments = [("before", 1, 40), ("after", 3, 10), ("last-minute-of-the-short-day", 23, 59)];
        for (moment, hour, minute) in moments {
            let at = builder.local(day, hour, minute);
            let index = sale(builder, &format!("clocks-forward-2026-{moment}"), at, 0);
            builder.sales[index].online = true;
        }
        let at = builder.local(day, 1, 20);
        let index = sale(builder, "clocks-forward-2026-payment-refunded", at, 0);
        refund(
            builder,
            "clocks-forward-2026-refund",
            index,
            plus_seconds(at, 3_600),
            Returned::Line(1),
            None,
            true,
        );
    }
}

/// What was under way when the upgrade began.
fn around_the_upgrade(builder: &mut Builder, span: Span) {
    let before = |hours: i64| plus_seconds(span.until, -hours * 3600);
    let index = sale(builder, "late-fee-across-upgrade", before(2), 0);
    late_fee(builder, index, 20 * 3600);

    let index = sale(builder, "payment-refunded-after-upgrade", before(76), 500);
    let when = builder.local(span.after(2), 11, 20);
    refund(builder, "refund-after-upgrade", index, when, Returned::Whole, None, true);

    let index = sale(builder, "payment-with-refund-pending-at-upgrade", before(52), 0);
    let which = refund(
        builder,
        "refund-pending-across-upgrade",
        index,
        before(26),
        Returned::Line(0),
        None,
        true,
    );
    let plan = &mut builder.sales[index].refunds[which];
    plan.completed = plus_seconds(plan.created, 4 * 86_400);

    let index = sale(builder, "fee-adjusted-after-upgrade", before(100), 0);
    adjust(builder, index, 19, 8 * 86_400);

    let at = builder.local(span.after(12), 12, 2);
    let basket = gift_card_basket(&mut builder.chance, 5_000, false);
    builder.special_sale("gift-card-sold-after-upgrade", at, basket, 0);
    let face = builder.gift_card();
    let basket = certain_basket(&mut builder.chance);
    let plan = builder.sale(builder.local(span.after(20), 13, 30), Tender::GiftCard(face), basket, 450);
    builder.label("gift-card-redeemed-after-upgrade", &plan.id);
    builder.add(plan);
    let at = builder.local(span.after(15), 10, 10);
    let index = sale(builder, "late-initial-fee-after-upgrade", at, 0);
    late_fee(builder, index, 22 * 3600);
}

/// A payout on every banking day from the first to the last (both included), with the unusual ones among them.
pub fn settlements(builder: &Builder, span: Span, first: Date, last: Date) -> Vec<Settlement> {
    let next_banking_day = |mut day: Date| {
        while !business_day(day) {
            day = plus_days(day, 1);
        }
        day
    };
    let returned = next_banking_day(span.day(520));
    let returned_after = next_banking_day(span.after(-4));
    let at_once = next_banking_day(span.day(600));
    let mut settlements = Vec::new();
    let mut day = first;
    while day <= last {
        if business_day(day) {
            let created = plus_seconds(builder.local(day, 6, 7), 9);
            let (comes_back, label, confirmed) = if day == returned {
                (true, Some("payout-returned"), builder.local(plus_days(day, 2), 10, 4))
            } else if day == returned_after {
                (true, Some("payout-returned-after-upgrade"), builder.local(span.after(1), 10, 4))
            } else {
                (false, None, usual_confirmation(created))
            };
            let closes = builder.midnight(day);
            settlements.push(Settlement {
                closes,
                created,
                arrival: day,
                confirmed,
                instant: false,
                returned: comes_back,
                label,
            });
            if day == at_once {
                let created = builder.local(day, 15, 30);
                settlements.push(Settlement {
                    closes: created,
                    created,
                    arrival: day,
                    confirmed: created,
                    instant: true,
                    returned: false,
                    label: Some("payout-instant"),
                });
            }
        }
        day = plus_days(day, 1);
    }
    settlements
}
