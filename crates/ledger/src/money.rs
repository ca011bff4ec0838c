//! Money as integer minor units with a currency.
//!
//! Never a float, never a bare integer in a signature. The number of digits is our own table with
//! ISO 4217 values; an unknown currency is refused, never guessed.

use crate::problem::{Code, Problem};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

pub const E_CURRENCY_UNKNOWN: Code = Code("E-CURRENCY-UNKNOWN");
pub const E_MONEY_MIXED: Code = Code("E-MONEY-MIXED");
pub const E_MONEY_OVERFLOW: Code = Code("E-MONEY-OVERFLOW");
pub const E_MONEY_TEXT: Code = Code("E-MONEY-TEXT");
pub const CODES: &[Code] = &[E_CURRENCY_UNKNOWN, E_MONEY_MIXED, E_MONEY_OVERFLOW, E_MONEY_TEXT];

/// Currencies Changeover knows, with the number of decimals of their minor unit (ISO 4217).
const TABLE: &[(&str, u8)] = &[
    ("AED", 2), ("ARS", 2), ("AUD", 2), ("BGN", 2), ("BHD", 3), ("BRL", 2), ("CAD", 2), ("CHF", 2), ("CLP", 0),
    ("CNY", 2), ("COP", 2), ("CZK", 2), ("DKK", 2), ("EGP", 2), ("EUR", 2), ("GBP", 2), ("HKD", 2), ("HUF", 2),
    ("IDR", 2), ("ILS", 2), ("INR", 2), ("ISK", 0), ("JOD", 3), ("JPY", 0), ("KES", 2), ("KRW", 0), ("KWD", 3),
    ("MAD", 2), ("MXN", 2), ("MYR", 2), ("NGN", 2), ("NOK", 2), ("NZD", 2), ("OMR", 3), ("PEN", 2), ("PHP", 2),
    ("PLN", 2), ("RON", 2), ("RSD", 2), ("SAR", 2), ("SEK", 2), ("SGD", 2), ("THB", 2), ("TND", 3), ("TRY", 2),
    ("TWD", 2), ("UAH", 2), ("UGX", 0), ("USD", 2), ("VND", 0), ("ZAR", 2),
];

/// A currency by its ISO 4217 code. Two values are equal when their codes are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency {
    code: [u8; 3],
    digits: u8,
}

impl Currency {
    /// Looks the code up in our table. Errors: `E-CURRENCY-UNKNOWN`.
    pub fn of(code: &str) -> Result<Currency, Problem> {
        TABLE
            .iter()
            .find(|(known, _)| *known == code)
            .map(|(known, digits)| {
                let bytes = known.as_bytes();
                Currency { code: [bytes[0], bytes[1], bytes[2]], digits: *digits }
            })
            .ok_or_else(|| {
                Problem::new(
                    E_CURRENCY_UNKNOWN,
                    format!("The currency \"{code}\" is not known to Changeover."),
                    "Without its number of decimals an amount could be wrong by a factor of a hundred.",
                    "Check the currency's three-letter code; if it is right, ask for it to be added.",
                )
            })
    }

    pub fn code(&self) -> &str {
        // The table holds ASCII only.
        std::str::from_utf8(&self.code).unwrap_or("???")
    }

    /// Decimals of the minor unit: 2 for USD, 0 for JPY, 3 for KWD.
    pub fn digits(&self) -> u8 {
        self.digits
    }

    /// Minor units in one major unit: 100 for USD, 1 for JPY.
    pub fn minor_per_major(&self) -> i64 {
        10_i64.pow(u32::from(self.digits))
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let code = String::deserialize(d)?;
        Currency::of(&code).map_err(|p| serde::de::Error::custom(p.what))
    }
}

/// An amount in minor units. Positive = debit, negative = credit wherever it stands in an entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    pub minor: i64,
    pub currency: Currency,
}

impl Money {
    pub fn new(minor: i64, currency: Currency) -> Money {
        Money { minor, currency }
    }

    pub fn zero(currency: Currency) -> Money {
        Money { minor: 0, currency }
    }

    pub fn is_zero(&self) -> bool {
        self.minor == 0
    }

    /// Errors: `E-MONEY-MIXED` for two currencies, `E-MONEY-OVERFLOW`.
    pub fn plus(self, other: Money) -> Result<Money, Problem> {
        if self.currency != other.currency {
            return Err(Problem::new(
                E_MONEY_MIXED,
                format!("{self} and {other} cannot be added."),
                "They are in different currencies, and Changeover never converts by itself.",
                "Check which account or record uses the second currency.",
            ));
        }
        self.minor.checked_add(other.minor).map(|minor| Money { minor, ..self }).ok_or_else(|| overflow(self, other))
    }

