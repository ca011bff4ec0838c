//! A whole practice upgrade through the built program, and afterwards no secret anywhere: not in the home's bytes, not in what its
//! databases hold, not in the backups as restored, not in the evidence, not on the terminal.
//!
//! It runs on a session bus with a keychain of its own, in a process of its own, so that the master key can be known
//! too. Where no bus can be started the search is made without the keys that nobody can then see, and says so.

use changeover_tests::secrets::{Hit, Search, Secret, spellings};
use changeover_tests::{bakery, home, program};
use engine::{backups, signing, store};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const CHILD: &str = "CHANGEOVER_TEST_SECRETS_CHILD";
/// What the practice Square writes its pretend secrets to.
const SECRETS_FILE: &str = "CHANGEOVER_PRACTICE_SECRETS";
/// The one file of a practice home that holds a secret in the clear: DECISIONS.md, "Practice has a home of its own".
const ALLOWED: &str = "practice/practice-recovery-kit.txt";
const DEADLINE: Duration = Duration::from_secs(900);
/// A point in the middle of the upgrade: after the new sign-in, while the books are changed.
const DIES_AT: &str = "#100";

#[test]
fn no_secret_of_a_whole_upgrade_is_in_the_home_the_backups_the_evidence_or_on_the_terminal() {
    let place = home::fresh();
    let missing = ["dbus-run-session", "dbus-send", "gnome-keyring-daemon"].into_iter().find(|name| !installed(name));
    let this = std::env::current_exe().expect("the test program");
    let mut command = match missing {
        None => {
            let mut command = Command::new("dbus-run-session");
            command.arg("--").arg(&this);
            command
        }
        Some(missing) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing} is not installed");
            println!("without a keychain, because {missing} is not installed: the keys that it would hold are not looked for");
            let mut command = Command::new(&this);
            command.env_remove("DBUS_SESSION_BUS_ADDRESS");
            command
        }
    };
    // A login of its own: the person's keychain is never opened.
    let (login, runtime) = (place.path().join("login"), place.path().join("runtime"));
    for folder in [&login, &runtime] {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    }
    command.args(["--exact", "secrets::child_process_of_the_search", "--nocapture", "--test-threads=1"]);
    command.env(CHILD, place.path()).env("CHANGEOVER_BIN", program::changeover());
    command.env("HOME", &login).env("XDG_RUNTIME_DIR", &runtime);
    for name in ["XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "DISPLAY", "WAYLAND_DISPLAY"] {
        command.env_remove(name);
    }
    let ran = program::start(&mut command).finish(DEADLINE).expect(0);
    assert!(ran.stdout.contains("searched"), "the child made its search\n{}\n{}", ran.stdout, ran.stderr);
    for line in ran.stdout.lines().filter(|line| line.contains("searched")) {
        println!("{line}");
    }
}

fn installed(name: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()))
}

/// Not a test of its own: what runs on the bus. Without the variable it has nothing to do.
#[test]
fn child_process_of_the_search() {
    let Some(place) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_stack_size(8 << 20).enable_all().build().unwrap();
    let mut keyring = std::env::var_os("DBUS_SESSION_BUS_ADDRESS").map(|_| unlocked_keyring());
    runtime.block_on(upgrade_and_search(&place, keyring.is_some()));
    if let Some(keyring) = &mut keyring {
        keyring.kill().unwrap();
        keyring.wait().unwrap();
    }
}

