//! The child process in which the backup engine runs, because it can panic on a damaged repository and cannot be
//! cancelled otherwise than by ending it.
//!
//! Reads one request from stdin, answers in JSON lines on stdout, ends when its host does. The key comes with the
//! request, never in arguments or environment. A new task is a `Task` in `wire.rs` and a function in `tasks.rs`.

mod folder;
mod guard;
mod read;
mod speak;
mod tasks;
mod ways;

use std::io::{BufRead, Read};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::Mutex;
use zeroize::Zeroizing;

use crate::problems;
use crate::wire::{Event, FORM, Request, Told};

/// A request holds paths, ids and a key.
const LARGEST_REQUEST_BYTES: u64 = 16 * 1024 * 1024;

/// Where the last panic arose; its message is not kept, it could quote content.
static PANICKED_AT: Mutex<Option<String>> = Mutex::new(None);

/// What a host binary calls, and returns from `main`, when its first argument is [`crate::WORKER_ARGUMENT`].
pub fn worker_main() -> ExitCode {
    panic::set_hook(Box::new(|panicked| {
        if let (Ok(mut at), Some(location)) = (PANICKED_AT.lock(), panicked.location()) {
            *at = Some(format!("{}:{}", location.file(), location.line()));
        }
    }));
    speak::say(&Event::Hello { form: FORM });
    let event = match request() {
        Ok(request) => answer(request),
        Err(why) => Event::Failed {
            problem: Told::new(problems::worker(why)),
        },
    };
    speak::say(&event);
    ExitCode::SUCCESS
}

fn request() -> Result<Request, String> {
    let mut line = Zeroizing::new(Vec::new());
    let mut input = std::io::stdin().lock();
    (&mut input)
        .take(LARGEST_REQUEST_BYTES)
        .read_until(b'\n', &mut line)
        .map_err(|error| error.to_string())?;
    drop(input);
    // The host keeps the pipe open for as long as it lives.
    std::thread::spawn(|| {
        let mut rest = Vec::new();
        let ended = std::io::stdin().lock().read_to_end(&mut rest);
        std::process::exit(if ended.is_ok() { speak::HOST_GONE } else { speak::HOST_GONE + 1 });
    });
    // serde's message could quote the line, which holds the key.
    let request: Request = serde_json::from_slice(&line).map_err(|_| "The request could not be read.".to_owned())?;
    if request.form == FORM {
        Ok(request)
    } else {
        Err(format!("The host speaks form {}, the worker form {FORM}.", request.form))
    }
}

fn answer(request: Request) -> Event {
    let again = request.task.only_reads().then(|| request.clone());
    let tried = tried(request);
    // The engine waits a tenth of a second for its own threads to let go of the index and then panics, which a busy computer is
    // enough for (`index still in use`). Nothing is wrong with the backup, so what only reads is tried once more.
    let tried = match (tried, again) {
        (Err(at), Some(request)) if at.contains(BUSY_INDEX) => self::tried(request),
        (tried, _) => tried,
    };
    match tried {
        Ok(event) => event,
        Err(at) => Event::Failed {
            problem: Told::new(problems::worker(format!("The backup engine gave up at {at}."))),
        },
    }
}

/// Where the engine panics when its index is still in use.
const BUSY_INDEX: &str = "/src/index.rs:";

/// The error is the place of a panic.
fn tried(request: Request) -> Result<Event, String> {
    match panic::catch_unwind(AssertUnwindSafe(|| tasks::run(request))) {
        Ok(Ok(reply)) => Ok(Event::Done { reply }),
        Ok(Err(problem)) => Ok(Event::Failed {
            problem: Told::new(problem),
        }),
        Err(_) => Err(panicked_at()),
    }
}

/// Takes the place of the last panic, for the text of a problem.
fn panicked_at() -> String {
    match PANICKED_AT.lock() {
        Ok(mut at) => at.take().unwrap_or_else(|| "an unknown place".into()),
        Err(_) => "an unknown place".into(),
    }
}
