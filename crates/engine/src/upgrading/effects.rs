//! One arm per effect: carries it out and reports what the checks found.
//!
//! An error here becomes the effect's outcome; it never decides whether the upgrade goes on.

use super::baseline::{self, Baseline};
use super::rehearsal::{self, Rehearsed};
use super::runner::Surroundings;
use super::verifying::{self, Seen};
use super::{E_UPGRADE_FACT, Undertaking, facts, rollback, shadow, slices, switching};
use crate::companies::zone_of;
use crate::engine::Engine;
use crate::store::movement;
use crate::store::upgrade as stored;
use crate::sync::Read;
use ledger::{Problem, Role};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use upgrade::checks::{self, BackupProof, Identity};
use upgrade::{
    CheckId, CheckResult, Effect, Gained, Moment, Owner, Plan, Report, SliceName, Stage, State, VerifiedRollbackPoint, Written,
};

/// A shadow run says something from this many movements on.
const SHADOW_MOVEMENTS: u64 = 1;

impl Engine {
    pub(crate) async fn perform(&self, u: &Undertaking, state: &State, effect: &Effect, around: &Surroundings) -> Result<Report, Problem> {
        let plan = state.plan.as_ref().ok_or_else(|| lost_fact("plan"))?;
        self.check_cancelled(&around.watcher)?;
        match effect {
            Effect::RunPreflight => self.preflight(u, plan).await,
            Effect::TakeBackup => self.first_backup(u, around).await,
            Effect::ProveRestore => self.prove_restore(u, around).await,
            Effect::Rehearse => self.rehearse_recorded(u, plan, around).await,
            Effect::AskToReauthorize { permissions } => self.reauthorize(u, permissions, around).await,
            Effect::RunShadow => self.shadow_run(u, plan, around).await,
            Effect::RunChecks { moment } => self.run_checks(u, state, plan, *moment).await,
            Effect::TakeRollbackPoint { before } => self.rollback_point(u, *before, around).await,
            Effect::ApplySlice { slice } => self.apply_slice(u, plan, *slice, around).await,
            Effect::Fence { stream } => {
                switching::give(self, u, stream, Owner::Fenced).await?;
                Ok(Report::plain())
            }
            Effect::Drain => self.drain(u, plan, around).await,
            Effect::GiveTo { stream, owner } => {
                switching::give(self, u, stream, *owner).await?;
                Ok(Report::plain())
            }
            Effect::Validate => self.validate(u, state, plan).await,
            Effect::Reconcile => self.reconcile_now(u, plan).await,
            Effect::BeginWatch { .. } => {
                let today = self.now().to_zoned(zone_of(&u.company)?).date();
                Ok(Report::plain().gaining(Gained::WatchFrom { date: today }))
            }
            Effect::RetireOld => {
                let said = switching::retire_old(self, u).await?;
                Ok(Report::plain().fact("old access", said))
            }
            Effect::UndoSlice { slice } => {
                let undone = slices::undo(self, u, *slice, &around.watcher).await?;
                Ok(Report::plain().fact("taken out", undone.entries_posted.to_string()).fact("put back", undone.entries_removed.to_string()))
            }
            Effect::RestoreOwner { stream } => {
                switching::give(self, u, stream, Owner::Old).await?;
                Ok(Report::plain())
            }
            Effect::VerifyRollback => self.verify_rollback(u, state).await,
            Effect::DropNewAccess => {
                let said = switching::drop_new_access(self, u).await?;
                Ok(Report::plain().fact("new access", said))
            }
            // The runner answers these two itself.
            Effect::Resolve { .. } | Effect::Notify { .. } => Ok(Report::plain()),
        }
    }

