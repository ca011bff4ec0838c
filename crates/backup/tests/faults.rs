//! What goes wrong with disks, programs and people, each with its name and with earlier backups unharmed.

mod support;

use backup::{Cancel, Phase, Place, Worker};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use support::*;

fn parts_in(place: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![place.to_owned()]);
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).expect("lists") {
            let path = item.expect("item").path();
            if path.is_dir() {
                folders.push(path)
            } else if path.extension().is_some_and(|ending| ending == "part") {
                found.push(path)
            }
        }
    }
    found
}

#[test]
fn one_flipped_bit_is_found_its_file_is_named_and_all_others_come_back() {
    let office = office(20);
    let pack = office.largest_in("data");
    let mut bytes = fs::read(&pack).expect("reads");
    bytes[100_000] ^= 1;
    fs::write(&pack, &bytes).expect("writes");
    let problem = backups()
        .check(&office.place, &office.key, &office.id, &mut quiet)
        .expect_err("found");
    assert_eq!(problem.code.0, "E-BACKUP-DAMAGED");
    let restored = backups()
        .restore(&office.place, &office.key, &office.id, &office.folder("restored"), &mut quiet)
        .expect("restores the rest");
    assert_eq!(restored.lost().len(), 1, "{:?}", restored.lost());
    let lost = restored.lost()[0].path.clone();
    assert!(problem.why.iter().any(|why| why.contains(&lost)), "{problem}");
    let good: Vec<&str> = office
        .staging
        .manifest()
        .files
        .iter()
        .map(|file| file.path.as_str())
        .filter(|path| *path != lost)
        .collect();
    assert_eq!(good.len(), 13);
    same(office.staging.dir(), restored.dir(), good.into_iter());
    assert!(!restored.dir().join(&lost).exists(), "no half file under a right name");
    let problem = restored.whole().expect_err("not whole");
    assert_eq!(problem.code.0, "E-BACKUP-DAMAGED");
    assert!(problem.why.iter().any(|why| why.contains(&lost)), "{problem}");
}

#[test]
fn a_lost_pack_costs_its_files_and_the_next_backup_stores_them_again() {
    let office = office(21);
    fs::remove_file(office.largest_in("data")).expect("removes");
    assert_eq!(
        backups()
            .check(&office.place, &office.key, &office.id, &mut quiet)
            .expect_err("found")
            .code
            .0,
        "E-BACKUP-DAMAGED"
    );
    let lost = backups().restore(&office.place, &office.key, &office.id, &office.folder("1"), &mut quiet);
    match lost {
        Ok(restored) => assert!(restored.lost().len() > 5, "{:?}", restored.lost()),
        Err(problem) => assert_eq!(problem.code.0, "E-BACKUP-DAMAGED"),
    }
    let copied = backups()
        .take(&office.place, &office.key, &office.staging, &wanted(&[&office.id]), &mut quiet)
        .expect("stores again");
    assert!(copied.added_bytes() > 3_000_000, "{}", copied.added_bytes());
    let restored = backups()
        .restore(&office.place, &office.key, copied.id(), &office.folder("2"), &mut quiet)
        .expect("restores")
        .whole()
        .expect("whole");
    same(
        office.staging.dir(),
        restored.dir(),
        office.staging.manifest().files.iter().map(|file| file.path.as_str()),
    );
}

#[test]
fn a_missing_folder_of_the_place_is_an_error_and_nothing_is_made_anew() {
    let office = office(22);
    for folder in ["snapshots", "index", "keys", "data"] {
        let (here, away) = (office.place.path().join(folder), office.folder("away"));
        fs::rename(&here, &away).expect("moves");
        let list = backups().list(&office.place, &office.key).expect_err(folder);
        let take = backups()
            .take(&office.place, &office.key, &office.staging, &wanted(&[]), &mut quiet)
            .expect_err(folder);
        for problem in [list, take] {
            assert_eq!(problem.code.0, "E-BACKUP-DAMAGED", "{problem}");
            assert!(problem.to_string().contains(folder), "{problem}");
        }
        assert!(!here.exists(), "{folder} was made anew");
        fs::rename(&away, &here).expect("moves back");
    }
    let gone = Place::folder(office.folder("unplugged")).expect("place");
    assert_eq!(
        backups().list(&gone, &office.key).expect_err("gone").code.0,
        "E-BACKUP-PLACE-MISSING"
    );
    let no_place = Place::folder(office.staging.dir()).expect("place");
    assert_eq!(
        backups().list(&no_place, &office.key).expect_err("no place").code.0,
        "E-BACKUP-PLACE-MISSING"
    );
    office.first_backup_restores("restored");
}

