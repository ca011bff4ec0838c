//! The practice company as hosts use it: made, served on loopback, its clock moved, its upgrade run unattended.
//!
//! It drives the same engine calls as the screens; nothing in the engine knows that it is practice, but for its
//! clock. A story that happens outside the servers (a power cut) is made by the host that tells it.

use crate::app::App;
use authorization::OpenPage;
use engine::companies::{NewCompany, NewConnection};
use engine::progress::Watcher;
use engine::sign_in::SignInDesk;
use engine::store::company::{self, Company, Connection};
use engine::upgrading::planning::Wishes;
use engine::upgrading::runner::Surroundings;
use engine::Engine;
use jiff::{SignedDuration, Timestamp};
use ledger::{AccountId, Code, Problem, RoleMap};
use practice::{Consent, ServeOptions, Served, Story, World};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use upgrade::{Gate, Mode, PauseReason, Person, PersonRole, Plan, Stage, State};

pub const E_PRACTICE: Code = Code("E-PRACTICE");
pub const E_PRACTICE_STORY: Code = Code("E-PRACTICE-STORY");
pub const E_PRACTICE_NONE: Code = Code("E-PRACTICE-NONE");
pub const CODES: &[Code] = &[E_PRACTICE, E_PRACTICE_STORY, E_PRACTICE_NONE];

const FACTS_FILE: &str = "practice.json";
/// Only for the tests that search a whole home for secrets: the practice Square writes down there what it issued. It knows
/// pretend secrets only; nothing of a real provider passes through it.
const SECRETS_FILE: &str = "CHANGEOVER_PRACTICE_SECRETS";
const OLD_VERSION: &str = "1";
const NEW_VERSION: &str = "2";
const CONNECTOR: &str = "square";

/// What has to be known to serve the same practice company again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PracticeFacts {
    pub seed: u64,
    pub story: String,
    /// None: the whole year.
    pub payments: Option<usize>,
    pub port: u16,
    pub made_at: Timestamp,
    /// Set once the company was there and its year was posted; without it the making was interrupted.
    pub ready: bool,
}

/// The running practice servers.
pub struct PracticeServer {
    pub served: Served,
    pub facts: PracticeFacts,
}

/// A browser that presses "Allow" on the practice company's page.
pub struct ScriptedBrowser;

impl OpenPage for ScriptedBrowser {
    fn open<'a>(&'a self, page: &'a url::Url) -> Pin<Box<dyn Future<Output = Result<(), Problem>> + Send + 'a>> {
        Box::pin(async move {
            practice::consent(page.as_str(), Consent::Allow).await.map_err(|why| {
                Problem::new(E_PRACTICE, "The practice company's sign-in page did not answer.", why, "Make the practice company again.")
            })
        })
    }
}

/// How an unattended practice upgrade ended.
#[derive(Debug, Clone)]
pub struct Ended {
    pub upgrade: String,
    pub state: State,
    /// The verdict in money, once reconciled.
    pub verdict: Option<String>,
}

/// What a practice run tells on its way.
pub trait Narrator: Send + Sync {
    fn stage(&self, state: &State);
    fn says(&self, words: &str);
}

fn failed(what: &str, why: impl ToString) -> Problem {
    Problem::new(E_PRACTICE, format!("The practice company could not be {what}."), why.to_string(), "Make it again; it holds nothing real.")
}

impl App {
    fn practice_facts_file(&self) -> PathBuf {
        self.practice_home().join(FACTS_FILE)
    }

