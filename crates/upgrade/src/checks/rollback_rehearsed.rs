//! In the rehearsal every stage that writes was rolled back, and the copy was the same again.

use super::Drill;
use crate::check::{CheckId, CheckResult, Verdict};
use crate::stage::Stage;

/// `stages`: those of the plan that write.
pub fn rollback_rehearsed(stages: &[Stage], drills: &[Drill]) -> CheckResult {
    let mut details = Vec::new();
    for stage in stages {
        let of_stage: Vec<&Drill> = drills.iter().filter(|drill| drill.stage == *stage).collect();
        if of_stage.is_empty() {
            details.push(format!("{}: going back was not tried.", stage.title()));
        }
        details.extend(
            of_stage
                .iter()
                .filter(|drill| !drill.equal)
                .map(|drill| format!("{}: {}", stage.title(), drill.finding)),
        );
    }
    let (all, wrong) = (stages.len() as u64, details.len() as u64);
    let untried = stages.iter().any(|stage| drills.iter().all(|drill| drill.stage != *stage));
    let failed = drills.iter().any(|drill| !drill.equal);
    let verdict = if failed {
        Verdict::Fail
    } else if untried || stages.is_empty() {
        Verdict::Inconclusive
    } else {
        Verdict::Pass
    };
    CheckResult::new(
        CheckId::RollbackRehearsed,
        verdict,
        format!("{} of {all} stages", all.saturating_sub(wrong)),
        format!("{all} of {all} stages"),
    )
    .counting(all, all, wrong)
    .detailing(details)
}
