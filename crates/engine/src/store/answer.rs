//! Answers to held movements, as stored: a projection of the log, one row per answer ever given.
//!
//! It must never forget an answer: an undone one stays with its state. A new kind of answer is one variant here
//! and its arms in `holding/`.

use super::movement::{Hold, Identity};
use super::{failed, from_json, parsed, to_json};
use crate::changes::PlannedKey;
use jiff::Timestamp;
use ledger::Problem;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, SqlitePool};

/// What a person answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// It is in the books already, as an entry that a person typed.
    Linked,
    Posted,
    /// It is never posted.
    Excluded,
}

impl Answered {
    pub fn word(self) -> &'static str {
        match self {
            Answered::Linked => "linked",
            Answered::Posted => "posted",
            Answered::Excluded => "excluded",
        }
    }
    fn read(word: &str) -> Result<Answered, Problem> {
        match word {
            "linked" => Ok(Answered::Linked),
            "posted" => Ok(Answered::Posted),
            "excluded" => Ok(Answered::Excluded),
            other => Err(super::unknown("answer to a held movement", other)),
        }
    }
}

/// How far an answer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerState {
    /// Written down, not yet known to have been carried out.
    Intent,
    Done,
    /// Known not to have been carried out.
    Absent,
    /// Taken back, by a person or by a rollback.
    Undone,
}

impl AnswerState {
    pub fn word(self) -> &'static str {
        match self {
            AnswerState::Intent => "intent",
            AnswerState::Done => "done",
            AnswerState::Absent => "absent",
            AnswerState::Undone => "undone",
        }
    }
    fn read(word: &str) -> Result<AnswerState, Problem> {
        match word {
            "intent" => Ok(AnswerState::Intent),
            "done" => Ok(AnswerState::Done),
            "absent" => Ok(AnswerState::Absent),
            "undone" => Ok(AnswerState::Undone),
            other => Err(super::unknown("state of an answer", other)),
        }
    }
}

/// One answer with everything needed to carry it out, to show it and to take it back.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerRow {
    pub id: String,
    pub version: String,
    pub hold: Hold,
    pub answer: Answered,
    pub state: AnswerState,
    pub keys: Vec<PlannedKey>,
    /// The person's entry, or the one that was posted.
    pub entry_id: Option<String>,
    /// The person's words; empty where none are needed.
    pub reason: String,
    pub by: String,
    pub at: Timestamp,
    pub upgrade_id: Option<String>,
    pub whole_record: bool,
}

/// The stored form of a hold. Kept apart from [`Hold`], whose own form is the table `hold`.
#[derive(Serialize, Deserialize)]
struct StoredHold {
    stream: String,
    record: String,
    reason_code: String,
    reason: String,
    instant: Timestamp,
    minor: Option<i64>,
}

fn row(row: &SqliteRow) -> Result<AnswerRow, Problem> {
    let hold: StoredHold = from_json("held movement", row.get::<String, _>("hold").as_bytes())?;
    Ok(AnswerRow {
        id: row.get("id"),
        version: row.get("version"),
        hold: Hold {
            stream: hold.stream,
            record: hold.record,
            reason_code: hold.reason_code,
            reason: hold.reason,
            instant: hold.instant,
            minor: hold.minor,
        },
        answer: Answered::read(row.get("answer"))?,
        state: AnswerState::read(row.get("state"))?,
        keys: from_json("keys of an answer", row.get::<String, _>("keys").as_bytes())?,
        entry_id: row.get("entry_id"),
        reason: row.get("reason"),
        by: row.get("by_whom"),
        at: parsed("instant", row.get("at"))?,
        upgrade_id: row.get("upgrade_id"),
        whole_record: row.get::<i64, _>("whole_record") != 0,
    })
}

/// Answers of a connection that stand or are being carried out, oldest first.
pub async fn standing(pool: &SqlitePool, connection: &str) -> Result<Vec<AnswerRow>, Problem> {
    let rows = sqlx::query("SELECT * FROM hold_answer WHERE connection_id=$1 AND state IN ('intent','done') ORDER BY at, id")
        .bind(connection)
        .fetch_all(pool)
        .await
        .map_err(|e| failed("read answers", &e))?;
    rows.iter().map(row).collect()
}

pub async fn insert(tx: &mut SqliteConnection, connection: &str, a: &AnswerRow) -> Result<(), Problem> {
    let hold = StoredHold {
        stream: a.hold.stream.clone(),
        record: a.hold.record.clone(),
        reason_code: a.hold.reason_code.clone(),
        reason: a.hold.reason.clone(),
        instant: a.hold.instant,
        minor: a.hold.minor,
    };
    sqlx::query(
        "INSERT INTO hold_answer (id, connection_id, version, stream, record, reason_code, hold, answer, state, keys, entry_id, reason, by_whom, at, upgrade_id, whole_record) \
         VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16)",
    )
    .bind(&a.id)
    .bind(connection)
    .bind(&a.version)
    .bind(&a.hold.stream)
    .bind(&a.hold.record)
    .bind(&a.hold.reason_code)
    .bind(to_json(&hold)?)
    .bind(a.answer.word())
    .bind(a.state.word())
    .bind(to_json(&a.keys)?)
    .bind(&a.entry_id)
    .bind(&a.reason)
    .bind(&a.by)
    .bind(a.at.to_string())
    .bind(&a.upgrade_id)
    .bind(i64::from(a.whole_record))
    .execute(tx)
    .await
    .map(|_| ())
    .map_err(|e| failed("note an answer", &e))
}

