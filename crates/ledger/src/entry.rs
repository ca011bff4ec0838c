//! Journal entries: first as parts with roles (what a connector proposes), then bound to accounts.
//!
//! A movement is proposed as a [`Draft`] of one or more [`Part`]s, each with its own entry key. Parts
//! of one posting date that are known together are posted as one entry; a part that arrives later (a fee, say) is
//! posted alone under its own key. So an entry never has to be changed because a record grew.

use crate::account::AccountId;
use crate::key::EntryKey;
use crate::money::{Currency, Money};
use crate::problem::{Code, Problem};
use crate::role::{Role, RoleMap};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub const E_UNBALANCED: Code = Code("E-ENTRY-UNBALANCED");
pub const E_ROLE_UNBOUND: Code = Code("E-ROLE-UNBOUND");
pub const CODES: &[Code] = &[E_UNBALANCED, E_ROLE_UNBOUND];

/// One line of a proposal. Positive = debit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleLine {
    pub role: Role,
    pub amount: Money,
}

/// The smallest piece that is posted at most once: a sale, its fee, the opening of a dispute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub key: EntryKey,
    /// What it is, in words: "Sale", "Processing fee", "Payout". Shown to people.
    pub what: String,
    /// The movement's own instant at the processor; decides which connector owns it.
    pub instant: Timestamp,
    /// Posting date in the business's time zone.
    pub date: Date,
    pub lines: Vec<RoleLine>,
}

/// Everything one record says, as a connector proposes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The package's stream: "payments", "refunds", "payouts" …
    pub stream: String,
    /// The processor's id of the record, for people and look-ups.
    pub record: String,
    /// Text of the entry in the books.
    pub description: String,
    /// Short reference ("num" in GnuCash): a receipt or order number; may be empty.
    pub reference: String,
    pub parts: Vec<Part>,
}

/// One line of an entry. `amount` is in the entry's currency, which is also the account's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub account: AccountId,
    pub amount: Money,
    pub memo: String,
}

/// A balanced journal entry, ready to be posted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The first covered part's key: what the books carry as the entry's name.
    pub key: EntryKey,
    /// Every part's key, `key` first.
    pub covers: Vec<EntryKey>,
    /// The account whose line carries the key in the books (the clearing account when it has a line).
    pub key_account: AccountId,
    pub date: Date,
    pub description: String,
    pub reference: String,
    pub lines: Vec<Line>,
}

impl Draft {
    /// The entries made of those parts that are not yet posted, bound to accounts: one entry per
    /// posting date, parts in their order. Empty when every part is posted or comes to nothing. Lines of
    /// one role are added up, zero lines dropped; parts that cancel out are posted one by one.
    ///
    /// Errors: `E-ROLE-UNBOUND` (all missing roles at once), `E-ENTRY-UNBALANCED`, `E-MONEY-MIXED`.
    pub fn entries(&self, roles: &RoleMap, is_posted: impl Fn(&EntryKey) -> bool) -> Result<Vec<Entry>, Problem> {
        let mut by_date: Vec<(Date, Vec<&Part>)> = Vec::new();
        for part in self.parts.iter().filter(|part| !is_posted(&part.key)) {
            match by_date.iter_mut().find(|(date, _)| *date == part.date) {
                Some((_, parts)) => parts.push(part),
                None => by_date.push((part.date, vec![part])),
            }
        }
        let mut entries = Vec::new();
        for (date, parts) in by_date {
            match self.entry_of(date, &parts, roles)? {
                Some(entry) => entries.push(entry),
                // Parts that cancel out on one day (a payout and its return) still both happened: post each alone.
                None => {
                    for part in parts {
                        entries.extend(self.entry_of(date, &[part], roles)?);
                    }
                }
            }
        }
        Ok(entries)
    }

    fn entry_of(&self, date: Date, parts: &[&Part], roles: &RoleMap) -> Result<Option<Entry>, Problem> {
        let Some(first) = parts.first() else { return Ok(None) };
        let mut sums: Vec<RoleLine> = Vec::new();
        for line in parts.iter().flat_map(|part| &part.lines) {
            match sums.iter_mut().find(|sum| sum.role == line.role && sum.amount.currency == line.amount.currency) {
                Some(sum) => sum.amount = sum.amount.plus(line.amount)?,
                None => sums.push(line.clone()),
            }
        }
        sums.retain(|line| !line.amount.is_zero());
        if sums.is_empty() {
            return Ok(None);
        }
        let missing = roles.missing(sums.iter().map(|line| line.role));
        if !missing.is_empty() {
            let names: Vec<String> = missing.iter().map(|role| role.title().to_string()).collect();
            return Err(Problem::new(
                E_ROLE_UNBOUND,
                format!("\"{}\" cannot be posted.", self.description),
                format!("No account of the books is chosen for: {}.", names.join(", ")),
                "Choose an account for each of these roles, then try again.",
            ));
        }
        let lines: Vec<Line> = sums
            .iter()
            .filter_map(|sum| roles.get(sum.role).map(|account| Line { account: account.clone(), amount: sum.amount, memo: String::new() }))
            .collect();
        let carrier = sums.iter().position(|sum| sum.role == Role::Clearing).unwrap_or(0);
        let is_main = self.parts.first().is_some_and(|part| part.key == first.key);
        let entry = Entry {
            key: first.key.clone(),
            covers: parts.iter().map(|part| part.key.clone()).collect(),
            key_account: lines[carrier].account.clone(),
            date,
            description: if is_main { self.description.clone() } else { format!("{} ({})", self.description, first.what.to_lowercase()) },
            reference: self.reference.clone(),
            lines,
        };
        entry.balanced()?;
        Ok(Some(entry))
    }
}

