//! A halted upgrade as the window and the terminal see it.

use crate::support::Bench;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn refunds_that_the_new_connector_misses_halt_the_upgrade_and_going_back_leaves_everything_as_before() {
    let (bench, company, connection) = Bench::practising("connector-drops-refunds").await;
    let of = json!({"company": company});
    bench
        .ask("upgrade_start", json!({"company": company, "connection": connection, "to": "2"}))
        .await;
    let view = bench.settled(&company).await;
    let run = &view["run"];
    assert_eq!(
        run["mode"],
        json!({"kind": "halted", "check": "shadow_unexplained_zero"}),
        "{view:#}"
    );
    assert_eq!(
        (run["problem"]["code"].clone(), run["problem"]["touched"].clone()),
        (json!("E-CHECK-FAILED"), json!("nothing"))
    );
    assert!(run["differences"]["unexplained"].as_u64().unwrap() > 0);
    assert_eq!(
        (
            run["may"]["resume"].clone(),
            run["may"]["roll_back"].clone(),
            run["may"]["approve"].clone()
        ),
        (json!(true), json!(true), json!(false))
    );
    let failed = run["steps"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["stage"] == "shadow_run")
        .unwrap();
    assert_eq!(failed["state"], "failed");
    let differences = bench
        .ask(
            "differences_view",
            json!({"company": company, "upgrade": run["id"], "filter": "unexplained", "page": 0}),
        )
        .await;
    assert!(
        differences["rows"]
            .as_array()
            .unwrap()
            .iter()
            .any(|row| row["class"] == "missing" && row["new"] == json!([])),
        "{differences:#}"
    );
    assert_ne!(differences["remainder"]["minor"], "0");
    let needs = bench.ask("today_view", of.clone()).await["needs"].clone();
    assert!(
        needs.as_array().unwrap().iter().any(|n| n["need"]["kind"] == "upgrade_halted"),
        "{needs:#}"
    );
    bench.read_everything(&company, &connection).await;

    bench
        .ask("upgrade_rollback", json!({"company": company, "upgrade": run["id"]}))
        .await;
    // What was put back is shown until it was read; only then the table of connectors comes.
    let back = bench.settled(&company).await;
    assert_eq!(back["run"]["mode"]["kind"], "rolled_back", "{back:#}");
    assert_eq!(back["run"]["back"], json!({"taken_out": 0, "put_back": 0, "equal": false}), "halted before it wrote anything");
    let after = bench.ask("upgrade_dismiss", json!({"company": company, "upgrade": run["id"]})).await;
    assert_eq!(after["connections"][0]["last"]["how"], "rolled_back", "{after:#}");
    assert_eq!(after["connections"][0]["version"], "1");
    assert_eq!(bench.settled(&company).await, after, "it stays closed");
    assert_eq!(
        bench
            .ask("reconcile_view", json!({"company": company, "from_day": null, "to_day": null}))
            .await["remainder"]["minor"],
        "0"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_for_another_company_pauses_the_upgrade_and_the_right_one_lets_it_go_on() {
    let (bench, company, connection) = Bench::practising("wrong-company").await;
    bench
        .ask("upgrade_start", json!({"company": company, "connection": connection, "to": "2"}))
        .await;
    let view = bench.settled(&company).await;
    assert_eq!(
        (view["run"]["mode"]["kind"].clone(), view["run"]["problem"]["code"].clone()),
        (json!("paused"), json!("E-SIGN-IN-OTHER-COMPANY")),
        "{view:#}"
    );
    assert_eq!(view["run"]["may"]["reconnect"], true);
    let of = json!({"company": company, "connection": connection});
    let seen = bench.ask("reconnect_view", of.clone()).await;
    assert_eq!(
        (seen["step"].clone(), seen["problem"]["touched"].clone()),
        (json!("same_company"), json!("nothing")),
        "{seen:#}"
    );
    let accounts = bench.ask("accounts_view", json!({"company": company})).await;
    assert_eq!(
        accounts["connections"][0]["state"], "connected",
        "the access from before must keep working: {accounts:#}"
    );
    bench.read_everything(&company, &connection).await;

    let again = bench
        .ask(
            "reconnect_start",
            json!({"company": company, "connection": connection, "open_browser": true}),
        )
        .await;
    assert!(!again["permissions"].as_array().unwrap().is_empty());
    let view = bench.settled(&company).await;
    assert_eq!(
        (view["run"]["gate"]["next"].clone(), view["run"]["may"]["approve"].clone()),
        (json!("canary"), json!(true)),
        "{view:#}"
    );
    assert_eq!(bench.ask("reconnect_view", of).await["step"], "done");

    // Stopped in the middle of nothing: the same command pauses, and nothing is undone by it.
    let id = view["run"]["id"].clone();
    let stopped = bench.ask("upgrade_stop", json!({"company": company, "upgrade": id})).await;
    assert_eq!(stopped["run"]["mode"]["kind"], "paused");
    bench.ask("upgrade_rollback", json!({"company": company, "upgrade": id})).await;
    assert_eq!(bench.settled(&company).await["run"]["mode"]["kind"], "rolled_back");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_is_interrupted_in_the_middle_of_a_step_stands_still_and_can_be_resumed_or_rolled_back() {
    let (bench, company, connection) = Bench::practising("all-goes-well").await;
    let started = bench
        .ask("upgrade_start", json!({"company": company, "connection": connection, "to": "2"}))
        .await;
    let (id, job) = (started["run"]["id"].clone(), started["run"]["job"].clone());
    assert_eq!(job["work"], "upgrade");
    bench.ask("job_cancel", json!({"job": job["id"]})).await;
    let view = bench.settled(&company).await;
    assert_eq!(
        (view["run"]["mode"]["kind"].clone(), view["run"]["may"]["resume"].clone()),
        (json!("paused"), json!(true)),
        "{view:#}"
    );
    bench.ask("upgrade_resume", json!({"company": company, "upgrade": id})).await;
    let paused = bench.ask("upgrade_pause", json!({"company": company, "upgrade": id})).await;
    assert_eq!(paused["run"]["mode"]["kind"], "paused");
    // Pressed while the step is still ending: it waits for the end and then goes back.
    bench.ask("upgrade_rollback", json!({"company": company, "upgrade": id})).await;
    let after = bench.settled(&company).await;
    assert_eq!(after["run"]["mode"]["kind"], "rolled_back", "{after:#}");
}
