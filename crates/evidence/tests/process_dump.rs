//! Minidumps of processes, made by minidump-synth, which knows nothing of this project.

use evidence::crash_dump::{Lack, Machine, Stamp};
use evidence::process_dump::ProcessDump;
use minidump_synth::{
    DumpString, Exception, Memory, MiscStream, Module, SimpleStream, SynthMinidump, SystemInfo,
    Thread, ThreadName, UnloadedModule, amd64_context, arm64_context, x86_context,
};
use test_assembler::{Endian, Section};

const LITTLE: Endian = Endian::Little;
const STACK: u64 = 0x0000_00c0_1234_5000;
const HEAP: u64 = 0x0000_01d0_0000_0000;

fn section(bytes: &[u8]) -> Section {
    Section::with_endian(LITTLE).append_bytes(bytes)
}

/// A process with two threads, of which the second raised an exception.
fn sample() -> Vec<u8> {
    let path = DumpString::new(r"C:\Program Files\Größe\app.exe", LITTLE);
    let library = DumpString::new(r"C:\Windows\System32\ntdll.dll", LITTLE);
    let gone = DumpString::new("gone.dll", LITTLE);
    let name = DumpString::new("worker", LITTLE);
    let record = section(b"RSDS")
        .append_bytes(&(0..16).collect::<Vec<u8>>())
        .D32(3)
        .append_bytes(b"C:\\build\\app.pdb\0");
    let module = Module::new(LITTLE, 0x7ff6_0000_0000, 0x9000, &path, 1_200_000_000, 0x1234, None)
        .cv_record(&record);
    let ntdll = Module::new(LITTLE, 0x7ffa_0000_0000, 0x20_0000, &library, 0x9abc_def0, 7, None);
    let unloaded = UnloadedModule::new(LITTLE, 0x7ffb_0000_0000, 0x1000, &gone, 5, 6);
    let contexts = [
        amd64_context(LITTLE, 0x7ffa_0000_1234, STACK),
        amd64_context(LITTLE, 0x7ff6_0000_0042, STACK + 0x10_0000),
    ];
    let stacks = [
        Memory::with_section(section(&[0xaa; 0x200]), STACK),
        Memory::with_section(section(&(0..=255).collect::<Vec<u8>>()), STACK + 0x10_0000),
    ];
    let mut dump = SynthMinidump::with_endian(LITTLE).flags(0x1806);
    for (id, (stack, context)) in (100u32..).zip(stacks.iter().zip(&contexts)) {
        dump = dump.add_thread(Thread::new(LITTLE, id, stack, context));
    }
    let mut exception = Exception::new(LITTLE);
    exception.thread_id = 101;
    exception.exception_record.exception_code = 0xc000_0005;
    exception.exception_record.exception_flags = 1;
    exception.exception_record.exception_address = 0x7ff6_0000_0042;
    exception.exception_record.number_parameters = 2;
    exception.exception_record.exception_information[1] = 0xdead;
    let mut system = SystemInfo::new(LITTLE).set_processor_architecture(9).set_platform_id(2);
    (system.number_of_processors, system.product_type) = (8, 1);
    (system.major_version, system.build_number, system.suite_mask) = (10, 19041, 0x110);
    let mut misc = MiscStream::new(LITTLE);
    misc.process_id = Some(4321);
    let comment = SimpleStream { stream_type: 10, section: section(b"hung for 5 s\0") };
    let heap = Memory::with_section(section(&[0x5a; 0x1234]), HEAP);
    let [first, second] = stacks;
    let [one, two] = contexts;
    dump.add(path)
        .add(library)
        .add(gone)
        .add_thread_name(ThreadName::new(LITTLE, 101, Some(&name)))
        .add(name)
        .add(record)
        .add_module(module)
        .add_module(ntdll)
        .add_unloaded_module(unloaded)
        .add_memory(first)
        .add_memory(second)
        .add_memory64(heap)
        .add(one)
        .add(two)
        .add_system_info(system)
        .add_exception(exception)
        .add_stream(misc)
        .add_stream(comment)
        .finish()
        .expect("a minidump")
}

