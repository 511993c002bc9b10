//! Whose fault it is, and how sure that is, in dumps that a writer made which knows nothing of this crate.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

use diagnosis::crash::{Blame, Confidence, Crash, diagnose};
use diagnosis::{Absent, Nothing, Program, Programs, Wanted};
use dump_writer::{Description, Machine, Memory, Module, Object, Registers, X64, X86};
use evidence::crash_dump::Dump;
use finding::Trust;
use std::path::Path;
use std::sync::Arc;

const KERNEL: u64 = 0xffff_f800_0000_0000;
const FIFO: u64 = 0xffff_f800_0200_0000;
const STACK: u64 = 0xffff_f500_0001_0000;
const POOL: u64 = 0xffff_9800_0000_0000;

fn module(name: &str, base: u64) -> Module {
    Module { path: format!(r"\SystemRoot\{name}"), base, size: 0x10_0000, checksum: 0, stamp: 7 }
}

/// A bug check of the kernel, with these words on the stack.
fn crash(code: u32, parameters: [u64; 4], words: &[u64]) -> Description {
    let mut general = [0; 16];
    general[4] = STACK;
    Description {
        bug_check: code,
        parameters,
        registers: Some(Registers::X64(X64 { general, rip: KERNEL + 0x5000, ..X64::default() })),
        modules: vec![module("ntoskrnl.exe", KERNEL), module("fifo.sys", FIFO)],
        stack: Some(Object {
            address: STACK,
            bytes: words.iter().flat_map(|word| word.to_le_bytes()).collect(),
        }),
        ..Description::new(Machine::X64)
    }
}

fn explained(description: &Description, programs: &dyn Programs) -> Crash {
    let mut file = Vec::new();
    dump_writer::write_small(description, &mut file).expect("a dump");
    diagnose(&Dump::parse(&file).expect("a dump"), programs)
}

fn blamed(description: &Description) -> Option<Blame> {
    explained(description, &Nothing).blame
}

/// Memory of `address` with numbers of so many bytes at these offsets.
fn memory(address: u64, fields: &[(usize, u64, usize)]) -> Memory {
    let mut bytes = vec![0; 0x100];
    for &(at, value, size) in fields {
        bytes[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]);
    }
    Memory::new(address, bytes)
}

const IRP: u64 = POOL;
const LOCATION: u64 = POOL + 0x1000;
const DEVICE: u64 = POOL + 0x2000;
const DRIVER: u64 = POOL + 0x3000;

/// A power request that a device has held for too long, at stack location `current` of two.
fn held(current: u64) -> Description {
    let mut description = crash(0x9f, [3, DEVICE, 0, IRP], &[]);
    description.memory = vec![
        memory(IRP, &[(0, 6, 2), (0x42, 2, 1), (0x43, current, 1), (0xb8, LOCATION, 8)]),
        memory(LOCATION, &[(0x28, DEVICE, 8)]),
        memory(DEVICE, &[(0, 3, 2), (8, DRIVER, 8)]),
        memory(DRIVER, &[(0, 4, 2), (0x18, FIFO, 8)]),
    ];
    description
}

#[test]
fn whoever_has_a_request_is_blamed() {
    let blame = blamed(&held(2)).expect("blame");
    assert_eq!((blame.module.as_str(), blame.confidence), ("fifo.sys", Confidence::High));
    assert!(blame.why.contains("request's current stack location"), "{}", blame.why);
}

/// A request that was completed has its current location behind the last: nothing there says whose it is. The
/// device of the bug check is that of the bus driver, which is less.
#[test]
fn a_request_that_nobody_has_blames_nobody() {
    let blame = blamed(&held(3)).expect("blame");
    assert_eq!((blame.module.as_str(), blame.confidence), ("fifo.sys", Confidence::Medium));
    assert!(blame.why.contains("another driver of its stack"), "{}", blame.why);
}

#[test]
fn what_is_no_device_object_is_not_followed() {
    let mut description = held(3);
    description.memory[2].bytes[0] = 5;
    assert_eq!(blamed(&description), None);
}

