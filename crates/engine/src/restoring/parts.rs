//! Which part of a backup is wanted, and what its files are called.
//!
//! Pure. A part is compared with its own hashes when it comes back; that is no proof of the rest, and whoever shows it says so.

use backup::{FileRole, Manifest, ManifestFile};
use ledger::{Code, Problem};

pub const E_RESTORE_PART: Code = Code("E-RESTORE-PART");

/// What shall be brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Everything,
    /// The book alone.
    Book,
    /// Set-up, account roles and settings; never a secret, for there is none in a backup.
    Settings,
    /// These, by their path in the backup or by their name.
    Files(Vec<String>),
}

impl Part {
    /// As a person writes it: nothing, `book`, `settings`, or names of files.
    pub fn of(words: &[String]) -> Part {
        match words {
            [] => Part::Everything,
            [one] if one == "everything" => Part::Everything,
            [one] if one == "book" => Part::Book,
            [one] if one == "settings" => Part::Settings,
            files => Part::Files(files.to_vec()),
        }
    }

    /// What it is, in a sentence's middle: "the book", "3 files".
    pub fn words(&self) -> String {
        match self {
            Part::Everything => "everything".to_string(),
            Part::Book => "the book".to_string(),
            Part::Settings => "the settings".to_string(),
            Part::Files(files) if files.len() == 1 => "one file".to_string(),
            Part::Files(files) => format!("{} files", files.len()),
        }
    }

    pub fn is_everything(&self) -> bool {
        *self == Part::Everything
    }

    /// The files of a backup that belong to the part.
    /// Errors: `E-RESTORE-PART` naming every wanted file that the backup does not hold, or that is not clear.
    pub fn files<'m>(&self, manifest: &'m Manifest) -> Result<Vec<&'m ManifestFile>, Problem> {
        let chosen: Vec<&ManifestFile> = match self {
            Part::Everything => manifest.files.iter().collect(),
            Part::Book => manifest.files.iter().filter(|file| file.role == FileRole::Book).collect(),
            Part::Settings => manifest.files.iter().filter(|file| is_setting(file.role)).collect(),
            Part::Files(wanted) => {
                let mut faults = Vec::new();
                let mut chosen = Vec::new();
                for name in wanted {
                    match by_name(manifest, name) {
                        Ok(file) if chosen.contains(&file) => {}
                        Ok(file) => chosen.push(file),
                        Err(why) => faults.push(why),
                    }
                }
                let mut faults = faults.into_iter();
                if let Some(first) = faults.next() {
                    return Err(faults.fold(not_there(first), Problem::because));
                }
                chosen
            }
        };
        match chosen.is_empty() {
            true => Err(not_there(format!("The backup holds no file of {}.", self.words()))),
            false => Ok(chosen),
        }
    }
}

fn not_there(why: String) -> Problem {
    Problem::new(
        E_RESTORE_PART,
        "What is to be restored is not in this backup.",
        why,
        "Look into the backup for the names of its files, or choose another backup.",
    )
}

fn is_setting(role: FileRole) -> bool {
    matches!(role, FileRole::ConnectorSetup | FileRole::Mappings | FileRole::Settings)
}

/// The exact path, else the only file of that name.
fn by_name<'m>(manifest: &'m Manifest, name: &str) -> Result<&'m ManifestFile, String> {
    if let Some(file) = manifest.files.iter().find(|file| file.path == name) {
        return Ok(file);
    }
    let named: Vec<&ManifestFile> = manifest.files.iter().filter(|file| file.path.rsplit('/').next() == Some(name)).collect();
    match named.as_slice() {
        [only] => Ok(only),
        [] => Err(format!("There is no file \"{name}\".")),
        several => {
            let paths: Vec<&str> = several.iter().map(|file| file.path.as_str()).collect();
            Err(format!("\"{name}\" is not clear: {}.", paths.join(", ")))
        }
    }
}

