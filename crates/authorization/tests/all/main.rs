//! What must stay true of signing in, renewing and keeping access, shown against the practice authorization server
//! on this computer. The keychain of a real desktop is tested in `tests/os_keychain.rs`.

mod answers;
mod erasing;
mod fences;
mod hostile;
mod interop;
mod leaks;
mod listener;
mod lives;
mod passphrase;
mod places;
mod profiles;
mod provider;
mod provider_facts;
mod provider_files;
mod refresh;
mod regions;
mod revoke;
mod sign_in;
mod support;
mod vault;