    async fn preflight(&self, u: &Undertaking, plan: &Plan) -> Result<Report, Problem> {
        let description = self.books(&u.company).await?.describe().await?;
        let needed = description.size_bytes.saturating_mul(3);
        let package = self.package(&u.connection.connector, &u.to)?;
        let roles: Vec<Role> = package.roles().into_iter().collect();
        books::validate_roles(&u.connection.roles, &description.accounts, &roles, u.company.currency)?;
        let dates: Vec<jiff::civil::Date> = self.candidates(&u.company, &u.connection, plan.new_from).await?.into_iter().map(|c| c.date).collect();
        let closed = u.company.closed_through.max(description.closed_through);
        let checks = vec![
            checks::disk_space(free_bytes(self.home.dir()), needed),
            self.clock_check(u).await?,
            checks::books_not_open(&facts::lock(self, u).await?),
            version_check(&description),
            match dates.is_empty() {
                true => CheckResult::not_applicable(CheckId::PeriodOpen, "nothing of the old connector will be converted"),
                false => checks::period_open(closed, &dates),
            },
            checks::plan_still_holds(plan, &self.observe(&u.company, &u.connection).await?),
        ];
        Ok(Report::of_checks(checks).fact("books bytes", description.size_bytes.to_string()).fact("entries", description.entries.to_string()))
    }

    async fn clock_check(&self, u: &Undertaking) -> Result<CheckResult, Problem> {
        if self.is_practice() {
            return Ok(CheckResult::not_applicable(CheckId::ClockSane, "the practice company has its own clock"));
        }
        let (_, endpoints) = self.endpoints(&u.connection)?;
        // Any answer carries the time; whether the request was allowed does not matter.
        let there = match reqwest::Client::builder().timeout(std::time::Duration::from_secs(20)).build() {
            Ok(client) => client.head(endpoints.api_base.clone()).send().await.ok().and_then(|answer| {
                let date = answer.headers().get("date")?.to_str().ok()?.to_string();
                jiff::fmt::rfc2822::parse(&date).ok().map(|zoned| zoned.timestamp())
            }),
            Err(_) => None,
        };
        Ok(checks::clock_sane(self.now(), there))
    }

    async fn first_backup(&self, u: &Undertaking, around: &Surroundings) -> Result<Report, Problem> {
        self.backups_must_count().await?;
        let position = self.journal.head().await?.map_or(0, |h| h.seq);
        let book = self.books(&u.company).await?;
        let before = baseline::take(book.as_ref(), position, self.now()).await?;
        stored::keep_fact(&self.pool, &u.id, baseline::FACT, &before).await?;
        let row = self.take_backup(&u.company, "before the upgrade", Some(&u.id), &around.watcher).await?;
        stored::keep_fact(&self.pool, &u.id, "first-backup", &row.id).await?;
        let proof = BackupProof { files: row.manifest.files.len() as u64, equal: row.files, findings: Vec::new() };
        Ok(Report::of_checks(vec![checks::backup_proved(Some(&proof))])
            .fact("backup", row.id)
            .fact("bytes", row.bytes.to_string())
            .fact("files", row.files.to_string()))
    }

    async fn prove_restore(&self, u: &Undertaking, around: &Surroundings) -> Result<Report, Problem> {
        let id: String = stored::fact(&self.pool, &u.id, "first-backup").await?.ok_or_else(|| lost_fact("first backup"))?;
        let row = self.backup(&u.company, Some(&id)).await?;
        let to = self.home.work_folder(&format!("restored-{}", u.id))?;
        let (verified, copy) = self.prove_backup(&u.company, &row, &to, &around.watcher).await?;
        let restored = baseline::take(crate::books_port::open(&copy.book).await?.as_ref(), 0, self.now()).await?;
        let before = self.baseline(u).await?;
        stored::keep_fact(&self.pool, &u.id, "restored-book", &copy.book).await?;
        Ok(Report::of_checks(vec![checks::restore_totals_equal(&facts::totals(&before), Some(&facts::totals(&restored)))])
            .fact("entries", copy.entries.to_string())
            .fact("accounts", copy.accounts.to_string())
            .fact("backup", verified.id()))
    }

    async fn baseline(&self, u: &Undertaking) -> Result<Arc<Baseline>, Problem> {
        self.baseline_of(&u.id).await?.ok_or_else(|| lost_fact("baseline"))
    }

