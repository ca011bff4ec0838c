//! Practice: the stories, the practice company, and making a new one.

use super::shared::{busy, small};
use crate::app::App;
use crate::practice_company::E_PRACTICE_STORY;
use crate::views::*;
use ::practice::Story;
use ledger::Problem;

pub async fn practice_view(app: &App, _: NoArgs) -> Result<PracticeView, Problem> {
    let facts = app.practice_facts()?;
    let mut companies = Vec::new();
    if let Some(facts) = facts.as_ref().filter(|facts| facts.ready) {
        let engine = app.practice_engine().await?;
        for company in engine.companies().await? {
            let mut payments = 0;
            for connection in engine.connections(&company).await? {
                payments += engine.payments_read(&connection).await?;
            }
            companies.push(PracticeCompanyView {
                company: company.id,
                name: company.name,
                story: facts.story.clone(),
                seed: facts.seed.to_string(),
                made: facts.made_at.to_string(),
                now: engine.now().to_string(),
                servers_running: app.practice_serves().await,
                payments: small(payments),
            });
        }
    }
    let latest = app.jobs().latest(None, Work::MakePractice);
    Ok(PracticeView {
        stories: Story::ALL
            .iter()
            .map(|story| StoryView {
                id: story.name().to_string(),
                title: story.title().to_string(),
                text: story.description().to_string(),
                ends_well: ends_well(*story),
            })
            .collect(),
        companies,
        problem: latest.as_ref().and_then(|job| job.problem.clone()),
        job: latest.filter(|job| job.state == JobState::Running),
    })
}

/// A smaller practice company for tests in the real window: about this many payments instead of the whole year's.
/// Anything that is not a whole number above zero is as good as not set.
const PAYMENTS: &str = "CHANGEOVER_PRACTICE_PAYMENTS";

fn payments_wished() -> Option<usize> {
    std::env::var(PAYMENTS).ok()?.parse().ok().filter(|payments| *payments > 0)
}

/// Whether the upgrade of this story can be finished; the others end with books that were not touched.
fn ends_well(story: Story) -> bool {
    match story {
        Story::AllGoesWell
        | Story::WrongCompany
        | Story::ConsentRefused
        | Story::FewerPermissions
        | Story::PowerCut
        | Story::Slow
        | Story::RateLimited
        | Story::ServerErrors
        | Story::CutConnections
        | Story::DuplicatePages
        | Story::CaptivePortal => true,
        Story::ConnectorDropsRefunds | Story::DiskFull => false,
    }
}

pub async fn practice_new(app: &App, args: PracticeNewArgs) -> Result<JobView, Problem> {
    let seed: u64 = args.seed.trim().parse().map_err(|_| {
        Problem::new(
            E_PRACTICE_STORY,
            "The number of the practice company cannot be read.",
            format!("\"{}\" is not a whole number from 0 to {}.", args.seed, u64::MAX),
            "Type a whole number; the same number makes the same company again.",
        )
    })?;
    args.story.parse::<Story>().map_err(|why| {
        Problem::new(
            E_PRACTICE_STORY,
            why,
            "The story is not one of those listed.",
            "Choose one of the listed stories.",
        )
    })?;
    let practising: Vec<String> = match app.practice_facts()? {
        Some(_) => app.practice_engine().await?.companies().await?.into_iter().map(|c| c.id).collect(),
        None => Vec::new(),
    };
    let in_use = app
        .jobs()
        .all_running()
        .into_iter()
        .find(|job| job.work == Work::MakePractice || job.company.as_ref().is_some_and(|id| practising.contains(id)));
    if let Some(job) = in_use {
        return Err(busy("The practice company", job.now_doing));
    }
    let maker = app.clone();
    Ok(app.jobs().start(None, Work::MakePractice, move |watcher| async move {
        maker.practice_make(seed, &args.story, payments_wished(), &watcher).await.map(|_| ())
    }))
}
