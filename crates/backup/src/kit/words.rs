//! The recovery code as 21 words: easier to read aloud and to copy by hand than letters and digits.
//!
//! 200 bits of code and 31 bits of check, eleven a word, from the word list of BIP 39 (every word is known by its first four
//! letters). It is no wallet's phrase. A wrong word is told by its number, never by what it should be.

use bip39::Language;
use ledger::Problem;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::code::{self, BYTES};
use super::slips::{Printed, Slip};
use super::{bits, unreadable};

pub const WORDS: usize = 21;
const WORD_BITS: usize = 11;
/// Code and check: 231 bits, the last byte filled up with one zero.
const ALL_BYTES: usize = (WORDS * WORD_BITS).div_ceil(8);
/// So many first letters tell one word from every other.
const TELLING_LETTERS: usize = 4;
/// Longer than any 22 words.
const LONGEST_TYPED: usize = 4096;

/// The words of a code, with one space between them. `None` for what is no code.
pub fn of_code(code: &str) -> Option<SecretString> {
    let bytes = code::to_bytes(code)?;
    let values = values_of(&bytes);
    let list = Language::English.word_list();
    let mut words = Zeroizing::new(String::with_capacity(WORDS * 9));
    for value in values.iter() {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(list[usize::from(*value)]);
    }
    Some(SecretString::from(words.as_str()))
}

fn values_of(code: &[u8; BYTES]) -> Zeroizing<Vec<u16>> {
    let mut all = Zeroizing::new([0u8; ALL_BYTES]);
    all[..BYTES].copy_from_slice(code);
    let check = check(code);
    all[BYTES..].copy_from_slice(&check);
    bits::split(&*all, WORD_BITS)[..WORDS].to_vec().into()
}

/// 31 bits; the last one is zero because 21 words have no room for it.
fn check(code: &[u8]) -> [u8; ALL_BYTES - BYTES] {
    let hash = Sha256::digest([b"changeover recovery words 1\n".as_slice(), code].concat());
    [hash[0], hash[1], hash[2], hash[3] & !1]
}

fn are_right(values: &[u16]) -> bool {
    values.len() == WORDS
        && bits::join(values, WORD_BITS, ALL_BYTES - 1).is_some_and(|bytes| {
            let code: Result<&[u8; BYTES], _> = bytes[..BYTES].try_into();
            code.is_ok_and(|code| values_of(code).as_slice() == values)
        })
}

/// Whether a text could be meant as the words: several words of letters only.
pub fn looks_like(typed: &str) -> bool {
    let words = pieces(typed);
    words.len() >= WORDS / 2 && words.iter().filter(|word| number_of(word).is_some()).count() * 2 > words.len()
}

/// The code that the typed words stand for. Numbers, commas and line breaks between them are passed over; four letters of each
/// are enough. Errors: `E-BACKUP-KIT` naming the words that are wrong, missing or too many by their numbers.
pub fn to_code(typed: &str) -> Result<SecretString, Problem> {
    if typed.len() > LONGEST_TYPED {
        return Err(unreadable("That is too long to be the words of a recovery kit."));
    }
    let pieces = pieces(typed);
    let mut values = Zeroizing::new(Vec::with_capacity(pieces.len()));
    let mut unknown = Vec::new();
    for (at, word) in pieces.iter().enumerate() {
        match number_of(word) {
            Some(value) => values.push(value),
            None => unknown.push(at + 1),
        }
    }
    if !unknown.is_empty() {
        let listed: Vec<String> = unknown.iter().take(WORDS).map(ToString::to_string).collect();
        let said = match listed.as_slice() {
            [one] => format!("Word {one} is none of the words that are printed on recovery kits."),
            several => format!("Words {} are none of those that are printed on recovery kits.", several.join(", ")),
        };
        return Err(counted(unreadable(&said), pieces.len()));
    }
    if !are_right(&values) {
        let list: Zeroizing<Vec<u16>> = Zeroizing::new((0..1 << WORD_BITS).collect());
        let slip = Printed {
            alphabet: list.as_slice(),
            count: WORDS,
            right: &are_right,
        }
        .slip(&values);
        return Err(match slip {
            Slip::Wrong(at) => unreadable(&format!("Word {} is not the one that was printed.", at + 1)),
            Slip::Swapped(one, other) => unreadable(&format!("Words {} and {} changed places.", one + 1, other + 1)),
            Slip::Missing(at) => unreadable(&format!("Word {} is missing.", at + 1)),
            Slip::Extra(at) => unreadable(&format!("Word {} is one too many.", at + 1)),
            Slip::Several if values.len() == WORDS => unreadable("More than one of the words is not as it was printed."),
            Slip::Several => counted(unreadable("The words are not complete, or there are too many."), values.len()),
        });
    }
    let bytes = bits::join(&values, WORD_BITS, BYTES).ok_or_else(|| unreadable("The words are not complete."))?;
    let mut whole = Zeroizing::new([0; BYTES]);
    whole.copy_from_slice(&bytes);
    Ok(code::of_bytes(&whole))
}

