//! The wire types: one whole view per screen, and what is sent with each command.
//!
//! A view is complete and has no version: the page throws the old one away. It must never hold a
//! secret, a float or a provider's unmasked id; amounts are [`MoneyView`], instants RFC 3339 text in
//! UTC, days `YYYY-MM-DD` in the business's time zone. A new screen is one file here, one row in
//! `commands.rs` and one `ui/src/screens/<name>.svelte`. The page's types are made from these by
//! `contract::typescript` and compared in a test.

pub mod access;
pub mod accounts;
pub mod app;
pub mod args;
pub mod backups;
pub mod calendar;
pub mod common;
pub mod company;
pub mod differences;
pub mod holds;
pub mod job;
pub mod kit;
pub mod log;
pub mod practice;
pub mod reconcile;
pub mod restoring;
pub mod schedule;
pub mod secrets;
pub mod settings;
pub mod today;
pub mod upgrade;

pub use access::*;
pub use accounts::*;
pub use app::*;
pub use args::*;
pub use backups::*;
pub use calendar::*;
pub use common::*;
pub use company::*;
pub use differences::*;
pub use holds::*;
pub use job::*;
pub use kit::*;
pub use log::*;
pub use practice::*;
pub use reconcile::*;
pub use restoring::*;
pub use schedule::*;
pub use secrets::*;
pub use settings::*;
pub use today::*;
pub use upgrade::*;
