//! Today's tile: whether books and processor agree, said only of a state that was compared.
//!
//! What a comparison found is kept in short with the stamp of the state it was made of, also for the next start of the program. A state
//! that is not the stamped one is compared in the background, as a job; until then the tile says so. It must never
//! carry an earlier verdict over to a later state.

use super::{agreed, stamp};
use crate::app::App;
use crate::handlers::memory::Agreed;
use crate::handlers::shared::{At, EXCLUSIVE, count};
use crate::views::*;
use engine::agreement::Agreement;
use engine::store;
use jiff::Timestamp;
use ledger::{AccountId, Money, Problem};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long Today waits for a comparison that was just begun; a longer one is shown when it is done.
const TILE_WAIT: Duration = Duration::from_millis(250);

/// What a comparison found, in short. Stored: a new field needs a new name of the setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Found {
    stamp: String,
    when: Timestamp,
    agrees: bool,
    remainder: Money,
    accounts: u32,
}

fn setting(company: &str) -> String {
    format!("compared-1:{company}")
}

/// Another version of the program may compare otherwise, so its verdict is not this one's.
fn of_this_version(stamp: &str) -> String {
    format!("{}|{stamp}", env!("CARGO_PKG_VERSION"))
}

/// Keeps what was found, for the next start.
pub async fn keep(at: &At, agreed: &Agreed, results: &[Agreement], remainder: Money) -> Result<(), Problem> {
    let found = found(agreed, results, remainder);
    store::set_setting(&at.engine.pool, &setting(&at.company.id), &store::to_json(&found)?).await
}

fn found(agreed: &Agreed, results: &[Agreement], remainder: Money) -> Found {
    let accounts: BTreeSet<&AccountId> = results
        .iter()
        .flat_map(|one| &one.rows)
        .filter(|row| !row.unexplained.is_zero())
        .map(|row| &row.account)
        .collect();
    Found {
        stamp: of_this_version(&agreed.stamp),
        when: agreed.when,
        agrees: results.iter().all(Agreement::agrees),
        remainder,
        accounts: count(accounts.len()),
    }
}

/// Lets the next one compare, however this one ends.
struct Turn {
    app: App,
    company: String,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.app.inner.memory.end_agreeing(&self.company);
    }
}

/// The tile: from what was found of exactly this state, or begun in the background and shown when it is done.
pub async fn agreement_tile(app: &App, at: &At, providers: Vec<String>) -> Result<AgreementTile, Problem> {
    let connections = at.engine.connections(&at.company).await?;
    if connections.iter().all(|connection| connection.synced_at.is_none()) {
        return Ok(AgreementTile::NotChecked);
    }
    if let Some(tile) = known(app, at, &providers).await? {
        return Ok(tile);
    }
    // While the books are being changed a comparison would be of a moment that is gone before it is shown.
    if app.jobs().running(&at.company.id, EXCLUSIVE).is_none() && app.inner.memory.begin_agreeing(&at.company.id) {
        let done = compare(app, at);
        if tokio::time::timeout(TILE_WAIT, done).await.is_ok()
            && let Some(tile) = known(app, at, &providers).await?
        {
            return Ok(tile);
        }
    }
    Ok(AgreementTile::Comparing {
        last: stored(at).await?.map(|found| LastComparedView {
            when: found.when.to_string(),
            agrees: found.agrees,
            remainder: found.remainder.into(),
        }),
    })
}

/// Starts the comparison as a job. The answer comes when it has ended, however it did.
fn compare(app: &App, at: &At) -> tokio::sync::oneshot::Receiver<()> {
    let (ended, done) = tokio::sync::oneshot::channel();
    let turn = Turn {
        app: app.clone(),
        company: at.company.id.clone(),
    };
    let at = At {
        engine: at.engine.clone(),
        company: at.company.clone(),
        zone: at.zone.clone(),
    };
    app.jobs().start(Some(at.company.id.clone()), Work::Reconcile, move |_| async move {
        let result = agreed(&turn.app, &at).await;
        drop(turn);
        // Nobody may be waiting any more; the page reads again when the job has ended.
        let _nobody_waits = ended.send(());
        result.and_then(|agreed| agreed.results.as_ref().map(|_| ()).map_err(Clone::clone))
    });
    done
}

async fn stored(at: &At) -> Result<Option<Found>, Problem> {
    match store::setting(&at.engine.pool, &setting(&at.company.id)).await? {
        Some(text) => store::from_json("comparison", text.as_bytes()).map(Some),
        None => Ok(None),
    }
}

/// What is known of exactly the present state.
async fn known(app: &App, at: &At, providers: &[String]) -> Result<Option<AgreementTile>, Problem> {
    let connections = at.engine.connections(&at.company).await?;
    let stamp = stamp(at, &connections).await?;
    if let Some(known) = app.inner.memory.agreed(&at.company.id).filter(|known| known.stamp == stamp)
        && let Err(problem) = &known.results
    {
        return Ok(Some(AgreementTile::Failed {
            problem: problem.clone().into(),
        }));
    }
    let Some(found) = stored(at).await?.filter(|found| found.stamp == of_this_version(&stamp)) else {
        return Ok(None);
    };
    let (remainder, until_day, providers) = (found.remainder.into(), at.day(found.when), providers.to_vec());
    Ok(Some(match found.agrees {
        true => AgreementTile::Agrees {
            remainder,
            until_day,
            providers,
        },
        false => AgreementTile::Differs {
            remainder,
            until_day,
            providers,
            accounts: found.accounts,
        },
    }))
}
