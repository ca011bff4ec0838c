//! Day to day: reads what is new from the processor and posts it through whichever connector owns it.
//!
//! Safe to run twice, at once, or after weeks: one run per company at a time, records kept before the
//! cursor moves, and every key looked up before it is posted. What is not understood is held.

use crate::crash;
use crate::engine::{Engine, OpenUpgrade};
use crate::home::WorkLock;
use crate::linking;
use crate::postings::{self, Postings, Route};
use crate::progress::Watcher;
use crate::store::company::{self, Company, Connection, ConnectionChange};
use crate::store::{movement, record};
use crate::companies::zone_of;
use connector::{Business, Mapped, Package, Processor, Record, Window};
use jiff::Timestamp;
use ledger::{Code, Money, Problem, Retry};
use serde_json::json;
use crate::upgrading::{effects, slices};
use upgrade::{Event, Side, SliceName, Written};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

pub const E_SYNC_BUSY: Code = Code("E-SYNC-BUSY");
pub const E_CANCELLED: Code = Code("E-CANCELLED");
pub const CODES: &[Code] = &[E_SYNC_BUSY, E_CANCELLED];

/// What one run did, for people and for tests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Synced {
    pub records_read: u64,
    pub records_new: u64,
    pub posted: u64,
    pub linked: u64,
    pub held: u64,
    pub already: u64,
    /// Set when the streams are fenced: read, but not posted.
    pub fenced: bool,
}

/// Everything a connector version makes of the records it has read.
pub struct Read {
    pub mapped: Mapped,
}

/// Records per turn of the rules: enough to be quick, few enough to be small.
const RECORDS_AT_ONCE: usize = 500;

/// What was read and mapped so far of one connector version, which grows by what arrives.
#[derive(Default)]
pub(crate) struct Reading {
    /// Time zone and currency of the company when it was mapped.
    base: Option<(String, ledger::Currency)>,
    arrivals: record::Arrivals,
    mapping: connector::Mapping,
}

/// Who owns a connection's streams right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// No upgrade, or one that has not cut over.
    Settled,
    Fenced,
    /// Cut over: the new version owns movements from the boundary on.
    New,
}

impl Engine {
    /// The one lock under which a company's books may be written.
    /// Errors: `E-SYNC-BUSY` when another window, terminal or background run holds it.
    pub fn lock_company(&self, company: &Company) -> Result<WorkLock, Problem> {
        WorkLock::try_take(&self.home.lock_file(&company.id))?.ok_or_else(|| {
            Problem::new(
                E_SYNC_BUSY,
                format!("\"{}\" is being worked on already.", company.name),
                "Another window, terminal or background run of Changeover is at work on these books.",
                "Wait until it has finished; nothing is lost.",
            )
            .retrying(Retry::Later { after_seconds: 30 })
        })
    }

    /// Fetches and posts what is new. See the module's promise.
    pub async fn sync(&self, company: &Company, connection: &Connection, watcher: &Watcher) -> Result<Synced, Problem> {
        let _lock = self.lock_company(company)?;
        self.sync_locked(company, connection, watcher).await
    }

