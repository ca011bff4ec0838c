//! Signing in at the practice Square, attacked the ways real ones are.

mod common;

use common::{ALL, NEW_VERSION, OLD, Reader, VERIFIER, ask, authorize_url, client, redeem, refresh, serve_small, sign_in};
use jiff::SignedDuration;
use practice::{Consent, Faults, ServeOptions, Story, World, serve};
use serde_json::json;

#[tokio::test]
async fn allowing_gives_tokens_in_squares_shape_with_its_lifetimes() {
    let served = serve_small(Story::AllGoesWell).await;
    let tokens = sign_in(&served, OLD, Consent::Allow).await;
    assert_eq!(tokens["merchant_id"], served.world().merchant_id());
    assert_eq!(tokens["token_type"], "bearer");
    assert_eq!(tokens["short_lived"], false);
    let until = served.world().until();
    let at = |name: &str| {
        tokens[name]
            .as_str()
            .and_then(|text| text.parse::<jiff::Timestamp>().ok())
            .expect(name)
    };
    assert_eq!(at("expires_at"), until + SignedDuration::from_hours(30 * 24));
    assert_eq!(at("refresh_token_expires_at"), until + SignedDuration::from_hours(90 * 24));

    let token = tokens["access_token"].as_str().expect("a token");
    let status = client()
        .post(format!("{}/oauth2/token/status", served.base_url))
        .bearer_auth(token)
        .send()
        .await;
    let status: serde_json::Value = status.expect("an answer").json().await.expect("JSON");
    assert_eq!(status["scopes"], json!(["MERCHANT_PROFILE_READ", "PAYMENTS_READ", "PAYOUTS_READ"]));
    assert_eq!(status["client_id"], practice::CLIENT_ID);
}

#[tokio::test]
async fn denying_sends_access_denied_back() {
    let served = serve_small(Story::AllGoesWell).await;
    let (_, back) = ask(&served, ALL, Consent::Deny).await;
    assert_eq!(back["error"], "access_denied");
    assert!(!back.contains_key("code"));
}

#[tokio::test]
async fn a_code_with_the_wrong_verifier_is_worth_nothing_even_afterwards() {
    let served = serve_small(Story::AllGoesWell).await;
    let (_, back) = ask(&served, OLD, Consent::Allow).await;
    let (status, answer) = redeem(&served, &back["code"], "not-the-verifier-not-the-verifier-not-the-ver").await;
    assert_eq!((status, answer["error"].as_str()), (400, Some("invalid_grant")));
    assert_eq!(redeem(&served, &back["code"], VERIFIER).await.0, 400);
}

