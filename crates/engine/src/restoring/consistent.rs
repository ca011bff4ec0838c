//! What is known of a connection's movements, made to fit a book that was put in place of another.
//!
//! Pure. A movement counts as posted only if its entry is in the book that is there now. What was posted after the backup is forgotten, so
//! that the next fetch looks at it again; an entry that a person had taken out stays out. Nothing is ever considered posted on the word of
//! a list alone.

use crate::store::movement::{Identity, KeyState, Known, KnownEntry};
use ledger::EntryKey;
use std::collections::{BTreeMap, BTreeSet};

/// What a backup says was known when it was taken.
#[derive(Debug, Clone, Default)]
pub struct KnownThen {
    pub identities: Vec<Identity>,
    pub entries: Vec<KnownEntry>,
}

/// What has to be forgotten and noted for one connection.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Consistent {
    pub forget_keys: BTreeSet<EntryKey>,
    pub forget_entries: BTreeSet<String>,
    pub put_identities: Vec<Identity>,
    pub put_entries: Vec<KnownEntry>,
    /// Movements that were posted and are not in the book now: the next fetch looks at them again.
    pub again: u64,
    /// Movements that were linked to an entry which a person typed and which is not in the book now: held or posted by the next fetch.
    pub unlinked: u64,
    /// Movements whose entry a person had taken out of the book before; they stay out.
    pub stay_out: u64,
}

