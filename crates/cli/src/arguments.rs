//! What can be typed, with the help texts. Each group's own words stand in its file.
//!
//! No option takes a secret: arguments are visible to every program on the computer. A new group is one row here.

use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Upgrades payment connectors in your books without losing, doubling or misdating a cent.
#[derive(Debug, Parser)]
#[command(
    name = "changeover",
    version,
    after_help = "Exit status: 0 done; 1 failed, books untouched; 2 wrong use; 3 waits for a person; 4 halted, with work to undo."
)]
pub struct Arguments {
    /// Where Changeover keeps its data [default: $CHANGEOVER_HOME, else your data folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Answer in JSON, for programs
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Learn and try out with an invented company; nothing real is touched
    #[command(subcommand)]
    Practice(crate::practice::Practice),
    /// The companies whose books Changeover looks after
    #[command(subcommand)]
    Company(crate::company::CompanyCommand),
    /// The sign-ins at payment processors
    #[command(subcommand)]
    Accounts(crate::accounts::Accounts),
    /// Fetch new payments and post them, or say when that last happened
    Sync(crate::sync::SyncArguments),
    /// Move a connection to a newer connector, step by step, and back again
    #[command(subcommand)]
    Upgrade(crate::upgrade::UpgradeCommand),
    /// Back up, prove a backup by restoring it, restore
    #[command(subcommand)]
    Backup(crate::backup::BackupCommand),
    /// Whether books and processor agree, to the cent
    #[command(subcommand)]
    Reconcile(crate::reconcile::Reconcile),
    /// The log of everything that was done
    #[command(subcommand)]
    Log(crate::log::LogCommand),
    /// Look whether everything that Changeover needs is well
    Doctor,
}
