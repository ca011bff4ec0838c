//! The log's records as sentences.
//!
//! It must never leave a record out or guess at one: an unknown kind shows its name, an unreadable event says so.
//! A new kind of record is one arm in `sentence` and one in `area`.

use super::shared::At;
use crate::views::{LogFilter, LogLineView, MoneyView};
use ::upgrade::{Event, Finding, Gained, Gate, Outcome, Verdict};
use engine::store::company::Connection;
use journal::Entry;
use ledger::Problem;
use serde_json::Value;

/// Which filter of the log shows a record.
pub fn area(kind: &str) -> LogFilter {
    match kind.split('.').next().unwrap_or(kind) {
        "upgrade" | "stream" | "connector" => LogFilter::Upgrade,
        "books" | "movements" | "hold" | "company" => LogFilter::Books,
        "sign_in" | "access" | "secrets" => LogFilter::SignIn,
        "backup" => LogFilter::Backup,
        "sync" => LogFilter::Sync,
        _ => LogFilter::All,
    }
}

/// The newest lines about an upgrade, newest first.
pub async fn lines(at: &At, connection: &Connection, upgrade: &str, most: usize) -> Result<Vec<LogLineView>, Problem> {
    let _ = connection;
    let entries = at.engine.journal.entries_of(upgrade).await?;
    Ok(entries
        .iter()
        .rev()
        .filter(|entry| tells(entry))
        .take(most)
        .map(|entry| LogLineView {
            at: entry.at.to_string(),
            words: sentence(entry),
        })
        .collect())
}

/// Beside a run only what somebody would tell; the log itself shows all of it.
fn tells(entry: &Entry) -> bool {
    entry.kind != "upgrade.intent_recorded" && entry.kind != "books.intent"
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body.get(name).and_then(Value::as_str).unwrap_or("")
}

fn number(body: &Value, name: &str) -> u64 {
    body.get(name).and_then(Value::as_u64).unwrap_or(0)
}

fn counted(count: u64, one: &str, several: &str) -> String {
    if count == 1 {
        format!("1 {one}")
    } else {
        format!("{count} {several}")
    }
}

fn list(body: &Value, name: &str) -> Vec<String> {
    body.get(name)
        .and_then(Value::as_array)
        .map(|all| all.iter().filter_map(Value::as_str).map(str::to_string).collect())
        .unwrap_or_default()
}

/// What an access is for.
fn reader(body: &Value) -> String {
    match body.get("access_only").and_then(Value::as_bool) {
        // Its version bears the provider's name.
        Some(true) => format!("{}, whose access alone is kept", text(body, "version")),
        Some(false) | None => format!("connector {}", text(body, "version")),
    }
}

