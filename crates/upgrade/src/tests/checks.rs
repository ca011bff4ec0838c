//! Each check: passes, fails, and says inconclusive where it could not find out.

use super::*;
use crate::checks::*;
use crate::stage::Owner;
use Verdict::{Fail, Inconclusive, NotApplicable, Pass};
use ledger::{AccountId, Entry, EntryKey, Line};
use std::collections::BTreeSet;

fn expect(result: CheckResult, id: CheckId, verdict: Verdict) -> CheckResult {
    assert_eq!((result.id, result.verdict), (id, verdict), "{result:?}");
    assert!(
        verdict != Fail || result.counts.wrong > 0 || result.difference.is_some_and(|money| !money.is_zero()),
        "a failure counts: {result:?}"
    );
    result
}

fn account(name: &str) -> AccountId {
    AccountId(name.into())
}

fn entry(key: &str, minor: i64) -> Entry {
    let line = |name: &str, minor: i64| Line {
        account: account(name),
        amount: usd(minor),
        memo: String::new(),
    };
    Entry {
        key: EntryKey::new(key).unwrap(),
        covers: vec![EntryKey::new(key).unwrap()],
        key_account: account("clearing"),
        date: "2026-11-03".parse().unwrap(),
        description: "Card payment".into(),
        reference: "1042".into(),
        lines: vec![line("clearing", minor), line("sales", -minor)],
    }
}

#[test]
fn every_entry_balances_or_is_named_with_its_difference() {
    let id = CheckId::EveryEntryBalances;
    expect(every_entry_balances(&[entry("a", 100), entry("b", 200)]), id, Pass);
    let mut off = entry("c", 100);
    off.lines[0].amount = usd(99);
    let result = expect(every_entry_balances(&[entry("a", 100), off]), id, Fail);
    assert_eq!(result.found, "1 of 2");
    assert!(result.details[0].contains("-0.01 USD"), "{:?}", result.details);
    expect(every_entry_balances(&[]), id, NotApplicable);
}

fn accounted(entries: u64, otherwise: Option<Otherwise>) -> Accounted {
    Accounted {
        movement: "Sale of 2026-03-04, 118.00 USD".into(),
        entries,
        otherwise,
    }
}

#[test]
fn a_movement_in_the_books_twice_is_doubled_and_one_nowhere_is_lost() {
    expect(
        nothing_posted_twice(&[accounted(1, None), accounted(0, None)]),
        CheckId::NothingPostedTwice,
        Pass,
    );
    expect(nothing_posted_twice(&[accounted(2, None)]), CheckId::NothingPostedTwice, Fail);
    expect(nothing_lost(&[accounted(0, None)]), CheckId::NothingLost, Fail);
    for (otherwise, verdict) in [
        (Otherwise::Linked, Pass),
        (
            Otherwise::Held {
                reason: "an unknown kind".into(),
            },
            Pass,
        ),
        (Otherwise::Held { reason: " ".into() }, Fail),
        (Otherwise::Excluded { rule: "cash".into() }, Pass),
        (Otherwise::Excluded { rule: String::new() }, Fail),
    ] {
        expect(nothing_lost(&[accounted(0, Some(otherwise))]), CheckId::NothingLost, verdict);
    }
}

#[test]
fn clearing_agrees_to_the_cent_and_payout_by_payout() {
    let id = CheckId::ClearingAgrees;
    let payouts = |agreeing| Payouts {
        looked_at: 3,
        agreeing,
        findings: Vec::new(),
    };
    expect(clearing_agrees(Some(usd(500)), usd(500), &payouts(3)), id, Pass);
    let result = expect(clearing_agrees(Some(usd(500)), usd(501), &payouts(3)), id, Fail);
    assert_eq!(result.difference, Some(usd(1)));
    expect(clearing_agrees(Some(usd(500)), usd(500), &payouts(2)), id, Fail);
    expect(clearing_agrees(None, usd(500), &payouts(3)), id, Inconclusive);
}

#[test]
fn what_is_read_back_differs_by_day_account_amount_text_or_number() {
    let id = CheckId::ReadBackEqual;
    let posted = [entry("a", 100)];
    let mut turned = entry("a", 100);
    turned.lines.reverse();
    turned.lines[0].memo = "made by the app".into();
    expect(read_back_equal(&posted, &[turned]), id, Pass);
    type Change = fn(&mut Entry);
    let changes: [Change; 5] = [
        |entry| entry.date = "2026-11-04".parse().unwrap(),
        |entry| entry.lines[0].amount = usd(101),
        |entry| entry.lines[0].account = account("bank"),
        |entry| entry.description = "Something".into(),
        |entry| entry.lines.truncate(1),
    ];
    for change in changes {
        let mut other = entry("a", 100);
        change(&mut other);
        expect(read_back_equal(&posted, &[other]), id, Fail);
    }
    expect(read_back_equal(&posted, &[]), id, Fail);
    expect(read_back_equal(&posted, &[entry("a", 100), entry("a", 100)]), id, Fail);
}

