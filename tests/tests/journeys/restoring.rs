//! A tired person's evening: what differs from today, a part or everything, in place and back again, and a damaged backup.
//!
//! With a real company's book, judged by GnuCash's own engine; what is shown is read from the terminal program. Where it is killed is one
//! of `engine::crash`.

use api::practice_company::ScriptedBrowser;
use api::{App, Start};
use books::{EntryId, GnuCashSqlite, Period};
use changeover_tests::shelf::Shelf;
use changeover_tests::{company, home, oracle, program, typed};
use engine::Engine;
use engine::progress::Watcher;
use engine::restoring::bringing::bring_back_with_kit;
use engine::restoring::comparing::{Became, Counts};
use engine::restoring::in_place::{E_RESTORE_UNDO, SAFETY};
use engine::restoring::parts::Part;
use engine::store::company::Company;
use serde_json::Value;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use std::path::{Path, PathBuf};
use std::sync::Arc;

struct Evening {
    home: tempfile::TempDir,
    app: App,
    company: Company,
}

impl Evening {
    async fn begin() -> Evening {
        let home = home::fresh();
        let app = app(home.path()).await;
        let company = company::real(app.real(), home.path(), 30).await;
        Evening { home, app, company }
    }

    fn engine(&self) -> &Engine {
        self.app.real()
    }

    fn book(&self) -> PathBuf {
        self.company.books_path.clone()
    }

    async fn backup(&self, label: &str) -> engine::backups::BackupRow {
        self.engine().take_backup(&self.company, label, None, &Watcher::silent()).await.unwrap_or_else(|problem| panic!("{problem}"))
    }
}

async fn app(home: &Path) -> App {
    let start = Start {
        home: home.to_path_buf(),
        browser: Arc::new(ScriptedBrowser),
        changed: Arc::new(|| {}),
        worker: Some(program::changeover().to_path_buf()),
        actor: "test".to_string(),
    };
    App::start_with(start, Shelf::default().keychain()).await.unwrap_or_else(|problem| panic!("{problem}"))
}

async fn sql(book: &Path, statements: &[&str]) {
    let mut db = SqliteConnectOptions::new().filename(book).connect().await.unwrap();
    for statement in statements {
        sqlx::query(sqlx::AssertSqlSafe((*statement).to_string())).execute(&mut db).await.unwrap();
    }
    sqlx::Connection::close(db).await.unwrap();
}

/// Two accounts in dollars that hold entries, by id, and three entries.
async fn some(book: &Path) -> ((String, String), Vec<books::BookEntry>) {
    let open = GnuCashSqlite::open(book).await.unwrap();
    let entries = open.entries(Period::ALL).await.unwrap();
    let first = &entries[0];
    ((first.lines[0].account.0.clone(), first.lines[1].account.0.clone()), entries)
}

const TYPED: &str = "0123456789abcdef0123456789abcdef";