#[test]
fn everything_is_read() {
    let file = sample();
    let dump = ProcessDump::parse(&file).expect("a minidump");
    assert_eq!(dump.lacks, []);
    assert_eq!((dump.written, dump.flags), (1_262_805_309, 0x1806));
    let system = dump.system.as_ref().expect("a system");
    assert_eq!((system.machine, system.platform), (Machine::X64, 2));
    assert_eq!((system.processors, system.product_type), (8, 1));
    assert_eq!((system.version, system.suite_mask), ([10, 0, 19041], 0x110));
    assert_eq!((dump.process_id, dump.comment.as_deref()), (Some(4321), Some("hung for 5 s")));
    let exception = dump.exception.as_ref().expect("an exception");
    assert_eq!((exception.thread, exception.record.code), (101, 0xc000_0005));
    assert_eq!((exception.record.flags, exception.record.address), (1, 0x7ff6_0000_0042));
    assert_eq!(exception.record.parameters, [0, 0xdead]);
    assert!(dump.exception_registers().is_none(), "the sample names no context");
    let names: Vec<_> = dump.modules.iter().map(|module| module.name()).collect();
    assert_eq!(names, ["app.exe", "ntdll.dll"]);
    let app = &dump.modules[0];
    assert_eq!(app.path, r"C:\Program Files\Größe\app.exe");
    assert_eq!((app.base, app.size, app.checksum), (0x7ff6_0000_0000, 0x9000, 0x1234));
    assert_eq!(app.stamp, Stamp::Time(1_200_000_000));
    assert_eq!(dump.modules[1].stamp, Stamp::Hash(0x9abc_def0));
    let codeview = app.codeview.as_ref().expect("a PDB");
    assert_eq!((codeview.age, &*codeview.pdb), (3, r"C:\build\app.pdb"));
    assert_eq!(codeview.guid.to_vec(), (0..16).collect::<Vec<u8>>());
    assert_eq!(dump.modules[1].codeview, None);
    let gone = &dump.unloaded[0];
    assert_eq!(
        (&*gone.name, gone.begin, gone.end),
        ("gone.dll", 0x7ffb_0000_0000, 0x7ffb_0000_1000)
    );
    assert_eq!(dump.module_at(exception.record.address), Some(app));
    assert_eq!(dump.module_at(0x7ff6_0000_9000), None);
}

#[test]
fn threads_have_registers_and_stacks() {
    let file = sample();
    let dump = ProcessDump::parse(&file).expect("a minidump");
    let threads: Vec<_> = dump.threads.iter().map(|thread| (thread.id, &*thread.name)).collect();
    assert_eq!(threads, [(100, ""), (101, "worker")]);
    let [first, second] = &dump.threads[..] else { panic!("two threads") };
    let registers = dump.registers(first).expect("registers");
    assert_eq!((registers.pc, registers.sp), (0x7ffa_0000_1234, STACK));
    let registers = dump.registers(second).expect("registers");
    assert_eq!((registers.pc, registers.sp), (0x7ff6_0000_0042, STACK + 0x10_0000));
    let (start, bytes) = dump.stack(second).expect("a stack");
    assert_eq!((start, bytes), (STACK + 0x10_0000, &(0..=255).collect::<Vec<u8>>()[..]));
    assert_eq!(dump.stack(first).map(|(_, bytes)| bytes.len()), Some(0x200));
}

#[test]
fn the_exception_has_registers_of_its_own() {
    let mut file = sample();
    let place = {
        let dump = ProcessDump::parse(&file).expect("a minidump");
        // Where the first thread's entry names its context, and the exception's record.
        (dump.threads[0].offset as usize + 40, dump.exception.expect("one").record.offset as usize)
    };
    let context: [u8; 8] = file[place.0..place.0 + 8].try_into().expect("a location");
    file[place.1 + 152..place.1 + 160].copy_from_slice(&context);
    let dump = ProcessDump::parse(&file).expect("a minidump");
    let registers = dump.exception_registers().expect("registers");
    assert_eq!((registers.pc, registers.sp), (0x7ffa_0000_1234, STACK));
}

#[test]
fn memory_is_read_by_address() {
    let file = sample();
    let dump = ProcessDump::parse(&file).expect("a minidump");
    let mut bytes = [0; 0x1234];
    assert!(dump.read(HEAP, &mut bytes) && bytes == [0x5a; 0x1234]);
    let mut pair = [0; 2];
    assert!(dump.read(STACK + 0x10_0010, &mut pair));
    assert_eq!(pair, [0x10, 0x11]);
    for absent in [0, HEAP - 1, HEAP + 0x1233, STACK + 0x1ff, u64::MAX - 1, u64::MAX] {
        assert!(!dump.read(absent, &mut pair), "{absent:#x}");
    }
}

#[test]
fn machines_have_their_own_context() {
    let machines = [
        (0, Machine::X86, x86_context(LITTLE, 0x40_1000, 0x12_f000)),
        (9, Machine::X64, amd64_context(LITTLE, 0x40_1000, 0x12_f000)),
        (12, Machine::Arm64, arm64_context(LITTLE, 0x40_1000, 0x12_f000)),
    ];
    for (number, machine, context) in machines {
        let stack = Memory::with_section(section(&[1; 16]), 0x12_f000);
        let file = SynthMinidump::with_endian(LITTLE)
            .add_thread(Thread::new(LITTLE, 1, &stack, &context))
            .add(context)
            .add_memory(stack)
            .add_system_info(SystemInfo::new(LITTLE).set_processor_architecture(number))
            .finish()
            .expect("a minidump");
        let dump = ProcessDump::parse(&file).expect("a minidump");
        assert_eq!(dump.system.as_ref().map(|system| system.machine), Some(machine));
        let registers = dump.registers(&dump.threads[0]).expect("registers");
        assert_eq!((machine, registers.pc, registers.sp), (machine, 0x40_1000, 0x12_f000));
    }
}

