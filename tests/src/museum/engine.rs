//! Errors of the engine: its folder, its store, its companies, its changes and its upgrades.

use super::harbour::{Bakery, WORLD, account, bakery, entry, roles, sale, tamper};
use super::{OrPanic, child, working};
use crate::errors::Exhibit;
use authorization::Environment;
use connector::{BoxFuture, PageRequest, PageResponse, Processor};
use engine::changes::{self, Intent, PlannedEntry};
use engine::companies::{NewCompany, NewConnection};
use engine::engine::{Opening, SecretsIn};
use engine::progress::Watcher;
use engine::sign_in::SignInDesk;
use engine::store::company::{Company, Connection};
use engine::store::movement::{self, ChangeState, StoredChange};
use engine::upgrading::planning::Wishes;
use engine::upgrading::runner::Surroundings;
use engine::{Engine, Home, backups, store};
use ledger::Problem;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use upgrade::{Mode, PauseReason, Person, PersonRole, State};

pub const PROVOKE: &[fn() -> Exhibit] = &[
    home,
    file,
    timer,
    disk_full,
    store_broken,
    store_unknown,
    store_version,
    company_unknown,
    company_taken,
    zone_unknown,
    connection_unknown,
    connection_ambiguous,
    account_there,
    account_read,
    account_practice,
    connector_unknown,
    change_torn,
    change_missing,
    sync_busy,
    cancelled,
    backup_none,
    backup_totals,
    kit_unconfirmed,
    passphrase_there,
    upgrade_unknown,
    upgrade_open,
    upgrade_none,
    upgrade_fact,
];

/// An installation in the bakery's folder.
pub struct Installed {
    pub bakery: Bakery,
    pub engine: Engine,
}

impl Installed {
    pub fn home(&self) -> PathBuf {
        home_of(&self.bakery)
    }

    fn exhibit<T>(&self, result: Result<T, Problem>) -> Exhibit {
        match result {
            Ok(_) => panic!("this should have been refused"),
            Err(problem) => self.shown(problem),
        }
    }

    fn shown(&self, problem: Problem) -> Exhibit {
        Exhibit::of(problem).replacing(self.bakery.folder.path().to_string_lossy(), "<folder>")
    }
}

pub fn home_of(bakery: &Bakery) -> PathBuf {
    bakery.folder.path().join("home")
}

pub async fn open(home: &Path) -> Result<Engine, Problem> {
    let home = home.to_path_buf();
    Engine::open(Opening { home, secrets: SecretsIn::Session, worker: Some(child::program()), actor: "the owner".into() }).await
}

/// A practice installation, so that its clock stands still.
pub async fn installed() -> Installed {
    let bakery = bakery();
    let first = open(&home_of(&bakery)).await.or_panic();
    Engine::begin_practice(&first.pool, WORLD.until()).await.or_panic();
    first.pool.close().await;
    Installed { engine: open(&home_of(&bakery)).await.or_panic(), bakery }
}

/// An installation whose clock is the computer's.
async fn real() -> Installed {
    let bakery = bakery();
    Installed { engine: open(&home_of(&bakery)).await.or_panic(), bakery }
}

pub fn new_company(bakery: &Bakery) -> NewCompany {
    NewCompany { name: WORLD.name().into(), books_path: bakery.book.clone(), zone: WORLD.zone_name().into(), practice: true }
}

pub fn new_connection() -> NewConnection {
    NewConnection {
        provider: "square".into(),
        environment: "practice".into(),
        endpoints: Some(serde_json::json!({ "base": super::harbour::nobody() })),
        client_id: practice::CLIENT_ID.into(),
        connector: "square".into(),
        version: "1".into(),
        roles: roles(),
        sync_from: "2026-01-01T05:00:00Z".parse().expect("an instant"),
    }
}

async fn added(at: &Installed) -> (Company, Connection) {
    at.engine.add_company(new_company(&at.bakery), new_connection()).await.or_panic()
}

fn home() -> Exhibit {
    let bakery = bakery();
    // A file stands where a folder is needed.
    let problem = Home::at(&bakery.book.join("home")).expect_err("a book is no folder");
    Exhibit::of(problem).replacing(bakery.folder.path().to_string_lossy(), "<folder>")
}

