//! Adding a company: looking into the picked books, proposing accounts, and storing the choice.
//!
//! Looking changes nothing, and a file that cannot be used answers with every reason at once.

use super::app::ACCOUNTING_APP;
use super::shared::small;
use crate::app::App;
use crate::views::*;
use engine::companies::{E_COMPANY_TAKEN, E_CONNECTOR_UNKNOWN, E_SYNC_FROM, E_ZONE_UNKNOWN, NewCompany, NewConnection, read_client_id};
use engine::{Engine, books_port};
use jiff::tz::TimeZone;
use ledger::{Account, AccountId, AccountKind, Currency, Problem, Role, RoleMap};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub async fn books_inspect(app: &App, args: PathArgs) -> Result<CompanyAddView, Problem> {
    let path = PathBuf::from(&args.path);
    let mut view = CompanyAddView {
        path: args.path.clone(),
        file_name: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        proposed_name: proposed_name(&path),
        accounting_app: ACCOUNTING_APP.to_string(),
        books_version: String::new(),
        currency: String::new(),
        proposed_zone: TimeZone::system().iana_name().unwrap_or("UTC").to_string(),
        proposed_sync_from: app.real().now().to_zoned(TimeZone::system()).date().first_of_year().to_string(),
        client_id_set_up: !set_up_client_id().is_empty(),
        entries: 0,
        first_day: None,
        last_day: None,
        accounts: Vec::new(),
        roles: Vec::new(),
        providers: providers(app.real())?,
        protected: false,
        problems: Vec::new(),
    };
    if let Err(problem) = look(app, &path, &mut view).await {
        view.problems.push(problem.into());
    }
    for engine in app.engines().await {
        let same = std::fs::canonicalize(&path).ok();
        if let Some(taken) = engine.companies().await?.into_iter().find(|c| Some(&c.books_path) == same.as_ref()) {
            if engine.accounts(&taken).await?.is_empty() {
                // Protected so far: an account may join it, under the name it has.
                view.proposed_name = taken.name;
                view.proposed_zone = taken.zone;
                view.protected = true;
                continue;
            }
            let problem = Problem::new(
                E_COMPANY_TAKEN,
                "These books are already looked after.",
                format!("\"{}\" uses the same file.", taken.name),
                "Open that company, or choose another file.",
            );
            view.problems.push(problem.into());
        }
    }
    Ok(view)
}

async fn look(app: &App, path: &Path, view: &mut CompanyAddView) -> Result<(), Problem> {
    let engine = app.real();
    let Some((connector, version)) = engine
        .catalog
        .connectors()
        .last()
        .map(|p| (p.name().to_string(), p.version().to_string()))
    else {
        return Err(Problem::new(
            E_CONNECTOR_UNKNOWN,
            "No connector is known.",
            "The catalogue is empty.",
            "Reinstall Changeover.",
        ));
    };
    let inspection = engine.inspect_books(path, &connector, &version).await?;
    let description = inspection.description;
    let book = books_port::open(path).await?;
    let balances = book.balances(None).await?;
    let mut lines: BTreeMap<AccountId, u64> = BTreeMap::new();
    for ((account, _), (count, _)) in book.daily(&[]).await? {
        *lines.entry(account).or_default() += count;
    }
    view.books_version = description.app_version.clone();
    view.currency = description.currency.code().to_string();
    view.entries = small(description.entries);
    view.first_day = description.first.map(|day| day.to_string());
    view.last_day = description.last.map(|day| day.to_string());
    view.accounts = description
        .accounts
        .iter()
        .filter(|account| !account.hidden)
        .map(|account| BooksAccountRowView {
            id: account.id.0.clone(),
            name: account.full_name.clone(),
            account_kind: kind_word(account.kind).to_string(),
            placeholder: account.placeholder,
            balance: balances
                .get(&account.id)
                .copied()
                .unwrap_or(ledger::Money::zero(account.currency.unwrap_or(description.currency)))
                .into(),
            entries: small(lines.get(&account.id).copied().unwrap_or(0)),
        })
        .collect();
    view.roles = inspection
        .needed
        .iter()
        .map(|role| {
            let proposal = inspection.proposals.iter().find(|proposal| proposal.role == *role);
            RoleProposalView {
                role: role.name().to_string(),
                needed_by: engine
                    .catalog
                    .connectors()
                    .filter(|p| p.name() == connector && p.roles().contains(role))
                    .map(|p| p.version().to_string())
                    .collect(),
                account: proposal.map(|proposal| proposal.account.0.clone()),
                reasons: proposal.map(|proposal| proposal.reasons.clone()).unwrap_or_default(),
                sure: proposal.is_some_and(|proposal| proposal.confidence == books::Confidence::Sure),
                fitting: description
                    .accounts
                    .iter()
                    .filter(|account| fits(*role, account, &description.accounts, description.currency))
                    .map(|account| account.id.0.clone())
                    .collect(),
            }
        })
        .collect();
    Ok(())
}

