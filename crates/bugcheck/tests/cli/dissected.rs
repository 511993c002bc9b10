//! Whole explanations of images, objects and libraries, one golden a kind. The files are made here, byte by byte;
//! names in them try to reach the terminal.

use crate::rebase::Folder;
use crate::rebase::library_writer::{COFF, DATA, Library, OPTIONAL};
use crate::{golden, root};

fn told(name: &str, file: &[u8], status: i32) {
    let folder = Folder::new();
    folder.put(name, file);
    let (found, text) = folder.run(&["explain", name]);
    assert_eq!(found, status, "{text}");
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    golden::check(&format!("explain/{name}.txt"), &text).unwrap();
    let (found, json) = folder.run(&["explain", name, "--format", "json"]);
    assert_eq!(found, status, "{json}");
    let it: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(it["schema"], "bugcheck.explain.1");
}

#[test]
fn a_driver() {
    let file = root().join("drivers/clean/start-io/start-io.sys");
    told("driver.sys", &std::fs::read(file).unwrap(), 0);
}

/// An x86 library with a debug directory of every kind that has content, and flow guard.
fn x86() -> Vec<u8> {
    let mut library = Library::new(0x14c, 0x1000_0000);
    library.imports = vec!["KERNEL32.dll", "evil\u{1b}]0;x\u{7}.dll"];
    library.relocations = vec![(3, DATA), (3, DATA + 8)];
    let mut data = vec![0u8; 0x400];
    let mut put = |at: usize, bytes: &[u8]| data[at..at + bytes.len()].copy_from_slice(bytes);
    // Debug directory: CodeView, POGO, REPRO, extended characteristics. Data begins at 0x600 in the file.
    for (index, (kind, size, at)) in
        [(2u32, 0x28u32, 0x80usize), (13, 0x20, 0xc0), (16, 0, 0), (20, 4, 0xf0)]
            .into_iter()
            .enumerate()
    {
        let entry = index * 28;
        put(entry + 12, &kind.to_le_bytes());
        put(entry + 16, &size.to_le_bytes());
        put(entry + 20, &(DATA + at as u32).to_le_bytes());
        put(entry + 24, &(0x600 + at as u32).to_le_bytes());
    }
    put(0x80, b"RSDS");
    put(0x84, &[0xab; 16]);
    put(0x94, &2u32.to_le_bytes());
    put(0x98, b"C:\\\xe2\x80\xaex.pdb\0");
    put(0xc0, b"GCTL\0\x10\0\0\x10\0\0\0.text$mn\0\0\0\0");
    put(0xf0, &1u32.to_le_bytes());
    // Load configuration: cookie, table of 3 targets, flags.
    put(0x100, &0x80u32.to_le_bytes());
    for (at, value) in [(60, 0x1000_2004u32), (80, 0x1000_2040), (84, 3), (88, 0x1041_7500)] {
        put(0x100 + at, &value.to_le_bytes());
    }
    library.data = data;
    let mut file = library.file();
    for (index, rva, size) in [(6, DATA, 28 * 4), (10, DATA + 0x100, 0x40u32)] {
        let at = OPTIONAL + 96 + index * 8;
        file[at..at + 4].copy_from_slice(&rva.to_le_bytes());
        file[at + 4..at + 8].copy_from_slice(&size.to_le_bytes());
    }
    file
}

#[test]
fn an_x86_library() {
    told("x86.dll", &x86(), 0);
}

#[test]
fn an_image_that_is_cut_off_shows_what_it_still_holds() {
    told("cut.dll", &x86()[..0x680], 1);
    // Nothing that is lost is told as if it were there: no import is invented, no checksum called wrong.
    let driver = std::fs::read(root().join("drivers/clean/start-io/start-io.sys")).unwrap();
    // Behind the sections lies a symbol table, which nothing here leads to.
    let image = pe::Image::parse(&driver).unwrap();
    let end = image.sections().iter().map(|it| it.file_offset + it.file_size).max().unwrap();
    for length in (0x200..end as usize).step_by(0x333) {
        let folder = Folder::new();
        folder.put("cut.sys", &driver[..length]);
        let (status, text) = folder.run(&["explain", "cut.sys"]);
        assert!(status == 1 || status == 2, "{length:#x}: {text}");
        assert!(
            text.contains("at file offset") && !text.contains("is wrong"),
            "{length:#x}: {text}"
        );
    }
}

