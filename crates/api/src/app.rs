//! One running Changeover: the real installation, the practice one beside it, work under way, sign-ins under way.
//!
//! Window and terminal both hold one `App`. It opens engines and finds the right one for a company; what a
//! command does is in `handlers/`. Practice lives in a folder of its own, with its own store, log, keys and
//! clock, so that nothing done there can touch real books.

use crate::jobs::Jobs;
use crate::practice_company::PracticeServer;
use authorization::{KeptWhere, Keychain, OpenPage};
use engine::engine::{Opening, SecretsIn};
use engine::sign_in::SignInDesk;
use engine::store::company::Company;
use engine::Engine;
use ledger::Problem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How to start.
pub struct Start {
    pub home: PathBuf,
    /// Opens pages in the person's browser.
    pub browser: Arc<dyn OpenPage>,
    /// Called when something changed and a screen should read its view again.
    pub changed: Arc<dyn Fn() + Send + Sync>,
    /// The program whose first argument may be `backup-worker`; None = this program.
    pub worker: Option<PathBuf>,
    /// Who acts, for the log.
    pub actor: String,
}

/// See the module's words. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub home: PathBuf,
    pub worker: Option<PathBuf>,
    pub actor: String,
    /// One thread for both installations.
    pub keychain: Keychain,
    pub real: Arc<Engine>,
    pub practice: tokio::sync::Mutex<Option<Arc<Engine>>>,
    pub server: tokio::sync::Mutex<Option<PracticeServer>>,
    pub desk: SignInDesk,
    pub jobs: Jobs,
    pub changed: Arc<dyn Fn() + Send + Sync>,
    pub current: Mutex<Option<String>>,
    pub memory: crate::handlers::memory::Memory,
}

impl App {
    /// Opens the installation, and the practice one when there is one. Touches neither keychain nor network.
    pub async fn start(start: Start) -> Result<App, Problem> {
        App::start_with(start, Keychain::os()).await
    }

    /// The same with a given keychain, which is not touched either.
    pub async fn start_with(start: Start, keychain: Keychain) -> Result<App, Problem> {
        let real = Arc::new(open(&start.home, SecretsIn::Keychain, start.worker.clone(), &start.actor, keychain.clone()).await?);
        let changed = start.changed.clone();
        let told = start.changed.clone();
        let jobs = Jobs::default();
        let on_jobs = start.changed.clone();
        jobs.on_change(move || on_jobs());
        let app = App {
            inner: Arc::new(Inner {
                desk: SignInDesk::new(start.browser, move || told()),
                home: start.home,
                worker: start.worker,
                actor: start.actor,
                keychain,
                real,
                practice: tokio::sync::Mutex::new(None),
                server: tokio::sync::Mutex::new(None),
                jobs,
                changed,
                current: Mutex::new(None),
                memory: crate::handlers::memory::Memory::default(),
            }),
        };
        if app.practice_home().join("changeover.sqlite").exists() {
            app.practice_engine().await?;
        }
        Ok(app)
    }

    /// Where the practice installation lives.
    pub fn practice_home(&self) -> PathBuf {
        self.inner.home.join("practice")
    }

    pub fn real(&self) -> &Arc<Engine> {
        &self.inner.real
    }

    pub fn desk(&self) -> &SignInDesk {
        &self.inner.desk
    }

    pub fn jobs(&self) -> &Jobs {
        &self.inner.jobs
    }

    /// Tells the screens to read again.
    pub fn changed(&self) {
        (self.inner.changed)();
    }

    /// The practice installation, opened at the first call. Where there is no keychain its secrets last for
    /// this process only.
    pub async fn practice_engine(&self) -> Result<Arc<Engine>, Problem> {
        let mut slot = self.inner.practice.lock().await;
        if let Some(engine) = slot.as_ref() {
            return Ok(engine.clone());
        }
        let engine = Arc::new(self.open_practice().await?);
        *slot = Some(engine.clone());
        Ok(engine)
    }

    /// Opens the practice installation. Whether the keychain answers is found out when a secret is first needed: no start waits for it.
    /// Where another place was chosen for real secrets, practice leaves the keychain alone too.
    pub(crate) async fn open_practice(&self) -> Result<Engine, Problem> {
        let secrets = match self.inner.real.vault.kept_where() {
            KeptWhere::Keychain => SecretsIn::KeychainOrSession,
            KeptWhere::SessionOnly | KeptWhere::Passphrase => SecretsIn::Session,
        };
        open(&self.practice_home(), secrets, self.inner.worker.clone(), &self.inner.actor, self.inner.keychain.clone()).await
    }

    /// Both engines that are open: the real one first.
    pub async fn engines(&self) -> Vec<Arc<Engine>> {
        let practice = self.inner.practice.lock().await.clone();
        std::iter::once(self.inner.real.clone()).chain(practice).collect()
    }

    /// The engine that looks after a company, and the company. Errors: `E-COMPANY-UNKNOWN`.
    pub async fn company(&self, id_or_name: &str) -> Result<(Arc<Engine>, Company), Problem> {
        let mut refused = None;
        for engine in self.engines().await {
            match engine.company(id_or_name).await {
                Ok(company) => return Ok((engine, company)),
                Err(problem) => refused = Some(problem),
            }
        }
        Err(refused.unwrap_or_else(|| {
            Problem::new(engine::companies::E_COMPANY_UNKNOWN, "There is no company here yet.", "Nothing has been added.", "Add a company, or make a practice company.")
        }))
    }

    /// The named company, or the only one there is. Errors: `E-COMPANY-UNKNOWN`.
    pub async fn company_or_only(&self, chosen: Option<&str>) -> Result<(Arc<Engine>, Company), Problem> {
        if let Some(chosen) = chosen {
            return self.company(chosen).await;
        }
        let mut found = Vec::new();
        for engine in self.engines().await {
            for company in engine.companies().await? {
                found.push((engine.clone(), company));
            }
        }
        if found.len() == 1 {
            return Ok(found.remove(0));
        }
        let names: Vec<String> = found.iter().map(|(_, c)| format!("\"{}\"", c.name)).collect();
        Err(Problem::new(
            engine::companies::E_COMPANY_UNKNOWN,
            if names.is_empty() { "There is no company here yet." } else { "It is not clear which company is meant." },
            if names.is_empty() { "Nothing has been added to this folder.".to_string() } else { format!("There are {}: {}.", names.len(), names.join(", ")) },
            if names.is_empty() { "Add a company, or make a practice company." } else { "Name the company." },
        ))
    }

    /// The company that the window shows.
    pub fn current(&self) -> Option<String> {
        self.inner.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn select(&self, company: Option<String>) {
        *self.inner.current.lock().unwrap_or_else(PoisonError::into_inner) = company;
        self.changed();
    }
}

async fn open(home: &Path, secrets: SecretsIn, worker: Option<PathBuf>, actor: &str, keychain: Keychain) -> Result<Engine, Problem> {
    Engine::open_with(Opening { home: home.to_path_buf(), secrets, worker, actor: actor.to_string() }, keychain).await
}

/// Whether this process was started as the backup worker; if so, it has done its work and must end.
/// Every host calls this first.
pub fn worker_entry() -> Option<std::process::ExitCode> {
    if std::env::args().nth(1).as_deref() != Some(backup::WORKER_ARGUMENT) {
        return None;
    }
    Some(backup::worker_main())
}
