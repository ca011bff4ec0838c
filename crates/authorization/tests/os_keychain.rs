//! The keychain of a real Linux desktop: gnome-keyring on a private session bus, in processes of their own.
//!
//! This test has no harness: without an argument it is the test, with `part:NAME` it is one of the programs that
//! the test starts. Needs `dbus-run-session` and `gnome-keyring-daemon`; without them it fails under CI=true and
//! otherwise says that it skips. On other systems it says so: macOS and Windows stores are untested.

#![cfg_attr(not(target_os = "linux"), allow(dead_code, unused_imports))]

#[path = "all/support.rs"]
#[allow(dead_code)]
mod support;

use authorization::keychain::{KeyStore, OsStore};
use authorization::problems::*;
use authorization::*;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::*;
use url::Url;

const INSTALLATION: &str = "installation-1";

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: the real keychain is tested on Linux only");
}

#[cfg(target_os = "linux")]
fn main() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
    };
    match std::env::args()
        .nth(1)
        .as_deref()
        .and_then(|argument| argument.strip_prefix("part:"))
    {
        Some("no_bus") => runtime().block_on(no_bus()),
        Some("no_collection") => runtime().block_on(no_collection()),
        Some("desktop") => runtime().block_on(desktop()),
        Some("locked") => runtime().block_on(locked()),
        Some("late_bus") => runtime().block_on(late_bus()),
        Some("sync") => runtime().block_on(sync()),
        Some(other) => panic!("no part {other}"),
        None => all(),
    }
}

fn all() {
    // The first needs nothing installed: a container without any D-Bus.
    part("without_a_bus_nothing_hangs_and_a_session_only_vault_works", "no_bus", false);
    if let Some(missing) = ["dbus-run-session", "dbus-daemon", "dbus-send", "gnome-keyring-daemon"]
        .into_iter()
        .find(|program| !installed(program))
    {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing} is not installed");
        println!("skipped: {missing} is not installed");
        return;
    }
    part("a_keyring_program_without_a_keyring_is_absent_not_locked", "no_collection", true);
    part("a_locked_keyring_is_told_as_such_and_does_not_hang_the_exit", "locked", false);
    part(
        "a_keychain_that_comes_late_or_comes_back_is_found_without_a_restart",
        "late_bus",
        false,
    );
    part(
        "two_real_programs_share_one_key_and_one_renewal_and_a_lost_key_is_noticed",
        "desktop",
        false,
    );
}

fn installed(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// Runs a part in a fresh home, on a bus of its own, and ends it if it hangs.
fn part(name: &str, part: &str, bus: bool) {
    let home = tempfile::tempdir().unwrap();
    let me = std::env::current_exe().unwrap();
    let mut command = match bus {
        true => Command::new("dbus-run-session"),
        false => Command::new(&me),
    };
    if bus {
        command.arg("--").arg(&me);
    }
    let runtime = home.path().join("run");
    std::fs::create_dir(&runtime).unwrap();
    std::fs::set_permissions(&runtime, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    command
        .arg(format!("part:{part}"))
        .env("HOME", home.path())
        .env("XDG_RUNTIME_DIR", &runtime);
    command
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("XDG_DATA_HOME");
    // Not there yet, and in most parts never.
    command.env(
        "DBUS_SESSION_BUS_ADDRESS",
        format!("unix:path={}", home.path().join("bus").display()),
    );
    let words = home.path().join("stderr");
    let mut child = command
        .stdin(Stdio::null())
        .stderr(std::fs::File::create(&words).unwrap())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if begun.elapsed() > Duration::from_secs(120) => {
                child.kill().unwrap();
                panic!("{name}: hangs");
            }
            None => std::thread::park_timeout(Duration::from_millis(20)),
        }
    };
    assert!(
        status.success(),
        "{name}: {status}\n{}",
        std::fs::read_to_string(&words).unwrap_or_default()
    );
    println!("test {name} ... ok ({:.1} s)", begun.elapsed().as_secs_f32());
}

