//! Held movements: one of them with all it needs, and a person's answer to it.
//!
//! Which answers are possible and what they do is the engine's; this turns them into views.

use super::reconcile::reconcile_view;
use super::shared::{At, account_name, at, count, must_be_free};
use crate::app::App;
use crate::contract::E_COMMAND_ARGUMENTS;
use crate::views::*;
use engine::holding::{ChosenLine, Decision, E_HOLD_ANSWER, E_HOLD_CANDIDATE, HeldMovement, hold_id};
use engine::progress::Watcher;
use engine::store::answer::{AnswerRow, Answered};
use engine::store::company::Connection;
use engine::upgrading::facts::hold_name;
use ledger::{AccountId, AccountKind, Money, Problem, Role};
use std::collections::BTreeMap;

/// Everything that a connection holds, for the list.
pub async fn listed(at: &At, connection: &Connection) -> Result<Vec<HeldView>, Problem> {
    let held = at.engine.held_movements(&at.company, connection).await?;
    if held.is_empty() {
        return Ok(Vec::new());
    }
    let reviewed = at.engine.reviewed_holds(connection).await?;
    Ok(held.iter().map(|one| held_view(one, &reviewed)).collect())
}

fn held_view(one: &HeldMovement, reviewed: &BTreeMap<String, String>) -> HeldView {
    let mut may: Vec<HoldAnswer> = [Answered::Linked, Answered::Posted, Answered::Excluded]
        .into_iter()
        .filter(|answer| one.refusal(*answer).is_none())
        .map(wire)
        .collect();
    if !reviewed.contains_key(&hold_name(&one.hold)) {
        may.push(HoldAnswer::Seen);
    }
    HeldView {
        id: one.id.clone(),
        day: one.date.to_string(),
        title: one.title.clone(),
        amount: one.amount.map(MoneyView::from),
        code: one.hold.reason_code.clone(),
        reason: one.hold.reason.clone(),
        since: one.hold.instant.to_string(),
        may,
    }
}

fn wire(answer: Answered) -> HoldAnswer {
    match answer {
        Answered::Linked => HoldAnswer::Link,
        Answered::Posted => HoldAnswer::Post,
        Answered::Excluded => HoldAnswer::Exclude,
    }
}

/// What was answered, newest first.
pub fn answered(at: &At, connection: &Connection, rows: &[AnswerRow]) -> Vec<AnsweredView> {
    let package = at.engine.package(&connection.connector, &connection.version).ok();
    rows.iter()
        .rev()
        .map(|row| AnsweredView {
            id: hold_id(&connection.id, &row.hold),
            day: at.day(row.hold.instant),
            title: package
                .and_then(|p| p.stream(&row.hold.stream))
                .map_or_else(|| row.hold.stream.clone(), |stream| stream.title().to_string()),
            amount: row.hold.minor.map(|minor| Money::new(minor, at.company.currency).into()),
            answer: wire(row.answer),
            words: row.reason.clone(),
            by: row.by.clone(),
            at: row.at.to_string(),
            may_undo: row.answer != Answered::Posted,
        })
        .collect()
}

/// The connection that holds it, and the movement. Errors: `E-HOLD-ANSWER`.
async fn found(at: &At, hold: &str) -> Result<(Connection, HeldMovement), Problem> {
    let mut refused = None;
    for connection in at.engine.connections(&at.company).await? {
        match at.engine.held_movement(&at.company, &connection, hold).await {
            Ok(held) => return Ok((connection, held)),
            Err(problem) if problem.code == E_HOLD_ANSWER => refused = Some(problem),
            Err(problem) => return Err(problem),
        }
    }
    Err(refused.unwrap_or_else(not_held))
}

fn not_held() -> Problem {
    Problem::new(
        E_HOLD_ANSWER,
        "This payment is not held any more.",
        "It was posted or settled meanwhile.",
        "Look at the list again.",
    )
}

