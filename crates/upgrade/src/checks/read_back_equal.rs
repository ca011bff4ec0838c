//! What the accounting app reads is exactly what was posted: day, text, accounts, amounts.
//!
//! The order of lines and their memos are the app's own affair.

use crate::check::{CheckId, CheckResult, Verdict};
use ledger::{AccountId, Entry, Line};
use std::collections::BTreeMap;

/// `read`: every entry that the books hold under a key of `posted`.
pub fn read_back_equal(posted: &[Entry], read: &[Entry]) -> CheckResult {
    let id = CheckId::ReadBackEqual;
    if posted.is_empty() {
        return CheckResult::not_applicable(id, "no entry was posted");
    }
    let mut found: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in read {
        found.entry(entry.key.as_str()).or_default().push(entry);
    }
    let details: Vec<String> = posted
        .iter()
        .filter_map(|entry| finding(entry, found.get(entry.key.as_str()).map_or(&[], Vec::as_slice)))
        .collect();
    let (all, wrong) = (posted.len() as u64, details.len() as u64);
    let verdict = if wrong == 0 { Verdict::Pass } else { Verdict::Fail };
    CheckResult::new(id, verdict, format!("{} of {all}", all - wrong), format!("{all} of {all}"))
        .counting(all, all, wrong)
        .detailing(details)
}

fn finding(entry: &Entry, read: &[&Entry]) -> Option<String> {
    let name = format!("{} \"{}\"", entry.date, entry.description);
    match read {
        [] => Some(format!("{name} is not in the books.")),
        [one] if one.date != entry.date => Some(format!("{name} is in the books under {}.", one.date)),
        [one] if lines(one) != lines(entry) => Some(format!("{name} has other accounts or amounts in the books.")),
        [one] if one.description != entry.description || one.reference != entry.reference => {
            Some(format!("{name} has another text in the books: \"{}\".", one.description))
        }
        [_] => None,
        [_, ..] => Some(format!("{name} is in the books {} times.", read.len())),
    }
}

fn lines(entry: &Entry) -> Vec<(&AccountId, i64, &str)> {
    let mut lines: Vec<(&AccountId, i64, &str)> = entry
        .lines
        .iter()
        .map(|Line { account, amount, memo: _ }| (account, amount.minor, amount.currency.code()))
        .collect();
    lines.sort();
    lines
}
