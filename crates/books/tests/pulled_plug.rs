//! Whatever goes wrong at whatever moment: the books are the old ones or the new ones, whole.

mod support;
use books::*;
use ledger::Touched;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::*;

const FULL_DISK: i32 = 28;

#[tokio::test]
async fn a_failure_after_any_step_leaves_the_old_or_the_new_books_and_says_which() {
    for failing in Step::ALL {
        let Some(p) = practice() else { return };
        let books = p.open().await;
        let before = std::fs::read(&p.path).unwrap();
        let change = posting(vec![p.sale(1, "2026-01-05", 10_000)]);
        let mut pull = |step| {
            if step == *failing {
                Err(io::Error::from_raw_os_error(FULL_DISK))
            } else {
                Ok(())
            }
        };
        let problem = books.apply_watched(&change, &mut |_| {}, &mut pull).await.unwrap_err();
        assert_eq!(problem.code, E_BOOKS_DISK, "{failing:?}: {problem}");
        assert!(problem.next.contains("Make room"), "{problem}");
        let is_there = books.find(&change.post[0].covers).await.unwrap().len();
        if *failing < Step::Swapped {
            assert_eq!(problem.touched, Touched::Nothing, "{failing:?}");
            assert!(std::fs::read(&p.path).unwrap() == before, "{failing:?}");
            assert_eq!(p.litter(), Vec::<String>::new(), "{failing:?}");
            assert_eq!(is_there, 0);
            apply(&books, &change).await.unwrap();
        } else {
            assert_eq!(problem.touched, Touched::Books, "{failing:?}");
            assert_eq!(is_there, 2);
            assert_eq!(books.kept().unwrap().len(), 1);
            assert!(std::fs::read(&books.kept().unwrap()[0]).unwrap() == before);
            refused(&p, &change, E_BOOKS_KEY_TAKEN).await;
        }
    }
}

#[tokio::test]
async fn a_failure_while_a_whole_book_is_put_in_place_leaves_the_old_or_the_new_one() {
    let steps = [Step::Locked, Step::Copied, Step::Checked, Step::Synced, Step::Kept, Step::Rechecked, Step::Swapped, Step::FolderSynced, Step::ReadBack];
    for failing in steps {
        let Some(p) = practice() else { return };
        let books = p.open().await;
        let folder = tempfile::tempdir().unwrap();
        let other = books.snapshot_to(folder.path()).await.unwrap();
        apply(&books, &posting(vec![p.sale(1, "2026-01-05", 10_000)])).await.unwrap();
        for kept in books.kept().unwrap() {
            std::fs::remove_file(kept).unwrap();
        }
        let (before, coming) = (std::fs::read(&p.path).unwrap(), std::fs::read(&other).unwrap());
        assert!(before != coming);
        let now = "2026-01-06T00:00:00Z".parse().unwrap();
        let mut pull = |step| if step == failing { Err(io::Error::from_raw_os_error(FULL_DISK)) } else { Ok(()) };
        let problem = books.replace(&other, now, &mut pull).await.unwrap_err();
        let found = std::fs::read(&p.path).unwrap();
        if failing < Step::Swapped {
            assert_eq!(problem.touched, Touched::Nothing, "{failing:?}");
            assert!(found == before, "{failing:?}");
            assert_eq!(p.litter(), Vec::<String>::new(), "{failing:?}");
            let done = books.replace(&other, now, &mut |_| Ok(())).await.unwrap();
            assert!(std::fs::read(&p.path).unwrap() == coming && std::fs::read(done.kept).unwrap() == before);
        } else {
            assert_eq!(problem.touched, Touched::Books, "{failing:?}");
            assert!(found == coming, "{failing:?}");
            assert!(std::fs::read(&books.kept().unwrap()[0]).unwrap() == before, "{failing:?}");
        }
        assert!(std::fs::read(&other).unwrap() == coming, "what is put in place stays where it was");
    }
}

const CHILD_STEP: &str = "CHANGEOVER_TEST_ABORT_AFTER";
const CHILD_BOOK: &str = "CHANGEOVER_TEST_BOOK";

fn again(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]);
    command
}

