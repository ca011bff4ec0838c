//! The first look: the window opens, the page draws itself inside the real web view, axe finds nothing.

use crate::window::{SOON, Scheme, Window, is_picture};
use changeover_tests::home;

#[tokio::test]
async fn the_window_opens_on_a_fresh_home_and_reads_well() {
    for (scheme, name) in [(Scheme::Light, "light"), (Scheme::Dark, "dark")] {
        let home = home::fresh();
        let window = Window::open(home.path(), scheme).await;
        window.sees("Changeover", SOON).await;
        for (width, height) in [(900, 640), (1440, 900)] {
            window.size(width, height).await;
            is_picture(&window.picture(&format!("first-start.{name}.{width}x{height}")).await, width / 2);
        }
        window.accessible("first start").await;
        window.close().await;
    }
}
