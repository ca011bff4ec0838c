//! `cargo xtask bench`, second half: a year of the new connector's entries, posted to an empty book by our engine; then the same
//! first part of them by our engine and by GnuCash's own Python engine, each to an empty book, in one run.
//!
//! GnuCash writes each transaction by itself and needs many minutes for a year, so it gets a part. It prints a ratio and judges nothing.

use api::practice_company::ScriptedBrowser;
use books::{ChangeSet, GnuCashSqlite};
use changeover_tests::{bakery, home, oracle};
use engine::postings::{self, Route};
use engine::progress::Watcher;
use engine::sign_in::SignInDesk;
use engine::store::movement::Known;
use ledger::{AccountId, RoleMap};
use practice::World;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// How many entries both engines post.
const SHARED: usize = 300;

fn main() {
    let seed = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(7);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_stack_size(8 << 20).enable_all().build().expect("a runtime");
    runtime.block_on(compare(seed));
}

async fn compare(seed: u64) {
    let folder = home::fresh();
    let app = bakery::app(folder.path()).await;
    let (company, connection) = app.practice_make(seed, "all-goes-well", None, &Watcher::silent()).await.unwrap_or_else(|problem| panic!("{problem}"));
    let engine = app.practice_engine().await.unwrap_or_else(|problem| panic!("{problem}"));
    let desk = SignInDesk::unattended(Arc::new(ScriptedBrowser));
    engine.sign_in(&company, &connection, "2", &desk).await.unwrap_or_else(|problem| panic!("{problem}"));
    let connection = engine.connection(&company, None).await.expect("the connection");
    let package = engine.package("square", "2").expect("the package");
    engine.read_new(&company, &connection, package, engine.now(), &Watcher::silent()).await.unwrap_or_else(|problem| panic!("{problem}"));
    let read = engine.read_mapped(&company, &connection, package).await.unwrap_or_else(|problem| panic!("{problem}"));

    // An empty book of the same chart of accounts, once for each run.
    let book_named = |name: &str| folder.path().join(name);
    let (ours, part, theirs) = (book_named("ours.gnucash"), book_named("part.gnucash"), book_named("theirs.gnucash"));
    let summary = practice::create_book(&ours, &World::bakery(seed)).await.expect("a book");
    std::fs::copy(&ours, &theirs).expect("a second book");
    std::fs::copy(&ours, &part).expect("a third book");
    let mut roles = RoleMap::default();
    for (role, account) in &summary.roles {
        roles.bind(role.parse().expect("a role"), AccountId(account.clone()));
    }
    let planned = postings::plan(&read.mapped.drafts, "2", &Known::default(), &roles, None, |_| false, |_, _| Route::Mine).expect("a plan");
    let entries: Vec<ledger::Entry> = planned.entries.into_iter().map(|p| p.entry).collect();

    let book = GnuCashSqlite::open(&ours).await.unwrap_or_else(|problem| panic!("{problem}"));
    let (posted, seconds) = post(&book, &entries, engine.now()).await;
    let lines: usize = entries.iter().map(|e| e.lines.len()).sum();
    println!("posting {posted} entries with {lines} lines to an empty GnuCash book");
    println!("  Changeover  {seconds:>8.2} s    goal 2 s; copied, written, checked, swapped in and read back");

    if !oracle::has_gnucash() {
        println!("  GnuCash's own engine is not installed; nothing to compare with");
        return;
    }
    let entries = &entries[..entries.len().min(SHARED)];
    let (posted, our_seconds) = post(&GnuCashSqlite::open(&part).await.unwrap_or_else(|problem| panic!("{problem}")), entries, engine.now()).await;
    println!("posting the first {posted} of them");
    println!("  Changeover  {our_seconds:>8.2} s    the same way");
    let names: BTreeMap<AccountId, String> = book.describe().await.expect("the book").accounts.into_iter().map(|a| (a.id, a.full_name)).collect();
    let file = folder.path().join("entries.jsonl");
    let text: String = entries
        .iter()
        .map(|e| {
            let lines: Vec<_> =
                e.lines.iter().map(|l| json!({"account": names[&l.account], "minor": l.amount.minor, "digits": l.amount.currency.digits()})).collect();
            format!("{}\n", json!({"date": e.date.to_string(), "description": e.description, "reference": e.reference, "currency": "USD", "lines": lines}))
        })
        .collect();
    std::fs::write(&file, text).expect("the entries");
    let answer = oracle::python("gnucash_post.py", &[&theirs, &file]).expect(0).json();
    let seconds = |name: &str| answer[name].as_f64().unwrap_or(f64::NAN);
    let their_seconds = seconds("post_seconds") + seconds("save_seconds");
    println!("  GnuCash     {their_seconds:>8.2} s    its own engine through its Python bindings");
    println!("  ratio       {:>8.2}      GnuCash's time over ours", their_seconds / our_seconds);
}

/// Posts as an upgrade does. How many were posted, and the seconds it took.
async fn post(book: &GnuCashSqlite, entries: &[ledger::Entry], now: jiff::Timestamp) -> (usize, f64) {
    let mut change = ChangeSet::at(now);
    change.post = entries.to_vec();
    let began = Instant::now();
    let applied = book.apply(&change, &mut |_| {}).await.unwrap_or_else(|problem| panic!("{problem}"));
    (applied.posted.len(), began.elapsed().as_secs_f64())
}
