//! Today: what needs a person, nearest deadline first; how money reaches the books; how backup, books and watch are.

use super::accounts::{self, is_stopped, sign_in};
use super::plan::quiet_start;
use super::reconcile::agreement_tile;
use super::shared::{At, at, count, role_account, small, stage_name, stored_problem};
use super::upgrade_run;
use crate::app::App;
use crate::views::*;
use ::upgrade::{Gate, Mode, Stage, State};
use engine::store::company::Connection;
use engine::store::{movement, upgrade as stored};
use jiff::{SignedDuration, Timestamp};
use ledger::{Money, Problem, Role};

pub async fn today_view(app: &App, args: CompanyArgs) -> Result<TodayView, Problem> {
    let at = at(app, &args.company).await?;
    let names = at.account_names().await;
    let mut flows = Vec::new();
    let mut watch = None;
    let mut last_sync: Option<Timestamp> = None;
    let mut providers = Vec::new();
    let connections = at.engine.connections(&at.company).await?;
    let balances = match at.engine.books(&at.company).await {
        Ok(book) => book.balances(None).await.unwrap_or_default(),
        // The books' trouble is one of the needs below.
        Err(_) => Default::default(),
    };
    for connection in &connections {
        let (owner, open) = at.engine.owner(connection).await?;
        let payout = at.engine.newest_payout(connection).await?;
        let zero = Money::zero(at.company.currency);
        flows.push(FlowView {
            connection: connection.id.clone(),
            provider: at.provider_title(connection),
            last_payment: at.engine.newest_payment(connection).await?.map(|t| t.to_string()),
            connector: at.engine.version_now(connection).await?,
            owner: upgrade_run::stream_owner(owner, open.is_some()),
            clearing_account: role_account(&names, connection, Role::Clearing),
            to_pay_out: connection
                .roles
                .get(Role::Clearing)
                .and_then(|account| balances.get(account).copied())
                .unwrap_or(zero)
                .into(),
            bank_account: role_account(&names, connection, Role::Bank),
            last_payout: payout.as_ref().map(|p| p.instant.to_string()),
            last_payout_amount: payout.and_then(|p| p.amount).map(MoneyView::from),
        });
        providers.push(at.provider_title(connection));
        last_sync = last_sync.max(connection.synced_at);
        if let Some(row) = stored::open_of(&at.engine.pool, &connection.id).await? {
            let state = at.engine.upgrade_state(&row.id).await?;
            watch = Some(watch_tile(&at, connection, &row.id, &state).await?);
        }
    }
    let posted = match watch {
        Some(_) => 0,
        None => posted_last(&at).await?,
    };
    Ok(TodayView {
        company: at.company.id.clone(),
        company_name: at.company.name.clone(),
        now: at.now().to_string(),
        zone: at.company.zone.clone(),
        needs: needs(app, &at).await?,
        flows,
        backup: backup_tile(app, &at).await?,
        agreement: agreement_tile(app, &at, providers).await?,
        watch: watch.unwrap_or(WatchTile::None {
            last_sync: last_sync.map(|t| t.to_string()),
            posted,
        }),
    })
}

/// How many entries the newest fetch that found something has posted.
async fn posted_last(at: &At) -> Result<u32, Problem> {
    let filter = journal::Filter {
        scope: Some(at.company.id.clone()),
        kind: Some("sync.done".to_string()),
    };
    let entries = at.engine.journal.entries(&filter, 0, journal::store::LARGEST_PAGE).await?;
    Ok(entries
        .last()
        .and_then(|entry| entry.body.get("posted"))
        .and_then(serde_json::Value::as_u64)
        .map_or(0, small))
}

async fn watch_tile(at: &At, connection: &Connection, id: &str, state: &State) -> Result<WatchTile, Problem> {
    let provider = at.provider_title(connection);
    let (from, to) = state
        .plan
        .as_ref()
        .map(|p| (p.from_version.clone(), p.to_version.clone()))
        .unwrap_or_default();
    Ok(match (&state.watch, &state.plan) {
        (Some(watch), Some(plan)) => {
            let days = at.engine.watched_days(id).await?;
            WatchTile::Watching {
                upgrade: id.to_string(),
                provider,
                version: to,
                day: count(watch.days.len()),
                of: plan.watch_days,
                checked: small(days.iter().map(|day| day.posted).sum()),
                surprises: count(days.iter().filter(|day| !day.agrees).count()),
            }
        }
        (Some(_), None) | (None, _) => WatchTile::Running {
            upgrade: id.to_string(),
            provider,
            from,
            to,
            stage: stage_name(upgrade_run::present(state)),
        },
    })
}

