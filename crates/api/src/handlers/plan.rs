//! The plan of an upgrade as a dry run: everything that would happen, from what is in books and records now.
//!
//! It must never store anything: planning twice is free.

use super::accounts::{is_stopped, sign_in};
use super::shared::{At, account_name, at, check_view, count, permissions, small, stage_name};
use super::upgrade_run;
use crate::app::App;
use crate::views::*;
use ::upgrade::{Plan, SliceName, Stage};
use engine::store::company::Connection;
use engine::store::upgrade as stored;
use engine::upgrading::planning::Wishes;
use engine::viewing::Rhythm;
use jiff::{SignedDuration, Timestamp};
use ledger::{AccountId, Money, Problem, Role, RoleMap};
use std::collections::{BTreeMap, BTreeSet};

/// A person plans at least this far ahead.
const AHEAD: SignedDuration = SignedDuration::from_hours(1);
/// Within how many days the quiet time is looked for.
const DAYS: i64 = 7;
/// Nobody is asked to get up for an upgrade: local hours from which and until which it may begin.
const AWAKE: std::ops::RangeInclusive<u8> = 6..=21;

/// What a person wishes who plans in the window.
pub fn wishes(to: &str) -> Wishes {
    Wishes {
        to_version: to.to_string(),
        new_from: None,
        watch_days: Plan::WATCH_DAYS,
        unattended: false,
    }
}

pub async fn upgrade_plan(app: &App, args: UpgradePlanArgs) -> Result<UpgradeView, Problem> {
    let at = at(app, &args.company).await?;
    let connection = at.engine.connection(&at.company, Some(&args.connection)).await?;
    if let Some(open) = stored::open_of(&at.engine.pool, &connection.id).await? {
        return upgrade_run::run_view(app, &at, &open.id).await;
    }
    let plan = at.engine.make_plan(&at.company, &connection, &wishes(&args.to)).await?;
    Ok(UpgradeView::Plan {
        plan: Box::new(plan_view(&at, &connection, &plan).await?),
    })
}

async fn plan_view(at: &At, connection: &Connection, plan: &Plan) -> Result<PlanView, Problem> {
    let engine = &at.engine;
    let from = engine.package(&plan.connector, &plan.from_version)?;
    let to = engine.package(&plan.connector, &plan.to_version)?;
    let description = engine.books(&at.company).await?.describe().await?;
    let names: BTreeMap<AccountId, String> = description.accounts.iter().map(|a| (a.id.clone(), a.full_name.clone())).collect();
    let roles: Vec<RoleRowView> = roles_of(at, connection, &description.accounts, &names, &from.roles(), &to.roles());
    let sign_in = sign_in(at, connection).await?;
    let granted = sign_in.access.as_ref().map(|a| a.permissions.clone()).unwrap_or_default();

    let mut readiness: Vec<CheckView> = engine
        .readiness(&at.company, connection, plan)
        .await?
        .iter()
        .map(check_view)
        .collect();
    readiness.push(own_check(
        "roles_chosen",
        "Every account is chosen",
        roles.iter().filter_map(|role| role.problem.clone()).collect(),
        format!("{} accounts", roles.len()),
        "Choose an account for each of these roles, then check again.",
    ));
    let stopped = is_stopped(sign_in.state).then(|| format!("{} cannot be read with the present sign-in.", at.provider_title(connection)));
    readiness.push(own_check(
        "signed_in",
        "The present sign-in works",
        stopped.into_iter().collect(),
        "signed in".to_string(),
        "Reconnect the account, then check again.",
    ));
    let ready = readiness
        .iter()
        .all(|check| !matches!(check.verdict, VerdictView::Fail | VerdictView::Inconclusive));

    let total = plan.slices.iter().map(|slice| slice.count).sum::<u64>();
    let amount = Money::sum(plan.currency, plan.slices.iter().map(|slice| slice.amount))?;
    let rhythm = engine.rhythm(connection, &at.zone).await?;
    Ok(PlanView {
        company: at.company.id.clone(),
        company_name: at.company.name.clone(),
        connection: connection.id.clone(),
        provider: at.provider_title(connection),
        from: plan.from_version.clone(),
        to: plan.to_version.clone(),
        zone: at.company.zone.clone(),
        breaking: to
            .breaking_changes()
            .iter()
            .map(|change| BreakingChangeView {
                id: change.id.clone(),
                title: change.title.clone(),
                text: match change.unverified {
                    true => format!("{} (Not confirmed with {} yet.)", change.text, at.provider_title(connection)),
                    false => change.text.clone(),
                },
                deadline: change.deadline.map(|day| day.to_string()),
            })
            .collect(),
        expected: to
            .supersedes()
            .map(|s| s.expected_changes.as_slice())
            .unwrap_or_default()
            .iter()
            .map(|change| ExpectedChangeView {
                id: change.id.clone(),
                title: change.title.clone(),
                text: change.text.clone(),
                example: None,
            })
            .collect(),
        permissions: permissions(at, connection, &granted, to.permissions()),
        roles,
        stages: stages(at, plan),
        irreversible: plan.irreversible.iter().map(|item| item.text.clone()).collect(),
        readiness,
        ready,
        quiet_time: quiet_time(at, &rhythm),
        new_from: Some(plan.new_from.to_string()),
        payments: small(total),
        amount: Some(amount.into()),
        problem: None,
    })
}

