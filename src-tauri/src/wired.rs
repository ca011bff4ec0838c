//! Every row of the command table as a command of the window, answered by the engine once it is open.
//!
//! It must never decide anything: name, arguments and answer come from the table. The engine opens in the
//! background, so that the window shows at once even when a keychain keeps it waiting.

use crate::system::System;
use api::Commands;
use api::views::*;
use std::path::PathBuf;
use std::sync::Arc;
use tauri::async_runtime::spawn;
use tauri::{AppHandle, Manager, Runtime, State, Wry};
use tokio::sync::watch;

/// The engine, or why it could not be opened. None: still opening.
type Opened = Option<Result<Arc<api::Api>, ProblemView>>;

pub struct Wired {
    opened: watch::Receiver<Opened>,
}

impl Wired {
    /// Waits until the engine is open. Errors: the problem that kept it from opening.
    async fn engine(&self) -> Result<Arc<api::Api>, ProblemView> {
        let mut opened = self.opened.clone();
        let answer = opened.wait_for(Option::is_some).await.ok().and_then(|seen| (*seen).clone());
        answer.unwrap_or_else(|| Err(closed()))
    }
}

/// Starts to open the engine and lets the commands wait for it.
pub fn start(app: &AppHandle) {
    let (tell, opened) = watch::channel(None);
    app.manage(Wired { opened });
    let home = home(app);
    let system = Arc::new(System::new(app.clone()));
    spawn(async move {
        let answer = match home {
            Ok(home) => api::open(home, system).await.map(Arc::new),
            Err(problem) => Err(problem),
        };
        // Fails only when the app is closing and nobody listens any more.
        let _ = tell.send(Some(answer));
    });
}

/// `CHANGEOVER_HOME`, or the system's folder for this app's data.
fn home<R: Runtime>(app: &AppHandle<R>) -> Result<PathBuf, ProblemView> {
    if let Some(home) = std::env::var_os("CHANGEOVER_HOME").filter(|home| !home.is_empty()) {
        return Ok(PathBuf::from(home));
    }
    app.path().app_data_dir().map_err(|error| {
        ledger::Problem::new(
            api::E_WINDOW_HOME,
            "The folder for Changeover's own files was not found.",
            error.to_string(),
            "Set CHANGEOVER_HOME to a folder of yours, then start Changeover again.",
        )
        .into()
    })
}

fn closed() -> ProblemView {
    ledger::Problem::new(
        api::E_WINDOW_CLOSING,
        "Changeover is closing.",
        "The engine was stopped before it could answer.",
        "Start Changeover again; whatever was under way goes on from its last recorded step.",
    )
    .into()
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
                crate::window::window_ready,
            ]
        }
    };
}
api::engine_commands!(window_commands);
