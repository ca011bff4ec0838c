//! `changeover upgrade …`: plan, start, follow, say yes, pause, go on, let a day pass, roll back.
//!
//! Every step is an event that the machine accepts or refuses; nothing is decided here. A new command is one row of
//! `UpgradeCommand` and one function in the file of its kind.

mod differences;
mod plan;
mod rollback;
mod show;
mod steps;

use crate::ending::Ending;
use crate::reach::Which;
use crate::terminal::Terminal;
use ::upgrade::{Person, PersonRole};
use clap::{Args, Subcommand, ValueEnum};
use engine::Engine;
use jiff::civil::Date;
use ledger::Problem;

#[derive(Debug, Subcommand)]
pub enum UpgradeCommand {
    /// Show what an upgrade would do; nothing is stored
    Plan(PlanArguments),
    /// Begin: the plan is signed, then checks, backup, its proof, a rehearsal and the shadow run
    Start {
        #[command(flatten)]
        plan: PlanArguments,
        #[command(flatten)]
        signer: Signer,
        #[command(flatten)]
        browser: Browser,
    },
    /// List the upgrades of this folder
    List,
    /// Show everything about an upgrade: stages, checks, what it waits for
    Show {
        #[command(flatten)]
        id: Id,
    },
    /// One line about an upgrade; the exit status tells the same
    Status {
        #[command(flatten)]
        id: Id,
    },
    /// Say yes at the gate where the upgrade waits, and go on
    Approve {
        #[command(flatten)]
        id: Id,
        #[command(flatten)]
        signer: Signer,
        /// The digest that `upgrade show` gave with the question: the yes holds for exactly that
        #[arg(long, value_name = "DIGEST")]
        digest: Option<String>,
        #[command(flatten)]
        browser: Browser,
    },
    /// Hold the upgrade where it is; nothing is undone
    Pause {
        #[command(flatten)]
        id: Id,
        /// Why, for the log
        #[arg(long, default_value = "")]
        reason: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// Go on after a pause or a halt; failed checks are asked again
    Resume {
        #[command(flatten)]
        id: Id,
        #[command(flatten)]
        signer: Signer,
        #[command(flatten)]
        browser: Browser,
    },
    /// Carry on with whatever is due, without answering anything
    Run {
        #[command(flatten)]
        id: Id,
        #[command(flatten)]
        browser: Browser,
    },
    /// Fetch, post and judge one day of the watch; a practice company's clock moves on by a day
    NextDay {
        #[command(flatten)]
        id: Id,
        /// So many days, one after the other
        #[arg(long, default_value_t = 1, value_name = "N")]
        days: u32,
    },
    /// Put the books back as they were before the upgrade, and prove it
    #[command(visible_alias = "roll-back")]
    Rollback {
        #[command(flatten)]
        id: Id,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Why, for the log
        #[arg(long, default_value = "asked for in the terminal")]
        reason: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// List what the new connector posts differently
    Differences {
        #[command(flatten)]
        id: Id,
        /// Which ones
        #[arg(long, value_enum, default_value_t = differences::Only::All)]
        only: differences::Only,
    },
}

/// Which upgrade.
#[derive(Debug, Clone, Args)]
pub struct Id {
    /// The upgrade's id; without it, the newest of the company
    #[arg(value_name = "ID")]
    pub id: Option<String>,
    #[command(flatten)]
    pub which: Which,
}

#[derive(Debug, Clone, Args)]
pub struct PlanArguments {
    #[command(flatten)]
    pub which: Which,
    /// The connector version to move to [default: the one that follows the present one]
    #[arg(long, value_name = "VERSION")]
    pub to: Option<String>,
    /// From this day on movements get the new connector's form [default: the first open day]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub from_day: Option<Date>,
    /// How long the upgrade is watched before it may be finished
    #[arg(long, value_name = "DAYS", default_value_t = ::upgrade::Plan::WATCH_DAYS)]
    pub watch_days: u32,
    /// Go on without a person after a restart, once it is known what happened
    #[arg(long)]
    pub unattended: bool,
}

/// Who says so.
#[derive(Debug, Clone, Args)]
pub struct Signer {
    /// Your name, for the log [default: your name on this computer]
    #[arg(long = "by", value_name = "NAME")]
    pub name: Option<String>,
    /// In which role you sign
    #[arg(long = "as", value_enum, default_value_t = SignerRole::Owner, value_name = "ROLE")]
    pub role: SignerRole,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SignerRole {
    Owner,
    Bookkeeper,
    Accountant,
}

impl Signer {
    pub fn person(&self, engine: &Engine) -> Person {
        let role = match self.role {
            SignerRole::Owner => PersonRole::Owner,
            SignerRole::Bookkeeper => PersonRole::Bookkeeper,
            SignerRole::Accountant => PersonRole::Accountant,
        };
        Person {
            name: self.name.clone().unwrap_or_else(|| engine.actor.clone()),
            role,
        }
    }
}

#[derive(Debug, Clone, Args)]
pub struct Browser {
    /// When signing in, print the address instead of opening the browser
    #[arg(long)]
    pub no_browser: bool,
}

pub async fn run(terminal: &Terminal, command: UpgradeCommand) -> Result<Ending, Problem> {
    match command {
        UpgradeCommand::Plan(arguments) => plan::show(terminal, arguments).await,
        UpgradeCommand::Start { plan, signer, browser } => plan::start(terminal, plan, signer, browser).await,
        UpgradeCommand::List => show::list(terminal).await,
        UpgradeCommand::Show { id } => show::show(terminal, id).await,
        UpgradeCommand::Status { id } => show::status(terminal, id).await,
        UpgradeCommand::Approve {
            id,
            signer,
            digest,
            browser,
        } => steps::approve(terminal, id, signer, digest, browser).await,
        UpgradeCommand::Pause { id, reason, signer } => steps::pause(terminal, id, reason, signer).await,
        UpgradeCommand::Resume { id, signer, browser } => steps::resume(terminal, id, signer, browser).await,
        UpgradeCommand::Run { id, browser } => steps::run(terminal, id, browser).await,
        UpgradeCommand::NextDay { id, days } => steps::next_day(terminal, id, days).await,
        UpgradeCommand::Rollback { id, yes, reason, signer } => rollback::rollback(terminal, id, yes, reason, signer).await,
        UpgradeCommand::Differences { id, only } => differences::show(terminal, id, only).await,
    }
}