    /// A fresh copy of the restored book for one rehearsal; the restored one itself stays as it was.
    async fn rehearsal_book(&self, u: &Undertaking) -> Result<(PathBuf, PathBuf), Problem> {
        let restored: PathBuf = stored::fact(&self.pool, &u.id, "restored-book").await?.ok_or_else(|| lost_fact("restored book"))?;
        let dir = self.home.work_folder(&format!("rehearsal-{}", u.id))?;
        let copy = crate::books_port::open(&restored).await?.snapshot_to(&dir).await?;
        Ok((dir, copy))
    }

    /// With the records that the old connector has read: what the new one needs beyond that is held.
    async fn rehearse_recorded(&self, u: &Undertaking, plan: &Plan, around: &Surroundings) -> Result<Report, Problem> {
        let package = self.package(&u.connection.connector, &u.to)?;
        let mapped = self.map_arrivals(&mut crate::sync::Reading::default(), &u.company, &u.connection, &u.from, package).await?;
        // The sandbox copies the store, so the aliases must be there before it does.
        self.note_aliases(&u.connection, &mapped.aliases).await?;
        self.bind_answers(&u.connection, &u.to, &mapped).await?;
        self.rehearse(u, plan, &Read { mapped }, around).await
    }

    async fn rehearse(&self, u: &Undertaking, plan: &Plan, read: &Read, around: &Surroundings) -> Result<Report, Problem> {
        let (dir, book) = self.rehearsal_book(u).await?;
        let done = rehearsal::rehearse(self, u, plan, read, &dir.join("home"), &book, &around.watcher).await?;
        stored::keep_fact(&self.pool, &u.id, rehearsal::FACT, &done).await?;
        std::fs::remove_dir_all(&dir).map_err(|e| crate::home::cannot_use(&dir, &e))?;
        let entries: Vec<ledger::Entry> = Vec::new();
        let balances = match done.posted {
            // Every entry was balanced before it was bound, and the copy's own check refuses any other.
            0 => checks::every_entry_balances(&entries),
            posted => CheckResult::new(CheckId::EveryEntryBalances, upgrade::Verdict::Pass, format!("{posted} of {posted}"), format!("{posted} of {posted}"))
                .counting(posted, posted, 0),
        };
        let doubled = CheckResult::new(
            CheckId::NothingPostedTwice,
            if done.doubled == 0 { upgrade::Verdict::Pass } else { upgrade::Verdict::Fail },
            format!("{} doubled", done.doubled),
            "0 doubled",
        )
        .counting(done.posted, done.posted, done.doubled);
        let stages = facts::writing_stages(plan.waves());
        Ok(Report::of_checks(vec![balances, doubled, checks::rollback_rehearsed(&stages, &facts::drills(&done))])
            .fact("milliseconds", done.milliseconds.to_string())
            .fact("posted", done.posted.to_string())
            .fact("removed", done.removed.to_string())
            .fact("held", done.held.to_string())
            .fact("staying", done.stay_count.to_string()))
    }

    async fn reauthorize(&self, u: &Undertaking, permissions: &[String], around: &Surroundings) -> Result<Report, Problem> {
        let usable = self.access(&u.connection, &u.to).await?.filter(|access| permissions.iter().all(|p| access.permissions.contains(p)));
        let (tenant, granted) = match usable {
            Some(access) if access.state == authorization::CredentialState::Active => (access.tenant, access.permissions),
            Some(_) | None => {
                let facts = self.sign_in(&u.company, &u.connection, &u.to, &around.desk).await?;
                (facts.tenant, facts.permissions)
            }
        };
        let connection = self.connection(&u.company, Some(&u.connection.id)).await?;
        let expected = Identity { id: connection.tenant_id.clone().unwrap_or_default(), name: connection.tenant_name.clone().unwrap_or_default() };
        let found = Identity { id: tenant.id.clone(), name: tenant.name.clone() };
        Ok(Report::of_checks(vec![checks::same_company(&expected, Some(&found)), checks::permissions_sufficient(permissions, Some(&granted))])
            .gaining(Gained::NewAccess { company: tenant.name, permissions: granted }))
    }

