//! Tests of the state machine: a player that carries out effects in memory, and what must stay true whatever happens.

mod checks;
mod effect_model;
mod invariants;
mod journey;
mod random;
mod slices;
mod stored;
mod table;

use crate::check::{CheckId, CheckResult, Moment, Verdict};
use crate::checks::default_checks;
use crate::due::moment_of;
use crate::effect::{Effect, EffectId, Gained, Outcome, Report, VerifiedRollbackPoint, Written};
use crate::event::Event;
use crate::plan::{GateRule, Irreversible, Person, PersonRole, Plan};
use crate::refusal::StoredProblem;
use crate::slice::{Candidate, RecordRef, slices};
use crate::stage::{Gate, Mode, Stage};
use crate::state::State;
use crate::{Step, next_effect, step};
use jiff::{Timestamp, ToSpan};
use ledger::{Code, Currency, Money, Problem, Touched};
use std::collections::BTreeMap;

pub fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::of("USD").unwrap())
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).unwrap()
}

pub fn owner() -> Person {
    Person {
        name: "Ada Owner".into(),
        role: PersonRole::Owner,
    }
}

pub fn bookkeeper() -> Person {
    Person {
        name: "Ben Bookkeeper".into(),
        role: PersonRole::Bookkeeper,
    }
}

pub fn written(entries: u64) -> Written {
    Written {
        movements: entries,
        entries_posted: entries,
        entries_removed: entries,
        amount: usd(100 * entries as i64),
    }
}

pub fn candidates(count: i64) -> Vec<Candidate> {
    (0..count)
        .map(|number| {
            let instant = at(number * 3_600);
            Candidate {
                record: RecordRef {
                    stream: "payments".into(),
                    record: format!("p_{number:04}"),
                },
                kind: ["card payment", "cash payment", "tipped payment"][usize::try_from(number % 3).unwrap()].into(),
                instant,
                date: instant.to_zoned(jiff::tz::TimeZone::UTC).date(),
                amount: usd(1_000 + number),
            }
        })
        .collect()
}

pub fn plan() -> Plan {
    let usd = Currency::of("USD").unwrap();
    Plan {
        id: "up-1".into(),
        company: "Harbour Street Bakery".into(),
        connection: "square-main".into(),
        connector: "square".into(),
        from_version: "1".into(),
        to_version: "2".into(),
        currency: usd,
        streams: vec!["payments".into(), "payouts".into()],
        new_from: at(0),
        slices: slices(&candidates(60), at(0), Plan::CANARY_SIZE, Plan::WAVES, usd).unwrap(),
        checks: default_checks(Plan::WAVES),
        gates: vec![GateRule {
            gate: Gate::BeforeFinish,
            role: PersonRole::Owner,
            people: 2,
        }],
        single_person: false,
        unattended: false,
        permissions: vec!["ORDERS_READ".into(), "DISPUTES_READ".into()],
        watch_days: 3,
        expected_changes: Vec::new(),
        irreversible: vec![Irreversible {
            gate: Gate::BeforeFinish,
            text: "The old access is revoked.".into(),
        }],
        observed: BTreeMap::from([("books version".to_string(), "4.13".to_string())]),
    }
}

pub fn problem(touched: Touched) -> StoredProblem {
    StoredProblem::from(Problem::new(Code("E-TEST"), "It failed.", "Because of the test.", "Nothing.").touching(touched))
}

/// Passing results for everything that the plan demands at this moment.
pub fn passing(plan: &Plan, moment: Option<Moment>) -> Vec<CheckResult> {
    plan.checks
        .iter()
        .filter(|planned| Some(planned.moment) == moment)
        .map(|planned| CheckResult::new(planned.check, Verdict::Pass, "as expected", "as expected"))
        .collect()
}

/// What a perfect world reports for an effect.
pub fn good(plan: &Plan, effect: &Effect) -> Report {
    let gained = match effect {
        Effect::TakeRollbackPoint { .. } => Gained::RollbackPoint {
            point: VerifiedRollbackPoint {
                id: "rp".into(),
                backup: "snap".into(),
                journal_position: 1,
                taken_at: at(0),
                verified_at: at(1),
            },
        },
        Effect::ApplySlice { .. } => Gained::Written { written: written(5) },
        Effect::Drain => Gained::Written { written: written(1) },
        Effect::AskToReauthorize { permissions } => Gained::NewAccess {
            company: plan.company.clone(),
            permissions: permissions.clone(),
        },
        Effect::BeginWatch { .. } => Gained::WatchFrom {
            date: "2026-11-24".parse().unwrap(),
        },
        Effect::RunPreflight
        | Effect::TakeBackup
        | Effect::ProveRestore
        | Effect::Rehearse
        | Effect::RunShadow
        | Effect::RunChecks { .. }
        | Effect::Fence { .. }
        | Effect::GiveTo { .. }
        | Effect::Validate
        | Effect::Reconcile
        | Effect::RetireOld
        | Effect::UndoSlice { .. }
        | Effect::RestoreOwner { .. }
        | Effect::VerifyRollback
        | Effect::DropNewAccess
        | Effect::Resolve { .. }
        | Effect::Notify { .. } => Gained::Nothing,
    };
    Report::of_checks(passing(plan, moment_of(effect))).gaining(gained)
}

/// Plays events and keeps what was accepted.
#[derive(Debug, Clone, Default)]
pub struct Player {
    pub state: State,
    pub events: Vec<Event>,
    pub clock: i64,
    pub ids: u64,
}

impl Player {
    pub fn planned() -> Player {
        Player::with(plan())
    }

