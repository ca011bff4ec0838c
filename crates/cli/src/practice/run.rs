//! `changeover practice run`: the whole upgrade without a person, told stage by stage, ending with the verdict.
//!
//! It drives the same engine calls as the window. "Books unchanged" is said only when the file was compared byte by
//! byte.

use super::{CompanyArguments, RunArguments};
use crate::ending::Ending;
use crate::follow::{Follower, rest_lines};
use crate::terminal::Terminal;
use api::App;
use api::practice_company::{E_PRACTICE_NONE, Ended, ScriptedBrowser};
use authorization::{CredentialState, KeptWhere, KeychainStatus};
use engine::Engine;
use engine::sign_in::SignInDesk;
use engine::store::company::{Company, Connection};
use engine::upgrading::runner::Surroundings;
use ledger::{Money, Problem};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;
use upgrade::{Gate, Mode, Person, PersonRole, State};

/// Parts of a story that happen in processes of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Up to the yes in front of the first wave.
    UntilFirstWave,
    /// The company, one backup and an upgrade that nothing was done for yet
    UntilBackup,
}

/// What there is to carry on with.
struct Begun {
    company: Company,
    connection: Connection,
    upgrade: Option<String>,
}

pub async fn run(terminal: &Terminal, arguments: RunArguments) -> Result<Ending, Problem> {
    let started = Instant::now();
    if let Some(part) = arguments.part {
        return one_part(terminal, &arguments, part).await;
    }
    let app = terminal.app_with(Arc::new(ScriptedBrowser)).await?;
    let begun = begin(terminal, &app, &arguments).await?;
    let engine = app.practice_engine().await?;
    tell_keychain(terminal, &engine).await;
    // Compared at the end: "books unchanged" is measured, not concluded. Where an earlier process may have written,
    // nothing is said.
    let untouched = match &begun.upgrade {
        None => true,
        Some(id) => engine.upgrade_state(id).await?.attempted.is_empty(),
    };
    let before = match untouched {
        true => Some(engine.books(&begun.company).await?.fingerprint().await?),
        false => None,
    };
    let follower = Follower::new(terminal.screen.clone());
    let id = match &begun.upgrade {
        Some(id) => {
            follower.begin(&engine.upgrade_state(id).await?);
            id.clone()
        }
        None => app.practice_plan(&begun.company, &begun.connection).await?,
    };
    terminal.screen.say(&format!("Upgrade {id}"));
    follower.seen(&engine.upgrade_state(&id).await?);
    let ended = {
        let _watching = follower.watch(engine.clone(), &id);
        app.practice_carry_on(&id, &follower, &follower.watcher(terminal)).await?
    };
    follower.seen(&ended.state);
    terminal.screen.rest();
    let unchanged = match before {
        Some(before) => Some(engine.books(&begun.company).await?.fingerprint().await? == before),
        None => None,
    };
    tell_end(terminal, &engine, &begun.company, &ended, unchanged, started).await
}

/// Makes the company only.
pub async fn make(terminal: &Terminal, wanted: &CompanyArguments) -> Result<Ending, Problem> {
    let app = terminal.app_with(Arc::new(ScriptedBrowser)).await?;
    let arguments = RunArguments {
        company: wanted.clone(),
        resume: false,
        new_if_none: false,
        part: None,
    };
    let begun = begin(terminal, &app, &arguments).await?;
    tell_keychain(terminal, &*app.practice_engine().await?).await;
    if terminal.screen.json() {
        terminal.screen.answer(&json!({
            "company": begun.company.id, "name": begun.company.name, "connection": begun.connection.id, "books": begun.company.books_path,
            "seed": wanted.seed, "story": wanted.story,
        }));
    } else {
        terminal
            .screen
            .data(&format!("\"{}\" is in {}.", begun.company.name, app.practice_home().display()));
        terminal.screen.data(&format!("  Books  {}", begun.company.books_path.display()));
        terminal
            .screen
            .say(&format!("Next: `{}` upgrades it.", terminal.command("practice run --resume")));
    }
    Ok(Ending::Done)
}

/// The first process of a story that needs several. The next one goes on with what this one leaves.
async fn one_part(terminal: &Terminal, arguments: &RunArguments, part: Part) -> Result<Ending, Problem> {
    let app = terminal.app_with(Arc::new(ScriptedBrowser)).await?;
    let begun = begin(terminal, &app, arguments).await?;
    let engine = app.practice_engine().await?;
    if part == Part::UntilBackup {
        engine
            .take_backup(&begun.company, "the day before", None, &terminal.watcher())
            .await?;
        app.practice_plan(&begun.company, &begun.connection).await?;
        return Ok(Ending::Done);
    }
    let id = app.practice_plan(&begun.company, &begun.connection).await?;
    let follower = Follower::new(terminal.screen.clone());
    let around = Surroundings {
        watcher: terminal.watcher(),
        desk: SignInDesk::unattended(Arc::new(ScriptedBrowser)),
    };
    let owner = Person {
        name: "Practice owner".to_string(),
        role: PersonRole::Owner,
    };
    let _watching = follower.watch(engine.clone(), &id);
    loop {
        let state = engine.run_upgrade(&id, &around).await?;
        follower.seen(&state);
        match state.gate() {
            Some(Gate::AfterCanary) => return Ok(Ending::Done),
            Some(_) => engine.approve(&id, owner.clone(), None).await?,
            None => return Ok(Ending::of_upgrade(&state)),
        };
    }
}

