//! `changeover backup …`: take one, list, read it back, prove one by restoring it. Looking inside and restoring are in `backup_preview` and
//! `backup_restore`.
//!
//! A backup is called proved only after its restored books were opened and every total was compared. A recovery key is
//! read from its file, never from an argument, and never printed.

use crate::backup_keys::{self, BackupPassphrase, RecoveryKitArguments};
use crate::backup_preview::{self, PreviewArguments};
use crate::backup_restore::{self, RestoreArguments, UndoArguments};
use crate::ending::Ending;
use crate::follow::bytes;
use crate::reach::{self, Which};
use crate::screen::counted;
use crate::terminal::Terminal;
use clap::Subcommand;
use engine::backups::{BackupRow, RestoredCopy};
use ledger::Problem;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Take a backup now and read it back
    Now {
        #[command(flatten)]
        which: Which,
        /// What it is for, for the list
        #[arg(long, default_value = "by hand")]
        label: String,
    },
    /// Take the backups that are due; this is what the computer's timer starts
    Due,
    /// When backups are taken by themselves, and whether with the window closed too
    Schedule(crate::backup_schedule::ScheduleArguments),
    /// List the backups with their three marks: copied, read back, restored
    List {
        #[command(flatten)]
        which: Which,
        /// On a computer that knows nothing: the backup folder, whose backups are listed
        #[arg(long, value_name = "PLACE", requires = "opener")]
        from: Option<PathBuf>,
        /// On a computer that knows nothing: the recovery kit's file, or a file with its code, its words or its QR code's text
        #[arg(long, value_name = "FILE", requires = "from", group = "opener")]
        recovery_key: Option<PathBuf>,
        /// On a computer that knows nothing: ask for the passphrase of the backups
        #[arg(long, requires = "from", group = "opener")]
        passphrase: bool,
    },
    /// Read a backup back, every byte compared; with --restore prove it: restored, opened, every total compared
    Verify {
        /// The backup's id; without it, the newest
        id: Option<String>,
        #[command(flatten)]
        which: Which,
        /// Restore it into an empty folder, open the books and compare every total
        #[arg(long)]
        restore: bool,
    },
    /// Show what a backup holds, without restoring it
    Preview(PreviewArguments),
    /// Restore into an empty folder, everything or a part; or, with --in-place, in place of the present book
    Restore(RestoreArguments),
    /// Take the last restore in place back
    UndoRestore(UndoArguments),
    /// Write a recovery kit, or confirm that it was kept: with it and the backup folder alone everything can be restored
    RecoveryKit(RecoveryKitArguments),
    /// A passphrase as a second way into the backups
    #[command(subcommand)]
    Passphrase(BackupPassphrase),
    /// List what opens the backups: kinds and dates, never a secret
    WaysIn {
        #[command(flatten)]
        which: Which,
    },
}

pub async fn run(terminal: &Terminal, command: BackupCommand) -> Result<Ending, Problem> {
    match command {
        BackupCommand::Now { which, label } => now(terminal, which, label).await,
        BackupCommand::Due => crate::backup_schedule::due(terminal).await,
        BackupCommand::Schedule(arguments) => crate::backup_schedule::schedule(terminal, arguments).await,
        BackupCommand::List { which: _, from: Some(from), recovery_key, passphrase: _ } => backup_preview::list_from(terminal, &from, recovery_key.as_ref()).await,
        BackupCommand::List { which, from: None, .. } => list(terminal, which).await,
        BackupCommand::Verify { id, which, restore: true } => prove(terminal, id, which).await,
        BackupCommand::Verify { id, which, restore: false } => read_back(terminal, id, which).await,
        BackupCommand::Preview(arguments) => backup_preview::preview(terminal, arguments).await,
        BackupCommand::Restore(arguments) => backup_restore::restore(terminal, arguments).await,
        BackupCommand::UndoRestore(arguments) => backup_restore::undo(terminal, arguments).await,
        BackupCommand::RecoveryKit(arguments) => backup_keys::recovery_kit(terminal, arguments).await,
        BackupCommand::Passphrase(command) => backup_keys::passphrase(terminal, command).await,
        BackupCommand::WaysIn { which } => backup_keys::ways_in(terminal, &which).await,
    }
}

pub fn as_json(row: &BackupRow) -> Value {
    json!({
        "id": row.id, "label": row.label, "copied": row.copied_at, "checked": row.checked_at, "restored": row.restored_at, "files": row.files,
        "bytes": row.bytes, "entries": row.entries, "place": row.place, "upgrade": row.upgrade_id,
    })
}

async fn now(terminal: &Terminal, which: Which, label: String) -> Result<Ending, Problem> {
    let reached = reach::company(terminal, &which).await?;
    let row = reached
        .engine
        .take_backup(&reached.company, &label, None, &terminal.watcher())
        .await?;
    let standing = reached.engine.kit_standing().await?;
    terminal.screen.rest();
    if terminal.screen.json() {
        let mut answer = as_json(&row);
        answer["counts"] = json!(standing.counts());
        terminal.screen.answer(&answer);
    } else {
        terminal.screen.data(&format!(
            "Backed up and read back: {} with {}, {}, in {} ({}).",
            counted(row.files, "file", "files"),
            counted(row.entries, "entry", "entries"),
            bytes(row.bytes),
            row.place.display(),
            row.id
        ));
        terminal.screen.say(&format!(
            "It is not proved yet; `changeover backup verify {} --restore` restores it and compares every total.",
            row.id
        ));
        backup_keys::caution(terminal, &standing);
    }
    Ok(Ending::Done)
}

