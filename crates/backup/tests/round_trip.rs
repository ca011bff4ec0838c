//! Backups as they should go: out and back, byte for byte, also with restic, also with nothing but folder and kit.

mod support;

use backup::{FileRole, Phase, Place, RecoveryKit, Staging, prove};
use ledger::{Code, Problem};
use secrecy::ExposeSecret;
use std::fs;
use std::path::Path;
use support::*;

fn ok(_: &Path, _: &backup::Manifest) -> Result<(), Problem> {
    Ok(())
}

#[test]
fn what_was_backed_up_comes_back_byte_for_byte_and_is_proved() {
    let home = tempfile::tempdir().expect("folder");
    let place = Place::folder(home.path().join("place")).expect("place");
    let (key, _kit) = backups().create_place(&place).expect("creates");
    assert_eq!(backups().list(&place, &key).expect("lists"), []);
    let staging = staged(&home.path().join("staging"), 1);
    let mut seen = Vec::new();
    let copied = backups()
        .take(&place, &key, &staging, &wanted(&[]), &mut |progress| seen.push(progress))
        .expect("copies");
    assert!(
        seen.iter()
            .any(|progress| progress.phase == Phase::Copying && progress.done_bytes > 0),
        "{seen:?}"
    );
    assert!(copied.added_bytes() > 3_000_000, "{}", copied.added_bytes());
    let id = copied.id().to_owned();

    let listed = backups().list(&place, &key).expect("lists");
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].id.as_str(), listed[0].label.as_str(), &listed[0].tags[..]),
        (id.as_str(), "Harbour Street Bakery", &["before-upgrade".to_owned()][..])
    );
    let summary = listed[0].summary.as_ref().expect("ours");
    assert_eq!((summary.files, summary.bytes), (14, staging.manifest().bytes_in_files()));
    assert_eq!(&backups().preview(&place, &key, &id).expect("previews"), staging.manifest());
    assert_eq!(backups().confirm(&place, &key, &id[..8]).expect("confirms").id(), id);

    let checked = backups().check(&place, &key, &id, &mut quiet).expect("sound");
    assert_eq!((checked.files(), checked.bytes()), (14, staging.manifest().bytes_in_files()));
    let to = home.path().join("restored");
    let restored = backups().restore(&place, &key, &id, &to, &mut quiet).expect("restores");
    assert_eq!(
        (restored.files(), restored.bytes(), restored.lost()),
        (14, staging.manifest().bytes_in_files(), &[][..])
    );
    same(staging.dir(), &to, staging.manifest().files.iter().map(|file| file.path.as_str()));
    let opened = std::cell::Cell::new(false);
    let verified = prove(copied, checked, restored, &|dir, manifest| {
        opened.set(dir == to && manifest.about.totals[0].balance_minor == 123_456);
        Ok(())
    })
    .expect("proved");
    assert!(opened.get());
    assert_eq!(
        (verified.id(), verified.restored_dir(), verified.manifest()),
        (id.as_str(), to.as_path(), staging.manifest())
    );

    // The next backup of nearly the same files adds little, and the first stays.
    fs::write(staging.dir().join("mappings.json"), b"{\"sales\":\"a2\"}").expect("writes");
    let files: Vec<(String, FileRole)> = staging.manifest().files.iter().map(|file| (file.path.clone(), file.role)).collect();
    let second = Staging::build(staging.dir(), about(), files).expect("staged");
    let copied = backups().take(&place, &key, &second, &wanted(&[&id]), &mut quiet).expect("copies");
    assert!(copied.added_bytes() < 100_000, "{}", copied.added_bytes());
    assert_eq!(backups().list(&place, &key).expect("lists").len(), 2);
    let checked = backups().check_place(&place, &key, &mut quiet).expect("sound");
    assert_eq!(checked.files(), 28);
}

