//! The host's side: starts the worker, shows its progress, takes its answer, ends it on request.
//!
//! Everything here blocks; call it from a thread of its own. A worker that dies, talks nonsense or falls silent is a
//! named problem, never a success. Results can only be made here, so that `prove` can trust where they come from.

use ledger::Problem;
use secrecy::{ExposeSecret, SecretString};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

use crate::key::RepositoryKey;
use crate::kit::{Entered, RecoveryKit, new_code};
use crate::manifest::{MANIFEST_NAME, Manifest, Staging};
use crate::passphrase::Passphrase;
use crate::place::Place;
use crate::problems;
use crate::wire::{Event, FORM, LARGEST_LINE_BYTES, Lost, Reply, Request, Summary, Task};

pub use crate::wire::{Listed as Snapshot, Phase, Way, WayKind};

/// A host binary whose first argument is this calls [`crate::worker_main`].
pub const WORKER_ARGUMENT: &str = "backup-worker";

/// What the child may see of the host's environment: nothing that could hold a secret.
const PASSED_ON: [&str; 6] = ["PATH", "TMPDIR", "TEMP", "TMP", "SystemRoot", "LD_LIBRARY_PATH"];

/// The program that holds the worker: usually this very one.
#[derive(Debug, Clone)]
pub struct Worker {
    program: PathBuf,
}

impl Worker {
    pub fn new(program: PathBuf) -> Worker {
        Worker { program }
    }
}

/// Ends work in progress from another thread.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Default)]
struct Inner {
    asked: AtomicBool,
    children: Mutex<Vec<Child>>,
}

impl Cancel {
    /// Stops every call that was given this handle, now and later. What was written before stays harmless.
    pub fn cancel(&self) {
        self.0.asked.store(true, Ordering::SeqCst);
        for child in self.0.children.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            // Already ended is as good; `run` waits for it either way.
            if child.kill().is_err() {
                continue;
            }
        }
    }

    pub fn is_cancelled(&self) -> bool {
        self.0.asked.load(Ordering::SeqCst)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub phase: Phase,
    pub done_bytes: u64,
    /// `None` while it is not known.
    pub total_bytes: Option<u64>,
}

/// How a backup is filed.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Usually the company's name.
    pub label: String,
    /// For example `before-upgrade`; without commas.
    pub tags: Vec<String>,
    /// Ids of all backups that our catalogue knows in this place; if one is gone, nothing is written (`E-BACKUP-HISTORY`).
    pub known: Vec<String>,
}

/// Mark 1: written, and its list of files equals the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    pub(crate) place: Place,
    pub(crate) id: String,
    pub(crate) manifest: Manifest,
    pub(crate) manifest_sha256: String,
    added_bytes: u64,
}

impl Copied {
    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Bytes that this backup added to the place.
    pub fn added_bytes(&self) -> u64 {
        self.added_bytes
    }
}

/// Mark 2: every pack and every file was read back and compared. It exists only if all of it was right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub(crate) place: Place,
    pub(crate) id: Option<String>,
    files: u64,
    bytes: u64,
}

impl Checked {
    pub fn files(&self) -> u64 {
        self.files
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Restored into an empty folder. Look at [`Restored::lost`]: undamaged files come back even when others do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    pub(crate) place: Place,
    pub(crate) id: String,
    pub(crate) to: PathBuf,
    pub(crate) manifest: Option<Manifest>,
    pub(crate) manifest_sha256: Option<String>,
    files: u64,
    bytes: u64,
    lost: Vec<Lost>,
}

impl Restored {
    pub fn dir(&self) -> &Path {
        &self.to
    }

    pub fn files(&self) -> u64 {
        self.files
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn lost(&self) -> &[Lost] {
        &self.lost
    }

    /// `None` when the list of files itself was lost: then nothing vouches for the restored files.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// Itself, or `E-BACKUP-DAMAGED` naming every file that is lost; the others stay restored.
    pub fn whole(self) -> Result<Restored, Problem> {
        if self.lost.is_empty() {
            return Ok(self);
        }
        let findings: Vec<String> = self.lost.iter().map(|lost| format!("{}: {}", lost.path, lost.why)).collect();
        let unproved = self.lost.iter().any(|lost| lost.path == MANIFEST_NAME);
        let what = format!(
            "This backup is damaged; files that could not be restored: {}. The other {} are in {}{}.",
            self.lost.len(),
            self.files,
            self.to.display(),
            if unproved {
                ", but could not be compared with what was backed up"
            } else {
                ""
            },
        );
        Err(problems::damaged(&what, &findings))
    }
}

/// All work on backups. Cheap to make; holds no key.
#[derive(Clone)]
pub struct Backups {
    worker: Worker,
    cancel: Cancel,
}

impl Backups {
    pub fn new(worker: Worker) -> Backups {
        Backups {
            worker,
            cancel: Cancel::default(),
        }
    }

