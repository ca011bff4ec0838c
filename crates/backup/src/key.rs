//! The keys of a place, and the recovery kit a person keeps on paper.
//!
//! The repository key opens at once and still opens when every key file is lost; the recovery code is a normal
//! restic password. Both are secret: no Debug, no Clone, no Serialize, never in an argument or environment.

use ledger::Problem;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::place::Place;
use crate::problems::{self, E_KIT};

/// restic's master key as JSON has exactly this many characters.
pub const KEY_CHARACTERS: usize = 128;
/// Groups of five letters and digits in a recovery code: 40 × 5 = 200 bits.
const CODE_GROUPS: usize = 8;
const GROUP_CHARACTERS: usize = 5;
/// Crockford's base 32: no I, L, O, U, so that a printed code can be typed.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// A kit is a page, not a file of this size.
const LARGEST_KIT_BYTES: usize = 16 * 1024;

/// Opens a place. Keep it in the sealed store only.
pub struct RepositoryKey(SecretString);

impl RepositoryKey {
    /// From the sealed store. Errors: `E-BACKUP-KEY` when it has not a key's form.
    pub fn from_stored(json: SecretString) -> Result<RepositoryKey, Problem> {
        let sound = json.expose_secret().len() == KEY_CHARACTERS
            && serde_json::from_str::<rustic_core::repofile::MasterKey>(json.expose_secret()).is_ok();
        if sound {
            Ok(RepositoryKey(json))
        } else {
            Err(problems::key("It does not have the form of a key; it was cut off or changed."))
        }
    }

