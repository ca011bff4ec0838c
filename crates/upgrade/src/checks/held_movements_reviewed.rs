//! A person has looked at every movement that is held.

use super::Held;
use crate::check::{CheckId, CheckResult, Verdict};

/// Not reviewed is inconclusive: it waits for a person and nothing is wrong yet.
pub fn held_movements_reviewed(held: &[Held]) -> CheckResult {
    let open: Vec<String> = held
        .iter()
        .filter(|movement| movement.reviewed_by.is_none())
        .map(|movement| format!("{}: {}", movement.movement, movement.reason))
        .collect();
    let (all, wrong) = (held.len() as u64, open.len() as u64);
    let verdict = if wrong == 0 { Verdict::Pass } else { Verdict::Inconclusive };
    CheckResult::new(
        CheckId::HeldMovementsReviewed,
        verdict,
        format!("{} of {all} reviewed", all - wrong),
        format!("{all} of {all} reviewed"),
    )
    .counting(all, all, wrong)
    .detailing(open)
}
