//! An upgrade under way as its screen shows it, and the job that carries it on.
//!
//! Everything shown comes from the fold of the journal; which buttons there are is what the machine would accept.

use super::differences;
use super::plan::{days_of, new_permissions, slice_of};
use super::shared::{At, E_CHECK_FAILED, account_name, check_view, count, must_be_free, small, stage_name, start, stored_problem};
use super::words;
use crate::app::App;
use crate::views::*;
use ::reconcile::{Class, DifferenceRow};
use ::upgrade::{Gate, Mode, PauseReason, Person, PersonRole, Plan, Stage, State, Verdict};
use engine::store::company::Connection;
use engine::store::upgrade as stored;
use engine::sync::Owner as Posting;
use engine::upgrading::rehearsal::{self, Rehearsed};
use engine::upgrading::runner::{Surroundings, binds_digest};
use ledger::{Money, Problem, Touched};
use std::collections::BTreeMap;

/// Lines of the log beside a run.
const LOG_LINES: usize = 8;

/// Kinds of work that carry an upgrade on.
pub const RUNNING: &[Work] = &[Work::Upgrade, Work::RollBack];

/// Who acts, in the role the plan asks for.
pub fn person(at: &At, role: &str) -> Person {
    let role = match role {
        "bookkeeper" => PersonRole::Bookkeeper,
        "accountant" => PersonRole::Accountant,
        // An unknown word gives the machine a role that it checks itself.
        _ => PersonRole::Owner,
    };
    Person {
        name: at.engine.actor.clone(),
        role,
    }
}

/// Carries the upgrade on in a job, until it waits for a person or is over.
pub fn run(app: &App, at: &At, upgrade: &str, work: Work) -> JobView {
    let (carrier, engine, id, practice) = (app.clone(), at.engine.clone(), upgrade.to_string(), at.company.practice);
    start(app, &at.company, work, move |watcher| async move {
        if practice {
            carrier.practice_server().await?;
        }
        let around = Surroundings {
            watcher,
            desk: carrier.desk().clone(),
        };
        engine.run_upgrade(&id, &around).await.map(|_| ())
    })
}

/// Lets today (in practice: the next day) be watched, in a job.
pub fn next_day(app: &App, at: &At, upgrade: &str) -> Result<JobView, Problem> {
    must_be_free(app, &at.company)?;
    let (carrier, engine, id, practice) = (app.clone(), at.engine.clone(), upgrade.to_string(), at.company.practice);
    Ok(start(app, &at.company, Work::Upgrade, move |watcher| async move {
        if practice {
            carrier.practice_server().await?;
            let next = engine.now().checked_add(jiff::SignedDuration::from_hours(24)).map_err(|why| {
                Problem::new(
                    crate::practice_company::E_PRACTICE,
                    "The practice clock cannot be moved on.",
                    why.to_string(),
                    "Make the practice company again.",
                )
            })?;
            carrier.practice_now(next).await?;
        }
        engine.watch_today(&id, &watcher).await.map(|_| ())
    }))
}

/// The stage that a screen shows: the one under way, else the last one completed.
pub fn present(state: &State) -> Stage {
    if state.mode == Mode::Finished {
        return Stage::Finished;
    }
    state.doing.as_ref().map_or(state.stage, |work| work.stage)
}

/// Who may write new arrivals; "settled" is the old connector while an upgrade is open.
pub fn stream_owner(owner: Posting, _upgrading: bool) -> StreamOwner {
    match owner {
        Posting::Settled => StreamOwner::Old,
        Posting::Fenced => StreamOwner::Fenced,
        Posting::New => StreamOwner::New,
    }
}

