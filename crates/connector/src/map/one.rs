//! One record: its rule is found, its joined rows are looked up, its parts are made.
//!
//! The first posting rule whose `when` holds decides. Any doubt on the way holds the record; it must never
//! make a part of a record whose other parts could not be made.

use super::{Alias, Business, Excluded, Held, HoldReason};
use crate::convert::{money_from, no_object, object_of};
use crate::package::{Join, Outcome, Package, Part, Posting, Reader, Stream};
use crate::record::Record;
use crate::rules::{Cash, Data, Names, Rule, Type, data_money};
use jiff::Timestamp;
use jiff::civil::Date;
use ledger::{Draft, EntryKey, Money, RoleLine};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

static ZERO: LazyLock<Data> = LazyLock::new(|| data_money(Cash::ZERO));

#[derive(Clone)]
pub(super) enum Bin {
    Drafted(Box<Drafted>),
    Held(Held),
    Excluded(Excluded),
}

/// A draft with what only the mapper still needs.
#[derive(Clone)]
pub(super) struct Drafted {
    pub draft: Arc<Draft>,
    pub aliases: Vec<Alias>,
    /// The package's name of each part, in the draft's order.
    pub part_names: Vec<String>,
    /// Amount and fee, where the record settles others.
    pub settles: Option<(Cash, Cash)>,
}

/// The records by stream and id, and their rows as values for rules.
pub(super) struct Records<'r> {
    by_stream: HashMap<&'r str, Vec<&'r Record>>,
    by_id: HashMap<(&'r str, &'r str), usize>,
    rows: HashMap<&'r str, HashMap<&'r str, Result<Data, String>>>,
}

