//! `changeover practice …`: an invented company with a simulated Square, to learn with and to try every mishap.
//!
//! Everything happens below the home folder's `practice`; a real company is never opened from here. A new story is a
//! row of `practice::Story`; one that happens outside the servers has its own file here.

mod around;
mod disk_full;
mod power_cut;
pub mod run;

use crate::ending::Ending;
use crate::terminal::Terminal;
use clap::{Args, Subcommand};
use ledger::Problem;

#[derive(Debug, Subcommand)]
pub enum Practice {
    /// Make the company and carry one upgrade through all of its stages, unattended
    Run(RunArguments),
    /// Make the company only, with its year of payments, and leave it there
    New(CompanyArguments),
    /// List the stories that a practice run can tell
    Stories,
    /// Serve the practice Square until Ctrl-C, for other programs to sign in at and read from
    Serve(around::ServeArguments),
    /// Answer a practice sign-in page as its owner would, without a browser
    Consent(around::ConsentArguments),
    /// Let a day pass on the practice clock
    NextDay,
}

/// What the invented company is made from.
#[derive(Debug, Clone, Args)]
pub struct CompanyArguments {
    /// The same number always makes the same company
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// What goes wrong on the way; `changeover practice stories` lists them
    #[arg(long, value_name = "STORY", default_value = "all-goes-well")]
    pub story: String,
    /// About this many payments instead of a whole year of them
    #[arg(long, value_name = "N")]
    pub payments: Option<usize>,
}

#[derive(Debug, Clone, Args)]
pub struct RunArguments {
    #[command(flatten)]
    pub company: CompanyArguments,
    /// Go on where an earlier run was interrupted
    #[arg(long)]
    pub resume: bool,
    /// With --resume: begin anew when there is nothing to go on with
    #[arg(long, requires = "resume")]
    pub new_if_none: bool,
    /// Only a part of a story that needs several processes
    #[arg(long, hide = true, value_name = "PART")]
    pub part: Option<run::Part>,
}

pub async fn run(terminal: &Terminal, command: Practice) -> Result<Ending, Problem> {
    match command {
        Practice::Run(arguments) => told(terminal, arguments).await,
        Practice::New(arguments) => run::make(terminal, &arguments).await,
        Practice::Stories => around::stories(terminal),
        Practice::Serve(arguments) => around::serve(terminal, arguments).await,
        Practice::Consent(arguments) => around::consent(terminal, arguments).await,
        Practice::NextDay => around::next_day(terminal).await,
    }
}

/// A story of which a part happens outside the servers is told by its own file.
async fn told(terminal: &Terminal, arguments: RunArguments) -> Result<Ending, Problem> {
    let whole = arguments.part.is_none() && !arguments.resume;
    match arguments.company.story.parse() {
        Ok(::practice::Story::PowerCut) if whole => power_cut::tell(terminal, arguments).await,
        Ok(::practice::Story::DiskFull) if whole => disk_full::tell(terminal, arguments).await,
        // An unknown name is refused by whoever makes the company.
        Ok(_) | Err(_) => run::run(terminal, arguments).await,
    }
}

/// The arguments with which another process of this program takes part in the same story.
fn make_arguments(arguments: &RunArguments, more: &[&str]) -> Vec<String> {
    let company = &arguments.company;
    let mut all = vec![
        "practice".to_string(),
        "run".into(),
        "--seed".into(),
        company.seed.to_string(),
        "--story".into(),
        company.story.clone(),
    ];
    if let Some(payments) = company.payments {
        all.extend(["--payments".to_string(), payments.to_string()]);
    }
    all.extend(more.iter().map(ToString::to_string));
    all
}
