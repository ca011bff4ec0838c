//! Each stream is posted by exactly the connector that owns it, as found by asking both.

use super::Probe;
use crate::check::{CheckId, CheckResult, Verdict};
use crate::stage::Owner;
use std::collections::BTreeMap;

pub fn one_owner_per_stream(owners: &BTreeMap<String, Owner>, probes: &[Probe]) -> CheckResult {
    let mut wrong: Vec<String> = Vec::new();
    let mut unclear: Vec<String> = Vec::new();
    for (stream, owner) in owners {
        let Some(probe) = probes.iter().find(|probe| probe.stream == *stream) else {
            unclear.push(format!("{stream}: the connectors were not asked."));
            continue;
        };
        let (old, new) = match owner {
            Owner::Old => (true, false),
            Owner::Fenced => (false, false),
            Owner::New => (false, true),
        };
        for (which, can, should) in [("old", probe.old_posts, old), ("new", probe.new_posts, new)] {
            match can {
                None => unclear.push(format!("{stream}: it is not known whether the {which} connector still posts.")),
                Some(true) if !should => wrong.push(format!("{stream}: the {which} connector posts and must not.")),
                Some(false) if should => wrong.push(format!("{stream}: the {which} connector does not post and should.")),
                Some(true | false) => {}
            }
        }
    }
    let verdict = match (wrong.is_empty(), unclear.is_empty() && !owners.is_empty()) {
        (false, true | false) => Verdict::Fail,
        (true, false) => Verdict::Inconclusive,
        (true, true) => Verdict::Pass,
    };
    let all = owners.len() as u64;
    let found = format!("{} findings in {all} streams", wrong.len() + unclear.len());
    CheckResult::new(
        CheckId::OneOwnerPerStream,
        verdict,
        found,
        format!("one owner in each of {all} streams"),
    )
    .counting(all, all, wrong.len() as u64)
    .detailing(wrong.into_iter().chain(unclear).collect())
}
