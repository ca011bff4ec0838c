//! Reconcile: per account and day the processor, the books and what is left over; payouts; what is held.
//!
//! A year of records is compared once and remembered until books, records or log change. Today's tile about it is in
//! `reconcile/tile.rs`.

mod tile;

pub use tile::agreement_tile;

use super::memory::Agreed;
use super::shared::{At, account_name, at, count, mask, small};
use super::upgrade_run::watch_day;
use crate::app::App;
use crate::views::*;
use ::reconcile::{MoneyVerdict, TieFinding};
use engine::agreement::{AccountDay, Agreement};
use engine::store::company::Connection;
use engine::store::upgrade as stored;
use jiff::civil::Date;
use ledger::{AccountId, Money, Problem};
use std::collections::BTreeMap;
use std::sync::Arc;

/// With so many days or fewer, the lines of every row are sent, not only those that differ.
const DAYS_WITH_LINES: i32 = 31;

/// The mark of the books' present file.
pub fn books_stamp(at: &At) -> String {
    match std::fs::metadata(&at.company.books_path) {
        Ok(facts) => format!("{}|{:?}", facts.len(), facts.modified().ok()),
        Err(error) => format!("{:?}", error.kind()),
    }
}

async fn stamp(at: &At, connections: &[Connection]) -> Result<String, Problem> {
    let mut stamp = books_stamp(at);
    for connection in connections {
        let mark = at.engine.movements_mark(connection).await?;
        let version = at.engine.version_now(connection).await?;
        stamp.push_str(&format!("|{}:{mark}:{version}", connection.id));
    }
    Ok(stamp)
}

/// The comparison of every connection of a company, remembered.
async fn agreed(app: &App, at: &At) -> Result<Arc<Agreed>, Problem> {
    let connections = at.engine.connections(&at.company).await?;
    let stamp = stamp(at, &connections).await?;
    if let Some(known) = app.inner.memory.agreed(&at.company.id).filter(|known| known.stamp == stamp) {
        return Ok(known);
    }
    let mut results = Ok(Vec::new());
    for connection in &connections {
        match (at.engine.agreement(&at.company, connection).await, &mut results) {
            (Ok(agreement), Ok(all)) => all.push(agreement),
            (Err(problem), Ok(_)) => results = Err(problem),
            (Ok(_) | Err(_), Err(_)) => {}
        }
    }
    let agreed = Arc::new(Agreed {
        stamp,
        when: at.now(),
        results,
    });
    if let Ok(results) = &agreed.results {
        tile::keep(at, &agreed, results, total(at, results)?).await?;
    }
    app.inner.memory.keep_agreed(&at.company.id, agreed.clone());
    Ok(agreed)
}

fn total(at: &At, results: &[Agreement]) -> Result<Money, Problem> {
    Money::sum(at.company.currency, results.iter().map(|one| one.remainder))
}

