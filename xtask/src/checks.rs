//! The fifty numbered checks of a desktop sign-in: which tests show each, and how they ended in this run.
//!
//! A Rust test names its numbers in a line of its own right above it: `// Check 12, 13.` A test of another area or
//! language is named in `docs/sign-in-checks.md`: `- Check 18: ui/tests/journeys.test.ts: the test's name`. A number
//! without a test fails a test of this file. It must never call a check shown whose tests did not run.

use crate::shell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const CHECKS: u32 = 50;
const MARK: &str = "// Check ";
const LIST: &str = "docs/sign-in-checks.md";
const LISTED: &str = "- Check ";
/// Where marked tests may stand.
const FOLDERS: &[&str] = &["crates", "tests"];

/// A test, by the file it stands in and its name there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Test {
    file: String,
    name: String,
}

/// How tests ended: Rust tests by the last part of their name, the page's tests by their file.
pub type Ended = BTreeMap<String, bool>;

/// Notes what a line of a test runner says about one test ("test a::b ... ok") or one file of the page's (" ✓ tests/a.test.ts (5 tests)").
pub fn note(line: &str, ended: &mut Ended) {
    let line = line.trim();
    if let Some((path, result)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")) {
        let good = result.starts_with("ok");
        if good || result.starts_with("FAILED") {
            let name = path.rsplit("::").next().unwrap_or(path).to_string();
            *ended.entry(name).or_insert(true) &= good;
        }
        return;
    }
    for (sign, good) in [("✓ ", true), ("❯ ", false), ("✗ ", false)] {
        let file = line.strip_prefix(sign).and_then(|rest| rest.split(' ').next());
        if let Some(file) = file.filter(|file| file.ends_with(".test.ts")) {
            *ended.entry(format!("ui/{file}")).or_insert(true) &= good;
        }
    }
}

/// Every number with its tests, and every fault of the marks.
fn all() -> (BTreeMap<u32, Vec<Test>>, Vec<String>) {
    let (mut found, mut wrong) = (BTreeMap::<u32, Vec<Test>>::new(), Vec::new());
    let mut files = Vec::new();
    for folder in FOLDERS {
        rust_files(&shell::root().join(folder), &mut files);
    }
    files.sort();
    for path in files {
        let name = path.strip_prefix(shell::root()).unwrap_or(&path).display().to_string();
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        for (numbers, test) in marks(&name, &text, &mut wrong) {
            for number in numbers {
                found.entry(number).or_default().push(Test { file: name.clone(), name: test.clone() });
            }
        }
    }
    let list = std::fs::read_to_string(shell::root().join(LIST)).unwrap_or_default();
    for line in list.lines().filter_map(|line| line.strip_prefix(LISTED)) {
        match listed(line) {
            Some((numbers, test)) => {
                let there = std::fs::read_to_string(shell::root().join(&test.file)).is_ok_and(|text| text.contains(&test.name));
                if !there {
                    wrong.push(format!("{LIST}: {} holds no test \"{}\"", test.file, test.name));
                }
                for number in numbers {
                    found.entry(number).or_default().push(test.clone());
                }
            }
            None => wrong.push(format!("{LIST}: \"{LISTED}{line}\" is not \"{LISTED}NUMBER: FILE: NAME\"")),
        }
    }
    wrong.extend(found.keys().filter(|number| !(1..=CHECKS).contains(number)).map(|number| format!("there is no check {number}")));
    (found, wrong)
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
}

fn numbers(text: &str) -> Option<Vec<u32>> {
    text.split(',').map(|number| number.trim().parse().ok()).collect()
}

fn listed(line: &str) -> Option<(Vec<u32>, Test)> {
    let mut parts = line.splitn(3, ": ");
    let (of, file, name) = (numbers(parts.next()?)?, parts.next()?, parts.next()?);
    Some((of, Test { file: file.trim().to_string(), name: name.trim().to_string() }))
}