    /// For the sealed store and the worker's pipe, nowhere else.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// What restores everything on another computer, with nothing but the folder: to be printed or saved outside.
pub struct RecoveryKit {
    place: Place,
    code: SecretString,
    key: RepositoryKey,
}

impl RecoveryKit {
    pub(crate) fn new(place: Place, code: SecretString, key: RepositoryKey) -> RecoveryKit {
        RecoveryKit { place, code, key }
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

    /// The first characters of the code's last group: what the person types back to show that the kit was kept.
    pub fn is_last_group(&self, typed: &str) -> bool {
        let code = self.code.expose_secret();
        let last = code.rsplit('-').next();
        last.is_some_and(|last| plain(typed).is_some_and(|typed| typed.as_str() == last))
    }

    /// The page. It is itself a secret.
    pub fn to_text(&self) -> SecretString {
        let path = self.place.path().display();
        let (code, key) = (self.code.expose_secret(), self.key.expose());
        SecretString::from(format!(
            "CHANGEOVER RECOVERY KIT\n\
             \n\
             Keep this page away from this computer. Whoever has it and the backups can read your books.\n\
             Without it, and without this computer, nobody can open the backups: not you, not us.\n\
             \n\
             Place: {path}\n\
             Recovery code: {code}\n\
             Repository key: {key}\n\
             Check: {check}\n\
             \n\
             On another computer, with Changeover:\n\
             1. Install Changeover and choose \"Restore on this computer\".\n\
             2. Choose the folder with the backups and this page's file, or type the recovery code.\n\
             \n\
             On another computer, without Changeover (the free program restic, https://restic.net):\n\
             1. Write the recovery code, as printed, into a file code.txt.\n\
             2. restic -r \"{path}\" --password-file code.txt restore latest --target restored\n\
             Use restic only to look and to restore; never run its prune or forget on these backups.\n",
            check = check(code, key),
        ))
    }

    /// Reads a kit's page. Errors: `E-BACKUP-KIT` naming the line that is missing or was mistyped.
    pub fn parse(text: &str) -> Result<RecoveryKit, Problem> {
        if text.len() > LARGEST_KIT_BYTES {
            return Err(kit("The file is too large to be a recovery kit."));
        }
        let line = |name: &str| {
            let found = text.lines().filter_map(|line| line.trim().strip_prefix(name)).map(str::trim).next();
            found.ok_or_else(|| kit(&format!("The line that begins with \"{name}\" is missing.")))
        };
        let place = Place::folder(line("Place:")?)?;
        let code = recovery_code(line("Recovery code:")?)?;
        let key = line("Repository key:")?;
        let expected = line("Check:")?;
        if check(code.expose_secret(), key) != expected.to_lowercase() {
            return Err(kit(
                "The check line does not match: a character of the code or the key is not as it was printed.",
            ));
        }
        Ok(RecoveryKit {
            place,
            code,
            key: RepositoryKey::from_stored(SecretString::from(key.to_owned()))?,
        })
    }
}

/// A recovery code as typed by a person: small letters, spaces and O for 0 are understood. Errors: `E-BACKUP-KIT`.
pub fn recovery_code(typed: &str) -> Result<SecretString, Problem> {
    let letters = match plain(typed) {
        Some(letters) if letters.len() == CODE_GROUPS * GROUP_CHARACTERS => letters,
        Some(letters) => {
            return Err(kit(&format!(
                "A recovery code has {} letters and digits; this one has {}.",
                CODE_GROUPS * GROUP_CHARACTERS,
                letters.len()
            )));
        }
        None => return Err(kit("A recovery code has only digits and letters, without U.")),
    };
    Ok(grouped(letters.as_bytes()))
}

/// A new random recovery code.
pub(crate) fn new_code() -> Result<SecretString, Problem> {
    let mut random = Zeroizing::new([0u8; CODE_GROUPS * GROUP_CHARACTERS]);
    getrandom::fill(&mut *random).map_err(|error| kit(&format!("This computer gave no random numbers: {error}.")))?;
    for byte in random.iter_mut() {
        // 32 divides 256, so every character is equally likely.
        *byte = ALPHABET[usize::from(*byte % 32)];
    }
    Ok(grouped(&*random))
}

fn grouped(letters: &[u8]) -> SecretString {
    let mut code = Zeroizing::new(String::with_capacity(CODE_GROUPS * (GROUP_CHARACTERS + 1)));
    for (at, letter) in letters.iter().enumerate() {
        if at > 0 && at % GROUP_CHARACTERS == 0 {
            code.push('-');
        }
        code.push(char::from(*letter));
    }
    SecretString::from(code.as_str())
}

fn plain(typed: &str) -> Option<Zeroizing<String>> {
    let mut letters = Zeroizing::new(String::with_capacity(typed.len()));
    for c in typed.chars().filter(|c| !c.is_whitespace() && *c != '-') {
        let c = match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        };
        if !c.is_ascii() || !ALPHABET.contains(&(c as u8)) {
            return None;
        }
        letters.push(c);
    }
    Some(letters)
}

fn check(code: &str, key: &str) -> String {
    hex::encode(&Sha256::digest(format!("changeover recovery kit 1\n{code}\n{key}\n"))[..4])
}

fn kit(why: &str) -> Problem {
    Problem::new(
        E_KIT,
        "This recovery kit cannot be read.",
        why,
        "Type or scan it again from the printed page, line by line.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> RecoveryKit {
        let json = serde_json::to_string(&rustic_core::repofile::MasterKey::new()).expect("key");
        assert_eq!(json.len(), KEY_CHARACTERS);
        let key = RepositoryKey::from_stored(SecretString::from(json)).expect("key");
        RecoveryKit::new(
            Place::folder("/media/usb disk/backups").expect("place"),
            new_code().expect("code"),
            key,
        )
    }

    #[test]
    fn a_printed_kit_reads_back_also_when_typed_in_small_letters() {
        let kit = sample();
        let text = kit.to_text();
        let back = RecoveryKit::parse(text.expose_secret()).expect("reads");
        assert_eq!(back.place(), kit.place());
        assert_eq!(back.key().expose(), kit.key().expose());
        assert_eq!(back.code().expose_secret(), kit.code().expose_secret());
        let typed = kit
            .code()
            .expose_secret()
            .to_lowercase()
            .replace('-', " ")
            .replace('0', "o")
            .replace('1', "l");
        assert_eq!(recovery_code(&typed).expect("typed").expose_secret(), kit.code().expose_secret());
        let last = kit.code().expose_secret().rsplit('-').next().expect("group").to_lowercase();
        assert!(kit.is_last_group(&last));
        assert!(!kit.is_last_group("") && !kit.is_last_group("00000x"));
    }

    #[test]
    fn a_mistyped_character_of_code_or_key_is_noticed_at_once() {
        let kit = sample();
        let text = kit.to_text().expose_secret().to_owned();
        for name in ["Recovery code: ", "Repository key: ", "Check: "] {
            let start = text.find(name).expect(name) + name.len();
            let mut bytes = text.clone().into_bytes();
            let at = start + 3;
            bytes[at] = if bytes[at] == b'7' { b'8' } else { b'7' };
            let wrong = String::from_utf8(bytes).expect("text");
            assert_eq!(RecoveryKit::parse(&wrong).err().expect(name).code, E_KIT, "{name}");
        }
        assert_eq!(RecoveryKit::parse("Place: /x").err().expect("short").code, E_KIT);
        assert_eq!(recovery_code("ABC").expect_err("short").code, E_KIT);
    }
}
