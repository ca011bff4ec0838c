//! Per account and day: what the processor's movements say, what our entries in the books say, what is left over.
//!
//! Only accounts that hold money are compared (clearing, bank, cash, held, transit): what a movement means for
//! income is the connector's choice. Entries that people typed are on neither side, and so are the movements
//! linked to them. A hold explains its own difference; nothing else does.

use crate::engine::Engine;
use crate::holding;
use crate::store::answer::{AnswerRow, Answered};
use crate::store::company::{Company, Connection};
use crate::store::movement::{self, KeyState};
use crate::sync::Read;
use crate::upgrading::Undertaking;
use crate::upgrading::verifying::Seen;
use jiff::civil::Date;
use ledger::{AccountId, Money, Problem, Role};
use std::collections::BTreeMap;

/// The roles whose accounts hold money.
const PLACES: &[Role] = &[Role::Clearing, Role::Bank, Role::Cash, Role::Held, Role::Transit];

/// One movement or entry of an account on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreedLine {
    pub title: String,
    pub processor: Option<Money>,
    pub books: Option<Money>,
    pub explained_by: Option<String>,
}

/// One account on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountDay {
    pub date: Date,
    pub role: Role,
    pub account: AccountId,
    pub processor: Money,
    pub books: Money,
    /// Books less processor.
    pub difference: Money,
    /// The part of the difference that no hold explains, without netting.
    pub unexplained: Money,
    pub lines: Vec<AgreedLine>,
}

/// Everything the comparison found for one connection.
pub struct Agreement {
    pub u: Undertaking,
    pub rows: Vec<AccountDay>,
    /// Sizes of all unexplained differences added up.
    pub remainder: Money,
    pub doubled: u64,
    pub lost: u64,
    pub movements: u64,
    pub findings: Vec<String>,
    pub tie_out: reconcile::TieOut,
    pub settlements: Vec<connector::Settlement>,
    pub holds: Vec<movement::Hold>,
    /// What people answered to movements that were held.
    pub answers: Vec<AnswerRow>,
    pub first: Option<Date>,
    pub last: Option<Date>,
}

impl Agreement {
    pub fn agrees(&self) -> bool {
        self.remainder.is_zero() && self.doubled == 0 && self.lost == 0 && self.tie_out.agrees()
    }
}

impl Engine {
    /// Compares a connection's books with everything its present connector has read. Reads only.
    pub async fn agreement(&self, company: &Company, connection: &Connection) -> Result<Agreement, Problem> {
        let (u, read, seen) = self.reconcile_company(company, connection).await?;
        let holds = movement::holds(&self.pool, &connection.id, &u.to).await?;
        let answered = self.standing_answers(connection).await?;
        let mut agreement = agreement(u, read, seen, holds, answered.rows())?;
        agreement.answers = answered.rows().to_vec();
        Ok(agreement)
    }
}

#[derive(Default)]
struct Pair {
    title: String,
    processor: Option<Money>,
    books: Option<Money>,
    explained_by: Option<String>,
}

