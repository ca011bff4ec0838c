//! What opens a place: kits in every form, passphrases, their change and removal; judged by restic, and killed at every step.

mod support;

use backup::{Cancel, Entered, Passphrase, Phase, RepositoryKey, WayKind};
use secrecy::{ExposeSecret, SecretString};
use std::fs;
use std::path::PathBuf;
use support::*;

const FIRST: &str = "gravel mortar violin tuesday";
const SECOND: &str = "lantern über quarry 71 mosaic";
const WRONG: &str = "gravel mortar violin wednesday";

fn passphrase(text: &str) -> Passphrase {
    Passphrase::entered(SecretString::from(text))
}

impl Office {
    /// Whether restic, which knows nothing of us, opens the place with this password.
    fn opens_in_restic(&self, password: &str) -> bool {
        let file = self.folder("password.txt");
        fs::write(&file, format!("{password}\n")).expect("writes");
        let listed = restic(self.place.path(), &file, &["snapshots", "--json"]);
        let said = String::from_utf8_lossy(&listed.stderr).into_owned();
        assert!(listed.status.success() || said.contains("wrong password"), "{said}");
        listed.status.success() && String::from_utf8_lossy(&listed.stdout).contains(&self.id)
    }

    fn opens(&self, text: &str) -> bool {
        match backups().unlock_with_passphrase(&self.place, &passphrase(text)) {
            Ok((key, _)) => {
                assert_eq!(key.expose(), self.key.expose());
                true
            }
            Err(problem) => {
                assert_eq!(problem.code.0, "E-BACKUP-KEY", "{problem}");
                assert!(!problem.to_string().contains(text), "{problem}");
                false
            }
        }
    }

    fn kinds(&self) -> Vec<WayKind> {
        backups()
            .ways(&self.place, &self.key)
            .expect("lists")
            .iter()
            .map(|way| way.kind)
            .collect()
    }

    fn key_again(&self) -> RepositoryKey {
        RepositoryKey::from_stored(SecretString::from(self.key.expose().to_owned())).expect("key")
    }

    fn code(&self) -> String {
        self.kit.code().expose_secret().to_owned()
    }
}

#[test]
fn a_passphrase_is_a_second_way_in_for_us_and_for_restic_and_a_removed_one_opens_nothing() {
    if !has("restic", "version") {
        return;
    }
    let office = office(60);
    let check = |opening: &[&str], closed: &[&str]| {
        for (texts, expected) in [(opening, true), (closed, false)] {
            for text in texts {
                assert_eq!(office.opens_in_restic(text), expected, "restic with {text}");
                assert_eq!(office.opens(text), expected, "{text}");
            }
        }
        assert!(office.opens_in_restic(&office.code()), "the kit's code opens it all along");
        backups().unlock(&office.place, &office.code()).expect("for us too");
    };
    check(&[], &[FIRST, SECOND, WRONG]);
    backups()
        .add_passphrase(&office.place, &office.key, &passphrase(FIRST))
        .expect("adds");
    check(&[FIRST], &[SECOND, WRONG]);
    assert_eq!(office.kinds(), [WayKind::RecoveryCode, WayKind::Passphrase]);
    let way = backups()
        .add_passphrase(&office.place, &office.key, &passphrase(FIRST))
        .expect("is there already");
    assert_eq!(office.kinds().len(), 2, "the same one is not added twice");

    let change = |old: &str, new: &str| {
        let changed = backups().change_passphrase(&office.place, &office.key, &passphrase(old), &passphrase(new), &mut quiet);
        changed.map_err(|problem| problem.code.0)
    };
    assert_eq!(change(WRONG, SECOND), Err("E-BACKUP-KEY"));
    assert_eq!(change(FIRST, FIRST), Err("E-BACKUP-PASSPHRASE-UNFIT"));
    assert_eq!(change(FIRST, "password1234"), Err("E-BACKUP-PASSPHRASE-UNFIT"));
    assert_eq!(
        change(&office.code(), SECOND),
        Err("E-BACKUP-KEY"),
        "the kit's code is not to be changed away"
    );
    check(&[FIRST], &[SECOND]);
    assert_ne!(change(FIRST, SECOND).expect("changes"), way);
    check(&[SECOND], &[FIRST]);
    assert_eq!(office.kinds(), [WayKind::RecoveryCode, WayKind::Passphrase]);

    let left = backups()
        .remove_passphrase(&office.place, &office.key, &passphrase(SECOND), &mut quiet)
        .expect("removes");
    assert_eq!(left.len(), 1);
    check(&[], &[FIRST, SECOND]);
    let again = backups().remove_passphrase(&office.place, &office.key, &passphrase(SECOND), &mut quiet);
    assert_eq!(again.expect_err("nothing to remove").code.0, "E-BACKUP-KEY");
    office.first_backup_restores("restored");
}

