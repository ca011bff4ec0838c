//! What the shipped files say, held against what was read about each provider. A fact that changes there is changed here
//! by a person who has read it, not by accident.

use authorization::provider::*;
use authorization::*;
use std::collections::BTreeSet;

fn named(name: &str) -> Provider {
    providers().unwrap().into_iter().find(|p| p.name == name).unwrap()
}

fn sign_in(name: &str) -> SignInFacts {
    named(name).sign_in().unwrap().clone()
}

const MINUTE: u32 = 60;
const HOUR: u32 = 3600;
const DAY: u32 = 86_400;

#[test]
fn all_eleven_are_there_with_their_kind_of_credential() {
    use CredentialKind::*;
    let expected = [
        ("square", OauthPkce, true),
        ("stripe", ApiKey, true),
        ("paypal", ClientCredentials, true),
        ("gocardless", ApiKey, true),
        ("mollie", ApiKey, true),
        ("xero", OauthPkce, false),
        ("quickbooks", OauthOwnApp, true),
        ("freshbooks", OauthOwnApp, false),
        ("zoho-books", OauthOwnApp, false),
        ("sage", OauthOwnApp, false),
        ("freeagent", OauthOwnApp, true),
    ];
    let found: Vec<_> = providers().unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|p| (p.name.as_str(), p.kind(), p.environments().any(|e| e == Environment::Sandbox)))
        .collect();
    assert_eq!(found, expected);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalog/providers");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    let shipped: BTreeSet<String> = expected.iter().map(|(name, _, _)| format!("{name}.toml")).collect();
    assert_eq!(files, shipped, "every file is part of the program");
}

#[test]
fn everything_that_a_person_reads_is_a_sentence() {
    let sentence = |of: &str, text: &str| {
        assert!(text.ends_with('.') && text.contains(' ') && text.len() > 20, "{of}: {text}");
        let first = text.chars().next().unwrap();
        assert!(first.is_uppercase(), "{of}: {text}");
        for word in ["OAuth2", "scope", "tenant", "token endpoint", "bearer"] {
            assert!(!text.contains(word), "{of}: \"{word}\" in \"{text}\"");
        }
    };
    for p in providers().unwrap() {
        for permission in &p.permissions {
            sentence(&p.name, &permission.purpose);
        }
        for old in &p.retiring {
            sentence(&p.name, &old.why);
        }
        for step in p.guide.steps.iter().chain(&p.guide.replace) {
            sentence(&p.name, step);
        }
        for deadline in &p.deadlines {
            sentence(&p.name, &deadline.what);
        }
        for said in [&p.without_sandbox, &p.without_permissions].into_iter().flatten() {
            sentence(&p.name, said);
        }
        sentence(&p.name, &p.revocation.why);
        sentence(&p.name, &p.revocation.page_says);
        if let Some(key) = p.key() {
            for refused in &key.refused {
                sentence(&p.name, &refused.why);
            }
        }
        assert!(
            p.unverified.iter().all(|u| u.fact.ends_with('.') && !u.source.is_empty()),
            "{}",
            p.name
        );
    }
}

// Check 42.
#[test]
fn lives_are_those_that_the_providers_state() {
    // name, access, code, refresh (0 = no fixed end), cap
    let expected = [
        ("square", 30 * DAY, Some(5 * MINUTE), 90 * DAY, None),
        ("xero", 30 * MINUTE, None, 60 * DAY, None),
        ("quickbooks", HOUR, None, 100 * DAY, Some(5 * 365 * DAY)),
        ("freshbooks", 12 * HOUR, Some(5 * MINUTE), 0, None),
        ("zoho-books", HOUR, Some(2 * MINUTE), 0, None),
        ("sage", 300, Some(60), 31 * DAY, None),
        ("freeagent", HOUR, Some(15 * MINUTE), 631_151_957, None),
    ];
    for (name, access, code, refresh, cap) in expected {
        let facts = sign_in(name);
        assert_eq!(facts.token.access_life.map(Life::seconds), Some(access), "{name}");
        assert_eq!(facts.code_life.map(Life::seconds), code, "{name}");
        let life = match facts.refresh.life {
            RefreshLife::Ends { after, .. } => after.seconds(),
            RefreshLife::UntilRevoked | RefreshLife::Unknown => 0,
        };
        assert_eq!(life, refresh, "{name}");
        assert_eq!(facts.refresh.cap.map(Life::seconds), cap, "{name}");
        // Renewing early must leave most of the access's life.
        assert!(facts.refresh.renew_before_end.seconds() * 4 <= access, "{name}");
    }
    assert_eq!(named("paypal").token().unwrap().access_life.unwrap().seconds(), 9 * HOUR);
    assert_eq!(sign_in("freshbooks").refresh.life, RefreshLife::UntilRevoked);
}

