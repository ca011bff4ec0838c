//! Who is told, and when: once for each row and threshold, remembered so that no start repeats it.
//!
//! It decides; the host shows. A practice company is never told about outside the window: its clock is invented. It must
//! never tell the same twice, nor two thresholds of one row at once. A new threshold is one variant of [`Threshold`].

use super::{Act, Ending};
use crate::engine::Engine;
use crate::store;
use jiff::Timestamp;
use ledger::Problem;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Ordered: what comes later is graver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    TwoWeeks,
    ThreeDays,
    Ended,
}

const THREE_DAYS: i32 = 3;
const TWO_WEEKS: i32 = 14;

/// Something to tell a person now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    pub row: Ending,
    pub threshold: Threshold,
    /// The end that it is told of, as it is remembered.
    pub end: String,
}

/// The gravest that was told of a row, and of which end: an end that has moved is told of anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    pub end: String,
    pub threshold: Threshold,
}

/// The stored form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Memory {
    version: u32,
    told: BTreeMap<String, Told>,
}

const VERSION: u32 = 1;
const SETTING: &str = "calendar_told";

fn threshold(row: &Ending, now: Timestamp) -> Option<Threshold> {
    if row.has_ended(now) {
        return Some(Threshold::Ended);
    }
    match row.days_left(now) {
        Some(days) if days <= THREE_DAYS => Some(Threshold::ThreeDays),
        Some(days) if days <= TWO_WEEKS => Some(Threshold::TwoWeeks),
        Some(_) | None => None,
    }
}

/// What the memory calls the end of a row.
fn end_mark(row: &Ending) -> String {
    row.moment().map_or_else(|| "over".to_string(), |at| at.to_string())
}

/// What is to be told now, gravest first.
pub fn due(rows: &[Ending], told: &BTreeMap<String, Told>, now: Timestamp) -> Vec<Telling> {
    let mut all: Vec<Telling> = rows
        .iter()
        .filter(|row| row.act != Act::RenewsItself)
        .filter_map(|row| Some(Telling { row: row.clone(), threshold: threshold(row, now)?, end: end_mark(row) }))
        .filter(|telling| match told.get(&telling.row.id) {
            Some(before) => before.end != telling.end || before.threshold < telling.threshold,
            None => true,
        })
        .collect();
    all.sort_by_key(|telling| std::cmp::Reverse(telling.threshold));
    all
}

impl Engine {
    async fn told(&self) -> Result<BTreeMap<String, Told>, Problem> {
        let Some(text) = store::setting(&self.pool, SETTING).await? else { return Ok(BTreeMap::new()) };
        let memory: Memory = store::from_json("what was told of ends", text.as_bytes())?;
        match memory.version {
            VERSION => Ok(memory.told),
            other => Err(store::unknown("version of what was told of ends", &other.to_string())),
        }
    }

    async fn real_endings(&self) -> Result<Vec<Ending>, Problem> {
        let mut rows = Vec::new();
        for company in self.companies().await? {
            if !company.practice {
                rows.extend(self.endings(&company).await?);
            }
        }
        Ok(rows)
    }

    /// What is to be told now. Changes nothing. Errors: as [`Engine::endings`].
    pub async fn tellings(&self) -> Result<Vec<Telling>, Problem> {
        Ok(due(&self.real_endings().await?, &self.told().await?, self.now()))
    }

    /// Remembers that this was told, and forgets rows that are gone. What is not in the calendar is not remembered.
    /// Errors: as [`Engine::endings`].
    pub async fn mark_told(&self, id: &str, told: Told) -> Result<(), Problem> {
        let rows = self.real_endings().await?;
        let mut memory = Memory { version: VERSION, told: self.told().await? };
        memory.told.insert(id.to_string(), told);
        memory.told.retain(|id, _| rows.iter().any(|row| row.id == *id));
        store::set_setting(&self.pool, SETTING, &store::to_json(&memory)?).await
    }
}
