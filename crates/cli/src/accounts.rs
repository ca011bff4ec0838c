//! `changeover accounts …`: the sign-ins at processors, with their permissions and their end.
//!
//! Ids of the provider are shown in part only, and a token never comes here. Signing in again changes nothing when it
//! lands at another company.

use crate::accounts_enter::{self, Add, App};
use crate::ending::Ending;
use crate::reach::{self, Reached, Which};
use crate::sign_in;
use crate::terminal::{Answered, Terminal};
use authorization::{CredentialState, Described, GrantFacts, KeptWhere, Revocation};
use clap::Subcommand;
use engine::calendar::sign_in_ends;
use engine::store::company::Connection;
use ledger::Problem;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum Accounts {
    /// List the connected accounts with their permissions
    List {
        #[command(flatten)]
        which: Which,
    },
    /// Keep and watch the access to a provider whose payments are not read yet
    Add(Add),
    /// Remove an account that is kept for its access alone
    Remove {
        #[command(flatten)]
        which: Which,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Enter the id and secret of your own application at the provider, once
    App(App),
    /// List what ends, and when: sign-ins, permissions, interfaces, announced changes
    Calendar(crate::calendar::CalendarArguments),
    /// Give access for the first time: in the browser, or by a key or secret that is asked for
    Connect {
        #[command(flatten)]
        which: Which,
        /// Print the address instead of opening the browser
        #[arg(long)]
        no_browser: bool,
    },
    /// Give access again, or replace a key: for what an open upgrade needs, else for the present connector
    Reconnect {
        #[command(flatten)]
        which: Which,
        /// Print the address instead of opening the browser
        #[arg(long)]
        no_browser: bool,
    },
    /// Erase the access that is kept here
    Disconnect {
        #[command(flatten)]
        which: Which,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

pub async fn run(terminal: &Terminal, command: Accounts) -> Result<Ending, Problem> {
    match command {
        Accounts::List { which } => list(terminal, which).await,
        Accounts::Add(add) => accounts_enter::add(terminal, add).await,
        Accounts::Remove { which, yes } => accounts_enter::remove(terminal, which, yes).await,
        Accounts::App(app) => accounts_enter::application(terminal, app).await,
        Accounts::Calendar(arguments) => crate::calendar::run(terminal, arguments).await,
        Accounts::Connect { which, no_browser } => connect(terminal, which, no_browser, false).await,
        Accounts::Reconnect { which, no_browser } => connect(terminal, which, no_browser, true).await,
        Accounts::Disconnect { which, yes } => disconnect(terminal, which, yes).await,
    }
}

async fn list(terminal: &Terminal, which: Which) -> Result<Ending, Problem> {
    let app = terminal.app().await?;
    let mut rows = Vec::new();
    for engine in app.engines().await {
        for company in engine.companies().await? {
            if which
                .company
                .as_ref()
                .is_some_and(|wanted| *wanted != company.id && *wanted != company.name)
            {
                continue;
            }
            for connection in engine.accounts(&company).await? {
                let version = engine.version_now(&connection).await?;
                let access = engine.access(&connection, &version).await?;
                let needed: Vec<String> = engine
                    .package(&connection.connector, &version)?
                    .permissions()
                    .iter()
                    .map(|p| p.permission.clone())
                    .collect();
                let provider = engine.provider(&connection.provider)?;
                rows.push((company.name.clone(), connection, version, access, needed, provider));
            }
        }
    }
    if which.company.is_some() && rows.is_empty() {
        // Tells which companies there are.
        app.company(which.company.as_deref().unwrap_or_default()).await?;
    }
    if terminal.screen.json() {
        let all: Vec<_> = rows
            .iter()
            .map(|(company, connection, version, access, needed, provider)| {
                json!({
                    "company": company,
                    "id": connection.id,
                    "provider": connection.provider,
                    "environment": connection.environment,
                    "company_at_provider": connection.tenant_name,
                    "connector": connection.connector,
                    "version": version,
                    "access_only": connection.is_access_only(),
                    "kept": access.as_ref().map(|a| kept_words(a.kept_where)),
                    "last_used": access.as_ref().and_then(|a| a.last_used),
                    "missing": needed.iter().filter(|need| !access.as_ref().is_some_and(|a| provider.is_granted(&a.permissions, need))).collect::<Vec<_>>(),
                    "state": state_words(access.as_ref()),
                    "permissions": access.as_ref().map(|a| a.permissions.clone()).unwrap_or_default(),
                    "needed": needed,
                    "access_ends": access.as_ref().and_then(|a| a.access_expires),
                    "sign_in_ends": access.as_ref().and_then(|a| sign_in_ends(provider, a)),
                    "last_sync": connection.synced_at,
                })
            })
            .collect();
        terminal.screen.answer(&all);
        return Ok(Ending::Done);
    }
    if rows.is_empty() {
        terminal
            .screen
            .say("There is no account here yet. Add a company with `changeover company add`.");
    }
    for (company, connection, version, access, needed, provider) in &rows {
        let screen = &terminal.screen;
        screen.data(&format!("{}  ({}), for \"{company}\"", connection.provider, connection.environment));
        screen.data(&format!("  id            {}", connection.id));
        if let Some(name) = &connection.tenant_name {
            let id = connection.tenant_id.as_deref().map(masked).unwrap_or_default();
            screen.data(&format!("  signed in as  {name} ({id})"));
        }
        match connection.is_access_only() {
            true => screen.data("  connector     none: only the access is kept and watched"),
            false => screen.data(&format!("  connector     {} {version}", connection.connector)),
        }
        screen.data(&format!("  state         {}", state_words(access.as_ref())));
        if let Some(access) = access {
            let granted = needed.iter().filter(|p| provider.is_granted(&access.permissions, p)).count();
            screen.data(&format!(
                "  permissions   {granted} of {} that are needed: {}",
                needed.len(),
                needed.join(", ")
            ));
            if let Some(ends) = access.access_expires {
                screen.data(&format!("  access ends   {ends}, renewed by itself"));
            }
            if let Some(ends) = sign_in_ends(provider, access) {
                screen.data(&format!("  sign-in ends  {ends}"));
            }
            screen.data(&format!("  kept          {}", kept_words(access.kept_where)));
        }
        match connection.synced_at {
            Some(at) => screen.data(&format!("  last sync     {at}")),
            None => screen.data("  last sync     never"),
        }
    }
    Ok(Ending::Done)
}

pub fn state_words(access: Option<&Described>) -> String {
    let Some(access) = access else {
        return "never signed in".to_string();
    };
    let words = match access.state {
        CredentialState::Active | CredentialState::Superseded if access.missing.is_empty() => "connected",
        CredentialState::Active | CredentialState::Superseded => "connected, a permission is missing",
        CredentialState::Retired => "disconnected",
        CredentialState::NeedsReauth => "must be signed in again",
    };
    match &access.reason {
        Some(reason) => format!("{words}: {reason}"),
        None => words.to_string(),
    }
}

fn kept_words(kept: KeptWhere) -> &'static str {
    match kept {
        KeptWhere::Keychain => "sealed, the key in this computer's keychain",
        KeptWhere::Passphrase => "sealed, the key in the passphrase vault",
        KeptWhere::SessionOnly => "in memory, for one session only",
    }
}

/// "MLH0…QK2"
fn masked(id: &str) -> String {
    let letters: Vec<char> = id.chars().collect();
    if letters.len() <= 8 {
        return "…".to_string();
    }
    let (head, tail): (String, String) = (letters[..4].iter().collect(), letters[letters.len() - 3..].iter().collect());
    format!("{head}…{tail}")
}

/// The version to sign in for: what an open upgrade needs, else the present one.
async fn wanted_version(reached: &Reached, connection: &Connection, again: bool) -> Result<(String, Option<String>), Problem> {
    let (_, open) = reached.engine.owner(connection).await?;
    Ok(match open {
        Some(open) if again => (open.to_version, Some(open.id)),
        Some(_) | None => (connection.version.clone(), None),
    })
}

async fn connect(terminal: &Terminal, which: Which, no_browser: bool, again: bool) -> Result<Ending, Problem> {
    let reached = reach::company(terminal, &which).await?;
    let connection = reached.connection(&which).await?;
    if reached.engine.is_practice() {
        reached.app.practice_server().await?;
        crate::practice::run::tell_keychain(terminal, &reached.engine).await;
    }
    // The practice servers may have a new address by now.
    let connection = reached.engine.connection(&reached.company, Some(&connection.id)).await?;
    let (version, upgrade) = wanted_version(&reached, &connection, again).await?;
    let setup = reached.engine.setup(&connection).await?;
    if !terminal.screen.json() {
        accounts_enter::tell_setup(terminal, &reached, &connection, &setup).await?;
    }
    let facts = match setup.entered {
        true => accounts_enter::connect(terminal, &reached, &connection, &version).await?,
        false => in_browser(terminal, &reached, &connection, &version, no_browser).await?,
    };
    if terminal.screen.json() {
        terminal.screen.answer(&json!({"company": facts.tenant.name, "version": version, "permissions": facts.permissions, "missing": facts.missing, "upgrade": upgrade}));
    } else {
        terminal.screen.data(&format!(
            "Signed in as {}{}.",
            facts.tenant.name,
            match connection.is_access_only() {
                true => String::new(),
                false => format!(", for connector {} {version}", connection.connector),
            }
        ));
    }
    if !facts.missing.is_empty() {
        terminal.screen.say(&format!(
            "Not given: {}. Sign in again and allow all of them.",
            facts.missing.join(", ")
        ));
        return Ok(Ending::Waiting);
    }
    if let Some(id) = upgrade {
        terminal.screen.say(&format!(
            "Next: `{}` goes on with the upgrade.",
            terminal.command(&format!("upgrade resume {id}"))
        ));
    }
    Ok(Ending::Done)
}

async fn in_browser(terminal: &Terminal, reached: &Reached, connection: &Connection, version: &str, no_browser: bool) -> Result<GrantFacts, Problem> {
    let door = sign_in::open(terminal, &connection.id, no_browser, true);
    let stop = {
        let (desk, id) = (door.desk.clone(), connection.id.clone());
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                desk.cancel(&id);
            }
        })
    };
    let facts = reached.engine.sign_in(&reached.company, connection, version, &door.desk).await;
    stop.abort();
    facts
}

