//! Where an upgrade stands: as a list, as a page, as one line, and at the end of every command.

use super::Id;
use crate::ending::Ending;
use crate::follow::{check_lines, numbers, rest_lines};
use crate::practice::run::verdict_line;
use crate::reach::{self, Reached};
use crate::terminal::Terminal;
use ::upgrade::{Mode, State};
use engine::Engine;
use engine::store::upgrade as stored;
use engine::upgrading::runner::binds_digest;
use ledger::Problem;
use serde_json::{Value, json};

pub async fn list(terminal: &Terminal) -> Result<Ending, Problem> {
    let app = terminal.app().await?;
    let mut rows = Vec::new();
    for engine in app.engines().await {
        for company in engine.companies().await? {
            for row in stored::of_company(&engine.pool, &company.id).await? {
                let state = engine.upgrade_state(&row.id).await?;
                if !terminal.screen.json() {
                    terminal.screen.data(&format!(
                        "{}  \"{}\"  {} to {}  {}, last stage done: {}",
                        row.id,
                        company.name,
                        row.from_version,
                        row.to_version,
                        ::upgrade::words::mode(&state.mode),
                        state.stage.title()
                    ));
                }
                rows.push(json!({
                    "id": row.id, "company": company.name, "from": row.from_version, "to": row.to_version, "started": row.started_at,
                    "mode": ::upgrade::words::mode(&state.mode), "stage": state.stage.name(),
                }));
            }
        }
    }
    if terminal.screen.json() {
        terminal.screen.answer(&rows);
    } else if rows.is_empty() {
        terminal
            .screen
            .say("There is no upgrade here yet. `changeover upgrade plan` shows what one would do.");
    }
    Ok(Ending::Done)
}

/// Everything about a state, for programs.
pub async fn as_json(engine: &Engine, id: &str, state: &State) -> Result<Value, Problem> {
    let gate = match state.gate() {
        None => Value::Null,
        Some(gate) => {
            let text = ::upgrade::words::gate(state, gate)?;
            json!({
                "question": text.question, "follows": text.follows, "if_you_stop": text.if_you_stop, "irreversible": text.irreversible,
                "signers": text.signers, "digest": state.binds().map(|binds| binds_digest(&binds)),
            })
        }
    };
    let stop = state.stop_here().ok();
    Ok(json!({
        "upgrade": id,
        "mode": ::upgrade::words::mode(&state.mode),
        "why": ::upgrade::words::mode_sentence(&state.mode),
        "stage": state.stage.name(),
        "now": state.doing.as_ref().map(|work| work.stage.name()),
        "gate": gate,
        "owners": state.owners,
        "written": state.written.values().collect::<Vec<_>>(),
        "if_you_stop": stop.map(|stop| json!({"removed": stop.entries, "put_back": stop.put_back, "amount_minor": stop.amount.minor})),
        "checks": state.checks.iter().map(|(stage, checks)| json!({"stage": stage.name(), "checks": checks})).collect::<Vec<_>>(),
        "rollback_checks": state.rollback_checks,
        "problems": state.problems,
        "watch": state.watch,
        "verdict": verdict_line(engine, id).await?,
        "exit_status": Ending::of_upgrade(state).number(),
    }))
}

