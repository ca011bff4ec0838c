//! What the journeys, sweeps and the error museum share: the built program, fresh homes, and
//! oracles that are not ours (GnuCash's own engine).
//!
//! It must never judge by our own code what our own code did: balances come from GnuCash, entries
//! from the file's rows. A new kind of helper is one module here.

pub mod bakery;
pub mod company;
pub mod errors;
pub mod home;
pub mod museum;
pub mod openid;
pub mod oracle;
pub mod program;
pub mod secrets;
pub mod shelf;
pub mod sources;
pub mod typed;
