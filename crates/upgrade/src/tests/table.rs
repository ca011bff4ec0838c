//! The table of transitions: every mode against every thing that a person or the world may do.

use super::*;
use crate::effect::Finding;
use crate::stage::Side;

fn situations() -> Vec<(&'static str, Player)> {
    let waiting = Player::planned().until_completed(Stage::Shadowed);
    let running = Player::planned().until_doing(Stage::Wave(1));
    let mut paused = running.clone();
    paused.pause().unwrap();
    let mut halted = running.clone();
    halted.run_with(CheckId::BooksNotOpen, Verdict::Fail);
    let mut resolving = running.clone();
    resolving.run();
    resolving.run();
    resolving.begin();
    resolving.restart();
    let mut back = running.clone();
    back.roll_back().unwrap();
    let mut frozen = back.clone();
    for _ in 0..3 {
        frozen.begin();
        frozen.end(Outcome::Failed {
            problem: problem(Touched::Nothing),
            left: None,
        });
    }
    vec![
        ("draft", Player::default()),
        ("planned", Player::planned()),
        ("waiting", waiting),
        ("running", running),
        ("paused", paused),
        ("halted", halted),
        ("resolving", resolving),
        ("rolling back", back.clone()),
        ("rolled back", back.to_the_end()),
        ("frozen", frozen),
        ("watching", {
            let mut player = Player::planned().until_doing(Stage::Watching);
            player.run();
            player
        }),
        ("finished", Player::planned().to_the_end()),
    ]
}

fn events(player: &Player) -> Vec<(&'static str, Event)> {
    let binds = player.state.binds().unwrap_or_else(|| Player::planned().state.binds().unwrap());
    let effect_id = player
        .state
        .in_doubt
        .as_ref()
        .map_or(EffectId("none".into()), |doubt| doubt.effect_id.clone());
    let checks = passing(&plan(), Some(Moment::After(Stage::Watching)));
    vec![
        (
            "plan",
            Event::PlanMade {
                plan: Box::new(plan()),
                at: at(9),
            },
        ),
        (
            "sign",
            Event::SignedOff {
                gate: player.state.gate().unwrap_or(Gate::Start),
                by: owner(),
                binds,
                at: at(9),
            },
        ),
        (
            "pause",
            Event::PauseRequested {
                by: owner(),
                reason: String::new(),
                at: at(9),
            },
        ),
        ("resume", Event::ResumeRequested { by: owner(), at: at(9) }),
        (
            "roll back",
            Event::RollBackRequested {
                by: owner(),
                reason: String::new(),
                at: at(9),
            },
        ),
        (
            "repeat",
            Event::RepeatRequested {
                from: Stage::Preflight,
                by: owner(),
                reason: String::new(),
                at: at(9),
            },
        ),
        (
            "resolve",
            Event::EffectResolved {
                effect_id,
                finding: Finding::Absent,
                by: None,
                at: at(9),
            },
        ),
        (
            "watch day",
            Event::WatchDay {
                date: "2026-11-25".parse().unwrap(),
                checks,
                at: at(9),
            },
        ),
        (
            "old posts",
            Event::BooksWritten {
                stream: "payments".into(),
                by: Side::Old,
                written: written(1),
                at: at(9),
            },
        ),
        (
            "new posts",
            Event::BooksWritten {
                stream: "payments".into(),
                by: Side::New,
                written: written(1),
                at: at(9),
            },
        ),
        ("restart", Event::Restarted { at: at(9) }),
    ]
}

#[test]
fn the_table_of_transitions_is_as_written_here() {
    let mut table = String::new();
    for (name, player) in situations() {
        for (what, event) in events(&player) {
            let result = match step(&player.state, &event) {
                Ok(step) => crate::words::mode(&step.state.mode).to_string(),
                Err(refusal) => refusal.code.0.to_string(),
            };
            table.push_str(&format!("{name:<13}{what:<10}{result}\n"));
        }
    }
    assert_eq!(table, include_str!("table.txt"), "\n{table}");
}
