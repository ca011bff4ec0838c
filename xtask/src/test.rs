//! `cargo xtask test`: every test, part by part, with a table at the end.
//!
//! All parts use one selection of packages, so that nothing is compiled twice. A part that fails
//! does not stop the others: a person sees everything that is wrong at once. The last line is
//! "N passed, N failed".

use crate::packages::{self, Need};
use crate::{checks, page, session, shell};
use std::process::Command;
use std::time::Instant;

/// The parts, in order: the window carries the page, so the page comes first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The page: types, unit tests, build.
    Ui,
    /// Unit tests of every crate, the arrows, the error museum.
    Rust,
    /// Whole upgrades through the built program, crash sweeps among them.
    Journeys,
    /// The same upgrade clicked in the real window.
    Window,
}

const PARTS: &[(Part, &str)] = &[(Part::Ui, "ui"), (Part::Rust, "rust"), (Part::Journeys, "journeys"), (Part::Window, "window")];

/// Test programs of `tests/` that `cargo test` alone leaves out, with the part that runs them.
const BY_PART: &[(&str, Part)] = &[("journeys", Part::Journeys), ("faults", Part::Journeys), ("window", Part::Window)];

#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    ended: checks::Ended,
}

struct Row {
    name: &'static str,
    seconds: f64,
    tally: Tally,
    /// Why the part as a whole failed, if it did.
    broken: Option<String>,
}

pub fn run(arguments: &[String]) -> Result<(), String> {
    let chosen = chosen(arguments)?;
    let with_window = chosen.contains(&Part::Window);
    packages::ensure(if with_window { Need::Test } else { Need::QuickTest })?;
    let mut rows = Vec::new();
    for (part, name) in PARTS.iter().filter(|(part, _)| chosen.contains(part)) {
        shell::say(&format!("Part {name}"));
        let begun = Instant::now();
        let mut tally = Tally::default();
        let broken = run_part(*part, with_window, &mut tally).err();
        if broken.is_some() && tally.failed == 0 {
            tally.failed = 1;
        }
        rows.push(Row { name, seconds: begun.elapsed().as_secs_f64(), tally, broken });
    }
    report(&rows)
}

fn chosen(arguments: &[String]) -> Result<Vec<Part>, String> {
    let mut only = Vec::new();
    let mut quick = false;
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => quick = true,
            "--only" => {
                let name = words.next().ok_or("--only needs the name of a part.")?;
                let part = PARTS.iter().find(|(_, known)| known == name);
                only.push(part.ok_or_else(|| format!("There is no part \"{name}\"; parts are {}.", names()))?.0);
            }
            other => return Err(format!("`cargo xtask test` does not know \"{other}\".")),
        }
    }
    if !only.is_empty() {
        return Ok(only);
    }
    Ok(PARTS.iter().map(|(part, _)| *part).filter(|part| !quick || *part != Part::Window).collect())
}

fn names() -> String {
    PARTS.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
}

fn run_part(part: Part, with_window: bool, tally: &mut Tally) -> Result<(), String> {
    match part {
        Part::Ui => ui(tally),
        Part::Rust => rust(with_window, tally),
        Part::Journeys => journeys(with_window, tally),
        Part::Window => window(tally),
    }
}

fn ui(tally: &mut Tally) -> Result<(), String> {
    page::packages()?;
    shell::quiet_step("Checking the page's types", &mut page::npm(&["run", "check"]))?;
    counted("the page's tests", &mut page::npm(&["test"]), tally)?;
    shell::quiet_step("Building the page", &mut page::npm(&["run", "build"]))
}

/// One selection of packages for every part of one run: other selections switch other features on,
/// and everything would be compiled again.
fn selection(command: &mut Command, with_window: bool) -> &mut Command {
    if with_window { command.arg("--workspace") } else { command }
}

fn build(with_window: bool) -> Result<(), String> {
    if with_window {
        page::build()?;
    }
    let mut command = shell::cargo();
    selection(command.arg("build"), with_window).args(["--bins", "--tests"]);
    for (name, part) in BY_PART {
        if with_window || *part != Part::Window {
            command.args(["--test", name]);
        }
    }
    shell::step("Building every program and test", &mut command)
}

fn rust(with_window: bool, tally: &mut Tally) -> Result<(), String> {
    build(with_window)?;
    page::provider_for_tests()?;
    let mut command = shell::cargo();
    selection(command.arg("test"), with_window).arg("--no-fail-fast");
    counted("cargo test", &mut command, tally)
}

