//! Starting other programs: with a title, the seconds it took, and a sign of life while it is quiet.
//!
//! It must never print an environment variable's value (some hold secrets in CI) and never ends a
//! program that it did not start.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long a quiet step may run before a line says that it is still working.
const SIGN_OF_LIFE: Duration = Duration::from_secs(20);

/// How long to read on after a program has ended.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(3);

/// The top of the working tree.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_else(|| PathBuf::from("."))
}

/// Where cargo builds to.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// The cargo that started us.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

pub fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root());
    command
}

/// Is there a program of this name in PATH?
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// Runs a step whose own output is the sign of life (cargo, apt-get).
pub fn step(title: &str, command: &mut Command) -> Result<(), String> {
    say(title);
    let begun = Instant::now();
    let status = command.status().map_err(|error| cannot_start(command, &error))?;
    finish(title, begun, status.success(), command, status.code())
}

/// Runs a step that may be silent for minutes: its output goes to the terminal, and a line every
/// twenty seconds says that it is still working.
pub fn quiet_step(title: &str, command: &mut Command) -> Result<(), String> {
    say(title);
    let begun = Instant::now();
    let mut child = command.spawn().map_err(|error| cannot_start(command, &error))?;
    let alive = SignOfLife::start(title);
    let status = child.wait().map_err(|error| cannot_start(command, &error));
    drop(alive);
    let status = status?;
    finish(title, begun, status.success(), command, status.code())
}

/// Runs a command and hands every line of its output to `look` while passing it on.
/// Gives back whether it succeeded.
pub fn watched(command: &mut Command, mut look: impl FnMut(&str)) -> Result<bool, String> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| cannot_start(command, &error))?;
    let lines = Arc::new(Mutex::new(Vec::<String>::new()));
    let readers = [read_on(child.stdout.take(), &lines), read_on(child.stderr.take(), &lines)];
    let status = child.wait().map_err(|error| cannot_start(command, &error))?;
    // A service that the command left behind may hold the pipes open; what was printed by then counts.
    let ended = Instant::now();
    for reader in readers.into_iter().flatten() {
        while !reader.is_finished() && ended.elapsed() < LAST_WORDS_WITHIN {
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
    let lines = lines.lock().map_err(|_| "a reader of the output stopped early".to_string())?;
    for line in lines.iter() {
        look(line);
    }
    Ok(status.success())
}

fn read_on(stream: Option<impl std::io::Read + Send + 'static>, lines: &Arc<Mutex<Vec<String>>>) -> Option<std::thread::JoinHandle<()>> {
    let stream = stream?;
    let lines = Arc::clone(lines);
    Some(std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            println!("{line}");
            let _ = std::io::stdout().flush();
            if let Ok(mut lines) = lines.lock() {
                lines.push(line);
            }
        }
    }))
}

/// Makes a file runnable, or a folder private. Does nothing where files have no modes.
pub fn permit(path: &Path, mode: u32) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
    }
    #[cfg(not(unix))]
    {
        let _ = (path, mode);
        Ok(())
    }
}

/// A child that is ended, by its own id, when this goes out of scope.
pub struct Companion(pub Child);

impl Drop for Companion {
    fn drop(&mut self) {
        // Asked first, so that it can end the programs it started itself.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let asked = Instant::now();
        while asked.elapsed() < LAST_WORDS_WITHIN && matches!(self.0.try_wait(), Ok(None)) {
            std::thread::park_timeout(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct SignOfLife {
    done: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl SignOfLife {
    fn start(title: &str) -> SignOfLife {
        let done = Arc::new(AtomicBool::new(false));
        let (watch, title) = (Arc::clone(&done), title.to_string());
        let thread = std::thread::spawn(move || {
            let begun = Instant::now();
            let mut said = begun;
            while !watch.load(Ordering::Relaxed) {
                std::thread::park_timeout(Duration::from_millis(200));
                if said.elapsed() >= SIGN_OF_LIFE {
                    said = Instant::now();
                    eprintln!("    … {title}: still working ({} s)", begun.elapsed().as_secs());
                }
            }
        });
        SignOfLife { done, thread: Some(thread) }
    }
}

impl Drop for SignOfLife {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

pub fn say(title: &str) {
    eprintln!("==> {title}");
}

fn finish(title: &str, begun: Instant, good: bool, command: &Command, code: Option<i32>) -> Result<(), String> {
    let seconds = begun.elapsed().as_secs_f64();
    if good {
        eprintln!("    done in {seconds:.1} s");
        return Ok(());
    }
    let ended = code.map_or("was ended by a signal".to_string(), |code| format!("ended with status {code}"));
    Err(format!("{title}: {} {ended} after {seconds:.1} s. Its own words stand above.", shown(command)))
}

fn cannot_start(command: &Command, error: &std::io::Error) -> String {
    format!("{} could not be started: {error}.", shown(command))
}

/// Program and arguments, for messages. Never the environment.
fn shown(command: &Command) -> String {
    let mut text = format!("`{}", command.get_program().to_string_lossy());
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text.push('`');
    text
}
