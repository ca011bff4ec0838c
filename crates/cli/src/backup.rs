//! `changeover backup …`: take one, read it back, prove one by restoring it, look inside, restore — also on a computer
//! that has nothing.
//!
//! A backup is called proved only after its restored books were opened and every total was compared. A recovery key is
//! read from its file, never from an argument, and never printed.

use crate::backup_keys::{self, BackupPassphrase, Given, RecoveryKitArguments};
use crate::ending::Ending;
use crate::follow::bytes;
use crate::reach::{self, Reached, Which};
use crate::screen::{counted, grouped};
use crate::terminal::Terminal;
use ::backup::Manifest;
use clap::{Args, Subcommand};
use engine::backups::{BackupRow, BookTotals, RestoredCopy, compare_totals, open_restored, totals_of};
use engine::reading_back::{list_of_backup_with_kit, restore_with_kit};
use ledger::{Currency, Money, Problem};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
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
    /// Restore into an empty folder; the present books are never overwritten
    Restore(RestoreArguments),
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

#[derive(Debug, Clone, Args)]
pub struct PreviewArguments {
    /// The backup's id; without it, the newest
    pub id: Option<String>,
    #[command(flatten)]
    pub which: Which,
    /// Compare with the books as they are now
    #[arg(long)]
    pub against_today: bool,
    /// On a computer that knows nothing: the backup folder
    #[arg(long, value_name = "PLACE", requires = "opener", conflicts_with = "against_today")]
    pub from: Option<PathBuf>,
    /// On a computer that knows nothing: the recovery kit's file, or a file with its code, its words or its QR code's text
    #[arg(long, value_name = "FILE", requires = "from", group = "opener")]
    pub recovery_key: Option<PathBuf>,
    /// On a computer that knows nothing: ask for the passphrase of the backups
    #[arg(long, requires = "from", group = "opener")]
    pub passphrase: bool,
}

#[derive(Debug, Clone, Args)]
pub struct RestoreArguments {
    /// The backup's id; without it, the newest
    pub id: Option<String>,
    #[command(flatten)]
    pub which: Which,
    /// The folder to restore into; it must be empty or not exist yet
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// On a computer that knows nothing: the backup folder
    #[arg(long, value_name = "PLACE", requires = "opener")]
    pub from: Option<PathBuf>,
    /// On a computer that knows nothing: the recovery kit's file, or a file with its code, its words or its QR code's text
    #[arg(long, value_name = "FILE", requires = "from", group = "opener")]
    pub recovery_key: Option<PathBuf>,
    /// On a computer that knows nothing: ask for the passphrase of the backups
    #[arg(long, requires = "from", group = "opener")]
    pub passphrase: bool,
}

pub async fn run(terminal: &Terminal, command: BackupCommand) -> Result<Ending, Problem> {
    match command {
        BackupCommand::Now { which, label } => now(terminal, which, label).await,
        BackupCommand::Due => crate::backup_schedule::due(terminal).await,
        BackupCommand::Schedule(arguments) => crate::backup_schedule::schedule(terminal, arguments).await,
        BackupCommand::List { which } => list(terminal, which).await,
        BackupCommand::Verify { id, which, restore: true } => prove(terminal, id, which).await,
        BackupCommand::Verify { id, which, restore: false } => read_back(terminal, id, which).await,
        BackupCommand::Preview(arguments) => preview(terminal, arguments).await,
        BackupCommand::Restore(arguments) => restore(terminal, arguments).await,
        BackupCommand::RecoveryKit(arguments) => backup_keys::recovery_kit(terminal, arguments).await,
        BackupCommand::Passphrase(command) => backup_keys::passphrase(terminal, command).await,
        BackupCommand::WaysIn { which } => backup_keys::ways_in(terminal, &which).await,
    }
}

