//! The table, appending to it, reading it.
//!
//! Appends run under SQLite's write lock (`BEGIN IMMEDIATE`), so two processes cannot make a fork. The head
//! is checked before anything is put on top of it. UPDATE and DELETE are refused by triggers, which stop
//! accidents, not a person who owns the file; that is what `verify` is for. Never `.ok()` a read here.

use jiff::Timestamp;
use ledger::{Problem, Retry};
use serde_json::Value;
use sqlx::{Row, Sqlite, SqliteConnection, SqlitePool, Transaction, sqlite::SqliteRow};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::canonical::canonical;
use crate::chain::{Draft, Entry, FORM, Hash, LARGEST_BODY_BYTES, START, Sealed, Text, check_draft, hash_of_hex};
use crate::checkpoint::{self, Checkpoint, EVERY_ENTRIES, PublicKey, Signed, Signer};
use crate::merkle;
use crate::problems;
use crate::signing;

/// One page of `entries` holds at most this many.
pub const LARGEST_PAGE: u32 = 10_000;

const SCHEMA: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS journal_identity (
        id INTEGER PRIMARY KEY CHECK (id = 1), form INTEGER NOT NULL, installation TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS journal (
        seq INTEGER PRIMARY KEY, scope TEXT, kind TEXT NOT NULL, body TEXT NOT NULL, actor TEXT NOT NULL,
        at_utc TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL UNIQUE)",
    "CREATE INDEX IF NOT EXISTS journal_by_scope ON journal (scope, seq)",
    "CREATE TABLE IF NOT EXISTS journal_checkpoint (size INTEGER PRIMARY KEY, note TEXT NOT NULL)",
    "CREATE TRIGGER IF NOT EXISTS journal_no_update BEFORE UPDATE ON journal
        BEGIN SELECT RAISE(ABORT, 'the deployment log is append-only'); END",
    "CREATE TRIGGER IF NOT EXISTS journal_no_delete BEFORE DELETE ON journal
        BEGIN SELECT RAISE(ABORT, 'the deployment log is append-only'); END",
    // Also stops INSERT OR REPLACE, which deletes without firing the trigger above.
    "CREATE TRIGGER IF NOT EXISTS journal_dense BEFORE INSERT ON journal
        WHEN NEW.seq IS NOT (SELECT COALESCE(MAX(seq), 0) + 1 FROM journal)
        BEGIN SELECT RAISE(ABORT, 'the deployment log is append-only'); END",
    "CREATE TRIGGER IF NOT EXISTS journal_checkpoint_no_update BEFORE UPDATE ON journal_checkpoint
        BEGIN SELECT RAISE(ABORT, 'checkpoints are append-only'); END",
    "CREATE TRIGGER IF NOT EXISTS journal_checkpoint_no_delete BEFORE DELETE ON journal_checkpoint
        BEGIN SELECT RAISE(ABORT, 'checkpoints are append-only'); END",
    "CREATE TRIGGER IF NOT EXISTS journal_checkpoint_new BEFORE INSERT ON journal_checkpoint
        WHEN EXISTS (SELECT 1 FROM journal_checkpoint WHERE size >= NEW.size)
        BEGIN SELECT RAISE(ABORT, 'checkpoints are append-only'); END",
    "CREATE TRIGGER IF NOT EXISTS journal_identity_no_update BEFORE UPDATE ON journal_identity
        BEGIN SELECT RAISE(ABORT, 'the log belongs to one installation'); END",
    "CREATE TRIGGER IF NOT EXISTS journal_identity_no_delete BEFORE DELETE ON journal_identity
        BEGIN SELECT RAISE(ABORT, 'the log belongs to one installation'); END",
];

/// Makes the tables and triggers if they are absent. Errors: `E-JOURNAL-WRITE`, `-BUSY`, `-FORM`.
pub async fn migrate(pool: &SqlitePool) -> Result<(), Problem> {
    let mut change = begin(pool).await?;
    for statement in SCHEMA {
        sqlx::query(*statement).execute(&mut *change).await.map_err(problems::writing)?;
    }
    match identity(&mut change).await? {
        None => {}
        Some(known) => known.require_form()?,
    }
    change.commit().await.map_err(problems::writing)
}

