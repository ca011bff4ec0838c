//! Nothing that will be written or taken out lies in a closed period.

use crate::check::{CheckId, CheckResult, Verdict};
use jiff::civil::Date;

/// `closed_until`: the last closed day; None when no period is closed. `dates`: posting dates of every planned change.
pub fn period_open(closed_until: Option<Date>, dates: &[Date]) -> CheckResult {
    let id = CheckId::PeriodOpen;
    let all = dates.len() as u64;
    let Some(closed) = closed_until else {
        return CheckResult::new(id, Verdict::Pass, "no period is closed", "open").counting(all, all, 0);
    };
    let mut inside: Vec<Date> = dates.iter().copied().filter(|date| *date <= closed).collect();
    inside.sort();
    inside.dedup();
    let wrong = dates.iter().filter(|date| **date <= closed).count() as u64;
    let verdict = if wrong == 0 { Verdict::Pass } else { Verdict::Fail };
    let details = inside
        .iter()
        .map(|date| format!("{date} lies in the period that was closed on {closed}."))
        .collect();
    CheckResult::new(id, verdict, format!("{wrong} changes in the closed period"), "none")
        .counting(all, all, wrong)
        .detailing(details)
}
