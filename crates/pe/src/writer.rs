//! Writes small images for tests. It knows the format by its own offsets and shares nothing with the
//! reader, so that a misunderstanding of one is not hidden by the same one of the other.

/// Where the writer puts things. Sections begin on pages and lie one after another in the file.
pub const BASE: u64 = 0x1_4000_0000;
pub const TEXT: u32 = 0x1000;
pub const DATA: u32 = 0x2000;
pub const INIT: u32 = 0x3000;
pub const RELOC: u32 = 0x4000;
pub const SIZE: u32 = 0x5000;

/// Offsets of fields that tests break.
pub const LFANEW: usize = 0x3c;
pub const COFF: usize = 0x84;
pub const OPTIONAL: usize = 0x98;
pub const SUBSYSTEM: usize = OPTIONAL + 68;
pub const SECTION_TABLE: usize = OPTIONAL + 240;
const HEADERS: usize = 0x400;

/// Layout of the data section, as offsets in it.
const IMPORT: u32 = 0x000;
const LOOKUP: u32 = 0x040;
pub const IAT: u32 = 0x060;
const NAMES: u32 = 0x080;
const EXPORT: u32 = 0x100;
const DEBUG: u32 = 0x180;
const CODEVIEW: u32 = 0x1a0;
const CONFIG: u32 = 0x200;
const PDATA: u32 = 0x300;
pub const XDATA: u32 = 0x320;
pub const POINTER: u32 = 0x3f0;

fn put(bytes: &mut Vec<u8>, at: usize, value: &[u8]) {
    if bytes.len() < at + value.len() {
        bytes.resize(at + value.len(), 0);
    }
    bytes[at..at + value.len()].copy_from_slice(value);
}

pub fn put16(bytes: &mut Vec<u8>, at: usize, value: u16) {
    put(bytes, at, &value.to_le_bytes());
}

pub fn put32(bytes: &mut Vec<u8>, at: usize, value: u32) {
    put(bytes, at, &value.to_le_bytes());
}

pub fn put64(bytes: &mut Vec<u8>, at: usize, value: u64) {
    put(bytes, at, &value.to_le_bytes());
}

/// A driver: code, data with every table, an INIT section and relocations.
pub fn driver() -> Vec<u8> {
    let mut f = Vec::new();
    put(&mut f, 0, b"MZ");
    put32(&mut f, LFANEW, 0x80);
    put(&mut f, 0x80, b"PE\0\0");
    put16(&mut f, COFF, 0x8664);
    put16(&mut f, COFF + 2, 4);
    put32(&mut f, COFF + 4, 0x6000_0000);
    put16(&mut f, COFF + 16, 240);
    put16(&mut f, COFF + 18, 0x0022);

    put16(&mut f, OPTIONAL, 0x20b);
    put32(&mut f, OPTIONAL + 16, INIT);
    put64(&mut f, OPTIONAL + 24, BASE);
    put32(&mut f, OPTIONAL + 32, 0x1000);
    put32(&mut f, OPTIONAL + 36, 0x200);
    put32(&mut f, OPTIONAL + 56, SIZE);
    put32(&mut f, OPTIONAL + 60, HEADERS as u32);
    put32(&mut f, OPTIONAL + 64, 0x1234);
    put16(&mut f, SUBSYSTEM, 1);
    put16(&mut f, OPTIONAL + 70, 0x140);
    put32(&mut f, OPTIONAL + 108, 16);
    for (index, rva, size) in [
        (0, DATA + EXPORT, 0x80),
        (1, DATA + IMPORT, 40),
        (3, DATA + PDATA, 24),
        (5, RELOC, 12),
        (6, DATA + DEBUG, 28),
        (10, DATA + CONFIG, 148),
    ] {
        put32(&mut f, OPTIONAL + 112 + index * 8, rva);
        put32(&mut f, OPTIONAL + 116 + index * 8, size);
    }
    for (index, name, rva, virtual_size, flags) in [
        (0, b".text\0\0\0", TEXT, 0x100, 0x6000_0020u32),
        (1, b".data\0\0\0", DATA, 0x800, 0xc000_0040),
        (2, b"INIT\0\0\0\0", INIT, 0x10, 0x6200_0020),
        (3, b".reloc\0\0", RELOC, 0xc, 0x4200_0040),
    ] {
        let at = SECTION_TABLE + index * 40;
        put(&mut f, at, name);
        put32(&mut f, at + 8, virtual_size);
        put32(&mut f, at + 12, rva);
        put32(&mut f, at + 16, if index == 1 { 0x400 } else { 0x200 });
        put32(&mut f, at + 20, in_file(rva) as u32);
        put32(&mut f, at + 36, flags);
    }
    for byte in f.len()..HEADERS + 0xa00 {
        put(&mut f, byte, &[0]);
    }
    put(&mut f, in_file(TEXT), &[0xcc; 0x100]);
    put(&mut f, in_file(INIT), &[0xc3]);
    data(&mut f, in_file(DATA));
    put32(&mut f, in_file(RELOC), DATA);
    put32(&mut f, in_file(RELOC) + 4, 12);
    put16(&mut f, in_file(RELOC) + 8, 0xa000 | POINTER as u16);
    put16(&mut f, in_file(RELOC) + 10, 0);
    f
}

