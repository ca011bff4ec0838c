//! The words that every accounting app shares: entries as the books hold them, and a change to them.
//!
//! Nothing here knows a file format, except that a removed entry carries its rows word for word so
//! that it can be put back as if it had never been away.

use jiff::Timestamp;
use jiff::civil::Date;
use ledger::{Account, AccountId, Code, Currency, Entry, EntryKey, Money};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::path::PathBuf;

/// The accounting app's own id of an entry (a GnuCash guid). Opaque: never parsed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryId(pub String);

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// SHA-256 over everything of an entry that a person could change. Equal prints: nobody touched it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Print(pub String);

/// SHA-256 over the bytes of the books. Equal fingerprints: exactly the same file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub String);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Days, both ends included; None is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    pub from: Option<Date>,
    pub to: Option<Date>,
}

impl Period {
    /// Every entry of the books.
    pub const ALL: Period = Period { from: None, to: None };

    pub fn contains(&self, date: Date) -> bool {
        self.from.is_none_or(|from| from <= date) && self.to.is_none_or(|to| date <= to)
    }
}

/// How far a line has been compared with a bank statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reconcile {
    New,
    Cleared,
    Reconciled,
    Frozen,
    Voided,
}

impl Reconcile {
    /// True when a person relied on the line; such an entry is never removed.
    pub fn is_final(self) -> bool {
        match self {
            Reconcile::New | Reconcile::Cleared => false,
            Reconcile::Reconciled | Reconcile::Frozen | Reconcile::Voided => true,
        }
    }
}

/// An exact amount of whatever the account holds: `num / denom`, in `currency` when it is money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantity {
    pub num: i64,
    pub denom: i64,
    /// None for shares and for currencies we do not know.
    pub currency: Option<Currency>,
}

impl Quantity {
    /// The quantity as money, when it is money and fits the currency's minor unit exactly.
    pub fn money(&self) -> Option<Money> {
        exact(self.num, self.denom, self.currency?)
    }
}

/// `num / denom` in minor units, or None when that is not exact.
pub(crate) fn exact(num: i64, denom: i64, currency: Currency) -> Option<Money> {
    let scaled = i128::from(num) * i128::from(currency.minor_per_major());
    let denom = i128::from(denom);
    if denom <= 0 || scaled % denom != 0 {
        return None;
    }
    i64::try_from(scaled / denom).ok().map(|minor| Money::new(minor, currency))
}

/// One line of an entry as the books hold it. Positive = debit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookLine {
    /// The app's own id of the line (GnuCash's split guid).
    pub id: String,
    pub account: AccountId,
    /// In the entry's currency.
    pub amount: Money,
    /// In what the account holds; differs from `amount` when the account has another currency.
    pub quantity: Quantity,
    pub memo: String,
    pub reconcile: Reconcile,
    /// True when the line is tied to an invoice or a lot.
    pub linked: bool,
}

/// One entry as the books hold it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookEntry {
    pub id: EntryId,
    /// Every entry key found on it, in the order in which they were written. Empty: not ours.
    pub keys: Vec<EntryKey>,
    pub date: Date,
    pub description: String,
    pub reference: String,
    pub notes: String,
    pub currency: Currency,
    pub lines: Vec<BookLine>,
    pub print: Print,
}

/// Who has the books open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockHolder {
    /// Empty when the lock does not say (a bare lock file).
    pub host: String,
    pub pid: Option<i64>,
    /// When the lock was taken, if that is known.
    pub since: Option<Timestamp>,
}

impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = if self.host.is_empty() { "an unknown computer" } else { &self.host };
        match self.pid {
            Some(pid) => write!(f, "GnuCash on {host} (process {pid})"),
            None => write!(f, "GnuCash on {host}"),
        }
    }
}

/// What a person sees of the books before anything is decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// "GnuCash".
    pub app: String,
    /// Version of the app that last wrote the books, "4.13".
    pub app_version: String,
    pub path: PathBuf,
    /// The currency that most accounts use.
    pub currency: Currency,
    pub accounts: Vec<Account>,
    pub lock: Option<LockHolder>,
    /// Last closed day, from the books' own closing entries or set by [`crate::GnuCashSqlite::closing`].
    pub closed_through: Option<Date>,
    /// The books' own rule that entries older than this many days are read-only.
    pub read_only_after_days: Option<u32>,
    pub entries: u64,
    pub first: Option<Date>,
    pub last: Option<Date>,
    pub size_bytes: u64,
}

/// An entry to take out, and how it must look for that to be allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    pub id: EntryId,
    pub print: Print,
}