#[test]
fn killed_at_any_step_of_a_change_one_good_passphrase_and_the_code_open_the_place() {
    if !has("restic", "version") {
        return;
    }
    let office = office(61);
    backups()
        .add_passphrase(&office.place, &office.key, &passphrase(FIRST))
        .expect("adds");
    let (mut now, mut next) = (FIRST, SECOND);
    let (mut kills, mut both, mut broken_off) = (0, 0, true);
    while broken_off {
        let cancel = Cancel::default();
        let mut steps = 0;
        let changed = backups().cancelled_by(&cancel).change_passphrase(
            &office.place,
            &office.key,
            &passphrase(now),
            &passphrase(next),
            &mut |progress| {
                if progress.phase == Phase::Keys || progress.phase == Phase::Opening {
                    steps += 1;
                    if steps == kills + 1 {
                        // SIGKILL, in the middle of whatever it does next.
                        cancel.cancel();
                    }
                }
            },
        );
        broken_off = changed.is_err();
        if let Err(problem) = &changed {
            assert_eq!(problem.code.0, "E-BACKUP-CANCELLED", "step {steps}: {problem}");
            kills += 1;
        }
        let opening: Vec<&str> = [now, next].into_iter().filter(|text| office.opens_in_restic(text)).collect();
        assert!(!opening.is_empty(), "killed at step {steps}: nothing opens the place");
        assert!(office.opens_in_restic(&office.code()), "killed at step {steps}");
        for text in &opening {
            assert!(office.opens(text));
        }
        both += usize::from(opening.len() == 2);
        // Half-written key files have names that nobody reads; the place is sound.
        backups().list(&office.place, &office.key).expect("lists");
        if !opening.contains(&now) {
            (now, next) = (next, now);
        }
    }
    assert!(kills >= 6, "only {kills} steps were killed");
    assert!(both >= 1, "no kill fell between adding and removing");
    // Whatever was left half done is finished by the change that came through.
    assert_eq!(office.kinds(), [WayKind::RecoveryCode, WayKind::Passphrase]);
    let leftover = fs::read_dir(office.place.path().join("keys")).expect("lists").count();
    assert_eq!(leftover, 2, "no half-written key file stays");
    office.first_backup_restores("restored");
    println!("{kills} kills, {both} of them between adding and removing");
}

#[test]
fn a_half_written_key_file_is_cleared_away_and_a_full_disk_changes_nothing() {
    let office = office(62);
    backups()
        .add_passphrase(&office.place, &office.key, &passphrase(FIRST))
        .expect("adds");
    let keys = office.place.path().join("keys");
    fs::write(keys.join(format!("{}.part", "ab".repeat(32))), b"{\"half").expect("writes");
    backups()
        .change_passphrase(&office.place, &office.key, &passphrase(FIRST), &passphrase(SECOND), &mut quiet)
        .expect("changes");
    assert!(!office.opens(FIRST) && office.opens(SECOND));
    assert_eq!(fs::read_dir(&keys).expect("lists").count(), 2);
    // A full disk: the new one is not added, and nothing else changes.
    let full = backups_through(office.home.path(), &format!("trap '' XFSZ\nulimit -f 0\nexec '{WORKER}' \"$@\""));
    let problem = full
        .change_passphrase(&office.place, &office.key, &passphrase(SECOND), &passphrase(FIRST), &mut quiet)
        .expect_err("full");
    assert_eq!(problem.code.0, "E-BACKUP-DISK-FULL", "{problem}");
    assert!(office.opens(SECOND) && !office.opens(FIRST));
    assert_eq!(office.kinds().len(), 2);
}

