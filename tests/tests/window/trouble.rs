//! Trouble around the window: a locked keychain, none at all, a full disk. Nothing hangs, each is said in its four parts
//! with what can be chosen, and what comes after works.

use crate::window::{SOON, STAGE, Scheme, Window};
use changeover_tests::{home, program};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Longer than a keychain is given to answer.
const KEYCHAIN: Duration = Duration::from_secs(60);

/// A company with real money's settings, never signed in: its books are a practice company's, copied away.
fn real_company(home: &Path) {
    let practice = home::fresh();
    program::run(practice.path(), ["practice", "new", "--seed", "7", "--payments", "40"]).expect(0);
    let book = home.join("bakery.gnucash");
    std::fs::copy(practice.path().join("practice/books/harbour-street-bakery.gnucash"), &book).expect("the practice books are there");
    let file = book.display().to_string();
    let words = [
        "company",
        "add",
        "--books",
        &file,
        "--name",
        "Real Bakery",
        "--zone",
        "America/New_York",
        "--client-id",
        "sq0idp-test",
        "--accept-proposals",
    ];
    program::run(home, words).expect(0);
    // The real Square sends the browser only to a page of the person's own, which is registered with the application.
    let application = ["accounts", "app", "--client-id", "sq0idp-test", "--redirect", "https://bakery.example/signed-in"];
    program::run(home, application).expect(0);
}

/// Tries to connect; the person must be told before any browser opens. A locked keychain asks for its password, which
/// nobody types here, so that its time runs out.
async fn refused_before_the_browser(window: &Window, badge: &str, code: &str) {
    window.sees(badge, SOON).await;
    window.click_in_navigation("Accounts").await;
    window.click("button", "Connect").await;
    window.sees("What will be asked", SOON).await;
    window.click("button", "Open Square in the browser").await;
    if code == "E-KEYCHAIN-TIMEOUT" {
        window.sees("If your keyring asks for its password, answer that first.", SOON).await;
    }
    window.sees(code, KEYCHAIN).await;
    for part in ["Nothing was changed.", "Why", "Next"] {
        window.sees(part, SOON).await;
    }
    for choice in ["Open the page again", "Stay with the present access"] {
        assert!(window.has("button", choice).await, "the choice \"{choice}\" is missing");
    }
    window.shown(&code.to_lowercase(), "light").await;
    window.click("button", "Stay with the present access").await;
    window.click_in_navigation("Today").await;
    window.sees("How money reaches your books", SOON).await;
}

/// A session bus of its own with a locked keychain; the session's own stays as it is. Both end when this is dropped.
struct LockedKeychain {
    address: String,
    bus: Child,
    keyring: Child,
}

