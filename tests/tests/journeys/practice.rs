//! The practice upgrade from taking stock to finish, judged by GnuCash and by the practice Square's own truth.

use changeover_tests::bakery::Bakery;
use changeover_tests::oracle;
use upgrade::{Mode, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn the_upgrade_ends_finished_with_nothing_unexplained_doubled_or_lost() {
    let bakery = Bakery::open("all-goes-well").await;
    let before = bakery.book_copy("before.gnucash");
    let upgrade = bakery.plan().await;
    let ended = bakery.run_through(&upgrade).await;
    assert_eq!(ended.state.mode, Mode::Finished, "{:?}", ended.state.checks);
    assert_eq!(ended.verdict.as_deref(), Some("0.00 USD unexplained, 0 doubled, 0 lost"));
    assert!(ended.state.retired);
    let connection = bakery.engine.connection(&bakery.company, None).await.unwrap();
    assert_eq!(connection.version, "2", "the new connector is the settled one");

    // Running day to day again changes nothing.
    let settled = bakery.book_copy("settled.gnucash");
    let again = bakery.engine.sync(&bakery.company, &connection, &engine::progress::Watcher::silent()).await.unwrap();
    assert_eq!(again.posted, 0);
    oracle::same_rows(&settled, &bakery.book());

    if !oracle::has_gnucash() {
        return;
    }
    let (was, is) = (oracle::gnucash(&before), oracle::gnucash(&bakery.book()));
    assert_eq!((is.repairs.len(), is.unbalanced.len()), (0, 0), "{:?} {:?}", is.repairs, is.unbalanced);
    for account in ["Expenses:Rent", "Expenses:Wages", "Equity:Opening balances"] {
        let found = was.balances.iter().find(|(name, _)| name.ends_with(account));
        if let Some((name, balance)) = found {
            assert_eq!(is.balances.get(name), Some(balance), "{name} belongs to nobody's connector");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn books_agree_with_what_square_itself_says_after_the_upgrade() {
    let bakery = Bakery::open("all-goes-well").await;
    let upgrade = bakery.plan().await;
    let ended = bakery.run_through(&upgrade).await;
    assert_eq!(ended.state.stage, Stage::Finished);
    let truth = bakery.app.practice_truth().await.expect("the practice servers run");
    let connection = bakery.engine.connection(&bakery.company, None).await.unwrap();
    let balances = bakery.engine.books(&bakery.company).await.unwrap().balances(None).await.unwrap();
    let of = |role| connection.roles.get(role).and_then(|account| balances.get(account)).map(|money| money.minor);
    assert_eq!(of(ledger::Role::Clearing), Some(truth.balance_cents), "the clearing account is Square's balance");
    assert_eq!(of(ledger::Role::Held), Some(truth.held_cents), "funds held in disputes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_that_drops_refunds_halts_at_the_shadow_run_with_the_books_untouched() {
    let bakery = Bakery::open("connector-drops-refunds").await;
    let before = std::fs::read(bakery.book()).unwrap();
    let upgrade = bakery.plan().await;
    let ended = bakery.run_through(&upgrade).await;
    assert_eq!(ended.state.mode, Mode::Halted { checks: vec![upgrade::CheckId::ShadowUnexplainedZero] });
    assert_eq!(ended.state.stage, Stage::Reauthorized, "the shadow run was not passed");
    assert_eq!(std::fs::read(bakery.book()).unwrap(), before, "not one byte of the books changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_to_another_company_changes_nothing_and_names_both() {
    let bakery = Bakery::open("wrong-company").await;
    let access = bakery.engine.vault.describe(&bakery.connection.id).await.unwrap();
    let desk = bakery.around().desk;
    let problem = bakery.engine.sign_in(&bakery.company, &bakery.connection, "2", &desk).await.unwrap_err();
    assert_eq!(problem.code.0, "E-SIGN-IN-OTHER-COMPANY");
    let told = problem.to_string();
    assert!(told.contains("Harbour Street Bakery") && told.contains("Harbor Street Bagels"), "{told}");
    let now = bakery.engine.vault.describe(&bakery.connection.id).await.unwrap();
    assert_eq!(now.len(), access.len(), "no access was stored");
    assert!(bakery.engine.sync(&bakery.company, &bakery.connection, &engine::progress::Watcher::silent()).await.is_ok(), "the old access still works");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_consent_leaves_the_old_access_working() {
    let bakery = Bakery::open("consent-refused").await;
    let desk = bakery.around().desk;
    let problem = bakery.engine.sign_in(&bakery.company, &bakery.connection, "2", &desk).await.unwrap_err();
    assert_eq!(problem.code.0, "E-SIGN-IN-REFUSED");
    assert!(bakery.engine.sync(&bakery.company, &bakery.connection, &engine::progress::Watcher::silent()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_permissions_than_needed_do_not_pass_the_reconnect() {
    let bakery = Bakery::open("fewer-permissions").await;
    let upgrade = bakery.plan().await;
    let state = bakery.run_to_end_of_sign_in(&upgrade).await;
    assert_eq!(state.stage, Stage::Rehearsed);
    assert!(matches!(&state.mode, Mode::Halted { checks } if checks.contains(&upgrade::CheckId::PermissionsSufficient)), "{:?}", state.mode);
}
