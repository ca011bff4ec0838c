//! Checkpoints in C2SP signed-note form, so that other programs can verify a printed or mailed one.
//!
//! Text: origin, number of entries, base64 of the Merkle root, an empty line, then the ed25519 line
//! (https://c2sp.org/tlog-checkpoint, https://c2sp.org/signed-note). A checkpoint protects only once a
//! copy has left this computer; whoever holds the key and the file can write both anew. Which keys count, and
//! from which entry on, the log itself says (`signing.rs`).

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use ledger::{Problem, Retry};
use sha2::{Digest, Sha256};

use crate::chain::Hash;
use crate::problems;

/// Automatic checkpoints are this many entries apart, so a missing one is noticed.
pub const EVERY_ENTRIES: u64 = 256;
/// A note larger than this is not one of ours.
pub const LARGEST_NOTE_BYTES: usize = 4096;

const ED25519: u8 = 0x01;
const ORIGIN: &str = "changeover/";
const SIGNATURE_LINE: &str = "\u{2014} ";

/// One checkpoint as stored and shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub size: u64,
    pub root: Hash,
    /// The whole note, byte for byte; this is what is printed or mailed.
    pub note: String,
}

impl Checkpoint {
    pub fn is_signed(&self) -> bool {
        self.note.contains(&format!("\n\n{SIGNATURE_LINE}"))
    }
}

/// Signs checkpoints. The secret never leaves it: no Debug, no Clone, no Serialize; wiped when dropped.
pub struct Signer(SigningKey);

impl Signer {
    pub fn from_secret(secret: &[u8; 32]) -> Signer {
        Signer(SigningKey::from_bytes(secret))
    }

    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }
}

/// What a verifier needs; safe to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Errors: `E-JOURNAL-KEY` when the bytes are no ed25519 key.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<PublicKey, Problem> {
        match VerifyingKey::from_bytes(bytes) {
            Ok(key) => Ok(PublicKey(key)),
            Err(_) => Err(Problem::new(
                problems::E_KEY,
                "The key for checking the deployment log cannot be used.",
                "These 32 bytes are no key; a character was lost or changed on the way.",
                "Copy the verification key again from the evidence pack.",
            )
            .retrying(Retry::AfterFix)),
        }
    }

    pub fn to_bytes(self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Short enough to be compared by eye, long enough that nobody makes another key with the same one.
    pub fn fingerprint(self) -> String {
        let digest: Hash = Sha256::digest(self.0.to_bytes()).into();
        let groups: Vec<String> = digest[..12].chunks(2).map(hex::encode).collect();
        groups.join("-")
    }

    /// C2SP verifier key, for other programs: `name+keyid+base64(type ‖ key)`.
    pub fn verifier_text(self, installation_id: &str) -> String {
        let name = origin(installation_id);
        let id = hex::encode(self.id(&name));
        format!("{name}+{id}+{}", STANDARD.encode([&[ED25519][..], &self.0.to_bytes()].concat()))
    }

    fn id(self, name: &str) -> [u8; 4] {
        let digest: Hash = Sha256::new()
            .chain_update(name)
            .chain_update([b'\n', ED25519])
            .chain_update(self.0.to_bytes())
            .finalize()
            .into();
        [digest[0], digest[1], digest[2], digest[3]]
    }
}

/// The first line of every checkpoint of this installation.
pub fn origin(installation_id: &str) -> String {
    format!("{ORIGIN}{installation_id}")
}

pub(crate) fn make(installation_id: &str, size: u64, root: Hash, signer: Option<&Signer>) -> Checkpoint {
    let name = origin(installation_id);
    let text = format!("{name}\n{size}\n{}\n", STANDARD.encode(root));
    let note = match signer {
        None => text,
        Some(signer) => {
            let signature = signer.0.sign(text.as_bytes());
            let line = STANDARD.encode([&signer.public_key().id(&name)[..], &signature.to_bytes()].concat());
            format!("{text}\n{SIGNATURE_LINE}{name} {line}\n")
        }
    };
    Checkpoint { size, root, note }
}

/// Whose signature a note must bear.
#[derive(Debug, Clone, Copy)]
pub enum Signed<'a> {
    /// Only the form is looked at: the note is shown or compared, not believed.
    NotJudged,
    /// No key was in use yet: a signature would be a stranger's.
    ByNobody,
    /// One of these, and no other.
    ByOneOf(&'a [PublicKey]),
}

/// The installation that a note says it belongs to; none for what is no note of ours.
pub fn installation_of(note: &str) -> Option<&str> {
    note.lines()
        .next()
        .and_then(|line| line.strip_prefix(ORIGIN))
        .filter(|id| !id.is_empty())
}

/// A note as it comes back from paper or mail: other line ends and blank lines around it are not part of it.
pub fn tidied(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    format!("{}\n", text.trim_matches(['\n', ' ', '\t', '\u{feff}']))
}