/// Gives the daemon its password, which makes and unlocks the keyring "login".
fn unlocked_keyring() -> Child {
    let mut daemon = Command::new("gnome-keyring-daemon")
        .args(["--foreground", "--components=secrets", "--unlock"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    daemon.stdin.take().unwrap().write_all(b"test").unwrap();
    let begun = Instant::now();
    // Asking the keychain before the daemon has taken its name would make the bus start a second one.
    let named = || {
        let mut ask = Command::new("dbus-send");
        ask.args(["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.NameHasOwner"]);
        ask.arg("string:org.freedesktop.secrets").output().is_ok_and(|answer| String::from_utf8_lossy(&answer.stdout).contains("boolean true"))
    };
    while !named() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the keyring does not take its name");
        std::thread::park_timeout(Duration::from_millis(50));
    }
    while !matches!(authorization::keychain::KeyStore::status(&mut authorization::keychain::OsStore::default()), authorization::KeychainStatus::Available) {
        assert!(begun.elapsed() < Duration::from_secs(30), "the keyring does not open");
        std::thread::park_timeout(Duration::from_millis(50));
    }
    daemon
}

/// The built program, at its most talkative; everything it says is kept.
struct Person<'a> {
    home: &'a Path,
    secrets: &'a Path,
    heard: Vec<(String, String)>,
}

impl Person<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program::command(self.home, arguments);
        command.env(SECRETS_FILE, self.secrets).env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
        command
    }

    fn does(&mut self, arguments: &[&str]) -> program::Ran {
        self.enters(arguments, "")
    }

    /// The same, with a line that the person types.
    fn enters(&mut self, arguments: &[&str], line: &str) -> program::Ran {
        let typed = self.home.with_extension("typed");
        std::fs::write(&typed, format!("{line}\n")).unwrap();
        let ran = program::start(self.command(arguments).stdin(std::fs::File::open(&typed).unwrap())).finish(program::DEADLINE);
        std::fs::remove_file(&typed).unwrap();
        let name = arguments.join(" ");
        self.heard.push((format!("stdout of {name}"), ran.stdout.clone()));
        self.heard.push((format!("stderr of {name}"), ran.stderr.clone()));
        ran
    }
}

/// A key and an application's secret are entered, wrong ones too; what must be found nowhere afterwards.
async fn access_by_entry(person: &mut Person<'_>) -> Vec<Secret> {
    let (key, narrow, standard) = ("rk_live_4eC39HqLyjWDarjtT1zdp7dc", "rk_live_9bN27KzMxPqRsTuVwXyZaAbB", "sk_live_7gH65FdSaQwErTyUiOpLkJhG");
    let secret = "qb0-Application-Secret-5f2e9c";
    let all = ["/v1/balance_transactions", "/v1/charges", "/v1/disputes", "/v1/payouts"];
    let may = |paths: &[&str]| paths.iter().map(|path| path.to_string()).collect::<BTreeSet<String>>();
    let server = practice::serve_elsewhere(practice::Elsewhere {
        company: ("4620816".into(), "Harbour Street Bakery".into()),
        keys: BTreeMap::from([(key.to_string(), may(&all)), (narrow.to_string(), may(&all[..1]))]),
        live: true,
        application: ("my-app".into(), secret.into()),
    })
    .await
    .unwrap();
    for provider in ["stripe", "quickbooks"] {
        person.does(&["accounts", "add", provider, "--at", &server.base_url]).expect(0);
    }
    let connect = ["accounts", "connect", "--account", "stripe"];
    let refused = person.enters(&connect, standard).expect(1);
    assert!(refused.stderr.contains("E-SIGN-IN-REFUSED"), "{}", refused.stderr);
    person.enters(&connect, narrow);
    person.enters(&connect, key).expect(0);
    person.enters(&["accounts", "app", "--account", "quickbooks", "--client-id", "my-app"], secret);
    assert!(server.asked().iter().any(|path| path == "/v1/payouts"), "the key was proved at the provider");
    [("key", key), ("narrow key", narrow), ("key of the wrong kind", standard), ("application-secret", secret)]
        .map(|(kind, text)| Secret::new(kind, text))
        .into_iter()
        .chain(server.issued().into_iter().map(|token| Secret::new("token of another provider", token)))
        .collect()
}

