//! Writing new entries the way GnuCash itself stores them.
//!
//! Ids follow from the entry key, so a second posting of the same movement collides instead of doubling.
//! The key goes into `online_id` of one line, where GnuCash's importer looks; the day is stored both ways.

use super::describe::Accounts;
use super::read::{ALL_KEYS, DATE_POSTED, ONLINE_ID};
use crate::problems::*;
use jiff::Timestamp;
use ledger::{Currency, Entry, EntryKey, Problem};
use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};
use std::collections::BTreeMap;

/// 32 hexadecimal digits that follow from the key and the part of the entry.
pub(super) fn guid(key: &EntryKey, part: &str) -> String {
    let mut digits = hex::encode(Sha256::digest(format!("{key}/{part}")));
    digits.truncate(32);
    digits
}

pub(super) fn line_guid(key: &EntryKey, at: usize) -> String {
    guid(key, &format!("line/{at}"))
}

/// GnuCash's time of day for a posting: the same day in nearly every time zone.
const POSTING_TIME: &str = "10:59:00";
/// GnuCash's "never".
const NEVER: &str = "1970-01-01 00:00:00";

const STRING: i64 = 4;
const GDATE: i64 = 10;

/// Rows per statement: well below SQLite's limit of bound values, and few enough different statements.
const ROWS_AT_ONCE: usize = 250;

/// An amount in the smallest unit in which the account counts, or None when that is not exact.
pub(super) fn in_units(minor: i64, currency: Currency, scu: i64) -> Option<i64> {
    let scaled = i128::from(minor) * i128::from(scu);
    let per = i128::from(currency.minor_per_major());
    if scu <= 0 || scaled % per != 0 {
        None
    } else {
        i64::try_from(scaled / per).ok()
    }
}

struct Slot {
    object: String,
    name: &'static str,
    kind: i64,
    text: Option<String>,
    day: Option<String>,
}

/// Writes entries that `permit.rs` let through. `wrote` hears the number of entries written so far.
pub(super) async fn post(
    db: &mut SqliteConnection,
    entries: &[Entry],
    accounts: &Accounts,
    now: Timestamp,
    wrote: &mut (dyn FnMut(u64) + Send),
) -> Result<(), Problem> {
    let commodities: BTreeMap<&str, &str> = accounts
        .values()
        .filter_map(|a| a.account.currency.map(|_| a))
        .map(|a| (a.account.id.0.as_str(), a.commodity.as_str()))
        .collect();
    let entered = now.strftime("%Y-%m-%d %H:%M:%S").to_string();
    let mut done = 0_u64;
    for chunk in entries.chunks(ROWS_AT_ONCE) {
        post_heads(db, chunk, &commodities, &entered).await?;
        post_lines(db, chunk, accounts).await?;
        post_slots(db, chunk).await?;
        done += chunk.len() as u64;
        wrote(done);
    }
    Ok(())
}

async fn post_heads(
    db: &mut SqliteConnection,
    entries: &[Entry],
    commodities: &BTreeMap<&str, &str>,
    entered: &str,
) -> Result<(), Problem> {
    let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO transactions (guid, currency_guid, num, post_date, enter_date, description) ");
    query.push_values(entries, |mut values, entry| {
        values
            .push_bind(guid(&entry.key, "tx"))
            .push_bind(
                commodities
                    .get(entry.key_account.0.as_str())
                    .copied()
                    .unwrap_or_default()
                    .to_string(),
            )
            .push_bind(entry.reference.clone())
            .push_bind(format!("{} {POSTING_TIME}", entry.date))
            .push_bind(entered.to_string())
            .push_bind(entry.description.clone());
    });
    query.build().execute(db).await.doing("writing new entries")?;
    Ok(())
}

async fn post_lines(db: &mut SqliteConnection, entries: &[Entry], accounts: &Accounts) -> Result<(), Problem> {
    let lines: Vec<_> = entries
        .iter()
        .flat_map(|entry| entry.lines.iter().enumerate().map(move |(at, line)| (entry, at, line)))
        .collect();
    for chunk in lines.chunks(ROWS_AT_ONCE) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO splits (guid, tx_guid, account_guid, memo, action, reconcile_state, reconcile_date,
                                 value_num, value_denom, quantity_num, quantity_denom, lot_guid) ",
        );
        query.push_values(chunk, |mut values, (entry, at, line)| {
            let currency = line.amount.currency;
            let scu = accounts.get(&line.account).map_or(currency.minor_per_major(), |a| a.scu);
            // `permit.rs` has refused what is not exact; should it not have, the proof of the copy finds the difference.
            let quantity = in_units(line.amount.minor, currency, scu).unwrap_or(-1);
            values
                .push_bind(line_guid(&entry.key, *at))
                .push_bind(guid(&entry.key, "tx"))
                .push_bind(line.account.0.clone())
                .push_bind(line.memo.clone())
                .push_bind("")
                .push_bind("n")
                .push_bind(NEVER)
                .push_bind(line.amount.minor)
                .push_bind(currency.minor_per_major())
                .push_bind(quantity)
                .push_bind(scu)
                .push_bind(None::<String>);
        });
        query.build().execute(&mut *db).await.doing("writing new entries")?;
    }
    Ok(())
}

async fn post_slots(db: &mut SqliteConnection, entries: &[Entry]) -> Result<(), Problem> {
    let slots: Vec<Slot> = entries.iter().flat_map(slots_of).collect();
    for chunk in slots.chunks(ROWS_AT_ONCE) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO slots (obj_guid, name, slot_type, int64_val, string_val, double_val, timespec_val, guid_val,
                                numeric_val_num, numeric_val_denom, gdate_val) ",
        );
        query.push_values(chunk, |mut values, slot| {
            values
                .push_bind(slot.object.clone())
                .push_bind(slot.name)
                .push_bind(slot.kind)
                .push_bind(0_i64)
                .push_bind(slot.text.clone())
                .push_bind(None::<f64>)
                .push_bind(NEVER)
                .push_bind(None::<String>)
                .push_bind(0_i64)
                .push_bind(1_i64)
                .push_bind(slot.day.clone());
        });
        query.build().execute(&mut *db).await.doing("writing new entries")?;
    }
    Ok(())
}

fn slots_of(entry: &Entry) -> Vec<Slot> {
    let tx = guid(&entry.key, "tx");
    let day = entry.date.strftime("%Y%m%d").to_string();
    let mut slots = vec![Slot {
        object: tx.clone(),
        name: DATE_POSTED,
        kind: GDATE,
        text: None,
        day: Some(day),
    }];
    if entry.covers.len() > 1 {
        let list: Vec<&str> = entry.covers.iter().map(EntryKey::as_str).collect();
        slots.push(Slot {
            object: tx,
            name: ALL_KEYS,
            kind: STRING,
            text: Some(list.join(" ")),
            day: None,
        });
    }
    if let Some(at) = entry.lines.iter().position(|line| line.account == entry.key_account) {
        slots.push(Slot {
            object: line_guid(&entry.key, at),
            name: ONLINE_ID,
            kind: STRING,
            text: Some(entry.key.to_string()),
            day: None,
        });
    }
    slots
}
