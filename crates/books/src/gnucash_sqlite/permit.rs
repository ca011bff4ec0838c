//! What a change would be refused for, entry by entry, before anything is written. Everything is found at once.
//!
//! Deciding is a pure function over a [`Situation`], which is read once. A new rule is one more function that
//! adds to the obstacles.

use super::describe::{self, Accounts};
use super::{read, rows, write};
use crate::book::*;
use crate::problems::*;
use jiff::civil::Date;
use ledger::{AccountKind, Code, Currency, Entry, EntryKey, Money, Problem};
use sqlx::sqlite::SqliteConnection;
use std::collections::{BTreeMap, BTreeSet};

/// What the books hold of everything that the change speaks about.
pub(super) struct Situation {
    pub accounts: Accounts,
    /// The entries that are to be removed, as they are now.
    pub present: BTreeMap<EntryId, BookEntry>,
    keys: BTreeMap<EntryKey, BTreeSet<EntryId>>,
    /// Which ids that the change would create are already used, and by which entry.
    used: BTreeMap<String, EntryId>,
    commodities: BTreeSet<String>,
    closed_through: Option<Date>,
}

impl Situation {
    pub(super) async fn look(db: &mut SqliteConnection, change: &ChangeSet, also_closed: Option<Date>) -> Result<Situation, Problem> {
        read::want_ids(db, change.remove.iter().map(|removal| &removal.id)).await?;
        let present = read::wanted(db).await?.into_iter().map(|entry| (entry.id.clone(), entry)).collect();
        let posted = change.post.iter().flat_map(|entry| entry.covers.iter().chain([&entry.key]));
        let asked: BTreeSet<&EntryKey> = posted.chain(change.restore.iter().flat_map(|entry| &entry.keys)).collect();
        let closing = describe::closing(db).await?;
        let commodities: Vec<String> = sqlx::query_scalar("SELECT guid FROM commodities")
            .fetch_all(&mut *db)
            .await
            .doing("reading their currencies")?;
        Ok(Situation {
            accounts: describe::accounts(db).await?,
            present,
            keys: read::keys_among(db, &asked).await?,
            used: used(db, change).await?,
            commodities: commodities.into_iter().collect(),
            closed_through: closing.at(change.now, [change.closed_through, also_closed]),
        })
    }
}