/// One record in words.
pub fn sentence(entry: &Entry) -> String {
    let body = &entry.body;
    match entry.kind.as_str() {
        "company.added" => format!(
            "Added the company \"{}\" with {} in {}.",
            text(body, "name"),
            text(body, "connector"),
            text(body, "zone")
        ),
        "sign_in.started" => format!(
            "Began to sign in for {}, asking for {}.",
            reader(body),
            counted(list(body, "permissions").len() as u64, "permission", "permissions")
        ),
        "sign_in.ended" => match body.get("refused").and_then(Value::as_str) {
            Some(code) => format!(
                "The sign-in for {} did not succeed ({code}); the access from before is unchanged.",
                reader(body)
            ),
            None => {
                let missing = list(body, "missing");
                let short = if missing.is_empty() {
                    String::new()
                } else {
                    format!(" Not given: {}.", missing.join(", "))
                };
                format!(
                    "Signed in to \"{}\" for {}.{short}",
                    text(body, "company"),
                    reader(body)
                )
            }
        },
        "access.added" => format!("Added {} for its access alone.", text(body, "provider")),
        "access.removed" => format!("Removed {}; its access is erased here.", text(body, "provider")),
        "access.application" => format!(
            "Set up the application {} at {}{}.",
            text(body, "client_id"),
            text(body, "provider"),
            match body.get("secret_sealed").and_then(Value::as_bool) {
                Some(true) => "; its secret is sealed",
                Some(false) | None => "",
            }
        ),
        "access.disconnected" => format!(
            "Disconnected {}: {} erased here. {}",
            text(body, "provider"),
            counted(number(body, "erased"), "access", "accesses"),
            text(body, "remains")
        ),
        "access.dropped" => format!(
            "Gave up the access of connector {}. {}",
            text(body, "version"),
            text(body, "new_access")
        ),
        "sync.done" => format!(
            "Read {} with connector {}: {} posted, {} linked, {} held.",
            counted(number(body, "records"), "new record", "new records"),
            text(body, "version"),
            number(body, "posted"),
            number(body, "linked"),
            number(body, "held")
        ),
        "movements.linked" => format!(
            "Linked {} to {} that a person had typed; nothing was posted for them.",
            counted(number(body, "movements"), "movement", "movements"),
            counted(number(body, "typed_entries"), "entry", "entries")
        ),
        "books.intent" => format!(
            "About to change the books ({}): post {}, take out {}, put back {}.",
            purpose(text(body, "purpose")),
            number(body, "post"),
            number(body, "remove"),
            number(body, "restore")
        ),
        "books.outcome" => match text(body, "outcome") {
            "done" => format!(
                "Changed the books and read them back, equal: {} posted, {} taken out, {} put back.",
                counted(number(body, "posted"), "entry", "entries"),
                number(body, "removed"),
                number(body, "restored")
            ),
            "absent" => format!(
                "The change of the books did not happen ({}); they are as they were.",
                absent_why(text(body, "reason"))
            ),
            other => format!("The change of the books ended as \"{other}\"."),
        },
        "hold.reviewed" => format!("Looked at a held payment and left it held: {}", text(body, "reason")),
        "hold.answer_intent" => format!("About to {} a held payment.", hold_answer(body, "link", "post", "leave out")),
        "hold.answered" => match text(body, "answer") {
            "linked" => format!("{} linked a held payment to the entry \"{}\"; nothing was written to the books.", text(body, "by"), text(body, "reason")),
            "excluded" => format!("{} left a held payment out for good: {}", text(body, "by"), text(body, "reason")),
            "posted" => format!("{} had a held payment posted.", text(body, "by")),
            other => format!("A held payment was answered with \"{other}\"."),
        },
        "hold.answer_absent" => format!(
            "A held payment was not {} after all ({}); it is held as before.",
            hold_answer(body, "linked", "posted", "left out"),
            absent_why(text(body, "why"))
        ),
        "hold.answer_undone" => format!(
            "A held payment is no longer {}: {} ({}).",
            hold_answer(body, "linked", "posted", "left out"),
            text(body, "because"),
            text(body, "by")
        ),
        "company.roles_chosen" => {
            let roles = body.get("roles").and_then(Value::as_object).map_or(0, serde_json::Map::len);
            format!("Chose which accounts the connector posts to: {}.", counted(roles as u64, "account", "accounts"))
        }
        "backup.place_made" => format!("Made a place for backups at {}.", text(body, "place")),
        "backup.kit_written" => format!("Wrote a recovery kit to {}.", text(body, "file")),
        "backup.taken" => format!(
            "Backed up \"{}\": {}, {} of the books, read back and equal.",
            text(body, "label"),
            counted(number(body, "files"), "file", "files"),
            counted(number(body, "entries"), "entry", "entries")
        ),
        "backup.checked" => format!(
            "Read a backup back: {}, each equal to what was backed up.",
            counted(number(body, "files"), "file", "files")
        ),
        "backup.unfit" => format!(
            "A backup turned out to be unfit ({}); it counts no more.",
            text(body, "code")
        ),
        "backup.kit_confirmed" => format!(
            "Showed that the recovery kit was kept, {}{}.",
            match text(body, "by") {
                "last_group" => "by its last group",
                "read_back" => "by reading it back",
                other => other,
            },
            match number(body, "earlier_codes_ended") {
                0 => String::new(),
                ended => format!("; {} ended", counted(ended, "earlier code", "earlier codes")),
            }
        ),
        "backup.passphrase_set" => "Set a passphrase as a second way into the backups.".to_string(),
        "backup.passphrase_changed" => "Changed the passphrase of the backups; the one before opens nothing any more.".to_string(),
        "backup.passphrase_removed" => format!(
            "Removed the passphrase of the backups{}.",
            if body.get("forgotten").and_then(Value::as_bool).unwrap_or(false) { ", which was forgotten" } else { "" }
        ),
        "backup.missed" => format!("A backup that was due ({}) could not be taken ({}).", text(body, "occasion"), text(body, "code")),
        "backup.rule" => match (body.get("daily").and_then(Value::as_bool), body.get("on_change").and_then(Value::as_bool)) {
            (Some(true), Some(true)) => format!("Backups: daily at {}, and after changes.", text(body, "at")),
            (Some(true), _) => format!("Backups: daily at {}.", text(body, "at")),
            (_, Some(true)) => "Backups: after changes only.".to_string(),
            _ => "Backups: only when somebody takes one.".to_string(),
        },
        "log.key_made" => format!(
            "Checkpoints of this log are signed from here on, with key {}{}.",
            text(body, "fingerprint"),
            match text(body, "kept") {
                "session_only" => ", which lasts for this session only",
                "passphrase" => ", kept in the passphrase vault",
                _ => "",
            }
        ),
        "secrets.place" => format!(
            "Chose another place for secrets: from {} to {}.",
            text(body, "from").replace('_', " "),
            text(body, "to").replace('_', " ")
        ),
        "backup.restore_begun" => "Began to put the book of a backup in place; its own safety backup is taken and proved.".to_string(),
        "backup.restore_absent" => format!("The restore in place did not happen; the book is as it was ({}).", text(body, "why")),
        "backup.restored_in_place" => format!(
            "Put the book of a backup in place: {}; {} posted since are looked at again.",
            counted(number(body, "entries"), "entry", "entries"),
            counted(number(body, "again"), "payment", "payments")
        ),
        "backup.restore_undone" => format!("Took a restore in place back: {} again.", counted(number(body, "entries"), "entry", "entries")),
        "backup.proved" => format!(
            "Restored a backup to test it: {} in {}, every total equal.",
            counted(number(body, "entries"), "entry", "entries"),
            counted(number(body, "accounts"), "account", "accounts")
        ),
        "stream.owner" => match text(body, "owner") {
            "old" => format!("The old connector posts {}.", text(body, "stream")),
            "fenced" => format!("Nobody posts {} for now.", text(body, "stream")),
            "new" => format!("The new connector posts {}.", text(body, "stream")),
            other => format!("The owner of {} became \"{other}\".", text(body, "stream")),
        },
        "connector.settled" => format!(
            "Connector {} is in use from now on. {}",
            text(body, "version"),
            text(body, "old_access")
        ),
        kind if kind.starts_with("upgrade.") => match Event::from_stored(body) {
            Ok(event) => event_sentence(&event),
            Err(problem) => format!("{kind}: {}", problem.what),
        },
        other => format!("{other}."),
    }
}

