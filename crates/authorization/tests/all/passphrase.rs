//! The passphrase vault: opening, wrong passphrases, damage, another passphrase, and keys that move in and out.

use crate::support::*;
use authorization::keychain::KeptWhere;
use authorization::problems::*;
use authorization::*;
use secrecy::SecretString;
use std::path::{Path, PathBuf};
use std::time::Duration;

const ONE: &str = "harbour lantern seventeen geese";
const OTHER: &str = "copper kettle under the stairs";

fn phrase(text: &str) -> Passphrase {
    Passphrase::entered(SecretString::from(text))
}

fn file(home: &Path) -> PathBuf {
    home.join("passphrase-vault.json")
}

fn vault_file(home: &Path) -> PassphraseVault {
    PassphraseVault::at(file(home), "installation-1")
}

struct Chosen {
    world: World,
    shelf: Shelf,
}

impl Chosen {
    async fn new() -> Chosen {
        Chosen { world: World::new().await, shelf: Shelf::default() }
    }

    /// A program that starts now: nothing of an earlier one is in its memory.
    async fn started(&self) -> Vault {
        let keychain = Keychain::with_store(self.shelf.clone(), Duration::from_millis(400));
        let places = Places::new(keychain, vault_file(self.world.home.path()));
        let setup = VaultSetup {
            installation_id: "installation-1".into(),
            locks: self.world.home.path().join("locks"),
            clock: self.world.clock(),
        };
        let pool = store_at(&self.world.home.path().join("store.db")).await;
        Vault::open_where_chosen(pool, places, setup).await.unwrap()
    }

    async fn signs_in(&self, vault: &Vault, connection: &str) {
        vault.save(connection, self.world.grant(&OLD).await).await.unwrap();
    }

    async fn works(&self, vault: &Vault, connection: &str) -> Result<u16, ledger::Code> {
        let signer = vault
            .signer(connection, Which::Current, &self.world.provider, &self.world.endpoints)
            .await
            .map_err(|problem| problem.code)?;
        signer.send(self.world.payments()).await.map(|answer| answer.status().as_u16()).map_err(|problem| problem.code)
    }

    async fn sealed(&self) -> Vec<Vec<u8>> {
        sqlx::query_scalar("SELECT sealed FROM credential ORDER BY connection_id").fetch_all(&self.world.pool).await.unwrap()
    }
}

#[tokio::test]
async fn the_right_passphrase_opens_it_and_a_wrong_one_says_so_and_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let vault = vault_file(home.path());
    assert_eq!(vault.state(), PassphraseState::NotSetUp);
    assert_eq!(vault.open(phrase(ONE)).await.unwrap_err().code, E_PASSPHRASE_NEEDED);
    vault.set_up(phrase(ONE)).await.unwrap();
    assert_eq!(vault.state(), PassphraseState::Open);
    let written = std::fs::read(file(home.path())).unwrap();
    assert_eq!(vault.set_up(phrase(OTHER)).await.unwrap_err().code, E_PASSPHRASE_VAULT, "never over an existing one");

    let restarted = vault_file(home.path());
    assert_eq!(restarted.state(), PassphraseState::Locked);
    for wrong in [OTHER, "", "harbour lantern seventeen geesE", &"x".repeat(5000)] {
        let refused = restarted.open(phrase(wrong)).await.unwrap_err();
        assert_eq!(refused.code, E_PASSPHRASE_WRONG);
        assert!(wrong.is_empty() || !refused.to_string().contains(wrong));
        assert_eq!(restarted.change(phrase(wrong), phrase(OTHER)).await.unwrap_err().code, E_PASSPHRASE_WRONG);
        assert_eq!(restarted.state(), PassphraseState::Locked);
    }
    restarted.open(phrase(ONE)).await.unwrap();
    assert_eq!(restarted.state(), PassphraseState::Open);
    assert_eq!(std::fs::read(file(home.path())).unwrap(), written);
}

#[tokio::test]
async fn an_empty_short_or_monotonous_passphrase_is_refused_with_words() {
    let home = tempfile::tempdir().unwrap();
    let vault = vault_file(home.path());
    for poor in ["", "            ", "elevensigns", "aaaaaaaaaaaaaaaaaaaa", "with a\nline break in it", &"long ".repeat(300)] {
        assert_eq!(vault.set_up(phrase(poor)).await.unwrap_err().code, E_PASSPHRASE_UNFIT, "{poor:?}");
    }
    assert!(!file(home.path()).exists());
    vault.set_up(phrase(ONE)).await.unwrap();
    assert_eq!(vault.change(phrase(ONE), phrase("short")).await.unwrap_err().code, E_PASSPHRASE_UNFIT);
    vault_file(home.path()).open(phrase(ONE)).await.unwrap();
}

