//! Reading a stream of a processor, page by page.
//!
//! It must never write to the processor: a request is a GET, or a POST that the package declares as a
//! search, and nobody outside this crate can make another. It stops with a named error rather than return
//! less than everything: a row without an id, a cursor that comes back, too many pages. Another way of
//! paging is a field of `package::Paging`, read in `package/read.rs` and followed here.

use crate::package::{Package, PutParent, Source, Stream};
use crate::record::Record;
use jiff::{SignedDuration, Timestamp};
use ledger::{Code, Problem, Retry};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::pin::Pin;

pub const E_FETCH_STREAM: Code = Code("E-FETCH-STREAM");
pub const E_FETCH_PARENTS: Code = Code("E-FETCH-PARENTS");
pub const E_FETCH_LOOP: Code = Code("E-FETCH-LOOP");
pub const E_FETCH_PAGES: Code = Code("E-FETCH-PAGES");
pub const E_FETCH_SHAPE: Code = Code("E-FETCH-SHAPE");
pub const E_FETCH_ROW: Code = Code("E-FETCH-ROW");
pub(crate) const CODES: &[Code] = &[
    E_FETCH_STREAM,
    E_FETCH_PARENTS,
    E_FETCH_LOOP,
    E_FETCH_PAGES,
    E_FETCH_SHAPE,
    E_FETCH_ROW,
];

/// Most pages of one request with its cursors: 2,000 pages of 100 rows, ten years of a busy shop.
pub const LARGEST_STREAM_PAGES: usize = 2_000;

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The movements of interest: those that changed (or, where the processor cannot say, were created) in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub since: Timestamp,
    pub until: Timestamp,
}

/// What a request may do. Neither can change anything at the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Get,
    /// A POST that the package declares as a read-only search.
    Search,
}

/// One page asked for. Only `fetch` makes them.
#[derive(Debug, Clone, PartialEq)]
pub struct PageRequest {
    stream: String,
    verb: Verb,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Option<Value>,
}

impl PageRequest {
    pub fn stream(&self) -> &str {
        &self.stream
    }

    pub fn verb(&self) -> Verb {
        self.verb
    }

    /// Begins with '/', to be put behind the processor's base address.
    pub fn path(&self) -> &str {
        &self.path
    }

    pub fn query(&self) -> &[(String, String)] {
        &self.query
    }

    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    pub fn body(&self) -> Option<&Value> {
        self.body.as_ref()
    }

    /// Enough to recognise a recorded answer: verb, path, query in its order, body.
    pub fn fingerprint(&self) -> String {
        let verb = match self.verb {
            Verb::Get => "GET",
            Verb::Search => "SEARCH",
        };
        let query: Vec<String> = self.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        format!("{verb} {}?{} {body}", self.path, query.join("&"))
    }
}

/// One page received.
#[derive(Debug, Clone, PartialEq)]
pub struct PageResponse {
    pub body: Value,
}

/// What the fetcher needs of HTTP. Read-only by type.
pub trait Processor: Send + Sync {
    fn get<'a>(&'a self, request: &'a PageRequest) -> BoxFuture<'a, Result<PageResponse, Problem>>;
}

/// Told after every page, for progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageSeen {
    pub stream: String,
    /// Pages of this stream so far.
    pub pages: usize,
    /// Rows on this page.
    pub rows: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Fetched {
    /// Each id once, in the order of first sight.
    pub records: Vec<Record>,
    pub pages: usize,
    pub requests: usize,
}

/// Reads one stream to its end. `parents` holds the records this stream is asked for by (more do no harm:
/// pass all that were fetched so far, in the order of [`Package::streams`]).
///
/// Errors: `E-FETCH-STREAM`, `E-FETCH-PARENTS`, `E-FETCH-LOOP`, `E-FETCH-PAGES`, `E-FETCH-SHAPE`, `E-FETCH-ROW`,
/// and whatever `http` returns. Nothing is left behind: records are handed over only when all were read.
pub async fn fetch(
    package: &Package,
    stream: &str,
    window: Window,
    parents: &[Record],
    http: &dyn Processor,
    on_page: &mut (dyn FnMut(PageSeen) + Send),
) -> Result<Fetched, Problem> {
    let stream = package.stream(stream).ok_or_else(|| {
        Problem::new(
            E_FETCH_STREAM,
            format!("The connector {} {} has no list called \"{stream}\".", package.name, package.version),
            "The connector package does not declare it.",
            "Ask for one of the connector's own lists.",
        )
    })?;
    let mut gathered = Gathered::default();
    for request in requests(package, stream, window, parents)? {
        read_pages(stream, request, http, &mut gathered, on_page).await?;
    }
    Ok(Fetched {
        records: gathered.records,
        pages: gathered.pages,
        requests: gathered.pages,
    })
}

