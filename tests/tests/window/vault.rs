//! Where sign-ins are kept, clicked: from this computer's keychain into a passphrase vault, and opening it at the next start.

use crate::window::{SOON, STAGE, Scheme, Window};
use changeover_tests::home;

const PASSPHRASE: &str = "CANARY four words for ann";

async fn types(window: &Window, label: &str, text: &str) {
    let script = "[...document.querySelectorAll('label')].find((l) => l.innerText.trim() === arguments[0]).querySelector('input').focus()";
    window.script(script, vec![label.into()]).await;
    window.press(text).await;
}

/// The page keeps nothing of what was typed.
async fn forgets(window: &Window) {
    let kept = "return document.documentElement.outerHTML + JSON.stringify(Object.entries(localStorage)) + [...document.querySelectorAll('input')].map((i) => i.value).join()";
    if window.script(kept, vec![]).await.to_string().contains("CANARY") {
        window.fails("the page remembers the passphrase").await;
    }
}

#[tokio::test]
async fn sign_ins_move_into_a_passphrase_vault_which_the_next_start_asks_to_open() {
    for (scheme, look) in [(Scheme::Light, "light"), (Scheme::Dark, "dark")] {
        let home = home::fresh();
        let window = Window::open(home.path(), scheme).await;
        window.click("button", "Make the practice company").await;
        window.sees("The Square connector can move from 1 to 2", STAGE).await;
        window.script("location.hash = '#/settings'", vec![]).await;
        window.sees("Where sign-ins are kept", SOON).await;
        window.shown("settings", look).await;
        window.script("[...document.querySelectorAll('label')].find((l) => l.innerText.trim() === 'A passphrase vault').click()", vec![]).await;
        types(&window, "New passphrase", PASSPHRASE).await;
        types(&window, "The same once more", PASSPHRASE).await;
        window.shown("vault-new", look).await;
        window.click("button", "Keep sign-ins there").await;
        window.sees("their key is in the passphrase vault", SOON).await;
        forgets(&window).await;
        window.shown("vault-open", look).await;
        window.close().await;

        let window = Window::open(home.path(), scheme).await;
        window.script("location.hash = '#/settings'", vec![]).await;
        window.sees("The passphrase vault is locked", SOON).await;
        types(&window, "Passphrase", "CANARY not this one").await;
        window.click("button", "Open the vault").await;
        window.sees("This is not the passphrase of this vault", SOON).await;
        window.shown("vault-wrong", look).await;
        types(&window, "Passphrase", PASSPHRASE).await;
        window.click("button", "Open the vault").await;
        window.sees("their key is in the passphrase vault", SOON).await;
        forgets(&window).await;
        window.close().await;
    }
}