pub async fn reconcile_view(app: &App, args: ReconcileArgs) -> Result<ReconcileView, Problem> {
    let at = at(app, &args.company).await?;
    let day = |text: &Option<String>| -> Result<Option<Date>, Problem> {
        text.as_deref().map(|text| text.parse().map_err(|_| not_a_day(text))).transpose()
    };
    let (from, to) = (day(&args.from_day)?, day(&args.to_day)?);
    let connections = at.engine.connections(&at.company).await?;
    let mut view = ReconcileView {
        company: at.company.id.clone(),
        company_name: at.company.name.clone(),
        zone: at.company.zone.clone(),
        from_day: args.from_day.clone(),
        to_day: args.to_day.clone(),
        verdict: VerdictView::Pending,
        remainder: None,
        doubled: 0,
        lost: 0,
        checked: 0,
        rows: Vec::new(),
        payouts: Vec::new(),
        held: Vec::new(),
        answered: Vec::new(),
        watch: Vec::new(),
        when: None,
        problem: None,
    };
    if connections.iter().all(|connection| connection.synced_at.is_none()) {
        return Ok(view);
    }
    let agreed = agreed(app, &at).await?;
    view.when = Some(agreed.when.to_string());
    let results = match &agreed.results {
        Ok(results) => results,
        Err(problem) => {
            view.verdict = VerdictView::Inconclusive;
            view.problem = Some(problem.clone().into());
            return Ok(view);
        }
    };
    let names = at.account_names().await;
    view.from_day = view
        .from_day
        .or_else(|| results.iter().filter_map(|one| one.first).min().map(|day| day.to_string()));
    view.to_day = view
        .to_day
        .or_else(|| results.iter().filter_map(|one| one.last).max().map(|day| day.to_string()));
    let wanted = |date: Date| from.is_none_or(|from| from <= date) && to.is_none_or(|to| date <= to);
    let narrow = match (from, to) {
        (Some(from), Some(to)) => to.since(from).map(|span| span.get_days() <= DAYS_WITH_LINES).unwrap_or(false),
        (Some(_), None) | (None, Some(_)) | (None, None) => false,
    };
    let mut remainder = total(&at, results)?;
    let mut verdict = if results.iter().all(Agreement::agrees) {
        VerdictView::Pass
    } else {
        VerdictView::Fail
    };
    for one in results {
        view.doubled += small(one.doubled);
        view.lost += small(one.lost);
        view.checked += small(one.movements);
        view.rows.extend(
            one.rows
                .iter()
                .filter(|row| wanted(row.date))
                .map(|row| row_view(row, one, &names, narrow)),
        );
        view.payouts
            .extend(payouts(&at, one)?.into_iter().filter(|tie| tie.day.parse().is_ok_and(wanted)));
        view.held.extend(super::holds::listed(&at, &one.u.connection).await?);
        view.answered.extend(super::holds::answered(&at, &one.u.connection, &one.answers));
    }
    if view.rows.iter().any(|row| !row.difference.minor.eq("0")) && verdict == VerdictView::Pass {
        // Everything that differs is held, with its reason.
        verdict = VerdictView::Expected;
    }
    if let Some(row) = stored::of_company(&at.engine.pool, &at.company.id).await?.into_iter().next() {
        view.watch = at
            .engine
            .watched_days(&row.id)
            .await?
            .iter()
            .map(|day| watch_day(day, &at))
            .collect();
        // While an upgrade is open its own verdict, against the books from before, counts as well.
        if row.open
            && let Some(found) = stored::fact::<MoneyVerdict>(&at.engine.pool, &row.id, "verdict").await?
        {
            remainder = remainder.plus(found.unexplained)?;
            if found.agreement == ::reconcile::Agreement::Differs {
                verdict = VerdictView::Fail;
            }
        }
    }
    view.rows.sort_by(|a, b| (&b.day, &a.account).cmp(&(&a.day, &b.account)));
    view.payouts.sort_by(|a, b| b.day.cmp(&a.day));
    view.remainder = Some(remainder.into());
    view.verdict = verdict;
    Ok(view)
}

fn not_a_day(text: &str) -> Problem {
    Problem::new(
        crate::contract::E_COMMAND_ARGUMENTS,
        "A day cannot be read.",
        format!("\"{text}\" is not of the form 2026-11-23."),
        "Choose the day again.",
    )
}

fn row_view(row: &AccountDay, one: &Agreement, names: &BTreeMap<AccountId, String>, all_lines: bool) -> ReconcileRowView {
    let differs = |processor: &Option<Money>, books: &Option<Money>| processor.map_or(0, |m| m.minor) != books.map_or(0, |m| m.minor);
    ReconcileRowView {
        day: row.date.to_string(),
        account: account_name(names, &one.u.connection, &row.account),
        role: row.role.name().to_string(),
        processor: Some(row.processor.into()),
        books: row.books.into(),
        difference: row.difference.into(),
        lines: row
            .lines
            .iter()
            .filter(|line| all_lines || differs(&line.processor, &line.books))
            .map(|line| ReconcileLineView {
                title: line.title.clone(),
                processor: line.processor.map(MoneyView::from),
                books: line.books.map(MoneyView::from),
                explained_by: line.explained_by.clone(),
            })
            .collect(),
    }
}

/// Each payout beside the sum of its entries and what the books hold of it.
fn payouts(at: &At, one: &Agreement) -> Result<Vec<TieOutView>, Problem> {
    let mut views = Vec::with_capacity(one.tie_out.rows.len());
    for row in &one.tie_out.rows {
        let Some(settlement) = one.settlements.iter().find(|s| s.key.as_str() == row.settlement) else {
            continue;
        };
        let zero = Money::zero(at.company.currency);
        let in_books = match row.finding {
            TieFinding::Agrees | TieFinding::Composition | TieFinding::Doubled | TieFinding::Differs | TieFinding::Unknown => true,
            TieFinding::Missing => false,
        };
        views.push(TieOutView {
            day: settlement.date.to_string(),
            masked_id: mask(&settlement.record),
            amount: settlement.amount.into(),
            fee: settlement.fee.into(),
            sum_of_entries: settlement.entries_sum.into(),
            difference: row.difference.plus(row.composition.unwrap_or(zero))?.into(),
            movements: count(settlement.members.len()),
            in_books,
            returned: row.processor != settlement.amount.plus(settlement.fee)?.negated()?
                && row.processor != settlement.amount.plus(settlement.fee)?,
        });
    }
    Ok(views)
}
