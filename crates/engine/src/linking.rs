//! Deposits that a person typed by hand: recognised, linked or held, never doubled.
//!
//! When a payout's money is already in the books by a person's own entry, the payout and every movement
//! it settles are linked to that entry instead of being posted. What is not certain is held. A person's
//! entry is never changed.

use crate::engine::Engine;
use crate::postings;
use crate::store::company::{Company, Connection};
use crate::store::movement::{self, Identity, KeyState};
use crate::sync::Read;
use books::Period;
use connector::Package;
use ledger::{EntryKey, Part, Problem, Role};
use reconcile::{Matched, TypedDeposit};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What linking found out in one run.
#[derive(Debug, Clone, Default)]
pub struct Links {
    pub linked: u64,
    /// Records that must wait for a person, with the reason.
    pub held: BTreeMap<String, String>,
}

/// How long before a payout a typed deposit may lie, in days; typed dates are often those of the statement.
const DAYS_AROUND: i32 = 7;

/// Looks for typed deposits among payouts that are not in the books yet.
pub async fn link_typed(engine: &Engine, company: &Company, connection: &Connection, package: &Package, read: &Read) -> Result<Links, Problem> {
    let Some(bank) = connection.roles.get(Role::Bank) else { return Ok(Links::default()) };
    let known = engine.known(&connection.id).await?;
    let parts: BTreeMap<&EntryKey, (&std::sync::Arc<ledger::Draft>, &Part)> = read.mapped.drafts.iter().flat_map(|d| d.parts.iter().map(move |p| (&p.key, (d, p)))).collect();

    let open: Vec<&connector::Settlement> =
        read.mapped.settlements.iter().filter(|s| known.holder(&s.key).is_none() && s.amount.minor > 0).collect();
    if open.is_empty() {
        return Ok(Links::default());
    }
    let first = open.iter().map(|s| s.date).min();
    let from = first.and_then(|d| d.checked_sub(jiff::Span::new().days(DAYS_AROUND)).ok());
    let book = engine.books(company).await?;
    let taken: BTreeSet<&str> = known.identities.values().filter(|i| i.state == KeyState::Linked).map(|i| i.entry_id.as_str()).collect();
    let deposits: Vec<TypedDeposit> = book
        .entries(Period { from, to: None })
        .await?
        .into_iter()
        .filter(|e| e.keys.is_empty() && !known.entries.contains_key(&e.id.0) && !taken.contains(e.id.0.as_str()))
        .flat_map(|e| {
            let date = e.date;
            let id = e.id.0.clone();
            let description = e.description.clone();
            e.lines
                .into_iter()
                .filter(|l| l.account == *bank && l.amount.minor > 0)
                .map(move |l| TypedDeposit { entry: id.clone(), account: l.account, date, amount: l.amount, description: description.clone() })
                .collect::<Vec<_>>()
        })
        .collect();
    if deposits.is_empty() {
        return Ok(Links::default());
    }
    let payouts: Vec<reconcile::Settlement> = open
        .iter()
        .map(|s| reconcile::Settlement {
            id: s.key.to_string(),
            date: s.date,
            amount: s.amount,
            fee: s.fee,
            returned: false,
            composed_of: Some(s.entries_sum),
        })
        .collect();

    let mut links = Links::default();
    let mut identities: BTreeMap<EntryKey, Identity> = BTreeMap::new();
    for found in reconcile::match_typed(&deposits, &payouts, bank) {
        let Some(settlement) = open.iter().find(|s| s.key.as_str() == found.settlement) else { continue };
        let members: Vec<EntryKey> = std::iter::once(settlement.key.clone()).chain(settlement.members.iter().cloned()).collect();
        let posted: Vec<&EntryKey> = members.iter().filter(|key| known.holder(key).is_some_and(|i| i.state == KeyState::Posted)).collect();
        match found.matched {
            Matched::Certain { entry } if posted.is_empty() => {
                for key in &members {
                    // A part that this version does not know by that key cannot be linked and is held below.
                    if let Some((draft, part)) = parts.get(key) {
                        identities.insert(
                            key.clone(),
                            Identity {
                                key: key.clone(),
                                state: KeyState::Linked,
                                entry_id: entry.clone(),
                                version: package.version().to_string(),
                                content: postings::content(part),
                                stream: draft.stream.clone(),
                                record: draft.record.clone(),
                                instant: part.instant,
                            },
                        );
                    }
                }
            }
            Matched::Certain { .. } => {
                let reason = format!(
                    "A deposit of {} was typed by hand around {}, but {} of the payments in it were posted already. Posting the payout too would count money twice.",
                    settlement.amount,
                    settlement.date,
                    posted.len()
                );
                links.held.insert(settlement.record.clone(), reason);
            }
            Matched::Ambiguous { candidates } => {
                let reason = format!("{} typed deposits of {} lie close to {}; a person has to say which one this payout is.", candidates.len(), settlement.amount, settlement.date);
                links.held.insert(settlement.record.clone(), reason.clone());
                for key in &settlement.members {
                    if let Some((draft, _)) = parts.get(key) {
                        if known.holder(key).is_none() {
                            links.held.insert(draft.record.clone(), reason.clone());
                        }
                    }
                }
            }
        }
    }
    if !identities.is_empty() {
        let rows: Vec<Identity> = identities.into_values().filter(|i| known.holder(&i.key).is_none()).collect();
        links.linked = rows.len() as u64;
        let mut tx = journal::begin(&engine.pool).await?;
        movement::put_identities(&mut tx, &connection.id, &rows).await?;
        let entries: BTreeSet<&str> = rows.iter().map(|i| i.entry_id.as_str()).collect();
        engine
            .journal_in(&mut tx, Some(&company.id), "movements.linked", json!({"connection": connection.id, "movements": rows.len(), "typed_entries": entries.len()}))
            .await?;
        tx.commit().await.map_err(|e| crate::store::failed("note links", &e))?;
    }
    Ok(links)
}
