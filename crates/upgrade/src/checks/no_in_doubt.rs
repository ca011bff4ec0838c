//! Every step so far is known to have happened or not.

use crate::check::{CheckId, CheckResult, Verdict};

/// `open`: steps with an intent and no outcome, in words; the upgrade's own and those of day-to-day posting.
pub fn no_in_doubt(open: &[String]) -> CheckResult {
    let wrong = open.len() as u64;
    let verdict = if wrong == 0 { Verdict::Pass } else { Verdict::Fail };
    CheckResult::new(CheckId::NoInDoubt, verdict, format!("{wrong} in doubt"), "0 in doubt")
        .counting(wrong, 0, wrong)
        .detailing(open.to_vec())
}
