//! Renewing access: rotation, races, lost answers.

use practice::authority::OnRefresh;
use crate::support::*;
use authorization::problems::*;
use authorization::*;
use std::sync::Arc;

// Check 40, 42.
#[tokio::test]
async fn access_is_renewed_ahead_of_time_and_the_new_refresh_token_is_kept() {
    let world = World::new().await;
    let signer = world.connected().await;
    assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200);
    assert_eq!(world.fake.refreshes(), 0, "nothing is due yet");
    for round in 1..=6 {
        world.days_pass(8);
        assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200);
        assert_eq!(world.fake.refreshes(), round);
        assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200);
        assert_eq!(world.fake.refreshes(), round, "once is enough");
    }
    assert_eq!(world.fake.seen.lock().unwrap().reuses, 0);
    let described = world.described().await;
    assert_eq!(described.renewed_at, (world.clock())());
    assert_eq!(
        described.access_expires.unwrap().duration_since((world.clock())()).as_hours(),
        30 * 24
    );
    // A new program finds the last renewal.
    let signer = world
        .another_vault()
        .await
        .signer("conn", Which::Current, &world.provider, &world.endpoints)
        .await
        .unwrap();
    assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200);
    assert_eq!(world.fake.refreshes(), 6);
}

// Check 40.
#[tokio::test]
async fn an_answer_without_a_new_refresh_token_keeps_the_old_one() {
    let world = World::new().await;
    let signer = world.connected().await;
    world.fake.rule(|rules| rules.on_refresh = OnRefresh::KeepRefreshToken);
    for round in 1..=3 {
        world.days_pass(8);
        assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200);
        assert_eq!(world.fake.refreshes(), round);
    }
}

// Check 34.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_callers_at_once_cause_one_renewal() {
    let world = Arc::new(World::new().await);
    let signer = Arc::new(world.connected().await);
    world.days_pass(40);
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (world, signer) = (world.clone(), signer.clone());
            tokio::spawn(async move { signer.send(world.payments()).await.unwrap().status().as_u16() })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), 200);
    }
    assert_eq!(world.fake.refreshes(), 1);
}

// Check 35.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_programs_on_one_store_cause_one_renewal_and_both_end_healthy() {
    let world = Arc::new(World::new().await);
    world.connected().await;
    let mut signers = Vec::new();
    for _ in 0..6 {
        let vault = world.another_vault().await;
        signers.push(
            vault
                .signer("conn", Which::Current, &world.provider, &world.endpoints)
                .await
                .unwrap(),
        );
    }
    for round in 1..=3 {
        world.days_pass(8);
        let mut tasks = Vec::new();
        for signer in std::mem::take(&mut signers) {
            let world = world.clone();
            tasks.push(tokio::spawn(async move {
                let status = signer.send(world.payments()).await.unwrap().status().as_u16();
                (signer, status)
            }));
        }
        for task in tasks {
            let (signer, status) = task.await.unwrap();
            assert_eq!(status, 200);
            signers.push(signer);
        }
        assert_eq!(world.fake.refreshes(), round);
    }
    assert_eq!(world.fake.seen.lock().unwrap().reuses, 0);
}

// Check 29.
#[tokio::test]
async fn a_refused_request_renews_once_and_is_sent_again() {
    let world = World::new().await;
    let signer = world.connected().await;
    // The provider forgot this access token although its time is not up; the clock here knows nothing of it.
    world.fake.forget_access();
    assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200);
    assert_eq!(world.fake.refreshes(), 1);

    world.fake.forget_access();
    let request = signer.apply(world.payments()).await.unwrap();
    assert_eq!(request.send().await.unwrap().status(), 401);
    signer.on_unauthorized().await.unwrap();
    signer.on_unauthorized().await.unwrap();
    assert_eq!(world.fake.refreshes(), 2, "the second report finds the renewal of the first");
    assert_eq!(signer.apply(world.payments()).await.unwrap().send().await.unwrap().status(), 200);
}

// Check 34.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_refused_requests_cause_one_renewal() {
    let world = Arc::new(World::new().await);
    let signer = Arc::new(world.connected().await);
    world.fake.forget_access();
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (world, signer) = (world.clone(), signer.clone());
            tokio::spawn(async move { signer.send(world.payments()).await.unwrap().status().as_u16() })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), 200);
    }
    assert_eq!(world.fake.refreshes(), 1);
}

#[tokio::test]
async fn access_that_stays_refused_after_a_renewal_ends_and_does_not_loop() {
    let world = World::new().await;
    let signer = world.connected().await;
    world.fake.rule(|rules| rules.refuse_all_access = true);
    assert_eq!(signer.send(world.payments()).await.unwrap_err().code, E_SIGN_IN_EXPIRED);
    for _ in 0..5 {
        assert_eq!(signer.send(world.payments()).await.unwrap_err().code, E_SIGN_IN_EXPIRED);
    }
    assert_eq!((world.fake.refreshes(), world.fake.seen.lock().unwrap().api_calls), (1, 2));
    assert_eq!(world.described().await.state, CredentialState::NeedsReauth);
}

