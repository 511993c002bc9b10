//! Real small dumps, held against what another tool reads in them.
//!
//! The files are not part of the project: `BUGCHECK_CORPUS`, or `../shared/corpus` beside the repository.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

use evidence::crash_dump::{Dump, Kind, Machine, Stamp};
use std::path::{Path, PathBuf};

fn corpus(name: &str) -> Option<Vec<u8>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let folder = std::env::var_os("BUGCHECK_CORPUS").map_or(beside, PathBuf::from);
    let path = folder.join("crash_dumps").join(name);
    let found = std::fs::read(&path);
    if let Err(error) = &found {
        println!("SKIPPED: {}: {error}", path.display());
    }
    found.ok()
}

#[test]
fn a_small_dump_of_x64() {
    let Some(data) = corpus("rizin-triage_x64.dmp") else { return };
    let dump = Dump::parse(&data).expect("a dump");
    assert_eq!(dump.lacks, []);
    let header = &dump.header;
    assert_eq!((header.machine, header.kind), (Machine::X64, Kind::Triage));
    assert_eq!((header.major, header.build, header.processors), (0xf, 0x4a61, 0x10));
    assert_eq!(header.directory_table_base, 0x1a_d000);
    assert_eq!(header.pfn_database, 0xffff_f804_7c6f_c500);
    assert_eq!(header.loaded_module_list, 0xffff_f804_7c62_a390);
    assert_eq!(header.active_process_head, 0xffff_f804_7c61_e200);
    assert_eq!(header.debugger_data, Some(0xffff_f804_7c60_0b20));
    assert_eq!(header.bug_check, 0x1000_007e);
    let parameters = [
        0xffff_ffff_c000_0005,
        0xffff_f804_8b58_334c,
        0xffff_8504_2989_1ee8,
        0xffff_8504_2989_1720,
    ];
    assert_eq!(header.parameters, parameters);
    assert_eq!((header.product_type, header.suite_mask), (Some(1), Some(0x110)));
    assert_eq!((header.secondary_data_state, header.writer_status), (None, Some(0)));
    assert_eq!((header.comment, header.version_user), (None, None));
    let triage = dump.triage.as_ref().expect("triage");
    assert_eq!((triage.size_of_dump, triage.valid_offset), (0x13_a28c, 0x13_a288));
    assert!(triage.complete);
    assert_eq!((triage.mm_offset, triage.unloaded_drivers_offset), (0x2080, 0x20d0));
    assert_eq!((triage.prcb_offset, triage.process_offset), (0x21b8, 0xd0b8));
    assert_eq!((triage.thread_offset, triage.call_stack_offset), (0xdaf8, 0xe390));
    assert_eq!((triage.size_of_call_stack, triage.driver_count), (0x2118, 151));
    assert_eq!((triage.debugger_data_offset, triage.debugger_data_size), (0x1_04a8, 0x380));
    assert_eq!((triage.data_blocks_offset, triage.data_blocks_count), (0x1_9438, 0x727));
    let faulted = dump.registers().expect("registers");
    assert_eq!((faulted.pc, faulted.sp), (0xffff_f804_8b58_334c, 0xffff_8504_2989_2120));
    let registers = dump.prcb_registers().expect("registers of the PRCB");
    assert_eq!(registers.pc, 0xffff_f804_7bdf_5a80);
    assert_eq!(registers.sp, 0xffff_8504_2989_0ee8);
    assert_eq!(registers.get("r15"), Some(0xffff_f804_7ba0_0000));
    assert_eq!(registers.get("eflags"), Some(0x4_0286));
    assert_eq!(dump.modules.len(), 151);
    assert_eq!(dump.modules[0].path, r"\SystemRoot\system32\ntoskrnl.exe");
    assert_eq!(dump.modules[0].stamp, Stamp::Hash(0x0d83_33e6));
    let blamed = dump.module_at(0xffff_f804_8b58_334c).expect("a module");
    assert_eq!((blamed.name(), blamed.base), ("amdppm.sys", 0xffff_f804_8b58_0000));
    assert_eq!(blamed.size, 0x3_b000);
    let unloaded: Vec<&str> = dump.unloaded.iter().map(|driver| driver.name.as_str()).collect();
    assert_eq!(unloaded, ["dam.sys", "WdBoot.sys", "hwpolicy.sys", "mcupdate.dll"]);
    let debugger = dump.debugger_data.as_ref().expect("KDBG");
    assert_eq!(debugger.kernel_base(), Some(0xffff_f804_7ba0_0000));
    assert_eq!(debugger.size_of_process(), Some(0xa40));
    assert_eq!(dump.process().map(<[u8]>::len), Some(0xa40));
    assert_eq!(dump.stack().map(|(at, bytes)| (at, bytes.len())), Some((registers.sp, 0x2118)));
    let mut word = [0; 8];
    assert!(dump.read_virtual(registers.sp, &mut word));
    // The caller of KeBugCheckEx, as the other tool's second frame has it.
    assert_eq!(u64::from_le_bytes(word), 0xffff_f804_7be0_f4e1);
    assert_eq!(dump.blobs().len(), 20);
    assert_eq!((dump.blobs()[1].offset, &dump.blobs()[1].bytes[..6]), (0x13_b2dc, &b"AmdPPM"[..]));
}

