//! Entries and entry keys as the books hold them, and the print that tells whether a person touched one.
//!
//! The day of an entry is GnuCash's `date-posted` slot; the `post_date` column is only a fallback. Templates
//! of scheduled entries live in the same tables and are left out by `OWN`.

use super::describe::{self, Accounts};
use crate::book::*;
use crate::problems::*;
use jiff::civil::Date;
use ledger::{AccountId, Currency, EntryKey, Problem};
use sha2::{Digest, Sha256};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;
use std::collections::{BTreeMap, BTreeSet};

/// The online id of a line: where GnuCash's importer looks for what it has already seen.
pub(super) const ONLINE_ID: &str = "online_id";
/// Our list of every key that an entry covers, on entries that cover more than one.
pub(super) const ALL_KEYS: &str = "changeover-keys";
pub(super) const DATE_POSTED: &str = "date-posted";
pub(super) const NOTES: &str = "notes";

/// SQL: the entry's true day as YYYY-MM-DD, of a transaction named `t`. Without the slot, half a day is added to
/// `post_date`, because old books hold local midnight in UTC; new ones hold 10:59, which stays on its day.
pub(super) const DAY: &str = "COALESCE(
    (SELECT substr(d.gdate_val, 1, 4) || '-' || substr(d.gdate_val, 5, 2) || '-' || substr(d.gdate_val, 7, 2)
     FROM slots d WHERE d.obj_guid = t.guid AND d.name = 'date-posted' AND d.gdate_val IS NOT NULL LIMIT 1),
    date(CASE WHEN t.post_date LIKE '____-__-__ %' THEN t.post_date
              ELSE substr(t.post_date, 1, 4) || '-' || substr(t.post_date, 5, 2) || '-' || substr(t.post_date, 7, 2) || ' '
                || substr(t.post_date, 9, 2) || ':' || substr(t.post_date, 11, 2) || ':' || substr(t.post_date, 13, 2) END, '+12 hours'),
    'no date')";

/// SQL: a transaction named `t` is the company's own and no template of a scheduled one.
pub(super) const OWN: &str = "t.guid NOT IN (SELECT tx_guid FROM splits WHERE account_guid IN (
    WITH RECURSIVE template(guid) AS (SELECT root_template_guid FROM books UNION SELECT a.guid FROM accounts a JOIN template ON a.parent_guid = template.guid)
    SELECT guid FROM template))";

pub(super) fn date(text: &str) -> Result<Date, Problem> {
    text.parse()
        .map_err(|_| damaged(vec![format!("An entry's date reads \"{text}\".")]))
}

/// The ids that the following questions are about, with their days, in a table that never reaches the disk.
async fn new_wanted(db: &mut SqliteConnection) -> Result<(), Problem> {
    let doing = "reading their entries";
    sqlx::query("DROP TABLE IF EXISTS temp.wanted")
        .execute(&mut *db)
        .await
        .doing(doing)?;
    sqlx::query("CREATE TEMP TABLE wanted (guid TEXT PRIMARY KEY, day TEXT NOT NULL) WITHOUT ROWID")
        .execute(db)
        .await
        .doing(doing)?;
    Ok(())
}

pub(super) async fn want_period(db: &mut SqliteConnection, period: Period) -> Result<(), Problem> {
    new_wanted(db).await?;
    let sql = format!(
        "INSERT INTO temp.wanted SELECT guid, day FROM (SELECT t.guid AS guid, {DAY} AS day FROM transactions t WHERE {OWN})
         WHERE (day >= ?1 AND day <= ?2) OR day = 'no date'"
    );
    let text = |date: Option<Date>, open: &str| date.map_or(open.to_string(), |date| date.to_string());
    sqlx::query(AssertSqlSafe(sql))
        .bind(text(period.from, ""))
        .bind(text(period.to, "9"))
        .execute(db)
        .await
        .doing("reading their entries")?;
    Ok(())
}

pub(super) async fn want_ids<'a>(db: &mut SqliteConnection, ids: impl IntoIterator<Item = &'a EntryId>) -> Result<(), Problem> {
    new_wanted(db).await?;
    let ids: Vec<&str> = ids.into_iter().map(|id| id.0.as_str()).collect();
    let sql = format!(
        "INSERT INTO temp.wanted SELECT t.guid, {DAY} FROM transactions t WHERE t.guid IN (SELECT value FROM json_each(?1)) AND {OWN}"
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(json_list(&ids))
        .execute(db)
        .await
        .doing("reading their entries")?;
    Ok(())
}

/// A list of texts as one bound value, for `json_each`.
pub(super) fn json_list(texts: &[&str]) -> String {
    serde_json::Value::from(texts.to_vec()).to_string()
}

type HeadRow = (String, String, String, String, Option<String>, String, String);
type SplitRow = (String, String, String, String, String, String, i64, i64, i64, i64, Option<String>);
type SlotRow = (
    String,
    String,
    String,
    i64,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<String>,
);

struct Slot {
    object: String,
    name: String,
    /// Type and value, for the print.
    value: String,
    /// For the slots that are texts.
    text: Option<String>,
}

const SLOT_ROW: &str = "json_array(object.tx, object.guid, k.name, k.slot_type, k.int64_val, k.string_val,
            CASE WHEN k.double_val IS NULL THEN NULL ELSE printf('%!.17g', k.double_val) END, k.timespec_val, k.guid_val,
            k.numeric_val_num, k.numeric_val_denom, k.gdate_val)";

