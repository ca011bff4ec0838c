//! `changeover holds …`: movements that were not posted, and a person's answer to each.
//!
//! The engine says which answers are possible and carries them out; this shows them and reads what was typed. It must
//! never answer on its own: whatever writes names one movement.

use crate::ending::Ending;
use crate::reach::{self, Reached, Which};
use crate::screen::counted;
use crate::terminal::Terminal;
use clap::{Args, Subcommand};
use engine::holding::{Candidate, ChosenLine, Decision, E_HOLD_LINES, Given, HeldMovement, hold_id};
use engine::store::answer::{AnswerRow, AnswerState, Answered};
use engine::store::company::Connection;
use ledger::{Account, AccountId, Money, Problem};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Debug, Subcommand)]
pub enum Holds {
    /// List what is held, and what was answered
    List {
        #[command(flatten)]
        which: Which,
    },
    /// Show one held movement: what would be posted, and which entries of the books it may already be
    Show {
        #[command(flatten)]
        one: One,
    },
    /// It is in the books already, as this entry; nothing is written to the books
    Link {
        #[command(flatten)]
        one: One,
        /// The entry's id, as `holds show` lists it
        #[arg(long, value_name = "ID")]
        entry: String,
        #[command(flatten)]
        who: Who,
    },
    /// Post it: as proposed, or to the accounts named here where the connector's rules do not know them
    Post {
        #[command(flatten)]
        one: One,
        /// ACCOUNT=AMOUNT, the account by its full name or id; positive is debit; the lines must add up to nothing
        #[arg(long = "line", value_name = "ACCOUNT=AMOUNT", allow_hyphen_values = true)]
        lines: Vec<String>,
        #[command(flatten)]
        who: Who,
    },
    /// Never post it; the reason is kept in the log
    Exclude {
        #[command(flatten)]
        one: One,
        /// Why it does not belong into these books
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        who: Who,
    },
    /// Take a link or an exclusion back; the movement is held again
    Undo {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        who: Who,
    },
}

/// One held movement.
#[derive(Debug, Clone, Args)]
pub struct One {
    /// Its name, as `holds list` shows it
    #[arg(value_name = "HOLD")]
    pub hold: String,
    #[command(flatten)]
    pub which: Which,
}

#[derive(Debug, Clone, Args)]
pub struct Who {
    /// Who decides, for the log [default: you, by the name of your account on this computer]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
}

pub async fn run(terminal: &Terminal, command: Holds) -> Result<Ending, Problem> {
    match command {
        Holds::List { which } => list(terminal, which).await,
        Holds::Show { one } => show(terminal, one).await,
        Holds::Link { one, entry, who } => answer(terminal, one, Decision::Link { entry }, who).await,
        Holds::Exclude { one, reason, who } => answer(terminal, one, Decision::Exclude { reason }, who).await,
        Holds::Post { one, lines, who } => {
            let reached = reach::company(terminal, &one.which).await?;
            let accounts = reached.engine.books(&reached.company).await?.describe().await?.accounts;
            let lines = read_lines(&lines, &accounts, &reached)?;
            answer(terminal, one, Decision::Post { lines }, who).await
        }
        Holds::Undo { one, who } => {
            let reached = reach::company(terminal, &one.which).await?;
            let connection = reached.connection(&one.which).await?;
            let given = reached
                .engine
                .undo_answer(&reached.company, &connection, &one.hold, who.by.as_deref())
                .await?;
            told(terminal, &reached, &given)
        }
    }
}

async fn list(terminal: &Terminal, which: Which) -> Result<Ending, Problem> {
    let reached = reach::company(terminal, &which).await?;
    let connection = reached.connection(&which).await?;
    let held = reached.engine.held_movements(&reached.company, &connection).await?;
    let standing = reached.engine.standing_answers(&connection).await?;
    let screen = &terminal.screen;
    if screen.json() {
        screen.answer(&json!({
            "company": reached.company.name,
            "held": held.iter().map(held_json).collect::<Vec<_>>(),
            "answered": standing.rows().iter().map(|row| answer_json(&connection, row)).collect::<Vec<_>>(),
        }));
        return Ok(Ending::Done);
    }
    screen.data(&format!("Held for a person: {}", held.len()));
    for one in &held {
        screen.data(&format!("  {}  {}  {}", one.id, one.date, named(one)));
        screen.data(&format!("    {}", one.hold.reason));
    }
    if !standing.rows().is_empty() {
        screen.data(&format!("Answered: {}", standing.rows().len()));
        for row in standing.rows() {
            let amount = row
                .hold
                .minor
                .map_or_else(String::new, |minor| format!("  {}", Money::new(minor, reached.company.currency)));
            screen.data(&format!("  {}  {}{amount}", hold_id(&connection.id, &row.hold), sentence(row)));
        }
    }
    if !held.is_empty() {
        screen.say(&format!("Next: `{} HOLD` says what can be done.", terminal.command("holds show")));
    }
    Ok(Ending::Done)
}

