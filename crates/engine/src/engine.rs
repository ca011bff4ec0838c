//! The engine of one installation: its store, log, sealed access, catalogue and clock, opened together.
//!
//! Everything that decides lives elsewhere; this file only opens, closes and hands out.

use crate::home::Home;
use crate::ports::{Clock, Ids, PracticeClock, RandomIds, SystemClock};
use crate::store::upgrade as stored;
use crate::store::{self, company::Connection, parsed};
use crate::sync::{Owner, Read};
use crate::upgrading::verifying::ChangeLines;
use authorization::{Keychain, Vault};
use connector::Catalog;
use jiff::Timestamp;
use journal::Journal;
use ledger::Problem;
use serde_json::Value;
use sqlx::{SqliteConnection, SqlitePool};
use std::path::{Path, PathBuf};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Where the secrets of this installation are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretsIn {
    /// The place that was chosen for this installation: the operating system's keychain unless a person chose another.
    Keychain,
    /// For practice: the keychain where it answers when it is first needed, this process's memory where it does not.
    KeychainOrSession,
    /// This process's memory: practice where there is no keychain, rehearsals, tests.
    Session,
}

/// What is needed to open an installation.
pub struct Opening {
    pub home: PathBuf,
    pub secrets: SecretsIn,
    /// The program whose first argument may be `backup-worker`; None = this program.
    pub worker: Option<PathBuf>,
    /// Who acts, for the log.
    pub actor: String,
}

/// One opened installation. Shared by window, terminal and background work as an `Arc`.
pub struct Engine {
    pub home: Home,
    pub pool: SqlitePool,
    pub journal: Journal,
    pub vault: Vault,
    pub catalog: Catalog,
    pub ids: Arc<dyn Ids>,
    pub worker: PathBuf,
    pub installation: String,
    pub actor: String,
    pub(crate) memory: Memory,
    clock: Arc<dyn Clock>,
    practice_clock: Option<Arc<PracticeClock>>,
}

/// What was worked out once and stays true as long as its stamp does. Never the only copy of anything.
#[derive(Default)]
pub(crate) struct Memory {
    /// (connection, version) → number of stored records, and what they map to.
    pub mapped: Mutex<BTreeMap<(String, String), (u64, Arc<Read>)>>,
    /// (connection, version) → what was read and mapped, which grows by what arrives.
    pub readings: tokio::sync::Mutex<BTreeMap<(String, String), crate::sync::Reading>>,
    pub remembered: crate::knowing::Remembered,
    /// Whoever holds it makes or opens the key that signs the log.
    pub signing: tokio::sync::Mutex<()>,
    /// Change id → its lines; a change that is done never changes again.
    pub lines: Mutex<BTreeMap<String, Arc<ChangeLines>>>,
}

/// The open upgrade that decides who posts.
#[derive(Debug, Clone)]
pub struct OpenUpgrade {
    pub id: String,
    pub from_version: String,
    pub to_version: String,
    pub new_from: Timestamp,
}

const PRACTICE_NOW: &str = "practice_now";
const INSTALLATION: &str = "installation";

impl Engine {
    /// Opens (or begins) an installation. Touches neither keychain nor network.
    /// Errors: `E-HOME`, `E-STORE…`, `E-JOURNAL-…`, `E-PACKAGE`.
    pub async fn open(opening: Opening) -> Result<Engine, Problem> {
        Engine::open_with(opening, Keychain::os()).await
    }