#[test]
fn a_small_dump_of_arm64() {
    let Some(data) = corpus("rizin-triage_arm64.dmp") else { return };
    let dump = Dump::parse(&data).expect("a dump");
    let header = &dump.header;
    assert_eq!((header.machine, header.build), (Machine::Arm64, 0x55f0));
    assert_eq!((header.bug_check, header.parameters[0]), (0x1c8, 0x1b58));
    let registers = dump.registers().expect("registers");
    assert_eq!(registers.get("x3"), Some(0xffff_f803_f3a3_6aa0));
    assert_eq!(registers.get("cpsr"), Some(0x8000_0144));
    assert_eq!(dump.modules.len(), 0xf5);
    assert_eq!(header.exception.as_ref().map(|record| record.code), Some(0x8000_0003));
    assert!(dump.module_at(registers.pc).is_some());
}

#[test]
fn every_cut_of_a_real_dump_is_read_as_far_as_it_goes() {
    let Some(data) = corpus("rizin-triage_x64.dmp") else { return };
    for length in (0..0x2200).chain((0x2200..data.len()).step_by(9973)) {
        match Dump::parse(&data[..length]) {
            Ok(dump) => assert!(!dump.lacks.is_empty() || length >= 0x13_a28c, "{length:#x}"),
            Err(_) => assert!(length < 0x60, "{length:#x}"),
        }
    }
}

#[test]
fn names_that_lie_cost_no_memory_and_are_told() {
    let Some(mut data) = corpus("rizin-triage_x64.dmp") else { return };
    let offsets: Vec<usize> = {
        let dump = Dump::parse(&data).expect("a dump");
        dump.modules.iter().map(|module| module.offset as usize).collect()
    };
    // All names in one place, whose length is beyond reason.
    let shared = 0x1_9438usize;
    data[shared..shared + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    for &at in &offsets[1..] {
        data[at..at + 4].copy_from_slice(&(shared as u32).to_le_bytes());
    }
    // And one outside of the file.
    data[offsets[0]..offsets[0] + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let dump = Dump::parse(&data).expect("a dump");
    assert_eq!(dump.modules.len(), 151);
    let names: usize = dump.modules.iter().map(|module| module.path.len()).sum();
    assert!(names < 151 * 800, "{names}");
    assert_eq!(dump.modules[0].path, "");
    assert!(dump.lacks.iter().any(|lack| lack.part.starts_with("DriverName")), "{:?}", dump.lacks);
}
