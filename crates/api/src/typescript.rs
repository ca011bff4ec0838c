//! Makes the page's types from the views: one TypeScript file, every type that a command sends or answers.
//!
//! It must never run in the product; the test below compares its text with the committed file, and
//! `CHANGEOVER_CODEGEN=1 cargo test -p api` writes it anew.

use crate::commands::{ENGINE, HOST};
use crate::views::*;
use std::any::TypeId;
use std::collections::{BTreeMap, HashSet};
use ts_rs::{Config, TS, TypeVisitor};

/// Collects every declaration that a type needs.
struct Collect<'a> {
    config: &'a Config,
    seen: HashSet<TypeId>,
    declarations: BTreeMap<String, String>,
}

impl TypeVisitor for Collect<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        // Only our own types have a file of their own; `string`, `number` and arrays have none.
        if T::output_path().is_some() {
            self.declarations.insert(T::ident(self.config), short_comments(&T::decl(self.config)));
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

macro_rules! collect {
    ($( $name:ident ($args:ty) -> $answer:ty, $effect:ident, $words:literal; )*) => {
        fn collect_engine(collect: &mut Collect<'_>, rows: &mut String) {
            $(
                collect.visit::<$args>();
                collect.visit::<$answer>();
                rows.push_str(&row(stringify!($name), &<$args>::name(collect.config), &<$answer>::name(collect.config)));
            )*
        }
    };
}
engine_commands!(collect);

macro_rules! collect_host {
    ($( $name:ident ($args:ty) -> $answer:ty, $effect:ident, $words:literal; )*) => {
        fn collect_host(collect: &mut Collect<'_>, rows: &mut String) {
            $(
                collect.visit::<$args>();
                collect.visit::<$answer>();
                rows.push_str(&row(stringify!($name), &<$args>::name(collect.config), &<$answer>::name(collect.config)));
            )*
        }
    };
}
host_commands!(collect_host);

/// A comment of one line stands on one line.
fn short_comments(declaration: &str) -> String {
    let mut parts = declaration.split("/**\n * ");
    let mut whole = parts.next().unwrap_or_default().to_string();
    for part in parts {
        match part.split_once("\n */") {
            Some((comment, rest)) if !comment.contains('\n') => whole.push_str(&format!("/** {comment} */{rest}")),
            Some(_) | None => whole.push_str(&format!("/**\n * {part}")),
        }
    }
    whole
}

fn row(name: &str, args: &str, answer: &str) -> String {
    format!("  {name}: {{ args: {args}; answer: {answer} }};\n")
}

/// The whole text of `ui/src/host/types.ts`.
pub fn typescript() -> String {
    let config = Config::default();
    let mut collect = Collect { config: &config, seen: HashSet::new(), declarations: BTreeMap::new() };
    let mut rows = String::new();
    collect_engine(&mut collect, &mut rows);
    collect_host(&mut collect, &mut rows);
    collect.visit::<ProblemView>();

    let mut text = String::from("// Made from crates/api by `CHANGEOVER_CODEGEN=1 cargo test -p api`. Do not edit.\n\n");
    for declaration in collect.declarations.values() {
        text.push_str("export ");
        text.push_str(declaration);
        text.push('\n');
    }
    text.push_str("\n/** What each command takes and answers. */\nexport interface Commands {\n");
    text.push_str(&rows);
    text.push_str("}\n\n/** Every command with whether it writes, in table order. */\nexport const commandRows = [\n");
    for command in ENGINE.iter().chain(HOST) {
        text.push_str(&format!("  {{ name: \"{}\", writes: {}, words: \"{}\" }},\n", command.name, command.writes, command.words));
    }
    text.push_str("] as const;\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_page_and_the_engine_speak_of_the_same_types() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/host/types.ts");
        let fresh = typescript();
        if std::env::var_os("CHANGEOVER_CODEGEN").is_some() {
            std::fs::write(&path, &fresh).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == fresh, "ui/src/host/types.ts is stale: run CHANGEOVER_CODEGEN=1 cargo test -p api");
    }

    #[test]
    fn no_number_on_the_wire_is_wider_than_a_float_can_hold() {
        assert!(!typescript().contains("bigint"), "use u32 or text");
    }

    #[test]
    fn every_command_has_one_row_and_words_of_its_own() {
        let mut names = crate::commands::names();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(ENGINE.iter().chain(HOST).all(|row| row.words.len() > 3));
    }
}
