//! Signing in from the terminal: the address is shown, the browser opens, a pasted address is taken.
//!
//! It never sees a token. The address carries the sign-in's state, so it goes to the person's screen and nowhere else.

use crate::browser::{NoBrowser, SystemBrowser};
use crate::terminal::Terminal;
use authorization::OpenPage;
use engine::sign_in::SignInDesk;
use std::io::{BufRead, IsTerminal};
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Shows sign-ins of these connections as long as it lives.
pub struct Door {
    pub desk: SignInDesk,
    showing: JoinHandle<()>,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.showing.abort();
    }
}

/// A desk whose sign-ins are shown here. With `no_browser` the address is the answer, on standard output.
/// `pasted`: lines typed here are addresses that the browser ended on.
pub fn open(terminal: &Terminal, connection: &str, no_browser: bool, pasted: bool) -> Door {
    let browser: Arc<dyn OpenPage> = if no_browser { Arc::new(NoBrowser) } else { Arc::new(SystemBrowser) };
    let changed = Arc::new(Notify::new());
    let tell = changed.clone();
    let desk = SignInDesk::new(browser, move || tell.notify_one());
    let showing = tokio::spawn(show(
        desk.clone(),
        connection.to_string(),
        terminal.screen.clone(),
        changed,
        no_browser,
    ));
    if pasted && (no_browser || std::io::stdin().is_terminal()) {
        read_pasted(&desk, connection);
    }
    Door { desk, showing }
}

async fn show(desk: SignInDesk, connection: String, screen: crate::screen::Screen, changed: Arc<Notify>, no_browser: bool) {
    let mut shown: Option<String> = None;
    loop {
        changed.notified().await;
        let Some(flow) = desk.flow(&connection) else { continue };
        if flow.ended.is_some() || flow.page == shown {
            continue;
        }
        if let Some(page) = &flow.page {
            screen.rest();
            if no_browser {
                screen.say("Open this address in a browser on this computer, and allow the access:");
                screen.data(page);
            } else {
                screen.say("The browser opens for signing in. If it does not, open this address:");
                screen.say(&format!("  {page}"));
            }
            screen.say("Waiting for the answer. If the browser ends on a page that cannot be shown, paste its address here.");
        }
        shown = flow.page;
    }
}

/// Lines typed here are pasted addresses. The thread waits for the terminal and ends with the program.
fn read_pasted(desk: &SignInDesk, connection: &str) {
    let (desk, connection) = (desk.clone(), connection.to_string());
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if !line.trim().is_empty() {
                desk.paste(&connection, line.trim().to_string());
            }
        }
    });
}