// Check 37, 39.
#[tokio::test]
async fn a_lost_answer_after_rotation_ends_as_sign_in_again_with_the_true_reason_and_never_loops() {
    for mode in [OnRefresh::RotateThenCut, OnRefresh::RotateThenGatewayError] {
        let world = World::new().await;
        let signer = world.connected().await;
        world.days_pass(40);
        world.fake.rule(|rules| rules.on_refresh = mode);
        assert_eq!(signer.send(world.payments()).await.unwrap_err().code, E_SIGN_IN_NETWORK, "{mode:?}");
        assert_eq!(world.described().await.state, CredentialState::Active, "not known yet");
        assert_eq!(signer.send(world.payments()).await.unwrap_err().code, E_SIGN_IN_NETWORK);
        assert_eq!(world.fake.refreshes(), 1, "a pause lies between attempts");

        world.fake.rule(|rules| rules.on_refresh = OnRefresh::Rotate);
        world.seconds_pass(60);
        // A new program, as after a crash: the mark tells it what happened.
        let vault = world.another_vault().await;
        let signer = vault
            .signer("conn", Which::Current, &world.provider, &world.endpoints)
            .await
            .unwrap();
        let problem = signer.send(world.payments()).await.unwrap_err();
        assert_eq!(problem.code, E_SIGN_IN_EXPIRED);
        assert!(problem.why[0].contains("lost on the way"), "{problem}");
        let described = world.described().await;
        assert_eq!(described.state, CredentialState::NeedsReauth);
        assert!(described.reason.unwrap().contains("lost on the way"));
        for _ in 0..5 {
            world.days_pass(1);
            assert_eq!(signer.send(world.payments()).await.unwrap_err().code, E_SIGN_IN_EXPIRED);
        }
        assert_eq!(world.fake.refreshes(), 2, "a refused renewal is never tried again");
        // Signing in again mends it.
        assert_eq!(vault.save("conn", world.grant(&OLD).await).await.unwrap(), 2);
        assert_eq!(world.signer().await.send(world.payments()).await.unwrap().status(), 200);
    }
}

// Check 37.
#[tokio::test]
async fn a_crash_before_the_request_left_recovers() {
    let world = World::new().await;
    world.connected().await;
    world.days_pass(40);
    sqlx::query("UPDATE credential SET refresh_started = '2026-10-01T00:00:00Z'")
        .execute(&world.pool)
        .await
        .unwrap();
    assert_eq!(world.signer().await.send(world.payments()).await.unwrap().status(), 200);
    let mark: Option<String> = sqlx::query_scalar("SELECT refresh_started FROM credential")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!((world.fake.refreshes(), mark), (1, None));
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_lose_the_renewal() {
    let world = World::new().await;
    let signer = world.connected().await;
    world.days_pass(8);
    // Give up as soon as the renewal has reached the provider.
    let fake = world.fake.clone();
    let arrived = async move {
        while fake.refreshes() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = arrived => {}
        _ = signer.send(world.payments()) => {}
    }
    assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200);
    assert_eq!((world.fake.refreshes(), world.fake.seen.lock().unwrap().reuses), (1, 0));
}

// Check 41.
#[tokio::test]
async fn a_log_in_page_of_a_network_or_a_busy_provider_is_not_a_refusal() {
    let world = World::new().await;
    let signer = world.connected().await;
    world.days_pass(8);
    for (mode, pause) in [(OnRefresh::Portal, 31), (OnRefresh::Busy, 121), (OnRefresh::ForgotTheApp, 61)] {
        world.fake.rule(|rules| rules.on_refresh = mode);
        let before = world.fake.refreshes();
        for _ in 0..3 {
            assert_eq!(
                signer.send(world.payments()).await.unwrap().status(),
                200,
                "renewing early may fail: {mode:?}"
            );
        }
        assert_eq!(world.fake.refreshes(), before + 1, "{mode:?}");
        assert_eq!(world.described().await.state, CredentialState::Active);
        world.seconds_pass(pause);
    }
    world.days_pass(30);
    world.fake.rule(|rules| rules.on_refresh = OnRefresh::ForgotTheApp);
    assert_eq!(
        signer.send(world.payments()).await.unwrap_err().code,
        E_SIGN_IN_APP,
        "the app's fault, not the person's"
    );
    world.seconds_pass(61);
    world.fake.rule(|rules| rules.on_refresh = OnRefresh::Rotate);
    assert_eq!(
        signer.send(world.payments()).await.unwrap().status(),
        200,
        "and it recovers by itself"
    );
}

