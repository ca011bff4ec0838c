//! The invariants of the house plan that are pure, each under its own sentence.

use super::*;
use crate::effect::Finding;
use crate::stage::{Owner, PauseReason, Side, Then};
use crate::{SliceName, fold, refusal};

fn doubt_canary() -> Player {
    let mut player = Player::planned().until_doing(Stage::Canary);
    player.run();
    player.run();
    let (effect_id, _) = player.begin();
    player.play(Event::EffectInDoubt {
        effect_id,
        why: problem(Touched::Unknown),
        at: at(1),
    });
    player
}

#[test]
fn no_write_happens_in_a_stage_without_a_rollback_point_that_was_restored_and_verified() {
    for stage in [Stage::Canary, Stage::Wave(1), Stage::Wave(2), Stage::CutOver] {
        let mut player = Player::planned().until_doing(stage);
        player.run();
        let slice = match stage {
            Stage::Canary => Effect::ApplySlice { slice: SliceName::Canary },
            Stage::Wave(number) => Effect::ApplySlice {
                slice: SliceName::Wave(number),
            },
            _cut_over => Effect::Drain,
        };
        let intent = Event::IntentRecorded {
            effect_id: EffectId("early".into()),
            effect: slice,
            at: at(1),
        };
        assert_eq!(player.try_play(intent).unwrap_err().code, refusal::E_EFFECT_NOT_DUE, "{stage}");
        let (_, effect) = player.begin();
        assert_eq!(effect, Effect::TakeRollbackPoint { before: stage });
        let without_proof = Event::EffectDone {
            effect_id: player.state.in_flight.clone().unwrap().effect_id,
            outcome: Outcome::Done { report: Report::plain() },
            at: at(2),
        };
        assert_eq!(player.try_play(without_proof).unwrap_err().code, refusal::E_EFFECT_PROOF, "{stage}");
    }
}

#[test]
fn intent_is_durable_before_the_first_byte_leaves_outcome_is_durable_before_anything_depends_on_it() {
    let mut player = Player::planned().until_doing(Stage::Preflight);
    let unannounced = Event::EffectDone {
        effect_id: EffectId("x".into()),
        outcome: Outcome::Done { report: Report::plain() },
        at: at(1),
    };
    assert_eq!(player.try_play(unannounced).unwrap_err().code, refusal::E_EFFECT_UNKNOWN);
    let (effect_id, effect) = player.begin();
    assert_eq!(next_effect(&player.state), None);
    let second = Event::IntentRecorded {
        effect_id: EffectId("second".into()),
        effect: effect.clone(),
        at: at(1),
    };
    assert_eq!(player.try_play(second).unwrap_err().code, refusal::E_EFFECT_NOT_DUE);
    let report = good(&player.plan(), &effect);
    player.end(Outcome::Done { report });
    let again = Event::IntentRecorded {
        effect_id,
        effect: Effect::TakeBackup,
        at: at(2),
    };
    assert_eq!(player.try_play(again).unwrap_err().code, refusal::E_EFFECT_UNKNOWN);
}

#[test]
fn a_stream_has_one_owner_old_fenced_or_new() {
    for (from, to, legal) in [
        (Owner::Old, Owner::Fenced, true),
        (Owner::Fenced, Owner::New, true),
        (Owner::Fenced, Owner::Old, true),
        (Owner::New, Owner::Fenced, true),
        (Owner::Old, Owner::New, false),
        (Owner::New, Owner::Old, false),
    ] {
        assert_eq!(from.may_become(to), legal, "{from:?} to {to:?}");
    }
    let post = |player: &mut Player, by: Side| {
        player
            .try_play(Event::BooksWritten {
                stream: "payments".into(),
                by,
                written: written(1),
                at: at(1),
            })
            .map_err(|refusal| refusal.code)
    };
    let mut player = Player::planned().until_doing(Stage::CutOver);
    assert!(post(&mut player.clone(), Side::Old).is_ok());
    assert_eq!(post(&mut player, Side::New).unwrap_err(), refusal::E_OWNER);
    player.run();
    player.run();
    player.begin();
    for side in [Side::Old, Side::New] {
        assert_eq!(post(&mut player, side).unwrap_err(), refusal::E_OWNER, "fenced from the intent on");
    }
    let mut player = player.until_completed(Stage::CutOver);
    assert!(post(&mut player.clone(), Side::New).is_ok());
    assert_eq!(post(&mut player, Side::Old).unwrap_err(), refusal::E_OWNER);
}

