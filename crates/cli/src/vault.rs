//! `changeover vault`: where secrets are kept, and the question for the passphrase.
//!
//! A passphrase is typed without echo, or read as a line of standard input where `--passphrase-stdin` says so; it is never an
//! argument, never in the environment, and never printed. A further place is one more [`Place`].

use crate::ending::Ending;
use crate::secret;
use crate::terminal::Terminal;
use api::App;
use authorization::{AskPassphrase, KeptWhere, KeychainStatus, Leaving, Passphrase, PassphraseState, Vault};
use clap::{Args, Subcommand, ValueEnum};
use ledger::Problem;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde_json::json;
use std::io::IsTerminal;
use std::pin::Pin;

#[derive(Debug, Subcommand)]
pub enum VaultCommand {
    /// Say where secrets are kept, how that place is, and what can be done
    Status,
    /// Choose the place for secrets; the key moves there, and nobody has to sign in again
    Choose(ChooseArguments),
    /// The passphrase of the vault
    #[command(subcommand)]
    Passphrase(PassphraseCommand),
}

#[derive(Debug, Clone, Args)]
pub struct ChooseArguments {
    /// The place
    pub place: Place,
    /// Leave the key where it is, because its place cannot be opened any more; connections sealed with it need a new sign-in
    #[arg(long)]
    pub leave_old_key: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Place {
    /// This computer's keychain
    Keychain,
    /// Memory: ends with each run; what was kept before stays where it is
    Session,
    /// A file of this installation, sealed with a passphrase
    Passphrase,
}

#[derive(Debug, Subcommand)]
pub enum PassphraseCommand {
    /// Replace the passphrase; the old one is needed
    Change,
}

/// How a passphrase is asked for.
#[derive(Debug, Clone, Default)]
pub struct Asking {
    no_input: bool,
    from_stdin: bool,
}

impl Asking {
    pub fn new(no_input: bool, from_stdin: bool) -> Asking {
        Asking { no_input, from_stdin }
    }

    /// `None` where nobody can be asked.
    async fn ask(&self, question: &'static str) -> Result<Option<Passphrase>, Problem> {
        let asking = self.clone();
        let asked = tokio::task::spawn_blocking(move || asking.read(question));
        asked.await.unwrap_or_else(|_| Err(std::io::Error::other("the question was broken off"))).map_err(|error| {
            Problem::new(
                authorization::problems::E_PASSPHRASE_NEEDED,
                "The passphrase could not be read.",
                format!("The terminal or the standard input failed: {error}."),
                "Try again at a terminal, or give the passphrase as a line of standard input with --passphrase-stdin.",
            )
        })
    }

    fn read(&self, question: &str) -> std::io::Result<Option<Passphrase>> {
        if self.from_stdin {
            return Ok(secret::line_of(std::io::stdin().lock())?.map(passphrase));
        }
        if self.no_input || !std::io::stdin().is_terminal() {
            return Ok(None);
        }
        Ok(Some(passphrase(Zeroizing::new(rpassword::prompt_password(question)?))))
    }
}

fn passphrase(line: Zeroizing<String>) -> Passphrase {
    Passphrase::entered(SecretString::from(line.as_str()))
}

impl AskPassphrase for Asking {
    fn ask<'a>(&'a self) -> Pin<Box<dyn Future<Output = Result<Option<Passphrase>, Problem>> + Send + 'a>> {
        Box::pin(Asking::ask(self, "Passphrase of the vault: "))
    }
}

pub async fn run(terminal: &Terminal, command: VaultCommand) -> Result<Ending, Problem> {
    let app = terminal.app().await?;
    match command {
        VaultCommand::Status => {}
        VaultCommand::Choose(arguments) => choose(terminal, &app, &arguments).await?,
        VaultCommand::Passphrase(PassphraseCommand::Change) => change(terminal, &app).await?,
    }
    status(terminal, &app).await
}

async fn status(terminal: &Terminal, app: &App) -> Result<Ending, Problem> {
    let vault = &app.real().vault;
    let status = vault.keychain_status().await;
    let kept = vault.kept_where();
    let (means, next) = explained(&status);
    let leftovers = vault.has_leftovers().await?;
    if terminal.screen.json() {
        terminal.screen.answer(&json!({ "kept_where": kept.name(), "status": status, "means": means, "next": next, "old_copy_remains": leftovers }));
        return Ok(Ending::Done);
    }
    terminal.screen.data(&format!("Secrets are kept {}.", place_words(kept)));
    terminal.screen.data(&format!("  How it is:  {means}"));
    terminal.screen.data(&format!("  Next:       {next}"));
    if leftovers {
        terminal.screen.data("  Also:       the place before still holds a copy of the key; choose the present place once more to erase it.");
    }
    Ok(Ending::Done)
}

fn place_words(kept: KeptWhere) -> &'static str {
    match kept {
        KeptWhere::Keychain => "in this computer's keychain",
        KeptWhere::SessionOnly => "in memory, for each session only",
        KeptWhere::Passphrase => "in a passphrase vault",
    }
}

