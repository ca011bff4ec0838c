//! Read-only answers that screens need beside the work itself: the rhythm of payments, newest movements,
//! whether an upgrade could start now, and ending a connection's access.
//!
//! It must never write to the books or decide about an upgrade. A new question of a screen goes here.

use crate::engine::Engine;
use crate::store::company::{Company, Connection};
use crate::store::{failed, from_json, parsed};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ledger::{AccountId, Entry, Money, Problem, Role};
use sqlx::Row;
use upgrade::checks::{self, BooksLock};
use upgrade::{CheckId, CheckResult, Plan};

/// When a business is paid: counts per weekday (Monday first) and hour, in its own time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rhythm {
    pub heat: Vec<Vec<u32>>,
    /// From the first to the last payment, both included; 0 without any.
    pub history_days: u32,
    pub payments: u32,
    /// Weekday and hour at which payouts are made.
    pub payouts: Vec<(u8, u8)>,
}

/// The newest payment or payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    pub instant: Timestamp,
    pub amount: Option<Money>,
}

/// A weekday and hour counts as a payout time from this share of all payouts on, in percent.
const PAYOUT_SHARE: usize = 5;

impl Engine {
    /// The stored movements of one stream: the first instant of each record that was posted or linked.
    async fn instants(&self, connection: &Connection, stream: &str) -> Result<Vec<Timestamp>, Problem> {
        let rows = sqlx::query("SELECT MIN(instant) AS instant FROM identity WHERE connection_id = $1 AND stream = $2 GROUP BY record")
            .bind(&connection.id)
            .bind(stream)
            .fetch_all(&self.pool)
            .await
            .map_err(|e| failed("read when payments came", &e))?;
        rows.iter().map(|row| parsed("instant", row.get("instant"))).collect()
    }

    /// Counts payments and payouts by weekday and hour.
    pub async fn rhythm(&self, connection: &Connection, zone: &TimeZone) -> Result<Rhythm, Problem> {
        let payments = self.instants(connection, PAYMENTS).await?;
        let mut heat = vec![vec![0_u32; 24]; 7];
        for instant in &payments {
            let (weekday, hour) = slot(*instant, zone);
            heat[usize::from(weekday)][usize::from(hour)] += 1;
        }
        let history_days = match (payments.iter().min(), payments.iter().max()) {
            (Some(first), Some(last)) => u32::try_from(last.duration_since(*first).as_hours() / 24 + 1).unwrap_or(0),
            (Some(_), None) | (None, Some(_)) | (None, None) => 0,
        };
        let paid_out = self.instants(connection, PAYOUTS).await?;
        let mut slots: std::collections::BTreeMap<(u8, u8), usize> = std::collections::BTreeMap::new();
        for instant in &paid_out {
            *slots.entry(slot(*instant, zone)).or_default() += 1;
        }
        let payouts = slots
            .into_iter()
            .filter(|(_, count)| count * 100 >= paid_out.len() * PAYOUT_SHARE)
            .map(|(slot, _)| slot)
            .collect();
        Ok(Rhythm {
            heat,
            history_days,
            payments: u32::try_from(payments.len()).unwrap_or(u32::MAX),
            payouts,
        })
    }

    /// When the newest payment happened that any connector version has read.
    pub async fn newest_payment(&self, connection: &Connection) -> Result<Option<Timestamp>, Problem> {
        let text: Option<String> = sqlx::query_scalar("SELECT MAX(instant) FROM record WHERE connection_id = $1 AND stream = $2")
            .bind(&connection.id)
            .bind(PAYMENTS)
            .fetch_one(&self.pool)
            .await
            .map_err(|e| failed("read the newest payment", &e))?;
        text.map(|text| parsed("instant", &text)).transpose()
    }