    pub(crate) async fn sync_locked(&self, company: &Company, connection: &Connection, watcher: &Watcher) -> Result<Synced, Problem> {
        self.settle_changes(company, connection).await?;
        self.settle_answers(company, connection).await?;
        let (owner, open) = self.owner(connection).await?;
        let (version, boundary) = match (owner, &open) {
            (Owner::New, Some(open)) => (open.to_version.clone(), Some(open.new_from)),
            (Owner::New, None) | (Owner::Settled, _) | (Owner::Fenced, _) => (connection.version.clone(), None),
        };
        let package = self.package(&connection.connector, &version)?;
        let until = self.now();
        let (records_read, records_new) = self.read_new(company, connection, package, until, watcher).await?;
        let mut synced = Synced { records_read, records_new, ..Synced::default() };

        let read = self.read_mapped(company, connection, package).await?;
        if owner == Owner::Fenced {
            synced.fenced = true;
            return Ok(synced);
        }
        let links = linking::link_typed(self, company, connection, package, &read).await?;
        synced.linked = links.linked;

        let known = self.known(&connection.id).await?;
        let answered = self.standing_answers(connection).await?;
        let from = connection.sync_from;
        let postings = postings::plan(
            &read.mapped.drafts,
            package.version(),
            &known,
            &connection.roles,
            company.closed_through,
            |key| known.holder(key).is_some(),
            |draft, part| {
                if let Some(reason) = links.held.get(&draft.record) {
                    return Route::Hold("typed-by-hand", reason.clone());
                }
                if let Some((code, reason)) = answered.later_part(draft, part) {
                    return Route::Hold(code, reason);
                }
                match boundary {
                    Some(boundary) if !postings::is_new(part.instant, boundary) => {
                        if part.instant < from {
                            Route::Elsewhere
                        } else {
                            Route::Hold("before-the-upgrade", format!("It happened before the new connector took over ({}), and the old one never posted it.", part.date))
                        }
                    }
                    Some(_) | None if part.instant < from => Route::Elsewhere,
                    Some(_) | None => Route::Mine,
                }
            },
        )?;
        synced.already = postings.already;
        synced.held = self.note_holds(connection, package.version(), &read, &postings).await?;
        self.check_cancelled(watcher)?;
        let side = if boundary.is_some() { Side::New } else { Side::Old };
        synced.posted = match &open {
            Some(open) => self.post_in_upgrade(company, connection, open, side, postings, watcher).await?,
            None => self.post(company, connection, None, "sync", postings, watcher).await?,
        };

        company::change_connection(&self.pool, &connection.id, ConnectionChange::SyncedAt(until)).await?;
        if synced.posted > 0 || synced.records_new > 0 {
            self.journal(
                Some(&company.id),
                "sync.done",
                json!({"connection": connection.id, "version": package.version(), "records": synced.records_new, "posted": synced.posted,
                       "linked": synced.linked, "held": synced.held}),
            )
            .await?;
        }
        Ok(synced)
    }

    /// Posts while an upgrade is open, and tells the upgrade: before, so that a rollback knows of it even if
    /// the process ends in between, and after, with the numbers.
    pub(crate) async fn post_in_upgrade(
        &self,
        company: &Company,
        connection: &Connection,
        open: &OpenUpgrade,
        side: Side,
        postings: Postings,
        watcher: &Watcher,
    ) -> Result<u64, Problem> {
        if postings.entries.is_empty() {
            return Ok(0);
        }
        let mut by_stream: BTreeMap<String, (u64, i64)> = BTreeMap::new();
        for planned in &postings.entries {
            let stream = planned.keys.first().map(|key| key.stream.clone()).unwrap_or_default();
            let sum = by_stream.entry(stream).or_insert((0, 0));
            sum.0 += 1;
            sum.1 += slices::size(&planned.entry);
        }
        let nothing = effects::nothing_written(company.currency);
        let event = |stream: &String, written: Written| Event::BooksWritten { stream: stream.clone(), by: side, written, at: self.now() };
        self.record_all(&open.id, by_stream.keys().map(|stream| event(stream, nothing)).collect()).await?;
        let (upgrade_id, purpose) = match side {
            Side::New => (Some(open.id.as_str()), slices::purpose(SliceName::AfterCutOver)),
            Side::Old => (None, "sync".to_string()),
        };
        let posted = self.post(company, connection, upgrade_id, &purpose, postings, watcher).await?;
        let written = |entries, minor| Written { movements: entries, entries_posted: entries, entries_removed: 0, amount: Money::new(minor, company.currency) };
        self.record_all(&open.id, by_stream.iter().map(|(stream, (entries, minor))| event(stream, written(*entries, *minor))).collect()).await?;
        Ok(posted)
    }

    /// Posts planned entries as one change.
    pub(crate) async fn post(
        &self,
        company: &Company,
        connection: &Connection,
        upgrade_id: Option<&str>,
        purpose: &str,
        postings: Postings,
        watcher: &Watcher,
    ) -> Result<u64, Problem> {
        let intent = crate::changes::Intent { post: postings.entries, ..Default::default() };
        Ok(self.change_books(company, connection, upgrade_id, purpose, intent, watcher).await?.posted)
    }

