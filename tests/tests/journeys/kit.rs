//! What opens a person's backups: the kit is written, kept and confirmed before a backup counts; then a new computer with a page, a
//! file of words, or a passphrase.

use api::practice_company::ScriptedBrowser;
use api::{App, Start};
use backup::{Entered, Passphrase, WayKind};
use changeover_tests::shelf::Shelf;
use changeover_tests::{company, home, program};
use engine::ways_in::{KitStanding, read_kit_file};
use secrecy::{ExposeSecret, SecretString};
use std::path::Path;
use std::sync::Arc;

const FIRST: &str = "gravel mortar violin tuesday";
const SECOND: &str = "lantern quarry 71 mosaic";

fn code_of(file: &Path) -> SecretString {
    match Entered::read(&read_kit_file(file).unwrap()).unwrap_or_else(|problem| panic!("{problem}")) {
        Entered::Whole { code, .. } | Entered::Code(code) => code,
    }
}

fn last_group(file: &Path) -> SecretString {
    let code = code_of(file);
    SecretString::from(code.expose_secret().rsplit('-').next().unwrap().to_lowercase())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_backup_counts_and_no_upgrade_goes_on_before_somebody_shows_that_the_kit_was_kept() {
    let home = home::fresh();
    let start = Start {
        home: home.path().to_path_buf(),
        browser: Arc::new(ScriptedBrowser),
        changed: Arc::new(|| {}),
        worker: Some(program::changeover().to_path_buf()),
        actor: "test".to_string(),
    };
    let app = App::start_with(start, Shelf::default().keychain()).await.unwrap_or_else(|problem| panic!("{problem}"));
    let company = company::real(app.real(), home.path(), 1).await;
    let engine = app.real();
    engine.take_backup(&company, "by hand", None, &engine::progress::Watcher::silent()).await.unwrap_or_else(|problem| panic!("{problem}"));
    let counts = || async { engine.kit_standing().await.unwrap().counts() };
    let held = || async { engine.backups_must_count().await.map_err(|problem| problem.code.0) };
    let kinds = || async { engine.ways_in().await.unwrap().iter().map(|way| way.kind).collect::<Vec<_>>() };
    assert_eq!(engine.kit_standing().await.unwrap(), KitStanding::Missing);
    assert_eq!(held().await, Err("E-BACKUP-KIT-UNCONFIRMED"));

    // Written: still nothing counts, and the code with which the place was made is still there.
    let (page, text) = (home.path().join("kit.pdf"), home.path().join("kit.txt"));
    engine.write_recovery_kit(&page).await.unwrap_or_else(|problem| panic!("{problem}"));
    assert!(std::fs::read(&page).unwrap().starts_with(b"%PDF-"));
    assert!(!counts().await && held().await.is_err());
    assert_eq!(kinds().await.len(), 2);
    for wrong in ["00000", "", "abcde fghjk"] {
        let problem = engine.confirm_kit_by_last_group(&wrong.into()).await.unwrap_err();
        assert_eq!(problem.code.0, "E-BACKUP-KIT", "{problem}");
    }
    let refused = engine.remove_backup_passphrase(None).await.unwrap_err();
    assert_eq!(refused.code.0, "E-BACKUP-LAST-WAY");
    assert!(!counts().await);
    engine.confirm_kit_by_last_group(&last_group(&page)).await.unwrap_or_else(|problem| panic!("{problem}"));
    assert!(counts().await && held().await.is_ok());
    let ways = engine.ways_in().await.unwrap();
    assert!(matches!(ways.as_slice(), [only] if only.confirmed && only.kind == WayKind::RecoveryCode), "the code on no kit ended: {ways:?}");

    // A further kit changes nothing; a lost one takes the count away until the next is confirmed, by reading it back.
    engine.write_recovery_kit(&text).await.unwrap();
    assert!(counts().await && kinds().await.len() == 2);
    let (lost, renewed) = (page, home.path().join("renewed.pdf"));
    engine.renew_recovery_kit(&renewed).await.unwrap();
    assert!(!counts().await && held().await.is_err());
    assert_eq!(kinds().await.len(), 3, "nothing ends before the new kit is confirmed");
    engine.confirm_kit_by_reading(&read_kit_file(&renewed).unwrap()).await.unwrap_or_else(|problem| panic!("{problem}"));
    assert!(counts().await);
    assert_eq!(kinds().await, [WayKind::RecoveryCode]);
    let problem = engine.confirm_kit_by_reading(&read_kit_file(&lost).unwrap()).await.unwrap_err();
    assert_eq!(problem.code.0, "E-BACKUP-KEY", "{problem}");

    // A passphrase beside it; set twice is refused, changed is changed, forgotten is removed.
    let passphrase = |text: &str| Passphrase::entered(SecretString::from(text));
    engine.set_backup_passphrase(&passphrase(FIRST)).await.unwrap();
    assert_eq!(engine.set_backup_passphrase(&passphrase(SECOND)).await.unwrap_err().code.0, "E-BACKUP-PASSPHRASE-THERE");
    engine.change_backup_passphrase(&passphrase(FIRST), &passphrase(SECOND), &mut |_| {}).await.unwrap();
    assert_eq!(engine.change_backup_passphrase(&passphrase(FIRST), &passphrase(SECOND), &mut |_| {}).await.unwrap_err().code.0, "E-BACKUP-KEY");
    engine.remove_backup_passphrase(None).await.unwrap();
    assert_eq!(kinds().await, [WayKind::RecoveryCode]);

    // Neither code nor passphrase is in the store or the log.
    engine.pool.close().await;
    for file in std::fs::read_dir(home.path()).unwrap().map(|item| item.unwrap().path()).filter(|path| path.to_string_lossy().contains("changeover.sqlite")) {
        let bytes = std::fs::read(&file).unwrap();
        let code = code_of(&renewed);
        for secret in [FIRST, SECOND, code.expose_secret(), last_group(&renewed).expose_secret()] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{} holds a secret", file.display());
        }
    }
}

