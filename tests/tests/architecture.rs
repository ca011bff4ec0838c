//! The house rules that a compiler does not hold: who may know whom, what the pure crates may not
//! do, and how every file begins.
//!
//! A new crate is one row in `ARROWS`. A rule is changed here and in `ARCHITECTURE.md` together.

use changeover_tests::program::root;
use changeover_tests::sources::{code_only, files, named, text};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use syn::visit::Visit;

/// Each crate of ours and every crate of ours that it may name.
const ARROWS: &[(&str, &[&str])] = &[
    ("ledger", &[]),
    ("upgrade", &["ledger"]),
    ("reconcile", &["ledger"]),
    ("connector", &["ledger"]),
    ("books", &["ledger"]),
    ("authorization", &["ledger"]),
    ("backup", &["ledger"]),
    ("journal", &["ledger"]),
    ("practice", &[]),
    ("engine", &["ledger", "connector", "books", "authorization", "backup", "upgrade", "reconcile", "journal"]),
    // The practice company's servers are started by a command, and both hosts share one table of commands.
    // Views are made from what the engine hands out, so `api` reads the types of every crate below it; the terminal
    // prints some of them itself. Neither calls past the engine to change anything.
    ("api", &["ledger", "engine", "practice", "authorization", "backup", "books", "connector", "journal", "reconcile", "upgrade"]),
    ("cli", &["ledger", "engine", "api", "practice", "authorization", "backup", "books", "journal", "upgrade"]),
    ("changeover-window", &["ledger", "engine", "api"]),
    ("xtask", &[]),
];

/// The package that tests everything and so may know everything but the window.
const TESTS: &str = "changeover-tests";

const PURE: &[&str] = &["ledger", "upgrade", "reconcile"];

/// Crates that a pure crate may not depend on.
const IMPURE_CRATES: &[&str] =
    &["tokio", "sqlx", "reqwest", "getrandom", "axum", "fs4", "rustls", "tempfile", "keyring", "keyring-core", "rand"];

/// What pure code may not say.
const IMPURE_CODE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "tokio::",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "TimeZone::system",
    "async fn",
    ".await",
    "println!",
    "eprintln!",
    "thread_rng",
    "getrandom",
];

/// Longest file: beyond it there is more than one thing in it.
const LONGEST_FILE: usize = 900;

/// Enums whose every variant is matched by name.
const CLOSED: &[&str] = &["State", "Event", "Verdict", "Stage", "Mode", "Owner", "Effect"];

struct Package {
    name: String,
    folder: String,
    /// Kind of table ("dependencies" …) and the name of each dependency.
    dependencies: Vec<(String, String)>,
}

fn packages() -> Vec<Package> {
    let mut manifests = files("crates", &["Cargo.toml"]);
    for folder in ["src-tauri", "tests", "xtask"] {
        manifests.push(root().join(folder).join("Cargo.toml"));
    }
    manifests.iter().map(|path| package(path)).collect()
}

fn package(path: &Path) -> Package {
    let manifest: toml::Table = text(path).parse().unwrap_or_else(|error| panic!("{}: {error}", named(path)));
    let name = manifest["package"]["name"].as_str().expect("a package has a name").to_string();
    let mut dependencies = Vec::new();
    let mut tables = vec![&manifest];
    if let Some(targets) = manifest.get("target").and_then(toml::Value::as_table) {
        tables.extend(targets.values().filter_map(toml::Value::as_table));
    }
    for table in tables {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let names = table.get(kind).and_then(toml::Value::as_table).into_iter().flat_map(|table| table.iter());
            dependencies.extend(names.map(|(name, value)| {
                let real = value.get("package").and_then(toml::Value::as_str).unwrap_or(name);
                (kind.to_string(), real.to_string())
            }));
        }
    }
    let folder = named(path.parent().expect("a manifest lies in a folder"));
    Package { name, folder, dependencies }
}

