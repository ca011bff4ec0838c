//! Rows, their order, their days across a clock change, the calendar file and the notices, from facts of real providers.

use super::ics::{escaped, folded};
use super::*;
use crate::store::company::{Company, Connection};
use authorization::provider::CredentialKind;
use authorization::{CredentialState, Described, Environment, KeptWhere, Provider, Tenant};
use connector::Catalog;
use ledger::{Currency, RoleMap};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const TENANT: &str = "MLH0SECRETCOMPANYID";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn company(zone: &str) -> Company {
    Company {
        id: "company-1".into(),
        name: "Harbour Street Bakery".into(),
        books_path: "/b".into(),
        zone: zone.into(),
        currency: Currency::of("USD").unwrap(),
        closed_through: None,
        practice: false,
        created_at: at("2026-01-01T00:00:00Z"),
    }
}

fn connection(provider: &str) -> Connection {
    Connection {
        id: format!("connection-{provider}"),
        company_id: "company-1".into(),
        provider: provider.into(),
        environment: "production".into(),
        endpoints: None,
        client_id: "client".into(),
        tenant_id: Some(TENANT.into()),
        tenant_name: Some("Harbour".into()),
        connector: "square".into(),
        version: "1".into(),
        roles: RoleMap(BTreeMap::new()),
        sync_from: at("2026-01-01T00:00:00Z"),
        synced_at: None,
    }
}

fn provider(name: &str) -> Provider {
    authorization::providers().unwrap().into_iter().find(|one| one.name == name).unwrap()
}

/// An access that was given and renewed at these instants, of the provider's own kind.
fn access(provider: &Provider, granted: &str, renewed: &str) -> Described {
    Described {
        connection_id: format!("connection-{}", provider.name),
        generation: 1,
        provider: provider.name.clone(),
        environment: Environment::Production,
        kind: provider.kind().name().into(),
        tenant: Tenant { id: TENANT.into(), name: "Harbour".into() },
        permissions: Vec::new(),
        missing: Vec::new(),
        granted_at: at(granted),
        renewed_at: at(renewed),
        access_expires: None,
        refresh_expires: None,
        state: CredentialState::Active,
        reason: None,
        kept_where: KeptWhere::Keychain,
        last_used: None,
    }
}

/// The sorted rows of one connection to `name`, whose access was changed by `change`, on connector `connector`.
fn rows_with(name: &str, zone: &str, now: &str, connector: &str, change: impl FnOnce(&mut Described)) -> Vec<Ending> {
    let catalog = Catalog::builtin().unwrap();
    let package = catalog.connector("square", connector).unwrap();
    let (provider, company, connection) = (provider(name), company(zone), Connection { version: connector.into(), ..connection(name) });
    let mut access = access(&provider, "2026-11-01T12:00:00Z", "2026-11-01T12:00:00Z");
    change(&mut access);
    let tz = TimeZone::get(zone).unwrap();
    let known = Known {
        company: &company,
        zone: &tz,
        connection: &connection,
        provider: &provider,
        accesses: vec![InUse { version: connector.into(), access }],
        api_version: package.api_version(),
        connector,
        newer: catalog.successor(package).into_iter().collect(),
        upgrading_to: None,
    };
    let mut rows = endings(&known, at(now));
    sort(&mut rows, at(now));
    rows
}

const NOW: &str = "2026-11-23T14:00:00Z";
const NEW_YORK: &str = "America/New_York";

fn rows(name: &str, change: impl FnOnce(&mut Described)) -> Vec<Ending> {
    rows_with(name, NEW_YORK, NOW, "2", change)
}

fn one<'a>(rows: &'a [Ending], begins: &str) -> &'a Ending {
    let found: Vec<&Ending> = rows.iter().filter(|row| row.id.starts_with(begins)).collect();
    assert_eq!(found.len(), 1, "{begins}: {:?}", rows.iter().map(|row| &row.id).collect::<Vec<_>>());
    found[0]
}

