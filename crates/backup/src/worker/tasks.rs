//! The tasks themselves: create, take, confirm, check, restore, fetch, list, preview. Those about ways in are in `ways.rs`.
//!
//! Every task inspects the place first and opens the repository with its master key (no key stretching). Nothing is
//! pruned or deleted. `Ok` of the engine is never taken for success: what was written is listed and compared.

use ledger::Problem;
use rustic_core::repofile::{MasterKey, SnapshotFile};
use rustic_core::{
    BackupOptions, CheckOptions, ConfigOptions, Credentials, OpenStatus, ParentOptions, PathList, Repository,
    RepositoryBackends, RepositoryOptions, RusticError, SnapshotOptions,
};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::folder::{FaultKind, Faults, Folder, is_disk_full, sync_folder};
use super::guard;
use super::read::{self, Failure, Into, Readable, short};
use super::speak::Meter;
use super::ways;
use crate::manifest::{LARGEST_MANIFEST_BYTES, MANIFEST_NAME, Manifest, check_path, hash_file};
use crate::place::Place;
use crate::problems;
use crate::wire::{Lost, Phase, Reply, Request, Summary, Task, WayKind};

/// Chunks of 128 KiB store a changed book with less waste than the engine's 1 MiB; restic reads both.
const CHUNK_BYTES: u64 = 128 * 1024;
const SMALLEST_CHUNK_BYTES: u64 = 64 * 1024;
const LARGEST_CHUNK_BYTES: u64 = 1024 * 1024;

/// Shown as the computer's name in restic's lists; the real one is nobody's business.
pub(super) const HOST: &str = "changeover";

pub fn run(request: Request) -> Result<Reply, Problem> {
    let Place::Folder { folder } = &request.place;
    let at = At {
        root: folder.clone(),
        faults: Faults::default(),
        meter: Meter::new(),
    };
    at.meter.start(Phase::Opening, None);
    let text = |text: &Option<String>| text.clone().ok_or_else(|| problems::worker("The request lacks a key."));
    match request.task {
        Task::Create => at.create(&text(&request.code)?),
        Task::AddWay { kind } => at.add_way(&text(&request.key)?, &text(&request.code)?, kind),
        Task::Unlock { kind } => at.unlock(&text(&request.code)?, kind),
        Task::Ways => at.ways(&text(&request.key)?),
        Task::RemoveWays { ids } => at.remove_ways(&text(&request.key)?, &ids),
        Task::Take {
            staging,
            summary,
            label,
            tags,
            known,
        } => at.take(&text(&request.key)?, &staging, &summary, &label, &tags, &known),
        Task::Confirm { id } => at.confirm(&text(&request.key)?, &id, 0),
        Task::Check { id } => at.check(&text(&request.key)?, Some(&id)),
        Task::CheckPlace => at.check(&text(&request.key)?, None),
        Task::Restore { id, to } => at.bring_back(&text(&request.key)?, &id, None, &to),
        Task::Fetch { id, paths, to } => at.bring_back(&text(&request.key)?, &id, Some(&paths), &to),
        Task::List => at.list(&text(&request.key)?),
        Task::Preview { id } => at.preview(&text(&request.key)?, &id),
    }
}

pub(super) struct At {
    pub(super) root: PathBuf,
    pub(super) faults: Faults,
    pub(super) meter: Meter,
}

impl At {
    pub(super) fn closed(&self) -> Result<Repository<()>, Problem> {
        self.closed_on(Folder::new(&self.root, self.faults.clone()))
    }

    pub(super) fn closed_on(&self, folder: Folder) -> Result<Repository<()>, Problem> {
        let backend = Arc::new(folder);
        let options = RepositoryOptions::default().no_cache(true);
        Repository::new_with_progress(&options, &RepositoryBackends::new(backend, None), self.meter.clone())
            .map_err(|error| self.said(&error))
    }

    pub(super) fn open(&self, key: &str) -> Result<Repository<OpenStatus>, Problem> {
        self.open_through(self.closed()?, key)
    }

    /// A wrong key is told before any other file of the place is read.
    pub(super) fn open_through(&self, closed: Repository<()>, key: &str) -> Result<Repository<OpenStatus>, Problem> {
        guard::present(&self.root)?;
        let key: MasterKey = serde_json::from_str(key).map_err(|_| problems::key("It does not have the form of a key."))?;
        let opened = closed
            .open(&Credentials::Masterkey(key))
            .map_err(|error| match self.faults.take() {
                Some(fault) => self.problem_of(fault.kind, &fault.text),
                // The file could be read but not decrypted; restic's format tells a wrong key and a damaged config apart only by this.
                None => problems::key("The place's file config does not open with it.").because(format!("The engine says: {}.", short(&error.display_log()))),
            })?;
        guard::sound(&self.root, &guard::READ_FIRST)?;
        Ok(opened)
    }

