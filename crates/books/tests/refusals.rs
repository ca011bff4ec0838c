//! Every refusal: the code, everything that was found, and books that are byte for byte as before.

mod support;
use books::*;
use ledger::{Code, EntryKey, Touched};
use std::path::Path;
use support::*;

async fn does_not_open(path: &Path, code: Code) -> ledger::Problem {
    let before = std::fs::read(path).ok();
    let problem = GnuCashSqlite::open(path).await.unwrap_err();
    assert_eq!((problem.code, problem.touched), (code, Touched::Nothing), "{problem}");
    assert_eq!(std::fs::read(path).ok(), before);
    problem
}

#[tokio::test]
async fn a_file_that_is_missing_or_no_gnucash_book_does_not_open() {
    let dir = tempfile::TempDir::new().unwrap();
    does_not_open(&dir.path().join("gone.gnucash"), E_BOOKS_MISSING).await;
    does_not_open(dir.path(), E_BOOKS_MISSING).await;
    let file = dir.path().join("x.gnucash");
    for (bytes, hint) in [
        (&b""[..], "empty"),
        (b"Dear diary", "does not begin like a SQLite file"),
        (b"SQLite format", "does not begin like a SQLite file"),
        (b"\x1f\x8b\x08\x00", "XML"),
        (b"<?xml version=\"1.0\"?>\n<gnc-v2", "XML"),
    ] {
        std::fs::write(&file, bytes).unwrap();
        let problem = does_not_open(&file, E_BOOKS_NOT_GNUCASH).await;
        assert!(problem.why[0].contains(hint), "{problem}");
    }
    std::fs::write(&file, [b"SQLite format 3\0".as_slice(), &[0xaa; 4096]].concat()).unwrap();
    does_not_open(&file, E_BOOKS_NOT_GNUCASH).await;
    std::fs::remove_file(&file).unwrap();
    {
        use sqlx::{ConnectOptions, Connection};
        let db = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(&file)
            .create_if_missing(true)
            .connect()
            .await
            .unwrap();
        db.close().await.unwrap();
    }
    std::fs::write(&file, []).unwrap();
    tamper(
        &file,
        "CREATE TABLE accounts(guid); CREATE TABLE versions(table_name, table_version)",
    )
    .await;
    let problem = does_not_open(&file, E_BOOKS_NOT_GNUCASH).await;
    assert!(problem.why[0].contains("gnclock") && problem.why[0].contains("splits"), "{problem}");
}

#[tokio::test]
async fn a_damaged_or_half_written_book_does_not_open() {
    let Some(p) = practice() else { return };
    let whole = std::fs::read(&p.path).unwrap();
    // Cut in the middle.
    std::fs::write(&p.path, &whole[..whole.len() / 2]).unwrap();
    does_not_open(&p.path, E_BOOKS_DAMAGED).await;
    // One page overwritten, each in turn.
    for page in 1..whole.len() / 4096 {
        let mut torn = whole.clone();
        torn[page * 4096..page * 4096 + 512].fill(0xff);
        std::fs::write(&p.path, torn).unwrap();
        does_not_open(&p.path, E_BOOKS_DAMAGED).await;
    }
    for (sql, hint) in [
        ("DELETE FROM books", "exactly one book"),
        ("DELETE FROM accounts WHERE account_type = 'ROOT'", "top account is missing"),
        ("DELETE FROM commodities WHERE mnemonic = 'USD'", "currency"),
        (
            "DELETE FROM accounts WHERE name = 'Sales'",
            "lines belong to an account that does not exist",
        ),
        ("UPDATE splits SET value_denom = 0", "an amount that is no number"),
    ] {
        std::fs::write(&p.path, &whole).unwrap();
        tamper(&p.path, sql).await;
        let problem = does_not_open(&p.path, E_BOOKS_DAMAGED).await;
        assert!(problem.why.iter().any(|why| why.contains(hint)), "{problem}");
    }
}