#[test]
fn emptied_snapshots_stop_the_next_backup_instead_of_beginning_history_today() {
    let office = office(23);
    let snapshot = office.largest_in("snapshots");
    fs::rename(&snapshot, office.folder("kept")).expect("moves");
    let problem = backups()
        .take(&office.place, &office.key, &office.staging, &wanted(&[&office.id]), &mut quiet)
        .expect_err("history");
    assert_eq!(problem.code.0, "E-BACKUP-HISTORY");
    assert!(problem.to_string().contains(&office.id), "{problem}");
    fs::rename(office.folder("kept"), &snapshot).expect("moves back");
    office.first_backup_restores("restored");
}

#[test]
fn a_file_that_an_interrupted_upload_left_is_named() {
    let office = office(24);
    for folder in ["index", "keys", "snapshots"] {
        let name = "0".repeat(64);
        let stray = office.place.path().join(folder).join(&name);
        fs::write(&stray, b"").expect("writes");
        let problem = backups().list(&office.place, &office.key).expect_err(folder);
        assert_eq!(problem.code.0, "E-BACKUP-STRAY");
        assert!(problem.to_string().contains(&format!("{folder}/{name}")), "{problem}");
        fs::remove_file(&stray).expect("removes");
        // Cut short under its own name: found as well.
        let real = office.largest_in(folder);
        let bytes = fs::read(&real).expect("reads");
        fs::write(&real, &bytes[..bytes.len() - 1]).expect("cuts");
        assert_eq!(
            backups()
                .check(&office.place, &office.key, &office.id, &mut quiet)
                .expect_err(folder)
                .code
                .0,
            "E-BACKUP-STRAY"
        );
        fs::write(&real, &bytes).expect("mends");
        // A foreign name is nobody's business.
        fs::write(office.place.path().join(folder).join("read me.txt"), b"").expect("writes");
    }
    office.first_backup_restores("restored");
}

#[test]
fn a_wrong_key_says_so_at_once() {
    let (office, other) = (office(25), office(26));
    for outcome in [
        backups().list(&office.place, &other.key).err(),
        backups()
            .take(&office.place, &other.key, &office.staging, &wanted(&[]), &mut quiet)
            .err(),
        backups()
            .restore(&office.place, &other.key, &office.id, &office.folder("x"), &mut quiet)
            .err(),
        backups()
            .unlock(&office.place, secrecy::ExposeSecret::expose_secret(other.kit.code()))
            .err(),
    ] {
        let problem = outcome.expect("refused");
        assert_eq!(problem.code.0, "E-BACKUP-KEY", "{problem}");
        assert!(!problem.to_string().contains(&other.key.expose()[20..40]), "the key is in the text");
    }
}

#[test]
fn a_source_that_changed_or_vanished_after_it_was_prepared_is_no_backup() {
    let office = office(27);
    let book = office.staging.dir().join("harbour.gnucash");
    let kept = fs::read(&book).expect("reads");
    let mut changed = kept.clone();
    changed[77] ^= 1;
    fs::write(&book, &changed).expect("writes");
    let take = || {
        backups()
            .take(&office.place, &office.key, &office.staging, &wanted(&[&office.id]), &mut quiet)
            .expect_err("refused")
    };
    let problem = take();
    assert_eq!(problem.code.0, "E-BACKUP-MISMATCH");
    assert!(problem.to_string().contains("harbour.gnucash"), "{problem}");
    fs::remove_file(&book).expect("removes");
    let problem = take();
    assert_eq!(problem.code.0, "E-BACKUP-INCOMPLETE");
    assert!(problem.to_string().contains("harbour.gnucash"), "{problem}");
    fs::write(&book, &kept).expect("mends");
    assert_eq!(
        backups().list(&office.place, &office.key).expect("lists").len(),
        1,
        "neither is in the list"
    );
}

