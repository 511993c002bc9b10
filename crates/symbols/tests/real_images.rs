//! The drivers of `drivers/`: names and lines by DWARF (GNU tools) and by PDB (LLVM tools).
#![allow(clippy::disallowed_methods)] // The room does no I/O; this reads the drivers.

use pe::Image;
use std::path::{Path, PathBuf};
use symbols::{SymbolKind, Symbols};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../drivers").join(name)
}

/// Every built driver, with its PDB where it has one.
fn drivers() -> Vec<(PathBuf, Vec<u8>, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    for group in ["clean", "buggy"] {
        for entry in std::fs::read_dir(folder(group)).into_iter().flatten().flatten() {
            for file in std::fs::read_dir(entry.path()).into_iter().flatten().flatten() {
                let path = file.path();
                if path.extension().is_some_and(|e| e == "sys") {
                    let image = std::fs::read(&path).unwrap();
                    let pdb = std::fs::read(path.with_extension("pdb")).ok();
                    found.push((path, image, pdb));
                }
            }
        }
    }
    assert!(!found.is_empty(), "no built drivers in drivers/");
    found
}

/// Line number (from 1) of the last line of the driver's source that contains `text`.
fn line_of(sys: &Path, text: &str) -> u32 {
    let mut path = sys.with_file_name("driver.c");
    let mut source = std::fs::read_to_string(&path).unwrap();
    // A driver that differs from another in what it runs with is that other's source.
    let included =
        |line: &str| Some(line.strip_prefix("#include \"../")?.strip_suffix('"')?.to_owned());
    if let Some(other) = source.lines().find_map(included) {
        path = path.with_file_name("..").join(other);
        source = std::fs::read_to_string(&path).unwrap();
    }
    // The last one: a prototype may come first.
    let found = source.lines().enumerate().filter(|(_, line)| line.contains(text)).last();
    found.map(|(index, _)| index).unwrap_or_else(|| panic!("{text} is not in {}", sys.display()))
        as u32
        + 1
}

#[test]
fn every_driver_tells_its_entry_and_lines() {
    for (path, image, pdb) in drivers() {
        let has_pdb = pdb.is_some();
        let (symbols, notes) = Symbols::load(&image, pdb);
        assert_eq!(notes, Vec::<String>::new(), "{}", path.display());
        let kind = if has_pdb { SymbolKind::Pdb } else { SymbolKind::Dwarf };
        assert_eq!(symbols.kind(), kind, "{}", path.display());

        let entry = symbols.function("DriverEntry").expect("every driver has one");
        let location = symbols.locate(entry).unwrap();
        assert_eq!(location.function.as_deref(), Some("DriverEntry"));
        assert_eq!((location.function_rva, location.offset), (entry, 0));
        let file = location.file.unwrap();
        assert!(file.starts_with("drivers") && file.ends_with("driver.c"), "{file}");
        let first = line_of(&path, "DriverEntry(");
        let line = location.line.unwrap();
        // The first instruction can be the first statement's: compilers move what the entry does.
        assert!((first..first + 12).contains(&line), "{}: {line}", path.display());
        let later = symbols.locate(entry + 4).unwrap();
        assert_eq!((later.function_rva, later.offset), (entry, 4));
    }
}

#[test]
fn every_instruction_of_a_function_has_a_place() {
    for (path, image, pdb) in drivers() {
        let (symbols, _) = Symbols::load(&image, pdb);
        let parsed = Image::parse(&image).unwrap();
        let handler = b"__C_specific_handler";
        let funclets = image.windows(handler.len()).any(|bytes| bytes == handler);
        for function in parsed.functions().unwrap() {
            for rva in function.begin..function.end {
                let at =
                    symbols.locate(rva).unwrap_or_else(|| panic!("{} {rva:#x}", path.display()));
                assert_eq!(at.function_rva, function.begin, "{} {rva:#x}: {at:?}", path.display());
                assert_eq!(at.function_rva + at.offset, rva);
                // Compilers give the filters and handlers of __try no name of their own.
                assert!(at.function.is_some() || funclets, "{} {rva:#x}", path.display());
                assert!(at.source().0.is_some() || at.line.is_none());
            }
        }
        let data = parsed.section(".rdata").unwrap();
        assert_eq!(symbols.locate(data.rva), None, "data is no function");
        assert_eq!(symbols.locate(0), None);
        assert_eq!(symbols.locate(u32::MAX), None);
    }
}

#[test]
fn inlined_calls_are_told_by_both_formats() {
    for wants_pdb in [false, true] {
        let mut found = 0;
        for (_, image, pdb) in drivers().into_iter().filter(|(_, _, p)| p.is_some() == wants_pdb) {
            let (symbols, _) = Symbols::load(&image, pdb);
            for function in Image::parse(&image).unwrap().functions().unwrap() {
                for location in (function.begin..function.end).filter_map(|rva| symbols.locate(rva))
                {
                    for call in &location.inlined {
                        assert!(call.function.is_some() && call.file.is_some(), "{location:?}");
                        assert_ne!(call.function, location.function, "{location:#?}");
                        found += 1;
                    }
                }
            }
        }
        assert!(found > 0, "no inlined call with{} PDB", if wants_pdb { " a" } else { "out" });
    }
}

#[test]
fn globals_have_names() {
    let sys = folder("clean/handle-buffer/handle-buffer.sys");
    let image = std::fs::read(&sys).unwrap();
    let (symbols, _) = Symbols::load(&image, std::fs::read(sys.with_extension("pdb")).ok());
    let parsed = Image::parse(&image).unwrap();
    let data = parsed.section(".data").unwrap();
    let name = symbols.variable(data.rva).map(|(name, offset)| (name.to_string(), offset));
    assert_eq!(name, Some(("DeviceName".to_string(), 0)));
    assert_eq!(symbols.variable(parsed.entry_rva()), None, "code is no variable");
}