#[test]
fn requests_of_32_bits_are_followed() {
    let (irp, location, device, driver) = (0x8600_0000, 0x8600_1000, 0x8600_2000, 0x8600_3000);
    let (kernel, fifo) = (0x8280_0000, 0x8c00_0000);
    let description = Description {
        bug_check: 0x9f,
        parameters: [3, device, 0, irp],
        registers: Some(Registers::X86(X86 { eip: kernel as u32 + 0x5000, ..X86::default() })),
        modules: vec![module("ntkrnlpa.exe", kernel), module("fifo.sys", fifo)],
        memory: vec![
            memory(irp, &[(0, 6, 2), (0x22, 2, 1), (0x23, 1, 1), (0x60, location, 4)]),
            memory(location, &[(0x14, device, 4)]),
            memory(device, &[(0, 3, 2), (8, driver, 4)]),
            memory(driver, &[(0, 4, 2), (0xc, fifo, 4)]),
        ],
        ..Description::new(Machine::X86 { pae: true })
    };
    let blame = blamed(&description).expect("blame");
    assert_eq!((blame.module.as_str(), blame.confidence), ("fifo.sys", Confidence::High));
}

/// Of an image for every module of the kernel's name.
struct Kernel(Arc<Program>);

impl Programs for Kernel {
    fn program(&self, wanted: &Wanted) -> Result<Arc<Program>, Absent> {
        if wanted.name == "ntoskrnl.exe" { Ok(Arc::clone(&self.0)) } else { Err(Absent::NotFound) }
    }

    fn pdb(&self, _: &pe::Image<'_>) -> (Option<Vec<u8>>, Vec<String>) {
        (None, Vec::new())
    }
}

/// An image, and the RVA behind a call inside it.
fn image_with_call() -> (Kernel, u64) {
    let path = "../../drivers/buggy/null-pointer/null-pointer.sys";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let file = std::fs::read(path).expect("a driver of ours");
    let image = pe::Image::parse(&file).expect("an image");
    let memory = image.map_at(image.image_base()).expect("its memory");
    let functions = image.functions().expect("functions");
    let calls = functions.iter().flat_map(|function| function.begin..function.end - 5);
    let behind = calls.filter(|&at| memory[at as usize] == 0xe8).find_map(|at| {
        let offset = memory[at as usize + 1..at as usize + 5].try_into().expect("four bytes");
        let target = (at + 5).wrapping_add_signed(i32::from_le_bytes(offset));
        (target < image.size_of_image()).then_some(at + 5)
    });
    let behind = behind.expect("a call");
    (Kernel(Arc::new(Program::new(file, None, None).expect("an image"))), behind.into())
}

/// A frame that is unwound from one that was scanned for is no surer than that one.
#[test]
fn what_rests_on_a_scanned_frame_is_a_guess() {
    let (programs, behind) = image_with_call();
    let mut words = vec![FIFO + 0x1234; 64];
    words[0] = KERNEL + behind;
    let mut description = crash(0x1_0000, [0; 4], &words);
    description.modules.push(module("hal.dll", 0xffff_f800_0300_0000));
    if let Some(Registers::X64(registers)) = &mut description.registers {
        registers.rip = 0xffff_f800_0300_5000;
    }
    let crash = explained(&description, &programs);
    let trust: Vec<Trust> = crash.stack.iter().map(|frame| frame.trust).collect();
    assert_eq!(trust[..3], [Trust::Context, Trust::Scanned, Trust::Unwound]);
    let blame = crash.blame.expect("blame");
    assert_eq!((blame.module.as_str(), blame.confidence), ("fifo.sys", Confidence::Low));
}

/// A call through a pointer that leads nowhere: its return address is on top of the stack.
#[test]
fn whoever_called_a_place_outside_all_modules_is_known() {
    let code = memory(FIFO + 0x1200, &[(0x2e, 0xd0ff, 2)]);
    let mut description = crash(0x1_0000, [0; 4], &[FIFO + 0x1230, 0, FIFO + 0x1230]);
    description.memory.push(code);
    if let Some(Registers::X64(registers)) = &mut description.registers {
        registers.rip = 0x10;
    }
    let crash = explained(&description, &Nothing);
    assert_eq!(crash.stack[1].trust, Trust::Unwound);
    assert_eq!(crash.blame.map(|blame| blame.confidence), Some(Confidence::Medium));
}

