//! Reading a snapshot: find it, list it, read its manifest, write one file out.
//!
//! Files are read one by one with `dump`: one damaged pack then costs only the files in it. A panic of the engine
//! while it reads one file is a finding about that file.

use ledger::Problem;
use rustic_core::repofile::{Node, SnapshotFile};
use rustic_core::{IndexedFullStatus, LsOptions, Repository};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::Component;

use super::folder::{Faults, is_disk_full};
use super::speak::Meter;
use crate::manifest::{LARGEST_MANIFEST_BYTES, MANIFEST_NAME, Manifest};
use crate::problems;
use crate::wire::{Listed, Summary};

/// Under this name the staged folder lies in every snapshot.
pub const DATA: &str = "/data";

pub type Readable = Repository<IndexedFullStatus>;

/// A snapshot as another program or an older version may have made it.
pub fn listed(snapshot: &SnapshotFile) -> Listed {
    let summary = snapshot
        .description
        .as_deref()
        .and_then(|text| serde_json::from_str::<Summary>(text).ok());
    Listed {
        id: snapshot.id.to_hex().as_str().to_owned(),
        at: snapshot.time.timestamp(),
        label: if snapshot.label.is_empty() {
            snapshot.hostname.clone()
        } else {
            snapshot.label.clone()
        },
        tags: snapshot.tags.iter().cloned().collect(),
        summary,
    }
}

/// By its full id or a beginning of it that is unique. Errors: `E-BACKUP-UNKNOWN`.
pub fn find<'a>(all: &'a [SnapshotFile], id: &str) -> Result<&'a SnapshotFile, Problem> {
    let plain = id.len() >= 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut matching = all.iter().filter(|snapshot| plain && snapshot.id.to_hex().as_str().starts_with(id));
    match (matching.next(), matching.next()) {
        (Some(found), None) => Ok(found),
        (Some(_), Some(_)) | (None, _) => Err(problems::unknown(id)),
    }
}

/// Every file of a snapshot by its path, with `/` between names. Errors: the reason in words.
pub fn files(repository: &Readable, snapshot: &SnapshotFile, faults: &Faults) -> Result<BTreeMap<String, Node>, String> {
    let said = |error: Box<rustic_core::RusticError>| faults.take().map_or_else(|| short(&error.display_log()), |fault| fault.text);
    let list = || {
        let top = repository.node_from_snapshot_and_path(snapshot, DATA).map_err(said)?;
        let mut found = BTreeMap::new();
        for item in repository.ls(&top, &LsOptions::default()).map_err(said)? {
            let (path, node) = item.map_err(said)?;
            if node.is_dir() {
                continue;
            }
            let names: Option<Vec<&str>> = path
                .components()
                .map(|part| match part {
                    Component::Normal(name) => name.to_str(),
                    Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => None,
                })
                .collect();
            match names {
                Some(names) if node.is_file() => found.insert(names.join("/"), node),
                Some(_) | None => return Err(format!("{} is not a file that a backup may hold.", path.display())),
            };
        }
        Ok(found)
    };
    match panic::catch_unwind(AssertUnwindSafe(list)) {
        Ok(found) => found,
        Err(_) => Err(format!(
            "The list of files could not be read; the backup engine gave up at {}.",
            super::panicked_at()
        )),
    }
}

/// The manifest that lies in the snapshot, compared with the hash that the snapshot carries.
pub fn manifest(
    repository: &Readable,
    snapshot: &SnapshotFile,
    files: &BTreeMap<String, Node>,
    faults: &Faults,
) -> Result<(Manifest, String), String> {
    let summary = listed(snapshot).summary.ok_or(
        "Another program, or a newer Changeover, made this backup: it carries no list of files that this version can compare with.",
    )?;
    let node = files.get(MANIFEST_NAME).ok_or("Its list of files is not in it.")?;
    if node.meta.size > LARGEST_MANIFEST_BYTES {
        return Err("Its list of files is too large to be one.".into());
    }
    let mut bytes = Vec::new();
    let meter = None;
    let (_, sha256) = copy(repository, node, Into::Memory(&mut bytes), meter, faults).map_err(|failure| failure.text())?;
    if sha256 != summary.manifest_sha256 {
        return Err("Its list of files is not the one that was written.".into());
    }
    Ok((Manifest::read(&bytes)?, sha256))
}

/// What is in the snapshot against what should be: the first list is absent files, the second other differences.
pub fn compare(manifest: &Manifest, files: &BTreeMap<String, u64>) -> (Vec<String>, Vec<String>) {
    let (mut absent, mut different) = (Vec::new(), Vec::new());
    let mut expected: BTreeMap<&str, u64> = manifest.files.iter().map(|file| (file.path.as_str(), file.size)).collect();
    for (path, size) in files {
        match expected.remove(path.as_str()) {
            Some(planned) if planned == *size => {}
            Some(planned) => different.push(format!("{path} should have {planned} bytes; the backup has {size}.")),
            None if path == MANIFEST_NAME => {}
            None => different.push(format!("{path} is in the backup but not in its list.")),
        }
    }
    absent.extend(expected.keys().map(|path| format!("{path} is not in the backup.")));
    (absent, different)
}