#[test]
fn a_source_that_may_not_be_read_is_no_backup() {
    // Permissions do not stop root, so the worker runs as nobody.
    if !is_root() || !has("setpriv", "--version") {
        println!("skipped: this test needs root, to become somebody else");
        return;
    }
    let office = office(28);
    let home = office.home.path();
    fs::copy(WORKER, home.join("worker")).expect("copies");
    let nobody = backups_through(
        home,
        &format!(
            "exec setpriv --reuid=65534 --regid=65534 --clear-groups '{}' \"$@\"",
            home.join("worker").display()
        ),
    );
    assert!(
        Command::new("chown")
            .args(["-R", "65534:65534"])
            .arg(home)
            .status()
            .expect("runs")
            .success()
    );
    nobody
        .take(&office.place, &office.key, &office.staging, &wanted(&[&office.id]), &mut quiet)
        .expect("nobody may read all of it");
    let locked = office.staging.dir().join("raw/page-3.json");
    fs::set_permissions(&locked, std::os::unix::fs::PermissionsExt::from_mode(0o000)).expect("locks");
    let problem = nobody
        .take(&office.place, &office.key, &office.staging, &wanted(&[&office.id]), &mut quiet)
        .expect_err("incomplete");
    assert_eq!(problem.code.0, "E-BACKUP-INCOMPLETE");
    assert!(problem.to_string().contains("raw/page-3.json"), "{problem}");
    // The place itself unreadable: an error as well, never an empty list.
    fs::set_permissions(
        office.place.path().join("snapshots"),
        std::os::unix::fs::PermissionsExt::from_mode(0o000),
    )
    .expect("locks");
    assert_eq!(
        nobody.list(&office.place, &office.key).expect_err("unreadable").code.0,
        "E-BACKUP-PLACE"
    );
}

/// Pids of running programs started from `program`.
fn running(program: &Path) -> Vec<u32> {
    let mut found = Vec::new();
    for item in fs::read_dir("/proc").expect("proc") {
        let item = item.expect("item");
        let Some(pid) = item.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if fs::read_link(item.path().join("exe")).is_ok_and(|exe| exe == program) {
            found.push(pid);
        }
    }
    found
}

#[test]
fn a_worker_that_is_killed_or_cancelled_leaves_a_sound_place() {
    let office = office(29);
    let program = office.folder("worker");
    fs::copy(WORKER, &program).expect("copies");
    let own = backup::Backups::new(Worker::new(program.clone()));
    let large = office.folder("large");
    fs::create_dir(&large).expect("creates");
    fs::write(large.join("book"), noise(99, 60_000_000)).expect("writes");
    let staging = backup::Staging::build(&large, about(), [("book".to_owned(), backup::FileRole::Book)]).expect("staged");

    let mut killed = 0;
    let problem = own
        .take(&office.place, &office.key, &staging, &wanted(&[]), &mut |progress| {
            if progress.phase == Phase::Copying && progress.done_bytes > 0 && killed == 0 {
                for pid in running(&program) {
                    killed += 1;
                    assert!(
                        Command::new("kill")
                            .args(["-9", &pid.to_string()])
                            .status()
                            .expect("runs")
                            .success()
                    );
                }
            }
        })
        .expect_err("killed");
    assert_eq!((killed, problem.code.0), (1, "E-BACKUP-WORKER"), "{problem}");
    office.first_backup_restores("after-kill");

    let cancel = Cancel::default();
    let problem = own
        .cancelled_by(&cancel)
        .take(&office.place, &office.key, &staging, &wanted(&[]), &mut |progress| {
            if progress.phase == Phase::Copying && progress.done_bytes > 0 {
                cancel.cancel();
            }
        })
        .expect_err("cancelled");
    assert_eq!(problem.code.0, "E-BACKUP-CANCELLED");
    assert_eq!(running(&program), [0u32; 0], "it really ended");
    assert_eq!(
        own.cancelled_by(&cancel)
            .list(&office.place, &office.key)
            .expect_err("stays cancelled")
            .code
            .0,
        "E-BACKUP-CANCELLED"
    );
    assert_eq!(backups().list(&office.place, &office.key).expect("lists").len(), 1);
    office.first_backup_restores("after-cancel");

    // What an unlucky kill leaves is gone after the next backup, and that one is whole.
    let part = office.place.path().join("data/00").join(format!("{}.part", "0".repeat(64)));
    fs::write(&part, b"half a pack").expect("writes");
    let copied = own
        .take(&office.place, &office.key, &staging, &wanted(&[&office.id]), &mut quiet)
        .expect("copies");
    assert!(parts_in(office.place.path()).is_empty());
    own.check(&office.place, &office.key, copied.id(), &mut quiet).expect("sound");
    office.first_backup_restores("at-the-end");
}

#[test]
fn a_program_that_is_no_worker_is_named() {
    let office = office(30);
    for program in ["/bin/echo", "/bin/cat", "/bin/false", "/absent/program"] {
        let problem = backup::Backups::new(Worker::new(program.into()))
            .list(&office.place, &office.key)
            .expect_err(program);
        assert_eq!(problem.code.0, "E-BACKUP-WORKER", "{problem}");
    }
}

