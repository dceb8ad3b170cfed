//! Chance from a seed: `SplitMix64` (Steele, Lea and Flood, 2014). For jitter and names, not secrets.

/// A generator. Equal seeds give equal numbers.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator that starts here.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `bound`, `bound` included.
    pub const fn up_to(&mut self, bound: u64) -> u64 {
        let number = self.next();
        if bound == u64::MAX { number } else { number % (bound + 1) }
    }

    /// A number from `low` to `high`, both included.
    pub const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.up_to(high.saturating_sub(low))
    }

    /// 32 hexadecimal digits.
    pub fn name(&mut self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        (0..32).map(|_| char::from(DIGITS[(self.next() >> 60) as usize & 15])).collect()
    }
}
