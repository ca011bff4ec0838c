//! What makes sense only when the whole package (or two of them) is known.
//!
//! Permissions cover streams, names point to something, parents come first, ids are unique, and a newer
//! version knows every key of the one it replaces. A new check is a function here, called by `package`.

use super::postings::Outcome;
use super::yaml::Faults;
use super::{Package, PermissionNeed, PutParent, Stream, Supersedes};
use crate::rules::Type;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn package(
    streams: &[(Stream, usize)],
    permissions: &[(PermissionNeed, usize)],
    supersedes: Option<&(Supersedes, Vec<usize>)>,
    faults: &mut Faults,
) {
    let names: BTreeSet<&str> = streams.iter().map(|(stream, _)| stream.name.as_str()).collect();
    unique_names(streams, faults);
    permissions_cover_streams(streams, permissions, &names, faults);
    parents_come_first(streams, &names, faults);
    for (stream, line) in streams {
        settled_parts_exist(stream, *line, streams, faults);
        joins_can_be_found(stream, *line, faults);
    }
    if let Some((supersedes, lines)) = supersedes {
        for (change, line) in supersedes.expected_changes.iter().zip(lines) {
            for stream in change.streams.iter().filter(|stream| !names.contains(stream.as_str())) {
                faults.add(*line, format!("unknown stream \"{stream}\" in the expected change {}", change.id));
            }
        }
    }
}

fn unique_names(streams: &[(Stream, usize)], faults: &mut Faults) {
    let mut seen = BTreeSet::new();
    for (stream, line) in streams {
        if !seen.insert(&stream.name) {
            faults.add(*line, format!("stream {} is given twice", stream.name));
        }
        let Some(reader) = &stream.reader else { continue };
        let mut rules = BTreeSet::new();
        for posting in &reader.postings {
            if !rules.insert(&posting.name) {
                faults.add(
                    *line,
                    format!("stream {} has two posting rules called {}", stream.name, posting.name),
                );
            }
        }
    }
}

fn permissions_cover_streams(
    streams: &[(Stream, usize)],
    permissions: &[(PermissionNeed, usize)],
    names: &BTreeSet<&str>,
    faults: &mut Faults,
) {
    for (permission, line) in permissions {
        for stream in permission.streams.iter().filter(|stream| !names.contains(stream.as_str())) {
            faults.add(
                *line,
                format!("unknown stream \"{stream}\" in the permission {}", permission.permission),
            );
        }
    }
    for (stream, line) in streams {
        match permissions
            .iter()
            .find(|(permission, _)| permission.permission == stream.permission)
        {
            None => faults.add(
                *line,
                format!(
                    "stream {} needs the permission {}, which the package does not ask for",
                    stream.name, stream.permission
                ),
            ),
            Some((permission, at)) if !permission.streams.contains(&stream.name) => {
                faults.add(
                    *at,
                    format!(
                        "the permission {} does not name stream {}, which needs it",
                        permission.permission, stream.name
                    ),
                );
            }
            Some(_) => {}
        }
    }
}

fn parents_come_first(streams: &[(Stream, usize)], names: &BTreeSet<&str>, faults: &mut Faults) {
    let mut before: BTreeMap<&str, &Stream> = BTreeMap::new();
    for (stream, line) in streams {
        if let Some(parents) = &stream.source.parents {
            for (parent, by) in &parents.of {
                match before.get(parent.as_str()) {
                    Some(found) if found.schema.at(by) == Some(Type::Text) => {}
                    Some(_) => faults.add(
                        *line,
                        format!("the field \"{}\" is not a text field of stream {parent}", by.join(".")),
                    ),
                    None if names.contains(parent.as_str()) => faults.add(
                        *line,
                        format!("stream {} must stand after stream {parent}, which it is read for", stream.name),
                    ),
                    None => faults.add(*line, format!("unknown stream \"{parent}\" in for_each of stream {}", stream.name)),
                }
            }
        } else if stream.source.path.contains('{') {
            faults.add(
                *line,
                format!("the path of stream {} has a place to fill, but no for_each", stream.name),
            );
        }
        before.insert(&stream.name, stream);
    }
}

/// A settlement's parts are parts that exist, and its entries are asked for by it.
fn settled_parts_exist(stream: &Stream, line: usize, streams: &[(Stream, usize)], faults: &mut Faults) {
    let Some(settles) = stream.reader.as_ref().and_then(|reader| reader.settles.as_ref()) else {
        return;
    };
    let has_part = |name: &str, part: &str| {
        streams
            .iter()
            .any(|(stream, _)| stream.name == name && part_names(stream).contains(part))
    };
    if !has_part(&stream.name, &settles.part) {
        faults.add(settles.line, format!("stream {} has no part called {}", stream.name, settles.part));
    }
    for member in &settles.members {
        for part in member.parts.iter().filter(|part| !has_part(&member.stream, part)) {
            faults.add(member.line, format!("stream {} has no part called {part}", member.stream));
        }
    }
    let entries = streams.iter().find(|(other, _)| other.name == settles.entries);
    let asked_by_row = entries.is_some_and(|(other, _)| {
        let by_row = other.source.parents.as_ref().is_some_and(|parents| match parents.put {
            PutParent::Path(_) | PutParent::Query(_) => true,
            PutParent::Body(..) => false,
        });
        by_row || other.source.parent.is_some()
    });
    if entries.is_some() && !asked_by_row {
        faults.add(
            line,
            format!(
                "the rows of stream {} do not say which row of {} they belong to",
                settles.entries, stream.name
            ),
        );
    }
}

fn part_names(stream: &Stream) -> BTreeSet<&str> {
    let postings = stream.reader.iter().flat_map(|reader| &reader.postings);
    postings
        .flat_map(|posting| match &posting.outcome {
            Outcome::Exclude(_) => [].iter(),
            Outcome::Post { parts, .. } => parts.iter(),
        })
        .map(|part| part.name.as_str())
        .collect()
}

fn joins_can_be_found(stream: &Stream, line: usize, faults: &mut Faults) {
    let Some(reader) = &stream.reader else { return };
    let mut names = BTreeSet::from(["r", "zero", "e"]);
    for join in &reader.joins {
        if !names.insert(&join.name) {
            faults.add(
                join.line.max(line),
                format!("the name \"{}\" of a join is already taken", join.name),
            );
        }
    }
}

/// Faults that show only beside the older package: keys which it posts and the newer one does not know.
pub(crate) fn superseded_faults(new: &Package, old: &Package) -> Vec<String> {
    let known: BTreeSet<&String> = new.key_rules.was.iter().collect();
    let lost = old.key_rules.posted.iter().filter(|(key, _)| !known.contains(key));
    lost.map(|(key, line)| {
        format!(
            "{}:1: version {} posts under the key {key} ({}:{line}), which no \"was\" of version {} names",
            new.file, old.version, old.file, new.version
        )
    })
    .collect()
}