#[test]
fn one_writer_at_a_time() {
    let office = office(31);
    let lock = File::options()
        .append(true)
        .open(office.place.path().join("changeover.lock"))
        .expect("opens");
    lock.try_lock().expect("locks");
    let problem = backups()
        .take(&office.place, &office.key, &office.staging, &wanted(&[]), &mut quiet)
        .expect_err("busy");
    assert_eq!(problem.code.0, "E-BACKUP-BUSY");
    backups().list(&office.place, &office.key).expect("reading goes on");
    drop(lock);
    backups()
        .take(&office.place, &office.key, &office.staging, &wanted(&[]), &mut quiet)
        .expect("free again");
}

#[test]
fn a_full_disk_says_so_and_earlier_backups_stay() {
    // A limit on file sizes looks to the worker like a full disk, and needs no special rights.
    let office = office(32);
    let limited = backups_through(office.home.path(), &format!("trap '' XFSZ\nulimit -f 2000\nexec '{WORKER}' \"$@\""));
    let large = office.folder("large");
    fs::create_dir(&large).expect("creates");
    fs::write(large.join("book"), noise(7, 5_000_000)).expect("writes");
    let staging = backup::Staging::build(&large, about(), [("book".to_owned(), backup::FileRole::Book)]).expect("staged");
    let problem = limited
        .take(&office.place, &office.key, &staging, &wanted(&[&office.id]), &mut quiet)
        .expect_err("full");
    assert_eq!(problem.code.0, "E-BACKUP-DISK-FULL", "{problem}");
    office.first_backup_restores("1");
    let copied = backups()
        .take(&office.place, &office.key, &staging, &wanted(&[&office.id]), &mut quiet)
        .expect("copies");
    assert!(parts_in(office.place.path()).is_empty(), "what the failed one left is gone");
    let problem = limited
        .restore(&office.place, &office.key, copied.id(), &office.folder("2"), &mut quiet)
        .expect_err("full");
    assert_eq!(problem.code.0, "E-BACKUP-DISK-FULL", "{problem}");
}

#[test]
fn a_full_file_system_says_so_and_earlier_backups_stay() {
    let home = tempfile::tempdir().expect("folder");
    let disk = home.path().join("disk");
    fs::create_dir(&disk).expect("creates");
    let mounted = is_root()
        && Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"])
            .arg(&disk)
            .status()
            .is_ok_and(|status| status.success());
    if !mounted {
        println!("skipped: this test needs the right to mount a small file system");
        return;
    }
    let unmount = Unmount(disk.clone());
    let place = Place::folder(disk.join("place")).expect("place");
    let (key, _kit) = backups().create_place(&place).expect("creates");
    let small = staged(&home.path().join("small"), 50);
    let first = backups().take(&place, &key, &small, &wanted(&[]), &mut quiet).expect("fits");
    let large = home.path().join("large");
    fs::create_dir(&large).expect("creates");
    fs::write(large.join("book"), noise(8, 20_000_000)).expect("writes");
    let staging = backup::Staging::build(&large, about(), [("book".to_owned(), backup::FileRole::Book)]).expect("staged");
    let problem = backups()
        .take(&place, &key, &staging, &wanted(&[first.id()]), &mut quiet)
        .expect_err("full");
    assert_eq!(problem.code.0, "E-BACKUP-DISK-FULL", "{problem}");
    backups()
        .take(&place, &key, &small, &wanted(&[first.id()]), &mut quiet)
        .expect("a small change still fits");
    assert!(parts_in(place.path()).is_empty(), "what the failed one left is gone");
    let restored = backups()
        .restore(&place, &key, first.id(), &home.path().join("restored"), &mut quiet)
        .expect("restores")
        .whole()
        .expect("whole");
    same(
        small.dir(),
        restored.dir(),
        small.manifest().files.iter().map(|file| file.path.as_str()),
    );
    fs::write(disk.join("filler"), noise(9, 12_000_000)).expect_err("fills the disk");
    let problem = backups()
        .restore(&place, &key, first.id(), &disk.join("restored"), &mut quiet)
        .expect_err("full");
    assert_eq!(problem.code.0, "E-BACKUP-DISK-FULL", "{problem}");
    drop(unmount);
}

struct Unmount(PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let done = Command::new("umount").arg(&self.0).status();
        assert!(
            std::thread::panicking() || done.is_ok_and(|status| status.success()),
            "could not be unmounted"
        );
    }
}
