//! `changeover accounts add | remove | app`, and connecting an account by a key: what a person enters instead of a sign-in in the browser.
//!
//! Keys and secrets come from [`crate::secret`] only. What is entered is proved at the provider before it is kept.

use crate::ending::Ending;
use crate::reach::{self, Reached, Which};
use crate::secret;
use crate::sign_in::{self, Door};
use crate::terminal::{Answered, Terminal};
use authorization::{Environment, GrantFacts};
use clap::Args;
use engine::accounts::{Application, Setup};
use engine::sign_in::{Entered, SignInDesk};
use engine::store::company::Connection;
use ledger::Problem;
use serde_json::json;
use std::io::IsTerminal;
use std::time::Duration;
use url::Url;

const LOOK_EVERY: Duration = Duration::from_millis(25);

#[derive(Debug, Args)]
pub struct Add {
    /// The provider's short name, such as stripe
    pub provider: String,
    /// The company, by name or id; not needed when there is only one
    #[arg(long, value_name = "NAME")]
    pub company: Option<String>,
    /// The provider's test world instead of real money
    #[arg(long)]
    pub sandbox: bool,
    /// A server on this computer that stands for the provider
    #[arg(long, value_name = "ADDRESS", hide = true)]
    pub at: Option<Url>,
}

#[derive(Debug, Args)]
pub struct App {
    #[command(flatten)]
    pub which: Which,
    /// The id of your application at the provider; its secret, where one is needed, is asked for
    #[arg(long, value_name = "ID")]
    pub client_id: String,
    /// The https page registered as redirect address, where the provider takes no other
    #[arg(long, value_name = "ADDRESS")]
    pub redirect: Option<String>,
}

pub async fn add(terminal: &Terminal, add: Add) -> Result<Ending, Problem> {
    let which = Which { company: add.company, account: None };
    let reached = reach::company(terminal, &which).await?;
    let environment = match (&add.at, add.sandbox) {
        (Some(_), _) => Environment::Practice,
        (None, true) => Environment::Sandbox,
        (None, false) => Environment::Production,
    };
    let connection = reached.engine.add_account(&reached.company, &add.provider, environment, add.at.as_ref()).await?;
    if terminal.screen.json() {
        terminal.screen.answer(&json!({"id": connection.id, "provider": connection.provider, "environment": connection.environment}));
        return Ok(Ending::Done);
    }
    terminal.screen.data(&format!("Added: {} for \"{}\". Only its access is kept and watched; no payments are read through it yet.", connection.provider, reached.company.name));
    terminal.screen.say(&format!("Next: `{}`.", terminal.command(&format!("accounts connect --account {}", reached.called(&connection).await?))));
    Ok(Ending::Done)
}

pub async fn remove(terminal: &Terminal, which: Which, yes: bool) -> Result<Ending, Problem> {
    let reached = reach::company(terminal, &which).await?;
    let connection = reached.connection(&which).await?;
    let question = format!("Remove {} from \"{}\" and erase its access here?", connection.provider, reached.company.name);
    match terminal.ask(&question, yes) {
        Answered::Yes => {}
        Answered::No => return Ok(Ending::Failed),
        Answered::Nobody => return Ok(Ending::Usage),
    }
    let done = reached.engine.remove_account(&reached.company, &connection).await?;
    terminal.screen.data(&format!("Removed: {}. Its access is erased here, and the secret of its application unless another account uses it.", connection.provider));
    crate::accounts::tell_given_up(terminal, &done);
    Ok(Ending::Done)
}

pub async fn application(terminal: &Terminal, app: App) -> Result<Ending, Problem> {
    let reached = reach::company(terminal, &app.which).await?;
    let connection = reached.connection(&app.which).await?;
    let setup = reached.engine.setup(&connection).await?;
    let provider = reached.engine.provider(&connection.provider)?;
    // One that takes a key is refused by the engine, before anything is asked for.
    let secret = match setup.wants_secret && !setup.entered {
        true => Some(secret::ask(terminal, &format!("Secret of your application at {}", provider.title)).await?),
        false => None,
    };
    let application = Application { client_id: app.client_id, secret, own_page: app.redirect };
    let connection = reached.engine.keep_application(&reached.company, &connection, application).await?;
    terminal.screen.data(&format!("Kept: your application at {}{}.", provider.title, if setup.wants_secret { ", its secret sealed" } else { "" }));
    terminal.screen.say(&format!("Next: `{}`.", terminal.command(&format!("accounts connect --account {}", reached.called(&connection).await?))));
    Ok(Ending::Done)
}

