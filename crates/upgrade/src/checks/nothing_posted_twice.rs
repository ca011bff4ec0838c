//! No movement stands in the books more than once, under whichever of its keys.

use super::Accounted;
use crate::check::{CheckId, CheckResult, Verdict};

/// `movements`: every movement of the processor that the stage is about, with the entries that carry it.
pub fn nothing_posted_twice(movements: &[Accounted]) -> CheckResult {
    let doubled: Vec<String> = movements
        .iter()
        .filter(|movement| movement.entries > 1)
        .map(|movement| format!("{} is in the books {} times.", movement.movement, movement.entries))
        .collect();
    let (all, wrong) = (movements.len() as u64, doubled.len() as u64);
    let verdict = if wrong == 0 { Verdict::Pass } else { Verdict::Fail };
    CheckResult::new(CheckId::NothingPostedTwice, verdict, format!("{wrong} doubled"), "0 doubled")
        .counting(all, all, wrong)
        .detailing(doubled)
}
