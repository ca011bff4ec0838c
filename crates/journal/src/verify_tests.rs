//! The judge against every kind of damage, made the way an attacker would: triggers and constraints dropped first.

use super::*;
use crate::{Draft, Filter, Journal, Signer, begin, migrate};
use serde_json::json;
use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};

const ENTRIES: u64 = 60;

fn signer() -> Signer {
    Signer::from_secret(&[42; 32])
}

async fn pool(folder: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(folder.join("store.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal);
    SqlitePoolOptions::new()
        .max_connections(4)
        .connect_with(options)
        .await
        .expect("opens")
}

fn draft(n: u64) -> Draft {
    Draft {
        scope: (n % 3 != 0).then(|| format!("upgrade-{}", n % 2)),
        kind: if n % 2 == 0 { "intent" } else { "outcome" }.into(),
        body: json!({ "amount_minor": n * 100, "memo": format!("Café № {n}"), "parts": [n, null, true] }),
        actor: "Dana".into(),
        at: jiff::Timestamp::from_second(1_790_000_000 + n as i64).expect("time"),
    }
}

/// A log of 60 entries with checkpoints at 20, 40 and 60.
async fn log(folder: &Path) -> (SqlitePool, Journal) {
    let pool = pool(folder).await;
    migrate(&pool).await.expect("migrates");
    let journal = Journal::open(pool.clone(), "office-1").await.expect("opens").signed_by(signer());
    for n in 1..=ENTRIES {
        assert_eq!(journal.append(draft(n)).await.expect("appends").seq, n);
        if n % 20 == 0 {
            journal.checkpoint().await.expect("checkpoint");
        }
    }
    (pool, journal)
}

/// As an attacker who owns the file: no triggers, no keys, no types.
async fn disarm(pool: &SqlitePool) {
    let mut on = pool.acquire().await.expect("connection");
    let triggers: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        .fetch_all(&mut *on)
        .await
        .expect("triggers");
    assert!(triggers.len() >= 8, "{triggers:?}");
    for name in triggers {
        sqlx::query(AssertSqlSafe(format!("DROP TRIGGER {name}")))
            .execute(&mut *on)
            .await
            .expect("drops");
    }
    for table in ["journal", "journal_checkpoint"] {
        for statement in [
            format!("CREATE TABLE forged AS SELECT * FROM {table}"),
            format!("DROP TABLE {table}"),
            format!("ALTER TABLE forged RENAME TO {table}"),
        ] {
            sqlx::query(AssertSqlSafe(statement)).execute(&mut *on).await.expect("rebuilds");
        }
    }
}

async fn run(pool: &SqlitePool, statement: &str) {
    sqlx::query(AssertSqlSafe(statement.to_owned()))
        .execute(pool)
        .await
        .expect(statement);
}

async fn verdict(pool: &SqlitePool) -> Verdict {
    verify(pool, Some(signer().public_key())).await.expect("verdict")
}

fn broken(verdict: Verdict) -> (u64, Flaw) {
    match verdict {
        Verdict::Broken { seq, flaw, what } => {
            assert!(!what.is_empty());
            (seq, flaw)
        }
        other @ (Verdict::Good { .. } | Verdict::Unreadable { .. }) => panic!("not found: {other:?}"),
    }
}

#[tokio::test]
async fn every_changed_byte_of_every_stored_column_is_found_at_its_entry() {
    let folder = tempfile::tempdir().expect("folder");
    let (pool, _journal) = log(folder.path()).await;
    let mut on = pool.acquire().await.expect("connection");
    let (rows, notes) = read_all(&mut on).await.expect("reads");
    let key = Some(signer().public_key());
    assert!(matches!(
        judge("office-1", &rows, &notes, key, &[]),
        Verdict::Good { entries: ENTRIES, .. }
    ));
    let mut tried = 0u32;
    let mut expect = |rows: &[Stored], notes: &[Note], at: Option<u64>| {
        let (seq, _) = broken(judge("office-1", rows, notes, key, &[]));
        if let Some(at) = at {
            assert_eq!(seq, at);
        }
        tried += 1;
    };
    let (mut flipped, mut last) = (0u32, START);
    for at in 0..rows.len() {
        let mut forged = rows.clone();
        for column in 0..7 {
            fn field(row: &mut Stored, column: usize) -> Option<&mut Vec<u8>> {
                match column {
                    0 => row.scope.as_mut(),
                    1 => Some(&mut row.kind),
                    2 => Some(&mut row.body),
                    3 => Some(&mut row.actor),
                    4 => Some(&mut row.at),
                    5 => Some(&mut row.prev),
                    6 => Some(&mut row.hash),
                    other => panic!("no column {other}"),
                }
            }
            let length = field(&mut forged[at], column).map_or(0, |bytes| bytes.len());
            for byte in 0..length {
                for mask in [0x01, 0x20, 0x80] {
                    // The judge stops at the first bad entry, so the sound ones before it need not be judged again for every bit.
                    field(&mut forged[at], column).expect("column")[byte] ^= mask;
                    assert!(
                        judge_entry("office-1", &forged[at], at as u64 + 1, last, &rows).is_err(),
                        "entry {at}, column {column}, byte {byte}, mask {mask}"
                    );
                    flipped += 1;
                    if byte == 0 && mask == 0x01 {
                        expect(&forged, &notes, Some(at as u64 + 1));
                    }
                    field(&mut forged[at], column).expect("column")[byte] ^= mask;
                }
            }
        }
        forged[at].scope = match &rows[at].scope {
            Some(_) => None,
            None => Some(Vec::new()),
        };
        expect(&forged, &notes, Some(at as u64 + 1));
        for bit in [0, 1, 2, 5, 31, 62, 63] {
            let mut forged = rows.clone();
            forged[at].seq ^= 1i64.rotate_left(bit);
            forged.sort_by_key(|row| row.seq);
            expect(&forged, &notes, None);
        }
        last = judge_entry("office-1", &rows[at], at as u64 + 1, last, &rows).expect("sound");
    }
    for at in 0..notes.len() {
        for byte in 0..notes[at].note.len() {
            let mut forged = notes.clone();
            forged[at].note[byte] ^= 0x01;
            expect(&rows, &forged, None);
        }
        for bit in 0..64 {
            let mut forged = notes.clone();
            forged[at].size ^= 1i64.rotate_left(bit);
            expect(&rows, &forged, None);
        }
    }
    for byte in 0.."office-1".len() {
        let mut name = "office-1".to_owned().into_bytes();
        name[byte] ^= 0x01;
        let name = String::from_utf8(name).expect("ascii");
        assert_eq!(broken(judge(&name, &rows, &notes, key, &[])).0, 1);
    }
    assert!(flipped > 40_000 && tried > 1_000, "{flipped} bytes, {tried} whole logs");
}

#[tokio::test]
async fn an_edit_in_the_file_itself_is_found_at_its_entry() {
    let folder = tempfile::tempdir().expect("folder");
    let (pool, _journal) = log(folder.path()).await;
    disarm(&pool).await;
    assert!(
        matches!(verdict(&pool).await, Verdict::Good { .. }),
        "a rebuilt table with the same content is sound"
    );
    for (statement, back, at) in [
        (
            "UPDATE journal SET body = replace(body, '\"amount_minor\":700', '\"amount_minor\":701') WHERE seq = 7",
            "UPDATE journal SET body = replace(body, '701', '700') WHERE seq = 7",
            7,
        ),
        (
            "UPDATE journal SET body = ' ' || body WHERE seq = 60",
            "UPDATE journal SET body = ltrim(body) WHERE seq = 60",
            60,
        ),
        (
            "UPDATE journal SET body = x'ff' || body WHERE seq = 2",
            "UPDATE journal SET body = CAST(substr(CAST(body AS BLOB), 2) AS TEXT) WHERE seq = 2",
            2,
        ),
        (
            "UPDATE journal SET actor = NULL WHERE seq = 3",
            "UPDATE journal SET actor = 'Dana' WHERE seq = 3",
            3,
        ),
        (
            "UPDATE journal SET hash = upper(hash) WHERE seq = 4",
            "UPDATE journal SET hash = lower(hash) WHERE seq = 4",
            4,
        ),
        (
            "UPDATE journal SET at_utc = at_utc || ' ' WHERE seq = 1",
            "UPDATE journal SET at_utc = trim(at_utc) WHERE seq = 1",
            1,
        ),
    ] {
        run(&pool, statement).await;
        assert_eq!(broken(verdict(&pool).await), (at, Flaw::Edited), "{statement}");
        run(&pool, back).await;
        assert!(matches!(verdict(&pool).await, Verdict::Good { .. }), "{back}");
    }
    run(&pool, "UPDATE journal_identity SET installation = 'office-2'").await;
    assert_eq!(broken(verdict(&pool).await), (1, Flaw::Edited));
}

#[tokio::test]
async fn a_deleted_a_moved_a_doubled_and_a_forked_entry_are_each_named() {
    let folder = tempfile::tempdir().expect("folder");
    let (pool, _journal) = log(folder.path()).await;
    disarm(&pool).await;
    run(&pool, "CREATE TABLE kept AS SELECT * FROM journal").await;
    for (statements, at, flaw) in [
        (vec!["DELETE FROM journal WHERE seq = 30"], 30, Flaw::Gap),
        (vec!["DELETE FROM journal WHERE seq = 1"], 1, Flaw::Gap),
        (
            vec![
                "DELETE FROM journal WHERE seq = 9",
                "UPDATE journal SET seq = seq - 1 WHERE seq > 9",
            ],
            9,
            Flaw::Reordered,
        ),
        (
            vec![
                "UPDATE journal SET seq = 999 WHERE seq = 11",
                "UPDATE journal SET seq = 11 WHERE seq = 12",
                "UPDATE journal SET seq = 12 WHERE seq = 999",
            ],
            11,
            Flaw::Reordered,
        ),
        (vec!["INSERT INTO journal SELECT * FROM journal WHERE seq = 5"], 6, Flaw::Forked),
        (vec!["DELETE FROM journal WHERE seq > 50"], 51, Flaw::Truncated),
        (vec!["DELETE FROM journal"], 1, Flaw::Truncated),
        (vec!["UPDATE journal SET seq = -seq WHERE seq = 8"], 1, Flaw::Gap),
    ] {
        for statement in &statements {
            run(&pool, statement).await;
        }
        assert_eq!(broken(verdict(&pool).await), (at, flaw), "{statements:?}");
        run(&pool, "DELETE FROM journal").await;
        run(&pool, "INSERT INTO journal SELECT * FROM kept ORDER BY seq").await;
        assert!(matches!(verdict(&pool).await, Verdict::Good { .. }), "{statements:?} undone");
    }
    // A fork: an entry that is sound in itself but stands on another one than its neighbour.
    let prev = "11".repeat(32);
    let row: (String, String, String, String) = sqlx::query_as("SELECT kind, body, actor, at_utc FROM journal WHERE seq = 60")
        .fetch_one(&pool)
        .await
        .expect("row");
    let body: Value = serde_json::from_str(&row.1).expect("json");
    let hash = Text {
        installation: "office-1",
        seq: 60,
        scope: None,
        kind: &row.0,
        body: &body,
        actor: &row.2,
        at: &row.3,
        prev: &prev,
    }
    .hash()
    .expect("hash");
    run(
        &pool,
        &format!(
            "UPDATE journal SET prev = '{prev}', scope = NULL, hash = '{}' WHERE seq = 60",
            hex::encode(hash)
        ),
    )
    .await;
    assert_eq!(broken(verdict(&pool).await), (60, Flaw::Forked));
}

#[tokio::test]
async fn a_whole_chain_rewritten_without_the_key_is_found_by_its_checkpoints() {
    let (honest, forged) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    let (pool, journal) = log(honest.path()).await;
    let printed = journal.checkpoint().await.expect("checkpoint").expect("not empty").note;
    let other = pool_of_forger(forged.path()).await;
    // Each link fits, but it is not what the installation signed, nor a key that the log names.
    assert_eq!(broken(verify(&other, None).await.expect("verdict")), (ENTRIES, Flaw::Checkpoint));
    assert_eq!(broken(verdict(&other).await).1, Flaw::Checkpoint);
    assert_eq!(
        broken(verify_against(&other, None, std::slice::from_ref(&printed)).await.expect("verdict")).1,
        Flaw::Checkpoint
    );
    // The tail and its checkpoints cut off: only a checkpoint that left the computer shows it.
    disarm(&pool).await;
    run(&pool, "DELETE FROM journal WHERE seq > 40").await;
    run(&pool, "DELETE FROM journal_checkpoint WHERE size > 40").await;
    assert!(matches!(verdict(&pool).await, Verdict::Good { entries: 40, .. }));
    assert_eq!(
        broken(
            verify_against(&pool, Some(signer().public_key()), &[printed])
                .await
                .expect("verdict")
        ),
        (41, Flaw::Truncated)
    );
}

async fn pool_of_forger(folder: &Path) -> SqlitePool {
    let pool = pool(folder).await;
    migrate(&pool).await.expect("migrates");
    let journal = Journal::open(pool.clone(), "office-1")
        .await
        .expect("opens")
        .signed_by(Signer::from_secret(&[9; 32]));
    for n in 1..=ENTRIES {
        journal.append(draft(if n == 10 { 11 } else { n })).await.expect("appends");
    }
    journal.checkpoint().await.expect("checkpoint");
    pool
}

#[tokio::test]
async fn a_missing_automatic_checkpoint_is_found() {
    let folder = tempfile::tempdir().expect("folder");
    let pool = pool(folder.path()).await;
    migrate(&pool).await.expect("migrates");
    let journal = Journal::open(pool.clone(), "office-1").await.expect("opens").signed_by(signer());
    let mut change = begin(&pool).await.expect("begins");
    for n in 1..=EVERY_ENTRIES * 2 + 3 {
        journal.append_in(&mut change, draft(n)).await.expect("appends");
    }
    change.commit().await.expect("commits");
    assert_eq!(
        journal
            .checkpoints()
            .await
            .expect("checkpoints")
            .iter()
            .map(|c| c.size)
            .collect::<Vec<_>>(),
        [256, 512]
    );
    assert!(matches!(verdict(&pool).await, Verdict::Good { entries: 515, .. }));
    disarm(&pool).await;
    run(&pool, "DELETE FROM journal_checkpoint WHERE size = 256").await;
    assert_eq!(broken(verdict(&pool).await), (256, Flaw::Checkpoint));
}

#[tokio::test]
async fn what_cannot_be_read_is_never_good_and_never_empty() {
    let folder = tempfile::tempdir().expect("folder");
    let absent = verify_file(&folder.path().join("absent.db"), None).await.expect("verdict");
    assert!(matches!(absent, Verdict::Unreadable { .. }), "{absent:?}");
    let text = folder.path().join("text.db");
    std::fs::write(
        &text,
        "this is no database, it is text of some length, longer than a header of one hundred bytes, really.",
    )
    .expect("writes");
    let verdict = verify_file(&text, None).await.expect("verdict");
    assert!(matches!(verdict, Verdict::Unreadable { .. }), "{verdict:?}");
    assert_eq!(require_good(verdict).expect_err("unreadable").code, problems::E_READ);
    let (pool, journal) = log(folder.path()).await;
    pool.close().await;
    assert_eq!(journal.head().await.expect_err("closed").code, problems::E_READ);
    assert_eq!(
        journal.entries(&Filter::default(), 0, 10).await.expect_err("closed").code,
        problems::E_READ
    );
    let good = verify_file(&folder.path().join("store.db"), Some(signer().public_key()))
        .await
        .expect("verdict");
    assert!(
        matches!(
            good,
            Verdict::Good {
                entries: ENTRIES,
                signed: Some(SignedTo { seq: ENTRIES, .. }),
                ..
            }
        ),
        "{good:?}"
    );
}

/// A log as an installation keeps it: ten entries, then the key, twenty more, signed, ten more.
async fn named_log(folder: &Path, secret: u8, memo: u64) -> (SqlitePool, Journal) {
    let pool = pool(folder).await;
    migrate(&pool).await.expect("migrates");
    let journal = Journal::open(pool.clone(), "office-1").await.expect("opens");
    for n in 1..=40 {
        if n == 11 {
            let signer = Signer::from_secret(&[secret; 32]);
            let at = jiff::Timestamp::from_second(1_790_000_000).expect("time");
            journal.sign_with(signer, "keychain", "Dana", at).await.expect("signs");
        }
        journal.append(draft(if n == 5 { memo } else { n })).await.expect("appends");
        if n == 30 {
            journal.checkpoint().await.expect("checkpoint");
        }
    }
    (pool, journal)
}

#[tokio::test]
async fn the_log_names_its_key_and_the_verdict_says_how_far_signatures_reach() {
    let folder = tempfile::tempdir().expect("folder");
    let (pool, journal) = named_log(folder.path(), 1, 5).await;
    let verdict = verify(&pool, None).await.expect("verdict");
    let Verdict::Good {
        entries: 41,
        signed: Some(signed),
        ..
    } = &verdict
    else {
        panic!("{verdict:?}");
    };
    let key = Signer::from_secret(&[1; 32]).public_key();
    assert_eq!((signed.seq, &signed.fingerprint), (31, &key.fingerprint()));
    assert_eq!(signed.at, draft(30).at.to_string(), "the thirtieth entry is the last before it");
    // The same key again, in another process, is not named twice; without it nothing unsigned is put beside.
    let again = Journal::open(pool.clone(), "office-1").await.expect("opens");
    assert_eq!(again.checkpoint().await.expect("reads"), None, "the key is not at hand");
    let at = jiff::Timestamp::from_second(1_790_000_500).expect("time");
    again
        .sign_with(Signer::from_secret(&[1; 32]), "keychain", "Dana", at)
        .await
        .expect("signs");
    assert_eq!(again.checkpoint().await.expect("signs").expect("note").size, 41);
    assert!(journal.signing_key() == again.signing_key() && again.signing_key() == Some(key));
    // Another session's key joins; both sign from their own entries on.
    let session = Journal::open(pool.clone(), "office-1").await.expect("opens");
    session
        .sign_with(Signer::from_secret(&[2; 32]), "session_only", "Dana", at)
        .await
        .expect("signs");
    journal.append(draft(1)).await.expect("appends");
    journal.checkpoint().await.expect("signs");
    let verdict = verify(&pool, None).await.expect("verdict");
    assert!(
        matches!(
            &verdict,
            Verdict::Good {
                entries: 43,
                signed: Some(SignedTo { seq: 43, .. }),
                ..
            }
        ),
        "{verdict:?}"
    );
}

#[tokio::test]
async fn a_signed_log_that_was_wholly_rewritten_is_found_by_the_checkpoint_that_left_the_computer() {
    let (honest, forged) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    let (_, journal) = named_log(honest.path(), 1, 5).await;
    let printed = journal.checkpoint().await.expect("checkpoint").expect("note");
    assert!(printed.is_signed());
    // Whoever owns the file but not the key names a key of their own: sound in itself, to the last hash and signature.
    let (other, _) = named_log(forged.path(), 9, 6).await;
    let alone = verify(&other, None).await.expect("verdict");
    assert!(matches!(&alone, Verdict::Good { signed: Some(_), .. }), "{alone:?}");
    let (_, flaw) = broken(
        verify_against(&other, None, std::slice::from_ref(&printed.note))
            .await
            .expect("verdict"),
    );
    assert_eq!(flaw, Flaw::Checkpoint);
    // With the public key copied into the forged log, the signatures are missing.
    let stolen = tempfile::tempdir().expect("folder");
    let (copied, _) = named_log(stolen.path(), 1, 6).await;
    disarm(&copied).await;
    run(&copied, "DELETE FROM journal_checkpoint").await;
    assert_eq!(broken(verify(&copied, None).await.expect("verdict")), (11, Flaw::Checkpoint));
    // Even with the key itself, the copy outside says something else.
    let (thief, _) = named_log(tempfile::tempdir().expect("folder").path(), 1, 6).await;
    assert!(matches!(verify(&thief, None).await.expect("verdict"), Verdict::Good { .. }));
    let (seq, flaw) = broken(
        verify_against(&thief, None, std::slice::from_ref(&printed.note))
            .await
            .expect("verdict"),
    );
    assert_eq!((seq, flaw), (41, Flaw::Checkpoint));
    // And the copy fits the log that it was made of, however it was mailed.
    let (whole, _) = named_log(tempfile::tempdir().expect("folder").path(), 1, 5).await;
    let mailed = checkpoint::tidied(&printed.note.replace('\n', "\r\n"));
    assert!(matches!(
        verify_against(&whole, None, &[mailed]).await.expect("verdict"),
        Verdict::Good { .. }
    ));
}

#[tokio::test]
async fn a_cut_off_tail_is_found_by_the_outside_checkpoint_and_a_key_signs_nothing_older_than_itself() {
    let folder = tempfile::tempdir().expect("folder");
    let (pool, journal) = named_log(folder.path(), 1, 5).await;
    let printed = journal.checkpoint().await.expect("checkpoint").expect("note").note;
    disarm(&pool).await;
    run(&pool, "CREATE TABLE notes AS SELECT * FROM journal_checkpoint").await;
    run(&pool, "DELETE FROM journal WHERE seq > 35").await;
    assert_eq!(
        broken(verify(&pool, None).await.expect("verdict")),
        (36, Flaw::Truncated),
        "its own last checkpoint knows"
    );
    run(&pool, "DELETE FROM journal_checkpoint WHERE size > 35").await;
    let cut = verify(&pool, None).await.expect("verdict");
    assert!(
        matches!(
            &cut,
            Verdict::Good {
                entries: 35,
                signed: Some(SignedTo { seq: 31, .. }),
                ..
            }
        ),
        "{cut:?}"
    );
    assert_eq!(
        broken(verify_against(&pool, None, &[printed]).await.expect("verdict")),
        (36, Flaw::Truncated)
    );
    // With today's key over entries from before it: refused, though root and signature are right.
    let mut tree = Growing::default();
    let hashes: Vec<String> = sqlx::query_scalar("SELECT hash FROM journal WHERE seq <= 6 ORDER BY seq")
        .fetch_all(&pool)
        .await
        .expect("hashes");
    hashes.iter().for_each(|hash| tree.push(hash_of_hex(hash).expect("hash")));
    let old = checkpoint::make("office-1", 6, tree.root(), Some(&Signer::from_secret(&[1; 32])));
    sqlx::query("INSERT INTO journal_checkpoint (size, note) VALUES (6, $1)")
        .bind(&old.note)
        .execute(&pool)
        .await
        .expect("inserts");
    assert_eq!(broken(verify(&pool, None).await.expect("verdict")), (6, Flaw::Checkpoint));
}
