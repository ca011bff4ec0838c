//! How every error is provoked, one file per area. A new error: its code's folder in
//! `tests/errors/` and one function in its area's `PROVOKE` list.
//!
//! Each provocation goes through the public function that a host calls, with bad input; it never
//! builds the `Problem` by hand. What cannot be provoked stands in `UNREACHABLE` with its reason, what is
//! not provoked yet in `OWED`.

pub mod api;
pub mod authorization;
pub mod backup;
pub mod books;
pub mod child;
pub mod connector;
pub mod engine;
pub mod harbour;
pub mod holds;
pub mod journal;
pub mod ledger;
pub mod reconcile;
pub mod restoring;
pub mod upgrade;

use crate::errors::Exhibit;

/// An area of the product: its codes and how each is provoked.
pub struct Area {
    pub name: &'static str,
    pub codes: fn() -> Vec<::ledger::Code>,
    pub provoke: &'static [fn() -> Exhibit],
}

/// Every area. The museum test fails when a code of a crate is missing here.
pub const AREAS: &[Area] = &[
    Area { name: "ledger", codes: || ::ledger::codes().collect(), provoke: ledger::PROVOKE },
    Area { name: "upgrade", codes: || ::upgrade::codes().collect(), provoke: upgrade::PROVOKE },
    Area { name: "reconcile", codes: || ::reconcile::codes().collect(), provoke: reconcile::PROVOKE },
    Area { name: "journal", codes: || ::journal::codes().collect(), provoke: journal::PROVOKE },
    Area { name: "books", codes: || ::books::codes().collect(), provoke: books::PROVOKE },
    Area { name: "connector", codes: || ::connector::codes().collect(), provoke: connector::PROVOKE },
    Area { name: "authorization", codes: || ::authorization::codes().collect(), provoke: authorization::PROVOKE },
    Area { name: "backup", codes: || ::backup::codes().collect(), provoke: backup::PROVOKE },
    Area { name: "engine", codes: || ::engine::codes().collect(), provoke: engine::PROVOKE },
    // Its codes stand with the engine's.
    Area { name: "holds", codes: Vec::new, provoke: holds::PROVOKE },
    Area { name: "restoring", codes: Vec::new, provoke: restoring::PROVOKE },
    Area { name: "api", codes: || ::api::codes().collect(), provoke: api::PROVOKE },
];

/// A code without an exhibit, and why.
pub struct Absent {
    pub code: &'static str,
    pub why: &'static str,
}

/// The list of excuses stays short.
pub const MOST_UNREACHABLE: usize = 14;

/// Guards against faults of our own, which nobody outside can bring about.
pub const UNREACHABLE: &[Absent] = &[
    Absent {
        code: "E-MAP-LOST",
        why: "Mapping counts its own results; only a mapping that loses or doubles a record raises it, and the mapping has no such path.",
    },
    Absent {
        code: "E-MAP-RULES",
        why: "Raised when the thread that evaluates rules cannot be started or breaks off; packages whose rules could do that are refused before.",
    },
];

/// Codes that can be provoked and are not yet. Printed by the museum test until the list is empty.
pub const OWED: &[Absent] = &[
];

/// Runs a provocation that has to wait for disk or network.
pub fn waiting<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// Posting rules are deep expressions; the usual two megabytes are not enough for every one of them.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// As [`waiting`], for work that blocks its thread now and then, as the engine's does.
pub fn working<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).thread_stack_size(STACK_BYTES).enable_all().build().expect("a runtime");
    let task = runtime.spawn(work);
    runtime.block_on(task).unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// Steps on the way to a provocation that must go well.
pub trait OrPanic<T> {
    /// The value, or a panic with the problem as a person would read it.
    fn or_panic(self) -> T;
}

impl<T> OrPanic<T> for Result<T, ::ledger::Problem> {
    #[track_caller]
    fn or_panic(self) -> T {
        match self {
            Ok(value) => value,
            Err(problem) => panic!("{problem}"),
        }
    }
}
