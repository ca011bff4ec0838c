//! How two states of a company differ: accounts, entries, settings and files, each added, changed or gone, with amounts.
//!
//! Pure: it is given what was read and reads nothing itself. Counts and sums are always those of everything; only what is written out
//! one by one is bounded, the newest first. "Then" is the backup, "now" is today. A further kind of thing to compare is one function here
//! and one field of [`Differences`].

use jiff::civil::Date;
use ledger::{Account, AccountId, Currency, Money, Problem};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// So many accounts, entries or files are written out one by one; the rest is counted.
pub const SHOWN: usize = 50;

/// What became of a thing between the backup and today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// It is there today and not in the backup.
    Added,
    Changed,
    /// It is in the backup and not there today.
    Gone,
}

/// How many there are of each, everything counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub added: u64,
    pub changed: u64,
    pub gone: u64,
}

impl Counts {
    pub fn all(&self) -> u64 {
        self.added + self.changed + self.gone
    }

    fn count(&mut self, became: Became) {
        match became {
            Became::Added => self.added += 1,
            Became::Changed => self.changed += 1,
            Became::Gone => self.gone += 1,
        }
    }
}

/// The first of many, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed<T> {
    pub counts: Counts,
    pub shown: Vec<T>,
}

impl<T> Default for Listed<T> {
    fn default() -> Listed<T> {
        Listed { counts: Counts::default(), shown: Vec::new() }
    }
}

impl<T> Listed<T> {
    /// How many are not written out.
    pub fn not_shown(&self) -> u64 {
        self.counts.all().saturating_sub(self.shown.len() as u64)
    }
}

/// An account that is not the same: its names and balances then and now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountChange {
    pub account: AccountId,
    pub became: Became,
    pub name_then: Option<String>,
    pub name_now: Option<String>,
    /// None where there is no account, or one that holds no currency.
    pub balance_then: Option<Money>,
    pub balance_now: Option<Money>,
    /// Today less the backup; None where neither side has a balance.
    pub difference: Option<Money>,
}

impl AccountChange {
    pub fn name(&self) -> &str {
        self.name_now.as_deref().or(self.name_then.as_deref()).unwrap_or_default()
    }

    pub fn is_renamed(&self) -> bool {
        matches!((&self.name_then, &self.name_now), (Some(then), Some(now)) if then != now)
    }
}

/// Enough of an entry to see whether it is the same: small, because there may be hundreds of thousands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    pub id: String,
    /// Beginning of the print over everything that a person could change.
    pub print: [u8; 16],
    pub date: Date,
    /// Sum of its debits.
    pub amount: Money,
}

/// A book reduced to what is compared first. `marks` are in the order of their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    pub accounts: Vec<Account>,
    pub balances: BTreeMap<AccountId, Money>,
    pub marks: Vec<Mark>,
}

/// One entry that is not the same, as its marks tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryDifference {
    pub id: String,
    pub became: Became,
    pub then: Option<(Date, Money)>,
    pub now: Option<(Date, Money)>,
}

impl EntryDifference {
    /// The day under which it is listed: today's, or the backup's where it is gone.
    pub fn day(&self) -> Option<Date> {
        self.now.or(self.then).map(|(date, _)| date)
    }
}

/// What the entries of one kind amount to: the sum of their debits per currency, the amounts of today (of the backup for those gone).
pub type Sums = BTreeMap<Currency, i128>;

/// Every difference of entries: exact counts and sums, and the newest of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryDifferences {
    pub counts: Counts,
    pub added: Sums,
    pub gone: Sums,
    /// Newest first, bounded.
    pub newest: Vec<EntryDifference>,
}