fn journeys(with_window: bool, tally: &mut Tally) -> Result<(), String> {
    build(with_window)?;
    let mut command = shell::cargo();
    selection(command.arg("test"), with_window).arg("--no-fail-fast");
    for (name, _) in BY_PART.iter().filter(|(_, part)| *part == Part::Journeys) {
        command.args(["--test", name]);
    }
    command.env("CHANGEOVER_BIN", shell::target().join("debug/changeover"));
    counted("the journeys", &mut command, tally)
}

fn window(tally: &mut Tally) -> Result<(), String> {
    build(true)?;
    session::driver()?;
    counted("the real window", &mut session::outside()?, tally)
}

/// Runs a test command and adds up what its runners say they did.
fn counted(what: &str, command: &mut Command, tally: &mut Tally) -> Result<(), String> {
    let before = tally.passed + tally.failed;
    let good = shell::watched(command, |line| count(line, tally))?;
    if !good {
        return Err(format!("{what}: see the output above."));
    }
    if tally.passed + tally.failed == before {
        return Err(format!("{what}: it ended well but ran no test."));
    }
    Ok(())
}

/// "test result: ok. 12 passed; 0 failed; …" (cargo) and "Tests  1 failed | 12 passed (13)" (vitest).
fn count(line: &str, tally: &mut Tally) {
    let plain = without_colour(line);
    let text = plain.trim();
    checks::note(text, &mut tally.ended);
    if let Some(rest) = text.strip_prefix("test result:") {
        tally.passed += number_before(rest, " passed");
        tally.failed += number_before(rest, " failed");
    } else if let Some(rest) = text.strip_prefix("Tests ") {
        tally.passed += number_before(rest, " passed");
        tally.failed += number_before(rest, " failed");
    }
}

fn number_before(text: &str, word: &str) -> u64 {
    let Some(end) = text.find(word) else { return 0 };
    let head = &text[..end];
    let digits = head.len() - head.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    head[head.len() - digits..].parse().unwrap_or(0)
}

fn without_colour(line: &str) -> String {
    let mut text = String::new();
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            for skipped in characters.by_ref() {
                if skipped.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            text.push(character);
        }
    }
    text
}

fn report(rows: &[Row]) -> Result<(), String> {
    if rows.iter().any(|row| row.name == "rust") {
        checks::print(&rows.iter().flat_map(|row| row.tally.ended.clone()).collect());
    }
    println!("\n{:<12} {:>9} {:>8} {:>8}  result", "part", "seconds", "passed", "failed");
    for row in rows {
        let result = match &row.broken {
            None if row.tally.failed == 0 => "good".to_string(),
            None => "failed".to_string(),
            Some(reason) => format!("failed: {reason}"),
        };
        println!("{:<12} {:>9.1} {:>8} {:>8}  {result}", row.name, row.seconds, row.tally.passed, row.tally.failed);
    }
    let passed: u64 = rows.iter().map(|row| row.tally.passed).sum();
    let failed: u64 = rows.iter().map(|row| row.tally.failed).sum();
    println!("\n{passed} passed, {failed} failed");
    if failed == 0 { Ok(()) } else { Err("Not every test passed.".to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_runners_closing_lines_are_counted() {
        for (line, passed, failed) in [
            ("test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s", 12, 0),
            ("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out", 3, 2),
            ("\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m\u{1b}[31m1 failed\u{1b}[39m\u{1b}[22m | \u{1b}[32m40 passed\u{1b}[39m (41)", 40, 1),
            (" Test Files  9 passed (9)", 0, 0),
            ("12 passed over the bridge", 0, 0),
        ] {
            let mut tally = Tally::default();
            count(line, &mut tally);
            assert_eq!((tally.passed, tally.failed), (passed, failed), "{line}");
        }
    }

    #[test]
    fn every_test_program_that_cargo_test_leaves_out_belongs_to_a_part() {
        let manifest = std::fs::read_to_string(shell::root().join("tests/Cargo.toml")).unwrap();
        let left_out: Vec<&str> = manifest
            .split("[[test]]")
            .skip(1)
            .filter(|section| section.contains("test = false"))
            .filter_map(|section| section.split("name = \"").nth(1)?.split('"').next())
            .collect();
        assert!(!left_out.is_empty());
        for name in left_out {
            assert!(BY_PART.iter().any(|(known, _)| *known == name), "{name} is run by no part");
        }
    }

    #[test]
    fn quick_leaves_out_the_window_only() {
        let parts = chosen(&["--quick".to_string()]).unwrap();
        assert_eq!(parts.len(), PARTS.len() - 1);
        assert!(!parts.contains(&Part::Window));
        assert!(chosen(&["--only".to_string(), "nothing".to_string()]).is_err());
    }
}