#[test]
fn accounts_that_no_connector_touches_keep_their_balances() {
    let id = CheckId::UntouchedAccountsEqual;
    let balances = |rent: i64, sales: i64| BTreeMap::from([(account("rent"), usd(rent)), (account("sales"), usd(sales))]);
    let touched = BTreeSet::from([account("sales")]);
    expect(untouched_accounts_equal(&balances(1, 2), &balances(1, 99), &touched), id, Pass);
    expect(untouched_accounts_equal(&balances(1, 2), &balances(2, 2), &touched), id, Fail);
    expect(
        untouched_accounts_equal(&balances(1, 2), &BTreeMap::from([(account("sales"), usd(2))]), &touched),
        id,
        Fail,
    );
}

#[test]
fn totals_are_equal_only_with_entries_lines_balances_and_every_day() {
    let totals = Totals {
        entries: 2,
        lines: 4,
        balances: BTreeMap::from([(account("sales"), usd(5))]),
        fingerprint: "f".into(),
    };
    let others = [
        Totals {
            entries: 3,
            ..totals.clone()
        },
        Totals {
            lines: 5,
            ..totals.clone()
        },
        Totals {
            balances: BTreeMap::from([(account("sales"), usd(6))]),
            ..totals.clone()
        },
        Totals {
            fingerprint: "g".into(),
            ..totals.clone()
        },
    ];
    expect(restore_totals_equal(&totals, Some(&totals)), CheckId::RestoreTotalsEqual, Pass);
    expect(
        balances_equal_baseline(&totals, Some(&totals)),
        CheckId::BalancesEqualBaseline,
        Pass,
    );
    for other in &others {
        expect(restore_totals_equal(&totals, Some(other)), CheckId::RestoreTotalsEqual, Fail);
        expect(balances_equal_baseline(&totals, Some(other)), CheckId::BalancesEqualBaseline, Fail);
    }
    expect(restore_totals_equal(&totals, None), CheckId::RestoreTotalsEqual, Inconclusive);
    expect(balances_equal_baseline(&totals, None), CheckId::BalancesEqualBaseline, Inconclusive);
}

#[test]
fn another_company_with_the_same_name_is_another_company() {
    let id = CheckId::SameCompany;
    let company = |id: &str| Identity {
        id: id.into(),
        name: "Harbour Street Bakery".into(),
    };
    expect(same_company(&company("M1"), Some(&company("M1"))), id, Pass);
    expect(same_company(&company("M1"), Some(&company("M2"))), id, Fail);
    expect(same_company(&company("M1"), None), id, Inconclusive);
    expect(same_company(&company(""), Some(&company(""))), id, Inconclusive);
}

#[test]
fn a_missing_permission_is_named_and_a_spare_one_only_listed() {
    let id = CheckId::PermissionsSufficient;
    let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    let needed = names(&["PAYMENTS_READ", "ORDERS_READ"]);
    let spare = expect(
        permissions_sufficient(&needed, Some(&names(&["ORDERS_READ", "PAYMENTS_READ", "ITEMS_READ"]))),
        id,
        Pass,
    );
    assert_eq!(spare.details, ["ITEMS_READ was granted but is not needed."]);
    let missing = expect(permissions_sufficient(&needed, Some(&names(&["PAYMENTS_READ"]))), id, Fail);
    assert_eq!(missing.details, ["ORDERS_READ is missing."]);
    expect(permissions_sufficient(&needed, None), id, Inconclusive);
}

