//! `cargo xtask run`: from a new clone to a practice company on the screen.
//!
//! With a display it opens the window; without one it does the same upgrade in the terminal. The
//! practice company lives in the build folder; nobody's real books are ever opened from here.

use crate::packages::{self, Need};
use crate::{page, shell};
use std::fs;
use std::path::PathBuf;

/// Where the practice company lives.
pub fn practice_home() -> PathBuf {
    shell::target().join("practice-home")
}

pub fn run(arguments: &[String]) -> Result<(), String> {
    let terminal = match arguments {
        [] => !has_display(),
        [one] if one == "--terminal" => true,
        other => return Err(format!("`cargo xtask run` takes --terminal or nothing, not {other:?}.")),
    };
    eprintln!("Changeover builds itself and opens a practice company. The first build takes about ten minutes; later ones take seconds.");
    if terminal { in_the_terminal() } else { in_the_window() }
}

fn has_display() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

fn in_the_terminal() -> Result<(), String> {
    packages::ensure(Need::Terminal)?;
    shell::step("Building changeover", shell::cargo().args(["build", "--package", "cli"]))?;
    let home = practice_home().join("terminal");
    if home.exists() {
        // A finished practice run cannot be upgraded a second time; this folder is ours alone.
        fs::remove_dir_all(&home)
            .map_err(|error| format!("The earlier practice company in {} could not be removed: {error}.", home.display()))?;
    }
    let changeover = shell::target().join("debug/changeover");
    let mut command = shell::program(&changeover.to_string_lossy());
    command.arg("--home").arg(&home).args(["practice", "run", "--seed", "7"]);
    shell::step("Upgrading the practice company in the terminal", &mut command)
}

fn in_the_window() -> Result<(), String> {
    packages::ensure(Need::Window)?;
    page::build()?;
    shell::step("Building the window", shell::cargo().args(["build", "--package", "changeover-window", "--package", "cli"]))?;
    let home = practice_home().join("window");
    if !home.exists() {
        let mut make = shell::program(&shell::target().join("debug/changeover").to_string_lossy());
        make.arg("--home").arg(&home).args(["practice", "new", "--seed", "7"]);
        shell::step("Making the practice company", &mut make)?;
    }
    let mut window = shell::program(&shell::target().join("debug/changeover-window").to_string_lossy());
    window.env("CHANGEOVER_HOME", &home);
    shell::step("Opening the window; close it to end", &mut window)
}
