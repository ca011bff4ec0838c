//! The museum's child process; see `museum/child.rs`.

fn main() -> std::process::ExitCode {
    changeover_tests::museum::child::main()
}