// Check 30.
#[tokio::test]
async fn renewed_access_of_another_company_is_thrown_away() {
    let world = World::new().await;
    let signer = world.connected().await;
    world.days_pass(40);
    world.fake.rule(|rules| rules.on_refresh = OnRefresh::OtherMerchant);
    assert_eq!(signer.send(world.payments()).await.unwrap_err().code, E_SIGN_IN_EXPIRED);
    assert_eq!(world.described().await.tenant.id, "MLHARBOUR");
}

// Check 36.
#[tokio::test]
async fn a_refusal_is_adopted_as_success_when_somebody_else_renewed_meanwhile() {
    let world = World::new().await;
    let signer = world.connected().await;
    signer.send(world.payments()).await.unwrap();
    world.days_pass(8);
    // Another program renews while this one still holds the old access in memory.
    let other = world
        .another_vault()
        .await
        .signer("conn", Which::Current, &world.provider, &world.endpoints)
        .await
        .unwrap();
    assert_eq!(other.send(world.payments()).await.unwrap().status(), 200);
    signer.on_unauthorized().await.unwrap();
    assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200);
    assert_eq!((world.fake.refreshes(), world.fake.seen.lock().unwrap().reuses), (1, 0));
}

// Check 36.
#[tokio::test]
async fn a_loser_adopts_the_winners_access_when_its_own_renewal_is_refused() {
    let world = World::new().await;
    let signer = world.connected().await;
    world.days_pass(40);
    let gate = Arc::new(tokio::sync::Notify::new());
    world.fake.rule(|rules| {
        rules.gate = Some(gate.clone());
        rules.reuse_kills = false;
    });
    // A program that does not honour our lock (a network folder without locks) renews while our request is under way.
    let other = world.vault_without_our_lock().await;
    let other = other
        .signer("conn", Which::Current, &world.provider, &world.endpoints)
        .await
        .unwrap();
    let winning = async {
        while world.fake.refreshes() == 0 {
            tokio::task::yield_now().await;
        }
        let status = other.send(world.payments()).await.unwrap().status();
        gate.notify_one();
        status
    };
    let (lost, won) = tokio::join!(signer.send(world.payments()), winning);
    assert_eq!((lost.unwrap().status().as_u16(), won.as_u16()), (200, 200));
    assert_eq!((world.fake.refreshes(), world.fake.seen.lock().unwrap().reuses), (2, 1));
    assert_eq!(world.described().await.state, CredentialState::Active);
}

// Check 29.
#[tokio::test]
async fn a_clock_that_is_wrong_by_hours_neither_loops_nor_locks_out() {
    let world = World::new().await;
    let signer = world.connected().await;
    world.seconds_pass(-10 * 3600);
    assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200);
    world.fake.rule(|rules| rules.on_refresh = OnRefresh::Busy);
    world.days_pass(40);
    assert_eq!(signer.send(world.payments()).await.unwrap_err().code, E_SIGN_IN_NETWORK);
    // Set back by two days: the pause now seems to lie far ahead, and must not count.
    world.fake.rule(|rules| rules.on_refresh = OnRefresh::Rotate);
    world.days_pass(-2);
    assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200);
    assert_eq!(world.fake.refreshes(), 2);
}

// Check 38.
#[tokio::test]
async fn renewed_tokens_that_cannot_be_written_are_kept_and_written_later() {
    let world = World::new().await;
    let signer = world.connected().await;
    world.days_pass(40);
    // As if the disk were full at exactly this moment.
    let refuse = "CREATE TRIGGER full BEFORE UPDATE OF sealed ON credential BEGIN SELECT raise(FAIL, 'disk full'); END";
    sqlx::query(refuse).execute(&world.pool).await.unwrap();
    for _ in 0..2 {
        let problem = signer.send(world.payments()).await.unwrap_err();
        assert_eq!(problem.code, E_CREDENTIAL_NOT_SAVED);
        assert!(problem.next.contains("Leave Changeover open"));
    }
    assert_eq!(world.fake.refreshes(), 1, "no further renewal before the last one is safe");
    sqlx::query("DROP TRIGGER full").execute(&world.pool).await.unwrap();
    assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200);
    let signer = world
        .another_vault()
        .await
        .signer("conn", Which::Current, &world.provider, &world.endpoints)
        .await
        .unwrap();
    assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200);
    assert_eq!((world.fake.refreshes(), world.fake.seen.lock().unwrap().reuses), (1, 0));
}

#[tokio::test]
async fn signing_takes_well_under_a_millisecond_beside_the_request() {
    let world = World::new().await;
    let signer = world.connected().await;
    drop(signer.apply(world.payments()).await.unwrap());
    let begun = std::time::Instant::now();
    let http = client();
    let address = world.fake.base.join(practice::authority::READ).unwrap();
    for _ in 0..1000 {
        drop(signer.apply(http.get(address.clone())).await.unwrap());
    }
    let each = begun.elapsed() / 1000;
    println!("signing one request: {each:?}");
    assert!(
        each < std::time::Duration::from_millis(5),
        "{each:?} (a debug build on a busy computer; the goal is 1 ms)"
    );
}
