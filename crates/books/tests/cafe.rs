//! A book that GnuCash's own engine made, with a café's own account names.

mod support;
use books::*;
use ledger::{Account, AccountId, Currency, Role, RoleMap};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use support::*;
use tempfile::TempDir;

/// The folder of shared books: given by name, else beside the repository.
fn cafe() -> Option<(TempDir, PathBuf, BTreeMap<String, String>)> {
    let shared =
        std::env::var_os("CHANGEOVER_SHARED").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let book = shared.join("books/main-street-cafe.sqlite3.gnucash");
    if !book.exists() {
        println!("skipped: the shared books are not here");
        return None;
    }
    let dir = TempDir::new().unwrap();
    let path = dir.path().canonicalize().unwrap().join("cafe.gnucash");
    std::fs::write(&path, std::fs::read(book).unwrap()).unwrap();
    let balances = serde_json::from_slice(&std::fs::read(shared.join("books/balances.json")).unwrap()).unwrap();
    Some((dir, path, balances))
}

async fn balances_of(books: &GnuCashSqlite) -> BTreeMap<String, String> {
    let balances = books.balances(None).await.unwrap();
    let accounts = books.describe().await.unwrap().accounts;
    accounts
        .iter()
        .map(|account| {
            let money = balances[&account.id];
            let text = if money.is_zero() {
                format!("0/1 {}", money.currency)
            } else {
                format!("{}/{} {}", money.minor, money.currency.minor_per_major(), money.currency)
            };
            (account.full_name.replace(':', "."), text)
        })
        .collect()
}

#[tokio::test]
async fn the_cafe_s_balances_are_those_that_gnucash_computed() {
    let Some((_dir, path, expected)) = cafe() else { return };
    let books = GnuCashSqlite::open(&path).await.unwrap();
    assert_eq!(balances_of(&books).await, expected);
    let described = books.describe().await.unwrap();
    assert_eq!(
        (described.currency.code(), described.entries, described.app_version.as_str()),
        ("USD", 397, "4.13")
    );
    assert_eq!(books.entries(Period::ALL).await.unwrap().len(), 397);
    assert!(books.all_keys().await.unwrap().is_empty());
}

#[tokio::test]
async fn posting_and_undoing_leaves_the_cafe_s_balances_and_entries_as_they_were() {
    let Some((_dir, path, expected)) = cafe() else { return };
    let books = GnuCashSqlite::open(&path).await.unwrap();
    let described = books.describe().await.unwrap();
    let before = books.entries(Period::ALL).await.unwrap();
    let id = |name: &str| described.accounts.iter().find(|a| a.full_name.ends_with(name)).unwrap().id.clone();
    let usd = described.currency;
    let key = ledger::EntryKey::new("square:payment:cafe").unwrap();
    let line = |name: &str, minor| ledger::Line {
        account: id(name),
        amount: ledger::Money::new(minor, usd),
        memo: String::new(),
    };
    let entry = ledger::Entry {
        key: key.clone(),
        covers: vec![key],
        key_account: id("Square Balance"),
        date: "2026-06-01".parse().unwrap(),
        description: "Card payment".into(),
        reference: String::new(),
        lines: vec![line("Square Balance", 1_000), line("Counter", -1_000)],
    };
    let posted = apply(&books, &posting(vec![entry])).await.unwrap().posted;
    let changed = balances_of(&books).await;
    assert_eq!(changed["Assets.Current Assets.Square Balance"], "1000/100 USD");
    if gnucash_is_here() {
        let seen = oracle(&["read", path.to_str().unwrap()], None);
        for (id, money) in books.balances(None).await.unwrap() {
            assert_eq!(seen["accounts"][&id.0]["balance"][0].as_i64().unwrap(), money.minor);
        }
        assert!(!seen["accounts"].to_string().contains("Imbalance"));
    }
    apply(&books, &removing(&posted)).await.unwrap();
    assert_eq!(balances_of(&books).await, expected);
    assert_eq!(books.entries(Period::ALL).await.unwrap(), before);
}

