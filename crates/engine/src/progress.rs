//! How long work reports to whoever watches: counts, never percentages made up from hope.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// One report. `total` is None while it is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What is being done, in words: "Reading payments from Square".
    pub title: String,
    pub done: u64,
    pub total: Option<u64>,
    /// What is counted: "records", "entries", "bytes".
    pub unit: &'static str,
}

/// Receives reports and says whether the person asked to stop. Cheap to clone.
#[derive(Clone)]
pub struct Watcher {
    sink: Arc<dyn Fn(Progress) + Send + Sync>,
    cancelled: Arc<AtomicBool>,
    on_cancel: Arc<Mutex<Vec<Box<dyn FnOnce() + Send>>>>,
}

impl Watcher {
    pub fn new(sink: impl Fn(Progress) + Send + Sync + 'static) -> Watcher {
        Watcher { sink: Arc::new(sink), cancelled: Arc::new(AtomicBool::new(false)), on_cancel: Arc::default() }
    }

    /// Nobody watches.
    pub fn silent() -> Watcher {
        Watcher::new(|_| {})
    }

    pub fn report(&self, title: impl Into<String>, done: u64, total: Option<u64>, unit: &'static str) {
        (self.sink)(Progress { title: title.into(), done, total, unit });
    }

    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        let waiting = std::mem::take(&mut *self.on_cancel.lock().unwrap_or_else(PoisonError::into_inner));
        for end in waiting {
            end();
        }
    }

    /// Called once when the person asks to stop; for work that has to be ended from outside.
    pub fn on_cancel(&self, end: impl FnOnce() + Send + 'static) {
        self.on_cancel.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(end));
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }
}
