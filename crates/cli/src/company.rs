//! `changeover company …`: which books, which time zone, which account of the books plays which role.
//!
//! Looking at a file changes nothing, and nothing is stored while anything is at fault. Proposals come with their
//! reasons and are taken only when the person says so.

use crate::ending::Ending;
use crate::reach::{self, Which};
use crate::screen::grouped;
use crate::terminal::Terminal;
use clap::{Args, Subcommand, ValueEnum};
use engine::Engine;
use engine::companies::{Inspection, NewCompany, NewConnection};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use ledger::{Account, AccountId, Problem, Role, RoleMap};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum CompanyCommand {
    /// Add a company with its books and one account at a processor
    Add(AddArguments),
    /// Look after books only: they are backed up; no account is connected, which can follow with `company add`
    Protect(ProtectArguments),
    /// List the companies
    List,
    /// Look into a books file without changing it, with proposals for the accounts
    Inspect {
        /// The books file
        file: PathBuf,
        #[command(flatten)]
        connector: ConnectorArguments,
    },
    /// Show which account plays which role, or choose others
    Map {
        #[command(flatten)]
        which: Which,
        /// ROLE=ACCOUNT, the account by its full name or id; may be given several times
        #[arg(long = "role", value_name = "ROLE=ACCOUNT")]
        roles: Vec<String>,
    },
}

#[derive(Debug, Clone, Args)]
pub struct ProtectArguments {
    /// The books file
    #[arg(long, value_name = "FILE")]
    pub books: PathBuf,
    /// The company's name
    #[arg(long)]
    pub name: String,
    /// The business's time zone, such as America/New_York; the evening's backup goes by it
    #[arg(long)]
    pub zone: String,
}

#[derive(Debug, Clone, Args)]
pub struct ConnectorArguments {
    /// The processor's connector
    #[arg(long, value_name = "NAME", default_value = "square")]
    pub connector: String,
    /// The connector's version
    #[arg(long = "connector-version", visible_alias = "version", value_name = "VERSION", default_value = "1")]
    pub connector_version: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Environment {
    /// The processor itself
    Production,
    /// The processor's own test world
    Sandbox,
    /// A practice processor on this computer
    Practice,
}

impl Environment {
    fn name(self) -> &'static str {
        match self {
            Environment::Production => "production",
            Environment::Sandbox => "sandbox",
            Environment::Practice => "practice",
        }
    }
}

#[derive(Debug, Clone, Args)]
pub struct AddArguments {
    /// The books file
    #[arg(long, value_name = "FILE")]
    pub books: PathBuf,
    /// The company's name
    #[arg(long)]
    pub name: String,
    /// The business's time zone, such as America/New_York; posting dates depend on it
    #[arg(long)]
    pub zone: String,
    #[command(flatten)]
    pub connector: ConnectorArguments,
    /// Where the account lives
    #[arg(long, value_enum, default_value_t = Environment::Production)]
    pub environment: Environment,
    /// With --environment practice: the address of the practice processor, http://127.0.0.1:PORT
    #[arg(long, value_name = "URL", required_if_eq("environment", "practice"))]
    pub endpoints: Option<String>,
    /// The id of your application at the processor (not a secret)
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// ROLE=ACCOUNT, the account by its full name or id; may be given several times
    #[arg(long = "role", value_name = "ROLE=ACCOUNT")]
    pub roles: Vec<String>,
    /// Take the proposed account for every role that was not named
    #[arg(long)]
    pub accept_proposals: bool,
    /// Payments from this day on are fetched [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub sync_from: Option<Date>,
}

pub async fn run(terminal: &Terminal, command: CompanyCommand) -> Result<Ending, Problem> {
    match command {
        CompanyCommand::Add(arguments) => add(terminal, arguments).await,
        CompanyCommand::Protect(arguments) => protect(terminal, arguments).await,
        CompanyCommand::List => list(terminal).await,
        CompanyCommand::Inspect { file, connector } => inspect(terminal, file, connector).await,
        CompanyCommand::Map { which, roles } => map(terminal, which, roles).await,
    }
}

/// "clearing=Assets:Square" → role and account as typed. Errors: `E-BOOKS-ROLES` with every fault at once.
pub fn read_roles(texts: &[String], accounts: &[Account]) -> Result<RoleMap, Problem> {
    let mut roles = RoleMap::default();
    let mut faults = Vec::new();
    for text in texts {
        match read_role(text, accounts) {
            Ok((role, account)) if roles.get(role).is_some_and(|before| *before != account) => {
                faults.push(format!("The role \"{role}\" is given two accounts."));
            }
            Ok((role, account)) => roles.bind(role, account),
            Err(fault) => faults.push(fault),
        }
    }
    let mut faults = faults.into_iter();
    match faults.next() {
        None => Ok(roles),
        Some(first) => {
            let problem = Problem::new(
                books::E_BOOKS_ROLES,
                "The accounts cannot be understood as they are given.",
                first,
                "Write ROLE=ACCOUNT with the account's full name, such as --role \"bank=Assets:Bank:Checking\"; `company inspect` lists both.",
            );
            Err(faults.fold(problem, Problem::because))
        }
    }
}

