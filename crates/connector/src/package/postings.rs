//! Posting rules: what a stream's records become, as read from the package and compiled.
//!
//! Every record meets the rules in order; the first whose `when` holds decides; `otherwise: hold` ends every
//! list, so a record that nobody thought of is held, never dropped. A new statement of a rule is a field
//! here, read below, obeyed in `map/`.

use super::expect::{Fields, list_of, parsed, text_of};
use super::schema::Schema;
use super::yaml::{Faults, Node};
use crate::rules::{Rule, Scope, Shape, Sum, Type, compile};
use ledger::Role;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How the records of one stream are understood.
#[derive(Debug)]
pub(crate) struct Reader {
    pub joins: Vec<Join>,
    pub postings: Vec<Posting>,
    /// Words for records that no rule knows.
    pub otherwise: String,
    pub settles: Option<Settles>,
}

/// A row of another stream that a record is read together with.
#[derive(Debug)]
pub(crate) struct Join {
    pub name: String,
    pub stream: String,
    pub by: Vec<String>,
    /// The fields of the joined rows.
    pub shape: Arc<Shape>,
    pub line: usize,
}

#[derive(Debug)]
pub(crate) struct Posting {
    pub name: String,
    pub when: Rule,
    pub lets: Vec<(String, Rule)>,
    /// What must be true of the record, and the words when it is not.
    pub assume: Vec<(Rule, String)>,
    pub outcome: Outcome,
}

#[derive(Debug)]
pub(crate) enum Outcome {
    Exclude(Excluding),
    Post {
        description: Rule,
        reference: Option<Rule>,
        parts: Vec<Part>,
    },
}

/// Why a record moves nothing here, in words.
#[derive(Debug)]
pub(crate) struct Excluding {
    pub words: String,
}

#[derive(Debug)]
pub(crate) struct Part {
    pub name: String,
    /// The list to go through, and the element's name in the part's rules.
    pub each: Option<(Rule, String)>,
    pub when: Option<Rule>,
    pub key: Rule,
    pub what: String,
    pub instant: Rule,
    pub date: Option<Rule>,
    pub was: Vec<Was>,
    pub lines: Vec<Line>,
    pub line: usize,
}

/// The key under which an older version posted the same part.
#[derive(Debug)]
pub(crate) struct Was {
    /// False: the older version cannot have posted this one.
    pub when: Option<Rule>,
    pub key: Rule,
    pub class: char,
    pub via: String,
}

#[derive(Debug)]
pub(crate) struct Line {
    pub role: Role,
    pub amount: Rule,
    pub when: Option<Rule>,
}

/// A record that settles others: a payout with its entries.
#[derive(Debug)]
pub(crate) struct Settles {
    /// The part of the record's draft that is the settlement.
    pub part: String,
    pub amount: Rule,
    pub fee: Rule,
    pub entries: String,
    pub net: Rule,
    pub members: Vec<Members>,
    pub line: usize,
}

/// Which parts of which record an entry of a settlement stands for.
#[derive(Debug)]
pub(crate) struct Members {
    pub when: Rule,
    pub stream: String,
    pub record: Rule,
    pub parts: Vec<String>,
    /// Only those of the parts that change the processor's balance by this much.
    pub moves: Option<Rule>,
    pub line: usize,
}

/// What reading a stream's rules needs to know of the others.
pub(super) struct Around<'a> {
    pub stream: &'a str,
    pub schemas: &'a BTreeMap<String, Schema>,
}