#[tokio::test]
async fn a_damaged_file_is_told_apart_from_a_wrong_passphrase_and_never_overwritten() {
    let home = tempfile::tempdir().unwrap();
    vault_file(home.path()).set_up(phrase(ONE)).await.unwrap();
    let whole = std::fs::read_to_string(file(home.path())).unwrap();
    let sealed_at = whole.find("\"sealed\": \"").unwrap() + 20;
    let mut flipped = whole.clone().into_bytes();
    flipped[sealed_at] = if flipped[sealed_at] == b'A' { b'B' } else { b'A' };
    let damages = [
        String::new(),
        whole[..whole.len() / 2].to_string(),
        String::from_utf8(flipped).unwrap(),
        whole.replace("installation-1", "installation-2"),
        whole.replace("65536", "4294967295"),
        whole.replace("\"form\": 1", "\"form\": 2"),
        "x".repeat(70_000),
    ];
    for damaged in damages {
        std::fs::write(file(home.path()), &damaged).unwrap();
        let vault = vault_file(home.path());
        assert!(matches!(vault.state(), PassphraseState::Damaged(_)), "{damaged:.80}");
        assert_eq!(vault.open(phrase(ONE)).await.unwrap_err().code, E_PASSPHRASE_VAULT);
        assert_eq!(vault.set_up(phrase(OTHER)).await.unwrap_err().code, E_PASSPHRASE_VAULT);
        assert_eq!(vault.change(phrase(ONE), phrase(OTHER)).await.unwrap_err().code, E_PASSPHRASE_VAULT);
        assert_eq!(std::fs::read_to_string(file(home.path())).unwrap(), damaged);
    }
    std::fs::write(file(home.path()), whole).unwrap();
    vault_file(home.path()).open(phrase(ONE)).await.unwrap();
}

#[tokio::test]
async fn another_passphrase_seals_the_same_key_and_leaves_the_rows_alone() {
    let chosen = Chosen::new().await;
    let vault = chosen.started().await;
    vault.passphrase().unwrap().set_up(phrase(ONE)).await.unwrap();
    assert_eq!(vault.choose(KeptWhere::Passphrase, Leaving::Nothing).await.unwrap(), None);
    chosen.signs_in(&vault, "conn").await;
    let rows = chosen.sealed().await;
    let beside = chosen.started().await;
    beside.passphrase().unwrap().open(phrase(ONE)).await.unwrap();

    vault.passphrase().unwrap().change(phrase(ONE), phrase(OTHER)).await.unwrap();
    assert_eq!(chosen.sealed().await, rows);
    assert_eq!(beside.passphrase().unwrap().state(), PassphraseState::Locked, "the program beside must not write the old one back");
    let restarted = chosen.started().await;
    assert_eq!(restarted.passphrase().unwrap().open(phrase(ONE)).await.unwrap_err().code, E_PASSPHRASE_WRONG);
    assert_eq!(chosen.works(&restarted, "conn").await, Err(E_PASSPHRASE_NEEDED));
    restarted.passphrase().unwrap().open(phrase(OTHER)).await.unwrap();
    assert_eq!(chosen.works(&restarted, "conn").await, Ok(200));
    assert!(chosen.shelf.held.lock().unwrap().is_empty(), "the keychain was not used");
}

