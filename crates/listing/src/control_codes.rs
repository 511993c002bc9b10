//! The I/O control codes that code compares with.
//!
//! Compilers test a code by `cmp`, by a chain of `sub`, or by a `sub`/`lea` that makes a table
//! index. Every 32-bit constant used so is taken, with the small constants that follow in the same
//! function added to it; what does not look like a control code is left out.

use iced_x86::{Instruction, Mnemonic, OpKind};

/// FILE_DEVICE_UNKNOWN (wdm.h), the type most drivers use.
const UNKNOWN: u32 = 0x22;

/// Sees the instructions of a function in order.
#[derive(Clone, Debug, Default)]
pub struct Scanner {
    base: Option<u32>,
}

impl Scanner {
    /// Tells `found` a code that `instruction` compares with and how many numbers behind it are compared with at
    /// once: the size of a jump table less one, as a rule 0.
    pub fn see(&mut self, instruction: &Instruction, mut found: impl FnMut(u32, u32)) {
        let constant = match instruction.mnemonic() {
            Mnemonic::Cmp | Mnemonic::Sub | Mnemonic::Add | Mnemonic::Xor | Mnemonic::Mov => {
                immediate(instruction)
            }
            // An address that is taken is no number.
            Mnemonic::Lea if !instruction.is_ip_rel_memory_operand() => {
                Some(instruction.memory_displacement64() as u32)
            }
            _ => None,
        };
        let Some(mut constant) = constant else { return };
        // Adding the complement is how some compilers subtract.
        let adds = matches!(instruction.mnemonic(), Mnemonic::Add | Mnemonic::Lea)
            || (instruction.mnemonic() == Mnemonic::Mov && is_code(constant.wrapping_neg()));
        if adds {
            constant = constant.wrapping_neg();
        }
        let subtracts = instruction.mnemonic() != Mnemonic::Cmp;
        if is_code(constant) {
            found(constant, 0);
            self.base = if subtracts { Some(constant) } else { self.base };
        } else if let Some(start) = self.base
            && instruction.mnemonic() != Mnemonic::Mov
            && constant > 0
            && constant < 0x4000
        {
            let sum = start.wrapping_add(constant);
            if subtracts {
                found(sum, 0);
                self.base = Some(sum);
            } else if constant <= 32 {
                // The last index of a jump table: all codes in between are possible.
                found(start, constant);
            } else {
                found(sum, 0);
            }
        }
    }

    /// Another function begins.
    pub fn restart(&mut self) {
        self.base = None;
    }
}

fn immediate(instruction: &Instruction) -> Option<u32> {
    let last = instruction.op_count().checked_sub(1)?;
    match instruction.op_kind(last) {
        OpKind::Immediate32 => Some(instruction.immediate32()),
        OpKind::Immediate32to64 => Some(instruction.immediate32to64() as u32),
        OpKind::Immediate8to32 => Some(instruction.immediate8to32() as u32),
        _ => None,
    }
}

/// Functions of a known or vendor device type: vendors' are 0x800 and above, but whole families of
/// drivers use numbers from 0x200 on. What is none after all is refused by the driver.
fn is_code(value: u32) -> bool {
    let (device, function) = (value >> 16, value >> 2 & 0xfff);
    let device =
        device == UNKNOWN || (0x8000..0xc000).contains(&device) || (1..0x60).contains(&device);
    device && function >= 0x200
}

#[cfg(test)]
mod tests {
    use super::*;
    use iced_x86::{Decoder, DecoderOptions};

    fn scan(code: &[u8]) -> Vec<(u32, u32)> {
        let (mut scanner, mut found) = (Scanner::default(), Vec::new());
        for instruction in Decoder::with_ip(64, code, 0, DecoderOptions::NONE) {
            scanner.see(&instruction, |code, range| found.push((code, range)));
        }
        found
    }

    #[test]
    fn comparisons_chains_and_tables_are_read() {
        // cmp eax, 222000h
        assert_eq!(scan(&[0x3d, 0x00, 0x20, 0x22, 0x00]), [(0x22_2000, 0)]);
        // sub ecx, 80002004h; sub ecx, 4
        let chain = scan(&[0x81, 0xe9, 0x04, 0x20, 0x00, 0x80, 0x83, 0xe9, 0x04]);
        assert_eq!(chain, [(0x8000_2004, 0), (0x8000_2008, 0)]);
        // lea eax, [rcx-222400h]; cmp eax, 8
        let table = scan(&[0x8d, 0x81, 0x00, 0xdc, 0xdd, 0xff, 0x83, 0xf8, 0x08]);
        assert_eq!(table, [(0x22_2400, 0), (0x22_2400, 8)]);
        // mov ecx, -222800h; cmp ecx, 1
        let moved = scan(&[0xb9, 0x00, 0xd8, 0xdd, 0xff, 0x83, 0xf9, 0x01]);
        assert_eq!(moved, [(0x22_2800, 0), (0x22_2800, 1)]);
        assert_eq!(scan(&[0x83, 0xf8, 0x08]), [], "cmp eax, 8");
        // lea rcx, [rip-222800h]
        assert_eq!(scan(&[0x48, 0x8d, 0x0d, 0x00, 0xd8, 0xdd, 0xff]), [], "an address");
    }
}
