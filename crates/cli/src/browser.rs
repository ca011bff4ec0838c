//! Opening a page in the person's own browser.
//!
//! The address is one argument of one program; no shell ever sees it. It must never be logged: it carries the
//! sign-in's state. A further system is one more row in `opener`.

use authorization::OpenPage;
use ledger::Problem;
use std::future::Future;
use std::pin::Pin;
use std::process::Stdio;
use tokio::process::Command;
use url::Url;

/// The browser that the system opens pages with.
pub struct SystemBrowser;

/// No browser: the person opens the address by themselves.
pub struct NoBrowser;

/// The system's program for opening an address, and what stands before the address.
fn opener() -> (&'static str, &'static [&'static str]) {
    if cfg!(windows) {
        // Not `cmd /c start`: a command line would be parsed again, and an address holds `&`.
        ("rundll32", &["url.dll,FileProtocolHandler"])
    } else if cfg!(target_os = "macos") {
        ("open", &[])
    } else {
        ("xdg-open", &[])
    }
}

fn not_opened(why: String) -> Problem {
    Problem::new(
        api::host::E_WINDOW_BROWSER,
        "The browser could not be opened.",
        why,
        "Open the address shown here in any browser on this computer.",
    )
}

impl OpenPage for SystemBrowser {
    fn open<'a>(&'a self, page: &'a Url) -> Pin<Box<dyn Future<Output = Result<(), Problem>> + Send + 'a>> {
        Box::pin(async move {
            let (program, before) = opener();
            let mut child = Command::new(program)
                .args(before)
                .arg(page.as_str())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .map_err(|error| not_opened(format!("{program} cannot be started: {error}.")))?;
            let status = child.wait().await.map_err(|error| not_opened(format!("{program}: {error}.")))?;
            if status.success() {
                Ok(())
            } else {
                Err(not_opened(format!("{program} ended with {status}.")))
            }
        })
    }
}

impl OpenPage for NoBrowser {
    fn open<'a>(&'a self, _page: &'a Url) -> Pin<Box<dyn Future<Output = Result<(), Problem>> + Send + 'a>> {
        Box::pin(async { Err(not_opened("It was asked not to.".to_string())) })
    }
}