fn none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{} found:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn dependencies_point_only_where_the_plan_lets_them() {
    let packages = packages();
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in packages.iter().filter(|package| package.name != TESTS) {
        let Some(allowed) = arrows.get(package.name.as_str()) else {
            wrong.push(format!("{} has no row in ARROWS", package.name));
            continue;
        };
        for (kind, name) in package.dependencies.iter().filter(|(_, name)| ours.contains(name.as_str())) {
            // A crate may be tested against the practice servers, which speak HTTP like the real ones.
            let tested = kind == "dev-dependencies" && name == "practice";
            if !allowed.contains(&name.as_str()) && !tested {
                wrong.push(format!("{} may not know {name} ({kind})", package.name));
            }
        }
    }
    for (name, _) in ARROWS.iter().filter(|(name, _)| !ours.contains(name)) {
        wrong.push(format!("ARROWS names {name}, which does not exist"));
    }
    none(wrong);
}

#[test]
fn only_the_window_names_tauri() {
    let mut wrong = Vec::new();
    for package in packages().iter().filter(|package| package.name != "changeover-window") {
        for (_, name) in package.dependencies.iter().filter(|(_, name)| name.starts_with("tauri")) {
            wrong.push(format!("{} depends on {name}", package.name));
        }
    }
    for file in files("crates", &[".rs"]) {
        if code_only(&text(&file)).contains("tauri::") {
            wrong.push(named(&file));
        }
    }
    none(wrong);
}

#[test]
fn only_the_pages_host_folder_imports_tauri() {
    let mut wrong = Vec::new();
    for file in files("ui/src", &[".ts", ".svelte", ".js"]) {
        if !named(&file).starts_with("ui/src/host") && text(&file).contains("@tauri-apps") {
            wrong.push(named(&file));
        }
    }
    none(wrong);
}

#[test]
fn pure_crates_have_no_clock_disk_network_randomness_or_async() {
    let packages = packages();
    let mut wrong = Vec::new();
    for package in packages.iter().filter(|package| PURE.contains(&package.name.as_str())) {
        for (kind, name) in &package.dependencies {
            if kind != "dev-dependencies" && IMPURE_CRATES.contains(&name.as_str()) {
                wrong.push(format!("{} depends on {name}", package.name));
            }
        }
        for file in files(&format!("{}/src", package.folder), &[".rs"]) {
            let source = text(&file);
            let code = code_only(&without_tests(&source));
            for word in IMPURE_CODE.iter().filter(|word| code.contains(**word)) {
                wrong.push(format!("{} says {word}", named(&file)));
            }
        }
    }
    none(wrong);
}

/// Everything before the file's own unit tests, which may read files and clocks.
fn without_tests(source: &str) -> String {
    source.split("#[cfg(test)]").next().unwrap_or_default().to_string()
}

#[test]
fn every_module_opens_by_saying_what_it_is_for() {
    let mut wrong = Vec::new();
    for package in packages() {
        for file in files(&package.folder, &[".rs"]) {
            let source = text(&file);
            let first = source.lines().find(|line| !line.starts_with("#![") && !line.trim().is_empty()).unwrap_or_default();
            if !first.starts_with("//! ") {
                wrong.push(format!("{}: {first}", named(&file)));
            }
        }
    }
    none(wrong);
}

#[test]
fn no_file_holds_more_than_one_thing() {
    let mut wrong = Vec::new();
    for folder in ["crates", "src-tauri", "tests", "xtask", "ui/src"] {
        for file in files(folder, &[".rs", ".ts", ".svelte"]) {
            let name = named(&file);
            let lines = text(&file).lines().count();
            let generated = name.contains("generated") || name.contains("bindings") || name.contains("paraglide");
            if lines > LONGEST_FILE && !generated {
                wrong.push(format!("{name} has {lines} lines"));
            }
        }
    }
    none(wrong);
}

#[test]
fn nothing_is_left_undone_or_ignored() {
    let words = [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("#[ig", "nore"), concat!("dbg", "!(")];
    let mut wrong = Vec::new();
    for package in packages() {
        for file in files(&package.folder, &[".rs"]) {
            let code = code_only(&text(&file));
            for word in words.iter().filter(|word| code.contains(**word)) {
                wrong.push(format!("{} says {word}", named(&file)));
            }
        }
    }
    let skipped = [".skip(", ".only(", ".todo("];
    for file in files("ui/src", &[".test.ts"]).into_iter().chain(files("ui/tests", &[".ts"])) {
        let source = text(&file);
        for word in skipped.iter().filter(|word| ["it", "test", "describe"].iter().any(|head| source.contains(&format!("{head}{word}")))) {
            wrong.push(format!("{} says {word}", named(&file)));
        }
    }
    none(wrong);
}

