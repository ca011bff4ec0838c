//! A restored backup has the totals, counts and fingerprint of the books at the moment of the snapshot.

use super::{Totals, totals_differences};
use crate::check::{CheckId, CheckResult, Verdict};

pub fn restore_totals_equal(source: &Totals, restored: Option<&Totals>) -> CheckResult {
    let id = CheckId::RestoreTotalsEqual;
    let Some(restored) = restored else {
        return CheckResult::inconclusive(id, "the restored books could not be opened and read to the end");
    };
    let details = totals_differences(source, restored);
    let wrong = details.len() as u64;
    let verdict = if wrong == 0 { Verdict::Pass } else { Verdict::Fail };
    CheckResult::new(
        id,
        verdict,
        format!("{} entries, {wrong} differences", restored.entries),
        format!("{} entries, 0 differences", source.entries),
    )
    .counting(restored.entries, source.entries, wrong)
    .detailing(details)
}
