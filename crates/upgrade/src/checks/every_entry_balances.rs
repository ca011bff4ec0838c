//! Debits and credits of every entry are equal in every currency.

use crate::check::{CheckId, CheckResult, Verdict};
use ledger::Entry;

/// `entries`: everything that this stage posted or would post.
pub fn every_entry_balances(entries: &[Entry]) -> CheckResult {
    let id = CheckId::EveryEntryBalances;
    if entries.is_empty() {
        return CheckResult::not_applicable(id, "no entry was posted");
    }
    let details: Vec<String> = entries
        .iter()
        .filter_map(|entry| entry.balanced().err())
        .map(|off| format!("{} {}", off.what, off.why.join(" ")))
        .collect();
    let (all, wrong) = (entries.len() as u64, details.len() as u64);
    let verdict = if wrong == 0 { Verdict::Pass } else { Verdict::Fail };
    CheckResult::new(id, verdict, format!("{} of {all}", all - wrong), format!("{all} of {all}"))
        .counting(all, all, wrong)
        .detailing(details)
}
