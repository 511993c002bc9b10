//! Dumps of pages: full, bitmap and kernel dumps.

use crate::{MACHINES, check_header, check_memory, check_modules, check_registers, cut, sample};
use dump_writer::{
    Bitmap, Description, Machine, Memory, Page, write_bitmap, write_full, write_kernel,
};
use evidence::crash_dump::{Dump, Kind};

type Writer = fn(&Description) -> Vec<u8>;

pub(crate) fn full(description: &Description) -> Vec<u8> {
    let mut file = Vec::new();
    write_full(description, &mut file).expect("a full dump");
    file
}

pub(crate) fn bitmap(description: &Description) -> Vec<u8> {
    let mut file = Vec::new();
    write_bitmap(description, Bitmap::Full, &mut file).expect("a bitmap dump");
    file
}

pub(crate) fn active(description: &Description) -> Vec<u8> {
    let mut file = Vec::new();
    write_bitmap(description, Bitmap::Kernel, &mut file).expect("a bitmap dump");
    file
}

pub(crate) fn kernel(description: &Description) -> Vec<u8> {
    let mut file = Vec::new();
    write_kernel(description, &mut file).expect("a kernel dump");
    file
}

pub(crate) const WRITERS: [(Writer, Kind); 4] = [
    (full, Kind::Full),
    (bitmap, Kind::Bitmap),
    (active, Kind::Active),
    (kernel, Kind::KernelSummary),
];

/// Every writer for every machine, with pages of each size.
fn each(mut check: impl FnMut(&Description, &Dump<'_>, &[u8])) {
    for machine in MACHINES {
        for (write, kind) in WRITERS {
            for frame_step in [1, 3] {
                if kind == Kind::Full && frame_step != 1 {
                    continue;
                }
                let description = Description { frame_step, ..paged(machine) };
                let file = write(&description);
                let dump = Dump::parse(&file).expect("a dump");
                assert_eq!((dump.header.kind, &*dump.lacks), (kind, &[][..]), "{machine:?}");
                check(&description, &dump, &file);
            }
        }
    }
}

/// The sample with memory in pages of each size.
pub(crate) fn paged(machine: Machine) -> Description {
    let mut description = sample(machine);
    let bytes = |seed: u8, length: usize| -> Vec<u8> {
        (0..length).map(|index| (index / 256) as u8 ^ (index as u8) ^ seed).collect()
    };
    let mut add = |address: u64, length, page| {
        let address = cut(machine, address);
        description.memory.push(Memory { address, bytes: bytes(length as u8, length), page });
    };
    add(0xffff_b000_c020_0ff1, 0x3001, Page::Transition);
    // Across the border of two large pages of either size.
    add(0xffff_b000_d07f_f123, 0x2011, Page::Large);
    add(0xffff_b000_d0c0_0000, 0x10, Page::Large);
    add(0xffff_b000_0040_0ff8, 0x10, Page::Small);
    if machine.wide() {
        add(0xffff_b000_7fff_fff0, 0x123, Page::Huge);
        add(0x0000_7fff_ffff_f000, 0x1000, Page::Small);
        add(0xffff_ffff_ffff_f000, 0x1000, Page::Small);
    } else {
        add(0xffff_f000, 0x1000, Page::Small);
    }
    description
}

#[test]
fn header_registers_and_modules() {
    each(|description, dump, file| {
        check_header(description, dump);
        check_registers(description, dump);
        check_modules(description, dump);
        assert_eq!(dump.header.required_space, Some(file.len() as u64));
        assert_eq!(dump.header.directory_table_base % 0x1000, 0);
    });
}

#[test]
fn memory_of_every_size_of_page() {
    each(|description, dump, _| {
        check_memory(description, dump);
        for object in [&description.stack, &description.prcb, &description.thread] {
            let object = object.as_ref().expect("described");
            let mut read = vec![0; object.bytes.len()];
            assert!(dump.read_virtual(object.address, &mut read));
            assert!(read == object.bytes);
        }
    });
}

#[test]
fn what_is_not_there_is_not_read() {
    each(|description, dump, _| {
        for memory in &description.memory {
            let small = matches!(memory.page, Page::Small | Page::Transition);
            let before = memory.address & !0xfff;
            if small && let Some(before) = before.checked_sub(1) {
                assert!(!dump.read_virtual(before, &mut [0]), "{before:#x}");
                assert_eq!(dump.translate(before), None, "{before:#x}");
            }
            let after = (memory.address + (memory.bytes.len() as u64 - 1)) | 0xfff;
            if small && let Some(after) = after.checked_add(1) {
                assert!(!dump.read_virtual(after, &mut [0]), "{after:#x}");
            }
        }
    });
}

#[test]
fn large_pages_translate_as_a_whole() {
    each(|description, dump, _| {
        for memory in description.memory.iter().filter(|memory| memory.page == Page::Large) {
            // The page of 4 KiB two further is no part of the dump, but the tables know it.
            let there = dump.translate(memory.address).expect("translated");
            let further = dump.translate(memory.address ^ 0x8_0000).expect("translated");
            assert_eq!(there ^ 0x8_0000, further);
            assert!(!dump.read_virtual(memory.address ^ 0x8_0000, &mut [0]));
        }
    });
}
