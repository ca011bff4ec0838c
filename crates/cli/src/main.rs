//! `changeover` in the terminal: reads the arguments, starts the engine, hands over to the command's own file.
//!
//! It must never hold a rule of the business (that is `engine` and the pure crates) and never takes a secret as an
//! argument. A new command group is one file beside this one and one row of `Command`.

mod accounts;
mod accounts_enter;
mod arguments;
mod backup;
mod backup_keys;
mod backup_preview;
mod backup_restore;
mod backup_schedule;
mod browser;
mod calendar;
mod company;
mod csv;
mod doctor;
mod ending;
mod follow;
mod holds;
mod log;
mod machine;
mod practice;
mod reach;
mod reconcile;
mod screen;
mod secret;
mod sign_in;
mod sync;
mod terminal;
mod upgrade;
mod vault;

use arguments::{Arguments, Command};
use clap::Parser;
use ending::Ending;
use screen::Screen;
use std::process::ExitCode;
use terminal::Terminal;

/// Half the memory and a sixth less time than the system's allocator, for many small values that come and go. How it behaves is said in
/// `.cargo/config.toml`, because it is built in.
#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Posting rules are deep expressions; the usual two megabytes are not enough for every one of them.
const WORKER_STACK_BYTES: usize = 8 * 1024 * 1024;

fn main() -> ExitCode {
    // Before any thread is started: the backup's worker is this same program.
    if let Some(code) = api::worker_entry() {
        return code;
    }
    let arguments = Arguments::parse();
    let screen = Screen::new(arguments.json);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(WORKER_STACK_BYTES)
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            screen.say(&format!("Changeover could not start its threads: {error}. Nothing was changed."));
            return Ending::Failed.code();
        }
    };
    // A second installation is refused, which is fine: then there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let for_work = screen.clone();
    // Spawned, so that it runs on a thread with the stack above; the first thread's is the system's choice.
    let work = runtime.spawn(async move {
        let mut terminal = Terminal::new(arguments.home, for_work)?;
        terminal.asking = vault::Asking::new(arguments.no_input, arguments.passphrase_stdin);
        run(&terminal, arguments.command).await
    });
    let ending = match runtime.block_on(work) {
        Ok(Ok(ending)) => ending,
        Ok(Err(problem)) => {
            screen.problem(&problem);
            Ending::of(&problem)
        }
        Err(panicked) => {
            screen.say(&format!(
                "Changeover stopped because of a fault of its own: {panicked}. `changeover log show` tells how far it came."
            ));
            Ending::Halted
        }
    };
    screen.finish();
    // A reader of the terminal's input may still wait for a line; nobody waits for it.
    runtime.shutdown_background();
    ending.code()
}

async fn run(terminal: &Terminal, command: Command) -> Result<Ending, ledger::Problem> {
    match command {
        Command::Practice(command) => practice::run(terminal, command).await,
        Command::Company(command) => company::run(terminal, command).await,
        Command::Accounts(command) => accounts::run(terminal, command).await,
        Command::Sync(arguments) => sync::run(terminal, arguments).await,
        Command::Upgrade(command) => upgrade::run(terminal, command).await,
        Command::Backup(command) => backup::run(terminal, command).await,
        Command::Reconcile(command) => reconcile::run(terminal, command).await,
        Command::Holds(command) => holds::run(terminal, command).await,
        Command::Log(command) => log::run(terminal, command).await,
        Command::Vault(command) => vault::run(terminal, command).await,
        Command::Doctor => doctor::run(terminal).await,
        Command::Run(arguments) => machine::run(terminal, arguments).await,
    }
}
