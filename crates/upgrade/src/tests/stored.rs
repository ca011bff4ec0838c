//! The stored form of events.

use super::*;
use crate::event::KINDS;
use crate::refusal::{E_EVENT_FORMAT, E_EVENT_UNKNOWN};
use serde_json::json;

#[test]
fn an_unknown_kind_or_format_is_refused_by_name() {
    let unknown = Event::from_stored(&json!({"format": 1, "kind": "teleported", "body": {}})).unwrap_err();
    assert_eq!(unknown.code, E_EVENT_UNKNOWN);
    assert!(unknown.what.contains("\"teleported\""));
    for (stored, says) in [
        (
            json!({"format": 2, "kind": "restarted", "body": {"at": "2026-01-01T00:00:00Z"}}),
            "Its format is 2",
        ),
        (
            json!({"kind": "restarted", "body": {"at": "2026-01-01T00:00:00Z"}}),
            "Its format is none",
        ),
        (json!({"format": 1, "kind": "restarted", "body": {}}), "missing field `at`"),
        (
            json!({"format": 1, "kind": "effect_done", "body": {"effect_id": "e", "at": "2026-01-01T00:00:00Z", "outcome": {"outcome": "exploded"}}}),
            "exploded",
        ),
    ] {
        let problem = Event::from_stored(&stored).unwrap_err();
        assert_eq!(problem.code, E_EVENT_FORMAT, "{stored}");
        assert!(problem.why[0].contains(says), "{}", problem.why[0]);
    }
}

#[test]
fn an_unknown_check_or_verdict_in_the_journal_is_refused() {
    let mut player = Player::planned().until_doing(Stage::BackedUp);
    player.run();
    let stored = player.events.last().unwrap().to_stored().unwrap().to_string();
    for (known, strange) in [("backup_proved", "backup_smelled"), ("\"pass\"", "\"skipped\"")] {
        assert!(stored.contains(known));
        let changed = serde_json::from_str(&stored.replace(known, strange)).unwrap();
        assert_eq!(Event::from_stored(&changed).unwrap_err().code, E_EVENT_FORMAT);
    }
}

#[test]
fn every_kind_is_listed_and_named_as_it_is_stored() {
    let player = Player::planned().to_the_end();
    for event in &player.events {
        let stored = event.to_stored().unwrap();
        assert_eq!(stored["kind"], event.kind());
        assert!(KINDS.contains(&event.kind()));
    }
}

#[test]
fn stages_and_shares_keep_their_stored_names() {
    for stage in Stage::all(3) {
        assert_eq!(stage.name().parse::<Stage>().unwrap(), stage);
    }
    assert!("wave_0".parse::<Stage>().is_err() && "waved".parse::<Stage>().is_err());
    let player = Player::planned().to_the_end();
    let text = serde_json::to_string(&player.state).unwrap();
    assert_eq!(serde_json::from_str::<State>(&text).unwrap(), player.state);
}

#[test]
fn every_code_is_listed_once() {
    let mut codes: Vec<&str> = crate::codes().map(|code| code.0).collect();
    codes.sort();
    let count = codes.len();
    codes.dedup();
    assert_eq!((codes.len(), count), (15, 15));
}