/// A bare row that ends so.
fn ending(id: &str, zone: &str, end: End) -> Ending {
    let all = rows_with("square", zone, NOW, "2", |_| {});
    let what = What::Announced { text: "Something, changes; for all.".into() };
    Ending { id: id.into(), end, what, act: Act::Read, notes: Vec::new(), ..all[0].clone() }
}

#[test]
fn a_sign_in_that_renews_itself_says_when_it_would_end_if_it_were_not_used() {
    let all = rows("xero", |_| {});
    let row = one(&all, "sign-in/");
    assert_eq!(row.end, End::At(at("2026-12-31T12:00:00Z")), "sixty days after the last renewal");
    assert_eq!((&row.act, &row.sure), (&Act::RenewsItself, &Sure::WorkedOut));
    assert_eq!(row.source.as_deref(), Some("https://developer.xero.com/documentation/oauth2/pkce-flow"));
}

#[test]
fn what_the_provider_answered_counts_before_what_its_pages_say() {
    let all = rows("square", |access| access.refresh_expires = Some(at("2027-01-15T00:00:00Z")));
    let row = one(&all, "sign-in/");
    assert_eq!((row.end, &row.sure), (End::At(at("2027-01-15T00:00:00Z")), &Sure::Said));
}

#[test]
fn a_sign_in_near_its_end_needs_a_person_although_it_could_renew_itself() {
    for (end, act) in [("2026-12-07T20:00:00Z", Act::Reconnect), ("2026-12-09T00:00:00Z", Act::RenewsItself)] {
        let all = rows("square", |access| access.refresh_expires = Some(at(end)));
        assert_eq!(one(&all, "sign-in/").act, act, "{end}");
    }
}

// Check 44.
#[test]
fn quickbooks_ends_after_a_hundred_days_and_for_good_after_five_years() {
    let all = rows("quickbooks", |access| access.granted_at = at("2022-02-10T08:00:00Z"));
    let (rolling, cap) = (one(&all, "sign-in/"), one(&all, "cap/"));
    assert_eq!(rolling.end, End::At(at("2027-02-09T12:00:00Z")));
    assert!(matches!(&rolling.sure, Sure::Unverified { why: Some(why) } if why.contains("x_refresh_token_expires_in")), "{:?}", rolling.sure);
    assert_eq!(cap.end, End::At(at("2027-02-09T08:00:00Z")), "five years of 365 days, so a day early");
    let ends = |name: &str, change: fn(&mut Described)| {
        let provider = provider(name);
        let mut access = access(&provider, "2026-11-01T12:00:00Z", "2026-11-01T12:00:00Z");
        change(&mut access);
        sign_in_ends(&provider, &access)
    };
    let five_years_ago = |access: &mut Described| access.granted_at = at("2022-02-10T08:00:00Z");
    assert_eq!(ends("quickbooks", five_years_ago), Some(at("2027-02-09T08:00:00Z")), "whichever comes first");
    // Half an hour of access is renewed by itself and is nobody's end; sixty days without use are.
    let soon = |access: &mut Described| access.access_expires = Some(at("2026-11-23T12:30:00Z"));
    assert_eq!(ends("xero", soon), Some(at("2026-12-31T12:00:00Z")));
    assert_eq!(ends("paypal", soon), None);
    assert_eq!((&cap.act, &cap.sure), (&Act::Reconnect, &Sure::WorkedOut));
}

#[test]
fn a_renewal_that_promises_no_new_life_is_not_counted_on() {
    let all = rows("freeagent", |access| access.refresh_expires = Some(at("2040-01-01T00:00:00Z")));
    let row = one(&all, "sign-in/");
    assert_eq!((&row.what, &row.act), (&What::SignIn { lasts: Lasts::Fixed }, &Act::Reconnect));
    assert!(matches!(row.sure, Sure::Unverified { .. }));
}

