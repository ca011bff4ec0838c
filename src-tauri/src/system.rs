//! What the engine borrows from the desktop: the browser, notifications, and telling the page that something changed.
//!
//! The browser is opened from here only, with an address that the engine built; the page can open nothing.

use api::Host;
use tauri::{AppHandle, Emitter, Manager};
use tauri_plugin_notification::NotificationExt;
use tauri_plugin_opener::OpenerExt;

pub struct System {
    app: AppHandle,
}

impl System {
    pub fn new(app: AppHandle) -> System {
        System { app }
    }
}

impl Host for System {
    fn open_in_browser(&self, address: &str) -> Result<(), String> {
        if !crate::guard::may_open_in_browser(address) {
            return Err("Only https addresses, or pages of this computer, are opened in the browser.".to_owned());
        }
        self.app.opener().open_url(address, None::<&str>).map_err(|error| error.to_string())
    }

    fn changed(&self) {
        // A page that is just loading fetches its view anyway.
        let _ = self.app.emit("changed", ());
    }

    fn notify(&self, title: &str, text: &str) {
        let in_front = self.app.get_webview_window(crate::window::MAIN).and_then(|window| window.is_focused().ok()).unwrap_or(false);
        if in_front {
            return;
        }
        // A desktop without notifications is no fault: the page shows the same result.
        let _ = self.app.notification().builder().title(title).body(text).show();
    }
}
