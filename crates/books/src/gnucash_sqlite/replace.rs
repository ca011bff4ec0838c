//! A whole other book in place of the live one: copied beside it, proved to be the same bytes, synced, and renamed.
//!
//! For a restored book. What is true of a change is true here: until the rename the live book is untouched and whatever was made is
//! removed on failure; from the rename on the book is the new one, whole. The old one keeps a name of its own. A book that somebody
//! has open is never replaced.

use super::apply::{Guard, enough_room, ready, same_access};
use super::lock::WriteLock;
use super::{files, schema, whole};
use crate::book::*;
use crate::problems::*;
use jiff::Timestamp;
use ledger::{Problem, Touched};
use std::io;
use std::path::{Path, PathBuf};

type After<'a> = &'a mut (dyn FnMut(Step) -> io::Result<()> + Send);

pub(super) async fn replace(path: &Path, with: &Path, now: Timestamp, after: After<'_>) -> Result<Replaced, Problem> {
    let path = files::resolve(path)?;
    let with = files::resolve(with)?;
    let _lock = WriteLock::take(&path)?;
    files::clean_up(&path)?;
    let before = ready(&path, None).await?;
    after(Step::Locked).doing("putting another book in place")?;
    let copy = files::partial(&path);
    let mut kept = None;
    let bytes = match until_swap(&path, &with, &copy, now, &before, &mut kept, after).await {
        Ok(bytes) => bytes,
        Err(problem) => {
            let made = std::iter::once(copy).chain(kept);
            return Err(made.fold(problem, |problem, file| files::remove_after(problem, &file)));
        }
    };
    let kept = kept.unwrap_or_default();
    match after_swap(&path, &bytes, after).await {
        Ok(()) => Ok(Replaced { before, after: bytes, kept }),
        Err(problem) => Err(problem
            .touching(Touched::Books)
            .because(format!("The book as it was before is in {}.", kept.display()))),
    }
}

async fn until_swap(
    path: &Path,
    with: &Path,
    copy: &Path,
    now: Timestamp,
    before: &Fingerprint,
    kept: &mut Option<PathBuf>,
    after: After<'_>,
) -> Result<Fingerprint, Problem> {
    let doing = "putting another book in place";
    enough_room(path, std::fs::metadata(with).doing(doing)?.len())?;
    let wanted = files::fingerprint(with).await?;
    // Nobody has the restored file open, so its bytes are the book.
    std::fs::copy(with, copy).doing(doing)?;
    same_access(path, copy)?;
    after(Step::Copied).doing(doing)?;
    files::check_header(copy)?;
    let mut db = schema::read_only(copy).await?;
    schema::check(&mut db).await?;
    let bytes = files::fingerprint(copy).await?;
    whole::check(&mut db, copy, &bytes).await?;
    files::close(db).await?;
    if bytes != wanted {
        return Err(with_findings(
            E_BOOKS_READBACK,
            "The copy of the restored book is not equal to it.",
            vec![format!("{} was copied to {}.", with.display(), copy.display())],
            "Check the disk that holds the books, then try again.",
        ));
    }
    after(Step::Checked).doing(doing)?;
    files::sync_file(copy)?;
    after(Step::Synced).doing(doing)?;
    *kept = Some(files::keep(path, now)?);
    files::sync_folder(files::folder_of(path))?;
    after(Step::Kept).doing(doing)?;
    let guard = Guard::take(path, before).await?;
    after(Step::Rechecked).doing(doing)?;
    std::fs::rename(copy, path).doing("putting the restored book in place")?;
    whole::remember(bytes.clone());
    guard.let_go().await;
    Ok(bytes)
}

async fn after_swap(path: &Path, bytes: &Fingerprint, after: After<'_>) -> Result<(), Problem> {
    let doing = "putting another book in place";
    after(Step::Swapped).doing(doing)?;
    files::sync_folder(files::folder_of(path))?;
    after(Step::FolderSynced).doing(doing)?;
    if files::fingerprint(path).await? != *bytes {
        return Err(Problem::new(
            E_BOOKS_READBACK,
            "The book in place is not the restored one.",
            "Its bytes are others directly after it was put in place.",
            "Close other programs that use the book and look at it before you go on.",
        ));
    }
    after(Step::ReadBack).doing(doing)
}
