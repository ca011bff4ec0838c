//! A connector package: what one version of a connector reads, needs, posts and replaces.
//!
//! A `Package` exists only if the checker found no fault, so nobody else checks again. It never names
//! an account of a person's books (only roles) and holds no code. A new statement of the format is a field
//! here, its reading in `read.rs` or `postings.rs`, its sense in `check.rs`, its words in
//! `docs/connector-packages.md`.

mod access;
mod check;
mod expect;
mod postings;
mod read;
mod schema;
mod yaml;

pub use access::ACCESS_ONLY;
pub(crate) use check::superseded_faults;
pub(crate) use postings::{Join, Outcome, Part, Posting, Reader, Settles};
pub(crate) use schema::Schema;

use jiff::civil::Date;
use ledger::{Code, Problem, Role};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

pub const E_PACKAGE: Code = Code("E-PACKAGE");
pub(crate) const CODES: &[Code] = &[E_PACKAGE];

/// Largest package text. The catalog's own have less than a tenth of it.
pub const LARGEST_PACKAGE_BYTES: usize = 256 * 1024;

/// A connector package that passed every check.
pub struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) title: String,
    pub(crate) provider: String,
    pub(crate) api_version: String,
    pub(crate) api_header: Option<String>,
    pub(crate) permissions: Vec<PermissionNeed>,
    pub(crate) streams: Vec<Stream>,
    pub(crate) breaking_changes: Vec<BreakingChange>,
    pub(crate) supersedes: Option<Supersedes>,
    pub(crate) roles: BTreeSet<Role>,
    /// Where the text came from, for faults that only a comparison with another package shows.
    pub(crate) file: String,
    /// Key rules: their text as compared between versions, and their line in the file.
    pub(crate) key_rules: KeyRules,
}

/// The texts of all key rules: what this version posts under, and which older keys it knows.
#[derive(Debug, Default)]
pub(crate) struct KeyRules {
    pub posted: Vec<(String, usize)>,
    pub was: Vec<String>,
}

/// A permission the connector asks for, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionNeed {
    /// The provider's own name: "ORDERS_READ".
    pub permission: String,
    /// The streams that cannot be read without it.
    pub streams: Vec<String>,
    /// In words, for the person who gives it.
    pub why: String,
}

/// Something that stops working, or changes for everybody, in plain words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakingChange {
    pub id: String,
    pub title: String,
    pub text: String,
    pub deadline: Option<Date>,
    /// The deadline was not confirmed with the provider; shown beside it.
    pub unverified: bool,
    /// Where it is announced.
    pub source: String,
}

/// What this version replaces, and which differences in the books that will bring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supersedes {
    /// The older version.
    pub from: String,
    pub expected_changes: Vec<ExpectedChange>,
}

/// How a declared difference between two versions looks in the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// The same movement, spread over other accounts.
    Regrouped,
    /// A movement the older version did not post.
    NewlyPosted,
    /// A movement the older version posted and this one does not.
    NoLongerPosted,
}

impl ChangeKind {
    pub fn name(self) -> &'static str {
        match self {
            ChangeKind::Regrouped => "regrouped",
            ChangeKind::NewlyPosted => "newly-posted",
            ChangeKind::NoLongerPosted => "no-longer-posted",
        }
    }
}

impl FromStr for ChangeKind {
    type Err = String;
    fn from_str(text: &str) -> Result<ChangeKind, String> {
        [ChangeKind::Regrouped, ChangeKind::NewlyPosted, ChangeKind::NoLongerPosted]
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| format!("\"{text}\" is not a kind of change; known are regrouped, newly-posted, no-longer-posted"))
    }
}

/// A difference that a person agrees to once, so that the comparison can tell it from a mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedChange {
    pub id: String,
    pub title: String,
    pub text: String,
    pub kind: ChangeKind,
    pub streams: Vec<String>,
    /// The only roles whose amounts may differ.
    pub roles: BTreeSet<Role>,
    /// Roles whose sum per movement must be equal before and after.
    pub keeps: BTreeSet<Role>,
    pub requires_sign_off: bool,
}

