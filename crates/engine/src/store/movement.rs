//! Movements and entries that Changeover knows: the identity map, aliases, holds, changes.

use super::{failed, from_json, parsed, to_json};
use jiff::Timestamp;
use ledger::{EntryKey, Problem};
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection, SqlitePool};
use std::collections::{BTreeMap, BTreeSet};

const ROWS_AT_ONCE: usize = 400;

/// How a key is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Changeover posted it; `entry_id` is that entry.
    Posted,
    /// A person had typed it; `entry_id` is their entry, which is never changed.
    Linked,
    /// A person decided that it is never posted; there is no entry.
    Excluded,
}

impl KeyState {
    pub fn word(self) -> &'static str {
        match self {
            KeyState::Posted => "posted",
            KeyState::Linked => "linked",
            KeyState::Excluded => "excluded",
        }
    }
    pub(crate) fn read(word: &str) -> Result<KeyState, Problem> {
        match word {
            "posted" => Ok(KeyState::Posted),
            "linked" => Ok(KeyState::Linked),
            "excluded" => Ok(KeyState::Excluded),
            other => Err(super::unknown("key state", other)),
        }
    }
}

/// One row of the identity map.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    pub key: EntryKey,
    pub state: KeyState,
    pub entry_id: String,
    pub version: String,
    /// Digest of the part's date and lines, to notice a record that changed after it was posted.
    pub content: String,
    pub stream: String,
    pub record: String,
    pub instant: Timestamp,
}

/// An entry of the books that Changeover posted.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownEntry {
    pub entry_id: String,
    pub key: EntryKey,
    pub version: String,
    pub change_id: String,
    pub print: String,
    pub entry: ledger::Entry,
}

/// Everything known about a connection's movements, loaded at once.
#[derive(Debug, Clone, Default)]
pub struct Known {
    pub identities: BTreeMap<EntryKey, Identity>,
    pub entries: BTreeMap<String, KnownEntry>,
    /// new key → old keys.
    pub old_of: BTreeMap<EntryKey, Vec<EntryKey>>,
}

impl Known {
    /// Whether the movement is in the books, under this key or an older one.
    pub fn holder(&self, key: &EntryKey) -> Option<&Identity> {
        self.identities.get(key).or_else(|| self.old_of.get(key).into_iter().flatten().find_map(|old| self.identities.get(old)))
    }

    /// What [`drop_entries`], [`put_entries`] and [`put_identities`] do to the store, done here.
    pub(crate) fn change(&mut self, gone: &[String], entries: Vec<KnownEntry>, identities: Vec<Identity>) {
        let gone: BTreeSet<&str> = gone.iter().map(String::as_str).collect();
        if !gone.is_empty() {
            self.entries.retain(|id, _| !gone.contains(id.as_str()));
            self.identities.retain(|_, identity| !gone.contains(identity.entry_id.as_str()));
        }
        self.entries.extend(entries.into_iter().map(|entry| (entry.entry_id.clone(), entry)));
        self.identities.extend(identities.into_iter().map(|identity| (identity.key.clone(), identity)));
    }

    /// What [`put_aliases`] does to the store, done here.
    pub(crate) fn alias(&mut self, aliases: &[connector::Alias]) {
        for alias in aliases {
            let old = self.old_of.entry(alias.new.clone()).or_default();
            if let Err(at) = old.binary_search(&alias.old) {
                old.insert(at, alias.old.clone());
            }
        }
    }
}

/// How often anything known of a connection has changed: the stamp of [`Known`]. Counted by the store itself.
pub async fn known_changes(on: &mut SqliteConnection, connection: &str) -> Result<i64, Problem> {
    let count: Option<i64> = sqlx::query_scalar("SELECT count FROM known_changes WHERE connection_id = $1")
        .bind(connection)
        .fetch_optional(on)
        .await
        .map_err(|e| failed("ask what changed", &e))?;
    Ok(count.unwrap_or(0))
}

