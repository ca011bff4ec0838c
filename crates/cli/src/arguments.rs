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
    /// Never ask anything at the terminal; what would need an answer ends with an error instead
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Read the passphrase of the vault from the first line of standard input
    #[arg(long, global = true)]
    pub passphrase_stdin: bool,
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
    /// Payments that were not posted, and your answer to each
    #[command(subcommand)]
    Holds(crate::holds::Holds),
    /// The log of everything that was done
    #[command(subcommand)]
    Log(crate::log::LogCommand),
    /// Where secrets are kept: the keychain, a passphrase vault, or this session only
    #[command(subcommand)]
    Vault(crate::vault::VaultCommand),
    /// Look whether everything that Changeover needs is well
    Doctor,
    /// Answer one of the window's commands in JSON, for programs
    Run(crate::machine::MachineArguments),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_command_is_well_formed_and_explained() {
        fn explained(command: &clap::Command, path: &str) {
            assert!(command.get_about().is_some(), "{path} has no help text");
            for argument in command
                .get_arguments()
                .filter(|a| !a.is_hide_set() && !matches!(a.get_id().as_str(), "help" | "version"))
            {
                assert!(
                    argument.get_help().is_some() || !argument.get_possible_values().is_empty(),
                    "{path} --{} has no help text",
                    argument.get_id()
                );
            }
            for inner in command.get_subcommands() {
                explained(inner, &format!("{path} {}", inner.get_name()));
            }
        }
        let command = Arguments::command();
        command.clone().debug_assert();
        explained(&command, "changeover");
    }

    #[test]
    fn no_option_takes_a_secret() {
        fn named(command: &clap::Command, found: &mut Vec<String>) {
            found.extend(command.get_arguments().filter_map(|a| a.get_long()).map(str::to_string));
            command.get_subcommands().for_each(|inner| named(inner, found));
        }
        let mut all = Vec::new();
        named(&Arguments::command(), &mut all);
        for word in ["password", "secret", "token"] {
            assert!(!all.iter().any(|name| name.contains(word)), "{word} in {all:?}");
        }
    }

    #[test]
    fn the_global_options_stand_before_or_after_the_command() {
        for line in [
            ["changeover", "--home", "/h", "--json", "doctor"],
            ["changeover", "doctor", "--home", "/h", "--json"],
        ] {
            let read = Arguments::try_parse_from(line).unwrap();
            assert!(read.json && read.home == Some("/h".into()));
        }
    }

    #[test]
    fn every_command_can_be_read_with_its_arguments() {
        let lines: &[&[&str]] = &[
            &["practice", "run", "--seed", "7"],
            &[
                "practice",
                "run",
                "--seed",
                "7",
                "--story",
                "connector-drops-refunds",
                "--payments",
                "60",
            ],
            &["practice", "run", "--resume", "--new-if-none"],
            &["practice", "new", "--seed", "7"],
            &[
                "practice",
                "consent",
                "http://127.0.0.1:1/oauth2/authorize?x=1",
                "--allow-fewer",
                "A,B",
            ],
            &[
                "company",
                "add",
                "--books",
                "b",
                "--name",
                "n",
                "--zone",
                "Europe/Berlin",
                "--role",
                "bank=Bank",
                "--connector",
                "square",
                "--version",
                "1",
            ],
            &["company", "map", "--role", "bank=Bank"],
            &["accounts", "reconnect", "--no-browser", "--company", "c"],
            &["accounts", "calendar", "--company", "c", "--ics", "ends.ics"],
            &["sync"],
            &["sync", "status"],
            &["upgrade", "plan", "--to", "2", "--from-day", "2026-01-01"],
            &[
                "upgrade",
                "approve",
                "upgrade-1",
                "--digest",
                "ab",
                "--by",
                "Ada",
                "--as",
                "bookkeeper",
            ],
            &["upgrade", "rollback", "upgrade-1", "--yes"],
            &["upgrade", "next-day", "--days", "3"],
            &["backup", "verify", "backup-1", "--restore"],
            &["backup", "preview", "--from", "p", "--recovery-key", "k"],
            &["backup", "restore", "--from", "p", "--recovery-key", "k", "--to", "d"],
            &["reconcile", "export", "--to", "x.csv"],
            &["holds", "list"],
            &["holds", "show", "hold-1", "--company", "c"],
            &["holds", "link", "hold-1", "--entry", "e", "--by", "Ada"],
            &["holds", "post", "hold-1", "--line", "Income:Sales=-9.50", "--line", "Assets:Clearing=9.50"],
            &["holds", "exclude", "hold-1", "--reason", "A test of the terminal"],
            &["holds", "undo", "hold-1"],
            &["log", "verify"],
            &["log", "verify", "--checkpoint", "c.txt"],
            &["log", "checkpoint", "--to", "c.txt"],
            &["vault", "status"],
            &["vault", "choose", "passphrase", "--passphrase-stdin"],
            &["vault", "choose", "keychain", "--leave-old-key", "--no-input"],
            &["vault", "passphrase", "change"],
            &["doctor"],
            &["run"],
            &["run", "app_view", "{}"],
        ];
        for line in lines {
            let read = Arguments::try_parse_from(std::iter::once("changeover").chain(line.iter().copied()));
            assert!(read.is_ok(), "{line:?}: {}", read.unwrap_err());
        }
    }

    #[test]
    fn an_unknown_command_is_wrong_use() {
        assert_eq!(Arguments::try_parse_from(["changeover", "explode"]).unwrap_err().exit_code(), 2);
        assert_eq!(
            Arguments::try_parse_from(["changeover", "backup", "restore", "--to", "d", "--from", "p"])
                .unwrap_err()
                .exit_code(),
            2
        );
    }
}
