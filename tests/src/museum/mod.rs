//! How every error is provoked, one file per area. A new error: its code's folder in
//! `tests/errors/` and one function in its area's `provoke` list.
//!
//! Each provocation goes through the public function that a host calls, with bad input; it never
//! builds the `Problem` by hand.

pub mod journal;
pub mod ledger;
pub mod upgrade;

use crate::errors::Exhibit;

/// An area of the product: its codes and how each is provoked.
pub struct Area {
    pub name: &'static str,
    pub codes: fn() -> Vec<::ledger::Code>,
    pub provoke: &'static [fn() -> Exhibit],
}

/// Every area. The museum test fails when a code of a crate is missing here.
pub const AREAS: &[Area] = &[
    Area { name: "ledger", codes: || ::ledger::codes().collect(), provoke: ledger::PROVOKE },
    Area { name: "upgrade", codes: || ::upgrade::codes().collect(), provoke: upgrade::PROVOKE },
    Area { name: "journal", codes: || ::journal::codes().collect(), provoke: journal::PROVOKE },
];

/// Runs a provocation that has to wait for disk or network.
pub fn waiting<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}
