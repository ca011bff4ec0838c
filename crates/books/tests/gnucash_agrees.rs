//! Real GnuCash is the judge of everything that is written.

mod support;
use books::*;
use ledger::EntryKey;
use support::*;

#[tokio::test]
async fn what_is_posted_in_dollars_yen_and_dinars_is_what_gnucash_reads() {
    let Some(p) = practice() else { return };
    let books = p.open().await;
    let entries = vec![
        p.sale(1, "2026-01-05", 10_001),
        p.entry(
            &["square:payment:2"],
            "2026-03-08",
            &[("Assets:Yen", 1_234, "JPY"), ("Income:Yen Sales", -1_234, "JPY")],
        ),
        p.entry(
            &["square:payment:3"],
            "2026-11-01",
            &[("Assets:Dinar", 1_001, "KWD"), ("Income:Dinar Sales", -1_001, "KWD")],
        ),
    ];
    let applied = apply(&books, &posting(entries.clone())).await.unwrap();
    assert_eq!(applied.posted.len(), 3);
    agrees(&p).await;
    let ids: Vec<EntryId> = applied.posted.iter().map(|posted| posted.id.clone()).collect();
    let read = books.entries_by_id(&ids).await.unwrap();
    for (entry, book) in entries.iter().zip(&read) {
        assert_eq!(
            (entry.date, &entry.description, &entry.covers),
            (book.date, &book.description, &book.keys)
        );
        assert!(
            book.lines
                .iter()
                .all(|line| line.reconcile == Reconcile::New && !line.linked && line.quantity.money() == Some(line.amount))
        );
    }
}

#[tokio::test]
async fn the_entry_key_is_where_gnucash_s_own_importer_looks() {
    let Some(p) = practice() else { return };
    apply(&p.open().await, &posting(vec![p.sale(1, "2026-01-05", 10_000)]))
        .await
        .unwrap();
    let path = p.path.to_str().unwrap();
    let account = p.id("Assets:Square Balance").0;
    assert_eq!(oracle(&["importer", path, &account, "square:payment:1"], None)["found"], true);
    assert_eq!(oracle(&["importer", path, &account, "square:payment:2"], None)["found"], false);
}

#[tokio::test]
async fn every_day_of_a_year_is_the_same_day_for_gnucash() {
    let Some(p) = practice() else { return };
    let first: jiff::civil::Date = "2024-01-01".parse().unwrap();
    let entries = (0..366)
        .map(|n| {
            p.sale(
                n,
                &first.checked_add(jiff::Span::new().days(n)).unwrap().to_string(),
                1_000 + i64::from(n),
            )
        })
        .collect();
    let applied = apply(&p.open().await, &posting(entries)).await.unwrap();
    assert_eq!(applied.posted.len(), 366);
    agrees(&p).await;
}

#[tokio::test]
async fn looking_at_the_book_in_gnucash_changes_no_print() {
    let Some(p) = practice() else { return };
    let books = p.open().await;
    apply(&books, &posting(vec![p.sale(1, "2026-01-05", 10_000)])).await.unwrap();
    let before = books.entries(Period::ALL).await.unwrap();
    oracle(&["touch", p.path.to_str().unwrap()], None);
    assert_eq!(books.entries(Period::ALL).await.unwrap(), before);
}

#[tokio::test]
async fn whatever_a_person_edits_in_gnucash_changes_the_print_and_stops_the_removal() {
    let Some(p) = practice() else { return };
    let books = p.open().await;
    let edits = [
        ("text", "Changed"),
        ("num", "999"),
        ("notes", "remember"),
        ("date", "2026-01-06"),
        ("memo", "changed"),
        ("amount", "5"),
        ("account", "Assets:Checking Account"),
        ("state", "c"),
        ("delete", ""),
    ];
    let entries = (1..=edits.len()).map(|n| p.sale(n as u32, "2026-01-05", 10_000)).collect();
    let applied = apply(&books, &posting(entries)).await.unwrap();
    for ((what, value), posted) in edits.iter().zip(&applied.posted) {
        p.edit(&posted.id, what, value);
    }
    let problem = refused(&p, &removing(&applied.posted), E_BOOKS_EDITED).await;
    assert_eq!(problem.why.len(), edits.len(), "every edited entry is named at once: {problem}");
    assert!(
        problem
            .why
            .iter()
            .filter(|why| why.contains("2026-01-05") && why.contains("100.00 USD"))
            .count()
            >= 6,
        "{problem}"
    );
    assert!(problem.also.is_empty(), "{problem}");
}

