//! Exits, budgets and restart.

use super::bus::*;
use crate::{Bus, CodeCache, Exit};
use iced_x86::code_asm::*;

#[test]
fn a_return_into_the_trap_range_ends_the_run_there() {
    let code = assemble(|a| {
        a.mov(eax, 7)?;
        a.ret()
    });
    let mut guest = Guest::new(&code);
    guest.store64(STACK, TRAP.start + 0x10).unwrap();
    let mut cpu = processor();
    assert_eq!(run(&mut cpu, &mut guest), Exit::Trap);
    assert_eq!((cpu.rip, cpu.gpr[0], cpu.gpr[4]), (TRAP.start + 0x10, 7, STACK + 8));
    // Nothing happens until rip leaves the range, whatever the budget.
    assert_eq!(cpu.run(&mut CodeCache::new(TRAP), &mut guest, &mut 0), Exit::Trap);
}

#[test]
fn the_budget_counts_instructions_exactly() {
    let code = assemble(|a| {
        let mut top = a.create_label();
        a.set_label(&mut top)?;
        a.inc(eax)?;
        a.cmp(eax, edx)?;
        a.jne(top)?;
        a.jmp(top)
    });
    for whole in 0..20u64 {
        let (mut cpu, mut guest) = (processor(), Guest::new(&code));
        cpu.gpr[2] = 100;
        let mut budget = whole;
        let exit = cpu.run(&mut CodeCache::new(TRAP), &mut guest, &mut budget);
        assert_eq!((exit, budget), (Exit::Budget, 0));
        // inc, cmp, jne: three instructions a turn, two and two bytes before the jump.
        assert_eq!(cpu.gpr[0], whole.div_ceil(3), "after {whole}");
        assert_eq!(cpu.rip, CODE + whole % 3 * 2, "after {whole}");
        // Going on one instruction at a time is the same as going on.
        let mut stepped = cpu.clone();
        let mut cache = CodeCache::new(TRAP);
        for _ in 0..7 {
            assert_eq!(stepped.run(&mut cache, &mut guest, &mut 1), Exit::Budget);
        }
        assert_eq!(cpu.run(&mut CodeCache::new(TRAP), &mut guest, &mut 7), Exit::Budget);
        assert_eq!(cpu, stepped);
    }
}

#[test]
fn a_refused_access_costs_only_what_ran() {
    let code = assemble(|a| {
        a.mov(eax, 1)?;
        a.mov(edx, 2)?;
        a.mov(qword_ptr(r9), rax)?;
        a.mov(edx, 3)
    });
    let (mut cpu, mut guest) = (processor(), Guest::new(&code));
    let mut budget = 100;
    let exit = cpu.run(&mut CodeCache::new(TRAP), &mut guest, &mut budget);
    assert_eq!(exit, Exit::Bus { stop: Stop::NoPage(7) });
    assert_eq!((budget, cpu.rip, cpu.gpr[2]), (98, CODE + 10, 2));
}

#[test]
fn a_fused_compare_that_faults_stays_at_the_compare() {
    let code = assemble(|a| {
        let mut out = a.create_label();
        a.nop()?;
        a.cmp(dword_ptr(r9), 5)?;
        a.je(out)?;
        a.nop()?;
        a.set_label(&mut out)?;
        a.hlt()
    });
    let (mut cpu, mut guest) = (processor(), Guest::new(&code));
    cpu.set_rflags(0x8d7);
    assert!(matches!(run(&mut cpu, &mut guest), Exit::Bus { .. }));
    assert_eq!((cpu.rip, cpu.rflags() & 0x8d5), (CODE + 1, 0x8d5));
    cpu.gpr[9] = DATA;
    guest.store32(DATA, 5).unwrap();
    assert_eq!(run(&mut cpu, &mut guest), Exit::Halt);
    assert_eq!(cpu.rip, CODE + code.len() as u64 - 1);
}

