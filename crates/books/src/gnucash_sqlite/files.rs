//! Files: names beside the book, fingerprints, consistent copies, kept earlier books, and reaching the disk.
//!
//! Never copies the live file byte by byte: SQLite writes the copy, so that it is consistent. Never removes the book.

use super::{schema, whole};
use crate::book::Fingerprint;
use crate::problems::*;
use jiff::Timestamp;
use ledger::Problem;
use sha2::{Digest, Sha256};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The first bytes of every SQLite file.
const SQLITE_HEADER: &[u8; 16] = b"SQLite format 3\0";
const GZIP_HEADER: &[u8; 2] = &[0x1f, 0x8b];
/// A copy is tried anew this often when another program writes meanwhile.
const MOST_COPY_TRIES: usize = 3;

/// The real file behind links, so that a swap replaces the book and not a link to it.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, Problem> {
    let missing = |why: String| {
        Problem::new(
            E_BOOKS_MISSING,
            format!("There are no books at {}.", path.display()),
            why,
            "Choose the file again; if it lies on another disk or a network folder, connect that first.",
        )
    };
    match std::fs::canonicalize(path) {
        Ok(real) if real.is_file() => Ok(real),
        Ok(_) => Err(missing("This is a folder, not a file.".into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound || error.kind() == io::ErrorKind::NotADirectory => {
            Err(missing("The file does not exist.".into()))
        }
        Err(error) => Err(disk_problem("looking for the books", &error)),
    }
}

/// Tells apart at a glance: SQLite, GnuCash's XML form, something else, something cut short.
pub(super) fn check_header(path: &Path) -> Result<(), Problem> {
    let mut start = Vec::new();
    let file = File::open(path).doing("opening the books")?;
    file.take(512).read_to_end(&mut start).doing("opening the books")?;
    if start.starts_with(SQLITE_HEADER) {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&start);
    let xml = start.starts_with(GZIP_HEADER) || text.contains("<gnc-v2");
    let (why, next) = if xml {
        (
            "It looks like GnuCash's XML form.",
            "Open it in GnuCash, choose File > Save As with the data format \"sqlite3\", and choose that new file.",
        )
    } else if start.is_empty() {
        ("The file is empty.", "Choose another file, or restore a backup.")
    } else {
        (
            "It does not begin like a SQLite file.",
            "Choose the file that GnuCash opens; if this is it, restore a backup.",
        )
    };
    Err(Problem::new(
        E_BOOKS_NOT_GNUCASH,
        format!("{} is not a GnuCash book in SQLite form.", path.display()),
        why,
        next,
    ))
}

/// `prefix` + the book's name + `suffix`, in the book's folder.
pub(super) fn beside(path: &Path, prefix: &str, suffix: &str) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!("{prefix}{name}{suffix}"))
}

/// The working copy. One name, because Changeover's lock allows one writer.
pub(super) fn partial(path: &Path) -> PathBuf {
    beside(path, ".changeover-", ".partial")
}

pub(super) async fn fingerprint(path: &Path) -> Result<Fingerprint, Problem> {
    let path = path.to_path_buf();
    // Hashing is work for a thread of its own; a book may be large.
    match tokio::task::spawn_blocking(move || hash(&path)).await {
        Ok(result) => result,
        Err(error) => Err(disk_problem("taking their fingerprint", &io::Error::other(error))),
    }
}

fn hash(path: &Path) -> Result<Fingerprint, Problem> {
    let doing = "taking their fingerprint";
    let mut hasher = Sha256::new();
    match hash_file(&mut hasher, path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Problem::new(
                E_BOOKS_MISSING,
                format!("There are no books at {}.", path.display()),
                "The file does not exist.",
                "Choose the file again; if it lies on another disk or a network folder, connect that first.",
            ));
        }
        other => other.doing(doing)?,
    }
    for suffix in ["-wal", "-journal"] {
        let side = beside(path, "", suffix);
        if std::fs::metadata(&side).is_ok_and(|about| about.len() > 0) {
            hasher.update(suffix.as_bytes());
            match hash_file(&mut hasher, &side) {
                // It was finished between the two looks.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other.doing(doing)?,
            }
        }
    }
    Ok(Fingerprint(hex::encode(hasher.finalize())))
}