    fn readable(&self, key: &str) -> Result<(Readable, Vec<SnapshotFile>), Problem> {
        let repository = self.open(key)?;
        let snapshots = repository.get_all_snapshots().map_err(|error| self.said(&error))?;
        Ok((repository.to_indexed_checked().map_err(|error| self.said(&error))?, snapshots))
    }

    /// What the disk said is the cause; the engine's own words only when the disk said nothing.
    pub(super) fn said(&self, error: &RusticError) -> Problem {
        match self.faults.take() {
            Some(fault) => self.problem_of(fault.kind, &fault.text),
            None => Problem::new(
                problems::E_ENGINE,
                "The backup engine refused to go on. Backups made earlier are unharmed.",
                format!("It says: {}.", short(&error.display_log())),
                "Try again. If it happens again, make a new place on another disk, back up there, and report this text.",
            ),
        }
    }

    pub(super) fn problem_of(&self, kind: FaultKind, text: &str) -> Problem {
        match kind {
            FaultKind::DiskFull => problems::disk_full(&self.root.display().to_string()).because(format!("{text}.")),
            FaultKind::Gone => problems::damaged(
                "The place for backups lacks something that was written there.",
                &[format!("{text}.")],
            ),
            FaultKind::Other => problems::place(&self.root, format!("{text}.")),
        }
    }

