//! Dumps that are cut or that lie: what is left is read, what is not is a lack with its place, and no number
//! of the file is believed.

use crate::pages::{WRITERS, active, bitmap, full, kernel, paged};
use crate::small::small;
use crate::{MACHINES, sample};
use dump_writer::{Description, Machine};
use evidence::crash_dump::{Dump, Kind, Lack};

/// Reads whatever a dump may tell.
pub(crate) fn read_all(dump: &Dump<'_>) {
    let _ = (dump.registers(), dump.prcb_registers(), dump.stack(), dump.blobs().len());
    let _ = (dump.prcb(), dump.thread(), dump.process());
    let mut page = [0; 0x1001];
    for module in &dump.modules {
        let _ = dump.read_virtual(module.base, &mut page);
        let _ = dump.module_at(module.base.wrapping_add(1));
    }
    for at in [0, 0xfff, 0x7fff_ffff_ffff, 0xffff_8000_0000_0000, u64::MAX - 0x800, u64::MAX] {
        let _ = (dump.read_virtual(at, &mut page), dump.read_physical(at, &mut page));
        let _ = (dump.translate(at), dump.read_pointer(at));
    }
    for block in dump.blocks().iter().take(64) {
        let _ = dump.read_virtual(block.address, &mut page);
    }
}

/// The file with `bytes` at `at`, opened and read; its lacks.
fn with(file: &[u8], at: usize, bytes: &[u8]) -> Vec<Lack> {
    let mut file = file.to_vec();
    file[at..at + bytes.len()].copy_from_slice(bytes);
    let dump = Dump::parse(&file).expect("a dump");
    read_all(&dump);
    dump.lacks
}

fn has(lacks: &[Lack], part: &str, offset: u64, words: &str) {
    let found = lacks
        .iter()
        .any(|lack| lack.part == part && lack.offset == offset && lack.why.contains(words));
    assert!(found, "{part} at {offset:#x}, {words}: {lacks:?}");
}

/// Where a structure with these bytes lies in the file.
fn find(file: &[u8], bytes: &[u8]) -> usize {
    let mut places = file.windows(bytes.len()).enumerate().filter(|(_, window)| *window == bytes);
    let (at, _) = places.next().expect("the bytes are in the file");
    assert!(places.next().is_none(), "the bytes are in the file once");
    at
}

/// Every kind of dump of every machine.
fn all() -> impl Iterator<Item = (Description, Vec<u8>)> {
    MACHINES.into_iter().flat_map(|machine| {
        let pages = WRITERS
            .into_iter()
            .filter(move |(_, kind)| *kind != Kind::Ranges || machine.wide())
            .map(move |(write, _)| (paged(machine), write(&paged(machine))));
        pages.chain([(sample(machine), small(&sample(machine)))])
    })
}

#[test]
fn a_cut_file_tells_what_is_missing() {
    for (description, file) in all() {
        let first_fields = if description.machine.wide() { 0x60 } else { 0x3c };
        let head = 0..0x2200.min(file.len());
        let rest = (0x2200..file.len()).step_by(0x777).chain(file.len() - 9..file.len());
        for length in head.step_by(3).chain(rest) {
            match Dump::parse(&file[..length]) {
                Ok(dump) => {
                    assert!(!dump.lacks.is_empty(), "{length:#x}");
                    assert!(dump.lacks.iter().all(|lack| lack.offset < file.len() as u64));
                    read_all(&dump);
                }
                Err(error) => assert!(length < first_fields, "{length:#x}: {error}"),
            }
        }
    }
}

