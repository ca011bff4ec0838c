//! Signing in at a certified OpenID provider, with the real window and a real browser: first access, another company, declining, giving it up.

use crate::chromium::Chromium;
use crate::window::{SOON, STAGE, Scheme, Window};
use changeover_tests::openid::OpenId;
use changeover_tests::{home, program};
use serde_json::Value;

// Check 14, 16, 30, 45.
#[tokio::test]
async fn a_person_signs_in_with_chromium_at_a_certified_provider() {
    let provider = OpenId::standing_for("xero");
    let browser = Chromium::start().await;
    let home = home::fresh();
    let window = Window::open_with(home.path(), Scheme::Light, &browser.setting()).await;
    window.click("button", "Make the practice company").await;
    window.sees("The Square connector can move from 1 to 2", STAGE).await;
    program::run(home.path(), ["accounts", "add", "xero", "--at", &provider.base]).expect(0);
    window.click_in_navigation("Accounts").await;
    window.sees("Connect", SOON).await;

    // The person's own application, then the browser.
    window.click("button", "Connect").await;
    window.sees("How to make it at Xero", SOON).await;
    window.script("document.querySelector('form input[type=text]').focus()", vec![]).await;
    window.press("changeover").await;
    window.click("button", "Keep and go on").await;
    window.click("button", "Open Xero in the browser").await;
    let asked = browser.opens_what_was_asked().await;
    assert!(asked.contains("code_challenge_method=S256") && asked.contains("accounting.manualjournals"), "{asked}");
    browser.reads("Give access?").await;
    browser.picture("chromium-consent").await;
    browser.answers("harbour-street", "allow").await;
    let ended = browser.reads("Changeover").await;
    assert!(!ended.contains("code=") && !ended.contains("state="), "the history keeps {ended}");
    browser.picture("chromium-back").await;
    window.sees("You can close this panel", SOON).await;
    window.sees("Harbour Street Bakery", SOON).await;
    window.shown("openid-done", "light").await;
    window.click("button", "Done").await;
    window.sees("Only the access is kept and watched", SOON).await;
    let listed = program::run(home.path(), ["accounts", "list", "--json"]).expect(0);
    let listed: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    let xero = listed.as_array().and_then(|all| all.iter().find(|one| one["provider"] == "xero")).expect("it is listed");
    assert_eq!(xero["company_at_provider"], "Harbour Street Bakery");

    // Another company than before changes nothing, and both are named.
    window.click("button", "Reconnect Xero").await;
    window.click("button", "Open Xero in the browser").await;
    browser.opens_what_was_asked().await;
    browser.reads("Give access?").await;
    browser.answers("seaside", "allow").await;
    window.sees("Seaside Café", SOON).await;
    window.sees("Harbour Street Bakery", SOON).await;
    window.shown("openid-other-company", "light").await;
    browser.picture("chromium-other-company").await;

    assert!(window.has("button", "Add it as a new company").await);

    // Declining is told as that, and the access stays.
    window.click("button", "Open the page again").await;
    browser.opens_what_was_asked().await;
    browser.reads("Give access?").await;
    browser.answers("harbour-street", "decline").await;
    window.sees("Xero was told not to give access.", SOON).await;
    window.shown("openid-declined", "light").await;
    let exchanged = provider.told_of("grant.success");
    assert_eq!(exchanged, 2, "one sign-in was kept, one was another company's");

    window.close().await;
    // Giving access up ends it there.
    program::run(home.path(), ["accounts", "disconnect", "--account", "xero", "--yes"]).expect(0);
    assert!(provider.told_of("grant.revoked") >= 1);
    browser.close().await;
}