pub async fn set_state(tx: &mut SqliteConnection, id: &str, state: AnswerState, entry_id: Option<&str>) -> Result<(), Problem> {
    sqlx::query("UPDATE hold_answer SET state=$2, entry_id=COALESCE($3, entry_id) WHERE id=$1")
        .bind(id)
        .bind(state.word())
        .bind(entry_id)
        .execute(tx)
        .await
        .map(|_| ())
        .map_err(|e| failed("note what became of an answer", &e))
}

/// Takes the answered movement off the list of every connector version.
pub async fn drop_hold(tx: &mut SqliteConnection, connection: &str, hold: &Hold) -> Result<(), Problem> {
    sqlx::query("DELETE FROM hold WHERE connection_id=$1 AND stream=$2 AND record=$3 AND reason_code=$4")
        .bind(connection)
        .bind(&hold.stream)
        .bind(&hold.record)
        .bind(&hold.reason_code)
        .execute(tx)
        .await
        .map(|_| ())
        .map_err(|e| failed("note that a movement is answered", &e))
}

/// Puts a movement back on the list, as it was held.
pub async fn put_hold(tx: &mut SqliteConnection, connection: &str, version: &str, hold: &Hold) -> Result<(), Problem> {
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
    .execute(tx)
    .await
    .map(|_| ())
    .map_err(|e| failed("put a movement back on hold", &e))
}

/// Forgets what a link or exclusion said of these keys, with the names that were joined to them.
pub async fn drop_keys(tx: &mut SqliteConnection, connection: &str, rows: &[PlannedKey]) -> Result<(), Problem> {
    for key in rows {
        // Only what an answer wrote: a posted key is never forgotten here.
        sqlx::query("DELETE FROM identity WHERE connection_id=$1 AND key=$2 AND state IN ('linked','excluded')")
            .bind(connection)
            .bind(key.key.as_str())
            .execute(&mut *tx)
            .await
            .map_err(|e| failed("take an answer back", &e))?;
        sqlx::query("DELETE FROM alias WHERE connection_id=$1 AND old_key=$2 AND class=$3")
            .bind(connection)
            .bind(key.key.as_str())
            .bind(ALIAS_CLASS)
            .execute(&mut *tx)
            .await
            .map_err(|e| failed("take an answer back", &e))?;
    }
    Ok(())
}

/// Class of a name that was joined because a person answered about the whole record.
const ALIAS_CLASS: &str = "answer";

/// Joins a key that another mapping gives the same movement, unless that key is known by itself or by an older name.
pub async fn join_key(pool: &SqlitePool, connection: &str, answered: &str, other: &str) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO alias (connection_id, old_key, new_key, class, via) \
         SELECT $1, $2, $3, $4, 'an answer about the same record' \
         WHERE NOT EXISTS (SELECT 1 FROM identity WHERE connection_id=$1 AND key=$3) \
           AND NOT EXISTS (SELECT 1 FROM alias a JOIN identity i ON i.connection_id=a.connection_id AND i.key=a.old_key WHERE a.connection_id=$1 AND a.new_key=$3) \
         ON CONFLICT DO NOTHING",
    )
    .bind(connection)
    .bind(answered)
    .bind(other)
    .bind(ALIAS_CLASS)
    .execute(pool)
    .await
    .map(|_| ())
    .map_err(|e| failed("join two names of one movement", &e))
}

/// The entry that holds a key now: under this name, or under the newer one of an upgrade.
pub async fn entry_of(pool: &SqlitePool, connection: &str, key: &str) -> Result<Option<String>, Problem> {
    sqlx::query_scalar(
        "SELECT entry_id FROM identity WHERE connection_id=$1 AND state='posted' AND \
         (key=$2 OR key IN (SELECT new_key FROM alias WHERE connection_id=$1 AND old_key=$2) OR key IN (SELECT old_key FROM alias WHERE connection_id=$1 AND new_key=$2)) LIMIT 1",
    )
    .bind(connection)
    .bind(key)
    .fetch_optional(pool)
    .await
    .map_err(|e| failed("look for a posted movement", &e))
}

/// The row of the identity map for a key that an answer covers.
pub fn identity(key: &PlannedKey, state: super::movement::KeyState, entry_id: &str, version: &str) -> Identity {
    Identity {
        key: key.key.clone(),
        state,
        entry_id: entry_id.to_string(),
        version: version.to_string(),
        content: key.content.clone(),
        stream: key.stream.clone(),
        record: key.record.clone(),
        instant: key.instant,
    }
}

/// Answers that were taken back, newest first.
pub async fn last_undone(pool: &SqlitePool, connection: &str) -> Result<Vec<AnswerRow>, Problem> {
    let rows = sqlx::query("SELECT * FROM hold_answer WHERE connection_id=$1 AND state='undone' ORDER BY at DESC, id")
        .bind(connection)
        .fetch_all(pool)
        .await
        .map_err(|e| failed("read answers", &e))?;
    rows.iter().map(row).collect()
}
