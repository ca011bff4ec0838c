//! The system's file dialogs. They answer with a path and read nothing; a new dialog is one function here and one
//! row in the host part of the command table.

use api::views::{NoArgs, PickedView, ProblemView};
use tauri::AppHandle;
use tauri_plugin_dialog::{DialogExt, FileDialogBuilder, FilePath};
use tokio::sync::oneshot;

#[tauri::command]
pub async fn books_pick(app: AppHandle, args: NoArgs) -> Result<PickedView, ProblemView> {
    let NoArgs {} = args;
    let dialog = app.dialog().file().set_title("Choose the books file").add_filter("GnuCash", &["gnucash", "sqlite3", "sqlite"]);
    let dialog = dialog.add_filter("*", &["*"]);
    Ok(ask(dialog, FileDialogBuilder::pick_file).await)
}

#[tauri::command]
pub async fn folder_pick(app: AppHandle, args: NoArgs) -> Result<PickedView, ProblemView> {
    let NoArgs {} = args;
    Ok(ask(app.dialog().file().set_title("Choose a folder"), FileDialogBuilder::pick_folder).await)
}

#[tauri::command]
pub async fn kit_pick(app: AppHandle, args: NoArgs) -> Result<PickedView, ProblemView> {
    let NoArgs {} = args;
    Ok(ask(app.dialog().file().set_title("Choose the recovery kit"), FileDialogBuilder::pick_file).await)
}

#[tauri::command]
pub async fn kit_save_as(app: AppHandle, args: NoArgs) -> Result<PickedView, ProblemView> {
    let NoArgs {} = args;
    let dialog = app.dialog().file().set_title("Write the recovery kit").set_file_name("changeover-recovery-kit.pdf").add_filter("PDF", &["pdf"]).add_filter("Text", &["txt"]);
    Ok(ask(dialog, FileDialogBuilder::save_file).await)
}

#[tauri::command]
pub async fn calendar_save_as(app: AppHandle, args: NoArgs) -> Result<PickedView, ProblemView> {
    let NoArgs {} = args;
    let dialog = app.dialog().file().set_title("Write the calendar file").set_file_name("changeover.ics").add_filter("iCalendar", &["ics"]);
    Ok(ask(dialog, FileDialogBuilder::save_file).await)
}

type Builder = FileDialogBuilder<tauri::Wry>;
type Answer = Box<dyn FnOnce(Option<FilePath>) + Send>;

/// Shows the dialog and waits without blocking the window.
async fn ask(dialog: Builder, show: impl FnOnce(Builder, Answer)) -> PickedView {
    let (tell, answer) = oneshot::channel();
    show(
        dialog,
        Box::new(move |picked| {
            // Nobody waits only when the app is closing.
            let _ = tell.send(picked);
        }),
    );
    let path = answer.await.ok().flatten().and_then(|picked| picked.into_path().ok());
    PickedView { path: path.map(|path| path.display().to_string()) }
}
