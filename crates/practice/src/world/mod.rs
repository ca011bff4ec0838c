//! A practice Square account: everything that happened, and will happen, at one business, fixed by a seed.
//!
//! A world is data only. It has no clock: whoever asks says which instant it is, and sees only what Square would have
//! shown by then. It must never read the time or the network. The next kind of company is one more constructor.

pub mod build;
pub mod calendar;
pub mod chance;
pub mod deposits;
pub mod menu;
pub mod movement;
pub mod payouts;
pub mod plan;
pub mod record;
pub mod shapes;
pub mod specials;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, time};
use jiff::tz::TimeZone;

pub use movement::{Movement, MovementKind, Sum, Totals};
pub use record::{Record, State};
pub use shapes::Place;

use build::Builder;
use calendar::{DAYS_AFTER, FIRST_DAY, UPGRADE_DAY, instant, plus_days};
use plan::{Decision, Dispute, Sale};
use specials::Span;

pub const BAKERY: &str = "Harbour Street Bakery";
pub const BAKERY_MERCHANT: &str = "MLH7STB2QWK4E";
/// The company one signs in to by mistake.
pub const OTHER_COMPANY: &str = "Harbor Street Bagels";
pub const OTHER_MERCHANT: &str = "MLQ0BGL9XRT5C";
const ZONE: &str = "America/New_York";
/// What a full year of `usual_payments` comes to; `small` takes its share of it.
const USUAL_YEAR: usize = 3_000;

/// One practice Square account. Amounts everywhere are cents.
#[derive(Debug, Clone)]
pub struct World {
    pub(crate) place: Place,
    pub(crate) seed: u64,
    first_day: Date,
    until: Timestamp,
    ends: Timestamp,
    zone: TimeZone,
    pub(crate) payments: Vec<Record>,
    pub(crate) refunds: Vec<Record>,
    pub(crate) orders: Vec<Record>,
    pub(crate) disputes: Vec<Record>,
    pub(crate) payouts: Vec<Record>,
    pub(crate) entries: BTreeMap<String, Vec<Record>>,
    movements: Vec<Movement>,
    specials: BTreeMap<String, String>,
}

impl World {
    /// Harbour Street Bakery with about 3,000 payments in the year before the upgrade.
    pub fn bakery(seed: u64) -> World {
        World::harbour_street(seed, |_| 1000)
    }

    /// The same bakery and the same special cases with about this many payments; more of them in the last weeks,
    /// so that a canary has something to work with.
    pub fn small(seed: u64, payments: usize) -> World {
        let share = (payments * 1000 / USUAL_YEAR).clamp(1, 1000) as u32;
        let busy_from = plus_days(UPGRADE_DAY, -45);
        World::harbour_street(seed, move |day| if day < busy_from { share * 3 / 4 } else { (share * 3).min(1000) })
    }

    /// `until` of every bakery, known before its year is invented.
    pub fn bakery_begins() -> Timestamp {
        instant(&zone(ZONE), UPGRADE_DAY, time(10, 0, 0, 0))
    }

    fn harbour_street(seed: u64, share: impl Fn(Date) -> u32) -> World {
        let zone = zone(ZONE);
        let place = place(BAKERY, BAKERY_MERCHANT, ZONE, seed);
        let mut builder = Builder::new(seed, place, zone.clone());
        let until = World::bakery_begins();
        let span = Span {
            first: FIRST_DAY,
            upgrade: UPGRADE_DAY,
            until,
        };
        let last = plus_days(UPGRADE_DAY, DAYS_AFTER);
        builder.usual_days(FIRST_DAY, last, share);
        specials::deal(&mut builder, span);
        let settlements = specials::settlements(&builder, span, FIRST_DAY, last);
        World::finish(builder, span, last, seed, &settlements)
    }

