//! `changeover log …`: the record of everything that was done, and the proof that nobody changed it.
//!
//! Verifying opens the file read-only and without the engine: a damaged log must not keep its own judge from looking.
//! A checkpoint that left this computer (printed, mailed) shows what the file alone cannot: that all of it was rewritten.

use crate::ending::Ending;
use crate::screen::grouped;
use crate::terminal::Terminal;
use api::Commands;
use api::views::{LogArgs, LogEntryView, LogFilter};
use clap::{Args, Subcommand, ValueEnum};
use engine::Engine;
use journal::verify::{Flaw, Verdict};
use ledger::Problem;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The engine's own store inside a home folder.
const STORE: &str = "changeover.sqlite";
/// Where the practice installation lies inside a home folder.
const PRACTICE: &str = "practice";

#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Show the newest records
    Show(ShowArguments),
    /// Check the whole chain and its signatures: any edit, gap or reordering is found and the first bad record named
    Verify {
        /// A checkpoint kept elsewhere: shows also a log that was cut off or wholly rewritten
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
    },
    /// Sign the log as it is now; print the note or mail it to somebody, and compare later
    Checkpoint {
        /// The file to write; without it, the note is shown
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
        /// Only the log of this company
        #[arg(long, value_name = "NAME")]
        company: Option<String>,
    },
    /// Write every record to a file, one JSON object a line
    Export {
        /// The file to write
        file: PathBuf,
    },
}