#[test]
fn every_variant_of_the_upgrades_life_is_matched_by_name() {
    let mut wrong = Vec::new();
    for folder in ["crates/upgrade/src", "crates/engine/src", "crates/api/src", "crates/cli/src", "src-tauri/src"] {
        for file in files(folder, &[".rs"]) {
            let parsed = syn::parse_file(&text(&file)).unwrap_or_else(|error| panic!("{}: {error}", named(&file)));
            let mut looker = CatchAll { found: Vec::new() };
            looker.visit_file(&parsed);
            wrong.extend(looker.found.into_iter().map(|what| format!("{}: {what}", named(&file))));
        }
    }
    none(wrong);
}

/// Finds `match`es that name a variant of a closed enum in one arm and catch the rest in another.
struct CatchAll {
    found: Vec<String>,
}

impl<'ast> Visit<'ast> for CatchAll {
    fn visit_expr_match(&mut self, node: &'ast syn::ExprMatch) {
        let named: BTreeSet<String> = node.arms.iter().flat_map(|arm| closed_enums(&arm.pat)).collect();
        if !named.is_empty() && node.arms.iter().any(|arm| arm.guard.is_none() && catches_all(&arm.pat)) {
            let names: Vec<String> = named.into_iter().collect();
            self.found.push(format!("a match on {} catches the rest without naming it", names.join(", ")));
        }
        syn::visit::visit_expr_match(self, node);
    }
}

fn catches_all(pattern: &syn::Pat) -> bool {
    match pattern {
        syn::Pat::Wild(_) => true,
        syn::Pat::Ident(name) => name.subpat.is_none() && name.ident.to_string().starts_with(|c: char| c.is_lowercase()),
        syn::Pat::Tuple(tuple) => tuple.elems.iter().all(catches_all),
        _ => false,
    }
}

fn closed_enums(pattern: &syn::Pat) -> Vec<String> {
    struct Paths(Vec<String>);
    impl<'ast> Visit<'ast> for Paths {
        fn visit_path(&mut self, path: &'ast syn::Path) {
            let parts: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            if let [.., owner, _variant] = parts.as_slice() {
                if CLOSED.contains(&owner.as_str()) {
                    self.0.push(owner.clone());
                }
            }
            syn::visit::visit_path(self, path);
        }
    }
    let mut paths = Paths(Vec::new());
    paths.visit_pat(pattern);
    paths.0
}

#[test]
fn a_catch_all_beside_a_named_variant_is_found() {
    let find = |source: &str| {
        let mut looker = CatchAll { found: Vec::new() };
        looker.visit_file(&syn::parse_str(source).expect("Rust"));
        looker.found.len()
    };
    assert_eq!(find("fn f(s: Stage) { match s { Stage::Draft => 1, _ => 2 }; }"), 1);
    assert_eq!(find("fn f(s: Stage) { match (s, 1) { (upgrade::Stage::Draft, _) => 1, (_, _) => 2 }; }"), 1);
    assert_eq!(find("fn f(s: Stage) { match s { Stage::Draft => 1, other => 2 }; }"), 1);
    assert_eq!(find("fn f(s: Stage) { match s { Stage::Draft => 1, Stage::Planned => 2 }; }"), 0);
    assert_eq!(find("fn f(s: &str) { match s { \"a\" => 1, _ => 2 }; }"), 0);
}

#[test]
fn no_dependency_turns_on_what_would_break_exact_money_or_the_keychain() {
    let mut wrong = Vec::new();
    let mut manifests = files("crates", &["Cargo.toml"]);
    manifests.extend(["Cargo.toml", "src-tauri/Cargo.toml", "tests/Cargo.toml", "xtask/Cargo.toml"].map(|name| root().join(name)));
    for path in manifests {
        let source = text(&path);
        let lines = source.lines().filter(|line| !line.trim_start().starts_with('#'));
        for line in lines {
            if line.contains("arbitrary_precision") {
                wrong.push(format!("{}: {line}", named(&path)));
            }
            if line.trim_start().starts_with("zbus") && line.contains("tokio") {
                wrong.push(format!("{}: {line}", named(&path)));
            }
        }
    }
    none(wrong);
}