    /// The same, but ended by `cancel`.
    pub fn cancelled_by(&self, cancel: &Cancel) -> Backups {
        Backups {
            worker: self.worker.clone(),
            cancel: cancel.clone(),
        }
    }

    /// Makes a new, empty place. The kit is to be kept outside this computer before the first backup.
    /// Errors: `E-BACKUP-PLACE-USED`, `-NOT-EMPTY`, `-PLACE-MISSING`, `-PLACE`, `-DISK-FULL`, `-WORKER`.
    pub fn create_place(&self, place: &Place) -> Result<(RepositoryKey, RecoveryKit), Problem> {
        self.create_place_with_way(place).map(|(key, kit, _)| (key, kit))
    }

    /// As [`Backups::create_place`], and the id of the kit's way in.
    pub fn create_place_with_way(&self, place: &Place) -> Result<(RepositoryKey, RecoveryKit, String), Problem> {
        let code = new_code()?;
        match self.run(place, None, Some(code.expose_secret()), Task::Create, &mut |_| {})? {
            Reply::Created { key, way } => {
                let key = RepositoryKey::from_stored(SecretString::from(key))?;
                let kit = RecoveryKit::new(place.clone(), code, key.copied()?);
                Ok((key, kit, way))
            }
            other => Err(unexpected(&other)),
        }
    }

    /// A further kit with its own recovery code, which was proved to open the place; earlier kits stay valid until their ways are
    /// removed. Errors: as [`Backups::add_passphrase`].
    pub fn new_kit(&self, place: &Place, key: &RepositoryKey) -> Result<RecoveryKit, Problem> {
        self.new_kit_with_way(place, key).map(|(kit, _)| kit)
    }

    /// As [`Backups::new_kit`], and the id of its way in.
    pub fn new_kit_with_way(&self, place: &Place, key: &RepositoryKey) -> Result<(RecoveryKit, String), Problem> {
        let code = new_code()?;
        let way = self.add_way(place, key, code.expose_secret(), WayKind::RecoveryCode, &mut |_| {})?;
        Ok((RecoveryKit::new(place.clone(), code, key.copied()?), way))
    }

    /// Opens a place by the recovery code alone, as a person types it. Errors: `E-BACKUP-KEY`, `-KIT`, `-PLACE-MISSING` …
    pub fn unlock(&self, place: &Place, typed_code: &str) -> Result<RepositoryKey, Problem> {
        let code = crate::kit::recovery_code(typed_code)?;
        self.unlocked(place, code.expose_secret(), WayKind::RecoveryCode)
            .map(|(key, _)| key)
    }

    /// Opens a place by what a person has of a kit: by its key at once, or by its code. A wrong one is told before anything else is
    /// read. Errors: `E-BACKUP-KEY`, `-PLACE-MISSING` …
    pub fn unlock_with_kit(&self, place: &Place, entered: Entered) -> Result<RepositoryKey, Problem> {
        match entered {
            Entered::Whole { key, .. } => {
                // Also where every key file is lost.
                self.ways(place, &key)?;
                Ok(key)
            }
            Entered::Code(code) => self
                .unlocked(place, code.expose_secret(), WayKind::RecoveryCode)
                .map(|(key, _)| key),
        }
    }

    /// Which way in the code of a kit opens, tried for real. Errors: `E-BACKUP-KEY` also when the kit's key is another one than the
    /// code leads to.
    pub fn way_of_kit(&self, place: &Place, entered: &Entered) -> Result<(RepositoryKey, String), Problem> {
        let (key, way) = self.unlocked(place, entered.code().expose_secret(), WayKind::RecoveryCode)?;
        match entered {
            Entered::Whole { key: printed, .. } if printed.expose() != key.expose() => Err(problems::key(
                "Its code opens this place, but its repository key belongs to another one.",
            )),
            Entered::Whole { .. } | Entered::Code(_) => Ok((key, way)),
        }
    }

