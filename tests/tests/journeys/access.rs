//! Access that is entered: a key and an application of the person's own, through the commands that window and terminal share.

use changeover_tests::bakery::Bakery;
use practice::{Elsewhere, ElsewhereServed, serve_elsewhere};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const KEY: &str = "rk_live_CANARYkeyA1";
const SECOND_KEY: &str = "rk_live_CANARYkeyB2";
const NARROW_KEY: &str = "rk_live_CANARYkeyC3";
const SECRET: &str = "CANARYapplicationsecret";

fn paths(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|path| path.to_string()).collect()
}

async fn server() -> ElsewhereServed {
    let whole = paths(&["/v1/balance_transactions", "/v1/charges", "/v1/disputes", "/v1/payouts"]);
    serve_elsewhere(Elsewhere {
        company: ("4620816".into(), "Harbour Street Bakery".into()),
        keys: BTreeMap::from([
            (KEY.to_string(), whole.clone()),
            (SECOND_KEY.to_string(), whole),
            (NARROW_KEY.to_string(), paths(&["/v1/charges"])),
        ]),
        live: true,
        application: ("my-app".into(), SECRET.into()),
    })
    .await
    .unwrap()
}

/// Asks as the page asks. Whatever comes back, also a refusal, holds no secret.
async fn ask(bakery: &Bakery, command: &str, args: Value) -> Result<Value, Value> {
    let answer = api::dispatch(&bakery.app, command, args).await.map_err(|problem| serde_json::to_value(&problem).unwrap());
    let text = answer.as_ref().unwrap_or_else(|refused| refused).to_string();
    assert!(!text.contains("CANARY"), "{command} answers a secret: {text}");
    answer
}

async fn added(bakery: &Bakery, provider: &str, server: &ElsewhereServed) -> String {
    let base = url::Url::parse(&server.base_url).unwrap();
    let connection = bakery.engine.add_account(&bakery.company, provider, authorization::Environment::Practice, Some(&base)).await;
    connection.unwrap_or_else(|problem| panic!("{problem}")).id
}

