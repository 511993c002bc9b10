//! Any bytes as a crash dump: headers, modules, registers, memory, page tables, stack; then explained.
#![no_main]

use evidence::crash_dump::Dump;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(dump) = Dump::parse(data) else { return };
    // Hostile numbers may not make a small file large.
    let text: usize = dump.modules.iter().map(|module| module.path.len()).sum();
    assert!(text <= (1 << 20) + 0x1800 + 6 * data.len());
    assert!(dump.modules.len() <= 4096.max(data.len() / 0x4c));
    assert!(dump.unloaded.len() <= 50.max(data.len() / 40));
    assert!(dump.blocks().len() <= data.len() / 16 + 2 && dump.lacks.len() <= 201);
    let _ = (dump.prcb(), dump.thread(), dump.process(), dump.blobs().len());
    let mut page = [0; 0x1001];
    let mut addresses = vec![0, 0xfff, u64::MAX - 0x800];
    for registers in [dump.registers(), dump.prcb_registers()].into_iter().flatten() {
        addresses.extend([registers.pc, registers.sp]);
        let _ = dump.module_at(registers.pc);
    }
    addresses.extend(dump.modules.iter().take(8).map(|module| module.base));
    addresses.extend(dump.blocks().iter().take(8).map(|block| block.address));
    if let Some((start, bytes)) = dump.stack() {
        addresses.push(start);
        assert!(dump.triage.is_some() || bytes.len() <= 0x1_3000);
    }
    for address in addresses {
        let found = dump.read_virtual(address, &mut page[..8]);
        let pointer = dump.read_pointer(address);
        let bytes = [page[0], page[1], page[2], page[3], page[4], page[5], page[6], page[7]];
        let value = u64::from_le_bytes(bytes);
        if found && dump.header.wide {
            assert_eq!(pointer, Some(value));
        }
        if let Some(physical) = dump.translate(address) {
            let _ = dump.read_physical(physical, &mut page);
        }
        let _ = dump.read_virtual(address, &mut page);
    }
    let crash = diagnosis::crash::diagnose(&dump, &diagnosis::Nothing);
    assert!(crash.stack.len() <= diagnosis::crash::MOST_FRAMES);
    let syntax = listing::Syntax::Debugger;
    let _ =
        diagnosis::crash::disassemble(&dump, &diagnosis::Nothing, "nt+0x1000", None, 64, syntax);
});