#[derive(Default)]
struct Gathered {
    records: Vec<Record>,
    by_id: HashMap<String, usize>,
    pages: usize,
}

impl Gathered {
    /// Keeps each id once, the newest state of it. A page that comes twice changes nothing.
    fn add(&mut self, record: Record) {
        match self.by_id.get(&record.id) {
            None => {
                self.by_id.insert(record.id.clone(), self.records.len());
                self.records.push(record);
            }
            Some(&at) if record.updated >= self.records[at].updated => self.records[at] = record,
            Some(_) => {}
        }
    }
}

async fn read_pages(
    stream: &Stream,
    (mut request, parent): (PageRequest, Option<String>),
    http: &dyn Processor,
    gathered: &mut Gathered,
    on_page: &mut (dyn FnMut(PageSeen) + Send),
) -> Result<(), Problem> {
    let mut cursors: BTreeSet<String> = BTreeSet::new();
    for _ in 0..LARGEST_STREAM_PAGES {
        let page = http.get(&request).await?;
        gathered.pages += 1;
        let rows = rows_of(stream, &page.body)?;
        for row in rows {
            gathered.add(record_of(stream, row, parent.as_deref())?);
        }
        on_page(PageSeen {
            stream: stream.name.clone(),
            pages: gathered.pages,
            rows: rows.len(),
        });
        let Some((name, cursor)) = next_cursor(&stream.source, &page.body) else {
            return Ok(());
        };
        if !cursors.insert(cursor.clone()) {
            return Err(Problem::new(
                E_FETCH_LOOP,
                format!("Reading \"{}\" goes round in a circle.", stream.title),
                format!(
                    "After {} pages the processor sent a page mark that it had sent before.",
                    gathered.pages
                ),
                "Try again later. If it happens again, tell the processor's support.",
            )
            .retrying(Retry::Later { after_seconds: 300 }));
        }
        put_cursor(&mut request, name, cursor);
    }
    Err(Problem::new(
        E_FETCH_PAGES,
        format!("Reading \"{}\" was stopped.", stream.title),
        format!("There are more than {LARGEST_STREAM_PAGES} pages; no real list of this kind is so long."),
        "Choose a shorter time to read, or ask the processor's support.",
    ))
}

fn next_cursor(source: &Source, body: &Value) -> Option<(String, String)> {
    let paging = source.paging.as_ref()?;
    let cursor = body
        .get(&paging.cursor)
        .and_then(Value::as_str)
        .filter(|cursor| !cursor.is_empty())?;
    Some((paging.cursor.clone(), cursor.to_string()))
}

fn put_cursor(request: &mut PageRequest, name: String, cursor: String) {
    match (request.verb, &mut request.body) {
        (Verb::Search, Some(Value::Object(body))) => {
            body.insert(name, Value::String(cursor));
        }
        (Verb::Search, Some(_) | None) | (Verb::Get, _) => {
            request.query.retain(|(known, _)| *known != name);
            request.query.push((name, cursor));
        }
    }
}

/// The list in an answer. An answer with an `errors` list is refused; an absent list is an empty one, as
/// Square leaves it out where there is nothing.
fn rows_of<'b>(stream: &Stream, body: &'b Value) -> Result<&'b [Value], Problem> {
    let shape = |why: String| {
        Problem::new(
            E_FETCH_SHAPE,
            format!("The answer for \"{}\" cannot be understood.", stream.title),
            why,
            "Try again later. If it happens again, the connector may need a newer version.",
        )
    };
    let Value::Object(fields) = body else {
        return Err(shape("It is not an object with named fields.".into()));
    };
    if fields
        .get("errors")
        .and_then(Value::as_array)
        .is_some_and(|errors| !errors.is_empty())
    {
        return Err(shape("It reports errors instead of data.".into()));
    }
    match fields.get(&stream.source.rows) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(rows)) => Ok(rows),
        Some(Value::Object(_)) | Some(Value::String(_)) | Some(Value::Number(_)) | Some(Value::Bool(_)) => {
            Err(shape(format!("Its field \"{}\" is not a list.", stream.source.rows)))
        }
    }
}

fn record_of(stream: &Stream, row: &Value, parent: Option<&str>) -> Result<Record, Problem> {
    let source = &stream.source;
    let lacks = |field: &[String]| {
        Problem::new(
            E_FETCH_ROW,
            format!("A row of \"{}\" cannot be identified.", stream.title),
            format!("Its field \"{}\" is missing or unreadable.", field.join(".")),
            "Nothing of this list is used. Try again later; if it happens again, the connector needs a newer version.",
        )
    };
    let id = text_at(row, &source.id)
        .filter(|id| !id.is_empty())
        .ok_or_else(|| lacks(&source.id))?;
    let time = |path: &Option<Vec<String>>| match path {
        None => Ok(None),
        Some(path) => text_at(row, path)
            .and_then(|text| text.parse::<Timestamp>().ok())
            .map(Some)
            .ok_or_else(|| lacks(path)),
    };
    let instant = time(&source.instant)?;
    let updated = time(&source.updated)?;
    let own_parent = source.parent.as_ref().and_then(|path| text_at(row, path));
    Ok(Record {
        stream: stream.name.clone(),
        id: id.to_string(),
        instant: instant.or(updated).unwrap_or(Timestamp::UNIX_EPOCH),
        updated: updated.or(instant).unwrap_or(Timestamp::UNIX_EPOCH),
        parent: own_parent.or(parent).map(str::to_string),
        body: row.clone(),
    })
}