    pub fn with(plan: Plan) -> Player {
        let mut player = Player::default();
        player.play(Event::PlanMade {
            plan: Box::new(plan),
            at: at(0),
        });
        player
    }

    pub fn now(&mut self) -> Timestamp {
        self.clock += 1;
        at(self.clock)
    }

    pub fn try_play(&mut self, event: Event) -> Result<Step, Problem> {
        let step = step(&self.state, &event)?;
        self.state = step.state.clone();
        self.events.push(event);
        Ok(step)
    }

    pub fn play(&mut self, event: Event) -> Step {
        self.try_play(event)
            .unwrap_or_else(|refusal| panic!("refused in {:?} {:?}: {refusal}", self.state.stage, self.state.mode))
    }

    pub fn plan(&self) -> Plan {
        self.state.plan.clone().unwrap()
    }

    pub fn id(&mut self) -> EffectId {
        self.ids += 1;
        EffectId(format!("e-{}", self.ids))
    }

    /// Records the intent of what is due.
    pub fn begin(&mut self) -> (EffectId, Effect) {
        let effect = next_effect(&self.state).unwrap_or_else(|| panic!("nothing is due in {:?} {:?}", self.state.stage, self.state.mode));
        let (effect_id, at) = (self.id(), self.now());
        self.play(Event::IntentRecorded {
            effect_id: effect_id.clone(),
            effect: effect.clone(),
            at,
        });
        (effect_id, effect)
    }

    pub fn end(&mut self, outcome: Outcome) -> Step {
        let (effect_id, at) = (self.state.in_flight.clone().unwrap().effect_id, self.now());
        self.play(Event::EffectDone { effect_id, outcome, at })
    }

    pub fn run(&mut self) -> Effect {
        let (_, effect) = self.begin();
        let report = good(&self.plan(), &effect);
        self.end(Outcome::Done { report });
        effect
    }

    /// Begins what is due and reports this check as it says.
    pub fn run_with(&mut self, check: CheckId, verdict: Verdict) -> Effect {
        let (_, effect) = self.begin();
        let mut report = good(&self.plan(), &effect);
        report.checks.retain(|result| result.id != check);
        report
            .checks
            .push(CheckResult::new(check, verdict, "something else", "as expected"));
        self.end(Outcome::Done { report });
        effect
    }

    pub fn sign(&mut self, by: Person) -> Result<Step, Problem> {
        let gate = self.state.gate().expect("waits at a gate");
        let (binds, at) = (self.state.binds().unwrap(), self.now());
        self.try_play(Event::SignedOff { gate, by, binds, at })
    }

    pub fn sign_all(&mut self) {
        self.sign(owner()).unwrap();
        if self.state.gate().is_some() {
            self.sign(bookkeeper()).unwrap();
        }
    }

    pub fn watch_day(&mut self, date: jiff::civil::Date, verdict: Verdict) -> Result<Step, Problem> {
        let mut checks = passing(&self.plan(), Some(Moment::After(Stage::Watching)));
        if let Some(first) = checks.first_mut() {
            first.verdict = verdict;
        }
        let at = self.now();
        self.try_play(Event::WatchDay { date, checks, at })
    }

    pub fn pause(&mut self) -> Result<Step, Problem> {
        let at = self.now();
        self.try_play(Event::PauseRequested {
            by: owner(),
            reason: "lunch".into(),
            at,
        })
    }

    pub fn resume(&mut self) -> Result<Step, Problem> {
        let at = self.now();
        self.try_play(Event::ResumeRequested { by: owner(), at })
    }

    pub fn roll_back(&mut self) -> Result<Step, Problem> {
        let at = self.now();
        self.try_play(Event::RollBackRequested {
            by: owner(),
            reason: "changed my mind".into(),
            at,
        })
    }

    pub fn restart(&mut self) -> Step {
        let at = self.now();
        self.play(Event::Restarted { at })
    }

    /// The next natural thing on the way to the end; false when there is none.
    pub fn proceed(&mut self) -> bool {
        if self.state.in_flight.is_some() {
            let effect = self.state.in_flight.clone().unwrap().effect;
            let report = good(&self.plan(), &effect);
            self.end(Outcome::Done { report });
        } else if let Some(effect) = next_effect(&self.state) {
            assert!(effect.needs_intent(), "in doubt: to be resolved by the test itself");
            self.begin();
        } else if self.state.gate().is_some() {
            self.sign_all();
        } else if matches!(self.state.mode, Mode::Paused { .. } | Mode::Halted { .. } | Mode::Frozen { .. }) {
            self.resume().unwrap();
        } else if let (Some(watch), Mode::Running) = (self.state.watch.clone(), &self.state.mode) {
            let last = watch.days.keys().next_back().copied();
            let date = last.map_or(watch.from, |last| last.checked_add(1.day()).unwrap());
            self.watch_day(date, Verdict::Pass).unwrap();
        } else {
            return false;
        }
        true
    }

    /// Proceeds until this stage is under way, with its first effect due.
    pub fn until_doing(mut self, stage: Stage) -> Player {
        while self.state.doing.as_ref().map(|work| work.stage) != Some(stage) {
            assert!(self.proceed(), "the end came before {stage}");
        }
        self
    }

    /// Proceeds until this stage is completed.
    pub fn until_completed(mut self, stage: Stage) -> Player {
        while self.state.stage < stage {
            assert!(self.proceed(), "the end came before {stage}");
        }
        self
    }

    pub fn to_the_end(mut self) -> Player {
        while self.proceed() {}
        self
    }
}
