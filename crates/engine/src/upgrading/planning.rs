//! Making the plan: what will be done, from what is in the books and records now.
//!
//! Reads only. The plan names its shares, gates, checks, announced changes and what cannot be undone.

use super::slices;
use crate::companies::zone_of;
use crate::engine::Engine;
use crate::store::company::{Company, Connection};
use crate::store::movement;
use jiff::Timestamp;
use ledger::{Money, Problem};
use std::collections::{BTreeMap, BTreeSet};
use upgrade::{Candidate, ExpectedChange, Gate, GateRule, Irreversible, PersonRole, Plan, RecordRef};

/// A person's wishes for an upgrade.
#[derive(Debug, Clone)]
pub struct Wishes {
    pub to_version: String,
    /// From when on movements get the new connector's form; None = the first open day.
    pub new_from: Option<Timestamp>,
    pub watch_days: u32,
    /// Go on by itself after a restart once everything in doubt is resolved.
    pub unattended: bool,
}

impl Engine {
    /// Makes a plan without storing anything.
    pub async fn make_plan(&self, company: &Company, connection: &Connection, wishes: &Wishes) -> Result<Plan, Problem> {
        let from = self.package(&connection.connector, &connection.version)?;
        let to = self.package(&connection.connector, &wishes.to_version)?;
        if to.supersedes().is_none_or(|s| s.from != from.version()) {
            return Err(Problem::new(
                crate::companies::E_CONNECTOR_UNKNOWN,
                format!("Connector {} {} cannot be moved to {}.", connection.connector, from.version(), to.version()),
                "The newer package does not say how to come from this version.",
                "Choose a version that names yours as the one it replaces.",
            ));
        }
        let new_from = match wishes.new_from {
            Some(instant) => instant,
            None => first_open_instant(company, connection)?,
        };
        let candidates = self.candidates(company, connection, new_from).await?;
        let slices = upgrade::slices(&candidates, new_from, Plan::CANARY_SIZE, Plan::WAVES, company.currency)?;
        let streams: BTreeSet<String> = from.streams().iter().chain(to.streams()).filter(|s| s.posts()).map(|s| s.name().to_string()).collect();
        let provider = self.provider(&connection.provider)?;
        let mut irreversible = Vec::new();
        if !provider.revocation.possible {
            irreversible.push(Irreversible {
                gate: Gate::BeforeFinish,
                text: format!("Finishing erases the old access here. {}", provider.revocation.page_says),
            });
        } else {
            irreversible.push(Irreversible { gate: Gate::BeforeFinish, text: "Finishing gives up the old access for good.".to_string() });
        }
        let waves = u32::try_from(slices.len().saturating_sub(1)).unwrap_or(0);
        Ok(Plan {
            id: self.ids.new_id("upgrade"),
            company: company.id.clone(),
            connection: connection.id.clone(),
            connector: connection.connector.clone(),
            from_version: from.version().to_string(),
            to_version: to.version().to_string(),
            currency: company.currency,
            streams: streams.into_iter().collect(),
            new_from,
            slices,
            checks: upgrade::default_checks(waves),
            gates: Gate::ALL.iter().map(|gate| GateRule { gate: *gate, role: PersonRole::Owner, people: 1 }).collect(),
            single_person: true,
            unattended: wishes.unattended,
            permissions: to.permissions().iter().map(|p| p.permission.clone()).collect(),
            watch_days: wishes.watch_days.max(1),
            expected_changes: to
                .supersedes()
                .map(|s| s.expected_changes.iter().map(|c| ExpectedChange { id: c.id.clone(), text: c.title.clone(), roles: c.roles.iter().copied().collect() }).collect())
                .unwrap_or_default(),
            irreversible,
            observed: self.observe(company, connection).await?,
        })
    }

    /// The facts a plan rests on: settings that would change its meaning, not the daily flow of payments.
    pub async fn observe(&self, company: &Company, connection: &Connection) -> Result<BTreeMap<String, String>, Problem> {
        let book = self.books(company).await?;
        let description = book.describe().await?;
        let roles = crate::store::to_json(&connection.roles)?;
        let closed = company.closed_through.max(description.closed_through);
        Ok(BTreeMap::from([
            ("books".to_string(), company.books_path.display().to_string()),
            ("books version".to_string(), description.app_version.clone()),
            ("currency".to_string(), description.currency.to_string()),
            ("closed through".to_string(), closed.map_or("nothing is closed".to_string(), |d| d.to_string())),
            ("connector".to_string(), format!("{} {}", connection.connector, connection.version)),
            ("company at the processor".to_string(), connection.tenant_id.clone().unwrap_or_default()),
            ("accounts chosen".to_string(), hex::encode(&<sha2::Sha256 as sha2::Digest>::digest(roles.as_bytes())[..6])),
            ("time zone".to_string(), company.zone.clone()),
        ]))
    }

    /// Records that the old connector posted at or after the boundary.
    pub(crate) async fn candidates(&self, company: &Company, connection: &Connection, new_from: Timestamp) -> Result<Vec<Candidate>, Problem> {
        let known = self.known(&connection.id).await?;
        let zone = zone_of(company)?;
        let mut records: BTreeMap<RecordRef, (Timestamp, i64)> = BTreeMap::new();
        for identity in known.identities.values().filter(|i| i.instant >= new_from && i.state != movement::KeyState::Excluded) {
            let record = RecordRef { stream: identity.stream.clone(), record: identity.record.clone() };
            let size = known.entries.get(&identity.entry_id).map_or(0, |e| slices::size(&e.entry));
            let held = records.entry(record).or_insert((identity.instant, size));
            if identity.instant <= held.0 {
                *held = (identity.instant, size);
            }
        }
        Ok(records
            .into_iter()
            .map(|(record, (instant, minor))| Candidate {
                kind: record.stream.clone(),
                date: instant.to_zoned(zone.clone()).date(),
                record,
                instant,
                amount: Money::new(minor, company.currency),
            })
            .collect())
    }
}

/// Start of the first day that is neither closed nor before the connection's first day.
fn first_open_instant(company: &Company, connection: &Connection) -> Result<Timestamp, Problem> {
    let Some(closed) = company.closed_through else { return Ok(connection.sync_from) };
    let zone = zone_of(company)?;
    let open = closed.tomorrow().ok().and_then(|day| day.to_zoned(zone).ok()).map(|start| start.timestamp());
    Ok(open.map_or(connection.sync_from, |open| open.max(connection.sync_from)))
}
