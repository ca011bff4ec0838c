//! Where secrets are kept, across starts of the program: from memory into a passphrase vault, opened in window and terminal, lost and given up.

use api::practice_company::ScriptedBrowser;
use api::{App, Start};
use authorization::{Environment, Keychain, Which};
use changeover_tests::shelf::Shelf;
use changeover_tests::{company, home, program};
use practice::{Elsewhere, ElsewhereServed, serve_elsewhere};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const KEY: &str = "rk_live_CANARYplacesKey";
const FIRST: &str = "CANARY four words for ann";
const SECOND: &str = "CANARY five other words for bob";

async fn server() -> ElsewhereServed {
    let paths = ["/v1/balance_transactions", "/v1/charges", "/v1/disputes", "/v1/payouts"];
    serve_elsewhere(Elsewhere {
        company: ("acct_places".into(), "Harbour Street Bakery".into()),
        keys: BTreeMap::from([(KEY.to_string(), paths.iter().map(|path| path.to_string()).collect())]),
        live: true,
        application: (String::new(), String::new()),
    })
    .await
    .unwrap()
}

/// One run of the window: what it kept in memory only is gone with the next one.
async fn started(home: &Path, keychain: &Keychain) -> App {
    let start = Start {
        home: home.to_path_buf(),
        browser: Arc::new(ScriptedBrowser),
        changed: Arc::new(|| {}),
        worker: Some(program::changeover().to_path_buf()),
        actor: "test".to_string(),
    };
    App::start_with(start, keychain.clone()).await.unwrap_or_else(|problem| panic!("{problem}"))
}

async fn ask(app: &App, command: &str, args: Value) -> Result<Value, Value> {
    let answer = api::dispatch(app, command, args).await.map_err(|problem| serde_json::to_value(&problem).unwrap());
    let text = answer.as_ref().unwrap_or_else(|refused| refused).to_string();
    assert!(!text.contains("CANARY"), "{command} answers a secret: {text}");
    answer
}

/// A real company with a key for another provider, and the id of that account.
async fn keyed_company(app: &App, home: &Path, server: &ElsewhereServed) -> (engine::store::company::Company, String) {
    let company = company::real(app.real(), home, 1).await;
    let base = url::Url::parse(&server.base_url).unwrap();
    let account = app.real().add_account(&company, "stripe", Environment::Practice, Some(&base)).await.unwrap_or_else(|problem| panic!("{problem}"));
    let sent = json!({"company": company.id, "connection": account.id, "client_id": null, "secret": KEY});
    let before = ask(app, "accounts_view", json!({"company": company.id})).await.unwrap();
    let offered: Vec<&str> = before["can_keep"].as_array().unwrap().iter().map(|one| one["provider"].as_str().unwrap()).collect();
    assert!(offered.contains(&"zoho-books") && offered.contains(&"xero"), "one with regions is offered like any other: {offered:?}");
    assert!(!offered.contains(&"square"), "Square is read by a connector: {offered:?}");
    let kept = ask(app, "account_key", sent).await.unwrap();
    assert_eq!(kept["step"], "done", "{kept}");
    (company, account.id)
}

