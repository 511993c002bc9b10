//! Decoded code: reuse, invalidation, disabled ranges, page ends.

use super::bus::*;
use crate::{CodeCache, Exit};
use iced_x86::code_asm::*;

#[test]
fn code_is_fetched_once() {
    let code = assemble(|a| {
        let mut top = a.create_label();
        a.mov(eax, 1000)?;
        a.set_label(&mut top)?;
        a.sub(eax, 1)?;
        a.jne(top)?;
        a.hlt()
    });
    let (mut cpu, mut guest) = (processor(), Guest::new(&code));
    let mut cache = CodeCache::new(TRAP);
    assert_eq!(cpu.run(&mut cache, &mut guest, &mut 10_000), Exit::Halt);
    assert_eq!(guest.fetches, 6);
    let blocks: Vec<_> = cache.blocks().collect();
    assert_eq!(blocks, [(CODE, 3), (CODE + 5, 2), (CODE + code.len() as u64 - 1, 1)]);
}

#[test]
fn invalidated_code_is_decoded_again_even_behind_a_link() {
    let code = assemble(|a| {
        let (mut top, mut target) = (a.create_label(), a.create_label());
        a.set_label(&mut top)?;
        a.sub(edx, 1)?;
        a.jne(target)?;
        a.hlt()?;
        a.set_label(&mut target)?;
        a.inc(eax)?;
        a.jmp(top)
    });
    let (mut cpu, mut guest) = (processor(), Guest::new(&code));
    let mut cache = CodeCache::new(TRAP);
    cpu.gpr[2] = 100;
    // sub, jne, inc, jmp: four instructions a turn.
    assert_eq!(cpu.run(&mut cache, &mut guest, &mut 40), Exit::Budget);
    assert_eq!(cpu.gpr[0], 10);
    // inc eax becomes dec eax.
    guest.write(CODE + 6, &[0xff, 0xc8]);
    cache.invalidate(CODE + 7..CODE + 8);
    assert_eq!(cache.blocks().count(), 1);
    assert_eq!(cpu.run(&mut cache, &mut guest, &mut 40), Exit::Budget);
    assert_eq!(cpu.gpr[0], 0);
    assert_eq!(cpu.gpr[2], 80);
}

#[test]
fn a_disabled_range_is_left_through_the_bus() {
    let code = assemble(|a| {
        let mut top = a.create_label();
        a.set_label(&mut top)?;
        a.inc(eax)?;
        a.inc(edx)?;
        a.jmp(top)
    });
    let (mut cpu, mut guest) = (processor(), Guest::new(&code));
    let mut cache = CodeCache::new(TRAP);
    assert_eq!(cpu.run(&mut cache, &mut guest, &mut 9), Exit::Budget);
    // The loop's second half, inside the block already decoded.
    let half = CODE + 2..CODE + 0x100;
    cache.set_disabled(std::slice::from_ref(&half));
    guest.no_execute = vec![half.clone()];
    let stop = Stop::NoExecute(CODE + 2);
    assert_eq!(cpu.run(&mut cache, &mut guest, &mut 100), Exit::Bus { stop });
    assert_eq!((cpu.rip, cpu.gpr[0], cpu.gpr[2]), (CODE + 2, 4, DATA_FREE + 3));
    guest.no_execute.clear();
    assert!(matches!(
        cpu.run(&mut cache, &mut guest, &mut 100),
        Exit::Unsupported { mnemonic } if mnemonic.contains("disabled")
    ));
    cache.set_disabled(&[]);
    assert_eq!(cpu.run(&mut cache, &mut guest, &mut 3), Exit::Budget);
    assert_eq!(cpu.gpr[0], 5);
    // Known boundaries: switching back keeps the blocks.
    let blocks = cache.blocks().count();
    cache.set_disabled(std::slice::from_ref(&half));
    assert_eq!(cache.blocks().count(), blocks);
    assert!(matches!(cpu.run(&mut cache, &mut guest, &mut 9), Exit::Unsupported { .. }));
}

/// RDX at the start.
const DATA_FREE: u64 = 0;

#[test]
fn an_instruction_may_cross_into_the_next_page() {
    // mov eax, 12345678h in the last two bytes of the page and the first three of the next.
    let mut guest = Guest::new(&[]);
    guest.map(CODE + 0x1000);
    guest.write(CODE + 0xffd, &[0x90, 0xb8, 0x78, 0x56, 0x34, 0x12, 0xf4]);
    let mut cpu = processor();
    cpu.rip = CODE + 0xffd;
    assert_eq!(run(&mut cpu, &mut guest), Exit::Halt);
    assert_eq!(cpu.gpr[0], 0x1234_5678);
}

#[test]
fn an_instruction_crossing_into_no_page_faults_when_reached() {
    let mut guest = Guest::new(&[]);
    guest.write(CODE + 0xffb, &[0xff, 0xc2, 0x90, 0xb8, 0x78]);
    let mut cpu = processor();
    cpu.rip = CODE + 0xffb;
    let stop = Stop::NoPage(CODE + 0x1000);
    assert_eq!(run(&mut cpu, &mut guest), Exit::Bus { stop: stop.clone() });
    assert_eq!((cpu.rip, cpu.gpr[2]), (CODE + 0xffe, 1));
    // Straight into the next page, too.
    guest.write(CODE + 0xffe, &[0x90, 0x90]);
    assert_eq!(run(&mut cpu, &mut guest), Exit::Bus { stop });
    assert_eq!(cpu.rip, CODE + 0x1000);
}

#[test]
fn a_block_ends_before_the_trap_range() {
    let mut guest = Guest::new(&[0x90; 64]);
    let mut cpu = processor();
    let mut cache = CodeCache::new(CODE + 8..CODE + 16);
    let mut budget = 100;
    assert_eq!(cpu.run(&mut cache, &mut guest, &mut budget), Exit::Trap);
    assert_eq!((cpu.rip, budget), (CODE + 8, 92));
}

#[test]
fn indirect_branches_with_the_same_slot_find_their_own_blocks() {
    // Two call targets 1 MiB apart share a slot of the small table.
    let far = CODE + 0x10_0000;
    let code = assemble(|a| {
        a.call(rbx)?;
        a.call(rsi)?;
        a.call(rbx)?;
        a.hlt()
    });
    let mut guest = Guest::new(&code);
    guest.map(far);
    let near = CODE + 0x800;
    guest.write(near, &[0xff, 0xc0, 0xc3]);
    guest.write(far + 0x800, &[0x83, 0xc0, 0x10, 0xc3]);
    let mut cpu = processor();
    (cpu.gpr[3], cpu.gpr[6]) = (near, far + 0x800);
    assert_eq!(run(&mut cpu, &mut guest), Exit::Halt);
    assert_eq!((cpu.gpr[0], cpu.gpr[4]), (0x12, STACK));
}
