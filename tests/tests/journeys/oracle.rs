//! The judge itself: what GnuCash says about its own book is what its makers wrote down.

use changeover_tests::{oracle, program};

#[test]
fn gnucash_agrees_with_the_balances_that_came_with_its_own_book() {
    let folder = program::root().join("../shared/books");
    let Ok(expected) = std::fs::read_to_string(folder.join("balances.json")) else {
        println!("skipped: there is no folder of sample books beside the project");
        return;
    };
    if !oracle::has_gnucash() {
        return;
    }
    let copy = changeover_tests::home::fresh();
    let book = copy.path().join("cafe.gnucash");
    std::fs::copy(folder.join("main-street-cafe.sqlite3.gnucash"), &book).expect("the book can be copied");
    let books = oracle::gnucash(&book);
    let expected: serde_json::Value = serde_json::from_str(&expected).expect("balances.json is JSON");
    for (name, balance) in expected.as_object().expect("an object") {
        let name = name.replace('.', ":");
        let found = books.balances.get(&name).map(String::as_str);
        assert!(oracle::same_amount(found, balance.as_str()), "{name}: {found:?}, expected {balance}");
    }
    assert_eq!(books.repairs, Vec::<String>::new());
    assert_eq!(books.unbalanced, Vec::<String>::new());
    let untouched = folder.join("main-street-cafe.sqlite3.gnucash");
    oracle::same_rows(&untouched, &book);
}
