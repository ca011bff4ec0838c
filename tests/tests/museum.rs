//! The error museum: every code can be provoked, and its text is exactly the committed one.
//!
//! After a deliberate change of wording: `CHANGEOVER_MUSEUM=write cargo test -p changeover-tests
//! --test museum`, then read the difference before committing it.

use changeover_tests::errors;
use changeover_tests::museum::AREAS;
use changeover_tests::sources;
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn every_error_reads_exactly_as_exhibited() {
    let writing = std::env::var("CHANGEOVER_MUSEUM").is_ok_and(|value| value == "write");
    let mut wrong = Vec::new();
    for area in AREAS {
        for provoke in area.provoke {
            let exhibit = provoke();
            let text = exhibit.text();
            if writing {
                errors::write(exhibit.code, &text);
                continue;
            }
            match errors::committed(exhibit.code) {
                Some(expected) if expected == text => {}
                Some(expected) => wrong.push(format!("{}\n--- exhibited\n{expected}\n--- said\n{text}\n", exhibit.code)),
                None => wrong.push(format!("{} has no tests/errors/{}/text.txt; it says\n{text}\n", exhibit.code, exhibit.code)),
            }
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
        for provoke in area.provoke {
            let code = provoke().code;
            if !provoked.insert(code.to_string()) {
                wrong.push(format!("{code} is provoked twice"));
            }
        }
    }
    let exhibited = errors::exhibited();
    for (code, area) in &declared {
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

/// A code that a crate forgets to list would otherwise escape the museum.
#[test]
fn every_code_written_in_the_source_is_declared() {
    let declared: BTreeSet<String> = AREAS.iter().flat_map(|area| (area.codes)()).map(|code| code.0.to_string()).collect();
    let mut wrong = Vec::new();
    for file in sources::files("crates", &[".rs"]).into_iter().chain(sources::files("src-tauri", &[".rs"])) {
        let text = sources::text(&file);
        for at in text.match_indices("Code(\"").map(|(at, _)| at) {
            let code: String = text[at + 6..].chars().take_while(|c| *c != '"').collect();
            if !declared.contains(&code) {
                wrong.push(format!("{}: {code}", sources::named(&file)));
            }
        }
    }
    assert!(wrong.is_empty(), "in no codes():\n{}", wrong.join("\n"));
}

#[test]
fn every_exhibited_text_has_its_four_parts_and_blames_nobody() {
    let mut wrong = Vec::new();
    for code in errors::exhibited() {
        let Some(text) = errors::committed(&code) else {
            wrong.push(format!("{code} has no text.txt"));
            continue;
        };
        let head = text.lines().next().unwrap_or_default();
        let touched =
            ["Nothing was changed.", "Your books were not touched;", "Entries were written to your books.", "It is not yet known whether"];
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
