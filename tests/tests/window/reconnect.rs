//! Signing in again, from the first second on and many times over: who answers in the browser sees it in the window.

use crate::window::{SOON, STAGE, Scheme, Window};
use changeover_tests::home;

/// Often enough that a race of one in ten shows.
const TIMES: usize = 12;

/// The first time the practice company is still being made: the window shows it before its year is posted.
#[tokio::test]
async fn a_sign_in_that_was_answered_in_the_browser_ends_in_the_window_every_time() {
    let home = home::fresh();
    let window = Window::open(home.path(), Scheme::Light).await;
    window.click("button", "Make the practice company").await;
    window.sees("The Square connector can move from 1 to 2", STAGE).await;
    window.click_in_navigation("Accounts").await;
    for _ in 0..TIMES {
        window.click("button", "Reconnect").await;
        window.sees("What will be asked", SOON).await;
        window.click("button", "Open Square in the browser").await;
        window.sees("You can close this panel", SOON).await;
        window.click("button", "Done").await;
    }
    window.close().await;
}
