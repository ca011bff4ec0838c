//! Fences that stand before anything is asked: what a provider's file may not say, what the page may not open, what
//! belongs to another environment or company, and secrets that have no spelling.

use crate::support::*;
use authorization::problems::*;
use authorization::provider::{CredentialKind, Pkce};
use authorization::*;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

const SQUARE: &str = include_str!("../../../../catalog/providers/square.toml");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, found),
            false if path.extension().is_some_and(|kind| kind == "rs") => {
                found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
            }
            false => {}
        }
    }
}

// Check 2.
#[test]
fn nothing_relies_on_a_proof_that_a_provider_does_not_check() {
    for provider in providers().unwrap() {
        let pkce = provider.sign_in().map(|facts| facts.pkce);
        match provider.kind() {
            // Without a secret the proof is all there is.
            CredentialKind::OauthPkce => assert_eq!(pkce, Some(Pkce::Required), "{}", provider.name),
            CredentialKind::OauthOwnApp => assert!(pkce.is_some(), "{}", provider.name),
            CredentialKind::ApiKey | CredentialKind::ClientCredentials => assert_eq!(pkce, None, "{}", provider.name),
        }
    }
    let relying = SQUARE.replace("pkce = \"required\"", "pkce = \"sent\"");
    assert!(Provider::parse("square.toml", &relying).err().unwrap().why[0].contains("it must be \"required\""));
}

// Check 3.
#[test]
fn a_fixed_parameter_can_take_the_place_of_none_of_the_protocols_own() {
    for name in [
        "client_id",
        "redirect_uri",
        "state",
        "scope",
        "response_type",
        "code_challenge",
        "code_challenge_method",
    ] {
        let text = SQUARE.replacen("{ session = \"false\" }", &format!("{{ {name} = \"mine\" }}"), 1);
        let problem = Provider::parse("square.toml", &text).err().unwrap_or_else(|| panic!("{name} is taken"));
        assert!(problem.why.iter().any(|why| why.contains(&format!("extra: {name} belongs to the protocol"))), "{problem}");
    }
}

// Check 5.
#[test]
fn the_page_of_the_window_can_open_no_address() {
    let capabilities = std::fs::read_dir(root().join("src-tauri/capabilities")).unwrap();
    let mut permissions = 0;
    for file in capabilities {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let told: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(told.get("remote").is_none(), "no page from elsewhere may ask anything");
        for permission in told["permissions"].as_array().unwrap() {
            let name = permission.as_str().unwrap_or_else(|| permission["identifier"].as_str().unwrap());
            let opens = ["opener", "shell", "http", "fs", "webview", "window:"].iter().any(|part| name.contains(part));
            assert!(!opens || name == "allow-window-ready", "{name}");
            permissions += 1;
        }
    }
    assert!(permissions > 20);
    let mut found = Vec::new();
    sources(&root().join("src-tauri/src"), &mut found);
    let opening: Vec<&String> = found.iter().filter(|(_, text)| text.contains("open_url") || text.contains("open_path")).map(|(name, _)| name).collect();
    assert!(opening.len() == 1 && opening[0].ends_with("system.rs"), "{opening:?}");
    // What the page may say when it starts a sign-in holds no address.
    let mut api = Vec::new();
    sources(&root().join("crates/api/src"), &mut api);
    let arguments: Vec<&str> = api.iter().filter_map(|(_, text)| text.split("pub struct ReconnectStartArgs {").nth(1)?.split('}').next()).collect();
    assert_eq!(arguments.len(), 1);
    assert!(!["url", "address", "page", "host", "redirect"].iter().any(|word| arguments[0].contains(word)), "{}", arguments[0]);
}

// Check 24.
#[test]
fn there_is_no_discovery_addresses_come_from_checked_files_only() {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 15);
    for (name, text) in &found {
        for word in ["well-known", "openid-configuration", "registration_endpoint", "device_code", "device_authorization"] {
            assert!(!text.contains(word), "{name} speaks of {word}; then it needs the checks of its own");
        }
    }
    for field in ["issuer", "discovery", "configuration", "jwks"] {
        let text = SQUARE.replacen("name = \"production\"", &format!("name = \"production\"\n{field} = \"https://connect.squareup.com\""), 1);
        let problem = Provider::parse("square.toml", &text).err().unwrap_or_else(|| panic!("{field} is taken"));
        assert!(problem.why[0].contains("unknown field"), "{problem}");
    }
    for address in ["http://connect.squareup.com/oauth2/token", "https://connect.squareup.com.evil.example/oauth2/token"] {
        let text = SQUARE.replacen("https://connect.squareup.com/oauth2/token", address, 1);
        assert!(Provider::parse("square.toml", &text).is_err(), "{address}");
    }
}

