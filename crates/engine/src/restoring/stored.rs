//! Restores in place as stored, and the lists of known movements that stay beside them until nothing has to be taken back.

use super::consistent::KnownThen;
use crate::store::movement::{Identity, KeyState, KnownEntry};
use crate::store::{failed, from_json, parsed, to_json};
use books::Fingerprint;
use jiff::Timestamp;
use jiff::civil::Date;
use ledger::{Entry, EntryKey, Problem, RoleMap};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, SqlitePool};
use std::path::{Path, PathBuf};

/// How far a restore in place has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreStage {
    /// Written down, not yet known to have happened.
    Intent,
    Done,
    /// Known not to have happened.
    Absent,
    /// Taken back.
    Undone,
}

impl RestoreStage {
    pub fn word(self) -> &'static str {
        match self {
            RestoreStage::Intent => "intent",
            RestoreStage::Done => "done",
            RestoreStage::Absent => "absent",
            RestoreStage::Undone => "undone",
        }
    }
    fn read(word: &str) -> Result<RestoreStage, Problem> {
        match word {
            "intent" => Ok(RestoreStage::Intent),
            "done" => Ok(RestoreStage::Done),
            "absent" => Ok(RestoreStage::Absent),
            "undone" => Ok(RestoreStage::Undone),
            other => Err(crate::store::unknown("state of a restore", other)),
        }
    }
}

/// Settings that a restore may put back. Never a secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SettingsOf {
    pub zone: String,
    pub closed_through: Option<Date>,
    pub connections: Vec<ConnectionOf>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConnectionOf {
    pub id: String,
    pub connector: String,
    pub version: String,
    pub roles: RoleMap,
}

/// What is needed to finish a restore after a crash, and to take it back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    pub before: Fingerprint,
    pub after: Fingerprint,
    /// The book as it was, beside the live one; known once it was replaced.
    pub kept: Option<PathBuf>,
    /// What is put in place beside the book; none when the settings stay.
    pub settings: Option<SettingsOf>,
    pub settings_before: SettingsOf,
    /// Answers to held payments that were taken back because their entry is not in the book any more.
    pub answers: Vec<String>,
    pub again: u64,
    pub unlinked: u64,
    pub stay_out: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct RestoreRow {
    pub id: String,
    pub company_id: String,
    pub backup_id: String,
    pub safety_id: String,
    pub undoes: Option<String>,
    pub stage: RestoreStage,
    pub position: u64,
    pub at: Timestamp,
    pub facts: Facts,
}

fn row(row: &SqliteRow) -> Result<RestoreRow, Problem> {
    Ok(RestoreRow {
        id: row.get("id"),
        company_id: row.get("company_id"),
        backup_id: row.get("backup_id"),
        safety_id: row.get("safety_id"),
        undoes: row.get("undoes"),
        stage: RestoreStage::read(row.get("state"))?,
        position: u64::try_from(row.get::<i64, _>("position")).map_err(|_| crate::store::unknown("journal position", "negative"))?,
        at: parsed("instant", row.get("at"))?,
        facts: from_json("facts of a restore", row.get::<String, _>("body").as_bytes())?,
    })
}

/// Restores of a company, newest first.
pub async fn of_company(pool: &SqlitePool, company: &str) -> Result<Vec<RestoreRow>, Problem> {
    let rows = sqlx::query("SELECT * FROM restore WHERE company_id = $1 ORDER BY position DESC, id DESC")
        .bind(company)
        .fetch_all(pool)
        .await
        .map_err(|e| failed("read restores", &e))?;
    rows.iter().map(row).collect()
}

pub async fn insert(tx: &mut SqliteConnection, r: &RestoreRow) -> Result<(), Problem> {
    sqlx::query("INSERT INTO restore (id, company_id, backup_id, safety_id, undoes, state, position, at, body) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9)")
        .bind(&r.id)
        .bind(&r.company_id)
        .bind(&r.backup_id)
        .bind(&r.safety_id)
        .bind(&r.undoes)
        .bind(r.stage.word())
        .bind(i64::try_from(r.position).unwrap_or(i64::MAX))
        .bind(r.at.to_string())
        .bind(to_json(&r.facts)?)
        .execute(tx)
        .await
        .map(|_| ())
        .map_err(|e| failed("note a restore", &e))
}

pub async fn settle(tx: &mut SqliteConnection, id: &str, stage: RestoreStage, facts: &Facts) -> Result<(), Problem> {
    sqlx::query("UPDATE restore SET state = $2, body = $3 WHERE id = $1")
        .bind(id)
        .bind(stage.word())
        .bind(to_json(facts)?)
        .execute(tx)
        .await
        .map(|_| ())
        .map_err(|e| failed("note what became of a restore", &e))
}

/// The name of a connection's list of known movements, in a backup and beside a restore.
pub fn map_name(connection: &str) -> String {
    format!("identity-map-{connection}.json")
}

#[derive(Deserialize)]
struct MapFile {
    keys: Vec<KeyRow>,
    entries: Vec<EntryRow>,
}

#[derive(Deserialize)]
struct KeyRow {
    key: EntryKey,
    state: String,
    entry: String,
    version: String,
    content: String,
    stream: String,
    record: String,
    instant: Timestamp,
}

#[derive(Deserialize)]
struct EntryRow {
    entry: String,
    key: EntryKey,
    version: String,
    change: String,
    print: String,
    body: Entry,
}

/// Reads the list of known movements of a connection; nothing where the backup has none, for the connection is younger.
pub fn known_then(dir: &Path, connection: &str) -> Result<KnownThen, Problem> {
    let path = dir.join(map_name(connection));
    let file = match std::fs::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(KnownThen::default()),
        Err(error) => return Err(crate::home::cannot_use(&path, &error)),
    };
    let map: MapFile = serde_json::from_reader(std::io::BufReader::new(file)).map_err(|e| crate::store::unknown("list of known payments", &e.to_string()))?;
    let identity = |row: KeyRow| -> Result<Identity, Problem> {
        Ok(Identity {
            key: row.key,
            state: KeyState::read(&row.state)?,
            entry_id: row.entry,
            version: row.version,
            content: row.content,
            stream: row.stream,
            record: row.record,
            instant: row.instant,
        })
    };
    Ok(KnownThen {
        identities: map.keys.into_iter().map(identity).collect::<Result<_, _>>()?,
        entries: map
            .entries
            .into_iter()
            .map(|row| KnownEntry { entry_id: row.entry, key: row.key, version: row.version, change_id: row.change, print: row.print, entry: row.body })
            .collect(),
    })
}
