//! From a name on the command line to the engine, the company and the connection, ready to be worked with.
//!
//! A practice company's servers are started here when a command needs them. A real company is never changed by this.

use crate::practice::run::{renew_session_access, tell_keychain};
use crate::terminal::Terminal;
use api::App;
use clap::Args;
use engine::Engine;
use engine::store::company::{Company, Connection};
use engine::store::upgrade::{self as stored, UpgradeRow};
use engine::upgrading::{E_UPGRADE_NONE, E_UPGRADE_UNKNOWN};
use ledger::Problem;
use std::sync::Arc;

/// Which company and which of its accounts.
#[derive(Debug, Clone, Default, Args)]
pub struct Which {
    /// The company, by name or id; not needed when there is only one
    #[arg(long, value_name = "NAME")]
    pub company: Option<String>,
    /// The connected account, by processor or id; not needed when there is only one
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
}

/// A company and the engine that looks after it.
pub struct Reached {
    pub app: App,
    pub engine: Arc<Engine>,
    pub company: Company,
}

impl Reached {
    pub async fn connection(&self, which: &Which) -> Result<Connection, Problem> {
        self.engine.connection(&self.company, which.account.as_deref()).await
    }

    /// What a person can call this account by: its provider's name, or its id where there are several of that provider.
    pub async fn called<'a>(&self, connection: &'a Connection) -> Result<&'a str, Problem> {
        let same = self.engine.accounts(&self.company).await?.iter().filter(|other| other.provider == connection.provider).count();
        Ok(if same > 1 { &connection.id } else { &connection.provider })
    }
}

/// Finds the company without touching network or keychain.
pub async fn company(terminal: &Terminal, which: &Which) -> Result<Reached, Problem> {
    let app = terminal.app().await?;
    let (engine, company) = app.company_or_only(which.company.as_deref()).await?;
    Ok(Reached { app, engine, company })
}

/// Makes the processor reachable: a practice company's servers run in this process, signed in for this session.
pub async fn ready(terminal: &Terminal, reached: &Reached, upgrade: Option<&str>) -> Result<(), Problem> {
    if !reached.engine.is_practice() {
        return Ok(());
    }
    reached.app.practice_server().await?;
    tell_keychain(terminal, &reached.engine).await;
    for connection in reached.engine.connections(&reached.company).await? {
        renew_session_access(&reached.engine, &reached.company, &connection, upgrade).await?;
    }
    Ok(())
}

/// The upgrade with this id, wherever it is; without an id the newest of the chosen company.
/// Errors: `E-UPGRADE-UNKNOWN`, `E-UPGRADE-NONE`, `E-COMPANY-UNKNOWN`.
pub async fn upgrade(terminal: &Terminal, id: Option<&str>, which: &Which) -> Result<(Reached, UpgradeRow), Problem> {
    let app = terminal.app().await?;
    if let Some(id) = id {
        for engine in app.engines().await {
            if let Some(row) = stored::get(&engine.pool, id).await? {
                let company = engine.company(&row.company_id).await?;
                return Ok((Reached { app, engine, company }, row));
            }
        }
        return Err(Problem::new(
            E_UPGRADE_UNKNOWN,
            format!("There is no upgrade \"{id}\" here."),
            "No company of this folder has one with that id.",
            "List them with `changeover upgrade list`, then name one.",
        ));
    }
    let (engine, company) = app.company_or_only(which.company.as_deref()).await?;
    let newest = stored::of_company(&engine.pool, &company.id)
        .await?
        .into_iter()
        .next()
        .ok_or_else(|| {
            Problem::new(
                E_UPGRADE_NONE,
                format!("\"{}\" has no upgrade.", company.name),
                "None was planned in this folder.",
                "Plan one with `changeover upgrade plan`.",
            )
        })?;
    Ok((Reached { app, engine, company }, newest))
}
