//! The static check of rules: every name, field and function exists, and kinds of value fit.
//!
//! A typo must fail when the package is loaded, not when a payment is posted. Everything that is not listed here
//! is refused, floating-point numbers first of all. A function for rules gets its row in `call` here and its
//! meaning in `values.rs`.

use cel::common::ast::operators as op;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, SelectExpr};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The kind of a value in a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Type {
    Truth,
    Whole,
    Text,
    Money,
    Time,
    Day,
    List(Box<Type>),
    Object(Arc<Shape>),
    /// The element of a list that is written empty; fits everything.
    Any,
}

/// The fields of an object of the records.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    pub fields: BTreeMap<String, Field>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub ty: Type,
    pub presence: Presence,
}

/// What it means when a record lacks the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// The record cannot be understood: hold it.
    Always,
    /// Ask `has()` first.
    Maybe,
    /// It reads as nothing: 0.00, "", an empty list, an object of nothing.
    OrNothing,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Truth => f.write_str("truth"),
            Type::Whole => f.write_str("whole number"),
            Type::Text => f.write_str("text"),
            Type::Money => f.write_str("money"),
            Type::Time => f.write_str("time"),
            Type::Day => f.write_str("day"),
            Type::List(of) => write!(f, "list of {of}"),
            Type::Object(_) => f.write_str("object"),
            Type::Any => f.write_str("anything"),
        }
    }
}

impl Type {
    pub fn fits(&self, other: &Type) -> bool {
        match (self, other) {
            (Type::Any, _) | (_, Type::Any) => true,
            (Type::List(one), Type::List(two)) => one.fits(two),
            (one, two) => one == two,
        }
    }
}

/// The names a rule may use.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    names: BTreeMap<String, Type>,
}

impl Scope {
    pub fn with(&self, name: &str, ty: Type) -> Scope {
        let mut names = self.names.clone();
        names.insert(name.to_string(), ty);
        Scope { names }
    }

    pub fn has(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }
}

type Report<'r> = &'r mut dyn FnMut(u64, String);

pub(super) fn infer(expression: &IdedExpr, scope: &Scope, report: Report) -> Type {
    match &expression.expr {
        Expr::Literal(value) => literal(value, expression.id, report),
        Expr::Ident(name) => scope.names.get(name).cloned().unwrap_or_else(|| {
            let known: Vec<&str> = scope.names.keys().map(String::as_str).collect();
            report(
                expression.id,
                format!("\"{name}\" is not known here; known are {}", known.join(", ")),
            );
            Type::Any
        }),
        Expr::Select(select) => field(select, expression.id, scope, report),
        Expr::Call(it) => call(it, expression.id, scope, report),
        Expr::List(list) => {
            let types: Vec<Type> = list.elements.iter().map(|element| infer(element, scope, report)).collect();
            let first = types.first().cloned().unwrap_or(Type::Any);
            if types.iter().any(|ty| !ty.fits(&first)) {
                report(expression.id, "a list must hold values of one kind".into());
            }
            Type::List(Box::new(first))
        }
        Expr::Comprehension(it) => comprehension(it, expression.id, scope, report),
        Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
            report(expression.id, "maps and structs cannot be written in a rule".into());
            Type::Any
        }
    }
}

fn literal(value: &LiteralValue, id: u64, report: Report) -> Type {
    match value {
        LiteralValue::Boolean(_) => Type::Truth,
        LiteralValue::Int(_) => Type::Whole,
        LiteralValue::String(_) => Type::Text,
        LiteralValue::Double(_) => {
            report(id, "numbers with a decimal point are not exact; they cannot be used".into());
            Type::Any
        }
        LiteralValue::UInt(_) | LiteralValue::Bytes(_) | LiteralValue::Null => {
            report(id, "only texts, whole numbers, true and false can be written in a rule".into());
            Type::Any
        }
    }
}

fn field(select: &SelectExpr, id: u64, scope: &Scope, report: Report) -> Type {
    let shape = match infer(&select.operand, scope, report) {
        Type::Object(shape) => shape,
        Type::Any => return if select.test { Type::Truth } else { Type::Any },
        other => {
            report(id, format!("\"{}\" is asked of a {other}, which has no fields", select.field));
            return Type::Any;
        }
    };
    let Some(field) = shape.fields.get(&select.field) else {
        let known: Vec<&str> = shape.fields.keys().map(String::as_str).collect();
        report(
            id,
            format!(
                "the field \"{}\" is not among the stream's fields ({})",
                select.field,
                known.join(", ")
            ),
        );
        return Type::Any;
    };
    if select.test {
        if field.presence == Presence::OrNothing {
            report(
                id,
                format!("has() is always true for \"{}\", which reads as nothing when absent", select.field),
            );
        }
        Type::Truth
    } else {
        field.ty.clone()
    }
}

