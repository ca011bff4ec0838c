//! Reconcile: per account and day the processor, the books and what is left over; payouts; what is held.
//!
//! A year of records is compared once and remembered until books, records or log change.

use super::memory::Agreed;
use super::shared::{At, EXCLUSIVE, account_name, at, count, mask, small};
use super::upgrade_run::watch_day;
use crate::app::App;
use crate::views::*;
use ::reconcile::{MoneyVerdict, TieFinding};
use engine::agreement::{AccountDay, Agreement};
use engine::store::company::Connection;
use engine::store::movement::Hold;
use engine::store::upgrade as stored;
use engine::upgrading::facts::hold_name;
use jiff::civil::Date;
use ledger::{AccountId, Code, Money, Problem};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The answer that was given to a held movement cannot be carried out.
pub const E_HOLD_ANSWER: Code = Code("E-HOLD-ANSWER");

/// How long Today waits for a comparison that is not remembered; a longer one is shown when it is done.
const TILE_WAIT: Duration = Duration::from_millis(250);
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
    app.inner.memory.keep_agreed(&at.company.id, agreed.clone());
    Ok(agreed)
}

/// The tile of Today: from memory, or begun in the background and shown when it is done.
pub async fn agreement_tile(app: &App, at: &At, providers: Vec<String>) -> Result<AgreementTile, Problem> {
    let connections = at.engine.connections(&at.company).await?;
    if connections.iter().all(|connection| connection.synced_at.is_none()) {
        return Ok(AgreementTile::NotChecked);
    }
    let stamp = stamp(at, &connections).await?;
    let known = app.inner.memory.agreed(&at.company.id).filter(|known| known.stamp == stamp);
    let agreed = match known {
        Some(known) => known,
        // While the books are being changed a comparison would be of a moment that is gone before it is shown.
        None if app.jobs().running(&at.company.id, EXCLUSIVE).is_some() => return Ok(AgreementTile::NotChecked),
        None if !app.inner.memory.begin_agreeing(&at.company.id) => return Ok(AgreementTile::NotChecked),
        None => {
            let (comparing, found) = (
                app.clone(),
                At {
                    engine: at.engine.clone(),
                    company: at.company.clone(),
                    zone: at.zone.clone(),
                },
            );
            let task = tokio::spawn(async move {
                let result = self::agreed(&comparing, &found).await;
                comparing.inner.memory.end_agreeing(&found.company.id);
                comparing.changed();
                result
            });
            match tokio::time::timeout(TILE_WAIT, task).await {
                Ok(Ok(result)) => result?,
                Ok(Err(_)) | Err(_) => return Ok(AgreementTile::NotChecked),
            }
        }
    };
    let results = match &agreed.results {
        Ok(results) => results,
        Err(problem) => {
            return Ok(AgreementTile::Failed {
                problem: problem.clone().into(),
            });
        }
    };
    let remainder = total(at, results)?.into();
    let until_day = at.day(agreed.when);
    Ok(match results.iter().all(Agreement::agrees) {
        true => AgreementTile::Agrees {
            remainder,
            until_day,
            providers,
        },
        false => {
            let accounts: std::collections::BTreeSet<&AccountId> = results
                .iter()
                .flat_map(|one| &one.rows)
                .filter(|row| !row.unexplained.is_zero())
                .map(|row| &row.account)
                .collect();
            AgreementTile::Differs {
                remainder,
                until_day,
                providers,
                accounts: count(accounts.len()),
            }
        }
    })
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
        for hold in &one.holds {
            view.held.push(held_view(&at, one, hold).await?);
        }
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

async fn held_view(at: &At, one: &Agreement, hold: &Hold) -> Result<HeldView, Problem> {
    let package = at.engine.package(&one.u.connection.connector, &one.u.to)?;
    let stream = package
        .stream(&hold.stream)
        .map_or_else(|| hold.stream.clone(), |stream| stream.title().to_string());
    Ok(HeldView {
        id: hold_id(&one.u.connection, hold),
        day: at.day(hold.instant),
        title: stream,
        amount: hold.minor.map(|minor| Money::new(minor, at.company.currency).into()),
        code: hold.reason_code.clone(),
        reason: hold.reason.clone(),
        since: hold.instant.to_string(),
        candidate: None,
        may: may(&at.engine.reviewed_holds(&one.u.connection).await?, hold),
    })
}

/// A hold that nobody has looked at yet can be seen and left as it is. Anything else needs what the reason says.
fn may(reviewed: &BTreeMap<String, String>, hold: &Hold) -> Vec<HoldAnswer> {
    match reviewed.contains_key(&hold_name(hold)) {
        true => Vec::new(),
        false => vec![HoldAnswer::Seen],
    }
}

/// A name for a hold that tells nothing of the provider's ids.
fn hold_id(connection: &Connection, hold: &Hold) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    // Only told apart within one list of this process; not stored anywhere.
    let mut hash = DefaultHasher::new();
    (&connection.id, hold_name(hold)).hash(&mut hash);
    format!("hold-{:016x}", hash.finish())
}

pub async fn hold_resolve(app: &App, args: HoldResolveArgs) -> Result<ReconcileView, Problem> {
    let at = at(app, &args.company).await?;
    for connection in at.engine.connections(&at.company).await? {
        let version = at.engine.version_now(&connection).await?;
        let holds = engine::store::movement::holds(&at.engine.pool, &connection.id, &version).await?;
        let Some(hold) = holds.iter().find(|hold| hold_id(&connection, hold) == args.hold) else {
            continue;
        };
        let possible = may(&at.engine.reviewed_holds(&connection).await?, hold);
        if !possible.contains(&args.answer) {
            return Err(cannot_answer(args.answer, hold));
        }
        at.engine.review_hold(&connection, hold).await?;
        app.changed();
        return reconcile_view(
            app,
            ReconcileArgs {
                company: args.company,
                from_day: None,
                to_day: None,
            },
        )
        .await;
    }
    Err(Problem::new(
        E_HOLD_ANSWER,
        "This payment is not held any more.",
        "It was posted or settled meanwhile.",
        "Look at the list again.",
    ))
}

fn cannot_answer(answer: HoldAnswer, hold: &Hold) -> Problem {
    let asked = match answer {
        HoldAnswer::Link => "linked to an entry",
        HoldAnswer::Post => "posted",
        HoldAnswer::Exclude => "left out",
        HoldAnswer::Seen => "marked as seen a second time",
    };
    Problem::new(
        E_HOLD_ANSWER,
        format!("This payment cannot be {asked} from here."),
        hold.reason.clone(),
        "Mend what the reason says: it is looked at again with every fetch. It can be marked as seen; it then stays held.",
    )
}
