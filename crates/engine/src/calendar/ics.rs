//! The calendar as a file for other calendar programs (RFC 5545).
//!
//! It must never hold a provider's id of a company or a secret, and importing it twice must double nothing: an event is
//! recognised by its UID, which is made from the row's own id and stays when the end moves. Only rows with a day become
//! events. A new property is one line in [`event`].

use super::{Act, End, Ending};
use crate::home::cannot_write;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::ToSpan;
use ledger::Problem;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::Path;

/// Longest line in octets, without its line break (RFC 5545, 3.1).
const LONGEST_LINE: usize = 75;
/// Days before the end at which the calendar program reminds.
const REMIND_DAYS: &[i32] = &[14, 3];

/// The text of a calendar file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarFile {
    pub text: String,
    pub events: usize,
    /// Rows that are not in it, because they have no day.
    pub without_day: usize,
}

/// All rows with a day as events. A file without any would not be a calendar; then the text is empty.
pub fn calendar_file(rows: &[Ending], now: Timestamp) -> CalendarFile {
    let mut text = String::new();
    let mut events = 0;
    for row in rows {
        if let Some(lines) = event(row, now) {
            lines.iter().for_each(|line| folded(&mut text, line));
            events += 1;
        }
    }
    if events > 0 {
        let mut whole = String::new();
        for line in ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Changeover//What ends//EN", "CALSCALE:GREGORIAN", "METHOD:PUBLISH"] {
            folded(&mut whole, line);
        }
        whole.push_str(&text);
        folded(&mut whole, "END:VCALENDAR");
        text = whole;
    }
    CalendarFile { text, events, without_day: rows.len() - events }
}

fn event(row: &Ending, now: Timestamp) -> Option<Vec<String>> {
    let summary = format!("{}: {}", row.company, row.title());
    let mut lines = vec!["BEGIN:VEVENT".to_string(), format!("UID:{}", uid(row)), format!("DTSTAMP:{}", utc(now))];
    match row.end {
        End::At(at) => lines.push(format!("DTSTART:{}", utc(at))),
        End::On(first) | End::Month(first) => {
            lines.push(format!("DTSTART;VALUE=DATE:{}", basic(first)));
            lines.push(format!("DTEND;VALUE=DATE:{}", basic(first.tomorrow().ok()?)));
        }
        End::Over | End::NoKnownEnd | End::Unknown => return None,
    }
    lines.push(format!("SUMMARY:{}", escaped(&summary)));
    lines.push(format!("DESCRIPTION:{}", escaped(&description(row))));
    if let Some(address) = row.source.as_deref().and_then(web_address) {
        lines.push(format!("URL:{address}"));
    }
    // It marks a day; it does not make anybody busy.
    lines.push("TRANSP:TRANSPARENT".to_string());
    // What renews itself moves its end with every use, so a reminder of today's end would be a false one.
    if row.act != Act::RenewsItself {
        for days in REMIND_DAYS.iter().filter(|days| is_ahead(row, **days, now)) {
            lines.push("BEGIN:VALARM".to_string());
            lines.push("ACTION:DISPLAY".to_string());
            lines.push(format!("DESCRIPTION:{}", escaped(&summary)));
            lines.push(format!("TRIGGER:-P{days}D"));
            lines.push("END:VALARM".to_string());
        }
    }
    lines.push("END:VEVENT".to_string());
    Some(lines)
}

/// A reminder whose time has passed would ring at the moment of the import.
fn is_ahead(row: &Ending, days: i32, now: Timestamp) -> bool {
    let at = row.moment().and_then(|end| end.checked_sub((i64::from(days) * 24).hours()).ok());
    at.is_some_and(|at| at > now)
}

fn description(row: &Ending) -> String {
    let month = match row.end {
        End::Month(_) => format!("Only the month is known ({}); this is its first day.", row.when()),
        End::At(_) | End::On(_) | End::Over | End::NoKnownEnd | End::Unknown => String::new(),
    };
    let source = row.source.as_ref().map_or_else(String::new, |source| format!("Source: {source}"));
    let parts = [row.happens(), row.to_do(), month, row.sureness(), source];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The same for the same row, whatever its end; says nothing about it.
fn uid(row: &Ending) -> String {
    let digest = Sha256::digest(format!("changeover calendar|{}|{}", row.company_id, row.id).as_bytes());
    format!("{}@changeover.invalid", hex::encode(&digest[..16]))
}

/// `20261231T235959Z`
fn utc(at: Timestamp) -> String {
    let at = at.to_zoned(TimeZone::UTC);
    format!("{}T{:02}{:02}{:02}Z", basic(at.date()), at.hour(), at.minute(), at.second())
}

/// `20261231`
fn basic(day: Date) -> String {
    format!("{:04}{:02}{:02}", day.year(), day.month(), day.day())
}

/// A TEXT value (RFC 5545, 3.3.11). Control characters other than line breaks have no form there and become spaces.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.replace("\r\n", "\n").chars() {
        match letter {
            '\\' | ';' | ',' => {
                out.push('\\');
                out.push(letter);
            }
            '\n' | '\r' => out.push_str("\\n"),
            control if control.is_control() => out.push(' '),
            plain => out.push(plain),
        }
    }
    out
}

/// A source that is an address and nothing else.
fn web_address(source: &str) -> Option<String> {
    let plain = source.bytes().all(|byte| byte.is_ascii_graphic());
    url::Url::parse(source).ok().filter(|url| plain && url.scheme() == "https").map(|url| url.to_string())
}

/// Adds one content line in pieces of at most [`LONGEST_LINE`] octets, never inside a character, nor between a backslash
/// and what it escapes, which some programs cannot put together again. The space that begins a further piece counts.
pub(super) fn folded(out: &mut String, line: &str) {
    let mut used = 0;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        let escaped = if letter == '\\' { letters.next() } else { None };
        let octets = letter.len_utf8() + escaped.map_or(0, char::len_utf8);
        if used + octets > LONGEST_LINE {
            out.push_str("\r\n ");
            used = 1;
        }
        out.push(letter);
        out.extend(escaped);
        used += octets;
    }
    out.push_str("\r\n");
}

/// Writes the text beside the file, makes sure that it is on the disk, and only then puts it in the file's place.
/// Errors: `E-FILE`, `E-DISK-FULL`; the file is then as it was.
pub fn write(file: &Path, text: &str) -> Result<(), Problem> {
    let refused = |error: std::io::Error| cannot_write(file, &error);
    // The name of a link is not what is to be replaced, and a device or a folder never is.
    let target = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_path_buf());
    let file = target.as_path();
    if std::fs::metadata(file).is_ok_and(|there| !there.is_file()) {
        return Err(refused(std::io::Error::other("there is something else of that name, which is not a file")));
    }
    let name = file.file_name().ok_or_else(|| refused(std::io::ErrorKind::InvalidFilename.into()))?;
    let beside = file.with_file_name(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
    let written = std::fs::File::create(&beside).and_then(|mut new| new.write_all(text.as_bytes()).and_then(|()| new.sync_all()));
    let placed = written.and_then(|()| std::fs::rename(&beside, file));
    placed.map_err(|error| {
        // What is half written is of no use to anybody; that it could not be removed would change nothing.
        let _ = std::fs::remove_file(&beside);
        refused(error)
    })
}
