//! Asking for a secret: at the terminal without showing what is typed, else one line of standard input.
//!
//! A secret is never an argument and never in the environment, where other programs could read it; it is never repeated.

use crate::terminal::Terminal;
use authorization::SecretString;
use ledger::Problem;
use std::io::{BufRead, IsTerminal, Read};

/// Longer lines are cut off unread; no key comes near it.
const LONGEST_LINE: u64 = 16 * 1024;

/// The line that was entered, without its end. Errors: `E-SIGN-IN-CANCELLED` when nothing can be read.
pub async fn ask(terminal: &Terminal, words: &str) -> Result<SecretString, Problem> {
    terminal.screen.rest();
    let at_terminal = std::io::stdin().is_terminal();
    if at_terminal {
        terminal.screen.say(&format!("{words} (what you type is not shown):"));
    } else {
        terminal.screen.say(&format!("{words}: read from standard input."));
    }
    // Reading waits for a person, so it gets a thread of its own.
    let line = tokio::task::spawn_blocking(move || if at_terminal { rpassword::read_password() } else { piped() }).await;
    let unreadable = |why: String| {
        Problem::new(
            authorization::problems::E_SIGN_IN_CANCELLED,
            "Nothing was entered.",
            format!("The terminal, or standard input, cannot be read: {why}."),
            "Start the command again at a terminal, or give the secret as one line of standard input.",
        )
    };
    match line {
        Ok(Ok(line)) => Ok(SecretString::from(line)),
        Ok(Err(error)) => Err(unreadable(error.kind().to_string())),
        Err(_) => Err(unreadable("it was closed".to_string())),
    }
}

fn piped() -> std::io::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().take(LONGEST_LINE).read_line(&mut line)?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
}
