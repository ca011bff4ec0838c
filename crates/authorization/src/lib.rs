//! Signing in to providers, renewing access, and keeping it where nobody can read it.
//!
//! A sign-in is: browser page → loopback listener (or an address pasted back) → token exchange → *which
//! company is this?* → [`Grant`]. Nothing is stored before the company was compared. [`Vault::save`] seals the
//! grant into a row of the engine's store with a key that lives in the operating system's keychain. Afterwards
//! a [`Signer`] adds the access header to requests itself; no function of this crate hands out a token.
//!
//! It must never: put a secret, a raw answer of a provider or a callback address into an error, an event or a
//! log; send a token to another host than the provider's; treat "no entry" in the keychain as "make a new key"
//! while sealed rows exist; delete or overwrite access that may still work; need a D-Bus or a keychain to start
//! (the keychain is first touched by [`Vault::unlock`] or the first use of a credential, and
//! [`Keychain::session_only`] needs neither).
//!
//! A new provider is one file in `catalog/providers/` and its line in [`providers`]. A new credential kind is a
//! variant of [`provider::CredentialKind`] and a function beside [`authorize`] and [`accept_key`]. A new keychain is a
//! [`keychain::KeyStore`].

mod answer;
mod app;
mod credential_rows;
mod endpoints;
mod exchange;
mod grant;
mod identity;
mod key;
pub mod keychain;
mod lock;
mod loopback;
mod named;
#[cfg(test)]
mod over_tls;
mod passphrase;
mod place;
mod place_rows;
pub mod problems;
pub mod provider;
mod refresh;
mod revoke;
mod seal;
mod sign_in;
mod signer;
mod vault;

use std::sync::Arc;

pub use app::AppSecret;
pub use credential_rows::{CredentialState, migrate};
pub use endpoints::{DataCenter, Endpoints, Environment, Livemode, LoopbackHost, Redirect};
pub use grant::{Grant, GrantFacts, Tenant, require_permissions};
pub use key::{KeyEntry, accept_key};
pub use keychain::{KeptWhere, Keychain, KeychainStatus};
pub use passphrase::{PASSPHRASE_MIN, Passphrase, PassphraseState, PassphraseVault};
pub use place::{AskPassphrase, Leaving, Places};
pub use place_rows::chosen;
pub use problems::codes;
pub use provider::{Provider, providers};
pub use revoke::EndAt;
pub use sign_in::{Controls, OpenPage, SignIn, SignInEvent, TIME_TO_SIGN_IN, authorize, authorize_as};
pub use secrecy::SecretString;
pub use signer::Signer;
pub use vault::{Described, Revocation, Vault, VaultSetup, Which};

/// The present instant, passed in because the practice company's clock jumps.
pub type Clock = Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>;

/// The computer's own clock.
pub fn system_clock() -> Clock {
    Arc::new(jiff::Timestamp::now)
}