fn hash_file(hasher: &mut Sha256, path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0_u8; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        hasher.update(&buffer[..read]);
    }
}

/// A consistent copy at `to`, which must not exist yet. Errors leave nothing at `to`.
pub(super) async fn copy(db: &mut SqliteConnection, to: &Path) -> Result<(), Problem> {
    let Some(target) = to.to_str() else {
        return Err(disk_problem(
            "copying them",
            &io::Error::new(io::ErrorKind::InvalidInput, "the folder's name is not valid UTF-8"),
        ));
    };
    let result = sqlx::query("VACUUM INTO ?1").bind(target).execute(db).await.doing("copying them");
    match result {
        Ok(_) => Ok(()),
        Err(problem) => Err(remove_after(problem, to)),
    }
}

/// Removes a file that must not stay behind a failure; failing at that stands beside the problem.
pub(super) fn remove_after(problem: Problem, path: &Path) -> Problem {
    let mut problem = problem;
    for file in [path.to_path_buf(), beside(path, "", "-journal")] {
        match std::fs::remove_file(&file) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => problem = problem.beside(disk_problem(&format!("removing {}", file.display()), &error)),
        }
    }
    problem
}

/// Rows per table, GnuCash's lock left out.
pub(super) async fn counts(db: &mut SqliteConnection) -> Result<BTreeMap<String, i64>, Problem> {
    let doing = "counting their rows";
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'gnclock' AND name NOT LIKE 'sqlite%'")
            .fetch_all(&mut *db)
            .await
            .doing(doing)?;
    let mut counts = BTreeMap::new();
    for table in tables {
        let sql = format!("SELECT count(*) FROM \"{}\"", table.replace('"', "\"\""));
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *db).await.doing(doing)?;
        counts.insert(table, count);
    }
    Ok(counts)
}

/// Changes whenever another connection has written.
pub(super) async fn data_version(db: &mut SqliteConnection) -> Result<i64, Problem> {
    sqlx::query_scalar("PRAGMA data_version")
        .fetch_one(db)
        .await
        .doing("asking whether they changed")
}

pub(super) async fn snapshot(path: &Path, dir: &Path) -> Result<PathBuf, Problem> {
    check_header(&resolve(path)?)?;
    let to = dir.join(path.file_name().unwrap_or_default());
    if to.exists() {
        return Err(Problem::new(
            E_BOOKS_DISK,
            "The books were not copied.",
            format!("There is already a file at {}.", to.display()),
            "Choose an empty folder for the copy.",
        ));
    }
    let mut live = schema::read_only(path).await?;
    for _ in 0..MOST_COPY_TRIES {
        let version = data_version(&mut live).await?;
        let expected = counts(&mut live).await?;
        copy(&mut live, &to).await?;
        let unchanged = data_version(&mut live).await? == version;
        match prove_copy(&to, unchanged.then_some(&expected)).await {
            Ok(()) if unchanged => {
                if let Err(problem) = sync_file(&to).and_then(|()| sync_folder(dir)) {
                    return Err(remove_after(problem, &to));
                }
                return Ok(to);
            }
            Ok(()) => std::fs::remove_file(&to).doing("copying them again")?,
            Err(problem) => return Err(remove_after(problem, &to)),
        }
    }
    Err(Problem::new(
        E_BOOKS_CHANGED,
        "The books were not copied.",
        format!("Another program wrote to them during each of {MOST_COPY_TRIES} copies."),
        "Close other programs that use the books, then try again.",
    ))
}

async fn prove_copy(copy: &Path, expected: Option<&BTreeMap<String, i64>>) -> Result<(), Problem> {
    // The copy is nobody's open book, so it must not say so.
    let mut db = schema::private_copy(copy).await?;
    sqlx::query("DELETE FROM gnclock").execute(&mut db).await.doing("copying them")?;
    close(db).await?;
    let mut db = schema::read_only(copy).await?;
    let bytes = fingerprint(copy).await?;
    whole::check(&mut db, copy, &bytes).await?;
    let found = counts(&mut db).await?;
    close(db).await?;
    match expected {
        Some(expected) if *expected != found => {
            let differences = expected
                .iter()
                .filter(|(table, count)| found.get(*table) != Some(count))
                .map(|(table, count)| {
                    format!(
                        "\"{table}\": {count} rows in the books, {} in the copy.",
                        found.get(table).copied().unwrap_or(0)
                    )
                })
                .collect();
            Err(with_findings(
                E_BOOKS_READBACK,
                "The copy of the books does not match them.",
                differences,
                "Check the disk that the copy is written to, then try again.",
            ))
        }
        Some(_) | None => Ok(()),
    }
}

