//! Deposits that a person once typed by hand, recognised as payouts, so that they are linked and never doubled.
//!
//! Certain only when nothing else fits on either side; everything else is held for a person. Never decides by description.

use crate::tie_out::Settlement;
use jiff::civil::Date;
use ledger::{AccountId, Money};
use serde::{Deserialize, Serialize};

/// A line on the bank account that no connector wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedDeposit {
    /// The books' id of the entry.
    pub entry: String,
    pub account: AccountId,
    pub date: Date,
    /// As on the bank account: money that arrives is positive.
    pub amount: Money,
    pub description: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "match", rename_all = "snake_case")]
pub enum Matched {
    Certain {
        entry: String,
    },
    /// Held: a person chooses. Candidates by day, then id.
    Ambiguous {
        candidates: Vec<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    pub settlement: String,
    pub matched: Matched,
    /// In words, for the person who looks at it.
    pub reasons: Vec<String>,
}

/// Days after the payout's date within which a deposit may have been entered.
pub const LATEST_DAYS: i32 = 3;

/// The payouts for which at least one typed deposit fits; the others have none and can be posted.
pub fn match_typed(deposits: &[TypedDeposit], settlements: &[Settlement], bank: &AccountId) -> Vec<Match> {
    let fits = |deposit: &TypedDeposit, settlement: &Settlement| {
        let days = (deposit.date - settlement.date).get_days();
        deposit.account == *bank && deposit.amount == settlement.amount && !settlement.amount.is_zero() && (0..=LATEST_DAYS).contains(&days)
    };
    let mut matches = Vec::new();
    for settlement in settlements {
        let mut candidates: Vec<&TypedDeposit> = deposits.iter().filter(|deposit| fits(deposit, settlement)).collect();
        candidates.sort_by(|a, b| (a.date, &a.entry).cmp(&(b.date, &b.entry)));
        let Some(first) = candidates.first() else { continue };
        let rivals = settlements
            .iter()
            .filter(|other| other.id != settlement.id && fits(first, other))
            .count();
        if candidates.len() == 1 && rivals == 0 {
            matches.push(Match {
                settlement: settlement.id.clone(),
                matched: Matched::Certain {
                    entry: first.entry.clone(),
                },
                reasons: certain(first, settlement),
            });
        } else {
            let reasons = ambiguous(&candidates, rivals, settlement);
            let candidates = candidates.iter().map(|deposit| deposit.entry.clone()).collect();
            matches.push(Match {
                settlement: settlement.id.clone(),
                matched: Matched::Ambiguous { candidates },
                reasons,
            });
        }
    }
    matches
}

fn certain(deposit: &TypedDeposit, settlement: &Settlement) -> Vec<String> {
    let days = (deposit.date - settlement.date).get_days();
    vec![
        format!("Both are {}.", settlement.amount),
        format!(
            "\"{}\" was entered {days} days after the payout of {}.",
            deposit.description, settlement.date
        ),
        "No other deposit and no other payout fits.".into(),
    ]
}

fn ambiguous(candidates: &[&TypedDeposit], rivals: usize, settlement: &Settlement) -> Vec<String> {
    let mut reasons = vec![format!(
        "The payout of {} over {} fits {} deposits entered by hand.",
        settlement.date,
        settlement.amount,
        candidates.len()
    )];
    if rivals > 0 {
        reasons.push(format!("The first of them also fits {rivals} other payouts."));
    }
    reasons
}