#[test]
fn no_known_end_is_said_only_where_the_provider_says_it_and_an_unknown_one_is_said_to_be_unknown() {
    for (name, end) in [
        ("freshbooks", End::NoKnownEnd),
        ("zoho-books", End::NoKnownEnd),
        ("stripe", End::Unknown),
        ("gocardless", End::Unknown),
        ("mollie", End::Unknown),
        ("paypal", End::Unknown),
    ] {
        let all = rows(name, |_| {});
        assert_eq!(one(&all, "sign-in/").end, end, "{name}");
        assert_eq!(one(&all, "sign-in/").act, Act::Nothing, "{name}");
    }
    let all = rows("gocardless", |_| {});
    assert!(matches!(&one(&all, "sign-in/").sure, Sure::Unverified { why: Some(why) } if why.contains("do not expire")));
    let all = rows("zoho-books", |_| {});
    assert!(one(&all, "sign-in/").notes[0].text.contains("twenty-first sign-in"), "its rule without a day stands beside it");
}

#[test]
fn every_shipped_provider_has_a_sign_in_row_with_a_day_or_a_plain_word_for_none() {
    for provider in authorization::providers().unwrap() {
        let all = rows(&provider.name, |_| {});
        let row = one(&all, "sign-in/");
        let undated = matches!(row.end, End::NoKnownEnd | End::Unknown);
        assert!(undated || row.day().is_some(), "{}", provider.name);
        assert_eq!(undated, row.standing(at(NOW)) == Standing::Undated, "{}", provider.name);
        for text in [row.title(), row.happens(), row.to_do(), row.when()] {
            assert!(!text.is_empty() && !text.contains(TENANT), "{}: {text}", provider.name);
        }
    }
}

#[test]
fn a_sign_in_that_only_a_person_can_renew_has_ended_or_ends_with_its_access() {
    let over = |access: &mut Described| {
        access.state = CredentialState::NeedsReauth;
        access.reason = Some("Square says that it was taken back.".into());
    };
    let all = rows("square", over);
    let row = one(&all, "sign-in/");
    assert_eq!((row.end, row.standing(at(NOW)), &row.act), (End::Over, Standing::Ended, &Act::Reconnect));
    assert!(row.happens().starts_with("Square says that it was taken back."));
    let all = rows("square", |access| {
        over(access);
        access.refresh_expires = Some(at("2027-02-01T00:00:00Z"));
        access.access_expires = Some(at("2026-11-25T00:00:00Z"));
    });
    assert_eq!(one(&all, "sign-in/").end, End::At(at("2026-11-25T00:00:00Z")), "it works until it runs out");
}

#[test]
fn an_access_that_was_given_up_and_one_of_another_kind_are_not_judged_by_the_providers_facts() {
    assert!(rows("square", |access| access.state = CredentialState::Retired).iter().all(|row| !row.id.starts_with("sign-in/")));
    let all = rows("xero", |access| access.kind = CredentialKind::ApiKey.name().into());
    assert_eq!(one(&all, "sign-in/").end, End::Unknown);
}

// Check 44.
#[test]
fn a_granted_permission_that_is_retired_has_its_month_its_source_and_its_doubt() {
    let all = rows("xero", |access| access.permissions = vec!["offline_access".into(), "accounting.transactions".into()]);
    let row = one(&all, "permission/");
    assert_eq!(row.end, End::Month(jiff::civil::date(2027, 9, 1)));
    assert_eq!((row.act.clone(), row.source.as_deref()), (Act::Reconnect, Some("https://developer.xero.com/faq/granular-scopes")));
    assert!(matches!(row.sure, Sure::Unverified { .. }));
    assert!(rows("xero", |_| {}).iter().all(|row| !row.id.starts_with("permission/")), "only what was granted ends");
}

#[test]
fn a_connectors_deadline_is_a_whole_day_and_stays_marked_as_unconfirmed() {
    let all = rows_with("square", NEW_YORK, NOW, "1", |_| {});
    let row = one(&all, "connector/");
    assert_eq!(row.end, End::On(jiff::civil::date(2026, 12, 31)));
    assert_eq!((&row.act, &row.sure), (&Act::PlanUpgrade { to: "2".into() }, &Sure::Unverified { why: None }));
    assert_eq!(row.source.as_deref(), Some("https://developer.squareup.com/docs/build-basics/api-lifecycle"));
    assert!(all.iter().all(|row| !row.id.starts_with("interface/")));
}

