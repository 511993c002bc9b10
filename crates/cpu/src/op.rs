//! The decoded form of an instruction: which function runs it and its operands, resolved.

use crate::state::Cpu;

/// Address form bits of [`Op::mode`]: a base register is added.
pub(crate) const BASE: u8 = 1;
/// A scaled index register is added.
pub(crate) const INDEX: u8 = 2;
/// The GS base is added.
pub(crate) const GS: u8 = 4;
/// Offset truncated to 32 bits (address-size prefix).
pub(crate) const ADDR32: u8 = 8;

/// One operation: an instruction, or a compare fused with the conditional jump behind it.
///
/// General registers are numbered as encoded, 16 to 19 being AH, CH, DH, BH.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Op {
    /// Index into the table of functions, see [`kind`].
    pub kind: u16,
    /// Offset of the instruction from the block's start.
    pub off: u16,
    /// Instructions before this one in the block.
    pub ord: u8,
    /// Instructions this op stands for: 1, or 2 when fused.
    pub weight: u8,
    /// Address form: `BASE`, `INDEX`, `GS`, `ADDR32`.
    pub mode: u8,
    pub base: u8,
    pub index: u8,
    /// log2 of the index's factor.
    pub scale: u8,
    /// Destination register.
    pub r1: u8,
    /// Source register.
    pub r2: u8,
    /// A second source, or a variant of the operation.
    pub r3: u8,
    /// Length of the instruction in bytes (of the first, when fused).
    pub len: u8,
    /// Displacement, or the whole address when it is absolute or RIP-relative.
    pub disp: u64,
    /// Immediate, sign-extended; the return address of a call.
    pub imm: u64,
}

impl Op {
    /// The linear address of the memory operand.
    #[inline(always)]
    pub(crate) fn address(&self, cpu: &Cpu) -> u64 {
        match self.mode {
            BASE => self.base_address(cpu),
            0 => self.disp,
            _ => self.address_any(cpu),
        }
    }

    /// The address when the mode is exactly `BASE`.
    #[inline(always)]
    pub(crate) fn base_address(&self, cpu: &Cpu) -> u64 {
        cpu.gpr[(self.base & 15) as usize].wrapping_add(self.disp)
    }

    fn address_any(&self, cpu: &Cpu) -> u64 {
        self.address_plus(cpu, 0)
    }

    /// The address with `extra` bytes added to the offset before it is truncated.
    pub(crate) fn address_plus(&self, cpu: &Cpu, extra: u64) -> u64 {
        let mut offset = self.disp.wrapping_add(extra);
        if self.mode & BASE != 0 {
            offset = offset.wrapping_add(cpu.gpr[(self.base & 15) as usize]);
        }
        if self.mode & INDEX != 0 {
            let index = cpu.gpr[(self.index & 15) as usize];
            offset = offset.wrapping_add(index << (self.scale & 3));
        }
        if self.mode & ADDR32 != 0 {
            offset &= 0xffff_ffff;
        }
        if self.mode & GS != 0 { offset.wrapping_add(cpu.gs_base) } else { offset }
    }
}

/// Operand forms of two-operand instructions, destination first.
pub(crate) mod form {
    pub const RR: u16 = 0;
    pub const RI: u16 = 1;
    pub const RM: u16 = 2;
    pub const MR: u16 = 3;
    pub const MI: u16 = 4;
}

/// The two-operand arithmetic operations, numbered as in the opcode map, then TEST.
pub(crate) mod alu {
    pub const ADD: u8 = 0;
    pub const OR: u8 = 1;
    pub const ADC: u8 = 2;
    pub const SBB: u8 = 3;
    pub const AND: u8 = 4;
    pub const SUB: u8 = 5;
    pub const XOR: u8 = 6;
    pub const CMP: u8 = 7;
    pub const TEST: u8 = 8;
}

