//! `upgrade differences`: what the shadow run found, entry by entry: the same, announced, or unexplained.

use super::Id;
use crate::ending::Ending;
use crate::reach;
use crate::screen::grouped;
use crate::terminal::Terminal;
use clap::ValueEnum;
use engine::store::upgrade as stored;
use engine::upgrading::shadow;
use ledger::{AccountId, Money, Problem};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Only {
    All,
    /// Announced by the connector's package
    Expected,
    Unexplained,
}

/// The stored comparison, as far as it is shown.
#[derive(Debug, Deserialize, Serialize)]
struct Compared {
    rows: Vec<Row>,
    counts: Counts,
    unexplained: Money,
}

#[derive(Debug, Deserialize, Serialize)]
struct Counts {
    same: u64,
    expected: u64,
    unexplained: u64,
}

#[derive(Debug, Deserialize, Serialize)]
struct Row {
    label: String,
    date: jiff::civil::Date,
    old_lines: Vec<Line>,
    new_lines: Vec<Line>,
    class: Class,
    remainder: Money,
}

#[derive(Debug, Deserialize, Serialize)]
struct Line {
    date: jiff::civil::Date,
    account: AccountId,
    amount: Money,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "class", rename_all = "snake_case")]
enum Class {
    Same,
    Expected { rules: BTreeSet<String> },
    Unexplained { why: String },
}

impl Only {
    fn wants(self, class: &Class) -> bool {
        match (self, class) {
            (Only::All, Class::Same | Class::Expected { .. } | Class::Unexplained { .. }) => true,
            (Only::Expected, Class::Expected { .. }) | (Only::Unexplained, Class::Unexplained { .. }) => true,
            (Only::Expected, Class::Same | Class::Unexplained { .. }) | (Only::Unexplained, Class::Same | Class::Expected { .. }) => false,
        }
    }
}

pub async fn show(terminal: &Terminal, id: Id, only: Only) -> Result<Ending, Problem> {
    let (reached, row) = reach::upgrade(terminal, id.id.as_deref(), &id.which).await?;
    let engine = &reached.engine;
    let Some(stored) = stored::fact::<Value>(&engine.pool, &row.id, shadow::FACT).await? else {
        terminal.screen.say("The shadow run has not compared anything yet.");
        return Ok(Ending::Waiting);
    };
    let mut compared: Compared =
        serde_json::from_value(stored).map_err(|error| engine::store::unknown("comparison", &error.to_string()))?;
    compared.rows.retain(|row| only.wants(&row.class));
    if terminal.screen.json() {
        terminal.screen.answer(&compared);
        return Ok(Ending::Done);
    }
    let names = engine.account_names(&reached.company).await?;
    for row in &compared.rows {
        for line in row_lines(row, &names) {
            terminal.screen.data(&line);
        }
    }
    terminal.screen.data(&format!(
        "{} the same, {} announced, {} unexplained ({})",
        grouped(compared.counts.same),
        grouped(compared.counts.expected),
        grouped(compared.counts.unexplained),
        compared.unexplained
    ));
    Ok(Ending::Done)
}

fn row_lines(row: &Row, names: &BTreeMap<AccountId, String>) -> Vec<String> {
    let class = match &row.class {
        Class::Same => "the same".to_string(),
        Class::Expected { rules } => format!("announced: {}", rules.iter().cloned().collect::<Vec<_>>().join(", ")),
        Class::Unexplained { why } => format!("unexplained ({}), {}", why.replace('_', " "), row.remainder),
    };
    let mut lines = vec![format!("{}  {}  {class}", row.date, row.label)];
    let side = |word: &str, side: &[Line], lines: &mut Vec<String>| {
        for line in side {
            let name = names
                .get(&line.account)
                .map_or("an account that the books no longer have", String::as_str);
            lines.push(format!("    {word}  {:>16}  {name}", line.amount.to_string()));
        }
    };
    if !matches!(row.class, Class::Same) {
        side("old", &row.old_lines, &mut lines);
        side("new", &row.new_lines, &mut lines);
    }
    lines
}
