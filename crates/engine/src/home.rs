//! The installation's folder: one SQLite store, the default backup place, working copies.
//!
//! A home is used by one kind of company only: real ones, or practice ones with their own clock. It must
//! never hold a secret in the clear.

use jiff::Timestamp;
use ledger::{Code, Problem, Touched};
use std::path::{Path, PathBuf};

pub const E_HOME: Code = Code("E-HOME");
/// A file that a person named, outside of the home folder.
pub const E_FILE: Code = Code("E-FILE");
pub const E_DISK_FULL: Code = Code("E-DISK-FULL");
pub const CODES: &[Code] = &[E_HOME, E_FILE, E_DISK_FULL];

/// Paths inside the installation's folder. All folders exist after [`Home::at`].
#[derive(Debug, Clone)]
pub struct Home {
    dir: PathBuf,
}

impl Home {
    /// Makes the folder (readable by its owner only) where it is missing. Errors: `E-HOME`.
    pub fn at(dir: &Path) -> Result<Home, Problem> {
        let home = Home { dir: dir.to_path_buf() };
        for folder in [home.dir.clone(), home.backups(), home.work()] {
            std::fs::create_dir_all(&folder).map_err(|e| cannot_use(&folder, &e))?;
        }
        restrict(&home.dir).map_err(|e| cannot_use(&home.dir, &e))?;
        Ok(home)
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }
    pub fn store(&self) -> PathBuf {
        self.dir.join("changeover.sqlite")
    }
    /// The default place for backups: this computer.
    pub fn backups(&self) -> PathBuf {
        self.dir.join("backups")
    }
    /// Staging, restored copies and rehearsals; anything in it may be deleted when no work is under way.
    pub fn work(&self) -> PathBuf {
        self.dir.join("work")
    }
    /// A fresh, empty folder for one piece of work. Errors: `E-HOME`.
    pub fn work_folder(&self, name: &str) -> Result<PathBuf, Problem> {
        let folder = self.work().join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(|e| cannot_use(&folder, &e))?;
        }
        std::fs::create_dir_all(&folder).map_err(|e| cannot_use(&folder, &e))?;
        Ok(folder)
    }
    pub fn lock_file(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.lock"))
    }
}

/// Turns a file error into the person's words; a full disk has its own code.
pub fn cannot_use(path: &Path, error: &std::io::Error) -> Problem {
    if error.kind() == std::io::ErrorKind::StorageFull {
        return Problem::new(
            E_DISK_FULL,
            format!("The disk that holds \"{}\" is full.", path.display()),
            "Changeover writes beside what exists and only then replaces it, and there is no room left for that.",
            "Free some space, then try again.",
        );
    }
    Problem::new(
        E_HOME,
        format!("\"{}\" cannot be used.", path.display()),
        error.to_string(),
        "Check that the folder exists, is yours, and can be written to; or choose another with --home.",
    )
}

/// A file of the person's own choice that could not be written; nothing of Changeover's is concerned.
pub fn cannot_write(file: &Path, error: &std::io::Error) -> Problem {
    if error.kind() == std::io::ErrorKind::StorageFull {
        return cannot_use(file, error);
    }
    Problem::new(
        E_FILE,
        format!("\"{}\" could not be written.", file.display()),
        error.to_string(),
        "Check that its folder exists and is yours to write to, or choose another file.",
    )
}

#[cfg(unix)]
fn restrict(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))
}

// Untested: on Windows the profile folder's own access list already keeps other users out.
#[cfg(not(unix))]
fn restrict(_dir: &Path) -> std::io::Result<()> {
    Ok(())
}

/// One process at a time for a piece of work; released when dropped, or by the system when the process dies.
pub struct WorkLock {
    _file: std::fs::File,
}

impl WorkLock {
    /// None when another process (or task) holds it. Errors: `E-HOME`.
    pub fn try_take(path: &Path) -> Result<Option<WorkLock>, Problem> {
        let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(|e| cannot_use(path, &e))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(WorkLock { _file: file })),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(e)) => Err(cannot_use(path, &e).touching(Touched::Nothing)),
        }
    }
}

/// Text form of an instant in the store: RFC 3339, UTC.
pub fn instant_text(at: Timestamp) -> String {
    at.to_string()
}

/// Free bytes on the disk that holds `dir`; None where the system does not say.
pub fn free_bytes(dir: &Path) -> Option<u64> {
    fs4::available_space(dir).ok()
}

/// Writes a file that only its owner may read.
#[cfg(unix)]
pub(crate) fn write_private(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut out = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    out.write_all(bytes)?;
    out.sync_all()
}

// Untested: on Windows the folder's own access list decides.
#[cfg(not(unix))]
pub(crate) fn write_private(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::write(file, bytes)
}
