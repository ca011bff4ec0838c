//! Adding and finding companies: which books, which time zone, which account plays which role.
//!
//! Looking at a file changes nothing. A company is added only when its books can be opened and every
//! fault of the choice has been shown at once.

use crate::books_port::{self, Books};
use crate::engine::Engine;
use crate::store::company::{self, Company, Connection};
use books::{Description, RoleProposal};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ledger::{AccountId, Code, Problem, Role, RoleMap};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

pub const E_COMPANY_UNKNOWN: Code = Code("E-COMPANY-UNKNOWN");
pub const E_COMPANY_TAKEN: Code = Code("E-COMPANY-TAKEN");
pub const E_ZONE_UNKNOWN: Code = Code("E-ZONE-UNKNOWN");
pub const E_CONNECTION_UNKNOWN: Code = Code("E-CONNECTION-UNKNOWN");
pub const E_CONNECTION_AMBIGUOUS: Code = Code("E-CONNECTION-AMBIGUOUS");
pub const E_CONNECTOR_UNKNOWN: Code = Code("E-CONNECTOR-UNKNOWN");
pub const E_CLIENT_ID: Code = Code("E-CLIENT-ID");
pub const E_SYNC_FROM: Code = Code("E-SYNC-FROM");
pub const CODES: &[Code] =
    &[E_COMPANY_UNKNOWN, E_COMPANY_TAKEN, E_ZONE_UNKNOWN, E_CONNECTION_UNKNOWN, E_CONNECTION_AMBIGUOUS, E_CONNECTOR_UNKNOWN, E_CLIENT_ID, E_SYNC_FROM];

/// No provider's application id is longer.
const LONGEST_CLIENT_ID: usize = 200;

/// What a picked file holds, with proposals for the account roles. Nothing was changed by looking.
#[derive(Debug, Clone)]
pub struct Inspection {
    pub description: Description,
    pub proposals: Vec<RoleProposal>,
    /// Roles the connector needs, in order.
    pub needed: Vec<Role>,
}

/// A person's choices for a new company.
#[derive(Debug, Clone)]
pub struct NewCompany {
    pub name: String,
    pub books_path: std::path::PathBuf,
    pub zone: String,
    pub practice: bool,
}

/// A person's choices for a new connection.
#[derive(Debug, Clone)]
pub struct NewConnection {
    pub provider: String,
    pub environment: String,
    pub endpoints: Option<serde_json::Value>,
    pub client_id: String,
    pub connector: String,
    pub version: String,
    pub roles: RoleMap,
    pub sync_from: Timestamp,
}

/// A guess would send a key or a sign-in to the wrong one, such as test money's to real money's.
fn ambiguous(company: &Company, provider: &str, all: &[&Connection]) -> Problem {
    let mut all = all.to_vec();
    all.sort_by_key(|c| (c.environment.clone(), c.id.clone()));
    let listed: Vec<String> = all.iter().map(|c| format!("{} ({})", c.id, c.environment)).collect();
    Problem::new(
        E_CONNECTION_AMBIGUOUS,
        format!("\"{}\" has {} accounts at {provider}.", company.name, all.len()),
        format!("They are {}.", listed.join(" and ")),
        "Name the account by its id.",
    )
}

fn taken(same: &Company) -> Problem {
    Problem::new(
        E_COMPANY_TAKEN,
        "These books are already looked after.",
        format!("\"{}\" uses the same file.", same.name),
        "Open that company, or choose another file.",
    )
}

impl Engine {
    pub async fn companies(&self) -> Result<Vec<Company>, Problem> {
        company::all(&self.pool).await
    }

    /// A company by id or by its exact name. Errors: `E-COMPANY-UNKNOWN`, listing those there are.
    pub async fn company(&self, id_or_name: &str) -> Result<Company, Problem> {
        let all = self.companies().await?;
        if let Some(found) = all.iter().find(|c| c.id == id_or_name || c.name == id_or_name) {
            return Ok(found.clone());
        }
        let names: Vec<String> = all.iter().map(|c| format!("\"{}\"", c.name)).collect();
        Err(Problem::new(
            E_COMPANY_UNKNOWN,
            format!("There is no company \"{id_or_name}\" here."),
            if names.is_empty() { "No company has been added to this folder yet.".to_string() } else { format!("Known are: {}.", names.join(", ")) },
            "Choose one of these, or add the company first.",
        ))
    }

