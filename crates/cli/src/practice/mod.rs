//! `changeover practice …`: an invented company with a simulated Square, to learn with and to try every mishap.
//!
//! Everything happens below the home folder's `practice`; a real company is never opened from here. A new story is a
//! row of `practice::Story`; one that happens outside the servers has its own file here.

pub mod run;

use crate::ending::Ending;
use crate::terminal::Terminal;
use clap::{Args, Subcommand};
use ledger::Problem;

#[derive(Debug, Subcommand)]
pub enum Practice {
    /// Make the company and carry one upgrade through all of its stages, unattended
    Run(RunArguments),
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
        Practice::Run(arguments) => run::run(terminal, arguments).await,
    }
}
