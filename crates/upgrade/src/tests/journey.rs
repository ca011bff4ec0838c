//! The way through, step by step.

use super::*;
use crate::stage::{Owner, PauseReason};
use crate::{SliceName, fold};

#[test]
fn an_upgrade_without_trouble_completes_every_stage_and_ends_finished() {
    let player = Player::planned().to_the_end();
    assert_eq!(player.state.mode, Mode::Finished);
    assert_eq!(
        player.state.completed.keys().copied().collect::<Vec<_>>(),
        Stage::all(2)[1..].to_vec()
    );
    assert!(player.state.retired);
    assert!(player.state.owners.values().all(|owner| *owner == Owner::New));
    assert_eq!(fold(&player.events).unwrap(), player.state);
}

#[test]
fn a_stage_that_writes_checks_then_takes_a_rollback_point_then_writes_then_checks() {
    let mut player = Player::planned().until_doing(Stage::Canary);
    let effects: Vec<Effect> = (0..4).map(|_| player.run()).collect();
    assert_eq!(
        effects,
        [
            Effect::RunChecks {
                moment: Moment::Before(Stage::Canary)
            },
            Effect::TakeRollbackPoint { before: Stage::Canary },
            Effect::ApplySlice { slice: SliceName::Canary },
            Effect::RunChecks {
                moment: Moment::After(Stage::Canary)
            },
        ]
    );
    assert_eq!((player.state.stage, player.state.gate()), (Stage::Canary, Some(Gate::AfterCanary)));
}

#[test]
fn cut_over_fences_every_stream_drains_and_only_then_hands_over() {
    let mut player = Player::planned().until_doing(Stage::CutOver);
    player.run();
    player.run();
    player.run();
    assert_eq!(player.state.owners["payments"], Owner::Fenced);
    assert_eq!(player.state.owners["payouts"], Owner::Old);
    player.run();
    assert_eq!(player.run(), Effect::Drain);
    assert!(player.state.owners.values().all(|owner| *owner == Owner::Fenced));
    player.run();
    assert_eq!(
        (player.state.owners["payments"], player.state.owners["payouts"]),
        (Owner::New, Owner::Fenced)
    );
}

#[test]
fn a_write_of_another_hand_makes_the_rollback_point_old_and_a_new_one_is_taken() {
    let mut player = Player::planned().until_doing(Stage::Canary);
    player.run();
    player.run();
    assert_eq!(next_effect(&player.state), Some(Effect::ApplySlice { slice: SliceName::Canary }));
    player.play(Event::BooksWritten {
        stream: "payments".into(),
        by: crate::Side::Old,
        written: written(1),
        at: at(1),
    });
    assert_eq!(player.run(), Effect::TakeRollbackPoint { before: Stage::Canary });
    assert_eq!(player.run(), Effect::ApplySlice { slice: SliceName::Canary });
}

#[test]
fn a_rollback_point_begun_before_a_write_is_old_even_if_it_was_verified_after_it() {
    let mut player = Player::planned().until_doing(Stage::Canary);
    player.run();
    player.begin();
    player.play(Event::BooksWritten {
        stream: "payments".into(),
        by: crate::Side::Old,
        written: written(1),
        at: at(1),
    });
    let report = good(&player.plan(), &Effect::TakeRollbackPoint { before: Stage::Canary });
    player.end(Outcome::Done { report });
    assert!(player.state.fresh_rollback_point().is_none());
    assert_eq!(
        next_effect(&player.state),
        Some(Effect::TakeRollbackPoint { before: Stage::Canary })
    );
}

#[test]
fn a_failed_check_halts_and_is_asked_again_on_resume() {
    let mut player = Player::planned().until_doing(Stage::Shadowed);
    player.run_with(CheckId::ShadowUnexplainedZero, Verdict::Fail);
    assert_eq!(
        player.state.mode,
        Mode::Halted {
            checks: vec![CheckId::ShadowUnexplainedZero]
        }
    );
    assert_eq!(next_effect(&player.state), None);
    player.resume().unwrap();
    assert_eq!(next_effect(&player.state), Some(Effect::RunShadow));
    assert!(player.state.stage < Stage::Shadowed);
}