/// Reads everything known; inside one transaction, so that its three tables belong together.
pub async fn load_known(on: &mut SqliteConnection, connection: &str) -> Result<Known, Problem> {
    let mut known = Known::default();
    let rows = sqlx::query("SELECT * FROM identity WHERE connection_id = $1").bind(connection).fetch_all(&mut *on).await.map_err(|e| failed("read the identity map", &e))?;
    for row in &rows {
        let key = EntryKey::new(row.get::<String, _>("key"))?;
        known.identities.insert(
            key.clone(),
            Identity {
                key,
                state: KeyState::read(row.get("state"))?,
                entry_id: row.get("entry_id"),
                version: row.get("version"),
                content: row.get("content"),
                stream: row.get("stream"),
                record: row.get("record"),
                instant: parsed("instant", row.get("instant"))?,
            },
        );
    }
    let rows = sqlx::query("SELECT * FROM entry WHERE connection_id = $1").bind(connection).fetch_all(&mut *on).await.map_err(|e| failed("read known entries", &e))?;
    for row in &rows {
        let entry_id: String = row.get("entry_id");
        known.entries.insert(
            entry_id.clone(),
            KnownEntry {
                entry_id,
                key: EntryKey::new(row.get::<String, _>("key"))?,
                version: row.get("version"),
                change_id: row.get("change_id"),
                print: row.get("print"),
                entry: from_json("entry", row.get::<String, _>("body").as_bytes())?,
            },
        );
    }
    let rows = sqlx::query("SELECT old_key, new_key FROM alias WHERE connection_id = $1 ORDER BY old_key").bind(connection).fetch_all(&mut *on).await.map_err(|e| failed("read aliases", &e))?;
    for row in &rows {
        let new = EntryKey::new(row.get::<String, _>("new_key"))?;
        known.old_of.entry(new).or_default().push(EntryKey::new(row.get::<String, _>("old_key"))?);
    }
    Ok(known)
}

/// As [`load_known`], on its own.
pub async fn known(pool: &SqlitePool, connection: &str) -> Result<Known, Problem> {
    let mut tx = pool.begin().await.map_err(|e| failed("read the identity map", &e))?;
    load_known(&mut tx, connection).await
}

pub async fn put_identities(tx: &mut SqliteConnection, connection: &str, identities: &[Identity]) -> Result<(), Problem> {
    for chunk in identities.chunks(ROWS_AT_ONCE) {
        let mut insert: QueryBuilder<Sqlite> = QueryBuilder::new("INSERT INTO identity (connection_id, key, state, entry_id, version, content, stream, record, instant) ");
        insert.push_values(chunk, |mut row, i| {
            row.push_bind(connection)
                .push_bind(i.key.as_str())
                .push_bind(i.state.word())
                .push_bind(&i.entry_id)
                .push_bind(&i.version)
                .push_bind(&i.content)
                .push_bind(&i.stream)
                .push_bind(&i.record)
                .push_bind(i.instant.to_string());
        });
        // A key that is already known under another entry must stop the work, so there is no ON CONFLICT here.
        insert.build().execute(&mut *tx).await.map_err(|e| failed("extend the identity map", &e))?;
    }
    Ok(())
}

pub async fn put_entries(tx: &mut SqliteConnection, connection: &str, entries: &[KnownEntry]) -> Result<(), Problem> {
    for chunk in entries.chunks(ROWS_AT_ONCE) {
        let mut rows = Vec::with_capacity(chunk.len());
        for known in chunk {
            rows.push((known, to_json(&known.entry)?));
        }
        let mut insert: QueryBuilder<Sqlite> = QueryBuilder::new("INSERT INTO entry (connection_id, entry_id, key, version, change_id, date, print, body) ");
        insert.push_values(rows, |mut row, (known, body)| {
            row.push_bind(connection)
                .push_bind(&known.entry_id)
                .push_bind(known.key.as_str())
                .push_bind(&known.version)
                .push_bind(&known.change_id)
                .push_bind(known.entry.date.to_string())
                .push_bind(&known.print)
                .push_bind(body);
        });
        insert.build().execute(&mut *tx).await.map_err(|e| failed("note posted entries", &e))?;
    }
    Ok(())
}

/// Forgets entries that are no longer in the books, with the keys they held.
pub async fn drop_entries(tx: &mut SqliteConnection, connection: &str, entry_ids: &[String]) -> Result<(), Problem> {
    for chunk in entry_ids.chunks(ROWS_AT_ONCE) {
        for table in ["identity", "entry"] {
            let mut delete: QueryBuilder<Sqlite> = QueryBuilder::new(format!("DELETE FROM {table} WHERE connection_id = "));
            delete.push_bind(connection).push(" AND entry_id IN (");
            let mut list = delete.separated(",");
            for id in chunk {
                list.push_bind(id);
            }
            delete.push(")");
            delete.build().execute(&mut *tx).await.map_err(|e| failed("forget removed entries", &e))?;
        }
    }
    Ok(())
}

