//! The window's page: its packages, checks, tests and build, all through npm; and the packages of the OpenID provider that tests start.
//!
//! Rebuilt only when something it is made of is newer than what was built. Must run before the
//! window is compiled, because the window carries the built page inside it.

use crate::shell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// What the built page is made of, below `ui/`.
const SOURCES: &[&str] = &["src", "messages", "public", "static", "index.html", "vite.config.ts", "package-lock.json", "project.inlang"];

/// Oldest Node that the page's tools accept.
const OLDEST_NODE: (u32, u32) = (20, 19);

pub fn folder() -> PathBuf {
    shell::root().join("ui")
}

pub fn npm(arguments: &[&str]) -> Command {
    npm_in(&folder(), arguments)
}

fn npm_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.args(arguments).current_dir(folder).env("npm_config_fund", "false").env("npm_config_audit", "false");
    command
}

/// Installs the page's packages when they are missing or older than the lock file.
pub fn packages() -> Result<(), String> {
    packages_of(&folder(), "Installing the page's packages")
}

/// The same for the OpenID provider that sign-ins are tested against.
pub fn provider_for_tests() -> Result<(), String> {
    packages_of(&shell::root().join("tests/provider"), "Installing the OpenID provider for the tests")
}

fn packages_of(folder: &Path, words: &str) -> Result<(), String> {
    check_node()?;
    let lock = newest(&folder.join("package-lock.json"));
    let installed = newest(&folder.join("node_modules/.package-lock.json"));
    if installed.is_some() && installed >= lock {
        return Ok(());
    }
    shell::quiet_step(words, &mut npm_in(folder, &["ci", "--no-audit", "--no-fund"]))
}

/// Builds the page when it is stale.
pub fn build() -> Result<(), String> {
    packages()?;
    let built = newest(&folder().join("dist/index.html"));
    let source = SOURCES.iter().filter_map(|name| newest(&folder().join(name))).max();
    if built.is_some() && built >= source {
        return Ok(());
    }
    shell::quiet_step("Building the page", &mut npm(&["run", "build"]))
}

fn check_node() -> Result<(), String> {
    let (major, minor) = OLDEST_NODE;
    let wanted = format!("Node {major}.{minor} or newer is needed for the window's page");
    let answer = Command::new("node").arg("--version").output().map_err(|_| format!("{wanted}; no `node` was found."))?;
    let text = String::from_utf8_lossy(&answer.stdout).trim().to_string();
    let mut numbers = text.trim_start_matches('v').split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if found >= OLDEST_NODE { Ok(()) } else { Err(format!("{wanted}; this computer has {text}.")) }
}

/// The newest change below a path. None when there is nothing.
fn newest(path: &Path) -> Option<SystemTime> {
    let data = fs::metadata(path).ok()?;
    if !data.is_dir() {
        return data.modified().ok();
    }
    fs::read_dir(path).ok()?.filter_map(|entry| newest(&entry.ok()?.path())).max()
}