/// File offset of an RVA, by the layout above.
pub fn in_file(rva: u32) -> usize {
    let (start, at) = match rva {
        RELOC.. => (RELOC, HEADERS + 0x800),
        INIT.. => (INIT, HEADERS + 0x600),
        DATA.. => (DATA, HEADERS + 0x200),
        _ => (TEXT, HEADERS),
    };
    at + (rva - start) as usize
}

fn data(f: &mut Vec<u8>, at: usize) {
    let of = |offset: u32| at + offset as usize;
    for (word, value) in [DATA + LOOKUP, 0, 0, DATA + NAMES, DATA + IAT].into_iter().enumerate() {
        put32(f, of(IMPORT) + word * 4, value);
    }
    for table in [LOOKUP, IAT] {
        put64(f, of(table), u64::from(DATA + NAMES + 0x20));
        put64(f, of(table) + 8, 1 << 63 | 7);
    }
    put(f, of(NAMES), b"ntoskrnl.exe\0");
    put(f, of(NAMES) + 0x20, &[5, 0]);
    put(f, of(NAMES) + 0x22, b"IoCreateDevice\0");

    // Two exports: ordinal 10 with a name, ordinal 11 a forwarder without one.
    for (word, value) in
        [0, 0, 0, 0, 10, 2, 1, DATA + EXPORT + 40, DATA + EXPORT + 48, DATA + EXPORT + 52]
            .into_iter()
            .enumerate()
    {
        put32(f, of(EXPORT) + word * 4, value);
    }
    put32(f, of(EXPORT) + 40, TEXT + 4);
    put32(f, of(EXPORT) + 44, DATA + EXPORT + 0x50);
    put32(f, of(EXPORT) + 48, DATA + EXPORT + 0x40);
    put16(f, of(EXPORT) + 52, 0);
    put(f, of(EXPORT) + 0x40, b"DllUnload\0");
    put(f, of(EXPORT) + 0x50, b"HAL.KfRaiseIrql\0");

    put32(f, of(DEBUG) + 12, 2);
    put32(f, of(DEBUG) + 16, 24 + 10);
    put32(f, of(DEBUG) + 20, DATA + CODEVIEW);
    put32(f, of(DEBUG) + 24, of(CODEVIEW) as u32);
    put(f, of(CODEVIEW), b"RSDS");
    put(f, of(CODEVIEW) + 4, &[7; 16]);
    put32(f, of(CODEVIEW) + 20, 3);
    put(f, of(CODEVIEW) + 24, b"C:\\d\\x.pdb\0");

    put32(f, of(CONFIG), 148);
    put64(f, of(CONFIG) + 88, BASE + u64::from(DATA) + 0x3e0);
    put64(f, of(CONFIG) + 112, BASE + u64::from(DATA) + 0x3e8);
    put32(f, of(CONFIG) + 144, 0x500);

    for (word, value) in [TEXT + 0x40, TEXT + 0x80, DATA + XDATA, TEXT, TEXT + 0x40, DATA + XDATA]
        .into_iter()
        .enumerate()
    {
        put32(f, of(PDATA) + word * 4, value);
    }
    // Version 1, prologue of 5 bytes: push rbx; sub rsp, 0x20.
    put(f, of(XDATA), &[1, 5, 2, 0, 5, 0x32, 1, 0x30]);
    put64(f, of(POINTER), BASE + u64::from(TEXT));
}

/// `file` with a certificate table of these contents behind it, each an entry of Authenticode's kind.
pub fn with_certificates(mut file: Vec<u8>, contents: &[&[u8]]) -> Vec<u8> {
    file.resize(file.len().next_multiple_of(8), 0);
    let start = file.len();
    for content in contents {
        let at = file.len();
        put32(&mut file, at, content.len() as u32 + 8);
        put32(&mut file, at + 4, 0x0002_0200);
        file.extend_from_slice(content);
        file.resize(file.len().next_multiple_of(8), 0);
    }
    let size = (file.len() - start) as u32;
    put32(&mut file, OPTIONAL + 112 + 4 * 8, start as u32);
    put32(&mut file, OPTIONAL + 116 + 4 * 8, size);
    file
}
