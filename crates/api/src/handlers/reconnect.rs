//! Reconnect: what will be asked and why, the browser, the comparison with the company before, and the end.
//!
//! The sign-in itself belongs to the engine; this file starts it beside the command and shows its desk.

use super::access;
use super::accounts::accounts_view;
use super::shared::{At, at, given_name, mask, permissions, reach};
use super::upgrade_run;
use crate::app::App;
use crate::views::*;
use ::upgrade::{Mode, Stage, State};
use authorization::CredentialState;
use engine::sign_in::Flow;
use engine::store::company::Connection;
use engine::store::upgrade as stored;
use ledger::Problem;
use std::time::Duration;

/// How long a command waits for what its answer should show: the page's address, a refused paste, the end of a cancel.
pub const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// The same where the keychain has to answer first: longer than the keychain's own deadline.
pub const KEYCHAIN_WAIT: Duration = Duration::from_secs(45);
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Where a reconnect belongs: to an upgrade that waits for it, or to the version in use.
struct Purpose {
    version: String,
    /// The upgrade that stands at its reconnect, with its state.
    upgrade: Option<(String, State)>,
}

async fn purpose(at: &At, connection: &Connection) -> Result<Purpose, Problem> {
    let version = at.engine.version_now(connection).await?;
    let Some(row) = stored::open_of(&at.engine.pool, &connection.id).await? else {
        return Ok(Purpose { version, upgrade: None });
    };
    let state = at.engine.upgrade_state(&row.id).await?;
    let stands_there = state.doing.as_ref().is_some_and(|work| work.stage == Stage::Reauthorized);
    Ok(match stands_there {
        true => Purpose {
            version: row.to_version,
            upgrade: Some((row.id, state)),
        },
        // Once the new connector has its own access, that is the one a person renews.
        false if at.engine.access_generation(connection, &row.to_version).await?.is_some() => Purpose {
            version: row.to_version,
            upgrade: None,
        },
        false => Purpose { version, upgrade: None },
    })
}

pub async fn reconnect_start(app: &App, args: ReconnectStartArgs) -> Result<ReconnectView, Problem> {
    let at = reach(app, &args.company).await?;
    let connection = at.engine.connection(&at.company, Some(&args.connection)).await?;
    if !args.open_browser {
        app.desk().clear(&connection.id);
        return view(app, &at, &connection).await;
    }
    begin(app, &at, &connection, ANSWER_WAIT, |flow| flow.page.is_some() || flow.entry_ready).await?;
    view(app, &at, &connection).await
}

/// Starts a sign-in unless one is under way, and waits until it has come so far or has ended.
pub async fn begin(app: &App, at: &At, connection: &Connection, patience: Duration, so_far: impl Fn(&Flow) -> bool) -> Result<(), Problem> {
    let under_way = app.desk().flow(&connection.id).is_some_and(|flow| flow.ended.is_none());
    if under_way {
        wait_until(app, &connection.id, patience, so_far).await;
        return Ok(());
    }
    let purpose = purpose(at, connection).await?;
    app.desk().clear(&connection.id);
    match purpose.upgrade {
        Some((id, state)) => {
            // The upgrade itself signs in, compares the company and goes on.
            if !matches!(state.mode, Mode::Running) {
                let by = upgrade_run::person(at, "owner");
                at.engine
                    .record(&id, ::upgrade::Event::ResumeRequested { by, at: at.now() })
                    .await?;
            }
            upgrade_run::run(app, at, &id, Work::Upgrade);
        }
        None => {
            let (desk, engine, company, signing) = (app.desk().clone(), at.engine.clone(), at.company.clone(), connection.clone());
            let told = app.clone();
            tokio::spawn(async move {
                // How it ended stands on the desk and in the log.
                let _ = engine.sign_in(&company, &signing, &purpose.version, &desk).await;
                told.changed();
            });
        }
    }
    wait_until(app, &connection.id, patience, so_far).await;
    Ok(())
}

