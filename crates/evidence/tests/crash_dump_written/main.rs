//! Dumps that `dump-writer` wrote from a description say again what was described.

mod damage;
mod pages;
mod property;
mod small;

use dump_writer::{
    Description, Exception, Machine, Memory, Module, Object, Registers, Unloaded, X64, X86,
};
use evidence::crash_dump::{Dump, Stamp};

/// All machines.
const MACHINES: [Machine; 3] =
    [Machine::X64, Machine::X86 { pae: true }, Machine::X86 { pae: false }];

/// Where the sample's stack lies, before it is cut to the machine's addresses.
const STACK: u64 = 0xffff_f803_8900_1ee8;

/// `value` as far as the machine's pointers go.
fn cut(machine: Machine, value: u64) -> u64 {
    if machine.wide() { value } else { value & 0xffff_ffff }
}

/// A crash with something in every part.
fn sample(machine: Machine) -> Description {
    let at = |address| cut(machine, address);
    let module = |path: &str, base, size, stamp| Module {
        path: path.to_owned(),
        base: at(base),
        size,
        checksum: stamp ^ 0xffff,
        stamp,
    };
    let unloaded = |name: &str, begin: u64| Unloaded {
        name: name.to_owned(),
        begin: at(begin),
        end: at(begin) + 0x5000,
        time: 0x1234,
    };
    let object = |address, length: usize, first: u8| Object {
        address: at(address),
        bytes: (0..length).map(|index| (index as u8).wrapping_mul(7) ^ first).collect(),
    };
    Description {
        bug_check: 0xd1,
        parameters: [at(0xffff_a001_8000_0010), 2, 1, at(0xffff_f803_8123_4567)],
        registers: Some(registers(machine)),
        exception: Some(Exception {
            code: 0xc000_0005,
            flags: 1,
            address: at(0xffff_f803_8123_4567),
            parameters: vec![0, at(0xffff_a001_8000_0010)],
        }),
        modules: vec![
            module(r"\SystemRoot\system32\ntoskrnl.exe", 0xffff_f803_8060_0000, 0x104_6000, 9),
            module(
                r"\SystemRoot\System32\drivers\Ünïcode.sys",
                0xffff_f803_8123_0000,
                0x9000,
                1_400_000_000,
            ),
            module(r"\??\C:\x.sys", 0xffff_f803_8200_0000, 0x1000, 0),
        ],
        unloaded: vec![
            unloaded("late.sys", 0xffff_f803_8400_0000),
            unloaded("early.sys", 0xffff_f803_8500_0000),
        ],
        memory: vec![
            Memory::new(at(0xffff_a001_9000_0ff0), (0..0x40).collect()),
            Memory::new(at(0xffff_a001_9100_0000), vec![0x5a; 0x2345]),
        ],
        stack: Some(object(STACK, 0x1118, 3)),
        prcb: Some(object(0xffff_f803_7000_0180, 0xaf00, 4)),
        thread: Some(object(0xffff_a001_a000_0080, 0x898, 5)),
        process: Some(object(0xffff_a001_b000_0080, 0xa40, 6)),
        comment: "written by a test".to_owned(),
        system_time: 0x01d7_0000_0000_0000,
        up_time: 0x3_0000_0000,
        processors: 1,
        ..Description::new(machine)
    }
}

fn registers(machine: Machine) -> Registers {
    // The stack pointer is that of the stack.
    let general = |index: u64| match index {
        4 => STACK,
        _ => 0xffff_a001_0000_0000 + 0x1111_1111 * index,
    };
    if machine.wide() {
        Registers::X64(X64 {
            general: std::array::from_fn(|index| general(index as u64)),
            rip: 0xffff_f803_8123_4567,
            flags: 0x4_0286,
            segments: [0x10, 0x2b, 0x2b, 0x53, 0x2b, 0x18],
            ..X64::default()
        })
    } else {
        Registers::X86(X86 {
            general: std::array::from_fn(|index| general(index as u64) as u32),
            eip: 0x8123_4567,
            flags: 0x246,
            segments: [8, 0x23, 0x23, 0x30, 0, 0x10],
        })
    }
}

