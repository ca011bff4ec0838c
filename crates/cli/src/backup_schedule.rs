//! `changeover backup due` and `backup schedule`: backups that nobody has to think of, also with the window closed.
//!
//! The system's timer starts `backup due` every hour; what is due is the engine's decision. It must never ask anything: nobody is there.

use crate::ending::Ending;
use crate::terminal::Terminal;
use clap::Args;
use engine::Engine;
use engine::schedule::timer::{self, Started};
use engine::schedule::{Due, Rule, clock};
use engine::store::company::Company;
use jiff::civil::Time;
use ledger::Problem;
use serde_json::{Value, json};

#[derive(Debug, Args)]
pub struct ScheduleArguments {
    /// Take a backup every day at this time of the business, such as 21:00
    #[arg(long, value_name = "HH:MM", value_parser = time, conflicts_with = "no_daily")]
    pub daily: Option<Time>,
    /// No daily backup
    #[arg(long)]
    pub no_daily: bool,
    /// Also take one within the hour after the books changed
    #[arg(long, conflicts_with = "no_on_change")]
    pub on_change: bool,
    /// None after changes
    #[arg(long)]
    pub no_on_change: bool,
    /// Let this computer's own timer look every hour, with the window closed too
    #[arg(long, conflicts_with = "no_timer")]
    pub timer: bool,
    /// Take the timer away again
    #[arg(long)]
    pub no_timer: bool,
}

fn time(text: &str) -> Result<Time, String> {
    Time::strptime("%H:%M", text).map_err(|_| "a time of day is two digits, a colon and two digits, such as 21:00".to_string())
}

/// Takes whatever is due, company by company; one that fails does not keep the others from theirs.
pub async fn due(terminal: &Terminal) -> Result<Ending, Problem> {
    let app = terminal.app().await?;
    let engine = app.real();
    let (mut told, mut failed) = (Vec::new(), false);
    for company in engine.companies().await? {
        match engine.take_due_backup(&company, &terminal.watcher()).await {
            Ok(Some(row)) => {
                terminal.screen.rest();
                if !terminal.screen.json() {
                    terminal.screen.data(&format!("Backed up and read back: \"{}\" ({}, {}).", company.name, row.label, row.id));
                }
                told.push(json!({"company": company.name, "taken": row.id, "occasion": row.label}));
            }
            Ok(None) => told.push(json!({"company": company.name, "taken": null})),
            Err(problem) => {
                failed = true;
                terminal.screen.rest();
                if !terminal.screen.json() {
                    terminal.screen.say(&format!("\"{}\":", company.name));
                    terminal.screen.problem(&problem);
                }
                told.push(json!({"company": company.name, "failed": problem.code.to_string()}));
            }
        }
    }
    if terminal.screen.json() {
        terminal.screen.answer(&told);
    } else if told.iter().all(|one| one["taken"].is_null() && one["failed"].is_null()) {
        terminal.screen.data("No backup is due.");
    }
    Ok(if failed { Ending::Failed } else { Ending::Done })
}

pub async fn schedule(terminal: &Terminal, arguments: ScheduleArguments) -> Result<Ending, Problem> {
    let app = terminal.app().await?;
    let engine = app.real();
    let before = engine.backup_rule().await?;
    let rule = Rule {
        daily: (before.daily || arguments.daily.is_some()) && !arguments.no_daily,
        at: arguments.daily.unwrap_or(before.at),
        on_change: (before.on_change || arguments.on_change) && !arguments.no_on_change,
        ..before.clone()
    };
    if rule != before {
        engine.set_backup_rule(&rule).await?;
    }
    let started = Started::here(engine.home.dir())?;
    match (arguments.timer, arguments.no_timer) {
        (true, _) => timer::switch_on(&started)?,
        (false, true) => timer::switch_off(&started)?,
        (false, false) => {}
    }
    let timer = timer::is_on(&started);
    let mut companies = Vec::new();
    for company in engine.companies().await? {
        companies.push(state(engine, &company).await?);
    }
    if terminal.screen.json() {
        terminal.screen.answer(&json!({"daily": rule.daily.then(|| clock(rule.at)), "on_change": rule.on_change, "prove_every_days": rule.prove_every_days, "timer": timer, "companies": companies}));
        return Ok(Ending::Done);
    }
    let screen = &terminal.screen;
    screen.data(&match (rule.daily, rule.on_change) {
        (true, true) => format!("Daily at {}, and within the hour after the books changed.", clock(rule.at)),
        (true, false) => format!("Daily at {}, by each business's own clock.", clock(rule.at)),
        (false, true) => "Within the hour after the books changed; not daily.".to_string(),
        (false, false) => "Only when somebody takes one.".to_string(),
    });
    screen.data(&format!("A backup is also proved by restoring it when the last proof is {} days old.", rule.prove_every_days));
    screen.data(match timer {
        true => "This computer's timer looks every hour, with the window closed too.",
        false => "It is looked at only while the window is open. `changeover backup schedule --timer` lets this computer's timer look every hour.",
    });
    for company in &companies {
        let words = match (company["next"].as_str(), company["state"].as_str().unwrap_or_default()) {
            (Some(next), _) => format!("next {next}"),
            (None, "now") => "due now".to_string(),
            (None, "first") => "waits for the first one, which is taken by hand: `changeover backup now`".to_string(),
            (None, _) => "none is due".to_string(),
        };
        screen.data(&format!("  {}: {words}", company["company"].as_str().unwrap_or_default()));
        if let Some(failed) = company["last"]["failed"].as_object() {
            let text = |name: &str| failed.get(name).and_then(Value::as_str).unwrap_or_default().to_string();
            screen.data(&format!("    the last one failed ({}): {} {}", text("code"), text("what"), text("next")));
        }
    }
    Ok(Ending::Done)
}

async fn state(engine: &Engine, company: &Company) -> Result<Value, Problem> {
    let (state, next) = match engine.backup_due(company).await? {
        Due::Off => ("off", None),
        Due::First => ("first", None),
        Due::NotYet { next } => ("not_yet", next),
        Due::Now(_) => ("now", None),
    };
    Ok(json!({"company": company.name, "state": state, "next": next, "last": engine.backup_run(company).await?}))
}