    /// How many different payments were read so far.
    pub async fn payments_read(&self, connection: &Connection) -> Result<u64, Problem> {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(DISTINCT id) FROM record WHERE connection_id = $1 AND stream = $2")
            .bind(&connection.id)
            .bind(PAYMENTS)
            .fetch_one(&self.pool)
            .await
            .map_err(|e| failed("count payments", &e))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// The newest posted payout, with what it brought to the bank account.
    pub async fn newest_payout(&self, connection: &Connection) -> Result<Option<Newest>, Problem> {
        let row = sqlx::query(
            "SELECT i.instant AS instant, e.body AS body FROM identity i LEFT JOIN entry e ON e.connection_id = i.connection_id AND e.entry_id = i.entry_id \
             WHERE i.connection_id = $1 AND i.stream = $2 ORDER BY i.instant DESC LIMIT 1",
        )
        .bind(&connection.id)
        .bind(PAYOUTS)
        .fetch_optional(&self.pool)
        .await
        .map_err(|e| failed("read the newest payout", &e))?;
        let Some(row) = row else { return Ok(None) };
        let body: Option<String> = row.get("body");
        let entry: Option<Entry> = body.map(|text| from_json("entry", text.as_bytes())).transpose()?;
        let bank: Option<&AccountId> = connection.roles.get(Role::Bank);
        let amount = entry
            .and_then(|entry| entry.lines.into_iter().find(|line| Some(&line.account) == bank))
            .map(|line| line.amount);
        Ok(Some(Newest {
            instant: parsed("instant", row.get("instant"))?,
            amount,
        }))
    }

    /// A mark that changes whenever what is known of a connection's movements does: records, keys, aliases, holds.
    pub async fn movements_mark(&self, connection: &Connection) -> Result<String, Problem> {
        let row = sqlx::query(
            "SELECT (SELECT COUNT(*) || ':' || COALESCE(MAX(received_at), '') FROM record WHERE connection_id = $1) || '|' || \
                    (SELECT COUNT(*) || ':' || COALESCE(SUM(state = 'linked'), 0) FROM identity WHERE connection_id = $1) || '|' || \
                    (SELECT COUNT(*) || ':' || COALESCE(SUM(state = 'done'), 0) FROM hold_answer WHERE connection_id = $1) || '|' || \
                    (SELECT COUNT(*) FROM alias WHERE connection_id = $1) || '|' || (SELECT COUNT(*) FROM hold WHERE connection_id = $1) AS mark",
        )
        .bind(&connection.id)
        .fetch_one(&self.pool)
        .await
        .map_err(|e| failed("look at what is known", &e))?;
        Ok(row.get("mark"))
    }

    /// A mark of a kept fact, much cheaper than the fact; None where there is none.
    pub async fn fact_mark(&self, upgrade_id: &str, name: &str) -> Result<Option<String>, Problem> {
        sqlx::query_scalar("SELECT length(body) || ':' || hex(substr(body, 1, 64)) || hex(substr(body, -64)) FROM upgrade_fact WHERE upgrade_id = $1 AND name = $2")
            .bind(upgrade_id)
            .bind(name)
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| failed("look at a fact of the upgrade", &e))
    }

    /// What the preflight will ask that can be asked without the network: read-only, nothing is stored.
    pub async fn readiness(&self, company: &Company, connection: &Connection, plan: &Plan) -> Result<Vec<CheckResult>, Problem> {
        let description = self.books(company).await?.describe().await?;
        let lock = match &description.lock {
            None => BooksLock::Free,
            Some(holder) => BooksLock::Open { by: holder.to_string() },
        };
        let dates: Vec<jiff::civil::Date> = self
            .candidates(company, connection, plan.new_from)
            .await?
            .into_iter()
            .map(|c| c.date)
            .collect();
        let closed = company.closed_through.max(description.closed_through);
        Ok(vec![
            checks::books_not_open(&lock),
            checks::disk_space(crate::home::free_bytes(self.home.dir()), description.size_bytes.saturating_mul(3)),
            // Opening refuses every version it was not tested with, so reaching this line is the finding.
            CheckResult::new(
                CheckId::BooksVersionKnown,
                upgrade::Verdict::Pass,
                format!("{} {}", description.app, description.app_version),
                "a known version",
            ),
            match dates.is_empty() {
                true => CheckResult::not_applicable(CheckId::PeriodOpen, "nothing of the old connector will be converted"),
                false => checks::period_open(closed, &dates),
            },
            checks::plan_still_holds(plan, &self.observe(company, connection).await?),
        ])
    }
}

/// The package streams that screens speak of by name.
const PAYMENTS: &str = "payments";
const PAYOUTS: &str = "payouts";

fn slot(instant: Timestamp, zone: &TimeZone) -> (u8, u8) {
    let local = instant.to_zoned(zone.clone());
    (
        u8::try_from(local.weekday().to_monday_zero_offset()).unwrap_or(0),
        u8::try_from(local.hour()).unwrap_or(0),
    )
}