    /// Errors: as [`Money::plus`].
    pub fn minus(self, other: Money) -> Result<Money, Problem> {
        self.plus(other.negated()?)
    }

    /// Errors: `E-MONEY-OVERFLOW` for the smallest integer only.
    pub fn negated(self) -> Result<Money, Problem> {
        self.minor.checked_neg().map(|minor| Money { minor, ..self }).ok_or_else(|| overflow(self, self))
    }

    /// Adds up amounts of one currency. Errors: as [`Money::plus`].
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Money>) -> Result<Money, Problem> {
        amounts.into_iter().try_fold(Money::zero(currency), Money::plus)
    }

    /// "-1204.10": decimal point, no grouping, no currency. For files and machines.
    pub fn plain(&self) -> String {
        let digits = usize::from(self.currency.digits());
        let sign = if self.minor < 0 { "-" } else { "" };
        let text = format!("{:0width$}", self.minor.unsigned_abs(), width = digits + 1);
        if digits == 0 {
            return format!("{sign}{text}");
        }
        let (major, minor) = text.split_at(text.len() - digits);
        format!("{sign}{major}.{minor}")
    }

    /// Reads "1204.10" or "-3" exactly; more decimals than the currency has are refused.
    /// Errors: `E-MONEY-TEXT`, `E-MONEY-OVERFLOW`.
    pub fn parse(text: &str, currency: Currency) -> Result<Money, Problem> {
        let bad = || {
            Problem::new(
                E_MONEY_TEXT,
                format!("\"{text}\" is not an amount in {currency}."),
                format!("{currency} has {} decimals, and only digits, one point and a leading minus are read.", currency.digits()),
                "Correct the amount.",
            )
        };
        let digits = usize::from(currency.digits());
        let (sign, rest) = match text.strip_prefix('-') {
            Some(rest) => (-1_i64, rest),
            None => (1, text),
        };
        let (major, minor) = rest.split_once('.').unwrap_or((rest, ""));
        let only_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if major.is_empty() || !only_digits(major) || !only_digits(minor) || minor.len() > digits {
            return Err(bad());
        }
        let padded = format!("{major}{minor:0<digits$}");
        i64::from_str(&padded).map(|value| Money { minor: sign * value, currency }).map_err(|_| bad())
    }
}

fn overflow(left: Money, right: Money) -> Problem {
    Problem::new(
        E_MONEY_OVERFLOW,
        format!("{left} and {right} are too large to add."),
        "The sum does not fit the largest amount that can be held exactly.",
        "Check the source of these amounts; they are not those of a real payment.",
    )
}

impl fmt::Display for Money {
    /// "-1,204.10 USD", for error texts and logs in English; the window formats by locale itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.plain();
        let (sign, rest) = match plain.strip_prefix('-') {
            Some(rest) => ("-", rest),
            None => ("", plain.as_str()),
        };
        let (major, minor) = rest.split_once('.').unwrap_or((rest, ""));
        let mut grouped = String::new();
        for (at, digit) in major.chars().enumerate() {
            if at > 0 && (major.len() - at) % 3 == 0 {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let point = if minor.is_empty() { "" } else { "." };
        write!(f, "{sign}{grouped}{point}{minor} {}", self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_and_writes_every_number_of_decimals() {
        for (text, code, minor, shown) in [
            ("1204.10", "USD", 120_410, "1,204.10 USD"),
            ("-0.05", "USD", -5, "-0.05 USD"),
            ("1000", "JPY", 1000, "1,000 JPY"),
            ("1.5", "KWD", 1500, "1.500 KWD"),
            ("0", "USD", 0, "0.00 USD"),
        ] {
            let money = Money::parse(text, Currency::of(code).unwrap()).unwrap();
            assert_eq!(money.minor, minor);
            assert_eq!(money.to_string(), shown);
            assert_eq!(Money::parse(&money.plain(), money.currency).unwrap(), money);
        }
    }

    #[test]
    fn money_that_cannot_be_exact_is_refused() {
        let usd = Currency::of("USD").unwrap();
        let jpy = Currency::of("JPY").unwrap();
        for (text, currency) in [("1.005", usd), ("1.0", jpy), ("", usd), (".5", usd), ("1e3", usd), ("+1", usd), ("99999999999999999999", usd)] {
            assert!(Money::parse(text, currency).is_err(), "{text}");
        }
        assert_eq!(Money::new(1, usd).plus(Money::new(1, jpy)).unwrap_err().code, E_MONEY_MIXED);
        assert_eq!(Money::new(i64::MAX, usd).plus(Money::new(1, usd)).unwrap_err().code, E_MONEY_OVERFLOW);
        assert_eq!(Currency::of("usd").unwrap_err().code, E_CURRENCY_UNKNOWN);
    }
}
