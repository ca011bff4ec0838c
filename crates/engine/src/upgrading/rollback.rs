//! Proving a rollback: the books are as they were, but for what others did meanwhile.
//!
//! Entries that a person typed or changed since, and those the old connector posted in its own right, are not
//! part of "as before"; they are named, never touched.

use super::Undertaking;
use super::baseline::{self, Baseline};
use crate::engine::Engine;
use ledger::{Money, Problem};
use std::collections::BTreeMap;

/// What the comparison after a rollback found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackAgain {
    /// Entries compared one by one.
    pub compared: u64,
    /// Entries or balances that are not as they were and that nobody else's work explains.
    pub wrong: Vec<String>,
    /// Posted by the old connector since the baseline; they stay.
    pub by_old: u64,
    /// Entries that a person added since, which stay.
    pub by_people: u64,
}

/// Compares the books with the baseline.
pub async fn compare(engine: &Engine, u: &Undertaking, before: &Baseline) -> Result<BackAgain, Problem> {
    let now = baseline::take(engine.books(&u.company).await?.as_ref(), 0, engine.now()).await?;
    let known = engine.known(&u.connection.id).await?;
    let mut back = BackAgain { compared: before.entries.len() as u64, ..BackAgain::default() };
    let mut moved: BTreeMap<&ledger::AccountId, Money> = BTreeMap::new();
    for (id, then) in &before.entries {
        match now.entries.get(id) {
            Some(same) if same.print == then.print => {}
            Some(changed) if !then.ours => {
                // A person's own entry that a person changed: theirs to change.
                back.by_people += 1;
                add(&mut moved, &then.lines, -1)?;
                add(&mut moved, &changed.lines, 1)?;
            }
            None if !then.ours => {
                back.by_people += 1;
                add(&mut moved, &then.lines, -1)?;
            }
            Some(_) => back.wrong.push(format!("The entry of {} ({id}) is not as it was before the upgrade.", then.date)),
            None => back.wrong.push(format!("The entry of {} ({id}) is missing.", then.date)),
        }
    }
    for (id, new) in now.entries.iter().filter(|(id, _)| !before.entries.contains_key(*id)) {
        match known.entries.get(id) {
            Some(entry) if entry.version == u.from => back.by_old += 1,
            Some(_) => {
                back.wrong.push(format!("The entry of {} ({id}) of the new connector is still there.", new.date));
                continue;
            }
            None if new.ours => {
                back.wrong.push(format!("The entry of {} ({id}) carries an entry key that Changeover does not know.", new.date));
                continue;
            }
            None => back.by_people += 1,
        }
        add(&mut moved, &new.lines, 1)?;
    }
    for (account, was) in &before.balances {
        let by_others = moved.get(account).copied().unwrap_or(Money::zero(was.currency));
        let expected = was.plus(by_others)?;
        let is = now.balances.get(account).copied().unwrap_or(Money::zero(was.currency));
        if is != expected {
            back.wrong.push(format!("The balance of account {account} should be {expected} and is {is}."));
        }
    }
    Ok(back)
}

fn add<'a>(moved: &mut BTreeMap<&'a ledger::AccountId, Money>, lines: &'a [(ledger::AccountId, Money)], sign: i64) -> Result<(), Problem> {
    for (account, amount) in lines {
        let amount = if sign < 0 { amount.negated()? } else { *amount };
        let sum = moved.entry(account).or_insert(Money::zero(amount.currency));
        *sum = sum.plus(amount)?;
    }
    Ok(())
}