/// Where a file's bytes go.
pub enum Into<'a> {
    Nowhere,
    Memory(&'a mut Vec<u8>),
    File(&'a mut File),
}

pub enum Failure {
    /// It could not be read from the place.
    Reading(String),
    /// It could not be written where it should go.
    Writing(io::Error),
}

impl Failure {
    pub fn text(&self) -> String {
        match self {
            Failure::Reading(why) => why.clone(),
            Failure::Writing(error) if is_disk_full(error) => "the disk is full".into(),
            Failure::Writing(error) => format!("it could not be written: {error}"),
        }
    }
}

/// Reads one file to its end; gives size and SHA-256 of what was read.
pub fn copy(repository: &Readable, node: &Node, into: Into<'_>, meter: Option<&Meter>, faults: &Faults) -> Result<(u64, String), Failure> {
    let mut counting = Counting {
        into,
        hasher: Sha256::new(),
        size: 0,
        meter,
        refused: None,
    };
    let read = panic::catch_unwind(AssertUnwindSafe(|| repository.dump(node, &mut counting)));
    let fault = faults.take();
    if let Some(error) = counting.refused {
        return Err(Failure::Writing(error));
    }
    match read {
        Ok(Ok(())) => Ok((counting.size, hex::encode(counting.hasher.finalize()))),
        Ok(Err(error)) => Err(Failure::Reading(
            fault.map_or_else(|| short(&error.display_log()), |fault| fault.text),
        )),
        Err(_) => Err(Failure::Reading(format!("the backup engine gave up at {}", super::panicked_at()))),
    }
}

struct Counting<'a> {
    into: Into<'a>,
    hasher: Sha256,
    size: u64,
    meter: Option<&'a Meter>,
    refused: Option<io::Error>,
}

impl Write for Counting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.into {
            Into::Nowhere => Ok(()),
            Into::Memory(memory) => {
                memory.extend_from_slice(bytes);
                Ok(())
            }
            Into::File(file) => file.write_all(bytes),
        };
        if let Err(error) = written {
            let told = io::Error::new(error.kind(), "refused");
            self.refused = Some(error);
            return Err(told);
        }
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        if let Some(meter) = self.meter {
            meter.add(bytes.len() as u64);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the engine means, on one line and not endless: its innermost message without its own advice.
pub fn short(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.contains("MAC check failed") {
        return "what was read there is not what was written (its seal is broken)".into();
    }
    let said = line.rsplit("Message: ").next().unwrap_or(&line);
    let advice = [" For more information", " Some additional details", " Context:", " Caused by:", " Backtrace:"];
    let end = advice.iter().filter_map(|words| said.find(words)).min().unwrap_or(said.len());
    said[..end].trim_start_matches("Error: ").trim_end_matches('.').chars().take(400).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{About, FORMAT, FileRole, ManifestFile};

    #[test]
    fn a_snapshot_that_lacks_has_more_or_other_files_than_its_list_is_found() {
        let file = |path: &str, size| ManifestFile {
            path: path.into(),
            size,
            sha256: String::new(),
            role: FileRole::Other,
        };
        let about = About {
            at: jiff::Timestamp::UNIX_EPOCH,
            company_id: "c".into(),
            company_name: "C".into(),
            made_by: "test".into(),
            totals: vec![],
            per_day_digest: None,
            counts: BTreeMap::new(),
            missing: vec![],
        };
        let manifest = Manifest {
            format: FORMAT,
            about,
            files: vec![file("a", 1), file("b/c", 2), file("d", 0)],
        };
        let check = |files: &[(&str, u64)], absent: usize, different: usize| {
            let files = files.iter().map(|(path, size)| ((*path).to_owned(), *size)).collect();
            let (gone, other) = compare(&manifest, &files);
            assert_eq!((gone.len(), other.len()), (absent, different), "{files:?}: {gone:?} {other:?}");
        };
        check(&[("a", 1), ("b/c", 2), ("d", 0), (MANIFEST_NAME, 99)], 0, 0);
        check(&[("a", 1), ("b/c", 2), (MANIFEST_NAME, 99)], 1, 0);
        check(&[("a", 1), ("b/c", 3), ("d", 0)], 0, 1);
        check(&[("a", 1), ("b/c", 2), ("d", 0), ("e", 5)], 0, 1);
        check(&[], 3, 0);
    }
}
