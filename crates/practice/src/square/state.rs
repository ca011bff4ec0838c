//! What the practice servers remember while they run: the clock, the faults, who signed in, and what was asked.
//!
//! A world never changes here. Locks are held for one question only and never across a wait.
//! A new thing to count is one field of `Stats`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::grants::Grants;
use super::lists::Cursors;
use crate::faults::Faults;
use crate::world::World;

/// What was asked of the servers, and how it went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    pub requests: u64,
    /// Ids in paths are left out: `/v2/payouts/{id}/payout-entries`.
    pub requests_by_path: BTreeMap<String, u64>,
    pub rate_limited: u64,
    pub server_errors: u64,
    pub cut: u64,
    pub repeated_pages: u64,
    pub captive_portals: u64,
    pub tokens_issued: u64,
    pub tokens_refreshed: u64,
    /// Refresh tokens that came a second time; each ended a sign-in.
    pub tokens_reused: u64,
    pub codes_reused: u64,
    /// Answers 401 and 403.
    pub unauthorized: u64,
    pub forbidden: u64,
    pub reads_by_permission: BTreeMap<String, u64>,
    pub reads_by_version: BTreeMap<String, u64>,
    pub consents_allowed: u64,
    pub consents_refused: u64,
}

#[derive(Debug, Default)]
pub struct Counters {
    pub api: u32,
    pub continued: u32,
}

pub struct Square {
    world: Arc<World>,
    pub redirect_path: String,
    pub control_token: String,
    state_file: Option<PathBuf>,
    /// For tests: every pretend secret goes here, so that a search can know what to look for.
    secrets_file: Option<PathBuf>,
    now: Mutex<Timestamp>,
    faults: Mutex<Faults>,
    stats: Mutex<Stats>,
    grants: Mutex<Grants>,
    cursors: Mutex<Cursors>,
    counters: Mutex<Counters>,
    last_request: Mutex<Instant>,
}

/// A panicking request must not take the whole practice company down with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Square {
    pub fn new(
        world: Arc<World>,
        faults: Faults,
        now: Timestamp,
        redirect_path: String,
        control_token: String,
        state_file: Option<PathBuf>,
        secrets_file: Option<PathBuf>,
    ) -> std::io::Result<Square> {
        let grants = match &state_file {
            Some(path) => Grants::load(path)?,
            None => Grants::default(),
        };
        Ok(Square {
            world,
            redirect_path,
            control_token,
            state_file,
            secrets_file,
            now: Mutex::new(now),
            faults: Mutex::new(faults),
            stats: Mutex::default(),
            grants: Mutex::new(grants),
            cursors: Mutex::default(),
            counters: Mutex::default(),
            last_request: Mutex::new(Instant::now()),
        })
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    pub fn now(&self) -> Timestamp {
        *lock(&self.now)
    }

    pub fn set_now(&self, now: Timestamp) {
        *lock(&self.now) = now;
    }

    pub fn faults(&self) -> Faults {
        lock(&self.faults).clone()
    }

    pub fn change_faults<T>(&self, change: impl FnOnce(&mut Faults) -> T) -> T {
        change(&mut lock(&self.faults))
    }

    pub fn stats(&self) -> Stats {
        lock(&self.stats).clone()
    }

    pub fn count(&self, change: impl FnOnce(&mut Stats)) {
        change(&mut lock(&self.stats));
    }

    pub fn grants(&self) -> MutexGuard<'_, Grants> {
        lock(&self.grants)
    }

    pub fn cursors(&self) -> MutexGuard<'_, Cursors> {
        lock(&self.cursors)
    }

    pub fn counters(&self) -> MutexGuard<'_, Counters> {
        lock(&self.counters)
    }

    /// Writes the sign-ins down, so that a restarted practice company still knows them.
    pub fn keep_grants(&self, grants: &Grants) -> std::io::Result<()> {
        match &self.state_file {
            Some(path) => grants.save(path),
            None => Ok(()),
        }
    }

    /// Notes secrets that were issued or shown to these servers, each with its kind. Does nothing unless a file was named.
    pub fn note_secrets(&self, secrets: &[(&str, &str)]) -> std::io::Result<()> {
        let Some(path) = &self.secrets_file else { return Ok(()) };
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
        for (kind, secret) in secrets {
            writeln!(file, "{kind} {secret}")?;
        }
        file.sync_all()
    }

    pub fn touch(&self) {
        *lock(&self.last_request) = Instant::now();
    }

    pub fn idle_since(&self) -> Instant {
        *lock(&self.last_request)
    }
}