    /// The facts of the practice company, if one was made here.
    pub fn practice_facts(&self) -> Result<Option<PracticeFacts>, Problem> {
        match std::fs::read(self.practice_facts_file()) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|_| failed("read", "The note about it is cut off or was changed.")),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failed("read", e)),
        }
    }

    fn keep_practice_facts(&self, facts: &PracticeFacts) -> Result<(), Problem> {
        let bytes = serde_json::to_vec_pretty(facts).map_err(|e| failed("noted", e))?;
        std::fs::write(self.practice_facts_file(), bytes).map_err(|e| failed("noted", e))
    }

    async fn serve_practice(&self, facts: &PracticeFacts, now: Timestamp) -> Result<Served, Problem> {
        let story: Story = facts.story.parse().map_err(|why: String| Problem::new(E_PRACTICE_STORY, why, "It was made by another version of Changeover.", "Make the practice company again."))?;
        let (seed, payments) = (facts.seed, facts.payments);
        let world = tokio::task::spawn_blocking(move || match payments {
            Some(count) => World::small(seed, count),
            None => World::bakery(seed),
        })
        .await
        .map_err(|e| failed("made", e))?;
        let world = Arc::new(world);
        let mut options = ServeOptions::new(story, now);
        options.state_file = Some(self.practice_home().join("practice-square.json"));
        options.secrets_file = std::env::var_os(SECRETS_FILE).filter(|path| !path.is_empty()).map(PathBuf::from);
        options.port = facts.port;
        options.redirect_path = format!("/callback/{CONNECTOR}");
        match practice::serve(world.clone(), options.clone()).await {
            Ok(served) => Ok(served),
            // The port of the last time is taken by somebody else: any other will do.
            Err(e) if e.kind() == std::io::ErrorKind::AddrInUse && options.port != 0 => {
                options.port = 0;
                practice::serve(world, options).await.map_err(|e| failed("served", e))
            }
            Err(e) => Err(failed("served", e)),
        }
    }

    /// Makes sure that the practice servers run, at the practice clock's time. Errors: `E-PRACTICE-NONE`.
    pub async fn practice_server(&self) -> Result<(), Problem> {
        let mut slot = self.inner.server.lock().await;
        if slot.is_some() {
            return Ok(());
        }
        let mut facts = self.practice_facts()?.ok_or_else(no_practice)?;
        let engine = self.practice_engine().await?;
        let served = self.serve_practice(&facts, engine.now()).await?;
        facts.port = port_of(&served);
        self.keep_practice_facts(&facts)?;
        for company in engine.companies().await? {
            for connection in engine.connections(&company).await? {
                let endpoints = json!({"base": served.base_url});
                company::change_connection(&engine.pool, &connection.id, company::ConnectionChange::Endpoints(&endpoints)).await?;
            }
        }
        *slot = Some(PracticeServer { served, facts });
        Ok(())
    }

    /// Whether the practice servers run in this process.
    pub async fn practice_serves(&self) -> bool {
        self.inner.server.lock().await.is_some()
    }

    /// Moves the practice clock, here and at the practice servers.
    pub async fn practice_now(&self, now: Timestamp) -> Result<(), Problem> {
        self.practice_engine().await?.set_practice_now(now).await?;
        if let Some(server) = self.inner.server.lock().await.as_ref() {
            server.served.set_now(now);
        }
        self.changed();
        Ok(())
    }

    /// What the practice Square itself says its balance is now; None while its servers do not run here.
    pub async fn practice_truth(&self) -> Option<practice::Totals> {
        self.inner.server.lock().await.as_ref().map(|server| server.served.totals())
    }

    /// Makes a new practice company in place of an older one: servers, books, sign-in, a year posted by connector 1.
    pub async fn practice_make(&self, seed: u64, story: &str, payments: Option<usize>, watcher: &Watcher) -> Result<(Company, Connection), Problem> {
        let story: Story = story.parse().map_err(|why: String| {
            let names: Vec<&str> = Story::ALL.iter().map(|s| s.name()).collect();
            Problem::new(E_PRACTICE_STORY, why, format!("Known are: {}.", names.join(", ")), "Choose one of these.")
        })?;
        if self.practice_home().exists() {
            watcher.report("Clearing the last practice company", 0, Some(5), "steps");
        }
        // Held until the new servers stand in their place: whoever wants to reach the practice company meanwhile waits for
        // these, and does not start others whose address would outlive them in the connection.
        let mut slot = self.inner.server.lock().await;
        if let Some(server) = slot.take() {
            server.served.shutdown().await;
        }
        if let Some(old) = self.inner.practice.lock().await.take() {
            old.pool.close().await;
        }
        let home = self.practice_home();
        if home.exists() {
            // Only ever a folder that a practice company made; real books live elsewhere.
            std::fs::remove_dir_all(&home).map_err(|e| failed("made", e))?;
        }
        std::fs::create_dir_all(home.join("books")).map_err(|e| failed("made", e))?;

        watcher.report("Making a place for backups", 1, Some(5), "steps");
        // First, as on any new computer. Making its key takes 128 MiB for a moment, which nothing else should need at the same time.
        let engine = self.open_practice_at(practice::World::bakery_begins()).await?;
        engine.make_place().await?;

        watcher.report("Inventing a year of payments", 2, Some(5), "steps");
        let mut facts = PracticeFacts { seed, story: story.name().to_string(), payments, port: 0, made_at: Timestamp::now(), ready: false };
        // Stories begin with the upgrade; the year before it was uneventful.
        let quiet = PracticeFacts { story: Story::AllGoesWell.name().to_string(), ..facts.clone() };
        let served = self.serve_practice(&quiet, Timestamp::UNIX_EPOCH).await?;
        served.set_now(served.world().until());
        facts.port = port_of(&served);
        self.keep_practice_facts(&facts)?;
        let (world, base_url, client_id) = (served.world().clone(), served.base_url.clone(), served.client_id.clone());
        *slot = Some(PracticeServer { served, facts: facts.clone() });
        drop(slot);
        let book = home.join("books").join("harbour-street-bakery.gnucash");
        let summary = practice::create_book(&book, &world).await.map_err(|why| failed("made", why))?;
        let (name, zone, first_day, tz) = (world.name().to_string(), world.zone_name().to_string(), world.first_day(), world.zone().clone());

        watcher.report("Signing in to the practice Square", 3, Some(5), "steps");
        let mut roles = RoleMap::default();
        for (role, account) in &summary.roles {
            let role = role.parse().map_err(|why: String| failed("made", why))?;
            roles.bind(role, AccountId(account.clone()));
        }
        let start = first_day.to_zoned(tz).map_err(|e| failed("made", e))?.timestamp();
        let (company, connection) = engine
            .add_company(
                NewCompany { name, books_path: book, zone, practice: true },
                NewConnection {
                    provider: CONNECTOR.to_string(),
                    environment: "practice".to_string(),
                    endpoints: Some(json!({"base": base_url})),
                    client_id,
                    connector: CONNECTOR.to_string(),
                    version: OLD_VERSION.to_string(),
                    roles,
                    sync_from: start,
                },
            )
            .await?;
        let desk = SignInDesk::unattended(Arc::new(ScriptedBrowser));
        engine.sign_in(&company, &connection, OLD_VERSION, &desk).await?;
        let connection = engine.connection(&company, Some(&connection.id)).await?;
        engine.sync(&company, &connection, watcher).await?;
        facts.ready = true;
        self.keep_practice_facts(&facts)?;
        if let Some(server) = self.inner.server.lock().await.as_mut() {
            server.served.set_faults(story.faults());
            server.facts = facts;
        }
        self.select(Some(company.id.clone()));
        let connection = engine.connection(&company, Some(&connection.id)).await?;
        Ok((company, connection))
    }

    /// A fresh practice installation with its clock set.
    async fn open_practice_at(&self, now: Timestamp) -> Result<Arc<Engine>, Problem> {
        let first = self.open_practice().await?;
        Engine::begin_practice(&first.pool, now).await?;
        first.pool.close().await;
        drop(first);
        let engine = Arc::new(self.open_practice().await?);
        *self.inner.practice.lock().await = Some(engine.clone());
        Ok(engine)
    }

    /// Opens the practice installation again, after its clock was set in the store.
    pub async fn practice_reopen(&self) -> Result<Arc<Engine>, Problem> {
        if let Some(old) = self.inner.practice.lock().await.take() {
            old.pool.close().await;
        }
        self.practice_engine().await
    }

    /// Plans the practice upgrade and opens it.
    pub async fn practice_plan(&self, company: &Company, connection: &Connection) -> Result<String, Problem> {
        self.practice_plan_watching(company, connection, Plan::WATCH_DAYS).await
    }

    /// As [`App::practice_plan`], with a shorter watch.
    pub async fn practice_plan_watching(&self, company: &Company, connection: &Connection, watch_days: u32) -> Result<String, Problem> {
        let engine = self.practice_engine().await?;
        let wishes = Wishes { to_version: NEW_VERSION.to_string(), new_from: None, watch_days, unattended: true };
        let plan = engine.make_plan(company, connection, &wishes).await?;
        let id = plan.id.clone();
        engine.open_upgrade(connection, plan).await?;
        Ok(id)
    }

    /// Carries an upgrade through every stage without a person: says yes at the gates, lets the days pass.
    /// Ends when it is finished, halted, or needs a person for something else.
    pub async fn practice_carry_on(&self, upgrade_id: &str, narrator: &dyn Narrator, watcher: &Watcher) -> Result<Ended, Problem> {
        let engine = self.practice_engine().await?;
        let around = Surroundings { watcher: watcher.clone(), desk: SignInDesk::unattended(Arc::new(ScriptedBrowser)) };
        let owner = Person { name: "Practice owner".to_string(), role: PersonRole::Owner };
        let mut tries = 0;
        loop {
            let state = engine.run_upgrade(upgrade_id, &around).await?;
            narrator.stage(&state);
            match state.mode.clone() {
                Mode::Waiting { gate } => {
                    if gate == Gate::BeforeFinish {
                        self.review_holds(&engine, &state, narrator).await?;
                    }
                    engine.approve(upgrade_id, owner.clone(), None).await?;
                }
                Mode::Running if state.watch.is_some() && state.stage >= Stage::Reconciled && state.stage < Stage::Watching => {
                    self.practice_next_day(&engine).await?;
                    let after = engine.watch_today(upgrade_id, watcher).await?;
                    narrator.stage(&after);
                }
                // Somebody pressed the wrong button on the page; they try again, as a person would.
                Mode::Paused { reason: PauseReason::Problem { problem } } if problem.code.starts_with("E-SIGN-IN") && tries < 2 => {
                    tries += 1;
                    narrator.says(&format!("{}  {}", problem.code, problem.what));
                    engine.record(upgrade_id, upgrade::Event::ResumeRequested { by: owner.clone(), at: engine.now() }).await?;
                }
                Mode::Halted { checks } if checks.contains(&upgrade::CheckId::PermissionsSufficient) && tries < 2 => {
                    tries += 1;
                    narrator.says("A permission was left out; the owner signs in again and gives all of them.");
                    engine.record(upgrade_id, upgrade::Event::ResumeRequested { by: owner.clone(), at: engine.now() }).await?;
                }
                Mode::Paused { reason: PauseReason::Restarted } if tries < 2 => {
                    tries += 1;
                    narrator.says("The computer was switched off in a step that writes. What happened is known now; going on.");
                    engine.record(upgrade_id, upgrade::Event::ResumeRequested { by: owner.clone(), at: engine.now() }).await?;
                }
                Mode::Running
                | Mode::Paused { .. }
                | Mode::Halted { .. }
                | Mode::Resolving { .. }
                | Mode::RollingBack { .. }
                | Mode::RolledBack
                | Mode::Frozen { .. }
                | Mode::Finished => {
                    let verdict = state.facts.get(&Stage::Reconciled).and_then(|facts| facts.get("verdict")).cloned();
                    return Ok(Ended { upgrade: upgrade_id.to_string(), state, verdict });
                }
            }
        }
    }

    /// In practice the owner looks at what is held before finishing; the look is journaled like anybody's.
    async fn review_holds(&self, engine: &Engine, state: &State, narrator: &dyn Narrator) -> Result<(), Problem> {
        let u = engine.undertaking(state).await?;
        for hold in engine::store::movement::holds(&engine.pool, &u.connection.id, &u.to).await? {
            narrator.says(&format!("Held and looked at: {}", hold.reason));
            engine.review_hold(&u.connection, &hold).await?;
        }
        Ok(())
    }

    async fn practice_next_day(&self, engine: &Engine) -> Result<(), Problem> {
        let next = engine.now().checked_add(SignedDuration::from_hours(24)).map_err(|e| failed("moved on by a day", e))?;
        self.practice_now(next).await
    }

    /// Where there is no keychain the practice sign-ins end with the process that made them. The owner signs in
    /// again, as the window would ask them to.
    pub async fn practice_sign_in_again(&self, engine: &Engine, company: &Company, connection: &Connection) -> Result<(), Problem> {
        let desk = SignInDesk::unattended(Arc::new(ScriptedBrowser));
        for version in [OLD_VERSION, NEW_VERSION] {
            let Some(access) = engine.access(connection, version).await? else { continue };
            if access.state != authorization::CredentialState::Active {
                engine.sign_in(company, connection, version, &desk).await?;
            }
        }
        Ok(())
    }

    /// The company and the newest upgrade of an existing practice installation, to carry on after an interruption.
    pub async fn practice_resume(&self) -> Result<(Company, Connection, Option<String>), Problem> {
        let facts = self.practice_facts()?.ok_or_else(no_practice)?;
        if !facts.ready {
            return Err(no_practice());
        }
        self.practice_server().await?;
        let engine = self.practice_engine().await?;
        let company = engine.company_or_only(None).await?;
        let connection = engine.connection(&company, None).await?;
        engine.settle_changes(&company, &connection).await?;
        self.practice_sign_in_again(&engine, &company, &connection).await?;
        let connection = engine.connection(&company, None).await?;
        let newest = engine::store::upgrade::of_company(&engine.pool, &company.id).await?.into_iter().next().map(|u| u.id);
        Ok((company, connection, newest))
    }
}

fn no_practice() -> Problem {
    Problem::new(E_PRACTICE_NONE, "There is no practice company here.", "None was made in this folder, or its making was interrupted.", "Make one first.")
}

fn port_of(served: &Served) -> u16 {
    served.base_url.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0)
}