fn purpose(word: &str) -> String {
    if let Some(share) = word.strip_prefix("slice:") {
        return format!("moving the {} to the new connector", share.replace('_', " "));
    }
    if let Some(share) = word.strip_prefix("undo:") {
        return format!("taking the {} back", share.replace('_', " "));
    }
    match word {
        "sync" => "new payments".to_string(),
        "answer" => "a held payment".to_string(),
        other => other.replace('_', " "),
    }
}

/// Why something did not happen: a word of the engine, or the code of a problem.
fn absent_why(word: &str) -> &str {
    match word {
        "after-restart" => "found out after a new start",
        "settled-otherwise" => "it had been settled in another way",
        code => code,
    }
}

fn hold_answer<'a>(body: &Value, linked: &'a str, posted: &'a str, excluded: &'a str) -> &'a str {
    match text(body, "answer") {
        "linked" => linked,
        "posted" => posted,
        "excluded" => excluded,
        _ => "answered",
    }
}

fn event_sentence(event: &Event) -> String {
    match event {
        Event::PlanMade { plan, .. } => {
            let count: u64 = plan.slices.iter().map(|slice| slice.count).sum();
            format!(
                "Planned to move {} from version {} to {}: {}.",
                plan.connector,
                plan.from_version,
                plan.to_version,
                counted(count, "movement", "movements")
            )
        }
        Event::SignedOff { gate, by, .. } => format!("{} ({}) said yes {}.", by.name, ::upgrade::words::role(by.role), gate_words(*gate)),
        Event::IntentRecorded { effect, .. } => format!("{} …", ::upgrade::words::effect(effect)),
        Event::EffectDone { outcome, .. } => outcome_sentence(outcome),
        Event::EffectInDoubt { why, .. } => format!("It is not known yet whether the last step happened: {}", why.what),
        Event::EffectResolved { finding, by, .. } => {
            let found = match finding {
                Finding::Done { .. } => "the last step happened".to_string(),
                Finding::Partly { left } => format!(
                    "a part of the last step happened ({})",
                    counted(left.entries_posted, "entry", "entries")
                ),
                Finding::Absent => "the last step did not happen".to_string(),
                Finding::Unknown { why } => format!("it cannot be told by looking: {why}"),
            };
            match by {
                Some(by) => format!("{} answered: {found}.", by.name),
                None => format!("Found out: {found}."),
            }
        }
        Event::PauseRequested { by, reason, .. } if reason.is_empty() => format!("{} paused the upgrade.", by.name),
        Event::PauseRequested { by, reason, .. } => format!("{} paused the upgrade {reason}.", by.name),
        Event::ResumeRequested { by, .. } => format!("{} let the upgrade go on.", by.name),
        Event::RollBackRequested { by, reason, .. } => format!("{} asked to roll the upgrade back ({reason}).", by.name),
        Event::RepeatRequested { from, by, reason, .. } => format!("{} asked to repeat from \"{}\" ({reason}).", by.name, from.title()),
        Event::WatchDay { date, checks, .. } => {
            let failed: Vec<&str> = checks
                .iter()
                .filter(|check| check.verdict == Verdict::Fail)
                .map(|check| check.title())
                .collect();
            match failed.is_empty() {
                true => format!("Watched {date}: {} passed.", counted(checks.len() as u64, "check", "checks")),
                false => format!("Watched {date}: did not pass: {}.", failed.join(", ")),
            }
        }
        // Written down before, so that a rollback knows of it even if the power fails in between.
        Event::BooksWritten { stream, written, .. } if written.entries_posted == 0 => format!("Began to post {stream}."),
        Event::BooksWritten { stream, written, .. } => {
            format!("Posted {} of {stream}, {}.", counted(written.entries_posted, "entry", "entries"), written.amount)
        }
        Event::Restarted { .. } => "Changeover was started again in the middle of a step.".to_string(),
    }
}