/// A question of the window itself, beside those of the upgrade's catalogue.
fn own_check(id: &str, words: &str, faults: Vec<String>, found: String, next: &str) -> CheckView {
    let good = faults.is_empty();
    CheckView {
        id: id.to_string(),
        words: words.to_string(),
        verdict: if good { VerdictView::Pass } else { VerdictView::Fail },
        measure: good.then_some(NoteView::Words { text: found }),
        why: faults,
        next: (!good).then(|| next.to_string()),
        has_differences: false,
    }
}

fn roles_of(
    at: &At,
    connection: &Connection,
    accounts: &[ledger::Account],
    names: &BTreeMap<AccountId, String>,
    old: &BTreeSet<Role>,
    new: &BTreeSet<Role>,
) -> Vec<RoleRowView> {
    old.union(new)
        .map(|role| {
            let mut alone = RoleMap::default();
            if let Some(account) = connection.roles.get(*role) {
                alone.bind(*role, account.clone());
            }
            let fault = books::validate_roles(&alone, accounts, &[*role], at.company.currency)
                .err()
                .and_then(|problem| problem.why.into_iter().next());
            RoleRowView {
                role: role.name().to_string(),
                account: connection.roles.get(*role).map(|account| account_name(names, connection, account)),
                new: new.contains(role) && !old.contains(role),
                // An account that the new version does not use any more cannot stand in its way.
                problem: fault.filter(|_| new.contains(role)),
            }
        })
        .collect()
}

fn stages(at: &At, plan: &Plan) -> Vec<PlanStageView> {
    let waves = plan.waves();
    Stage::all(waves)
        .into_iter()
        .filter(|stage| *stage > Stage::Planned)
        .map(|stage| {
            let slice = slice_of(stage).and_then(|name| plan.slice(name));
            let (from_day, to_day) = slice.map_or((None, None), |slice| days_of(at, plan, slice));
            PlanStageView {
                stage: stage_name(stage),
                payments: slice.map(|slice| small(slice.count)),
                amount: slice.map(|slice| slice.amount.into()),
                from_day,
                to_day,
                gate: stage
                    .next(waves)
                    .and_then(Stage::gate)
                    .map(|gate| ::upgrade::words::role(plan.gate_rule(gate).role).to_string()),
                days: (stage == Stage::Watching).then_some(plan.watch_days),
            }
        })
        .collect()
}

