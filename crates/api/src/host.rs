//! What a host lends the engine besides its own work: the way to the person's browser, its folder, and its own waiting
//! for the engine; with the codes of its own trouble.
//!
//! The window implements [`OpenPage`] with the desktop, the terminal with the system's program. It must never
//! carry a secret, nor name tauri: what only the window does stands here so that it can be tested without one.

pub use authorization::OpenPage;
use crate::app::App;
use crate::views::ProblemView;
use ledger::{Code, Problem};
use std::ffi::OsString;
use std::path::PathBuf;
use tokio::sync::watch;
use url::Url;

pub const E_WINDOW_HOME: Code = Code("E-WINDOW-HOME");
pub const E_WINDOW_CLOSING: Code = Code("E-WINDOW-CLOSING");
pub const E_WINDOW_BROWSER: Code = Code("E-WINDOW-BROWSER");
pub const CODES: &[Code] = &[E_WINDOW_HOME, E_WINDOW_CLOSING, E_WINDOW_BROWSER];

/// Where the browser may be sent: https anywhere; http only on this computer (the practice company's servers).
pub fn may_open_in_browser(url: &Url) -> bool {
    if !url.username().is_empty() || url.password().is_some() {
        return false;
    }
    match url.scheme() {
        "https" => url.host_str().is_some(),
        "http" => matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost")),
        _ => false,
    }
}

/// Opens a page with the desktop's own way, which may block. Errors: `E-WINDOW-BROWSER`; the sign-in goes on, with the
/// address to open by hand.
pub async fn open_page(page: &Url, open: impl FnOnce(&str) -> Result<(), String> + Send + 'static) -> Result<(), Problem> {
    if !may_open_in_browser(page) {
        return Err(not_opened("Only https addresses, or pages of this computer, are opened in the browser.".to_owned()));
    }
    let address = page.to_string();
    // The desktop's launcher is watched for a while; the listener for the browser's answer must not wait for that.
    match tokio::task::spawn_blocking(move || open(&address)).await {
        Ok(opened) => opened.map_err(not_opened),
        Err(ended) => Err(not_opened(format!("Starting it broke off: {ended}."))),
    }
}

fn not_opened(why: String) -> Problem {
    Problem::new(
        E_WINDOW_BROWSER,
        "The browser could not be opened.",
        why,
        "Copy the link shown here and open it in any browser on this computer.",
    )
}

/// The folder that was named, or the system's folder for this app's data. Errors: `E-WINDOW-HOME`.
pub fn home(named: Option<OsString>, of_the_system: impl FnOnce() -> Result<PathBuf, String>) -> Result<PathBuf, Problem> {
    match named.filter(|home| !home.is_empty()) {
        Some(home) => Ok(PathBuf::from(home)),
        None => of_the_system().map_err(|why| {
            Problem::new(
                E_WINDOW_HOME,
                "The folder for Changeover's own files was not found.",
                why,
                "Set CHANGEOVER_HOME to a folder of yours, then start Changeover again.",
            )
        }),
    }
}

/// The engine, or why it could not be opened. None: still opening.
pub type Opened = Option<Result<App, ProblemView>>;

/// Waits until the engine is open. Errors: the problem that kept it from opening; `E-WINDOW-CLOSING`.
pub async fn opened(mut opening: watch::Receiver<Opened>) -> Result<App, ProblemView> {
    let answer = opening.wait_for(Option::is_some).await.ok().and_then(|seen| (*seen).clone());
    answer.unwrap_or_else(|| {
        Err(Problem::new(
            E_WINDOW_CLOSING,
            "Changeover is closing.",
            "The engine was stopped before it could answer.",
            "Start Changeover again; whatever was under way goes on from its last recorded step.",
        )
        .into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn the_browser_opens_only_web_pages_without_a_password_in_them() {
        for (address, allowed) in [
            ("https://connect.squareup.com/oauth2/authorize?client_id=x", true),
            ("http://127.0.0.1:40123/oauth2/authorize", true),
            ("http://connect.squareup.com/oauth2/authorize", false),
            ("https://user:secret@connect.squareup.com/", false),
            ("file:///etc/passwd", false),
            ("mailto:a@b.example", false),
            ("not an address", false),
        ] {
            assert_eq!(Url::parse(address).is_ok_and(|url| may_open_in_browser(&url)), allowed, "{address}");
        }
    }

    /// One thread only: were the launcher run on it, nothing else could be done before it ends.
    #[tokio::test]
    async fn a_launcher_that_takes_its_time_keeps_nothing_else_waiting() {
        let page = Url::parse("http://127.0.0.1:1/").unwrap();
        let (release, held) = mpsc::channel::<()>();
        let opening = open_page(&page, move |_| held.recv_timeout(Duration::from_secs(60)).map_err(|why| why.to_string()));
        let meanwhile = async move { release.send(()).unwrap() };
        let (opened, ()) = tokio::join!(opening, meanwhile);
        opened.unwrap();
    }
}