    /// A company whose payouts have exactly these amounts (cents, above zero) arriving on these dates, and which goes on
    /// as usual after the last one until the upgrade day and the watch after it. Deposits of zero or less are left out.
    ///
    /// `zone` is a name such as `America/New_York`; one that is not known is read as UTC.
    pub fn matching_deposits(seed: u64, deposits: &[(Date, i64)], name: &str, merchant_id: &str, zone_name: &str) -> World {
        let zone_of_place = zone(zone_name);
        let mut builder = Builder::new(seed, place(name, merchant_id, zone_name, seed), zone_of_place.clone());
        let mut deposits: Vec<(Date, i64)> = deposits.iter().copied().filter(|deposit| deposit.1 > 0).collect();
        deposits.sort();
        let mut settlements = deposits::deal(&mut builder, &deposits);
        let first = deposits.last().map_or(FIRST_DAY, |deposit| deposit.0);
        let upgrade = UPGRADE_DAY.max(plus_days(first, 120));
        let until = instant(&zone_of_place, upgrade, time(10, 0, 0, 0));
        let span = Span { first, upgrade, until };
        let last = plus_days(upgrade, DAYS_AFTER);
        builder.usual_days(first, last, |_| 1000);
        specials::deal(&mut builder, span);
        // The day of the last deposit has had its payout.
        settlements.extend(specials::settlements(&builder, span, plus_days(first, 1), last));
        let mut world = World::finish(builder, span, last, seed, &settlements);
        if let Some(earliest) = deposits.first() {
            world.first_day = plus_days(earliest.0, -8);
        }
        world
    }

    fn finish(builder: Builder, span: Span, last: Date, seed: u64, settlements: &[payouts::Settlement]) -> World {
        let Builder {
            chance,
            zone,
            place,
            mut sales,
            disputes,
            mut specials,
            ..
        } = builder;
        sales.sort_by(|a, b| a.created.cmp(&b.created).then_with(|| a.id.cmp(&b.id)));
        let mut movements: Vec<Movement> = sales.iter().flat_map(movement::movements_of_sale).collect();
        movements.extend(disputes.iter().flat_map(movement::movements_of_dispute));
        let settled = payouts::settle(&place, chance.branch("payouts"), &movements, settlements);
        movements.extend(settled.movements);
        movements.sort_by(|a, b| {
            a.known_at
                .cmp(&b.known_at)
                .then_with(|| a.id.cmp(&b.id))
                .then_with(|| a.kind.cmp(&b.kind))
        });
        specials.extend(settled.labels.into_iter().map(|(label, id)| (label.to_owned(), id)));
        let (mut refunds, mut orders) = (Vec::new(), Vec::new());
        let mut payments = Vec::new();
        for sale in &sales {
            payments.push(payment_record(&place, sale));
            orders.push(order_record(&place, sale));
            for refund in &sale.refunds {
                refunds.push(refund_record(&place, sale, refund));
                if let (Some(id), Some(value)) = (&refund.order_id, shapes::return_order(&place, sale, refund)) {
                    let mut record = Record::new(id.clone(), refund.created, sale.order_id.clone());
                    record.add_state(refund.shown(), "COMPLETED", &value);
                    orders.push(record);
                }
            }
        }
        let mut disputes: Vec<Record> = disputes.iter().map(|dispute| dispute_record(&place, dispute)).collect();
        for records in [&mut refunds, &mut orders, &mut disputes] {
            records.sort_by(|a, b| a.created.cmp(&b.created).then_with(|| a.id.cmp(&b.id)));
        }
        World {
            seed,
            first_day: span.first,
            until: span.until,
            ends: calendar::midnight(&zone, last),
            zone,
            place,
            payments,
            refunds,
            orders,
            disputes,
            payouts: settled.payouts,
            entries: settled.entries,
            movements,
            specials,
        }
    }

    pub fn name(&self) -> &str {
        &self.place.name
    }

    pub fn merchant_id(&self) -> &str {
        &self.place.merchant_id
    }

    pub fn location_id(&self) -> &str {
        &self.place.location_id
    }

    pub fn currency(&self) -> &str {
        &self.place.currency
    }

    /// The location's time zone by name.
    pub fn zone_name(&self) -> &str {
        &self.place.zone
    }

    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    pub fn first_day(&self) -> Date {
        self.first_day
    }

    /// The morning on which the practice upgrade begins: where a practice clock usually starts.
    pub fn until(&self) -> Timestamp {
        self.until
    }

    /// After this instant nothing happens any more.
    pub fn ends(&self) -> Timestamp {
        self.ends
    }

    /// Every movement, in the order in which Square showed them.
    pub fn movements(&self) -> &[Movement] {
        &self.movements
    }

    /// Ids of the special cases by label.
    pub fn specials(&self) -> &BTreeMap<String, String> {
        &self.specials
    }