#[test]
fn the_newest_connector_says_that_nobody_knows_when_its_interface_ends() {
    let all = rows("square", |_| {});
    let row = one(&all, "interface/");
    assert_eq!((row.end, &row.act), (End::Unknown, &Act::Nothing));
    assert_eq!(row.what, What::ApiVersion { version: "2025-08-20".into(), connector: "2".into() });
    assert_eq!(all.last().unwrap().id, row.id, "what has no day stands last");
}

#[test]
fn a_passed_announcement_matters_only_to_an_access_from_before_it() {
    let announced = |granted: &str| {
        let all = rows("stripe", |access| access.granted_at = at(granted));
        all.iter().filter(|row| row.id.starts_with("announced/")).count()
    };
    assert_eq!((announced("2024-09-01T00:00:00Z"), announced("2024-10-02T00:00:00Z")), (1, 0));
}

#[test]
fn rows_stand_in_order_past_first_then_by_time_and_without_a_day_last() {
    let day = |d: i8| End::On(jiff::civil::date(2026, 12, d));
    let mut all: Vec<Ending> = [
        ("never", End::NoKnownEnd),
        ("late", day(20)),
        ("unknown", End::Unknown),
        ("past", End::At(at("2026-11-20T00:00:00Z"))),
        ("early", End::At(at("2026-12-02T00:00:00Z"))),
        ("over", End::Over),
        ("older", End::At(at("2026-10-20T00:00:00Z"))),
    ]
    .map(|(id, end)| ending(id, NEW_YORK, end))
    .to_vec();
    sort(&mut all, at(NOW));
    let order: Vec<&str> = all.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(order, ["over", "older", "past", "early", "late", "unknown", "never"]);
}

#[test]
fn days_are_those_of_the_business_and_not_periods_of_24_hours() {
    let check = |zone: &str, now: &str, end: End, days: i32| assert_eq!(ending("x", zone, end).days_left(at(now)), Some(days), "{zone} {now} {end:?}");
    // The clock goes forward on 8 March 2026: 24.5 hours lie between Saturday 23:30 and Monday 01:00 in New York.
    check(NEW_YORK, "2026-03-08T04:30:00Z", End::At(at("2026-03-09T05:00:00Z")), 2);
    // It goes back on 1 November: 25 hours within one day.
    check(NEW_YORK, "2026-11-01T04:00:00Z", End::At(at("2026-11-02T04:59:59Z")), 0);
    check(NEW_YORK, "2026-11-01T04:00:00Z", End::At(at("2026-11-02T05:00:00Z")), 1);
    // The same instant is another day elsewhere.
    check("Pacific/Auckland", "2026-11-23T14:00:00Z", End::At(at("2026-11-24T10:59:00Z")), 0);
    check(NEW_YORK, "2026-11-23T14:00:00Z", End::At(at("2026-11-24T10:59:00Z")), 1);
}

#[test]
fn a_day_that_a_clock_change_robs_of_its_midnight_begins_at_its_first_instant() {
    // In Beirut the clock goes from 00:00 to 01:00 on 29 March 2026.
    let row = ending("x", "Asia/Beirut", End::On(jiff::civil::date(2026, 3, 29)));
    assert_eq!(row.moment(), Some(at("2026-03-28T22:00:00Z")));
    assert_eq!(row.day(), Some(jiff::civil::date(2026, 3, 29)));
}

