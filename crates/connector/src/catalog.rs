//! The connector packages that this installation knows.
//!
//! It must never offer a package beside a faulty one as if nothing were wrong: one bad file refuses the whole
//! catalog, with every fault. A new built-in package is one row in `BUILT_IN` and its file.

use crate::package::{E_PACKAGE, Package, superseded_faults};
use ledger::{Code, Problem};
use std::path::Path;

pub const E_CATALOG_READ: Code = Code("E-CATALOG-READ");
pub(crate) const CODES: &[Code] = &[E_CATALOG_READ];

/// Most packages in a folder.
const MOST_PACKAGES: usize = 500;

const BUILT_IN: &[(&str, &str)] = &[
    (
        "catalog/connectors/square/1.yaml",
        include_str!("../../../catalog/connectors/square/1.yaml"),
    ),
    (
        "catalog/connectors/square/2.yaml",
        include_str!("../../../catalog/connectors/square/2.yaml"),
    ),
];

/// Checked packages, by name and version.
#[derive(Debug)]
pub struct Catalog {
    packages: Vec<Package>,
    access_only: Vec<Package>,
}

impl Catalog {
    /// The packages that come with Changeover. Errors: `E-PACKAGE`.
    pub fn builtin() -> Result<Catalog, Problem> {
        Catalog::of(BUILT_IN.iter().map(|(file, text)| (file.to_string(), text.to_string())))
    }

    /// The packages of a folder with one folder per connector. Errors: `E-PACKAGE`, `E-CATALOG-READ`.
    pub fn load(folder: &Path) -> Result<Catalog, Problem> {
        let mut files = Vec::new();
        for connector in entries(folder)? {
            if connector.is_dir() {
                files.extend(
                    entries(&connector)?
                        .into_iter()
                        .filter(|file| file.extension().is_some_and(|ending| ending == "yaml")),
                );
            }
        }
        if files.len() > MOST_PACKAGES {
            return Err(unreadable(
                folder,
                format!("It holds {} packages; at most {MOST_PACKAGES} are read.", files.len()),
            ));
        }
        let mut texts = Vec::new();
        for file in files {
            let text = std::fs::read_to_string(&file).map_err(|error| unreadable(&file, format!("{error}.")))?;
            texts.push((file.display().to_string(), text));
        }
        Catalog::of(texts)
    }

    fn of(texts: impl IntoIterator<Item = (String, String)>) -> Result<Catalog, Problem> {
        let mut packages: Vec<Package> = Vec::new();
        let mut why: Vec<String> = Vec::new();
        for (file, text) in texts {
            match Package::parse(&file, &text) {
                Ok(package) => packages.push(package),
                Err(problem) => why.extend(problem.why),
            }
        }
        packages.sort_by(|one, two| (&one.name, &one.version).cmp(&(&two.name, &two.version)));
        for pair in packages.windows(2) {
            if pair[0].name == pair[1].name && pair[0].version == pair[1].version {
                why.push(format!(
                    "{}:1: connector {} version {} is also in {}",
                    pair[1].file, pair[1].name, pair[1].version, pair[0].file
                ));
            }
        }
        for new in &packages {
            let Some(from) = new.supersedes.as_ref().map(|supersedes| &supersedes.from) else {
                continue;
            };
            if let Some(old) = packages.iter().find(|old| old.name == new.name && old.version == *from) {
                why.extend(superseded_faults(new, old));
            }
        }
        if why.is_empty() {
            return Ok(Catalog { packages, access_only: Vec::new() });
        }
        let mut problem = Problem::new(
            E_PACKAGE,
            "The catalog of connectors cannot be used.",
            String::new(),
            "Correct the files named here, or reinstall Changeover.",
        );
        problem.why = why;
        Err(problem)
    }

    /// With packages that only keep access; they are found by name and version, and never offered as connectors.
    pub fn with_access_only(mut self, packages: impl IntoIterator<Item = Package>) -> Catalog {
        self.access_only.extend(packages.into_iter().filter(Package::is_access_only));
        self
    }

    pub fn connector(&self, name: &str, version: &str) -> Option<&Package> {
        self.packages
            .iter()
            .chain(&self.access_only)
            .find(|package| package.name == name && package.version == version)
    }

    /// By name, then version.
    pub fn connectors(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter()
    }

    /// The version that replaces this one, if the catalog has it.
    pub fn successor(&self, package: &Package) -> Option<&Package> {
        self.packages
            .iter()
            .find(|new| new.name == package.name && new.supersedes.as_ref().is_some_and(|it| it.from == package.version))
    }
}

fn entries(folder: &Path) -> Result<Vec<std::path::PathBuf>, Problem> {
    let read = |error: std::io::Error| unreadable(folder, format!("{error}."));
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(read)? {
        paths.push(entry.map_err(read)?.path());
    }
    paths.sort();
    Ok(paths)
}

fn unreadable(path: &Path, why: String) -> Problem {
    Problem::new(
        E_CATALOG_READ,
        format!("The connectors in {} cannot be read.", path.display()),
        why,
        "Check the folder and who may read it.",
    )
}
