//! The bakery's chart of accounts, and the year of entries that its owner typed by hand.
//!
//! Nothing about Square: that is the connector's. Amounts are cents. A new habit of the owner is one loop in `year`.

use jiff::civil::{Date, Weekday};

use crate::world::calendar::{business_day, days_between, plus_days};
use crate::world::chance::Chance;

/// An account: its path from the root, GnuCash's type, the connector role it suggests itself for, its description.
pub struct TypedAccount {
    pub path: &'static str,
    pub kind: &'static str,
    pub placeholder: bool,
    pub role: Option<&'static str>,
    pub description: &'static str,
}

const fn account(path: &'static str, kind: &'static str, role: Option<&'static str>, description: &'static str) -> TypedAccount {
    TypedAccount {
        path,
        kind,
        placeholder: false,
        role,
        description,
    }
}

const fn heading(path: &'static str, kind: &'static str) -> TypedAccount {
    TypedAccount {
        path,
        kind,
        placeholder: true,
        role: None,
        description: "",
    }
}

/// Parents come before their children.
pub const ACCOUNTS: &[TypedAccount] = &[
    heading("Assets", "ASSET"),
    heading("Assets:Bank", "ASSET"),
    account("Assets:Bank:Checking", "BANK", Some("bank"), "Harbour Savings Bank 4471"),
    account("Assets:Bank:Savings", "BANK", None, "For taxes and the new oven"),
    account("Assets:Cash drawer", "CASH", Some("cash"), ""),
    heading("Assets:Clearing", "ASSET"),
    account("Assets:Clearing:Square", "ASSET", Some("clearing"), "What Square holds for us"),
    account("Assets:Payouts in transit", "ASSET", Some("transit"), ""),
    account("Assets:Funds held in disputes", "ASSET", Some("held"), ""),
    account(
        "Assets:Accounts receivable",
        "RECEIVABLE",
        Some("receivable"),
        "Restaurants that pay monthly",
    ),
    account("Assets:Oven and mixers", "ASSET", None, ""),
    heading("Liabilities", "LIABILITY"),
    account("Liabilities:Sales tax payable", "LIABILITY", Some("tax"), ""),
    account("Liabilities:Tips payable", "LIABILITY", Some("tips"), ""),
    account("Liabilities:Gift cards", "LIABILITY", Some("gift_cards"), ""),
    account("Liabilities:Oven loan", "LIABILITY", None, ""),
    heading("Income", "INCOME"),
    account("Income:Sales", "INCOME", Some("sales"), ""),
    account("Income:Refunds", "INCOME", Some("refunds"), ""),
    account("Income:Restaurants", "INCOME", None, "Bread delivered to restaurants"),
    account("Income:Interest", "INCOME", None, ""),
    heading("Expenses", "EXPENSE"),
    account("Expenses:Rent", "EXPENSE", None, ""),
    account("Expenses:Wages", "EXPENSE", None, ""),
    account("Expenses:Flour and dairy", "EXPENSE", None, ""),
    account("Expenses:Packaging", "EXPENSE", None, ""),
    account("Expenses:Electricity and gas", "EXPENSE", None, ""),
    account("Expenses:Insurance", "EXPENSE", None, ""),
    account("Expenses:Repairs", "EXPENSE", None, ""),
    account("Expenses:Loan interest", "EXPENSE", None, ""),
    account("Expenses:Processing fees", "EXPENSE", Some("fees"), ""),
    account("Expenses:Dispute losses", "EXPENSE", Some("losses"), ""),
    account("Expenses:Rounding", "EXPENSE", Some("rounding"), ""),
    heading("Equity", "EQUITY"),
    account("Equity:Opening balances", "EQUITY", None, ""),
    account("Equity:Suspense", "EQUITY", Some("suspense"), "To be clarified"),
    account("Equity:Owner", "EQUITY", None, ""),
];

pub struct TypedLine {
    pub account: &'static str,
    pub cents: i64,
    pub memo: &'static str,
    /// `n`, `c` (cleared) or `y` (reconciled with the bank's statement).
    pub state: &'static str,
}

pub struct TypedEntry {
    pub day: Date,
    pub number: String,
    pub description: String,
    pub notes: Option<&'static str>,
    pub lines: Vec<TypedLine>,
}

const CHECKING: &str = "Assets:Bank:Checking";

fn entry(day: Date, number: String, description: &str, notes: Option<&'static str>, lines: &[(&'static str, i64)]) -> TypedEntry {
    let lines = lines
        .iter()
        .map(|(account, cents)| TypedLine {
            account,
            cents: *cents,
            memo: "",
            state: "n",
        })
        .collect();
    TypedEntry {
        day,
        number,
        description: description.to_owned(),
        notes,
        lines,
    }
}

/// Money out of the checking account.
fn paid(day: Date, number: String, description: &str, notes: Option<&'static str>, account: &'static str, cents: i64) -> TypedEntry {
    entry(day, number, description, notes, &[(account, cents), (CHECKING, -cents)])
}

fn next_business_day(mut day: Date) -> Date {
    while !business_day(day) {
        day = plus_days(day, 1);
    }
    day
}

/// Everything the owner typed from the first day up to (not including) the last.
pub fn year(chance: &mut Chance, first: Date, last: Date) -> Vec<TypedEntry> {
    let mut entries = opening(first);
    let mut cheque = 1_041;
    for offset in 0..days_between(first, last).max(1) {
        let day = plus_days(first, offset);
        monthly(chance, day, &mut cheque, &mut entries);
        weekly(chance, day, offset, &mut entries);
    }
    entries.retain(|entry| entry.day < last || entry.day == first);
    entries.sort_by_key(|entry| entry.day);
    reconcile(&mut entries, last);
    entries
}