/// Compares entries by id and print. Both lists must be in the order of their ids.
pub fn entries(then: &[Mark], now: &[Mark], most: usize) -> EntryDifferences {
    let mut all = EntryDifferences::default();
    // Only the newest are kept while walking: a book that was replaced as a whole differs in every entry.
    let mut newest: BTreeSet<(std::cmp::Reverse<Date>, Became, String)> = BTreeSet::new();
    let mut kept: BTreeMap<String, EntryDifference> = BTreeMap::new();
    let mut note = |difference: EntryDifference| {
        all.counts.count(difference.became);
        let (sums, side) = match difference.became {
            Became::Added => (Some(&mut all.added), difference.now),
            Became::Gone => (Some(&mut all.gone), difference.then),
            Became::Changed => (None, None),
        };
        if let (Some(sums), Some((_, amount))) = (sums, side) {
            *sums.entry(amount.currency).or_default() += i128::from(amount.minor);
        }
        let Some(day) = difference.day() else { return };
        newest.insert((std::cmp::Reverse(day), difference.became, difference.id.clone()));
        kept.insert(difference.id.clone(), difference);
        if newest.len() > most
            && let Some((_, _, id)) = newest.pop_last()
        {
            kept.remove(&id);
        }
    };
    let (mut a, mut b) = (then.iter().peekable(), now.iter().peekable());
    loop {
        let side = |mark: &Mark| Some((mark.date, mark.amount));
        match (a.peek(), b.peek()) {
            (None, None) => break,
            (Some(old), new) if new.is_none_or(|new| old.id < new.id) => {
                note(EntryDifference { id: old.id.clone(), became: Became::Gone, then: side(old), now: None });
                a.next();
            }
            (old, Some(new)) if old.is_none_or(|old| new.id < old.id) => {
                note(EntryDifference { id: new.id.clone(), became: Became::Added, then: None, now: side(new) });
                b.next();
            }
            (Some(old), Some(new)) => {
                if old.print != new.print {
                    note(EntryDifference { id: new.id.clone(), became: Became::Changed, then: side(old), now: side(new) });
                }
                a.next();
                b.next();
            }
            (Some(_), None) | (None, Some(_)) => break,
        }
    }
    all.newest = newest.into_iter().filter_map(|(_, _, id)| kept.remove(&id)).collect();
    all
}

/// Compares accounts by id: added, gone, renamed or moved, another balance. In the order of their names.
pub fn accounts(then: &Outline, now: &Outline, most: usize) -> Result<Listed<AccountChange>, Problem> {
    let by_id = |outline: &Outline| -> BTreeMap<AccountId, Account> { outline.accounts.iter().map(|a| (a.id.clone(), a.clone())).collect() };
    let (old, new) = (by_id(then), by_id(now));
    let mut counts = Counts::default();
    let mut changes = Vec::new();
    let ids: BTreeSet<&AccountId> = old.keys().chain(new.keys()).collect();
    for id in ids {
        let (was, is) = (old.get(id), new.get(id));
        let balance = |account: Option<&Account>, outline: &Outline| {
            account.and_then(|account| outline.balances.get(id).copied().or(account.currency.map(Money::zero)))
        };
        let (balance_then, balance_now) = (balance(was, then), balance(is, now));
        let became = match (was, is) {
            (None, _) => Became::Added,
            (_, None) => Became::Gone,
            (Some(was), Some(is)) if was.full_name != is.full_name || balance_then != balance_now => Became::Changed,
            (Some(_), Some(_)) => continue,
        };
        let difference = match (balance_then, balance_now) {
            (Some(then), Some(now)) if then.currency == now.currency => Some(now.minus(then)?),
            (None, Some(now)) => Some(now),
            (Some(then), None) => Some(then.negated()?),
            // An account whose currency changed has no difference that could be said in one number.
            (Some(_), Some(_)) | (None, None) => None,
        };
        counts.count(became);
        changes.push(AccountChange {
            account: id.clone(),
            became,
            name_then: was.map(|a| a.full_name.clone()),
            name_now: is.map(|a| a.full_name.clone()),
            balance_then,
            balance_now,
            difference,
        });
    }
    changes.sort_by(|a, b| (a.name(), &a.account).cmp(&(b.name(), &b.account)));
    changes.truncate(most);
    Ok(Listed { counts, shown: changes })
}

/// One setting that is not the same, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingChange {
    pub what: String,
    pub became: Became,
    pub then: Option<String>,
    pub now: Option<String>,
}

/// Compares settings by what they are called. In the order of their names, all of them.
pub fn settings(then: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<SettingChange> {
    let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    names
        .into_iter()
        .filter_map(|what| {
            let (was, is) = (then.get(what), now.get(what));
            let became = match (was, is) {
                (None, _) => Became::Added,
                (_, None) => Became::Gone,
                (Some(was), Some(is)) if was != is => Became::Changed,
                (Some(_), Some(_)) => return None,
            };
            Some(SettingChange { what: what.clone(), became, then: was.cloned(), now: is.cloned() })
        })
        .collect()
}

/// A file as a list of files names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMark {
    pub size: u64,
    pub sha256: String,
    /// "the book", "the log": see `parts::what_it_is`.
    pub what: String,
}

