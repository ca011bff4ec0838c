//! Carrying out an answer: written to the log, done, and its outcome written, so that a kill in between loses nothing.
//!
//! It must never act without a durable intent, never while an upgrade is at work on the books, and never post a key
//! that is known. After a crash the store and the books say what happened; see [`Engine::settle_answers`].

use super::finding::{HeldMovement, not_held};
use super::{CHANGED, ChosenLine, Decision, E_HOLD_ANSWER, E_HOLD_CANDIDATE, E_HOLD_LINES, E_HOLD_REASON, Given, PURPOSE, hold_id};
use crate::changes::{PlannedEntry, PlannedKey};
use crate::crash;
use crate::engine::{Engine, OpenUpgrade};
use crate::postings::Postings;
use crate::progress::Watcher;
use crate::store::answer::{self, AnswerRow, AnswerState, Answered};
use crate::store::company::{Company, Connection};
use crate::store::failed;
use crate::store::movement::{self, KeyState};
use crate::sync::Owner;
use books::EntryId;
use ledger::{Account, Entry, Line, Money, Problem, Role, Touched};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use upgrade::{Mode, Side};

/// Longest reason that is kept with an exclusion.
pub const LONGEST_REASON: usize = 500;

impl Engine {
    /// Answers one held movement. `by` is who decides; without a name the installation's actor.
    ///
    /// The same answer a second time does nothing and says so. Errors: `E-HOLD-…`, `E-SYNC-BUSY`, `E-UPGRADE-NOT-NOW`,
    /// `E-OWNER-CONFLICT`, those of the books.
    pub async fn answer_hold(
        &self,
        company: &Company,
        connection: &Connection,
        id: &str,
        decision: Decision,
        by: Option<&str>,
        watcher: &Watcher,
    ) -> Result<Given, Problem> {
        let _lock = self.lock_company(company)?;
        self.settle_changes(company, connection).await?;
        self.settle_answers(company, connection).await?;
        if let Some(row) = self
            .standing_answers(connection)
            .await?
            .rows()
            .iter()
            .find(|row| hold_id(&connection.id, &row.hold) == id)
        {
            return match same(row, &decision) {
                true => Ok(Given {
                    row: row.clone(),
                    already: true,
                }),
                false => Err(answered_otherwise(row)),
            };
        }
        let held = self.held_movement(company, connection, id).await?;
        let (owner, open) = self.owner(connection).await?;
        let side = match owner {
            Owner::Fenced => return Err(not_now("The upgrade is handing the payments over, so nobody posts for now.")),
            Owner::New => Side::New,
            Owner::Settled => Side::Old,
        };
        if let Some(open) = &open {
            self.upgrade_is_quiet(open, side, &held, &decision).await?;
        }
        if let Some(why) = held.refusal(kind(&decision)) {
            return Err(refused(&held, kind(&decision), why));
        }
        let by = by.map(str::trim).filter(|name| !name.is_empty()).unwrap_or(&self.actor).to_string();
        let mut row = AnswerRow {
            id: self.ids.new_id("answer"),
            version: held.version.clone(),
            hold: held.hold.clone(),
            answer: kind(&decision),
            state: AnswerState::Intent,
            keys: held.keys.clone(),
            entry_id: None,
            reason: String::new(),
            by,
            at: self.now(),
            upgrade_id: open.as_ref().map(|open| open.id.clone()),
            whole_record: held.needs_lines(),
        };
        match decision {
            Decision::Link { entry } => {
                let candidates = self.hold_candidates(company, connection, &held).await?;
                let chosen = candidates
                    .iter()
                    .find(|c| c.entry == entry)
                    .ok_or_else(|| no_candidate(candidates.len()))?;
                if !chosen.through_clearing {
                    // The typed entry stands for the payments in the payout as well, as where it is recognised without asking.
                    row.keys.extend(
                        held.members
                            .iter()
                            .filter(|member| !held.keys.iter().any(|key| key.key == member.key))
                            .cloned(),
                    );
                }
                row.reason = chosen.description.clone();
                row.entry_id = Some(entry);
                self.begin_answer(connection, &row).await?;
                self.finish_answer(connection, row).await
            }
            Decision::Exclude { reason } => {
                row.reason = read_reason(&reason)?;
                self.begin_answer(connection, &row).await?;
                self.finish_answer(connection, row).await
            }
            Decision::Post { lines } => {
                let entries = match held.needs_lines() {
                    true => vec![self.chosen_entry(company, connection, &held, &lines).await?],
                    false if lines.is_empty() => held.entries.clone(),
                    false => {
                        return Err(bad_lines(
                            "The connector's rules know the accounts of this movement.",
                            "Post it as proposed, or exclude it and enter it by hand.",
                        ));
                    }
                };
                self.begin_answer(connection, &row).await?;
                let postings = Postings {
                    entries,
                    ..Postings::default()
                };
                let posted = match &open {
                    Some(open) => self.post_in_upgrade(company, connection, open, side, postings, watcher).await,
                    None => self.post(company, connection, None, PURPOSE, postings, watcher).await,
                };
                if let Err(problem) = posted {
                    // Not known whether it was posted: the answer stays in doubt and is settled before the next one.
                    if problem.touched == Touched::Nothing {
                        self.drop_answer(connection, &row, &problem.code.to_string()).await?;
                    }
                    return Err(problem);
                }
                row.entry_id = self.posted_as(connection, &row).await?;
                self.finish_answer(connection, row).await
            }
        }
    }

