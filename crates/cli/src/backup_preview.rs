//! `changeover backup preview` and `backup list --from`: what is in a place and in a backup, and how today differs from it.
//!
//! Nothing is changed by looking. Amounts are exact; what is not written out one by one is counted.

use crate::backup::{as_json, this_program};
use crate::backup_keys::Given;
use crate::ending::Ending;
use crate::follow::bytes;
use crate::reach::{self, Which};
use crate::screen::{counted, grouped};
use crate::terminal::Terminal;
use ::backup::Manifest;
use clap::Args;
use engine::backups::BackupRow;
use engine::reading_back::{list_of_backup_with_kit, list_with_kit};
use engine::restoring::comparing::{AccountChange, Became, Counts, Differences, EntryChange, EntrySide};
use engine::restoring::parts::what_it_is;
use ledger::{Currency, Money, Problem};
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, Args)]
pub struct PreviewArguments {
    /// The backup's id; without it, the newest
    pub id: Option<String>,
    #[command(flatten)]
    pub which: Which,
    /// Compare with today: accounts, entries, settings and files, added, changed or gone, with amounts
    #[arg(long)]
    pub against_today: bool,
    /// On a computer that knows nothing: the backup folder
    #[arg(long, value_name = "PLACE", requires = "opener", conflicts_with = "against_today")]
    pub from: Option<PathBuf>,
    /// On a computer that knows nothing: the recovery kit's file, or a file with its code, its words or its QR code's text
    #[arg(long, value_name = "FILE", requires = "from", group = "opener")]
    pub recovery_key: Option<PathBuf>,
    /// On a computer that knows nothing: ask for the passphrase of the backups
    #[arg(long, requires = "from", group = "opener")]
    pub passphrase: bool,
}

/// What is known of a backup that is looked at.
struct Looked {
    id: String,
    manifest: Manifest,
    /// What this installation noted about it; none on a computer that knows nothing.
    row: Option<BackupRow>,
    differences: Option<Differences>,
}

async fn look(terminal: &Terminal, arguments: &PreviewArguments) -> Result<Looked, Problem> {
    if let Some(from) = &arguments.from {
        let given = Given::take(terminal, arguments.recovery_key.as_ref()).await?;
        let worker = this_program()?;
        let (manifest, id) = tokio::task::block_in_place(|| list_of_backup_with_kit(&worker, from, given.opener(), arguments.id.as_deref()))?;
        return Ok(Looked { id, manifest, row: None, differences: None });
    }
    let reached = reach::company(terminal, &arguments.which).await?;
    let row = reached.engine.backup(&reached.company, arguments.id.as_deref()).await?;
    let manifest = reached.engine.backup_list(&row).await?;
    let differences = match arguments.against_today {
        true => Some(reached.engine.look_inside(&reached.company, &row, &terminal.watcher()).await?.1?),
        false => None,
    };
    Ok(Looked { id: row.id.clone(), manifest, row: Some(row), differences })
}

pub async fn preview(terminal: &Terminal, arguments: PreviewArguments) -> Result<Ending, Problem> {
    let Looked { id, manifest, row, differences } = look(terminal, &arguments).await?;
    terminal.screen.rest();
    let about = &manifest.about;
    if terminal.screen.json() {
        terminal.screen.answer(&json!({
            "id": id,
            "backup": row.as_ref().map(as_json),
            "company": about.company_name,
            "taken": about.at,
            "made_by": about.made_by,
            "counts": about.counts,
            "files": manifest.files.iter().map(|f| json!({"path": f.path, "size": f.size, "what": what_it_is(f)})).collect::<Vec<_>>(),
            "totals": about.totals,
            "differs_from_today": differences,
        }));
        return Ok(Ending::Done);
    }
    let screen = &terminal.screen;
    screen.data(&format!("Backup {id} of \"{}\", taken {}", about.company_name, about.at));
    for (what, count) in &about.counts {
        screen.data(&format!("  {:<12} {}", what, grouped(*count)));
    }
    screen.data(&format!(
        "  {:<12} {}, {}",
        "files",
        grouped(manifest.files.len() as u64),
        bytes(manifest.bytes_in_files())
    ));
    for file in &manifest.files {
        screen.data(&format!("    {}  {}  ({})", file.path, bytes(file.size), what_it_is(file)));
    }
    screen.data("");
    show_totals(terminal, &manifest);
    if let Some(differences) = differences {
        screen.data("");
        show_differences(terminal, &differences);
    }
    Ok(Ending::Done)
}

