//! Crashes as Windows leaves them, written by `crates/dump-writer`: what the bench's own dumps do not show.

use diagnosis::Nothing;
use diagnosis::crash::{Confidence, Crash, diagnose, disassemble};
use dump_writer::{
    Description, Machine, Memory, Module, Object, Registers, Unloaded, X64, write_small,
};
use evidence::crash_dump::Dump;
use finding::Trust;
use listing::Syntax;

const NT: u64 = 0xffff_f801_0000_0000;
const FIFO: u64 = 0xffff_f801_4000_0000;
const STACK: u64 = 0xffff_d58e_0001_5000;

fn module(path: &str, base: u64) -> Module {
    Module { path: path.to_owned(), base, size: 0x10_000, checksum: 0, stamp: 0x5f00_0000 }
}

/// A machine with a kernel and a driver that stopped in a call of the kernel; `stack` from [`STACK`] on.
fn crash(bug_check: u32, parameters: [u64; 4], stack: &[(u64, u64)]) -> Description {
    let mut described = Description::new(Machine::X64);
    (described.bug_check, described.parameters) = (bug_check, parameters);
    described.modules.push(module(r"\SystemRoot\system32\ntoskrnl.exe", NT));
    described.modules.push(module(r"\SystemRoot\System32\drivers\fifo.sys", FIFO));
    let mut general = [0; 16];
    general[4] = STACK;
    described.registers = Some(Registers::X64(X64 {
        general,
        rip: NT + 0x5a80,
        flags: 0x246,
        segments: [0x10, 0x2b, 0x2b, 0x53, 0x2b, 0x18],
        xmm: [[0; 16]; 16],
        mxcsr: 0x1f80,
    }));
    let mut bytes = vec![0; 0x800];
    for &(at, value) in stack {
        bytes[at as usize..at as usize + 8].copy_from_slice(&value.to_le_bytes());
    }
    described.stack = Some(Object { address: STACK, bytes });
    described
}

fn explained(described: &Description) -> Crash {
    let mut data = Vec::new();
    write_small(described, &mut data).expect("a dump");
    diagnose(&Dump::parse(&data).expect("a dump"), &Nothing)
}

/// KTRAP_FRAME on the stack at `at`: RAX, RCX, RIP, CS, flags, RSP, SS.
fn trap(at: u64, rcx: u64, rip: u64, rsp: u64) -> Vec<(u64, u64)> {
    vec![
        (at + 0x30, 1),
        (at + 0x38, rcx),
        (at + 0x168, rip),
        (at + 0x170, 0x10),
        (at + 0x178, 0x1_0246),
        (at + 0x180, rsp),
        (at + 0x188, 0x18),
    ]
}

#[test]
fn a_fault_is_found_by_its_trap_frame() {
    let fault = FIFO + 0x1234;
    let mut stack = trap(0x100, 0, fault, STACK + 0x400);
    stack.push((0x408, FIFO + 0x2000));
    let mut described = crash(0xd1, [0x10, 2, 0, fault], &stack);
    // mov rax,[rcx+10h]; ret
    described.memory.push(Memory::new(fault, vec![0x48, 0x8b, 0x41, 0x10, 0xc3]));
    let told = explained(&described);
    let origin = told.origin.expect("registers");
    assert!(origin.of_fault && origin.source.contains("trap frame"), "{}", origin.source);
    assert_eq!((origin.registers.pc, origin.registers.get("rcx")), (fault, Some(0)));
    // Flags are 32 bits, and what only system calls keep there is not taken for a register.
    assert_eq!(
        (origin.registers.get("eflags"), origin.registers.get("rbx")),
        (Some(0x1_0246), None)
    );
    let current = told.code.instructions.iter().find(|line| line.current).expect("code");
    assert_eq!(current.text, "mov     rax,qword ptr [rcx+10h]");
    let memory = told.code.operands.iter().find(|it| it.name.starts_with('[')).expect("an operand");
    assert_eq!(memory.value, 0x10);
    let blame = told.blame.expect("blame");
    assert_eq!((blame.module.as_str(), blame.confidence), ("fifo.sys", Confidence::High));
    assert_eq!(told.bucket, "AV_fifo!unknown_function");
    // The stack is the interrupted one's.
    let trusts: Vec<Trust> = told.stack.iter().map(|frame| frame.trust).collect();
    assert_eq!(trusts, [Trust::Context, Trust::Scanned]);
    assert_eq!(told.stack[1].address, FIFO + 0x2000);
}

