//! The passphrase vault's file: its form, and how it is read and replaced.
//!
//! A checksum over everything tells a damaged file from a wrong passphrase, as far as that can be told: it is no protection
//! against a person who changes the file and makes the checksum fit; then it is "the wrong passphrase", and still nothing opens.
//! A file is only ever replaced by one that was written beside it, synced, read back, and renamed. A new form is a new
//! number in [`FORM`] and its own reader; an unknown one stops.

use super::stretch::Stretching;
use crate::seal::{self, DoesNotOpen, MasterKey};
use base64::Engine;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use zeroize::{Zeroize, Zeroizing};

const FORM: u32 = 1;
/// A vault holds a handful of short keys; nothing of ours is larger.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// Of everything kept in it, so that the buffer never grows and leaves copies behind.
const BAG_BYTES_MAX: usize = 16 * 1024;

/// Why the file cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Missing,
    /// The reason in words, without a full stop.
    Unusable(String),
}

fn io(doing: &str, error: &std::io::Error) -> Trouble {
    Trouble::Unusable(format!("its file could not be {doing}: {error}"))
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored {
    form: u32,
    installation: String,
    stretching: Stretching,
    /// Base64.
    sealed: String,
    /// SHA-256 of all of the above, in hex.
    checksum: String,
}

impl Stored {
    pub fn salt(&self) -> &str {
        &self.stretching.salt
    }

    pub fn stretching(&self) -> Stretching {
        self.stretching.clone()
    }

    pub fn stretched(&self, passphrase: &[u8]) -> Result<MasterKey, Trouble> {
        self.stretching.stretch(passphrase).map_err(Trouble::Unusable)
    }

    pub fn open(&self, key: &MasterKey) -> Result<Bag, DoesNotOpen> {
        let sealed = base64::engine::general_purpose::STANDARD.decode(&self.sealed).map_err(|_| DoesNotOpen)?;
        let plain = key.open(&sealed, &bound_to(&self.installation, &self.stretching))?;
        Bag::from_plain(&plain).ok_or(DoesNotOpen)
    }

    fn sum(&self) -> String {
        let stretching = bound_to(&self.installation, &self.stretching);
        hex::encode(Sha256::digest([stretching.as_slice(), self.sealed.as_bytes()].concat()))
    }
}

/// The numbers are bound in as well: a file whose numbers were changed does not open.
fn bound_to(installation: &str, with: &Stretching) -> Vec<u8> {
    let number = |n: u32| n.to_string();
    seal::bound(&[
        "passphrase-vault",
        &number(FORM),
        installation,
        &with.name,
        &number(with.version),
        &number(with.memory_kib),
        &number(with.passes),
        &number(with.lanes),
        &with.salt,
    ])
}

/// What the vault keeps: short texts under names.
#[derive(Default)]
pub(super) struct Bag(BTreeMap<String, Zeroizing<String>>);

impl Bag {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, name: &str) -> Option<Zeroizing<Vec<u8>>> {
        self.0.get(name).map(|text| Zeroizing::new(text.as_bytes().to_vec()))
    }

    /// Errors: why it does not fit, in words.
    pub fn put(&mut self, name: &str, secret: &[u8]) -> Result<(), String> {
        let text = std::str::from_utf8(secret).map_err(|_| "it is not text".to_string())?;
        if [name, text].iter().any(|part| part.is_empty() || part.contains(char::is_control)) {
            return Err("it is empty or has line breaks".into());
        }
        let others: usize = self.0.iter().filter(|(held, _)| *held != name).map(|(held, text)| held.len() + text.len() + 2).sum();
        if others + name.len() + text.len() + 2 > BAG_BYTES_MAX {
            return Err(format!("it is longer than the {BAG_BYTES_MAX} bytes that the vault holds"));
        }
        self.0.insert(name.into(), Zeroizing::new(text.into()));
        Ok(())
    }

    pub fn take(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    fn plain(&self) -> Zeroizing<Vec<u8>> {
        let mut plain = Zeroizing::new(Vec::with_capacity(BAG_BYTES_MAX));
        for (name, text) in &self.0 {
            plain.extend_from_slice(name.as_bytes());
            plain.push(b'\t');
            plain.extend_from_slice(text.as_bytes());
            plain.push(b'\n');
        }
        plain
    }

    fn from_plain(plain: &[u8]) -> Option<Bag> {
        let lines = std::str::from_utf8(plain).ok()?.lines();
        lines.map(|line| line.split_once('\t').map(|(name, text)| (name.to_string(), Zeroizing::new(text.to_string())))).collect::<Option<_>>().map(Bag)
    }
}

/// Held until dropped: one program at a time reads and replaces the file.
pub(super) struct Held(#[allow(dead_code)] File);

pub(super) struct VaultFile {
    path: PathBuf,
    installation: String,
}

impl VaultFile {
    pub fn at(path: PathBuf, installation: &str) -> VaultFile {
        VaultFile { path, installation: installation.into() }
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_os_string();
        name.push(ending);
        self.path.with_file_name(name)
    }

    /// Others hold it for milliseconds; the thread that waits here has its own deadline towards people.
    pub fn hold(&self) -> Result<Held, Trouble> {
        let file = private().truncate(false).open(self.beside(".lock")).map_err(|e| io("locked", &e))?;
        file.lock().map_err(|e| io("locked", &e))?;
        Ok(Held(file))
    }

    pub fn read(&self) -> Result<Stored, Trouble> {
        read(&self.path, &self.installation)
    }

    /// Replaces the file, or makes it. The one before stays until the new one is known to be whole.
    pub fn write(&self, key: &MasterKey, stretching: Stretching, bag: &Bag) -> Result<(), Trouble> {
        let bound = bound_to(&self.installation, &stretching);
        let sealed = key.seal(&bag.plain(), &bound).map_err(|e| Trouble::Unusable(format!("the system gave no random numbers: {e}")))?;
        let mut stored = Stored {
            form: FORM,
            installation: self.installation.clone(),
            stretching,
            sealed: base64::engine::general_purpose::STANDARD.encode(sealed),
            checksum: String::new(),
        };
        stored.checksum = stored.sum();
        let text = serde_json::to_string_pretty(&stored).map_err(|e| Trouble::Unusable(e.to_string()))?;
        let beside = self.beside(".new");
        let put = || -> std::io::Result<()> {
            let mut file = private().truncate(true).open(&beside)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        put().map_err(|e| io("written", &e))?;
        // Believe what is read back, not what was promised.
        let back = read(&beside, &self.installation)?;
        if back.open(key).ok().is_none_or(|back| *back.plain() != *bag.plain()) {
            return Err(Trouble::Unusable("the disk returned something else than what was written".into()));
        }
        std::fs::rename(&beside, &self.path).map_err(|e| io("replaced", &e))?;
        self.sync_folder().map_err(|e| io("replaced", &e))
    }

    pub fn remove(&self) -> Result<(), Trouble> {
        std::fs::remove_file(&self.path).map_err(|e| io("erased", &e))?;
        self.sync_folder().map_err(|e| io("erased", &e))
    }

    #[cfg(unix)]
    fn sync_folder(&self) -> std::io::Result<()> {
        File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()
    }

    // Windows makes a rename durable by itself and opens no folders.
    #[cfg(not(unix))]
    fn sync_folder(&self) -> std::io::Result<()> {
        Ok(())
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn read(path: &Path, installation: &str) -> Result<Stored, Trouble> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(Trouble::Missing),
        Err(error) => return Err(io("read", &error)),
    };
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|e| io("read", &e))?;
    let damaged = |why: &str| Trouble::Unusable(format!("its file is damaged: {why}"));
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(damaged("it is far too long"));
    }
    #[derive(Deserialize)]
    struct Form {
        form: u32,
    }
    match serde_json::from_slice(&bytes) {
        Ok(Form { form: FORM }) => {}
        Ok(Form { form }) => return Err(Trouble::Unusable(format!("its file has form {form}, and this version knows form {FORM}"))),
        Err(_) => return Err(damaged("it does not have the form of a vault")),
    }
    let stored: Stored = serde_json::from_slice(&bytes).map_err(|_| damaged("it does not have the form of a vault"))?;
    bytes.zeroize();
    if stored.checksum != stored.sum() {
        return Err(damaged("its checksum does not fit"));
    }
    if stored.installation != installation {
        return Err(Trouble::Unusable("its file belongs to another installation of Changeover".into()));
    }
    stored.stretching.checked().map_err(Trouble::Unusable)?;
    Ok(stored)
}