fn agreement(u: Undertaking, read: std::sync::Arc<Read>, seen: Seen, holds: Vec<movement::Hold>, answered: &[AnswerRow]) -> Result<Agreement, Problem> {
    let answers: BTreeMap<(&str, &str), String> = answered
        .iter()
        .filter(|a| a.answer == Answered::Excluded)
        .map(|a| ((a.hold.stream.as_str(), a.hold.record.as_str()), format!("Left out by {}: {}", a.by, a.reason)))
        .collect();
    let currency = u.company.currency;
    let zero = Money::zero(currency);
    let mut role_of: BTreeMap<&AccountId, Role> = BTreeMap::new();
    for role in PLACES {
        if let Some(account) = u.connection.roles.get(*role) {
            role_of.entry(account).or_insert(*role);
        }
    }
    let held: BTreeMap<(&str, &str), &str> = holds
        .iter()
        .map(|h| ((h.stream.as_str(), h.record.as_str()), h.reason.as_str()))
        .collect();
    // Account, day, then the entry that holds the movement (or its record, whose parts of one day would be one entry).
    let mut rows: BTreeMap<(Date, Role), BTreeMap<String, Pair>> = BTreeMap::new();
    for draft in &read.mapped.drafts {
        for part in draft.parts.iter().filter(|p| p.instant >= u.connection.sync_from) {
            let holder = seen.known.holder(&part.key);
            if holder.is_some_and(|h| h.state == KeyState::Linked || holding::standing::chosen_by_person(h)) {
                continue;
            }
            let left_out = holder.is_some_and(|h| h.state == KeyState::Excluded);
            let group = holder.filter(|_| !left_out).map_or_else(|| format!("{}|{}", draft.stream, draft.record), |h| h.entry_id.clone());
            for line in &part.lines {
                let Some(role) = u.connection.roles.get(line.role).and_then(|account| role_of.get(account)) else {
                    continue;
                };
                let pair = rows.entry((part.date, *role)).or_default().entry(group.clone()).or_default();
                if pair.title.is_empty() {
                    pair.title = format!("{}: {}", part.what, draft.description);
                }
                pair.processor = Some(pair.processor.unwrap_or(zero).plus(line.amount)?);
                if left_out {
                    pair.explained_by = Some(answers.get(&(draft.stream.as_str(), draft.record.as_str())).cloned().unwrap_or_else(|| "A person left it out.".to_string()));
                }
                if holder.is_none() {
                    pair.explained_by = held
                        .get(&(draft.stream.as_str(), draft.record.as_str()))
                        .map(|reason| reason.to_string());
                }
            }
        }
    }
    // Where no rule knew the movement, what the person who posted it said stands for the processor.
    for said in holding::standing::said(&seen.known) {
        for line in &said.entry.lines {
            let Some(role) = role_of.get(&line.account) else { continue };
            let pair = rows.entry((said.entry.date, *role)).or_default().entry(said.entry_id.clone()).or_default();
            pair.processor = Some(pair.processor.unwrap_or(zero).plus(line.amount)?);
        }
    }
    for entry in seen.entries.iter().filter(|e| seen.known.entries.contains_key(&e.id.0)) {
        for line in &entry.lines {
            let Some(role) = role_of.get(&line.account) else { continue };
            let pair = rows.entry((entry.date, *role)).or_default().entry(entry.id.0.clone()).or_default();
            if pair.title.is_empty() {
                pair.title = entry.description.clone();
            }
            pair.books = Some(pair.books.unwrap_or(zero).plus(line.amount)?);
        }
    }
    let mut days = Vec::with_capacity(rows.len());
    let mut remainder = zero;
    for ((date, role), pairs) in rows {
        let Some(account) = u.connection.roles.get(role).cloned() else {
            continue;
        };
        let mut day = AccountDay {
            date,
            role,
            account,
            processor: zero,
            books: zero,
            difference: zero,
            unexplained: zero,
            lines: Vec::with_capacity(pairs.len()),
        };
        let mut open = zero;
        for pair in pairs.into_values() {
            let (processor, books) = (pair.processor.unwrap_or(zero), pair.books.unwrap_or(zero));
            day.processor = day.processor.plus(processor)?;
            day.books = day.books.plus(books)?;
            let off = books.minus(processor)?;
            if pair.explained_by.is_none() {
                open = open.plus(if off.minor < 0 { off.negated()? } else { off })?;
            }
            day.lines.push(AgreedLine {
                title: pair.title,
                processor: pair.processor,
                books: pair.books,
                explained_by: pair.explained_by,
            });
        }
        day.difference = day.books.minus(day.processor)?;
        day.unexplained = open;
        remainder = remainder.plus(open)?;
        days.push(day);
    }
    let dates = || days.iter().map(|day| day.date);
    Ok(Agreement {
        first: dates().min(),
        last: dates().max(),
        remainder,
        doubled: seen.verdict.doubled,
        lost: seen.verdict.lost,
        movements: seen.sightings.len() as u64,
        findings: seen.verdict.findings,
        tie_out: seen.tie_out,
        settlements: read.mapped.settlements.clone(),
        holds,
        answers: Vec::new(),
        rows: days,
        u,
    })
}