async fn upgrade_and_search(place: &Path, keychain: bool) {
    let (home, outside) = (place.join("home"), place.join("outside"));
    let (issued, evidence, kits) = (place.join("issued.txt"), outside.join("evidence"), place.join("kits"));
    for folder in [&evidence, &kits] {
        std::fs::create_dir_all(folder).unwrap();
    }
    let mut person = Person { home: &home, secrets: &issued, heard: Vec::new() };
    person.does(&["practice", "run", "--seed", "7", "--payments", "40"]).expect(0);
    let entered = access_by_entry(&mut person).await;
    let in_evidence = |name: &str| evidence.join(name).display().to_string();
    let kit_elsewhere = kits.join("kit.txt").display().to_string();
    let looks: &[&[&str]] = &[
        &["log", "show", "--limit", "100000"],
        &["log", "verify"],
        &["log", "export", &in_evidence("log.jsonl")],
        &["log", "checkpoint", "--to", &in_evidence("checkpoint.txt")],
        &["log", "verify", "--checkpoint", &in_evidence("checkpoint.txt")],
        &["upgrade", "list"],
        &["upgrade", "show"],
        &["upgrade", "differences"],
        &["reconcile", "show"],
        &["reconcile", "export", "--to", &in_evidence("reconcile.csv")],
        &["accounts", "list"],
        &["company", "list"],
        &["backup", "list"],
        &["backup", "verify"],
        &["backup", "preview"],
        &["backup", "recovery-kit", &kit_elsewhere],
        &["doctor"],
        &["run", "app_view", "{}"],
    ];
    for look in looks {
        let plain = person.does(look);
        assert_ne!(plain.code, Some(2), "{look:?} is no command: {}", plain.stderr);
        let json: Vec<&str> = std::iter::once("--json").chain(look.iter().copied()).collect();
        person.does(&json);
    }

    // Every change of stage left a signed checkpoint; the last one is that of the end.
    let logs = person.does(&["--json", "log", "verify"]).expect(0).json();
    let log = logs.as_array().unwrap().iter().find(|log| log["log"] == "practice log").expect("the practice log").clone();
    assert!(log["signed"]["to"].as_u64().is_some_and(|to| to > 50), "{logs}");

    let mut secrets = issued_secrets(&issued);
    secrets.extend(entered);
    secrets.extend(kit_secrets("the practice kit's", &std::fs::read_to_string(home.join(ALLOWED)).unwrap()));
    secrets.extend(kit_secrets("the second kit's", &std::fs::read_to_string(&kit_elsewhere).unwrap()));
    if keychain {
        secrets.extend(kept_secrets(&home).await);
    }

    // A power cut leaves what a clean end tidies away: the write-ahead log, half-made backups, working copies.
    let (cut_home, cut_issued) = (place.join("cut"), place.join("issued-cut.txt"));
    let mut cut = Person { home: &cut_home, secrets: &cut_issued, heard: Vec::new() };
    let mut dying = cut.command(&["practice", "run", "--seed", "7", "--payments", "1"]);
    let died = program::start(dying.env("CHANGEOVER_DIE_AT", DIES_AT)).finish(program::DEADLINE);
    assert!(died.stderr.contains("died at point"), "{:?}\n{}", died.code, died.stderr);
    cut.heard.push(("terminal before the power cut".into(), died.stdout + &died.stderr));
    let logs = std::fs::metadata(cut_home.join("practice/changeover.sqlite-wal")).map_or(0, |facts| facts.len());
    assert!(logs > 0, "the power cut left a write-ahead log");
    secrets.extend(issued_secrets(&cut_issued));
    secrets.extend(kit_secrets("the cut kit's", &std::fs::read_to_string(cut_home.join(ALLOWED)).unwrap()));

    let mut count: BTreeMap<String, u64> = BTreeMap::new();
    for secret in &secrets {
        *count.entry(secret.kind.clone()).or_default() += 1;
    }
    for kind in ["access-token", "refresh-token", "code", "verifier", "state"] {
        assert!(count.get(kind).is_some_and(|n| *n >= 4), "two sign-ins in each of two homes: {count:?}");
    }
    assert!(!count.contains_key("client-secret"), "the connector is a public client and has none: {count:?}");

    let restored = restore_everything(&mut person, &home, &outside);
    let search = Search::new(secrets);
    let mut hits = BTreeSet::new();
    let (files, bytes) = search.folder(&home, &mut hits).await;
    let (left, left_bytes) = search.folder(&cut_home, &mut hits).await;
    let (out, out_bytes) = search.folder(&outside, &mut hits).await;
    for (name, text) in person.heard.iter().chain(&cut.heard) {
        search.bytes(name, text.as_bytes(), &mut hits);
    }
    // Exactly this file, with what is printed on it, and nothing else anywhere.
    let places: BTreeSet<&str> = hits.iter().map(|hit| hit.place.as_str()).collect();
    assert_eq!(places, BTreeSet::from([ALLOWED]), "{hits:#?}");
    let kinds: BTreeSet<&str> = hits.iter().map(|hit| hit.kind.as_str()).collect();
    assert!(kinds.iter().all(|kind| kind.ends_with("recovery code") || kind.contains("key of the backups")), "{kinds:?}");
    assert!(kinds.iter().any(|kind| kind.ends_with("recovery code")), "the search sees what is there: {kinds:?}");
    for (one, least) in [(files, 30), (left, 10), (out, 20)] {
        assert!(one >= least, "{files} {left} {out} files");
    }
    println!(
        "searched {} files with {} MB, {} restored backups and {} texts for {} secrets",
        files + left + out,
        (bytes + left_bytes + out_bytes) / 1_000_000,
        restored,
        person.heard.len() + cut.heard.len(),
        search.secrets().len()
    );
    what_is_planted_is_found(&search, &home).await;
}

