//! Lists as Square gives them: filtered, sorted, in pages with a cursor that is bound to its question.
//!
//! A cursor remembers the instant of its first page, so that records that move in between neither repeat nor vanish.
//! A new filter is one line in `Question::read`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::world::Record;

pub const CURSOR_LIFE: SignedDuration = SignedDuration::from_mins(5);
/// More cursors than this are never alive at once; the oldest go first.
const CURSORS_KEPT: usize = 4_096;

#[derive(Debug, Clone)]
struct Cursor {
    question: String,
    offset: usize,
    as_of: Timestamp,
    issued: Timestamp,
}

#[derive(Debug, Default)]
pub struct Cursors {
    alive: BTreeMap<String, Cursor>,
    order: std::collections::VecDeque<String>,
}

impl Cursors {
    fn give(&mut self, cursor: Cursor) -> std::io::Result<String> {
        let name = crate::wire::secret("")?;
        self.order.push_back(name.clone());
        self.alive.insert(name.clone(), cursor);
        while self.order.len() > CURSORS_KEPT {
            if let Some(oldest) = self.order.pop_front() {
                self.alive.remove(&oldest);
            }
        }
        Ok(name)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Created,
    Updated,
}

/// What a list is asked for.
#[derive(Debug, Clone)]
pub struct Question {
    /// Path and all parameters but the cursor.
    pub key: String,
    pub created: (Option<Timestamp>, Option<Timestamp>),
    pub updated: (Option<Timestamp>, Option<Timestamp>),
    pub statuses: Vec<String>,
    pub by: By,
    pub ascending: bool,
    pub limit: usize,
    pub cursor: Option<String>,
}

pub type Parameters = BTreeMap<String, String>;

fn time(parameters: &Parameters, name: &str) -> Result<Option<Timestamp>, String> {
    match parameters.get(name).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| format!("`{name}` is not an RFC 3339 time.")),
    }
}

impl Question {
    /// Reads the parameters of a list. `most` is the largest page, which is also the usual one.
    pub fn read(path: &str, parameters: &Parameters, most: usize) -> Result<Question, String> {
        let key = parameters
            .iter()
            .filter(|(name, _)| *name != "cursor")
            .fold(path.to_owned(), |mut key, (name, value)| {
                key.push_str(&format!("&{name}={value}"));
                key
            });
        let limit = match parameters.get("limit") {
            None => most,
            Some(text) => match text.parse::<usize>() {
                Ok(limit) if (1..=most).contains(&limit) => limit,
                Ok(_) | Err(_) => return Err(format!("`limit` must be a number from 1 to {most}.")),
            },
        };
        let by = match parameters.get("sort_field").map(String::as_str) {
            None | Some("CREATED_AT") => By::Created,
            Some("UPDATED_AT") => By::Updated,
            Some(other) => return Err(format!("`sort_field` cannot be `{other}`.")),
        };
        let ascending = match parameters.get("sort_order").map(String::as_str) {
            None | Some("DESC") => false,
            Some("ASC") => true,
            Some(other) => return Err(format!("`sort_order` cannot be `{other}`.")),
        };
        Ok(Question {
            key,
            created: (time(parameters, "begin_time")?, time(parameters, "end_time")?),
            updated: (time(parameters, "updated_at_begin_time")?, time(parameters, "updated_at_end_time")?),
            statuses: parameters
                .get("status")
                .or_else(|| parameters.get("states"))
                .map(|text| text.split(',').map(str::to_owned).collect())
                .unwrap_or_default(),
            by,
            ascending,
            limit,
            cursor: parameters.get("cursor").filter(|cursor| !cursor.is_empty()).cloned(),
        })
    }
}

fn within(at: Timestamp, range: (Option<Timestamp>, Option<Timestamp>)) -> bool {
    // From the beginning on, the end itself included: a reader who asks "up to now" must not miss this very moment.
    range.0.is_none_or(|begin| at >= begin) && range.1.is_none_or(|end| at <= end)
}

/// One page: the records' JSON, and the cursor of the next page if there is one.
pub struct Page<'a> {
    pub records: Vec<&'a str>,
    pub cursor: Option<String>,
}

/// Answers a question at `now`. `repeat` gives the page before once more, `hidden` leaves records out.
pub fn answer<'a>(
    records: &'a [Record],
    question: &Question,
    now: Timestamp,
    cursors: &mut Cursors,
    repeat: bool,
    hidden: impl Fn(usize, &Record) -> bool,
) -> Result<Page<'a>, String> {
    let (mut offset, as_of) = match &question.cursor {
        None => (0, now),
        Some(name) => {
            let cursor = cursors.alive.get(name).ok_or("The cursor is not known.")?;
            if cursor.question != question.key {
                return Err("The cursor belongs to another question.".into());
            }
            if now.duration_since(cursor.issued) > CURSOR_LIFE {
                return Err("The cursor has expired.".into());
            }
            (cursor.offset, cursor.as_of)
        }
    };
    let mut shown: Vec<(Timestamp, &Record, &str)> = records
        .iter()
        .enumerate()
        .filter(|(index, record)| !hidden(*index, record))
        .filter(|(_, record)| within(record.created, question.created))
        .filter_map(|(_, record)| record.at(as_of).map(|state| (record, state)))
        .filter(|(_, state)| within(state.from, question.updated))
        .filter(|(_, state)| question.statuses.is_empty() || question.statuses.iter().any(|status| status == state.status))
        .map(|(record, state)| {
            let sorted = match question.by {
                By::Created => record.created,
                By::Updated => state.from,
            };
            (sorted, record, &*state.text)
        })
        .collect();
    shown.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.id.cmp(&b.1.id)));
    if !question.ascending {
        shown.reverse();
    }
    if repeat {
        offset = offset.saturating_sub(question.limit);
    }
    let end = (offset + question.limit).min(shown.len());
    let page: Vec<&str> = shown
        .get(offset..end)
        .unwrap_or_default()
        .iter()
        .map(|(_, _, text)| *text)
        .collect();
    let cursor = if end < shown.len() {
        let next = Cursor {
            question: question.key.clone(),
            offset: end,
            as_of,
            issued: now,
        };
        Some(cursors.give(next).map_err(|problem| problem.to_string())?)
    } else {
        None
    };
    Ok(Page { records: page, cursor })
}

impl Page<'_> {
    /// Square leaves an empty list out of its answer altogether.
    pub fn text(&self, name: &str) -> String {
        let mut text = String::with_capacity(self.records.iter().map(|record| record.len() + 1).sum::<usize>() + 120);
        text.push('{');
        if let Some(cursor) = &self.cursor {
            text.push_str(&format!("\"cursor\":\"{cursor}\""));
            text.push_str(if self.records.is_empty() { "" } else { "," });
        }
        if !self.records.is_empty() {
            text.push_str(&format!("\"{name}\":["));
            text.push_str(&self.records.join(","));
            text.push(']');
        }
        text.push('}');
        text
    }
}