/// A calendar is written into a folder that is not there.
fn file() -> Exhibit {
    let folder = crate::home::fresh();
    let problem = engine::calendar::write(&folder.path().join("gone").join("ends.ics"), "BEGIN:VCALENDAR").expect_err("there is no such folder");
    Exhibit::of(problem).replacing(folder.path().to_string_lossy(), "<folder>")
}

/// This test's own program stands alone: the terminal program is not beside it.
fn timer() -> Exhibit {
    let problem = engine::schedule::timer::Started::here(Path::new("/home")).expect_err("there is no terminal program");
    let running = std::env::current_exe().expect("it runs");
    Exhibit::of(problem).replacing(running.parent().expect("a folder").to_string_lossy(), "<folder>")
}

/// `/dev/full` takes nothing, like a full disk.
fn disk_full() -> Exhibit {
    working(async {
        let at = installed().await;
        at.exhibit(at.engine.write_recovery_kit(Path::new("/dev/full")).await)
    })
}

fn store_broken() -> Exhibit {
    working(async {
        let bakery = bakery();
        let home = home_of(&bakery);
        std::fs::create_dir(&home).expect("it is ours");
        std::fs::write(home.join("changeover.sqlite"), "This is a shopping list and no database at all.").expect("it is ours");
        match open(&home).await {
            Ok(_) => panic!("this should have been refused"),
            Err(problem) => Exhibit::of(problem),
        }
    })
}

fn store_unknown() -> Exhibit {
    working(async {
        let at = installed().await;
        let (_, connection) = added(&at).await;
        sqlx::query("INSERT INTO stream_owner (connection_id, stream, owner) VALUES ($1, 'payments', 'shared')")
            .bind(&connection.id)
            .execute(&at.engine.pool)
            .await
            .expect("it is ours");
        at.exhibit(at.engine.owner(&connection).await)
    })
}

fn store_version() -> Exhibit {
    working(async {
        let at = installed().await;
        at.engine.pool.close().await;
        tamper(&at.home().join("changeover.sqlite"), &["UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1"]).await;
        match open(&at.home()).await {
            Ok(_) => panic!("this should have been refused"),
            Err(problem) => at.shown(problem),
        }
    })
}

fn company_unknown() -> Exhibit {
    working(async {
        let at = installed().await;
        added(&at).await;
        at.exhibit(at.engine.company("Harbor Street Bagels").await)
    })
}

fn company_taken() -> Exhibit {
    working(async {
        let at = installed().await;
        added(&at).await;
        let again = NewCompany { name: "The bakery once more".into(), ..new_company(&at.bakery) };
        at.exhibit(at.engine.add_company(again, new_connection()).await)
    })
}

fn zone_unknown() -> Exhibit {
    working(async {
        let at = installed().await;
        let company = NewCompany { zone: "New York".into(), ..new_company(&at.bakery) };
        at.exhibit(at.engine.add_company(company, new_connection()).await)
    })
}

fn connection_unknown() -> Exhibit {
    working(async {
        let at = installed().await;
        let (company, _) = added(&at).await;
        at.exhibit(at.engine.connection(&company, Some("stripe")).await)
    })
}

fn connection_ambiguous() -> Exhibit {
    working(async {
        let at = real().await;
        let (company, _) = added(&at).await;
        for environment in [Environment::Production, Environment::Sandbox] {
            at.engine.add_account(&company, "stripe", environment, None).await.or_panic();
        }
        let all = at.engine.accounts(&company).await.or_panic();
        let mut shown = at.exhibit(at.engine.connection(&company, Some("stripe")).await);
        for one in all.iter().filter(|one| one.is_access_only()) {
            shown = shown.replacing(&one.id, if one.environment == "sandbox" { "<account of test money>" } else { "<account of real money>" });
        }
        shown
    })
}

fn account_there() -> Exhibit {
    working(async {
        let at = real().await;
        let (company, _) = added(&at).await;
        at.engine.add_account(&company, "stripe", Environment::Sandbox, None).await.or_panic();
        at.exhibit(at.engine.add_account(&company, "stripe", Environment::Sandbox, None).await)
    })
}