async fn list(terminal: &Terminal, which: Which) -> Result<Ending, Problem> {
    let reached = reach::company(terminal, &which).await?;
    let rows = reached.engine.backups(&reached.company).await?;
    let kit = reached.engine.recovery_kit_written().await?;
    let standing = reached.engine.kit_standing().await?;
    if terminal.screen.json() {
        let kit = kit.map(|(at, file)| json!({"written": at, "file": file, "counts": standing.counts()}));
        terminal
            .screen
            .answer(&json!({"backups": rows.iter().map(as_json).collect::<Vec<_>>(), "recovery_kit": kit}));
        return Ok(Ending::Done);
    }
    if rows.is_empty() {
        terminal.screen.say("There is no backup yet. `changeover backup now` takes one.");
    }
    for row in &rows {
        let marks = format!(
            "copied, {}, {}",
            mark(row.checked_at.is_some(), "read back"),
            mark(row.restored_at.is_some(), "restored and proved")
        );
        let size = bytes(row.bytes);
        terminal.screen.data(&format!(
            "{}  {}  {}  {size}  {marks}  {}",
            row.id,
            row.copied_at,
            counted(row.entries, "entry", "entries"),
            shown(&row.label)
        ));
    }
    if let Some((at, file)) = kit {
        terminal.screen.data(&format!("Recovery kit: written {at} to {file}"));
    }
    terminal.screen.say(standing.sentence());
    Ok(Ending::Done)
}

/// A label as a person reads it: stages by their titles.
fn shown(label: &str) -> String {
    let stage = label.strip_prefix("before ").and_then(|name| name.parse::<upgrade::Stage>().ok());
    stage.map_or_else(|| label.to_string(), |stage| format!("before \"{}\"", stage.title()))
}

fn mark(done: bool, words: &str) -> String {
    if done { words.to_string() } else { format!("not {words}") }
}

async fn read_back(terminal: &Terminal, id: Option<String>, which: Which) -> Result<Ending, Problem> {
    let reached = reach::company(terminal, &which).await?;
    let row = reached.engine.backup(&reached.company, id.as_deref()).await?;
    let read = reached.engine.check_backup(&reached.company, &row, &terminal.watcher()).await?;
    terminal.screen.rest();
    if terminal.screen.json() {
        terminal
            .screen
            .answer(&json!({"id": row.id, "read_back": true, "proved": row.restored_at.is_some(), "files": read.files, "bytes": read.bytes}));
        return Ok(Ending::Done);
    }
    terminal.screen.data(&format!(
        "Read back: {} with {}, each equal to what was backed up ({}).",
        counted(read.files, "file", "files"),
        bytes(read.bytes),
        row.id
    ));
    if row.restored_at.is_none() {
        terminal.screen.say(&format!(
            "That is no proof yet; `changeover backup verify {} --restore` restores it and compares every total.",
            row.id
        ));
    }
    Ok(Ending::Done)
}

async fn prove(terminal: &Terminal, id: Option<String>, which: Which) -> Result<Ending, Problem> {
    let reached = reach::company(terminal, &which).await?;
    let row = reached.engine.backup(&reached.company, id.as_deref()).await?;
    let folder = reached.engine.home.work_folder(&format!("proof-{}", row.id))?;
    let proved = reached
        .engine
        .prove_backup(&reached.company, &row, &folder, &terminal.watcher())
        .await;
    terminal.screen.rest();
    // Restored books are people's data: they do not stay lying about, whatever the proof said.
    let tidied = std::fs::remove_dir_all(&folder).map_err(|error| engine::home::cannot_use(&folder, &error));
    let (_, copy) = proved?;
    tidied?;
    tell_proved(terminal, &row, &copy);
    backup_keys::caution(terminal, &reached.engine.kit_standing().await?);
    Ok(Ending::Done)
}

fn tell_proved(terminal: &Terminal, row: &BackupRow, copy: &RestoredCopy) {
    if terminal.screen.json() {
        terminal.screen.answer(&json!({"id": row.id, "proved": true, "entries": copy.entries, "accounts": copy.accounts, "files": copy.files, "dir": copy.dir, "book": copy.book}));
    } else {
        terminal.screen.data(&format!(
            "Proved: {} restored, the books opened, the totals of {} with {} are equal.",
            counted(copy.files, "file", "files"),
            counted(copy.accounts, "account", "accounts"),
            counted(copy.entries, "entry", "entries")
        ));
    }
}

/// The program that carries the backup worker.
pub fn this_program() -> Result<PathBuf, Problem> {
    match std::env::var_os("CHANGEOVER_WORKER") {
        Some(worker) => Ok(PathBuf::from(worker)),
        None => std::env::current_exe().map_err(|error| engine::home::cannot_use(Path::new("this program"), &error)),
    }
}
