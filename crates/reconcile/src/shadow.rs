//! The shadow run's comparison: what the old connector posted against what the new one would post, record by record.
//!
//! Every difference is the same, announced, or unexplained. A moved day is a difference. Nothing is "ignored": what a rule
//! allows is counted under that rule's name.

use jiff::civil::Date;
use ledger::{AccountId, Code, Currency, Money, Problem, Role, RoleMap};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A record that is superseded by two different records cannot be compared.
pub const E_ALIAS: Code = Code("E-ALIAS-CONFLICT");
pub const CODES: &[Code] = &[E_ALIAS];

/// A record of the processor, by the package's stream and its id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Record {
    pub stream: String,
    pub id: String,
}

/// Old records that the new connector knows by another name; the others keep their own.
pub type Aliases = BTreeMap<Record, Record>;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatedLine {
    pub date: Date,
    pub account: AccountId,
    pub amount: Money,
}

/// What the books hold of one record, posted by the old connector. One record may come in several pieces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostedMovement {
    pub record: Record,
    /// In words: "Card payment, order 1042".
    pub label: String,
    pub lines: Vec<DatedLine>,
}

/// What the new connector would post of one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposedMovement {
    pub record: Record,
    pub label: String,
    pub lines: Vec<DatedLine>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedKind {
    /// The same movement, spread over other accounts.
    Regrouped,
    /// Posted by the new connector only.
    NewlyPosted,
    /// Posted by the old connector only.
    NoLongerPosted,
}

/// A difference that was announced and signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedRule {
    pub id: String,
    pub kind: ExpectedKind,
    pub streams: BTreeSet<String>,
    /// Only these may differ.
    pub roles: BTreeSet<Role>,
    /// The sum of these is equal before and after, on every day.
    pub keeps: BTreeSet<Role>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The new connector leaves the record out.
    Dropped,
    /// The old connector did not post it, and no rule announces it.
    Added,
    /// The same amounts on another day.
    MovedDay,
    /// An account differs that no announced change covers.
    Amounts,
    /// An announced change covers the accounts, but what must stay equal does not.
    NotKept,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "class", rename_all = "snake_case")]
