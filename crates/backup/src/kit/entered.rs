//! A kit as it comes back from a person: its file (text or page), or only the code, the words, or the QR code's text.
//!
//! What it is, is seen from the content, never from a file's name. Nothing is opened here; a mistake is told by its place.

use ledger::Problem;
use secrecy::SecretString;

use super::{RecoveryKit, code, page, qr, text, unreadable, words};
use crate::key::RepositoryKey;
use crate::place::Place;

/// No kit's file comes near this many bytes.
pub const LARGEST_ENTERED_BYTES: usize = 1024 * 1024;

/// What opens a place, as far as it was given. No Debug: it is secret.
pub enum Entered {
    /// The key and the code of a whole kit; the place where it names one.
    Whole {
        key: RepositoryKey,
        code: SecretString,
        place: Option<Place>,
    },
    /// The recovery code only, typed as letters or as words: whether it is right shows when it opens the place.
    Code(SecretString),
}

impl Entered {
    /// Reads whatever a person has of a kit. Errors: `E-BACKUP-KIT` naming line, group, character or word.
    pub fn read(bytes: &[u8]) -> Result<Entered, Problem> {
        if bytes.len() > LARGEST_ENTERED_BYTES {
            return Err(unreadable("The file is too large to be a recovery kit."));
        }
        if page::is_pdf(bytes) {
            return page::text_in(bytes).and_then(RecoveryKit::parse).map(Entered::whole);
        }
        let typed = std::str::from_utf8(bytes)
            .map_err(|_| unreadable("It is neither a text nor the page that Changeover made (a photograph cannot be read here)."))?;
        // Some editors put this mark before every text.
        let typed = typed.trim_start_matches('\u{feff}').trim();
        if typed.is_empty() {
            return Err(unreadable("It is empty."));
        }
        if typed.starts_with(qr::BEGINNING) {
            let (code, key, place) = qr::parse(typed)?;
            return Ok(Entered::Whole { key, code, place });
        }
        let has_line = |name: &str| typed.lines().any(|line| line.trim().starts_with(name));
        if typed.starts_with(text::HEADING.trim_end()) || has_line("Repository key:") || has_line("Check:") || has_line("Place:") {
            return RecoveryKit::parse(typed).map(Entered::whole);
        }
        if words::looks_like(typed) {
            return words::to_code(typed).map(Entered::Code);
        }
        let typed = typed.strip_prefix("Recovery code:").unwrap_or(typed);
        code::recovery_code(typed).map(Entered::Code)
    }

    fn whole(kit: RecoveryKit) -> Entered {
        Entered::Whole {
            key: kit.key,
            code: kit.code,
            place: Some(kit.place),
        }
    }

    pub fn code(&self) -> &SecretString {
        match self {
            Entered::Whole { code, .. } | Entered::Code(code) => code,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{kit, sample};
    use super::*;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_kit_comes_back_as_text_page_qr_code_letters_and_words() {
        let kit = sample();
        let pdf = kit.to_pdf().expect("page");
        let (text, qr, words) = (kit.to_text(), kit.to_qr_text().expect("qr"), kit.to_words().expect("words"));
        for (name, bytes) in [
            ("text", text.expose_secret().as_bytes()),
            ("page", pdf.as_slice()),
            ("qr", qr.expose_secret().as_bytes()),
        ] {
            let Entered::Whole { key, code, place } = Entered::read(bytes).unwrap_or_else(|problem| panic!("{name}: {problem}")) else {
                panic!("{name} is a whole kit")
            };
            assert_eq!(
                (key.expose(), code.expose_secret()),
                (kit.key().expose(), kit.code().expose_secret()),
                "{name}"
            );
            assert_eq!(place.as_ref(), Some(kit.place()), "{name}");
        }
        let code = kit.code().expose_secret();
        let letters = code::check_of(code);
        for typed in [
            code.to_owned(),
            format!("\u{feff}{}\r\n", code.to_lowercase()),
            format!("{code} {}", *letters),
            words.expose_secret().to_owned(),
            format!("Recovery code: {code}"),
        ] {
            match Entered::read(typed.as_bytes()) {
                Ok(Entered::Code(read)) => assert_eq!(read.expose_secret(), code),
                Ok(Entered::Whole { .. }) => panic!("only a code"),
                Err(problem) => panic!("{problem}"),
            }
        }
        for (wrong, word) in [
            (&b""[..], "empty"),
            (b"\xff\xd8\xff\xe0 a photograph", "photograph"),
            (b"Dear Ann", "letters"),
            (b"%PDF-1.7\nnothing", "attached"),
        ] {
            let problem = Entered::read(wrong).err().expect("refused");
            assert_eq!(problem.code, crate::problems::E_KIT);
            assert!(problem.to_string().contains(word), "{problem}");
        }
        assert!(Entered::read(&vec![b'a'; LARGEST_ENTERED_BYTES + 1]).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn whatever_the_place_is_called_the_page_reads_back(seed in any::<[u8; 25]>(), folder in "\\PC{0,200}") {
            let kit = kit(&seed, &format!("/{folder}"));
            let Ok(Entered::Whole { key, place: Some(place), .. }) = Entered::read(&kit.to_pdf().expect("page")) else { panic!("{folder}") };
            prop_assert_eq!(key.expose(), kit.key().expose());
            // Blanks at a path's end are not kept by a line of text.
            prop_assert_eq!(place.path().to_str().expect("text"), kit.place().path().to_str().expect("text").trim());
        }

        #[test]
        fn nothing_that_can_be_entered_breaks_the_reading(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,300}") {
            prop_assert!(Entered::read(&bytes).is_err());
            prop_assert!(Entered::read(text.as_bytes()).is_err());
        }
    }
}
