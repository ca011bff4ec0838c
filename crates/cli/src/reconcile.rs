//! `changeover reconcile …`: what the processor says, what the books say, and what is left over.
//!
//! The engine judges; this shows its findings and writes them as a table. It must never round a remainder away.

use crate::csv;
use crate::ending::Ending;
use crate::reach::{self, Which};
use crate::screen::{counted, grouped};
use crate::terminal::Terminal;
use clap::Subcommand;
use engine::store::answer::{AnswerRow, Answered};
use engine::store::movement;
use engine::upgrading::verifying::Seen;
use ledger::{AccountId, Money, Problem};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Reconcile {
    /// Compare the books with everything that was read from the processor
    Show {
        #[command(flatten)]
        which: Which,
    },
    /// The same as a table for a spreadsheet
    Export {
        #[command(flatten)]
        which: Which,
        /// The file to write; without it the table goes to standard output
        #[arg(long, value_name = "FILE.csv")]
        to: Option<PathBuf>,
    },
}

struct Compared {
    seen: Seen,
    holds: Vec<movement::Hold>,
    answers: Vec<AnswerRow>,
    names: BTreeMap<AccountId, String>,
    company: String,
    /// Accounts that the connector posts to.
    ours: BTreeSet<AccountId>,
}

impl Compared {
    /// "  12.00 USD", or nothing where the amount is not known.
    fn amount(&self, minor: Option<i64>) -> String {
        minor.map_or_else(String::new, |minor| format!("  {}", Money::new(minor, self.seen.clearing_books.currency)))
    }

    fn agrees(&self) -> bool {
        let verdict = &self.seen.verdict;
        verdict.unexplained.is_zero()
            && verdict.unexplained_other.is_empty()
            && verdict.unexplained_lines == 0
            && verdict.doubled == 0
            && verdict.lost == 0
            && self.seen.tie_out.agrees()
            && self.seen.clearing_books == self.seen.clearing_processor
    }
}

fn answered_words(answer: Answered) -> &'static str {
    match answer {
        Answered::Linked => "Linked by a person",
        Answered::Posted => "Posted by a person",
        Answered::Excluded => "Left out by a person",
    }
}

pub async fn run(terminal: &Terminal, command: Reconcile) -> Result<Ending, Problem> {
    match command {
        Reconcile::Show { which } => show(terminal, which).await,
        Reconcile::Export { which, to } => export(terminal, which, to).await,
    }
}

async fn compared(terminal: &Terminal, which: &Which) -> Result<Compared, Problem> {
    let reached = reach::company(terminal, which).await?;
    let connection = reached.connection(which).await?;
    let (u, _, seen) = reached.engine.reconcile_company(&reached.company, &connection).await?;
    let holds = movement::holds(&reached.engine.pool, &connection.id, &u.to).await?;
    let answers = reached.engine.standing_answers(&connection).await?.rows().to_vec();
    let names = reached.engine.account_names(&reached.company).await?;
    let ours = connection.roles.0.values().cloned().collect();
    Ok(Compared {
        seen,
        holds,
        answers,
        names,
        company: reached.company.name,
        ours,
    })
}