/// The problem of an upgrade that a check has halted, from the check's own findings.
pub fn halted_problem(state: &State) -> Option<ProblemView> {
    let Mode::Halted { checks } = &state.mode else { return None };
    let stage = present(state);
    let results = state.checks.get(&stage).map(Vec::as_slice).unwrap_or_default();
    let failed: Vec<_> = results
        .iter()
        .filter(|result| checks.contains(&result.id) && result.verdict != Verdict::Pass)
        .collect();
    let first = checks.first()?;
    let mut problem = Problem::new(
        E_CHECK_FAILED,
        format!("Halted at \"{}\": the check \"{}\" did not pass.", stage.title(), first.title()),
        first.question(),
        "Mend the cause and go on: the check is asked again. Or roll back; the old connector keeps working.",
    );
    problem.why = failed
        .iter()
        .flat_map(|result| {
            std::iter::once(format!("{}: found {}, expected {}.", result.title(), result.found, result.expected))
                .chain(result.details.iter().take(5).cloned())
        })
        .collect();
    if problem.why.is_empty() {
        problem.why.push(first.question().to_string());
    }
    if !state.written.is_empty() {
        problem = problem.touching(Touched::Books);
    }
    Some(problem.into())
}

/// True while the watch has begun and no day of it is being worked on.
fn watching(state: &State) -> bool {
    state.mode == Mode::Running && state.watch.is_some() && state.in_flight.is_none() && present(state) == Stage::Watching
}

/// Something is due and nobody does it: the program was closed in the middle.
fn left_lying(app: &App, at: &At, state: &State) -> bool {
    let due = ::upgrade::next_effect(state).is_some() || state.in_flight.is_some();
    let moving = matches!(state.mode, Mode::Running | Mode::RollingBack { .. } | Mode::Resolving { .. });
    // Another window or terminal that is at work holds the company's lock.
    due && moving && app.jobs().running(&at.company.id, super::shared::EXCLUSIVE).is_none() && at.engine.lock_company(&at.company).is_ok()
}

pub async fn run_view(app: &App, at: &At, upgrade: &str) -> Result<UpgradeView, Problem> {
    let row = at.engine.find_upgrade(&at.company, Some(upgrade)).await?;
    let state = at.engine.upgrade_state(&row.id).await?;
    let connection = at.engine.connection(&at.company, Some(&row.connection_id)).await?;
    let plan = state.plan.clone().ok_or_else(|| {
        Problem::new(
            engine::upgrading::E_UPGRADE_NONE,
            "This upgrade has no plan.",
            "Its log begins without one.",
            "Verify the log.",
        )
    })?;
    let (owner, open) = at.engine.owner(&connection).await?;
    let names = at.account_names().await;
    let shadow = differences::compared(app, &at.engine, &row.id).await?;
    let rehearsed: Option<Rehearsed> = stored::fact(&at.engine.pool, &row.id, rehearsal::FACT).await?;
    let lying = left_lying(app, at, &state);
    let watched = at.engine.watched_days(&row.id).await?;
    let log = words::lines(at, &connection, &row.id, LOG_LINES).await?;
    let head = at.engine.journal.head().await?.map_or(0, |head| head.seq);
    let job = app.jobs().running(&at.company.id, RUNNING);
    let expected = shadow.as_ref().map_or(0, |s| small(s.counts.expected));
    let stage = present(&state);
    let flow_open = app.desk().flow(&connection.id).is_some_and(|flow| flow.ended.is_none());
    let run = RunView {
        id: row.id.clone(),
        company: at.company.id.clone(),
        company_name: at.company.name.clone(),
        connection: connection.id.clone(),
        provider: at.provider_title(&connection),
        from: row.from_version.clone(),
        to: row.to_version.clone(),
        zone: at.company.zone.clone(),
        now: at.now().to_string(),
        started: row.started_at.to_string(),
        mode: mode(&state, &connection, lying, flow_open),
        owner: match state.mode {
            // Settled again: whoever came out of it owns the streams.
            Mode::Finished => StreamOwner::New,
            Mode::RolledBack => StreamOwner::Old,
            Mode::Running
            | Mode::Waiting { .. }
            | Mode::Paused { .. }
            | Mode::Halted { .. }
            | Mode::Resolving { .. }
            | Mode::RollingBack { .. }
            | Mode::Frozen { .. } => stream_owner(owner, open.is_some()),
        },
        steps: steps(at, &state, &plan, rehearsed.as_ref()),
        card: card(at, &state, &plan, stage, expected),
        gate: gate(&state, &plan, rehearsed.as_ref())?,
        stop_here: stop_here(&state)?,
        sample: shadow.as_ref().and_then(|s| sample(&s.rows, &names, &connection)),
        job,
        log,
        log_records: small(head),
        chain_good: match app.inner.memory.chain(&at.engine.installation) {
            Some(ChainView::Good { .. }) => Some(true),
            Some(ChainView::Broken { .. }) => Some(false),
            Some(ChainView::NotChecked { .. }) | None => None,
        },
        watch: state.watch.as_ref().map(|watch| WatchView {
            day: count(watch.days.len()),
            of: plan.watch_days,
            ends: watch.until.to_string(),
            days: watched.iter().map(|day| watch_day(day, at)).collect(),
        }),
        differences: shadow.as_ref().map(|s| differences::counts(s)).unwrap_or_default(),
        may: may(&state, &plan, at, lying),
        back: back(at, &state, &connection, &row.id).await?,
        problem: problem(&state),
    };
    Ok(UpgradeView::Run { run: Box::new(run) })
}

