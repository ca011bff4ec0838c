//! The system's own timer, which starts the terminal program every hour while the window is closed: what is due is then decided there.
//!
//! systemd's user timers on Linux; launchd on macOS and the task scheduler on Windows are written and untested. It writes to the person's
//! own settings only, never to the whole computer's, and sets no condition about battery or network. It must never hold a secret:
//! the program asks the keychain itself. A further system is one more arm in [`files`] and [`commands`].

use crate::home::cannot_write;
use ledger::problem::Code;
use ledger::Problem;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub const E_TIMER: Code = Code("E-TIMER");
pub const CODES: &[Code] = &[E_TIMER];

const NAME: &str = "changeover-backup";
/// How launchd and the task scheduler call it.
const LABEL: &str = "app.changeover.backup";

/// The kinds of timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    Systemd,
    Launchd,
    TaskScheduler,
}

impl System {
    /// Of this computer.
    pub fn here() -> System {
        if cfg!(target_os = "windows") {
            System::TaskScheduler
        } else if cfg!(target_os = "macos") {
            System::Launchd
        } else {
            System::Systemd
        }
    }
}

/// What is started: the terminal program, for the installation in this folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    pub program: PathBuf,
    pub home: PathBuf,
}

/// The terminal program's file name.
const PROGRAM: &str = "changeover";

impl Started {
    /// The terminal program that lies beside the one that runs now, for this folder. Errors: `E-TIMER` where there is none.
    pub fn here(home: &Path) -> Result<Started, Problem> {
        let cannot = |why: String| {
            Problem::new(
                E_TIMER,
                "Backups with the window closed could not be looked at.",
                why,
                "Install Changeover as a whole: the window and the terminal program belong into one folder.",
            )
        };
        let running = std::env::current_exe().map_err(|error| cannot(error.to_string()))?;
        let program = running.with_file_name(format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX));
        match program.is_file() {
            true => Ok(Started { program, home: home.to_path_buf() }),
            false => Err(cannot(format!("\"{}\" is not there.", program.display()))),
        }
    }
}

/// Where a person's own settings lie on this computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `~/.config`, or what stands for it.
    pub config: PathBuf,
    /// The person's own folder.
    pub own: PathBuf,
}

impl Settings {
    /// None where nobody's folder is known.
    pub fn here() -> Option<Settings> {
        let own = PathBuf::from(std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE")).filter(|home| !home.is_empty())?);
        let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute()).unwrap_or_else(|| own.join(".config"));
        Some(Settings { config, own })
    }
}

/// In a unit file `%` begins a placeholder and `$` a variable.
fn in_unit(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$")
}

fn in_markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The files that make the timer, each with its text.
pub fn files(system: System, started: &Started, settings: &Settings) -> Vec<(PathBuf, String)> {
    let (program, home) = (started.program.display().to_string(), started.home.display().to_string());
    match system {
        System::Systemd => {
            let folder = settings.config.join("systemd/user");
            let service = format!(
                "[Unit]\nDescription=Backups of the books that are due\n\n[Service]\nType=oneshot\nExecStart=\"{}\" --home \"{}\" --no-input backup due\nNice=10\n",
                in_unit(&program),
                in_unit(&home)
            );
            // Persistent: an hour that passed while the computer slept or was off is made up for.
            let timer = "[Unit]\nDescription=Looks every hour whether a backup of the books is due\n\n[Timer]\nOnCalendar=hourly\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n";
            vec![(folder.join(format!("{NAME}.service")), service), (folder.join(format!("{NAME}.timer")), timer.to_string())]
        }
        System::Launchd => {
            let text = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\"><dict>\n<key>Label</key><string>{LABEL}</string>\n<key>ProgramArguments</key><array><string>{}</string><string>--home</string><string>{}</string><string>--no-input</string><string>backup</string><string>due</string></array>\n<key>StartInterval</key><integer>3600</integer>\n<key>RunAtLoad</key><true/>\n<key>ProcessType</key><string>Background</string>\n</dict></plist>\n",
                in_markup(&program),
                in_markup(&home)
            );
            vec![(settings.own.join(format!("Library/LaunchAgents/{LABEL}.plist")), text)]
        }
        System::TaskScheduler => {
            let text = format!(
                "<?xml version=\"1.0\"?>\n<Task version=\"1.2\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">\n<Triggers><TimeTrigger><StartBoundary>2026-01-01T00:00:00</StartBoundary><Repetition><Interval>PT1H</Interval></Repetition></TimeTrigger></Triggers>\n<Settings><StartWhenAvailable>true</StartWhenAvailable><DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries><StopIfGoingOnBatteries>false</StopIfGoingOnBatteries><MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy></Settings>\n<Actions><Exec><Command>\"{}\"</Command><Arguments>--home \"{}\" --no-input backup due</Arguments></Exec></Actions>\n</Task>\n",
                in_markup(&program),
                in_markup(&home)
            );
            vec![(started.home.join(format!("{NAME}.xml")), text)]
        }
    }
}

/// The commands that switch it on or off, in order.
fn commands(system: System, on: bool, file: &Path) -> Vec<Vec<String>> {
    let words = |words: &[&str]| words.iter().map(|word| word.to_string()).collect::<Vec<_>>();
    let file = file.display().to_string();
    let timer = format!("{NAME}.timer");
    match (system, on) {
        (System::Systemd, true) => vec![words(&["systemctl", "--user", "daemon-reload"]), words(&["systemctl", "--user", "enable", "--now", &timer])],
        (System::Systemd, false) => vec![words(&["systemctl", "--user", "disable", "--now", &timer])],
        (System::Launchd, true) => vec![words(&["launchctl", "load", "-w", &file])],
        (System::Launchd, false) => vec![words(&["launchctl", "unload", "-w", &file])],
        (System::TaskScheduler, true) => vec![words(&["schtasks", "/Create", "/F", "/TN", LABEL, "/XML", &file])],
        (System::TaskScheduler, false) => vec![words(&["schtasks", "/Delete", "/F", "/TN", LABEL])],
    }
}