impl<'r> Records<'r> {
    pub fn index(package: &Package, records: impl IntoIterator<Item = &'r Record>) -> Records<'r> {
        let mut index = Records {
            by_stream: HashMap::new(),
            by_id: HashMap::new(),
            rows: HashMap::new(),
        };
        for record in records {
            let name = (record.stream.as_str(), record.id.as_str());
            let list = index.by_stream.entry(name.0).or_default();
            match index.by_id.get(&name) {
                None => {
                    index.by_id.insert(name, list.len());
                    list.push(record);
                }
                Some(&at) if record.updated >= list[at].updated => list[at] = record,
                Some(_) => {}
            }
        }
        for stream in &package.streams {
            for record in index.by_stream.get(stream.name.as_str()).into_iter().flatten() {
                let row = object_of(&stream.schema.shape, &record.body);
                index
                    .rows
                    .entry(record.stream.as_str())
                    .or_default()
                    .insert(record.id.as_str(), row);
            }
        }
        index
    }

    pub fn of(&self, stream: &str) -> &[&'r Record] {
        self.by_stream.get(stream).map(Vec::as_slice).unwrap_or_default()
    }

    pub fn row(&self, stream: &str, id: &str) -> Option<&Result<Data, String>> {
        self.rows.get(stream)?.get(id)
    }
}

/// Why a record cannot be drafted.
struct Doubt {
    reason: HoldReason,
    words: String,
}

impl Doubt {
    fn new(reason: HoldReason, words: impl Into<String>) -> Doubt {
        Doubt {
            reason,
            words: words.into(),
        }
    }
}

fn unreadable(why: String) -> Doubt {
    Doubt::new(HoldReason::Unreadable, format!("It cannot be understood: {why}."))
}

pub(super) fn bin(stream: &Stream, reader: &Reader, record: &Record, records: &Records, business: &Business) -> Bin {
    let mut keys = Vec::new();
    match binned(stream, reader, record, records, business, &mut keys) {
        Ok(bin) => bin,
        Err(doubt) => Bin::Held(held(stream, record, keys, doubt.reason, doubt.words, business)),
    }
}

/// The rows that a record is read together with, as far as it names any.
pub(super) fn joins(reader: &Reader, record: &Record) -> Vec<(String, String)> {
    let named = |join: &Join| {
        let id = crate::fetch::text_at(&record.body, &join.by).filter(|id| !id.is_empty())?;
        Some((join.stream.clone(), id.to_string()))
    };
    reader.joins.iter().filter_map(named).collect()
}

pub(super) fn amount_of(stream: &Stream, record: &Record, business: &Business) -> Option<Money> {
    stream.source.amount.as_ref().and_then(|path| {
        let value = path.iter().try_fold(&record.body, |value, name| value.get(name))?;
        money_from(value).ok().map(|cash| cash.money(business.currency))
    })
}

fn held(
    stream: &Stream,
    record: &Record,
    keys: Vec<EntryKey>,
    reason_code: HoldReason,
    reason: String,
    business: &Business,
) -> Held {
    Held {
        stream: stream.name.clone(),
        record: record.id.clone(),
        keys,
        instant: record.instant,
        amount: amount_of(stream, record, business),
        reason_code,
        reason,
    }
}

fn binned(
    stream: &Stream,
    reader: &Reader,
    record: &Record,
    records: &Records,
    business: &Business,
    keys: &mut Vec<EntryKey>,
) -> Result<Bin, Doubt> {
    let row = records
        .row(&stream.name, &record.id)
        .ok_or_else(|| unreadable("its row is missing".into()))?;
    let row = row.as_ref().map_err(|why| unreadable(why.clone()))?;
    let empty: Vec<Data> = reader.joins.iter().map(nothing_of).collect();
    let mut names = Names::default();
    names.set("r", row);
    names.set("zero", &ZERO);
    let mut missing = None;
    for (join, empty) in reader.joins.iter().zip(&empty) {
        match joined(join, record, records) {
            Joined::Row(Ok(row)) => names.set(&join.name, row),
            Joined::Row(Err(why)) => {
                missing = Some(unreadable(format!("its {}: {why}", join.name)));
                names.set(&join.name, empty);
            }
            Joined::None => names.set(&join.name, empty),
            Joined::NotRead => {
                missing = Some(Doubt::new(HoldReason::NotReadYet, format!("Its {} was not read yet.", join.name)));
                names.set(&join.name, empty);
            }
        }
    }
    if let Some(doubt) = missing {
        // The keys are for people and look-ups only; nothing is decided by them.
        *keys = keys_of(reader, &names);
        return Err(doubt);
    }
    let Some(posting) = chosen(reader, &names)? else {
        return Err(Doubt::new(HoldReason::UnknownKind, reader.otherwise.clone()));
    };
    let computed = lets(posting, &names)?;
    let names = computed.iter().fold(names, |names, (name, data)| names.with(name, data));
    *keys = part_keys(posting, &names);
    for (that, words) in &posting.assume {
        if !that.truth(&names).map_err(unreadable)? {
            return Err(Doubt::new(HoldReason::NotAsExpected, words.clone()));
        }
    }
    let excluded = |reason: &str| {
        Bin::Excluded(Excluded {
            stream: stream.name.clone(),
            record: record.id.clone(),
            rule: posting.name.clone(),
            reason: reason.to_string(),
        })
    };
    match &posting.outcome {
        Outcome::Exclude(why) => Ok(excluded(&why.words)),
        Outcome::Post {
            description,
            reference,
            parts,
        } => {
            let drafted = draft(stream, record, (description, reference.as_ref(), parts), &names, business)?;
            match drafted {
                None => Ok(excluded("It comes to 0.00, so there is nothing to post.")),
                Some(mut drafted) => {
                    if let Some(settles) = &reader.settles {
                        let amount = settles.amount.cash(&names).map_err(unreadable)?;
                        let fee = settles.fee.cash(&names).map_err(unreadable)?;
                        drafted.settles = Some((amount, fee));
                    }
                    Ok(Bin::Drafted(Box::new(drafted)))
                }
            }
        }
    }
}

enum Joined<'d> {
    Row(&'d Result<Data, String>),
    /// The record names no such row.
    None,
    NotRead,
}

fn joined<'d>(join: &Join, record: &Record, records: &'d Records) -> Joined<'d> {
    match crate::fetch::text_at(&record.body, &join.by).filter(|id| !id.is_empty()) {
        None => Joined::None,
        Some(id) => records.row(&join.stream, id).map_or(Joined::NotRead, Joined::Row),
    }
}

/// What a join reads as when the record names no row: every field nothing.
fn nothing_of(join: &Join) -> Data {
    no_object(&join.shape)
}

fn chosen<'p>(reader: &'p Reader, names: &Names) -> Result<Option<&'p Posting>, Doubt> {
    for posting in &reader.postings {
        if posting.when.truth(names).map_err(unreadable)? {
            return Ok(Some(posting));
        }
    }
    Ok(None)
}

fn lets<'p>(posting: &'p Posting, names: &Names) -> Result<Vec<(&'p str, Data)>, Doubt> {
    let mut computed: Vec<(&str, Data)> = Vec::with_capacity(posting.lets.len());
    for (name, rule) in &posting.lets {
        let known = computed.iter().fold(names.copy(), |names, (name, data)| names.with(name, data));
        let data = rule.data(&known).map_err(unreadable)?;
        computed.push((name, data));
    }
    Ok(computed)
}

/// Keys as far as they can be made, for a record that is held.
fn keys_of(reader: &Reader, names: &Names) -> Vec<EntryKey> {
    chosen(reader, names)
        .ok()
        .flatten()
        .map(|posting| part_keys(posting, names))
        .unwrap_or_default()
}

