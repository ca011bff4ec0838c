//! Errors of the upgrade's state machine, each reached by real events.

use crate::errors::Exhibit;
use ledger::{Currency, Money};
use serde_json::json;
use upgrade::{
    CheckId, CheckResult, Effect, EffectId, Event, Gained, Gate, GateRule, Moment, Outcome, Person, PersonRole, Plan, PlannedCheck, Report,
    Side, Slice, SliceName, State, Verdict, Written, fold, next_effect, step,
};

pub const PROVOKE: &[fn() -> Exhibit] = &[
    not_now,
    no_plan,
    finished,
    plan_invalid,
    effect_not_due,
    effect_unknown,
    effect_proof,
    sign_off_stale,
    sign_off_role,
    sign_off_same_person,
    owner_conflict,
    rollback_not_equal,
    event_unknown,
    event_format,
    journal_impossible,
];

fn now() -> jiff::Timestamp {
    "2026-11-02T09:00:00Z".parse().expect("an instant")
}

fn person(name: &str, role: PersonRole) -> Person {
    Person { name: name.into(), role }
}

fn owner() -> Person {
    person("The owner", PersonRole::Owner)
}

fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::of("USD").expect("USD is known"))
}

fn canary() -> Slice {
    let from = "2026-10-01T04:00:00Z".parse().expect("an instant");
    Slice { name: SliceName::Canary, count: 0, amount: usd(0), from, to: None, day: None, records: Vec::new() }
}

fn plan() -> Plan {
    Plan {
        id: "u-1".into(),
        company: "Harbour Street Bakery".into(),
        connection: "c-1".into(),
        connector: "square".into(),
        from_version: "1".into(),
        to_version: "2".into(),
        currency: usd(0).currency,
        streams: vec!["payments".into()],
        new_from: "2026-10-01T04:00:00Z".parse().expect("an instant"),
        slices: vec![canary()],
        checks: Vec::new(),
        gates: Vec::new(),
        single_person: false,
        unattended: true,
        permissions: vec!["ORDERS_READ".into()],
        watch_days: 1,
        expected_changes: Vec::new(),
        irreversible: Vec::new(),
        observed: Default::default(),
    }
}

fn take(state: &State, event: Event) -> State {
    step(state, &event).expect("this event is in order").state
}

fn refused(state: &State, event: Event) -> Exhibit {
    Exhibit::of(step(state, &event).expect_err("this event is refused"))
}

fn planned(plan: Plan) -> State {
    take(&State::default(), Event::PlanMade { plan: Box::new(plan), at: now() })
}

fn yes(state: &State, gate: Gate, by: Person) -> Event {
    Event::SignedOff { gate, by, binds: state.binds().expect("there is a plan"), at: now() }
}

/// What the effect due needs to be done well.
fn proof(effect: &Effect) -> Gained {
    match effect {
        Effect::TakeRollbackPoint { .. } => {
            let point = json!({ "id": "r-1", "backup": "b-1", "journal_position": 1, "taken_at": now(), "verified_at": now() });
            Gained::RollbackPoint { point: serde_json::from_value(point).expect("a rollback point") }
        }
        Effect::ApplySlice { .. } | Effect::Drain => {
            Gained::Written { written: Written { movements: 12, entries_posted: 12, entries_removed: 12, amount: usd(120_410) } }
        }
        Effect::AskToReauthorize { permissions } => {
            Gained::NewAccess { company: "Harbour Street Bakery".into(), permissions: permissions.clone() }
        }
        Effect::BeginWatch { .. } => Gained::WatchFrom { date: "2026-11-02".parse().expect("a date") },
        other => {
            let _brings_nothing = other;
            Gained::Nothing
        }
    }
}

fn intent(state: &State, effect: &Effect) -> (State, EffectId) {
    let id = EffectId(format!("e-{}", state.events));
    let event = Event::IntentRecorded { effect_id: id.clone(), effect: effect.clone(), at: now() };
    (take(state, event), id)
}

/// Goes on, everything well, until the wanted effect is due (None: until the watch, then to the end).
fn until(mut state: State, wanted: impl Fn(&Effect) -> bool) -> State {
    // A whole upgrade has some forty events.
    for _ in 0..200 {
        if let Some(gate) = state.gate() {
            let event = yes(&state, gate, owner());
            state = take(&state, event);
        } else if let Some(effect) = next_effect(&state) {
            if wanted(&effect) {
                return state;
            }
            let (begun, effect_id) = intent(&state, &effect);
            let outcome = Outcome::Done { report: Report::plain().gaining(proof(&effect)) };
            state = take(&begun, Event::EffectDone { effect_id, outcome, at: now() });
        } else if let Some(watch) = &state.watch {
            let event = Event::WatchDay { date: watch.until, checks: Vec::new(), at: now() };
            state = take(&state, event);
        }
    }
    panic!("the wanted effect never became due; the upgrade stands at {}", state.stage);
}

