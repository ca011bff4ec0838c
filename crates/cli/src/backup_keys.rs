//! `changeover backup recovery-kit`, `passphrase`, `ways-in`: what opens the backups besides this computer.
//!
//! A code, a group and a passphrase are typed without echo or read as a line of standard input; never an argument, never printed.
//! What is said of a kit is its file, its check and whether it counts.

use crate::ending::Ending;
use crate::reach::{self, Which};
use crate::secret;
use crate::terminal::Terminal;
use ::backup::{Passphrase, WayKind};
use clap::{Args, Subcommand};
use engine::reading_back::Opener;
use engine::ways_in::{KitStanding, read_kit_file};
use ledger::Problem;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde_json::json;
use std::io::IsTerminal;
use std::path::PathBuf;

#[derive(Debug, Clone, Args)]
pub struct RecoveryKitArguments {
    /// The file to write: a page to print where its name ends in .pdf, else a text; keep it away from this computer
    #[arg(required_unless_present = "confirm", conflicts_with = "confirm")]
    pub file: Option<PathBuf>,
    /// Show that the kit was kept: type the last group of its code, or read its file back with --file; from then on backups count
    #[arg(long)]
    pub confirm: bool,
    /// With --confirm: the kit's file, which is read back and tried on the backups
    #[arg(long = "file", value_name = "FILE", requires = "confirm")]
    pub read: Option<PathBuf>,
    /// The earlier kit was lost: its recovery code ends as soon as the new kit is confirmed
    #[arg(long, conflicts_with = "confirm")]
    pub lost: bool,
    #[command(flatten)]
    pub which: Which,
}

#[derive(Debug, Subcommand)]
pub enum BackupPassphrase {
    /// Choose a passphrase as a second way into the backups
    Set {
        #[command(flatten)]
        which: Which,
    },
    /// Replace the passphrase; the present one is needed
    Change {
        #[command(flatten)]
        which: Which,
    },
    /// Take the passphrase away; a confirmed recovery kit must remain
    Remove {
        /// It is not known any more: every passphrase of these backups ends
        #[arg(long)]
        forgotten: bool,
        #[command(flatten)]
        which: Which,
    },
}

/// What opens backups on a computer that knows nothing.
pub enum Given {
    Kit(Zeroizing<Vec<u8>>),
    Passphrase(Passphrase),
}

impl Given {
    /// Reads the kit's file, or asks for the passphrase.
    pub async fn take(terminal: &Terminal, kit: Option<&PathBuf>) -> Result<Given, Problem> {
        match kit {
            Some(file) => read_kit_file(file).map(Given::Kit),
            None => asked(terminal, "The passphrase of these backups").await.map(Given::Passphrase),
        }
    }

    pub fn opener(&self) -> Opener<'_> {
        match self {
            Given::Kit(bytes) => Opener::Kit(bytes),
            Given::Passphrase(passphrase) => Opener::Passphrase(passphrase),
        }
    }
}

async fn asked(terminal: &Terminal, words: &str) -> Result<Passphrase, Problem> {
    secret::ask(terminal, words).await.map(Passphrase::entered)
}

/// Asked for twice where it is typed unseen.
async fn new_one(terminal: &Terminal) -> Result<Passphrase, Problem> {
    let first = asked(terminal, "The new passphrase of the backups").await?;
    first.fit_for_new()?;
    if std::io::stdin().is_terminal() && !asked(terminal, "The same once more").await?.is_same_as(&first) {
        return Err(Problem::new(
            ::backup::problems::E_PASSPHRASE_UNFIT,
            "The two passphrases are not the same.",
            "What is typed unseen is asked for twice, and the second one differs from the first.",
            "Start the command again.",
        ));
    }
    Ok(first)
}

