//! Reading the two states that are compared: a backup, and today.
//!
//! Today is staged as for a backup taken this moment, so that whatever a backup holds is compared in the same form; nothing is kept of
//! it. Books are read year by year and reduced at once, so that two large ones never lie in memory together. Nothing is changed.

use super::comparing::{self, Differences, EntryChange, EntrySide, FileMark, Listed, Mark, Outline, SHOWN};
use super::parts::what_it_is;
use crate::backups::{self, BackupRow};
use crate::books_port::Books;
use crate::engine::Engine;
use crate::progress::Watcher;
use crate::store::company::Company;
use backup::{FileRole, Manifest};
use books::{BookEntry, EntryId, Period};
use jiff::civil::Date;
use ledger::{AccountId, Money, Problem, Role, RoleMap};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// A folder in the form of a backup, whole or in part, with its list.
pub struct State {
    pub dir: PathBuf,
    pub manifest: Manifest,
}

impl State {
    fn book(&self) -> Result<PathBuf, Problem> {
        Ok(self.dir.join(backups::book_in(&self.manifest)?))
    }

    fn book_hash(&self) -> Option<&str> {
        self.manifest.files.iter().find(|file| file.role == FileRole::Book).map(|file| file.sha256.as_str())
    }

    fn json(&self, role: FileRole) -> Option<Value> {
        let file = self.manifest.files.iter().find(|file| file.role == role)?;
        serde_json::from_slice(&std::fs::read(self.dir.join(&file.path)).ok()?).ok()
    }
}

impl Engine {
    /// Everything in which today differs from a backup. `then` is a working folder that holds the backup's book, set-up and identity maps.
    pub(crate) async fn differences(&self, company: &Company, then: &State, watcher: &Watcher) -> Result<Differences, Problem> {
        watcher.report("Looking at today's books", 0, None, "entries");
        let dir = self.home.work_folder(&format!("today-{}", self.ids.new_id("t")))?;
        let staged = self.stage_for_look(company, &dir).await;
        let differences = match staged {
            Ok(now) => compare(then, &now, watcher).await,
            Err(problem) => Err(problem),
        };
        std::fs::remove_dir_all(&dir).map_err(|e| crate::home::cannot_use(&dir, &e))?;
        differences
    }

    async fn stage_for_look(&self, company: &Company, dir: &Path) -> Result<State, Problem> {
        let position = self.journal.head().await?.map_or(0, |head| head.seq);
        let staging = self.stage(company, dir, position, None).await?;
        Ok(State { dir: dir.to_path_buf(), manifest: staging.manifest().clone() })
    }

    /// Brings what is needed for a look into `to`: book, set-up, roles, settings and identity maps, each compared with the backup's list.
    pub(crate) async fn fetch_for_look(&self, row: &BackupRow, to: &Path) -> Result<State, Problem> {
        let (place, key) = self.place_key().await?;
        let wanted = wanted_for_look(&row.manifest);
        let manifest = tokio::task::block_in_place(|| self.worker().fetch(&place, &key, &row.snapshot, &wanted, to))?;
        Ok(State { dir: to.to_path_buf(), manifest })
    }
}

fn wanted_for_look(manifest: &Manifest) -> Vec<String> {
    let looked_at = |role| matches!(role, FileRole::Book | FileRole::ConnectorSetup | FileRole::Mappings | FileRole::Settings | FileRole::IdentityMap);
    manifest.files.iter().filter(|file| looked_at(file.role)).map(|file| file.path.clone()).collect()
}

/// Compares two states. Errors: those of the books.
pub async fn compare(then: &State, now: &State, watcher: &Watcher) -> Result<Differences, Problem> {
    let mut all = Differences { files: comparing::files(&files_of(&then.manifest), &files_of(&now.manifest), SHOWN), ..Differences::default() };
    let (was, is) = (crate::books_port::open(&then.book()?).await?, crate::books_port::open(&now.book()?).await?);
    let mut names: BTreeMap<AccountId, String> = BTreeMap::new();
    for book in [&was, &is] {
        names.extend(book.describe().await?.accounts.into_iter().map(|a| (a.id, a.full_name)));
    }
    // The same bytes are the same books: nothing needs to be read.
    if then.book_hash() != now.book_hash() {
        let old = outline(was.as_ref(), watcher).await?;
        let new = outline(is.as_ref(), watcher).await?;
        all.accounts = comparing::accounts(&old, &new, SHOWN)?;
        let found = comparing::entries(&old.marks, &new.marks, SHOWN);
        drop((old, new));
        all.added = sums(&found.added);
        all.gone = sums(&found.gone);
        all.entries = written_out(was.as_ref(), is.as_ref(), found).await?;
    }
    let changes = comparing::settings(&settings_of(then, &names), &settings_of(now, &names));
    all.settings = changes;
    Ok(all)
}

