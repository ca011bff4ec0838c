//! Upgrade: where it stands, and what a person may say to it.
//!
//! Every press of a button is an event that the machine accepts or refuses; only then is work started.

use super::plan::wishes;
use super::shared::{At, at, busy, must_be_free, reach};
use super::upgrade_run::{self, person, run, run_view};
use crate::app::App;
use crate::views::*;
use ::upgrade::{Event, Gate, Mode, Stage, State};
use engine::store::upgrade as stored;
use ledger::Problem;
use std::time::Duration;

pub async fn upgrade_view(app: &App, args: CompanyArgs) -> Result<UpgradeView, Problem> {
    let at = at(app, &args.company).await?;
    let connections = at.engine.connections(&at.company).await?;
    for connection in &connections {
        if let Some(open) = stored::open_of(&at.engine.pool, &connection.id).await? {
            return run_view(app, &at, &open.id).await;
        }
    }
    let all = stored::of_company(&at.engine.pool, &at.company.id).await?;
    for connection in &connections {
        if let Some(back) = just_rolled_back(&at, &connection.id, &all).await? {
            return run_view(app, &at, &back).await;
        }
    }
    let mut idle = Vec::with_capacity(connections.len());
    for connection in &connections {
        let package = at.engine.package(&connection.connector, &connection.version)?;
        let mut last = None;
        for row in all.iter().filter(|row| row.connection_id == connection.id) {
            if let Some(ended) = ended(&at, row).await? {
                last = Some(ended);
                break;
            }
        }
        idle.push(UpgradeIdleView {
            connection: connection.id.clone(),
            provider: at.provider_title(connection),
            version: connection.version.clone(),
            available: at.engine.catalog.successor(package).map(|next| next.version().to_string()),
            last,
        });
    }
    Ok(UpgradeView::None {
        company: at.company.id.clone(),
        company_name: at.company.name.clone(),
        connections: idle,
    })
}

/// The fact that a person has read how an upgrade was rolled back.
const DISMISSED: &str = "dismissed";

/// The newest upgrade of a connection, when it was rolled back and nobody has closed its page yet: what was put back
/// has to be seen once.
async fn just_rolled_back(at: &At, connection: &str, all: &[stored::UpgradeRow]) -> Result<Option<String>, Problem> {
    let Some(newest) = all.iter().find(|row| row.connection_id == connection) else {
        return Ok(None);
    };
    if at.engine.upgrade_state(&newest.id).await?.mode != Mode::RolledBack {
        return Ok(None);
    }
    let dismissed: Option<bool> = stored::fact(&at.engine.pool, &newest.id, DISMISSED).await?;
    Ok((dismissed != Some(true)).then(|| newest.id.clone()))
}

/// Closes the page of a rolled-back upgrade. It stays in the log and in the list of ended upgrades.
pub async fn upgrade_dismiss(app: &App, args: UpgradeArgs) -> Result<UpgradeView, Problem> {
    let at = at(app, &args.company).await?;
    let row = at.engine.find_upgrade(&at.company, Some(&args.upgrade)).await?;
    let state = at.engine.upgrade_state(&row.id).await?;
    if state.mode != Mode::RolledBack {
        return Err(Problem::new(
            ::upgrade::refusal::E_NOT_NOW,
            "The page of this upgrade cannot be closed now.",
            format!("It is {}.", ::upgrade::words::mode(&state.mode)),
            "Close it once the upgrade has been rolled back.",
        ));
    }
    stored::keep_fact(&at.engine.pool, &row.id, DISMISSED, &true).await?;
    app.changed();
    upgrade_view(app, CompanyArgs { company: args.company }).await
}

async fn ended(at: &At, row: &stored::UpgradeRow) -> Result<Option<EndedUpgradeView>, Problem> {
    let state = at.engine.upgrade_state(&row.id).await?;
    let how = match state.mode {
        Mode::Finished => EndedHow::Finished,
        Mode::RolledBack => EndedHow::RolledBack,
        Mode::Running
        | Mode::Waiting { .. }
        | Mode::Paused { .. }
        | Mode::Halted { .. }
        | Mode::Resolving { .. }
        | Mode::RollingBack { .. }
        | Mode::Frozen { .. } => {
            return Ok(None);
        }
    };
    let entries = at.engine.journal.entries_of(&row.id).await?;
    let verdict: Option<::reconcile::MoneyVerdict> = stored::fact(&at.engine.pool, &row.id, "verdict").await?;
    Ok(Some(EndedUpgradeView {
        id: row.id.clone(),
        from: row.from_version.clone(),
        to: row.to_version.clone(),
        ended: entries
            .iter()
            .rev()
            .find(|e| e.kind.starts_with("upgrade."))
            .map(|e| e.at.to_string())
            .unwrap_or_else(|| row.started_at.to_string()),
        remainder: match how {
            EndedHow::Finished => verdict.map(|v| v.unexplained.into()),
            EndedHow::RolledBack => None,
        },
        how,
    }))
}

