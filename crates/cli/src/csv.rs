//! Tables that a spreadsheet opens.
//!
//! A field that a spreadsheet would take for a formula gets an apostrophe in front: descriptions come from outside, and
//! nobody's file may run anything. Amounts are numbers of ours and stay numbers.

/// One field of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// Words, possibly from outside.
    Words(String),
    /// A number or a date that we wrote ourselves; a leading minus stays.
    Plain(String),
}

pub fn words(text: impl Into<String>) -> Field {
    Field::Words(text.into())
}

pub fn plain(text: impl ToString) -> Field {
    Field::Plain(text.to_string())
}

/// A line with its end, as RFC 4180 has it.
pub fn row(fields: &[Field]) -> String {
    let cells: Vec<String> = fields.iter().map(cell).collect();
    format!("{}\r\n", cells.join(","))
}

fn cell(field: &Field) -> String {
    let text = match field {
        Field::Plain(text) => text.clone(),
        // Spaces in front do not keep a spreadsheet from seeing a formula.
        Field::Words(text) if is_formula(text.trim_start_matches(' ')) => format!("'{text}"),
        Field::Words(text) => text.clone(),
    };
    if text.contains(['"', ',', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ') {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_only_where_they_must_be() {
        for (field, text) in [
            (words("Sales"), "Sales"),
            (words("Bread, white"), "\"Bread, white\""),
            (words("the \"best\""), "\"the \"\"best\"\"\""),
            (words("two\nlines"), "\"two\nlines\""),
            (words(""), ""),
            (plain("-12.50"), "-12.50"),
            (plain(7), "7"),
        ] {
            assert_eq!(cell(&field), text);
        }
        assert_eq!(
            row(&[plain("2026-03-08"), words("a,b"), plain("1.00")]),
            "2026-03-08,\"a,b\",1.00\r\n"
        );
    }

    #[test]
    fn nothing_from_outside_can_become_a_formula() {
        for text in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            " =HYPERLINK(\"http://x\")",
            "\n=1",
            "＝1",
        ] {
            let shown = cell(&words(text));
            let inside = shown.trim_start_matches('"');
            assert!(inside.starts_with('\''), "{text:?} became {shown:?}");
        }
    }
}