pub fn watch_day(day: &engine::upgrading::watch::DayWatched, at: &At) -> WatchDayView {
    WatchDayView {
        day: day.date.to_string(),
        payments: small(day.posted),
        remainder: Money::new(day.unexplained_minor, at.company.currency).into(),
        held: small(day.held),
        verdict: if day.agrees { VerdictView::Pass } else { VerdictView::Fail },
    }
}

/// What the way back did, once it is over.
async fn back(at: &At, state: &State, connection: &Connection, upgrade: &str) -> Result<Option<BackView>, Problem> {
    if state.mode != Mode::RolledBack {
        return Ok(None);
    }
    let undone = at.engine.undone(connection, upgrade).await?;
    let equal = |result: &&::upgrade::CheckResult| result.id == ::upgrade::checks::CheckId::BalancesEqualBaseline && result.verdict == Verdict::Pass;
    Ok(Some(BackView {
        taken_out: small(undone.taken_out),
        put_back: small(undone.put_back),
        equal: state.rollback_checks.iter().find(equal).is_some(),
    }))
}

fn mode(state: &State, connection: &Connection, lying: bool, flow_open: bool) -> ModeView {
    if lying {
        return ModeView::Paused {
            why: "Changeover was closed in the middle of a step. Go on: what happened is found out first.".to_string(),
        };
    }
    match &state.mode {
        Mode::Running if watching(state) => ModeView::Waiting {
            for_whom: WaitingFor::NextDay,
        },
        Mode::Running if present(state) == Stage::Reauthorized && flow_open => ModeView::Waiting {
            for_whom: WaitingFor::Reconnect {
                connection: connection.id.clone(),
            },
        },
        Mode::Running => ModeView::Running,
        Mode::Waiting { gate } => {
            let rule = state
                .plan
                .as_ref()
                .map(|plan| plan.gate_rule(*gate).role)
                .unwrap_or(PersonRole::Owner);
            ModeView::Waiting {
                for_whom: WaitingFor::SignOff {
                    who: ::upgrade::words::role(rule).to_string(),
                },
            }
        }
        Mode::Paused { .. } => ModeView::Paused {
            why: ::upgrade::words::mode_sentence(&state.mode),
        },
        Mode::Halted { checks } => ModeView::Halted {
            check: checks.first().map(|check| check.name().to_string()).unwrap_or_default(),
        },
        Mode::Resolving { .. } => match state.in_doubt.as_ref().and_then(|doubt| doubt.held.clone()) {
            Some(what) => ModeView::Waiting {
                for_whom: WaitingFor::Person { what },
            },
            None => ModeView::Resolving,
        },
        Mode::RollingBack { .. } => ModeView::RollingBack,
        Mode::RolledBack => ModeView::RolledBack,
        Mode::Frozen { .. } => ModeView::Frozen,
        Mode::Finished => ModeView::Finished,
    }
}