/// Until the sign-in has come so far, has ended, or the wait is over.
pub async fn wait_until(app: &App, connection: &str, patience: Duration, so_far: impl Fn(&Flow) -> bool) {
    let seen = async {
        while !app.desk().flow(connection).is_some_and(|flow| so_far(&flow) || flow.ended.is_some()) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let _ = tokio::time::timeout(patience, seen).await;
}

pub async fn reconnect_view(app: &App, args: ConnectionArgs) -> Result<ReconnectView, Problem> {
    let at = at(app, &args.company).await?;
    let connection = at.engine.connection(&at.company, Some(&args.connection)).await?;
    view(app, &at, &connection).await
}

pub async fn reconnect_cancel(app: &App, args: ConnectionArgs) -> Result<AccountsView, Problem> {
    let at = at(app, &args.company).await?;
    let connection = at.engine.connection(&at.company, Some(&args.connection)).await?;
    if app.desk().cancel(&connection.id) {
        let ended = async {
            while app.desk().flow(&connection.id).is_some_and(|flow| flow.ended.is_none()) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let _ = tokio::time::timeout(ANSWER_WAIT, ended).await;
    }
    app.desk().clear(&connection.id);
    accounts_view(app, CompanyArgs { company: args.company }).await
}

pub async fn reconnect_paste(app: &App, args: ReconnectPasteArgs) -> Result<ReconnectView, Problem> {
    let at = at(app, &args.company).await?;
    let connection = at.engine.connection(&at.company, Some(&args.connection)).await?;
    if !app.desk().paste(&connection.id, args.address) {
        return Err(Problem::new(
            authorization::problems::E_SIGN_IN_ADDRESS,
            "There is no sign-in that waits for an address.",
            "It ended, was cancelled, or was never started.",
            "Start to reconnect again, then paste the address on which the browser ends.",
        ));
    }
    wait_until(app, &connection.id, ANSWER_WAIT, |flow| flow.answered || flow.paste_refused.is_some()).await;
    view(app, &at, &connection).await
}

pub async fn view(app: &App, at: &At, connection: &Connection) -> Result<ReconnectView, Problem> {
    let purpose = purpose(at, connection).await?;
    let package = at.engine.package(&connection.connector, &purpose.version)?;
    let flow = app.desk().flow(&connection.id);
    let all = at.engine.vault.describe(&connection.id).await?;
    let living = all
        .iter()
        .filter(|d| matches!(d.state, CredentialState::Active | CredentialState::Superseded))
        .count();
    let ended = flow.as_ref().and_then(|flow| flow.ended.clone());
    let granted: Vec<String> = match &ended {
        Some(Ok(facts)) => facts.permissions.clone(),
        Some(Err(_)) | None => all
            .iter()
            .rev()
            .find(|d| d.state != CredentialState::Retired)
            .map(|d| d.permissions.clone())
            .unwrap_or_default(),
    };
    let step = match (&flow, &ended) {
        (None, _) => ReconnectStep::Why,
        (Some(_), Some(Ok(_))) => ReconnectStep::Done,
        // A refusal leads back to the question, with the reason above it.
        (Some(_), Some(Err(problem))) if problem.code == authorization::problems::E_SIGN_IN_OTHER_COMPANY => ReconnectStep::SameCompany,
        (Some(_), Some(Err(_))) => ReconnectStep::Why,
        (Some(flow), None) if flow.answered || flow.proving => ReconnectStep::SameCompany,
        // A key is entered where it is explained.
        (Some(flow), None) if flow.entry => ReconnectStep::Why,
        (Some(_), None) => ReconnectStep::Browser,
    };
    let found = ended
        .as_ref()
        .and_then(|ended| ended.as_ref().ok())
        .map(|facts| facts.tenant.clone());
    let waiting = flow.as_ref().filter(|_| ended.is_none());
    Ok(ReconnectView {
        company: at.company.id.clone(),
        connection: connection.id.clone(),
        provider: connection.provider.clone(),
        provider_name: at.provider_title(connection),
        step,
        entry: access::entry_view(at, connection, flow.as_ref()).await?,
        proving: flow.as_ref().is_some_and(|flow| flow.proving && flow.ended.is_none()),
        permissions: permissions(at, connection, &granted, package.permissions()),
        address: waiting.and_then(|flow| flow.page.clone()),
        browser_opened: waiting.is_some_and(|flow| flow.browser_opened),
        started: flow.as_ref().map(|flow| flow.started.to_string()),
        deadline: waiting.map(|flow| flow.deadline.to_string()),
        expected_company: connection.tenant_name.as_deref().map(given_name),
        found_company: found.as_ref().map(|tenant| given_name(&tenant.name)),
        found_masked_id: found.as_ref().map(|tenant| mask(&tenant.id)),
        browser_problem: waiting.and_then(|flow| flow.browser_problem.clone()).map(ProblemView::from),
        paste_problem: waiting.and_then(|flow| flow.paste_refused.clone()).map(ProblemView::from),
        first_time: connection.tenant_id.is_none() || (all.len() <= 1 && matches!(step, ReconnectStep::Done)),
        old_access_kept: living > 1 || (living == 1 && !matches!(step, ReconnectStep::Done)),
        problem: ended.and_then(Result::err).map(ProblemView::from),
    })
}