/// The marks of one file with the tests below them.
fn marks(file: &str, text: &str, wrong: &mut Vec<String>) -> Vec<(Vec<u32>, String)> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(of) = line.strip_prefix(MARK).and_then(|rest| numbers(rest.strip_suffix('.')?)) else { continue };
        let above: Vec<&str> = lines[at + 1..].iter().copied().take_while(|line| line.starts_with("#[")).collect();
        let name = lines.get(at + 1 + above.len()).and_then(|line| line.split("fn ").nth(1)?.split('(').next());
        match name {
            Some(name) if above.iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test")) => found.push((of, name.to_string())),
            Some(_) | None => wrong.push(format!("{file}:{}: stands above no test", at + 1)),
        }
    }
    found
}

/// The table. A check is shown when every test of it that ran has passed, and one did run.
pub fn print(ended: &Ended) {
    let (found, _) = all();
    println!("\n{:<6} {:<9} tests (the sign-in's fifty numbered checks, {LIST})", "check", "result");
    let mut shown = 0;
    for number in 1..=CHECKS {
        let tests = found.get(&number).map_or(&[][..], Vec::as_slice);
        let results: Vec<Option<bool>> = tests.iter().map(|test| result(test, ended)).collect();
        let word = overall(&results);
        shown += u32::from(word == "passed");
        let names: Vec<String> = tests.iter().map(|test| format!("{}: {}", test.file, test.name)).collect();
        println!("{number:<6} {word:<9} {}", names.join(&format!("\n{:<17}", "")));
    }
    println!("{shown} of {CHECKS} checks passed");
}

fn result(test: &Test, ended: &Ended) -> Option<bool> {
    ended.get(if test.file.ends_with(".ts") { &test.file } else { &test.name }).copied()
}

fn overall(results: &[Option<bool>]) -> &'static str {
    match () {
        () if results.is_empty() => "NO TEST",
        () if results.contains(&Some(false)) => "FAILED",
        () if results.contains(&Some(true)) => "passed",
        () => "not run",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_of_a_desktop_sign_in_has_a_test_that_names_it() {
        let (found, wrong) = all();
        assert!(wrong.is_empty(), "{wrong:#?}");
        let without: Vec<u32> = (1..=CHECKS).filter(|number| !found.contains_key(number)).collect();
        assert!(without.is_empty(), "no test names check {without:?}");
    }

    #[test]
    fn a_mark_belongs_to_the_test_right_below_it_or_is_a_fault() {
        let mut wrong = Vec::new();
        let text = "// Check 3, 12.\n#[tokio::test(flavor = \"multi_thread\")]\nasync fn one() {\n// Check 4.\nfn helper() {}\n// Check the rest.\n// Check 5.\n\n#[test]\nfn far() {}\n";
        assert_eq!(marks("a.rs", text, &mut wrong), [(vec![3, 12], "one".to_string())]);
        assert_eq!(wrong, ["a.rs:4: stands above no test", "a.rs:7: stands above no test"]);
        assert!(listed("18, 49: ui/tests/a.test.ts: says: so").is_some_and(|(of, test)| of == [18, 49] && test.name == "says: so"));
        assert!(listed("eighteen: a: b").is_none() && listed("18: a").is_none());
    }

    #[test]
    fn a_check_passes_only_by_a_test_that_ran() {
        let mut ended = Ended::new();
        for line in ["test refresh::one ... ok", "test two ... FAILED", "test three ... ok (0.2 s)", " ✓ tests/house.test.ts (5 tests) 9ms", "test result: ok. 3 passed", "test two ... ok"] {
            note(line, &mut ended);
        }
        let of = |file: &str, name: &str| result(&Test { file: file.into(), name: name.into() }, &ended);
        assert_eq!((of("a.rs", "one"), of("a.rs", "two"), of("a.rs", "three"), of("a.rs", "four")), (Some(true), Some(false), Some(true), None));
        assert_eq!((of("ui/tests/house.test.ts", "x"), of("ui/tests/words.test.ts", "x")), (Some(true), None));
        assert_eq!((overall(&[]), overall(&[None]), overall(&[None, Some(true)]), overall(&[Some(true), Some(false)])), ("NO TEST", "not run", "passed", "FAILED"));
    }
}
