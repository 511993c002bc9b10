//! Files that are no drivers: one sentence each, naming file, offset and what to do.

use crate::scratch::Scratch;
use crate::{golden, root, run};

const GOOD: &str = "drivers/clean/write-slot/write-slot.sys";

/// The good driver with bytes at an offset from its PE signature changed.
fn changed(offset: usize, bytes: &[u8]) -> Vec<u8> {
    let mut image = std::fs::read(root().join(GOOD)).unwrap();
    let signature = u32::from_le_bytes(image[0x3c..0x40].try_into().unwrap()) as usize;
    image[signature + offset..][..bytes.len()].copy_from_slice(bytes);
    image
}

fn refuses(name: &str, bytes: &[u8], status: i32) {
    let file = Scratch::new(&format!("{name}.sys"), bytes);
    let path = file.path();
    let ran = run(&["test", path]);
    assert_eq!((ran.status, ran.out.as_str()), (status, ""), "{}", ran.error);
    assert_eq!(ran.error.lines().count(), 1, "{}", ran.error);
    assert!(ran.error.starts_with("bugcheck: "), "{}", ran.error);
    let text = ran.error.replace(path, &format!("{name}.sys"));
    golden::check(&format!("refused/{name}.txt"), &text).unwrap();
}

#[test]
fn no_pe_image() {
    refuses("text", b"[section]\nkey = value\n", 2);
    refuses("empty", b"", 2);
    refuses("elf", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0", 2);
}

#[test]
fn a_truncated_image() {
    let image = std::fs::read(root().join(GOOD)).unwrap();
    refuses("truncated-headers", &image[..0x100], 2);
    refuses("truncated-sections", &image[..image.len() / 2], 2);
}

#[test]
fn every_length_is_refused_in_one_sentence_or_run() {
    let image = std::fs::read(root().join(GOOD)).unwrap();
    for length in [1, 2, 63, 64, 65, 0x80, 0x98, 0x180, 0x1f8, 0x300, 0x400, 0x401] {
        let file = Scratch::new(&format!("cut-{length}.sys"), &image[..length.min(image.len())]);
        let ran = run(&["test", file.path(), "--time", "100ms"]);
        assert_eq!(ran.status, 2, "{length}: {}", ran.error);
        assert_eq!(ran.error.lines().count(), 1, "{length}: {}", ran.error);
    }
}

#[test]
fn another_processor_is_not_supported() {
    refuses("machine-arm64", &changed(4, &0xaa64u16.to_le_bytes()), 3);
    let mut image = changed(4, &0x14cu16.to_le_bytes());
    let signature = u32::from_le_bytes(image[0x3c..0x40].try_into().unwrap()) as usize;
    image[signature + 24..][..2].copy_from_slice(&0x10bu16.to_le_bytes());
    refuses("machine-i386", &image, 3);
}

#[test]
fn a_user_mode_image() {
    refuses("user-mode", &changed(24 + 68, &3u16.to_le_bytes()), 2);
}

#[test]
fn a_folder_and_a_missing_file() {
    for (path, problem) in [("drivers", "a folder"), ("no-such.sys", "no such file")] {
        let ran = run(&["test", path]);
        assert_eq!(ran.status, 2);
        assert!(ran.error.starts_with(&format!("bugcheck: {path}: ")), "{}", ran.error);
        assert!(ran.error.contains(problem), "{}", ran.error);
    }
}

#[test]
fn a_name_cannot_write_to_the_terminal() {
    let ran = run(&["test", "no\x1b[31msuch\u{202e}.sys"]);
    assert_eq!(ran.status, 2);
    assert!(!ran.error.contains(['\x1b', '\u{202e}']), "{:?}", ran.error);
}
