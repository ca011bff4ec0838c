//! Fresh home folders and copies of whole ones (to try many endings from one state).

use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// An empty home folder that vanishes when dropped. Set `CHANGEOVER_KEEP` to keep it for a look.
pub fn fresh() -> TempDir {
    let mut builder = tempfile::Builder::new();
    builder.prefix("changeover-test-").disable_cleanup(std::env::var_os("CHANGEOVER_KEEP").is_some());
    let parent = crate::program::target().join("homes");
    fs::create_dir_all(&parent).expect("the build folder can be written");
    builder.tempdir_in(parent).expect("the build folder can be written")
}

/// Copies a folder with everything in it. Links are followed: a home folder has none of its own.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the copy can be written");
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("the folder can be read");
        let (old, new) = (entry.path(), to.join(entry.file_name()));
        if old.is_dir() {
            copy(&old, &new);
        } else {
            fs::copy(&old, &new).unwrap_or_else(|error| panic!("{}: {error}", old.display()));
        }
    }
}
