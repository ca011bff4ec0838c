//! The practice company inside a test: made small, stopped at any gate, rolled back, looked at.
//!
//! It drives the same calls as the hosts do. Each test has a home of its own and its own servers on loopback.

use api::practice_company::{Narrator, ScriptedBrowser};
use api::{App, Start};
use engine::Engine;
use engine::progress::Watcher;
use engine::sign_in::SignInDesk;
use engine::store::company::{Company, Connection};
use engine::upgrading::runner::Surroundings;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use upgrade::{Event, Gate, Mode, Person, PersonRole, State};

/// Movements of a small practice year; the special cases come on top.
pub const SMALL: usize = 40;

/// Days of the watch in tests; the practice run of the terminal watches all 31.
pub const WATCH_DAYS: u32 = 4;

/// A practice company with its servers running.
pub struct Bakery {
    pub home: TempDir,
    pub app: App,
    pub engine: Arc<Engine>,
    pub company: Company,
    pub connection: Connection,
}

/// Nobody listens.
pub struct Quiet;

impl Narrator for Quiet {
    fn stage(&self, _state: &State) {}
    fn says(&self, _words: &str) {}
}

/// An installation below a folder, with the built program as backup worker.
pub async fn app(home: &Path) -> App {
    let start = Start {
        home: home.to_path_buf(),
        browser: Arc::new(ScriptedBrowser),
        changed: Arc::new(|| {}),
        worker: Some(crate::program::changeover().to_path_buf()),
        actor: "test".to_string(),
    };
    App::start(start).await.unwrap_or_else(|problem| panic!("{problem}"))
}

impl Bakery {
    /// Makes one with this story, its year posted by connector 1.
    pub async fn open(story: &str) -> Bakery {
        let home = crate::home::fresh();
        let app = app(home.path()).await;
        let (company, connection) = app.practice_make(7, story, Some(SMALL), &Watcher::silent()).await.unwrap_or_else(|problem| panic!("{problem}"));
        let engine = app.practice_engine().await.unwrap_or_else(|problem| panic!("{problem}"));
        Bakery { home, app, engine, company, connection }
    }

    pub fn book(&self) -> PathBuf {
        self.company.books_path.clone()
    }

    /// A copy of the book as it is now.
    pub fn book_copy(&self, name: &str) -> PathBuf {
        let copy = self.home.path().join(name);
        std::fs::copy(self.book(), &copy).expect("the book can be copied");
        copy
    }

    pub async fn plan(&self) -> String {
        self.app.practice_plan_watching(&self.company, &self.connection, WATCH_DAYS).await.unwrap_or_else(|problem| panic!("{problem}"))
    }

    pub fn around(&self) -> Surroundings {
        Surroundings { watcher: Watcher::silent(), desk: SignInDesk::unattended(Arc::new(ScriptedBrowser)) }
    }

    pub fn owner(&self) -> Person {
        Person { name: "Owner".to_string(), role: PersonRole::Owner }
    }

    /// Runs and says yes until the upgrade waits at this gate.
    pub async fn run_to(&self, upgrade: &str, wanted: Gate) -> State {
        loop {
            let state = self.engine.run_upgrade(upgrade, &self.around()).await.unwrap_or_else(|problem| panic!("{problem}"));
            match &state.mode {
                Mode::Waiting { gate } if *gate == wanted => return state,
                Mode::Waiting { .. } => {
                    self.engine.approve(upgrade, self.owner(), None).await.unwrap_or_else(|problem| panic!("{problem}"));
                }
                other => panic!("before {wanted:?} the upgrade stands at {} in {other:?}", state.stage),
            }
        }
    }

    /// Says yes to the start and runs until the upgrade stops by itself.
    pub async fn run_to_end_of_sign_in(&self, upgrade: &str) -> State {
        self.engine.approve(upgrade, self.owner(), None).await.unwrap_or_else(|problem| panic!("{problem}"));
        self.engine.run_upgrade(upgrade, &self.around()).await.unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// Runs to the end of everything, days of the watch included.
    pub async fn run_through(&self, upgrade: &str) -> api::practice_company::Ended {
        self.app.practice_carry_on(upgrade, &Quiet, &Watcher::silent()).await.unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// Asks to go back and carries it out.
    pub async fn roll_back(&self, upgrade: &str) -> State {
        let event = Event::RollBackRequested { by: self.owner(), reason: "test".to_string(), at: self.engine.now() };
        self.engine.record(upgrade, event).await.unwrap_or_else(|problem| panic!("{problem}"));
        self.engine.run_upgrade(upgrade, &self.around()).await.unwrap_or_else(|problem| panic!("{problem}"))
    }
}