/// A file that is not the same. Sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    pub path: String,
    pub what: String,
    pub became: Became,
    pub size_then: Option<u64>,
    pub size_now: Option<u64>,
}

/// Compares files by name, size and hash. In the order of their names.
pub fn files(then: &BTreeMap<String, FileMark>, now: &BTreeMap<String, FileMark>, most: usize) -> Listed<FileChange> {
    let mut listed = Listed { counts: Counts::default(), shown: Vec::new() };
    let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    for path in names {
        let (was, is) = (then.get(path), now.get(path));
        let became = match (was, is) {
            (None, _) => Became::Added,
            (_, None) => Became::Gone,
            (Some(was), Some(is)) if was.sha256 != is.sha256 || was.size != is.size => Became::Changed,
            (Some(_), Some(_)) => continue,
        };
        listed.counts.count(became);
        if listed.shown.len() < most {
            listed.shown.push(FileChange {
                path: path.clone(),
                what: is.or(was).map(|file| file.what.clone()).unwrap_or_default(),
                became,
                size_then: was.map(|file| file.size),
                size_now: is.map(|file| file.size),
            });
        }
    }
    listed
}

/// One side of an entry, written out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntrySide {
    pub date: Date,
    pub description: String,
    /// Sum of its debits.
    pub amount: Money,
    /// Full account name and amount; positive is debit.
    pub lines: Vec<(String, Money)>,
}

/// An entry that is not the same, written out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryChange {
    pub id: String,
    pub became: Became,
    pub then: Option<EntrySide>,
    pub now: Option<EntrySide>,
}

impl EntryChange {
    /// Today's side, or the backup's where it is gone.
    pub fn side(&self) -> Option<&EntrySide> {
        self.now.as_ref().or(self.then.as_ref())
    }
}

/// Everything in which today differs from a backup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Differences {
    pub accounts: Listed<AccountChange>,
    pub entries: Listed<EntryChange>,
    /// Sums of the debits of all entries added, and of all that are gone, one per currency.
    pub added: Vec<Money>,
    pub gone: Vec<Money>,
    pub settings: Vec<SettingChange>,
    pub files: Listed<FileChange>,
}