#[tokio::test]
async fn a_book_whose_last_write_was_interrupted_does_not_open() {
    use sqlx::{ConnectOptions, Connection};
    let Some(p) = practice() else { return };
    let journal = p.dir.path().canonicalize().unwrap().join("bakery.gnucash-journal");
    let mut db = sqlx::sqlite::SqliteConnectOptions::new().filename(&p.path).connect().await.unwrap();
    for sql in [
        "PRAGMA cache_size = 1",
        "BEGIN IMMEDIATE",
        "UPDATE slots SET string_val = hex(randomblob(3000))",
        "UPDATE accounts SET description = hex(randomblob(3000))",
    ] {
        sqlx::query(sql).execute(&mut db).await.unwrap();
    }
    let (torn, unfinished) = (std::fs::read(&p.path).unwrap(), std::fs::read(&journal).unwrap());
    sqlx::query("ROLLBACK").execute(&mut db).await.unwrap();
    db.close().await.unwrap();
    std::fs::write(&p.path, torn).unwrap();
    std::fs::write(&journal, unfinished).unwrap();
    let problem = does_not_open(&p.path, E_BOOKS_DAMAGED).await;
    assert!(problem.what.contains("half-written"), "{problem}");
}

#[tokio::test]
async fn every_unknown_version_is_listed_at_once() {
    let Some(p) = practice() else { return };
    tamper(
        &p.path,
        "UPDATE versions SET table_version = 6 WHERE table_name = 'splits'; DELETE FROM versions WHERE table_name = 'lots';
         INSERT INTO versions VALUES ('co_owners', 1); UPDATE versions SET table_version = 5000004 WHERE table_name = 'Gnucash'",
    )
    .await;
    let problem = does_not_open(&p.path, E_BOOKS_VERSION).await;
    assert_eq!(problem.why.len(), 4, "{problem}");
    let all = problem.why.join("\n");
    assert!(
        all.contains("\"splits\" is of version 6; version 5 is known")
            && all.contains("\"lots\" is missing")
            && all.contains("co_owners")
            && all.contains("GnuCash 5.4"),
        "{all}"
    );
}

#[tokio::test]
async fn a_book_that_gnucash_has_open_is_read_but_never_written() {
    let Some(p) = practice() else { return };
    let books = p.open().await;
    let before = books.entries(Period::ALL).await.unwrap();
    let change = posting(vec![p.sale(1, "2026-01-05", 100)]);
    {
        let gnucash = OpenGnuCash::on(&p.path);
        let lock = books.describe().await.unwrap().lock.unwrap();
        assert_eq!(lock.pid, Some(gnucash.pid));
        assert!(!lock.host.is_empty());
        assert_eq!(books.entries(Period::ALL).await.unwrap(), before);
        let problem = refused(&p, &change, E_BOOKS_OPEN).await;
        assert!(
            problem.why[0].contains(&lock.host) && problem.why[0].contains(&gnucash.pid.to_string()),
            "{problem}"
        );
        // A backup may be taken meanwhile; the copy is nobody's open book.
        let to = tempfile::TempDir::new().unwrap();
        let copy = GnuCashSqlite::open(&books.snapshot_to(to.path()).await.unwrap()).await.unwrap();
        assert_eq!(copy.describe().await.unwrap().lock, None);
        assert_eq!(copy.entries(Period::ALL).await.unwrap(), before);
    }
    assert_eq!(books.describe().await.unwrap().lock, None);
    apply(&books, &change).await.unwrap();
}

#[tokio::test]
async fn a_lock_file_or_an_unfinished_write_beside_the_book_stops_every_change() {
    let Some(p) = practice() else { return };
    let change = posting(vec![p.sale(1, "2026-01-05", 100)]);
    for suffix in [".LCK", "-wal"] {
        let side = p.path.with_file_name(format!("bakery.gnucash{suffix}"));
        std::fs::write(&side, "x").unwrap();
        refused(&p, &change, E_BOOKS_OPEN).await;
        assert_eq!(p.open().await.describe().await.unwrap().lock.is_some(), suffix == ".LCK");
        std::fs::remove_file(&side).unwrap();
    }
    apply(&p.open().await, &change).await.unwrap();
}

#[tokio::test]
async fn books_that_are_not_the_expected_ones_are_not_changed() {
    let Some(p) = practice() else { return };
    let books = p.open().await;
    let expect = Some(books.fingerprint().await.unwrap());
    oracle(&["touch", p.path.to_str().unwrap()], None);
    p.edit(&p.by_hand[0], "text", "edited meanwhile");
    refused(
        &p,
        &ChangeSet {
            expect,
            ..posting(vec![p.sale(1, "2026-01-05", 100)])
        },
        E_BOOKS_CHANGED,
    )
    .await;
    let expect = Some(books.fingerprint().await.unwrap());
    let applied = apply(
        &books,
        &ChangeSet {
            expect: expect.clone(),
            ..posting(vec![p.sale(1, "2026-01-05", 100)])
        },
    )
    .await
    .unwrap();
    assert_eq!(Some(applied.before), expect);
    assert_eq!(applied.after, books.fingerprint().await.unwrap());
}

