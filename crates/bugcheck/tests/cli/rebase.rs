//! `rebase`: collisions shown, files changed, and whole whenever the work is broken off.

#[allow(dead_code, reason = "the tests of the reader use all of it")]
#[path = "../../../pe/src/library_writer.rs"]
pub mod library_writer;

use crate::{command, golden};
use library_writer::{DATA, Library};
use pe::Image;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

const I386: u16 = 0x14c;
const AMD64: u16 = 0x8664;

/// A folder of this test's own, removed with it.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let home = home.join(format!("rebase-{}-{number}", std::process::id()));
        fs::create_dir_all(&home).unwrap();
        Folder(home)
    }

    pub fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// What a run inside the folder says: no path in it is of this machine.
    pub fn run(&self, arguments: &[&str]) -> (i32, String) {
        let output = command(arguments).current_dir(&self.0).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    }

    /// Where a name in it is.
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn library(machine: u16, base: u64) -> Library {
    let mut it = Library::new(machine, base);
    it.data = vec![0x11; 0x100];
    let kind = if machine == I386 { 3 } else { 10 };
    it.relocations = vec![(kind, DATA), (kind, DATA + 0x40)];
    it
}

fn base_of(path: &Path) -> u64 {
    Image::parse(&fs::read(path).unwrap()).unwrap().image_base()
}

/// Two that want the same, one beside them, one of every reason to stay.
fn set() -> Folder {
    let folder = Folder::new();
    folder.put("a.dll", &library(I386, 0x1000_0000).file());
    let mut b = library(I386, 0x1000_0000);
    b.size = 0x2_8000;
    folder.put("b\u{1b}[31m.dll", &b.file());
    folder.put("c.dll", &library(I386, 0x2000_0000).file());
    let mut stripped = library(I386, 0x1001_0000);
    stripped.characteristics |= 1;
    folder.put("stripped.dll", &stripped.file());
    let mut signed = library(I386, 0x1002_0000);
    signed.signature = Some(vec![1; 0x20]);
    folder.put("signed.dll", &signed.file());
    let mut random = library(I386, 0x1000_0000);
    random.dll_characteristics = 0x40;
    folder.put("random.dll", &random.file());
    folder.put("cut.dll", &library(I386, 0x1000_0000).file()[..0x100]);
    folder.put("readme.txt", b"nothing");
    let mut program = library(I386, 0x40_0000);
    program.characteristics = 0x102;
    folder.put("program.exe", &program.file());
    folder
}

#[test]
fn a_folder_is_shown_as_a_map_and_nothing_is_changed() {
    let folder = set();
    let before: Vec<Vec<u8>> =
        folder.names().iter().map(|name| fs::read(folder.0.join(name)).unwrap()).collect();
    let (status, text) = folder.run(&["rebase", "."]);
    assert_eq!(status, 1);
    assert!(!text.contains('\u{1b}'));
    golden::check("rebase/folder.txt", &text).unwrap();
    let after: Vec<Vec<u8>> =
        folder.names().iter().map(|name| fs::read(folder.0.join(name)).unwrap()).collect();
    assert!(before == after);
    let (status, json) = folder.run(&["rebase", ".", "--format", "json"]);
    assert_eq!(status, 1);
    golden::check("rebase/folder.json", &json).unwrap();
}

#[test]
fn what_collides_gets_an_address_of_its_own() {
    let folder = set();
    let (status, text) = folder.run(&["rebase", ".", "--apply", "--signed"]);
    golden::check("rebase/applied.txt", &text).unwrap();
    assert_eq!(status, 0);
    let moved = folder.0.join("b\u{1b}[31m.dll");
    assert_eq!((base_of(&folder.0.join("a.dll")), base_of(&moved)), (0x1000_0000, 0x6ffd_0000));
    let backup = folder.0.join("b\u{1b}[31m.dll.before-rebase");
    assert_eq!(base_of(&backup), 0x1000_0000);
    let bytes = fs::read(&moved).unwrap();
    let image = Image::parse(&bytes).unwrap();
    assert_eq!(image.checksum(), image.computed_checksum());
    // Done once, there is nothing left to do.
    let (status, text) = folder.run(&["rebase", ".", "--apply"]);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("0 images were moved"), "{text}");
}

#[test]
fn a_program_is_followed_to_its_libraries_and_theirs() {
    let folder = Folder::new();
    fs::create_dir(folder.0.join("lib")).unwrap();
    let mut program = library(AMD64, 0x1_4000_0000);
    program.characteristics = 0x22;
    program.imports = vec!["FIRST.dll", "KERNEL32.dll"];
    folder.put("program.exe", &program.file());
    let mut first = library(AMD64, 0x1_8000_0000);
    first.imports = vec!["second.DLL", "first.dll"];
    folder.put("first.dll", &first.file());
    folder.put("lib/Second.dll", &library(AMD64, 0x1_8000_0000).file());
    folder.put("unrelated.dll", &library(AMD64, 0x1_8000_0000).file());
    // Of another processor: the loader would pass it over.
    folder.put("second.dll", &library(I386, 0x1000_0000).file());
    let (status, text) = folder.run(&["rebase", "program.exe", "--search", "lib"]);
    golden::check("rebase/program.txt", &text).unwrap();
    assert_eq!(status, 1);
    let (_, text) = folder.run(&["rebase", "program.exe"]);
    assert!(text.contains("KERNEL32.dll, second.DLL"), "{text}");
}

