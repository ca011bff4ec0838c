//! After going back, balances, entries and their fingerprint equal the baseline.

use super::{Totals, totals_differences};
use crate::check::{CheckId, CheckResult, Verdict};

/// None where the books could not be read to the end.
pub fn balances_equal_baseline(baseline: &Totals, now: Option<&Totals>) -> CheckResult {
    let id = CheckId::BalancesEqualBaseline;
    let Some(now) = now else {
        return CheckResult::inconclusive(id, "the books could not be read to the end");
    };
    let details = totals_differences(baseline, now);
    let wrong = details.len() as u64;
    let verdict = if wrong == 0 { Verdict::Pass } else { Verdict::Fail };
    CheckResult::new(
        id,
        verdict,
        format!("{} entries, {wrong} differences", now.entries),
        format!("{} entries, 0 differences", baseline.entries),
    )
    .counting(now.entries, baseline.entries, wrong)
    .detailing(details)
}
