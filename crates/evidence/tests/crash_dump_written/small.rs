//! Small dumps.

use crate::{
    MACHINES, check_header, check_memory, check_modules, check_registers, check_unloaded, sample,
};
use dump_writer::{Description, Machine, write_small};
use evidence::crash_dump::{Dump, Kind};

pub(crate) fn small(description: &Description) -> Vec<u8> {
    let mut file = Vec::new();
    write_small(description, &mut file).expect("a small dump");
    file
}

#[test]
fn everything_is_read_back() {
    for machine in MACHINES {
        let description = sample(machine);
        let file = small(&description);
        let dump = Dump::parse(&file).expect("a dump");
        assert_eq!(dump.lacks, []);
        assert_eq!(dump.header.kind, Kind::Triage);
        check_header(&description, &dump);
        check_registers(&description, &dump);
        check_modules(&description, &dump);
        check_memory(&description, &dump);
        check_unloaded(&description, &dump);
        let stack = description.stack.as_ref().expect("described");
        assert_eq!(dump.stack(), Some((stack.address, &stack.bytes[..])));
        let mut read = vec![0; stack.bytes.len()];
        assert!(dump.read_virtual(stack.address, &mut read));
        assert_eq!(read, stack.bytes);
        let debugger = dump.debugger_data.as_ref().expect("KDBG");
        assert_eq!(debugger.kernel_base(), Some(description.modules[0].base));
        assert_eq!(debugger.loaded_module_list(), Some(dump.header.loaded_module_list));
        for (read, described) in [
            (dump.prcb(), &description.prcb),
            (dump.process(), &description.process),
            (dump.thread(), &description.thread),
        ] {
            assert_eq!(read, described.as_ref().map(|object| &object.bytes[..]));
        }
        let triage = dump.triage.as_ref().expect("triage");
        assert!(triage.complete);
        assert_eq!(u64::from(triage.size_of_dump), file.len() as u64);
        assert_eq!(dump.header.required_space, Some(file.len() as u64));
    }
}

#[test]
fn registers_of_the_processor_block() {
    let mut description = sample(Machine::X64);
    let context = 0xffff_a001_9100_0100u64;
    let record = {
        // The context record as the header has it.
        let file = small(&description);
        file[0x348..0x348 + 0x4d0].to_vec()
    };
    description.memory.push(dump_writer::Memory::new(context, record));
    let prcb = description.prcb.as_mut().expect("described");
    prcb.bytes[0x85c0..0x85c8].copy_from_slice(&context.to_le_bytes());
    description.offsets.prcb_context = 0x85c0;
    let file = small(&description);
    let dump = Dump::parse(&file).expect("a dump");
    assert_eq!(dump.prcb_registers().map(|read| read.pc), Some(0xffff_f803_8123_4567));
    // Windows Vista has the record in the block itself.
    description.build = 6001;
    description.offsets.prcb_proc_state_context = 0x40;
    let prcb = description.prcb.as_mut().expect("described");
    prcb.bytes[0x40..0x40 + 0x4d0].copy_from_slice(&file[0x348..0x348 + 0x4d0]);
    let file = small(&description);
    let dump = Dump::parse(&file).expect("a dump");
    assert_eq!(dump.prcb_registers().map(|read| read.sp), Some(crate::STACK));
}

#[test]
fn a_dump_of_nothing_says_so() {
    for machine in MACHINES {
        let file = small(&Description::new(machine));
        let dump = Dump::parse(&file).expect("a dump");
        assert_eq!(dump.lacks, []);
        assert!(dump.modules.is_empty() && dump.unloaded.is_empty());
        assert!(dump.registers().is_none() && dump.header.exception.is_none());
        assert_eq!((dump.stack(), dump.prcb(), dump.header.comment), (None, None, None));
        assert!(!dump.read_virtual(0xffff_f803_8060_0000, &mut [0]));
    }
}
