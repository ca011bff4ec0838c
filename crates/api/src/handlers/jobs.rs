//! Work under way: looking at it, cancelling it, and fetching new payments.

use super::shared::{must_be_free, reach, start};
use crate::app::App;
use crate::views::*;
use ledger::Problem;

pub async fn job_view(app: &App, args: JobArgs) -> Result<JobView, Problem> {
    app.jobs().view(&args.job)
}

pub async fn job_cancel(app: &App, args: JobArgs) -> Result<JobView, Problem> {
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
