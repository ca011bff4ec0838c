//! Which entries a mapping leads to, given what the books already hold. Pure planning, no effects.
//!
//! It must never plan a key twice, touch a closed period, or let a movement disappear: every part ends
//! posted, already held, not this connector's, or on hold with its reason.

use crate::changes::{PlannedEntry, PlannedKey};
use crate::store::movement::{Hold, KeyState, Known};
use jiff::Timestamp;
use jiff::civil::Date;
use ledger::{Draft, EntryKey, Part, Problem, RoleMap};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// What a mapping leads to.
#[derive(Debug, Clone, Default)]
pub struct Postings {
    pub entries: Vec<PlannedEntry>,
    pub holds: Vec<Hold>,
    /// Parts already in the books.
    pub already: u64,
    /// Parts that another connector owns by their instant.
    pub elsewhere: u64,
}

/// Who may post a part, by the movement's own instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    Mine,
    Elsewhere,
    /// Nobody may post it now; the words say why.
    Hold(&'static str, String),
}

/// Digest of what a part would write, to notice a record that changed after it was posted.
pub fn content(part: &Part) -> String {
    let mut hash = Sha256::new();
    hash.update(part.date.to_string());
    let mut lines: Vec<(&str, i64, &str)> = part.lines.iter().map(|l| (l.role.name(), l.amount.minor, l.amount.currency.code())).collect();
    lines.sort();
    for (role, minor, currency) in lines {
        hash.update(format!("|{role}|{minor}|{currency}"));
    }
    hex::encode(&hash.finalize()[..16])
}

/// The first moment of the day on which the books are open again, if the part's day is closed.
fn is_closed(part: &Part, closed_through: Option<Date>) -> bool {
    closed_through.is_some_and(|closed| part.date <= closed)
}

/// Plans the entries of `drafts`. `holder` says which entry of the books holds a key already.
///
/// Errors: `E-ROLE-UNBOUND` and other faults of the role map, which concern every draft.
pub fn plan(
    drafts: &[Arc<Draft>],
    version: &str,
    known: &Known,
    roles: &RoleMap,
    closed_through: Option<Date>,
    counts_as_posted: impl Fn(&EntryKey) -> bool,
    route: impl Fn(&Draft, &Part) -> Route,
) -> Result<Postings, Problem> {
    let mut postings = Postings::default();
    for draft in drafts {
        // On most days nearly everything is posted already.
        if draft.parts.iter().all(|part| counts_as_posted(&part.key)) {
            postings.already += draft.parts.len() as u64;
            postings.holds.extend(draft.parts.iter().filter_map(|part| changed_since(draft, part, known)));
            continue;
        }
        let mut mine: Draft = Draft { parts: Vec::new(), ..Draft::clone(draft) };
        let mut already = Vec::new();
        for part in &draft.parts {
            if counts_as_posted(&part.key) {
                postings.already += 1;
                already.push(part.key.clone());
                mine.parts.push(part.clone());
                postings.holds.extend(changed_since(draft, part, known));
                continue;
            }
            match route(draft, part) {
                Route::Elsewhere => postings.elsewhere += 1,
                Route::Hold(code, reason) => postings.holds.push(hold(draft, part, code, reason)),
                Route::Mine if is_closed(part, closed_through) => {
                    let reason = format!("Its day {} lies in a period that is closed in the books.", part.date);
                    postings.holds.push(hold(draft, part, "period-closed", reason));
                }
                Route::Mine => mine.parts.push(part.clone()),
            }
        }
        for entry in mine.entries(roles, |key| already.contains(key))? {
            let keys = entry
                .covers
                .iter()
                .filter_map(|key| mine.parts.iter().find(|part| part.key == *key))
                .map(|part| PlannedKey {
                    key: part.key.clone(),
                    content: content(part),
                    stream: draft.stream.clone(),
                    record: draft.record.clone(),
                    instant: part.instant,
                })
                .collect();
            postings.entries.push(PlannedEntry { entry, version: version.to_string(), keys });
        }
    }
    Ok(postings)
}

fn hold(draft: &Draft, part: &Part, code: &str, reason: String) -> Hold {
    let minor = part.lines.iter().filter(|l| l.amount.minor > 0).map(|l| l.amount.minor).sum();
    Hold { stream: draft.stream.clone(), record: draft.record.clone(), reason_code: code.to_string(), reason, instant: part.instant, minor: Some(minor) }
}

/// A record whose posted part now says something else is never corrected silently.
fn changed_since(draft: &Draft, part: &Part, known: &Known) -> Option<Hold> {
    let identity = known.identities.get(&part.key)?;
    match identity.state {
        KeyState::Linked | KeyState::Excluded => None,
        // A person chose its accounts; the rules have nothing to compare with.
        KeyState::Posted if identity.content.is_empty() => None,
        KeyState::Posted if identity.content == content(part) => None,
        KeyState::Posted => Some(hold(
            draft,
            part,
            "changed-after-posting",
            format!("\"{}\" of {} was posted, and the processor has changed it since. The posted entry is left as it is.", draft.description, part.date),
        )),
    }
}

/// Whether a movement belongs to the connector that owns everything from `boundary` on.
pub fn is_new(instant: Timestamp, boundary: Timestamp) -> bool {
    instant >= boundary
}
