//! Books that are only protected: no account, and yet every screen answers, a backup is taken and proved; an account can join later.

use api::practice_company::ScriptedBrowser;
use api::views::Work;
use api::{App, Start};
use changeover_tests::shelf::Shelf;
use changeover_tests::{home, program};
use practice::{World, create_book};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

async fn ask(app: &App, command: &str, args: Value) -> Value {
    api::dispatch(app, command, args).await.unwrap_or_else(|problem| panic!("{command}: {problem:?}"))
}

async fn refused(app: &App, command: &str, args: Value) -> String {
    match api::dispatch(app, command, args).await {
        Ok(answer) => panic!("{command} was not refused: {answer}"),
        Err(problem) => problem.code,
    }
}

async fn ended(app: &App, company: &str) {
    let works = [Work::Backup, Work::VerifyBackup];
    let running = async {
        while app.jobs().running(company, &works).is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), running).await.expect("the work ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn books_without_an_account_are_protected_and_an_account_joins_them_later() {
    let kept = home::fresh();
    let home = kept.path().to_path_buf();
    let book = home.join("books.gnucash");
    let summary = create_book(&book, &World::small(1, 20)).await.expect("the books are made");
    let start = Start {
        home: home.clone(),
        browser: Arc::new(ScriptedBrowser),
        changed: Arc::new(|| {}),
        worker: Some(program::changeover().to_path_buf()),
        actor: "test".to_string(),
    };
    let app = App::start_with(start, Shelf::default().keychain()).await.unwrap_or_else(|problem| panic!("{problem}"));

    let chosen = json!({"name": "Harbour Street Bakery", "books": book, "zone": "America/New_York"});
    let mut nowhere = chosen.clone();
    nowhere["zone"] = json!("Nowhere/Town");
    assert_eq!(refused(&app, "company_protect", nowhere).await, "E-ZONE-UNKNOWN");
    let added = ask(&app, "company_protect", chosen.clone()).await;
    assert_eq!(added["connection"], Value::Null);
    let company = added["company"].as_str().expect("an id").to_string();
    let of = json!({"company": company});
    assert_eq!(refused(&app, "company_protect", chosen).await, "E-COMPANY-TAKEN");

    for screen in ["today_view", "accounts_view", "backups_view", "upgrade_view"] {
        ask(&app, screen, of.clone()).await;
    }
    ask(&app, "reconcile_view", json!({"company": company, "from_day": null, "to_day": null})).await;
    ask(&app, "calendar_view", json!({"company": company})).await;

    ask(&app, "backup_now", of.clone()).await;
    ended(&app, &company).await;
    let backups = ask(&app, "backups_view", of.clone()).await;
    assert_eq!(backups["problem"], Value::Null);
    let backup = backups["backups"][0]["id"].as_str().expect("one was taken").to_string();
    ask(&app, "backup_verify", json!({"company": company, "backup": backup})).await;
    ended(&app, &company).await;
    let backups = ask(&app, "backups_view", of.clone()).await;
    assert_eq!(backups["problem"], Value::Null);
    assert_eq!(backups["backups"][0]["restore_tested"], "done");
    assert_eq!(backups["kit"]["state"], "missing");

    let looked = ask(&app, "books_inspect", json!({"path": book})).await;
    assert_eq!(looked["protected"], true);
    assert_eq!(looked["problems"], json!([]));
    assert_eq!(looked["proposed_name"], "Harbour Street Bakery");
    let roles: Vec<Value> = summary.roles.iter().map(|(role, account)| json!({"role": role, "account": account})).collect();
    let account = json!({"name": "Another name", "books": book, "zone": "America/New_York", "provider": "square", "connector_version": "1", "roles": roles, "client_id": "sq0idp-test"});
    let joined = ask(&app, "company_add", account.clone()).await;
    assert_eq!((joined["company"].as_str(), joined["name"].as_str()), (Some(company.as_str()), Some("Harbour Street Bakery")));
    assert!(joined["connection"].is_string());
    assert_eq!(refused(&app, "company_add", account).await, "E-COMPANY-TAKEN");
    // What was backed up before stays this company's.
    assert_eq!(ask(&app, "backups_view", of).await["backups"][0]["id"], backup.as_str());
}