/// The same sale, with the accounts looked up in the book.
async fn sale_in(books: &GnuCashSqlite, number: u32) -> ledger::Entry {
    let accounts = books.describe().await.unwrap().accounts;
    let line = |name: &str, minor| ledger::Line {
        account: accounts.iter().find(|a| a.full_name == name).unwrap().id.clone(),
        amount: ledger::Money::new(minor, ledger::Currency::of("USD").unwrap()),
        memo: String::new(),
    };
    let key = ledger::EntryKey::new(format!("square:payment:{number}")).unwrap();
    let lines = vec![line("Assets:Square Balance", 1_000), line("Income:Sales", -1_000)];
    ledger::Entry {
        covers: vec![key.clone()],
        key,
        key_account: lines[0].account.clone(),
        date: "2026-01-05".parse().unwrap(),
        description: "Card payment".into(),
        reference: String::new(),
        lines,
    }
}

#[tokio::test]
async fn a_killed_process_leaves_the_old_or_the_new_books_and_the_next_run_cleans_up() {
    if let (Ok(step), Some(book)) = (std::env::var(CHILD_STEP), std::env::var_os(CHILD_BOOK)) {
        let books = GnuCashSqlite::open(Path::new(&book)).await.unwrap();
        let change = posting(vec![sale_in(&books, 1).await]);
        let mut kill = |at: Step| if format!("{at:?}") == step { std::process::abort() } else { Ok(()) };
        let outcome = books.apply_watched(&change, &mut |_| {}, &mut kill).await;
        panic!("was not killed: {outcome:?}");
    }
    for step in Step::ALL {
        let Some(p) = practice() else { return };
        let before = std::fs::read(&p.path).unwrap();
        let status = again("a_killed_process_leaves_the_old_or_the_new_books_and_the_next_run_cleans_up")
            .env(CHILD_STEP, format!("{step:?}"))
            .env(CHILD_BOOK, &p.path)
            .output()
            .unwrap();
        assert_eq!(status.status.code(), None, "{step:?}: {}", String::from_utf8_lossy(&status.stderr));
        // Whole at once, before anything is cleaned up.
        let books = p.open().await;
        let sale = sale_in(&books, 1).await;
        let there = books.find(&sale.covers).await.unwrap().len();
        assert_eq!(there, usize::from(*step >= Step::Swapped), "{step:?}");
        let kept = if there == 1 { 1 } else { 0 };
        if there == 0 {
            assert!(std::fs::read(&p.path).unwrap() == before);
        }
        GnuCashSqlite::clean_up_partials(&p.path).unwrap();
        assert_eq!(p.litter().len(), kept, "{step:?}: {:?}", p.litter());
        let change = posting(vec![sale]);
        if there == 0 {
            apply(&books, &change).await.unwrap();
        } else {
            refused(&p, &change, E_BOOKS_KEY_TAKEN).await;
        }
        agrees(&p).await;
    }
}

const CHILD_LIMIT: &str = "CHANGEOVER_TEST_LIMITED";

#[tokio::test]
async fn a_disk_that_fills_up_during_the_copy_or_the_writing_leaves_the_books_untouched() {
    if let Some(book) = std::env::var_os(CHILD_LIMIT) {
        let path = PathBuf::from(book);
        let books = GnuCashSqlite::open(&path).await.unwrap();
        let one = sale_in(&books, 0).await;
        let post = (0..2_000)
            .map(|n| {
                let key = ledger::EntryKey::new(format!("square:payment:{n}")).unwrap();
                ledger::Entry {
                    key: key.clone(),
                    covers: vec![key],
                    ..one.clone()
                }
            })
            .collect();
        let problem = apply(&books, &posting(post)).await.unwrap_err();
        assert_eq!((problem.code, problem.touched), (E_BOOKS_DISK, Touched::Nothing), "{problem}");
        assert!(problem.also.is_empty(), "{problem}");
        println!("the limit was met");
        return;
    }
    let Some(p) = practice() else { return };
    let before = std::fs::read(&p.path).unwrap();
    // In 512-byte blocks: less than the copy, and the copy but not the 2,000 entries.
    for blocks in [before.len() / 1024, before.len() / 512 + 64] {
        let test = "a_disk_that_fills_up_during_the_copy_or_the_writing_leaves_the_books_untouched";
        let output = Command::new("/bin/sh")
            .args(["-c", "trap '' XFSZ; ulimit -f \"$1\"; exec \"$2\" --exact \"$3\" --nocapture", "sh"])
            .arg(blocks.to_string())
            .arg(std::env::current_exe().unwrap())
            .arg(test)
            .env(CHILD_LIMIT, &p.path)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("the limit was met"),
            "{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(std::fs::read(&p.path).unwrap() == before);
        assert_eq!(p.litter(), Vec::<String>::new());
    }
}

