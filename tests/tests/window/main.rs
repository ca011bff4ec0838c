//! The real window, clicked: `cargo xtask test --only window`. One file per journey.
//!
//! It runs inside a session that `xtask` makes: display, session bus, unlocked keychain, window
//! driver, and an `xdg-open` that consents at the practice provider. It must never find its way by
//! style or position: only by role and by the words a person reads.

mod chromium;
mod journey;
mod keys;
mod look;
mod openid;
mod reconnect;
mod trouble;
mod vault;
mod window;
