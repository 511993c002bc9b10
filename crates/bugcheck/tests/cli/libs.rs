//! `libs`: what is missing, in roots of our own, and held against the loader of this machine.

#[allow(dead_code, reason = "the tests of the reader use all of it")]
#[path = "../../../libraries/src/writer.rs"]
pub mod writer;

use crate::rebase::Folder;
use crate::rebase::library_writer::Library;
use crate::{command, golden};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use writer::{Elf, cache};

/// A root of 64-bit Debian on which 32-bit programs have their loader and libc.
struct Root(Folder);

impl Root {
    fn new() -> Root {
        let root = Root(Folder::new());
        for (path, is_wide, triplet) in [
            ("lib64/ld-linux-x86-64.so.2", true, "x86_64-linux-gnu"),
            ("lib/ld-linux.so.2", false, "i386-linux-gnu"),
        ] {
            let mut loader = Elf::new(is_wide).file();
            loader.extend(
                format!("/lib/{triplet}/\0/usr/lib/{triplet}/\0/lib/\0/usr/lib/\0").bytes(),
            );
            root.put(path, &loader);
            let mut libc = Elf::new(is_wide);
            libc.soname = Some("libc.so.6");
            libc.gives = vec!["libc.so.6", "GLIBC_2.0", "GLIBC_2.2.5", "GLIBC_2.36"];
            root.put(&format!("lib/{triplet}/libc.so.6"), &libc.file());
        }
        root
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        let path = format!("root/{path}");
        let folder = path.rsplit_once('/').unwrap().0;
        fs::create_dir_all(self.0.join(folder)).unwrap();
        self.0.put(&path, bytes);
    }

    /// What is said of a program in it.
    fn run(&self, program: &str, more: &[&str]) -> (i32, String) {
        self.0.run(&[&["libs", "--root", "root", program], more].concat())
    }
}

const STATUS: &str = "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\n\n\
    Package: libfoo1\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\n";

#[test]
fn a_library_that_is_there_for_the_other_class_is_told_with_its_package() {
    let root = Root::new();
    root.put("var/lib/dpkg/status", STATUS.as_bytes());
    root.put("var/lib/dpkg/info/libfoo1:amd64.list", b"/usr/lib/x86_64-linux-gnu/libfoo.so.1\n");
    root.put("usr/lib/x86_64-linux-gnu/libfoo.so.1", &Elf::new(true).file());
    root.put(
        "opt/game/lib/libengine.so",
        &Elf::new(false).needs(&["libfoo.so.1", "libc.so.6"]).file(),
    );
    let mut program = Elf::program(false).needs(&["libengine.so", "libgone.so.2", "libc.so.6"]);
    program.rpath = Some("$ORIGIN/lib");
    program.wants = vec![("libc.so.6", vec!["GLIBC_2.0", "GLIBC_2.38"])];
    root.put("opt/game/game", &program.file());
    let (status, text) = root.run("/opt/game/game", &["--tree"]);
    golden::check("libs/other-class.txt", &text).unwrap();
    assert_eq!(status, 1);
    let (status, json) = root.run("root/opt/game/game", &["--format", "json"]);
    golden::check("libs/other-class.json", &json).unwrap();
    assert_eq!(status, 1);
}

const PULSE: &str = "pcm.!default { type pulse }\nctl.!default {\n    type pulse\n}\n";

/// The case that is asked for most: a 32-bit program that makes no sound.
#[test]
fn a_32_bit_process_without_its_alsa_plug_in_is_told_so() {
    let root = Root::new();
    let status = STATUS.replace("libfoo1", "libasound2-plugins");
    root.put("var/lib/dpkg/status", status.as_bytes());
    root.put("var/lib/dpkg/arch", b"amd64\ni386\n");
    let plugins = "usr/lib/x86_64-linux-gnu/alsa-lib";
    let both = ["pcm", "ctl"].map(|kind| format!("{plugins}/libasound_module_{kind}_pulse.so"));
    let list: String = both.iter().map(|path| format!("/{path}\n")).collect();
    root.put("var/lib/dpkg/info/libasound2-plugins:amd64.list", list.as_bytes());
    for path in &both {
        root.put(path, &Elf::new(true).needs(&["libc.so.6"]).file());
    }
    root.put("etc/asound.conf", PULSE.as_bytes());
    for (is_wide, triplet) in [(true, "x86_64-linux-gnu"), (false, "i386-linux-gnu")] {
        root.put(&format!("usr/lib/{triplet}/libasound.so.2"), &Elf::new(is_wide).file());
    }
    root.put("opt/game", &Elf::program(false).needs(&["libasound.so.2"]).file());
    let (status, text) = root.run("/opt/game", &[]);
    let words = "the 32-bit process finds no alsa-lib/libasound_module_pcm_pulse.so: only the 64-bit one is \
        installed, at /usr/lib/x86_64-linux-gnu/alsa-lib/libasound_module_pcm_pulse.so";
    assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(words), "{text}");
    golden::check("libs/alsa.txt", &text).unwrap();
    assert_eq!(status, 1);
    // The 64-bit one has it.
    root.put("opt/player", &Elf::program(true).needs(&["libasound.so.2"]).file());
    assert_eq!(root.run("/opt/player", &[]).0, 0);
    // Where the library is only named, it may matter.
    let mut named = Elf::program(false);
    (named.imports, named.texts) = (vec!["dlopen"], vec!["libasound.so.2"]);
    root.put("opt/named", &named.file());
    let (status, text) = root.run("/opt/named", &[]);
    assert!(
        status == 0
            && text.contains("only for 64-bit x86-64; apt install libasound2-plugins:i386:\n")
            && text.contains("alsa-lib/libasound_module_pcm_pulse.so"),
        "{text}"
    );
}

