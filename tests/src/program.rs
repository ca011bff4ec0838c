//! Running the built `changeover`: arguments in; output, status and time out, with a deadline.
//!
//! A program that overruns its deadline is ended by its own id. Nothing here knows what the program does.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Long enough for a whole practice upgrade in a debug build on a busy computer.
pub const DEADLINE: Duration = Duration::from_secs(600);

/// The top of the working tree.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Where cargo builds to.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// The built `changeover`: `CHANGEOVER_BIN` where the caller built it, else built here, once.
pub fn changeover() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(program) = std::env::var_os("CHANGEOVER_BIN") {
            return PathBuf::from(program);
        }
        let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["build", "--bins"])
            .current_dir(root())
            .status()
            .expect("cargo can be started");
        assert!(status.success(), "changeover does not build");
        target().join("debug/changeover")
    })
}

/// What a finished program left behind.
#[derive(Debug)]
pub struct Ran {
    /// None when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Ran {
    /// Fails the test with everything the program said unless it ended with this status.
    #[track_caller]
    pub fn expect(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "after {:.1?}\n--- stdout\n{}\n--- stderr\n{}", self.took, self.stdout, self.stderr);
        self
    }

    /// The standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not JSON ({error}):\n{}\n--- stderr\n{}", self.stdout, self.stderr))
    }
}

/// A program that is running. Ended, by its own id, when dropped.
pub struct Running {
    child: Child,
    begun: Instant,
    stdout: mpsc::Receiver<String>,
    stderr: mpsc::Receiver<String>,
}

/// `changeover` with these arguments below this home folder.
pub fn command(home: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(changeover());
    command.arg("--home").arg(home).args(arguments).stdin(Stdio::null());
    command
}

/// Runs `changeover` below this home folder to its end.
#[track_caller]
pub fn run(home: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ran {
    start(&mut command(home, arguments)).finish(DEADLINE)
}

/// The same, with this text as its standard input.
#[track_caller]
pub fn with_input(home: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>, text: &str) -> Ran {
    use std::io::{Seek, Write};
    let mut input = tempfile::tempfile().expect("a temporary file");
    input.write_all(text.as_bytes()).and_then(|()| input.rewind()).expect("a temporary file");
    start(command(home, arguments).stdin(input)).finish(DEADLINE)
}

/// Starts any command with its output captured.
#[track_caller]
pub fn start(command: &mut Command) -> Running {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child =
        command.spawn().unwrap_or_else(|error| panic!("{} cannot be started: {error}", command.get_program().to_string_lossy()));
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    Running { child, begun: Instant::now(), stdout, stderr }
}

fn collect(stream: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let _ = stream.read_to_end(&mut bytes);
        }
        let _ = send.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receive
}

impl Running {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends the program at once (SIGKILL), as a power cut would, and gives what it had said.
    pub fn kill(mut self) -> Ran {
        let _ = self.child.kill();
        self.collected()
    }

    /// Waits for the end. Fails the test when the deadline passes; the program is ended first.
    #[track_caller]
    pub fn finish(mut self, deadline: Duration) -> Ran {
        loop {
            if let Some(_status) = self.child.try_wait().expect("a child can be asked") {
                return self.collected();
            }
            if self.begun.elapsed() > deadline {
                let _ = self.child.kill();
                let ran = self.collected();
                panic!("it did not end within {deadline:?}\n--- stdout\n{}\n--- stderr\n{}", ran.stdout, ran.stderr);
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    fn collected(&mut self) -> Ran {
        let code = self.child.wait().ok().and_then(|status| status.code());
        // A grandchild may hold the pipe open; a minute is more than any last word takes.
        let words = |from: &mpsc::Receiver<String>| from.recv_timeout(Duration::from_secs(60)).unwrap_or_default();
        Ran { code, stdout: words(&self.stdout), stderr: words(&self.stderr), took: self.begun.elapsed() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
