//! What the tests share: books that real GnuCash made, entries to post, and GnuCash as the judge.
//!
//! Without GnuCash's Python bindings a test prints a line and ends, except under CI=true, where it fails.
#![allow(dead_code)]

use books::*;
use jiff::Timestamp;
use ledger::{AccountId, Code, Currency, Entry, EntryKey, Line, Money, Problem};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

const PYTHON: &str = "/usr/bin/python3";
const ORACLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/gnucash_oracle.py");

pub fn gnucash_is_here() -> bool {
    static HERE: OnceLock<bool> = OnceLock::new();
    *HERE.get_or_init(|| {
        let here = Command::new(PYTHON)
            .args(["-c", "import gnucash"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        assert!(
            here || std::env::var("CI").as_deref() != Ok("true"),
            "GnuCash's Python bindings are missing (python3-gnucash)"
        );
        if !here {
            println!("skipped: GnuCash's Python bindings are not installed");
        }
        here
    })
}

pub fn oracle(arguments: &[&str], input: Option<&Value>) -> Value {
    let mut child = Command::new(PYTHON)
        .arg(ORACLE)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    if let Some(input) = input {
        child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    }
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// GnuCash holding a book open until dropped.
pub struct OpenGnuCash {
    child: Child,
    pub pid: i64,
}

impl OpenGnuCash {
    pub fn on(path: &Path) -> OpenGnuCash {
        use std::io::BufRead;
        let mut child = Command::new(PYTHON)
            .arg(ORACLE)
            .args(["hold", path.to_str().unwrap()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let pid = serde_json::from_str::<Value>(&line).unwrap()["pid"].as_i64().unwrap();
        OpenGnuCash { child, pid }
    }
}

impl Drop for OpenGnuCash {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn plan() -> Value {
    let two =
        |a: &str, b: &str, num: i64, denom: i64| json!([[a, [num, denom], [num, denom], "by hand"], [b, [-num, denom], [-num, denom], ""]]);
    json!({
        "accounts": [
            ["Assets", "ASSET", "USD", true],
            ["Assets:Square Balance", "ASSET", "USD", false],
            ["Assets:Checking Account", "BANK", "USD", false],
            ["Assets:Yen", "ASSET", "JPY", false],
            ["Assets:Dinar", "ASSET", "KWD", false],
            ["Assets:Shares", "STOCK", "ACME", false],
            ["Income", "INCOME", "USD", true],
            ["Income:Sales", "INCOME", "USD", false],
            ["Income:Yen Sales", "INCOME", "JPY", false],
            ["Income:Dinar Sales", "INCOME", "KWD", false],
            ["Expenses", "EXPENSE", "USD", true],
            ["Expenses:Merchant Fees", "EXPENSE", "USD", false],
            ["Liabilities", "LIABILITY", "USD", true],
            ["Liabilities:Sales Tax Payable", "LIABILITY", "USD", false]
        ],
        "entries": [
            ["2026-01-02", "101", "Opened by hand", "a note", "USD", two("Assets:Checking Account", "Income:Sales", 50000, 100)],
            ["2026-01-03", "", "Yen by hand", "", "USD", [["Assets:Yen", [670, 100], [1000, 1], ""], ["Income:Sales", [-670, 100], [-670, 100], ""]]],
            ["2026-01-04", "", "Dinar by hand", "", "KWD", two("Assets:Dinar", "Income:Dinar Sales", 1234, 1000)]
        ]
    })
}

/// A fresh copy of a book that GnuCash made, in a folder of its own.
pub struct Practice {
    pub dir: TempDir,
    pub path: PathBuf,
    pub ids: BTreeMap<String, AccountId>,
    pub by_hand: Vec<EntryId>,
}

pub fn practice() -> Option<Practice> {
    static MADE: OnceLock<(TempDir, Value)> = OnceLock::new();
    if !gnucash_is_here() {
        return None;
    }
    let (folder, made) = MADE.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let made = oracle(&["make", folder.path().join("made.gnucash").to_str().unwrap()], Some(&plan()));
        (folder, made)
    });
    let dir = TempDir::new().unwrap();
    let path = dir.path().canonicalize().unwrap().join("bakery.gnucash");
    std::fs::copy(folder.path().join("made.gnucash"), &path).unwrap();
    let ids = made["accounts"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, id)| (name.clone(), AccountId(id.as_str().unwrap().into())))
        .collect();
    let by_hand = made["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| EntryId(id.as_str().unwrap().into()))
        .collect();
    Some(Practice { dir, path, ids, by_hand })
}

impl Practice {
    pub fn id(&self, name: &str) -> AccountId {
        self.ids[name].clone()
    }

    pub async fn open(&self) -> GnuCashSqlite {
        GnuCashSqlite::open(&self.path).await.unwrap()
    }

    /// A sale with its fee: three lines in USD.
    pub fn sale(&self, number: u32, day: &str, cents: i64) -> Entry {
        let fee = cents * 3 / 100;
        self.entry(
            &[&format!("square:payment:{number}"), &format!("square:fee:{number}")],
            day,
            &[
                ("Assets:Square Balance", cents - fee, "USD"),
                ("Income:Sales", -cents, "USD"),
                ("Expenses:Merchant Fees", fee, "USD"),
            ],
        )
    }

    pub fn entry(&self, keys: &[&str], day: &str, lines: &[(&str, i64, &str)]) -> Entry {
        let lines: Vec<Line> = lines
            .iter()
            .map(|(account, minor, currency)| Line {
                account: self.id(account),
                amount: Money::new(*minor, Currency::of(currency).unwrap()),
                memo: format!("memo {account}"),
            })
            .collect();
        let covers: Vec<EntryKey> = keys.iter().map(|key| EntryKey::new(*key).unwrap()).collect();
        Entry {
            key: covers[0].clone(),
            covers,
            key_account: lines[0].account.clone(),
            date: day.parse().unwrap(),
            description: format!("Card payment {} – Größe \"M\"", keys[0]),
            reference: "R-1".into(),
            lines,
        }
    }

    /// GnuCash makes an edit like a person does.
    pub fn edit(&self, entry: &EntryId, what: &str, value: &str) {
        oracle(&["edit", self.path.to_str().unwrap(), &entry.0, what, value], None);
    }

    pub fn seen_by_gnucash(&self) -> Value {
        oracle(&["read", self.path.to_str().unwrap()], None)
    }

    /// Files in the folder that do not belong to the book itself or GnuCash's own logs.
    pub fn litter(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.dir.path())
            .unwrap()
            .map(|item| item.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "bakery.gnucash" && !name.ends_with(".log"))
            .collect();
        names.sort();
        names
    }
}

pub fn now() -> Timestamp {
    "2026-02-01T09:30:00Z".parse().unwrap()
}

pub fn posting(entries: Vec<Entry>) -> ChangeSet {
    ChangeSet {
        post: entries,
        ..ChangeSet::at(now())
    }
}

pub fn removing(posted: &[Posted]) -> ChangeSet {
    ChangeSet {
        remove: posted
            .iter()
            .map(|p| Removal {
                id: p.id.clone(),
                print: p.print.clone(),
            })
            .collect(),
        ..ChangeSet::at(now())
    }
}

/// What a change did, and what it took out word for word.
#[derive(Debug, Clone)]
pub struct Done {
    pub posted: Vec<Posted>,
    pub removed: Vec<RemovedEntry>,
    pub restored: Vec<EntryId>,
    pub before: Fingerprint,
    pub after: Fingerprint,
    pub kept: Option<PathBuf>,
}

pub async fn apply(books: &GnuCashSqlite, change: &ChangeSet) -> Result<Done, Problem> {
    let leaving: Vec<EntryId> = change.remove.iter().map(|removal| removal.id.clone()).collect();
    // What cannot be captured is refused by the change itself, which is what the test is about then.
    let removed = books.capture(&leaving).await.unwrap_or_default();
    let Applied { posted, removed: gone, restored, before, after, kept } = books.apply(change, &mut |_| {}).await?;
    assert_eq!(gone, removed.iter().map(|entry| entry.id.clone()).collect::<Vec<_>>());
    Ok(Done { posted, removed, restored, before, after, kept })
}

/// The change is refused with this code, nothing is touched, and nothing is left lying about.
pub async fn refused(practice: &Practice, change: &ChangeSet, code: Code) -> Problem {
    let books = practice.open().await;
    let before = std::fs::read(&practice.path).unwrap();
    let litter = practice.litter();
    let problem = apply(&books, change).await.unwrap_err();
    assert_eq!(problem.code, code, "{problem}");
    assert_eq!(problem.touched, ledger::Touched::Nothing, "{problem}");
    assert!(
        !problem.what.is_empty() && !problem.next.is_empty() && problem.why.iter().all(|why| !why.is_empty()),
        "{problem}"
    );
    assert!(std::fs::read(&practice.path).unwrap() == before, "the book changed");
    assert_eq!(practice.litter(), litter);
    problem
}

/// Real GnuCash and we agree on every balance, every date and every amount, and GnuCash repaired nothing.
pub async fn agrees(practice: &Practice) {
    let books = practice.open().await;
    let seen = practice.seen_by_gnucash();
    let ours = books.balances(None).await.unwrap();
    for (id, account) in seen["accounts"].as_object().unwrap() {
        assert!(!account["name"].as_str().unwrap().starts_with("Imbalance"), "{account}");
        assert!(!account["name"].as_str().unwrap().starts_with("Orphan"), "{account}");
        let (num, denom) = pair(&account["balance"]);
        match ours.get(&AccountId(id.clone())) {
            Some(money) => assert_eq!(
                i128::from(num) * i128::from(money.currency.minor_per_major()),
                i128::from(money.minor) * i128::from(denom),
                "{account}"
            ),
            None => assert_eq!(account["commodity"], "ACME"),
        }
    }
    let entries = books.entries(Period::ALL).await.unwrap();
    let theirs = seen["entries"].as_object().unwrap();
    assert_eq!(entries.len(), theirs.len());
    for entry in entries {
        let their = &theirs[&entry.id.0];
        assert_eq!(their["balanced"], true, "{their}");
        assert_eq!(their["date"], entry.date.to_string());
        assert_eq!(their["posted"], entry.date.to_string());
        assert_eq!(their["text"], entry.description.as_str());
        assert_eq!(their["num"], entry.reference.as_str());
        assert_eq!(their["lines"].as_array().unwrap().len(), entry.lines.len());
        for line in &entry.lines {
            let their = their["lines"]
                .as_array()
                .unwrap()
                .iter()
                .find(|l| l["id"] == line.id.as_str())
                .unwrap();
            assert_eq!(their["account"], line.account.0.as_str());
            assert_eq!(their["memo"], line.memo.as_str());
            let (num, denom) = pair(&their["value"]);
            assert_eq!((num, denom), (line.amount.minor, line.amount.currency.minor_per_major()));
            let (num, denom) = pair(&their["quantity"]);
            assert_eq!((num, denom), (line.quantity.num, line.quantity.denom));
        }
    }
}

fn pair(value: &Value) -> (i64, i64) {
    (value[0].as_i64().unwrap(), value[1].as_i64().unwrap())
}

/// Changes the file directly, as only an accident would.
pub async fn tamper(path: &Path, sql: &str) {
    use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
    let mut db = sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    for statement in sql.split(';').filter(|s| !s.trim().is_empty()) {
        sqlx::query(AssertSqlSafe(statement.to_string())).execute(&mut db).await.unwrap();
    }
    db.close().await.unwrap();
}