async fn disconnect(terminal: &Terminal, which: Which, yes: bool) -> Result<Ending, Problem> {
    let reached = reach::company(terminal, &which).await?;
    let connection = reached.connection(&which).await?;
    if let (_, Some(open)) = reached.engine.owner(&connection).await? {
        return Err(Problem::new(
            engine::upgrading::E_UPGRADE_OPEN,
            "The account cannot be disconnected while an upgrade is open.",
            format!(
                "The upgrade from connector {} to {}, or going back from it, needs the access.",
                open.from_version, open.to_version
            ),
            "Finish the upgrade or roll it back first.",
        ));
    }
    let question = format!(
        "Erase the access to {} of \"{}\"? Payments are not fetched any more; the books stay as they are.",
        connection.provider, reached.company.name
    );
    match terminal.ask(&question, yes) {
        Answered::Yes => {}
        Answered::No => return Ok(Ending::Failed),
        Answered::Nobody => return Ok(Ending::Usage),
    }
    let erased = reached.engine.disconnect(&reached.company, &connection).await?;
    if terminal.screen.json() {
        terminal.screen.answer(
            &json!({"erased": erased.erased, "ended_at_provider": erased.ended_at_provider, "why": erased.why, "page": erased.page}),
        );
    } else {
        terminal
            .screen
            .data(&format!("Disconnected: the access to {} is erased here.", connection.provider));
        tell_given_up(terminal, &erased);
    }
    Ok(Ending::Done)
}

/// Whether the provider ended it too, and what the person can do where it did not.
pub fn tell_given_up(terminal: &Terminal, done: &Revocation) {
    let screen = &terminal.screen;
    match (done.ended_at_provider, done.erased) {
        (true, _) => screen.say("It was ended at the provider as well."),
        (false, 0) => screen.say("There was no access left."),
        (false, _) => screen.say(&format!("{} {} {}", done.why, done.page_says, done.page)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_the_provider_are_shown_in_part_only() {
        assert_eq!(masked("MLH0123456QK2"), "MLH0…QK2");
        assert_eq!(masked("SHORT"), "…");
    }
}