async fn backup_tile(app: &App, at: &At) -> Result<BackupTile, Problem> {
    let all = at.engine.backups(&at.company).await?;
    let Some(newest) = all.first() else {
        return Ok(
            match app
                .jobs()
                .latest(Some(&at.company.id), Work::Backup)
                .and_then(|job| job.problem.map(|problem| (job.started, problem)))
            {
                Some((taken, problem)) => BackupTile::Failed { taken, problem },
                None => BackupTile::None,
            },
        );
    };
    let places = |place: &std::path::Path| vec![place.display().to_string()];
    // A younger one that is not proved yet does not take away what an older one has proved.
    Ok(match all.iter().find(|row| row.restored_at.is_some()) {
        Some(row) => BackupTile::Proved {
            taken: row.copied_at.to_string(),
            proved: row.restored_at.map(|t| t.to_string()).unwrap_or_default(),
            copies: count(all.len()),
            places: places(&row.place),
            entries: small(row.entries),
        },
        None => BackupTile::Taken {
            taken: newest.copied_at.to_string(),
            copies: count(all.len()),
            places: places(&newest.place),
        },
    })
}

fn need(mood: Mood, deadline: Option<Timestamp>, now: Timestamp, need: Need) -> NeedView {
    let days = deadline.map(|deadline| i32::try_from(deadline.duration_since(now).as_hours().div_euclid(24)).unwrap_or(i32::MAX));
    NeedView {
        mood,
        deadline: deadline.map(|t| t.to_string()),
        days_left: days,
        need,
    }
}

/// Everything that needs a person, nearest deadline first, then the gravest.
pub async fn needs(app: &App, at: &At) -> Result<Vec<NeedView>, Problem> {
    let now = at.now();
    let mut needs = Vec::new();
    let books = accounts::books(at).await;
    if let Some(problem) = books.problem {
        needs.push(need(Mood::Stop, None, now, Need::BooksTrouble { problem }));
    }
    if let Some(KeychainView::Locked { name }) = app.inner.memory.keychain(&at.engine.installation) {
        needs.push(need(Mood::Attention, None, now, Need::KeychainLocked { name }));
    }
    let connections = at.engine.connections(&at.company).await?;
    if connections.is_empty() {
        needs.push(need(Mood::Information, None, now, Need::Connect));
    }
    for connection in &at.engine.accounts(&at.company).await? {
        connection_needs(at, connection, &mut needs).await?;
    }
    let ends = super::calendar::needs(at, &needs).await?;
    needs.extend(ends);
    if !connections.is_empty() {
        backup_needs(at, &mut needs).await?;
    }
    needs.sort_by(|a, b| {
        let grave = |mood: Mood| match mood {
            Mood::Stop => 0,
            Mood::Attention => 1,
            Mood::Information => 2,
            Mood::Plain | Mood::Good => 3,
        };
        // A need without a deadline comes after every one with; text of RFC 3339 in UTC sorts by time.
        (a.deadline.is_none(), &a.deadline, grave(a.mood)).cmp(&(b.deadline.is_none(), &b.deadline, grave(b.mood)))
    });
    Ok(needs)
}

async fn connection_needs(at: &At, connection: &Connection, needs: &mut Vec<NeedView>) -> Result<(), Problem> {
    let now = at.now();
    let provider = at.provider_title(connection);
    let sign_in = sign_in(at, connection).await?;
    if sign_in.state == ConnectionState::NeverConnected && connection.is_access_only() {
        // Added a moment ago, and nothing waits for it.
        return Ok(());
    }
    if sign_in.state == ConnectionState::NeverConnected {
        needs.push(need(Mood::Attention, None, now, Need::Connect));
    } else if is_stopped(sign_in.state) || sign_in.state == ConnectionState::EndsSoon {
        let ended = sign_in.state != ConnectionState::EndsSoon && sign_in.state != ConnectionState::PermissionMissing;
        let mood = if ended { Mood::Stop } else { Mood::Attention };
        // What has ended already has no days left, whatever was once agreed.
        let ends = sign_in.ends.filter(|ends| !ended || *ends <= now);
        needs.push(need(
            mood,
            ends,
            now,
            Need::Reconnect {
                connection: connection.id.clone(),
                provider: provider.clone(),
                missing: sign_in.missing.clone(),
                ended,
            },
        ));
    }
    if connection.is_access_only() {
        return Ok(());
    }
    match stored::open_of(&at.engine.pool, &connection.id).await? {
        Some(row) => {
            let state = at.engine.upgrade_state(&row.id).await?;
            needs.extend(upgrade_need(at, &provider, &row.id, &state));
        }
        None => {
            let package = at.engine.package(&connection.connector, &connection.version)?;
            if let Some(next) = at.engine.catalog.successor(package) {
                let deadline = next.breaking_changes().iter().filter_map(|change| change.deadline).min();
                let deadline = deadline
                    .and_then(|day| day.to_zoned(at.zone.clone()).ok())
                    .map(|start| start.timestamp());
                let new = next
                    .permissions()
                    .iter()
                    .filter(|need| package.permissions().iter().all(|old| old.permission != need.permission))
                    .count();
                let quiet = quiet_start(at, connection).await?;
                let ready = Need::UpgradeReady {
                    connection: connection.id.clone(),
                    provider: provider.clone(),
                    from: connection.version.clone(),
                    to: next.version().to_string(),
                    new_permissions: count(new),
                    quiet_time: quiet.map(|t| t.to_string()),
                };
                needs.push(need(Mood::Information, deadline, now, ready));
            }
        }
    }
    let version = at.engine.version_now(connection).await?;
    let reviewed = at.engine.reviewed_holds(connection).await?;
    let holds: Vec<movement::Hold> = movement::holds(&at.engine.pool, &connection.id, &version)
        .await?
        .into_iter()
        .filter(|hold| !reviewed.contains_key(&engine::upgrading::facts::hold_name(hold)))
        .collect();
    if !holds.is_empty() {
        let known: Vec<i64> = holds.iter().filter_map(|hold| hold.minor).collect();
        let amount = match known.is_empty() {
            true => None,
            false => Some(
                Money::sum(
                    at.company.currency,
                    known.into_iter().map(|minor| Money::new(minor, at.company.currency)),
                )?
                .into(),
            ),
        };
        needs.push(need(
            Mood::Attention,
            None,
            now,
            Need::Held {
                count: count(holds.len()),
                amount,
            },
        ));
    }
    Ok(())
}

