//! `cargo xtask faults`: the sweeps in full. The tests run the same code on a sample.
//!
//! The sweeps live in `tests/tests/faults`; here they are only told to leave nothing out.

use crate::packages::{self, Need};
use crate::shell;

pub fn run(arguments: &[String]) -> Result<(), String> {
    packages::ensure(Need::QuickTest)?;
    shell::step("Building", shell::cargo().args(["build", "--bins", "--tests", "--test", "faults"]))?;
    let mut command = shell::cargo();
    command.args(["test", "--test", "faults", "--"]).args(arguments).args(["--nocapture", "--test-threads=1"]);
    command.env("CHANGEOVER_SWEEP", "full").env("CHANGEOVER_BIN", shell::target().join("debug/changeover"));
    shell::step("Sweeping every fault", &mut command)
}
