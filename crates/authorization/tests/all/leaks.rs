//! Unique secrets go through every flow; afterwards they must be in no text and in no file.

use practice::authority::OnRefresh;
use crate::support::*;
use authorization::*;
use base64::Engine;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A secret as it might be spelled in a file.
fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let b = secret.as_bytes();
    let utf16: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let escaped: String = url::form_urlencoded::byte_serialize(b).collect();
    let mut all = vec![
        b.to_vec(),
        hex::encode(b).into_bytes(),
        hex::encode_upper(b).into_bytes(),
        utf16,
        escaped.into_bytes(),
    ];
    for engine in [
        &base64::engine::general_purpose::STANDARD_NO_PAD,
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
    ] {
        // Whatever stands before it shifts base64 by 0, 1 or 2 bytes; the ends depend on neighbours and are cut.
        for shift in 0..3 {
            let text = engine.encode(&b[shift..]);
            all.push(text.as_bytes()[..text.len() - 3].to_vec());
        }
    }
    all
}

fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push((path.display().to_string(), std::fs::read(&path).unwrap())),
        }
    }
}

// Check 47.
#[tokio::test]
async fn secrets_are_in_no_text_and_in_no_file() {
    let shelf = Shelf::default();
    let world = World::with_keychain(Keychain::with_store(shelf.clone(), std::time::Duration::from_secs(20))).await;
    let texts = Arc::new(Mutex::new(Vec::<String>::new()));
    let heard = texts.clone();
    let say = move |text: String| heard.lock().unwrap().push(text);

    // Every flow that touches secrets: sign-in, forged and pasted answers, renewal, loss, another company, retiring.
    let told = say.clone();
    let controls = Controls::new();
    let paste = controls.clone();
    let browser = Browser::that(move |answer| {
        let paste = paste.clone();
        async move {
            let mut forged = answer.clone();
            forged.query_pairs_mut().append_pair("state", "again");
            visit(&forged).await;
            paste.paste(forged.to_string());
            visit(&answer).await;
        }
    });
    // The page that a person has to open carries the state, and nothing else may.
    let hear = move |event| match &event {
        SignInEvent::Waiting { .. } => {}
        SignInEvent::BrowserOpened
        | SignInEvent::BrowserNotOpened(_)
        | SignInEvent::StrangeAnswer(_)
        | SignInEvent::PasteRefused(_)
        | SignInEvent::Answered
        | SignInEvent::AskingWhichCompany => told(format!("{event:?}")),
    };
    let grant = authorize(world.request(&OLD), &browser, &hear, &controls)
        .await
        .unwrap_or_else(|p| panic!("{p}"));
    browser.done().await;
    let state = browser
        .opened
        .lock()
        .unwrap()
        .clone()
        .unwrap()
        .query_pairs()
        .find(|(n, _)| n == "state")
        .unwrap()
        .1
        .into_owned();
    world.fake.seen.lock().unwrap().secrets.push(state);
    say(format!("{:?} {}", grant.facts(), serde_json::to_string(grant.facts()).unwrap()));
    world.vault.save("conn", grant).await.unwrap();

    let signer = world.signer().await;
    world.days_pass(8);
    let signed = signer.apply(world.payments()).await.unwrap();
    say(format!("{signed:?}"));
    say(format!("{:?}", signer.send(world.payments()).await.unwrap()));
    say(format!(
        "{:?}",
        signer.send(client().get("https://example.org/")).await.unwrap_err()
    ));
    world.fake.rule(|rules| rules.merchant = ("MLOTHER".into(), "Quay Coffee".into()));
    let mut request = world.request(&OLD);
    request.expect_tenant = Some(Tenant {
        id: "MLHARBOUR".into(),
        name: "Harbour Street Bakery".into(),
    });
    let follow = Browser::that(|answer| async move { drop(visit(&answer).await) });
    let problem = authorize(request, &follow, &|_| {}, &Controls::new()).await.err().unwrap();
    say(format!("{problem} {problem:?}"));
    for mode in [OnRefresh::RotateThenCut, OnRefresh::Portal, OnRefresh::Rotate] {
        world.days_pass(40);
        world.fake.rule(|rules| rules.on_refresh = mode);
        let problem = signer.send(world.payments()).await.unwrap_err();
        say(format!("{problem} {problem:?}"));
    }
    let described = world.vault.describe_all().await.unwrap();
    say(format!("{described:?} {}", serde_json::to_string(&described).unwrap()));
    let master = String::from_utf8(shelf.held.lock().unwrap().values().next().unwrap().clone()).unwrap();
    let master = master.strip_prefix("v1:").unwrap().to_string();
    let master_bytes = base64::engine::general_purpose::STANDARD.decode(&master).unwrap();

    let mut places = Vec::new();
    files(world.home.path(), &mut places);
    assert!(
        places
            .iter()
            .any(|(name, bytes)| name.ends_with("store.db-wal") && !bytes.is_empty()),
        "the write-ahead log is searched too"
    );
    world.vault.retire("conn", 1, &world.provider, here_only()).await.unwrap();
    world.pool.close().await;
    files(world.home.path(), &mut places);
    for (at, text) in texts.lock().unwrap().iter().enumerate() {
        places.push((format!("text {at}"), text.clone().into_bytes()));
    }
    let mut secrets = world.fake.seen.lock().unwrap().secrets.clone();
    assert!(secrets.len() > 10);
    secrets.push(master);
    let mut needles: Vec<Vec<u8>> = secrets.iter().flat_map(|secret| spellings(secret)).collect();
    needles.push(hex::encode(&master_bytes).into_bytes());
    needles.push(master_bytes);
    for (place, bytes) in &places {
        for needle in &needles {
            assert!(
                !bytes.windows(needle.len()).any(|window| window == needle.as_slice()),
                "{} in {place}",
                String::from_utf8_lossy(needle)
            );
        }
    }
}

#[test]
fn the_search_for_secrets_finds_what_it_is_made_for() {
    let secret = "CANARY-access-0123456789abcdef";
    for prefix in ["", "x", "xy"] {
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{prefix}{secret}!!"));
        let hit = spellings(secret)
            .iter()
            .any(|n| encoded.as_bytes().windows(n.len()).any(|w| w == n.as_slice()));
        assert!(hit, "{prefix}");
    }
}