pub async fn recovery_kit(terminal: &Terminal, arguments: RecoveryKitArguments) -> Result<Ending, Problem> {
    let reached = reach::company(terminal, &arguments.which).await?;
    let screen = &terminal.screen;
    let Some(file) = arguments.file else {
        match &arguments.read {
            Some(file) => reached.engine.confirm_kit_by_reading(&read_kit_file(file)?).await?,
            None => {
                let typed: SecretString = secret::ask(terminal, "The eighth and last group of the recovery code, from the page").await?;
                reached.engine.confirm_kit_by_last_group(&typed).await?;
            }
        }
        let standing = reached.engine.kit_standing().await?;
        if screen.json() {
            screen.answer(&json!({"counts": standing.counts()}));
        } else {
            screen.data("The recovery kit is confirmed: from now on backups count.");
        }
        return Ok(Ending::Done);
    };
    let file = std::path::absolute(&file).map_err(|error| engine::home::cannot_use(&file, &error))?;
    let mark = match arguments.lost {
        true => reached.engine.renew_recovery_kit(&file).await?,
        false => reached.engine.write_recovery_kit(&file).await?,
    };
    let standing = reached.engine.kit_standing().await?;
    if screen.json() {
        screen.answer(&json!({"file": file, "fingerprint": mark, "counts": standing.counts()}));
        return Ok(Ending::Done);
    }
    screen.data(&format!("The recovery kit {mark} is in {}.", file.display()));
    screen.say("Print it or keep it on another medium: whoever has it and the backup folder can read your books.");
    screen.say(standing.sentence());
    if arguments.lost {
        screen.say(
            "The earlier recovery code ends with that confirmation. The key that stands on the lost kit stays the same: whoever finds that kit and has this \
             folder can read it. If that matters, make a new place for backups and erase this one.",
        );
    }
    Ok(Ending::Done)
}

pub async fn passphrase(terminal: &Terminal, command: BackupPassphrase) -> Result<Ending, Problem> {
    let screen = &terminal.screen;
    let said = match command {
        BackupPassphrase::Set { which } => {
            let reached = reach::company(terminal, &which).await?;
            let new = new_one(terminal).await?;
            reached.engine.set_backup_passphrase(&new).await?;
            format!("The passphrase ({}) now opens these backups, beside the recovery kit.", new.strength().word())
        }
        BackupPassphrase::Change { which } => {
            let reached = reach::company(terminal, &which).await?;
            let old = asked(terminal, "The present passphrase of the backups").await?;
            let new = new_one(terminal).await?;
            reached.engine.change_backup_passphrase(&old, &new, &mut |_| {}).await?;
            format!("From now on the new passphrase ({}) opens these backups, and the old one does not.", new.strength().word())
        }
        BackupPassphrase::Remove { forgotten, which } => {
            let reached = reach::company(terminal, &which).await?;
            let old = match forgotten {
                true => None,
                false => Some(asked(terminal, "The passphrase that is to end").await?),
            };
            reached.engine.remove_backup_passphrase(old.as_ref()).await?;
            "No passphrase opens these backups any more; the recovery kit does.".to_string()
        }
    };
    if screen.json() {
        screen.answer(&json!({"done": true}));
    } else {
        screen.data(&said);
    }
    Ok(Ending::Done)
}

pub async fn ways_in(terminal: &Terminal, which: &Which) -> Result<Ending, Problem> {
    let reached = reach::company(terminal, which).await?;
    let ways = reached.engine.ways_in().await?;
    let standing = reached.engine.kit_standing().await?;
    let screen = &terminal.screen;
    if screen.json() {
        let listed: Vec<_> = ways.iter().map(|way| json!({"id": way.id, "kind": way.kind, "made": way.made, "confirmed": way.confirmed})).collect();
        screen.answer(&json!({"ways_in": listed, "counts": standing.counts()}));
        return Ok(Ending::Done);
    }
    for way in &ways {
        let kind = match way.kind {
            WayKind::RecoveryCode if way.confirmed => "recovery code, on the confirmed kit",
            WayKind::RecoveryCode => "recovery code",
            WayKind::Passphrase => "passphrase",
            WayKind::Other => "made by another program",
        };
        let made = way.made.map_or_else(|| "at an unknown time".to_string(), |made| made.strftime("%Y-%m-%d %H:%M UTC").to_string());
        screen.data(&format!("{}  made {made}  {kind}", &way.id[..8.min(way.id.len())]));
    }
    screen.data("And this computer's own key, which lies with its other secrets, and stands on every kit.");
    screen.say(standing.sentence());
    Ok(Ending::Done)
}

/// What is added to whatever is said of a backup while no kit is confirmed.
pub fn caution(terminal: &Terminal, standing: &KitStanding) {
    if !standing.counts() && !terminal.screen.json() {
        terminal.screen.say(standing.sentence());
    }
}