    fn create(&self, code: &str) -> Result<Reply, Problem> {
        match fs::create_dir(&self.root) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(problems::place_missing(&self.root, "The folder above it does not exist either."));
            }
            Err(error) if is_disk_full(&error) => return Err(problems::disk_full(&self.root.display().to_string())),
            Err(error) => return Err(problems::place(&self.root, format!("{error}."))),
        }
        if self.root.join("config").exists() {
            return Err(Problem::new(
                problems::E_PLACE_USED,
                format!("There are already backups at {}.", self.root.display()),
                "A place is made once; making it again would hide what is in it.",
                "Open it with its recovery kit, or choose another folder.",
            ));
        }
        if let Some(name) = first_item(&self.root)? {
            return Err(problems::not_empty(
                &self.root,
                format!("It holds {name:?}. A place for backups needs a folder of its own."),
            ));
        }
        let _writing = guard::lock(&self.root)?;
        let bytes = |count| Some(bytesize::ByteSize::b(count));
        let mut config = ConfigOptions::default();
        config.set_chunk_size = bytes(CHUNK_BYTES);
        config.set_chunk_min_size = bytes(SMALLEST_CHUNK_BYTES);
        config.set_chunk_max_size = bytes(LARGEST_CHUNK_BYTES);
        let repository = self
            .closed()?
            .init(&Credentials::password(code), &ways::label(WayKind::RecoveryCode), &config)
            .map_err(|error| self.said(&error))?;
        let key = serde_json::to_string(&repository.key()).map_err(|_| problems::worker("The new key could not be written down."))?;
        let way = ways::opened_by(&repository)?;
        drop(repository);
        // A place counts as made when it opens again with what the person will keep.
        self.open(&key)?;
        Ok(Reply::Created { key, way })
    }

    fn take(&self, key: &str, staging: &Path, summary: &Summary, label: &str, tags: &[String], known: &[String]) -> Result<Reply, Problem> {
        let repository = self.open(key)?;
        let _writing = guard::lock(&self.root)?;
        guard::clean(&self.root)?;
        let snapshots = repository.get_all_snapshots().map_err(|error| self.said(&error))?;
        let missing: Vec<String> = known
            .iter()
            .filter(|id| !snapshots.iter().any(|snapshot| snapshot.id.to_hex().as_str() == id.as_str()))
            .map(|id| format!("Backup {id} is gone."))
            .collect();
        if !missing.is_empty() {
            return Err(problems::history(&missing));
        }
        let manifest = self.staged(staging, summary)?;
        self.meter.start(Phase::Copying, Some(manifest.bytes_in_files()));
        let repository = repository.to_indexed_ids_checked().map_err(|error| self.said(&error))?;
        let description = serde_json::to_string(summary).map_err(|error| problems::worker(error.to_string()))?;
        let mut options = SnapshotOptions::default()
            .label(label.to_owned())
            .description(description)
            .host(HOST.to_owned())
            .command(HOST.to_owned());
        for tag in tags {
            options = options.add_tags(tag).map_err(|error| self.said(&error))?;
        }
        let note = options.to_snapshot().map_err(|error| self.said(&error))?;
        let from = PathList::from_iter(Some(staging.to_owned()));
        // Every file is read anew: size and time alone never decide that a book is unchanged.
        let options = BackupOptions::default()
            .as_path(PathBuf::from(read::DATA))
            .parent_opts(ParentOptions::default().force(true));
        let made = repository.backup(&options, &from, note).map_err(|error| self.said(&error))?;
        drop(repository);
        let added = made.summary.as_ref().map_or(0, |summary| summary.data_added_packed);
        self.confirm(key, made.id.to_hex().as_str(), added)
    }

    /// The staged folder as it is now, read to its end, against its manifest. Errors: `E-BACKUP-INCOMPLETE`, `-MISMATCH`.
    fn staged(&self, staging: &Path, summary: &Summary) -> Result<Manifest, Problem> {
        let unreadable = |why: String| problems::incomplete(&[format!("{MANIFEST_NAME}: {why}")]);
        let path = staging.join(MANIFEST_NAME);
        let (size, sha256) = hash_file(&path).map_err(unreadable)?;
        if sha256 != summary.manifest_sha256 || size > LARGEST_MANIFEST_BYTES {
            return Err(problems::mismatch(&[format!("{MANIFEST_NAME} is not the one that was made.")]));
        }
        let bytes = fs::read(&path).map_err(|error| unreadable(error.to_string()))?;
        let manifest = Manifest::read(&bytes).map_err(unreadable)?;
        self.meter.start(Phase::Comparing, Some(manifest.bytes_in_files()));
        let (mut absent, mut different) = (Vec::new(), Vec::new());
        for file in &manifest.files {
            match hash_file(&staging.join(&file.path)) {
                Ok((size, sha256)) if size == file.size && sha256 == file.sha256 => {}
                Ok((size, _)) if size == file.size => different.push(format!("{} was changed after it was prepared.", file.path)),
                Ok((size, _)) => different.push(format!(
                    "{} has {size} bytes; it had {} when it was prepared.",
                    file.path, file.size
                )),
                Err(why) => absent.push(format!("{}: {why}", file.path)),
            }
            self.meter.add(file.size);
        }
        match (absent.is_empty(), different.is_empty()) {
            (true, true) => Ok(manifest),
            (false, _) => Err(problems::incomplete(&[absent, different].concat())),
            (true, false) => Err(problems::mismatch(&different)),
        }
    }

    fn confirm(&self, key: &str, id: &str, added_bytes: u64) -> Result<Reply, Problem> {
        let (repository, snapshots) = self.readable(key)?;
        let snapshot = read::find(&snapshots, id)?;
        let files =
            read::files(&repository, snapshot, &self.faults).map_err(|why| problems::damaged("The backup cannot be listed.", &[why]))?;
        let (manifest, manifest_sha256) = read::manifest(&repository, snapshot, &files, &self.faults)
            .map_err(|why| problems::incomplete(&[format!("{MANIFEST_NAME}: {why}")]))?;
        let sizes: BTreeMap<String, u64> = files.iter().map(|(path, node)| (path.clone(), node.meta.size)).collect();
        match read::compare(&manifest, &sizes) {
            (absent, different) if absent.is_empty() && different.is_empty() => {}
            (absent, different) if absent.is_empty() => return Err(problems::mismatch(&different)),
            (absent, different) => return Err(problems::incomplete(&[absent, different].concat())),
        }
        Ok(Reply::Copied {
            id: snapshot.id.to_hex().as_str().to_owned(),
            manifest,
            manifest_sha256,
            added_bytes,
        })
    }

    /// Reads every pack, then every file, and compares each with its hash.
    fn check(&self, key: &str, id: Option<&str>) -> Result<Reply, Problem> {
        let repository = self.open(key)?;
        let snapshots = repository.get_all_snapshots().map_err(|error| self.said(&error))?;
        let chosen: Vec<&SnapshotFile> = match id {
            Some(id) => vec![read::find(&snapshots, id)?],
            None => snapshots.iter().collect(),
        };
        self.meter.start(Phase::Checking, None);
        let options = CheckOptions::default().read_data(true).trust_cache(false);
        let trees = chosen.iter().map(|snapshot| snapshot.tree).collect();
        let results = repository.check_with_trees(options, trees).map_err(|error| self.said(&error))?;
        let mut findings = Vec::new();
        if results.is_ok().is_err() {
            // Mere warnings stand among them: the engine does not let its levels be named from outside.
            findings.extend(results.0.iter().map(|(_, error)| format!("A data file of the place: {}.", short(&error.to_string()))));
        }
        self.faults.take();
        let repository = repository.to_indexed_checked().map_err(|error| self.said(&error))?;
        let (mut count, mut bytes, mut lost) = (0, 0, Vec::new());
        for snapshot in chosen {
            if id.is_none() && read::listed(snapshot).summary.is_none() {
                // Another program's snapshot: its packs were read above, and it has no hashes to compare with.
                continue;
            }
            match self.read_all(&repository, snapshot, None, None) {
                Ok(read) => {
                    count += read.files;
                    bytes += read.bytes;
                    lost.extend(read.lost.into_iter().map(|lost| format!("{}: {}", lost.path, lost.why)));
                }
                Err(problem) => return Err(problem),
            }
        }
        if findings.is_empty() && lost.is_empty() {
            return Ok(Reply::Checked {
                id: id.map(str::to_owned),
                files: count,
                bytes,
            });
        }
        let what = if lost.is_empty() {
            "The place for backups is damaged, although every file of this backup could be read.".to_owned()
        } else {
            format!("This backup is damaged; files that do not come back: {}.", lost.len())
        };
        Err(problems::damaged(&what, &[lost, findings].concat()))
    }

    /// Restores everything, or only some files, into a folder that is empty or does not exist yet.
    fn bring_back(&self, key: &str, id: &str, only: Option<&[String]>, to: &Path) -> Result<Reply, Problem> {
        match fs::metadata(to) {
            Ok(_) => {
                if let Some(name) = first_item(to)? {
                    return Err(problems::not_empty(to, format!("It holds {name:?}.")));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(problems::staging(format!("{}: {error}.", to.display()))),
        }
        let (repository, snapshots) = self.readable(key)?;
        let snapshot = read::find(&snapshots, id)?;
        match fs::create_dir(to) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if is_disk_full(&error) => return Err(problems::disk_full(&to.display().to_string())),
            Err(error) => return Err(problems::staging(format!("{}: {error}.", to.display()))),
        }
        let read = self.read_all(&repository, snapshot, only, Some(to))?;
        Ok(Reply::Restored {
            manifest: read.manifest,
            manifest_sha256: read.manifest_sha256,
            files: read.files,
            bytes: read.bytes,
            lost: read.lost,
        })
    }

    /// Every file of a snapshot (or `only` some), one by one, written to `to` or only hashed; what cannot be read is `lost`.
    fn read_all(&self, repository: &Readable, snapshot: &SnapshotFile, only: Option<&[String]>, to: Option<&Path>) -> Result<Read, Problem> {
        let nodes =
            read::files(repository, snapshot, &self.faults).map_err(|why| problems::damaged("The backup cannot be listed.", &[why]))?;
        let mut read = Read {
            manifest: None,
            manifest_sha256: None,
            files: 0,
            bytes: 0,
            lost: Vec::new(),
        };
        let mut expected: BTreeMap<String, Option<(u64, String)>> = nodes
            .keys()
            .filter(|path| *path != MANIFEST_NAME)
            .map(|path| (path.clone(), None))
            .collect();
        match read::manifest(repository, snapshot, &nodes, &self.faults) {
            Ok((manifest, sha256)) => {
                expected.extend(
                    manifest
                        .files
                        .iter()
                        .map(|file| (file.path.clone(), Some((file.size, file.sha256.clone())))),
                );
                read.manifest = Some(manifest);
                read.manifest_sha256 = Some(sha256);
            }
            // The others are still brought back, but nothing vouches for them: that is said by the manifest being lost.
            Err(why) => read.lost.push(Lost {
                path: MANIFEST_NAME.into(),
                why,
            }),
        }
        if let Some(only) = only {
            expected.retain(|path, _| only.contains(path));
            // Asked for and neither listed nor there: lost, not passed over.
            for path in only {
                expected.entry(path.clone()).or_insert(None);
            }
        }
        let total = expected.keys().filter_map(|path| nodes.get(path)).map(|node| node.meta.size).sum();
        self.meter
            .start(if to.is_some() { Phase::Restoring } else { Phase::Comparing }, Some(total));
        for (path, planned) in expected {
            let Some(node) = nodes.get(&path) else {
                read.lost.push(Lost {
                    path,
                    why: "It is not in the backup.".into(),
                });
                continue;
            };
            if let Err(why) = check_path(&path) {
                read.lost.push(Lost { path, why });
                continue;
            }
            let outcome = match to {
                None => read::copy(repository, node, Into::Nowhere, Some(&self.meter), &self.faults)
                    .and_then(|got| self.judge(got, planned.as_ref(), node.meta.size)),
                Some(to) => self.write_out(repository, node, &to.join(&path), planned.as_ref()),
            };
            match outcome {
                Ok(size) => {
                    read.files += 1;
                    read.bytes += size;
                }
                Err(Failure::Writing(error)) if is_disk_full(&error) => {
                    return Err(problems::disk_full(&to.unwrap_or(&self.root).display().to_string()));
                }
                Err(failure @ (Failure::Reading(_) | Failure::Writing(_))) => read.lost.push(Lost { path, why: failure.text() }),
            }
        }
        Ok(read)
    }

    fn judge(&self, (size, sha256): (u64, String), planned: Option<&(u64, String)>, listed: u64) -> Result<u64, Failure> {
        match planned {
            Some((expected, hash)) if *expected == size && *hash == sha256 => Ok(size),
            Some(_) => Err(Failure::Reading("its content is not what was backed up".into())),
            None if size == listed => Ok(size),
            None => Err(Failure::Reading(format!("it should have {listed} bytes and has {size}"))),
        }
    }

    /// Writes beside, compares, renames: a file under its right name is whole.
    fn write_out(
        &self,
        repository: &Readable,
        node: &rustic_core::repofile::Node,
        path: &Path,
        planned: Option<&(u64, String)>,
    ) -> Result<u64, Failure> {
        let part = PathBuf::from(format!("{}.part", path.display()));
        let write = || -> Result<u64, Failure> {
            let folder = path
                .parent()
                .ok_or_else(|| Failure::Writing(io::Error::other("it has no folder")))?;
            fs::create_dir_all(folder).map_err(Failure::Writing)?;
            let mut file = File::create_new(&part).map_err(Failure::Writing)?;
            let got = read::copy(repository, node, Into::File(&mut file), Some(&self.meter), &self.faults)?;
            file.sync_all().map_err(Failure::Writing)?;
            let size = self.judge(got, planned, node.meta.size)?;
            fs::rename(&part, path).map_err(Failure::Writing)?;
            sync_folder(folder).map_err(Failure::Writing)?;
            Ok(size)
        };
        write().map_err(|failure| match fs::remove_file(&part) {
            Ok(()) => failure,
            Err(error) if error.kind() == io::ErrorKind::NotFound => failure,
            Err(error) => Failure::Reading(format!("{}; the unfinished {} was left: {error}", failure.text(), part.display())),
        })
    }

    fn list(&self, key: &str) -> Result<Reply, Problem> {
        let mut snapshots = self.open(key)?.get_all_snapshots().map_err(|error| self.said(&error))?;
        snapshots.sort_by(|a, b| a.time.cmp(&b.time));
        Ok(Reply::Listed {
            snapshots: snapshots.iter().map(read::listed).collect(),
        })
    }

    fn preview(&self, key: &str, id: &str) -> Result<Reply, Problem> {
        let (repository, snapshots) = self.readable(key)?;
        let snapshot = read::find(&snapshots, id)?;
        let listed = read::files(&repository, snapshot, &self.faults);
        let read = listed.and_then(|files| read::manifest(&repository, snapshot, &files, &self.faults));
        let (manifest, _) = read.map_err(|why| problems::damaged("What is in this backup cannot be shown.", &[why]))?;
        Ok(Reply::Manifest { manifest })
    }
}

struct Read {
    manifest: Option<Manifest>,
    manifest_sha256: Option<String>,
    files: u64,
    bytes: u64,
    lost: Vec<Lost>,
}

fn first_item(folder: &Path) -> Result<Option<String>, Problem> {
    let failed = |error: io::Error| problems::place(folder, format!("{error}."));
    match fs::read_dir(folder).map_err(failed)?.next() {
        None => Ok(None),
        Some(item) => Ok(Some(item.map_err(failed)?.file_name().to_string_lossy().into_owned())),
    }
}
