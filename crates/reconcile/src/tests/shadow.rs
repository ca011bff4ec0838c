//! The shadow run.

use super::*;
use crate::{Aliases, Class, DatedLine, ExpectedKind, ExpectedRule, PostedMovement, ProposedMovement, Record, Shadow, Why, shadow};
use ledger::{Role, RoleMap};
use proptest::prelude::*;
use std::collections::BTreeSet;

const ROLES: &[Role] = &[
    Role::Clearing,
    Role::Sales,
    Role::Fees,
    Role::Tax,
    Role::Refunds,
    Role::Bank,
    Role::Held,
];

fn roles() -> RoleMap {
    let mut map = RoleMap::default();
    ROLES.iter().for_each(|role| map.bind(*role, account(role.name())));
    map
}

fn rule(id: &str, kind: ExpectedKind, stream: &str, roles: &[Role], keeps: &[Role]) -> ExpectedRule {
    ExpectedRule {
        id: id.into(),
        kind,
        streams: BTreeSet::from([stream.to_string()]),
        roles: roles.iter().copied().collect(),
        keeps: keeps.iter().copied().collect(),
    }
}

fn rules() -> Vec<ExpectedRule> {
    let gross = [Role::Sales, Role::Fees, Role::Tax];
    vec![
        rule("gross", ExpectedKind::Regrouped, "payments", &gross, &gross),
        rule(
            "refunds-apart",
            ExpectedKind::Regrouped,
            "refunds",
            &[Role::Sales, Role::Refunds, Role::Fees],
            &[],
        ),
        rule(
            "disputes",
            ExpectedKind::NewlyPosted,
            "disputes",
            &[Role::Held, Role::Clearing],
            &[],
        ),
        rule(
            "tips-gone",
            ExpectedKind::NoLongerPosted,
            "tips",
            &[Role::Sales, Role::Clearing],
            &[],
        ),
    ]
}

fn record(stream: &str, id: &str) -> Record {
    Record {
        stream: stream.into(),
        id: id.into(),
    }
}

fn lines(date: i32, amounts: &[(Role, i64)]) -> Vec<DatedLine> {
    amounts
        .iter()
        .map(|(role, minor)| DatedLine {
            date: day(date),
            account: account(role.name()),
            amount: usd(*minor),
        })
        .collect()
}

fn old(stream: &str, id: &str, lines: Vec<DatedLine>) -> PostedMovement {
    PostedMovement {
        record: record(stream, id),
        label: format!("{stream} {id}"),
        lines,
    }
}

fn new(stream: &str, id: &str, lines: Vec<DatedLine>) -> ProposedMovement {
    ProposedMovement {
        record: record(stream, id),
        label: format!("{stream} {id}"),
        lines,
    }
}

fn compare(olds: &[PostedMovement], news: &[ProposedMovement]) -> Shadow {
    shadow(olds, news, &Aliases::new(), &rules(), &roles(), usd(0).currency).unwrap()
}

fn only(olds: &[PostedMovement], news: &[ProposedMovement]) -> (Class, i64) {
    let result = compare(olds, news);
    assert_eq!(result.rows.len(), 1);
    (result.rows[0].class.clone(), result.unexplained.minor)
}

fn net(date: i32) -> Vec<DatedLine> {
    lines(date, &[(Role::Clearing, 9_680), (Role::Sales, -9_680)])
}

fn gross(date: i32) -> Vec<DatedLine> {
    lines(
        date,
        &[(Role::Clearing, 9_680), (Role::Fees, 320), (Role::Sales, -9_200), (Role::Tax, -800)],
    )
}

fn unexplained(why: Why) -> Class {
    Class::Unexplained { why }
}

fn expected(rule: &str) -> Class {
    Class::Expected {
        rules: BTreeSet::from([rule.to_string()]),
    }
}

#[test]
fn every_difference_is_the_same_announced_or_unexplained() {
    let with = |mut lines: Vec<DatedLine>, at: usize, minor: i64| {
        lines[at].amount = usd(lines[at].amount.minor + minor);
        lines
    };
    let moved = |mut lines: Vec<DatedLine>, name: &str| {
        lines[0].account = account(name);
        lines
    };
    let payments = |old_lines, new_lines| only(&[old("payments", "p", old_lines)], &[new("payments", "p", new_lines)]);
    assert_eq!(payments(net(3), net(3)), (Class::Same, 0));
    assert_eq!(payments(net(3), gross(3)), (expected("gross"), 0));
    assert_eq!(
        payments(net(3), with(gross(3), 0, 1)).0,
        unexplained(Why::Amounts),
        "one cent in the clearing account"
    );
    assert_eq!(payments(net(3), with(gross(3), 0, 1)).1, 1);
    assert_eq!(
        payments(net(3), with(gross(3), 2, 1)).0,
        unexplained(Why::NotKept),
        "one cent in what must add up"
    );
    assert_eq!(payments(net(3), moved(gross(3), "bank")).0, unexplained(Why::Amounts));
    assert_eq!(payments(net(3), net(4)).0, unexplained(Why::MovedDay));
    assert_eq!(payments(net(3), gross(4)).0, unexplained(Why::Amounts));
    assert_eq!(only(&[old("payments", "p", net(3))], &[]), (unexplained(Why::Dropped), 9_680));
    assert_eq!(only(&[], &[new("payments", "p", net(3))]), (unexplained(Why::Added), 9_680));
}