/// What a state means, and what can be done.
fn explained(status: &KeychainStatus) -> (String, &'static str) {
    let instead = "Or choose another place: changeover vault choose passphrase (or session).";
    match status {
        KeychainStatus::Available => ("It answers.".into(), "Nothing needs to be done."),
        KeychainStatus::Locked => ("It is locked and waits for its password.".into(), "Unlock the keyring, usually by logging in to the desktop. Or choose another place: changeover vault choose passphrase."),
        KeychainStatus::Absent(why) => (format!("There is none that could be used: {why}."), "Choose a passphrase vault: changeover vault choose passphrase. Or keep access for each session only: changeover vault choose session."),
        KeychainStatus::Silent(seconds) => (format!("It did not answer within {seconds} seconds."), instead),
        KeychainStatus::Refusing(why) => (format!("It refuses what it is asked: {why}."), instead),
        KeychainStatus::SessionOnly => ("Sign-ins end with each run of the program.".into(), "To keep them: changeover vault choose keychain (or passphrase)."),
        KeychainStatus::Passphrase(PassphraseState::Open) => ("It is open for this run.".into(), "Nothing needs to be done."),
        KeychainStatus::Passphrase(PassphraseState::Locked) => ("It is locked.".into(), "It asks for its passphrase when a secret is needed."),
        KeychainStatus::Passphrase(PassphraseState::NotSetUp) => ("Nobody has chosen its passphrase yet.".into(), "Set it up: changeover vault choose passphrase."),
        KeychainStatus::Passphrase(PassphraseState::Damaged(why)) => (
            format!("It cannot be used: {why}."),
            "If a copy of the file exists, put it back. Otherwise: changeover vault choose keychain --leave-old-key, and sign in again for each connection.",
        ),
    }
}

async fn choose(terminal: &Terminal, app: &App, arguments: &ChooseArguments) -> Result<(), Problem> {
    let engine = app.real();
    let (to, passphrase) = match arguments.place {
        Place::Keychain => (KeptWhere::Keychain, None),
        Place::Session => (KeptWhere::SessionOnly, None),
        Place::Passphrase => (KeptWhere::Passphrase, Some(for_choosing(terminal, &engine.vault).await?)),
    };
    let leaving = if arguments.leave_old_key { Leaving::Keys } else { Leaving::Nothing };
    if leaving == Leaving::Nothing && to == KeptWhere::Keychain {
        open_before_leaving(terminal, &engine.vault).await?;
    }
    if let Some(left) = engine.choose_place(to, leaving, passphrase).await? {
        terminal.screen.say("The key is in its new place. Its copy at the old place could not be erased yet:");
        terminal.screen.problem(&left);
    }
    Ok(())
}

/// The vault that the key is taken out of must be open.
async fn open_before_leaving(terminal: &Terminal, vault: &Vault) -> Result<(), Problem> {
    let (KeptWhere::Passphrase, Some(locked)) = (vault.kept_where(), vault.passphrase()) else { return Ok(()) };
    if locked.state() != PassphraseState::Locked {
        return Ok(());
    }
    let passphrase = needed(terminal, "Passphrase of the vault: ").await?;
    locked.open(passphrase).await
}

async fn for_choosing(terminal: &Terminal, vault: &Vault) -> Result<Passphrase, Problem> {
    match vault.passphrase().map(|vault| vault.state()) {
        Some(PassphraseState::NotSetUp) | None => new_one(terminal, "New passphrase of the vault: ").await,
        Some(PassphraseState::Locked | PassphraseState::Open | PassphraseState::Damaged(_)) => needed(terminal, "Passphrase of the vault: ").await,
    }
}

async fn change(terminal: &Terminal, app: &App) -> Result<(), Problem> {
    let Some(vault) = app.real().vault.passphrase() else { return Ok(()) };
    let old = needed(terminal, "Present passphrase of the vault: ").await?;
    let new = new_one(terminal, "New passphrase of the vault: ").await?;
    vault.change(old, new).await?;
    terminal.screen.say("From now on the new passphrase opens the vault, and the old one does not.");
    Ok(())
}

async fn needed(terminal: &Terminal, question: &'static str) -> Result<Passphrase, Problem> {
    match terminal.asking.ask(question).await? {
        Some(passphrase) => Ok(passphrase),
        None => Err(Problem::new(
            authorization::problems::E_PASSPHRASE_NEEDED,
            "A passphrase is needed, and nobody can be asked for it.",
            "This is not a terminal, --no-input was given, or the standard input has ended.",
            "Run the command at a terminal, or give each passphrase as a line of standard input with --passphrase-stdin.",
        )),
    }
}

/// Asked for twice where it is typed unseen.
async fn new_one(terminal: &Terminal, question: &'static str) -> Result<Passphrase, Problem> {
    let first = needed(terminal, question).await?;
    if !terminal.asking.from_stdin && !needed(terminal, "The same once more: ").await?.is_same_as(&first) {
        return Err(Problem::new(
            authorization::problems::E_PASSPHRASE_UNFIT,
            "The two passphrases are not the same.",
            "What is typed unseen is asked for twice, and the second one differs from the first.",
            "Start the command again.",
        ));
    }
    Ok(first)
}
