//! Ending access at a provider whose file says that a request can: what is sent, what an answer means, and that erasing here never waits for it.

use crate::support::*;
use authorization::provider::RevocationKind;
use authorization::*;
use practice::RetryAfter;
use practice::authority::{Door, Ends, Hitch, How, Revocation};

/// A provider like Square, at which a request without a secret can end access.
async fn world() -> World {
    let mut world = World::new().await;
    world.provider.revocation.possible = true;
    world.provider.revocation.kind = RevocationKind::Rfc7009;
    world.fake.rule(|rules| {
        rules.revocation = Revocation::Rfc7009;
        rules.revocation_needs_secret = false;
    });
    world
}

fn refuses(world: &World, times: usize, status: u16, retry_after: RetryAfter) {
    let hitch = Hitch { door: Door::Revoke, how: How::Status(status, retry_after) };
    world.fake.rule(|rules| rules.hitches.extend(vec![hitch; times]));
}

fn at_provider(world: &World) -> EndAt {
    EndAt::Provider(Box::new(world.endpoints.clone()))
}

fn sealed(row: &Described) -> bool {
    row.state != CredentialState::Retired
}

// Check 45.
#[tokio::test]
async fn disconnecting_ends_each_access_at_the_provider_by_its_refresh_token_and_erases_it_here() {
    let world = world().await;
    let signer = world.connected().await;
    signer.send(world.payments()).await.unwrap();
    world.vault.save("conn", world.grant(&NEW).await).await.unwrap();
    let done = world.vault.disconnect("conn", &world.provider, at_provider(&world)).await.unwrap();
    assert_eq!((done.erased, done.ended_at_provider, done.why.as_str()), (2, true, ""));
    assert!(!done.says().contains(&done.page_says), "nothing is left for the person to do");
    let asked = world.fake.seen.lock().unwrap().revocations.clone();
    assert_eq!(asked.len(), 2);
    for body in &asked {
        assert!(body["token"].as_str().unwrap().starts_with("CANARY-refresh"), "a refresh token ends what it could renew");
        assert_eq!(body["token_type_hint"], "refresh_token");
    }
    assert!(!world.vault.describe("conn").await.unwrap().iter().any(sealed));
    let again = world.vault.disconnect("conn", &world.provider, at_provider(&world)).await.unwrap();
    assert_eq!((again.erased, again.ended_at_provider), (0, false));
    assert_eq!(world.fake.seen.lock().unwrap().revocations.len(), 2, "an erased access cannot be named");
}

// With 503 the token must be taken to live (RFC 7009, 2.2.1).
// Check 45.
#[tokio::test]
async fn a_busy_provider_is_asked_again_when_it_says_and_not_for_ever() {
    let world = world().await;
    world.connected().await;
    refuses(&world, 1, 503, RetryAfter::Seconds(1));
    refuses(&world, 1, 429, RetryAfter::Date(1));
    let done = world.vault.disconnect("conn", &world.provider, at_provider(&world)).await.unwrap();
    assert!(done.ended_at_provider, "{}", done.why);
    assert_eq!(world.fake.seen.lock().unwrap().revocations.len(), 3);

    world.connected().await;
    refuses(&world, 3, 503, RetryAfter::Seconds(1));
    let done = world.vault.disconnect("conn", &world.provider, at_provider(&world)).await.unwrap();
    assert_eq!((done.erased, done.ended_at_provider), (1, false));
    assert_eq!(world.fake.seen.lock().unwrap().revocations.len(), 6, "three times, and no more");
    assert!(done.says().contains("busy") && done.says().contains(&done.page_says), "{}", done.says());

    // Nobody waits for longer than a person would; a provider that does not say how long is one that may take minutes.
    for retry_after in [RetryAfter::Absent, RetryAfter::Seconds(600), RetryAfter::Date(600)] {
        world.connected().await;
        refuses(&world, 1, 503, retry_after);
        let before = world.fake.seen.lock().unwrap().revocations.len();
        let done = world.vault.disconnect("conn", &world.provider, at_provider(&world)).await.unwrap();
        assert!(!done.ended_at_provider && done.why.contains("busy"), "{}", done.why);
        assert_eq!(world.fake.seen.lock().unwrap().revocations.len(), before + 1, "it is told at once, not asked again");
    }
}

// Check 45.
#[tokio::test]
async fn whatever_the_provider_answers_the_access_is_erased_here_and_the_person_is_told_where_to_end_it() {
    for (status, says) in [(400, "status 400"), (401, "status 401"), (302, "status 302"), (500, "status 500")] {
        let world = world().await;
        world.connected().await;
        refuses(&world, 1, status, RetryAfter::Absent);
        let done = world.vault.disconnect("conn", &world.provider, at_provider(&world)).await.unwrap();
        assert_eq!((done.erased, done.ended_at_provider), (1, false), "{status} is no success");
        assert!(done.says().contains(says) && done.says().contains(&done.page_says), "{}", done.says());
        assert!(!done.says().contains("CANARY"));
        assert!(!world.vault.describe("conn").await.unwrap().iter().any(sealed));
    }
    let mut world = world().await;
    world.connected().await;
    world.endpoints.revoke = Some("http://127.0.0.1:1/revoke".parse().unwrap());
    let done = world.vault.disconnect("conn", &world.provider, at_provider(&world)).await.unwrap();
    assert_eq!((done.erased, done.ended_at_provider), (1, false));
    assert!(done.why.contains("could not be reached"), "{}", done.why);
}

// Check 46.
#[tokio::test]
async fn the_old_access_is_not_ended_at_the_provider_where_that_could_end_the_new_one() {
    let world = world().await;
    world.connected().await;
    world.vault.save("conn", world.grant(&NEW).await).await.unwrap();
    let why = "It could end the new one.".to_string();
    let done = world.vault.retire("conn", 1, &world.provider, EndAt::HereOnly(why.clone())).await.unwrap();
    assert_eq!((done.erased, done.ended_at_provider, &done.why), (1, false, &why));
    assert!(world.fake.seen.lock().unwrap().revocations.is_empty());
    world.signer().await.send(world.payments()).await.unwrap();
    // Where only the token itself ends, the old one is ended, and the new one goes on.
    world.fake.rule(|rules| rules.ends = Ends::Token);
    world.vault.save("conn", world.grant(&NEW).await).await.unwrap();
    let done = world.vault.retire("conn", 2, &world.provider, at_provider(&world)).await.unwrap();
    assert!(done.ended_at_provider, "{}", done.why);
    world.signer().await.send(world.payments()).await.unwrap();
}