/// What the practice Square issued or was shown.
fn issued_secrets(file: &Path) -> Vec<Secret> {
    let text = std::fs::read_to_string(file).expect("the practice Square wrote its secrets down");
    text.lines().filter_map(|line| line.split_once(' ')).map(|(kind, secret)| Secret::new(kind, secret)).collect()
}

/// What a recovery kit opens, in every way it can be written.
fn kit_secrets(whose: &str, kit: &str) -> Vec<Secret> {
    let line = |name: &str| kit.lines().find_map(|line| line.strip_prefix(name)).expect(name).trim().to_string();
    let (code, key) = (line("Recovery code:"), line("Repository key:"));
    let kind = format!("{whose} recovery code");
    let mut secrets = vec![Secret::new(&kind, code.replace('-', "")), Secret::new(&kind, &code)];
    let parts: serde_json::Value = serde_json::from_str(&key).expect("the key is JSON");
    for part in [&parts["mac"]["k"], &parts["mac"]["r"], &parts["encrypt"]] {
        let text = part.as_str().expect("a part of the key");
        secrets.push(Secret::new(format!("{whose} key of the backups"), text));
        secrets.push(Secret::new(format!("{whose} key of the backups, as bytes"), unbase64(text)));
    }
    secrets.push(Secret::new(format!("{whose} key of the backups"), key));
    secrets
}

fn unbase64(text: &str) -> Vec<u8> {
    let url = text.contains(['-', '_']);
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        other => panic!("{other} is not of base64 (url: {url})"),
    };
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        bits = bits << 6 | u32::from(value(letter));
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes
}

/// The master key from the keychain, and what it has sealed.
async fn kept_secrets(home: &Path) -> Vec<Secret> {
    let app = bakery::app(home).await;
    let engine = app.practice_engine().await.unwrap_or_else(|problem| panic!("{problem}"));
    let stored = authorization::keychain::KeyStore::read(&mut authorization::keychain::OsStore::default(), &engine.installation);
    let stored = String::from_utf8(stored.expect("the keychain holds the master key").to_vec()).unwrap();
    let master = stored.strip_prefix("v1:").expect("the master key's form");
    let mut secrets = vec![Secret::new("master key", master), Secret::new("master key, as bytes", unbase64(master))];
    for name in [backups::KEY_NAME, signing::KEY_NAME] {
        let sealed = store::setting(&engine.pool, name).await.unwrap().unwrap_or_else(|| panic!("{name} was never made"));
        let opened = engine.vault.open_named(name, &sealed).await.unwrap_or_else(|problem| panic!("{problem}"));
        let text = secrecy::ExposeSecret::expose_secret(&opened);
        if let Ok(bytes) = hex::decode(text) {
            secrets.push(Secret::new(format!("{name}, as bytes"), bytes));
        }
        // The kit holds the same key.
        let kind = if name == backups::KEY_NAME { "the key of the backups" } else { name };
        secrets.push(Secret::new(kind, text));
    }
    for engine in app.engines().await {
        engine.pool.close().await;
    }
    secrets
}

