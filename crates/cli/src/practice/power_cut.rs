//! The story "power cut": the program dies while the first wave is posted, and is started again.
//!
//! It really dies: a process of its own ends as with `kill -9`, right after the books were swapped and before anybody
//! could note it. The process before it stops in front of the first wave, so that this is the first swap that the dying
//! one meets. What follows the restart is the ordinary way.

use super::RunArguments;
use crate::ending::Ending;
use crate::terminal::Terminal;
use api::practice_company::E_PRACTICE;
use ledger::Problem;
use std::process::{ExitStatus, Stdio};
use tokio::process::Command;

/// The crash point right after the new books stand in the place of the old.
const POINT: &str = "books.swapped";
/// Names the point at which the engine ends the process.
const DIE_AT: &str = "CHANGEOVER_DIE_AT";

pub async fn tell(terminal: &Terminal, arguments: RunArguments) -> Result<Ending, Problem> {
    terminal.screen.say("Up to the first wave:");
    let first = child(terminal, &super::make_arguments(&arguments, &["--part", "until-first-wave"]), None).await?;
    if !first.success() {
        return Err(not_told(format!("The part before the power cut ended with {first}.")));
    }
    terminal.screen.say("The first wave is posted, and the power goes:");
    let second = child(terminal, &super::make_arguments(&arguments, &["--resume"]), Some(POINT)).await?;
    // An abort has no exit status on Unix and 3 or an error code elsewhere; an ordinary end would have printed its own.
    if second.code().is_some_and(|code| code == 0) {
        return Err(not_told("The process that was to die lived to its end.".to_string()));
    }
    terminal
        .screen
        .say(&format!("The power is gone ({second}). The computer is started again:"));
    super::run::run(
        terminal,
        RunArguments {
            resume: true,
            new_if_none: false,
            part: None,
            company: arguments.company,
        },
    )
    .await
}

fn not_told(why: String) -> Problem {
    Problem::new(
        E_PRACTICE,
        "The story of the power cut could not be told.",
        why,
        "Run it again, or choose another story.",
    )
}

/// Runs this program again; what it says goes to standard error, because the answer is ours.
pub async fn child(terminal: &Terminal, arguments: &[String], die_at: Option<&str>) -> Result<ExitStatus, Problem> {
    let program = std::env::current_exe().map_err(|error| not_told(format!("This program's own path is unknown: {error}.")))?;
    let mut command = Command::new(program);
    command
        .arg("--home")
        .arg(&terminal.home)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    match die_at {
        Some(point) => command.env(DIE_AT, point),
        None => command.env_remove(DIE_AT),
    };
    command
        .status()
        .await
        .map_err(|error| not_told(format!("The program could not be started again: {error}.")))
}
