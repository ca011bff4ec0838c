//! The project's own commands: `cargo xtask run | test | bench | faults | codegen`.
//!
//! It prepares the computer, builds, and starts programs; it holds no product code and names no
//! crate of ours as a dependency, so that it builds in seconds. A new command is one module here
//! and one row in `COMMANDS`; a new system package is one row in `packages.rs`.

mod bench;
mod checks;
mod codegen;
mod faults;
mod memory;
mod packages;
mod page;
mod run;
mod session;
mod shell;
mod test;

use std::process::ExitCode;

/// What went wrong, already worded for a person.
pub type Outcome = Result<(), String>;

struct Command {
    name: &'static str,
    usage: &'static str,
    does: &'static str,
    /// Called by this program itself only; not listed.
    hidden: bool,
    run: fn(&[String]) -> Outcome,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "run",
        usage: "run [--terminal]",
        does: "set up this computer, build, and open a practice company (in the terminal where there is no display)",
        hidden: false,
        run: run::run,
    },
    Command {
        name: "test",
        usage: "test [--quick] [--only PART]...",
        does: "set up this computer and run every test; --quick leaves out the real window; parts: ui, rust, journeys, window",
        hidden: false,
        run: test::run,
    },
    Command {
        name: "bench",
        usage: "bench [--seed N]",
        does: "measure the practice upgrade (time, memory) and posting beside GnuCash's own engine, in a release build",
        hidden: false,
        run: bench::run,
    },
    Command {
        name: "faults",
        usage: "faults [NAME]",
        does: "the long sweeps: every kill point, every full disk; hours, not minutes (\"refresh\": renewals only, 2,000 runs)",
        hidden: false,
        run: faults::run,
    },
    Command {
        name: "codegen",
        usage: "codegen",
        does: "write the page's types again from the command table",
        hidden: false,
        run: codegen::run,
    },
    Command { name: "session", usage: "session", does: "a desktop session for the window's tests", hidden: true, run: session::inside },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(name) = arguments.first() else {
        usage();
        return ExitCode::from(2);
    };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprintln!("There is no command \"{name}\".\n");
        usage();
        return ExitCode::from(2);
    };
    match (command.run)(&arguments[1..]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("\n{text}");
            ExitCode::FAILURE
        }
    }
}

fn usage() {
    eprintln!("cargo xtask COMMAND\n");
    for command in COMMANDS.iter().filter(|command| !command.hidden) {
        eprintln!("  {:<34} {}", command.usage, command.does);
    }
}
