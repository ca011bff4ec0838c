//! Reading a package file section by section; every fault is noted, and reading goes on.
//!
//! It must never fill in what the file does not say where money, identity or permission depends on it. A new
//! section is a function here and a line in `package_of`.

use super::check;
use super::expect::{Fields, parsed, text_of};
use super::postings::{Around, Named, Outcome, reader};
use super::schema::Schema;
use super::yaml::{self, Faults, Node};
use super::{
    BreakingChange, ChangeKind, E_PACKAGE, ExpectedChange, KeyRules, LARGEST_PACKAGE_BYTES, Package, Paging, Parents, PermissionNeed,
    PutParent, Source, Stream, Supersedes, WindowNames,
};
use crate::fetch::Verb;
use crate::rules::{Type, on_large_stack};
use jiff::civil::Date;
use ledger::{Problem, Role};
use std::collections::{BTreeMap, BTreeSet};

/// The format this reader understands.
const FORMAT: &str = "1";

pub(super) fn package(file: &str, text: &str) -> Result<Package, Problem> {
    let mut faults = Faults::default();
    if text.len() > LARGEST_PACKAGE_BYTES {
        faults.add(
            1,
            format!("the file has {} bytes; at most {LARGEST_PACKAGE_BYTES} are read", text.len()),
        );
        return Err(refused(file, faults));
    }
    let read = on_large_stack(|| {
        let mut faults = Faults::default();
        let package = yaml::read(text, &mut faults).and_then(|node| package_of(file, &node, &mut faults));
        (package, faults)
    });
    match read {
        Some((Some(package), faults)) if faults.is_empty() => Ok(package),
        Some((_, faults)) => Err(refused(file, faults)),
        None => {
            faults.add(1, "a rule of this file could not be read at all (the rule parser gave up)");
            Err(refused(file, faults))
        }
    }
}

pub(crate) fn refused(file: &str, faults: Faults) -> Problem {
    let mut problem = Problem::new(
        E_PACKAGE,
        format!("The connector package {file} cannot be used."),
        String::new(),
        "Correct the file; the format is explained in docs/connector-packages.md.",
    );
    problem.why = faults.sentences(file);
    problem
}

fn package_of(file: &str, node: &Node, faults: &mut Faults) -> Option<Package> {
    let mut fields = Fields::of(node, "the package", faults)?;
    let format = fields.required("format", faults)?;
    if let Some(other) = text_of(format, "format", faults).filter(|text| text != FORMAT) {
        faults.add(
            format.line,
            format!("format {other} is not known; this version of Changeover reads format {FORMAT}"),
        );
        return None;
    }
    let name = fields.text("connector", faults);
    let version = fields.text("version", faults);
    let title = fields.text("title", faults);
    let provider = fields.text("provider", faults);
    let (api_version, api_header) = api(&mut fields, faults);
    let permissions: Vec<(PermissionNeed, usize)> = fields
        .list("permissions", faults)
        .iter()
        .filter_map(|node| permission(node, faults))
        .collect();
    let breaking_changes = fields
        .optional_list("breaking_changes", faults)
        .iter()
        .filter_map(|node| breaking_change(node, faults))
        .collect();
    let supersedes = fields.optional("supersedes").and_then(|node| supersedes(node, faults));
    let nodes = fields.list("streams", faults);
    fields.close(faults);

    let schemas = schemas(nodes, faults);
    let streams: Vec<(Stream, usize)> = nodes
        .iter()
        .filter_map(|node| stream(node, &schemas, faults).map(|stream| (stream, node.line)))
        .collect();
    check::package(&streams, &permissions, supersedes.as_ref(), faults);
    let streams: Vec<Stream> = streams.into_iter().map(|(stream, _)| stream).collect();
    Some(Package {
        name: name?,
        version: version?,
        title: title?,
        provider: provider?,
        api_version: api_version?,
        api_header,
        permissions: permissions.into_iter().map(|(permission, _)| permission).collect(),
        breaking_changes,
        supersedes: supersedes.map(|(supersedes, _)| supersedes),
        roles: roles(&streams),
        key_rules: key_rules(&streams),
        streams,
        file: file.to_string(),
    })
}