    async fn shadow_run(&self, u: &Undertaking, plan: &Plan, around: &Surroundings) -> Result<Report, Problem> {
        // The old connector first, so that both have seen the same moment.
        self.sync_locked(&u.company, &u.connection, &around.watcher).await?;
        let package = self.package(&u.connection.connector, &u.to)?;
        self.read_new(&u.company, &u.connection, package, self.now(), &around.watcher).await?;
        let read = self.read_mapped(&u.company, &u.connection, package).await?;
        let compared = shadow::compare(self, u, &read).await?;
        let seen_kinds: BTreeSet<String> = compared.rows.iter().map(|row| row.record.stream.clone()).collect();
        let needed_kinds: BTreeSet<String> = self.candidates(&u.company, &u.connection, plan.new_from).await?.into_iter().map(|c| c.kind).collect();
        let result = facts::shadow(&compared);
        let mut checks = vec![
            checks::shadow_unexplained_zero(Some(&result)),
            checks::minimum_sample(compared.rows.len() as u64, &seen_kinds, SHADOW_MOVEMENTS, &needed_kinds),
        ];
        let counts = compared.counts;
        let mut report = Report::plain()
            .fact("same", counts.same.to_string())
            .fact("expected", counts.expected.to_string())
            .fact("unexplained", counts.unexplained.to_string());
        drop(compared.rows);
        if counts.unexplained == 0 {
            // Rehearsed again, now with everything that the new permissions show.
            let again = self.rehearse(u, plan, &read, around).await?;
            checks.extend(again.checks);
            report.facts.extend(again.facts.into_iter().map(|(name, value)| (format!("rehearsal {name}"), value)));
        }
        report.checks = checks;
        Ok(report)
    }

    /// Everything the new connector has read, mapped anew.
    pub(crate) async fn read_of_new(&self, u: &Undertaking) -> Result<std::sync::Arc<Read>, Problem> {
        let package = self.package(&u.connection.connector, &u.to)?;
        self.read_mapped(&u.company, &u.connection, package).await
    }

    pub(crate) async fn seen(&self, u: &Undertaking) -> Result<(Arc<Baseline>, Seen), Problem> {
        let before = self.baseline(u).await?;
        let read = self.read_of_new(u).await?;
        let seen = verifying::look(self, u, &before, &read).await?;
        Ok((before, seen))
    }

    async fn run_checks(&self, u: &Undertaking, state: &State, plan: &Plan, moment: Moment) -> Result<Report, Problem> {
        match moment {
            Moment::Before(Stage::Finished) => {
                let (_, seen) = self.seen(u).await?;
                let holds = movement::holds(&self.pool, &u.connection.id, &u.to).await?;
                let reviewed = self.reviewed_holds(&u.connection).await?;
                let mut checks = self.money_checks(&seen, &holds);
                checks.push(checks::held_movements_reviewed(&facts::held(&holds, u.company.currency, &reviewed)));
                checks.push(checks::no_in_doubt(&in_doubt(state)));
                checks.push(checks::one_owner_per_stream(&state.owners, &facts::probes(self, u, &plan.streams).await?));
                Ok(Report::of_checks(checks))
            }
            Moment::Before(stage) => {
                let read = self.read_of_new(u).await?;
                let known = self.known(&u.connection.id).await?;
                let slice = rehearsal::plan_share(self, u, plan, &read, &known, share_of(stage)).await?;
                let book = self.books(&u.company).await?;
                let kept = crate::changes::take_out(book.as_ref(), &known, &slice.out).await?.len() as u64;
                let mut checks = facts::before_write(u, &slice, kept, &facts::lock(self, u).await?, &in_doubt(state));
                if stage == Stage::Canary {
                    let rehearsed: Option<Rehearsed> = stored::fact(&self.pool, &u.id, rehearsal::FACT).await?;
                    let now = self.candidates(&u.company, &u.connection, plan.new_from).await?;
                    let kinds: BTreeSet<String> = now.iter().map(|c| c.kind.clone()).collect();
                    // Payments that came in since are no reason to rehearse again, new kinds of them are.
                    let records = rehearsed.as_ref().map_or(now.len() as u64, |r| r.candidates.min(now.len() as u64));
                    checks.push(checks::rehearsal_fresh(rehearsed.as_ref().map(facts::rehearsal).as_ref(), self.now(), records, &kinds));
                    checks.push(checks::plan_still_holds(plan, &self.observe(&u.company, &u.connection).await?));
                }
                Ok(Report::of_checks(checks).fact("records", slice.records.to_string()).fact("staying", slice.stays.len().to_string()))
            }
            Moment::After(stage) => {
                let (before, seen) = self.seen(u).await?;
                let mut checks = self.entry_checks(u, &before, &seen);
                if stage == Stage::CutOver {
                    checks.push(checks::one_owner_per_stream(&state.owners, &facts::probes(self, u, &plan.streams).await?));
                }
                Ok(Report::of_checks(checks))
            }
            Moment::RolledBack => self.verify_rollback(u, state).await,
        }
    }

