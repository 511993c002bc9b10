//! Context records: `CONTEXT` of the Windows SDK's winnt.h, for x64 and x86.

use crate::area::Area;
use crate::{Error, Machine};

/// Registers of one of the machines.
#[expect(
    clippy::large_enum_variant,
    reason = "a description has one; it is nicer to copy than small"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registers {
    /// Of x64.
    X64(X64),
    /// Of x86.
    X86(X86),
}

/// Registers of x64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct X64 {
    /// rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 to r15: in the order of their numbers in instructions.
    pub general: [u64; 16],
    /// rip.
    pub rip: u64,
    /// rflags, of which the record holds the lower half.
    pub flags: u32,
    /// cs, ds, es, fs, gs, ss.
    pub segments: [u16; 6],
    /// xmm0 to xmm15, the first byte the lowest.
    pub xmm: [[u8; 16]; 16],
    /// mxcsr.
    pub mxcsr: u32,
}

/// Registers of x86.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct X86 {
    /// eax, ecx, edx, ebx, esp, ebp, esi, edi: in the order of their numbers in instructions.
    pub general: [u32; 8],
    /// eip.
    pub eip: u32,
    /// eflags.
    pub flags: u32,
    /// cs, ds, es, fs, gs, ss.
    pub segments: [u16; 6],
}

/// `CONTEXT_AMD64` with control, integer, segments and floating point.
const FLAGS_X64: u32 = 0x0010_000f;
/// `CONTEXT_i386` with control, integer and segments.
const FLAGS_X86: u32 = 0x0001_0007;

impl Registers {
    /// The context record of `machine`, without extended state behind it.
    pub(crate) fn record(&self, machine: Machine) -> Result<Vec<u8>, Error> {
        match (self, machine) {
            (Self::X64(registers), Machine::X64) => Ok(registers.record()),
            (Self::X86(registers), Machine::X86 { .. }) => Ok(registers.record()),
            _ => Err(Error::Unsupported("the registers that are described")),
        }
    }
}

impl X64 {
    fn record(&self) -> Vec<u8> {
        // Six homes of parameters come first.
        const FLAGS: usize = 6 * 8;
        const SEGMENTS: usize = FLAGS + 8;
        const EFLAGS: usize = SEGMENTS + 6 * 2;
        const DEBUG: usize = EFLAGS + 4;
        const GENERAL: usize = DEBUG + 6 * 8;
        const RIP: usize = GENERAL + 16 * 8;
        // XSAVE_FORMAT: 32 bytes of state, eight registers of the coprocessor, sixteen of SSE.
        const SAVED: usize = RIP + 8;
        const XMM: usize = SAVED + 32 + 8 * 16;
        // Then 96 bytes of it, 26 vector registers, and six words of the branch recorder.
        const SIZE: usize = XMM + 16 * 16 + 96 + 26 * 16 + 6 * 8;
        let mut record = Area::new(SIZE, true);
        record.put32(FLAGS, FLAGS_X64);
        record.put32(FLAGS + 4, self.mxcsr);
        record.put32(SAVED + 24, self.mxcsr);
        for (index, segment) in self.segments.iter().enumerate() {
            record.put16(SEGMENTS + 2 * index, *segment);
        }
        record.put32(EFLAGS, self.flags);
        for (index, register) in self.general.iter().enumerate() {
            record.put64(GENERAL + 8 * index, *register);
        }
        record.put64(RIP, self.rip);
        for (index, register) in self.xmm.iter().enumerate() {
            record.put(XMM + 16 * index, register);
        }
        record.into_bytes()
    }
}

impl X86 {
    fn record(&self) -> Vec<u8> {
        // Flags and six debug registers, then FLOATING_SAVE_AREA.
        const GS: usize = 4 + 6 * 4 + 112;
        // 512 bytes of extended registers follow the sixteen words.
        const SIZE: usize = GS + 16 * 4 + 512;
        let [eax, ecx, edx, ebx, esp, ebp, esi, edi] = self.general;
        let [cs, ds, es, fs, gs, ss] = self.segments.map(u32::from);
        let words =
            [gs, fs, es, ds, edi, esi, ebx, edx, ecx, eax, ebp, self.eip, cs, self.flags, esp, ss];
        let mut record = Area::new(SIZE, false);
        record.put32(0, FLAGS_X86);
        for (index, word) in words.into_iter().enumerate() {
            record.put32(GS + 4 * index, word);
        }
        record.into_bytes()
    }
}