#[tokio::test]
async fn the_key_moves_from_the_keychain_to_the_vault_and_back_and_the_old_place_is_erased() {
    let chosen = Chosen::new().await;
    let vault = chosen.started().await;
    chosen.signs_in(&vault, "conn").await;
    let rows = chosen.sealed().await;
    assert_eq!(chosen.shelf.held.lock().unwrap().len(), 1);

    // Not set up: nothing is changed.
    assert_eq!(vault.choose(KeptWhere::Passphrase, Leaving::Nothing).await.unwrap_err().code, E_PASSPHRASE_NEEDED);
    assert_eq!(vault.kept_where(), KeptWhere::Keychain);
    vault.passphrase().unwrap().set_up(phrase(ONE)).await.unwrap();
    assert_eq!(vault.choose(KeptWhere::Passphrase, Leaving::Nothing).await.unwrap(), None);
    assert!(chosen.shelf.held.lock().unwrap().is_empty());
    assert_eq!(chosen.works(&vault, "conn").await, Ok(200));

    let restarted = chosen.started().await;
    assert_eq!(restarted.keychain_status().await, KeychainStatus::Passphrase(PassphraseState::Locked));
    restarted.passphrase().unwrap().open(phrase(ONE)).await.unwrap();
    assert_eq!(chosen.works(&restarted, "conn").await, Ok(200));
    assert_eq!(restarted.describe("conn").await.unwrap()[0].kept_where, KeptWhere::Passphrase);

    assert_eq!(restarted.choose(KeptWhere::Keychain, Leaving::Nothing).await.unwrap(), None);
    assert_eq!(chosen.shelf.held.lock().unwrap().len(), 1);
    assert!(!file(chosen.world.home.path()).exists());
    assert_eq!(chosen.works(&chosen.started().await, "conn").await, Ok(200));
    assert_eq!(chosen.works(&vault, "conn").await, Ok(200), "a program that runs meanwhile follows");
    assert_eq!(chosen.sealed().await, rows);
}

#[tokio::test]
async fn access_of_a_session_is_kept_when_a_lasting_place_is_chosen() {
    for to in [KeptWhere::Keychain, KeptWhere::Passphrase] {
        let chosen = Chosen::new().await;
        let vault = chosen.started().await;
        chosen.signs_in(&vault, "before").await;
        vault.choose(KeptWhere::SessionOnly, Leaving::Nothing).await.unwrap();
        assert_eq!(vault.describe("before").await.unwrap()[0].state, CredentialState::NeedsReauth);
        assert_eq!(chosen.works(&vault, "before").await, Err(E_KEYCHAIN_ABSENT), "it waits in the keychain");
        chosen.signs_in(&vault, "conn").await;
        if to == KeptWhere::Passphrase {
            vault.passphrase().unwrap().set_up(phrase(ONE)).await.unwrap();
        }
        assert_eq!(vault.choose(to, Leaving::Nothing).await.unwrap(), None);
        let restarted = chosen.started().await;
        if to == KeptWhere::Passphrase {
            restarted.passphrase().unwrap().open(phrase(ONE)).await.unwrap();
        } else {
            assert_eq!(chosen.works(&restarted, "before").await, Ok(200), "two keys in one place");
        }
        assert_eq!(chosen.works(&restarted, "conn").await, Ok(200), "{to:?}");
    }
}