/// Indices into the table of functions. A family with variants takes consecutive numbers: operand
/// size (0 to 3 for 8 to 64 bits) varies fastest.
pub(crate) mod kind {
    macro_rules! kinds {
        (@ $at:expr;) => {
            /// One more than the last index.
            pub const COUNT: u16 = $at;
        };
        (@ $at:expr; $name:ident $count:expr, $($rest:tt)*) => {
            pub const $name: u16 = $at;
            kinds!(@ $name + $count; $($rest)*);
        };
        ($($all:tt)*) => { kinds!(@ 0; $($all)*); };
    }
    kinds! {
        REFUSE 1, PRIVILEGED 1, INTERRUPT 1, HALT 1, NOP 1, PAUSE 1,
        // alu operation, form, size
        ALU 9 * 5 * 4,
        // cmp or test, form, size, condition
        FUSED 2 * 5 * 4 * 16,
        ALU_LOCK_R 4, ALU_LOCK_I 4,
        MOV_RR 4, MOV_RI 4, LOAD 4, LOAD_BASE 4, STORE 4, STORE_BASE 4, STORE_I 4,
        // source 8, 16, 32 bits; destination 8, 16, 32, 64 bits; zero or sign; register or memory
        EXTEND_R 24, EXTEND_M 24,
        LEA 4,
        // inc dec neg not
        UNARY_R 16, UNARY_M 16, UNARY_LOCK 16,
        // rol ror rcl rcr shl shr sal sar
        SHIFT_RI 32, SHIFT_RC 32, SHIFT_MI 32, SHIFT_MC 32,
        // shld, shrd: register destination, memory destination (count in cl when r3 is 1)
        DOUBLE_R 8, DOUBLE_M 8,
        // mul imul div idiv
        MULDIV_R 16, MULDIV_M 16, IMUL_RR 4, IMUL_RM 4, IMUL_RRI 4, IMUL_RMI 4,
        WIDEN_ACC 4, WIDEN_SIGN 4,
        PUSH_R 4, PUSH_I 4, PUSH_M 4, POP_R 4, POP_M 4, PUSHF 4, POPF 4, LEAVE 1, ENTER 1,
        JMP 1, JMP_R 1, JMP_M 1, CALL 1, CALL_R 1, CALL_M 1, RET 1,
        JCC 16, SETCC_R 1, SETCC_M 1, CMOV_RR 4, CMOV_RM 4, JRCXZ 1, LOOP 1,
        // bt bts btr btc by register or immediate
        BIT_R 4, BIT_M 4,
        // bsf bsr tzcnt lzcnt popcnt
        SCAN_R 20, SCAN_M 20, BSWAP 4, MOVBE_LOAD 4, MOVBE_STORE 4, CRC32_R 4, CRC32_M 4,
        XCHG_RR 4, XCHG_RM 4, XADD_R 4, XADD_M 4, CMPXCHG_R 4, CMPXCHG_M 4, CMPXCHG_WIDE 2,
        // movs stos lods scas cmps
        STRING 20,
        XLAT 1, FLAG_OP 1, LAHF 1, SAHF 1, CPUID 1, RDTSC 1, IN 1, OUT 1, CR8_READ 1, CR8_WRITE 1,
        // andn bextr blsr blsmsk blsi shlx sarx shrx rorx mulx pdep pext bzhi adcx adox: 32 and
        // 64 bits by r3
        BMI_R 1, BMI_M 1,
        X_MOV 1, X_LOAD 1, X_LOAD_ALIGNED 1, X_STORE 1, X_STORE_ALIGNED 1,
        X_LOAD_PART 2, X_STORE_PART 2, X_MOV_PART 3, X_HALF_LOAD 1, X_HALF_STORE 1,
        X_FROM_R 2, X_TO_R 2, X_MASK 3, X_INSERT_R 4, X_INSERT_M 4, X_EXTRACT_R 4, X_EXTRACT_M 4,
        X_PACKED_R 1, X_PACKED_M 1, X_PACKED_I 1, X_FLOAT_R 1, X_FLOAT_M 1,
        X_COMPARE_R 2, X_COMPARE_M 2, X_PTEST_R 1, X_PTEST_M 1,
        X_INT_TO_FLOAT_R 4, X_INT_TO_FLOAT_M 4, X_FLOAT_TO_INT_R 2, X_FLOAT_TO_INT_M 2,
        MXCSR_LOAD 1, MXCSR_STORE 1,
    }
}