fn read_role(text: &str, accounts: &[Account]) -> Result<(Role, AccountId), String> {
    let (role, name) = text
        .split_once('=')
        .ok_or_else(|| format!("\"{text}\" is not of the form ROLE=ACCOUNT."))?;
    let role: Role = role.trim().parse().map_err(|why: String| format!("{why}."))?;
    let name = name.trim();
    if let Some(account) = accounts.iter().find(|account| account.id.0 == name) {
        return Ok((role, account.id.clone()));
    }
    let mut named = accounts.iter().filter(|account| account.full_name == name);
    match (named.next(), named.next()) {
        (Some(account), None) => Ok((role, account.id.clone())),
        (Some(_), Some(_)) => Err(format!("Two accounts are named \"{name}\"; give the id of the one that is meant.")),
        (None, _) => Err(format!("The books have no account \"{name}\".")),
    }
}

async fn add(terminal: &Terminal, arguments: AddArguments) -> Result<Ending, Problem> {
    let app = terminal.app().await?;
    let engine = app.real();
    let connector = &arguments.connector;
    let inspection = engine
        .inspect_books(&arguments.books, &connector.connector, &connector.connector_version)
        .await?;
    let mut roles = read_roles(&arguments.roles, &inspection.description.accounts)?;
    if arguments.accept_proposals {
        for proposal in &inspection.proposals {
            if inspection.needed.contains(&proposal.role) && roles.get(proposal.role).is_none() {
                roles.bind(proposal.role, proposal.account.clone());
            }
        }
    }
    let missing = roles.missing(inspection.needed.iter().copied());
    if !missing.is_empty() {
        show_proposals(terminal, &inspection, &roles);
        terminal.screen.say(&format!(
            "Nothing was added: {} still without an account. Name them with --role ROLE=ACCOUNT, or take the proposals with --accept-proposals.",
            missing.iter().map(|role| format!("\"{role}\"")).collect::<Vec<_>>().join(", ")
        ));
        return Ok(Ending::Usage);
    }
    let practice = arguments.environment == Environment::Practice;
    let client_id = match (arguments.client_id, practice) {
        (Some(id), _) => engine::companies::read_client_id(&id)?,
        (None, true) => practice::CLIENT_ID.to_string(),
        (None, false) => {
            terminal
                .screen
                .say("Nothing was added: name your application's id at the processor with --client-id.");
            return Ok(Ending::Usage);
        }
    };
    let package = engine.package(&connector.connector, &connector.connector_version)?;
    let provider = package.provider().to_string();
    let sync_from = first_instant(arguments.sync_from, &arguments.zone, engine.now())?;
    let (company, connection) = engine
        .add_company(
            NewCompany {
                name: arguments.name,
                books_path: arguments.books,
                zone: arguments.zone,
                practice: false,
            },
            NewConnection {
                provider,
                environment: arguments.environment.name().to_string(),
                endpoints: arguments.endpoints.map(|base| json!({ "base": base })),
                client_id,
                connector: connector.connector.clone(),
                version: connector.connector_version.clone(),
                roles,
                sync_from,
            },
        )
        .await?;
    if terminal.screen.json() {
        terminal
            .screen
            .answer(&json!({"company": company.id, "name": company.name, "connection": connection.id}));
    } else {
        terminal.screen.data(&format!("Added \"{}\" ({}).", company.name, company.id));
        terminal.screen.say(&format!(
            "Next: `{}` signs in, then `{}` fetches and posts.",
            terminal.command("accounts connect"),
            terminal.command("sync")
        ));
    }
    Ok(Ending::Done)
}

async fn protect(terminal: &Terminal, arguments: ProtectArguments) -> Result<Ending, Problem> {
    let app = terminal.app().await?;
    let new = NewCompany { name: arguments.name, books_path: arguments.books, zone: arguments.zone, practice: false };
    let company = app.real().protect_books(new).await?;
    if terminal.screen.json() {
        terminal.screen.answer(&json!({"company": company.id, "name": company.name}));
    } else {
        terminal.screen.data(&format!("Added \"{}\" ({}).", company.name, company.id));
        terminal.screen.say(&format!(
            "Next: `{}` takes the first backup, `{}` proves it, and `{}` writes what opens it on another computer.",
            terminal.command("backup now"),
            terminal.command("backup verify --restore"),
            terminal.command("backup recovery-kit FILE")
        ));
    }
    Ok(Ending::Done)
}

