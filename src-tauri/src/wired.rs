//! Every row of the command table as a command of the window, answered by the engine once it is open.
//!
//! It must never decide anything: name, arguments and answer come from the table. The engine opens in the
//! background, so that the window shows at once even when a keychain keeps it waiting.

use crate::system::{Browser, changed};
use api::host::Opened;
use api::views::*;
use api::{App, Commands, Start};
use std::path::PathBuf;
use std::sync::Arc;
use tauri::async_runtime::spawn;
use tauri::{AppHandle, Manager, Runtime, State, Wry};
use tokio::sync::watch;

/// Posting rules are deep expressions; the usual two megabytes are not enough for every one of them.
const WORKER_STACK_BYTES: usize = 8 * 1024 * 1024;

/// A missed backup is made up for within this time after the start.
const DUE_EVERY: std::time::Duration = std::time::Duration::from_secs(120);

pub struct Wired {
    opened: watch::Receiver<Opened>,
}

impl Wired {
    /// Waits until the engine is open. Errors: the problem that kept it from opening.
    async fn engine(&self) -> Result<App, ProblemView> {
        api::host::opened(self.opened.clone()).await
    }
}

/// What the whole process needs before anything else: threads with room, and the cryptography of connections.
pub fn prepare() {
    // Refused only when it was done before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(WORKER_STACK_BYTES).build() {
        Ok(runtime) => {
            tauri::async_runtime::set(runtime.handle().clone());
            // It lives as long as the process: commands may still be answered while the window closes.
            std::mem::forget(runtime);
        }
        Err(error) => eprintln!("E-WINDOW  The threads could not be started: {error}. Nothing was changed."),
    }
}

/// Starts to open the engine and lets the commands wait for it.
pub fn start(app: &AppHandle) {
    let (tell, opened) = watch::channel(None);
    app.manage(Wired { opened });
    let home = home(app);
    let app = app.clone();
    spawn(async move {
        let answer = match home {
            Ok(home) => open(&app, home).await,
            Err(problem) => Err(problem),
        };
        let looking = answer.as_ref().ok().cloned();
        // Fails only when the app is closing and nobody listens any more.
        let _ = tell.send(Some(answer));
        if let Some(engine) = looking {
            look_for_due_backups(engine).await;
        }
    });
}

/// As long as the window is open; what is due is the engine's decision.
async fn look_for_due_backups(engine: App) {
    loop {
        // Not at once: a window that opens has better things to do.
        tokio::time::sleep(DUE_EVERY).await;
        api::handlers::due_backups(&engine).await;
    }
}

async fn open(app: &AppHandle, home: PathBuf) -> Result<App, ProblemView> {
    let told = app.clone();
    let start = Start {
        home,
        browser: Arc::new(Browser::of(app)),
        changed: Arc::new(move || changed(&told)),
        worker: None,
        actor: "owner".to_owned(),
    };
    App::start(start).await.map_err(ProblemView::from)
}

/// `CHANGEOVER_HOME`, or the system's folder for this app's data.
fn home<R: Runtime>(app: &AppHandle<R>) -> Result<PathBuf, ProblemView> {
    let of_the_system = || app.path().app_data_dir().map_err(|error| error.to_string());
    api::host::home(std::env::var_os("CHANGEOVER_HOME"), of_the_system).map_err(ProblemView::from)
}

macro_rules! window_commands {
    ($( $name:ident ($args:ty) -> $answer:ty, $effect:ident, $words:literal; )*) => {
        $(
            #[tauri::command]
            async fn $name(wired: State<'_, Wired>, args: $args) -> Result<$answer, ProblemView> {
                wired.engine().await?.$name(args).await
            }
        )*

        /// Answers every command of the table, and the shell's own dialogs.
        pub fn handler() -> impl Fn(tauri::ipc::Invoke<Wry>) -> bool + Send + Sync + 'static {
            tauri::generate_handler![
                $($name,)*
                crate::dialogs::books_pick,
                crate::dialogs::folder_pick,
                crate::dialogs::kit_pick,
                crate::dialogs::kit_save_as,
                crate::dialogs::calendar_save_as,
                crate::system::notify,
                crate::window::window_ready,
            ]
        }
    };
}
api::engine_commands!(window_commands);
