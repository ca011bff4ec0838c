//! The practice company: a simulated Square account with servers on loopback, and a GnuCash book, for learning and tests.
//!
//! Speaks HTTP and files like the real world; it knows none of the other crates and must never reach beyond loopback.
//! `authority` is another thing: a server for tests of signing in, made from any provider's file, and no part of the product.
//! A new provider is one more module beside `square`; a new thing that goes wrong is one field of `Faults` and one `Story`.

#[cfg(feature = "authority")]
pub mod authority;
pub mod book;
pub mod consent;
pub mod elsewhere;
pub mod faults;
mod oauth;
pub mod square;
pub mod story;
mod wire;
pub mod world;

pub use book::{BookSummary, create_book};
pub use consent::{Consent, consent};
pub use elsewhere::{Elsewhere, ElsewhereServed, serve_elsewhere};
pub use faults::{Faults, RetryAfter};
pub use square::control::{CONTROL_HEADER, Control};
pub use square::grants::CLIENT_ID;
pub use square::state::Stats;
pub use square::{ServeOptions, Served, serve};
pub use story::Story;
pub use world::{Movement, MovementKind, Sum, Totals, World};
