//! The one table of commands and the views they answer with. Window and terminal both expand from it.
//!
//! It must never hold a business rule (that is `engine` and the pure crates) nor name the window's
//! library. A new command is one row in `commands.rs` and one method in `handlers/`.

#[macro_use]
pub mod commands;
pub mod app;
pub mod contract;
pub mod handlers;
pub mod jobs;
mod pace;
pub mod practice_company;
pub mod host;
pub mod typescript;
pub mod views;

pub use app::{App, Start, worker_entry};
pub use contract::{Commands, dispatch};
pub use host::{E_WINDOW_BROWSER, E_WINDOW_CLOSING, E_WINDOW_HOME, OpenPage};

/// Every error code this crate raises, for the error museum.
pub fn codes() -> impl Iterator<Item = ledger::Code> {
    contract::CODES.iter().chain(host::CODES).chain(jobs::CODES).chain(practice_company::CODES).chain(handlers::CODES).copied()
}