    /// Takes a link or an exclusion back: the movement is held again, as before. Doing it twice is fine.
    ///
    /// Errors: `E-HOLD-ANSWER` where it was posted, or nothing of that name was answered.
    pub async fn undo_answer(&self, company: &Company, connection: &Connection, id: &str, by: Option<&str>) -> Result<Given, Problem> {
        let _lock = self.lock_company(company)?;
        self.settle_changes(company, connection).await?;
        self.settle_answers(company, connection).await?;
        let standing = self.standing_answers(connection).await?;
        let Some(row) = standing.rows().iter().find(|row| hold_id(&connection.id, &row.hold) == id).cloned() else {
            let last = answer::last_undone(&self.pool, &connection.id)
                .await?
                .into_iter()
                .find(|row| hold_id(&connection.id, &row.hold) == id);
            return last.map(|row| Given { row, already: true }).ok_or_else(not_held);
        };
        match row.answer {
            Answered::Linked | Answered::Excluded => {}
            Answered::Posted => {
                return Err(Problem::new(
                    E_HOLD_ANSWER,
                    "This payment was posted, so the answer cannot be taken back.",
                    format!("{} posted it on {}.", row.by, row.at),
                    "Correct it in the books with an entry of your own.",
                ));
            }
        }
        if let Some(open) = self.owner(connection).await?.1 {
            self.nothing_in_flight(&open).await?;
        }
        let by = by.map(str::trim).filter(|name| !name.is_empty()).unwrap_or(&self.actor);
        let mut tx = journal::begin(&self.pool).await?;
        self.journal_in(
            &mut tx,
            Some(&connection.id),
            "hold.answer_undone",
            told(&row, json!({"by": by, "because": "a person took it back"})),
        )
        .await?;
        answer::drop_keys(&mut tx, &connection.id, &row.keys).await?;
        answer::set_state(&mut tx, &row.id, AnswerState::Undone, None).await?;
        answer::put_hold(&mut tx, &connection.id, &row.version, &row.hold).await?;
        tx.commit().await.map_err(|e| failed("take an answer back", &e))?;
        crash::point("answer.undone");
        Ok(Given {
            row: AnswerRow {
                state: AnswerState::Undone,
                ..row
            },
            already: false,
        })
    }

    /// Finds out what became of answers that a process left behind, and lets go of those whose entry a rollback took out.
    /// Changes of the books in doubt are settled before this is asked. Returns how many were settled.
    pub(crate) async fn settle_answers(&self, company: &Company, connection: &Connection) -> Result<u64, Problem> {
        let mut settled = 0;
        for row in self.standing_answers(connection).await?.rows() {
            match (row.state, row.answer) {
                (AnswerState::Intent, Answered::Posted) => {
                    let mut row = row.clone();
                    row.entry_id = self.posted_as(connection, &row).await?;
                    match row.entry_id {
                        Some(_) => drop(self.finish_answer(connection, row).await?),
                        None => self.drop_answer(connection, &row, "after-restart").await?,
                    }
                }
                (AnswerState::Intent, Answered::Linked | Answered::Excluded) => match self.still_free(company, connection, row).await? {
                    true => drop(self.finish_answer(connection, row.clone()).await?),
                    false => self.drop_answer(connection, row, "settled-otherwise").await?,
                },
                // Only an upgrade that was rolled back takes a posted answer out of the books again.
                (AnswerState::Done, Answered::Posted) if row.upgrade_id.is_some() && self.posted_as(connection, row).await?.is_none() => {
                    let mut tx = journal::begin(&self.pool).await?;
                    let why = json!({"by": self.actor, "because": "the upgrade was rolled back"});
                    self.journal_in(&mut tx, Some(&connection.id), "hold.answer_undone", told(row, why))
                        .await?;
                    answer::set_state(&mut tx, &row.id, AnswerState::Undone, None).await?;
                    tx.commit().await.map_err(|e| failed("note that an answer was taken back", &e))?;
                }
                (AnswerState::Done, Answered::Posted | Answered::Linked | Answered::Excluded)
                | (AnswerState::Absent | AnswerState::Undone, _) => continue,
            }
            settled += 1;
        }
        Ok(settled)
    }

