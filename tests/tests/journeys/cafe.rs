//! The whole journey on a copy of a book that GnuCash's own engine made, with its own account names.
//!
//! The deposits that were once typed by hand are recognised and linked or held, never doubled. Every account that
//! the connectors do not touch ends with the balance that GnuCash computed.

use changeover_tests::bakery::{Quiet, app};
use changeover_tests::{home, oracle, program};
use engine::companies::{NewCompany, NewConnection};
use engine::progress::Watcher;
use engine::sign_in::SignInDesk;
use engine::store::movement::{self, KeyState};
use ledger::{Role, RoleMap};
use practice::{ServeOptions, Story, World};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use upgrade::Mode;

const BOOK: &str = "../shared/books/main-street-cafe.sqlite3.gnucash";
const ZONE: &str = "America/New_York";

#[tokio::test(flavor = "multi_thread")]
async fn the_cafes_own_book_is_synced_upgraded_and_rolled_back_without_doubling_a_typed_deposit() {
    let source = program::root().join(BOOK);
    if !source.exists() {
        println!("skipped: there is no folder of sample books beside the project");
        return;
    }
    let folder = home::fresh();
    let book = folder.path().join("main-street-cafe.gnucash");
    std::fs::copy(&source, &book).unwrap();
    let app = app(folder.path()).await;

    // A person looks at the file: every role has a proposal with a reason.
    let practice_home = app.practice_home();
    std::fs::create_dir_all(&practice_home).unwrap();
    let first = app.practice_engine().await.unwrap();
    let deposits = typed_deposits(&first, &book).await;
    assert!(deposits.len() > 20, "the café's book has deposits typed by hand");
    let world = World::matching_deposits(11, &deposits, "Main Street Cafe", "MLCAFE", ZONE);
    let (until, start) = (world.until(), world.first_day());
    engine::Engine::begin_practice(&first.pool, until).await.unwrap();
    let mut options = ServeOptions::new(Story::AllGoesWell, until);
    options.redirect_path = "/callback/square".to_string();
    let served = practice::serve(world, options).await.unwrap();

    // Practice clock and servers, but the café's own books: an installation of its own below the practice folder.
    let engine = reopen(&app).await;
    let inspection = engine.inspect_books(&book, "square", "1").await.unwrap();
    let mut roles = RoleMap::default();
    for proposal in &inspection.proposals {
        assert!(!proposal.reasons.is_empty());
        roles.bind(proposal.role, proposal.account.clone());
    }
    assert_eq!(roles.missing(inspection.needed.iter().copied()), Vec::<Role>::new(), "every needed role is proposed");
    let zone = jiff::tz::TimeZone::get(ZONE).unwrap();
    let (company, connection) = engine
        .add_company(
            NewCompany { name: "Main Street Cafe".into(), books_path: book.clone(), zone: ZONE.into(), practice: true },
            NewConnection {
                provider: "square".into(),
                environment: "practice".into(),
                endpoints: Some(json!({"base": served.base_url})),
                client_id: served.client_id.clone(),
                connector: "square".into(),
                version: "1".into(),
                roles: roles.clone(),
                sync_from: start.to_zoned(zone).unwrap().timestamp(),
            },
        )
        .await
        .unwrap_or_else(|problem| panic!("{problem}"));
    let desk = SignInDesk::unattended(Arc::new(api::practice_company::ScriptedBrowser));
    engine.sign_in(&company, &connection, "1", &desk).await.unwrap_or_else(|problem| panic!("{problem}"));
    let connection = engine.connection(&company, None).await.unwrap();
    let bank = roles.get(Role::Bank).unwrap().clone();
    let before = engine.books(&company).await.unwrap().balances(None).await.unwrap();

    let synced = engine.sync(&company, &connection, &Watcher::silent()).await.unwrap_or_else(|problem| panic!("{problem}"));
    assert!(synced.linked > 0, "typed deposits are recognised: {synced:?}");
    let known = movement::known(&engine.pool, &connection.id).await.unwrap();
    let linked: BTreeSet<&str> = known.identities.values().filter(|i| i.state == KeyState::Linked).map(|i| i.entry_id.as_str()).collect();
    assert_eq!(linked.len(), deposits.len(), "each typed deposit holds one payout");

    // What is new on the bank account is exactly the payouts nobody had typed.
    let after = engine.books(&company).await.unwrap().balances(None).await.unwrap();
    let posted: i64 = known.entries.values().flat_map(|e| &e.entry.lines).filter(|l| l.account == bank).map(|l| l.amount.minor).sum();
    assert_eq!(after[&bank].minor - before[&bank].minor, posted);

    let synced_copy = folder.path().join("synced.gnucash");
    std::fs::copy(&book, &synced_copy).unwrap();
    let upgrade = app.practice_plan(&company, &connection).await.unwrap_or_else(|problem| panic!("{problem}"));
    let ended = run_without_days(&app, &upgrade, &served).await;
    assert!(matches!(ended.mode, Mode::Running | Mode::Waiting { .. }), "{:?} {:?}", ended.mode, ended.checks);
    let balances = engine.books(&company).await.unwrap().balances(None).await.unwrap();
    let touched: BTreeSet<&ledger::AccountId> = roles.0.values().collect();
    for (account, was) in before.iter().filter(|(account, _)| !touched.contains(account)) {
        assert_eq!(balances.get(account), Some(was), "an account of nobody's connector moved");
    }

    let owner = upgrade::Person { name: "Owner".into(), role: upgrade::PersonRole::Owner };
    engine.record(&upgrade, upgrade::Event::RollBackRequested { by: owner, reason: "test".into(), at: engine.now() }).await.unwrap();
    let around = engine::upgrading::runner::Surroundings { watcher: Watcher::silent(), desk };
    let state = engine.run_upgrade(&upgrade, &around).await.unwrap();
    assert_eq!(state.mode, Mode::RolledBack, "{:?}", state.rollback_checks);
    oracle::same_rows(&synced_copy, &book);
    if oracle::has_gnucash() {
        let books = oracle::gnucash(&book);
        assert_eq!((books.repairs.len(), books.unbalanced.len()), (0, 0), "{:?}", books.repairs);
    }
    let _ = Quiet;
    served.shutdown().await;
}