#[test]
fn rollback_is_possible_in_every_state_before_finished_and_what_cannot_be_undone_is_listed_before_the_sign_off() {
    let mut player = Player::planned();
    let mut tried = 0;
    loop {
        let mut back = player.clone();
        if player.state.stage == Stage::Finished {
            assert_eq!(back.roll_back().unwrap_err().code, refusal::E_FINISHED);
            break;
        }
        back.roll_back().unwrap();
        while back.proceed() {}
        assert_eq!(back.state.mode, Mode::RolledBack);
        assert!(back.state.attempted.is_empty() && back.state.written.is_empty() && !back.state.new_access);
        assert!(back.state.owners.values().all(|owner| *owner == Owner::Old));
        tried += 1;
        player.proceed();
    }
    assert!(tried > 60, "{tried} states");
    let at_gate = Player::planned().until_completed(Stage::Watching);
    let text = crate::words::gate(&at_gate.state, Gate::BeforeFinish).unwrap();
    assert_eq!(text.irreversible, ["The old access is revoked."]);
}

#[test]
fn rollback_is_possible_while_paused_halted_waiting_resolving_and_frozen() {
    let paused = || {
        let mut player = Player::planned().until_doing(Stage::Wave(1));
        player.pause().unwrap();
        player
    };
    let halted = || {
        let mut player = Player::planned().until_doing(Stage::Wave(1));
        player.run_with(CheckId::BooksNotOpen, Verdict::Fail);
        player
    };
    for mut player in [paused(), halted(), Player::planned().until_completed(Stage::Canary)] {
        player.roll_back().unwrap();
        while player.proceed() {}
        assert_eq!(player.state.mode, Mode::RolledBack);
    }
    let mut player = doubt_canary();
    player.roll_back().unwrap();
    assert!(matches!(
        &player.state.mode,
        Mode::Resolving {
            then: Then::RollBack { .. }
        }
    ));
    let effect_id = player.state.in_doubt.clone().unwrap().effect_id;
    player.play(Event::EffectResolved {
        effect_id,
        finding: Finding::Absent,
        by: None,
        at: at(1),
    });
    assert_eq!(
        next_effect(&player.state),
        Some(Effect::UndoSlice { slice: SliceName::Canary }),
        "undone even if it seems absent"
    );
    while player.proceed() {}
    assert_eq!(player.state.mode, Mode::RolledBack);
}

#[test]
fn a_rollback_undoes_backwards_and_nobody_posts_meanwhile() {
    let mut player = Player::planned().until_completed(Stage::CutOver);
    player.play(Event::BooksWritten {
        stream: "payments".into(),
        by: Side::New,
        written: written(2),
        at: at(1),
    });
    player.roll_back().unwrap();
    let mut effects = Vec::new();
    while player.state.mode != Mode::RolledBack {
        effects.push(player.run());
    }
    let undo = |slice| Effect::UndoSlice { slice };
    let stream = |name: &str| name.to_string();
    assert_eq!(
        effects,
        [
            Effect::Fence {
                stream: stream("payments")
            },
            Effect::Fence { stream: stream("payouts") },
            undo(SliceName::AfterCutOver),
            undo(SliceName::Arrivals),
            undo(SliceName::Wave(2)),
            undo(SliceName::Wave(1)),
            undo(SliceName::Canary),
            Effect::RestoreOwner {
                stream: stream("payments")
            },
            Effect::RestoreOwner { stream: stream("payouts") },
            Effect::VerifyRollback,
            Effect::DropNewAccess,
        ]
    );
}

#[test]
fn a_rollback_that_fails_three_times_freezes_and_keeps_the_first_problem() {
    let mut player = Player::planned().until_completed(Stage::Canary);
    player.roll_back().unwrap();
    for number in 0..3 {
        let (_, effect) = player.begin();
        assert_eq!(effect, Effect::UndoSlice { slice: SliceName::Canary });
        let failure = StoredProblem {
            what: format!("Failure {number}."),
            ..problem(Touched::Nothing)
        };
        player.end(Outcome::Failed {
            problem: failure,
            left: None,
        });
    }
    let Mode::Frozen { problem, .. } = &player.state.mode else {
        panic!("{:?}", player.state.mode)
    };
    assert_eq!(problem.what, "Failure 0.");
    assert_eq!(player.state.problems.len(), 3);
    assert_eq!(next_effect(&player.state), None);
    player.resume().unwrap();
    let player = player.to_the_end();
    assert_eq!(player.state.mode, Mode::RolledBack);
}

#[test]
fn a_rollback_is_over_only_when_the_books_are_proved_equal_to_the_baseline() {
    let mut player = Player::planned().until_completed(Stage::Canary);
    player.roll_back().unwrap();
    player.run();
    for _ in 0..3 {
        assert_eq!(
            player.run_with(CheckId::BalancesEqualBaseline, Verdict::Inconclusive),
            Effect::VerifyRollback
        );
    }
    let Mode::Frozen { problem, .. } = &player.state.mode else {
        panic!("{:?}", player.state.mode)
    };
    assert_eq!(problem.code, refusal::E_ROLLBACK_NOT_EQUAL.0);
}