    /// Fetches every stream since its cursor, keeps the records, then moves the cursors.
    /// Returns (rows read, rows that were new).
    pub async fn read_new(
        &self,
        company: &Company,
        connection: &Connection,
        package: &Package,
        until: Timestamp,
        watcher: &Watcher,
    ) -> Result<(u64, u64), Problem> {
        let processor = self.processor(company, connection, package).await?;
        self.read_through(processor.as_ref(), connection, package, until, watcher).await
    }

    /// As [`Engine::read_new`], through a given processor: the shadow run hands in its own sign-in.
    pub async fn read_through(
        &self,
        processor: &dyn Processor,
        connection: &Connection,
        package: &Package,
        until: Timestamp,
        watcher: &Watcher,
    ) -> Result<(u64, u64), Problem> {
        // Only rows that others are asked for by stay in memory; a year of everything is large.
        let asked_by: BTreeSet<&str> = package.streams().iter().flat_map(|stream| stream.parents()).collect();
        let mut fresh: BTreeMap<String, Vec<Record>> = BTreeMap::new();
        let (mut read, mut new) = (0, 0);
        for stream in package.streams() {
            self.check_cancelled(watcher)?;
            let cursor = record::cursor(&self.pool, &connection.id, package.version(), stream.name()).await?;
            let window = Window { since: cursor.unwrap_or(connection.sync_from), until };
            let parents: Vec<&[Record]> = stream.parents().filter_map(|name| fresh.get(name)).map(Vec::as_slice).collect();
            let parents: Cow<'_, [Record]> = match parents.as_slice() {
                [one] => Cow::Borrowed(one),
                several => Cow::Owned(several.concat()),
            };
            let title = format!("Reading {}", stream.title().to_lowercase());
            let report = watcher.clone();
            let mut rows_seen = 0;
            let fetched = connector::fetch(package, stream.name(), window, &parents, processor, &mut |page| {
                rows_seen += page.rows as u64;
                report.report(title.clone(), rows_seen, None, "records");
            })
            .await?;
            read += fetched.records.len() as u64;
            new += record::keep(&self.pool, &connection.id, package.version(), &fetched.records, self.now()).await?;
            crash::point("sync.stream-kept");
            if asked_by.contains(stream.name()) {
                let mut parents = fetched.records;
                parents.iter_mut().for_each(|record| record.keep_what_children_need(package));
                fresh.insert(stream.name().to_string(), parents);
            }
        }
        // Only now: had one stream failed, the next run must ask for the others' children again.
        let mut tx = journal::begin(&self.pool).await?;
        for stream in package.streams() {
            record::set_cursor(&mut tx, &connection.id, package.version(), stream.name(), until).await?;
        }
        tx.commit().await.map_err(|e| crate::store::failed("move the cursors", &e))?;
        crash::point("sync.cursors-moved");
        Ok((read, new))
    }

    /// Maps everything a version has read so far.
    ///
    /// The same records map to the same drafts, so the last mapping is used again until a record is added.
    pub async fn read_mapped(&self, company: &Company, connection: &Connection, package: &Package) -> Result<Arc<Read>, Problem> {
        let stamp = record::count(&self.pool, &connection.id, package.version()).await?;
        let name = (connection.id.clone(), package.version().to_string());
        let remembered = self.memory.mapped.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        if let Some((then, read)) = remembered
            && then == stamp
        {
            // Answers are given between two readings.
            self.bind_answers(connection, package.version(), &read.mapped).await?;
            return Ok(read);
        }
        let mapped = {
            let mut all = self.memory.readings.lock().await;
            let reading = all.entry(name.clone()).or_default();
            self.map_arrivals(reading, company, connection, package.version(), package).await?
        };
        self.note_aliases(connection, &mapped.aliases).await?;
        self.bind_answers(connection, package.version(), &mapped).await?;
        let read = Arc::new(Read { mapped });
        self.memory.mapped.lock().unwrap_or_else(PoisonError::into_inner).insert(name, (stamp, read.clone()));
        Ok(read)
    }

    /// What a package makes of everything that `version` has read. The rules run away from the async threads, which have small
    /// stacks, and over some hundred records at a time, so that a year of them is never in memory at once.
    pub(crate) async fn map_arrivals(&self, reading: &mut Reading, company: &Company, connection: &Connection, version: &str, package: &Package) -> Result<Mapped, Problem> {
        let business = Business { zone: zone_of(company)?, currency: company.currency };
        let base = (company.zone.clone(), company.currency);
        if reading.base.as_ref() != Some(&base) {
            // Dates and amounts depend on these two, so nothing that was mapped before is still true.
            *reading = Reading { base: Some(base), ..Reading::default() };
        }
        match self.take_arrivals(reading, connection, version, package, &business).await {
            Ok(()) => tokio::task::block_in_place(|| reading.mapping.mapped(package, &business)),
            Err(problem) => {
                // Some may be taken in and some not: begin anew next time.
                *reading = Reading::default();
                Err(problem)
            }
        }
    }

    async fn take_arrivals(&self, reading: &mut Reading, connection: &Connection, version: &str, package: &Package, business: &Business) -> Result<(), Problem> {
        let names = reading.arrivals.catch_up(&self.pool, &connection.id, version).await?;
        for chunk in names.chunks(RECORDS_AT_ONCE) {
            let fresh = reading.arrivals.bodies(&self.pool, &connection.id, version, chunk).await?;
            let wanted = reading.mapping.wants(package, &fresh);
            let others = reading.arrivals.bodies(&self.pool, &connection.id, version, &wanted).await?;
            tokio::task::block_in_place(|| reading.mapping.take(package, &fresh, &others, business))?;
        }
        Ok(())
    }

    /// Keeps the older keys of movements, as far as they are not known yet.
    pub(crate) async fn note_aliases(&self, connection: &Connection, aliases: &[connector::Alias]) -> Result<(), Problem> {
        let known = self.known(&connection.id).await?;
        let new: Vec<connector::Alias> =
            aliases.iter().filter(|alias| known.old_of.get(&alias.new).is_none_or(|old| !old.contains(&alias.old))).cloned().collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut tx = journal::begin(&self.pool).await?;
        let before = movement::known_changes(&mut tx, &connection.id).await?;
        movement::put_aliases(&mut tx, &connection.id, &new).await?;
        let after = movement::known_changes(&mut tx, &connection.id).await?;
        tx.commit().await.map_err(|e| crate::store::failed("note aliases", &e))?;
        drop(known);
        self.learn(&connection.id, before, after, |known| known.alias(&new));
        Ok(())
    }

    pub(crate) async fn note_holds(&self, connection: &Connection, version: &str, read: &Read, postings: &Postings) -> Result<u64, Problem> {
        let mut holds = postings.holds.clone();
        for held in read.mapped.held.iter().filter(|h| h.instant >= connection.sync_from) {
            holds.push(movement::Hold {
                stream: held.stream.clone(),
                record: held.record.clone(),
                reason_code: held.reason_code.to_string(),
                reason: held.reason.clone(),
                instant: held.instant,
                minor: held.amount.map(|m: Money| m.minor),
            });
        }
        let answered = self.standing_answers(connection).await?;
        holds.retain(|hold| !answered.answers(hold));
        let count = holds.len() as u64;
        // On most days they are the same, and nothing needs to reach the disk.
        if movement::holds(&self.pool, &connection.id, version).await? != movement::in_order(&holds) {
            movement::replace_holds(&self.pool, &connection.id, version, &holds).await?;
        }
        Ok(count)
    }

    pub(crate) fn check_cancelled(&self, watcher: &Watcher) -> Result<(), Problem> {
        if !watcher.is_cancelled() {
            return Ok(());
        }
        Err(Problem::new(
            E_CANCELLED,
            "The work was cancelled.",
            "You asked to stop. What was read so far is kept and will not be read again.",
            "Start it again whenever you like.",
        ))
    }
}