pub(super) fn reader(fields: &mut Fields, around: &Around, faults: &mut Faults) -> Option<Reader> {
    let joins = fields.optional("joins").map(|node| joins(node, around, faults)).unwrap_or_default();
    let scope = scope(around, &joins);
    let settles = fields.optional("settles").and_then(|node| settles(node, &scope, around, faults));
    let node = fields.optional("postings")?;
    let mut otherwise = None;
    let mut postings = Vec::new();
    let items = list_of(node, "postings", faults);
    for (at, item) in items.iter().enumerate() {
        let Some(mut fields) = Fields::of(item, format!("a posting rule of stream {}", around.stream), faults) else {
            continue;
        };
        match fields.optional("otherwise") {
            Some(action) => {
                if at + 1 < items.len() {
                    faults.add(item.line, "\"otherwise\" must be the last posting rule of its stream");
                }
                if text_of(action, "otherwise", faults).is_some_and(|action| action != "hold") {
                    faults.add(
                        action.line,
                        "\"otherwise\" can only be \"hold\"; what nobody knows must never be dropped or posted",
                    );
                }
                otherwise = fields.text("because", faults);
                fields.close(faults);
            }
            None => postings.extend(posting(fields, &scope, around, faults)),
        }
    }
    let ends = items.last().is_some_and(
        |item| matches!(&item.kind, super::yaml::Kind::Map(entries) if entries.iter().any(|(name, _, _)| name == "otherwise")),
    );
    if !ends {
        faults.add(
            node.line,
            format!(
                "the posting rules of stream {} lack the last one, \"otherwise: hold\"",
                around.stream
            ),
        );
    }
    Some(Reader {
        joins,
        postings,
        otherwise: otherwise.unwrap_or_default(),
        settles,
    })
}

fn scope(around: &Around, joins: &[Join]) -> Scope {
    let own = around
        .schemas
        .get(around.stream)
        .map(|schema| Arc::clone(&schema.shape))
        .unwrap_or_default();
    let mut scope = Scope::default().with("r", Type::Object(own)).with("zero", Type::Money);
    for join in joins {
        if let Some(schema) = around.schemas.get(&join.stream) {
            scope = scope.with(&join.name, Type::Object(Arc::clone(&schema.shape)));
        }
    }
    scope
}

fn joins(node: &Node, around: &Around, faults: &mut Faults) -> Vec<Join> {
    let mut joins = Vec::new();
    for item in list_of(node, "joins", faults) {
        let Some(mut fields) = Fields::of(item, format!("a join of stream {}", around.stream), faults) else {
            continue;
        };
        let name = fields.text("as", faults);
        let stream = fields.text("stream", faults);
        let by = fields
            .text("by", faults)
            .map(|path| path.split('.').map(str::to_string).collect::<Vec<_>>());
        fields.close(faults);
        let (Some(name), Some(stream), Some(by)) = (name, stream, by) else {
            continue;
        };
        let Some(joined) = around.schemas.get(&stream) else {
            faults.add(
                item.line,
                format!("unknown stream \"{stream}\" in a join of stream {}", around.stream),
            );
            continue;
        };
        let own = around.schemas.get(around.stream).and_then(|schema| schema.at(&by));
        if own != Some(Type::Text) {
            faults.add(
                item.line,
                format!("the field \"{}\" is not a text field of stream {}", by.join("."), around.stream),
            );
        }
        joins.push(Join {
            name,
            shape: Arc::clone(&joined.shape),
            stream,
            by,
            line: item.line,
        });
    }
    joins
}

fn posting(mut fields: Fields, scope: &Scope, around: &Around, faults: &mut Faults) -> Option<Posting> {
    let line = fields.line;
    let name = fields.text("rule", faults);
    let when = rule(fields.required("when", faults), scope, &[Type::Truth], faults);
    let (lets, scope) = lets(fields.optional("let"), scope, faults);
    let assume = assumptions(fields.optional_list("assume", faults), &scope, faults);
    let exclude = fields.optional_text("exclude", faults);
    let outcome = match exclude {
        Some(words) => Some(Outcome::Exclude(Excluding { words })),
        None => {
            let description = rule(fields.required("description", faults), &scope, &[Type::Text], faults);
            let reference = rule(fields.optional("reference"), &scope, &[Type::Text], faults);
            let nodes = fields.list("parts", faults);
            if nodes.is_empty() {
                faults.add(line, "a posting rule needs at least one part, or \"exclude\" with words");
            }
            let parts: Vec<Part> = nodes.iter().filter_map(|node| part(node, &scope, faults)).collect();
            description.map(|description| Outcome::Post {
                description,
                reference,
                parts,
            })
        }
    };
    let what = format!(
        "posting rule {} of stream {}",
        name.as_deref().unwrap_or("without a name"),
        around.stream
    );
    fields.what = what;
    fields.close(faults);
    Some(Posting {
        name: name?,
        when: when?,
        lets,
        assume,
        outcome: outcome?,
    })
}

