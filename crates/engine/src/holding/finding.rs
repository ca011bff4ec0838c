//! One held movement with everything a person needs to answer it: its draft, the keys an answer would claim, and
//! which answers are possible.
//!
//! It only reads. Whatever cannot be answered says why, in words.

use super::{AFTER_ANSWER, CHANGED, E_HOLD_ANSWER, hold_id};
use crate::changes::{PlannedEntry, PlannedKey};
use crate::companies::zone_of;
use crate::engine::Engine;
use crate::postings::{self, Route};
use crate::store::answer::Answered;
use crate::store::company::{Company, Connection};
use crate::store::movement::{self, Hold, KeyState, Known};
use crate::sync::Read;
use connector::{HoldReason, Package};
use jiff::civil::Date;
use ledger::{Draft, EntryKey, Money, Part, Problem};
use std::sync::Arc;

/// A movement that waits for a person.
#[derive(Debug, Clone)]
pub struct HeldMovement {
    pub id: String,
    pub hold: Hold,
    /// The connector version that holds it.
    pub version: String,
    /// What kind of record it is, in the package's words.
    pub title: String,
    pub date: Date,
    pub amount: Option<Money>,
    /// The whole record as the rules read it; None where they do not know it.
    pub draft: Option<Arc<Draft>>,
    /// The keys that an answer claims.
    pub keys: Vec<PlannedKey>,
    /// What the rules would post. Empty where they do not know it or may not.
    pub entries: Vec<PlannedEntry>,
    /// Payments that are in it, and not in the books by themselves.
    pub members: Vec<PlannedKey>,
    /// Answers that cannot be given, with the reason.
    pub refused: Vec<(Answered, String)>,
}

impl HeldMovement {
    /// True where a person has to say which accounts the movement belongs to.
    pub fn needs_lines(&self) -> bool {
        self.draft.is_none()
    }

    pub fn refusal(&self, answer: Answered) -> Option<&str> {
        self.refused
            .iter()
            .find(|(refused, _)| *refused == answer)
            .map(|(_, why)| why.as_str())
    }
}

impl Engine {
    /// Everything that the connector in use holds, oldest first.
    pub async fn held_movements(&self, company: &Company, connection: &Connection) -> Result<Vec<HeldMovement>, Problem> {
        let version = self.version_now(connection).await?;
        let holds = movement::holds(&self.pool, &connection.id, &version).await?;
        if holds.is_empty() {
            return Ok(Vec::new());
        }
        let package = self.package(&connection.connector, &version)?;
        let read = self.read_mapped(company, connection, package).await?;
        let known = self.known(&connection.id).await?;
        let standing = self.standing_answers(connection).await?;
        let found = Found {
            company,
            connection,
            package,
            read: &read,
            known: &known,
        };
        holds
            .into_iter()
            .filter(|hold| !standing.answers(hold))
            .map(|hold| found.movement(hold))
            .collect()
    }

    /// The held movement with this id. Errors: `E-HOLD-ANSWER` when it is not held (any more).
    pub async fn held_movement(&self, company: &Company, connection: &Connection, id: &str) -> Result<HeldMovement, Problem> {
        self.held_movements(company, connection)
            .await?
            .into_iter()
            .find(|held| held.id == id)
            .ok_or_else(not_held)
    }
}

pub(super) fn not_held() -> Problem {
    Problem::new(
        E_HOLD_ANSWER,
        "This payment is not held any more.",
        "It was posted or settled meanwhile.",
        "Look at the list again.",
    )
}

struct Found<'a> {
    company: &'a Company,
    connection: &'a Connection,
    package: &'a Package,
    read: &'a Read,
    known: &'a Known,
}