#[test]
fn the_checks_before_a_write_fail_on_open_books_unknown_versions_closed_periods_and_lost_ways_back() {
    expect(books_not_open(&BooksLock::Free), CheckId::BooksNotOpen, Pass);
    expect(
        books_not_open(&BooksLock::Open {
            by: "GnuCash on this computer".into(),
        }),
        CheckId::BooksNotOpen,
        Fail,
    );
    expect(
        books_not_open(&BooksLock::Unknown {
            why: "the lock could not be read".into(),
        }),
        CheckId::BooksNotOpen,
        Inconclusive,
    );
    expect(books_version_known(Some("19"), &["19"]), CheckId::BooksVersionKnown, Pass);
    expect(books_version_known(Some("20"), &["19"]), CheckId::BooksVersionKnown, Fail);
    expect(books_version_known(None, &["19"]), CheckId::BooksVersionKnown, Inconclusive);
    let day = |text: &str| text.parse().unwrap();
    expect(period_open(None, &[day("2025-01-01")]), CheckId::PeriodOpen, Pass);
    expect(
        period_open(Some(day("2025-12-31")), &[day("2026-01-01")]),
        CheckId::PeriodOpen,
        Pass,
    );
    expect(
        period_open(Some(day("2025-12-31")), &[day("2025-12-31"), day("2026-01-01")]),
        CheckId::PeriodOpen,
        Fail,
    );
    expect(old_can_represent(5, 5, &[]), CheckId::OldCanRepresent, Pass);
    expect(old_can_represent(5, 4, &[]), CheckId::OldCanRepresent, Fail);
    expect(
        old_can_represent(5, 5, &["One is reconciled.".into()]),
        CheckId::OldCanRepresent,
        Fail,
    );
    expect(no_in_doubt(&[]), CheckId::NoInDoubt, Pass);
    expect(no_in_doubt(&["Posting the canary".into()]), CheckId::NoInDoubt, Fail);
}

#[test]
fn a_backup_without_a_file_or_with_a_differing_one_is_not_proved() {
    let id = CheckId::BackupProved;
    let proof = |files, equal| BackupProof {
        files,
        equal,
        findings: Vec::new(),
    };
    expect(backup_proved(Some(&proof(3, 3))), id, Pass);
    expect(backup_proved(Some(&proof(3, 2))), id, Fail);
    expect(backup_proved(Some(&proof(0, 0))), id, Fail);
    expect(backup_proved(None), id, Inconclusive);
}

#[test]
fn a_rehearsal_expires_by_age_by_records_and_by_a_new_kind() {
    let id = CheckId::RehearsalFresh;
    let kinds = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<BTreeSet<_>>();
    let rehearsal = Rehearsal {
        at: at(0),
        records: 10,
        kinds: kinds(&["sale"]),
    };
    let asked = |seconds: i64, records: u64, now: &[&str]| rehearsal_fresh(Some(&rehearsal), at(seconds), records, &kinds(now));
    expect(asked(3_600, 10, &["sale"]), id, Pass);
    expect(asked(86_399, 10, &["sale"]), id, Pass);
    expect(asked(86_400, 10, &["sale"]), id, Fail);
    expect(asked(3_600, 11, &["sale"]), id, Fail);
    let news = expect(asked(3_600, 10, &["sale", "dispute"]), id, Fail);
    assert_eq!(news.details, ["It did not see: dispute."]);
    expect(asked(-10, 10, &["sale"]), id, Inconclusive);
    expect(rehearsal_fresh(None, at(0), 10, &kinds(&[])), id, Inconclusive);
}

#[test]
fn going_back_counts_as_rehearsed_only_for_every_stage_that_writes() {
    let id = CheckId::RollbackRehearsed;
    let stages = [Stage::Canary, Stage::Wave(1)];
    let drill = |stage, equal| Drill {
        stage,
        equal,
        finding: "3 entries differ.".into(),
    };
    expect(
        rollback_rehearsed(&stages, &[drill(Stage::Canary, true), drill(Stage::Wave(1), true)]),
        id,
        Pass,
    );
    expect(rollback_rehearsed(&stages, &[drill(Stage::Canary, true)]), id, Inconclusive);
    expect(
        rollback_rehearsed(&stages, &[drill(Stage::Canary, false), drill(Stage::Wave(1), true)]),
        id,
        Fail,
    );
    expect(rollback_rehearsed(&[], &[]), id, Inconclusive);
}

#[test]
fn a_shadow_run_passes_only_with_something_compared_and_nothing_unexplained() {
    let id = CheckId::ShadowUnexplainedZero;
    let result = |same, unexplained, minor| ShadowResult {
        same,
        expected: 2,
        unexplained,
        amount: usd(minor),
        findings: Vec::new(),
    };
    expect(shadow_unexplained_zero(Some(&result(10, 0, 0))), id, Pass);
    expect(shadow_unexplained_zero(Some(&result(10, 14, 41_235))), id, Fail);
    expect(
        shadow_unexplained_zero(Some(&ShadowResult {
            same: 0,
            expected: 0,
            ..result(0, 0, 0)
        })),
        id,
        Inconclusive,
    );
    expect(shadow_unexplained_zero(None), id, Inconclusive);
}