fn api(fields: &mut Fields, faults: &mut Faults) -> (Option<String>, Option<String>) {
    let Some(node) = fields.required("api", faults) else {
        return (None, None);
    };
    let Some(mut api) = Fields::of(node, "api", faults) else {
        return (None, None);
    };
    let version = api.text("version", faults);
    let header = api.optional_text("header", faults);
    if header
        .as_ref()
        .is_some_and(|name| !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
    {
        faults.add(node.line, "the name of the version header may only have letters, digits and '-'");
    }
    api.close(faults);
    (version, header)
}

fn permission(node: &Node, faults: &mut Faults) -> Option<(PermissionNeed, usize)> {
    let mut fields = Fields::of(node, "a permission", faults)?;
    let permission = fields.text("permission", faults);
    let streams = fields
        .names::<Named>("streams", faults)
        .into_iter()
        .map(|(name, _)| name.0)
        .collect();
    let why = fields.text("why", faults);
    fields.close(faults);
    Some((
        PermissionNeed {
            permission: permission?,
            streams,
            why: why?,
        },
        node.line,
    ))
}

fn breaking_change(node: &Node, faults: &mut Faults) -> Option<BreakingChange> {
    let mut fields = Fields::of(node, "a breaking change", faults)?;
    let id = fields.text("id", faults);
    let title = fields.text("title", faults);
    let text = fields.text("text", faults);
    let deadline = fields.optional("deadline").and_then(|node| {
        let text = text_of(node, "deadline", faults)?;
        let date = text.parse::<Date>().ok().filter(|date| date.to_string() == text);
        if date.is_none() {
            faults.add(node.line, format!("the deadline \"{text}\" is not a date of the form 2026-12-31"));
        }
        date
    });
    let unverified = fields.optional_yes("unverified", faults);
    let source = fields.text("source", faults);
    fields.close(faults);
    Some(BreakingChange {
        id: id?,
        title: title?,
        text: text?,
        deadline,
        unverified,
        source: source?,
    })
}

/// With the line of each expected change.
fn supersedes(node: &Node, faults: &mut Faults) -> Option<(Supersedes, Vec<usize>)> {
    let mut fields = Fields::of(node, "supersedes", faults)?;
    let from = fields.text("from", faults);
    let nodes = fields.list("expected_changes", faults);
    let (expected_changes, lines) = nodes
        .iter()
        .filter_map(|node| expected_change(node, faults).map(|change| (change, node.line)))
        .unzip();
    fields.close(faults);
    Some((
        Supersedes {
            from: from?,
            expected_changes,
        },
        lines,
    ))
}

fn expected_change(node: &Node, faults: &mut Faults) -> Option<ExpectedChange> {
    let mut fields = Fields::of(node, "an expected change", faults)?;
    let id = fields.text("id", faults);
    let title = fields.text("title", faults);
    let text = fields.text("text", faults);
    let kind = fields
        .required("kind", faults)
        .and_then(|node| parsed::<ChangeKind>(node, "kind", faults));
    let streams = fields
        .names::<Named>("streams", faults)
        .into_iter()
        .map(|(name, _)| name.0)
        .collect();
    let roles: BTreeSet<Role> = fields.names::<Role>("roles", faults).into_iter().map(|(role, _)| role).collect();
    let keeps: BTreeSet<Role> = fields.names::<Role>("keeps", faults).into_iter().map(|(role, _)| role).collect();
    let requires_sign_off = fields.optional_yes("requires_sign_off", faults);
    for role in roles.intersection(&keeps) {
        faults.add(node.line, format!("the role {role} cannot both change and be kept"));
    }
    fields.close(faults);
    Some(ExpectedChange {
        id: id?,
        title: title?,
        text: text?,
        kind: kind?,
        streams,
        roles,
        keeps,
        requires_sign_off,
    })
}

/// The fields of every stream first: rules of one stream may speak of another's rows.
fn schemas(nodes: &[Node], faults: &mut Faults) -> BTreeMap<String, Schema> {
    let mut schemas = BTreeMap::new();
    for node in nodes {
        // Faults of this first look are told when the stream itself is read.
        let mut quiet = Faults::default();
        let Some(mut fields) = Fields::of(node, "a stream", &mut quiet) else {
            continue;
        };
        let Some(name) = fields.text("stream", &mut quiet) else { continue };
        let schema = match fields.optional("fields") {
            Some(node) => Schema::read(node, &name, faults),
            None => Schema::empty(),
        };
        schemas.insert(name, schema);
    }
    schemas
}

fn stream(node: &Node, schemas: &BTreeMap<String, Schema>, faults: &mut Faults) -> Option<Stream> {
    let mut fields = Fields::of(node, "a stream", faults)?;
    let name = fields.text("stream", faults)?;
    fields.what = format!("stream {name}");
    let title = fields.text("title", faults);
    let permission = fields.text("permission", faults);
    fields.required("fields", faults);
    let schema = schemas.get(&name).cloned().unwrap_or_else(Schema::empty);
    let source = source(&mut fields, &schema, &name, faults);
    let lookup = fields.optional_yes("lookup_only", faults);
    let around = Around { stream: &name, schemas };
    let reader = reader(&mut fields, &around, faults);
    match (&reader, lookup) {
        (Some(_), true) => faults.add(node.line, format!("stream {name} has posting rules although it is \"lookup_only\"")),
        (None, false) => faults.add(
            node.line,
            format!("stream {name} lacks \"postings\"; say \"lookup_only: true\" if its rows move no money"),
        ),
        (Some(_), false) | (None, true) => {}
    }
    fields.close(faults);
    Some(Stream {
        title: title?,
        permission: permission?,
        source: source?,
        schema,
        reader,
        name,
    })
}

fn source(fields: &mut Fields, schema: &Schema, stream: &str, faults: &mut Faults) -> Option<Source> {
    let get = fields.optional("get");
    let search = fields.optional("search");
    let (verb, node) = match (get, search) {
        (Some(node), None) => (Verb::Get, node),
        (None, Some(node)) => (Verb::Search, node),
        (Some(_), Some(_)) | (None, None) => {
            faults.add(
                fields.line,
                format!("stream {stream} needs either \"get\" or \"search\" with a path"),
            );
            return None;
        }
    };
    let path = text_of(node, "path", faults)?;
    if !path.starts_with('/') || path.contains("..") || path.contains('?') || path.contains(char::is_whitespace) {
        faults.add(node.line, format!("\"{path}\" is not a path that begins with '/'"));
    }
    let query = fields.optional("query").map(|node| pairs(node, faults)).unwrap_or_default();
    let window = fields.optional("window").and_then(|node| window(node, faults));
    let parents = fields.optional("for_each").and_then(|node| parents(node, &path, verb, faults));
    let paging = fields.optional("paging").and_then(|node| paging(node, faults));
    let rows = fields.text("rows", faults);
    let at = fields.line;
    let mut path_field = |name: &'static str, kinds: &[Type], required: bool, faults: &mut Faults| {
        let text = if required {
            fields.text(name, faults)
        } else {
            fields.optional_text(name, faults)
        }?;
        let path: Vec<String> = text.split('.').map(str::to_string).collect();
        match schema.at(&path) {
            Some(ty) if kinds.contains(&ty) => Some(path),
            Some(ty) => {
                faults.add(at, format!("\"{name}: {text}\" of stream {stream} points to a {ty}"));
                None
            }
            None => {
                faults.add(
                    at,
                    format!("the field \"{text}\" ({name}) is not among the fields of stream {stream}"),
                );
                None
            }
        }
    };
    let id = path_field("id", &[Type::Text], true, faults);
    let instant = path_field("instant", &[Type::Time], false, faults);
    let updated = path_field("updated", &[Type::Time], false, faults);
    let amount = path_field("amount", &[Type::Money], false, faults);
    let parent = path_field("parent", &[Type::Text], false, faults);
    Some(Source {
        verb,
        path,
        query,
        window,
        parents,
        paging,
        rows: rows?,
        id: id?,
        instant,
        updated,
        amount,
        parent,
    })
}

