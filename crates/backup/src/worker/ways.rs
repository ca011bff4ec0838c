//! The tasks about what opens a place: add a way in, try one, list them, take one away.
//!
//! A way is a key file in restic's form, labelled with its kind. It is added and proved before another one is taken away, and the
//! last one that was made here is never taken away. Labels are not secret and not signed: they name, they prove nothing.

use jiff::Timestamp;
use ledger::Problem;
use rustic_core::{Credentials, FileType, KeyOptions, OpenStatus, ReadBackend, Repository};
use serde::Deserialize;
use std::collections::BTreeSet;

use super::folder::{Folder, id_of};
use super::guard;
use super::tasks::{At, HOST};
use crate::problems;
use crate::wire::{Phase, Reply, Way, WayKind};

const RECOVERY_CODE: &str = "recovery-code";
const PASSPHRASE: &str = "passphrase";

/// How a key file says what it is for; the computer's and the person's names are nobody's business.
pub fn label(kind: WayKind) -> KeyOptions {
    let word = match kind {
        WayKind::RecoveryCode => RECOVERY_CODE,
        WayKind::Passphrase => PASSPHRASE,
        WayKind::Other => HOST,
    };
    KeyOptions::default()
        .hostname(HOST.to_owned())
        .username(word.to_owned())
        .with_created(true)
}

/// The id of the key file by which a repository was opened. Errors: `E-BACKUP-WORKER` when it was opened by the key itself.
pub fn opened_by(repository: &Repository<OpenStatus>) -> Result<String, Problem> {
    let id = repository
        .key_id()
        .as_ref()
        .ok_or_else(|| problems::worker("The engine does not say which way it was opened."))?;
    Ok(id.to_hex().as_str().to_owned())
}

/// What a key file says in the clear.
#[derive(Deserialize)]
struct Labels {
    hostname: Option<String>,
    username: Option<String>,
    created: Option<String>,
}

impl Labels {
    fn kind(&self) -> WayKind {
        match (self.hostname.as_deref(), self.username.as_deref()) {
            (Some(HOST), Some(PASSPHRASE)) => WayKind::Passphrase,
            // Before passphrases there were only codes, labelled with the program's name twice.
            (Some(HOST), Some(RECOVERY_CODE | HOST)) => WayKind::RecoveryCode,
            (_, _) => WayKind::Other,
        }
    }
}

impl At {
    /// Adds a code or passphrase and opens the place with it. One that opens it already is not added twice.
    pub(super) fn add_way(&self, key: &str, secret: &str, kind: WayKind) -> Result<Reply, Problem> {
        let repository = self.open(key)?;
        let _writing = guard::lock(&self.root)?;
        guard::clean(&self.root)?;
        self.step(0, 3);
        if let Some(way) = self.tried(key, secret)? {
            return match self.all()?.into_iter().find(|known| known.id == way) {
                Some(known) if known.kind == kind => Ok(Reply::WayAdded { way }),
                Some(_) | None => Err(problems::passphrase_unfit("It opens this place already, as another way in.")),
            };
        }
        self.step(1, 3);
        repository.add_key(secret, &label(kind)).map_err(|error| self.said(&error))?;
        self.step(2, 3);
        guard::sound(&self.root, &[FileType::Key])?;
        let way = self
            .tried(key, secret)?
            .ok_or_else(|| problems::worker("What was added does not open the place; everything else opens it as before."))?;
        self.step(3, 3);
        Ok(Reply::WayAdded { way })
    }

    /// The way that this secret opens; `None` when it opens none. Errors: `E-BACKUP-KEY` when it opens to another key.
    fn tried(&self, key: &str, secret: &str) -> Result<Option<String>, Problem> {
        match self.closed()?.open(&Credentials::password(secret)) {
            Ok(repository) if self.key_of(&repository)? == key => opened_by(&repository).map(Some),
            Ok(_) => Err(problems::key("A key file of this place leads to the key of another one.")),
            Err(error) if error.is_incorrect_password() => Ok(None),
            Err(error) => Err(self.said(&error)),
        }
    }