/// Reads whatever a dump may tell.
fn read_all(dump: &ProcessDump<'_>) {
    for thread in &dump.threads {
        let _ = (dump.registers(thread), dump.stack(thread));
    }
    let mut bytes = [0; 64];
    for block in dump.blocks() {
        let _ = dump.read(block.address, &mut bytes);
    }
    let _ = (dump.exception_registers(), dump.read(u64::MAX, &mut bytes), dump.module_at(1));
}

#[test]
fn a_cut_file_tells_what_is_missing() {
    let file = sample();
    for length in 0..file.len() {
        match ProcessDump::parse(&file[..length]) {
            Ok(dump) => {
                // minidump-synth puts the directory at the end: without it there is nothing.
                assert!(!dump.lacks.is_empty(), "{length:#x}");
                read_all(&dump);
            }
            Err(error) => assert!(length < 32, "{length:#x}: {error}"),
        }
    }
}

#[test]
fn any_word_may_lie() {
    let file = sample();
    for at in (8..file.len() - 4).step_by(4) {
        for lie in [0, 1, 0x7fff_ffff, u32::MAX, file.len() as u32] {
            let mut file = file.clone();
            file[at..at + 4].copy_from_slice(&lie.to_le_bytes());
            let dump = ProcessDump::parse(&file).expect("a minidump");
            read_all(&dump);
            let told = dump.modules.len() + dump.threads.len() + dump.blocks().len();
            assert!(told <= file.len() / 12 && dump.lacks.len() <= 201);
        }
    }
}

#[test]
fn lies_are_told_with_their_place() {
    let file = sample();
    let directory = u32::from_le_bytes(file[12..16].try_into().expect("four bytes")) as usize;
    let entry = |kind: u32| {
        let mut entries = (directory..file.len()).step_by(12);
        entries.find(|at| file[*at..*at + 4] == kind.to_le_bytes()).expect("a stream")
    };
    let stream = |kind| {
        let at = entry(kind) + 8;
        u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes")) as usize
    };
    let with = |at: usize, bytes: &[u8]| -> Vec<Lack> {
        let mut file = file.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        ProcessDump::parse(&file).expect("a minidump").lacks
    };
    let has = |lacks: &[Lack], part, offset: usize, words: &str| {
        let found = lacks.iter().any(|lack| {
            lack.part == part && lack.offset == offset as u64 && lack.why.contains(words)
        });
        assert!(found, "{part} at {offset:#x}, {words}: {lacks:?}");
    };
    let max = u32::MAX.to_le_bytes();
    has(&with(8, &max), "NumberOfStreams", directory, "of which the file holds");
    has(&with(8, &max), "NumberOfStreams", 8, "1024 are looked at");
    let (threads, modules, memory) = (stream(3), stream(4), stream(5));
    has(&with(threads, &max), "NumberOfThreads", threads + 4, "of which the file holds");
    has(&with(modules, &max), "NumberOfModules", modules + 4, "of which the file holds");
    has(&with(memory, &max), "NumberOfMemoryRanges", memory + 4, "of which the file holds");
    has(&with(modules + 4 + 20, &max), "ModuleName", 0xffff_ffff, "needs 0x4 bytes");
    has(&with(memory + 4 + 8, &max), "memory block", stream_rva(&file, memory + 16), "bytes are");
    let unloaded = stream(14);
    has(&with(unloaded + 4, &[0; 4]), "SizeOfEntry", unloaded + 4, "0 bytes");
    let ranges = stream(9);
    has(&with(ranges + 24, &[0xff; 8]), "MINIDUMP_MEMORY64_LIST", ranges + 16, "end of numbers");
    // A text that is as long as numbers go is read as far as is sensible.
    let name = stream_rva(&file, modules + 4 + 20);
    let mut lying = file.clone();
    lying[name..name + 4].copy_from_slice(&max);
    let dump = ProcessDump::parse(&lying).expect("a minidump");
    assert!(dump.modules[0].path.len() <= 0x1800);
}

fn stream_rva(file: &[u8], at: usize) -> usize {
    u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes")) as usize
}

#[test]
fn other_files_are_refused() {
    for start in [&b"PAGEDU64"[..], b"MDMP\0\0\0\0", b"MZ", b""] {
        let mut file = start.to_vec();
        file.resize(64, 0);
        assert!(ProcessDump::parse(&file).is_err());
    }
}