/// Makes the company, or finds the one to go on with.
async fn begin(terminal: &Terminal, app: &App, arguments: &RunArguments) -> Result<Begun, Problem> {
    let wanted = &arguments.company;
    if arguments.resume {
        match app.practice_resume().await {
            Ok((company, connection, upgrade)) => {
                terminal.screen.say(&format!("Going on with \"{}\".", company.name));
                let engine = app.practice_engine().await?;
                renew_session_access(&engine, &company, &connection, upgrade.as_deref()).await?;
                return Ok(Begun {
                    company,
                    connection,
                    upgrade,
                });
            }
            Err(problem) if problem.code == E_PRACTICE_NONE && arguments.new_if_none => {}
            Err(problem) => return Err(problem),
        }
    }
    terminal.screen.say(&format!(
        "Making a practice company (number {}, story \"{}\"). All of it is invented, and nothing leaves this computer.",
        wanted.seed, wanted.story
    ));
    let (company, connection) = app
        .practice_make(wanted.seed, &wanted.story, wanted.payments, &terminal.watcher())
        .await?;
    terminal.screen.rest();
    terminal.screen.say(&format!(
        "\"{}\" is ready; its books are {}",
        company.name,
        company.books_path.display()
    ));
    Ok(Begun {
        company,
        connection,
        upgrade: None,
    })
}

/// Says plainly where the secrets are when they are not in a keychain.
pub async fn tell_keychain(terminal: &Terminal, engine: &Engine) {
    match engine.vault.keychain_status().await {
        KeychainStatus::Available => {}
        KeychainStatus::SessionOnly => {
            terminal
                .screen
                .say("There is no keychain here: the practice secrets are kept in memory, for this session only.");
        }
        KeychainStatus::Locked => terminal.screen.say("The keychain is locked; it will ask for its password."),
        KeychainStatus::Silent(seconds) => terminal.screen.say(&format!("The keychain did not answer within {seconds} seconds.")),
        KeychainStatus::Refusing(why) => terminal.screen.say(&format!("The keychain refuses what it is asked: {why}.")),
        KeychainStatus::Passphrase(_) => terminal.screen.say("The practice secrets are kept in a passphrase vault."),
        KeychainStatus::Absent(why) => terminal.screen.say(&format!("The keychain cannot be used: {why}.")),
    }
}

/// Where there is no keychain an earlier process took its practice sign-ins with it; the practice owner signs in again.
pub async fn renew_session_access(
    engine: &Engine,
    company: &Company,
    connection: &Connection,
    upgrade: Option<&str>,
) -> Result<(), Problem> {
    let mut versions = vec![connection.version.clone()];
    if let Some(id) = upgrade {
        let state = engine.upgrade_state(id).await?;
        if let Some(plan) = state.plan.as_ref().filter(|_| state.new_access) {
            versions.extend([plan.from_version.clone(), plan.to_version.clone()]);
        }
    }
    versions.sort();
    versions.dedup();
    for version in versions {
        let Some(access) = engine.access(connection, &version).await? else {
            continue;
        };
        if access.kept_where == KeptWhere::SessionOnly && access.state == CredentialState::NeedsReauth {
            let desk = SignInDesk::unattended(Arc::new(ScriptedBrowser));
            engine.sign_in(company, connection, &version, &desk).await?;
        }
    }
    Ok(())
}