    /// After a write: balanced, read back equal, nothing doubled, other accounts untouched.
    fn entry_checks(&self, u: &Undertaking, before: &Baseline, seen: &Seen) -> Vec<CheckResult> {
        let (posted, read) = facts::posted_and_read(u, seen);
        vec![
            checks::every_entry_balances(&posted),
            checks::nothing_posted_twice(&facts::accounted(seen, &[])),
            checks::read_back_equal(&posted, &read),
            self.untouched(u, before, seen),
        ]
    }

    fn untouched(&self, u: &Undertaking, before: &Baseline, seen: &Seen) -> CheckResult {
        let ours: BTreeSet<ledger::AccountId> = u.connection.roles.0.values().cloned().collect();
        if seen.by_people > 0 {
            return CheckResult::not_applicable(
                CheckId::UntouchedAccountsEqual,
                format!("{} entries of people changed meanwhile; the reconciliation lists them one by one", seen.by_people),
            );
        }
        checks::untouched_accounts_equal(&before.balances, &seen.now.balances, &ours)
    }

    fn money_checks(&self, seen: &Seen, holds: &[movement::Hold]) -> Vec<CheckResult> {
        let accounted = facts::accounted(seen, holds);
        vec![
            checks::nothing_posted_twice(&accounted),
            checks::nothing_lost(&accounted),
            checks::clearing_agrees(Some(seen.clearing_processor), seen.clearing_books, &facts::payouts(seen)),
        ]
    }

    /// A backup that is restored and opened right now, directly before a write.
    async fn rollback_point(&self, u: &Undertaking, before: Stage, around: &Surroundings) -> Result<Report, Problem> {
        self.backups_must_count().await?;
        let taken_at = self.now();
        let row = self.take_backup(&u.company, &format!("before {}", before.name()), Some(&u.id), &around.watcher).await?;
        let to = self.home.work_folder(&format!("rollback-point-{}", u.id))?;
        let (verified, _) = self.prove_backup(&u.company, &row, &to, &around.watcher).await?;
        std::fs::remove_dir_all(&to).map_err(|e| crate::home::cannot_use(&to, &e))?;
        let point = VerifiedRollbackPoint {
            id: row.id.clone(),
            backup: verified.id().to_string(),
            journal_position: row.journal_seq,
            taken_at,
            verified_at: self.now(),
        };
        Ok(Report::plain().gaining(Gained::RollbackPoint { point }).fact("backup", row.id))
    }

    async fn apply_slice(&self, u: &Undertaking, plan: &Plan, name: SliceName, around: &Surroundings) -> Result<Report, Problem> {
        let read = self.read_of_new(u).await?;
        let known = self.known(&u.connection.id).await?;
        let slice = rehearsal::plan_share(self, u, plan, &read, &known, name).await?;
        let staying = slice.stays.clone();
        let written = slices::convert(self, u, name, slice, &known, &around.watcher).await?;
        stored::keep_fact(&self.pool, &u.id, &format!("staying-{}", name.name()), &staying).await?;
        Ok(Report::plain().gaining(Gained::Written { written }).fact("staying", staying.len().to_string()))
    }