/// Start of a day in the business's time zone; today's without one.
fn first_instant(day: Option<Date>, zone: &str, now: Timestamp) -> Result<Timestamp, Problem> {
    // Without a zone that is known there is no today; `sync_from` says so.
    let today = TimeZone::get(zone).map_or_else(|_| now.to_zoned(TimeZone::UTC).date(), |tz| now.to_zoned(tz).date());
    engine::companies::sync_from(day.unwrap_or(today), zone, now)
}

async fn list(terminal: &Terminal) -> Result<Ending, Problem> {
    let app = terminal.app().await?;
    let mut rows: Vec<Value> = Vec::new();
    for engine in app.engines().await {
        for company in engine.companies().await? {
            let connections = engine.connections(&company).await?;
            rows.push(json!({
                "id": company.id,
                "name": company.name,
                "books": company.books_path,
                "zone": company.zone,
                "currency": company.currency.code(),
                "practice": engine.is_practice(),
                "accounts": connections.iter().map(|c| json!({"id": c.id, "provider": c.provider, "environment": c.environment, "connector": c.connector, "version": c.version})).collect::<Vec<_>>(),
            }));
        }
    }
    if terminal.screen.json() {
        terminal.screen.answer(&rows);
        return Ok(Ending::Done);
    }
    if rows.is_empty() {
        terminal
            .screen
            .say("There is no company here yet. Add one with `changeover company add`, or make a practice company.");
    }
    for row in &rows {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_string();
        let practice = if row["practice"].as_bool() == Some(true) {
            ", practice"
        } else {
            ""
        };
        terminal.screen.data(&format!("{}  ({}{practice})", text("name"), text("id")));
        terminal
            .screen
            .data(&format!("  books  {}, {}, {}", text("books"), text("currency"), text("zone")));
        for account in row["accounts"].as_array().into_iter().flatten() {
            let text = |name: &str| account[name].as_str().unwrap_or_default().to_string();
            terminal.screen.data(&format!(
                "  account  {} ({}), connector {} {}",
                text("provider"),
                text("environment"),
                text("connector"),
                text("version")
            ));
        }
    }
    Ok(Ending::Done)
}

async fn inspect(terminal: &Terminal, file: PathBuf, connector: ConnectorArguments) -> Result<Ending, Problem> {
    let app = terminal.app().await?;
    let inspection = app
        .real()
        .inspect_books(&file, &connector.connector, &connector.connector_version)
        .await?;
    let description = &inspection.description;
    let screen = &terminal.screen;
    if screen.json() {
        screen.answer(&json!({
            "app": description.app,
            "app_version": description.app_version,
            "currency": description.currency.code(),
            "entries": description.entries,
            "first_day": description.first,
            "last_day": description.last,
            "closed_through": description.closed_through,
            "open_elsewhere": description.lock.as_ref().map(ToString::to_string),
            "accounts": description.accounts,
            "needed": inspection.needed,
            "proposals": inspection.proposals,
        }));
        return Ok(Ending::Done);
    }
    screen.data(&format!(
        "{} {} books in {}",
        description.app, description.app_version, description.currency
    ));
    let days = match (description.first, description.last) {
        (Some(first), Some(last)) => format!(" from {first} to {last}"),
        (Some(_), None) | (None, Some(_)) | (None, None) => String::new(),
    };
    screen.data(&format!(
        "{} entries{days}, {} accounts",
        grouped(description.entries),
        description.accounts.len()
    ));
    if let Some(closed) = description.closed_through {
        screen.data(&format!("Closed through {closed}."));
    }
    if let Some(lock) = &description.lock {
        screen.data(&format!("Open in another program: {lock}."));
    }
    screen.data("");
    show_proposals(terminal, &inspection, &RoleMap::default());
    screen.data("");
    screen.data("All accounts:");
    for account in &description.accounts {
        screen.data(&format!("  {}  {}", account.id, account.full_name));
    }
    Ok(Ending::Done)
}

/// Every role that a version of the connector needs: what was chosen, or what is proposed and why.
fn show_proposals(terminal: &Terminal, inspection: &Inspection, chosen: &RoleMap) {
    let names: BTreeMap<&AccountId, &str> = inspection
        .description
        .accounts
        .iter()
        .map(|a| (&a.id, a.full_name.as_str()))
        .collect();
    let name = |id: &AccountId| {
        names
            .get(id)
            .copied()
            .unwrap_or("an account that the books do not have")
            .to_string()
    };
    if terminal.screen.json() {
        terminal
            .screen
            .answer(&json!({"needed": inspection.needed, "chosen": chosen, "proposals": inspection.proposals}));
        return;
    }
    for role in &inspection.needed {
        if let Some(account) = chosen.get(*role) {
            terminal.screen.data(&format!("{:<11} {}  (chosen)", role.name(), name(account)));
            continue;
        }
        match inspection.proposals.iter().find(|proposal| proposal.role == *role) {
            Some(proposal) => {
                let sure = match proposal.confidence {
                    books::Confidence::Sure => "sure",
                    books::Confidence::Likely => "likely",
                    books::Confidence::Guess => "only a guess",
                };
                terminal
                    .screen
                    .data(&format!("{:<11} {}  (proposed, {sure})", role.name(), name(&proposal.account)));
                for reason in &proposal.reasons {
                    terminal.screen.data(&format!("{:<11}   {reason}", ""));
                }
            }
            None => terminal
                .screen
                .data(&format!("{:<11} no account fits; \"{}\" must be chosen", role.name(), role.title())),
        }
    }
}