#[test]
fn a_whole_day_or_month_has_ended_when_it_is_over_and_an_instant_when_it_is_reached() {
    let standing = |end: End, now: &str| ending("x", NEW_YORK, end).standing(at(now));
    let day = End::On(jiff::civil::date(2026, 12, 31));
    assert_eq!(standing(day, "2027-01-01T04:59:59Z"), Standing::Soon);
    assert_eq!(standing(day, "2027-01-01T05:00:00Z"), Standing::Ended);
    let month = End::Month(jiff::civil::date(2027, 9, 1));
    assert_eq!(ending("x", NEW_YORK, month).days_left(at("2027-09-12T12:00:00Z")), Some(0), "it can be any day of it");
    assert_eq!(standing(month, "2027-10-01T04:00:00Z"), Standing::Ended);
    assert_eq!(standing(End::At(at(NOW)), NOW), Standing::Ended);
    assert_eq!(standing(End::Unknown, NOW), Standing::Undated);
}

#[test]
fn notice_is_given_sixty_days_before_a_change_and_fourteen_before_a_sign_in_ends() {
    let change = |d: Date| ending("x", NEW_YORK, End::On(d)).standing(at(NOW));
    assert_eq!(change(jiff::civil::date(2027, 1, 22)), Standing::Soon);
    assert_eq!(change(jiff::civil::date(2027, 1, 23)), Standing::Later);
    let sign_in = |end: &str| one(&rows("square", |a| a.refresh_expires = Some(at(end))), "sign-in/").standing(at(NOW));
    assert_eq!(sign_in("2026-12-08T04:59:59Z"), Standing::Soon);
    assert_eq!(sign_in("2026-12-08T05:00:00Z"), Standing::Later);
}

fn told(tellings: &[Telling]) -> BTreeMap<String, Told> {
    tellings.iter().map(|one| (one.row.id.clone(), Told { end: one.end.clone(), threshold: one.threshold })).collect()
}

#[test]
fn each_threshold_is_told_once_and_an_end_that_moved_is_told_anew() {
    let row = ending("x", NEW_YORK, End::On(jiff::civil::date(2026, 12, 31)));
    let all = [row.clone()];
    let mut memory = BTreeMap::new();
    let mut said = Vec::new();
    for now in ["2026-12-16", "2026-12-17", "2026-12-18", "2026-12-28", "2026-12-29", "2026-12-31", "2027-01-01", "2027-01-05"] {
        let tellings = due(&all, &memory, at(&format!("{now}T12:00:00Z")));
        said.extend(tellings.iter().map(|one| (now, one.threshold)));
        memory.extend(told(&tellings));
    }
    assert_eq!(said, [("2026-12-17", Threshold::TwoWeeks), ("2026-12-28", Threshold::ThreeDays), ("2027-01-01", Threshold::Ended)]);
    let moved = Ending { end: End::On(jiff::civil::date(2027, 1, 10)), ..row };
    assert_eq!(due(&[moved], &memory, at("2027-01-05T12:00:00Z")).len(), 1);
}

#[test]
fn only_the_gravest_threshold_is_told_after_a_long_pause_and_the_gravest_row_first() {
    let all = [ending("soon", NEW_YORK, End::On(jiff::civil::date(2026, 12, 1))), ending("over", NEW_YORK, End::Over), ending("unknown", NEW_YORK, End::Unknown)];
    let tellings = due(&all, &BTreeMap::new(), at(NOW));
    let order: Vec<(&str, Threshold)> = tellings.iter().map(|one| (one.row.id.as_str(), one.threshold)).collect();
    assert_eq!(order, [("over", Threshold::Ended), ("soon", Threshold::TwoWeeks)]);
    assert!(due(&all, &told(&tellings), at(NOW)).is_empty());
}

/// Undoes the folding, as a calendar program does.
fn unfolded(text: &str) -> Vec<String> {
    text.replace("\r\n ", "").split_terminator("\r\n").map(str::to_string).collect()
}

fn dated() -> Vec<Ending> {
    rows_with("square", NEW_YORK, NOW, "1", |access| access.refresh_expires = Some(at("2027-01-15T22:30:05Z")))
}

