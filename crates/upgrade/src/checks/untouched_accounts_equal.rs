//! Accounts that neither connector posts to keep their balances.

use super::balance_differences;
use crate::check::{CheckId, CheckResult, Verdict};
use ledger::{AccountId, Money};
use std::collections::{BTreeMap, BTreeSet};

/// `touched`: the accounts bound to any role of the connection.
pub fn untouched_accounts_equal(
    before: &BTreeMap<AccountId, Money>,
    after: &BTreeMap<AccountId, Money>,
    touched: &BTreeSet<AccountId>,
) -> CheckResult {
    let others = |balances: &BTreeMap<AccountId, Money>| -> BTreeMap<AccountId, Money> {
        balances
            .iter()
            .filter(|(account, _)| !touched.contains(account))
            .map(|(account, money)| (account.clone(), *money))
            .collect()
    };
    let (before, after) = (others(before), others(after));
    let details = balance_differences(&before, &after);
    let (all, wrong) = (before.len() as u64, details.len() as u64);
    let verdict = if wrong == 0 { Verdict::Pass } else { Verdict::Fail };
    CheckResult::new(
        CheckId::UntouchedAccountsEqual,
        verdict,
        format!("{wrong} of {all} changed"),
        "none changed",
    )
    .counting(all, all, wrong)
    .detailing(details)
}
