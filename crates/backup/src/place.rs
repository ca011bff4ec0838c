//! A place: where one encrypted repository lives. Local folders now (also on a USB disk or a mounted share).
//!
//! A place is shaped by its kind, so that SFTP, S3 and WebDAV are further variants with a strict backend each.

use ledger::Problem;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

use crate::problems;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Place {
    Folder { folder: PathBuf },
}

impl Place {
    /// Errors: `E-BACKUP-PLACE` for a path that is relative, not UTF-8, or has a line break (it is printed on the kit).
    pub fn folder(folder: impl Into<PathBuf>) -> Result<Place, Problem> {
        let folder = folder.into();
        let printable = folder.to_str().is_some_and(|text| !text.chars().any(char::is_control));
        if !printable || !folder.is_absolute() {
            return Err(problems::place(
                &folder,
                "The folder must be given in full, from the root on, and in plain characters.",
            ));
        }
        Ok(Place::Folder { folder })
    }

    pub fn path(&self) -> &Path {
        match self {
            Place::Folder { folder } => folder,
        }
    }
}