    fn key_of(&self, repository: &Repository<OpenStatus>) -> Result<String, Problem> {
        serde_json::to_string(&repository.key()).map_err(|_| problems::worker("The key could not be written down."))
    }

    pub(super) fn unlock(&self, secret: &str, kind: WayKind) -> Result<Reply, Problem> {
        guard::present(&self.root)?;
        guard::sound(&self.root, &[FileType::Key])?;
        let repository = self.closed()?.open(&Credentials::password(secret)).map_err(|error| {
            if error.is_incorrect_password() {
                problems::key(match kind {
                    WayKind::Passphrase => "The passphrase belongs to another place, was changed, or is mistyped.",
                    WayKind::RecoveryCode | WayKind::Other => "The recovery code belongs to another place, or was replaced.",
                })
            } else {
                self.said(&error)
            }
        })?;
        guard::sound(&self.root, &guard::READ_FIRST)?;
        Ok(Reply::Unlocked {
            way: opened_by(&repository)?,
            key: self.key_of(&repository)?,
        })
    }

    pub(super) fn ways(&self, key: &str) -> Result<Reply, Problem> {
        self.open(key)?;
        Ok(Reply::Ways { ways: self.all()? })
    }

    /// Every way in, oldest first; what says no time comes first.
    fn all(&self) -> Result<Vec<Way>, Problem> {
        let folder = Folder::new(&self.root, self.faults.clone());
        let listed = folder.list_with_size(FileType::Key).map_err(|error| self.said(&error))?;
        let mut ways = Vec::with_capacity(listed.len());
        for (id, _) in listed {
            let bytes = folder.read_full(FileType::Key, &id).map_err(|error| self.said(&error))?;
            let labels: Option<Labels> = serde_json::from_slice(&bytes).ok();
            ways.push(Way {
                id: id.to_hex().as_str().to_owned(),
                kind: labels.as_ref().map_or(WayKind::Other, Labels::kind),
                made: labels
                    .and_then(|labels| labels.created)
                    .and_then(|text| text.parse::<Timestamp>().ok()),
            });
        }
        ways.sort_by(|a, b| (a.made, &a.id).cmp(&(b.made, &b.id)));
        Ok(ways)
    }

    /// Takes ways away; one that is gone already is as good. The answer is what remains.
    pub(super) fn remove_ways(&self, key: &str, ids: &[String]) -> Result<Reply, Problem> {
        let folder = Folder::new(&self.root, self.faults.clone()).removing_keys();
        let repository = self.open_through(self.closed_on(folder)?, key)?;
        let _writing = guard::lock(&self.root)?;
        let before = self.all()?;
        let removed: BTreeSet<&String> = ids.iter().collect();
        let stays = |way: &&Way| !removed.contains(&way.id);
        if !before.iter().filter(stays).any(|way| way.kind != WayKind::Other) {
            return Err(problems::last_way("No recovery code and no passphrase would be left."));
        }
        let gone: Vec<&Way> = before.iter().filter(|way| removed.contains(&way.id)).collect();
        for (at, way) in gone.iter().enumerate() {
            self.step(at as u64, gone.len() as u64);
            let id = id_of(&way.id).ok_or_else(|| problems::worker("A way in has no id."))?;
            repository.delete_key(&id.into()).map_err(|error| self.said(&error))?;
        }
        self.step(gone.len() as u64, gone.len() as u64);
        let after = self.all()?;
        if !before.iter().filter(stays).eq(after.iter()) {
            return Err(problems::worker("The ways into the place are not those that should have remained."));
        }
        self.open(key)?;
        Ok(Reply::Ways { ways: after })
    }

    fn step(&self, done: u64, of: u64) {
        self.meter.start(Phase::Keys, Some(of));
        if done > 0 {
            self.meter.add(done);
        }
    }
}