/// Of the ids that the change would create, those that exist, with the entry that uses them.
async fn used(db: &mut SqliteConnection, change: &ChangeSet) -> Result<BTreeMap<String, EntryId>, Problem> {
    let mut ids: Vec<String> = Vec::new();
    for entry in &change.post {
        ids.push(write::guid(&entry.key, "tx"));
        ids.extend((0..entry.lines.len()).map(|at| write::line_guid(&entry.key, at)));
    }
    for row in change.restore.iter().flat_map(|entry| &entry.rows) {
        ids.extend(rows::text(row, "guid").map(str::to_string));
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let sql = "SELECT guid, guid FROM transactions WHERE guid IN (SELECT value FROM json_each(?1))
               UNION ALL SELECT guid, tx_guid FROM splits WHERE guid IN (SELECT value FROM json_each(?1))";
    let rows: Vec<(String, String)> = sqlx::query_as(sql)
        .bind(read::json_list(&ids))
        .fetch_all(db)
        .await
        .doing("looking for entries with the same id")?;
    Ok(rows.into_iter().map(|(guid, entry)| (guid, EntryId(entry))).collect())
}

/// Everything that speaks against the change. Empty means: go on.
pub(super) fn obstacles(change: &ChangeSet, situation: &Situation) -> Vec<Obstacle> {
    let mut found = Vec::new();
    let leaving: BTreeSet<&EntryId> = change.remove.iter().map(|removal| &removal.id).collect();
    removals(change, situation, &mut found);
    restores(change, situation, &leaving, &mut found);
    posts(change, situation, &leaving, &mut found);
    found
}

fn removals(change: &ChangeSet, situation: &Situation, found: &mut Vec<Obstacle>) {
    let mut seen = BTreeSet::new();
    for removal in &change.remove {
        let subject = Subject::Remove(removal.id.clone());
        let mut add = |code: Code, why: String| {
            found.push(Obstacle {
                subject: subject.clone(),
                code,
                why,
            })
        };
        if !seen.insert(&removal.id) {
            add(E_BOOKS_EDITED, format!("The entry {} is to be removed twice.", removal.id));
            continue;
        }
        let Some(entry) = situation.present.get(&removal.id) else {
            add(
                E_BOOKS_EDITED,
                format!("The entry {} is no longer in the books: somebody deleted it.", removal.id),
            );
            continue;
        };
        let name = book_name(entry);
        if entry.print != removal.print {
            add(E_BOOKS_EDITED, format!("{name} was changed by a person after it was posted."));
        }
        if entry.lines.iter().any(|line| line.reconcile.is_final()) {
            add(E_BOOKS_EDITED, format!("{name} is reconciled, frozen or voided."));
        }
        if entry.lines.iter().any(|line| line.linked) {
            add(E_BOOKS_EDITED, format!("{name} is tied to an invoice or a lot."));
        }
        if let Some(why) = closed(situation, entry.date, &name) {
            add(E_BOOKS_CLOSED_PERIOD, why);
        }
    }
}

fn restores(change: &ChangeSet, situation: &Situation, leaving: &BTreeSet<&EntryId>, found: &mut Vec<Obstacle>) {
    let mut seen = BTreeSet::new();
    for entry in &change.restore {
        let subject = Subject::Restore(entry.id.clone());
        let name = format!("\"{}\" of {}", entry.description, entry.date);
        let mut add = |code: Code, why: String| {
            found.push(Obstacle {
                subject: subject.clone(),
                code,
                why,
            })
        };
        if entry.format != RemovedEntry::FORMAT {
            add(
                E_BOOKS_VERSION,
                format!(
                    "{name} was stored in the form {}; the form {} is known.",
                    entry.format,
                    RemovedEntry::FORMAT
                ),
            );
            continue;
        }
        if entry.rows.iter().any(|row| row.columns.len() != row.cells.len())
            || !entry.rows.iter().any(|row| row.table == StoredTable::Transactions)
        {
            add(E_BOOKS_DAMAGED, format!("{name} was not stored completely."));
            continue;
        }
        if !seen.insert(&entry.id) {
            add(E_BOOKS_KEY_TAKEN, format!("{name} is to be put back twice."));
        }
        for row in &entry.rows {
            if let Some(user) = rows::text(row, "guid")
                .and_then(|guid| situation.used.get(guid))
                .filter(|user| !leaving.contains(user))
            {
                add(E_BOOKS_KEY_TAKEN, format!("{name} is already in the books (entry {user})."));
                break;
            }
        }
        for key in &entry.keys {
            if let Some(other) = taken(situation, key, leaving).filter(|other| *other != &entry.id) {
                add(
                    E_BOOKS_KEY_TAKEN,
                    format!("{name}: the books already hold the movement {key} (entry {other})."),
                );
            }
        }
        for row in &entry.rows {
            let absent = match row.table {
                StoredTable::Splits => rows::text(row, "account_guid")
                    .filter(|id| !situation.accounts.contains_key(&ledger::AccountId((*id).to_string())))
                    .map(|id| format!("account {id}")),
                StoredTable::Transactions => rows::text(row, "currency_guid")
                    .filter(|id| !situation.commodities.contains(*id))
                    .map(|id| format!("currency {id}")),
                StoredTable::Slots => None,
            };
            if let Some(absent) = absent {
                add(
                    E_BOOKS_ACCOUNT,
                    format!("{name} cannot be put back: its {absent} is no longer in the books."),
                );
            }
        }
        if let Some(why) = closed(situation, entry.date, &name) {
            add(E_BOOKS_CLOSED_PERIOD, why);
        }
    }
}

fn posts(change: &ChangeSet, situation: &Situation, leaving: &BTreeSet<&EntryId>, found: &mut Vec<Obstacle>) {
    // Keys of entries that the same change puts back count as present.
    let mut claimed: BTreeMap<&EntryKey, String> = BTreeMap::new();
    for entry in &change.restore {
        for key in &entry.keys {
            claimed.insert(key, format!("\"{}\" of {}", entry.description, entry.date));
        }
    }
    for entry in &change.post {
        let subject = Subject::Post(entry.key.clone());
        let name = entry_name(entry);
        let mut add = |code: Code, why: String| {
            found.push(Obstacle {
                subject: subject.clone(),
                code,
                why,
            })
        };
        let keys: BTreeSet<&EntryKey> = entry.covers.iter().chain([&entry.key]).collect();
        if entry.covers.first() != Some(&entry.key) {
            add(
                E_BOOKS_KEY_TAKEN,
                format!("{name}: its key {} is not the first of the movements it covers.", entry.key),
            );
        }
        for key in keys {
            if let Some(other) = taken(situation, key, leaving) {
                add(
                    E_BOOKS_KEY_TAKEN,
                    format!("{name}: the books already hold the movement {key} (entry {other})."),
                );
            }
            if let Some(other) = claimed.insert(key, name.clone()) {
                add(
                    E_BOOKS_KEY_TAKEN,
                    format!("{name}: the movement {key} is also in {other}, in the same change."),
                );
            }
        }
        let id = write::guid(&entry.key, "tx");
        if situation.used.get(&id).is_some_and(|user| !leaving.contains(user)) && taken(situation, &entry.key, leaving).is_none() {
            add(
                E_BOOKS_KEY_TAKEN,
                format!("{name}: the books already hold an entry with its id {id}, from which somebody removed the key."),
            );
        }
        if let Some(why) = closed(situation, entry.date, &name) {
            add(E_BOOKS_CLOSED_PERIOD, why);
        }
        for (code, why) in amounts(entry, situation, &name) {
            add(code, why);
        }
    }
}

/// Accounts and currencies of one new entry.
fn amounts(entry: &Entry, situation: &Situation, name: &str) -> Vec<(Code, String)> {
    let mut found = Vec::new();
    let currencies: BTreeSet<Currency> = entry.lines.iter().map(|line| line.amount.currency).collect();
    if entry.lines.is_empty() {
        found.push((ledger::entry::E_UNBALANCED, format!("{name} has no lines.")));
    }
    if currencies.len() > 1 {
        let list: Vec<String> = currencies.iter().map(Currency::to_string).collect();
        found.push((
            E_BOOKS_CURRENCY,
            format!("{name} mixes the currencies {}; an entry has one.", list.join(" and ")),
        ));
    }
    if let Err(problem) = entry.balanced() {
        found.push((problem.code, format!("{} {}", problem.what, problem.why.join(" "))));
    }
    if !entry.lines.iter().any(|line| line.account == entry.key_account) {
        found.push((
            E_BOOKS_ACCOUNT,
            format!("{name} has no line in the account that carries its key ({}).", entry.key_account),
        ));
    }
    if [&entry.description, &entry.reference]
        .into_iter()
        .chain(entry.lines.iter().map(|line| &line.memo))
        .any(|text| text.contains('\0'))
    {
        found.push((
            E_BOOKS_READBACK,
            format!("{name} has a text with a character that GnuCash cannot store."),
        ));
    }
    for line in &entry.lines {
        let Some(held) = situation.accounts.get(&line.account) else {
            found.push((
                E_BOOKS_ACCOUNT,
                format!("{name}: the account {} is not in the books.", line.account),
            ));
            continue;
        };
        let (account, currency) = (&held.account, line.amount.currency);
        let path = &account.full_name;
        if account.placeholder {
            found.push((
                E_BOOKS_ACCOUNT,
                format!("{name}: the account \"{path}\" is a placeholder and holds no entries of its own."),
            ));
        }
        if account.hidden {
            found.push((E_BOOKS_ACCOUNT, format!("{name}: the account \"{path}\" is hidden.")));
        }
        if account.kind == AccountKind::Other {
            found.push((
                E_BOOKS_ACCOUNT,
                format!("{name}: the account \"{path}\" is of a kind that payments must not be posted to."),
            ));
        }
        match account.currency {
            Some(own) if own == currency => {
                if held.fraction != currency.minor_per_major() || write::in_units(line.amount.minor, currency, held.scu).is_none() {
                    found.push((
                        E_BOOKS_CURRENCY,
                        format!(
                            "{name}: {} does not fit the account \"{path}\", which counts in 1/{} of {currency}.",
                            line.amount,
                            held.scu.min(held.fraction)
                        ),
                    ));
                }
            }
            Some(own) => found.push((
                E_BOOKS_CURRENCY,
                format!("{name}: {} cannot be posted to \"{path}\", which holds {own}.", line.amount),
            )),
            None => found.push((
                E_BOOKS_CURRENCY,
                format!(
                    "{name}: {} cannot be posted to \"{path}\", which holds no currency that Changeover knows.",
                    line.amount
                ),
            )),
        }
    }
    found
}

fn taken<'a>(situation: &'a Situation, key: &EntryKey, leaving: &BTreeSet<&EntryId>) -> Option<&'a EntryId> {
    situation.keys.get(key)?.iter().find(|id| !leaving.contains(id))
}