/// The café's accounts, also where the shared book is absent.
fn cafe_accounts() -> Vec<Account> {
    use ledger::AccountKind::*;
    let usd = Currency::of("USD").unwrap();
    [
        ("Assets", Asset, true),
        ("Assets:Current Assets", Asset, true),
        ("Assets:Current Assets:Checking Account", Bank, false),
        ("Assets:Current Assets:Savings Account", Bank, false),
        ("Assets:Current Assets:Cash in Drawer", Cash, false),
        ("Assets:Current Assets:Square Balance", Asset, false),
        ("Assets:Current Assets:Payouts in Transit", Asset, false),
        ("Assets:Current Assets:Funds Held in Disputes", Asset, false),
        ("Assets:Current Assets:Accounts Receivable", Receivable, false),
        ("Assets:Yen float", Cash, false),
        ("Liabilities", Liability, true),
        ("Liabilities:Sales Tax Payable", Liability, false),
        ("Liabilities:Tips Payable", Liability, false),
        ("Liabilities:Gift Cards", Liability, false),
        ("Liabilities:Credit Card", CreditCard, false),
        ("Income", Income, true),
        ("Income:Sales", Income, false),
        ("Income:Sales:Counter", Income, false),
        ("Income:Sales:Catering", Income, false),
        ("Income:Refunds and Allowances", Income, false),
        ("Income:Interest", Income, false),
        ("Expenses", Expense, true),
        ("Expenses:Rent", Expense, false),
        ("Expenses:Supplies", Expense, false),
        ("Expenses:Wages", Expense, false),
        ("Expenses:Merchant Fees", Expense, false),
        ("Expenses:Chargebacks", Expense, false),
        ("Expenses:Rounding", Expense, false),
        ("Equity", Equity, true),
        ("Equity:Opening Balances", Equity, false),
        ("Equity:Suspense", Equity, false),
    ]
    .into_iter()
    .map(|(name, kind, placeholder)| {
        let currency = if name == "Assets:Yen float" {
            Currency::of("JPY").unwrap()
        } else {
            usd
        };
        Account {
            id: AccountId(name.into()),
            full_name: name.into(),
            kind,
            currency: Some(currency),
            placeholder,
            hidden: false,
        }
    })
    .collect()
}

const EXPECTED_ROLES: &[(Role, &str)] = &[
    (Role::Clearing, "Square Balance"),
    (Role::Bank, "Checking Account"),
    (Role::Cash, "Cash in Drawer"),
    (Role::Transit, "Payouts in Transit"),
    (Role::Held, "Funds Held in Disputes"),
    (Role::Receivable, "Accounts Receivable"),
    (Role::Tax, "Sales Tax Payable"),
    (Role::Tips, "Tips Payable"),
    (Role::GiftCards, "Gift Cards"),
    (Role::Sales, "Counter"),
    (Role::Refunds, "Refunds and Allowances"),
    (Role::Fees, "Merchant Fees"),
    (Role::Losses, "Chargebacks"),
    (Role::Rounding, "Rounding"),
    (Role::Suspense, "Suspense"),
];

fn check_proposals(accounts: &[Account]) {
    let proposals = propose_roles(accounts, "Square");
    let named: Vec<(Role, &str)> = proposals
        .iter()
        .map(|p| {
            let name = &accounts.iter().find(|a| a.id == p.account).unwrap().full_name;
            (p.role, name.rsplit(':').next().unwrap())
        })
        .collect();
    assert_eq!(named, EXPECTED_ROLES);
    for p in &proposals {
        assert!(p.confidence == Confidence::Sure && p.reasons.len() >= 2, "{p:?}");
    }
    let roles = RoleMap(proposals.into_iter().map(|p| (p.role, p.account)).collect());
    validate_roles(&roles, accounts, Role::ALL, Currency::of("USD").unwrap()).unwrap();
}

#[tokio::test]
async fn the_cafe_s_own_account_names_are_matched_to_every_role() {
    check_proposals(&cafe_accounts());
    if let Some((_dir, path, _)) = cafe() {
        check_proposals(&GnuCashSqlite::open(&path).await.unwrap().describe().await.unwrap().accounts);
    }
}

