//! One open window: find by role and words, click, type, wait, take a picture, ask axe.
//!
//! The driver drops a connection now and then (measured: once or twice in a run), so every command
//! that changes nothing is repeated a few times.

use changeover_tests::program;
use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often a command is repeated after a lost connection.
const REPEATS: usize = 5;

/// How long a word may take to appear before the test fails, unless the test says otherwise.
pub const SOON: Duration = Duration::from_secs(20);

/// Long enough for one stage in a debug build on a busy computer.
pub const STAGE: Duration = Duration::from_secs(240);

/// How often the page is asked again while waiting.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Of the whole year: enough for every stage, few enough for a test.
const PAYMENTS: usize = 300;

/// Holds when the window's process was started, in nanoseconds since 1970.
const STARTED: &str = "open-window.started";

/// Holds the number of the window's process.
const PROCESS: &str = "open-window.process";

/// Finds the visible elements of a role whose accessible name contains the words.
const FIND: &str = r#"
const [role, words] = arguments;
const tags = {
  button: 'button,[role=button],summary', link: 'a[href],[role=link]', heading: 'h1,h2,h3,h4,[role=heading]',
  textbox: 'input:not([type=checkbox]):not([type=radio]),textarea,[role=textbox]', checkbox: 'input[type=checkbox],[role=checkbox]',
  radio: 'input[type=radio],[role=radio]', combobox: 'select,[role=combobox]', option: 'option,[role=option],[role=menuitem]',
  tab: '[role=tab]', dialog: 'dialog[open],[role=dialog],[role=alertdialog]', row: 'tr,[role=row]', status: '[role=status],[aria-live]',
  alert: '[role=alert]', place: 'nav a[href]', 'dialog button': 'dialog[open] button,[role=dialog] button,[role=alertdialog] button', any: 'body *',
};
const shown = (e) => e.checkVisibility ? e.checkVisibility({ checkVisibilityCSS: true }) : e.offsetParent !== null;
const name = (e) => {
  const by = e.getAttribute('aria-labelledby');
  const labelled = by ? by.split(/\s+/).map((id) => document.getElementById(id)?.innerText ?? '').join(' ') : '';
  const label = e.labels && e.labels.length ? [...e.labels].map((l) => l.innerText).join(' ') : '';
  return (e.getAttribute('aria-label') || labelled || label || e.innerText || e.getAttribute('placeholder') || e.value || '').replace(/\s+/g, ' ').trim();
};
let found = [...document.querySelectorAll(tags[role])].filter((e) => shown(e) && name(e).includes(words));
if (role === 'any') found = found.filter((e) => ![...e.children].some((c) => shown(c) && name(c).includes(words)));
const exact = found.filter((e) => name(e) === words);
return exact.length ? exact : found;
"#;

/// Runs axe on the page and gives the violations, each with the elements it is about.
const AXE: &str = r#"
const done = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ['violations'] }).then(
  (result) => done(result.violations.map((v) => ({ id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map((n) => n.target.join(' ') + ': ' + n.html) }))),
  (error) => done([{ id: 'axe itself', help: String(error) }]),
);
"#;

/// Keys as the driver wants them.
pub mod keys {
    pub const TAB: &str = "\u{e004}";
    pub const ENTER: &str = "\u{e007}";

    /// Control, held while this key is pressed, then let go.
    pub fn control(key: char) -> String {
        format!("\u{e009}{key}\u{e000}")
    }
}

/// Which of the two looks the desktop asks for.
#[derive(Debug, Clone, Copy)]
pub enum Scheme {
    Light,
    Dark,
}

/// A program that starts the window with an environment of its own: the driver hands on arguments only.
fn launcher(home: &Path, scheme: Scheme, more: &str) -> PathBuf {
    let application = std::env::var("CHANGEOVER_WINDOW_BIN").expect("run this with: cargo xtask test --only window");
    let theme = match scheme {
        Scheme::Light => "Adwaita",
        Scheme::Dark => "Adwaita:dark",
    };
    let script = home.join("open-window");
    let started = home.join(STARTED);
    let text = format!(
        "#!/bin/sh\ndate +%s%N > '{}'\necho $$ > '{}'\nCHANGEOVER_HOME='{}' CHANGEOVER_PRACTICE_PAYMENTS={PAYMENTS} LANG=C.UTF-8 LANGUAGE=en GTK_THEME={theme} {more} exec '{application}' \"$@\"\n",
        started.display(),
        home.join(PROCESS).display(),
        home.display()
    );
    std::fs::write(&script, text).expect("the home folder can be written");
    let mut mode = std::fs::metadata(&script).expect("it was just written").permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o755);
    std::fs::set_permissions(&script, mode).expect("the home folder is ours");
    script
}

