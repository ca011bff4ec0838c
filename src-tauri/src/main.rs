//! The desktop shell: wiring only. It opens the window, hands commands to `api`, and lends the engine the
//! system's browser, notifications and file dialogs.
//!
//! It must never hold a business rule, read the books, or see a secret. A new command needs nothing here: the
//! table in `crates/api/src/commands.rs` makes its entry. A new system dialog goes to `dialogs.rs`.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::process::ExitCode;

mod dialogs;
mod guard;
mod system;
mod window;
mod wired;

/// Not the terminal's: that one takes the place of malloc for the web view's libraries too, and the window ended with it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The backup library runs in a child process that is this same program under another first argument.
    if let Some(code) = api::worker_entry() {
        return code;
    }
    wired::prepare();

    let app = tauri::Builder::default()
        // First, as its documentation asks. Without a session bus it only warns; the store's own lock keeps two writers apart.
        .plugin(tauri_plugin_single_instance::init(|app, _arguments, _folder| window::bring_to_front(app)))
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_notification::init())
        .plugin(tauri_plugin_opener::init())
        .invoke_handler(wired::handler())
        .setup(|app| {
            wired::start(app.handle());
            window::open(app.handle())?;
            Ok(())
        })
        .build(tauri::generate_context!());

    match app {
        Ok(app) => {
            app.run(|_, _| {});
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("E-WINDOW  The window could not be opened. Nothing was changed.");
            eprintln!("  Why:   {error}");
            eprintln!("  Next:  Use the `changeover` command in a terminal, or install the system's web view.");
            ExitCode::FAILURE
        }
    }
}
