//! The recovery code: 40 letters and digits in eight groups, a normal restic password; and its check letters.
//!
//! Read as a person types it. A slip is told by group and place, never by what should stand there. The code is secret.

use ledger::Problem;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::slips::{Printed, Slip};
use super::{bits, unreadable};

/// Groups of five letters and digits: 40 × 5 = 200 bits.
pub const GROUPS: usize = 8;
pub const GROUP_LETTERS: usize = 5;
pub const LETTERS: usize = GROUPS * GROUP_LETTERS;
/// The code as bytes.
pub const BYTES: usize = LETTERS * LETTER_BITS / 8;
pub const LETTER_BITS: usize = 5;
/// The check letters that may follow the code: 25 bits.
pub const CHECK_LETTERS: usize = GROUP_LETTERS;
/// Crockford's base 32: no I, L, O, U, so that a printed code can be typed.
pub const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Longer than any code that is typed.
const LONGEST_TYPED: usize = 512;

/// A recovery code as typed: small letters, spaces and O for 0 are understood; with its check letters a slip is named by its place.
/// Errors: `E-BACKUP-KIT`.
pub fn recovery_code(typed: &str) -> Result<SecretString, Problem> {
    let letters = letters(typed)?;
    let code = match letters.len() {
        LETTERS => letters.as_slice(),
        more if more == LETTERS + CHECK_LETTERS => {
            let (code, check) = letters.split_at(LETTERS);
            if check_letters(code).as_slice() != check {
                return Err(unreadable(&slipped(code, check)));
            }
            code
        }
        other => {
            let counted =
                format!("A recovery code has {LETTERS} letters and digits ({GROUPS} groups of {GROUP_LETTERS}); this one has {other}.");
            let problem = unreadable(&counted);
            return Err(match uneven_group(typed) {
                Some((group, count)) => problem.because(format!("Group {group} has {count} of its {GROUP_LETTERS}.")),
                None => problem,
            });
        }
    };
    Ok(grouped(code))
}

/// Five letters that follow from the code, printed beside it.
pub fn check_of(code: &str) -> Zeroizing<String> {
    let letters: Zeroizing<Vec<u8>> = Zeroizing::new(code.bytes().filter(|letter| *letter != b'-').collect());
    check_letters(&letters)
        .iter()
        .map(|letter| char::from(*letter))
        .collect::<String>()
        .into()
}

fn check_letters(code: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut hash = Sha256::new();
    hash.update(b"changeover recovery code 1\n");
    hash.update(code);
    letters_of(&bits::split(&hash.finalize()[..4], LETTER_BITS)[..CHECK_LETTERS])
}

/// A new random code.
pub fn new_code() -> Result<SecretString, Problem> {
    let mut random = Zeroizing::new([0u8; BYTES]);
    getrandom::fill(&mut *random).map_err(|error| unreadable(&format!("This computer gave no random numbers: {error}.")))?;
    Ok(of_bytes(&random))
}

/// The code that these 25 bytes are.
pub fn of_bytes(bytes: &[u8; BYTES]) -> SecretString {
    grouped(&letters_of(&bits::split(bytes, LETTER_BITS)))
}

/// A code as bytes. `None` for what is no code.
pub fn to_bytes(code: &str) -> Option<Zeroizing<[u8; BYTES]>> {
    let letters = letters(code).ok().filter(|letters| letters.len() == LETTERS)?;
    let bytes = bits::join(&values_of(&letters)?, LETTER_BITS, BYTES)?;
    let mut whole = Zeroizing::new([0; BYTES]);
    whole.copy_from_slice(&bytes);
    Some(whole)
}

/// Values of five bits as letters and digits.
pub fn letters_of(values: &[u16]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(values.iter().map(|value| ALPHABET[usize::from(*value % 32)]).collect())
}

/// Letters and digits as values of five bits. `None` when one of them is none of the alphabet.
pub fn values_of(letters: &[u8]) -> Option<Zeroizing<Vec<u16>>> {
    let value = |letter: &u8| {
        ALPHABET
            .iter()
            .position(|known| known == letter)
            .and_then(|at| u16::try_from(at).ok())
    };
    letters.iter().map(value).collect::<Option<Vec<u16>>>().map(Zeroizing::new)
}

/// Whether this is the code's last group, as a person types it.
pub fn is_last_group(code: &str, typed: &str) -> bool {
    let Some(last) = code.rsplit('-').next() else {
        return false;
    };
    letters(typed).is_ok_and(|typed| typed.as_slice() == last.as_bytes())
}