/// Gives the daemon its password; this makes and unlocks the keyring "login".
fn unlocked_daemon() -> Child {
    let mut daemon = Command::new("gnome-keyring-daemon")
        .args(["--foreground", "--components=secrets", "--unlock"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    daemon.stdin.take().unwrap().write_all(b"test").unwrap();
    daemon
}

async fn until_available(keychain: &Keychain) {
    let begun = Instant::now();
    while keychain.status().await != KeychainStatus::Available {
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", keychain.status().await);
        tokio::task::yield_now().await;
    }
}

async fn vault_at(folder: &Path, keychain: Keychain) -> Vault {
    let pool = store_at(&folder.join("store.db")).await;
    let now = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(0));
    let seconds: i64 = std::env::var("NOW").ok().map_or(1_790_000_000, |text| text.parse().unwrap());
    now.store(seconds, std::sync::atomic::Ordering::SeqCst);
    Vault::open(
        pool,
        keychain,
        VaultSetup {
            installation_id: INSTALLATION.into(),
            locks: folder.join("locks"),
            clock: clock(&now),
        },
    )
}

async fn no_bus() {
    let home = PathBuf::from(std::env::var("HOME").unwrap());
    let keychain = Keychain::os();
    let begun = Instant::now();
    assert!(matches!(keychain.status().await, KeychainStatus::Absent(_)));
    let vault = vault_at(&home, keychain).await;
    assert_eq!(vault.unlock().await.unwrap_err().code, E_KEYCHAIN_ABSENT);
    assert_eq!(vault.unlock().await.unwrap_err().code, E_KEYCHAIN_ABSENT, "a second time too");
    let world = World::with_keychain(Keychain::session_only()).await;
    let signer = world.connected().await;
    assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200);
    assert!(begun.elapsed() < Duration::from_secs(20));
}

async fn no_collection() {
    let home = PathBuf::from(std::env::var("HOME").unwrap());
    // The bus starts the daemon by itself, and it has no keyring.
    let keychain = Keychain::os();
    let status = keychain.status().await;
    assert!(matches!(status, KeychainStatus::Absent(_)), "{status:?}");
    let problem = vault_at(&home, keychain).await.unlock().await.unwrap_err();
    assert_eq!(problem.code, E_KEYCHAIN_ABSENT, "{problem}");
}

async fn locked() {
    let home = PathBuf::from(std::env::var("HOME").unwrap());
    let mut bus = bare_bus(&home);
    let mut daemon = unlocked_daemon();
    let keychain = Keychain::os();
    until_available(&keychain).await;
    vault_at(&home, keychain.clone()).await.unlock().await.unwrap();
    let lock = [
        "--session",
        "--print-reply",
        "--dest=org.freedesktop.secrets",
        "/org/freedesktop/secrets",
    ];
    let sent = Command::new("dbus-send")
        .args(lock)
        .args([
            "org.freedesktop.Secret.Service.Lock",
            "array:objpath:/org/freedesktop/secrets/aliases/default",
        ])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(sent.success());
    assert_eq!(keychain.status().await, KeychainStatus::Locked);
    let problem = vault_at(&home, keychain).await.unlock().await.unwrap_err();
    assert_eq!(problem.code, E_KEYCHAIN_LOCKED, "{problem}");
    for process in [&mut daemon, &mut bus] {
        process.kill().unwrap();
        process.wait().unwrap();
    }
}

