//! Real small dumps, held against what other tools say of them.
//!
//! The files are not part of the project: `BUGCHECK_CORPUS`, or `../shared/corpus` beside the repository.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

use diagnosis::Nothing;
use diagnosis::crash::{Confidence, Crash, diagnose};
use evidence::crash_dump::Dump;
use finding::Trust;
use std::path::{Path, PathBuf};

fn explained(name: &str) -> Option<Crash> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let folder = std::env::var_os("BUGCHECK_CORPUS").map_or(beside, PathBuf::from);
    let path = folder.join("crash_dumps").join(name);
    let found = std::fs::read(&path);
    if let Err(error) = &found {
        println!("SKIPPED: {}: {error}", path.display());
    }
    let data = found.ok()?;
    let dump = Dump::parse(&data).expect("a dump");
    Some(diagnose(&dump, &Nothing))
}

#[test]
fn the_driver_that_faulted_is_blamed() {
    let Some(crash) = explained("rizin-triage_x64.dmp") else { return };
    let blame = crash.blame.as_ref().expect("blame");
    assert_eq!((blame.module.as_str(), blame.confidence), ("amdppm.sys", Confidence::High));
    assert_eq!(crash.bucket, "AV_amdppm!unknown_function");
    let origin = crash.origin.as_ref().expect("registers");
    assert!(origin.of_fault && origin.registers.pc == 0xffff_f804_8b58_334c);
    let exception = crash.exception.as_ref().expect("an exception record");
    assert_eq!(
        (exception.code, exception.parameters.as_slice()),
        (0xc000_0005, &[1, u64::MAX][..])
    );
    let current = crash.code.instructions.iter().find(|line| line.current).expect("code");
    assert_eq!(current.text, "mov     dword ptr [r9+r8],edx");
    let memory = crash.code.operands.iter().find(|it| it.name == "[r9+r8]").expect("an operand");
    assert_eq!(memory.value, 0xffff_9b00_0336_004c);
    assert_eq!(crash.system.process.as_deref(), Some("System"));
    assert_eq!(crash.system.crashed.as_deref(), Some("2021-02-21 01:38:22"));
    assert_eq!((crash.system.up_seconds, crash.system.verifier), (Some(3), Some(0)));
    assert!(crash.stack[1..].iter().all(|frame| frame.trust == Trust::Scanned));
    assert!(crash.stack.len() > 20);
}

#[test]
fn a_button_is_nobodys_fault() {
    let Some(crash) = explained("rizin-triage_arm64.dmp") else { return };
    assert_eq!(crash.blame, None);
    let current = crash.code.instructions.iter().find(|line| line.current).expect("code");
    assert_eq!(
        (current.address, current.text.as_str()),
        (0xffff_f803_f32d_e014, "add     x0, x19, #0x40")
    );
    assert_eq!(crash.explained.name, "MANUALLY_INITIATED_POWER_BUTTON_HOLD");
    let places: Vec<String> =
        crash.stack.iter().map(|frame| frame.spot.as_ref().expect("a module").text()).collect();
    assert_eq!(places[..3], ["nt+0x4de014", "nt+0x5442a0", "nt+0x29ff1c"]);
}