impl Found<'_> {
    fn movement(&self, hold: Hold) -> Result<HeldMovement, Problem> {
        let mapped = &self.read.mapped;
        let draft = mapped
            .drafts
            .iter()
            .find(|d| d.stream == hold.stream && d.record == hold.record)
            .cloned();
        let keys = match &draft {
            Some(draft) => self.parts(draft, &hold).into_iter().map(|part| key(draft, part)).collect(),
            None => self.keys_of_unknown(&hold)?,
        };
        let date = match draft
            .iter()
            .flat_map(|d| &d.parts)
            .find(|part| keys.iter().any(|k: &PlannedKey| k.key == part.key))
        {
            Some(part) => part.date,
            None => hold.instant.to_zoned(zone_of(self.company)?).date(),
        };
        let mut held = HeldMovement {
            id: hold_id(&self.connection.id, &hold),
            version: self.package.version().to_string(),
            title: self
                .package
                .stream(&hold.stream)
                .map_or_else(|| hold.stream.clone(), |stream| stream.title().to_string()),
            date,
            amount: hold.minor.map(|minor| Money::new(minor, self.company.currency)),
            members: self.members(&keys),
            entries: Vec::new(),
            refused: Vec::new(),
            draft,
            keys,
            hold,
        };
        self.possible(&mut held)?;
        Ok(held)
    }

    /// The parts of a known record that the hold is about.
    fn parts<'d>(&self, draft: &'d Draft, hold: &Hold) -> Vec<&'d Part> {
        let parts = draft.parts.iter().filter(|part| part.instant >= self.connection.sync_from);
        if hold.reason_code == CHANGED {
            let changed = |part: &&Part| {
                self.known
                    .identities
                    .get(&part.key)
                    .is_some_and(|i| i.state == KeyState::Posted && i.content != postings::content(part))
            };
            return parts.filter(changed).collect();
        }
        parts.filter(|part| self.known.holder(&part.key).is_none()).collect()
    }

    /// The keys of a record that no rule could read: as far as the connector knows them, else one of its own that
    /// nothing but this record can have.
    fn keys_of_unknown(&self, hold: &Hold) -> Result<Vec<PlannedKey>, Problem> {
        let Some(held) = self
            .read
            .mapped
            .held
            .iter()
            .find(|h| h.stream == hold.stream && h.record == hold.record)
        else {
            return Ok(Vec::new());
        };
        let shared = match held.reason_code {
            // Another movement has these keys: claiming them would swallow it.
            HoldReason::KeyTwice => true,
            HoldReason::UnknownKind
            | HoldReason::NotReadYet
            | HoldReason::OtherCurrency
            | HoldReason::Unreadable
            | HoldReason::NotAsExpected
            | HoldReason::Unbalanced => false,
        };
        let mut keys: Vec<EntryKey> = held
            .keys
            .iter()
            .filter(|key| !shared && self.known.holder(key).is_none())
            .cloned()
            .collect();
        if keys.is_empty() {
            keys.push(own_key(&self.connection.provider, hold)?);
        }
        Ok(keys
            .into_iter()
            .map(|key| PlannedKey {
                key,
                content: String::new(),
                stream: hold.stream.clone(),
                record: hold.record.clone(),
                instant: hold.instant,
            })
            .collect())
    }

    fn members(&self, keys: &[PlannedKey]) -> Vec<PlannedKey> {
        let Some(settlement) = self
            .read
            .mapped
            .settlements
            .iter()
            .find(|s| keys.iter().any(|key| key.key == s.key))
        else {
            return Vec::new();
        };
        let drafts = &self.read.mapped.drafts;
        settlement
            .members
            .iter()
            .filter(|member| self.known.holder(member).is_none())
            .filter_map(|member| {
                drafts
                    .iter()
                    .find_map(|d| d.parts.iter().find(|p| p.key == *member).map(|p| key(d, p)))
            })
            .collect()
    }

    fn possible(&self, held: &mut HeldMovement) -> Result<(), Problem> {
        let mut refuse = |answer: Answered, why: &str| held.refused.push((answer, why.to_string()));
        if held.keys.is_empty() {
            for answer in [Answered::Linked, Answered::Posted, Answered::Excluded] {
                refuse(
                    answer,
                    "It is not held any more; the list is brought up to date with the next fetch.",
                );
            }
            return Ok(());
        }
        match held.hold.reason_code.as_str() {
            CHANGED => {
                refuse(
                    Answered::Linked,
                    "Changeover posted it already; it cannot be another entry as well.",
                );
                refuse(
                    Answered::Posted,
                    "It was posted already, and a movement is posted only once. Correct it with an entry of your own.",
                );
                return Ok(());
            }
            code if code == HoldReason::OtherCurrency.name() => {
                refuse(
                    Answered::Posted,
                    "It is in another currency than these books, and nothing is converted.",
                );
            }
            code if code == HoldReason::KeyTwice.name() => {
                refuse(
                    Answered::Posted,
                    "Another movement has the same entry key, so posting this one could double or lose the other.",
                );
            }
            AFTER_ANSWER | _ => {}
        }
        if held.amount.is_none_or(|amount| amount.is_zero()) && held.draft.is_none() {
            refuse(
                Answered::Linked,
                "Its amount is not known, so no entry of the books can be recognised by it.",
            );
        }
        if let Some(draft) = &held.draft {
            let planned = self.plan(draft, &held.keys)?;
            match planned.entries.is_empty() {
                true => {
                    let why = planned.holds.first().map_or_else(
                        || "It comes to nothing, so there is nothing to post.".to_string(),
                        |h| h.reason.clone(),
                    );
                    held.refused.push((Answered::Posted, why));
                }
                false => held.entries = planned.entries,
            }
        } else if self.company.closed_through.is_some_and(|closed| held.date <= closed) {
            held.refused.push((
                Answered::Posted,
                format!("Its day {} lies in a period that is closed in the books.", held.date),
            ));
        }
        Ok(())
    }

    fn plan(&self, draft: &Arc<Draft>, keys: &[PlannedKey]) -> Result<postings::Postings, Problem> {
        postings::plan(
            std::slice::from_ref(draft),
            self.package.version(),
            self.known,
            &self.connection.roles,
            self.company.closed_through,
            |key| self.known.holder(key).is_some(),
            |_, part| {
                if keys.iter().any(|key| key.key == part.key) {
                    Route::Mine
                } else {
                    Route::Elsewhere
                }
            },
        )
    }
}

fn key(draft: &Draft, part: &Part) -> PlannedKey {
    PlannedKey {
        key: part.key.clone(),
        content: postings::content(part),
        stream: draft.stream.clone(),
        record: draft.record.clone(),
        instant: part.instant,
    }
}

/// A key that follows from the record alone, so that whoever answers, and how often, claims the same one.
fn own_key(provider: &str, hold: &Hold) -> Result<EntryKey, Problem> {
    use sha2::{Digest, Sha256};
    let plain = format!("{provider}:answered:{}:{}", hold.stream, hold.record);
    EntryKey::new(plain.clone())
        .or_else(|_| EntryKey::new(format!("{provider}:answered:{}", hex::encode(Sha256::digest(plain.as_bytes())))))
}