    /// Opens a place by the passphrase that was chosen for it, and says which way that is. Errors: `E-BACKUP-KEY`, `-PLACE-MISSING` …
    pub fn unlock_with_passphrase(&self, place: &Place, passphrase: &Passphrase) -> Result<(RepositoryKey, String), Problem> {
        passphrase.can_be_right()?;
        self.unlocked(place, passphrase.expose(), WayKind::Passphrase)
    }

    fn unlocked(&self, place: &Place, secret: &str, kind: WayKind) -> Result<(RepositoryKey, String), Problem> {
        match self.run(place, None, Some(secret), Task::Unlock { kind }, &mut |_| {})? {
            Reply::Unlocked { key, way } => Ok((RepositoryKey::from_stored(SecretString::from(key))?, way)),
            other => Err(unexpected(&other)),
        }
    }

    fn add_way(
        &self,
        place: &Place,
        key: &RepositoryKey,
        secret: &str,
        kind: WayKind,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<String, Problem> {
        match self.run(place, Some(key), Some(secret), Task::AddWay { kind }, on_progress)? {
            Reply::WayAdded { way } => Ok(way),
            other => Err(unexpected(&other)),
        }
    }

    /// Lets a passphrase open the place too, in restic as well, and proves that it does. Gives its way's id.
    /// Errors: `E-BACKUP-PASSPHRASE-UNFIT`, `-KEY`, `-BUSY`, `-DISK-FULL`, `-STRAY`, `-PLACE…`, `-WORKER`, `-CANCELLED`.
    pub fn add_passphrase(&self, place: &Place, key: &RepositoryKey, passphrase: &Passphrase) -> Result<String, Problem> {
        passphrase.fit_for_new()?;
        self.add_way(place, key, passphrase.expose(), WayKind::Passphrase, &mut |_| {})
    }

    /// The new passphrase is added and proved before the old one is taken away, so that one of them opens the place at every
    /// moment; begun again after it was broken off, it goes on. Gives the new way's id.
    /// Errors: `E-BACKUP-KEY` when the old one is wrong, else as [`Backups::add_passphrase`].
    pub fn change_passphrase(
        &self,
        place: &Place,
        key: &RepositoryKey,
        old: &Passphrase,
        new: &Passphrase,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<String, Problem> {
        if new.is_same_as(old) {
            return Err(problems::passphrase_unfit("It is the present one."));
        }
        new.fit_for_new()?;
        self.passphrase_way(place, key, old)?;
        let way = self.add_way(place, key, new.expose(), WayKind::Passphrase, on_progress)?;
        self.remove_passphrase(place, key, old, on_progress)?;
        Ok(way)
    }

    /// Takes a passphrase away, until nothing opens with it any more. Errors: `E-BACKUP-KEY` when it opens nothing,
    /// `E-BACKUP-LAST-WAY`, and those of opening.
    pub fn remove_passphrase(
        &self,
        place: &Place,
        key: &RepositoryKey,
        passphrase: &Passphrase,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<Vec<Way>, Problem> {
        let mut way = self.passphrase_way(place, key, passphrase)?;
        loop {
            let left = self.removed(place, key, vec![way.clone()], on_progress)?;
            // The same passphrase may have been set twice by two programs; each round takes one way away.
            match self.unlock_with_passphrase(place, passphrase) {
                Err(problem) if problem.code == problems::E_KEY => return Ok(left),
                Err(problem) => return Err(problem),
                Ok((_, same)) if same == way => return Err(problems::worker("The removed passphrase still opens the place.")),
                Ok((_, other)) => way = other,
            }
        }
    }

    /// The way that a passphrase opens in the place of this key.
    fn passphrase_way(&self, place: &Place, key: &RepositoryKey, passphrase: &Passphrase) -> Result<String, Problem> {
        let (opened, way) = self.unlock_with_passphrase(place, passphrase)?;
        let ways = self.ways(place, key)?;
        let is_one = ways.iter().any(|known| known.id == way && known.kind == WayKind::Passphrase);
        if opened.expose() == key.expose() && is_one {
            Ok(way)
        } else {
            Err(problems::key(
                "It opens the place, but it is not the passphrase that was chosen for it.",
            ))
        }
    }

    /// Every way into the place besides its key, oldest first, never a secret. Errors: those of opening.
    pub fn ways(&self, place: &Place, key: &RepositoryKey) -> Result<Vec<Way>, Problem> {
        match self.run(place, Some(key), None, Task::Ways, &mut |_| {})? {
            Reply::Ways { ways } => Ok(ways),
            other => Err(unexpected(&other)),
        }
    }

    /// Takes ways in away by their ids and gives those that remain. What is gone already is passed over.
    /// Errors: `E-BACKUP-LAST-WAY` when nothing that was made here would remain; `-BUSY`, and those of opening.
    pub fn remove_ways(&self, place: &Place, key: &RepositoryKey, ids: Vec<String>) -> Result<Vec<Way>, Problem> {
        self.removed(place, key, ids, &mut |_| {})
    }

    fn removed(
        &self,
        place: &Place,
        key: &RepositoryKey,
        ids: Vec<String>,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<Vec<Way>, Problem> {
        match self.run(place, Some(key), None, Task::RemoveWays { ids }, on_progress)? {
            Reply::Ways { ways } => Ok(ways),
            other => Err(unexpected(&other)),
        }
    }

    /// Mark 1. Compares the staged files with their manifest, writes a snapshot, lists it and compares again.
    /// Errors: `E-BACKUP-INCOMPLETE`, `-MISMATCH`, `-HISTORY`, `-BUSY`, `-DISK-FULL`, `-KEY`, `-STRAY`, `-DAMAGED`, `-PLACE…`, `-WORKER`, `-CANCELLED`.
    pub fn take(
        &self,
        place: &Place,
        key: &RepositoryKey,
        staging: &Staging,
        wanted: &Wanted,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<Copied, Problem> {
        let about = &staging.manifest().about;
        let summary = Summary {
            changeover: 1,
            manifest_sha256: staging.manifest_sha256().to_owned(),
            company_id: about.company_id.clone(),
            company_name: about.company_name.clone(),
            at: about.at,
            made_by: about.made_by.clone(),
            files: staging.manifest().files.len() as u64,
            bytes: staging.manifest().bytes_in_files(),
            missing: about.missing.len() as u64,
        };
        let task = Task::Take {
            staging: staging.dir().to_owned(),
            summary,
            label: wanted.label.clone(),
            tags: wanted.tags.clone(),
            known: wanted.known.clone(),
        };
        let copied = self.copied(place, key, task, on_progress)?;
        if copied.manifest == *staging.manifest() {
            Ok(copied)
        } else {
            Err(problems::mismatch(&[
                "The list of files in the backup is not the one that was prepared.".into(),
            ]))
        }
    }

    /// Mark 1 again for a backup made earlier: listed and compared with its manifest.
    pub fn confirm(&self, place: &Place, key: &RepositoryKey, id: &str) -> Result<Copied, Problem> {
        self.copied(place, key, Task::Confirm { id: id.to_owned() }, &mut |_| {})
    }

    fn copied(&self, place: &Place, key: &RepositoryKey, task: Task, on_progress: &mut dyn FnMut(Progress)) -> Result<Copied, Problem> {
        match self.run(place, Some(key), None, task, on_progress)? {
            Reply::Copied {
                id,
                manifest,
                manifest_sha256,
                added_bytes,
            } => Ok(Copied {
                place: place.clone(),
                id,
                manifest,
                manifest_sha256,
                added_bytes,
            }),
            other => Err(unexpected(&other)),
        }
    }

    /// Mark 2. Reads back everything of one backup. Errors: `E-BACKUP-DAMAGED` naming the damaged files, and those of opening.
    pub fn check(&self, place: &Place, key: &RepositoryKey, id: &str, on_progress: &mut dyn FnMut(Progress)) -> Result<Checked, Problem> {
        self.checked(place, key, Task::Check { id: id.to_owned() }, on_progress)
    }

    /// Reads back every backup of the place.
    pub fn check_place(&self, place: &Place, key: &RepositoryKey, on_progress: &mut dyn FnMut(Progress)) -> Result<Checked, Problem> {
        self.checked(place, key, Task::CheckPlace, on_progress)
    }

    fn checked(&self, place: &Place, key: &RepositoryKey, task: Task, on_progress: &mut dyn FnMut(Progress)) -> Result<Checked, Problem> {
        match self.run(place, Some(key), None, task, on_progress)? {
            Reply::Checked { id, files, bytes } => Ok(Checked {
                place: place.clone(),
                id,
                files,
                bytes,
            }),
            other => Err(unexpected(&other)),
        }
    }

    /// Restores into `to`, which must be empty or not exist yet, file by file, each compared with the manifest.
    /// Damaged files are in [`Restored::lost`]; use [`Restored::whole`] where all must be right.
    /// Errors: `E-BACKUP-NOT-EMPTY`, `-UNKNOWN`, `-DISK-FULL`, `-DAMAGED` (nothing could be listed), and those of opening.
    pub fn restore(
        &self,
        place: &Place,
        key: &RepositoryKey,
        id: &str,
        to: &Path,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<Restored, Problem> {
        if !to.is_absolute() {
            return Err(problems::staging(format!("The folder \"{}\" must be given in full.", to.display())));
        }
        let task = Task::Restore {
            id: id.to_owned(),
            to: to.to_owned(),
        };
        match self.run(place, Some(key), None, task, on_progress)? {
            Reply::Restored {
                manifest,
                manifest_sha256,
                files,
                bytes,
                lost,
            } => Ok(Restored {
                place: place.clone(),
                id: id.to_owned(),
                to: to.to_owned(),
                manifest,
                manifest_sha256,
                files,
                bytes,
                lost,
            }),
            other => Err(unexpected(&other)),
        }
    }

    /// Brings back a few files of a backup, for a look: quick, and no proof of the rest. Gives the backup's own list.
    /// Errors: as [`Backups::restore`], and `E-BACKUP-DAMAGED` when one of these files or the list itself does not come back right.
    pub fn fetch(&self, place: &Place, key: &RepositoryKey, id: &str, paths: &[String], to: &Path) -> Result<Manifest, Problem> {
        self.fetch_watched(place, key, id, paths, to, &mut |_| {})
    }

    /// As [`Backups::fetch`], with reports on the way.
    pub fn fetch_watched(
        &self,
        place: &Place,
        key: &RepositoryKey,
        id: &str,
        paths: &[String],
        to: &Path,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<Manifest, Problem> {
        if !to.is_absolute() {
            return Err(problems::staging(format!("The folder \"{}\" must be given in full.", to.display())));
        }
        let task = Task::Fetch {
            id: id.to_owned(),
            paths: paths.to_vec(),
            to: to.to_owned(),
        };
        match self.run(place, Some(key), None, task, on_progress)? {
            Reply::Restored {
                manifest: Some(manifest),
                lost,
                ..
            } if lost.is_empty() => Ok(manifest),
            Reply::Restored { lost, .. } => {
                let findings: Vec<String> = lost.iter().map(|lost| format!("{}: {}", lost.path, lost.why)).collect();
                Err(problems::damaged("What is in this backup cannot be shown.", &findings))
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Every backup in the place, oldest first; needs nothing but the place and its key.
    pub fn list(&self, place: &Place, key: &RepositoryKey) -> Result<Vec<Snapshot>, Problem> {
        match self.run(place, Some(key), None, Task::List, &mut |_| {})? {
            Reply::Listed { snapshots } => Ok(snapshots),
            other => Err(unexpected(&other)),
        }
    }

    /// What is in a backup, without restoring it.
    pub fn preview(&self, place: &Place, key: &RepositoryKey, id: &str) -> Result<Manifest, Problem> {
        match self.run(place, Some(key), None, Task::Preview { id: id.to_owned() }, &mut |_| {})? {
            Reply::Manifest { manifest } => Ok(manifest),
            other => Err(unexpected(&other)),
        }
    }

    fn run(
        &self,
        place: &Place,
        key: Option<&RepositoryKey>,
        code: Option<&str>,
        task: Task,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<Reply, Problem> {
        let request = Request {
            form: FORM,
            place: place.clone(),
            key: key.map(|key| key.expose().to_owned()),
            code: code.map(str::to_owned),
            task,
        };
        let mut line =
            Zeroizing::new(serde_json::to_vec(&request).map_err(|_| problems::worker("The request could not be written down."))?);
        wipe(request);
        line.push(b'\n');
        if self.cancel.is_cancelled() {
            return Err(problems::cancelled());
        }
        let running = Running::start(&self.worker, &self.cancel)?;
        let outcome = running.talk(&line, &self.cancel, on_progress);
        let ended = running.end(outcome.is_ok());
        match outcome {
            _ if self.cancel.is_cancelled() => Err(problems::cancelled()),
            Ok(Some(Ok(reply))) => Ok(reply),
            Ok(Some(Err(problem))) => Err(problem),
            Ok(None) => Err(problems::worker(match ended {
                Ok(status) => format!("{} ended without an answer ({status}).", self.worker.program.display()),
                Err(error) => format!("{} ended without an answer ({error}).", self.worker.program.display()),
            })),
            Err(why) => Err(problems::worker(why)),
        }
    }
}

/// Overwrites the copies of the secrets that the request held.
fn wipe(request: Request) {
    for text in [request.key, request.code].into_iter().flatten() {
        drop(Zeroizing::new(text));
    }
}

fn unexpected(reply: &Reply) -> Problem {
    // By name only: some answers hold the key.
    let name = match reply {
        Reply::Created { .. } => "created",
        Reply::WayAdded { .. } => "way added",
        Reply::Ways { .. } => "ways",
        Reply::Unlocked { .. } => "unlocked",
        Reply::Copied { .. } => "copied",
        Reply::Checked { .. } => "checked",
        Reply::Restored { .. } => "restored",
        Reply::Listed { .. } => "listed",
        Reply::Manifest { .. } => "manifest",
    };
    problems::worker(format!("It answered something else than was asked: {name}."))
}

struct Running<'a> {
    cancel: &'a Cancel,
    child: u32,
    input: Mutex<Option<ChildStdin>>,
    output: Mutex<BufReader<ChildStdout>>,
}

impl<'a> Running<'a> {
    fn start(worker: &Worker, cancel: &'a Cancel) -> Result<Running<'a>, Problem> {
        let mut command = Command::new(&worker.program);
        command
            .arg(WORKER_ARGUMENT)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        for name in PASSED_ON {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let mut child = command
            .spawn()
            .map_err(|error| problems::worker(format!("{} could not be started: {error}.", worker.program.display())))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (Some(input), Some(output)) = (input, output) else {
            return Err(problems::worker("It has no pipe to talk through."));
        };
        let id = child.id();
        cancel.0.children.lock().unwrap_or_else(PoisonError::into_inner).push(child);
        if cancel.is_cancelled() {
            // Asked between the check and the start: this one was not in the list yet.
            cancel.cancel();
        }
        Ok(Running {
            cancel,
            child: id,
            input: Mutex::new(Some(input)),
            output: Mutex::new(BufReader::new(output)),
        })
    }

    /// `Ok(None)`: it ended without an answer. `Err`: it said something that no worker says.
    fn talk(&self, line: &[u8], cancel: &Cancel, on_progress: &mut dyn FnMut(Progress)) -> Result<Option<Result<Reply, Problem>>, String> {
        if let Some(input) = self.input.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            // A worker that died already is told by its missing answer.
            if input.write_all(line).and_then(|()| input.flush()).is_err() {
                return Ok(None);
            }
        }
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let mut greeted = false;
        loop {
            let mut line = Zeroizing::new(Vec::new());
            let limit = LARGEST_LINE_BYTES as u64;
            let read = (&mut *output)
                .take(limit)
                .read_until(b'\n', &mut line)
                .map_err(|error| format!("Its answer could not be read: {error}."))?;
            if read == 0 || cancel.is_cancelled() {
                return Ok(None);
            }
            // serde's message could quote the line, which may hold a key.
            let event: Event = serde_json::from_slice(&line)
                .map_err(|_| "It said something that no backup worker says; is it the right program?".to_owned())?;
            match event {
                Event::Hello { form: FORM } => greeted = true,
                Event::Hello { form } => return Err(format!("It speaks form {form}; this program speaks form {FORM}.")),
                Event::Progress { .. } | Event::Done { .. } | Event::Failed { .. } if !greeted => {
                    return Err("It did not say who it is.".into());
                }
                Event::Progress {
                    phase,
                    done_bytes,
                    total_bytes,
                } => on_progress(Progress {
                    phase,
                    done_bytes,
                    total_bytes,
                }),
                Event::Done { reply } => return Ok(Some(Ok(reply))),
                Event::Failed { problem } => return Ok(Some(Err(problem.problem()))),
            }
        }
    }

    /// Waits for the child; one that talked nonsense is ended first.
    fn end(&self, in_order: bool) -> std::io::Result<ExitStatus> {
        drop(self.input.lock().unwrap_or_else(PoisonError::into_inner).take());
        let mut children = self.cancel.0.children.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(at) = children.iter().position(|child| child.id() == self.child) else {
            return Err(std::io::Error::other("it was already waited for"));
        };
        let mut child = children.swap_remove(at);
        drop(children);
        let killed = if in_order { Ok(()) } else { child.kill() };
        let status = child.wait()?;
        killed.map(|()| status)
    }
}
