//! The certified OpenID provider of `tests/provider` as a process of a test: it has a page for people, and stands for a provider of the catalogue.
//!
//! It listens on loopback only and ends with the test. A further provider that it should stand for is an argument, not code.

use crate::program;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

pub struct OpenId {
    child: Child,
    pub base: String,
    events: Arc<Mutex<Vec<String>>>,
}

impl Drop for OpenId {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl OpenId {
    /// With the paths, permissions and companies of this provider's file. Panics where its packages are not installed:
    /// `cargo xtask test` installs them before it opens a window.
    pub fn standing_for(provider: &str) -> OpenId {
        let mut child = Command::new("node")
            .args(["server.mjs", "--people", "--as", provider])
            .current_dir(program::root().join("tests/provider"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it was asked for")).lines();
        let first = lines.next().expect("the provider listens: run this with `cargo xtask test`").expect("text");
        let first: serde_json::Value = serde_json::from_str(&first).expect("JSON");
        let events: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = events.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let event: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
                heard.lock().expect("nobody panics with it").push(event["event"].as_str().unwrap_or_default().to_string());
            }
        });
        OpenId { child, base: first["base"].as_str().expect("its address").to_string(), events }
    }

    /// How often it told of this event.
    pub fn told_of(&self, event: &str) -> usize {
        self.events.lock().expect("nobody panics with it").iter().filter(|one| *one == event).count()
    }
}