#[test]
fn a_pdb_of_another_driver_is_refused_with_both_guids() {
    let with_pdb: Vec<_> = drivers().into_iter().filter(|(_, _, pdb)| pdb.is_some()).collect();
    let [(_, image, _), (_, _, pdb), ..] = with_pdb.as_slice() else {
        panic!("two drivers with a PDB are needed");
    };
    let (symbols, notes) = Symbols::load(image, pdb.clone());
    assert!(notes[0].contains("does not belong to this image: GUID "), "{notes:?}");
    let guid = Image::parse(image).unwrap().codeview().unwrap().unwrap().guid_text();
    assert!(notes[0].contains(&format!("expected GUID {guid} age 1.")), "{notes:?}");
    assert_ne!(symbols.kind(), SymbolKind::Pdb);
}

#[test]
fn the_pdb_to_look_for_is_a_bare_file_name() {
    for (path, image, _) in drivers().into_iter().filter(|(_, _, pdb)| pdb.is_some()) {
        let wanted = Symbols::wanted_pdb(&Image::parse(&image).unwrap());
        let expected = path.with_extension("pdb");
        assert_eq!(wanted.as_deref(), expected.file_name().unwrap().to_str());
    }
}

/// Readers keep what they have read: what was asked before must not show in an answer.
#[test]
fn look_ups_in_another_order_tell_the_same() {
    for (path, image, pdb) in drivers() {
        let (forward, _) = Symbols::load(&image, pdb.clone());
        let (backward, _) = Symbols::load(&image, pdb);
        let entry = forward.function("DriverEntry").unwrap();
        let told: Vec<_> = (0..1000).map(|offset| forward.locate(entry + offset)).collect();
        assert!(told[0].is_some(), "{}", path.display());
        for offset in (0..1000).rev() {
            let again = backward.locate(entry + offset);
            assert_eq!(again, told[offset as usize], "{} +{offset:#x}", path.display());
        }
    }
}

#[test]
fn without_a_pdb_names_are_missing_but_functions_are_not() {
    let found = drivers().into_iter().find(|(_, _, pdb)| pdb.is_some());
    let (_, image, _) = found.expect("a driver with a PDB is needed");
    let (symbols, notes) = Symbols::load(&image, None);
    assert_eq!((symbols.kind(), notes.len()), (SymbolKind::None, 0));
    let functions = Image::parse(&image).unwrap().functions().unwrap();
    let at = symbols.locate(functions[0].begin + 3).unwrap();
    assert_eq!((at.function, at.function_rva, at.offset), (None, functions[0].begin, 3));
}

#[test]
fn broken_files_give_notes_and_no_panic() {
    let all = drivers();
    let (_, image, pdb) = all.iter().find(|(_, _, pdb)| pdb.is_some()).unwrap();
    let (symbols, notes) = Symbols::load(b"no image", None);
    assert_eq!((symbols.kind(), notes.len()), (SymbolKind::None, 1));
    let pdb = pdb.as_ref().unwrap();
    for cut in [0, 1, 100, 4096, pdb.len() / 2, pdb.len() - 1] {
        let (symbols, notes) = Symbols::load(image, Some(pdb[..cut].to_vec()));
        let used = symbols.kind() == SymbolKind::Pdb;
        assert!(used || notes.iter().any(|n| n.starts_with("the PDB cannot be used")), "{notes:?}");
        for rva in (0x1000..0x1200).step_by(7) {
            symbols.locate(rva);
        }
    }
    for start in 0..60 {
        let mut broken = pdb.clone();
        broken[0x1000..].iter_mut().skip(start * 31).step_by(1009).for_each(|byte| *byte ^= 0xff);
        let (symbols, _) = Symbols::load(image, Some(broken));
        for rva in (0x1000..0x1200).step_by(7) {
            symbols.locate(rva);
        }
    }
    // DWARF with every 97th byte changed.
    let (_, image, _) = all.iter().find(|(_, _, pdb)| pdb.is_none()).unwrap();
    let debug = Image::parse(image).unwrap().section(".debug_info").unwrap().file_offset as usize;
    for start in 0..20 {
        let mut broken = image.clone();
        broken[debug..].iter_mut().skip(start).step_by(97).for_each(|byte| *byte ^= 0x55);
        let (symbols, _) = Symbols::load(&broken, None);
        for rva in (0x1000..0x1200).step_by(7) {
            symbols.locate(rva);
        }
    }
}

#[test]
fn symbols_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Symbols>();
}

#[test]
fn members_of_structures_are_found_in_a_pdb() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../drivers/buggy/unhandled-exception-filter");
    let pdb = std::fs::read(folder.join("unhandled-exception-filter.pdb")).expect("a PDB of ours");
    let wanted = [
        ("_DEVICE_OBJECT", "DeviceExtension"),
        ("_IRP", "IoStatus"),
        ("_IRP", "NoSuchMember"),
        ("_NO_SUCH_STRUCTURE", "Field"),
    ];
    let found = symbols::member_offsets(&pdb, &wanted);
    assert_eq!(found, [Some(0x40), Some(0x30), None, None]);
    assert_eq!(symbols::member_offsets(&pdb[..pdb.len() / 2], &wanted).len(), 4);
    assert_eq!(symbols::member_offsets(b"no PDB", &wanted), [None; 4]);
}