fn named(held: &HeldMovement) -> String {
    match held.amount {
        Some(amount) => format!("{}, {amount}", held.title),
        None => held.title.clone(),
    }
}

fn words(answer: Answered) -> &'static str {
    match answer {
        Answered::Linked => "link",
        Answered::Posted => "post",
        Answered::Excluded => "exclude",
    }
}

const ANSWERS: [Answered; 3] = [Answered::Linked, Answered::Posted, Answered::Excluded];

fn held_json(held: &HeldMovement) -> Value {
    let may: Vec<&str> = ANSWERS
        .into_iter()
        .filter(|answer| held.refusal(*answer).is_none())
        .map(words)
        .collect();
    json!({
        "id": held.id, "day": held.date, "title": held.title, "amount": held.amount.map(|m| m.plain()), "currency": held.amount.map(|m| m.currency.code().to_string()),
        "code": held.hold.reason_code, "reason": held.hold.reason, "may": may, "needs_lines": held.needs_lines(),
    })
}

fn answer_json(connection: &Connection, row: &AnswerRow) -> Value {
    json!({
        "id": hold_id(&connection.id, &row.hold), "answer": row.answer.word(), "state": row.state.word(), "reason": row.reason, "entry": row.entry_id,
        "by": row.by, "at": row.at, "amount_minor": row.hold.minor,
    })
}

fn sentence(row: &AnswerRow) -> String {
    match row.answer {
        Answered::Linked => format!("Linked to the entry \"{}\", by {} on {}.", row.reason, row.by, row.at),
        Answered::Posted => format!("Posted by {} on {}.", row.by, row.at),
        Answered::Excluded => format!("Left out by {} on {}: {}", row.by, row.at, row.reason),
    }
}

async fn show(terminal: &Terminal, one: One) -> Result<Ending, Problem> {
    let reached = reach::company(terminal, &one.which).await?;
    let connection = reached.connection(&one.which).await?;
    let held = reached.engine.held_movement(&reached.company, &connection, &one.hold).await?;
    let candidates = match held.refusal(Answered::Linked) {
        None => reached.engine.hold_candidates(&reached.company, &connection, &held).await?,
        Some(_) => Vec::new(),
    };
    let names = reached.engine.account_names(&reached.company).await?;
    let screen = &terminal.screen;
    if screen.json() {
        let mut answer = held_json(&held);
        answer["candidates"] = candidates.iter().map(candidate_json).collect();
        answer["entries"] = held
            .entries
            .iter()
            .map(|planned| {
                let lines: Vec<Value> = planned
                    .entry
                    .lines
                    .iter()
                    .map(|l| json!({"account": name(&names, &l.account), "amount": l.amount.plain()}))
                    .collect();
                json!({"day": planned.entry.date, "description": planned.entry.description, "lines": lines})
            })
            .collect();
        answer["members"] = held.members.len().into();
        answer["refused"] = held
            .refused
            .iter()
            .map(|(answer, why)| json!({"answer": words(*answer), "why": why}))
            .collect();
        screen.answer(&answer);
        return Ok(Ending::Done);
    }
    screen.data(&format!("{}  {}  {}", held.id, held.date, named(&held)));
    screen.data(&format!("  {}", held.hold.reason));
    for (answer, why) in &held.refused {
        screen.data(&format!("  Not possible: {}. {why}", words(*answer)));
    }
    for planned in &held.entries {
        screen.data(&format!(
            "  post would write \"{}\" of {}:",
            planned.entry.description, planned.entry.date
        ));
        for line in &planned.entry.lines {
            screen.data(&format!("    {:>16}  {}", line.amount.to_string(), name(&names, &line.account)));
        }
    }
    if held.needs_lines() && held.refusal(Answered::Posted).is_none() {
        screen.data("  post needs the accounts: --line \"ACCOUNT=AMOUNT\" for each, adding up to nothing.");
    }
    if held.refusal(Answered::Linked).is_none() {
        screen.data(&format!(
            "  link: {} of the books may be it.",
            counted(candidates.len() as u64, "entry", "entries")
        ));
    }
    if !held.members.is_empty() {
        screen.data(&format!(
            "    With it count {} that it pays out.",
            counted(held.members.len() as u64, "movement", "movements")
        ));
    }
    for candidate in &candidates {
        screen.data(&format!(
            "    {}  {}  {}  \"{}\"",
            candidate.entry, candidate.date, candidate.amount, candidate.description
        ));
        candidate.reasons.iter().for_each(|reason| screen.data(&format!("      {reason}")));
    }
    Ok(Ending::Done)
}

