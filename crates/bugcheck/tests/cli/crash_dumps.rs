//! `bugcheck replay --dump` and `bugcheck explain`: what the bench writes it reads, and says the same.

use crate::scratch::Scratch;
use crate::{golden, root, run};
use serde_json::Value;

fn json(arguments: &[&str]) -> Value {
    let ran = run(&[arguments, &["--format", "json"]].concat());
    assert_eq!(ran.error, "", "{arguments:?}");
    serde_json::from_str(&ran.out).unwrap()
}

fn driver(name: &str) -> String {
    format!("drivers/buggy/{name}/{name}.sys")
}

/// The finding of a test of the driver, and its dumps, small and full.
fn crash(name: &str) -> (Value, Scratch, Scratch) {
    let finding = json(&["test", &driver(name)])["findings"][0].clone();
    let (small, full) = (Scratch::new("small.dmp", b""), Scratch::new("full.dmp", b""));
    let token = finding["replay"].as_str().unwrap();
    let ran = run(&["replay", token, "--dump", small.path(), "--full-dump", full.path()]);
    assert_eq!((ran.status, ran.error.as_str()), (1, ""), "{name}");
    (finding, small, full)
}

#[test]
fn a_dump_of_the_bench_gives_its_finding_back() {
    // A service finds out, an instruction faults, a handler is missing, nothing runs any more.
    for name in ["irp-double-completion", "null-pointer", "unhandled-exception", "pool-leak"] {
        let (finding, small, full) = crash(name);
        let images = format!("drivers/buggy/{name}");
        for dump in [&small, &full] {
            let told = json(&["explain", dump.path(), "--images", &images]);
            let [bench, own] = &told["findings"].as_array().unwrap()[..] else { panic!("{name}") };
            assert_eq!(bench, &finding, "{name}");
            for field in ["code", "name", "parameters"] {
                assert_eq!(own["bugcheck"][field], finding["bugcheck"][field], "{name} {field}");
            }
            assert!(told["missing"].as_array().unwrap().is_empty(), "{name}: {}", told["missing"]);
        }
    }
}

/// The stack, walked from registers and memory alone, leads to the line that the finding names.
#[test]
fn the_stack_of_a_dump_leads_to_the_line() {
    for name in ["irp-double-completion", "null-pointer", "pool-double-free", "wait-at-dispatch"] {
        let (finding, small, full) = crash(name);
        let places = finding["places"].as_array().unwrap();
        let place = places.iter().rev().find(|place| !place["line"].is_null()).unwrap();
        let images = format!("drivers/buggy/{name}");
        for dump in [&small, &full] {
            let told = json(&["explain", dump.path(), "--images", &images]);
            let module = format!("{name}.sys");
            assert_eq!(told["blame"]["module"], module.as_str());
            let stack = told["stack"].as_array().unwrap();
            let own =
                stack.iter().find(|frame| frame["spot"]["module"] == module.as_str()).unwrap();
            for field in ["file", "line", "function"] {
                assert_eq!(own["spot"][field], place[field], "{name} {field}");
            }
            assert_ne!(own["trust"], "scanned", "{name}");
        }
    }
}

#[test]
fn explanations_read_as_kept() {
    let mut wrong = Vec::new();
    for name in ["null-pointer", "pool-leak"] {
        let (_, small, _) = crash(name);
        let ran = run(&["explain", small.path(), "--images", "drivers/buggy"]);
        let text = ran.out.replace(small.path(), "small.dmp");
        wrong.extend(golden::check(&format!("explain/{name}.txt"), &text).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_folder_gives_a_line_for_each_dump_and_passes_over_what_is_none() {
    let (_, small, _) = crash("null-pointer");
    let folder = std::path::Path::new(small.path()).parent().unwrap();
    let other = folder.join("notes.txt");
    std::fs::write(&other, "no dump").unwrap();
    let ran = run(&["explain", folder.to_str().unwrap(), "--format", "json"]);
    std::fs::remove_file(&other).unwrap();
    assert_eq!((ran.status, ran.error.as_str(), ran.out.lines().count()), (1, "", 1));
    let told: Value = serde_json::from_str(ran.out.trim()).unwrap();
    assert_eq!(told["schema"], "bugcheck.explain.1");
}

/// What cannot be read of a folder is said, and the rest is explained all the same.
#[test]
fn a_folder_that_cannot_be_read_hides_no_other_file() {
    let (_, small, _) = crash("null-pointer");
    let folder = std::path::Path::new(small.path()).parent().unwrap();
    let (link, round) = (folder.join("a-link.dmp"), folder.join("round"));
    std::os::unix::fs::symlink(small.path(), &link).unwrap();
    std::os::unix::fs::symlink(folder, &round).unwrap();
    let missing = folder.join("missing").to_str().unwrap().to_owned();
    let ran = run(&["explain", &missing, folder.to_str().unwrap(), "--format", "json"]);
    // Folders that lie too deep for the system to name.
    let dig = "n=$(printf '%0250d' 0); for i in $(seq 20); do mkdir $n && cd -P $n || exit 1; done";
    let sh = |script: &str| {
        std::process::Command::new("sh").args(["-c", script]).current_dir(folder).status().unwrap()
    };
    assert!(sh(dig).success());
    let again = run(&["explain", folder.to_str().unwrap(), "--format", "json"]);
    assert!(sh("rm -r 0* a-link.dmp round").success());
    assert_eq!((ran.status, ran.out.lines().count()), (2, 2), "{}", ran.error);
    assert!(ran.error.contains("missing: it cannot be read"), "{}", ran.error);
    assert_eq!((again.status, again.out.lines().count()), (2, 2), "{}", again.error);
    assert!(again.error.contains("the folder cannot be read"), "{}", again.error);
}

#[test]
fn a_folder_without_a_dump_is_said_to_be_one() {
    let other = Scratch::new("notes.txt", b"no dump");
    let folder = std::path::Path::new(other.path()).parent().unwrap();
    let ran = run(&["explain", folder.to_str().unwrap()]);
    assert_eq!((ran.status, ran.out.as_str()), (3, ""));
    assert!(ran.error.contains("none of the 1 files"), "{}", ran.error);
}

#[test]
fn an_image_of_another_build_is_told_and_not_used() {
    let (_, small, _) = crash("null-pointer");
    let wrong = std::fs::read(root().join(driver("hang"))).unwrap();
    let folder = Scratch::new("null-pointer.sys", &wrong);
    let images = std::path::Path::new(folder.path()).parent().unwrap().to_str().unwrap();
    let told = json(&["explain", small.path(), "--images", images]);
    // The dump's own memory serves instead.
    let images = told["images"].as_array().unwrap();
    let own = images.iter().find(|image| image["module"] == "null-pointer.sys").unwrap();
    let outcome = own["outcome"].as_str().unwrap();
    assert!(outcome.contains("another build") && outcome.contains("out of the dump"), "{outcome}");
}

#[test]
fn what_is_no_dump_is_refused() {
    let ran = run(&["explain", "README.md"]);
    assert_eq!((ran.status, ran.out.as_str()), (3, ""));
    assert!(ran.error.contains("of no kind that is known"), "{}", ran.error);
    let ran = run(&["explain", "no-such-file.dmp"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    let cut = Scratch::new("cut.dmp", b"PAGEDU64");
    let ran = run(&["explain", cut.path()]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(ran.error.contains("offset"), "{}", ran.error);
    let ran = run(&["explain", "README.md", "--images", "no-such-folder"]);
    assert_eq!(ran.status, 2);
}
