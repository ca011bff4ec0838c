//! `changeover sync`: fetch what is new and post it, for every company or for one.
//!
//! Safe to run from a timer, twice, at once, or after weeks; a trouble with one account does not hold up the others.

use crate::ending::Ending;
use crate::reach::{self, Reached, Which};
use crate::screen::{counted, grouped};
use crate::terminal::Terminal;
use clap::{Args, ValueEnum};
use engine::store::company::Connection;
use engine::store::movement;
use engine::sync::Synced;
use ledger::Problem;
use serde_json::json;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Fetch and post
    Now,
    /// Say when that last happened and what is held
    Status,
}

#[derive(Debug, Clone, Args)]
pub struct SyncArguments {
    #[arg(value_enum, default_value_t = What::Now)]
    pub what: What,
    #[command(flatten)]
    pub which: Which,
}

pub async fn run(terminal: &Terminal, arguments: SyncArguments) -> Result<Ending, Problem> {
    let all = reached(terminal, &arguments.which).await?;
    match arguments.what {
        What::Now => now(terminal, all, &arguments.which).await,
        What::Status => status(terminal, all, &arguments.which).await,
    }
}

/// The named company; without a name every real one, and practice only where there is nothing else.
async fn reached(terminal: &Terminal, which: &Which) -> Result<Vec<Reached>, Problem> {
    if which.company.is_some() {
        return Ok(vec![reach::company(terminal, which).await?]);
    }
    let app = terminal.app().await?;
    let mut all = Vec::new();
    for company in app.real().companies().await? {
        all.push(Reached {
            app: app.clone(),
            engine: app.real().clone(),
            company,
        });
    }
    if all.is_empty() {
        let (engine, company) = app.company_or_only(None).await?;
        all.push(Reached { app, engine, company });
    }
    Ok(all)
}

async fn connections(reached: &Reached, which: &Which) -> Result<Vec<Connection>, Problem> {
    match &which.account {
        Some(account) => Ok(vec![reached.engine.connection(&reached.company, Some(account)).await?]),
        None => reached.engine.connections(&reached.company).await,
    }
}

async fn now(terminal: &Terminal, all: Vec<Reached>, which: &Which) -> Result<Ending, Problem> {
    let mut ending = Ending::Done;
    let mut rows = Vec::new();
    let watcher = terminal.watcher();
    for reached in &all {
        reach::ready(terminal, reached, None).await?;
        for connection in connections(reached, which).await? {
            let result = reached.engine.sync(&reached.company, &connection, &watcher).await;
            terminal.screen.rest();
            match result {
                Ok(synced) => {
                    if synced.fenced {
                        ending = worse(ending, Ending::Waiting);
                    }
                    if !terminal.screen.json() {
                        terminal
                            .screen
                            .data(&sentence(&reached.company.name, &connection.provider, &synced));
                    }
                    rows.push(json!({
                        "company": reached.company.name, "account": connection.provider, "records_read": synced.records_read, "records_new": synced.records_new,
                        "posted": synced.posted, "linked": synced.linked, "held": synced.held, "already": synced.already, "fenced": synced.fenced,
                    }));
                }
                Err(problem) => {
                    ending = worse(ending, Ending::of(&problem));
                    terminal
                        .screen
                        .say(&format!("\"{}\", {}:", reached.company.name, connection.provider));
                    terminal.screen.problem(&problem);
                }
            }
        }
    }
    if terminal.screen.json() {
        terminal.screen.answer(&rows);
    }
    Ok(ending)
}

/// The one that needs more attention.
fn worse(one: Ending, other: Ending) -> Ending {
    let weight = |ending: Ending| match ending {
        Ending::Done => 0,
        Ending::Waiting => 1,
        Ending::Usage => 2,
        Ending::Failed => 3,
        Ending::Halted => 4,
    };
    if weight(other) > weight(one) { other } else { one }
}

fn sentence(company: &str, provider: &str, synced: &Synced) -> String {
    let mut text = format!(
        "\"{company}\", {provider}: {} read, {} new, {} posted",
        counted(synced.records_read, "record", "records"),
        grouped(synced.records_new),
        counted(synced.posted, "entry", "entries")
    );
    if synced.linked > 0 {
        text.push_str(&format!(", {} linked to entries typed by hand", grouped(synced.linked)));
    }
    if synced.held > 0 {
        text.push_str(&format!(", {} held for a person", grouped(synced.held)));
    }
    if synced.fenced {
        text.push_str("; nothing is posted while an upgrade hands over");
    }
    text + "."
}

async fn status(terminal: &Terminal, all: Vec<Reached>, which: &Which) -> Result<Ending, Problem> {
    let mut rows = Vec::new();
    for reached in &all {
        for connection in connections(reached, which).await? {
            let version = reached.engine.version_now(&connection).await?;
            let holds = movement::holds(&reached.engine.pool, &connection.id, &version).await?;
            if !terminal.screen.json() {
                let last = connection.synced_at.map_or("never".to_string(), |at| at.to_string());
                terminal.screen.data(&format!(
                    "\"{}\", {}: connector {version}, last fetched {last}, {}",
                    reached.company.name,
                    connection.provider,
                    counted(holds.len() as u64, "movement held", "movements held")
                ));
                for hold in &holds {
                    terminal
                        .screen
                        .data(&format!("  {}  {}  {}", hold.instant, hold.stream, hold.reason));
                }
            }
            rows.push(json!({
                "company": reached.company.name, "account": connection.provider, "version": version, "last": connection.synced_at,
                "held": holds.iter().map(|h| json!({"at": h.instant, "stream": h.stream, "code": h.reason_code, "reason": h.reason})).collect::<Vec<_>>(),
            }));
        }
    }
    if terminal.screen.json() {
        terminal.screen.answer(&rows);
    }
    Ok(Ending::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_good_account_does_not_hide_an_earlier_bad_one() {
        assert_eq!(worse(Ending::Failed, Ending::Done), Ending::Failed);
        assert_eq!(worse(Ending::Done, Ending::Waiting), Ending::Waiting);
        assert_eq!(worse(Ending::Failed, Ending::Halted), Ending::Halted);
    }
}
