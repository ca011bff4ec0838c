//! `cargo xtask bench`: the goals in figures, measured on this computer in a release build.
//!
//! The unattended practice upgrade (time, memory), and posting its entries to an empty GnuCash book
//! by us and by GnuCash's own Python engine; `access`: what signing costs. It prints; it judges nothing that it did not measure.

use crate::packages::{self, Need};
use crate::{memory, shell};
use std::fs;

/// The goals that the figures stand beside.
const UPGRADE_SECONDS: f64 = 30.0;
const UPGRADE_MEGABYTES: f64 = 200.0;

pub fn run(arguments: &[String]) -> Result<(), String> {
    if arguments == ["access"] {
        packages::ensure(Need::Bench)?;
        let mut access = shell::cargo();
        return shell::step("Signing requests, and checking many connections", access.args(["bench", "--package", "authorization", "--bench", "access"]));
    }
    let seed = match arguments {
        [] => "7".to_string(),
        [flag, seed] if flag == "--seed" => seed.clone(),
        other => return Err(format!("`cargo xtask bench` takes --seed N, access or nothing, not {other:?}.")),
    };
    packages::ensure(Need::Bench)?;
    shell::step("Building the release (several minutes the first time)", shell::cargo().args(["build", "--release", "--package", "cli"]))?;
    let home = shell::target().join("bench-home");
    if home.exists() {
        fs::remove_dir_all(&home).map_err(|error| format!("{} could not be removed: {error}.", home.display()))?;
    }
    let changeover = shell::target().join("release/changeover");
    let mut command = shell::program(&changeover.to_string_lossy());
    command.arg("--home").arg(&home).args(["practice", "run", "--seed", &seed]);
    shell::say("The practice upgrade");
    let measured = memory::measure(&mut command)?;
    let megabytes = measured.peak_bytes.map(|bytes| bytes as f64 / 1e6);
    println!("\npractice upgrade, seed {seed}, {} processors", std::thread::available_parallelism().map_or(0, usize::from));
    println!("  wall time   {:>8.1} s    goal {UPGRADE_SECONDS} s", measured.seconds);
    match megabytes {
        Some(megabytes) => println!("  peak memory {megabytes:>8.1} MB   goal {UPGRADE_MEGABYTES} MB"),
        None => println!("  peak memory  unknown on this system"),
    }
    if measured.code != Some(0) {
        return Err(format!("The upgrade did not end well (status {:?}); the figures above are those of a failure.", measured.code));
    }
    let mut posting = shell::cargo();
    posting.args(["run", "--release", "--package", "changeover-tests", "--bin", "bench-posting", "--", &seed]);
    shell::step("Posting the same entries with our engine and with GnuCash's", &mut posting)
}
