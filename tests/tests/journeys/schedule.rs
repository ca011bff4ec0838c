//! Backups that nobody has to think of: due, taken and proved; missed, told, and made up for. A day passes by moving what is noted into the past.

use api::practice_company::ScriptedBrowser;
use api::{App, Start};
use changeover_tests::shelf::Shelf;
use changeover_tests::{company, home, program};
use engine::progress::Watcher;
use engine::schedule::Due;
use engine::store::company::Company;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

async fn started(home: &Path) -> (App, Company) {
    let start = Start {
        home: home.to_path_buf(),
        browser: Arc::new(ScriptedBrowser),
        changed: Arc::new(|| {}),
        worker: Some(program::changeover().to_path_buf()),
        actor: "test".to_string(),
    };
    let app = App::start_with(start, Shelf::default().keychain()).await.unwrap_or_else(|problem| panic!("{problem}"));
    let company = company::real(app.real(), home, 20).await;
    (app, company)
}

async fn ask(app: &App, command: &str, args: Value) -> Value {
    api::dispatch(app, command, args).await.unwrap_or_else(|problem| panic!("{command}: {problem:?}"))
}

/// Two days go by: everything noted so far is two days older.
async fn two_days_pass(app: &App, company: &Company) {
    let engine = app.real();
    let days = jiff::SignedDuration::from_hours(48);
    for row in engine.backups(company).await.unwrap() {
        let older = |at: jiff::Timestamp| at.checked_sub(days).unwrap().to_string();
        sqlx::query("UPDATE backup SET copied_at = $2, checked_at = $3, restored_at = $4 WHERE id = $1")
            .bind(&row.id)
            .bind(older(row.copied_at))
            .bind(row.checked_at.map(older))
            .bind(row.restored_at.map(older))
            .execute(&engine.pool)
            .await
            .unwrap();
    }
    if let Some(mut run) = engine.backup_run(company).await.unwrap() {
        run.at = run.at.checked_sub(days).unwrap();
        let text = json!({"version": 1, "value": run}).to_string();
        engine::store::set_setting(&engine.pool, &format!("backup_run:{}", company.id), &text).await.unwrap();
    }
}

async fn jobs_end(app: &App, company: &Company) {
    let ended = async {
        while app.jobs().running(&company.id, &[api::views::Work::Backup]).is_some() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(120), ended).await.expect("the backup ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_due_backup_is_taken_and_proved_a_missed_one_is_told_and_made_up_for() {
    let home = home::fresh();
    let (app, company) = started(home.path()).await;
    let of = json!({"company": company.id});
    let schedule = async || ask(&app, "backups_view", of.clone()).await["schedule"].clone();
    let kinds = async || -> Vec<String> {
        let today = ask(&app, "today_view", of.clone()).await;
        today["needs"].as_array().unwrap().iter().map(|one| one["need"]["kind"].as_str().unwrap().to_string()).collect()
    };

    // The first one is a person's.
    assert_eq!(schedule().await["state"], "first");
    assert!(api::handlers::due_backups(&app).await.is_empty());
    app.real().take_backup(&company, "by hand", None, &Watcher::silent()).await.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!((&schedule().await["state"], &schedule().await["daily"], &schedule().await["at"]), (&json!("waiting"), &json!(true), &json!("21:00")));

    // Two days asleep: one is made up for as soon as anything looks, read back, and proved because nothing was proved yet.
    two_days_pass(&app, &company).await;
    assert_eq!(schedule().await["state"], "due");
    assert_eq!(api::handlers::due_backups(&app).await, ["Harbour Street Bakery"]);
    jobs_end(&app, &company).await;
    let backups = ask(&app, "backups_view", of.clone()).await;
    let newest = &backups["backups"][0];
    assert_eq!((&newest["reason"]["kind"], &newest["checked"], &newest["restore_tested"]), (&json!("daily"), &json!("done"), &json!("done")));
    assert_eq!(backups["backups"].as_array().unwrap().len(), 2, "one, not one for each day");
    assert!(api::handlers::due_backups(&app).await.is_empty());

    // The books are not there one night.
    two_days_pass(&app, &company).await;
    let away = company.books_path.with_extension("away");
    std::fs::rename(&company.books_path, &away).unwrap();
    let missed = app.real().take_due_backup(&company, &Watcher::silent()).await.unwrap_err();
    assert_eq!(missed.code.to_string(), "E-BOOKS-MISSING");
    assert_eq!(schedule().await["missed"]["problem"]["code"], "E-BOOKS-MISSING");
    assert!(kinds().await.contains(&"backup_missed".to_string()), "{:?}", kinds().await);
    assert_eq!(ask(&app, "backups_view", of.clone()).await["backups"].as_array().unwrap().len(), 2, "what failed is no backup");
    // Not at every look, and not before the hour is over.
    assert!(matches!(app.real().backup_due(&company).await.unwrap(), Due::NotYet { next: Some(_) }));

    // There again: made up for, and nothing is said of it any more.
    std::fs::rename(&away, &company.books_path).unwrap();
    two_days_pass(&app, &company).await;
    let taken = app.real().take_due_backup(&company, &Watcher::silent()).await.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(taken.expect("it was due").label, "daily");
    assert_eq!(schedule().await["missed"], Value::Null);
    assert!(!kinds().await.contains(&"backup_missed".to_string()));
    let log = ask(&app, "log_view", json!({"company": company.id, "filter": "all", "search": "", "page": 0})).await.to_string();
    assert!(log.contains("could not be taken (E-BOOKS-MISSING)"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_programs_that_look_at_once_take_one_backup() {
    let home = home::fresh();
    let (app, company) = started(home.path()).await;
    app.real().take_backup(&company, "by hand", None, &Watcher::silent()).await.unwrap_or_else(|problem| panic!("{problem}"));
    two_days_pass(&app, &company).await;
    let look = || {
        let (engine, company) = (app.real().clone(), company.clone());
        tokio::spawn(async move { engine.take_due_backup(&company, &Watcher::silent()).await.unwrap_or_else(|problem| panic!("{problem}")) })
    };
    let all = [look(), look(), look()];
    let mut taken = 0;
    for one in all {
        taken += usize::from(one.await.unwrap().is_some());
    }
    assert_eq!(taken, 1);
    assert_eq!(app.real().backups(&company).await.unwrap().len(), 2);
}

/// What a person ticks is kept, and what an older or newer program wrote is not guessed at.
#[tokio::test(flavor = "multi_thread")]
async fn the_rule_is_kept_and_an_unknown_one_stops() {
    let home = home::fresh();
    let (app, company) = started(home.path()).await;
    let set = |at: &str| json!({"company": company.id, "daily": true, "at": at, "on_change": true});
    let refused = api::dispatch(&app, "backup_schedule_set", set("25:00")).await.unwrap_err();
    assert_eq!(refused.code, "E-COMMAND-ARGUMENTS");
    let kept = ask(&app, "backup_schedule_set", set("06:30")).await;
    assert_eq!((&kept["schedule"]["at"], &kept["schedule"]["on_change"]), (&json!("06:30"), &json!(true)));
    engine::store::set_setting(&app.real().pool, "backup_rule", r#"{"version":9,"value":{}}"#).await.unwrap();
    assert!(app.real().backup_rule().await.is_err());
    assert!(app.real().take_due_backup(&company, &Watcher::silent()).await.is_err());
}