/// SQL: the wanted transactions and their splits, on which slots hang.
const OBJECTS: &str = "SELECT guid, guid AS tx FROM temp.wanted UNION ALL SELECT s.guid, s.tx_guid FROM splits s JOIN temp.wanted w ON w.guid = s.tx_guid";

/// SQL: the same, with the frames and lists within slots, which are rare and cost much to follow.
const OBJECTS_DEEP: &str = "WITH RECURSIVE object(guid, tx) AS (
        SELECT guid, guid FROM temp.wanted
        UNION SELECT s.guid, s.tx_guid FROM splits s JOIN temp.wanted w ON w.guid = s.tx_guid
        UNION SELECT k.guid_val, object.tx FROM slots k JOIN object ON k.obj_guid = object.guid WHERE k.slot_type IN (8, 9) AND k.guid_val IS NOT NULL)
    SELECT guid, tx FROM object";

/// The slots of the wanted entries: of the transactions, of their splits, and of frames and lists within.
async fn slots(db: &mut SqliteConnection, doing: &str) -> Result<Vec<SlotRow>, Problem> {
    let frames = format!("SELECT EXISTS (SELECT 1 FROM ({OBJECTS}) object JOIN slots k ON k.obj_guid = object.guid WHERE k.slot_type IN (8, 9))");
    let deep: bool = sqlx::query_scalar(AssertSqlSafe(frames)).fetch_one(&mut *db).await.doing(doing)?;
    let objects = if deep { OBJECTS_DEEP } else { OBJECTS };
    rows(db, format!("SELECT {SLOT_ROW} FROM ({objects}) object JOIN slots k ON k.obj_guid = object.guid ORDER BY k.id"), doing).await
}

/// The rows of a question that answers with one JSON array each: of the wide tables a value apiece costs more than everything else.
async fn rows<T: serde::de::DeserializeOwned>(db: &mut SqliteConnection, sql: impl Into<String>, doing: &str) -> Result<Vec<T>, Problem> {
    let texts: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql.into())).fetch_all(db).await.doing(doing)?;
    let mut rows = Vec::with_capacity(texts.len());
    for text in texts {
        let row = serde_json::from_str(&text).map_err(|fault| damaged(vec![format!("A row holds another kind of value than GnuCash writes ({fault}).")]))?;
        rows.push(row);
    }
    Ok(rows)
}