const RECORD: &str = "crates/libraries/tests/records/demo.strace";

/// `strace -f -o` of a program that loads four libraries by name and then starts another that does not start; only
/// the calls that matter here were kept.
#[test]
fn a_record_of_strace_tells_what_was_tried_and_what_came_of_it() {
    let root = Root::new();
    let here = root.0.join("root");
    let here = here.to_str().unwrap();
    let ran = crate::run(&["libs", RECORD, "--root", here]);
    golden::check("libs/record.txt", &ran.out).unwrap();
    assert_eq!(ran.status, 1, "{}", ran.error);
    // What is there for others is looked up in the root.
    root.put("usr/lib/x86_64-linux-gnu/libnothere.so.3", &Elf::new(false).file());
    let ran = crate::run(&["libs", RECORD, "--root", here, "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let missing = json["programs"][0]["missing"].as_array().unwrap();
    let one = missing.iter().find(|it| it["what"] == "libnothere.so.3").unwrap();
    assert_eq!(one["elsewhere"][0]["why"], "other-class");
    assert_eq!(json["programs"][0]["libraries"][1]["name"], "libc.so.6");
}

#[test]
fn records_without_libraries_and_hostile_ones_are_refused_or_read() {
    let folder = Folder::new();
    folder.put("empty.strace", b"1 exit_group(0) = ?\n1 +++ exited with 0 +++\n");
    let (status, text) = folder.run(&["libs", "empty.strace"]);
    assert!(status == 2 && text.contains("strace -f -o FILE PROGRAM"), "{text}");
    let line = "7 openat(AT_FDCWD, \"/x/lib\\33[31m.so\", O_RDONLY) = -1 ENOENT (No such file)\n";
    folder.put("bad.strace", line.repeat(3).as_bytes());
    let (status, text) = folder.run(&["libs", "bad.strace"]);
    assert!(status == 1 && !text.contains('\u{1b}') && text.contains("process 7"), "{text}");
}

#[test]
fn a_process_that_runs_is_looked_at() {
    let child = Command::new("sleep").arg("60").spawn();
    let Ok(mut child) = child else {
        println!("SKIPPED: there is no sleep here");
        return;
    };
    // Until it is the program that it will be.
    std::thread::sleep(std::time::Duration::from_millis(200));
    let ran = crate::run(&["libs", &child.id().to_string(), "--all"]);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.error);
    assert!(ran.out.contains(&format!("(process {})", child.id())), "{}", ran.out);
    let gone = crate::run(&["libs", "4194303"]);
    assert!(gone.status == 2 && gone.error.contains("no such process"), "{}", gone.error);
}

#[test]
fn a_program_of_windows_is_followed_by_its_imports() {
    let image = |machine: u16, imports: &[&'static str], exports: &[&'static str]| {
        let mut it = Library::new(machine, 0x1000_0000);
        (it.imports, it.exports) = (imports.to_vec(), exports.to_vec());
        it.file()
    };
    let root = Root::new();
    let program = ["own.dll", "KERNEL32.dll", "narrow.dll", "MSVCP140.dll", "gone.dll"];
    root.put("App/app.exe", &image(0x8664, &program, &[]));
    root.put("App/Own.dll", &image(0x8664, &["api-ms-win-core-file-l1-1-0.dll"], &[]));
    root.put("App/narrow.dll", &image(0x14c, &[], &["F"]));
    root.put("Windows/System32/kernel32.dll", &image(0x8664, &[], &["F"]));
    let (status, text) = root.run("App/app.exe", &["--tree"]);
    golden::check("libs/windows.txt", &text).unwrap();
    assert_eq!(status, 1);
    let (_, json) = root.run("App/app.exe", &["--format", "json"]);
    golden::check("libs/windows.json", &json).unwrap();
    // Outside of the Windows that is given, and without any.
    root.0.put("out.exe", &image(0x8664, &["kernel32.dll"], &[]));
    let (status, text) = root.run("out.exe", &[]);
    assert_eq!(status, 0, "{text}");
    let (status, text) = root.0.run(&["libs", "out.exe"]);
    assert!(status == 0 && text.contains("no Windows was given"), "{text}");
    let driver =
        crate::run(&["libs", "drivers/buggy/irp-double-completion/irp-double-completion.sys"]);
    assert!(driver.status == 3 && driver.error.contains("--imports"), "{}", driver.error);
}

#[test]
fn nothing_missing_is_status_zero_and_all_is_shown_when_asked() {
    let root = Root::new();
    let mut program = Elf::program(true).needs(&["liba.so", "libc.so.6"]);
    program.runpath = Some("/opt/lib");
    program.imports = vec!["dlopen"];
    program.texts = vec!["liba.so.9", "libc.so.6"];
    root.put("bin/app", &program.file());
    root.put("opt/liba.so", &Elf::new(true).file());
    root.put("etc/ld.so.cache", &cache(&[("liba.so", "/opt/liba.so", 0x303, None)]));
    let (status, text) = root.run("/bin/app", &["--all"]);
    golden::check("libs/all.txt", &text).unwrap();
    assert_eq!(status, 0);
    assert!(root.run("/bin/app", &["--env", "LD_PRELOAD=libhook.so"]).1.contains("libhook.so"));
}

#[test]
fn nothing_outside_of_a_root_is_read_and_nothing_of_a_file_reaches_the_terminal() {
    let root = Root::new();
    root.put("bin/app", &Elf::program(true).needs(&["lib\u{1b}[31mx.so", "libout.so"]).file());
    root.0.put("libout.so", &Elf::new(true).file());
    std::os::unix::fs::symlink("../../../libout.so", root.0.join("root/lib/libout.so")).unwrap();
    std::os::unix::fs::symlink("loop.so", root.0.join("root/lib/loop.so")).unwrap();
    let (status, text) = root.run("/bin/app", &[]);
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("finds no libout.so: none is installed"), "{text}");
    assert!(!text.contains('\u{1b}') && text.contains("lib\\u{1b}[31mx.so"), "{text}");
    let refused = |program: &str, status: i32, words: &str| {
        let (is, text) = root.run(program, &[]);
        assert!(is == status && text.contains(words), "{is} {text}");
    };
    refused("/bin/none", 2, "no such file");
    refused("/lib/loop.so", 2, "no such file");
    refused("/bin", 2, "no plain file");
    root.put("bin/script", b"#!/bin/sh\n");
    refused("/bin/script", 2, "e_ident");
    let mut other = Elf::program(true);
    other.interpreter = Some("/system/bin/linker64");
    root.put("bin/android", &other.file());
    refused("/bin/android", 3, "/system/bin/linker64");
    assert_eq!(root.0.run(&["libs", "--root", "nowhere", "x"]).0, 2);
    assert_eq!(root.0.run(&["libs", "--env", "x", "x"]).0, 2);
}