    /// The same with a given keychain: two installations of one program share its thread, so that the keychain is asked one thing at a time.
    pub async fn open_with(opening: Opening, keychain: Keychain) -> Result<Engine, Problem> {
        let home = Home::at(&opening.home)?;
        let pool = store::open(&home.store()).await?;
        journal::migrate(&pool).await?;
        authorization::migrate(&pool).await?;
        let ids: Arc<dyn Ids> = Arc::new(RandomIds);
        let installation = match store::setting(&pool, INSTALLATION).await? {
            Some(id) => id,
            None => {
                let id = ids.new_id("installation");
                store::set_setting(&pool, INSTALLATION, &id).await?;
                id
            }
        };
        let journal = Journal::open(pool.clone(), &installation).await?;
        let practice_clock = match store::setting(&pool, PRACTICE_NOW).await? {
            Some(text) => Some(PracticeClock::at(parsed("instant", &text)?)),
            None => None,
        };
        let clock: Arc<dyn Clock> = match &practice_clock {
            Some(clock) => clock.clone(),
            None => Arc::new(SystemClock),
        };
        let for_vault = clock.clone();
        let vault_clock: authorization::Clock = Arc::new(move || for_vault.now());
        let vault = match opening.secrets {
            SecretsIn::Keychain => crate::keeping::open_where_chosen(&pool, keychain, &home, &installation, vault_clock).await?,
            SecretsIn::KeychainOrSession => crate::sign_in::open_vault(&pool, keychain, &home, &installation, vault_clock).await?.falling_back_to_session(),
            SecretsIn::Session => crate::sign_in::open_vault(&pool, Keychain::session_only(), &home, &installation, vault_clock).await?,
        };
        let catalog = Catalog::builtin()?;
        let access_only = crate::accounts::access_only_packages(&catalog)?;
        let catalog = catalog.with_access_only(access_only);
        let worker = match opening.worker.or_else(|| std::env::var_os("CHANGEOVER_WORKER").map(PathBuf::from)) {
            Some(worker) => worker,
            None => std::env::current_exe().map_err(|e| crate::home::cannot_use(Path::new("this program"), &e))?,
        };
        Ok(Engine {
            home,
            pool,
            journal,
            vault,
            catalog,
            ids,
            worker,
            installation,
            actor: opening.actor,
            memory: Memory::default(),
            clock,
            practice_clock,
        })
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn is_practice(&self) -> bool {
        self.practice_clock.is_some()
    }

    /// Makes an empty installation a practice one, with its own clock. Takes effect when it is opened again.
    pub async fn begin_practice(pool: &SqlitePool, now: Timestamp) -> Result<(), Problem> {
        store::set_setting(pool, PRACTICE_NOW, &now.to_string()).await
    }

    /// Moves the practice clock. Does nothing in a real installation: nobody can set its time.
    pub async fn set_practice_now(&self, now: Timestamp) -> Result<(), Problem> {
        let Some(clock) = &self.practice_clock else { return Ok(()) };
        store::set_setting(&self.pool, PRACTICE_NOW, &now.to_string()).await?;
        clock.set(now);
        Ok(())
    }

    /// Appends one record to the log.
    pub async fn journal(&self, scope: Option<&str>, kind: &str, body: Value) -> Result<u64, Problem> {
        let seq = self.journal.append(self.draft(scope, kind, body)).await?.seq;
        if self.journal.owes_checkpoint() {
            self.sign_log().await?;
        }
        Ok(seq)
    }

    /// Appends one record inside the caller's transaction.
    pub async fn journal_in(&self, tx: &mut SqliteConnection, scope: Option<&str>, kind: &str, body: Value) -> Result<u64, Problem> {
        Ok(self.journal.append_in(tx, self.draft(scope, kind, body)).await?.seq)
    }

    fn draft(&self, scope: Option<&str>, kind: &str, body: Value) -> journal::Draft {
        journal::Draft { scope: scope.map(str::to_string), kind: kind.to_string(), body, actor: self.actor.clone(), at: self.now() }
    }

    /// Who may post a connection's new arrivals, and through which upgrade.
    /// A stored owner that is not known stops: nobody posts on a guess.
    pub async fn owner(&self, connection: &Connection) -> Result<(Owner, Option<OpenUpgrade>), Problem> {
        let owners = stored::owners(&self.pool, &connection.id).await?;
        let open = match stored::open_of(&self.pool, &connection.id).await? {
            None => None,
            Some(row) => {
                let plan = self.upgrade_state(&row.id).await?.plan;
                plan.map(|plan| OpenUpgrade { id: row.id, from_version: row.from_version, to_version: row.to_version, new_from: plan.new_from })
            }
        };
        let mut seen = Vec::new();
        for (_, word) in &owners {
            let one = match word.as_str() {
                "fenced" => Owner::Fenced,
                "new" => Owner::New,
                "old" => Owner::Settled,
                other => return Err(store::unknown("owner of a stream", other)),
            };
            seen.push(one);
        }
        // Some streams handed over and some not: nobody posts until all are.
        let owner = match seen.first() {
            None => Owner::Settled,
            Some(first) if seen.iter().all(|one| one == first) => *first,
            Some(_) => Owner::Fenced,
        };
        Ok((owner, open))
    }
}
