//! One sign-in from the button to the grant: page, answer, tokens, company, permissions.
//!
//! Nothing is stored here and nothing that is stored is touched: whatever goes wrong, the access from before
//! stays as it was. The company is compared before the caller gets anything to save. The address that is opened
//! is built here and checked; nobody can pass one in. Waiting ends by an answer, the deadline or [`Controls`];
//! the listener closes with it.

use crate::answer::{Answer, Beside, Issuer, Refused, read_pasted};
use crate::endpoints::{DataCenter, Endpoints, Redirect, callback_path, unsafe_address};
use crate::exchange::{self, Started};
use crate::grant::{Grant, GrantFacts, Tenant};
use crate::loopback::Loopback;
use crate::problems::{
    E_SIGN_IN_ADDRESS, E_SIGN_IN_APP, E_SIGN_IN_CANCELLED, E_SIGN_IN_OTHER_COMPANY, E_SIGN_IN_REFUSED, E_SIGN_IN_STATE, E_SIGN_IN_TIMED_OUT, unusable,
};
use crate::app::{self, AppSecret};
use crate::exchange::App;
use crate::identity::Asked;
use crate::provider::{Credential, Provider, Verify};
use crate::{Clock, identity};
use ledger::{Problem, Retry};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use url::Url;

/// How long a person has, unless the caller says otherwise.
pub const TIME_TO_SIGN_IN: Duration = Duration::from_secs(600);
/// A person need not see every wrong answer go by.
const STRANGE_TOLD_EVERY: Duration = Duration::from_millis(200);
/// Pasted texts that wait to be read.
const PASTES_MAX: usize = 8;

/// What to sign in to, and as whom.
pub struct SignIn {
    pub provider: Provider,
    pub endpoints: Endpoints,
    pub client_id: String,
    /// The provider's names of the permissions to ask for.
    pub permissions: Vec<String>,
    /// The company that the connection already belongs to. `None` only for a new connection.
    pub expect_tenant: Option<Tenant>,
    pub timeout: Duration,
    pub clock: Clock,
}

/// Opens a page in the person's own browser. The future is dropped as soon as the answer is there.
pub trait OpenPage: Send + Sync {
    /// An error is shown beside the address, which the person can then open by hand; it does not end the sign-in.
    fn open<'a>(&'a self, page: &'a Url) -> Pin<Box<dyn Future<Output = Result<(), Problem>> + Send + 'a>>;
}

/// What happens meanwhile. Holds no secret; `page` carries the state, so show it to the person only.
#[derive(Debug, Clone)]
pub enum SignInEvent {
    /// Waiting for the browser. `paste` says that the answer has to be pasted because nothing listens for it.
    Waiting {
        page: Url,
        seconds: u64,
        paste: bool,
    },
    BrowserOpened,
    BrowserNotOpened(Problem),
    /// An answer that is not ours was turned away; how many so far. The sign-in goes on.
    StrangeAnswer(u32),
    /// What was pasted could not be used; the sign-in goes on.
    PasteRefused(Problem),
    Answered,
    AskingWhichCompany,
}

/// Cancels a running sign-in, or hands it a pasted address. Cheap to clone; keep one while [`authorize`] runs.
#[derive(Clone)]
pub struct Controls {
    cancelled: Arc<watch::Sender<bool>>,
    pastes: mpsc::Sender<String>,
    inbox: Arc<tokio::sync::Mutex<mpsc::Receiver<String>>>,
}

impl Default for Controls {
    fn default() -> Self {
        let (pastes, inbox) = mpsc::channel(PASTES_MAX);
        Controls {
            cancelled: Arc::new(watch::Sender::new(false)),
            pastes,
            inbox: Arc::new(tokio::sync::Mutex::new(inbox)),
        }
    }
}

impl Controls {
    pub fn new() -> Controls {
        Controls::default()
    }

    pub fn cancel(&self) {
        self.cancelled.send_replace(true);
    }

    /// The address of the page on which the person ended. `false` when too many are waiting already.
    pub fn paste(&self, address: String) -> bool {
        self.pastes.try_send(address).is_ok()
    }

    /// Ends when [`Controls::cancel`] was called.
    pub async fn until_cancelled(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.cancelled.subscribe().wait_for(|cancelled| *cancelled).await;
    }
}

