//! Everything that will be taken out is kept verbatim and can be put back.

use crate::check::{CheckId, CheckResult, Verdict};

/// `to_remove`: old entries that will be taken out; `kept`: those whose verbatim form is stored;
/// `obstacles`: why something could not be put back, in words.
pub fn old_can_represent(to_remove: u64, kept: u64, obstacles: &[String]) -> CheckResult {
    let missing = to_remove.saturating_sub(kept);
    let wrong = missing + obstacles.len() as u64;
    let verdict = if wrong == 0 { Verdict::Pass } else { Verdict::Fail };
    let first = (missing > 0).then(|| format!("{missing} entries are not kept in their present form."));
    CheckResult::new(
        CheckId::OldCanRepresent,
        verdict,
        format!("{kept} of {to_remove} entries kept"),
        format!("{to_remove} of {to_remove}"),
    )
    .counting(to_remove, to_remove, wrong)
    .detailing(first.into_iter().chain(obstacles.iter().cloned()).collect())
}
