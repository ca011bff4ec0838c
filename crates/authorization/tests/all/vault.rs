//! Sealed access: keys, canaries, generations.

use crate::support::*;
use authorization::keychain::KeptWhere;
use authorization::problems::*;
use authorization::*;
use std::time::{Duration, Instant};

fn shelf_keychain(shelf: &Shelf) -> Keychain {
    Keychain::with_store(shelf.clone(), Duration::from_millis(400))
}

// Check 46.
#[tokio::test]
async fn access_survives_a_restart_and_a_new_sign_in_stands_beside_the_old() {
    let world = World::new().await;
    let old = world.connected().await;
    assert_eq!(old.send(world.payments()).await.unwrap().status(), 200);
    let restarted = world.another_vault().await;
    let signer = restarted
        .signer("conn", Which::Current, &world.provider, &world.endpoints)
        .await
        .unwrap();
    assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200);

    let grant = world.grant(&NEW).await;
    assert_eq!(world.vault.save("conn", grant).await.unwrap(), 2);
    let states = |all: Vec<Described>| all.into_iter().map(|d| (d.generation, d.state)).collect::<Vec<_>>();
    assert_eq!(
        states(world.vault.describe("conn").await.unwrap()),
        [(1, CredentialState::Superseded), (2, CredentialState::Active)]
    );
    assert_eq!(world.signer().await.generation(), 2);
    assert_eq!(
        old.send(world.payments()).await.unwrap().status(),
        200,
        "usable until it is retired"
    );

    world.vault.reinstate("conn", 1).await.unwrap();
    assert_eq!(world.signer().await.generation(), 1);
    world.vault.reinstate("conn", 2).await.unwrap();
    world.vault.retire("conn", 1, &world.provider, here_only()).await.unwrap();
    world.vault.retire("conn", 1, &world.provider, here_only()).await.unwrap();
    assert_eq!(old.send(world.payments()).await.unwrap_err().code, E_CREDENTIAL_NONE);
    assert_eq!(world.vault.reinstate("conn", 1).await.unwrap_err().code, E_CREDENTIAL_NONE);
    assert_eq!(
        states(world.vault.describe("conn").await.unwrap()),
        [(1, CredentialState::Retired), (2, CredentialState::Active)]
    );
    let blob: Vec<u8> = sqlx::query_scalar("SELECT sealed FROM credential WHERE generation = 1")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert!(blob.is_empty());
}

#[tokio::test]
async fn what_is_described_says_everything_but_the_secret() {
    let world = World::new().await;
    let signer = world.connected().await;
    signer.send(world.payments()).await.unwrap();
    let described = world.described().await;
    assert_eq!(described.tenant.name, "Harbour Street Bakery");
    assert_eq!(described.permissions, OLD);
    assert_eq!(described.environment, Environment::Practice);
    assert_eq!(described.kept_where, KeptWhere::Keychain);
    assert_eq!(described.last_used, Some((world.clock())()));
    assert!(described.access_expires.is_some() && described.refresh_expires.is_some());
    assert_eq!(signer.tenant().await.unwrap().id, "MLHARBOUR");
}

// Check 45.
#[tokio::test]
async fn disconnecting_erases_here_and_says_what_remains_to_be_done_at_the_provider() {
    let world = World::new().await;
    let signer = world.connected().await;
    world.vault.save("conn", world.grant(&NEW).await).await.unwrap();
    let revocation = world.vault.disconnect("conn", &world.provider, here_only()).await.unwrap();
    assert_eq!((revocation.erased, revocation.ended_at_provider), (2, false));
    assert!(revocation.page.starts_with("https://") && !revocation.page_says.is_empty());
    assert_eq!(signer.send(world.payments()).await.unwrap_err().code, E_CREDENTIAL_NONE);
    let none = world
        .vault
        .signer("conn", Which::Current, &world.provider, &world.endpoints)
        .await
        .err()
        .unwrap();
    assert_eq!(none.code, E_CREDENTIAL_NONE);
    assert_eq!(
        world.vault.save("conn", world.grant(&OLD).await).await.unwrap(),
        3,
        "the same company may come back"
    );
}