#[test]
fn the_calendar_file_keeps_to_the_letter_of_rfc_5545() {
    let file = calendar_file(&dated(), at(NOW));
    assert_eq!((file.events, file.without_day), (2, 0));
    assert!(file.text.ends_with("END:VCALENDAR\r\n"));
    assert_eq!(file.text.matches('\n').count(), file.text.matches("\r\n").count(), "every line ends with CR and LF");
    for line in file.text.split("\r\n") {
        assert!(line.len() <= 75, "{} octets: {line}", line.len());
    }
    let lines = unfolded(&file.text);
    let has = |line: &str| assert!(lines.iter().any(|one| one == line), "{line} is not in {lines:#?}");
    for line in [
        "VERSION:2.0",
        "DTSTAMP:20261123T140000Z",
        "DTSTART;VALUE=DATE:20261231",
        "DTEND;VALUE=DATE:20270101",
        "DTSTART:20270115T223005Z",
        "TRIGGER:-P14D",
        "TRIGGER:-P3D",
        "URL:https://developer.squareup.com/docs/build-basics/api-lifecycle",
        "SUMMARY:Harbour Street Bakery: Square stops answering the old connector",
    ] {
        has(line);
    }
    // The whole day has both reminders; the sign-in renews itself, and its end of today would be a false one.
    assert_eq!(lines.iter().filter(|line| *line == "BEGIN:VALARM").count(), 2);
    assert!(!file.text.contains(TENANT));
}

#[test]
fn importing_twice_doubles_nothing_because_the_uid_stays_when_the_end_moves() {
    let uids = |rows: &[Ending], now: &str| -> BTreeSet<String> {
        unfolded(&calendar_file(rows, at(now)).text).into_iter().filter(|line| line.starts_with("UID:")).collect()
    };
    let first = uids(&dated(), NOW);
    let moved = rows_with("square", NEW_YORK, NOW, "1", |access| access.refresh_expires = Some(at("2027-03-01T00:00:00Z")));
    assert_eq!(first.len(), 2);
    assert_eq!(first, uids(&moved, "2026-11-30T00:00:00Z"));
}

#[test]
fn reminders_that_lie_in_the_past_are_left_out() {
    let alarms = |now: &str| calendar_file(&dated()[..1], at(now)).text.matches("BEGIN:VALARM").count();
    assert_eq!(dated()[0].end, End::On(jiff::civil::date(2026, 12, 31)));
    assert_eq!((alarms("2026-12-17T04:00:00Z"), alarms("2026-12-17T06:00:00Z"), alarms("2026-12-29T06:00:00Z")), (2, 1, 0));
}

#[test]
fn text_is_escaped_and_folded_between_characters() {
    assert_eq!(escaped("a;b,c\\d\r\ne\nf\u{7}g"), "a\\;b\\,c\\\\d\\ne\\nf g");
    for count in 60..90 {
        let line = format!("{}{}", "x".repeat(count), "ä老🥐\\,\\\\".repeat(40));
        let mut text = String::new();
        folded(&mut text, &line);
        assert!(text.split("\r\n").all(|piece| piece.len() <= 75), "{count}");
        // An even number of backslashes ends a piece, so none stands alone at its end.
        assert!(text.split("\r\n ").all(|piece| piece.trim_end().chars().rev().take_while(|c| *c == '\\').count() % 2 == 0), "{count}");
        assert_eq!(text.replace("\r\n ", "").trim_end(), line);
    }
}

#[test]
fn rows_without_a_day_are_counted_and_a_file_without_events_is_no_calendar() {
    let file = calendar_file(&[ending("a", NEW_YORK, End::Unknown), ending("b", NEW_YORK, End::Over)], at(NOW));
    assert_eq!((file.text.as_str(), file.events, file.without_day), ("", 0, 2));
}