/// The typed letters and digits in their printed form. Errors: `E-BACKUP-KIT` naming what cannot stand in a code by its place.
pub fn letters(typed: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    if typed.len() > LONGEST_TYPED {
        return Err(unreadable("That is too long to be a recovery code."));
    }
    let mut letters = Zeroizing::new(Vec::with_capacity(typed.len()));
    let mut strange = Vec::new();
    for c in typed
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}'))
    {
        let c = match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        };
        match u8::try_from(c).ok().filter(|letter| ALPHABET.contains(letter)) {
            Some(letter) => letters.push(letter),
            None => {
                strange.push(format!("{} is neither a digit nor one of its letters.", place(letters.len())));
                letters.push(b'0');
            }
        }
    }
    let mut strange = strange.into_iter();
    match strange.next() {
        None => Ok(letters),
        Some(_) if letters.len() > LETTERS + CHECK_LETTERS + GROUP_LETTERS => Err(unreadable("This is no recovery code.")),
        Some(first) => {
            let problem = unreadable("A recovery code has only digits and letters, without U.").because(first);
            Err(strange.fold(problem, Problem::because))
        }
    }
}

/// "Character 3 of group 4".
fn place(at: usize) -> String {
    format!("Character {} of group {}", at % GROUP_LETTERS + 1, at / GROUP_LETTERS + 1)
}

/// The first group that a person typed with too many or too few characters, where they typed groups at all.
fn uneven_group(typed: &str) -> Option<(usize, usize)> {
    let groups = typed
        .split(|c: char| c == '-' || c.is_whitespace())
        .filter(|group| !group.is_empty());
    let counts: Vec<usize> = groups.map(|group| group.chars().count()).collect();
    let uneven = counts.iter().position(|count| *count != GROUP_LETTERS)?;
    (counts.len() >= GROUPS - 1).then_some((uneven + 1, counts[uneven]))
}

/// What is not as it was printed, in words.
fn slipped(code: &[u8], check: &[u8]) -> String {
    describe(find_slip(code, |code| check_letters(code).as_slice() == check))
}

/// Where a code differs from the one that `right` knows.
pub fn find_slip(code: &[u8], right: impl Fn(&[u8]) -> bool) -> Slip {
    Printed {
        alphabet: ALPHABET.as_slice(),
        count: LETTERS,
        right: &right,
    }
    .slip(code)
}

/// A slip in a code, in words.
pub fn describe(slip: Slip) -> String {
    match slip {
        Slip::Wrong(at) => format!("{} of the recovery code is not as it was printed.", place(at)),
        Slip::Swapped(one, other) => {
            format!(
                "{} and character {} of group {} of the recovery code changed places.",
                place(one),
                other % GROUP_LETTERS + 1,
                other / GROUP_LETTERS + 1
            )
        }
        Slip::Missing(_) | Slip::Extra(_) | Slip::Several => {
            "Several characters of the recovery code, or its check letters, are not as they were printed.".to_string()
        }
    }
}

fn grouped(letters: &[u8]) -> SecretString {
    let mut code = Zeroizing::new(String::with_capacity(GROUPS * (GROUP_LETTERS + 1)));
    for (at, letter) in letters.iter().enumerate() {
        if at > 0 && at % GROUP_LETTERS == 0 {
            code.push('-');
        }
        code.push(char::from(*letter));
    }
    SecretString::from(code.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    fn why(typed: &str) -> String {
        let problem = recovery_code(typed).expect_err("refused");
        assert_eq!(problem.code, crate::problems::E_KIT);
        problem.why.join(" ")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn every_single_mistake_in_a_code_with_its_check_letters_is_named_by_its_place(bytes in any::<[u8; BYTES]>(), at in 0..LETTERS, other in 0..32usize) {
            let code = of_bytes(&bytes);
            let code = code.expose_secret();
            prop_assert_eq!(to_bytes(code).expect("a code").to_vec(), bytes.to_vec());
            let mut typed = letters(code).expect("letters").to_vec();
            let whole = format!("{code} {}", *check_of(code));
            let read = recovery_code(&whole.to_lowercase()).expect("right");
            prop_assert_eq!(read.expose_secret(), code);
            if ALPHABET[other] != typed[at] {
                typed[at] = ALPHABET[other];
                let typed = String::from_utf8(typed).expect("ascii");
                let said = why(&format!("{typed}{}", *check_of(code)));
                prop_assert!(said.starts_with(&format!("Character {} of group {}", at % 5 + 1, at / 5 + 1)), "{}", said);
            }
        }
    }

    #[test]
    fn what_cannot_stand_in_a_code_and_a_group_that_is_short_are_named() {
        let code = of_bytes(&[7; BYTES]);
        let code = code.expose_secret();
        let mut strange: Vec<char> = code.chars().collect();
        strange[8] = '?';
        assert!(
            why(&strange.iter().collect::<String>()).contains("Character 3 of group 2"),
            "counted without the dash"
        );
        let mut short: Vec<&str> = code.split('-').collect();
        let third = &short[2][..4];
        short[2] = third;
        assert!(why(&short.join("-")).contains("Group 3 has 4 of its 5."));
        let swapped: String = [&code[..1], &code[2..3], &code[1..2], &code[3..]].concat();
        assert!(code[1..2] != code[2..3] && why(&format!("{swapped}{}", *check_of(code))).contains("changed places"));
        assert!(why("ABC").contains("this one has 3"));
        assert!(why(&"A".repeat(10_000)).contains("too long"));
        assert!(is_last_group(code, &code[code.len() - 5..].to_lowercase()) && !is_last_group(code, "") && !is_last_group(code, code));
    }
}