pub(super) async fn close(db: SqliteConnection) -> Result<(), Problem> {
    use sqlx::Connection;
    db.close().await.doing("closing them")
}

pub(super) fn sync_file(path: &Path) -> Result<(), Problem> {
    File::options()
        .read(true)
        .write(true)
        .open(path)
        .and_then(|file| file.sync_all())
        .doing("bringing them safely to the disk")
}

pub(super) fn sync_folder(dir: &Path) -> Result<(), Problem> {
    // Only Unix lets a folder be opened and synced; elsewhere renames are journalled by the file system.
    if cfg!(unix) {
        File::open(dir)
            .and_then(|dir| dir.sync_all())
            .doing("bringing them safely to the disk")
    } else {
        Ok(())
    }
}

pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

const KEPT_END: &str = ".changeover";

fn kept_start(path: &Path) -> String {
    beside(path, "", ".before-")
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Earlier books, oldest first: their names sort by time.
pub(super) fn kept(path: &Path) -> Result<Vec<PathBuf>, Problem> {
    let doing = "listing earlier books";
    let start = kept_start(path);
    let mut kept = Vec::new();
    for item in std::fs::read_dir(folder_of(path)).doing(doing)? {
        let item = item.doing(doing)?;
        let name = item.file_name().to_string_lossy().into_owned();
        if name.starts_with(&start) && name.ends_with(KEPT_END) {
            kept.push(item.path());
        }
    }
    kept.sort();
    Ok(kept)
}

/// Most earlier books of one second; a thousand changes in a second is no real life.
const MOST_KEPT_A_SECOND: usize = 9_999;

/// Gives the live file a second name before it is replaced, so that it is never without one.
pub(super) fn keep(path: &Path, now: Timestamp) -> Result<PathBuf, Problem> {
    let doing = "keeping the earlier books";
    let stamp = now.strftime("%Y%m%dT%H%M%SZ");
    for number in 1..=MOST_KEPT_A_SECOND {
        let to = beside(path, "", &format!(".before-{stamp}-{number:04}{KEPT_END}"));
        match std::fs::hard_link(path, &to) {
            Ok(()) => return Ok(to),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // Some file systems have no hard links. Nobody may write now (Changeover's lock, and the fingerprint is
            // compared afterwards), so a copy is as good, only slower.
            Err(_) => {
                return match std::fs::copy(path, &to).doing(doing).and_then(|_| sync_file(&to)) {
                    Ok(()) => Ok(to),
                    Err(problem) => Err(remove_after(problem, &to)),
                };
            }
        }
    }
    Err(disk_problem(
        doing,
        &io::Error::new(io::ErrorKind::AlreadyExists, "too many earlier books of the same second"),
    ))
}

/// Removes a working copy, and a kept name that a crash left on the live file itself. The caller holds the lock.
pub(super) fn clean_up(path: &Path) -> Result<Vec<PathBuf>, Problem> {
    let doing = "cleaning up after an interrupted change";
    let mut removed = Vec::new();
    let copy = partial(path);
    for file in [
        beside(&copy, "", "-journal"),
        beside(&copy, "", "-wal"),
        beside(&copy, "", "-shm"),
        copy,
    ] {
        match std::fs::remove_file(&file) {
            Ok(()) => removed.push(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(disk_problem(doing, &error)),
        }
    }
    for file in kept(path)? {
        if is_live(path, &file) {
            std::fs::remove_file(&file).doing(doing)?;
            removed.push(file);
        }
    }
    Ok(removed)
}

#[cfg(unix)]
fn is_live(path: &Path, kept: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (std::fs::metadata(path), std::fs::metadata(kept)) {
        (Ok(a), Ok(b)) => a.dev() == b.dev() && a.ino() == b.ino(),
        _ => false,
    }
}

/// Without inode numbers a kept name is never taken for a leftover; pruning removes it in time.
#[cfg(not(unix))]
fn is_live(_path: &Path, _kept: &Path) -> bool {
    false
}
