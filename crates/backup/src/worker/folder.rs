//! The strict storage backend for a local folder.
//!
//! A listing that fails and a folder that is missing are errors, never a shorter list (rustic_core takes a shorter
//! list at its word). Files are written beside, synced, renamed, and their size compared. It never deletes what was backed
//! up: a place only grows. The one thing that can be taken away is a key file, and only where that was asked for. What went wrong first is kept in `Faults`, because the engine turns its causes into text.

use bytes::Bytes;
use rustic_core::{BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Written files carry this ending until they are complete.
pub const PART: &str = ".part";

/// The folders of a repository beside its `config`.
pub const FOLDERS: [FileType; 4] = [FileType::Key, FileType::Index, FileType::Snapshot, FileType::Pack];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    DiskFull,
    Gone,
    Other,
}

#[derive(Debug, Clone)]
pub struct Fault {
    pub kind: FaultKind,
    pub text: String,
}

/// The first thing the disk refused since the last `take`.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Option<Fault>>>);

impl Faults {
    pub fn note(&self, kind: FaultKind, text: String) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(Fault { kind, text });
    }

    pub fn take(&self) -> Option<Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

pub fn is_disk_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
    faults: Faults,
    removes_keys: bool,
}

impl Folder {
    pub fn new(root: &Path, faults: Faults) -> Folder {
        Folder {
            root: root.to_owned(),
            faults,
            removes_keys: false,
        }
    }

    /// The same, but key files may be removed through it.
    pub fn removing_keys(self) -> Folder {
        Folder {
            removes_keys: true,
            ..self
        }
    }

    fn folder(&self, kind: FileType) -> PathBuf {
        self.root.join(kind.dirname())
    }

    fn path(&self, kind: FileType, id: &Id) -> PathBuf {
        let name = id.to_hex();
        match kind {
            FileType::Config => self.root.join("config"),
            FileType::Pack => self.folder(kind).join(&name.as_str()[..2]).join(name.as_str()),
            FileType::Key | FileType::Snapshot | FileType::Index => self.folder(kind).join(name.as_str()),
        }
    }

    fn said(&self, doing: &str, path: &Path, error: &io::Error) -> Box<RusticError> {
        let shown = path.strip_prefix(&self.root).unwrap_or(path).display();
        let text = format!("{shown} could not be {doing}: {error}");
        let kind = if is_disk_full(error) {
            FaultKind::DiskFull
        } else if error.kind() == io::ErrorKind::NotFound {
            FaultKind::Gone
        } else {
            FaultKind::Other
        };
        self.faults.note(kind, text.clone());
        RusticError::new(ErrorKind::Backend, text)
    }

    fn wrong(&self, path: &Path, what: &str) -> Box<RusticError> {
        self.said("used", path, &io::Error::other(what.to_owned()))
    }

    /// Items of one folder that are named like an id; other names (`.part`, notes of other programs) are skipped.
    fn list_one(&self, folder: &Path, into: &mut Vec<(Id, u32)>, belongs: impl Fn(&str) -> bool) -> RusticResult<()> {
        for item in fs::read_dir(folder).map_err(|error| self.said("listed", folder, &error))? {
            let item = item.map_err(|error| self.said("listed", folder, &error))?;
            let Some(name) = item.file_name().to_str().map(str::to_owned) else {
                continue;
            };
            let Some(id) = id_of(&name).filter(|_| belongs(&name)) else {
                continue;
            };
            let size = item.metadata().map_err(|error| self.said("listed", &item.path(), &error))?.len();
            let size = u32::try_from(size).map_err(|_| self.wrong(&item.path(), "it is larger than any file of a backup"))?;
            into.push((id, size));
        }
        Ok(())
    }
}

/// restic's names: 64 lower-case hexadecimal digits and nothing else.
pub fn id_of(name: &str) -> Option<Id> {
    let hex = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if hex { name.parse().ok() } else { None }
}

/// Two hexadecimal digits: a folder of packs.
pub fn is_pack_folder(name: &str) -> bool {
    name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

impl ReadBackend for Folder {
    fn location(&self) -> String {
        self.root.display().to_string()
    }

    fn list_with_size(&self, kind: FileType) -> RusticResult<Vec<(Id, u32)>> {
        let mut found = Vec::new();
        match kind {
            FileType::Config => {
                let path = self.path(kind, &Id::default());
                match fs::metadata(&path) {
                    Ok(config) => {
                        let size = u32::try_from(config.len()).map_err(|_| self.wrong(&path, "it is too large"))?;
                        found.push((Id::default(), size));
                    }
                    // Only this one "not found" may mean "no repository here", and only if the place itself is there.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        fs::metadata(&self.root).map_err(|error| self.said("found", &self.root, &error))?;
                    }
                    Err(error) => return Err(self.said("read", &path, &error)),
                }
            }
            FileType::Key | FileType::Snapshot | FileType::Index => self.list_one(&self.folder(kind), &mut found, |_| true)?,
            FileType::Pack => {
                let data = self.folder(kind);
                for item in fs::read_dir(&data).map_err(|error| self.said("listed", &data, &error))? {
                    let item = item.map_err(|error| self.said("listed", &data, &error))?;
                    if let Some(prefix) = item.file_name().to_str().filter(|name| is_pack_folder(name)) {
                        self.list_one(&item.path(), &mut found, |name| name.starts_with(prefix))?;
                    }
                }
            }
        }
        Ok(found)
    }

    fn read_full(&self, kind: FileType, id: &Id) -> RusticResult<Bytes> {
        let path = self.path(kind, id);
        fs::read(&path).map(Bytes::from).map_err(|error| self.said("read", &path, &error))
    }

    fn read_partial(&self, kind: FileType, id: &Id, _cacheable: bool, offset: u32, length: u32) -> RusticResult<Bytes> {
        let path = self.path(kind, id);
        let read = || {
            let mut file = File::open(&path)?;
            file.seek(SeekFrom::Start(u64::from(offset)))?;
            let mut bytes = vec![0; length as usize];
            file.read_exact(&mut bytes)?;
            Ok(bytes)
        };
        read().map(Bytes::from).map_err(|error| self.said("read", &path, &error))
    }

    fn warmup_path(&self, kind: FileType, id: &Id) -> String {
        self.path(kind, id).display().to_string()
    }
}

