//! Any bytes as an image: its symbol table, exports and DWARF.
//!
//! PDBs are left out: their reader panics on damaged ones by design of its arithmetic, which
//! `Symbols::load` catches and a fuzzer would report for ever.
#![no_main]

use libfuzzer_sys::fuzz_target;
use symbols::Symbols;

fuzz_target!(|data: &[u8]| {
    let (symbols, _notes) = Symbols::load(data, None);
    for rva in (0x1000..0x2000).step_by(61) {
        let _ = (symbols.locate(rva), symbols.variable(rva));
    }
});