/// The end of a command: where the upgrade rests, and what is asked of whom.
pub async fn rest(terminal: &Terminal, reached: &Reached, id: &str, state: &State) -> Result<Ending, Problem> {
    let ending = Ending::of_upgrade(state);
    let screen = &terminal.screen;
    if screen.json() {
        screen.answer(&as_json(&reached.engine, id, state).await?);
        return Ok(ending);
    }
    for line in rest_lines(state)? {
        screen.data(&line);
    }
    match &state.mode {
        Mode::Finished => {
            let verdict = verdict_line(&reached.engine, id)
                .await?
                .unwrap_or_else(|| "without a verdict".to_string());
            screen.data(&format!("Finished, {verdict}"));
        }
        Mode::RolledBack => screen.data("Rolled back."),
        Mode::Waiting { .. } => screen.say(&format!(
            "Say yes with `{}`, or go back with `{}`.",
            terminal.command(&format!("upgrade approve {id}")),
            terminal.command(&format!("upgrade rollback {id}"))
        )),
        Mode::Running if state.watch.is_some() => screen.say(&format!(
            "`{}` watches the next day.",
            terminal.command(&format!("upgrade next-day {id}"))
        )),
        Mode::Paused { .. } | Mode::Halted { .. } => {
            screen.say(&format!(
                "Go on with `{}`, or go back with `{}`.",
                terminal.command(&format!("upgrade resume {id}")),
                terminal.command(&format!("upgrade rollback {id}"))
            ));
        }
        Mode::Running | Mode::Resolving { .. } | Mode::RollingBack { .. } | Mode::Frozen { .. } => {
            screen.say(&format!("Go on with `{}`.", terminal.command(&format!("upgrade run {id}"))));
        }
    }
    Ok(ending)
}

pub async fn show(terminal: &Terminal, id: Id) -> Result<Ending, Problem> {
    let (reached, row) = reach::upgrade(terminal, id.id.as_deref(), &id.which).await?;
    let state = reached.engine.upgrade_state(&row.id).await?;
    let screen = &terminal.screen;
    if screen.json() {
        screen.answer(&as_json(&reached.engine, &row.id, &state).await?);
        return Ok(Ending::Done);
    }
    screen.data(&format!(
        "Upgrade {} of \"{}\", {} to {}, begun {}",
        row.id, reached.company.name, row.from_version, row.to_version, row.started_at
    ));
    screen.data("");
    let waves = state.plan.as_ref().map_or(0, ::upgrade::Plan::waves);
    for stage in ::upgrade::Stage::all(waves).into_iter().skip(1) {
        let done = state.completed.contains_key(&stage);
        let now = state.doing.as_ref().is_some_and(|work| work.stage == stage);
        let mark = if done {
            "✓"
        } else if now {
            "▸"
        } else {
            "·"
        };
        let title = state.plan.as_ref().map_or_else(|| stage.title(), |plan| stage.title_in(plan));
        let what = if done { numbers(stage, &state) } else { String::new() };
        screen.data(format!("  {mark} {title:<44} {what}").trim_end());
    }
    for (stage, checks) in &state.checks {
        screen.data("");
        screen.data(&format!("Checks of \"{}\"", stage.title()));
        for line in checks.iter().flat_map(check_lines) {
            screen.data(&line);
        }
    }
    if !state.rollback_checks.is_empty() {
        screen.data("");
        screen.data("Checks of the rollback");
        for line in state.rollback_checks.iter().flat_map(check_lines) {
            screen.data(&line);
        }
    }
    screen.data("");
    if !state.is_over() {
        screen.data(&state.stop_here()?.sentence());
        if let Some(binds) = state.gate().and_then(|_| state.binds()) {
            screen.data(&format!("A yes would be bound to {}.", binds_digest(&binds)));
        }
    }
    rest(terminal, &reached, &row.id, &state).await?;
    Ok(Ending::Done)
}

pub async fn status(terminal: &Terminal, id: Id) -> Result<Ending, Problem> {
    let (reached, row) = reach::upgrade(terminal, id.id.as_deref(), &id.which).await?;
    let state = reached.engine.upgrade_state(&row.id).await?;
    if terminal.screen.json() {
        terminal.screen.answer(&as_json(&reached.engine, &row.id, &state).await?);
    } else {
        terminal.screen.data(&format!(
            "{}: {}, last stage done: {}",
            row.id,
            ::upgrade::words::mode(&state.mode),
            state.stage.title()
        ));
        terminal.screen.say(&::upgrade::words::mode_sentence(&state.mode));
    }
    Ok(Ending::of_upgrade(&state))
}
