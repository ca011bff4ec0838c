//! `changeover doctor`: whether everything that Changeover needs is well, all findings at once.
//!
//! It only looks. What it cannot find out counts as not well.

use crate::accounts::state_words;
use crate::ending::Ending;
use crate::follow::bytes;
use crate::screen::grouped;
use crate::terminal::Terminal;
use authorization::{CredentialState, KeychainStatus, PassphraseState};
use engine::Engine;
use engine::backups::newest_proved;
use engine::store::company::Company;
use engine::ways_in::KitStanding;
use journal::verify::Verdict;
use ledger::Problem;
use serde::Serialize;

/// Below this no backup and no swap of a book can be counted on.
const ROOM_LEAST_BYTES: u64 = 500_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Good,
    /// Works, but a person should do something.
    Attention,
    Bad,
}

#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    state: State,
    words: String,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, what: impl Into<String>, state: State, words: impl Into<String>) {
        self.0.push(Finding {
            what: what.into(),
            state,
            words: words.into(),
        });
    }

    fn problem(&mut self, what: impl Into<String>, problem: &Problem) {
        self.add(
            what,
            State::Bad,
            format!("{} {} {} {}", problem.code, problem.what, problem.why.join(" "), problem.next),
        );
    }
}

pub async fn run(terminal: &Terminal) -> Result<Ending, Problem> {
    let mut findings = Findings::default();
    findings.add("program", State::Good, format!("changeover {}", env!("CARGO_PKG_VERSION")));
    match terminal.app().await {
        Err(problem) => findings.problem("folder", &problem),
        Ok(app) => {
            findings.add("folder", State::Good, terminal.home.display().to_string());
            for engine in app.engines().await {
                installation(&mut findings, &engine).await;
            }
        }
    }
    if terminal.screen.json() {
        terminal.screen.answer(&findings.0);
    } else {
        for finding in &findings.0 {
            let mark = match finding.state {
                State::Good => "✓",
                State::Attention => "!",
                State::Bad => "✗",
            };
            terminal.screen.data(&format!("{mark} {:<22} {}", finding.what, finding.words));
        }
    }
    Ok(ending(&findings.0))
}

fn ending(findings: &[Finding]) -> Ending {
    if findings.iter().any(|finding| finding.state == State::Bad) {
        Ending::Failed
    } else if findings.iter().any(|finding| finding.state == State::Attention) {
        Ending::Waiting
    } else {
        Ending::Done
    }
}

async fn installation(findings: &mut Findings, engine: &Engine) {
    let name = |what: &str| {
        if engine.is_practice() {
            format!("practice: {what}")
        } else {
            what.to_string()
        }
    };
    // Without a company nothing is missing yet.
    let used = !matches!(engine.companies().await, Ok(companies) if companies.is_empty());
    let lacking = if used { State::Attention } else { State::Good };
    match engine.vault.keychain_status().await {
        KeychainStatus::Available => findings.add(name("keychain"), State::Good, "answers"),
        KeychainStatus::SessionOnly => findings.add(name("keychain"), State::Good, "not used; secrets last for one session"),
        KeychainStatus::Locked => findings.add(name("keychain"), State::Attention, "locked; it will ask for its password"),
        KeychainStatus::Silent(seconds) => findings.add(name("keychain"), State::Attention, format!("did not answer within {seconds} seconds")),
        KeychainStatus::Refusing(why) => findings.add(name("keychain"), State::Bad, format!("refuses what it is asked ({why})")),
        KeychainStatus::Passphrase(PassphraseState::Open) => findings.add(name("passphrase vault"), State::Good, "open"),
        KeychainStatus::Passphrase(PassphraseState::Locked) => findings.add(name("passphrase vault"), State::Good, "locked; it asks for its passphrase when it is needed"),
        KeychainStatus::Passphrase(PassphraseState::NotSetUp) => findings.add(name("passphrase vault"), State::Attention, "chosen, and not set up; choose a passphrase"),
        KeychainStatus::Passphrase(PassphraseState::Damaged(why)) => findings.add(name("passphrase vault"), State::Bad, why),
        KeychainStatus::Absent(why) => findings.add(
            name("keychain"),
            lacking,
            format!("none that can be used; a passphrase vault can take its place: changeover vault choose passphrase ({why})"),
        ),
    }
    match engine::home::free_bytes(engine.home.dir()) {
        Some(free) if free >= ROOM_LEAST_BYTES => findings.add(name("disk"), State::Good, format!("{} free", bytes(free))),
        Some(free) => findings.add(name("disk"), State::Bad, format!("only {} free", bytes(free))),
        None => findings.add(name("disk"), State::Attention, "the system does not say how much is free"),
    }
    match journal::verify(&engine.pool, None).await {
        Ok(Verdict::Good { entries, .. }) => findings.add(name("log"), State::Good, format!("whole, {} records", grouped(entries))),
        Ok(Verdict::Broken { seq, what, .. }) => findings.add(name("log"), State::Bad, format!("broken at record {seq}: {what}")),
        Ok(Verdict::Unreadable { why }) => findings.add(name("log"), State::Bad, format!("cannot be read: {why}")),
        Err(problem) => findings.problem(name("log"), &problem),
    }
    let packages: Vec<String> = engine
        .catalog
        .connectors()
        .map(|package| format!("{} {}", package.name(), package.version()))
        .collect();
    findings.add(name("connectors"), State::Good, packages.join(", "));
    match engine.kit_standing().await {
        Ok(KitStanding::Missing) if !used => {}
        Ok(standing) => findings.add(name("recovery kit"), if standing.counts() { State::Good } else { State::Attention }, standing.sentence()),
        Err(problem) => findings.problem(name("recovery kit"), &problem),
    }
    match engine.companies().await {
        Err(problem) => findings.problem(name("companies"), &problem),
        Ok(companies) => {
            for company in companies {
                of_company(findings, engine, &company).await;
            }
        }
    }
}