/// Whether the account's key can be read now; else the code of the refusal.
async fn readable(app: &App, company: &engine::store::company::Company, account: &str) -> Result<(), String> {
    let engine = app.real();
    let connection = engine.connection(company, Some(account)).await.unwrap_or_else(|problem| panic!("{problem}"));
    let (provider, endpoints) = engine.endpoints(&connection).unwrap_or_else(|problem| panic!("{problem}"));
    let signer = engine.vault.signer(account, Which::Current, &provider, &endpoints).await.map_err(|problem| problem.code.to_string())?;
    let request = reqwest::Client::new().get(endpoints.api_base.join("v1/charges").unwrap());
    let sent = signer.apply(request).await.map_err(|problem| problem.code.to_string())?.build().unwrap();
    assert!(sent.headers()["authorization"].to_str().unwrap().contains(KEY));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_moves_into_the_passphrase_vault_and_each_start_asks_once() {
    let (home, server, keychain) = (home::fresh(), server().await, Shelf::default().keychain());
    let app = started(home.path(), &keychain).await;
    let (company, account) = keyed_company(&app, home.path(), &server).await;
    let before = ask(&app, "secrets_view", json!({})).await.unwrap();
    assert_eq!((&before["place"], &before["state"]["state"], &before["vault_exists"]), (&json!("keychain"), &json!("keychain"), &json!(false)));

    let choose = |place: &str, passphrase: Option<&str>, leave: bool| json!({"place": place, "passphrase": passphrase, "leave_old_key": leave});
    let short = ask(&app, "secrets_choose", choose("passphrase", Some("CANARY"), false)).await.unwrap_err();
    assert_eq!(short["code"], "E-PASSPHRASE-UNFIT");
    let chosen = ask(&app, "secrets_choose", choose("passphrase", Some(FIRST), false)).await.unwrap();
    assert_eq!((&chosen["place"], &chosen["state"]["state"]), (&json!("passphrase"), &json!("passphrase")), "{chosen}");
    readable(&app, &company, &account).await.expect("nobody has to sign in again");

    // The next start: locked until the passphrase is entered, whatever the keychain says.
    let app = started(home.path(), &keychain).await;
    assert_eq!(ask(&app, "secrets_view", json!({})).await.unwrap()["state"]["state"], "passphrase_locked");
    assert_eq!(readable(&app, &company, &account).await.unwrap_err(), "E-PASSPHRASE-NEEDED");
    assert_eq!(ask(&app, "secrets_open", json!({"passphrase": SECOND})).await.unwrap_err()["code"], "E-PASSPHRASE-WRONG");
    assert_eq!(ask(&app, "secrets_open", json!({"passphrase": FIRST})).await.unwrap()["state"]["state"], "passphrase");
    readable(&app, &company, &account).await.expect("it is open for this run");
    let changed = ask(&app, "secrets_change_passphrase", json!({"old": SECOND, "new": FIRST})).await.unwrap_err();
    assert_eq!(changed["code"], "E-PASSPHRASE-WRONG");
    ask(&app, "secrets_change_passphrase", json!({"old": FIRST, "new": SECOND})).await.unwrap();

    // The terminal opens the same vault, by a line of its input.
    let wrong = program::with_input(home.path(), ["--passphrase-stdin", "vault", "choose", "passphrase"], &format!("{FIRST}\n"));
    assert!(wrong.code != Some(0) && wrong.stderr.contains("E-PASSPHRASE-WRONG"), "{} {}", wrong.stdout, wrong.stderr);
    let right = program::with_input(home.path(), ["--passphrase-stdin", "--json", "vault", "choose", "passphrase"], &format!("{SECOND}\n")).expect(0);
    assert_eq!(right.json()["kept_where"], "passphrase");
    for text in [&wrong.stdout, &wrong.stderr, &right.stdout, &right.stderr] {
        assert!(!text.contains("CANARY"), "the terminal repeats a passphrase: {text}");
    }
    assert_no_passphrase_below(home.path());
}

/// Whatever the first screens need is there while a keychain waits for a person, and it is asked once.
#[tokio::test(flavor = "multi_thread")]
async fn starting_asks_the_keychain_once_and_never_waits_for_it() {
    let (home, server, shelf) = (home::fresh(), server().await, Shelf::default());
    let company = {
        let app = started(home.path(), &shelf.keychain()).await;
        keyed_company(&app, home.path(), &server).await.0
    };
    let screens = [
        ("app_view", json!({})),
        ("today_view", json!({"company": company.id})),
        ("accounts_view", json!({"company": company.id})),
        ("calendar_view", json!({"company": company.id})),
    ];
    for hangs in [true, false] {
        shelf.asked();
        shelf.hang(hangs);
        let app = started(home.path(), &shelf.keychain()).await;
        assert_eq!(shelf.asked(), Vec::<&str>::new(), "opening the installation is no reason to ask");
        for (screen, args) in &screens {
            // A quarter of what the keychain may take: a screen that waited for it would not be there.
            let shown = tokio::time::timeout(std::time::Duration::from_secs(5), ask(&app, screen, args.clone())).await;
            let shown = shown.unwrap_or_else(|_| panic!("{screen} waited for the keychain"));
            shown.unwrap_or_else(|problem| panic!("{screen}: {problem}"));
        }
        let asked = shelf.asked();
        assert!(asked.len() <= 1, "asked more than once while it {}: {asked:?}", if hangs { "hangs" } else { "answers" });
        // Set free, it answers as always.
        shelf.hang(false);
        let connection = app.real().accounts(&company).await.unwrap().into_iter().find(|one| one.is_access_only()).unwrap();
        readable(&app, &company, &connection.id).await.expect("the key is where it was");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_vault_is_left_only_knowingly_and_costs_the_sign_ins_alone() {
    let (home, server, keychain) = (home::fresh(), server().await, Shelf::default().keychain());
    let app = started(home.path(), &keychain).await;
    let (company, account) = keyed_company(&app, home.path(), &server).await;
    ask(&app, "secrets_choose", json!({"place": "passphrase", "passphrase": FIRST, "leave_old_key": false})).await.unwrap();
    std::fs::write(home.path().join(engine::keeping::VAULT_FILE), "{").unwrap();

    let app = started(home.path(), &keychain).await;
    assert_eq!(ask(&app, "secrets_view", json!({})).await.unwrap()["state"]["state"], "passphrase_damaged");
    let back = |leave: bool| json!({"place": "keychain", "passphrase": null, "leave_old_key": leave});
    let refused = ask(&app, "secrets_choose", back(false)).await.unwrap_err();
    assert_eq!(refused["code"], "E-PASSPHRASE-VAULT", "{refused}");
    assert_eq!(ask(&app, "secrets_view", json!({})).await.unwrap()["place"], "passphrase", "nothing was changed");
    let left = ask(&app, "secrets_choose", back(true)).await.unwrap();
    assert_eq!((&left["place"], &left["state"]["state"]), (&json!("keychain"), &json!("keychain")), "{left}");

    // Only the access is lost: company, account and books are as they were, and a new key makes it whole.
    let accounts = ask(&app, "accounts_view", json!({"company": company.id})).await.unwrap();
    let row = accounts["connections"].as_array().unwrap().iter().find(|one| one["id"] == account.as_str()).unwrap().clone();
    assert!(row["state"] != "connected" && row["state"] != "never_connected", "{row}");
    let again = ask(&app, "account_key", json!({"company": company.id, "connection": account, "client_id": null, "secret": KEY})).await.unwrap();
    assert_eq!(again["step"], "done", "{again}");
    readable(&app, &company, &account).await.expect("it is sealed with a key of the keychain now");
}

fn assert_no_passphrase_below(folder: &Path) {
    for item in std::fs::read_dir(folder).unwrap().map(|item| item.unwrap().path()) {
        if item.is_dir() {
            assert_no_passphrase_below(&item);
        } else {
            let bytes = std::fs::read(&item).unwrap();
            let words = "four words for ann".as_bytes();
            assert!(!bytes.windows(words.len()).any(|part| part == words), "{} holds the passphrase", item.display());
        }
    }
}
