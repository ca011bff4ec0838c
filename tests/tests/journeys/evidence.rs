//! The built program's own evidence: a log whose signatures and outside checkpoints show what was done to it, and a
//! backup that is read back without being restored.

use changeover_tests::{home, program};
use journal::{Draft, Filter, Journal};
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, SqlitePool};
use std::path::{Path, PathBuf};

const PAYMENTS: &str = "1";

fn changeover(home: &Path, arguments: &[&str]) -> program::Ran {
    program::run(home, arguments)
}

/// A practice company with its year and one backup.
fn company(home: &Path) {
    changeover(home, &["practice", "new", "--seed", "7", "--payments", PAYMENTS]).expect(0);
    changeover(home, &["backup", "now"]).expect(0);
}

fn store(home: &Path) -> PathBuf {
    home.join("practice/changeover.sqlite")
}

async fn opened(home: &Path) -> SqlitePool {
    SqlitePool::connect_with(SqliteConnectOptions::new().filename(store(home))).await.unwrap()
}

/// As somebody who owns the file: no trigger is in the way.
async fn disarmed(home: &Path) -> SqlitePool {
    let pool = opened(home).await;
    let triggers: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetch_all(&pool).await.unwrap();
    for name in triggers {
        sqlx::query(AssertSqlSafe(format!("DROP TRIGGER {name}"))).execute(&pool).await.unwrap();
    }
    pool
}

async fn does(pool: SqlitePool, statements: &[&str]) {
    for statement in statements {
        sqlx::query(AssertSqlSafe((*statement).to_string())).execute(&pool).await.expect(statement);
    }
    pool.close().await;
}

fn copy(from: &Path) -> tempfile::TempDir {
    let to = home::fresh();
    home::copy(from, to.path());
    to
}

