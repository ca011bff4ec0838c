//! What the engine borrows from whoever hosts it: a browser, notifications, and a way to say that something changed.
//!
//! The window implements it with the desktop, the terminal with its own output. It must never carry a secret.

use ledger::Code;

pub const E_WINDOW_HOME: Code = Code("E-WINDOW-HOME");
pub const E_WINDOW_CLOSING: Code = Code("E-WINDOW-CLOSING");
pub const CODES: &[Code] = &[E_WINDOW_HOME, E_WINDOW_CLOSING];

pub trait Host: Send + Sync + 'static {
    /// Opens the system's browser on an address that the engine built. The error is a sentence for a person,
    /// who is then shown the address to copy.
    fn open_in_browser(&self, address: &str) -> Result<(), String>;

    /// Something that a view shows has changed: whoever shows one fetches it again, whole.
    fn changed(&self);

    /// Long work has ended while the person was elsewhere.
    fn notify(&self, title: &str, text: &str);
}
