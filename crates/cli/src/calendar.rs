//! `changeover accounts calendar`: what ends, and when, for one company or for all; on request as a calendar file.
//!
//! It reads only, and writes no file but the one that was named. What has no day stands last and says so.

use crate::ending::Ending;
use crate::screen::counted;
use crate::terminal::Terminal;
use clap::Args;
use engine::calendar::{self, Ending as End, Standing};
use jiff::Timestamp;
use ledger::Problem;
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct CalendarArguments {
    /// The company, by name or id; without it all of them
    #[arg(long, value_name = "NAME")]
    pub company: Option<String>,
    /// Write it into this file for a calendar program (iCalendar)
    #[arg(long, value_name = "FILE")]
    pub ics: Option<PathBuf>,
}

pub async fn run(terminal: &Terminal, arguments: CalendarArguments) -> Result<Ending, Problem> {
    let app = terminal.app().await?;
    let mut of = Vec::new();
    match &arguments.company {
        Some(company) => of.push(app.company(company).await?),
        None => {
            for engine in app.engines().await {
                for company in engine.companies().await? {
                    of.push((engine.clone(), company));
                }
            }
        }
    }
    let mut rows: Vec<(End, Timestamp)> = Vec::new();
    for (engine, company) in &of {
        rows.extend(engine.endings(company).await?.into_iter().map(|row| (row, engine.now())));
    }
    // Stable: within one standing each company's own order by time is kept, and several are merged by it.
    rows.sort_by_key(|(row, now)| match row.standing(*now) {
        Standing::Ended => (0, row.moment()),
        Standing::Soon | Standing::Later => (1, row.moment()),
        Standing::Undated => (2, None),
    });
    let now = of.first().map_or_else(|| app.real().now(), |(engine, _)| engine.now());
    let written = match &arguments.ics {
        Some(file) => Some(export(&rows, now, file)?),
        None => None,
    };
    if terminal.screen.json() {
        terminal.screen.answer(&json!({
            "rows": rows.iter().map(|(row, now)| as_json(row, *now)).collect::<Vec<_>>(),
            "file": written.as_ref().and_then(|file| file.events.gt(&0).then_some(arguments.ics.as_ref())),
        }));
        return Ok(Ending::Done);
    }
    if rows.is_empty() {
        terminal.screen.say("There is no account here yet, so nothing ends.");
    }
    for (row, now) in &rows {
        lines(row, *now).iter().for_each(|line| terminal.screen.data(line));
    }
    if let (Some(file), Some(path)) = (written, &arguments.ics) {
        terminal.screen.say(&match file.events {
            0 => "No row has a day, so no file was written.".to_string(),
            events => format!(
                "{} written to {}. {} without a day left out.",
                counted(events as u64, "event", "events"),
                path.display(),
                counted(file.without_day as u64, "row", "rows")
            ),
        });
    }
    Ok(Ending::Done)
}

fn export(rows: &[(End, Timestamp)], now: Timestamp, file: &std::path::Path) -> Result<calendar::CalendarFile, Problem> {
    let rows: Vec<End> = rows.iter().map(|(row, _)| row.clone()).collect();
    let made = calendar::calendar_file(&rows, now);
    if made.events > 0 {
        calendar::write(file, &made.text)?;
    }
    Ok(made)
}

/// One row: when and what, then what happens, what to do, how sure it is and where it is said.
fn lines(row: &End, now: Timestamp) -> Vec<String> {
    let distance = row.distance(now);
    let mut head = row.when();
    if !distance.is_empty() {
        head.push_str(&format!(" ({distance})"));
    }
    let mut lines = vec![format!("{:<7} {head}  {}, for \"{}\"", row.standing(now).word(), row.title(), row.company)];
    let mut below = |name: &str, text: &str| {
        if !text.is_empty() {
            lines.push(format!("        {name:<7} {text}"));
        }
    };
    below("then", &row.happens());
    below("do", &row.to_do());
    below("sure", &row.sureness());
    for note in &row.notes {
        below("rule", &format!("{} ({})", note.text, note.source));
    }
    if row.notes.is_empty() {
        below("source", row.source.as_deref().unwrap_or_default());
    }
    lines
}

fn as_json(row: &End, now: Timestamp) -> Value {
    json!({
        "id": row.id,
        "company": row.company,
        "connection": row.connection,
        "provider": row.provider,
        "what": row.title(),
        "standing": row.standing(now).word(),
        "when": row.when(),
        "instant": row.moment(),
        "day": row.day(),
        "zone": row.zone.iana_name(),
        "days_left": row.days_left(now),
        "then": row.happens(),
        "do": row.to_do(),
        "sure": row.sureness(),
        "source": row.source,
        "rules": row.notes.iter().map(|note| json!({"text": note.text, "source": note.source})).collect::<Vec<_>>(),
    })
}
