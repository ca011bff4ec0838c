//! What ends, and when: the list, its export as a calendar file, what is to be told now, and what Today needs of it.
//!
//! The engine says what ends and when to tell it; here it only becomes views. A file that the person did not choose is
//! never written, and an export that would leave out a company is refused.

use super::shared::{At, count};
use crate::app::App;
use crate::views::*;
use engine::Engine;
use engine::calendar::{self, Act, End, Ending, Lasts, Standing, Sure, Threshold, Told, What};
use engine::store::company::Company;
use jiff::Timestamp;
use ledger::Problem;
use std::path::Path;
use std::sync::Arc;

/// Each company that is asked for, with its engine. Errors: `E-COMPANY-UNKNOWN`.
async fn asked(app: &App, company: Option<&str>) -> Result<Vec<(Arc<Engine>, Company)>, Problem> {
    if let Some(company) = company {
        return Ok(vec![app.company(company).await?]);
    }
    let mut all = Vec::new();
    for engine in app.engines().await {
        for company in engine.companies().await? {
            all.push((engine.clone(), company));
        }
    }
    Ok(all)
}

/// The rows of the companies, each seen at its own clock, and the companies that could not be gathered.
async fn gathered(of: &[(Arc<Engine>, Company)]) -> (Vec<(Ending, Timestamp)>, Vec<Problem>) {
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for (engine, company) in of {
        match engine.endings(company).await {
            Ok(found) => rows.extend(found.into_iter().map(|row| (row, engine.now()))),
            Err(problem) => problems.push(problem),
        }
    }
    (rows, problems)
}

pub async fn calendar_view(app: &App, args: CalendarArgs) -> Result<CalendarView, Problem> {
    let of = asked(app, args.company.as_deref()).await?;
    let (rows, problems) = gathered(&of).await;
    let one = args.company.as_ref().and_then(|_| of.first());
    let mut views: Vec<EndsView> = rows.iter().map(|(row, now)| ends_view(row, *now)).collect();
    // A practice company has a clock of its own, so several are put in order by how they stand and by their days.
    if one.is_none() {
        let place = |view: &EndsView| match view.standing {
            EndsStanding::Ended => 0,
            EndsStanding::Soon | EndsStanding::Later => 1,
            EndsStanding::Undated => 2,
        };
        views.sort_by(|a, b| (place(a), &a.day, a.when == EndsWhen::NoKnownEnd).cmp(&(place(b), &b.day, b.when == EndsWhen::NoKnownEnd)));
    }
    Ok(CalendarView {
        company: one.map(|(_, company)| company.id.clone()),
        company_name: one.map(|(_, company)| company.name.clone()),
        now: one.map_or_else(|| app.real().now(), |(engine, _)| engine.now()).to_string(),
        zone: one.map(|(_, company)| company.zone.clone()),
        rows: views,
        problems: problems.into_iter().map(ProblemView::from).collect(),
    })
}

/// Writes the file. Errors: `E-FILE`, `E-DISK-FULL`, and those of a company whose ends cannot be gathered; nothing is
/// written then.
pub async fn calendar_export(app: &App, args: CalendarExportArgs) -> Result<CalendarExportView, Problem> {
    let of = asked(app, args.company.as_deref()).await?;
    let (rows, mut problems) = gathered(&of).await;
    if !problems.is_empty() {
        let mut first = problems.remove(0);
        first.also.extend(problems);
        return Err(first);
    }
    let rows: Vec<Ending> = rows.into_iter().map(|(row, _)| row).collect();
    let now = of.first().map_or_else(|| app.real().now(), |(engine, _)| engine.now());
    let file = calendar::calendar_file(&rows, now);
    let written = file.events > 0;
    if written {
        calendar::write(Path::new(&args.path), &file.text)?;
    }
    Ok(CalendarExportView { file: written.then_some(args.path), events: count(file.events), without_day: count(file.without_day) })
}

