//! Every row of the command table is answered, and no answer holds a secret.

use crate::support::Bench;
use api::commands::ENGINE;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_table_is_answered_by_name() {
    let bench = Bench::empty().await;
    for row in ENGINE {
        // With arguments that nothing fits, so that nothing is done: what matters is who refuses.
        let wrong = api::dispatch(&bench.app, row.name, json!({"no such field": 1})).await;
        match wrong {
            Err(problem) => assert_eq!(problem.code, "E-COMMAND-ARGUMENTS", "{}", row.name),
            Ok(answer) => panic!("{} took what it cannot know: {answer}", row.name),
        }
    }
    assert_eq!(bench.refused("no_such_command", json!({})).await, "E-COMMAND-UNKNOWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_for_a_company_that_is_not_there_changes_nothing() {
    let bench = Bench::empty().await;
    let of = json!({"company": "nobody"});
    let upgrade = json!({"company": "nobody", "upgrade": "none"});
    let plan = json!({"company": "nobody", "connection": "none", "to": "2"});
    let calls = [
        ("company_select", of.clone()),
        ("today_view", of.clone()),
        (
            "reconnect_start",
            json!({"company": "nobody", "connection": "none", "open_browser": true}),
        ),
        ("reconnect_view", json!({"company": "nobody", "connection": "none"})),
        ("reconnect_cancel", json!({"company": "nobody", "connection": "none"})),
        (
            "reconnect_paste",
            json!({"company": "nobody", "connection": "none", "address": "x"}),
        ),
        ("disconnect", json!({"company": "nobody", "connection": "none"})),
        ("upgrade_plan", plan.clone()),
        ("upgrade_start", plan),
        (
            "upgrade_approve",
            json!({"company": "nobody", "upgrade": "none", "who": "owner", "digest": ""}),
        ),
        ("upgrade_pause", upgrade.clone()),
        ("upgrade_resume", upgrade.clone()),
        ("upgrade_stop", upgrade.clone()),
        ("upgrade_rollback", upgrade.clone()),
        ("upgrade_next_day", upgrade.clone()),
        ("upgrade_dismiss", upgrade.clone()),
        ("upgrade_finish", upgrade),
        (
            "differences_view",
            json!({"company": "nobody", "upgrade": "none", "filter": "all", "page": 0}),
        ),
        ("backup_now", of.clone()),
        ("backup_verify", json!({"company": "nobody", "backup": "none"})),
        ("restore_moments", json!({"company": "nobody", "place": null, "recovery_key_file": null})),
        ("restore_undo", of.clone()),
        (
            "restore_preview",
            json!({"company": "nobody", "backup": null, "place": null, "recovery_key_file": null}),
        ),
        ("recovery_kit", json!({"company": "nobody", "path": "kit.txt", "lost": false})),
        ("kit_confirm_group", json!({"company": "nobody", "group": "ABCDE"})),
        ("kit_confirm_file", json!({"company": "nobody", "path": "kit.txt"})),
        ("reconcile_view", json!({"company": "nobody", "from_day": null, "to_day": null})),
        ("hold_view", json!({"company": "nobody", "hold": "none"})),
        ("hold_resolve", json!({"company": "nobody", "hold": "none", "answer": "seen"})),
        ("sync_now", of.clone()),
        ("log_view", json!({"company": "nobody", "filter": "all", "search": "", "page": 0})),
    ];
    for (name, args) in calls {
        assert_eq!(bench.refused(name, args).await, "E-COMPANY-UNKNOWN", "{name}");
    }
    assert_eq!(
        bench
            .ask("log_view", json!({"company": null, "filter": "all", "search": "", "page": 0}))
            .await["total"],
        0
    );
}