#[test]
fn the_file_is_replaced_whole_or_left_as_it_was() {
    let folder = std::env::temp_dir().join(format!("changeover-calendar-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("ends.ics");
    std::fs::write(&file, "old").unwrap();
    // A device is never replaced by a file, neither under its own name nor through a link.
    let link = file.with_file_name("link");
    std::os::unix::fs::symlink("/dev/null", &link).unwrap();
    for special in [Path::new("/dev/null"), link.as_path(), file.parent().unwrap()] {
        assert_eq!(write(special, "new").unwrap_err().code.to_string(), "E-FILE", "{special:?}");
        assert!(!special.is_file());
    }
    std::fs::remove_file(&link).unwrap();
    write(&file, "new").unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "new");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
    let refused = write(&folder.join("no such folder").join("ends.ics"), "new").unwrap_err();
    assert_eq!(refused.code, crate::home::E_FILE);
    // A folder cannot be replaced by a file: the attempt leaves nothing behind.
    std::fs::create_dir(folder.join("taken.ics")).unwrap();
    std::fs::write(folder.join("taken.ics").join("x"), "kept").unwrap();
    assert!(write(&folder.join("taken.ics"), "new").is_err());
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// An installation whose clock stands at `now`, with one company on connector 1 that was never signed in.
async fn installed(folder: &std::path::Path, now: &str, practice: bool) -> Engine {
    let open = || async {
        let opening = crate::engine::Opening {
            home: folder.to_path_buf(),
            secrets: crate::engine::SecretsIn::Session,
            worker: None,
            actor: "the owner".into(),
        };
        Engine::open(opening).await.unwrap()
    };
    let first = open().await;
    Engine::begin_practice(&first.pool, at(now)).await.unwrap();
    first.pool.close().await;
    let engine = open().await;
    if engine.companies().await.unwrap().is_empty() {
        crate::store::company::insert(&engine.pool, &Company { practice, ..company(NEW_YORK) }).await.unwrap();
        let connection = Connection { tenant_id: None, tenant_name: None, ..connection("square") };
        crate::store::company::insert_connection(&engine.pool, &connection, at(now)).await.unwrap();
    }
    engine
}

fn folder(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("changeover-calendar-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

#[tokio::test]
async fn what_was_told_is_remembered_over_a_restart_and_unknown_memory_stops() {
    let folder = folder("told");
    let engine = installed(&folder, "2026-12-20T12:00:00Z", false).await;
    let company = engine.companies().await.unwrap().remove(0);
    let rows = engine.endings(&company).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["connector/connection-square/2/api-version-ends"]);
    let tellings = engine.tellings().await.unwrap();
    assert_eq!(tellings.iter().map(|one| one.threshold).collect::<Vec<_>>(), [Threshold::TwoWeeks]);
    engine.mark_told("gone", Told { end: "x".into(), threshold: Threshold::Ended }).await.unwrap();
    engine.mark_told(&tellings[0].row.id, Told { end: tellings[0].end.clone(), threshold: tellings[0].threshold }).await.unwrap();
    engine.pool.close().await;

    let engine = installed(&folder, "2026-12-27T12:00:00Z", false).await;
    assert!(engine.tellings().await.unwrap().is_empty(), "the same is not told at the next start");
    let kept = crate::store::setting(&engine.pool, "calendar_told").await.unwrap().unwrap();
    assert!(!kept.contains("gone"), "what is not in the calendar is not kept: {kept}");
    engine.set_practice_now(at("2026-12-28T12:00:00Z")).await.unwrap();
    assert_eq!(engine.tellings().await.unwrap()[0].threshold, Threshold::ThreeDays);

    crate::store::set_setting(&engine.pool, "calendar_told", r#"{"version":2,"told":{}}"#).await.unwrap();
    assert_eq!(engine.tellings().await.unwrap_err().code, crate::store::E_STORE_UNKNOWN);
    engine.pool.close().await;
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_practice_company_has_its_calendar_and_is_not_told_of_outside_the_window() {
    let folder = folder("practice");
    let engine = installed(&folder, "2026-12-30T12:00:00Z", true).await;
    let company = engine.companies().await.unwrap().remove(0);
    assert_eq!(engine.endings(&company).await.unwrap().len(), 1);
    assert!(engine.tellings().await.unwrap().is_empty());
    engine.pool.close().await;
    std::fs::remove_dir_all(&folder).unwrap();
}