#[test]
fn rotation_and_grace_are_those_that_the_providers_state() {
    let expected = [
        ("square", Rotation::Always, None),
        ("xero", Rotation::Always, Some(30 * MINUTE)),
        ("quickbooks", Rotation::Sometimes, Some(24 * HOUR)),
        ("freshbooks", Rotation::Always, None),
        ("zoho-books", Rotation::Never, None),
        ("sage", Rotation::Always, None),
        ("freeagent", Rotation::Sometimes, None),
    ];
    for (name, rotation, grace) in expected {
        let refresh = sign_in(name).refresh;
        assert_eq!((refresh.rotation, refresh.grace.map(Life::seconds)), (rotation, grace), "{name}");
    }
    assert_eq!(sign_in("square").refresh.renew_at_least_every.unwrap().seconds(), 7 * DAY);
}

// Check 2.
#[test]
fn requests_for_tokens_take_the_form_that_each_provider_wants() {
    use {ClientAuth::*, Pkce::*, ScopeList::*, TokenRequest::*};
    let expected = [
        ("square", Json, NoSecret, Required, Space),
        ("xero", Form, NoSecret, Required, Space),
        ("quickbooks", Form, Basic, Sent, Space),
        ("freshbooks", Json, Body, Pkce::None, Space),
        ("zoho-books", Form, Body, Required, Comma),
        ("sage", Form, Body, Sent, Space),
        ("freeagent", Form, Basic, Pkce::None, ScopeList::None),
    ];
    for (name, request, auth, pkce, scopes) in expected {
        let facts = sign_in(name);
        let found = (facts.token.request, facts.token.client_auth, facts.pkce, facts.scopes);
        assert_eq!(found, (request, auth, pkce, scopes), "{name}");
    }
    assert_eq!(named("square").token().unwrap().expiry, Expiry::Absolute);
    assert!(sign_in("zoho-books").token.errors_with_success);
    let paypal = named("paypal");
    assert_eq!(
        (paypal.token().unwrap().request, paypal.token().unwrap().client_auth),
        (Form, Basic)
    );
    assert_eq!(
        named("quickbooks").refresh().unwrap().expires_field,
        Some(ExpiresField::XRefreshTokenExpiresIn)
    );
}

#[test]
fn redirects_are_those_that_each_provider_takes() {
    let redirects = |name: &str, environment| {
        let found = named(name).endpoints(environment).unwrap();
        assert_eq!(Some(&found.redirect), found.redirects.first(), "{name}");
        found.redirects
    };
    let paste_only = |list: &[Redirect]| matches!(list, [Redirect::Paste { address: None }]);
    for name in ["square", "quickbooks", "freshbooks"] {
        assert!(paste_only(&redirects(name, Environment::Production)), "{name} takes only https");
    }
    assert!(matches!(
        &redirects("square", Environment::Sandbox)[0],
        Redirect::Loopback { host: LoopbackHost::Localhost, ports } if ports.is_empty()
    ));
    // No wildcard there: the ports are registered beforehand.
    for (name, environment) in [("xero", Environment::Production), ("quickbooks", Environment::Sandbox)] {
        assert!(
            matches!(&redirects(name, environment)[0], Redirect::Loopback { host: LoopbackHost::Localhost, ports } if ports.len() == 5),
            "{name}"
        );
    }
    for p in providers().unwrap() {
        for environment in p.environments() {
            let found = p.endpoints(environment).unwrap();
            let pastes = found.redirects.contains(&Redirect::Paste { address: None });
            assert_eq!(pastes, p.sign_in().is_some(), "{}: pasting always works where one signs in", p.name);
            assert_eq!(found.authorize.is_some(), p.sign_in().is_some(), "{}", p.name);
            assert_eq!(found.token.is_some(), p.token().is_some(), "{}", p.name);
        }
    }
}