/// The program with a line or two that the person types.
fn typed(home: &Path, arguments: &[&str], lines: &str) -> program::Ran {
    let file = home.with_extension("typed");
    std::fs::write(&file, lines).unwrap();
    let mut command = program::command(home, arguments);
    let ran = program::start(command.stdin(std::fs::File::open(&file).unwrap())).finish(program::DEADLINE);
    for line in lines.lines() {
        assert!(line.is_empty() || !(ran.stdout.clone() + &ran.stderr).contains(line), "what was typed is shown");
    }
    ran
}

#[test]
fn a_new_computer_restores_with_the_page_the_words_or_the_passphrase_and_a_wrong_one_says_so() {
    let place = home::fresh();
    let (home, outside) = (place.path().join("home"), place.path().join("outside"));
    std::fs::create_dir_all(&outside).unwrap();
    program::start(&mut program::command(&home, &["practice", "run", "--seed", "7", "--payments", "20"])).finish(program::DEADLINE).expect(0);
    let doctor = typed(&home, &["backup", "list"], "").expect(0);
    assert!(doctor.stderr.contains("was written and confirmed"), "the practice kit was read back: {}", doctor.stderr);
    let in_outside = |name: &str| outside.join(name).display().to_string();
    let page = in_outside("kit.pdf");
    typed(&home, &["backup", "recovery-kit", &page], "").expect(0);
    typed(&home, &["backup", "recovery-kit", "--confirm", "--file", &page], "").expect(0);
    let unfit = typed(&home, &["backup", "passphrase", "set"], "password1234\n").expect(1);
    assert!(unfit.stderr.contains("E-BACKUP-PASSPHRASE-UNFIT"), "{}", unfit.stderr);
    typed(&home, &["backup", "passphrase", "set"], &format!("{FIRST}\n")).expect(0);
    typed(&home, &["backup", "passphrase", "change"], &format!("{FIRST}\n{SECOND}\n")).expect(0);
    let ways = typed(&home, &["backup", "ways-in"], "").expect(0);
    assert!(ways.stdout.contains("passphrase") && ways.stdout.contains("on the confirmed kit"), "{}", ways.stdout);

    let repository = home.join("practice/backups").display().to_string();
    let words = in_outside("words.txt");
    let code = code_of(Path::new(&page));
    let kit = std::fs::read_to_string(home.join("practice/practice-recovery-kit.txt")).unwrap();
    let line = kit.lines().find_map(|line| line.strip_prefix("The code as words: ")).unwrap();
    std::fs::write(&words, line).unwrap();
    let elsewhere = place.path().join("elsewhere");
    for (name, how, lines) in [
        ("page", vec!["--recovery-key", page.as_str()], String::new()),
        ("words", vec!["--recovery-key", words.as_str()], String::new()),
        ("passphrase", vec!["--passphrase"], format!("{SECOND}\n")),
    ] {
        let to = in_outside(name);
        let mut arguments = vec!["backup", "restore", "--from", &repository, "--to", &to];
        arguments.extend(how);
        let ran = typed(&elsewhere, &arguments, &lines).expect(0);
        assert!(ran.stdout.contains("are those of the backup"), "{name}: {}", ran.stdout);
    }
    let to = in_outside("never");
    let wrong = typed(&elsewhere, &["backup", "restore", "--from", &repository, "--to", &to, "--passphrase"], &format!("{FIRST}\n")).expect(1);
    assert!(wrong.stderr.contains("E-BACKUP-KEY"), "{}", wrong.stderr);
    let mut slipped: Vec<&str> = line.split(' ').collect();
    slipped[4] = if slipped[4] == "zoo" { "zone" } else { "zoo" };
    std::fs::write(&words, slipped.join(" ")).unwrap();
    let wrong = typed(&elsewhere, &["backup", "preview", "--from", &repository, "--recovery-key", &words], "").expect(1);
    assert!(wrong.stderr.contains("E-BACKUP-KIT") && wrong.stderr.contains("Word 5 is not the one that was printed."), "{}", wrong.stderr);
    assert!(!Path::new(&to).exists());
    drop(code);
}
