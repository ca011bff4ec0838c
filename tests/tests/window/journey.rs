//! A whole practice upgrade, clicked: first start, practice company, plan, sign-in, every gate, cut over, watch,
//! and the way back. Halfway the window is closed and opened again, in the other look, on the same home folder.

use crate::window::{SOON, STAGE, Scheme, Window, keys};
use changeover_tests::home;
use std::time::Instant;

/// More presses than there are things to reach on the first screen.
const TABS: usize = 12;

/// Every place of the navigation, with words that stand there once its answer has come.
const PLACES: &[(&str, &str)] = &[
    ("Today", "How money reaches your books"),
    ("Accounts", "Sign-ins"),
    ("Upgrades", "Square connector 1 → 2"),
    ("Backups", "Time line"),
    ("Reconcile", "Payouts"),
    ("Log", "Everything that was decided and done"),
    ("Practice", "Practice companies"),
    ("Settings", "Settings"),
];

#[tokio::test]
async fn a_practice_upgrade_is_clicked_from_the_first_start_to_the_watch_and_back_again() {
    let home = home::fresh();
    let window = Window::open(home.path(), Scheme::Light).await;
    make_practice(&window).await;
    reconnect(&window).await;
    plan_and_start(&window).await;
    let gates = carry_to_the_watch(&window).await;
    for gate in ["Canary", "First half", "Cut over"] {
        assert!(
            gates.iter().any(|title| title.contains(gate)),
            "no yes was asked for before {gate}: {gates:?}"
        );
    }
    watch_a_day(&window).await;
    visit_every_place(&window, "light").await;
    proofs(&window).await;
    window.close().await;

    let window = Window::open(home.path(), Scheme::Dark).await;
    window.sees("How money reaches your books", SOON).await;
    visit_every_place(&window, "dark").await;
    palette_leads_to(&window, "upgrade", "Square connector 1 → 2").await;
    watch_a_day(&window).await;
    roll_back(&window).await;
    window.close().await;
}

/// Three ways in; the keyboard alone reaches and presses the first.
async fn make_practice(window: &Window) {
    for way in ["Practise first", "Protect my books", "Restore on this computer"] {
        window.sees(way, SOON).await;
    }
    for _ in 0..TABS {
        window.press(keys::TAB).await;
        if window.focused().await == "Make the practice company" {
            break;
        }
    }
    assert_eq!(
        window.focused().await,
        "Make the practice company",
        "Tab does not reach the main action"
    );
    window.press(keys::ENTER).await;
    window.sees("The Square connector can move from 1 to 2", STAGE).await;
    window.sees("Nothing here is real money", SOON).await;
}

async fn plan_and_start(window: &Window) {
    window.click("link", "Plan the upgrade").await;
    window.sees("Plan: Square connector 1 → 2", STAGE).await;
    window.sees("What changes in your books", SOON).await;
    window.shown("plan", "light").await;
    window.click("button", "Start the upgrade").await;
    window.sees("Start moving Square from 1 to 2?", SOON).await;
    window.shown("plan-confirm", "light").await;
    window.click_in_dialog("Start the upgrade").await;
    window.sees("nothing is final until you finish", STAGE).await;
}

/// Says yes at each gate until the upgrade waits for the next day. Gives the gates' questions. The sign-in
/// that the new version needs is opened by the stage itself; the session's browser says yes.
async fn carry_to_the_watch(window: &Window) -> Vec<String> {
    let mut gates: Vec<String> = Vec::new();
    let mut begun = Instant::now();
    loop {
        let words = window.words().await;
        for trouble in ["Halted by a check", "Paused\n", "Frozen until a person decides"] {
            if words.contains(trouble) {
                window.fails(&format!("the upgrade went wrong after {gates:?}")).await;
            }
        }
        let question = words.lines().find(|line| line.starts_with("Go on to: ")).map(str::to_owned);
        if words.contains("Let a day pass") {
            window.sees("same company, 2 new permissions", SOON).await;
            return gates;
        } else if let Some(question) = question.filter(|question| !gates.contains(question)) {
            if window.has("button", "Approve as").await {
                window.shown(&format!("gate-{}", gates.len() + 1), "light").await;
                window.click("button", "Approve as").await;
                gates.push(question);
                begun = Instant::now();
            }
        }
        if begun.elapsed() > STAGE {
            window
                .fails(&format!("the upgrade did not go on within {STAGE:?} after {gates:?}"))
                .await;
        }
        window.pause().await;
    }
}