#[test]
fn the_company_is_asked_for_where_each_provider_tells_it() {
    let xero = named("xero").identity;
    assert_eq!(
        (xero.path.as_str(), xero.list.as_deref(), xero.id.as_str()),
        ("/connections", Some(""), "/tenantId")
    );
    assert_eq!(named("xero").api.company, Some(CompanyPlace::Header("xero-tenant-id".into())));
    assert_eq!(named("sage").api.company, Some(CompanyPlace::Header("X-Business".into())));
    assert_eq!(named("zoho-books").api.company, Some(CompanyPlace::Query("organization_id".into())));
    assert_eq!(named("zoho-books").api.authorization, AuthorizationHeader::ZohoOauthtoken);
    assert_eq!(named("gocardless").api.headers["GoCardless-Version"], "2015-07-06");
    assert!(named("freeagent").api.headers.contains_key("User-Agent"));
    let realm = &named("quickbooks").parameters[0];
    assert_eq!((realm.name.as_str(), realm.verify), ("realmId", Verify::Identity));
    for name in ["square", "stripe", "paypal", "gocardless", "mollie", "quickbooks", "freeagent"] {
        assert!(named(name).identity.list.is_none(), "{name}");
    }
}

// Check 23.
#[test]
fn a_region_is_one_of_the_list_to_the_letter_or_none() {
    let zoho = named("zoho-books").endpoints(Environment::Production).unwrap();
    let names: Vec<_> = zoho.data_centers.iter().map(|c| c.accounts.host_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "accounts.zoho.com",
            "accounts.zoho.eu",
            "accounts.zoho.in",
            "accounts.zoho.com.au",
            "accounts.zoho.jp"
        ]
    );
    let europe = zoho.data_center("https://accounts.zoho.eu").unwrap();
    let there = zoho.at(europe);
    assert_eq!(there.token.unwrap().as_str(), "https://accounts.zoho.eu/oauth/v2/token");
    assert_eq!(there.revoke.unwrap().as_str(), "https://accounts.zoho.eu/oauth/v2/token/revoke");
    assert_eq!(there.api_base.as_str(), "https://www.zohoapis.eu/");
    assert!(zoho.data_center("https://accounts.zoho.eu/").is_some());
    for evil in [
        "https://evil.example",
        "https://accounts.zoho.com.evil.tld",
        "https://accounts.zoho.com@evil.example",
        "https://user@accounts.zoho.com",
        "https://evil.accounts.zoho.com",
        "http://accounts.zoho.com",
        "https://accounts.zoho.com:8443",
        "https://accounts.zoho.com/oauth/v2/token",
        "https://accounts.zoho.com/?to=evil",
        "https://accounts.zoho.com.",
        "https://ACCOUNTS.zoho.com",
        "HTTPS://accounts.zoho.com",
        "https://accounts.zoho.com:443",
        "https://accounts.zoho.com//",
        "https://accounts.zoho.com/#",
        "https://accounts.zoho.com ",
        " https://accounts.zoho.com",
        "https:\\\\accounts.zoho.com",
        "https://accounts.zoho.com\t",
        "https://accounts.zoho.c%6Fm",
        "https://accounts.zoho.com.cn",
        "accounts.zoho.com",
        "//accounts.zoho.com",
        "",
    ] {
        assert!(zoho.data_center(evil).is_none(), "{evil}");
    }
    assert!(zoho.allows(&"https://www.zohoapis.jp/books/v3/organizations".parse().unwrap()));
    for evil in [
        "https://www.zohoapis.jp.evil.tld/",
        "http://www.zohoapis.jp/",
        "https://x@www.zohoapis.jp/",
    ] {
        assert!(!zoho.allows(&evil.parse().unwrap()), "{evil}");
    }
}

