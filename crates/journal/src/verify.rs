//! The verifier: reads the whole log and names the first bad entry.
//!
//! It trusts no constraint, trigger or type of the file, repairs nothing, and says "cannot be read" when it
//! cannot read: that is never "good". Signatures are judged with the key that the caller brings, or else with the keys
//! that the log names, each only from its own entry on; how far they reach is part of the verdict. Whoever rewrites
//! everything, keys included, is found by a checkpoint from outside only.
//! A further question to the log is one more step in `judge`.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use ledger::Problem;
use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{Row, SqliteConnection, SqlitePool};

use crate::canonical::canonical;
use crate::chain::{Hash, START, Text, hash_of_hex};
use crate::checkpoint::{self, Checkpoint, EVERY_ENTRIES, PublicKey, Signed};
use crate::merkle::Growing;
use crate::problems;
use crate::signing;
use crate::store::{identity, read_seq};

/// What was found at the first bad entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Its content does not match its hash.
    Edited,
    /// It is not there; a later one follows.
    Gap,
    /// It was written for another place in this log.
    Reordered,
    /// It stands on another entry than the one before it.
    Forked,
    /// A checkpoint says that the log was longer.
    Truncated,
    /// A checkpoint is missing, changed, wrongly signed, or says something else than the entries.
    Checkpoint,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Sound. `signed` is how far checked signatures reach: none means that nothing but the chain itself vouches.
    Good {
        entries: u64,
        head: Option<Hash>,
        last_checkpoint: Option<Checkpoint>,
        signed: Option<SignedTo>,
    },
    /// `seq` is the first bad entry.
    Broken { seq: u64, flaw: Flaw, what: String },
    /// Not judged. Never to be shown as good.
    Unreadable { why: String },
}

/// How far the checked signatures of a log reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedTo {
    /// The last entry that a signed checkpoint covers.
    pub seq: u64,
    /// When that entry was written, as it says itself.
    pub at: String,
    /// Tells keys apart; to be compared with a printed one.
    pub fingerprint: String,
}

/// Judges the log in `pool`. Errors: none for damage or read errors (those are verdicts); `E-JOURNAL-FORM` for a newer form.
pub async fn verify(pool: &SqlitePool, key: Option<PublicKey>) -> Result<Verdict, Problem> {
    verify_against(pool, key, &[]).await
}

/// As [`verify`], also against checkpoints kept outside (printed, mailed): the only proof against a cut-off or rewritten log.
pub async fn verify_against(pool: &SqlitePool, key: Option<PublicKey>, outside: &[String]) -> Result<Verdict, Problem> {
    let mut on = match pool.acquire().await {
        Ok(on) => on,
        Err(error) => return Ok(Verdict::Unreadable { why: error.to_string() }),
    };
    let known = match identity(&mut on).await {
        Ok(Some(known)) => known,
        Ok(None) => {
            return Ok(Verdict::Unreadable {
                why: "The file does not say which installation its log belongs to.".into(),
            });
        }
        Err(problem) => {
            return Ok(Verdict::Unreadable {
                why: problem.why.join(" "),
            });
        }
    };
    known.require_form()?;
    match read_all(&mut on).await {
        Ok((rows, notes)) => Ok(judge(&known.installation, &rows, &notes, key, outside)),
        Err(error) => Ok(Verdict::Unreadable { why: error.to_string() }),
    }
}

/// Judges a log file without being able to write to it. Errors: `E-JOURNAL-FORM`.
pub async fn verify_file(path: &Path, key: Option<PublicKey>) -> Result<Verdict, Problem> {
    verify_file_against(path, key, &[]).await
}

/// The installation that a log file says it belongs to; none when it cannot be read.
pub async fn installation_of(path: &Path) -> Option<String> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).create_if_missing(false);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.ok()?;
    let found = match pool.acquire().await {
        Ok(mut on) => identity(&mut on).await.ok().flatten().map(|known| known.installation),
        Err(_) => None,
    };
    pool.close().await;
    found
}

/// As [`verify_file`], also against checkpoints kept outside.
pub async fn verify_file_against(path: &Path, key: Option<PublicKey>, outside: &[String]) -> Result<Verdict, Problem> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).create_if_missing(false);
    match SqlitePoolOptions::new().max_connections(1).connect_with(options).await {
        Ok(pool) => {
            let verdict = verify_against(&pool, key, outside).await;
            pool.close().await;
            verdict
        }
        Err(error) => Ok(Verdict::Unreadable { why: error.to_string() }),
    }
}

