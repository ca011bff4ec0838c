//! Provider files: what is read, and every fault that is refused.

use authorization::*;
use url::Url;

const SQUARE: &str = include_str!("../../../../catalog/providers/square.toml");

#[test]
fn every_shipped_provider_passes_its_checks() {
    let all = providers().unwrap();
    assert!(!all.is_empty());
    for provider in all {
        for environment in [Environment::Production, Environment::Sandbox] {
            provider.endpoints(environment).unwrap().check().unwrap();
        }
        assert!(!provider.unverified.is_empty(), "unconfirmed facts are listed");
        assert_eq!(provider.endpoints(Environment::Practice).unwrap_err().code, problems::E_PROVIDER);
    }
}

fn check(find: &str, replace: &str, expected: &str) {
    assert!(SQUARE.contains(find), "{find}");
    let problem = Provider::parse("square.toml", &SQUARE.replacen(find, replace, 1)).unwrap_err();
    assert_eq!(problem.code, problems::E_PROVIDER);
    assert!(problem.why.iter().any(|why| why.starts_with(expected)), "{expected}\n{problem}");
}

#[test]
fn a_bad_provider_file_is_refused_with_file_line_and_reason() {
    check("title = ", "colour = ", "square.toml:6: unknown field `colour`");
    check("title = \"Square\"", "", "square.toml:");
    check("\"S256\"", "\"plain\"", "square.toml:11: unknown variant `plain`");
    check(
        "kind = \"oauth_pkce\"",
        "kind = \"magic\"",
        "square.toml:10: unknown variant `magic`",
    );
    check(
        "https://connect.squareup.com/oauth2/token\"",
        "http://connect.squareup.com/oauth2/token\"",
        "square.toml:19:",
    );
    check(
        "https://connect.squareup.com/oauth2/authorize",
        "https://user@connect.squareup.com/oauth2/authorize",
        "square.toml:18:",
    );
    check(
        "{ session = \"false\" }",
        "{ state = \"mine\" }",
        "square.toml:24: extra: state belongs to the protocol",
    );
    check(
        "name = \"sandbox\"",
        "name = \"moon\"",
        "square.toml:27: environment: production or sandbox",
    );
    check(
        "name = \"sandbox\"",
        "name = \"production\"",
        "square.toml:26: the environment production stands here twice",
    );
    check("name = \"PAYOUTS_READ\"", "name = \"PAYMENTS_READ\"", "square.toml:");
    check(
        "refused = [\"invalid_grant\", \"UNAUTHORIZED\", \"service.not_authorized\", \"ACCESS_TOKEN_REVOKED\", \"ACCESS_TOKEN_EXPIRED\"]",
        "refused = []",
        "square.toml:34:",
    );
    check(
        "checked = \"2026-11-23\"",
        "checked = \"lately\"",
        "square.toml:7: checked: not a date",
    );
}

#[test]
fn every_finding_is_reported_at_once() {
    let bad = SQUARE
        .replace("2026-11-23\"", "lately\"")
        .replace("requests_per_second = 10", "requests_per_second = 0");
    assert_eq!(Provider::parse("square.toml", &bad).unwrap_err().why.len(), 2);
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
    mixed.token = Url::parse("http://connect.squareup.com/oauth2/token").unwrap();
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