/// One change of the books: everything in it happens, or nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeSet {
    pub remove: Vec<Removal>,
    pub post: Vec<Entry>,
    pub restore: Vec<RemovedEntry>,
    /// Nothing on or before this day is touched, besides what the books themselves have closed.
    pub closed_through: Option<Date>,
    /// The books must still be exactly these.
    pub expect: Option<Fingerprint>,
    /// Time of entry, and the name of the file that is kept.
    pub now: Timestamp,
}

impl ChangeSet {
    /// A change that does nothing yet.
    pub fn at(now: Timestamp) -> ChangeSet {
        ChangeSet {
            remove: Vec::new(),
            post: Vec::new(),
            restore: Vec::new(),
            closed_through: None,
            expect: None,
            now,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.post.is_empty() && self.restore.is_empty()
    }
}

/// One cell of a stored row, exact to the bit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", content = "of", rename_all = "snake_case")]
pub enum Cell {
    Null,
    Integer(i64),
    /// The bits of the number in hexadecimal, because decimal text may not come back exactly.
    Real(String),
    Text(String),
    /// Hexadecimal.
    Blob(String),
}

/// The tables that an entry lives in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredTable {
    Transactions,
    Splits,
    Slots,
}

/// One row word for word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRow {
    pub table: StoredTable,
    /// Shared by all rows of a table: of thousands of rows the names would take more room than the values.
    #[serde(serialize_with = "plain_columns", deserialize_with = "shared_columns")]
    pub columns: Arc<[String]>,
    pub cells: Vec<Cell>,
}

fn plain_columns<S: serde::Serializer>(columns: &Arc<[String]>, to: S) -> Result<S::Ok, S::Error> {
    columns.as_ref().serialize(to)
}

/// Reads a list of column names, giving out the same list again for the same names.
fn shared_columns<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Arc<[String]>, D::Error> {
    thread_local! {
        static LISTS: RefCell<Vec<Arc<[String]>>> = const { RefCell::new(Vec::new()) };
    }
    let names = Vec::<String>::deserialize(from)?;
    Ok(LISTS.with_borrow_mut(|lists| {
        if let Some(same) = lists.iter().find(|list| ***list == *names) {
            return same.clone();
        }
        let list: Arc<[String]> = names.into();
        // A book has a handful of tables; anything else is no reason to remember ever more.
        if lists.len() < MOST_COLUMN_LISTS {
            lists.push(list.clone());
        }
        list
    }))
}

const MOST_COLUMN_LISTS: usize = 32;

/// An entry that was taken out, with everything needed to put it back as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedEntry {
    /// Version of this stored form; see [`RemovedEntry::FORMAT`].
    pub format: u32,
    pub id: EntryId,
    pub print: Print,
    pub keys: Vec<EntryKey>,
    pub date: Date,
    pub description: String,
    pub rows: Vec<StoredRow>,
}

impl RemovedEntry {
    pub const FORMAT: u32 = 1;
}

/// An entry that was posted and read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    pub key: EntryKey,
    pub covers: Vec<EntryKey>,
    pub id: EntryId,
    pub print: Print,
}

/// What a change did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    pub posted: Vec<Posted>,
    /// What they were word for word is asked before, of [`crate::GnuCashSqlite::capture`].
    pub removed: Vec<EntryId>,
    pub restored: Vec<EntryId>,
    pub before: Fingerprint,
    pub after: Fingerprint,
    /// The books as they were before, beside the live file. None when there was nothing to do.
    pub kept: Option<PathBuf>,
}

/// What putting a whole other book in place did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    pub before: Fingerprint,
    pub after: Fingerprint,
    /// The book as it was before, beside the live file.
    pub kept: PathBuf,
}

/// The steps of a change in their order. Before `Swapped` the live books are the old ones, from then on the new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    Locked,
    Copied,
    Permitted,
    Written,
    Checked,
    Synced,
    Kept,
    Rechecked,
    Swapped,
    FolderSynced,
    ReadBack,
}

impl Step {
    pub const ALL: &'static [Step] = &[
        Step::Locked,
        Step::Copied,
        Step::Permitted,
        Step::Written,
        Step::Checked,
        Step::Synced,
        Step::Kept,
        Step::Rechecked,
        Step::Swapped,
        Step::FolderSynced,
        Step::ReadBack,
    ];
}

/// How far a change has come: `step` is done; `done` of `total` entries are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub step: Step,
    pub done: u64,
    pub total: u64,
}

/// What an [`Obstacle`] is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Remove(EntryId),
    Post(EntryKey),
    Restore(EntryId),
}

/// One reason why one part of a change would be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    pub subject: Subject,
    pub code: Code,
    /// A full sentence that names the entry, its date and its amount.
    pub why: String,
}