async fn of_company(findings: &mut Findings, engine: &Engine, company: &Company) {
    let name = |what: &str| format!("{}: {what}", company.name);
    let described = match engine.books(company).await {
        Ok(books) => books.describe().await,
        Err(problem) => Err(problem),
    };
    match described {
        Err(problem) => findings.problem(name("books"), &problem),
        Ok(description) => {
            let words = format!(
                "{} {}, {} entries",
                description.app,
                description.app_version,
                grouped(description.entries)
            );
            match description.lock {
                Some(lock) => findings.add(name("books"), State::Attention, format!("{words}; open in another program: {lock}")),
                None => findings.add(name("books"), State::Good, format!("{words}, free")),
            }
        }
    }
    match engine::companies::zone_of(company) {
        Ok(_) => findings.add(name("time zone"), State::Good, company.zone.clone()),
        Err(problem) => findings.problem(name("time zone"), &problem),
    }
    match newest_proved(engine, company).await {
        Ok(Some(row)) => findings.add(name("backup"), State::Good, format!("taken {}, proved by a restore", row.copied_at)),
        Ok(None) => findings.add(
            name("backup"),
            State::Attention,
            "none was proved yet; `changeover backup now`, then `backup verify --restore`",
        ),
        Err(problem) => findings.problem(name("backup"), &problem),
    }
    match engine.connections(company).await {
        Err(problem) => findings.problem(name("accounts"), &problem),
        Ok(connections) => {
            for connection in connections {
                let access = match engine.version_now(&connection).await {
                    Ok(version) => engine.access(&connection, &version).await,
                    Err(problem) => Err(problem),
                };
                match access {
                    Err(problem) => findings.problem(name(&connection.provider), &problem),
                    Ok(access) => {
                        let usable = access.as_ref().is_some_and(|access| match access.state {
                            CredentialState::Active | CredentialState::Superseded => access.missing.is_empty(),
                            CredentialState::Retired | CredentialState::NeedsReauth => false,
                        });
                        let state = if usable { State::Good } else { State::Attention };
                        findings.add(name(&connection.provider), state, state_words(access.as_ref()));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_decides_the_exit_status() {
        let of = |states: &[State]| {
            let findings: Vec<Finding> = states
                .iter()
                .map(|state| Finding {
                    what: String::new(),
                    state: *state,
                    words: String::new(),
                })
                .collect();
            ending(&findings).number()
        };
        assert_eq!(of(&[State::Good]), 0);
        assert_eq!(of(&[State::Good, State::Attention]), 3);
        assert_eq!(of(&[State::Attention, State::Bad, State::Good]), 1);
    }
}