fn as_json(row: &BackupRow) -> Value {
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

/// What is known of a backup that is looked at.
struct Looked {
    id: String,
    manifest: Manifest,
    /// What this installation noted about it; none on a computer that knows nothing.
    row: Option<BackupRow>,
    differences: Option<Vec<String>>,
}

async fn look(terminal: &Terminal, arguments: &PreviewArguments) -> Result<Looked, Problem> {
    if let Some(from) = &arguments.from {
        let given = Given::take(terminal, arguments.recovery_key.as_ref()).await?;
        let worker = this_program()?;
        let (manifest, id) = tokio::task::block_in_place(|| list_of_backup_with_kit(&worker, from, given.opener(), arguments.id.as_deref()))?;
        return Ok(Looked { id, manifest, row: None, differences: None });
    }
    let reached = reach::company(terminal, &arguments.which).await?;
    let row = reached.engine.backup(&reached.company, arguments.id.as_deref()).await?;
    let manifest = reached.engine.backup_list(&row).await?;
    let differences = match arguments.against_today {
        true => Some(differences(&manifest, &totals_of(&reached.company.books_path).await?)),
        false => None,
    };
    Ok(Looked { id: row.id.clone(), manifest, row: Some(row), differences })
}

async fn preview(terminal: &Terminal, arguments: PreviewArguments) -> Result<Ending, Problem> {
    let Looked { id, manifest, row, differences } = look(terminal, &arguments).await?;
    terminal.screen.rest();
    let about = &manifest.about;
    if terminal.screen.json() {
        terminal.screen.answer(&json!({
            "id": id,
            "backup": row.as_ref().map(as_json),
            "company": about.company_name,
            "taken": about.at,
            "made_by": about.made_by,
            "counts": about.counts,
            "files": manifest.files.iter().map(|f| json!({"path": f.path, "size": f.size})).collect::<Vec<_>>(),
            "totals": about.totals,
            "differs_from_today": differences,
        }));
        return Ok(Ending::Done);
    }
    let screen = &terminal.screen;
    screen.data(&format!("Backup {id} of \"{}\", taken {}", about.company_name, about.at));
    for (what, count) in &about.counts {
        screen.data(&format!("  {:<12} {}", what, grouped(*count)));
    }
    screen.data(&format!(
        "  {:<12} {}, {}",
        "files",
        grouped(manifest.files.len() as u64),
        bytes(manifest.bytes_in_files())
    ));
    screen.data("");
    show_totals(terminal, &manifest);
    if let Some(differences) = differences {
        screen.data("");
        if differences.is_empty() {
            screen.data("The books are the same today, account by account.");
        } else {
            screen.data("Different today:");
            for line in differences {
                screen.data(&format!("  {line}"));
            }
        }
    }
    Ok(Ending::Done)
}

/// The program that carries the backup worker.
fn this_program() -> Result<PathBuf, Problem> {
    match std::env::var_os("CHANGEOVER_WORKER") {
        Some(worker) => Ok(PathBuf::from(worker)),
        None => std::env::current_exe().map_err(|error| engine::home::cannot_use(Path::new("this program"), &error)),
    }
}

fn money(minor: i64, currency: &str) -> String {
    // A currency that this version does not know is shown as it is stored, never divided by a guess.
    Currency::of(currency).map_or_else(
        |_| format!("{minor} minor units of {currency}"),
        |currency| Money::new(minor, currency).to_string(),
    )
}

fn show_totals(terminal: &Terminal, manifest: &Manifest) {
    for total in manifest.about.totals.iter().filter(|total| total.entries > 0) {
        terminal.screen.data(&format!(
            "  {:>18}  {:>7} lines  {}",
            money(total.balance_minor, &total.currency),
            grouped(total.entries),
            total.name
        ));
    }
}

/// Accounts whose balance or number of lines differs, in words.
fn differences(manifest: &Manifest, today: &BookTotals) -> Vec<String> {
    let then: BTreeMap<&str, _> = manifest.about.totals.iter().map(|total| (total.account.as_str(), total)).collect();
    let now: BTreeMap<&str, _> = today.totals.iter().map(|total| (total.account.as_str(), total)).collect();
    let all: BTreeSet<&str> = then.keys().chain(now.keys()).copied().collect();
    all.into_iter()
        .filter_map(|account| match (then.get(account), now.get(account)) {
            (Some(old), Some(new)) if old.balance_minor == new.balance_minor && old.entries == new.entries => None,
            (Some(old), Some(new)) => Some(format!(
                "{}: {} in {} lines then, {} in {} lines today",
                new.name,
                money(old.balance_minor, &old.currency),
                grouped(old.entries),
                money(new.balance_minor, &new.currency),
                grouped(new.entries)
            )),
            (Some(old), None) => Some(format!("{}: in the backup only", old.name)),
            (None, Some(new)) => Some(format!("{}: added since", new.name)),
            (None, None) => None,
        })
        .collect()
}

async fn restore(terminal: &Terminal, arguments: RestoreArguments) -> Result<Ending, Problem> {
    match &arguments.from {
        Some(from) => restore_anywhere(terminal, &arguments, from).await,
        None => restore_here(terminal, &arguments).await,
    }
}

/// From this installation's own backups, proved on the way.
async fn restore_here(terminal: &Terminal, arguments: &RestoreArguments) -> Result<Ending, Problem> {
    let Reached { engine, company, app: _ } = reach::company(terminal, &arguments.which).await?;
    let row = engine.backup(&company, arguments.id.as_deref()).await?;
    let to = std::path::absolute(&arguments.to).map_err(|error| engine::home::cannot_use(&arguments.to, &error))?;
    let (_, copy) = engine.prove_backup(&company, &row, &to, &terminal.watcher()).await?;
    terminal.screen.rest();
    tell_proved(terminal, &row, &copy);
    if !terminal.screen.json() {
        show_totals(terminal, &row.manifest);
        terminal.screen.data(&format!("The books are {}", copy.book.display()));
    }
    Ok(Ending::Done)
}

/// With nothing but the backup folder and the kit: no installation is opened or made.
async fn restore_anywhere(terminal: &Terminal, arguments: &RestoreArguments, from: &Path) -> Result<Ending, Problem> {
    let given = Given::take(terminal, arguments.recovery_key.as_ref()).await?;
    let worker = this_program()?;
    let watcher = terminal.watcher();
    let (restored, id) =
        tokio::task::block_in_place(|| restore_with_kit(&worker, from, given.opener(), arguments.id.as_deref(), &arguments.to, &watcher))?;
    terminal.screen.rest();
    let lost: Vec<Value> = restored
        .lost()
        .iter()
        .map(|lost| json!({"path": lost.path, "why": lost.why}))
        .collect();
    let dir = restored.dir().to_path_buf();
    if !lost.is_empty() {
        if terminal.screen.json() {
            terminal
                .screen
                .answer(&json!({"id": id, "dir": dir, "files": restored.files(), "lost": lost}));
        }
        // Everything undamaged is there already; the problem names every file that is not.
        return match restored.whole() {
            Ok(_) => Ok(Ending::Failed),
            Err(problem) => Err(problem),
        };
    }
    let (copy, totals) = open_restored(&dir, restored.manifest()).await?;
    let Some(manifest) = restored.manifest() else {
        terminal
            .screen
            .say("The backup's own list of files is lost, so nothing vouches for what was restored.");
        return Ok(Ending::Failed);
    };
    compare_totals(manifest, &totals)?;
    if terminal.screen.json() {
        terminal.screen.answer(&json!({
            "id": id, "company": manifest.about.company_name, "taken": manifest.about.at, "dir": dir, "book": copy.book, "files": copy.files,
            "entries": copy.entries, "accounts": copy.accounts, "lost": lost, "totals": totals.totals,
        }));
        return Ok(Ending::Done);
    }
    terminal.screen.data(&format!(
        "Restored the backup of \"{}\", taken {}.",
        manifest.about.company_name, manifest.about.at
    ));
    terminal.screen.data(&format!(
        "{} restored, the books opened, the totals of {} with {} are those of the backup.",
        counted(copy.files, "file", "files"),
        counted(copy.accounts, "account", "accounts"),
        counted(copy.entries, "entry", "entries")
    ));
    show_totals(terminal, manifest);
    terminal.screen.data(&format!("The books are {}", copy.book.display()));
    Ok(Ending::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_of_an_unknown_currency_is_never_divided_by_a_guess() {
        assert_eq!(money(120_410, "USD"), "1,204.10 USD");
        assert_eq!(money(120_410, "XXQ"), "120410 minor units of XXQ");
    }
}
