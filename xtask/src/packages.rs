//! The system packages, in one table: what for, and which command needs them.
//!
//! Installs what is missing where it may (root, or sudo that asks for no password); otherwise it
//! prints the one line to run. It must never ask for a password and never install anything else.
//! Measured on Debian 12 only; elsewhere it names what is missing and says that this is untested.

use crate::shell;
use std::process::{Command, Stdio};

/// What a command is about to do, as far as packages matter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Build and run `changeover` in the terminal.
    Terminal,
    /// Build and open the window.
    Window,
    /// Run the tests that open no window.
    QuickTest,
    /// Run every test, the real window's among them.
    Test,
    /// Compare with GnuCash's own engine.
    Bench,
}

struct Package {
    name: &'static str,
    /// A program that shows that it is there on systems without Debian's package list.
    shown_by: &'static str,
    what_for: &'static str,
    needed_by: &'static [Need],
}

use Need::{Bench, QuickTest, Terminal, Test, Window};

const PACKAGES: &[Package] = &[
    Package {
        name: "build-essential",
        shown_by: "cc",
        what_for: "C compiler and linker, for SQLite, compression and cryptography",
        needed_by: &[Terminal, Window, QuickTest, Test, Bench],
    },
    Package { name: "pkg-config", shown_by: "pkg-config", what_for: "finds the web view's libraries", needed_by: &[Window, Test] },
    Package {
        name: "libwebkit2gtk-4.1-dev",
        shown_by: "",
        what_for: "the web view that the window is drawn in",
        needed_by: &[Window, Test],
    },
    Package { name: "webkit2gtk-driver", shown_by: "WebKitWebDriver", what_for: "clicks in the real window", needed_by: &[Test] },
    Package { name: "chromium", shown_by: "chromium", what_for: "a person's browser, for a sign-in at a certified provider", needed_by: &[Test] },
    Package { name: "chromium-driver", shown_by: "chromedriver", what_for: "clicks in that browser", needed_by: &[Test] },
    Package { name: "xvfb", shown_by: "xvfb-run", what_for: "a display without a screen", needed_by: &[Test] },
    Package { name: "xauth", shown_by: "xauth", what_for: "access to that display", needed_by: &[Test] },
    Package {
        name: "dbus",
        shown_by: "dbus-run-session",
        what_for: "a session bus, over which the keychain speaks",
        needed_by: &[QuickTest, Test],
    },
    Package {
        name: "gnome-keyring",
        shown_by: "gnome-keyring-daemon",
        what_for: "a real OS keychain for the tests",
        needed_by: &[QuickTest, Test],
    },
    Package {
        name: "python3-gnucash",
        shown_by: "",
        what_for: "GnuCash's own engine reads what we wrote",
        needed_by: &[QuickTest, Test, Bench],
    },
    Package { name: "gnucash", shown_by: "gnucash", what_for: "the engine's libraries", needed_by: &[QuickTest, Test, Bench] },
    Package { name: "libdbd-sqlite3", shown_by: "", what_for: "lets GnuCash open its SQLite books", needed_by: &[QuickTest, Test, Bench] },
    Package { name: "restic", shown_by: "restic", what_for: "reads our backups without us", needed_by: &[QuickTest, Test] },
    Package { name: "hledger", shown_by: "hledger", what_for: "checks exported entries", needed_by: &[QuickTest, Test] },
];