#[derive(Debug, Clone, Args)]
pub struct ShowArguments {
    /// So many
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub limit: u64,
    /// Only what belongs to this company
    #[arg(long, value_name = "NAME")]
    pub company: Option<String>,
    /// Only what is about this
    #[arg(long, value_enum, default_value_t = Area::All)]
    pub area: Area,
    /// Only records whose words contain this text
    #[arg(long, default_value = "", value_name = "TEXT")]
    pub search: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Area {
    All,
    Upgrade,
    Books,
    SignIn,
    Backup,
    Sync,
}

impl Area {
    fn filter(self) -> LogFilter {
        match self {
            Area::All => LogFilter::All,
            Area::Upgrade => LogFilter::Upgrade,
            Area::Books => LogFilter::Books,
            Area::SignIn => LogFilter::SignIn,
            Area::Backup => LogFilter::Backup,
            Area::Sync => LogFilter::Sync,
        }
    }
}

pub async fn run(terminal: &Terminal, command: LogCommand) -> Result<Ending, Problem> {
    match command {
        LogCommand::Show(arguments) => show(terminal, arguments).await,
        LogCommand::Verify { checkpoint } => verify(terminal, checkpoint.as_deref()).await,
        LogCommand::Checkpoint { to, company } => checkpoint(terminal, to, company).await,
        LogCommand::Export { file } => export(terminal, file).await,
    }
}

fn as_json(engine: &Engine, entry: &journal::chain::Entry) -> Value {
    json!({
        "log": if engine.is_practice() { "practice" } else { "real" },
        "seq": entry.seq,
        "at": entry.at,
        "kind": entry.kind,
        "about": entry.scope,
        "actor": entry.actor,
        "body": entry.body,
        "prev": hex(&entry.prev),
        "hash": hex(&entry.hash),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn show(terminal: &Terminal, arguments: ShowArguments) -> Result<Ending, Problem> {
    let app = terminal.app().await?;
    let company = match &arguments.company {
        Some(name) => Some(app.company(name).await?.1.id),
        None => None,
    };
    let wanted = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
    let mut entries: Vec<LogEntryView> = Vec::new();
    let mut page = 0;
    while entries.len() < wanted {
        let args = LogArgs {
            company: company.clone(),
            filter: arguments.area.filter(),
            search: arguments.search.clone(),
            page,
        };
        let view = match app.log_view(args).await {
            Ok(view) => view,
            Err(refused) => {
                terminal.screen.problem_view(&refused);
                return Ok(Ending::of_view(&refused));
            }
        };
        if view.entries.is_empty() {
            break;
        }
        entries.extend(view.entries);
        page += 1;
    }
    entries.truncate(wanted);
    // Read from top to bottom like a diary; the newest stand last, next to the prompt.
    entries.reverse();
    if terminal.screen.json() {
        terminal.screen.answer(&entries);
        return Ok(Ending::Done);
    }
    for entry in &entries {
        terminal
            .screen
            .data(&format!("{:>6}  {}  {}", entry.sequence, entry.at, entry.words));
    }
    Ok(Ending::Done)
}

/// Installations whose log holds anything; an empty real one beside practice is not worth a heading.
async fn with_records(engines: &[Arc<Engine>]) -> Result<Vec<Arc<Engine>>, Problem> {
    let mut found = Vec::new();
    for engine in engines {
        if engine.journal.head().await?.is_some() {
            found.push(engine.clone());
        }
    }
    Ok(found)
}

/// What is said about one log.
struct Judged {
    which: &'static str,
    file: PathBuf,
    verdict: Verdict,
    /// Against a checkpoint from outside.
    compared: bool,
}

/// Judges every log of the home, each against the outside note when that belongs to it. The second answer is whether
/// the note was used: one that belongs to no log here proves nothing.
async fn judged(home: &Path, note: Option<&str>) -> Result<(Vec<Judged>, bool), Problem> {
    let mut all = Vec::new();
    let mut used = note.is_none();
    for (which, file) in [("log", home.join(STORE)), ("practice log", home.join(PRACTICE).join(STORE))] {
        if !file.exists() {
            continue;
        }
        let mut outside = Vec::new();
        if let Some(note) = note
            && journal::verify::installation_of(&file).await.as_deref() == journal::checkpoint::installation_of(note)
        {
            used = true;
            outside.push(note.to_string());
        }
        let verdict = journal::verify::verify_file_against(&file, None, &outside).await?;
        all.push(Judged { which, file, verdict, compared: !outside.is_empty() });
    }
    Ok((all, used))
}

async fn verify(terminal: &Terminal, note: Option<&Path>) -> Result<Ending, Problem> {
    let note = match note {
        Some(file) => Some(journal::checkpoint::tidied(
            &std::fs::read_to_string(file).map_err(|error| engine::home::cannot_use(file, &error))?,
        )),
        None => None,
    };
    let (all, used) = judged(&terminal.home, note.as_deref()).await?;
    if all.is_empty() {
        terminal.screen.say(&format!("There is no log in {}.", terminal.home.display()));
        return Ok(Ending::Failed);
    }
    let good = used && all.iter().all(|judged| matches!(judged.verdict, Verdict::Good { .. }));
    if terminal.screen.json() {
        let rows: Vec<Value> = all
            .iter()
            .map(|judged| match &judged.verdict {
                Verdict::Good { entries, head, signed, .. } => {
                    let signed = signed.as_ref().map(|signed| json!({"to": signed.seq, "at": signed.at, "key": signed.fingerprint}));
                    json!({"log": judged.which, "file": judged.file, "good": true, "records": entries, "head": head.map(|head| hex(&head)),
                           "signed": signed, "compared": judged.compared})
                }
                Verdict::Broken { seq, flaw, what } => {
                    json!({"log": judged.which, "file": judged.file, "good": false, "first_bad": seq, "flaw": flaw_words(*flaw), "what": what})
                }
                Verdict::Unreadable { why } => json!({"log": judged.which, "file": judged.file, "good": false, "why": why}),
            })
            .collect();
        terminal.screen.answer(&rows);
    } else {
        for judged in &all {
            terminal.screen.data(&sentence(judged));
        }
    }
    if !used {
        // No file here claims this note: the logs may be right, but the question that was asked is not answered.
        terminal
            .screen
            .say("The checkpoint belongs to none of the logs here: it is another installation's, or the log was replaced by another.");
    }
    Ok(if good { Ending::Done } else { Ending::Failed })
}

fn sentence(judged: &Judged) -> String {
    let (which, file) = (judged.which, judged.file.display());
    match &judged.verdict {
        Verdict::Good { entries: 0, .. } => format!("The {which} is empty ({file})."),
        Verdict::Good { entries, head, signed, .. } => {
            let head = head.map(|head| hex(&head)).unwrap_or_default();
            let signed = match signed {
                Some(signed) => format!(
                    " Signed up to record {}, written {}, with key {}.",
                    grouped(signed.seq),
                    signed.at,
                    signed.fingerprint
                ),
                None => " None of it is signed: no keychain held a key when it was written.".to_string(),
            };
            let compared = if judged.compared {
                " It agrees with the checkpoint kept elsewhere."
            } else {
                " Whoever owns this computer could have rewritten all of it: only a checkpoint kept elsewhere shows that."
            };
            format!(
                "The {which} is whole: {} records, each the next link of the chain, up to {}.{signed}{compared} ({file})",
                grouped(*entries),
                head.get(..16).unwrap_or(&head)
            )
        }
        Verdict::Broken { seq, flaw, what } => format!(
            "The {which} is broken: record {seq} is the first bad one ({}). {what} ({file})",
            flaw_words(*flaw)
        ),
        Verdict::Unreadable { why } => format!("The {which} could not be read, so nothing is known about it: {why} ({file})"),
    }
}

fn flaw_words(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::Edited => "edited",
        Flaw::Gap => "missing",
        Flaw::Reordered => "moved from another place",
        Flaw::Forked => "stands on another record",
        Flaw::Truncated => "the end was cut off",
        Flaw::Checkpoint => "a checkpoint does not fit",
    }
}

async fn checkpoint(terminal: &Terminal, to: Option<PathBuf>, company: Option<String>) -> Result<Ending, Problem> {
    let app = terminal.app().await?;
    let engine = match &company {
        Some(name) => app.company(name).await?.0,
        // The log that people work in: practice only where there is nothing else.
        None => match with_records(&app.engines().await).await?.into_iter().next() {
            Some(engine) => engine,
            None => app.real().clone(),
        },
    };
    let Some(note) = engine.sign_log().await? else {
        terminal.screen.say(
            "There is nothing to put down: the log is empty, or the keychain with its key does not answer. Unlock the keychain and try again.",
        );
        return Ok(Ending::Failed);
    };
    if !note.is_signed() {
        terminal
            .screen
            .say("This computer has no keychain, so the note is not signed. It still shows whether the log was changed.");
    }
    let key = engine.journal.signing_key().filter(|_| note.is_signed()).map(|key| key.fingerprint());
    if let Some(file) = &to {
        std::fs::write(file, &note.note).map_err(|error| engine::home::cannot_use(file, &error))?;
    }
    if terminal.screen.json() {
        terminal
            .screen
            .answer(&json!({"records": note.size, "signed": note.is_signed(), "key": key, "note": note.note, "file": to}));
        return Ok(Ending::Done);
    }
    match to {
        Some(file) => terminal.screen.data(&format!("The checkpoint of {} records is in {}.", grouped(note.size), file.display())),
        None => terminal.screen.data(note.note.trim_end()),
    }
    if let Some(key) = key {
        terminal.screen.say(&format!("It is signed with key {key}."));
    }
    terminal
        .screen
        .say("Keep it away from this computer: print it, or mail it to your bookkeeper. `changeover log verify --checkpoint FILE` compares.");
    Ok(Ending::Done)
}

async fn export(terminal: &Terminal, file: PathBuf) -> Result<Ending, Problem> {
    let app = terminal.app().await?;
    let failed = |error: std::io::Error| engine::home::cannot_use(&file, &error);
    let mut out = std::io::BufWriter::new(std::fs::File::create(&file).map_err(failed)?);
    let mut count = 0_u64;
    for engine in with_records(&app.engines().await).await? {
        let mut after = 0;
        loop {
            let page = engine
                .journal
                .entries(&journal::Filter::default(), after, journal::store::LARGEST_PAGE)
                .await?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            for entry in &page {
                writeln!(out, "{}", as_json(&engine, entry)).map_err(failed)?;
                count += 1;
            }
        }
    }
    out.flush().map_err(failed)?;
    terminal
        .screen
        .say(&format!("{} records written to {}.", grouped(count), file.display()));
    Ok(Ending::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_log_names_its_first_bad_record() {
        let judged = Judged {
            which: "log",
            file: "x.sqlite".into(),
            verdict: Verdict::Broken {
                seq: 17,
                flaw: Flaw::Edited,
                what: "Its content does not match its hash.".to_string(),
            },
            compared: false,
        };
        assert!(sentence(&judged).contains("record 17"), "{}", sentence(&judged));
    }

    #[test]
    fn a_log_that_could_not_be_read_is_not_called_whole() {
        let judged = Judged {
            which: "log",
            file: "x.sqlite".into(),
            verdict: Verdict::Unreadable { why: "no".to_string() },
            compared: false,
        };
        assert!(!sentence(&judged).contains("whole"));
    }
}
