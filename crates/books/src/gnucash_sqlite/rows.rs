//! Rows word for word: taking an entry out with everything that hangs on it, and putting it back the same.
//!
//! Whatever GnuCash stored is kept to the bit, columns that we do not know included. Only `slots.id`, which is a
//! mere running number, is given anew.

use super::read;
use crate::book::*;
use crate::problems::*;
use jiff::civil::Date;
use ledger::Problem;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Column, QueryBuilder, Row, Sqlite, TypeInfo, ValueRef};
use std::collections::BTreeMap;
use std::sync::Arc;

impl StoredTable {
    pub(super) fn name(self) -> &'static str {
        match self {
            StoredTable::Transactions => "transactions",
            StoredTable::Splits => "splits",
            StoredTable::Slots => "slots",
        }
    }
}

/// An entry that a change takes out, as far as its proof must know it.
pub(super) struct Leaving {
    pub id: EntryId,
    pub date: Date,
    pub description: String,
}

/// SQL: every object of the wanted entries that slots can hang on, with its entry.
const OBJECTS: &str = "CREATE TEMP TABLE object AS
    WITH RECURSIVE object(guid, tx) AS (
        SELECT guid, guid FROM temp.wanted
        UNION SELECT s.guid, s.tx_guid FROM splits s JOIN temp.wanted w ON w.guid = s.tx_guid
        UNION SELECT k.guid_val, object.tx FROM slots k JOIN object ON k.obj_guid = object.guid WHERE k.slot_type IN (8, 9) AND k.guid_val IS NOT NULL)
    SELECT guid, tx FROM object";

/// Deletes the rows of `entries`. The caller is inside a transaction on a private copy.
pub(super) async fn take_out(db: &mut SqliteConnection, entries: &[Leaving]) -> Result<(), Problem> {
    if entries.is_empty() {
        return Ok(());
    }
    want_objects(db, entries.iter().map(|entry| &entry.id)).await?;
    let doing = "taking entries out";
    for sql in [
        "DELETE FROM slots WHERE obj_guid IN (SELECT guid FROM temp.object)",
        "DELETE FROM splits WHERE tx_guid IN (SELECT guid FROM temp.wanted)",
        "DELETE FROM transactions WHERE guid IN (SELECT guid FROM temp.wanted)",
    ] {
        sqlx::query(sql).execute(&mut *db).await.doing(doing)?;
    }
    Ok(())
}

/// Prepares the tables `temp.wanted` and `temp.object` for these entries.
async fn want_objects<'a>(db: &mut SqliteConnection, ids: impl IntoIterator<Item = &'a EntryId>) -> Result<(), Problem> {
    let doing = "looking for all that hangs on entries";
    read::want_ids(db, ids).await?;
    sqlx::query("DROP TABLE IF EXISTS temp.object")
        .execute(&mut *db)
        .await
        .doing(doing)?;
    sqlx::query(OBJECTS).execute(&mut *db).await.doing(doing)?;
    Ok(())
}

/// Copies the rows of `entries` word for word; they stay where they are.
pub(super) async fn copied(db: &mut SqliteConnection, entries: &[BookEntry]) -> Result<Vec<RemovedEntry>, Problem> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let doing = "copying entries word for word";
    want_objects(db, entries.iter().map(|entry| &entry.id)).await?;
    let mut rows_of: BTreeMap<String, Vec<StoredRow>> = BTreeMap::new();
    for (table, sql) in [
        (
            StoredTable::Transactions,
            "SELECT t.guid, t.* FROM transactions t JOIN temp.wanted w ON w.guid = t.guid ORDER BY t.rowid",
        ),
        (
            StoredTable::Splits,
            "SELECT s.tx_guid, s.* FROM splits s JOIN temp.wanted w ON w.guid = s.tx_guid ORDER BY s.rowid",
        ),
        (
            StoredTable::Slots,
            "SELECT o.tx, k.* FROM slots k JOIN temp.object o ON o.guid = k.obj_guid ORDER BY k.id",
        ),
    ] {
        let mut names: Arc<[String]> = Arc::from([]);
        for row in sqlx::query(sql).fetch_all(&mut *db).await.doing(doing)? {
            let entry: String = row.try_get(0).doing(doing)?;
            let mut stored = stored(table, &row)?;
            match names == stored.columns {
                true => stored.columns = names.clone(),
                false => names = stored.columns.clone(),
            }
            rows_of.entry(entry).or_default().push(stored);
        }
    }
    Ok(entries
        .iter()
        .map(|entry| RemovedEntry {
            format: RemovedEntry::FORMAT,
            id: entry.id.clone(),
            print: entry.print.clone(),
            keys: entry.keys.clone(),
            date: entry.date,
            description: entry.description.clone(),
            rows: rows_of.remove(&entry.id.0).unwrap_or_default(),
        })
        .collect())
}