fn problem(state: &State) -> Option<ProblemView> {
    match &state.mode {
        Mode::Paused {
            reason: PauseReason::Problem { problem },
        }
        | Mode::Frozen { problem, .. } => Some(stored_problem(problem)),
        Mode::Halted { .. } => halted_problem(state),
        Mode::RollingBack { work } => work.first_problem.as_ref().map(stored_problem),
        Mode::Running | Mode::Waiting { .. } | Mode::Paused { .. } | Mode::Resolving { .. } | Mode::RolledBack | Mode::Finished => None,
    }
}

fn may(state: &State, plan: &Plan, at: &At, lying: bool) -> MayView {
    let _ = plan;
    let mode = &state.mode;
    let over = state.is_over();
    let moving = matches!(mode, Mode::Running | Mode::Waiting { .. });
    MayView {
        approve: matches!(mode, Mode::Waiting { gate } if *gate != Gate::BeforeFinish),
        finish: matches!(mode, Mode::Waiting { gate: Gate::BeforeFinish }),
        pause: moving && !lying && state.stage != Stage::Finished,
        resume: lying
            || matches!(mode, Mode::Paused { .. } | Mode::Halted { .. } | Mode::Frozen { .. })
            || (matches!(mode, Mode::Resolving { .. }) && state.in_doubt.as_ref().is_some_and(|d| d.held.is_some())),
        // "Stop" only holds the upgrade where it is; the window's button of that name promises to undo, which is `roll_back`.
        stop: false,
        roll_back: !over && state.can_roll_back() && !matches!(mode, Mode::RollingBack { .. }),
        reconnect: !over
            && present(state) == Stage::Reauthorized
            && matches!(mode, Mode::Running | Mode::Paused { .. } | Mode::Halted { .. }),
        next_day: watching(state) && (at.company.practice || !watched_today(state, at)),
    }
}

fn watched_today(state: &State, at: &At) -> bool {
    let today = at.now().to_zoned(at.zone.clone()).date();
    state.watch.as_ref().is_some_and(|watch| watch.days.contains_key(&today))
}

fn steps(at: &At, state: &State, plan: &Plan, rehearsed: Option<&Rehearsed>) -> Vec<StepView> {
    let present = present(state);
    let back = matches!(state.mode, Mode::RollingBack { .. } | Mode::RolledBack | Mode::Frozen { .. });
    Stage::all(plan.waves())
        .into_iter()
        .filter(|stage| *stage > Stage::Draft)
        .map(|stage| {
            let done = stage <= state.stage;
            let step = match &state.mode {
                Mode::Finished => StepState::Done,
                Mode::RolledBack if done && stage.writes() => StepState::Undone,
                Mode::RolledBack if done => StepState::Done,
                Mode::RolledBack if stage == present => StepState::Undone,
                Mode::Halted { .. } | Mode::Frozen { .. } if stage == present => StepState::Failed,
                Mode::RollingBack { .. } | Mode::Frozen { .. } if done && stage.writes() => StepState::Undone,
                Mode::Running
                | Mode::Waiting { .. }
                | Mode::Paused { .. }
                | Mode::Halted { .. }
                | Mode::Resolving { .. }
                | Mode::RollingBack { .. }
                | Mode::RolledBack
                | Mode::Frozen { .. } => match (stage == present, done) {
                    (true, true | false) => StepState::Now,
                    (false, true) => StepState::Done,
                    (false, false) => StepState::Next,
                },
            };
            let shown = if back && step == StepState::Undone {
                None
            } else {
                note(at, state, plan, stage, rehearsed)
            };
            StepView {
                stage: stage_name(stage),
                state: step,
                note: shown,
            }
        })
        .collect()
}