#[test]
fn an_arm64_image_with_x64_code() {
    let mut library = Library::new(0xaa64, 0x1_8000_0000);
    library.data = vec![0; 0x300];
    // Two functions, and padding; a load configuration with metadata.
    for (at, value) in [(0usize, 0x1000u32), (4, 1), (8, 0x1010), (12, 5), (0x100, 0x140)] {
        library.data[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    library.data[0x1c8..0x1d0].copy_from_slice(&0x1_8000_2000u64.to_le_bytes());
    let mut file = library.file();
    for (index, rva, size) in [(3, DATA, 24u32), (10, DATA + 0x100, 0x140)] {
        let at = OPTIONAL + 112 + index * 8;
        file[at..at + 4].copy_from_slice(&rva.to_le_bytes());
        file[at + 4..at + 8].copy_from_slice(&size.to_le_bytes());
    }
    told("arm64x.dll", &file, 0);
    // The same header for x86-64 says that the code is ARM64EC.
    file[COFF..COFF + 2].copy_from_slice(&0x8664u16.to_le_bytes());
    let folder = Folder::new();
    folder.put("ec.dll", &file);
    assert!(folder.run(&["explain", "ec.dll"]).1.contains("(ARM64EC)"));
}

/// An object with one section and a symbol of a hostile name, ordinary or `/bigobj`.
fn object(is_big: bool) -> Vec<u8> {
    let (header, record) = if is_big { (56, 20) } else { (20, 18) };
    let symbols = header + 40 + 4;
    let mut f = Vec::new();
    if is_big {
        f.extend([0, 0, 0xff, 0xff, 2, 0, 0x64, 0x86, 0, 0, 0, 0x5f]);
        f.extend([0xc7, 0xa1, 0xba, 0xd1, 0xee, 0xba, 0xa9, 0x4b]);
        f.extend([0xaf, 0x20, 0xfa, 0xf6, 0x6a, 0xa4, 0xdc, 0xb8]);
        f.extend([0; 16]);
        f.extend([1u32, symbols, 3].into_iter().flat_map(u32::to_le_bytes));
    } else {
        f.extend([0x64, 0x86, 1, 0, 0, 0, 0, 0x5f]);
        f.extend(symbols.to_le_bytes());
        f.extend([3, 0, 0, 0, 0, 0, 0, 0]);
    }
    f.extend(*b".text\0\0\0");
    f.extend([0, 0, 4, header + 40, 0, 0].into_iter().flat_map(u32::to_le_bytes));
    f.extend([0, 0, 0, 0]);
    f.extend(0x6050_0020u32.to_le_bytes());
    f.extend([0xc3; 4]);
    let mut symbol = |name: &[u8; 8], value: u32, section: i16, class: u8| {
        f.extend(name);
        f.extend(value.to_le_bytes());
        f.extend(section.to_le_bytes());
        if is_big {
            f.extend(if section < 0 { [0xff; 2] } else { [0; 2] });
        }
        f.extend([0, 0, class, 0]);
    };
    symbol(b"@comp.id", 0x0104_7556, -1, 3);
    symbol(b"\x1b[2Jmain", 0, 1, 2);
    symbol(b"IofCallD", 0, 0, 2);
    assert_eq!(f.len() as u32, symbols + 3 * record);
    f.extend(4u32.to_le_bytes());
    f
}

#[test]
fn objects_of_both_forms() {
    told("object.obj", &object(false), 0);
    told("bigobj.obj", &object(true), 0);
}

#[test]
fn objects_without_machine_code() {
    let mut gl = vec![0, 0, 0xff, 0xff, 1, 0, 0x64, 0x86, 0x78, 0x56, 0x34, 0x12];
    gl.extend([0x38, 0xfe, 0xb3, 0x0c, 0xa5, 0xd9, 0xab, 0x4d]);
    gl.extend([0xac, 0x9b, 0xd6, 0xb6, 0x22, 0x26, 0x53, 0xc2]);
    let mut bitcode = gl.clone();
    gl.extend([0; 4]);
    told("gl.obj", &gl, 0);
    bitcode.extend([4, 0, 0, 0]);
    bitcode.extend(*b"BC\xc0\xde");
    told("bitcode-in-header.obj", &bitcode, 0);
    told("bitcode.obj", b"BC\xc0\xde and more", 0);
}

fn member(f: &mut Vec<u8>, name: &str, size: usize, content: &[u8]) {
    f.extend(format!("{name:<16}{:<12}{:<12}{:<8}{size:<10}`\n", 0, "", 0).bytes());
    f.extend(content);
    if f.len() % 2 == 1 {
        f.push(b'\n');
    }
}

#[test]
fn libraries_of_every_form() {
    let mut import = vec![0, 0, 0xff, 0xff, 0, 0, 0x64, 0x86, 0, 0, 0, 0, 25, 0, 0, 0, 0, 0, 4, 0];
    import.extend(*b"KeSet\x1b[mnt\0ntoskrnl.exe\0\0");
    let mut f = b"!<arch>\n".to_vec();
    member(&mut f, "/", 4, &[0; 4]);
    member(&mut f, "ntoskrnl.exe/", import.len(), &import);
    member(&mut f, "a.obj/", object(false).len(), &object(false));
    told("import.lib", &f, 0);

    let mut f = b"!<arch>\n".to_vec();
    member(&mut f, "/", 22, b"\0\0\0\x01\0\0\0\x08__imp_KeSetA\0");
    member(&mut f, "made.o/", object(false).len(), &object(false));
    told("gnu.a", &f, 0);

    let mut f = b"!<thin>\n".to_vec();
    member(&mut f, "//", 18, b"dir/one.o/\ntwo.o/\n");
    member(&mut f, "/0", 4711, b"");
    member(&mut f, "/11", 12, b"");
    told("thin.a", &f, 0);
}

#[test]
fn messages_of_fork_lead_to_rebase() {
    let folder = Folder::new();
    let text = "make all\n      0 [main] make 512 child_info_fork::abort: data segment start: \
                parent(0xC1A000) != child(0xA6A000)\n";
    folder.put("build.log", text.as_bytes());
    let (status, said) = folder.run(&["explain", "build.log"]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("bugcheck rebase"), "{said}");
}