/// Sees to it that everything needed is installed.
pub fn ensure(need: Need) -> Result<(), String> {
    if !cfg!(target_os = "linux") || shell::find("dpkg-query").is_none() {
        return elsewhere(need);
    }
    let missing: Vec<&Package> = needed(need).filter(|package| !is_installed(package.name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("==> Missing system packages:");
    for package in &missing {
        eprintln!("    {:<24} {}", package.name, package.what_for);
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    match way_to_root() {
        Some(prefix) => install(&prefix, &names),
        None => Err(format!(
            "Only this computer's administrator can install these packages. Run this one line, then the same command again:\n\n  {}\n",
            line_to_run(&names, shell::find("sudo").is_some())
        )),
    }
}

/// The line for a person; `get-gcc` words it in the same way. Debian set up with a password for root has no sudo.
fn line_to_run(names: &[&str], has_sudo: bool) -> String {
    let install = format!("apt-get install -y --no-install-recommends {}", names.join(" "));
    if has_sudo { format!("sudo apt-get update && sudo {install}") } else { format!("su - -c \"apt-get update && {install}\"") }
}

/// Can we install without asking anybody? The words to put in front of a command, if so.
fn way_to_root() -> Option<Vec<&'static str>> {
    let answers = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok().filter(|out| out.status.success())
    };
    let user = answers("id", &["-u"])?;
    if String::from_utf8_lossy(&user.stdout).trim() == "0" {
        return Some(Vec::new());
    }
    answers("sudo", &["-n", "true"]).map(|_| vec!["sudo", "-n"])
}

fn install(prefix: &[&str], names: &[&str]) -> Result<(), String> {
    let apt = |arguments: &[&str]| {
        // `env` sets the variable behind sudo too.
        let mut words: Vec<&str> = prefix.to_vec();
        words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        words.extend(arguments);
        let mut command = shell::program(words[0]);
        command.args(&words[1..]).stdin(Stdio::null());
        command
    };
    shell::quiet_step("Reading the list of packages", apt(&["update", "-q"]).stdout(Stdio::null()))?;
    let mut arguments = vec!["install", "-y", "-q", "--no-install-recommends"];
    arguments.extend(names);
    shell::step("Installing system packages (a few minutes the first time)", &mut apt(&arguments))
}

fn is_installed(name: &str) -> bool {
    let answer = Command::new("dpkg-query").args(["-W", "-f=${db:Status-Status}", name]).stderr(Stdio::null()).output();
    answer.is_ok_and(|out| out.status.success() && out.stdout.starts_with(b"installed"))
}

fn needed(need: Need) -> impl Iterator<Item = &'static Package> {
    PACKAGES.iter().filter(move |package| package.needed_by.contains(&need))
}

/// Not Debian: nothing is installed, and what seems to be missing is named.
fn elsewhere(need: Need) -> Result<(), String> {
    eprintln!("==> This has been tested on Debian 12 only; on this system you install what is needed yourself:");
    for package in needed(need) {
        let state = match package.shown_by {
            "" => "not checked",
            program if shell::find(program).is_some() => "found",
            _ => "missing",
        };
        eprintln!("    {:<24} {:<12} {}", package.name, state, package.what_for);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_says_what_it_is_for_and_who_needs_it() {
        for package in PACKAGES {
            assert!(!package.what_for.is_empty() && !package.needed_by.is_empty(), "{}", package.name);
        }
    }

    /// `get-gcc` runs before anything of ours is built, so it reads this file; the pattern below is the one in it.
    #[test]
    fn the_linker_script_finds_every_package_of_the_table() {
        let script = std::fs::read_to_string(shell::root().join("xtask/get-gcc")).unwrap();
        let pattern = script.lines().find_map(|line| line.trim().strip_prefix("names=$(sed -n '")).unwrap().split('\'').next().unwrap();
        let table = shell::root().join("xtask/src/packages.rs");
        let out = Command::new("sed").args(["-n", pattern]).arg(table).output().unwrap();
        let found: Vec<String> = String::from_utf8(out.stdout).unwrap().lines().map(str::to_string).collect();
        assert_eq!(found, PACKAGES.iter().map(|package| package.name).collect::<Vec<_>>());
    }

    #[test]
    fn the_line_to_run_works_with_and_without_sudo() {
        assert_eq!(
            line_to_run(&["one", "two"], true),
            "sudo apt-get update && sudo apt-get install -y --no-install-recommends one two"
        );
        assert_eq!(
            line_to_run(&["one"], false),
            "su - -c \"apt-get update && apt-get install -y --no-install-recommends one\""
        );
    }

    #[test]
    fn the_full_test_needs_everything_that_the_window_and_the_quick_test_need() {
        for package in needed(Window).chain(needed(QuickTest)) {
            assert!(package.needed_by.contains(&Test), "{}", package.name);
        }
    }
}