fn counted(problem: Problem, count: usize) -> Problem {
    if count == WORDS {
        problem
    } else {
        problem.because(format!("A recovery code has {WORDS} words; these are {count}."))
    }
}

/// The words without numbers and signs.
fn pieces(typed: &str) -> Vec<Zeroizing<String>> {
    let parts = typed.split(|c: char| !c.is_alphanumeric());
    let words = parts.filter(|part| part.chars().any(char::is_alphabetic));
    words.map(|word| Zeroizing::new(word.to_lowercase())).collect()
}

/// A word's number in the list, from the whole word or its first four letters or more.
fn number_of(word: &str) -> Option<u16> {
    let exact = Language::English.find_word(word);
    if exact.is_some() || word.chars().count() < TELLING_LETTERS {
        return exact;
    }
    let mut beginning = Language::English.words_by_prefix_iter(word);
    match (beginning.next(), beginning.next()) {
        (Some(one), None) => Language::English.find_word(one),
        _ => None,
    }
}

/// For the page, which prints them one by one.
pub fn listed(words: &SecretString) -> impl Iterator<Item = &str> {
    words.expose_secret().split(' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn why(typed: &[&str]) -> String {
        let problem = to_code(&typed.join(" ")).expect_err("refused");
        assert_eq!(problem.code, crate::problems::E_KIT);
        let said = problem.why.join(" ");
        for word in typed.iter().filter(|word| word.len() > 5) {
            assert!(
                !said.split([' ', '.', ',']).any(|said| said == *word) || "printed recovery changed".contains(*word),
                "{said} repeats {word}"
            );
        }
        said
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn words_come_back_as_the_code_and_every_single_wrong_word_is_named(bytes in any::<[u8; BYTES]>(), at in 0..WORDS, other in 0..2048usize, second in 0..WORDS) {
            let code = code::of_bytes(&bytes);
            let words = of_code(code.expose_secret()).expect("words");
            let words: Vec<&str> = listed(&words).collect();
            prop_assert_eq!(words.len(), WORDS);
            let numbered: String = words.iter().enumerate().map(|(at, word)| format!("{:>2}. {}\n", at + 1, word.to_uppercase())).collect();
            prop_assert!(looks_like(&numbered));
            let (read, short) = (to_code(&numbered).expect("right"), words.iter().map(|word| &word[..word.len().min(4)]).collect::<Vec<_>>().join(","));
            prop_assert_eq!(read.expose_secret(), code.expose_secret());
            let read = to_code(&short).expect("four letters are enough");
            prop_assert_eq!(read.expose_secret(), code.expose_secret());
            let other = Language::English.word_list()[other];
            if other != words[at] {
                let mut typed = words.clone();
                typed[at] = other;
                prop_assert_eq!(why(&typed), format!("Word {} is not the one that was printed.", at + 1));
            }
            let mut typed = words.clone();
            typed[at] = "harbourmaster";
            prop_assert_eq!(why(&typed), format!("Word {} is none of the words that are printed on recovery kits.", at + 1));
            if words[at] != words[second] {
                let mut typed = words.clone();
                typed.swap(at, second);
                prop_assert_eq!(why(&typed), format!("Words {} and {} changed places.", at.min(second) + 1, at.max(second) + 1));
            }
            let mut typed = words.clone();
            typed.remove(at);
            let said = why(&typed);
            prop_assert!(said.ends_with("is missing."), "{}", said);
            let mut typed = words.clone();
            typed.insert(at, words[at]);
            let said = why(&typed);
            prop_assert!(said.ends_with("is one too many."), "{}", said);
        }
    }

    #[test]
    fn many_wrong_words_are_all_named_and_too_few_are_counted() {
        let code = code::of_bytes(&[200; BYTES]);
        let words = of_code(code.expose_secret()).expect("words");
        let mut typed: Vec<&str> = listed(&words).collect();
        (typed[2], typed[9]) = ("xyzzy", "plugh");
        assert!(why(&typed).starts_with("Words 3, 10 are none"), "{}", why(&typed));
        assert!(why(&typed[11..]).contains("these are 10"));
        assert!(!looks_like("00000-11111-22222-33333-44444-55555-66666-77777") && of_code("no code").is_none());
        assert!(to_code(&"word ".repeat(2000)).is_err());
    }
}
