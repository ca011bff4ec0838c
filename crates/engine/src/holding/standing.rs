//! What standing answers mean for reading, posting and reconciling: which keys they cover, which parts came later,
//! and what a person said the lines of an entry are.
//!
//! It must never post or change an answer. Everything that follows from an answer is read off the identity map here.

use super::{AFTER_ANSWER, CHANGED};
use crate::engine::Engine;
use crate::store::answer::{self, AnswerRow, AnswerState, Answered};
use crate::store::company::Connection;
use crate::store::movement::{Hold, Identity, KeyState, Known, KnownEntry};
use connector::Mapped;
use ledger::{Draft, Part, Problem};
use std::collections::BTreeSet;

/// True where a person chose the accounts, so that the connector's rules say nothing about the entry: its key was
/// stored without the rules' digest.
pub fn chosen_by_person(identity: &Identity) -> bool {
    match identity.state {
        KeyState::Posted => identity.content.is_empty(),
        KeyState::Linked | KeyState::Excluded => false,
    }
}

/// True where a person decided about the movement (or typed it), so that no connector converts or compares it.
pub fn decided(identity: &Identity) -> bool {
    match identity.state {
        KeyState::Posted => chosen_by_person(identity),
        KeyState::Linked | KeyState::Excluded => true,
    }
}

/// Ids of the entries whose accounts a person chose.
pub fn chosen_entries(known: &Known) -> BTreeSet<&str> {
    known
        .identities
        .values()
        .filter(|i| chosen_by_person(i))
        .map(|i| i.entry_id.as_str())
        .collect()
}

/// The entries whose accounts a person chose: for these the person's lines stand in the place of the rules'.
pub fn said(known: &Known) -> impl Iterator<Item = &KnownEntry> {
    chosen_entries(known).into_iter().filter_map(|id| known.entries.get(id))
}

/// The standing answers of a connection.
pub struct Standing(Vec<AnswerRow>);

impl Standing {
    /// Why a part of an answered record has to wait: the answer was given before the part happened.
    pub fn later_part(&self, draft: &Draft, part: &Part) -> Option<(&'static str, String)> {
        let row = self.0.iter().find(|row| {
            row.state == AnswerState::Done
                && row.hold.reason_code != CHANGED
                && row.hold.stream == draft.stream
                && row.hold.record == draft.record
                && part.instant > row.at
        })?;
        let done = match row.answer {
            Answered::Linked => "linked to an entry of the books",
            Answered::Excluded => "left out",
            Answered::Posted => return None,
        };
        Some((
            AFTER_ANSWER,
            format!(
                "\"{}\" was {done} by {} before this part of it happened.",
                draft.description, row.by
            ),
        ))
    }

    /// Whether a hold is one that a person has answered.
    pub fn answers(&self, hold: &Hold) -> bool {
        self.0.iter().any(|row| {
            let same = row.hold.stream == hold.stream && row.hold.record == hold.record;
            let as_before = row.hold.reason_code == hold.reason_code && (hold.reason_code != CHANGED || row.hold.minor == hold.minor);
            // What a person said of a record that no rule knew holds for whatever else keeps it from being understood.
            same && row.state == AnswerState::Done
                && (as_before || row.whole_record && hold.reason_code != CHANGED && hold.reason_code != AFTER_ANSWER)
        })
    }

    pub fn rows(&self) -> &[AnswerRow] {
        &self.0
    }
}

impl Engine {
    pub async fn standing_answers(&self, connection: &Connection) -> Result<Standing, Problem> {
        Ok(Standing(answer::standing(&self.pool, &connection.id).await?))
    }

    /// Joins the keys that a mapping gives an answered record to the key that the answer claimed, so that no version
    /// of the connector takes the movement for a new one. Called with every mapping, before anything is planned.
    pub(crate) async fn bind_answers(&self, connection: &Connection, version: &str, mapped: &Mapped) -> Result<(), Problem> {
        for row in self.standing_answers(connection).await?.0 {
            let by_rule = match row.answer {
                // Posted as the rules propose: the package itself says how its keys move.
                Answered::Posted => !row.whole_record,
                // Under the version that held it the other parts are other movements.
                Answered::Linked | Answered::Excluded => !row.whole_record && row.version == version,
            };
            let Some(first) = row.keys.first() else { continue };
            if row.state != AnswerState::Done || row.hold.reason_code == CHANGED || by_rule {
                continue;
            }
            let same = |draft: &Draft| draft.stream == row.hold.stream && draft.record == row.hold.record;
            for part in mapped.drafts.iter().filter(|draft| same(draft)).flat_map(|draft| &draft.parts) {
                let covered = row.keys.iter().any(|key| key.key == part.key);
                if !covered && part.instant <= row.at {
                    answer::join_key(&self.pool, &connection.id, first.key.as_str(), part.key.as_str()).await?;
                }
            }
        }
        Ok(())
    }
}