/// A transaction that holds SQLite's write lock from its start: the only safe one for [`Journal::append_in`].
pub async fn begin(pool: &SqlitePool) -> Result<Transaction<'static, Sqlite>, Problem> {
    pool.begin_with("BEGIN IMMEDIATE").await.map_err(problems::writing)
}

pub(crate) struct Identity {
    pub form: i64,
    pub installation: String,
}

impl Identity {
    pub(crate) fn require_form(&self) -> Result<(), Problem> {
        if self.form == FORM {
            Ok(())
        } else {
            Err(problems::form(format!(
                "The log has form {}; this version knows form {FORM}.",
                self.form
            )))
        }
    }
}

pub(crate) async fn identity(on: &mut SqliteConnection) -> Result<Option<Identity>, Problem> {
    let row = sqlx::query("SELECT form, installation FROM journal_identity WHERE id = 1")
        .fetch_optional(on)
        .await
        .map_err(problems::reading)?;
    match row {
        None => Ok(None),
        Some(row) => Ok(Some(Identity {
            form: row.try_get("form").map_err(problems::reading)?,
            installation: row.try_get("installation").map_err(problems::reading)?,
        })),
    }
}

/// The newest entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub seq: u64,
    pub hash: Hash,
    pub kind: String,
    pub at: Timestamp,
}

/// Which entries to read; everything when empty.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub scope: Option<String>,
    pub kind: Option<String>,
}

/// One installation's log.
pub struct Journal {
    pool: SqlitePool,
    installation: String,
    signer: OnceLock<Signer>,
    owes: AtomicBool,
}

