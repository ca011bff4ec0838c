//! Asking for a secret: at the terminal without showing what is typed, else one line of standard input.
//!
//! A secret is never an argument and never in the environment, where other programs could read it; it is never repeated.

use crate::terminal::Terminal;
use authorization::SecretString;
use ledger::Problem;
use secrecy::zeroize::Zeroizing;
use std::io::{BufRead, IsTerminal};

/// Longer lines are cut off unread; no key and no passphrase comes near it.
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
    let line = tokio::task::spawn_blocking(move || match at_terminal {
        true => rpassword::read_password().map(|typed| Some(Zeroizing::new(typed))),
        false => line_of(std::io::stdin().lock()),
    })
    .await;
    let unreadable = |why: String| {
        Problem::new(
            authorization::problems::E_SIGN_IN_CANCELLED,
            "Nothing was entered.",
            format!("The terminal, or standard input, cannot be read: {why}."),
            "Start the command again at a terminal, or give the secret as one line of standard input.",
        )
    };
    match line {
        Ok(Ok(Some(line))) => Ok(SecretString::from(line.as_str())),
        Ok(Ok(None)) => Err(unreadable("it has ended".to_string())),
        Ok(Err(error)) => Err(unreadable(error.kind().to_string())),
        Err(_) => Err(unreadable("it was closed".to_string())),
    }
}

/// One line without its ending; blanks belong to it. None at the end of the input, which is nobody's answer.
pub fn line_of(input: impl BufRead) -> std::io::Result<Option<Zeroizing<String>>> {
    // Large enough from the start: a growing buffer leaves copies behind.
    let mut line = Zeroizing::new(String::with_capacity(LONGEST_LINE as usize));
    if input.take(LONGEST_LINE).read_line(&mut line)? == 0 {
        return Ok(None);
    }
    while line.ends_with(['\n', '\r']) {
        line.pop();
    }
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_without_its_ending_and_the_end_of_the_input_is_no_answer() {
        let read = |text: &str| line_of(text.as_bytes()).unwrap().map(|line| line.to_string());
        assert_eq!(read("two words \r\nnext\n").as_deref(), Some("two words "));
        assert_eq!(read("no ending").as_deref(), Some("no ending"));
        assert_eq!(read("\n").as_deref(), Some(""));
        assert_eq!(read(""), None);
    }
}