    /// The truth as of the day of the upgrade.
    pub fn totals(&self) -> Totals {
        self.totals_at(self.until)
    }

    /// The truth as Square shows it at an instant.
    pub fn totals_at(&self, at: Timestamp) -> Totals {
        let mut totals = movement::add_up(&self.movements, at);
        for (name, records) in [
            ("payments", &self.payments),
            ("refunds", &self.refunds),
            ("orders", &self.orders),
            ("payouts", &self.payouts),
            ("disputes", &self.disputes),
        ] {
            let shown = records.iter().filter(|record| record.at(at).is_some()).count();
            totals.records.insert(name.to_owned(), shown as u64);
        }
        totals.specials = self.specials.clone();
        totals
    }

    /// All records in all their states as one text: what "the same seed, the same bytes" is measured on.
    pub fn written_out(&self) -> String {
        let entries = self.entries.values().flatten();
        let records = [&self.payments, &self.refunds, &self.orders, &self.disputes, &self.payouts]
            .into_iter()
            .flatten();
        let mut text = String::new();
        for record in records.chain(entries) {
            for state in record.states() {
                text.push_str(&calendar::written(state.from));
                text.push(' ');
                text.push_str(&state.text);
                text.push('\n');
            }
        }
        text
    }
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

fn place(name: &str, merchant_id: &str, zone_name: &str, seed: u64) -> Place {
    let mut chance = chance::Chance::new(seed).branch(merchant_id);
    Place {
        merchant_id: merchant_id.to_owned(),
        location_id: format!("L{}", chance.capitals(12)),
        name: name.to_owned(),
        currency: "USD".to_owned(),
        zone: zone_name.to_owned(),
        opened: instant(&zone(zone_name), jiff::civil::date(2021, 4, 12), time(9, 30, 0, 0)),
    }
}

/// Every instant at which what Square shows of a payment changes.
fn payment_moments(sale: &Sale) -> Vec<Timestamp> {
    let mut moments = vec![sale.shown];
    match sale.course {
        plan::Course::Canceled(at) | plan::Course::CapturedLater(at) => moments.push(at),
        plan::Course::Completed | plan::Course::Failed => {}
    }
    moments.extend(sale.fees.iter().map(|fee| fee.known));
    moments.extend(sale.refunds.iter().map(|refund| refund.completed));
    moments.sort();
    moments.dedup();
    moments
}

fn payment_record(place: &Place, sale: &Sale) -> Record {
    let mut record = Record::new(sale.id.clone(), sale.created, sale.order_id.clone());
    for moment in payment_moments(sale) {
        let (status, value) = shapes::payment(place, sale, moment);
        record.add_state(moment, status, &value);
    }
    record
}

fn order_record(place: &Place, sale: &Sale) -> Record {
    let mut record = Record::new(sale.order_id.clone(), sale.created, sale.id.clone());
    let mut moments = vec![sale.shown];
    match sale.course {
        plan::Course::Canceled(at) | plan::Course::CapturedLater(at) => moments.push(at),
        plan::Course::Completed | plan::Course::Failed => {}
    }
    for moment in moments {
        let (state, value) = shapes::order(place, sale, moment);
        record.add_state(moment, state, &value);
    }
    record
}

fn refund_record(place: &Place, sale: &Sale, refund: &plan::Refund) -> Record {
    let mut record = Record::new(refund.id.clone(), refund.created, sale.id.clone());
    for moment in [refund.shown(), refund.completed] {
        let (status, value) = shapes::refund(place, sale, refund, moment);
        record.add_state(moment, status, &value);
    }
    record
}

fn dispute_record(place: &Place, dispute: &Dispute) -> Record {
    let mut record = Record::new(dispute.id.clone(), dispute.opened, dispute.payment_id.clone());
    let decided = match dispute.decision {
        Decision::Won(at) | Decision::Lost(at) | Decision::Accepted(at) => Some(at),
        Decision::Open => None,
    };
    let moments = [Some(dispute.opened), dispute.processing, decided];
    for (number, moment) in moments.into_iter().flatten().enumerate() {
        let (state, value) = shapes::dispute(place, dispute, moment, number as i64 + 1);
        record.add_state(moment, state, &value);
    }
    record
}
