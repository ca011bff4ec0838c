//! The whole upgrade through the commands alone.

use crate::support::Bench;
use serde_json::{Value, json};

fn kinds(today: &Value) -> Vec<String> {
    today["needs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|need| need["need"]["kind"].as_str().unwrap().to_string())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_practice_upgrade_runs_from_its_plan_to_its_end_through_the_commands_alone() {
    let (bench, company, connection) = Bench::practising("all-goes-well").await;
    let of = json!({"company": company});
    bench.read_everything(&company, &connection).await;

    // Before: the year agrees to the cent, and the plan changes nothing.
    let before = bench
        .ask("reconcile_view", json!({"company": company, "from_day": null, "to_day": null}))
        .await;
    assert_eq!(
        (
            before["remainder"]["minor"].clone(),
            before["doubled"].clone(),
            before["lost"].clone()
        ),
        (json!("0"), json!(0), json!(0)),
        "{before:#}"
    );
    assert!(!before["rows"].as_array().unwrap().is_empty() && !before["payouts"].as_array().unwrap().is_empty());
    let today = bench.ask("today_view", of.clone()).await;
    assert!(kinds(&today).contains(&"upgrade_ready".to_string()), "{today:#}");
    let records = bench.ask("settings_view", json!({})).await["log_records"].clone();
    let asked = json!({"company": company, "connection": connection, "to": "2"});
    let plan = bench.ask("upgrade_plan", asked.clone()).await["plan"].clone();
    assert_eq!(
        bench.ask("settings_view", json!({})).await["log_records"],
        records,
        "planning must store nothing"
    );
    assert_eq!(plan["ready"], true, "{plan:#}");
    assert_eq!(plan["quiet_time"]["heat"].as_array().unwrap().len(), 7);
    let missing: Vec<&Value> = plan["permissions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|p| p["state"] == "missing")
        .map(|p| &p["permission"])
        .collect();
    assert_eq!(missing, ["ORDERS_READ", "DISPUTES_READ"]);
    assert_eq!(bench.ask("backups_view", of.clone()).await["backups"], json!([]));

    // The first yes is given with the start; then everything goes on by itself to the first gate.
    let started = bench.ask("upgrade_start", asked.clone()).await;
    assert_eq!(started["kind"], "run");
    assert_eq!(bench.refused("upgrade_start", asked).await, "E-BUSY");
    let mut view = bench.settled(&company).await;
    let id = view["run"]["id"].clone();
    let mut gates = Vec::new();
    while view["run"]["may"]["approve"] == true {
        let gate = view["run"]["gate"].clone();
        gates.push(gate["next"].as_str().unwrap().to_string());
        if gates.len() == 1 {
            bench.read_everything(&company, &connection).await;
            let stale = json!({"company": company, "upgrade": id, "who": "owner", "digest": "something else"});
            assert_eq!(bench.refused("upgrade_approve", stale).await, "E-SIGNOFF-STALE");
            // A pause holds everything, and going on leads back to the same question.
            let paused = bench.ask("upgrade_pause", json!({"company": company, "upgrade": id})).await;
            assert_eq!(
                (paused["run"]["mode"]["kind"].clone(), paused["run"]["may"]["resume"].clone()),
                (json!("paused"), json!(true))
            );
            let again = bench.ask("upgrade_resume", json!({"company": company, "upgrade": id})).await;
            assert_eq!(again["run"]["gate"]["digest"], gate["digest"]);
        }
        if gates.len() == 2 {
            assert!(view["run"]["stop_here"]["entries_removed"].as_u64().unwrap() > 0, "{view:#}");
        }
        bench
            .ask(
                "upgrade_approve",
                json!({"company": company, "upgrade": id, "who": gate["who"], "digest": gate["digest"]}),
            )
            .await;
        view = bench.settled(&company).await;
    }
    assert_eq!(gates, ["canary", "wave_one", "cut_over"], "{view:#}");
    let run = &view["run"];
    assert_eq!(
        (run["mode"]["for_whom"]["kind"].clone(), run["owner"].clone()),
        (json!("next_day"), json!("new")),
        "{view:#}"
    );
    assert_eq!(run["differences"]["unexplained"], 0);
    assert!(
        run["sample"]["rows"].as_array().unwrap().iter().any(|row| row["expected"] == true),
        "{run:#}"
    );
    let expected = bench
        .ask(
            "differences_view",
            json!({"company": company, "upgrade": id, "filter": "expected", "page": 0}),
        )
        .await;
    assert_eq!(expected["counts"]["unexplained"], 0);
    assert!(
        expected["rows"]
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["class"] == "expected" && !row["reason"].is_null())
    );

    // A wrong order is refused in words and changes nothing.
    assert_eq!(
        bench.refused("upgrade_finish", json!({"company": company, "upgrade": id})).await,
        "E-UPGRADE-NOT-NOW"
    );

    // The watch, day by day. Once it is over the screen asks for the last yes.
    let mut days = 0;
    while view["run"]["may"]["next_day"] == true {
        bench.ask("upgrade_next_day", json!({"company": company, "upgrade": id})).await;
        view = bench.settled(&company).await;
        days += 1;
        assert!(days < 40, "the watch does not end: {view:#}");
        if days == 2 {
            bench.read_everything(&company, &connection).await;
            assert_eq!(view["run"]["watch"]["day"], 2, "{view:#}");
        }
    }
    assert_eq!((days, view["run"]["may"]["finish"].clone()), (31, json!(true)), "{view:#}");
    assert!(kinds(&bench.ask("today_view", of.clone()).await).contains(&"upgrade_can_finish".to_string()));

    // What is held is looked at; an answer that cannot be carried out says so.
    let held = bench
        .ask("reconcile_view", json!({"company": company, "from_day": null, "to_day": null}))
        .await["held"]
        .clone();
    for (place, one) in held.as_array().unwrap().iter().enumerate() {
        if place == 0 {
            assert_eq!(
                bench
                    .refused("hold_resolve", json!({"company": company, "hold": one["id"], "answer": "post"}))
                    .await,
                "E-HOLD-ANSWER"
            );
        }
        bench
            .ask("hold_resolve", json!({"company": company, "hold": one["id"], "answer": "seen"}))
            .await;
    }
    bench.ask("upgrade_finish", json!({"company": company, "upgrade": id})).await;
    let after = bench.settled(&company).await;
    assert_eq!(
        (
            after["connections"][0]["version"].clone(),
            after["connections"][0]["last"]["how"].clone()
        ),
        (json!("2"), json!("finished")),
        "{after:#}"
    );
    assert_eq!(after["connections"][0]["last"]["remainder"]["minor"], "0");
    bench.read_everything(&company, &connection).await;
    let end = bench
        .ask("reconcile_view", json!({"company": company, "from_day": null, "to_day": null}))
        .await;
    assert_eq!(
        (end["remainder"]["minor"].clone(), end["doubled"].clone(), end["lost"].clone()),
        (json!("0"), json!(0), json!(0)),
        "{end:#}"
    );
    assert_eq!(end["watch"].as_array().unwrap().len(), 31);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_taken_proved_looked_into_and_restored_with_the_kit_alone() {
    let (bench, company, connection) = Bench::practising("all-goes-well").await;
    let of = json!({"company": company});
    let job = bench.ask("backup_now", of.clone()).await;
    assert_eq!(bench.ended(&job).await["state"], "done");
    let backups = bench.ask("backups_view", of.clone()).await;
    let backup = backups["backups"][0].clone();
    assert_eq!(
        (
            backup["checked"].clone(),
            backup["restore_tested"].clone(),
            backup["reason"]["kind"].clone()
        ),
        (json!("done"), json!("not_yet"), json!("by_hand"))
    );
    assert!(kinds(&bench.ask("today_view", of.clone()).await).contains(&"backup_unproved".to_string()));
    let proof = bench
        .ask("backup_verify", json!({"company": company, "backup": backup["id"]}))
        .await;
    assert_eq!(bench.ended(&proof).await["state"], "done");
    assert_eq!(bench.ask("backups_view", of.clone()).await["backups"][0]["restore_tested"], "done");
    assert_eq!(bench.ask("today_view", of.clone()).await["backup"]["state"], "proved");

    let kit = bench.dir.path().join("kit.txt");
    let written = bench
        .ask("recovery_kit", json!({"company": company, "path": kit.display().to_string(), "lost": false}))
        .await;
    assert_eq!(written["fingerprint"].as_str().unwrap().len(), 8);
    let inside = bench
        .ask(
            "restore_preview",
            json!({"company": company, "backup": backup["id"], "place": null, "recovery_key_file": null}),
        )
        .await;
    assert_eq!(
        (
            inside["inside"]["entries"].clone(),
            inside["against_today"]["entries_count"]["added"].clone()
        ),
        (backup["entries"].clone(), json!(0))
    );
    let full = bench.dir.path().join("full");
    std::fs::create_dir_all(full.join("something")).unwrap();
    let into = |target: &std::path::Path| json!({"company": company, "backup": backup["id"], "place": null, "recovery_key_file": null, "target": target.display().to_string(), "only": [], "settings": false});
    assert_eq!(bench.refused("restore_start", into(&full)).await, "E-HOME");
    let started = bench.ask("restore_start", into(&bench.dir.path().join("restored"))).await;
    bench.ended(&started["state"]["job"]).await;
    let done = bench
        .ask(
            "restore_preview",
            json!({"company": company, "backup": backup["id"], "place": null, "recovery_key_file": null}),
        )
        .await;
    assert_eq!(done["state"]["kind"], "done", "{done:#}");
    assert_eq!(done["state"]["proof"]["accounts_equal"], done["state"]["proof"]["accounts"]);

    // In place, and taken back once.
    let none = json!({"company": company, "place": null, "recovery_key_file": null});
    let moments = bench.ask("restore_moments", none.clone()).await;
    assert_eq!((moments["moments"][0]["id"].clone(), moments["undo"].clone()), (backup["id"].clone(), json!(null)));
    let mut put = into(&full);
    put["target"] = json!(null);
    put["settings"] = json!(true);
    let started = bench.ask("restore_start", put).await;
    assert_eq!(bench.ended(&started["state"]["job"]).await["state"], "done");
    let moments = bench.ask("restore_moments", none.clone()).await;
    assert_eq!(moments["moments"][0]["reason"]["kind"], "before_restore");
    assert_eq!(moments["undo"]["safety_backup"], moments["moments"][0]["id"]);
    let undone = bench.ask("restore_undo", of.clone()).await;
    assert_eq!(bench.ended(&undone["job"]).await["state"], "done");
    let moments = bench.ask("restore_moments", none).await;
    assert_eq!((moments["undo"].clone(), moments["problem"].clone()), (json!(null), json!(null)));

    // Another computer: nothing but the folder of the backups and the kit.
    let fresh = Bench::empty().await;
    let place = backups["places"][0]["path"].clone();
    let all = fresh.ask("restore_moments", json!({"company": null, "place": place, "recovery_key_file": kit.display().to_string()})).await;
    assert_eq!((all["moments"].as_array().unwrap().len(), all["moments"][0]["restore_tested"].clone()), (3, json!(null)), "{all:#}");
    let found = fresh
        .ask(
            "restore_preview",
            json!({"company": null, "backup": all["moments"][2]["id"], "place": place, "recovery_key_file": kit.display().to_string()}),
        )
        .await;
    assert_eq!(
        (found["company_name"].clone(), found["inside"]["entries"].clone()),
        (json!("Harbour Street Bakery"), backup["entries"].clone())
    );
    let target = fresh.dir.path().join("restored");
    let started = fresh
        .ask("restore_start", json!({"company": null, "backup": found["backup"], "place": place, "recovery_key_file": kit.display().to_string(), "target": target.display().to_string(), "only": [], "settings": false}))
        .await;
    assert_eq!(fresh.ended(&started["state"]["job"]).await["state"], "done");
    let done = fresh
        .ask(
            "restore_preview",
            json!({"company": null, "backup": found["backup"], "place": place, "recovery_key_file": kit.display().to_string()}),
        )
        .await;
    assert_eq!(done["state"]["kind"], "done", "{done:#}");
    bench.read_everything(&company, &connection).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_reconnected_with_the_same_company_and_disconnected_for_good() {
    let (bench, company, connection) = Bench::practising("all-goes-well").await;
    let of = json!({"company": company, "connection": connection});
    let why = bench
        .ask(
            "reconnect_start",
            json!({"company": company, "connection": connection, "open_browser": false}),
        )
        .await;
    assert_eq!((why["step"].clone(), why["address"].clone()), (json!("why"), json!(null)));
    assert_eq!(
        bench
            .refused(
                "reconnect_paste",
                json!({"company": company, "connection": connection, "address": "http://127.0.0.1/"})
            )
            .await,
        "E-SIGN-IN-ADDRESS"
    );
    let mut view = bench
        .ask(
            "reconnect_start",
            json!({"company": company, "connection": connection, "open_browser": true}),
        )
        .await;
    while view["step"] != "done" {
        assert_eq!(view["problem"], json!(null), "{view:#}");
        tokio::task::yield_now().await;
        view = bench.ask("reconnect_view", of.clone()).await;
    }
    assert_eq!(view["found_company"], "Harbour Street Bakery");
    let accounts = bench.ask("reconnect_cancel", of.clone()).await;
    assert_eq!(accounts["connections"][0]["state"], "connected", "{accounts:#}");
    let job = bench.ask("sync_now", json!({"company": company})).await;
    assert_eq!(bench.ended(&job).await["state"], "done");
    let gone = bench.ask("disconnect", of).await;
    assert_eq!(gone["connections"][0]["state"], "disconnected", "{gone:#}");
    let job = bench.ask("sync_now", json!({"company": company})).await;
    assert_eq!(bench.ended(&job).await["state"], "failed");
    let log = bench
        .ask(
            "log_view",
            json!({"company": company, "filter": "sign_in", "search": "", "page": 0}),
        )
        .await;
    let words = log["entries"][0]["words"].as_str().unwrap();
    assert!(words.starts_with("Disconnected square: 2 accesses erased here."), "the old one and the renewed one: {log:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_is_missing_in_the_books_is_named_with_its_day_and_its_cents() {
    let (bench, company, connection) = Bench::practising("all-goes-well").await;
    let whole = json!({"company": company, "from_day": null, "to_day": null});
    assert_eq!(bench.ask("reconcile_view", whole.clone()).await["verdict"], "pass");
    let engine = bench.app.practice_engine().await.unwrap();
    let shop = engine.company(&company).await.unwrap();
    let link = engine.connection(&shop, Some(&connection)).await.unwrap();
    let known = engine::store::movement::known(&engine.pool, &link.id).await.unwrap();
    let clearing = link.roles.get(ledger::Role::Clearing).unwrap();
    let (id, gone) = known
        .entries
        .iter()
        .find(|(_, entry)| entry.entry.lines.iter().any(|l| l.account == *clearing && l.amount.minor > 0))
        .unwrap();
    let cents = gone.entry.lines.iter().find(|l| l.account == *clearing).unwrap().amount.minor;
    let book = engine.books(&shop).await.unwrap();
    let remove = engine::changes::take_out(book.as_ref(), &known, &[id.clone()].into())
        .await
        .unwrap();
    let intent = engine::changes::Intent {
        remove,
        ..Default::default()
    };
    engine
        .change_books(&shop, &link, None, "sync", intent, &engine::progress::Watcher::silent())
        .await
        .unwrap();

    let view = bench.ask("reconcile_view", whole).await;
    assert_eq!(
        (view["verdict"].clone(), view["remainder"]["minor"].clone(), view["doubled"].clone()),
        (json!("fail"), json!(cents.to_string()), json!(0)),
        "{:#}",
        view["remainder"]
    );
    assert_eq!(view["lost"], gone.entry.covers.len(), "the sale and its fee");
    let row = view["rows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["difference"]["minor"] != "0")
        .unwrap();
    assert_eq!(
        (row["day"].clone(), row["role"].clone()),
        (json!(gone.entry.date.to_string()), json!("clearing"))
    );
    assert!(
        row["lines"]
            .as_array()
            .unwrap()
            .iter()
            .any(|line| line["books"].is_null() && line["processor"]["minor"] == cents.to_string())
    );
    let one_day = bench
        .ask(
            "reconcile_view",
            json!({"company": company, "from_day": row["day"], "to_day": row["day"]}),
        )
        .await;
    assert!(one_day["rows"].as_array().unwrap().iter().all(|r| r["day"] == row["day"]));
}
