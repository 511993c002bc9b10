//! `explain` on images, objects and libraries.

use crate::run;
use crate::scratch::Scratch;

const DRIVER: &str = "drivers/clean/start-io/start-io.sys";

/// File offset of the checksum field.
fn checksum_at(image: &[u8]) -> usize {
    u32::from_le_bytes(image[0x3c..0x40].try_into().unwrap()) as usize + 24 + 64
}

#[test]
fn a_driver_is_told_with_what_the_bench_has_of_it() {
    let ran = run(&["explain", DRIVER]);
    assert_eq!((ran.status, ran.error.as_str()), (0, ""));
    for text in [
        "start-io.sys: driver for x86-64",
        "ntoskrnl.exe",
        "IoCreateDevice",
        "exception table",
        "imports (100%)",
    ] {
        assert!(ran.out.contains(text), "{text}: {}", ran.out);
    }
    let ran = run(&["explain", DRIVER, "--format", "json"]);
    let it: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&it["schema"], &it["format"]), (&"bugcheck.explain.1".into(), &"image".into()));
    assert_eq!((&it["driver"], &it["bench"]["missing"]), (&true.into(), &0.into()));
    let routines: u64 =
        it["families"].as_object().unwrap().values().filter_map(|it| it.as_u64()).sum();
    let imports = it["imports"].as_array().unwrap().iter();
    let imports: usize = imports.map(|it| it["names"].as_array().unwrap().len()).sum();
    assert_eq!(routines, imports as u64);
}

#[test]
fn a_wrong_checksum_is_warned_of_and_is_no_finding() {
    let mut image = std::fs::read(crate::root().join(DRIVER)).unwrap();
    let at = checksum_at(&image);
    image[at] ^= 1;
    image[at + 1] |= 1;
    let changed = Scratch::new("changed.sys", &image);
    let ran = run(&["explain", changed.path()]);
    assert_eq!((ran.status, ran.error.as_str()), (0, ""));
    assert!(ran.out.contains("Warning: The checksum"), "{}", ran.out);
    let json = run(&["explain", changed.path(), "--format", "json"]);
    let it: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(it["checksum"]["fits"], false);
    // Put right by what it says, it is right.
    let right = u32::try_from(it["checksum"]["computed"].as_u64().unwrap()).unwrap();
    image[at..at + 4].copy_from_slice(&right.to_le_bytes());
    let mended = Scratch::new("mended.sys", &image);
    let ran = run(&["explain", mended.path()]);
    assert!(ran.out.contains(", right") && !ran.out.contains("The checksum"), "{}", ran.out);
}

#[test]
fn an_image_whose_headers_are_cut_off_is_an_error_with_its_place() {
    let image = std::fs::read(crate::root().join(DRIVER)).unwrap();
    let cut = Scratch::new("cut.sys", &image[..0x100]);
    let ran = run(&["explain", cut.path()]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(
        ran.error.contains("at file offset") && ran.error.contains("truncated"),
        "{}",
        ran.error
    );
}

/// An object of `/GL`: the header, and nothing of the compiler's own.
fn ltcg() -> Vec<u8> {
    let mut f = vec![0, 0, 0xff, 0xff, 1, 0, 0x64, 0x86, 0x78, 0x56, 0x34, 0x12];
    f.extend([0x38, 0xfe, 0xb3, 0x0c, 0xa5, 0xd9, 0xab, 0x4d]);
    f.extend([0xac, 0x9b, 0xd6, 0xb6, 0x22, 0x26, 0x53, 0xc2]);
    f.extend([0, 0, 0, 0]);
    f
}

#[test]
fn an_object_without_machine_code_says_what_to_do() {
    let file = Scratch::new("queue.obj", &ltcg());
    let ran = run(&["explain", file.path()]);
    assert_eq!((ran.status, ran.error.as_str()), (0, ""));
    // Where lines end depends on the path.
    let words = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for text in
        ["link-time code generation, for x86-64", "no machine code", "without /GL", "0CB3FE38-"]
    {
        assert!(words.contains(text), "{text}: {}", ran.out);
    }
    let ran = run(&["explain", file.path(), "--format", "json"]);
    let it: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&it["format"], &it["kind"]), (&"object".into(), &"anonymous".into()));
    assert_eq!(
        (&it["machine_code"], &it["link_time_code_generation"]),
        (&false.into(), &true.into())
    );
}

#[test]
fn a_library_tells_its_members() {
    let object = ltcg();
    let mut f = b"!<arch>\n".to_vec();
    let header =
        |name: &str, size: usize| format!("{name:<16}{:<12}{:<12}{:<8}{size:<10}`\n", 0, "", 0);
    f.extend(header("queue.obj/", object.len()).bytes());
    f.extend(&object);
    let names = b"KeSetEvent\0ntoskrnl.exe\0";
    f.extend(header("ntoskrnl.exe/", 20 + names.len()).bytes());
    f.extend([0, 0, 0xff, 0xff, 0, 0, 0x64, 0x86, 0, 0, 0, 0, names.len() as u8, 0, 0, 0]);
    f.extend([0, 0, 4, 0]);
    f.extend(names);
    let file = Scratch::new("some.lib", &f);
    let ran = run(&["explain", file.path()]);
    assert_eq!((ran.status, ran.error.as_str()), (0, ""));
    for text in
        ["Imports from ntoskrnl.exe (1)", "KeSetEvent", "queue.obj", "Without code: 1 members"]
    {
        assert!(ran.out.contains(text), "{text}: {}", ran.out);
    }
    let ran = run(&["explain", file.path(), "--format", "json"]);
    let it: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&it["format"], &it["kind"]), (&"library".into(), &"library".into()));
    assert_eq!(it["members"][1]["holds"]["symbol"], "KeSetEvent");
}