/// Signs in. Errors: `E-SIGN-IN-*`, `E-PERMISSION-UNKNOWN`, `E-PROVIDER`; in every case nothing was changed.
///
/// Fewer permissions than asked is not an error: see [`GrantFacts::missing`]. The caller must keep the grant's
/// company with the connection and pass it as `expect_tenant` ever after.
pub async fn authorize(
    request: SignIn,
    browser: &dyn OpenPage,
    events: &(dyn Fn(SignInEvent) + Send + Sync),
    controls: &Controls,
) -> Result<Grant, Problem> {
    authorize_as(request, None, browser, events, controls).await
}

/// As [`authorize`], with the secret of the person's own application where the provider asks for one ([`crate::Vault::app_secret`]).
/// `E-SIGN-IN-APP` without it, before the browser opens.
pub async fn authorize_as(
    request: SignIn,
    secret: Option<AppSecret>,
    browser: &dyn OpenPage,
    events: &(dyn Fn(SignInEvent) + Send + Sync),
    controls: &Controls,
) -> Result<Grant, Problem> {
    can_sign_in(&request.provider, &request.endpoints)?;
    if secret.is_none() && app::is_needed(&request.provider) {
        return Err(Problem::new(
            E_SIGN_IN_APP,
            format!("{} gives access only to an application of your own.", request.provider.title),
            "The secret of that application was not entered.",
            "Register an application as the steps say, and enter its id and secret once.",
        ));
    }
    request.endpoints.check()?;
    request.provider.check_permissions(&request.permissions)?;
    tokio::select! {
        biased;
        () = controls.until_cancelled() => Err(cancelled(&request.provider)),
        granted = run(&request, secret, browser, events, controls) => granted,
    }
}

/// Whether every fact of the file that decides over this sign-in is one that the code below acts on. Anything else
/// is refused before the browser opens: a fact that is passed over would be a pretended success.
fn can_sign_in(provider: &Provider, endpoints: &Endpoints) -> Result<(), Problem> {
    match &provider.credential {
        Credential::OauthPkce(_) | Credential::OauthOwnApp(_) => {}
        Credential::ApiKey(_) => return Err(provider.not_yet("It is reached with a key, not by signing in.")),
        Credential::ClientCredentials { .. } => {
            return Err(provider.not_yet("It is reached with a client id and secret, not by signing in."));
        }
    }
    provider.can_connect(endpoints)
}

pub(crate) fn cancelled(provider: &Provider) -> Problem {
    Problem::new(
        E_SIGN_IN_CANCELLED,
        format!("The sign-in to {} was cancelled.", provider.title),
        "It was stopped before it was finished.",
        "Start it again whenever you like; the access from before is unchanged.",
    )
}