/// What the header says is what was described.
fn check_header(description: &Description, dump: &Dump<'_>) {
    let header = &dump.header;
    let wide = description.machine.wide();
    assert_eq!((header.wide, header.major, header.build), (wide, 0xf, description.build));
    assert_eq!((header.processors, header.bug_check), (1, 0xd1));
    assert_eq!(header.parameters, description.parameters);
    assert_eq!(header.pae, description.machine == Machine::X86 { pae: true });
    assert_eq!(header.comment, Some(&b"written by a test"[..]));
    assert_eq!(header.system_time, Some(description.system_time));
    assert_eq!(header.up_time, Some(description.up_time));
    assert_eq!((header.product_type, header.suite_mask), (Some(1), Some(0)));
    let exception = header.exception.as_ref().expect("an exception");
    let described = description.exception.as_ref().expect("described");
    assert_eq!((exception.code, exception.flags), (described.code, described.flags));
    assert_eq!(exception.address, described.address);
    assert_eq!(exception.parameters, described.parameters);
}

/// All registers are those of the description.
fn check_registers(description: &Description, dump: &Dump<'_>) {
    let read = dump.registers().expect("registers");
    match description.registers.expect("described") {
        Registers::X64(x64) => {
            let names = [
                "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11",
                "r12", "r13", "r14", "r15",
            ];
            for (name, value) in names.iter().zip(x64.general) {
                assert_eq!((name, read.get(name)), (name, Some(value)));
            }
            assert_eq!((read.pc, read.sp), (x64.rip, x64.general[4]));
            assert_eq!(read.get("eflags"), Some(x64.flags.into()));
        }
        Registers::X86(x86) => {
            let names = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"];
            for (name, value) in names.iter().zip(x86.general) {
                assert_eq!((name, read.get(name)), (name, Some(value.into())));
            }
            let names = ["cs", "ds", "es", "fs", "gs", "ss"];
            for (name, value) in names.iter().zip(x86.segments) {
                assert_eq!((name, read.get(name)), (name, Some(value.into())));
            }
            assert_eq!((read.pc, read.sp), (x86.eip.into(), x86.general[4].into()));
            assert_eq!(read.get("eflags"), Some(x86.flags.into()));
        }
    }
}

fn check_modules(description: &Description, dump: &Dump<'_>) {
    assert_eq!(dump.modules.len(), description.modules.len());
    for (read, described) in dump.modules.iter().zip(&description.modules) {
        assert_eq!(read.path, described.path);
        assert_eq!((read.base, read.size), (described.base, described.size));
        assert_eq!((read.checksum, read.stamp.raw()), (described.checksum, described.stamp));
    }
    let stamps: Vec<Stamp> = dump.modules.iter().map(|module| module.stamp).collect();
    assert_eq!(stamps, [Stamp::Hash(9), Stamp::Time(1_400_000_000), Stamp::Absent]);
}

/// Every byte of memory that was described is read, and nothing before it.
fn check_memory(description: &Description, dump: &Dump<'_>) {
    for memory in &description.memory {
        let mut read = vec![0xee; memory.bytes.len()];
        assert!(dump.read_virtual(memory.address, &mut read), "{:#x}", memory.address);
        assert!(read == memory.bytes, "{:#x}", memory.address);
    }
}

fn check_unloaded(description: &Description, dump: &Dump<'_>) {
    let read: Vec<_> =
        dump.unloaded.iter().map(|driver| (&*driver.name, driver.begin, driver.end)).collect();
    let described: Vec<_> = description
        .unloaded
        .iter()
        .map(|driver| (&*driver.name, driver.begin, driver.end))
        .collect();
    assert_eq!(read, described);
}
