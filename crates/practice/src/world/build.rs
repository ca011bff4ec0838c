//! Deals the bakery's days: who buys what, when, with which card, and what usually happens after.
//!
//! Only the usual course of business; unusual turns are in `specials`. It must stay repeatable: every draw comes from
//! the builder's own chance. A new habit of the customers is one more draw here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, time};
use jiff::tz::TimeZone;

use super::calendar::{self, instant, plus_days, plus_millis, plus_seconds, usual_payments};
use super::chance::Chance;
use super::menu::{self, Basket, half_up, processing_fee};
use super::plan::{CardFace, Course, Dispute, Fee, FeeKind, Refund, Returned, Sale, Tender};
use super::shapes::Place;

pub struct Builder {
    pub chance: Chance,
    pub zone: TimeZone,
    pub place: Place,
    pub sales: Vec<Sale>,
    pub disputes: Vec<Dispute>,
    pub specials: BTreeMap<String, String>,
    cards: Vec<CardFace>,
    team: Vec<String>,
}

/// How often the customers of an average day come back as refunds, of a thousand.
const REFUNDS_PER_THOUSAND: u64 = 14;
/// People who hold the cards that come by.
const CARD_HOLDERS: usize = 420;

impl Builder {
    pub fn new(seed: u64, place: Place, zone: TimeZone) -> Builder {
        let root = Chance::new(seed);
        let mut cards = root.branch("cards");
        let mut team = root.branch("team");
        Builder {
            chance: root.branch("days"),
            zone,
            place,
            sales: Vec::new(),
            disputes: Vec::new(),
            specials: BTreeMap::new(),
            cards: (0..CARD_HOLDERS).map(|_| card_face(&mut cards)).collect(),
            team: (0..5).map(|_| format!("TM{}", team.letters(14))).collect(),
        }
    }

    pub fn card(&mut self) -> CardFace {
        self.chance.pick(&self.cards).clone()
    }

    pub fn gift_card(&mut self) -> CardFace {
        let mut face = card_face(&mut self.chance);
        face.brand = "SQUARE_GIFT_CARD";
        face.bin = "778332".into();
        face.kind = "UNKNOWN_CARD_TYPE";
        face
    }

    /// A sale as it usually goes: completed, its fee known at once. Adjust the returned plan, then `add` it.
    pub fn sale(&mut self, created: Timestamp, tender: Tender, basket: Basket, tip: i64) -> Sale {
        let seconds = match tender {
            Tender::Card(_) | Tender::GiftCard(_) => self.chance.between(2, 5),
            Tender::Cash { .. } => 1,
        };
        // Whole seconds would be a tell: real creation times carry milliseconds.
        let created = plus_millis(created, self.chance.between(0, 999));
        let shown = plus_millis(plus_seconds(created, seconds), self.chance.between(0, 700));
        let mut sale = Sale {
            id: format!("{}ZY", self.chance.letters(27)),
            order_id: format!("{}ZY", self.chance.letters(25)),
            created,
            shown,
            tender,
            course: Course::Completed,
            basket,
            tip,
            fees: Vec::new(),
            refunds: Vec::new(),
            online: false,
            team_member: self.chance.pick(&self.team).clone(),
            note: None,
            salt: self.chance.draw(),
        };
        if let Tender::Card(_) = sale.tender {
            let effective = plus_seconds(whole_second(shown), 7200);
            sale.fees.push(Fee {
                kind: FeeKind::Initial,
                cents: processing_fee(sale.total()),
                effective,
                known: shown,
            });
        }
        sale
    }

    /// Keeps a sale and returns its place in `sales`.
    pub fn add(&mut self, sale: Sale) -> usize {
        self.sales.push(sale);
        self.sales.len() - 1
    }

    pub fn label(&mut self, label: &str, id: &str) {
        self.specials.insert(label.to_owned(), id.to_owned());
    }