/// `now` and `before` are the ids of all entries in the book that is in place, and in the one that it replaced.
pub fn consistent(then: &KnownThen, today: &Known, now: &BTreeSet<String>, before: &BTreeSet<String>) -> Consistent {
    let mut out = Consistent::default();
    // The list of the backup belongs to this very book, so where both know a movement, the backup's word counts.
    let of_then: BTreeMap<&EntryKey, &Identity> =
        then.identities.iter().filter(|i| i.state != KeyState::Excluded && now.contains(&i.entry_id)).map(|i| (&i.key, i)).collect();
    for (key, identity) in &of_then {
        match today.identities.get(*key) {
            Some(same) if same == *identity => {}
            Some(_) => {
                out.forget_keys.insert((*key).clone());
                out.put_identities.push((*identity).clone());
            }
            None => out.put_identities.push((*identity).clone()),
        }
    }
    let mut posted: Vec<&EntryKey> = Vec::new();
    for identity in today.identities.values().filter(|i| !of_then.contains_key(&i.key)) {
        match identity.state {
            KeyState::Excluded => {}
            KeyState::Posted | KeyState::Linked if now.contains(&identity.entry_id) => {}
            KeyState::Posted | KeyState::Linked if !before.contains(&identity.entry_id) => out.stay_out += 1,
            KeyState::Posted => {
                posted.push(&identity.key);
                out.forget_keys.insert(identity.key.clone());
            }
            KeyState::Linked => {
                out.unlinked += 1;
                out.forget_keys.insert(identity.key.clone());
            }
        }
    }
    // A movement that an upgrade moved to another name is in the book where its other name is.
    let is_there = |key: &EntryKey| of_then.contains_key(key) || (today.identities.contains_key(key) && !out.forget_keys.contains(key));
    let newer_of: BTreeSet<&EntryKey> = today.old_of.iter().filter(|(new, _)| is_there(new)).flat_map(|(_, old)| old).collect();
    let by_another_name = |key: &EntryKey| newer_of.contains(key) || today.old_of.get(key).is_some_and(|old| old.iter().any(is_there));
    out.again = posted.into_iter().filter(|key| !by_another_name(key)).count() as u64;
    let entries_then: BTreeMap<&str, &KnownEntry> =
        then.entries.iter().filter(|e| now.contains(&e.entry_id)).map(|e| (e.entry_id.as_str(), e)).collect();
    for (id, entry) in &entries_then {
        match today.entries.get(*id) {
            Some(same) if same == *entry => {}
            Some(_) => {
                out.forget_entries.insert((*id).to_string());
                out.put_entries.push((*entry).clone());
            }
            None => out.put_entries.push((*entry).clone()),
        }
    }
    let gone = today.entries.keys().filter(|id| !now.contains(*id) && before.contains(*id));
    out.forget_entries.extend(gone.cloned());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn identity(key: &str, state: KeyState, entry: &str) -> Identity {
        Identity {
            key: EntryKey::new(key).unwrap(),
            state,
            entry_id: entry.into(),
            version: "1".into(),
            content: "c".into(),
            stream: "payments".into(),
            record: key.into(),
            instant: Timestamp::UNIX_EPOCH,
        }
    }

    fn known(all: &[(&str, KeyState, &str)]) -> Known {
        let mut known = Known::default();
        for (key, state, entry) in all {
            known.identities.insert(EntryKey::new(*key).unwrap(), identity(key, *state, entry));
        }
        known
    }

    fn ids(all: &[&str]) -> BTreeSet<String> {
        all.iter().map(|id| id.to_string()).collect()
    }

    #[test]
    fn posted_since_is_looked_at_again_taken_out_by_a_person_stays_out_and_a_decision_stands() {
        let then = KnownThen { identities: vec![identity("sq:1", KeyState::Posted, "e1"), identity("sq:9", KeyState::Posted, "e9")], entries: Vec::new() };
        let today = known(&[
            ("sq:1", KeyState::Posted, "e1"),
            ("sq:2", KeyState::Posted, "e2"),
            ("sq:3", KeyState::Linked, "typed"),
            ("sq:4", KeyState::Excluded, ""),
            ("sq:9", KeyState::Posted, "e9"),
        ]);
        // e9 was deleted by a person before the backup: it is in neither book.
        let found = consistent(&then, &today, &ids(&["e1", "p"]), &ids(&["e1", "e2", "typed", "p"]));
        assert_eq!((found.again, found.unlinked, found.stay_out), (1, 1, 1));
        let forgotten: Vec<&str> = found.forget_keys.iter().map(|key| key.as_str()).collect();
        assert_eq!(forgotten, ["sq:2", "sq:3"]);
        assert!(found.put_identities.is_empty());
    }

    #[test]
    fn what_an_upgrade_replaced_since_is_known_again_as_it_was() {
        let then = KnownThen { identities: vec![identity("old:1", KeyState::Posted, "a")], entries: Vec::new() };
        let today = known(&[("new:1", KeyState::Posted, "b")]);
        let found = consistent(&then, &today, &ids(&["a"]), &ids(&["b"]));
        assert_eq!(found.put_identities, [identity("old:1", KeyState::Posted, "a")]);
        assert!(found.forget_keys.contains(&EntryKey::new("new:1").unwrap()) && found.again == 1);
    }

    #[test]
    fn putting_back_what_is_there_already_changes_nothing() {
        let then = KnownThen { identities: vec![identity("sq:1", KeyState::Posted, "e1")], entries: Vec::new() };
        let today = known(&[("sq:1", KeyState::Posted, "e1"), ("sq:4", KeyState::Excluded, "")]);
        assert_eq!(consistent(&then, &today, &ids(&["e1"]), &ids(&["e1"])), Consistent::default());
    }

    #[test]
    fn a_payment_that_is_in_the_book_under_its_other_name_is_not_called_missing() {
        let mut today = known(&[("new:1", KeyState::Posted, "b"), ("new:2", KeyState::Posted, "c")]);
        today.alias(&[connector::Alias {
            old: EntryKey::new("old:1").unwrap(),
            new: EntryKey::new("new:1").unwrap(),
            class: 'A',
            via: "id".into(),
        }]);
        let then = KnownThen { identities: vec![identity("old:1", KeyState::Posted, "a")], entries: Vec::new() };
        let found = consistent(&then, &today, &ids(&["a"]), &ids(&["b", "c"]));
        assert_eq!((found.forget_keys.len(), found.again), (2, 1));
    }

    /// For any two books and any two lists: afterwards nothing is called posted that the book does not hold, but for what a person took
    /// out; and nothing that both the backup's list and the book hold is forgotten, so nothing can be posted twice.
    #[test]
    fn nothing_is_considered_posted_that_is_not_there_and_nothing_there_is_forgotten() {
        let mut seed = 7_u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for _ in 0..500 {
            let mut some = |most: u64| (0..next(most)).map(|_| next(12)).collect::<BTreeSet<u64>>();
            let (book_then, book_before, list_then, list_today) = (some(12), some(12), some(12), some(12));
            let name = |n: &u64| format!("e{n}");
            let then = KnownThen {
                identities: list_then.iter().map(|n| identity(&format!("k:{n}"), KeyState::Posted, &name(n))).collect(),
                entries: Vec::new(),
            };
            let keys: Vec<(String, String)> = list_today.iter().map(|n| (format!("k:{n}"), name(n))).collect();
            let today = known(&keys.iter().map(|(k, e)| (k.as_str(), KeyState::Posted, e.as_str())).collect::<Vec<_>>());
            let (now, before): (BTreeSet<String>, BTreeSet<String>) = (book_then.iter().map(name).collect(), book_before.iter().map(name).collect());
            let found = consistent(&then, &today, &now, &before);
            let mut after = today.identities.clone();
            after.retain(|key, _| !found.forget_keys.contains(key));
            for put in &found.put_identities {
                assert!(after.insert(put.key.clone(), put.clone()).is_none(), "a key that is put is free");
            }
            let not_there = after.values().filter(|i| !now.contains(&i.entry_id)).count() as u64;
            assert_eq!(not_there, found.stay_out);
            assert!(after.values().filter(|i| !now.contains(&i.entry_id)).all(|i| !before.contains(&i.entry_id)));
            assert!(then.identities.iter().filter(|i| now.contains(&i.entry_id)).all(|i| after.contains_key(&i.key)));
            assert!(today.identities.values().filter(|i| now.contains(&i.entry_id)).all(|i| after.contains_key(&i.key)));
        }
    }
}
