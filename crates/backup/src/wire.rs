//! What the host and its child say to each other: one request on stdin, JSON lines on stdout.
//!
//! The secret key travels in the request only, never in arguments or environment. `FORM` grows with every change:
//! a host never talks to a worker of another form.

use jiff::Timestamp;
use ledger::{Code, Problem, Retry, Touched};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

use crate::manifest::Manifest;
use crate::place::Place;
use crate::problems;

pub const FORM: u32 = 3;
/// One line from the worker; a manifest is the largest thing in one.
pub const LARGEST_LINE_BYTES: usize = 128 * 1024 * 1024;

/// No Debug: it holds the key.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub form: u32,
    pub place: Place,
    /// The repository key.
    pub key: Option<String>,
    /// A recovery code or passphrase: for `create` and `unlock` alone, for `add_way` beside the key.
    pub code: Option<String>,
    pub task: Task,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case", deny_unknown_fields)]
pub enum Task {
    Create,
    /// Lets a further code or passphrase open the place, and proves that it does.
    AddWay {
        kind: WayKind,
    },
    Unlock {
        kind: WayKind,
    },
    Ways,
    /// Only if another way that was made here remains.
    RemoveWays {
        ids: Vec<String>,
    },
    Take {
        staging: PathBuf,
        summary: Summary,
        label: String,
        tags: Vec<String>,
        known: Vec<String>,
    },
    Confirm {
        id: String,
    },
    Check {
        id: String,
    },
    CheckPlace,
    Restore {
        id: String,
        to: PathBuf,
    },
    /// Only these files, and only if each of them comes back right.
    Fetch {
        id: String,
        paths: Vec<String>,
        to: PathBuf,
    },
    List,
    Preview {
        id: String,
    },
}

impl Task {
    /// Whether it leaves the place as it is, and may be done twice.
    pub fn only_reads(&self) -> bool {
        match self {
            Task::Unlock { .. } | Task::Ways | Task::Confirm { .. } | Task::Check { .. } | Task::CheckPlace | Task::List | Task::Preview { .. } => true,
            // A restore writes into a folder that must be empty, so a second try would be refused.
            Task::Create | Task::AddWay { .. } | Task::RemoveWays { .. } | Task::Take { .. } | Task::Restore { .. } | Task::Fetch { .. } => false,
        }
    }
}

/// What a snapshot says of itself; kept in restic's description field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    pub changeover: u32,
    pub manifest_sha256: String,
    pub company_id: String,
    pub company_name: String,
    pub at: Timestamp,
    pub made_by: String,
    pub files: u64,
    pub bytes: u64,
    pub missing: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    pub id: String,
    pub at: Timestamp,
    pub label: String,
    pub tags: Vec<String>,
    /// `None` for a snapshot that another program put here.
    pub summary: Option<Summary>,
}

/// What kind of secret opens a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WayKind {
    /// The code on a recovery kit.
    RecoveryCode,
    /// One that a person chose here.
    Passphrase,
    /// Another program's, such as `restic key add`.
    Other,
}

/// One way into a place besides its key: never the secret itself. The kind is the label it was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// The name of its key file.
    pub id: String,
    pub kind: WayKind,
    pub made: Option<Timestamp>,
}

/// A file that a restore could not bring back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    pub path: String,
    pub why: String,
}

/// No Debug: `Created` and `Unlocked` hold the key.
#[derive(Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    Created {
        key: String,
        way: String,
    },
    WayAdded {
        way: String,
    },
    Unlocked {
        key: String,
        way: String,
    },
    Ways {
        ways: Vec<Way>,
    },
    Copied {
        id: String,
        manifest: Manifest,
        manifest_sha256: String,
        added_bytes: u64,
    },
    Checked {
        id: Option<String>,
        files: u64,
        bytes: u64,
    },
    Restored {
        manifest: Option<Manifest>,
        manifest_sha256: Option<String>,
        files: u64,
        bytes: u64,
        lost: Vec<Lost>,
    },
    Listed {
        snapshots: Vec<Listed>,
    },
    Manifest {
        manifest: Manifest,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Opening,
    /// Adding, proving or removing a way in; counted in steps, not bytes.
    Keys,
    Copying,
    Comparing,
    Checking,
    Restoring,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    Hello {
        form: u32,
    },
    Progress {
        phase: Phase,
        done_bytes: u64,
        total_bytes: Option<u64>,
    },
    Done {
        reply: Reply,
    },
    Failed {
        problem: Told,
    },
}

/// A problem on the wire.
#[derive(Serialize, Deserialize)]
pub struct Told {
    code: String,
    touched: Touched,
    what: String,
    why: Vec<String>,
    next: String,
    retry: Retry,
    also: Vec<Told>,
}

impl Told {
    pub fn new(problem: Problem) -> Told {
        Told {
            code: problem.code.0.to_owned(),
            touched: problem.touched,
            what: problem.what,
            why: problem.why,
            next: problem.next,
            retry: problem.retry,
            also: problem.also.into_iter().map(Told::new).collect(),
        }
    }

    /// A code that this version does not know is still shown in full, under the worker's own code.
    pub fn problem(self) -> Problem {
        let known: Option<Code> = problems::CODES.iter().copied().find(|code| code.0 == self.code);
        let mut why = self.why;
        let code = known.unwrap_or_else(|| {
            why.push(format!("The worker called it {}.", self.code));
            problems::E_WORKER
        });
        Problem {
            code,
            touched: self.touched,
            what: self.what,
            why,
            next: self.next,
            retry: self.retry,
            also: self.also.into_iter().map(Told::problem).collect(),
        }
    }
}