    /// Whether a link or exclusion can still be carried out: nobody claimed its keys, and the entry is there.
    async fn still_free(&self, company: &Company, connection: &Connection, row: &AnswerRow) -> Result<bool, Problem> {
        let known = self.known(&connection.id).await?;
        if row.hold.reason_code != CHANGED && row.keys.iter().any(|key| known.identities.contains_key(&key.key)) {
            return Ok(false);
        }
        match (row.answer, &row.entry_id) {
            (Answered::Linked, Some(entry)) => Ok(!self
                .books(company)
                .await?
                .entries_by_id(&[EntryId(entry.clone())])
                .await?
                .is_empty()),
            (Answered::Linked, None) => Ok(false),
            (Answered::Excluded | Answered::Posted, _) => Ok(true),
        }
    }

    async fn posted_as(&self, connection: &Connection, row: &AnswerRow) -> Result<Option<String>, Problem> {
        match row.keys.first() {
            Some(key) => answer::entry_of(&self.pool, &connection.id, key.key.as_str()).await,
            None => Ok(None),
        }
    }

    async fn begin_answer(&self, connection: &Connection, row: &AnswerRow) -> Result<(), Problem> {
        let mut tx = journal::begin(&self.pool).await?;
        let keys: Vec<&str> = row.keys.iter().map(|key| key.key.as_str()).collect();
        self.journal_in(
            &mut tx,
            Some(&connection.id),
            "hold.answer_intent",
            told(row, json!({"keys": keys, "entry": row.entry_id})),
        )
        .await?;
        answer::insert(&mut tx, &connection.id, row).await?;
        tx.commit().await.map_err(|e| failed("note an answer", &e))?;
        crash::point("answer.intent-written");
        Ok(())
    }

    /// Outcome, identity map and list in one transaction.
    async fn finish_answer(&self, connection: &Connection, mut row: AnswerRow) -> Result<Given, Problem> {
        let mut tx = journal::begin(&self.pool).await?;
        let state = match row.answer {
            Answered::Linked => Some(KeyState::Linked),
            // A changed record was posted once; leaving the change out claims nothing new.
            Answered::Excluded if row.hold.reason_code == CHANGED => None,
            Answered::Excluded => Some(KeyState::Excluded),
            // The change of the books wrote it already.
            Answered::Posted => None,
        };
        if let Some(state) = state {
            let entry = row.entry_id.clone().unwrap_or_default();
            let rows: Vec<movement::Identity> = row
                .keys
                .iter()
                .map(|key| answer::identity(key, state, &entry, &row.version))
                .collect();
            movement::put_identities(&mut tx, &connection.id, &rows).await?;
        }
        row.state = AnswerState::Done;
        answer::set_state(&mut tx, &row.id, row.state, row.entry_id.as_deref()).await?;
        answer::drop_hold(&mut tx, &connection.id, &row.hold).await?;
        self.journal_in(
            &mut tx,
            Some(&connection.id),
            "hold.answered",
            told(&row, json!({"entry": row.entry_id})),
        )
        .await?;
        tx.commit().await.map_err(|e| failed("note what became of an answer", &e))?;
        crash::point("answer.outcome-written");
        Ok(Given { row, already: false })
    }

    async fn drop_answer(&self, connection: &Connection, row: &AnswerRow, why: &str) -> Result<(), Problem> {
        let mut tx = journal::begin(&self.pool).await?;
        answer::set_state(&mut tx, &row.id, AnswerState::Absent, None).await?;
        self.journal_in(&mut tx, Some(&connection.id), "hold.answer_absent", told(row, json!({"why": why})))
            .await?;
        tx.commit().await.map_err(|e| failed("note what became of an answer", &e))
    }

