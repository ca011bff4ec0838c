//! Square's own published samples, read as pages and mapped.

mod made;

use connector::{BoxFuture, PageRequest, PageResponse, Processor, Record, Window, fetch, map};
use ledger::{Problem, Role};
use made::*;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn folder() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples/square");
    if !path.is_dir() {
        println!("skipped: Square's samples are not on this machine");
        return None;
    }
    Some(path)
}

/// Answers every request of a stream with one sample, as a single page.
struct Sample(Value);

impl Processor for Sample {
    fn get<'a>(&'a self, _: &'a PageRequest) -> BoxFuture<'a, Result<PageResponse, Problem>> {
        Box::pin(async { Ok(PageResponse { body: self.0.clone() }) })
    }
}

async fn sample(folder: &Path, stream: &str, file: &str, parents: &[Record]) -> Vec<Record> {
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let mut body: Value = serde_json::from_str(&text).unwrap();
    // The samples show the first page only.
    body.as_object_mut().unwrap().remove("cursor");
    let window = Window {
        since: "2021-01-01T00:00:00Z".parse().unwrap(),
        until: "2023-01-01T00:00:00Z".parse().unwrap(),
    };
    fetch(square("2"), stream, window, parents, &Sample(body), &mut |_| {})
        .await
        .unwrap_or_else(|problem| panic!("{file}: {problem}"))
        .records
}

#[tokio::test]
async fn square_s_own_samples_can_be_read_and_mapped() {
    let Some(folder) = folder() else { return };
    let locations = sample(&folder, "locations", "list-locations.json", &[]).await;
    assert_eq!(locations.len(), 2);
    let payments = sample(&folder, "payments", "list-payments.json", &locations).await;
    let refunds = sample(&folder, "refunds", "list-refunds.json", &[]).await;
    let disputes = sample(&folder, "disputes", "list-disputes.json", &[]).await;
    let payouts = sample(&folder, "payouts", "list-payouts.json", &locations).await;
    let whose = [payout(
        "po_4d28e6c4-7dd5-4de4-8ec9-a059277646a6",
        "2021-12-14T23:31:49Z",
        "PAID",
        33,
        0,
    )];
    let entries = sample(&folder, "payout_entries", "list-payout-entries.json", &whose).await;
    assert_eq!(
        [payments.len(), refunds.len(), disputes.len(), payouts.len(), entries.len()],
        [1, 1, 2, 2, 2]
    );

    // The samples hold no order of this payment and this refund; these two stand in for them.
    let order = |id: &str, total: i64| {
        let at = "2021-10-13T19:34:33.524Z";
        record(
            "orders",
            json!({ "id": id, "created_at": at, "updated_at": at, "total_money": usd(total) }),
        )
    };
    let orders = vec![
        order("d7eKah653Z579f3gVtjlxpSlmUcZY", 555),
        order("9ltv0bx5PuvGXUYHYHxYSKEqC3IZY", 0),
    ];
    let records: Vec<Record> = [payments, refunds, disputes, payouts, whose.to_vec(), entries, orders]
        .into_iter()
        .flatten()
        .collect();
    let mapped = map(square("2"), &records, &bakery()).unwrap();
    assert!(mapped.held.is_empty(), "{:?}", mapped.held);
    assert_eq!(lines(&mapped, "square:payment:bP9mAsEMYPUGjjGNaNO5ZDVyLhSZY")[&Role::Clearing], 555);
    assert_eq!(
        lines(&mapped, "square:fee:bP9mAsEMYPUGjjGNaNO5ZDVyLhSZY:INITIAL:2021-10-13T21:34:35.000Z")[&Role::Fees],
        34
    );
    assert_eq!(lines(&mapped, "square:dispute:XDgyFu7yo1E2S5lQGGpYn:lost")[&Role::Losses], 2_500);
    let withdrawn = lines(&mapped, "square:payout:po_f3c0fb38-a5ce-427d-b858-52b925b72e45");
    assert_eq!((withdrawn[&Role::Bank], withdrawn[&Role::Clearing]), (-103, 103));
    let settled = mapped.settlements.iter().find(|it| it.record.starts_with("po_4d28")).unwrap();
    assert!(settled.agrees && settled.entries_sum.minor == 33);
    let aliases = mapped
        .aliases
        .iter()
        .filter(|alias| alias.old.as_str() == "square-1:deposit:L2100000005")
        .count();
    assert_eq!(aliases, 2, "the payout and its fee were one deposit");
}

/// Square's published sample of this list lacks times, which live answers have.
#[tokio::test]
async fn a_row_without_its_time_stops_the_whole_list() {
    let Some(folder) = folder() else { return };
    let text = std::fs::read_to_string(folder.join("batch-retrieve-orders.json")).unwrap();
    let body: Value = serde_json::from_str(&text).unwrap();
    let window = Window {
        since: "2021-01-01T00:00:00Z".parse().unwrap(),
        until: "2023-01-01T00:00:00Z".parse().unwrap(),
    };
    let parents = card("p_1", "2021-10-13T19:34:33.524Z", 100, None);
    let problem = fetch(square("2"), "orders", window, &parents, &Sample(body), &mut |_| {})
        .await
        .unwrap_err();
    assert_eq!(problem.code.0, "E-FETCH-ROW");
    assert!(problem.why[0].contains("created_at"), "{problem}");
}
