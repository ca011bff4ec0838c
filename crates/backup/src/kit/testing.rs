//! Kits for this folder's own tests: made from a seed, so that a failure can be repeated. They open nothing.

use super::{RecoveryKit, code};
use crate::key::RepositoryKey;
use crate::place::Place;
use sha2::{Digest, Sha512};

pub fn kit(seed: &[u8; 25], place: &str) -> RecoveryKit {
    let key = RepositoryKey::from_bytes(&Sha512::digest(seed)).expect("64 bytes");
    RecoveryKit::new(Place::folder(place).expect("place"), code::of_bytes(seed), key).made_on(jiff::civil::date(2026, 11, 23))
}

pub fn sample() -> RecoveryKit {
    kit(b"harbour street bakery, 25", "/media/usb disk/backups")
}