    /// An upgrade must not be at work on the books, and the stream must be this connector's.
    async fn upgrade_is_quiet(&self, open: &OpenUpgrade, side: Side, held: &HeldMovement, decision: &Decision) -> Result<(), Problem> {
        match decision {
            Decision::Post { .. } => self.upgrade_state(&open.id).await?.may_post(&held.hold.stream, side),
            Decision::Link { .. } | Decision::Exclude { .. } => Ok(()),
        }?;
        self.nothing_in_flight(open).await
    }

    async fn nothing_in_flight(&self, open: &OpenUpgrade) -> Result<(), Problem> {
        let state = self.upgrade_state(&open.id).await?;
        if state.in_doubt.is_some() || state.in_flight.is_some() {
            return Err(not_now("A stage of the upgrade is at work on the books."));
        }
        match state.mode {
            Mode::RollingBack { .. } | Mode::Resolving { .. } | Mode::Frozen { .. } => {
                Err(not_now("The upgrade is being rolled back or looked into."))
            }
            Mode::Running | Mode::Waiting { .. } | Mode::Paused { .. } | Mode::Halted { .. } | Mode::RolledBack | Mode::Finished => Ok(()),
        }
    }

    /// The entry that a person's lines make of a movement whose accounts no rule knows.
    async fn chosen_entry(
        &self,
        company: &Company,
        connection: &Connection,
        held: &HeldMovement,
        lines: &[ChosenLine],
    ) -> Result<PlannedEntry, Problem> {
        let description = self.books(company).await?.describe().await?;
        check_lines(company, held, lines, &description.accounts)?;
        let clearing = connection.roles.get(Role::Clearing);
        let carrier = lines
            .iter()
            .find(|line| Some(&line.account) == clearing)
            .or(lines.first())
            .ok_or_else(not_held)?;
        let first = held.keys.first().ok_or_else(not_held)?;
        let entry = Entry {
            key: first.key.clone(),
            covers: held.keys.iter().map(|key| key.key.clone()).collect(),
            key_account: carrier.account.clone(),
            date: held.date,
            description: format!("{} ({})", held.title, self.provider(&connection.provider)?.title),
            reference: String::new(),
            lines: lines
                .iter()
                .map(|line| Line {
                    account: line.account.clone(),
                    amount: Money::new(line.minor, company.currency),
                    memo: String::new(),
                })
                .collect(),
        };
        entry.balanced()?;
        // Without the rules' digest: the accounts are a person's.
        let keys = held
            .keys
            .iter()
            .map(|key| PlannedKey {
                content: String::new(),
                ..key.clone()
            })
            .collect();
        Ok(PlannedEntry {
            entry,
            version: held.version.clone(),
            keys,
        })
    }
}

fn kind(decision: &Decision) -> Answered {
    match decision {
        Decision::Link { .. } => Answered::Linked,
        Decision::Post { .. } => Answered::Posted,
        Decision::Exclude { .. } => Answered::Excluded,
    }
}

/// The same answer again. A reason may be worded differently; another entry is another answer.
fn same(row: &AnswerRow, decision: &Decision) -> bool {
    match decision {
        Decision::Link { entry } => row.answer == Answered::Linked && row.entry_id.as_ref() == Some(entry),
        Decision::Post { .. } | Decision::Exclude { .. } => row.answer == kind(decision),
    }
}

/// What the log keeps of an answer, with more about this moment.
fn told(row: &AnswerRow, more: Value) -> Value {
    let mut body = json!({
        "answer": row.answer.word(), "id": row.id, "stream": row.hold.stream, "record": row.hold.record, "held_because": row.hold.reason,
        "happened": row.hold.instant.to_string(), "minor": row.hold.minor, "reason": row.reason, "by": row.by,
    });
    if let (Some(all), Value::Object(more)) = (body.as_object_mut(), more) {
        all.extend(more);
    }
    body
}

fn read_reason(reason: &str) -> Result<String, Problem> {
    let reason = reason.trim();
    if !reason.is_empty() && reason.chars().count() <= LONGEST_REASON && !reason.chars().any(|c| c.is_control() && c != '\n') {
        return Ok(reason.to_string());
    }
    Err(Problem::new(
        E_HOLD_REASON,
        "A payment is left out only with a reason.",
        match reason.is_empty() {
            true => "No reason was given.".to_string(),
            false => format!("The reason has more than {LONGEST_REASON} characters, or characters that cannot be shown."),
        },
        "Write in a sentence why it does not belong into these books; it is kept in the log with your name.",
    ))
}

