//! Tests of the comparisons: whatever single thing is wrong is found; what was announced comes to 0.00.

mod money;
mod payouts;
mod shadow;

use ledger::{AccountId, Currency, Money};

pub fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::of("USD").unwrap())
}

pub fn account(name: &str) -> AccountId {
    AccountId(name.into())
}

pub fn day(number: i32) -> jiff::civil::Date {
    format!("2026-11-{number:02}").parse().unwrap()
}