/// One row as bytes: whatever was done to the file must not keep the judge from reading on.
#[derive(Clone)]
struct Stored {
    seq: i64,
    scope: Option<Vec<u8>>,
    kind: Vec<u8>,
    body: Vec<u8>,
    actor: Vec<u8>,
    at: Vec<u8>,
    prev: Vec<u8>,
    hash: Vec<u8>,
}

#[derive(Clone)]
struct Note {
    size: i64,
    note: Vec<u8>,
}

async fn read_all(on: &mut SqliteConnection) -> Result<(Vec<Stored>, Vec<Note>), sqlx::Error> {
    // One read transaction: entries and checkpoints of the same moment.
    sqlx::query("BEGIN").execute(&mut *on).await?;
    let rows = sqlx::query(
        "SELECT CAST(seq AS INTEGER) AS seq, CAST(scope AS BLOB) AS scope, CAST(COALESCE(kind, '') AS BLOB) AS kind,
                CAST(COALESCE(body, '') AS BLOB) AS body, CAST(COALESCE(actor, '') AS BLOB) AS actor, CAST(COALESCE(at_utc, '') AS BLOB) AS at,
                CAST(COALESCE(prev, '') AS BLOB) AS prev, CAST(COALESCE(hash, '') AS BLOB) AS hash FROM journal ORDER BY seq",
    )
    .fetch_all(&mut *on)
    .await;
    let notes = sqlx::query("SELECT CAST(size AS INTEGER) AS size, CAST(note AS BLOB) AS note FROM journal_checkpoint ORDER BY size")
        .fetch_all(&mut *on)
        .await;
    sqlx::query("ROLLBACK").execute(&mut *on).await?;
    let rows = rows?
        .iter()
        .map(|row| {
            Ok(Stored {
                seq: row.try_get("seq")?,
                scope: row.try_get("scope")?,
                kind: row.try_get("kind")?,
                body: row.try_get("body")?,
                actor: row.try_get("actor")?,
                at: row.try_get("at")?,
                prev: row.try_get("prev")?,
                hash: row.try_get("hash")?,
            })
        })
        .collect::<Result<_, sqlx::Error>>()?;
    let notes = notes?
        .iter()
        .map(|row| {
            Ok(Note {
                size: row.try_get("size")?,
                note: row.try_get("note")?,
            })
        })
        .collect::<Result<_, sqlx::Error>>()?;
    Ok((rows, notes))
}

/// The keys that the log names, each with the entry from which on it may sign.
fn keys_of(rows: &[Stored]) -> Vec<(u64, PublicKey)> {
    rows.iter()
        .filter(|row| row.kind == signing::KEY_MADE.as_bytes())
        .filter_map(|row| {
            Some((
                read_seq(row.seq),
                signing::named(signing::KEY_MADE, &serde_json::from_slice(&row.body).ok()?)?,
            ))
        })
        .collect()
}

fn judge(installation: &str, rows: &[Stored], notes: &[Note], key: Option<PublicKey>, outside: &[String]) -> Verdict {
    let mut tree = Growing::default();
    let mut roots: Vec<Hash> = vec![tree.root()];
    let mut last = START;
    for (at, row) in rows.iter().enumerate() {
        let expected = at as u64 + 1;
        match judge_entry(installation, row, expected, last, rows) {
            Ok(hash) => {
                tree.push(hash);
                roots.push(tree.root());
                last = hash;
            }
            Err((flaw, what)) => return Verdict::Broken { seq: expected, flaw, what },
        }
    }
    let entries = rows.len() as u64;
    let mut found = Worst(None);
    let named = keys_of(rows);
    let (mut kept, signed) = judge_notes(installation, rows, notes, key, &named, &mut found);
    let last_checkpoint = kept.last().cloned();
    for note in outside {
        match read_by(installation, note, key, &named) {
            Ok((read, _)) => kept.push(read),
            Err(why) => match checkpoint::read(installation, note, Signed::NotJudged) {
                // The entry that names its key may be among those that are gone.
                Ok(read) if read.size > entries => kept.push(read),
                Ok(_) | Err(_) => found.report(
                    entries,
                    Flaw::Checkpoint,
                    format!("The checkpoint given for comparison cannot be trusted: {why}."),
                ),
            },
        }
    }
    for checkpoint in &kept {
        let of = usize::try_from(checkpoint.size).map(|size| roots.get(size));
        match of {
            Ok(Some(root)) if *root == checkpoint.root => {}
            Ok(Some(_)) => found.report(
                checkpoint.size,
                Flaw::Checkpoint,
                "The entries up to here are not those that its checkpoint was made of.".into(),
            ),
            Ok(None) | Err(_) => found.report(
                entries + 1,
                Flaw::Truncated,
                format!("A checkpoint says that the log had {} entries; it has {entries}.", checkpoint.size),
            ),
        }
    }
    match found.0 {
        Some((seq, flaw, what)) => Verdict::Broken { seq, flaw, what },
        None => Verdict::Good {
            entries,
            head: rows.last().map(|_| last),
            last_checkpoint,
            signed,
        },
    }
}

