//! There is room for the backup, its restored copy and a working copy.

use crate::check::{CheckId, CheckResult, Verdict};

/// Times the size of what is backed up: snapshot, restored copy, working copy.
pub const TIMES: u64 = 3;

/// Bytes. `free`: None when the system did not say.
pub fn disk_space(free: Option<u64>, backed_up: u64) -> CheckResult {
    let id = CheckId::DiskSpace;
    let Some(free) = free else {
        return CheckResult::inconclusive(id, "the system did not say how much room there is");
    };
    let needed = backed_up.saturating_mul(TIMES);
    let verdict = if free >= needed { Verdict::Pass } else { Verdict::Fail };
    let megabytes = |bytes: u64| format!("{} MB", bytes.div_ceil(1_000_000));
    CheckResult::new(
        id,
        verdict,
        format!("{} free", megabytes(free)),
        format!("{} needed", megabytes(needed)),
    )
    .counting(1, 1, u64::from(verdict == Verdict::Fail))
}
