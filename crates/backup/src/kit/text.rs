//! The kit as a text: what a file holds, what is attached to the printed page, what can be typed from it line by line.
//!
//! Reading is strict about the lines that open something and passes over all others. One wrong character is told by its place.

use jiff::civil::Date;
use ledger::Problem;
use secrecy::{ExposeSecret, SecretString};

use super::slips::{Printed, Slip};
use super::{RecoveryKit, check, code, unreadable};
use crate::key::{KEY_CHARACTERS, RepositoryKey};
use crate::place::Place;

/// How every text begins; by this it is found in a page's file.
pub const HEADING: &str = "CHANGEOVER RECOVERY KIT\n";
/// A kit is a page, not a text of this many bytes.
pub const LARGEST_TEXT_BYTES: usize = 16 * 1024;

pub fn of(kit: &RecoveryKit) -> SecretString {
    let path = kit.place.path().display();
    let (code, key) = (kit.code.expose_secret(), kit.key.expose());
    let made = kit.made.map(|day| format!("Made: {day}\n")).unwrap_or_default();
    let words = kit.to_words().unwrap_or_default();
    let words = words.expose_secret();
    let named = in_a_command(&kit.place);
    SecretString::from(format!(
        "{HEADING}\
         \n\
         Keep this page away from this computer. Whoever has it and the backups can read your books.\n\
         Without it, and without this computer, nobody can open the backups: not you, not us.\n\
         \n\
         Place: {path}\n\
         {made}\
         Recovery code: {code}\n\
         Check letters of the code: {letters}\n\
         The code as words: {words}\n\
         Repository key: {key}\n\
         Check: {check}\n\
         \n\
         On another computer, with Changeover:\n\
         1. Install Changeover and choose \"Restore on this computer\".\n\
         2. Choose the folder with the backups and this page's file, or type the recovery code.\n\
         \n\
         On another computer, without Changeover (the free program restic, https://restic.net):\n\
         1. Write the recovery code, as printed, into a file code.txt.\n\
         2. restic -r {named} --password-file code.txt restore latest --target restored\n\
         Use restic only to look and to restore; never run its prune or forget on these backups.\n",
        letters = *code::check_of(code),
        check = check(code, key),
    ))
}

/// The place as it can be typed after `restic -r`: never a text that a shell would carry out.
fn in_a_command(place: &Place) -> String {
    let path = place.path().display().to_string();
    if path.contains(['"', '$', '`', '!', '%']) {
        "PLACE (the folder named above)".to_string()
    } else {
        format!("\"{path}\"")
    }
}

pub fn parse(text: &str) -> Result<RecoveryKit, Problem> {
    if text.len() > LARGEST_TEXT_BYTES {
        return Err(unreadable("The file is too large to be a recovery kit."));
    }
    let find = |name: &str| text.lines().filter_map(|line| line.trim().strip_prefix(name)).map(str::trim).next();
    let line = |name: &str| find(name).ok_or_else(|| unreadable(&format!("The line that begins with \"{name}\" is missing.")));
    let place = Place::folder(line("Place:")?)?;
    let code = code::recovery_code(line("Recovery code:")?)?;
    let key = line("Repository key:")?;
    let expected = line("Check:")?.to_lowercase();
    if check(code.expose_secret(), key) != expected {
        return Err(unreadable(&slipped(code.expose_secret(), key, &expected)));
    }
    let made = match find("Made:") {
        Some(day) => Some(
            day.parse::<Date>()
                .map_err(|_| unreadable("The line that begins with \"Made:\" holds no date."))?,
        ),
        None => None,
    };
    let key = RepositoryKey::from_stored(SecretString::from(key.to_owned()))?;
    Ok(RecoveryKit { place, code, key, made })
}

