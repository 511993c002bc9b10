//! A compare fused with its jump does what the two do apart.

use super::bus::*;
use crate::{Bus, CodeCache, Cpu, Exit};

/// Compares with each operand form and size the fusion knows, registers RAX and RDX, memory at
/// [RCX], an immediate of 5.
const COMPARES: [&[u8]; 19] = [
    &[0x38, 0xd0],
    &[0x39, 0xd0],
    &[0x48, 0x39, 0xd0],
    &[0x66, 0x39, 0xd0],
    &[0x3c, 0x05],
    &[0x83, 0xf8, 0x05],
    &[0x48, 0x83, 0xf8, 0x05],
    &[0x3a, 0x01],
    &[0x3b, 0x01],
    &[0x48, 0x3b, 0x01],
    &[0x80, 0x39, 0x05],
    &[0x83, 0x39, 0x05],
    &[0x48, 0x83, 0x39, 0x05],
    &[0x84, 0xd0],
    &[0x85, 0xd0],
    &[0x48, 0x85, 0xd0],
    &[0xa8, 0x05],
    &[0xf7, 0xc0, 0x05, 0x00, 0x00, 0x80],
    &[0xf6, 0x01, 0x85],
];

fn outcome(cpu: &Cpu, guest: &mut Guest, cache: &mut CodeCache, at_once: bool) -> (Cpu, bool) {
    let mut cpu = cpu.clone();
    if at_once {
        assert_eq!(cpu.run(cache, guest, &mut 2), Exit::Budget);
    } else {
        for _ in 0..2 {
            assert_eq!(cpu.run(cache, guest, &mut 1), Exit::Budget);
        }
    }
    let taken = cpu.rip & 0xff == 0x80;
    (cpu, taken)
}

#[test]
fn every_compare_and_condition() {
    let values = [0, 1, 4, 5, 6, 0x7f, 0x80, 0x85, 0xff, 0x8000_0000, u64::MAX, 1 << 63, 5 << 32];
    for compare in COMPARES {
        for cc in 0..16u8 {
            let jump = [0x0f, 0x80 + cc];
            let distance = (0x80 - compare.len() - 6) as u32;
            let code = [compare, &jump[..], &distance.to_le_bytes(), &[0x90; 0x100]].concat();
            let mut guest = Guest::new(&code);
            let (mut whole, mut single) = (CodeCache::new(TRAP), CodeCache::new(TRAP));
            for a in values {
                for b in values {
                    let mut cpu = processor();
                    (cpu.gpr[0], cpu.gpr[2]) = (a, b);
                    guest.store64(DATA, b).unwrap();
                    let fused = outcome(&cpu, &mut guest, &mut whole, true);
                    let apart = outcome(&cpu, &mut guest, &mut single, false);
                    assert_eq!(fused, apart, "{compare:x?} cc {cc} {a:x} {b:x}");
                }
            }
        }
    }
}
