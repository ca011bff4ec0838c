//! Days, bank holidays and instants of the bakery's place.
//!
//! All local times go through the zone's own rules; nothing here may assume that a day has 24 hours.
//! A new holiday is one line in `closed`.

use jiff::civil::{Date, Time, Weekday, date, time};
use jiff::tz::{Disambiguation, TimeZone};
use jiff::{Timestamp, ToSpan};

/// A year begins here for the bakery.
pub const FIRST_DAY: Date = date(2025, 11, 1);
/// The morning on which the practice upgrade begins, 10:00 in New York.
pub const UPGRADE_DAY: Date = date(2026, 11, 2);
/// How long the activity goes on after the upgrade, so that the watch has something to watch.
pub const DAYS_AFTER: i64 = 62;

/// The instant of a local time; a time that does not exist moves forward, one that exists twice is the first.
pub fn instant(zone: &TimeZone, day: Date, at: Time) -> Timestamp {
    resolve(zone, day, at, Disambiguation::Compatible)
}

/// As [`instant`], the second of two when the clocks go back.
pub fn second_instant(zone: &TimeZone, day: Date, at: Time) -> Timestamp {
    resolve(zone, day, at, Disambiguation::Later)
}

fn resolve(zone: &TimeZone, day: Date, at: Time, which: Disambiguation) -> Timestamp {
    let local = day.to_datetime(at);
    zone.to_ambiguous_timestamp(local)
        .disambiguate(which)
        .expect("the practice years lie well inside the calendar")
}

pub fn midnight(zone: &TimeZone, day: Date) -> Timestamp {
    instant(zone, day, time(0, 0, 0, 0))
}

pub fn local_day(zone: &TimeZone, at: Timestamp) -> Date {
    at.to_zoned(zone.clone()).date()
}

pub fn plus_days(day: Date, days: i64) -> Date {
    day.checked_add(days.days())
        .expect("the practice years lie well inside the calendar")
}

pub fn days_between(from: Date, to: Date) -> i64 {
    (to - from).get_days().into()
}

pub fn plus_seconds(at: Timestamp, seconds: i64) -> Timestamp {
    plus_millis(at, seconds * 1000)
}

pub fn plus_millis(at: Timestamp, millis: i64) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond() + millis).expect("the practice years lie well inside the calendar")
}

/// Days on which the shop is shut and the banks are too.
pub fn closed(day: Date) -> bool {
    let thanksgiving = day.month() == 11 && day.weekday() == Weekday::Thursday && (22..=28).contains(&day.day());
    let fixed = matches!((day.month(), day.day()), (1, 1) | (12, 25) | (7, 4));
    thanksgiving || fixed
}

pub fn business_day(day: Date) -> bool {
    !closed(day) && !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// How busy a day is, in payments a day: weekends are busier, holidays shut.
pub fn usual_payments(day: Date) -> u32 {
    if closed(day) {
        return 0;
    }
    match day.weekday() {
        Weekday::Monday => 5,
        Weekday::Tuesday => 6,
        Weekday::Wednesday => 7,
        Weekday::Thursday => 7,
        Weekday::Friday => 9,
        Weekday::Saturday => 13,
        Weekday::Sunday => 11,
    }
}

/// `2026-03-08T06:59:00.000Z`, as payments, refunds, orders and disputes write it.
pub fn written(at: Timestamp) -> String {
    let civil = TimeZone::UTC.to_datetime(at);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        civil.year(),
        civil.month(),
        civil.day(),
        civil.hour(),
        civil.minute(),
        civil.second(),
        civil.millisecond()
    )
}

/// `2026-03-08T06:59:00Z`, as payouts and their entries write it.
pub fn written_to_seconds(at: Timestamp) -> String {
    let mut text = written(at);
    text.truncate(19);
    text.push('Z');
    text
}
