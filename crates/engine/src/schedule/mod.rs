//! When backups are taken without being asked for: daily by default, and, where a person wants it, after the books changed.
//!
//! [`due`] decides (pure); the engine takes what is due and notes how it ended, so that one failed night is told and made up for. Who
//! calls it is the host's: the open window every few minutes, and with the window closed the system's own timer ([`timer`]).
//! The first backup of a company is always a person's: it makes the key, and the recovery kit goes with it. It must never
//! call a night good whose backup was not read back, and knows no rule that holds a backup back, such as one about battery or network.
//! A further occasion is one variant of [`Why`].

pub mod timer;

use crate::backups::BackupRow;
use crate::companies::zone_of;
use crate::engine::Engine;
use crate::home::WorkLock;
use crate::progress::Watcher;
use crate::store::company::Company;
use crate::store;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use ledger::Problem;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::Path;

const VERSION: u32 = 1;
const RULE: &str = "backup_rule";
/// After a failure it is tried again so much later, and not at every look.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// Changes are gathered for so long before they are worth a backup of their own.
const CHANGES_FOR: SignedDuration = SignedDuration::from_hours(1);
/// A backup's time so far ahead of the clock means that the clock was set back.
const CLOCK_SET_BACK: SignedDuration = SignedDuration::from_mins(5);

/// What a person wants. One rule for an installation; its time of day is each business's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub daily: bool,
    pub at: Time,
    pub on_change: bool,
    /// After so many days without one, a backup is also proved by restoring it.
    pub prove_every_days: u8,
}

impl Default for Rule {
    fn default() -> Rule {
        Rule { daily: true, at: Time::constant(21, 0, 0, 0), on_change: false, prove_every_days: 7 }
    }
}

/// How the books' file looked: enough to see that it changed, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    pub bytes: u64,
    pub modified: Timestamp,
}

impl Look {
    /// None where the file cannot be looked at; the backup itself will say why.
    pub fn at(file: &Path) -> Option<Look> {
        let found = std::fs::metadata(file).ok()?;
        let modified = Timestamp::try_from(found.modified().ok()?).ok()?;
        Some(Look { bytes: found.len(), modified })
    }
}

/// A problem as it was told, for the next time somebody looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    pub code: String,
    pub what: String,
    pub why: Vec<String>,
    pub next: String,
}

impl Told {
    fn of(problem: &Problem) -> Told {
        Told { code: problem.code.to_string(), what: problem.what.clone(), why: problem.why.clone(), next: problem.next.clone() }
    }
}

/// How the last backup that was due ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    pub at: Timestamp,
    /// None: it was taken and read back.
    pub failed: Option<Told>,
    /// The books then.
    pub look: Option<Look>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept<T> {
    version: u32,
    value: T,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its time of the day has come, or passed while nothing ran.
    Daily,
    /// The books changed.
    Changed,
}

impl Why {
    /// The backup's label.
    pub fn label(self) -> &'static str {
        match self {
            Why::Daily => "daily",
            Why::Changed => "after a change",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nobody wants any.
    Off,
    /// A person takes the first one.
    First,
    NotYet { next: Option<Timestamp> },
    Now(Why),
}

/// What is known of one company when it is looked whether a backup is due.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub zone: &'a TimeZone,
    /// When the newest backup was taken; it was read back then.
    pub newest: Option<Timestamp>,
    pub run: Option<&'a Run>,
    pub look: Option<Look>,
}

/// Whether a backup is due now, and else when the next one will be.
pub fn due(rule: &Rule, facts: Facts<'_>, now: Timestamp) -> Due {
    if !rule.daily && !rule.on_change {
        return Due::Off;
    }
    let Some(newest) = facts.newest else { return Due::First };
    let next = rule.daily.then(|| slot(rule.at, facts.zone, now, 1)).flatten();
    if let Some(failed) = facts.run.filter(|run| run.failed.is_some()) {
        let again = failed.at.checked_add(AGAIN_AFTER).unwrap_or(now);
        if failed.at <= now && now < again {
            return Due::NotYet { next: Some(again) };
        }
    }
    // With the clock set back the newest backup lies in the future; what was done by the present clock counts then.
    let ahead = newest.duration_since(now) > CLOCK_SET_BACK;
    let latest = match (ahead, facts.run.filter(|run| run.failed.is_none())) {
        (false, _) => Some(newest),
        (true, Some(run)) if run.at.duration_since(now) <= CLOCK_SET_BACK => Some(run.at),
        (true, _) => None,
    };
    let Some(latest) = latest else { return Due::Now(Why::Daily) };
    if rule.daily && slot(rule.at, facts.zone, now, 0).is_some_and(|slot| latest < slot) {
        return Due::Now(Why::Daily);
    }
    let changed = rule.on_change && facts.look.is_some() && facts.look != facts.run.and_then(|run| run.look);
    if changed {
        let gathered = latest.checked_add(CHANGES_FOR).unwrap_or(now);
        if gathered <= now {
            return Due::Now(Why::Changed);
        }
        return Due::NotYet { next: Some(next.map_or(gathered, |next| next.min(gathered))) };
    }
    Due::NotYet { next }
}