#[test]
fn a_repeated_string_instruction_shows_its_progress_and_goes_on() {
    let code = assemble(|a| {
        a.rep().movsd()?;
        a.hlt()
    });
    let mut guest = Guest::new(&code);
    let source: Vec<u8> = (0..64).collect();
    guest.write(DATA, &source);
    let mut cpu = processor();
    cpu.gpr[1] = 16;
    cpu.gpr[6] = DATA;
    // The last 24 bytes of the page, then nothing mapped.
    cpu.gpr[7] = DATA + 0x1000 - 24;
    assert_eq!(run(&mut cpu, &mut guest), Exit::Bus { stop: Stop::NoPage(DATA + 0x1003) });
    assert_eq!((cpu.gpr[1], cpu.gpr[6], cpu.gpr[7]), (10, DATA + 24, DATA + 0x1000));
    assert_eq!(cpu.rip, CODE);
    guest.map(DATA + 0x1000);
    assert_eq!(run(&mut cpu, &mut guest), Exit::Halt);
    assert_eq!(guest.load64(DATA + 0x1000 + 32).unwrap(), 0x3f3e_3d3c_3b3a_3938);
}

#[test]
fn a_repeated_string_instruction_uses_up_the_budget() {
    let code = assemble(|a| {
        a.rep().lodsb()?;
        a.hlt()
    });
    let (mut cpu, mut guest) = (processor(), Guest::new(&code));
    cpu.gpr[6] = DATA;
    cpu.gpr[1] = 64 * 10;
    let mut budget = 4;
    let exit = cpu.run(&mut CodeCache::new(TRAP), &mut guest, &mut budget);
    assert_eq!((exit, budget, cpu.rip), (Exit::Budget, 0, CODE));
    assert!(cpu.gpr[1] > 0 && cpu.gpr[1] < 640);
    assert_eq!(run(&mut cpu, &mut guest), Exit::Halt);
    assert_eq!((cpu.gpr[1], cpu.gpr[6]), (0, DATA + 640));
}

#[test]
fn an_interrupted_comparison_keeps_the_flags_from_before() {
    let code = assemble(|a| {
        a.repe().cmpsb()?;
        a.hlt()
    });
    let (mut cpu, mut guest) = (processor(), Guest::new(&code));
    cpu.set_rflags(0x803);
    cpu.gpr[1] = 100;
    cpu.gpr[6] = DATA;
    cpu.gpr[7] = DATA + 0x1000 - 8;
    assert!(matches!(run(&mut cpu, &mut guest), Exit::Bus { .. }));
    assert_eq!((cpu.gpr[1], cpu.rflags() & 0x8d5), (92, 0x801));
}

#[test]
fn a_trace_names_every_instruction() {
    let code = assemble(|a| {
        let mut top = a.create_label();
        a.mov(eax, 2)?;
        a.set_label(&mut top)?;
        a.dec(eax)?;
        a.cmp(eax, edx)?;
        a.jne(top)?;
        a.hlt()
    });
    let (mut cpu, mut guest) = (processor(), Guest::new(&code));
    assert_eq!(run(&mut cpu, &mut guest), Exit::Halt);
    assert_eq!(guest.trace, [0, 5, 7, 9, 5, 7, 9, 11]);
    // The same one by one.
    let (mut cpu, mut stepped) = (processor(), Guest::new(&code));
    while cpu.run(&mut CodeCache::new(TRAP), &mut stepped, &mut 1) == Exit::Budget {}
    assert_eq!(stepped.trace, guest.trace);
}

#[test]
fn interlocked_instructions_ask_first() {
    let code = assemble(|a| {
        a.lock().inc(dword_ptr(rcx))?;
        a.xchg(qword_ptr(rcx + 8), rax)?;
        a.lock().cmpxchg16b(xmmword_ptr(rcx + 16))?;
        a.inc(dword_ptr(rcx))?;
        a.hlt()
    });
    let (mut cpu, mut guest) = (processor(), Guest::new(&code));
    guest.stop_interlocked = true;
    let before = cpu.clone();
    let stop = Stop::Interlocked(DATA, 4);
    assert_eq!(run(&mut cpu, &mut guest), Exit::Bus { stop });
    assert_eq!(cpu, before);
    assert_eq!(guest.load32(DATA).unwrap(), 0);
    guest.stop_interlocked = false;
    assert_eq!(run(&mut cpu, &mut guest), Exit::Halt);
    assert_eq!(guest.interlocked, [(DATA, 4), (DATA + 8, 8), (DATA + 16, 16)]);
    assert_eq!(guest.load32(DATA).unwrap(), 2);
}