#[test]
fn too_few_movements_are_never_a_pass() {
    let id = CheckId::MinimumSample;
    let kinds = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<BTreeSet<_>>();
    expect(
        minimum_sample(30, &kinds(&["sale", "refund"]), 30, &kinds(&["sale", "refund"])),
        id,
        Pass,
    );
    expect(
        minimum_sample(29, &kinds(&["sale", "refund"]), 30, &kinds(&["sale"])),
        id,
        Inconclusive,
    );
    expect(
        minimum_sample(99, &kinds(&["sale"]), 30, &kinds(&["sale", "refund"])),
        id,
        Inconclusive,
    );
    expect(minimum_sample(0, &kinds(&[]), 0, &kinds(&[])), id, Inconclusive);
}

#[test]
fn room_and_clock_are_measured_and_not_assumed() {
    expect(disk_space(Some(300), 100), CheckId::DiskSpace, Pass);
    expect(disk_space(Some(299), 100), CheckId::DiskSpace, Fail);
    expect(disk_space(None, 100), CheckId::DiskSpace, Inconclusive);
    expect(clock_sane(at(60), Some(at(0))), CheckId::ClockSane, Pass);
    expect(clock_sane(at(0), Some(at(61))), CheckId::ClockSane, Fail);
    expect(clock_sane(at(0), None), CheckId::ClockSane, Inconclusive);
}

#[test]
fn held_movements_wait_for_a_person() {
    let held = |by: Option<&str>| Held {
        movement: "Dispute".into(),
        reason: "unknown".into(),
        reviewed_by: by.map(str::to_string),
    };
    expect(held_movements_reviewed(&[]), CheckId::HeldMovementsReviewed, Pass);
    expect(held_movements_reviewed(&[held(Some("Ada"))]), CheckId::HeldMovementsReviewed, Pass);
    expect(
        held_movements_reviewed(&[held(Some("Ada")), held(None)]),
        CheckId::HeldMovementsReviewed,
        Inconclusive,
    );
}

#[test]
fn a_connector_that_still_posts_after_it_was_fenced_is_found() {
    let id = CheckId::OneOwnerPerStream;
    let owners = |owner| BTreeMap::from([("payments".to_string(), owner)]);
    let probe = |old, new| {
        [Probe {
            stream: "payments".into(),
            old_posts: old,
            new_posts: new,
        }]
    };
    expect(one_owner_per_stream(&owners(Owner::New), &probe(Some(false), Some(true))), id, Pass);
    expect(
        one_owner_per_stream(&owners(Owner::Fenced), &probe(Some(false), Some(false))),
        id,
        Pass,
    );
    expect(one_owner_per_stream(&owners(Owner::New), &probe(Some(true), Some(true))), id, Fail);
    expect(
        one_owner_per_stream(&owners(Owner::New), &probe(Some(false), Some(false))),
        id,
        Fail,
    );
    expect(
        one_owner_per_stream(&owners(Owner::New), &probe(None, Some(true))),
        id,
        Inconclusive,
    );
    expect(one_owner_per_stream(&owners(Owner::New), &[]), id, Inconclusive);
    expect(one_owner_per_stream(&BTreeMap::new(), &[]), id, Inconclusive);
}

#[test]
fn a_plan_whose_facts_changed_no_longer_holds() {
    let id = CheckId::PlanStillHolds;
    let now = |value: &str| BTreeMap::from([("books version".to_string(), value.to_string())]);
    expect(plan_still_holds(&plan(), &now("4.13")), id, Pass);
    let changed = expect(plan_still_holds(&plan(), &now("5.0")), id, Fail);
    assert_eq!(changed.details, ["books version: planned 4.13, now 5.0."]);
    expect(plan_still_holds(&plan(), &BTreeMap::new()), id, Inconclusive);
}

#[test]
fn every_check_of_the_catalogue_is_asked_somewhere_and_has_its_own_words() {
    let asked: BTreeSet<CheckId> = default_checks(2).into_iter().map(|planned| planned.check).collect();
    assert_eq!(catalog().collect::<BTreeSet<_>>(), asked);
    let titles: BTreeSet<&str> = catalog().map(CheckId::title).collect();
    assert_eq!(titles.len(), CheckId::ALL.len());
}

#[test]
fn long_lists_of_findings_are_cut_and_counted() {
    let doubled: Vec<Accounted> = (0..60).map(|_| accounted(2, None)).collect();
    let result = nothing_posted_twice(&doubled);
    assert_eq!(
        (result.details.len(), result.details[50].as_str(), result.counts.wrong),
        (51, "… and 10 more", 60)
    );
}
