//! What the desktop lends: the browser, notifications, and telling the page that something changed.
//!
//! The browser is opened from here only, with an address that the engine built; the page can open nothing.

use api::OpenPage;
use api::views::{DoneView, NotifyArgs, ProblemView};
use ledger::Problem;
use std::pin::Pin;
use tauri::{AppHandle, Emitter, Manager, Url};
use tauri_plugin_notification::NotificationExt;
use tauri_plugin_opener::OpenerExt;

pub struct Browser {
    app: AppHandle,
}

impl Browser {
    pub fn of(app: &AppHandle) -> Browser {
        Browser { app: app.clone() }
    }
}

impl OpenPage for Browser {
    fn open<'a>(&'a self, page: &'a Url) -> Pin<Box<dyn Future<Output = Result<(), Problem>> + Send + 'a>> {
        let app = self.app.clone();
        Box::pin(api::host::open_page(page, move |address| app.opener().open_url(address, None::<&str>).map_err(|error| error.to_string())))
    }
}

/// Whoever shows a view fetches it again.
pub fn changed(app: &AppHandle) {
    // A page that is just loading fetches its view anyway.
    let _ = app.emit("changed", ());
}

/// Long work has ended. Said by the system only while the window is not in front; the page shows it otherwise.
#[tauri::command]
pub async fn notify(app: AppHandle, args: NotifyArgs) -> Result<DoneView, ProblemView> {
    let in_front = app.get_webview_window(crate::window::MAIN).and_then(|window| window.is_focused().ok()).unwrap_or(false);
    if in_front {
        return Ok(DoneView { done: false });
    }
    // A desktop without notifications is no fault: the page shows the same result.
    let shown = app.notification().builder().title(args.title).body(args.text).show();
    Ok(DoneView { done: shown.is_ok() })
}
