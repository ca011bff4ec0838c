//! What ends, and when, asked by name: for one company and for all, as a file, and on Today.

use crate::support::Bench;
use serde_json::{Value, json};

fn ids(view: &Value) -> Vec<&str> {
    view["rows"].as_array().unwrap().iter().filter_map(|row| row["id"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_install_has_an_empty_calendar_and_writes_no_file() {
    let bench = Bench::empty().await;
    let view = bench.ask("calendar_view", json!({"company": null})).await;
    assert_eq!((view["rows"].clone(), view["problems"].clone(), view["zone"].clone()), (json!([]), json!([]), json!(null)));
    assert_eq!(bench.refused("calendar_view", json!({"company": "nobody"})).await, "E-COMPANY-UNKNOWN");
    let path = bench.dir.path().join("ends.ics");
    let answer = bench.ask("calendar_export", json!({"company": null, "path": path.display().to_string()})).await;
    assert_eq!(answer, json!({"file": null, "events": 0, "without_day": 0}));
    assert!(!path.exists());
    assert_eq!(bench.ask("calendar_due", json!({})).await, json!({"due": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_company_has_its_sign_in_and_its_connectors_deadline_in_the_list_the_file_and_once_on_today() {
    let (bench, company, connection) = Bench::practising("all-goes-well").await;
    let view = bench.ask("calendar_view", json!({"company": company})).await;
    let (sign_in, deadline) = (format!("sign-in/{connection}"), format!("connector/{connection}/2/api-version-ends"));
    for id in [&sign_in, &deadline] {
        assert!(ids(&view).contains(&id.as_str()), "{id}: {:?}", ids(&view));
    }
    let row = view["rows"].as_array().unwrap().iter().find(|row| row["id"] == json!(deadline)).unwrap();
    assert_eq!((row["day"].clone(), row["when"].clone()), (json!("2026-12-31"), json!({"kind": "day"})));
    assert_eq!(row["sure"], json!({"kind": "unverified", "why": null}));
    assert_eq!(row["act"], json!({"kind": "plan_upgrade", "to": "2"}));
    let all = bench.ask("calendar_view", json!({"company": null})).await;
    assert_eq!(ids(&all), ids(&view), "the only company is all of them");

    // The connection's deadline stands on Today with the upgrade that mends it, and not a second time.
    let today = bench.ask("today_view", json!({"company": company})).await;
    let kinds: Vec<&str> = today["needs"].as_array().unwrap().iter().filter_map(|need| need["need"]["kind"].as_str()).collect();
    assert!(kinds.contains(&"upgrade_ready") && !kinds.contains(&"ends"), "{kinds:?}");

    let path = bench.dir.path().join("ends.ics");
    let export = json!({"company": company, "path": path.display().to_string()});
    let answer = bench.ask("calendar_export", export.clone()).await;
    let first = std::fs::read_to_string(&path).unwrap();
    assert_eq!((answer["file"].clone(), answer["events"].clone()), (json!(path.display().to_string()), json!(first.matches("BEGIN:VEVENT").count())));
    bench.ask("calendar_export", export).await;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), first, "the practice clock stands still, so does the file");
    let (_, company_row) = bench.app.company(&company).await.unwrap();
    let stored = bench.app.company(&company).await.unwrap().0.connections(&company_row).await.unwrap();
    let tenant = stored[0].tenant_id.clone().unwrap();
    assert!(!first.contains(&tenant) && !view.to_string().contains(&tenant), "the provider's id of the company stays here");
    assert_eq!(
        bench.refused("calendar_export", json!({"company": company, "path": bench.dir.path().join("no/such/folder.ics").display().to_string()})).await,
        "E-FILE"
    );
    assert_eq!(bench.ask("calendar_due", json!({})).await, json!({"due": []}), "an invented clock alarms nobody");
}
