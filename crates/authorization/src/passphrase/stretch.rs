//! Argon2id: from a passphrase to a key, with the numbers stored beside the salt so that they can be raised later.
//!
//! The numbers of a file are checked before any memory is taken: a forged file must not eat the computer's memory or its day.
//! To raise today's numbers, change the constants; files keep theirs until the passphrase is changed.

use crate::seal::{KEY_BYTES, MasterKey};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

/// RFC 9106, section 4, second recommended option: 64 MiB, three passes, four lanes, a salt of 16 bytes.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 4;
const SALT_BYTES: usize = 16;

/// OWASP's least (19 MiB, two passes): a file with less was not written by us.
const MEMORY_KIB_MIN: u32 = 19 * 1024;
const PASSES_MIN: u32 = 2;
/// Enough for years of raising, and still harmless to a small computer.
const MEMORY_KIB_MAX: u32 = 512 * 1024;
const PASSES_MAX: u32 = 12;
const LANES_MAX: u32 = 16;

const NAME: &str = "argon2id";
const VERSION: u32 = 0x13;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stretching {
    pub name: String,
    pub version: u32,
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
    /// Base64.
    pub salt: String,
}

impl Stretching {
    /// Today's numbers and a new salt.
    pub fn today() -> Result<Stretching, getrandom::Error> {
        let mut salt = [0_u8; SALT_BYTES];
        getrandom::fill(&mut salt)?;
        Ok(Stretching {
            name: NAME.into(),
            version: VERSION,
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            lanes: LANES,
            salt: base64::engine::general_purpose::STANDARD.encode(salt),
        })
    }

    /// Why these numbers are not used, in words.
    pub fn checked(&self) -> Result<(), String> {
        let within = |what: &str, found: u32, least: u32, most: u32| match (least..=most).contains(&found) {
            true => Ok(()),
            false => Err(format!("its file names {found} {what}, and {least} to {most} are allowed")),
        };
        if self.name != NAME || self.version != VERSION {
            return Err("its file names a way of stretching the passphrase that this version does not know".into());
        }
        within("KiB of memory", self.memory_kib, MEMORY_KIB_MIN, MEMORY_KIB_MAX)?;
        within("passes", self.passes, PASSES_MIN, PASSES_MAX)?;
        within("lanes", self.lanes, 1, LANES_MAX)?;
        self.salt_bytes().map(drop)
    }

    fn salt_bytes(&self) -> Result<Vec<u8>, String> {
        let salt = base64::engine::general_purpose::STANDARD.decode(&self.salt).unwrap_or_default();
        if salt.len() == SALT_BYTES { Ok(salt) } else { Err("the salt in its file is not one".into()) }
    }

    pub fn stretch(&self, passphrase: &[u8]) -> Result<MasterKey, String> {
        self.checked()?;
        let failed = |_| "the passphrase could not be stretched".to_string();
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(KEY_BYTES)).map_err(failed)?;
        let mut memory: Vec<Block> = Vec::new();
        memory.try_reserve_exact(params.block_count()).map_err(|_| format!("{} KiB of memory are needed to check the passphrase and are not free", self.memory_kib))?;
        memory.resize(params.block_count(), Block::default());
        let mut key = Zeroizing::new([0_u8; KEY_BYTES]);
        let stretched = Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into_with_memory(passphrase, &self.salt_bytes()?, key.as_mut_slice(), &mut memory);
        memory.iter_mut().for_each(Zeroize::zeroize);
        stretched.map_err(failed)?;
        MasterKey::from_bytes(key.as_slice()).ok_or_else(|| "the stretched key has the wrong length".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_would_eat_the_computer_or_protect_nothing_are_refused_before_any_work() {
        let good = Stretching::today().unwrap();
        assert_eq!(good.checked(), Ok(()));
        let with = |change: fn(&mut Stretching)| {
            let mut changed = good.clone();
            change(&mut changed);
            changed
        };
        for bad in [
            with(|s| s.memory_kib = u32::MAX),
            with(|s| s.memory_kib = MEMORY_KIB_MAX + 1),
            with(|s| s.memory_kib = 8),
            with(|s| s.passes = PASSES_MAX + 1),
            with(|s| s.passes = 1),
            with(|s| s.lanes = 0),
            with(|s| s.lanes = u32::MAX),
            with(|s| s.name = "argon2i".into()),
            with(|s| s.version = 0x10),
            with(|s| s.salt = String::new()),
        ] {
            assert!(bad.checked().is_err(), "{bad:?}");
            assert!(bad.stretch(b"passphrase").is_err(), "{bad:?}");
        }
    }

    #[test]
    fn stretching_is_argon2id_and_another_passphrase_gives_another_key() {
        let mut known = Stretching::today().unwrap();
        (known.memory_kib, known.passes, known.lanes) = (65_536, 2, 1);
        known.salt = base64::engine::general_purpose::STANDARD.encode(b"somesaltsomesalt");
        let one = known.stretch(b"password").unwrap();
        let direct = {
            let mut out = [0_u8; 32];
            let params = Params::new(65_536, 2, 1, Some(32)).unwrap();
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(b"password", b"somesaltsomesalt", &mut out).unwrap();
            out
        };
        assert_eq!(one.bytes(), &direct);
        assert_ne!(known.stretch(b"Password").unwrap().bytes(), &direct);
    }
}