fn gate_words(gate: Gate) -> &'static str {
    match gate {
        Gate::Start => "to the plan",
        Gate::BeforeCanary => "to the canary",
        Gate::AfterCanary => "to the first wave",
        Gate::BeforeCutOver => "to the cut-over",
        Gate::BeforeFinish => "to finishing",
    }
}

fn outcome_sentence(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done { report } => {
            let bad: Vec<String> = report
                .checks
                .iter()
                .filter(|check| matches!(check.verdict, Verdict::Fail | Verdict::Inconclusive))
                .map(|check| format!("{} ({})", check.title(), check.found))
                .collect();
            let gained = match &report.gained {
                Gained::Nothing => None,
                Gained::RollbackPoint { .. } => Some("took a rollback point and proved it".to_string()),
                Gained::Written { written } => Some(format!(
                    "posted {} of the new connector, {}, and took out {} of the old one",
                    counted(written.entries_posted, "entry", "entries"),
                    written.amount,
                    counted(written.entries_removed, "entry", "entries")
                )),
                Gained::NewAccess { company, permissions } => Some(format!(
                    "signed in to \"{company}\" with {}",
                    counted(permissions.len() as u64, "permission", "permissions")
                )),
                Gained::WatchFrom { date } => Some(format!("the watch began on {date}")),
            };
            match (gained, bad.is_empty(), report.checks.len() as u64) {
                (Some(gained), true, 0) => format!("Done: {gained}."),
                (Some(gained), true, checks) => format!("Done: {gained}; {} passed.", counted(checks, "check", "checks")),
                (Some(gained), false, _) => format!("{gained}; did not pass: {}.", bad.join("; ")),
                (None, true, 0) => "Done.".to_string(),
                (None, true, checks) => format!("Done: {} passed.", counted(checks, "check", "checks")),
                (None, false, _) => format!("Did not pass: {}.", bad.join("; ")),
            }
        }
        Outcome::Failed { problem, .. } => format!("Not done: {} {}", problem.touched.sentence(), problem.what),
        Outcome::Stopped { .. } => "Stopped at a safe point.".to_string(),
    }
}

