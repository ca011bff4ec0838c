//! Activity that leads to exactly these deposits: for books in which a person once typed the deposits by hand.
//!
//! The deposits are given, the payments are made to fit them to the cent. Only deposits above zero can come about.
//! A new thing that customers do is dealt in `build`, not here.

use jiff::civil::{Date, time};

use super::build::Builder;
use super::calendar::{instant, midnight, plus_days, plus_seconds};
use super::menu::{custom_basket, half_up, processing_fee, total_for_net, usual_basket};
use super::payouts::{Settlement, usual_confirmation};
use super::plan::{Sale, Tender};

/// The most payments behind one deposit, and about how much one brings in when there are fewer.
const PAYMENTS_PER_DEPOSIT: i64 = 60;
const USUAL_NET_CENTS: i64 = 2_000;
/// The longest time that one deposit gathers payments.
const GATHERING_DAYS: i64 = 7;

/// Deals the payments and returns when they are paid out. `deposits` is sorted by date.
pub fn deal(builder: &mut Builder, deposits: &[(Date, i64)]) -> Vec<Settlement> {
    let mut settlements = Vec::new();
    let mut before: Option<Date> = None;
    let mut index = 0;
    while index < deposits.len() {
        let day = deposits[index].0;
        let same_day: Vec<i64> = deposits[index..]
            .iter()
            .take_while(|deposit| deposit.0 == day)
            .map(|deposit| deposit.1)
            .collect();
        index += same_day.len();
        let earliest = plus_days(day, -GATHERING_DAYS);
        let start = midnight(&builder.zone, before.map_or(earliest, |before| before.max(earliest)));
        let end = midnight(&builder.zone, day);
        before = Some(day);
        // Several deposits on one day share the time before it.
        let slice = (end.as_second() - start.as_second()) / same_day.len() as i64;
        for (part, cents) in same_day.iter().enumerate() {
            let part = part as i64;
            let opens = plus_seconds(start, slice * part);
            let closes = plus_seconds(start, slice * (part + 1));
            payments_for(builder, *cents, opens, slice);
            let created = plus_seconds(instant(&builder.zone, day, time(6, 7, 9, 0)), part * 60);
            settlements.push(Settlement {
                closes,
                created,
                arrival: day,
                confirmed: usual_confirmation(created),
                instant: false,
                returned: false,
                label: None,
            });
        }
    }
    settlements
}

/// Payments from `opens`, within `seconds`, whose net after fees is `cents`.
fn payments_for(builder: &mut Builder, cents: i64, opens: jiff::Timestamp, seconds: i64) {
    let wanted = (cents / USUAL_NET_CENTS).clamp(1, PAYMENTS_PER_DEPOSIT);
    let each = cents / wanted;
    let mut left = cents;
    let mut sales: Vec<Sale> = Vec::new();
    // Half an hour is kept free at the end, so that no payment is shown only after the close.
    let room = (seconds - 1_800).max(wanted);
    for number in 0..wanted {
        let at = plus_seconds(opens, 60 + room * number / wanted);
        let last = number + 1 == wanted;
        let basket = if last { None } else { basket_of_about(builder, each) };
        let sale = match basket.filter(|basket| basket.total() - processing_fee(basket.total()) < left - USUAL_NET_CENTS / 2) {
            Some(basket) => {
                let tip = if builder.chance.per_cent(30) {
                    half_up(basket.total() * 10, 100)
                } else {
                    0
                };
                let net = basket.total() + tip - processing_fee(basket.total() + tip);
                let tip = if net < left - USUAL_NET_CENTS / 2 { tip } else { 0 };
                let face = builder.card();
                builder.sale(at, Tender::Card(face), basket, tip)
            }
            None => {
                let basket = custom_basket(&mut builder.chance, total_for_net(left));
                let face = builder.card();
                builder.sale(at, Tender::Card(face), basket, 0)
            }
        };
        left -= sale.total() - sale.initial_fee();
        sales.push(sale);
        if left == 0 {
            break;
        }
    }
    for sale in sales {
        builder.add(sale);
    }
}

/// Usual articles up to about this much; a large order takes more of each.
fn basket_of_about(builder: &mut Builder, cents: i64) -> Option<super::menu::Basket> {
    let mut basket = usual_basket(&mut builder.chance);
    let times = cents / basket.total().max(1);
    if times > 1 {
        let more = super::menu::times(&basket, times);
        basket = more;
    }
    (basket.total() > 0).then_some(basket)
}
