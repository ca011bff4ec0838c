//! kill −9 around a renewal, and several programs at once, with real processes on one home folder.
//!
//! The provider runs here and knows the truth: which refresh token was used, whether the family is dead. It is asked
//! in two profiles: one that ends the whole sign-in when a used token comes back, and one that gives grace. Each run
//! is a sign-in of its own; a program is this very test program, asked by environment variables, because only a
//! process can die. After the kill a new program must be well again wherever the provider still honours what is
//! stored, and otherwise say "sign in again" with the true reason, once. It must never ask again and again, and
//! never give up a sign-in that the provider still honours: that is a *lost grant*, and there may be none.
//!
//! A slice in every test run; everything with `CHANGEOVER_SWEEP=full` (`cargo xtask faults refresh`).

#![cfg(unix)]

#[path = "all/support.rs"]
#[allow(dead_code)]
mod support;

use authorization::keychain::{KeyStore, StoreError};
use authorization::problems::*;
use authorization::*;
use practice::authority::{At, CLIENT, READ, Stop};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use support::*;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use url::Url;
use zeroize::Zeroizing;

const CHILD: &str = "CHANGEOVER_TEST_RENEWAL_CHILD";
const KEYS: &str = "CHANGEOVER_TEST_RENEWAL_KEYS";
const PROVIDER: &str = "CHANGEOVER_TEST_RENEWAL_PROVIDER";
const NOW: &str = "CHANGEOVER_TEST_RENEWAL_NOW";
/// The commit of the store before which the program kills itself; 0 for none.
const DIES_BEFORE_COMMIT: &str = "CHANGEOVER_TEST_RENEWAL_DIES_BEFORE_COMMIT";
/// The program begins a sign-in instead.
const SIGNS_IN: &str = "CHANGEOVER_TEST_RENEWAL_SIGNS_IN";
const TRIES: &str = "CHANGEOVER_TEST_RENEWAL_TRIES";

/// Runs of the long sweep, and of a test run: each kind of fault in each profile equally often.
const ALL: usize = 2_000;
const SLICE: usize = 40;
/// Runs at a time; the programs mostly wait for the disk.
const AT_ONCE: usize = 4;
/// Far longer than any program here takes.
const HANGS_AFTER: Duration = Duration::from_secs(90);
/// A program is killed at a random instant before this; undisturbed it takes a little less.
const LIFE_MAX_MICROSECONDS: u64 = 120_000;
const GRACE_SECONDS: i64 = 1_800;
const LOST: &str = "lost on the way";

/// The master key in a file, so that programs which die share it.
struct FileShelf(PathBuf);

impl KeyStore for FileShelf {
    fn read(&mut self, name: &str) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        std::fs::read(self.0.join(name)).map(Zeroizing::new).map_err(|_| StoreError::NoEntry)
    }

    fn write(&mut self, name: &str, secret: &[u8]) -> Result<(), StoreError> {
        let failed = |error: std::io::Error| StoreError::Failed(error.to_string());
        std::fs::create_dir_all(&self.0).map_err(failed)?;
        std::fs::write(self.0.join(name), secret).map_err(failed)
    }

    fn erase(&mut self, name: &str) -> Result<(), StoreError> {
        std::fs::remove_file(self.0.join(name)).map_err(|_| StoreError::NoEntry)
    }

    fn status(&mut self) -> KeychainStatus {
        KeychainStatus::Available
    }
}

fn shelf(folder: &Path) -> Keychain {
    Keychain::with_store(FileShelf(folder.to_path_buf()), Duration::from_secs(20))
}

/// Not a test of its own: what the programs run. Without the variable it has nothing to do.
#[test]
fn child_process_of_the_renewals() {
    let Some(folder) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match std::env::var_os(SIGNS_IN) {
        Some(_) => runtime.block_on(sign_in(&folder)),
        None => runtime.block_on(program(&folder)),
    }
}

fn number(name: &str) -> i64 {
    std::env::var(name).unwrap().parse().unwrap()
}

/// Begins a sign-in and waits for a browser that never answers.
async fn sign_in(folder: &Path) {
    let (provider, endpoints) = provider();
    let request = SignIn {
        provider,
        endpoints,
        client_id: CLIENT.into(),
        permissions: OLD.iter().map(|name| name.to_string()).collect(),
        expect_tenant: None,
        timeout: HANGS_AFTER,
        clock: clock(&Arc::new(AtomicI64::new(number(NOW)))),
    };
    drop(store_at(&folder.join("store.db")).await);
    println!("\n@ready");
    let hear = |event| {
        if let SignInEvent::Waiting { page, .. } = event {
            println!("@page {page}");
        }
    };
    drop(authorize(request, &Asleep, &hear, &Controls::new()).await);
}

