//! Choices by chance.

use crate::{Context, Point, Strategy};

/// SplitMix64: a seed, a multiply and three shifts. Steele, Lea, Flood (OOPSLA 2014).
#[derive(Clone, Debug)]
pub struct Rng(pub u64);

impl Rng {
    /// The next 64 bits.
    #[inline]
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `limit`, which must not be 0.
    #[inline]
    pub fn below(&mut self, limit: u32) -> u32 {
        (((self.word() >> 32) * u64::from(limit)) >> 32) as u32
    }
}

/// Goes on with the default three times in four, else takes anybody enabled.
pub struct Random {
    seed: u64,
    run: u64,
    rng: Rng,
}

impl Random {
    /// Run `n` of the strategy depends on `seed` and `n` alone.
    pub fn new(seed: u64) -> Random {
        Random { seed, run: 0, rng: Rng(seed) }
    }
}

impl Strategy for Random {
    fn next_run(&mut self) -> bool {
        self.rng = Rng(self.seed ^ self.run.wrapping_mul(0xd134_2543_de82_ef95));
        self.run += 1;
        true
    }

    fn choose(&mut self, point: &Point) -> Context {
        if self.rng.below(4) != 0 {
            return point.default_choice();
        }
        let mut skip = self.rng.below(point.enabled.count_ones());
        let mut left = point.enabled;
        while skip > 0 {
            left &= left - 1;
            skip -= 1;
        }
        left.trailing_zeros() as Context
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_choices_and_only_enabled_ones() {
        let runs = |seed| {
            let mut random = Random::new(seed);
            let mut chosen = Vec::new();
            for _ in 0..3 {
                assert!(random.next_run());
                for index in 0..50 {
                    let point = Point { index, enabled: 0b1011_0100, current: 1, pause: false };
                    let choice = random.choose(&point);
                    assert_ne!(point.enabled >> choice & 1, 0);
                    chosen.push(choice);
                }
            }
            chosen
        };
        assert_eq!(runs(7), runs(7));
        assert_ne!(runs(7), runs(8));
    }
}