/// Reads a note strictly: what `make` would not have written is refused with the reason.
pub fn read(installation_id: &str, note: &str, signed: Signed<'_>) -> Result<Checkpoint, String> {
    if note.len() > LARGEST_NOTE_BYTES {
        return Err("the note is too long".into());
    }
    let (text, signature) = match note.split_once("\n\n") {
        Some((text, signature)) => (format!("{text}\n"), Some(signature)),
        None => (note.to_owned(), None),
    };
    let name = origin(installation_id);
    let lines: Vec<&str> = text.split('\n').collect();
    let [first, size, root, ""] = lines[..] else {
        return Err("it does not have its three lines".into());
    };
    if first != name {
        return Err(format!("it belongs to {first:?}, not to this installation"));
    }
    let size = match size.parse::<u64>() {
        Ok(number) if number.to_string() == size => number,
        Ok(_) | Err(_) => return Err("its number of entries is not a number".into()),
    };
    let root: Hash = match STANDARD.decode(root).map(Hash::try_from) {
        Ok(Ok(root)) => root,
        Ok(Err(_)) | Err(_) => return Err("its root is not 32 bytes of base64".into()),
    };
    match (signature, signed) {
        (None, Signed::NotJudged | Signed::ByNobody) => {}
        (None, Signed::ByOneOf(_)) => return Err("it is not signed".into()),
        (Some(_), Signed::ByNobody) => return Err("it is signed with a key that the log does not name before it".into()),
        (Some(signature), Signed::NotJudged) => check_signature(&name, &text, signature, None)?,
        (Some(signature), Signed::ByOneOf(keys)) => check_signature(&name, &text, signature, Some(keys))?,
    }
    Ok(Checkpoint {
        size,
        root,
        note: note.to_owned(),
    })
}

fn check_signature(name: &str, text: &str, line: &str, keys: Option<&[PublicKey]>) -> Result<(), String> {
    let form = || "its signature line is not in the C2SP form".to_owned();
    let rest = line
        .strip_prefix(SIGNATURE_LINE)
        .and_then(|line| line.strip_suffix('\n'))
        .ok_or_else(form)?;
    let (signer, encoded) = rest.split_once(' ').ok_or_else(form)?;
    let bytes = match STANDARD.decode(encoded) {
        Ok(bytes) if bytes.len() == 4 + 64 => bytes,
        Ok(_) | Err(_) => return Err(form()),
    };
    if signer != name {
        return Err(format!("it is signed by {signer:?}, not by this installation"));
    }
    let Some(keys) = keys else { return Ok(()) };
    let Some(key) = keys.iter().find(|key| bytes[..4] == key.id(name)) else {
        return Err("it is signed with another key".into());
    };
    match Signature::from_slice(&bytes[4..]) {
        Ok(signature) => key
            .0
            .verify_strict(text.as_bytes(), &signature)
            .map_err(|_| "its signature is wrong".to_owned()),
        Err(_) => Err(form()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_note_reads_back_and_every_changed_byte_is_refused() {
        let signer = Signer::from_secret(&[7; 32]);
        let made = make("abc", 12, [3; 32], Some(&signer));
        assert_eq!(read("abc", &made.note, Signed::ByOneOf(&[signer.public_key()])), Ok(made.clone()));
        for at in 0..made.note.len() {
            for bit in [0x01, 0x20] {
                let mut bytes = made.note.clone().into_bytes();
                bytes[at] ^= bit;
                if let Ok(note) = String::from_utf8(bytes) {
                    assert!(
                        read("abc", &note, Signed::ByOneOf(&[signer.public_key()])).is_err(),
                        "byte {at}: {note}"
                    );
                }
            }
        }
        assert!(read("abd", &made.note, Signed::ByOneOf(&[signer.public_key()])).is_err());
        assert!(read("abc", &made.note, Signed::ByOneOf(&[Signer::from_secret(&[8; 32]).public_key()])).is_err());
        assert!(
            read("abc", &make("abc", 12, [3; 32], None).note, Signed::ByOneOf(&[signer.public_key()])).is_err(),
            "unsigned where a key is given"
        );
        assert!(read("abc", &made.note, Signed::ByNobody).is_err(), "signed where no key was in use");
        let two = [Signer::from_secret(&[8; 32]).public_key(), signer.public_key()];
        assert_eq!(read("abc", &made.note, Signed::ByOneOf(&two)), Ok(made.clone()));
        assert!(made.is_signed() && !make("abc", 12, [3; 32], None).is_signed());
        let mailed = format!("\r\n{}\r\n\r\n", made.note.replace('\n', "\r\n"));
        assert_eq!(tidied(&mailed), made.note);
        assert_eq!(installation_of(&made.note), Some("abc"));
        assert_eq!(installation_of("Dear accountant"), None);
    }

    #[test]
    fn the_note_is_what_the_c2sp_form_says() {
        let signer = Signer::from_secret(&[1; 32]);
        let note = make("office-1", 3, [0; 32], Some(&signer)).note;
        let mut lines = note.lines();
        assert_eq!(lines.next(), Some("changeover/office-1"));
        assert_eq!(lines.next(), Some("3"));
        assert_eq!(lines.next(), Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
        assert_eq!(lines.next(), Some(""));
        assert!(lines.next().expect("signature").starts_with("\u{2014} changeover/office-1 "));
        assert_eq!(lines.next(), None);
        assert!(signer.public_key().verifier_text("office-1").starts_with("changeover/office-1+"));
    }
}