/// Which line does not fit the others, and where.
fn slipped(code: &str, key: &str, expected: &str) -> String {
    let off = check(code, key)
        .bytes()
        .zip(expected.bytes())
        .filter(|(is, said)| is != said)
        .count();
    if expected.len() != 8 || off == 1 {
        return "The line that begins with \"Check:\" is not as it was printed.".to_string();
    }
    if key.len() > KEY_CHARACTERS + 1 {
        return format!(
            "The line that begins with \"Repository key:\" has {} characters; {KEY_CHARACTERS} were printed.",
            key.len()
        );
    }
    let letters: Vec<u8> = code.bytes().filter(|letter| *letter != b'-').collect();
    let in_code = code::find_slip(&letters, |letters| {
        let groups: Vec<&str> = letters
            .chunks(code::GROUP_LETTERS)
            .filter_map(|group| std::str::from_utf8(group).ok())
            .collect();
        check(&groups.join("-"), key) == expected
    });
    if in_code != Slip::Several {
        return code::describe(in_code);
    }
    let signs: Vec<u8> = (b' '..=b'~').collect();
    let right = |key: &[u8]| std::str::from_utf8(key).is_ok_and(|key| check(code, key) == expected);
    let named = |at: usize| format!("Character {} of the repository key", at + 1);
    match (Printed {
        alphabet: &signs,
        count: KEY_CHARACTERS,
        right: &right,
    }
    .slip(key.as_bytes()))
    {
        Slip::Wrong(at) => format!("{} is not as it was printed.", named(at)),
        Slip::Swapped(one, other) => format!("{} and character {} of it changed places.", named(one), other + 1),
        Slip::Missing(at) => format!("{} is missing.", named(at)),
        Slip::Extra(at) => format!("{} is one too many.", named(at)),
        Slip::Several if key.len() != KEY_CHARACTERS => {
            format!(
                "The line that begins with \"Repository key:\" has {} characters; {KEY_CHARACTERS} were printed.",
                key.len()
            )
        }
        Slip::Several => {
            "The check line does not match: several characters of the code or the key are not as they were printed.".to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{kit, sample};
    use super::*;
    use crate::problems::E_KIT;
    use proptest::prelude::*;

    #[test]
    fn a_printed_kit_reads_back_also_when_typed_in_small_letters() {
        let kit = sample();
        let text = kit.to_text();
        let back = RecoveryKit::parse(text.expose_secret()).expect("reads");
        assert_eq!(
            (back.place(), back.made(), back.fingerprint()),
            (kit.place(), kit.made(), kit.fingerprint())
        );
        assert_eq!(back.key().expose(), kit.key().expose());
        assert_eq!(back.code().expose_secret(), kit.code().expose_secret());
        let typed = kit
            .code()
            .expose_secret()
            .to_lowercase()
            .replace('-', " ")
            .replace('0', "o")
            .replace('1', "l");
        assert_eq!(
            code::recovery_code(&typed).expect("typed").expose_secret(),
            kit.code().expose_secret()
        );
        let last = kit.code().expose_secret().rsplit('-').next().expect("group").to_lowercase();
        assert!(kit.is_last_group(&last) && super::super::is_marked_group(&last, kit.key(), &kit.last_group_mark()));
        for wrong in ["", "00000x", "00000", kit.code().expose_secret()] {
            assert!(!kit.is_last_group(wrong) && !super::super::is_marked_group(wrong, kit.key(), &kit.last_group_mark()));
        }
        // A kit of an earlier version has fewer lines.
        let fewer: Vec<&str> = text
            .expose_secret()
            .lines()
            .filter(|line| !["Made:", "Check letters", "The code as"].iter().any(|name| line.starts_with(name)))
            .collect();
        assert_eq!(RecoveryKit::parse(&fewer.join("\n")).expect("reads").made(), None);
        assert_eq!(RecoveryKit::parse("Place: /x").err().expect("short").code, E_KIT);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn every_single_mistyped_character_of_code_key_or_check_is_named_by_its_place(seed in any::<[u8; 25]>(), at in 0..128usize, other in b'!'..=b'~') {
            let kit = kit(&seed, "/media/usb disk/backups");
            let text = kit.to_text().expose_secret().to_owned();
            for (name, length) in [("Recovery code: ", 47), ("Repository key: ", 128), ("Check: ", 8)] {
                let at = at % length;
                let start = text.find(name).expect(name) + name.len();
                let mut bytes = text.clone().into_bytes();
                let alike = |letter: u8| match letter.to_ascii_uppercase() { b'O' => b'0', b'I' | b'L' => b'1', letter => letter };
                let same = match name { "Repository key: " => bytes[start + at] == other, _ => alike(bytes[start + at]) == alike(other) };
                if same || bytes[start + at] == b'-' {
                    continue;
                }
                bytes[start + at] = other;
                let problem = RecoveryKit::parse(&String::from_utf8(bytes).expect("ascii")).err().expect(name);
                prop_assert_eq!(problem.code, E_KIT);
                let said = problem.why.join(" ");
                let named = match name {
                    "Recovery code: " if other == b'-' => "this one has 39".to_string(),
                    "Recovery code: " => format!("Character {} of group {}", at % 6 + 1, at / 6 + 1),
                    "Repository key: " => format!("Character {} of the repository key", at + 1),
                    _ => "\"Check:\"".to_string(),
                };
                prop_assert!(said.contains(&named), "{} at {}: {}", name, at, said);
            }
        }
    }
}
