//! Whatever happens in whatever order: the sentences that must stay true.

use super::*;
use crate::effect::Finding;
use crate::stage::{Owner, Side, Then};
use crate::{SliceName, fold};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// The books as they really are, beside what the machine believes.
#[derive(Debug, Default)]
struct World {
    shares: BTreeSet<SliceName>,
}

impl World {
    fn did(&mut self, effect: &Effect) {
        match effect {
            Effect::ApplySlice { slice } => {
                self.shares.insert(*slice);
            }
            Effect::Drain => {
                self.shares.insert(SliceName::Arrivals);
            }
            Effect::UndoSlice { slice } => {
                self.shares.remove(slice);
            }
            _reads_or_owns => {}
        }
    }

    /// Looks whether an effect in doubt happened.
    fn find(&self, plan: &Plan, effect: &Effect) -> Finding {
        let happened = match effect {
            Effect::ApplySlice { slice } => self.shares.contains(slice),
            Effect::Drain => self.shares.contains(&SliceName::Arrivals),
            Effect::UndoSlice { slice } => !self.shares.contains(slice),
            _others => true,
        };
        if happened {
            Finding::Done {
                report: good(plan, effect),
            }
        } else {
            Finding::Absent
        }
    }
}

fn act(player: &mut Player, world: &mut World, byte: u8) {
    let before = player.state.clone();
    let odd = byte % 2 == 1;
    let flight = player.state.in_flight.clone();
    let event = match (byte, &flight) {
        (0..=169, _) => return natural(player, world),
        (170..=179, Some(flight)) => {
            if odd {
                world.did(&flight.effect);
            }
            let effect_id = flight.effect_id.clone();
            Event::EffectInDoubt {
                effect_id,
                why: problem(Touched::Unknown),
                at: player.now(),
            }
        }
        (180..=189, Some(flight)) => {
            let (touched, happened) = if odd { (Touched::Unknown, true) } else { (Touched::Nothing, false) };
            if happened {
                world.did(&flight.effect);
            }
            let effect_id = flight.effect_id.clone();
            Event::EffectDone {
                effect_id,
                outcome: Outcome::Failed {
                    problem: problem(touched),
                    left: None,
                },
                at: player.now(),
            }
        }
        (190..=199, Some(flight)) => {
            let verdict = if odd { Verdict::Fail } else { Verdict::Inconclusive };
            let mut report = good(&player.plan(), &flight.effect);
            report
                .checks
                .push(CheckResult::new(CheckId::NothingLost, verdict, "1 lost", "0 lost"));
            // A step back that reports a failure has not happened.
            if !matches!(flight.effect, Effect::UndoSlice { .. }) {
                world.did(&flight.effect);
            }
            Event::EffectDone {
                effect_id: flight.effect_id.clone(),
                outcome: Outcome::Done { report },
                at: player.now(),
            }
        }
        (200..=206, flight) => {
            if let (true, Some(flight)) = (odd, flight) {
                world.did(&flight.effect);
            }
            Event::Restarted { at: player.now() }
        }
        (207..=214, _) => Event::PauseRequested {
            by: owner(),
            reason: String::new(),
            at: player.now(),
        },
        (215..=222, _) => Event::ResumeRequested {
            by: owner(),
            at: player.now(),
        },
        (223..=226, _) => Event::RollBackRequested {
            by: owner(),
            reason: "enough".into(),
            at: player.now(),
        },
        (227..=234, _) => {
            let by = if odd { Side::Old } else { Side::New };
            if by == Side::New && before.writer("payouts") == Some(Side::New) && !before.is_over() {
                world.shares.insert(SliceName::AfterCutOver);
            }
            Event::BooksWritten {
                stream: "payouts".into(),
                by,
                written: written(1),
                at: player.now(),
            }
        }
        (235..=238, _) => Event::RepeatRequested {
            from: Stage::Rehearsed,
            by: owner(),
            reason: String::new(),
            at: player.now(),
        },
        (239..=242, _) => Event::PlanMade {
            plan: Box::new(plan()),
            at: player.now(),
        },
        (243..=248, _) => {
            let effect =
                [Effect::ApplySlice { slice: SliceName::Wave(1) }, Effect::Drain, Effect::RetireOld][usize::from(byte % 3)].clone();
            Event::IntentRecorded {
                effect_id: player.id(),
                effect,
                at: player.now(),
            }
        }
        (249..=251, _) => {
            let gate = Gate::ALL[usize::from(byte) % Gate::ALL.len()];
            Event::SignedOff {
                gate,
                by: bookkeeper(),
                binds: before.binds().unwrap(),
                at: player.now(),
            }
        }
        (252..=255, _) => Event::WatchDay {
            date: "2026-12-31".parse().unwrap(),
            checks: Vec::new(),
            at: player.now(),
        },
        (170..=199, None) => return,
    };
    let _may_be_refused = player.try_play(event);
}

