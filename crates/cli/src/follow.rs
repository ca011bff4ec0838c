//! Following an upgrade on the screen: every completed stage once, with its time and its numbers.
//!
//! It only reads the log and prints; what an upgrade does next is never decided here. A new stage is one arm in
//! `numbers`.

use crate::screen::{Screen, counted, grouped};
use crate::terminal::Terminal;
use api::practice_company::Narrator;
use engine::Engine;
use engine::progress::{Progress, Watcher};
use ledger::Problem;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use upgrade::{Mode, SliceName, Stage, State, Verdict};

/// How often the log is looked at for a new end of a stage.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Prints each stage once. Cheap to clone.
#[derive(Clone)]
pub struct Follower {
    screen: Screen,
    told: Arc<Mutex<Told>>,
}

struct Told {
    stages: BTreeSet<Stage>,
    last: Instant,
    /// Stages that were done before this run of the program are not printed again.
    begun: bool,
    effect: Option<String>,
    rolled_back: bool,
    watched: usize,
    watching: bool,
}

impl Follower {
    pub fn new(screen: Screen) -> Follower {
        let told = Told {
            stages: BTreeSet::new(),
            last: Instant::now(),
            begun: false,
            effect: None,
            rolled_back: false,
            watched: 0,
            watching: false,
        };
        Follower {
            screen,
            told: Arc::new(Mutex::new(told)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what is done already without printing it.
    pub fn begin(&self, state: &State) {
        let mut told = self.lock();
        if !told.begun {
            told.stages.extend(state.completed.keys().copied());
            told.watched = state.watch.as_ref().map_or(0, |watch| watch.days.len());
            told.begun = true;
            told.last = Instant::now();
        }
    }

    /// Prints what is new in this state.
    pub fn seen(&self, state: &State) {
        let mut told = self.lock();
        told.begun = true;
        let Some(plan) = &state.plan else { return };
        let mut new: Vec<Stage> = state
            .completed
            .keys()
            .copied()
            .filter(|stage| !told.stages.contains(stage))
            .collect();
        // The order of the enum is the order of the upgrade.
        new.sort();
        for stage in new {
            told.stages.insert(stage);
            let took = told.last.elapsed();
            told.last = Instant::now();
            self.screen.rest();
            self.screen
                .say(&stage_line("✓", &title(stage, state), took, &numbers(stage, state)));
        }
        if let Some(watch) = &state.watch {
            let days = watch.days.len();
            if days > told.watched && state.stage < Stage::Watching {
                told.watched = days;
                self.screen.step(&Progress {
                    title: "Watching, day by day".to_string(),
                    done: days as u64,
                    total: Some(u64::from(plan.watch_days)),
                    unit: "days",
                });
            }
        }
        told.watching = state.watch.is_some() && matches!(state.mode, Mode::Running);
        let effect = state.in_flight.as_ref().map(|flight| upgrade::words::effect(&flight.effect));
        if let Some(words) = &effect {
            // A bar that counts real things is worth more than the bare words, which only begin it.
            if told.effect.as_ref() != Some(words) && state.stage < Stage::Reconciled {
                self.screen.now_doing(words);
            }
        }
        told.effect = effect;
        if matches!(state.mode, Mode::RolledBack) && !told.rolled_back {
            told.rolled_back = true;
            let took = told.last.elapsed();
            self.screen.rest();
            self.screen
                .say(&stage_line("✓", "Rolled back", took, &passed(&state.rollback_checks)));
        }
        if !matches!(state.mode, Mode::Running) {
            self.screen.rest();
        }
    }

    /// Reports of work go to the screen, but not those of every day of a watch: then the days are what counts.
    pub fn watcher(&self, terminal: &Terminal) -> Watcher {
        let shown = terminal.watcher();
        let inner = shown.clone();
        let told = self.told.clone();
        let quiet = Watcher::new(move |progress| {
            let watching = told.lock().unwrap_or_else(PoisonError::into_inner).watching;
            if !watching {
                inner.report(progress.title, progress.done, progress.total, progress.unit);
            }
        });
        let cancelled = quiet.clone();
        shown.on_cancel(move || cancelled.cancel());
        quiet
    }

    /// Looks at the log until the returned handle is dropped.
    pub fn watch(&self, engine: Arc<Engine>, upgrade_id: &str) -> Watching {
        let follower = self.clone();
        let id = upgrade_id.to_string();
        let task = tokio::spawn(async move {
            let mut seen = None;
            let mut ticks = tokio::time::interval(LOOK_EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                // What cannot be read now is told by whoever carries the upgrade out.
                let Ok(Some(head)) = engine.journal.head().await else { continue };
                if seen == Some(head.seq) {
                    continue;
                }
                seen = Some(head.seq);
                if let Ok(state) = engine.upgrade_state(&id).await {
                    follower.seen(&state);
                }
            }
        });
        Watching(task)
    }
}

impl Narrator for Follower {
    fn stage(&self, state: &State) {
        self.seen(state);
    }
    fn says(&self, words: &str) {
        self.screen.rest();
        self.screen.say(&format!("  · {words}"));
    }
}

/// Ends the looking when dropped.
pub struct Watching(JoinHandle<()>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn stage_line(mark: &str, title: &str, took: Duration, numbers: &str) -> String {
    let seconds = format!("{:.1} s", took.as_secs_f64());
    format!("  {mark} {title:<18} {seconds:>8}   {numbers}").trim_end().to_string()
}

fn title(stage: Stage, state: &State) -> String {
    match &state.plan {
        Some(plan) if stage == Stage::Watching => format!("Watch, {} days", plan.watch_days),
        Some(_) | None => stage.title(),
    }
}

/// "9 checks passed", or how many of how many.
pub fn passed(checks: &[upgrade::CheckResult]) -> String {
    let good = checks
        .iter()
        .filter(|check| matches!(check.verdict, Verdict::Pass | Verdict::NotApplicable))
        .count();
    if good == checks.len() {
        counted(good as u64, "check passed", "checks passed")
    } else {
        format!("{good} of {} passed", counted(checks.len() as u64, "check", "checks"))
    }
}

/// What a stage did, in numbers.
pub fn numbers(stage: Stage, state: &State) -> String {
    let fact = |name: &str| state.facts.get(&stage).and_then(|facts| facts.get(name)).cloned();
    let number = |name: &str| fact(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let checks = state.checks.get(&stage).map(|checks| passed(checks)).unwrap_or_default();
    let share = |slice: SliceName| {
        state.written.get(&slice).map_or("nothing to convert".to_string(), |written| {
            format!(
                "{}, {}; {} in, {} out; {checks}",
                counted(written.movements, "movement", "movements"),
                written.amount,
                counted(written.entries_posted, "entry", "entries"),
                grouped(written.entries_removed)
            )
        })
    };
    match stage {
        Stage::Draft => String::new(),
        Stage::Planned => state.plan.as_ref().map_or(String::new(), |plan| {
            let count: u64 = plan.slices.iter().map(|slice| slice.count).sum();
            format!(
                "connector {} {} to {}, {}",
                plan.connector,
                plan.from_version,
                plan.to_version,
                counted(count, "movement", "movements")
            )
        }),
        Stage::Preflight => format!("{} in the books; {checks}", counted(number("entries"), "entry", "entries")),
        Stage::BackedUp => format!(
            "{}, {}, read back",
            counted(number("files"), "file", "files"),
            bytes(number("bytes"))
        ),
        Stage::RestoreVerified => {
            format!(
                "{}, {}, every total equal",
                counted(number("entries"), "entry", "entries"),
                counted(number("accounts"), "account", "accounts")
            )
        }
        Stage::Rehearsed => format!(
            "on the copy: {} in, {} out, and all of it back; {}; {checks}",
            grouped(number("posted")),
            grouped(number("removed")),
            match state.new_access {
                true => counted(number("held"), "held", "held"),
                // Before the new sign-in most records cannot even be asked for; that is no fault of theirs.
                false => counted(number("held"), "waits for the new sign-in", "wait for the new sign-in"),
            }
        ),
        Stage::Reauthorized => checks,
        Stage::Shadowed => format!(
            "{} the same, {} changed as announced, {} unexplained",
            grouped(number("same")),
            grouped(number("expected")),
            grouped(number("unexplained"))
        ),
        Stage::Canary => share(SliceName::Canary),
        Stage::Wave(wave) => share(SliceName::Wave(wave)),
        Stage::CutOver => {
            let streams = state.owners.len() as u64;
            format!("{} handed over; {checks}", counted(streams, "stream", "streams"))
        }
        Stage::Validated => checks,
        Stage::Reconciled => fact("verdict").unwrap_or(checks),
        Stage::Watching => state.watch.as_ref().map_or(checks, |watch| {
            counted(watch.days.len() as u64, "day reconciled", "days reconciled")
        }),
        Stage::Finished => "the old access is retired".to_string(),
    }
}

/// 1234567 → "1.2 MB"
pub fn bytes(count: u64) -> String {
    const STEPS: &[(u64, &str)] = &[(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "KB")];
    match STEPS.iter().find(|(size, _)| count >= *size) {
        Some((size, unit)) => format!("{}.{} {unit}", count / size, count % size * 10 / size),
        None => counted(count, "byte", "bytes"),
    }
}

/// The checks of the last stage that did not pass, each with everything it found.
pub fn failed_checks(state: &State) -> Vec<String> {
    let mut lines = Vec::new();
    let wanted: &[upgrade::CheckId] = match &state.mode {
        Mode::Halted { checks } => checks,
        Mode::Paused {
            reason: upgrade::PauseReason::Inconclusive { checks },
        } => checks,
        Mode::Running
        | Mode::Waiting { .. }
        | Mode::Paused { .. }
        | Mode::Resolving { .. }
        | Mode::RollingBack { .. }
        | Mode::RolledBack
        | Mode::Frozen { .. }
        | Mode::Finished => return lines,
    };
    for id in wanted {
        // The newest result counts: a check may have been asked in several stages.
        let found = state
            .checks
            .values()
            .rev()
            .flatten()
            .find(|check| check.id == *id && !matches!(check.verdict, Verdict::Pass | Verdict::NotApplicable));
        let Some(check) = found else {
            lines.push(format!("  ✗ {}", id.title()));
            continue;
        };
        lines.extend(check_lines(check));
    }
    lines
}

/// One check with what it found.
pub fn check_lines(check: &upgrade::CheckResult) -> Vec<String> {
    let mark = match check.verdict {
        Verdict::Pass => "✓",
        Verdict::NotApplicable => "–",
        Verdict::Inconclusive => "?",
        Verdict::Fail => "✗",
    };
    let mut lines = vec![format!("  {mark} {}: {}", check.title(), check.found)];
    if matches!(check.verdict, Verdict::Fail | Verdict::Inconclusive) {
        lines.push(format!("      expected: {}", check.expected));
        if let Some(difference) = check.difference {
            lines.push(format!("      difference: {difference}"));
        }
        lines.extend(check.details.iter().map(|detail| format!("      {detail}")));
    }
    lines
}

/// A stored problem in its four parts.
pub fn problem_lines(problem: &upgrade::StoredProblem) -> Vec<String> {
    let mut lines = vec![format!("{}  {} {}", problem.code, problem.what, problem.touched.sentence())];
    for (at, why) in problem.why.iter().enumerate() {
        lines.push(format!("  {}  {why}", if at == 0 { "Why: " } else { "     " }));
    }
    lines.push(format!("  Next:  {}", problem.next));
    for other in &problem.also {
        lines.extend(problem_lines(other).into_iter().map(|line| format!("  Also:  {line}")));
    }
    lines
}

/// Where the upgrade came to rest and why, with everything a person needs to decide.
pub fn rest_lines(state: &State) -> Result<Vec<String>, Problem> {
    let mut lines = Vec::new();
    match &state.mode {
        Mode::Finished | Mode::RolledBack => {}
        Mode::Running => lines.push(match &state.watch {
            Some(watch) => format!(
                "The upgrade is being watched until {}; {} of the days are reconciled.",
                watch.until,
                watch.days.len()
            ),
            None => upgrade::words::mode_sentence(&state.mode),
        }),
        Mode::Waiting { gate } => {
            let text = upgrade::words::gate(state, *gate)?;
            lines.push(text.question);
            lines.push(format!("  {}", text.follows));
            lines.push(format!("  {}", text.if_you_stop));
            lines.extend(text.irreversible.iter().map(|item| format!("  Cannot be undone: {item}")));
            lines.push(format!("  {}", text.signers));
        }
        Mode::Paused { reason } => match reason {
            upgrade::PauseReason::Problem { problem } => {
                lines.push("Paused: a step did not succeed.".to_string());
                lines.extend(problem_lines(problem));
            }
            upgrade::PauseReason::Asked { .. }
            | upgrade::PauseReason::Inconclusive { .. }
            | upgrade::PauseReason::Restarted
            | upgrade::PauseReason::RestartedOften { .. }
            | upgrade::PauseReason::Stopped => {
                lines.push(upgrade::words::mode_sentence(&state.mode));
                lines.extend(failed_checks(state));
            }
        },
        Mode::Halted { .. } => {
            lines.push(upgrade::words::mode_sentence(&state.mode));
            lines.extend(failed_checks(state));
        }
        Mode::Resolving { .. } | Mode::RollingBack { .. } => lines.push(upgrade::words::mode_sentence(&state.mode)),
        Mode::Frozen { problem, .. } => {
            lines.push(upgrade::words::mode_sentence(&state.mode));
            lines.extend(problem_lines(problem));
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_the_largest_fitting_unit() {
        for (count, text) in [
            (1, "1 byte"),
            (999, "999 bytes"),
            (1_500, "1.5 KB"),
            (2_345_678, "2.3 MB"),
            (7_000_000_000, "7.0 GB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn a_failed_check_shows_what_it_expected_and_every_detail() {
        let check = upgrade::CheckResult::new(
            upgrade::CheckId::ShadowUnexplainedZero,
            Verdict::Fail,
            "3 unexplained",
            "0 unexplained",
        )
        .detailing(vec!["2026-03-04 Order 1042".to_string()]);
        let text = check_lines(&check).join("\n");
        assert!(
            text.contains("3 unexplained") && text.contains("expected: 0 unexplained") && text.contains("Order 1042"),
            "{text}"
        );
    }
}