/// What a file of a backup is, in a person's words.
pub fn what_it_is(file: &ManifestFile) -> &'static str {
    match file.role {
        FileRole::Book => "the book",
        FileRole::ConnectorSetup => "how the accounts are connected",
        FileRole::Mappings => "which account plays which role",
        FileRole::IdentityMap => "which payments are in the book already",
        FileRole::RawRecords => "the payments as they were read",
        FileRole::Journal => "the log",
        FileRole::Settings => "the settings",
        FileRole::Other => "a file",
    }
}

/// As [`what_it_is`], for a path that a damaged backup names.
pub fn what_is_lost(manifest: Option<&Manifest>, path: &str) -> &'static str {
    if path == backup::manifest::MANIFEST_NAME {
        return "the backup's own list of files";
    }
    let Some(manifest) = manifest else { return by_path(path) };
    manifest.files.iter().find(|file| file.path == path).map_or("a file", what_it_is)
}

/// Where the list of files is lost too, the place and name that backups use still tell what a file was.
fn by_path(path: &str) -> &'static str {
    if crate::backups::is_book_path(path) {
        return "the book";
    }
    match path {
        crate::backups::SET_UP_FILE => "how the accounts are connected",
        "account-roles.json" => "which account plays which role",
        "settings.json" => "the settings",
        "log.jsonl" => "the log",
        other if other.starts_with("identity-map-") => "which payments are in the book already",
        other if other.starts_with("records-") => "the payments as they were read",
        _ => "a file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backup::About;

    fn manifest(files: &[(&str, FileRole)]) -> Manifest {
        Manifest {
            format: backup::manifest::FORMAT,
            about: About {
                at: jiff::Timestamp::UNIX_EPOCH,
                company_id: "c".into(),
                company_name: "C".into(),
                made_by: "test".into(),
                totals: Vec::new(),
                per_day_digest: None,
                counts: Default::default(),
                missing: Vec::new(),
            },
            files: files.iter().map(|(path, role)| ManifestFile { path: (*path).into(), size: 1, sha256: String::new(), role: *role }).collect(),
        }
    }

    #[test]
    fn a_part_is_chosen_by_its_word_its_path_or_its_name() {
        let backup = manifest(&[
            ("book/b.gnucash", FileRole::Book),
            ("connector-set-up.json", FileRole::ConnectorSetup),
            ("account-roles.json", FileRole::Mappings),
            ("settings.json", FileRole::Settings),
            ("log.jsonl", FileRole::Journal),
            ("a/scan.pdf", FileRole::Other),
            ("b/scan.pdf", FileRole::Other),
        ]);
        let paths = |words: &[&str]| {
            let part = Part::of(&words.iter().map(|w| w.to_string()).collect::<Vec<_>>());
            part.files(&backup).map(|files| files.iter().map(|f| f.path.clone()).collect::<Vec<_>>())
        };
        assert_eq!(paths(&[]).unwrap().len(), 7);
        assert_eq!(paths(&["book"]).unwrap(), ["book/b.gnucash"]);
        assert_eq!(paths(&["settings"]).unwrap(), ["connector-set-up.json", "account-roles.json", "settings.json"]);
        assert_eq!(paths(&["b.gnucash", "log.jsonl", "log.jsonl"]).unwrap(), ["book/b.gnucash", "log.jsonl"]);
        assert_eq!(paths(&["b/scan.pdf"]).unwrap(), ["b/scan.pdf"]);
        let problem = paths(&["scan.pdf", "nowhere", "log.jsonl"]).unwrap_err();
        assert_eq!((problem.code, problem.why.len()), (E_RESTORE_PART, 2), "{problem}");
        assert!(problem.why[0].contains("a/scan.pdf, b/scan.pdf"), "{problem}");
        let without = manifest(&[("log.jsonl", FileRole::Journal)]);
        assert_eq!(Part::Book.files(&without).unwrap_err().code, E_RESTORE_PART);
        assert_eq!(what_is_lost(Some(&backup), "log.jsonl"), "the log");
        for (path, what) in [("book/b.gnucash", "the book"), ("log.jsonl", "the log"), ("scan.pdf", "a file"), ("manifest.json", "the backup's own list of files")] {
            assert_eq!(what_is_lost(None, path), what, "the list itself is lost");
        }
    }
}
