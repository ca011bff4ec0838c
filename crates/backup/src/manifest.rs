//! What is in a backup: every file with size and hash, and the totals that its books must give again.
//!
//! The manifest is made from the staged copy, is stored inside the snapshot, and its own hash stands in the
//! snapshot's description. A file that cannot be read or is empty where it may not be stops the staging: a backup
//! with a hole is none. New kinds of content are a `FileRole`.

use jiff::Timestamp;
use ledger::Problem;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};

use crate::problems;

/// The form of manifests written now; a reader stops at any other.
pub const FORMAT: u32 = 1;
/// The manifest's name in the staged folder and in the snapshot.
pub const MANIFEST_NAME: &str = "manifest.json";
/// A manifest is a list, not a book.
pub const LARGEST_MANIFEST_BYTES: u64 = 64 * 1024 * 1024;
/// A backup has at most so many files.
pub const MOST_FILES: usize = 100_000;
const DEEPEST_FOLDER: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileRole {
    Book,
    ConnectorSetup,
    Mappings,
    IdentityMap,
    RawRecords,
    Journal,
    Settings,
    Other,
}

impl FileRole {
    /// These are never empty files; an empty one is a failed copy.
    fn must_have_content(self) -> bool {
        match self {
            FileRole::Book | FileRole::ConnectorSetup | FileRole::Mappings | FileRole::Journal | FileRole::Settings => true,
            FileRole::IdentityMap | FileRole::RawRecords | FileRole::Other => false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Relative, with `/` between names.
    pub path: String,
    pub size: u64,
    /// Lower-case hex.
    pub sha256: String,
    pub role: FileRole,
}

/// One account's total at the moment of the copy; the proof recomputes it from the restored book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Total {
    pub account: String,
    pub name: String,
    pub currency: String,
    pub entries: u64,
    pub balance_minor: i64,
}

/// Everything of a manifest but its files: what the caller knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    pub at: Timestamp,
    pub company_id: String,
    pub company_name: String,
    /// Program and version.
    pub made_by: String,
    pub totals: Vec<Total>,
    /// Digest of count and sum per account, currency and day, as the caller defines it.
    pub per_day_digest: Option<String>,
    /// Numbers of records, aliases, holds …, by name.
    pub counts: BTreeMap<String, u64>,
    /// What could not be saved, in words. Not empty means: not a rollback point.
    pub missing: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    pub about: About,
    pub files: Vec<ManifestFile>,
}

