//! A sound image reads as written; every broken variant of it ends in an error or a result, never in a
//! panic, and errors name their place.

use crate::unwind::{Module, Registers, Rip, step};
use crate::writer::*;
use crate::{
    CodeView, Export, Function, Image, ImportTarget, Machine, RelocationKind, Subsystem,
    check_driver,
};

/// Everything that can be asked of an image.
fn everything(data: &[u8]) {
    let Ok(image) = Image::parse(data) else { return };
    let _ = image.check_driver();
    let _ = (image.imports(), image.exports(), image.relocations(), image.load_config());
    let _ = (image.codeview(), image.coff_symbols());
    for section in image.sections() {
        let _ = image.content(section).len();
    }
    let functions = image.functions();
    // A broken SizeOfImage of some 100 MiB is legal; laying it out 100 times over would only be slow.
    if image.size_of_image() > 1 << 20 {
        return;
    }
    let (Ok(functions), Ok(memory)) = (functions, image.map_at(0xffff_f800_0000_0000)) else {
        return;
    };
    let module = Module { base: 0x1_0000, functions: &functions, memory: &memory };
    for offset in (0..0x100).step_by(3) {
        let mut registers = Registers { rip: 0x1_1000 + offset, ..Registers::default() };
        let _ = step(&module, &mut registers, Rip::Exact, &mut |address| Some(address ^ 0x55));
    }
}

#[test]
fn the_headers_read_as_written() {
    let file = driver();
    let image = Image::parse(&file).unwrap();
    assert_eq!(image.machine(), Machine::Amd64);
    assert_eq!(image.subsystem(), Subsystem::Native);
    assert_eq!((image.image_base(), image.size_of_image()), (BASE, SIZE));
    assert_eq!(
        (image.entry_rva(), image.timestamp(), image.checksum()),
        (INIT, 0x6000_0000, 0x1234)
    );
    let names: Vec<&str> = image.sections().iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, [".text", ".data", "INIT", ".reloc"]);
    assert!(image.section("INIT").unwrap().is_discardable());
    assert_eq!(image.content(image.section("INIT").unwrap()).len(), 0x10);
    assert_eq!(image.file_offset(DATA + 0x10), Some(in_file(DATA + 0x10) as u64));
    assert_eq!(image.file_offset(DATA + 0x500), None, "only in memory");
    check_driver(&file).unwrap();
}

#[test]
fn the_tables_read_as_written() {
    let file = driver();
    let image = Image::parse(&file).unwrap();
    let imports = image.imports().unwrap();
    assert_eq!(imports.len(), 1);
    assert_eq!(imports[0].name, "ntoskrnl.exe");
    let name = ImportTarget::Name { hint: 5, name: "IoCreateDevice".into() };
    assert_eq!(imports[0].entries[0].target, name);
    assert_eq!(imports[0].entries[0].iat_rva, DATA + IAT);
    assert_eq!(imports[0].entries[1].target, ImportTarget::Ordinal(7));
    assert_eq!(imports[0].entries[1].iat_rva, DATA + IAT + 8);

    let unload =
        Export { ordinal: 10, name: Some("DllUnload".into()), rva: TEXT + 4, forwarder: None };
    let exports = image.exports().unwrap();
    assert_eq!(exports[0], unload);
    assert_eq!((exports[1].ordinal, exports[1].name.as_deref()), (11, None));
    assert_eq!(exports[1].forwarder.as_deref(), Some("HAL.KfRaiseIrql"));

    let relocations = image.relocations().unwrap();
    assert_eq!(relocations.len(), 1, "padding is left out");
    assert_eq!((relocations[0].rva, relocations[0].kind), (DATA + POINTER, RelocationKind::Dir64));

    let config = image.load_config().unwrap().unwrap();
    assert_eq!(config.security_cookie_va, BASE + u64::from(DATA) + 0x3e0);
    assert_eq!(config.guard_cf_check_pointer_va, BASE + u64::from(DATA) + 0x3e8);
    assert_eq!((config.guard_cf_dispatch_pointer_va, config.guard_flags), (0, 0x500));

    let expected = CodeView { guid: [7; 16], age: 3, path: "C:\\d\\x.pdb".into() };
    assert_eq!(image.codeview().unwrap(), Some(expected));
    let functions = image.functions().unwrap();
    let first = Function { begin: TEXT, end: TEXT + 0x40, unwind: DATA + XDATA };
    assert_eq!((functions[0], functions.len()), (first, 2), "sorted, though written otherwise");
    assert!(image.coff_symbols().unwrap().is_empty());
}