fn practice_log(ran: &program::Ran) -> Value {
    let logs = ran.json();
    let found = logs.as_array().unwrap().iter().find(|log| log["log"] == "practice log");
    found.unwrap_or_else(|| panic!("{logs}")).clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_rewritten_cut_or_changed_is_found_by_the_program() {
    let honest = home::fresh();
    company(honest.path());
    let kept = honest.path().join("checkpoint.txt").display().to_string();
    changeover(honest.path(), &["log", "checkpoint", "--to", &kept]).expect(0);
    let note = std::fs::read_to_string(&kept).unwrap();
    assert!(note.starts_with("changeover/installation-") && note.contains("\n\n\u{2014} "), "a signed C2SP note:\n{note}");
    let verified = changeover(honest.path(), &["--json", "log", "verify", "--checkpoint", &kept]).expect(0);
    let log = practice_log(&verified);
    assert_eq!((&log["good"], &log["compared"], &log["signed"]["to"]), (&Value::Bool(true), &Value::Bool(true), &log["records"]), "{log}");
    let words = changeover(honest.path(), &["log", "verify", "--checkpoint", &kept]).expect(0).stdout;
    assert!(words.contains("Signed up to record") && words.contains("agrees with the checkpoint kept elsewhere"), "{words}");

    // One changed byte: the record is named, with and without the checkpoint.
    let changed = copy(honest.path());
    does(disarmed(changed.path()).await, &["UPDATE journal SET body = replace(body, 'Harbour', 'Harbuor') WHERE seq = (SELECT MIN(seq) FROM journal WHERE body LIKE '%Harbour%')"]).await;
    let first = changeover(changed.path(), &["--json", "log", "verify"]).expect(1);
    let bad = practice_log(&first)["first_bad"].as_u64().expect("it is named");
    let words = changeover(changed.path(), &["log", "verify", "--checkpoint", &kept]).expect(1).stdout;
    assert!(words.contains(&format!("record {bad} is the first bad one (edited)")), "{words}");

    // The end cut off together with every checkpoint that knew of it: the copy elsewhere knows.
    let records = log["records"].as_u64().unwrap();
    let cut = copy(honest.path());
    let shorter = records - 2;
    does(
        disarmed(cut.path()).await,
        &[&format!("DELETE FROM journal WHERE seq > {shorter}"), &format!("DELETE FROM journal_checkpoint WHERE size > {shorter}")],
    )
    .await;
    let told = changeover(cut.path(), &["--json", "log", "verify", "--checkpoint", &kept]).expect(1);
    let log = practice_log(&told);
    assert_eq!((&log["first_bad"], &log["flaw"]), (&Value::from(shorter + 1), &Value::from("the end was cut off")), "{log}");

    // Everything written anew, each hash right, signed with a key of the forger's own.
    let forged = copy(honest.path());
    rewrite(forged.path()).await;
    let alone = changeover(forged.path(), &["log", "verify"]).expect(0).stdout;
    assert!(alone.contains("only a checkpoint kept elsewhere shows that"), "the file alone cannot tell, and it says so: {alone}");
    let told = changeover(forged.path(), &["log", "verify", "--checkpoint", &kept]).expect(1).stdout;
    assert!(told.contains("a checkpoint does not fit"), "{told}");

    // Another installation's note answers nothing, so it is no success.
    let other = home::fresh();
    company(other.path());
    changeover(other.path(), &["log", "verify"]).expect(0);
    let told = changeover(other.path(), &["log", "verify", "--checkpoint", &kept]).expect(1).stderr;
    assert!(told.contains("belongs to none of the logs here"), "{told}");
}

/// The same records with one word changed, in a log that claims the same installation.
async fn rewrite(home: &Path) {
    let pool = opened(home).await;
    let installation: String = sqlx::query_scalar("SELECT installation FROM journal_identity").fetch_one(&pool).await.unwrap();
    let journal = Journal::open(pool.clone(), &installation).await.unwrap();
    let entries = journal.entries(&Filter::default(), 0, journal::store::LARGEST_PAGE).await.unwrap();
    drop(journal);
    pool.close().await;
    does(disarmed(home).await, &["DROP TABLE journal", "DROP TABLE journal_checkpoint", "DROP TABLE journal_identity"]).await;
    let pool = opened(home).await;
    journal::migrate(&pool).await.unwrap();
    let mut journal = Journal::open(pool.clone(), &installation).await.unwrap();
    let (records, last) = (entries.len() as u64, entries.last().expect("a log with records").at);
    for entry in entries {
        if entry.kind == journal::signing::KEY_MADE {
            // Each session had a key of its own, and so has the forger.
            journal = Journal::open(pool.clone(), &installation).await.unwrap();
            let signer = journal::Signer::from_secret(&[entry.seq as u8; 32]);
            journal.sign_with(signer, "session_only", &entry.actor, entry.at).await.unwrap();
            continue;
        }
        let actor = if entry.seq == 2 { "nobody".to_string() } else { entry.actor };
        journal.append(Draft { scope: entry.scope, kind: entry.kind, body: entry.body, actor, at: entry.at }).await.unwrap();
    }
    // As long as the honest one at least: a shorter log would be found by its length alone.
    while journal.head().await.unwrap().map_or(0, |head| head.seq) < records {
        journal.append(Draft { scope: None, kind: "sync.done".into(), body: Value::Null, actor: "nobody".into(), at: last }).await.unwrap();
    }
    journal.checkpoint().await.unwrap();
    pool.close().await;
}

#[test]
fn a_backup_is_read_back_without_being_restored_and_a_damaged_one_loses_its_marks() {
    let home = home::fresh();
    company(home.path());
    let listed = |home: &Path| changeover(home, &["--json", "backup", "list"]).expect(0).json()["backups"][0].clone();
    let read = changeover(home.path(), &["--json", "backup", "verify"]).expect(0).json();
    assert_eq!((&read["read_back"], &read["proved"]), (&Value::Bool(true), &Value::Bool(false)), "reading back is no proof: {read}");
    let before = listed(home.path());
    assert_eq!((&before["files"], &before["bytes"], before["restored"].is_null()), (&read["files"], &read["bytes"], true), "{before}");
    changeover(home.path(), &["backup", "verify", "--restore"]).expect(0);
    assert!(listed(home.path())["restored"].is_string(), "now it is proved");

    // What is inside: by the installation, and by nothing but folder and kit.
    let known = changeover(home.path(), &["--json", "backup", "preview"]).expect(0).json();
    let place = home.path().join("practice/backups").display().to_string();
    let kit = home.path().join("practice/practice-recovery-kit.txt").display().to_string();
    let elsewhere = home::fresh();
    let found = changeover(elsewhere.path(), &["--json", "backup", "preview", "--from", &place, "--recovery-key", &kit]).expect(0).json();
    for part in ["company", "taken", "counts", "files", "totals"] {
        assert_eq!(found[part], known[part], "{part}");
    }
    assert!(known["totals"].as_array().is_some_and(|totals| totals.len() > 5), "{known}");
    assert!(known["files"].as_array().unwrap().iter().any(|file| file["path"] == "log-checkpoint.txt"), "the log's checkpoint is in it: {known}");

    // A damaged pack: exit 1, named, and neither mark stands any more.
    let pack = largest(&home.path().join("practice/backups/data"));
    let mut bytes = std::fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    let mut permissions = std::fs::metadata(&pack).unwrap().permissions();
    #[allow(clippy::permissions_set_readonly_false)]
    permissions.set_readonly(false);
    std::fs::set_permissions(&pack, permissions).unwrap();
    std::fs::write(&pack, bytes).unwrap();
    let told = changeover(home.path(), &["backup", "verify"]).expect(1).stderr;
    assert!(told.contains("E-BACKUP-DAMAGED"), "{told}");
    let after = listed(home.path());
    assert_eq!((after["checked"].is_null(), after["restored"].is_null()), (true, true), "{after}");
}

fn largest(folder: &Path) -> PathBuf {
    let mut found: Vec<(u64, PathBuf)> = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push((std::fs::metadata(&path).unwrap().len(), path)),
            }
        }
    }
    found.into_iter().max().expect("a pack").1
}