fn provider() -> (Provider, Endpoints) {
    let base = Url::parse(&std::env::var(PROVIDER).unwrap()).unwrap();
    let provider = providers().unwrap().remove(0);
    let endpoints = provider.practice_endpoints(&base).unwrap();
    (provider, endpoints)
}

/// Opens the home, waits for the word, and asks the provider for something a few times, a day apart.
async fn program(folder: &Path) {
    let (armed, commits) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let dies_before = u64::try_from(number(DIES_BEFORE_COMMIT)).unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.join("store.db"))
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(Duration::from_secs(20));
    let watch = armed.clone();
    let pool = SqlitePoolOptions::new()
        .after_connect(move |connection, _| {
            let (armed, commits) = (watch.clone(), commits.clone());
            Box::pin(async move {
                connection.lock_handle().await?.set_commit_hook(move || {
                    if armed.load(Ordering::SeqCst) && commits.fetch_add(1, Ordering::SeqCst) + 1 == dies_before {
                        kill_myself();
                    }
                    true
                });
                Ok(())
            })
        })
        .connect_with(options)
        .await
        .unwrap();
    migrate(&pool).await.unwrap();
    let now = Arc::new(AtomicI64::new(number(NOW)));
    let setup = VaultSetup {
        installation_id: "installation-1".into(),
        locks: folder.join("locks"),
        clock: clock(&now),
    };
    let vault = Vault::open(pool, shelf(Path::new(&std::env::var_os(KEYS).unwrap())), setup);
    let (provider, endpoints) = provider();
    let signer = vault.signer("conn", Which::Current, &provider, &endpoints).await.unwrap();
    println!("\n@ready");
    let mut word = String::new();
    std::io::stdin().read_line(&mut word).unwrap();
    armed.store(true, Ordering::SeqCst);
    println!("@asking");
    for _ in 0..number(TRIES) {
        match signer.send(client().get(endpoints.api_base.join(READ).unwrap())).await {
            Ok(answer) => println!("@answer {}", answer.status().as_u16()),
            Err(problem) => println!("@answer {} {}", problem.code, problem.why.join(" ").replace('\n', " ")),
        }
        now.fetch_add(86_400, Ordering::SeqCst);
    }
    println!("@done");
}

fn kill_myself() {
    let _ = std::process::Command::new("kill").args(["-KILL", &std::process::id().to_string()]).status();
    loop {
        std::thread::park();
    }
}

/// By its open file where that is possible: a build that replaces the file must not end a long sweep.
fn this_program() -> PathBuf {
    let open = PathBuf::from("/proc/self/exe");
    match open.exists() {
        true => open,
        false => std::env::current_exe().unwrap(),
    }
}

/// A program under way, seen from here.
struct Running {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Running {
    async fn start(at: (&World, &Path), tries: u32, dies_before_commit: u32) -> Running {
        let mut command = Command::new(this_program());
        command.env(TRIES, tries.to_string()).env(DIES_BEFORE_COMMIT, dies_before_commit.to_string());
        Running::begin(at, &mut command).await
    }

    async fn begin((world, keys): (&World, &Path), command: &mut Command) -> Running {
        let mut child = command
            .args(["--exact", "child_process_of_the_renewals", "--nocapture", "--test-threads=1"])
            .env(CHILD, world.home.path())
            .env(KEYS, keys)
            .env(PROVIDER, world.fake.base.as_str())
            .env(NOW, world.now.load(Ordering::SeqCst).to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut running = Running { child, said };
        assert!(running.until("@ready").await, "a program does not start");
        running
    }

    /// `false` when it died before.
    async fn until(&mut self, word: &str) -> bool {
        while let Some(line) = self.next().await {
            if line == word {
                return true;
            }
        }
        false
    }

    async fn next(&mut self) -> Option<String> {
        tokio::time::timeout(HANGS_AFTER, self.said.next_line())
            .await
            .expect("a program hangs")
            .unwrap_or(None)
    }

    async fn go(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"go\n").await.unwrap();
    }

