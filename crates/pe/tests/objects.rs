//! Objects and libraries: made here, byte by byte, and real ones held against another tool's reading.
#![allow(clippy::disallowed_methods)] // The room does no I/O; this reads the corpus.

use pe::object::{Archive, NameType, Object, ObjectFile, is_object, read};
use pe::{Image, Machine};
use std::path::Path;

/// A file of the corpus; `None`, said aloud, where it is absent.
fn corpus(name: &str) -> Option<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("../shared/corpus/coff").join(name);
    std::fs::read(&path).map_err(|error| println!("SKIPPED: {}: {error}", path.display())).ok()
}

fn object(data: &[u8]) -> Object {
    assert!(is_object(data));
    match read(data) {
        Ok(ObjectFile::Object(object)) => object,
        other => panic!("{other:?}"),
    }
}

fn archive(data: &[u8]) -> Archive {
    assert!(is_object(data));
    match read(data) {
        Ok(ObjectFile::Archive(archive)) => archive,
        other => panic!("{other:?}"),
    }
}

/// What the other tool says of one object.
#[derive(Debug, Default, PartialEq)]
struct Reading {
    sections: Vec<(String, u32, u32)>,
    symbols: usize,
    undefined: usize,
}

/// Its text: blocks of `Key: value`.
fn expected(text: &str) -> Reading {
    let mut it = Reading::default();
    let mut block = "";
    let (mut section, mut symbol_value) = (String::new(), 0);
    for line in text.lines() {
        if !line.starts_with(' ') {
            block = line.trim_end_matches(" {");
            it.symbols += usize::from(block == "ImageSymbol" || block == "ImageSymbolEx");
        }
        let number = |text: &str| match text.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).unwrap(),
            None => text.parse().unwrap(),
        };
        // Four blanks: nested blocks have keys of the same names.
        let Some((key, value)) = line.strip_prefix("    ").and_then(|line| line.split_once(": "))
        else {
            continue;
        };
        match (block, key) {
            ("ImageSectionHeader", "Name") => {
                let name = value.trim_matches('"').to_owned();
                it.sections.push((name, 0, 0));
            }
            ("ImageSectionHeader", "SizeOfRawData") => {
                it.sections.last_mut().unwrap().1 = number(value);
            }
            ("ImageSectionHeader", "NumberOfRelocations") => {
                it.sections.last_mut().unwrap().2 = number(value);
            }
            ("ImageSymbol" | "ImageSymbolEx", "Value") => symbol_value = number(value),
            ("ImageSymbol" | "ImageSymbolEx", "Section") => section = value.to_owned(),
            ("ImageSymbol" | "ImageSymbolEx", "StorageClass") => {
                // One with a value is common: room of so many bytes, which the linker makes.
                let wanted = section.contains("UNDEFINED")
                    && value.contains("CLASS_EXTERNAL")
                    && symbol_value == 0;
                it.undefined += usize::from(wanted);
            }
            _ => {}
        }
    }
    it
}

fn reading(object: &Object) -> Reading {
    let sections = object.sections.iter();
    Reading {
        sections: sections.map(|it| (it.name.clone(), it.size, it.relocations)).collect(),
        symbols: object.symbols,
        undefined: object.undefined.len(),
    }
}

#[test]
fn real_objects_read_as_another_tool_reads_them() {
    for (name, is_big) in [("pe-base.obj", false), ("pe-base-bigobj.obj", true)] {
        let Some(file) = corpus(&format!("objtest-{name}")) else { return };
        let text = corpus(&format!("expected-{name}.readobj")).unwrap();
        let expected = expected(&String::from_utf8(text).unwrap());
        let object = object(&file);
        assert_eq!(reading(&object), expected, "{name}");
        assert_eq!((expected.sections.len(), object.symbol_records), (8, 26));
        assert_eq!((object.is_big, object.machine), (is_big, Machine::I386));
        assert_eq!(object.problems, []);
        assert!(object.directives.starts_with("/DEFAULTLIB:"), "{}", object.directives);
        assert!(object.defined.contains(&"_main".to_owned()), "{:?}", object.defined);
        assert!(object.undefined.contains(&"___acrt_iob_func".to_owned()));
        // As Visual Studio 2015 and later write it: product 0x104, a build of five digits.
        let (product, build) = object.compiler.unwrap();
        assert_eq!(pe::tool(product).unwrap().to_string(), "C compiler 19.00");
        assert!(product == 0x104 && build > 23_000, "{product:#x} {build}");
    }
}

#[test]
fn objects_of_other_compilers_are_read() {
    for (name, is_big) in [("pe-base.o", false), ("pe-base-bigobj.o", true)] {
        let Some(file) = corpus(&format!("objtest-{name}")) else { return };
        let object = object(&file);
        assert_eq!((object.is_big, object.machine), (is_big, Machine::Amd64));
        assert_eq!((object.sections.len(), object.problems.len()), (7, 0));
        assert!(object.source.is_some(), "GNU writes the file's name");
        assert!(object.defined.contains(&"main".to_owned()));
        assert!(
            object.undefined.contains(&"__mingw_vfprintf".to_owned()),
            "{:?}",
            object.undefined
        );
    }
    let weak = object(&corpus("objtest-pe-weak-extern-clang-msvc.o").unwrap());
    assert!(weak.problems.is_empty() && !weak.defined.is_empty());
}