#[test]
fn mapping_moves_the_image() {
    let file = driver();
    let image = Image::parse(&file).unwrap();
    let base = 0xffff_f805_1234_0000u64;
    let memory = image.map_at(base).unwrap();
    assert_eq!(memory.len(), SIZE as usize);
    assert_eq!(memory[TEXT as usize], 0xcc);
    assert_eq!(memory[TEXT as usize + 0x200], 0, "zeros after the content");
    let at = (DATA + POINTER) as usize;
    assert_eq!(memory[at..at + 8], (base + u64::from(TEXT)).to_le_bytes());
    assert_eq!(memory[OPTIONAL + 24..OPTIONAL + 32], base.to_le_bytes());
    let unmoved = image.map_at(BASE).unwrap();
    assert_eq!(unmoved[at..at + 8], (BASE + u64::from(TEXT)).to_le_bytes());
}

#[test]
fn mapping_refuses_what_the_loader_would() {
    let refused = |change: &dyn Fn(&mut Vec<u8>), base: u64, field: &str| {
        let mut file = driver();
        change(&mut file);
        let error = Image::parse(&file).unwrap().map_at(base).unwrap_err();
        assert!(error.to_string().starts_with(field), "{error}");
        error
    };
    refused(&|_| (), BASE + 1, "ImageBase");
    refused(&|_| (), !0xfff, "ImageBase");
    refused(&|f| put16(f, COFF + 18, 0x23), 0x1000, "ImageBase");
    refused(&|f| put32(f, OPTIONAL + 56, 0x7fff_0000), BASE, "SizeOfImage");
    let error = refused(&|f| put32(f, SECTION_TABLE + 52, TEXT), BASE, "section VirtualAddress");
    assert_eq!(error.offset, SECTION_TABLE as u64 + 52);
    refused(&|f| put32(f, OPTIONAL + 56, 0x4000), BASE, "section VirtualAddress");
    refused(&|f| put16(f, in_file(RELOC) + 8, 0x5000), 0x1000, "base relocation Type");
    refused(&|f| put32(f, in_file(RELOC), 0xffff_0000), 0x1000, "base relocation table");
    refused(&|f| put32(f, in_file(RELOC) + 4, 0x10), 0x1000, "base relocation Block Size");
}

#[test]
fn what_is_no_driver_is_told_with_place_and_remedy() {
    let told = |change: &dyn Fn(&mut Vec<u8>), offset: usize, words: &str| {
        let mut file = driver();
        change(&mut file);
        let it = check_driver(&file).unwrap_err();
        assert!(it.to_string().contains(words), "{it}");
        assert_eq!(it.offset, offset as u64, "{it}");
        assert!(!it.remedy.is_empty());
    };
    told(&|f| f.clear(), 0, "empty");
    told(&|f| f[..4].copy_from_slice(b"\x7fELF"), 0, "ELF");
    told(&|f| f[..8].copy_from_slice(b"!<arch>\n"), 0, "library");
    told(&|f| f[..2].copy_from_slice(&[0x64, 0x86]), 0, "object file");
    told(&|f| f[0] = b'X', 0, "does not start with");
    told(&|f| f[0x80] = b'N', 0x80, "PE signature");
    told(&|f| put32(f, LFANEW, 0x7fff_ffff), LFANEW, "past the end");
    told(&|f| f.truncate(0x500), SECTION_TABLE + 20, "truncated");
    told(&|f| put16(f, COFF, 0xaa64), COFF, "ARM64");
    told(&|f| put16(f, COFF, 0x14c), COFF, "32-bit x86");
    told(&|f| put16(f, COFF + 18, 0x20), COFF + 18, "not runnable");
    told(&|f| put16(f, SUBSYSTEM, 3), SUBSYSTEM, "user-mode program");
    told(&|f| (put16(f, SUBSYSTEM, 3), put16(f, COFF + 18, 0x2022)).0, SUBSYSTEM, "DLL");
    told(&|f| put16(f, SUBSYSTEM, 10), SUBSYSTEM, "EFI");
    told(&|f| put32(f, OPTIONAL + 16, 0), OPTIONAL + 16, "DriverEntry");
    told(&|f| put32(f, OPTIONAL + 16, DATA), OPTIONAL + 16, "code section");
    let ntdll = in_file(DATA + 0x80);
    told(&|f| f[ntdll..ntdll + 10].copy_from_slice(b"NTDLL.dll\0"), OPTIONAL + 120, "user mode");
}

