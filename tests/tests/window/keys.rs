//! Access by a key, clicked: the provider's steps, a key of the wrong kind, a good key, and a company whose name means harm.

use crate::window::{SOON, STAGE, Scheme, Window};
use changeover_tests::secrets::{Search, Secret};
use changeover_tests::{home, program};
use practice::{Elsewhere, serve_elsewhere};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const KEY: &str = "rk_live_CANARYwindowKey";
/// Markup, letters that turn the line round, and far too much of it.
const HOSTILE: &str = "<img src=x onerror=\"document.title='harm'\"><b>Harbour</b> \u{202e}yrekaB";

/// What stands on the page, what the page stores, and whatever is wider than its place.
const LOOK: &str = "return { images: document.querySelectorAll('img').length, title: document.title, \
    page: document.documentElement.outerHTML + JSON.stringify(Object.entries(localStorage)) + JSON.stringify(Object.entries(sessionStorage)), \
    wide: [...document.querySelectorAll('main *')].filter((e) => !e.closest('.hidden-words') && e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1 \
        && getComputedStyle(e).display !== 'inline').map((e) => `${e.tagName} ${e.className} ${e.clientWidth} < ${e.scrollWidth}`) }";

/// Notes every answer that comes from the engine to the page: it travels by `fetch`.
const LISTEN: &str = "const real = window.fetch; window.heard = []; \
    window.fetch = async (...all) => { const answer = await real(...all); window.heard.push(await answer.clone().text()); return answer; }; return window.fetch !== real;";

/// What every process of this test's session was started with: arguments and environment, as the system shows them to other programs.
fn started_with() -> String {
    let mut all = String::new();
    for process in std::fs::read_dir("/proc").expect("processes").flatten() {
        if !process.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        for what in ["cmdline", "environ"] {
            // One that has just ended has neither.
            let text = std::fs::read(process.path().join(what)).unwrap_or_default();
            all.push_str(&String::from_utf8_lossy(&text));
            all.push('\n');
        }
    }
    all
}

/// An account beside Square at a server of this test, added as from the terminal while the window is open.
fn add_account(home: &Path, at: &str) {
    program::run(home, ["accounts", "add", "stripe", "--at", at]).expect(0);
}

async fn types_key(window: &Window, key: &str) {
    window.script("document.querySelector('input[type=password]').focus()", vec![]).await;
    window.press(key).await;
}

#[tokio::test]
async fn a_key_is_entered_proved_and_never_shown_and_a_hostile_name_stays_text() {
    let paths = ["/v1/balance_transactions", "/v1/charges", "/v1/disputes", "/v1/payouts"];
    let name = format!("{HOSTILE}{}", "x".repeat(2_000));
    let server = serve_elsewhere(Elsewhere {
        company: ("acct_window".into(), name),
        keys: BTreeMap::from([(KEY.to_string(), paths.iter().map(|path| path.to_string()).collect())]),
        live: true,
        application: (String::new(), String::new()),
    })
    .await
    .unwrap();
    for (scheme, look) in [(Scheme::Light, "light"), (Scheme::Dark, "dark")] {
        let home = home::fresh();
        let window = Window::open(home.path(), scheme).await;
        window.click("button", "Make the practice company").await;
        window.sees("The Square connector can move from 1 to 2", STAGE).await;
        add_account(home.path(), &server.base_url);
        window.click_in_navigation("Accounts").await;
        window.sees("Connect", SOON).await;
        window.shown("accounts-two", look).await;
        window.click("button", "Connect").await;
        window.sees("How to make it at Stripe", SOON).await;
        window.sees("facts that nobody has confirmed yet", SOON).await;
        window.shown("key-steps", look).await;
        let found = window.script(LOOK, vec![]).await;
        if found["wide"] != json!([]) {
            window.fails(&format!("the open panel pushes out {}", found["wide"])).await;
        }

        types_key(&window, "sk_live_wrongKind").await;
        window.click("button", "Check and keep").await;
        window.sees("cannot be used", SOON).await;
        window.shown("key-refused", look).await;

        let listens = window.script(LISTEN, vec![]).await == json!(true);
        types_key(&window, KEY).await;
        window.click("button", "Check and keep").await;
        window.sees("You can close this panel", SOON).await;
        window.shown("key-kept", look).await;
        window.click("button", "Done").await;
        window.sees("Only the access is kept and watched", SOON).await;
        window.shown("key-account", look).await;

        // The name is read as text: its marks stand there, and nothing of it was carried out.
        let found = window.script(LOOK, vec![]).await;
        let page = found["page"].to_string();
        if found["images"] != json!(0) || found["title"] == json!("harm") || !window.words().await.contains("<img src=x") {
            window.fails(&format!("the name was not taken as text: {}, {}", found["images"], found["title"])).await;
        }
        if page.contains("CANARY") {
            window.fails("the page remembers the key").await;
        }
        // Nothing that the engine said to the page holds it, and no process was started with it.
        let heard = window.script("return window.heard", vec![]).await;
        if !listens || heard.as_array().is_none_or(Vec::is_empty) || heard.to_string().contains("CANARY") {
            window.fails(&format!("what the page heard ({listens}): {heard}")).await;
        }
        let processes = started_with();
        assert!(processes.contains("changeover-window"), "the window's process is among them");
        assert!(!processes.contains("CANARY"), "a process was started with the key");
        if found["wide"] != json!([]) {
            window.fails(&format!("a long name widens {}", found["wide"])).await;
        }

        window.script("location.hash = '#/calendar'", vec![]).await;
        window.sees("Square", SOON).await;
        window.shown("calendar", look).await;
        window.close().await;

        // Nor does anything that the program or its web view left on the disk, in any spelling.
        let (search, mut hits) = (Search::new([Secret::new("key", KEY)]), BTreeSet::new());
        let own = std::env::var_os("HOME").map(PathBuf::from).expect("the session has a folder of its own");
        let web_view = own.join(".local/share");
        assert!(web_view.is_dir(), "the web view keeps its files there");
        for folder in [home.path(), own.as_path()] {
            let (files, _) = search.folder(folder, &mut hits).await;
            assert!(files > 0, "{} was not searched", folder.display());
        }
        assert!(hits.is_empty(), "{hits:?}");
    }
}