/// One list of rows that the connector reads.
pub struct Stream {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) permission: String,
    pub(crate) source: Source,
    pub(crate) schema: Schema,
    pub(crate) reader: Option<Reader>,
}

/// How the rows of a stream are asked for and recognised.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub verb: crate::fetch::Verb,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub window: Option<WindowNames>,
    pub parents: Option<Parents>,
    pub paging: Option<Paging>,
    /// Name of the list in the answer.
    pub rows: String,
    pub id: Vec<String>,
    pub instant: Option<Vec<String>>,
    pub updated: Option<Vec<String>>,
    pub amount: Option<Vec<String>>,
    /// Path of the parent row's id, where rows belong to one.
    pub parent: Option<Vec<String>>,
}

/// Names of the request parameters that narrow a stream to a window of time.
#[derive(Debug, Clone, Default)]
pub(crate) struct WindowNames {
    pub updated_since: Option<String>,
    pub updated_until: Option<String>,
    pub created_since: Option<String>,
    pub created_until: Option<String>,
    /// Read again this far before the window's start, for rows that appear late.
    pub look_back_hours: i64,
    /// How far before the window's start a row may have been created, where the window goes by change.
    pub reach_back_days: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct Paging {
    pub cursor: String,
    pub limit: Option<(String, u32)>,
}

/// A stream that is asked for once per row (or per bundle of rows) of others.
#[derive(Debug, Clone)]
pub(crate) struct Parents {
    pub of: Vec<(String, Vec<String>)>,
    pub put: PutParent,
}

#[derive(Debug, Clone)]
pub(crate) enum PutParent {
    /// `{name}` in the path.
    Path(String),
    Query(String),
    /// A list in the body, at most so many at once.
    Body(String, usize),
}

impl Package {
    /// Reads and checks a package. `file` names it in the faults.
    ///
    /// Errors: `E-PACKAGE`, with every fault as "file:line: reason".
    pub fn parse(file: &str, text: &str) -> Result<Package, Problem> {
        read::package(file, text)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    /// The words a person reads: "Square, version 2".
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The processor's API version, as the processor writes it.
    pub fn api_version(&self) -> &str {
        &self.api_version
    }

    /// The provider one signs in to (`catalog/providers/<provider>.toml`).
    pub fn provider(&self) -> &str {
        &self.provider
    }

    pub fn permissions(&self) -> &[PermissionNeed] {
        &self.permissions
    }

    /// Every role that a posting rule can name.
    pub fn roles(&self) -> BTreeSet<Role> {
        self.roles.clone()
    }

    /// In the order in which they have to be fetched: a stream comes after those it is read for.
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    pub fn stream(&self, name: &str) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.name == name)
    }

    pub fn breaking_changes(&self) -> &[BreakingChange] {
        &self.breaking_changes
    }

    pub fn supersedes(&self) -> Option<&Supersedes> {
        self.supersedes.as_ref()
    }
}

impl fmt::Debug for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Package({} {})", self.name, self.version)
    }
}

impl Stream {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn title(&self) -> &str {
        &self.title
    }

    pub fn permission(&self) -> &str {
        &self.permission
    }

    /// Whether its records are posted, held or excluded; false for look-up rows (orders, locations).
    pub fn posts(&self) -> bool {
        self.reader.is_some()
    }

    /// The streams whose records `fetch` needs as `parents`; empty when none.
    pub fn parents(&self) -> impl Iterator<Item = &str> {
        self.source
            .parents
            .iter()
            .flat_map(|parents| parents.of.iter().map(|(stream, _)| stream.as_str()))
    }

    /// The streams whose records `map` needs beside this one's own.
    pub fn joins(&self) -> impl Iterator<Item = &str> {
        self.reader
            .iter()
            .flat_map(|reader| reader.joins.iter().map(|join| join.stream.as_str()))
    }

    /// Whether a window of time narrows what is fetched; false means that every fetch reads all of it.
    pub fn windowed(&self) -> bool {
        self.source.window.is_some()
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stream({})", self.name)
    }
}
