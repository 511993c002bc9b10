//! Dumps whose numbers lie: nothing they say may cost more than a small multiple of their size.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

use diagnosis::Nothing;
use diagnosis::crash::diagnose;
use dump_writer::{Description, Machine, Memory, Module, Object, Registers, X64};
use evidence::crash_dump::Dump;
use std::path::Path;

const STACK: u64 = 0xffff_f500_0001_0000;
const FIRST: u64 = 0xffff_f800_0000_0000;
const HUGE: u64 = 256 << 20;

/// Where in a small dump the address of the stack stands.
const TOP_OF_STACK: usize = 0x2048;

/// Bytes of an image as it stands in memory, and the RVA behind a call in its first function that has one.
fn image() -> (Vec<u8>, u64) {
    let path = "../../drivers/buggy/null-pointer/null-pointer.sys";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let file = std::fs::read(path).expect("a driver of ours");
    let image = pe::Image::parse(&file).expect("an image");
    let memory = image.map_at(image.image_base()).expect("its memory");
    let mut code = image.functions().expect("functions").into_iter().flat_map(|f| f.begin..f.end);
    let call = code.find(|&at| memory[at as usize] == 0xe8).expect("a call");
    (memory, u64::from(call) + 5)
}

/// Images that each say to be of 256 MiB, all of them on the stack; of each the dump has a few pages.
fn with_huge_images(count: u64) -> Vec<u8> {
    let (mut memory, behind) = image();
    let optional = u32::from_le_bytes(memory[0x3c..0x40].try_into().unwrap()) as usize + 24;
    memory[optional + 56..optional + 60].copy_from_slice(&(HUGE as u32).to_le_bytes());
    let base = |index: u64| FIRST + index * HUGE;
    let module = |index| Module {
        path: format!("driver{index}.sys"),
        base: base(index),
        size: HUGE as u32,
        ..Module::default()
    };
    let words = (0..count).flat_map(|index| [base(index) + behind; 24]);
    let mut general = [0; 16];
    general[4] = STACK;
    let description = Description {
        registers: Some(Registers::X64(X64 { general, rip: FIRST + behind, ..X64::default() })),
        modules: (0..count).map(module).collect(),
        memory: (0..count).map(|index| Memory::new(base(index), memory.clone())).collect(),
        stack: Some(Object { address: STACK, bytes: words.flat_map(u64::to_le_bytes).collect() }),
        ..Description::new(Machine::X64)
    };
    let mut file = Vec::new();
    dump_writer::write_small(&description, &mut file).expect("a dump");
    file
}

/// Most memory that this process has had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn images_take_no_more_memory_than_the_dump_has_of_them() {
    let file = with_huge_images(12);
    let dump = Dump::parse(&file).expect("a dump");
    let before = peak();
    let crash = diagnose(&dump, &Nothing);
    assert!(crash.stack.len() > 4, "{:?}", crash.stack);
    let taken = peak() - before;
    assert!(taken < 64 << 10, "{taken} KiB for a file of {} bytes", file.len());
}

/// A stack, and a module, at the very end of addresses.
#[test]
fn the_end_of_addresses_is_no_way_out() {
    let file = with_huge_images(1);
    let (memory, behind) = image();
    for top in [u64::MAX, u64::MAX - 0x20, u64::MAX - 0x1000] {
        let mut file = file.clone();
        file[TOP_OF_STACK..TOP_OF_STACK + 8].copy_from_slice(&top.to_le_bytes());
        // rsp of the context record.
        file[0x348 + 0x98..0x348 + 0xa0].copy_from_slice(&(top & !7).to_le_bytes());
        diagnose(&Dump::parse(&file).expect("a dump"), &Nothing);
    }
    let base = u64::MAX - 0xfff - memory.len() as u64;
    let mut general = [0; 16];
    general[4] = STACK;
    let description = Description {
        registers: Some(Registers::X64(X64 { general, rip: base + behind, ..X64::default() })),
        modules: vec![Module { path: "a.sys".into(), base, size: u32::MAX, ..Module::default() }],
        memory: vec![Memory::new(base, memory)],
        ..Description::new(Machine::X64)
    };
    let mut file = Vec::new();
    dump_writer::write_small(&description, &mut file).expect("a dump");
    let dump = Dump::parse(&file).expect("a dump");
    diagnose(&dump, &Nothing);
    for place in
        ["a", "a!DriverEntry", "ffffffffffffff00", "a+ffffffffffffffff", "fffffffffffffff8"]
    {
        // What matters is that it comes back.
        let _ =
            diagnosis::crash::disassemble(&dump, &Nothing, place, None, 100, listing::Syntax::Masm);
    }
}

/// Whatever bytes are damaged, a dump is explained as far as it goes.
#[test]
fn damage_anywhere_is_survived() {
    let good = with_huge_images(3);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let mut explained = 0;
    for _ in 0..1000 {
        let mut file = good.clone();
        for _ in 0..1 + next(6) {
            // Most of the file is memory: the tables are where damage matters.
            let length = if next(4) == 0 { file.len() } else { 0x2800 };
            let at = next(length - 8);
            let value = [0, u64::MAX, 1 << 31, 0x7fff_ffff_ffff_fff8, 0xffff_ffff][next(5)];
            let size = [1, 4, 8][next(3)];
            file[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]);
        }
        if next(8) == 0 {
            file.truncate(next(good.len()));
        }
        if let Ok(dump) = Dump::parse(&file) {
            diagnose(&dump, &Nothing);
            explained += 1;
        }
    }
    assert!(explained > 500, "{explained}");
}
