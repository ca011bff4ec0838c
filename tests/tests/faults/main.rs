//! Sweeps: the same journey with a fault at every point. A sample by default, everything with
//! `CHANGEOVER_SWEEP=full` (`cargo xtask faults`). One file per kind of fault.

mod kill;

/// Are all points wanted, or a sample that fits a test run?
pub fn full() -> bool {
    std::env::var("CHANGEOVER_SWEEP").is_ok_and(|value| value == "full")
}
