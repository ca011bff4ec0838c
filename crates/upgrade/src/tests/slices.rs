//! How movements are shared out.

use super::*;
use crate::SliceName;
use proptest::prelude::*;

fn shared(candidates: &[Candidate], waves: u32) -> Vec<crate::Slice> {
    slices(candidates, at(0), 12, waves, Currency::of("USD").unwrap()).unwrap()
}

#[test]
fn the_canary_is_one_recent_quiet_day_with_most_kinds_and_at_most_twelve_movements() {
    let mut all = candidates(24 * 20);
    let last = all.last().unwrap().date;
    let telling = last.checked_sub(3.days()).unwrap();
    for candidate in all.iter_mut().filter(|candidate| candidate.date == telling).skip(20) {
        candidate.kind = "refund".into();
    }
    let canary = &shared(&all, 2)[0];
    assert_eq!((canary.day, canary.count), (Some(telling), 12));
    let kinds: std::collections::BTreeSet<&str> = all
        .iter()
        .filter(|candidate| canary.records.contains(&candidate.record))
        .map(|candidate| candidate.kind.as_str())
        .collect();
    assert!(kinds.contains("refund") && kinds.len() == 4);
}

#[test]
fn of_equal_days_the_quieter_one_is_the_canary() {
    let mut all = candidates(24 * 5);
    let dates: Vec<_> = all.iter().map(|candidate| candidate.date).collect();
    let quiet = dates[60];
    let mut kept = 0;
    all.retain(|candidate| {
        kept += i32::from(candidate.date == quiet);
        candidate.date != quiet || kept <= 6
    });
    // Leave the first and last day, which are not whole, out of the running.
    let (first, last) = (dates[0], dates[dates.len() - 1]);
    all.retain(|candidate| candidate.date != first && candidate.date != last);
    assert_eq!(shared(&all, 2)[0].day, Some(quiet));
}

#[test]
fn what_comes_before_the_boundary_belongs_to_no_share_and_what_arrives_later_to_the_last() {
    let plan = plan();
    let record = |name: &str| RecordRef {
        stream: "payments".into(),
        record: name.into(),
    };
    assert_eq!(plan.slice_of(&record("p_old"), at(-1)), None);
    assert_eq!(plan.slice_of(&record("p_late"), at(10_000_000)), Some(SliceName::Wave(2)));
    let canary = plan.slice(SliceName::Canary).unwrap();
    assert_eq!(plan.slice_of(&canary.records[0], at(0)), Some(SliceName::Canary));
}

#[test]
fn no_movement_at_all_makes_empty_shares() {
    let none = shared(&[], 2);
    assert_eq!(none.iter().map(|slice| slice.count).collect::<Vec<_>>(), [0, 0, 0]);
    assert_eq!(Plan { slices: none, ..plan() }.checked(), Ok(()));
}

#[test]
fn a_plan_that_cannot_be_carried_out_is_refused_with_every_finding() {
    let bad = Plan {
        company: " ".into(),
        to_version: "1".into(),
        streams: vec!["a".into(), "a".into()],
        slices: Vec::new(),
        watch_days: 0,
        ..plan()
    };
    assert_eq!(bad.checked().unwrap_err().why.len(), 5);
}

#[test]
fn what_changed_since_the_plan_is_named_with_old_and_new() {
    let now = BTreeMap::from([("books version".to_string(), "5.0".to_string())]);
    let drift = plan().drift(&now);
    assert_eq!(
        (drift.len(), drift[0].planned.as_deref(), drift[0].now.as_deref()),
        (1, Some("4.13"), Some("5.0"))
    );
    assert_ne!(plan().plan_hash(), Plan { observed: now, ..plan() }.plan_hash());
}

proptest! {
    #[test]
    fn every_movement_is_in_exactly_one_share_whatever_the_order(
        instants in proptest::collection::vec(-50_i64..400, 0..120), waves in 1_u32..5, turn in 0_usize..50,
    ) {
        let mut all: Vec<Candidate> = instants
            .iter()
            .enumerate()
            .map(|(number, hour)| {
                let instant = at(hour * 3_600);
                Candidate {
                    record: RecordRef { stream: "payments".into(), record: format!("p_{number}") },
                    kind: format!("kind {}", number % 4),
                    instant,
                    date: instant.to_zoned(jiff::tz::TimeZone::UTC).date(),
                    amount: usd(100),
                }
            })
            .collect();
        let shares = shared(&all, waves);
        let plan = Plan { slices: shares.clone(), ..plan() };
        let mut counts: BTreeMap<SliceName, u64> = BTreeMap::new();
        for candidate in &all {
            if let Some(name) = plan.slice_of(&candidate.record, candidate.instant) {
                *counts.entry(name).or_default() += 1;
            } else {
                prop_assert!(candidate.instant < plan.new_from);
            }
        }
        for share in &shares {
            prop_assert_eq!(counts.get(&share.name).copied().unwrap_or(0), share.count);
        }
        let len = all.len().max(1);
        all.rotate_left(turn % len);
        prop_assert_eq!(shared(&all, waves), shares);
    }
}
