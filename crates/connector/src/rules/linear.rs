//! Rules as sums of terms, to prove before any record is seen that the lines of a part balance.
//!
//! `a - (b + c)` is +a -b -c; whatever is not a sum, difference or minus is one term, recognised by its text. It
//! must never claim more than that: two different spellings of one amount do not cancel out.

use cel::common::ast::operators as op;
use cel::common::ast::{Expr, IdedExpr, LiteralValue};
use std::collections::BTreeMap;

/// Terms with how often each counts; terms that cancel out are gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sum(BTreeMap<String, i64>);

impl Sum {
    pub fn plus(mut self, other: &Sum) -> Sum {
        for (term, times) in &other.0 {
            *self.0.entry(term.clone()).or_insert(0) += times;
        }
        self.0.retain(|_, times| *times != 0);
        self
    }

    pub fn is_nothing(&self) -> bool {
        self.0.is_empty()
    }

    /// "+ r.total_money - tax", for the fault.
    pub fn words(&self) -> String {
        let terms: Vec<String> = self
            .0
            .iter()
            .map(|(term, times)| {
                let sign = if *times < 0 { "-" } else { "+" };
                let count = times.unsigned_abs();
                if count == 1 {
                    format!("{sign} {term}")
                } else {
                    format!("{sign} {count} times {term}")
                }
            })
            .collect();
        terms.join(" ")
    }
}

pub(super) fn sum(expression: &IdedExpr) -> Sum {
    let mut total = BTreeMap::new();
    gather(expression, 1, &mut total);
    total.retain(|_, times| *times != 0);
    Sum(total)
}

fn gather(expression: &IdedExpr, sign: i64, total: &mut BTreeMap<String, i64>) {
    if let Expr::Call(call) = &expression.expr {
        match (call.func_name.as_str(), call.args.as_slice()) {
            (op::ADD, [one, two]) => {
                gather(one, sign, total);
                gather(two, sign, total);
                return;
            }
            (op::SUBSTRACT, [one, two]) => {
                gather(one, sign, total);
                gather(two, -sign, total);
                return;
            }
            (op::NEGATE, [one]) => {
                gather(one, -sign, total);
                return;
            }
            _ => {}
        }
    }
    if !matches!(&expression.expr, Expr::Ident(name) if name == "zero") {
        *total.entry(canonical(expression)).or_insert(0) += sign;
    }
}

/// One text for one expression, whatever its spacing and brackets were.
pub(crate) fn canonical(expression: &IdedExpr) -> String {
    match &expression.expr {
        Expr::Unspecified => "?".into(),
        Expr::Ident(name) => name.clone(),
        Expr::Literal(value) => match value {
            LiteralValue::String(text) => format!("{:?}", text.inner()),
            LiteralValue::Int(number) => number.inner().to_string(),
            LiteralValue::Boolean(truth) => truth.inner().to_string(),
            LiteralValue::UInt(_) | LiteralValue::Double(_) | LiteralValue::Bytes(_) | LiteralValue::Null => format!("{value:?}"),
        },
        Expr::Select(select) if select.test => format!("has({}.{})", canonical(&select.operand), select.field),
        Expr::Select(select) => format!("{}.{}", canonical(&select.operand), select.field),
        Expr::List(list) => format!("[{}]", joined(&list.elements)),
        Expr::Call(call) => match (call.func_name.as_str(), call.args.as_slice()) {
            (op::ADD, [one, two]) => format!("({} + {})", canonical(one), canonical(two)),
            (op::SUBSTRACT, [one, two]) => format!("({} - {})", canonical(one), canonical(two)),
            (op::NEGATE, [one]) => format!("-{}", canonical(one)),
            (name, arguments) => {
                let target = call
                    .target
                    .as_ref()
                    .map(|target| format!("{}.", canonical(target)))
                    .unwrap_or_default();
                format!("{target}{name}({})", joined(arguments))
            }
        },
        Expr::Comprehension(it) => format!(
            "each({}, {}, {}, {}, {}, {})",
            canonical(&it.iter_range),
            it.iter_var,
            canonical(&it.accu_init),
            canonical(&it.loop_cond),
            canonical(&it.loop_step),
            canonical(&it.result)
        ),
        Expr::Map(_) | Expr::Struct(_) => format!("{:?}", expression.expr),
    }
}

fn joined(expressions: &[IdedExpr]) -> String {
    expressions.iter().map(canonical).collect::<Vec<_>>().join(", ")
}