fn account_practice() -> Exhibit {
    working(async {
        let at = installed().await;
        let (company, _) = added(&at).await;
        at.exhibit(at.engine.add_account(&company, "stripe", Environment::Production, None).await)
    })
}

fn account_read() -> Exhibit {
    working(async {
        let at = installed().await;
        let (company, connection) = added(&at).await;
        at.exhibit(at.engine.remove_account(&company, &connection).await)
    })
}

fn connector_unknown() -> Exhibit {
    working(async {
        let at = installed().await;
        at.exhibit(at.engine.package("square", "9").map(|_| ()))
    })
}

fn planned(entry: ledger::Entry) -> PlannedEntry {
    PlannedEntry { entry, version: "2".into(), keys: Vec::new() }
}

/// Of a change of two entries only one is in the books, as if somebody had removed the other.
fn change_torn() -> Exhibit {
    working(async {
        let at = installed().await;
        let (company, connection) = added(&at).await;
        let first = sale(1, "2026-11-02", 11_800);
        let alone = Intent { post: vec![planned(first.clone())], ..Intent::default() };
        at.engine.change_books(&company, &connection, None, "sync", alone, &Watcher::silent()).await.or_panic();
        let both = Intent { post: vec![planned(first), planned(sale(2, "2026-11-02", 2_500))], ..Intent::default() };
        let change = StoredChange {
            id: "change-1".into(),
            connection_id: connection.id.clone(),
            upgrade_id: None,
            purpose: "sync".into(),
            state: ChangeState::Intent,
            intent: store::packed(&both).or_panic(),
            applied: None,
            position: 1,
        };
        let mut tx = at.engine.pool.begin().await.expect("nobody else writes");
        movement::insert_change(&mut tx, &change, WORLD.until()).await.or_panic();
        tx.commit().await.expect("nobody else writes");
        at.exhibit(at.engine.settle_changes(&company, &connection).await)
    })
}

/// An entry that was typed by hand is not ours to take out.
fn change_missing() -> Exhibit {
    working(async {
        let at = installed().await;
        let (company, connection) = added(&at).await;
        let book = at.engine.books(&company).await.or_panic();
        let typed = book.entries(books::Period::ALL).await.or_panic()[0].id.0.clone();
        let known = movement::known(&at.engine.pool, &connection.id).await.or_panic();
        at.exhibit(changes::take_out(book.as_ref(), &known, &BTreeSet::from([typed.clone()])).await).replacing(typed, "<entry id>")
    })
}

fn sync_busy() -> Exhibit {
    working(async {
        let at = installed().await;
        let (company, connection) = added(&at).await;
        let _working = at.engine.lock_company(&company).or_panic();
        at.exhibit(at.engine.sync(&company, &connection, &Watcher::silent()).await)
    })
}

/// A processor that is never asked.
struct Unasked;

impl Processor for Unasked {
    fn get<'a>(&'a self, request: &'a PageRequest) -> BoxFuture<'a, Result<PageResponse, Problem>> {
        panic!("nobody should ask for {}", request.path())
    }
}

fn cancelled() -> Exhibit {
    working(async {
        let at = installed().await;
        let (_, connection) = added(&at).await;
        let watcher = Watcher::silent();
        watcher.cancel();
        let package = at.engine.package("square", "1").or_panic();
        at.exhibit(at.engine.read_through(&Unasked, &connection, package, WORLD.until(), &watcher).await)
    })
}

fn backup_none() -> Exhibit {
    working(async {
        let at = installed().await;
        let (company, _) = added(&at).await;
        at.exhibit(at.engine.backup(&company, None).await)
    })
}