#[test]
fn what_is_not_implemented_is_named() {
    for (bytes, text) in [
        (&[0xc5, 0xf4, 0x58, 0xc2][..], "vaddps ymm0,ymm1,ymm2"),
        (&[0xd9, 0xc0], "fld st,st(0)"),
        (&[0x64, 0x48, 0x8b, 0x01], "mov rax,fs:[rcx]"),
        (&[0x06], "bytes that are no known instruction"),
        (&[0x0f, 0xc7, 0xf0], "rdrand eax"),
    ] {
        let code = [&[0xb8, 1, 0, 0, 0], bytes, &[0x90; 16]].concat();
        let (mut cpu, mut guest) = (processor(), Guest::new(&code));
        assert_eq!(run(&mut cpu, &mut guest), Exit::Unsupported { mnemonic: text.to_string() });
        // What precedes it ran.
        assert_eq!((cpu.rip, cpu.gpr[0]), (CODE + 5, 1));
        if !text.starts_with("bytes") {
            assert_eq!(cpu.next_rip, CODE + 5 + bytes.len() as u64);
        }
    }
}

struct Noise(u64);

impl Noise {
    fn byte(&mut self) -> u8 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 56) as u8
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }
}

#[test]
fn no_byte_sequence_panics() {
    let mut noise = Noise(1);
    for _ in 0..1000 {
        let mut bytes: Vec<u8> = (0..64).map(|_| noise.byte()).collect();
        // Two-byte opcodes and prefixes more often than chance has them.
        bytes[0] = [0x0f, 0x66, 0xf2, 0xf3, 0xf0, 0x48, bytes[0]][usize::from(noise.byte() % 7)];
        crate::fuzz_decode(&bytes);
    }
}

/// Code as compilers write it, near enough: the fuzz entry compares whole blocks with single
/// steps.
#[test]
fn blocks_do_what_their_instructions_do() {
    // Opcodes with a ModRM byte: arithmetic, moves, TEST, XCHG, LEA, CMOVcc, SETcc, MOVZX.
    const PLAIN: [u8; 24] = [
        0x00, 0x01, 0x03, 0x0b, 0x11, 0x1b, 0x21, 0x29, 0x2b, 0x31, 0x33, 0x38, 0x39, 0x3a, 0x3b,
        0x84, 0x85, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8d, 0x3b,
    ];
    const ESCAPED: [u8; 8] = [0x40, 0x4c, 0x94, 0x9f, 0xb6, 0xbe, 0xaf, 0xa3];
    let mut noise = Noise(2);
    for _ in 0..2_000 {
        let mut code = Vec::new();
        for _ in 0..24 {
            code.extend(noise.of(&[&[][..], &[], &[0x48], &[0x66], &[0x45]]));
            match noise.byte() % 8 {
                0 | 1 => {
                    // A short forward jump, sometimes into the middle of an instruction.
                    code.extend([0x70 | noise.byte() & 15, noise.byte() % 7]);
                    continue;
                }
                2 => code.extend([0x0f, noise.of(&ESCAPED)]),
                3 => code.push(noise.of(&[0x80, 0x83, 0xc1, 0xc0])),
                4 => code.push(noise.of(&[0xf6, 0xfe, 0xff, 0xd3])),
                _ => code.push(noise.of(&PLAIN)),
            }
            // A register, or a base with an 8-bit displacement (SIB bytes come as they fall).
            code.push(noise.of(&[0xc0, 0xc0, 0x40]) | noise.byte() & 0x3f);
            code.push(noise.byte());
        }
        crate::fuzz_decode(&code);
    }
}