fn opening(first: Date) -> Vec<TypedEntry> {
    let opening = "Equity:Opening balances";
    let rows: &[(&str, &[(&'static str, i64)])] = &[
        ("Opening balance, checking", &[(CHECKING, 4_826_340), (opening, -4_826_340)]),
        (
            "Opening balance, savings",
            &[("Assets:Bank:Savings", 1_500_000), (opening, -1_500_000)],
        ),
        ("Opening balance, drawer", &[("Assets:Cash drawer", 30_000), (opening, -30_000)]),
        (
            "Opening balance, oven and mixers",
            &[("Assets:Oven and mixers", 2_900_000), (opening, -2_900_000)],
        ),
        (
            "Opening balance, oven loan",
            &[("Liabilities:Oven loan", -1_800_000), (opening, 1_800_000)],
        ),
        (
            "Opening balance, restaurants",
            &[("Assets:Accounts receivable", 298_400), (opening, -298_400)],
        ),
    ];
    rows.iter()
        .map(|(words, lines)| entry(first, String::new(), words, None, lines))
        .collect()
}

fn monthly(chance: &mut Chance, day: Date, cheque: &mut u32, entries: &mut Vec<TypedEntry>) {
    let mut number = || {
        *cheque += 1;
        cheque.to_string()
    };
    match day.day() {
        1 => {
            let when = next_business_day(day);
            entries.push(paid(when, number(), "Rent, 14 Harbour Street", None, "Expenses:Rent", 145_000));
        }
        5 => {
            let interest = 6_750 + chance.between(-150, 150);
            let lines = [
                ("Liabilities:Oven loan", 50_000 - interest),
                ("Expenses:Loan interest", interest),
                (CHECKING, -50_000),
            ];
            entries.push(entry(next_business_day(day), String::new(), "Oven loan, instalment", None, &lines));
        }
        9 => {
            let cents = chance.between(41_000, 68_000);
            entries.push(paid(
                next_business_day(day),
                String::new(),
                "Con Edison",
                None,
                "Expenses:Electricity and gas",
                cents,
            ));
        }
        12 => {
            let cents = 21_480;
            entries.push(paid(
                next_business_day(day),
                String::new(),
                "Atlantic Mutual Insurance",
                None,
                "Expenses:Insurance",
                cents,
            ));
        }
        18 => {
            let cents = chance.between(9_000, 26_000);
            let notes = chance.per_cent(50).then_some("Boxes and bags, delivered in two parts");
            entries.push(paid(
                next_business_day(day),
                number(),
                "Brooklyn Paper & Box",
                notes,
                "Expenses:Packaging",
                cents,
            ));
        }
        24 => {
            let bread = chance.between(240_000, 340_000);
            let lines = [("Assets:Accounts receivable", bread), ("Income:Restaurants", -bread)];
            entries.push(entry(
                day,
                String::new(),
                "Bread for Café Perlmutter",
                Some("Monthly bill; due in 20 days"),
                &lines,
            ));
            let settled = next_business_day(plus_days(day, 20));
            let lines = [(CHECKING, bread), ("Assets:Accounts receivable", -bread)];
            entries.push(entry(settled, String::new(), "Café Perlmutter pays", None, &lines));
        }
        28 => {
            let cents = chance.between(900, 1_700);
            entries.push(entry(
                day,
                String::new(),
                "Interest",
                None,
                &[("Assets:Bank:Savings", cents), ("Income:Interest", -cents)],
            ));
        }
        _ => {}
    }
    if day.day() == 20 && day.month() % 3 == 0 {
        let cents = chance.between(18_000, 74_000);
        let notes = Some("Two visits; the second was free of charge");
        entries.push(paid(
            next_business_day(day),
            number(),
            "Oven repair, D. Okafor",
            notes,
            "Expenses:Repairs",
            cents,
        ));
    }
}

fn weekly(chance: &mut Chance, day: Date, offset: i64, entries: &mut Vec<TypedEntry>) {
    match day.weekday() {
        Weekday::Tuesday => {
            let cents = chance.between(16_000, 29_000);
            let description = *chance.pick(&["Hudson Valley Mills", "Hudson Valley Mills", "Ronnybrook Farm Dairy"]);
            let notes = chance.per_cent(12).then_some("One sack was torn; credit to follow");
            entries.push(paid(day, String::new(), description, notes, "Expenses:Flour and dairy", cents));
        }
        Weekday::Friday if offset / 7 % 2 == 0 => {
            let cents = chance.between(91_000, 104_000);
            entries.push(paid(day, String::new(), "Wages, two weeks", None, "Expenses:Wages", cents));
        }
        Weekday::Thursday => {
            let cents = chance.between(120, 560);
            let lines = [("Expenses:Flour and dairy", cents), ("Assets:Cash drawer", -cents)];
            entries.push(entry(day, String::new(), "Eggs and herbs, Greenmarket", None, &lines));
        }
        Weekday::Monday | Weekday::Wednesday | Weekday::Friday | Weekday::Saturday | Weekday::Sunday => {}
    }
}

/// The owner goes through the bank's statement every month: older lines are reconciled, the last month's only ticked off.
fn reconcile(entries: &mut [TypedEntry], last: Date) {
    let (reconciled, cleared) = (plus_days(last, -75), plus_days(last, -30));
    for entry in entries {
        for line in entry.lines.iter_mut().filter(|line| line.account == CHECKING) {
            if entry.day < reconciled {
                line.state = "y";
            } else if entry.day < cleared {
                line.state = "c";
            }
            if !entry.number.is_empty() {
                line.memo = "Cheque";
            }
        }
    }
}
