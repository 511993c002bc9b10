//! Instructions that go to the machine: interrupts, ports, CR8, time, GS, privileged ones.

use super::bus::*;
use crate::{Bus, Exit};
use iced_x86::code_asm::*;

fn exit_of(bytes: &[u8]) -> (Exit<Stop>, u64, u64) {
    let (mut cpu, mut guest) = (processor(), Guest::new(bytes));
    cpu.gpr[0] = 3;
    let exit = run(&mut cpu, &mut guest);
    (exit, cpu.rip - CODE, cpu.next_rip - CODE)
}

#[test]
fn interrupts_stay_at_the_instruction_and_tell_what_follows() {
    let interrupt = |vector| Exit::Interrupt { vector };
    assert_eq!(exit_of(&[0x90, 0xcc]), (interrupt(3), 1, 2));
    assert_eq!(exit_of(&[0xcd, 0x29]), (interrupt(0x29), 0, 2));
    assert_eq!(exit_of(&[0xcd, 0x2c]), (interrupt(0x2c), 0, 2));
    assert_eq!(exit_of(&[0x0f, 0x0b]), (interrupt(6), 0, 2));
    assert_eq!(exit_of(&[0xf4]), (Exit::Halt, 0, 1));
    // div dl by zero; div cl where the quotient does not fit.
    assert_eq!(exit_of(&[0xf6, 0xf2]), (interrupt(0), 0, 2));
    // movaps xmm0, [rcx+8]
    assert_eq!(exit_of(&[0x0f, 0x28, 0x41, 0x08]), (interrupt(13), 0, 4));
}

#[test]
fn privileged_instructions_are_named() {
    for (bytes, text) in [
        (&[0xfa][..], "cli"),
        (&[0xfb], "sti"),
        (&[0x0f, 0x22, 0xd8], "mov cr3,rax"),
        (&[0x0f, 0x20, 0xc0], "mov rax,cr0"),
        (&[0x0f, 0x23, 0xf8], "mov dr7,rax"),
        (&[0x0f, 0x30], "wrmsr"),
        (&[0x0f, 0x01, 0xf8], "swapgs"),
        (&[0x48, 0xcf], "iretq"),
    ] {
        let exit = Exit::PrivilegedInstruction { mnemonic: text.to_string() };
        assert_eq!(exit_of(bytes), (exit, 0, bytes.len() as u64));
    }
}

#[test]
fn cr8_goes_through_the_bus() {
    let code = assemble(|a| {
        a.mov(rax, cr8)?;
        a.mov(edx, 2)?;
        a.mov(cr8, rdx)?;
        a.mov(edx, 16)?;
        a.mov(cr8, rdx)
    });
    let (mut cpu, mut guest) = (processor(), Guest::new(&code));
    guest.cr8 = 1;
    assert_eq!(run(&mut cpu, &mut guest), Exit::Interrupt { vector: 13 });
    assert_eq!((cpu.gpr[0], guest.cr8), (1, 2));
    let mut cpu = processor();
    guest.stop_machine = true;
    assert_eq!(run(&mut cpu, &mut guest), Exit::Bus { stop: Stop::Machine("cr8") });
    assert_eq!((cpu.rip, cpu.gpr[0]), (CODE, 0));
}

#[test]
fn pause_goes_through_the_bus() {
    let (mut cpu, mut guest) = (processor(), Guest::new(&[0xf3, 0x90, 0xf4]));
    guest.stop_machine = true;
    assert_eq!(run(&mut cpu, &mut guest), Exit::Bus { stop: Stop::Machine("pause") });
    guest.stop_machine = false;
    assert_eq!(run(&mut cpu, &mut guest), Exit::Halt);
    assert_eq!(guest.pauses, 1);
}

#[test]
fn ports_have_sizes() {
    let code = assemble(|a| {
        a.mov(dx, 0x3f8)?;
        a.in_(al, dx)?;
        a.out(dx, al)?;
        a.in_(eax, 0x70)?;
        a.out(0x80, ax)?;
        a.mov(dx, 0xdead)?;
        a.in_(ax, dx)
    });
    let (mut cpu, mut guest) = (processor(), Guest::new(&code));
    cpu.gpr[0] = u64::MAX;
    assert_eq!(run(&mut cpu, &mut guest), Exit::Bus { stop: Stop::Port(0xdead, 2) });
    assert_eq!(guest.ports, [(0x3f8, 1, 0x78), (0x80, 2, 0x5678)]);
    assert_eq!(cpu.gpr[0], 0x1234_5678);
}

#[test]
fn gs_adds_its_base() {
    let code = assemble(|a| {
        a.mov(rax, qword_ptr(0x188).gs())?;
        a.mov(rdx, qword_ptr(rbx + 0x10).gs())?;
        a.lea(rsi, qword_ptr(rbx + 0x10).gs())?;
        a.hlt()
    });
    let (mut cpu, mut guest) = (processor(), Guest::new(&code));
    cpu.gs_base = DATA;
    cpu.gpr[3] = 0x20;
    guest.store64(DATA + 0x188, 0x1111).unwrap();
    guest.store64(DATA + 0x30, 0x2222).unwrap();
    assert_eq!(run(&mut cpu, &mut guest), Exit::Halt);
    assert_eq!((cpu.gpr[0], cpu.gpr[2], cpu.gpr[6]), (0x1111, 0x2222, 0x30));
}

#[test]
fn identification_and_time_come_from_the_bus() {
    let code = assemble(|a| {
        a.mov(eax, 7)?;
        a.xor(ecx, ecx)?;
        a.cpuid()?;
        a.mov(rsi, rax)?;
        a.mov(rdi, rbx)?;
        a.rdtscp()?;
        a.hlt()
    });
    let (mut cpu, mut guest) = (processor(), Guest::new(&code));
    cpu.gpr[0] = u64::MAX;
    cpu.gpr[2] = u64::MAX;
    assert_eq!(run(&mut cpu, &mut guest), Exit::Halt);
    assert_eq!((cpu.gpr[6], cpu.gpr[7]), (8, 2));
    assert_eq!((cpu.gpr[0], cpu.gpr[1], cpu.gpr[2]), (2, 3, 1));
}

#[test]
fn arithmetic_needs_the_default_control_word() {
    let code = assemble(|a| {
        a.stmxcsr(dword_ptr(rcx))?;
        a.ldmxcsr(dword_ptr(rcx))?;
        a.addsd(xmm0, xmm1)?;
        a.stmxcsr(dword_ptr(rcx + 4))
    });
    let (mut cpu, mut guest) = (processor(), Guest::new(&code));
    let refused = |exit| matches!(exit, Exit::Unsupported { .. });
    // The status bits that the addition would have left are not known.
    assert!(refused(run(&mut cpu, &mut guest)));
    assert_eq!((guest.load32(DATA).unwrap(), cpu.rip), (0x1f80, CODE + 10));
    let mut cpu = processor();
    cpu.mxcsr = 0x7f80;
    assert!(refused(run(&mut cpu, &mut guest)));
    assert_eq!(cpu.rip, CODE + 6);
}

#[test]
fn popfq_refuses_single_stepping() {
    let code = [0x9d];
    let (mut cpu, mut guest) = (processor(), Guest::new(&code));
    guest.store64(STACK, 0x102).unwrap();
    assert!(matches!(run(&mut cpu, &mut guest), Exit::Unsupported { .. }));
    assert_eq!(cpu.gpr[4], STACK);
}
