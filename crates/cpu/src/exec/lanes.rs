//! A 128-bit register seen as lanes, lane 0 in the low bits.

macro_rules! lanes {
    ($t:ty, $n:literal, $split:ident, $join:ident, $map:ident, $zip:ident) => {
        /// The lanes, lowest first.
        #[inline(always)]
        pub(crate) fn $split(v: u128) -> [$t; $n] {
            std::array::from_fn(|i| (v >> (i * (128 / $n))) as $t)
        }

        /// The register made of these lanes.
        #[inline(always)]
        pub(crate) fn $join(lanes: [$t; $n]) -> u128 {
            lanes.iter().rev().fold(0, |v, lane| v << (128 / $n) | u128::from(*lane))
        }

        /// One operand, lane by lane.
        #[inline(always)]
        pub(crate) fn $map(a: u128, f: impl Fn($t) -> $t) -> u128 {
            $join($split(a).map(f))
        }

        /// Two operands, lane by lane.
        #[inline(always)]
        pub(crate) fn $zip(a: u128, b: u128, f: impl Fn($t, $t) -> $t) -> u128 {
            let (a, b) = ($split(a), $split(b));
            $join(std::array::from_fn(|i| f(a[i], b[i])))
        }
    };
}
lanes!(u8, 16, bytes, from_bytes, map8, zip8);
lanes!(u16, 8, words, from_words, map16, zip16);
lanes!(u32, 4, dwords, from_dwords, map32, zip32);
lanes!(u64, 2, qwords, from_qwords, map64, zip64);