#[tokio::test]
async fn nothing_is_posted_or_removed_in_a_period_that_a_person_closed() {
    let Some(p) = practice() else { return };
    let books = p.open().await;
    let posted = apply(&books, &posting(vec![p.sale(1, "2026-01-05", 100), p.sale(2, "2026-01-06", 100)]))
        .await
        .unwrap()
        .posted;
    let closed_through = Some("2026-01-05".parse().unwrap());
    let problem = refused(
        &p,
        &ChangeSet {
            post: vec![p.sale(3, "2026-01-05", 100)],
            closed_through,
            ..removing(&posted)
        },
        E_BOOKS_CLOSED_PERIOD,
    )
    .await;
    assert_eq!(problem.why.len(), 2, "{problem}");
    // The same date, set once for the books instead of for the change.
    let problem = apply(&p.open().await.closing(closed_through), &removing(&posted))
        .await
        .unwrap_err();
    assert_eq!(problem.code, E_BOOKS_CLOSED_PERIOD);
    let removed = apply(&books, &removing(&posted)).await.unwrap().removed;
    refused(
        &p,
        &ChangeSet {
            restore: removed,
            closed_through,
            ..ChangeSet::at(now())
        },
        E_BOOKS_CLOSED_PERIOD,
    )
    .await;
}

#[tokio::test]
async fn a_movement_is_posted_at_most_once() {
    let Some(p) = practice() else { return };
    let books = p.open().await;
    let sale = p.sale(1, "2026-01-05", 10_000);
    let posted = apply(&books, &posting(vec![sale.clone()])).await.unwrap().posted;
    refused(&p, &posting(vec![sale.clone()]), E_BOOKS_KEY_TAKEN).await;
    // A part that an earlier entry already covers, under another entry's name.
    refused(
        &p,
        &posting(vec![p.entry(
            &["square:fee:1"],
            "2026-01-07",
            &[("Assets:Square Balance", 5, "USD"), ("Income:Sales", -5, "USD")],
        )]),
        E_BOOKS_KEY_TAKEN,
    )
    .await;
    // Twice in one change.
    let problem = refused(
        &p,
        &posting(vec![p.sale(2, "2026-01-05", 100), p.sale(2, "2026-01-06", 100)]),
        E_BOOKS_KEY_TAKEN,
    )
    .await;
    assert_eq!(problem.why.len(), 2, "{problem}");
    // Put back what is still there.
    let removed = apply(&books, &removing(&posted)).await.unwrap().removed;
    let restore = ChangeSet {
        restore: removed.clone(),
        ..ChangeSet::at(now())
    };
    refused(
        &p,
        &ChangeSet {
            post: vec![sale.clone()],
            ..restore.clone()
        },
        E_BOOKS_KEY_TAKEN,
    )
    .await;
    apply(&books, &restore).await.unwrap();
    refused(&p, &restore, E_BOOKS_KEY_TAKEN).await;
    // Even where somebody removed the key, the id follows from it and collides.
    tamper(&p.path, "DELETE FROM slots WHERE name IN ('online_id', 'changeover-keys')").await;
    let problem = refused(&p, &posting(vec![sale]), E_BOOKS_KEY_TAKEN).await;
    assert!(problem.why[0].contains("removed the key"), "{problem}");
}

#[tokio::test]
async fn amounts_go_only_to_accounts_of_their_currency() {
    let Some(p) = practice() else { return };
    let usd = |account| p.entry(&["k:1"], "2026-01-05", &[(account, 150, "USD"), ("Income:Sales", -150, "USD")]);
    refused(&p, &posting(vec![usd("Assets:Yen")]), E_BOOKS_CURRENCY).await;
    let mixed = p.entry(
        &["k:mixed"],
        "2026-01-05",
        &[
            ("Assets:Square Balance", 1, "USD"),
            ("Income:Sales", -1, "USD"),
            ("Assets:Yen", 1, "JPY"),
            ("Income:Yen Sales", -1, "JPY"),
        ],
    );
    let problem = refused(&p, &posting(vec![mixed]), E_BOOKS_CURRENCY).await;
    assert!(problem.why[0].contains("JPY and USD"), "{problem}");
    // An account that counts in whole dollars.
    tamper(&p.path, "UPDATE accounts SET commodity_scu = 1 WHERE name = 'Square Balance'").await;
    refused(&p, &posting(vec![usd("Assets:Square Balance")]), E_BOOKS_CURRENCY).await;
}

