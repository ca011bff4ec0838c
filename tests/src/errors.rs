//! The error museum's folders: `tests/errors/<CODE>/text.txt`, the exact text a person reads.
//!
//! Volatile parts (home folders, ids, ports, times) are replaced by names in angle brackets before
//! comparing, so that the text stays exact everywhere else.

use ledger::Problem;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("errors")
}

/// The codes that have a folder.
pub fn exhibited() -> BTreeSet<String> {
    let entries = fs::read_dir(folder()).expect("tests/errors can be read");
    entries.flatten().filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// The committed text of a code. None when there is none yet.
pub fn committed(code: &str) -> Option<String> {
    fs::read_to_string(folder().join(code).join("text.txt")).ok().map(|text| text.trim_end().to_string())
}

/// Writes the text for the first time, or again (`CHANGEOVER_MUSEUM=write`).
pub fn write(code: &str, text: &str) {
    let dir = folder().join(code);
    fs::create_dir_all(&dir).expect("tests/errors can be written");
    fs::write(dir.join("text.txt"), format!("{text}\n")).expect("tests/errors can be written");
}

/// A provoked problem and what in its text changes from run to run.
pub struct Exhibit {
    pub code: &'static str,
    pub problem: Problem,
    /// Text to replace, and the name that stands for it: ("/tmp/x1", "<home>").
    pub volatile: Vec<(String, &'static str)>,
}

impl Exhibit {
    pub fn of(problem: Problem) -> Exhibit {
        Exhibit { code: problem.code.0, problem, volatile: Vec::new() }
    }

    /// For a problem that the upgrade's state keeps instead of returning it.
    pub fn stored(problem: &upgrade::refusal::StoredProblem) -> Exhibit {
        let code = upgrade::codes().find(|code| code.0 == problem.code).unwrap_or_else(|| panic!("{} is no code of upgrade", problem.code));
        let mut again =
            Problem::new(code, problem.what.clone(), "", problem.next.clone()).touching(problem.touched).retrying(problem.retry);
        again.why = problem.why.clone();
        Exhibit::of(again)
    }

    pub fn replacing(mut self, text: impl Into<String>, name: &'static str) -> Exhibit {
        self.volatile.push((text.into(), name));
        self
    }

    /// The text as the museum keeps it.
    pub fn text(&self) -> String {
        let mut text = self.problem.to_string();
        for (volatile, name) in &self.volatile {
            text = text.replace(volatile.as_str(), name);
        }
        text.trim_end().to_string()
    }
}
