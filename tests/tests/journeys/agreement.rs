//! What Today says of the agreement of books and processor, and what a look into a backup shows: only what was compared.

use api::App;
use changeover_tests::bakery::{self, Bakery};
use changeover_tests::oracle;
use serde_json::{Value, json};
use std::path::Path;

async fn ask(app: &App, name: &str, args: Value) -> Value {
    api::dispatch(app, name, args).await.unwrap_or_else(|problem| panic!("{name}: {problem:?}"))
}

async fn tile(app: &App, company: &str) -> Value {
    ask(app, "today_view", json!({"company": company})).await["agreement"].clone()
}

/// Waits for the work under way.
async fn ended(app: &App, job: &str) -> Value {
    loop {
        let now = ask(app, "job_view", json!({"job": job})).await;
        if now["state"] != "running" {
            return now;
        }
        tokio::task::yield_now().await;
    }
}

/// The tile once everything that it asked for was compared.
async fn settled(app: &App, company: &str) -> Value {
    let first = tile(app, company).await;
    for job in app.jobs().all_running() {
        let done = ended(app, &job.id).await;
        assert_eq!((&done["work"], &done["state"]), (&json!("reconcile"), &json!("done")), "{done}");
    }
    match first["state"].as_str() {
        Some("comparing") => tile(app, company).await,
        Some(_) | None => first,
    }
}

async fn started_again(app: App, home: &Path) -> App {
    for engine in app.engines().await {
        engine.pool.close().await;
    }
    bakery::app(home).await
}

/// A person's hand in the books: one of our entries gets another amount and still balances.
async fn change_an_entry(book: &Path, entry: &str) {
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", book.display())).await.unwrap();
    for (sign, which) in [("+", "MIN"), ("-", "MAX")] {
        let change = format!(
            "UPDATE splits SET value_num = value_num {sign} 700, quantity_num = quantity_num {sign} 700 WHERE guid = (SELECT {which}(guid) FROM splits WHERE tx_guid = $1)"
        );
        sqlx::query(sqlx::AssertSqlSafe(change)).bind(entry).execute(&pool).await.unwrap();
    }
    pool.close().await;
}

async fn one_of_ours(bakery: &Bakery) -> String {
    let known = engine::store::movement::known(&bakery.engine.pool, &bakery.connection.id).await.unwrap();
    known.entries.keys().min().expect("a year was posted").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn agreement_is_said_only_of_a_state_that_was_compared_and_is_known_again_after_a_restart() {
    let bakery = Bakery::open("all-goes-well").await;
    let (company, book, entry) = (bakery.company.id.clone(), bakery.book(), one_of_ours(&bakery).await);
    let agrees = settled(&bakery.app, &company).await;
    assert_eq!(agrees["state"], "agrees", "{agrees}");

    // The next start knows it at once, and compares nothing again.
    let app = started_again(bakery.app, bakery.home.path()).await;
    assert_eq!(tile(&app, &company).await, agrees);
    assert!(app.jobs().latest(None, api::views::Work::Reconcile).is_none(), "nothing was compared again");

    // A changed book is not what was compared: at no moment does the tile say that it agrees.
    change_an_entry(&book, &entry).await;
    let app = started_again(app, bakery.home.path()).await;
    let first = tile(&app, &company).await;
    match first["state"].as_str() {
        Some("comparing") => assert_eq!((&first["last"]["agrees"], first["last"]["when"].is_string()), (&json!(true), true), "{first}"),
        Some("differs") => {}
        other => panic!("{other:?}: {first}"),
    }
    let differs = settled(&app, &company).await;
    assert_eq!(differs["state"], "differs", "{differs}");
    assert_ne!(differs["remainder"]["minor"], "0", "{differs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_into_a_backup_shows_the_difference_to_today_and_earns_no_mark() {
    let bakery = Bakery::open("all-goes-well").await;
    let of = json!({"company": bakery.company.id});
    let job = ask(&bakery.app, "backup_now", of.clone()).await;
    let done = ended(&bakery.app, job["id"].as_str().unwrap()).await;
    assert_eq!(done["state"], "done", "{done}");
    let backup = ask(&bakery.app, "backups_view", of.clone()).await["backups"][0].clone();
    let look = json!({"company": bakery.company.id, "backup": backup["id"], "place": null, "recovery_key_file": null});
    let same = ask(&bakery.app, "restore_preview", look.clone()).await;
    let none = json!({"added": 0, "changed": 0, "gone": 0});
    assert_eq!((&same["inside"]["entries"], &same["against_today"]["entries_count"]), (&backup["entries"], &none), "{same}");
    assert_eq!(same["against_today"]["accounts"], json!([]));
    assert_eq!(same["inside"]["books_file"], "harbour-street-bakery.gnucash");
    if oracle::has_gnucash() {
        let transactions = oracle::gnucash(&bakery.book()).transactions;
        assert_eq!(same["inside"]["entries"], json!(transactions), "as many as GnuCash counts");
    }
    change_an_entry(&bakery.book(), &one_of_ours(&bakery).await).await;
    let differs = ask(&bakery.app, "restore_preview", look).await["against_today"].clone();
    assert_eq!(differs["entries_count"], json!({"added": 0, "changed": 1, "gone": 0}), "{differs}");
    assert_eq!(differs["entries"][0]["became"], "changed", "{differs}");
    assert_eq!(differs["accounts"].as_array().map(Vec::len), Some(2), "both accounts of that entry: {differs}");
    assert_eq!(ask(&bakery.app, "backups_view", of).await["backups"][0]["restore_tested"], "not_yet", "a look is no proof");
    let left: Vec<_> = std::fs::read_dir(bakery.engine.home.work()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("preview-")), "{left:?}");
}