/// The processor that hangs is another than the one whose stack is in the dump.
#[test]
fn the_stack_of_a_bystander_is_a_guess() {
    let (programs, behind) = image_with_call();
    let blame = |code: u32, first: u64| {
        let mut description = crash(code, [first, 0, 0, 0], &[FIFO + 0x1234; 64]);
        if let Some(Registers::X64(registers)) = &mut description.registers {
            registers.rip = KERNEL + behind;
        }
        explained(&description, &programs).blame.expect("blame").confidence
    };
    assert_eq!(blame(0x101, 0x18), Confidence::Low);
    assert_eq!(blame(0x133, 1), Confidence::Low);
    // A single routine that runs too long is on the stack itself.
    assert_eq!(blame(0x133, 0), Confidence::Medium);
}

/// CRITICAL_OBJECT_TERMINATION names the process that ended, which need not have ended itself.
#[test]
fn a_process_that_ended_is_not_blamed_for_certain() {
    let mut description = crash(0xf4, [3, 0, POOL, 0], &[]);
    description.memory.push(Memory::new(POOL, b"csrss.exe\0\0\0".to_vec()));
    let blame = blamed(&description).expect("blame");
    assert_eq!((blame.module.as_str(), blame.confidence), ("csrss.exe", Confidence::Medium));
}

/// CRITICAL_PROCESS_DIED: the first parameter is the process, of which a small dump may have the block.
#[test]
fn a_process_that_died_is_named() {
    const PROCESS: u64 = POOL + 0x8000;
    let mut description = crash(0xef, [PROCESS, 0, 0, 0], &[]);
    let mut block = vec![0xff; 0x400];
    block[0x2d0..0x2e0].copy_from_slice(b"csrss.exe\0\0\0\0\0\0\x02");
    let mut thread = vec![0; 0x100];
    thread[0xb8..0xc0].copy_from_slice(&PROCESS.to_le_bytes());
    description.offsets.kthread_apc_process = 0xb8;
    description.prcb = Some(Object { address: POOL + 0x6000, bytes: vec![1; 0x100] });
    description.thread = Some(Object { address: POOL + 0x7000, bytes: thread });
    description.process = Some(Object { address: PROCESS, bytes: block });
    let crash = explained(&description, &Nothing);
    let (number, text) = &crash.pointers[0];
    assert_eq!((*number, text.starts_with("csrss.exe")), (1, true), "{text}");
    // Another process than the one that ran is not mistaken for it.
    description.parameters[0] += 0x1000;
    assert_eq!(explained(&description, &Nothing).pointers, []);
}

/// KTRAP_FRAME of 32 bits: Windows 8 has what Windows 7 has, 8.1 keeps edx, ecx and eax lower.
#[test]
fn trap_frames_of_32_bits_are_read_for_their_build() {
    let (frame, kernel) = (0x8600_0000, 0x8280_0000);
    for (build, edx) in [(2600, 0x3c), (7601, 0x3c), (9200, 0x3c), (9600, 0x38), (19041, 0x38)] {
        let fields = [
            (edx, 0xd, 4),
            (edx + 4, 0xc, 4),
            (edx + 8, 0xa, 4),
            (0x54, 0xd1, 4),
            (0x60, 0xb9, 4),
            (0x68, kernel + 0x1234, 4),
            (0x6c, 8, 4),
            (0x70, 0x246, 4),
        ];
        let description = Description {
            build,
            bug_check: 0x8e,
            parameters: [0xc000_0005, kernel + 0x1234, frame, 0],
            modules: vec![module("ntkrnlpa.exe", kernel)],
            memory: vec![memory(frame, &fields)],
            ..Description::new(Machine::X86 { pae: true })
        };
        let origin = explained(&description, &Nothing).origin.expect("registers");
        let wanted = [("edx", 0xd), ("ecx", 0xc), ("eax", 0xa), ("edi", 0xd1), ("ebp", 0xb9)];
        for (name, value) in wanted {
            assert_eq!(origin.registers.get(name), Some(value), "{name} of build {build}");
        }
        assert_eq!((origin.registers.pc, origin.registers.sp), (kernel + 0x1234, frame + 0x74));
    }
}
