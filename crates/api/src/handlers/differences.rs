//! Differences: what the old connector posted beside what the new one would post, record by record.

use super::shared::{account_name, at, count, small};
use crate::app::App;
use crate::views::*;
use ::reconcile::{Class, DatedLine, DifferenceRow, Shadow, Why};
use engine::Engine;
use engine::store::company::Connection;
use engine::store::upgrade as stored;
use engine::upgrading::shadow;
use ledger::{AccountId, Money, Problem};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rows on one page.
const PAGE: usize = 50;

/// The comparison of an upgrade's shadow run, remembered until it runs again.
pub async fn compared(app: &App, engine: &Engine, upgrade: &str) -> Result<Option<Arc<Shadow>>, Problem> {
    let Some(stamp) = engine.fact_mark(upgrade, shadow::FACT).await? else {
        return Ok(None);
    };
    if let Some(known) = app.inner.memory.shadow(upgrade, &stamp) {
        return Ok(Some(known));
    }
    let Some(shadow) = stored::fact::<Shadow>(&engine.pool, upgrade, shadow::FACT).await? else {
        return Ok(None);
    };
    let shadow = Arc::new(shadow);
    app.inner.memory.keep_shadow(upgrade, stamp, shadow.clone());
    Ok(Some(shadow))
}

pub fn counts(shadow: &Shadow) -> DifferenceCountsView {
    DifferenceCountsView {
        same: small(shadow.counts.same),
        expected: small(shadow.counts.expected),
        unexplained: small(shadow.counts.unexplained),
    }
}

pub async fn differences_view(app: &App, args: DifferencesArgs) -> Result<DifferencesView, Problem> {
    let at = at(app, &args.company).await?;
    let row = at.engine.find_upgrade(&at.company, Some(&args.upgrade)).await?;
    let connection = at.engine.connection(&at.company, Some(&row.connection_id)).await?;
    let names = at.account_names().await;
    let titles = titles(&at.engine, &connection, &row.to_version);
    let compared = compared(app, &at.engine, &row.id).await?;
    let mut view = DifferencesView {
        upgrade: row.id,
        provider: at.provider_title(&connection),
        from: row.from_version,
        to: row.to_version,
        zone: at.company.zone.clone(),
        filter: args.filter,
        page: args.page,
        pages: 0,
        counts: DifferenceCountsView::default(),
        rows: Vec::new(),
        remainder: None,
    };
    let Some(shadow) = compared else { return Ok(view) };
    let wanted: Vec<&DifferenceRow> = shadow
        .rows
        .iter()
        .filter(|row| match (args.filter, &row.class) {
            (DifferenceFilter::All, _) => true,
            (DifferenceFilter::Expected, Class::Expected { .. }) => true,
            (DifferenceFilter::Unexplained, Class::Unexplained { .. }) => true,
            (DifferenceFilter::Expected, Class::Same | Class::Unexplained { .. })
            | (DifferenceFilter::Unexplained, Class::Same | Class::Expected { .. }) => false,
        })
        .collect();
    view.pages = count(wanted.len().div_ceil(PAGE));
    view.counts = counts(&shadow);
    view.remainder = Some(shadow.unexplained.into());
    let first = usize::try_from(args.page).unwrap_or(usize::MAX).saturating_mul(PAGE);
    view.rows = wanted
        .into_iter()
        .enumerate()
        .skip(first)
        .take(PAGE)
        .map(|(place, row)| difference(place, row, &names, &connection, &titles))
        .collect();
    Ok(view)
}

/// The titles of the announced changes, by id.
pub fn titles(engine: &Engine, connection: &Connection, version: &str) -> BTreeMap<String, String> {
    let package = engine.package(&connection.connector, version).ok();
    let changes = package
        .and_then(|p| p.supersedes())
        .map(|s| s.expected_changes.as_slice())
        .unwrap_or_default();
    changes.iter().map(|change| (change.id.clone(), change.title.clone())).collect()
}

/// The size of one side: its debits.
fn size(lines: &[DatedLine]) -> Option<Money> {
    let currency = lines.first()?.amount.currency;
    Money::sum(currency, lines.iter().map(|line| line.amount).filter(|amount| amount.minor > 0)).ok()
}

/// "Square card payment, 100.00 USD"
pub fn title(row: &DifferenceRow) -> String {
    match size(&row.new_lines).or_else(|| size(&row.old_lines)) {
        Some(size) => format!("{}, {size}", row.label),
        None => row.label.clone(),
    }
}

fn difference(
    place: usize,
    row: &DifferenceRow,
    names: &BTreeMap<AccountId, String>,
    connection: &Connection,
    titles: &BTreeMap<String, String>,
) -> DifferenceView {
    let lines = |lines: &[DatedLine]| {
        lines
            .iter()
            .map(|line| DifferenceLineView {
                account: account_name(names, connection, &line.account),
                amount: line.amount.into(),
            })
            .collect()
    };
    let (class, reason) = match &row.class {
        Class::Same => (DifferenceClass::Same, None),
        Class::Expected { rules } => {
            let said: Vec<&str> = rules
                .iter()
                .map(|rule| titles.get(rule).map_or(rule.as_str(), String::as_str))
                .collect();
            (DifferenceClass::Expected, Some(said.join("; ")))
        }
        Class::Unexplained { why } => match why {
            Why::Dropped => (DifferenceClass::Missing, Some("The new connector has nothing for it.".to_string())),
            Why::Added => (
                DifferenceClass::Unexplained,
                Some("The old connector did not post it, and no announced change covers it.".to_string()),
            ),
            Why::MovedDay => (DifferenceClass::Unexplained, Some("The same amounts, on another day.".to_string())),
            Why::Amounts => (
                DifferenceClass::Unexplained,
                Some("An account differs that no announced change covers.".to_string()),
            ),
            Why::NotKept => (
                DifferenceClass::Unexplained,
                Some("An announced change covers the accounts, but what must stay equal does not.".to_string()),
            ),
        },
    };
    DifferenceView {
        // Its place in the list, because an id of the provider is not for the page.
        key: format!("{}-{place}", row.record.stream),
        day: row.date.to_string(),
        title: title(row),
        class,
        reason,
        old: lines(&row.old_lines),
        new: lines(&row.new_lines),
    }
}