// Check 32.
#[test]
fn live_and_test_are_told_apart() {
    for p in providers().unwrap() {
        let Ok(sandbox) = p.endpoints(Environment::Sandbox) else {
            assert!(p.without_sandbox.is_some(), "{}", p.name);
            continue;
        };
        let live = p.endpoints(Environment::Production).unwrap();
        let apart = live.api_base != sandbox.api_base || live.livemode != sandbox.livemode || live.api_query != sandbox.api_query;
        assert!(apart, "{}: nothing tells test money from live money", p.name);
    }
    let stripe = |e| named("stripe").endpoints(e).unwrap();
    assert_eq!(stripe(Environment::Production).key_prefixes, ["rk_live_"]);
    assert_eq!(stripe(Environment::Sandbox).key_prefixes, ["rk_test_"]);
    assert!(stripe(Environment::Production).livemode.unwrap().value);
    assert!(!stripe(Environment::Sandbox).livemode.unwrap().value);
    let stripe = named("stripe");
    assert!(
        stripe.key().unwrap().refused.iter().any(|r| r.prefix == "sk_"),
        "standard keys are not taken"
    );
    assert_eq!(
        named("mollie").endpoints(Environment::Sandbox).unwrap().api_query,
        [("testmode".to_string(), "true".to_string())]
    );
}

#[test]
fn keys_have_a_request_that_proves_each_permission() {
    for p in providers().unwrap().iter().filter(|p| p.key().is_some()) {
        for permission in &p.permissions {
            let probe = permission
                .probe
                .as_ref()
                .unwrap_or_else(|| panic!("{} {}", p.name, permission.name));
            assert_eq!(probe.method, ProbeMethod::Get);
        }
        assert!(p.guide.steps.len() >= 3 && p.guide.replace.len() >= 3, "{}", p.name);
    }
}

#[test]
fn what_ends_access_is_said_for_each_provider() {
    use RevocationKind::*;
    let expected = [
        ("square", NeedsSecret, Ends::Grant),
        ("xero", Rfc7009, Ends::Unknown),
        ("quickbooks", Rfc7009, Ends::Unknown),
        ("freshbooks", Rfc7009, Ends::Unknown),
        ("zoho-books", Rfc7009, Ends::Token),
        ("sage", Rfc7009, Ends::Token),
        ("freeagent", None, Ends::Unknown),
        ("stripe", None, Ends::Token),
        ("paypal", None, Ends::Unknown),
        ("gocardless", None, Ends::Token),
        ("mollie", None, Ends::Token),
    ];
    for (name, kind, ends) in expected {
        let revocation = named(name).revocation;
        assert_eq!((revocation.kind, revocation.ends), (kind, ends), "{name}");
        assert_eq!(revocation.possible, matches!(kind, Rfc7009 | Delete), "{name}");
    }
}

#[test]
fn limits_are_those_that_were_read() {
    let quotas = |name: &str| {
        let limits = named(name).limits;
        limits.quota.iter().map(|q| (q.requests, q.per)).collect::<Vec<_>>()
    };
    use Period::*;
    assert_eq!(quotas("xero"), [(60, Minute), (5000, Day), (1000, Day), (10_000, Minute)]);
    assert_eq!(quotas("quickbooks"), [(500, Minute), (10, Second)]);
    assert_eq!(quotas("sage"), [(100, Minute), (2500, Day)]);
    assert_eq!(quotas("freeagent"), [(120, Minute), (3600, Hour), (15, Minute)]);
    assert_eq!(quotas("gocardless"), [(1000, Minute)]);
    assert_eq!(quotas("stripe"), [(100, Second), (25, Second), (25, Second), (20, Second)]);
    for name in ["square", "paypal", "freshbooks", "mollie"] {
        assert!(quotas(name).is_empty(), "{name} publishes no number");
    }
    let xero = named("xero").limits;
    assert_eq!((xero.concurrent[0].requests, xero.busy), (5, Busy::RetryAfter));
    assert_eq!(named("quickbooks").limits.concurrent[0].requests, 10);
    assert_eq!(named("zoho-books").limits.busy, Busy::Silent);
}

// Check 44.
#[test]
fn the_calendar_is_the_one_that_was_read() {
    let mut calendar: Vec<(String, String, bool)> = Vec::new();
    for p in providers().unwrap() {
        for when in p.deadlines.iter().filter_map(|d| d.on) {
            calendar.push((when.day.to_string(), p.name.clone(), when.day_is_known));
        }
    }
    calendar.sort();
    let calendar: Vec<_> = calendar
        .iter()
        .map(|(day, name, known)| (day.as_str(), name.as_str(), *known))
        .collect();
    assert_eq!(
        calendar,
        [
            ("2024-09-30", "stripe", true),
            ("2025-11-12", "quickbooks", true),
            ("2026-01-01", "quickbooks", false),
            ("2026-03-02", "xero", true),
            ("2026-04-01", "xero", false),
            ("2027-02-01", "quickbooks", false),
            ("2027-09-01", "xero", false),
            ("2028-10-01", "quickbooks", false),
        ]
    );
}

