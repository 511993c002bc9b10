//! A minidump of a process for each machine.

use anyhow::{Context, Result};
use minidump_synth::{
    DumpString, Exception, Memory, Module, SynthMinidump, SystemInfo, Thread, ThreadName,
    UnloadedModule, amd64_context, arm64_context, x86_context,
};
use test_assembler::{Endian, Section};

const LITTLE: Endian = Endian::Little;

/// Name and bytes of each.
pub fn all() -> Result<Vec<(String, Vec<u8>)>> {
    // Architectures as MINIDUMP_SYSTEM_INFO counts them.
    let machines = [
        ("x86", 0, x86_context(LITTLE, 0x40_1000, 0x12_f000)),
        ("x64", 9, amd64_context(LITTLE, 0x40_1000, 0x12_f000)),
        ("arm64", 12, arm64_context(LITTLE, 0x40_1000, 0x12_f000)),
    ];
    machines
        .into_iter()
        .map(|(name, number, context)| Ok((format!("{name}.dmp"), minidump(number, context)?)))
        .collect()
}

fn minidump(architecture: u16, context: Section) -> Result<Vec<u8>> {
    let memory = |address, byte| {
        Memory::with_section(Section::with_endian(LITTLE).append_repeated(byte, 64), address)
    };
    let path = DumpString::new(r"C:\app.exe", LITTLE);
    let name = DumpString::new("worker", LITTLE);
    let record = Section::with_endian(LITTLE)
        .append_bytes(b"RSDS")
        .append_repeated(1, 16)
        .D32(1)
        .append_bytes(b"app.pdb\0");
    let module =
        Module::new(LITTLE, 0x40_0000, 0x9000, &path, 1_200_000_000, 1, None).cv_record(&record);
    let unloaded = UnloadedModule::new(LITTLE, 0x50_0000, 0x1000, &path, 5, 6);
    let stack = memory(0x12_f000, 1);
    let mut exception = Exception::new(LITTLE);
    exception.thread_id = 1;
    exception.exception_record.exception_code = 0xc000_0005;
    SynthMinidump::with_endian(LITTLE)
        .add_thread(Thread::new(LITTLE, 1, &stack, &context))
        .add_thread_name(ThreadName::new(LITTLE, 1, Some(&name)))
        .add_module(module)
        .add_unloaded_module(unloaded)
        .add(path)
        .add(name)
        .add(record)
        .add(context)
        .add_memory(stack)
        .add_memory64(memory(0x20_0000, 2))
        .add_exception(exception)
        .add_system_info(SystemInfo::new(LITTLE).set_processor_architecture(architecture))
        .finish()
        .context("a minidump has a place that was never set")
}