/// The four steps of a sign-in in the side panel; the browser is the session's own, which says yes.
async fn reconnect(window: &Window) {
    window.click_in_navigation("Accounts").await;
    window.click("button", "Reconnect").await;
    window.sees("What will be asked", SOON).await;
    window.shown("reconnect-why", "light").await;
    window.click("button", "Open Square in the browser").await;
    window.sees("You can close this panel", STAGE).await;
    window.shown("reconnect-done", "light").await;
    window.click("button", "Done").await;
    window.click_in_navigation("Today").await;
}

/// Lets one day pass and waits for its verdict.
async fn watch_a_day(window: &Window) {
    window.sees("Let a day pass", STAGE).await;
    let before = window.line_with("Day ").await;
    window.click("button", "Let a day pass").await;
    window
        .until(STAGE, "the day was watched", async || {
            let words = window.words().await;
            // The day's job may still be at work although its verdict stands there already.
            let at_rest = window.script("return document.querySelector('footer') === null", vec![]).await == true;
            at_rest
                && words.contains("Let a day pass")
                && words.contains("The watch, day by day")
                && window.line_with("Day ").await != before
        })
        .await;
}

async fn visit_every_place(window: &Window, look: &str) {
    for (place, words) in PLACES {
        window.click_in_navigation(place).await;
        window.sees(words, STAGE).await;
        window.shown(&place.to_lowercase(), look).await;
    }
    window.click_in_navigation("Upgrades").await;
    window.sees("Square connector 1 → 2", SOON).await;
}

/// What the screens promise: a backup with its three marks, 0.00 unexplained, an unbroken log.
async fn proofs(window: &Window) {
    window.click_in_navigation("Backups").await;
    for mark in ["copied", "checked", "restore-tested"] {
        window.sees(mark, SOON).await;
    }
    window.sees("last proved by restoring", SOON).await;
    window.click_in_navigation("Reconcile").await;
    window.sees("Agrees to the cent", STAGE).await;
    window.sees("0.00", SOON).await;
    window.sees("0 doubled, 0 lost", SOON).await;
    window.click_in_navigation("Log").await;
    window.click("button", "Check the chain").await;
    window.sees("Whole", STAGE).await;
    window.shown("log-checked", "light").await;
}

async fn palette_leads_to(window: &Window, search: &str, words: &str) {
    window.click_in_navigation("Today").await;
    window.sees("How money reaches your books", SOON).await;
    window.press(&keys::control('k')).await;
    window
        .until(SOON, "the palette opens", async || window.has("dialog", "").await)
        .await;
    window.shown("palette", "dark").await;
    window.press(search).await;
    window.press(keys::ENTER).await;
    window.sees(words, SOON).await;
}

async fn roll_back(window: &Window) {
    window.click("button", "Roll back…").await;
    window.sees("Roll Square back to connector 1?", SOON).await;
    window.shown("rollback-confirm", "dark").await;
    window.click_in_dialog("Roll back").await;
    // First what was put back and that the books equal those from before; the table of connectors only after a yes to it.
    window.sees("Rolled back: the books equal those from before", STAGE).await;
    window.sees("were put back as they were", SOON).await;
    window.sees("Everything as before", SOON).await;
    assert!(!window.has("button", "Let a day pass").await, "the upgrade is over");
    window.shown("rolled-back", "dark").await;
    window.click("button", "Close").await;
    window.sees("1 → 2, rolled back", SOON).await;
    window.sees("connector 1", SOON).await;
    window.shown("after-the-rollback", "dark").await;
}