pub struct Window {
    client: Client,
    /// Where the number of the window's process stands.
    process: PathBuf,
    pictures: PathBuf,
    /// What axe found on the screens so far; `close` fails with all of it at once.
    found_by_axe: RefCell<Vec<String>>,
}

/// Where pictures of this run go.
pub fn pictures() -> PathBuf {
    program::target().join("screens/window")
}

impl Window {
    /// Opens the window on this home folder, in this colour scheme. The driver is the one that `xtask` started.
    pub async fn open(home: &Path, scheme: Scheme) -> Window {
        Window::open_with(home, scheme, "").await
    }

    /// As [`Window::open`], with further settings of the environment, as a shell takes them: `NAME=value`.
    pub async fn open_with(home: &Path, scheme: Scheme, more: &str) -> Window {
        let driver = std::env::var("CHANGEOVER_WINDOW_DRIVER").expect("run this with: cargo xtask test --only window");
        let options = json!({ "tauri:options": { "application": launcher(home, scheme, more) } });
        let capabilities: Capabilities = options.as_object().expect("an object").clone();
        let pictures = pictures();
        std::fs::create_dir_all(&pictures).expect("the build folder can be written");
        let mut last = None;
        for _ in 0..REPEATS {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            let connecting = builder.capabilities(capabilities.clone()).connect(&driver);
            // The driver waits for ever for a window that ended before it came.
            match tokio::time::timeout(STAGE, connecting).await.expect("the window opens in time") {
                Ok(client) => {
                    let window = Window {
                        client,
                        process: home.join(PROCESS),
                        pictures,
                        found_by_axe: RefCell::default(),
                    };
                    window.usable(home).await;
                    return window;
                }
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
        panic!("the window did not open: {last:?}");
    }

    /// Prints how long it took from the start of the process until the page shows its first screen.
    async fn usable(&self, home: &Path) {
        self.until(SOON, "the window is usable", async || {
            self.script("return document.querySelector('main h1, main h2') !== null", vec![])
                .await
                == json!(true)
        })
        .await;
        let shown = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map(|since| since.as_millis())
            .unwrap_or_default();
        let started = std::fs::read_to_string(home.join(STARTED))
            .ok()
            .and_then(|text| text.trim().parse::<u128>().ok());
        match started {
            Some(started) => println!("window usable after {} ms", shown.saturating_sub(started / 1_000_000)),
            None => println!("window usable, but its start was not noted"),
        }
    }

    /// Closes the window and waits until its process has ended. Fails with everything that axe found.
    pub async fn close(self) {
        // The driver may cut the connection while it ends the window; that is an end as well.
        let _ = self.client.clone().close().await;
        self.gone().await;
        let findings = self.found_by_axe.into_inner();
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }

    /// Waits until the window's process has ended: a start that still meets it is taken for a second one of the same
    /// window and ends at once, and the driver would wait for it in vain.
    async fn gone(&self) {
        let number = std::fs::read_to_string(&self.process).expect("the launcher wrote it");
        let state = Path::new("/proc").join(number.trim()).join("stat");
        let begun = Instant::now();
        // Ended but not yet asked for by its parent is as good as gone.
        while std::fs::read_to_string(&state).is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z')) {
            assert!(
                begun.elapsed() < SOON,
                "the window's process {} did not end within {SOON:?}",
                number.trim()
            );
            self.pause().await;
        }
    }

    pub async fn size(&self, width: u32, height: u32) {
        self.again("set the size", || self.client.set_window_rect(0, 0, width, height))
            .await;
    }

    /// Everything a person can read now.
    pub async fn words(&self) -> String {
        let value = self.script("return document.body ? document.body.innerText : ''", vec![]).await;
        value.as_str().unwrap_or_default().to_string()
    }

    /// Waits until these words stand on the page; fails with what stood there instead.
    pub async fn sees(&self, words: &str, within: Duration) {
        let begun = Instant::now();
        loop {
            if self.words().await.contains(words) {
                return;
            }
            if begun.elapsed() > within {
                self.fails(&format!("\"{words}\" did not appear within {within:?}")).await;
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Clicks the one thing of this role with these words, as soon as it can be clicked.
    pub async fn click(&self, role: &str, words: &str) {
        self.click_within(role, words, SOON).await;
    }

    pub async fn click_within(&self, role: &str, words: &str, within: Duration) {
        let begun = Instant::now();
        loop {
            // A page that redraws between finding and clicking makes the element stale: look again.
            if let Some(element) = self.found(role, words).await {
                let enabled = element.is_enabled().await.unwrap_or(false);
                if enabled && element.click().await.is_ok() {
                    return;
                }
            }
            if begun.elapsed() > within {
                self.fails(&format!("no {role} \"{words}\" could be clicked within {within:?}"))
                    .await;
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Sends keys to whatever has the focus; `fantoccini::key::Key` has the special ones.
    pub async fn press(&self, keys: &str) {
        let focus = self.again("find the focus", || self.client.active_element()).await;
        focus
            .send_keys(keys)
            .await
            .unwrap_or_else(|error| panic!("keys could not be sent: {error}"));
    }

    /// Is there something of this role with these words now?
    pub async fn has(&self, role: &str, words: &str) -> bool {
        self.found(role, words).await.is_some()
    }

    /// What the thing with the focus is called.
    pub async fn focused(&self) -> String {
        let script = "const e = document.activeElement; return e ? (e.getAttribute('aria-label') || e.innerText || '').trim() : ''";
        self.script(script, vec![]).await.as_str().unwrap_or_default().to_string()
    }

    /// The first line of the page that begins with these words.
    pub async fn line_with(&self, start: &str) -> Option<String> {
        self.words().await.lines().find(|line| line.starts_with(start)).map(str::to_owned)
    }

    /// Waits until it is so; fails with what it waited for.
    pub async fn until(&self, within: Duration, what: &str, is_so: impl AsyncFn() -> bool) {
        let begun = Instant::now();
        while !is_so().await {
            if begun.elapsed() > within {
                self.fails(&format!("not within {within:?}: {what}")).await;
            }
            self.pause().await;
        }
    }

    /// Keeps a picture of what stands there, closes the window (left open it would keep the next test from opening
    /// its own), then fails.
    pub async fn fails(&self, why: &str) -> ! {
        let words = self.words().await;
        self.picture("failed").await;
        let _ = self.client.clone().close().await;
        self.gone().await;
        panic!("{why}. The page reads:\n{words}");
    }

    /// Before the page is asked again.
    pub async fn pause(&self) {
        tokio::time::sleep(ASK_EVERY).await;
    }

    /// A screen as a person meets it: a picture of it is kept, and axe finds nothing.
    pub async fn shown(&self, screen: &str, look: &str) {
        self.picture(&format!("{screen}.{look}")).await;
        self.accessible(&format!("{screen} ({look})")).await;
    }

    /// The open dialog's button.
    pub async fn click_in_dialog(&self, words: &str) {
        self.click("dialog button", words).await;
    }

    /// A place of the navigation; a link of the same name may stand on the page as well.
    pub async fn click_in_navigation(&self, place: &str) {
        self.click("place", place).await;
    }

    async fn found(&self, role: &str, words: &str) -> Option<Element> {
        // The script marks the element; the driver then finds it by its mark.
        let mark = "document.querySelectorAll('[data-test-mark]').forEach((e) => e.removeAttribute('data-test-mark'));";
        let script = format!(
            "{mark} const found = (function() {{ {FIND} }})(...arguments); if (found.length) found[0].setAttribute('data-test-mark', ''); return found.length;"
        );
        let count = self.script(&script, vec![json!(role), json!(words)]).await;
        if count.as_u64().unwrap_or(0) == 0 {
            return None;
        }
        self.client.find(Locator::Css("[data-test-mark]")).await.ok()
    }

    /// Takes a picture into `target/screens/window/NAME.png`.
    pub async fn picture(&self, name: &str) -> PathBuf {
        let bytes = self.again("take a picture", || self.client.screenshot()).await;
        let file = self.pictures.join(format!("{name}.png"));
        std::fs::write(&file, &bytes).expect("the build folder can be written");
        assert!(bytes.len() > 1000, "the picture {} is empty", file.display());
        file
    }

    /// Notes every finding of axe on the page as it stands.
    pub async fn accessible(&self, screen: &str) {
        let axe = program::root().join("ui/node_modules/axe-core/axe.min.js");
        let source = std::fs::read_to_string(&axe).unwrap_or_else(|error| panic!("{}: {error}", axe.display()));
        self.script(&format!("{source}; return true;"), vec![]).await;
        let findings = self.again("run axe", || self.client.execute_async(AXE, vec![])).await;
        for finding in findings.as_array().expect("axe answers with a list") {
            let words = serde_json::to_string_pretty(finding).unwrap_or_default();
            self.found_by_axe.borrow_mut().push(format!("axe on {screen}: {words}"));
        }
    }

    pub async fn script(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.again("run a script", || self.client.execute(script, arguments.clone())).await
    }

    /// Repeats a command whose connection was lost. Only for commands that may be repeated.
    async fn again<T, F>(&self, what: &str, mut command: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T, CmdError>>,
    {
        let mut last = None;
        for _ in 0..REPEATS {
            match command().await {
                Ok(value) => return value,
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
        panic!("could not {what}: {last:?}");
    }
}

/// A file of this run exists and is a PNG of at least this width.
pub fn is_picture(file: &Path, width: u32) {
    let bytes = std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"), "{} is no PNG", file.display());
    let found = u32::from_be_bytes([bytes[16], bytes[17], bytes[18], bytes[19]]);
    assert!(found >= width, "{} is {found} pixels wide, expected {width}", file.display());
}