/// Every backup of the home, by our own restore and by restic, below `outside`. Gives how many folders were made.
fn restore_everything(person: &mut Person<'_>, home: &Path, outside: &Path) -> usize {
    let (repository, kit) = (home.join("practice/backups"), home.join(ALLOWED));
    let (repository_text, kit_text) = (repository.display().to_string(), kit.display().to_string());
    let snapshots: Vec<String> = std::fs::read_dir(repository.join("snapshots"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(snapshots.len() >= 3, "a backup and two rollback points at least: {snapshots:?}");
    let mut made = 0;
    for snapshot in &snapshots {
        let to = outside.join(format!("ours-{}", &snapshot[..8])).display().to_string();
        let restore = ["backup", "restore", snapshot, "--from", &repository_text, "--recovery-key", &kit_text, "--to", &to];
        // Away from the home, as on another computer.
        person.does(&restore).expect(0);
        made += 1;
    }
    if !installed("restic") {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "restic is not installed");
        println!("restic is not installed: its restore is not searched");
        return made;
    }
    let code = outside.with_file_name("code.txt");
    let text = std::fs::read_to_string(&kit).unwrap();
    std::fs::write(&code, text.lines().find_map(|line| line.strip_prefix("Recovery code: ")).expect("the code")).unwrap();
    for snapshot in &snapshots {
        let mut restic = Command::new("restic");
        restic.arg("-r").arg(&repository).arg("--password-file").arg(&code).args(["--no-cache", "--no-lock", "restore", snapshot]);
        let ran = program::start(restic.arg("--target").arg(outside.join(format!("restic-{}", &snapshot[..8])))).finish(program::DEADLINE).expect(0);
        person.heard.push((format!("restic restore {snapshot}"), ran.stdout + &ran.stderr));
        made += 1;
    }
    std::fs::remove_file(&code).unwrap();
    made
}

/// The search can fail: what is put into this very home is found where it was put.
async fn what_is_planted_is_found(search: &Search, home: &Path) {
    let token = search.secrets().iter().find(|secret| secret.kind == "access-token").expect("a token").bytes.clone();
    let folder = home.join("practice/work/planted");
    std::fs::create_dir_all(&folder).unwrap();
    let noise: Vec<u8> = (0..5_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let file = folder.join("planted.bin");
    std::fs::write(&file, [noise.clone(), token.clone(), noise].concat()).unwrap();
    let store = home.join("practice/changeover.sqlite");
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", store.display())).await.unwrap();
    sqlx::query("CREATE TABLE planted (packed BLOB)").execute(&pool).await.unwrap();
    sqlx::query("INSERT INTO planted VALUES ($1)").bind(zstd::encode_all(&token[..], 3).unwrap()).execute(&pool).await.unwrap();
    pool.close().await;
    let mut hits = BTreeSet::new();
    search.folder(home, &mut hits).await;
    let found: BTreeSet<&str> = hits.iter().filter(|hit| hit.kind == "access-token").map(|hit| hit.place.as_str()).collect();
    assert!(found.contains("practice/work/planted/planted.bin"), "{found:?}");
    assert!(found.contains("practice/changeover.sqlite, table planted, packed"), "{found:?}");
}

/// Text as a program writes it around a secret.
fn written(spelling: &str, secret: &[u8]) -> Vec<u8> {
    spellings(secret).into_iter().find(|(name, _)| *name == spelling).unwrap_or_else(|| panic!("no spelling {spelling}")).1
}

#[tokio::test]
async fn the_search_finds_a_planted_secret_in_every_spelling_and_container() {
    let secret = "EAAA-canary_0123456789?%abcdefXYZ";
    let search = Search::new([Secret::new("canary", secret), Secret::new("another", "0000000000000000000000")]);
    let found = |bytes: &[u8]| {
        let mut hits = BTreeSet::new();
        search.bytes("here", bytes, &mut hits);
        hits.into_iter().map(|hit| hit.spelling).collect::<Vec<_>>()
    };
    // Encoders of others, not ours: what they make must be found, at each alignment, amid other text.
    let standard = |text: &str| Command::new("base64").arg("-w0").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map(|mut child| {
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        child.wait_with_output().unwrap().stdout
    });
    for (number, before) in ["", "x", "xy", "xyz"].into_iter().enumerate() {
        let encoded = standard(&format!("{before}{secret}!!")).expect("base64 of the system");
        assert_eq!(found(&encoded), [["base64 at 0", "base64 at 1", "base64 at 2"][number % 3]], "{before}");
        let url: Vec<u8> = encoded.iter().map(|b| match b { b'+' => b'-', b'/' => b'_', other => *other }).collect();
        assert!(!found(&url).is_empty(), "{before}");
    }
    assert_eq!(found(format!("…{secret}…").as_bytes()), ["raw"]);
    assert_eq!(found(hex::encode(format!("a{secret}b")).as_bytes()), ["hex"]);
    assert_eq!(found(hex::encode_upper(secret).as_bytes()), ["HEX"]);
    let wide: Vec<u8> = format!("{secret}b").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(found(&wide), ["UTF-16LE"]);
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("token", secret).finish();
    assert_eq!(found(query.as_bytes()), ["percent"], "{query}");
    for spelling in ["UTF-16BE", "percent, every letter", "percent, small letters", "small letters"] {
        assert!(!found(&written(spelling, secret.as_bytes())).is_empty(), "{spelling}");
    }
    // One letter off is another text, and half of it is not it.
    assert_eq!(found(secret.replace('c', "d").as_bytes()), [""; 0]);
    assert_eq!(found(&secret.as_bytes()[..20]), [""; 0]);

    // In files: below folders, in names, packed, scattered over a database's pages, in its write-ahead log.
    let place = home::fresh();
    let write = |name: &str, bytes: &[u8]| {
        let file = place.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    };
    write("deep/er/log.txt", format!("GET /?token={secret} HTTP/1.1").as_bytes());
    write("packed.zst", &zstd::encode_all(format!("{secret}{}", "a".repeat(4_000)).as_bytes(), 3).unwrap());
    write(&format!("names/{}", "EAAA-canary_0123456789"), b"not the whole of it");
    let file = place.path().join("store.sqlite");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&file).create_if_missing(true).journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
    let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    for statement in ["PRAGMA page_size = 512", "CREATE TABLE facts (name TEXT, value BLOB)"] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    let long: Vec<u8> = std::iter::repeat_n(b"=".as_slice(), 460).chain([secret.as_bytes()]).chain(std::iter::repeat_n(b"=".as_slice(), 9_000)).flatten().copied().collect();
    for value in [long, zstd::encode_all(secret.as_bytes(), 3).unwrap()] {
        sqlx::query("INSERT INTO facts VALUES ('x', $1)").bind(value).execute(&pool).await.unwrap();
    }
    let mut hits = BTreeSet::new();
    search.folder(place.path(), &mut hits).await;
    pool.close().await;
    let places: BTreeSet<&str> = hits.iter().map(|Hit { place, .. }| place.as_str()).collect();
    for expected in ["deep/er/log.txt", "packed.zst, unpacked", "store.sqlite, table facts, value"] {
        assert!(places.contains(expected), "{expected} not among {places:?}");
    }
    assert!(hits.iter().all(|hit| hit.kind == "canary"), "{hits:?}");
    assert!(std::panic::catch_unwind(|| Search::new([Secret::new("short", "12345")])).is_err(), "too short to be looked for");
}
