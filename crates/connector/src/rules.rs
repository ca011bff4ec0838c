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
        let thread = std::thread::Builder::new()
            .name("connector-rules".into())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work);
        thread.ok()?.join().ok()
    })
}

/// Compiles and checks a rule against the names in scope. Every fault is returned.
pub(crate) fn compile(source: &str, scope: &Scope) -> Result<Rule, Vec<RuleFault>> {
    let at_start = |reason: String| {
        vec![RuleFault {
            line: 1,
            column: 1,
            reason,
        }]
    };
    if source.len() > LONGEST_RULE {
        return Err(at_start(format!(
            "the rule has {} bytes; at most {LONGEST_RULE} are allowed",
            source.len()
        )));
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
    if faults.is_empty() {
        Ok(Rule {
            source: source.to_string(),
            ty,
            expression,
        })
    } else {
        Err(faults)
    }
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
        self.value(names, |value| {
            value.downcast_ref::<CelString>().map(|text| text.inner().to_string())
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::Currency;
    use std::collections::BTreeMap;

    fn scope() -> Scope {
        let field = |ty: Type| Field {
            ty,
            presence: Presence::Always,
        };
        let fee = Shape {
            fields: BTreeMap::from([("cost".to_string(), field(Type::Money))]),
        };
        let fields = BTreeMap::from([
            ("total".to_string(), field(Type::Money)),
            ("tip".to_string(), field(Type::Money)),
            ("kind".to_string(), field(Type::Text)),
            ("at".to_string(), field(Type::Time)),
            ("fees".to_string(), field(Type::List(Box::new(Type::Object(Arc::new(fee)))))),
        ]);
        Scope::default()
            .with("r", Type::Object(Arc::new(Shape { fields })))
            .with("zero", Type::Money)
    }

    fn money(minor: i64, code: &str) -> Data {
        data_money(Cash {
            minor,
            currency: Some(Currency::of(code).unwrap()),
        })
    }

    fn row(tip: Data) -> Data {
        let fees = [money(3, "USD"), money(4, "USD")].map(|cost| data_object([("cost".to_string(), cost)]));
        data_object([
            ("total".to_string(), money(9_007_199_254_740_993, "USD")),
            ("tip".to_string(), tip),
            ("kind".to_string(), data_text("SALE")),
            ("at".to_string(), data_time("2026-03-08T06:59:00.1239Z".parse().unwrap())),
            ("fees".to_string(), data_list(fees.into())),
        ])
    }

    fn compiled(source: &str) -> Rule {
        compile(source, &scope()).unwrap_or_else(|faults| panic!("{source}: {faults:?}"))
    }

    fn with_row<T>(tip: Data, work: impl FnOnce(&Names) -> T) -> T {
        let (row, zero) = (row(tip), data_money(Cash::ZERO));
        let mut names = Names::default();
        names.set("r", &row);
        names.set("zero", &zero);
        work(&names)
    }

    #[test]
    fn money_is_exact_and_two_currencies_never_mix() {
        with_row(money(1, "USD"), |names| {
            assert_eq!(compiled("r.total - r.tip").cash(names).unwrap().minor, 9_007_199_254_740_992);
            assert_eq!(compiled("sum(r.fees.map(f, f.cost)) + zero").cash(names).unwrap().minor, 7);
            assert_eq!(
                compiled("sum(r.fees.filter(f, f.cost > r.total).map(f, f.cost))").cash(names),
                Ok(Cash::ZERO)
            );
            assert_eq!(compiled("-r.tip < zero && r.tip != zero").truth(names), Ok(true));
            assert_eq!(compiled("text(r.at)").text(names).unwrap(), "2026-03-08T06:59:00.123Z");
        });
        with_row(money(1, "EUR"), |names| {
            assert_eq!(
                compiled("r.total + r.tip").cash(names),
                Err("USD and EUR cannot be added".to_string())
            );
            assert!(compiled("r.total > r.tip").truth(names).is_err());
            assert_eq!(compiled("r.total == r.tip").truth(names), Ok(false));
        });
        with_row(money(i64::MAX, "USD"), |names| {
            assert_eq!(
                compiled("r.total + r.tip").cash(names),
                Err("an amount is too large to be real".to_string())
            );
        });
    }

    #[test]
    fn a_missing_field_is_an_error_in_words_and_never_a_value() {
        let empty = data_object([]);
        let mut names = Names::default();
        names.set("r", &empty);
        assert_eq!(
            compiled("r.kind == 'SALE'").truth(&names),
            Err("the record has no \"kind\"".to_string())
        );
        assert_eq!(compiled("has(r.kind)").truth(&names), Ok(false));
    }

    #[test]
    fn shares_of_all_parts_add_up_to_the_whole() {
        let usd = |minor: i64| money(minor, "USD");
        let scope = ["amount", "before", "own", "whole"]
            .iter()
            .fold(Scope::default(), |scope, name| scope.with(name, Type::Money));
        let rule = compile("share(amount, before, own, whole)", &scope).unwrap();
        for (amount, parts) in [
            (101_i64, vec![3_333_i64, 3_333, 3_334]),
            (-7, vec![1, 1, 1]),
            (0, vec![5]),
            (99_999, vec![1, 0, 2, 999]),
        ] {
            let whole = usd(parts.iter().sum());
            let (mut before, mut total) = (0, 0);
            for own in parts {
                let (amount, so_far, own_data) = (usd(amount), usd(before), usd(own));
                let mut names = Names::default();
                for (name, data) in [("amount", &amount), ("before", &so_far), ("own", &own_data), ("whole", &whole)] {
                    names.set(name, data);
                }
                total += rule.cash(&names).unwrap().minor;
                before += own;
            }
            assert_eq!(total, amount);
        }
    }

    #[test]
    fn the_white_list_refuses_what_is_not_exact_or_not_there() {
        for (source, words) in [
            ("r.total * 2", "is not known"),
            ("1.5 < 2.0", "decimal point"),
            ("r.totl == zero", "\"totl\" is not among"),
            ("r.total + r.kind", "not money and text"),
            ("r.kind.startsWith('S')", "\"startsWith\" is not known"),
            ("timestamp('2026-01-01T00:00:00Z') < r.at", "\"timestamp\" is not known"),
            ("double(r.total)", "\"double\" is not known"),
            ("r.fees[0].cost", "is not known"),
            ("{'a': 1}", "maps and structs"),
            ("r.fees.map(f, f.price)", "\"price\" is not among"),
            ("r.fees.exists(f, g.cost == zero)", "\"g\" is not known"),
            ("r.kind == null", "only texts"),
            ("r.kind ? zero : r.total", "needs a truth"),
            ("r.?kind", "is not known"),
            ("b'x'", "only texts"),
            ("1u == 1u", "only texts"),
        ] {
            let faults = compile(source, &scope()).expect_err(source);
            assert!(faults.iter().any(|fault| fault.reason.contains(words)), "{source}: {faults:?}");
        }
    }

    #[test]
    fn a_fault_says_its_line_and_column() {
        let faults = compile("r.total == zero &&\n  r.totl == zero", &scope()).unwrap_err();
        assert_eq!((faults[0].line, faults[0].column), (2, 4), "{faults:?}");
        let faults = compile("r.total ==", &scope()).unwrap_err();
        assert_eq!(faults[0].line, 1, "{faults:?}");
    }

    #[test]
    fn sums_cancel_out_only_when_they_are_the_same_terms() {
        for (lines, nothing) in [
            (vec!["r.total - r.tip", "r.tip", "-r.total"], true),
            (vec!["r.total", "-(r.total - r.tip)", "-r.tip", "zero"], true),
            (vec!["r.total", "-(r.total - r.tip)"], false),
            (vec!["r.total", "r.total"], false),
            (vec!["sum(r.fees.map(f, f.cost))", "-sum(r.fees.map(f, f.cost))"], true),
        ] {
            let sum = lines.iter().fold(Sum::default(), |sum, line| sum.plus(&compiled(line).sum()));
            assert_eq!(sum.is_nothing(), nothing, "{lines:?}: {}", sum.words());
        }
    }

    #[test]
    fn a_panic_on_the_large_stack_is_no_panic_here() {
        assert_eq!(on_large_stack(|| 5), Some(5));
        let silent = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let broken: Option<()> = on_large_stack(|| panic!("as a parser might"));
        std::panic::set_hook(silent);
        assert_eq!(broken, None);
    }
}
