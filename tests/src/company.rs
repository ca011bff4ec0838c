//! A real company in a test's home: a GnuCash book of its own, and Square's connector 1, which nobody signed in for.
//!
//! Nothing of it is practice, so the rules for real books hold. It must never be given a real access.

use engine::Engine;
use engine::companies::{NewCompany, NewConnection};
use engine::store::company::Company;
use ledger::{AccountId, RoleMap};
use practice::{World, create_book};
use std::path::Path;

/// Adds "Harbour Street Bakery" of New York, whose books begin with so many payments.
pub async fn real(engine: &Engine, home: &Path, payments: usize) -> Company {
    let book = home.join("books.gnucash");
    let summary = create_book(&book, &World::small(1, payments)).await.expect("the books are made");
    let mut roles = RoleMap::default();
    for (role, account) in &summary.roles {
        roles.bind(role.parse().expect("a role"), AccountId(account.clone()));
    }
    let square = NewConnection {
        provider: "square".into(),
        environment: "production".into(),
        endpoints: None,
        client_id: "sq0idp-test".into(),
        connector: "square".into(),
        version: "1".into(),
        roles,
        sync_from: jiff::Timestamp::now(),
    };
    let new = NewCompany { name: "Harbour Street Bakery".into(), books_path: book, zone: "America/New_York".into(), practice: false };
    engine.add_company(new, square).await.unwrap_or_else(|problem| panic!("{problem}")).0
}