fn natural(player: &mut Player, world: &mut World) {
    if let Some(doubt) = player.state.in_doubt.clone() {
        let finding = world.find(&player.plan(), &doubt.effect);
        let at = player.now();
        player.play(Event::EffectResolved {
            effect_id: doubt.effect_id,
            finding,
            by: None,
            at,
        });
        return;
    }
    let doing = player.state.in_flight.clone();
    player.proceed();
    if let (Some(flight), None) = (doing, &player.state.in_flight) {
        world.did(&flight.effect);
    }
}

fn holds(before: &State, player: &Player, begun: Option<&Effect>) -> Result<(), TestCaseError> {
    let after = &player.state;
    for (stream, owner) in &after.owners {
        let was = before.owners[stream];
        prop_assert!(
            was == *owner || was.may_become(*owner),
            "{} went from {:?} to {:?}",
            stream,
            was,
            owner
        );
    }
    if let Some(effect) = begun {
        prop_assert!(
            matches!(before.mode, Mode::Running | Mode::RollingBack { .. }),
            "{:?} began while {:?}",
            effect,
            before.mode
        );
        prop_assert!(before.in_doubt.is_none());
        if matches!(effect, Effect::ApplySlice { .. } | Effect::Drain) {
            prop_assert!(before.mode == Mode::Running);
            prop_assert!(before.fresh_rollback_point().is_some());
        }
        if *effect == Effect::RetireOld {
            prop_assert!(before.stage == Stage::Finished);
        }
    }
    prop_assert!(after.in_doubt.is_none() || after.in_flight.is_none());
    prop_assert_eq!(after.in_doubt.is_some(), matches!(after.mode, Mode::Resolving { .. }));
    if after.stage == Stage::Finished {
        prop_assert_eq!(after.completed.keys().copied().collect::<Vec<_>>(), Stage::all(2)[1..].to_vec());
        prop_assert!(after.owners.values().all(|owner| *owner == Owner::New));
    }
    if after.can_roll_back() {
        let already = matches!(
            after.mode,
            Mode::RollingBack { .. }
                | Mode::Resolving {
                    then: Then::RollBack { .. }
                }
        );
        prop_assert!(
            already || player.clone().roll_back().is_ok(),
            "cannot go back from {:?} {:?}",
            after.stage,
            after.mode
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_there_is_one_owner_no_write_while_standing_still_and_a_way_back(bytes in proptest::collection::vec(any::<u8>(), 1..220)) {
        let mut player = Player::planned();
        let mut world = World::default();
        for byte in bytes {
            let before = player.state.clone();
            let accepted = player.events.len();
            act(&mut player, &mut world, byte);
            let begun = player.events[accepted..].iter().find_map(|event| match event {
                Event::IntentRecorded { effect, .. } => Some(effect),
                _other => None,
            });
            if player.events.len() == accepted {
                prop_assert_eq!(&before, &player.state, "a refused event changes nothing");
            }
            holds(&before, &player, begun)?;
        }
        prop_assert_eq!(&fold(&player.events).unwrap(), &player.state);
        if player.state.can_roll_back() {
            let _already_going_back = player.roll_back();
            for _ in 0..200 {
                natural(&mut player, &mut world);
            }
            prop_assert_eq!(&player.state.mode, &Mode::RolledBack);
            prop_assert!(player.state.owners.values().all(|owner| *owner == Owner::Old));
        }
        if player.state.mode == Mode::RolledBack {
            prop_assert!(world.shares.is_empty(), "left behind: {:?}", world.shares);
        }
    }

    #[test]
    fn every_event_survives_being_stored(bytes in proptest::collection::vec(any::<u8>(), 1..150)) {
        let mut player = Player::planned();
        let mut world = World::default();
        bytes.into_iter().for_each(|byte| act(&mut player, &mut world, byte));
        for event in &player.events {
            prop_assert_eq!(&Event::from_stored(&event.to_stored().unwrap()).unwrap(), event);
        }
    }
}
