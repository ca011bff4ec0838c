//! The built-in packages, and what they say of themselves.

mod made;

use connector::{Catalog, ChangeKind, Package};
use ledger::Role;
use made::square;
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn the_built_in_catalog_has_no_fault() {
    if let Err(problem) = Catalog::builtin() {
        panic!("{problem}");
    }
}

#[test]
fn the_catalog_of_a_folder_is_the_built_in_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalog/connectors");
    let catalog = Catalog::load(&folder).unwrap();
    let names: Vec<(&str, &str)> = catalog.connectors().map(|package| (package.name(), package.version())).collect();
    assert_eq!(names, [("square", "1"), ("square", "2")]);
    let old = catalog.connector("square", "1").unwrap();
    assert_eq!(catalog.successor(old).map(Package::version), Some("2"));
    assert!(catalog.connector("square", "3").is_none());
    let missing = Catalog::load(&folder.join("nowhere")).unwrap_err();
    assert_eq!(missing.code.0, "E-CATALOG-READ");
}

#[test]
fn version_2_asks_for_the_two_permissions_that_version_1_did_not_need() {
    let of = |version: &str| -> BTreeSet<String> { square(version).permissions().iter().map(|need| need.permission.clone()).collect() };
    let added: Vec<String> = of("2").difference(&of("1")).cloned().collect();
    assert_eq!(added, ["DISPUTES_READ", "ORDERS_READ"]);
    assert!(of("1").is_subset(&of("2")));
    assert_eq!(square("1").api_version(), "2022-09-21");
    assert_eq!(square("2").api_version(), "2025-08-20");
}

#[test]
fn roles_are_those_that_the_rules_name() {
    let old = BTreeSet::from([Role::Clearing, Role::Bank, Role::Cash, Role::Sales]);
    assert_eq!(square("1").roles(), old);
    let more = [
        Role::Tax,
        Role::Tips,
        Role::GiftCards,
        Role::Refunds,
        Role::Fees,
        Role::Held,
        Role::Losses,
    ];
    assert_eq!(square("2").roles(), old.into_iter().chain(more).collect());
}

#[test]
fn every_expected_change_says_what_it_may_touch_and_needs_a_sign_off() {
    let supersedes = square("2").supersedes().unwrap();
    assert_eq!(supersedes.from, "1");
    let ids: Vec<&str> = supersedes.expected_changes.iter().map(|change| change.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "fees-separate",
            "tax-tips-separate",
            "gift-cards-liability",
            "refunds-separate",
            "payout-fees-separate",
            "disputes-posted",
            "gift-card-redemptions"
        ]
    );
    for change in &supersedes.expected_changes {
        assert!(
            change.requires_sign_off && !change.roles.is_empty() && !change.streams.is_empty(),
            "{}",
            change.id
        );
        assert!(change.roles.is_disjoint(&change.keeps), "{}", change.id);
        let new = matches!(change.kind, ChangeKind::NewlyPosted);
        assert_eq!(
            new,
            ["disputes-posted", "gift-card-redemptions"].contains(&change.id.as_str()),
            "{}",
            change.id
        );
    }
}

#[test]
fn an_unconfirmed_deadline_is_marked_as_such() {
    let changes = square("2").breaking_changes();
    let ends = changes.iter().find(|change| change.id == "api-version-ends").unwrap();
    assert_eq!(ends.deadline.unwrap().to_string(), "2026-12-31");
    assert!(ends.unverified);
    assert!(changes.iter().all(|change| change.source.starts_with("https://")));
    assert!(changes.iter().all(|change| change.deadline.is_none() || change.unverified));
}

#[test]
fn streams_stand_in_the_order_in_which_they_must_be_read() {
    for version in ["1", "2"] {
        let mut seen = BTreeSet::new();
        for stream in square(version).streams() {
            assert!(stream.parents().all(|parent| seen.contains(parent)), "{version} {}", stream.name());
            seen.insert(stream.name());
        }
    }
    let posting: Vec<&str> = square("2")
        .streams()
        .iter()
        .filter(|stream| stream.posts())
        .map(|stream| stream.name())
        .collect();
    assert_eq!(posting, ["payments", "refunds", "disputes", "payouts", "payout_entries"]);
}

#[test]
fn every_code_is_listed_once() {
    let codes: Vec<&str> = connector::codes().map(|code| code.0).collect();
    let unique: BTreeSet<&&str> = codes.iter().collect();
    assert_eq!(codes.len(), unique.len());
    assert!(codes.contains(&"E-PACKAGE") && codes.contains(&"E-FETCH-LOOP") && codes.contains(&"E-MAP-LOST"));
}

#[test]
fn a_newer_version_that_forgets_an_old_key_is_refused() {
    let folder = std::env::temp_dir().join(format!("changeover-catalog-{}", std::process::id()));
    let connector = folder.join("square");
    std::fs::create_dir_all(&connector).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalog/connectors/square");
    let old = std::fs::read_to_string(source.join("1.yaml")).unwrap();
    let new = std::fs::read_to_string(source.join("2.yaml")).unwrap();
    std::fs::write(connector.join("1.yaml"), old).unwrap();
    std::fs::write(connector.join("2.yaml"), new.replace("'square-1:refund:'", "'square-1:refnd:'")).unwrap();
    let refused = Catalog::load(&folder);
    std::fs::remove_dir_all(&folder).unwrap();
    let problem = refused.unwrap_err();
    assert_eq!(problem.code.0, "E-PACKAGE");
    assert!(
        problem
            .why
            .iter()
            .all(|fault| fault.contains("square-1:refund:") && fault.contains("1.yaml:")),
        "{problem}"
    );
    assert!(!problem.why.is_empty());
}