    /// Everything is fenced: read once more, then convert and post whatever is left.
    async fn drain(&self, u: &Undertaking, plan: &Plan, around: &Surroundings) -> Result<Report, Problem> {
        let package = self.package(&u.connection.connector, &u.to)?;
        self.read_new(&u.company, &u.connection, package, self.now(), &around.watcher).await?;
        let report = self.apply_slice(u, plan, SliceName::Arrivals, around).await?;
        let holds = self.holds_of_new(u).await?;
        Ok(report.fact("held", holds.to_string()))
    }

    /// Notes what the new connector holds, as day-to-day runs do.
    async fn holds_of_new(&self, u: &Undertaking) -> Result<u64, Problem> {
        let read = self.read_of_new(u).await?;
        self.note_holds(&u.connection, &u.to, &read, &crate::postings::Postings::default()).await
    }

    async fn validate(&self, u: &Undertaking, state: &State, plan: &Plan) -> Result<Report, Problem> {
        let (before, seen) = self.seen(u).await?;
        let holds = movement::holds(&self.pool, &u.connection.id, &u.to).await?;
        let mut checks = self.entry_checks(u, &before, &seen);
        checks.retain(|check| check.id != CheckId::UntouchedAccountsEqual);
        checks.push(checks::nothing_lost(&facts::accounted(&seen, &holds)));
        checks.push(version_check(&self.books(&u.company).await?.describe().await?));
        checks.push(checks::one_owner_per_stream(&state.owners, &facts::probes(self, u, &plan.streams).await?));
        Ok(Report::of_checks(checks))
    }

    async fn reconcile_now(&self, u: &Undertaking, _plan: &Plan) -> Result<Report, Problem> {
        let (before, seen) = self.seen(u).await?;
        let holds = movement::holds(&self.pool, &u.connection.id, &u.to).await?;
        let mut checks = self.money_checks(&seen, &holds);
        checks.push(self.untouched(u, &before, &seen));
        // The remainder to the cent: what neither our intents nor people's own entries explain.
        checks.push(remainder(&seen));
        stored::keep_fact(&self.pool, &u.id, "verdict", &seen.verdict).await?;
        Ok(Report::of_checks(checks)
            .fact("verdict", seen.verdict.sentence())
            .fact("unexplained", seen.verdict.unexplained.to_string())
            .fact("doubled", seen.verdict.doubled.to_string())
            .fact("lost", seen.verdict.lost.to_string())
            .fact("by people", seen.by_people.to_string()))
    }

    /// The checks of one day of the watch.
    pub(crate) async fn watch_checks(&self, u: &Undertaking) -> Result<(Vec<CheckResult>, Seen), Problem> {
        let (_, seen) = self.seen(u).await?;
        let holds = movement::holds(&self.pool, &u.connection.id, &u.to).await?;
        let mut checks = self.money_checks(&seen, &holds);
        checks.push(remainder(&seen));
        stored::keep_fact(&self.pool, &u.id, "verdict", &seen.verdict).await?;
        Ok((checks, seen))
    }

    async fn verify_rollback(&self, u: &Undertaking, state: &State) -> Result<Report, Problem> {
        let doubt = checks::no_in_doubt(&in_doubt(state));
        let Some(before) = self.baseline_of(&u.id).await? else {
            // Rolled back before anything was copied: then nothing can have been written either.
            return Ok(Report::of_checks(vec![
                CheckResult::not_applicable(CheckId::BalancesEqualBaseline, "nothing was written and no baseline was taken"),
                CheckResult::not_applicable(CheckId::NothingPostedTwice, "nothing was written"),
                doubt,
            ]));
        };
        let back = rollback::compare(self, u, &before).await?;
        let wrong = back.wrong.len() as u64;
        let verdict = if wrong == 0 { upgrade::Verdict::Pass } else { upgrade::Verdict::Fail };
        let equal = CheckResult::new(
            CheckId::BalancesEqualBaseline,
            verdict,
            format!("{} entries compared, {wrong} differences", back.compared),
            format!("{} entries, 0 differences", back.compared),
        )
        .counting(back.compared, back.compared, wrong)
        .detailing(back.wrong);
        let keys: Vec<ledger::EntryKey> =
            self.books(&u.company).await?.entries(books::Period::ALL).await?.into_iter().flat_map(|e| e.keys).collect();
        let distinct: BTreeSet<&ledger::EntryKey> = keys.iter().collect();
        let doubled = (keys.len() - distinct.len()) as u64;
        let twice = CheckResult::new(
            CheckId::NothingPostedTwice,
            if doubled == 0 { upgrade::Verdict::Pass } else { upgrade::Verdict::Fail },
            format!("{doubled} doubled"),
            "0 doubled",
        )
        .counting(keys.len() as u64, keys.len() as u64, doubled);
        Ok(Report::of_checks(vec![equal, twice, doubt])
            .fact("by the old connector", back.by_old.to_string())
            .fact("by people", back.by_people.to_string()))
    }

