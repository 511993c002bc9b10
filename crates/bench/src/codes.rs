//! The I/O control codes that a driver compares with, found in its code.
//!
//! Compilers test a code by `cmp`, by a chain of `sub`, or by a `sub`/`lea` that makes a table
//! index. Every 32-bit constant used so is taken, with the small constants that follow in the same
//! function added to it; what does not look like a control code is left out. A miss costs coverage
//! of that code, a false hit costs a request with an unknown code.

use iced_x86::{Decoder, DecoderOptions, Mnemonic, OpKind};
use pe::{Function, Image};
use std::collections::BTreeSet;

/// Most codes that the battery is given.
const MOST_CODES: usize = 24;
/// FILE_DEVICE_UNKNOWN (wdm.h), the type most drivers use.
const UNKNOWN: u32 = 0x22;

/// Control codes in the order of their values.
pub(crate) fn control_codes(image: &Image<'_>, functions: &[Function]) -> Vec<u32> {
    let mut found = BTreeSet::new();
    for function in functions {
        let Some(section) = image.section_at(function.begin) else { continue };
        if !section.is_code() {
            continue;
        }
        let content = image.content(section);
        let from = function.begin.saturating_sub(section.rva) as usize;
        let to = (function.end.saturating_sub(section.rva) as usize).min(content.len());
        if let Some(code) = content.get(from..to) {
            scan(code, &mut found);
        }
    }
    found.into_iter().take(MOST_CODES).collect()
}

fn scan(code: &[u8], found: &mut BTreeSet<u32>) {
    let mut base: Option<u32> = None;
    for instruction in Decoder::with_ip(64, code, 0, DecoderOptions::NONE) {
        let constant = match instruction.mnemonic() {
            Mnemonic::Cmp | Mnemonic::Sub | Mnemonic::Add | Mnemonic::Xor => {
                immediate(&instruction)
            }
            Mnemonic::Lea => Some(instruction.memory_displacement64() as u32),
            _ => None,
        };
        let Some(mut constant) = constant else { continue };
        // Adding the complement is how some compilers subtract.
        if matches!(instruction.mnemonic(), Mnemonic::Add | Mnemonic::Lea) {
            constant = constant.wrapping_neg();
        }
        let subtracts = instruction.mnemonic() != Mnemonic::Cmp;
        if is_code(constant) {
            found.insert(constant);
            base = if subtracts { Some(constant) } else { base };
        } else if let Some(start) = base
            && constant > 0
            && constant < 0x4000
        {
            let sum = start.wrapping_add(constant);
            found.insert(sum);
            if subtracts {
                base = Some(sum);
            } else if constant <= 32 {
                // The last index of a jump table: all codes in between are possible.
                found.extend((start..sum).step_by(4));
            }
        }
    }
}

fn immediate(instruction: &iced_x86::Instruction) -> Option<u32> {
    let last = instruction.op_count().checked_sub(1)?;
    match instruction.op_kind(last) {
        OpKind::Immediate32 => Some(instruction.immediate32()),
        OpKind::Immediate32to64 => Some(instruction.immediate32to64() as u32),
        OpKind::Immediate8to32 => Some(instruction.immediate8to32() as u32),
        _ => None,
    }
}

/// Vendor functions (0x800 and above) of a known or vendor device type.
fn is_code(value: u32) -> bool {
    let (device, function) = (value >> 16, value >> 2 & 0xfff);
    let device =
        device == UNKNOWN || (0x8000..0xc000).contains(&device) || (1..0x60).contains(&device);
    device && function >= 0x800
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_chains_and_tables_are_read() {
        let mut found = BTreeSet::new();
        // cmp eax, 222000h; sub ecx, 80002004h; sub ecx, 4; lea eax, [rcx-222400h]; cmp eax, 8
        scan(&[0x3d, 0x00, 0x20, 0x22, 0x00], &mut found);
        scan(&[0x81, 0xe9, 0x04, 0x20, 0x00, 0x80, 0x83, 0xe9, 0x04], &mut found);
        scan(&[0x8d, 0x81, 0x00, 0xdc, 0xdd, 0xff, 0x83, 0xf8, 0x08], &mut found);
        let want = [0x22_2000, 0x22_2400, 0x22_2404, 0x22_2408, 0x8000_2004, 0x8000_2008];
        assert_eq!(found.into_iter().collect::<Vec<_>>(), want);
    }
}