#[test]
fn a_32_bit_image_is_read_far_enough_to_name_it() {
    let mut file = driver();
    put16(&mut file, COFF, 0x14c);
    put16(&mut file, OPTIONAL, 0x10b);
    put32(&mut file, OPTIONAL + 28, 0x0040_0000);
    put32(&mut file, OPTIONAL + 92, 0);
    let image = Image::parse(&file).unwrap();
    assert_eq!((image.machine(), image.is_64bit()), (Machine::I386, false));
    assert_eq!(image.image_base(), 0x0040_0000);
    assert!(image.map_at(1 << 32).is_err(), "an address has 32 bits");
}

#[test]
fn no_truncation_panics() {
    let file = driver();
    for length in 0..file.len() {
        everything(&file[..length]);
        // Every cut takes away at least a byte of a section's content.
        assert!(Image::parse(&file[..length]).is_err());
    }
}

#[test]
fn no_changed_byte_panics() {
    let file = driver();
    let interesting = (0..SECTION_TABLE + 160).chain(in_file(DATA)..file.len());
    for at in interesting {
        for value in [0, 1, 0x7f, 0x80, 0xff, file[at] ^ 1, file[at].wrapping_add(1)] {
            let mut broken = file.clone();
            broken[at] = value;
            everything(&broken);
        }
    }
}

#[test]
fn no_changed_word_panics() {
    let file = driver();
    for at in (0..SECTION_TABLE + 160).chain(in_file(DATA)..file.len() - 4) {
        for value in [0, 0xffff_ffff, 0x8000_0000, 0x7fff_ffff, SIZE, SIZE - 1, file.len() as u32] {
            let mut broken = file.clone();
            put32(&mut broken, at, value);
            everything(&broken);
        }
    }
}

#[test]
fn tables_in_empty_memory_take_no_time() {
    // A section of 4 GiB of zeros costs nothing in the file; a table in it must not cost hours either.
    let mut file = driver();
    put32(&mut file, SECTION_TABLE + 120 + 8, 0xffff_0000 - RELOC);
    for index in [0, 1, 3, 5, 6, 10] {
        put32(&mut file, OPTIONAL + 112 + index * 8, RELOC + 0x1_0000);
        put32(&mut file, OPTIONAL + 116 + index * 8, 0xf000_0000);
    }
    let image = Image::parse(&file).unwrap();
    assert!(image.relocations().unwrap_err().problem.contains("more than the file"));
    assert!(image.functions().is_err() && image.codeview().is_err());
    everything(&file);
}

#[test]
fn one_long_name_cannot_fill_the_memory() {
    // 8,000 imports of the same name of 800 bytes, from a file of 66 KB.
    let mut file = driver();
    let table = in_file(RELOC);
    for slot in 0..8000 {
        put64(&mut file, table + slot * 8, u64::from(DATA + 0xc0));
    }
    put64(&mut file, table + 8000 * 8, 0);
    put32(&mut file, SECTION_TABLE + 120 + 8, 64_008);
    put32(&mut file, SECTION_TABLE + 120 + 16, 64_008);
    put32(&mut file, in_file(DATA), RELOC);
    let name = in_file(DATA);
    file[name + 0xc2..name + 0x3e0].fill(b'A');
    let error = Image::parse(&file).unwrap().imports().unwrap_err();
    assert!(error.problem.contains("more room than the file"), "{error}");
}