    /// The company to use when none was named: the only one. Errors: `E-COMPANY-UNKNOWN`.
    pub async fn company_or_only(&self, chosen: Option<&str>) -> Result<Company, Problem> {
        if let Some(chosen) = chosen {
            return self.company(chosen).await;
        }
        let all = self.companies().await?;
        match all.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(Problem::new(E_COMPANY_UNKNOWN, "There is no company here yet.", "Nothing has been added to this folder.", "Add a company, or make a practice company.")),
            several => Err(Problem::new(
                E_COMPANY_UNKNOWN,
                "It is not clear which company is meant.",
                format!("There are {}: {}.", several.len(), several.iter().map(|c| format!("\"{}\"", c.name)).collect::<Vec<_>>().join(", ")),
                "Name the company.",
            )),
        }
    }

    /// The accounts that a connector reads. Those whose access alone is kept are in [`Engine::accounts`] only.
    pub async fn connections(&self, company: &Company) -> Result<Vec<Connection>, Problem> {
        let mut all = self.accounts(company).await?;
        all.retain(|connection| !connection.is_access_only());
        Ok(all)
    }

    /// The account with this id, else the only one at this provider, or the company's only one that is read.
    /// Errors: `E-CONNECTION-UNKNOWN`, `E-CONNECTION-AMBIGUOUS` where several are meant.
    pub async fn connection(&self, company: &Company, id: Option<&str>) -> Result<Connection, Problem> {
        let all = self.accounts(company).await?;
        let mut read = all.iter().filter(|c| !c.is_access_only());
        let found = match id {
            Some(id) => match all.iter().find(|c| c.id == id) {
                Some(exact) => Some(exact),
                None => {
                    let at: Vec<&Connection> = all.iter().filter(|c| c.provider == id).collect();
                    if at.len() > 1 {
                        return Err(ambiguous(company, id, &at));
                    }
                    at.first().copied()
                }
            },
            None if all.len() == 1 => all.first(),
            None => read.next().filter(|_| read.next().is_none()),
        };
        found.cloned().ok_or_else(|| {
            Problem::new(
                E_CONNECTION_UNKNOWN,
                format!("The account of \"{}\" that is meant was not found.", company.name),
                match all.len() {
                    0 => "No processor account is connected to this company yet.".to_string(),
                    _ => format!("Connected: {}.", all.iter().map(|c| c.provider.clone()).collect::<Vec<_>>().join(", ")),
                },
                "Connect the account first, or name one of these.",
            )
        })
    }

    /// Opens a company's books. Errors: those of the accounting app.
    pub async fn books(&self, company: &Company) -> Result<Box<dyn Books>, Problem> {
        books_port::open(&company.books_path).await
    }

    /// The connector package of a version. Errors: `E-CONNECTOR-UNKNOWN`.
    pub fn package(&self, name: &str, version: &str) -> Result<&connector::Package, Problem> {
        self.catalog.connector(name, version).ok_or_else(|| {
            Problem::new(
                E_CONNECTOR_UNKNOWN,
                format!("The connector {name} {version} is not in the catalog."),
                "This copy of Changeover does not know that version.",
                "Choose a version that is listed, or install a newer Changeover.",
            )
        })
    }

    /// Looks at a file without changing it.
    pub async fn inspect_books(&self, path: &Path, connector: &str, version: &str) -> Result<Inspection, Problem> {
        let book = books_port::open(path).await?;
        let description = book.describe().await?;
        let package = self.package(connector, version)?;
        let proposals = books::propose_roles(&description.accounts, package.provider());
        let needed: Vec<Role> = self.needed_roles(connector).into_iter().collect();
        Ok(Inspection { description, proposals, needed })
    }

    /// The roles that any version of this connector can need, so that an upgrade never stops for one.
    pub fn needed_roles(&self, connector: &str) -> std::collections::BTreeSet<Role> {
        self.catalog.connectors().filter(|p| p.name() == connector).flat_map(|p| p.roles()).collect()
    }

    /// Looks after books without an account at a processor: they are backed up, and nothing is fetched. An account can follow.
    /// Nothing is stored when anything is at fault.
    pub async fn protect_books(&self, new: NewCompany) -> Result<Company, Problem> {
        let (path, description) = self.books_to_add(&new).await?;
        if let Some(same) = self.companies().await?.into_iter().find(|c| c.books_path == path) {
            return Err(taken(&same));
        }
        let company = self.company_of(new, path, &description);
        company::insert(&self.pool, &company).await?;
        self.journal(
            Some(&company.id),
            "company.added",
            json!({"name": company.name, "zone": company.zone, "currency": company.currency.code()}),
        )
        .await?;
        Ok(company)
    }

    /// Adds a company with one connection. Books that are only protected so far keep their company, its name and its time zone.
    /// Nothing is stored when anything is at fault.
    pub async fn add_company(&self, new: NewCompany, connection: NewConnection) -> Result<(Company, Connection), Problem> {
        let (path, description) = self.books_to_add(&new).await?;
        let package = self.package(&connection.connector, &connection.version)?;
        let needed: Vec<Role> = package.roles().into_iter().collect();
        books::validate_roles(&connection.roles, &description.accounts, &needed, description.currency)?;
        let there = self.companies().await?.into_iter().find(|c| c.books_path == path);
        let company = match there {
            None => {
                let company = self.company_of(new, path, &description);
                company::insert(&self.pool, &company).await?;
                company
            }
            Some(same) if self.accounts(&same).await?.is_empty() => same,
            Some(same) => return Err(taken(&same)),
        };
        let connection = Connection {
            id: self.ids.new_id("connection"),
            company_id: company.id.clone(),
            provider: connection.provider,
            environment: connection.environment,
            endpoints: connection.endpoints,
            client_id: connection.client_id,
            tenant_id: None,
            tenant_name: None,
            connector: connection.connector,
            version: connection.version,
            roles: connection.roles,
            sync_from: connection.sync_from,
            synced_at: None,
        };
        company::insert_connection(&self.pool, &connection, self.now()).await?;
        self.journal(
            Some(&company.id),
            "company.added",
            json!({"name": company.name, "zone": company.zone, "currency": company.currency.code(), "connection": connection.id,
                   "connector": format!("{} {}", connection.connector, connection.version)}),
        )
        .await?;
        Ok((company, connection))
    }

    /// The books that a person chose, opened and described. Errors: `E-ZONE-UNKNOWN`, and those of the accounting app.
    async fn books_to_add(&self, new: &NewCompany) -> Result<(std::path::PathBuf, Description), Problem> {
        TimeZone::get(&new.zone).map_err(|_| {
            Problem::new(
                E_ZONE_UNKNOWN,
                format!("The time zone \"{}\" is not known.", new.zone),
                "Posting dates depend on the business's time zone.",
                "Use a name such as \"America/New_York\" or \"Europe/Berlin\".",
            )
        })?;
        let path = std::fs::canonicalize(&new.books_path).unwrap_or_else(|_| new.books_path.clone());
        let description = books_port::open(&path).await?.describe().await?;
        Ok((path, description))
    }

    fn company_of(&self, new: NewCompany, path: std::path::PathBuf, description: &Description) -> Company {
        Company {
            id: self.ids.new_id("company"),
            name: new.name,
            books_path: path,
            zone: new.zone,
            currency: description.currency,
            closed_through: description.closed_through,
            practice: new.practice,
            created_at: self.now(),
        }
    }

    /// Names of the accounts, by id, for texts that people read.
    pub async fn account_names(&self, company: &Company) -> Result<BTreeMap<AccountId, String>, Problem> {
        let description = self.books(company).await?.describe().await?;
        Ok(description.accounts.into_iter().map(|a| (a.id, a.full_name)).collect())
    }
}