async fn run(
    request: &SignIn,
    secret: Option<AppSecret>,
    browser: &dyn OpenPage,
    events: &(dyn Fn(SignInEvent) + Send + Sync),
    controls: &Controls,
) -> Result<Grant, Problem> {
    let SignIn {
        provider,
        endpoints,
        client_id,
        permissions,
        clock,
        ..
    } = request;
    let (started, answer) = wait_for_answer(request, browser, events, controls).await?;
    let (code, beside) = match answer {
        Answer::Code(code, beside) => (code, beside),
        Answer::Declined => {
            return Err(Problem::new(
                E_SIGN_IN_REFUSED,
                format!("{} was told not to give access.", provider.title),
                "Somebody chose \"Deny\" or closed the permission page there.",
                format!(
                    "If that was a mistake, choose \"Reconnect {}\" and allow the access.",
                    provider.title
                ),
            ));
        }
        Answer::Failed(name) => {
            return Err(unusable(
                &provider.title,
                format!("Its page ended with {name} instead of a sign-in."),
            ));
        }
    };
    events(SignInEvent::Answered);
    // What the redirect claims about the company is proved below; without the claim the company cannot even be asked for.
    let claimed = provider.parameters.iter().find(|p| p.verify == Verify::Identity);
    let company = claimed.and_then(|p| beside.one(&p.name));
    if let (Some(parameter), None) = (claimed, company) {
        return Err(unusable(&provider.title, format!("Its page did not tell which company it was for (\"{}\").", parameter.name)));
    }
    // The code goes to a host of the list, or nowhere.
    let region = region(provider, endpoints, &beside)?;
    let endpoints = &region.map_or_else(|| endpoints.clone(), |center| endpoints.at(center));
    let with = App { id: client_id, secret: secret.as_ref().map(|secret| &secret.0) };
    let answer = exchange::exchange(provider, endpoints, with, started, code, clock())
        .await
        .map_err(|failure| failure.problem(provider))?;
    // With rotation or a browser page there is always one; without it the access would end in silence.
    if provider.refresh().is_some() && answer.tokens.refresh.is_none() {
        return Err(unusable(&provider.title, "It gave no means to renew the access, so it would soon end."));
    }
    events(SignInEvent::AskingWhichCompany);
    let asked = Asked { client_id, permissions, company };
    let known = identity::ask(provider, endpoints, &answer, asked).await?;
    let tenant = identity::choose(provider, &known.tenants, request.expect_tenant.as_ref())?;
    if let Some(expected) = &request.expect_tenant
        && expected.id != tenant.id
    {
        return Err(other_company(provider, expected, &tenant));
    }
    let missing = permissions
        .iter()
        .filter(|asked| !provider.is_granted(&known.permissions, asked))
        .cloned()
        .collect();
    let facts = GrantFacts {
        provider: provider.name.clone(),
        environment: endpoints.environment,
        client_id: client_id.clone(),
        tenant,
        data_center: region.map(|center| center.name.clone()),
        permissions: known.permissions,
        missing,
        access_expires: answer.access_expires,
        refresh_expires: answer.refresh_expires,
        granted_at: clock(),
    };
    Ok(Grant {
        tokens: answer.tokens,
        facts,
        kind: provider.kind(),
        app: secret,
    })
}

/// The region that the redirect names, where a provider has several. Nobody signs it, so it is one of the file's, to the letter, or the sign-in ends.
fn region<'e>(provider: &Provider, endpoints: &'e Endpoints, beside: &Beside) -> Result<Option<&'e DataCenter>, Problem> {
    let Some(parameter) = provider.parameters.iter().find(|p| p.verify == Verify::DataCenter) else { return Ok(None) };
    let named = beside.one(&parameter.name).and_then(|named| endpoints.data_center(named));
    named.map(Some).ok_or_else(|| {
        let known: Vec<&str> = endpoints.data_centers.iter().map(|center| center.name.as_str()).collect();
        unusable(
            &provider.title,
            format!("Its page did not name one of the regions that Changeover knows ({}), so the sign-in was not completed and nothing was sent on.", known.join(", ")),
        )
    })
}

pub(crate) fn other_company(provider: &Provider, expected: &Tenant, got: &Tenant) -> Problem {
    Problem::new(
        E_SIGN_IN_OTHER_COMPANY,
        format!(
            "You signed in to {} for another company. The access from before is unchanged.",
            provider.title
        ),
        format!(
            "This connection belongs to {}, but the sign-in was for {}. Nothing of that access is kept here; at {} it may stay listed \
             until it ends by itself or is removed for that company.",
            expected.shown(),
            got.shown(),
            provider.title
        ),
        format!(
            "Sign out of {} in the browser and sign in again for {}. If you want both, add {} as a new company.",
            provider.title,
            expected.shown(),
            got.shown()
        ),
    )
}

