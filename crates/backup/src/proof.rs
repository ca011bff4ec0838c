//! The one type that an upgrade accepts: a backup that was copied, read back, restored, and opened.
//!
//! It can only be made by `prove`, which compares everything again itself and then asks the caller to open the
//! restored books and recompute their totals. A backup in which something could not be saved is no rollback point.

use ledger::Problem;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::host::{Checked, Copied, Restored};
use crate::manifest::{Manifest, hash_file, walk};
use crate::place::Place;
use crate::problems;

#[derive(Debug)]
pub struct VerifiedBackup {
    place: Place,
    id: String,
    manifest: Manifest,
    manifest_sha256: String,
    restored_dir: PathBuf,
}

impl VerifiedBackup {
    pub fn place(&self) -> &Place {
        &self.place
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Names exactly what was verified; goes into the plan and the journal.
    pub fn manifest_sha256(&self) -> &str {
        &self.manifest_sha256
    }

    /// The restored copy that was opened; the rehearsal runs on it.
    pub fn restored_dir(&self) -> &Path {
        &self.restored_dir
    }
}

/// Makes a [`VerifiedBackup`], or says what is missing: `E-BACKUP-MISMATCH`, `-INCOMPLETE`, `-DAMAGED`, or what `proof` found.
/// `proof` gets the restored folder and the manifest: it opens the books and recomputes totals and counts.
pub fn prove(
    copied: Copied,
    checked: Checked,
    restored: Restored,
    proof: &dyn Fn(&Path, &Manifest) -> Result<(), Problem>,
) -> Result<VerifiedBackup, Problem> {
    let mut other = Vec::new();
    if checked.id.as_deref() != Some(&copied.id) || restored.id != copied.id {
        other.push("The backup that was copied, the one that was read back and the one that was restored are not the same.".to_owned());
    }
    if checked.place != copied.place || restored.place != copied.place {
        other.push("They were not all in the same place.".to_owned());
    }
    if !other.is_empty() {
        return Err(problems::mismatch(&other));
    }
    if !copied.manifest.about.missing.is_empty() {
        return Err(problems::incomplete(&copied.manifest.about.missing));
    }
    let restored = restored.whole()?;
    if restored.manifest.as_ref() != Some(&copied.manifest) || restored.manifest_sha256.as_ref() != Some(&copied.manifest_sha256) {
        return Err(problems::mismatch(&[
            "The restored list of files is not the one that was copied.".into()
        ]));
    }
    let findings = compare(&restored.to, &copied.manifest);
    if !findings.is_empty() {
        return Err(problems::mismatch(&findings));
    }
    proof(&restored.to, &copied.manifest)?;
    Ok(VerifiedBackup {
        place: copied.place,
        id: copied.id,
        manifest: copied.manifest,
        manifest_sha256: copied.manifest_sha256,
        restored_dir: restored.to,
    })
}

/// The folder as it is now, hashed again: nothing is taken over from the restore's own report.
fn compare(dir: &Path, manifest: &Manifest) -> Vec<String> {
    let mut findings = Vec::new();
    let mut present = BTreeSet::new();
    if let Err(why) = walk(dir, "", 0, &mut present) {
        findings.push(why);
    }
    for file in &manifest.files {
        present.remove(&file.path);
        match hash_file(&dir.join(&file.path)) {
            Ok((size, sha256)) if size == file.size && sha256 == file.sha256 => {}
            Ok(_) => findings.push(format!("{} is not what was backed up.", file.path)),
            Err(why) => findings.push(format!("{}: {why}", file.path)),
        }
    }
    findings.extend(present.into_iter().map(|path| format!("{path} was not in the backup.")));
    findings
}