/// A person types an entry of 12.34, changes the description of another, deletes a third and renames an account.
async fn a_day_passes(book: &Path) -> (EntryId, EntryId) {
    let ((one, other), entries) = some(book).await;
    typed::entry(book, TYPED, "2026-11-20", "Flowers for the counter", (&one, &other), 1_234).await;
    let (changed, gone) = (entries[1].id.clone(), entries[2].id.clone());
    sql(
        book,
        &[
            &format!("UPDATE transactions SET description = 'Corrected by hand' WHERE guid = '{changed}'"),
            &format!("DELETE FROM splits WHERE tx_guid = '{gone}'"),
            &format!("DELETE FROM slots WHERE obj_guid = '{gone}'"),
            &format!("DELETE FROM transactions WHERE guid = '{gone}'"),
            &format!("UPDATE accounts SET name = 'Renamed' WHERE guid = '{one}'"),
        ],
    )
    .await;
    (changed, gone)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_from_today_is_told_with_amounts_and_a_part_comes_back_as_a_part() {
    let evening = Evening::begin().await;
    let row = evening.backup("by hand").await;
    let (inside, same) = evening.engine().look_inside(&evening.company, &row, &Watcher::silent()).await.unwrap();
    let same = same.unwrap();
    assert!(same.books_are_the_same() && same.settings.is_empty(), "{same:?}");
    assert_eq!(inside.entries, row.entries);

    let (changed, gone) = a_day_passes(&evening.book()).await;
    sqlx::query("UPDATE company SET zone = 'Europe/Berlin'").execute(&evening.engine().pool).await.unwrap();
    let company = evening.engine().company(&evening.company.id).await.unwrap();
    let (_, found) = evening.engine().look_inside(&company, &row, &Watcher::silent()).await.unwrap();
    let found = found.unwrap();
    let entry = |became| found.entries.shown.iter().find(|e| e.became == became).cloned().unwrap();
    assert_eq!(found.entries.counts.added, 1);
    assert!(found.entries.shown.iter().any(|e| e.became == Became::Gone && e.id == gone.0), "{:?}", found.entries);
    let new = entry(Became::Added).now.unwrap();
    assert_eq!((new.description.as_str(), new.amount.to_string().as_str(), new.lines.len()), ("Flowers for the counter", "12.34 USD", 2));
    let edited = found.entries.shown.iter().find(|e| e.id == changed.0).unwrap();
    assert_eq!(edited.became, Became::Changed);
    assert_ne!(edited.then.as_ref().unwrap().description, "Corrected by hand");
    assert_eq!(edited.now.as_ref().unwrap().description, "Corrected by hand");
    assert_eq!(found.added.iter().map(ToString::to_string).collect::<Vec<_>>(), ["12.34 USD"]);
    assert!(found.accounts.shown.iter().any(|a| a.is_renamed() && a.difference.is_some_and(|d| !d.is_zero())), "{:?}", found.accounts);
    let zone = found.settings.iter().find(|s| s.what == "Time zone").unwrap();
    assert_eq!((zone.then.as_deref(), zone.now.as_deref()), (Some("America/New_York"), Some("Europe/Berlin")));
    assert!(found.files.shown.iter().any(|file| file.what == "the book" && file.became == Became::Changed));

    // A part is a part, and is compared with its own hashes; what is not there is named before anything is written.
    let to = |name: &str| evening.home.path().join(name);
    let engine = evening.engine();
    let bring = |part: Part, to: PathBuf| async move { engine.bring_back(&evening_company(engine).await, &row_of(engine).await, &part, &to, &Watcher::silent()).await };
    let book = bring(Part::Book, to("book")).await.unwrap();
    assert!(!book.is_whole() && book.files == 1 && book.book.is_some());
    let settings = bring(Part::Settings, to("settings")).await.unwrap();
    assert_eq!((settings.files, settings.book.is_none()), (3, true));
    let one = bring(Part::of(&["log.jsonl".to_string()]), to("one")).await.unwrap();
    assert_eq!(one.files, 1);
    assert!(to("one").join("log.jsonl").is_file());
    let refused = bring(Part::of(&["nowhere.pdf".to_string()]), to("none")).await.unwrap_err();
    assert_eq!(refused.code.0, "E-RESTORE-PART");
    assert!(!to("none").exists());
    let full = bring(Part::Book, to("book")).await.unwrap_err();
    assert_eq!(full.code.0, "E-BACKUP-NOT-EMPTY");
    if oracle::has_gnucash() {
        let restored = oracle::gnucash(&book.book.unwrap().0.book);
        assert_eq!((restored.transactions, restored.repairs.len()), (row.entries, 0));
    }
}

async fn evening_company(engine: &Engine) -> Company {
    engine.company_or_only(None).await.unwrap()
}

async fn row_of(engine: &Engine) -> engine::backups::BackupRow {
    let company = evening_company(engine).await;
    engine.backup(&company, None).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_place_takes_a_safety_backup_first_and_is_taken_back_once() {
    let evening = Evening::begin().await;
    let (engine, company, silent) = (evening.engine(), &evening.company, Watcher::silent());
    let row = evening.backup("by hand").await;
    let then = oracle::rows(&evening.book());
    assert_eq!(engine.undo_restore(company, &silent).await.unwrap_err().code, E_RESTORE_UNDO);
    a_day_passes(&evening.book()).await;
    let before = oracle::rows(&evening.book());
    assert_ne!(then, before);

    // GnuCash has the book open: nothing is done, not even a safety backup.
    sql(&evening.book(), &["INSERT INTO gnclock (Hostname, PID) VALUES ('shop', 4711)"]).await;
    let open = engine.restore_in_place(company, &row, false, &silent).await.unwrap_err();
    assert_eq!(open.code.0, "E-BOOKS-OPEN", "{open}");
    sql(&evening.book(), &["DELETE FROM gnclock"]).await;
    assert_eq!(engine.backups(company).await.unwrap().len(), 1);

    let put = engine.restore_in_place(company, &row, false, &silent).await.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(oracle::rows(&evening.book()), then, "row for row as it was");
    let safety = engine.backup(company, Some(&put.safety)).await.unwrap();
    assert_eq!((safety.label.as_str(), safety.checked_at.is_some(), safety.restored_at.is_some()), (SAFETY, true, true));
    assert_eq!(safety.entries, row.entries, "one typed, one deleted");
    assert!(put.kept.as_ref().is_some_and(|kept| kept.is_file()));
    let back = engine.look_inside(company, &safety, &silent).await.unwrap().1.unwrap();
    assert_eq!(back.entries.counts, Counts { added: 1, changed: 1, gone: 1 });
    let undoable = engine.undoable(company).await.unwrap().expect("it can be taken back");
    assert_eq!(Some(undoable.until), put.undo_until);
    if oracle::has_gnucash() {
        let books = oracle::gnucash(&evening.book());
        assert_eq!((books.repairs.len(), books.unbalanced.len()), (0, 0));
    }

    let undone = engine.undo_restore(company, &silent).await.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(oracle::rows(&evening.book()), before);
    assert_eq!(undone.undo_until, None);
    let again = engine.undo_restore(company, &silent).await.unwrap_err();
    assert!(again.code == E_RESTORE_UNDO && again.why[0].contains("goes once"), "{again}");

    // Where the earlier file beside the book is gone or was changed, the safety backup serves.
    let put = engine.restore_in_place(company, &row, true, &silent).await.unwrap_or_else(|problem| panic!("{problem}"));
    std::fs::write(put.kept.as_ref().unwrap(), b"somebody tidied up").unwrap();
    engine.undo_restore(company, &silent).await.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(oracle::rows(&evening.book()), before);
    let work: Vec<_> = std::fs::read_dir(engine.home.work()).unwrap().map(|item| item.unwrap().file_name()).collect();
    assert!(work.is_empty(), "nothing of people's books stays lying about: {work:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_gives_back_what_is_good_and_names_the_rest_and_an_older_book() {
    let evening = Evening::begin().await;
    let engine = evening.engine();
    let older = evening.backup("older").await;
    // The book becomes another one in every page, so that the two backups share none of its pieces.
    let (_, entries) = some(&evening.book()).await;
    assert!(entries.len() > 3);
    let newer = {
        let random = "UPDATE transactions SET description = hex(randomblob(40000))";
        sql(&evening.book(), &[random]).await;
        evening.backup("newer").await
    };
    let place = engine.home.backups();
    let packs = |dir: &Path| -> Vec<PathBuf> {
        let mut all: Vec<PathBuf> = std::fs::read_dir(dir.join("data")).unwrap().flat_map(|sub| std::fs::read_dir(sub.unwrap().path()).unwrap()).map(|f| f.unwrap().path()).collect();
        all.sort_by_key(|path| std::cmp::Reverse(std::fs::metadata(path).unwrap().len()));
        all
    };
    let largest = packs(&place).remove(0);
    let mut bytes = std::fs::read(&largest).unwrap();
    for at in (1000..bytes.len() - 2000).step_by(5_000) {
        bytes[at] ^= 1;
    }
    let mut rights = std::fs::metadata(&largest).unwrap().permissions();
    #[allow(clippy::permissions_set_readonly_false)]
    rights.set_readonly(false);
    std::fs::set_permissions(&largest, rights).unwrap();
    std::fs::write(&largest, bytes).unwrap();

    let to = evening.home.path().join("what-is-good");
    let brought = engine.bring_back(&evening.company, &newer, &Part::Everything, &to, &Watcher::silent()).await.unwrap_or_else(|problem| panic!("{problem}"));
    assert!(brought.book_is_lost() && brought.files >= 3, "{brought:?}");
    assert_eq!(brought.older.as_ref().map(|o| o.id.clone()), Some(older.id.clone()));
    assert!(to.join("connector-set-up.json").is_file());
    assert!(engine.backup(&evening.company, Some(&newer.id)).await.unwrap().checked_at.is_none(), "its marks are gone");
    let told = brought.undamaged().unwrap_err();
    assert!(told.code.0 == "E-BACKUP-DAMAGED" && told.why.iter().any(|why| why.starts_with("Lost: the book (book/books.gnucash)")), "{told}");
    assert!(told.next.contains(&older.id), "{told}");

    // In place nothing is done with it, and no safety backup is taken for nothing.
    let before = oracle::rows(&evening.book());
    let refused = engine.restore_in_place(&evening.company, &newer, false, &Watcher::silent()).await.unwrap_err();
    assert_eq!(refused.code.0, "E-BACKUP-DAMAGED");
    assert_eq!((oracle::rows(&evening.book()), engine.backups(&evening.company).await.unwrap().len()), (before, 2));

    // The same with nothing but place and kit.
    let kit = evening.home.path().join("kit.txt");
    engine.write_recovery_kit(&kit).await.unwrap();
    let bytes = engine::ways_in::read_kit_file(&kit).unwrap();
    let to = evening.home.path().join("elsewhere");
    let opener = engine::reading_back::Opener::Kit(&bytes);
    let brought = bring_back_with_kit(program::changeover(), &place, opener, Some(&newer.snapshot), &Part::Everything, &to, &Watcher::silent()).await.unwrap();
    assert_eq!(brought.older.map(|o| o.id), Some(older.snapshot.clone()));
    let good = evening.home.path().join("older");
    let brought = bring_back_with_kit(program::changeover(), &place, opener, Some(&older.snapshot), &Part::Everything, &good, &Watcher::silent()).await.unwrap();
    assert!(brought.is_whole() && brought.book.is_some());
}

fn run(home: &Path, arguments: &[&str]) -> program::Ran {
    program::start(&mut program::command(home, arguments)).finish(program::DEADLINE)
}

/// The practice company through the terminal: what was posted since is looked at again, nothing is doubled, nothing is lost.
#[test]
fn after_a_restore_in_place_the_next_fetch_posts_what_is_missing_once() {
    let place = home::fresh();
    let home = place.path();
    run(home, &["practice", "run", "--seed", "7", "--payments", "20"]).expect(0);
    let book = home.join("practice/books/harbour-street-bakery.gnucash");
    let rows_before = oracle::rows(&book).len();
    let list = run(home, &["--json", "backup", "list"]).expect(0).json();
    let oldest = list["backups"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_string();
    let preview = run(home, &["backup", "preview", &oldest, "--against-today"]).expect(0);
    assert!(preview.stdout.contains("Entries since this backup:"), "{}", preview.stdout);

    let nobody = run(home, &["backup", "restore", &oldest, "--in-place"]).expect(3);
    assert!(nobody.stderr.contains("there is nobody here to ask"), "{}", nobody.stderr);
    let put = run(home, &["--json", "backup", "restore", &oldest, "--in-place", "--yes"]).expect(0).json();
    let again = put["looked_at_again"].as_u64().unwrap();
    assert!(again > 0 && put["undo_until"].is_string(), "{put}");
    let synced = run(home, &["--json", "sync"]).expect(0).json();
    let posted_once = run(home, &["--json", "sync"]).expect(0).json();
    let posted = |json: &Value| json.pointer("/0/posted").and_then(Value::as_u64);
    assert!(posted(&synced).is_some_and(|count| count > 0), "what is missing comes back: {synced}");
    assert_eq!(posted(&posted_once), Some(0), "and only once: {posted_once}");
    if oracle::has_gnucash() {
        let books = oracle::gnucash(&book);
        assert_eq!((books.repairs.len(), books.unbalanced.len()), (0, 0));
    }
    run(home, &["backup", "undo-restore", "--yes"]).expect(0);
    assert_eq!(oracle::rows(&book).len(), rows_before);
    run(home, &["log", "verify"]).expect(0);
    let words = run(home, &["log", "show"]);
    assert!(!words.stdout.contains("backup.restore"), "{}", words.stdout);
}

/// kill −9 at points of a restore in place: the book is the old one or the new one, and the next start knows which.
#[test]
fn killed_on_the_way_the_book_is_the_old_or_the_new_one() {
    let place = home::fresh();
    let home = place.path();
    run(home, &["practice", "run", "--seed", "7", "--payments", "5"]).expect(0);
    let book = home.join("practice/books/harbour-street-bakery.gnucash");
    let list = run(home, &["--json", "backup", "list"]).expect(0).json();
    let oldest = list["backups"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_string();
    let old = oracle::rows(&book);
    let restored = place.path().join("as-it-was");
    run(home, &["backup", "restore", &oldest, "--only", "book", "--to", &restored.display().to_string()]).expect(0);
    let new = oracle::rows(&restored.join("book/harbour-street-bakery.gnucash"));
    assert_ne!(old, new);
    for point in [
        "restore.safety-proved",
        "restore.intent-written",
        "restore.copied",
        "restore.kept",
        "restore.rechecked",
        "restore.renamed",
        "restore.swapped",
        "restore.outcome-written",
    ] {
        let mut command = program::command(home, ["backup", "restore", &oldest, "--in-place", "--yes"]);
        let died = program::start(command.env("CHANGEOVER_DIE_AT", point)).finish(program::DEADLINE);
        assert!(died.code != Some(0) && died.stderr.contains(point), "{point}: {:?} {}", died.code, died.stderr);
        let found = oracle::rows(&book);
        let swapped = ["restore.renamed", "restore.swapped", "restore.outcome-written"].contains(&point);
        assert!(found == if swapped { new.clone() } else { old.clone() }, "{point}");
        // The next start says what became of it, and takes it back.
        let undo = run(home, &["backup", "undo-restore", "--yes"]);
        match swapped {
            true => drop(undo.expect(0)),
            false => assert!(undo.expect(1).stderr.contains("E-RESTORE-UNDO"), "{point}"),
        }
        assert!(oracle::rows(&book) == old, "{point}");
    }
}
