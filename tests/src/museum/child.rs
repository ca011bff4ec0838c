//! Provocations that need a process of their own: a full disk, a system that gives no more ports.
//!
//! The museum's child program (`museum-child`) is also the backup worker. It runs one provocation by its
//! name, writes the problem as one line, and ends.

use ledger::{Problem, Touched};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use upgrade::refusal::StoredProblem;

/// First argument for a provocation; the name and the path follow.
const PROVOKE: &str = "provoke";

/// Where cargo puts the child: beside the folder of the test programs.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("this program has a file");
    let folder = test.parent().and_then(Path::parent).expect("tests are built two folders deep");
    folder.join("museum-child")
}

/// The child's `main`.
pub fn main() -> ExitCode {
    if let Some(code) = api::worker_entry() {
        return code;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let problem = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [PROVOKE, "books-on-a-full-disk", book] => super::books::on_a_full_disk(PathBuf::from(book)),
        [PROVOKE, "no-port-left", folder] => super::authorization::no_port_left(Path::new(folder)),
        other => {
            eprintln!("This program is only started by the error museum, not with {other:?}.");
            return ExitCode::from(2);
        }
    };
    println!("{}", serde_json::to_string(&StoredProblem::from(&problem)).expect("a problem can be written"));
    ExitCode::SUCCESS
}

/// Runs one provocation in the child, after a shell has set limits on it.
pub fn provoke(name: &str, limits: &str, path: &Path) -> Problem {
    let output = Command::new("/bin/sh")
        .args(["-c", &format!("trap '' XFSZ; {limits}; exec \"$@\""), "sh"])
        .arg(program())
        .args([PROVOKE, name])
        .arg(path)
        .output()
        .expect("a shell can be started");
    let said = String::from_utf8_lossy(&output.stdout);
    let problem = serde_json::from_str(said.trim());
    let problem: Value = problem.unwrap_or_else(|_| panic!("{name} said {said:?}: {}", String::from_utf8_lossy(&output.stderr)));
    problem_of(&serde_json::from_value(problem).expect("a stored problem"))
}

/// The problem that was stored or sent, with its code found among those of every crate.
pub fn problem_of(stored: &StoredProblem) -> Problem {
    let code = super::AREAS.iter().flat_map(|area| (area.codes)()).find(|code| code.0 == stored.code);
    let code = code.unwrap_or_else(|| panic!("{} is no code of any crate", stored.code));
    let mut problem = Problem::new(code, stored.what.clone(), "", stored.next.clone()).touching(stored.touched).retrying(stored.retry);
    problem.why = stored.why.clone();
    problem.also = stored.also.iter().map(problem_of).collect();
    problem
}

/// The problem of a screen, found anywhere in a command's answer by its code.
pub fn problem_in(answer: &Value, code: &str) -> Option<Problem> {
    match answer {
        Value::Object(fields) if fields.get("code").and_then(Value::as_str) == Some(code) && fields.contains_key("touched") => {
            serde_json::from_value(answer.clone()).ok().map(|view| problem_shown(&view))
        }
        Value::Object(fields) => fields.values().find_map(|value| problem_in(value, code)),
        Value::Array(items) => items.iter().find_map(|value| problem_in(value, code)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// The same problem that a command's view shows. Retrying is no part of the text.
pub fn problem_shown(view: &api::views::ProblemView) -> Problem {
    let touched = match view.touched {
        api::views::TouchedView::Nothing => Touched::Nothing,
        api::views::TouchedView::SettingsOnly => Touched::SettingsOnly,
        api::views::TouchedView::Books => Touched::Books,
        api::views::TouchedView::Unknown => Touched::Unknown,
    };
    let mut problem = problem_of(&StoredProblem {
        code: view.code.clone(),
        touched,
        what: view.what.clone(),
        why: view.why.clone(),
        next: view.next.clone(),
        retry: ledger::Retry::Never,
        also: Vec::new(),
    });
    problem.also = view.also.iter().map(problem_shown).collect();
    problem
}
