//! The museum's own bakery: a GnuCash book made once and copied for every provocation, and a server
//! that gives one fixed answer.
//!
//! Nothing here knows an error; each area provokes its own.

use ledger::{AccountId, Currency, Entry, EntryKey, Line, Money, RoleMap};
use practice::{BookSummary, World};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The same number makes the same bakery.
const SEED: u64 = 7;
/// Enough for a year that has every kind of movement.
const PAYMENTS: usize = 40;
/// The largest request a client of ours sends here.
const REQUEST_BYTES: usize = 64 * 1024;

pub static WORLD: LazyLock<World> = LazyLock::new(|| World::small(SEED, PAYMENTS));

static MADE: LazyLock<(TempDir, BookSummary)> = LazyLock::new(|| {
    let folder = crate::home::fresh();
    let file = folder.path().join("made.gnucash");
    // A thread of its own, because the first caller may stand inside a runtime already.
    let summary = std::thread::spawn(move || super::waiting(async { practice::create_book(&file, &WORLD).await.expect("a new book") }));
    let summary = summary.join().expect("the book is made");
    (folder, summary)
});

/// A fresh copy of the bakery's book in a folder of its own.
pub struct Bakery {
    pub folder: TempDir,
    pub book: PathBuf,
}

pub fn bakery() -> Bakery {
    let folder = crate::home::fresh();
    // Without links, so that the texts name the path that they were given.
    let book = folder.path().canonicalize().expect("it was just made").join("bakery.gnucash");
    std::fs::copy(&MADE.1.path, &book).expect("the build folder can be written");
    Bakery { folder, book }
}

/// The id of an account by its full name.
pub fn account(name: &str) -> AccountId {
    AccountId(MADE.1.accounts.get(name).unwrap_or_else(|| panic!("the bakery has no account {name}")).clone())
}

/// The accounts that the bakery's owner would choose.
pub fn roles() -> RoleMap {
    let mut roles = RoleMap::default();
    for (role, account) in &MADE.1.roles {
        roles.bind(role.parse().expect("a role of ours"), AccountId(account.clone()));
    }
    roles
}

pub fn amount(minor: i64, currency: &str) -> Money {
    Money::new(minor, Currency::of(currency).expect("a currency of ours"))
}

/// A card payment of so many cents.
pub fn sale(number: u32, day: &str, cents: i64) -> Entry {
    entry(number, day, &[("Assets:Clearing:Square", cents, "USD"), ("Income:Sales", -cents, "USD")])
}

pub fn entry(number: u32, day: &str, lines: &[(&str, i64, &str)]) -> Entry {
    let key = EntryKey::new(format!("square:payment:p_{number}")).expect("a good key");
    let lines: Vec<Line> = lines
        .iter()
        .map(|(name, minor, currency)| Line { account: account(name), amount: amount(*minor, currency), memo: String::new() })
        .collect();
    Entry {
        covers: vec![key.clone()],
        key,
        key_account: lines[0].account.clone(),
        date: day.parse().expect("a day"),
        description: format!("Card payment {number}"),
        reference: String::new(),
        lines,
    }
}

/// Changes a file behind our back, as another program would.
pub async fn tamper(file: &Path, statements: &[&str]) {
    let mut db = sqlx::sqlite::SqliteConnectOptions::new().filename(file).connect().await.expect("it is a SQLite file");
    for statement in statements {
        sqlx::query(AssertSqlSafe((*statement).to_string())).execute(&mut db).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    db.close().await.expect("it can be closed");
}

/// The address of a server that answers every request with this head (status line and fields) and body.
pub async fn answering(head: &str, body: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("it has an address"));
    let head = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let answer = Arc::new([head.into_bytes(), body].concat());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = vec![0; REQUEST_BYTES];
                let mut read = 0;
                while !complete(&request[..read]) {
                    match stream.read(&mut request[read..]).await {
                        Ok(0) | Err(_) => return,
                        Ok(more) => read += more,
                    }
                }
                // A client that has read enough may be gone already.
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    address
}

/// Head and announced body have arrived.
fn complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let announced = head
        .lines()
        .filter_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").and_then(|n| n.trim().parse::<usize>().ok()));
    body.len() >= announced.sum::<usize>()
}

/// An address on this computer where nobody listens.
pub fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", listener.local_addr().expect("it has an address"))
}
