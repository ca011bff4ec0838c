//! Backups that nobody has to think of: the rule, the system's timer, and looking now and then while the window is open.
//!
//! What is due is the engine's decision. It must never start one while other work for the same company goes on.

use super::backups::backups_view;
use super::shared::{At, must_be_free, reach, start};
use crate::app::App;
use crate::contract::E_COMMAND_ARGUMENTS;
use crate::views::*;
use engine::schedule::timer::{self, Started};
use engine::schedule::{Due, Rule, Told, clock};
use jiff::civil::Time;
use ledger::Problem;

pub(super) async fn schedule(app: &App, at: &At) -> Result<ScheduleView, Problem> {
    // The rule and the timer are the real installation's, also where the practice company is shown.
    let rule = app.real().backup_rule().await?;
    let due = at.engine.backup_due(&at.company).await?;
    let run = at.engine.backup_run(&at.company).await?;
    Ok(ScheduleView {
        daily: rule.daily,
        at: clock(rule.at),
        on_change: rule.on_change,
        prove_every_days: u32::from(rule.prove_every_days),
        state: match due {
            _ if at.company.practice => ScheduleState::Practice,
            Due::Off => ScheduleState::Off,
            Due::First => ScheduleState::First,
            Due::NotYet { .. } => ScheduleState::Waiting,
            Due::Now(_) => ScheduleState::Due,
        },
        next: match due {
            Due::NotYet { next } => next.map(|next| next.to_string()),
            Due::Off | Due::First | Due::Now(_) => None,
        },
        timer: match Started::here(app.real().home.dir()) {
            Ok(started) if timer::is_on(&started) => TimerState::On,
            Ok(_) => TimerState::Off,
            Err(problem) => TimerState::Unavailable { problem: Box::new(problem.into()) },
        },
        missed: run.and_then(|run| {
            let problem = told(run.failed?);
            Some(MissedView { at: run.at.to_string(), problem })
        }),
    })
}

/// As it was told then. The books were only read, as by every backup.
pub(super) fn told(told: Told) -> ProblemView {
    ProblemView {
        code: told.code,
        touched: TouchedView::Nothing,
        touched_sentence: ledger::Touched::Nothing.sentence().to_owned(),
        what: told.what,
        why: told.why,
        next: told.next,
        retry: RetryView::AfterFix,
        also: Vec::new(),
    }
}

pub async fn backup_schedule_set(app: &App, args: ScheduleSetArgs) -> Result<BackupsView, Problem> {
    reach(app, &args.company).await?;
    let time = Time::strptime("%H:%M", &args.at).map_err(|_| {
        Problem::new(
            E_COMMAND_ARGUMENTS,
            "The time of day cannot be read.",
            "It is two digits, a colon and two digits.",
            "Enter a time such as 21:00.",
        )
    })?;
    let engine = app.real();
    let rule = Rule { daily: args.daily, at: time, on_change: args.on_change, ..engine.backup_rule().await? };
    engine.set_backup_rule(&rule).await?;
    app.changed();
    backups_view(app, CompanyArgs { company: args.company }).await
}

pub async fn backup_timer(app: &App, args: ScheduleTimerArgs) -> Result<BackupsView, Problem> {
    let started = Started::here(app.real().home.dir())?;
    let switched = tokio::task::spawn_blocking(move || if args.on { timer::switch_on(&started) } else { timer::switch_off(&started) });
    match switched.await {
        Ok(switched) => switched?,
        Err(ended) => std::panic::resume_unwind(ended.into_panic()),
    }
    app.changed();
    backups_view(app, CompanyArgs { company: args.company }).await
}

/// Starts what is due for every real company that nothing else is done for, and gives the names of those companies. How each ends stands
/// with its backups; what cannot even be looked at is left to the next look.
pub async fn due_backups(app: &App) -> Vec<String> {
    let engine = app.real().clone();
    let mut started = Vec::new();
    for company in engine.companies().await.unwrap_or_default() {
        let free = must_be_free(app, &company).is_ok();
        if !free || !matches!(engine.backup_due(&company).await, Ok(Due::Now(_))) {
            continue;
        }
        let (engine, of) = (engine.clone(), company.clone());
        started.push(company.name.clone());
        start(app, &company, Work::Backup, move |watcher| async move { engine.take_due_backup(&of, &watcher).await.map(drop) });
    }
    started
}
