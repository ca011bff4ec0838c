//! Bytes as groups of a few bits and back: what codes, words and the QR code's text are made of.
//!
//! What passes through here is secret: every buffer is wiped. It knows no alphabet; that belongs to whoever calls.

use zeroize::Zeroizing;

/// `bytes` as values of `width` bits, first bit first; the last value is filled up with zeros.
pub fn split(bytes: &[u8], width: usize) -> Zeroizing<Vec<u16>> {
    let count = (bytes.len() * 8).div_ceil(width);
    let mut values = Zeroizing::new(Vec::with_capacity(count));
    for at in 0..count {
        let mut value = 0;
        for bit in at * width..(at + 1) * width {
            let byte = bytes.get(bit / 8).copied().unwrap_or(0);
            value = value << 1 | u16::from(byte >> (7 - bit % 8) & 1);
        }
        values.push(value);
    }
    values
}

/// The first `length` bytes of values of `width` bits. `None` when there are too few values.
pub fn join(values: &[u16], width: usize, length: usize) -> Option<Zeroizing<Vec<u8>>> {
    if values.len() * width < length * 8 {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(length));
    for at in 0..length {
        let mut byte = 0u8;
        for bit in at * 8..(at + 1) * 8 {
            let value = values[bit / width];
            byte = byte << 1 | u8::from(value >> (width - 1 - bit % width) & 1 == 1);
        }
        bytes.push(byte);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_split_is_joined_again(bytes in proptest::collection::vec(any::<u8>(), 0..70), width in 1usize..16) {
            let values = split(&bytes, width);
            prop_assert!(values.iter().all(|value| u32::from(*value) < 1 << width));
            prop_assert_eq!(join(&values, width, bytes.len()).expect("enough").to_vec(), bytes.clone());
            prop_assert!(join(&values, width, bytes.len() + width + 1).is_none());
        }
    }
}