/// The restored book lacks an entry that the backup's list counts.
fn backup_totals() -> Exhibit {
    working(async {
        let at = installed().await;
        let book = books::GnuCashSqlite::open(&at.bakery.book).await.or_panic();
        let lines = [("Expenses:Rent", 180_000, "USD"), ("Assets:Bank:Checking", -180_000, "USD")];
        let change = books::ChangeSet { post: vec![entry(1, "2026-11-02", &lines)], ..books::ChangeSet::at(WORLD.until()) };
        let less = backups::totals_of(&at.bakery.book).await.or_panic();
        book.apply(&change, &mut |_| {}).await.or_panic();
        let said = backups::totals_of(&at.bakery.book).await.or_panic();
        let about = backup::About {
            at: WORLD.until(),
            company_id: "company-1".into(),
            company_name: WORLD.name().into(),
            made_by: "changeover".into(),
            totals: said.totals,
            per_day_digest: Some(said.digest),
            counts: BTreeMap::new(),
            missing: Vec::new(),
        };
        let manifest = backup::Manifest { format: 1, about, files: Vec::new() };
        assert!(manifest.about.totals.iter().any(|total| total.account == account("Expenses:Rent").0));
        at.exhibit(backups::compare_totals(&manifest, &less))
    })
}

/// What holds an upgrade of real books; an installation for practice never waits for a kit.
fn kit_unconfirmed() -> Exhibit {
    working(async {
        let bakery = bakery();
        let engine = open(&home_of(&bakery)).await.or_panic();
        Exhibit::of(engine.backups_must_count().await.expect_err("no kit was written"))
    })
}

fn passphrase_there() -> Exhibit {
    working(async {
        let at = installed().await;
        let passphrase = || backup::Passphrase::entered("gravel mortar violin tuesday".to_string().into());
        at.engine.set_backup_passphrase(&passphrase()).await.or_panic();
        at.exhibit(at.engine.set_backup_passphrase(&passphrase()).await)
    })
}

fn upgrade_unknown() -> Exhibit {
    working(async {
        let at = installed().await;
        at.exhibit(at.engine.upgrade_state("upgrade-9").await)
    })
}

pub fn wishes() -> Wishes {
    Wishes { to_version: "2".into(), new_from: None, watch_days: 1, unattended: true }
}

/// Plans and opens an upgrade. Returns its id.
pub async fn begun(engine: &Engine, company: &Company, connection: &Connection) -> String {
    let plan = engine.make_plan(company, connection, &wishes()).await.or_panic();
    let id = plan.id.clone();
    engine.open_upgrade(connection, plan).await.or_panic();
    id
}

/// Says yes at every gate until the upgrade stands still for another reason.
pub async fn carried_on(engine: &Engine, upgrade: &str) -> State {
    let around =
        Surroundings { watcher: Watcher::silent(), desk: SignInDesk::unattended(Arc::new(api::practice_company::ScriptedBrowser)) };
    loop {
        let state = engine.run_upgrade(upgrade, &around).await.or_panic();
        let Mode::Waiting { .. } = state.mode else { return state };
        engine.approve(upgrade, Person { name: "The owner".into(), role: PersonRole::Owner }, None).await.or_panic();
    }
}

fn upgrade_open() -> Exhibit {
    working(async {
        let at = installed().await;
        let (company, connection) = added(&at).await;
        begun(&at.engine, &company, &connection).await;
        let plan = at.engine.make_plan(&company, &connection, &wishes()).await.or_panic();
        at.exhibit(at.engine.open_upgrade(&connection, plan).await)
    })
}

fn upgrade_none() -> Exhibit {
    working(async {
        let at = installed().await;
        let (company, _) = added(&at).await;
        at.exhibit(at.engine.find_upgrade(&company, None).await)
    })
}

/// A store that forgets which backup was taken.
fn upgrade_fact() -> Exhibit {
    working(async {
        let at = installed().await;
        let (company, connection) = added(&at).await;
        let upgrade = begun(&at.engine, &company, &connection).await;
        let forget = "CREATE TRIGGER forget AFTER INSERT ON upgrade_fact WHEN NEW.name = 'first-backup' BEGIN DELETE FROM upgrade_fact WHERE name = 'first-backup'; END";
        sqlx::query(forget).execute(&at.engine.pool).await.expect("it is ours");
        let state = carried_on(&at.engine, &upgrade).await;
        let Mode::Paused { reason: PauseReason::Problem { problem } } = &state.mode else {
            panic!("the upgrade stands elsewhere: {:?}", state.mode);
        };
        at.shown(child::problem_of(problem))
    })
}