pub(crate) fn text_at<'v>(row: &'v Value, path: &[String]) -> Option<&'v str> {
    path.iter().try_fold(row, |value, name| value.get(name))?.as_str()
}

/// The requests that begin a stream: one, or one per parent row or bundle of them, with the parent's id.
fn requests(package: &Package, stream: &Stream, window: Window, parents: &[Record]) -> Result<Vec<(PageRequest, Option<String>)>, Problem> {
    let base = base_request(package, stream, window)?;
    let Some(wanted) = &stream.source.parents else {
        return Ok(vec![(base, None)]);
    };
    let ids = parent_ids(stream, &wanted.of, parents)?;
    Ok(match &wanted.put {
        PutParent::Path(name) => ids
            .into_iter()
            .map(|id| {
                let path = base.path.replace(&format!("{{{name}}}"), &path_safe(&id));
                (PageRequest { path, ..base.clone() }, Some(id))
            })
            .collect(),
        PutParent::Query(name) => ids
            .into_iter()
            .map(|id| {
                let mut request = base.clone();
                request.query.push((name.clone(), id.clone()));
                (request, Some(id))
            })
            .collect(),
        PutParent::Body(name, at_most) => ids
            .chunks(*at_most)
            .map(|bundle| {
                (
                    PageRequest {
                        body: Some(json!({ name.as_str(): bundle })),
                        ..base.clone()
                    },
                    None,
                )
            })
            .collect(),
    })
}

/// Ids of the parent rows, each once, in their order. Streams asked for by row need at least one parent
/// record: asking for nothing would look like "there is nothing".
fn parent_ids(stream: &Stream, of: &[(String, Vec<String>)], parents: &[Record]) -> Result<Vec<String>, Problem> {
    let mut seen = BTreeSet::new();
    let mut ids = Vec::new();
    for record in parents {
        for (_, path) in of.iter().filter(|(name, _)| *name == record.stream) {
            if let Some(id) = text_at(&record.body, path).filter(|id| !id.is_empty())
                && seen.insert(id.to_string())
            {
                ids.push(id.to_string());
            }
        }
    }
    let by_place = stream
        .source
        .parents
        .as_ref()
        .is_some_and(|parents| matches!(parents.put, PutParent::Query(_)));
    if by_place && ids.is_empty() {
        let names: Vec<&str> = of.iter().map(|(name, _)| name.as_str()).collect();
        return Err(Problem::new(
            E_FETCH_PARENTS,
            format!("\"{}\" cannot be read.", stream.title),
            format!("It is asked for by each of: {}; none was read before.", names.join(", ")),
            "Read those first. If the processor lists none, the account has nothing to read from.",
        ));
    }
    Ok(ids)
}

fn base_request(package: &Package, stream: &Stream, window: Window) -> Result<PageRequest, Problem> {
    let source = &stream.source;
    let mut query = source.query.clone();
    if let Some(names) = &source.window {
        let since = earlier(window.since, SignedDuration::from_hours(names.look_back_hours));
        let created = earlier(since, SignedDuration::from_hours(24 * names.reach_back_days));
        let values: BTreeMap<&str, (&Option<String>, Timestamp)> = BTreeMap::from([
            ("1", (&names.created_since, created)),
            ("2", (&names.created_until, window.until)),
            ("3", (&names.updated_since, since)),
            ("4", (&names.updated_until, window.until)),
        ]);
        query.extend(
            values
                .into_values()
                .filter_map(|(name, at)| name.clone().map(|name| (name, at.to_string()))),
        );
    }
    if let Some((name, size)) = source.paging.as_ref().and_then(|paging| paging.limit.clone()) {
        query.push((name, size.to_string()));
    }
    let headers = package
        .api_header
        .iter()
        .map(|name| (name.clone(), package.api_version.clone()))
        .collect();
    Ok(PageRequest {
        stream: stream.name.clone(),
        verb: source.verb,
        path: source.path.clone(),
        query,
        headers,
        body: None,
    })
}

/// The earliest instant there is, rather than an overflow.
fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// An id in a path must not be able to become another path.
fn path_safe(id: &str) -> String {
    url::form_urlencoded::byte_serialize(id.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}