fn name(names: &BTreeMap<AccountId, String>, account: &AccountId) -> String {
    names.get(account).cloned().unwrap_or_else(|| "an account that is gone".to_string())
}

fn candidate_json(one: &Candidate) -> Value {
    json!({
        "entry": one.entry, "day": one.date, "description": one.description, "amount": one.amount.plain(), "same_account": one.same_account, "reasons": one.reasons,
    })
}

async fn answer(terminal: &Terminal, one: One, decision: Decision, who: Who) -> Result<Ending, Problem> {
    let reached = reach::company(terminal, &one.which).await?;
    let connection = reached.connection(&one.which).await?;
    let watcher = terminal.watcher();
    let given = reached
        .engine
        .answer_hold(&reached.company, &connection, &one.hold, decision, who.by.as_deref(), &watcher)
        .await;
    terminal.screen.rest();
    told(terminal, &reached, &given?)
}

fn told(terminal: &Terminal, reached: &Reached, given: &Given) -> Result<Ending, Problem> {
    let row = &given.row;
    if terminal.screen.json() {
        terminal.screen.answer(&json!({
            "company": reached.company.name, "answer": row.answer.word(), "state": row.state.word(), "already": given.already,
            "entry": row.entry_id, "reason": row.reason, "by": row.by, "at": row.at,
        }));
        return Ok(Ending::Done);
    }
    let said = match row.state {
        AnswerState::Undone => "The answer was taken back; the payment is held again.".to_string(),
        AnswerState::Intent | AnswerState::Done | AnswerState::Absent => sentence(row),
    };
    match given.already {
        true => terminal.screen.data(&format!("Nothing to do: it was answered before. {said}")),
        false => terminal.screen.data(&said),
    }
    Ok(Ending::Done)
}

/// "Assets:Square=96.80" → account and amount. Errors: `E-HOLD-LINES` with every fault at once.
fn read_lines(texts: &[String], accounts: &[Account], reached: &Reached) -> Result<Vec<ChosenLine>, Problem> {
    let mut lines = Vec::new();
    let mut faults = Vec::new();
    for text in texts {
        match read_line(text, accounts, reached) {
            Ok(line) => lines.push(line),
            Err(fault) => faults.push(fault),
        }
    }
    let mut faults = faults.into_iter();
    match faults.next() {
        None => Ok(lines),
        Some(first) => {
            let problem = Problem::new(
                E_HOLD_LINES,
                "The lines cannot be understood as they are given.",
                first,
                "Write ACCOUNT=AMOUNT with the account's full name, such as --line \"Income:Sales=-100.00\".",
            );
            Err(faults.fold(problem, Problem::because))
        }
    }
}

fn read_line(text: &str, accounts: &[Account], reached: &Reached) -> Result<ChosenLine, String> {
    // An account's name may hold "="; an amount never does.
    let (name, amount) = text
        .rsplit_once('=')
        .ok_or_else(|| format!("\"{text}\" is not of the form ACCOUNT=AMOUNT."))?;
    let (name, amount) = (name.trim(), amount.trim());
    let mut named = accounts.iter().filter(|account| account.id.0 == name || account.full_name == name);
    let account = match (named.next(), named.next()) {
        (Some(account), None) => account.id.clone(),
        (Some(_), Some(_)) => return Err(format!("Two accounts are named \"{name}\"; give the id of the one that is meant.")),
        (None, _) => return Err(format!("The books have no account \"{name}\".")),
    };
    let money = Money::parse(amount, reached.company.currency)
        .map_err(|problem| format!("\"{amount}\" is no amount: {}", problem.why.join(" ")))?;
    Ok(ChosenLine {
        account,
        minor: money.minor,
    })
}
