//! A provider that was read: its addresses, and what is said of its permissions. The files themselves are tested in
//! `provider_files.rs` and `provider_facts.rs`.

use authorization::*;
use url::Url;

#[test]
fn every_shipped_provider_passes_its_checks() {
    let all = providers().unwrap();
    assert_eq!(all[0].name, "square", "the practice company's own comes first");
    for provider in all {
        for environment in provider.environments() {
            provider.endpoints(environment).unwrap().check().unwrap();
        }
        assert!(!provider.unverified.is_empty(), "unconfirmed facts are listed");
        assert_eq!(provider.endpoints(Environment::Practice).unwrap_err().code, problems::E_PROVIDER);
    }
}

#[test]
fn plain_http_is_for_this_computer_only() {
    let square = providers().unwrap().remove(0);
    for good in ["http://127.0.0.1:9/", "http://localhost:9/", "http://[::1]:9/"] {
        let here = square.practice_endpoints(&Url::parse(good).unwrap()).unwrap();
        assert_eq!(here.environment, Environment::Practice);
    }
    for bad in [
        "http://192.168.0.7/",
        "https://example.org/",
        "http://127.0.0.1.example.org/",
        "http://localhost.example.org/",
    ] {
        assert_eq!(
            square.practice_endpoints(&Url::parse(bad).unwrap()).unwrap_err().code,
            problems::E_PROVIDER,
            "{bad}"
        );
    }
    let mut mixed = square.endpoints(Environment::Production).unwrap();
    mixed.token = Some(Url::parse("http://connect.squareup.com/oauth2/token").unwrap());
    mixed.api_base = Url::parse("ftp://connect.squareup.com/").unwrap();
    assert_eq!(mixed.check().unwrap_err().why.len(), 2);
}

#[test]
fn a_permission_that_nobody_explains_is_not_asked_for() {
    let square = providers().unwrap().remove(0);
    let problem = square
        .check_permissions(&["PAYMENTS_READ".into(), "PAYMENTS_WRITE".into()])
        .unwrap_err();
    assert_eq!(problem.code, problems::E_PERMISSION_UNKNOWN);
    let problem = require_permissions(&square, &["PAYMENTS_READ".into()], &["PAYMENTS_READ".into(), "ORDERS_READ".into()]).unwrap_err();
    assert_eq!(problem.code, problems::E_PERMISSION_MISSING);
    assert_eq!(
        problem.why,
        ["ORDERS_READ: Read orders, to split off tax and tell gift card sales from other sales."]
    );
}

#[test]
fn names_from_outside_are_made_fit_for_a_sentence() {
    let name = format!("\u{202E}<b>{}\n", "x".repeat(2000));
    let shown = problems::shown(&name);
    assert!(
        shown.starts_with("<b>xxx") && shown.ends_with('…') && shown.chars().count() == 81,
        "{shown}"
    );
    let mut codes: Vec<_> = codes().collect();
    let count = codes.len();
    codes.sort();
    codes.dedup();
    assert_eq!(codes.len(), count, "no code twice");
}
