//! A person's real browser: Chromium, clicked through its own driver, which takes the addresses that the window would have opened.
//!
//! It must never help the sign-in along: it opens the address it was given, and clicks what a person would click.

use crate::window::{SOON, pictures};
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(50);

pub struct Chromium {
    driver: Child,
    pub client: Client,
    /// Where `xdg-open` leaves an address.
    asked: tempfile::TempDir,
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Chromium {
    pub async fn start() -> Chromium {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts: run this with `cargo xtask test`");
        let lines = BufReader::new(driver.stdout.take().expect("it was asked for")).lines();
        let port = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("ChromeDriver was started successfully on port ").map(|port| port.trim_end_matches('.').to_string()))
            .expect("the driver tells its port");
        let asked = tempfile::tempdir().expect("a folder");
        // Its own profile; without the sandbox, which a test that runs as root cannot have.
        let profile = asked.path().join("profile");
        let arguments = ["--no-sandbox", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=900,700"];
        let mut all: Vec<String> = arguments.iter().map(|one| one.to_string()).collect();
        all.push(format!("--user-data-dir={}", profile.display()));
        let options = json!({ "browserName": "chrome", "goog:chromeOptions": { "args": all } });
        let capabilities: Capabilities = options.as_object().expect("an object").clone();
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("Chromium opens");
        Chromium { driver, client, asked }
    }

    /// The setting with which the window's `xdg-open` hands its addresses to this browser.
    pub fn setting(&self) -> String {
        format!("CHANGEOVER_TEST_BROWSER='{}'", self.asked.path().display())
    }

    /// Opens the address that the window asked for, once it has, and gives it.
    pub async fn opens_what_was_asked(&self) -> String {
        let file = self.asked.path().join("address");
        let begun = Instant::now();
        while !file.exists() {
            assert!(begun.elapsed() < SOON, "the window asked for no address");
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let address = take(&file);
        self.client.goto(&address).await.expect("the page opens");
        address
    }

    /// Chooses a company on the provider's page, and presses this button.
    pub async fn answers(&self, company: &str, button: &str) {
        self.click(&format!("input[name=company][value='{company}']")).await;
        self.click(&format!("button[value='{button}']")).await;
    }

    async fn click(&self, what: &str) {
        let found = self.client.wait().at_most(SOON).for_element(Locator::Css(what)).await;
        found.unwrap_or_else(|error| panic!("{what}: {error}")).click().await.expect("it can be clicked");
    }

    /// Waits until these words stand on the page it ended on, and gives that page's address.
    pub async fn reads(&self, words: &str) -> String {
        let begun = Instant::now();
        loop {
            let text = self.client.execute("return document.body ? document.body.innerText : ''", vec![]).await.unwrap_or_default();
            let text = text.as_str().unwrap_or_default();
            if text.contains(words) {
                return self.client.current_url().await.expect("it is somewhere").to_string();
            }
            assert!(begun.elapsed() < SOON, "\"{words}\" did not appear; the page reads: {text}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    pub async fn picture(&self, name: &str) {
        let bytes = self.client.screenshot().await.expect("a picture");
        std::fs::write(pictures().join(format!("{name}.png")), bytes).expect("the build folder can be written");
    }

    pub async fn close(self) {
        let _ = self.client.clone().close().await;
    }
}

fn take(file: &Path) -> String {
    let text = std::fs::read_to_string(file).expect("an address");
    std::fs::remove_file(file).expect("it is ours");
    text
}
