//! Errors of the books, each on a copy of the bakery's GnuCash file.

use super::child;
use super::harbour::{Bakery, account, amount, bakery, entry, roles, sale, tamper};
use super::waiting;
use crate::errors::Exhibit;
use books::{ChangeSet, Fingerprint, GnuCashSqlite, Removal, Step, validate_roles};
use ledger::{Entry, Problem, Role};
use std::path::{Path, PathBuf};

pub const PROVOKE: &[fn() -> Exhibit] = &[
    missing,
    not_gnucash,
    damaged,
    version,
    open,
    changed,
    closed_period,
    edited,
    key_taken,
    currency,
    account_refused,
    roles_refused,
    disk,
    read_back,
];

fn at() -> jiff::Timestamp {
    "2026-11-02T09:00:00Z".parse().expect("an instant")
}

fn posting(post: Vec<Entry>) -> ChangeSet {
    ChangeSet { post, ..ChangeSet::at(at()) }
}

async fn books(bakery: &Bakery) -> GnuCashSqlite {
    GnuCashSqlite::open(&bakery.book).await.expect("a whole book")
}

fn exhibit<T>(bakery: &Bakery, result: Result<T, Problem>) -> Exhibit {
    match result {
        Ok(_) => panic!("this should have been refused"),
        Err(problem) => Exhibit::of(problem).replacing(bakery.folder.path().to_string_lossy(), "<folder>"),
    }
}

/// The problem of one change.
fn refused(change: ChangeSet) -> Exhibit {
    waiting(async {
        let bakery = bakery();
        let result = books(&bakery).await.apply(&change, &mut |_| {}).await;
        exhibit(&bakery, result)
    })
}

fn unopened(prepare: impl FnOnce(&Path)) -> Exhibit {
    waiting(async {
        let bakery = bakery();
        prepare(&bakery.book);
        exhibit(&bakery, GnuCashSqlite::open(&bakery.book).await)
    })
}

fn missing() -> Exhibit {
    unopened(|book| std::fs::remove_file(book).expect("it is ours"))
}

fn not_gnucash() -> Exhibit {
    unopened(|book| std::fs::write(book, "Dear diary").expect("it is ours"))
}

fn damaged() -> Exhibit {
    waiting(async {
        let bakery = bakery();
        tamper(&bakery.book, &["DELETE FROM accounts WHERE account_type = 'ROOT'", "DELETE FROM accounts WHERE name = 'Sales'"]).await;
        exhibit(&bakery, GnuCashSqlite::open(&bakery.book).await)
    })
}

fn version() -> Exhibit {
    waiting(async {
        let bakery = bakery();
        tamper(&bakery.book, &["UPDATE versions SET table_version = 6 WHERE table_name = 'splits'"]).await;
        exhibit(&bakery, GnuCashSqlite::open(&bakery.book).await)
    })
}

fn open() -> Exhibit {
    waiting(async {
        let bakery = bakery();
        tamper(&bakery.book, &["INSERT INTO gnclock VALUES ('office-laptop', 4711)"]).await;
        let result = books(&bakery).await.apply(&posting(vec![sale(1, "2026-11-02", 11_800)]), &mut |_| {}).await;
        exhibit(&bakery, result)
    })
}

fn changed() -> Exhibit {
    waiting(async {
        let bakery = bakery();
        let books = books(&bakery).await;
        let planned = books.fingerprint().await.expect("it can be read");
        tamper(&bakery.book, &["UPDATE transactions SET description = 'Corrected by hand' WHERE rowid = 1"]).await;
        let now = books.fingerprint().await.expect("it can be read");
        let change = ChangeSet { expect: Some(planned.clone()), ..posting(vec![sale(1, "2026-11-02", 11_800)]) };
        let start = |fingerprint: &Fingerprint| fingerprint.0[..12].to_string();
        exhibit(&bakery, books.apply(&change, &mut |_| {}).await)
            .replacing(start(&planned), "<fingerprint then>")
            .replacing(start(&now), "<fingerprint now>")
    })
}

fn closed_period() -> Exhibit {
    refused(ChangeSet { closed_through: Some("2026-10-31".parse().expect("a day")), ..posting(vec![sale(1, "2026-10-30", 11_800)]) })
}

