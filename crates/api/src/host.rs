//! What a host lends the engine besides its own work: the way to the person's browser, and the codes of its own trouble.
//!
//! The window implements [`OpenPage`] with the desktop, the terminal with the system's program. It must never
//! carry a secret.

pub use authorization::OpenPage;
use ledger::Code;

pub const E_WINDOW_HOME: Code = Code("E-WINDOW-HOME");
pub const E_WINDOW_CLOSING: Code = Code("E-WINDOW-CLOSING");
pub const E_WINDOW_BROWSER: Code = Code("E-WINDOW-BROWSER");
pub const CODES: &[Code] = &[E_WINDOW_HOME, E_WINDOW_CLOSING, E_WINDOW_BROWSER];