async fn show(terminal: &Terminal, which: Which) -> Result<Ending, Problem> {
    let compared = compared(terminal, &which).await?;
    let seen = &compared.seen;
    let ending = if compared.agrees() { Ending::Done } else { Ending::Failed };
    let screen = &terminal.screen;
    if screen.json() {
        screen.answer(&json!({
            "company": compared.company,
            "agrees": compared.agrees(),
            "verdict": seen.verdict.sentence(),
            "movements": seen.verdict.movements,
            "account_days": seen.verdict.account_days,
            "findings": seen.verdict.findings,
            "clearing": {"books": seen.clearing_books.plain(), "processor": seen.clearing_processor.plain(), "currency": seen.clearing_books.currency.code()},
            "payouts": seen.tie_out.rows,
            "held": compared.holds.iter().map(|h| json!({"at": h.instant, "stream": h.stream, "code": h.reason_code, "reason": h.reason, "amount_minor": h.minor})).collect::<Vec<_>>(),
            "answered": compared.answers.iter().map(|a| json!({"at": a.hold.instant, "stream": a.hold.stream, "answer": a.answer.word(), "reason": a.reason, "by": a.by, "amount_minor": a.hold.minor})).collect::<Vec<_>>(),
        }));
        return Ok(ending);
    }
    screen.data(&format!("\"{}\": {}", compared.company, seen.verdict.sentence()));
    screen.data(&format!(
        "  {} looked at, {} of account and day",
        counted(seen.verdict.movements, "movement", "movements"),
        counted(seen.verdict.account_days, "total", "totals")
    ));
    screen.data(&format!(
        "  Clearing account: {} in the books, {} by the processor",
        seen.clearing_books, seen.clearing_processor
    ));
    screen.data(&format!(
        "  Payouts: {} of {} agree, difference {}",
        grouped(seen.tie_out.agreeing),
        grouped(seen.tie_out.rows.len() as u64),
        seen.tie_out.difference
    ));
    for row in seen
        .tie_out
        .rows
        .iter()
        .filter(|row| !row.difference.is_zero() || row.composition.is_some_and(|sum| !sum.is_zero()))
    {
        screen.data(&format!(
            "    {}  {} by the processor, {} in the books, difference {}",
            row.date, row.processor, row.books, row.difference
        ));
    }
    for finding in &seen.verdict.findings {
        screen.data(&format!("  {finding}"));
    }
    screen.data(&format!("  Held for a person: {}", grouped(compared.holds.len() as u64)));
    for hold in &compared.holds {
        let amount = compared.amount(hold.minor);
        screen.data(&format!("    {}  {}{amount}  {}", hold.instant, hold.stream, hold.reason));
    }
    for answer in &compared.answers {
        let amount = compared.amount(answer.hold.minor);
        screen.data(&format!("  {}: {}  {}{amount}  {}", answered_words(answer.answer), answer.hold.instant, answer.hold.stream, answer.reason));
    }
    Ok(ending)
}

async fn export(terminal: &Terminal, which: Which, to: Option<PathBuf>) -> Result<Ending, Problem> {
    let compared = compared(terminal, &which).await?;
    let table = table(&compared);
    match to {
        Some(file) => {
            std::fs::write(&file, &table).map_err(|error| engine::home::cannot_use(&file, &error))?;
            terminal.screen.say(&format!(
                "{} written to {}.",
                counted(table.lines().count() as u64 - 1, "row", "rows"),
                file.display()
            ));
        }
        None => table.lines().for_each(|line| terminal.screen.data(line)),
    }
    Ok(Ending::Done)
}

/// One row per day of every account that the connector posts to, per payout, per held movement and per finding.
fn table(compared: &Compared) -> String {
    use csv::{plain, words};
    let seen = &compared.seen;
    let mut text = csv::row(
        &[
            "kind",
            "day",
            "account or payout",
            "lines",
            "processor",
            "books",
            "difference",
            "currency",
            "finding",
        ]
        .map(words),
    );
    for day in seen.now.days.iter().filter(|day| compared.ours.contains(&day.account)) {
        let name = compared.names.get(&day.account).map_or("an account that is gone", String::as_str);
        let sum = plain(day.sum.plain());
        text.push_str(&csv::row(&[
            words("account and day"),
            plain(day.date),
            words(name),
            plain(day.count),
            plain(""),
            sum,
            plain(""),
            words(day.sum.currency.code()),
            words(""),
        ]));
    }
    for row in &seen.tie_out.rows {
        let finding = serde_json::to_value(row.finding)
            .ok()
            .and_then(|value| value.as_str().map(str::to_string))
            .unwrap_or_default();
        text.push_str(&csv::row(&[
            words("payout"),
            plain(row.date),
            words(&row.settlement),
            plain(""),
            plain(row.processor.plain()),
            plain(row.books.plain()),
            plain(row.difference.plain()),
            words(row.difference.currency.code()),
            words(finding),
        ]));
    }
    let held = compared.holds.iter().map(|hold| ("held", hold, hold.reason.as_str()));
    let answered = compared.answers.iter().map(|answer| (answered_words(answer.answer), &answer.hold, answer.reason.as_str()));
    for (kind, hold, why) in held.chain(answered) {
        let empty = || plain("");
        let amount = hold.minor.map(|minor| Money::new(minor, seen.clearing_books.currency));
        text.push_str(&csv::row(&[
            words(kind),
            plain(hold.instant),
            words(&hold.stream),
            empty(),
            plain(amount.map_or_else(String::new, |amount| amount.plain())),
            empty(),
            empty(),
            words(amount.map_or_else(String::new, |amount| amount.currency.code().to_string())),
            words(why),
        ]));
    }
    for finding in &seen.verdict.findings {
        let empty = || plain("");
        text.push_str(&csv::row(&[
            words("finding"),
            empty(),
            empty(),
            empty(),
            empty(),
            empty(),
            empty(),
            empty(),
            words(finding),
        ]));
    }
    text
}
