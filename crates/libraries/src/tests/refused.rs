//! Files that are no programs, and hostile ones.

use super::Root;
use crate::cache::Cache;
use crate::writer::{Elf, cache};
use crate::{Refusal, Wish, elf};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn refused(bytes: &[u8]) -> Refusal {
    let mut root = Root::debian();
    root.put("/bin/a", bytes);
    crate::program(&root, "/bin/a", &Wish::default()).unwrap_err()
}

#[test]
fn what_is_no_program_is_refused_in_a_sentence() {
    let input = |bytes: &[u8], words: &str| match refused(bytes) {
        Refusal::Input(text) => assert!(text.contains(words) && text.ends_with('.'), "{text}"),
        other => panic!("{other:?}"),
    };
    input(b"", "e_ident at file offset 0x0");
    input(b"#!/bin/sh\n", "e_ident");
    input(b"\x7fELF\x03", "there is no class 3");
    let mut object = Elf::new(true);
    object.kind = 1;
    input(&object.file(), "an object");
    let mut other = Elf::program(true);
    other.interpreter = Some("/system/bin/linker64");
    assert!(
        matches!(refused(&other.file()), Refusal::Unsupported(text) if text.contains("linker64"))
    );
}

#[test]
fn everything_of_a_file_is_read() {
    for is_wide in [false, true] {
        let mut it = Elf::program(is_wide).needs(&["liba.so", "libb.so"]);
        (it.soname, it.rpath, it.runpath) = (Some("libself.so"), Some("/r"), Some("/u"));
        it.imports = vec!["dlopen", "getpwnam", "other"];
        it.wants = vec![("liba.so", vec!["A_1", "?A_2"]), ("libb.so", vec!["B_1"])];
        it.gives = vec!["libself.so", "S_1"];
        it.flags_1 = 0x800;
        it.texts = vec!["libtext.so.7"];
        let asked = BTreeSet::from(["getpwnam".to_owned(), "absent".to_owned()]);
        let read = elf::Elf::read(&it.file(), &asked).unwrap();
        assert_eq!(read.lost, []);
        assert_eq!(read.needed, ["liba.so", "libb.so"]);
        let names = (read.soname.as_deref(), read.rpath.as_deref(), read.runpath.as_deref());
        assert_eq!(names, (Some("libself.so"), Some("/r"), Some("/u")));
        assert!(read.opens && read.no_default && read.is_dynamic);
        assert_eq!(read.imports.iter().collect::<Vec<_>>(), ["getpwnam"]);
        let wants: Vec<(&str, &str, bool)> = read
            .wants
            .iter()
            .map(|it| (it.library.as_str(), it.version.as_str(), it.is_weak))
            .collect();
        assert_eq!(
            wants,
            [("liba.so", "A_1", false), ("liba.so", "A_2", true), ("libb.so", "B_1", false)]
        );
        assert_eq!(read.gives, ["libself.so", "S_1"]);
        assert_eq!(read.names, ["libtext.so.7"]);
    }
}

#[test]
fn a_cache_behind_an_old_one_is_read() {
    let inner = cache(&[("liba.so", "/l/liba.so", 3, None)]);
    let mut both = b"ld.so-1.7.0\0".to_vec();
    both.extend(1u32.to_le_bytes());
    both.extend([0; 12]);
    both.resize(both.len().next_multiple_of(8), 0);
    both.extend(&inner);
    for bytes in [inner, both] {
        let read = Cache::read(&bytes).unwrap();
        assert_eq!(read.find("liba.so", 3, &[]).unwrap().path, "/l/liba.so");
        assert!(read.find("liba.so", 0x303, &[]).is_none() && read.lost.is_none());
    }
    assert!(Cache::read(b"ld.so-1.7.0\0").is_err());
    assert!(Cache::read(b"").is_err());
    let mut many = cache(&[]);
    many[20..24].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(Cache::read(&many).unwrap_err().to_string().contains("room for 0"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A byte changed anywhere does no harm.
    #[test]
    fn damaged_files_are_read_as_far_as_they_go(
        is_wide: bool,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut it = Elf::program(is_wide).needs(&["liba.so"]);
        it.imports = vec!["dlopen"];
        it.wants = vec![("liba.so", vec!["A_1"])];
        it.gives = vec!["G_1"];
        let mut file = it.file();
        for (at, value) in &changes {
            let at = at.index(file.len());
            file[at] = *value;
        }
        let _ = elf::Elf::read(&file, &BTreeSet::new());
        let mut bytes = cache(&[("liba.so", "/l/liba.so", 3, Some("x")), ("b", "/b", 0x303, None)]);
        for (at, value) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
        let _ = Cache::read(&bytes);
        let _ = elf::Elf::read(&file[..file.len() / 2], &BTreeSet::new());
    }
}
