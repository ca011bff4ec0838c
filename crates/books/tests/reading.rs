//! Old dates, templates, copied keys: what GnuCash books contain besides what we write.

mod support;
use books::*;
use ledger::EntryKey;
use support::*;

#[tokio::test]
async fn the_day_of_an_entry_without_its_date_slot_is_read_as_gnucash_meant_it() {
    // New books: 10:59. Old ones: local midnight in UTC, east and west of Greenwich, in both spellings.
    for (stored, day) in [
        ("2026-01-05 10:59:00", "2026-01-05"),
        ("2026-01-04 23:00:00", "2026-01-05"),
        ("2026-01-05 05:00:00", "2026-01-05"),
        ("20260105105900", "2026-01-05"),
        ("20251231230000", "2026-01-01"),
    ] {
        let Some(p) = practice() else { return };
        tamper(
            &p.path,
            &format!("DELETE FROM slots WHERE name = 'date-posted'; UPDATE transactions SET post_date = '{stored}'"),
        )
        .await;
        let entries = p.open().await.entries(Period::ALL).await.unwrap();
        assert!(
            !entries.is_empty() && entries.iter().all(|entry| entry.date.to_string() == day),
            "{stored}"
        );
    }
    let Some(p) = practice() else { return };
    tamper(
        &p.path,
        "DELETE FROM slots WHERE name = 'date-posted'; UPDATE transactions SET post_date = 'soon'",
    )
    .await;
    let problem = p.open().await.entries(Period::ALL).await.unwrap_err();
    assert!(problem.why[0].contains("its date cannot be read"), "{problem}");
}

#[tokio::test]
async fn a_period_includes_both_its_days() {
    let Some(p) = practice() else { return };
    let books = p.open().await;
    let count = async |from: &str, to: &str| {
        let day = |text: &str| if text.is_empty() { None } else { Some(text.parse().unwrap()) };
        books
            .entries(Period {
                from: day(from),
                to: day(to),
            })
            .await
            .unwrap()
            .len()
    };
    assert_eq!(count("", "").await, 3);
    assert_eq!(count("2026-01-03", "").await, 2);
    assert_eq!(count("", "2026-01-03").await, 2);
    assert_eq!(count("2026-01-03", "2026-01-03").await, 1);
    assert_eq!(count("2026-01-05", "").await, 0);
    let at = Some("2026-01-02".parse().unwrap());
    let balances = books.balances(at).await.unwrap();
    assert_eq!(
        (balances[&p.id("Income:Sales")].minor, balances[&p.id("Assets:Yen")].minor),
        (-50_000, 0)
    );
    assert_eq!(books.balances(None).await.unwrap()[&p.id("Income:Sales")].minor, -50_670);
    assert!(!balances.contains_key(&p.id("Assets:Shares")));
}

#[tokio::test]
async fn templates_of_scheduled_entries_are_no_entries() {
    let Some(p) = practice() else { return };
    let before = p.open().await.describe().await.unwrap();
    tamper(
        &p.path,
        "INSERT INTO accounts SELECT 'aaaa0000aaaa0000aaaa0000aaaa0000', 'template', 'BANK', NULL, 1, 0, root_template_guid, '', '', 0, 0 FROM books;
         INSERT INTO transactions SELECT 'bbbb0000bbbb0000bbbb0000bbbb0000', guid, '', '2030-01-01 10:59:00', '2030-01-01 10:59:00', 'Rent' FROM commodities WHERE mnemonic = 'USD';
         INSERT INTO splits VALUES ('cccc0000cccc0000cccc0000cccc0000', 'bbbb0000bbbb0000bbbb0000bbbb0000', 'aaaa0000aaaa0000aaaa0000aaaa0000', '', '', 'n', NULL, 0, 1, 0, 1, NULL)",
    )
    .await;
    let books = p.open().await;
    let after = books.describe().await.unwrap();
    assert_eq!(
        (&after.accounts, after.entries, after.last),
        (&before.accounts, before.entries, before.last)
    );
    assert_eq!(books.entries(Period::ALL).await.unwrap().len(), 3);
    apply(&books, &posting(vec![p.sale(1, "2026-01-05", 100)])).await.unwrap();
}

#[tokio::test]
async fn a_key_that_somebody_copied_still_leads_to_the_entry_we_wrote() {
    let Some(p) = practice() else { return };
    let books = p.open().await;
    let posted = apply(&books, &posting(vec![p.sale(1, "2026-01-05", 100)])).await.unwrap().posted;
    tamper(
        &p.path,
        "INSERT INTO slots(obj_guid, name, slot_type, string_val) SELECT guid, 'online_id', 4, 'square:payment:1' FROM splits WHERE memo = 'by hand';
         INSERT INTO slots(obj_guid, name, slot_type, string_val) SELECT guid, 'online_id', 4, 'the bank has ids of its own' FROM splits WHERE memo = 'by hand'",
    )
    .await;
    let key = EntryKey::new("square:payment:1").unwrap();
    assert_eq!(books.find(std::slice::from_ref(&key)).await.unwrap()[&key], posted[0].id);
    refused(
        &p,
        &ChangeSet {
            post: vec![p.sale(1, "2026-01-05", 100)],
            ..removing(&posted)
        },
        E_BOOKS_KEY_TAKEN,
    )
    .await;
}

#[tokio::test]
async fn entries_in_amounts_finer_than_their_currency_are_named_not_rounded() {
    let Some(p) = practice() else { return };
    tamper(
        &p.path,
        "UPDATE splits SET value_num = value_num * 10 + 1, value_denom = 1000 WHERE memo = 'by hand' AND value_denom = 100",
    )
    .await;
    let problem = p.open().await.entries(Period::ALL).await.unwrap_err();
    assert_eq!(problem.code, E_BOOKS_CURRENCY);
    assert!(problem.why[0].contains("Opened by hand"), "{problem}");
}

#[tokio::test]
async fn the_fingerprint_changes_with_every_byte_and_with_an_unfinished_write() {
    let Some(p) = practice() else { return };
    let books = p.open().await;
    let first = books.fingerprint().await.unwrap();
    assert_eq!(books.fingerprint().await.unwrap(), first);
    let journal = p.path.with_file_name("bakery.gnucash-journal");
    std::fs::write(&journal, "x").unwrap();
    assert_ne!(books.fingerprint().await.unwrap(), first);
    std::fs::remove_file(&journal).unwrap();
    assert_eq!(books.fingerprint().await.unwrap(), first);
    tamper(&p.path, "UPDATE accounts SET code = '1' WHERE name = 'Sales'").await;
    assert_ne!(books.fingerprint().await.unwrap(), first);
    std::fs::remove_file(&p.path).unwrap();
    assert_eq!(books.fingerprint().await.unwrap_err().code, E_BOOKS_MISSING);
}