#[test]
fn any_word_may_lie() {
    for (_, file) in all() {
        let wide = file.starts_with(b"PAGEDU64");
        let base = if wide { 0x2000 } else { 0x1000 };
        // The header but for its reserved end, and what comes first after it.
        let words = (8..0x1050.min(base)).chain(base..base + 0x200).step_by(4);
        for at in words {
            for lie in [0, 1, 0x7fff_ffff, 0xffff_f000, u32::MAX, file.len() as u32] {
                let mut file = file.clone();
                file[at..at + 4].copy_from_slice(&lie.to_le_bytes());
                let dump = Dump::parse(&file).expect("a dump");
                read_all(&dump);
                // What is told is bounded by what is there.
                assert!(dump.modules.len() <= 4096 && dump.unloaded.len() <= file.len() / 40);
                assert!(dump.lacks.len() <= 201 && dump.blocks().len() <= file.len() / 16 + 2);
            }
        }
    }
}

#[test]
fn parts_of_a_small_dump_that_lie() {
    let file = small(&sample(Machine::X64));
    let triage = 0x2000;
    let end = file.len() as u64;
    let max = u32::MAX.to_le_bytes();
    let lacks = with(&file, triage + 8, &max);
    has(&lacks, "ValidOffset", u32::MAX.into(), "closing mark");
    // Another count of drivers, of unloaded ones, of blocks.
    let table = |field: usize| u64::from(u32::from_le_bytes(word(&file, triage + field)));
    let (list, unloaded, blocks) = (table(0x30), table(0x18), table(0x78));
    let lacks = with(&file, triage + 0x34, &max);
    let room = (end - list) / 0x90;
    has(
        &lacks,
        "DriverCount",
        list,
        &format!("4294967295 entries, of which the file holds {room}"),
    );
    let lacks = with(&file, unloaded as usize, &max);
    let room = (end - unloaded - 8) / 56;
    has(&lacks, "UnloadedDrivers", unloaded + 8, &format!("the file holds {room}"));
    let lacks = with(&file, triage + 0x7c, &max);
    has(&lacks, "DataBlocksCount", blocks, &format!("the file holds {}", (end - blocks) / 16));
    assert_eq!(lacks.last().map(|lack| lack.part), Some("file"), "too many to be listed");
    // The stack, the debugger's block, and a block of memory reach over the end.
    let lacks = with(&file, triage + 0x2c, &max);
    let stack = u32::from_le_bytes(word(&file, triage + 0x28));
    has(&lacks, "memory block", stack.into(), "0xffffffff bytes are in the file");
    let lacks = with(&file, triage + 0x74, &max);
    let block = u32::from_le_bytes(word(&file, triage + 0x70));
    has(&lacks, "KDDEBUGGER_DATA64", block.into(), "needs 0xffffffff bytes");
    let lacks = with(&file, block as usize + 0x10, b"XXXX");
    has(&lacks, "OwnerTag", block.into(), "not KDBG");
}

fn word(file: &[u8], at: usize) -> [u8; 4] {
    file[at..at + 4].try_into().expect("four bytes")
}

#[test]
fn runs_and_bitmaps_that_lie() {
    let description = sample(Machine::X64);
    let file = full(&description);
    let end = file.len() as u64;
    let lacks = with(&file, 0x88, &43u32.to_le_bytes());
    has(&lacks, "PhysicalMemoryBlock", 0x88, "43 runs, more than the 42");
    let lacks = with(&file, 0xa0, &u64::MAX.to_le_bytes());
    has(&lacks, "PhysicalMemoryBlock", 0x98, "passes the end of numbers");
    let lacks = with(&file, 0xa0, &0x10_0000u64.to_le_bytes());
    has(&lacks, "physical memory", end, "its pages end at 0x100002000");
    for write in [bitmap, active] {
        let file = write(&description);
        let lacks = with(&file, 0x2000, b"XDMP");
        has(&lacks, "BitmapDump.Signature", 0x2000, "not a bitmap");
        let lacks = with(&file, 0x2030, &u64::MAX.to_le_bytes());
        has(&lacks, "Bitmap", 0x2038, "needs 0x2000000000000000 bytes");
        let lacks = with(&file, 0x2020, &(u64::MAX - 1).to_le_bytes());
        has(&lacks, "physical memory", file.len() as u64, "its pages end at 0xffffffffffffffff");
    }
    let file = kernel(&description);
    let lacks = with(&file, 0x2018, &u32::MAX.to_le_bytes());
    has(&lacks, "Bitmap", 0x2028, "needs 0x20000000 bytes");
}