fn lets(node: Option<&Node>, scope: &Scope, faults: &mut Faults) -> (Vec<(String, Rule)>, Scope) {
    let mut scope = scope.clone();
    let mut lets = Vec::new();
    for (name, line, value) in node.map(|node| super::expect::map_of(node, "let", faults)).unwrap_or_default() {
        if scope.has(name) {
            faults.add(*line, format!("the name \"{name}\" is already taken"));
        }
        let source = text_of(value, name, faults);
        if let Some(rule) = source.and_then(|source| compiled(&source, value.line, &scope, &[], faults)) {
            scope = scope.with(name, rule.ty.clone());
            lets.push((name.clone(), rule));
        } else {
            // Later rules are checked as if it were there, so that one fault is not told many times.
            scope = scope.with(name, Type::Any);
        }
    }
    (lets, scope)
}

fn assumptions(nodes: &[Node], scope: &Scope, faults: &mut Faults) -> Vec<(Rule, String)> {
    let mut assume = Vec::new();
    for node in nodes {
        let Some(mut fields) = Fields::of(node, "an assumption", faults) else {
            continue;
        };
        let that = rule(fields.required("that", faults), scope, &[Type::Truth], faults);
        let words = fields.text("else", faults);
        fields.close(faults);
        if let (Some(that), Some(words)) = (that, words) {
            assume.push((that, words));
        }
    }
    assume
}

fn part(node: &Node, scope: &Scope, faults: &mut Faults) -> Option<Part> {
    let mut fields = Fields::of(node, "a part", faults)?;
    let name = fields.text("part", faults);
    fields.what = format!("part {}", name.as_deref().unwrap_or("without a name"));
    let mut scope = scope.clone();
    let each = fields.optional("each").and_then(|node| {
        let rule = rule(Some(node), &scope, &[], faults)?;
        let Type::List(of) = rule.ty.clone() else {
            faults.add(node.line, format!("\"each\" needs a list, not a {}", rule.ty));
            return None;
        };
        Some((rule, *of))
    });
    let named = fields.optional_text("as", faults);
    let each = match (each, named) {
        (Some((rule, of)), Some(named)) => {
            scope = scope.with(&named, of);
            Some((rule, named))
        }
        (Some(_), None) => {
            faults.add(fields.line, "\"each\" needs \"as\": the name of one element");
            None
        }
        (None, _) => None,
    };
    let when = rule(fields.optional("when"), &scope, &[Type::Truth], faults);
    let key = rule(fields.required("key", faults), &scope, &[Type::Text], faults);
    let what = fields.text("what", faults);
    let instant = rule(fields.required("instant", faults), &scope, &[Type::Time], faults);
    let date = rule(fields.optional("date"), &scope, &[Type::Time, Type::Day], faults);
    let was = fields
        .optional_list("was", faults)
        .iter()
        .filter_map(|node| was(node, &scope, faults))
        .collect();
    let nodes = fields.list("lines", faults);
    let lines: Vec<Line> = nodes.iter().filter_map(|node| line(node, &scope, faults)).collect();
    if lines.len() == nodes.len() {
        balanced(&lines, fields.line, &fields.what, faults);
    }
    let line = fields.line;
    fields.close(faults);
    Some(Part {
        name: name?,
        each,
        when,
        key: key?,
        what: what?,
        instant: instant?,
        date,
        was,
        lines,
        line,
    })
}

fn was(node: &Node, scope: &Scope, faults: &mut Faults) -> Option<Was> {
    let mut fields = Fields::of(node, "an older key", faults)?;
    let when = rule(fields.optional("when"), scope, &[Type::Truth], faults);
    let key = rule(fields.required("key", faults), scope, &[Type::Text], faults);
    let class = fields.required("class", faults).and_then(|node| {
        let text = text_of(node, "class", faults)?;
        match text.as_str() {
            "A" | "B" | "C" | "D" | "E" => text.chars().next(),
            "F" => {
                faults.add(node.line, "class F has no rule: only a person can match such ids");
                None
            }
            other => {
                faults.add(node.line, format!("unknown identity class \"{other}\"; known are A, B, C, D, E"));
                None
            }
        }
    });
    let via = fields.text("via", faults);
    fields.close(faults);
    Some(Was {
        when,
        key: key?,
        class: class?,
        via: via?,
    })
}

