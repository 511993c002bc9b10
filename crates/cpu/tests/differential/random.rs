//! Operand values: mostly edges, some noise, from a seeded generator.

pub struct Random(u64);

const EDGES: [u64; 24] = [
    0,
    1,
    2,
    7,
    8,
    15,
    16,
    31,
    32,
    63,
    64,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    i64::MAX as u64,
    i64::MIN as u64,
    u64::MAX,
];

const FLOATS: [f64; 14] = [
    0.0,
    -0.0,
    1.0,
    -1.5,
    0.5,
    2.5,
    -3.5,
    1e-310,
    1e300,
    2147483648.0,
    -9.3e18,
    f64::INFINITY,
    f64::NEG_INFINITY,
    1e-40,
];

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// Steele, Lea, Flood: SplitMix64.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    pub fn value(&mut self) -> u64 {
        match self.below(6) {
            0 | 1 => EDGES[self.below(24) as usize],
            2 => EDGES[self.below(24) as usize].wrapping_add(self.below(5)).wrapping_sub(2),
            3 => self.below(256),
            4 => self.next() >> self.below(64),
            _ => self.next(),
        }
    }

    fn float(&mut self) -> u64 {
        match self.below(8) {
            0 => 0x7ff0_0000_0000_0001 | self.next() & 0x800f_ffff_ffff_ffff,
            1 => 0x7ff8_0000_0000_0000 | self.next() & 0x8007_ffff_ffff_ffff,
            2 => self.next(),
            3 => (self.next() as i32 as f64 / 8.0).to_bits(),
            _ => FLOATS[self.below(14) as usize].to_bits(),
        }
    }

    fn single(&mut self) -> u32 {
        match self.below(8) {
            0 => 0x7f80_0001 | self.next() as u32 & 0x807f_ffff,
            1 => self.next() as u32,
            2 => (self.next() as i16 as f32 / 8.0).to_bits(),
            _ => (FLOATS[self.below(14) as usize] as f32).to_bits(),
        }
    }

    pub fn vector(&mut self) -> u128 {
        match self.below(4) {
            0 => u128::from(self.value()) << 64 | u128::from(self.value()),
            1 => u128::from(self.float()) << 64 | u128::from(self.float()),
            2 => (0..4).fold(0, |v, _| v << 32 | u128::from(self.single())),
            _ => (0..16).fold(0, |v, _| v << 8 | u128::from(self.value() as u8)),
        }
    }

    /// Memory full of vectors.
    pub fn fill(&mut self, memory: &mut [u8]) {
        // The operand lands near the middle; far from it one byte pattern is as good as another.
        let middle = memory.len() / 2;
        for (n, slot) in memory.chunks_exact_mut(16).enumerate() {
            let near = (n * 16).abs_diff(middle) <= 128;
            let v = if near { self.vector() } else { 0x0123_4567_89ab_cdef << 64 | n as u128 };
            slot.copy_from_slice(&v.to_le_bytes());
        }
    }
}