#[tokio::test]
async fn a_code_used_twice_ends_the_whole_sign_in() {
    let served = serve_small(Story::AllGoesWell).await;
    let (_, back) = ask(&served, OLD, Consent::Allow).await;
    let (_, tokens) = redeem(&served, &back["code"], VERIFIER).await;
    assert_eq!(redeem(&served, &back["code"], VERIFIER).await.0, 400);
    assert_eq!(served.stats().codes_reused, 1);
    let (status, _) = refresh(&served, tokens["refresh_token"].as_str().expect("a token")).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_code_lives_five_minutes() {
    let served = serve_small(Story::AllGoesWell).await;
    let (_, back) = ask(&served, OLD, Consent::Allow).await;
    served.set_now(served.now() + SignedDuration::from_secs(301));
    assert_eq!(redeem(&served, &back["code"], VERIFIER).await.0, 400);
}

#[tokio::test]
async fn a_refresh_token_used_twice_ends_the_whole_sign_in() {
    let served = serve_small(Story::AllGoesWell).await;
    let first = sign_in(&served, OLD, Consent::Allow).await;
    let first_refresh = first["refresh_token"].as_str().expect("a token");
    let (status, second) = refresh(&served, first_refresh).await;
    assert_eq!(status, 200);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    let (status, answer) = refresh(&served, first_refresh).await;
    assert_eq!((status, answer["error"].as_str()), (400, Some("invalid_grant")));
    assert_eq!(refresh(&served, second["refresh_token"].as_str().expect("a token")).await.0, 400);
    let token = second["access_token"].as_str().expect("a token").to_owned();
    let reader = Reader {
        client: client(),
        base_url: served.base_url.clone(),
        token,
        version: NEW_VERSION,
    };
    let (status, answer) = reader.get("/v2/payments").await;
    assert_eq!((status, answer["errors"][0]["code"].as_str()), (401, Some("ACCESS_TOKEN_REVOKED")));
    assert_eq!(served.stats().tokens_reused, 1);
}

#[tokio::test]
async fn tokens_age_on_the_practice_clock() {
    let served = serve_small(Story::AllGoesWell).await;
    let tokens = sign_in(&served, OLD, Consent::Allow).await;
    let token = tokens["access_token"].as_str().expect("a token").to_owned();
    let reader = Reader {
        client: client(),
        base_url: served.base_url.clone(),
        token,
        version: NEW_VERSION,
    };
    assert_eq!(reader.get("/v2/payments").await.0, 200);
    served.set_now(served.now() + SignedDuration::from_hours(31 * 24));
    let (status, answer) = reader.get("/v2/payments").await;
    assert_eq!((status, answer["errors"][0]["code"].as_str()), (401, Some("ACCESS_TOKEN_EXPIRED")));
    assert_eq!(refresh(&served, tokens["refresh_token"].as_str().expect("a token")).await.0, 200);
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let served = serve_small(Story::AllGoesWell).await;
    for redirect in [
        "http://127.0.0.1:4000/other",
        "http://127.0.0.1:4000/callback/",
        "http://localhost:4000/callback",
        "https://127.0.0.1:4000/callback",
        "http://127.0.0.1:4000@evil.example/callback",
        "http://127.0.0.1:/callback",
        "http://evil.example/callback",
    ] {
        let answer = client().get(authorize_url(&served, redirect, OLD)).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 400, "{redirect}");
        assert!(!answer.headers().contains_key("location"));
    }
}

#[tokio::test]
async fn the_challenge_must_be_s256_and_the_permissions_known() {
    let served = serve_small(Story::AllGoesWell).await;
    let good = authorize_url(&served, "http://127.0.0.1:4000/callback", OLD);
    for (bad, error) in [
        (good.replace("S256", "plain"), "invalid_request"),
        (good.replace("code_challenge=", "challenge="), "invalid_request"),
        (good.replace("PAYOUTS_READ", "EVERYTHING_WRITE"), "invalid_scope"),
        (
            good.replace("response_type=code", "response_type=token"),
            "unsupported_response_type",
        ),
    ] {
        let answer = client().get(&bad).send().await.expect("an answer");
        let location = answer.headers()["location"].to_str().expect("an address").to_owned();
        assert!(location.contains(error), "{location}");
    }
}

#[tokio::test]
async fn the_page_is_harmless_and_its_form_can_be_answered_once() {
    let served = serve_small(Story::AllGoesWell).await;
    let url = authorize_url(&served, "http://127.0.0.1:4000/callback", ALL);
    let answer = client().get(&url).send().await.expect("an answer");
    let policy = answer.headers()["content-security-policy"].to_str().expect("a policy").to_owned();
    assert!(policy.starts_with("default-src 'none'"));
    let page = answer.text().await.expect("a page");
    assert!(page.contains("Harbour Street Bakery") && page.contains("Practice") && !page.contains("<script"));
    let start = page.find("name=\"request\" value=\"").expect("a request") + 22;
    let request = &page[start..start + page[start..].find('"').expect("an end")];
    let body = format!("request={request}&answer=deny");
    let target = format!("{}/oauth2/authorize", served.base_url);
    let send = || {
        client()
            .post(&target)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.clone())
            .send()
    };
    assert_eq!(send().await.expect("an answer").status().as_u16(), 302);
    assert_eq!(send().await.expect("an answer").status().as_u16(), 400);
}

