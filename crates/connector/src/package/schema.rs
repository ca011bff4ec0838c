//! The fields of a stream's rows, with their kinds: all that rules can see of a record.
//!
//! Fields are written flat: `card_details.card.card_brand: text`, `processing_fee[].type: text`. It must never
//! offer a floating-point kind. A new kind of field is a row in `kind_of` and its reading in `convert.rs`.

use super::expect::{map_of, text_of};
use super::yaml::{Faults, Node};
use crate::rules::{Field, Presence, Shape, Type};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The shape of one stream's rows.
#[derive(Debug, Clone)]
pub(crate) struct Schema {
    pub shape: Arc<Shape>,
}

#[derive(Default)]
struct Tree {
    fields: BTreeMap<String, Branch>,
}

struct Branch {
    line: usize,
    /// What was written for this path itself; None for a step on the way to a deeper one.
    written: Option<(Kind, Presence)>,
    below: Tree,
    is_list: bool,
}

#[derive(Clone, PartialEq)]
enum Kind {
    Plain(Type),
    ListOfObjects,
    ListOf(Type),
}

impl Schema {
    pub fn empty() -> Schema {
        Schema {
            shape: Arc::new(Shape::default()),
        }
    }

    pub fn read(node: &Node, stream: &str, faults: &mut Faults) -> Schema {
        let mut tree = Tree::default();
        for (path, line, value) in map_of(node, "fields", faults) {
            let Some(text) = text_of(value, path, faults) else { continue };
            match kind_of(&text) {
                Ok(written) => tree.insert(path, *line, written, faults),
                Err(reason) => faults.add(value.line, format!("field \"{path}\" of stream {stream}: {reason}")),
            }
        }
        Schema {
            shape: Arc::new(tree.shape(faults)),
        }
    }

    /// The kind at a path of plain names, without lists.
    pub fn at(&self, path: &[String]) -> Option<Type> {
        let mut ty = Type::Object(Arc::clone(&self.shape));
        for name in path {
            let Type::Object(shape) = ty else { return None };
            ty = shape.fields.get(name)?.ty.clone();
        }
        Some(ty)
    }
}

fn kind_of(text: &str) -> Result<(Kind, Presence), String> {
    let (kind, presence) = match (text.strip_suffix(" or nothing"), text.strip_suffix('?')) {
        (Some(kind), _) => (kind, Presence::OrNothing),
        (None, Some(kind)) => (kind, Presence::Maybe),
        (None, None) => (text, Presence::Always),
    };
    let plain = |name: &str| match name {
        "text" => Some(Type::Text),
        "whole" => Some(Type::Whole),
        "truth" => Some(Type::Truth),
        "money" => Some(Type::Money),
        "time" => Some(Type::Time),
        "day" => Some(Type::Day),
        _ => None,
    };
    let kind = match (kind, kind.strip_prefix("list of ")) {
        ("list", _) => Some(Kind::ListOfObjects),
        (_, Some(of)) => plain(of).map(Kind::ListOf),
        (name, None) => plain(name).map(Kind::Plain),
    };
    let kind = kind.ok_or_else(|| {
        format!("\"{text}\" is not a kind of field; known are text, whole, truth, money, time, day, list, list of …, each with \"?\" or \"or nothing\" behind it")
    })?;
    let has_nothing = matches!(
        kind,
        Kind::Plain(Type::Text) | Kind::Plain(Type::Money) | Kind::Plain(Type::Truth) | Kind::ListOfObjects | Kind::ListOf(_)
    );
    if presence == Presence::OrNothing && !has_nothing {
        return Err(format!(
            "\"{text}\": only text, money, truth and lists can read as nothing; use \"?\""
        ));
    }
    Ok((kind, presence))
}

impl Tree {
    fn insert(&mut self, path: &str, line: usize, written: (Kind, Presence), faults: &mut Faults) {
        let (step, rest) = path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)));
        let (name, into_list) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
        let named = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !named || (into_list && rest.is_none()) {
            faults.add(line, format!("\"{path}\" is not a path of fields (a.b or a[].b)"));
            return;
        }
        let fresh = || Branch {
            line,
            written: None,
            below: Tree::default(),
            is_list: false,
        };
        let branch = self.fields.entry(name.to_string()).or_insert_with(fresh);
        branch.is_list |= into_list;
        match rest {
            Some(rest) => branch.below.insert(rest, line, written, faults),
            None if branch.written.is_some() => faults.add(line, format!("the field \"{name}\" is given twice")),
            None => branch.written = Some(written),
        }
    }

    fn shape(self, faults: &mut Faults) -> Shape {
        let mut shape = Shape::default();
        for (name, branch) in self.fields {
            if let Some(field) = branch.field(&name, faults) {
                shape.fields.insert(name, field);
            }
        }
        shape
    }
}

impl Branch {
    fn field(self, name: &str, faults: &mut Faults) -> Option<Field> {
        let has_fields = !self.below.fields.is_empty();
        let line = self.line;
        match (self.written, self.is_list, has_fields) {
            (Some((Kind::ListOfObjects, presence)), _, _) => {
                let below = Arc::new(self.below.shape(faults));
                Some(Field {
                    ty: Type::List(Box::new(Type::Object(below))),
                    presence,
                })
            }
            (Some((Kind::Plain(ty), presence)), false, false) => Some(Field { ty, presence }),
            (Some((Kind::ListOf(ty), presence)), false, false) => Some(Field {
                ty: Type::List(Box::new(ty)),
                presence,
            }),
            // A step on the way: absent reads as an object of nothing, so that a rule need not ask at each step.
            (None, false, true) => {
                let below = Arc::new(self.below.shape(faults));
                Some(Field {
                    ty: Type::Object(below),
                    presence: Presence::OrNothing,
                })
            }
            (None, true, _) => {
                faults.add(line, format!("\"{name}[]\" is used, but \"{name}\" itself is not given as a list"));
                None
            }
            (Some(_), _, _) | (None, false, false) => {
                faults.add(
                    line,
                    format!("\"{name}\" is given both as a plain field and as one with fields of its own"),
                );
                None
            }
        }
    }
}