    /// A card sale with a labelled id, at a certain local time.
    pub fn special_sale(&mut self, label: &str, at: Timestamp, basket: Basket, tip: i64) -> usize {
        let face = self.card();
        let sale = self.sale(at, Tender::Card(face), basket, tip);
        self.label(label, &sale.id);
        self.add(sale)
    }

    /// Gives money back. `fee_share` is how much of the fee comes back, in per cent of what the refund's share would be.
    pub fn refund(&mut self, sale: usize, created: Timestamp, returned: Returned, cents: Option<i64>, fee_back: bool) -> String {
        let created = plus_millis(created, self.chance.between(0, 999));
        let opaque = self.chance.letters(43);
        let order_id = format!("{}ZY", self.chance.letters(25));
        let plan = &mut self.sales[sale];
        let cents = match (&returned, cents) {
            (Returned::Whole, _) => plan.total(),
            (Returned::Line(index), _) => plan.basket.lines[*index].total(),
            (Returned::Amount, cents) => cents.unwrap_or(500),
        };
        let fee_back = if fee_back {
            half_up(plan.initial_fee() * cents, plan.total())
        } else {
            0
        };
        // The till knows what came back except when only an amount was typed; half of those have no return order at all.
        let has_order = !matches!(returned, Returned::Amount) || plan.salt.is_multiple_of(2);
        let reason = match returned {
            Returned::Whole => "Order cancelled",
            Returned::Line(_) => "Returned goods",
            Returned::Amount => "Apology",
        };
        let refund = Refund {
            id: format!("{}_{}", plan.id, opaque),
            order_id: has_order.then_some(order_id),
            created,
            completed: plus_millis(created, 58_155),
            cents,
            fee_back,
            returned,
            reason,
        };
        let id = refund.id.clone();
        plan.refunds.push(refund);
        id
    }

    /// The usual customers from the first day to the last (both included), about `share` of 1000 of a bakery's usual number.
    pub fn usual_days(&mut self, first: Date, last: Date, share: impl Fn(Date) -> u32) {
        let mut day = first;
        // Shares below one customer a day add up over the days instead of vanishing.
        let mut owed = 0u64;
        while day <= last {
            let usual = u64::from(usual_payments(day));
            let spread = self.chance.between(70, 130) as u64;
            owed += usual * spread * u64::from(share(day)) / 100;
            let customers = owed / 1000;
            owed %= 1000;
            let mut minutes: Vec<i64> = (0..customers).map(|_| self.opening_minute()).collect();
            minutes.sort_unstable();
            for minute in minutes {
                let at = instant(&self.zone, day, time((7 + minute / 60) as i8, (minute % 60) as i8, 0, 0));
                let at = plus_seconds(at, self.chance.between(0, 59));
                self.usual_customer(at);
            }
            day = plus_days(day, 1);
        }
    }

    /// Minutes after seven: the morning and the noon rush, and an afternoon that thins out.
    fn opening_minute(&mut self) -> i64 {
        match self.chance.weighted(&[45, 30, 25]) {
            0 => self.chance.between(0, 180),
            1 => self.chance.between(270, 400),
            _ => self.chance.between(180, 659),
        }
    }

