//! What the plan was made from has not changed.

use crate::check::{CheckId, CheckResult, Verdict};
use crate::plan::Plan;
use std::collections::BTreeMap;

/// `now`: the plan's facts, observed again. One that could not be observed is inconclusive.
pub fn plan_still_holds(plan: &Plan, now: &BTreeMap<String, String>) -> CheckResult {
    let drift = plan.drift(now);
    let all = plan.observed.len() as u64;
    let unseen = drift.iter().filter(|fact| fact.now.is_none()).count();
    let details: Vec<String> = drift
        .iter()
        .map(|fact| match (&fact.planned, &fact.now) {
            (Some(planned), Some(now)) => format!("{}: planned {planned}, now {now}.", fact.fact),
            (Some(planned), None) => format!("{}: planned {planned}, not observed now.", fact.fact),
            (None, Some(now)) => format!("{}: not in the plan, now {now}.", fact.fact),
            (None, None) => format!("{}: unknown.", fact.fact),
        })
        .collect();
    let verdict = if drift.is_empty() {
        Verdict::Pass
    } else if unseen == drift.len() {
        Verdict::Inconclusive
    } else {
        Verdict::Fail
    };
    let wrong = drift.len() as u64;
    CheckResult::new(
        CheckId::PlanStillHolds,
        verdict,
        format!("{wrong} facts changed"),
        "0 facts changed",
    )
    .counting(all, all, wrong)
    .detailing(details)
}