pub enum Class {
    Same,
    Expected { rules: BTreeSet<String> },
    Unexplained { why: Why },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferenceRow {
    /// The new connector's name of the record where it has one.
    pub record: Record,
    pub label: String,
    /// The earliest day on either side.
    pub date: Date,
    pub old_lines: Vec<DatedLine>,
    pub new_lines: Vec<DatedLine>,
    pub class: Class,
    /// Size of what is not explained: the larger of debits and credits, per day, added up.
    pub remainder: Money,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassCounts {
    pub same: u64,
    pub expected: u64,
    pub unexplained: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shadow {
    /// By day, then record.
    pub rows: Vec<DifferenceRow>,
    pub counts: ClassCounts,
    /// How many rows each rule accounts for.
    pub by_rule: BTreeMap<String, u64>,
    /// Sum of all remainders.
    pub unexplained: Money,
}

/// Compares record by record. Lines of one account and day are added up on each side first, zero sums count as absent.
/// Errors: `E-ALIAS-CONFLICT`, `E-MONEY-MIXED` (a line that is not in `currency`), `E-MONEY-OVERFLOW`.
pub fn shadow(
    old: &[PostedMovement],
    new: &[ProposedMovement],
    aliases: &Aliases,
    expected: &[ExpectedRule],
    roles: &RoleMap,
    currency: Currency,
) -> Result<Shadow, Problem> {
    one_to_one(aliases)?;
    let mut pairs: BTreeMap<Record, Pair> = BTreeMap::new();
    for movement in old {
        let record = aliases.get(&movement.record).unwrap_or(&movement.record).clone();
        pairs
            .entry(record)
            .or_default()
            .take_old(&movement.label, &movement.lines, currency)?;
    }
    for movement in new {
        pairs
            .entry(movement.record.clone())
            .or_default()
            .take_new(&movement.label, &movement.lines, currency)?;
    }
    let rules: Vec<Bound<'_>> = expected.iter().map(|rule| Bound::new(rule, roles)).collect();
    let mut rows = Vec::with_capacity(pairs.len());
    for (record, pair) in pairs {
        rows.extend(pair.row(record, &rules, currency)?);
    }
    rows.sort_by(|a, b| (a.date, &a.record).cmp(&(b.date, &b.record)));
    summed(rows, currency)
}

fn summed(rows: Vec<DifferenceRow>, currency: Currency) -> Result<Shadow, Problem> {
    let mut counts = ClassCounts::default();
    let mut by_rule: BTreeMap<String, u64> = BTreeMap::new();
    for row in &rows {
        match &row.class {
            Class::Same => counts.same += 1,
            Class::Expected { rules } => {
                counts.expected += 1;
                rules.iter().for_each(|rule| *by_rule.entry(rule.clone()).or_default() += 1);
            }
            Class::Unexplained { .. } => counts.unexplained += 1,
        }
    }
    let unexplained = Money::sum(currency, rows.iter().map(|row| row.remainder))?;
    Ok(Shadow {
        rows,
        counts,
        by_rule,
        unexplained,
    })
}

fn one_to_one(aliases: &Aliases) -> Result<(), Problem> {
    let mut seen: BTreeMap<&Record, &Record> = BTreeMap::new();
    for (old, new) in aliases {
        if let Some(other) = seen.insert(new, old) {
            return Err(Problem::new(
                E_ALIAS,
                "Two records of the old connector are said to be the same record of the new one.",
                format!(
                    "\"{}\" and \"{}\" of the stream \"{}\" both lead to \"{}\".",
                    other.id, old.id, old.stream, new.id
                ),
                "Correct the connector package's rule for how ids move.",
            ));
        }
    }
    Ok(())
}

type Sums = BTreeMap<(Date, AccountId), Money>;

#[derive(Default)]
struct Pair {
    label: String,
    old: Sums,
    new: Sums,
    first: Option<Date>,
}

impl Pair {
    fn take_old(&mut self, label: &str, lines: &[DatedLine], currency: Currency) -> Result<(), Problem> {
        self.name(label, lines);
        add(&mut self.old, lines, currency)
    }

    fn take_new(&mut self, label: &str, lines: &[DatedLine], currency: Currency) -> Result<(), Problem> {
        self.name(label, lines);
        add(&mut self.new, lines, currency)
    }

    fn name(&mut self, label: &str, lines: &[DatedLine]) {
        if self.label.is_empty() {
            self.label = label.to_string();
        }
        self.first = lines.iter().map(|line| line.date).chain(self.first).min();
    }

    fn row(self, record: Record, rules: &[Bound<'_>], currency: Currency) -> Result<Option<DifferenceRow>, Problem> {
        // A record without a line on either side moves no money.
        let Some(date) = self.first else { return Ok(None) };
        let differences = difference(&self.old, &self.new, currency)?;
        let (class, remainder) = self.classify(&record, &differences, rules, currency)?;
        Ok(Some(DifferenceRow {
            record,
            label: self.label,
            date,
            old_lines: listed(self.old),
            new_lines: listed(self.new),
            class,
            remainder,
        }))
    }

    fn classify(&self, record: &Record, differences: &Sums, rules: &[Bound<'_>], currency: Currency) -> Result<(Class, Money), Problem> {
        if differences.is_empty() {
            return Ok((Class::Same, Money::zero(currency)));
        }
        let kind = match (self.old.is_empty(), self.new.is_empty()) {
            (false, false) => ExpectedKind::Regrouped,
            (false, true) => ExpectedKind::NoLongerPosted,
            (true, false) | (true, true) => ExpectedKind::NewlyPosted,
        };
        let applicable: Vec<&Bound<'_>> = rules
            .iter()
            .filter(|bound| bound.rule.kind == kind && bound.rule.streams.contains(&record.stream))
            .collect();
        let mut kept = Vec::new();
        for bound in &applicable {
            if bound.keeps(differences, currency)? {
                kept.push(*bound);
            }
        }
        let covered = |rules: &[&Bound<'_>], account: &AccountId| rules.iter().any(|bound| bound.accounts.contains(account));
        let open: Sums = differences
            .iter()
            .filter(|((_, account), _)| !covered(&kept, account))
            .map(|(at, money)| (at.clone(), *money))
            .collect();
        if open.is_empty() {
            let touched = |bound: &&&Bound<'_>| differences.keys().any(|(_, account)| bound.accounts.contains(account));
            let rules = kept.iter().filter(touched).map(|bound| bound.rule.id.clone()).collect();
            return Ok((Class::Expected { rules }, Money::zero(currency)));
        }
        let why = match kind {
            ExpectedKind::NoLongerPosted => Why::Dropped,
            ExpectedKind::NewlyPosted => Why::Added,
            ExpectedKind::Regrouped if self.moved_day()? => Why::MovedDay,
            ExpectedKind::Regrouped if open.keys().all(|(_, account)| covered(&applicable, account)) => Why::NotKept,
            ExpectedKind::Regrouped => Why::Amounts,
        };
        Ok((Class::Unexplained { why }, size(&open, currency)?))
    }

    /// True when both sides agree once their days are left out.
    fn moved_day(&self) -> Result<bool, Problem> {
        Ok(without_days(&self.old)? == without_days(&self.new)?)
    }
}

/// A rule with its roles bound to the accounts of these books.
struct Bound<'a> {
    rule: &'a ExpectedRule,
    accounts: BTreeSet<AccountId>,
    kept: BTreeSet<AccountId>,
}

impl<'a> Bound<'a> {
    fn new(rule: &'a ExpectedRule, roles: &RoleMap) -> Bound<'a> {
        let bind = |wanted: &BTreeSet<Role>| wanted.iter().filter_map(|role| roles.get(*role).cloned()).collect();
        Bound {
            rule,
            accounts: bind(&rule.roles),
            kept: bind(&rule.keeps),
        }
    }

    fn keeps(&self, differences: &Sums, currency: Currency) -> Result<bool, Problem> {
        let mut by_day: BTreeMap<Date, Money> = BTreeMap::new();
        for ((date, account), money) in differences {
            if self.kept.contains(account) {
                let sum = by_day.entry(*date).or_insert(Money::zero(currency));
                *sum = sum.plus(*money)?;
            }
        }
        Ok(by_day.values().all(Money::is_zero))
    }
}

fn add(sums: &mut Sums, lines: &[DatedLine], currency: Currency) -> Result<(), Problem> {
    for line in lines {
        let sum = sums.entry((line.date, line.account.clone())).or_insert(Money::zero(currency));
        *sum = sum.plus(line.amount)?;
    }
    sums.retain(|_, sum| !sum.is_zero());
    Ok(())
}

fn difference(old: &Sums, new: &Sums, currency: Currency) -> Result<Sums, Problem> {
    let mut differences = Sums::new();
    for at in old.keys().chain(new.keys()) {
        let side = |sums: &Sums| sums.get(at).copied().unwrap_or(Money::zero(currency));
        let by = side(new).minus(side(old))?;
        if !by.is_zero() {
            differences.insert(at.clone(), by);
        }
    }
    Ok(differences)
}

fn without_days(sums: &Sums) -> Result<BTreeMap<&AccountId, Money>, Problem> {
    let mut accounts: BTreeMap<&AccountId, Money> = BTreeMap::new();
    for ((_, account), money) in sums {
        let sum = accounts.entry(account).or_insert(Money::zero(money.currency));
        *sum = sum.plus(*money)?;
    }
    accounts.retain(|_, sum| !sum.is_zero());
    Ok(accounts)
}

fn size(differences: &Sums, currency: Currency) -> Result<Money, Problem> {
    let zero = Money::zero(currency);
    let mut days: BTreeMap<Date, (Money, Money)> = BTreeMap::new();
    for ((date, _), money) in differences {
        let (debits, credits) = days.entry(*date).or_insert((zero, zero));
        if money.minor > 0 {
            *debits = debits.plus(*money)?;
        } else {
            *credits = credits.minus(*money)?;
        }
    }
    Money::sum(
        currency,
        days.into_values()
            .map(|(debits, credits)| if debits.minor >= credits.minor { debits } else { credits }),
    )
}

fn listed(sums: Sums) -> Vec<DatedLine> {
    sums.into_iter()
        .map(|((date, account), amount)| DatedLine { date, account, amount })
        .collect()
}