/// The id of a person's own application at the provider, as typed; empty when there is none yet.
/// Errors: `E-CLIENT-ID`. The text is never repeated: it may be a secret that was pasted by mistake.
pub fn read_client_id(text: &str) -> Result<String, Problem> {
    let id = text.trim();
    let why = match () {
        () if id.chars().any(char::is_whitespace) => "It has spaces or line breaks in it.",
        () if id.chars().any(char::is_control) || !id.is_ascii() => "It has characters that no such id has.",
        () if id.len() > LONGEST_CLIENT_ID => "It is much longer than such an id can be.",
        () => return Ok(id.to_string()),
    };
    Err(Problem::new(
        E_CLIENT_ID,
        "The application's id cannot be used.",
        why,
        "Copy the application id (not the secret) from the provider's developer page; it is one word.",
    ))
}

/// Start of the day from which payments are fetched, in the business's time zone.
/// Errors: `E-ZONE-UNKNOWN`; `E-SYNC-FROM` for a day that has not come yet.
pub fn sync_from(day: jiff::civil::Date, zone: &str, now: Timestamp) -> Result<Timestamp, Problem> {
    let unknown = || {
        Problem::new(
            E_ZONE_UNKNOWN,
            format!("The time zone \"{zone}\" is not known."),
            "Posting dates depend on the business's time zone.",
            "Use a name such as \"America/New_York\" or \"Europe/Berlin\".",
        )
    };
    let tz = TimeZone::get(zone).map_err(|_| unknown())?;
    let today = now.to_zoned(tz.clone()).date();
    if day > today {
        return Err(Problem::new(
            E_SYNC_FROM,
            "Payments cannot be fetched from a day that has not come yet.",
            format!("{day} is later than today, {today} in {zone}: nothing would ever be posted before it."),
            "Choose today or an earlier day.",
        ));
    }
    day.to_zoned(tz).map(|start| start.timestamp()).map_err(|_| unknown())
}

/// The business's time zone. Errors: `E-ZONE-UNKNOWN` for a stored name the system no longer knows.
pub fn zone_of(company: &Company) -> Result<TimeZone, Problem> {
    TimeZone::get(&company.zone).map_err(|_| {
        Problem::new(
            E_ZONE_UNKNOWN,
            format!("The time zone \"{}\" of \"{}\" is not known here.", company.zone, company.name),
            "Posting dates depend on it.",
            "Update this computer's time zone data.",
        )
    })
}
