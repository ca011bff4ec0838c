//! No other program has the books open.

use super::BooksLock;
use crate::check::{CheckId, CheckResult, Verdict};

pub fn books_not_open(lock: &BooksLock) -> CheckResult {
    let id = CheckId::BooksNotOpen;
    match lock {
        BooksLock::Free => CheckResult::new(id, Verdict::Pass, "free", "free"),
        BooksLock::Open { by } => CheckResult::new(id, Verdict::Fail, format!("open in {by}"), "free").counting(1, 1, 1),
        BooksLock::Unknown { why } => CheckResult::inconclusive(id, why.clone()),
    }
}
