//! Any bytes as a minidump: directory, threads, modules, memory.
#![no_main]

use evidence::process_dump::ProcessDump;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(dump) = ProcessDump::parse(data) else { return };
    // Hostile numbers may not make a small file large.
    let names = dump.modules.iter().map(|module| module.path.len());
    let text: usize = names.chain(dump.threads.iter().map(|thread| thread.name.len())).sum();
    assert!(text <= 3 << 20 && dump.lacks.len() <= 201);
    assert!(dump.modules.len() <= data.len() / 108 && dump.threads.len() <= data.len() / 48);
    let mut bytes = [0; 0x101];
    for block in dump.blocks().iter().take(64) {
        assert!(block.offset + block.size <= data.len() as u64);
        assert!(dump.read(block.address, &mut bytes[..1]));
        let _ = dump.read(block.address.wrapping_sub(1), &mut bytes);
    }
    for thread in dump.threads.iter().take(64) {
        let _ = dump.stack(thread);
        if let Some(registers) = dump.registers(thread) {
            let _ = (dump.module_at(registers.pc), dump.read(registers.sp, &mut bytes));
        }
    }
    let _ = dump.exception_registers();
    let crash = diagnosis::process::diagnose(&dump, &diagnosis::Nothing);
    assert!(crash.stack.len() <= diagnosis::crash::MOST_FRAMES);
});
