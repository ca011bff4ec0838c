//! Old and new connector agree but for the changes that were announced.

use super::ShadowResult;
use crate::check::{CheckId, CheckResult, Verdict};

/// `result`: None when the run did not come to its end.
pub fn shadow_unexplained_zero(result: Option<&ShadowResult>) -> CheckResult {
    let id = CheckId::ShadowUnexplainedZero;
    let Some(result) = result else {
        return CheckResult::inconclusive(id, "the shadow run did not come to its end");
    };
    let all = result.same + result.expected + result.unexplained;
    if all == 0 {
        return CheckResult::inconclusive(id, "there was nothing to compare");
    }
    let verdict = if result.unexplained == 0 && result.amount.is_zero() {
        Verdict::Pass
    } else {
        Verdict::Fail
    };
    let found = format!(
        "{} same, {} as announced, {} unexplained",
        result.same, result.expected, result.unexplained
    );
    CheckResult::new(id, verdict, found, "0 unexplained")
        .differing_by(result.amount)
        .counting(all, all, result.unexplained)
        .detailing(result.findings.clone())
}