#[test]
fn a_backup_that_is_not_wholly_proved_is_no_rollback_point() {
    let office = office(2);
    let (place, key, id) = (&office.place, &office.key, office.id.as_str());
    let copied = || backups().confirm(place, key, id).expect("confirms");
    let checked = || backups().check(place, key, id, &mut quiet).expect("sound");
    let restored = |name: &str| {
        backups()
            .restore(place, key, id, &office.folder(name), &mut quiet)
            .expect("restores")
    };
    let code = |outcome: Result<backup::VerifiedBackup, Problem>| outcome.expect_err("not proved").code.0;

    let fails = |_: &Path, _: &backup::Manifest| Err(Problem::new(Code("E-BOOKS-TEST"), "The books do not open.", "Test.", "Test."));
    assert_eq!(code(prove(copied(), checked(), restored("1"), &fails)), "E-BOOKS-TEST");
    let changed = restored("2");
    fs::write(changed.dir().join("mappings.json"), b"{\"sales\":\"a9\"}").expect("writes");
    assert_eq!(code(prove(copied(), checked(), changed, &ok)), "E-BACKUP-MISMATCH");
    let more = restored("3");
    fs::write(more.dir().join("more.txt"), b"more").expect("writes");
    assert_eq!(code(prove(copied(), checked(), more, &ok)), "E-BACKUP-MISMATCH");
    let less = restored("4");
    fs::remove_file(less.dir().join("identity.ndjson")).expect("removes");
    assert_eq!(code(prove(copied(), checked(), less, &ok)), "E-BACKUP-MISMATCH");

    let mut holes = about();
    holes.missing = vec!["Raw records of March could not be read.".into()];
    fs::create_dir(office.folder("holes")).expect("creates");
    fs::write(office.folder("holes").join("book"), b"book").expect("writes");
    let staging = Staging::build(office.folder("holes"), holes, [("book".to_owned(), FileRole::Book)]).expect("staged");
    let second = backups().take(place, key, &staging, &wanted(&[id]), &mut quiet).expect("copies");
    assert_eq!(
        code(prove(second.clone(), checked(), restored("5"), &ok)),
        "E-BACKUP-MISMATCH",
        "two different backups"
    );
    let checked_second = backups().check(place, key, second.id(), &mut quiet).expect("sound");
    let restored_second = backups()
        .restore(place, key, second.id(), &office.folder("6"), &mut quiet)
        .expect("restores");
    assert_eq!(
        code(prove(second, checked_second, restored_second, &ok)),
        "E-BACKUP-INCOMPLETE",
        "it says itself that something is missing"
    );
    prove(copied(), checked(), restored("7"), &ok).expect("the sound one is proved");
}

#[test]
fn restic_checks_and_restores_everything_with_the_kits_code_alone() {
    if !has("restic", "version") {
        return;
    }
    let office = office(3);
    let code = office.folder("code.txt");
    fs::write(&code, office.kit.code().expose_secret()).expect("writes");
    let place = office.place.path();
    let check = restic(place, &code, &["check", "--read-data"]);
    let said = String::from_utf8_lossy(&check.stdout).into_owned() + &String::from_utf8_lossy(&check.stderr);
    assert!(check.status.success() && said.contains("no errors were found"), "{said}");
    let to = office.folder("by-restic");
    let restore = restic(place, &code, &["restore", "latest", "--target", to.to_str().expect("path")]);
    assert!(restore.status.success(), "{}", String::from_utf8_lossy(&restore.stderr));
    same(
        office.staging.dir(),
        &to.join("data"),
        office
            .staging
            .manifest()
            .files
            .iter()
            .map(|file| file.path.as_str())
            .chain(["manifest.json"]),
    );
    // A further kit opens as well, and the first stays valid.
    let further = backups().new_kit(&office.place, &office.key).expect("kit");
    assert_ne!(further.code().expose_secret(), office.kit.code().expose_secret());
    fs::write(office.folder("code2.txt"), further.code().expose_secret()).expect("writes");
    for code in ["code.txt", "code2.txt"] {
        let listed = restic(place, &office.folder(code), &["snapshots", "--json"]);
        assert!(
            listed.status.success() && String::from_utf8_lossy(&listed.stdout).contains(&office.id),
            "{code}"
        );
    }
}

