//! What the QR code of a kit says, and its squares.
//!
//! `CHANGEOVER-KIT:1:` code `:` key `:` check, in capitals and digits, which a QR code packs best, then `:` and the place where that is
//! short. Whatever photographs it has the whole kit. Another content is another number after the name.

use ledger::Problem;
use qrcode::{Color, EcLevel, QrCode};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{RecoveryKit, bits, check, code, unreadable};
use crate::key::{KEY_BYTES, RepositoryKey};
use crate::place::Place;

pub const BEGINNING: &str = "CHANGEOVER-KIT:";
const FORM: &str = "1";
/// The letters of a key of 64 bytes.
const KEY_LETTERS: usize = (KEY_BYTES * 8).div_ceil(code::LETTER_BITS);
/// A longer path would make the squares too small for a phone; it stands on the page.
const LONGEST_PLACE_BYTES: usize = 100;

/// A square of dark and light fields, row by row from the top left.
pub struct Squares {
    pub side: usize,
    pub dark: Zeroizing<Vec<bool>>,
}

pub fn text_of(kit: &RecoveryKit) -> Result<SecretString, Problem> {
    let letters = code::letters_of(&bits::split(&kit.key.bytes()?, code::LETTER_BITS));
    let key = std::str::from_utf8(&letters).unwrap_or_default();
    let plain = Zeroizing::new(kit.code.expose_secret().replace('-', ""));
    let check = kit.fingerprint().to_uppercase();
    let mut text = Zeroizing::new(format!("{BEGINNING}{FORM}:{}:{key}:{check}", *plain));
    if let Some(path) = kit.place.path().to_str().filter(|path| path.len() <= LONGEST_PLACE_BYTES) {
        text.push(':');
        text.push_str(path);
    }
    Ok(SecretString::from(text.as_str()))
}

/// Reads what a phone read. The place is the one that the QR code names, if it names one. Errors: `E-BACKUP-KIT` naming the part.
pub fn parse(text: &str) -> Result<(SecretString, RepositoryKey, Option<Place>), Problem> {
    let cut = |part: &str| unreadable(&format!("The text of the QR code was cut off or changed: {part}."));
    let mut parts = text
        .trim()
        .strip_prefix(BEGINNING)
        .ok_or_else(|| cut("its beginning is missing"))?
        .splitn(5, ':');
    let mut next = |part: &str| parts.next().ok_or_else(|| cut(&format!("{part} is missing")));
    if next("its form")? != FORM {
        return Err(unreadable("This QR code was made by a newer Changeover.").because("Read it with the newest Changeover you have."));
    }
    let code = next("the recovery code")?;
    let code = code::recovery_code(code)?;
    let letters = next("the key")?;
    let expected = next("the check")?;
    let place = match parts.next() {
        Some(path) => Some(Place::folder(path)?),
        None => None,
    };
    let values = code::values_of(letters.as_bytes())
        .filter(|values| values.len() == KEY_LETTERS)
        .ok_or_else(|| cut("the key"))?;
    let bytes = bits::join(&values, code::LETTER_BITS, KEY_BYTES).ok_or_else(|| cut("the key"))?;
    let key = RepositoryKey::from_bytes(&bytes)?;
    // The bits that fill up the last letter carry nothing, so they may not be anything else than nothing.
    let padded = code::letters_of(&bits::split(&bytes, code::LETTER_BITS)).as_slice() == letters.as_bytes();
    if !padded || check(code.expose_secret(), key.expose()).to_uppercase() != expected {
        return Err(cut("its check does not match the code and the key"));
    }
    Ok((code, key, place))
}

pub fn squares(kit: &RecoveryKit) -> Result<Squares, Problem> {
    let text = text_of(kit)?;
    let code = QrCode::with_error_correction_level(text.expose_secret().as_bytes(), EcLevel::M)
        .map_err(|error| unreadable(&format!("It does not fit into a QR code: {error}.")))?;
    let dark = code.to_colors().into_iter().map(|color| color == Color::Dark).collect();
    Ok(Squares {
        side: code.width(),
        dark: Zeroizing::new(dark),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{kit, sample};
    use super::*;
    use proptest::prelude::*;

    /// What a camera sees of the squares: each eight points wide, with a light border of four of them.
    pub fn seen(side: usize, dark: &dyn Fn(usize, usize) -> bool) -> Option<String> {
        let points = (side + 8) * 8;
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(points, points, |x, y| {
            let inside = |at: usize| (at / 8).checked_sub(4).filter(|at| *at < side);
            match (inside(x), inside(y)) {
                (Some(x), Some(y)) if dark(x, y) => 0,
                _ => 255,
            }
        });
        image.detect_grids().pop().and_then(|grid| grid.decode().ok()).map(|(_, text)| text)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(6))]
        #[test]
        fn a_camera_reads_the_squares_and_the_text_is_the_whole_kit(seed in any::<[u8; 25]>(), folder in "[ -~äöüßé中文🙂]{0,24}") {
            let kit = kit(&seed, &format!("/mnt/{folder}"));
            let squares = squares(&kit).expect("fits");
            let read = seen(squares.side, &|x, y| squares.dark[y * squares.side + x]).expect("a camera reads it");
            let text = text_of(&kit).expect("text");
            prop_assert_eq!(read.as_str(), text.expose_secret());
            let (code, key, place) = parse(&read).expect("reads");
            prop_assert_eq!(code.expose_secret(), kit.code().expose_secret());
            prop_assert_eq!(key.expose(), kit.key().expose());
            prop_assert_eq!(place.as_ref(), Some(kit.place()));
        }
    }

    #[test]
    fn a_changed_or_cut_text_is_refused_wherever_it_was_changed_before_the_place() {
        let kit = sample();
        let text = text_of(&kit).expect("text").expose_secret().to_owned();
        let end = text.rfind(":/").expect("the place");
        for at in 0..end {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'7' { b'8' } else { b'7' };
            let problem = parse(&String::from_utf8(bytes).expect("ascii"))
                .err()
                .unwrap_or_else(|| panic!("changed at {at}"));
            assert_eq!(problem.code, crate::problems::E_KIT, "{at}: {problem}");
            assert!(parse(&text[..at]).is_err(), "cut at {at}");
        }
        assert_eq!(parse(&text[..end]).expect("without the place").2, None);
        let long = super::super::testing::kit(&[9; 25], &format!("/{}", "x".repeat(500)));
        assert!(
            text_of(&long).expect("text").expose_secret().len() < 200,
            "a long place is left out"
        );
    }
}
