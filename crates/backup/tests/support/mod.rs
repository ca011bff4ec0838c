//! What the tests of this crate share: made-up files, the real worker, real restic.

#![allow(dead_code, reason = "each test program uses a part of it")]

use backup::{About, Backups, FileRole, Place, Progress, RecoveryKit, RepositoryKey, Staging, Total, Wanted, Worker};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub const WORKER: &str = env!("CARGO_BIN_EXE_backup-worker-for-tests");

pub fn backups() -> Backups {
    Backups::new(Worker::new(PathBuf::from(WORKER)))
}

/// A worker started through a shell script, which sees what a system's process list sees.
pub fn backups_through(folder: &Path, script: &str) -> Backups {
    let path = folder.join("worker.sh");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("writes");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("permissions");
    Backups::new(Worker::new(path))
}

pub fn quiet(_: Progress) {}

/// Bytes that do not compress, the same for the same seed.
pub fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

pub fn about() -> About {
    About {
        at: "2026-11-23T10:00:00Z".parse().expect("time"),
        company_id: "company-1".into(),
        company_name: "Harbour Street Bakery".into(),
        made_by: "changeover 0.1.0".into(),
        totals: vec![Total {
            account: "a1".into(),
            name: "Assets:Bank".into(),
            currency: "USD".into(),
            entries: 12,
            balance_minor: 123_456,
        }],
        per_day_digest: Some("ab".repeat(32)),
        counts: BTreeMap::from([("records".into(), 12)]),
        missing: vec![],
    }
}

/// A staged folder with a book, some setup, an empty file and names beyond ASCII.
pub fn staged(dir: &Path, seed: u64) -> Staging {
    let mut files: Vec<(String, FileRole, Vec<u8>)> = vec![
        ("harbour.gnucash".into(), FileRole::Book, noise(seed, 1_500_000)),
        (
            "setup/square-1.yaml".into(),
            FileRole::ConnectorSetup,
            b"connector: square\nversion: 1\n".to_vec(),
        ),
        ("mappings.json".into(), FileRole::Mappings, b"{\"sales\":\"a1\"}".to_vec()),
        ("identity.ndjson".into(), FileRole::IdentityMap, vec![]),
        (
            "raw/2026-11/Zahlungen März.ndjson".into(),
            FileRole::RawRecords,
            noise(seed + 1, 300_000),
        ),
        (".hidden/journal.ndjson".into(), FileRole::Journal, noise(seed + 2, 5_000)),
    ];
    for n in 0..8 {
        files.push((format!("raw/page-{n}.json"), FileRole::RawRecords, noise(seed + 10 + n, 200_000)));
    }
    for (path, _, bytes) in &files {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().expect("folder")).expect("creates");
        fs::write(path, bytes).expect("writes");
    }
    Staging::build(dir, about(), files.into_iter().map(|(path, role, _)| (path, role))).expect("staged")
}

/// A place with one backup, everything below one temporary folder.
pub struct Office {
    pub home: tempfile::TempDir,
    pub place: Place,
    pub key: RepositoryKey,
    pub kit: RecoveryKit,
    pub staging: Staging,
    pub id: String,
}

pub fn office(seed: u64) -> Office {
    let home = tempfile::tempdir().expect("folder");
    let place = Place::folder(home.path().join("place")).expect("place");
    let staging = staged(&home.path().join("staging"), seed);
    let (key, kit) = backups().create_place(&place).expect("creates");
    let copied = backups().take(&place, &key, &staging, &wanted(&[]), &mut quiet).expect("copies");
    Office {
        place,
        key,
        kit,
        staging,
        id: copied.id().to_owned(),
        home,
    }
}

pub fn wanted(known: &[&str]) -> Wanted {
    Wanted {
        label: "Harbour Street Bakery".into(),
        tags: vec!["before-upgrade".into()],
        known: known.iter().map(|id| (*id).to_owned()).collect(),
    }
}

impl Office {
    pub fn folder(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The only file in a folder of the place (packs: the largest).
    pub fn largest_in(&self, folder: &str) -> PathBuf {
        let mut found = Vec::new();
        let mut folders = vec![self.place.path().join(folder)];
        while let Some(folder) = folders.pop() {
            for item in fs::read_dir(folder).expect("lists") {
                let item = item.expect("item");
                if item.file_type().expect("type").is_dir() {
                    folders.push(item.path())
                } else {
                    found.push((item.metadata().expect("size").len(), item.path()))
                }
            }
        }
        found.sort();
        found.pop().expect("a file").1
    }

    /// The backup made first is still all there.
    pub fn first_backup_restores(&self, name: &str) {
        let restored = backups()
            .restore(&self.place, &self.key, &self.id, &self.folder(name), &mut quiet)
            .expect("restores")
            .whole()
            .expect("whole");
        same(
            self.staging.dir(),
            restored.dir(),
            self.staging.manifest().files.iter().map(|file| file.path.as_str()),
        );
        backups().check(&self.place, &self.key, &self.id, &mut quiet).expect("sound");
    }
}

pub fn same<'a>(from: &Path, to: &Path, paths: impl Iterator<Item = &'a str>) {
    for path in paths {
        assert_eq!(
            fs::read(from.join(path)).expect(path),
            fs::read(to.join(path)).expect(path),
            "{path}"
        );
    }
}

/// Present, or a printed line and `false`; under CI an absent program is a failure.
pub fn has(program: &str, argument: &str) -> bool {
    let present = Command::new(program)
        .arg(argument)
        .output()
        .is_ok_and(|output| output.status.success());
    assert!(
        present || std::env::var("CI").as_deref() != Ok("true"),
        "{program} must be installed where CI=true"
    );
    if !present {
        println!("skipped: {program} is not installed");
    }
    present
}

pub fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

pub fn restic(place: &Path, code_file: &Path, arguments: &[&str]) -> Output {
    Command::new("restic")
        .arg("-r")
        .arg(place)
        .arg("--password-file")
        .arg(code_file)
        .args(["--no-cache"])
        .args(arguments)
        .output()
        .expect("restic runs")
}
