//! A rebased file loads as the old one would have been loaded, wherever it is put.

use crate::library_writer::{COFF, DATA, Library, OPTIONAL};
use crate::{Image, NewBase};
use proptest::prelude::*;

const I386: u16 = 0x14c;
const AMD64: u16 = 0x8664;
const ARM: u16 = 0x1c4;
const ARM64: u16 = 0xaa64;

fn to(base: u64) -> NewBase {
    NewBase { base, fixed: false, timestamp: None }
}

/// What the loader has in memory, but for fields of the header that may differ, and for low halves in the
/// relocation table, which nobody reads once it was applied.
fn loaded(file: &[u8], base: u64) -> Vec<u8> {
    let mut memory = Image::parse(file).unwrap().map_at(base).unwrap();
    memory[OPTIONAL + 64..OPTIONAL + 68].fill(0);
    memory[0x4000..].fill(0);
    memory
}

/// A library with relocations of every kind of its processor, over bytes that say anything.
fn library() -> impl Strategy<Value = Library> {
    let kinds = |machine: u16| match machine {
        I386 => vec![1u16, 2, 3, 4],
        ARM => vec![3, 5, 7],
        _ => vec![1, 2, 3, 4, 10],
    };
    let machine = prop::sample::select(vec![I386, AMD64, ARM, ARM64]);
    let data = prop::collection::vec(any::<u8>(), 0x800);
    machine
        .prop_flat_map(move |machine| {
            let kind = prop::sample::select(kinds(machine));
            let places = prop::collection::btree_set(0u32..0x100, 0..40);
            let kinds = prop::collection::vec((kind, any::<u16>()), 40);
            (Just(machine), places, kinds)
        })
        .prop_flat_map(move |it| (Just(it), data.clone(), 0x100u64..0x5000))
        .prop_map(|((machine, places, kinds), data, base)| {
            let mut library = Library::new(machine, base << 16);
            library.data = data;
            for (place, (kind, low)) in places.into_iter().zip(kinds) {
                // Eight bytes each, so that no two touch.
                library.relocations.push((kind, DATA + place * 8));
                if kind == 4 {
                    library.relocations.push((0, low.into()));
                }
            }
            library
        })
}

proptest! {
    #[test]
    fn a_rebased_image_loads_as_the_old_one_does(
        library in library(), first in 0x100u64..0x6000, second in 0x100u64..0x6000,
    ) {
        let (first, second) = (first << 16, second << 16);
        let file = library.file();
        let moved = Image::parse(&file).unwrap().rebased(to(first)).unwrap();
        prop_assert_eq!(moved.len(), file.len());
        prop_assert_eq!(Image::parse(&moved).unwrap().image_base(), first);
        prop_assert!(loaded(&moved, first) == loaded(&file, first));
        // And moved on by the loader it is the same again.
        prop_assert!(loaded(&moved, second) == loaded(&file, second));
        // There and back nothing is left of it but the checksum.
        let mut back = Image::parse(&moved).unwrap().rebased(to(library.base)).unwrap();
        back[OPTIONAL + 64..OPTIONAL + 68].copy_from_slice(&file[OPTIONAL + 64..OPTIONAL + 68]);
        prop_assert!(back == file);
    }
}

#[test]
fn the_checksum_is_right_again_and_flags_and_stamp_are_as_asked() {
    let mut library = Library::new(AMD64, 0x1_8000_0000);
    library.dll_characteristics = 0x160;
    let file = library.file();
    let asked = NewBase { base: 0x3_0000_0000, fixed: true, timestamp: Some(5) };
    let moved = Image::parse(&file).unwrap().rebased(asked).unwrap();
    let image = Image::parse(&moved).unwrap();
    assert_eq!(image.checksum(), image.computed_checksum());
    assert_eq!((image.dll_characteristics(), image.timestamp()), (0x120, 5));
    let changed: Vec<usize> = (0..file.len()).filter(|at| file[*at] != moved[*at]).collect();
    let fields = |at: &usize| {
        (COFF + 4..COFF + 8).contains(at)
            || (OPTIONAL + 24..OPTIONAL + 32).contains(at)
            || (OPTIONAL + 64..OPTIONAL + 72).contains(at)
    };
    assert!(changed.iter().all(fields), "{changed:x?}");
}

#[test]
fn an_image_without_a_checksum_gets_none() {
    let mut file = Library::new(I386, 0x1000_0000).file();
    file[OPTIONAL + 64..OPTIONAL + 68].fill(0);
    let moved = Image::parse(&file).unwrap().rebased(to(0x2000_0000)).unwrap();
    assert_eq!(Image::parse(&moved).unwrap().checksum(), 0);
}

#[test]
fn a_signature_is_taken_out() {
    let mut library = Library::new(AMD64, 0x1_8000_0000);
    let plain = library.file();
    library.signature = Some(vec![7; 0x40]);
    let signed = library.file();
    assert!(Image::parse(&signed).unwrap().certificates().is_some());
    let moved = Image::parse(&signed).unwrap().rebased(to(0x3_0000_0000)).unwrap();
    assert_eq!((Image::parse(&moved).unwrap().certificates(), moved.len()), (None, plain.len()));
    // Where something follows it, it stays as bytes without a meaning.
    let mut followed = signed;
    followed.push(1);
    let moved = Image::parse(&followed).unwrap().rebased(to(0x3_0000_0000)).unwrap();
    assert_eq!((Image::parse(&moved).unwrap().certificates(), moved.len()), (None, followed.len()));
}

#[test]
fn what_cannot_be_moved_says_why() {
    let refused = |file: &[u8], base: u64, words: &str| {
        let error = Image::parse(file).unwrap().rebased(to(base)).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    };
    let plain = Library::new(I386, 0x1000_0000);
    refused(&plain.file(), 0x1000_1000, "not a multiple of 64 KiB");
    refused(&plain.file(), 0x1_0000_0000, "cannot stand at");
    let mut stripped = Library::new(I386, 0x1000_0000);
    stripped.characteristics |= 1;
    refused(&stripped.file(), 0x2000_0000, "stripped");
    let mut outside = Library::new(I386, 0x1000_0000);
    outside.relocations = vec![(3, 0x3000)];
    refused(&outside.file(), 0x2000_0000, "RVA 0x3000");
    let mut kind = Library::new(I386, 0x1000_0000);
    kind.relocations = vec![(7, DATA)];
    refused(&kind.file(), 0x2000_0000, "not one of 32-bit x86");
    // Both sections from one place in the file: what is moved in one is moved in the other.
    let mut shared = Library::new(I386, 0x1000_0000);
    shared.relocations = vec![(3, DATA)];
    let mut file = shared.file();
    let table = OPTIONAL + 224;
    file[table + 20..table + 24].copy_from_slice(&0x600u32.to_le_bytes());
    refused(&file, 0x2000_0000, "share bytes");
}

#[test]
fn what_an_image_is_bound_to_is_read() {
    let mut library = Library::new(I386, 0x1000_0000);
    library.bound = Some("OTHER.dll");
    let file = library.file();
    let image = Image::parse(&file).unwrap();
    assert_eq!(image.bound_modules().unwrap(), ["OTHER.dll"]);
    for length in 0..file.len() {
        // However it is cut off, an answer or an error.
        if let Ok(image) = Image::parse(&file[..length]) {
            let _ = image.bound_modules();
        }
    }
}
