//! What this process remembers between two views, so that no view reads a year of records twice.
//!
//! Everything here can be thrown away: it is only ever an answer the engine gave, with the mark of the state it
//! was given for. It must never hold a secret.

use crate::views::{ChainView, KeychainView, RestoreView};
use ::reconcile::Shadow;
use engine::agreement::Agreement;
use engine::previewing::Inside;
use engine::restoring::comparing::Differences;
use jiff::Timestamp;
use ledger::Problem;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The result of a reconciliation and the state of store and books it was made from.
pub struct Agreed {
    pub stamp: String,
    pub when: Timestamp,
    pub results: Result<Vec<Agreement>, Problem>,
}

/// A restore that was started here, until it is looked at no more.
#[derive(Clone)]
pub struct Restoring {
    pub job: String,
    pub view: RestoreView,
    pub since: Instant,
}

/// How long the end of a restore stays on its screen.
const SHOWN: Duration = Duration::from_secs(600);

type Turn = Arc<tokio::sync::Mutex<()>>;
type Preview = Arc<(Inside, Result<Differences, Problem>)>;

#[derive(Default)]
pub struct Memory {
    agreed: Mutex<HashMap<String, Arc<Agreed>>>,
    agreeing: Mutex<HashSet<String>>,
    turns: Mutex<HashMap<String, Turn>>,
    chains: Mutex<HashMap<String, ChainView>>,
    keychains: Mutex<HashMap<String, KeychainView>>,
    shadows: Mutex<HashMap<String, (String, Arc<Shadow>)>>,
    previews: Mutex<HashMap<String, (String, Preview)>>,
    restores: Mutex<HashMap<String, Restoring>>,
}

fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    /// Whose turn it is to work on a company.
    pub fn turn(&self, company: &str) -> Turn {
        open(&self.turns).entry(company.to_string()).or_default().clone()
    }

    pub fn agreed(&self, company: &str) -> Option<Arc<Agreed>> {
        open(&self.agreed).get(company).cloned()
    }

    pub fn keep_agreed(&self, company: &str, agreed: Arc<Agreed>) {
        open(&self.agreed).insert(company.to_string(), agreed);
    }

    /// True for the one caller who may reconcile this company now.
    pub fn begin_agreeing(&self, company: &str) -> bool {
        open(&self.agreeing).insert(company.to_string())
    }

    pub fn end_agreeing(&self, company: &str) {
        open(&self.agreeing).remove(company);
    }

    pub fn chain(&self, installation: &str) -> Option<ChainView> {
        open(&self.chains).get(installation).cloned()
    }

    pub fn keep_chain(&self, installation: &str, chain: ChainView) {
        open(&self.chains).insert(installation.to_string(), chain);
    }

    pub fn keychain(&self, installation: &str) -> Option<KeychainView> {
        open(&self.keychains).get(installation).cloned()
    }

    /// Returns whether this is news.
    pub fn keep_keychain(&self, installation: &str, status: KeychainView) -> bool {
        open(&self.keychains).insert(installation.to_string(), status.clone()) != Some(status)
    }

    pub fn shadow(&self, upgrade: &str, stamp: &str) -> Option<Arc<Shadow>> {
        open(&self.shadows)
            .get(upgrade)
            .filter(|(known, _)| known == stamp)
            .map(|(_, shadow)| shadow.clone())
    }

    pub fn keep_shadow(&self, upgrade: &str, stamp: String, shadow: Arc<Shadow>) {
        open(&self.shadows).insert(upgrade.to_string(), (stamp, shadow));
    }

    pub fn preview(&self, backup: &str, stamp: &str) -> Option<Preview> {
        open(&self.previews)
            .get(backup)
            .filter(|(known, _)| known == stamp)
            .map(|(_, preview)| preview.clone())
    }

    pub fn keep_preview(&self, backup: &str, stamp: String, preview: Preview) {
        open(&self.previews).insert(backup.to_string(), (stamp, preview));
    }

    pub fn restore(&self, backup: &str) -> Option<Restoring> {
        open(&self.restores)
            .get(backup)
            .filter(|restoring| restoring.since.elapsed() < SHOWN)
            .cloned()
    }

    pub fn keep_restore(&self, backup: &str, restoring: Restoring) {
        open(&self.restores).insert(backup.to_string(), restoring);
    }

    /// Writes down how a restore ended.
    pub fn end_restore(&self, backup: &str, change: impl FnOnce(&mut RestoreView)) {
        if let Some(restoring) = open(&self.restores).get_mut(backup) {
            change(&mut restoring.view);
            restoring.since = Instant::now();
        }
    }
}