#[test]
fn only_announced_streams_may_appear_or_vanish() {
    let held = || lines(3, &[(Role::Held, 500), (Role::Clearing, -500)]);
    assert_eq!(only(&[], &[new("disputes", "d", held())]), (expected("disputes"), 0));
    assert_eq!(only(&[old("disputes", "d", held())], &[]).0, unexplained(Why::Dropped));
    assert_eq!(
        only(&[], &[new("disputes", "d", lines(3, &[(Role::Held, 500), (Role::Bank, -500)]))]).0,
        unexplained(Why::Added)
    );
    assert_eq!(only(&[old("tips", "t", net(3))], &[]), (expected("tips-gone"), 0));
}

#[test]
fn a_connector_that_drops_refunds_is_found_with_their_sum() {
    let refund = |minor: i64| lines(3, &[(Role::Clearing, -minor), (Role::Sales, minor)]);
    let refund_new = |minor: i64| lines(3, &[(Role::Clearing, -minor), (Role::Refunds, minor)]);
    let olds: Vec<PostedMovement> = (1..=31)
        .map(|number| old("refunds", &format!("r{number}"), refund(number * 100)))
        .collect();
    let news: Vec<ProposedMovement> = (15..=31)
        .map(|number| new("refunds", &format!("r{number}"), refund_new(number * 100)))
        .collect();
    let result = compare(&olds, &news);
    assert_eq!((result.counts.expected, result.counts.unexplained), (17, 14));
    assert_eq!(result.unexplained, usd((1..=14).sum::<i64>() * 100));
    assert_eq!(result.by_rule["refunds-apart"], 17);
}

#[test]
fn records_that_changed_their_name_are_compared_through_their_alias() {
    let bank = |date| lines(date, &[(Role::Bank, 5_000), (Role::Clearing, -5_000)]);
    let aliases = Aliases::from([(record("deposits", "end-to-end"), record("payouts", "po_1"))]);
    let compare = |aliases: &Aliases| {
        shadow(
            &[old("deposits", "end-to-end", bank(3))],
            &[new("payouts", "po_1", bank(3))],
            aliases,
            &rules(),
            &roles(),
            usd(0).currency,
        )
    };
    assert_eq!(compare(&aliases).unwrap().counts.same, 1);
    assert_eq!(compare(&Aliases::new()).unwrap().counts.unexplained, 2);
    let twice = Aliases::from([(record("a", "1"), record("p", "1")), (record("b", "1"), record("p", "1"))]);
    assert_eq!(compare(&twice).unwrap_err().code, crate::shadow::E_ALIAS);
}

#[test]
fn pieces_of_one_record_are_added_up_before_they_are_compared() {
    let sale = lines(3, &[(Role::Clearing, 10_000), (Role::Sales, -9_200), (Role::Tax, -800)]);
    let fee = lines(3, &[(Role::Fees, 320), (Role::Clearing, -320)]);
    let news = [new("payments", "p", sale), new("payments", "p", fee)];
    assert_eq!(only(&[old("payments", "p", net(3))], &news).0, expected("gross"));
}

#[test]
fn a_foreign_currency_is_refused_and_not_compared() {
    let euro = ledger::Currency::of("EUR").unwrap();
    let mut lines = net(3);
    lines[0].amount = Money::new(1, euro);
    let refused = shadow(
        &[old("payments", "p", lines)],
        &[],
        &Aliases::new(),
        &rules(),
        &roles(),
        usd(0).currency,
    );
    assert_eq!(refused.unwrap_err().code, ledger::money::E_MONEY_MIXED);
}

fn company(amounts: &[i64]) -> (Vec<PostedMovement>, Vec<ProposedMovement>) {
    amounts
        .iter()
        .enumerate()
        .map(|(number, minor)| {
            let (fee, tax) = (minor / 30 + 1, minor / 12);
            let date = 1 + i32::try_from(number % 28).unwrap();
            let id = format!("p{number}");
            let before = lines(date, &[(Role::Clearing, minor - fee), (Role::Sales, fee - minor)]);
            let after = lines(
                date,
                &[
                    (Role::Clearing, minor - fee),
                    (Role::Fees, fee),
                    (Role::Tax, -tax),
                    (Role::Sales, tax - minor),
                ],
            );
            (old("payments", &id, before), new("payments", &id, after))
        })
        .unzip()
}

proptest! {
    #[test]
    fn announced_changes_leave_nothing_unexplained_and_any_single_error_is_found(
        amounts in proptest::collection::vec(100_i64..50_000, 1..40), which in any::<prop::sample::Index>(), error in 0_u8..6,
    ) {
        let (olds, mut news) = company(&amounts);
        let clean = compare(&olds, &news);
        prop_assert_eq!(clean.unexplained, usd(0));
        prop_assert_eq!(clean.counts.expected, amounts.len() as u64);
        let at = which.index(news.len());
        match error {
            0 => { news.remove(at); }
            1 => { let twice = news[at].clone(); news.push(twice); }
            2 => news[at].lines[0].amount = usd(news[at].lines[0].amount.minor + 1),
            3 => news[at].lines[1].amount = usd(news[at].lines[1].amount.minor - 1),
            4 => for line in &mut news[at].lines { line.date = line.date.tomorrow().unwrap(); },
            5 => news[at].lines[0].account = account("bank"),
            more => prop_assert!(false, "no error {}", more),
        }
        let found = compare(&olds, &news);
        prop_assert_eq!(found.counts.unexplained, 1);
        prop_assert!(found.unexplained.minor > 0);
        let id = format!("p{at}");
        let row = found.rows.iter().find(|row| row.record.id == id).unwrap();
        prop_assert!(matches!(row.class, Class::Unexplained { .. }), "it is the row with the error");
    }
}