fn upgrade_need(at: &At, provider: &str, id: &str, state: &State) -> Option<NeedView> {
    let now = at.now();
    let plan = state.plan.as_ref()?;
    let (upgrade, provider) = (id.to_string(), provider.to_string());
    let (from, to) = (plan.from_version.clone(), plan.to_version.clone());
    match &state.mode {
        Mode::Waiting { gate: Gate::BeforeFinish } => Some(need(
            Mood::Good,
            None,
            now,
            Need::UpgradeCanFinish {
                upgrade,
                provider,
                from,
                to,
            },
        )),
        Mode::Waiting { gate } => {
            let for_whom = ::upgrade::words::role(plan.gate_rule(*gate).role).to_string();
            Some(need(
                Mood::Information,
                None,
                now,
                Need::UpgradeWaits {
                    upgrade,
                    provider,
                    from,
                    to,
                    for_whom,
                },
            ))
        }
        Mode::Paused { .. } => Some(need(
            Mood::Attention,
            None,
            now,
            Need::UpgradePaused {
                upgrade,
                provider,
                from,
                to,
                why: ::upgrade::words::mode_sentence(&state.mode),
            },
        )),
        Mode::Halted { .. } => {
            let problem = upgrade_run::halted_problem(state)?;
            Some(need(
                Mood::Stop,
                None,
                now,
                Need::UpgradeHalted {
                    upgrade,
                    provider,
                    problem,
                },
            ))
        }
        Mode::Frozen { problem, .. } => Some(need(
            Mood::Stop,
            None,
            now,
            Need::UpgradeHalted {
                upgrade,
                provider,
                problem: stored_problem(problem),
            },
        )),
        Mode::Running if state.stage == Stage::Reconciled && state.watch.is_some() => {
            let watch = state.watch.as_ref()?;
            let today = now.to_zoned(at.zone.clone()).date();
            // Done for today: nobody has to do anything.
            if watch.days.contains_key(&today) && !at.company.practice {
                return None;
            }
            let day = count(watch.days.len()).saturating_add(u32::from(!watch.days.contains_key(&today)));
            Some(need(
                Mood::Plain,
                None,
                now,
                Need::WatchDay {
                    upgrade,
                    provider,
                    day,
                    of: plan.watch_days,
                },
            ))
        }
        Mode::Running | Mode::Resolving { .. } | Mode::RollingBack { .. } | Mode::RolledBack | Mode::Finished => None,
    }
}

/// So long without a good backup is more than one bad night.
const DAYS_WITHOUT_BACKUP: SignedDuration = SignedDuration::from_hours(3 * 24);

async fn backup_needs(at: &At, needs: &mut Vec<NeedView>) -> Result<(), Problem> {
    let now = at.now();
    let all = at.engine.backups(&at.company).await?;
    match all.first() {
        None => needs.push(need(Mood::Attention, None, now, Need::BackupMissing)),
        Some(newest) if all.iter().all(|row| row.restored_at.is_none()) => {
            needs.push(need(
                Mood::Attention,
                None,
                now,
                Need::BackupUnproved {
                    taken: newest.copied_at.to_string(),
                },
            ));
        }
        Some(_) => {}
    }
    if let Some(run) = at.engine.backup_run(&at.company).await?
        && let Some(failed) = run.failed
    {
        let newest = all.first().map(|row| row.copied_at);
        // One bad night is a notice; several days without a good one stop being that.
        let days_without = newest.is_none_or(|newest| now.duration_since(newest) > DAYS_WITHOUT_BACKUP);
        let mood = if days_without { Mood::Stop } else { Mood::Attention };
        let (at, newest) = (run.at.to_string(), newest.map(|newest| newest.to_string()));
        needs.push(need(mood, None, now, Need::BackupMissed { at, newest, problem: super::schedule::told(failed) }));
    }
    if !all.is_empty() && !at.engine.kit_standing().await?.counts() {
        needs.push(need(Mood::Attention, None, now, Need::RecoveryKitMissing));
    }
    Ok(())
}