    /// What each try came to, until the program ended by itself or was killed.
    async fn answers(&mut self) -> Vec<String> {
        let mut answers = Vec::new();
        while let Some(line) = self.next().await {
            answers.extend(line.strip_prefix("@answer ").map(str::to_string));
        }
        self.child.wait().await.unwrap();
        answers
    }

    async fn kill(mut self) {
        self.child.start_kill().unwrap();
        self.child.wait().await.unwrap();
    }

    async fn was_killed(&mut self) -> bool {
        use std::os::unix::process::ExitStatusExt;
        self.answers().await;
        self.child.wait().await.unwrap().signal() == Some(9)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Fault {
    /// Two programs, nothing dies.
    TwoAtOnce,
    FourAtOnce,
    /// The request has arrived and the provider has done nothing yet.
    KilledBeforeTheProviderActs,
    /// The provider has rotated, and no byte of the answer has left.
    KilledAfterRotation,
    /// Before the mark that a renewal is about to leave is on the disk.
    KilledBeforeTheMark,
    /// The answer was read and is about to be saved.
    KilledBeforeTheSave,
    /// The new tokens are saved and in use.
    KilledAfterTheSave,
    /// Wherever it happens to be; and the program that follows too.
    KilledAnywhere,
    /// One program is killed while the next already waits for the lock.
    KilledBeforeTheProviderActsWhileAnotherWaits,
    KilledAfterRotationWhileAnotherWaits,
}

const FAULTS: [Fault; 10] = [
    Fault::TwoAtOnce,
    Fault::FourAtOnce,
    Fault::KilledBeforeTheProviderActs,
    Fault::KilledAfterRotation,
    Fault::KilledBeforeTheMark,
    Fault::KilledBeforeTheSave,
    Fault::KilledAfterTheSave,
    Fault::KilledAnywhere,
    Fault::KilledBeforeTheProviderActsWhileAnotherWaits,
    Fault::KilledAfterRotationWhileAnotherWaits,
];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Profile {
    ReuseEndsTheFamily,
    Grace,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Ended {
    Well,
    SignInAgain,
}

/// What one run showed. `wrong` is what must not be.
struct Shown {
    ended: Ended,
    lost_grant: bool,
    wrong: Vec<String>,
}

/// xorshift: the whole sweep follows from one printed number.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}


async fn stored_rotation(world: &World) -> usize {
    let rotation: i64 = sqlx::query_scalar("SELECT rotation FROM credential").fetch_one(&world.pool).await.unwrap();
    usize::try_from(rotation).unwrap()
}

fn stop_at(world: &World, at: At) -> Arc<tokio::sync::Notify> {
    let reached = Arc::new(tokio::sync::Notify::new());
    let stop = Stop { at, reached: reached.clone() };
    world.fake.rule(|rules| rules.stop = Some(stop));
    reached
}

async fn reached(stop: Arc<tokio::sync::Notify>) {
    tokio::time::timeout(HANGS_AFTER, stop.notified()).await.expect("the provider is never asked");
}

/// A sign-in of its own, the fault, a new program, and what the provider knows about it.
async fn one(fault: Fault, profile: Profile, seed: u64) -> Shown {
    let mut dice = Dice(seed | 1);
    let keys = tempfile::tempdir().unwrap();
    let world = World::with_keychain(shelf(keys.path())).await;
    drop(world.connected().await);
    world.fake.rule(|rules| {
        rules.grace_seconds = match profile {
            Profile::ReuseEndsTheFamily => 0,
            Profile::Grace => GRACE_SECONDS,
        }
    });
    // Due ahead of time with access that still works, or with access that is over.
    world.days_pass([8, 40][dice.below(2) as usize]);
    let at = (&world, keys.path());
    let mut wrong = Vec::new();

    let mut waiting = None;
    match fault {
        Fault::TwoAtOnce | Fault::FourAtOnce => {
            let mut programs = Vec::new();
            for _ in 0..if fault == Fault::TwoAtOnce { 2 } else { 4 } {
                programs.push(Running::start(at, 2, 0).await);
            }
            for program in &mut programs {
                program.go().await;
            }
            for program in &mut programs {
                let answers = program.answers().await;
                if answers != ["200", "200"] {
                    wrong.push(format!("one of several ended with {answers:?}"));
                }
            }
            let seen = world.fake.seen.lock().unwrap();
            if (seen.refreshes, seen.reuses) != (1, 0) {
                wrong.push(format!("{} renewals and {} reuses for one that was due", seen.refreshes, seen.reuses));
            }
        }
        Fault::KilledBeforeTheProviderActs | Fault::KilledAfterRotation | Fault::KilledAfterTheSave => {
            let stop = stop_at(
                &world,
                match fault {
                    Fault::KilledBeforeTheProviderActs => At::Arrived,
                    Fault::KilledAfterRotation => At::Rotated,
                    _ => At::Used,
                },
            );
            let mut program = Running::start(at, 1, 0).await;
            program.go().await;
            reached(stop).await;
            program.kill().await;
        }
        Fault::KilledBeforeTheMark | Fault::KilledBeforeTheSave => {
            let mut program = Running::start(at, 1, if fault == Fault::KilledBeforeTheMark { 1 } else { 2 }).await;
            program.go().await;
            if !program.was_killed().await {
                wrong.push("it was to die before a commit that never came".into());
            }
            let rotations = world.fake.seen.lock().unwrap().rotations;
            if rotations != usize::from(fault == Fault::KilledBeforeTheSave) || stored_rotation(&world).await != 0 {
                wrong.push(format!("it died elsewhere: {rotations} rotations"));
            }
        }
        Fault::KilledAnywhere => {
            for _ in 0..=dice.below(2) {
                let mut program = Running::start(at, 1, 0).await;
                program.go().await;
                let life = Duration::from_micros(dice.below(LIFE_MAX_MICROSECONDS));
                // Whether it ended by itself before does not matter here.
                let _ = tokio::time::timeout(life, program.answers()).await;
                program.kill().await;
            }
        }
        Fault::KilledBeforeTheProviderActsWhileAnotherWaits | Fault::KilledAfterRotationWhileAnotherWaits => {
            let before = fault == Fault::KilledBeforeTheProviderActsWhileAnotherWaits;
            let stop = stop_at(&world, if before { At::Arrived } else { At::Rotated });
            let (mut first, mut second) = (Running::start(at, 1, 0).await, Running::start(at, 3, 0).await);
            first.go().await;
            reached(stop).await;
            second.go().await;
            second.until("@asking").await;
            first.kill().await;
            waiting = Some(second);
        }
    }

    // A minute later a new program starts, or the one that waited goes on.
    let before = world.fake.refreshes();
    let mut program = match waiting {
        Some(second) => second,
        None => {
            world.seconds_pass(60);
            let mut next = Running::start(at, 3, 0).await;
            next.go().await;
            next
        }
    };
    let answers = program.answers().await;
    let asked = world.fake.refreshes() - before;
    if asked > 1 {
        wrong.push(format!("it asked for a renewal {asked} times"));
    }
    let described = world.described().await;
    let ended = match described.state {
        CredentialState::Active => Ended::Well,
        _ => Ended::SignInAgain,
    };
    let saved = stored_rotation(&world).await;
    let not_saved = world.fake.seen.lock().unwrap().rotations > saved;
    match ended {
        Ended::Well => {
            if answers != ["200", "200", "200"] {
                wrong.push(format!("it is well and answers {answers:?}"));
            }
            // Not only the access: the means to renew it are those that the provider takes.
            world.days_pass(11);
            match world.signer().await.send(world.payments()).await {
                Ok(answer) if answer.status() == 200 && world.described().await.state == CredentialState::Active => {}
                Ok(answer) => wrong.push(format!("the next renewal ends with {}", answer.status())),
                Err(problem) => wrong.push(format!("the next renewal ends with {problem}")),
            }
        }
        Ended::SignInAgain => {
            let expired = format!("{E_SIGN_IN_EXPIRED}");
            if answers.len() != 3 || !answers.iter().all(|answer| answer.starts_with(&expired) && answer.contains(LOST)) {
                wrong.push(format!("\"sign in again\" is said as {answers:?}"));
            }
            if !described.reason.is_some_and(|reason| reason.contains(LOST)) {
                wrong.push("the reason is not the true one".into());
            }
            world.vault.save("conn", world.grant(&OLD).await).await.unwrap();
            if !world.signer().await.send(world.payments()).await.is_ok_and(|answer| answer.status() == 200) {
                wrong.push("signing in again does not mend it".into());
            }
        }
    }
    // The provider still honours what is stored: always with grace, and without it unless it rotated and nobody saved that.
    let honoured = profile == Profile::Grace || !not_saved;
    let lost_grant = ended == Ended::SignInAgain && honoured;
    let certain = match fault {
        Fault::KilledAnywhere => None,
        Fault::KilledAfterRotation | Fault::KilledBeforeTheSave | Fault::KilledAfterRotationWhileAnotherWaits
            if profile == Profile::ReuseEndsTheFamily =>
        {
            Some(Ended::SignInAgain)
        }
        _ => Some(Ended::Well),
    };
    if certain.is_some_and(|certain| certain != ended) {
        wrong.push(format!("it ended {ended:?}"));
    }
    Shown { ended, lost_grant, wrong }
}

// Check 35, 36, 37, 39.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kill_and_no_race_around_a_renewal_loses_a_grant_that_the_provider_still_honours() {
    let runs = match std::env::var("CHANGEOVER_SWEEP").is_ok_and(|value| value == "full") {
        true => ALL,
        false => SLICE,
    };
    let chosen = std::env::var("CHANGEOVER_SEED").ok().and_then(|text| text.parse().ok());
    let seed: u64 = chosen.unwrap_or_else(|| jiff::Timestamp::now().as_nanosecond() as u64 >> 10);
    println!("seed {seed}");
    let mut outcomes: BTreeMap<(Fault, Profile, Ended), usize> = BTreeMap::new();
    let (mut lost, mut wrong) = (0, Vec::new());
    let mut under_way = tokio::task::JoinSet::new();
    let mut next = 0;
    while next < runs || !under_way.is_empty() {
        while next < runs && under_way.len() < AT_ONCE {
            let fault = FAULTS[next % FAULTS.len()];
            let profile = [Profile::ReuseEndsTheFamily, Profile::Grace][next / FAULTS.len() % 2];
            let its_seed = seed.wrapping_add(next as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let number = next;
            under_way.spawn(async move { (number, fault, profile, one(fault, profile, its_seed).await) });
            next += 1;
        }
        let Some(done) = under_way.join_next().await else { break };
        let (number, fault, profile, shown) = done.unwrap();
        *outcomes.entry((fault, profile, shown.ended)).or_default() += 1;
        lost += usize::from(shown.lost_grant);
        wrong.extend(shown.wrong.into_iter().map(|what| format!("run {number}, {fault:?}, {profile:?}: {what}")));
    }
    for ((fault, profile, ended), count) in &outcomes {
        println!("{count:>5}  {fault:?}, {profile:?}: {ended:?}");
    }
    println!("{runs} runs, {lost} lost grants, {} findings", wrong.len());
    assert!(lost == 0 && wrong.is_empty(), "seed {seed}: {lost} lost grants\n{}", wrong.join("\n"));
}

// Check 8, 19.
#[tokio::test]
async fn a_program_killed_in_the_middle_of_a_sign_in_leaves_no_half_state_and_its_answer_is_worth_nothing() {
    let keys = tempfile::tempdir().unwrap();
    let world = World::with_keychain(shelf(keys.path())).await;
    let mut command = Command::new(this_program());
    let mut program = Running::begin((&world, keys.path()), command.env(SIGNS_IN, "1")).await;
    let page = loop {
        let line = program.next().await.expect("it shows no page");
        if let Some(page) = line.strip_prefix("@page ") {
            break Url::parse(page).unwrap();
        }
    };
    let answer = client().get(page).send().await.unwrap();
    let stale = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    let knock = || tokio::net::TcpStream::connect(("127.0.0.1", stale.port().unwrap()));
    assert!(knock().await.is_ok(), "it listens while it waits");
    program.kill().await;
    assert!(knock().await.is_err(), "the door is shut");
    assert!(world.vault.describe_all().await.unwrap().is_empty());

    // The next program's sign-in, on whatever port it gets, takes its own answer only.
    let old = stale.clone();
    let browser = Browser::that(move |answer| {
        let mut late = answer.clone();
        late.set_query(old.query());
        async move {
            assert_eq!(visit(&late).await.0, 400);
            assert_eq!(visit(&answer).await.0, 200);
        }
    });
    let grant = authorize(world.request(&OLD), &browser, &|_| {}, &Controls::new()).await.unwrap_or_else(|problem| panic!("{problem}"));
    browser.done().await;
    assert_eq!(world.vault.save("conn", grant).await.unwrap(), 1);
    assert_eq!(world.fake.seen.lock().unwrap().exchanges, 1, "the stale code was never used");
}
