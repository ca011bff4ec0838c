//! The plan: everything that will happen, before anything happens.
//!
//! Bound by its hash: a sign-off on one plan is worth nothing for another. Never changed once started.

use crate::check::PlannedCheck;
use crate::refusal::E_PLAN_INVALID;
use crate::slice::{RecordRef, Slice, SliceName};
use crate::stage::{Gate, Side};
use jiff::Timestamp;
use ledger::{Currency, Problem, Role};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Somebody who acts or signs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Person {
    pub name: String,
    pub role: PersonRole,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonRole {
    Owner,
    Bookkeeper,
    /// May be outside the company.
    Accountant,
}

/// Who has to say yes at a gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateRule {
    pub gate: Gate,
    /// At least one of the people signing has this role; the owner may stand in for any.
    pub role: PersonRole,
    /// How many different people. One is enough in a single-person firm, and is recorded as such.
    pub people: u32,
}

/// A difference in the postings that the connector's author announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedChange {
    pub id: String,
    /// In plain words: "Fees become their own line."
    pub text: String,
    /// The roles whose amounts may differ; every other must stay equal.
    pub roles: Vec<Role>,
}

/// Something that cannot be undone, and from when on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Irreversible {
    pub gate: Gate,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    pub id: String,
    pub company: String,
    pub connection: String,
    /// The connector package's name: "square".
    pub connector: String,
    pub from_version: String,
    pub to_version: String,
    pub currency: Currency,
    /// The package's streams: "payments", "refunds" …
    pub streams: Vec<String>,
    /// Movements at or after this instant get the new connector's form; earlier ones stay as they are.
    pub new_from: Timestamp,
    /// Canary first, then the waves, in order.
    pub slices: Vec<Slice>,
    pub checks: Vec<PlannedCheck>,
    pub gates: Vec<GateRule>,
    /// One person runs the whole firm: one sign-off is enough everywhere.
    pub single_person: bool,
    /// After a restart go on without a person once every effect in doubt is resolved.
    pub unattended: bool,
    /// Permissions that the new connector needs.
    pub permissions: Vec<String>,
    /// One billing cycle.
    pub watch_days: u32,
    pub expected_changes: Vec<ExpectedChange>,
    pub irreversible: Vec<Irreversible>,
    /// Every fact that the plan rests on, by name.
    pub observed: BTreeMap<String, String>,
}

/// A fact that is no longer what the plan saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    pub fact: String,
    pub planned: Option<String>,
    pub now: Option<String>,
}

impl Plan {
    pub const WATCH_DAYS: u32 = 31;
    pub const CANARY_SIZE: usize = 12;
    pub const WAVES: u32 = 2;

    /// SHA-256 over the plan's canonical JSON (fields in their order, maps sorted), in hexadecimal.
    pub fn plan_hash(&self) -> String {
        digest(self)
    }

    pub fn waves(&self) -> u32 {
        let count = self.slices.iter().filter(|slice| matches!(slice.name, SliceName::Wave(_))).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    pub fn slice(&self, name: SliceName) -> Option<&Slice> {
        self.slices.iter().find(|slice| slice.name == name)
    }

    /// The rule of a gate; without one, one owner signs.
    pub fn gate_rule(&self, gate: Gate) -> GateRule {
        self.gates.iter().find(|rule| rule.gate == gate).cloned().unwrap_or(GateRule {
            gate,
            role: PersonRole::Owner,
            people: 1,
        })
    }

    /// Whose form a movement of this instant has.
    pub fn form_of(&self, instant: Timestamp) -> Side {
        if instant >= self.new_from { Side::New } else { Side::Old }
    }

    /// The share a record belongs to; None before `new_from`.
    pub fn slice_of(&self, record: &RecordRef, instant: Timestamp) -> Option<SliceName> {
        if self.form_of(instant) == Side::Old {
            return None;
        }
        if self.slice(SliceName::Canary).is_some_and(|canary| canary.records.contains(record)) {
            return Some(SliceName::Canary);
        }
        self.slices
            .iter()
            .filter(|slice| matches!(slice.name, SliceName::Wave(_)))
            .find(|slice| slice.to.is_none_or(|to| instant < to))
            .map(|slice| slice.name)
    }

    /// Which facts of the plan have changed, by name.
    pub fn drift(&self, now: &BTreeMap<String, String>) -> Vec<Drift> {
        let names: std::collections::BTreeSet<&String> = self.observed.keys().chain(now.keys()).collect();
        names
            .into_iter()
            .filter(|name| self.observed.get(*name) != now.get(*name))
            .map(|name| Drift {
                fact: name.clone(),
                planned: self.observed.get(name).cloned(),
                now: now.get(name).cloned(),
            })
            .collect()
    }

    /// Refuses a plan that could not be carried out. Every finding at once. Errors: `E-PLAN-INVALID`.
    pub fn checked(&self) -> Result<(), Problem> {
        let mut findings: Vec<String> = Vec::new();
        let named = [
            ("id", &self.id),
            ("company", &self.company),
            ("connection", &self.connection),
            ("connector", &self.connector),
        ];
        findings.extend(
            named
                .iter()
                .filter(|(_, text)| text.trim().is_empty())
                .map(|(name, _)| format!("Its {name} is empty.")),
        );
        if self.from_version == self.to_version {
            findings.push(format!("It goes from version {} to the same version.", self.from_version));
        }
        if self.streams.is_empty() {
            findings.push("It names no stream of payments.".into());
        }
        let mut streams = self.streams.clone();
        streams.sort();
        streams.dedup();
        if streams.len() != self.streams.len() {
            findings.push("It names a stream twice.".into());
        }
        let order: Vec<SliceName> = self.slices.iter().map(|slice| slice.name).collect();
        let wanted: Vec<SliceName> = std::iter::once(SliceName::Canary)
            .chain((1..=self.waves()).map(SliceName::Wave))
            .collect();
        if order != wanted {
            findings.push("Its shares are not one canary followed by waves counted from 1.".into());
        }
        if self.watch_days == 0 {
            findings.push("It watches for no day.".into());
        }
        if self.gates.iter().any(|rule| rule.people == 0) {
            findings.push("A gate asks nobody.".into());
        }
        let mut findings = findings.into_iter();
        match findings.next() {
            None => Ok(()),
            Some(first) => {
                let problem = Problem::new(E_PLAN_INVALID, "This plan cannot be carried out.", first, "Make the plan again.");
                Err(findings.fold(problem, Problem::because))
            }
        }
    }
}

/// SHA-256 in hexadecimal over compact JSON. Our own types always become JSON: their maps have text keys.
pub(crate) fn digest<T: Serialize>(value: &T) -> String {
    let bytes = serde_json::to_vec(value).expect("maps with text keys and finite numbers always become JSON");
    hex::encode(Sha256::digest(bytes))
}
