//! The rehearsal is recent and was about the records that will now be written.

use super::Rehearsal;
use crate::check::{CheckId, CheckResult, Verdict};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// A rehearsal older than this says nothing any more.
pub const LONGEST_AGE_HOURS: i64 = 24;

/// `records` and `kinds`: what the plan's shares hold now.
pub fn rehearsal_fresh(rehearsal: Option<&Rehearsal>, now: Timestamp, records: u64, kinds: &BTreeSet<String>) -> CheckResult {
    let id = CheckId::RehearsalFresh;
    let Some(rehearsal) = rehearsal else {
        return CheckResult::inconclusive(id, "there was no rehearsal");
    };
    let age = now.duration_since(rehearsal.at);
    let mut details = Vec::new();
    if age.is_negative() {
        return CheckResult::inconclusive(id, "the rehearsal lies in the future; the clock was changed");
    }
    if age.as_hours() >= LONGEST_AGE_HOURS {
        details.push(format!("It is {} hours old; it holds for {LONGEST_AGE_HOURS}.", age.as_hours()));
    }
    if rehearsal.records != records {
        details.push(format!("It saw {} records, now there are {records}.", rehearsal.records));
    }
    let news: Vec<&str> = kinds.difference(&rehearsal.kinds).map(String::as_str).collect();
    if !news.is_empty() {
        details.push(format!("It did not see: {}.", news.join(", ")));
    }
    let wrong = details.len() as u64;
    let verdict = if wrong == 0 { Verdict::Pass } else { Verdict::Fail };
    CheckResult::new(
        id,
        verdict,
        format!("{} hours ago, {} records", age.as_hours(), rehearsal.records),
        format!("less than {LONGEST_AGE_HOURS} hours ago, {records} records"),
    )
    .counting(rehearsal.records, records, wrong)
    .detailing(details)
}