fn pairs(node: &Node, faults: &mut Faults) -> Vec<(String, String)> {
    let entries = super::expect::map_of(node, "query", faults);
    entries
        .iter()
        .filter_map(|(name, _, value)| text_of(value, name, faults).map(|value| (name.clone(), value)))
        .collect()
}

fn window(node: &Node, faults: &mut Faults) -> Option<WindowNames> {
    let mut fields = Fields::of(node, "window", faults)?;
    let names = WindowNames {
        updated_since: fields.optional_text("updated_since", faults),
        updated_until: fields.optional_text("updated_until", faults),
        created_since: fields.optional_text("created_since", faults),
        created_until: fields.optional_text("created_until", faults),
        look_back_hours: fields.optional_number("look_back_hours", 24 * 366, faults).unwrap_or(0),
        reach_back_days: fields.optional_number("reach_back_days", 3660, faults).unwrap_or(0),
    };
    if names.updated_since.is_none() && names.created_since.is_none() {
        faults.add(node.line, "a window needs \"updated_since\" or \"created_since\"");
    }
    fields.close(faults);
    Some(names)
}

fn parents(node: &Node, path: &str, verb: Verb, faults: &mut Faults) -> Option<Parents> {
    let mut fields = Fields::of(node, "for_each", faults)?;
    let mut of = Vec::new();
    for item in fields.list("of", faults) {
        let Some(mut fields) = Fields::of(item, "a parent of for_each", faults) else {
            continue;
        };
        let stream = fields.text("stream", faults);
        let by = fields.text("by", faults);
        fields.close(faults);
        if let (Some(stream), Some(by)) = (stream, by) {
            of.push((stream, by.split('.').map(str::to_string).collect()));
        }
    }
    let in_path = fields.optional_text("path", faults);
    let in_query = fields.optional_text("query", faults);
    let in_body = fields.optional_text("body", faults);
    let at_most = fields
        .optional_number("at_most", 1000, faults)
        .and_then(|number| usize::try_from(number).ok())
        .filter(|number| *number > 0);
    fields.close(faults);
    let put = match (in_path, in_query, in_body) {
        (Some(name), None, None) => {
            if !path.contains(&format!("{{{name}}}")) {
                faults.add(node.line, format!("the path \"{path}\" has no place {{{name}}}"));
            }
            PutParent::Path(name)
        }
        (None, Some(name), None) => PutParent::Query(name),
        (None, None, Some(name)) => {
            if verb != Verb::Search {
                faults.add(node.line, "a body can only be sent by \"search\"");
            }
            PutParent::Body(name, at_most.unwrap_or(100))
        }
        _ => {
            faults.add(node.line, "for_each needs exactly one of \"path\", \"query\", \"body\"");
            return None;
        }
    };
    Some(Parents { of, put })
}

