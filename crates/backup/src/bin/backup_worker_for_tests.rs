//! A host binary with nothing but the backup worker, so that this crate's tests use a real child process.

fn main() -> std::process::ExitCode {
    if std::env::args().nth(1).as_deref() == Some(backup::WORKER_ARGUMENT) {
        return backup::worker_main();
    }
    eprintln!("This program is only started by tests.");
    std::process::ExitCode::from(2)
}
