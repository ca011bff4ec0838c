//! The shadow run: the new connector reads and computes, nothing is posted, every difference is named.
//!
//! It must never hold a handle that could write to the books: it opens them for reading and plans only.

use super::Undertaking;
use super::slices;
use crate::engine::Engine;
use crate::store::movement::Known;
use crate::store::upgrade as stored;
use crate::sync::Read;
use books::{BookEntry, EntryId};
use connector::ChangeKind;
use ledger::Problem;
use reconcile::{Aliases, DatedLine, ExpectedKind, ExpectedRule, PostedMovement, ProposedMovement, Record, Shadow};
use std::collections::{BTreeMap, BTreeSet};

/// Name under which the differences are kept.
pub const FACT: &str = "shadow";

/// The announced changes of a package in the form of the comparison.
pub fn rules(package: &connector::Package) -> Vec<ExpectedRule> {
    let Some(supersedes) = package.supersedes() else { return Vec::new() };
    supersedes
        .expected_changes
        .iter()
        .map(|change| ExpectedRule {
            id: change.id.clone(),
            kind: match change.kind {
                ChangeKind::Regrouped => ExpectedKind::Regrouped,
                ChangeKind::NewlyPosted => ExpectedKind::NewlyPosted,
                ChangeKind::NoLongerPosted => ExpectedKind::NoLongerPosted,
            },
            streams: change.streams.iter().cloned().collect(),
            roles: change.roles.clone(),
            keeps: change.keeps.clone(),
        })
        .collect()
}

/// Compares what stands in the books with what the new connector would post, record by record.
pub async fn compare(engine: &Engine, u: &Undertaking, read: &Read) -> Result<Shadow, Problem> {
    let known = engine.known(&u.connection.id).await?;
    let pairs = slices::pairs(u, read, &known)?;
    let book = engine.books(&u.company).await?;
    let ids: Vec<EntryId> = known.entries.keys().map(|id| EntryId(id.clone())).collect();
    let in_books: BTreeMap<String, BookEntry> = book.entries_by_id(&ids).await?.into_iter().map(|e| (e.id.0.clone(), e)).collect();

    let mut old = Vec::new();
    let mut new = Vec::new();
    let mut covered: BTreeSet<&str> = BTreeSet::new();
    for pair in &pairs {
        let record = Record { stream: pair.draft.stream.clone(), id: pair.draft.record.clone() };
        covered.extend(pair.old.iter().map(String::as_str));
        let posted: Vec<DatedLine> = pair.old.iter().filter_map(|id| in_books.get(id)).flat_map(book_lines).collect();
        if !posted.is_empty() {
            old.push(PostedMovement { record: record.clone(), label: pair.draft.description.clone(), lines: posted });
        }
        let proposed: Vec<DatedLine> = pair.new.iter().flat_map(|planned| entry_lines(&planned.entry)).collect();
        if !proposed.is_empty() {
            new.push(ProposedMovement { record, label: pair.draft.description.clone(), lines: proposed });
        }
    }
    old.extend(only_old(u, &known, &in_books, &covered));
    let package = engine.package(&u.connection.connector, &u.to)?;
    // Pairs are made through the aliases already; what is left under an old name has no new one.
    let shadow = reconcile::shadow(&old, &new, &Aliases::new(), &rules(package), &u.connection.roles, u.company.currency)?;
    stored::keep_fact(&engine.pool, &u.id, FACT, &shadow).await?;
    Ok(shadow)
}

/// Entries of the old connector at or after the boundary that no record of the new one stands for.
fn only_old(u: &Undertaking, known: &Known, in_books: &BTreeMap<String, BookEntry>, covered: &BTreeSet<&str>) -> Vec<PostedMovement> {
    let mut instants: BTreeMap<&str, (jiff::Timestamp, &str, &str)> = BTreeMap::new();
    // A person chose the accounts of these; no connector is asked about them.
    let chosen = crate::holding::standing::chosen_entries(known);
    for identity in known.identities.values() {
        let at = instants.entry(identity.entry_id.as_str()).or_insert((identity.instant, &identity.stream, &identity.record));
        at.0 = at.0.min(identity.instant);
    }
    known
        .entries
        .values()
        .filter(|entry| entry.version == u.from && !covered.contains(entry.entry_id.as_str()) && !chosen.contains(entry.entry_id.as_str()))
        .filter_map(|entry| {
            let (instant, stream, record) = instants.get(entry.entry_id.as_str())?;
            if *instant < u.new_from {
                return None;
            }
            let book = in_books.get(&entry.entry_id)?;
            Some(PostedMovement {
                record: Record { stream: stream.to_string(), id: record.to_string() },
                label: book.description.clone(),
                lines: book_lines(book),
            })
        })
        .collect()
}

fn book_lines(entry: &BookEntry) -> Vec<DatedLine> {
    entry.lines.iter().map(|line| DatedLine { date: entry.date, account: line.account.clone(), amount: line.amount }).collect()
}

fn entry_lines(entry: &ledger::Entry) -> Vec<DatedLine> {
    entry.lines.iter().map(|line| DatedLine { date: entry.date, account: line.account.clone(), amount: line.amount }).collect()
}