#[test]
fn the_last_way_in_is_never_removed_and_another_programs_key_does_not_count_as_one() {
    if !has("restic", "version") {
        return;
    }
    let office = office(63);
    let code = office.folder("code.txt");
    fs::write(&code, office.code()).expect("writes");
    fs::write(office.folder("foreign.txt"), "a key of restic's own").expect("writes");
    let new = office.folder("foreign.txt");
    let added = restic(
        office.place.path(),
        &code,
        &["key", "add", "--new-password-file", new.to_str().expect("path")],
    );
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let ways = backups().ways(&office.place, &office.key).expect("lists");
    assert_eq!(
        ways.iter().map(|way| way.kind).collect::<Vec<_>>(),
        [WayKind::RecoveryCode, WayKind::Other]
    );
    assert!(ways.iter().all(|way| way.made.is_some()), "{ways:?}");
    let all: Vec<String> = ways.iter().map(|way| way.id.clone()).collect();
    for ids in [all.clone(), all[..1].to_vec()] {
        let problem = backups().remove_ways(&office.place, &office.key, ids).expect_err("refused");
        assert_eq!(problem.code.0, "E-BACKUP-LAST-WAY");
    }
    assert_eq!(office.kinds().len(), 2, "nothing was removed");
    backups()
        .remove_ways(&office.place, &office.key, all[1..].to_vec())
        .expect("the other program's may go");
    assert!(office.opens_in_restic(&office.code()) && !office.opens_in_restic("a key of restic's own"));
}

#[test]
fn a_renewed_code_ends_the_old_one_but_not_the_key_that_stands_on_the_old_kit() {
    if !has("restic", "version") {
        return;
    }
    let office = office(64);
    let old = backups().ways(&office.place, &office.key).expect("lists");
    let (kit, way) = backups().new_kit_with_way(&office.place, &office.key).expect("kit");
    let left = backups()
        .remove_ways(&office.place, &office.key, old.iter().map(|way| way.id.clone()).collect())
        .expect("removes");
    assert_eq!(left.iter().map(|way| way.id.as_str()).collect::<Vec<_>>(), [way.as_str()]);
    assert!(!office.opens_in_restic(&office.code()) && office.opens_in_restic(kit.code().expose_secret()));
    assert_eq!(
        backups().unlock(&office.place, &office.code()).err().expect("ended").code.0,
        "E-BACKUP-KEY"
    );
    let entered = |kit: &backup::RecoveryKit| Entered::read(kit.to_text().expose_secret().as_bytes()).expect("reads");
    assert_eq!(backups().way_of_kit(&office.place, &entered(&kit)).expect("opens").1, way);
    assert!(
        backups().way_of_kit(&office.place, &entered(&office.kit)).is_err(),
        "the old kit is confirmed no more"
    );
    // What the documentation says plainly: the key itself is the same, so a new place is needed to lock out an old kit.
    let unlocked = backups()
        .unlock_with_kit(&office.place, entered(&office.kit))
        .expect("the key still opens");
    assert_eq!(unlocked.expose(), office.key_again().expose());
}

#[test]
fn every_form_of_a_kit_opens_the_place_and_a_wrong_one_says_so_before_anything_else_is_read() {
    let (office, other) = (office(65), office(66));
    let forms = |kit: &backup::RecoveryKit| -> Vec<Vec<u8>> {
        vec![
            kit.to_text().expose_secret().as_bytes().to_vec(),
            kit.to_pdf().expect("page").to_vec(),
            kit.to_qr_text().expect("qr").expose_secret().as_bytes().to_vec(),
            kit.to_words().expect("words").expose_secret().as_bytes().to_vec(),
            kit.code().expose_secret().to_lowercase().into_bytes(),
        ]
    };
    for form in forms(&office.kit) {
        let key = backups()
            .unlock_with_kit(&office.place, Entered::read(&form).expect("reads"))
            .expect("opens");
        assert_eq!(key.expose(), office.key.expose());
    }
    // Files that would be complained about, or take long to read: a wrong key is told first, whatever its form.
    let stray = office.place.path().join("index").join("0".repeat(64));
    fs::write(&stray, b"").expect("writes");
    let large = fs::File::create(office.place.path().join("snapshots").join("1".repeat(64))).expect("creates");
    large
        .set_len(64 * 1024 * 1024 * 1024)
        .expect("a hole of 64 GB, which nobody could read in time");
    for form in forms(&other.kit) {
        let outcome = backups().unlock_with_kit(&office.place, Entered::read(&form).expect("reads"));
        assert_eq!(outcome.err().expect("refused").code.0, "E-BACKUP-KEY");
    }
    assert!(!office.opens(WRONG));
    let to: PathBuf = office.folder("never");
    let outcome = backups().restore(&office.place, &other.key, &office.id, &to, &mut quiet);
    assert_eq!(outcome.expect_err("refused").code.0, "E-BACKUP-KEY");
    assert!(!to.exists(), "nothing was written");
}