    /// Which holds a person has looked at, and who.
    pub async fn reviewed_holds(&self, connection: &crate::store::company::Connection) -> Result<BTreeMap<String, String>, Problem> {
        let filter = journal::Filter { scope: Some(connection.id.clone()), kind: Some("hold.reviewed".to_string()) };
        let entries = self.journal.entries(&filter, 0, journal::store::LARGEST_PAGE).await?;
        Ok(entries.into_iter().filter_map(|e| Some((e.body.get("hold")?.as_str()?.to_string(), e.actor))).collect())
    }
}

/// Opening refuses every file whose tables it was not tested with (`E-BOOKS-VERSION`), so books that could be described
/// are of a known version; the finding names it.
fn version_check(description: &books::Description) -> CheckResult {
    let found = format!("{} {}", description.app, description.app_version);
    checks::books_version_known(Some(&found), &[&found])
}

/// The remainder as a check of its own: part of "nothing doubled, nothing lost, to the cent".
fn remainder(seen: &Seen) -> CheckResult {
    let verdict = match seen.verdict.agreement {
        reconcile::Agreement::Agrees => upgrade::Verdict::Pass,
        reconcile::Agreement::Differs => upgrade::Verdict::Fail,
    };
    let details: Vec<String> = seen
        .verdict
        .unexplained_rows()
        .map(|row| format!("{} on {}: {} unexplained, {} lines too many or too few.", row.account, row.date, row.remainder, row.remainder_count))
        .chain(seen.verdict.balances.iter().map(|row| format!("{}: the stated balance is off by {}.", row.account, row.remainder)))
        .chain(seen.verdict.findings.iter().cloned())
        .collect();
    CheckResult::new(CheckId::ShadowUnexplainedZero, verdict, seen.verdict.sentence(), "0.00 unexplained, 0 doubled, 0 lost")
        .counting(seen.verdict.account_days, seen.verdict.account_days, details.len() as u64)
        .differing_by(seen.verdict.unexplained)
        .detailing(details)
}

fn in_doubt(state: &State) -> Vec<String> {
    state.in_doubt.iter().map(|doubt| upgrade::words::effect(&doubt.effect)).collect()
}

fn share_of(stage: Stage) -> SliceName {
    match stage {
        Stage::Canary => SliceName::Canary,
        Stage::Wave(number) => SliceName::Wave(number),
        Stage::Draft
        | Stage::Planned
        | Stage::Preflight
        | Stage::BackedUp
        | Stage::RestoreVerified
        | Stage::Rehearsed
        | Stage::Reauthorized
        | Stage::Shadowed
        | Stage::CutOver
        | Stage::Validated
        | Stage::Reconciled
        | Stage::Watching
        | Stage::Finished => SliceName::Arrivals,
    }
}

fn lost_fact(name: &str) -> Problem {
    Problem::new(
        E_UPGRADE_FACT,
        format!("The upgrade's {name} is not in the store."),
        "It was written by an earlier stage; the store was changed from outside, or restored from an older copy.",
        "Repeat the upgrade from the stage that makes it, or roll back.",
    )
}

/// Free bytes where the home lies; None where the system does not say.
fn free_bytes(dir: &std::path::Path) -> Option<u64> {
    crate::home::free_bytes(dir)
}

/// What nothing at all was written looks like.
pub fn nothing_written(currency: ledger::Currency) -> Written {
    Written { movements: 0, entries_posted: 0, entries_removed: 0, amount: ledger::Money::zero(currency) }
}