fn run(command: &[String]) -> Result<(), String> {
    let Some((program, arguments)) = command.split_first() else { return Ok(()) };
    let shown = command.join(" ");
    let done = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output();
    match done {
        Ok(done) if done.status.success() => Ok(()),
        Ok(done) => Err(format!("`{shown}` ended with {}: {}", done.status, String::from_utf8_lossy(&done.stderr).trim())),
        Err(error) => Err(format!("`{shown}` could not be started: {error}")),
    }
}

fn nobody() -> Problem {
    Problem::new(
        E_TIMER,
        "Backups with the window closed could not be switched.",
        "This system does not say whose folder the settings belong to (HOME is not set).",
        "Keep Changeover open for its daily backups, or let your system run `changeover backup due` every hour.",
    )
}

/// Whether the timer's files are there and start this program for this installation.
pub fn is_on(started: &Started) -> bool {
    let Some(settings) = Settings::here() else { return false };
    files(System::here(), started, &settings).iter().all(|(file, text)| std::fs::read_to_string(file).is_ok_and(|found| found == *text))
}

/// Writes the timer and switches it on. Errors: `E-FILE`, and `E-TIMER` where the system refuses; its files are then gone again.
pub fn switch_on(started: &Started) -> Result<(), Problem> {
    let (system, settings) = (System::here(), Settings::here().ok_or_else(nobody)?);
    let all = files(system, started, &settings);
    for (file, text) in &all {
        let written = file.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(file, text));
        written.map_err(|error| cannot_write(file, &error))?;
    }
    let first = all.first().map(|(file, _)| file.clone()).unwrap_or_default();
    for command in commands(system, true, &first) {
        if let Err(why) = run(&command) {
            for (file, _) in &all {
                // What the system did not take would only look as if it were on.
                let _ = std::fs::remove_file(file);
            }
            return Err(Problem::new(
                E_TIMER,
                "Backups with the window closed could not be switched on.",
                why,
                "Keep Changeover open for its daily backups, or let your system run `changeover backup due` every hour.",
            ));
        }
    }
    Ok(())
}

/// Switches it off and removes its files. Errors: `E-FILE`; what the system says about a timer that is not there is no error.
pub fn switch_off(started: &Started) -> Result<(), Problem> {
    let (system, settings) = (System::here(), Settings::here().ok_or_else(nobody)?);
    let all = files(system, started, &settings);
    let first = all.first().map(|(file, _)| file.clone()).unwrap_or_default();
    for command in commands(system, false, &first) {
        // Without its files it cannot start again, whatever this answers.
        let _ = run(&command);
    }
    for (file, _) in &all {
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(cannot_write(file, &error)),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started() -> Started {
        Started { program: "/opt/My Programs/100%/changeover".into(), home: "/home/ann/$books \"new\"".into() }
    }

    #[test]
    fn the_unit_starts_this_program_for_this_folder_and_has_no_condition_of_its_own() {
        let settings = Settings { config: "/home/ann/.config".into(), own: "/home/ann".into() };
        let all = files(System::Systemd, &started(), &settings);
        let names: Vec<_> = all.iter().map(|(file, _)| file.display().to_string()).collect();
        assert_eq!(names, ["/home/ann/.config/systemd/user/changeover-backup.service", "/home/ann/.config/systemd/user/changeover-backup.timer"]);
        assert!(all[0].1.contains(r#"ExecStart="/opt/My Programs/100%%/changeover" --home "/home/ann/$$books \"new\"" --no-input backup due"#), "{}", all[0].1);
        assert!(all[1].1.contains("OnCalendar=hourly\nPersistent=true\n"));
        for (_, text) in &all {
            assert!(!text.contains("Condition") && !text.contains("Battery") && !text.contains("ACPower"), "{text}");
        }
    }

    #[test]
    fn names_with_markup_stay_names_in_the_other_systems_files() {
        let settings = Settings { config: "/c".into(), own: "/home/ann".into() };
        let odd = Started { program: "/a&b/<changeover>".into(), home: "/home/\"ann\"".into() };
        for system in [System::Launchd, System::TaskScheduler] {
            let all = files(system, &odd, &settings);
            assert!(all[0].1.contains("/a&amp;b/&lt;changeover&gt;") && all[0].1.contains("/home/&quot;ann&quot;"), "{}", all[0].1);
        }
        assert!(files(System::TaskScheduler, &odd, &settings)[0].1.contains("<DisallowStartIfOnBatteries>false"));
    }

    /// systemd's own judgement, where it is installed.
    #[test]
    fn systemd_takes_the_unit_files() {
        let Ok(found) = Command::new("systemd-analyze").arg("--version").output() else {
            println!("skipped: systemd-analyze is not installed");
            return;
        };
        assert!(found.status.success());
        let folder = std::env::temp_dir().join(format!("changeover-units-{}", std::process::id()));
        let settings = Settings { config: folder.clone(), own: folder.clone() };
        // It wants a program that is there.
        let here = Started { program: std::env::current_exe().unwrap(), home: folder.join("a home 100%") };
        let all = files(System::Systemd, &here, &settings);
        for (file, text) in &all {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let judged = Command::new("systemd-analyze").arg("verify").args(all.iter().map(|(file, _)| file)).output().unwrap();
        let words = String::from_utf8_lossy(&judged.stderr).into_owned();
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(judged.status.success() && !words.contains("changeover-backup"), "{words}");
    }
}
