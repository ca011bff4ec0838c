//! Entries of the books that a held movement may already be: typed by a person, of the same amount, about the same day.
//!
//! It must never offer an entry that Changeover posted, for whichever account, nor one that another movement was
//! linked to. It proposes with reasons; a person decides.

use super::finding::HeldMovement;
use crate::engine::Engine;
use crate::store::company::{Company, Connection};
use crate::store::movement::KeyState;
use books::{BookEntry, Period};
use jiff::Span;
use jiff::civil::Date;
use ledger::{AccountId, Money, Problem, Role};
use std::collections::{BTreeMap, BTreeSet};

/// How far from the movement's day an entry may be dated.
pub const DAYS_AROUND: i32 = 7;

/// An entry that may be the movement, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The books' own id of the entry.
    pub entry: String,
    pub date: Date,
    pub description: String,
    /// The line that fits.
    pub account: AccountId,
    pub amount: Money,
    /// The line stands on the very account that the movement would be posted to.
    pub same_account: bool,
    /// Full sentences.
    pub reasons: Vec<String>,
    /// The entry goes through the clearing account, so the payments in a payout are posted on their own.
    pub through_clearing: bool,
}

impl Engine {
    /// The candidates of a held movement, the best first.
    pub async fn hold_candidates(
        &self,
        company: &Company,
        connection: &Connection,
        held: &HeldMovement,
    ) -> Result<Vec<Candidate>, Problem> {
        let wanted = wanted(held, connection);
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let mut ours: BTreeSet<String> = BTreeSet::new();
        for other in self.connections(company).await? {
            let known = self.known(&other.id).await?;
            ours.extend(known.entries.keys().cloned());
            ours.extend(
                known
                    .identities
                    .values()
                    .filter(|i| i.state == KeyState::Linked)
                    .map(|i| i.entry_id.clone()),
            );
        }
        let around = |days: i32| held.date.checked_add(Span::new().days(days)).ok();
        let book = self.books(company).await?;
        let entries = book
            .entries(Period {
                from: around(-DAYS_AROUND),
                to: around(DAYS_AROUND),
            })
            .await?;
        let names: BTreeMap<AccountId, String> = book.describe().await?.accounts.into_iter().map(|a| (a.id, a.full_name)).collect();
        let clearing = connection.roles.get(Role::Clearing);
        let mut found: Vec<Candidate> = entries
            .iter()
            .filter(|entry| entry.keys.is_empty() && !ours.contains(&entry.id.0))
            .filter_map(|entry| fitting(entry, &wanted, company, held, &names, clearing))
            .collect();
        found.sort_by_key(|c| (!c.same_account, (c.date - held.date).get_days().abs(), c.date, c.entry.clone()));
        Ok(found)
    }
}

/// Amounts by which an entry can be recognised, with the account where it is known.
fn wanted(held: &HeldMovement, connection: &Connection) -> Vec<(Option<AccountId>, i64)> {
    let mut sums: BTreeMap<AccountId, i64> = BTreeMap::new();
    let parts = held
        .draft
        .iter()
        .flat_map(|d| &d.parts)
        .filter(|part| held.keys.iter().any(|key| key.key == part.key));
    for line in parts.flat_map(|part| &part.lines) {
        if let Some(account) = connection.roles.get(line.role) {
            *sums.entry(account.clone()).or_default() += line.amount.minor;
        }
    }
    let mut wanted: Vec<(Option<AccountId>, i64)> = sums
        .into_iter()
        .filter(|(_, minor)| *minor != 0)
        .map(|(account, minor)| (Some(account), minor))
        .collect();
    if let Some(amount) = held.amount.filter(|amount| !amount.is_zero()) {
        wanted.push((None, amount.minor));
    }
    wanted
}

fn fitting(
    entry: &BookEntry,
    wanted: &[(Option<AccountId>, i64)],
    company: &Company,
    held: &HeldMovement,
    names: &BTreeMap<AccountId, String>,
    clearing: Option<&AccountId>,
) -> Option<Candidate> {
    let money = |line: &&books::BookLine| line.amount.currency == company.currency;
    let on_account = entry.lines.iter().filter(money).find(|line| {
        wanted
            .iter()
            .any(|(account, minor)| account.as_ref() == Some(&line.account) && *minor == line.amount.minor)
    });
    let by_amount = || {
        entry
            .lines
            .iter()
            .filter(money)
            .find(|line| wanted.iter().any(|(_, minor)| minor.abs() == line.amount.minor.abs()))
    };
    let (line, same_account) = match on_account {
        Some(line) => (line, true),
        None => (by_amount()?, false),
    };
    let account = names.get(&line.account).map_or("an account that is gone", String::as_str);
    let mut reasons = vec![match same_account {
        true => format!("The same amount on the same account: {} on \"{account}\".", line.amount),
        false => format!("The same amount, on another account: {} on \"{account}\".", line.amount),
    }];
    let days = (entry.date - held.date).get_days();
    reasons.push(match days {
        0 => "Dated the same day.".to_string(),
        1 => "Dated one day later.".to_string(),
        -1 => "Dated one day earlier.".to_string(),
        later if later > 0 => format!("Dated {later} days later."),
        earlier => format!("Dated {} days earlier.", earlier.unsigned_abs()),
    });
    reasons.push("Changeover did not post it, and no other movement is linked to it.".to_string());
    Some(Candidate {
        entry: entry.id.0.clone(),
        date: entry.date,
        description: entry.description.clone(),
        account: line.account.clone(),
        amount: line.amount,
        same_account,
        reasons,
        through_clearing: clearing.is_some_and(|clearing| entry.lines.iter().any(|line| line.account == *clearing)),
    })
}
