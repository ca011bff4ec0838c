//! Names every command of the one table for the permission system, so that a command which no capability grants
//! cannot be called from the page. It must never list a command itself.

#[macro_use]
#[path = "../crates/api/src/commands.rs"]
#[allow(dead_code)]
mod commands;

fn main() {
    println!("cargo:rerun-if-changed=../crates/api/src/commands.rs");
    // The permission list lives as long as the build script; there is exactly one.
    let names: &'static [&'static str] = Box::leak(commands::names().into_boxed_slice());
    let attributes = tauri_build::Attributes::new().app_manifest(tauri_build::AppManifest::new().commands(names));
    if let Err(error) = tauri_build::try_build(attributes) {
        eprintln!("{error:#}");
        std::process::exit(1);
    }
}