fn line(node: &Node, scope: &Scope, faults: &mut Faults) -> Option<Line> {
    let mut fields = Fields::of(node, "a line", faults)?;
    let role = fields
        .required("account", faults)
        .and_then(|node| parsed::<Role>(node, "account", faults));
    let amount = rule(fields.required("amount", faults), scope, &[Type::Money], faults);
    let when = rule(fields.optional("when"), scope, &[Type::Truth], faults);
    fields.close(faults);
    Some(Line {
        role: role?,
        amount: amount?,
        when,
    })
}

/// Lines that are posted together must add up to nothing, whatever the record says.
fn balanced(lines: &[Line], at: usize, what: &str, faults: &mut Faults) {
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    for line in lines {
        let condition = line.when.as_ref().map(Rule::canonical).unwrap_or_default();
        let sum = sums.remove(&condition).unwrap_or_default().plus(&line.amount.sum());
        sums.insert(condition, sum);
    }
    for (condition, sum) in sums.iter().filter(|(_, sum)| !sum.is_nothing()) {
        let among = if condition.is_empty() {
            String::new()
        } else {
            format!(" with the condition {condition}")
        };
        faults.add(
            at,
            format!("the lines of {what}{among} do not balance: {} is left over", sum.words()),
        );
    }
}

fn settles(node: &Node, scope: &Scope, around: &Around, faults: &mut Faults) -> Option<Settles> {
    let mut fields = Fields::of(node, "settles", faults)?;
    let part = fields.text("part", faults);
    let amount = rule(fields.required("amount", faults), scope, &[Type::Money], faults);
    let fee = rule(fields.required("fee", faults), scope, &[Type::Money], faults);
    let entries = fields.text("entries", faults);
    let shape = entries
        .as_ref()
        .and_then(|name| around.schemas.get(name))
        .map(|schema| Arc::clone(&schema.shape));
    if let (Some(name), None) = (&entries, &shape) {
        faults.add(node.line, format!("unknown stream \"{name}\" in settles"));
    }
    let inner = Scope::default()
        .with("e", shape.map_or(Type::Any, Type::Object))
        .with("zero", Type::Money);
    let net = rule(fields.required("net", faults), &inner, &[Type::Money], faults);
    let mut members = Vec::new();
    for item in fields.list("members", faults) {
        let Some(mut fields) = Fields::of(item, "a member rule", faults) else {
            continue;
        };
        let when = rule(fields.required("when", faults), &inner, &[Type::Truth], faults);
        let stream = fields.text("stream", faults);
        let record = rule(fields.required("record", faults), &inner, &[Type::Text], faults);
        let parts = fields.names::<Named>("parts", faults).into_iter().map(|(name, _)| name.0).collect();
        let moves = rule(fields.optional("moves"), &inner, &[Type::Money], faults);
        fields.close(faults);
        if let (Some(when), Some(stream), Some(record)) = (when, stream, record) {
            members.push(Members {
                when,
                stream,
                record,
                parts,
                moves,
                line: item.line,
            });
        }
    }
    fields.close(faults);
    Some(Settles {
        part: part?,
        amount: amount?,
        fee: fee?,
        entries: entries?,
        net: net?,
        members,
        line: node.line,
    })
}

/// A text as a name in a list.
pub(super) struct Named(pub String);

impl std::str::FromStr for Named {
    type Err = String;
    fn from_str(text: &str) -> Result<Named, String> {
        Ok(Named(text.to_string()))
    }
}

fn rule(node: Option<&Node>, scope: &Scope, wanted: &[Type], faults: &mut Faults) -> Option<Rule> {
    let node = node?;
    let source = text_of(node, "rule", faults)?;
    compiled(&source, node.line, scope, wanted, faults)
}

fn compiled(source: &str, line: usize, scope: &Scope, wanted: &[Type], faults: &mut Faults) -> Option<Rule> {
    match compile(source, scope) {
        Ok(rule) if wanted.is_empty() || wanted.iter().any(|ty| ty.fits(&rule.ty)) => Some(rule),
        Ok(rule) => {
            let kinds: Vec<String> = wanted.iter().map(Type::to_string).collect();
            faults.add(
                line,
                format!("the rule `{source}` gives a {}, but a {} is needed", rule.ty, kinds.join(" or a ")),
            );
            None
        }
        Err(found) => {
            for fault in found {
                faults.add(
                    line + fault.line - 1,
                    format!("rule `{source}`, column {}: {}", fault.column, fault.reason),
                );
            }
            None
        }
    }
}
