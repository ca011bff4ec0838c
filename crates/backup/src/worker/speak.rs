//! The worker's side of the pipe: events out, progress thinned to what a window can show.
//!
//! When nobody listens any more the worker ends: a backup without a host is never finished behind a person's back.

use rustic_core::{Progress, ProgressBars, ProgressType, RusticProgress};
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::wire::{Event, Phase};

/// Progress lines are at least this far apart.
const BETWEEN_LINES: Duration = Duration::from_millis(100);
/// Exit status when the host is gone.
pub const HOST_GONE: i32 = 4;

pub fn say(event: &Event) {
    let sent = serde_json::to_vec(event).map_err(std::io::Error::other).and_then(|mut line| {
        line.push(b'\n');
        let mut out = std::io::stdout().lock();
        out.write_all(&line)?;
        out.flush()
    });
    if sent.is_err() {
        std::process::exit(HOST_GONE);
    }
}

#[derive(Debug)]
struct Counted {
    phase: Phase,
    done: u64,
    total: Option<u64>,
    said: Option<Instant>,
}

/// Counts bytes of the present phase and tells the host now and then.
#[derive(Debug, Clone)]
pub struct Meter(Arc<Mutex<Counted>>);

impl Meter {
    pub fn new() -> Meter {
        Meter(Arc::new(Mutex::new(Counted {
            phase: Phase::Opening,
            done: 0,
            total: None,
            said: None,
        })))
    }

    pub fn start(&self, phase: Phase, total: Option<u64>) {
        self.change(true, |counted| {
            *counted = Counted {
                phase,
                done: 0,
                total,
                said: None,
            }
        });
    }

    pub fn add(&self, bytes: u64) {
        self.change(false, |counted| counted.done += bytes);
    }

    fn change(&self, always: bool, change: impl FnOnce(&mut Counted)) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut counted);
        if always || counted.said.is_none_or(|said| said.elapsed() >= BETWEEN_LINES) {
            counted.said = Some(Instant::now());
            say(&Event::Progress {
                phase: counted.phase,
                done_bytes: counted.done,
                total_bytes: counted.total,
            });
        }
    }
}

impl ProgressBars for Meter {
    fn progress(&self, kind: ProgressType, _prefix: &str) -> Progress {
        match kind {
            ProgressType::Bytes => Progress::new(Bar(self.clone())),
            ProgressType::Counter | ProgressType::Spinner => Progress::hidden(),
        }
    }
}

#[derive(Debug)]
struct Bar(Meter);

impl RusticProgress for Bar {
    fn is_hidden(&self) -> bool {
        false
    }

    fn set_length(&self, length: u64) {
        self.0.change(false, |counted| counted.total = Some(length));
    }

    fn set_title(&self, _title: &str) {}

    fn inc(&self, bytes: u64) {
        self.0.add(bytes);
    }

    fn finish(&self) {
        self.0.change(true, |_| {});
    }
}
