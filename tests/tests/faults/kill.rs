//! kill −9 at every effect of the practice upgrade: a new start finishes it, and the books are those of an
//! undisturbed run.
//!
//! The journey runs in a process of its own (this very test program, asked by an environment variable), because
//! only a process can die. The point at which it dies is one of `engine::crash`.

use api::App;
use changeover_tests::bakery::{self, Quiet};
use changeover_tests::{home, oracle, program};
use engine::progress::Watcher;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use upgrade::Mode;

const CHILD: &str = "CHANGEOVER_TEST_CHILD_HOME";
const POINTS_FILE: &str = "points-reached";
/// Movements beside the special cases: as few as there can be, the sweep repeats them often.
const PAYMENTS: usize = 1;
/// A sample for a test run; `cargo xtask faults kill` takes every point.
const SAMPLE: usize = 6;

/// Not a test of its own: what the child process runs. Without the variable it has nothing to do.
#[test]
fn child_process_of_the_kill_sweep() {
    let Some(home) = std::env::var_os(CHILD) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_stack_size(8 << 20).enable_all().build().unwrap();
    runtime.block_on(journey(Path::new(&home)));
}

/// From wherever an earlier process ended to the end.
async fn journey(home: &Path) {
    let app: App = bakery::app(home).await;
    let (company, connection, open) = match app.practice_resume().await {
        Ok(found) => found,
        Err(_) => {
            let (company, connection) =
                app.practice_make(7, "all-goes-well", Some(PAYMENTS), &Watcher::silent()).await.unwrap_or_else(|problem| panic!("{problem}"));
            (company, connection, None)
        }
    };
    let upgrade = match open {
        Some(upgrade) => upgrade,
        None => app.practice_plan_watching(&company, &connection, 1).await.unwrap_or_else(|problem| panic!("{problem}")),
    };
    let ended = app.practice_carry_on(&upgrade, &Quiet, &Watcher::silent()).await.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(ended.state.mode, Mode::Finished, "{:?} {:?}", ended.state.stage, ended.state.problems);
    assert_eq!(ended.verdict.as_deref(), Some("0.00 USD unexplained, 0 doubled, 0 lost"));
    std::fs::write(home.join(POINTS_FILE), engine::crash::reached().to_string()).unwrap();
}

fn child(home: &Path, die_at: Option<u64>) -> program::Running {
    let mut command = Command::new(std::env::current_exe().expect("the test program"));
    command.args(["--exact", "kill::child_process_of_the_kill_sweep", "--nocapture", "--test-threads=1"]);
    command.env(CHILD, home).env("CHANGEOVER_BIN", program::changeover()).env_remove("CHANGEOVER_DIE_AT");
    // "#0" is never reached, but makes the points count.
    command.env("CHANGEOVER_DIE_AT", format!("#{}", die_at.unwrap_or(0)));
    program::start(&mut command)
}

fn book(home: &Path) -> PathBuf {
    home.join("practice/books/harbour-street-bakery.gnucash")
}

#[test]
fn after_a_kill_at_any_effect_a_restart_finishes_and_never_posts_twice() {
    let undisturbed = home::fresh();
    child(undisturbed.path(), None).finish(Duration::from_secs(300)).expect(0);
    let expected = entries(&book(undisturbed.path()));
    let points: u64 = std::fs::read_to_string(undisturbed.path().join(POINTS_FILE)).unwrap().parse().unwrap();
    assert!(points > 40, "the journey passes its crash points, {points} of them");

    let every: Vec<u64> = (1..=points).collect();
    let chosen: Vec<u64> = match super::full() {
        true => every,
        // Spread over the whole journey; the last point is behind the last effect.
        false => (1..=SAMPLE as u64).map(|n| n * points / (SAMPLE as u64 + 1)).collect(),
    };
    for at in &chosen {
        let folder = home::fresh();
        let died = child(folder.path(), Some(*at)).finish(Duration::from_secs(300));
        assert_ne!(died.code, Some(0), "point {at} of {points} was not reached");
        let point = died.stderr.lines().find(|line| line.contains("died at point")).unwrap_or("").to_string();
        child(folder.path(), None).finish(Duration::from_secs(300)).expect(0);
        let found = entries(&book(folder.path()));
        assert_eq!(found, expected, "{point}");
        if oracle::has_gnucash() {
            let books = oracle::gnucash(&book(folder.path()));
            assert_eq!((books.repairs.len(), books.unbalanced.len()), (0, 0), "{point}");
        }
    }
    println!("killed at {} of {points} points, 0 doubled, 0 lost", chosen.len());
}

/// Every row of every entry, but for the instant of entry, which is the time of the run.
fn entries(book: &Path) -> Vec<String> {
    oracle::rows(book)
        .into_iter()
        .map(|row| match row.split_once("enter_date=") {
            Some((before, after)) => format!("{before}{}", after.split_once(' ').map_or("", |(_, rest)| rest)),
            None => row,
        })
        .collect()
}