// Check 32.
#[tokio::test]
async fn a_token_goes_to_its_own_provider_and_environment_only() {
    let world = World::new().await;
    let signer = world.connected().await;
    for elsewhere in [
        "http://127.0.0.1:1/v2/payments",
        "https://connect.squareup.com/v2/payments",
        "http://localhost/v2/payments",
    ] {
        assert_eq!(
            signer.send(client().get(elsewhere)).await.unwrap_err().code,
            E_CREDENTIAL_HOST,
            "{elsewhere}"
        );
    }
    let live = world.provider.endpoints(Environment::Production).unwrap();
    let refused = world
        .vault
        .signer("conn", Which::Current, &world.provider, &live)
        .await
        .err()
        .unwrap();
    assert_eq!(refused.code, E_CREDENTIAL_NONE);
    assert!(refused.why[0].contains("practice") && refused.why[0].contains("production"));
}

#[tokio::test]
async fn a_row_moved_to_another_connection_or_company_does_not_open() {
    let world = World::new().await;
    world.connected().await;
    for (column, value) in [
        ("connection_id", "other"),
        ("tenant_id", "MLOTHER"),
        ("client_id", "sq0idp-other"),
        ("generation", "7"),
    ] {
        let mut undo = world.pool.begin().await.unwrap();
        let statement = format!("UPDATE credential SET {column} = '{value}'");
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut *undo).await.unwrap();
        undo.commit().await.unwrap();
        let vault = world.another_vault().await;
        let (connection, generation) = (
            if column == "connection_id" { "other" } else { "conn" },
            if column == "generation" { 7 } else { 1 },
        );
        let signer = vault
            .signer(connection, Which::Generation(generation), &world.provider, &world.endpoints)
            .await
            .unwrap();
        assert_eq!(
            signer.send(world.payments()).await.unwrap_err().code,
            E_CREDENTIAL_UNREADABLE,
            "{column}"
        );
        sqlx::query("UPDATE credential SET connection_id = 'conn', tenant_id = 'MLHARBOUR', client_id = 'sq0idp-practice', generation = 1")
            .execute(&world.pool)
            .await
            .unwrap();
    }
    assert_eq!(world.signer().await.send(world.payments()).await.unwrap().status(), 200);
    assert_eq!(world.fake.seen.lock().unwrap().api_calls, 1);
}

