//! Giving access that is entered: accounts added for their access alone, the application of one's own, keys.
//!
//! It must never hold or return a secret; it hands what was entered to the engine and shows what the engine says.

use super::accounts::{accounts_view, after_giving_up};
use super::reconnect;
use super::shared::{At, at, must_be_free, reach};
use crate::app::App;
use crate::views::*;
use authorization::{Environment, Provider};
use engine::accounts::{Application, Setup};
use engine::sign_in::{Entered, Flow};
use engine::store::company::Connection;
use ledger::Problem;

fn environment_of(view: EnvironmentView) -> Environment {
    match view {
        EnvironmentView::Production => Environment::Production,
        EnvironmentView::Sandbox => Environment::Sandbox,
        EnvironmentView::Practice => Environment::Practice,
    }
}

fn environment_view(environment: Environment) -> EnvironmentView {
    match environment {
        Environment::Production => EnvironmentView::Production,
        Environment::Sandbox => EnvironmentView::Sandbox,
        Environment::Practice => EnvironmentView::Practice,
    }
}

/// How access is given there.
pub fn kind(provider: &Provider) -> EntryKind {
    use authorization::provider::CredentialKind;
    match provider.kind() {
        CredentialKind::ApiKey => EntryKind::Key,
        CredentialKind::ClientCredentials => EntryKind::IdAndSecret,
        CredentialKind::OauthPkce | CredentialKind::OauthOwnApp if provider.needs_app_secret() => EntryKind::ApplicationWithSecret,
        CredentialKind::OauthPkce | CredentialKind::OauthOwnApp => EntryKind::Application,
    }
}

/// Providers whose access can be kept for this company, by name.
pub async fn keepable(at: &At) -> Result<Vec<KeepableView>, Problem> {
    let mut views: Vec<KeepableView> = at
        .engine
        .can_keep_access(&at.company)
        .await?
        .iter()
        .map(|provider| KeepableView {
            provider: provider.name.clone(),
            name: provider.title.clone(),
            kind: kind(provider),
            environments: provider.environments().map(environment_view).collect(),
        })
        .collect();
    views.sort_by(|one, two| one.name.to_lowercase().cmp(&two.name.to_lowercase()));
    Ok(views)
}

/// What has to be entered for a connection, and what the provider's file says about it.
pub async fn entry_view(at: &At, connection: &Connection, flow: Option<&Flow>) -> Result<EntryView, Problem> {
    let provider = at.engine.provider(&connection.provider)?;
    let setup: Setup = at.engine.setup(connection).await?;
    let complete = setup.is_complete(connection);
    Ok(EntryView {
        kind: kind(&provider),
        called: provider.key().map_or_else(String::new, |key| key.called.clone()),
        page: provider.guide.page.clone(),
        steps: provider.guide.steps.clone(),
        replace: provider.guide.replace.clone(),
        register: setup.register,
        wants_page: setup.wants_page,
        own_page: setup.own_page,
        client_id: Some(connection.client_id.clone()).filter(|id| !id.is_empty() && setup.wants_client_id),
        has_secret: setup.has_secret,
        complete,
        problem: flow.and_then(|flow| flow.entry_refused.clone()).map(ProblemView::from),
        unverified: provider
            .unverified
            .iter()
            .map(|one| UnverifiedView {
                fact: one.fact.clone(),
                source: one.source.clone(),
            })
            .collect(),
    })
}

pub async fn account_add(app: &App, args: AccountAddArgs) -> Result<AccountsView, Problem> {
    let at = at(app, &args.company).await?;
    at.engine
        .add_account(&at.company, &args.provider, environment_of(args.environment), None)
        .await?;
    app.changed();
    accounts_view(app, CompanyArgs { company: args.company }).await
}

pub async fn account_remove(app: &App, args: ConnectionArgs) -> Result<AccountsView, Problem> {
    let at = reach(app, &args.company).await?;
    must_be_free(app, &at.company)?;
    let connection = at.engine.connection(&at.company, Some(&args.connection)).await?;
    app.desk().cancel(&connection.id);
    let done = at.engine.remove_account(&at.company, &connection).await?;
    app.desk().clear(&connection.id);
    app.changed();
    after_giving_up(app, args.company, at.provider_title(&connection), done).await
}

pub async fn account_application(app: &App, args: AccountApplicationArgs) -> Result<ReconnectView, Problem> {
    let at = reach(app, &args.company).await?;
    let connection = at.engine.connection(&at.company, Some(&args.connection)).await?;
    let blank = |text: &String| text.trim().is_empty();
    let application = Application {
        client_id: args.client_id,
        secret: args.secret.map(SecretText::take),
        own_page: args.own_page.filter(|page| !blank(page)),
    };
    at.engine.keep_application(&at.company, &connection, application).await?;
    app.changed();
    reconnect::reconnect_view(
        app,
        ConnectionArgs {
            company: args.company,
            connection: args.connection,
        },
    )
    .await
}

pub async fn account_key(app: &App, args: AccountKeyArgs) -> Result<ReconnectView, Problem> {
    let at = reach(app, &args.company).await?;
    let connection = at.engine.connection(&at.company, Some(&args.connection)).await?;
    // A keychain that waits for its own password is told by the sign-in's end, after its own time.
    reconnect::begin(app, &at, &connection, reconnect::KEYCHAIN_WAIT, |flow| flow.entry_ready || !flow.entry).await?;
    let entered = Entered {
        client_id: args.client_id.filter(|id| !id.trim().is_empty()),
        secret: args.secret.take(),
    };
    if app.desk().enter(&connection.id, entered) {
        reconnect::wait_until(app, &connection.id, reconnect::ANSWER_WAIT, |flow| !flow.proving).await;
    } else if app.desk().flow(&connection.id).is_none_or(|flow| flow.ended.is_none()) {
        return Err(Problem::new(
            authorization::problems::E_SIGN_IN_ADDRESS,
            "There is nothing that waits for a key.",
            "The account is signed in to in the browser, or another key is being proved now.",
            "Wait a moment, then look at the account again.",
        ));
    }
    reconnect::view(app, &at, &connection).await
}