#[test]
fn an_inconclusive_check_pauses_and_so_does_a_missing_one() {
    let mut player = Player::planned().until_doing(Stage::Shadowed);
    player.run_with(CheckId::MinimumSample, Verdict::Inconclusive);
    assert_eq!(
        player.state.mode,
        Mode::Paused {
            reason: PauseReason::Inconclusive {
                checks: vec![CheckId::MinimumSample]
            }
        }
    );

    let mut player = Player::planned().until_doing(Stage::Shadowed);
    player.begin();
    player.end(Outcome::Done { report: Report::plain() });
    let missing = vec![CheckId::ShadowUnexplainedZero, CheckId::MinimumSample];
    assert_eq!(
        player.state.mode,
        Mode::Paused {
            reason: PauseReason::Inconclusive { checks: missing }
        }
    );
}

#[test]
fn a_failing_check_outranks_an_inconclusive_one() {
    let mut player = Player::planned().until_doing(Stage::Shadowed);
    player.begin();
    let results = [
        (CheckId::ShadowUnexplainedZero, Verdict::Inconclusive),
        (CheckId::MinimumSample, Verdict::Fail),
    ];
    let checks = results.map(|(check, verdict)| CheckResult::new(check, verdict, "x", "y")).to_vec();
    player.end(Outcome::Done {
        report: Report::of_checks(checks),
    });
    assert_eq!(
        player.state.mode,
        Mode::Halted {
            checks: vec![CheckId::MinimumSample]
        }
    );
}

#[test]
fn a_result_that_passes_and_fails_at_once_fails() {
    let mut player = Player::planned().until_doing(Stage::BackedUp);
    player.begin();
    let checks = [Verdict::Pass, Verdict::Fail]
        .map(|verdict| CheckResult::new(CheckId::BackupProved, verdict, "x", "y"))
        .to_vec();
    player.end(Outcome::Done {
        report: Report::of_checks(checks),
    });
    assert_eq!(
        player.state.mode,
        Mode::Halted {
            checks: vec![CheckId::BackupProved]
        }
    );
}

#[test]
fn the_watch_ends_only_after_its_days_and_a_bad_day_halts_it() {
    let mut player = Player::planned().until_completed(Stage::Reconciled);
    player.run();
    let day = |number: i32| -> jiff::civil::Date { format!("2026-11-{number}").parse().unwrap() };
    player.watch_day(day(24), Verdict::Pass).unwrap();
    player.watch_day(day(26), Verdict::Pass).unwrap();
    assert_eq!(player.state.stage, Stage::Reconciled);
    assert_eq!(
        player.watch_day(day(25), Verdict::Pass).unwrap_err().code,
        crate::refusal::E_NOT_NOW
    );
    player.watch_day(day(27), Verdict::Fail).unwrap();
    assert!(matches!(player.state.mode, Mode::Halted { .. }));
    player.resume().unwrap();
    player.watch_day(day(27), Verdict::Pass).unwrap();
    assert_eq!(
        (player.state.stage, player.state.gate()),
        (Stage::Watching, Some(Gate::BeforeFinish))
    );
}

#[test]
fn a_sign_off_counts_only_for_exactly_what_was_read() {
    let mut player = Player::planned().until_completed(Stage::Shadowed);
    let mut binds = player.state.binds().unwrap();
    binds.check_results_hash = "0".repeat(64);
    let refusal = player
        .try_play(Event::SignedOff {
            gate: Gate::BeforeCanary,
            by: owner(),
            binds,
            at: at(1),
        })
        .unwrap_err();
    assert_eq!(refusal.code, crate::refusal::E_SIGNOFF_STALE);
    assert_eq!(refusal.why, ["Changed: the results of the checks."]);
    player.sign(owner()).unwrap();
    assert_eq!(player.state.doing.as_ref().unwrap().stage, Stage::Canary);
}

#[test]
fn pausing_at_a_gate_does_not_void_what_was_read() {
    let mut player = Player::planned().until_completed(Stage::Shadowed);
    let binds = player.state.binds().unwrap();
    player.pause().unwrap();
    player.resume().unwrap();
    player.play(Event::SignedOff {
        gate: Gate::BeforeCanary,
        by: owner(),
        binds,
        at: at(1),
    });
}