fn word(became: Became) -> &'static str {
    match became {
        Became::Added => "added since",
        Became::Changed => "changed since",
        Became::Gone => "gone since",
    }
}

fn counts(counts: &Counts) -> String {
    format!("{} added, {} changed, {} gone", grouped(counts.added), grouped(counts.changed), grouped(counts.gone))
}

fn show_differences(terminal: &Terminal, all: &Differences) {
    let screen = &terminal.screen;
    let rest = |more: u64| {
        if more > 0 {
            screen.data(&format!("  … and {} more", grouped(more)));
        }
    };
    if all.books_are_the_same() {
        screen.data("The book is the same today: every account and every entry.");
    } else {
        screen.data(&format!("Accounts since this backup: {}", counts(&all.accounts.counts)));
        all.accounts.shown.iter().for_each(|account| screen.data(&format!("  {}", account_line(account))));
        rest(all.accounts.not_shown());
        screen.data(&format!("Entries since this backup: {}", counts(&all.entries.counts)));
        for (what, sums) in [("added", &all.added), ("gone", &all.gone)] {
            if !sums.is_empty() {
                screen.data(&format!("  {what} together: {}", sums.iter().map(Money::to_string).collect::<Vec<_>>().join(", ")));
            }
        }
        for entry in &all.entries.shown {
            entry_lines(entry).iter().for_each(|line| screen.data(&format!("  {line}")));
        }
        rest(all.entries.not_shown());
    }
    if all.settings.is_empty() {
        screen.data("The settings are the same today.");
    } else {
        screen.data("Settings since this backup:");
    }
    for setting in &all.settings {
        screen.data(&match (&setting.then, &setting.now) {
            (Some(then), Some(now)) => format!("  {}: {then} then, {now} today", setting.what),
            (Some(then), None) => format!("  {}: gone since; it was {then}", setting.what),
            (None, Some(now)) => format!("  {}: added since, {now}", setting.what),
            (None, None) => format!("  {}", setting.what),
        });
    }
    screen.data(&format!("Files since this backup: {}", counts(&all.files.counts)));
    for file in &all.files.shown {
        let size = |size: Option<u64>| size.map(bytes).unwrap_or_default();
        screen.data(&match file.became {
            Became::Changed => format!("  {} ({}): changed since, {} then, {} today", file.path, file.what, size(file.size_then), size(file.size_now)),
            Became::Added => format!("  {} ({}): added since, {}", file.path, file.what, size(file.size_now)),
            Became::Gone => format!("  {} ({}): gone since, {}", file.path, file.what, size(file.size_then)),
        });
    }
    rest(all.files.not_shown());
}

fn account_line(account: &AccountChange) -> String {
    let balance = |balance: Option<Money>| balance.map_or_else(|| "no balance".to_string(), |money| money.to_string());
    let name = match (&account.name_then, account.is_renamed()) {
        (Some(then), true) => format!("{} (then {then})", account.name()),
        (Some(_) | None, _) => account.name().to_string(),
    };
    match account.became {
        Became::Added => format!("{name}: added since, {}", balance(account.balance_now)),
        Became::Gone => format!("{name}: gone since; it had {}", balance(account.balance_then)),
        Became::Changed => format!(
            "{name}: {} then, {} today, difference {}",
            balance(account.balance_then),
            balance(account.balance_now),
            balance(account.difference)
        ),
    }
}

