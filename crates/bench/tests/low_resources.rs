//! Bugs that show only when a call fails for want of memory: what is told of the call, and the run
//! again.

mod common;

use bench::Token;

#[test]
fn the_call_that_fails_is_named_with_its_place() {
    for (name, service, text, function) in [
        (
            "pool-double-free-low-memory",
            "IoCreateSymbolicLink",
            "Status = IoCreateSymbolicLink(",
            "DriverEntry",
        ),
        (
            "irp-never-completed-low-memory",
            "ExAllocatePoolWithTag",
            "ExAllocatePoolWithTag(NonPagedPool, sizeof(MESSAGE) + Length",
            "DispatchWrite",
        ),
    ] {
        let driver = common::driver("buggy", name);
        let source = common::root().join(format!("drivers/buggy/{name}/driver.c"));
        let source = std::fs::read_to_string(source).unwrap();
        let line = source.lines().position(|line| line.contains(text)).unwrap() as u32 + 1;
        let report = common::test(&driver, &common::usual());
        assert_eq!(report.findings.len(), 1, "{name}");
        let finding = &report.findings[0];
        assert!(finding.scenario.contains(".fail-"), "{name}: {}", finding.scenario);
        let place = &finding.places[0];
        assert!(place.role.contains("the call that fails"), "{name}: {}", place.role);
        assert_eq!(place.stack[0].function.as_deref(), Some(service), "{name}");
        assert_eq!((place.line, place.function.as_deref()), (Some(line), Some(function)), "{name}");
        let token: Token = finding.replay.as_deref().unwrap().parse().unwrap();
        let again = bench::replay(&driver, &token).unwrap();
        assert_eq!(again.finding.as_ref(), Some(finding), "{name}");
        assert!(again.misfit.is_none(), "{name}");
    }
}
