//! The books' own version is one that Changeover was tested with.

use crate::check::{CheckId, CheckResult, Verdict};

pub fn books_version_known(found: Option<&str>, known: &[&str]) -> CheckResult {
    let id = CheckId::BooksVersionKnown;
    let Some(found) = found else {
        return CheckResult::inconclusive(id, "the books do not state their version");
    };
    let verdict = if known.contains(&found) { Verdict::Pass } else { Verdict::Fail };
    CheckResult::new(id, verdict, found, known.join(", ")).counting(1, 1, u64::from(verdict == Verdict::Fail))
}
