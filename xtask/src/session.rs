//! A desktop session without a desktop: display, session bus, unlocked keychain, window driver.
//!
//! `outside` starts `xvfb-run dbus-run-session cargo xtask session`; `inside` runs in that session,
//! unlocks a keychain of its own, starts the driver and then the window's tests. Home folder and
//! keychain are new each time: the person's own keychain is never opened.

use crate::shell::{self, Companion};
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Where the driver listens, and the web view's own driver behind it.
const PORT: u16 = 4444;
const NATIVE_PORT: u16 = 4445;
const DRIVER_STARTS_WITHIN: Duration = Duration::from_secs(20);

/// Stands for `xdg-open`. An address appears whole or not at all.
const OPENER: &str = r#"#!/bin/sh
if [ -n "$CHANGEOVER_TEST_BROWSER" ]; then
  printf '%s' "$1" > "$CHANGEOVER_TEST_BROWSER/part" && exec mv "$CHANGEOVER_TEST_BROWSER/part" "$CHANGEOVER_TEST_BROWSER/address"
fi
exec "$CHANGEOVER_BIN" practice consent "$1"
"#;

fn tools() -> PathBuf {
    shell::target().join("tools")
}

/// Installs the window driver into the build folder when it is missing.
pub fn driver() -> Result<PathBuf, String> {
    let program = tools().join("bin/tauri-driver");
    if program.is_file() {
        return Ok(program);
    }
    let mut command = shell::cargo();
    command.args(["install", "tauri-driver", "--version", "^2", "--locked", "--root"]).arg(tools());
    command.env("CARGO_TARGET_DIR", tools().join("build"));
    shell::step("Building the window driver (about two minutes, once)", &mut command)?;
    Ok(program)
}

/// The command that opens the session and runs the window's tests in it.
pub fn outside() -> Result<Command, String> {
    let this = std::env::current_exe().map_err(|error| format!("This program's own path is unknown: {error}."))?;
    let place = fresh("session")?;
    let home = place.join("home");
    let runtime = place.join("runtime");
    for dir in [&home, &runtime] {
        fs::create_dir_all(dir).map_err(|error| format!("{} could not be made: {error}.", dir.display()))?;
    }
    shell::permit(&runtime, 0o700).map_err(|error| format!("{}: {error}.", runtime.display()))?;
    let mut command = shell::program("xvfb-run");
    command.args(["-a", "-s", "-screen 0 1920x1200x24", "dbus-run-session", "--"]).arg(this).arg("session");
    // The toolchain stays where it is although the home folder is another one.
    let own = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    for (name, below) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        if std::env::var_os(name).is_none() {
            command.env(name, own.join(below));
        }
    }
    command.env("HOME", &home).env("XDG_RUNTIME_DIR", &runtime).env("GDK_BACKEND", "x11");
    for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "WAYLAND_DISPLAY"] {
        command.env_remove(name);
    }
    Ok(command)
}

/// Runs inside the session, which `outside` starts; names choose among the tests.
pub fn inside(names: &[String]) -> Result<(), String> {
    unlock_keychain()?;
    let driver = driver()?;
    let path = format!("{}:{}", scripted_browser()?.display(), std::env::var("PATH").unwrap_or_default());
    let log = tools().join("tauri-driver.log");
    let output = fs::File::create(&log).map_err(|error| format!("{}: {error}.", log.display()))?;
    let errors = output.try_clone().map_err(|error| format!("{}: {error}.", log.display()))?;
    let child = Command::new(&driver)
        .args(["--port", &PORT.to_string(), "--native-port", &NATIVE_PORT.to_string(), "--native-driver"])
        .arg(shell::find("WebKitWebDriver").ok_or("WebKitWebDriver is not installed.")?)
        .env("PATH", &path)
        .env("CHANGEOVER_BIN", shell::target().join("debug/changeover"))
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .spawn()
        .map_err(|error| format!("The window driver could not be started: {error}."))?;
    let _driver = Companion(child);
    await_port(PORT)?;
    await_port(NATIVE_PORT)?;
    let mut tests = shell::cargo();
    tests.args(["test", "--workspace", "--test", "window", "--", "--test-threads=1", "--nocapture"]).args(names);
    tests
        .env("PATH", path)
        .env("CHANGEOVER_WINDOW_DRIVER", format!("http://127.0.0.1:{PORT}"))
        .env("CHANGEOVER_WINDOW_BIN", shell::target().join("debug/changeover-window"))
        .env("CHANGEOVER_BIN", shell::target().join("debug/changeover"));
    let status = tests.status().map_err(|error| format!("The window's tests could not be started: {error}."))?;
    if status.success() { Ok(()) } else { Err(format!("The window's tests failed; the driver's words are in {}.", log.display())) }
}

/// Makes and unlocks a keychain in the session's own home folder.
fn unlock_keychain() -> Result<(), String> {
    let mut daemon = Command::new("gnome-keyring-daemon")
        .args(["--components=secrets", "--unlock"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("gnome-keyring-daemon could not be started: {error}."))?;
    // No line end: it would become part of the password.
    let mut input = daemon.stdin.take().ok_or("gnome-keyring-daemon takes no input.")?;
    input.write_all(b"practice").map_err(|error| format!("gnome-keyring-daemon: {error}."))?;
    drop(input);
    let status = daemon.wait().map_err(|error| format!("gnome-keyring-daemon: {error}."))?;
    if status.success() { Ok(()) } else { Err("gnome-keyring-daemon did not unlock a keychain.".to_string()) }
}

/// A folder whose `xdg-open` consents at the practice provider instead of opening a browser; where a test drives a real browser, it
/// leaves the address in that test's folder instead.
fn scripted_browser() -> Result<PathBuf, String> {
    let dir = tools().join("browser");
    let script = dir.join("xdg-open");
    let problem = |error: std::io::Error| format!("{}: {error}.", script.display());
    fs::create_dir_all(&dir).map_err(problem)?;
    fs::write(&script, OPENER).map_err(problem)?;
    shell::permit(&script, 0o755).map_err(problem)?;
    Ok(dir)
}

fn await_port(port: u16) -> Result<(), String> {
    let begun = Instant::now();
    while begun.elapsed() < DRIVER_STARTS_WITHIN {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    Err(format!("The window driver did not listen on port {port} within {} s.", DRIVER_STARTS_WITHIN.as_secs()))
}

/// An empty folder of this name below the tools.
fn fresh(name: &str) -> Result<PathBuf, String> {
    let dir = tools().join(name);
    if dir.exists() {
        fs::remove_dir_all(&dir).map_err(|error| format!("{} could not be emptied: {error}.", dir.display()))?;
    }
    fs::create_dir_all(&dir).map_err(|error| format!("{} could not be made: {error}.", dir.display()))?;
    Ok(dir)
}
