//! The clearing account holds what the processor owes, and every payout ties out.

use super::Payouts;
use crate::check::{CheckId, CheckResult, Verdict};
use ledger::Money;

/// `processor_owes`: the processor's balance, or the sum of its movements; None when it could not be asked.
/// `books`: the clearing account's balance at the same moment.
pub fn clearing_agrees(processor_owes: Option<Money>, books: Money, payouts: &Payouts) -> CheckResult {
    let id = CheckId::ClearingAgrees;
    let Some(owes) = processor_owes else {
        return CheckResult::inconclusive(id, "the processor's balance could not be read");
    };
    let difference = match books.minus(owes) {
        Ok(difference) => difference,
        Err(problem) => return CheckResult::new(id, Verdict::Fail, problem.what, owes.to_string()),
    };
    let wrong = payouts.looked_at.saturating_sub(payouts.agreeing);
    let verdict = if difference.is_zero() && wrong == 0 {
        Verdict::Pass
    } else {
        Verdict::Fail
    };
    let found = format!("{books}, {} of {} payouts tie out", payouts.agreeing, payouts.looked_at);
    CheckResult::new(id, verdict, found, owes.to_string())
        .differing_by(difference)
        .counting(payouts.looked_at, payouts.looked_at, wrong)
        .detailing(payouts.findings.clone())
}
