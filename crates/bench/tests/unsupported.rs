//! What the bench lacks stops the run and is named with its place; nothing is guessed. The drivers
//! here are the repository's own with a name or an instruction changed.

mod common;

use bench::{Driver, Report, Verdict};
use pe::Image;
use symbols::Symbols;

const FUNCTION: &str = "DispatchWrite";

/// Offset of a function in the image.
fn rva(driver: &Driver, function: &str) -> u32 {
    let (symbols, _) = Symbols::load(&driver.image, driver.pdb.clone());
    symbols.function(function).unwrap_or_else(|| panic!("{}: no {function}", driver.path))
}

/// The driver with code put over the start of a function.
fn with_code(mut driver: Driver, function: &str, code: &[u8]) -> (Driver, u32) {
    let rva = rva(&driver, function);
    let offset = Image::parse(&driver.image).unwrap().file_offset(rva).unwrap();
    let offset = usize::try_from(offset).unwrap();
    driver.image[offset..offset + code.len()].copy_from_slice(code);
    (driver, rva)
}

/// The driver with an import renamed to something as long.
fn with_import(mut driver: Driver, name: &str, other: &str) -> Driver {
    assert_eq!(name.len(), other.len());
    let wanted = [name.as_bytes(), &[0]].concat();
    let at = driver.image.windows(wanted.len()).position(|bytes| bytes == wanted).unwrap();
    driver.image[at..at + other.len()].copy_from_slice(other.as_bytes());
    driver
}

fn test(driver: &Driver) -> Report {
    common::test(driver, &common::steady(2_000, 1))
}

/// The report of a driver about which nothing else can be said than what the bench lacks.
fn lacks(driver: &Driver) -> Report {
    let report = test(driver);
    assert_eq!(report.verdict, Verdict::Unsupported, "{:?}", report.findings);
    assert!(report.findings.is_empty());
    for lacking in &report.unsupported {
        assert!(common::is_sentence(&lacking.what), "{lacking:?}");
        assert!(!lacking.place.is_empty() && !lacking.scenario.is_empty(), "{lacking:?}");
    }
    report
}

#[test]
fn a_kernel_routine_that_the_bench_has_not() {
    let driver = common::driver("clean", "write-slot");
    let driver = with_import(driver, "KeInsertQueueDpc", "KeInsertQueueDpx");
    let report = lacks(&driver);
    let [lacking] = &report.unsupported[..] else { panic!("{:?}", report.unsupported) };
    assert!(lacking.what.contains("KeInsertQueueDpx"), "{lacking:?}");
    let source = common::root().join("drivers/clean/write-slot/driver.c");
    let source = std::fs::read_to_string(source).unwrap();
    let call = source.lines().position(|line| line.contains("KeInsertQueueDpc(")).unwrap();
    let place = format!("driver.c:{} {FUNCTION}", call + 1);
    assert!(lacking.place.ends_with(&place), "{place}: {lacking:?}");
}

/// Nothing is said against an import as long as nobody calls it.
#[test]
fn a_kernel_routine_that_nobody_calls_is_no_matter() {
    let driver = common::driver("clean", "write-slot");
    let driver = with_import(driver, "KeInsertQueueDpc", "KeInsertQueueDpx");
    let options = bench::Options { only: Some("open-close".to_owned()), ..common::steady(200, 1) };
    assert_eq!(common::test(&driver, &options).verdict, Verdict::Clean);
}

#[test]
fn a_kernel_routine_that_driver_entry_needs() {
    let driver = common::driver("clean", "write-slot");
    let driver = with_import(driver, "IoCreateDevice", "IoCreateDevise");
    let report = lacks(&driver);
    let [lacking] = &report.unsupported[..] else { panic!("{:?}", report.unsupported) };
    assert!(lacking.what.contains("IoCreateDevise"), "{lacking:?}");
    assert!(lacking.place.contains("DriverEntry"), "{lacking:?}");
    assert_eq!(lacking.scenario, "load");
}

#[test]
fn an_instruction_that_the_bench_has_not() {
    for (code, mnemonic) in [
        (&[0x66, 0x0f, 0x38, 0xdc, 0xc1][..], "aesenc"),
        (&[0xc5, 0xf8, 0x58, 0xc1][..], "vaddps"),
        (&[0x0f, 0x01, 0xc1][..], "vmcall"),
    ] {
        let (driver, rva) = with_code(common::driver("clean", "write-slot"), FUNCTION, code);
        let report = lacks(&driver);
        let [lacking] = &report.unsupported[..] else { panic!("{:?}", report.unsupported) };
        assert!(lacking.what.contains(mnemonic), "{lacking:?}");
        assert!(lacking.what.contains(&format!("+{rva:#x}")), "{rva:#x}: {lacking:?}");
        assert!(lacking.place.ends_with(FUNCTION), "{lacking:?}");
    }
}