async fn desktop() {
    let mut bus = bare_bus(&PathBuf::from(std::env::var("HOME").unwrap()));
    let keychain = Keychain::os();
    let mut daemon = unlocked_daemon();
    until_available(&keychain).await;
    let world = World::with_keychain(keychain.clone()).await;
    world.connected().await;

    // The same home, seen by other programs: three at once, with access that is due for renewal.
    for round in 1..=3 {
        world.days_pass(8);
        let programs: Vec<Child> = (0..3).map(|_| program(&world)).collect();
        for mut program in programs {
            assert!(program.wait().unwrap().success());
        }
        assert_eq!(world.fake.refreshes(), round);
    }
    assert_eq!(world.fake.seen.lock().unwrap().reuses, 0);
    assert_eq!(world.signer().await.send(world.payments()).await.unwrap().status(), 200);

    // A 4,000 byte text fits here; what we keep is far below the limits of the other systems.
    let mut store = OsStore::default();
    let kept = store.read(INSTALLATION).unwrap();
    assert!(kept.len() < 100 && std::str::from_utf8(&kept).is_ok());

    // Somebody deletes the entry: nothing is overwritten, and the key can come back.
    store.erase(INSTALLATION).unwrap();
    let vault = world.another_vault().await;
    assert_eq!(vault.unlock().await.unwrap_err().code, E_KEYCHAIN_KEY_LOST);
    assert!(store.read(INSTALLATION).is_err());
    store.write(INSTALLATION, &kept).unwrap();
    vault.unlock().await.unwrap();

    for process in [&mut daemon, &mut bus] {
        process.kill().unwrap();
        process.wait().unwrap();
    }
}

/// A bus that starts nothing by itself: merely asking would otherwise start a daemon without our password.
fn bare_bus(home: &Path) -> Child {
    let socket = home.join("bus");
    let rules = format!(
        "<busconfig><type>session</type><listen>unix:path={}</listen><policy context=\"default\"><allow send_destination=\"*\"/><allow receive_sender=\"*\"/><allow own=\"*\"/></policy></busconfig>",
        socket.display()
    );
    std::fs::write(home.join("bus.conf"), rules).unwrap();
    let bus = Command::new("dbus-daemon")
        .arg(format!("--config-file={}", home.join("bus.conf").display()))
        .arg("--nofork")
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while std::os::unix::net::UnixStream::connect(&socket).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the bus does not start");
        std::thread::yield_now();
    }
    bus
}

async fn late_bus() {
    let home = PathBuf::from(std::env::var("HOME").unwrap());
    let keychain = Keychain::os();
    let vault = vault_at(&home, keychain.clone()).await;
    // Asked before there is anything: `keyring` itself would keep this failure for the life of the process.
    assert_eq!(vault.unlock().await.unwrap_err().code, E_KEYCHAIN_ABSENT);
    let mut bus = bare_bus(&home);
    let mut daemon = unlocked_daemon();
    until_available(&keychain).await;
    vault.unlock().await.unwrap();

    // The daemon dies and another one comes, on the same bus.
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    assert!(matches!(keychain.status().await, KeychainStatus::Absent(_)));
    assert_eq!(
        vault_at(&home, keychain.clone()).await.unlock().await.unwrap_err().code,
        E_KEYCHAIN_ABSENT
    );
    let mut daemon = unlocked_daemon();
    until_available(&keychain).await;
    vault_at(&home, keychain.clone()).await.unlock().await.unwrap();
    for process in [&mut daemon, &mut bus] {
        process.kill().unwrap();
        process.wait().unwrap();
    }
}

fn program(world: &World) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .arg("part:sync")
        .env("STORE", world.home.path())
        .env("PROVIDER", world.fake.base.as_str())
        .env("NOW", world.now.load(std::sync::atomic::Ordering::SeqCst).to_string())
        .stdin(Stdio::null())
        .spawn()
        .unwrap()
}

/// What a background run does: open the home, sign one request.
async fn sync() {
    let folder = PathBuf::from(std::env::var("STORE").unwrap());
    let base = Url::parse(&std::env::var("PROVIDER").unwrap()).unwrap();
    let provider = providers().unwrap().remove(0);
    let endpoints = provider.practice_endpoints(&base).unwrap();
    let vault = vault_at(&folder, Keychain::os()).await;
    let signer = vault.signer("conn", Which::Current, &provider, &endpoints).await.unwrap();
    let answer = signer.send(client().get(base.join(practice::authority::READ).unwrap())).await.unwrap();
    assert_eq!(answer.status(), 200);
}