impl Manifest {
    pub fn bytes_in_files(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Errors: the reason in words; an unknown format is never guessed at.
    pub(crate) fn read(bytes: &[u8]) -> Result<Manifest, String> {
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let form: Form = serde_json::from_slice(bytes).map_err(|_| "The backup's list of files is not readable.".to_owned())?;
        if form.format != FORMAT {
            return Err(format!(
                "The backup's list of files has form {}; this version of Changeover knows form {FORMAT}.",
                form.format
            ));
        }
        let manifest: Manifest =
            serde_json::from_slice(bytes).map_err(|error| format!("The backup's list of files is not readable: {error}."))?;
        let mut seen = BTreeSet::new();
        for file in &manifest.files {
            check_path(&file.path)?;
            if !seen.insert(&file.path) {
                return Err(format!("The backup's list of files names {:?} twice.", file.path));
            }
        }
        Ok(manifest)
    }
}

/// A folder ready to be backed up: every file hashed, the manifest written into it.
#[derive(Debug)]
pub struct Staging {
    dir: PathBuf,
    manifest: Manifest,
    manifest_sha256: String,
}

impl Staging {
    /// Hashes `files` (paths relative to `dir`) and writes the manifest. The folder must hold exactly these files.
    /// Errors: `E-BACKUP-INCOMPLETE` listing every file that cannot be read, is empty, missing, or not announced; `E-BACKUP-STAGING`.
    pub fn build(dir: impl Into<PathBuf>, about: About, files: impl IntoIterator<Item = (String, FileRole)>) -> Result<Staging, Problem> {
        let dir = dir.into();
        if !dir.is_absolute() {
            return Err(problems::staging(format!("The folder \"{}\" must be given in full.", dir.display())));
        }
        let manifest_path = dir.join(MANIFEST_NAME);
        match fs::remove_file(&manifest_path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(problems::staging(format!("{}: {error}.", manifest_path.display()))),
        }
        let announced: BTreeMap<String, FileRole> = files.into_iter().collect();
        let mut findings = Vec::new();
        let mut listed = Vec::new();
        for (path, role) in &announced {
            match check_path(path).and_then(|()| hash_file(&dir.join(path))) {
                Ok((0, _)) if role.must_have_content() => findings.push(format!("{path} is empty.")),
                Ok((size, sha256)) => listed.push(ManifestFile {
                    path: path.clone(),
                    size,
                    sha256,
                    role: *role,
                }),
                Err(why) => findings.push(format!("{path}: {why}")),
            }
        }
        let mut present = BTreeSet::new();
        if let Err(why) = walk(&dir, "", 0, &mut present) {
            findings.push(why);
        }
        for path in &present {
            if !announced.contains_key(path) {
                findings.push(format!("{path} lies in the folder but was not announced."));
            }
        }
        if !findings.is_empty() {
            return Err(problems::incomplete(&findings));
        }
        let manifest = Manifest {
            format: FORMAT,
            about,
            files: listed,
        };
        let bytes = serde_json::to_vec_pretty(&manifest).map_err(|error| problems::staging(error.to_string()))?;
        if manifest.files.len() > MOST_FILES || bytes.len() as u64 > LARGEST_MANIFEST_BYTES {
            return Err(problems::staging(format!(
                "A backup has at most {MOST_FILES} files; this one has {}.",
                manifest.files.len()
            )));
        }
        write_durably(&manifest_path, &bytes).map_err(|error| problems::staging(format!("{}: {error}.", manifest_path.display())))?;
        Ok(Staging {
            dir,
            manifest,
            manifest_sha256: hex::encode(Sha256::digest(&bytes)),
        })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub(crate) fn manifest_sha256(&self) -> &str {
        &self.manifest_sha256
    }
}

/// Size and SHA-256 of a regular file, read to its end. Errors: the reason in words.
pub(crate) fn hash_file(path: &Path) -> Result<(u64, String), String> {
    let before = fs::symlink_metadata(path).map_err(|error| format!("it could not be read: {error}."))?;
    if !before.is_file() {
        return Err("it is not a plain file.".into());
    }
    let mut file = File::open(path).map_err(|error| format!("it could not be read: {error}."))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0u8; 128 * 1024];
    let mut size = 0u64;
    loop {
        let read = file.read(&mut buffer).map_err(|error| format!("it could not be read: {error}."))?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        size += read as u64;
    }
    if size != before.len() {
        return Err(format!("it changed while it was read: {} bytes before, {size} now.", before.len()));
    }
    Ok((size, hex::encode(hasher.finalize())))
}

/// A path of ours: relative, names only. Everything else could leave the folder it is restored into.
pub(crate) fn check_path(path: &str) -> Result<(), String> {
    let parts = Path::new(path).components().all(|part| match part {
        Component::Normal(_) => true,
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => false,
    });
    let names = path.split('/').all(|name| !name.is_empty() && name != "." && name != "..");
    let plain = !path.contains('\\') && !path.chars().any(char::is_control) && path != MANIFEST_NAME;
    if parts && names && plain {
        Ok(())
    } else {
        Err(format!("{path:?} is not a file name that a backup may hold."))
    }
}

/// Every file below `dir`, with `/` between names; anything but files and folders is an error.
pub(crate) fn walk(dir: &Path, prefix: &str, depth: usize, found: &mut BTreeSet<String>) -> Result<(), String> {
    if depth > DEEPEST_FOLDER {
        return Err(format!("{} is nested deeper than {DEEPEST_FOLDER} folders.", dir.display()));
    }
    let said = |error: std::io::Error| format!("{} could not be listed: {error}.", dir.display());
    for item in fs::read_dir(dir).map_err(said)? {
        let item = item.map_err(said)?;
        let name = item
            .file_name()
            .into_string()
            .map_err(|name| format!("{name:?} is not a plain file name."))?;
        let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        let kind = item.file_type().map_err(said)?;
        if kind.is_dir() {
            walk(&item.path(), &path, depth + 1, found)?;
        } else if kind.is_file() {
            found.insert(path);
        } else {
            return Err(format!("{path} is neither a file nor a folder."));
        }
    }
    Ok(())
}

pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_could_leave_the_folder_is_refused() {
        for path in ["", "/etc/passwd", "../up", "a/../b", "a//b", "./a", "a\\b", "a\nb", "manifest.json"] {
            assert!(check_path(path).is_err(), "{path:?}");
        }
        for path in ["book.gnucash", "setup/square 1.yaml", "raw/März.ndjson"] {
            assert_eq!(check_path(path), Ok(()), "{path:?}");
        }
    }
}
