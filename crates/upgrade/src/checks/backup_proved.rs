//! The backup was read back whole and equals what it was made from.

use super::BackupProof;
use crate::check::{CheckId, CheckResult, Verdict};

/// `proof`: None when reading back did not come to its end.
pub fn backup_proved(proof: Option<&BackupProof>) -> CheckResult {
    let id = CheckId::BackupProved;
    let Some(proof) = proof else {
        return CheckResult::inconclusive(id, "the backup was not read back to its end");
    };
    if proof.files == 0 {
        return CheckResult::new(id, Verdict::Fail, "the backup is empty", "at least the books").counting(0, 1, 1);
    }
    let wrong = proof.files.saturating_sub(proof.equal);
    let verdict = if wrong == 0 { Verdict::Pass } else { Verdict::Fail };
    CheckResult::new(
        id,
        verdict,
        format!("{} of {} files equal", proof.equal, proof.files),
        format!("{} of {} files equal", proof.files, proof.files),
    )
    .counting(proof.files, proof.files, wrong)
    .detailing(proof.findings.clone())
}