fn not_now() -> Exhibit {
    refused(&planned(plan()), Event::ResumeRequested { by: owner(), at: now() })
}

fn no_plan() -> Exhibit {
    refused(&State::default(), Event::ResumeRequested { by: owner(), at: now() })
}

fn finished() -> Exhibit {
    let state = until(planned(plan()), |effect| *effect == Effect::RetireOld);
    refused(&state, Event::RollBackRequested { by: owner(), reason: "second thoughts".into(), at: now() })
}

fn plan_invalid() -> Exhibit {
    let plan = Plan { to_version: "1".into(), streams: Vec::new(), watch_days: 0, ..plan() };
    refused(&State::default(), Event::PlanMade { plan: Box::new(plan), at: now() })
}

fn effect_not_due() -> Exhibit {
    let state = until(planned(plan()), |effect| *effect == Effect::TakeBackup);
    refused(&state, Event::IntentRecorded { effect_id: EffectId("e-1x".into()), effect: Effect::RetireOld, at: now() })
}

fn effect_unknown() -> Exhibit {
    let outcome = Outcome::Done { report: Report::plain() };
    refused(&planned(plan()), Event::EffectDone { effect_id: EffectId("e-99".into()), outcome, at: now() })
}

fn effect_proof() -> Exhibit {
    let state = until(planned(plan()), |effect| matches!(effect, Effect::ApplySlice { .. }));
    let (begun, effect_id) = intent(&state, &next_effect(&state).expect("something is due"));
    refused(&begun, Event::EffectDone { effect_id, outcome: Outcome::Done { report: Report::plain() }, at: now() })
}

fn sign_off_stale() -> Exhibit {
    let state = planned(plan());
    let other = Plan { watch_days: 31, ..plan() };
    let binds = planned(other).binds().expect("there is a plan");
    refused(&state, Event::SignedOff { gate: Gate::Start, by: owner(), binds, at: now() })
}

fn sign_off_role() -> Exhibit {
    let rule = GateRule { gate: Gate::Start, role: PersonRole::Accountant, people: 1 };
    let state = planned(Plan { gates: vec![rule], ..plan() });
    let event = yes(&state, Gate::Start, person("The bookkeeper", PersonRole::Bookkeeper));
    refused(&state, event)
}

fn sign_off_same_person() -> Exhibit {
    let rule = GateRule { gate: Gate::Start, role: PersonRole::Owner, people: 2 };
    let state = planned(Plan { gates: vec![rule], ..plan() });
    let once = take(&state, yes(&state, Gate::Start, owner()));
    let again = yes(&once, Gate::Start, owner());
    refused(&once, again)
}

fn owner_conflict() -> Exhibit {
    let written = Written { movements: 1, entries_posted: 1, entries_removed: 0, amount: usd(1_180) };
    let state = until(planned(plan()), |effect| *effect == Effect::TakeBackup);
    refused(&state, Event::BooksWritten { stream: "payments".into(), by: Side::New, written, at: now() })
}

/// Not a refusal: the machine keeps it as the first problem of a rollback that cannot prove itself.
fn rollback_not_equal() -> Exhibit {
    let asked = PlannedCheck { moment: Moment::RolledBack, check: CheckId::BalancesEqualBaseline };
    let state = until(planned(Plan { checks: vec![asked], ..plan() }), |effect| matches!(effect, Effect::Fence { .. }));
    let mut state = take(&state, Event::RollBackRequested { by: owner(), reason: "numbers look odd".into(), at: now() });
    while let Some(effect) = next_effect(&state) {
        let (begun, effect_id) = intent(&state, &effect);
        let mut report = Report::plain().gaining(proof(&effect));
        if effect == Effect::VerifyRollback {
            report.checks =
                vec![CheckResult::new(CheckId::BalancesEqualBaseline, Verdict::Fail, "1,203 of 1,204 entries", "1,204 entries")];
        }
        state = take(&begun, Event::EffectDone { effect_id, outcome: Outcome::Done { report }, at: now() });
    }
    Exhibit::stored(state.problems.first().expect("the rollback kept its problem"))
}

fn event_unknown() -> Exhibit {
    Exhibit::of(Event::from_stored(&json!({ "format": 1, "kind": "teleported", "body": {} })).expect_err("no such kind"))
}

fn event_format() -> Exhibit {
    Exhibit::of(Event::from_stored(&json!({ "format": 2, "kind": "restarted", "body": {} })).expect_err("no such format"))
}

fn journal_impossible() -> Exhibit {
    Exhibit::of(fold([&Event::Restarted { at: now() }]).expect_err("a journal begins with a plan"))
}