#[test]
fn lists_of_modules_that_do_not_end() {
    for (machine, list, base_at) in
        [(Machine::X64, 0x20, 0x30), (Machine::X86 { pae: true }, 0x18, 0x18)]
    {
        let description = sample(machine);
        let file = full(&description);
        let width = if machine.wide() { 8 } else { 4 };
        let entry = |index: usize| {
            let mut bytes = description.modules[index].base.to_le_bytes()[..width].to_vec();
            // The image's size, behind its entry point.
            bytes.extend(vec![0; width]);
            bytes.extend(description.modules[index].size.to_le_bytes());
            find(&file, &bytes) - base_at
        };
        let (first, second) = (entry(0), entry(1));
        let to_second = file[first..first + width].to_vec();
        // The second is followed by itself.
        let lacks = with(&file, second, &to_second);
        has(&lacks, "PsLoadedModuleList", list, "comes back to");
        // By nothing that is there.
        let lacks = with(&file, second, &vec![0xf0; width]);
        has(&lacks, "PsLoadedModuleList", list, "is not in the dump");
        // The list itself is nowhere.
        let lacks = with(&file, list as usize, &vec![0xf0; width]);
        has(&lacks, "PsLoadedModuleList", list, "no memory of the dump");
    }
}

#[test]
fn names_that_lie_are_cut() {
    let mut description = sample(Machine::X64);
    description.modules[1].path = "n".repeat(20_000);
    let file = full(&description);
    let dump = Dump::parse(&file).expect("a dump");
    assert_eq!(dump.modules[1].path.len(), 0x800);
    assert_eq!(dump.modules.len(), 3);
}

#[test]
fn page_tables_that_lead_in_circles() {
    for machine in MACHINES {
        for (write, kind) in WRITERS {
            if kind != Kind::Full {
                continue;
            }
            let file = write(&sample(machine));
            let dump = Dump::parse(&file).expect("a dump");
            let root = dump.header.directory_table_base;
            // Its pages stand side by side from 0x10000 on.
            let at = (dump.header.size() + root - 0x1_0000) as usize;
            let entry = match machine {
                Machine::X86 { pae: false } => (root as u32 | 0x63).to_le_bytes().to_vec(),
                _ => (root | 0x63).to_le_bytes().to_vec(),
            };
            let circle: Vec<u8> = entry.iter().copied().cycle().take(0x1000).collect();
            // Every address is then the root's page, and the list of modules is made of its entries.
            let lacks = with(&file, at, &circle);
            assert!(lacks.iter().any(|lack| lack.part == "PsLoadedModuleList"), "{lacks:?}");
            let mut lying = file.clone();
            lying[at..at + 0x1000].copy_from_slice(&circle);
            let dump = Dump::parse(&lying).expect("a dump");
            assert_eq!(dump.translate(0x1234), Some(root | 0x234));
            let paths: usize = dump.modules.iter().map(|module| module.path.len()).sum();
            assert!(paths <= 1 << 20 && dump.modules.len() <= 4096);
            assert!(dump.stack().is_none_or(|(_, bytes)| bytes.len() <= 0x1_2fff));
        }
    }
}

#[test]
fn a_block_of_the_debugger_that_is_encoded() {
    let file = full(&sample(Machine::X64));
    let at = find(&file, b"KDBG");
    let lacks = with(&file, at, b"????");
    has(&lacks, "KdDebuggerDataBlock", 0x80, "not KDBG");
    let lacks = with(&file, 0x80, &0x1234u64.to_le_bytes());
    has(&lacks, "KdDebuggerDataBlock", 0x80, "no memory of the dump is at 0x1234");
    // A size beyond reason: the block is read as far as any Windows makes it.
    let lacks = with(&file, at + 4, &u32::MAX.to_le_bytes());
    assert!(lacks.len() <= 1, "{lacks:?}");
}
