//! The recovery kit: what a person keeps away from the computer, and with which alone everything can be restored.
//!
//! One kit, several forms: a text (`text.rs`), a page to print (`page.rs`) with the code as letters (`code.rs`), as words
//! (`words.rs`) and as a QR code (`qr.rs`). `entered.rs` reads any of them back. A mistake is told by line, group or number, and
//! nothing is opened then; a text of a problem never says what should stand there. A further form is one file here and one arm there.

mod bits;
mod code;
mod entered;
mod page;
mod qr;
mod slips;
#[cfg(test)]
mod testing;
mod text;
mod words;

pub use code::recovery_code;
pub use entered::{Entered, LARGEST_ENTERED_BYTES};
pub use text::LARGEST_TEXT_BYTES;

pub(crate) use code::new_code;

use jiff::civil::Date;
use ledger::Problem;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::key::RepositoryKey;
use crate::place::Place;
use crate::problems::E_KIT;

/// What restores everything on another computer, with nothing but the folder: to be printed or saved outside.
pub struct RecoveryKit {
    place: Place,
    code: SecretString,
    key: RepositoryKey,
    made: Option<Date>,
}

impl RecoveryKit {
    pub(crate) fn new(place: Place, code: SecretString, key: RepositoryKey) -> RecoveryKit {
        RecoveryKit {
            place,
            code,
            key,
            made: None,
        }
    }

    /// The same with the day on which it was made, as printed on it.
    pub fn made_on(self, day: Date) -> RecoveryKit {
        RecoveryKit {
            made: Some(day),
            ..self
        }
    }

    pub fn made(&self) -> Option<Date> {
        self.made
    }

    /// Where the backups were when the kit was made; a disk may be called otherwise on another computer.
    pub fn place(&self) -> &Place {
        &self.place
    }

    pub fn key(&self) -> &RepositoryKey {
        &self.key
    }

    pub fn into_key(self) -> RepositoryKey {
        self.key
    }

    /// The restic password of this place.
    pub fn code(&self) -> &SecretString {
        &self.code
    }

    /// The code's last group: what the person types back to show that the kit was kept.
    pub fn is_last_group(&self, typed: &str) -> bool {
        code::is_last_group(self.code.expose_secret(), typed)
    }

    /// Tells two kits apart and is printed on both as their check. Not secret.
    pub fn fingerprint(&self) -> String {
        check(self.code.expose_secret(), self.key.expose())
    }

    /// By which the last group is known again without the kit. Only whoever has the place's key can work it out.
    pub fn last_group_mark(&self) -> String {
        mark(
            self.code
                .expose_secret()
                .rsplit('-')
                .next()
                .unwrap_or_default()
                .as_bytes(),
            &self.key,
        )
    }

    /// The same kit as a text of a page. It is itself a secret.
    pub fn to_text(&self) -> SecretString {
        text::of(self)
    }

    /// Reads a kit's text. Errors: `E-BACKUP-KIT` naming the line that is missing, or the place in it that was mistyped.
    pub fn parse(text: &str) -> Result<RecoveryKit, Problem> {
        text::parse(text)
    }

    /// A PDF file to print: one page A4 that also prints on Letter; more only where the place's path needs it. It is itself a secret.
    /// The same kit gives the same bytes. Errors: `E-BACKUP-KIT`, should it not fit into a QR code.
    pub fn to_pdf(&self) -> Result<Zeroizing<Vec<u8>>, Problem> {
        page::of(self)
    }

    /// What the page's QR code says. It is itself a secret. Errors: `E-BACKUP-KEY`, which a kit made here never has.
    pub fn to_qr_text(&self) -> Result<SecretString, Problem> {
        qr::text_of(self)
    }

    /// The code as words with one space between them. It is itself a secret. Errors: `E-BACKUP-KIT` when the code is none.
    pub fn to_words(&self) -> Result<SecretString, Problem> {
        words::of_code(self.code.expose_secret())
            .ok_or_else(|| unreadable("Its recovery code is none."))
    }
}

/// Whether a typed group is the one that [`RecoveryKit::last_group_mark`] was made of.
pub fn is_marked_group(typed: &str, key: &RepositoryKey, marked: &str) -> bool {
    code::letters(typed)
        .is_ok_and(|letters| letters.len() == code::GROUP_LETTERS && mark(&letters, key) == marked)
}

fn mark(group: &[u8], key: &RepositoryKey) -> String {
    let mut hash = Sha256::new();
    hash.update(b"changeover recovery kit, last group 1\n");
    hash.update(key.expose().as_bytes());
    hash.update(b"\n");
    hash.update(group);
    hex::encode(hash.finalize())
}

fn check(code: &str, key: &str) -> String {
    hex::encode(&Sha256::digest(format!("changeover recovery kit 1\n{code}\n{key}\n"))[..4])
}

fn unreadable(why: &str) -> Problem {
    Problem::new(
        E_KIT,
        "This recovery kit cannot be read.",
        why,
        "Type or scan it again from the printed page, line by line.",
    )
}