impl Differences {
    /// The books are the same, whatever else changed.
    pub fn books_are_the_same(&self) -> bool {
        self.accounts.counts.all() == 0 && self.entries.counts.all() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::AccountKind;

    fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::of("USD").unwrap())
    }

    fn mark(id: &str, print: u8, day: i8, minor: i64) -> Mark {
        Mark { id: id.into(), print: [print; 16], date: jiff::civil::date(2026, 1, day), amount: usd(minor) }
    }

    fn account(id: &str, name: &str) -> Account {
        Account {
            id: AccountId(id.into()),
            full_name: name.into(),
            kind: AccountKind::Asset,
            currency: Some(Currency::of("USD").unwrap()),
            placeholder: false,
            hidden: false,
        }
    }

    #[test]
    fn entries_are_added_changed_and_gone_with_exact_sums_and_the_newest_first() {
        let then = [mark("a", 1, 1, 100), mark("b", 1, 2, 200), mark("d", 1, 4, 400)];
        let now = [mark("b", 2, 2, 250), mark("c", 1, 3, 300), mark("d", 1, 4, 400), mark("e", 1, 5, 500)];
        let found = entries(&then, &now, 10);
        assert_eq!(found.counts, Counts { added: 2, changed: 1, gone: 1 });
        assert_eq!(found.added.values().copied().collect::<Vec<_>>(), [800]);
        assert_eq!(found.gone.values().copied().collect::<Vec<_>>(), [100]);
        assert_eq!(found.newest.iter().map(|d| (d.id.as_str(), d.became)).collect::<Vec<_>>(), [
            ("e", Became::Added),
            ("c", Became::Added),
            ("b", Became::Changed),
            ("a", Became::Gone)
        ]);
        let changed = &found.newest[2];
        assert_eq!((changed.then.unwrap().1, changed.now.unwrap().1), (usd(200), usd(250)));

        let bounded = entries(&then, &now, 2);
        assert_eq!((bounded.counts, &bounded.added), (found.counts, &found.added), "totals are of everything");
        assert_eq!(bounded.newest, found.newest[..2]);
        assert_eq!(entries(&now, &now, 10), EntryDifferences::default());
    }

    /// Small numbers without a further library: a fixed linear congruence, so that a failure comes again.
    fn numbers(mut seed: u64) -> impl FnMut(u64) -> u64 {
        move |below| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        }
    }

    #[test]
    fn for_any_two_books_every_entry_is_in_exactly_one_place_and_the_way_back_is_the_mirror() {
        for seed in 0..300 {
            let mut next = numbers(seed);
            let mut book = || -> Vec<Mark> {
                let mut all: BTreeMap<u64, Mark> = BTreeMap::new();
                for _ in 0..next(30) {
                    let id = next(40);
                    all.insert(id, mark(&format!("{id:02}"), next(3) as u8, 1 + next(28) as i8, next(1000) as i64));
                }
                all.into_values().collect()
            };
            let (then, now) = (book(), book());
            let found = entries(&then, &now, usize::MAX);
            let of = |marks: &[Mark]| marks.iter().map(|m| (m.id.clone(), m.print)).collect::<BTreeMap<_, _>>();
            let (a, b) = (of(&then), of(&now));
            let same = a.iter().filter(|(id, print)| b.get(*id) == Some(print)).count() as u64;
            assert_eq!(same + found.counts.changed + found.counts.gone, then.len() as u64);
            assert_eq!(same + found.counts.changed + found.counts.added, now.len() as u64);
            assert_eq!(found.newest.len() as u64, found.counts.all());
            assert!(found.newest.windows(2).all(|pair| pair[0].day() >= pair[1].day()), "newest first");
            let back = entries(&now, &then, usize::MAX);
            assert_eq!((back.counts.added, back.counts.changed, back.counts.gone), (found.counts.gone, found.counts.changed, found.counts.added));
            assert_eq!((back.added, back.gone), (found.gone, found.added));
            let bounded = entries(&then, &now, 5);
            assert_eq!(bounded.counts, found.counts);
            assert_eq!(bounded.newest[..], found.newest[..found.newest.len().min(5)]);
        }
    }

    #[test]
    fn accounts_are_added_gone_renamed_or_have_another_balance() {
        let outline = |accounts: Vec<Account>, balances: &[(&str, i64)]| Outline {
            accounts,
            balances: balances.iter().map(|(id, minor)| (AccountId((*id).into()), usd(*minor))).collect(),
            marks: Vec::new(),
        };
        let then = outline(vec![account("1", "Assets:Bank"), account("2", "Assets:Cash"), account("3", "Old"), account("4", "Same")], &[("1", 100), ("2", 5)]);
        let now = outline(vec![account("1", "Assets:Bank"), account("2", "Assets:Till"), account("4", "Same"), account("5", "New")], &[("1", 350), ("2", 5)]);
        let found = accounts(&then, &now, 10).unwrap();
        assert_eq!(found.counts, Counts { added: 1, changed: 2, gone: 1 });
        let by = |id: &str| found.shown.iter().find(|c| c.account.0 == id).unwrap().clone();
        assert_eq!((by("1").balance_then, by("1").balance_now, by("1").difference), (Some(usd(100)), Some(usd(350)), Some(usd(250))));
        assert!(by("2").is_renamed() && by("2").difference == Some(usd(0)));
        assert_eq!((by("3").became, by("3").balance_now), (Became::Gone, None));
        assert_eq!((by("5").became, by("5").balance_then), (Became::Added, None));
        assert_eq!(accounts(&then, &now, 1).unwrap().not_shown(), 3);
    }

    #[test]
    fn settings_and_files_are_told_by_name() {
        let map = |rows: &[(&str, &str)]| rows.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect::<BTreeMap<_, _>>();
        let found = settings(&map(&[("zone", "Berlin"), ("old", "1"), ("same", "x")]), &map(&[("zone", "Paris"), ("new", "2"), ("same", "x")]));
        assert_eq!(found.iter().map(|s| (s.what.as_str(), s.became)).collect::<Vec<_>>(), [
            ("new", Became::Added),
            ("old", Became::Gone),
            ("zone", Became::Changed)
        ]);
        let file = |sha: &str| FileMark { size: 1, sha256: sha.into(), what: "the log".into() };
        let then = BTreeMap::from([("a".to_string(), file("1")), ("b".to_string(), file("1"))]);
        let now = BTreeMap::from([("b".to_string(), file("2")), ("c".to_string(), file("1"))]);
        let found = files(&then, &now, 2);
        assert_eq!((found.counts, found.not_shown()), (Counts { added: 1, changed: 1, gone: 1 }, 1));
        assert_eq!(found.shown[0].became, Became::Gone);
    }
}
