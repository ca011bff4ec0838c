//! `upgrade rollback`: says in numbers what will happen, asks, does it, and shows the proof.
//!
//! Possible after every stage but the last. "Equal" is what the engine's comparison with the baseline found, never
//! what was hoped.

use super::{Id, Signer, show, steps};
use crate::ending::Ending;
use crate::follow::check_lines;
use crate::reach;
use crate::screen::counted;
use crate::terminal::{Answered, Terminal};
use ::upgrade::{Event, Mode};
use engine::store::upgrade as stored;
use engine::upgrading::baseline::{self, Baseline};
use ledger::Problem;

pub async fn rollback(terminal: &Terminal, id: Id, yes: bool, reason: String, signer: Signer) -> Result<Ending, Problem> {
    let (reached, row) = reach::upgrade(terminal, id.id.as_deref(), &id.which).await?;
    let engine = &reached.engine;
    let state = engine.upgrade_state(&row.id).await?;
    if let Mode::RolledBack = state.mode {
        terminal.screen.say("This upgrade is rolled back already.");
        return proof(terminal, &reached, &row.id, &state).await;
    }
    if state.can_roll_back() {
        terminal
            .screen
            .say(&format!("Rolling back upgrade {} of \"{}\".", row.id, reached.company.name));
        terminal
            .screen
            .say(&state.stop_here()?.sentence().replace("If you stop here: ", "What will happen: "));
        match terminal.ask("Put the books back as they were before the upgrade?", yes) {
            Answered::Yes => {}
            Answered::No => return Ok(Ending::Failed),
            Answered::Nobody => return Ok(Ending::Usage),
        }
    }
    reach::ready(terminal, &reached, Some(&row.id)).await?;
    if !matches!(state.mode, Mode::RollingBack { .. }) {
        // The machine refuses it after the last stage, with its reason.
        let event = Event::RollBackRequested {
            by: signer.person(engine),
            reason,
            at: engine.now(),
        };
        engine.record(&row.id, event).await?;
    }
    let state = steps::run_to_rest(terminal, &reached, &row.id, &row.connection_id, false).await?;
    proof(terminal, &reached, &row.id, &state).await
}

async fn proof(terminal: &Terminal, reached: &reach::Reached, id: &str, state: &::upgrade::State) -> Result<Ending, Problem> {
    if !terminal.screen.json() {
        for line in state.rollback_checks.iter().flat_map(check_lines) {
            terminal.screen.data(&line);
        }
        let named = [
            ("by people", "changed by people meanwhile, left as they are"),
            ("by the old connector", "posted by the old connector meanwhile, left as they are"),
        ];
        for (fact, words) in named {
            if let Some(count) = state.rollback_facts.get(fact).filter(|count| *count != "0") {
                terminal.screen.data(&format!("  – {count} {words}"));
            }
        }
    }
    let equal = compare(terminal, reached, id, state).await?;
    let ending = show::rest(terminal, reached, id, state).await?;
    Ok(if equal { ending } else { Ending::Halted })
}

/// Compares books and baseline once more, entry by entry, and says what was found. True when nothing is wrong.
async fn compare(terminal: &Terminal, reached: &reach::Reached, id: &str, state: &::upgrade::State) -> Result<bool, Problem> {
    if !matches!(state.mode, Mode::RolledBack) {
        return Ok(true);
    }
    let say = |line: &str| {
        if terminal.screen.json() {
            terminal.screen.say(line)
        } else {
            terminal.screen.data(line)
        }
    };
    let engine = &reached.engine;
    let Some(before) = stored::fact::<Baseline>(&engine.pool, id, baseline::FACT).await? else {
        say("Nothing was written, and so early no baseline had been taken: there is nothing to compare.");
        return Ok(true);
    };
    let back = engine::upgrading::rollback::compare(engine, &engine.undertaking(state).await?, &before).await?;
    if back.wrong.is_empty() {
        say(&format!(
            "Balances and entries equal the baseline: {} and {} compared one by one.",
            counted(back.compared, "entry", "entries"),
            counted(before.balances.len() as u64, "balance", "balances")
        ));
        return Ok(true);
    }
    say(&format!(
        "Balances and entries do not equal the baseline: {} found.",
        counted(back.wrong.len() as u64, "difference", "differences")
    ));
    for line in &back.wrong {
        say(&format!("  {line}"));
    }
    Ok(false)
}