    pub fn usual_customer(&mut self, at: Timestamp) -> usize {
        let basket = menu::usual_basket(&mut self.chance);
        match self.chance.weighted(&[820, 120, 16, 18, 14, 12]) {
            1 => self.cash_customer(at, basket),
            2 => {
                let face = self.gift_card();
                let tip = if self.chance.per_cent(25) {
                    half_up(basket.total() * 15, 100)
                } else {
                    0
                };
                let sale = self.sale(at, Tender::GiftCard(face), basket, tip);
                self.add(sale)
            }
            3 => {
                let cents = *self.chance.pick(&[2500, 5000, 7500]);
                let with_loaf = self.chance.per_cent(30);
                let basket = menu::gift_card_basket(&mut self.chance, cents, with_loaf);
                self.card_customer(at, basket, 0)
            }
            4 => {
                let index = self.card_customer(at, basket, 0);
                self.fail(index);
                index
            }
            5 => {
                let index = self.card_customer(at, basket, 0);
                let after = self.chance.between(300, 3000);
                let sale = &mut self.sales[index];
                sale.course = Course::Canceled(plus_seconds(sale.shown, after));
                sale.fees.clear();
                sale.online = true;
                index
            }
            _ => {
                let tip = match self.chance.weighted(&[60, 12, 14, 14]) {
                    0 => 0,
                    1 => half_up(basket.total() * 10, 100),
                    2 => half_up(basket.total() * 15, 100),
                    _ => half_up(basket.total() * 20, 100),
                };
                let index = self.card_customer(at, basket, tip);
                self.perhaps_refund(index);
                index
            }
        }
    }

    pub fn card_customer(&mut self, at: Timestamp, basket: Basket, tip: i64) -> usize {
        let face = self.card();
        let mut sale = self.sale(at, Tender::Card(face), basket, tip);
        sale.online = self.chance.per_cent(9);
        self.add(sale)
    }

    pub fn fail(&mut self, index: usize) {
        let sale = &mut self.sales[index];
        sale.course = Course::Failed;
        sale.fees.clear();
    }

    pub fn cash_customer(&mut self, at: Timestamp, basket: Basket) -> usize {
        let total = basket.total();
        let note = *self.chance.pick(&[500, 1000, 2000]);
        let handed_over = if self.chance.per_cent(30) {
            total
        } else {
            (total + note - 1) / note * note
        };
        let sale = self.sale(at, Tender::Cash { handed_over }, basket, 0);
        self.add(sale)
    }

    fn perhaps_refund(&mut self, index: usize) {
        if self.chance.draw() % 1000 >= REFUNDS_PER_THOUSAND {
            return;
        }
        let sold = self.sales[index].created;
        let after = match self.chance.weighted(&[55, 35, 10]) {
            0 => self.chance.between(180, 5400),
            1 => 86_400 * self.chance.between(1, 6) + self.chance.between(0, 7200),
            _ => 86_400 * self.chance.between(31, 48) + self.chance.between(0, 7200),
        };
        let lines = self.sales[index].basket.lines.len();
        let returned = match self.chance.weighted(&[30, 50, 20]) {
            0 => Returned::Whole,
            1 => Returned::Line((self.chance.draw() % lines as u64) as usize),
            _ => Returned::Amount,
        };
        let half = self.sales[index].amount() / 2;
        let fee_back = self.chance.per_cent(60);
        self.refund(index, plus_seconds(sold, after), returned, Some(half.max(1)), fee_back);
    }

    /// Local midnight of a day.
    pub fn midnight(&self, day: Date) -> Timestamp {
        calendar::midnight(&self.zone, day)
    }

    pub fn local(&self, day: Date, hour: i8, minute: i8) -> Timestamp {
        instant(&self.zone, day, time(hour, minute, 0, 0))
    }
}

pub fn whole_second(at: Timestamp) -> Timestamp {
    plus_millis(at, -at.as_millisecond().rem_euclid(1000))
}

fn card_face(chance: &mut Chance) -> CardFace {
    let (brand, bin) = *chance.pick(&[
        ("VISA", "411111"),
        ("VISA", "448590"),
        ("MASTERCARD", "545454"),
        ("AMERICAN_EXPRESS", "370000"),
        ("DISCOVER", "601100"),
    ]);
    CardFace {
        brand,
        kind: chance.word(&["CREDIT", "DEBIT"]),
        bin: bin.into(),
        last_4: format!("{:04}", chance.between(0, 9999)),
        exp_month: chance.between(1, 12),
        exp_year: chance.between(2027, 2031),
        fingerprint: format!("sq-1-{}", chance.letters(66)),
    }
}
