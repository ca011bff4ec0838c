//! Baseline and verdict.

use super::*;
use crate::{Agreement, Baseline, BookLine, Explained, MoneyVerdict, Otherwise, Sighting, explained_by, verdict};
use proptest::prelude::*;

fn line(name: &str, date: i32, minor: i64) -> BookLine {
    BookLine {
        account: account(name),
        date: day(date),
        amount: usd(minor),
    }
}

fn baseline(lines: &[BookLine]) -> Baseline {
    Baseline::of("2026-11-23T06:00:00Z".parse().unwrap(), lines.iter().cloned()).unwrap()
}

fn judged(before: &[BookLine], after: &[BookLine], explained: &[Explained]) -> MoneyVerdict {
    verdict(&baseline(before), &baseline(after), explained, &[], usd(0).currency).unwrap()
}

#[test]
fn equal_books_agree_with_zero_unexplained() {
    let lines = [line("clearing", 3, 9_680), line("sales", 3, -9_680)];
    let result = judged(&lines, &lines, &[]);
    assert_eq!(result.agreement, Agreement::Agrees);
    assert_eq!(result.sentence(), "0.00 USD unexplained, 0 doubled, 0 lost");
    assert_eq!((result.rows.len(), result.account_days), (0, 2));
}

#[test]
fn a_remainder_on_one_day_is_never_netted_against_another() {
    let before = [line("sales", 3, -100), line("sales", 4, -100)];
    let after = [line("sales", 3, -150), line("sales", 4, -50)];
    let result = judged(&before, &after, &[]);
    assert_eq!((result.unexplained, result.agreement), (usd(100), Agreement::Differs));
    assert!(result.balances.is_empty(), "the balances alone would not have told");
}

#[test]
fn two_wrongs_that_cancel_in_the_sum_are_found_by_the_count() {
    let before = [line("sales", 3, -100)];
    let after = [line("sales", 3, -100), line("sales", 3, -70), line("sales", 3, 70)];
    let result = judged(&before, &after, &[]);
    assert_eq!(
        (result.unexplained, result.unexplained_lines, result.agreement),
        (usd(0), 2, Agreement::Differs)
    );
    assert_eq!(result.unexplained_rows().count(), 1);
}

#[test]
fn an_explanation_of_something_that_did_not_happen_is_a_difference() {
    let lines = [line("sales", 3, -100)];
    let explained = [Explained {
        account: account("sales"),
        date: day(3),
        amount: usd(-20),
        count: 1,
        rule: "gross".into(),
    }];
    let result = judged(&lines, &lines, &explained);
    assert_eq!(
        (result.unexplained, result.unexplained_lines, result.agreement),
        (usd(20), 1, Agreement::Differs)
    );
}

#[test]
fn a_balance_that_the_lines_do_not_tell_is_a_difference() {
    let lines = [line("sales", 3, -100)];
    let stated = baseline(&lines).stating([(account("sales"), usd(-101))].into());
    let result = verdict(&baseline(&lines), &stated, &[], &[], usd(0).currency).unwrap();
    assert_eq!((result.balances.len(), result.agreement), (1, Agreement::Differs));
    assert_eq!(result.balances[0].remainder, usd(-1));
}

#[test]
fn doubled_and_lost_movements_are_counted_and_named() {
    let sighting = |entries, otherwise| Sighting {
        movement: "Sale of 3 Nov".into(),
        entries,
        otherwise,
    };
    let sightings = [
        sighting(1, None),
        sighting(2, None),
        sighting(0, None),
        sighting(0, Some(Otherwise::Held)),
        sighting(0, Some(Otherwise::Excluded)),
        sighting(0, Some(Otherwise::Aliased)),
    ];
    let result = verdict(&baseline(&[]), &baseline(&[]), &[], &sightings, usd(0).currency).unwrap();
    assert_eq!(
        (result.doubled, result.lost, result.movements, result.agreement),
        (1, 1, 6, Agreement::Differs)
    );
    assert_eq!(result.findings.len(), 2);
}

#[test]
fn a_difference_in_another_currency_is_kept_apart_and_does_not_agree() {
    let euro = |minor| BookLine {
        amount: Money::new(minor, ledger::Currency::of("EUR").unwrap()),
        ..line("bank-eur", 3, 0)
    };
    let result = judged(&[euro(100)], &[euro(105)], &[]);
    assert_eq!(result.agreement, Agreement::Differs);
    assert_eq!(result.sentence(), "0.00 USD and 0.05 EUR unexplained, 0 doubled, 0 lost");
}

#[test]
fn an_account_that_changes_its_currency_is_refused() {
    let euro = BookLine {
        amount: Money::new(1, ledger::Currency::of("EUR").unwrap()),
        ..line("bank", 3, 0)
    };
    let refused = verdict(&baseline(&[line("bank", 3, 1)]), &baseline(&[euro]), &[], &[], usd(0).currency);
    assert_eq!(refused.unwrap_err().code, ledger::money::E_MONEY_MIXED);
}

#[test]
fn the_largest_amounts_are_refused_and_not_wrapped() {
    let huge = [line("bank", 3, i64::MAX), line("bank", 3, 1)];
    let refused = Baseline::of("2026-11-23T06:00:00Z".parse().unwrap(), huge);
    assert_eq!(refused.unwrap_err().code, ledger::money::E_MONEY_OVERFLOW);
}

#[test]
fn a_baseline_survives_being_stored() {
    let stored = baseline(&[line("clearing", 3, 9_680), line("sales", 4, -9_680)]);
    let text = serde_json::to_string(&stored).unwrap();
    assert_eq!(serde_json::from_str::<Baseline>(&text).unwrap(), stored);
}

const ACCOUNTS: [&str; 5] = ["clearing", "sales", "fees", "bank", "tax"];

fn some_lines() -> impl Strategy<Value = Vec<BookLine>> {
    proptest::collection::vec((0_usize..5, 1_i32..28, 1_i64..90_000), 1..60).prop_map(|all| {
        all.into_iter()
            .map(|(name, date, minor)| line(ACCOUNTS[name], date, minor))
            .collect()
    })
}

proptest! {
    #[test]
    fn explained_changes_give_zero_and_any_single_error_beside_them_is_found(
        kept in some_lines(), removed in some_lines(), posted in some_lines(), which in any::<prop::sample::Index>(), error in 0_u8..5,
    ) {
        let before: Vec<BookLine> = kept.iter().chain(&removed).cloned().collect();
        let mut after: Vec<BookLine> = kept.iter().chain(&posted).cloned().collect();
        let explained = explained_by("converted", &removed, &posted).unwrap();
        let clean = judged(&before, &after, &explained);
        prop_assert_eq!(clean.agreement, Agreement::Agrees);
        prop_assert_eq!(clean.unexplained, usd(0));
        let at = which.index(after.len());
        match error {
            0 => { after.remove(at); }
            1 => { let twice = after[at].clone(); after.push(twice); }
            2 => after[at].amount = usd(after[at].amount.minor + 1),
            3 => after[at].date = after[at].date.tomorrow().unwrap(),
            4 => after[at].account = account("equity"),
            more => prop_assert!(false, "no error {}", more),
        }
        let found = judged(&before, &after, &explained);
        prop_assert_eq!(found.agreement, Agreement::Differs);
        prop_assert!(found.unexplained.minor > 0);
        prop_assert!(found.unexplained_rows().count() >= 1);
    }
}
