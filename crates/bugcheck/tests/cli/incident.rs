//! `bugcheck explain` on the files of one incident: a dump of the bench, the driver, its INF, logs.

use crate::scratch::Scratch;
use crate::{golden, root, run};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// On a clock an hour ahead of the dump's midnight.
const SETUP: &str = "\
[Device Install Log]
     OS Version = 10.0.19045
     Architecture = amd64

[BeginLog]

[Boot Session: 2019/12/31 20:00:00.500]

>>>  [Device Install (Hardware initiated) - PCI\\VEN_1B36&DEV_0017&SUBSYS_00171B36&REV_01\\3&11583659&0&18]
>>>  Section start 2020/01/01 00:58:50.000
     dvi: {Build Driver List} 00:58:50.100
     dvi:      Searching for hardware ID(s):
     dvi:           pci\\ven_1b36&dev_0017&subsys_00171b36&rev_01
     dvi:           pci\\ven_1b36&dev_0017
     dvi: {Build Driver List - exit(0x00000000)} 00:58:50.900
     dvi: {DIF_SELECTBESTCOMPATDRV} 00:58:50.900
     dvi:      Selected:
     dvi:           InfFile     - [C:\\Windows\\INF\\oem7.inf]
     dvi:           Section     - [Card_Install]
     dvi: {DIF_SELECTBESTCOMPATDRV - exit(0xe000020e)} 00:58:50.910
     inf:      {Configure Driver: Card}
     inf:           {Add Service: NullPointer}
     inf:                Start Type    = 3
     inf:                Image Path    = \\SystemRoot\\System32\\drivers\\null-pointer.sys
     inf:                Created new service 'NullPointer'.
     inf:           {Add Service: exit(0x00000000)}
     inf:      {Configure Driver: exit(0x00000000)}
!!!  dvi:      Device not started: Device has problem: 0x0a (CM_PROB_FAILED_START), problem status: 0xc0000001.
<<<  Section end 2020/01/01 00:59:00.000
<<<  [Exit status: FAILURE(0xe0000203)]
";

/// The host of the virtual machine that crashed: no year, no zone, and a sequence for terminals.
const MESSAGES: &str = "\
Dec 31 23:50:00 host kernel: blk_update_request: I/O error, dev sda, sector 1952 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 0
Jan  1 00:59:40 host kernel: vfio-pci 0000:01:00.0: enabling device (0000 -> 0003)
Jan  1 00:59:59 host qemu[77]: guest \u{1b}[31mpaused</td><script>alert(1)</script>
Jan  1 01:00:05 host qemu[77]: guest reset
";

/// A folder of its own, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn add(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.0.join(name), bytes).unwrap();
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The dump of a finding of our driver that reads through a null pointer.
fn dump() -> Vec<u8> {
    let ran = run(&["test", "drivers/buggy/null-pointer/null-pointer.sys", "--format", "json"]);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    let small = Scratch::new("small.dmp", b"");
    run(&["replay", told["findings"][0]["replay"].as_str().unwrap(), "--dump", small.path()]);
    std::fs::read(small.path()).unwrap()
}

fn incident(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.add("crash.dmp", dump());
    let read = |path: &str| std::fs::read(root().join(path)).unwrap();
    folder.add("null-pointer.sys", read("drivers/buggy/null-pointer/null-pointer.sys"));
    let inf = String::from_utf8(read("drivers/clean/pnp-interrupt/pnp-interrupt.inf")).unwrap();
    let inf = inf.replace("pnp-interrupt", "null-pointer").replace("PnpInterrupt", "NullPointer");
    folder.add("null-pointer.inf", inf);
    folder.add("setupapi.dev.log", SETUP);
    folder.add("messages", MESSAGES);
    folder.add("notes.bin", [0u8, 1, 2, 0xff]);
    folder
}

#[test]
fn a_folder_is_one_incident() {
    let folder = incident("incident");
    let page = Scratch::new("incident.html", b"");
    let arguments = ["explain", folder.path(), "--zone", "+01:00", "--html", page.path()];
    let ran = run(&arguments);
    assert_eq!((ran.status, ran.error.as_str()), (1, ""), "{}", ran.out);
    assert!(!ran.out.contains('\u{1b}'), "{}", ran.out);
    let harmless = |text: &str| text.replace(&format!("{}/", folder.path()), "FOLDER/");
    // The first line has the folder, however long that is.
    let (head, rest) = ran.out.split_once("\n\n").unwrap();
    assert!(head.contains("5 files in "), "{head}");
    golden::check("explain/incident.txt", rest).unwrap();
    let html = std::fs::read_to_string(page.path()).unwrap();
    assert!(
        !html.contains("<script>")
            && !html.contains('\u{1b}')
            && !html.contains("http-equiv=\"refresh")
    );
    golden::check("explain/incident.html", &harmless(&html)).unwrap();
    let ran = run(&["explain", folder.path(), "--zone", "+01:00", "--format", "json"]);
    let lines: Vec<Value> = ran.out.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    // One for each file that is of a known kind, and what they tell together.
    assert_eq!(lines.len(), 6);
    let told = lines.last().unwrap();
    assert_eq!(told["schema"], "bugcheck.incident.1");
    let text = serde_json::to_string_pretty(told).unwrap();
    golden::check("explain/incident.json", &harmless(&text)).unwrap();
}

#[test]
fn a_clock_that_is_not_known_is_said_to_be_so() {
    let folder = incident("unzoned");
    let ran = run(&["explain", folder.path()]);
    assert_eq!(ran.status, 1, "{}", ran.error);
    assert!(ran.out.contains("driver-of-dump-is-in-setup-log"), "{}", ran.out);
    assert!(ran.out.contains("it names no zone"), "{}", ran.out);
    for (flag, value) in [("--zone", "Middle/Earth"), ("--year", "12")] {
        let ran = run(&["explain", folder.path(), flag, value]);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{flag}");
    }
}

#[test]
fn everything_is_told_when_asked_for() {
    let folder = incident("full");
    let ran = run(&["explain", folder.path(), "--all", "--zone", "+01:00"]);
    // The files as they would be alone, and then what they tell together.
    let (files, together) = ran.out.split_once("5 files in ").unwrap();
    for word in ["Call stack, innermost first", "Section 1,", "What goes together", "Imports"] {
        assert_eq!(files.contains(word), word != "What goes together", "{word}");
    }
    assert!(together.contains("driver-of-dump-failed-to-install"));
}

/// A folder of dumps is a table of what they are, however many there are.
#[test]
fn many_dumps_are_a_table() {
    let folder = Folder::new("many");
    let dump = dump();
    for number in 0..40 {
        folder.add(&format!("{number}.dmp"), &dump);
    }
    let ran = run(&["explain", folder.path()]);
    assert_eq!((ran.status, ran.error.as_str()), (1, ""));
    assert!(ran.out.contains("     40  AV_null-pointer!unknown_function"), "{}", ran.out);
    assert!(ran.out.lines().count() < 40, "{}", ran.out);
    let ran = run(&["explain", folder.path(), "--format", "json"]);
    assert_eq!(ran.out.lines().count(), 40);
}

/// What lies beside one file that is known does not make it less worth telling.
#[test]
fn one_known_file_of_a_folder_is_told_in_full() {
    let folder = Folder::new("lonely");
    folder.add("crash.dmp", dump());
    folder.add("notes.bin", [0u8, 1, 2, 0xff]);
    let ran = run(&["explain", folder.path()]);
    assert!(ran.out.contains("Call stack, innermost first"), "{}", ran.out);
}
