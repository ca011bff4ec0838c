//! Errors of backups, with a real worker process and one real place that is copied for each of them.

use super::child;
use crate::errors::Exhibit;
use backup::{About, Backups, Cancel, FileRole, Passphrase, Place, Progress, RecoveryKit, RepositoryKey, Staging, Wanted, Worker};
use ledger::Problem;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use tempfile::TempDir;

pub const PROVOKE: &[fn() -> Exhibit] = &[
    incomplete,
    mismatch,
    damaged,
    stray,
    key,
    kit,
    passphrase_unfit,
    last_way,
    place_missing,
    place_used,
    place,
    disk_full,
    worker,
    cancelled,
    not_empty,
    history,
    busy,
    unknown,
    staging,
    engine,
];

const BOOK: &str = "bakery.gnucash";
/// Large enough to be stored in a pack of its own.
const BOOK_BYTES: usize = 600_000;
/// More than the limit under which the full disk is played.
const LARGE_BYTES: usize = 3_000_000;
/// Most 512-byte blocks of a file on the full disk.
const FULL_BLOCKS: usize = 2_000;

/// One place with one backup, made once.
struct Made {
    home: TempDir,
    key: String,
    id: String,
}

static MADE: LazyLock<Made> = LazyLock::new(|| {
    let home = crate::home::fresh();
    let place = Place::folder(home.path().join("place")).expect("a full path");
    fs::create_dir(home.path().join("staging")).expect("it is ours");
    fs::write(home.path().join("staging").join(BOOK), noise(BOOK_BYTES)).expect("it is ours");
    let (key, _kit) = backups().create_place(&place).expect("a new place");
    let copied = backups().take(&place, &key, &staged(&home.path().join("staging")), &wanted(&[]), &mut quiet).expect("a backup");
    Made { key: key.expose().to_string(), id: copied.id().to_string(), home }
});

/// A copy of it all.
struct Office {
    home: TempDir,
    place: Place,
    key: RepositoryKey,
}

fn office() -> Office {
    let home = crate::home::fresh();
    crate::home::copy(MADE.home.path(), home.path());
    let key = RepositoryKey::from_stored(SecretString::from(MADE.key.clone())).expect("it is a key");
    Office { place: Place::folder(home.path().join("place")).expect("a full path"), key, home }
}

impl Office {
    fn folder(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn in_place(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn staged(&self) -> Staging {
        staged(&self.folder("staging"))
    }

    fn exhibit<T>(&self, result: Result<T, Problem>) -> Exhibit {
        let folder = self.home.path().to_string_lossy().into_owned();
        match result {
            Ok(_) => panic!("this should have been refused"),
            Err(problem) => Exhibit::of(problem).replacing(folder, "<folder>").replacing(MADE.id.clone(), "<backup id>"),
        }
    }
}

fn backups() -> Backups {
    Backups::new(Worker::new(child::program()))
}

fn quiet(_: Progress) {}

/// Bytes that do not compress, the same every time.
fn noise(size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size + 32);
    let mut block = Sha256::digest(b"harbour");
    while bytes.len() < size {
        bytes.extend_from_slice(&block);
        block = Sha256::digest(block);
    }
    bytes.truncate(size);
    bytes
}

fn about() -> About {
    About {
        at: "2026-11-02T09:00:00Z".parse().expect("an instant"),
        company_id: "company-1".into(),
        company_name: "Harbour Street Bakery".into(),
        made_by: "changeover".into(),
        totals: Vec::new(),
        per_day_digest: None,
        counts: BTreeMap::new(),
        missing: Vec::new(),
    }
}

fn staged(folder: &Path) -> Staging {
    Staging::build(folder, about(), [(BOOK.to_string(), FileRole::Book)]).expect("the book is there")
}

fn wanted(known: &[&str]) -> Wanted {
    Wanted { label: "Harbour Street Bakery".into(), tags: Vec::new(), known: known.iter().map(|id| (*id).to_string()).collect() }
}

/// The largest file below a folder.
fn largest(folder: &Path) -> PathBuf {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).expect("it is ours").flatten() {
            let facts = item.metadata().expect("it is there");
            if facts.is_dir() {
                folders.push(item.path());
            } else {
                found.push((facts.len(), item.path()));
            }
        }
    }
    found.sort();
    found.pop().expect("the place has files").1
}

fn incomplete() -> Exhibit {
    let office = office();
    let files = [(BOOK.to_string(), FileRole::Book), ("account-roles.json".to_string(), FileRole::Mappings)];
    office.exhibit(Staging::build(office.folder("staging"), about(), files))
}

fn mismatch() -> Exhibit {
    let office = office();
    let staging = office.staged();
    let book = office.folder("staging").join(BOOK);
    let mut bytes = fs::read(&book).expect("it is ours");
    bytes[77] ^= 1;
    fs::write(&book, bytes).expect("it is ours");
    office.exhibit(backups().take(&office.place, &office.key, &staging, &wanted(&[]), &mut quiet))
}

