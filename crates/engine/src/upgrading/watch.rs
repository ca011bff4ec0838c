//! The watch after the cut-over: one billing cycle, reconciled day by day.
//!
//! A day is fetched, posted through the new connector, and judged like the reconciliation itself. A day that
//! does not agree halts the upgrade; it is never smoothed over by the next.

use super::verifying::Seen;
use crate::companies::zone_of;
use crate::engine::Engine;
use crate::progress::Watcher;
use jiff::civil::Date;
use ledger::Problem;
use serde::{Deserialize, Serialize};
use upgrade::{Event, State};

/// One day of the watch, kept for the chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayWatched {
    pub date: Date,
    pub posted: u64,
    pub held: u64,
    pub unexplained_minor: i64,
    pub agrees: bool,
}

/// Name under which the days are kept.
pub const FACT: &str = "watch-days";

impl Engine {
    /// Fetches, posts and judges today. Returns where the upgrade stands then.
    pub async fn watch_today(&self, upgrade_id: &str, watcher: &Watcher) -> Result<State, Problem> {
        let state = self.upgrade_state(upgrade_id).await?;
        let u = self.undertaking(&state).await?;
        let _lock = self.lock_company(&u.company)?;
        let synced = self.sync_locked(&u.company, &u.connection, watcher).await?;
        let (checks, seen) = self.watch_checks(&u).await?;
        let date = self.now().to_zoned(zone_of(&u.company)?).date();
        self.keep_day(upgrade_id, date, synced.posted, synced.held, &seen).await?;
        self.record(upgrade_id, Event::WatchDay { date, checks, at: self.now() }).await
    }

    async fn keep_day(&self, upgrade_id: &str, date: Date, posted: u64, held: u64, seen: &Seen) -> Result<(), Problem> {
        let mut days: Vec<DayWatched> = crate::store::upgrade::fact(&self.pool, upgrade_id, FACT).await?.unwrap_or_default();
        days.retain(|day| day.date != date);
        days.push(DayWatched {
            date,
            posted,
            held,
            unexplained_minor: seen.verdict.unexplained.minor,
            agrees: seen.verdict.agreement == reconcile::Agreement::Agrees,
        });
        crate::store::upgrade::keep_fact(&self.pool, upgrade_id, FACT, &days).await
    }

    pub async fn watched_days(&self, upgrade_id: &str) -> Result<Vec<DayWatched>, Problem> {
        Ok(crate::store::upgrade::fact(&self.pool, upgrade_id, FACT).await?.unwrap_or_default())
    }
}

impl Engine {
    /// A person has looked at a held movement. It stays held; the look is in the log.
    pub async fn review_hold(&self, connection: &crate::store::company::Connection, hold: &crate::store::movement::Hold) -> Result<(), Problem> {
        let body = serde_json::json!({"hold": super::facts::hold_name(hold), "reason": hold.reason});
        self.journal(Some(&connection.id), "hold.reviewed", body).await.map(|_| ())
    }
}
