//! What is looked at before the engine may open a place.
//!
//! The engine fails, or goes on silently, on files that an interrupted upload leaves (0 bytes, cut short). So every
//! key, index and snapshot file must have content, and its name must be its SHA-256, as restic's format says.

use ledger::Problem;
use rustic_core::FileType;
use sha2::{Digest, Sha256};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use super::folder::{FOLDERS, PART, id_of, is_pack_folder};
use crate::problems;

/// Held by whoever writes to a place.
const LOCK_NAME: &str = "changeover.lock";

/// One writer at a time; released when dropped, also by a crash. Errors: `E-BACKUP-BUSY`, `E-BACKUP-PLACE`.
pub fn lock(root: &Path) -> Result<File, Problem> {
    let file = File::options()
        .create(true)
        .append(true)
        .open(root.join(LOCK_NAME))
        .map_err(|error| {
            if super::folder::is_disk_full(&error) {
                problems::disk_full(&root.display().to_string())
            } else {
                problems::place(root, format!("{LOCK_NAME}: {error}."))
            }
        })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(problems::busy(root)),
        Err(TryLockError::Error(error)) => Err(problems::place(root, format!("{LOCK_NAME}: {error}."))),
    }
}

/// Whether there is a place at all. Quick: no file of it is read, so that a wrong key can be told before anything else.
/// Errors: `E-BACKUP-PLACE-MISSING`, `-PLACE`, `-DAMAGED` (a folder is gone), `-STRAY` (an empty config).
pub fn present(root: &Path) -> Result<(), Problem> {
    match fs::metadata(root) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(problems::place_missing(root, "This is a file, not a folder.")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(problems::place_missing(root, "The folder does not exist.")),
        Err(error) => return Err(problems::place(root, format!("{error}."))),
    }
    match fs::metadata(root.join("config")) {
        Ok(config) if config.is_file() && config.len() > 0 => {}
        Ok(_) => return Err(problems::stray("config", "It is empty.")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(problems::place_missing(
                root,
                "The folder exists, but it has no file named config, so it is no place for backups.",
            ));
        }
        Err(error) => return Err(problems::place(root, format!("config: {error}."))),
    }
    for kind in FOLDERS {
        let name = kind.dirname();
        match fs::read_dir(root.join(name)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(problems::damaged(
                    &format!("The place for backups at {} is damaged: its folder {name} is gone.", root.display()),
                    &[format!(
                        "{name} is missing; without it older backups would seem never to have been made."
                    )],
                ));
            }
            Err(error) => return Err(problems::place(root, format!("{name} could not be listed: {error}."))),
        }
    }
    Ok(())
}

/// Whether every file of these kinds, which are never packs, has the content that its name promises.
/// Errors: `E-BACKUP-STRAY` (a file that cannot be right), `-PLACE`.
pub fn sound(root: &Path, kinds: &[FileType]) -> Result<(), Problem> {
    for kind in kinds {
        let name = kind.dirname();
        let items = fs::read_dir(root.join(name)).map_err(|error| problems::place(root, format!("{name} could not be listed: {error}.")))?;
        for item in items {
            let item = item.map_err(|error| problems::place(root, format!("{name} could not be listed: {error}.")))?;
            let file = item.file_name();
            let Some(file) = file.to_str().filter(|file| id_of(file).is_some()) else {
                continue;
            };
            let shown = format!("{name}/{file}");
            let bytes = fs::read(item.path()).map_err(|error| problems::place(root, format!("{shown} could not be read: {error}.")))?;
            if bytes.is_empty() {
                return Err(problems::stray(&shown, "It is empty (0 bytes)."));
            }
            if hex::encode(Sha256::digest(&bytes)) != file {
                return Err(problems::stray(
                    &shown,
                    "Its content does not match its name: it was cut short or changed.",
                ));
            }
        }
    }
    Ok(())
}

/// Everything that is read before the packs are.
pub const READ_FIRST: [FileType; 3] = [FileType::Key, FileType::Index, FileType::Snapshot];

/// Removes what a killed backup left: only names of the exact form `<id>.part`, only under the lock.
pub fn clean(root: &Path) -> Result<(), Problem> {
    let mut folders = vec![root.to_owned()];
    for kind in FOLDERS {
        folders.push(root.join(kind.dirname()));
    }
    let failed = |folder: &Path, error: io::Error| problems::place(root, format!("{}: {error}.", folder.display()));
    let data = root.join(FileType::Pack.dirname());
    for item in fs::read_dir(&data).map_err(|error| failed(&data, error))? {
        let item = item.map_err(|error| failed(&data, error))?;
        if item.file_name().to_str().is_some_and(is_pack_folder) {
            folders.push(item.path());
        }
    }
    for folder in folders {
        for item in fs::read_dir(&folder).map_err(|error| failed(&folder, error))? {
            let item = item.map_err(|error| failed(&folder, error))?;
            let ours = item
                .file_name()
                .to_str()
                .and_then(|name| name.strip_suffix(PART))
                .is_some_and(|name| id_of(name).is_some() || name == "config");
            if ours {
                fs::remove_file(item.path()).map_err(|error| failed(&item.path(), error))?;
            }
        }
    }
    Ok(())
}
