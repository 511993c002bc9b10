//! `bugcheck disasm`: code out of dumps and images.

use crate::run;
use crate::scratch::Scratch;

const DRIVER: &str = "drivers/buggy/null-pointer/null-pointer.sys";

fn fails(arguments: &[&str], status: i32, says: &str) {
    let ran = run(&[&["disasm"], arguments].concat());
    assert_eq!((ran.status, ran.out.as_str()), (status, ""), "{arguments:?}");
    assert!(ran.error.contains(says), "{arguments:?}: {}", ran.error);
}

#[test]
fn an_image_and_a_dump_of_it_show_the_same_code() {
    let image = run(&["disasm", DRIVER, "DispatchRead"]);
    assert_eq!((image.status, image.error.as_str()), (0, ""));
    let head = "null-pointer!DispatchRead:  ; IRP_MJ_READ\n";
    assert!(image.out.starts_with(head), "{}", image.out);
    assert!(image.out.contains("driver.c:"), "{}", image.out);
    // Calls through the import table have their names.
    let entry = run(&["disasm", DRIVER, "DriverEntry"]);
    assert!(entry.out.contains("qword ptr [nt!IoCreateDevice]"), "{}", entry.out);

    let tested = run(&["test", DRIVER, "--format", "json"]);
    let tested: serde_json::Value = serde_json::from_str(&tested.out).unwrap();
    let token = tested["findings"][0]["replay"].as_str().unwrap();
    let dump = Scratch::new("crash.dmp", b"");
    run(&["replay", token, "--dump", dump.path()]);
    let from = "null-pointer!DispatchRead";
    let images = ["--images", "drivers/buggy/null-pointer"];
    let dumped = run(&[&["disasm", dump.path(), from], &images[..]].concat());
    assert_eq!((dumped.status, dumped.error.as_str()), (0, ""));
    // Addresses differ, relocated operands too; the instructions' bytes are the same where nothing was.
    let bytes = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_hexdigit()));
        lines.map(|line| line.split_whitespace().nth(1).unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(bytes(&dumped.out), bytes(&image.out));
    let end = format!("{from}+0x4");
    let part = run(&[&["disasm", dump.path(), from, end.as_str()], &images[..]].concat());
    let part = bytes(&part.out);
    assert!(!part.is_empty() && part.len() < bytes(&dumped.out).len());
    assert_eq!(part[..], bytes(&dumped.out)[..part.len()]);
}

#[test]
fn what_is_not_there_is_said() {
    fails(&[DRIVER, "NoSuchFunction"], 2, "no symbol that is known");
    fails(&[DRIVER, "other!DispatchRead"], 2, "no module other");
    fails(&[DRIVER, "DispatchRead", "DispatchRead"], 2, "does not lie behind");
    fails(&[DRIVER, "0x10"], 2, "no code is to be had");
    fails(&[DRIVER, "DispatchRead+xyz"], 2, "no offset");
    fails(&["README.md", "x"], 2, "MZ");
    fails(&["no-such-file", "x"], 2, "no-such-file");
}

const START_IO: &str = "drivers/clean/start-io/start-io.sys";

#[test]
fn a_whole_driver_is_listed_with_what_it_registers() {
    let all = run(&["disasm", START_IO]);
    assert_eq!((all.status, all.error.as_str()), (0, ""));
    for text in [
        "start-io!StartRead                DriverStartIo",
        "start-io!DispatchSucceed          IRP_MJ_CREATE, IRP_MJ_CLOSE",
        "start-io!DispatchRead:  ; IRP_MJ_READ",
        "section INIT at 140006000",
        "call    qword ptr [nt!IoAcquireCancelSpinLock]  ; acquires the cancel spin lock",
    ] {
        assert!(all.out.contains(text), "{text}: {}", all.out);
    }
    let init = run(&["disasm", START_IO, "--section", "INIT"]);
    assert!(init.out.contains("start-io!DriverEntry:  ; DriverEntry"), "{}", init.out);
    assert!(!init.out.contains("DispatchRead:"), "{}", init.out);
    fails(&[START_IO, "--section", "nix"], 2, "there is no section nix");
}

#[test]
fn a_loop_over_the_table_is_followed() {
    let all = run(&["disasm", "drivers/clean/device-failed/device-failed.sys"]);
    for text in [
        "DispatchPass        IRP_MJ_CREATE_NAMED_PIPE, IRP_MJ_READ and 21 others",
        "DispatchSucceed     IRP_MJ_CREATE, IRP_MJ_CLOSE, IRP_MJ_CLEANUP",
        "AddDevice           AddDevice",
    ] {
        assert!(all.out.contains(text), "{text}: {}", all.out);
    }
}

#[test]
fn other_syntaxes_and_json_hold_the_same_instructions() {
    let gas = run(&["disasm", START_IO, "DispatchRead", "DispatchRead+0x4", "--syntax", "gas"]);
    assert!(gas.out.contains("4883ec28               sub     $0x28,%rsp"), "{}", gas.out);
    let json = run(&["disasm", START_IO, "--format", "json"]);
    assert!(json.out.starts_with("{\"schema\":\"bugcheck.disasm.2\""), "{}", json.out);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let rows = json["instructions"].as_array().unwrap();
    let text = run(&["disasm", START_IO]);
    let lines = text.out.lines().filter(|line| line.starts_with("00000001"));
    assert_eq!(rows.len(), lines.count());
    assert_eq!(rows[0]["address"], "0x140001000");
    assert_eq!(json["driver"]["routines"][2]["roles"][0], "IRP_MJ_READ");
}

#[test]
fn objects_show_relocations_as_names() {
    const OBJECT: &str = "../shared/corpus/coff/objtest-pe-base.obj";
    if !std::path::Path::new("../../").join(OBJECT).is_file() {
        println!("SKIPPED: {OBJECT} is absent");
        return;
    }
    let main = run(&["disasm", OBJECT, "_main"]);
    for text in ["push    offset .data", "; \"Hello, world\"", "call    _printf"] {
        assert!(main.out.contains(text), "{text}: {} {}", main.out, main.error);
    }
    fails(&["../shared/corpus/coff/objtest-pe-base-GL.obj"], 3, "/GL");
}
