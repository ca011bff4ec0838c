//! The practice book, read by GnuCash itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use practice::{World, create_book};

/// Opens the book for writing, reads every balance, looks for repairs, saves nothing, and closes it.
const READER: &str = r#"
import json, sys
from gnucash import Session, SessionOpenMode
session = Session("sqlite3://" + sys.argv[1], SessionOpenMode.SESSION_NORMAL_OPEN)
root = session.book.get_root_account()
out = {"balances": {}, "entries": 0, "unbalanced": 0, "dirty": bool(session.book.session_not_saved())}
seen = set()
for account in root.get_descendants():
    path, walk = [], account
    while walk is not None and walk.get_parent() is not None:
        path.insert(0, walk.GetName()); walk = walk.get_parent()
    balance = account.GetBalance()
    assert balance.denom() == 100 or balance.num() == 0, balance
    out["balances"][":".join(path)] = balance.num() * 100 // balance.denom()
    for split in account.GetSplitList():
        transaction = split.parent
        guid = transaction.GetGUID().to_string()
        if guid not in seen:
            seen.add(guid)
            if transaction.GetImbalanceValue().num() != 0:
                out["unbalanced"] += 1
out["entries"] = len(seen)
session.end()
session.destroy()
print(json.dumps(out))
"#;

fn python_with_gnucash() -> Option<&'static str> {
    let found = ["/usr/bin/python3", "python3"].into_iter().find(|python| {
        Command::new(python)
            .args(["-c", "import gnucash"])
            .output()
            .is_ok_and(|output| output.status.success())
    });
    if found.is_none() {
        assert!(std::env::var("CI").is_err(), "CI needs python3-gnucash");
        println!("skipped: GnuCash's Python bindings are not installed");
    }
    found
}

/// Every row of every table, as text.
fn rows(python: &str, path: &Path) -> String {
    let script = "import sqlite3,sys\nprint('\\n'.join(sqlite3.connect('file:'+sys.argv[1]+'?mode=ro',uri=True).iterdump()))";
    let output = Command::new(python).args(["-c", script]).arg(path).output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn tables(path: &Path) -> std::io::Result<Vec<u8>> {
    std::fs::read(path)
}

#[tokio::test]
async fn gnucash_opens_the_practice_book_without_a_word_and_agrees_on_every_balance() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("harbour-street.gnucash");
    let summary = create_book(&path, &World::small(7, 30)).await.expect("a book");
    assert!(summary.entries > 200, "{} entries", summary.entries);
    assert_eq!(summary.balances.values().sum::<i64>(), 0);
    assert!(
        summary.balances["Assets:Bank:Checking"] > 0,
        "{}",
        summary.balances["Assets:Bank:Checking"]
    );
    assert!(
        summary.balances["Assets:Cash drawer"] > 0,
        "{}",
        summary.balances["Assets:Cash drawer"]
    );
    let Some(python) = python_with_gnucash() else { return };
    let before = rows(python, &path);
    assert!(before.contains("Hudson Valley Mills"));
    let output = Command::new(python)
        .args(["-c", READER])
        .arg(&path)
        .env("HOME", folder.path())
        .output()
        .expect("python runs");
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{complained}");
    assert_eq!(complained.trim(), "", "GnuCash complains");
    let read: serde_json::Value = serde_json::from_str(said.lines().last().unwrap_or_default()).expect("JSON");
    let balances: BTreeMap<String, i64> = serde_json::from_value(read["balances"].clone()).expect("balances");
    assert_eq!(balances, summary.balances);
    assert_eq!(read["entries"], summary.entries);
    assert_eq!(read["unbalanced"], 0);
    assert_eq!(read["dirty"], false, "GnuCash wants to save what it repaired");
    assert!(
        before == rows(python, &path),
        "GnuCash changed something by opening and closing the book"
    );
}

#[tokio::test]
async fn every_role_has_an_account_and_the_owner_typed_nothing_into_squares_accounts() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("book.gnucash");
    let summary = create_book(&path, &World::small(7, 30)).await.expect("a book");
    for role in [
        "clearing",
        "bank",
        "cash",
        "transit",
        "held",
        "receivable",
        "tax",
        "tips",
        "gift_cards",
        "sales",
        "refunds",
        "fees",
        "losses",
        "rounding",
        "suspense",
    ] {
        let guid = summary.roles.get(role).unwrap_or_else(|| panic!("no account for {role}"));
        assert!(summary.accounts.values().any(|account| account == guid));
    }
    for untouched in [
        "Assets:Clearing:Square",
        "Income:Sales",
        "Income:Refunds",
        "Expenses:Processing fees",
        "Liabilities:Gift cards",
    ] {
        assert_eq!(summary.balances[untouched], 0, "{untouched}");
    }
}

#[tokio::test]
async fn the_same_seed_writes_the_same_book_and_no_book_is_ever_overwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let world = World::small(9, 30);
    let one = create_book(&first, &world).await.expect("a book");
    let two = create_book(&second, &world).await.expect("a book");
    assert_eq!(one.accounts, two.accounts);
    assert!(tables(&first).expect("first") == tables(&second).expect("second"));
    let before = tables(&first).expect("first");
    assert!(create_book(&first, &world).await.is_err());
    assert!(before == tables(&first).expect("first"));
}
