//! Connector packages: data that says how a processor's activity becomes keyed journal entries.
//!
//! A [`Package`] is one YAML file of the catalog, checked by construction. [`fetch()`] reads a stream page by
//! page, [`map()`] turns the records into drafts, or holds them with a reason. This crate must never write to a
//! processor, know an accounting app, an account of a person's books, or where a record is stored, and it must
//! never drop a record: each one ends as a draft, held, or excluded by a named rule.
//!
//! A new processor or version is one file in `catalog/connectors/`; the format is in
//! `docs/connector-packages.md`. A new thing that a package may say is read in `package/`, checked in the same
//! place, and acted on in `fetch.rs` or `map/`. Only `rules/` names the expression language.

mod catalog;
mod convert;
mod fetch;
mod http;
mod map;
mod package;
mod record;
mod rules;

pub use catalog::Catalog;
pub use fetch::{BoxFuture, Fetched, LARGEST_STREAM_PAGES, PageRequest, PageResponse, PageSeen, Processor, Verb, Window, fetch};
pub use http::{HttpProcessor, LARGEST_PAGE_BYTES, RateBudget, Sign, TokioWait, Wait};
pub use map::{Alias, Business, Excluded, Held, HoldReason, Mapped, Mapping, RowName, Settlement, map};
pub use package::{ACCESS_ONLY, BreakingChange, ChangeKind, ExpectedChange, Package, PermissionNeed, Stream, Supersedes};
pub use record::Record;

use ledger::Code;

/// Every error code this crate raises, for the error museum.
pub fn codes() -> impl Iterator<Item = Code> {
    package::CODES
        .iter()
        .chain(catalog::CODES)
        .chain(fetch::CODES)
        .chain(http::CODES)
        .chain(map::CODES)
        .copied()
}