#[tokio::test]
async fn a_move_that_fails_on_either_side_changes_nothing_and_a_failed_erasing_is_told_and_made_up_for() {
    let chosen = Chosen::new().await;
    let vault = chosen.started().await;
    chosen.signs_in(&vault, "conn").await;
    let held = chosen.shelf.held.lock().unwrap().clone();
    vault.passphrase().unwrap().set_up(phrase(ONE)).await.unwrap();
    for (mood, code) in [(Mood::Locked, E_KEYCHAIN_LOCKED), (Mood::Absent, E_KEYCHAIN_ABSENT), (Mood::Vanished, E_KEYCHAIN_KEY_LOST), (Mood::Hanging, E_KEYCHAIN_TIMEOUT)] {
        chosen.shelf.feel(mood.clone());
        assert_eq!(vault.choose(KeptWhere::Passphrase, Leaving::Nothing).await.unwrap_err().code, code, "{mood:?}");
        assert_eq!(authorization::chosen(&chosen.world.pool).await.unwrap(), KeptWhere::Keychain);
    }
    chosen.shelf.feel(Mood::Fine);
    assert_eq!(*chosen.shelf.held.lock().unwrap(), held);

    // The keychain is gone for good: the person goes on without its key.
    chosen.shelf.feel(Mood::Absent);
    assert_eq!(vault.choose(KeptWhere::Passphrase, Leaving::Keys).await.unwrap(), None);
    let described = vault.describe("conn").await.unwrap().pop().unwrap();
    assert_eq!(described.state, CredentialState::NeedsReauth);
    assert!(described.reason.unwrap().contains("keychain"));
    chosen.signs_in(&vault, "conn").await;
    assert_eq!(chosen.works(&vault, "conn").await, Ok(200));

    // A keychain that takes nothing: the key stays in the vault.
    chosen.shelf.feel(Mood::Forgetful);
    assert_eq!(vault.choose(KeptWhere::Keychain, Leaving::Nothing).await.unwrap_err().code, E_KEYCHAIN_ABSENT);
    assert_eq!(chosen.works(&vault, "conn").await, Ok(200));
    chosen.shelf.feel(Mood::Fine);
    assert_eq!(vault.choose(KeptWhere::Keychain, Leaving::Nothing).await.unwrap(), None);
    assert_eq!(chosen.works(&vault, "conn").await, Ok(200));
    assert_eq!(chosen.shelf.held.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_lost_vault_turns_connections_and_application_secrets_into_enter_again_and_loses_nothing_else() {
    let chosen = Chosen::new().await;
    let vault = chosen.started().await;
    vault.passphrase().unwrap().set_up(phrase(ONE)).await.unwrap();
    vault.choose(KeptWhere::Passphrase, Leaving::Nothing).await.unwrap();
    chosen.signs_in(&vault, "conn").await;
    std::fs::remove_file(file(chosen.world.home.path())).unwrap();
    let restarted = chosen.started().await;
    assert_eq!(restarted.unlock().await.unwrap_err().code, E_PASSPHRASE_NEEDED);
    // An empty vault in its place does not hold the key, and no new one is made over old rows.
    restarted.passphrase().unwrap().set_up(phrase(OTHER)).await.unwrap();
    assert_eq!(restarted.unlock().await.unwrap_err().code, E_KEYCHAIN_KEY_LOST);
    restarted.start_over().await.unwrap();
    let described = restarted.describe("conn").await.unwrap().pop().unwrap();
    assert_eq!((described.state, described.tenant.name.as_str()), (CredentialState::NeedsReauth, "Harbour Street Bakery"));
    assert_eq!(chosen.works(&restarted, "conn").await, Err(E_SIGN_IN_EXPIRED));
    chosen.signs_in(&restarted, "conn").await;
    assert_eq!(chosen.works(&restarted, "conn").await, Ok(200));
}

#[tokio::test]
async fn nothing_of_passphrase_or_key_is_in_any_file_or_error() {
    let chosen = Chosen::new().await;
    let vault = chosen.started().await;
    chosen.signs_in(&vault, "conn").await;
    let key = chosen.shelf.held.lock().unwrap().values().next().unwrap().clone();
    vault.passphrase().unwrap().set_up(phrase(ONE)).await.unwrap();
    vault.choose(KeptWhere::Passphrase, Leaving::Nothing).await.unwrap();
    let mut files = 0;
    for entry in std::fs::read_dir(chosen.world.home.path()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let bytes = std::fs::read(&entry).unwrap();
        files += 1;
        for secret in [ONE.as_bytes(), &key[3..]] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", entry.display());
        }
        #[cfg(unix)]
        if entry.to_string_lossy().contains("passphrase-vault") {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&entry).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
    assert!(files >= 2);
    assert_eq!(format!("{:?}", phrase(ONE)), "Passphrase(hidden)");
}

const CHILD: &str = "CHANGEOVER_TEST_PASSPHRASE_CHILD";

/// Not a test of its own: changes the passphrase back and forth until it is killed. Without the variable it has nothing to do.
#[tokio::test]
async fn child_process_that_changes_the_passphrase() {
    let Some(home) = std::env::var_os(CHILD) else { return };
    let vault = vault_file(Path::new(&home));
    let (mut old, mut new) = match vault.open(phrase(ONE)).await {
        Ok(()) => (ONE, OTHER),
        Err(_) => (OTHER, ONE),
    };
    println!("\n@changing");
    loop {
        vault.change(phrase(old), phrase(new)).await.unwrap();
        std::mem::swap(&mut old, &mut new);
    }
}

#[tokio::test]
async fn whenever_a_change_of_passphrase_is_killed_the_old_or_the_new_one_opens_it() {
    use tokio::io::{AsyncBufReadExt, BufReader};
    const RUNS: u64 = 12;
    let home = tempfile::tempdir().unwrap();
    vault_file(home.path()).set_up(phrase(ONE)).await.unwrap();
    for run in 0..RUNS {
        let mut child = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "passphrase::child_process_that_changes_the_passphrase", "--nocapture"])
            .env(CHILD, home.path())
            .stdout(std::process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while lines.next_line().await.unwrap().expect("it came so far") != "@changing" {}
        tokio::time::sleep(Duration::from_millis(37 * (run + 1))).await;
        child.kill().await.unwrap();
        let vault = vault_file(home.path());
        let opened = [vault.open(phrase(ONE)).await.is_ok(), vault.open(phrase(OTHER)).await.is_ok()];
        assert_eq!(opened.iter().filter(|opened| **opened).count(), 1, "run {run}");
    }
}
