//! Whatever is described is read back.

use crate::pages::{WRITERS, active, bitmap, full, kernel};
use crate::small::small;
use crate::{MACHINES, check_memory, check_unloaded};
use dump_writer::{
    Description, Exception, Machine, Memory, Module, Object, Page, Registers, Unloaded, X64, X86,
};
use evidence::crash_dump::{Dump, Kind};
use proptest::collection::vec;
use proptest::prelude::*;

/// Address of the `slot`-th GiB that a test may use, or of the 16 MiB of a smaller machine.
fn slot(machine: Machine, slot: u8) -> u64 {
    if machine.wide() {
        0xffff_9000_0000_0000 + (u64::from(slot) << 31)
    } else {
        0x8000_0000 + (u64::from(slot) << 24)
    }
}

fn page() -> impl Strategy<Value = Page> {
    prop_oneof![Just(Page::Small), Just(Page::Transition), Just(Page::Large), Just(Page::Huge)]
}

/// Parts of memory, each in a slot of its own: none shares a page with another.
fn memory(machine: Machine) -> impl Strategy<Value = Vec<Memory>> {
    let part = (0u64..0x20_4000, vec(any::<u8>(), 1..0x2800), page());
    vec(part, 0..6).prop_map(move |parts| {
        let described = (0u8..).zip(parts).map(|(index, (inside, bytes, page))| {
            let page = if page == Page::Huge && !machine.wide() { Page::Large } else { page };
            Memory { address: slot(machine, index) + inside, bytes, page }
        });
        described.collect()
    })
}

fn modules(machine: Machine) -> impl Strategy<Value = Vec<Module>> {
    let path = "[^\\x00]{0,80}";
    let module = (path, 0u64..0x1000, any::<u32>(), any::<u32>(), any::<u32>());
    vec(module, 0..20).prop_map(move |modules| {
        let described = modules.into_iter().map(|(path, base, size, checksum, stamp)| {
            // Bases that no two share, or the later one's header would be read for both.
            Module { path, base: slot(machine, 40) + base * 0x1000, size, checksum, stamp }
        });
        let mut all: Vec<Module> = described.collect();
        all.sort_by_key(|module| module.base);
        all.dedup_by_key(|module| module.base);
        all
    })
}

fn unloaded(machine: Machine) -> impl Strategy<Value = Vec<Unloaded>> {
    let driver = ("[a-z.]{1,12}", any::<u32>(), any::<u32>(), any::<u64>());
    vec(driver, 0..=50).prop_map(move |drivers| {
        let described = drivers.into_iter().map(|(name, begin, end, time)| {
            let high = if machine.wide() { 0xffff_f800_0000_0000 } else { 0 };
            Unloaded { name, begin: high | u64::from(begin), end: high | u64::from(end), time }
        });
        described.collect()
    })
}

fn registers(machine: Machine) -> BoxedStrategy<Registers> {
    if machine.wide() {
        let all = (any::<[u64; 16]>(), any::<u64>(), any::<u32>(), any::<[u16; 6]>());
        all.prop_map(|(general, rip, flags, segments)| {
            Registers::X64(X64 { general, rip, flags, segments, ..X64::default() })
        })
        .boxed()
    } else {
        let all = (any::<[u32; 8]>(), any::<u32>(), any::<u32>(), any::<[u16; 6]>());
        all.prop_map(|(general, eip, flags, segments)| {
            Registers::X86(X86 { general, eip, flags, segments })
        })
        .boxed()
    }
}

fn exception(machine: Machine) -> impl Strategy<Value = Option<Exception>> {
    let record = (any::<u32>(), any::<u32>(), any::<u64>(), vec(any::<u64>(), 0..=15));
    proptest::option::of(record.prop_map(move |(code, flags, address, parameters)| {
        let cut = |value| crate::cut(machine, value);
        let parameters = parameters.into_iter().map(cut).collect();
        Exception { code: code & !0x4000_0000, flags, address: cut(address), parameters }
    }))
}

fn description() -> impl Strategy<Value = Description> {
    proptest::sample::select(&MACHINES[..]).prop_flat_map(|machine| {
        let facts = (any::<u32>(), any::<[u64; 4]>(), 2600u32..30000, "[ -~]{0,127}");
        let parts = (
            memory(machine),
            modules(machine),
            unloaded(machine),
            registers(machine),
            exception(machine),
            vec(any::<u8>(), 1..0x3000),
        );
        (facts, parts, 1u64..5).prop_map(move |(facts, parts, frame_step)| {
            let (bug_check, parameters, build, comment) = facts;
            let (memory, modules, unloaded, registers, exception, stack) = parts;
            let address = slot(machine, 30) + 0x18;
            Description {
                bug_check,
                parameters: parameters.map(|value| crate::cut(machine, value)),
                build,
                comment,
                memory,
                modules,
                unloaded,
                registers: Some(registers),
                exception,
                stack: Some(Object { address, bytes: stack }),
                frame_step,
                ..Description::new(machine)
            }
        })
    })
}

fn same(description: &Description, file: &[u8]) {
    let dump = Dump::parse(file).expect("a dump");
    assert_eq!(dump.lacks, []);
    let header = &dump.header;
    assert_eq!((header.bug_check, header.build), (description.bug_check, description.build));
    assert_eq!(header.parameters, description.parameters);
    let comment = header.comment.unwrap_or_default();
    assert_eq!(comment, description.comment.as_bytes());
    let exception = header.exception.as_ref();
    assert_eq!(
        exception.map(|it| (it.code, it.flags, it.address, &it.parameters)),
        description.exception.as_ref().map(|it| (it.code, it.flags, it.address, &it.parameters))
    );
    crate::check_registers(description, &dump);
    check_memory(description, &dump);
    check_unloaded(description, &dump);
    let modules: Vec<_> = dump
        .modules
        .iter()
        .map(|it| (&*it.path, it.base, it.size, it.checksum, it.stamp.raw()))
        .collect();
    let described: Vec<_> = description
        .modules
        .iter()
        .map(|it| (&*it.path, it.base, it.size, it.checksum, it.stamp))
        .collect();
    assert_eq!(modules, described);
    let stack = description.stack.as_ref().expect("described");
    let mut read = vec![0; stack.bytes.len()];
    assert!(dump.read_virtual(stack.address, &mut read) && read == stack.bytes);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn every_description_is_read_back(described in description()) {
        same(&described, &small(&described));
        for write in [bitmap, active, kernel] {
            same(&described, &write(&described));
        }
        let side_by_side = Description { frame_step: 1, ..described.clone() };
        same(&side_by_side, &full(&side_by_side));
        for (write, kind) in WRITERS {
            if kind == Kind::Ranges && described.machine.wide() {
                same(&described, &write(&described));
            }
        }
    }
}
