//! A home in a temporary folder, a small practice company in it, and questions by name.

use api::practice_company::ScriptedBrowser;
use api::{App, OpenPage, Start, dispatch};
use engine::progress::Watcher;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Long enough for the slowest step of a small company on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);

pub struct Bench {
    pub app: App,
    pub dir: TempDir,
}

/// The program that carries out backups; built on demand, because tests of one crate do not build another's programs.
fn worker() -> PathBuf {
    static BUILT: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    BUILT
        .get_or_init(|| {
            let test = std::env::current_exe().unwrap();
            let folder = test.parent().and_then(|deps| deps.parent()).unwrap().to_path_buf();
            let program = folder.join(format!("backup-worker-for-tests{}", std::env::consts::EXE_SUFFIX));
            if program.exists() {
                return program;
            }
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let built = std::process::Command::new(cargo)
                .args(["build", "--quiet", "-p", "backup", "--bins"])
                .status()
                .unwrap();
            assert!(built.success() && program.exists(), "the backup worker could not be built");
            program
        })
        .clone()
}

impl Bench {
    pub async fn empty() -> Bench {
        Bench::empty_with(Arc::new(ScriptedBrowser)).await
    }

    pub async fn empty_with(browser: Arc<dyn OpenPage>) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let app = App::start(Start {
            home: dir.path().join("home"),
            browser,
            changed: Arc::new(|| {}),
            worker: Some(worker()),
            actor: "Test owner".to_string(),
        })
        .await
        .unwrap();
        Bench { app, dir }
    }

    /// A practice company whose person has this browser.
    pub async fn practising_with(browser: Arc<dyn OpenPage>) -> (Bench, String, String) {
        Bench::empty_with(browser).await.practise("all-goes-well").await
    }

    /// A practice company whose year was posted by connector 1, with its id and its connection's.
    pub async fn practising(story: &str) -> (Bench, String, String) {
        Bench::empty().await.practise(story).await
    }

    async fn practise(self, story: &str) -> (Bench, String, String) {
        let bench = self;
        let (company, connection) = bench.app.practice_make(7, story, Some(60), &Watcher::silent()).await.unwrap();
        (bench, company.id, connection.id)
    }

    pub async fn ask(&self, name: &str, args: Value) -> Value {
        let answer = dispatch(&self.app, name, args)
            .await
            .unwrap_or_else(|problem| panic!("{name}: {problem:?}"));
        holds_no_secret(name, &answer);
        answer
    }

    /// The code of the refusal.
    pub async fn refused(&self, name: &str, args: Value) -> String {
        let problem = dispatch(&self.app, name, args).await.expect_err(name);
        holds_no_secret(name, &serde_json::to_value(&problem).unwrap());
        assert!(
            !problem.what.is_empty() && !problem.why.is_empty() && !problem.next.is_empty(),
            "{name}: {problem:?}"
        );
        problem.code
    }

    /// Waits for a job, and returns it as it ended.
    pub async fn ended(&self, job: &Value) -> Value {
        let began = Instant::now();
        loop {
            let now = self.ask("job_view", json!({"job": job["id"]})).await;
            if now["state"] != "running" {
                return now;
            }
            assert!(began.elapsed() < PATIENCE, "still running: {now}");
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until no work runs, and returns the upgrade's view.
    pub async fn settled(&self, company: &str) -> Value {
        for job in self.app.jobs().all_running() {
            self.ended(&json!({"id": job.id})).await;
        }
        self.ask("upgrade_view", json!({"company": company})).await
    }

    /// Everything that can be read of a company, at whatever point it stands.
    pub async fn read_everything(&self, company: &str, connection: &str) {
        let of = json!({"company": company});
        for name in ["today_view", "accounts_view", "upgrade_view", "backups_view"] {
            self.ask(name, of.clone()).await;
        }
        self.ask("app_view", json!({})).await;
        self.ask("settings_view", json!({})).await;
        self.ask("practice_view", json!({})).await;
        self.ask("reconnect_view", json!({"company": company, "connection": connection}))
            .await;
        self.ask("reconcile_view", json!({"company": company, "from_day": null, "to_day": null}))
            .await;
        self.ask("log_view", json!({"company": company, "filter": "all", "search": "", "page": 0}))
            .await;
        self.ask(
            "log_view",
            json!({"company": null, "filter": "upgrade", "search": "yes", "page": 0}),
        )
        .await;
        assert_eq!(self.ask("log_verify", json!({})).await["chain"]["state"], "good");
    }
}

/// Tokens are long random text; nothing that long belongs on a page. Paths, hashes in hexadecimal and words do.
fn holds_no_secret(name: &str, answer: &Value) {
    match answer {
        Value::String(text) => {
            for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '='))) {
                let mixed = word.chars().any(|c| c.is_ascii_uppercase())
                    && word.chars().any(|c| c.is_ascii_lowercase())
                    && word.chars().any(|c| c.is_ascii_digit());
                // The address of the provider's page holds a challenge and a state, which are public by design.
                assert!(word.len() < 40 || !mixed || text.starts_with("http"), "{name} shows \"{word}\"");
            }
        }
        Value::Array(all) => all.iter().for_each(|one| holds_no_secret(name, one)),
        Value::Object(all) => all.values().for_each(|one| holds_no_secret(name, one)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
