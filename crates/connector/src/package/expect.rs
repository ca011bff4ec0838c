//! Asking a YAML node for what must be there, and noting a fault where it is not.
//!
//! A reader takes a [`Fields`], asks for each name once, and closes it: names nobody asked for are
//! unknown fields. It must never guess: a wrong kind of value is a fault and counts as absent.

use super::yaml::{Faults, Kind, Node};
use std::str::FromStr;

/// The fields of one map of the file.
pub(crate) struct Fields<'n> {
    /// What the map is, for the faults: "stream payments".
    pub what: String,
    pub line: usize,
    entries: Vec<(&'n str, usize, &'n Node)>,
    known: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    pub fn of(node: &'n Node, what: impl Into<String>, faults: &mut Faults) -> Option<Fields<'n>> {
        let what = what.into();
        match &node.kind {
            Kind::Map(entries) => Some(Fields {
                what,
                line: node.line,
                entries: entries.iter().map(|(name, line, value)| (name.as_str(), *line, value)).collect(),
                known: Vec::new(),
            }),
            Kind::Text(_) | Kind::List(_) => {
                faults.add(node.line, format!("{what} must be a map of fields, not {}", node.says()));
                None
            }
        }
    }

    pub fn optional(&mut self, name: &'static str) -> Option<&'n Node> {
        self.known.push(name);
        let at = self.entries.iter().position(|(known, _, _)| *known == name)?;
        Some(self.entries.remove(at).2)
    }

    pub fn required(&mut self, name: &'static str, faults: &mut Faults) -> Option<&'n Node> {
        let found = self.optional(name);
        if found.is_none() {
            faults.add(self.line, format!("{} lacks the field \"{name}\"", self.what));
        }
        found
    }

    pub fn text(&mut self, name: &'static str, faults: &mut Faults) -> Option<String> {
        self.required(name, faults).and_then(|node| text_of(node, name, faults))
    }

    pub fn optional_text(&mut self, name: &'static str, faults: &mut Faults) -> Option<String> {
        self.optional(name).and_then(|node| text_of(node, name, faults))
    }

    pub fn list(&mut self, name: &'static str, faults: &mut Faults) -> &'n [Node] {
        self.required(name, faults)
            .map(|node| list_of(node, name, faults))
            .unwrap_or_default()
    }

    pub fn optional_list(&mut self, name: &'static str, faults: &mut Faults) -> &'n [Node] {
        self.optional(name).map(|node| list_of(node, name, faults)).unwrap_or_default()
    }

    /// A list of names, each read as `T`.
    pub fn names<T: FromStr<Err = String>>(&mut self, name: &'static str, faults: &mut Faults) -> Vec<(T, usize)> {
        let nodes = self.list(name, faults);
        nodes
            .iter()
            .filter_map(|node| parsed(node, name, faults).map(|value| (value, node.line)))
            .collect()
    }

    pub fn optional_number(&mut self, name: &'static str, largest: i64, faults: &mut Faults) -> Option<i64> {
        let node = self.optional(name)?;
        let text = text_of(node, name, faults)?;
        match text.parse::<i64>() {
            Ok(number) if (0..=largest).contains(&number) => Some(number),
            Ok(_) | Err(_) => {
                faults.add(
                    node.line,
                    format!("\"{name}\" must be a whole number from 0 to {largest}, not \"{text}\""),
                );
                None
            }
        }
    }

    pub fn optional_yes(&mut self, name: &'static str, faults: &mut Faults) -> bool {
        let Some(node) = self.optional(name) else { return false };
        match text_of(node, name, faults).as_deref() {
            Some("true") => true,
            Some("false") | None => false,
            Some(other) => {
                faults.add(node.line, format!("\"{name}\" must be true or false, not \"{other}\""));
                false
            }
        }
    }

    /// Names nobody asked for are unknown fields.
    pub fn close(self, faults: &mut Faults) {
        for (name, line, _) in &self.entries {
            let known = self.known.join(", ");
            faults.add(*line, format!("unknown field \"{name}\" in {}; known are {known}", self.what));
        }
    }
}

pub(crate) fn text_of(node: &Node, name: &str, faults: &mut Faults) -> Option<String> {
    match &node.kind {
        Kind::Text(text) if !text.trim().is_empty() => Some(text.trim().to_string()),
        Kind::Text(_) => {
            faults.add(node.line, format!("\"{name}\" is empty"));
            None
        }
        Kind::List(_) | Kind::Map(_) => {
            faults.add(node.line, format!("\"{name}\" must be a text, not {}", node.says()));
            None
        }
    }
}

pub(crate) fn list_of<'n>(node: &'n Node, name: &str, faults: &mut Faults) -> &'n [Node] {
    match &node.kind {
        Kind::List(items) => items,
        Kind::Text(_) | Kind::Map(_) => {
            faults.add(node.line, format!("\"{name}\" must be a list, not {}", node.says()));
            &[]
        }
    }
}

pub(crate) fn map_of<'n>(node: &'n Node, name: &str, faults: &mut Faults) -> &'n [(String, usize, Node)] {
    match &node.kind {
        Kind::Map(entries) => entries,
        Kind::Text(_) | Kind::List(_) => {
            faults.add(node.line, format!("\"{name}\" must be a map, not {}", node.says()));
            &[]
        }
    }
}

pub(crate) fn parsed<T: FromStr<Err = String>>(node: &Node, name: &str, faults: &mut Faults) -> Option<T> {
    let text = text_of(node, name, faults)?;
    match text.parse() {
        Ok(value) => Some(value),
        Err(reason) => {
            faults.add(node.line, reason);
            None
        }
    }
}