async fn wait_for_answer(
    request: &SignIn,
    browser: &dyn OpenPage,
    events: &(dyn Fn(SignInEvent) + Send + Sync),
    controls: &Controls,
) -> Result<(Started, Answer), Problem> {
    let SignIn {
        provider,
        endpoints,
        client_id,
        permissions,
        timeout,
        ..
    } = request;
    let (loopback, redirect) = match &endpoints.redirect {
        Redirect::Loopback { host, ports } => {
            // One path per provider: an answer of one cannot be taken for another's.
            let loopback = Loopback::bind(*host, ports, &callback_path(&provider.name)).await?;
            let redirect = loopback.redirect.clone();
            (Some(loopback), redirect)
        }
        Redirect::Paste { address: Some(address) } => (None, address.clone()),
        Redirect::Paste { address: None } => {
            return Err(Problem::new(
                E_SIGN_IN_ADDRESS,
                format!(
                    "{} sends the browser only to an https page that is registered with your application.",
                    provider.title
                ),
                "No such page was given.",
                format!(
                    "Register any https page of your own at {} as the redirect address, and enter it here.",
                    provider.title
                ),
            ));
        }
    };
    let no_page = || provider.not_yet("Its file names no page to sign in on.");
    let issuer = Issuer::of(endpoints).ok_or_else(no_page)?;
    let started = exchange::start(provider, endpoints, client_id, permissions, redirect).ok_or_else(no_page)?;
    if let Some(why) = unsafe_address(&started.page) {
        return Err(unusable(&provider.title, why));
    }
    events(SignInEvent::Waiting {
        page: started.page.clone(),
        seconds: timeout.as_secs(),
        paste: loopback.is_none(),
    });

    let strangers = Arc::new(AtomicU32::new(0));
    let (strange, mut strange_heard) = watch::channel(0u32);
    let (taken, answered) = oneshot::channel();
    let count = {
        let strangers = strangers.clone();
        move |_: Refused| {
            let so_far = strangers.fetch_add(1, Ordering::Relaxed).saturating_add(1);
            strange.send_replace(so_far);
        }
    };
    let state = started.state.secret().clone();
    let serving = async {
        match loopback {
            Some(loopback) => loopback.serve(state.clone(), issuer.clone(), taken, count).await,
            None => {
                // Keep the sending half, or waiting for the answer would end at once.
                let _kept = (taken, count);
                std::future::pending::<()>().await;
            }
        }
        std::future::pending::<()>().await
    };
    let opening = async {
        match browser.open(&started.page).await {
            Ok(()) => events(SignInEvent::BrowserOpened),
            Err(problem) => events(SignInEvent::BrowserNotOpened(problem)),
        }
        std::future::pending::<()>().await
    };
    let listening = async {
        while strange_heard.changed().await.is_ok() {
            let so_far = *strange_heard.borrow_and_update();
            events(SignInEvent::StrangeAnswer(so_far));
            // Whoever shouts is counted all the same; the number that is told next has them all.
            tokio::time::sleep(STRANGE_TOLD_EVERY).await;
        }
        std::future::pending::<()>().await
    };
    let pasting = async {
        let mut inbox = controls.inbox.lock().await;
        while let Some(pasted) = inbox.recv().await {
            match read_pasted(&pasted, &started.redirect, &state, &issuer) {
                Ok(answer) => return answer,
                Err(refused) => events(SignInEvent::PasteRefused(paste_problem(provider, refused))),
            }
        }
        std::future::pending().await
    };
    let answer = tokio::select! {
        biased;
        Ok(answer) = answered => answer,
        answer = pasting => answer,
        () = tokio::time::sleep(*timeout) => return Err(timed_out(provider, *timeout, strangers.load(Ordering::Relaxed))),
        () = serving => return Err(cancelled(provider)),
        () = opening => return Err(cancelled(provider)),
        () = listening => return Err(cancelled(provider)),
    };
    Ok((started, answer))
}

fn paste_problem(provider: &Provider, refused: Refused) -> Problem {
    match refused {
        Refused::OtherState | Refused::OtherIssuer => Problem::new(
            E_SIGN_IN_STATE,
            "The pasted address belongs to another sign-in.",
            "It does not carry the mark of the sign-in that is running now.",
            "Open the page again with the button here, finish it, and paste the address on which you end.",
        ),
        Refused::Malformed => Problem::new(
            E_SIGN_IN_ADDRESS,
            "The pasted text is not the address that is needed.",
            format!(
                "The right address begins with the redirect page that {} was given and contains \"code=\".",
                provider.title
            ),
            "Copy the whole content of the browser's address bar after signing in, and paste it here.",
        ),
    }
}

pub(crate) fn timed_out(provider: &Provider, timeout: Duration, strangers: u32) -> Problem {
    let problem = Problem::new(
        E_SIGN_IN_TIMED_OUT,
        format!("The sign-in to {} was not finished in time.", provider.title),
        format!("No answer came within {} seconds.", timeout.as_secs()),
        "Start it again and finish the page in the browser; the access from before is unchanged.",
    )
    .retrying(Retry::AfterFix);
    match strangers {
        0 => problem,
        n => problem.because(format!("{n} answers came that belonged to another sign-in; they were turned away.")),
    }
}