impl WriteBackend for Folder {
    fn create(&self) -> RusticResult<()> {
        for kind in FOLDERS {
            let folder = self.folder(kind);
            fs::create_dir_all(&folder).map_err(|error| self.said("made", &folder, &error))?;
        }
        // restic makes all of these at once; doing the same keeps writes to one rename each.
        for first in 0..=255u8 {
            let folder = self.folder(FileType::Pack).join(format!("{first:02x}"));
            fs::create_dir_all(&folder).map_err(|error| self.said("made", &folder, &error))?;
        }
        let data = self.folder(FileType::Pack);
        sync_folder(&data)
            .and_then(|()| sync_folder(&self.root))
            .map_err(|error| self.said("made", &data, &error))
    }

    fn write_bytes(&self, kind: FileType, id: &Id, _cacheable: bool, content: BytesList) -> RusticResult<()> {
        let path = self.path(kind, id);
        let part = PathBuf::from(format!("{}{PART}", path.display()));
        let expected = content.size() as u64;
        let write = || {
            let folder = path.parent().ok_or_else(|| io::Error::other("it has no folder"))?;
            if kind == FileType::Pack && !folder.exists() {
                fs::create_dir(folder)?;
                sync_folder(&self.folder(kind))?;
            }
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&part)?;
            for piece in content.slice() {
                file.write_all(piece)?;
            }
            file.sync_all()?;
            drop(file);
            let stored = fs::metadata(&part)?.len();
            if stored != expected {
                return Err(io::Error::other(format!("{expected} bytes were written, {stored} arrived")));
            }
            fs::rename(&part, &path)?;
            sync_folder(folder)?;
            let stored = fs::metadata(&path)?.len();
            if stored == expected {
                Ok(())
            } else {
                Err(io::Error::other(format!("{expected} bytes were written, {stored} arrived")))
            }
        };
        write().map_err(|error: io::Error| {
            let problem = self.said("written", &path, &error);
            // Only our own unfinished file; when this fails as well the next backup removes it.
            if let Err(left) = fs::remove_file(&part) {
                self.faults
                    .note(FaultKind::Other, format!("{} was left behind: {left}", part.display()));
            }
            problem
        })
    }

    fn remove(&self, kind: FileType, id: &Id, _cacheable: bool) -> RusticResult<()> {
        let path = self.path(kind, id);
        if !(self.removes_keys && kind == FileType::Key) {
            return Err(self.wrong(&path, "Changeover never deletes from a place for backups"));
        }
        fs::remove_file(&path)
            .and_then(|()| sync_folder(&self.folder(kind)))
            .map_err(|error| self.said("removed", &path, &error))
    }
}

/// Makes renames durable. Windows has no such call and needs none for NTFS.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> (tempfile::TempDir, Folder) {
        let folder = tempfile::tempdir().expect("folder");
        let backend = Folder::new(folder.path(), Faults::default());
        backend.create().expect("creates");
        (folder, backend)
    }

    #[test]
    fn a_missing_folder_is_an_error_and_never_an_empty_list() {
        let (folder, backend) = made();
        for kind in FOLDERS {
            assert_eq!(backend.list_with_size(kind).expect("lists"), []);
            fs::rename(folder.path().join(kind.dirname()), folder.path().join("away")).expect("moves");
            assert!(backend.list_with_size(kind).is_err(), "{kind}");
            fs::rename(folder.path().join("away"), folder.path().join(kind.dirname())).expect("moves back");
        }
        assert_eq!(backend.list_with_size(FileType::Config).expect("no repository yet"), []);
        let gone = Folder::new(&folder.path().join("absent"), Faults::default());
        assert!(gone.list_with_size(FileType::Config).is_err());
    }

    #[test]
    fn what_is_written_is_read_back_and_foreign_names_are_skipped() {
        let (folder, backend) = made();
        for kind in FOLDERS {
            let id = Id::random();
            backend
                .write_bytes(kind, &id, false, BytesList::from(vec![1, 2, 3]))
                .expect("writes");
            let place = backend.path(kind, &id);
            fs::write(format!("{}{PART}", place.display()), b"half").expect("writes");
            fs::write(place.with_file_name("notes.txt"), b"mine").expect("writes");
            assert_eq!(backend.list_with_size(kind).expect("lists"), [(id, 3)], "{kind}");
            assert_eq!(backend.read_full(kind, &id).expect("reads"), vec![1, 2, 3]);
            assert_eq!(backend.read_partial(kind, &id, false, 1, 2).expect("reads"), vec![2, 3]);
            assert!(backend.read_partial(kind, &id, false, 2, 2).is_err(), "beyond the end");
            assert!(backend.remove(kind, &id, false).is_err(), "a place only grows");
            assert!(place.exists());
            let removing = backend.clone().removing_keys();
            assert_eq!(removing.remove(kind, &id, false).is_ok(), kind == FileType::Key, "{kind}");
            assert_eq!(place.exists(), kind != FileType::Key, "{kind}");
        }
        drop(folder);
    }
}
