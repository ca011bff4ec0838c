//! A record's JSON as values for rules, by the fields that the package declares.
//!
//! Only declared fields are converted, so an unknown field can never reach a rule. A number with a decimal point
//! is never money. It must never guess: what does not fit its declared kind is an error in words, and the
//! record is held. A new kind of field is a row in `value_of`.

use crate::rules::{
    Cash, Data, Presence, Shape, Type, data_day, data_list, data_money, data_object, data_text, data_time, data_truth, data_whole,
};
use jiff::Timestamp;
use jiff::civil::Date;
use ledger::Currency;
use serde_json::Value;

/// The row as an object for rules.
pub(crate) fn object_of(shape: &Shape, row: &Value) -> Result<Data, String> {
    let mut fields = Vec::with_capacity(shape.fields.len());
    for (name, field) in &shape.fields {
        match (row.get(name), field.presence) {
            (None | Some(Value::Null), Presence::Always | Presence::Maybe) => {}
            (None | Some(Value::Null), Presence::OrNothing) => fields.push((name.clone(), nothing(&field.ty))),
            (Some(value), _) => fields.push((name.clone(), value_of(&field.ty, value).map_err(|reason| within(name, reason))?)),
        }
    }
    Ok(data_object(fields))
}

/// The object of a row that is not there: every field reads as nothing.
pub(crate) fn no_object(shape: &Shape) -> Data {
    let fields = shape.fields.iter().filter(|(_, field)| field.presence == Presence::OrNothing);
    data_object(fields.map(|(name, field)| (name.clone(), nothing(&field.ty))))
}

fn nothing(ty: &Type) -> Data {
    match ty {
        Type::Money => data_money(Cash::ZERO),
        Type::Truth => data_truth(false),
        Type::List(_) => data_list(Vec::new()),
        Type::Object(shape) => no_object(shape),
        // The package reader gives no other kind the presence "or nothing".
        Type::Text | Type::Whole | Type::Time | Type::Day | Type::Any => data_text(""),
    }
}

fn within(name: &str, reason: String) -> String {
    match reason.strip_prefix('"') {
        Some(inner) => format!("\"{name}.{inner}"),
        None => format!("\"{name}\" {reason}"),
    }
}

fn value_of(ty: &Type, value: &Value) -> Result<Data, String> {
    match (ty, value) {
        (Type::Text | Type::Any, Value::String(text)) => Ok(data_text(text)),
        (Type::Truth, Value::Bool(truth)) => Ok(data_truth(*truth)),
        (Type::Whole, Value::Number(number)) => number.as_i64().map(data_whole).ok_or_else(|| "is not a whole number".to_string()),
        (Type::Money, Value::Object(_)) => money_from(value).map(data_money),
        (Type::Time, Value::String(text)) => text
            .parse::<Timestamp>()
            .map(data_time)
            .map_err(|_| "is not an instant with a time zone".to_string()),
        (Type::Day, Value::String(text)) => text.parse::<Date>().map(data_day).map_err(|_| "is not a date".to_string()),
        (Type::List(of), Value::Array(items)) => {
            let items: Result<Vec<Data>, String> = items.iter().map(|item| value_of(of, item)).collect();
            items.map(data_list)
        }
        (Type::Object(shape), Value::Object(_)) => object_of(shape, value),
        (ty, _) => Err(format!("is not a {ty}")),
    }
}

/// `{amount, currency}`, or `{amount, currency_code}` as Square's payout examples have it. Minor units.
pub(crate) fn money_from(value: &Value) -> Result<Cash, String> {
    // Square leaves the amount of "nothing" out in a few places; that is not a number, so it is not taken for 0.
    let minor = value
        .get("amount")
        .and_then(Value::as_i64)
        .ok_or("has no whole number of minor units")?;
    let code = value
        .get("currency")
        .or_else(|| value.get("currency_code"))
        .and_then(Value::as_str)
        .ok_or("names no currency")?;
    let currency = Currency::of(code).map_err(|_| format!("is in a currency that Changeover does not know ({code})"))?;
    Ok(Cash {
        minor,
        currency: Some(currency),
    })
}