fn entry_lines(entry: &EntryChange) -> Vec<String> {
    let head = |side: &EntrySide| format!("{}  {}  {}", side.date, side.amount, side.description);
    let lines = |side: &EntrySide| side.lines.iter().map(|(account, amount)| format!("{account} {amount}")).collect::<Vec<_>>().join("; ");
    match (&entry.then, &entry.now) {
        (Some(then), Some(now)) => vec![
            format!("{}  {}", word(entry.became), head(now)),
            format!("    then:  {}  [{}]", head(then), lines(then)),
            format!("    today: {}  [{}]", head(now), lines(now)),
        ],
        (Some(side), None) | (None, Some(side)) => vec![format!("{}  {}", word(entry.became), head(side)), format!("    {}", lines(side))],
        (None, None) => Vec::new(),
    }
}

/// The backups of a place, on a computer that knows nothing of them.
pub async fn list_from(terminal: &Terminal, from: &Path, kit: Option<&PathBuf>) -> Result<Ending, Problem> {
    let given = Given::take(terminal, kit).await?;
    let worker = this_program()?;
    let all = tokio::task::block_in_place(|| list_with_kit(&worker, from, given.opener()))?;
    terminal.screen.rest();
    if terminal.screen.json() {
        let rows: Vec<_> = all
            .iter()
            .map(|one| {
                let summary = one.summary.as_ref();
                json!({"id": one.id, "taken": summary.map_or(one.at, |s| s.at), "company": summary.map(|s| &s.company_name), "files": summary.map(|s| s.files),
                       "bytes": summary.map(|s| s.bytes), "label": one.tags, "made_by": summary.map(|s| &s.made_by), "by_changeover": summary.is_some()})
            })
            .collect();
        terminal.screen.answer(&json!({"backups": rows}));
        return Ok(Ending::Done);
    }
    for one in &all {
        let short = one.id.get(..12).unwrap_or(&one.id);
        terminal.screen.data(&match &one.summary {
            Some(summary) => format!(
                "{short}  {}  \"{}\"  {}, {}  {}",
                summary.at,
                summary.company_name,
                counted(summary.files, "file", "files"),
                bytes(summary.bytes),
                one.tags.join(", ")
            ),
            None => format!("{short}  {}  put here by another program: {}", one.at, one.label),
        });
    }
    terminal.screen.say(match all.is_empty() {
        true => "This place holds no backup.",
        false => "Whether they were read back or proved is not known here; restoring one compares every byte and every total.",
    });
    Ok(Ending::Done)
}

fn money(minor: i64, currency: &str) -> String {
    // A currency that this version does not know is shown as it is stored, never divided by a guess.
    Currency::of(currency).map_or_else(
        |_| format!("{minor} minor units of {currency}"),
        |currency| Money::new(minor, currency).to_string(),
    )
}

pub fn show_totals(terminal: &Terminal, manifest: &Manifest) {
    for total in manifest.about.totals.iter().filter(|total| total.entries > 0) {
        terminal.screen.data(&format!(
            "  {:>18}  {:>7} lines  {}",
            money(total.balance_minor, &total.currency),
            grouped(total.entries),
            total.name
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_of_an_unknown_currency_is_never_divided_by_a_guess() {
        assert_eq!(money(120_410, "USD"), "1,204.10 USD");
        assert_eq!(money(120_410, "XXQ"), "120410 minor units of XXQ");
    }

    #[test]
    fn a_changed_entry_shows_both_sides() {
        let usd = |minor| Money::new(minor, Currency::of("USD").unwrap());
        let side = |minor| EntrySide {
            date: "2026-01-05".parse().unwrap(),
            description: "Card payment".into(),
            amount: usd(minor),
            lines: vec![("Assets:Till".into(), usd(minor)), ("Income:Sales".into(), usd(-minor))],
        };
        let lines = entry_lines(&EntryChange { id: "1".into(), became: Became::Changed, then: Some(side(1000)), now: Some(side(1250)) });
        assert_eq!(lines[0], "changed since  2026-01-05  12.50 USD  Card payment");
        assert!(lines[1].contains("then:") && lines[1].contains("Assets:Till 10.00 USD; Income:Sales -10.00 USD"), "{}", lines[1]);
        let gone = entry_lines(&EntryChange { id: "1".into(), became: Became::Gone, then: Some(side(1000)), now: None });
        assert_eq!(gone.len(), 2);
    }
}
