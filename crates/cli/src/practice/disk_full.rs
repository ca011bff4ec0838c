//! The story "disk full": there is no room for the backup, so the upgrade may not begin.
//!
//! The disk is a real one and really full: a small disk in memory is put over the practice backups for one process and
//! filled up. Only Linux can do that for a single process, and only where the system allows it; elsewhere the story is
//! refused rather than played. It must never fill a disk that anybody uses.

use super::RunArguments;
use super::power_cut::child;
use crate::ending::Ending;
use crate::terminal::Terminal;
use api::practice_company::E_PRACTICE_STORY;
use ledger::Problem;
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

/// Room beyond what the backups of the day before take, filled up before anything else happens.
const ROOM_BYTES: u64 = 256 * 1024;

/// Mounts, puts the earlier backups back, fills the rest, and becomes the program. `$1` is the folder, `$2` its size in
/// bytes, the rest is the program with its arguments; nothing is ever built into the script's text.
const SCRIPT: &str = r#"
set -eu
folder=$1; size=$2; shift 2
earlier=$(mktemp -d)
cp -a "$folder/." "$earlier/"
mount -t tmpfs -o "size=$size,mode=0700" tmpfs "$folder"
cp -a "$earlier/." "$folder/"
rm -rf "$earlier"
cat /dev/zero > "$folder/full" 2>/dev/null || true
exec "$@"
"#;

pub async fn tell(terminal: &Terminal, arguments: RunArguments) -> Result<Ending, Problem> {
    let Some(alone) = way_to_be_alone(&std::env::temp_dir()).await else {
        return Err(Problem::new(
            E_PRACTICE_STORY,
            "The story \"disk-full\" cannot be told on this computer.",
            "A small full disk for one process needs Linux and the permission to make namespaces, and this system does not give it.",
            "Choose another story; `changeover practice stories` lists them.",
        ));
    };
    let first = child(terminal, &super::make_arguments(&arguments, &["--part", "until-backup"]), None).await?;
    if !first.success() {
        return Err(not_told(format!("Making the company ended with {first}.")));
    }
    terminal.screen.say("The disk for the backups is full:");
    let backups = terminal.home.join("practice").join("backups");
    let size = folder_bytes(&backups).map_err(|error| engine::home::cannot_use(&backups, &error))? + ROOM_BYTES;
    let program = std::env::current_exe().map_err(|error| not_told(format!("This program's own path is unknown: {error}.")))?;
    let mut command = Command::new("unshare");
    command
        .args(alone)
        .args(["sh", "-c", SCRIPT, "sh"])
        .arg(&backups)
        .arg(size.to_string())
        .arg(program);
    command.arg("--home").arg(&terminal.home);
    if terminal.screen.json() {
        command.arg("--json");
    }
    command
        .args(super::make_arguments(&arguments, &["--resume"]))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let status = command.status().await.map_err(|error| not_told(format!("unshare: {error}.")))?;
    // The child told the end of the story; its exit status is the story's.
    match status.code() {
        Some(0) => Ok(Ending::Done),
        Some(3) => Ok(Ending::Waiting),
        Some(4) => Ok(Ending::Halted),
        Some(_) | None => Ok(Ending::Failed),
    }
}

fn not_told(why: String) -> Problem {
    Problem::new(
        api::practice_company::E_PRACTICE,
        "The story of the full disk could not be told.",
        why,
        "Run it again, or choose another story.",
    )
}

/// The arguments of `unshare` with which this system gives a process mounts of its own; tried, not guessed.
async fn way_to_be_alone(try_in: &Path) -> Option<&'static [&'static str]> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    const WAYS: &[&[&str]] = &[&["--mount"], &["--user", "--map-root-user", "--mount"]];
    for way in WAYS {
        let tried = Command::new("unshare")
            .args(*way)
            .args(["sh", "-c", "mount -t tmpfs -o size=64k tmpfs \"$1\"", "sh"])
            .arg(try_in)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await;
        if tried.is_ok_and(|status| status.success()) {
            return Some(way);
        }
    }
    None
}

/// What the files take on a disk that hands out whole pages.
fn folder_bytes(folder: &Path) -> std::io::Result<u64> {
    const PAGE: u64 = 4096;
    let mut total = PAGE;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.metadata()?;
        total += if kind.is_dir() {
            folder_bytes(&entry.path())?
        } else {
            kind.len().div_ceil(PAGE) * PAGE + PAGE
        };
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_folder_counts_whole_pages_and_what_lies_deeper() {
        let folder = std::env::temp_dir().join(format!("changeover-cli-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("deeper")).unwrap();
        std::fs::write(folder.join("one"), [0; 10]).unwrap();
        std::fs::write(folder.join("deeper").join("two"), [0; 5000]).unwrap();
        let size = folder_bytes(&folder).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(size, 4096 + (4096 + 4096) + 4096 + (8192 + 4096));
    }
}
