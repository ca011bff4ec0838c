//! The error museum: every code can be provoked, and its text is exactly the committed one.
//!
//! After a deliberate change of wording: `CHANGEOVER_MUSEUM=write cargo test -p changeover-tests
//! --test museum`, then read the difference before committing it.

use changeover_tests::errors::{self, Exhibit};
use changeover_tests::museum::{AREAS, Absent, MOST_UNREACHABLE, OWED, UNREACHABLE};
use changeover_tests::sources;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::catch_unwind;
use std::sync::LazyLock;

/// What one area showed, and what it could not show.
struct Shown {
    exhibits: Vec<Exhibit>,
    failed: Vec<String>,
}

/// Every exhibit, provoked once; the areas side by side, because many provocations wait.
static SHOWN: LazyLock<Vec<Shown>> = LazyLock::new(|| {
    let writing = std::env::var("CHANGEOVER_MUSEUM").is_ok_and(|value| value == "write");
    let rooms: Vec<_> = AREAS.iter().map(|area| std::thread::spawn(move || (area.name, area.provoke.iter().map(catch_unwind).collect::<Vec<_>>()))).collect();
    let mut shown = Vec::new();
    for room in rooms {
        let (name, provoked) = room.join().expect("a room catches its own panics");
        let mut here = Shown { exhibits: Vec::new(), failed: Vec::new() };
        for (number, exhibit) in provoked.into_iter().enumerate() {
            match exhibit {
                Ok(exhibit) => here.exhibits.push(exhibit),
                Err(_) => here.failed.push(format!("provocation {} of {name} did not end in its error; see above", number + 1)),
            }
        }
        if writing {
            here.exhibits.iter().for_each(|exhibit| errors::write(exhibit.code, &exhibit.text()));
        }
        shown.push(here);
    }
    shown
});

fn exhibits() -> impl Iterator<Item = &'static Exhibit> {
    SHOWN.iter().flat_map(|area| &area.exhibits)
}

fn absent() -> impl Iterator<Item = &'static Absent> {
    UNREACHABLE.iter().chain(OWED)
}

#[test]
fn every_error_reads_exactly_as_exhibited() {
    let mut wrong: Vec<String> = SHOWN.iter().flat_map(|area| area.failed.clone()).collect();
    for exhibit in exhibits() {
        let text = exhibit.text();
        match errors::committed(exhibit.code) {
            Some(expected) if expected == text => {}
            Some(expected) => wrong.push(format!("{}\n--- exhibited\n{expected}\n--- said\n{text}\n", exhibit.code)),
            None => wrong.push(format!("{} has no tests/errors/{}/text.txt; it says\n{text}\n", exhibit.code, exhibit.code)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_code_is_provoked_once_and_has_its_folder() {
    let mut wrong = Vec::new();
    let mut declared: BTreeMap<String, &str> = BTreeMap::new();
    let mut provoked: BTreeSet<String> = BTreeSet::new();
    for area in AREAS {
        for code in (area.codes)() {
            if let Some(other) = declared.insert(code.0.to_string(), area.name) {
                wrong.push(format!("{code} is declared by {other} and by {}", area.name));
            }
        }
    }
    for exhibit in exhibits() {
        if !provoked.insert(exhibit.code.to_string()) {
            wrong.push(format!("{} is provoked twice", exhibit.code));
        }
    }
    let exhibited = errors::exhibited();
    for (code, area) in declared.iter().filter(|(code, _)| absent().all(|absent| absent.code != code.as_str())) {
        if !provoked.contains(code) {
            wrong.push(format!("{code} of {area} is never provoked"));
        }
        if !exhibited.contains(code) {
            wrong.push(format!("{code} of {area} has no folder in tests/errors"));
        }
    }
    for code in exhibited.iter().filter(|code| !declared.contains_key(*code)) {
        wrong.push(format!("tests/errors/{code} belongs to no crate's codes()"));
    }
    for code in provoked.iter().filter(|code| !declared.contains_key(*code)) {
        wrong.push(format!("{code} is provoked but in no crate's codes()"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An excuse that is no longer needed, or never was one, fails.
#[test]
fn what_is_not_exhibited_says_why_and_is_really_absent() {
    let mut wrong = Vec::new();
    let written = written_in_the_source();
    let exhibited = errors::exhibited();
    let mut seen = BTreeSet::new();
    for Absent { code, why } in absent() {
        if !seen.insert(code) {
            wrong.push(format!("{code} stands here twice"));
        }
        if !written.contains_key(*code) {
            wrong.push(format!("{code} is not in the source any more; take it off the list"));
        }
        if exhibited.contains(*code) || exhibits().any(|exhibit| exhibit.code == *code) {
            wrong.push(format!("{code} is exhibited; take it off the list"));
        }
        if why.split_whitespace().count() < 5 || !why.ends_with('.') {
            wrong.push(format!("{code} needs its reason in a sentence"));
        }
    }
    if UNREACHABLE.len() > MOST_UNREACHABLE {
        wrong.push(format!("{} codes are called unreachable; at most {MOST_UNREACHABLE} may be", UNREACHABLE.len()));
    }
    for Absent { code, why } in OWED {
        println!("owed to the museum: {code}. {why}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A code that a crate forgets to list would otherwise escape the museum.
#[test]
fn every_code_written_in_the_source_is_declared() {
    let mut declared: BTreeSet<String> = AREAS.iter().flat_map(|area| (area.codes)()).map(|code| code.0.to_string()).collect();
    declared.extend(OWED.iter().map(|owed| owed.code.to_string()));
    let wrong: Vec<String> =
        written_in_the_source().into_iter().filter(|(code, _)| !declared.contains(code)).map(|(code, file)| format!("{file}: {code}")).collect();
    assert!(wrong.is_empty(), "in no codes():\n{}", wrong.join("\n"));
}

/// Codes and the files that declare them; codes that only tests make up are left out.
fn written_in_the_source() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for file in sources::files("crates", &[".rs"]).into_iter().chain(sources::files("src-tauri", &[".rs"])) {
        let name = sources::named(&file);
        if name.contains("/tests/") {
            continue;
        }
        let text = sources::text(&file);
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (at, _) in product.match_indices("Code(\"") {
            let code: String = product[at + 6..].chars().take_while(|c| *c != '"').collect();
            found.insert(code, name.clone());
        }
    }
    found
}

#[test]
fn every_exhibited_text_has_its_four_parts_and_blames_nobody() {
    // The texts of this run must be written before they are read.
    LazyLock::force(&SHOWN);
    let mut wrong = Vec::new();
    for code in errors::exhibited() {
        let Some(text) = errors::committed(&code) else {
            wrong.push(format!("{code} has no text.txt"));
            continue;
        };
        let head = text.lines().next().unwrap_or_default();
        let touched = ["Nothing was changed.", "Your books were not touched;", "Entries were written to your books.", "It is not yet known whether"];
        if !head.starts_with(&format!("{code}  ")) || !touched.iter().any(|sentence| head.contains(sentence)) {
            wrong.push(format!("{code}: the first line must be the code, what happened, and what was touched: {head}"));
        }
        if !text.contains("\n  Why:   ") || !text.contains("\n  Next:  ") {
            wrong.push(format!("{code}: a part is missing:\n{text}"));
        }
        for word in ["something went wrong", "oops", "invalid input", "unknown error", "!"] {
            if text.to_lowercase().contains(word) {
                wrong.push(format!("{code} says \"{word}\""));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
