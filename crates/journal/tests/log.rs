//! The log as the engine uses it: appending, reading, two writers, refusals.

use journal::{Draft, Filter, Journal, Verdict, begin, migrate, verify};
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, SqlitePool};
use std::path::Path;

async fn pool(folder: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(folder.join("store.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(std::time::Duration::from_secs(60));
    let pool = SqlitePoolOptions::new()
        .max_connections(2)
        .connect_with(options)
        .await
        .expect("opens");
    migrate(&pool).await.expect("migrates");
    pool
}

fn draft(scope: Option<&str>, kind: &str, n: u64) -> Draft {
    Draft {
        scope: scope.map(str::to_owned),
        kind: kind.into(),
        body: json!({ "n": n }),
        actor: "Dana".into(),
        at: "2026-11-23T10:00:00Z".parse().expect("time"),
    }
}

#[tokio::test]
async fn what_was_appended_is_read_back_in_order_by_scope_and_kind() {
    let folder = tempfile::tempdir().expect("folder");
    let pool = pool(folder.path()).await;
    let journal = Journal::open(pool.clone(), "office-1").await.expect("opens");
    assert_eq!(journal.head().await.expect("reads"), None);
    assert_eq!(journal.checkpoint().await.expect("reads"), None);
    for n in 1..=7 {
        journal
            .append(draft(
                Some(if n % 2 == 0 { "a" } else { "b" }),
                if n < 4 { "intent" } else { "outcome" },
                n,
            ))
            .await
            .expect("appends");
    }
    let of = |entries: Vec<journal::Entry>| entries.iter().map(|entry| entry.body["n"].as_u64().expect("n")).collect::<Vec<_>>();
    assert_eq!(of(journal.entries(&Filter::default(), 2, 3).await.expect("reads")), [3, 4, 5]);
    assert_eq!(of(journal.entries_of("a").await.expect("reads")), [2, 4, 6]);
    assert_eq!(of(journal.entries_of("nobody").await.expect("reads")), [0u64; 0]);
    let filter = Filter {
        scope: Some("b".into()),
        kind: Some("outcome".into()),
    };
    assert_eq!(of(journal.entries(&filter, 0, 100).await.expect("reads")), [5, 7]);
    let again = Journal::open(pool.clone(), "office-1").await.expect("opens again");
    assert_eq!(again.head().await.expect("reads").expect("head").seq, 7);
    assert_eq!(
        Journal::open(pool, "office-2").await.err().expect("other").code.0,
        "E-JOURNAL-OTHER"
    );
}

#[tokio::test]
async fn the_log_refuses_update_delete_and_replace() {
    let folder = tempfile::tempdir().expect("folder");
    let pool = pool(folder.path()).await;
    let journal = Journal::open(pool.clone(), "office-1").await.expect("opens");
    for n in 1..=3 {
        journal.append(draft(None, "intent", n)).await.expect("appends");
    }
    journal.checkpoint().await.expect("checkpoint");
    for statement in [
        "UPDATE journal SET actor = 'Eve' WHERE seq = 2",
        "DELETE FROM journal WHERE seq = 3",
        "INSERT OR REPLACE INTO journal SELECT seq, scope, 'forged', body, actor, at_utc, prev, hash || '0' FROM journal WHERE seq = 3",
        "INSERT INTO journal SELECT 9, scope, kind, body, actor, at_utc, prev, hash || '0' FROM journal WHERE seq = 3",
        "UPDATE journal_checkpoint SET size = 2",
        "DELETE FROM journal_checkpoint",
        "INSERT OR REPLACE INTO journal_checkpoint VALUES (3, 'forged')",
        "UPDATE journal_identity SET installation = 'office-2'",
        "DELETE FROM journal_identity",
    ] {
        let refusal = sqlx::query(AssertSqlSafe(statement)).execute(&pool).await.expect_err(statement);
        assert!(
            refusal.to_string().contains("append-only") || refusal.to_string().contains("one installation"),
            "{statement}: {refusal}"
        );
    }
    assert!(matches!(
        verify(&pool, None).await.expect("verdict"),
        Verdict::Good { entries: 3, .. }
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_writers_at_once_make_one_chain() {
    let folder = tempfile::tempdir().expect("folder");
    let mut writers = Vec::new();
    for writer in 0..4u64 {
        // A pool each: separate connections to the file, as separate processes have.
        let pool = pool(folder.path()).await;
        writers.push(tokio::spawn(async move {
            let journal = Journal::open(pool, "office-1").await.expect("opens");
            for n in 0..40 {
                journal
                    .append(draft(Some(&format!("writer-{writer}")), "intent", n))
                    .await
                    .expect("appends");
            }
        }));
    }
    for writer in writers {
        writer.await.expect("writes");
    }
    let pool = pool(folder.path()).await;
    assert!(matches!(
        verify(&pool, None).await.expect("verdict"),
        Verdict::Good { entries: 160, .. }
    ));
    let journal = Journal::open(pool, "office-1").await.expect("opens");
    for writer in 0..4 {
        let own: Vec<u64> = journal
            .entries_of(&format!("writer-{writer}"))
            .await
            .expect("reads")
            .iter()
            .filter_map(|e| e.body["n"].as_u64())
            .collect();
        assert_eq!(own, (0..40).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn entries_and_projections_are_committed_together_or_not_at_all() {
    let folder = tempfile::tempdir().expect("folder");
    let pool = pool(folder.path()).await;
    sqlx::query("CREATE TABLE projection (n INTEGER)")
        .execute(&pool)
        .await
        .expect("creates");
    let journal = Journal::open(pool.clone(), "office-1").await.expect("opens");
    for keep in [false, true] {
        let mut change = begin(&pool).await.expect("begins");
        journal.append_in(&mut change, draft(None, "intent", 1)).await.expect("appends");
        sqlx::query("INSERT INTO projection VALUES (1)")
            .execute(&mut *change)
            .await
            .expect("inserts");
        if keep {
            change.commit().await.expect("commits")
        } else {
            change.rollback().await.expect("rolls back")
        }
        let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM projection")
            .fetch_one(&pool)
            .await
            .expect("counts");
        assert_eq!((rows, journal.head().await.expect("reads").is_some()), (i64::from(keep), keep));
    }
}

#[tokio::test]
async fn nothing_is_appended_on_a_damaged_head_and_nothing_with_a_fraction() {
    let folder = tempfile::tempdir().expect("folder");
    let pool = pool(folder.path()).await;
    let journal = Journal::open(pool.clone(), "office-1").await.expect("opens");
    journal.append(draft(None, "intent", 1)).await.expect("appends");
    let mut bad = draft(None, "intent", 2);
    bad.body = json!({ "amount": 1.5 });
    assert_eq!(journal.append(bad).await.expect_err("fraction").code.0, "E-JOURNAL-ENTRY");
    assert_eq!(
        journal.append(draft(Some(""), "intent", 2)).await.expect_err("scope").code.0,
        "E-JOURNAL-ENTRY"
    );
    sqlx::query("DROP TRIGGER journal_no_update").execute(&pool).await.expect("drops");
    sqlx::query("UPDATE journal SET actor = 'Eve'")
        .execute(&pool)
        .await
        .expect("forges");
    assert_eq!(
        journal.append(draft(None, "intent", 2)).await.expect_err("damaged").code.0,
        "E-JOURNAL-BROKEN"
    );
    assert_eq!(
        journal.entries(&Filter::default(), 0, 9).await.expect_err("damaged").code.0,
        "E-JOURNAL-BROKEN"
    );
}

#[tokio::test]
async fn a_log_of_a_newer_form_stops_with_a_clear_error() {
    let folder = tempfile::tempdir().expect("folder");
    let pool = pool(folder.path()).await;
    Journal::open(pool.clone(), "office-1").await.expect("opens");
    sqlx::query("DROP TRIGGER journal_identity_no_update")
        .execute(&pool)
        .await
        .expect("drops");
    sqlx::query("UPDATE journal_identity SET form = 2")
        .execute(&pool)
        .await
        .expect("changes");
    assert_eq!(
        Journal::open(pool.clone(), "office-1").await.err().expect("form").code.0,
        "E-JOURNAL-FORM"
    );
    assert_eq!(verify(&pool, None).await.expect_err("form").code.0, "E-JOURNAL-FORM");
    assert_eq!(migrate(&pool).await.expect_err("form").code.0, "E-JOURNAL-FORM");
}