/// Runs an edit on its own thread, because the plug is pulled in the middle of an asynchronous call.
fn meanwhile(path: &Path, sql: &'static str) {
    let path = path.to_path_buf();
    std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(tamper(&path, sql))
    })
    .join()
    .unwrap();
}

#[tokio::test]
async fn an_edit_or_a_lock_that_arrives_during_the_change_stops_it_and_is_not_lost() {
    for (sql, code) in [
        ("UPDATE transactions SET description = 'edited meanwhile'", E_BOOKS_CHANGED),
        ("INSERT INTO gnclock VALUES ('laptop', 4711)", E_BOOKS_OPEN),
    ] {
        for at in [Step::Locked, Step::Copied, Step::Written, Step::Synced, Step::Kept] {
            let Some(p) = practice() else { return };
            let books = p.open().await;
            let path = p.path.clone();
            let mut edit = move |step| {
                if step == at {
                    meanwhile(&path, sql);
                }
                Ok(())
            };
            let problem = books
                .apply_watched(&posting(vec![p.sale(1, "2026-01-05", 100)]), &mut |_| {}, &mut edit)
                .await
                .unwrap_err();
            // Where the copy is compared with the books before the last look, the difference is found there.
            let expected = if at == Step::Copied || at == Step::Written {
                [E_BOOKS_READBACK, code]
            } else {
                [code, code]
            };
            assert!(expected.contains(&problem.code), "{at:?}: {problem}");
            assert_eq!(problem.touched, Touched::Nothing, "{at:?}: {problem}");
            assert_eq!(p.litter(), Vec::<String>::new(), "{at:?}");
            if code == E_BOOKS_CHANGED {
                assert!(
                    books
                        .entries(Period::ALL)
                        .await
                        .unwrap()
                        .iter()
                        .all(|entry| entry.description == "edited meanwhile")
                );
            } else {
                assert_eq!(books.describe().await.unwrap().lock.unwrap().pid, Some(4711));
            }
        }
    }
}

#[tokio::test]
async fn gnucash_cannot_open_the_book_between_the_last_look_and_the_swap() {
    let Some(p) = practice() else { return };
    let script = format!(
        "import gnucash\ns = gnucash.Session('sqlite3://{}', gnucash.SessionOpenMode.SESSION_NORMAL_OPEN)\nprint('opened')\ns.end()",
        p.path.display()
    );
    let opens = || {
        let output = Command::new("/usr/bin/python3").args(["-c", &script]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).contains("opened")
    };
    assert!(opens());
    let mut could_open = None;
    let mut try_to_open = |step| {
        if step == Step::Rechecked {
            could_open = Some(opens());
        }
        Ok(())
    };
    p.open()
        .await
        .apply_watched(&posting(vec![p.sale(1, "2026-01-05", 100)]), &mut |_| {}, &mut try_to_open)
        .await
        .unwrap();
    assert_eq!(could_open, Some(false));
    assert!(opens());
    agrees(&p).await;
}

#[tokio::test]
async fn a_copy_or_books_that_do_not_read_back_as_meant_are_reported() {
    let Some(p) = practice() else { return };
    let books = p.open().await;
    let copy = p.path.with_file_name(".changeover-bakery.gnucash.partial");
    let before = std::fs::read(&p.path).unwrap();
    for (sql, words) in [
        (
            "UPDATE splits SET memo = 'stranger' WHERE memo = 'by hand'",
            "do not belong to this change",
        ),
        ("DELETE FROM prices; DELETE FROM slots WHERE name = 'notes'", "lost or changed"),
        (
            "UPDATE splits SET value_num = value_num + 1, quantity_num = quantity_num + 1 WHERE memo LIKE 'memo Income%'",
            "is off by 1",
        ),
        (
            "UPDATE slots SET gdate_val = '20260106' WHERE gdate_val = '20260105'",
            "the day was meant to be",
        ),
        (
            "DELETE FROM slots WHERE name = 'online_id'; DELETE FROM slots WHERE name = 'changeover-keys'",
            "list of movements",
        ),
    ] {
        let path = copy.clone();
        let mut spoil = move |step| {
            if step == Step::Written {
                meanwhile(&path, sql);
            }
            Ok(())
        };
        let problem = books
            .apply_watched(&posting(vec![p.sale(1, "2026-01-05", 100)]), &mut |_| {}, &mut spoil)
            .await
            .unwrap_err();
        assert_eq!((problem.code, problem.touched), (E_BOOKS_READBACK, Touched::Nothing), "{problem}");
        assert!(problem.why.iter().any(|why| why.contains(words)), "{words}: {problem}");
        assert!(std::fs::read(&p.path).unwrap() == before);
        assert_eq!(p.litter(), Vec::<String>::new());
    }
    let path = p.path.clone();
    let mut spoil = move |step| {
        if step == Step::Swapped {
            meanwhile(&path, "UPDATE transactions SET num = 'stranger' WHERE num = 'R-1'");
        }
        Ok(())
    };
    let problem = books
        .apply_watched(&posting(vec![p.sale(1, "2026-01-05", 100)]), &mut |_| {}, &mut spoil)
        .await
        .unwrap_err();
    assert_eq!((problem.code, problem.touched), (E_BOOKS_READBACK, Touched::Books), "{problem}");
    assert!(
        problem.why.iter().any(|why| why.contains("the reference")) && problem.why.iter().any(|why| why.contains(".changeover")),
        "{problem}"
    );
}

