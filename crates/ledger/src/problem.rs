//! The four-part error that every crate returns and both hosts show.
//!
//! It says first whether books or money were touched, then what happened, why, and what to do next.
//! It must never carry a secret: pass amounts, dates, names and counts, never tokens or raw bodies.
//! A new error is one `Code` constant in the crate that raises it (listed in that crate's
//! `CODES`) and one folder in `tests/errors/`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A stable name such as `E-BOOKS-LOCKED`. Stored in the journal, so it never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub &'static str);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What had already been changed when the problem arose. Always the first thing a person reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Touched {
    /// Neither books nor money nor settings were changed.
    Nothing,
    /// Settings or stored data of Changeover changed, the books did not.
    SettingsOnly,
    /// Entries were written to the books; the text says which.
    Books,
    /// It is not known whether the books were written; nothing may be repeated before that is known.
    Unknown,
}

impl Touched {
    /// The sentence shown first.
    pub fn sentence(self) -> &'static str {
        match self {
            Touched::Nothing => "Nothing was changed.",
            Touched::SettingsOnly => "Your books were not touched; only Changeover's own settings changed.",
            Touched::Books => "Entries were written to your books.",
            Touched::Unknown => "It is not yet known whether your books were written; nothing will be repeated until that is known.",
        }
    }
}

/// When trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// The same call will fail again.
    Never,
    /// Try again after this many seconds (the other side may be busy or away).
    Later { after_seconds: u64 },
    /// Try again once the person has done what `next` says.
    AfterFix,
}

/// The four-part error. `why` may hold several findings, worst first: every failed check at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub code: Code,
    pub touched: Touched,
    pub what: String,
    pub why: Vec<String>,
    pub next: String,
    pub retry: Retry,
    /// A failed rollback or clean-up stands beside the first problem, never in its place.
    pub also: Vec<Problem>,
}

impl Problem {
    /// A problem before which nothing was changed. Use [`Problem::touching`] otherwise.
    pub fn new(code: Code, what: impl Into<String>, why: impl Into<String>, next: impl Into<String>) -> Self {
        Problem {
            code,
            touched: Touched::Nothing,
            what: what.into(),
            why: vec![why.into()],
            next: next.into(),
            retry: Retry::AfterFix,
            also: Vec::new(),
        }
    }

    pub fn touching(mut self, touched: Touched) -> Self {
        self.touched = touched;
        self
    }

    pub fn retrying(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Adds one more finding to the reasons.
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why.push(why.into());
        self
    }

    /// Puts a second problem (a failed clean-up) beside this one.
    pub fn beside(mut self, other: Problem) -> Self {
        self.also.push(other);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}  {} {}", self.code, self.what, self.touched.sentence())?;
        for (at, why) in self.why.iter().enumerate() {
            writeln!(f, "  {}  {}", if at == 0 { "Why: " } else { "     " }, why)?;
        }
        write!(f, "  Next:  {}", self.next)?;
        for other in &self.also {
            write!(f, "\n  Also:  {}", other.to_string().replace('\n', "\n         "))?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}