#[test]
fn an_access_that_cannot_be_given_back_does_not_hold_up_a_rollback() {
    let mut player = Player::planned().until_completed(Stage::Reauthorized);
    player.roll_back().unwrap();
    for _ in 0..3 {
        let (_, effect) = player.begin();
        assert_eq!(effect, Effect::DropNewAccess);
        player.end(Outcome::Failed {
            problem: problem(Touched::Nothing),
            left: None,
        });
    }
    assert_eq!(player.state.mode, Mode::RolledBack);
    assert!(player.state.new_access, "and it is still known that it exists");
}

#[test]
fn a_check_passes_only_if_it_ran_to_its_end_on_the_present_state_otherwise_the_upgrade_pauses() {
    let player = Player::planned().to_the_end();
    for planned in plan().checks {
        let (Moment::Before(stage) | Moment::After(stage)) = planned.moment else {
            continue;
        };
        assert!(
            player.state.checks[&stage].iter().any(|result| result.id == planned.check),
            "{planned:?}"
        );
    }
    let mut player = Player::planned().until_doing(Stage::BackedUp);
    player.begin();
    player.end(Outcome::Stopped { left: None });
    assert_eq!(
        player.state.mode,
        Mode::Paused {
            reason: PauseReason::Stopped
        }
    );
    assert_eq!(player.state.stage, Stage::Preflight);
}

#[test]
fn state_is_the_fold_of_the_journal_a_broken_chain_or_an_unknown_record_stops_the_app_with_a_clear_error() {
    let player = Player::planned().to_the_end();
    assert_eq!(fold(&player.events).unwrap(), player.state);
    let mut gap = player.events.clone();
    gap.remove(7);
    let refusal = fold(&gap).unwrap_err();
    assert_eq!(refusal.code, refusal::E_JOURNAL_IMPOSSIBLE);
    assert_eq!(refusal.also.len(), 1);
}

#[test]
fn paused_means_no_effect_begins() {
    for stage in [Stage::Preflight, Stage::Canary, Stage::CutOver] {
        let mut player = Player::planned().until_doing(stage);
        let due = next_effect(&player.state).unwrap();
        player.pause().unwrap();
        assert_eq!(next_effect(&player.state), None);
        let intent = Event::IntentRecorded {
            effect_id: EffectId("x".into()),
            effect: due.clone(),
            at: at(1),
        };
        assert_eq!(player.try_play(intent).unwrap_err().code, refusal::E_EFFECT_NOT_DUE);
        player.resume().unwrap();
        assert_eq!(next_effect(&player.state), Some(due));
    }
}

#[test]
fn stop_outranks_what_is_under_way_and_its_outcome_is_still_kept() {
    let mut player = Player::planned().until_doing(Stage::Wave(1));
    player.run();
    player.run();
    player.begin();
    assert!(!player.state.must_stop());
    player.pause().unwrap();
    assert!(player.state.must_stop());
    player.end(Outcome::Stopped { left: Some(written(2)) });
    assert!(matches!(
        &player.state.mode,
        Mode::Paused {
            reason: PauseReason::Asked { .. }
        }
    ));
    assert_eq!(player.state.written[&SliceName::Wave(1)], written(2));
    player.resume().unwrap();
    assert_eq!(player.run(), Effect::TakeRollbackPoint { before: Stage::Wave(1) });
    player.run();
    assert_eq!(player.state.written[&SliceName::Wave(1)].entries_posted, 7);
}

#[test]
fn rolling_back_during_a_write_waits_for_its_outcome_and_then_undoes_it() {
    let mut player = Player::planned().until_doing(Stage::Canary);
    player.run();
    player.run();
    player.begin();
    player.roll_back().unwrap();
    assert!(player.state.must_stop());
    assert_eq!(next_effect(&player.state), None);
    player.end(Outcome::Done {
        report: Report::plain().gaining(Gained::Written { written: written(5) }),
    });
    assert_eq!(next_effect(&player.state), Some(Effect::UndoSlice { slice: SliceName::Canary }));
}