fn edited() -> Exhibit {
    waiting(async {
        let bakery = bakery();
        let books = books(&bakery).await;
        let posted = books.apply(&posting(vec![sale(1, "2026-11-02", 11_800)]), &mut |_| {}).await.expect("it is posted").posted;
        tamper(&bakery.book, &["UPDATE splits SET reconcile_state = 'y' WHERE tx_guid IN (SELECT guid FROM transactions WHERE description = 'Card payment 1')"])
            .await;
        let remove = posted.iter().map(|one| Removal { id: one.id.clone(), print: one.print.clone() }).collect();
        exhibit(&bakery, books.apply(&ChangeSet { remove, ..ChangeSet::at(at()) }, &mut |_| {}).await)
    })
}

fn key_taken() -> Exhibit {
    waiting(async {
        let bakery = bakery();
        let (books, change) = (books(&bakery).await, posting(vec![sale(1, "2026-11-02", 11_800)]));
        let posted = books.apply(&change, &mut |_| {}).await.expect("it is posted").posted;
        exhibit(&bakery, books.apply(&change, &mut |_| {}).await).replacing(posted[0].id.0.clone(), "<entry id>")
    })
}

fn currency() -> Exhibit {
    refused(posting(vec![entry(1, "2026-11-02", &[("Assets:Clearing:Square", 11_800, "EUR"), ("Income:Sales", -11_800, "EUR")])]))
}

fn account_refused() -> Exhibit {
    refused(posting(vec![entry(1, "2026-11-02", &[("Assets:Bank", 11_800, "USD"), ("Income:Sales", -11_800, "USD")])]))
}

fn roles_refused() -> Exhibit {
    waiting(async {
        let bakery = bakery();
        let accounts = books(&bakery).await.describe().await.expect("a whole book").accounts;
        let mut chosen = roles();
        chosen.bind(Role::Fees, account("Income:Sales"));
        chosen.bind(Role::Cash, account("Assets:Bank:Checking"));
        exhibit(&bakery, validate_roles(&chosen, &accounts, &[Role::Clearing, Role::Sales], amount(0, "USD").currency))
    })
}

/// A limit on the size of files looks to a program like a full disk.
fn disk() -> Exhibit {
    let bakery = bakery();
    let blocks = std::fs::metadata(&bakery.book).expect("it is there").len() / 1024;
    let problem = child::provoke("books-on-a-full-disk", &format!("ulimit -f {blocks}"), &bakery.book);
    exhibit(&bakery, Err::<(), Problem>(problem))
}

/// Runs in the museum's child, whose files cannot grow.
pub fn on_a_full_disk(book: PathBuf) -> Problem {
    waiting(async {
        let books = GnuCashSqlite::open(&book).await.expect("a whole book");
        books.apply(&posting(vec![sale_in(&books).await]), &mut |_| {}).await.expect_err("there is no room")
    })
}

/// The child makes no bakery of its own, so it looks the accounts up in the book.
async fn sale_in(books: &GnuCashSqlite) -> Entry {
    let accounts = books.describe().await.expect("a whole book").accounts;
    let id = |name: &str| accounts.iter().find(|account| account.full_name == name).expect("a chart like the bakery's").id.clone();
    let key = ledger::EntryKey::new("square:payment:p_1").expect("a good key");
    let line = |name: &str, minor| ledger::Line { account: id(name), amount: amount(minor, "USD"), memo: String::new() };
    let lines = vec![line("Assets:Clearing:Square", 11_800), line("Income:Sales", -11_800)];
    Entry {
        covers: vec![key.clone()],
        key,
        key_account: lines[0].account.clone(),
        date: "2026-11-02".parse().expect("a day"),
        description: "Card payment 1".into(),
        reference: String::new(),
        lines,
    }
}

/// The copy is changed between writing it and looking at it again.
fn read_back() -> Exhibit {
    waiting(async {
        let bakery = bakery();
        let copy = bakery.book.with_file_name(".changeover-bakery.gnucash.partial");
        let mut spoil = move |step| {
            if step == Step::Written {
                let copy = copy.clone();
                let other = std::thread::spawn(move || {
                    waiting(tamper(
                        &copy,
                        &["UPDATE splits SET value_num = value_num + 1, quantity_num = quantity_num + 1 WHERE value_num = 11800"],
                    ));
                });
                other.join().expect("the copy is there");
            }
            Ok(())
        };
        let change = posting(vec![sale(1, "2026-11-02", 11_800)]);
        let result = books(&bakery).await.apply_watched(&change, &mut |_| {}, &mut spoil).await;
        exhibit(&bakery, result)
    })
}
