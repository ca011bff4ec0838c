//! Every command on a fresh install: nothing is there, and that is said.

use crate::support::Bench;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_home_answers_truthfully_and_says_what_to_do_first() {
    let bench = Bench::empty().await;
    let app = bench.ask("app_view", json!({})).await;
    assert_eq!(app["first_run"], true);
    assert_eq!(app["companies"], json!([]));
    assert_eq!(app["current"], json!(null));
    let practice = bench.ask("practice_view", json!({})).await;
    assert_eq!(practice["companies"], json!([]));
    assert_eq!(practice["stories"].as_array().unwrap().len(), practice_stories());
    assert_eq!(bench.ask("settings_view", json!({})).await["packages"].as_array().unwrap().len(), 2);
    let log = bench
        .ask("log_view", json!({"company": null, "filter": "all", "search": "", "page": 0}))
        .await;
    assert_eq!(
        (log["total"].clone(), log["chain"]["state"].clone()),
        (json!(0), json!("not_checked"))
    );
    assert_eq!(
        bench.ask("log_verify", json!({})).await["chain"],
        json!({"state": "good", "records": 0, "signed": null, "checked": bench_time(&bench).await})
    );
    for name in ["today_view", "accounts_view", "upgrade_view", "backups_view"] {
        assert_eq!(
            bench.refused(name, json!({"company": "nobody"})).await,
            "E-COMPANY-UNKNOWN",
            "{name}"
        );
    }
    assert_eq!(
        bench
            .refused(
                "restore_preview",
                json!({"company": null, "backup": null, "place": null, "recovery_key_file": null})
            )
            .await,
        "E-BACKUP-NONE"
    );
    assert_eq!(bench.refused("job_view", json!({"job": "7"})).await, "E-JOB-UNKNOWN");
}

fn practice_stories() -> usize {
    practice::Story::ALL.len()
}

async fn bench_time(bench: &Bench) -> serde_json::Value {
    bench
        .ask("log_view", json!({"company": null, "filter": "all", "search": "", "page": 0}))
        .await["chain"]["checked"]
        .clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_book_is_shown_with_its_problem_and_not_as_an_error() {
    let bench = Bench::empty().await;
    let file = bench.dir.path().join("letter.txt");
    std::fs::write(&file, "Dear bookkeeper").unwrap();
    let view = bench.ask("books_inspect", json!({"path": file.display().to_string()})).await;
    assert_eq!(view["problems"][0]["code"], "E-BOOKS-NOT-GNUCASH");
    assert_eq!(view["accounts"], json!([]));
    let gone = bench
        .ask(
            "books_inspect",
            json!({"path": bench.dir.path().join("gone.gnucash").display().to_string()}),
        )
        .await;
    assert_eq!(gone["problems"][0]["code"], "E-BOOKS-MISSING");
}

#[tokio::test(flavor = "multi_thread")]
async fn real_books_are_looked_into_added_and_looked_after_from_the_start_of_the_year() {
    let bench = Bench::empty().await;
    let book = bench.dir.path().join("corner-shop.gnucash");
    practice::create_book(&book, &practice::World::small(3, 30)).await.unwrap();
    let path = book.display().to_string();
    let view = bench.ask("books_inspect", json!({"path": path})).await;
    assert_eq!(
        (view["problems"].clone(), view["proposed_name"].clone(), view["currency"].clone()),
        (json!([]), json!("Corner shop"), json!("USD"))
    );
    let roles: Vec<_> = view["roles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| json!({"role": r["role"], "account": r["account"]}))
        .collect();
    assert!(
        view["roles"]
            .as_array()
            .unwrap()
            .iter()
            .all(|r| r["fitting"].as_array().unwrap().contains(&r["account"])),
        "{view}"
    );
    let add = json!({"name": "Corner shop", "books": path, "zone": "America/New_York", "provider": "square", "connector_version": "1", "roles": roles});
    let with = |name: &str, value: &str| {
        let mut args = add.clone();
        args[name] = json!(value);
        args
    };
    assert_eq!(bench.refused("company_add", with("client_id", "two words")).await, "E-CLIENT-ID");
    assert_eq!(bench.refused("company_add", with("sync_from", "soon")).await, "E-SYNC-FROM");
    assert_eq!(bench.refused("company_add", with("sync_from", "2999-01-01")).await, "E-SYNC-FROM");
    assert_eq!(bench.ask("app_view", json!({})).await["companies"], json!([]), "a refusal adds nothing");
    let mut chosen = with("client_id", " sq0idp-own ");
    chosen["sync_from"] = json!("2025-03-01");
    let added = bench.ask("company_add", chosen).await;
    let stored = bench.app.company(added["company"].as_str().unwrap()).await.unwrap();
    let connection = stored.0.connection(&stored.1, None).await.unwrap();
    assert_eq!((connection.client_id.as_str(), connection.sync_from.to_string()), ("sq0idp-own", "2025-03-01T05:00:00Z".to_string()));
    let company = added["company"].clone();
    assert_eq!(bench.ask("app_view", json!({})).await["current"], company);
    let today = bench.ask("today_view", json!({"company": company})).await;
    let needs: Vec<&str> = today["needs"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|n| n["need"]["kind"].as_str())
        .collect();
    assert!(needs.contains(&"connect") && needs.contains(&"backup_missing"), "{needs:?}");
    assert_eq!(today["agreement"]["state"], "not_checked");
    let accounts = bench.ask("accounts_view", json!({"company": company})).await;
    assert_eq!(
        (
            accounts["connections"][0]["state"].clone(),
            accounts["connections"][0]["environment"].clone()
        ),
        (json!("never_connected"), json!("production"))
    );
    assert_eq!(bench.refused("company_add", add).await, "E-COMPANY-TAKEN");
    assert_eq!(
        bench.ask("books_inspect", json!({"path": path})).await["problems"][0]["code"],
        "E-COMPANY-TAKEN"
    );
    assert_eq!(
        bench
            .ask("reconcile_view", json!({"company": company, "from_day": null, "to_day": null}))
            .await["verdict"],
        "pending"
    );
}