/// The money a record is about, where it names any.
pub fn amount(entry: &Entry) -> Option<MoneyView> {
    if !entry.kind.starts_with("upgrade.") {
        return None;
    }
    match Event::from_stored(&entry.body).ok()? {
        // Its words name the amount already.
        Event::BooksWritten { .. } => None,
        Event::EffectDone {
            outcome: Outcome::Done { report },
            ..
        } => match report.gained {
            Gained::Written { written } => Some(written.amount.into()),
            Gained::Nothing | Gained::RollbackPoint { .. } | Gained::NewAccess { .. } | Gained::WatchFrom { .. } => None,
        },
        Event::PlanMade { .. }
        | Event::SignedOff { .. }
        | Event::IntentRecorded { .. }
        | Event::EffectDone { .. }
        | Event::EffectInDoubt { .. }
        | Event::EffectResolved { .. }
        | Event::PauseRequested { .. }
        | Event::ResumeRequested { .. }
        | Event::RollBackRequested { .. }
        | Event::RepeatRequested { .. }
        | Event::WatchDay { .. }
        | Event::Restarted { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    fn entry(kind: &str, body: Value) -> Entry {
        Entry {
            seq: 1,
            scope: None,
            kind: kind.to_string(),
            body,
            actor: "owner".to_string(),
            at: jiff::Timestamp::UNIX_EPOCH,
            prev: [0; 32],
            hash: [0; 32],
        }
    }

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for item in std::fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(path);
            }
        }
    }

    /// "area.what" in lower case, as every kind of record is written.
    fn is_kind(text: &str) -> bool {
        let letters = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        text.split_once('.').is_some_and(|(area, what)| letters(area) && letters(what))
    }

    /// Every kind that is handed to the log anywhere in the program: the first text of that form within the call.
    fn kinds() -> BTreeSet<String> {
        let mut files = Vec::new();
        for part in ["engine", "cli", "api"] {
            sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(part).join("src"), &mut files);
        }
        let mut kinds = BTreeSet::new();
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            for call in [".journal(", ".journal_in("] {
                for (at, _) in text.match_indices(call) {
                    // A call ends with its statement; the kind stands before the body.
                    let call = text[at..].split(';').next().unwrap_or_default();
                    kinds.extend(call.split('"').skip(1).step_by(2).find(|text| is_kind(text)).map(str::to_string));
                }
            }
        }
        kinds
    }

    #[test]
    fn every_kind_of_record_that_the_program_writes_has_words_of_its_own() {
        let kinds = kinds();
        for kind in ["books.intent", "company.roles_chosen", "hold.answered", "sync.done", "stream.owner"] {
            assert!(kinds.contains(kind), "the search does not find {kind} any more: {kinds:?}");
        }
        let bare = |kind: &&String| !kind.starts_with("upgrade.") && sentence(&entry(kind, json!({}))) == format!("{kind}.");
        let without: Vec<&String> = kinds.iter().filter(bare).collect();
        assert!(without.is_empty(), "these are shown by their bare names: {without:?}");
        let nowhere: Vec<&String> = kinds.iter().filter(|kind| area(kind) == LogFilter::All && !kind.starts_with("log.")).collect();
        assert!(nowhere.is_empty(), "no filter of the log shows these: {nowhere:?}");
    }

    #[test]
    fn a_record_of_an_unknown_kind_is_shown_by_its_name() {
        assert_eq!(sentence(&entry("weather.changed", json!({}))), "weather.changed.");
        assert_eq!(area("weather.changed"), LogFilter::All);
    }

    #[test]
    fn an_event_that_cannot_be_read_says_so_and_is_not_left_out() {
        let words = sentence(&entry("upgrade.signed_off", json!({"format": 99, "kind": "signed_off"})));
        assert!(
            words.starts_with("upgrade.signed_off: ") && words.contains("cannot be read"),
            "{words}"
        );
    }

    #[test]
    fn one_and_several_are_told_apart() {
        let one = entry(
            "sync.done",
            json!({"records": 1, "version": "2", "posted": 1, "linked": 0, "held": 0}),
        );
        assert_eq!(sentence(&one), "Read 1 new record with connector 2: 1 posted, 0 linked, 0 held.");
    }
}
