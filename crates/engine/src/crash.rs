//! Named points at which the crash sweeps end the process as a power cut would.
//!
//! Only active when `CHANGEOVER_DIE_AT` names a point (or `#n`, the n-th point reached). It must never
//! do anything else: no clean-up runs, exactly as with `kill -9`.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

static WISH: OnceLock<Option<String>> = OnceLock::new();
static REACHED: AtomicU64 = AtomicU64::new(0);

/// Ends the process here when the sweep asked for this point.
pub fn point(name: &str) {
    let Some(wish) = WISH.get_or_init(|| std::env::var("CHANGEOVER_DIE_AT").ok().filter(|w| !w.is_empty())) else { return };
    let at = REACHED.fetch_add(1, Ordering::SeqCst) + 1;
    let is_here = match wish.strip_prefix('#') {
        Some(number) => number.parse::<u64>() == Ok(at),
        None => wish == name,
    };
    if is_here {
        eprintln!("died at point {at}: {name}");
        std::process::abort();
    }
}

/// How many points were passed; the sweep learns its length from an undisturbed run.
pub fn reached() -> u64 {
    REACHED.load(Ordering::SeqCst)
}
