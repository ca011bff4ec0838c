//! YAML text as a tree in which every node knows its line, and the list of faults found in it.
//!
//! Only what a package needs: maps, lists and text. Anchors, aliases, tags, several documents and keys given
//! twice are refused, so that what a person reads in the file is what applies. Numbers and yes/no are text
//! here; whoever asks for them reads them. The YAML crate is named nowhere else.

use serde_saphyr::granit_parser::{Event, Parser};

/// Deepest nesting of a package.
const DEEPEST: usize = 24;

/// Everything wrong with one package, by line.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<(usize, String)>);

impl Faults {
    pub fn add(&mut self, line: usize, reason: impl Into<String>) {
        self.0.push((line, reason.into()));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// "file:line: reason", in the order of the file.
    pub fn sentences(mut self, file: &str) -> Vec<String> {
        self.0.sort();
        self.0.dedup();
        self.0
            .into_iter()
            .map(|(line, reason)| format!("{file}:{line}: {reason}"))
            .collect()
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub line: usize,
    pub kind: Kind,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Text(String),
    List(Vec<Node>),
    /// Key, the key's line, value; in the order of the file.
    Map(Vec<(String, usize, Node)>),
}

impl Node {
    pub fn says(&self) -> &'static str {
        match self.kind {
            Kind::Text(_) => "a text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }
}

/// Reads one document. `None` when the text is no readable YAML; the fault says where.
pub(crate) fn read(text: &str, faults: &mut Faults) -> Option<Node> {
    let mut stack: Vec<Open> = Vec::new();
    let mut root: Option<Node> = None;
    let mut documents = 0;
    for item in Parser::new_from_str(text) {
        let (event, span) = match item {
            Ok(item) => item,
            Err(error) => {
                faults.add(error.marker().line(), format!("this is not readable YAML: {}", error.info()));
                return None;
            }
        };
        let line = span.start.line();
        let done = match event {
            Event::Scalar(value, _, anchor, tag) => {
                refuse_extras(anchor, tag.is_some(), line, faults);
                Some(Node {
                    line,
                    kind: Kind::Text(value.into_owned()),
                })
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse_extras(anchor, tag.is_some(), line, faults);
                stack.push(Open::List(line, Vec::new()));
                None
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse_extras(anchor, tag.is_some(), line, faults);
                stack.push(Open::Map(line, Vec::new(), None));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => stack.pop().map(Open::close),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                faults.add(line, "aliases (*name) are not allowed; write the text out");
                Some(Node {
                    line,
                    kind: Kind::Text(String::new()),
                })
            }
            Event::DocumentStart(..) => {
                documents += 1;
                if documents > 1 {
                    faults.add(line, "a package is one document; this starts a second one");
                    return None;
                }
                None
            }
            Event::Anchor(..) | Event::Comment(..) | Event::DocumentEnd | Event::StreamStart | Event::StreamEnd => None,
            _newer_kinds => {
                faults.add(line, "this kind of YAML is not understood");
                return None;
            }
        };
        if stack.len() > DEEPEST {
            faults.add(line, format!("this is nested more than {DEEPEST} levels deep"));
            return None;
        }
        let Some(node) = done else { continue };
        match stack.last_mut() {
            Some(open) => open.take(node, faults),
            None => root = Some(node),
        }
    }
    if root.is_none() {
        faults.add(1, "the file is empty");
    }
    root
}

fn refuse_extras(anchor: usize, tagged: bool, line: usize, faults: &mut Faults) {
    if anchor != 0 {
        faults.add(line, "anchors (&name) are not allowed; write the text out");
    }
    if tagged {
        faults.add(line, "tags (!name) are not allowed");
    }
}

enum Open {
    List(usize, Vec<Node>),
    Map(usize, Vec<(String, usize, Node)>, Option<(String, usize)>),
}

impl Open {
    fn take(&mut self, node: Node, faults: &mut Faults) {
        match self {
            Open::List(_, items) => items.push(node),
            Open::Map(_, entries, key) => match key.take() {
                Some((name, line)) => {
                    if entries.iter().any(|(known, _, _)| *known == name) {
                        faults.add(line, format!("\"{name}\" is given twice"));
                    }
                    entries.push((name, line, node));
                }
                None => match node.kind {
                    Kind::Text(name) => *key = Some((name, node.line)),
                    Kind::List(_) | Kind::Map(_) => {
                        faults.add(node.line, "a key must be a text");
                        *key = Some((String::new(), node.line));
                    }
                },
            },
        }
    }

    fn close(self) -> Node {
        match self {
            Open::List(line, items) => Node {
                line,
                kind: Kind::List(items),
            },
            Open::Map(line, entries, _) => Node {
                line,
                kind: Kind::Map(entries),
            },
        }
    }
}
