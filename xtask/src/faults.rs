//! `cargo xtask faults`: the sweeps in full. The tests run the same code on a sample.
//!
//! The sweeps live in `tests/tests/faults` and, for `refresh`, in `crates/authorization/tests/renewal_faults.rs`; here
//! they are only told to leave nothing out. A sweep that found something ends this program with a failure.

use crate::packages::{self, Need};
use crate::shell;

/// The name of the sweep over the renewal of access.
const REFRESH: &str = "refresh";

pub fn run(arguments: &[String]) -> Result<(), String> {
    packages::ensure(Need::QuickTest)?;
    let (refresh, others): (Vec<&String>, Vec<&String>) = arguments.iter().partition(|name| *name == REFRESH);
    if arguments.is_empty() || !refresh.is_empty() {
        let mut command = shell::cargo();
        command.args(["test", "--package", "authorization", "--test", "renewal_faults", "--", "--nocapture", "--test-threads=1"]);
        shell::step("Killing programs around a renewal", command.env("CHANGEOVER_SWEEP", "full"))?;
    }
    if !arguments.is_empty() && others.is_empty() {
        return Ok(());
    }
    shell::step("Building", shell::cargo().args(["build", "--bins", "--tests", "--test", "faults"]))?;
    let mut command = shell::cargo();
    command.args(["test", "--test", "faults", "--"]).args(others).args(["--nocapture", "--test-threads=1"]);
    command.env("CHANGEOVER_SWEEP", "full").env("CHANGEOVER_BIN", shell::target().join("debug/changeover"));
    shell::step("Sweeping every fault", &mut command)
}