impl Entry {
    /// Errors: `E-ENTRY-UNBALANCED`, naming the entry and the difference.
    pub fn balanced(&self) -> Result<(), Problem> {
        let mut sums: BTreeMap<Currency, Money> = BTreeMap::new();
        for line in &self.lines {
            let sum = sums.entry(line.amount.currency).or_insert(Money::zero(line.amount.currency));
            *sum = sum.plus(line.amount)?;
        }
        match sums.values().find(|sum| !sum.is_zero()) {
            None => Ok(()),
            Some(off) => Err(Problem::new(
                E_UNBALANCED,
                format!("The entry \"{}\" of {} does not balance.", self.description, self.date),
                format!("Its lines differ by {off}."),
                "Nothing is posted until the connector package's rule is corrected.",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::of("USD").unwrap())
    }

    fn part(key: &str, lines: &[(Role, i64)]) -> Part {
        Part {
            key: EntryKey::new(key).unwrap(),
            what: "Processing fee".into(),
            instant: "2026-01-05T12:00:00Z".parse().unwrap(),
            date: "2026-01-05".parse().unwrap(),
            lines: lines.iter().map(|(role, minor)| RoleLine { role: *role, amount: usd(*minor) }).collect(),
        }
    }

    fn draft() -> Draft {
        Draft {
            stream: "payments".into(),
            record: "p_1".into(),
            description: "Card payment".into(),
            reference: "".into(),
            parts: vec![
                part("square:p_1", &[(Role::Clearing, 10_000), (Role::Sales, -10_000)]),
                part("square:p_1:fee", &[(Role::Fees, 320), (Role::Clearing, -320)]),
            ],
        }
    }

    fn roles() -> RoleMap {
        let mut map = RoleMap::default();
        for role in [Role::Clearing, Role::Sales, Role::Fees] {
            map.bind(role, AccountId(role.name().into()));
        }
        map
    }

    #[test]
    fn parts_known_together_are_one_entry() {
        let entries = draft().entries(&roles(), |_| false).unwrap();
        assert_eq!(entries.len(), 1);
        let entry = &entries[0];
        assert_eq!(entry.covers.len(), 2);
        let clearing = entry.lines.iter().find(|l| l.account.0 == "clearing").unwrap();
        assert_eq!(clearing.amount, usd(9_680));
    }

    #[test]
    fn a_part_that_arrives_later_is_posted_alone_under_its_own_key() {
        let entries = draft().entries(&roles(), |key| key.as_str() == "square:p_1").unwrap();
        let entry = &entries[0];
        assert_eq!(entry.key.as_str(), "square:p_1:fee");
        assert_eq!(entry.lines.len(), 2);
        assert_eq!(entry.description, "Card payment (processing fee)");
        assert!(draft().entries(&roles(), |_| true).unwrap().is_empty());
    }

    #[test]
    fn parts_of_two_days_are_two_entries() {
        let mut late = draft();
        late.parts[1].date = "2026-01-06".parse().unwrap();
        let entries = late.entries(&roles(), |_| false).unwrap();
        assert_eq!(entries.iter().map(|e| e.date.to_string()).collect::<Vec<_>>(), ["2026-01-05", "2026-01-06"]);
    }

    #[test]
    fn parts_that_cancel_out_on_one_day_are_both_posted() {
        let mut returned = draft();
        returned.parts = vec![
            part("square:payout", &[(Role::Clearing, -10_000), (Role::Sales, 10_000)]),
            part("square:payout:returned", &[(Role::Clearing, 10_000), (Role::Sales, -10_000)]),
        ];
        let entries = returned.entries(&roles(), |_| false).unwrap();
        assert_eq!(entries.iter().map(|e| e.key.as_str()).collect::<Vec<_>>(), ["square:payout", "square:payout:returned"]);
    }

    #[test]
    fn every_role_without_an_account_is_named_at_once() {
        let problem = draft().entries(&RoleMap::default(), |_| false).unwrap_err();
        assert_eq!(problem.code, E_ROLE_UNBOUND);
        assert!(problem.why[0].contains("Processing fees") && problem.why[0].contains("Sales"));
    }

    #[test]
    fn an_entry_that_does_not_balance_is_refused_with_the_difference() {
        let mut bad = draft();
        bad.parts[1].lines[0].amount = usd(321);
        let problem = bad.entries(&roles(), |_| false).unwrap_err();
        assert_eq!(problem.code, E_UNBALANCED);
        assert!(problem.why[0].contains("0.01 USD"));
    }
}
