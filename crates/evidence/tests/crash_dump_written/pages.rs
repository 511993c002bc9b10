//! Dumps of pages: full, bitmap and kernel dumps.

use crate::{
    MACHINES, check_header, check_memory, check_modules, check_registers, check_unloaded, cut,
    sample,
};
use dump_writer::{
    Bitmap, Description, Machine, Memory, Object, Page, Ranges, Unloaded, write_bitmap, write_full,
    write_kernel, write_ranges,
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

fn ranges(description: &Description, kind: Ranges) -> Vec<u8> {
    let mut file = Vec::new();
    write_ranges(description, kind, &mut file).expect("a dump of ranges");
    file
}

pub(crate) const WRITERS: [(Writer, Kind); 7] = [
    (full, Kind::Full),
    (bitmap, Kind::Bitmap),
    (active, Kind::Active),
    (kernel, Kind::KernelSummary),
    (|description| ranges(description, Ranges::Kernel), Kind::Ranges),
    (|description| ranges(description, Ranges::KernelAndUser), Kind::Ranges),
    (|description| ranges(description, Ranges::Complete), Kind::Ranges),
];

/// Every writer for every machine, with pages of each size.
fn each(mut check: impl FnMut(&Description, &Dump<'_>, &[u8])) {
    for machine in MACHINES {
        for (write, kind) in WRITERS {
            for frame_step in [1, 3] {
                if (kind == Kind::Full && frame_step != 1)
                    || (kind == Kind::Ranges && !machine.wide())
                {
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
    // The processor names its thread, the thread its process.
    let width = if machine.wide() { 8 } else { 4 };
    let link = |from: &mut Option<Object>, at: usize, to: &Option<Object>| {
        let address = to.as_ref().expect("described").address.to_le_bytes();
        let bytes = &mut from.as_mut().expect("described").bytes;
        bytes[at..at + width].copy_from_slice(&address[..width]);
    };
    link(&mut description.prcb, 8, &description.thread);
    link(&mut description.thread, 0xb8, &description.process);
    description.offsets.prcb_current_thread = 8;
    description.offsets.kthread_apc_process = 0xb8;
    description
}

#[test]
fn what_debuggers_need() {
    each(|description, dump, _| {
        check_unloaded(description, dump);
        let debugger = dump.debugger_data.as_ref().expect("KDBG");
        assert_eq!(debugger.offset, 0);
        assert_eq!(debugger.kernel_base(), Some(description.modules[0].base));
        assert_eq!(debugger.loaded_module_list(), Some(dump.header.loaded_module_list));
        let mut code = [0; 4];
        assert!(dump.read_virtual(debugger.bugcheck_data().expect("told"), &mut code));
        assert_eq!(u32::from_le_bytes(code), description.bug_check);
        for (read, described) in [
            (dump.prcb(), &description.prcb),
            (dump.thread(), &description.thread),
            (dump.process(), &description.process),
        ] {
            assert!(read == described.as_ref().map(|object| &object.bytes[..]));
        }
        let stack = description.stack.as_ref().expect("described");
        let (start, bytes) = dump.stack().expect("a stack");
        assert_eq!(start, stack.address);
        assert!(bytes.starts_with(&stack.bytes));
        // As far as the page goes.
        assert_eq!((start + bytes.len() as u64) % 0x1000, 0);
    });
}

#[test]
fn the_processor_that_crashed_is_the_one_with_the_stack() {
    for (write, _) in WRITERS {
        let mut description = paged(Machine::X64);
        description.processors = 2;
        let other = Object { address: 0xffff_f803_7100_0180, bytes: vec![1; 0xaf00] };
        description.other_prcbs.push(other);
        let file = write(&description);
        let dump = Dump::parse(&file).expect("a dump");
        // Two processors and nothing to tell them by.
        assert_eq!((dump.prcb(), dump.thread(), dump.process()), (None, None, None));
        // The processor's context record, a copy of the header's.
        let record = 0xffff_a001_c000_0000u64;
        description.memory.push(Memory::new(record, file[0x348..0x348 + 0x4d0].to_vec()));
        description.offsets.prcb_context = 0x100;
        let prcb = description.prcb.as_mut().expect("described");
        prcb.bytes[0x100..0x108].copy_from_slice(&record.to_le_bytes());
        let file = write(&description);
        let dump = Dump::parse(&file).expect("a dump");
        assert!(dump.prcb() == description.prcb.as_ref().map(|prcb| &prcb.bytes[..]));
        assert_eq!(dump.prcb_registers().map(|read| read.sp), Some(crate::STACK));
        assert!(dump.process() == description.process.as_ref().map(|object| &object.bytes[..]));
    }
}

#[test]
fn the_ring_of_unloaded_modules_is_read_whole() {
    for machine in MACHINES {
        let mut description = paged(machine);
        let driver = |index: u64| Unloaded {
            name: format!("driver{index}.sys"),
            begin: 0x1000 + index * 0x1000,
            end: 0x2000 + index * 0x1000,
            time: index,
        };
        description.unloaded = (0..50).map(driver).collect();
        let file = full(&description);
        check_unloaded(&description, &Dump::parse(&file).expect("a dump"));
    }
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