/// The first bad entry of all that were found.
struct Worst(Option<(u64, Flaw, String)>);

impl Worst {
    fn report(&mut self, seq: u64, flaw: Flaw, what: String) {
        if self.0.as_ref().is_none_or(|(known, _, _)| seq < *known) {
            self.0 = Some((seq, flaw, what));
        }
    }
}

/// Reads a note with the caller's key, or with those that the log names up to the note's own size.
fn read_by(
    installation: &str,
    note: &str,
    key: Option<PublicKey>,
    named: &[(u64, PublicKey)],
) -> Result<(Checkpoint, Option<PublicKey>), String> {
    let size = checkpoint::read(installation, note, Signed::NotJudged)?.size;
    let may: Vec<PublicKey> = match key {
        Some(key) => vec![key],
        None => named.iter().filter(|(since, _)| *since <= size).map(|(_, key)| *key).collect(),
    };
    let wanted = match may.is_empty() {
        true => Signed::ByNobody,
        false => Signed::ByOneOf(&may),
    };
    let read = checkpoint::read(installation, note, wanted)?;
    let by = may
        .into_iter()
        .find(|key| checkpoint::read(installation, note, Signed::ByOneOf(&[*key])).is_ok());
    Ok((read, by))
}

/// The stored checkpoints that can be trusted in themselves, and how far the signed ones reach.
fn judge_notes(
    installation: &str,
    rows: &[Stored],
    notes: &[Note],
    key: Option<PublicKey>,
    named: &[(u64, PublicKey)],
    found: &mut Worst,
) -> (Vec<Checkpoint>, Option<SignedTo>) {
    let mut kept = Vec::new();
    let mut signed = None;
    let mut first_of = HashSet::new();
    for note in notes {
        let Ok(text) = std::str::from_utf8(&note.note) else {
            found.report(read_seq(note.size), Flaw::Checkpoint, "Its checkpoint is not text.".into());
            continue;
        };
        match read_by(installation, text, key, named) {
            Ok((read, by)) if i64::try_from(read.size) == Ok(note.size) => {
                if let Some(by) = by {
                    first_of.insert((read.size, by.to_bytes()));
                    let row = usize::try_from(read.size).ok().and_then(|size| rows.get(size.checked_sub(1)?));
                    signed = row.map(|row| SignedTo {
                        seq: read.size,
                        at: String::from_utf8_lossy(&row.at).into_owned(),
                        fingerprint: by.fingerprint(),
                    });
                }
                kept.push(read);
            }
            Ok((read, _)) => found.report(
                read.size.min(read_seq(note.size)),
                Flaw::Checkpoint,
                format!("A checkpoint of {} entries is kept as one of {}.", read.size, note.size),
            ),
            Err(why) => found.report(
                read_seq(note.size),
                Flaw::Checkpoint,
                format!("Its checkpoint cannot be trusted: {why}."),
            ),
        }
    }
    if key.is_none() {
        for (since, _) in named.iter().filter(|(since, key)| !first_of.contains(&(*since, key.to_bytes()))) {
            found.report(
                *since,
                Flaw::Checkpoint,
                "The key that is named here has no first checkpoint: it was removed.".into(),
            );
        }
    }
    let own: HashSet<u64> = kept.iter().map(|checkpoint| checkpoint.size).collect();
    // From the first key on a checkpoint may come later than due: while the keychain is locked nobody can sign.
    let unsigned_until = named.first().map_or(u64::MAX, |(since, _)| *since);
    for due in (1..=rows.len() as u64 / EVERY_ENTRIES)
        .map(|n| n * EVERY_ENTRIES)
        .filter(|due| *due < unsigned_until)
    {
        if !own.contains(&due) {
            found.report(
                due,
                Flaw::Checkpoint,
                format!("The checkpoint that is made after every {EVERY_ENTRIES} entries is missing."),
            );
        }
    }
    (kept, signed)
}