/// The verdict as it stands at the end: "0.00 unexplained, 0 doubled, 0 lost".
pub async fn verdict_line(engine: &Engine, upgrade_id: &str) -> Result<Option<String>, Problem> {
    let stored: Option<Value> = engine::store::upgrade::fact(&engine.pool, upgrade_id, "verdict").await?;
    let Some(verdict) = stored else { return Ok(None) };
    let money = |value: &Value| serde_json::from_value::<Money>(value.clone()).ok();
    let number = |name: &str| verdict[name].as_u64();
    let (Some(unexplained), Some(doubled), Some(lost)) = (money(&verdict["unexplained"]), number("doubled"), number("lost")) else {
        return Err(engine::store::unknown("verdict", &verdict.to_string()));
    };
    let others: String = verdict["unexplained_other"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(money)
        .map(|money| format!(" and {money}"))
        .collect();
    Ok(Some(format!(
        "{}{others} unexplained, {doubled} doubled, {lost} lost",
        unexplained.plain()
    )))
}

/// The last words: verdict, evidence, what to try next.
async fn tell_end(
    terminal: &Terminal,
    engine: &Engine,
    company: &Company,
    ended: &Ended,
    unchanged: Option<bool>,
    started: Instant,
) -> Result<Ending, Problem> {
    let screen = &terminal.screen;
    let ending = Ending::of_upgrade(&ended.state);
    let verdict = verdict_line(engine, &ended.upgrade).await?;
    let head = engine.journal.head().await?;
    let log = head
        .as_ref()
        .map_or("empty".to_string(), |head| format!("{} records", crate::screen::grouped(head.seq)));
    let kit = engine.recovery_kit_written().await?.map(|(_, file)| file);
    if screen.json() {
        screen.answer(&json!({
            "upgrade": ended.upgrade,
            "company": company.name,
            "mode": upgrade::words::mode(&ended.state.mode),
            "stage": ended.state.stage.name(),
            "verdict": verdict,
            "failed_checks": failing(&ended.state),
            "books": company.books_path,
            "books_unchanged": unchanged,
            "log": {"file": engine.home.store(), "records": head.as_ref().map(|head| head.seq)},
            "backups": engine.home.backups(),
            "recovery_kit": kit,
            "seconds": started.elapsed().as_secs_f64(),
            "exit_status": ending.number(),
        }));
        return Ok(ending);
    }
    for line in rest_lines(&ended.state)? {
        screen.say(&line);
    }
    match &ended.state.mode {
        Mode::Finished => screen.data(&format!("Finished, {}", verdict.unwrap_or_else(|| "without a verdict".to_string()))),
        Mode::RolledBack => screen.data("Rolled back, the books are as they were"),
        Mode::Halted { .. } | Mode::Frozen { .. } => {
            screen.data(&format!("Halted after \"{}\"{}", ended.state.stage.title(), books_words(unchanged)));
        }
        Mode::Running | Mode::Waiting { .. } | Mode::Paused { .. } | Mode::Resolving { .. } | Mode::RollingBack { .. } => {
            screen.data(&format!(
                "Waiting for a person after \"{}\"{}",
                ended.state.stage.title(),
                books_words(unchanged)
            ));
        }
    }
    screen.data("");
    screen.data("Where the evidence lies:");
    screen.data(&format!("  Upgrade       {}", ended.upgrade));
    screen.data(&format!("  Books         {}", company.books_path.display()));
    screen.data(&format!("  Log           {log} in {}", engine.home.store().display()));
    screen.data(&format!("  Backups       {}", engine.home.backups().display()));
    if let Some(kit) = kit {
        screen.data(&format!("  Recovery kit  {kit}"));
    }
    screen.data(&format!("  Took          {:.1} s", started.elapsed().as_secs_f64()));
    screen.data("");
    screen.data("Try next:");
    for (question, command) in next_commands(&ended.state, &ended.upgrade) {
        screen.data(&format!("  {question}"));
        screen.data(&format!("    {}", terminal.command(&command)));
    }
    Ok(ending)
}

fn books_words(unchanged: Option<bool>) -> &'static str {
    match unchanged {
        Some(true) => "; books unchanged, compared byte by byte",
        Some(false) => "; the books hold what was posted so far",
        None => "",
    }
}

fn failing(state: &State) -> Vec<Value> {
    let wanted: &[upgrade::CheckId] = match &state.mode {
        Mode::Halted { checks } => checks,
        Mode::Running
        | Mode::Waiting { .. }
        | Mode::Paused { .. }
        | Mode::Resolving { .. }
        | Mode::RollingBack { .. }
        | Mode::RolledBack
        | Mode::Frozen { .. }
        | Mode::Finished => &[],
    };
    state
        .checks
        .values()
        .flatten()
        .filter(|check| wanted.contains(&check.id))
        .filter_map(|check| serde_json::to_value(check).ok())
        .collect()
}

/// Each with the question that it answers.
fn next_commands(state: &State, id: &str) -> Vec<(&'static str, String)> {
    let verify = ("Has anybody changed the record of what was done?", "log verify".to_string());
    match &state.mode {
        Mode::Finished => vec![
            verify,
            ("Do the books agree with Square, to the cent?", "reconcile show".to_string()),
            ("Which backups are there?", "backup list".to_string()),
            (
                "What happens when the new connector misses refunds? (This makes the practice company anew.)",
                "practice run --seed 7 --story connector-drops-refunds".to_string(),
            ),
        ],
        Mode::RolledBack => vec![
            verify,
            (
                "How does the upgrade go when all is well? (This makes the practice company anew.)",
                "practice run --seed 7".to_string(),
            ),
        ],
        Mode::Running
        | Mode::Waiting { .. }
        | Mode::Paused { .. }
        | Mode::Halted { .. }
        | Mode::Resolving { .. }
        | Mode::RollingBack { .. }
        | Mode::Frozen { .. } => vec![
            ("How far did it come, and why does it rest?", format!("upgrade show {id}")),
            ("What do the two connectors do differently?", format!("upgrade differences {id}")),
            ("Take everything back that the upgrade did", format!("upgrade rollback {id} --yes")),
        ],
    }
}