/// What has to be done at the provider first, when something has to.
pub async fn tell_setup(terminal: &Terminal, reached: &Reached, connection: &Connection, setup: &Setup) -> Result<(), Problem> {
    if setup.is_complete(connection) {
        return Ok(());
    }
    let provider = reached.engine.provider(&connection.provider)?;
    let screen = &terminal.screen;
    let replacing = connection.tenant_id.is_some() && setup.entered && !provider.guide.replace.is_empty();
    screen.say(&format!("At {} ({}):", provider.title, provider.guide.page));
    let steps = if replacing { &provider.guide.replace } else { &provider.guide.steps };
    for (number, step) in steps.iter().enumerate() {
        screen.say(&format!("  {}. {step}", number + 1));
    }
    for address in &setup.register {
        screen.say(&format!("  Redirect address to enter there: {address}"));
    }
    if setup.wants_page {
        screen.say(&format!("  {} sends the browser only to an https page of your own, such as one of your website. Enter its address there, and the same one here.", provider.title));
    }
    if !provider.unverified.is_empty() {
        screen.say(&format!("  {} facts about {} are not confirmed:", provider.unverified.len(), provider.title));
        for one in &provider.unverified {
            screen.say(&format!("  - {} ({})", one.fact, one.source));
        }
    }
    if !setup.entered {
        let page = if setup.wants_page { " --redirect ADDRESS" } else { "" };
        let called = reached.called(connection).await?;
        screen.say(&format!("Then: `{}`.", terminal.command(&format!("accounts app --account {called} --client-id ID{page}"))));
    }
    Ok(())
}

/// Connects by what is entered: asks, proves, and says why something is refused. At a terminal it asks again.
pub async fn connect(terminal: &Terminal, reached: &Reached, connection: &Connection, version: &str) -> Result<GrantFacts, Problem> {
    let door: Door = sign_in::open(terminal, &connection.id, true, false);
    let signing = {
        let (engine, company, connection, version, desk) =
            (reached.engine.clone(), reached.company.clone(), connection.clone(), version.to_string(), door.desk.clone());
        tokio::spawn(async move { engine.sign_in(&company, &connection, &version, &desk).await })
    };
    // Why it stopped asking stands in how the sign-in ended, unless nothing more could be entered.
    let stopped = ask(terminal, reached, connection, &door.desk).await;
    let ended = signing.await.map_err(|_| {
        Problem::new(
            authorization::problems::E_SIGN_IN_CANCELLED,
            format!("Connecting {} ended in the middle.", connection.provider),
            "The work that proves the key stopped.",
            "Start it again; the access from before is unchanged.",
        )
    })?;
    stopped.and(ended)
}

/// Asks as long as the sign-in on this desk wants something entered, from when it begins until it has ended. Where it cannot ask any
/// more, the sign-in is cancelled, and the reason is the error.
pub async fn ask(terminal: &Terminal, reached: &Reached, connection: &Connection, desk: &SignInDesk) -> Result<(), Problem> {
    let provider = reached.engine.provider(&connection.provider)?;
    let called = provider.key().map_or_else(|| "secret".to_string(), |key| key.called.clone());
    let wants_id = provider.token().is_some() && connection.client_id.is_empty();
    let mut client_id = None;
    while wants_something(desk, &connection.id).await {
        if let Some(problem) = desk.flow(&connection.id).and_then(|flow| flow.entry_refused) {
            if !std::io::stdin().is_terminal() {
                desk.cancel(&connection.id);
                return Err(problem);
            }
            terminal.screen.problem(&problem);
        }
        if wants_id {
            client_id = Some(line(terminal, &format!("Application id at {}", provider.title)).await?);
        }
        let words = format!("The {called}");
        let asked = tokio::select! {
            asked = secret::ask(terminal, &words) => asked,
            _ = tokio::signal::ctrl_c() => {
                desk.cancel(&connection.id);
                return Ok(());
            }
        };
        match asked {
            Ok(secret) => drop(desk.enter(&connection.id, Entered { client_id: client_id.clone(), secret })),
            Err(problem) => {
                desk.cancel(&connection.id);
                return Err(problem);
            }
        }
    }
    Ok(())
}

/// True when something is to be entered now, false when the sign-in has ended.
async fn wants_something(desk: &SignInDesk, connection: &str) -> bool {
    loop {
        match desk.flow(connection) {
            Some(flow) if flow.ended.is_some() => return false,
            Some(flow) if flow.entry_ready && !flow.proving => return true,
            Some(_) | None => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

/// One line that is no secret.
async fn line(terminal: &Terminal, words: &str) -> Result<String, Problem> {
    use std::io::BufRead;
    terminal.screen.say(&format!("{words}:"));
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    match read.await {
        Ok(Ok(line)) => Ok(line.trim().to_string()),
        Ok(Err(_)) | Err(_) => Ok(String::new()),
    }
}