/// Deposits on the checking account that a person typed, as the processor's world must have paid them.
async fn typed_deposits(engine: &engine::Engine, book: &std::path::Path) -> Vec<(jiff::civil::Date, i64)> {
    let inspection = engine.inspect_books(book, "square", "1").await.unwrap();
    let bank = inspection.proposals.iter().find(|p| p.role == Role::Bank).expect("a bank account is proposed").account.clone();
    let opened = engine::books_port::open(book).await.unwrap();
    let entries = opened.entries(books::Period::ALL).await.unwrap();
    let mut deposits: Vec<(jiff::civil::Date, i64)> = entries
        .iter()
        .filter(|e| e.description.contains("SQ *"))
        .flat_map(|e| e.lines.iter().filter(|l| l.account == bank).map(|l| (e.date, l.amount.minor)))
        .collect();
    deposits.sort();
    deposits
}

/// The practice engine opened again, now with its clock.
async fn reopen(app: &api::App) -> Arc<engine::Engine> {
    app.practice_reopen().await.unwrap_or_else(|problem| panic!("{problem}"))
}

/// Through every stage up to the watch, yes at each gate.
async fn run_without_days(app: &api::App, upgrade: &str, _served: &practice::Served) -> upgrade::State {
    let engine = app.practice_engine().await.unwrap();
    let around = engine::upgrading::runner::Surroundings {
        watcher: Watcher::silent(),
        desk: SignInDesk::unattended(Arc::new(api::practice_company::ScriptedBrowser)),
    };
    let owner = upgrade::Person { name: "Owner".into(), role: upgrade::PersonRole::Owner };
    loop {
        let state = engine.run_upgrade(upgrade, &around).await.unwrap_or_else(|problem| panic!("{problem}"));
        match state.mode {
            Mode::Waiting { .. } => {
                engine.approve(upgrade, owner.clone(), None).await.unwrap_or_else(|problem| panic!("{problem}"));
            }
            _ => return state,
        }
    }
}