#[test]
fn dynamic_base_is_taken_only_where_asked() {
    let folder = Folder::new();
    for name in ["a.dll", "b.dll"] {
        let mut it = library(AMD64, 0x1_8000_0000);
        it.dll_characteristics = 0x160;
        folder.put(name, &it.file());
    }
    assert_eq!(folder.run(&["rebase", "."]).0, 0);
    let (status, text) = folder.run(&["rebase", ".", "--no-dynamic-base", "--apply"]);
    assert_eq!(status, 0, "{text}");
    let bytes = fs::read(folder.0.join("b.dll")).unwrap();
    let image = Image::parse(&bytes).unwrap();
    assert_eq!((image.image_base(), image.dll_characteristics()), (0x3_ffff_0000, 0x120));
}

#[test]
fn files_that_must_not_be_replaced_are_left_alone() {
    let folder = Folder::new();
    folder.put("a.dll", &library(I386, 0x1000_0000).file());
    let locked = folder.put("b.dll", &library(I386, 0x1000_0000).file());
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o444)).unwrap();
    let linked = folder.put("c.dll", &library(I386, 0x1000_0000).file());
    fs::hard_link(&linked, folder.0.join("d.so")).unwrap();
    std::os::unix::fs::symlink("a.dll", folder.0.join("e.dll")).unwrap();
    let inode = fs::metadata(&linked).unwrap().ino();
    let (status, text) = folder.run(&["rebase", ".", "--apply", "--all"]);
    assert_eq!(status, 1, "two of them cannot be parted: {text}");
    assert!(text.contains("it is read-only") && text.contains("2 names"), "{text}");
    assert_eq!((base_of(&locked), base_of(&linked)), (0x1000_0000, 0x1000_0000));
    assert_eq!(fs::metadata(&linked).unwrap().ino(), inode);
    // Through the link the file itself was found, once.
    assert!(fs::symlink_metadata(folder.0.join("e.dll")).unwrap().is_symlink());
    assert_eq!(base_of(&folder.0.join("a.dll")), 0x6fff_0000);
}

/// The process is killed at another moment each time. Every file is the old or the new one, every backup is
/// whole, and the next run does the rest.
#[test]
fn broken_off_at_any_moment_every_file_is_whole() {
    let old = library(I386, 0x1000_0000).file();
    let mut killed = 0;
    for attempt in 0..60u64 {
        let folder = Folder::new();
        for index in 0..12 {
            folder.put(&format!("m{index:02}.dll"), &old);
        }
        let path = folder.0.to_str().unwrap();
        let mut child = command(&["rebase", path, "--apply"])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_micros(attempt * 400));
        let _ = child.kill();
        killed += usize::from(child.wait().unwrap().code().is_none());
        for name in folder.names() {
            let path = folder.0.join(&name);
            if name.ends_with(".under-way") {
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            if name.ends_with(".before-rebase") {
                assert!(bytes == old, "{name}");
                continue;
            }
            let image = Image::parse(&bytes).unwrap();
            let is_new =
                image.checksum() == image.computed_checksum() && image.image_base() > 0x6000_0000;
            assert!(bytes == old || is_new, "{name}");
            assert!(!is_new || folder.0.join(format!("{name}.before-rebase")).exists(), "{name}");
        }
        let (status, text) = folder.run(&["rebase", ".", "--apply"]);
        assert_eq!(status, 0, "{text}");
        let bases: std::collections::BTreeSet<u64> =
            (0..12).map(|index| base_of(&folder.0.join(format!("m{index:02}.dll")))).collect();
        assert_eq!(bases.len(), 12);
    }
    assert!(killed > 0, "no run was long enough to be broken off");
}

#[test]
fn wrong_usage_says_what_to_give() {
    let folder = Folder::new();
    let refused = |arguments: &[&str], words: &str| {
        let (status, text) = folder.run(arguments);
        assert_eq!(status, 2, "{text}");
        assert!(text.contains(words), "{text}");
    };
    folder.put("readme.txt", b"nothing");
    refused(&["rebase", "."], "no library");
    refused(&["rebase", "readme.txt"], "no image");
    refused(&["rebase", "none.dll"], "cannot be read");
    refused(&["rebase", ".", "--up"], "--base");
    refused(&["rebase", ".", "--base", "here"], "hexadecimal");
    folder.put("cut.dll", &library(I386, 0x1000_0000).file()[..0x100]);
    refused(&["rebase", "."], "cut.dll");
}
