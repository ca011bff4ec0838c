//! Work under way: looking at it, cancelling it, and fetching new payments.

use super::shared::{at, must_be_free, reach, start};
use super::upgrade_run;
use crate::app::App;
use crate::views::*;
use ::upgrade::Mode;
use engine::store::upgrade as stored;
use ledger::Problem;

pub async fn job_view(app: &App, args: JobArgs) -> Result<JobView, Problem> {
    app.jobs().view(&args.job)
}

pub async fn job_cancel(app: &App, args: JobArgs) -> Result<JobView, Problem> {
    let job = app.jobs().view(&args.job)?;
    if let Some(company) = job.company.as_deref().filter(|_| upgrade_run::RUNNING.contains(&job.work)) {
        let at = at(app, company).await?;
        for row in stored::of_company(&at.engine.pool, &at.company.id)
            .await?
            .into_iter()
            .filter(|row| row.open)
        {
            if matches!(at.engine.upgrade_state(&row.id).await?.mode, Mode::RollingBack { .. }) {
                return Err(Problem::new(
                    ::upgrade::refusal::E_NOT_NOW,
                    "Going back cannot be cancelled.",
                    "The upgrade is being rolled back; that is the way to safety.",
                    "Wait until it has ended. A step that fails is tried again, and then asks for you.",
                ));
            }
        }
    }
    app.jobs().cancel(&args.job)
}

/// Fetches and posts what is new, for every connection of the company.
pub async fn sync_now(app: &App, args: CompanyArgs) -> Result<JobView, Problem> {
    let at = reach(app, &args.company).await?;
    must_be_free(app, &at.company)?;
    let company = at.company.clone();
    Ok(start(app, &company, Work::Sync, move |watcher| async move {
        for connection in at.engine.connections(&at.company).await? {
            at.engine.sync(&at.company, &connection, &watcher).await?;
        }
        Ok(())
    }))
}