/// Every fault of the chosen lines at once.
fn check_lines(company: &Company, held: &HeldMovement, lines: &[ChosenLine], accounts: &[Account]) -> Result<(), Problem> {
    let mut faults = Vec::new();
    if lines.len() < 2 {
        faults.push("An entry needs two accounts or more: where the money is, and what it is for.".to_string());
    }
    let mut seen = BTreeSet::new();
    for line in lines {
        if line.minor == 0 {
            faults.push("A line has no amount.".to_string());
        }
        if !seen.insert(&line.account) {
            faults.push("An account is chosen twice.".to_string());
        }
        match accounts.iter().find(|account| account.id == line.account) {
            None => faults.push(format!("The books have no account {}.", line.account)),
            Some(account) if account.placeholder || account.hidden => {
                faults.push(format!("\"{}\" holds no entries of its own.", account.full_name))
            }
            Some(account) if account.currency != Some(company.currency) => {
                faults.push(format!("\"{}\" does not hold {}.", account.full_name, company.currency))
            }
            Some(_) => {}
        }
    }
    let total = |sign: i64| {
        lines
            .iter()
            .filter(|line| line.minor.signum() == sign)
            .try_fold(0_i64, |sum, line| sum.checked_add(line.minor))
    };
    match (total(1), total(-1)) {
        (Some(debits), Some(credits)) => {
            if debits.checked_add(credits) != Some(0) {
                let off = Money::new(debits.saturating_add(credits), company.currency);
                faults.push(format!("The lines differ by {off}."));
            } else if let Some(amount) = held
                .amount
                .filter(|amount| !amount.is_zero() && amount.minor.checked_abs() != Some(debits))
            {
                faults.push(format!(
                    "The lines move {}, and the processor says {amount}.",
                    Money::new(debits, company.currency)
                ));
            }
        }
        (None, _) | (_, None) => faults.push("The amounts are too large.".to_string()),
    }
    let mut faults = faults.into_iter();
    match faults.next() {
        None => Ok(()),
        Some(first) => Err(faults.fold(
            bad_lines(first, "Choose an account for each line so that they add up to nothing."),
            Problem::because,
        )),
    }
}

fn bad_lines(why: impl Into<String>, next: &str) -> Problem {
    Problem::new(E_HOLD_LINES, "The chosen accounts do not make an entry of this payment.", why, next)
}

fn no_candidate(there_are: usize) -> Problem {
    Problem::new(
        E_HOLD_CANDIDATE,
        "That entry cannot be this payment.",
        match there_are {
            0 => {
                "No entry of the books has its amount near its day, or the ones that have were posted by Changeover or are linked already."
                    .to_string()
            }
            1 => "One entry fits; it is another one.".to_string(),
            several => format!("{several} entries fit; it is none of them."),
        },
        "Choose one of the entries that are offered, or another answer.",
    )
}

fn answered_otherwise(row: &AnswerRow) -> Problem {
    let done = match row.answer {
        Answered::Linked => "linked it to an entry",
        Answered::Posted => "posted it",
        Answered::Excluded => "left it out",
    };
    Problem::new(
        E_HOLD_ANSWER,
        "This payment has been answered already.",
        format!("{} {done} on {}.", row.by, row.at),
        match row.answer {
            Answered::Linked | Answered::Excluded => "Take that answer back first, then give another.",
            Answered::Posted => "Correct it in the books with an entry of your own.",
        },
    )
}

fn refused(held: &HeldMovement, answer: Answered, why: &str) -> Problem {
    let asked = match answer {
        Answered::Linked => "linked to an entry",
        Answered::Posted => "posted",
        Answered::Excluded => "left out",
    };
    Problem::new(
        E_HOLD_ANSWER,
        format!("This payment of {} cannot be {asked}.", held.date),
        why,
        "Give another answer, or leave it held; it is looked at again with every fetch.",
    )
}

fn not_now(why: &str) -> Problem {
    Problem::new(
        E_HOLD_ANSWER,
        "The payment cannot be answered at this moment.",
        why,
        "Wait until the upgrade has come to a rest, then answer again.",
    )
}