fn stored(table: StoredTable, row: &SqliteRow) -> Result<StoredRow, Problem> {
    let doing = "copying an entry's rows";
    let mut columns = Vec::new();
    let mut cells = Vec::new();
    // Column 0 is the entry's id that the query put in front.
    for column in row.columns().iter().skip(1) {
        if table == StoredTable::Slots && column.name() == "id" {
            continue;
        }
        let at = column.ordinal();
        let value = row.try_get_raw(at).doing(doing)?;
        let cell = if value.is_null() {
            Cell::Null
        } else {
            match value.type_info().name() {
                "INTEGER" => Cell::Integer(row.try_get_unchecked(at).doing(doing)?),
                "REAL" => Cell::Real(format!("{:016x}", row.try_get_unchecked::<f64, _>(at).doing(doing)?.to_bits())),
                "TEXT" => Cell::Text(row.try_get_unchecked(at).doing(doing)?),
                "BLOB" => Cell::Blob(hex::encode(row.try_get_unchecked::<Vec<u8>, _>(at).doing(doing)?)),
                other => {
                    return Err(damaged(vec![format!(
                        "A column \"{}\" holds the unknown kind of value {other}.",
                        column.name()
                    )]));
                }
            }
        };
        columns.push(column.name().to_string());
        cells.push(cell);
    }
    Ok(StoredRow { table, columns: columns.into(), cells })
}

/// Rows per statement: well below SQLite's limit of bound values.
const ROWS_AT_ONCE: usize = 200;

/// Puts removed entries back. The caller has checked that nothing of them is in the books.
pub(super) async fn put_back(db: &mut SqliteConnection, entries: &[RemovedEntry]) -> Result<(), Problem> {
    let doing = "putting entries back";
    for table in [StoredTable::Transactions, StoredTable::Splits, StoredTable::Slots] {
        let known = columns(db, table).await?;
        let mut alike: Vec<(&[String], Vec<&StoredRow>)> = Vec::new();
        for row in entries.iter().flat_map(|entry| &entry.rows).filter(|row| row.table == table) {
            match alike.iter_mut().find(|(columns, _)| **columns == *row.columns) {
                Some((_, rows)) => rows.push(row),
                None => alike.push((&row.columns, vec![row])),
            }
        }
        for (columns, rows) in alike {
            let strange: Vec<String> = columns
                .iter()
                .filter(|c| !known.contains(c))
                .map(|c| format!("The table {} has no column \"{c}\".", table.name()))
                .collect();
            if !strange.is_empty() {
                return Err(with_findings(
                    E_BOOKS_VERSION,
                    "The removed entries do not fit this book.",
                    strange,
                    "Restore a backup instead.",
                ));
            }
            let quoted: Vec<String> = columns.iter().map(|c| format!("\"{c}\"")).collect();
            for chunk in rows.chunks(ROWS_AT_ONCE) {
                let mut query = QueryBuilder::<Sqlite>::new(format!("INSERT INTO {} ({}) ", table.name(), quoted.join(", ")));
                let mut bad = None;
                query.push_values(chunk, |mut values, row| {
                    for cell in &row.cells {
                        match cell {
                            Cell::Null => values.push_bind(None::<String>),
                            Cell::Integer(number) => values.push_bind(*number),
                            Cell::Real(bits) => match u64::from_str_radix(bits, 16) {
                                Ok(bits) => values.push_bind(f64::from_bits(bits)),
                                Err(_) => {
                                    bad = Some(bits.clone());
                                    values.push_bind(None::<f64>)
                                }
                            },
                            Cell::Text(text) => values.push_bind(text.clone()),
                            Cell::Blob(text) => match hex::decode(text) {
                                Ok(bytes) => values.push_bind(bytes),
                                Err(_) => {
                                    bad = Some(text.clone());
                                    values.push_bind(None::<Vec<u8>>)
                                }
                            },
                        };
                    }
                });
                if let Some(bad) = bad {
                    return Err(damaged(vec![format!(
                        "A removed entry was stored with the unreadable value \"{bad}\"."
                    )]));
                }
                query.build().persistent(false).execute(&mut *db).await.doing(doing)?;
            }
        }
    }
    Ok(())
}

async fn columns(db: &mut SqliteConnection, table: StoredTable) -> Result<Vec<String>, Problem> {
    let sql = format!("SELECT name FROM pragma_table_info('{}')", table.name());
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_all(db)
        .await
        .doing("reading their tables")
}

/// The text in one column of a stored row.
pub(super) fn text<'a>(row: &'a StoredRow, column: &str) -> Option<&'a str> {
    let at = row.columns.iter().position(|name| name == column)?;
    match row.cells.get(at)? {
        Cell::Text(text) => Some(text),
        Cell::Null | Cell::Integer(_) | Cell::Real(_) | Cell::Blob(_) => None,
    }
}