fn call(it: &CallExpr, id: u64, scope: &Scope, report: Report) -> Type {
    if it.target.is_some() {
        report(
            id,
            format!(
                "the function \"{}\" is not known; known are sum, text, share, size, has, all, exists, filter, map",
                it.func_name
            ),
        );
        return Type::Any;
    }
    let given: Vec<Type> = it.args.iter().map(|argument| infer(argument, scope, report)).collect();
    let mut wrong = |wanted: &str| {
        let kinds: Vec<String> = given.iter().map(Type::to_string).collect();
        report(id, format!("{wanted}, not {}", kinds.join(" and ")));
    };
    match (it.func_name.as_str(), given.as_slice()) {
        (op::ADD, [one, two]) => match (one, two) {
            (Type::Money, Type::Money) | (Type::Money, Type::Any) | (Type::Any, Type::Money) => Type::Money,
            (Type::Text, Type::Text) => Type::Text,
            (Type::Whole, Type::Whole) => Type::Whole,
            (Type::List(of), Type::List(other)) if of.fits(other) => Type::List(if **of == Type::Any { other.clone() } else { of.clone() }),
            _ => {
                wrong("+ adds two amounts, texts, whole numbers or lists");
                Type::Any
            }
        },
        (op::SUBSTRACT, [one, two]) => match (one, two) {
            (Type::Money, Type::Money) => Type::Money,
            (Type::Whole, Type::Whole) => Type::Whole,
            _ => {
                wrong("- subtracts two amounts or whole numbers");
                Type::Any
            }
        },
        (op::NEGATE, [one]) => {
            if !matches!(one, Type::Money | Type::Whole | Type::Any) {
                wrong("- turns an amount or a whole number round");
            }
            one.clone()
        }
        (op::EQUALS | op::NOT_EQUALS, [one, two]) => {
            if !one.fits(two) {
                wrong("only values of one kind can be compared");
            }
            Type::Truth
        }
        (op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS, [one, two]) => {
            if !one.fits(two) || matches!(one, Type::List(_) | Type::Object(_)) {
                wrong("only two amounts, times, days, texts or whole numbers can be ordered");
            }
            Type::Truth
        }
        (op::LOGICAL_AND | op::LOGICAL_OR, [Type::Truth, Type::Truth]) => Type::Truth,
        (op::LOGICAL_AND | op::LOGICAL_OR, [_, _]) => {
            wrong("&& and || join two truths");
            Type::Truth
        }
        (op::LOGICAL_NOT | op::NOT_STRICTLY_FALSE, [Type::Truth]) => Type::Truth,
        (op::LOGICAL_NOT | op::NOT_STRICTLY_FALSE, [_]) => {
            wrong("! turns a truth round");
            Type::Truth
        }
        (op::IN, [one, Type::List(of)]) => {
            if !one.fits(of) {
                wrong("in looks for a value in a list of its kind");
            }
            Type::Truth
        }
        (op::IN, [_, _]) => {
            wrong("in looks for a value in a list");
            Type::Truth
        }
        (op::CONDITIONAL, [condition, one, two]) => {
            if *condition != Type::Truth || !one.fits(two) {
                wrong("? : needs a truth and two values of one kind");
            }
            if *one == Type::Any { two.clone() } else { one.clone() }
        }
        ("sum", [Type::List(of)]) if of.fits(&Type::Money) => Type::Money,
        ("sum", _) => {
            wrong("sum() adds up a list of amounts");
            Type::Money
        }
        ("text", [Type::Time]) => Type::Text,
        ("text", _) => {
            wrong("text() writes a time");
            Type::Text
        }
        ("share", [Type::Money, Type::Money, Type::Money, Type::Money]) => Type::Money,
        ("share", _) => {
            wrong("share() takes four amounts: what is shared, what came before, the own part, the whole");
            Type::Money
        }
        ("size", [Type::List(_) | Type::Text]) => Type::Whole,
        (name, _) => {
            report(
                id,
                format!("\"{name}\" is not known; known are sum, text, share, size, has, all, exists, filter, map"),
            );
            Type::Any
        }
    }
}

/// `all`, `exists`, `filter`, `map` as the parser writes them out.
fn comprehension(it: &ComprehensionExpr, id: u64, scope: &Scope, report: Report) -> Type {
    let element = match infer(&it.iter_range, scope, report) {
        Type::List(of) => *of,
        Type::Any => Type::Any,
        other => {
            report(id, format!("only a list can be gone through, not a {other}"));
            Type::Any
        }
    };
    let start = infer(&it.accu_init, scope, report);
    let inner = scope.with(&it.iter_var, element).with(&it.accu_var, start);
    infer(&it.loop_cond, &inner, report);
    let step = infer(&it.loop_step, &inner, report);
    infer(&it.result, &inner.with(&it.accu_var, step), report)
}
