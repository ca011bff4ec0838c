//! Rolling back from every gate: balances, entries and every stored row are those from before.

use changeover_tests::bakery::Bakery;
use changeover_tests::oracle;
use upgrade::{Gate, Mode, Verdict};

async fn back_from(gate: Gate) {
    let bakery = Bakery::open("all-goes-well").await;
    let before = bakery.book_copy("before.gnucash");
    let upgrade = bakery.plan().await;
    bakery.run_to(&upgrade, gate).await;
    let state = bakery.roll_back(&upgrade).await;
    assert_eq!(state.mode, Mode::RolledBack, "{:?} {:?}", state.rollback_checks, state.problems);
    assert!(state.rollback_checks.iter().all(|c| c.verdict == Verdict::Pass || c.verdict == Verdict::NotApplicable), "{:?}", state.rollback_checks);
    oracle::same_rows(&before, &bakery.book());

    // The old connector goes on as if nothing had been.
    let connection = bakery.engine.connection(&bakery.company, None).await.unwrap();
    assert_eq!(connection.version, "1");
    let again = bakery.engine.sync(&bakery.company, &connection, &engine::progress::Watcher::silent()).await.unwrap();
    assert_eq!((again.posted, again.fenced), (0, false));
    if oracle::has_gnucash() {
        let books = oracle::gnucash(&bakery.book());
        assert_eq!((books.repairs.len(), books.unbalanced.len()), (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rollback_before_the_canary_leaves_every_row_as_it_was() {
    back_from(Gate::BeforeCanary).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rollback_after_the_canary_leaves_every_row_as_it_was() {
    back_from(Gate::AfterCanary).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rollback_before_the_cut_over_leaves_every_row_as_it_was() {
    back_from(Gate::BeforeCutOver).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rollback_in_the_watch_takes_out_what_came_since_and_the_old_connector_posts_it_once() {
    let bakery = Bakery::open("all-goes-well").await;
    let before = bakery.book_copy("before.gnucash");
    let upgrade = bakery.plan().await;
    bakery.run_to(&upgrade, Gate::BeforeCutOver).await;
    bakery.engine.approve(&upgrade, bakery.owner(), None).await.unwrap();
    bakery.engine.run_upgrade(&upgrade, &bakery.around()).await.unwrap();
    for _ in 0..3 {
        let next = bakery.engine.now().checked_add(jiff::SignedDuration::from_hours(24)).unwrap();
        bakery.app.practice_now(next).await.unwrap();
        bakery.engine.watch_today(&upgrade, &engine::progress::Watcher::silent()).await.unwrap();
    }
    let state = bakery.roll_back(&upgrade).await;
    assert_eq!(state.mode, Mode::RolledBack, "{:?} {:?}", state.rollback_checks, state.problems);
    oracle::same_rows(&before, &bakery.book());
    let connection = bakery.engine.connection(&bakery.company, None).await.unwrap();
    let first = bakery.engine.sync(&bakery.company, &connection, &engine::progress::Watcher::silent()).await.unwrap();
    assert!(first.posted > 0, "three days of payments belong to the old connector again");
    let second = bakery.engine.sync(&bakery.company, &connection, &engine::progress::Watcher::silent()).await.unwrap();
    assert_eq!(second.posted, 0);
}
