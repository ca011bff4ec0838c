//! The one window: its size, its guards, and the promise that it shows or says why not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Manager, Runtime, WebviewUrl, WebviewWindowBuilder};
use tauri_plugin_dialog::{DialogExt, MessageDialogKind};

pub const MAIN: &str = "main";

/// How long the page may take before a person is told that it does not show.
const READY_WITHIN: Duration = Duration::from_secs(10);

static READY: AtomicBool = AtomicBool::new(false);

/// The page says that it shows.
#[tauri::command]
pub async fn window_ready(args: api::views::NoArgs) -> Result<api::views::DoneView, api::views::ProblemView> {
    let api::views::NoArgs {} = args;
    READY.store(true, Ordering::SeqCst);
    Ok(api::views::DoneView { done: true })
}

pub fn open<R: Runtime>(app: &AppHandle<R>) -> tauri::Result<()> {
    WebviewWindowBuilder::new(app, MAIN, WebviewUrl::App("index.html".into()))
        .title("Changeover")
        .inner_size(1180.0, 800.0)
        .min_inner_size(900.0, 640.0)
        .disable_drag_drop_handler()
        .devtools(cfg!(debug_assertions))
        .on_navigation(crate::guard::is_our_page)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .build()?;

    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        tokio::time::sleep(READY_WITHIN).await;
        if !READY.load(Ordering::SeqCst) {
            app.dialog()
                .message(
                    "The window's page does not show. Your books were not touched.\n\nThis is usually a graphics driver. Start Changeover again with \
                     WEBKIT_DISABLE_DMABUF_RENDERER=1, or use the `changeover` command in a terminal.",
                )
                .kind(MessageDialogKind::Warning)
                .title("Changeover")
                .show(|_| {});
        }
    });
    Ok(())
}

/// A second start shows the window that is already open. Its arguments are not read: any program could send them.
pub fn bring_to_front<R: Runtime>(app: &AppHandle<R>) {
    if let Some(window) = app.get_webview_window(MAIN) {
        // Each may be refused by the window system; there is nothing better to do then.
        let _ = window.unminimize();
        let _ = window.show();
        let _ = window.set_focus();
    }
}