fn row<'a>(accounts: &'a Value, connection: &str) -> &'a Value {
    accounts["connections"].as_array().unwrap().iter().find(|one| one["id"] == connection).unwrap_or_else(|| panic!("{connection} is not listed: {accounts}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_proved_kept_and_replaced_and_another_companys_key_changes_nothing() {
    let bakery = Bakery::open("all-goes-well").await;
    let server = server().await;
    let company = bakery.company.id.clone();
    let connection = added(&bakery, "stripe", &server).await;
    let at = |secret: &str| json!({"company": company, "connection": connection, "client_id": null, "secret": secret});

    let before = ask(&bakery, "accounts_view", json!({"company": company})).await.unwrap();
    assert_eq!(row(&before, &connection)["state"], "never_connected");
    let application = json!({"company": company, "connection": connection, "client_id": "my-app", "secret": null, "own_page": null});
    assert_eq!(ask(&bakery, "account_application", application).await.unwrap_err()["code"], "E-SIGN-IN-APP", "it takes a key and no application");
    assert_eq!(row(&before, &connection)["access_only"], true);
    assert_eq!(before["can_keep"], json!([]), "nothing real is added to a practice company");

    // The panel explains before it asks.
    let panel = ask(&bakery, "reconnect_view", json!({"company": company, "connection": connection})).await.unwrap();
    assert_eq!(panel["entry"]["kind"], "key");
    assert!(panel["entry"]["steps"].as_array().unwrap().len() > 1 && !panel["entry"]["unverified"].as_array().unwrap().is_empty(), "{panel}");

    // A secret key of the wrong kind, and one that nobody made: refused, with words, and the panel goes on waiting.
    let wrong = ask(&bakery, "account_key", at("sk_live_CANARYstandard")).await.unwrap();
    assert_eq!(wrong["step"], "why");
    assert_eq!(wrong["entry"]["problem"]["code"], "E-SIGN-IN-REFUSED");
    assert!(!server.asked().iter().any(|path| path.starts_with("/v1/")), "a key of the wrong kind is not sent anywhere");
    let wrong = ask(&bakery, "account_key", at("rk_live_CANARYnobody")).await.unwrap();
    assert_eq!(wrong["entry"]["problem"]["code"], "E-SIGN-IN-REFUSED", "{wrong}");

    let kept = ask(&bakery, "account_key", at(KEY)).await.unwrap();
    assert_eq!(kept["step"], "done", "{kept}");
    assert_eq!(kept["found_company"], "Harbour Street Bakery");
    let after = ask(&bakery, "accounts_view", json!({"company": company})).await.unwrap();
    let stripe = row(&after, &connection);
    assert_eq!(stripe["state"], "connected", "{stripe}");
    assert_eq!(stripe["permissions_granted"], stripe["permissions_needed"]);

    // A key of another company: nothing is changed, both are named, and the old key is still the one in use.
    server.change(|now| now.company = ("999".into(), "Pier Nine Fish Bar".into()));
    let other = ask(&bakery, "account_key", at(SECOND_KEY)).await.unwrap();
    assert_eq!(other["problem"]["code"], "E-SIGN-IN-OTHER-COMPANY", "{other}");
    let said = other["problem"].to_string();
    assert!(said.contains("Pier Nine Fish Bar") && said.contains("Harbour Street Bakery"), "{said}");
    let still = ask(&bakery, "accounts_view", json!({"company": company})).await.unwrap();
    assert_eq!(row(&still, &connection)["company_at_provider"], "Harbour Street Bakery");
    assert_eq!(row(&still, &connection)["state"], "connected");
    let living = |all: Vec<authorization::Described>| all.into_iter().filter(|d| d.state == authorization::CredentialState::Active).count();
    assert_eq!(living(bakery.engine.vault.describe(&connection).await.unwrap()), 1);

    // A key that may do less is kept as limited, and what it lacks is named.
    server.change(|now| now.company = ("4620816".into(), "Harbour Street Bakery".into()));
    ask(&bakery, "reconnect_start", json!({"company": company, "connection": connection, "open_browser": false})).await.unwrap();
    let narrow = ask(&bakery, "account_key", at(NARROW_KEY)).await.unwrap();
    assert_eq!(narrow["step"], "done", "{narrow}");
    let limited = ask(&bakery, "accounts_view", json!({"company": company})).await.unwrap();
    assert_eq!(row(&limited, &connection)["state"], "permission_missing");
    let needs = ask(&bakery, "today_view", json!({"company": company})).await.unwrap()["needs"].to_string();
    assert!(needs.contains(&connection), "Today offers to mend it: {needs}");

    // A replacement without a gap.
    ask(&bakery, "reconnect_start", json!({"company": company, "connection": connection, "open_browser": false})).await.unwrap();
    let replaced = ask(&bakery, "account_key", at(SECOND_KEY)).await.unwrap();
    assert_eq!(replaced["step"], "done", "{replaced}");
    let again = ask(&bakery, "accounts_view", json!({"company": company})).await.unwrap();
    assert_eq!(row(&again, &connection)["state"], "connected");

    // The books know nothing of it, and a synchronisation passes it by.
    bakery.engine.sync(&bakery.company, &bakery.connection, &engine::progress::Watcher::silent()).await.unwrap_or_else(|problem| panic!("{problem}"));
    let gone = ask(&bakery, "account_remove", json!({"company": company, "connection": connection})).await.unwrap();
    assert!(gone["connections"].as_array().unwrap().iter().all(|one| one["id"] != connection.as_str()));
    assert!(bakery.engine.vault.describe(&connection).await.unwrap().iter().all(|d| d.state != authorization::CredentialState::Active));
    let square = ask(&bakery, "account_remove", json!({"company": company, "connection": bakery.connection.id})).await.unwrap_err();
    assert_eq!(square["code"], "E-ACCOUNT-READ", "what a connector has read is not removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_of_ones_own_is_set_up_once_and_then_signs_in_by_the_browser() {
    let bakery = Bakery::open("all-goes-well").await;
    let server = server().await;
    let company = bakery.company.id.clone();
    let connection = added(&bakery, "quickbooks", &server).await;
    let here = json!({"company": company, "connection": connection});
    let application = |id: &str, secret: Option<&str>| json!({"company": company, "connection": connection, "client_id": id, "secret": secret, "own_page": null});

    let panel = ask(&bakery, "reconnect_view", here.clone()).await.unwrap();
    assert_eq!(panel["entry"]["kind"], "application_with_secret");
    assert_eq!(panel["entry"]["complete"], false);
    assert!(panel["entry"]["register"][0].as_str().unwrap().contains("/callback/quickbooks"), "{panel}");
    // Without it the browser does not open.
    let early = ask(&bakery, "reconnect_start", json!({"company": company, "connection": connection, "open_browser": true})).await.unwrap();
    assert_eq!(early["problem"]["code"], "E-SIGN-IN-APP", "{early}");
    assert!(server.asked().is_empty());

    assert_eq!(ask(&bakery, "account_application", application("my-app", None)).await.unwrap_err()["code"], "E-SIGN-IN-APP");
    assert_eq!(ask(&bakery, "account_application", application("two words", Some(SECRET))).await.unwrap_err()["code"], "E-CLIENT-ID");
    let set = ask(&bakery, "account_application", application("my-app", Some(SECRET))).await.unwrap();
    assert_eq!(set["entry"]["complete"], true, "{set}");
    assert_eq!(set["entry"]["has_secret"], true);

    let begun = ask(&bakery, "reconnect_start", json!({"company": company, "connection": connection, "open_browser": true})).await.unwrap();
    assert!(begun["problem"].is_null(), "{begun}");
    // The scripted browser says yes, as it does to the simulated Square.
    let done = loop {
        let view = ask(&bakery, "reconnect_view", here.clone()).await.unwrap();
        if view["step"] == "done" || !view["problem"].is_null() {
            break view;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(done["step"], "done", "{done}");
    assert_eq!(done["found_company"], "Harbour Street Bakery");
    let accounts = ask(&bakery, "accounts_view", json!({"company": company})).await.unwrap();
    assert_eq!(row(&accounts, &connection)["kind"], "application_with_secret");
    assert_ne!(row(&accounts, &connection)["sign_in_ends"], Value::Null, "the provider tells how long the sign-in lives");

    // A second company uses the same application; its secret goes with the last account that needs it.
    let (engine, provider) = (&bakery.engine, bakery.engine.provider("quickbooks").unwrap());
    let second = second_company(&bakery).await;
    let base = url::Url::parse(&server.base_url).unwrap();
    let other = engine.add_account(&second, "quickbooks", authorization::Environment::Practice, Some(&base)).await.unwrap_or_else(|problem| panic!("{problem}"));
    let same = json!({"company": second.id, "connection": other.id, "client_id": "my-app", "secret": null, "own_page": null});
    assert_eq!(ask(&bakery, "account_application", same).await.unwrap()["entry"]["complete"], true, "the secret is there already");
    let kept = async || engine.vault.has_app(&provider, authorization::Environment::Practice, "my-app").await.unwrap();
    ask(&bakery, "account_remove", here).await.unwrap();
    assert!(kept().await, "the other company's account still needs it");
    ask(&bakery, "account_remove", json!({"company": second.id, "connection": other.id})).await.unwrap();
    assert!(!kept().await, "nothing needs it any more");
}

async fn second_company(bakery: &Bakery) -> engine::store::company::Company {
    let books = bakery.company.books_path.with_file_name("second.gnucash");
    std::fs::copy(&bakery.company.books_path, &books).unwrap();
    let (company, one) = (&bakery.company, &bakery.connection);
    let added = bakery.engine.add_company(
        engine::companies::NewCompany { name: "Second Street Bakery".into(), books_path: books, zone: company.zone.clone(), practice: true },
        engine::companies::NewConnection {
            provider: one.provider.clone(),
            environment: one.environment.clone(),
            endpoints: one.endpoints.clone(),
            client_id: one.client_id.clone(),
            connector: one.connector.clone(),
            version: one.version.clone(),
            roles: one.roles.clone(),
            sync_from: one.sync_from,
        },
    );
    added.await.unwrap_or_else(|problem| panic!("{problem}")).0
}