fn part_keys(posting: &Posting, names: &Names) -> Vec<EntryKey> {
    let Outcome::Post { parts, .. } = &posting.outcome else {
        return Vec::new();
    };
    let mut keys = Vec::new();
    for part in parts {
        let made = each(part, names, |names| {
            if applies(part.when.as_ref(), names)? {
                keys.push(key(&part.key, names)?);
            }
            Ok(())
        });
        // A key that cannot be made is not known; that the record is held says the rest.
        if made.is_err() {
            continue;
        }
    }
    keys
}

/// Description, reference and parts, as the rule has them.
type Said<'p> = (&'p Rule, Option<&'p Rule>, &'p [Part]);

fn draft(stream: &Stream, record: &Record, said: Said, names: &Names, business: &Business) -> Result<Option<Drafted>, Doubt> {
    let mut draft = Draft {
        stream: stream.name.clone(),
        record: record.id.clone(),
        description: said.0.text(names).map_err(unreadable)?,
        reference: said
            .1
            .map(|rule| rule.text(names))
            .transpose()
            .map_err(unreadable)?
            .unwrap_or_default(),
        parts: Vec::new(),
    };
    let mut aliases = Vec::new();
    let mut part_names = Vec::new();
    for part in said.2 {
        each(part, names, |names| {
            if !applies(part.when.as_ref(), names)? {
                return Ok(());
            }
            let made = made(part, names, business)?;
            if made.lines.is_empty() {
                return Ok(());
            }
            aliases.extend(older_keys(part, &made.key, names)?);
            part_names.push(part.name.clone());
            draft.parts.push(made);
            Ok(())
        })?;
    }
    Ok((!draft.parts.is_empty()).then(|| Drafted {
        draft: Arc::new(draft),
        aliases,
        part_names,
        settles: None,
    }))
}

/// Runs `work` once, or once for each element of the part's list.
fn each(part: &Part, names: &Names, mut work: impl FnMut(&Names) -> Result<(), Doubt>) -> Result<(), Doubt> {
    match &part.each {
        None => work(names),
        Some((list, name)) => {
            for element in list.elements(names).map_err(unreadable)? {
                work(&names.copy().with(name, &element))?;
            }
            Ok(())
        }
    }
}

fn applies(when: Option<&Rule>, names: &Names) -> Result<bool, Doubt> {
    when.map_or(Ok(true), |rule| rule.truth(names).map_err(unreadable))
}

fn key(rule: &Rule, names: &Names) -> Result<EntryKey, Doubt> {
    let text = rule.text(names).map_err(unreadable)?;
    EntryKey::new(text).map_err(|problem| unreadable(problem.why.join(" ").trim_end_matches('.').to_string()))
}

fn made(part: &Part, names: &Names, business: &Business) -> Result<ledger::Part, Doubt> {
    let instant = part.instant.time(names).map_err(unreadable)?;
    let date = match &part.date {
        None => day(instant, business),
        Some(rule) if rule.ty == Type::Day => rule.day(names).map_err(unreadable)?,
        Some(rule) => day(rule.time(names).map_err(unreadable)?, business),
    };
    let mut lines = Vec::with_capacity(part.lines.len());
    for line in &part.lines {
        if applies(line.when.as_ref(), names)? {
            let cash = line.amount.cash(names).map_err(unreadable)?;
            let amount = home(cash, business)?;
            if !amount.is_zero() {
                lines.push(RoleLine { role: line.role, amount });
            }
        }
    }
    let total = Money::sum(business.currency, lines.iter().map(|line| line.amount)).map_err(|problem| unreadable(problem.what))?;
    if !total.is_zero() {
        return Err(Doubt::new(
            HoldReason::Unbalanced,
            format!("The lines of \"{}\" differ by {total}.", part.what),
        ));
    }
    Ok(ledger::Part {
        key: key(&part.key, names)?,
        what: part.what.clone(),
        instant,
        date,
        lines,
    })
}

fn home(cash: Cash, business: &Business) -> Result<Money, Doubt> {
    match cash.currency {
        Some(other) if other != business.currency => Err(Doubt::new(
            HoldReason::OtherCurrency,
            format!(
                "It is in {other}; these books are kept in {}, and nothing is converted.",
                business.currency
            ),
        )),
        Some(_) | None => Ok(cash.money(business.currency)),
    }
}

fn day(instant: Timestamp, business: &Business) -> Date {
    instant.to_zoned(business.zone.clone()).date()
}

fn older_keys(part: &Part, new: &EntryKey, names: &Names) -> Result<Vec<Alias>, Doubt> {
    let mut aliases = Vec::with_capacity(part.was.len());
    for was in &part.was {
        if applies(was.when.as_ref(), names)? {
            aliases.push(Alias {
                old: key(&was.key, names)?,
                new: new.clone(),
                class: was.class,
                via: was.via.clone(),
            });
        }
    }
    Ok(aliases)
}