/// Whether the books' own rule accepts this account alone for the role.
fn fits(role: Role, account: &Account, all: &[Account], currency: Currency) -> bool {
    let mut alone = RoleMap::default();
    alone.bind(role, account.id.clone());
    books::validate_roles(&alone, all, &[], currency).is_ok()
}

fn kind_word(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Asset => "asset",
        AccountKind::Bank => "bank",
        AccountKind::Cash => "cash",
        AccountKind::Receivable => "receivable",
        AccountKind::Liability => "liability",
        AccountKind::CreditCard => "credit_card",
        AccountKind::Payable => "payable",
        AccountKind::Income => "income",
        AccountKind::Expense => "expense",
        AccountKind::Equity => "equity",
        AccountKind::Other => "other",
    }
}

/// "harbour-street-bakery.gnucash" → "Harbour street bakery"
fn proposed_name(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let spaced: String = stem.chars().map(|c| if matches!(c, '-' | '_' | '.') { ' ' } else { c }).collect();
    let mut letters = spaced.trim().chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

fn providers(engine: &Engine) -> Result<Vec<ProviderChoiceView>, Problem> {
    let names: BTreeSet<&str> = engine.catalog.connectors().map(|p| p.provider()).collect();
    names
        .into_iter()
        .map(|name| {
            Ok(ProviderChoiceView {
                provider: name.to_string(),
                name: engine.provider(name)?.title,
                versions: engine
                    .catalog
                    .connectors()
                    .filter(|p| p.provider() == name)
                    .map(|p| p.version().to_string())
                    .collect(),
            })
        })
        .collect()
}

/// The application's own public id at the provider, where this computer is set up with one.
fn set_up_client_id() -> String {
    std::env::var("CHANGEOVER_CLIENT_ID").unwrap_or_default()
}

fn zone_named(zone: &str) -> Result<TimeZone, Problem> {
    TimeZone::get(zone).map_err(|_| {
        Problem::new(
            E_ZONE_UNKNOWN,
            format!("The time zone \"{zone}\" is not known."),
            "Posting dates depend on the business's time zone.",
            "Use a name such as \"America/New_York\" or \"Europe/Berlin\".",
        )
    })
}

pub async fn company_add(app: &App, args: CompanyAddArgs) -> Result<CompanyAddedView, Problem> {
    let engine = app.real();
    let connector = engine
        .catalog
        .connectors()
        .find(|p| p.provider() == args.provider && p.version() == args.connector_version)
        .map(|p| p.name().to_string())
        .ok_or_else(|| {
            Problem::new(
                E_CONNECTOR_UNKNOWN,
                format!(
                    "There is no connector for \"{}\" of version {}.",
                    args.provider, args.connector_version
                ),
                "The catalogue does not list it.",
                "Choose a provider and version that are listed.",
            )
        })?;
    let mut roles = RoleMap::default();
    for choice in &args.roles {
        let role: Role = choice.role.parse().map_err(|why: String| {
            Problem::new(
                crate::contract::E_COMMAND_ARGUMENTS,
                "A role is not known.",
                why,
                "Update Changeover: its window and its engine are of different versions.",
            )
        })?;
        roles.bind(role, AccountId(choice.account.clone()));
    }
    let today = engine.now().to_zoned(zone_named(&args.zone)?).date();
    let first_day = match args.sync_from.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        None => today.first_of_year(),
        Some(text) => text.parse().map_err(|_| {
            Problem::new(
                E_SYNC_FROM,
                "The first day cannot be read.",
                format!("\"{text}\" is not of the form 2026-11-23."),
                "Choose the day again.",
            )
        })?,
    };
    let sync_from = engine::companies::sync_from(first_day, &args.zone, engine.now())?;
    let client_id = match args.client_id.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        Some(typed) => read_client_id(typed)?,
        // A sign-in says so when there is none yet.
        None => set_up_client_id(),
    };
    let new = NewCompany {
        name: args.name.trim().to_string(),
        books_path: PathBuf::from(&args.books),
        zone: args.zone,
        practice: false,
    };
    let connection = NewConnection {
        provider: args.provider,
        environment: authorization::Environment::Production.name().to_string(),
        endpoints: None,
        client_id,
        connector,
        version: args.connector_version,
        roles,
        sync_from,
    };
    let (company, connection) = engine.add_company(new, connection).await?;
    app.select(Some(company.id.clone()));
    Ok(CompanyAddedView {
        company: company.id,
        name: company.name,
        connection: Some(connection.id),
    })
}

/// Looks after books without an account at a processor.
pub async fn company_protect(app: &App, args: CompanyProtectArgs) -> Result<CompanyAddedView, Problem> {
    let new = NewCompany {
        name: args.name.trim().to_string(),
        books_path: PathBuf::from(&args.books),
        zone: args.zone,
        practice: false,
    };
    let company = app.real().protect_books(new).await?;
    app.select(Some(company.id.clone()));
    Ok(CompanyAddedView {
        company: company.id,
        name: company.name,
        connection: None,
    })
}
