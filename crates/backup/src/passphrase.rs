//! A passphrase that a person chooses for a place: a second way in beside the recovery kit, also in restic.
//!
//! Whoever copies the place can try passphrases for as long as he likes, so a weak one is not taken. Secret: no Debug, no Clone,
//! no Serialize; wiped when dropped. How it is asked for belongs to the hosts.

use ledger::Problem;
use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::problems;

/// In characters.
pub const PASSPHRASE_MIN: usize = 12;
/// In bytes; a longer one would be refused by no program, and typed by nobody.
const PASSPHRASE_MAX: usize = 1024;
/// Of 0 to 4; three means ten thousand million tries or more for someone who guesses well.
const STRENGTH_MIN: u8 = 3;

/// A passphrase on its way to a place.
pub struct Passphrase(SecretString);

/// How easily a passphrase is guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strength {
    /// 0 (guessed at once) to 4 (very hard); from 3 on it is taken.
    pub score: u8,
    /// About how many tries it takes, as the exponent of ten.
    pub tries_exponent: u32,
}

impl Strength {
    pub fn is_enough(self) -> bool {
        self.score >= STRENGTH_MIN
    }

    /// One word for a person.
    pub fn word(self) -> &'static str {
        match self.score {
            0 | 1 => "weak",
            2 => "not strong enough",
            3 => "good",
            _ => "strong",
        }
    }
}

impl Passphrase {
    /// As a person typed it. The same letters are the same passphrase, however a keyboard composes them.
    pub fn entered(text: SecretString) -> Passphrase {
        let mut composed = Zeroizing::new(String::with_capacity(text.expose_secret().len() * 3));
        composed.extend(text.expose_secret().nfc());
        Passphrase(SecretString::from(composed.as_str()))
    }

    pub fn is_same_as(&self, other: &Passphrase) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// An estimate, for showing while it is chosen. It knows common words, names, dates and keyboard walks.
    pub fn strength(&self) -> Strength {
        let estimate = zxcvbn::zxcvbn(self.expose(), &["changeover", "recovery", "backup", "restic"]);
        Strength {
            score: u8::from(estimate.score()),
            tries_exponent: estimate.guesses_log10() as u32,
        }
    }

    /// Whether it may become a way into a place. Errors: `E-BACKUP-PASSPHRASE-UNFIT`.
    pub fn fit_for_new(&self) -> Result<(), Problem> {
        let text = self.expose();
        let why = match () {
            () if text.trim().is_empty() => "It is empty.".to_string(),
            () if text.trim().len() != text.len() => "It begins or ends with a blank, which restic would leave out.".to_string(),
            () if text.chars().count() < PASSPHRASE_MIN => format!("It is shorter than {PASSPHRASE_MIN} characters."),
            () if text.len() > PASSPHRASE_MAX => format!("It is longer than {PASSPHRASE_MAX} bytes."),
            () if text.chars().any(char::is_control) => "It contains a line break or another sign that cannot be typed again.".to_string(),
            () if !self.strength().is_enough() => {
                "It would be guessed too soon: common words, names, dates or repetitions make up most of it.".to_string()
            }
            () => return Ok(()),
        };
        Err(problems::passphrase_unfit(&why))
    }

    /// One that cannot be right is not worth stretching. Errors: `E-BACKUP-KEY`.
    pub(crate) fn can_be_right(&self) -> Result<(), Problem> {
        if self.expose().is_empty() || self.expose().len() > PASSPHRASE_MAX {
            return Err(problems::key("A passphrase is neither empty nor longer than a page."));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entered(text: &str) -> Passphrase {
        Passphrase::entered(SecretString::from(text))
    }

    #[test]
    fn what_is_short_common_or_not_typed_again_is_refused_and_never_repeated() {
        for (text, word) in [
            ("", "empty"),
            (" correct horse battery", "blank"),
            ("kx7#Qp2!", "shorter"),
            ("passwordpassword", "guessed"),
            ("Changeover2026", "guessed"),
            ("aaaaaaaaaaaaaaaaaaaa", "guessed"),
            ("two\nlines of a text", "line break"),
        ] {
            let problem = entered(text).fit_for_new().expect_err(text);
            assert_eq!(problem.code.0, "E-BACKUP-PASSPHRASE-UNFIT");
            assert!(problem.why[0].contains(word), "{text}: {problem}");
            assert!(text.len() < 3 || !problem.to_string().contains(text), "{problem}");
        }
        assert!(entered(&"x".repeat(2000)).fit_for_new().is_err() && entered(&"x".repeat(2000)).can_be_right().is_err());
        let good = entered("gravel mortar violin tuesday");
        good.fit_for_new().expect("good");
        assert!(good.strength().is_enough() && good.strength().tries_exponent >= 10 && good.strength().word() != "weak");
    }

    #[test]
    fn the_same_letters_are_the_same_passphrase_however_they_are_composed() {
        assert!(entered("cafe\u{301} bei Müller").is_same_as(&entered("caf\u{e9} bei Mu\u{308}ller")));
        assert!(!entered("cafe bei Müller").is_same_as(&entered("café bei Müller")));
    }
}