#[tokio::test]
async fn a_reconciled_frozen_or_voided_entry_is_never_removed_even_with_its_present_print() {
    let Some(p) = practice() else { return };
    let books = p.open().await;
    let applied = apply(&books, &posting((1..=3).map(|n| p.sale(n, "2026-01-05", 10_000)).collect()))
        .await
        .unwrap();
    for (posted, state) in applied.posted.iter().zip(["y", "f", "v"]) {
        p.edit(&posted.id, "state", state);
    }
    let ids: Vec<EntryId> = applied.posted.iter().map(|posted| posted.id.clone()).collect();
    let present = books.entries_by_id(&ids).await.unwrap();
    let change = ChangeSet {
        remove: present.into_iter().map(|e| Removal { id: e.id, print: e.print }).collect(),
        ..ChangeSet::at(now())
    };
    let problem = refused(&p, &change, E_BOOKS_EDITED).await;
    assert_eq!(problem.why.len(), 3);
    assert_eq!(books.obstacles(&change).await.unwrap().len(), 3);
}

#[tokio::test]
async fn undo_and_redo_give_back_identical_entries_and_prints() {
    let Some(p) = practice() else { return };
    let books = p.open().await;
    let applied = apply(
        &books,
        &posting((1..=5).map(|n| p.sale(n, "2026-01-05", 10_000 + i64::from(n))).collect()),
    )
    .await
    .unwrap();
    // A frame, a number and a double, as other GnuCash features store them, must survive word for word.
    let id = &applied.posted[0].id;
    tamper(
        &p.path,
        &format!(
            "INSERT INTO slots(obj_guid, name, slot_type, guid_val) VALUES ('{id}', 'frame', 9, 'aaaabbbbccccddddaaaabbbbccccdddd');
             INSERT INTO slots(obj_guid, name, slot_type, double_val) VALUES ('aaaabbbbccccddddaaaabbbbccccdddd', 'frame/third', 2, 1.0/3.0);
             INSERT INTO slots(obj_guid, name, slot_type, numeric_val_num, numeric_val_denom) VALUES ('aaaabbbbccccddddaaaabbbbccccdddd', 'frame/part', 3, 9007199254740993, 7)"
        ),
    )
    .await;
    let before = books.entries(Period::ALL).await.unwrap();
    let ids: Vec<EntryId> = applied.posted.iter().map(|posted| posted.id.clone()).collect();
    let ours = books.entries_by_id(&ids).await.unwrap();
    let change = ChangeSet {
        remove: ours
            .iter()
            .map(|e| Removal {
                id: e.id.clone(),
                print: e.print.clone(),
            })
            .collect(),
        ..ChangeSet::at(now())
    };
    let removed = apply(&books, &change).await.unwrap().removed;
    assert_eq!(removed.len(), 5);
    assert_eq!(books.entries(Period::ALL).await.unwrap().len(), before.len() - 5);
    agrees(&p).await;

    let stored = serde_json::to_string(&removed).unwrap();
    let restore: Vec<RemovedEntry> = serde_json::from_str(&stored).unwrap();
    assert_eq!(restore, removed);
    let back = apply(
        &books,
        &ChangeSet {
            restore,
            ..ChangeSet::at(now())
        },
    )
    .await
    .unwrap();
    assert_eq!(back.restored.len(), 5);
    assert_eq!(books.entries(Period::ALL).await.unwrap(), before);
    agrees(&p).await;
    // Taken out once more, every row is word for word the same.
    let again = apply(&books, &change).await.unwrap().removed;
    assert_eq!(again, removed);
}

#[tokio::test]
async fn a_conversion_removes_old_and_posts_new_in_one_change_and_can_be_turned_back() {
    let Some(p) = practice() else { return };
    let books = p.open().await;
    let old = p.entry(
        &["square-1:payment:9"],
        "2026-01-09",
        &[("Assets:Square Balance", 9_700, "USD"), ("Income:Sales", -9_700, "USD")],
    );
    let posted = apply(&books, &posting(vec![old])).await.unwrap().posted;
    let baseline = (books.entries(Period::ALL).await.unwrap(), books.balances(None).await.unwrap());
    let forward = apply(
        &books,
        &ChangeSet {
            post: vec![p.sale(9, "2026-01-09", 10_000)],
            ..removing(&posted)
        },
    )
    .await
    .unwrap();
    agrees(&p).await;
    let back = apply(
        &books,
        &ChangeSet {
            restore: forward.removed,
            ..removing(&forward.posted)
        },
    )
    .await
    .unwrap();
    assert_eq!(back.removed.len(), 1);
    assert_eq!(
        (books.entries(Period::ALL).await.unwrap(), books.balances(None).await.unwrap()),
        baseline
    );
    agrees(&p).await;
}