#[test]
fn two_different_people_sign_where_the_plan_asks_for_two() {
    let mut player = Player::planned().until_completed(Stage::Watching);
    player.sign(owner()).unwrap();
    assert_eq!(player.state.gate(), Some(Gate::BeforeFinish));
    assert_eq!(player.sign(owner()).unwrap_err().code, crate::refusal::E_SIGNOFF_SAME_PERSON);
    player.sign(bookkeeper()).unwrap();
    assert!(player.state.sign_offs.iter().all(|sign_off| !sign_off.single));
}

#[test]
fn in_a_one_person_firm_one_sign_off_is_enough_and_recorded_as_such() {
    let mut player = Player::with(Plan {
        single_person: true,
        ..plan()
    })
    .until_completed(Stage::Watching);
    player.sign(owner()).unwrap();
    assert_eq!(player.state.gate(), None);
    assert!(player.state.sign_offs.last().unwrap().single);
}

#[test]
fn only_the_named_role_or_the_owner_can_sign() {
    let accountant = || Person {
        name: "Cy Accountant".into(),
        role: PersonRole::Accountant,
    };
    let gates = vec![GateRule {
        gate: Gate::Start,
        role: PersonRole::Accountant,
        people: 1,
    }];
    let mut player = Player::with(Plan { gates, ..plan() });
    assert_eq!(player.sign(bookkeeper()).unwrap_err().code, crate::refusal::E_SIGNOFF_ROLE);
    player.clone().sign(owner()).unwrap();
    player.sign(accountant()).unwrap();
}

#[test]
fn a_better_plan_before_the_start_voids_what_was_signed() {
    let mut player = Player::with(Plan {
        gates: vec![GateRule {
            gate: Gate::Start,
            role: PersonRole::Owner,
            people: 2,
        }],
        ..plan()
    });
    player.sign(owner()).unwrap();
    let before = player.state.binds().unwrap();
    player.play(Event::PlanMade {
        plan: Box::new(Plan { watch_days: 40, ..plan() }),
        at: at(2),
    });
    assert!(player.state.sign_offs.is_empty());
    let refusal = player
        .try_play(Event::SignedOff {
            gate: Gate::Start,
            by: owner(),
            binds: before,
            at: at(3),
        })
        .unwrap_err();
    assert_eq!(refusal.code, crate::refusal::E_SIGNOFF_STALE);
}

#[test]
fn stages_that_write_nothing_can_be_run_again_until_something_was_written() {
    let mut player = Player::planned().until_completed(Stage::Shadowed);
    player.play(Event::RepeatRequested {
        from: Stage::Rehearsed,
        by: owner(),
        reason: "a day has passed".into(),
        at: at(1),
    });
    assert_eq!(next_effect(&player.state), Some(Effect::Rehearse));
    assert_eq!(player.state.stage, Stage::RestoreVerified);
    assert!(!player.state.checks.contains_key(&Stage::Shadowed));
    let mut player = player.until_completed(Stage::Canary);
    let again = Event::RepeatRequested {
        from: Stage::Rehearsed,
        by: owner(),
        reason: "again".into(),
        at: at(1),
    };
    assert_eq!(player.try_play(again).unwrap_err().code, crate::refusal::E_NOT_NOW);
}

#[test]
fn what_stopping_here_means_is_said_in_numbers() {
    let player = Player::planned().until_completed(Stage::Canary);
    let text = crate::words::gate(&player.state, Gate::AfterCanary).unwrap();
    assert_eq!(
        text.if_you_stop,
        "If you stop here: 5 entries (5.00 USD) are removed, 5 entries of the old connector put back, nothing else changes."
    );
    assert_eq!(text.question, "Go on to the first wave?");
    let untouched = Player::planned().until_completed(Stage::Shadowed);
    assert_eq!(
        untouched.state.stop_here().unwrap().sentence(),
        "If you stop here: nothing was written, nothing changes."
    );
}
