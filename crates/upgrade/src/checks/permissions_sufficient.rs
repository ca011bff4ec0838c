//! Every permission that the new version needs was granted. More than that is listed, not refused.

use crate::check::{CheckId, CheckResult, Verdict};
use std::collections::BTreeSet;

/// `granted`: None when the provider did not say.
pub fn permissions_sufficient(needed: &[String], granted: Option<&[String]>) -> CheckResult {
    let id = CheckId::PermissionsSufficient;
    let Some(granted) = granted else {
        return CheckResult::inconclusive(id, "the provider did not say what was granted");
    };
    let needed: BTreeSet<&String> = needed.iter().collect();
    let granted: BTreeSet<&String> = granted.iter().collect();
    let missing: Vec<String> = needed.difference(&granted).map(|name| format!("{name} is missing.")).collect();
    let more = granted
        .difference(&needed)
        .map(|name| format!("{name} was granted but is not needed."));
    let (all, wrong) = (needed.len() as u64, missing.len() as u64);
    let verdict = if wrong == 0 { Verdict::Pass } else { Verdict::Fail };
    CheckResult::new(id, verdict, format!("{} of {all}", all - wrong), format!("{all} of {all}"))
        .counting(all, all, wrong)
        .detailing(missing.into_iter().chain(more).collect())
}