#[tokio::test]
async fn a_vanished_keychain_never_leads_to_a_new_key_over_old_data() {
    let shelf = Shelf::default();
    let world = World::with_keychain(shelf_keychain(&shelf)).await;
    world.connected().await;
    let kept = shelf.held.lock().unwrap().clone();
    assert_eq!(kept.len(), 1, "one key for the installation");
    let blob = || async {
        sqlx::query_scalar::<_, Vec<u8>>("SELECT sealed FROM credential")
            .fetch_one(&world.pool)
            .await
            .unwrap()
    };
    let sealed = blob().await;

    shelf.feel(Mood::Vanished);
    let vault = world.another_vault().await;
    assert_eq!(vault.unlock().await.unwrap_err().code, E_KEYCHAIN_KEY_LOST);
    let grant = world.grant(&NEW).await;
    assert_eq!(vault.save("conn", grant).await.unwrap_err().code, E_KEYCHAIN_KEY_LOST);
    assert_eq!(vault.describe("conn").await.unwrap().len(), 1, "describing needs no key");
    assert_eq!(blob().await, sealed);
    assert_eq!(*shelf.held.lock().unwrap(), kept);

    shelf.feel(Mood::Fine);
    vault.unlock().await.unwrap();
    let signer = vault
        .signer("conn", Which::Current, &world.provider, &world.endpoints)
        .await
        .unwrap();
    assert_eq!(
        signer.send(world.payments()).await.unwrap().status(),
        200,
        "the key came back and everything works"
    );

    // Another key under the same name is not ours either.
    let wrong = kept
        .keys()
        .map(|name| (name.clone(), b"v1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_vec()))
        .collect();
    *shelf.held.lock().unwrap() = wrong;
    assert_eq!(world.another_vault().await.unlock().await.unwrap_err().code, E_KEYCHAIN_KEY_LOST);
}

#[tokio::test]
async fn starting_over_after_a_lost_key_turns_connections_into_sign_in_again_and_loses_nothing_else() {
    let shelf = Shelf::default();
    let world = World::with_keychain(shelf_keychain(&shelf)).await;
    world.connected().await;
    world.vault.start_over().await.unwrap();
    assert_eq!(
        world.described().await.state,
        CredentialState::Active,
        "nothing happens while the key is there"
    );
    let old = std::mem::take(&mut *shelf.held.lock().unwrap());
    let vault = world.another_vault().await;
    assert_eq!(vault.unlock().await.unwrap_err().code, E_KEYCHAIN_KEY_LOST);
    vault.start_over().await.unwrap();
    let described = vault.describe("conn").await.unwrap().pop().unwrap();
    assert_eq!(described.state, CredentialState::NeedsReauth);
    assert_eq!(described.tenant.name, "Harbour Street Bakery");
    let signer = vault
        .signer("conn", Which::Current, &world.provider, &world.endpoints)
        .await
        .unwrap();
    assert_eq!(signer.send(world.payments()).await.unwrap_err().code, E_SIGN_IN_EXPIRED);
    assert_eq!(vault.save("conn", world.grant(&OLD).await).await.unwrap(), 2);
    let signer = vault
        .signer("conn", Which::Current, &world.provider, &world.endpoints)
        .await
        .unwrap();
    assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200);
    assert!(
        shelf.held.lock().unwrap().keys().all(|name| !old.contains_key(name)),
        "the old name is never reused"
    );
}

// Check 38.
#[tokio::test]
async fn a_locked_or_missing_keychain_is_told_as_such_and_works_once_it_is_back() {
    let shelf = Shelf::default();
    let world = World::with_keychain(shelf_keychain(&shelf)).await;
    for (mood, code, status) in [
        (Mood::Locked, E_KEYCHAIN_LOCKED, KeychainStatus::Locked),
        (
            Mood::Absent,
            E_KEYCHAIN_ABSENT,
            KeychainStatus::Absent("Absent(\"no session bus\")".into()),
        ),
        (Mood::Forgetful, E_KEYCHAIN_ABSENT, KeychainStatus::Available),
    ] {
        shelf.feel(mood);
        assert_eq!(world.vault.keychain_status().await, status);
        assert_eq!(world.vault.unlock().await.unwrap_err().code, code);
        assert_eq!(world.vault.save("conn", world.grant(&OLD).await).await.unwrap_err().code, code);
        assert!(world.vault.describe("conn").await.unwrap().is_empty());
    }
    shelf.feel(Mood::Fine);
    assert_eq!(world.vault.unlock().await.unwrap(), KeptWhere::Keychain);
    world.connected().await;
}

// Check 38.
#[tokio::test]
async fn a_hanging_keychain_ends_at_its_deadline_and_who_gave_up_is_not_served_later() {
    let shelf = Shelf::default();
    let world = World::with_keychain(Keychain::with_store(shelf.clone(), Duration::from_millis(40))).await;
    shelf.feel(Mood::Hanging);
    let begun = Instant::now();
    for _ in 0..3 {
        assert_eq!(world.vault.unlock().await.unwrap_err().code, E_KEYCHAIN_TIMEOUT);
    }
    assert_eq!(
        world.vault.keychain_status().await,
        KeychainStatus::Locked,
        "it waits for a person, so it is there"
    );
    assert!(begun.elapsed() < Duration::from_secs(10));
    shelf.feel(Mood::Fine);
    until_answering(&world.keychain).await;
    assert_eq!(
        shelf.reads.load(std::sync::atomic::Ordering::SeqCst),
        1,
        "only the one that was under way"
    );
    assert!(shelf.held.lock().unwrap().is_empty());
    world.vault.unlock().await.unwrap();
}

// Check 38.
#[tokio::test]
async fn a_key_that_the_keychain_wrote_too_late_is_adopted_not_doubled() {
    let shelf = Shelf::default();
    let world = World::with_keychain(Keychain::with_store(shelf.clone(), Duration::from_millis(40))).await;
    shelf.feel(Mood::HangingOnWrite);
    assert_eq!(world.vault.unlock().await.unwrap_err().code, E_KEYCHAIN_TIMEOUT);
    shelf.feel(Mood::Fine);
    until_answering(&world.keychain).await;
    let late = shelf.held.lock().unwrap().clone();
    assert_eq!(late.len(), 1);
    world.vault.unlock().await.unwrap();
    assert_eq!(*shelf.held.lock().unwrap(), late);
}

async fn until_answering(keychain: &Keychain) {
    while keychain.status().await != KeychainStatus::Available {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_session_only_keychain_keeps_access_for_the_session_and_says_so() {
    let world = World::with_keychain(Keychain::session_only()).await;
    assert_eq!(world.vault.keychain_status().await, KeychainStatus::SessionOnly);
    let signer = world.connected().await;
    assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200);
    assert_eq!(
        (world.described().await.kept_where, world.described().await.state),
        (KeptWhere::SessionOnly, CredentialState::Active)
    );

    // The next session has an empty memory.
    let World {
        fake: _fake,
        home,
        pool,
        now,
        provider,
        endpoints,
        ..
    } = world;
    let setup = || VaultSetup {
        installation_id: "installation-1".into(),
        locks: home.path().join("locks"),
        clock: clock(&now),
    };
    let next = Vault::open(pool, Keychain::session_only(), setup());
    let described = next.describe("conn").await.unwrap().pop().unwrap();
    assert_eq!(described.state, CredentialState::NeedsReauth);
    assert!(described.reason.unwrap().contains("session"));
    let signer = next.signer("conn", Which::Current, &provider, &endpoints).await.unwrap();
    assert_eq!(
        signer
            .send(client().get(endpoints.api_base.join(practice::authority::READ).unwrap()))
            .await
            .unwrap_err()
            .code,
        E_SIGN_IN_EXPIRED
    );
}

#[tokio::test]
async fn a_session_without_keychain_leaves_what_the_keychain_sealed_alone() {
    let world = World::new().await;
    world.connected().await;
    let before = world.vault.describe("conn").await.unwrap();
    let setup = VaultSetup {
        installation_id: "installation-1".into(),
        locks: world.home.path().join("locks"),
        clock: world.clock(),
    };
    let session = Vault::open(world.pool.clone(), Keychain::session_only(), setup);
    session.unlock().await.unwrap();
    let signer = session
        .signer("conn", Which::Current, &world.provider, &world.endpoints)
        .await
        .unwrap();
    assert_eq!(signer.send(world.payments()).await.unwrap_err().code, E_KEYCHAIN_ABSENT);
    assert_eq!(session.describe("conn").await.unwrap(), before);
    assert_eq!(world.another_vault().await.unlock().await.unwrap(), KeptWhere::Keychain);
}

#[tokio::test]
async fn two_programs_that_start_together_make_one_key() {
    let shelf = Shelf::default();
    let world = World::with_keychain(shelf_keychain(&shelf)).await;
    let mut vaults = Vec::new();
    for _ in 0..8 {
        vaults.push(world.another_vault().await);
    }
    let tasks: Vec<_> = vaults
        .into_iter()
        .map(|vault| tokio::spawn(async move { vault.unlock().await.unwrap() }))
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let keys: i64 = sqlx::query_scalar("SELECT count(*) FROM credential_key")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!((shelf.held.lock().unwrap().len(), keys), (1, 1));
}

// Check 37.
#[tokio::test]
async fn a_crash_between_keychain_and_canary_leaves_a_key_that_serves() {
    let shelf = Shelf::default();
    let world = World::with_keychain(shelf_keychain(&shelf)).await;
    world.vault.unlock().await.unwrap();
    sqlx::query("DELETE FROM credential_key").execute(&world.pool).await.unwrap();
    let before = shelf.held.lock().unwrap().clone();
    let vault = world.another_vault().await;
    vault.unlock().await.unwrap();
    assert_eq!(*shelf.held.lock().unwrap(), before);
    // Something under our name that is no key of ours is left alone too.
    sqlx::query("DELETE FROM credential_key").execute(&world.pool).await.unwrap();
    shelf
        .held
        .lock()
        .unwrap()
        .values_mut()
        .for_each(|held| *held = b"somebody else's".to_vec());
    world.another_vault().await.unlock().await.unwrap();
    assert_eq!(shelf.held.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_named_secret_opens_under_its_own_name_and_key_only() {
    let world = World::new().await;
    let sealed = world.vault.seal_named("backup place", &"CANARY-place".into()).await.unwrap();
    assert!(!sealed.contains("CANARY") && !sealed.contains(&hex::encode("CANARY")));
    let opened = world.another_vault().await.open_named("backup place", &sealed).await.unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(&opened), "CANARY-place");
    let mut changed = sealed.clone();
    changed.pop();
    for (name, text) in [
        ("another", sealed.as_str()),
        ("backup place", &changed),
        ("backup place", "nonsense"),
    ] {
        let problem = world.vault.open_named(name, text).await.err().unwrap();
        assert_eq!(problem.code, E_CREDENTIAL_UNREADABLE);
        assert!(!problem.to_string().contains("CANARY"));
    }
    world.vault.erase_key().await.unwrap();
    assert_eq!(
        world.vault.open_named("backup place", &sealed).await.err().unwrap().code,
        E_KEYCHAIN_KEY_LOST
    );
}

#[tokio::test]
async fn erasing_the_key_ends_every_access_here() {
    let shelf = Shelf::default();
    let world = World::with_keychain(shelf_keychain(&shelf)).await;
    let signer = world.connected().await;
    world.vault.erase_key().await.unwrap();
    assert!(shelf.held.lock().unwrap().is_empty());
    assert_eq!(signer.send(world.payments()).await.unwrap_err().code, E_SIGN_IN_EXPIRED);
}

#[tokio::test]
async fn an_unknown_stored_value_or_a_newer_store_stops() {
    let world = World::new().await;
    world.connected().await;
    sqlx::query("UPDATE credential SET state = 'sleeping'")
        .execute(&world.pool)
        .await
        .unwrap();
    assert_eq!(world.vault.describe("conn").await.unwrap_err().code, E_CREDENTIAL_UNREADABLE);
    migrate(&world.pool).await.unwrap();
    sqlx::query("UPDATE credential_schema SET version = 1000")
        .execute(&world.pool)
        .await
        .unwrap();
    assert_eq!(migrate(&world.pool).await.unwrap_err().code, E_CREDENTIAL_STORE);
}

#[cfg(unix)]
#[tokio::test]
async fn lock_files_are_private_to_the_user() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new().await;
    world.connected().await;
    world.vault.retire("conn", 1, &world.provider, here_only()).await.unwrap();
    let locks = world.home.path().join("locks");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&locks), 0o700);
    let files: Vec<_> = std::fs::read_dir(&locks).unwrap().map(|f| f.unwrap().path()).collect();
    assert_eq!(files.len(), 2);
    assert!(files.iter().all(|file| mode(file) == 0o600));
}
