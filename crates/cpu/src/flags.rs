//! The arithmetic flags, kept as the operands that made them and evaluated when something reads
//! them: most results are never looked at.

/// Carry.
pub(crate) const CF: u64 = 1;
/// Parity of the low byte.
pub(crate) const PF: u64 = 1 << 2;
/// Carry out of bit 3.
pub(crate) const AF: u64 = 1 << 4;
/// Zero.
pub(crate) const ZF: u64 = 1 << 6;
/// Sign.
pub(crate) const SF: u64 = 1 << 7;
/// Signed overflow.
pub(crate) const OF: u64 = 1 << 11;
/// The six together.
pub(crate) const ARITHMETIC: u64 = CF | PF | AF | ZF | SF | OF;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Kind {
    /// `b` holds the flag bits themselves.
    Explicit,
    /// ZF, SF, PF come from the result `a`; CF, AF, OF are bits in `b`.
    Result,
    /// The flags of `a + b`.
    Add,
    /// The flags of `a - b`.
    Sub,
}

/// Operands are held shifted left until their sign bit is bit 63, so that carry, overflow, sign
/// and order of any operand size are those of 64-bit arithmetic.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flags {
    kind: Kind,
    shift: u8,
    a: u64,
    b: u64,
}

impl Flags {
    #[inline(always)]
    pub(crate) fn explicit(bits: u64) -> Flags {
        Flags { kind: Kind::Explicit, shift: 0, a: 0, b: bits & ARITHMETIC }
    }

    /// ZF, SF, PF of `value` (an operand of `64 - shift` bits) and the given CF, AF, OF.
    #[inline(always)]
    pub(crate) fn result(shift: u32, value: u64, bits: u64) -> Flags {
        Flags { kind: Kind::Result, shift: shift as u8, a: value << shift, b: bits }
    }

    #[inline(always)]
    pub(crate) fn add(shift: u32, a: u64, b: u64) -> Flags {
        Flags { kind: Kind::Add, shift: shift as u8, a: a << shift, b: b << shift }
    }

    #[inline(always)]
    pub(crate) fn sub(shift: u32, a: u64, b: u64) -> Flags {
        Flags { kind: Kind::Sub, shift: shift as u8, a: a << shift, b: b << shift }
    }

    #[inline(always)]
    fn value(&self) -> u64 {
        match self.kind {
            Kind::Explicit => 0,
            Kind::Result => self.a,
            Kind::Add => self.a.wrapping_add(self.b),
            Kind::Sub => self.a.wrapping_sub(self.b),
        }
    }

    #[inline(always)]
    pub(crate) fn cf(&self) -> bool {
        match self.kind {
            Kind::Explicit | Kind::Result => self.b & CF != 0,
            Kind::Add => self.a.checked_add(self.b).is_none(),
            Kind::Sub => self.a < self.b,
        }
    }

    #[inline(always)]
    pub(crate) fn zf(&self) -> bool {
        match self.kind {
            Kind::Explicit => self.b & ZF != 0,
            Kind::Result => self.a == 0,
            Kind::Add => self.a.wrapping_add(self.b) == 0,
            Kind::Sub => self.a == self.b,
        }
    }

    #[inline(always)]
    fn sf(&self) -> bool {
        match self.kind {
            Kind::Explicit => self.b & SF != 0,
            _ => (self.value() as i64) < 0,
        }
    }

    #[inline(always)]
    fn of(&self) -> bool {
        match self.kind {
            Kind::Explicit | Kind::Result => self.b & OF != 0,
            Kind::Add => (self.a as i64).checked_add(self.b as i64).is_none(),
            Kind::Sub => (self.a as i64).checked_sub(self.b as i64).is_none(),
        }
    }

    #[inline(always)]
    fn pf(&self) -> bool {
        match self.kind {
            Kind::Explicit => self.b & PF != 0,
            _ => ((self.value() >> self.shift) as u8).count_ones().is_multiple_of(2),
        }
    }

    fn af(&self) -> bool {
        match self.kind {
            Kind::Explicit | Kind::Result => self.b & AF != 0,
            _ => ((self.a ^ self.b ^ self.value()) >> self.shift) & 0x10 != 0,
        }
    }

    /// Signed less-than: SF differs from OF.
    #[inline(always)]
    fn less(&self) -> bool {
        match self.kind {
            Kind::Sub => (self.a as i64) < (self.b as i64),
            _ => self.sf() != self.of(),
        }
    }

    #[inline(always)]
    fn less_or_equal(&self) -> bool {
        match self.kind {
            Kind::Sub => (self.a as i64) <= (self.b as i64),
            _ => self.zf() || self.less(),
        }
    }

    #[inline(always)]
    fn below_or_equal(&self) -> bool {
        match self.kind {
            Kind::Sub => self.a <= self.b,
            _ => self.zf() || self.cf(),
        }
    }

    /// A condition by its encoding in Jcc, SETcc and CMOVcc (0 = O ... 15 = G).
    #[inline(always)]
    pub(crate) fn condition(&self, cc: u8) -> bool {
        let holds = match (cc >> 1) & 7 {
            0 => self.of(),
            1 => self.cf(),
            2 => self.zf(),
            3 => self.below_or_equal(),
            4 => self.sf(),
            5 => self.pf(),
            6 => self.less(),
            _ => self.less_or_equal(),
        };
        holds != (cc & 1 != 0)
    }

    /// The six flags at their places in RFLAGS.
    pub(crate) fn bits(&self) -> u64 {
        let bit = |on: bool, mask: u64| if on { mask } else { 0 };
        bit(self.cf(), CF)
            | bit(self.pf(), PF)
            | bit(self.af(), AF)
            | bit(self.zf(), ZF)
            | bit(self.sf(), SF)
            | bit(self.of(), OF)
    }

    /// Replaces the flags in `mask` by those in `bits`, keeping the others.
    pub(crate) fn replace(&mut self, mask: u64, bits: u64) {
        *self = Flags::explicit((self.bits() & !mask) | (bits & mask));
    }
}