/// What the loader of this machine would load, of each program: pairs of name and path.
#[test]
fn programs_of_this_machine_get_what_their_loader_gives_them() {
    let loader = Path::new("/lib64/ld-linux-x86-64.so.2");
    if !loader.exists() || !cfg!(target_arch = "x86_64") {
        println!("SKIPPED: there is no glibc for x86-64 here");
        return;
    }
    let mut compared = 0;
    let folder = fs::read_dir("/usr/bin").unwrap();
    let mut programs: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    programs.sort();
    // Every seventh: enough kinds, and quick.
    for program in programs.iter().step_by(7) {
        let is_elf = fs::read(program).is_ok_and(|bytes| bytes.starts_with(b"\x7fELF\x02"));
        if !is_elf {
            continue;
        }
        let traced = Command::new(loader)
            .arg("--list")
            .arg(program)
            .env_remove("LD_LIBRARY_PATH")
            .env_remove("LD_PRELOAD")
            .output()
            .unwrap();
        let text = String::from_utf8(traced.stdout).unwrap();
        let expected: BTreeSet<(String, String)> = text
            .lines()
            .filter_map(|line| line.trim().split_once(" => "))
            .map(|(name, path)| (name.to_owned(), path.split(" (").next().unwrap().to_owned()))
            .filter(|(name, path)| !path.contains("not found") && !name.contains("ld-linux"))
            .collect();
        if expected.is_empty() {
            continue;
        }
        let ran = command(&["libs", "--format", "json", program.to_str().unwrap()])
            .env_remove("LD_LIBRARY_PATH")
            .env_remove("LD_PRELOAD")
            .output()
            .unwrap();
        let json: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
        let libraries = json["programs"][0]["libraries"].as_array().unwrap();
        let found: BTreeSet<(String, String)> = libraries
            .iter()
            .filter(|library| library["of_plugin"] == false)
            .skip(1)
            .map(|it| {
                (it["name"].as_str().unwrap().to_owned(), it["path"].as_str().unwrap().to_owned())
            })
            .filter(|(name, _)| !name.contains("ld-linux"))
            .collect();
        assert_eq!(found, expected, "{}", program.display());
        compared += 1;
    }
    assert!(compared > 10, "only {compared} programs were compared");
}
