//! `cargo xtask codegen`: the page's types, written again from the command table in `api`.
//!
//! The files are committed; a test of `api` fails when they are stale.

use crate::shell;

pub fn run(arguments: &[String]) -> Result<(), String> {
    if let Some(word) = arguments.first() {
        return Err(format!("`cargo xtask codegen` takes nothing, not \"{word}\"."));
    }
    let mut command = shell::cargo();
    command.args(["test", "--package", "api", "--lib", "typescript"]).env("CHANGEOVER_CODEGEN", "1");
    shell::step("Writing the page's types", &mut command)
}