// Check 32.
#[tokio::test]
async fn a_sign_in_to_the_test_world_never_takes_the_place_of_one_for_live_money() {
    let world = World::new().await;
    let signer = world.connected().await;
    let before = world.vault.describe("conn").await.unwrap();
    for environment in [Environment::Sandbox, Environment::Production] {
        let mut request = world.request(&NEW);
        request.endpoints.environment = environment;
        request.expect_tenant = Some(before[0].tenant.clone());
        let browser = Browser::that(|answer| async move { drop(visit(&answer).await) });
        let grant = authorize(request, &browser, &|_| {}, &Controls::new()).await.unwrap();
        let problem = world.vault.save("conn", grant).await.unwrap_err();
        assert_eq!(problem.code, E_SIGN_IN_OTHER_COMPANY);
        assert!(problem.why[0].contains(environment.name()), "{problem}");
    }
    assert_eq!(world.vault.describe("conn").await.unwrap(), before);
    assert_eq!(signer.send(world.payments()).await.unwrap().status(), 200);
}

// Check 33.
#[tokio::test]
async fn a_colleague_who_may_do_less_does_not_quietly_take_over() {
    let world = World::new().await;
    let old = world.connected().await;
    let tenant = world.described().await.tenant;
    world.fake.rule(|rules| rules.granted = Some(vec!["MERCHANT_PROFILE_READ".into(), "PAYMENTS_READ".into()]));
    let mut request = world.request(&OLD);
    request.expect_tenant = Some(tenant);
    let browser = Browser::that(|answer| async move { drop(visit(&answer).await) });
    let grant = authorize(request, &browser, &|_| {}, &Controls::new()).await.unwrap();
    assert_eq!(grant.facts().missing, ["PAYOUTS_READ"], "known before anything is kept");
    assert_eq!(world.vault.save("conn", grant).await.unwrap(), 2);
    let needed: Vec<String> = OLD.iter().map(|name| name.to_string()).collect();
    let require = |which| world.vault.require("conn", which, &world.provider, &needed);
    assert_eq!(require(Which::Current).await.unwrap_err().code, E_PERMISSION_MISSING);
    require(Which::Generation(1)).await.unwrap();
    world.vault.reinstate("conn", 1).await.unwrap();
    require(Which::Current).await.unwrap();
    assert_eq!(old.send(world.payments()).await.unwrap().status(), 200);
}

// Check 46.
#[tokio::test]
async fn nothing_ends_the_old_access_at_the_provider_when_a_new_one_is_kept() {
    let world = World::new().await;
    let old = world.connected().await;
    world.vault.save("conn", world.grant(&NEW).await).await.unwrap();
    assert_eq!(old.send(world.payments()).await.unwrap().status(), 200);
    world.vault.retire("conn", 1, &world.provider, here_only()).await.unwrap();
    world.days_pass(8);
    assert_eq!(world.signer().await.send(world.payments()).await.unwrap().status(), 200, "the new one outlives the old one");
    world.vault.disconnect("conn", &world.provider, here_only()).await.unwrap();
    // In many places ending one access ends them all; Square cannot be asked to at all without a secret.
    let seen = world.fake.seen.lock().unwrap();
    assert!(seen.strays.is_empty() && seen.revocations.is_empty(), "{:?} {:?}", seen.strays, seen.revocations);
}

struct Probe<T: ?Sized>(PhantomData<T>);

trait Lacks {
    const SHOWN: bool = false;
    const WRITTEN: bool = false;
}

impl<T: ?Sized> Lacks for Probe<T> {}

impl<T: ?Sized + Debug> Probe<T> {
    const SHOWN: bool = true;
}

impl<T: ?Sized + serde::Serialize> Probe<T> {
    const WRITTEN: bool = true;
}