/// Forgets keys, and entries by their id, each for itself: after a whole book was replaced.
pub async fn forget(tx: &mut SqliteConnection, connection: &str, keys: &BTreeSet<EntryKey>, entry_ids: &BTreeSet<String>) -> Result<(), Problem> {
    let keys: Vec<&str> = keys.iter().map(EntryKey::as_str).collect();
    let ids: Vec<&str> = entry_ids.iter().map(String::as_str).collect();
    for (table, column, all) in [("identity", "key", keys), ("entry", "entry_id", ids)] {
        for chunk in all.chunks(ROWS_AT_ONCE) {
            let mut delete: QueryBuilder<Sqlite> = QueryBuilder::new(format!("DELETE FROM {table} WHERE connection_id = "));
            delete.push_bind(connection).push(format!(" AND {column} IN ("));
            let mut list = delete.separated(",");
            for name in chunk {
                list.push_bind(*name);
            }
            delete.push(")");
            delete.build().execute(&mut *tx).await.map_err(|e| failed("forget what is not in the books", &e))?;
        }
    }
    Ok(())
}

pub async fn put_aliases(tx: &mut SqliteConnection, connection: &str, aliases: &[connector::Alias]) -> Result<(), Problem> {
    for chunk in aliases.chunks(ROWS_AT_ONCE) {
        let mut insert: QueryBuilder<Sqlite> = QueryBuilder::new("INSERT INTO alias (connection_id, old_key, new_key, class, via) ");
        insert.push_values(chunk, |mut row, alias| {
            row.push_bind(connection)
                .push_bind(alias.old.as_str())
                .push_bind(alias.new.as_str())
                .push_bind(alias.class.to_string())
                .push_bind(&alias.via);
        });
        insert.push(" ON CONFLICT DO NOTHING");
        insert.build().execute(&mut *tx).await.map_err(|e| failed("note aliases", &e))?;
    }
    Ok(())
}

/// A movement that is not posted, with its reason.
#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    pub stream: String,
    pub record: String,
    pub reason_code: String,
    pub reason: String,
    pub instant: Timestamp,
    pub minor: Option<i64>,
}

/// Replaces the holds of one connector version: they are a projection of the last mapping.
pub async fn replace_holds(pool: &SqlitePool, connection: &str, version: &str, holds: &[Hold]) -> Result<(), Problem> {
    let mut tx = pool.begin().await.map_err(|e| failed("note holds", &e))?;
    sqlx::query("DELETE FROM hold WHERE connection_id=$1 AND version=$2").bind(connection).bind(version).execute(&mut *tx).await.map_err(|e| failed("note holds", &e))?;
    for hold in holds {
        sqlx::query(
            "INSERT INTO hold (connection_id, version, stream, record, reason_code, reason, instant, minor) VALUES ($1,$2,$3,$4,$5,$6,$7,$8) \
             ON CONFLICT (connection_id, version, stream, record, reason_code) DO NOTHING",
        )
        .bind(connection)
        .bind(version)
        .bind(&hold.stream)
        .bind(&hold.record)
        .bind(&hold.reason_code)
        .bind(&hold.reason)
        .bind(hold.instant.to_string())
        .bind(hold.minor)
        .execute(&mut *tx)
        .await
        .map_err(|e| failed("note holds", &e))?;
    }
    tx.commit().await.map_err(|e| failed("note holds", &e))
}

pub async fn holds(pool: &SqlitePool, connection: &str, version: &str) -> Result<Vec<Hold>, Problem> {
    let rows = sqlx::query("SELECT * FROM hold WHERE connection_id=$1 AND version=$2 ORDER BY instant, record")
        .bind(connection)
        .bind(version)
        .fetch_all(pool)
        .await
        .map_err(|e| failed("read holds", &e))?;
    rows.iter()
        .map(|row| {
            Ok(Hold {
                stream: row.get("stream"),
                record: row.get("record"),
                reason_code: row.get("reason_code"),
                reason: row.get("reason"),
                instant: parsed("instant", row.get("instant"))?,
                minor: row.get("minor"),
            })
        })
        .collect()
}

/// Holds as [`holds`] would give them back: one for each record and reason, the first of several.
pub fn in_order(holds: &[Hold]) -> Vec<Hold> {
    let mut seen = BTreeSet::new();
    let mut kept: Vec<Hold> = holds.iter().filter(|h| seen.insert((h.stream.as_str(), h.record.as_str(), h.reason_code.as_str()))).cloned().collect();
    kept.sort_by_cached_key(|h| (h.instant.to_string(), h.record.clone()));
    kept
}

/// State of one atomic change of the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeState {
    /// Written down, not yet known to have happened.
    Intent,
    Done,
    /// Known not to have happened.
    Absent,
}

