//! Rules: small expressions in CEL over exact money, compiled once and evaluated per record.
//!
//! This is the only module that names the `cel` crate, which is pinned because it changes often. Rules see no
//! clock, no network, no floating point and no loop without an end. What a rule may say is the white list of
//! `types.rs`; its values are those of `values.rs`; a function for rules is one row in both.
//!
//! Compiling must happen on the thread of [`on_large_stack`]: the parser needs much stack.

mod linear;
mod types;
mod values;

pub(crate) use linear::{Sum, canonical};
pub(crate) use types::{Field, Presence, Scope, Shape, Type};
pub(crate) use values::{Cash, Data, data_day, data_list, data_money, data_object, data_text, data_time, data_truth, data_whole};

use cel::common::ast::{Expr, IdedExpr};
use cel::common::types::{CelBool, CelString};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::{Context, Env, ExecutionError, Value};
use jiff::Timestamp;
use jiff::civil::Date;
use std::sync::{Arc, LazyLock};

/// Longest rule, in bytes.
pub(crate) const LONGEST_RULE: usize = 600;
/// Deepest nesting of a rule, after macros are written out.
const DEEPEST_RULE: usize = 64;
/// Stack of the thread that compiles and evaluates. The parser overflowed 512 KiB in debug builds.
const STACK_BYTES: usize = 32 * 1024 * 1024;

static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(values::environment()));

/// A compiled rule whose names and types were checked.
pub(crate) struct Rule {
    pub source: String,
    pub ty: Type,
    expression: IdedExpr,
}

/// Why a rule does not compile; `line` and `column` count from 1 within the rule's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RuleFault {
    pub line: usize,
    pub column: usize,
    pub reason: String,
}

/// Runs `work` on its own thread with a large stack. `None` when it panicked (a parser bug).
pub(crate) fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("connector-rules".into()).stack_size(STACK_BYTES).spawn_scoped(scope, work);
        thread.ok()?.join().ok()
    })
}

/// Compiles and checks a rule against the names in scope. Every fault is returned.
pub(crate) fn compile(source: &str, scope: &Scope) -> Result<Rule, Vec<RuleFault>> {
    let at_start = |reason: String| vec![RuleFault { line: 1, column: 1, reason }];
    if source.len() > LONGEST_RULE {
        return Err(at_start(format!("the rule has {} bytes; at most {LONGEST_RULE} are allowed", source.len())));
    }
    let parser = ENVIRONMENT.parser().max_recursion_depth(48).error_recovery_limit(4);
    let (expression, positions) = parser.parse_with_source_info(source).map_err(|errors| {
        let faults = errors.errors.into_iter().map(|error| RuleFault {
            line: usize::try_from(error.pos.0).unwrap_or(1).max(1),
            column: usize::try_from(error.pos.1).unwrap_or(1).max(1),
            reason: error.msg,
        });
        faults.collect::<Vec<_>>()
    })?;
    if depth(&expression) > DEEPEST_RULE {
        return Err(at_start(format!("the rule is nested more than {DEEPEST_RULE} levels deep")));
    }
    let mut faults = Vec::new();
    let ty = types::infer(&expression, scope, &mut |id, reason| {
        let (line, column) = position(source, positions.offset_for(id).map_or(0, |(start, _)| start));
        faults.push(RuleFault { line, column, reason });
    });
    if faults.is_empty() { Ok(Rule { source: source.to_string(), ty, expression }) } else { Err(faults) }
}

fn position(source: &str, offset: u32) -> (usize, usize) {
    let before: String = source.chars().take(usize::try_from(offset).unwrap_or(0)).collect();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

fn depth(expression: &IdedExpr) -> usize {
    1 + children(&expression.expr).into_iter().map(depth).max().unwrap_or(0)
}

/// The expressions directly inside one.
fn children(expression: &Expr) -> Vec<&IdedExpr> {
    match expression {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) | Expr::Map(_) | Expr::Struct(_) => Vec::new(),
        Expr::Call(call) => call.target.iter().map(|target| &**target).chain(&call.args).collect(),
        Expr::Comprehension(it) => vec![&it.iter_range, &it.accu_init, &it.loop_cond, &it.loop_step, &it.result],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Select(select) => vec![&select.operand],
    }
}