/// The share that a stage posts.
pub fn slice_of(stage: Stage) -> Option<SliceName> {
    match stage {
        Stage::Canary => Some(SliceName::Canary),
        Stage::Wave(number) => Some(SliceName::Wave(number)),
        Stage::CutOver => Some(SliceName::Arrivals),
        Stage::Draft
        | Stage::Planned
        | Stage::Preflight
        | Stage::BackedUp
        | Stage::RestoreVerified
        | Stage::Rehearsed
        | Stage::Reauthorized
        | Stage::Shadowed
        | Stage::Validated
        | Stage::Reconciled
        | Stage::Watching
        | Stage::Finished => None,
    }
}

/// First and last day of a share; an open share has no last one.
pub fn days_of(at: &At, plan: &Plan, slice: &::upgrade::Slice) -> (Option<String>, Option<String>) {
    if let Some(day) = slice.day {
        return (Some(day.to_string()), Some(day.to_string()));
    }
    if slice.count == 0 {
        return (None, None);
    }
    let _ = plan;
    let last = slice
        .to
        .and_then(|to| to.checked_sub(SignedDuration::from_secs(1)).ok())
        .map(|last| at.day(last));
    (Some(at.day(slice.from)), last)
}

/// When the connection's next quiet hour begins.
pub async fn quiet_start(at: &At, connection: &Connection) -> Result<Option<Timestamp>, Problem> {
    let rhythm = at.engine.rhythm(connection, &at.zone).await?;
    Ok(quiet_hour(at, &rhythm).map(|(start, _)| start))
}

/// The hour of the next days with the fewest payments so far, not at a payout, not at a month's end.
fn quiet_hour(at: &At, rhythm: &Rhythm) -> Option<(Timestamp, u32)> {
    if rhythm.payments == 0 {
        return None;
    }
    let earliest = at.now().checked_add(AHEAD).ok()?;
    let today = at.now().to_zoned(at.zone.clone()).date();
    let mut best: Option<(u32, Timestamp)> = None;
    for ahead in 0..=DAYS {
        let Ok(day) = today.checked_add(jiff::Span::new().days(ahead)) else {
            continue;
        };
        if day == day.last_of_month() || day.day() == 1 {
            continue;
        }
        let weekday = u8::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
        for hour in AWAKE {
            let Ok(start) = day.at(i8::try_from(hour).unwrap_or(0), 0, 0, 0).to_zoned(at.zone.clone()) else {
                continue;
            };
            if start.timestamp() < earliest || rhythm.payouts.contains(&(weekday, hour)) {
                continue;
            }
            let paid = rhythm.heat[usize::from(weekday)][usize::from(hour)];
            if best.is_none_or(|(fewest, _)| paid < fewest) {
                best = Some((paid, start.timestamp()));
            }
        }
    }
    best.map(|(paid, start)| (start, paid))
}

fn quiet_time(at: &At, rhythm: &Rhythm) -> Option<QuietTimeView> {
    let (start, paid) = quiet_hour(at, rhythm)?;
    let weeks = rhythm.history_days.div_ceil(7).max(1);
    let end = start.checked_add(SignedDuration::from_hours(1)).ok()?;
    Some(QuietTimeView {
        starts: start.to_string(),
        ends: end.to_string(),
        // Rounded up: one that may come is one to reckon with.
        payments_expected: paid.div_ceil(weeks),
        heat: rhythm.heat.clone(),
        history_days: rhythm.history_days,
        payout_boundaries: rhythm
            .payouts
            .iter()
            .map(|(weekday, hour)| BoundaryView {
                weekday: *weekday,
                hour: *hour,
            })
            .collect(),
    })
}

/// How many new permissions a version asks for.
pub fn new_permissions(at: &At, plan: &Plan) -> u32 {
    let old: BTreeSet<String> = at
        .engine
        .package(&plan.connector, &plan.from_version)
        .map(|p| p.permissions().iter().map(|n| n.permission.clone()).collect())
        .unwrap_or_default();
    count(plan.permissions.iter().filter(|permission| !old.contains(*permission)).count())
}