pub async fn hold_view(app: &App, args: HoldArgs) -> Result<HoldView, Problem> {
    let at = at(app, &args.company).await?;
    let (connection, held) = found(&at, &args.hold).await?;
    let description = at.engine.books(&at.company).await?.describe().await?;
    let names: BTreeMap<AccountId, String> = description.accounts.iter().map(|a| (a.id.clone(), a.full_name.clone())).collect();
    let candidates = match held.refusal(Answered::Linked) {
        None => at.engine.hold_candidates(&at.company, &connection, &held).await?,
        Some(_) => Vec::new(),
    };
    let reviewed = at.engine.reviewed_holds(&connection).await?;
    Ok(HoldView {
        currency: at.company.currency.code().to_string(),
        refused: held
            .refused
            .iter()
            .map(|(answer, why)| HoldRefusalView {
                answer: wire(*answer),
                why: why.clone(),
            })
            .collect(),
        candidates: candidates
            .into_iter()
            .map(|one| HoldCandidateView {
                entry: one.entry,
                day: one.date.to_string(),
                description: one.description,
                account: account_name(&names, &connection, &one.account),
                amount: one.amount.into(),
                reasons: one.reasons,
                takes_members: !one.through_clearing && !held.members.is_empty(),
            })
            .collect(),
        entries: held
            .entries
            .iter()
            .map(|planned| HoldEntryView {
                day: planned.entry.date.to_string(),
                description: planned.entry.description.clone(),
                lines: planned
                    .entry
                    .lines
                    .iter()
                    .map(|line| HoldLineView {
                        account: account_name(&names, &connection, &line.account),
                        amount: line.amount.into(),
                    })
                    .collect(),
            })
            .collect(),
        needs_lines: held.needs_lines(),
        accounts: description
            .accounts
            .iter()
            .filter(|a| !a.placeholder && !a.hidden && a.currency == Some(at.company.currency) && a.kind != AccountKind::Other)
            .map(|a| HoldAccountView {
                id: a.id.0.clone(),
                name: a.full_name.clone(),
            })
            .collect(),
        clearing: connection.roles.get(Role::Clearing).map(|account| account.0.clone()),
        members: count(held.members.len()),
        held: held_view(&held, &reviewed),
    })
}

pub async fn hold_resolve(app: &App, args: HoldResolveArgs) -> Result<ReconcileView, Problem> {
    let at = at(app, &args.company).await?;
    must_be_free(app, &at.company)?;
    match args.answer {
        HoldAnswer::Seen => {
            let (connection, held) = found(&at, &args.hold).await?;
            if at.engine.reviewed_holds(&connection).await?.contains_key(&hold_name(&held.hold)) {
                return Err(Problem::new(
                    E_HOLD_ANSWER,
                    "This payment has been marked as seen already.",
                    held.hold.reason,
                    "Link it, post it or leave it out, or leave it held.",
                ));
            }
            at.engine.review_hold(&connection, &held.hold).await?;
        }
        HoldAnswer::Undo => undo(&at, &args.hold).await?,
        HoldAnswer::Link => answer(&at, &args, link(&args)?).await?,
        HoldAnswer::Post => {
            let lines = args.lines.iter().map(chosen).collect::<Result<_, _>>()?;
            answer(&at, &args, Decision::Post { lines }).await?;
        }
        HoldAnswer::Exclude => {
            let reason = args.reason.clone().unwrap_or_default();
            answer(&at, &args, Decision::Exclude { reason }).await?;
        }
    }
    app.changed();
    let whole = ReconcileArgs {
        company: args.company,
        from_day: None,
        to_day: None,
    };
    reconcile_view(app, whole).await
}

async fn answer(at: &At, args: &HoldResolveArgs, decision: Decision) -> Result<(), Problem> {
    let mut refused = None;
    for connection in at.engine.connections(&at.company).await? {
        let given = at
            .engine
            .answer_hold(&at.company, &connection, &args.hold, decision.clone(), None, &Watcher::silent())
            .await;
        match given {
            Ok(_) => return Ok(()),
            // Another account of the company may hold it.
            Err(problem) if problem.code == E_HOLD_ANSWER => refused = refused.or(Some(problem)),
            Err(problem) => return Err(problem),
        }
    }
    Err(refused.unwrap_or_else(not_held))
}

async fn undo(at: &At, hold: &str) -> Result<(), Problem> {
    let mut refused = None;
    for connection in at.engine.connections(&at.company).await? {
        match at.engine.undo_answer(&at.company, &connection, hold, None).await {
            Ok(_) => return Ok(()),
            Err(problem) if problem.code == E_HOLD_ANSWER => refused = refused.or(Some(problem)),
            Err(problem) => return Err(problem),
        }
    }
    Err(refused.unwrap_or_else(not_held))
}

fn link(args: &HoldResolveArgs) -> Result<Decision, Problem> {
    match &args.entry {
        Some(entry) => Ok(Decision::Link { entry: entry.clone() }),
        None => Err(Problem::new(
            E_HOLD_CANDIDATE,
            "No entry was chosen.",
            "Linking says which entry of the books this payment is.",
            "Choose one of the entries that are offered.",
        )),
    }
}

fn chosen(line: &HoldLineArgs) -> Result<ChosenLine, Problem> {
    let minor = line.minor.parse().map_err(|_| {
        Problem::new(
            E_COMMAND_ARGUMENTS,
            "An amount cannot be read.",
            format!("\"{}\" is no whole number of the smallest unit.", line.minor),
            "Write the amount again.",
        )
    })?;
    Ok(ChosenLine {
        account: AccountId(line.account.clone()),
        minor,
    })
}