/// The values of the names in a rule, for one evaluation.
#[derive(Default)]
pub(crate) struct Names<'d> {
    named: Vec<(&'d str, &'d Data)>,
}

impl<'d> Names<'d> {
    pub fn set(&mut self, name: &'d str, data: &'d Data) {
        self.named.push((name, data));
    }

    pub fn copy(&self) -> Names<'d> {
        Names { named: self.named.clone() }
    }

    /// These names and one more, which hides an older one of the same name.
    pub fn with(mut self, name: &'d str, data: &'d Data) -> Names<'d> {
        self.named.push((name, data));
        self
    }
}

struct Lookup<'d>(&'d Names<'d>);

impl VariableResolver for Lookup<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let (_, data) = self.0.named.iter().rev().find(|(name, _)| *name == variable)?;
        Some(CowVal::Borrowed(data.0.as_ref()))
    }
}

impl Rule {
    /// Evaluates to the value itself. The error is a plain sentence part: "the record has no \"fee\"".
    fn value<T>(&self, names: &Names, read: impl FnOnce(&dyn Val) -> Option<T>) -> Result<T, String> {
        let lookup = Lookup(names);
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        context.set_variable_resolver(&lookup);
        let value = Value::resolve_val(&self.expression, &context).map_err(|error| words(&error))?;
        read(value.as_ref()).ok_or_else(|| format!("the rule `{}` gave an unexpected kind of value", self.source))
    }

    pub fn truth(&self, names: &Names) -> Result<bool, String> {
        self.value(names, |value| value.downcast_ref::<CelBool>().map(|truth| *truth.inner()))
    }

    pub fn text(&self, names: &Names) -> Result<String, String> {
        self.value(names, |value| value.downcast_ref::<CelString>().map(|text| text.inner().to_string()))
    }

    pub fn cash(&self, names: &Names) -> Result<Cash, String> {
        self.value(names, |value| value.downcast_ref::<Cash>().copied())
    }

    pub fn time(&self, names: &Names) -> Result<Timestamp, String> {
        self.value(names, values::time_of)
    }

    pub fn day(&self, names: &Names) -> Result<Date, String> {
        self.value(names, values::day_of)
    }

    /// Any value, kept for later evaluations (a `let`).
    pub fn data(&self, names: &Names) -> Result<Data, String> {
        let lookup = Lookup(names);
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        context.set_variable_resolver(&lookup);
        let value = Value::resolve_val(&self.expression, &context).map_err(|error| words(&error))?;
        Ok(values::own(value.as_ref()))
    }

    /// The elements of a list.
    pub fn elements(&self, names: &Names) -> Result<Vec<Data>, String> {
        self.value(names, values::elements_of)
    }

    /// As compared between two packages: the same rule, however it is spaced.
    pub fn canonical(&self) -> String {
        canonical(&self.expression)
    }

    /// The rule as a sum of terms, for the check that lines balance.
    pub fn sum(&self) -> Sum {
        linear::sum(&self.expression)
    }
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rule({})", self.source)
    }
}

/// An evaluation error in plain words; it never shows a record's values.
fn words(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(name) => format!("the record has no \"{name}\""),
        ExecutionError::FunctionError { message, .. } => message.clone(),
        ExecutionError::UndeclaredReference(name) => format!("\"{name}\" is not known"),
        ExecutionError::NoSuchOverload(overload) => format!("\"{}\" cannot be used on these kinds of value", overload.function()),
        _other_kinds_carry_values => "a field has an unexpected kind of value".to_string(),
    }
}
