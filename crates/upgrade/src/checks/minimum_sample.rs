//! Enough movements of enough kinds were looked at. Too few is never a pass.

use crate::check::{CheckId, CheckResult, Verdict};
use std::collections::BTreeSet;

/// `kinds_needed`: the kinds that this company has; `movements_needed`: how many movements at least.
pub fn minimum_sample(seen: u64, kinds_seen: &BTreeSet<String>, movements_needed: u64, kinds_needed: &BTreeSet<String>) -> CheckResult {
    let missing: Vec<String> = kinds_needed
        .difference(kinds_seen)
        .map(|kind| format!("No {kind} was seen."))
        .collect();
    let enough = seen >= movements_needed && seen > 0 && missing.is_empty();
    let verdict = if enough { Verdict::Pass } else { Verdict::Inconclusive };
    let found = format!("{seen} movements of {} kinds", kinds_seen.len());
    let expected = format!("at least {} movements of {} kinds", movements_needed.max(1), kinds_needed.len());
    CheckResult::new(CheckId::MinimumSample, verdict, found, expected)
        .counting(seen, movements_needed, missing.len() as u64)
        .detailing(missing)
}