#[test]
fn an_object_of_link_time_code_generation_is_told_apart() {
    let Some(file) = corpus("objtest-pe-base-GL.obj") else { return };
    let Ok(ObjectFile::Anonymous(it)) = read(&file) else { panic!("{:?}", read(&file)) };
    assert!(it.is_ltcg && !it.is_bitcode);
    assert_eq!((it.version, it.machine, it.timestamp), (1, Machine::I386, 0x6389_71dd));
    assert_eq!(u64::from(it.size) + 32, file.len() as u64);
    let names: Vec<&str> = it.sections.iter().map(|it| it.name.as_str()).collect();
    assert_eq!((names.len(), names[0]), (7, ".drectve"));
    assert!(names.contains(&".cil$fg"), "{names:?}");
}

#[test]
fn a_real_import_library_reads_as_another_tool_reads_it() {
    let Some(file) = corpus("objtest-coff-import_msvc.lib") else { return };
    let text = String::from_utf8(corpus("expected-coff-import_msvc.lib.readobj").unwrap()).unwrap();
    let archive = archive(&file);
    assert_eq!(archive.problems, []);
    assert!(archive.index.is_some() && archive.second_index.is_some());
    let blocks: Vec<&str> = text.split("\nMember: ").skip(1).collect();
    assert_eq!(archive.members.len(), blocks.len());
    let mut imports = 0;
    for (member, block) in archive.members.iter().zip(blocks) {
        let (name, block) = block.split_once('\n').unwrap();
        assert_eq!(member.name, name.trim_matches('"'));
        let value = |key: &str| {
            let line = block.lines().find_map(|line| line.trim().strip_prefix(key));
            line.unwrap().trim_matches('"')
        };
        match member.file.as_ref().unwrap() {
            ObjectFile::Object(object) => assert_eq!(reading(object), expected(block)),
            ObjectFile::Import(import) => {
                imports += 1;
                assert_eq!(import.symbol, value("Symbol: "));
                assert_eq!(import.module, value("Dll: "));
                assert_eq!(import.timestamp.to_string(), value("TimeDateStamp: "));
                assert_eq!(import.is_code, value("ImportType: ").contains("CODE"));
                let by_number = value("NameType: ").contains("ORDINAL");
                assert_eq!(matches!(import.by, NameType::Ordinal(_)), by_number);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(imports > 0);
}

/// An object of one section, `.text` with a relocation, and three symbols.
fn made_object() -> Vec<u8> {
    let mut f = Vec::new();
    for word in [0x8664u16, 1] {
        f.extend(word.to_le_bytes());
    }
    for word in [0x5f00_0000u32, 20 + 40 + 4 + 10, 4, 0] {
        f.extend(word.to_le_bytes());
    }
    f.extend(*b"/4\0\0\0\0\0\0");
    for word in [0u32, 0, 4, 60, 64, 0, 1, 0x6050_0020] {
        f.extend(word.to_le_bytes());
    }
    f.extend([0xe8, 0, 0, 0]);
    f.extend([1, 0, 0, 0, 2, 0, 0, 0, 4, 0]);
    symbol(&mut f, b"@comp.id", 0x0104_7556, -1, 3);
    symbol(&mut f, b"Start\0\0\0", 0, 1, 2);
    symbol(&mut f, &[0, 0, 0, 0, 15, 0, 0, 0], 0, 0, 2);
    symbol(&mut f, b"common\0\0", 8, 0, 2);
    f.extend(30u32.to_le_bytes());
    f.extend(*b".text$long\0KeBugCheckEx\0\0\0");
    f
}

fn symbol(f: &mut Vec<u8>, name: &[u8; 8], value: u32, section: i16, class: u8) {
    f.extend(name);
    f.extend(value.to_le_bytes());
    f.extend(section.to_le_bytes());
    f.extend([0, 0, class, 0]);
}

#[test]
fn a_made_object_tells_sections_symbols_and_compiler() {
    let object = object(&made_object());
    assert_eq!(object.problems, []);
    let section = &object.sections[0];
    assert_eq!((section.name.as_str(), section.size, section.relocations), (".text$long", 4, 1));
    assert_eq!(
        (object.defined, object.undefined),
        (vec!["Start".to_owned(), "common".to_owned()], vec!["KeBugCheckEx".to_owned()],)
    );
    assert_eq!(object.compiler, Some((0x104, 0x7556)));
    assert_eq!((object.symbols, object.timestamp), (4, 0x5f00_0000));
}

#[test]
fn what_is_cut_off_is_told_with_its_place_and_the_rest_is_read() {
    let whole = made_object();
    // In the symbol table: the section is told all the same.
    let cut = object(&whole[..80]);
    assert_eq!(cut.sections.len(), 1);
    assert_eq!((cut.problems.len(), cut.problems[0].offset), (1, 74));
    for length in 0..whole.len() {
        let data = &whole[..length];
        // Whatever is taken for an object can be read.
        assert_eq!(is_object(data), read(data).is_ok(), "{length}");
    }
    let mut other = whole;
    other[0] = 0x12;
    assert!(!is_object(&other), "no such machine");
}

fn member(f: &mut Vec<u8>, name: &str, content: &[u8]) {
    f.extend(
        format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 7, "", "", 0, content.len()).bytes(),
    );
    f.extend(content);
    if f.len() % 2 == 1 {
        f.push(b'\n');
    }
}

/// A short import of `NtosFunction` from `ntoskrnl.exe`.
fn made_import(kind: u16, symbol: &str) -> Vec<u8> {
    let names = format!("{symbol}\0ntoskrnl.exe\0");
    let mut f = vec![0, 0, 0xff, 0xff, 0, 0, 0x64, 0x86];
    f.extend(0x1234u32.to_le_bytes());
    f.extend((names.len() as u32).to_le_bytes());
    f.extend([9, 0]);
    f.extend(kind.to_le_bytes());
    f.extend(names.bytes());
    f
}

#[test]
fn a_made_library_tells_members_indexes_and_long_names() {
    let mut f = b"!<arch>\n".to_vec();
    member(&mut f, "/", b"\0\0\0\x02\0\0\0\x08\0\0\0\x08One\0Two\0");
    member(&mut f, "//", b"a-very-long-member-name.obj/\n");
    member(&mut f, "/0", &made_object());
    member(&mut f, "ntoskrnl.exe/", &made_import(1 << 2, "IoCallDriver"));
    member(&mut f, "readme.txt/", b"hello");
    let library = archive(&f);
    assert_eq!(library.problems, []);
    assert_eq!(library.index, Some(vec!["One".to_owned(), "Two".to_owned()]));
    assert_eq!(library.second_index, None);
    let names: Vec<&str> = library.members.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["a-very-long-member-name.obj", "ntoskrnl.exe", "readme.txt"]);
    assert!(matches!(library.members[0].file, Ok(ObjectFile::Object(_))));
    assert!(matches!(library.members[1].file, Ok(ObjectFile::Import(_))));
    let error = library.members[2].file.as_ref().unwrap_err();
    assert_eq!(error.offset, library.members[2].offset + 60, "a place in the library");
    assert_eq!(library.members[0].date, 7);

    f.truncate(f.len() - 8);
    let cut = archive(&f);
    assert_eq!((cut.members.len(), cut.problems.len()), (2, 1), "the last one has no end");
}

#[test]
fn a_thin_library_names_its_members() {
    let mut f = b"!<thin>\n".to_vec();
    member(&mut f, "//", b"folder/one.o/\n");
    // The size is that of the file elsewhere.
    let header = format!("{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", "/0", 7, "", "", 0, 123_456);
    f.extend(header.bytes());
    let library = archive(&f);
    assert!(library.is_thin && library.problems.is_empty());
    let one = &library.members[0];
    assert_eq!((one.name.as_str(), one.size), ("folder/one.o", 123_456));
    assert!(one.file.as_ref().unwrap_err().problem.contains("a file of its own"));
}

#[test]
fn an_import_says_how_it_is_looked_up() {
    let by = |kind: u16, symbol: &str| match read(&made_import(kind, symbol)) {
        Ok(ObjectFile::Import(import)) => import.by,
        other => panic!("{other:?}"),
    };
    assert_eq!(by(0, "_Fn@8"), NameType::Ordinal(9));
    assert_eq!(by(1 << 2, "_Fn@8"), NameType::Name("_Fn@8".to_owned()));
    assert_eq!(by(2 << 2, "_Fn@8"), NameType::Name("Fn@8".to_owned()));
    assert_eq!(by(3 << 2, "_Fn@8"), NameType::Name("Fn".to_owned()));
    assert_eq!(by(6 << 2, "_Fn@8"), NameType::Unknown(6));
}

#[test]
fn bitcode_is_told_alone_and_after_a_header() {
    assert_eq!(read(b"BC\xc0\xde rest"), Ok(ObjectFile::Bitcode));
    let mut f = vec![0, 0, 0xff, 0xff, 1, 0, 0x64, 0x86, 0, 0, 0, 0];
    f.extend([7; 16]);
    f.extend(4u32.to_le_bytes());
    f.extend(*b"BC\xc0\xde");
    match read(&f) {
        Ok(ObjectFile::Anonymous(it)) => assert!(it.is_bitcode && !it.is_ltcg),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_driver_is_no_object() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../drivers");
    let file = std::fs::read(root.join("clean/start-io/start-io.sys")).unwrap();
    assert!(Image::parse(&file).is_ok() && !is_object(&file));
}
