//! `changeover backup restore` and `backup undo-restore`: whole or in part into a folder, or in place of the live book, and back.
//!
//! A restore into a folder never writes over anything. In place somebody has to say yes, and a safety backup comes first. With nothing but
//! a place and a kit no installation is opened or made.

use crate::backup::this_program;
use crate::backup_keys::{self, Given};
use crate::backup_preview::show_totals;
use crate::ending::Ending;
use crate::follow::bytes;
use crate::reach::{self, Reached, Which};
use crate::screen::counted;
use crate::terminal::{Answered, Terminal};
use clap::Args;
use engine::restoring::bringing::{Brought, bring_back_with_kit};
use engine::restoring::in_place::PutBack;
use engine::restoring::parts::Part;
use ledger::Problem;
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, Args)]
pub struct RestoreArguments {
    /// The backup's id; without it, the newest
    pub id: Option<String>,
    #[command(flatten)]
    pub which: Which,
    /// The folder to restore into; it must be empty or not exist yet
    #[arg(long, value_name = "DIR", required_unless_present = "in_place", conflicts_with = "in_place")]
    pub to: Option<PathBuf>,
    /// Only a part: "book", "settings", or a file by the name that `backup preview` shows; may be given more than once
    #[arg(long, value_name = "PART", conflicts_with = "in_place")]
    pub only: Vec<String>,
    /// Put the book in place of the present one: a safety backup is taken and proved first, and `backup undo-restore` takes it back
    #[arg(long, conflicts_with = "from")]
    pub in_place: bool,
    /// With --in-place: put time zone, closed period, connector versions and account roles back too; sign-ins stay as they are
    #[arg(long, requires = "in_place")]
    pub settings: bool,
    /// With --in-place: do not ask
    #[arg(long, requires = "in_place")]
    pub yes: bool,
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

#[derive(Debug, Clone, Args)]
pub struct UndoArguments {
    #[command(flatten)]
    pub which: Which,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

pub async fn restore(terminal: &Terminal, arguments: RestoreArguments) -> Result<Ending, Problem> {
    if arguments.in_place {
        return in_place(terminal, &arguments).await;
    }
    let to = arguments.to.clone().unwrap_or_default();
    let part = Part::of(&arguments.only);
    if let Some(from) = &arguments.from {
        let given = Given::take(terminal, arguments.recovery_key.as_ref()).await?;
        let worker = this_program()?;
        let brought = bring_back_with_kit(&worker, from, given.opener(), arguments.id.as_deref(), &part, &to, &terminal.watcher()).await?;
        let id = brought.snapshot.clone();
        return tell(terminal, &id, brought);
    }
    let Reached { engine, company, app: _ } = reach::company(terminal, &arguments.which).await?;
    let row = engine.backup(&company, arguments.id.as_deref()).await?;
    let brought = engine.bring_back(&company, &row, &part, &to, &terminal.watcher()).await?;
    tell(terminal, &row.id, brought)
}

/// What came back, and plainly what it proves.
fn tell(terminal: &Terminal, id: &str, brought: Brought) -> Result<Ending, Problem> {
    let screen = &terminal.screen;
    screen.rest();
    let book = brought.book.as_ref();
    if screen.json() {
        let about = brought.manifest.as_ref().map(|manifest| &manifest.about);
        screen.answer(&json!({
            "id": id, "part": brought.part.words(), "whole": brought.is_whole(), "proved": brought.is_whole() && book.is_some(),
            "company": about.map(|about| &about.company_name), "taken": about.map(|about| about.at), "dir": brought.dir, "files": brought.files, "bytes": brought.bytes,
            "lost": brought.lost.iter().map(|lost| json!({"path": lost.path, "what": lost.what, "why": lost.why})).collect::<Vec<_>>(),
            "book": book.map(|(copy, _)| &copy.book), "entries": book.map(|(copy, _)| copy.entries), "accounts": book.map(|(copy, _)| copy.accounts),
            "totals": book.map(|(_, totals)| &totals.totals),
            "older_good_book": brought.older.as_ref().map(|older| json!({"id": older.id, "taken": older.taken})),
        }));
        // Everything undamaged is there already; the problem names every file that is not.
        return brought.undamaged().map(|_| Ending::Done);
    }
    let brought = match brought.lost.is_empty() {
        true => brought,
        false => {
            if let Some((copy, _)) = book {
                screen.data(&format!("The books came back whole: {}, every total is that of the backup.", copy.book.display()));
            }
            return brought.undamaged().map(|_| Ending::Failed);
        }
    };
    if let Some(manifest) = &brought.manifest {
        screen.data(&format!("Restored {} of the backup of \"{}\", taken {}.", brought.part.words(), manifest.about.company_name, manifest.about.at));
    }
    let (files, size) = (counted(brought.files, "file", "files"), bytes(brought.bytes));
    match (&brought.book, brought.part.is_everything()) {
        (Some((copy, _)), whole) => {
            screen.data(&format!(
                "{}{files} restored, the books opened, the totals of {} with {} are those of the backup.",
                if whole { "Proved: " } else { "" },
                counted(copy.accounts, "account", "accounts"),
                counted(copy.entries, "entry", "entries")
            ));
            if let Some(manifest) = &brought.manifest {
                show_totals(terminal, manifest);
            }
            screen.data(&format!("The books are {}", copy.book.display()));
        }
        (None, _) => screen.data(&format!("{files} with {size} restored into {}, each equal to what was backed up.", brought.dir.display())),
    }
    if !brought.part.is_everything() {
        screen.say("Only this part was restored and compared; that proves nothing about the rest of the backup.");
    }
    Ok(Ending::Done)
}

async fn in_place(terminal: &Terminal, arguments: &RestoreArguments) -> Result<Ending, Problem> {
    let Reached { engine, company, app: _ } = reach::company(terminal, &arguments.which).await?;
    let row = engine.backup(&company, arguments.id.as_deref()).await?;
    let question = format!(
        "Put the book of \"{}\" back as it was on {}? A safety backup is taken and proved first. Whatever was entered since is only in that one.",
        company.name, row.copied_at
    );
    match terminal.ask(&question, arguments.yes) {
        Answered::Yes => {}
        Answered::No => return Ok(Ending::Done),
        Answered::Nobody => return Ok(Ending::Waiting),
    }
    let put = engine.restore_in_place(&company, &row, arguments.settings, &terminal.watcher()).await?;
    tell_put(terminal, &row.id, &put);
    backup_keys::caution(terminal, &engine.kit_standing().await?);
    Ok(Ending::Done)
}

pub async fn undo(terminal: &Terminal, arguments: UndoArguments) -> Result<Ending, Problem> {
    let Reached { engine, company, app: _ } = reach::company(terminal, &arguments.which).await?;
    let question = format!("Put the book of \"{}\" back as it was before the restore? A safety backup is taken and proved first.", company.name);
    match terminal.ask(&question, arguments.yes) {
        Answered::Yes => {}
        Answered::No => return Ok(Ending::Done),
        Answered::Nobody => return Ok(Ending::Waiting),
    }
    let put = engine.undo_restore(&company, &terminal.watcher()).await?;
    let backup = put.id.clone();
    tell_put(terminal, &backup, &put);
    Ok(Ending::Done)
}

fn tell_put(terminal: &Terminal, id: &str, put: &PutBack) {
    let screen = &terminal.screen;
    screen.rest();
    if screen.json() {
        screen.answer(&json!({
            "id": id, "restore": put.id, "in_place": true, "book": put.book, "entries": put.entries, "accounts": put.accounts, "safety_backup": put.safety,
            "kept": put.kept, "looked_at_again": put.again, "no_longer_linked": put.unlinked, "stay_out": put.stay_out, "settings": put.settings,
            "notes": put.notes, "undo_until": put.undo_until,
        }));
        return;
    }
    screen.data(&format!(
        "In place: {} with {} and {}, proved before it was put there.",
        put.book.display(),
        counted(put.entries, "entry", "entries"),
        counted(put.accounts, "account", "accounts")
    ));
    screen.data(&format!("Safety backup of the book as it was: {}", put.safety));
    if let Some(kept) = &put.kept {
        screen.data(&format!("The book as it was also lies beside it: {}", file_name(kept)));
    }
    if put.again > 0 {
        screen.data(&format!(
            "{} posted since are not in this book; the next fetch looks at them again.",
            counted(put.again, "payment that was", "payments that were")
        ));
    }
    if put.unlinked > 0 {
        screen.data(&format!(
            "{} linked to an entry typed by hand that is not in this book; the next fetch looks at them again.",
            counted(put.unlinked, "payment was", "payments were")
        ));
    }
    if put.stay_out > 0 {
        screen.data(&format!("{} whose entry somebody had deleted stay out.", counted(put.stay_out, "payment", "payments")));
    }
    if put.settings {
        screen.data("The settings were put back too. Sign-ins and keys are as they were.");
    }
    put.notes.iter().for_each(|note| screen.data(note));
    if let Some(until) = put.undo_until {
        screen.say(&format!("Until {until} this can be taken back once: {}", terminal.command("backup undo-restore")));
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
