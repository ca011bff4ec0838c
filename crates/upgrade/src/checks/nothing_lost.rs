//! Every movement is posted, linked, held with a reason, or excluded by a rule.

use super::{Accounted, Otherwise};
use crate::check::{CheckId, CheckResult, Verdict};

pub fn nothing_lost(movements: &[Accounted]) -> CheckResult {
    let lost: Vec<String> = movements
        .iter()
        .filter(|movement| movement.entries == 0 && !accounted_for(movement))
        .map(|movement| format!("{} is neither in the books nor linked, held or excluded.", movement.movement))
        .collect();
    let (all, wrong) = (movements.len() as u64, lost.len() as u64);
    let verdict = if wrong == 0 { Verdict::Pass } else { Verdict::Fail };
    let held = movements
        .iter()
        .filter(|movement| matches!(movement.otherwise, Some(Otherwise::Held { .. })))
        .count();
    let found = if held == 0 {
        format!("{wrong} lost")
    } else {
        format!("{wrong} lost, {held} held")
    };
    CheckResult::new(CheckId::NothingLost, verdict, found, "0 lost")
        .counting(all, all, wrong)
        .detailing(lost)
}

/// A hold without a reason, or an exclusion without a rule, is no account of anything.
fn accounted_for(movement: &Accounted) -> bool {
    match &movement.otherwise {
        None => false,
        Some(Otherwise::Linked) => true,
        Some(Otherwise::Held { reason }) => !reason.trim().is_empty(),
        Some(Otherwise::Excluded { rule }) => !rule.trim().is_empty(),
    }
}
