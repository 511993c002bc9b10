//! Tables that `explain` tells of an image, in an image made here with offsets of its own.

use pe::Image;

const RSRC: u32 = 0x1000;
const SECTION_AT: usize = 0x400;
const SIZE: usize = 0xa00;

fn put(f: &mut [u8], at: usize, value: &[u8]) {
    f[at..at + value.len()].copy_from_slice(value);
}

fn put32(f: &mut [u8], at: usize, value: u32) {
    put(f, at, &value.to_le_bytes());
}

/// An image of one section, with the directories given: index, RVA, bytes.
fn image(directories: &[(usize, u32, u32)]) -> Vec<u8> {
    let mut f = vec![0; SECTION_AT + SIZE];
    put(&mut f, 0, b"MZ");
    put32(&mut f, 0x3c, 0x100);
    put(&mut f, 0x100, b"PE\0\0\x64\x86\x01\0");
    put32(&mut f, 0x108, 0xabcd_ef01);
    put(&mut f, 0x114, &[240, 0, 0x22, 0]);
    let optional = 0x118;
    put(&mut f, optional, &[0x0b, 2, 14, 29]);
    put32(&mut f, optional + 24, 0x4000_0000);
    put32(&mut f, optional + 32, 0x1000);
    put32(&mut f, optional + 36, 0x200);
    put(&mut f, optional + 40, &[10, 0, 3, 0]);
    put32(&mut f, optional + 56, 0x2000);
    put32(&mut f, optional + 60, 0x400);
    put(&mut f, optional + 68, &[1, 0]);
    put32(&mut f, optional + 108, 16);
    for (index, rva, size) in directories {
        put32(&mut f, optional + 112 + index * 8, *rva);
        put32(&mut f, optional + 116 + index * 8, *size);
    }
    let section = optional + 240;
    put(&mut f, section, b".all");
    put32(&mut f, section + 8, SIZE as u32);
    put32(&mut f, section + 12, RSRC);
    put32(&mut f, section + 16, SIZE as u32);
    put32(&mut f, section + 20, SECTION_AT as u32);
    put32(&mut f, section + 36, 0xe000_0020);
    f
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

/// A node of a version resource: 32-bit aligned value and children.
fn node(
    key: &str,
    value: &[u8],
    value_length: u16,
    is_text: bool,
    children: &[Vec<u8>],
) -> Vec<u8> {
    let mut f = vec![0; 6];
    f.extend(wide(key));
    let align = |f: &mut Vec<u8>| f.resize(f.len().next_multiple_of(4), 0);
    align(&mut f);
    f.extend(value);
    for child in children {
        align(&mut f);
        f.extend(child);
    }
    let length = f.len() as u16;
    put(&mut f, 0, &length.to_le_bytes());
    put(&mut f, 2, &value_length.to_le_bytes());
    f[4] = u8::from(is_text);
    f
}

fn version_resource() -> Vec<u8> {
    let text = |key: &str, value: &str| {
        node(key, &wide(value), value.encode_utf16().count() as u16 + 1, true, &[])
    };
    let strings = [text("CompanyName", "Ein Käufer"), text("OriginalFilename", "x.sys")];
    let table = node("040904b0", &[], 0, true, &strings);
    let info = node("StringFileInfo", &[], 0, true, &[table]);
    let words: [u32; 13] = [
        0xfeef_04bd,
        0x1_0000,
        0x000a_0001,
        0x4a61_0007,
        0x0002_0003,
        0x0004_0005,
        1,
        3,
        0,
        3,
        7,
        0,
        0,
    ];
    let fixed: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
    node("VS_VERSION_INFO", &fixed, 52, false, &[info])
}

fn with_version(content: &[u8]) -> Vec<u8> {
    let mut f = image(&[(2, RSRC, 0x400)]);
    // Type 24 first, then 16; a name; a language; the data.
    put(&mut f, SECTION_AT + 14, &[2, 0]);
    for (at, id, to) in
        [(0x10, 24, 0), (0x18, 16, 0x8000_0020), (0x30, 1, 0x8000_0040), (0x50, 0x409, 0x60)]
    {
        put32(&mut f, SECTION_AT + at, id);
        put32(&mut f, SECTION_AT + at + 4, to);
    }
    put(&mut f, SECTION_AT + 0x20 + 14, &[1, 0]);
    put(&mut f, SECTION_AT + 0x40 + 14, &[1, 0]);
    put32(&mut f, SECTION_AT + 0x60, RSRC + 0x80);
    put32(&mut f, SECTION_AT + 0x64, content.len() as u32);
    put(&mut f, SECTION_AT + 0x80, content);
    f
}

#[test]
fn a_version_resource_is_read() {
    let f = with_version(&version_resource());
    let version = Image::parse(&f).unwrap().version().unwrap().unwrap();
    assert_eq!(version.file, Some([10, 1, 0x4a61, 7]));
    assert_eq!(version.product, Some([2, 3, 4, 5]));
    assert_eq!(version.flags, 1);
    assert_eq!(version.string("CompanyName"), Some("Ein Käufer"));
    assert_eq!(version.string("OriginalFilename"), Some("x.sys"));
    assert_eq!(version.string("FileVersion"), None);
}

#[test]
fn a_damaged_version_resource_ends_somewhere() {
    let whole = version_resource();
    for length in 0..whole.len() {
        let f = with_version(&whole[..length]);
        // No panic and no loop; what is told was in the file.
        let version = Image::parse(&f).unwrap().version().unwrap();
        assert!(version.is_none_or(|it| it.strings.len() <= 2), "{length}");
    }
    let mut beyond = with_version(&whole);
    put32(&mut beyond, SECTION_AT + 0x64, 0x10_0000);
    let error = Image::parse(&beyond).unwrap().version().unwrap_err();
    assert_eq!(error.offset, SECTION_AT as u64 + 0x60);
}

#[test]
fn a_reproducible_image_says_so() {
    let mut f = image(&[(6, RSRC, 56)]);
    put32(&mut f, SECTION_AT + 12, 13);
    assert!(!Image::parse(&f).unwrap().is_reproducible());
    put32(&mut f, SECTION_AT + 28 + 12, 16);
    let image = Image::parse(&f).unwrap();
    assert!(image.is_reproducible());
    let names: Vec<_> = image.debug_entries().unwrap().iter().map(|it| it.kind_name()).collect();
    assert_eq!(names, [Some("POGO"), Some("REPRO")]);
}

#[test]
fn delay_imports_are_read_in_both_forms() {
    for (attributes, base) in [(1u32, 0), (0, 0x4000_0000)] {
        let mut f = image(&[(13, RSRC, 64)]);
        for (at, value) in [(0, attributes), (4, base + RSRC + 0x100), (12, base + RSRC + 0x180)] {
            put32(&mut f, SECTION_AT + at, value);
        }
        put32(&mut f, SECTION_AT + 16, base + RSRC + 0x140);
        put(&mut f, SECTION_AT + 0x100, b"user32.dll");
        put32(&mut f, SECTION_AT + 0x140, RSRC + 0x1c0);
        put(&mut f, SECTION_AT + 0x1c2, b"MessageBoxW");
        let modules = Image::parse(&f).unwrap().delay_imports().unwrap();
        assert_eq!((modules.len(), modules[0].name.as_str()), (1, "user32.dll"));
        assert_eq!((modules[0].entries.len(), modules[0].entries[0].iat_rva), (1, RSRC + 0x180));
    }
}

#[test]
fn the_rich_header_tells_the_tools() {
    let mut f = image(&[]);
    assert_eq!(Image::parse(&f).unwrap().rich(), []);
    let key = 0x1234_5678u32;
    let words = [0x536e_6144, 0, 0, 0, 0x0104_7556, 7, 0x0102_7557, 1];
    for (word, at) in words.into_iter().zip((0x80..).step_by(4)) {
        put32(&mut f, at, word ^ key);
    }
    put(&mut f, 0xa0, b"Rich");
    put32(&mut f, 0xa4, key);
    let rich = Image::parse(&f).unwrap().rich();
    let told: Vec<_> = rich.iter().map(|it| (it.product, it.build, it.objects)).collect();
    assert_eq!(told, [(0x104, 0x7556, 7), (0x102, 0x7557, 1)]);
}

#[test]
fn the_header_tells_versions_flags_and_the_signature() {
    let f = image(&[(4, 0xe00, 0x1a48)]);
    let image = Image::parse(&f).unwrap();
    assert_eq!((image.linker_version(), image.system_version()), ([14, 29], [10, 3]));
    assert_eq!(image.certificates(), Some((0xe00, 0x1a48)));
    assert!(image.sections()[0].is_writable_code());
}
