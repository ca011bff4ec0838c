//! This computer's clock agrees with the processor's: posting dates and expiry times depend on it.

use crate::check::{CheckId, CheckResult, Verdict};
use jiff::Timestamp;

pub const LARGEST_DIFFERENCE_SECONDS: u64 = 60;

/// `there`: the time in the processor's last answer; None when it gave none.
pub fn clock_sane(here: Timestamp, there: Option<Timestamp>) -> CheckResult {
    let id = CheckId::ClockSane;
    let Some(there) = there else {
        return CheckResult::inconclusive(id, "the processor did not state its time");
    };
    let off = here.duration_since(there).as_secs().unsigned_abs();
    let verdict = if off <= LARGEST_DIFFERENCE_SECONDS {
        Verdict::Pass
    } else {
        Verdict::Fail
    };
    CheckResult::new(
        id,
        verdict,
        format!("{off} seconds apart"),
        format!("at most {LARGEST_DIFFERENCE_SECONDS} seconds"),
    )
    .counting(1, 1, u64::from(verdict == Verdict::Fail))
}