/// The short fact beside a step: what it found, or what it will be about.
fn note(at: &At, state: &State, plan: &Plan, stage: Stage, rehearsed: Option<&Rehearsed>) -> Option<NoteView> {
    let facts = state.facts.get(&stage);
    let number = |name: &str| facts.and_then(|f| f.get(name)).and_then(|text| text.parse::<u64>().ok());
    let done = state.completed.contains_key(&stage);
    match stage {
        Stage::Draft | Stage::Preflight | Stage::Validated => None,
        Stage::Planned => state
            .sign_offs
            .iter()
            .find(|s| s.gate == Gate::Start)
            .map(|s| NoteView::ApprovedBy {
                who: ::upgrade::words::role(s.by.role).to_string(),
            }),
        Stage::BackedUp => facts.and_then(|f| f.get("bytes")).map(|bytes| NoteView::Copies {
            count: 1,
            bytes: bytes.clone(),
        }),
        Stage::RestoreVerified => number("entries").map(|count| NoteView::EntriesEqual { count: small(count) }),
        Stage::Rehearsed => rehearsed.filter(|_| done).map(|r| NoteView::RolledBackToo {
            seconds: small(r.milliseconds.div_ceil(1000)),
        }),
        Stage::Reauthorized => done.then(|| NoteView::SameCompany {
            new_permissions: new_permissions(at, plan),
        }),
        Stage::Shadowed => number("unexplained").map(|count| NoteView::Unexplained { count: small(count) }),
        Stage::Canary | Stage::Wave(_) | Stage::CutOver => {
            let name = slice_of(stage)?;
            if let Some(written) = state.written.get(&name).filter(|_| done) {
                return Some(NoteView::Entries {
                    count: small(written.entries_posted),
                });
            }
            let slice = plan.slice(name)?;
            let (from_day, to_day) = days_of(at, plan, slice);
            Some(NoteView::Payments {
                count: small(slice.count),
                from_day,
                to_day,
            })
        }
        Stage::Reconciled => facts
            .and_then(|f| f.get("verdict"))
            .map(|text| NoteView::Words { text: text.clone() }),
        Stage::Watching => Some(match &state.watch {
            Some(watch) => NoteView::Days {
                day: count(watch.days.len()),
                of: plan.watch_days,
            },
            None => NoteView::DaysLong { count: plan.watch_days },
        }),
        Stage::Finished => state.completed.get(&Stage::Finished).map(|at| NoteView::At { at: at.to_string() }),
    }
}

fn card(at: &At, state: &State, plan: &Plan, stage: Stage, expected: u32) -> StageCardView {
    let name = slice_of(stage);
    let slice = name.and_then(|name| plan.slice(name));
    let written = name.and_then(|name| state.written.get(&name));
    let (from_day, to_day) = slice.map_or((None, None), |slice| days_of(at, plan, slice));
    let back = matches!(state.mode, Mode::RollingBack { .. } | Mode::RolledBack | Mode::Frozen { .. });
    let results = if back && !state.rollback_checks.is_empty() {
        Some(&state.rollback_checks)
    } else {
        state.checks.get(&stage)
    };
    let mut checks: Vec<CheckView> = results.map(|results| results.iter().map(check_view).collect()).unwrap_or_default();
    if stage == Stage::Shadowed && expected > 0 {
        checks.push(CheckView {
            id: "announced_changes".to_string(),
            words: "Announced changes".to_string(),
            verdict: VerdictView::Expected,
            measure: Some(NoteView::Expected { count: expected }),
            why: plan.expected_changes.iter().map(|change| change.text.clone()).collect(),
            next: None,
            has_differences: true,
        });
    }
    StageCardView {
        stage: stage_name(stage),
        payments: written.map(|w| small(w.movements)).or_else(|| slice.map(|s| small(s.count))),
        amount: written.map(|w| w.amount.into()).or_else(|| slice.map(|s| s.amount.into())),
        from_day,
        to_day,
        entries_posted: written.map_or(0, |w| small(w.entries_posted)),
        entries_removed: written.map_or(0, |w| small(w.entries_removed)),
        checks,
    }
}