impl LockedKeychain {
    fn start(place: &Path) -> LockedKeychain {
        let mut bus = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a session bus can be started");
        let mut address = String::new();
        let said = bus.stdout.take().expect("it was asked for");
        BufReader::new(said).read_line(&mut address).expect("the bus says its address");
        let address = address.trim().to_string();
        let there = |program: &str| {
            let mut command = Command::new(program);
            command
                .env("DBUS_SESSION_BUS_ADDRESS", &address)
                .env("XDG_RUNTIME_DIR", place)
                .env("XDG_DATA_HOME", place);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let mut keyring = there("gnome-keyring-daemon")
            .args(["--foreground", "--components=secrets", "--unlock"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("a keychain can be started");
        // The end of the input is the end of the password.
        keyring
            .stdin
            .take()
            .expect("it was asked for")
            .write_all(b"practice")
            .expect("it reads its password");
        let service = "org.freedesktop.secrets";
        let up = there("gdbus").args(["wait", "--session", "--timeout", "20", service]).status();
        assert!(
            up.expect("gdbus comes with the window's libraries").success(),
            "the keychain did not come up"
        );
        let lock = [
            "--object-path",
            "/org/freedesktop/secrets",
            "--method",
            "org.freedesktop.Secret.Service.Lock",
        ];
        let all = "['/org/freedesktop/secrets/collection/login']";
        let locked = there("gdbus")
            .args(["call", "--session", "--dest", service])
            .args(lock)
            .arg(all)
            .status();
        assert!(locked.expect("it was there a moment ago").success(), "the keychain was not locked");
        LockedKeychain { address, bus, keyring }
    }
}

impl Drop for LockedKeychain {
    fn drop(&mut self) {
        for child in [&mut self.keyring, &mut self.bus] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[tokio::test]
async fn a_locked_keychain_is_a_badge_and_a_four_part_error_and_nothing_hangs() {
    let home = home::fresh();
    real_company(home.path());
    let place = home::fresh();
    let locked = LockedKeychain::start(place.path());
    let bus = format!("DBUS_SESSION_BUS_ADDRESS='{}'", locked.address);
    let window = Window::open_with(home.path(), Scheme::Light, &bus).await;
    let badge = "Keyring is locked. Unlock it to use your sign-ins.";
    refused_before_the_browser(&window, badge, "E-KEYCHAIN-TIMEOUT").await;
    // It still waits for its password, and that is what is said; never that there is none.
    window.click_in_navigation("Settings").await;
    window.sees("Where things are kept", SOON).await;
    window.sees(badge, SOON).await;
    window.close().await;
}

#[tokio::test]
async fn without_any_keychain_the_window_says_so_and_a_sign_in_is_refused_before_the_browser_opens() {
    let home = home::fresh();
    real_company(home.path());
    let nowhere = "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent/bus";
    let window = Window::open_with(home.path(), Scheme::Light, nowhere).await;
    refused_before_the_browser(&window, "There is no keychain", "E-KEYCHAIN-ABSENT").await;
    window.close().await;
}

/// A small disk of its own with what the folder held, taken away again when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where this user may not mount.
    fn mount(at: PathBuf, size: &str) -> Option<SmallDisk> {
        std::fs::create_dir_all(&at).expect("the home folder is ours");
        let earlier = tempfile::tempdir().expect("a temporary folder");
        let copy = |from: &Path, to: &Path| {
            let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status();
            assert!(copied.is_ok_and(|status| status.success()), "{} was not copied", from.display());
        };
        copy(&at, earlier.path());
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(&at)
            .stderr(Stdio::null())
            .status();
        let disk = status.is_ok_and(|status| status.success()).then_some(SmallDisk(at))?;
        copy(earlier.path(), &disk.0);
        Some(disk)
    }

    fn grow(&self, size: &str) {
        let status = Command::new("mount")
            .args(["-o", &format!("remount,size={size}")])
            .arg(&self.0)
            .status();
        assert!(status.expect("it was mounted before").success(), "the small disk does not grow");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a backup's process may still hold it for a moment.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_stops_the_backup_with_the_books_untouched_and_with_room_it_goes_on() {
    let home = home::fresh();
    program::run(home.path(), ["practice", "new", "--seed", "7", "--payments", "40"]).expect(0);
    let Some(disk) = SmallDisk::mount(home.path().join("practice/backups"), "64k") else {
        println!("skipped: this user may not mount a small disk");
        return;
    };
    let window = Window::open(home.path(), Scheme::Light).await;
    window.sees("The Square connector can move from 1 to 2", STAGE).await;
    window.click("link", "Plan the upgrade").await;
    window.click_within("button", "Start the upgrade", STAGE).await;
    window.click_in_dialog("Start the upgrade").await;
    window.sees("E-BACKUP-DISK-FULL", STAGE).await;
    for part in ["Nothing was changed.", "Why", "Next"] {
        window.sees(part, SOON).await;
    }
    window.shown("full-disk", "light").await;
    disk.grow("512m");
    window.click("button", "Go on").await;
    window.sees("Go on to: ", STAGE).await;
    window.close().await;
}