#[test]
fn what_is_lacking_comes_again_from_its_schedule() {
    let code = [0x66, 0x0f, 0x38, 0xdc, 0xc1];
    let (driver, _) = with_code(common::driver("clean", "write-slot"), FUNCTION, &code);
    let report = lacks(&driver);
    let token = bench::Token {
        device: String::new(),
        with: Vec::new(),
        installed: None,
        hash: bench::image_hash(&driver.image),
        scenario: report.unsupported[0].scenario.clone(),
        schedule: schedule::Schedule::default(),
        path: driver.path.clone(),
    };
    let replayed = bench::replay(&driver, &token).unwrap();
    assert_eq!(replayed.unsupported.as_ref(), report.unsupported.first());
    assert_eq!(replayed.finding, None);
}

/// What the bench lacks on one path does not keep it from finding what is wrong on another.
#[test]
fn findings_come_before_what_is_lacking() {
    let driver = common::driver("buggy", "spinlock-not-owned");
    let (driver, _) = with_code(driver, FUNCTION, &[0x66, 0x0f, 0x38, 0xdc, 0xc1]);
    let report = test(&driver);
    assert_eq!(report.verdict, Verdict::Findings);
    assert_eq!(report.findings[0].rule, "spinlock-not-owned");
    assert_eq!(report.unsupported.len(), 1, "{:?}", report.unsupported);
}

#[test]
fn an_endless_loop_is_told_with_its_place() {
    let (driver, rva) = with_code(common::driver("clean", "write-slot"), FUNCTION, &[0xeb, 0xfe]);
    let options = bench::Options { only: Some("write-lengths".to_owned()), ..common::steady(4, 1) };
    let report = common::test(&driver, &options);
    assert_eq!(report.verdict, Verdict::Findings, "{:?}", report.unsupported);
    let finding = &report.findings[0];
    assert_eq!(finding.rule, "no-progress");
    let place = finding.places.first().unwrap();
    assert_eq!(place.function.as_deref(), Some(FUNCTION));
    assert_eq!(place.rva, u64::from(rva));
    assert!(place.line.is_some() && place.file.as_ref().unwrap().ends_with("driver.c"));
}

#[test]
fn a_loop_in_driver_entry_ends_too() {
    let (driver, _) =
        with_code(common::driver("clean", "write-slot"), "DriverEntry", &[0xeb, 0xfe]);
    let report = test(&driver);
    assert_eq!(report.findings.first().map(|finding| finding.rule.as_str()), Some("no-progress"));
}

/// Jumping to nowhere and stopping are the driver's faults, not the bench's.
#[test]
fn code_that_runs_away_is_the_drivers_fault() {
    for (code, rules) in [
        // xor eax, eax; jmp rax
        (&[0x31, 0xc0, 0xff, 0xe0][..], &["null-pointer"][..]),
        // ud2
        (&[0x0f, 0x0b][..], &["stop-instruction"][..]),
        // int3
        (&[0xcc][..], &["stop-instruction"][..]),
    ] {
        let (driver, _) = with_code(common::driver("clean", "write-slot"), FUNCTION, code);
        let report = test(&driver);
        assert_eq!(report.verdict, Verdict::Findings, "{code:x?}: {:?}", report.unsupported);
        let rule = report.findings[0].rule.as_str();
        assert!(rules.contains(&rule), "{code:x?}: {rule}: {}", report.findings[0].title);
    }
}

/// Random bytes in place of a function: the bench comes to some verdict, and never breaks.
#[test]
fn random_code_never_breaks_the_bench() {
    let mut dice = schedule::Rng(3);
    for round in 0..60 {
        let code: Vec<u8> = (0..24).map(|_| dice.below(256) as u8).collect();
        let (driver, _) = with_code(common::driver("clean", "write-slot"), FUNCTION, &code);
        let options = bench::Options {
            only: Some("read-write".to_owned()),
            bound: 0,
            ..common::steady(20, 1)
        };
        let report = common::test(&driver, &options);
        let internal = report.findings.iter().find(|f| f.blame == finding::Blame::Internal);
        assert_eq!(internal, None, "round {round}: {code:x?}");
    }
}

/// Data that is run.
#[test]
fn running_the_stack_is_the_drivers_fault() {
    // jmp rsp
    let (driver, _) = with_code(common::driver("clean", "write-slot"), FUNCTION, &[0xff, 0xe4]);
    let report = test(&driver);
    assert_eq!(report.verdict, Verdict::Findings, "{:?}", report.unsupported);
    assert_eq!(report.findings[0].blame, finding::Blame::Driver);
}