/// The time of day at its last coming up to now (0), or at its next one (1). A time that the clock leaves out in spring comes an hour later.
fn slot(at: Time, zone: &TimeZone, now: Timestamp, which: i32) -> Option<Timestamp> {
    let today = now.to_zoned(zone.clone()).date();
    let on = |days: i32| -> Option<Timestamp> {
        let day = today.checked_add(days.days()).ok()?;
        Some(day.to_datetime(at).to_zoned(zone.clone()).ok()?.timestamp())
    };
    let passed = on(0)? <= now;
    on(which - if passed { 0 } else { 1 })
}

/// "21:00".
pub fn clock(at: Time) -> String {
    at.strftime("%H:%M").to_string()
}

fn run_of(company: &Company) -> String {
    format!("backup_run:{}", company.id)
}

impl Engine {
    async fn kept<T: serde::de::DeserializeOwned>(&self, name: &str, what: &str) -> Result<Option<T>, Problem> {
        let Some(text) = store::setting(&self.pool, name).await? else { return Ok(None) };
        let kept: Kept<T> = store::from_json(what, text.as_bytes())?;
        match kept.version {
            VERSION => Ok(Some(kept.value)),
            other => Err(store::unknown(&format!("version of {what}"), &other.to_string())),
        }
    }

    async fn keep_setting<T: Serialize>(&self, name: &str, value: &T) -> Result<(), Problem> {
        store::set_setting(&self.pool, name, &store::to_json(&json!({"version": VERSION, "value": value}))?).await
    }

    /// When backups are taken; the default where nobody chose.
    pub async fn backup_rule(&self) -> Result<Rule, Problem> {
        Ok(self.kept(RULE, "the rule for backups").await?.unwrap_or_default())
    }

    pub async fn set_backup_rule(&self, rule: &Rule) -> Result<(), Problem> {
        self.keep_setting(RULE, rule).await?;
        let body = json!({"daily": rule.daily, "at": clock(rule.at), "on_change": rule.on_change, "prove_every_days": rule.prove_every_days});
        self.journal(None, "backup.rule", body).await.map(drop)
    }

    /// How the last backup that was due ended; None before the first.
    pub async fn backup_run(&self, company: &Company) -> Result<Option<Run>, Problem> {
        self.kept(&run_of(company), "the last scheduled backup").await
    }

    /// Whether a backup of this company is due. A practice company's never is: its clock stands still.
    pub async fn backup_due(&self, company: &Company) -> Result<Due, Problem> {
        if company.practice {
            return Ok(Due::Off);
        }
        let run = self.backup_run(company).await?;
        let newest = self.backups(company).await?.first().map(|row| row.copied_at);
        let zone = zone_of(company)?;
        let facts = Facts { zone: &zone, newest, run: run.as_ref(), look: Look::at(&company.books_path) };
        Ok(due(&self.backup_rule().await?, facts, self.now()))
    }

