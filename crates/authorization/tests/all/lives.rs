//! When access ends: lives in every spelling, the last day, many at once, and access without the means to renew it.

use crate::answers::{follow, in_seconds, over, shape};
use practice::authority::OnRefresh;
use crate::support::*;
use authorization::problems::*;
use authorization::*;
use serde_json::{Value, json};
use std::sync::Arc;

// Check 27.
#[tokio::test]
async fn a_sign_in_without_the_means_to_renew_it_is_not_taken_for_a_whole_one() {
    let world = World::new().await;
    for nothing in [None, Some(json!(null)), Some(json!(""))] {
        shape(&world, move |answer| match &nothing {
            None => drop(answer.as_object_mut().unwrap().remove("refresh_token")),
            Some(nothing) => answer["refresh_token"] = nothing.clone(),
        });
        let problem = authorize(world.request(&OLD), &follow(), &|_| {}, &Controls::new()).await.err().unwrap();
        assert_eq!(problem.code, E_SIGN_IN_PROVIDER);
        assert!(problem.why[0].contains("renew"), "{problem}");
    }
}

// Check 29.
#[tokio::test]
async fn an_end_in_any_spelling_neither_loses_the_renewed_access_nor_renews_without_end() {
    let huge = json!(u64::MAX);
    for (told, life) in [
        (Some(json!(300)), 300),
        (Some(json!("300")), 300),
        (Some(json!(300.0)), 300),
        (Some(json!(7200)), 7200),
        // What is absent or cannot be true leaves the documented life.
        (None, 300),
        (Some(Value::Null), 300),
        (Some(json!(0)), 300),
        (Some(json!("0")), 300),
        (Some(json!(-1)), 300),
        (Some(json!("-300")), 300),
        (Some(json!("soon")), 300),
        (Some(json!({"seconds": 5})), 300),
        (Some(json!(1e300)), 300),
        (Some(huge), 300),
    ] {
        let mut world = World::new().await;
        world.provider = in_seconds();
        let what = format!("{told:?}");
        shape(&world, move |answer| match &told {
            Some(told) => answer["expires_in"] = told.clone(),
            None => drop(answer.as_object_mut().unwrap().remove("expires_in")),
        });
        let signer = world.connected().await;
        for round in 1..=2 {
            world.seconds_pass(life - 61);
            assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200, "{what}");
            assert_eq!(world.fake.refreshes(), round - 1, "{what}: a minute before the end is not due yet");
            world.seconds_pass(1);
            for _ in 0..3 {
                assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200, "{what}");
            }
            assert_eq!(world.fake.refreshes(), round, "{what}");
        }
        assert_eq!(world.fake.seen.lock().unwrap().reuses, 0, "{what}");
    }
}

// Check 29.
#[tokio::test]
async fn an_instant_in_any_spelling_neither_loses_the_renewed_access_nor_renews_without_end() {
    for (field, told) in [
        ("expires_at", None),
        ("expires_at", Some(json!(""))),
        ("expires_at", Some(json!("soon"))),
        ("expires_at", Some(json!(1_900_000_000))),
        ("expires_at", Some(json!("2001-01-01T00:00:00Z"))),
        ("expires_at", Some(json!("99999-01-01T00:00:00Z"))),
        ("refresh_token_expires_at", Some(json!("soon"))),
        ("refresh_token_expires_at", Some(json!(5))),
        ("refresh_token_expires_at", None),
        ("expires_in", Some(json!("CANARY"))),
    ] {
        let (world, signer) = over().await;
        let what = format!("{field} {told:?}");
        shape(&world, move |answer| match &told {
            Some(told) => answer[field] = told.clone(),
            None => drop(answer.as_object_mut().unwrap().remove(field)),
        });
        for _ in 0..3 {
            let answer = signer.send(world.payments()).await.unwrap_or_else(|problem| panic!("{what}: {problem}"));
            assert_eq!(answer.status(), 200, "{what}");
        }
        assert_eq!(world.fake.refreshes(), 1, "{what}");
        world.days_pass(8);
        assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200, "{what}");
        assert_eq!((world.fake.refreshes(), world.fake.seen.lock().unwrap().reuses), (2, 0), "{what}");
    }
}

// Check 42.
#[tokio::test]
async fn a_computer_that_slept_past_the_last_day_says_so() {
    let world = World::new().await;
    let signer = world.connected().await;
    world.days_pass(100);
    world.fake.rule(|rules| rules.on_refresh = OnRefresh::Ended);
    let problem = signer.send(world.payments()).await.unwrap_err();
    assert_eq!(problem.code, E_SIGN_IN_EXPIRED);
    assert!(problem.why[0].contains("ran out"), "{problem}");
    assert!(!problem.why[0].contains("used elsewhere"), "its time was up, and that is known: {problem}");
}

// Check 43.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_connections_that_are_due_at_once_are_renewed_a_few_at_a_time() {
    let world = Arc::new(World::new().await);
    for number in 0..50 {
        world.vault.save(&format!("conn-{number}"), world.grant(&OLD).await).await.unwrap();
    }
    world.days_pass(40);
    world.fake.rule(|rules| rules.dwell_ms = 20);
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let world = world.clone();
            tokio::spawn(async move {
                let connection = format!("conn-{number}");
                let signer = world.vault.signer(&connection, Which::Current, &world.provider, &world.endpoints).await.unwrap();
                signer.send(world.payments()).await.unwrap().status().as_u16()
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), 200);
    }
    let seen = world.fake.seen.lock().unwrap();
    assert_eq!((seen.refreshes, seen.reuses), (50, 0));
    let allowed = usize::try_from(world.provider.limits.parallel).unwrap();
    assert!(seen.renewing_most <= allowed, "{} at a time, {allowed} are allowed", seen.renewing_most);
}
