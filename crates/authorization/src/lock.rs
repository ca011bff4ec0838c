//! One file lock per credential, so that window, terminal and background run never renew the same access at once.
//!
//! The lock belongs to an open file: the system frees it when its process ends, however it ends. The file's
//! content means nothing and the file is never deleted (deleting a lock file is how two processes come to hold it).

use crate::problems::E_CREDENTIAL_BUSY;
use ledger::{Problem, Retry};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

/// Longer than a renewal may take.
const DEADLINE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(15);

/// Held until dropped.
pub(crate) struct Held(#[allow(dead_code)] File);

pub(crate) async fn hold(folder: &Path, name: &str) -> Result<Held, Problem> {
    let open = || -> std::io::Result<File> {
        make_private(folder)?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(folder.join(name))
    };
    let busy = |why: String, retry: Retry| {
        Problem::new(
            E_CREDENTIAL_BUSY,
            "Another running Changeover is using this sign-in.",
            why,
            "Wait a moment and try again. If it stays like this, close the other window or terminal of Changeover.",
        )
        .retrying(retry)
    };
    let unusable = |e: std::io::Error| {
        Problem::new(
            E_CREDENTIAL_BUSY,
            "This sign-in cannot be used, because nobody can tell whether another Changeover is using it.",
            format!("The folder of the locks, {}, cannot be used: {e}.", folder.display()),
            "Check that Changeover's folder can be written, then try again.",
        )
    };
    let file = open().map_err(unusable)?;
    let waiting = async {
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(PAUSE).await,
                Err(TryLockError::Error(e)) => return Err(e),
            }
        }
    };
    match tokio::time::timeout(DEADLINE, waiting).await {
        Ok(Ok(())) => Ok(Held(file)),
        Ok(Err(e)) => Err(unusable(e)),
        Err(_) => Err(busy(
            format!("It has been renewing it for {} seconds.", DEADLINE.as_secs()),
            Retry::Later { after_seconds: 60 },
        )),
    }
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