impl ChangeState {
    pub fn word(self) -> &'static str {
        match self {
            ChangeState::Intent => "intent",
            ChangeState::Done => "done",
            ChangeState::Absent => "absent",
        }
    }
    fn read(word: &str) -> Result<ChangeState, Problem> {
        match word {
            "intent" => Ok(ChangeState::Intent),
            "done" => Ok(ChangeState::Done),
            "absent" => Ok(ChangeState::Absent),
            other => Err(super::unknown("state of a change", other)),
        }
    }
}

/// One stored change, with its packed intent and, once applied, its packed outcome.
#[derive(Debug, Clone)]
pub struct StoredChange {
    pub id: String,
    pub connection_id: String,
    pub upgrade_id: Option<String>,
    pub purpose: String,
    pub state: ChangeState,
    pub intent: Vec<u8>,
    pub applied: Option<Vec<u8>>,
    /// Journal position of the intent.
    pub position: u64,
}

fn change(row: &sqlx::sqlite::SqliteRow) -> Result<StoredChange, Problem> {
    Ok(StoredChange {
        id: row.get("id"),
        connection_id: row.get("connection_id"),
        upgrade_id: row.get("upgrade_id"),
        purpose: row.get("purpose"),
        state: ChangeState::read(row.get("state"))?,
        intent: row.get("intent"),
        applied: row.get("applied"),
        position: u64::try_from(row.get::<i64, _>("position")).map_err(|_| super::unknown("journal position", "negative"))?,
    })
}

pub async fn insert_change(tx: &mut SqliteConnection, c: &StoredChange, at: Timestamp) -> Result<(), Problem> {
    sqlx::query("INSERT INTO change (id, connection_id, upgrade_id, purpose, state, intent, applied, position, at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9)")
        .bind(&c.id)
        .bind(&c.connection_id)
        .bind(&c.upgrade_id)
        .bind(&c.purpose)
        .bind(c.state.word())
        .bind(&c.intent)
        .bind(&c.applied)
        .bind(i64::try_from(c.position).unwrap_or(i64::MAX))
        .bind(at.to_string())
        .execute(tx)
        .await
        .map(|_| ())
        .map_err(|e| failed("note a change's intent", &e))
}

pub async fn settle_change(tx: &mut SqliteConnection, id: &str, state: ChangeState, applied: Option<Vec<u8>>) -> Result<(), Problem> {
    sqlx::query("UPDATE change SET state=$2, applied=$3 WHERE id=$1")
        .bind(id)
        .bind(state.word())
        .bind(applied)
        .execute(tx)
        .await
        .map(|_| ())
        .map_err(|e| failed("note a change's outcome", &e))
}

/// Changes of a connection (or all), oldest first; of one state when given.
pub async fn changes(pool: &SqlitePool, connection: &str, state: Option<ChangeState>) -> Result<Vec<StoredChange>, Problem> {
    // Bodies are large: those of another state are not even read.
    let rows = sqlx::query("SELECT * FROM change WHERE connection_id=$1 AND ($2 IS NULL OR state=$2) ORDER BY position, id")
        .bind(connection)
        .bind(state.map(ChangeState::word))
        .fetch_all(pool)
        .await
        .map_err(|e| failed("read changes", &e))?;
    rows.iter().map(change).collect()
}

/// A change without its large body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeHead {
    pub id: String,
    pub upgrade_id: Option<String>,
    pub purpose: String,
    pub position: u64,
}

/// Changes of a connection in one state, oldest first, without their bodies.
pub async fn change_heads(pool: &SqlitePool, connection: &str, state: ChangeState) -> Result<Vec<ChangeHead>, Problem> {
    let rows = sqlx::query("SELECT id, upgrade_id, purpose, position FROM change WHERE connection_id=$1 AND state=$2 ORDER BY position, id")
        .bind(connection)
        .bind(state.word())
        .fetch_all(pool)
        .await
        .map_err(|e| failed("read changes", &e))?;
    rows.iter()
        .map(|row| {
            Ok(ChangeHead {
                id: row.get("id"),
                upgrade_id: row.get("upgrade_id"),
                purpose: row.get("purpose"),
                position: u64::try_from(row.get::<i64, _>("position")).map_err(|_| super::unknown("journal position", "negative"))?,
            })
        })
        .collect()
}

/// The packed intent of a change.
pub async fn change_intent(pool: &SqlitePool, id: &str) -> Result<Vec<u8>, Problem> {
    sqlx::query_scalar("SELECT intent FROM change WHERE id=$1").bind(id).fetch_one(pool).await.map_err(|e| failed("read a change", &e))
}