/// The entries prepared by `want_period` or `want_ids`, by day and then id.
pub(super) async fn wanted(db: &mut SqliteConnection) -> Result<Vec<BookEntry>, Problem> {
    let doing = "reading their entries";
    let accounts = describe::accounts(db).await?;
    let heads: Vec<HeadRow> = rows(
        db,
        "SELECT json_array(w.guid, w.day, t.num, c.namespace, t.description, c.mnemonic, t.currency_guid)
         FROM temp.wanted w JOIN transactions t ON t.guid = w.guid JOIN commodities c ON c.guid = t.currency_guid ORDER BY w.day, w.guid",
        doing,
    )
    .await?;
    let splits: Vec<SplitRow> = rows(
        db,
        "SELECT json_array(s.tx_guid, s.guid, s.account_guid, s.memo, s.action, s.reconcile_state, s.value_num, s.value_denom, s.quantity_num,
                s.quantity_denom, s.lot_guid)
         FROM splits s JOIN temp.wanted w ON w.guid = s.tx_guid ORDER BY s.rowid",
        doing,
    )
    .await?;
    let slots = slots(db, doing).await?;

    let mut splits_of: BTreeMap<String, Vec<SplitRow>> = BTreeMap::new();
    for split in splits {
        splits_of.entry(split.0.clone()).or_default().push(split);
    }
    let mut slots_of: BTreeMap<String, Vec<Slot>> = BTreeMap::new();
    for (tx, object, name, kind, int, text, double, time, guid, num, denom, day) in slots {
        let double = double.map(|text| text.parse::<f64>().unwrap_or(f64::NAN));
        // Only the column of the slot's own type counts: GnuCash fills the others as it likes.
        let value = match kind {
            1 => format!("{int:?}"),
            2 => format!("{:?}", double.map(f64::to_bits)),
            3 => format!("{num:?}/{denom:?}"),
            4 => format!("{text:?}"),
            5 => format!("{guid:?}"),
            6 => format!("{time:?}"),
            10 => format!("{day:?}"),
            8 | 9 => String::new(),
            _ => format!("{int:?} {text:?} {double:?} {time:?} {guid:?} {num:?} {denom:?} {day:?}"),
        };
        slots_of.entry(tx).or_default().push(Slot {
            object,
            name,
            value: format!("{kind} {value}"),
            text,
        });
    }
    let mut entries = Vec::with_capacity(heads.len());
    let mut faults = Vec::new();
    for head in heads {
        let splits = splits_of.remove(&head.0).unwrap_or_default();
        let slots = slots_of.remove(&head.0).unwrap_or_default();
        match entry(&accounts, head, splits, slots) {
            Ok(entry) => entries.push(entry),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() {
        return Ok(entries);
    }
    let next = "Correct these entries in GnuCash, or ask for their currency to be added.";
    Err(with_findings(
        E_BOOKS_CURRENCY,
        format!("{} entries of the book cannot be read exactly.", faults.len()),
        faults,
        next,
    ))
}

fn entry(accounts: &Accounts, head: HeadRow, splits: Vec<SplitRow>, slots: Vec<Slot>) -> Result<BookEntry, String> {
    let (id, day, reference, namespace, description, mnemonic, currency_guid) = head;
    let description = description.unwrap_or_default();
    let name = format!("\"{description}\" of {day}");
    let date: Date = day.parse().map_err(|_| format!("{name}: its date cannot be read."))?;
    let currency = match namespace.as_str() {
        "CURRENCY" => Currency::of(&mnemonic).map_err(|problem| format!("{name}: {}", problem.what))?,
        _ => return Err(format!("{name}: it is kept in {namespace} {mnemonic}, which is no currency.")),
    };
    let mut lines = Vec::with_capacity(splits.len());
    let mut texts = Vec::with_capacity(splits.len() + slots.len());
    for (_, guid, account, memo, action, state, value_num, value_denom, quantity_num, quantity_denom, lot) in splits {
        let account = AccountId(account);
        let amount = exact(value_num, value_denom, currency)
            .ok_or_else(|| format!("{name}: a line of {value_num}/{value_denom} is no exact amount in {currency}."))?;
        let reconcile = reconcile(&state).ok_or_else(|| format!("{name}: a line has the unknown reconcile state \"{state}\"."))?;
        texts.push(json(&(
            "line",
            &account,
            &memo,
            &action,
            &state,
            amount.minor,
            quantity_num,
            quantity_denom,
            &lot,
        )));
        let held = accounts.get(&account).and_then(|a| a.account.currency);
        let quantity = Quantity {
            num: quantity_num,
            denom: quantity_denom,
            currency: held,
        };
        lines.push(BookLine {
            id: guid,
            account,
            amount,
            quantity,
            memo,
            reconcile,
            linked: lot.is_some(),
        });
    }
    let mut notes = String::new();
    for slot in &slots {
        if slot.name == NOTES && slot.object == id {
            notes = slot.text.clone().unwrap_or_default();
        } else if slot.name != DATE_POSTED {
            texts.push(json(&("slot", &slot.name, &slot.value)));
        }
    }
    // Sorted, because neither the order of lines nor that of slots is something a person sees.
    texts.sort();
    let mut hasher = Sha256::new();
    hasher.update(json(&("entry", &day, &description, &reference, &notes, &currency_guid)));
    for text in &texts {
        hasher.update([b'\n']);
        hasher.update(text);
    }
    let keys = keys_of(
        slots.iter().filter(|slot| slot.name == ALL_KEYS),
        slots.iter().filter(|slot| slot.name == ONLINE_ID),
    );
    Ok(BookEntry {
        id: EntryId(id),
        keys,
        date,
        description,
        reference,
        notes,
        currency,
        lines,
        print: Print(hex::encode(hasher.finalize())),
    })
}

/// JSON of plain texts and numbers, which always can be written.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Our list first, then the online ids that it does not name. Texts that cannot be keys are a bank's, not ours.
fn keys_of<'a>(lists: impl Iterator<Item = &'a Slot>, online: impl Iterator<Item = &'a Slot>) -> Vec<EntryKey> {
    let listed = lists.filter_map(|slot| slot.text.as_deref()).flat_map(|text| text.split(' '));
    let single = online.filter_map(|slot| slot.text.as_deref());
    let mut keys: Vec<EntryKey> = Vec::new();
    for key in listed.chain(single).filter_map(|text| EntryKey::new(text).ok()) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

fn reconcile(state: &str) -> Option<Reconcile> {
    match state {
        "n" => Some(Reconcile::New),
        "c" => Some(Reconcile::Cleared),
        "y" => Some(Reconcile::Reconciled),
        "f" => Some(Reconcile::Frozen),
        "v" => Some(Reconcile::Voided),
        _ => None,
    }
}

/// Every key with every entry that carries it. A key on two entries means that somebody copied one.
pub(super) async fn keys(db: &mut SqliteConnection) -> Result<BTreeMap<EntryKey, BTreeSet<EntryId>>, Problem> {
    let sql = "SELECT k.string_val, s.tx_guid FROM slots k JOIN splits s ON s.guid = k.obj_guid JOIN transactions t ON t.guid = s.tx_guid WHERE k.name = 'online_id'
         UNION ALL SELECT k.string_val, t.guid FROM slots k JOIN transactions t ON t.guid = k.obj_guid WHERE k.name IN ('online_id', 'changeover-keys')";
    let rows: Vec<(Option<String>, String)> = sqlx::query_as(sql).fetch_all(db).await.doing("reading their entry keys")?;
    Ok(gathered(rows))
}

/// As [`keys`], for some keys only: what nobody asks about is not looked up.
pub(super) async fn keys_among(db: &mut SqliteConnection, asked: &BTreeSet<&EntryKey>) -> Result<BTreeMap<EntryKey, BTreeSet<EntryId>>, Problem> {
    let doing = "reading their entry keys";
    let texts: Vec<&str> = asked.iter().map(|key| key.as_str()).collect();
    let on_lines = "SELECT k.string_val, s.tx_guid FROM slots k JOIN splits s ON s.guid = k.obj_guid JOIN transactions t ON t.guid = s.tx_guid
         WHERE k.name = 'online_id' AND k.string_val IN (SELECT value FROM json_each(?1))
         UNION ALL SELECT k.string_val, t.guid FROM slots k JOIN transactions t ON t.guid = k.obj_guid
         WHERE k.name = 'online_id' AND k.string_val IN (SELECT value FROM json_each(?1))";
    let mut rows: Vec<(Option<String>, String)> = sqlx::query_as(on_lines).bind(json_list(&texts)).fetch_all(&mut *db).await.doing(doing)?;
    // A list holds several keys, so it must be taken apart before it can be asked about; then only are its entries looked up.
    let lists: Vec<(Option<String>, String)> =
        sqlx::query_as("SELECT string_val, obj_guid FROM slots WHERE name = 'changeover-keys'").fetch_all(&mut *db).await.doing(doing)?;
    let asked_texts: BTreeSet<&str> = texts.iter().copied().collect();
    let matching: Vec<(Option<String>, String)> =
        lists.into_iter().filter(|(list, _)| list.as_deref().unwrap_or_default().split(' ').any(|text| asked_texts.contains(text))).collect();
    if !matching.is_empty() {
        let objects: Vec<&str> = matching.iter().map(|(_, object)| object.as_str()).collect();
        let alive: Vec<String> = sqlx::query_scalar("SELECT guid FROM transactions WHERE guid IN (SELECT value FROM json_each(?1))")
            .bind(json_list(&objects))
            .fetch_all(db)
            .await
            .doing(doing)?;
        let alive: BTreeSet<String> = alive.into_iter().collect();
        rows.extend(matching.into_iter().filter(|(_, object)| alive.contains(object)));
    }
    Ok(gathered(rows))
}

fn gathered(rows: Vec<(Option<String>, String)>) -> BTreeMap<EntryKey, BTreeSet<EntryId>> {
    let mut keys: BTreeMap<EntryKey, BTreeSet<EntryId>> = BTreeMap::new();
    for (text, id) in rows {
        for key in text.unwrap_or_default().split(' ').filter_map(|text| EntryKey::new(text).ok()) {
            keys.entry(key).or_default().insert(EntryId(id.clone()));
        }
    }
    keys
}

/// One entry per key: of several the one that we wrote, whose id follows from a key, else the first by id.
pub(super) fn one_each(keys: BTreeMap<EntryKey, BTreeSet<EntryId>>) -> BTreeMap<EntryKey, EntryId> {
    keys.into_iter()
        .filter_map(|(key, ids)| {
            let own = EntryId(super::write::guid(&key, "tx"));
            let id = if ids.contains(&own) { Some(own) } else { ids.into_iter().next() };
            id.map(|id| (key, id))
        })
        .collect()
}
