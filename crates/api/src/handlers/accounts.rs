//! Accounts: each sign-in with what it may do, until when, and how it is doing; and ending one.

use super::access;
use super::app::{ACCOUNTING_APP, keychain_name};
use super::shared::{At, at, count, environment, given_name, mask, must_be_free, permissions, reach};
use crate::app::App;
use crate::views::*;
use authorization::{Revocation, CredentialState, Described, KeptWhere};
use engine::calendar::sign_in_ends;
use engine::store::company::Connection;
use engine::store::upgrade as stored;
use jiff::{SignedDuration, Timestamp};
use ledger::Problem;

/// From when on before its end a sign-in is called "ends soon".
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The vault's reasons for access that nobody took back, but whose key is not to be had any more.
const WITHOUT_KEY: &[&str] = &["It was kept for an earlier session only.", "The key that sealed it is gone."];

/// A connection's sign-in as screens judge it.
pub struct SignIn {
    pub state: ConnectionState,
    pub access: Option<Described>,
    /// The version that reads now and whose permissions count.
    pub version: String,
    pub needed: Vec<connector::PermissionNeed>,
    /// Plain words of what is missing.
    pub missing: Vec<String>,
    pub ends: Option<Timestamp>,
    pub older_kept: bool,
}

/// Judges a connection's stored access against what its present connector needs. Asks no keychain.
pub async fn sign_in(at: &At, connection: &Connection) -> Result<SignIn, Problem> {
    let version = at.engine.version_now(connection).await?;
    let package = at.engine.package(&connection.connector, &version)?;
    let all = at.engine.vault.describe(&connection.id).await?;
    let access = at.engine.access(connection, &version).await?;
    let upgrading = stored::open_of(&at.engine.pool, &connection.id).await?.is_some();
    let living = |d: &&Described| matches!(d.state, CredentialState::Active | CredentialState::Superseded);
    let granted: Vec<String> = access.as_ref().map(|a| a.permissions.clone()).unwrap_or_default();
    let needed = package.permissions().to_vec();
    let missing: Vec<String> = permissions(at, connection, &granted, &needed)
        .into_iter()
        .filter(|p| p.state == PermissionState::Missing)
        .map(|p| p.words)
        .collect();
    let ends = access.as_ref().and_then(|access| ends(at, connection, access));
    let state = match &access {
        None if all.is_empty() => ConnectionState::NeverConnected,
        None => ConnectionState::Disconnected,
        Some(access) => state_of(access, ends, &missing, at.now()),
    };
    Ok(SignIn {
        state,
        version,
        needed,
        missing,
        ends,
        older_kept: upgrading && all.iter().filter(living).count() > 1,
        access,
    })
}

/// When a person has to sign in again, or had to.
fn ends(at: &At, connection: &Connection, access: &Described) -> Option<Timestamp> {
    match access.state {
        CredentialState::NeedsReauth => access.refresh_expires,
        CredentialState::Active | CredentialState::Superseded | CredentialState::Retired => {
            let provider = at.engine.provider(&connection.provider).ok()?;
            sign_in_ends(&provider, access)
        }
    }
}

fn state_of(access: &Described, ends: Option<Timestamp>, missing: &[String], now: Timestamp) -> ConnectionState {
    let over = ends.is_some_and(|ends| ends <= now);
    match access.state {
        CredentialState::Retired => ConnectionState::Disconnected,
        CredentialState::NeedsReauth if over => ConnectionState::Ended,
        CredentialState::NeedsReauth if access.reason.as_deref().is_some_and(|why| WITHOUT_KEY.contains(&why)) => {
            ConnectionState::Unreadable
        }
        CredentialState::NeedsReauth => ConnectionState::TakenBack,
        CredentialState::Active | CredentialState::Superseded if over => ConnectionState::Ended,
        CredentialState::Active | CredentialState::Superseded if !missing.is_empty() => ConnectionState::PermissionMissing,
        CredentialState::Active | CredentialState::Superseded => match ends {
            Some(ends) if ends.duration_since(now) <= SOON => ConnectionState::EndsSoon,
            Some(_) | None => ConnectionState::Connected,
        },
    }
}

/// Needs a person before payments can be fetched again.
pub fn is_stopped(state: ConnectionState) -> bool {
    match state {
        ConnectionState::NeverConnected
        | ConnectionState::Ended
        | ConnectionState::TakenBack
        | ConnectionState::PermissionMissing
        | ConnectionState::Disconnected
        | ConnectionState::Unreadable => true,
        ConnectionState::Connected | ConnectionState::EndsSoon => false,
    }
}

pub async fn accounts_view(app: &App, args: CompanyArgs) -> Result<AccountsView, Problem> {
    let at = at(app, &args.company).await?;
    let mut connections = at.engine.accounts(&at.company).await?;
    // What feeds the books stands first.
    connections.sort_by_key(Connection::is_access_only);
    let mut views = Vec::with_capacity(connections.len());
    for connection in &connections {
        views.push(connection_view(&at, connection).await?);
    }
    let reconnecting = connections
        .iter()
        .find(|c| app.desk().flow(&c.id).is_some_and(|flow| flow.ended.is_none()))
        .map(|c| c.id.clone());
    Ok(AccountsView {
        company: at.company.id.clone(),
        company_name: at.company.name.clone(),
        now: at.now().to_string(),
        zone: at.company.zone.clone(),
        connections: views,
        books: books(&at).await,
        can_keep: access::keepable(&at).await?,
        reconnecting,
        gave_up: None,
    })
}