#[tokio::test]
async fn stories_meet_the_second_sign_in_once_and_never_the_first() {
    for (story, check) in [
        (Story::WrongCompany, "merchant"),
        (Story::ConsentRefused, "refused"),
        (Story::FewerPermissions, "scopes"),
    ] {
        let served = serve_small(story).await;
        let first = sign_in(&served, OLD, Consent::Allow).await;
        let (_, back) = ask(&served, ALL, Consent::Allow).await;
        match check {
            "refused" => assert_eq!(back["error"], "access_denied"),
            "merchant" => {
                let (_, tokens) = redeem(&served, &back["code"], VERIFIER).await;
                assert_ne!(tokens["merchant_id"], first["merchant_id"]);
            }
            _ => {
                let (_, tokens) = redeem(&served, &back["code"], VERIFIER).await;
                let token = tokens["access_token"].as_str().expect("a token").to_owned();
                let reader = Reader {
                    client: client(),
                    base_url: served.base_url.clone(),
                    token,
                    version: NEW_VERSION,
                };
                assert_eq!(reader.get("/v2/disputes").await.0, 403);
            }
        }
        let third = sign_in(&served, ALL, Consent::Allow).await;
        assert_eq!(third["merchant_id"], first["merchant_id"], "{story}: the next try goes well");
    }
}

#[tokio::test]
async fn fewer_permissions_ticked_are_fewer_permissions_given() {
    let served = serve_small(Story::AllGoesWell).await;
    let keep = Consent::AllowFewer(vec!["MERCHANT_PROFILE_READ".into(), "PAYMENTS_READ".into()]);
    let tokens = sign_in(&served, ALL, keep).await;
    let token = tokens["access_token"].as_str().expect("a token").to_owned();
    let reader = Reader {
        client: client(),
        base_url: served.base_url.clone(),
        token,
        version: NEW_VERSION,
    };
    assert_eq!(reader.get("/v2/payments").await.0, 200);
    assert_eq!(reader.get("/v2/payouts").await.0, 403);
}

#[tokio::test]
async fn an_answer_lost_after_the_rotation_leaves_the_old_token_dead() {
    let served = serve_small(Story::AllGoesWell).await;
    let tokens = sign_in(&served, OLD, Consent::Allow).await;
    served.set_faults(Faults {
        lose_token_answers: 1,
        ..Faults::none()
    });
    let old = tokens["refresh_token"].as_str().expect("a token");
    let body = json!({ "client_id": practice::CLIENT_ID, "grant_type": "refresh_token", "refresh_token": old });
    let lost = client()
        .post(format!("{}/oauth2/token", served.base_url))
        .json(&body)
        .send()
        .await
        .expect("it begins");
    assert!(lost.text().await.is_err());
    assert_eq!(refresh(&served, old).await.0, 400);
}

#[tokio::test]
async fn revoking_needs_a_secret_that_a_program_here_does_not_have() {
    let served = serve_small(Story::AllGoesWell).await;
    let (status, _) = common::post(&served, "/oauth2/revoke", json!({ "client_id": practice::CLIENT_ID })).await;
    assert_eq!(status, 401);
    sign_in(&served, OLD, Consent::Allow).await;
    served.end_sign_ins().expect("ended");
}

#[tokio::test]
async fn sign_ins_outlast_a_restart_and_no_token_is_on_the_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("sign-ins.json");
    let start = || async {
        let world = World::small(7, 30);
        let mut options = ServeOptions::new(Story::AllGoesWell, world.until());
        options.state_file = Some(state.clone());
        serve(world, options).await.expect("it starts")
    };
    let served = start().await;
    let tokens = sign_in(&served, OLD, Consent::Allow).await;
    served.shutdown().await;
    let served = start().await;
    let (status, renewed) = refresh(&served, tokens["refresh_token"].as_str().expect("a token")).await;
    assert_eq!(status, 200, "{renewed}");
    let written = std::fs::read_to_string(&state).expect("the file");
    for secret in ["access_token", "refresh_token"] {
        assert!(!written.contains(tokens[secret].as_str().expect("a token")));
        assert!(!written.contains(renewed[secret].as_str().expect("a token")));
    }
}
