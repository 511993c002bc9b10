//! One small function for each kind of op, and the table that finds it by number.
//!
//! A function loads, then stores, then changes registers, so that a refused access leaves nothing
//! half done.

mod alu;
pub(crate) use alu::fused_kind;
pub(crate) mod atomic;
pub(crate) mod bits;
mod branch;
pub(crate) mod float;
mod lanes;
mod mov;
mod muldiv;
pub(crate) mod packed;
mod shift;
mod stack;
pub(crate) mod string;
pub(crate) mod system;
mod vector;

use crate::bus::Bus;
use crate::op::{Op, kind};
use crate::state::Cpu;
use std::marker::PhantomData;

/// The op did not complete; [`Exec::why`] says why.
pub(crate) struct Leave;

pub(crate) type Done = Result<(), Leave>;

/// What made an op leave.
pub(crate) enum Why<S> {
    Stop(S),
    Interrupt(u8),
    Unsupported,
    Privileged,
    Halt,
    Budget,
}

/// What goes on beside the registers while a block runs.
pub(crate) struct Exec<S> {
    pub why: Option<Why<S>>,
    /// Where the block's last op leads: `FALL`, `TAKEN`, or `INDIRECT` (to `Cpu::rip`).
    pub next: u8,
    /// Instructions that may still run.
    pub budget: u64,
}

/// To the instruction behind the block.
pub(crate) const FALL: u8 = 0;
/// To the block's direct branch target.
pub(crate) const TAKEN: u8 = 1;
/// To the address in `Cpu::rip`.
pub(crate) const INDIRECT: u8 = 2;

impl<S> Exec<S> {
    pub(crate) fn new(budget: u64) -> Exec<S> {
        Exec { why: None, next: FALL, budget }
    }

    #[cold]
    pub(crate) fn leave(&mut self, why: Why<S>) -> Leave {
        self.why = Some(why);
        Leave
    }

    #[cold]
    pub(crate) fn interrupt(&mut self, vector: u8) -> Leave {
        self.leave(Why::Interrupt(vector))
    }
}

/// The result of a bus call, or out of the op with the bus's reason.
macro_rules! bus {
    ($x:expr, $call:expr) => {
        match $call {
            Ok(value) => value,
            Err(stop) => return Err($x.leave($crate::exec::Why::Stop(stop))),
        }
    };
}
pub(crate) use bus;

pub(crate) type Handler<B> = fn(&mut Cpu, &mut B, &mut Exec<<B as Bus>::Stop>, &Op) -> Done;

/// Length of the table: a power of two above [`kind::COUNT`], so that a masked index needs no
/// bounds check.
pub(crate) const SLOTS: usize = 2048;
const _: () = assert!((kind::COUNT as usize) < SLOTS);

pub(crate) type Slots<B> = [Handler<B>; SLOTS];

pub(crate) struct Dispatch<'a, B>(PhantomData<&'a B>);

impl<'a, B: Bus + 'a> Dispatch<'a, B> {
    pub(crate) const TABLE: &'a Slots<B> = &table::<B>();
}

const fn table<B: Bus>() -> Slots<B> {
    let mut t: Slots<B> = [system::refuse::<B>; SLOTS];
    system::register(&mut t);
    alu::register(&mut t);
    mov::register(&mut t);
    shift::register(&mut t);
    muldiv::register(&mut t);
    stack::register(&mut t);
    branch::register(&mut t);
    bits::register(&mut t);
    atomic::register(&mut t);
    string::register(&mut t);
    vector::register(&mut t);
    float::register(&mut t);
    t
}

/// An operand size. Values travel as `u64`, zero-extended.
pub(crate) trait Int {
    const BITS: u32;
    /// How far a value is from having its sign at bit 63.
    const SHIFT: u32 = 64 - Self::BITS;
    const MASK: u64 = u64::MAX >> Self::SHIFT;
    const SIGN: u64 = 1 << (Self::BITS - 1);
    fn load<B: Bus>(bus: &mut B, addr: u64) -> Result<u64, B::Stop>;
    fn store<B: Bus>(bus: &mut B, addr: u64, value: u64) -> Result<(), B::Stop>;
    /// See [`Bus::quick_load`]. What it says `None` to goes into a function of its own, which is
    /// called last: so the usual way needs no room on the stack.
    fn quick_load<B: Bus>(bus: &mut B, addr: u64) -> Option<u64>;
    /// See [`Bus::quick_store`].
    fn quick_store<B: Bus>(bus: &mut B, addr: u64, value: u64) -> bool;

    /// The value as a signed number.
    #[inline(always)]
    fn signed(value: u64) -> i64 {
        ((value << Self::SHIFT) as i64) >> Self::SHIFT
    }

    #[inline(always)]
    fn bytes() -> u8 {
        (Self::BITS / 8) as u8
    }
}

macro_rules! int {
    ($t:ty, $load:ident, $store:ident) => {
        impl Int for $t {
            const BITS: u32 = <$t>::BITS;
            #[inline(always)]
            fn load<B: Bus>(bus: &mut B, addr: u64) -> Result<u64, B::Stop> {
                bus.$load(addr).map(u64::from)
            }
            #[inline(always)]
            fn store<B: Bus>(bus: &mut B, addr: u64, value: u64) -> Result<(), B::Stop> {
                bus.$store(addr, value as $t)
            }
            #[inline(always)]
            fn quick_load<B: Bus>(bus: &mut B, addr: u64) -> Option<u64> {
                bus.quick_load(addr).map(|bytes| u64::from(<$t>::from_le_bytes(bytes)))
            }
            #[inline(always)]
            fn quick_store<B: Bus>(bus: &mut B, addr: u64, value: u64) -> bool {
                bus.quick_store(addr, (value as $t).to_le_bytes())
            }
        }
    };
}
int!(u8, load8, store8);
int!(u16, load16, store16);
int!(u32, load32, store32);
int!(u64, load64, store64);

/// Reads a general register.
#[inline(always)]
pub(crate) fn get<T: Int>(cpu: &Cpu, r: u8) -> u64 {
    let whole = cpu.gpr[(r & 15) as usize];
    if T::BITS == 8 && r >= 16 { (whole >> 8) & 0xff } else { whole & T::MASK }
}

/// Writes a general register: 32 bits clear the upper half, 8 and 16 bits keep the rest.
#[inline(always)]
pub(crate) fn set<T: Int>(cpu: &mut Cpu, r: u8, value: u64) {
    let slot = &mut cpu.gpr[(r & 15) as usize];
    *slot = match T::BITS {
        64 => value,
        32 => value & 0xffff_ffff,
        16 => (*slot & !0xffff) | (value & 0xffff),
        _ if r >= 16 => (*slot & !0xff00) | ((value & 0xff) << 8),
        _ => (*slot & !0xff) | (value & 0xff),
    };
}

/// Puts a function generic over the operand size into four consecutive slots.
macro_rules! sizes {
    ($t:ident, $at:expr, $f:ident $(, $more:expr)*) => {
        $t[($at) as usize] = $f::<B, u8 $(, { $more })*>;
        $t[($at) as usize + 1] = $f::<B, u16 $(, { $more })*>;
        $t[($at) as usize + 2] = $f::<B, u32 $(, { $more })*>;
        $t[($at) as usize + 3] = $f::<B, u64 $(, { $more })*>;
    };
}
pub(crate) use sizes;