#[tokio::test]
async fn a_year_of_three_thousand_payments_is_one_change_that_gnucash_agrees_with() {
    let Some(p) = practice() else { return };
    let books = p.open().await;
    let first: jiff::civil::Date = "2025-01-01".parse().unwrap();
    let entries: Vec<_> = (0..3_000_u32)
        .map(|n| {
            let day = first.checked_add(jiff::Span::new().days(n / 9)).unwrap().to_string();
            let cents = 1_000 + i64::from(n);
            p.entry(
                &[&format!("square:payment:{n}"), &format!("square:fee:{n}")],
                &day,
                &[
                    ("Assets:Square Balance", cents, "USD"),
                    ("Income:Sales", -cents - 70, "USD"),
                    ("Expenses:Merchant Fees", 170, "USD"),
                    ("Liabilities:Sales Tax Payable", -100, "USD"),
                ],
            )
        })
        .collect();
    let mut heard = Vec::new();
    let started = std::time::Instant::now();
    let applied = books.apply(&posting(entries), &mut |progress| heard.push(progress)).await.unwrap();
    println!(
        "3,000 entries with 12,000 lines posted, proved and read back in {:?}",
        started.elapsed()
    );
    assert_eq!(applied.posted.len(), 3_000);
    assert_eq!(
        heard.last().map(|p| (p.step, p.done, p.total)),
        Some((Step::ReadBack, 3_000, 3_000))
    );
    assert!(heard.windows(2).all(|two| two[0].done <= two[1].done));
    agrees(&p).await;
    let keys: Vec<EntryKey> = applied.posted.iter().flat_map(|posted| posted.covers.clone()).collect();
    assert_eq!(books.find(&keys).await.unwrap().len(), 6_000);
    let daily = books.daily(&[p.id("Assets:Square Balance")]).await.unwrap();
    assert_eq!(daily.values().map(|(count, _)| count).sum::<u64>(), 3_000);
    assert_eq!(
        daily.values().map(|(_, money)| money.minor).sum::<i64>(),
        books.balances(None).await.unwrap()[&p.id("Assets:Square Balance")].minor
    );
    let removed = apply(&books, &removing(&applied.posted)).await.unwrap();
    assert_eq!(removed.removed.len(), 3_000);
    agrees(&p).await;
}

#[tokio::test]
async fn gnucash_s_closed_book_and_red_line_are_read_and_obeyed() {
    let Some(p) = practice() else { return };
    p.edit(&p.by_hand[1], "closing", "");
    let books = p.open().await;
    let described = books.describe().await.unwrap();
    assert_eq!(described.closed_through, Some("2026-01-03".parse().unwrap()));
    let problem = refused(
        &p,
        &posting(vec![p.sale(1, "2026-01-03", 100), p.sale(2, "2026-01-04", 100)]),
        E_BOOKS_CLOSED_PERIOD,
    )
    .await;
    assert_eq!(problem.why.len(), 1);

    // The red line can only be set in the window, so its slots are written here; GnuCash itself confirms them.
    let book = "(SELECT guid FROM books)";
    tamper(
        &p.path,
        &format!(
            "INSERT INTO slots(obj_guid, name, slot_type, guid_val) VALUES ({book}, 'options', 9, '11111111111111111111111111111111');
             INSERT INTO slots(obj_guid, name, slot_type, guid_val) VALUES ('11111111111111111111111111111111', 'options/Accounts', 9, '22222222222222222222222222222222');
             INSERT INTO slots(obj_guid, name, slot_type, double_val) VALUES ('22222222222222222222222222222222', 'options/Accounts/Day Threshold for Read-Only Transactions (red line)', 2, 10.0)"
        ),
    )
    .await;
    assert_eq!(p.seen_by_gnucash()["read_only_after_days"], 10);
    assert_eq!(books.describe().await.unwrap().read_only_after_days, Some(10));
    // On 1 February, 22 January is the first day that may still be changed.
    let problem = refused(
        &p,
        &posting(vec![p.sale(1, "2026-01-21", 100), p.sale(2, "2026-01-22", 100)]),
        E_BOOKS_CLOSED_PERIOD,
    )
    .await;
    assert_eq!(problem.why.len(), 1, "{problem}");
}
