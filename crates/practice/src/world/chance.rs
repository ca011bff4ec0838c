//! Repeatable chance: the same seed always deals the same cards, on every machine and in every build.
//!
//! For practice data only. It must never make a secret; those come from the operating system.
//! A new kind of random thing is one more method here.

/// A SplitMix64 stream. Chosen because it is eight lines, well known, and has no platform differences.
#[derive(Debug, Clone)]
pub struct Chance(u64);

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const CAPITALS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const HEX: &[u8; 16] = b"0123456789abcdef";

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    /// A separate stream for one purpose, so that one more card dealt here changes nothing there.
    pub fn branch(&self, purpose: &str) -> Chance {
        let mut state = self.0;
        for byte in purpose.bytes() {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(17);
        }
        let mut chance = Chance(state);
        chance.draw();
        chance
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = (high - low).unsigned_abs() + 1;
        low + (self.draw() % span) as i64
    }

    pub fn per_cent(&mut self, share: u64) -> bool {
        self.draw() % 100 < share
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[(self.draw() % from.len() as u64) as usize]
    }

    pub fn word(&mut self, from: &[&'static str]) -> &'static str {
        from[(self.draw() % from.len() as u64) as usize]
    }

    /// An index, drawn in proportion to the weights.
    pub fn weighted(&mut self, weights: &[u32]) -> usize {
        let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        let mut left = self.draw() % total.max(1);
        for (index, weight) in weights.iter().enumerate() {
            if left < u64::from(*weight) {
                return index;
            }
            left -= u64::from(*weight);
        }
        0
    }

    fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length)
            .map(|_| alphabet[(self.draw() % alphabet.len() as u64) as usize] as char)
            .collect()
    }

    pub fn letters(&mut self, length: usize) -> String {
        self.text(LETTERS, length)
    }

    pub fn capitals(&mut self, length: usize) -> String {
        self.text(CAPITALS, length)
    }

    pub fn hex(&mut self, length: usize) -> String {
        self.text(HEX, length)
    }

    pub fn uuid(&mut self) -> String {
        format!("{}-{}-4{}-a{}-{}", self.hex(8), self.hex(4), self.hex(3), self.hex(3), self.hex(12))
    }
}
