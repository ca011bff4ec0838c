//! The new sign-in belongs to the company that the connection was made for.

use super::Identity;
use crate::check::{CheckId, CheckResult, Verdict};

/// `found`: None when the provider did not say whose account it is.
pub fn same_company(expected: &Identity, found: Option<&Identity>) -> CheckResult {
    let id = CheckId::SameCompany;
    match found {
        None => CheckResult::inconclusive(id, "the provider did not say whose account this is"),
        Some(found) if found.id.is_empty() || expected.id.is_empty() => CheckResult::inconclusive(id, "the account has no id to compare"),
        // Names change and may be shared; the id decides.
        Some(found) => {
            let verdict = if found.id == expected.id { Verdict::Pass } else { Verdict::Fail };
            CheckResult::new(id, verdict, found.name.clone(), expected.name.clone()).counting(1, 1, u64::from(verdict == Verdict::Fail))
        }
    }
}