fn files_of(manifest: &Manifest) -> BTreeMap<String, FileMark> {
    let mark = |file: &backup::ManifestFile| FileMark { size: file.size, sha256: file.sha256.clone(), what: what_it_is(file).to_string() };
    manifest.files.iter().map(|file| (file.path.clone(), mark(file))).collect()
}

/// A sum that does not fit is the largest amount there is: it is shown, never wrapped around.
fn sums(sums: &comparing::Sums) -> Vec<Money> {
    let fit = |minor: i128| i64::try_from(minor).unwrap_or(if minor < 0 { i64::MIN } else { i64::MAX });
    sums.iter().map(|(currency, minor)| Money::new(fit(*minor), *currency)).collect()
}

/// A book reduced to what is compared first, read year by year.
pub async fn outline(book: &dyn Books, watcher: &Watcher) -> Result<Outline, Problem> {
    let description = book.describe().await?;
    let mut marks = Vec::new();
    for period in years(description.first, description.last) {
        for entry in book.entries(period).await? {
            marks.push(mark(&entry)?);
        }
        watcher.report("Comparing the books", marks.len() as u64, Some(description.entries), "entries");
    }
    marks.sort_by(|a, b| a.id.cmp(&b.id));
    marks.dedup_by(|a, b| a.id == b.id);
    Ok(Outline { accounts: description.accounts, balances: book.balances(None).await?, marks })
}

/// The years from `first` to `last`, open at both ends so that nothing falls between.
fn years(first: Option<Date>, last: Option<Date>) -> Vec<Period> {
    let (Some(first), Some(last)) = (first, last) else { return vec![Period::ALL] };
    (first.year()..=last.year())
        .map(|year| Period {
            from: (year != first.year()).then(|| jiff::civil::date(year, 1, 1)),
            to: (year != last.year()).then(|| jiff::civil::date(year, 12, 31)),
        })
        .collect()
}

fn mark(entry: &BookEntry) -> Result<Mark, Problem> {
    let mut print = [0_u8; 16];
    if hex::decode_to_slice(entry.print.0.get(..32).unwrap_or_default(), &mut print).is_err() {
        return Err(crate::store::unknown("print of an entry", &entry.print.0));
    }
    Ok(Mark { id: entry.id.0.clone(), print, date: entry.date, amount: debits(entry)? })
}

fn debits(entry: &BookEntry) -> Result<Money, Problem> {
    Money::sum(entry.currency, entry.lines.iter().map(|line| line.amount).filter(|amount| amount.minor > 0))
}

/// The newest differences with their words, accounts and amounts, read from both books.
async fn written_out(was: &dyn Books, is: &dyn Books, found: comparing::EntryDifferences) -> Result<Listed<EntryChange>, Problem> {
    let ids: Vec<EntryId> = found.newest.iter().map(|d| EntryId(d.id.clone())).collect();
    let (mut then, mut now) = (sides(was, &ids).await?, sides(is, &ids).await?);
    let shown = found
        .newest
        .into_iter()
        .map(|d| EntryChange { then: then.remove(&d.id), now: now.remove(&d.id), id: d.id, became: d.became })
        .collect();
    Ok(Listed { counts: found.counts, shown })
}

async fn sides(book: &dyn Books, ids: &[EntryId]) -> Result<BTreeMap<String, EntrySide>, Problem> {
    let names: BTreeMap<AccountId, String> = book.describe().await?.accounts.into_iter().map(|a| (a.id, a.full_name)).collect();
    let mut sides = BTreeMap::new();
    for entry in book.entries_by_id(ids).await? {
        let line = |line: &books::BookLine| (names.get(&line.account).cloned().unwrap_or_else(|| line.account.to_string()), line.amount);
        let side = EntrySide {
            date: entry.date,
            description: entry.description.clone(),
            amount: debits(&entry)?,
            lines: entry.lines.iter().map(line).collect(),
        };
        sides.insert(entry.id.0, side);
    }
    Ok(sides)
}