#[tokio::test]
async fn every_account_that_must_not_be_posted_to_is_named_at_once() {
    let Some(p) = practice() else { return };
    tamper(&p.path, "UPDATE accounts SET hidden = 1 WHERE name = 'Merchant Fees'").await;
    let to = |account| {
        p.entry(
            &[&format!("k:{}", account == "Assets")],
            "2026-01-05",
            &[(account, 150, "USD"), ("Income:Sales", -150, "USD")],
        )
    };
    let mut nowhere = p.sale(9, "2026-01-05", 100);
    nowhere.lines[0].account = ledger::AccountId("00000000000000000000000000000000".into());
    nowhere.lines[2].account = p.id("Assets:Square Balance");
    let mut shares = to("Assets:Shares");
    shares.key = EntryKey::new("k:shares").unwrap();
    shares.covers = vec![shares.key.clone()];
    let problem = refused(
        &p,
        &posting(vec![to("Assets"), p.sale(1, "2026-01-05", 10_000), nowhere, shares]),
        E_BOOKS_ACCOUNT,
    )
    .await;
    let all = problem.why.join("\n");
    for words in [
        "placeholder",
        "hidden",
        "not in the books",
        "of a kind that payments must not be posted to",
    ] {
        assert!(all.contains(words), "{words} is missing: {problem}");
    }
    assert_eq!(
        problem.also.iter().map(|also| also.code).collect::<Vec<_>>(),
        [E_BOOKS_CURRENCY],
        "{problem}"
    );
    let mut keyless = p.sale(1, "2026-01-05", 100);
    keyless.key_account = p.id("Assets:Checking Account");
    keyless.lines[2].account = p.id("Income:Sales");
    refused(&p, &posting(vec![keyless]), E_BOOKS_ACCOUNT).await;
}

#[tokio::test]
async fn an_entry_that_does_not_balance_is_not_posted() {
    let Some(p) = practice() else { return };
    let mut off = p.sale(1, "2026-01-05", 100);
    off.lines[0].amount.minor += 1;
    refused(&p, &posting(vec![off]), ledger::entry::E_UNBALANCED).await;
}

#[tokio::test]
async fn many_findings_are_shortened_with_a_count_and_refuse_the_whole_change() {
    let Some(p) = practice() else { return };
    let books = p.open().await;
    let posted = apply(&books, &posting((0..30).map(|n| p.sale(n, "2026-01-05", 100)).collect()))
        .await
        .unwrap()
        .posted;
    let mut change = removing(&posted);
    for removal in &mut change.remove {
        removal.print = Print("of another time".into());
    }
    assert_eq!(books.obstacles(&change).await.unwrap().len(), 30);
    let problem = refused(&p, &change, E_BOOKS_EDITED).await;
    assert_eq!(problem.why.len(), MOST_FINDINGS_SHOWN + 1);
    assert!(
        problem.what.starts_with("30 entries") && problem.why[20].contains("10 more"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_copy_is_never_written_over_another_file() {
    let Some(p) = practice() else { return };
    let to = tempfile::TempDir::new().unwrap();
    let books = p.open().await;
    let copy = books.snapshot_to(to.path()).await.unwrap();
    assert_eq!(
        GnuCashSqlite::open(&copy).await.unwrap().balances(None).await.unwrap(),
        books.balances(None).await.unwrap()
    );
    let bytes = std::fs::read(&copy).unwrap();
    assert_eq!(books.snapshot_to(to.path()).await.unwrap_err().code, E_BOOKS_DISK);
    assert_eq!(std::fs::read(&copy).unwrap(), bytes);
    assert_eq!(books.snapshot_to(&to.path().join("absent")).await.unwrap_err().code, E_BOOKS_DISK);
}

#[test]
fn every_code_is_listed_once_for_the_error_museum() {
    let listed: Vec<Code> = books::codes().collect();
    let mut once = listed.clone();
    once.sort();
    once.dedup();
    assert_eq!((once.len(), listed.len()), (14, 14));
    assert!(listed.iter().all(|code| code.0.starts_with("E-BOOKS-")));
}
