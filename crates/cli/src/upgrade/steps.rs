//! What a person says to an upgrade under way, and carrying on after it.
//!
//! The engine does the work and writes the log; this prints each stage as it is completed and says where it rests.

use super::{Browser, Id, Signer, show};
use crate::accounts_enter;
use crate::ending::Ending;
use crate::follow::Follower;
use crate::reach::{self, Reached};
use crate::sign_in;
use crate::terminal::Terminal;
use ::upgrade::{Event, Mode, State};
use engine::accounts::Setup;
use engine::sign_in::SignInDesk;
use engine::store::company::Connection;
use engine::upgrading::runner::Surroundings;
use jiff::SignedDuration;
use ledger::Problem;
use std::convert::Infallible;
use std::time::Duration;

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Runs until a person is needed or it is over, and says where it rests.
pub async fn carry_on(terminal: &Terminal, reached: &Reached, id: &str, connection: &str, no_browser: bool) -> Result<Ending, Problem> {
    let state = run_to_rest(terminal, reached, id, connection, no_browser).await?;
    show::rest(terminal, reached, id, &state).await
}

/// Runs until a person is needed or it is over.
pub async fn run_to_rest(terminal: &Terminal, reached: &Reached, id: &str, connection: &str, no_browser: bool) -> Result<State, Problem> {
    let engine = &reached.engine;
    let account = engine.connection(&reached.company, Some(connection)).await?;
    let setup = engine.setup(&account).await?;
    // A key is asked for; typed lines are pasted addresses only where there is a browser.
    let door = sign_in::open(terminal, connection, no_browser, !setup.entered);
    let follower = Follower::new(terminal.screen.clone());
    follower.begin(&engine.upgrade_state(id).await?);
    let watcher = terminal.watcher();
    {
        // Ctrl-C ends a sign-in that waits for the browser, too.
        let (desk, account) = (door.desk.clone(), connection.to_string());
        watcher.on_cancel(move || {
            desk.cancel(&account);
        });
    }
    let around = Surroundings {
        watcher,
        desk: door.desk.clone(),
    };
    let state = {
        let _watching = follower.watch(engine.clone(), id);
        let running = engine.run_upgrade(id, &around);
        match setup.entered {
            true => tokio::select! {
                state = running => state?,
                never = asked_when_it_waits(terminal, reached, &account, &setup, &door.desk) => match never {},
            },
            false => running.await?,
        }
    };
    follower.seen(&state);
    terminal.screen.rest();
    Ok(state)
}

/// Asks for a key whenever the upgrade waits for one. It ends with the upgrade's run, which says how the sign-in ended.
async fn asked_when_it_waits(terminal: &Terminal, reached: &Reached, account: &Connection, setup: &Setup, desk: &SignInDesk) -> Infallible {
    let waits = || desk.flow(&account.id).is_some_and(|flow| flow.ended.is_none());
    loop {
        while !waits() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        for told in [
            accounts_enter::tell_setup(terminal, reached, account, setup).await,
            accounts_enter::ask(terminal, reached, account, desk).await,
        ] {
            if let Err(problem) = told {
                terminal.screen.problem(&problem);
            }
        }
        while waits() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

async fn found(terminal: &Terminal, id: &Id) -> Result<(Reached, String, String), Problem> {
    let (reached, row) = reach::upgrade(terminal, id.id.as_deref(), &id.which).await?;
    reach::ready(terminal, &reached, Some(&row.id)).await?;
    Ok((reached, row.id, row.connection_id))
}

pub async fn approve(terminal: &Terminal, id: Id, signer: Signer, digest: Option<String>, browser: Browser) -> Result<Ending, Problem> {
    let (reached, id, connection) = found(terminal, &id).await?;
    reached
        .engine
        .approve(&id, signer.person(&reached.engine), digest.as_deref())
        .await?;
    carry_on(terminal, &reached, &id, &connection, browser.no_browser).await
}

pub async fn pause(terminal: &Terminal, id: Id, reason: String, signer: Signer) -> Result<Ending, Problem> {
    let (reached, row) = reach::upgrade(terminal, id.id.as_deref(), &id.which).await?;
    let engine = &reached.engine;
    let event = Event::PauseRequested {
        by: signer.person(engine),
        reason,
        at: engine.now(),
    };
    let state = engine.record(&row.id, event).await?;
    // What was asked for has been done; that the upgrade now waits is the point of it.
    show::rest(terminal, &reached, &row.id, &state).await.map(|_| Ending::Done)
}

pub async fn resume(terminal: &Terminal, id: Id, signer: Signer, browser: Browser) -> Result<Ending, Problem> {
    let (reached, id, connection) = found(terminal, &id).await?;
    let engine = &reached.engine;
    let state = engine.upgrade_state(&id).await?;
    // Left lying by a process that ended: the runner finds out what happened, nobody has to be asked.
    let lying = matches!(state.mode, Mode::Running | Mode::RollingBack { .. } | Mode::Resolving { .. })
        && (state.in_flight.is_some() || ::upgrade::next_effect(&state).is_some());
    if !lying {
        engine
            .record(
                &id,
                Event::ResumeRequested {
                    by: signer.person(engine),
                    at: engine.now(),
                },
            )
            .await?;
    }
    carry_on(terminal, &reached, &id, &connection, browser.no_browser).await
}

pub async fn run(terminal: &Terminal, id: Id, browser: Browser) -> Result<Ending, Problem> {
    let (reached, id, connection) = found(terminal, &id).await?;
    carry_on(terminal, &reached, &id, &connection, browser.no_browser).await
}

pub async fn next_day(terminal: &Terminal, id: Id, days: u32) -> Result<Ending, Problem> {
    let (reached, id, connection) = found(terminal, &id).await?;
    let engine = &reached.engine;
    let watcher = terminal.watcher();
    let mut state = engine.upgrade_state(&id).await?;
    for _ in 0..days {
        if !matches!(state.mode, Mode::Running) || state.watch.is_none() {
            break;
        }
        if engine.is_practice() {
            let next = engine.now().checked_add(SignedDuration::from_hours(24)).map_err(|error| {
                Problem::new(
                    api::practice_company::E_PRACTICE,
                    "The practice clock cannot be moved on by a day.",
                    error.to_string(),
                    "Make the practice company again.",
                )
            })?;
            reached.app.practice_now(next).await?;
        }
        state = engine.watch_today(&id, &watcher).await?;
    }
    terminal.screen.rest();
    carry_on(terminal, &reached, &id, &connection, false).await
}