#[test]
fn words_that_only_look_like_a_trap_frame_are_none() {
    let fault = FIFO + 0x1234;
    // The stack pointer leads elsewhere.
    let told = explained(&crash(0xd1, [0x10, 2, 0, fault], &trap(0x100, 0, fault, 0x1000)));
    assert!(!told.origin.expect("registers").of_fault);
    // The code parameter still says where.
    assert_eq!(told.blame.expect("blame").module, "fifo.sys");
}

#[test]
fn a_call_into_a_driver_that_is_gone_blames_it() {
    let place = 0xffff_f801_5000_1000;
    let mut described = crash(0xce, [place, 8, place, 0], &[]);
    described.unloaded.push(Unloaded {
        name: "gone.sys".to_owned(),
        begin: place - 0x1000,
        end: place + 0x1000,
        time: 0,
    });
    let blame = explained(&described).blame.expect("blame");
    assert_eq!((blame.module.as_str(), blame.confidence), ("gone.sys", Confidence::High));
}

#[test]
fn a_power_request_that_is_held_leads_to_who_holds_it() {
    let (irp, location, device, driver) = (
        0xffff_9a0c_0000_1000u64,
        0xffff_9a0c_0000_1100u64,
        0xffff_9a0c_0000_2000u64,
        0xffff_9a0c_0000_3000u64,
    );
    let mut described = crash(0x9f, [3, 0xffff_9a0c_0000_4000, 0, irp], &[(0x80, NT + 0x2000)]);
    // `Type` of wdm.h comes first, and a request says at which of its two locations it is.
    let object = |kind: u8, address: u64, at: usize, value: u64| {
        let mut bytes = vec![0; 0x100];
        bytes[0] = kind;
        bytes[0x42..0x44].copy_from_slice(&[2, 1]);
        bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        Memory::new(address, bytes)
    };
    described.memory.push(object(6, irp, 0xb8, location));
    described.memory.push(object(0, location, 0x28, device));
    described.memory.push(object(3, device, 0x8, driver));
    described.memory.push(object(4, driver, 0x18, FIFO));
    let told = explained(&described);
    let blame = told.blame.expect("blame");
    assert_eq!((blame.module.as_str(), blame.confidence), ("fifo.sys", Confidence::High));
    assert!(blame.why.contains("parameter 4"), "{}", blame.why);
    assert!(
        told.bucket.starts_with("0x9F_3") && told.bucket.ends_with("IMAGE_fifo.sys"),
        "{}",
        told.bucket
    );
}

/// Code is shown up to the last byte that the dump has, and that is found out without trying each length.
#[test]
fn code_ends_where_the_dump_does() {
    let mut described = crash(0xe2, [0; 4], &[]);
    described.memory.push(Memory::new(FIFO + 0x1000, vec![0x90; 10_000]));
    let mut data = Vec::new();
    write_small(&described, &mut data).expect("a dump");
    let dump = Dump::parse(&data).expect("a dump");
    let listed = disassemble(&dump, &Nothing, "fifo+1000", Some("fifo+f000"), 8, Syntax::Debugger)
        .expect("code");
    assert_eq!(listed.len(), 10_000);
    assert_eq!(listed[9_999].line.address, FIFO + 0x1000 + 9_999);
    let none =
        disassemble(&dump, &Nothing, "fifo+8000", None, 8, Syntax::Debugger).expect_err("no code");
    assert!(none.contains("no code is to be had"), "{none}");
}