#[test]
fn after_a_restart_in_a_write_it_is_found_out_first_and_then_a_person_decides() {
    let mut player = Player::planned().until_doing(Stage::Canary);
    player.run();
    player.run();
    let (effect_id, _) = player.begin();
    player.restart();
    assert_eq!(
        player.state.mode,
        Mode::Resolving {
            then: Then::Pause {
                reason: PauseReason::Restarted
            }
        }
    );
    assert_eq!(
        next_effect(&player.state),
        Some(Effect::Resolve {
            effect_id: effect_id.clone()
        })
    );
    player.play(Event::EffectResolved {
        effect_id,
        finding: Finding::Partly { left: written(3) },
        by: None,
        at: at(1),
    });
    assert_eq!(
        player.state.mode,
        Mode::Paused {
            reason: PauseReason::Restarted
        }
    );
    assert_eq!(player.state.written[&SliceName::Canary], written(3));
    player.resume().unwrap();
    assert_eq!(player.run(), Effect::TakeRollbackPoint { before: Stage::Canary });
    assert_eq!(player.run(), Effect::ApplySlice { slice: SliceName::Canary });
}

#[test]
fn unattended_goes_on_by_itself_once_nothing_is_in_doubt() {
    let mut player = Player::with(Plan {
        unattended: true,
        ..plan()
    })
    .until_doing(Stage::Canary);
    player.run();
    player.run();
    let (effect_id, effect) = player.begin();
    player.restart();
    assert_eq!(player.state.mode, Mode::Resolving { then: Then::GoOn });
    let report = good(&player.plan(), &effect);
    player.play(Event::EffectResolved {
        effect_id,
        finding: Finding::Done { report },
        by: None,
        at: at(1),
    });
    assert_eq!(
        next_effect(&player.state),
        Some(Effect::RunChecks {
            moment: Moment::After(Stage::Canary)
        })
    );
    assert_eq!(player.to_the_end().state.mode, Mode::Finished);
}

#[test]
fn a_restart_in_a_stage_that_only_reads_repeats_it_but_not_for_ever() {
    let mut player = Player::planned().until_doing(Stage::Rehearsed);
    for _ in 0..2 {
        player.begin();
        player.restart();
        assert_eq!(next_effect(&player.state), Some(Effect::Rehearse));
    }
    player.begin();
    player.restart();
    assert_eq!(
        player.state.mode,
        Mode::Paused {
            reason: PauseReason::RestartedOften { times: 3 }
        }
    );
    player.resume().unwrap();
    assert_eq!(player.to_the_end().state.mode, Mode::Finished);
}

#[test]
fn nothing_begins_while_an_effect_is_in_doubt_and_no_time_out_decides_it() {
    let mut player = doubt_canary();
    let effect_id = player.state.in_doubt.clone().unwrap().effect_id;
    assert_eq!(
        next_effect(&player.state),
        Some(Effect::Resolve {
            effect_id: effect_id.clone()
        })
    );
    assert_eq!(player.state.may_post("payments", Side::Old).unwrap_err().code, refusal::E_NOT_NOW);
    player.play(Event::EffectResolved {
        effect_id: effect_id.clone(),
        finding: Finding::Unknown { why: "no look-up".into() },
        by: None,
        at: at(1),
    });
    assert_eq!(next_effect(&player.state), None, "held for a person");
    player.restart();
    assert!(player.state.in_doubt.is_some());
    player.play(Event::EffectResolved {
        effect_id,
        finding: Finding::Absent,
        by: Some(owner()),
        at: at(2),
    });
    assert!(player.state.in_doubt.is_none());
}

#[test]
fn a_failure_that_may_have_written_is_in_doubt_and_not_a_failure() {
    for (touched, left) in [(Touched::Unknown, None), (Touched::Books, None)] {
        let mut player = Player::planned().until_doing(Stage::Canary);
        player.run();
        player.run();
        player.begin();
        player.end(Outcome::Failed {
            problem: problem(touched),
            left,
        });
        assert!(matches!(player.state.mode, Mode::Resolving { .. }), "{touched:?}");
    }
    let mut player = Player::planned().until_doing(Stage::Canary);
    player.run();
    player.run();
    player.begin();
    player.end(Outcome::Failed {
        problem: problem(Touched::Nothing),
        left: None,
    });
    assert!(matches!(
        &player.state.mode,
        Mode::Paused {
            reason: PauseReason::Problem { .. }
        }
    ));
}

#[test]
fn retiring_the_old_access_comes_after_finished_and_is_done_again_until_it_succeeds() {
    let mut player = Player::planned().until_completed(Stage::Finished);
    let (_, effect) = player.begin();
    assert_eq!(effect, Effect::RetireOld);
    player.end(Outcome::Failed {
        problem: problem(Touched::Nothing),
        left: None,
    });
    assert!(matches!(&player.state.mode, Mode::Paused { .. }));
    player.resume().unwrap();
    assert_eq!(player.run(), Effect::RetireOld);
    assert_eq!(player.state.mode, Mode::Finished);
}