/// Every setting of a state by what a person calls it. What cannot be read is no setting; its file is told as changed.
fn settings_of(state: &State, accounts: &BTreeMap<AccountId, String>) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let text = |value: Option<&Value>| value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_string);
    let setup = state.json(FileRole::ConnectorSetup).unwrap_or_default();
    for (name, words) in [("name", "Name"), ("zone", "Time zone"), ("currency", "Currency"), ("closed_through", "Closed through"), ("books_file", "File name of the book")] {
        if let Some(value) = text(setup.pointer(&format!("/company/{name}"))) {
            all.insert(words.to_string(), value);
        }
    }
    let mut called: BTreeMap<String, String> = BTreeMap::new();
    for connection in setup.get("connections").and_then(Value::as_array).into_iter().flatten() {
        let part = |name: &str| text(connection.get(name));
        let (Some(id), Some(provider)) = (part("id"), part("provider")) else { continue };
        let mut name = capital(&provider);
        if let Some(tenant) = part("tenant_name") {
            name = format!("{name} ({tenant})");
        }
        // Two accounts of one name are told apart by their ids.
        if called.values().any(|other| *other == name) {
            name = format!("{name} {id}");
        }
        all.insert(format!("{name}: connection"), part("environment").unwrap_or_else(|| "connected".to_string()));
        if let (Some(connector), Some(version)) = (part("connector"), part("version")) {
            all.insert(format!("{name}: connector"), format!("{connector} {version}"));
        }
        for (field, words) in [("client_id", "application"), ("sync_from", "reads payments from")] {
            if let Some(value) = part(field) {
                all.insert(format!("{name}: {words}"), value);
            }
        }
        called.insert(id, name);
    }
    let roles: BTreeMap<String, RoleMap> = state.json(FileRole::Mappings).and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
    for (connection, roles) in &roles {
        let name = called.get(connection).unwrap_or(connection);
        for (role, account) in &roles.0 {
            let role: Role = *role;
            all.insert(format!("{name}: account for {}", role.title().to_lowercase()), accounts.get(account).cloned().unwrap_or_else(|| account.to_string()));
        }
    }
    for (name, value) in state.json(FileRole::Settings).as_ref().and_then(Value::as_object).into_iter().flatten() {
        // These two name the backup itself, not a choice.
        if name != "installation" && name != "journal_position" {
            all.insert(format!("Setting {}", name.replace('_', " ")), value.as_str().map_or_else(|| value.to_string(), str::to_string));
        }
    }
    for (connection, counts) in decisions(state) {
        let name = called.get(&connection).unwrap_or(&connection);
        for (word, count) in counts {
            all.insert(format!("{name}: payments {word}"), count.to_string());
        }
    }
    all
}

/// Of an identity map only what a person decided.
#[derive(Deserialize)]
struct Decided {
    keys: Vec<KeyState>,
}

#[derive(Deserialize)]
struct KeyState {
    state: String,
}

/// Connection → how many payments a person linked to typed entries, and left out.
fn decisions(state: &State) -> BTreeMap<String, BTreeMap<&'static str, u64>> {
    let mut all = BTreeMap::new();
    for file in state.manifest.files.iter().filter(|file| file.role == FileRole::IdentityMap) {
        let Some(connection) = file.path.strip_prefix("identity-map-").and_then(|rest| rest.strip_suffix(".json")) else { continue };
        let Ok(reader) = std::fs::File::open(state.dir.join(&file.path)) else { continue };
        let Ok(decided) = serde_json::from_reader::<_, Decided>(BufReader::new(reader)) else { continue };
        let counts: &mut BTreeMap<&'static str, u64> = all.entry(connection.to_string()).or_default();
        for key in &decided.keys {
            match key.state.as_str() {
                "linked" => *counts.entry("linked to entries typed by hand").or_default() += 1,
                "excluded" => *counts.entry("left out on purpose").or_default() += 1,
                _ => {}
            }
        }
    }
    all
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_years_of_a_book_leave_no_day_out() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let all = years(Some(day("2023-05-01")), Some(day("2025-02-01")));
        assert_eq!(all.len(), 3);
        for date in ["1990-01-01", "2023-12-31", "2024-01-01", "2024-12-31", "2025-01-01", "2030-01-01"] {
            assert_eq!(all.iter().filter(|period| period.contains(day(date))).count(), 1, "{date}");
        }
        assert_eq!(years(None, None), [Period::ALL]);
    }
}