fn gate(state: &State, plan: &Plan, rehearsed: Option<&Rehearsed>) -> Result<Option<GateView>, Problem> {
    let Some(gate) = state.gate() else { return Ok(None) };
    let Some(next) = state.stage.next(plan.waves()) else {
        return Ok(None);
    };
    let slice = slice_of(next).and_then(|name| plan.slice(name));
    let text = ::upgrade::words::gate(state, gate)?;
    Ok(Some(GateView {
        next: stage_name(next),
        who: ::upgrade::words::role(plan.gate_rule(gate).role).to_string(),
        payments: slice.map(|s| small(s.count)),
        amount: slice.map(|s| s.amount.into()),
        seconds: slice.zip(rehearsed).and_then(|(slice, rehearsed)| seconds(slice.count, rehearsed)),
        digest: state.binds().map(|binds| binds_digest(&binds)).unwrap_or_default(),
        irreversible: text.irreversible,
    }))
}

/// In the rehearsal every share was converted and undone twice; one conversion is a quarter of that.
fn seconds(movements: u64, rehearsed: &Rehearsed) -> Option<u32> {
    let per_movement = rehearsed.milliseconds.checked_div(rehearsed.records.saturating_mul(4))?;
    Some(small(movements.saturating_mul(per_movement).div_ceil(1000).max(1)))
}

fn stop_here(state: &State) -> Result<StopHereView, Problem> {
    if state.is_over() {
        return Ok(StopHereView {
            entries_removed: 0,
            entries_put_back: 0,
            amount: None,
            books_touched: false,
        });
    }
    let stop = state.stop_here()?;
    let touched = stop.entries > 0 || stop.put_back > 0;
    Ok(StopHereView {
        entries_removed: small(stop.entries),
        entries_put_back: small(stop.put_back),
        amount: touched.then(|| stop.amount.into()),
        books_touched: touched,
    })
}

/// One payment, before and after: the newest that an announced change spreads over the most accounts.
fn sample(rows: &[DifferenceRow], names: &BTreeMap<ledger::AccountId, String>, connection: &Connection) -> Option<SampleView> {
    let row = rows
        .iter()
        .filter(|row| matches!(row.class, Class::Expected { .. }) && !row.old_lines.is_empty() && !row.new_lines.is_empty())
        .max_by_key(|row| (row.new_lines.len(), row.date))?;
    let mut accounts: Vec<&ledger::AccountId> = Vec::new();
    for line in row.old_lines.iter().chain(&row.new_lines) {
        if !accounts.contains(&&line.account) {
            accounts.push(&line.account);
        }
    }
    let of = |lines: &[::reconcile::DatedLine], account: &ledger::AccountId| {
        let amounts: Vec<Money> = lines
            .iter()
            .filter(|line| line.account == *account)
            .map(|line| line.amount)
            .collect();
        amounts
            .first()
            .and_then(|first| Money::sum(first.currency, amounts.iter().copied()).ok())
    };
    Some(SampleView {
        title: differences::title(row),
        day: row.date.to_string(),
        rows: accounts
            .into_iter()
            .map(|account| {
                let (old, new) = (of(&row.old_lines, account), of(&row.new_lines, account));
                SampleRowView {
                    account: account_name(names, connection, account),
                    expected: old != new,
                    old: old.map(MoneyView::from),
                    new: new.map(MoneyView::from),
                }
            })
            .collect(),
    })
}