// Check 48.
#[test]
fn what_holds_a_secret_can_be_neither_printed_nor_written() {
    assert!(Probe::<Described>::SHOWN && Probe::<Described>::WRITTEN, "the probe sees what is there");
    assert!(!Probe::<Grant>::SHOWN && !Probe::<Grant>::WRITTEN);
    assert!(!Probe::<Signer>::SHOWN && !Probe::<Signer>::WRITTEN);
    assert!(!Probe::<Vault>::SHOWN && !Probe::<Vault>::WRITTEN);
    assert!(!Probe::<AppSecret>::SHOWN && !Probe::<AppSecret>::WRITTEN);
    assert!(!Probe::<KeyEntry>::SHOWN && !Probe::<KeyEntry>::WRITTEN);
    assert!(!Probe::<Controls>::SHOWN && !Probe::<Controls>::WRITTEN);

    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    for name in ["Tokens", "Open", "Started", "TokenAnswer", "Renewed", "MasterKey", "Sealing", "Grant", "Payload", "Door"] {
        let head = format!("struct {name} ");
        let (tuple, generic) = (format!("struct {name}("), format!("struct {name}<"));
        let held = found.iter().find_map(|(_, text)| {
            let at = [&head, &tuple, &generic].iter().find_map(|head| text.find(head.as_str()))?;
            // The lines above it, up to the last blank line or closing brace.
            let above = &text[..at];
            Some(above[above.rfind("}\n").unwrap_or(0).max(above.rfind("\n\n").unwrap_or(0))..].to_string())
        });
        let above = held.unwrap_or_else(|| panic!("there is no {name}; name what took its place"));
        let derived = above.lines().any(|line| line.trim_start().starts_with("#[derive") && line.contains("Debug"));
        assert!(!derived, "{name} can be printed: {above}");
        let impls = found.iter().any(|(_, text)| text.contains(&format!("Debug for {name}")) || text.contains(&format!("Display for {name}")));
        assert!(!impls, "{name} can be printed");
    }
    let whole: String = found.iter().map(|(_, text)| text.as_str()).collect();
    for word in ["impl Drop for Payload", "Zeroizing", "SecretString"] {
        assert!(whole.contains(word), "{word}");
    }
}

// Check 50.
#[tokio::test]
async fn a_company_name_made_of_markup_stays_text_and_the_windows_policy_runs_nothing_inline() {
    let world = World::new().await;
    let markup = "<img src=x onerror=alert(1)>\u{202E}";
    world.fake.rule(|rules| rules.merchant = ("MLMARKUP".into(), markup.into()));
    world.connected().await;
    assert_eq!(world.described().await.tenant.name, markup, "kept as it is; whoever shows it shows text");
    let shown = world.described().await.tenant.shown();
    assert!(shown.contains("<img src=x onerror=alert(1)>") && !shown.contains('\u{202E}') && !shown.contains("&lt;"), "{shown}");

    let config: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(root().join("src-tauri/tauri.conf.json")).unwrap()).unwrap();
    let policy = config["app"]["security"]["csp"].as_str().unwrap();
    let rules: Vec<&str> = policy.split(';').map(str::trim).collect();
    assert!(rules.contains(&"default-src 'none'") && rules.contains(&"script-src 'self'") && rules.contains(&"style-src 'self'"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("https:"), "{policy}");
    assert_eq!(config["app"]["security"].get("dangerousDisableAssetCspModification"), None);
    assert_eq!(config["app"]["withGlobalTauri"], false);
}

// Check 49.
#[tokio::test]
async fn a_pasted_address_stays_neither_in_the_page_nor_in_what_is_told_about_it() {
    let world = World::new().await;
    let controls = Controls::new();
    let paste = controls.clone();
    let browser = Browser::that(move |answer| {
        let paste = paste.clone();
        async move {
            assert!(paste.paste(format!("{answer}&state=CANARY-doubled")));
            assert!(paste.paste(answer.to_string()));
        }
    });
    let told = std::sync::Mutex::new(String::new());
    let hear = |event| match event {
        // The page that a person has to open is not what was pasted.
        SignInEvent::Waiting { .. } => {}
        SignInEvent::PasteRefused(problem) => told.lock().unwrap().push_str(&format!("{problem} {problem:?}")),
        SignInEvent::BrowserOpened
        | SignInEvent::BrowserNotOpened(_)
        | SignInEvent::StrangeAnswer(_)
        | SignInEvent::Answered
        | SignInEvent::AskingWhichCompany => {}
    };
    authorize(world.request(&OLD), &browser, &hear, &controls).await.unwrap();
    let told = told.into_inner().unwrap();
    assert!(told.contains("E-SIGN-IN-ADDRESS") && !told.contains("CANARY") && !told.contains("127.0.0.1"), "{told}");
    // The field is emptied where the answer was taken, and what comes back from the engine has no room for it.
    let page = std::fs::read_to_string(root().join("ui/src/components/accounts/Reconnect.svelte")).unwrap();
    let taken = page.split("paste_problem === null) {").nth(1).unwrap();
    assert!(taken.split('}').next().unwrap().contains("pasted = \"\""));
    let mut api = Vec::new();
    sources(&root().join("crates/api/src"), &mut api);
    let view = api.iter().find_map(|(_, text)| text.split("pub struct ReconnectView {").nth(1)?.split("\n}").next()).unwrap();
    let fields: Vec<&str> = view.lines().filter(|line| line.trim_start().starts_with("pub") && line.contains("pasted")).collect();
    assert!(fields.is_empty(), "{fields:?}");
}