pub async fn calendar_due(app: &App, _: NoArgs) -> Result<CalendarDueView, Problem> {
    let mut due = Vec::new();
    for engine in app.engines().await {
        let now = engine.now();
        due.extend(engine.tellings().await?.into_iter().map(|telling| DueView {
            ends: ends_view(&telling.row, now),
            threshold: match telling.threshold {
                Threshold::TwoWeeks => EndsThreshold::TwoWeeks,
                Threshold::ThreeDays => EndsThreshold::ThreeDays,
                Threshold::Ended => EndsThreshold::Ended,
            },
            end: telling.end,
        }));
    }
    Ok(CalendarDueView { due })
}

pub async fn calendar_told(app: &App, args: CalendarToldArgs) -> Result<DoneView, Problem> {
    let (engine, _) = app.company(&args.company).await?;
    let threshold = match args.threshold {
        EndsThreshold::TwoWeeks => Threshold::TwoWeeks,
        EndsThreshold::ThreeDays => Threshold::ThreeDays,
        EndsThreshold::Ended => Threshold::Ended,
    };
    engine.mark_told(&args.row, Told { end: args.end, threshold }).await?;
    Ok(DoneView { done: true })
}

pub fn ends_view(row: &Ending, now: Timestamp) -> EndsView {
    let standing = row.standing(now);
    EndsView {
        id: row.id.clone(),
        company: row.company_id.clone(),
        company_name: row.company.clone(),
        zone: row.zone.iana_name().unwrap_or("UTC").to_string(),
        connection: row.connection.clone(),
        provider: row.provider.clone(),
        for_version: row.for_version.clone(),
        what: what_view(&row.what),
        when: match row.end {
            End::At(at) => EndsWhen::At { at: at.to_string() },
            End::On(_) => EndsWhen::Day,
            End::Month(_) => EndsWhen::Month,
            End::Over => EndsWhen::Over,
            End::NoKnownEnd => EndsWhen::NoKnownEnd,
            End::Unknown => EndsWhen::Unknown,
        },
        day: row.day().map(|day| day.to_string()),
        days_left: row.days_left(now),
        standing: match standing {
            Standing::Ended => EndsStanding::Ended,
            Standing::Soon => EndsStanding::Soon,
            Standing::Later => EndsStanding::Later,
            Standing::Undated => EndsStanding::Undated,
        },
        mood: mood(row, standing),
        sure: match &row.sure {
            Sure::Said => EndsSure::Said,
            Sure::WorkedOut => EndsSure::WorkedOut,
            Sure::Unverified { why } => EndsSure::Unverified { why: why.clone() },
        },
        act: match &row.act {
            Act::Reconnect => EndsAct::Reconnect,
            Act::PlanUpgrade { to } => EndsAct::PlanUpgrade { to: to.clone() },
            Act::GoOn { to } => EndsAct::GoOn { to: to.clone() },
            Act::RenewsItself => EndsAct::RenewsItself,
            Act::Read => EndsAct::Read,
            Act::Nothing => EndsAct::Nothing,
        },
        source: row.source.clone(),
        notes: row.notes.iter().map(|note| EndsNote { text: note.text.clone(), source: note.source.clone() }).collect(),
        checked: row.checked.map(|day| day.to_string()),
    }
}

fn what_view(what: &What) -> EndsWhat {
    match what.clone() {
        What::SignIn { lasts: Lasts::Renews } => EndsWhat::SignInRenews,
        What::SignIn { lasts: Lasts::Fixed } => EndsWhat::SignInFixed,
        What::SignIn { lasts: Lasts::Over { reason } } => EndsWhat::SignInOver { reason },
        What::Key { called } => EndsWhat::Key { called },
        What::Cap { days } => EndsWhat::Cap { days },
        What::Permission { name, why } => EndsWhat::Permission { name, why },
        What::ApiVersion { version, connector } => EndsWhat::ApiVersion { version, connector },
        What::Connector { from, to, title, text } => EndsWhat::Connector { from, to, title, text },
        What::Announced { text } => EndsWhat::Announced { text },
    }
}

