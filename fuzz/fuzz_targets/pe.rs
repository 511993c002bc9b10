//! Any bytes as an image: everything is read, laid out in memory and unwound.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pe::Image;
use pe::unwind::{Module, Registers, Rip, scope_table, step};

/// Larger images are legal, but laying them out again and again would only be slow.
const LARGEST: u32 = 1 << 20;

fuzz_target!(|data: &[u8]| {
    let _ = pe::check_driver(data).map_err(|reason| reason.to_string());
    let Ok(image) = Image::parse(data) else { return };
    let _ = image.imports().map_err(|error| error.to_string());
    let _ = (image.exports(), image.relocations(), image.load_config());
    let _ = (image.codeview(), image.coff_symbols(), image.computed_checksum());
    let table = image.certificate_table().unwrap_or_default();
    let covered = [Some(image.digest_ranges()), image.digest_ranges_by_section()];
    let pages = image.page_ranges().map(|(pages, _)| pages).unwrap_or_default();
    let ranges = covered.iter().flatten().flat_map(|it| &it.ranges);
    let ranges = ranges.chain(pages.iter().flat_map(|page| &page.ranges));
    for range in ranges.chain(table.entries.iter().map(|entry| &entry.content)) {
        let _ = &data[range.clone()];
    }
    for section in image.sections() {
        let _ = (image.content(section).len(), image.file_offset(section.rva));
    }
    let Ok(functions) = image.functions() else { return };
    if image.size_of_image() > LARGEST {
        return;
    }
    let base = 0xffff_f805_0000_0000;
    let Ok(memory) = image.map_at(base) else { return };
    assert_eq!(memory.len(), image.size_of_image() as usize);
    let module = Module { base, functions: &functions, memory: &memory };
    for function in functions.iter().take(64) {
        for rva in [function.begin, function.begin + 3, function.end - 1] {
            for kind in [Rip::Exact, Rip::Return] {
                let rip = base + u64::from(rva);
                let mut registers = Registers { rip, rsp: 0x1000, gpr: [0x1000; 16] };
                let mut read = |address: u64| (address % 3 != 0).then_some(address ^ base);
                if let Ok(frame) = step(&module, &mut registers, kind, &mut read) {
                    let _ = scope_table(&module, frame.handler_data);
                }
            }
        }
    }
});