/// A thousand looks at a lock of a change that takes milliseconds; a hang would end here.
const MOST_TRIES: usize = 2_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_that_come_at_once_are_refused_or_done_but_never_lost() {
    let Some(p) = practice() else { return };
    let mut tasks = Vec::new();
    for number in 0..6 {
        let (path, change) = (p.path.clone(), posting(vec![p.sale(number, "2026-01-05", 1_000)]));
        tasks.push(tokio::spawn(async move {
            let books = GnuCashSqlite::open(&path).await.unwrap();
            for _ in 0..MOST_TRIES {
                match apply(&books, &change).await {
                    Ok(applied) => return applied,
                    Err(problem) => {
                        assert_eq!((problem.code, problem.touched), (E_BOOKS_OPEN, Touched::Nothing), "{problem}");
                        assert!(matches!(problem.retry, ledger::Retry::Later { .. }), "{problem}");
                        tokio::task::yield_now().await;
                    }
                }
            }
            panic!("the lock was never free");
        }));
    }
    for task in tasks {
        assert_eq!(task.await.unwrap().posted.len(), 1);
    }
    let books = p.open().await;
    assert_eq!(books.all_keys().await.unwrap().len(), 12);
    assert_eq!(books.kept().unwrap().len(), 6);
    assert_eq!(p.litter().len(), 6, "{:?}", p.litter());
    agrees(&p).await;
}

#[tokio::test]
async fn earlier_books_are_kept_word_for_word_and_pruned_oldest_first() {
    let Some(p) = practice() else { return };
    let books = p.open().await;
    let mut earlier = Vec::new();
    for number in 0..4 {
        earlier.push(std::fs::read(&p.path).unwrap());
        let applied = apply(&books, &posting(vec![p.sale(number, "2026-01-05", 1_000)])).await.unwrap();
        assert_eq!(applied.kept.as_ref(), books.kept().unwrap().last());
    }
    for (kept, bytes) in books.kept().unwrap().iter().zip(&earlier) {
        assert!(std::fs::read(kept).unwrap() == *bytes);
    }
    assert_eq!(books.prune_kept(1).unwrap().len(), 3);
    let left = books.kept().unwrap();
    assert_eq!(left.len(), 1);
    assert!(std::fs::read(&left[0]).unwrap() == earlier[3]);
    let nothing = apply(&books, &ChangeSet::at(now())).await.unwrap();
    assert_eq!((nothing.kept, nothing.before), (None, nothing.after));
}

#[cfg(unix)]
#[tokio::test]
async fn the_changed_book_keeps_its_access_rights_and_a_link_stays_a_link() {
    use std::os::unix::fs::PermissionsExt;
    let Some(p) = practice() else { return };
    std::fs::set_permissions(&p.path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let elsewhere = tempfile::TempDir::new().unwrap();
    let link = elsewhere.path().join("link.gnucash");
    std::os::unix::fs::symlink(&p.path, &link).unwrap();
    let books = GnuCashSqlite::open(&link).await.unwrap();
    apply(&books, &posting(vec![p.sale(1, "2026-01-05", 1_000)])).await.unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(std::fs::metadata(&p.path).unwrap().permissions().mode() & 0o777, 0o640);
    agrees(&p).await;
}