async fn map(terminal: &Terminal, which: Which, roles: Vec<String>) -> Result<Ending, Problem> {
    let reached = reach::company(terminal, &which).await?;
    let mut connection = reached.connection(&which).await?;
    let description = reached.engine.books(&reached.company).await?.describe().await?;
    if !roles.is_empty() {
        if reached.engine.owner(&connection).await?.1.is_some() {
            return Err(Problem::new(
                engine::upgrading::E_UPGRADE_OPEN,
                "The accounts cannot be changed while an upgrade is open.",
                "The plan that was signed rests on them.",
                "Finish the upgrade or roll it back, then choose again.",
            ));
        }
        for (role, account) in read_roles(&roles, &description.accounts)?.0 {
            connection.roles.bind(role, account);
        }
        let package = reached.engine.package(&connection.connector, &connection.version)?;
        let needed: Vec<Role> = package.roles().into_iter().collect();
        books::validate_roles(&connection.roles, &description.accounts, &needed, description.currency)?;
        let chosen = engine::store::company::ConnectionChange::Roles(&connection.roles);
        engine::store::company::change_connection(&reached.engine.pool, &connection.id, chosen).await?;
        let named: BTreeMap<&str, &AccountId> = connection.roles.0.iter().map(|(role, account)| (role.name(), account)).collect();
        reached
            .engine
            .journal(
                Some(&reached.company.id),
                "company.roles_chosen",
                json!({"connection": connection.id, "roles": named}),
            )
            .await?;
    }
    show_map(
        terminal,
        &reached.engine,
        &connection.connector,
        &connection.roles,
        &description.accounts,
    );
    Ok(Ending::Done)
}

fn show_map(terminal: &Terminal, engine: &Engine, connector: &str, roles: &RoleMap, accounts: &[Account]) {
    if terminal.screen.json() {
        terminal.screen.answer(roles);
        return;
    }
    let mut shown: Vec<Role> = engine.needed_roles(connector).into_iter().chain(roles.0.keys().copied()).collect();
    shown.sort();
    shown.dedup();
    for role in shown {
        let account = match roles.get(role) {
            None => "no account".to_string(),
            Some(id) => accounts
                .iter()
                .find(|a| a.id == *id)
                .map_or_else(|| "an account that the books no longer have".to_string(), |a| a.full_name.clone()),
        };
        terminal.screen.data(&format!("{:<11} {account}", role.name()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::AccountKind;

    fn account(id: &str, full_name: &str) -> Account {
        Account {
            id: AccountId(id.to_string()),
            full_name: full_name.to_string(),
            kind: AccountKind::Bank,
            currency: None,
            placeholder: false,
            hidden: false,
        }
    }

    #[test]
    fn accounts_are_named_by_full_name_or_id() {
        let accounts = [account("a1", "Assets:Bank"), account("b2", "Assets:Square = clearing")];
        let texts = ["bank=Assets:Bank".to_string(), "clearing=b2".to_string()];
        let roles = read_roles(&texts, &accounts).unwrap();
        assert_eq!(roles.get(Role::Bank).unwrap().0, "a1");
        assert_eq!(roles.get(Role::Clearing).unwrap().0, "b2");
        let with_sign = read_roles(&["clearing=Assets:Square = clearing".to_string()], &accounts).unwrap();
        assert_eq!(with_sign.get(Role::Clearing).unwrap().0, "b2");
    }

    #[test]
    fn every_fault_in_the_roles_is_told_at_once() {
        let accounts = [account("a1", "Assets:Bank"), account("a2", "Twice"), account("a3", "Twice")];
        let texts: Vec<String> = ["bank", "till=Assets:Bank", "bank=Assets:Nowhere", "sales=Twice"]
            .iter()
            .map(ToString::to_string)
            .collect();
        let problem = read_roles(&texts, &accounts).unwrap_err();
        assert_eq!(problem.code, books::E_BOOKS_ROLES);
        assert_eq!(problem.why.len(), 4, "{problem}");
    }
}
