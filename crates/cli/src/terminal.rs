//! What every command has at hand: the home folder, the screen, and the way to the engine.
//!
//! It must never open anything before a command asks: `--help` and a usage error touch no file.

use crate::browser::SystemBrowser;
use crate::screen::Screen;
use crate::vault::Asking;
use api::{App, Start};
use authorization::OpenPage;
use engine::progress::Watcher;
use ledger::Problem;
use std::ffi::OsString;
use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub struct Terminal {
    pub home: PathBuf,
    /// The folder is not the usual one, so commands that are shown must name it.
    named_home: bool,
    pub screen: Screen,
    /// How a passphrase is asked for.
    pub asking: Asking,
}

impl Terminal {
    /// Errors: `E-HOME` when no folder was named and the system names none.
    pub fn new(chosen: Option<PathBuf>, screen: Screen) -> Result<Terminal, Problem> {
        let named_home = chosen.is_some();
        let home = match chosen.or_else(|| default_home(&|name| std::env::var_os(name).map(PathBuf::from))) {
            Some(home) => home,
            None => {
                return Err(Problem::new(
                    engine::home::E_HOME,
                    "There is no folder in which Changeover could keep its data.",
                    "Neither --home nor CHANGEOVER_HOME was given, and this system names no data folder.",
                    "Name a folder with --home.",
                ));
            }
        };
        let home = std::path::absolute(&home).map_err(|error| engine::home::cannot_use(&home, &error))?;
        Ok(Terminal { home, named_home, screen, asking: Asking::default() })
    }

    /// A command as the person would type it here.
    pub fn command(&self, words: &str) -> String {
        let program = program(std::env::args_os().next());
        if self.named_home {
            format!("{program} --home {} {words}", typed(&self.home.display().to_string()))
        } else {
            format!("{program} {words}")
        }
    }

    /// Opens the installation with the person's own browser at hand.
    pub async fn app(&self) -> Result<App, Problem> {
        self.app_with(Arc::new(SystemBrowser)).await
    }

    pub async fn app_with(&self, browser: Arc<dyn OpenPage>) -> Result<App, Problem> {
        let app = App::start(Start {
            home: self.home.clone(),
            browser,
            changed: Arc::new(|| {}),
            worker: None,
            actor: actor(),
        })
        .await?;
        app.real().vault.ask_with(Arc::new(self.asking.clone()));
        Ok(app)
    }

    /// Reports long work on the screen. The first Ctrl-C asks it to stop at its next safe point, the second ends at once.
    pub fn watcher(&self) -> Watcher {
        let screen = self.screen.clone();
        let watcher = Watcher::new(move |progress| screen.progress(&progress));
        let (screen, stopping) = (self.screen.clone(), watcher.clone());
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_err() {
                return;
            }
            screen.say("Stopping at the next safe point. Press Ctrl-C again to end at once; nothing is lost then either.");
            stopping.cancel();
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(INTERRUPTED);
            }
        });
        watcher
    }

    /// Asks a person to say yes. Where nobody can be asked, nothing is done.
    pub fn ask(&self, question: &str, yes: bool) -> Answered {
        if yes {
            return Answered::Yes;
        }
        self.screen.rest();
        if !std::io::stdin().is_terminal() {
            self.screen.say(question);
            self.screen
                .say("Nothing was done: there is nobody here to ask. Add --yes if it is meant.");
            return Answered::Nobody;
        }
        self.screen.say(&format!("{question} [y/N]"));
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        if read.is_ok() && matches!(line.trim(), "y" | "Y" | "yes") {
            return Answered::Yes;
        }
        self.screen.say("Nothing was done.");
        Answered::No
    }
}

/// What a person said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    Yes,
    No,
    /// There is no terminal to ask at.
    Nobody,
}

/// The program's name as it was started: where that was a path, the name alone would not be found.
fn program(started_as: Option<OsString>) -> String {
    let path = started_as.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match path.contains(['/', '\\']) {
        true => typed(&path),
        false => "changeover".to_string(),
    }
}

/// In quotes where a shell would take it apart.
fn typed(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/\\._-:~+@%".contains(c);
    if word.chars().all(plain) {
        word.to_string()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The usual status of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Who acts, for the log: the name of the person's account on this computer.
fn actor() -> String {
    let name = std::env::var("USER").or_else(|_| std::env::var("USERNAME")).unwrap_or_default();
    if name.is_empty() {
        "terminal".to_string()
    } else {
        format!("terminal:{name}")
    }
}

/// `CHANGEOVER_HOME`, else a folder of ours in the system's data folder.
fn default_home(env: &dyn Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let set = |name: &str| env(name).filter(|path| !path.as_os_str().is_empty());
    if let Some(home) = set("CHANGEOVER_HOME") {
        return Some(home);
    }
    let data = if cfg!(windows) {
        set("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        set("HOME").map(|home| home.join("Library").join("Application Support"))
    } else {
        // The specification says to ignore a relative one.
        set("XDG_DATA_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| set("HOME").map(|home| home.join(Path::new(".local/share"))))
    };
    data.map(|data| data.join("changeover"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_to_type_name_the_program_so_that_a_shell_finds_it() {
        for (started_as, name) in [
            ("changeover", "changeover"),
            ("target/debug/changeover", "target/debug/changeover"),
            ("/home/ann lee/changeover", "'/home/ann lee/changeover'"),
            ("/o'hara/changeover", r"'/o'\''hara/changeover'"),
        ] {
            assert_eq!(program(Some(started_as.into())), name);
        }
        assert_eq!(program(None), "changeover");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_home_folder_is_the_named_one_then_the_systems() {
        let with = |pairs: &'static [(&'static str, &'static str)]| {
            default_home(&|name| {
                pairs
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map(|(_, value)| PathBuf::from(value))
            })
        };
        assert_eq!(with(&[("CHANGEOVER_HOME", "/a"), ("HOME", "/h")]), Some("/a".into()));
        assert_eq!(with(&[("XDG_DATA_HOME", "/d"), ("HOME", "/h")]), Some("/d/changeover".into()));
        assert_eq!(
            with(&[("XDG_DATA_HOME", "relative"), ("HOME", "/h")]),
            Some("/h/.local/share/changeover".into())
        );
        assert_eq!(
            with(&[("CHANGEOVER_HOME", ""), ("HOME", "/h")]),
            Some("/h/.local/share/changeover".into())
        );
        assert_eq!(with(&[]), None);
    }
}