#[test]
fn a_fresh_computer_restores_with_nothing_but_the_folder_and_the_kit() {
    let office = office(4);
    let page = office.kit.to_text();
    let moved = office.folder("usb disk");
    fs::rename(office.place.path(), &moved).expect("moves");
    let place = Place::folder(&moved).expect("place");
    let kit = RecoveryKit::parse(page.expose_secret()).expect("reads");
    assert_eq!(
        kit.place(),
        &office.place,
        "the page names the old folder; the person chooses the new one"
    );
    let typed = kit.code().expose_secret().to_lowercase();
    let unlocked = backups().unlock(&place, &typed).expect("opens by the typed code");
    assert_eq!(unlocked.expose(), kit.key().expose());
    // Even with every key file lost the kit opens the place.
    for item in fs::read_dir(moved.join("keys")).expect("lists") {
        fs::remove_file(item.expect("item").path()).expect("removes");
    }
    let newest = backups().list(&place, kit.key()).expect("lists").pop().expect("one");
    let restored = backups()
        .restore(&place, kit.key(), &newest.id, &office.folder("restored"), &mut quiet)
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
fn the_key_is_in_no_argument_and_no_environment_of_the_worker() {
    let office = office(5);
    let seen = office.folder("seen.txt");
    let script = format!(
        "{{ echo \"$0\" \"$@\"; tr '\\0' '\\n' < /proc/self/environ; env; }} >> '{}'\nexec '{WORKER}' \"$@\"",
        seen.display()
    );
    let through = backups_through(office.home.path(), &script);
    let second = Place::folder(office.folder("second")).expect("place");
    let (key, kit) = through.create_place(&second).expect("creates");
    through
        .take(&second, &key, &office.staging, &wanted(&[]), &mut quiet)
        .expect("copies");
    through.unlock(&second, kit.code().expose_secret()).expect("unlocks");
    let (old, new) = ("gravel mortar violin tuesday", "lantern quarry 71 mosaic");
    let passphrase = |text: &str| backup::Passphrase::entered(secrecy::SecretString::from(text));
    through.add_passphrase(&second, &key, &passphrase(old)).expect("adds");
    through
        .change_passphrase(&second, &key, &passphrase(old), &passphrase(new), &mut quiet)
        .expect("changes");
    let seen = fs::read_to_string(seen).expect("reads");
    assert!(seen.contains("backup-worker") && seen.contains("PATH="), "{seen}");
    let secret: serde_json::Value = serde_json::from_str(key.expose()).expect("json");
    for part in [
        secret["encrypt"].as_str(),
        secret["mac"]["k"].as_str(),
        secret["mac"]["r"].as_str(),
        Some(kit.code().expose_secret()),
        Some(old),
        Some(new),
    ] {
        assert!(!seen.contains(part.expect("part of the key")), "a secret is visible");
    }
    assert!(!seen.contains("CARGO"), "the host's environment is not passed on: {seen}");
}

#[test]
fn a_place_is_made_only_in_a_new_or_empty_folder() {
    let office = office(6);
    let code = |folder: &Path| {
        backups()
            .create_place(&Place::folder(folder).expect("place"))
            .err()
            .expect("refused")
            .code
            .0
    };
    assert_eq!(code(office.place.path()), "E-BACKUP-PLACE-USED");
    assert_eq!(code(office.staging.dir()), "E-BACKUP-NOT-EMPTY");
    assert_eq!(code(&office.folder("absent/below")), "E-BACKUP-PLACE-MISSING");
    assert_eq!(Place::folder("relative").expect_err("refused").code.0, "E-BACKUP-PLACE");
    fs::create_dir(office.folder("empty")).expect("creates");
    backups()
        .create_place(&Place::folder(office.folder("empty")).expect("place"))
        .expect("an empty folder will do");
    let outcome = backups().restore(&office.place, &office.key, &office.id, office.staging.dir(), &mut quiet);
    assert_eq!(outcome.expect_err("refused").code.0, "E-BACKUP-NOT-EMPTY");
    let outcome = backups().restore(&office.place, &office.key, "0123456789abcdef", &office.folder("x"), &mut quiet);
    assert_eq!(outcome.expect_err("refused").code.0, "E-BACKUP-UNKNOWN");
}

#[test]
fn a_staging_with_a_hole_an_empty_book_or_a_stranger_is_refused() {
    let home = tempfile::tempdir().expect("folder");
    let build = |files: &[(&str, FileRole)]| {
        Staging::build(home.path(), about(), files.iter().map(|(path, role)| ((*path).to_owned(), *role)))
            .map(|staging| staging.manifest().files.len())
    };
    let refused = |files: &[(&str, FileRole)], word: &str| {
        let problem = build(files).expect_err(word);
        assert_eq!(problem.code.0, "E-BACKUP-INCOMPLETE");
        assert!(problem.why.iter().any(|why| why.contains(word)), "{word}: {problem}");
    };
    fs::write(home.path().join("book"), b"").expect("writes");
    fs::write(home.path().join("raw"), b"").expect("writes");
    refused(&[("book", FileRole::Book), ("raw", FileRole::RawRecords)], "book is empty");
    fs::write(home.path().join("book"), b"book").expect("writes");
    refused(&[("book", FileRole::Book)], "raw lies in the folder");
    refused(
        &[("book", FileRole::Book), ("raw", FileRole::RawRecords), ("gone", FileRole::Other)],
        "gone: it could not be read",
    );
    refused(
        &[
            ("book", FileRole::Book),
            ("raw", FileRole::RawRecords),
            ("../book", FileRole::Other),
        ],
        "is not a file name",
    );
    assert_eq!(build(&[("book", FileRole::Book), ("raw", FileRole::RawRecords)]), Ok(2));
    std::os::unix::fs::symlink("book", home.path().join("link")).expect("links");
    refused(
        &[("book", FileRole::Book), ("raw", FileRole::RawRecords), ("link", FileRole::Other)],
        "not a plain file",
    );
}

#[test]
fn a_few_files_are_fetched_for_a_look_without_the_rest_and_a_damaged_one_is_refused() {
    let office = office(40);
    let book = vec!["harbour.gnucash".to_owned()];
    let to = office.folder("look");
    let manifest = backups().fetch(&office.place, &office.key, &office.id, &book, &to).expect("fetches");
    assert_eq!(&manifest, office.staging.manifest());
    same(office.staging.dir(), &to, book.iter().map(String::as_str));
    assert_eq!(fs::read_dir(&to).expect("lists").count(), 1, "nothing but the book");
    let absent = backups().fetch(&office.place, &office.key, &office.id, &["../secret".to_owned()], &office.folder("no"));
    assert_eq!(absent.expect_err("not there").code, Code("E-BACKUP-DAMAGED"));

    // A byte inside the largest pack: neither looking nor reading back calls it whole.
    let pack = office.largest_in("data");
    let mut bytes = fs::read(&pack).expect("reads");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(&pack, bytes).expect("writes");
    let all: Vec<String> = manifest.files.iter().map(|file| file.path.clone()).collect();
    let fetched = backups().fetch(&office.place, &office.key, &office.id, &all, &office.folder("damaged"));
    assert_eq!(fetched.expect_err("damaged").code, Code("E-BACKUP-DAMAGED"));
    let checked = backups().check(&office.place, &office.key, &office.id, &mut quiet);
    assert_eq!(checked.expect_err("damaged").code, Code("E-BACKUP-DAMAGED"));
}
