//! Payouts: tie-out and deposits typed by hand.

use super::*;
use crate::{ClearingPosting, Match, Matched, Settlement, TieFinding, TypedDeposit, match_typed, tie_out};
use proptest::prelude::*;

fn settlement(id: &str, date: i32, minor: i64) -> Settlement {
    Settlement {
        id: id.into(),
        date: day(date),
        amount: usd(minor),
        fee: usd(0),
        returned: false,
        composed_of: Some(usd(minor)),
    }
}

fn posting(id: &str, minor: i64) -> ClearingPosting {
    ClearingPosting {
        settlement: id.into(),
        date: day(3),
        amount: usd(minor),
    }
}

fn finding(settlement: Settlement, postings: &[ClearingPosting]) -> TieFinding {
    let result = tie_out(&[settlement], postings, usd(0).currency).unwrap();
    assert_eq!(result.rows.len(), 1);
    assert_eq!(result.agrees(), result.rows[0].finding == TieFinding::Agrees);
    result.rows[0].finding
}

#[test]
fn every_payout_agrees_or_says_how_it_does_not() {
    let plain = || settlement("po", 3, 5_000);
    let with_fee = || Settlement {
        fee: usd(25),
        composed_of: Some(usd(5_025)),
        ..plain()
    };
    let returned = || Settlement {
        returned: true,
        ..with_fee()
    };
    for (settlement, postings, expected) in [
        (plain(), vec![posting("po", -5_000)], TieFinding::Agrees),
        (plain(), vec![], TieFinding::Missing),
        (plain(), vec![posting("po", -5_000), posting("po", -5_000)], TieFinding::Doubled),
        (plain(), vec![posting("po", -4_999)], TieFinding::Differs),
        (with_fee(), vec![posting("po", -5_000), posting("po", -25)], TieFinding::Agrees),
        (with_fee(), vec![posting("po", -5_000)], TieFinding::Differs),
        (returned(), vec![posting("po", -5_025), posting("po", 5_000)], TieFinding::Agrees),
        (returned(), vec![posting("po", -5_025)], TieFinding::Differs),
        (
            Settlement {
                composed_of: Some(usd(4_999)),
                ..plain()
            },
            vec![posting("po", -5_000)],
            TieFinding::Composition,
        ),
        (
            Settlement {
                composed_of: None,
                ..plain()
            },
            vec![posting("po", -5_000)],
            TieFinding::Agrees,
        ),
        (settlement("po", 3, -700), vec![posting("po", 700)], TieFinding::Agrees),
    ] {
        assert_eq!(finding(settlement.clone(), &postings), expected, "{settlement:?} {postings:?}");
    }
}

#[test]
fn a_payout_that_only_the_books_know_is_listed() {
    let result = tie_out(&[], &[posting("ghost", -100)], usd(0).currency).unwrap();
    assert_eq!((result.rows[0].finding, result.difference), (TieFinding::Unknown, usd(100)));
    assert!(!result.agrees());
}

#[test]
fn differences_of_two_payouts_are_never_netted() {
    let settlements = [settlement("a", 3, 100), settlement("b", 4, 100)];
    let result = tie_out(&settlements, &[posting("a", -90), posting("b", -110)], usd(0).currency).unwrap();
    assert_eq!((result.difference, result.agreeing), (usd(20), 0));
}

fn typed(entry: &str, date: i32, minor: i64) -> TypedDeposit {
    TypedDeposit {
        entry: entry.into(),
        account: account("bank"),
        date: day(date),
        amount: usd(minor),
        description: "Deposit".into(),
    }
}

fn matched(deposits: &[TypedDeposit], settlements: &[Settlement]) -> Vec<Matched> {
    match_typed(deposits, settlements, &account("bank"))
        .into_iter()
        .map(|found: Match| found.matched)
        .collect()
}

fn certain(entry: &str) -> Matched {
    Matched::Certain { entry: entry.into() }
}

fn held(entries: &[&str]) -> Matched {
    Matched::Ambiguous {
        candidates: entries.iter().map(|entry| entry.to_string()).collect(),
    }
}

#[test]
fn a_typed_deposit_is_recognised_by_exact_amount_account_and_at_most_three_days() {
    let payout = [settlement("po", 10, 5_000)];
    for (deposit, expected) in [
        (typed("e", 10, 5_000), vec![certain("e")]),
        (typed("e", 13, 5_000), vec![certain("e")]),
        (typed("e", 14, 5_000), vec![]),
        (typed("e", 9, 5_000), vec![]),
        (typed("e", 10, 5_001), vec![]),
        (
            TypedDeposit {
                account: account("savings"),
                ..typed("e", 10, 5_000)
            },
            vec![],
        ),
    ] {
        assert_eq!(matched(std::slice::from_ref(&deposit), &payout), expected, "{deposit:?}");
    }
    assert_eq!(matched(&[typed("e", 10, 0)], &[settlement("po", 10, 0)]), vec![]);
}

#[test]
fn what_fits_twice_on_either_side_is_held_for_a_person() {
    let two_deposits = [typed("e2", 11, 5_000), typed("e1", 10, 5_000)];
    assert_eq!(matched(&two_deposits, &[settlement("po", 10, 5_000)]), [held(&["e1", "e2"])]);
    let two_payouts = [settlement("a", 10, 5_000), settlement("b", 11, 5_000)];
    assert_eq!(matched(&[typed("e", 12, 5_000)], &two_payouts), [held(&["e"]), held(&["e"])]);
}

proptest! {
    #[test]
    fn no_deposit_is_ever_linked_twice_and_certain_means_nothing_else_fits(
        deposits in proptest::collection::vec((1_i32..20, 1_i64..4), 0..20), payouts in proptest::collection::vec((1_i32..20, 1_i64..4), 0..20),
    ) {
        let deposits: Vec<TypedDeposit> = deposits.iter().enumerate().map(|(n, (date, minor))| typed(&format!("e{n}"), *date, *minor)).collect();
        let settlements: Vec<Settlement> = payouts.iter().enumerate().map(|(n, (date, minor))| settlement(&format!("po{n}"), *date, *minor)).collect();
        let found = match_typed(&deposits, &settlements, &account("bank"));
        let fits = |deposit: &TypedDeposit, payout: &Settlement| {
            deposit.amount == payout.amount && deposit.date >= payout.date && deposit.date <= payout.date.checked_add(jiff::Span::new().days(3)).unwrap()
        };
        let mut linked = std::collections::BTreeSet::new();
        for payout in &settlements {
            let candidates: Vec<&TypedDeposit> = deposits.iter().filter(|deposit| fits(deposit, payout)).collect();
            let matched = found.iter().find(|found| found.settlement == payout.id).map(|found| &found.matched);
            match matched {
                None => prop_assert!(candidates.is_empty(), "a deposit that fits is never passed over"),
                Some(Matched::Certain { entry }) => {
                    prop_assert!(linked.insert(entry.clone()), "linked twice");
                    prop_assert_eq!(candidates.len(), 1);
                    prop_assert_eq!(settlements.iter().filter(|other| fits(candidates[0], other)).count(), 1);
                }
                Some(Matched::Ambiguous { candidates: listed }) => prop_assert_eq!(listed.len(), candidates.len()),
            }
        }
    }
}