/// Opens the upgrade, gives the first yes for exactly this plan, and begins.
pub async fn upgrade_start(app: &App, args: UpgradePlanArgs) -> Result<UpgradeView, Problem> {
    let at = reach(app, &args.company).await?;
    must_be_free(app, &at.company)?;
    let connection = at.engine.connection(&at.company, Some(&args.connection)).await?;
    let plan = at.engine.make_plan(&at.company, &connection, &wishes(&args.to)).await?;
    let id = plan.id.clone();
    let state = at.engine.open_upgrade(&connection, plan).await?;
    let role = state
        .plan
        .as_ref()
        .map(|plan| plan.gate_rule(Gate::Start).role)
        .unwrap_or(::upgrade::PersonRole::Owner);
    at.engine.approve(&id, person(&at, ::upgrade::words::role(role)), None).await?;
    run(app, &at, &id, Work::Upgrade);
    run_view(app, &at, &id).await
}

pub async fn upgrade_approve(app: &App, args: UpgradeApproveArgs) -> Result<UpgradeView, Problem> {
    let (at, _) = found(app, &args.company, &args.upgrade).await?;
    let state = at.engine.approve(&args.upgrade, person(&at, &args.who), Some(&args.digest)).await?;
    carry_on(app, &at, &args.upgrade, &state);
    run_view(app, &at, &args.upgrade).await
}

/// Says yes to the last step, which cannot be undone.
pub async fn upgrade_finish(app: &App, args: UpgradeArgs) -> Result<UpgradeView, Problem> {
    let (at, state) = found(app, &args.company, &args.upgrade).await?;
    if state.gate() != Some(Gate::BeforeFinish) {
        return Err(Problem::new(
            ::upgrade::refusal::E_NOT_NOW,
            "The upgrade cannot be finished now.",
            format!("It is {}.", ::upgrade::words::mode(&state.mode)),
            "Finish it once the watch is over and it asks for that.",
        ));
    }
    let role = state
        .plan
        .as_ref()
        .map(|plan| plan.gate_rule(Gate::BeforeFinish).role)
        .unwrap_or(::upgrade::PersonRole::Owner);
    let state = at
        .engine
        .approve(&args.upgrade, person(&at, ::upgrade::words::role(role)), None)
        .await?;
    carry_on(app, &at, &args.upgrade, &state);
    run_view(app, &at, &args.upgrade).await
}

pub async fn upgrade_pause(app: &App, args: UpgradeArgs) -> Result<UpgradeView, Problem> {
    hold(app, args, "").await
}

/// Holds the upgrade where it is; nothing is undone. Going back is [`upgrade_rollback`].
pub async fn upgrade_stop(app: &App, args: UpgradeArgs) -> Result<UpgradeView, Problem> {
    hold(app, args, "to stop here; the books stay as they are now").await
}

async fn hold(app: &App, args: UpgradeArgs, reason: &str) -> Result<UpgradeView, Problem> {
    let (at, state) = found(app, &args.company, &args.upgrade).await?;
    let event = Event::PauseRequested {
        by: person(&at, "owner"),
        reason: reason.to_string(),
        at: at.now(),
    };
    at.engine.record(&args.upgrade, event).await?;
    interrupt(app, &at, &state);
    run_view(app, &at, &args.upgrade).await
}

/// Asks the step under way to end at its next safe point.
fn interrupt(app: &App, at: &At, state: &State) {
    app.jobs().cancel_running(&at.company.id, upgrade_run::RUNNING);
    close_sign_in(app, state);
}

/// Nobody waits any longer for a person in a browser.
fn close_sign_in(app: &App, state: &State) {
    if let Some(plan) = &state.plan {
        app.desk().cancel(&plan.connection);
    }
}

