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
    assert!(image.out.starts_with("null-pointer!DispatchRead:\n"), "{}", image.out);
    assert!(image.out.contains("driver.c:"), "{}", image.out);
    // Calls through the import table have their names.
    let entry = run(&["disasm", DRIVER, "DriverEntry"]);
    assert!(entry.out.contains("; nt!IoCreateDevice"), "{}", entry.out);

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