/// The accounts after one was given up, with what became of its access.
pub async fn after_giving_up(app: &App, company: String, provider_name: String, done: Revocation) -> Result<AccountsView, Problem> {
    let view = accounts_view(app, CompanyArgs { company }).await?;
    let gave_up = GaveUpView {
        provider_name,
        ended_at_provider: done.ended_at_provider,
        why: done.why,
        page_says: done.page_says,
        page: done.page,
    };
    // Where nothing was kept here, there is nothing to be told about.
    Ok(AccountsView { gave_up: (done.erased > 0).then_some(gave_up), ..view })
}

async fn connection_view(at: &At, connection: &Connection) -> Result<ConnectionView, Problem> {
    let sign_in = sign_in(at, connection).await?;
    let granted: Vec<String> = sign_in.access.as_ref().map(|a| a.permissions.clone()).unwrap_or_default();
    let permissions = permissions(at, connection, &granted, &sign_in.needed);
    let access = sign_in.access.as_ref();
    let newest = newest_version(at, connection)?;
    Ok(ConnectionView {
        id: connection.id.clone(),
        provider: connection.provider.clone(),
        provider_name: at.provider_title(connection),
        company_at_provider: access
            .map(|a| a.tenant.name.clone())
            .or_else(|| connection.tenant_name.clone())
            .map(|name| given_name(&name))
            .filter(|name| !name.is_empty()),
        masked_id: connection.tenant_id.as_deref().map(mask),
        environment: environment(connection),
        access_only: connection.is_access_only(),
        kind: access::kind(&at.engine.provider(&connection.provider)?),
        permissions_granted: count(permissions.iter().filter(|p| p.state == PermissionState::Granted).count()),
        permissions_needed: count(sign_in.needed.len()),
        permissions,
        access_ends: access.and_then(|a| a.access_expires).map(|t| t.to_string()),
        sign_in_ends: sign_in.ends.map(|t| t.to_string()),
        last_used: access.and_then(|a| a.last_used).map(|t| t.to_string()),
        kept_where: match access.map(|a| a.kept_where) {
            Some(KeptWhere::Keychain) => format!("sealed with a key in this computer's {}", keychain_name().to_lowercase()),
            Some(KeptWhere::Passphrase) => "sealed with a key in the passphrase vault".to_string(),
            Some(KeptWhere::SessionOnly) => "in memory, until Changeover closes".to_string(),
            None => "nothing is kept".to_string(),
        },
        problem: access.and_then(|a| a.reason.clone()).map(|reason| {
            Problem::new(
                authorization::problems::E_SIGN_IN_EXPIRED,
                format!("Changeover's access to {} has ended.", at.provider_title(connection)),
                reason,
                format!(
                    "Choose \"Reconnect {}\" and sign in again. Nothing that was fetched before is lost.",
                    at.provider_title(connection)
                ),
            )
            .into()
        }),
        state: sign_in.state,
        connector: sign_in.version,
        connector_newest: newest,
        last_sync: connection.synced_at.map(|t| t.to_string()),
        old_access_kept: sign_in.older_kept,
    })
}

/// The last version that one can come to from a connection's own, step by step.
fn newest_version(at: &At, connection: &Connection) -> Result<String, Problem> {
    let mut package = at.engine.package(&connection.connector, &connection.version)?;
    while let Some(next) = at.engine.catalog.successor(package) {
        package = next;
    }
    Ok(package.version().to_string())
}

/// The books as an account of their own: where they are, and whether they can be used now.
pub async fn books(at: &At) -> BooksAccountView {
    let path = &at.company.books_path;
    let described = match at.engine.books(&at.company).await {
        Ok(book) => book.describe().await,
        Err(problem) => Err(problem),
    };
    let (version, state, problem) = match described {
        Ok(description) => match description.lock {
            None => (description.app_version, BooksState::Free, None),
            Some(_) => (description.app_version, BooksState::OpenElsewhere, None),
        },
        Err(problem) if !path.exists() => (String::new(), BooksState::Missing, Some(problem.into())),
        Err(problem) => (String::new(), BooksState::Trouble, Some(problem.into())),
    };
    BooksAccountView {
        accounting_app: ACCOUNTING_APP.to_string(),
        file: path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
        folder: path.parent().map(|p| p.display().to_string()).unwrap_or_default(),
        version,
        currency: at.company.currency.code().to_string(),
        state,
        problem,
    }
}

/// Erases every access of the connection here. An upgrade under way would stand still without it, so it is refused.
pub async fn disconnect(app: &App, args: ConnectionArgs) -> Result<AccountsView, Problem> {
    let at = reach(app, &args.company).await?;
    must_be_free(app, &at.company)?;
    let connection = at.engine.connection(&at.company, Some(&args.connection)).await?;
    if let Some(open) = stored::open_of(&at.engine.pool, &connection.id).await? {
        return Err(Problem::new(
            engine::upgrading::E_UPGRADE_OPEN,
            format!("{} cannot be disconnected now.", at.provider_title(&connection)),
            format!(
                "An upgrade from connector {} to {} is under way and needs its access.",
                open.from_version, open.to_version
            ),
            "Finish the upgrade or roll it back, then disconnect.",
        ));
    }
    app.desk().cancel(&connection.id);
    let done = at.engine.disconnect(&at.company, &connection).await?;
    app.desk().clear(&connection.id);
    app.changed();
    after_giving_up(app, args.company, at.provider_title(&connection), done).await
}
