//! Measuring a program from outside: wall time and the most memory it and its children held.
//!
//! Reads `/proc`, so it measures on Linux only; elsewhere the memory is given as unknown.

use std::collections::HashMap;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(50);

pub struct Measured {
    pub seconds: f64,
    /// Most memory that the program and everything it started held at one moment, in bytes; pages that several of them share count once.
    pub peak_bytes: Option<u64>,
    pub code: Option<i32>,
}

/// Runs a command to its end while looking at its memory.
pub fn measure(command: &mut Command) -> Result<Measured, String> {
    let begun = Instant::now();
    let mut child =
        command.spawn().map_err(|error| format!("{} could not be started: {error}.", command.get_program().to_string_lossy()))?;
    let mut peak = None;
    loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok(Measured { seconds: begun.elapsed().as_secs_f64(), peak_bytes: peak, code: status.code() });
        }
        peak = peak.max(tree_bytes(child.id()));
        std::thread::park_timeout(LOOK_EVERY);
    }
}

/// What a process and all its descendants hold now. Pages that they share (the worker is the same program as its parent)
/// are in memory once, so each process counts its part of them. The process's own high-water mark is the least that
/// is given, so that a short peak between two looks is not missed.
fn tree_bytes(top: u32) -> Option<u64> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if let Some(parent) = parent_of(process) {
            children.entry(parent).or_default().push(process);
        }
    }
    let mut total = rollup_bytes(top)?;
    let mut waiting = children.remove(&top).unwrap_or_default();
    while let Some(process) = waiting.pop() {
        total += rollup_bytes(process).unwrap_or(0);
        waiting.extend(children.remove(&process).unwrap_or_default());
    }
    Some(total.max(status_bytes(top, "VmHWM:")?))
}

fn parent_of(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in brackets may hold spaces; the parent is the second word after it.
    stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()
}

fn rollup_bytes(process: u32) -> Option<u64> {
    bytes_in(&format!("/proc/{process}/smaps_rollup"), "Pss:")
}

fn status_bytes(process: u32, row: &str) -> Option<u64> {
    bytes_in(&format!("/proc/{process}/status"), row)
}

fn bytes_in(file: &str, row: &str) -> Option<u64> {
    let status = fs::read_to_string(file).ok()?;
    let line = status.lines().find(|line| line.starts_with(row))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
