//! Errors of money, currencies, keys and entries.

use crate::errors::Exhibit;
use ledger::{Currency, Draft, EntryKey, Money, Part, Role, RoleLine, RoleMap};

pub const PROVOKE: &[fn() -> Exhibit] =
    &[unknown_currency, mixed_money, too_much_money, money_text, entry_key, unbalanced_entry, unbound_role];

fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::of("USD").expect("USD is known"))
}

fn unknown_currency() -> Exhibit {
    Exhibit::of(Currency::of("XBT").expect_err("XBT is no currency of ours"))
}

fn mixed_money() -> Exhibit {
    let yen = Money::new(1000, Currency::of("JPY").expect("JPY is known"));
    Exhibit::of(usd(1050).plus(yen).expect_err("two currencies"))
}

fn too_much_money() -> Exhibit {
    Exhibit::of(usd(i64::MAX).plus(usd(1)).expect_err("one too much"))
}

fn money_text() -> Exhibit {
    Exhibit::of(Money::parse("12.345", usd(0).currency).expect_err("three decimals"))
}

fn entry_key() -> Exhibit {
    Exhibit::of(EntryKey::new("square:payment: 1").expect_err("a space"))
}

fn sale(second: i64) -> Draft {
    let line = |role, minor| RoleLine { role, amount: usd(minor) };
    Draft {
        stream: "payments".into(),
        record: "p_1".into(),
        description: "Card payment p_1".into(),
        reference: String::new(),
        parts: vec![Part {
            key: EntryKey::new("square:payment:p_1").expect("a good key"),
            what: "Sale".into(),
            instant: "2026-01-05T12:00:00Z".parse().expect("an instant"),
            date: "2026-01-05".parse().expect("a date"),
            lines: vec![line(Role::Clearing, 11_800), line(Role::Sales, second)],
        }],
    }
}

fn unbalanced_entry() -> Exhibit {
    let mut roles = RoleMap::default();
    for role in [Role::Clearing, Role::Sales] {
        roles.bind(role, ledger::AccountId(role.name().into()));
    }
    Exhibit::of(sale(-18_100).entries(&roles, |_| false).expect_err("118.00 is not 181.00"))
}

fn unbound_role() -> Exhibit {
    Exhibit::of(sale(-11_800).entries(&RoleMap::default(), |_| false).expect_err("no account is chosen"))
}