fn closed(situation: &Situation, date: Date, name: &str) -> Option<String> {
    situation
        .closed_through
        .filter(|closed| date <= *closed)
        .map(|closed| format!("{name} lies in a closed period: the books are closed through {closed}."))
}

/// "Card payment" of 2026-01-05 (100.00 USD): the sum of the debits tells a person which entry it is.
fn book_name(entry: &BookEntry) -> String {
    named(&entry.description, entry.date, entry.lines.iter().map(|line| line.amount))
}

pub(super) fn entry_name(entry: &Entry) -> String {
    named(&entry.description, entry.date, entry.lines.iter().map(|line| line.amount))
}

fn named(description: &str, date: Date, amounts: impl Iterator<Item = Money>) -> String {
    let debits = amounts
        .filter(|amount| amount.minor > 0)
        .reduce(|sum, amount| sum.plus(amount).unwrap_or(sum));
    match debits {
        Some(total) => format!("\"{description}\" of {date} ({total})"),
        None => format!("\"{description}\" of {date}"),
    }
}

/// All refusals as one problem: the worst code first, the others beside it, nothing left out but repetitions.
pub(super) fn refusal(obstacles: &[Obstacle]) -> Option<Problem> {
    let mut codes: Vec<Code> = Vec::new();
    for code in CODES.iter().copied().chain([
        ledger::entry::E_UNBALANCED,
        ledger::money::E_MONEY_OVERFLOW,
        ledger::money::E_MONEY_MIXED,
    ]) {
        if obstacles.iter().any(|o| o.code == code) {
            codes.push(code);
        }
    }
    codes
        .into_iter()
        .map(|code| {
            let mut why: Vec<String> = Vec::new();
            for obstacle in obstacles.iter().filter(|o| o.code == code) {
                if !why.contains(&obstacle.why) {
                    why.push(obstacle.why.clone());
                }
            }
            // One entry may have several faults.
            let entries: Vec<&Subject> = obstacles.iter().filter(|o| o.code == code).map(|o| &o.subject).collect();
            let count = entries.iter().enumerate().filter(|(at, subject)| !entries[..*at].contains(subject)).count();
            let (what, next) = sentences(code, count);
            with_findings(code, what, why, next)
        })
        .reduce(|first, other| first.beside(other))
}

