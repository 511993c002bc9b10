//! Small crashes, described for each machine.

use anyhow::Result;
use dump_writer::{
    Bitmap, Description, Exception, Machine, Memory, Module, Object, Page, Ranges, Registers,
    Unloaded, X64, X86, write_bitmap, write_full, write_kernel, write_ranges, write_small,
};

type Named = (String, Vec<u8>);

const MACHINES: [(&str, Machine); 3] = [
    ("x64", Machine::X64),
    ("pae", Machine::X86 { pae: true }),
    ("x86", Machine::X86 { pae: false }),
];

/// A crash with a little of everything; `memory` has one page of each size.
pub fn description(machine: Machine) -> Description {
    let wide = machine.wide();
    let at = |address: u64| if wide { address } else { address & 0xffff_ffff };
    let memory = |address, length: usize, page| Memory {
        address: at(address),
        bytes: (0..length).map(|index| (index * 7 % 256) as u8).collect(),
        page,
    };
    let object = |address, length| Object { address: at(address), bytes: vec![0x5a; length] };
    let module = |path: &str, base, size| Module {
        path: path.to_owned(),
        base: at(base),
        size,
        checksum: 0x1234,
        stamp: 0x5f00_0000,
    };
    let stack = object(0xffff_f803_8900_1ee8, 0x90);
    let mut all = vec![
        memory(0xffff_a001_9000_0ff0, 0x10, Page::Small),
        memory(0xffff_a001_9100_0000, 0x40, Page::Transition),
        memory(0xffff_b000_d040_0123, 0x20, Page::Large),
    ];
    if wide {
        all.push(memory(0xffff_c000_4000_0000, 0x30, Page::Huge));
    }
    Description {
        bug_check: 0xd1,
        parameters: [at(0xffff_a001_8000_0010), 2, 1, at(0xffff_f803_8123_4567)],
        registers: Some(registers(machine, stack.address)),
        exception: Some(Exception {
            code: 0xc000_0005,
            flags: 1,
            address: at(0xffff_f803_8123_4567),
            parameters: vec![0, at(0xffff_a001_8000_0010)],
        }),
        modules: vec![
            module(r"\SystemRoot\system32\ntoskrnl.exe", 0xffff_f803_8060_0000, 0x104_6000),
            module(r"\SystemRoot\System32\drivers\x.sys", 0xffff_f803_8123_0000, 0x9000),
        ],
        unloaded: vec![Unloaded {
            name: "gone.sys".to_owned(),
            begin: at(0xffff_f803_8400_0000),
            end: at(0xffff_f803_8400_5000),
            time: 0x1234,
        }],
        memory: all,
        stack: Some(stack),
        prcb: Some(object(0xffff_f803_7000_0180, 0x200)),
        thread: Some(object(0xffff_a001_a000_0080, 0x100)),
        process: Some(object(0xffff_a001_b000_0080, 0x100)),
        comment: "a sample".to_owned(),
        system_time: 0x01d7_0000_0000_0000,
        up_time: 0x3_0000_0000,
        ..Description::new(machine)
    }
}

fn registers(machine: Machine, stack: u64) -> Registers {
    // rsp and esp have the number 4.
    let general = |index: usize| if index == 4 { stack } else { 0x1111 * index as u64 };
    match machine {
        Machine::X64 => Registers::X64(X64 {
            general: std::array::from_fn(general),
            rip: 0xffff_f803_8123_4567,
            flags: 0x4_0202,
            ..X64::default()
        }),
        Machine::X86 { .. } => Registers::X86(X86 {
            general: std::array::from_fn(|index| general(index) as u32),
            eip: 0x8123_4567,
            flags: 0x202,
            ..X86::default()
        }),
    }
}

/// Dumps that kdmp-parser knows.
pub fn for_kdmp_parser() -> Result<Vec<Named>> {
    let description = description(Machine::X64);
    let mut all: Vec<Named> = Vec::new();
    let mut bytes = Vec::new();
    write_full(&description, &mut bytes)?;
    all.push(("x64-full.dmp".to_owned(), bytes));
    for (name, kind) in [("bitmap", Bitmap::Full), ("active", Bitmap::Kernel)] {
        let mut bytes = Vec::new();
        write_bitmap(&description, kind, &mut bytes)?;
        all.push((format!("x64-{name}.dmp"), bytes));
    }
    for (name, kind) in [
        ("ranges-kernel", Ranges::Kernel),
        ("ranges-user", Ranges::KernelAndUser),
        ("ranges-complete", Ranges::Complete),
    ] {
        let mut bytes = Vec::new();
        write_ranges(&description, kind, &mut bytes)?;
        all.push((format!("x64-{name}.dmp"), bytes));
    }
    Ok(all)
}

/// Dumps of every form for every machine.
pub fn all() -> Result<Vec<Named>> {
    let mut all = for_kdmp_parser()?;
    for (machine_name, machine) in MACHINES {
        let description = description(machine);
        let mut add = |name: &str, bytes| all.push((format!("{machine_name}-{name}.dmp"), bytes));
        let mut bytes = Vec::new();
        write_small(&description, &mut bytes)?;
        add("small", bytes);
        let mut bytes = Vec::new();
        write_kernel(&description, &mut bytes)?;
        add("kernel", bytes);
        if !machine.wide() {
            let mut bytes = Vec::new();
            write_full(&description, &mut bytes)?;
            add("full", bytes);
            let mut bytes = Vec::new();
            write_bitmap(&description, Bitmap::Full, &mut bytes)?;
            add("bitmap", bytes);
        }
    }
    Ok(all)
}
