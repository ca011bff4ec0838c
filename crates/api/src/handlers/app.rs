//! The frame: which companies there are, how each is doing, and where secrets are kept.

use super::shared::{At, at, count, environment};
use super::today;
use crate::app::App;
use crate::views::*;
use authorization::{KeychainStatus, PassphraseState};
use engine::Engine;
use ledger::Problem;
use std::sync::Arc;
use std::time::Duration;

/// How long a view waits for the keychain's answer; a later one is shown when it comes.
const KEYCHAIN_WAIT: Duration = Duration::from_millis(200);

pub async fn app_view(app: &App, _: NoArgs) -> Result<AppView, Problem> {
    let mut companies = Vec::new();
    for engine in app.engines().await {
        for company in engine.companies().await? {
            companies.push(company_view(app, &company.id).await?);
        }
    }
    let current = app
        .current()
        .filter(|id| companies.iter().any(|c| c.id == *id))
        .or_else(|| companies.first().map(|c| c.id.clone()));
    let shown = match &current {
        Some(id) => Some(at(app, id).await?),
        None => None,
    };
    let engine = shown.as_ref().map_or_else(|| app.real().clone(), |at| at.engine.clone());
    Ok(AppView {
        version: env!("CARGO_PKG_VERSION").to_string(),
        first_run: companies.is_empty(),
        companies,
        jobs: app
            .jobs()
            .all_running()
            .into_iter()
            .filter(|job| job.company.is_none() || job.company == current)
            .collect(),
        current,
        keychain: keychain(app, &engine).await,
        practice_band: match &shown {
            Some(at) if at.company.practice => app.practice_facts()?.map(|facts| PracticeBandView {
                story: facts.story,
                now: at.now().to_string(),
            }),
            Some(_) | None => None,
        },
        problem: None,
    })
}

pub async fn company_select(app: &App, args: CompanyArgs) -> Result<AppView, Problem> {
    let found = at(app, &args.company).await?;
    app.select(Some(found.company.id));
    app_view(app, NoArgs {}).await
}

async fn company_view(app: &App, id: &str) -> Result<CompanyView, Problem> {
    let at = at(app, id).await?;
    let connections = at.engine.connections(&at.company).await?;
    let needs = today::needs(app, &at).await?;
    Ok(CompanyView {
        id: at.company.id.clone(),
        name: at.company.name.clone(),
        accounting_app: ACCOUNTING_APP.to_string(),
        books_file: at
            .company
            .books_path
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default(),
        currency: at.company.currency.code().to_string(),
        zone: at.company.zone.clone(),
        environment: company_environment(&at, &connections),
        mood: worst(&needs),
        needs: count(needs.len()),
        connections: count(connections.len()),
    })
}

/// The only accounting app whose books can be opened so far.
pub const ACCOUNTING_APP: &str = "GnuCash";

fn company_environment(at: &At, connections: &[engine::store::company::Connection]) -> EnvironmentView {
    if at.company.practice {
        return EnvironmentView::Practice;
    }
    connections.first().map_or(EnvironmentView::Production, environment)
}

fn worst(needs: &[NeedView]) -> Mood {
    let has = |mood: Mood| needs.iter().any(|need| need.mood == mood);
    [Mood::Stop, Mood::Attention, Mood::Information]
        .into_iter()
        .find(|mood| has(*mood))
        .unwrap_or(Mood::Good)
}

/// Where an installation keeps its secrets. A keychain that does not answer in time shows as "unknown" until it does.
pub async fn keychain(app: &App, engine: &Arc<Engine>) -> KeychainView {
    let installation = engine.installation.clone();
    let (asking, engine) = (app.clone(), engine.clone());
    let asked = tokio::spawn(async move {
        let status = status_view(engine.vault.keychain_status().await);
        if asking.inner.memory.keep_keychain(&engine.installation, status.clone()) {
            asking.changed();
        }
        status
    });
    match tokio::time::timeout(KEYCHAIN_WAIT, asked).await {
        Ok(Ok(status)) => status,
        Ok(Err(_)) | Err(_) => app.inner.memory.keychain(&installation).unwrap_or(KeychainView::Unknown),
    }
}

/// What this system calls its keychain.
pub fn keychain_name() -> &'static str {
    if cfg!(target_os = "macos") {
        "Keychain"
    } else if cfg!(target_os = "windows") {
        "Credential Manager"
    } else {
        "Keyring"
    }
}

fn status_view(status: KeychainStatus) -> KeychainView {
    match status {
        KeychainStatus::Available => KeychainView::Keychain {
            name: keychain_name().to_string(),
        },
        KeychainStatus::Locked => KeychainView::Locked {
            name: keychain_name().to_string(),
        },
        KeychainStatus::Absent(why) => KeychainView::Absent { why },
        KeychainStatus::Silent(seconds) => KeychainView::Silent {
            name: keychain_name().to_string(),
            seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
        },
        KeychainStatus::Refusing(why) => KeychainView::Refusing {
            name: keychain_name().to_string(),
            why,
        },
        KeychainStatus::Passphrase(PassphraseState::Open) => KeychainView::Passphrase,
        KeychainStatus::Passphrase(PassphraseState::Locked) => KeychainView::PassphraseLocked,
        KeychainStatus::Passphrase(PassphraseState::NotSetUp) => KeychainView::PassphraseNotSetUp,
        KeychainStatus::Passphrase(PassphraseState::Damaged(why)) => KeychainView::PassphraseDamaged { why },
        KeychainStatus::SessionOnly => KeychainView::SessionOnly {
            why: "Nothing is kept beyond this run.".to_string(),
        },
    }
}
