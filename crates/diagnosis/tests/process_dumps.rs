//! Minidumps of processes, made by minidump-synth, which knows nothing of this project.

use diagnosis::Nothing;
use diagnosis::crash::Confidence;
use diagnosis::process::{ProcessCrash, diagnose};
use evidence::process_dump::ProcessDump;
use minidump_synth::{
    DumpString, Exception, Memory, Module, SynthMinidump, SystemInfo, Thread, amd64_context,
};
use test_assembler::{Endian, Section};

const LITTLE: Endian = Endian::Little;
const STACK: u64 = 0x00c0_1234_5000;
const APP: u64 = 0x7ff6_0000_0000;
const NTDLL: u64 = 0x7ffa_0000_0000;

/// One thread that runs at `pc`, with two return addresses on its stack; an exception unless told otherwise.
fn sample(pc: u64, raises: bool) -> Vec<u8> {
    let path = DumpString::new(r"C:\Tools\app.exe", LITTLE);
    let library = DumpString::new(r"C:\Windows\System32\ntdll.dll", LITTLE);
    let module = Module::new(LITTLE, APP, 0x9000, &path, 1_200_000_000, 0x1234, None);
    let ntdll = Module::new(LITTLE, NTDLL, 0x20_0000, &library, 0x9abc_def0, 7, None);
    let mut words = vec![0u8; 0x100];
    words[0x10..0x18].copy_from_slice(&(NTDLL + 0x5678).to_le_bytes());
    words[0x40..0x48].copy_from_slice(&(APP + 0x1234).to_le_bytes());
    let stack = Memory::with_section(Section::with_endian(LITTLE).append_bytes(&words), STACK);
    let context = amd64_context(LITTLE, pc, STACK);
    let mut system = SystemInfo::new(LITTLE).set_processor_architecture(9).set_platform_id(2);
    (system.major_version, system.build_number) = (10, 22631);
    let mut dump = SynthMinidump::with_endian(LITTLE)
        .add_system_info(system)
        .add_thread(Thread::new(LITTLE, 100, &stack, &context))
        .add_module(module)
        .add_module(ntdll)
        .add(path)
        .add(library)
        .add_memory(stack)
        .add(context);
    if raises {
        let mut exception = Exception::new(LITTLE);
        exception.thread_id = 100;
        exception.exception_record.exception_code = 0xc000_0005;
        exception.exception_record.exception_address = pc;
        dump = dump.add_exception(exception);
    }
    dump.finish().expect("a minidump")
}

fn explained(pc: u64, raises: bool) -> ProcessCrash {
    let data = sample(pc, raises);
    diagnose(&ProcessDump::parse(&data).expect("a minidump"), &Nothing)
}

#[test]
fn whoever_raised_it_is_blamed() {
    let crash = explained(APP + 0x42, true);
    let blame = crash.blame.expect("blame");
    assert_eq!((blame.module.as_str(), blame.confidence), ("app.exe", Confidence::High));
    assert_eq!((crash.program.as_str(), crash.thread), ("app.exe", Some((100, String::new()))));
    assert_eq!(crash.about.release, Some("Windows 11, version 23H2"));
    let places: Vec<String> =
        crash.stack.iter().map(|frame| frame.spot.as_ref().expect("a module").text()).collect();
    assert_eq!(places, ["app+0x42", "ntdll+0x5678", "app+0x1234"]);
}

#[test]
fn a_library_that_raises_for_another_is_not() {
    let blame = explained(NTDLL + 0x42, true).blame.expect("blame");
    assert_eq!((blame.module.as_str(), blame.confidence), ("app.exe", Confidence::Low));
}

#[test]
fn a_picture_of_a_process_blames_nobody() {
    let crash = explained(APP + 0x42, false);
    assert_eq!((crash.exception, crash.blame), (None, None));
    assert_eq!(crash.stack.len(), 3);
}