fn paging(node: &Node, faults: &mut Faults) -> Option<Paging> {
    let mut fields = Fields::of(node, "paging", faults)?;
    let cursor = fields.text("cursor", faults);
    let limit = fields.optional_text("limit", faults);
    let size = fields
        .optional_number("size", 1000, faults)
        .and_then(|number| u32::try_from(number).ok())
        .filter(|size| *size > 0);
    if limit.is_some() != size.is_some() {
        faults.add(
            node.line,
            "\"limit\" (the parameter's name) and \"size\" (rows a page) belong together",
        );
    }
    fields.close(faults);
    Some(Paging {
        cursor: cursor?,
        limit: limit.zip(size),
    })
}

fn roles(streams: &[Stream]) -> BTreeSet<Role> {
    parts(streams).flat_map(|part| part.lines.iter().map(|line| line.role)).collect()
}

fn key_rules(streams: &[Stream]) -> KeyRules {
    KeyRules {
        posted: parts(streams).map(|part| (part.key.canonical(), part.line)).collect(),
        was: parts(streams)
            .flat_map(|part| part.was.iter().map(|was| was.key.canonical()))
            .collect(),
    }
}

fn parts(streams: &[Stream]) -> impl Iterator<Item = &super::Part> {
    streams
        .iter()
        .filter_map(|stream| stream.reader.as_ref())
        .flat_map(|reader| &reader.postings)
        .flat_map(|posting| match &posting.outcome {
            Outcome::Exclude(_) => [].iter(),
            Outcome::Post { parts, .. } => parts.iter(),
        })
}