// Check 28.
#[test]
fn a_retiring_permission_still_counts_for_what_it_covers() {
    let xero = named("xero");
    let old = ["accounting.transactions".to_string()];
    assert!(xero.is_granted(&old, "accounting.manualjournals"));
    assert!(xero.is_granted(&old, "accounting.invoices.read"));
    assert!(!xero.is_granted(&old, "accounting.settings"));
    assert!(!xero.is_granted(&["accounting.transactions.read".to_string()], "accounting.manualjournals"));
    assert!(
        xero.retiring
            .iter()
            .all(|r| r.on.is_some_and(|when| when.day.to_string() == "2027-09-01" && !when.day_is_known))
    );
    assert_eq!(
        xero.check_permissions(&old).unwrap_err().code,
        problems::E_PERMISSION_UNKNOWN,
        "it is never asked for"
    );
    assert!(xero.explain("accounting.transactions").contains("older permission"));
}

#[test]
fn a_time_is_written_as_people_say_it() {
    for (written, seconds, shown) in [
        ("1 second", 1, "1 second"),
        ("300 seconds", 300, "5 minutes"),
        ("30 minutes", 1800, "30 minutes"),
        ("1 hour", 3600, "1 hour"),
        ("60 days", 60 * DAY, "60 days"),
        ("5 years", 5 * 365 * DAY, "5 years"),
    ] {
        let life = Life::try_from(written.to_string()).unwrap();
        assert_eq!((life.seconds(), life.to_string().as_str()), (seconds, shown));
    }
    for wrong in [
        "",
        "5",
        "minutes",
        "-5 minutes",
        "5  minutes",
        "5 minutess",
        "1.5 hours",
        "5 Minutes",
        "5 weeks",
    ] {
        assert!(Life::try_from(wrong.to_string()).is_err(), "{wrong}");
    }
}

/// What the research marks as general knowledge, third-party or unconfirmed, by a word of it.
#[test]
fn what_was_never_confirmed_is_said_for_each_provider() {
    let expected: [(&str, &[&str]); 11] = [
        ("square", &["http on this computer", "PAYMENTS_READ", "renewal"]),
        ("stripe", &["too many requests", "livemode", "permission"]),
        ("paypal", &["permission", "/v1/oauth2/token/terminate", "too many requests"]),
        ("gocardless", &["do not expire", "1000 requests", "ended", "redirect"]),
        ("mollie", &["PKCE", "refresh tokens change", "DELETE", "How many requests"]),
        ("xero", &["Demo Company", "127.0.0.1", "ends access", "limits per minute"]),
        (
            "quickbooks",
            &[
                "https://localhost",
                "24 hours",
                "x_refresh_token_expires_in",
                "how long to wait",
                "names of the permissions",
            ],
        ),
        (
            "freshbooks",
            &["no grace", "5 minutes", "ends access", "which businesses", "How many requests"],
        ),
        (
            "zoho-books",
            &[
                "secret",
                "port is compared",
                "China, Canada, Saudi Arabia and United Kingdom",
                "limits",
                "paths",
            ],
        ),
        ("sage", &["old refresh token", "localhost", "limits per minute"]),
        (
            "freeagent",
            &[
                "older refresh token",
                "localhost",
                "end access",
                "limits per minute",
                "levels from 0 to 8",
            ],
        ),
    ];
    for (name, words) in expected {
        let said: Vec<String> = named(name).unverified.into_iter().map(|u| u.fact).collect();
        for word in words {
            assert!(said.iter().any(|fact| fact.contains(word)), "{name}: nothing is said of \"{word}\"");
        }
    }
    // A number that no page of the provider's own states is never shown as if it did.
    for p in providers().unwrap() {
        let sources = p
            .limits
            .quota
            .iter()
            .map(|q| &q.source)
            .chain(p.limits.concurrent.iter().map(|c| &c.source));
        for source in sources.filter(|source| !source.starts_with("https://")) {
            assert!(p.unverified.iter().any(|u| u.fact.contains("limit")), "{}: {source}", p.name);
        }
        assert!(p.deadlines.iter().all(|d| d.source.starts_with("https://")), "{}", p.name);
    }
}
