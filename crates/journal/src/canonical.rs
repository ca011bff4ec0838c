//! RFC 8785 canonical JSON for the values the log may hold: no fractions, no integer beyond 2^53 − 1.
//!
//! Two programs must get the same bytes from the same entry, so a number that other languages would
//! print differently is refused instead of rounded. Nothing is normalised: the text stays as given.

use ledger::Problem;
use serde_json::Value;

use crate::problems;

/// RFC 7493: the largest integer every JSON reader keeps exactly.
pub const LARGEST_INTEGER: i64 = (1 << 53) - 1;
/// Deeper values are refused: the verifiers in other languages recurse.
pub const DEEPEST: usize = 64;

/// The canonical text. Errors: `E-JOURNAL-ENTRY` for fractions, too large integers, too deep values.
pub fn canonical(value: &Value) -> Result<String, Problem> {
    let mut out = String::new();
    write(value, 0, &mut out)?;
    Ok(out)
}

fn write(value: &Value, depth: usize, out: &mut String) -> Result<(), Problem> {
    if depth > DEEPEST {
        return Err(problems::entry(format!("The entry is nested deeper than {DEEPEST} levels.")));
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => match number.as_i64() {
            Some(whole) if (-LARGEST_INTEGER..=LARGEST_INTEGER).contains(&whole) => out.push_str(&whole.to_string()),
            Some(_) | None => {
                return Err(problems::entry(format!(
                    "The number {number} is not a whole number of at most {LARGEST_INTEGER}."
                )));
            }
        },
        Value::String(text) => quote(text, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, depth + 1, out)?;
            }
            out.push(']');
        }
        Value::Object(fields) => {
            // RFC 8785 §3.2.3 sorts by UTF-16 code units, which differs from UTF-8 order beyond the BMP.
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (at, name) in names.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                quote(name, out);
                out.push(':');
                write(&fields[name], depth + 1, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if (c as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &str) {
        let value: Value = serde_json::from_str(input).expect(input);
        assert_eq!(canonical(&value).expect(input), expected, "{input}");
    }

    #[test]
    fn the_same_value_always_has_the_same_text() {
        check("null", "null");
        check(" [ true , false , 0 , -12 ] ", "[true,false,0,-12]");
        check(r#"{"b":1,"a":{"z":[],"y":{}}}"#, r#"{"a":{"y":{},"z":[]},"b":1}"#);
        // RFC 8785 §3.2.2.2's string and §3.2.3's sorting example.
        check(
            r#""\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/""#,
            "\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"",
        );
        check(
            r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#,
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}",
        );
        check("\"\\b\\f\\t\\u007f\\u2028\"", "\"\\b\\f\\t\u{7f}\u{2028}\"");
        check("9007199254740991", "9007199254740991");
    }

    #[test]
    fn a_fraction_or_a_number_other_readers_would_round_is_refused() {
        for text in [
            "1.0",
            "0.1",
            "1e3",
            "9007199254740992",
            "-9007199254740992",
            "18446744073709551615",
            "[[1.5]]",
            r#"{"a":2.0}"#,
        ] {
            let value: Value = serde_json::from_str(text).expect(text);
            assert_eq!(canonical(&value).expect_err(text).code, problems::E_ENTRY);
        }
        let deep: Value = serde_json::from_str(&format!("{}1{}", "[".repeat(80), "]".repeat(80))).expect("valid");
        assert_eq!(canonical(&deep).expect_err("deep").code, problems::E_ENTRY);
    }
}
