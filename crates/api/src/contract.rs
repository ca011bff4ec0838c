//! The trait that the handlers fill, and the dispatch by name, both made from the table.
//!
//! It must never know what a command does. A new command is a row in `commands.rs`; the compiler
//! then asks for its method.

use crate::views::*;
use ledger::{Code, Problem};
use serde_json::Value;

pub const E_COMMAND_UNKNOWN: Code = Code("E-COMMAND-UNKNOWN");
pub const E_COMMAND_ARGUMENTS: Code = Code("E-COMMAND-ARGUMENTS");
pub const CODES: &[Code] = &[E_COMMAND_UNKNOWN, E_COMMAND_ARGUMENTS];

macro_rules! declare {
    ($( $name:ident ($args:ty) -> $answer:ty, $effect:ident, $words:literal; )*) => {
        /// What the engine answers: one method per row of the table.
        pub trait Commands: Send + Sync {
            $(
                #[doc = $words]
                fn $name(&self, args: $args) -> impl Future<Output = Result<$answer, ProblemView>> + Send;
            )*
        }

        /// Answers a command by its name, for the terminal's `--json` and for tests.
        /// Errors: `E-COMMAND-UNKNOWN`, `E-COMMAND-ARGUMENTS`, and whatever the command raises.
        pub async fn dispatch<C: Commands>(commands: &C, name: &str, args: Value) -> Result<Value, ProblemView> {
            match name {
                $(
                    stringify!($name) => {
                        let args = read::<$args>(name, args)?;
                        write(name, &commands.$name(args).await?)
                    }
                )*
                other => Err(unknown(other).into()),
            }
        }
    };
}

engine_commands!(declare);

fn read<T: serde::de::DeserializeOwned>(name: &str, args: Value) -> Result<T, ProblemView> {
    let args = if args.is_null() { Value::Object(Default::default()) } else { args };
    serde_json::from_value(args).map_err(|error| {
        Problem::new(
            E_COMMAND_ARGUMENTS,
            format!("What was sent with \"{name}\" cannot be read."),
            error.to_string(),
            "Update Changeover: its window and its engine are of different versions.",
        )
        .into()
    })
}

fn write<T: serde::Serialize>(name: &str, answer: &T) -> Result<Value, ProblemView> {
    serde_json::to_value(answer).map_err(|error| {
        Problem::new(
            E_COMMAND_ARGUMENTS,
            format!("The answer of \"{name}\" cannot be written."),
            error.to_string(),
            "Report this; the command itself was carried out.",
        )
        .into()
    })
}

fn unknown(name: &str) -> Problem {
    Problem::new(
        E_COMMAND_UNKNOWN,
        format!("There is no command \"{name}\"."),
        "The table of commands does not list it.",
        "Check the spelling; `changeover --help` lists every command.",
    )
}