impl Journal {
    /// Opens the log, claiming a new one for `installation_id` (letters, digits, `-`, `_`, `.`).
    /// Errors: `E-JOURNAL-OTHER` when the file belongs to another installation, `-FORM`, `-READ`, `-WRITE`.
    pub async fn open(pool: SqlitePool, installation_id: &str) -> Result<Journal, Problem> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if installation_id.is_empty() || installation_id.len() > 100 || !installation_id.chars().all(plain) {
            return Err(problems::entry(
                "The installation's id must have 1 to 100 letters, digits, dots, hyphens or underscores.",
            ));
        }
        let mut change = begin(&pool).await?;
        match identity(&mut change).await? {
            None => {
                sqlx::query("INSERT INTO journal_identity (id, form, installation) VALUES (1, $1, $2)")
                    .bind(FORM)
                    .bind(installation_id)
                    .execute(&mut *change)
                    .await
                    .map_err(problems::writing)?;
            }
            Some(known) => {
                known.require_form()?;
                if known.installation != installation_id {
                    return Err(Problem::new(
                        problems::E_OTHER,
                        "This deployment log belongs to another installation of Changeover.",
                        format!("The log says {:?}; this installation is {installation_id:?}.", known.installation),
                        "Open the folder that belongs to this installation, or restore its own backup.",
                    )
                    .retrying(Retry::AfterFix));
                }
            }
        }
        change.commit().await.map_err(problems::writing)?;
        Ok(Journal {
            pool,
            installation: installation_id.to_owned(),
            signer: OnceLock::new(),
            owes: AtomicBool::new(false),
        })
    }

    /// Signs without the log naming the key: only for judging with a key that the caller brings.
    #[cfg(test)]
    pub(crate) fn signed_by(self, signer: Signer) -> Journal {
        assert!(self.signer.set(signer).is_ok(), "one signer");
        self
    }

    /// The key that signs here from now on, if one does.
    pub fn signing_key(&self) -> Option<PublicKey> {
        self.signer.get().map(Signer::public_key)
    }

    /// Signs the checkpoints made from now on. A key that the log does not name yet is named by an entry, and that entry
    /// is covered by its first checkpoint, both durable together. `kept` says in a word where the secret half is.
    /// A second signer is not taken: the first one goes on.
    pub async fn sign_with(&self, signer: Signer, kept: &str, actor: &str, at: Timestamp) -> Result<(), Problem> {
        let key = signer.public_key();
        let mut change = begin(&self.pool).await?;
        if !self.keys_named(&mut change).await?.contains(&key) {
            let draft = Draft {
                scope: None,
                kind: signing::KEY_MADE.to_owned(),
                body: signing::body(key, kept),
                actor: actor.to_owned(),
                at,
            };
            self.append_entry(&mut change, draft).await?;
            self.write_checkpoint(&mut change, Some(&signer)).await?;
        }
        change.commit().await.map_err(problems::writing)?;
        // Only once the log names it: a checkpoint by a key that it does not name would be damage.
        let _first_goes_on = self.signer.set(signer);
        Ok(())
    }

    /// Whether a checkpoint was due here while the key that signs was not at hand. Asking clears it.
    pub fn owes_checkpoint(&self) -> bool {
        self.owes.swap(false, Ordering::Relaxed)
    }

    async fn keys_named(&self, on: &mut SqliteConnection) -> Result<Vec<PublicKey>, Problem> {
        let bodies: Vec<String> = sqlx::query_scalar("SELECT body FROM journal WHERE kind = $1 ORDER BY seq")
            .bind(signing::KEY_MADE)
            .fetch_all(on)
            .await
            .map_err(problems::reading)?;
        Ok(bodies
            .iter()
            .filter_map(|body| signing::named(signing::KEY_MADE, &serde_json::from_str(body).ok()?))
            .collect())
    }

    pub fn installation_id(&self) -> &str {
        &self.installation
    }

    /// Appends one entry, durably, in a transaction of its own.
    /// Errors: `E-JOURNAL-WRITE`, `-BUSY`, `-ENTRY`, `-BROKEN`; then nothing was appended.
    pub async fn append(&self, draft: Draft) -> Result<Sealed, Problem> {
        let mut change = begin(&self.pool).await?;
        let sealed = self.append_in(&mut change, draft).await?;
        change.commit().await.map_err(problems::writing)?;
        Ok(sealed)
    }

    /// Appends inside the caller's transaction, so that entries and projections are committed together.
    /// Start it with [`begin`]: a deferred one may fail with `E-JOURNAL-BUSY` when another process writes.
    pub async fn append_in(&self, on: &mut SqliteConnection, draft: Draft) -> Result<Sealed, Problem> {
        let sealed = self.append_entry(on, draft).await?;
        if sealed.seq.is_multiple_of(EVERY_ENTRIES) && self.checkpoint_in(on).await?.is_none() {
            self.owes.store(true, Ordering::Relaxed);
        }
        Ok(sealed)
    }

    async fn append_entry(&self, on: &mut SqliteConnection, draft: Draft) -> Result<Sealed, Problem> {
        check_draft(&draft)?;
        let body = canonical(&draft.body)?;
        if body.len() > LARGEST_BODY_BYTES {
            return Err(problems::entry(format!(
                "The entry has {} bytes; at most {LARGEST_BODY_BYTES} fit.",
                body.len()
            )));
        }
        let (seq, prev) = match self.checked_head(on).await? {
            None => (1, START),
            Some(head) => (head.seq + 1, head.hash),
        };
        let (at, prev) = (draft.at.to_string(), hex::encode(prev));
        let hash = Text {
            installation: &self.installation,
            seq,
            scope: draft.scope.as_deref(),
            kind: &draft.kind,
            body: &draft.body,
            actor: &draft.actor,
            at: &at,
            prev: &prev,
        }
        .hash()?;
        sqlx::query("INSERT INTO journal (seq, scope, kind, body, actor, at_utc, prev, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
            .bind(stored(seq)?)
            .bind(&draft.scope)
            .bind(&draft.kind)
            .bind(&body)
            .bind(&draft.actor)
            .bind(&at)
            .bind(&prev)
            .bind(hex::encode(hash))
            .execute(&mut *on)
            .await
            .map_err(problems::writing)?;
        Ok(Sealed { seq, hash })
    }

    /// The newest entry; `None` only for a log that was read and has none.
    pub async fn head(&self) -> Result<Option<Head>, Problem> {
        let mut on = self.pool.acquire().await.map_err(problems::reading)?;
        self.checked_head(&mut on).await
    }

    async fn checked_head(&self, on: &mut SqliteConnection) -> Result<Option<Head>, Problem> {
        let row = sqlx::query("SELECT seq, scope, kind, body, actor, at_utc, prev, hash FROM journal ORDER BY seq DESC LIMIT 1")
            .fetch_optional(on)
            .await
            .map_err(problems::reading)?;
        match row {
            None => Ok(None),
            Some(row) => {
                let entry = self.entry(&row)?;
                Ok(Some(Head {
                    seq: entry.seq,
                    hash: entry.hash,
                    kind: entry.kind,
                    at: entry.at,
                }))
            }
        }
    }

    /// Up to `limit` entries (at most [`LARGEST_PAGE`]) after `after_seq`, in order; each is checked against its hash.
    pub async fn entries(&self, filter: &Filter, after_seq: u64, limit: u32) -> Result<Vec<Entry>, Problem> {
        sqlx::query(
            "SELECT seq, scope, kind, body, actor, at_utc, prev, hash FROM journal
             WHERE seq > $1 AND ($2 IS NULL OR scope = $2) AND ($3 IS NULL OR kind = $3) ORDER BY seq LIMIT $4",
        )
        .bind(stored(after_seq)?)
        .bind(&filter.scope)
        .bind(&filter.kind)
        .bind(i64::from(limit.min(LARGEST_PAGE)))
        .fetch_all(&self.pool)
        .await
        .map_err(problems::reading)?
        .iter()
        .map(|row| self.entry(row))
        .collect()
    }

    /// Every entry of one upgrade or company, in order.
    pub async fn entries_of(&self, scope: &str) -> Result<Vec<Entry>, Problem> {
        let filter = Filter {
            scope: Some(scope.to_owned()),
            kind: None,
        };
        let mut all = Vec::new();
        loop {
            let after = all.last().map_or(0, |entry: &Entry| entry.seq);
            let page = self.entries(&filter, after, LARGEST_PAGE).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// A checkpoint of the log as it is, made now unless the newest one already covers it. `None` for an empty log, and
    /// where the log names a key that is not at hand: an unsigned one would then look like a removed signature.
    pub async fn checkpoint(&self) -> Result<Option<Checkpoint>, Problem> {
        let mut change = begin(&self.pool).await?;
        let made = self.checkpoint_in(&mut change).await?;
        change.commit().await.map_err(problems::writing)?;
        Ok(made)
    }

    /// As [`Journal::checkpoint`], inside the caller's transaction.
    pub async fn checkpoint_in(&self, on: &mut SqliteConnection) -> Result<Option<Checkpoint>, Problem> {
        let signer = self.signer.get();
        if signer.is_none() && !self.keys_named(on).await?.is_empty() {
            return Ok(None);
        }
        self.write_checkpoint(on, signer).await
    }

    async fn write_checkpoint(&self, on: &mut SqliteConnection, signer: Option<&Signer>) -> Result<Option<Checkpoint>, Problem> {
        let mut tree = merkle::Growing::default();
        let mut size = 0;
        for row in sqlx::query("SELECT seq, hash FROM journal ORDER BY seq")
            .fetch_all(&mut *on)
            .await
            .map_err(problems::reading)?
        {
            size += 1;
            let (seq, hash): (i64, String) = (
                row.try_get("seq").map_err(problems::reading)?,
                row.try_get("hash").map_err(problems::reading)?,
            );
            match hash_of_hex(&hash) {
                Some(hash) if seq == stored(size)? => tree.push(hash),
                Some(_) => {
                    return Err(problems::broken(
                        size,
                        format!("Entry {size} is missing; entry {seq} stands in its place."),
                    ));
                }
                None => return Err(problems::broken(size, "Its hash is not 64 hexadecimal digits.")),
            }
        }
        if size == 0 {
            return Ok(None);
        }
        let newest = sqlx::query("SELECT note FROM journal_checkpoint WHERE size = $1")
            .bind(stored(size)?)
            .fetch_optional(&mut *on)
            .await
            .map_err(problems::reading)?;
        if let Some(row) = newest {
            let note: String = row.try_get("note").map_err(problems::reading)?;
            // Its signature is the verifier's question: another process may have made it with its own key.
            let kept = checkpoint::read(&self.installation, &note, Signed::NotJudged)
                .map_err(|why| problems::broken(size, format!("Its checkpoint cannot be trusted: {why}.")))?;
            return if kept.root == tree.root() {
                Ok(Some(kept))
            } else {
                Err(problems::broken(size, "Its checkpoint has another root."))
            };
        }
        let made = checkpoint::make(&self.installation, size, tree.root(), signer);
        sqlx::query("INSERT INTO journal_checkpoint (size, note) VALUES ($1, $2)")
            .bind(stored(size)?)
            .bind(&made.note)
            .execute(on)
            .await
            .map_err(problems::writing)?;
        Ok(Some(made))
    }

    /// Every stored checkpoint, oldest first.
    pub async fn checkpoints(&self) -> Result<Vec<Checkpoint>, Problem> {
        let rows = sqlx::query("SELECT size, note FROM journal_checkpoint ORDER BY size")
            .fetch_all(&self.pool)
            .await
            .map_err(problems::reading)?;
        let mut all = Vec::new();
        for row in rows {
            let (size, note): (i64, String) = (
                row.try_get("size").map_err(problems::reading)?,
                row.try_get("note").map_err(problems::reading)?,
            );
            let kept = checkpoint::read(&self.installation, &note, Signed::NotJudged)
                .map_err(|why| problems::broken(read_seq(size), format!("A checkpoint cannot be trusted: {why}.")))?;
            if kept.size != read_seq(size) {
                return Err(problems::broken(
                    kept.size,
                    format!("A checkpoint of {} entries is kept as one of {size}.", kept.size),
                ));
            }
            all.push(kept);
        }
        Ok(all)
    }

    fn entry(&self, row: &SqliteRow) -> Result<Entry, Problem> {
        let seq: i64 = row.try_get("seq").map_err(problems::reading)?;
        let seq = read_seq(seq);
        let damaged = |error: sqlx::Error| problems::broken(seq, error.to_string());
        let scope: Option<String> = row.try_get("scope").map_err(damaged)?;
        let kind: String = row.try_get("kind").map_err(damaged)?;
        let body: String = row.try_get("body").map_err(damaged)?;
        let actor: String = row.try_get("actor").map_err(damaged)?;
        let at: String = row.try_get("at_utc").map_err(damaged)?;
        let prev: String = row.try_get("prev").map_err(damaged)?;
        let hash: String = row.try_get("hash").map_err(damaged)?;
        let body: Value = serde_json::from_str(&body).map_err(|error| problems::broken(seq, error.to_string()))?;
        let computed = Text {
            installation: &self.installation,
            seq,
            scope: scope.as_deref(),
            kind: &kind,
            body: &body,
            actor: &actor,
            at: &at,
            prev: &prev,
        }
        .hash()
        .map_err(|problem| problems::broken(seq, problem.why.join(" ")))?;
        if hex::encode(computed) != hash {
            return Err(problems::broken(
                seq,
                "Its content does not match its hash: it was changed after it was written.",
            ));
        }
        let Some(prev) = hash_of_hex(&prev) else {
            return Err(problems::broken(seq, "The hash it stands on is not 64 hexadecimal digits."));
        };
        let at = at.parse().map_err(|error: jiff::Error| problems::broken(seq, error.to_string()))?;
        Ok(Entry {
            seq,
            scope,
            kind,
            body,
            actor,
            at,
            prev,
            hash: computed,
        })
    }
}

/// SQLite's integers are signed; a log never comes near the limit.
pub(crate) fn stored(seq: u64) -> Result<i64, Problem> {
    i64::try_from(seq).map_err(|_| problems::entry(format!("{seq} is beyond the largest entry number.")))
}

/// A negative number stands nowhere in a log: 0 fits no place, so it is found as a gap.
pub(crate) fn read_seq(seq: i64) -> u64 {
    if seq < 0 { 0 } else { seq.unsigned_abs() }
}