fn sentences(code: Code, count: usize) -> (String, &'static str) {
    let these = if count == 1 {
        "1 entry".to_string()
    } else {
        format!("{count} entries")
    };
    let it = if count == 1 { "it" } else { "them" };
    match code {
        E_BOOKS_EDITED => (
            format!("{these} cannot be removed, because a person changed {it} or relied on {it}."),
            "Leave what is named here as it is and correct it with a new entry, or undo the edit in GnuCash.",
        ),
        E_BOOKS_CLOSED_PERIOD => (
            format!("{these} would change a closed period."),
            "Agree with your accountant on a new entry in the open period, or reopen the period.",
        ),
        E_BOOKS_KEY_TAKEN => (
            format!("{these} would be posted a second time."),
            "Compare the entries named here with the books; nothing needs to be posted that is already there.",
        ),
        E_BOOKS_ACCOUNT => (
            format!("The accounts of {these} cannot be used."),
            "Choose other accounts for these roles.",
        ),
        E_BOOKS_CURRENCY => (
            format!("The amounts of {these} do not fit their accounts."),
            "Choose accounts in the currency of the payments.",
        ),
        E_BOOKS_VERSION => (
            format!("{these} were removed by another version of Changeover."),
            "Use the version that removed them.",
        ),
        E_BOOKS_DAMAGED => (format!("{these} cannot be put back."), "Restore a backup instead."),
        E_BOOKS_READBACK => (
            format!("{these} could not be stored exactly."),
            "Correct the texts of the connector package.",
        ),
        _ => (
            format!("{these} cannot be posted."),
            "Nothing is posted until the connector package's rule is corrected.",
        ),
    }
}