fn judge_entry(installation: &str, row: &Stored, expected: u64, last: Hash, rows: &[Stored]) -> Result<Hash, (Flaw, String)> {
    let seq = read_seq(row.seq);
    let computed = match hash_at(installation, row, seq) {
        Ok(hash) => hash,
        Err(what) if seq == expected => return Err((Flaw::Edited, what)),
        Err(what) => {
            return Err((
                Flaw::Gap,
                format!("Entry {} stands here, and it cannot be read either: {what}", row.seq),
            ));
        }
    };
    if seq != expected {
        // Twice the same number, or a number that is not its own, is told apart from a plain hole.
        return Err(if seq < expected && rows.iter().filter(|other| other.seq == row.seq).count() > 1 {
            (Flaw::Forked, format!("There are two entries {seq}."))
        } else {
            (
                Flaw::Gap,
                format!("Entry {expected} is missing; entry {} stands in its place.", row.seq),
            )
        });
    }
    if row.hash != hex::encode(computed).as_bytes() {
        return Err(match place_it_was_written_for(installation, row, expected, rows) {
            Some(place) => (Flaw::Reordered, format!("This entry was written as entry {place}.")),
            None => (
                Flaw::Edited,
                "Its content does not match its hash: it was changed after it was written.".into(),
            ),
        });
    }
    if row.prev != hex::encode(last).as_bytes() {
        return Err((Flaw::Forked, "It stands on another entry than the one before it.".into()));
    }
    Ok(computed)
}

fn hash_at(installation: &str, row: &Stored, seq: u64) -> Result<Hash, String> {
    let text = |bytes: &[u8], name: &str| {
        std::str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(|_| format!("Its {name} is not text."))
    };
    let scope = row.scope.as_deref().map(|scope| text(scope, "scope")).transpose()?;
    let (kind, actor, at) = (text(&row.kind, "kind")?, text(&row.actor, "actor")?, text(&row.at, "time")?);
    let (body, prev, hash) = (text(&row.body, "body")?, text(&row.prev, "link")?, text(&row.hash, "hash")?);
    if hash_of_hex(&prev).is_none() || hash_of_hex(&hash).is_none() {
        return Err("A hash of it is not 64 hexadecimal digits.".into());
    }
    let value: Value = serde_json::from_str(&body).map_err(|_| "Its body is not JSON.".to_owned())?;
    // The stored bytes are what people export, so they must be the canonical ones, not merely equal in meaning.
    if canonical(&value).map_err(|problem| problem.why.join(" "))? != body {
        return Err("Its body is not in the canonical form: it was changed after it was written.".into());
    }
    Text {
        installation,
        seq,
        scope: scope.as_deref(),
        kind: &kind,
        body: &value,
        actor: &actor,
        at: &at,
        prev: &prev,
    }
    .hash()
    .map_err(|problem| problem.why.join(" "))
}

/// The place at which an entry is sound: moved, not edited. Numbers may have been swapped, so its place is
/// counted along the links it stands on; the neighbours are tried for a log closed up after a deletion.
fn place_it_was_written_for(installation: &str, row: &Stored, expected: u64, rows: &[Stored]) -> Option<u64> {
    let prev_of: HashMap<&[u8], &[u8]> = rows.iter().map(|other| (&other.hash[..], &other.prev[..])).collect();
    let (mut counted, mut at) = (1, &row.prev[..]);
    while let Some(prev) = prev_of.get(at) {
        if counted > rows.len() as u64 {
            break;
        }
        counted += 1;
        at = prev;
    }
    [counted, expected + 1, expected - 1]
        .into_iter()
        .filter(|place| *place != expected)
        .find(|place| match hash_at(installation, row, *place) {
            Ok(hash) => row.hash == hex::encode(hash).as_bytes(),
            Err(_) => false,
        })
}

/// Makes `E-JOURNAL-BROKEN` or `E-JOURNAL-READ` of a bad verdict: what the engine stops with at start.
pub fn require_good(verdict: Verdict) -> Result<(), Problem> {
    match verdict {
        Verdict::Good { .. } => Ok(()),
        Verdict::Broken { seq, flaw: _, what } => Err(problems::broken(seq, what)),
        Verdict::Unreadable { why } => Err(Problem::new(
            problems::E_READ,
            "The deployment log could not be read.",
            why,
            "Check that the disk is attached and healthy and that the folder of Changeover can be read, then start Changeover again.",
        )),
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