/// How long a step that was asked to end may take to reach its safe point.
const ENDING: Duration = Duration::from_secs(60);

/// After a pause the step under way may still be ending. What comes next must not meet it, because it was told to
/// stop and would refuse every further step. Errors: `E-BUSY` when it does not end in time.
async fn let_it_end(app: &App, at: &At, state: &State) -> Result<(), Problem> {
    // A day of the watch holds the books and does not look at what was asked meanwhile; a run of stages does.
    let watches_a_day = state.watch.is_some() && state.mode == Mode::Running;
    if !watches_a_day && !matches!(state.mode, Mode::Paused { .. } | Mode::Halted { .. }) {
        return Ok(());
    }
    let ending = async {
        while app.jobs().running(&at.company.id, upgrade_run::RUNNING).is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(ENDING, ending)
        .await
        .map_err(|_| busy(&at.company.name, Some("ending the step that was under way".to_string())))
}

pub async fn upgrade_resume(app: &App, args: UpgradeArgs) -> Result<UpgradeView, Problem> {
    let (at, state) = found(app, &args.company, &args.upgrade).await?;
    let_it_end(app, &at, &state).await?;
    // Left lying by a process that ended: the runner finds out what happened, nobody has to be asked.
    let lying = matches!(state.mode, Mode::Running | Mode::RollingBack { .. } | Mode::Resolving { .. })
        && app.jobs().running(&at.company.id, upgrade_run::RUNNING).is_none()
        && (state.in_flight.is_some() || ::upgrade::next_effect(&state).is_some());
    let state = match lying {
        true => state,
        false => {
            at.engine
                .record(
                    &args.upgrade,
                    Event::ResumeRequested {
                        by: person(&at, "owner"),
                        at: at.now(),
                    },
                )
                .await?
        }
    };
    carry_on(app, &at, &args.upgrade, &state);
    run_view(app, &at, &args.upgrade).await
}

pub async fn upgrade_rollback(app: &App, args: UpgradeArgs) -> Result<UpgradeView, Problem> {
    let (at, state) = found(app, &args.company, &args.upgrade).await?;
    let_it_end(app, &at, &state).await?;
    let event = Event::RollBackRequested {
        by: person(&at, "owner"),
        reason: "asked for on the upgrade's page".to_string(),
        at: at.now(),
    };
    at.engine.record(&args.upgrade, event).await?;
    // A step under way ends by itself and is followed by the way back; it is not cancelled, so that nothing of
    // the way back is.
    close_sign_in(app, &state);
    run(app, &at, &args.upgrade, Work::RollBack);
    run_view(app, &at, &args.upgrade).await
}

/// In practice lets a day pass and watches it; for real books it watches today.
pub async fn upgrade_next_day(app: &App, args: UpgradeArgs) -> Result<UpgradeView, Problem> {
    let (at, state) = found(app, &args.company, &args.upgrade).await?;
    if state.watch.is_none() || upgrade_run::present(&state) != Stage::Watching || state.mode != Mode::Running {
        return Err(Problem::new(
            ::upgrade::refusal::E_NOT_NOW,
            "There is no day to watch now.",
            format!(
                "The upgrade is at \"{}\" and {}.",
                upgrade_run::present(&state).title(),
                ::upgrade::words::mode(&state.mode)
            ),
            "Look at where the upgrade stands, then choose again.",
        ));
    }
    upgrade_run::next_day(app, &at, &args.upgrade)?;
    run_view(app, &at, &args.upgrade).await
}

async fn found(app: &App, company: &str, upgrade: &str) -> Result<(At, State), Problem> {
    let at = reach(app, company).await?;
    let row = at.engine.find_upgrade(&at.company, Some(upgrade)).await?;
    let state = at.engine.upgrade_state(&row.id).await?;
    Ok((at, state))
}

/// Starts the job when there is something to do; a second yes that is still missing starts nothing.
fn carry_on(app: &App, at: &At, upgrade: &str, state: &State) {
    if ::upgrade::next_effect(state).is_some() || state.in_flight.is_some() {
        let work = if matches!(state.mode, Mode::RollingBack { .. }) {
            Work::RollBack
        } else {
            Work::Upgrade
        };
        run(app, at, upgrade, work);
    }
}
