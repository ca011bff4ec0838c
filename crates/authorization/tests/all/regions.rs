//! A provider with regions: the redirect names one, and nobody signs it. Only a region of the file is taken, to the letter; the code, every
//! renewal and the end of the access go there, and so do requests.
//!
//! The provider is Zoho Books from its file. Its regions are two names of one server on this computer, `127.0.0.1` and `localhost`, so that
//! what was asked of which can be read from the server's memory.

use crate::profiles::{Beside, company};
use crate::support::*;
use authorization::problems::*;
use authorization::*;
use practice::authority::READ;
use url::Url;

async fn zoho() -> (Beside, Url) {
    let mut beside = Beside::new("zoho-books", Environment::Production).await;
    let mut second = beside.server.base.clone();
    second.set_host(Some("localhost")).unwrap();
    let center = &mut beside.endpoints.data_centers[1];
    assert_eq!(center.name, "Europe");
    (center.accounts, center.api_base) = (second.clone(), second.clone());
    (beside, second)
}

fn names(beside: &Beside, region: &str) {
    beside.server.rule(|rules| rules.redirect_extra = vec![("accounts-server".into(), region.into())]);
}

/// The hosts that a path was asked at, since the last time.
fn hosts(beside: &Beside, path: &str) -> Vec<String> {
    let mut seen = beside.server.seen.lock().unwrap();
    let hosts = seen.asked.iter().filter(|(_, asked)| asked == path).map(|(host, _)| host.clone()).collect();
    seen.asked.clear();
    hosts
}

// Check 23.
#[tokio::test]
async fn the_region_of_the_redirect_gets_the_code_each_renewal_the_requests_and_the_end() {
    let (beside, europe) = zoho().await;
    let host = format!("localhost:{}", europe.port().unwrap());
    names(&beside, europe.as_str().trim_end_matches('/'));
    let grant = beside.sign_in(None).await.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(grant.facts().data_center.as_deref(), Some("Europe"));
    assert_eq!(hosts(&beside, "/oauth/v2/token"), std::slice::from_ref(&host));
    beside.vault.save("conn", grant).await.unwrap();

    let signer = beside.signer().await;
    assert_eq!(signer.api_base(), &europe);
    beside.until_due();
    let request = || client().get(signer.api_base().join(READ).unwrap());
    assert_eq!(signer.send(request()).await.unwrap().status(), 200);
    assert_eq!(hosts(&beside, "/oauth/v2/token"), std::slice::from_ref(&host), "the renewal");
    let elsewhere = signer.send(client().get(beside.server.base.join(READ).unwrap())).await.unwrap_err();
    assert_eq!(elsewhere.code, E_CREDENTIAL_HOST, "another region is another host");
    assert!(hosts(&beside, READ).is_empty());

    let done = beside.vault.disconnect("conn", &beside.provider, EndAt::Provider(Box::new(beside.endpoints.clone()))).await.unwrap();
    assert!(done.ended_at_provider, "{}", done.why);
    assert_eq!(hosts(&beside, "/oauth/v2/token/revoke"), [host]);
    assert_eq!(beside.server.living(), 0);
    beside.nothing_was_wrong();
}

// Check 23.
#[tokio::test]
async fn a_region_that_is_not_on_the_list_to_the_letter_gets_nothing_and_changes_nothing() {
    let (beside, europe) = zoho().await;
    names(&beside, europe.as_str());
    beside.vault.save("conn", beside.sign_in(None).await.unwrap()).await.unwrap();
    let (before, exchanged) = (format!("{:?}", beside.vault.describe("conn").await.unwrap()), beside.server.seen.lock().unwrap().exchanges);
    let port = europe.port().unwrap();
    let evil = [
        "https://evil.example".to_string(),
        "https://accounts.zoho.com.evil.tld".into(),
        "https://accounts.zoho.com@evil.example".into(),
        "https://accounts.zoho.com".into(),
        format!("http://localhost.evil.example:{port}"),
        format!("http://localhost:{port}@evil.example"),
        format!("http://person@localhost:{port}"),
        format!("https://localhost:{port}"),
        format!("http://LOCALHOST:{port}"),
        format!("HTTP://localhost:{port}"),
        format!("http://localhost:{}", port ^ 1),
        format!("http://localhost:{port}/oauth"),
        format!("http://localhost:{port}/?to=evil"),
        format!("http://localhost:{port}#"),
        format!(" http://localhost:{port}"),
        format!("http://[::1]:{port}"),
        "localhost".into(),
        "Europe".into(),
        "".into(),
    ];
    let mut wrong: Vec<Vec<(String, String)>> = evil.iter().map(|value| vec![("accounts-server".into(), value.clone())]).collect();
    let good = europe.as_str().to_string();
    wrong.push(vec![("accounts-server".into(), good.clone()), ("accounts-server".into(), good.clone())]);
    wrong.push(vec![("accounts-server".into(), good), ("accounts-server".into(), "https://evil.example".into())]);
    for extra in wrong {
        beside.server.rule(|rules| rules.redirect_extra = extra.clone());
        let problem = beside.sign_in(Some(company())).await.err().unwrap_or_else(|| panic!("{extra:?} was taken"));
        assert_eq!((problem.code, problem.touched), (E_SIGN_IN_PROVIDER, ledger::Touched::Nothing), "{extra:?}: {problem}");
        assert!(problem.why[0].contains("Europe") && !problem.to_string().contains("evil"), "{problem}");
    }
    assert_eq!(beside.server.seen.lock().unwrap().exchanges, exchanged, "no code was sent anywhere");
    assert_eq!(format!("{:?}", beside.vault.describe("conn").await.unwrap()), before);
}

// Check 23.
#[tokio::test]
async fn access_of_a_region_is_used_there_or_not_at_all() {
    let (mut beside, europe) = zoho().await;
    names(&beside, europe.as_str());
    beside.vault.save("conn", beside.sign_in(None).await.unwrap()).await.unwrap();
    // Somebody who can write into the store sends the row to another region of the list: its seal does not open there.
    sqlx::query("UPDATE credential SET data_center = 'United States'").execute(&beside.pool).await.unwrap();
    let moved = beside.signer().await;
    let problem = moved.send(client().get(moved.api_base().join(READ).unwrap())).await.unwrap_err();
    assert_eq!(problem.code, E_CREDENTIAL_UNREADABLE, "{problem}");
    sqlx::query("UPDATE credential SET data_center = 'Europe'").execute(&beside.pool).await.unwrap();
    assert!(beside.signer().await.send(client().get(europe.join(READ).unwrap())).await.unwrap().status().is_success());
    // A later file that no longer has the region.
    beside.endpoints.data_centers.remove(1);
    let gone = beside.vault.signer("conn", Which::Current, &beside.provider, &beside.endpoints).await.err().unwrap();
    assert_eq!(gone.code, E_CREDENTIAL_NONE, "{gone}");
    beside.endpoints.data_centers.clear();
    let none = beside.vault.signer("conn", Which::Current, &beside.provider, &beside.endpoints).await.err().unwrap();
    assert_eq!(none.code, E_CREDENTIAL_NONE, "{none}");
}