fn mood(row: &Ending, standing: Standing) -> Mood {
    match (standing, &row.act) {
        // Whether an announcement concerns this company is not known, so it never cries stop.
        (Standing::Ended | Standing::Soon, Act::Read) => Mood::Information,
        (Standing::Ended, _) => Mood::Stop,
        (Standing::Soon, _) => Mood::Attention,
        (Standing::Later, Act::RenewsItself) => Mood::Good,
        (Standing::Later | Standing::Undated, _) => Mood::Plain,
    }
}

/// What Today says of the calendar: whatever ends within its notice time and stands there under no other name.
/// `needs` are those that it has already.
pub async fn needs(at: &At, needs: &[NeedView]) -> Result<Vec<NeedView>, Problem> {
    let now = at.now();
    let rows = at.engine.endings(&at.company).await?;
    let due = rows.iter().filter(|row| matches!(row.standing(now), Standing::Ended | Standing::Soon));
    // An upgrade under way has its own tile and needs there, whatever they are at the moment.
    let said = |row: &Ending| matches!(row.act, Act::GoOn { .. }) || needs.iter().any(|one| says(&one.need, row));
    Ok(due
        .filter(|row| !said(row))
        .map(|row| NeedView {
            mood: mood(row, row.standing(now)),
            deadline: row.moment().map(|at| at.to_string()),
            days_left: row.days_left(now),
            need: Need::Ends { ends: Box::new(ends_view(row, now)) },
        })
        .collect())
}

/// Whether a need leads to the same action as the row, for the same account.
fn says(need: &Need, row: &Ending) -> bool {
    match need {
        Need::Reconnect { connection, .. } => row.act == Act::Reconnect && *connection == row.connection,
        Need::UpgradeReady { connection, .. } => matches!(row.act, Act::PlanUpgrade { .. }) && *connection == row.connection,
        Need::UpgradeWaits { .. }
        | Need::UpgradePaused { .. }
        | Need::UpgradeHalted { .. }
        | Need::UpgradeCanFinish { .. }
        | Need::WatchDay { .. }
        | Need::Connect
        | Need::Held { .. }
        | Need::BackupMissing
        | Need::BackupUnproved { .. }
        | Need::BackupMissed { .. }
        | Need::RecoveryKitMissing
        | Need::KeychainLocked { .. }
        | Need::BooksTrouble { .. }
        | Need::Ends { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(act: Act) -> Ending {
        Ending {
            id: "x".into(),
            company_id: "c".into(),
            company: "C".into(),
            zone: jiff::tz::TimeZone::UTC,
            connection: "square-1".into(),
            provider: "Square".into(),
            for_version: None,
            what: What::Announced { text: String::new() },
            end: End::Over,
            sure: Sure::Said,
            act,
            source: None,
            notes: Vec::new(),
            checked: None,
        }
    }

    #[test]
    fn what_today_says_already_is_not_said_twice() {
        let reconnect =
            |connection: &str| Need::Reconnect { connection: connection.into(), provider: "Square".into(), missing: Vec::new(), ended: false };
        for (need, act, said) in [
            (reconnect("square-1"), Act::Reconnect, true),
            (reconnect("square-2"), Act::Reconnect, false),
            (reconnect("square-1"), Act::PlanUpgrade { to: "2".into() }, false),
            (Need::BackupMissing, Act::Reconnect, false),
        ] {
            assert_eq!(says(&need, &row(act.clone())), said, "{need:?} {act:?}");
        }
    }

    #[test]
    fn an_announcement_never_cries_stop_and_what_renews_itself_is_well() {
        for (standing, act, expected) in [
            (Standing::Ended, Act::Read, Mood::Information),
            (Standing::Ended, Act::Reconnect, Mood::Stop),
            (Standing::Soon, Act::PlanUpgrade { to: "2".into() }, Mood::Attention),
            (Standing::Later, Act::RenewsItself, Mood::Good),
            (Standing::Undated, Act::Nothing, Mood::Plain),
        ] {
            assert_eq!(mood(&row(act), standing), expected, "{standing:?}");
        }
    }
}