#[test]
fn another_business_s_account_names_are_matched_as_well() {
    use ledger::AccountKind::*;
    let rows = [
        ("Assets:Bank:Checking", Bank, "bank"),
        ("Assets:Bank:Savings", Bank, ""),
        ("Assets:Cash drawer", Cash, "cash"),
        ("Assets:Clearing:Square", Asset, "clearing"),
        ("Assets:Payouts in transit", Asset, "transit"),
        ("Assets:Funds held in disputes", Asset, "held"),
        ("Assets:Accounts receivable", Receivable, "receivable"),
        ("Assets:Oven and mixers", Asset, ""),
        ("Liabilities:Sales tax payable", Liability, "tax"),
        ("Liabilities:Tips payable", Liability, "tips"),
        ("Liabilities:Gift cards outstanding", Liability, "gift_cards"),
        ("Liabilities:Oven loan", Liability, ""),
        ("Income:Sales", Income, "sales"),
        ("Income:Refunds", Income, "refunds"),
        ("Expenses:Rent", Expense, ""),
        ("Expenses:Loan interest", Expense, ""),
        ("Expenses:Processing fees", Expense, "fees"),
        ("Expenses:Dispute losses", Expense, "losses"),
        ("Expenses:Rounding", Expense, "rounding"),
        ("Equity:Opening balances", Equity, ""),
        ("Equity:Suspense", Equity, "suspense"),
    ];
    let usd = Currency::of("USD").unwrap();
    let accounts: Vec<Account> = rows
        .iter()
        .map(|(name, kind, _)| Account {
            id: AccountId((*name).into()),
            full_name: (*name).into(),
            kind: *kind,
            currency: Some(usd),
            placeholder: false,
            hidden: false,
        })
        .collect();
    let proposals = propose_roles(&accounts, "square");
    for (name, _, role) in rows {
        let proposed: Vec<&str> = proposals.iter().filter(|p| p.account.0 == name).map(|p| p.role.name()).collect();
        assert_eq!(proposed, if role.is_empty() { vec![] } else { vec![role] }, "{name}");
    }
    assert!(proposals.iter().all(|p| p.confidence == Confidence::Sure), "{proposals:#?}");
}

#[test]
fn nothing_is_proposed_where_nothing_fits() {
    let accounts: Vec<Account> = cafe_accounts()
        .into_iter()
        .filter(|a| a.placeholder || a.full_name.ends_with("Wages") || a.full_name.ends_with("Rent"))
        .collect();
    assert_eq!(propose_roles(&accounts, "Square"), []);
}

#[test]
fn two_accounts_that_fit_equally_make_a_guess_that_names_the_other() {
    let mut accounts = cafe_accounts();
    accounts.push(Account {
        id: AccountId("x".into()),
        full_name: "Expenses:Processing Fees".into(),
        ..accounts[25].clone()
    });
    let proposals = propose_roles(&accounts, "Square");
    let fees = proposals.iter().find(|p| p.role == Role::Fees).unwrap();
    assert_eq!(fees.confidence, Confidence::Guess);
    assert!(fees.reasons.iter().any(|reason| reason.contains("would fit as well")));
}

#[test]
fn every_fault_of_a_choice_of_accounts_is_named_at_once() {
    let mut accounts = cafe_accounts();
    accounts[4].hidden = true;
    let mut roles = RoleMap::default();
    for (role, id) in [
        (Role::Clearing, "Assets:Current Assets:Checking Account"),
        (Role::Bank, "Assets:Current Assets:Checking Account"),
        (Role::Sales, "Income"),
        (Role::Fees, "Liabilities:Tips Payable"),
        (Role::Tax, "gone"),
        (Role::Cash, "Assets:Yen float"),
        (Role::Held, "Assets:Current Assets:Cash in Drawer"),
    ] {
        roles.bind(role, AccountId(id.into()));
    }
    let problem = validate_roles(&roles, &accounts, &[Role::Clearing, Role::Tips], Currency::of("USD").unwrap()).unwrap_err();
    assert_eq!(problem.code, E_BOOKS_ROLES);
    let all = problem.why.join("\n");
    for words in [
        "No account is chosen for \"Tips payable\"",
        "not in the books",
        "placeholder",
        "is a liability account",
        "holds JPY",
        "are the same account",
        "is hidden",
        "is a cash account",
    ] {
        assert!(all.contains(words), "{words} is missing in {all}");
    }
}
