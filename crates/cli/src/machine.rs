//! `changeover run COMMAND JSON`: the window's own commands, for programs.
//!
//! The table of commands answers; this only carries JSON in and out, and stays until the work that a command began has
//! ended, because work ends with its process.

use crate::ending::Ending;
use crate::terminal::Terminal;
use api::App;
use api::commands::ENGINE;
use api::views::{JobState, JobView};
use clap::Args;
use ledger::Problem;
use serde_json::Value;
use std::io::Read;
use std::time::Duration;

/// How often work under way is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Args)]
pub struct MachineArguments {
    /// The command, such as `app_view`; without one they are listed
    pub command: Option<String>,
    /// What is sent with it; `-` reads it from standard input
    #[arg(value_name = "JSON", default_value = "{}")]
    pub sent: String,
}

pub async fn run(terminal: &Terminal, arguments: MachineArguments) -> Result<Ending, Problem> {
    let screen = &terminal.screen;
    let Some(command) = arguments.command else {
        for row in ENGINE {
            screen.data(&format!(
                "{:<20} {}  {}",
                row.name,
                if row.writes { "writes" } else { "reads " },
                row.words
            ));
        }
        return Ok(Ending::Done);
    };
    let mut text = arguments.sent;
    if text == "-" {
        text.clear();
        if let Err(error) = std::io::stdin().read_to_string(&mut text) {
            screen.say(&format!("Nothing was done: standard input cannot be read ({error})."));
            return Ok(Ending::Usage);
        }
    }
    let sent: Value = match serde_json::from_str(&text) {
        Ok(sent) => sent,
        Err(error) => {
            screen.say(&format!(
                "Nothing was done: what was sent with \"{command}\" is not JSON ({error})."
            ));
            return Ok(Ending::Usage);
        }
    };
    let app = terminal.app().await?;
    let answer = match api::dispatch(&app, &command, sent).await {
        Ok(answer) => answer,
        Err(refused) => {
            screen.problem_view(&refused);
            return Ok(match refused.code.as_str() {
                "E-COMMAND-UNKNOWN" | "E-COMMAND-ARGUMENTS" => Ending::Usage,
                _ => Ending::of_view(&refused),
            });
        }
    };
    let (answer, ending) = ended(&app, answer).await?;
    screen.answer(&answer);
    Ok(ending)
}

/// Waits for all work; where the answer was a piece of work, the answer is its end.
async fn ended(app: &App, answer: Value) -> Result<(Value, Ending), Problem> {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    while !app.jobs().all_running().is_empty() {
        ticks.tick().await;
    }
    let Ok(job) = serde_json::from_value::<JobView>(answer.clone()) else {
        return Ok((answer, Ending::Done));
    };
    let job = app.jobs().view(&job.id)?;
    let ending = match (job.state, &job.problem) {
        (JobState::Running | JobState::Done, _) => Ending::Done,
        (JobState::Failed | JobState::Cancelled, Some(problem)) => Ending::of_view(problem),
        (JobState::Failed | JobState::Cancelled, None) => Ending::Failed,
    };
    let view = serde_json::to_value(&job).unwrap_or(answer);
    Ok((view, ending))
}