fn damaged() -> Exhibit {
    let office = office();
    let pack = largest(&office.in_place("data"));
    let mut bytes = fs::read(&pack).expect("it is ours");
    bytes[100_000] ^= 1;
    fs::write(&pack, bytes).expect("it is ours");
    let name = pack.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    office.exhibit(backups().check(&office.place, &office.key, &MADE.id, &mut quiet)).replacing(name, "<pack>")
}

fn stray() -> Exhibit {
    let office = office();
    let name = "0".repeat(64);
    fs::write(office.in_place("index").join(&name), b"").expect("it is ours");
    office.exhibit(backups().list(&office.place, &office.key)).replacing(name, "<file>")
}

fn key() -> Exhibit {
    let office = office();
    office.exhibit(backups().unlock(&office.place, "00000-11111-22222-33333-44444-55555-66666-77777"))
}

fn kit() -> Exhibit {
    match RecoveryKit::parse("CHANGEOVER RECOVERY KIT\n\nPlace: /media/backup\n") {
        Ok(_) => panic!("this should have been refused"),
        Err(problem) => Exhibit::of(problem),
    }
}

fn passphrase_unfit() -> Exhibit {
    let office = office();
    office.exhibit(backups().add_passphrase(&office.place, &office.key, &Passphrase::entered("password1234".to_string().into())))
}

fn last_way() -> Exhibit {
    let office = office();
    let all = backups().ways(&office.place, &office.key).expect("the place is there").into_iter().map(|way| way.id).collect();
    office.exhibit(backups().remove_ways(&office.place, &office.key, all))
}

fn place_missing() -> Exhibit {
    let office = office();
    let unplugged = Place::folder(office.folder("usb-disk")).expect("a full path");
    office.exhibit(backups().list(&unplugged, &office.key))
}

fn place_used() -> Exhibit {
    let office = office();
    office.exhibit(backups().create_place(&office.place).map(|_| ()))
}

fn place() -> Exhibit {
    Exhibit::of(Place::folder("backups").expect_err("not a full path"))
}

/// A limit on the size of files looks to the worker like a full disk.
fn disk_full() -> Exhibit {
    let office = office();
    let script = office.folder("worker.sh");
    let text = format!("#!/bin/sh\ntrap '' XFSZ\nulimit -f {FULL_BLOCKS}\nexec '{}' \"$@\"\n", child::program().display());
    fs::write(&script, text).expect("it is ours");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("it is ours");
    fs::write(office.folder("staging").join(BOOK), [noise(LARGE_BYTES), vec![1]].concat()).expect("it is ours");
    let taken = Backups::new(Worker::new(script)).take(&office.place, &office.key, &office.staged(), &wanted(&[]), &mut quiet);
    let exhibit = office.exhibit(taken);
    let names =
        exhibit.problem.to_string().split_whitespace().filter(|word| word.starts_with("data/")).map(str::to_string).collect::<Vec<_>>();
    names.into_iter().fold(exhibit, |exhibit, name| exhibit.replacing(name, "<pack>"))
}

fn worker() -> Exhibit {
    let office = office();
    office.exhibit(Backups::new(Worker::new("/bin/false".into())).list(&office.place, &office.key))
}

fn cancelled() -> Exhibit {
    let office = office();
    let cancel = Cancel::default();
    cancel.cancel();
    office.exhibit(backups().cancelled_by(&cancel).list(&office.place, &office.key))
}

fn not_empty() -> Exhibit {
    let office = office();
    let to = office.folder("staging");
    office.exhibit(backups().restore(&office.place, &office.key, &MADE.id, &to, &mut quiet))
}

fn history() -> Exhibit {
    let office = office();
    let snapshot = largest(&office.in_place("snapshots"));
    fs::rename(&snapshot, office.folder("taken-away")).expect("it is ours");
    office.exhibit(backups().take(&office.place, &office.key, &office.staged(), &wanted(&[&MADE.id]), &mut quiet))
}

fn busy() -> Exhibit {
    let office = office();
    let lock = File::options().create(true).append(true).open(office.in_place("changeover.lock")).expect("it is ours");
    lock.try_lock().expect("nobody else holds it");
    office.exhibit(backups().take(&office.place, &office.key, &office.staged(), &wanted(&[]), &mut quiet))
}

fn unknown() -> Exhibit {
    let office = office();
    office.exhibit(backups().preview(&office.place, &office.key, "0123456789abcdef"))
}

fn staging() -> Exhibit {
    Exhibit::of(Staging::build("staging", about(), [(BOOK.to_string(), FileRole::Book)]).expect_err("not a full path"))
}

/// A list of packs whose name is right and whose content nobody sealed with this key.
fn engine() -> Exhibit {
    let office = office();
    let foreign = noise(400);
    let name = hex::encode(Sha256::digest(&foreign));
    fs::write(office.in_place("index").join(&name), foreign).expect("it is ours");
    office.exhibit(backups().take(&office.place, &office.key, &office.staged(), &wanted(&[]), &mut quiet)).replacing(name, "<file>")
}