    /// Takes the backup that is due, reads it back, proves it where the last proof is old, and notes how it ended. None when nothing is due,
    /// or another program is at it. Errors: those of a backup or a proof; they are noted too, and told until one succeeds.
    pub async fn take_due_backup(&self, company: &Company, watcher: &Watcher) -> Result<Option<BackupRow>, Problem> {
        let Some(_lock) = WorkLock::try_take(&self.home.lock_file(&format!("backup-{}", company.id)))? else { return Ok(None) };
        let Due::Now(why) = self.backup_due(company).await? else { return Ok(None) };
        let look = Look::at(&company.books_path);
        let ended = self.take_and_prove(company, why, watcher).await;
        if let Err(problem) = &ended {
            self.journal(Some(&company.id), "backup.missed", json!({"occasion": why.label(), "code": problem.code.to_string()})).await?;
        }
        let failed = ended.as_ref().err().map(Told::of);
        // What changed while a backup failed is still to be backed up.
        let look = if failed.is_some() { self.backup_run(company).await?.and_then(|run| run.look) } else { look };
        self.keep_setting(&run_of(company), &Run { at: self.now(), failed, look }).await?;
        ended.map(Some)
    }

    async fn take_and_prove(&self, company: &Company, why: Why, watcher: &Watcher) -> Result<BackupRow, Problem> {
        let row = self.take_backup(company, why.label(), None, watcher).await?;
        let proof = self.backups(company).await?.into_iter().filter_map(|one| one.restored_at).max();
        let days = SignedDuration::from_hours(24 * i64::from(self.backup_rule().await?.prove_every_days));
        // Ahead of the clock counts as old: nobody knows when that was.
        let fresh = proof.is_some_and(|at| at <= self.now() && self.now().duration_since(at) < days);
        if !fresh {
            let to = self.home.work_folder(&format!("proving-{}", row.id))?;
            let proved = self.prove_backup(company, &row, &to, watcher).await;
            let tidied = std::fs::remove_dir_all(&to).map_err(|error| crate::home::cannot_use(&to, &error));
            proved.map(drop)?;
            tidied?;
        }
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::time;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn zone() -> TimeZone {
        TimeZone::get("America/New_York").unwrap()
    }

    /// Daily at nine in the evening, New York; the newest backup and the moment of looking, in UTC.
    fn daily(newest: &str, now: &str) -> Due {
        due(&Rule::default(), Facts { zone: &zone(), newest: Some(at(newest)), run: None, look: None }, at(now))
    }

    #[test]
    fn once_a_day_at_its_time_and_a_missed_one_as_soon_as_anything_runs_again() {
        // Nine in the evening is two at night in UTC (winter).
        let next = |text: &str| Due::NotYet { next: Some(at(text)) };
        assert_eq!(daily("2026-11-23T02:00:30Z", "2026-11-24T01:59:59Z"), next("2026-11-24T02:00:00Z"));
        assert_eq!(daily("2026-11-23T02:00:30Z", "2026-11-24T02:00:00Z"), Due::Now(Why::Daily));
        assert_eq!(daily("2026-11-24T02:00:30Z", "2026-11-24T02:05:00Z"), next("2026-11-25T02:00:00Z"));
        // Asleep for a week, woken in the morning: made up for at once, and once.
        assert_eq!(daily("2026-11-16T02:00:30Z", "2026-11-23T13:00:00Z"), Due::Now(Why::Daily));
        assert_eq!(daily("2026-11-23T13:00:20Z", "2026-11-23T13:05:00Z"), next("2026-11-24T02:00:00Z"));
        // One that a person took in the afternoon does not stand for the evening's.
        assert_eq!(daily("2026-11-23T20:00:00Z", "2026-11-24T02:00:01Z"), Due::Now(Why::Daily));
    }

    #[test]
    fn days_on_which_the_clock_changes_have_one_backup_too() {
        let rule = Rule { at: time(2, 30, 0, 0), ..Rule::default() };
        let look = |newest: &str, now: &str| due(&rule, Facts { zone: &zone(), newest: Some(at(newest)), run: None, look: None }, at(now));
        // 2027-03-14: half past two does not exist; half past three, 07:30 UTC, stands for it.
        assert_eq!(look("2027-03-13T07:31:00Z", "2027-03-14T07:29:00Z"), Due::NotYet { next: Some(at("2027-03-14T07:30:00Z")) });
        assert_eq!(look("2027-03-13T07:31:00Z", "2027-03-14T07:30:00Z"), Due::Now(Why::Daily));
        assert_eq!(look("2027-03-14T07:31:00Z", "2027-03-14T12:00:00Z"), Due::NotYet { next: Some(at("2027-03-15T06:30:00Z")) });
        // 2027-11-07: half past one comes twice and counts once.
        let rule = Rule { at: time(1, 30, 0, 0), ..Rule::default() };
        let look = |newest: &str, now: &str| due(&rule, Facts { zone: &zone(), newest: Some(at(newest)), run: None, look: None }, at(now));
        assert_eq!(look("2027-11-06T06:00:00Z", "2027-11-07T05:30:00Z"), Due::Now(Why::Daily));
        assert_eq!(look("2027-11-07T05:31:00Z", "2027-11-07T06:30:00Z"), Due::NotYet { next: Some(at("2027-11-08T06:30:00Z")) });
    }

    #[test]
    fn a_failure_is_tried_again_after_an_hour_and_not_at_every_look() {
        let told = Told { code: "E-KEYCHAIN-LOCKED".into(), what: String::new(), why: Vec::new(), next: String::new() };
        let run = Run { at: at("2026-11-24T02:00:10Z"), failed: Some(told), look: None };
        let look = |now: &str| due(&Rule::default(), Facts { zone: &zone(), newest: Some(at("2026-11-23T02:00:30Z")), run: Some(&run), look: None }, at(now));
        assert_eq!(look("2026-11-24T02:30:00Z"), Due::NotYet { next: Some(at("2026-11-24T03:00:10Z")) });
        assert_eq!(look("2026-11-24T03:00:10Z"), Due::Now(Why::Daily));
        // A failure in the future, by a clock that was set back, holds nothing up.
        assert_eq!(look("2026-11-23T20:00:00Z"), Due::NotYet { next: Some(at("2026-11-24T02:00:00Z")) });
    }

    #[test]
    fn a_clock_that_was_set_back_neither_stops_backups_nor_takes_one_at_every_look() {
        let newest = at("2030-01-01T00:00:00Z");
        let facts = |run| Facts { zone: Box::leak(Box::new(zone())), newest: Some(newest), run, look: None };
        assert_eq!(due(&Rule::default(), facts(None), at("2026-11-24T12:00:00Z")), Due::Now(Why::Daily));
        let run = Run { at: at("2026-11-24T12:00:05Z"), failed: None, look: None };
        assert_eq!(due(&Rule::default(), facts(Some(&run)), at("2026-11-24T12:05:00Z")), Due::NotYet { next: Some(at("2026-11-25T02:00:00Z")) });
        assert_eq!(due(&Rule::default(), facts(Some(&run)), at("2026-11-25T02:00:00Z")), Due::Now(Why::Daily));
    }

    #[test]
    fn changed_books_are_backed_up_within_the_hour_where_that_is_wanted() {
        let rule = Rule { on_change: true, daily: false, ..Rule::default() };
        let (old, new) = (Look { bytes: 10, modified: at("2026-11-23T10:00:00Z") }, Look { bytes: 10, modified: at("2026-11-23T12:00:00Z") });
        let run = Run { at: at("2026-11-23T11:30:00Z"), failed: None, look: Some(old) };
        let look = |rule: &Rule, book: Option<Look>, now: &str| {
            due(rule, Facts { zone: &zone(), newest: Some(at("2026-11-23T11:30:00Z")), run: Some(&run), look: book }, at(now))
        };
        assert_eq!(look(&rule, Some(old), "2026-11-23T15:00:00Z"), Due::NotYet { next: None });
        assert_eq!(look(&rule, Some(new), "2026-11-23T12:10:00Z"), Due::NotYet { next: Some(at("2026-11-23T12:30:00Z")) });
        assert_eq!(look(&rule, Some(new), "2026-11-23T12:30:00Z"), Due::Now(Why::Changed));
        // Books that cannot be looked at did not change as far as anybody knows; the daily backup will say what is wrong.
        assert_eq!(look(&rule, None, "2026-11-23T15:00:00Z"), Due::NotYet { next: None });
        assert_eq!(look(&Rule { daily: true, on_change: false, ..rule }, Some(new), "2026-11-23T15:00:00Z"), Due::NotYet { next: Some(at("2026-11-24T02:00:00Z")) });
    }

    #[test]
    fn nothing_is_due_where_nobody_wants_it_nor_before_a_person_took_the_first() {
        let off = Rule { daily: false, ..Rule::default() };
        let facts = Facts { zone: &zone(), newest: None, run: None, look: None };
        assert_eq!(due(&off, facts, at("2026-11-24T12:00:00Z")), Due::Off);
        assert_eq!(due(&Rule::default(), facts, at("2026-11-24T12:00:00Z")), Due::First);
    }
}
